"""Published networks that look at images and do not learn here: from arrays named as in torchvision's files to named activations.

An architecture is a function from those arrays to a module, and the module a function of images [n h w 3], already normalised. Forwards and
towards its images the library's own convolution is the quickest on a CPU (ResNet-34 at 227 px: 0.8 of the time of patches @ weight).
"""

from __future__ import annotations

from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from semiosis.errors import UsageError
from semiosis.nets.convolution import DIMENSIONS

STATISTICS = (
    (0.485, 0.456, 0.406),
    (0.229, 0.224, 0.225),
)  # mean and deviation of ImageNet's pixels in [0, 1], which published nets expect
RESNET34 = (3, 4, 6, 3)  # blocks of each stage
EPSILON = 1e-5  # of PyTorch's batch normalisation

Shapes = dict[str, tuple[int, ...]]
Weights = Mapping[str, np.ndarray]


class Convolved(eqx.Module):
    """A convolution and the batch normalisation behind it as one: the normalisation's scale is in the weight, its shift is the bias."""

    weight: Float[Array, "k k i o"]
    bias: Float[Array, " o"]
    stride: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        """Padded by half the kernel: h2 = ceil(h / stride)."""
        edge = self.weight.shape[0] // 2
        return lax.conv_general_dilated(x, self.weight, (self.stride,) * 2, [(edge, edge)] * 2, dimension_numbers=DIMENSIONS) + self.bias


class Basic(eqx.Module):
    """The residual block of two 3 x 3 convolutions (He et al. 2016, figure 2), up to its last ReLU."""

    first: Convolved
    second: Convolved
    shortcut: Convolved | None

    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        return self.second(jax.nn.relu(self.first(x))) + (x if self.shortcut is None else self.shortcut(x))


class ResNet(eqx.Module):
    """A residual network (He et al. 2016): a stem that quarters the image, stages of blocks, a mean over places, a linear layer."""

    stem: Convolved
    stages: tuple[tuple[Basic, ...], ...]
    weight: Float[Array, "i o"]
    bias: Float[Array, " o"]

    def __call__(self, x: Float[Array, "n h w 3"]) -> dict[str, Array]:
        """`layerS_B` [n h w c], block B (from 0) of stage S (from 1) BEFORE its last ReLU; `avgpool_C` [n C]; `fc` [n classes].

        The mean is of the last map after its ReLU and over all its places.
        """
        seen: dict[str, Array] = {}
        x = pooled(jax.nn.relu(self.stem(x)))
        for s, blocks in enumerate(self.stages, 1):
            for b, block in enumerate(blocks):
                seen[f"layer{s}_{b}"] = x = block(x)
                x = jax.nn.relu(x)
        mean = x.mean((1, 2))
        return {**seen, f"avgpool_{mean.shape[1]}": mean, "fc": mean @ self.weight + self.bias}


def pooled(x: Float[Array, "n h w c"]) -> Float[Array, "n h2 w2 c"]:
    """The greatest of each 3 x 3 places, every second one, padded by 1: h2 = ceil(h / 2)."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, 2, 2, 1), ((0, 0), (1, 1), (1, 1), (0, 0)))


def resnet34(weights: Weights) -> ResNet:
    """torchvision's ResNet-34 from its state dict, whose widths are those of the arrays: 64 for the published one.

    Raises UsageError naming an array that is missing, extra or of another shape.
    """
    width, classes = (_first_axis(weights, name) for name in ("conv1.weight", "fc.weight"))
    weights = checked(weights, resnet34_shapes(width, classes), "ResNet-34")
    stages = tuple(
        tuple(_basic(weights, f"layer{s}.{b}", stride=2 if s > 1 and b == 0 else 1) for b in range(blocks))
        for s, blocks in enumerate(RESNET34, 1)
    )
    return ResNet(_convolved(weights, "conv1", "bn1", 2), stages, _float(weights["fc.weight"].T), _float(weights["fc.bias"]))


def _basic(weights: Weights, name: str, *, stride: int) -> Basic:
    shortcut = f"{name}.downsample.0.weight" in weights
    return Basic(
        _convolved(weights, f"{name}.conv1", f"{name}.bn1", stride),
        _convolved(weights, f"{name}.conv2", f"{name}.bn2", 1),
        _convolved(weights, f"{name}.downsample.0", f"{name}.downsample.1", stride) if shortcut else None,
    )


def _convolved(weights: Weights, conv: str, norm: str, stride: int) -> Convolved:
    """y = (conv(x) - mean) / sqrt(variance + epsilon) * scale + shift, with what does not depend on x worked out."""
    scale, shift, mean, variance = (weights[f"{norm}.{part}"].astype(np.float64) for part in NORM)
    scale = scale / np.sqrt(variance + EPSILON)
    weight = weights[f"{conv}.weight"].astype(np.float64).transpose(2, 3, 1, 0) * scale
    return Convolved(_float(weight), _float(shift - mean * scale), stride)


def _float(array: np.ndarray) -> Float[Array, "..."]:
    return jnp.asarray(array.astype(np.float32))


# --------------------------------------------------------------------------------------------------- which arrays there must be

NORM = ("weight", "bias", "running_mean", "running_var")


def resnet34_shapes(width: int = 64, classes: int = 1000) -> Shapes:
    """Names and shapes of the arrays of a ResNet-34 in torchvision's layout: weights [o i k k]; widths grow twofold from stage to stage."""
    shapes = _conv_shapes("conv1", "bn1", 3, width, 7)
    inputs = width
    for s, blocks in enumerate(RESNET34):
        outputs = width * 2**s
        for b in range(blocks):
            name = f"layer{s + 1}.{b}"
            shapes |= _conv_shapes(f"{name}.conv1", f"{name}.bn1", inputs, outputs, 3)
            shapes |= _conv_shapes(f"{name}.conv2", f"{name}.bn2", outputs, outputs, 3)
            if inputs != outputs:
                shapes |= _conv_shapes(f"{name}.downsample.0", f"{name}.downsample.1", inputs, outputs, 1)
            inputs = outputs
    return {**shapes, "fc.weight": (classes, inputs), "fc.bias": (classes,)}


def _conv_shapes(conv: str, norm: str, inputs: int, outputs: int, k: int) -> Shapes:
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


def _first_axis(weights: Weights, name: str) -> int:
    """The length of an array's first axis, or 1 for an array that will be found missing or misshapen."""
    return weights[name].shape[0] if name in weights and weights[name].ndim else 1
