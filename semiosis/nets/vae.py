"""Variational autoencoders (Kingma and Welling 2014) of images and of vectors: the published one of the naming game, and lighter ones."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.errors import UsageError
from semiosis.nets.convolution import Affine, Conv, Transposed


class Reshape(eqx.Module):
    """The same numbers in another shape behind the batch axis."""

    shape: tuple[int, ...] = eqx.field(static=True)

    def __call__(self, x: Float[Array, "n ..."]) -> Float[Array, "n ..."]:
        return x.reshape(-1, *self.shape)


class Crop(eqx.Module):
    """The middle h x w of larger images."""

    h: int = eqx.field(static=True)
    w: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, "n h2 w2 c"]) -> Float[Array, "n h w c"]:
        top, left = (x.shape[1] - self.h) // 2, (x.shape[2] - self.w) // 2
        return x[:, top : top + self.h, left : left + self.w]


class ReLU(eqx.Module):
    """max(x, 0)."""

    def __call__(self, x: Float[Array, "*n"]) -> Float[Array, "*n"]:
        return jax.nn.relu(x)


class VAE(eqx.Module):
    """q(z | x) = N(mean, exp(log_variance)) and what is painted from z: logits of pixels with `images`, else means of numbers."""

    encoder: tuple[Callable[..., Array], ...]
    mean: Affine
    log_variance: Affine
    decoder: tuple[Callable[..., Array], ...]
    images: bool = eqx.field(static=True)

    def encode(self, x: Float[Array, "n ..."]) -> tuple[Float[Array, "n z"], Float[Array, "n z"]]:
        """Mean and log-variance of z given images [n h w c] in [0, 1] or vectors [n d]."""
        for layer in self.encoder:
            x = layer(x)
        return self.mean(x), self.log_variance(x)

    def decode(self, z: Float[Array, "n z"]) -> Float[Array, "n ..."]:
        """Logits of pixels [n h w c], before the sigmoid, or means of vectors [n d]."""
        for layer in self.decoder:
            z = layer(z)
        return z


def published(shape: tuple[int, int, int] = (28, 28, 1), latent: int = 12, *, key: PRNGKeyArray) -> VAE:
    """The network of the Metropolis-Hastings naming game (Taniguchi et al. 2023): 14,756,185 parameters at 28 x 28 x 1 and 12 latents."""
    h, w, c = shape
    if (h, w) != (28, 28):
        raise UsageError(f"the published network does not take images of {h} x {w}: it expects 28 x 28; the network 'light' takes any size")
    keys = iter(jax.random.split(key, 11))
    encoder = (
        *(Conv(c, 64, 4, stride=2, padding=1, key=next(keys)), ReLU()),
        *(Conv(64, 128, 4, stride=2, padding=1, key=next(keys)), ReLU()),
        *(Conv(128, 256, 3, stride=2, padding=1, key=next(keys)), ReLU()),
        *(Conv(256, 1024, 4, key=next(keys)), ReLU(), Reshape((1024,))),
    )
    mean, log_variance = Affine(1024, latent, key=next(keys)), Affine(1024, latent, key=next(keys))
    decoder = (
        *(Affine(latent, 1024, key=next(keys)), Reshape((1, 1, 1024))),  # no ReLU here, as published
        *(Transposed(1024, 512, 4, key=next(keys)), ReLU()),
        *(Transposed(512, 256, 3, stride=2, padding=1, key=next(keys)), ReLU()),
        *(Transposed(256, 128, 4, stride=2, padding=1, key=next(keys)), ReLU()),
        Transposed(128, c, 4, stride=2, padding=1, key=next(keys)),
    )
    return VAE(encoder, mean, log_variance, decoder, images=True)


def light(shape: tuple[int, int, int], latent: int, *, key: PRNGKeyArray) -> VAE:
    """A network of a ninth of the published one's size, for images with sides of 4 or more.

    Each convolution halves a side and drops the rest; a side that 4 does not divide is painted at the next multiple of 4, then cropped.
    """
    h, w, c = shape
    if min(h, w) < 4:
        raise UsageError(f"the network 'light' does not take images of {h} x {w}: it expects sides of 4 or more")
    keys = iter(jax.random.split(key, 9))
    small, ground = (h // 2 // 2, w // 2 // 2, 64), (-(-h // 4), -(-w // 4), 64)
    flat, wide = (a * b * d for a, b, d in (small, ground))
    encoder = (
        *(Conv(c, 32, 4, stride=2, padding=1, key=next(keys)), ReLU()),
        *(Conv(32, 64, 4, stride=2, padding=1, key=next(keys)), ReLU(), Reshape((flat,))),
        *(Affine(flat, 256, key=next(keys)), ReLU()),
    )
    mean, log_variance = Affine(256, latent, key=next(keys)), Affine(256, latent, key=next(keys))
    decoder = (
        *(Affine(latent, 256, key=next(keys)), ReLU()),
        *(Affine(256, wide, key=next(keys)), ReLU(), Reshape(ground)),
        *(Transposed(64, 32, 4, stride=2, padding=1, key=next(keys)), ReLU()),
        *(Transposed(32, c, 4, stride=2, padding=1, key=next(keys)), Crop(h, w)),
    )
    return VAE(encoder, mean, log_variance, decoder, images=True)


def dense(shape: tuple[int, ...], latent: int, hidden: tuple[int, ...] = (256, 256), *, key: PRNGKeyArray) -> VAE:
    """A network of `hidden` layers with ReLU down to z, and in reverse back; for vectors (d,), and for images (h, w, c) as vectors."""
    width = int(np.prod(shape))
    widths, back = (width, *hidden), (latent, *reversed(hidden))
    keys = iter(jax.random.split(key, 2 * len(hidden) + 3))
    encoder = tuple(layer for i, o in pairwise(widths) for layer in (Affine(i, o, key=next(keys)), ReLU()))
    mean, log_variance = Affine(widths[-1], latent, key=next(keys)), Affine(widths[-1], latent, key=next(keys))
    decoder = tuple(layer for i, o in pairwise(back) for layer in (Affine(i, o, key=next(keys)), ReLU()))
    decoder = (*decoder, Affine(back[-1], width, key=next(keys)), Reshape(shape))
    return VAE((Reshape((width,)), *encoder), mean, log_variance, decoder, images=len(shape) == 3)


def bernoulli(logits: Float[Array, "n ..."], x: Float[Array, "n ..."]) -> Float[Array, " n"]:
    """Binary cross-entropy of pixels x in [0, 1] under sigmoid(logits), summed over an image, in nats: sum ln(1 + e^l) - x l."""
    return (jax.nn.softplus(logits) - x * logits).reshape(x.shape[0], -1).sum(axis=1)


def gaussian(mean: Float[Array, "n ..."], x: Float[Array, "n ..."]) -> Float[Array, " n"]:
    """Half the squared error, summed: -ln N(x; mean, 1) in nats up to its constant."""
    return 0.5 * jnp.square(x - mean).reshape(x.shape[0], -1).sum(axis=1)


def divergence(
    mean: Float[Array, "n z"],
    log_variance: Float[Array, "n z"],
    prior_mean: Float[Array, "*#n z"] | float = 0.0,
    prior_variance: Float[Array, "*#n z"] | float = 1.0,
) -> Float[Array, " n"]:
    """KL(N(m, s^2) || N(mu, var)) of diagonal Gaussians in nats: 1/2 sum_i s_i^2/var_i + (m_i - mu_i)^2/var_i + ln(var_i/s_i^2) - 1."""
    ratio = jnp.exp(log_variance) / prior_variance
    terms = ratio + jnp.square(mean - prior_mean) / prior_variance + jnp.log(prior_variance) - log_variance - 1.0
    return 0.5 * terms.sum(axis=1)
