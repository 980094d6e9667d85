"""Recall: what each agent imagines when it hears each sign, and what one draws of what another says (Taniguchi et al. 2023)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from semiosis import metrics
from semiosis.errors import UsageError
from semiosis.runs import loop
from semiosis.runs.evaluate import KEY, Finding, examine
from semiosis.runs.session import Trained


class Recall(NamedTuple):
    """Of one seed: `pictures` [a k h w c] in [0, 1], what agents imagine of each sign; `used` [a k], how often they say it.

    Of some things of the split: `seen` [a m h w c], each agent's view, and `sign` [a m], what it says; `finding` is the whole exam.
    """

    pictures: np.ndarray
    used: np.ndarray
    seen: np.ndarray
    sign: np.ndarray
    finding: Finding


def recall(trained: Trained, place: int, split: str, some: int = 8) -> Recall:
    """Recall of the seed at `place`, and of the first things of each class (or the first of all) of a split.

    Raises UsageError where a game imagines nothing, or agents do not see images of one shape.
    """
    name = trained.run.record["game"]
    if not hasattr(trained.game, "imagine"):
        raise UsageError(f"the agents of {name} imagine nothing when they hear a message: recall is for games such as naming")
    world = loop.unstack(trained.worlds, place)
    pictures = [np.asarray(picture) for picture in trained.game.imagine(world)]  # type: ignore[attr-defined]
    if any(picture.ndim != 4 or picture.shape != pictures[0].shape for picture in pictures):
        shapes = ", ".join(" x ".join(map(str, picture.shape[1:])) for picture in pictures)
        raise UsageError(f"recall draws images of one shape, and the agents of {trained.run.path} imagine {shapes}")
    finding = examine(trained.experiment, split, world, whole=True)
    assert finding.language is not None
    sign = finding.language.tokens[:, :, 0]
    used = np.stack([np.bincount(one, minlength=len(pictures[0])) for one in sign])
    chosen = _some(finding.language.about.get("label"), sign.shape[1], some)
    scene: Any = trained.experiment.exams[split].scenes(jnp.int32(0), loop.nature_key(loop.seed_key(KEY)))
    seen = jax.device_get(jnp.concatenate([jnp.moveaxis(view[chosen], 1, 0) for view in scene.views]))
    return Recall(np.stack(pictures), used, seen, sign[:, chosen], finding)


def _some(labels: np.ndarray | None, n: int, some: int) -> np.ndarray:
    """The places of a few things, of as many classes as there are."""
    if labels is None:
        return np.arange(min(some, n))
    first = np.unique(labels, return_index=True)[1]
    return np.sort(np.concatenate([first, np.setdiff1d(np.arange(n), first)])[:some])


def told(found: Recall, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Each sign, how often each agent says it, and the class that it mostly names for each."""
    assert found.finding.language is not None
    labels = found.finding.language.about.get("label")
    rows = []
    for sign in range(found.used.shape[1]):
        row: dict[str, Any] = {"sign": sign}
        for i, one in enumerate(found.finding.language.tokens[:, :, 0]):
            row |= {f"said@{metrics.agent(i)}": int(found.used[i, sign])}
            if labels is not None and classes:
                own = labels[one == sign]
                row |= {f"class@{metrics.agent(i)}": classes[np.bincount(own).argmax()] if len(own) else None}
        rows.append(row)
    return rows
