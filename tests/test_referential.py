"""Scenes of reference: batches, and candidates that hide the target (acceptance check K).

Uniform draws are judged by chi-square, margin as in test_choices: a right program exceeds it with probability 1e-6, keys are fixed.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from semiosis.errors import UsageError
from semiosis.scenes import Split, sampling
from semiosis.scenes.referential import References
from semiosis.scenes.views import noise

N, SIZE = 40, 8
KEY = jax.random.key(0)
VECTORS = np.random.default_rng(0).normal(size=(N, 3)).astype(np.float32)
LABELS = np.random.default_rng(1).permutation(np.repeat(np.arange(4), 10)).astype(np.int32)
SPLIT = Split(VECTORS, LABELS, np.stack([LABELS % 2, LABELS // 2], axis=1))


REFERENCES = References(SPLIT, SIZE, candidates=4)


@cache
def scenes(steps=400, **options):
    """Many steps of a reference, compiled once: each field with a leading axis of steps."""
    references = References(SPLIT, SIZE, **options)
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(lambda step: references(step, KEY)))(jnp.arange(steps)))


def assert_uniform(counts):
    counts = np.asarray(counts).ravel()
    assert counts.sum() / counts.size >= 100
    assert stats.chisquare(counts).statistic < stats.chi2.isf(1e-6, counts.size - 1)


def places(scene):
    """Which example of the split each candidate is: found again by its (distinct) vector, [steps n c]."""
    pool = scene.pool if scene.choices is None else np.stack([p[c] for p, c in zip(scene.pool, scene.choices, strict=True)])
    found = (pool[..., None, :] == VECTORS).all(-1)
    assert (found.sum(-1) == 1).all()
    return found.argmax(-1)


def assert_hides_its_target(scene, candidates):
    who = places(scene)
    assert who.shape[-1] == candidates
    assert all(len(set(row)) == candidates for row in who.reshape(-1, candidates))  # no candidate twice
    assert np.array_equal(np.take_along_axis(who, scene.target[..., None], -1)[..., 0], scene.example)
    assert_uniform(np.bincount(scene.target.ravel(), minlength=candidates))  # and its place says nothing


def test_a_batch_shows_examples_of_the_split_without_repeats():
    scene = scenes()
    assert scene.seen.shape == (400, SIZE, 3)
    assert np.array_equal(scene.seen, VECTORS[scene.example])
    assert np.array_equal(scene.label, LABELS[scene.example])
    assert np.array_equal(scene.attributes, SPLIT.attributes[scene.example])
    assert all(len(set(row)) == SIZE for row in scene.example)
    epochs = scene.example.reshape(-1, N)  # five batches of eight are an epoch
    assert np.array_equal(np.sort(epochs, axis=1), np.tile(np.arange(N), (80, 1)))
    assert len({tuple(row) for row in epochs}) == 80


def test_a_scene_is_a_function_of_step_and_key():
    references = jax.jit(lambda step, key: REFERENCES(step, key))
    for step in (0, 5, 399):
        alone = references(jnp.int32(step), KEY)
        among = jax.tree.map(lambda x, step=step: x[step], scenes(candidates=4))
        assert all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(alone), jax.tree.leaves(among), strict=True))
    assert not np.array_equal(references(jnp.int32(5), jax.random.key(1)).example, references(jnp.int32(5), KEY).example)


def test_the_whole_batch_is_the_pool_by_default():
    scene = scenes()
    assert scene.choices is None
    assert np.array_equal(scene.pool, scene.seen)
    assert np.array_equal(scene.target, np.tile(np.arange(SIZE), (400, 1)))


def test_as_many_candidates_as_the_batch_are_the_whole_batch():
    for title in ("pool", "target", "example"):
        assert np.array_equal(getattr(scenes(candidates=SIZE), title), getattr(scenes(), title))
    assert scenes(candidates=SIZE).choices is None
    # one fewer leaves one other out of the batch, each as often
    scene = scenes(candidates=SIZE - 1)
    missing = [(set(range(SIZE)) - set(row)).pop() for row in scene.choices.reshape(-1, SIZE - 1)]
    own = np.tile(np.arange(SIZE), 400)
    assert_uniform(np.bincount((np.asarray(missing) - own) % SIZE, minlength=SIZE)[1:])


def test_random_candidates_hide_their_target_among_others_of_the_batch():
    scene = scenes(candidates=4)
    assert_hides_its_target(scene, 4)
    assert np.array_equal(scene.pool, scene.seen)
    counts = np.zeros((SIZE, SIZE))
    for row in range(SIZE):
        np.add.at(counts, (row, scene.choices[:, row].ravel()), 1)
    assert np.diag(counts).tolist() == [400] * SIZE  # the target, once in each step
    others = counts[~np.eye(SIZE, dtype=bool)]  # 400 x 3 / 7 = 171 each
    # counts of draws without replacement spread less than those of chi-square, so the bound holds all the more
    assert_uniform(others)


def test_candidates_of_the_class_of_the_target():
    scene = scenes(candidates=4, distractors="class")
    assert_hides_its_target(scene, 4)
    assert (LABELS[places(scene)] == scene.label[..., None]).all()
    drawn = places(scene)
    counts = np.zeros((N, N))
    np.add.at(counts, (np.broadcast_to(scene.example[..., None], drawn.shape), drawn), 1)
    same = (LABELS[:, None] == LABELS) & ~np.eye(N, dtype=bool)
    assert not counts[~same & ~np.eye(N, dtype=bool)].any()
    # each example was the target 80 times, with 3 of 9 others: pool targets for cells of 100 and more
    by_rank = np.stack([counts[i, same[i]] for i in range(N)]).sum(0)
    assert_uniform(by_rank)


def test_hard_candidates_are_the_nearest():
    scene = scenes(candidates=4, distractors="hard")
    assert_hides_its_target(scene, 4)
    distances = ((VECTORS[:, None] - VECTORS) ** 2).sum(-1)
    nearest = np.argsort(distances, axis=1)[:, :4]  # itself first
    assert np.array_equal(np.sort(places(scene), -1), np.sort(nearest[scene.example], -1))


def test_hard_candidates_as_many_as_the_split_are_all_of_it():
    scene = scenes(5, candidates=N, distractors="hard")
    assert np.array_equal(np.sort(places(scene), -1), np.broadcast_to(np.arange(N), (5, SIZE, N)))


def half(key, x):
    return x / 2


def quarter(key, x):
    return x / 4


@pytest.mark.parametrize("options", [{}, {"candidates": 4}, {"candidates": 4, "distractors": "class"}])
def test_each_side_sees_through_its_own_view(options):
    plain, viewed = scenes(**options), scenes(speaker_view=half, listener_view=quarter, **options)
    assert np.array_equal(viewed.seen, plain.seen / 2)
    assert np.array_equal(viewed.pool, plain.pool / 4)
    assert np.array_equal(viewed.target, plain.target)


def noisy(key, x):
    return noise(key, x, 1.0)


def test_noise_differs_between_the_sides_and_from_step_to_step():
    scene = scenes(speaker_view=noisy, listener_view=noisy)
    to_speaker, to_listener = scene.seen - VECTORS[scene.example], scene.pool - VECTORS[scene.example]
    correlation = np.corrcoef(to_speaker.ravel(), to_listener.ravel())[0, 1]
    assert abs(correlation) < 5 / np.sqrt(to_speaker.size)
    correlation = np.corrcoef(to_speaker[:-1].ravel(), to_speaker[1:].ravel())[0, 1]
    assert abs(correlation) < 5 / np.sqrt(to_speaker[1:].size)


def test_images_are_kept_as_bytes_and_seen_as_floats():
    images = np.random.default_rng(2).integers(0, 256, (10, 2, 2, 1), np.uint8)
    references = References(Split(images), 4, candidates=2)
    assert references.inputs.dtype == jnp.uint8
    scene = jax.jit(lambda step: references(step, KEY))(jnp.int32(0))
    np.testing.assert_allclose(scene.seen, images[np.asarray(scene.example)] / 255, atol=1e-7)
    assert scene.label is None
    assert scene.attributes is None


def test_the_sampler_agrees_with_the_scenes():
    assert np.array_equal(scenes().example[7], sampling.batch_indices(7, KEY, SIZE, N))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"distractors": "nearby"}, "unknown distractors 'nearby': known are random, class, hard"),
        ({"size": 41}, "a batch of 41 does not fit a split of 40 examples: choose a batch size from 1 to 40"),
        ({"size": 0}, "a batch of 0 does not fit"),
        ({"candidates": 9}, "9 candidates cannot be drawn, target included: choose 2 to 8, or 0 for the whole batch"),
        ({"candidates": 1}, "1 candidates cannot be drawn"),
        ({"candidates": -3}, "-3 candidates cannot be drawn"),
        ({"candidates": 41, "distractors": "hard"}, "41 candidates cannot be drawn, target included: choose 2 to 40"),
        ({"distractors": "hard"}, "distractors 'hard' need a number of candidates"),
        ({"candidates": 11, "distractors": "class"}, "class 0 has 10 examples where 11 are needed"),
        ({"split": Split(VECTORS), "candidates": 3, "distractors": "class"}, "distractors by class need labels"),
    ],
)
def test_misuse_is_answered_with_a_sentence(options, sentence):
    options = {"split": SPLIT, "size": SIZE} | options
    with pytest.raises(UsageError) as caught:
        References(options.pop("split"), options.pop("size"), **options)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
