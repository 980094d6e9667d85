"""Which examples meet: epochs, distractors and classes drawn inside a compiled step, with no work in the size of the set."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray, UInt32

from semiosis.errors import UsageError

ROUNDS = 24  # an index has been moved but for a probability of 2^-24


def _mix(x: UInt32[Array, "*s"]) -> UInt32[Array, "*s"]:
    """Scramble 32 bits (the lowbias32 finaliser of Wellons, 2018)."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def _below(bits: UInt32[Array, " ..."], n: UInt32[Array, " ..."]) -> UInt32[Array, " ..."]:
    """Uniform in range(n) from 32 bits: floor(bits n / 2^32), by 16-bit halves since 64-bit integers are off by default."""
    bits, n = jnp.broadcast_arrays(bits, n)
    low = (bits & 0xFFFF) * (n & 0xFFFF)
    left, right = (bits >> 16) * (n & 0xFFFF), (bits & 0xFFFF) * (n >> 16)
    carry = ((low >> 16) + (left & 0xFFFF) + (right & 0xFFFF)) >> 16
    return (bits >> 16) * (n >> 16) + (left >> 16) + (right >> 16) + carry


def _shuffle(seed: UInt32[Array, " 2 ..."], index: Int[Array, "*s"], n: Int[Array, " ..."]) -> Int[Array, "*s"]:
    """Swap-or-not (Hoang, Morris and Rogaway, 2012): each round pairs x with K - x mod n and swaps the pair on a coin of its own.

    `seed` and `n` are scalars or of the rank of `index`, with axes of 1 where a row shares its permutation.
    """
    x, n = jnp.asarray(index).astype(jnp.uint32), jnp.asarray(n).astype(jnp.uint32)
    salt = jnp.uint32(0x9E3779B9) * jnp.arange(1, ROUNDS + 1, dtype=jnp.uint32).reshape(-1, *(1,) * (seed.ndim - 1))
    pivots = _below(_mix(seed[:1] + salt), n[None])
    coins = _mix(seed[1:] + salt)
    for pivot, coin in zip(pivots, coins, strict=True):
        partner = jnp.where(pivot >= x, pivot - x, pivot - x + n)  # uint32 wraps around, as wanted
        heads = _mix(coin ^ jnp.maximum(x, partner)) >> 31
        x = jnp.where(heads == 1, partner, x)
    return x.astype(jnp.int32)


def permuted(key: PRNGKeyArray, index: Int[Array, "*s"], n: Int[Array, " ..."] | int) -> Int[Array, "*s"]:
    """Where a random permutation of range(n), fixed by `key`, sends `index`: nothing but the asked places is computed.

    `index` in range(n), elsewhere the result has no meaning; `n` below 2^31, a Python or a traced integer, or an array of the rank of
    `index` that broadcasts to it (one key, one permutation for each n).
    """
    n = jnp.asarray(n)
    return _shuffle(jax.random.bits(key, (2, *(1,) * n.ndim), jnp.uint32), index, n)


def _permuted_rows(key: PRNGKeyArray, k: int, n: Int[Array, "rows 1"], rows: int) -> Int[Array, "rows k"]:
    """The first k places of `rows` independent permutations, one a row, each of its own range(n)."""
    words = jax.random.bits(key, (2, rows, 1), jnp.uint32)
    return _shuffle(words, jnp.broadcast_to(jnp.arange(k, dtype=jnp.int32), (rows, k)), n)


def batch_indices(step: Int[Array, ""] | int, key: PRNGKeyArray, size: int, n: int) -> Int[Array, " size"]:
    """The examples of training step `step`: epochs of n // size batches, each epoch a fresh permutation of range(n).

    A function of (step, key) alone, so a resumed run meets the same examples; `key` is the run's data key, the same at every
    step. No repeats in an epoch; the n % size examples an epoch leaves out are others each time.
    """
    if not 0 < size <= n:
        raise UsageError(f"a batch of {size} does not fit a set of {n} examples: choose a batch size from 1 to {n}")
    epoch, batch = jnp.divmod(jnp.asarray(step, jnp.int32), n // size)
    return permuted(jax.random.fold_in(key, epoch), batch * size + jnp.arange(size, dtype=jnp.int32), n)


def distractors(key: PRNGKeyArray, rows: Int[Array, " b"], k: int, n: int) -> Int[Array, "b k"]:
    """For each row k others of range(n), uniformly without replacement and never the row itself."""
    if not 0 <= k < n:
        raise UsageError(f"{k} distractors cannot be drawn from {n} examples without the target: ask for at most {n - 1}")
    rows = jnp.asarray(rows)
    other = _permuted_rows(key, k, jnp.full((rows.shape[0], 1), n - 1), rows.shape[0])
    return other + (other >= rows[:, None])  # step over the row itself


class ClassTable(NamedTuple):
    """Examples by class: class c holds `order[start[c] : start[c] + size[c]]`, and example i stands at `place[i]` in its class."""

    order: np.ndarray | Array
    start: np.ndarray | Array
    size: np.ndarray | Array
    place: np.ndarray | Array


def class_table(labels: np.ndarray, *, at_least: int = 1) -> ClassTable:
    """Sort examples by class; every class that occurs must have `at_least` of them (k + 1 to draw k others)."""
    labels = np.asarray(labels)
    if labels.size == 0 or labels.min() < 0:
        raise UsageError("labels must be non-negative integers, one an example")
    count = np.bincount(labels).astype(np.int32)
    small = np.flatnonzero((count > 0) & (count < at_least))
    if small.size:
        raise UsageError(
            f"class {small[0]} has {count[small[0]]} examples where {at_least} are needed: ask for fewer candidates of a class"
        )
    start = (np.cumsum(count) - count).astype(np.int32)
    order = np.argsort(labels, kind="stable").astype(np.int32)
    place = np.empty_like(order)
    place[order] = np.arange(labels.size, dtype=np.int32) - start[labels[order]]
    return ClassTable(order, start, count, place)


def same_class(key: PRNGKeyArray, labels: Int[Array, " b"], rows: Int[Array, " b"], k: int, table: ClassTable) -> Int[Array, "b k"]:
    """For each row k others of its class, uniformly without replacement; `class_table(..., at_least=k + 1)` checks that they exist.

    `labels` are those of `rows`; `rows` index the set that `table` was made of.
    """
    order, start, size, place = (jnp.asarray(part) for part in table)
    other = _permuted_rows(key, k, size[labels][:, None] - 1, labels.shape[0])
    other = other + (other >= place[rows][:, None])
    return order[start[labels][:, None] + other]


def some(key: PRNGKeyArray, k: int, n: int, rows: int) -> Int[Array, "rows k"]:
    """`rows` draws of k of range(n), each without replacement and in random order."""
    if not 0 < k <= n:
        raise UsageError(f"{k} cannot be drawn from {n} without replacement: ask for 1 to {n}")
    return _permuted_rows(key, k, jnp.full((rows, 1), n), rows)


def in_turn(
    key: PRNGKeyArray, kinds: Int[Array, "g c"], visit: Int[Array, "g 1"], table: ClassTable, beside: PRNGKeyArray | None = None
) -> Int[Array, "g c"]:
    """The example of each class `kinds` at its `visit`, from 0 on: a class is gone through in a fresh random order each time.

    With the key `beside`, another example of the class, uniformly, than the one of that visit; of a class of one, that one.
    """
    order, start, size, _ = (jnp.asarray(part) for part in table)
    n = size[kinds]
    epoch, place = jnp.divmod(visit, n)
    if beside is not None:
        step = 1 + jnp.floor(jax.random.uniform(beside, kinds.shape) * jnp.maximum(n - 1, 1)).astype(jnp.int32)
        place = (place + jnp.where(n > 1, jnp.minimum(step, n - 1), 0)) % n
    word = _mix(_mix(kinds.astype(jnp.uint32)) + epoch.astype(jnp.uint32) * jnp.uint32(0x9E3779B9))
    words = jax.random.bits(key, (2, 1, 1), jnp.uint32)
    return order[start[kinds] + _shuffle(_mix(words ^ word[None]), place, n)]


def nearest(inputs: np.ndarray, k: int, *, chunk: int = 1024) -> np.ndarray:
    """The k nearest others of each example in Euclidean distance, nearest first: int32 [n k].

    `inputs` [n ...] are flattened; distances come from one matrix product a chunk, so memory is chunk x n floats and time n^2 d.
    """
    n = len(inputs)
    if not 0 < k < n:
        raise UsageError(f"{k} neighbours cannot be found among {n} examples: ask for 1 to {n - 1}")
    x = np.asarray(inputs).reshape(n, -1).astype(np.float32)
    x -= x.mean(0)  # distances do not change, and their rounding shrinks
    square = np.einsum("nd,nd->n", x, x)
    found = np.empty((n, k), np.int32)
    for first in range(0, n, chunk):
        last = min(first + chunk, n)
        distance = square - 2.0 * (x[first:last] @ x.T)  # the row's own square changes no order
        distance[np.arange(last - first), np.arange(first, last)] = np.inf
        close = np.argpartition(distance, k - 1, axis=1)[:, :k] if k < n - 1 else np.argsort(distance, axis=1)[:, :k]
        order = np.argsort(np.take_along_axis(distance, close, 1), axis=1, kind="stable")
        found[first:last] = np.take_along_axis(close, order, 1)
    return found
