"""One batch of an exam as one compiled program: every speaker with every listener, whatever is done to their messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from semiosis import channels
from semiosis.errors import unknown
from semiosis.populations import pick, size
from semiosis.runs import loop
from semiosis.types import Channel, Episode, Exam, Experiment, Mean, Play, Scenes, Tampering, World

MOST_AGENTS = 10  # of each role; the paper evaluates min(N, 10)
MOST_PICTURES = 1024  # that are kept of an exam, for what they look like
KEY = 0  # every seed and every run meets the same exam


def _rows(channel: Any) -> Channel:
    """The channel on one-hot rows [n t v], and nothing on messages of another shape."""
    return lambda message, key: channel(message, key) if message.ndim == 3 else message


def _plain() -> Tampering:
    symbols = channels.symbols()
    return Tampering({name: _rows(way) for name, way in symbols.ways.items()}, lambda place: _rows(channels.replace(place)))


PLAIN = _plain()  # for a game that says nothing of its messages


@eqx.filter_jit
def sitting(
    play: Play,
    roles: tuple[str, ...],
    scenes: Scenes,
    tampering: Tampering | None,
    world: World,
    batch: Int[Array, ""],
    key: PRNGKeyArray,
    kind: Int[Array, ""],
    place: Int[Array, ""],
    whole: bool,
) -> dict[str, Any]:
    """One batch of an exam: totals over examples of each pair [a b], of the vote of the listeners [a], and what was said.

    `kind` is what is done to messages, the number of one of `channels.kinds`, and `place` where, or how many examples further they go: one
    program for all of them. Where `tampering` is None, nothing is done. A `whole` exam keeps images, and what the first listener answers.
    """
    scene = scenes(batch, loop.nature_key(key))
    turn = loop.turn_key(key, batch)
    channel = channels.clear
    if tampering is not None:
        channel = channels.tampered(tampering, kind, place, jax.random.fold_in(turn, 2**31 - 1))  # no agent has this number

    def meet(pair: World, place: Int[Array, ""]) -> Episode:
        return play(pair, scene, jax.random.fold_in(turn, place), channel)

    if not roles:
        alone = jax.tree.map(lambda x: x[None], meet(world, jnp.int32(0)))
        return jax.tree.map(lambda x: x[None], _reading(alone, whole))
    first, others = roles[0], roles[1:]
    axes = type(world)(**{role: 0 if role in others else None for role in world._fields})

    def speaker(place: Int[Array, ""]) -> Any:
        pair = world._replace(**{first: pick(getattr(world, first), place)})
        if not others:
            return _reading(jax.tree.map(lambda x: x[None], meet(pair, place)), whole)
        return _reading(jax.vmap(meet, in_axes=(axes, None), axis_size=size(getattr(world, others[0])))(pair, place), whole)

    return jax.lax.map(speaker, jnp.arange(size(getattr(world, first))))


def _total(values: Array, episode: Episode) -> Mean:
    """Totals over examples [b] of values [b n], with how many they are; one that only fills up a batch does not count."""
    weight = jnp.broadcast_to(episode.info.get("weight", jnp.ones(())), values.shape)
    return Mean(jnp.sum(values * weight, axis=-1), jnp.sum(weight, axis=-1))


def _reading(episode: Episode, whole: bool) -> dict[str, Any]:
    """What is kept of the episodes of one speaker with all listeners (leading axis b); images and answers only of the `whole` exam."""
    out: dict[str, Any] = {"loss": _total(episode.loss, episode), "size": jnp.int32(episode.loss.shape[-1])}
    out |= {name: _total(values, episode) for name, values in episode.figures.items()}
    if episode.reward is not None:
        out["reward"] = _total(episode.reward, episode)
    correct = _correct(episode)
    if correct is not None:
        out["accuracy"] = _total(correct, episode)
    if "scores" in episode.info and correct is not None:
        voted = jnp.argmax(jax.nn.softmax(episode.info["scores"]).mean(0), axis=-1)
        alike = (voted == episode.target[0].reshape(voted.shape)).astype(jnp.float32)
        first = jax.tree.map(lambda x: x[0], episode)
        out["accuracy_vote"] = _total(alike, first)
    said = episode.said[0]
    if "code" in episode.info:
        out["language"] = {"code": episode.info["code"][0], "lengths": said.length[0]}
    elif said.message.ndim == 4:  # symbols: b n t v
        out["language"] = {"tokens": jnp.argmax(said.message[0], axis=-1), "lengths": said.length[0]}
        out["language"]["symbols"] = jnp.int32(said.message.shape[-1])
        if "latent" in episode.info:
            out["language"]["latent"] = episode.info["latent"][0]
    if said.message.ndim == 5 and whole and "pool" not in episode.info:  # images of messages, and not of photos: b n h w c
        out["pictures"] = {"said": said.message[0, :MOST_PICTURES], "guess": episode.guess[:, :MOST_PICTURES]}
        out["pictures"]["meant"] = episode.target[0, :MOST_PICTURES]
        if "heard" in episode.info:
            out["pictures"]["heard"] = episode.info["heard"][0, :MOST_PICTURES]
        if "level" in episode.info:
            out["pictures"]["level"] = episode.info["level"][0, :MOST_PICTURES]
        if "symbols" in episode.info:
            out["pictures"]["symbols"] = episode.info["symbols"][0].max()
    if said.entropy is not None:
        last = said.length[0][:, None] - ("code" in episode.info)  # of symbols, the end is a choice as well
        spoken = jnp.arange(said.entropy.shape[2]) <= last
        weight = episode.info.get("weight", jnp.ones(said.length.shape))[0, :, None]
        out["entropy"] = Mean(jnp.sum(said.entropy[0] * weight), jnp.sum(spoken * weight))
    out["about"] = {k: episode.info[k][0] for k in ("input", "label", "attributes", "index") if k in episode.info}
    if whole:
        out["answer"] = {"weight": jnp.broadcast_to(episode.info.get("weight", jnp.ones(())), episode.loss.shape)[0]}
        out["answer"] |= {"scores": episode.info["scores"][0]} if "scores" in episode.info else {}
        out["answer"] |= {"guess": episode.guess[0]} if jnp.issubdtype(episode.guess.dtype, jnp.integer) else {}
    return out


def _correct(episode: Episode) -> Array | None:
    """The share of each guess that is right [b n]; None where a guess is not right or wrong."""
    if "correct" in episode.info:
        return episode.info["correct"]
    if jnp.issubdtype(episode.guess.dtype, jnp.integer) and episode.guess.shape == episode.target.shape:
        right = (episode.guess == episode.target).astype(jnp.float32)
        return right.reshape(*right.shape[:2], -1).mean(-1)
    return None


# ---------------------------------------------------------------------------------------------------------------- asking


class Asked(NamedTuple):
    """An exam of one seed's world, of which any batch may be played, with anything done to its messages."""

    play: Play
    roles: tuple[str, ...]
    exam: Exam
    tampering: Tampering | None
    world: World
    whole: bool

    def __call__(self, batch: int, kind: str = "clear", place: int = 1) -> dict[str, Any]:
        """What came of a batch, on the device; `kind` is one of `channels.kinds`."""
        number = channels.kinds(self.tampering).index(kind) if self.tampering else 0
        told = jnp.int32(batch), loop.seed_key(KEY), jnp.int32(number), jnp.int32(place)
        return sitting(self.play, self.roles, self.exam.scenes, self.tampering, self.world, *told, self.whole)

    def first(self) -> Asked:
        """The same with the first agent of each role alone."""
        alone = {role: jax.tree.map(lambda x: x[:1], getattr(self.world, role)) for role in self.roles}
        return self._replace(world=self.world._replace(**alone))

    def heard(self) -> Asked:
        """The same exam where messages are heard: the play itself, unless it only says them and another of the whole world hears."""
        play = self.tampering.hearing if self.tampering else None
        return self if play is None else self._replace(play=play, roles=())


def ask(experiment: Experiment, name: str, world: World, *, whole: bool = False, tampers: bool = True) -> Asked:
    """The exam `name` for a seed's world, with the first agents of each role. Raises UsageError where there is none of that name."""
    if name not in experiment.exams:
        raise unknown("split", name, experiment.exams)
    world = world._replace(**{role: jax.tree.map(lambda x: x[:MOST_AGENTS], getattr(world, role)) for role in experiment.roles})
    tampering = experiment.tampering or PLAIN if tampers else None
    return Asked(experiment.play, experiment.roles, experiment.exams[name], tampering, world, whole)


def fetched(found: dict[str, Any], *without: str) -> dict[str, Any]:
    """What came of a batch, on the host, less what is not wanted."""
    return jax.device_get({name: value for name, value in found.items() if name not in without})


def mean_over(found: Sequence[dict[str, Any]], title: str) -> np.ndarray:
    """The mean of a figure over what batches counted, of each pair, in the precision of the host."""
    sums, weight = (np.sum(np.asarray(part, np.float64), axis=0) for part in zip(*(batch[title] for batch in found), strict=True))
    return sums / weight


def examples(batches: Sequence[dict[str, Any]]) -> int:
    """How many different examples batches hold, which passes repeat and which fill them up; 0 where nothing numbers them."""
    return len({int(i) for batch in batches for i in np.asarray(batch["about"].get("index", [[]]))[0]})
