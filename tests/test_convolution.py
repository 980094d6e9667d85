"""Convolutions written as matrix products against the library's own, in value and gradient, and against numbers derived by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis.nets import convolution
from semiosis.nets.convolution import DIMENSIONS, Affine, Conv, Transposed, conv, fold, patches, steady, transposed

# n, h, w, i, o, k, stride, padding: the networks' own, then rectangles, strides that do not divide, kernels shorter than the stride
SHAPES = [
    (2, 8, 8, 1, 9, 4, 2, 1),
    (2, 6, 6, 9, 3, 4, 2, 1),
    (2, 7, 7, 8, 5, 3, 2, 1),
    (3, 4, 4, 3, 5, 4, 1, 0),
    (3, 1, 1, 9, 2, 1, 1, 0),
    (2, 7, 6, 3, 8, 3, 1, 1),
    (2, 9, 8, 9, 2, 2, 3, 0),
    (1, 8, 7, 10, 9, 5, 3, 2),
    (4, 6, 5, 9, 3, 3, 1, 1),  # a convolution of fewer outputs than inputs is told from the other side
]


def numbers(key, *shape):
    return jax.random.normal(jax.random.key(key), shape)


def library(name, x, weight, stride, padding):
    """The published meaning of both, by lax alone; a transposed convolution is the gradient of a convolution."""

    def forward(x, weight):
        return jax.lax.conv_general_dilated(
            x, weight, (stride, stride), [(padding, padding)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC"), precision="highest"
        )

    if name == "conv":
        return forward(x, weight)
    (n, h, w, _), (_, k, _, o) = x.shape, weight.shape
    bottom = jnp.zeros((n, (h - 1) * stride - 2 * padding + k, (w - 1) * stride - 2 * padding + k, o))
    return jax.vjp(lambda y: forward(y, jnp.moveaxis(weight, 0, 3)), bottom)[1](x)[0]


def operands(name, shape, key=0):
    n, h, w, i, o, k, stride, padding = shape
    weight = numbers(key + 1, k, k, i, o) if name == "conv" else numbers(key + 1, i, k, k, o)
    return numbers(key, n, h, w, i), weight, stride, padding


def all_of(function, x, weight):
    """Value, and the gradients of a weighted sum of it."""
    y, back = jax.vjp(function, x, weight)
    return y, *back(numbers(9, *y.shape))


@pytest.mark.parametrize("products", [True, False], ids=["products", "library"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["conv", "transposed"])
def test_both_formulations_are_the_librarys(name, shape, products, monkeypatch):
    monkeypatch.setattr(convolution, "_products", lambda: products)
    x, weight, stride, padding = operands(name, shape)
    ours = jax.jit(lambda x, w: all_of(lambda x, w: getattr(convolution, name)(x, w, stride, padding), x, w))(x, weight)
    theirs = jax.jit(lambda x, w: all_of(lambda x, w: library(name, x, w, stride, padding), x, w))(x, weight)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    sides = [
        (m + 2 * padding - shape[5]) // stride + 1 if name == "conv" else (m - 1) * stride - 2 * padding + shape[5] for m in shape[1:3]
    ]
    assert ours[0].shape == (shape[0], *sides, shape[4])  # PyTorch's formulas


@pytest.mark.parametrize("name", ["conv", "transposed"])
def test_a_few_images_at_a_time_are_as_all_at_once(name, monkeypatch):
    x, weight, stride, padding = operands(name, (6, 7, 6, 9, 3, 3, 2, 1))
    layer = jax.jit(lambda x, w: all_of(lambda x, w: getattr(convolution, name)(x, w, stride, padding), x, w))
    whole = layer(x, weight)
    for numbers_at_once in (1, 3000):  # one image at a time, and two or three
        monkeypatch.setattr(convolution, "NUMBERS", numbers_at_once)
        jax.clear_caches()
        assert "while" in layer.lower(x, weight).as_text()
        for a, b in zip(layer(x, weight), whole, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize("products", [True, False], ids=["products", "library"])
def test_what_padding_takes_away_at_the_end_can_be_kept(products, monkeypatch):
    monkeypatch.setattr(convolution, "_products", lambda: products)
    x, weight, _, _ = operands("transposed", (2, 4, 3, 5, 4, 3, 2, 1))
    every, kept = transposed(x, weight, 2, 0), transposed(x, weight, 2, 1, 1)
    assert kept.shape == (2, 8, 6, 4)  # twice the side
    np.testing.assert_allclose(kept, every[:, 1:, 1:], atol=1e-5)


@pytest.mark.parametrize("name", ["conv", "transposed"])
def test_agents_stacked_under_vmap_are_each_by_itself(name):
    shape = (2, 7, 6, 9, 3, 3, 2, 1)
    many = [operands(name, shape, key)[:2] for key in (0, 10, 20)]
    one = lambda x, w: all_of(lambda x, w: getattr(convolution, name)(x, w, 2, 1), x, w)  # noqa: E731
    stacked = jax.jit(jax.vmap(one))(*(jnp.stack(a) for a in zip(*many, strict=True)))
    for agent, (x, w) in enumerate(many):
        for a, b in zip(stacked, one(x, w), strict=True):
            np.testing.assert_allclose(a[agent], b, atol=1e-4)


def test_a_convolution_by_hand():
    """Stride 2, padding 1 on 3 x 3: each corner of the padded image under a kernel of 2 x 2."""
    x = jnp.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    weight = jnp.array([[1.0, 10.0], [100.0, 1000.0]]).reshape(2, 2, 1, 1)
    # windows of [0 0 0 0 0 / 0 1 2 3 0 / 0 4 5 6 0 / 0 7 8 9 0 / 0 0 0 0 0] at rows 0, 2 and columns 0, 2
    by_hand = [[1000.0, 3200.0], [40.0 + 7000.0, 5.0 + 60.0 + 800.0 + 9000.0]]
    np.testing.assert_allclose(conv(x, weight, 2, 1)[0, :, :, 0], by_hand)


def test_a_transposed_convolution_by_hand():
    """Two pixels in a row, a kernel of 3, stride 2: the blocks overlap in one column; padding cuts the rim."""
    x = jnp.array([2.0, 3.0]).reshape(1, 1, 2, 1)
    weight = jnp.arange(1.0, 10.0).reshape(1, 3, 3, 1)
    by_hand = np.array([[2.0, 4.0, 6.0 + 3.0, 6.0, 9.0], [8.0, 10.0, 12.0 + 12.0, 15.0, 18.0], [14.0, 16.0, 18.0 + 21.0, 24.0, 27.0]])
    np.testing.assert_allclose(transposed(x, weight, 2, 0)[0, :, :, 0], by_hand)
    np.testing.assert_allclose(transposed(x, weight, 2, 1)[0, :, :, 0], by_hand[1:-1, 1:-1])


@pytest.mark.parametrize("c", [1, 8])  # either way of cutting patches out
def test_fold_is_patches_transposed(c):
    """<patches(x), t> = <x, fold(t)> for any x and t."""
    x = numbers(0, 2, 6, 8, c)
    taps = numbers(1, *patches(x, 4, 2, 1).shape)
    np.testing.assert_allclose((patches(x, 4, 2, 1) * taps).sum(), (x * fold(taps, 2, 1)).sum(), rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "fan_in", "shape"),
    [
        (lambda key: Conv(5, 7, 4, stride=2, padding=1, key=key), 5 * 16, (4, 4, 5, 7)),
        (lambda key: Transposed(5, 7, 4, stride=2, padding=1, key=key), 7 * 16, (5, 4, 4, 7)),
        (lambda key: Affine(50, 70, key=key), 50, (50, 70)),
    ],
    ids=["conv", "transposed", "affine"],
)
def test_weights_begin_as_pytorchs(make, fan_in, shape):
    layer = make(jax.random.key(0))
    bound = fan_in**-0.5
    assert layer.weight.shape == shape
    for values in (layer.weight, layer.bias):
        assert bound * 0.5 < np.abs(values).max() <= bound
    assert layer.weight.std() == pytest.approx(bound / 3**0.5, rel=0.1)  # a uniform's; 560 numbers know it to 2 %


def test_layers_add_their_bias():
    x = numbers(0, 2, 8, 8, 3)
    for kind, function in ((Conv, conv), (Transposed, transposed)):
        layer = kind(3, 2, 4, stride=2, padding=1, key=jax.random.key(1))
        np.testing.assert_allclose(layer(x) - layer.bias, function(x, layer.weight, 2, 1), atol=1e-6)
    affine = Affine(3, 2, key=jax.random.key(2))
    np.testing.assert_allclose(affine(x[0, 0]), x[0, 0] @ affine.weight + affine.bias, atol=1e-6)
    assert len(jax.tree.leaves(eqx.filter(layer, eqx.is_array))) == 2


@pytest.mark.parametrize(("k", "padding"), [(3, 1), (1, 0), (5, 1)])
def test_a_steady_convolution_has_the_librarys_values_and_gradients_in_a_loop_too(k, padding):
    key_x, key_w, key_g = jax.random.split(jax.random.key(0), 3)
    x, weight = jax.random.normal(key_x, (2, 7, 6, 3)), jax.random.normal(key_w, (k, k, 3, 4))

    def library(x, weight):
        return jax.lax.conv_general_dilated(x, weight, (1, 1), [(padding, padding)] * 2, dimension_numbers=DIMENSIONS)

    g = jax.random.normal(key_g, library(x, weight).shape)

    def both(layer):
        def once(_, carry):
            y, pull = jax.vjp(layer, x, weight)
            return y, *pull(g)

        like = (jnp.zeros_like(g), jnp.zeros_like(x), jnp.zeros_like(weight))
        return jax.jit(lambda: jax.lax.fori_loop(0, 1, once, like))()

    for ours, theirs in zip(both(lambda x, w: steady(x, w, padding)), both(library), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
