"""A game of your own: one word for a digit, learned by backpropagation through the word.

semiosis train examples/one_word.py --seeds 3
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from semiosis import channels, choices
from semiosis.nets.linear import MLP
from semiosis.rules import born, descend
from semiosis.scenes.referential import References
from semiosis.types import Agent, Episode, Exam, Experiment, Phase, Utterance


@dataclass(frozen=True)
class Config:
    """The dials of the game; each becomes a flag of `semiosis train`."""

    data: str = "digits"
    """What is talked about."""
    steps: int = 1000
    """Steps to train."""
    vocab_size: int = 10
    """Usable words; a message is one of them."""
    candidates: int = 4
    """Images among which the listener must find the speaker's."""


class Pair(NamedTuple):
    """The world: one speaker, one listener."""

    speaker: Agent
    listener: Agent


def make(config, data):
    """The two agents, how they play, and the rule by which they change."""
    pixels, adam = data.splits["train"].inputs[0].size, optax.adam(1e-3)

    def birth(key):
        key_speaker, key_listener = jax.random.split(key)
        speaker = MLP(pixels, (64, config.vocab_size), key=key_speaker)
        listener = MLP(config.vocab_size, (64, pixels), key=key_listener)
        return Pair(born(speaker, adam), born(listener, adam))

    def talk(speaker, listener, scene, key, choose, channel):
        seen, pool = (x.reshape(len(x), -1) for x in (scene.seen, scene.pool))
        key_choice, key_channel = jax.random.split(key)
        word = channel(choose(speaker(seen), key_choice)[:, None], key_channel)  # n messages of one word
        scores = jnp.take_along_axis(listener(word[:, 0]) @ pool.T, scene.choices, axis=1)
        loss, guess = optax.softmax_cross_entropy_with_integer_labels(scores, scene.target), jnp.argmax(scores, axis=1)
        said, about = Utterance(word, jnp.ones(len(seen), jnp.int32)), {"index": scene.example, "label": scene.label, "input": seen}
        return Episode((said,), guess, scene.target, loss, -loss, about)

    def play(world, scene, key, channel=channels.clear):
        return talk(world.speaker.net, world.listener.net, scene, key, choices.greedy, channel)

    def loss(nets, world, turn):
        episode = talk(nets["speaker"], nets["listener"], turn.scene, turn.key, choices.gumbel(1.0, hard=True), channels.clear)
        return episode.loss.mean(), {"loss": episode.loss.mean(), "accuracy": (episode.guess == episode.target).mean()}

    scenes = {part: References(split, 64, candidates=config.candidates) for part, split in data.splits.items()}
    exams = {part: Exam(scenes[part], len(split.inputs) // 64, 1 / config.candidates) for part, split in data.splits.items()}
    learn = Phase("learn", descend(loss, {"speaker": adam, "listener": adam}), scenes["train"], config.steps)
    return Experiment(birth, (learn,), play, exams)


PRESETS = {"quick": Config(), "tiny": Config(steps=60)}
