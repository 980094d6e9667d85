"""Where published implementations disagree or err: theirs written out, ours beside it, and the numbers that docs/metrics.md prints."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cosine
from scipy.stats import spearmanr

from semiosis import metrics
from semiosis.metrics.lexical import READINGS

GRID = np.array([(a, b) for a in range(4) for b in range(4)])
IDENTITY = GRID + np.array([0, 4])


def row(repo: Path, title: str) -> list[str]:
    """The cells of a row of the table of disagreements, after its title: ours, theirs, why."""
    text = (repo / "docs" / "metrics.md").read_text()
    (line,) = re.findall(rf"^\| {re.escape(title)} \|(.*)\|$", text, re.MULTILINE)
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]


def h(values: np.ndarray) -> float:
    shares = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(shares * np.log2(shares)).sum())


def information(x: np.ndarray, y: np.ndarray) -> float:
    return h(x) + h(y) - h(x * 1000 + y)


def slow_gap(feature: np.ndarray, attributes: np.ndarray) -> float:
    told = sorted((information(feature, column) for column in attributes.T), reverse=True)
    return (told[0] - told[1]) / h(feature)


# topographic similarity


def test_topsim_of_a_loop_over_pairs_is_the_same_number():
    rng = np.random.default_rng(0)
    tokens, x = rng.integers(0, 3, (40, 4)), rng.normal(size=(40, 5))

    def edits(left: list[int], right: list[int]) -> int:
        table = list(range(len(right) + 1))
        for i, a in enumerate(left, 1):
            above, table = table, [i]
            for j, b in enumerate(right, 1):
                table.append(min(above[j] + 1, table[-1] + 1, above[j - 1] + (a != b)))
        return table[-1]

    pairs = list(combinations(range(40), 2))
    loop = spearmanr([edits(tokens[i].tolist(), tokens[j].tolist()) for i, j in pairs], [cosine(x[i], x[j]) for i, j in pairs]).statistic
    assert metrics.topsim(tokens, x).value == pytest.approx(loop, abs=1e-9)


# disentanglement


def test_bosdis_with_and_without_the_end_symbol(repo: Path):
    """`1 + a`, then `3 + a` if a = b, else the end, which is written 0: EGG leaves it out, emlangkit counts it like a symbol."""
    attributes = np.array([(a, b) for a in range(2) for b in range(2)])
    alike = attributes[:, 0] == attributes[:, 1]
    tokens = np.stack([1 + attributes[:, 0], np.where(alike, 3 + attributes[:, 0], 0)], axis=1)
    counts = [(tokens == symbol).sum(axis=1) for symbol in range(5)]
    egg, emlangkit = (np.mean([slow_gap(count, attributes) for count in some]) for some in (counts[1:], counts))
    lengths = 1 + alike
    assert metrics.bosdis(tokens, attributes, lengths).value == pytest.approx(egg, abs=1e-9)
    assert metrics.bosdis(tokens, attributes, lengths, end=True).value == pytest.approx(emlangkit, abs=1e-9)
    ours, theirs, _ = row(repo, "BosDis and the end")
    assert ours == f"{egg:.1f} (`end=False`), {emlangkit:.1f} (`end=True`)"
    assert theirs == "0.5 (EGG), 0.4 (emlangkit)"


def test_posdis_of_one_attribute_and_of_a_constant_language(repo: Path):
    one, constant = metrics.posdis(IDENTITY, GRID[:, :1]), metrics.posdis(np.full((16, 2), 3), GRID)
    assert (one.value, constant.value) == (None, None)
    assert one.reason in row(repo, "PosDis of one attribute")[0]
    assert constant.reason in row(repo, "PosDis of a constant language")[0]


def test_posdis_of_all_positions_and_of_the_first(repo: Path):
    """The first attribute, then a symbol of its own for each meaning."""
    tokens = np.column_stack([GRID[:, 0], 4 * GRID[:, 0] + GRID[:, 1]])
    gaps = [slow_gap(column, GRID) for column in tokens.T]
    assert gaps == pytest.approx([1, 0])
    assert metrics.posdis(tokens, GRID).value == pytest.approx(0.5)
    ours, theirs, _ = row(repo, "PosDis of the first place")
    assert (ours, theirs) == ("0.5", "1 (Korbak et al.)")


# context independence


def test_context_independence_by_either_argmax(repo: Path):
    """Three of the four messages about each concept hold a symbol of its own, and all hold a third."""
    attributes = np.repeat([0, 1], 4)[:, None]
    tokens, lengths = np.stack([np.full(8, 9), attributes[:, 0]], axis=1), np.array([2, 2, 2, 1] * 2)
    found = [metrics.context_independence(tokens, attributes, lengths, reading=reading).value for reading in READINGS]
    assert found == pytest.approx([1 * 3 / 4, 1 * 1 / 2])
    ours, theirs, _ = row(repo, "Context independence, two readings")
    assert (ours[:4], theirs[:3]) == ("0.75", "0.5")


def test_npmi_of_what_never_meets(repo: Path):
    """Two messages for two meanings: together as often as can be, or never, where log2(0) / -log2(0) is no number."""
    found = metrics.associations(np.array([[0], [1]]), np.array([[0], [1]]))
    assert (found.best.value, found.bijective.value) == (1, 1)
    assert row(repo, "NPMI of what never meets")[0] == "-1, its limit"


# frequency and length


def test_abbreviation_sees_lengths_and_not_only_words(repo: Path):
    """The same words, equally frequent, once with short messages for the frequent and once with long ones."""
    times, tokens = np.array([8, 4, 2, 1]), np.stack([np.full(4, symbol) for symbol in range(4)])
    short = metrics.abbreviation(tokens.repeat(times, axis=0), np.array([1, 2, 3, 4]).repeat(times))
    long = metrics.abbreviation(tokens.repeat(times, axis=0), np.array([4, 3, 2, 1]).repeat(times))
    assert (short.correlation.value, long.correlation.value) == pytest.approx((-1, 1))
    ours, _, _ = row(repo, "Zipf's law of abbreviation")
    assert "-1" in ours
    assert "+1" in ours


# causal influence


def test_causal_influence_of_the_deaf(repo: Path):
    answers = np.random.default_rng(0).dirichlet(np.ones(5), 30)[:, None].repeat(10, axis=1)  # ten messages, the same answer
    ours = metrics.causal_influence(answers).value
    weights = np.full(10, 0.1)
    marginal = (weights[:, None] * answers).mean(axis=1)  # a mean where a sum belongs
    theirs = np.mean([(weights[:, None] * p * np.log(p / q)).sum() for p, q in zip(answers, marginal, strict=True)])
    assert ours == pytest.approx(0, abs=1e-9)
    assert theirs == pytest.approx(np.log(10), abs=1e-9)
    told, published, _ = row(repo, "CIC of a listener that ignores messages")
    assert told == "0"
    assert f"{theirs:.3f} nats" in published
    # the offset is the same whatever the listener does: it is on top of every value
    heeds = np.random.default_rng(1).dirichlet(np.ones(5), (30, 10))
    wrong = np.mean([(weights[:, None] * p * np.log(p / (weights[:, None] * p).mean(axis=0))).sum() for p in heeds])
    assert wrong / np.log(2) == pytest.approx((metrics.causal_influence(heeds).value or 0) + np.log2(10), abs=1e-9)


# plug-in information


@pytest.mark.parametrize(("n", "digits"), [(100, 1), (1000, 2), (10_000, 2)])
def test_information_of_a_random_language(repo: Path, n: int, digits: int):
    """50 symbols for 10 labels, nothing shared; the figure printed is the mean over languages, to the digits that are sure."""
    rng = np.random.default_rng(0)
    values = [metrics.mutual_information(rng.integers(0, 50, (n, 1)), rng.integers(0, 10, n)).value for _ in range(40)]
    title = f"Plug-in I of a random language, N = {n:,}"
    ours, theirs, _ = row(repo, title)
    printed = float(re.findall(r"[\d.]+", theirs)[0])
    assert np.mean(values) == pytest.approx(printed, abs=0.6 * 10**-digits + 4 * np.std(values) / 40**0.5)
    # the null is that number; the corrected estimators are nearer to 0, which is the truth
    tokens, labels = rng.integers(0, 50, (n, 1)), rng.integers(0, 10, n)
    found = metrics.mutual_information(tokens, labels, null=True, permutations=20)
    assert found.null == pytest.approx(np.mean(values), abs=6 * np.std(values))
    assert abs(metrics.mutual_information(tokens, labels, estimator="nsb").value) < found.null / 4
    assert "null" in ours
