"""What happens to an image on its way: nothing at level 0, the published amounts at each level, and each operation by hand."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis import visual as v
from semiosis.errors import UsageError
from semiosis.scenes.views import bilinear, frame, outside, resample

FILLS = ("black", "white", "mean", "edge")
LEVELS = np.arange(16)

blur, kernel = (jax.jit(f, static_argnames="fill") for f in (v.blur, v.kernel))


def pictures(n=4, h=16, w=16, c=3, key=0):
    return jax.random.uniform(jax.random.key(key), (n, h, w, c))


def channel(ladder="glyphnet", colours=3, operations=None, **options):
    ladder = v.LADDERS[ladder]
    return jax.jit(v.visual(ladder, v.operations_of(ladder, colours) if operations is None else operations, **options))


def at_level(level, n, ladder="glyphnet", colours=3):
    return jnp.full((n, len(v.operations_of(v.LADDERS[ladder], colours))), level)


# --------------------------------------------------------------------------------------------------------------- ladders


def test_ladders_have_the_published_operations_in_the_order_they_act():
    glyphnet, ccn = v.LADDERS["glyphnet"], v.LADDERS["ccn"]
    assert v.operations_of(glyphnet, 3) == ("static", "blur", "resize", "translate", "rotate", "threshold")
    assert v.operations_of(glyphnet, 1) == (*v.operations_of(glyphnet, 3), "invert", "kernel")
    assert v.operations_of(ccn, 3) == ("static", "blur", "gain", "resize", "shear", "translate", "rotate", "cutout", "threshold")
    assert v.operations_of(ccn, 1) == v.operations_of(ccn, 3)
    assert v.top(glyphnet) == v.top(ccn) == 15
    assert all(len(table) == 16 for ladder in (glyphnet, ccn) for table in ladder.amplitudes.values())


@pytest.mark.parametrize(
    ("ladder", "operation", "level", "want"),
    [
        ("glyphnet", "static", 6, 0.13),
        ("glyphnet", "blur", 15, 2.2),
        ("glyphnet", "resize", 8, (0.55, 1.375)),
        ("glyphnet", "translate", 1, 0.025),
        ("glyphnet", "rotate", 9, 54),
        ("glyphnet", "kernel", 1, 0.5),
        ("ccn", "static", 15, 0.5),
        ("ccn", "blur", 3, 0.76),
        ("ccn", "gain", 15, (0.35, 1.6)),
        ("ccn", "resize", 3, (0.9, 1.1)),
        ("ccn", "shear", 15, 15),
        ("ccn", "rotate", 3, 6),
        ("ccn", "cutout", 15, 0.4),
    ],
)
def test_tables_are_the_published_ones(ladder, operation, level, want):
    assert np.allclose(v.LADDERS[ladder].amplitudes[operation][level], want)


def test_what_a_ladder_lacks_is_refused():
    with pytest.raises(UsageError, match="unknown operation 'gain': known are static, blur, resize"):
        channel(operations=("static", "gain"))
    with pytest.raises(UsageError, match="operations are blur, blur: expected each once"):
        channel(operations=("blur", "blur"))


# ---------------------------------------------------------------------------------------------------------- the channel


@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize("n", [1, 2, 64])
def test_at_level_zero_images_come_out_bit_for_bit(n, c):
    x = pictures(n, c=c)
    got = channel(colours=c)(x, at_level(0, n, colours=c), jax.random.key(1))
    assert got.dtype == x.dtype
    assert np.array_equal(got, x)


@pytest.mark.parametrize("fill", FILLS)
def test_at_level_zero_it_is_bit_for_bit_with_each_fill_and_beside_harder_neighbours(fill):
    x = pictures(4, h=9, w=12)
    level = at_level(0, 4, "ccn").at[1].set(15)
    got = channel("ccn", fill=fill)(x, level, jax.random.key(1))
    assert np.array_equal(got[jnp.array([0, 2, 3])], x[jnp.array([0, 2, 3])])
    assert not np.allclose(got[1], x[1], atol=0.01)


def test_no_operations_are_no_change():
    x = pictures()
    assert np.array_equal(channel(operations=())(x, jnp.zeros((4, 0), jnp.int32), jax.random.key(0)), x)


@pytest.mark.parametrize(("ladder", "c"), [("glyphnet", 1), ("ccn", 3)])
def test_each_operation_at_each_level_keeps_the_shape_and_has_finite_gradients(ladder, c):
    names = v.operations_of(v.LADDERS[ladder], c)
    alone = jnp.asarray(np.concatenate([np.outer(LEVELS, np.arange(len(names)) == i) for i in range(len(names))]), jnp.int32)
    level = jnp.concatenate([alone, jnp.tile(LEVELS[:, None], (1, len(names)))])  # each operation alone, then all together
    run, x = channel(ladder, c), pictures(len(level), c=c)
    for dtype in (jnp.float32, jnp.bfloat16):
        shape = jax.eval_shape(run, x.astype(dtype), level, jax.random.key(0))
        assert shape.shape == x.shape
        assert shape.dtype == dtype
    for i, got in enumerate(
        jax.jit(jax.value_and_grad(lambda x, i: (run(x, level, jax.random.key(i)) ** 2).sum()))(x, i) for i in range(3)
    ):
        total, slope = got
        assert np.isfinite(total), i
        assert np.isfinite(slope).all()
        assert (np.abs(slope).max(axis=(1, 2, 3)) > 0).all()  # something of each image arrives


def test_only_the_operations_above_level_zero_act():
    n, names = 64, v.operations_of(v.LADDERS["glyphnet"], 1)
    run, x = channel(colours=1), pictures(n, c=1)

    def heard(name, level=15):
        return np.asarray(run(x, at_level(0, n, colours=1).at[:, names.index(name)].set(level), jax.random.key(2)))

    def share(got, want):  # either happened or not, image by image; 64 fair coins, 5 standard deviations
        same, changed = ((np.abs(got - y) < 1e-6).all((1, 2, 3)) for y in (np.asarray(x), want))
        assert (same ^ changed).all()
        assert abs(changed.mean() - 0.5) < 5 * 0.5 / np.sqrt(n)

    share(heard("invert"), 1 - np.asarray(x))
    share(heard("threshold"), np.asarray(jax.nn.sigmoid(30 * (x - 0.5))))
    assert np.std(heard("static") - x) == pytest.approx(0.26, rel=0.03)  # 16,384 numbers: an error of 0.55 %
    assert np.allclose(heard("blur"), v.blur(x, jnp.full(n, 2.2)), atol=1e-6)
    assert np.array_equal(heard("translate", level=1), x)  # 0.025 of 16 pixels: no whole one
    inside = heard("translate", level=3) > 0  # 0.07: one at most
    left = np.stack([inside.any(2).sum((1, 2)), inside.any(1).sum((1, 2))], axis=1)  # rows and columns that stayed
    assert set(map(tuple, left.tolist())) == {(a, b) for a in (15, 16) for b in (15, 16)}


def test_images_of_a_batch_are_changed_each_in_its_own_way_or_alike():
    x, names = jnp.tile(pictures(1), (8, 1, 1, 1)), ("blur", "resize", "translate", "threshold")
    level, key = jnp.full((8, 4), 15), jax.random.key(3)
    own, alike = (np.asarray(channel(operations=names, draws=draws)(x, level, key)) for draws in ("image", "batch"))
    assert all(not np.allclose(own[i], own[j], atol=0.01) for i in range(8) for j in range(i))
    assert np.allclose(alike, alike[:1], atol=1e-6)
    other = channel(operations=names, draws="batch")(x, level, jax.random.key(4))
    assert not np.allclose(alike, other, atol=0.01)


def test_many_seeds_side_by_side_hear_what_each_hears_alone():
    x, level, keys, run = pictures(2), at_level(9, 2), jax.random.split(jax.random.key(5), 3), channel()
    step = jax.value_and_grad(lambda x, key: (run(x, level, key) ** 2).sum())
    together = jax.jit(jax.vmap(step, (None, 0)))(x, keys)
    alone = jax.jit(lambda x, keys: jax.lax.map(lambda key: step(x, key), keys))(x, keys)
    for got, want in zip(together, alone, strict=True):
        assert np.allclose(got, want, rtol=1e-3, atol=1e-3)


# ------------------------------------------------------------------------------------------------------ amounts as drawn


@pytest.fixture(scope="module", params=[("glyphnet", "image"), ("ccn", "image"), ("glyphnet", "batch"), ("ccn", "batch")], ids="-".join)
def drawn(request):
    """The ladder, how it is drawn, and the amounts of 10,000 images at each level [16 10000 ...]; of a batch, 10,000 batches of two."""
    ladder, draws = v.LADDERS[request.param[0]], request.param[1]
    names, shape = v.operations_of(ladder, 1), (40, 24, 1)

    def image(level, key):
        return v.amounts(ladder, {name: jnp.full(10_000, level) for name in names}, key, shape)

    def batch(level, key):
        one = lambda key: v.amounts(ladder, {name: jnp.full(2, level) for name in names}, key, shape, draws="batch")  # noqa: E731
        return jax.vmap(one)(jax.random.split(key, 10_000))

    keys = jax.random.split(jax.random.key(6), 16)
    got = jax.jit(lambda: jax.lax.map(lambda a: (image if draws == "image" else batch)(*a), (jnp.arange(16), keys)))()
    return ladder, draws, {name: np.asarray(x) for name, x in got.items()}


def test_a_batch_shares_its_amounts_but_for_the_angle(drawn):
    _, draws, got = drawn
    if draws == "batch":
        for name, x in got.items():
            alike = np.array_equal(x[:, :, 0], x[:, :, 1])
            assert alike == (name != "rotate")


def test_amounts_reach_the_table_and_go_no_farther(drawn):
    """Of 10,000 uniform numbers the largest is within 0.2 % of the bound but once in 10^8; a product of two, within 7 %."""
    ladder, draws, got = drawn
    got = {name: x[:, :, 0] if draws == "batch" else x for name, x in got.items()}
    near = 0.07 if ladder.drawn else 0.002

    def reaches(x, bound, unit=1.0):
        assert (x <= bound + 1e-5).all()
        assert (x >= (1 - near) * bound - 1e-5 * unit).all()

    for name, table in ladder.amplitudes.items():
        x = got[name]
        if name in ("static", "blur"):
            reaches(x.max(1), table)
            assert ladder.drawn or (x == table[:, None]).all()
        elif name in ("gain", "resize"):
            for i in range(x.shape[2]):  # down and right apart, or each colour
                reaches(1 - x[:, :, i].min(1), 1 - table[:, 0])
                reaches(x[:, :, i].max(1) - 1, table[:, 1] - 1)
        elif name in ("shear", "rotate"):
            reaches(x.max(1), np.deg2rad(table))
            reaches(-x.min(1), np.deg2rad(table))
        elif name == "translate":
            most = np.stack([np.round(table * side) for side in (40, 24)], axis=1)
            assert np.array_equal(x, np.round(x))
            assert np.array_equal(x.max(1), most)
            assert np.array_equal(x.min(1), -most)
        elif name == "cutout":
            assert np.array_equal(x[:, :, 0].max(1), np.round(table * 24))
            assert (x[:, :, 1:] >= 0).all()
            assert (x[:, :, 1:] + x[:, :, :1] <= [40, 24]).all()
            assert np.array_equal((x[:, :, 1:] + x[:, :, :1]).max(1), np.tile([40, 24], (16, 1)))
        elif name in ("threshold", "invert"):
            assert np.abs(x.mean(1) - table).max() < 5 * 0.5 / 100
        else:
            acts = (x != np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])).any((2, 3))
            assert np.abs(acts.mean(1) - table).max() < 5 * 0.5 / 100
            assert np.allclose(np.abs(x).sum((2, 3)), 1, atol=1e-5)


def test_amounts_are_uniform_and_independent(drawn):
    ladder, draws, got = drawn
    if ladder.drawn or draws == "batch":
        return  # the same numbers, times an amplitude or shared
    down, right = got["resize"][15].T
    assert down.mean() == pytest.approx(0.95, abs=5 * 1.1 / np.sqrt(12 * 10_000))
    assert abs(np.corrcoef(down, right)[0, 1]) < 0.05  # 5 errors of 1 %
    _, counts = np.unique(got["translate"][15, :, 0], return_counts=True)
    assert len(counts) == 17  # -8 to 8
    assert ((counts - 10_000 / 17) ** 2 / (10_000 / 17)).sum() < 16 + 6 * np.sqrt(32)
    angle = got["rotate"][15] / np.deg2rad(72)
    assert np.abs(np.histogram(angle, 8, (-1, 1))[0] - 1250).max() < 5 * np.sqrt(1250)
    assert abs(np.corrcoef(got["threshold"][15], got["invert"][15])[0, 1]) < 0.05


def test_static_is_normal_and_drawn_for_each_pixel():
    noise = np.asarray(v.static(jnp.zeros((2, 64, 64, 3)), jnp.array([0.26, 0.02]), jax.random.key(7)))
    assert noise[0].std() == pytest.approx(0.26, rel=0.03)  # 12,288 numbers: an error of 0.64 %
    assert noise[1].std() == pytest.approx(0.02, rel=0.03)
    z = noise[0] / 0.26
    assert abs(z.mean()) < 5 / np.sqrt(z.size)
    assert (z**4).mean() == pytest.approx(3, abs=5 * np.sqrt(96 / z.size))
    assert abs((z[1:] * z[:-1]).mean()) < 5 / np.sqrt(z.size)
    assert abs((z[..., 0] * z[..., 1]).mean()) < 5 / np.sqrt(z.size / 3)
    assert not np.allclose(noise[0] / 0.26, noise[1] / 0.02, atol=0.1)


# ---------------------------------------------------------------------------------------------------- operations by hand


def test_blur_spreads_a_lit_pixel_by_the_gaussian():
    x = jnp.zeros((2, 9, 11, 1)).at[:, 4, 5].set(1.0)
    got = np.asarray(v.blur(x, jnp.array([1.0, 0.01])))[..., 0]
    row = np.exp([-4.5, -2.0, -0.5, 0, -0.5, -2.0, -4.5])  # exp(-d^2 / 2)
    row /= row.sum()
    assert np.allclose(got[0, 1:8, 2:9], np.outer(row, row), atol=1e-7)
    assert got[0].sum() == pytest.approx(1, abs=1e-6)  # so nothing lies beyond 7 x 7
    assert np.array_equal(got[1], x[1, ..., 0])


@pytest.mark.parametrize("fill", FILLS)
def test_blur_sees_the_fill_outside(fill):
    x, sigma = pictures(2, h=6, w=8, c=2), jnp.array([0.7, 2.2])
    d = np.arange(-3, 4)
    for got, image, s in zip(blur(x, sigma, fill), np.asarray(x), np.asarray(sigma), strict=True):
        weights = np.exp(-(d[:, None] ** 2 + d**2) / (2 * s**2))
        weights /= weights.sum()
        around = framed(image, 3, fill)
        want = sum(weights[a, b] * around[a : a + 6, b : b + 8] for a in range(7) for b in range(7))
        assert np.allclose(got, want, atol=1e-6)


def framed(image, width, fill):
    """The image with more pixels on each side, by NumPy."""
    if fill == "edge":
        return np.pad(image, ((width, width), (width, width), (0, 0)), mode="edge")
    value = {"black": 0, "white": 1, "mean": image.mean((0, 1))}[fill]
    return np.pad(image - value, ((width, width), (width, width), (0, 0))) + value


@pytest.mark.parametrize("fill", FILLS)
def test_frames_are_of_the_fill(fill):
    x = pictures(2, h=3, w=4)
    assert np.allclose(frame(x, 2, fill), [framed(image, 2, fill) for image in np.asarray(x)], atol=1e-6)
    assert fill == "edge" or np.allclose(outside(x, fill)[:, 0, 0], frame(x, 1, fill)[:, 0, 0], atol=1e-6)


def test_gain_is_a_factor_of_each_colour():
    x = pictures(2)
    factor = jnp.array([[0.5, 1.0, 2.0], [1.0, 1.0, 1.0]])
    assert np.allclose(v.gain(x, factor), x * factor[:, None, None])


@partial(jax.jit, static_argnames="fill")
def placed(images, amounts, fill):
    return resample(images, *v.undo(amounts), fill)


def moved(images, fill="black", **amounts):
    return np.asarray(placed(images, {name: jnp.asarray(x) for name, x in amounts.items()}, fill))


@pytest.mark.parametrize("fill", FILLS)
def test_translation_moves_whole_pixels_down_and_right_and_fills(fill):
    x = pictures(2, h=5, w=6)
    got = moved(x, fill, translate=[[2.0, -1.0], [0.0, 0.0]])
    assert np.array_equal(got[0, 2:, :-1], x[0, :-2, 1:])
    around = framed(np.asarray(x[0]), 2, fill)
    assert np.allclose(got[0], around[:5, 3:9], atol=1e-6)
    assert np.array_equal(got[1], x[1])


def test_a_quarter_turn_is_clockwise_and_no_turn_and_no_growth_are_the_identity():
    x = pictures(3, h=7, w=7)
    got = moved(x, rotate=[np.pi / 2, 0.0, -np.pi / 2], resize=np.ones((3, 2)))
    assert np.allclose(got[0], np.rot90(x[0], -1), atol=1e-5)
    assert np.allclose(got[1], x[1], atol=1e-5)
    assert np.allclose(got[2], np.rot90(x[2]), atol=1e-5)


def test_twice_the_size_reads_between_the_pixels():
    """A 4-pixel row 0 1 2 3 has its centre at 1.5; grown twice, pixel p reads 1.5 + (p - 1.5) / 2 = .75, 1.25, 1.75, 2.25."""
    x = jnp.broadcast_to(jnp.arange(4.0), (1, 4, 4))[..., None]
    assert np.allclose(moved(x, resize=[[1.0, 2.0]])[0, ..., 0], np.tile([0.75, 1.25, 1.75, 2.25], (4, 1)), atol=1e-6)
    assert np.allclose(moved(x, resize=[[2.0, 1.0]])[0, 1:3, :, 0], np.tile(np.arange(4.0), (2, 1)), atol=1e-6)
    half = [[1.5 + (p - 1.5) * 2 for p in range(4)]]  # -1.5, .5, 2.5, 4.5: the outer two lie outside
    assert np.allclose(half, [[-1.5, 0.5, 2.5, 4.5]])
    assert np.allclose(moved(x, "white", resize=[[1.0, 0.5]])[0, 0, :, 0], [1, 0.5, 2.5, 1], atol=1e-6)
    assert np.allclose(moved(x, "edge", resize=[[1.0, 0.5]])[0, 0, :, 0], [0, 0.5, 2.5, 3], atol=1e-6)


def test_shear_leans_to_the_right_by_its_tangent():
    x = jnp.zeros((1, 5, 9, 1)).at[:, :, 4].set(1.0)
    got = moved(x, shear=[np.arctan(1.0)])[0, ..., 0]
    assert np.allclose(got, np.stack([np.eye(9)[2 + row] for row in range(5)]), atol=1e-5)


def test_content_is_scaled_then_sheared_then_moved_then_turned():
    """A point 2 right of the centre: scaled to 4, moved 1 down, turned a quarter clockwise: 4 down, 1 left. Down 1: scaled, leans."""
    x = jnp.zeros((2, 15, 15, 1)).at[0, 7, 9].set(1.0).at[1, 8, 7].set(1.0)
    got = moved(
        x, resize=[[1.0, 2.0], [2.0, 1.0]], shear=[0.0, np.arctan(1.0)], translate=[[1.0, 0.0], [0.0, 1.0]], rotate=[np.pi / 2, 0.0]
    )[..., 0]
    assert np.unravel_index(got[0].argmax(), (15, 15)) == (7 + 4, 7 - 1)
    assert np.unravel_index(got[1].argmax(), (15, 15)) == (7 + 2, 7 + 2 + 1)


def test_cutout_fills_one_square():
    x = pictures(2, h=6, w=8)
    for fill, value in (("black", 0), ("white", 1), ("mean", x[0].mean((0, 1))), ("edge", x[0].mean((0, 1)))):
        got = np.array(v.cutout(x, jnp.array([[2.0, 1.0, 5.0], [0.0, 3.0, 3.0]]), fill))
        assert np.allclose(got[0, 1:3, 5:7], np.broadcast_to(value, (2, 2, 3)), atol=1e-6)
        got[0, 1:3, 5:7] = x[0, 1:3, 5:7]
        assert np.array_equal(got, x)


def test_threshold_and_invert_are_their_formulas_where_they_happen():
    x, happens = jnp.array([0.0, 0.4, 0.5, 1.0]).reshape(1, 2, 2, 1).repeat(2, axis=0), jnp.array([True, False])
    got = v.threshold(x, happens)
    assert np.allclose(got[0].ravel(), 1 / (1 + np.exp([15.0, 3.0, 0.0, -15.0])))
    assert np.array_equal(got[1], x[1])
    got = v.invert(x, happens)
    assert np.allclose(got[0].ravel(), [1, 0.6, 0.5, 0])
    assert np.array_equal(got[1], x[1])


def test_a_kernel_is_correlation_and_no_pixel_outgrows_the_brightest():
    x, weights = pictures(200, h=6, w=6, c=2), jax.random.normal(jax.random.key(8), (200, 3, 3))
    weights /= jnp.abs(weights).sum((1, 2), keepdims=True)
    for fill in FILLS:
        got = np.asarray(kernel(x, weights, fill))
        around = framed(np.asarray(x[0]), 1, fill)
        assert np.allclose(got[0], sum(weights[0, a, b] * around[a : a + 6, b : b + 6] for a in range(3) for b in range(3)), atol=1e-6)
        limit = 1 if fill == "white" else np.asarray(x).max((1, 2, 3))
        assert (np.abs(got).max((1, 2, 3)) <= limit + 1e-6).all()


# --------------------------------------------------------------------------------------------- gradients written by hand


def plainly(images, matrix, offset, fill):
    """`resample` in tents: pixel i counts for a place y by max(0, 1 - |y - i|); all of it differentiated by JAX."""
    (_, h, w, _), width = images.shape, 40  # so far out that no place needs to be clipped
    down, right = jnp.meshgrid(jnp.arange(h) - (h - 1) / 2, jnp.arange(w) - (w - 1) / 2, indexing="ij")
    at = jnp.einsum("nij,jhw->inhw", matrix, jnp.stack([down, right])) + offset.T[:, :, None, None]
    around = ((0, 0), (width, width), (width, width), (0, 0))
    if fill == "edge":
        wide = jnp.pad(images, around, mode="edge")
    else:
        value = {"black": 0, "white": 1, "mean": images.mean((1, 2), keepdims=True)}[fill]
        wide = jnp.pad(images - value, around) + value
    tents = [
        jnp.maximum(0, 1 - jnp.abs(x[..., None] + (side - 1) / 2 + width - jnp.arange(side + 2 * width)))
        for x, side in zip(at, (h, w), strict=True)
    ]
    return jnp.einsum("nhwi,nhwj,nijc->nhwc", *tents, wide)


@pytest.mark.parametrize("fill", FILLS)
def test_resampling_and_its_gradient_equal_the_plain_formula_differentiated(fill):
    n, x = 6, pictures(6, h=7, w=9, c=2)
    matrix = jnp.eye(2) + 0.8 * jax.random.normal(jax.random.key(9), (n, 2, 2))
    offset, g = 2 * jax.random.normal(jax.random.key(10), (n, 2)), jax.random.normal(jax.random.key(11), x.shape)
    (got, back), (want, plain) = (
        jax.jit(lambda x, f=f: (lambda y, pull: (y, pull(g)[0]))(*jax.vjp(lambda x: f(x, matrix, offset, fill), x)))(x)
        for f in (resample, plainly)
    )
    assert np.allclose(got, want, atol=1e-5)
    assert np.allclose(back, plain, atol=2e-5)


def test_the_gradient_of_a_large_batch_is_that_of_its_parts():
    x, g = pictures(12, h=64, w=64, key=16), pictures(12, h=64, w=64, key=17)  # large enough to be taken four at a time
    turns = {"rotate": jnp.linspace(-1.0, 1.0, 12), "resize": jnp.linspace(0.5, 1.5, 24).reshape(12, 2)}
    pull = jax.jit(lambda x, amounts, g: jax.vjp(lambda x: resample(x, *v.undo(amounts)), x)[1](g)[0])
    parts = [pull(x[i : i + 4], {name: turn[i : i + 4] for name, turn in turns.items()}, g[i : i + 4]) for i in range(0, 12, 4)]
    assert np.allclose(pull(x, turns, g), np.concatenate(parts), atol=1e-3)  # a place is known to 4e-6 pixels, many add up


def test_reading_at_the_last_pixel_stays_inside():
    x = pictures(1, h=3, w=4)
    corners = jnp.array([[[0.0, 0.0], [0.0, 3.0]], [[2.0, 0.0], [2.0, 3.0]]])[None]
    assert np.allclose(bilinear(x, corners), x[:, ::2, ::3], atol=1e-7)


@pytest.mark.parametrize("fill", FILLS)
def test_blur_and_kernel_are_affine_so_their_gradients_are_differences(fill):
    """f(x + d) - f(x) is the slope times d, exactly, whatever d; so a wrong transpose cannot hide."""
    x, d, g = (pictures(3, h=6, w=8, c=1, key=key) for key in (12, 13, 14))
    weights = jax.random.normal(jax.random.key(15), (3, 3, 3))
    for f in (lambda x: kernel(x, weights, fill), lambda x: blur(x, jnp.array([0.5, 1.0, 2.0]), fill)):
        y, pull = jax.vjp(f, x)
        assert float(jnp.vdot(pull(g)[0], d)) == pytest.approx(float(jnp.vdot(g, f(x + d) - y)), rel=1e-4)
