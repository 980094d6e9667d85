"""Cross-play: who meets whom, that each figure is the one of the pair played alone, and what is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from matplotlib.image import imread

from semiosis import metrics, scenes
from semiosis.commands import crossplay as command
from semiosis.errors import UsageError
from semiosis.games import dialogue, lewis, naming
from semiosis.populations import pick
from semiosis.report import heat, style
from semiosis.runs import crossplay, directory, loop, session
from semiosis.runs.crossplay import Matrix, Party, summary
from semiosis.runs.evaluate import examine
from semiosis.runs.options import Options
from semiosis.runs.session import Trained
from semiosis.runs.setup import build
from semiosis.types import Exam

TINY = replace(lewis.PRESETS["tiny"], n_speakers=2, n_listeners=3, evaluation_noise=0.0)


def newborn(game: Any, config: Any, seeds: tuple[int, ...], name: str = "run") -> Trained:
    """A run of newborn agents, that was never written."""
    data = scenes.load(config.data)
    experiment, worlds = build(game, config, data, seeds)
    record = {"game": game.__name__, "data": {"fingerprint": data.fingerprint}}
    return Trained(directory.Run(Path(name), record), game, config, data, seeds, experiment, worlds, 0)


@pytest.fixture(scope="module")
def society() -> Trained:
    """Two seeds of two speakers and three listeners."""
    return newborn(lewis, TINY, (0, 3))


def alone(trained: Trained, i: int, j: int, a: int, b: int, split: str = "test") -> float | None:
    """The accuracy of speaker a of seed i with listener b of seed j, played by themselves."""
    speaking, listening = trained.experiment.roles
    world, other = (loop.unstack(trained.worlds, place) for place in (i, j))
    pair = {speaking: getattr(world, speaking), listening: getattr(other, listening)}
    pair = {role: jax.tree.map(lambda x: x[None], pick(crowd, who)) for (role, crowd), who in zip(pair.items(), (a, b), strict=True)}
    return examine(trained.experiment, split, world._replace(**pair)).figures["accuracy"]


def test_each_cell_is_the_mean_of_its_pairs(society: Trained):
    found = crossplay.crossplay([society], "test")
    assert (found.names, found.groups, found.measure, found.chance) == (["seed 0", "seed 3"], ["run", "run"], "accuracy", 0.25)
    for i, j in np.ndindex(2, 2):
        pairs = [alone(society, i, j, a, b) for a in range(2) for b in range(3)]
        assert found.accuracy[i, j] == pytest.approx(np.mean(pairs), abs=1e-9)  # shares of the same answers
    assert np.array_equal(found.own, np.eye(2, dtype=bool))
    assert found.agreement is not None
    assert found.agreement_chance is not None
    assert np.array_equal(found.agreement, found.agreement.T)
    own = examine(society.experiment, "test", loop.unstack(society.worlds, 0)).language
    assert own is not None
    assert found.agreement[0, 0] == pytest.approx(metrics.synchrony(own.tokens, own.lengths).value)


def test_agents_of_a_population_meet_one_by_one(society: Trained):
    found = crossplay.crossplay([society], "test", "agents")
    assert found.names == ["speaker 1", "speaker 2"]
    assert found.columns == ["listener 1", "listener 2", "listener 3"]
    assert found.per_seed is not None
    assert found.per_seed.shape == (2, 2, 3)
    assert found.per_seed[1, 1, 2] == pytest.approx(alone(society, 1, 1, 1, 2), abs=1e-9)
    assert found.accuracy == pytest.approx(found.per_seed.mean(0))
    assert found.own.all()
    told = summary(found)
    assert told["self_play"]["mean"] == pytest.approx(found.per_seed.mean())
    assert told["cross_play"] == {"mean": None, "low": None, "high": None, "reason": "all of them learned together"}
    assert told["gap"]["mean"] is None
    assert found.agreement is not None
    assert np.isnan(np.diag(found.agreement)).all()  # an agent with itself says nothing


def test_of_two_runs_all_meet_and_the_programs_are_shared(society: Trained):
    again = newborn(lewis, replace(TINY, steps=7), (0, 3), "again")
    both = crossplay.crossplay([society, again], "test")
    one = crossplay.crossplay([society], "test").accuracy
    assert both.names == ["run seed 0", "run seed 3", "again seed 0", "again seed 3"]
    assert both.groups == ["run", "run", "again", "again"]
    assert np.array_equal(both.accuracy, np.tile(one, (2, 2)))  # newborn agents of one seed are the same
    assert crossplay._sharing([society, again])[1].experiment is society.experiment
    met = crossplay.crossplay([society, again], "test", "agents")
    assert met.own.tolist() == np.kron(np.eye(2), np.ones((2, 3))).astype(bool).tolist()
    told = summary(met)
    assert told["gap"]["mean"] == pytest.approx(0.0, abs=1e-12)
    assert met.column_groups == ["run"] * 3 + ["again"] * 3


def test_appointed_partners_are_those_who_met():
    table = np.zeros((2, 4))
    assert crossplay._met(table, True).tolist() == [[True, True, False, False], [False, False, True, True]]
    assert crossplay._met(table, False).all()


def test_one_batch_may_be_enough(society: Trained):
    short = crossplay._shortened(society.experiment._replace(exams={"test": Exam(lambda step, key: None, 9, 0.5)}), "test", 2)
    assert short.exams["test"].batches == 2
    assert crossplay._shortened(society.experiment, "test", 0) is society.experiment
    assert crossplay._shortened(society.experiment, "test", 9).exams["test"].batches == 1  # as many as there are
    with pytest.raises(UsageError, match=r"^batches is -1: expected 0 \(the whole exam\) or more$"):
        crossplay.crossplay([society], "test", batches=-1)


def test_two_agents_of_a_world_are_crowds_of_one(repo: Path):
    game = session.game_at(str(repo / "examples" / "one_word.py"), {})
    trained = newborn(game, game.PRESETS["tiny"], (0, 1))
    found = crossplay.crossplay([trained], "test")
    assert found.roles == ("speaker", "listener")
    for i, j in np.ndindex(2, 2):
        world, other = (loop.unstack(trained.worlds, place) for place in (i, j))
        figures = examine(trained.experiment, "test", world._replace(listener=other.listener)).figures
        assert found.accuracy[i, j] == pytest.approx(figures["accuracy"], abs=1e-9)
    assert found.agreement is not None
    assert np.isnan(np.diag(found.agreement)).all()
    odd = trained._replace(worlds=SimpleNamespace(), experiment=trained.experiment._replace(roles=("a", "b", "c")))
    with pytest.raises(
        UsageError, match=r"needs a game of one role or two, and .*one_word names 3: `make` names them in Experiment.roles$"
    ):
        crossplay._party("", "", odd._replace(worlds={}), {}, 0, "test")


def test_a_dialogue_is_heard_in_the_words_for_ones_own_receiver():
    config = replace(dialogue.PRESETS["tiny"], message_bits=3, max_exchange=2, sender_hidden=4, receiver_hidden=4)
    trained = newborn(dialogue, config, (0, 1, 2))
    found = crossplay.crossplay([trained], "valid")
    assert found.accuracy[1, 2] == pytest.approx(alone(trained, 1, 2, 0, 0, "valid"), abs=1e-9)
    assert found.accuracy[2, 0] == pytest.approx(alone(trained, 2, 0, 0, 0, "valid"), abs=1e-9)
    own = [examine(trained.experiment, "valid", loop.unstack(trained.worlds, place)).language for place in (0, 1)]
    codes, lengths = zip(*[(language.code[0], language.lengths[0]) for language in own], strict=True)
    equal = [codes[0][n, t] == codes[1][n, t] for n in range(len(codes[0])) for t in range(min(lengths[0][n], lengths[1][n]))]
    assert found.agreement is not None
    assert found.agreement[0, 1] == pytest.approx(np.mean(equal))
    assert found.agreement_measure == "share of equal bits"


def test_the_naming_game_compares_signs():
    config = replace(naming.PRESETS["tiny"], data="words", network="none", objects=60, rotations=(0.0,), agents=3)
    trained = newborn(naming, config, (0, 1))
    signs = np.random.default_rng(0).integers(0, 10, (2, 3, 60))
    minds = trained.worlds.minds._replace(sign=jax.numpy.asarray(signs, jax.numpy.int32))
    trained = trained._replace(worlds=trained.worlds._replace(minds=minds))
    found = crossplay.crossplay([trained], "train")
    assert (found.measure, found.chance, found.agreement_measure, found.agreement_chance) == ("kappa", 0.0, "adjusted Rand index", 0.0)
    strangers = [metrics.kappa(signs[0, a], signs[1, b]).value for a in range(3) for b in range(3) if a != b]
    partners = [metrics.kappa(signs[0, a], signs[0, b]).value for a in range(3) for b in range(3) if a != b]
    assert found.accuracy[0, 1] == pytest.approx(np.mean(strangers))
    assert found.accuracy[0, 0] == pytest.approx(np.mean(partners))
    rand = metrics.adjusted_rand(signs[1, 0], signs[1, 2]).value
    agents = crossplay.crossplay([trained], "train", "agents")
    assert (agents.names, agents.columns) == (["A", "B", "C"], None)
    assert agents.agreement is not None
    assert agents.per_seed is not None
    assert np.isnan(np.diag(agents.accuracy)).all()
    assert agents.per_seed[1, 0, 2] == pytest.approx(metrics.kappa(signs[1, 0], signs[1, 2]).value)
    assert agents.agreement[0, 2] == pytest.approx((rand + metrics.adjusted_rand(signs[0, 0], signs[0, 2]).value) / 2)
    told = summary(agents)
    assert told["self_play"]["mean"] == pytest.approx(np.nanmean(agents.per_seed))
    assert told["cross_play"]["reason"] == "all of them learned together"
    assert told["accuracy"][0][0] is None


# ----------------------------------------------------------------------------------------------------------- small parts


def parties(counts: list[int], shapes: list[int] | None = None) -> list[Party]:
    """Parties with crowds of listeners of so many agents, of so many numbers each."""
    shapes = shapes or [1] * len(counts)
    experiment = SimpleNamespace(roles=("speaker", "listener"))
    worlds = [SimpleNamespace(listener=np.zeros((count, shape))) for count, shape in zip(counts, shapes, strict=True)]
    return [Party("", "", experiment, world, None) for world in worlds]  # type: ignore[arg-type]


def test_listeners_of_one_shape_hear_together_the_own_first():
    assert crossplay._tables(parties([1] * 4), 2) == [[2, 3, 0, 1]]
    many = crossplay._tables(parties([1] * 24), 5)
    assert [len(table) for table in many] == [8, 8, 8]  # three crowds of one size rather than ten, ten and four
    assert many[0][0] == 5
    assert {j for table in many for j in table} == set(range(24))
    assert crossplay._tables(parties([1] * 11), 0) == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 0]]  # filled up with the first
    assert crossplay._tables(parties([12, 12]), 1) == [[1], [0]]
    assert crossplay._tables(parties([1, 1, 1], [2, 3, 2]), 1) == [[1], [2, 0]]


def test_likeness_by_hand():
    tokens, lengths = np.array([[1, 2, 0], [1, 2, 3]]), np.array([2, 3])
    other = np.array([[1, 2, 3], [3, 2, 1]])
    # one symbol more of three, and two substitutions of three: likeness 2/3 and 1/3
    assert crossplay._edits(tokens, lengths, other, np.array([3, 3])) == pytest.approx(0.5)
    assert crossplay._edits(tokens[:0], lengths[:0], other[:0], lengths[:0]) is None
    bits = np.array([[[0, 1], [1, 1]], [[1, 1], [0, 0]]])
    # both reached two steps of the first (3 of 4 bits) and one of the second (0 of 2)
    assert crossplay._bits(bits, np.array([2, 1]), np.array([[[0, 1], [1, 0]], [[0, 0], [0, 0]]]), np.array([2, 2])) == pytest.approx(0.5)


def test_languages_are_compared_on_what_both_spoke_of():
    one = crossplay.Words(np.array([[[1], [2], [3]]]), np.ones((1, 3), int), np.array([5, 6, 7]))
    other = crossplay.Words(np.array([[[3], [1], [9]]]), np.ones((1, 3), int), np.array([7, 5, 1]))
    assert crossplay._between([one, other], crossplay._edits)[0][1].tolist() == [[1.0]]
    assert crossplay._between([one, other._replace(examples=None)], crossplay._edits)[0][1].tolist() == [[0.0]]  # taken as they stand


def hand_made(table: np.ndarray, **more: Any) -> Matrix:
    names = [f"seed {i}" for i in range(len(table))]
    n, roles = len(table), ("speaker", "listener")
    base = Matrix(names, table, 0.1, "accuracy", "seeds", ["a"] * n, roles, [0.1] * n, np.eye(n, dtype=bool))
    return base._replace(**more)


def test_summary_by_hand():
    told = summary(hand_made(np.array([[0.9, 0.1, 0.2], [0.1, 0.8, 0.1], [0.2, 0.1, 1.0]])))
    assert told["self_play"]["mean"] == pytest.approx(0.9)
    assert told["cross_play"]["mean"] == pytest.approx(0.8 / 6)
    assert told["gap"]["mean"] == pytest.approx(0.9 - 0.8 / 6)
    assert told["self_play"]["low"] < 0.9 < told["self_play"]["high"]
    assert all(told[name]["low"] is not None for name in ("cross_play", "gap"))
    two = summary(hand_made(np.array([[0.9, 0.1], [0.1, 0.8]])))
    assert two["gap"] == {"mean": pytest.approx(0.75), "low": None, "high": None}  # two seeds have one pair of strangers
    lone = summary(hand_made(np.array([[0.9]])))
    assert lone["cross_play"]["mean"] is None
    assert "one pair only" in lone["cross_play"]["reason"]
    each = np.array([[[0.8, 0.4], [0.4, 0.8]], [[1.0, 0.4], [0.4, 1.0]]])
    times = summary(hand_made(each.mean(0), over="checkpoints", seeds=(0, 1), per_seed=each))
    assert times["gap"]["mean"] == pytest.approx(0.5)
    # of gaps 0.4 and 0.6: t(1, 0.975) = 12.7062, over a standard error of 0.1
    assert times["gap"]["high"] == pytest.approx(0.5 + 12.7062 * 0.1, abs=1e-4)
    json.dumps([told, two, lone, times], allow_nan=False)


def test_the_figure_parts_runs_and_frames_those_who_met(tmp_path: Path):
    result = summary(hand_made(np.full((4, 4), 0.5), groups=["a", "a", "b", "b"], chance=None, chances=[0.1, 0.1, 0.05, 0.05]))
    plain = summary(hand_made(np.full((4, 4), 0.5)))
    pictures = [imread(heat.crossplay(told, tmp_path / f"{i}.png"))[..., :3] for i, told in enumerate((result, plain))]
    dark = [np.abs(picture - np.array([int(style.INK[k : k + 2], 16) for k in (1, 3, 5)]) / 255).max(-1) < 0.02 for picture in pictures]
    most = [ink.sum(0).max() for ink in dark]  # the column of pixels with the most ink: the line between two runs
    assert most[0] > 4 * 0.6 * style.DPI > most[1]
    assert heat._by_group(result) == "0.1 in the rows of a, 0.05 in the rows of b"
    agents = {**plain, "agreement": [[None] * 4] * 4, "agreement_measure": "adjusted Rand index", "agreement_chance": 0.0}
    assert heat.agreement(agents, tmp_path / "alike.png").exists()


# ---------------------------------------------------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two seeds with three checkpoints."""
    path = tmp_path_factory.mktemp("crossplay") / "lewis"
    session.start("lewis", lewis, replace(TINY, steps=4), Options(seeds="2", save_every=2, keep=9), path)
    return path


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "copy"))


def test_over_checkpoints_the_diagonal_is_self_play(copy: Path, capsys: pytest.CaptureFixture[str]):
    assert command.run([str(copy), "--over", "checkpoints", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((copy / "crossplay-checkpoints.json").read_text())
    assert told["names"] == ["step 0", "step 2", "step 4"]
    assert np.shape(told["per_seed"]) == (2, 3, 3)
    assert told["seeds"] == [0, 1]
    opened = session.reopen(session.open_run(copy), {"lewis": "semiosis.games.lewis"}, "newest", say=pytest.fail)
    last = [examine(opened.experiment, "test", loop.unstack(opened.worlds, place)).figures["accuracy"] for place in (0, 1)]
    assert [told["per_seed"][place][2][2] for place in (0, 1)] == pytest.approx(last, abs=1e-9)
    assert told["self_play"]["mean"] == pytest.approx(np.trace(told["accuracy"]) / 3)
    assert (copy / "figures" / "crossplay-checkpoints.png").exists()
    assert (copy / "figures" / "crossplay-checkpoints-agreement.png").exists()


def test_over_seeds_and_agents_each_has_a_file(copy: Path, capsys: pytest.CaptureFixture[str]):
    assert command.run([str(copy), "--batches", "1"]) == 0
    assert command.run([str(copy), "--over", "agents"]) == 0
    out = capsys.readouterr().out
    assert "cross-play: accuracy undefined: all of them learned together" in out
    one, agents = (json.loads((copy / name).read_text()) for name in ("crossplay.json", "crossplay-agents.json"))
    assert (one["over"], one["split"], one["step"], one["groups"]) == ("seeds", "test", 4, ["copy", "copy"])
    assert np.mean(agents["per_seed"], axis=(1, 2)) == pytest.approx(np.diag(one["accuracy"]))
    assert {path.name for path in (copy / "figures").iterdir()} >= {"crossplay.png", "crossplay-agents.png", "crossplay-agreement.png"}


def test_what_cannot_meet_is_told_in_a_sentence(copy: Path, society: Trained):
    def said(*args: object) -> str:
        with pytest.raises(UsageError) as mistake:
            command.run([str(arg) for arg in args])
        return str(mistake.value)

    beside = "and --over checkpoints compares all that were kept: leave one out"
    assert said(copy, "--over", "checkpoints", "--checkpoint", "2") == f"--checkpoint 2 names one, {beside}"
    assert said(copy, copy).endswith("a directory stands twice, and a run cannot be a stranger to itself")
    for step in (0, 2):
        shutil.rmtree(copy / "checkpoints" / f"{step:09d}")
    assert said(copy, "--over", "checkpoints") == f"{copy} has kept one checkpoint, of step 4: train with --keep 9 to compare the last nine"
    assert said(copy, "--split", "tset").startswith("unknown split 'tset': known are valid, test")
    wide = newborn(lewis, replace(TINY, vocab_size=3), (0,), "wide")
    with pytest.raises(UsageError, match=r"^wide and run differ in their vocab_size \(3 and 10\): their agents cannot meet$"):
        crossplay.crossplay([society, wide], "test")
    with pytest.raises(UsageError, match=r"expected equally many, and run has 2, lone has 1$"):
        crossplay.crossplay([society, society._replace(run=directory.Run(Path("lone"), society.run.record), seeds=(0,))], "test", "agents")
    blind = society._replace(experiment=society.experiment._replace(roles=("speaker",)))
    with pytest.raises(UsageError, match=r"compares the signs that agents give things, and those of run give none$"):
        _meet_alone(blind)


def _meet_alone(trained: Trained) -> None:
    """Cross-play of a game whose one role says messages of several symbols."""
    listener = jax.tree.map(lambda x: x[:, 0], trained.worlds.listener)
    crossplay.crossplay([trained._replace(worlds=trained.worlds._replace(listener=listener))], "test")
