"""Classes that are kept out of training, to be met for the first time when agents are judged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import jax
import numpy as np

from semiosis.errors import UsageError, unknown
from semiosis.scenes.types import Data, Split

USUAL = ("train", "valid", "test")


def withhold(data: Data, names: Sequence[str]) -> Data:
    """The data without things of the classes `names` in train, valid and test: these, from all three, are the split `out_of_domain`.

    Where classes are described, those who choose in a split choose among its own. Raises UsageError where a name is no class, too few
    would be left, classes have no labels or names, or the data has such a split already.
    """
    if "out_of_domain" in data.splits:
        raise UsageError(f"{data.name!r} holds classes out already: its split out_of_domain has them")
    if any(data.splits[part].labels is None for part in USUAL if part in data.splits):
        raise UsageError(f"withheld needs labels, and {data.name!r} has none")
    if not data.classes:
        raise UsageError(f"withheld names classes, and those of {data.name!r} have no names: add ',descriptions=FILE.csv'")
    for name in names:
        if name not in data.classes:
            raise unknown(f"class of {data.name!r}", name, data.classes)
    out = np.array(sorted({data.classes.index(name) for name in names}))
    if len(out) >= len(data.classes) - 1:
        left = f"{len(data.classes) - len(out)} of the {len(data.classes)} classes of {data.name!r}"
        raise UsageError(f"withheld leaves {left} to train on: expected 2 or more")
    splits, gone = dict(data.splits), []
    for part in USUAL:
        if part in splits:
            labels = splits[part].labels
            assert labels is not None
            there = np.isin(labels, out)
            gone.append(_rows(splits[part], there))
            splits[part] = _rows(splits[part], ~there)
            if not len(splits[part].inputs):
                raise UsageError(f"withheld leaves nothing of the split {part} of {data.name!r}")
    splits["out_of_domain"] = _joined(gone)
    if not len(splits["out_of_domain"].inputs):
        what = f"class {names[0]}" if len(out) == 1 else f"classes {', '.join(names)}"
        raise UsageError(f"withheld finds nothing of the {what} in {data.name!r}")
    digest = hashlib.sha256(f"{data.fingerprint} without {out.tolist()}".encode()).hexdigest()
    if data.descriptions is None:
        return replace(data, splits=splits, fingerprint=digest)
    everything = np.arange(len(data.descriptions.texts))
    candidates = {part: np.setdiff1d(data.descriptions.candidates.get(part, everything), out) for part in USUAL if part in splits}
    texts = data.descriptions._replace(candidates={**data.descriptions.candidates, **candidates, "out_of_domain": out})
    return replace(data, splits=splits, descriptions=texts, fingerprint=digest)


def _rows(split: Split, chosen: np.ndarray) -> Split:
    """Some of the examples of a split."""
    return jax.tree.map(lambda x: x[chosen], split)


def _joined(parts: Sequence[Split]) -> Split:
    """Splits one behind the other."""
    return jax.tree.map(lambda *x: np.concatenate(x), *parts)
