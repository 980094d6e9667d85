"""VGG16 (Simonyan and Zisserman 2015): thirteen 3 x 3 convolutions in five blocks, in torchvision's layout."""

from __future__ import annotations

from collections import OrderedDict

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.nets.pools import greatest
from semiosis.nets.published import Arrays, Convolved, Shapes, Trunk, Weights, axis, biased, checked, drawn, he, place

BLOCKS = (2, 2, 3, 3, 3)  # convolutions of each
WIDTHS = (64, 128, 256, 512, 512)
LAYERS = tuple(f"relu{b}_{size}" for b, size in enumerate(BLOCKS, 1))
HEADS = ("classifier.", "pre_logits.", "head.")  # names of what comes behind: torchvision's, timm's


class VGG(Trunk):
    """Blocks of convolutions, each with a ReLU; between blocks the map is halved."""

    blocks: tuple[tuple[Convolved, ...], ...]

    def __call__(self, x: Float[Array, "n h w 3"]) -> dict[str, Array]:
        """`relu1_2`, `relu2_2`, `relu3_3`, `relu4_3`, `relu5_3` [n h w c]: the last map of each block, after its ReLU, not yet halved."""
        seen: OrderedDict[str, Array] = OrderedDict()
        for name, block in zip(LAYERS, self.blocks, strict=False):
            x = halved(x) if seen else x
            for layer in block:
                x = jax.nn.relu(layer(x))
            seen[name] = x
        return seen


def vgg16(weights: Weights, layer: str) -> VGG:
    """torchvision's VGG16 up to `layer`, from its state dict with or without what classifies; widths are those of the arrays.

    `.module.` in names, which training in parallel leaves (Geirhos et al. 2019, trained on stylised images), is passed over.
    Raises UsageError naming a layer that does not exist, or an array that is missing, extra or of another shape.
    """
    place(layer, LAYERS)
    weights = {name.replace(".module.", "."): array for name, array in weights.items()}
    weights = {name: array for name, array in weights.items() if not name.startswith(HEADS)}
    widths = tuple(axis(weights, f"{names[0]}.weight") for names in _names())
    return _built(checked(weights, vgg16_shapes(widths), "VGG16"), layer)


@eqx.filter_jit
def random_vgg16(key: PRNGKeyArray, layer: str) -> VGG:
    """VGG16 up to `layer` as torchvision's training begins: normal with deviation sqrt(2 / (9 o)), biases 0."""
    return _built(drawn(key, vgg16_shapes(WIDTHS[: place(layer, LAYERS) + 1]), he), layer)


def _built(arrays: Arrays, layer: str) -> VGG:
    return VGG(tuple(tuple(biased(arrays, name) for name in names) for names in _names()[: place(layer, LAYERS) + 1]))


def _names() -> list[list[str]]:
    """torchvision's names of the convolutions, block by block: modules are counted, ReLUs and pools among them."""
    names, first = [], 0
    for size in BLOCKS:
        names.append([f"features.{first + 2 * c}" for c in range(size)])
        first += 2 * size + 1
    return names


def vgg16_shapes(widths: tuple[int, ...] = WIDTHS) -> Shapes:
    """Names and shapes of the arrays of the blocks that have these widths."""
    shapes, inputs = {}, 3
    for names, width in zip(_names(), widths, strict=False):
        for name in names:
            shapes |= {f"{name}.weight": (width, inputs, 3, 3), f"{name}.bias": (width,)}
            inputs = width
    return shapes


def halved(x: Float[Array, "n h w c"]) -> Float[Array, "n h2 w2 c"]:
    """The greatest of each 2 x 2 places; a last odd row or column is left out."""
    return greatest(x, 2, 2)
