"""Augmentation: nothing asked is nothing changed, single effects by hand, ranges over many images, gradients."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.colors import hsv_to_rgb, rgb_to_hsv
from scipy import ndimage

from semiosis.errors import UsageError
from semiosis.scenes import augment

KEY = jax.random.key(1)


def pictures(n=4, h=6, w=6, c=3):
    return jnp.asarray(np.random.default_rng(0).uniform(size=(n, h, w, c)), jnp.float32)


STILL = {"rotation": 0.0, "shift": 0.0, "scale": (1.0, 1.0), "shear": 0.0, "noise": 0.0}
PLAIN = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}
WHOLE = {"scale": (1.0, 1.0), "ratio": (1.0, 1.0)}


@pytest.mark.parametrize(
    "change",
    [
        partial(augment.sender_view, **STILL),
        partial(augment.cropped, side=6),
        partial(augment.middle, side=6),
        partial(augment.flipped, share=0.0),
        partial(augment.jittered, **PLAIN),
        partial(augment.augmented, side=6, mirror=0.0, recolour=0.0),
        partial(augment.augmented, side=6, mirror=0.0, **PLAIN),
        partial(augment.perspective, distortion=0.0),
        partial(augment.resized_crop, side=6, **WHOLE),
        partial(augment.clip_views, count=1, side=6, distortion=0.0, **WHOLE),
    ],
)
def test_dials_that_change_nothing_give_the_images_bit_for_bit(change):
    x = pictures()
    for seed in range(3):
        assert np.array_equal(jax.jit(change)(jax.random.key(seed), x), x)


# --------------------------------------------------------------------------------------------------------------- sender's view


def spots(n, side):
    """Images whose places are their colours: (row, column) from the centre, in pixels."""
    middle = np.arange(side) - (side - 1) / 2
    return jnp.asarray(np.broadcast_to(np.stack(np.meshgrid(middle, middle, indexing="ij"), -1), (n, side, side, 2)), jnp.float32)


def maps_of(seen):
    """The affine map [n 2 3] from places of a view to places of the image, fitted to its inner part."""
    side = seen.shape[1]
    inner = slice(side // 4, side - side // 4)
    middle = (np.arange(side) - (side - 1) / 2)[inner]
    down, right = np.meshgrid(middle, middle, indexing="ij")
    basis = np.stack([down.ravel(), right.ravel(), np.ones(down.size)], -1)
    return np.stack([np.linalg.lstsq(basis, np.asarray(image[inner, inner], np.float64).reshape(-1, 2), rcond=None)[0].T for image in seen])


def test_a_senders_view_stays_within_its_dials():
    side, n = 41, 300
    found = maps_of(jax.jit(partial(augment.sender_view, noise=0.0))(KEY, spots(n, side)))
    # what a view reads is shear^-1 turn^-1 / size: [[cos, -sin], [sin - slope cos, cos + slope sin]] / size
    size = np.linalg.det(found[:, :, :2]) ** -0.5
    angle = np.rad2deg(np.arctan2(-found[:, 0, 1], found[:, 0, 0]))
    first, second = found[:, 0, :2], found[:, 1, :2]
    shear = np.rad2deg(np.arctan(-(first * second).sum(1) / (first * first).sum(1)))
    move = -np.linalg.solve(found[:, :, :2], found[:, :, 2:])[..., 0] / side
    for values, low, high in ((angle, -10, 10), (shear, -1, 1), (size, 0.95, 1.01), (move[:, 0], -0.1, 0.1), (move[:, 1], -0.1, 0.1)):
        # uniform over the whole range: 300 draws leave 5 % at an end bare with probability 0.95^300 = 2e-7
        assert low - 1e-3 <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high + 1e-3


def test_a_sheared_view_equals_scipy():
    x = pictures(1, 8, 8, 1)
    dials = {**STILL, "shear": 20.0}
    seen = np.asarray(jax.jit(partial(augment.sender_view, **dials))(KEY, x))[0, ..., 0]
    found = maps_of(jax.jit(partial(augment.sender_view, **dials))(KEY, spots(1, 8)))[0]
    np.testing.assert_allclose(found[0], [1, 0, 0], atol=1e-5)  # rows stay rows
    np.testing.assert_allclose(found[1, 1:], [1, 0], atol=1e-5)
    assert 0.01 < abs(found[1, 0]) < np.tan(np.deg2rad(20))
    offset = 3.5 - found[:, :2] @ np.array([3.5, 3.5])
    want = ndimage.affine_transform(np.asarray(x)[0, ..., 0], found[:, :2], offset, order=1, mode="grid-constant")
    np.testing.assert_allclose(seen, want, atol=1e-4)


def test_noise_multiplies_by_at_most_its_dial():
    x = 0.5 + pictures(8, 20, 20, 3)
    ratio = np.asarray(jax.jit(partial(augment.sender_view, **{**STILL, "noise": 0.05}))(KEY, x) / x)
    assert 0.95 - 1e-5 <= ratio.min() < 0.951
    assert 1.049 < ratio.max() <= 1.05 + 1e-5
    # uniform: deviation 0.05 / sqrt(3); of 9,600 numbers the error of a mean is 0.0003, of the deviation about 0.5 %
    assert ratio.mean() == pytest.approx(1, abs=0.0015)
    assert ratio.std() == pytest.approx(0.05 / 3**0.5, rel=0.03)


# --------------------------------------------------------------------------------------------------------- photos in training


def test_windows_are_cut_from_anywhere_within():
    x = jnp.broadcast_to(jnp.arange(30.0).reshape(5, 6)[None, :, :, None], (400, 5, 6, 1))
    got = np.asarray(jax.jit(augment.cropped, static_argnums=2)(KEY, x, 4))[..., 0]
    first = got[:, 0, 0].astype(int)
    np.testing.assert_array_equal(got, first[:, None, None] + 6 * np.arange(4)[:, None] + np.arange(4))
    counts = np.bincount(first, minlength=9)
    assert np.flatnonzero(counts).tolist() == [0, 1, 2, 6, 7, 8]  # two rows, three columns
    assert counts[counts > 0].min() > 30  # of 400 in 6: mean 67, deviation 7.5, so 4.9 of them
    assert augment.middle(KEY, x[:1], 4)[0, 0, 0, 0] == 1  # (5 - 4) // 2 down, (6 - 4) // 2 right
    for window in (augment.cropped, augment.middle):
        with pytest.raises(UsageError, match="a window has 6 pixels a side: expected 1 to 5"):
            window(KEY, x, 6)


def test_a_flip_is_left_to_right_and_of_half_the_images():
    x = pictures(400, 2, 3, 1)
    assert np.array_equal(augment.flipped(KEY, x, 1.0), np.asarray(x)[:, :, ::-1])
    got = np.asarray(jax.jit(augment.flipped)(KEY, x))
    turned = (got != np.asarray(x)).any((1, 2, 3))
    assert np.array_equal(got[turned], np.asarray(x)[turned][:, :, ::-1])
    assert 150 < turned.sum() < 250  # 200, deviation 10


def test_brightness_multiplies():
    x = jnp.full((300, 1, 1, 3), 0.5)
    got = np.asarray(jax.jit(partial(augment.jittered, **{**PLAIN, "brightness": 0.4}))(KEY, x))[:, 0, 0]
    assert np.array_equal(got, np.broadcast_to(got[:, :1], got.shape))
    assert 0.3 - 1e-6 <= got.min() < 0.32
    assert 0.68 < got.max() <= 0.7 + 1e-6
    assert np.asarray(jax.jit(partial(augment.jittered, **{**PLAIN, "brightness": 0.4}))(KEY, 2 * x)).max() == 1  # cut at 1


def test_contrast_is_about_the_mean_grey():
    x = jnp.array([[[[0.2, 0.4, 0.6], [0.4, 0.6, 0.5]]]])
    means = np.array([0.299 * 0.2 + 0.587 * 0.4 + 0.114 * 0.6, 0.299 * 0.4 + 0.587 * 0.6 + 0.114 * 0.5]).mean()
    got = np.asarray(jax.jit(partial(augment.jittered, **{**PLAIN, "contrast": 0.4}))(KEY, x))
    factor = (got - means) / (np.asarray(x) - means)
    np.testing.assert_allclose(factor, factor.ravel()[0], rtol=1e-4)
    assert abs(factor.ravel()[0] - 1) <= 0.4
    assert abs(factor.ravel()[0] - 1) > 0.01


def test_saturation_is_about_each_pixels_grey():
    x = 0.25 + 0.5 * pictures()
    got = np.asarray(jax.jit(partial(augment.jittered, **{**PLAIN, "saturation": 0.2}))(KEY, x))
    grey = np.asarray(x) @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(got @ np.array([0.299, 0.587, 0.114]), grey, atol=1e-5)
    spread = got.max(-1) - got.min(-1)
    factor = spread / (np.asarray(x).max(-1) - np.asarray(x).min(-1))
    np.testing.assert_allclose(factor, factor[:, :1, :1].repeat(6, 1).repeat(6, 2), rtol=1e-3)
    assert np.ptp(factor[:, 0, 0]) > 0.01
    assert np.abs(factor - 1).max() <= 0.2 + 1e-4


def test_hue_turns_around_the_circle():
    red, yellow = jnp.array([1.0, 0, 0]).reshape(1, 1, 1, 3), jnp.array([1.0, 1, 0]).reshape(1, 1, 1, 3)
    turn = jax.jit(augment.hue_turned)
    for angle, want in ((1 / 6, [1, 1, 0]), (1 / 3, [0, 1, 0]), (-1 / 3, [0, 0, 1]), (1.0, [1, 0, 0])):
        np.testing.assert_allclose(turn(red, jnp.full((1, 1, 1, 1), angle)).ravel(), want, atol=1e-5)
    np.testing.assert_allclose(turn(yellow, jnp.full((1, 1, 1, 1), 0.5)).ravel(), [0, 0, 1], atol=1e-5)
    x, angle = pictures(), np.array([0.1, -0.07, 0.45, 0.0]).reshape(4, 1, 1, 1)
    hsv = rgb_to_hsv(np.asarray(x))
    want = hsv_to_rgb(np.concatenate([(hsv[..., :1] + angle) % 1, hsv[..., 1:]], -1))
    np.testing.assert_allclose(turn(x, jnp.asarray(angle, jnp.float32)), want, atol=1e-5)
    greys = jnp.broadcast_to(x[..., :1], x.shape)
    assert np.array_equal(turn(greys, jnp.asarray(angle, jnp.float32)), greys)


def test_hues_are_turned_within_the_dial():
    x = jnp.broadcast_to(jnp.array([0.2, 0.8, 0.4]), (300, 1, 1, 3))
    got = rgb_to_hsv(np.asarray(jax.jit(partial(augment.jittered, **{**PLAIN, "hue": 0.1}))(KEY, x)))[:, 0, 0, 0]
    away = got - rgb_to_hsv([0.2, 0.8, 0.4])[0]
    assert -0.1 - 1e-4 <= away.min() < -0.09
    assert 0.09 < away.max() <= 0.1 + 1e-4


def test_photos_in_training_are_cut_mirrored_and_coloured():
    x = pictures(200, 7, 7)
    got = np.asarray(jax.jit(partial(augment.augmented, side=4))(KEY, x))
    assert got.shape == (200, 4, 4, 3)
    assert got.min() >= 0
    assert got.max() <= 1
    kept = 0
    for image, photo in zip(got, np.asarray(x), strict=True):
        windows = [photo[i : i + 4, j : j + 4] for i in range(4) for j in range(4)]
        kept += any(np.array_equal(image, seen) or np.array_equal(image, seen[:, ::-1]) for seen in windows)
    assert 15 < kept < 70  # a fifth of 200 keep their colours: 40, deviation 5.7


# ------------------------------------------------------------------------------------------------------- sketches, at a slant


def test_the_homography_takes_four_places_to_the_corners():
    rng = np.random.default_rng(3)
    corners = np.array([[0, 0], [0, 8], [5, 8], [5, 0]], float) + rng.uniform(-1, 1, (7, 4, 2))
    corners[0] = [[0, 0], [0, 8], [5, 8], [5, 0]]
    maps = np.asarray(jax.jit(augment.homography, static_argnums=1)(jnp.asarray(corners, jnp.float32), (6, 9)))
    assert np.array_equal(maps[0], np.eye(3))
    there = np.einsum("nij,nkj->nki", maps, np.concatenate([corners, np.ones((7, 4, 1))], -1))
    assert there[..., 2].min() > 0
    np.testing.assert_allclose(there[..., :2] / there[..., 2:], np.tile([[0, 0], [0, 8], [5, 8], [5, 0]], (7, 1, 1)), atol=1e-4)
    # what is straight stays so: the diagonals cross at the image of their crossing
    for quad, to in zip(corners, maps, strict=True):
        a, _ = np.linalg.solve(np.stack([quad[2] - quad[0], quad[1] - quad[3]], 1), quad[1] - quad[0])
        crossing = to @ [*(quad[0] + a * (quad[2] - quad[0])), 1]
        np.testing.assert_allclose(crossing[:2] / crossing[2], [2.5, 4], atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_a_perspective_moves_corners_inward_and_is_white_around(seed):
    side, n = 40, 60
    got = np.asarray(jax.jit(augment.perspective)(jax.random.key(seed), jnp.zeros((n, side, side, 1))))[..., 0]
    assert got.min() == 0
    assert got.max() == 1
    assert not got[:, 11:29, 11:29].any()  # a fourth of the side is the farthest that a corner goes
    assert got[:, 0, 0].mean() > 0.8  # a corner stays only if it moves by less than a pixel
    assert len(np.unique(got.sum((1, 2)))) == n
    left = 1 - got.mean((1, 2))  # what is left of the area: on average corners move by an eighth, so (1 - 1/4)^2 = 0.5625
    assert left.mean() == pytest.approx(0.5625, abs=0.04)


def test_beyond_the_horizon_lies_the_outside():
    # seen from a point whose depth is 1 - row: rows from 1 on are beyond
    matrix = jnp.array([[[1.0, 0, 0], [0, 1, 0], [-1, 0, 1]]])
    places = jnp.array([[0.0, 0], [0.5, 1], [1, 1], [2, 1]]).reshape(1, 2, 2, 2)
    got = np.asarray(augment._slanted(matrix, places, (4, 4)))[0].reshape(4, 2)
    np.testing.assert_allclose(got[:2], [[0, 0], [1, 2]])
    assert (got[2:] < -1).all()


def test_resized_windows_have_the_area_and_the_ratio_asked_for():
    side, n = 32, 300
    got = jax.jit(partial(augment.resized_crop, side=16))(KEY, spots(n, side))
    found = maps_of(got)
    np.testing.assert_allclose(found[:, [0, 1], [1, 0]], 0, atol=1e-4)
    height, width = found[:, 0, 0] * 16 / side, found[:, 1, 1] * 16 / side
    area, ratio = height * width, width / height
    assert 0.7 - 1e-4 <= area.min() < 0.71
    assert 0.89 < area.max() <= 0.9 + 1e-4
    assert max(height.max(), width.max()) <= 1 + 1e-4
    assert 3 / 4 - 1e-4 <= ratio.min() < 0.8
    assert 1.25 < ratio.max() <= 4 / 3 + 1e-4
    # the window lies within: its middle is at most (1 - share) / 2 of the side away from the image's
    assert (np.abs(found[:, :, 2]) <= side * (1 - np.stack([height, width], 1)) / 2 + 1e-3).all()
    assert np.abs(found[:, :, 2]).max() > 1


def test_half_an_image_is_enlarged_by_hand():
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    window = jax.jit(partial(augment.resized_crop, **WHOLE), static_argnums=2)
    got = window(KEY, x, 2)  # all of it at half the side: places 0.5 and 2.5, each the mean of four
    np.testing.assert_allclose(got.ravel(), [2.5, 4.5, 10.5, 12.5])
    large = np.asarray(window(KEY, x, 8))[0, :, 0, 0]  # places -0.25, 0.25, ... 3.25, kept in 0 to 3
    np.testing.assert_allclose(large, 4 * np.array([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]))


def test_views_are_the_windows_of_perspectives():
    x = pictures(3, 12, 12, 2)
    slant, window = jax.random.split(KEY)
    twice = jnp.concatenate([x, x])
    straight = jax.jit(partial(augment.clip_views, count=2, side=7, distortion=0.0))(KEY, x)
    assert straight.shape == (6, 7, 7, 2)
    np.testing.assert_allclose(straight, jax.jit(partial(augment.resized_crop, side=7))(window, twice), atol=1e-5)
    whole = jax.jit(partial(augment.clip_views, count=2, side=12, **WHOLE))(KEY, x)
    np.testing.assert_allclose(whole, jax.jit(augment.perspective)(slant, twice), atol=1e-4)
    # of a smooth image, resampling once or twice is nearly the same
    waves = jnp.sin(jnp.arange(24.0) / 6)[None, :, None, None] * jnp.cos(jnp.arange(24.0) / 5)[None, None, :, None] + jnp.ones((2, 1, 1, 1))
    once = jax.jit(partial(augment.clip_views, count=1, side=24))(KEY, waves)
    both = jax.jit(lambda x: augment.resized_crop(window, augment.perspective(slant, x), 24))(waves)
    assert np.mean(np.abs(np.asarray(once - both)) < 0.03) > 0.9


@pytest.mark.parametrize(
    "change",
    [
        augment.sender_view,
        augment.perspective,
        partial(augment.resized_crop, side=5),
        partial(augment.clip_views, count=3, side=5),
        partial(augment.augmented, side=5, recolour=1.0),
    ],
)
def test_gradients_are_finite_differences(change):
    x = jnp.array([0.5, 0.3, 0.4]) + 0.05 * pictures(2, 7, 7)  # green is the least of all and red the most, with no kink near
    seen = jax.eval_shape(change, KEY, x)
    weight, way = (jnp.asarray(np.random.default_rng(i).normal(size=shape), jnp.float32) for i, shape in ((5, seen.shape), (6, x.shape)))
    value = jax.jit(jax.value_and_grad(lambda x: jnp.vdot(change(KEY, x), weight)))
    slope = float(jnp.vdot(value(x)[1], way))
    by_difference = (float(value(x + 2e-3 * way)[0]) - float(value(x - 2e-3 * way)[0])) / 4e-3
    assert slope == pytest.approx(by_difference, rel=0.02, abs=0.05)
    assert abs(slope) > 0.1


# -------------------------------------------------------------------------------------------------------------- classes alike


def test_classes_take_turns_until_the_largest_is_through():
    labels = np.array([7, 2, 7, 7, 5, 2])  # in order of appearance: 7 (0 2 3), 2 (1 5), 5 (4)
    got = augment.balanced(labels)
    assert got.tolist() == [0, 1, 4, 2, 5, 4, 3, 1, 4]
    assert got.dtype == np.int32
    assert augment.balanced(np.array([], int)).shape == (0,)


def test_a_set_of_the_size_of_caltech_101_is_balanced():
    sizes = np.random.default_rng(0).integers(31, 200, 101)
    sizes[17] = 560
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(101), sizes))
    got = augment.balanced(labels)
    assert len(got) == 56_560
    assert (np.bincount(labels[got]) == 560).all()
    assert set(got) == set(range(len(labels)))
    rounds = labels[got].reshape(560, 101)
    assert (rounds == rounds[0]).all()
