"""When a channel gets harder or easier: pure functions of its levels, of whose turn it is to change, and of how well agents did.

Each has the form that `rules.harden` takes: (level [k], place, figure) -> (level, place). A figure that is NaN changes nothing.
"""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from semiosis.rules import Judge

Level = Int[Array, " k"]


def by_accuracy(raise_at: float, lower_below: float, *, top: int) -> Judge:
    """All operations one level up at an accuracy of `raise_at` or more, one down below `lower_below`, else as they are."""

    def judge(level: Level, place: Int[Array, ""], accuracy: Float[Array, ""]) -> tuple[Level, Int[Array, ""]]:
        move = (accuracy >= raise_at).astype(jnp.int32) - (accuracy < lower_below).astype(jnp.int32)
        return jnp.clip(level + move, 0, top), place

    return judge


def by_loss(raise_below: float, lower_above: float, *, top: int) -> Judge:
    """All operations one level up at a loss below `raise_below`, one down above `lower_above` (GlyphNet: 2 and 5, of a sum of three)."""

    def judge(level: Level, place: Int[Array, ""], loss: Float[Array, ""]) -> tuple[Level, Int[Array, ""]]:
        move = (loss < raise_below).astype(jnp.int32) - (loss > lower_above).astype(jnp.int32)
        return jnp.clip(level + move, 0, top), place

    return judge


def one_by_one(raise_at: float, lower_below: float, *, top: int) -> Judge:
    """As `by_accuracy`, but one operation at a time, in turn (after OpenAI et al. 2019, automatic domain randomisation).

    The one that is lowered is the one that was raised last; those that stand at the top are passed over, and where none can move, it stays
    the same one's turn.
    """

    def judge(level: Level, place: Int[Array, ""], accuracy: Float[Array, ""]) -> tuple[Level, Int[Array, ""]]:
        k = level.shape[0]
        up, down = (accuracy >= raise_at) & jnp.any(level < top), (accuracy < lower_below) & jnp.any(level > 0)
        order = jnp.arange(k)
        # the next that can rise, from `place` on; the last that can fall, before it
        to_rise = jnp.argmin(jnp.where(level < top, (order - place) % k, k))
        to_fall = jnp.argmin(jnp.where(level > 0, (place - 1 - order) % k, k))
        level = level + (up & (order == to_rise)) - (down & (order == to_fall))
        return level, jnp.where(up, (to_rise + 1) % k, jnp.where(down, to_fall, place)).astype(jnp.int32)

    return judge
