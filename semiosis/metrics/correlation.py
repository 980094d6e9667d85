"""Spearman's rank correlation of numbers, where `ranks` takes levels that are already counted."""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer

from semiosis.metrics.ranks import by_size, spearman


def levels(x: np.ndarray) -> Integer[np.ndarray, " p"]:
    """For each number its level, from 0: equal numbers share one, greater numbers have greater ones."""
    order, rising = by_size(np.asarray(x, float))
    out = np.empty(len(rising), np.int64)
    out[order] = rising
    return out


def rank_correlation(x: np.ndarray, y: np.ndarray) -> float | None:
    """Spearman's correlation of numbers, None where one side is constant or empty; pairs that are not finite are left out."""
    first, second = np.asarray(x, float), np.asarray(y, float)
    known = np.isfinite(first) & np.isfinite(second)
    return spearman(levels(first[known]), levels(second[known])) if known.any() else None
