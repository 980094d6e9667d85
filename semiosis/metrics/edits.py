"""Levenshtein distance (1966) of many pairs of messages at once.

Instead of the cost D(i, j) of turning i symbols into j, the table holds what alignment spares, S = i + j - D: two for a match, one for
a substitution, nothing for an insertion or a deletion. So S starts at zero, never falls along a row or column, fits in a byte up to 127
symbols, and what stands after the end spares nothing: messages of any lengths share one table.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer

from semiosis.metrics.messages import compact, spoken

_CELLS = 1 << 15  # pairs in one block: their table of T + 1 bytes each stays in the cache


def _spared(left: np.ndarray, right: np.ndarray, left_spoken: np.ndarray, right_spoken: np.ndarray) -> np.ndarray:
    """S of whole messages: symbols `left` [t *p], `right` [t *q] (their silences differ); `_spoken` is 1 at symbols; *p, *q broadcast."""
    shape = np.broadcast_shapes(left.shape, right.shape)
    best = np.zeros((shape[0] + 1, *shape[1:]), np.min_scalar_type(2 * shape[0]))
    full = left_spoken.all() and right_spoken.all()
    equal, longer = np.empty(shape, np.bool_), np.empty(shape, best.dtype)
    gain = equal.view(np.uint8)
    for symbol, heard in zip(left, left_spoken, strict=True):
        np.equal(right, symbol, out=equal)
        gain += np.uint8(1) if full else heard * right_spoken
        np.add(best[:-1], gain, out=longer)
        np.maximum(best[1:], longer, out=best[1:])
        for t in range(2, shape[0] + 1):
            np.maximum(best[t], best[t - 1], out=best[t])
    return best[-1]


def _columns(tokens: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions first, as `_spared` reads them: symbols as the left message, as the right one, and where they are spoken."""
    symbols, heard = compact(tokens, lengths), spoken(tokens, lengths)
    right = np.where(heard, symbols, np.iinfo(symbols.dtype).max)
    left, right, heard = (np.ascontiguousarray(np.moveaxis(x, -1, 0)) for x in (symbols, right, heard.astype(np.uint8)))
    return left, right, heard


def edit_counts(
    tokens: Integer[np.ndarray, "a n t"], lengths: Integer[np.ndarray, "a n"], first: int, second: int
) -> Integer[np.ndarray, " n"]:
    """Edits between what two speakers said of the same inputs."""
    pair = [first, second]
    left, right, heard = _columns(tokens[pair], lengths[pair])
    return lengths[pair].sum(axis=0) - _spared(left[:, 0], right[:, 1], heard[:, 0], heard[:, 1])


def edit_matrix(tokens: Integer[np.ndarray, "n t"], lengths: Integer[np.ndarray, " n"]) -> Integer[np.ndarray, "n n"]:
    """Edits between all pairs of messages."""
    n = len(tokens)
    left, right, heard = _columns(tokens, lengths)
    out = np.zeros((n, n), np.min_scalar_type(2 * tokens.shape[1]))
    rows = max(1, _CELLS // max(n, 1))
    for start in range(0, n, rows):
        block, rest = slice(start, start + rows), slice(start, n)
        total = (lengths[block, None] + lengths[None, rest]).astype(out.dtype)
        edits = total - _spared(left[:, block, None], right[:, None, rest], heard[:, block, None], heard[:, None, rest])
        out[block, rest] = edits
        out[rest, block] = edits.T
    return out
