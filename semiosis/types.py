"""The contract: agents see scenes, say messages, hear them through a channel, and change by rules.

Axis letters, fixed once for the whole package:
`n` batch, `t` symbols or turns, `v` vocabulary, `c` candidates, `m` pool of candidates, `k` signs, `z` latent, `d` features,
`h w` pixels, `s` strokes, `a` agents, `p` pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

Scene = Any  # what nature shows: a pytree of arrays with a leading batch axis n
World = Any  # all that persists: agents, crowds, a channel's level; one pytree of arrays, a NamedTuple with one field a role


class Mean(NamedTuple):
    """A mean in the making: a log that exists only at some steps (see `rules.every`) carries its weight with it."""

    total: Float[Array, ""]
    weight: Float[Array, ""]


Logs = dict[str, "Float[Array, ''] | Mean"]  # a plain scalar has weight 1


class Turn(NamedTuple):
    """What nature supplies at one step."""

    step: Int[Array, ""]
    key: PRNGKeyArray
    scene: Scene


Rule = Callable[[World, Turn], tuple[World, Logs]]  # everything that changes agents is a rule
Channel = Callable[[Any, PRNGKeyArray], Any]  # what is said -> what is heard: an array, or what a drawing is made of
Choose = Callable[[Array, PRNGKeyArray], Array]  # logits [*n v] -> one-hot (or relaxed) rows [*n v]


class Utterance(NamedTuple):
    """What was said and how likely it was.

    `message` [n t v] one-hot rows (or bits, strokes, pixels); `length` [n] symbols before the end;
    `logp` and `entropy` [n t] in nats, zero after the end, or None where they have no meaning.
    """

    message: Array
    length: Int[Array, " n"]
    logp: Float[Array, "n t"] | None = None
    entropy: Float[Array, "n t"] | None = None


class Episode(NamedTuple):
    """The record of one play: all that a loss, metric, corpus or page may look at.

    `guess` and `target` are comparable arrays with leading axis n; `loss` and `reward` are per example [n], `reward` None where nobody is
    paid. `info` may hold `correct` [n] (the share of the guess that is right, where equality does not say it), `scores` [n c] (log-
    probabilities of the answers up to a constant, for votes), `input` [n d] (what the speaker saw, for distances between meanings),
    `latent` [n z] (what it made of it), `label` [n], `attributes` [n k], `index` [n] (the example's place in its split), `heard` [n ...]
    (the message as it arrived), `level` [n] (how noisy its way was), `symbols` [n] (how many there are for a place of a message, 0 where it
    has none), `code` [n t d] (the message where its rows are bits or numbers and not one-hot), `weight` [n] (0 for an example that only
    fills up a batch, else 1). `figures` are further numbers [n] by name, of which an evaluation tells the means.
    """

    said: tuple[Utterance, ...]
    guess: Array
    target: Array
    loss: Float[Array, " n"]
    reward: Float[Array, " n"] | None
    info: dict[str, Array]
    figures: dict[str, Array] = {}  # noqa: RUF012 - never written to


class Agent(eqx.Module):
    """Everything that dies with an agent. A crowd is an Agent whose arrays have a leading axis a."""

    net: Any
    opt: optax.OptState
    slow: Any  # the exponential moving average copy of net, or None
    score: Float[Array, "*a"]  # running mean of the reward its owner earned
    age: Int[Array, "*a"]  # updates since birth


Scenes = Callable[[Int[Array, ""], PRNGKeyArray], Scene]
Play = Callable[[World, Scene, PRNGKeyArray, Channel], Episode]  # one agent a role; the channel is an intervention on what is said


class Watch(NamedTuple):
    """What is looked at after each line of a phase, beside the means of its logs.

    `keep` takes arrays from one seed's world; `figures` makes numbers of them on the host, None where one is undefined. Those that
    `saved` names are written to the run's history. `say` makes a text of the first seed's, which is shown below the line.
    """

    keep: Callable[[World], dict[str, Array]]
    figures: Callable[[dict[str, np.ndarray]], dict[str, float | None]]
    saved: tuple[str, ...] = ()
    say: Callable[[dict[str, np.ndarray]], str] | None = None


class Phase(NamedTuple):
    """A stretch of steps under one rule; an experiment cycles through its phases.

    `every` is the number of its steps between lines of metrics, 0 where the run's options may choose.
    """

    name: str
    rule: Rule
    scenes: Scenes
    steps: int
    every: int = 0
    watch: Watch | None = None


class Exam(NamedTuple):
    """Scenes to be judged on: `scenes(0..batches-1, key)`; `chance` is the accuracy of the best answer that does not listen, or None.

    `chances` are the same of other figures, by name.
    """

    scenes: Scenes
    batches: int
    chance: float | None = None
    chances: Mapping[str, float] = MappingProxyType({})


class Tampering(NamedTuple):
    """What an evaluation may do to a game's messages, to see what they are good for (`channels.symbols`, `bits`, `pictures` make one).

    `ways` are channels by name: `silent`, `noise` and `truncated`, as far as they have a meaning, and a game's own; one that is not on
    the message is a mapping of what it does on other ways of a play (see `channels.on`). That messages are given to other examples, or
    one to all, needs no channel. `replace(place)` changes what stands at one place of each message, None where they have no places.
    `figure` is what is told of each, as `accuracy_NAME`. `hearing` is a play of the whole world in which messages are heard, for a game
    whose own play only says them.
    """

    ways: Mapping[str, Channel | Mapping[str, Channel]]
    replace: Callable[[Int[Array, ""]], Channel] | None = None
    figure: str = "accuracy"
    hearing: Play | None = None


class Experiment(NamedTuple):
    """What a game's `make(config, data)` returns.

    `birth(key)` is a newborn world. `roles` names its fields that are crowds; `play` takes a world with one agent in each of them.
    `exams` maps a split (`valid`, `test`), or a split and a variant (`test/16`, `test/noise`), to its scenes.
    `steps` is the length of a run where the configuration does not say it by its own `steps`. `shown` names the figures that a progress
    line and the curves show, the main one first; `undefined` those that this configuration cannot have, and why. `tampering`
    is what may be done to messages; None is right for one-hot symbols without an end.
    """

    birth: Callable[[PRNGKeyArray], World]
    phases: tuple[Phase, ...]
    play: Play
    exams: Mapping[str, Exam]
    roles: tuple[str, ...] = ()
    steps: int | None = None
    shown: tuple[str, ...] = ("accuracy", "loss", "entropy")
    undefined: Mapping[str, str] = MappingProxyType({})
    tampering: Tampering | None = None


class Bench(NamedTuple):
    """A training step to be timed by `semiosis bench`: the game's configuration on noise of shape `inputs`, `steps` steps a measurement.

    `inputs` is a number of features, the shape of an image, 0 for no data, or the name of a data set. `phase` names the phase that is
    timed, the first by default; where it is watched at a pace of its own, so are the steps of the measurement, else once a measurement.
    `gflop` is the arithmetic of one step of one seed in matrix products; `reference` the CPU seconds a step that others were measured at.
    `size` is how many examples of noise there are to train on.
    """

    title: str
    config: Any
    inputs: int | tuple[int, int, int] | str
    seeds: int
    steps: int
    gflop: float
    reference: dict[str, float]
    phase: str = ""
    size: int = 2048
