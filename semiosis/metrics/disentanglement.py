"""Does one place of a message, or one symbol, speak of one attribute? (Chaabouni et al. 2020, equations 1 and 2)"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Integer

from semiosis.errors import UsageError
from semiosis.metrics.information import entropy, shared_bits
from semiosis.metrics.messages import checked, compact
from semiosis.metrics.nulls import permutation_null
from semiosis.metrics.value import Value, undefined

Form = tuple[np.ndarray, np.ndarray]  # an integer feature of messages, and the examples that have it


def _gap(feature: np.ndarray, attributes: np.ndarray) -> float | None:
    """[I(s; a1) - I(s; a2)] / H(s) for the two attributes the feature tells most of; None where the feature never varies."""
    bits = entropy(feature)
    if bits == 0:
        return None
    told = sorted((shared_bits(feature, column) for column in attributes.T), reverse=True)
    return (told[0] - told[1]) / bits


def _mean_gap(forms: Sequence[Form], attributes: np.ndarray) -> float | None:
    gaps = [gap for feature, where in forms if (gap := _gap(feature, attributes[where])) is not None]
    return float(np.mean(gaps)) if gaps else None


def _disentanglement(forms: Sequence[Form], attributes: object, n: int, how: str, permutations: int, seed: int) -> Value:
    """The mean gap over features that vary, with its permutation null where `permutations` > 0."""
    known = np.asarray(attributes)
    if known.ndim != 2 or len(known) != n or known.dtype.kind not in "iu":
        raise UsageError(f"attributes of shape {known.shape} and type {known.dtype}: expected integers [{n}, k]")
    if known.shape[1] < 2:
        return undefined("the gap between two attributes needs 2 attributes or more", n, how)
    value = _mean_gap(forms, known)
    if value is None:
        return undefined("constant language: nothing in the messages varies" if n else "no messages", n, how)
    chance = permutation_null(lambda p: _mean_gap(forms, known[p]), n, permutations, seed) if permutations else (None, None)
    return Value(value, null=chance[0], null_high=chance[1], n=n, how=how)


def posdis(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    end: bool = True,
    null: bool = False,
    permutations: int = 100,
    seed: int = 0,
) -> Value:
    """Positional disentanglement: the mean over positions that vary of [I(s_j; a1) - I(s_j; a2)] / H(s_j), in [0, 1], plug-in.

    `end`: silence after the end counts as a symbol of its own, as published; otherwise a position is judged by the messages that reach it.
    Undefined with fewer than two attributes, or where no position varies.
    """
    known, counts = checked(tokens, lengths)
    codes = compact(known, counts)
    reach = [np.full(len(known), True) if end else counts > j for j in range(codes.shape[1])]
    forms = [(codes[where, j], where) for j, where in enumerate(reach)]
    how = f"plug-in; end {'counted' if end else 'not counted'}"
    return _disentanglement(forms, attributes, len(known), how, permutations if null else 0, seed)


def bosdis(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    end: bool = False,
    null: bool = False,
    permutations: int = 100,
    seed: int = 0,
) -> Value:
    """Bag-of-symbols disentanglement: as `posdis`, with the count of each symbol in a message in place of the symbol at each position.

    `end`: the silent places after the end are counted as one more symbol (emlangkit); otherwise they are not (EGG).
    """
    known, counts = checked(tokens, lengths)
    codes = compact(known, counts).astype(np.int64)
    n, size = len(known), int(codes.max(initial=0)) + 1
    bags = np.bincount((np.arange(n)[:, None] * size + codes).ravel(), minlength=n * size).reshape(n, size)
    everyone = np.full(n, True)
    forms = [(column, everyone) for column in bags.T[0 if end else 1 :]]
    how = f"plug-in; end {'counted' if end else 'not counted'}"
    return _disentanglement(forms, attributes, n, how, permutations if null else 0, seed)
