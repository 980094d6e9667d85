"""Evaluation of toys: an example counts once however batches are filled, figures have chances, what messages are good for is known."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis import channels
from semiosis.runs import tampering
from semiosis.runs.evaluate import checkup, evaluate, examine
from semiosis.types import Agent, Episode, Exam, Experiment, Phase, Tampering, Utterance

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


def experiment(play, chances=None, tampering=None, undefined=None, scenes=scenes, batches=3):
    exams = {name: Exam(scenes, batches, 1 / N, chances or {}) for name in ("test", "test/twice")}
    phase = Phase("none", lambda world, turn: (world, {}), scenes, 1)
    return Experiment(lambda key: Pair(agent(0.0), agent(0.0)), (phase,), play, exams, ("speaker", "listener"),
                      undefined=undefined or {}, tampering=tampering)  # fmt: skip


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


def test_each_figure_has_the_chance_that_its_exam_tells():
    toy = experiment(play_of(6), {"squared": 0.25})
    worlds = jax.tree.map(lambda x: jnp.stack([x, x]), WORLD)
    table = evaluate(toy, worlds, (0, 1), "test")[0]["metrics"]
    chance = {name: entry["chance"] for name, entry in table.items()}
    accuracies = {"accuracy", "accuracy@twice", *(f"accuracy_{how}" for how in tampering.UNIFORM)}
    assert {name for name in chance if name.startswith("accuracy")} == accuracies  # no tampering with the variant
    assert {name: chance[name] for name in (*accuracies, "squared")} == dict.fromkeys(accuracies, 1 / N) | {"squared": 0.25}
    assert not [name for name, value in chance.items() if value is not None and name not in (*accuracies, "squared")]
    assert table["accuracy_constant"]["per_seed"] == pytest.approx([6 / 7, 6 / 7])
    assert table["accuracy_silent"]["reason"] == tampering.UNTOLD  # what rows of bits would be, the game does not say
    assert {entry["n"] for entry in table.values()} == {N}


# --------------------------------------------------------------------------------- what messages are good for, by hand

EIGHT = jnp.arange(8)


def eight(step, key):
    """The same eight examples in each batch."""
    return EIGHT


def talk(say, hear, end=None):
    """A pair: `say` makes symbols [n t] of examples, `hear` the scores [n c] of rows; the target is the first symbol said."""

    def play(world, rows, key, channel):
        said = jax.nn.one_hot(say(rows), 8)
        scores = hear(channel(said, key))
        target = say(rows)[:, 0] % scores.shape[1]
        length = jnp.full(8, said.shape[1]) if end is None else jnp.sum(jnp.argmax(said, -1) != end, axis=1)
        loss = -jnp.take_along_axis(jax.nn.log_softmax(scores), target[:, None], axis=1)[:, 0]
        info = {"index": rows, "input": jnp.eye(8), "scores": scores}
        return Episode((Utterance(said, length.astype(jnp.int32)),), jnp.argmax(scores, axis=1), target, loss, None, info)

    return play


def found_of(play, **more):
    return examine(experiment(play, scenes=eight, batches=1, **more), "test", WORLD, whole=True)


def tampered_of(finding):
    return {name.removeprefix("accuracy_"): x for name, x in finding.figures.items() if name.startswith("accuracy")}


def one(rows):
    return rows[:, None]


def copied(heard):
    """All but certain of the first symbol heard, and of symbol 0 where nothing is."""
    first = heard[:, 0]
    return 100.0 * (first + jnp.eye(8)[:1] * (1 - first.sum(1, keepdims=True)))


def test_a_pair_that_copies_its_symbol_has_all_the_influence_there_is():
    """Each of eight scenes meets all eight messages, so eight answers as likely as each other: 3 bits."""
    found = found_of(talk(one, copied))
    # the circle leaves no message in its place; silence is heard as 0, and one message for all is right once
    told = tampered_of(found)
    noise = told.pop("noise")
    assert told == {"accuracy": 1, "shuffled": 0, "silent": 1 / 8, "truncated": None, "constant": 1 / 8}
    assert 0 <= noise <= 1
    assert found.reasons["accuracy_truncated"] == "a message of one symbol has no half"
    assert found.figures["causal_influence"] == pytest.approx(3, abs=1e-6)
    assert found.values["causal_influence"].how.startswith("8 messages a scene")
    assert found.figures["informative_positions"] == found.figures["influence@1"] == 1


def test_four_words_for_eight_things_can_cause_two_bits():
    found = found_of(talk(lambda rows: rows[:, None] // 2, copied))
    assert found.figures["causal_influence"] == pytest.approx(2, abs=1e-6)
    assert found.figures["accuracy_constant"] == 1 / 4


def test_a_listener_in_doubt_is_moved_by_less():
    """Two words that move it to 0.9 and 0.1: KL from 1/2 is 1 - H(0.9) bits, whichever word it hears."""
    doubt = jnp.log(jnp.array([[0.9, 0.1], [0.1, 0.9]]))
    found = found_of(talk(lambda rows: rows[:, None] % 2, lambda heard: heard[:, 0, :2] @ doubt))
    h = -(0.9 * np.log2(0.9) + 0.1 * np.log2(0.1))
    assert found.figures["causal_influence"] == pytest.approx(1 - h, abs=1e-6)


def test_a_pair_that_ignores_messages_loses_nothing_without_them():
    found = found_of(talk(lambda rows: jnp.stack([rows, rows], 1), lambda heard: 5.0 * jnp.eye(8)[:, ::-1] + 0 * heard.sum()))
    assert set(tampered_of(found).values()) == {found.figures["accuracy"]}
    assert found.figures["causal_influence"] == pytest.approx(0, abs=1e-12)
    assert found.figures["informative_positions"] == 0


def test_half_of_a_message_and_its_places():
    """Of two symbols the first or the last is what is listened to: the other may be lost or changed."""
    say = lambda rows: jnp.stack([rows, (rows + 1) % 8], 1)  # noqa: E731
    first = found_of(talk(say, copied))
    assert first.figures["accuracy_truncated"] == 1
    assert (first.figures["influence@1"], first.figures["influence@2"]) == (1, 0)
    last = found_of(talk(say, lambda heard: jnp.roll(copied(heard[:, ::-1]), -1, axis=1)))
    assert last.figures["accuracy"] == 1
    assert last.figures["accuracy_truncated"] == 1 / 8  # silence is heard as 0, and so is 7 meant
    assert (last.figures["influence@1"], last.figures["influence@2"]) == (0, 1)
    assert last.figures["informative_positions"] == 1


def test_places_after_the_end_are_none():
    """Half of the messages say one symbol and end, the others two; all that is said matters."""
    say = lambda rows: jnp.stack([rows % 7, jnp.where(rows % 2 == 0, 7, rows % 7)], 1)  # noqa: E731
    both = lambda heard: jnp.einsum("na,nb->nab", heard[:, 0], heard[:, 1]).reshape(8, 64)  # noqa: E731
    what = channels.symbols(7)
    found = found_of(talk(say, both, end=7), tampering=what)
    assert found.figures["informative_positions"] == pytest.approx(1.5)
    assert (found.figures["influence@1"], found.figures["influence@2"]) == (1, 1)


def test_answers_without_probabilities_are_told_from_each_other():
    def play(world, rows, key, channel):
        heard = jnp.argmax(channel(jax.nn.one_hot(rows[:, None], 8), key)[:, 0], axis=-1)
        guess = jnp.stack([heard // 4, heard % 2], 1)  # four answers to eight words
        said = Utterance(jax.nn.one_hot(rows[:, None], 8), jnp.ones(8, jnp.int32))
        return Episode((said,), guess, jnp.stack([rows // 4, rows % 2], 1), jnp.zeros(8), None, {"index": rows, "input": jnp.eye(8)})

    found = found_of(play)
    assert found.figures["causal_influence"] == pytest.approx(2, abs=1e-6)
    assert found.figures["accuracy"] == 1


def test_a_game_tells_what_else_may_be_done_and_of_which_figure():
    """Answers that are numbers are not right or wrong: the loss is told, and messages have no influence in bits."""

    def play(world, rows, key, channel):
        said = rows[:, None].astype(jnp.float32)
        heard, back = channel(said, key), channels.on(channel, "back")(said, key)
        loss = jnp.abs(heard - said)[:, 0] + 100.0 * (back != said)[:, 0]
        return Episode((Utterance(said, jnp.ones(8, jnp.int32)),), heard, said, loss, None, {"index": rows})

    what = Tampering({"silent": channels.silence, "deaf": {"back": channels.silence}})
    found = found_of(play, tampering=what, undefined={"loss_noise": "numbers have no symbols"})
    assert found.figures["loss_silent"] == np.mean(range(8))
    assert found.figures["loss_deaf"] == 100 * 7 / 8
    assert found.reasons["loss_noise"] == "numbers have no symbols"
    assert found.reasons["loss_truncated"] == tampering.UNTOLD
    assert "answers are numbers" in found.reasons["causal_influence"]


def test_messages_of_bits_are_inverted_place_by_place():
    def play(world, rows, key, channel):
        bits = jnp.stack([rows // 4, rows // 2 % 2, rows % 2], 1).astype(jnp.float32)
        heard = channel(bits, key)
        guess = (2 * heard[:, 0] + heard[:, 1]).astype(jnp.int32)  # the last bit is not listened to
        info = {"index": rows, "input": jnp.eye(8), "code": bits[:, None]}
        said = Utterance(bits[:, None], jnp.ones(8, jnp.int32))
        return Episode((said,), guess, rows // 2, jnp.zeros(8), None, info)

    found = found_of(play, tampering=channels.bits(3))
    assert found.figures["causal_influence"] == pytest.approx(2, abs=1e-6)
    assert found.figures["informative_positions"] == 2
    assert [found.figures[f"influence@{i}"] for i in (1, 2, 3)] == [1, 1, 0]
    assert found.figures["accuracy_truncated"] == 1 / 2  # one bit of three arrives, and tells two of the four
    assert found.figures["accuracy_silent"] == 1 / 4


def test_of_a_large_exam_some_batches_are_enough(monkeypatch):
    monkeypatch.setattr(tampering, "MOST_TAMPERED", 16)
    monkeypatch.setattr(tampering, "MOST_CAUSAL", 8)
    toy = experiment(talk(one, copied), scenes=lambda step, key: EIGHT, batches=3)
    ask, asked = tampering.jax.device_get, []
    monkeypatch.setattr(tampering.jax, "device_get", lambda x: (asked.append(1), ask(x))[1])
    examine(toy, "test", WORLD, whole=True)
    # three batches as they are, two in four ways; of one its own and seven other messages, and one place
    assert len(asked) == 3 + 2 * 4 + 8 + 1


def test_tampering_and_influence_belong_to_whole_exams():
    plain = examine(experiment(talk(one, copied), scenes=eight, batches=1), "test", WORLD).figures
    assert not [name for name in plain if name.startswith(("accuracy_", "causal", "influence"))]


def test_a_check_up_is_one_batch_of_the_same():
    toy = experiment(talk(one, copied), scenes=eight, batches=1)
    assert checkup(toy, "test", WORLD) == {
        "accuracy": 1, "accuracy_shuffled": 0, "accuracy_silent": 1 / 8, "accuracy_constant": 1 / 8, "messages": 8, "message_entropy": 3,
        "entropy": None, "n": 8, "chance": 1 / N,
    }  # fmt: skip


def test_what_a_random_language_would_have_stands_beside_what_was_found():
    """Of ten things, two attributes of which are named in order: the null of its similarity is that of permuted ones."""
    pairs = jnp.stack([EIGHT % 4, EIGHT // 4], 1)

    def play(world, rows, key, channel):
        episode = talk(lambda rows: pairs, copied)(world, rows, key, channel)
        about = {"attributes": pairs, "label": rows % 4, "input": jax.nn.one_hot(pairs, 4).reshape(8, -1)}
        return episode._replace(info=episode.info | about)

    worlds = jax.tree.map(lambda x: jnp.stack([x, x]), WORLD)
    table = evaluate(experiment(play, scenes=eight, batches=1), worlds, (0, 1), "test")[0]["metrics"]
    for name in ("topsim", "topsim_attributes", "posdis", "bosdis", "label_bits"):
        assert table[name]["null"] <= table[name]["null_high"], name
        assert "50 permutations of 8 messages" in table[name]["how"]
    assert table["topsim_attributes"]["mean"] == pytest.approx(1)
    assert table["topsim_attributes"]["null_high"] < 1
    assert abs(table["topsim"]["null"]) < 0.2
    assert table["posdis"]["mean"] == pytest.approx(1)
    assert table["label_bits"]["mean"] == pytest.approx(2)
    assert table["label_bits"]["null"] == pytest.approx(2)  # eight messages, each said once, tell any label
    assert table["causal_influence"]["null"] == 0
    assert "null" not in table["accuracy"]
