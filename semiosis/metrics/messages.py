"""Messages as arrays: tokens [n t] and lengths [n], the number of symbols before the end; what stands from the end on is ignored."""

from __future__ import annotations

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Integer

from semiosis.errors import UsageError


def checked(tokens: object, lengths: object = None) -> tuple[Integer[np.ndarray, "*b t"], Integer[np.ndarray, "*b"]]:
    """Tokens and lengths as int64; without `lengths` every message fills its row.

    Errors: tokens or lengths that are not integers, do not fit each other, or lengths beyond the row.
    """
    tokens_ = np.asarray(tokens)
    if tokens_.ndim < 2 or tokens_.dtype.kind not in "iu":
        raise UsageError(f"tokens of shape {tokens_.shape} and type {tokens_.dtype}: expected integers [n, t]")
    most = tokens_.shape[-1]
    lengths_ = np.full(tokens_.shape[:-1], most) if lengths is None else np.asarray(lengths)
    if lengths_.shape != tokens_.shape[:-1] or lengths_.dtype.kind not in "iu":
        raise UsageError(f"lengths of shape {lengths_.shape} and type {lengths_.dtype}: expected integers {tokens_.shape[:-1]}")
    if lengths_.size and (lengths_.min() < 0 or lengths_.max() > most):
        raise UsageError(f"lengths from {lengths_.min()} to {lengths_.max()}: expected 0 to {most}, the width of tokens")
    return tokens_.astype(np.int64), lengths_.astype(np.int64)


def spoken(tokens: Integer[np.ndarray, "*b t"], lengths: Integer[np.ndarray, "*b"]) -> Bool[np.ndarray, "*b t"]:
    """Where a symbol stands before the end."""
    return np.arange(tokens.shape[-1]) < lengths[..., None]


def compact(tokens: Integer[np.ndarray, "*b t"], lengths: Integer[np.ndarray, "*b"]) -> np.ndarray:
    """The same messages in small numbers: 0 is silence, from the end on; symbols are 1, 2, ... in the order of their tokens;
    the greatest number of the type is free."""
    heard = spoken(tokens, lengths)
    known, codes = np.unique(tokens[heard], return_inverse=True)
    out = np.zeros(tokens.shape, np.min_scalar_type(len(known) + 1))
    out[heard] = codes + 1
    return out


def with_end(
    tokens: Integer[np.ndarray, "n t"], lengths: Integer[np.ndarray, " n"]
) -> tuple[Integer[np.ndarray, "n s"], Integer[np.ndarray, " n"]]:
    """The same messages, each with one symbol more, its end; s is t + 1."""
    longer = np.concatenate([tokens, tokens[:, :1] * 0], axis=1) if tokens.shape[1] else np.zeros((len(tokens), 1), np.int64)
    longer[np.arange(len(tokens)), lengths] = tokens.max(initial=0) + 1
    return longer, lengths + 1


def distinct_messages(
    tokens: Integer[np.ndarray, "n t"], lengths: Integer[np.ndarray, " n"]
) -> tuple[Integer[np.ndarray, " u"], Integer[np.ndarray, " n"]]:
    """Where each distinct message stands first, and which of them each message is."""
    rows = np.ascontiguousarray(compact(tokens, lengths))
    known: dict[bytes, int] = {}
    ids = np.array([known.setdefault(row.tobytes(), len(known)) for row in rows], np.int64)
    return np.unique(ids, return_index=True)[1], ids


def message_ids(tokens: object, lengths: object = None) -> Integer[np.ndarray, " n"]:
    """Each message's number, from 0: equal messages (the same symbols before the end) have equal numbers."""
    return distinct_messages(*checked(tokens, lengths))[1]


def ngrams(
    tokens: Integer[np.ndarray, "n t"], lengths: Integer[np.ndarray, " n"], longest: int = 1
) -> tuple[scipy.sparse.csr_array, list[tuple[int, ...]]]:
    """How often each run of 1 to `longest` symbols stands in each message, float32 [n f], and the runs; short ones first, each by symbol.

    Raises `UsageError` for a `longest` below 1.
    """
    if longest < 1:
        raise UsageError(f"n-grams of up to {longest} symbols: expected 1 or more")
    heard, rows, columns = spoken(tokens, lengths), [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    runs: list[tuple[int, ...]] = []
    for size in range(1, min(longest, tokens.shape[1]) + 1):
        windows = np.lib.stride_tricks.sliding_window_view(tokens, size, axis=1)
        row, place = np.nonzero(heard[:, size - 1 :])
        if len(row):
            known, code = np.unique(windows[row, place], axis=0, return_inverse=True)
            rows.append(row)
            columns.append(code.reshape(-1) + len(runs))
            runs += [tuple(run) for run in known.tolist()]
    row, column = np.concatenate(rows), np.concatenate(columns)
    return scipy.sparse.csr_array((np.ones(len(row), np.float32), (row, column)), shape=(len(tokens), len(runs))), runs
