"""Words and rules: which symbol means what, and how much of a language is said an attribute at a time."""

from __future__ import annotations

from collections import Counter
from itertools import permutations
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest

from semiosis.errors import UsageError
from semiosis.metrics.compose import approximation, conflict_count, tree_reconstruction_error
from semiosis.metrics.lexical import adjusted_mutual_information, associations, concept_matching, context_independence

languages = SimpleNamespace(**run_path(str(Path(__file__).with_name("languages.py"))))
GRID = languages.grid(4, 4)
CODES = {name: getattr(languages, name)(GRID) for name in ("identity", "permuted", "shared", "holistic", "bag")}
CLOSE = 1e-9


def spoken(tokens: np.ndarray, lengths: np.ndarray) -> list[list[int]]:
    return [row[:length] for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]


def concepts(attributes: np.ndarray) -> list[list[tuple[int, int]]]:
    """The (attribute, value) pairs of each example."""
    return [list(enumerate(row)) for row in attributes.tolist()]


# golden languages


@pytest.mark.parametrize(
    ("name", "messages", "symbols"),
    [
        # of symbols: half of those said of a value are its own, and half of the concepts a symbol is said of are its own
        ("identity", 1, 1 / 4),
        ("permuted", 1, 1 / 4),
        ("bag", 1, 1 / 4),
        # v is in 7 messages of 16, in 4 of them for a = v. Of the 8 symbols said of a = v, 5 are v; of 16 concepts v is said of, 5 are it
        ("shared", 4 / 7, 5 / 8 * 5 / 16),
        # each of a value's four words is always about it; of two concepts a word is said of, one is the value
        ("holistic", 1 / 4, 1 / 4 * 1 / 2),
    ],
)
def test_context_independence_of_golden_languages(name: str, messages: float, symbols: float):
    assert context_independence(CODES[name], GRID).value == pytest.approx(messages, abs=CLOSE)
    assert context_independence(CODES[name], GRID, count="symbols").value == pytest.approx(symbols, abs=CLOSE)


@pytest.mark.parametrize(
    ("name", "score", "best", "bijective"),
    [
        ("identity", 1, 1, 1),
        ("permuted", 1, 1, 1),
        ("bag", 1, 1, 1),
        # four symbols for eight values, 4 messages each, of 32. v in 7 of 16, a = v in 4, both in 4: ln(16 / 7) / ln 4, for half of them
        ("shared", 1 / 2, np.log(16 / 7) / np.log(4), np.log(16 / 7) / np.log(4) / 2),
        # eight words for eight values, a message each, of 32. A word in 1 of 16, a value in 4, both in 1: ln 4 / ln 16
        ("holistic", 1 / 4, 1 / 2, 1 / 2),
    ],
)
def test_matches_of_golden_languages(name: str, score: float, best: float, bijective: float):
    found = concept_matching(CODES[name], GRID)
    assert found.score.value == pytest.approx(score, abs=CLOSE)
    assert sum(word.together for word in found.lexicon) == pytest.approx(32 * score)
    assert sum(word.weight for word in found.lexicon) == pytest.approx(score)
    pairs = associations(CODES[name], GRID)
    assert (pairs.best.value, pairs.bijective.value) == pytest.approx((best, bijective), abs=CLOSE)


@pytest.mark.parametrize(
    ("name", "positions", "bag", "conflicts"),
    [
        ("identity", (0, 0), (0, 0), 0),
        ("permuted", (0, 0), (0, 0), 0),
        ("shared", (0, 0), (0, 0), 0),
        # 15 / 16 from the mean message, with 15 degrees of freedom; sums of attributes take 3 + 3 of them
        ("holistic", (15 / 16 * 9 / 15, 9 / 15), (15 / 16 * 9 / 15, 9 / 15), None),
        # 16 indicators "v stands at this place" = [a = v][b is as even as v]. Each has variance 1/8 - 1/64 = 7/64, of which a tells
        # 1/16 - 1/64 = 3/64 and b 1/32 - 1/64 = 1/64: 3/64 is left. At a place, the four symbols of the other attribute are wrong once in 2
        ("bag", (16 * 3 / 64, 3 / 7), (0, 0), 8),
    ],
)
def test_composition_of_golden_languages(name: str, positions: tuple, bag: tuple, conflicts: float | None):
    for form, expected in (("positions", positions), ("bag", bag)):
        found = [tree_reconstruction_error(CODES[name], GRID, form=form, relative=relative).value for relative in (False, True)]
        assert found == pytest.approx(list(expected), abs=CLOSE)
        assert found == [value and pytest.approx(value) for value in expected]  # what should be 0 is 0
    assert conflict_count(CODES[name], GRID).value == conflicts
    if conflicts is None:
        assert conflict_count(CODES[name], GRID).reason == "1 places for 2 attributes"
    else:
        assert conflict_count(CODES[name], GRID, relative=True).value == conflicts / 32


def test_negation():
    """Of four colours, "red box" and "red not box": "not" means circle, and "box", which is always said, nothing."""
    attributes, tokens, lengths = languages.negation(4)
    # colours 1, "not" 1; box is in all messages, half of them about boxes: 1/2 x 1. Of six concepts
    assert context_independence(tokens, attributes, lengths).value == pytest.approx((4 + 1 + 1 / 2) / 6, abs=CLOSE)
    # colours 4 x 2 messages, "not" 4 and box 4, of 4 x 2 + 4 x 3 symbols
    assert concept_matching(tokens, attributes, lengths).score.value == pytest.approx(16 / 20, abs=CLOSE)
    # nothing goes with boxes: what is always said is independent of them
    found = associations(tokens, attributes, lengths)
    assert (found.best.value, found.bijective.value) == pytest.approx((5 / 6, 5 / 6), abs=CLOSE)
    assert {(word.form, word.attribute, word.value) for word in found.lexicon} == {((c,), 0, c) for c in range(4)} | {((4,), 1, 0)}
    for end in (False, True):
        assert tree_reconstruction_error(tokens, attributes, lengths, end=end).value == 0
        assert conflict_count(tokens, attributes, lengths, end=end).value == 0


def test_lexicons_say_what_they_found():
    word = concept_matching(CODES["holistic"], GRID).lexicon[0]
    assert (word.together, word.said, word.meant, word.weight) == (1, 1, 4, 1 / 32)
    long = associations(languages.words(GRID), GRID, longest=3).lexicon
    # every value has a run that is said of it and of nothing else, but for (2, 5), which 0 1 2 5 1 holds too: 4 of 5 messages
    assert {(word.attribute, word.value) for word in long} == {(k, value) for k in range(2) for value in range(4)}
    assert {(word.together, word.said, word.meant) for word in long[:-1]} == {(4, 4, 4)}
    assert [word.weight for word in long[:-1]] == pytest.approx([1.0] * 7)
    assert long[-1] == ((2, 5), 1, 0, 4, 5, 4, pytest.approx(np.log(16 / 5) / np.log(4)))


def test_constant_languages_and_meanings_have_a_reason():
    tokens, constant = languages.constant(GRID), "constant language: all messages are equal"
    for metric in (context_independence, tree_reconstruction_error, conflict_count, adjusted_mutual_information):
        found = metric(tokens, GRID, null=True, bootstrap=3)
        assert (found[:5], found.reason) == ((None,) * 5, constant)
    assert concept_matching(tokens, GRID)[1] == associations(tokens, GRID)[2] == ()
    assert concept_matching(tokens, GRID).score.reason == associations(tokens, GRID).best.reason == constant
    assert {value.reason for value in approximation(tokens, GRID)[:4]} == {constant}
    same = GRID * 0
    assert context_independence(GRID, same).reason == associations(GRID, same).best.reason == "no attribute varies"
    assert adjusted_mutual_information(GRID, same).reason == "all labels are equal"
    assert tree_reconstruction_error(GRID, GRID[:, :0]).reason == "no attributes"
    assert approximation(GRID[:2], GRID[:2]).symbols.reason == "2 combinations of attributes for 5 folds"
    assert approximation(GRID[:0], GRID[:0]).symbols.reason == "no messages"


def test_misuse():
    with pytest.raises(UsageError, match="unknown reading 'bogin': known are concept-given-symbol, symbol-given-concept"):
        context_independence(GRID, GRID, reading="bogin")
    with pytest.raises(UsageError, match="unknown count 'words': known are messages, symbols"):
        context_independence(GRID, GRID, count="words")
    with pytest.raises(UsageError, match="unknown form 'tree': known are positions, bag"):
        tree_reconstruction_error(GRID, GRID, form="tree")
    with pytest.raises(UsageError, match="n-grams of up to 0 symbols: expected 1 or more"):
        associations(GRID, GRID, longest=0)
    with pytest.raises(UsageError, match="1 folds: expected 2 or more"):
        approximation(GRID, GRID, folds=1)
    with pytest.raises(UsageError, match=r"a listener that answers in shape \(\): expected \[16\]"):
        approximation(GRID, GRID, listener=lambda tokens, lengths: np.ones(()))


# adjusted information


def test_adjusted_information_by_hand():
    tokens = np.array([[0], [0], [1], [1]])
    assert adjusted_mutual_information(tokens, np.array([3, 3, 8, 8])).value == pytest.approx(1)
    # of the 6 ways to give two labels to two each, 2 tell 1 bit and 4 nothing: E = 1/3, and (0 - 1/3) / (1 - 1/3)
    crossed = adjusted_mutual_information(tokens, np.array([3, 8, 3, 8]), null=True, permutations=400)
    assert crossed.value == pytest.approx(-1 / 2)
    assert crossed.null == pytest.approx(0, abs=4 * np.sqrt(1 / 2 / 400))  # 1 in a third of the cases, else -1/2: variance 1/2
    # a word for each thing tells its colour, as any words would
    assert adjusted_mutual_information(CODES["holistic"], GRID[:, 0]).value == pytest.approx(0, abs=CLOSE)
    assert adjusted_mutual_information(CODES["holistic"], GRID).reason == "each message or each label occurs once: chance explains all"
    twice = np.tile(GRID, (2, 1))
    assert adjusted_mutual_information(languages.holistic(twice), twice).value == pytest.approx(1)


def test_adjusted_information_is_that_of_scikit_learn():
    from sklearn.metrics import adjusted_mutual_info_score

    attributes, tokens, lengths = languages.random(60, 2, 3, (3, 2), seed=4)
    labels = attributes[:, 0] * 2 + attributes[:, 1]
    names = [str(row) for row in spoken(tokens, lengths)]
    found = adjusted_mutual_information(tokens, attributes, lengths, null=True, permutations=20, bootstrap=10, seed=2)
    assert found.value == pytest.approx(adjusted_mutual_info_score(labels, names), abs=CLOSE)
    rng = np.random.default_rng(2)
    assert found.null == pytest.approx(
        np.mean([adjusted_mutual_info_score(labels[rng.permutation(60)], names) for _ in range(20)]), abs=CLOSE
    )
    assert found.low <= found.value <= found.high


# against the slow program


@pytest.mark.parametrize("seed", range(3))
def test_context_independence_equals_the_slow_program(seed: int):
    attributes, tokens, lengths = languages.random(40, 4, 5, (3, 2), seed)
    said, meant = spoken(tokens, lengths), concepts(attributes)
    every = sorted({concept for row in meant for concept in row})
    symbols = sorted({symbol for row in said for symbol in row})

    def of(count: str, reading: str) -> float:
        pairs = Counter(
            (symbol, concept)
            for row, about in zip(said, meant, strict=True)
            for symbol in (set(row) if count == "messages" else row)
            for concept in about
        )
        if count == "messages":
            by_symbol = {symbol: sum(symbol in row for row in said) for symbol in symbols}
            by_concept = {concept: sum(concept in row for row in meant) for concept in every}
        else:
            by_symbol = {symbol: sum(pairs[symbol, concept] for concept in every) for symbol in symbols}
            by_concept = {concept: sum(pairs[symbol, concept] for symbol in symbols) for concept in every}
        products = []
        for concept in every:
            shares = [(pairs[symbol, concept] / by_symbol[symbol], pairs[symbol, concept] / by_concept[concept]) for symbol in symbols]
            best = max(shares) if reading == "concept-given-symbol" else max(shares, key=lambda share: share[::-1])
            products.append(best[0] * best[1])
        return sum(products) / len(products)

    for count in ("messages", "symbols"):
        for reading in ("concept-given-symbol", "symbol-given-concept"):
            found = context_independence(tokens, attributes, lengths, count=count, reading=reading)
            assert found.value == pytest.approx(of(count, reading), abs=CLOSE)


@pytest.mark.parametrize("seed", range(3))
def test_matches_equal_the_slow_program(seed: int):
    attributes, tokens, lengths = languages.random(30, 3, 3, (3, 2), seed)
    said, meant = spoken(tokens, lengths), concepts(attributes)
    every = sorted({concept for row in meant for concept in row})
    n = len(said)

    def runs(row: list, longest: int) -> set:
        return {tuple(row[i : i + size]) for size in range(1, longest + 1) for i in range(len(row) - size + 1)}

    def best_of(table: dict, forms: list) -> float:
        """The greatest sum of a one-to-one match, tried one by one; None stands for no form."""
        rows = [*forms, *[None] * max(0, len(every) - len(forms))]
        return max(sum(table.get(pair, 0.0) for pair in zip(some, every, strict=True)) for some in permutations(rows, len(every)))

    together = Counter((form, concept) for row, about in zip(said, meant, strict=True) for form in runs(row, 1) for concept in about)
    forms = sorted({form for form, _ in together})
    whole = sum(max(len(row), 2) for row in said)
    assert concept_matching(tokens, attributes, lengths).score.value == pytest.approx(best_of(together, forms) / whole, abs=CLOSE)

    def npmi(form: tuple, concept: tuple, longest: int) -> float:
        both = sum(form in runs(row, longest) and concept in about for row, about in zip(said, meant, strict=True)) / n
        alone = sum(form in runs(row, longest) for row in said) / n * (sum(concept in about for about in meant) / n)
        return np.log(both / alone) / -np.log(both) if both else -1.0

    strength = {(form, concept): npmi(form, concept, 1) for form in forms for concept in every}
    found = associations(tokens, attributes, lengths)
    assert found.best.value == pytest.approx(np.mean([max(strength[form, concept] for form in forms) for concept in every]), abs=CLOSE)
    fair = {pair: max(value, 0.0) for pair, value in strength.items()}
    assert found.bijective.value == pytest.approx(best_of(fair, forms) / len(every), abs=CLOSE)
    long = sorted({form for row in said for form in runs(row, 2)})
    slow = np.mean([max(npmi(form, concept, 2) for form in long) for concept in every])
    assert associations(tokens, attributes, lengths, longest=2).best.value == pytest.approx(slow, abs=CLOSE)
    assert associations(tokens, attributes, lengths, whole=True).best.n == n


@pytest.mark.parametrize("form", ["positions", "bag"])
@pytest.mark.parametrize("end", [False, True])
def test_tree_reconstruction_error_is_that_of_least_squares(form: str, end: bool):
    attributes, tokens, lengths = languages.random(40, 3, 4, (3, 4), seed=7)
    said = [[*row, *[-1] * (3 - len(row))] for row in spoken(tokens, lengths)]
    symbols = [*range(4), *[-1] * end]
    places = np.array([[[float(x == symbol) for symbol in symbols] for x in row] for row in said])
    vectors = places.reshape(40, -1) if form == "positions" else places.sum(axis=1)
    design = np.concatenate([np.eye(3)[attributes[:, 0]], np.eye(4)[attributes[:, 1]]], axis=1)

    def slow(vectors: np.ndarray, design: np.ndarray) -> float:
        return ((design @ np.linalg.lstsq(design, vectors, rcond=None)[0] - vectors) ** 2).sum(axis=1).mean()

    found = tree_reconstruction_error(tokens, attributes, lengths, form=form, end=end, null=True, permutations=9, bootstrap=9, seed=1)
    assert found.value == pytest.approx(slow(vectors, design), abs=CLOSE)
    relative = tree_reconstruction_error(tokens, attributes, lengths, form=form, end=end, relative=True).value
    assert relative == pytest.approx(found.value / vectors.var(axis=0).sum(), abs=CLOSE)
    rng = np.random.default_rng(1)
    assert found.null == pytest.approx(np.mean([slow(vectors, design[rng.permutation(40)]) for _ in range(9)]), abs=CLOSE)
    rng = np.random.default_rng(1)
    drawn = [slow(vectors[rows], design[rows]) for rows in (rng.integers(40, size=40) for _ in range(9))]
    about = np.quantile(drawn, [0.025, 0.975]) + found.value - np.mean(drawn)
    assert (found.low, found.high) == pytest.approx(tuple(about), abs=CLOSE)


@pytest.mark.parametrize("end", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_conflicts_equal_the_slow_program(seed: int, end: bool):
    attributes, tokens, lengths = languages.random(40, 4, 3, (3, 2, 2), seed)
    said = [[*row, *[-1] * (4 - len(row))] for row in spoken(tokens, lengths)]

    def conflicts(place: int, slot: int) -> int:
        kept = 0
        for symbol in [*range(3), *[-1] * end]:
            values = Counter(row[slot] for heard, row in zip(said, attributes.tolist(), strict=True) if heard[place] == symbol)
            kept += max(values.values(), default=0)
        return 40 - kept

    slow = min(sum(conflicts(place, slot) for slot, place in enumerate(places)) for places in permutations(range(4), 3))
    assert conflict_count(tokens, attributes, lengths, end=end).value == slow


# an approximator


def test_an_approximator_finishes_a_code_and_guesses_a_holistic_language():
    tokens = CODES["permuted"]
    found = approximation(tokens, GRID, listener=lambda said, lengths: (said == tokens).all(axis=1) & (lengths == 2), bootstrap=20)
    assert [value.value for value in found[:4]] == [1, 1, 1, 1]
    np.testing.assert_array_equal(found.tokens, tokens)
    assert found.symbols.n == 16
    # a word that was never heard cannot be said
    words = approximation(CODES["holistic"], GRID)
    assert (words.symbols.value, words.messages.value, words.listener.reason) == (0, 0, "no listener given")


def test_an_approximator_hears_ends_and_leaves_combinations_out():
    attributes, tokens, lengths = languages.negation(6)
    found = approximation(tokens, attributes, lengths, folds=4)
    assert (found.symbols.value, found.messages.value) == (1, 1)
    np.testing.assert_array_equal(found.lengths, lengths)
    # examples of one combination are held out together: a holistic language said twice is as unforeseen as once
    twice = np.tile(GRID, (2, 1))
    assert approximation(languages.holistic(twice), twice).messages.value == 0


def test_an_approximator_of_a_random_language_is_no_better_than_its_null():
    attributes, tokens, _ = languages.random(60, 2, 4, (3, 3), seed=3)
    found = approximation(tokens, attributes, null=True, permutations=8, bootstrap=20)
    assert abs(found.symbols.value - found.symbols.null) < 0.2  # 120 symbols of chance 1/4: 0.2 is 5 standard errors
    assert found.symbols.low <= found.symbols.value <= found.symbols.high
    assert found.beyond.value < 0.2
