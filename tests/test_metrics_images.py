"""Metrics of images: numbers derived by hand, numbers of the slow and obvious program, and laws."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import spearmanr

from semiosis import metrics
from semiosis.errors import UsageError

BITS = np.array(list(product((0, 1), repeat=4)))
LIT = BITS.reshape(16, 2, 2, 1).astype(np.float32)  # each bit lights its own pixel
ALL = [metrics.glyph_distance, metrics.nearest_glyph, metrics.ink, metrics.colours]


def grey(*rows: list[list[float]]) -> np.ndarray:
    """Grey images from rows of pixels."""
    return np.array(rows, float)[..., None]


def random_images(n: int, h: int = 5, w: int = 4, c: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n, h, w, c), np.float32)


def slow_distances(images: np.ndarray) -> np.ndarray:
    return np.array([np.sqrt(((a - b) ** 2).mean()) for a, b in combinations(images.astype(float), 2)])


# distances


def test_image_distances_equal_the_slow_program():
    images = random_images(30)
    np.testing.assert_allclose(metrics.image_distances(images), slow_distances(images), rtol=0, atol=1e-11)
    assert metrics.image_distances(images[:1]).shape == metrics.image_distances(images[:0]).shape == (0,)


def test_image_distances_by_hand():
    # black, white, half grey, and one white pixel of two: (1/2 of 1), and grey to it: both pixels a half away
    images = grey([[0, 0]], [[1, 1]], [[0.5, 0.5]], [[0, 1]])
    np.testing.assert_allclose(metrics.image_distances(images), [1, 0.5, 0.5**0.5, 0.5, 0.5**0.5, 0.5], rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [3, 64])
def test_equal_images_are_exactly_nothing_apart_and_ties_tie(size: int):
    images = random_images(20, size, size)
    assert not metrics.image_distances(images[[3] * 20]).any()
    # flips keep the pixels, in another order of sums
    flipped = metrics.image_distances(images[:, ::-1, ::-1])
    np.testing.assert_array_equal(flipped, metrics.image_distances(images))


def test_a_grey_image_is_a_colour_image_of_equal_colours():
    images = random_images(12, c=1)
    coloured = images.repeat(3, axis=-1)
    np.testing.assert_allclose(metrics.image_distances(coloured), metrics.image_distances(images), rtol=0, atol=1e-11)
    assert metrics.ink(coloured).value == pytest.approx(metrics.ink(images).value)
    assert metrics.colours(coloured).value == pytest.approx(metrics.colours(images).value)


def test_glyph_distances_by_hand():
    images = grey([[0.0]], [[1.0]], [[0.75]])
    # 1, 3/4, 1/4; the nearest are 3/4, 1/4 and 1/4 away
    assert metrics.glyph_distance(images).value == pytest.approx(2 / 3)
    assert metrics.nearest_glyph(images).value == pytest.approx(5 / 12)
    assert metrics.glyph_distance(images).n == metrics.nearest_glyph(images).n == 3
    assert metrics.nearest_glyph(images[[0, 0, 1, 1]]).value == 0


def test_nearest_glyph_equals_the_slow_program():
    images = random_images(15)
    nearest = [min(np.sqrt(((a - b) ** 2).mean()) for j, b in enumerate(images) if i != j) for i, a in enumerate(images)]
    assert metrics.nearest_glyph(images).value == pytest.approx(np.mean(nearest), abs=1e-6)
    assert metrics.glyph_distance(images).value == pytest.approx(slow_distances(images).mean())


# ink and colours


def test_ink_by_hand():
    dot, paper = np.zeros((3, 3)), np.full((3, 3), 0.25)
    dot[1, 1] = 1
    line = paper.copy()
    line[1] = 0.75  # 2 of 8 pixels of the border, and the middle
    assert metrics.ink(grey(dot.tolist())).value == pytest.approx(1 / 9)
    assert metrics.ink(grey(paper.tolist())).value == 0
    found = metrics.ink(grey(dot.tolist(), paper.tolist(), line.tolist()))
    assert found.value == pytest.approx((1 / 9 + 0 + 3 * 0.5 / 9) / 3)
    assert 0 <= found.low < found.value < found.high <= 1 / 6 + 1e-12
    # red on blue: red rises by 1, blue falls by 1, green stays
    red = np.tile(np.array([0.0, 0.0, 1.0]), (1, 3, 3, 1))
    red[0, 1, 1] = [1, 0, 0]
    assert metrics.ink(red).value == pytest.approx(2 / 27)


def test_ink_of_an_image_that_is_all_border():
    assert metrics.ink(grey([[0.7]])).value == 0
    assert metrics.ink(grey([[0, 0], [0, 1]])).value == pytest.approx(1 / 4)
    assert metrics.ink(grey([[0, 0], [1, 1]])).value == pytest.approx(1 / 2)  # the median is half grey


@pytest.mark.parametrize("c", [1, 3])
def test_inverting_all_images_changes_nothing(c: int):
    images = random_images(9, c=c)
    assert metrics.ink(1 - images).value == pytest.approx(metrics.ink(images).value, abs=1e-6)
    for metric in (metrics.glyph_distance, metrics.nearest_glyph, metrics.colours):
        assert metric(1 - images).value == pytest.approx(metric(images).value, abs=1e-6)


def test_colours_by_hand():
    cube = np.array(list(product((0, 1 / 3, 2 / 3, 1), repeat=3)))
    assert metrics.colours(cube.reshape(4, 4, 4, 3)).value == pytest.approx(64)
    assert metrics.colours(grey([[0, 0.3], [0.6, 0.9]])).value == pytest.approx(4)
    assert metrics.colours(grey([[0, 0.1], [0.16, 0]])).value == 1
    # one pixel of four is white: H = ln 4 - 3/4 ln 3
    assert metrics.colours(grey([[0, 0]], [[0, 1]])).value == pytest.approx(4 / 3**0.75)
    # black and white are two colours, whether one or two images hold them
    assert metrics.colours(grey([[0, 1]])).value == metrics.colours(grey([[0]], [[1]])).value == pytest.approx(2)


def test_colours_equal_the_slow_program():
    images = random_images(6)
    counts = Counter(tuple(np.round(pixel * 3).astype(int)) for pixel in images.reshape(-1, 3))
    share = np.array(list(counts.values())) / counts.total()
    assert metrics.colours(images).value == pytest.approx(np.exp(-(share * np.log(share)).sum()))


@pytest.mark.parametrize("metric", ALL)
def test_the_order_of_images_does_not_matter(metric: Callable[[np.ndarray], metrics.Value]):
    images = random_images(20)
    found = metric(images)
    assert metric(images[np.random.default_rng(1).permutation(20)]).value == pytest.approx(found.value, abs=1e-9)
    assert found.how


@pytest.mark.parametrize("metric", ALL)
def test_images_without_a_metric_say_why(metric: Callable[[np.ndarray], metrics.Value]):
    broken = random_images(3)
    broken[1, 2, 0, 0] = np.nan
    assert (metric(broken).value, metric(broken).reason) == (None, "a pixel is not finite")
    broken[1, 2, 0, 0] = np.inf
    assert (metric(broken).value, metric(broken).reason) == (None, "a pixel is not finite")
    assert (metric(broken[:0]).value, metric(broken[:0]).reason) == (None, "no images")


@pytest.mark.parametrize("metric", [metrics.glyph_distance, metrics.nearest_glyph])
def test_one_glyph_is_not_unlike_another(metric: Callable[[np.ndarray], metrics.Value]):
    assert metric(random_images(1))[0] is None
    assert metric(random_images(1)).reason == "needs 2 images or more"


def test_misuse_is_told_in_a_sentence():
    with pytest.raises(UsageError, match=r"pixels from 0 to 255: expected 0 to 1"):
        metrics.ink(random_images(2) * 0 + 255)
    with pytest.raises(UsageError, match=r"pixels from -1 to 1"):
        metrics.image_distances(grey([[-1, 1]]))
    with pytest.raises(UsageError, match=r"images of shape \(2, 3, 3, 2\) and type float32: expected floats \[n, h, w, 1 or 3\]"):
        metrics.colours(random_images(2, 3, 3, 2))
    with pytest.raises(UsageError, match="a pixel is not finite"):
        metrics.image_distances(grey([[np.nan, 1]]))
    # a resampled image may stray by a rounding, which counts as black or white
    assert metrics.glyph_distance(grey([[-1e-3]], [[1 + 1e-3]])).value == 1


# topographic similarity


def test_topsim_of_a_compositional_drawing_is_one():
    """Each bit its own pixel: the distance of images is the root of the share of bits that differ."""
    found = metrics.image_topsim(BITS, LIT, null=True, bootstrap=50)
    assert found.value == pytest.approx(1, abs=1e-12)
    assert found.n == 16
    assert abs(found.null) < 0.05
    assert found.null < found.null_high < 0.5 < found.low <= found.high <= 1 + 1e-12
    assert metrics.image_topsim(BITS[:, [2, 0, 3, 1]], 1 - LIT).value == pytest.approx(1, abs=1e-12)


def test_topsim_of_a_random_drawing_is_none():
    found = metrics.image_topsim(BITS, random_images(16), null=True)
    assert abs(found.value) < 0.3
    assert found.null_high > 0
    # near messages drawn as far images: the images lie on a line, and each step of a bit goes far
    assert metrics.image_topsim(np.array([[0, 0], [1, 1], [0, 1]]), grey([[0]], [[0]], [[1]])).value == pytest.approx(-1)


@pytest.mark.parametrize(("n", "t", "v"), [(40, 5, 2), (60, 3, 7), (25, 12, 2)])
def test_topsim_equals_the_slow_program(n: int, t: int, v: int):
    rng = np.random.default_rng(n)
    messages = rng.integers(0, v, (n, t))
    images = 0.5 * random_images(n, seed=1)
    images[:, 0, 0] += 0.5 * messages[:, :1] / v
    hamming = [(a != b).sum() for a, b in combinations(messages, 2)]
    found, order = metrics.image_topsim(messages, images), rng.permutation(n)
    assert found.value == pytest.approx(spearmanr(hamming, slow_distances(images)).statistic, abs=1e-9)
    assert metrics.image_topsim(messages[order], images[order]).value == pytest.approx(found.value, abs=1e-9)
    assert metrics.image_topsim(messages, images.repeat(2, axis=1)).value == pytest.approx(found.value, abs=1e-9)


def test_topsim_null_is_topsim_of_permuted_images():
    messages, images = np.random.default_rng(1).integers(0, 3, (20, 4)), random_images(20)
    rng = np.random.default_rng(9)
    slow = [metrics.image_topsim(messages, images[rng.permutation(20)]).value for _ in range(20)]
    found = metrics.image_topsim(messages, images, null=True, permutations=20, seed=9)
    assert (found.null, found.null_high) == pytest.approx((np.mean(slow), np.quantile(slow, 0.95)), abs=1e-6)


@pytest.mark.parametrize(
    ("messages", "images", "reason"),
    [
        (np.full((16, 3), 7), LIT, "constant language: all messages are equal"),
        (np.zeros((16, 0), int), LIT, "constant language: all messages are equal"),
        (np.arange(16)[:, None], LIT, "messages of one symbol that differ are equally far apart"),
        (np.arange(16)[:, None].repeat(2, axis=1), LIT, "all messages are equally far apart"),
        (BITS, LIT[[5] * 16], "all images are equal"),
        (BITS[:4, 1:], np.eye(4)[:, None, :, None], "all images are equally far apart"),
        (BITS, LIT * np.nan, "a pixel is not finite"),
        (BITS[:2], LIT[:2], "needs 3 images or more"),
        (BITS[:0], LIT[:0], "no images"),
    ],
)
def test_topsim_without_a_value_says_why(messages: np.ndarray, images: np.ndarray, reason: str):
    found = metrics.image_topsim(messages, images, null=True, bootstrap=5)
    assert (found.value, found.low, found.null, found.reason) == (None, None, None, reason)


def test_a_thousand_images_take_a_second():
    messages, images = np.random.default_rng(1).integers(0, 2, (1000, 10)), random_images(1000, 32, 32)
    start = time.process_time()
    assert abs(metrics.image_topsim(messages, images).value) < 0.05
    assert time.process_time() - start < 4  # 0.3 s on one idle core


# signal and noise


@pytest.mark.parametrize(("n", "m", "levels"), [(1, 1, 2), (7, 40, 3), (60, 5, 10), (50, 50, 10**6)])
def test_auroc_equals_the_slow_program(n: int, m: int, levels: int):
    rng = np.random.default_rng(n)
    signal, noise = rng.integers(0, levels, n) + levels // 4.0, rng.integers(0, levels, m) * 1.0
    slow = np.mean([(s > z) + 0.5 * (s == z) for s in signal for z in noise])
    found = metrics.auroc(signal, noise)
    assert found.value == pytest.approx(slow, abs=1e-12)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert (found.null, found.n) == (0.5, n + m)
    assert metrics.auroc(rng.permutation(signal), np.cbrt(noise) - 9) != found  # scores count, not places
    assert metrics.auroc(np.cbrt(rng.permutation(signal)), np.cbrt(noise))[:4] == pytest.approx(found[:4])


def test_auroc_by_hand():
    # 3 beats 1 and 2 and ties with 3; 2 beats 1 and ties with 2
    assert metrics.auroc(np.array([3.0, 2.0]), np.array([1.0, 2.0, 3.0])).value == pytest.approx((2.5 + 1.5) / 6)
    assert metrics.auroc(np.array([np.inf, 1.0]), np.array([-np.inf, 0.0])).value == 1
    assert metrics.auroc(np.ones(4), np.ones(3)).value == 0.5


def test_auroc_turns_round_with_signal_and_noise():
    rng = np.random.default_rng(0)
    signal, noise = rng.normal(0.7, size=20), rng.normal(size=50)
    there, back = metrics.auroc(signal, noise), metrics.auroc(noise, signal)
    assert (back.value, back.low, back.high) == pytest.approx((1 - there.value, 1 - there.high, 1 - there.low))


def test_auroc_interval_by_hand():
    """At each end the area is 1.96 standard errors of that end away, with Q1 and Q2 as Hanley and McNeil write them."""
    rng = np.random.default_rng(0)
    found = metrics.auroc(rng.normal(1, size=30), rng.normal(size=80))
    for end in (found.low, found.high):
        q1, q2 = end / (2 - end), 2 * end**2 / (1 + end)
        error = np.sqrt((end * (1 - end) + 29 * (q1 - end**2) + 79 * (q2 - end**2)) / (30 * 80))
        assert abs(found.value - end) == pytest.approx(1.959964 * error, rel=1e-5)
    # one of each is one trial, and the interval Wilson's
    one = metrics.auroc(np.ones(1), np.zeros(1))
    assert (one.value, one.low, one.high) == pytest.approx(metrics.wilson(1, 1), abs=1e-6)
    assert metrics.auroc(np.ones(1000), np.zeros(1000)).low > 0.99


def test_auroc_interval_holds_the_truth():
    rng, truth = np.random.default_rng(0), 0.76025  # the normal distribution function at 1 / sqrt 2
    found = [metrics.auroc(rng.normal(1, size=25), rng.normal(size=40)) for _ in range(400)]
    assert 0.92 < np.mean([value.low <= truth <= value.high for value in found]) < 0.99


def test_auroc_without_a_value_says_why():
    some = np.array([0.5])
    assert metrics.auroc(some, some[:0])[0] is metrics.auroc(some[:0], some)[0] is None
    assert metrics.auroc(some, some[:0]).reason == "no noise"
    assert metrics.auroc(some[:0], some).reason == metrics.auroc(some[:0], some[:0]).reason == "no signal"
    assert metrics.auroc(some, some * np.nan)[:1] == (None,)
    assert metrics.auroc(some, some * np.nan).reason == "a score is not a number"


def test_confusion_counts():
    said, guess = np.array([0, 0, 2, 2, 2]), np.array([0, 3, 2, 2, 0])
    np.testing.assert_array_equal(metrics.confusion_counts(said, guess, 3), [[1, 0, 0, 1], [0, 0, 0, 0], [1, 0, 2, 0]])
    np.testing.assert_array_equal(metrics.confusion_counts(said[:0], guess[:0], 2), np.zeros((2, 3)))
    many = np.random.default_rng(0).integers(0, 6, (2, 300))
    counts = metrics.confusion_counts(many[0], many[1], 9)
    assert counts.shape == (9, 10)
    for i, j in product(range(9), range(10)):
        assert counts[i, j] == np.sum((many[0] == i) & (many[1] == j))
    with pytest.raises(UsageError, match="said up to 2 and guess up to 3: expected 1 and 2 at most"):
        metrics.confusion_counts(said, guess, 2)
    with pytest.raises(UsageError, match="negative"):
        metrics.confusion_counts(said, guess - 1, 3)


# classes and glyphs


def test_class_spread_by_hand():
    # one pixel: 0 and 0.2 of one class, 0.6 and 1 of the other
    images, labels = grey([[0]], [[0.2]], [[0.6]], [[1]]), np.array([0, 0, 7, 7])
    found = metrics.class_spread(images, labels, null=True, permutations=200, bootstrap=100)
    assert (found.within.value, found.between.value) == pytest.approx(((0.2 + 0.4) / 2, (0.6 + 1 + 0.4 + 0.8) / 4))
    assert found.separation.value == pytest.approx(1 - 0.3 / 0.7)
    # of three ways to pair four images the other two have more within, or as much as between
    pairings = [1 - 0.3 / 0.7, 1 - ((0.6 + 0.8) / 2) / ((0.2 + 1 + 0.4 + 0.4) / 4), 1 - ((1 + 0.4) / 2) / ((0.2 + 0.6 + 0.8 + 0.4) / 4)]
    assert found.separation.null == pytest.approx(np.mean(pairings), abs=4 * np.std(pairings) / 200**0.5)
    assert found.separation.low <= found.separation.value <= found.separation.high


def test_class_spread_equals_the_slow_program():
    images, labels = random_images(25), np.random.default_rng(1).integers(0, 4, 25)
    same = np.array([a == b for a, b in combinations(labels, 2)])
    distances = slow_distances(images)
    found = metrics.class_spread(images, labels)
    assert (found.within.value, found.between.value) == pytest.approx((distances[same].mean(), distances[~same].mean()), abs=1e-9)


def test_class_spread_without_a_value_says_why():
    images = random_images(3)
    assert metrics.class_spread(images, np.arange(3)).within.reason == "no two images share a class"
    assert metrics.class_spread(images, np.zeros(3, int)).between.reason == "all images are of one class"
    assert metrics.class_spread(images[:1], np.zeros(1, int)).separation.reason == "needs 2 images or more"
    blank = metrics.class_spread(images * 0, np.array([0, 0, 1]))
    assert (blank.within.value, blank.separation.reason) == (0, "all images of different classes are equal")


def test_effective_glyphs_by_hand():
    images = grey([[0]], [[0]], [[1]], [[0.5]])
    assert metrics.effective_glyphs(images).value == pytest.approx(2**1.5)  # one half of the time, two in a quarter each
    assert metrics.effective_glyphs(images, order=0).value == pytest.approx(3)
    assert metrics.effective_glyphs(images, order=2).value == pytest.approx(1 / (1 / 4 + 1 / 16 + 1 / 16))
    assert metrics.effective_glyphs(images, alike=1.0).value == pytest.approx(1)
    # half grey is like both others: (0, 0, 0.5), (1, 0.5), and all are usual to it
    usual = np.array([3 / 4, 3 / 4, 1 / 2, 1])
    assert metrics.effective_glyphs(images, alike=0.5).value == pytest.approx(np.exp(-np.log(usual).mean()))
    # a glyph that is never drawn is none
    assert metrics.effective_glyphs(images, np.array([1.0, 1, 0, 0])).value == pytest.approx(1)
    assert metrics.effective_glyphs(images[:0]).reason == "no images"
    with pytest.raises(UsageError, match=r"order -1 and alike 0\.05"):
        metrics.effective_glyphs(images, order=-1)
    with pytest.raises(UsageError, match=r"weights of shape \(4,\): expected 4 numbers from 0, not all 0"):
        metrics.effective_glyphs(images, np.zeros(4))


def test_psnr_by_hand():
    images = grey([[0, 1]], [[0.5, 0.5]])
    found = metrics.psnr(images, np.abs(images - 0.1), bootstrap=50)
    assert found.value == pytest.approx(20)  # a tenth of the peak
    worse = metrics.psnr(images, np.abs(images - np.array([0.1, 0.01]).reshape(2, 1, 1, 1)))
    assert worse.value == pytest.approx((20 + 40) / 2)
    assert metrics.psnr(images, images).reason == "an image is reproduced exactly"
    assert metrics.psnr(images[:0], images[:0]).reason == "no images"
