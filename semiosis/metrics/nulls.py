"""What a metric would be if messages and meanings had nothing to do with each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def permutation_null(
    statistic: Callable[[np.ndarray], float | None], n: int, permutations: int, seed: int
) -> tuple[float | None, float | None]:
    """Mean and 95 % quantile of `statistic(order)` over random orders of n examples; orders where it is undefined are left out."""
    rng = np.random.default_rng(seed)
    drawn = [statistic(rng.permutation(n)) for _ in range(permutations)]
    known = np.array([value for value in drawn if value is not None], float)
    return (float(known.mean()), float(np.quantile(known, 0.95))) if len(known) else (None, None)
