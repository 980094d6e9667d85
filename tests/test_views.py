"""Views: the identity exactly, resampling against SciPy, gradients, noise against its formula."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from semiosis.scenes import views

warp = jax.jit(views.warp)


def pictures(n=4, h=9, w=12, c=2):
    return jax.random.uniform(jax.random.key(0), (n, h, w, c))


def test_to_float_scales_to_one():
    got = views.to_float(jnp.array([0, 51, 255], jnp.uint8))
    assert got.dtype == jnp.float32
    assert np.allclose(got, [0, 0.2, 1])


def test_no_change_is_the_identity_bit_for_bit():
    x = pictures()
    assert np.array_equal(jax.jit(views.affine)(jax.random.key(1), x), x)


def test_a_quarter_turn_is_clockwise():
    x = jnp.arange(9.0).reshape(1, 3, 3, 1)
    got = warp(x, jnp.array([jnp.pi / 2]), jnp.ones(1), jnp.zeros((1, 2)))
    assert np.allclose(got[0, ..., 0], np.rot90(np.arange(9.0).reshape(3, 3), -1), atol=1e-5)


def test_a_shift_moves_down_and_right_and_fills_with_zero():
    x = jnp.arange(1.0, 9.0).reshape(1, 2, 4, 1)
    got = warp(x, jnp.zeros(1), jnp.ones(1), jnp.array([[0.5, 0.25]]))  # one row, one column
    assert np.allclose(got[0, ..., 0], [[0, 0, 0, 0], [0, 1, 2, 3]])
    half = warp(x, jnp.zeros(1), jnp.ones(1), jnp.array([[0.0, 0.125]]))  # half a column: the mean of two neighbours
    assert np.allclose(half[0, ..., 0], [[0.5, 1.5, 2.5, 3.5], [2.5, 5.5, 6.5, 7.5]])


@pytest.mark.parametrize(("angle", "size", "move"), [(0.3, 1.0, (0.0, 0.0)), (-1.2, 0.8, (0.1, -0.2)), (2.5, 1.3, (-0.05, 0.15))])
def test_warp_equals_scipy(angle, size, move):
    x = np.asarray(pictures(1))
    h, w = x.shape[1:3]
    # SciPy maps an output place o to the input place A o + b; ours is middle + R(-angle) (o - middle - move) / size
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / size
    middle = np.array([(h - 1) / 2, (w - 1) / 2])
    offset = middle - turn @ (middle + np.array(move) * [h, w])
    want = [ndimage.affine_transform(x[0, ..., i], turn, offset, order=1, mode="grid-constant", cval=0.0) for i in range(2)]
    got = warp(jnp.asarray(x), jnp.array([angle]), jnp.array([size]), jnp.array([move]))
    assert np.allclose(got[0], np.stack(want, -1), atol=1e-5)


def test_each_image_has_a_view_of_its_own_within_the_bounds():
    x = jnp.zeros((200, 21, 21, 1)).at[:, 10, 10].set(1.0)
    got = np.asarray(jax.jit(partial(views.affine, shift=0.2))(jax.random.key(2), x))[..., 0]
    assert np.allclose(got.sum((1, 2)), 1, atol=1e-4)  # the point is only spread over its neighbours
    places = np.stack([np.einsum("nhw,h->n", got, np.arange(21) - 10), np.einsum("nhw,w->n", got, np.arange(21) - 10)])
    assert np.abs(places).max() <= 0.2 * 21 + 1e-3
    assert places.std(axis=1) == pytest.approx(
        0.2 * 21 / np.sqrt(3), rel=0.15
    )  # uniform; the error of a std of 200 is 3.2 %, so 4.7 errors
    grown = jax.jit(partial(views.affine, scale=0.5))(jax.random.key(3), jnp.ones((50, 40, 40, 1))).sum((1, 2, 3))
    assert grown.min() > (0.5 * 40 - 2) ** 2
    assert grown.max() <= 40**2


def test_affine_is_linear_so_its_gradient_is_its_transpose():
    x, g = pictures(), jax.random.normal(jax.random.key(4), (4, 9, 12, 2))
    view = jax.jit(partial(views.affine, jax.random.key(5), rotation=30.0, shift=0.1, scale=0.2))
    back = jax.grad(lambda x: jnp.vdot(view(x), g))(x)
    assert float(jnp.vdot(back, x)) == pytest.approx(float(jnp.vdot(g, view(x))), rel=1e-4)
    assert np.isfinite(back).all()
    assert not np.allclose(view(x), x)


def test_noise_is_the_formula():
    x = jnp.array([[1.0, 10.0], [3.0, 30.0]])  # standard deviations over the batch: 1 and 10
    key = jax.random.key(6)
    want = x + 0.5 * jnp.array([[1.0, 10.0]]) * jax.random.normal(key, (2, 2))
    assert np.allclose(jax.jit(views.noise)(key, x, 0.5), want)
    assert np.array_equal(views.noise(key, x, 0.0), x)


def test_noise_has_the_standard_deviation_of_each_feature():
    x = jax.random.normal(jax.random.key(7), (20000, 4)) * jnp.array([[0.1, 1.0, 5.0, 50.0]])
    added = views.noise(jax.random.key(8), x, 0.5) - x
    assert np.allclose(added.std(0) / x.std(0), 0.5, rtol=0.02)  # the relative error of a std of 20,000 is 0.5 %, so 4 errors
