"""Normal-Wishart Gaussian mixtures: likelihood, Gibbs draws, Metropolis-Hastings acceptance.

The model of one agent: a thing d has a sign w_d ~ Cat(pi) and a latent z_d ~ N(mu_w, Lambda_w^-1); a priori
Lambda_k ~ Wishart(nu, W) and mu_k ~ N(m, (beta Lambda_k)^-1). All in logs, with one Cholesky factor a component and draw.
Sources: Bishop (2006), 10.2.1, for the posterior; Bartlett (1933) for the draw; Taniguchi et al. (2023) for the acceptance.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

WIDE = 32  # latents from which on the outer products of all things would not fit in memory


class Wishart(NamedTuple):
    """A Normal-Wishart law for each of k components, or without that axis for one.

    `mean` [*k z] m, `beta` [*k], `inverse_scale` [*k z z] W^-1, `dof` [*k] nu.
    """

    mean: Float[Array, "*k z"]
    beta: Float[Array, "*k"]
    inverse_scale: Float[Array, "*k z z"]
    dof: Float[Array, "*k"]


class Mixture(NamedTuple):
    """k Gaussian components over z: `mean` [k z], `root` [k z z] with precision Lambda = root root^T, `log_det` [k] of the precision,
    and `log_weight` [k], the log-probability of each sign a priori."""

    mean: Float[Array, "*a k z"]
    root: Float[Array, "*a k z z"]
    log_det: Float[Array, "*a k"]
    log_weight: Float[Array, "*a k"]


def prior(latent: int, *, count: float = 1.0, scale: float = 0.1, dof: float = 0.0) -> Wishart:
    """m = 0, beta = `count`, W = `scale` I and nu = `dof` (0 for the number of latents), as published by default."""
    law = jnp.asarray(count, jnp.float32), jnp.eye(latent) / scale, jnp.asarray(dof or latent, jnp.float32)
    return Wishart(jnp.zeros(latent), *law)


def standard(signs: int, latent: int) -> Mixture:
    """Components that are all N(0, I), with equal weights."""
    root = jnp.broadcast_to(jnp.eye(latent), (signs, latent, latent))
    return Mixture(jnp.zeros((signs, latent)), root, jnp.zeros(signs), jnp.full(signs, -np.log(signs), jnp.float32))


def log_likelihood(mixture: Mixture, latent: Float[Array, "n z"]) -> Float[Array, "n k"]:
    """log N(z_d | mu_k, Lambda_k^-1) up to the constant -z/2 log 2 pi, in nats."""
    k, z = mixture.mean.shape
    # |root^T (z - mu)|^2 for all components by one product; the mean is taken off first where it is the same for all: rounding shrinks
    centre = mixture.mean.mean(0)
    whole = jnp.moveaxis(mixture.root, 0, 1).reshape(z, k * z)
    away = ((latent - centre[None]) @ whole).reshape(-1, k, z) - jnp.einsum("kz,kzy->ky", mixture.mean - centre[None], mixture.root)[None]
    return 0.5 * mixture.log_det[None] - 0.5 * jnp.square(away).sum(-1)


def posterior(law: Wishart, latent: Float[Array, "n z"], sign: Int[Array, " n"], seen: Bool[Array, " n"], signs: int) -> Wishart:
    """The law of each component given the latents that bear its sign; those not `seen` do not count (Bishop 2006, 10.60 to 10.63).

    The scatter is taken about the mean of each sign, which keeps it positive definite in float32.
    """
    z = latent.shape[1]
    belongs = jax.nn.one_hot(jnp.where(seen, sign, signs), signs)  # [n k]; a row of zeros where nothing was seen
    number = belongs.sum(0)
    mean = belongs.T @ latent / jnp.maximum(number, 1.0)[:, None]
    apart = latent - mean[sign]
    if z <= WIDE:  # one product for all components, of every outer product
        scatter = (belongs.T @ (apart[:, :, None] * apart[:, None, :]).reshape(-1, z * z)).reshape(signs, z, z)
    else:  # one component after another, without them
        scatter = jax.lax.map(lambda own: (apart * own[:, None]).T @ apart, belongs.T)
    count = law.beta + number
    shift = mean - law.mean[None]
    lever = (number * law.beta / count)[:, None, None]
    inverse_scale = law.inverse_scale[None] + scatter + lever * shift[:, :, None] * shift[:, None, :]
    where = (law.beta * law.mean[None] + number[:, None] * mean) / count[:, None]
    return Wishart(where, count, inverse_scale, law.dof + number)


def draw(law: Wishart, log_weight: Float[Array, " k"], key: PRNGKeyArray) -> Mixture:
    """Lambda_k ~ Wishart(nu_k, W_k), then mu_k ~ N(m_k, (beta_k Lambda_k)^-1), for all k at once.

    With L L^T = W^-1 and Bartlett's lower triangular A, Lambda = (L^-T A)(L^-T A)^T and mu = m + L A^-T N(0, I) / sqrt(beta):
    L is the one Cholesky factor, and no matrix is inverted.
    """
    k, z = law.mean.shape
    key_square, key_normal, key_mean = jax.random.split(key, 3)
    lower = jnp.linalg.cholesky(law.inverse_scale)
    freedom = law.dof[:, None] - jnp.arange(z)[None]
    diagonal = jnp.sqrt(2.0 * jax.random.gamma(key_square, freedom / 2.0))  # the root of chi^2 of that many degrees of freedom
    normal = jnp.tril(jax.random.normal(key_normal, (k, z, z)), -1)
    bartlett = normal + diagonal[:, :, None] * jnp.eye(z)[None]
    root = solve_triangular(lower, bartlett, lower=True, trans="T")
    log_det = 2.0 * (jnp.log(diagonal) - jnp.log(jnp.diagonal(lower, axis1=1, axis2=2))).sum(1)
    noise = solve_triangular(bartlett, jax.random.normal(key_mean, (k, z, 1)), lower=True, trans="T")
    mean = law.mean + (lower @ noise)[:, :, 0] / jnp.sqrt(law.beta)[:, None]
    return Mixture(mean, root, log_det, log_weight)


def weights(sign: Int[Array, " n"], signs: int, concentration: float, key: PRNGKeyArray) -> Float[Array, " k"]:
    """log pi with pi ~ Dirichlet(concentration + how often each sign is used)."""
    used = jax.nn.one_hot(sign, signs).sum(0)
    gamma = jax.random.loggamma(key, concentration + used)
    return jax.nn.log_softmax(gamma)


def variance(mixture: Mixture) -> Float[Array, "k z"]:
    """The diagonal of each component's covariance Lambda^-1."""
    z = mixture.mean.shape[-1]
    inverse = jnp.linalg.solve(mixture.root, jnp.broadcast_to(jnp.eye(z), mixture.root.shape))
    return jnp.square(inverse).sum(-2)


def utter(log_posterior: Float[Array, "n k"], key: PRNGKeyArray) -> Int[Array, " n"]:
    """A sign for each thing, drawn from its unnormalised log-probabilities (Gumbel-max)."""
    return jnp.argmax(log_posterior + jax.random.gumbel(key, log_posterior.shape, log_posterior.dtype), axis=-1)


def log_ratio(log_likelihood: Float[Array, "n k"], proposal: Int[Array, " n"], own: Int[Array, " n"]) -> Float[Array, " n"]:
    """The logarithm of the Metropolis-Hastings ratio: the listener's likelihood of the proposed sign over that of its own.

    The speaker proposes from p(w | its own view) and the target is p(w | both views), so the speaker's terms cancel
    (Taniguchi et al. 2023, eq. for the acceptance of the naming game).
    """
    rows = jnp.arange(log_likelihood.shape[0])
    return log_likelihood[rows, proposal] - log_likelihood[rows, own]


def spread_out(latent: Float[Array, "n z"], seen: Bool[Array, " n"], signs: int, key: PRNGKeyArray, rounds: int = 10) -> Int[Array, " n"]:
    """A first sign for each thing by k-means++ (Arthur and Vassilvitskii 2007) and `rounds` rounds of Lloyd's algorithm."""
    weight = seen.astype(latent.dtype)

    def squares(centres: Float[Array, "k z"]) -> Float[Array, "n k"]:
        return jnp.square(latent).sum(1)[:, None] - 2.0 * latent @ centres.T + jnp.square(centres).sum(1)[None]

    def seed(i: Int[Array, ""], state: tuple[Array, Array]) -> tuple[Array, Array]:
        centres, nearest = state
        chance = jnp.where(i == 0, weight, weight * nearest)
        chosen = latent[jax.random.categorical(jax.random.fold_in(key, i), jnp.log(jnp.maximum(chance, 1e-30)))]
        distance = jnp.square(latent - chosen[None]).sum(1)
        return centres.at[i].set(chosen), jnp.where(i == 0, distance, jnp.minimum(nearest, distance))

    centres, _ = jax.lax.fori_loop(0, signs, seed, (jnp.zeros((signs, latent.shape[1])), jnp.zeros(latent.shape[0])))

    def lloyd(_: Int[Array, ""], centres: Array) -> Array:
        belongs = jax.nn.one_hot(jnp.argmin(squares(centres), axis=1), signs) * weight[:, None]
        number = belongs.sum(0)[:, None]
        return jnp.where(number > 0, belongs.T @ latent / jnp.maximum(number, 1.0), centres)

    return jnp.argmin(squares(jax.lax.fori_loop(0, rounds, lloyd, centres)), axis=1)
