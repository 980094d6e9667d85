"""Surrogate losses, one equation a function. `n` examples, `t` symbols; rewards and baselines carry no gradient where noted.

`spoken` [n t] is 1 where a symbol was said and 0 after the end. All means run over the n*t places of a batch, so that with messages of
fixed length they are the means over batch and time of *Emergent Communication at Scale* (ICLR 2022, section 3 and appendix A).
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

stop = jax.lax.stop_gradient


def reinforce(
    logp: Float[Array, "n t"], reward: Float[Array, " n"], baseline: Float[Array, "n t"], spoken: Float[Array, "n t"]
) -> Float[Array, ""]:
    """-E[(r - b) log pi(w)], the score-function surrogate (Williams 1992); the gradient passes through `logp` alone."""
    return -jnp.mean(stop(reward[:, None] - baseline) * logp * spoken)


def value_error(value: Float[Array, "n t"], reward: Float[Array, " n"], spoken: Float[Array, "n t"]) -> Float[Array, ""]:
    """E[(r - v)^2], which teaches the baseline the expected reward; also the error of Q(w)."""
    return jnp.mean(jnp.square(stop(reward)[:, None] - value) * spoken)


def policy_gradient(
    logp: Float[Array, "n t"], q: Float[Array, "n t"], value: Float[Array, "n t"], spoken: Float[Array, "n t"]
) -> Float[Array, ""]:
    """-E[(Q(w) - v) log pi(w)] with a learned Q in the place of the reward (advantage actor-critic)."""
    return -jnp.mean(stop(q - value) * logp * spoken)


def dueling(value: Float[Array, "*n 1"], advantage: Float[Array, "*n v"]) -> Float[Array, "*n v"]:
    """Q(w) = v + a(w) - mean_w a(w) (Wang et al. 2016, eq. 9): the mean of Q over symbols is v."""
    return value + advantage - jnp.mean(advantage, axis=-1, keepdims=True)


def entropy(logits: Float[Array, "*n v"]) -> Float[Array, "*n"]:
    """H(pi) in nats, of the softmax of the logits."""
    logp = jax.nn.log_softmax(logits)
    return -jnp.sum(jnp.exp(logp) * logp, axis=-1)


def kl(logits: Float[Array, "*n v"], slow: Float[Array, "*n v"]) -> Float[Array, "*n"]:
    """KL(pi || pi_slow) in nats, the online policy first; no gradient reaches the slow policy."""
    logp, logp_slow = jax.nn.log_softmax(logits), jax.nn.log_softmax(stop(slow))
    return jnp.sum(jnp.exp(logp) * (logp - logp_slow), axis=-1)


def cross_entropy(logits: Float[Array, "*n v"], rows: Float[Array, "*n v"]) -> Float[Array, "*n"]:
    """-sum_v rows log softmax(logits), in nats; `rows` are one-hot or probabilities."""
    return -jnp.sum(rows * jax.nn.log_softmax(logits), axis=-1)


def unit(x: Float[Array, "*n d"], epsilon: float = 1e-12) -> Float[Array, "*n d"]:
    """x / |x|, with |x|^2 held above epsilon so that the zero vector has a gradient."""
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis=-1, keepdims=True), epsilon))


def similarity(a: Float[Array, "n d"], b: Float[Array, "m d"], inverse_temperature: float = 2.0) -> Float[Array, "n m"]:
    """tau (cos(a, b) - 1): with tau = 2 it is -|a/|a| - b/|b||^2, the score of the published listener, by one matrix product."""
    return inverse_temperature * (unit(a) @ unit(b).T - 1.0)


def advantage(reward: Float[Array, " n"], value: Float[Array, "t n"], active: Float[Array, "t n"], *, scaled: bool) -> Float[Array, "t n"]:
    """R - v without a gradient; `scaled`, of each step divided by max(1, its unbiased deviation over the active examples), not centred."""
    a = stop(reward - value)
    if not scaled:
        return a
    n = jnp.sum(active, axis=1, keepdims=True)
    mean = jnp.sum(a * active, axis=1, keepdims=True) / jnp.maximum(n, 1.0)
    variance = jnp.sum(jnp.square(a - mean) * active, axis=1, keepdims=True) / jnp.maximum(n - 1.0, 1.0)
    return a / jnp.maximum(1.0, jnp.sqrt(variance))


def among(x: Float[Array, "t n"], active: Float[Array, "t n"]) -> Float[Array, ""]:
    """The mean over the active places: each step's mean weighed by how many are active there; 0 where none is."""
    return jnp.sum(x * active) / jnp.maximum(jnp.sum(active), 1.0)


def bits_logp(logits: Float[Array, "*n d"], bits: Float[Array, "*n d"]) -> Float[Array, "*n"]:
    """log p(bits) of independent Bernoulli bits with p = sigmoid(logits), summed over a message, in nats."""
    return -jnp.sum(jax.nn.softplus(jnp.where(bits > 0.5, -logits, logits)), axis=-1)


def bits_entropy(logits: Float[Array, "*n d"]) -> Float[Array, "*n"]:
    """The entropy of independent Bernoulli bits, summed over a message, in nats: sum softplus(l) - l sigmoid(l)."""
    return jnp.sum(jax.nn.softplus(logits) - logits * jax.nn.sigmoid(logits), axis=-1)


def hinge(scores: Float[Array, "*n c"], target: Int[Array, "*n"], *, summed: bool = False) -> Float[Array, "*n"]:
    """sum_{j != y} max(0, 1 - x_y + x_j) (Weston and Watkins 1999); divided by c, as libraries do, unless `summed` as in papers."""
    right = jnp.take_along_axis(scores, target[..., None], axis=-1)
    total = jnp.sum(jnp.maximum(0.0, 1.0 - right + scores), axis=-1) - 1.0  # the target's own term is 1
    return total if summed else total / scores.shape[-1]


def choice_loss(scores: Float[Array, "*n c"], target: Int[Array, "*n"]) -> Float[Array, "*n"]:
    """-log softmax(scores)[y], in nats."""
    return -jnp.take_along_axis(jax.nn.log_softmax(scores), target[..., None], axis=-1)[..., 0]


def perceptual(sketch: Float[Array, "n *h d"], photo: Float[Array, "n *h d"], epsilon: float = 1e-10) -> Float[Array, " n"]:
    """The mean over places of |s/|s| - p/|p||^2, features of unit length at each place: in [0, 2] where none is negative.

    Learning to Draw (Mihai and Hare 2021), section 3.3, after Zhang et al. (2018). As |s|^2 + |p|^2 - 2 s.p, so that no difference as
    large as the features is made. Features that are zero count as unit vectors' absence, as published.
    """
    s, p, both = (jnp.sum(x, axis=-1) for x in (sketch * sketch, photo * photo, sketch * photo))
    # the norm of zero has no gradient, and what is held above a tiny number has; no square of it, which would be rounded to nothing
    over_s, over_p = (1.0 / (jnp.sqrt(jnp.maximum(x, epsilon**2)) + epsilon) for x in (s, p))
    apart = s * over_s * over_s + p * over_p * over_p - 2.0 * both * over_s * over_p
    return jnp.mean(apart.reshape(apart.shape[0], -1), axis=1)


def cosine_distance(a: Float[Array, "n d"], b: Float[Array, "n d"]) -> Float[Array, " n"]:
    """1 - cos(a, b)."""
    return 1.0 - jnp.sum(unit(a) * unit(b), axis=-1)
