"""Topographic similarity in CPU seconds, against one Python call a pair: `python benchmarks/topsim.py`.

One thread. Messages of 10 symbols out of 20, meanings of 64 numbers. The loop is timed on 200 messages and scaled by the number of pairs;
before that, both must give the same number.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from itertools import combinations

import numpy as np
from scipy.stats import spearmanr

from semiosis.metrics import topsim

SAMPLE = 200


def language(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Messages [n 10] and meanings [n 64]."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 20, (n, 10)), rng.normal(size=(n, 64))


def levenshtein(left: list[int], right: list[int]) -> int:
    """The textbook's two rows."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        above, row = row, [i]
        for j, b in enumerate(right, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


def loop(tokens: np.ndarray, meanings: np.ndarray) -> float:
    """Topographic similarity, pair by pair."""
    unit = meanings / np.linalg.norm(meanings, axis=1, keepdims=True)
    messages = [levenshtein(a, b) for a, b in combinations(tokens.tolist(), 2)]
    return float(spearmanr(messages, [2 - 2 * (a @ b) for a, b in combinations(unit, 2)]).statistic)


def seconds(function, *arguments, repeats: int = 1) -> float:
    """The least CPU seconds of a few calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function(*arguments)
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    """Print CPU seconds of topsim for 1,000, 2,000 and 4,000 messages beside a loop over pairs."""
    sample = language(SAMPLE)
    difference = abs((topsim(*sample).value or 0) - loop(*sample))
    assert difference < 1e-12, difference
    a_pair = seconds(loop, *sample) / (SAMPLE * (SAMPLE - 1) / 2)
    print(f"{'messages':>8} {'CPU-s':>8} {'loop, CPU-s':>12} {'times':>6}")
    for n in (1000, 2000, 4000):
        ours, theirs = seconds(topsim, *language(n), repeats=3), a_pair * n * (n - 1) / 2
        print(f"{n:>8} {ours:>8.3f} {theirs:>12.1f} {theirs / ours:>6.0f}")


if __name__ == "__main__":
    main()
