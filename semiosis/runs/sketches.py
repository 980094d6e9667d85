"""What a run draws: the games of an exam, as they were played, with the photos they were about."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from semiosis import channels
from semiosis.errors import UsageError, unknown
from semiosis.populations import pick
from semiosis.runs import loop
from semiosis.runs.evaluate import KEY
from semiosis.runs.gamelogs import Games
from semiosis.runs.session import Trained
from semiosis.types import Play, Scenes, World


def of(trained: Trained, place: int, split: str, *, receiver: Trained | None = None) -> Games:
    """The games that the first pair of the seed at `place` plays on a split; the receiver may be of another run, of the same place.

    Raises UsageError where a game does not draw photos, or there is no such split.
    """
    experiment = trained.experiment
    if not draws(trained):
        raise UsageError(f"{trained.run.path} has no sketches of photos: expected a run of sketch")
    if split not in experiment.exams:
        raise unknown("split", split, experiment.exams)
    exam, key = experiment.exams[split], loop.seed_key(KEY)
    pair = loop.unstack(trained.worlds, place)
    if receiver is not None:
        second = experiment.roles[1]
        pair = pair._replace(**{second: getattr(loop.unstack(receiver.worlds, place), second)})
    pair = pair._replace(**{role: pick(getattr(pair, role), 0) for role in experiment.roles})
    batches = [jax.device_get(_played(experiment.play, exam.scenes, pair, jnp.int32(batch), key)) for batch in range(exam.batches)]
    found: dict[str, Any] = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    counted = found.pop("weight") > 0
    info = {name: values[counted] for name, values in found.items()}
    part = trained.data.splits[split.split("/")[0]]
    photos, labels, middle = part.inputs, part.labels, (part.inputs.shape[1] - info["said"].shape[1]) // 2
    if middle > 0:  # photos are larger than the canvas: what agents see is the middle
        side = info["said"].shape[1]
        photos = photos[:, middle : middle + side, middle : middle + side]
    sketches = np.clip(info["said"], 0.0, 1.0)
    classes = trained.data.classes
    return Games(sketches, info["index"], info["pool"], info["target"], info["guess"], info["scores"], photos, labels, classes)


def draws(trained: Trained) -> bool:
    """Whether the game of a run draws photos."""
    return hasattr(trained.game, "strokes_of")


@eqx.filter_jit
def _played(play: Play, scenes: Scenes, pair: World, batch: Int[Array, ""], key: PRNGKeyArray) -> dict[str, Array]:
    """The parts of a batch of episodes that games are made of."""
    episode = play(pair, scenes(batch, loop.nature_key(key)), loop.turn_key(key, batch), channels.clear)
    known = {name: episode.info[name] for name in ("index", "pool", "scores", "weight")}
    return known | {"said": episode.said[0].message, "target": episode.target, "guess": episode.guess}
