"""Spearman's rank correlation of many pairs, by counting: ties share the mean of their ranks."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer


def by_size(x: Float[np.ndarray, " p"]) -> tuple[Integer[np.ndarray, " p"], Integer[np.ndarray, " p"]]:
    """The order that sorts `x`, and in that order the level of each number: equal numbers share a level, levels rise from 0."""
    low, span = x.min(initial=np.inf), np.ptp(x) if len(x) else 0.0
    # into 65,536 bins by counting, which leaves only neighbours to be sorted: half the time of sorting at once
    bins = ((x - low) * (65535 / span)).astype(np.uint16) if span > 1e-300 else np.zeros(len(x), np.uint16)
    order = np.argsort(bins, kind="stable")
    nearly = x[order]
    within = np.argsort(nearly, kind="stable")
    order, values = order[within], nearly[within]
    levels = np.zeros(len(x), np.int64)
    np.cumsum(values[1:] != values[:-1], out=levels[1:])
    return order, levels


def midranks(levels: Integer[np.ndarray, " p"], weights: Float[np.ndarray, " p"] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """For each level, its rank less the mean rank (mean of the ties', or of the weights that stand for them), and its weight."""
    mass = np.bincount(levels, weights).astype(float)
    below = np.cumsum(mass)
    return below - mass / 2 - below[-1] / 2, mass


def spearman(x: Integer[np.ndarray, " p"], y: Integer[np.ndarray, " p"], weights: Float[np.ndarray, " p"] | None = None) -> float | None:
    """Pearson's correlation of the ranks of levels `x` and `y`, each pair counted `weights` times; None where one of them is constant."""
    (rank_x, mass_x), (rank_y, mass_y) = midranks(x, weights), midranks(y, weights)
    spread = np.sqrt(mass_x @ rank_x**2) * np.sqrt(mass_y @ rank_y**2)
    if spread == 0:
        return None
    other = rank_y[y] if weights is None else rank_y[y] * weights
    return float(np.clip(rank_x[x] @ other / spread, -1.0, 1.0))
