"""Scenes of two senses: an image (or its features) that one agent sees, and texts of all classes that another reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from semiosis.errors import UsageError
from semiosis.scenes import sampling
from semiosis.scenes.types import Descriptions, Split
from semiosis.scenes.views import to_float


class Topic(NamedTuple):
    """What there is to talk about: `seen` [n ...], a further view `context` [n g] of it where there is one, and what is to be guessed.

    `target` [n] is the place of the right class among the candidates, `label` [n] the class; `words` [c w k] are the vectors of the
    candidates' words, `there` [c w] where there are any, `means` [c k] their means. `weight` [n] is 0 for an example that only fills up a
    batch; `example` [n] is the place in the split.
    """

    seen: Float[Array, "n ..."]
    context: Float[Array, "n g"] | None
    target: Int[Array, " n"]
    label: Int[Array, " n"]
    example: Int[Array, " n"]
    weight: Float[Array, " n"]
    words: Float[Array, "c w k"]
    there: Bool[Array, "c w"]
    means: Float[Array, "c k"]


class Scale(NamedTuple):
    """What is taken from each channel of an image, and by what the rest is divided: [c] each."""

    mean: np.ndarray | Array
    deviation: np.ndarray | Array


def scale(split: Split) -> Scale | None:
    """The mean and deviation of the channels of images with pixels in [0, 1]; None of features, which are taken as they are."""
    if split.inputs.dtype != np.uint8:
        return None
    axes, pixels = (0, 1, 2), split.inputs[:10_000].astype(np.float32) / 255  # a fair sample of it, as any first part is
    return Scale(pixels.mean(axes), np.maximum(pixels.std(axes), 1e-3))


class Topics(eqx.Module):
    """Scenes of a split as a function of (step, key): `size` examples drawn without repeats, or, `whole`, the split in its order.

    `candidates` are the classes whose texts are read, ascending; images are seen through `scale`. In a whole split the last batch is
    filled up with examples of no weight.
    """

    inputs: Array
    context: Array | None
    labels: Int[Array, " m"]
    place: Int[Array, " k"]
    words: Float[Array, "c w k"]
    there: Bool[Array, "c w"]
    means: Float[Array, "c k"]
    scale: Scale | None
    candidates: tuple[int, ...] = eqx.field(static=True)
    size: int = eqx.field(static=True)
    whole: bool = eqx.field(static=True)

    def __init__(
        self,
        split: Split,
        descriptions: Descriptions,
        candidates: Sequence[int] | np.ndarray,
        size: int,
        *,
        scale: Scale | None = None,
        whole: bool = False,
    ):
        n = len(split.inputs)
        if not whole and not 0 < size <= n:
            raise UsageError(f"a batch of {size} does not fit a split of {n} examples: choose a batch size from 1 to {n}")
        assert split.labels is not None
        listed = np.asarray(candidates)
        if missing := set(np.unique(split.labels)) - set(listed.tolist()):
            raise UsageError(f"{len(missing)} classes of the images are not among the {len(listed)} that are described to the receiver")
        longest = max(int(descriptions.there[listed].sum(1).max()), 1)
        self.inputs, self.labels = jnp.asarray(split.inputs), jnp.asarray(split.labels)
        self.context = jnp.asarray(split.others[0]) if split.others else None
        self.place = jnp.zeros(len(descriptions.texts), jnp.int32).at[listed].set(jnp.arange(len(listed)))
        self.words, self.there = (jnp.asarray(x[listed, :longest]) for x in (descriptions.vectors, descriptions.there))
        self.means = jnp.asarray(descriptions.means[listed])
        self.scale = None if scale is None else Scale(*map(jnp.asarray, scale))
        self.candidates, self.size, self.whole = tuple(listed.tolist()), min(size, n), whole

    @property
    def batches(self) -> int:
        """How many batches a whole split has."""
        return -(-self.inputs.shape[0] // self.size)

    def __call__(self, step: Int[Array, ""], key: PRNGKeyArray) -> Topic:
        """The scene of a step; `key` is the run's data key, the same at every step."""
        n = self.inputs.shape[0]
        if self.whole:
            rows = step * self.size + jnp.arange(self.size)
            index, weight = rows % n, (rows < n).astype(jnp.float32)
        else:
            index, weight = sampling.batch_indices(step, key, self.size, n), jnp.ones(self.size)
        label = self.labels[index]
        seen, context = self.inputs[index], None if self.context is None else self.context[index]
        seen = to_float(seen) if seen.dtype == jnp.uint8 else seen
        seen = seen if self.scale is None else (seen - self.scale.mean) / self.scale.deviation
        return Topic(seen, context, self.place[label], label, index, weight, self.words, self.there, self.means)
