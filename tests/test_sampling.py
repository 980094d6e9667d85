"""Examples by step, distractors, classes and neighbours: exact laws by enumeration, uniformity by chi-square.

A chi-square statistic of a uniform draw over m cells has the law chi2(m - 1) (expected counts are 100 and more). Each test asks for less
than the value that this law exceeds with probability 1e-6; with some 20 such statistics a right program fails once in 50,000 runs,
and keys are fixed, so it fails always or never.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy import stats

from semiosis.errors import UsageError
from semiosis.scenes import sampling


def assert_uniform(cells, m):
    counts = np.bincount(np.asarray(cells).ravel(), minlength=m)
    assert counts.size == m
    expected = counts.sum() / m
    assert expected >= 100
    assert ((counts - expected) ** 2 / expected).sum() < stats.chi2.isf(1e-6, m - 1)


PERMUTED = jax.jit(sampling.permuted)


def keys(seed, n):
    return jax.random.split(jax.random.key(seed), n)


def test_below_is_the_high_half_of_the_product():
    rng = np.random.default_rng(0)
    bits = np.concatenate([rng.integers(0, 2**32, 500), [0, 1, 2**32 - 1, 2**16 - 1, 2**16, 2**31]])
    n = np.concatenate([rng.integers(1, 2**31, 500), [1, 2**31 - 1, 2**31 - 1, 2**16 + 1, 65535, 3]])
    got = sampling._below(jnp.asarray(bits, jnp.uint32), jnp.asarray(n, jnp.uint32))
    assert np.asarray(got).tolist() == [int(b) * int(m) >> 32 for b, m in zip(bits, n, strict=True)]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 1000, 65537])
def test_permuted_is_a_permutation(n):
    got = PERMUTED(jax.random.key(n), jnp.arange(1000 if n <= 1000 else n), n)[:n]  # one program for the small ones
    assert np.array_equal(np.sort(got), np.arange(n))


def test_permuted_takes_another_n_for_each_row():
    n = jnp.array([[3], [5], [8]])
    got = np.asarray(PERMUTED(jax.random.key(1), jnp.tile(jnp.arange(8), (3, 1)), n))
    for row, m in zip(got, (3, 5, 8), strict=True):
        assert sorted(row[:m]) == list(range(m))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("n", [2, 3, 4])
def test_every_permutation_is_equally_likely(n, seed):
    orders = list(itertools.permutations(range(n)))
    code = {order: i for i, order in enumerate(orders)}
    got = jax.jit(jax.vmap(lambda key: sampling.permuted(key, jnp.arange(n), n)))(keys(seed, 6000))
    assert_uniform([code[tuple(row)] for row in np.asarray(got).tolist()], len(orders))


@pytest.mark.parametrize("seed", [3, 4])
def test_pairs_of_places_are_equally_likely(seed):
    got = np.asarray(jax.jit(jax.vmap(lambda key: sampling.permuted(key, jnp.array([0, 1, 9]), 10)))(keys(seed, 20000)))
    for a, b in ((0, 1), (0, 2)):
        x, y = got[:, a], got[:, b]
        assert_uniform(x * 9 + y - (y > x), 90)


def test_permuted_computes_nothing_of_the_size_of_the_set():
    jaxpr = jax.make_jaxpr(lambda step, key: sampling.batch_indices(step, key, 64, 10**9))(jnp.int32(0), jax.random.key(0))
    sizes, names = [], set()

    def walk(inner):
        for equation in inner.eqns:
            names.add(equation.primitive.name)
            sizes.extend(out.aval.size for out in equation.outvars)
            for value in equation.params.values():
                if hasattr(value, "jaxpr") and hasattr(value.jaxpr, "eqns"):
                    walk(value.jaxpr)

    walk(jaxpr.jaxpr)
    assert max(sizes) == 64
    assert "while" not in names
    assert "sort" not in names


@pytest.mark.parametrize(("size", "n"), [(8, 64), (8, 67), (5, 5)])
def test_an_epoch_meets_every_example_once(size, n):
    key, batches = jax.random.key(0), n // size
    draw = jax.jit(lambda step: sampling.batch_indices(step, key, size, n))
    epochs = [np.concatenate([draw(epoch * batches + i) for i in range(batches)]) for epoch in range(3)]
    for epoch in epochs:
        assert len(np.unique(epoch)) == batches * size
        assert epoch.min() >= 0
        assert epoch.max() < n
    assert n == size or not np.array_equal(epochs[0], epochs[1])
    if n % size:  # what one epoch leaves out, another shows
        assert set(range(n)) - set(epochs[0]) != set(range(n)) - set(epochs[1])


def test_batches_are_a_function_of_step_and_key():
    key = jax.random.key(7)
    _, scanned = lax.scan(lambda carry, step: (carry, sampling.batch_indices(step, key, 16, 100)), 0, jnp.arange(12))
    draw = jax.jit(lambda step: sampling.batch_indices(step, key, 16, 100))
    alone = [draw(step) for step in range(12)]
    assert np.array_equal(scanned, np.stack(alone))
    several = jax.jit(jax.vmap(lambda k: sampling.batch_indices(3, k, 16, 100)))(jnp.stack([jax.random.key(8), key]))
    assert np.array_equal(several[1], alone[3])
    assert not np.array_equal(several[0], alone[3])


@pytest.mark.parametrize("seed", [5, 6])
def test_epochs_are_independent(seed):
    first = jax.jit(jax.vmap(lambda key: jnp.stack([sampling.batch_indices(step, key, 4, 8)[0] for step in (0, 2)])))(keys(seed, 8000))
    assert_uniform(np.asarray(first) @ [8, 1], 64)


def test_a_batch_larger_than_the_set_is_refused():
    with pytest.raises(UsageError, match="a batch of 11 does not fit a set of 10 examples"):
        sampling.batch_indices(0, jax.random.key(0), 11, 10)


@pytest.mark.parametrize("seed", [8, 9])
def test_distractors_are_others_without_repeats_and_uniform(seed):
    rows = jnp.array([0, 3, 5, 3])
    got = np.asarray(jax.jit(jax.vmap(lambda key: sampling.distractors(key, rows, 2, 6)))(keys(seed, 8000)))
    assert (got != np.asarray(rows)[:, None]).all()
    assert (got[..., 0] != got[..., 1]).all()
    for row in range(4):
        place = got[:, row] - (got[:, row] > int(rows[row]))  # 0..4, the row left out
        first, second = place[:, 0], place[:, 1]
        assert_uniform(first * 4 + second - (second > first), 20)
    both = got[:, [1, 3], 0] - (got[:, [1, 3], 0] > 3)  # two rows of the same example draw independently
    assert_uniform(both @ [5, 1], 25)


def test_all_the_others_at_most():
    got = np.asarray(jax.jit(lambda key: sampling.distractors(key, jnp.arange(7), 6, 7))(jax.random.key(0)))
    assert all(sorted(row) == sorted(set(range(7)) - {i}) for i, row in enumerate(got.tolist()))
    with pytest.raises(UsageError, match="ask for at most 6"):
        sampling.distractors(jax.random.key(0), jnp.arange(7), 7, 7)


LABELS = np.array([2, 0, 2, 0, 4, 2, 0, 4, 2, 0])  # class 1 and 3 are empty


def test_class_table_holds_every_class_in_order():
    table = sampling.class_table(LABELS)
    for label in range(5):
        start, size = table.start[label], table.size[label]
        assert table.order[start : start + size].tolist() == np.flatnonzero(label == LABELS).tolist()
    assert np.array_equal(np.asarray(table.order)[np.asarray(table.start)[LABELS] + np.asarray(table.place)], np.arange(10))


def test_class_table_says_which_class_is_too_small():
    with pytest.raises(UsageError, match="class 4 has 2 examples where 3 are needed"):
        sampling.class_table(LABELS, at_least=3)
    with pytest.raises(UsageError, match="labels must be non-negative"):
        sampling.class_table(np.array([0, -1]))


@pytest.mark.parametrize("seed", [10, 11])
def test_same_class_draws_uniformly_from_the_class(seed):
    table = sampling.class_table(LABELS, at_least=2)
    rows = jnp.array([2, 6, 7])
    draw = jax.jit(jax.vmap(lambda key: sampling.same_class(key, jnp.asarray(LABELS)[rows], rows, 1, table)))
    got = np.asarray(draw(keys(seed, 4000)))[..., 0]
    assert (got[:, 2] == 4).all()  # the only other one
    for column, row in ((0, 2), (1, 6)):
        others = [i for i in range(10) if LABELS[i] == LABELS[row] and i != row]
        assert_uniform(np.searchsorted(others, got[:, column]), 3)
        assert set(got[:, column]) == set(others)


def test_same_class_gives_all_others_without_repeats():
    table = sampling.class_table(LABELS)
    draw = jax.jit(lambda key: sampling.same_class(key, jnp.array([2, 0]), jnp.array([5, 9]), 3, table))
    got = np.asarray(draw(jax.random.key(0)))
    assert [sorted(row) for row in got.tolist()] == [[0, 2, 8], [1, 3, 6]]


@pytest.mark.parametrize("k", [1, 5, 59])
def test_nearest_equals_brute_force(k):
    x = np.random.default_rng(0).normal(size=(60, 7)).astype(np.float32) + 100
    distance = ((x[:, None].astype(np.float64) - x[None]) ** 2).sum(-1)
    np.fill_diagonal(distance, np.inf)
    assert np.array_equal(sampling.nearest(x, k, chunk=17), np.argsort(distance, axis=1)[:, :k])


def test_nearest_reads_images_and_refuses_too_many():
    images = np.array([0, 10, 200, 195, 90], np.uint8).reshape(5, 1, 1, 1)
    assert sampling.nearest(images, 1)[:, 0].tolist() == [1, 0, 3, 2, 1]
    with pytest.raises(UsageError, match="5 neighbours cannot be found among 5 examples"):
        sampling.nearest(images, 5)
