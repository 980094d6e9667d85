"""A recurrent speaker: what it sees becomes its first state, then it says one symbol after another, hearing itself."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis import surrogates
from semiosis.nets.linear import MLP, Linear, truncated
from semiosis.nets.recurrent import CELLS, State
from semiosis.types import Choose


class Speech(NamedTuple):
    """`rows` [n t v] what was said, `logits` [n t v], `hidden` [n t h] what they were read from, `spoken` [n t] 1 up to the end symbol."""

    rows: Float[Array, "n t v"]
    logits: Float[Array, "n t v"]
    hidden: Float[Array, "n t h"]
    spoken: Float[Array, "n t"]


class Speaker(eqx.Module):
    """Speaker of *Emergent Communication at Scale* (appendix A.1): adapter -> LSTM over own symbols -> policy, value, dueling Q if asked.

    `vocab_size` counts usable symbols, `max_len` symbols before the end; with `ends`, one more symbol of index vocab_size ends the message.
    The start symbol has the last index of the embedding and is never said.
    """

    torso: MLP
    adapter: Linear
    embedding: Float[Array, "v e"]
    core: eqx.Module
    policy: MLP
    value: MLP
    q_value: MLP | None
    q_advantage: MLP | None
    max_len: int = eqx.field(static=True)
    ends: bool = eqx.field(static=True)

    def __init__(
        self,
        inputs: int,
        *,
        vocab_size: int,
        max_len: int,
        ends: bool = False,
        hidden: int = 256,
        embed: int = 10,
        core: str = "lstm",
        torso: tuple[int, ...] = (),
        head: tuple[int, ...] = (),
        q_head: bool = False,
        key: PRNGKeyArray,
    ):
        keys = jax.random.split(key, 8)
        symbols = vocab_size + ends
        cell = CELLS[core]
        self.torso = MLP(inputs, torso, key=keys[0])
        self.adapter = Linear(torso[-1] if torso else inputs, cell.states * hidden, key=keys[1])
        self.embedding = truncated(keys[2], (symbols + 1, embed), 1.0)
        self.core = cell(embed, hidden, key=keys[3])
        self.policy = MLP(hidden, (*head, symbols), key=keys[4])
        self.value = MLP(hidden, (*head, 1), key=keys[5])
        self.q_value = MLP(hidden, (*head, 1), key=keys[6]) if q_head else None
        self.q_advantage = MLP(hidden, (*head, symbols), key=keys[7]) if q_head else None
        self.max_len, self.ends = max_len, ends

    def _begin(self, seen: Float[Array, "n i"]) -> tuple[Array, Array, State]:
        """The gates' share of each symbol [v+1 g], of the start symbol [n g], and the first state."""
        symbols = self.core.project(self.embedding)  # type: ignore[attr-defined]
        state = self.adapter(jax.nn.relu(self.torso(seen)) if self.torso.layers else seen)
        start = jnp.broadcast_to(symbols[-1], (seen.shape[0], symbols.shape[-1]))
        return symbols[:-1], start, tuple(jnp.split(state, type(self.core).states, axis=-1))  # type: ignore[attr-defined]

    def __call__(self, seen: Float[Array, "n i"], choose: Choose, key: PRNGKeyArray) -> Speech:
        """Speak about what is seen; after its end a message is padded with end symbols."""
        symbols, z, state = self._begin(seen)
        end = jax.nn.one_hot(symbols.shape[0] - 1, symbols.shape[0])

        def step(carry, key):
            z, state, ended = carry
            state = self.core(z, state)  # type: ignore[operator]
            row, spoken = choose(self.policy(state[0]), key), 1.0 - ended
            if self.ends:
                row = spoken[:, None] * row + ended[:, None] * end
                ended = row[:, -1]
            return (row @ symbols, state, ended), (row, state[0], spoken)

        carry = (z, state, jnp.zeros(seen.shape[0]))
        _, steps = jax.lax.scan(step, carry, jax.random.split(key, self.max_len))
        rows, hidden, spoken = (jnp.moveaxis(x, 0, 1) for x in steps)
        # the logits anew, all at once: where no gradient passes the choice, none passes the loop's small products either
        return Speech(rows, self.policy(hidden), hidden, spoken)

    def replay(self, seen: Float[Array, "n i"], rows: Float[Array, "n t v"]) -> Speech:
        """What this speaker would have thought at each place of a given message (teacher forcing)."""
        symbols, z, state = self._begin(seen)

        def step(carry, row):
            z, state = carry
            state = self.core(z, state)  # type: ignore[operator]
            return (row @ symbols, state), state[0]

        _, hidden = jax.lax.scan(step, (z, state), jnp.moveaxis(rows, 1, 0))
        hidden = jnp.moveaxis(hidden, 0, 1)
        ended = jnp.cumsum(rows[..., -1], axis=1) - rows[..., -1] if self.ends else jnp.zeros(rows.shape[:2])
        return Speech(rows, self.policy(hidden), hidden, 1.0 - jnp.minimum(ended, 1.0))

    def q(self, hidden: Float[Array, "*n h"]) -> Float[Array, "*n v"]:
        """Dueling action values of each symbol; the speaker must have been made with `q_head`."""
        assert self.q_value is not None
        assert self.q_advantage is not None
        return surrogates.dueling(self.q_value(hidden), self.q_advantage(hidden))
