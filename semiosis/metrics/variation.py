"""How does a language vary, short of not being compositional? Four measures of Conklin & Smith (2023), from p(symbol | value, place)."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer
from scipy.special import xlogy

from semiosis.metrics.meanings import checked_attributes
from semiosis.metrics.messages import checked, compact
from semiosis.metrics.nulls import judged_together
from semiosis.metrics.value import Value, undefined


class Variation(NamedTuple):
    """Each in [0, 1], 0 for a regular language.

    `synonymy`: how many symbols say a value, at the place that says it most regularly; `homonymy`: how many values a symbol says, at the
    place where it says least; `freedom`: how regular the most regular place of an attribute is, over all its values (word order);
    `entanglement`: how alike two attributes are in the places that say them.
    """

    synonymy: Value
    homonymy: Value
    freedom: Value
    entanglement: Value


def variation(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    end: bool = True,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Variation:
    """Synonymy, homonymy, freedom of word order, and entanglement, from plug-in entropies at each place.

    With h(v, j) = H(symbol at j | value v) / log2 of the symbols in use: synonymy is the mean over attributes and values of min_j h(v, j);
    freedom the mean over attributes of min_j of the mean over v of h(v, j). Homonymy is the mean over attributes of min_j of the mean over
    symbols of H(value | symbol at j) / log2 of the values. Entanglement is the mean over pairs of attributes of 1 - max_j |e - e'| / max(e,
    e'), e(j) being the mean of h over values. Places that never vary are left out, and attributes that do not. `end`: silence after the end
    counts as a symbol; otherwise a place is judged by the messages that reach it. Undefined for a constant language; entanglement with one
    attribute, or where every place is told by both.
    """
    known, counts = checked(tokens, lengths)
    n, meant = len(known), checked_attributes(attributes, len(known))
    how = f"plug-in, by place; end {'counted' if end else 'not counted'}"
    codes = compact(known, counts).astype(np.int64)
    spoken_ = codes if end else np.where(codes > 0, codes, -1)
    varies = [len(set(column[column >= 0].tolist())) > 1 for column in spoken_.T]
    columns = [np.unique(column, return_inverse=True)[1] for column in meant.T]
    columns = [column for column in columns if column.max(initial=0) > 0]
    if not any(varies) or not columns:
        reason = "no messages" if n == 0 else "no attribute varies" if any(varies) else "constant language: nothing in the messages varies"
        return Variation(*(undefined(reason, n, how) for _ in range(4)))
    places = spoken_[:, varies]
    size = int(codes.max()) + 1
    used = len(set(places[places >= 0].tolist()))

    def figures(said: np.ndarray, about: np.ndarray) -> tuple[float | None, ...]:
        found = [_regularity(places[said], column[about], size, used) for column in columns]
        profiles = [profile for *_, profile in found]
        pairs = [(abs(a - b).max(), max(a.max(), b.max())) for a, b in combinations(profiles, 2)]
        alike = [1 - gap / most for gap, most in pairs if most > 1e-12]
        synonymy, homonymy, freedom = (float(np.mean(values)) for values in list(zip(*found, strict=True))[:3])
        return synonymy, homonymy, freedom, float(np.mean(alike)) if alike else None

    few = "fewer than 2 attributes that vary" if len(columns) < 2 else "every place is told by both attributes of each pair"
    values = judged_together(
        figures,
        n,
        [how] * 4,
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reasons=["", "", "", few],
        bounds=[(0.0, 1.0)] * 4,
    )
    return Variation(*values)


def _regularity(places: np.ndarray, column: np.ndarray, size: int, used: int) -> tuple[float, float, float, np.ndarray]:
    """Synonymy, homonymy, freedom of one attribute, and e(j) for each place; values that a resample lacks are left out."""
    column = np.unique(column, return_inverse=True)[1]
    values = int(column.max()) + 1
    tables = np.stack([_counts(place, column, size, values) for place in places.T])  # [t v s]
    there = tables.sum(axis=2) > 0
    spread = np.where(there, _entropy(tables) / np.log2(max(used, 2)), 1.0)  # a place that no message reaches tells nothing
    profile = spread.mean(axis=1)
    symbols = tables.sum(axis=1) > 0
    doubt = _entropy(tables.swapaxes(1, 2)) / np.log2(max(values, 2))
    homonymy = (doubt * symbols).sum(axis=1) / np.maximum(symbols.sum(axis=1), 1)
    homonymy = np.where(symbols.any(axis=1), homonymy, 1.0)
    return float(spread.min(axis=0).mean()), float(homonymy.min()), float(profile.min()), profile


def _counts(place: np.ndarray, column: np.ndarray, size: int, values: int) -> np.ndarray:
    """How often each value [v] met each symbol [s]."""
    heard = place >= 0
    return np.bincount(column[heard] * size + place[heard], minlength=values * size).reshape(values, size).astype(float)


def _entropy(counts: np.ndarray) -> np.ndarray:
    """Entropy in bits along the last axis; 0 of nothing."""
    total = counts.sum(axis=-1)
    return np.maximum((xlogy(total, total) - xlogy(counts, counts).sum(axis=-1)) / np.maximum(total, 1) / np.log(2), 0.0)
