"""Residual networks (He et al. 2016) in torchvision's layout: 34 layers of plain blocks, 50 of bottlenecks.

Forwards and towards its images the library's own convolution is the quickest on a CPU (ResNet-34 at 227 px: 0.8 of the time of
patches @ weight). Normalisations keep the statistics that the file gives them.
"""

from __future__ import annotations

from collections import OrderedDict

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.nets.pools import greatest
from semiosis.nets.published import (
    Arrays,
    Convolved,
    Shapes,
    Trunk,
    Weights,
    axis,
    checked,
    conv_shapes,
    convolved,
    drawn,
    he,
    place,
    single,
)

BLOCKS = (3, 4, 6, 3)  # of each stage, in both
LAYERS = ("layer1", "layer2", "layer3", "layer4", "pooled")
EXPANSION = 4  # a bottleneck's last channels by its inner ones


class Basic(eqx.Module):
    """The residual block of two 3 x 3 convolutions (He et al. 2016, figure 2), up to its last ReLU."""

    first: Convolved
    second: Convolved
    shortcut: Convolved | None

    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        return self.second(jax.nn.relu(self.first(x))) + (x if self.shortcut is None else self.shortcut(x))


class Bottleneck(eqx.Module):
    """The residual block of 1 x 1, 3 x 3 and 1 x 1 convolutions (He et al. 2016, figure 5), up to its last ReLU.

    Where it strides, the 3 x 3 does, as in torchvision's; in the paper it is the first.
    """

    first: Convolved
    second: Convolved
    third: Convolved
    shortcut: Convolved | None

    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        inner = jax.nn.relu(self.second(jax.nn.relu(self.first(x))))
        return self.third(inner) + (x if self.shortcut is None else self.shortcut(x))


Stages = tuple[tuple[Basic | Bottleneck, ...], ...]


class ResNet(eqx.Module):
    """A residual network (He et al. 2016): a stem that quarters the image, stages of blocks, a mean over places, a linear layer."""

    stem: Convolved
    stages: Stages
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


class Residual(Trunk):
    """A residual network without its linear layer, or some of its stages."""

    stem: Convolved
    stages: Stages
    mean: bool = eqx.field(static=True)

    def __call__(self, x: Float[Array, "n h w 3"]) -> dict[str, Array]:
        """`layer1` to `layer4` [n h w c], each stage's last map AFTER its ReLU; `pooled` [n c], the mean of the last one's places."""
        seen: OrderedDict[str, Array] = OrderedDict()
        x = pooled(jax.nn.relu(self.stem(x)))
        for name, blocks in zip(LAYERS, self.stages, strict=False):
            for block in blocks:
                x = jax.nn.relu(block(x))
            seen[name] = x
        if self.mean:
            seen["pooled"] = x.mean((1, 2))
        return seen


def pooled(x: Float[Array, "n h w c"]) -> Float[Array, "n h2 w2 c"]:
    """The greatest of each 3 x 3 places, every second one, padded by 1: h2 = ceil(h / 2)."""
    return greatest(x, 3, 2, 1)


def resnet34(weights: Weights) -> ResNet:
    """torchvision's ResNet-34 from its state dict, whose widths are those of the arrays: 64 for the published one.

    Raises UsageError naming an array that is missing, extra or of another shape.
    """
    width, classes = (axis(weights, name) for name in ("conv1.weight", "fc.weight"))
    weights = checked(weights, resnet34_shapes(width, classes), "ResNet-34")
    trunk = _built(weights, "layer4")
    return ResNet(trunk.stem, trunk.stages, single(weights["fc.weight"].T), single(weights["fc.bias"]))


def resnet34_trunk(weights: Weights, layer: str) -> Residual:
    """torchvision's ResNet-34 up to `layer`, from its state dict with or without `fc`. Raises UsageError as `resnet50_trunk` does."""
    return _cut(weights, layer, bottleneck=False, what="ResNet-34")


def resnet50_trunk(weights: Weights, layer: str) -> Residual:
    """torchvision's ResNet-50 up to `layer`, from its state dict with or without `fc`; widths are those of the arrays.

    Raises UsageError naming a layer that does not exist, or an array that is missing, extra or of another shape.
    """
    return _cut(weights, layer, bottleneck=True, what="ResNet-50")


def _cut(weights: Weights, layer: str, *, bottleneck: bool, what: str) -> Residual:
    place(layer, LAYERS)
    weights = {name: array for name, array in weights.items() if not name.startswith("fc.")}
    shapes = resnet_shapes(axis(weights, "conv1.weight"), BLOCKS, bottleneck=bottleneck)
    return _built(checked(weights, shapes, what), layer)


@eqx.filter_jit
def random_resnet34(key: PRNGKeyArray, layer: str) -> Residual:
    """ResNet-34 up to `layer` as torchvision's training begins (`published.he`), its normalisations without any statistics yet."""
    return _built(drawn(key, resnet_shapes(64, _stages(layer), bottleneck=False), he), layer)


@eqx.filter_jit
def random_resnet50(key: PRNGKeyArray, layer: str) -> Residual:
    """ResNet-50 up to `layer` as torchvision's training begins (`published.he`), its normalisations without any statistics yet."""
    return _built(drawn(key, resnet_shapes(64, _stages(layer), bottleneck=True), he), layer)


def _stages(layer: str) -> tuple[int, ...]:
    return BLOCKS[: place(layer, LAYERS) + 1]


def _built(arrays: Arrays, layer: str) -> Residual:
    stages = tuple(
        tuple(_block(arrays, f"layer{s}.{b}", stride=2 if s > 1 and b == 0 else 1) for b in range(blocks))
        for s, blocks in enumerate(_stages(layer), 1)
    )
    return Residual(convolved(arrays, "conv1", "bn1", 2), stages, layer == "pooled")


def _block(arrays: Arrays, name: str, *, stride: int) -> Basic | Bottleneck:
    def part(number: int, step: int = 1) -> Convolved:
        return convolved(arrays, f"{name}.conv{number}", f"{name}.bn{number}", step)

    down = f"{name}.downsample"
    shortcut = convolved(arrays, f"{down}.0", f"{down}.1", stride) if f"{down}.0.weight" in arrays else None
    if f"{name}.conv3.weight" in arrays:
        return Bottleneck(part(1), part(2, stride), part(3), shortcut)
    return Basic(part(1, stride), part(2), shortcut)


def resnet34_shapes(width: int = 64, classes: int = 1000) -> Shapes:
    """Names and shapes of the arrays of a ResNet-34 in torchvision's layout: weights [o i k k]; widths grow twofold from stage to stage."""
    shapes = resnet_shapes(width, BLOCKS, bottleneck=False)
    return {**shapes, "fc.weight": (classes, 8 * width), "fc.bias": (classes,)}


def resnet_shapes(width: int, blocks: tuple[int, ...], *, bottleneck: bool) -> Shapes:
    """The same for any number of blocks in each stage, of either kind, without `fc`."""
    shapes = conv_shapes("conv1", "bn1", 3, width, 7)
    inputs = width
    for s, count in enumerate(blocks):
        inner = width * 2**s
        outputs = inner * EXPANSION if bottleneck else inner
        for b in range(count):
            name = f"layer{s + 1}.{b}"
            sizes = [(inputs, inner, 1), (inner, inner, 3), (inner, outputs, 1)] if bottleneck else [(inputs, inner, 3), (inner, inner, 3)]
            for number, size in enumerate(sizes, 1):
                shapes |= conv_shapes(f"{name}.conv{number}", f"{name}.bn{number}", *size)
            if inputs != outputs:
                shapes |= conv_shapes(f"{name}.downsample.0", f"{name}.downsample.1", inputs, outputs, 1)
            inputs = outputs
    return shapes
