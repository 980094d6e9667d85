"""Recall: what each agent imagines when it hears each sign, and what one draws of what another says (Taniguchi et al. 2023).

A game whose agents imagine has a function `imagine(world)`: of one seed's world, for each agent an array [k ...], the view that it has in
mind when it hears each of k signs. The scenes of its exams have `views`: arrays [n g ...], what each agent sees of n things.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from semiosis import metrics
from semiosis.errors import UsageError
from semiosis.runs import loop
from semiosis.runs.evaluate import KEY, examine
from semiosis.runs.session import Trained


class Recall(NamedTuple):
    """Of one seed: `pictures` [a k h w c] in [0, 1], what agents imagine of each sign, and `signs` [a n], what they say of a split.

    `labels` [n] are the classes of the things, None where they have none. Of some things, at the places `chosen` [m], `seen` [a m h w c] is
    each agent's view.
    """

    pictures: np.ndarray
    signs: np.ndarray
    labels: np.ndarray | None
    chosen: np.ndarray
    seen: np.ndarray

    @property
    def used(self) -> np.ndarray:
        """How often each agent says each sign [a k]."""
        return np.stack([np.bincount(own, minlength=self.pictures.shape[1]) for own in self.signs])

    @property
    def drawn(self) -> np.ndarray:
        """What each listener imagines of what each speaker says of the chosen things [speaker listener m h w c]."""
        return np.stack([self.pictures[:, said] for said in self.signs[:, self.chosen]])


def recall(trained: Trained, place: int, split: str, some: int = 8) -> Recall:
    """Recall of the seed at `place` among those of a run, on a split; `some` things are looked at, of as many classes as there are.

    Raises UsageError where a game imagines nothing, a message is more than a sign, or agents do not see images of one shape.
    """
    imagine = getattr(trained.game, "imagine", None)
    if imagine is None:
        raise UsageError(f"the agents of {trained.run.record['game']} imagine nothing when they hear a message, as those of naming do")
    world = loop.unstack(trained.worlds, place)
    language = examine(trained.experiment, split, world).language
    if language is None or language.signs is None:
        raise UsageError(f"recall needs messages of one sign, and those of {trained.run.path} are longer")
    label = language.about.get("label")
    chosen = _some(label, language.signs.shape[1], some)
    scene: Any = trained.experiment.exams[split].scenes(jnp.int32(0), loop.nature_key(loop.seed_key(KEY)))
    views = [np.asarray(view[chosen, i]) for view in scene.views for i in range(view.shape[1])][: len(language.signs)]
    shapes = list(dict.fromkeys(view.shape[1:] for view in views))
    if len(shapes) > 1 or len(shapes[0]) != 3:
        told = " and ".join(" x ".join(map(str, shape)) if len(shape) == 3 else f"vectors of {shape[0]}" for shape in shapes)
        raise UsageError(f"recall draws images of one shape, and the agents of {trained.run.path} see {told}")
    pictures = [np.asarray(picture) for picture in jax.device_get(imagine(world))][: len(views)]
    pictures = np.stack([picture.reshape(len(picture), *shapes[0]) for picture in pictures])  # images may be learned as vectors
    return Recall(pictures, language.signs, label, chosen, np.stack(views))


def _some(labels: np.ndarray | None, n: int, some: int) -> np.ndarray:
    """The places of a few things: the first of each class, in the order of classes, then others; without classes the first of all."""
    if labels is None:
        return np.arange(min(some, n))
    first = np.unique(labels, return_index=True)[1]
    chosen = np.concatenate([first, np.setdiff1d(np.arange(n), first)])[:some]
    return chosen[np.argsort(labels[chosen], kind="stable")]


def summary(found: Recall, classes: Sequence[str], order: Sequence[int]) -> list[dict[str, Any]]:
    """Each sign, in an order: how often each agent says it and, where there are classes, the one that it mostly names.

    `class` is that of all agents together, `share` how much of what they call by the sign is of it, `class_of` that of each agent; of a
    sign that nobody says, they are None.
    """
    who, used = [metrics.agent(i) for i in range(len(found.signs))], found.used

    def mostly(labels: np.ndarray) -> tuple[str | None, float | None]:
        if not len(labels):
            return None, None
        times = np.bincount(labels)
        best = int(times.argmax())
        return classes[best] if classes else str(best), float(times[best] / len(labels))

    rows = []
    for sign in order:
        row: dict[str, Any] = {"sign": int(sign), "said": {name: int(times[sign]) for name, times in zip(who, used, strict=True)}}
        if found.labels is not None:
            named = [found.labels[own == sign] for own in found.signs]
            row["class"], row["share"] = mostly(np.concatenate(named))
            row["class_of"] = {name: mostly(own)[0] for name, own in zip(who, named, strict=True)}
        rows.append(row)
    return rows
