"""Strokes to ink: distances and values worked out by hand, the gradient against the plain one and finite differences, curves, SVG."""

from functools import lru_cache
from itertools import pairwise
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis import raster
from semiosis.errors import UsageError
from semiosis.raster import Strokes

CURVE = ((-1.0, -1.0), (-0.5, 0.0), (0.5, 0.0), (1.0, 1.0))


@lru_cache
def compiled(name, canvas, **how):
    """`draw` or `plain` of strokes, sigma2 and paper, compiled once for each shape."""
    return jax.jit(lambda strokes, sigma2, paper: getattr(raster, name)(strokes, canvas, sigma2, paper=paper, **how))


@lru_cache
def gradient(name, canvas, **how):
    """The image, and the gradient of its product with `g` to strokes, sigma2 and paper."""

    def total(strokes, sigma2, paper, g):
        image = getattr(raster, name)(strokes, canvas, sigma2, paper=paper, **how)
        return (image * g).sum(), image

    return jax.jit(jax.grad(total, (0, 1, 2), has_aux=True))


def ink(points, canvas, sigma2, **how):
    """The ink [n h w] of strokes [n s k 2]."""
    strokes = Strokes(jnp.asarray(points, jnp.float32))
    return np.asarray(compiled("draw", canvas, **how)(strokes, jnp.float32(sigma2), jnp.zeros(3)))[..., 0]


def distance2(points, side):
    """Squared distances, told by the ink."""
    return -np.log(ink([[points]], (side, side), 1.0)[0])


def random(seed, n, s, k=2, *, widths=False, colour=False):
    keys = jax.random.split(jax.random.key(seed), 4)
    points = jax.random.uniform(keys[0], (n, s, k, 2), minval=-1.0, maxval=1.0)
    opacity = jax.random.uniform(keys[1], (n, s), minval=0.1)
    own = jax.random.uniform(keys[2], (n, s), minval=0.002, maxval=0.02) if widths else None
    return Strokes(points, opacity, jax.random.uniform(keys[3], (n, s, 3)) if colour else None, own)


def close(got, want, rel=1e-4):
    """Whether each array is as near to another as `rel` of its length."""
    for x, y in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
        assert np.linalg.norm(x - y) <= rel * np.linalg.norm(y) + 1e-7


# ------------------------------------------------------------------------------------------------------------- values


def test_distances_of_a_segment():
    line = [(0, -0.5), (0, 0.5)]
    rows = [[1.25, 1, 1, 1, 1.25], [0.5, 0.25, 0.25, 0.25, 0.5], [0.25, 0, 0, 0, 0.25]]
    assert np.allclose(distance2(line, 5), [*rows, *rows[1::-1]], atol=1e-6)
    inked = [
        [0.00673795, *[0.01831564] * 3, 0.00673795],
        [0.13533528, *[0.36787945] * 3, 0.13533528],
        [0.36787945, 1, 1, 1, 0.36787945],
    ]
    assert np.allclose(ink([[line]], (5, 5), 0.25)[0], [*inked, *inked[1::-1]], atol=1e-6)


def test_distances_of_a_diagonal():
    assert np.allclose(distance2([(-1, -1), (1, 1)], 3), [[0, 0.5, 2], [0.5, 0, 0.5], [2, 0.5, 0]], atol=1e-6)


def test_distances_of_a_polyline_are_those_of_its_nearest_part():
    assert np.allclose(distance2([(-1, -1), (1, -1), (1, 1)], 3), [[0, 1, 4], [0, 1, 1], [0, 0, 0]], atol=1e-6)


def test_a_segment_of_no_length_is_a_point_and_pulls_both_ends_alike():
    point = distance2([(0, 0)], 5)
    assert np.allclose(point[[0, 0, 2], [0, 2, 2]], [2, 1, 0], atol=1e-6)
    assert np.array_equal(distance2([(0, 0), (0, 0)], 5), point)
    g = jax.random.normal(jax.random.key(0), (1, 5, 5, 1))
    for name in ("draw", "plain"):
        of = gradient(name, (5, 5))
        strokes = Strokes(jnp.full((1, 1, 2, 2), 0.1))
        line = np.asarray(of(strokes, jnp.float32(0.5), jnp.zeros(3), g)[0][0].points[0, 0])
        one = np.asarray(of(Strokes(strokes.points[:, :, :1]), jnp.float32(0.5), jnp.zeros(3), g)[0][0].points[0, 0])
        assert np.isfinite(line).all()
        assert np.abs(line).min() > 0.01
        assert np.allclose(line[0], line[1], rtol=1e-5)
        assert np.allclose(line.sum(axis=0), one[0], rtol=1e-5)


def test_ends_sides_and_places_are_alike():
    a, b = (-0.3, -0.8), (0.55, 0.2)
    image = ink([[[a, b]]], (28, 28), 0.01)[0]
    assert np.allclose(ink([[[b, a]]], (28, 28), 0.01)[0], image, atol=1e-6)
    assert np.allclose(ink([[[a[::-1], b[::-1]]]], (28, 28), 0.01)[0], image.T, atol=1e-6)
    pitch = 2 / 27
    moved = ink([[[(a[0], a[1] + pitch), (b[0], b[1] + pitch)]]], (28, 28), 0.01)[0]
    assert np.allclose(moved[:, 1:], image[:, :-1], atol=2e-6)


@pytest.mark.parametrize(("sigma2", "pixels", "tolerance"), [(5e-4, 92.967, 1e-3), (1e-3, 133.55, 3e-4), (1e-2, 470.79, 3e-5)])
def test_ink_of_a_line_of_length_one(sigma2, pixels, tolerance):
    pitch = 2 / 95
    total = ink([[[(0, -0.5), (0, 0.5)]]], (96, 96), sigma2).sum()
    assert pixels == pytest.approx((np.sqrt(np.pi * sigma2) + np.pi * sigma2) / pitch**2, rel=2e-5)
    assert total == pytest.approx(pixels, rel=tolerance)


@pytest.mark.parametrize(("away", "value", "slope"), [(0.02, 0.449329, 17.9732), (0.05, 0.00673795, 0.673795)])
def test_value_and_slope_beside_the_middle_of_a_line(away, value, slope):
    strokes = Strokes(jnp.array([[[[away, -0.5], [away, 0.5]]]]))
    middle = jnp.zeros((1, 3, 3, 1)).at[0, 1, 1, 0].set(1.0)
    (got, *_), image = gradient("draw", (3, 3))(strokes, jnp.float32(5e-4), jnp.zeros(3), middle)
    assert image[0, 1, 1, 0] == pytest.approx(value, rel=2e-6)
    assert np.allclose(got.points[0, 0], [[-slope, 0], [-slope, 0]], rtol=1e-5, atol=1e-5)


def test_the_ink_of_one_stroke_by_its_kind():
    point = [[[(0, 0)]]]
    places = ([1, 0, 0], [1, 1, 0])
    assert np.allclose(ink(point, (3, 3), 1.0, ink="sigmoid")[0][places], [1, 0.537883, 0.238406], atol=1e-6)
    assert np.allclose(ink(point, (3, 3), 1.0, ink="hard")[0][places], [1, 1, 0])
    half = np.sqrt(5e-4 * np.log(2))
    assert half == pytest.approx(0.018616, abs=1e-6)
    assert ink([[[(half, -0.5), (half, 0.5)]]], (3, 3), 5e-4)[0, 1, 1] == pytest.approx(0.5, abs=1e-6)
    assert 2 * half / (2 / 95) == pytest.approx(1.77, abs=0.005)  # pixels of 96


def test_strokes_together():
    layers = jnp.array([0.2, 0.5, 0.9])[:, None, None]
    together = raster.softor(layers)
    assert together[0, 0] == pytest.approx(0.96, abs=1e-6)
    assert raster.over(layers, jnp.ones((3, 1)), jnp.zeros(1))[0, 0, 0] == pytest.approx(0.96, abs=1e-6)
    assert raster.smoothmax(layers, 1)[0, 0] == pytest.approx(0.615845, abs=1e-6)
    assert raster.smoothmax(layers, 0.1)[0, 0] == pytest.approx(0.892186, abs=1e-6)
    many = jax.random.uniform(jax.random.key(1), (3, 7, 4, 5))
    assert np.allclose(raster.softor(many), raster.over(many, jnp.ones((3, 7, 1)), jnp.zeros(1))[..., 0], atol=1e-6)


def test_no_stroke_takes_ink_away():
    strokes = random(2, 1, 12)
    images = [ink(strokes.points[:, :count], (28, 28), 5e-3) for count in (0, 5, 12)]
    assert not images[0].any()
    for fewer, more in pairwise(images):
        assert (more >= fewer - 1e-6).all()
    assert images[-1].max() <= 1


def test_size_is_chosen_when_drawing():
    points = random(3, 1, 5).points
    assert np.allclose(ink(points, (65, 65), 0.01)[:, ::2, ::2], ink(points, (33, 33), 0.01), atol=2e-6)


def test_a_canvas_that_is_not_square_has_square_pixels():
    rows, columns = raster.axes((5, 9))
    assert np.allclose(rows, [-1, -0.5, 0, 0.5, 1])
    assert np.allclose(columns, np.arange(-4, 5) / 2)
    strokes, scale = random(4, 2, 4), 19 / 11  # the same picture lying on its side
    tall, wide = ink(strokes.points, (20, 12), 0.02), ink(strokes.points[..., ::-1] * scale, (12, 20), 0.02 * scale**2)
    assert np.allclose(tall, wide.swapaxes(1, 2), atol=1e-5)


def test_hard_ink_of_a_line_is_one_pixel_wide():
    assert np.allclose(raster.thresholds((96, 96)), (0.0148865, 0.0105263), atol=1e-7)
    assert np.allclose(raster.thresholds((28, 28)), (0.0523783, 0.0370370), atol=1e-7)
    row, half = raster.axes((29, 29))[0][9] + 0.01, 10 / 14
    touched, thin = (ink([[[(row, -half), (row, half)]]], (29, 29), reach**2, ink="hard")[0] for reach in raster.thresholds((29, 29)))
    assert np.array_equal(np.argwhere(thin), [(9, column) for column in range(4, 25)])
    assert touched.sum() == 21
    between = ink([[[(row + 1 / 29, -half), (row + 1 / 29, half)]]], (29, 29), raster.thresholds((29, 29))[0] ** 2, ink="hard")[0]
    assert between.sum(axis=0)[10:20].tolist() == [2] * 10  # halfway, both rows are touched


# ---------------------------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize(("side", "count"), [(28, 50), (64, 5), (96, 20), (128, 1)])
def test_it_is_what_the_plain_formulas_say(side, count):
    strokes, g = random(side, 2, count), jax.random.normal(jax.random.key(5), (2, side, side, 1))
    (got, image), (want, wanted) = (gradient(n, (side, side))(strokes, jnp.float32(2e-3), jnp.zeros(3), g) for n in ("draw", "plain"))
    assert np.abs(image - wanted).max() < 1e-5
    close(got, want)


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize("how", [("over", "exponential"), ("screen", "sigmoid")])
def test_gradients_of_coloured_strokes_of_their_own_width(k, how):
    compose, kind = how
    strokes, paper = random(6, 3, 6, k, widths=True, colour=True), jnp.array([0.2, 0.5, 0.9])
    g = jax.random.normal(jax.random.key(7), (3, 20, 13, 3))
    (got, image), (want, wanted) = (
        gradient(name, (20, 13), compose=compose, ink=kind)(strokes, jnp.float32(1), paper, g) for name in ("draw", "plain")
    )
    assert np.abs(image - wanted).max() < 1e-5
    close(got, want)
    assert all(np.abs(part).max() > 0 for part in got[0])  # points, opacity, colour and widths all move
    assert bool(np.abs(got[2]).max() > 0) == (compose == "over")


def test_gradients_are_finite_differences():
    with jax.enable_x64(True):
        strokes = jax.tree.map(lambda x: x.astype(jnp.float64), random(8, 1, 5, 3, widths=True, colour=True))
        g = jax.random.normal(jax.random.key(9), (1, 12, 12, 3), jnp.float64)

        @jax.jit
        def slopes(strokes, towards):
            def total(by):
                moved = jax.tree.map(lambda x, d: x + by * d, strokes, towards)
                return (raster.draw(moved, (12, 12), 1.0, paper=0.3) * g).sum()

            grads = jax.grad(lambda s: (raster.draw(s, (12, 12), 1.0, paper=0.3) * g).sum())(strokes)
            told = sum(jnp.vdot(x, d) for x, d in zip(jax.tree.leaves(grads), jax.tree.leaves(towards), strict=True))
            return told, (total(1e-6) - total(-1e-6)) / 2e-6

        for seed in range(4):
            keys = iter(jax.random.split(jax.random.key(seed), 4))
            towards = jax.tree.map(lambda x, keys=keys: jax.random.normal(next(keys), x.shape, x.dtype), strokes)
            told, found = slopes(strokes, towards._replace(sigma2=towards.sigma2 * 0.01))
            assert float(told) == pytest.approx(float(found), rel=1e-6)


def test_hard_ink_moves_no_stroke():
    strokes, g = random(10, 2, 4), jax.random.normal(jax.random.key(11), (2, 28, 28, 1))
    (got, sigma2, _), _ = gradient("draw", (28, 28), ink="hard")(strokes, jnp.float32(0.01), jnp.zeros(3), g)
    assert not np.any(got.points)
    assert not np.any(sigma2)
    assert np.abs(got.opacity).max() > 0


def test_full_ink_has_the_gradient_that_others_let_through():
    line = [[0.0, -0.5], [0.0, 0.5]]  # through the centres of pixels
    g = jnp.ones((1, 5, 5, 1))
    of = gradient("draw", (5, 5))
    one = of(Strokes(jnp.array([[line]]), jnp.ones((1, 1))), jnp.float32(0.01), jnp.zeros(3), g)[0][0]
    assert one.opacity[0, 0] == pytest.approx(3, abs=1e-4)  # three pixels of full ink, however full
    (two, *_), image = of(Strokes(jnp.array([[line, line]]), jnp.ones((1, 2))), jnp.float32(0.01), jnp.zeros(3), g)
    assert image[0, 2, 1:4, 0].tolist() == [1, 1, 1]
    assert np.abs(two.opacity).max() < 1e-4
    assert np.isfinite(two.points).all()


def test_later_strokes_cover_earlier_ones():
    line = [[0.0, -1.0], [0.0, 1.0]]
    colours = jnp.array([[[1.0, 0, 0], [0, 1, 0], [0.2, 0.4, 0.6]]])
    middle = jnp.zeros((1, 5, 5, 3)).at[0, 2, 2].set(1.0)
    strokes = Strokes(jnp.array([[line, line, line]]), jnp.array([[1.0, 0.5, 1.0]]), colours)
    of = gradient("draw", (5, 5))
    (got, _, paper), image = of(strokes, jnp.float32(0.01), jnp.ones(3), middle)
    assert np.allclose(image[0, 2, 2], [0.2, 0.4, 0.6], atol=1e-6)
    assert np.allclose(image[0, 0, 0], 1)  # paper
    assert np.allclose(got.colour[0], [[0] * 3, [0] * 3, [1] * 3], atol=1e-4)
    assert np.allclose(got.opacity[0, :2], 0, atol=1e-4)
    assert np.allclose(paper, 0, atol=1e-4)
    last = Strokes(*(x[:, ::-1] for x in strokes[:3]))  # red on top
    assert np.allclose(of(last, jnp.float32(0.01), jnp.ones(3), middle)[1][0, 2, 2], [1, 0, 0], atol=1e-6)
    light = compiled("draw", (5, 5), compose="screen")
    assert np.allclose(light(strokes, jnp.float32(0.01), jnp.ones(3)), light(last, jnp.float32(0.01), jnp.ones(3)), atol=1e-6)


def test_gradients_below_forty_full_strokes_are_kept():
    line = jnp.array([[0.0, -1.0], [0.0, 1.0]])
    strokes = Strokes(jnp.broadcast_to(line, (1, 40, 2, 2)), jnp.ones((1, 40)), jax.random.uniform(jax.random.key(12), (1, 40, 3)))
    g = jax.random.normal(jax.random.key(13), (1, 5, 5, 3))
    (got, *_), (want, *_) = (gradient(name, (5, 5))(strokes, jnp.float32(0.1), jnp.ones(3), g)[0] for name in ("draw", "plain"))
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(got))
    assert np.allclose(got.colour, want.colour, atol=1e-4)
    assert np.allclose(got.opacity, want.opacity, atol=1e-4)
    assert np.abs(want.colour[0, -1]).min() > 0.01  # the top one is seen
    assert np.abs(want.colour[0, 0]).max() < 0.02  # the lowest is not


def test_memory_does_not_grow_with_strokes():
    shapes = Strokes(jax.ShapeDtypeStruct((100, 20, 2, 2), jnp.float32)), jax.ShapeDtypeStruct((100, 96, 96, 1), jnp.float32)
    grads = jax.jit(lambda strokes, g: jax.vjp(lambda s: raster.draw(s, (96, 96), 5e-4), strokes)[1](g))
    assert grads.lower(*shapes).compile().memory_analysis().temp_size_in_bytes < 0.05e9


def test_a_few_at_a_time_and_seeds_side_by_side_are_the_same(monkeypatch):
    strokes = random(14, 6, 3, colour=True)
    g = jax.random.normal(jax.random.key(15), (6, 9, 10, 3))
    want, image = gradient("draw", (9, 10))(strokes, jnp.float32(0.02), jnp.ones(3), g)
    monkeypatch.setattr(raster, "NUMBERS", 200)  # two drawings

    @jax.jit
    def seeds(strokes, g):
        def total(strokes, g):
            image = raster.draw(strokes, (9, 10), 0.02, paper=1)
            return (image * g).sum(), image

        return jax.vmap(jax.grad(total, has_aux=True))(strokes, g)

    pair = jax.tree.map(lambda x: jnp.stack([x, x[::-1]]), (strokes, g))
    got, images = seeds(*pair)
    assert np.allclose(images[0], image, atol=1e-6)
    assert np.allclose(images[1], image[::-1], atol=1e-6)
    close(jax.tree.map(lambda x: x[0], got), want[0], 1e-5)


def test_how_much_is_seen_of_each_stroke():
    strokes = random(16, 2, 5)
    whole = ink_of(strokes)
    seen = jax.jit(lambda s: raster.visible(s, (28, 28), 0.01))(strokes)
    assert seen.shape == (2, 5)
    for i in range(5):
        without = ink_of(strokes._replace(opacity=strokes.opacity.at[:, i].set(0.0)))
        assert np.allclose(seen[:, i], (whole - without).max(axis=(1, 2)), atol=1e-5)


def test_how_much_paint_is_not_painted_over():
    line = [[0.0, -0.5], [0.0, 0.5]]  # full ink through the centres of pixels
    strokes = Strokes(jnp.array([[line, line, line]]), jnp.array([[1.0, 0.75, 0.5]]))
    seen = jax.jit(lambda s: raster.visible(s, (5, 5), 0.001, compose="over"))(strokes)
    assert np.allclose(seen, [[0.125, 0.375, 0.5]], atol=1e-6)


def ink_of(strokes):
    return np.asarray(compiled("draw", (28, 28))(strokes, jnp.float32(0.01), jnp.zeros(3)))[..., 0]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"ink": "wet"}, "unknown ink 'wet': known are exponential, sigmoid, hard"),
        ({"canvas": (1, 5)}, "canvas of 1 x 5 pixels"),
    ],
)
def test_what_cannot_be_drawn_is_said(told, said):
    with pytest.raises(UsageError, match=said):
        raster._prepared.__wrapped__(
            random(0, 1, 1), **{"canvas": (5, 5), "sigma2": 1, "ink": "hard", "compose": "over", "paper": 0} | told
        )


# --------------------------------------------------------------------------------------------------------------- curves


def test_bezier_curves():
    points = jnp.array(CURVE)
    assert np.allclose(raster.bezier_at(points, np.array([0.25, 0.5])), [(-0.546875, -0.40625), (0, 0)], atol=1e-6)
    assert np.allclose(raster.bezier_at(points[:3], np.array([0.5])), [(-0.375, -0.25)], atol=1e-6)
    line = raster.bezier(points[None, ::3], 5)
    assert np.allclose(line[0], np.linspace([-1, -1], [1, 1], 5), atol=1e-6)
    ends = raster.bezier(points, 7)
    assert ends.shape == (7, 2)
    assert np.array_equal(ends[jnp.array([0, 6])], points[jnp.array([0, 3])])


def test_catmull_rom_curves_go_through_their_knots():
    points = jnp.array(CURVE)
    wanted = {0.0: (-0.2734375, 0.046875), 0.5: (-0.2740201, 0.0430954), 1.0: (-0.2744678, 0.0395898)}
    at = jax.jit(lambda alpha: raster.catmull_rom_at(points, jnp.array([0, 0.25, 1]), alpha))
    for alpha, place in wanted.items():
        got = at(alpha)
        assert np.allclose(got[1], place, atol=1e-6)
        assert np.allclose(got[::2], points[1:3], atol=1e-7)
    knots = jax.random.uniform(jax.random.key(17), (3, 6, 2))
    line = jax.jit(lambda k: raster.catmull_rom(k, 5))(knots)
    assert line.shape == (3, 13, 2)  # three spans of four steps
    assert np.allclose(line[:, ::4], knots[:, 1:-1], atol=1e-6)
    with pytest.raises(UsageError, match="a curve of 3 knots: expected 4 or more"):
        raster.catmull_rom(knots[:, :3], 5)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_knots_that_fall_together_do_no_harm(alpha):
    same = jnp.array([[CURVE[0]] * 2 + [CURVE[2], CURVE[3]], [CURVE[0], CURVE[1], CURVE[1], CURVE[3]], [CURVE[0]] * 4])
    value, slope = jax.jit(jax.value_and_grad(lambda k: (raster.catmull_rom(k, 4, alpha) ** 2).sum()))(same)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


def test_a_curve_as_a_polyline_is_off_by_the_square_of_its_steps():
    with jax.enable_x64(True):
        points = jnp.array(CURVE, jnp.float64)

        @lru_cache
        def distance(parts):
            image = jax.jit(lambda p: raster.draw(Strokes(raster.bezier(p, parts + 1)[None, None]), (32, 32), 1.0))(points)
            return np.sqrt(np.maximum(-np.log(np.asarray(image)), 0))

        errors = [np.abs(distance(parts) - distance(2000)).max() for parts in (5, 10, 20)]
    assert np.allclose(errors, [0.0237, 0.0064, 0.0016], atol=1e-4)


# ------------------------------------------------------------------------------------------------------------------ SVG


def parsed(*args, **how):
    root = ElementTree.fromstring(raster.svg(*args, **how))
    space = "{http://www.w3.org/2000/svg}"
    return root, {name: root.findall(f".//{space}{name}") for name in ("rect", "polyline", "circle")}


def test_svg_has_the_places_widths_and_colours_of_the_raster():
    points = jnp.array([[[[-1.0, -1], [1, 1], [1, 1]], [[0.0, 0], [0, 0], [0, 0]]]])
    strokes = Strokes(points, jnp.array([[0.5, 1]]), jnp.array([[[1.0, 0, 0.2], [0, 0.4, 1]]]), jnp.array([[0.01, 0.04]]))
    root, found = parsed(strokes, (11, 11), 1.0, paper=jnp.array([1.0, 1, 0]))
    assert root.get("viewBox") == "0 0 11 11"
    assert found["rect"][0].get("fill") == "#ffff00"
    (line,), (point,) = found["polyline"], found["circle"]
    assert line.get("points") == "0.5,0.5 10.5,10.5 10.5,10.5"  # the centres of the first and last pixel
    assert (line.get("stroke"), line.get("stroke-opacity")) == ("#ff0033", "0.5")
    assert float(line.get("stroke-width")) == pytest.approx(2 * 0.1 * np.sqrt(np.log(2)) * 5, rel=1e-5)  # 5 pixels a unit
    assert (point.get("cx"), point.get("cy"), point.get("fill")) == ("5.5", "5.5", "#0066ff")
    assert float(point.get("r")) == pytest.approx(0.2 * np.sqrt(np.log(2)) * 5, rel=1e-5)


def test_svg_of_ink_is_the_raster_beyond_one_half():
    strokes = Strokes(jnp.array([[[[-0.4, -0.6], [0.3, 0.7]]]]))
    _, found = parsed(strokes, (41, 61), 0.02)
    line = found["polyline"][0]
    assert (found["rect"][0].get("fill"), line.get("stroke")) == ("#000000", "#ffffff")
    (x0, y0), (x1, y1) = (map(float, corner.split(",")) for corner in line.get("points").split())
    rows, columns = np.mgrid[:41, :61] + 0.5  # an SVG's pixels have their corners at whole numbers
    a, m = np.array([y0, x0]), np.array([y1 - y0, x1 - x0])
    away = np.stack([rows, columns], -1) - a
    nearest = np.clip(away @ m / (m @ m), 0, 1)
    inside = np.linalg.norm(away - nearest[..., None] * m, axis=-1) < float(line.get("stroke-width")) / 2
    assert (inside == (ink(strokes.points, (41, 61), 0.02)[0] > 0.5)).mean() > 0.999
    assert inside.sum() > 100


def test_svg_turned_round_and_of_light():
    strokes = random(18, 2, 3, colour=True)
    _, found = parsed(strokes._replace(colour=None), (9, 9), 0.01, index=1, invert=True)
    assert (found["rect"][0].get("fill"), found["polyline"][0].get("stroke")) == ("#ffffff", "#000000")
    _, found = parsed(strokes, (9, 9), 0.01, compose="screen")
    assert found["polyline"][0].get("style") == "mix-blend-mode:screen"
    _, found = parsed(Strokes(jnp.zeros((1, 0, 2, 2))), (9, 9), 0.01)
    assert not found["polyline"]
