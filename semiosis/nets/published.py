"""What the published networks that look at images share: how their arrays are checked, built upon, and drawn anew."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.errors import UsageError, unknown
from semiosis.nets.convolution import DIMENSIONS, steady

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # mean and deviation of pixels in [0, 1]
EPSILON = 1e-5  # of PyTorch's normalisations, of batches and of layers
NORM = ("weight", "bias", "running_mean", "running_var")

Shapes = dict[str, tuple[int, ...]]
Weights = Mapping[str, np.ndarray]
Arrays = Mapping[str, np.ndarray | Array]  # of a file, or drawn


class Trunk(eqx.Module):
    """A published network up to some layer; it computes in the dtype of its images, which its arrays must have too."""

    @abstractmethod
    def __call__(self, x: Float[Array, "n h w 3"]) -> dict[str, Array]:
        """The named activations of normalised images, in order; the last is the layer at which the network is cut.

        An `OrderedDict`, for a plain one comes sorted by name out of what JAX transforms.
        """


class Convolved(eqx.Module):
    """A convolution with a bias, or with the batch normalisation behind it: its scale is then in the weight, its shift is the bias."""

    weight: Float[Array, "k k i o"]
    bias: Float[Array, " o"]
    stride: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        """Padded by half the kernel: h2 = ceil(h / stride)."""
        edge = self.weight.shape[0] // 2
        if self.stride == 1:
            y: Array = steady(x, self.weight, edge)
            return y + self.bias
        return lax.conv_general_dilated(x, self.weight, (self.stride,) * 2, [(edge, edge)] * 2, dimension_numbers=DIMENSIONS) + self.bias


def convolved(arrays: Arrays, conv: str, norm: str, stride: int = 1) -> Convolved:
    """y = (conv(x) - mean) / sqrt(variance + epsilon) * scale + shift, with what does not depend on x worked out."""
    scale, shift, mean, variance = (_exact(arrays[f"{norm}.{part}"]) for part in NORM)
    scale = scale * (variance + EPSILON) ** -0.5
    weight = _exact(arrays[f"{conv}.weight"]).transpose(2, 3, 1, 0) * scale
    return Convolved(single(weight), single(shift - mean * scale), stride)


def biased(arrays: Arrays, name: str) -> Convolved:
    """A convolution of stride 1 with a bias of its own."""
    return Convolved(single(arrays[f"{name}.weight"].transpose(2, 3, 1, 0)), single(arrays[f"{name}.bias"]), 1)


def _exact(array: np.ndarray | Array) -> np.ndarray | Array:
    return array.astype(np.float64) if isinstance(array, np.ndarray) else array


def single(array: np.ndarray | Array) -> Float[Array, "..."]:
    """As JAX's array of float32, whatever a file keeps."""
    return jnp.asarray(array.astype(np.float32))


# --------------------------------------------------------------------------------------------------- which arrays there must be


def conv_shapes(conv: str, norm: str, inputs: int, outputs: int, k: int) -> Shapes:
    """The arrays of a convolution without bias and of the batch normalisation behind it."""
    return {f"{conv}.weight": (outputs, inputs, k, k), **{f"{norm}.{part}": (outputs,) for part in NORM}}


def checked(weights: Weights, shapes: Shapes, what: str) -> dict[str, np.ndarray]:
    """The arrays, if they are those of the network called `what` by name and shape; counts of batches, which play no part, are dropped."""
    weights = {name: array for name, array in weights.items() if not name.endswith(".num_batches_tracked")}
    for fault, names in (
        ("lack", [n for n in shapes if n not in weights]),
        ("have, beside its arrays,", [n for n in weights if n not in shapes]),
    ):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise UsageError(f"the weights are not of a {what}: they {fault} {names[0]}{more}")
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            raise UsageError(f"the weights are not of a {what}: {name} is {list(weights[name].shape)}, expected {list(shape)}")
    return weights


def axis(weights: Weights, name: str, number: int = 0) -> int:
    """The length of an array's axis, or 1 for an array that will be found missing or misshapen."""
    return weights[name].shape[number] if name in weights and weights[name].ndim > number else 1


def place(layer: str, layers: Sequence[str]) -> int:
    """Where a layer stands among those at which a network can be cut. Raises UsageError for one that is none of them."""
    if layer not in layers:
        raise unknown("layer", layer, layers)
    return layers.index(layer)


# ------------------------------------------------------------------------------------------------------------- drawn at random


class Law(NamedTuple):
    """How an array begins: normal with a deviation, uniform within a bound to both sides, or of one value."""

    kind: Literal["normal", "uniform", "constant"]
    size: float


def drawn(key: PRNGKeyArray, shapes: Shapes, law: Callable[[str, tuple[int, ...]], Law]) -> dict[str, Float[Array, "..."]]:
    """Arrays of these shapes. All of a kind are cut from one draw: a program that draws each of them takes seconds to compile."""
    laws = {name: law(name, shape) for name, shape in shapes.items()}
    count = {kind: sum(int(np.prod(shapes[n])) for n, found in laws.items() if found.kind == kind) for kind in ("normal", "uniform")}
    keys = jax.random.split(key)
    rest = {
        "normal": jax.random.normal(keys[0], (count["normal"],)),
        "uniform": jax.random.uniform(keys[1], (count["uniform"],), minval=-1.0),
    }
    arrays, used = {}, dict.fromkeys(rest, 0)
    for name, (kind, size) in laws.items():
        if kind == "constant":
            arrays[name] = jnp.full(shapes[name], size)
            continue
        first, used[kind] = used[kind], used[kind] + int(np.prod(shapes[name]))
        arrays[name] = size * rest[kind][first : used[kind]].reshape(shapes[name])
    return arrays


def he(name: str, shape: tuple[int, ...]) -> Law:
    """As torchvision's networks begin: weights of convolutions by what goes out (He et al. 2015), the rest does nothing yet."""
    if len(shape) == 4:
        return Law("normal", float((2 / (shape[0] * shape[2] * shape[3])) ** 0.5))
    return Law("constant", 1.0 if name.endswith((".weight", ".running_var")) else 0.0)
