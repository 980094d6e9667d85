"""The metrics of compositionality in CPU seconds: `python benchmarks/metrics.py`. One thread, random languages.

topsim: messages of 10 symbols, meanings of 64 numbers; the others: messages of 10 symbols out of 100, 4 attributes of 10 values each
(`inventory`: out of 10, 1,000 messages). `null` is what 100 permutations add, `bootstrap` what 100 resamples add.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is loaded
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from collections.abc import Callable

import numpy as np

from semiosis.metrics.compose import approximation, conflict_count, tree_reconstruction_error
from semiosis.metrics.compositionality import topsim
from semiosis.metrics.disentanglement import bosdis, posdis
from semiosis.metrics.inventory import inventory
from semiosis.metrics.lexical import adjusted_mutual_information, associations, concept_matching, context_independence
from semiosis.metrics.segments import segment
from semiosis.metrics.variation import variation


def seconds(function: Callable, *arguments: np.ndarray, repeats: int = 1, **options: object) -> float:
    """The least CPU seconds of a few calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function(*arguments, **options)
        times.append(time.process_time() - start)
    return min(times)


def row(name: str, n: int, symbols: int, function: Callable, *arguments: np.ndarray, judged: bool = True, **options: object) -> None:
    """Print one line of the table."""
    plain = seconds(function, *arguments, repeats=3, **options)
    cells = [f"{plain:.2f}"]
    for more in ({"null": True, "permutations": 100}, {"bootstrap": 100}) if judged else ():
        cells.append(f"{max(0.0, seconds(function, *arguments, **options, **more) - plain):.2f}")
    print(f"| {name} | {n:,} | {symbols} | " + " | ".join([*cells, "", ""][:3]) + " |", flush=True)


def main() -> None:
    """Print the table, in Markdown."""
    rng = np.random.default_rng(0)
    print("| metric | messages | symbols | CPU-s | null | bootstrap |\n|---|---|---|---|---|---|")
    for n, symbols in ((1000, 20), (2000, 20), (4000, 10), (4000, 50)):
        row("topsim", n, symbols, topsim, rng.integers(0, symbols, (n, 10)), rng.normal(size=(n, 64)), judged=n <= 2000)
    for distance in ("hamming", "jaccard"):
        tokens, meanings = rng.integers(0, 50, (4000, 10)), rng.normal(size=(4000, 64))
        row(f"topsim, {distance}", 4000, 50, topsim, tokens, meanings, judged=False, distance=distance)
    tokens, attributes = rng.integers(0, 100, (10_000, 10)), rng.integers(0, 10, (10_000, 4))
    for metric in (
        posdis,
        bosdis,
        context_independence,
        concept_matching,
        associations,
        tree_reconstruction_error,
        conflict_count,
        variation,
    ):
        row(metric.__name__, 10_000, 100, metric, tokens, attributes)
    row("adjusted_mutual_information", 2000, 100, adjusted_mutual_information, tokens[:2000, :2], attributes[:2000, :2])
    row("segment", 10_000, 100, segment, tokens, judged=False)
    row("inventory", 1000, 10, inventory, tokens[:1000] % 10, attributes[:1000], judged=False)
    row("approximation", 1000, 10, approximation, tokens[:1000] % 10, attributes[:1000], judged=False)


if __name__ == "__main__":
    main()
