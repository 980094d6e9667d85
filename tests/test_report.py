"""Tables and figures: what they say, how words are grouped, and that pictures show what they are given."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from rich.console import Console
from rich.table import Table

import semiosis
from semiosis import scenes
from semiosis.games import lewis
from semiosis.metrics.intervals import over_seeds
from semiosis.nets.linear import MLP
from semiosis.populations import crowd
from semiosis.report import heat, lexicon, lines, measures, named, style, tables, words
from semiosis.report.figures import curves, learning, matrix
from semiosis.report.figures import lexicon as draw_lexicon
from semiosis.rules import Difficulty, born, easy
from semiosis.runs.evaluate import Language
from semiosis.runs.probe import Curve
from semiosis.types import Agent, Experiment

# --------------------------------------------------------------------------------------------------------------- tables


def text_of(table: Table, width: int = 80) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def line_of(text: str, start: str) -> str:
    found = [line for line in text.splitlines() if line.startswith(start)]
    assert len(found) == 1, (start, text)
    return found[0]


def entry(*values: float | None, chance: float | None = None, n: int = 179, **more: Any) -> dict[str, Any]:
    mean, low, high = over_seeds(list(values))
    return {"mean": mean, "low": low, "high": high, "per_seed": list(values), "chance": chance, "n": n, **more}


def result_of(metrics: dict[str, Any], seeds: int = 2) -> dict[str, Any]:
    return {"game": "lewis", "step": 4000, "split": "test", "seeds": list(range(seeds)), "metrics": metrics}


def test_evaluation_table_says_what_was_found() -> None:
    metrics = {
        "topsim": entry(0.4, 0.5),
        "accuracy@1024": entry(0.11, 0.12, chance=1 / 1024),
        "accuracy@16": entry(0.81, 0.82, chance=0.0625),
        "accuracy_shuffled": entry(0.1, 0.11, chance=0.1),
        "accuracy": entry(0.91, 0.93, chance=0.1),
        "messages": entry(162.0, 164.0),
        "my_own_measure": entry(7.0, 9.0),
    }
    text = text_of(tables.evaluation_table(result_of(metrics)))
    assert "lewis  ·  step 4,000  ·  test split of 179  ·  2 seeds" in text
    assert line_of(text, "accuracy  ").split() == ["accuracy", "0.920", "0.793", "to", "1.000*", "0.100", "0.910", "0.930"]
    assert line_of(text, "messages used of 179").split()[4:] == ["163.0", "150.3", "to", "175.7", "162.0", "164.0"]
    assert "8.000" in line_of(text, "my own measure")
    starts = [
        "accuracy  ",
        "  messages shuffled",
        "accuracy among 16",
        "accuracy among 1,024",
        "messages used",
        "topographic",
        "my own",
    ]
    places = [text.index(f"\n{start}") for start in starts]
    assert places == sorted(places)
    assert "Intervals over 2 seeds (Student t)" in text
    assert max(map(len, text.splitlines())) <= 80


def test_an_interval_is_cut_only_where_the_measure_ends() -> None:
    cut = text_of(tables.evaluation_table(result_of({"accuracy": entry(0.85, 0.99, chance=0.1), "entropy": entry(0.1, 3.0)})))
    assert "0.031 to 1.000*" in line_of(cut, "accuracy")
    assert "0.000 to 19.974*" in line_of(cut, "speaker's entropy")
    assert "* cut where" in cut
    whole = text_of(tables.evaluation_table(result_of({"accuracy": entry(0.5, 0.51, chance=0.1), "reward": entry(-3.0, 4.0)})))
    assert "*" not in whole
    assert "-43.972 to 44.972" in line_of(whole, "reward")
    assert "*" not in text_of(tables.evaluation_table(result_of({"loss": entry(-30.0, -31.0)})))  # minus a likelihood may be negative


def test_the_table_is_of_the_object_and_does_not_change_it() -> None:
    given = result_of({"accuracy": entry(0.85, 0.99, chance=0.1)})
    tables.evaluation_table(given)
    assert given["metrics"]["accuracy"]["high"] > 1


def test_what_is_undefined_is_a_dash_and_a_reason() -> None:
    metrics = {"topsim": entry(None, None, reason="constant language [all equal]"), "posdis": entry(0.25, None, reason="one symbol")}
    text = text_of(tables.evaluation_table(result_of(metrics)))
    assert line_of(text, "topographic similarity  ").split()[2:] == ["–", "–", "–"]
    assert "topographic similarity: undefined, constant language [all equal]" in text
    assert line_of(text, "positional disentanglement  ").split()[2:] == ["0.250", "0.250", "–"]
    assert "positional disentanglement: undefined for 1 of 2 seeds, one symbol" in text


def test_many_seeds_are_told_as_a_range_and_one_seed_has_no_column_of_its_own() -> None:
    four = text_of(tables.evaluation_table(result_of({"accuracy": entry(0.9, 0.8, 0.95, 0.85, chance=0.1)}, seeds=4)))
    assert "range of 4 seeds" in four
    assert line_of(four, "accuracy").endswith("0.800 to 0.950")
    one = entry(0.944, chance=0.1) | {"low": 0.9, "high": 0.97}
    text = text_of(tables.evaluation_table(result_of({"accuracy": one, "loss": entry(1.05)}, seeds=1)))
    assert line_of(text, "accuracy").split() == ["accuracy", "0.944", "0.900", "to", "0.970", "0.100"]
    assert line_of(text, "loss").split() == ["loss", "1.050"]
    assert "Wilson" in text


def test_large_figures_and_small_chances_fit_the_width() -> None:
    metrics = {
        "accuracy@4096": entry(0.02, 0.03, 0.025, 0.024, chance=1 / 4096),
        "messages": entry(1841.0, 2648.0, 1900.0, 2000.0, n=9216),
        "entropy": entry(1.6, 1.5, 1.7, 1.8),
    }
    text = text_of(tables.evaluation_table(result_of(metrics, seeds=4)))
    assert line_of(text, "messages used of 9,216").split()[4:] == ["2,097", "1,504", "to", "2,691", "1,841", "to", "2,648"]
    assert "0.0002" in line_of(text, "accuracy among 4,096")
    assert "…" not in text


def test_reward_is_told_unless_it_is_the_accuracy_again() -> None:
    accuracy = entry(0.9, 0.8, chance=0.1)
    assert "reward" not in text_of(tables.evaluation_table(result_of({"accuracy": accuracy, "reward": accuracy | {"chance": None}})))
    assert "reward" in text_of(tables.evaluation_table(result_of({"accuracy": accuracy, "reward": entry(0.7, 0.6)})))


def test_every_metric_has_a_name_for_people() -> None:
    assert measures.measure("accuracy_vote@noise").name == "listeners' vote under noise"
    assert measures.measure("accuracy@4096").name == "accuracy among 4,096"
    assert measures.measure("accuracy@4096").high == 1.0
    assert measures.variant("level-3") == "at level 3"
    assert measures.measure("accuracy@level-15").name == "accuracy at level 15"
    assert measures.measure("accuracy@level-15").high == 1.0
    assert measures.measure("new_thing@far").name == "new thing@far"
    assert measures.measure("ari@A").name == "adjusted Rand index, agent A"
    assert measures.measure("kappa@AB").name == "Cohen's kappa, agents A and B"
    assert measures.measure("kappa@A1B").name == "Cohen's kappa, agents A1 and B"
    assert measures.measure("nmi@A").high == 1.0
    assert measures.measure("ari_unseen").name == "adjusted Rand index, things not seen"
    assert measures.measure("fit@B").name == "log-likelihood of latents, agent B"


def test_levels_stand_in_their_order() -> None:
    names = ["accuracy", *(f"accuracy@level-{level}" for level in (10, 9, 0, 15, 1, 2)), "accuracy_shuffled", "level"]
    in_order = ["accuracy", *(f"accuracy@level-{level}" for level in (0, 1, 2, 9, 10, 15)), "accuracy_shuffled"]
    got = tables.sections(dict.fromkeys(names))
    assert got[-1] == ["level"]
    assert [name for name in got[0] if "@" in name] == in_order[1:-1]


def test_what_agents_measure_stands_below_their_mean() -> None:
    names = ["ari@A", "ari@B", "ari", "nmi", "nmi@A", "nmi@B", "matched", "synchrony", "kappa", "kappa@AB", "loss"]
    assert tables.sections(dict.fromkeys(names)) == [
        ["kappa", "kappa@AB", "ari", "ari@A", "ari@B", "nmi", "nmi@A", "nmi@B", "matched", "loss"],
        ["synchrony"],
    ]


def test_recall_table() -> None:
    def row(sign: int, a: int, b: int, kind: str | None, share: float | None) -> dict[str, Any]:
        return {"sign": sign, "said": {"A": a, "B": b}, "class": kind, "share": share}

    result: dict[str, Any] = {"game": "naming", "step": 1500, "split": "test", "seed": 3}
    result["signs"] = [row(2, 1200, 7, "a dog", 0.5), row(0, 3, 0, "cat [one]", 1.0), row(1, 0, 0, None, None)]
    text = text_of(tables.recall_table(result))
    assert "naming  ·  step 1,500  ·  test split  ·  seed 3" in text
    assert line_of(text, "c ").split() == ["c", "a", "dog", "50%", "1,200", "7"]
    assert line_of(text, "a ").split() == ["a", "cat", "[one]", "100%", "3", "0"]
    assert "1 sign never said" in text
    plain = {"signs": [{"sign": i, "said": {"A": 1}} for i in range(tables.MOST_SIGNS + 2)]}
    text = text_of(tables.recall_table(result | plain))
    assert "mostly names" not in text
    assert "2 more signs in recall.json" in text


def test_curve_summary() -> None:
    area, end = {"mean": 0.5, "low": 0.4, "high": 0.6}, {"mean": 0.75, "low": None, "high": None}
    text = text_of(
        tables.curve_summary({"task": "discrimination", "measure": "accuracy", "curves": {"its language": {"area": area, "end": end}}})
    )
    assert "discrimination, accuracy" in text
    assert line_of(text, "its language").split() == ["its", "language", "0.500", "0.400", "to", "0.600", "0.750"]


def test_describe_table_counts_every_parameter() -> None:
    config = replace(lewis.PRESETS["tiny"], n_speakers=3, n_listeners=2, frozen="listener")
    experiment = lewis.make(config, scenes.load("digits"))
    text = text_of(tables.describe_table(experiment, config))
    speakers, listeners = (sum(x.size for x in jax.tree.leaves(crowd.net)) for crowd in experiment.birth(jax.random.key(0)))
    assert line_of(text, "speaker").split() == ["speaker", "3", "agents"]
    assert line_of(text, "listener").split() == ["listener", "2", "agents", "frozen"]
    assert line_of(text, "  all 3").split()[-1] == f"{speakers:,}"
    assert line_of(text, "all agents").split()[-1] == f"{speakers + listeners:,}"
    assert line_of(text, "that learn").split()[-1] == f"{speakers:,}"
    assert line_of(text, "  embedding").split()[1:] == ["11", "×", "10", "110"]  # ten symbols and the start
    assert text.count("slow copy, each") == 1
    assert max(map(len, text.splitlines())) <= 80


class Village(NamedTuple):
    """A world of two makes of agents, one of them a crowd, of one agent more, and of what are no agents."""

    houses: tuple[Agent, ...]
    elder: Agent
    memory: dict[str, Any]
    bell: Any


class School(NamedTuple):
    """A world of a crowd and of how hard its lessons are."""

    pupils: Agent
    hard: Difficulty


def test_describe_table_does_not_count_who_is_kept_to_be_called_back() -> None:
    def birth(key: Any) -> School:
        pupils = crowd(lambda key: born(MLP(2, (3,), key=key), optax.sgd(0.1)), 4, key=key)
        return School(pupils, easy(jnp.zeros(5, jnp.int32), {"pupils": pupils}))

    experiment = Experiment(birth, (), lambda *_: None, {}, roles=("pupils",))  # type: ignore[arg-type, return-value]
    text = text_of(tables.describe_table(experiment, None))
    assert line_of(text, "all agents").split()[-1] == line_of(text, "that learn").split()[-1] == str(4 * (2 * 3 + 3))
    assert line_of(text, "hard").split() == ["hard", "state"]
    assert line_of(text, "  level").split() == ["level", "5"]
    assert "safe" not in text


def test_describe_table_counts_agents_alone() -> None:
    def birth(key: Any) -> Village:
        def one(key: Any) -> Agent:
            return born(MLP(2, (3,), key=key), optax.sgd(0.1))

        memory = {"seen": np.zeros((5, 4)), "said": np.zeros(7, int)}
        return Village((crowd(one, 4, key=key), crowd(one, 1, key=key)), one(key), memory, np.zeros((6, 6)))

    experiment = Experiment(birth, (), lambda *_: None, {}, roles=())  # type: ignore[arg-type, return-value]
    text = text_of(tables.describe_table(experiment, None))
    each = 2 * 3 + 3
    assert line_of(text, "houses 1").split() == ["houses", "1", "4", "agents"]
    assert line_of(text, "houses 2").split() == ["houses", "2", "1", "agent"]
    assert line_of(text, "elder").split() == ["elder", "1", "agent"]
    assert [line.split()[-1] for line in text.splitlines() if line.startswith("  each")] == [str(each)] * 3
    assert line_of(text, "  all 4").split()[-1] == str(4 * each)
    assert line_of(text, "memory").split() == ["memory", "state"]
    assert line_of(text, "  seen").split() == ["seen", "5", "×", "4"]
    assert line_of(text, "  said").split() == ["said", "7"]
    assert "6 × 6" in text
    assert line_of(text, "all agents").split()[-1] == str(6 * each)
    assert line_of(text, "that learn").split()[-1] == str(6 * each)


# ---------------------------------------------------------------------------------------------------------------- words


def told(found: words.Lexicon) -> dict[tuple[int, ...], list[int]]:
    return {word.symbols: word.members.tolist() for word in found.words}


def test_messages_that_are_said_often_stand_whole() -> None:
    tokens = np.array([[0, 1], [0, 2], [0, 1], [0, 1], [0, 2], [0, 2], [0, 2]])
    found = words.grouped(tokens, np.full(7, 2))
    assert told(found) == {(0, 2): [1, 4, 5, 6], (0, 1): [0, 2, 3]}
    assert [word.symbols for word in found.words] == [(0, 2), (0, 1)]  # most used first
    assert (found.depth, found.whole, found.messages, found.examples) == (2, True, 2, 7)


def test_messages_said_once_are_grouped_by_the_longest_beginning_that_leaves_three_each() -> None:
    # 18 different messages: 18 of three symbols, 6 beginnings of two (three each), 2 of one
    tokens = np.array([[a, b, c] for a in range(2) for b in range(3) for c in range(3)])
    found = words.grouped(tokens, np.full(18, 3))
    assert (found.depth, found.whole, found.messages) == (2, False, 18)
    assert told(found)[(1, 0)] == [9, 10, 11]
    assert words.grouped(tokens, np.full(18, 3), enough=4.0).depth == 1
    assert words.grouped(tokens, np.full(18, 3), depth=3).whole


def test_short_messages_stand_for_themselves_and_what_follows_the_end_is_not_looked_at() -> None:
    tokens = np.array([[5, 1, 1], [5, 2, 9], [5, 3, 3], [7, 7, 7], [5, 1, 4]])
    found = words.grouped(tokens, np.array([1, 1, 0, 3, 2]), depth=2)
    assert told(found) == {(5,): [0, 1], (): [2], (7, 7): [3], (5, 1): [4]}
    assert not found.whole  # 7 7 7 has more
    assert words.grouped(tokens, np.zeros(5, int)).words[0].symbols == ()  # silence is a language too


def test_a_language_without_repetition_still_has_first_symbols() -> None:
    found = words.grouped(np.array([[0], [1], [2], [3]]), np.ones(4, int))
    assert (found.depth, len(found.words)) == (1, 4)


def test_words_that_begin_alike_stand_together() -> None:
    def word(symbols: tuple[int, ...], *members: int) -> words.Word:
        return words.Word(symbols, np.array(members))

    labels = np.array([0, 0, 1, 1, 2, 2, 2])
    some = [word((4, 1), 4, 5, 6), word((3, 3), 2, 3), word((4, 0), 0), word((9, 9), 1)]
    # by labels: branch 9 is of class 0, branch 3 of class 1, branch 4 of class 2, and in it 0 before 2
    assert [w.symbols for w in words.in_order(some, labels)] == [(9, 9), (3, 3), (4, 0), (4, 1)]
    # without labels the fullest branch comes first, and in it the fullest word
    assert [w.symbols for w in words.in_order(some, None)] == [(4, 1), (4, 0), (3, 3), (9, 9)]


def test_a_sample_has_the_labels_in_their_proportion() -> None:
    labels = np.array([7, 1, 7, 7, 1, 7, 2, 7, 7, 7])  # 7 seven times, 1 twice, 2 once
    word = words.Word((0,), np.arange(10))
    assert words.fair_sample(word, labels, 5).tolist() == [0, 2, 3, 5, 1]  # 3.5, 1 and 0.5 seats; of equal remainders the commonest wins
    assert words.fair_sample(word, labels, 20).tolist() == [0, 2, 3, 5, 7, 8, 9, 1, 4, 6]
    assert words.fair_sample(word, None, 3).tolist() == [0, 1, 2]
    assert word.share(labels) == (7, 0.7)


def test_symbols_in_print() -> None:
    assert [words.letter(symbol, 52) for symbol in (0, 25, 26, 51)] == ["a", "z", "A", "Z"]
    assert words.letter(3, 100) == "3"
    assert words.message([0, 1, 1, 0], 2) == "0110"
    assert words.message([1], 2) == "b"  # one of two letters, not a bit of several
    assert words.message([3, 14, 6], 26) == "dog"
    assert words.message([0, 27], 52) == "aB"
    assert words.message([7, 11], 53) == "7·11"
    assert [words.message([place], 0) for place in (0, 33, 612)] == ["#0", "#33", "#612"]  # no symbols: messages by number


def test_attributes_that_words_tell_most_of_come_first() -> None:
    values = np.random.default_rng(0).integers(0, 2, (400, 20))
    some = [words.Word((symbol,), np.flatnonzero(values[:, 13] == symbol)) for symbol in (0, 1)]
    assert named.telling(values, some)[0] == 13
    assert named.telling(values[:, :3], some) == [0, 1, 2]


def test_each_example_is_told_once() -> None:
    language = Language(np.arange(10).reshape(1, 5, 2), np.full((1, 5), 2), {"index": np.array([3, 1, 3, 0, 1])})
    same, index = lexicon.once(language)
    assert index.tolist() == [3, 1, 0]
    assert same.tokens[0].tolist() == [[0, 1], [2, 3], [6, 7]]


# -------------------------------------------------------------------------------------------------------------- figures


def pixels(path: Path) -> np.ndarray:
    """RGB of a PNG as whole numbers [h w 3]."""
    return np.round(imread(path)[..., :3] * 255).astype(int)


def colours(picture: np.ndarray) -> int:
    """How many different ones there are: a blank sheet has one."""
    return len(np.unique(picture @ (1, 256, 256**2)))


def where(picture: np.ndarray, colour: Any) -> np.ndarray:
    """Rows and columns of the pixels of a colour, given by name or as numbers."""
    return np.argwhere(np.abs(picture - np.round(np.array(to_rgb(colour)) * 255)).max(-1) <= 1)


def has(picture: np.ndarray, colour: Any) -> bool:
    return len(where(picture, colour)) > 0


def digit_language(symbols: tuple[int, int]) -> Language:
    """Two messages for twelve images."""
    tokens = np.repeat(np.array(symbols), 6).reshape(1, 12, 1)
    return Language(tokens, np.ones((1, 12), int), {"index": np.arange(12)})


def test_the_lexicon_shows_its_symbols_and_images(tmp_path: Path) -> None:
    images = np.zeros((12, 8, 8, 3), np.uint8)
    images[:6], images[6:] = (250, 10, 130), (10, 250, 30)
    path = tmp_path / "deep" / "lexicon.png"
    labels = np.repeat([0, 1], 6)
    assert draw_lexicon(digit_language((0, 3)), images, labels, ("pink", "lime"), path, vocab_size=4) == path
    picture = pixels(path)
    for colour in (style.hue(0), style.hue(3), np.array((250, 10, 130)) / 255, np.array((10, 250, 30)) / 255):
        assert has(picture, colour)
    assert not has(picture, style.hue(2))
    height, width, _ = picture.shape
    assert 1300 < width < 4000
    assert 500 < height < 2000


@pytest.mark.parametrize("kind", ["many", "vectors", "plain", "silent", "constant"])
def test_every_kind_of_language_has_a_lexicon(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    tokens, lengths = rng.integers(0, 5, (2, 150, 4)), np.full((2, 150), 4)
    about: dict[str, np.ndarray] = {"index": np.arange(150)}
    images: np.ndarray | None = rng.integers(0, 255, (150, 8, 8, 1), dtype=np.uint8)
    labels: np.ndarray | None = rng.integers(0, 10, 150)
    if kind == "vectors":
        images, about["attributes"] = None, rng.integers(0, 3, (150, 12))
    if kind == "plain":
        images = labels = None
    if kind == "silent":
        lengths = rng.integers(0, 5, (2, 150))
    if kind == "constant":
        tokens = np.zeros_like(tokens)
    path = draw_lexicon(Language(tokens, lengths, about), images, labels, (), tmp_path / "l.png", vocab_size=5, speaker=1)
    assert colours(pixels(path)) > 60


def test_the_caption_says_what_is_shown() -> None:
    tokens = np.array([[[a, b, c] for a in range(2) for b in range(3) for c in range(3)]] * 2)
    language = Language(tokens, np.full((2, 18), 3), {})
    found = words.grouped(tokens[0], language.lengths[0])
    caption = lexicon._caption(found, found.words[:3], language, 1, "images")
    assert "Speaker 2 of 2. 18 messages name 18 images, so they are grouped by their first 2 symbols" in caption
    assert "the 3 most used of 6, for 50% of 18 images" in caption
    whole = words.grouped(tokens[0], language.lengths[0], depth=3)
    assert "Messages and the images they name: the 2 most used of 18 messages, for 11% of" in lexicon._caption(
        whole, whole.words[:2], language, 0, "images"
    )
    one = words.grouped(np.zeros((4, 2), int), np.full(4, 2))
    assert (
        lexicon._caption(one, one.words, Language(np.zeros((1, 4, 2), int), np.full((1, 4), 2), {}), 0, "images")
        == "One message for all 4 images."
    )


def test_strokes_on_a_dark_ground_are_printed_dark_on_light() -> None:
    stroke = np.zeros((8, 8, 1), np.uint8)
    stroke[3:5, 3:5] = 255
    dark, light = named.printed(stroke), named.printed(255 - stroke)
    assert dark.shape == (120, 120, 3)
    assert dark[60, 60].max() < 0.3 < 0.9 < dark[0, 0].min()
    np.testing.assert_allclose(dark, light, atol=1e-6)
    photo = np.random.default_rng(0).integers(0, 255, (200, 160, 3), dtype=np.uint8)
    np.testing.assert_allclose(named.printed(photo), photo / 255)


ROWS = [
    {"step": step, "seed": seed, "split": split, "accuracy": step / 100 + seed / 10, "loss": None if split == "valid" else 1.0}
    for step in (10, 20)
    for seed in (0, 1)
    for split in ("train", "valid")
]


def test_rows_are_gathered_by_split_and_seed() -> None:
    train, valid = lines.gather([*ROWS, {"step": 20, "seed": 1, "split": "valid", "accuracy": 0.9}], "accuracy")
    assert (train.name, valid.name) == ("training", "held out")
    np.testing.assert_allclose(train.value, [[0.1, 0.2], [0.2, 0.3]])
    np.testing.assert_allclose(valid.value, [[0.1, 0.2], [0.2, 0.9]])  # a step told twice counts as told last
    assert [line.name for line in lines.gather(ROWS, "loss")] == ["training"]
    (late,) = lines.gather([{"step": 5, "seed": 0, "split": "train", "kl": 1.0}, {"step": 9, "seed": 1, "split": "train", "kl": 2.0}], "kl")
    np.testing.assert_allclose(late.value, [[1.0, np.nan], [np.nan, 2.0]])
    assert lines.gather(ROWS, "entropy") == []


def test_curves_draw_both_splits_and_any_rows(tmp_path: Path) -> None:
    picture = pixels(curves(ROWS, tmp_path / "new" / "curves.png", chance=0.1))
    assert has(picture, style.BLUE)
    assert has(picture, style.VERMILION)
    one = pixels(curves([row for row in ROWS if row["split"] == "train" and row["seed"] == 0], tmp_path / "one.png"))
    assert not has(one, style.VERMILION)
    other = [{"step": 1, "seed": 0, "split": "train", "ari": -0.2}]
    assert colours(pixels(curves(other, tmp_path / "other.png"))) > 20
    assert curves([], tmp_path / "none.png").exists()


def naming_rows(agents: str = "AB") -> list[dict[str, Any]]:
    """A run that learns for 4000 steps and then names for 50, with a held-out value at the end."""
    rows: list[dict[str, Any]] = [{"step": step, "seed": 0, "split": "train", "loss": 5.0 - step / 1000} for step in range(0, 4001, 100)]
    for step in range(4001, 4052):
        rows.append({"step": step, "seed": 0, "split": "train", "kappa": 0.5, **{f"ari@{name}": 0.4 for name in agents}})
    return [*rows, {"step": 4051, "seed": 0, "split": "valid", "kappa": 0.6, "ari@A": 0.3}]


def test_what_exists_late_and_shortly_has_an_axis_of_its_own() -> None:
    span = {name: lines._span(lines.gather(naming_rows(), name), 4051.0) for name in ("loss", "kappa")}
    assert span == {"loss": (0.0, 4051.0), "kappa": (4001.0, 4051.0)}
    once = [lines.Line("held out", np.array([4051]), np.ones((1, 1)))]
    assert lines._span(once, 4051.0) == (0.0, 4051.0)  # one point has no axis
    late = [lines.Line("training", np.array([2500, 4051]), np.ones((1, 2)))]
    assert lines._span(late, 4051.0) == (0.0, 4051.0)  # late, but no short part


def test_variants_share_the_panel_of_their_measure(tmp_path: Path) -> None:
    rows = naming_rows("BA")
    found = lines._lines(rows, "ari", ["ari@A", "ari@B"])
    assert [line.name for line in found] == ["agent A", "agent B"]  # what was held out is not among them
    assert found[0].steps.tolist() == list(range(4001, 4052))
    assert [line.name for line in lines._lines(rows, "kappa", ["ari@A"])] == ["mean", "held out", "agent A"]
    assert [line.name for line in lines._lines(rows, "kappa", [])] == ["training", "held out"]
    picture = pixels(curves(rows, tmp_path / "one.png", shown=("ari", "nmi")))
    assert has(picture, style.BLUE)
    assert has(picture, style.VERMILION)
    assert not has(picture, style.GREEN)
    both = pixels(curves(rows, tmp_path / "two.png", shown=("kappa", "ari")))
    left, right = where(both, style.SOFT), where(both, style.BLUE)  # what is of no agent has no agent's colour
    assert left[:, 1].min() < right[:, 1].min()  # in the order of shown


def test_variants_are_drawn_where_they_say_more_and_can_be_told_apart() -> None:
    pairs = ["kappa", "kappa@AB", "loss", "ari@A", *(f"nmi@{letter}" for letter in "BA"), "nmi"]
    assert [lines._parts(name, pairs) for name in ("kappa", "loss", "ari", "nmi")] == [[], [], ["ari@A"], ["nmi@A", "nmi@B"]]
    assert lines._parts("nmi", ["nmi", *(f"nmi@{letter}" for letter in "ABCDEFGHIJK")]) == []
    assert lines._colours(["AB", "B", "A", "B"]) == {"agent A": style.BLUE, "agent B": style.VERMILION, "agents A and B": style.GREEN}
    assert len(set(lines._colours("ABCDEFGHIJ").values())) == 10


def test_many_measures_are_wrapped_and_few_are_as_they_were(tmp_path: Path) -> None:
    rows = [row | {"nmi": 0.5, "reward": 0.5} for row in ROWS]
    five = pixels(curves(rows, tmp_path / "five.png", shown=("nmi", "accuracy", "loss", "reward", "entropy")))
    two = pixels(curves(rows, tmp_path / "two.png"))
    assert five.shape[0] > 1.6 * two.shape[0]
    assert five.shape[1] == two.shape[1]
    np.testing.assert_array_equal(pixels(curves(ROWS, tmp_path / "same.png", shown=lines.SHOWN)), two)


def test_held_out_variants_change_no_curves(tmp_path: Path) -> None:
    held_out = [row | ({"accuracy@16": 0.9, "accuracy@64": 0.8} if row["split"] == "valid" else {}) for row in ROWS]
    plain, same = (curves(rows, tmp_path / f"{i}.png") for i, rows in enumerate((ROWS, held_out)))
    np.testing.assert_array_equal(pixels(plain), pixels(same))


def test_learning_draws_a_line_for_each_language(tmp_path: Path) -> None:
    steps = np.arange(1, 51)
    found = [Curve(name, "accuracy", steps, np.full((3, 50), level)) for name, level in (("its language", 0.9), ("untrained", 0.4))]
    picture = pixels(learning(found, tmp_path / "probe.png", 0.1))
    better, worse = where(picture, style.BLUE), where(picture, style.VERMILION)
    assert better[:, 0].mean() < worse[:, 0].mean()  # higher up
    losses = [Curve("its language", "loss", steps, np.full((1, 50), 3.0))]
    assert learning(losses, tmp_path / "loss.png", None).exists()


def test_the_matrix_goes_from_chance_to_one(tmp_path: Path) -> None:
    accuracy = np.array([[1.0, 0.05], [0.1, np.nan]])
    picture = pixels(matrix(["seed 0", "seed 1"], accuracy, tmp_path / "m.png", 0.1))
    assert has(picture, style.HEAT(1.0))
    assert has(picture, style.HEAT(0.0))
    for n in (1, heat.NUMBERS + 1):
        path = matrix([f"a run with a long name, seed {i}" for i in range(n)], np.full((n, n), 0.5), tmp_path / f"{n}.png")
        assert colours(pixels(path)) > 60


def test_labels_move_apart_no_further_than_they_must() -> None:
    np.testing.assert_allclose(style.spread([0.5, 0.5], 0.1, 0.0, 1.0), [0.45, 0.55])
    np.testing.assert_allclose(style.spread([0.9, 0.2], 0.1, 0.0, 1.0), [0.9, 0.2])
    np.testing.assert_allclose(style.spread([1.0, 1.0, 0.0], 0.2, 0.0, 1.0), [0.8, 1.0, 0.0])


def test_texts_fit_and_are_readable() -> None:
    assert style.fitted("short", 2.0, 12.0) == ("short", 12.0)
    text, size = style.fitted("n01440764 tench, Tinca tinca", 0.8, 12.0)
    assert (text, size) == ("n01440764 t…", 8.0)  # twelve characters of 0.6 x 8 points are 0.8 inches
    assert style.over("#ffee00") == style.INK
    assert style.over("#330066") == "#ffffff"
    assert [style.short(x) for x in (0.0, 4000.0, 10_000.0, 2_500_000.0)] == ["0", "4,000", "10k", "2.5M"]
    assert len({style.hue(symbol) for symbol in range(36)}) == 36


def test_figures_leave_matplotlib_as_it_was(tmp_path: Path) -> None:
    code = f"""
import sys, matplotlib, numpy as np
before = matplotlib.rcParams.copy()
from semiosis.report.figures import curves, matrix
matrix(["a", "b"], np.eye(2), r"{tmp_path}/m.png", 0.5)
curves([{{"step": 1, "seed": 0, "split": "train", "loss": 1.0}}], r"{tmp_path}/c.png")
assert "matplotlib.pyplot" not in sys.modules
assert before == matplotlib.rcParams
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(semiosis.__file__).parents[1])
