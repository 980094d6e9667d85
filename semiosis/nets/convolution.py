"""Convolutions and transposed convolutions of NHWC images, written as whatever is fast where they run.

XLA on a CPU is quick at matrix products and slow, 10 to 100 times, at the weight gradients of convolutions and at all that a transposed
convolution needs. There a convolution is `patches @ weight`, a transposed one `fold(x @ weight)`, and the two halves are each other's
gradient. Elsewhere both are the library's own convolution.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

DIMENSIONS = ("NHWC", "HWIO", "NHWC")
NUMBERS = 1_500_000  # laid out at once: 6 MB, which stay in the cache of a core


def conv(x: Float[Array, "n h w i"], weight: Float[Array, "k k i o"], stride: int = 1, padding: int = 0) -> Float[Array, "n h2 w2 o"]:
    """Cross-correlation with zero padding: out[y] = sum_a x[y stride - padding + a] weight[a], h2 = (h + 2 padding - k) // stride + 1."""
    k, _, i, o = weight.shape
    if k == stride == 1 and not padding:  # a product whatever the machine
        return _product(x.reshape(-1, i), weight[0, 0]).reshape(*x.shape[:3], -1)
    if not _products():
        return lax.conv_general_dilated(x, weight, (stride, stride), [(padding, padding)] * 2, dimension_numbers=DIMENSIONS)
    if stride == 1 and o < i and padding < k:  # the same sum told from the other side: what is laid out has o channels and not i
        return transposed(x, jnp.moveaxis(weight[::-1, ::-1], 2, 0), 1, k - 1 - padding)
    h, w = ((side + 2 * padding - k) // stride + 1 for side in x.shape[1:3])
    return _by_parts(partial(_conv, stride=stride, padding=padding), x, weight, h * w * k * k * i)


def _conv(x: Float[Array, "n h w i"], weight: Float[Array, "k k i o"], *, stride: int, padding: int) -> Float[Array, "n h2 w2 o"]:
    """The convolution of some images by one product."""
    k = weight.shape[0]
    rows: Array = x[:, None, None] if x.shape[1:3] == (k, k) and not padding else patches(x, k, stride, padding)
    n, h, w = rows.shape[:3]
    return _product(rows.reshape(n * h * w, -1), weight.reshape(-1, weight.shape[-1])).reshape(n, h, w, -1)


def transposed(
    x: Float[Array, "n h w i"], weight: Float[Array, "i k k o"], stride: int = 1, padding: int = 0, beyond: int = 0
) -> Float[Array, "n h2 w2 o"]:
    """Transposed convolution: out[y stride - padding + a] += x[y] weight[:, a], h2 = (h - 1) stride - 2 padding + k + beyond.

    The weight's input axis comes first, unlike a convolution's: so the products with it, and that which is its gradient, need no
    transposed copy of it.
    """
    h, w, k = *x.shape[1:3], weight.shape[1]
    if not _products():
        edge = k - 1 - padding  # the kernel mirrored, over an input spread apart and padded with what is missing
        mirrored = jnp.moveaxis(weight[:, ::-1, ::-1], 0, 2)
        return lax.conv_general_dilated(
            x, mirrored, (1, 1), [(edge, edge + beyond)] * 2, lhs_dilation=(stride, stride), dimension_numbers=DIMENSIONS
        )
    laid = h * w * k * k * weight.shape[-1]
    return _by_parts(partial(_transposed, stride=stride, padding=padding, beyond=beyond), x, weight, laid)


def _transposed(
    x: Float[Array, "n h w i"], weight: Float[Array, "i k k o"], *, stride: int, padding: int, beyond: int
) -> Float[Array, "n h2 w2 o"]:
    """The transposed convolution of some images by one product."""
    (n, h, w, i), k = x.shape, weight.shape[1]
    taps = _product(x.reshape(n * h * w, i), weight.reshape(i, -1)).reshape(n, h, w, k, k, -1)
    return taps[:, 0, 0] if h == w == 1 and not padding and not beyond else fold(taps, stride, padding, (beyond, beyond))


def _by_parts(layer: Callable[[Array, Array], Array], x: Float[Array, "n h w i"], weight: Array, laid: int) -> Float[Array, "n h2 w2 o"]:
    """The layer, a few images at a time where all of them, each laid out as so many numbers, would not fit the cache.

    What is laid out is not kept for the gradient but laid out again: that is quicker than to fetch it.
    """
    n = x.shape[0]
    some = max(part for part in range(1, n + 1) if n % part == 0 and (part == 1 or part * laid <= NUMBERS))
    return layer(x, weight) if some == n else _parts(layer, n // some, x, weight)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _parts(layer: Callable[[Array, Array], Array], count: int, x: Array, weight: Array) -> Array:
    return _join(lax.map(lambda part: layer(part, weight), _split(x, count)))


def _parts_forward(layer: Callable[[Array, Array], Array], count: int, x: Array, weight: Array) -> tuple[Array, tuple[Array, Array]]:
    return _parts(layer, count, x, weight), (x, weight)


def _parts_backward(layer: Callable[[Array, Array], Array], count: int, kept: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, weight = kept

    def part(total: Array, part: tuple[Array, Array]) -> tuple[Array, Array]:
        dx, dweight = jax.vjp(layer, part[0], weight)[1](part[1])
        return total + dweight, dx

    total, dx = lax.scan(part, jnp.zeros_like(weight), (_split(x, count), _split(g, count)))
    return _join(dx), total


_parts.defvjp(_parts_forward, _parts_backward)


def _split(x: Float[Array, "n ..."], count: int) -> Float[Array, "p m ..."]:
    return x.reshape(count, -1, *x.shape[1:])


def _join(x: Float[Array, "p m ..."]) -> Float[Array, "n ..."]:
    return x.reshape(-1, *x.shape[2:])


def _products() -> bool:
    """Whether matrix products serve better than the library's convolution: on a CPU."""
    return jax.default_backend() == "cpu"


@jax.custom_vjp
def _product(x: Float[Array, "m i"], weight: Float[Array, "i o"]) -> Float[Array, "m o"]:
    """x @ weight; the weight's gradient is computed transposed where x is wide and high, and the weight small beside it.

    A high matrix read down columns that lie a power of two apart, as x.T is read, misses the cache at every number: half the speed.
    """
    return x @ weight


def _product_forward(x: Array, weight: Array) -> tuple[Array, tuple[Array, Array]]:
    return x @ weight, (x, weight)


def _product_backward(kept: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, weight = kept
    (m, i), o = x.shape, g.shape[1]
    # the barrier keeps XLA from making one product, the slow one, of a product and its transposition
    return g @ weight.T, lax.optimization_barrier(g.T @ x).T if i > o and m > o else x.T @ g


_product.defvjp(_product_forward, _product_backward)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def patches(x: Float[Array, "n h w c"], k: int, stride: int, padding: int) -> Float[Array, "n h2 w2 k k c"]:
    """What each place of a convolution sees: patches[y, x, a, b] = x[y stride - padding + a, x stride - padding + b], zero outside."""
    n, height, width, c = x.shape
    h, w = (height + 2 * padding - k) // stride + 1, (width + 2 * padding - k) // stride + 1
    if c < 8:  # short runs of channels: slices side by side; long ones are copied whole, four times as fast
        x = jnp.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
        rows = jnp.stack([lax.slice_in_dim(x, a, a + stride * (h - 1) + 1, stride, axis=1) for a in range(k)], axis=2)
        seen = jnp.stack([lax.slice_in_dim(rows, b, b + stride * (w - 1) + 1, stride, axis=3) for b in range(k)], axis=4)
        return seen.swapaxes(2, 3)
    ys = (stride * np.arange(h)[:, None] + np.arange(k) - padding)[:, None, :, None]
    xs = (stride * np.arange(w)[:, None] + np.arange(k) - padding)[:, None, :]
    inside = (ys >= 0) & (ys < height) & (xs >= 0) & (xs < width)
    seen = jnp.take(x.reshape(n, -1, c), np.where(inside, ys * width + xs, 0).ravel(), axis=1, mode="clip")
    return jnp.where(inside.reshape(-1, 1), seen, 0.0).reshape(n, h, w, k, k, c)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def fold(taps: Float[Array, "n h w k k c"], stride: int, padding: int, beyond: tuple[int, int] = (0, 0)) -> Float[Array, "n h2 w2 c"]:
    """The sum of overlapping blocks, `patches` run backwards: out[y stride - padding + a, x stride - padding + b] += taps[y, x, a, b].

    `beyond` adds rows and columns at the end: those that a convolution whose stride does not divide leaves unseen, or of those that
    `padding` takes away.
    """
    n, h, w, k, _, c = taps.shape
    rows, columns = (_reaching(m, k, stride, padding, more) for m, more in zip((h, w), beyond, strict=True))
    flat, out = taps.reshape(n, -1, c), jnp.zeros(())
    for y, a, down in zip(*rows, strict=True):
        for x, b, across in zip(*columns, strict=True):
            places = ((y[:, None] * w + x) * k + a[:, None]) * k + b
            inside = (down[:, None] & across).reshape(-1, 1)
            # gathering what is summed keeps it one loop, with the bias and the ReLU that follow
            out = out + jnp.where(inside, jnp.take(flat, places.ravel(), axis=1, mode="clip"), 0.0)
    return out.reshape(n, rows[0].shape[1], columns[0].shape[1], c)


def _reaching(h: int, k: int, stride: int, padding: int, beyond: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Along one axis, which blocks y and which of their taps a reach each place, [ceil(k / stride), places], and whether they exist."""
    place = np.arange((h - 1) * stride - 2 * padding + k + beyond) + padding
    before = np.arange(-(-k // stride))[:, None]
    y, a = place // stride - before, place % stride + before * stride
    inside = (y >= 0) & (y < h) & (a < k)
    return np.where(inside, y, 0), np.where(inside, a, 0), inside


def _patches_forward(x: Array, k: int, stride: int, padding: int) -> tuple[Array, tuple[int, ...]]:
    return patches(x, k, stride, padding), x.shape


def _patches_backward(k: int, stride: int, padding: int, shape: tuple[int, ...], g: Array) -> tuple[Array]:
    beyond = tuple((side + 2 * padding - k) % stride for side in shape[1:3])
    return (fold(g, stride, padding, beyond),)


def _fold_forward(taps: Array, stride: int, padding: int, beyond: tuple[int, int]) -> tuple[Array, int]:
    return fold(taps, stride, padding, beyond), taps.shape[3]


def _fold_backward(stride: int, padding: int, beyond: tuple[int, int], k: int, g: Array) -> tuple[Array]:
    return (patches(g, k, stride, padding),)


patches.defvjp(_patches_forward, _patches_backward)
fold.defvjp(_fold_forward, _fold_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def steady(x: Float[Array, "n h w i"], weight: Float[Array, "k k i o"], padding: int) -> Float[Array, "n h2 w2 o"]:
    """The library's convolution of stride 1, for weights that do not learn: quick forwards and towards the image, in a loop too.

    In a loop XLA's CPU does not put the convolution towards the image into the form that is quick (measured on VGG16: 3.2 times slower);
    here it is told in that form, as one with the weight mirrored.
    """
    return _native(x, weight, padding)


def _native(x: Array, weight: Array, padding: int) -> Array:
    return lax.conv_general_dilated(x, weight, (1, 1), [(padding, padding)] * 2, dimension_numbers=DIMENSIONS)


def _steady_forward(x: Array, weight: Array, padding: int) -> tuple[Array, tuple[Array, Array]]:
    return steady(x, weight, padding), (x, weight)


def _steady_backward(padding: int, kept: tuple[Array, Array], g: Array) -> tuple[Array, Array]:
    x, weight = kept
    # the barrier keeps XLA from telling the mirrored weight as the weight again
    mirrored = lax.optimization_barrier(weight[::-1, ::-1].swapaxes(2, 3))
    dx: Array = steady(g, mirrored, weight.shape[0] - 1 - padding)
    return dx, jax.vjp(lambda w: _native(x, w, padding), weight)[1](g)[0]


steady.defvjp(_steady_forward, _steady_backward)


def _uniform(key: PRNGKeyArray, shape: tuple[int, ...], fan_in: int) -> Float[Array, "..."]:
    return jax.random.uniform(key, shape, minval=-(fan_in**-0.5), maxval=fan_in**-0.5)


class Conv(eqx.Module):
    """A convolution with bias, initialised as PyTorch's: both uniform within 1/sqrt(k k i)."""

    weight: Float[Array, "k k i o"]
    bias: Float[Array, " o"]
    stride: int = eqx.field(static=True)
    padding: int = eqx.field(static=True)

    def __init__(self, inputs: int, outputs: int, k: int, *, stride: int = 1, padding: int = 0, key: PRNGKeyArray):
        keys = jax.random.split(key)
        self.weight = _uniform(keys[0], (k, k, inputs, outputs), k * k * inputs)
        self.bias = _uniform(keys[1], (outputs,), k * k * inputs)
        self.stride, self.padding = stride, padding

    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        return conv(x, self.weight, self.stride, self.padding) + self.bias


class Transposed(eqx.Module):
    """A transposed convolution with bias, initialised as PyTorch's: both uniform within 1/sqrt(k k o)."""

    weight: Float[Array, "i k k o"]
    bias: Float[Array, " o"]
    stride: int = eqx.field(static=True)
    padding: int = eqx.field(static=True)

    def __init__(self, inputs: int, outputs: int, k: int, *, stride: int = 1, padding: int = 0, key: PRNGKeyArray):
        keys = jax.random.split(key)
        self.weight = _uniform(keys[0], (inputs, k, k, outputs), k * k * outputs)
        self.bias = _uniform(keys[1], (outputs,), k * k * outputs)
        self.stride, self.padding = stride, padding

    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        return transposed(x, self.weight, self.stride, self.padding) + self.bias


class Affine(eqx.Module):
    """y = x W + b, initialised as PyTorch's linear layer: both uniform within 1/sqrt(i)."""

    weight: Float[Array, "i o"]
    bias: Float[Array, " o"]

    def __init__(self, inputs: int, outputs: int, *, key: PRNGKeyArray):
        keys = jax.random.split(key)
        self.weight = _uniform(keys[0], (inputs, outputs), inputs)
        self.bias = _uniform(keys[1], (outputs,), inputs)

    def __call__(self, x: Float[Array, "*n i"]) -> Float[Array, "*n o"]:
        return x @ self.weight + self.bias
