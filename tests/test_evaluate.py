"""Evaluation of a toy: each example counts once however batches are filled, figures have chances, tampering is of whole exams alone."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis.runs.evaluate import evaluate, examine
from semiosis.types import Agent, Episode, Exam, Experiment, Phase, Utterance

N = 7  # examples, in batches of three: the last has one, and two that fill it up


class Pair(NamedTuple):
    speaker: Agent
    listener: Agent


def agent(net):
    """One agent in a crowd of its own."""
    return Agent(jnp.asarray(net)[None], None, None, jnp.zeros(1), jnp.zeros(1, jnp.int32))


def scenes(step, key):
    return step * 3 + jnp.arange(3)


def play_of(known, weighted=True, crowded=False):
    """Of example i the listener knows what it is if i < `known`; its loss is i, its figure i squared, and fillers are worth a thousand."""

    def play(world, rows, key, channel):
        said = channel((rows[:, None, None] % 2).astype(jnp.float32), key)
        counts = rows < N
        worth = jnp.where(counts, rows, 1000).astype(jnp.float32)
        guess = jnp.where((rows < known) & counts, rows % N, (rows + 1) % N)
        target = rows % N
        info = {"index": rows % N, "code": said, "input": worth[:, None]}
        info |= {"weight": counts.astype(jnp.float32)} if weighted else {}
        info |= {"scores": jax.nn.one_hot(guess, N)} if crowded else {}
        spoken = Utterance(said, jnp.ones(3, jnp.int32), None, jnp.ones((3, 1)))
        return Episode((spoken,), guess, target, worth, -worth, info, {"squared": worth**2})

    return play


def experiment(play, interventions=None, chances=None):
    exams = {name: Exam(scenes, 3, 1 / N, chances or {}) for name in ("test", "test/twice")}
    phase = Phase("none", lambda world, turn: (world, {}), scenes, 1)
    return Experiment(lambda key: Pair(agent(0.0), agent(0.0)), (phase,), play, exams, ("speaker", "listener"),
                      interventions=interventions or {})  # fmt: skip


WORLD = Pair(agent(0.0), agent(0.0))


def test_what_fills_a_batch_up_counts_for_nothing():
    found = examine(experiment(play_of(5, crowded=True)), "test", WORLD)
    assert found.n == N
    expected = {"accuracy": 5 / 7, "loss": np.mean(range(7)), "reward": -3.0, "squared": np.mean(np.arange(7) ** 2)}
    for name, value in expected.items():
        assert found.figures[name] == pytest.approx(value, rel=1e-6), name
    assert found.pairs.tolist() == [[pytest.approx(5 / 7)]]
    assert found.language is not None
    assert found.language.about["index"].tolist() == list(range(N))
    assert found.language.code.shape == (1, N, 1, 1)


def test_where_no_batch_is_filled_all_count():
    """Nine of nine count, and of what repeats the language tells the first."""
    found = examine(experiment(play_of(5, weighted=False)), "test", WORLD)
    assert found.figures["loss"] == pytest.approx((sum(range(7)) + 2000) / 9)
    assert found.figures["accuracy"] == pytest.approx(5 / 9)
    assert found.n == N
    assert found.language.tokens.shape == (1, N, 1)


def test_two_listeners_vote_on_each_example_once():
    world = WORLD._replace(listener=jax.tree.map(lambda x: jnp.concatenate([x, x]), WORLD.listener))
    found = examine(experiment(play_of(4, crowded=True)), "test", world)
    assert found.pairs.shape == (1, 2)
    assert found.figures["accuracy_vote"] == pytest.approx(4 / 7)
    assert found.figures["accuracy"] == pytest.approx(4 / 7)


def test_tampering_belongs_to_whole_exams():
    tampered = {"silenced": play_of(2), "garbled": play_of(0)}
    toy = experiment(play_of(6), tampered)
    plain = examine(toy, "test", WORLD).figures
    assert not [name for name in plain if name.startswith("accuracy_")]
    whole = examine(toy, "test", WORLD, whole=True).figures
    told = {name: value for name, value in whole.items() if name.startswith("accuracy")}
    assert told == pytest.approx({"accuracy": 6 / 7, "accuracy_shuffled": 6 / 7, "accuracy_silenced": 2 / 7, "accuracy_garbled": 0})


def test_each_figure_has_the_chance_that_its_exam_tells():
    toy = experiment(play_of(6), {"silenced": play_of(2)}, {"squared": 0.25})
    worlds = jax.tree.map(lambda x: jnp.stack([x, x]), WORLD)
    table = evaluate(toy, worlds, (0, 1), "test")[0]["metrics"]
    chance = {name: entry["chance"] for name, entry in table.items()}
    accuracies = {"accuracy", "accuracy_shuffled", "accuracy_silenced", "accuracy@twice"}
    assert {name for name in chance if name.startswith("accuracy")} == accuracies  # no tampering with the variant
    assert {name: chance[name] for name in (*accuracies, "squared")} == dict.fromkeys(accuracies, 1 / N) | {"squared": 0.25}
    assert not [name for name, value in chance.items() if value is not None and name not in (*accuracies, "squared")]
    assert table["accuracy_silenced"]["per_seed"] == pytest.approx([2 / 7, 2 / 7])
    assert {entry["n"] for entry in table.values()} == {N}
