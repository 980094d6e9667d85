"""What was said about what, and the measures of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from semiosis import metrics
from semiosis.metrics.value import Value

MOST_MESSAGES = 2000  # of which topographic similarity is computed
MOST_PERMUTED = 1000  # of which its null is computed
PERMUTATIONS = 50  # of a null


class Language(NamedTuple):
    """What was said about what: `tokens` [a n t], `lengths` [a n]; of each its `input` [n d] and, where known, label and attributes.

    `latent` [a n z] is what each speaker made of what it saw, None where a game does not tell; `symbols` is how many there are to say.
    Where messages are rows of bits, `code` [a n t d], each different row is a symbol.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    about: dict[str, np.ndarray]
    latent: np.ndarray | None = None
    symbols: int = 0
    code: np.ndarray | None = None

    @property
    def signs(self) -> np.ndarray | None:
        """What each speaker calls each example [a n], where every message is one symbol; else None."""
        return self.tokens[:, :, 0] if self.tokens.shape[2] == 1 and (self.lengths == 1).all() else None


def language_of(batches: Sequence[dict[str, Any]]) -> Language | None:
    """The messages of all batches, in the order they were said; of examples that passes repeat, the first time.

    None where messages are not made of symbols or bits: of images and numbers there is no language to measure.
    """
    if not all("language" in batch for batch in batches):
        return None
    if not all(np.isin(batch["language"]["code"], (0.0, 1.0)).all() for batch in batches if "code" in batch["language"]):
        return None
    lengths = np.concatenate([batch["language"]["lengths"] for batch in batches], axis=1)
    about = {k: np.concatenate([batch["about"][k][0] for batch in batches]) for k in batches[0]["about"]}
    # of examples that passes repeat, or that fill up a batch, the first time
    first = np.sort(np.unique(about["index"], return_index=True)[1]) if "index" in about else np.arange(lengths.shape[1])
    told = [k for k in ("tokens", "latent", "code") if k in batches[0]["language"]]
    parts = {k: np.concatenate([batch["language"][k] for batch in batches], axis=1)[:, first] for k in told}
    about, lengths = {k: v[first] for k, v in about.items()}, lengths[:, first]
    if "code" not in parts:
        return Language(parts["tokens"], lengths, about, parts.get("latent"), int(np.max(batches[0]["language"]["symbols"])))
    code = parts["code"]
    words, tokens = np.unique(code.reshape(-1, code.shape[-1]), axis=0, return_inverse=True)
    return Language(tokens.reshape(code.shape[:-1]), lengths, about, symbols=len(words), code=code)


def describe(language: Language, *, null: bool = False) -> dict[str, Value]:
    """Measures of a language: means over speakers of those that belong to one speaker.

    `null` adds what they would be if messages were given to other examples, of the first speaker.
    """
    found: list[dict[str, Value]] = []
    for tokens, lengths in zip(language.tokens, language.lengths, strict=True):
        found.append({
            "messages": metrics.distinct(tokens, lengths),
            "message_entropy": metrics.message_entropy(tokens, lengths),
            "active_symbols": metrics.active_symbols(tokens, lengths),
            "length": metrics.mean_length(tokens, lengths),
            **_structure(tokens, lengths, language.about),
        })  # fmt: skip
    means = {title: mean([own[title] for own in found]) for title in found[0]}
    if len(found) > 1:
        means["synchrony"] = metrics.synchrony(language.tokens, language.lengths, bootstrap=0)
    if null:
        some = _structure(language.tokens[0], language.lengths[0], language.about, null=True)
        if len(found) > 1:
            few = slice(None, MOST_PERMUTED)
            rule = {"null": True, "permutations": PERMUTATIONS, "bootstrap": 0}
            some["synchrony"] = metrics.synchrony(language.tokens[:, few], language.lengths[:, few], **rule)
        means |= {title: _with_null(means[title], value) for title, value in some.items()}
    if language.tokens.shape[2] == 1:
        means |= metrics.naming(language.tokens[:, :, 0], language.about.get("label"), language.latent)
    return means


def _structure(tokens: np.ndarray, lengths: np.ndarray, about: dict[str, np.ndarray], *, null: bool = False) -> dict[str, Value]:
    """What relates messages to what they are about: measures that have a null.

    Pairs of examples are too many to permute all; what is counted in bits depends on their number, and is of all of them.
    """
    rule: dict[str, Any] = {"null": null, "permutations": PERMUTATIONS}
    some = slice(None, MOST_PERMUTED if null else MOST_MESSAGES)
    found = {"topsim": metrics.topsim(tokens[some], about["input"][some], lengths[some], **rule)}
    if "attributes" in about:
        apart = metrics.attribute_distances(about["attributes"][some])
        found["topsim_attributes"] = metrics.topsim(tokens[some], apart, lengths[some], **rule)
        found["posdis"] = metrics.posdis(tokens, about["attributes"], lengths, **rule)
        found["bosdis"] = metrics.bosdis(tokens, about["attributes"], lengths, **rule)
    if "label" in about:
        found["label_bits"] = metrics.mutual_information(tokens, about["label"], lengths, **rule)
    return found


def _with_null(value: Value, some: Value) -> Value:
    """A measure with the null of some of its messages."""
    if value.value is None or some.null is None:
        return value
    told = f"null: {PERMUTATIONS} permutations of {some.n:,} messages of the first speaker"
    return value._replace(null=some.null, null_high=some.null_high, how=f"{value.how}; {told}")


def mean(values: Sequence[Value]) -> Value:
    """The mean of those that are defined."""
    known = [value.value for value in values if value.value is not None]
    return values[0]._replace(value=float(np.mean(known))) if known else values[0]
