"""Recurrent cells, split so that what is known of the input is projected once: a step takes z = x W + b, not x."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.nets.linear import truncated, xavier

State = tuple[Array, ...]  # hidden state first


class LSTM(eqx.Module):
    """Long short-term memory: gates i, g, f, o; c' = sigm(f + 1) c + sigm(i) tanh(g); h' = sigm(o) tanh(c').

    The forget gate's + 1 stands in the formula (Jozefowicz et al. 2015), the bias starts at zero.
    """

    input: Float[Array, "i g"]
    recurrent: Float[Array, "h g"]
    bias: Float[Array, " g"]

    def __init__(self, fan_in: int, hidden: int, *, key: PRNGKeyArray):
        weights = truncated(key, (fan_in + hidden, 4 * hidden), (fan_in + hidden) ** -0.5)
        self.input, self.recurrent = weights[:fan_in], weights[fan_in:]
        self.bias = jnp.zeros(4 * hidden)

    states = 2  # arrays in a state

    def project(self, x: Float[Array, "*n i"]) -> Float[Array, "*n g"]:
        """What the input adds to the gates."""
        return x @ self.input + self.bias

    def __call__(self, z: Float[Array, "n g"], state: State | None) -> State:
        """One step from the projected input; a state of None is zero and saves its matrix product."""
        if state is not None:
            z = z + state[0] @ self.recurrent
        return _gates(z, jnp.zeros(()) if state is None else state[1])


@jax.custom_vjp
def _gates(z: Float[Array, "n g"], c: Array) -> State:
    """(h', c') from the gates' arguments z and the cell state c, a scalar zero at the first step.

    The gradient is written by hand: it keeps z and c alone and computes the gates again, which costs less than the memory for them.
    """
    i, g, f, o = _opened(z)
    c = f * c + i * g
    return o * jnp.tanh(c), c


def _opened(z: Float[Array, "n g"]) -> tuple[Array, Array, Array, Array]:
    i, g, f, o = jnp.split(z, 4, axis=-1)
    return jax.nn.sigmoid(i), jnp.tanh(g), jax.nn.sigmoid(f + 1.0), jax.nn.sigmoid(o)


def _gates_forward(z: Float[Array, "n g"], c: Array) -> tuple[State, tuple[Array, Array]]:
    return _gates(z, c), (z, c)


def _gates_backward(kept: tuple[Array, Array], cotangents: State) -> tuple[Array, Array]:
    z, c = kept
    dh, dc = cotangents
    i, g, f, o = _opened(z)
    t = jnp.tanh(f * c + i * g)
    dc = dc + dh * o * (1.0 - t * t)
    dz = (dc * g * i * (1.0 - i), dc * i * (1.0 - g * g), dc * c * f * (1.0 - f), dh * t * o * (1.0 - o))
    down = dc * f
    return jnp.concatenate(dz, axis=-1), down if c.ndim else down.sum()


_gates.defvjp(_gates_forward, _gates_backward)


class GRU(eqx.Module):
    """Gated recurrent unit: h' = (1 - u) h + u tanh(z_a + (r h) W_a), u and r from z and h (Chung et al. 2014)."""

    input: Float[Array, "i g"]
    recurrent: Float[Array, "h u"]
    candidate: Float[Array, "h h"]
    bias: Float[Array, " g"]

    def __init__(self, fan_in: int, hidden: int, *, key: PRNGKeyArray):
        key_x, key_h, key_a = jax.random.split(key, 3)
        self.input = truncated(key_x, (fan_in, 3 * hidden), fan_in**-0.5)
        self.recurrent = truncated(key_h, (hidden, 2 * hidden), hidden**-0.5)
        self.candidate = truncated(key_a, (hidden, hidden), hidden**-0.5)
        self.bias = jnp.zeros(3 * hidden)

    states = 1

    def project(self, x: Float[Array, "*n i"]) -> Float[Array, "*n g"]:
        """What the input adds to the gates."""
        return x @ self.input + self.bias

    def __call__(self, z: Float[Array, "n g"], state: State | None) -> State:
        """One step from the projected input; a state of None is zero."""
        gates, a = jnp.split(z, [2 * self.candidate.shape[0]], axis=-1)
        if state is None:
            return (jax.nn.sigmoid(jnp.split(gates, 2, axis=-1)[0]) * jnp.tanh(a),)
        h = state[0]
        u, r = jnp.split(jax.nn.sigmoid(gates + h @ self.recurrent), 2, axis=-1)
        return ((1.0 - u) * h + u * jnp.tanh(a + (r * h) @ self.candidate),)


class ResetAfterGRU(eqx.Module):
    """Gated recurrent unit whose reset gate acts behind the product: h' = (1 - u) n + u h, n = tanh(z_n + r (h W_n + b_n)).

    The form of cuDNN, with a bias before and behind; matrices from a normal, Xavier's for each as a whole.
    """

    input: Float[Array, "i g"]
    recurrent: Float[Array, "h g"]
    bias: Float[Array, " g"]
    recurrent_bias: Float[Array, " g"]

    def __init__(self, fan_in: int, hidden: int, *, key: PRNGKeyArray):
        key_x, key_h = jax.random.split(key)
        self.input, self.recurrent = xavier(key_x, (fan_in, 3 * hidden)), xavier(key_h, (hidden, 3 * hidden))
        self.bias = self.recurrent_bias = jnp.zeros(3 * hidden)

    states = 1

    def project(self, x: Float[Array, "*n i"]) -> Float[Array, "*n g"]:
        """What the input adds to the gates."""
        return x @ self.input + self.bias

    def __call__(self, z: Float[Array, "n g"], state: State | None) -> State:
        """One step from the projected input; a state of None is zero."""
        h = jnp.zeros((z.shape[0], self.recurrent.shape[0])) if state is None else state[0]
        hidden = h.shape[1]
        past = h @ self.recurrent + self.recurrent_bias
        r, u = jnp.split(jax.nn.sigmoid(z[:, : 2 * hidden] + past[:, : 2 * hidden]), 2, axis=-1)
        n = jnp.tanh(z[:, 2 * hidden :] + r * past[:, 2 * hidden :])
        return (n + u * (h - n),)


CELLS = {"lstm": LSTM, "gru": GRU}
