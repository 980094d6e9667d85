"""A recurrent listener and the heads that answer: point at a candidate, name attributes, or paint the scene."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.nets.linear import MLP, Linear, truncated
from semiosis.nets.recurrent import CELLS, State


class Reader(eqx.Module):
    """Reads a message from a zero state to its last symbol (appendix A.2): embedding -> LSTM -> the last hidden state.

    A row of zeros is a symbol that was lost: the state moves, nothing is heard. With `ends`, the last symbol ends the message and
    the state stays where it was.
    """

    embedding: Float[Array, "v e"]
    core: eqx.Module
    ends: bool = eqx.field(static=True)

    def __init__(self, *, vocab_size: int, ends: bool = False, hidden: int = 512, embed: int = 10, core: str = "lstm", key: PRNGKeyArray):
        key_embedding, key_core = jax.random.split(key)
        self.embedding = truncated(key_embedding, (vocab_size + ends, embed), 1.0)
        self.core = CELLS[core](embed, hidden, key=key_core)
        self.ends = ends

    def __call__(self, heard: Float[Array, "n t v"]) -> Float[Array, "n h"]:
        symbols = self.embedding @ self.core.input  # type: ignore[attr-defined]

        def step(state: State | None, row: Float[Array, "n v"]) -> State:
            new = self.core(row @ symbols + self.core.bias, state)  # type: ignore[operator, attr-defined]
            if not self.ends:
                return new
            alive = 1.0 - row[:, -1:]
            return tuple(alive * b + (0.0 if state is None else (1.0 - alive) * a) for a, b in zip(state or new, new, strict=True))

        rows = jnp.moveaxis(heard, 1, 0)
        state, _ = jax.lax.scan(lambda s, row: (step(s, row), None), step(None, rows[0]), rows[1:])
        return state[0]


class Pointer(eqx.Module):
    """Scores candidates by the similarity of two projections, of the message and of the candidate (contrastive predictive coding)."""

    message: Linear
    torso: MLP
    candidate: MLP

    def __init__(self, inputs: int, hidden: int, *, torso: tuple[int, ...] = (), sizes: tuple[int, ...] = (256,), key: PRNGKeyArray):
        key_message, key_torso, key_candidate = jax.random.split(key, 3)
        self.message = Linear(hidden, sizes[-1], key=key_message)
        self.torso = MLP(inputs, torso, key=key_torso)
        self.candidate = MLP(torso[-1] if torso else inputs, sizes, key=key_candidate)

    def look(self, candidates: Float[Array, "*m i"]) -> Float[Array, "*m f"]:
        """The projection of candidates."""
        return self.candidate(jax.nn.relu(self.torso(candidates)) if self.torso.layers else candidates)


class Namer(eqx.Module):
    """Names each attribute of what was seen: one MLP a label (the published classification head)."""

    heads: tuple[MLP, ...]

    def __init__(self, hidden: int, values: tuple[int, ...], *, sizes: tuple[int, ...] = (256,), key: PRNGKeyArray):
        keys = jax.random.split(key, len(values))
        self.heads = tuple(MLP(hidden, (*sizes, v), key=k) for v, k in zip(values, keys, strict=True))

    def __call__(self, heard: Float[Array, "n h"]) -> tuple[Float[Array, "n v"], ...]:
        return tuple(head(heard) for head in self.heads)


class Painter(eqx.Module):
    """Paints a 32 x 32 image in [-1, 1] (paper, appendix B.1): 4x4x128, four times doubled and convolved 3x3, a last 3x3, tanh."""

    ground: Linear
    kernels: tuple[Float[Array, "3 3 i o"], ...]
    bias: Float[Array, " c"]

    def __init__(self, hidden: int, colours: int, *, key: PRNGKeyArray):
        widths = (128, 64, 32, 16, 16, colours)
        keys = jax.random.split(key, len(widths))
        self.ground = Linear(hidden, 4 * 4 * widths[0], key=keys[0])
        pairs = zip(widths[:-1], widths[1:], keys[1:], strict=True)
        self.kernels = tuple(truncated(k, (3, 3, i, o), (9 * i) ** -0.5) for i, o, k in pairs)
        self.bias = jnp.zeros(colours)

    side = 32

    def __call__(self, heard: Float[Array, "n h"]) -> Float[Array, "n 32 32 c"]:
        x = jax.nn.relu(self.ground(heard)).reshape(-1, 4, 4, 128)
        for i, kernel in enumerate(self.kernels):
            last = i == len(self.kernels) - 1
            x = x if last else jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)
            x = jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            x = jnp.tanh(x + self.bias) if last else jax.nn.relu(x)
        return x
