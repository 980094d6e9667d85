"""Scenes of a game of reference: a target that one agent sees, and candidates among which another must find it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from semiosis.errors import UsageError, unknown
from semiosis.scenes import sampling
from semiosis.scenes.types import Split
from semiosis.scenes.views import to_float

View = Callable[[PRNGKeyArray, Array], Array]
DISTRACTORS = ("random", "class", "hard")


class Reference(NamedTuple):
    """`seen` [n ...] what the speaker sees; `pool` [m ...] what candidates are taken from, or [n c ...] each row's own candidates.

    `choices` [n c] are places in a shared pool, None where all of it, or all of the own candidates, are meant; `target` [n] is the
    place of the right one among the candidates. `example` [n] is the example's place in its split.
    """

    seen: Float[Array, "n ..."]
    pool: Float[Array, "..."]
    choices: Int[Array, "n c"] | None
    target: Int[Array, " n"]
    example: Int[Array, " n"]
    label: Int[Array, " n"] | None
    attributes: Int[Array, "n k"] | None


def on_device(split: Split) -> Split:
    """The split with its numbers on the device, so that scenes made of it share them."""
    return jax.tree.map(jnp.asarray, split._replace(names=None))


def same(key: PRNGKeyArray, x: Array) -> Array:
    """The view that changes nothing."""
    return x


class References(eqx.Module):
    """Scenes of reference drawn from one split, as a function of (step, key).

    A batch of `size` examples without repeats; `candidates` each: 0 for the whole batch, else the target at a random place among
    others of the batch (`random`), of the target's class (`class`), or its nearest in feature space (`hard`).
    """

    inputs: Array
    labels: Array | None
    attributes: Array | None
    table: sampling.ClassTable | None
    near: Array | None
    size: int = eqx.field(static=True)
    candidates: int = eqx.field(static=True)
    speaker_view: View = eqx.field(static=True)
    listener_view: View = eqx.field(static=True)

    def __init__(
        self,
        split: Split,
        size: int,
        *,
        candidates: int = 0,
        distractors: str = "random",
        speaker_view: View = same,
        listener_view: View = same,
    ):
        n = len(split.inputs)
        if distractors not in DISTRACTORS:
            raise unknown("distractors", distractors, DISTRACTORS)
        if not 0 < size <= n:
            raise UsageError(f"a batch of {size} does not fit a split of {n} examples: choose a batch size from 1 to {n}")
        most = size if distractors == "random" else n
        if candidates and not 2 <= candidates <= most:
            raise UsageError(f"{candidates} candidates cannot be drawn, target included: choose 2 to {most}, or 0 for the whole batch")
        if distractors != "random" and not candidates:
            raise UsageError(f"distractors {distractors!r} need a number of candidates: set it to 2 or more")
        if distractors == "class" and split.labels is None:
            raise UsageError("distractors by class need labels, and this data has none: use random or hard ones")
        self.inputs = jnp.asarray(split.inputs)
        self.labels = None if split.labels is None else jnp.asarray(split.labels)
        self.attributes = None if split.attributes is None else jnp.asarray(split.attributes)
        self.table = self.near = None
        if distractors == "class":
            table = sampling.class_table(np.asarray(split.labels), at_least=candidates)
            self.table = sampling.ClassTable(*(jnp.asarray(part) for part in table))
        if distractors == "hard":
            self.near = jnp.asarray(sampling.nearest(np.asarray(split.inputs), candidates - 1))
        self.size = size
        self.candidates = 0 if distractors == "random" and candidates == size else candidates
        self.speaker_view, self.listener_view = speaker_view, listener_view

    def _look(self, index: Int[Array, "*s"], view: View, key: PRNGKeyArray) -> Float[Array, "*s ..."]:
        """The view of these examples, as floats."""
        flat = self.inputs[index.reshape(-1)]
        flat = view(key, to_float(flat) if flat.dtype == jnp.uint8 else flat)
        return flat.reshape(*index.shape, *flat.shape[1:])

    def __call__(self, step: Int[Array, ""], key: PRNGKeyArray) -> Reference:
        """The scene of a step; `key` is the run's data key, the same at every step."""
        index = sampling.batch_indices(step, key, self.size, self.inputs.shape[0])
        key_seen, key_pool, key_others, key_place = jax.random.split(jax.random.fold_in(key, step), 4)
        seen = self._look(index, self.speaker_view, key_seen)
        labels = None if self.labels is None else self.labels[index]
        attributes = None if self.attributes is None else self.attributes[index]
        rows = jnp.arange(self.size)
        if self.table is None and self.near is None:
            # where both see the same, the pool is the batch that was seen
            pool = seen if self.listener_view is self.speaker_view is same else self._look(index, self.listener_view, key_pool)
            if not self.candidates:
                return Reference(seen, pool, None, rows, index, labels, attributes)
            others = sampling.distractors(key_others, rows, self.candidates - 1, self.size)
            choices, target = _hide(key_place, rows, others)
            return Reference(seen, pool, choices, target, index, labels, attributes)
        if self.table is not None:
            assert labels is not None
            others = sampling.same_class(key_others, labels, index, self.candidates - 1, self.table)
        else:
            assert self.near is not None
            others = self.near[index]
        choices, target = _hide(key_place, index, others)
        return Reference(seen, self._look(choices, self.listener_view, key_pool), None, target, index, labels, attributes)


def _hide(key: PRNGKeyArray, right: Int[Array, " n"], others: Int[Array, "n k"]) -> tuple[Int[Array, "n c"], Int[Array, " n"]]:
    """The right one put at a random place among the others, so that its place says nothing."""
    n, k = others.shape
    target = jax.random.randint(key, (n,), 0, k + 1)
    candidates = jnp.concatenate([others, right[:, None]], axis=1)  # the right one last, then swapped with the target's place
    swapped = jnp.take_along_axis(candidates, target[:, None], axis=1)
    candidates = jnp.where(jnp.arange(k + 1) == target[:, None], right[:, None], candidates)
    candidates = candidates.at[:, k].set(jnp.where(target == k, right, swapped[:, 0]))
    return candidates, target
