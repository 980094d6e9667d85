"""The form of languages: redundancy, order, Zipf's laws; by hand, by the slow program, and on random typists."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from semiosis import metrics
from semiosis.errors import UsageError
from semiosis.metrics.form import _typed

GRID = np.array([(a, b) for a in range(4) for b in range(4)])
IDENTITY = GRID + np.array([0, 4])


def h(*shares: float) -> float:
    return float(-sum(p * np.log2(p) for p in shares if p > 0))


def said(counts: list[int]) -> np.ndarray:
    """One symbol a message, as often as counted."""
    return np.repeat(np.arange(len(counts)), counts)[:, None]


# redundancy and order


def test_bigram_entropy_by_hand():
    tokens = np.array([[0, 1], [0, 1], [0, 2], [1, 2]])
    # after 0 come 1, 1, 2; after 1 comes 2
    assert metrics.bigram_entropy(tokens).value == pytest.approx(3 / 4 * h(1 / 3, 2 / 3))
    # with the end: after 0 as before; after 1 come 2 and twice the end; after 2 always the end
    assert metrics.bigram_entropy(tokens, end=True).value == pytest.approx(6 / 8 * h(1 / 3, 2 / 3))
    assert metrics.bigram_entropy(tokens, np.array([1, 1, 0, 1])).reason == "no message has two symbols"
    assert metrics.bigram_entropy(tokens, np.array([2, 1, 0, 1])).value == 0


def test_a_grammar_is_below_its_null():
    rng = np.random.default_rng(0)
    free = rng.integers(0, 5, (200, 6))
    chained = (np.cumsum(rng.integers(0, 2, (200, 6)), axis=1) + rng.integers(0, 5, (200, 1))) % 5  # the same symbol, or the next
    for tokens, bits in ((free, np.log2(5)), (chained, 1.0)):
        found = metrics.bigram_entropy(tokens, null=True, bootstrap=50)
        assert found.value == pytest.approx(bits, abs=0.05)
        assert found.null == pytest.approx(np.log2(5), abs=0.05)
        assert found.low <= found.value <= found.high
    # an end stays at its place: with it only the symbols before it are put in another order
    lengths = rng.integers(1, 7, 200)
    ended = metrics.bigram_entropy(chained, lengths, end=True, null=True)
    assert ended.value < ended.null <= ended.null_high


def test_redundancy_by_hand():
    # 8 symbols alike: 3 bits, of 4 for 16 symbols
    assert metrics.redundancy(IDENTITY, vocab_size=16).value == pytest.approx(1 / 4)
    assert metrics.redundancy(IDENTITY).value == pytest.approx(0)
    # the second symbol is one of four: 2 of 3 bits
    assert metrics.redundancy(IDENTITY, order=2).value == pytest.approx(1 / 3)
    # each end as often as all symbols of a place: 8 x 1/12, 1 x 1/3
    assert metrics.redundancy(IDENTITY, end=True).value == pytest.approx(1 - (8 / 12 * np.log2(12) + np.log2(3) / 3) / np.log2(9))
    assert metrics.redundancy(np.zeros((4, 2), int)).reason == "one symbol can say nothing"
    assert metrics.redundancy(np.zeros((4, 2), int), vocab_size=2).value == 1
    assert metrics.redundancy(IDENTITY[:0]).reason == "no messages"
    assert metrics.redundancy(IDENTITY, np.zeros(16, int)).reason == "no symbols: every message is empty"
    some = metrics.redundancy(IDENTITY, vocab_size=16, bootstrap=50)
    assert some.low <= some.value <= some.high <= 1
    with pytest.raises(UsageError, match="vocab_size is 5: 8 different symbols were said"):
        metrics.redundancy(IDENTITY, vocab_size=5)
    with pytest.raises(UsageError, match="order is 3"):
        metrics.redundancy(IDENTITY, order=3)


# rank and frequency


@pytest.mark.parametrize("mandelbrot", [False, True])
def test_zipf_is_the_greatest_likelihood(mandelbrot: bool):
    counts = np.sort(
        np.random.default_rng(4).multinomial(3000, (np.arange(1, 41) + 3.0) ** -1.5 / ((np.arange(1, 41) + 3.0) ** -1.5).sum())
    )

    def loss(x: np.ndarray) -> float:
        logs = np.log(np.arange(1, 41) + (x[1] if mandelbrot else 0.0))
        law = -x[0] * logs - np.log(np.exp(-x[0] * logs).sum())
        return -float(counts[::-1] @ law) / counts.sum()

    best = minimize(loss, [1.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000}).x
    found = metrics.zipf(said(counts.tolist()), mandelbrot=mandelbrot)
    assert found.exponent.value == pytest.approx(best[0], abs=1e-4 if mandelbrot else 1e-7)
    assert found.shift.value == pytest.approx(best[1] if mandelbrot else 0, abs=1e-3)
    logs = np.log(np.arange(1, 41) + found.shift.value)
    law = np.exp(-found.exponent.value * logs)
    gap = np.abs(np.cumsum(counts[::-1] / counts.sum()) - np.cumsum(law / law.sum())).max()
    assert found.distance.value == pytest.approx(gap, abs=1e-12)


def test_zipf_tells_a_law_from_none():
    rng = np.random.default_rng(0)
    law = np.arange(1, 101) ** -1.0
    zipfian = metrics.zipf(rng.choice(100, 4000, p=law / law.sum())[:, None], null=True, bootstrap=60)
    assert zipfian.exponent.low < 1 < zipfian.exponent.high
    assert zipfian.distance.value < zipfian.distance.null_high
    # two kinds of words, equally frequent within each
    steps = metrics.zipf(said([200] * 10 + [10] * 90), null=True)
    assert steps.distance.value > 3 * steps.distance.null_high
    # symbols of messages
    assert metrics.zipf(np.array([[0, 0, 1], [0, 1, 2]]), unit="symbols").exponent.n == 6


def test_zipf_without_a_value_says_why():
    assert metrics.zipf(said([5, 3])).exponent.reason == "2 different messages: a law of ranks needs 3 or more"
    assert metrics.zipf(IDENTITY).shift.reason == "all messages are equally frequent: they have no ranks"
    assert metrics.zipf(IDENTITY[:0]).distance.reason.startswith("0 different")
    with pytest.raises(UsageError, match="unknown unit 'word': known are messages, symbols"):
        metrics.zipf(IDENTITY, unit="word")


# frequency and length


def test_abbreviation_by_hand():
    """'a' four times, 'ab' twice, 'abb' once: as short as their frequencies ask, but for the empty message."""
    tokens = np.array([[0, 1, 1]] * 7)
    lengths = np.array([1, 1, 1, 1, 2, 2, 3])
    found = metrics.abbreviation(tokens, lengths)
    assert found.correlation.value == pytest.approx(-1)
    assert found.p == pytest.approx(2 / 6, abs=4 * (2 / 9 / 1000) ** 0.5)  # of 6 orders the same and its reverse
    assert found.length.value == pytest.approx(11 / 7)
    assert found.optimal.value == pytest.approx(3 / 7)  # nothing, 'a', 'b'
    assert metrics.abbreviation(tokens, lengths, end=True).optimal.value == pytest.approx(10 / 7)
    efficiency = (found.random.value - 11 / 7) / (found.random.value - 3 / 7)
    assert found.efficiency.value == pytest.approx(efficiency)
    # the longest said most: an anti-efficient code, as without a pressure (Chaabouni et al. 2019)
    assert metrics.abbreviation(tokens, np.array([3, 3, 3, 3, 2, 2, 1])).correlation.value == pytest.approx(1)


def test_abbreviation_of_optimal_codes():
    """Strings of 2 symbols, shortest first, for frequencies that fall: efficiency 1."""
    strings = [[], [0], [1], [0, 0], [0, 1], [1, 0], [1, 1]]
    times = [40, 20, 20, 10, 10, 5, 5]
    rows = [one for one, k in zip(strings, times, strict=True) for _ in range(k)]
    tokens, lengths = np.array([one + [0] * (2 - len(one)) for one in rows]), np.array([len(one) for one in rows])
    found = metrics.abbreviation(tokens, lengths, 2, bootstrap=50)
    assert found.optimal.value == pytest.approx(found.length.value)
    assert found.efficiency.value == pytest.approx(1)
    assert found.correlation.value < -0.9
    assert found.random.low > found.length.value
    # with one symbol strings are as long as their rank
    assert metrics.abbreviation(np.zeros((3, 2), int), np.array([0, 1, 2])).optimal.value == pytest.approx(1)


def slow_typist(times: np.ndarray, size: int, most: int, rng: np.random.Generator) -> float:
    """Keys, one by one, until every input has a string of its own."""
    taken: set[tuple[int, ...]] = set()
    total = 0
    for i in rng.choice(len(times), len(times), replace=False, p=times / times.sum()):
        while True:
            keys: list[int] = []
            while len(keys) < most and (key := int(rng.integers(size + 1))) < size:
                keys.append(key)
            if tuple(keys) not in taken:
                break
        taken.add(tuple(keys))
        total += int(times[i]) * len(keys)
    return total / int(times.sum())


def test_random_typing_equals_the_slow_typist():
    times, rng = np.array([50, 20, 10, 5, 5, 2]), np.random.default_rng(0)
    slow = np.array([slow_typist(times, 2, 3, rng) for _ in range(1500)])
    fast = np.array([_typed(times, 2, 3, rng) for _ in range(1500)])
    error = np.sqrt(slow.var() / 1500 + fast.var() / 1500)
    assert fast.mean() == pytest.approx(slow.mean(), abs=4 * error)
    assert fast.std() == pytest.approx(slow.std(), rel=0.15)


def test_abbreviation_without_a_value_says_why():
    tokens = np.array([[0, 1], [1, 0], [1, 1]])
    assert metrics.abbreviation(tokens[[0, 0, 1]], np.array([2, 2, 1])).correlation.reason == "2 different messages: needs 3 or more"
    assert metrics.abbreviation(tokens, np.array([2, 2, 2])).correlation.reason == "all messages are equally frequent"
    assert metrics.abbreviation(tokens[[0, 1, 2, 2]], np.full(4, 2)).correlation.reason == "all messages are equally long"
    assert metrics.abbreviation(tokens[:0], np.zeros(0, int)).length.reason == "no messages"
    with pytest.raises(UsageError, match="vocab_size 1 and max_len 2: 2 different symbols in up to 2 places were said"):
        metrics.abbreviation(tokens, np.full(3, 2), 1)


def test_the_null_of_abbreviation_covers_over_random_languages():
    rng, exceed, small = np.random.default_rng(0), 0, 0
    for seed in range(200):
        times = rng.integers(1, 20, 25)
        lengths = rng.integers(1, 6, 25)
        # each message is its own symbol, as often as its length is drawn
        tokens = np.stack([np.full(5, i) for i in range(25)]).repeat(times, axis=0)
        found = metrics.abbreviation(tokens, lengths.repeat(times), typists=1, permutations=99, seed=seed)
        exceed += found.correlation.value > found.correlation.null_high
        small += found.p <= 0.05
    # 5 to 6 of 100 by exchangeability; 4 deviations of the binomial
    assert 1 <= exceed <= 25
    assert 1 <= small <= 25
