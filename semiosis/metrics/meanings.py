"""Meanings as arrays: attributes [n k], one integer an attribute; a concept is one value of one attribute."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Integer

from semiosis.errors import UsageError


def checked_attributes(attributes: object, n: int) -> Integer[np.ndarray, "n k"]:
    """Attributes of n examples as int64; raises `UsageError` unless they are integers [n, k]."""
    known = np.asarray(attributes)
    if known.ndim != 2 or len(known) != n or known.dtype.kind not in "iu":
        raise UsageError(f"attributes of shape {known.shape} and type {known.dtype}: expected integers [{n}, k]")
    return known.astype(np.int64)


def concepts(attributes: Integer[np.ndarray, "n k"]) -> tuple[Integer[np.ndarray, "n k"], Integer[np.ndarray, "c 2"]]:
    """Every value of every attribute that occurs has a number from 0, by attribute and value: those of each example, and what they are."""
    codes, pairs = np.zeros(attributes.shape, np.int64), [np.zeros((0, 2), np.int64)]
    for k, column in enumerate(attributes.T):
        values, code = np.unique(column, return_inverse=True)
        codes[:, k] = code + sum(map(len, pairs))
        pairs.append(np.stack([np.full(len(values), k), values], axis=1))
    return codes, np.concatenate(pairs)


def concept_rows(codes: Integer[np.ndarray, "n k"], count: int) -> Bool[np.ndarray, "n c"]:
    """Which concepts each example has: a row of zeros and ones, one 1 for each attribute."""
    rows = np.zeros((len(codes), count), bool)
    np.put_along_axis(rows, codes, True, axis=1)
    return rows


def meaning_ids(attributes: Integer[np.ndarray, "n k"]) -> Integer[np.ndarray, " n"]:
    """The number of each example's combination of attributes, from 0."""
    if attributes.shape[1] == 0:
        return np.zeros(len(attributes), np.int64)
    return np.unique(attributes, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
