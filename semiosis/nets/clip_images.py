"""What CLIP sees with (Radford et al. 2021): a transformer over patches, or a residual network whose mean over places is attention.

Arrays are named as in OpenAI's files, or as in those of Hugging Face's `transformers`; of either, what reads texts is passed over.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis.errors import UsageError
from semiosis.nets.published import (
    Arrays,
    Convolved,
    Law,
    Shapes,
    Trunk,
    Weights,
    axis,
    checked,
    conv_shapes,
    convolved,
    drawn,
    place,
    single,
)
from semiosis.nets.transformer import Block, Dense, LayerNorm, attention, block_law, block_shapes, blocks, dense, norm

STATISTICS = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))  # of CLIP's pixels in [0, 1]
TEXT = ("token_embedding.", "positional_embedding", "transformer.", "ln_final.", "text_projection", "logit_scale")
SIZES = ("input_resolution", "context_length", "vocab_size")  # numbers among the arrays of OpenAI's archives
RESNET_LAYERS = ("layer1", "layer2", "layer3", "layer4", "embedding")
STAGES, REDUCED = 4, 32  # of the residual network, and how much smaller its last map is


# ------------------------------------------------------------------------------------------------------------------ patches


class VisionTransformer(Trunk):
    """Patches as tokens, behind a token of their class; all know their place."""

    patch: Float[Array, "p p 3 w"]
    token: Float[Array, " w"]
    places: Float[Array, "t w"]
    before: LayerNorm
    blocks: tuple[Block, ...]
    after: LayerNorm | None
    project: Float[Array, "w o"] | None

    @property
    def side(self) -> int:
        """Of the images that it takes, in pixels."""
        return self.patch.shape[0] * round((len(self.places) - 1) ** 0.5)

    def __call__(self, x: Float[Array, "n h w 3"]) -> dict[str, Array]:
        """`block_1`, `block_2`, ... [n tokens width], the class's token first; `embedding` [n o] of that token, normed and projected."""
        fitting(x, self.side)
        n, p, width = len(x), self.patch.shape[0], self.patch.shape[-1]
        rows = x.reshape(n, self.side // p, p, self.side // p, p, 3).swapaxes(2, 3).reshape(n, -1, p * p * 3)
        x = rows @ self.patch.reshape(-1, width)
        x = self.before(jnp.concatenate([jnp.broadcast_to(self.token, (n, 1, width)), x], 1) + self.places)
        seen: OrderedDict[str, Array] = OrderedDict()
        for number, block in enumerate(self.blocks, 1):
            seen[f"block_{number}"] = x = block(x)
        if self.after is not None and self.project is not None:
            seen["embedding"] = self.after(x[:, 0]) @ self.project
        return seen


def vit_layers(depth: int) -> tuple[str, ...]:
    """Where a transformer of so many blocks can be cut."""
    return (*(f"block_{number}" for number in range(1, depth + 1)), "embedding")


def vit(weights: Weights, layer: str, *, depth: int = 12, patch: int = 32, what: str = "CLIP ViT") -> VisionTransformer:
    """CLIP's vision transformer of so many blocks on patches of so many pixels, up to `layer`; widths and the grid are the arrays'.

    Raises UsageError naming a layer that does not exist, or an array that is missing, extra or of another shape.
    """
    place(layer, vit_layers(depth))
    weights = seeing(weights)
    named = hugging if is_hugging(weights) else _itself
    width, tokens = (axis(weights, named(f"visual.{name}")[0]) for name in ("class_embedding", "positional_embedding"))
    out = axis(weights, named("visual.proj")[0], 0 if named is hugging else 1)
    return _vit(translated(weights, vit_shapes(depth, patch, width, tokens, out), what), layer, depth)


@eqx.filter_jit
def random_vit(key: PRNGKeyArray, layer: str, *, depth: int = 12, patch: int = 32, width: int = 768, out: int = 512) -> VisionTransformer:
    """The same for images of 224 px, as OpenAI's training begins: embeddings normal with deviation w^-1/2, the rest as PyTorch's layers."""
    kept = min(place(layer, vit_layers(depth)) + 1, depth)
    tokens = (224 // patch) ** 2 + 1

    def law(name: str, shape: tuple[int, ...]) -> Law:
        if ".resblocks." in name:
            return block_law(name, width)
        if ".ln_" in name:
            return Law("constant", float(name.endswith("weight")))
        return Law("uniform", (3 * patch * patch) ** -0.5) if name == "visual.conv1.weight" else Law("normal", width**-0.5)

    return _vit(drawn(key, vit_shapes(kept, patch, width, tokens, out), law), layer, depth)


def _vit(arrays: Arrays, layer: str, depth: int) -> VisionTransformer:
    whole = layer == "embedding"
    kept = min(place(layer, vit_layers(depth)) + 1, depth)
    return VisionTransformer(
        single(arrays["visual.conv1.weight"].transpose(2, 3, 1, 0)),
        single(arrays["visual.class_embedding"]),
        single(arrays["visual.positional_embedding"]),
        norm(arrays, "visual.ln_pre"),
        blocks(arrays, "visual.transformer.resblocks.", kept, causal=False),
        norm(arrays, "visual.ln_post") if whole else None,
        single(arrays["visual.proj"]) if whole else None,
    )


def vit_shapes(depth: int = 12, patch: int = 32, width: int = 768, tokens: int = 50, out: int = 512) -> Shapes:
    """Names and shapes of the arrays of CLIP's vision transformer in OpenAI's layout."""
    return {
        "visual.class_embedding": (width,),
        "visual.positional_embedding": (tokens, width),
        "visual.proj": (width, out),
        "visual.conv1.weight": (width, 3, patch, patch),
        **{f"visual.ln_pre.{part}": (width,) for part in ("weight", "bias")},
        **block_shapes("visual.transformer.resblocks.", depth, width),
        **{f"visual.ln_post.{part}": (width,) for part in ("weight", "bias")},
    }


# --------------------------------------------------------------------------------------------------------- residual network


class Antialiased(eqx.Module):
    """A bottleneck up to its last ReLU that strides by taking means of 2 x 2 places, in its shortcut too, where others skip places."""

    first: Convolved
    second: Convolved
    third: Convolved
    shortcut: Convolved | None
    stride: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, "n h w i"]) -> Float[Array, "n h2 w2 o"]:
        inner = jax.nn.relu(self.second(jax.nn.relu(self.first(x))))
        if self.stride > 1:
            inner, x = means(inner), means(x)
        return self.third(inner) + (x if self.shortcut is None else self.shortcut(x))


class Pool(eqx.Module):
    """The mean over places asks all places and itself, and what it is answered is projected."""

    places: Float[Array, "t c"]
    query: Dense
    key: Dense
    value: Dense
    project: Dense

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n o"]:
        x = x.reshape(len(x), -1, x.shape[-1])
        x = jnp.concatenate([x.mean(1, keepdims=True), x], 1) + self.places
        return self.project(attention(self.query(x[:, :1]), self.key(x), self.value(x)))[:, 0]


class ClipResNet(Trunk):
    """CLIP's residual network: a stem of three convolutions, anti-aliased stages, attention in place of the mean."""

    stem: tuple[Convolved, ...]
    stages: tuple[tuple[Antialiased, ...], ...]
    pool: Pool | None

    @property
    def side(self) -> int:
        """Of the images that it takes, in pixels; 0 where it takes any, for want of attention over places."""
        return 0 if self.pool is None else REDUCED * round((len(self.pool.places) - 1) ** 0.5)

    def __call__(self, x: Float[Array, "n h w 3"]) -> dict[str, Array]:
        """`layer1` to `layer4` [n h w c], each stage's last map after its ReLU; `embedding` [n o]."""
        if self.side:
            fitting(x, self.side)
        for layer in self.stem:
            x = jax.nn.relu(layer(x))
        x = means(x)
        seen: OrderedDict[str, Array] = OrderedDict()
        for name, stage in zip(RESNET_LAYERS, self.stages, strict=False):
            for block in stage:
                x = jax.nn.relu(block(x))
            seen[name] = x
        if self.pool is not None:
            seen["embedding"] = self.pool(x)
        return seen


def means(x: Float[Array, "n h w c"]) -> Float[Array, "n h2 w2 c"]:
    """The mean of each 2 x 2 places; a last odd row or column is left out."""
    _, h, w, _ = x.shape
    x = x[:, : h // 2 * 2, : w // 2 * 2]
    return (x[:, ::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, ::2] + x[:, 1::2, 1::2]) / 4


def clip_resnet(weights: Weights, layer: str, *, counts: tuple[int, ...] = (3, 4, 6, 3), what: str = "CLIP ResNet") -> ClipResNet:
    """CLIP's residual network with so many blocks in its stages, up to `layer`; widths and the grid are the arrays'.

    Raises UsageError naming a layer that does not exist, or an array that is missing, extra or of another shape.
    """
    place(layer, RESNET_LAYERS)
    weights = seeing(weights)
    width, tokens, out = (
        axis(weights, f"visual.{name}") for name in ("layer1.0.conv1.weight", "attnpool.positional_embedding", "attnpool.c_proj.weight")
    )
    return _resnet(checked(weights, clip_resnet_shapes(counts, width, tokens, out), what), layer, counts)


@eqx.filter_jit
def random_clip_resnet(
    key: PRNGKeyArray, layer: str, *, counts: tuple[int, ...] = (3, 4, 6, 3), width: int = 64, out: int = 1024, side: int = 224
) -> ClipResNet:
    """The same for images of `side`, as OpenAI's training begins: each block passes on its shortcut alone, for its last scale is 0."""
    kept = counts[: place(layer, RESNET_LAYERS) + 1]
    tokens = (side // REDUCED) ** 2 + 1

    def law(name: str, shape: tuple[int, ...]) -> Law:
        if "attnpool." in name:
            bound = (32 * width) ** -0.5
            return Law("uniform" if name.endswith(".bias") else "normal", bound)
        if len(shape) == 4:
            return Law("uniform", float(np.prod(shape[1:])) ** -0.5)
        scale = name.endswith((".weight", ".running_var")) and not (".layer" in name and name.endswith(".bn3.weight"))
        return Law("constant", float(scale))

    return _resnet(drawn(key, clip_resnet_shapes(kept, width, tokens, out), law), layer, counts)


def _resnet(arrays: Arrays, layer: str, counts: tuple[int, ...]) -> ClipResNet:
    stem = tuple(convolved(arrays, f"visual.conv{c}", f"visual.bn{c}", 2 if c == 1 else 1) for c in (1, 2, 3))
    stages = tuple(
        tuple(_antialiased(arrays, f"visual.layer{s}.{b}.", stride=2 if s > 1 and b == 0 else 1) for b in range(count))
        for s, count in enumerate(counts[: place(layer, RESNET_LAYERS) + 1], 1)
    )
    return ClipResNet(stem, stages, _pool(arrays) if layer == "embedding" else None)


def _antialiased(arrays: Arrays, name: str, *, stride: int) -> Antialiased:
    first, second, third = (convolved(arrays, f"{name}conv{c}", f"{name}bn{c}") for c in (1, 2, 3))
    down = f"{name}downsample."
    shortcut = convolved(arrays, f"{down}0", f"{down}1") if f"{down}0.weight" in arrays else None
    return Antialiased(first, second, third, shortcut, stride)


def _pool(arrays: Arrays) -> Pool:
    projections = (dense(arrays, f"visual.attnpool.{part}_proj") for part in "qkvc")
    return Pool(single(arrays["visual.attnpool.positional_embedding"]), *projections)


def clip_resnet_shapes(counts: tuple[int, ...] = (3, 4, 6, 3), width: int = 64, tokens: int = 50, out: int = 1024) -> Shapes:
    """Names and shapes of the arrays of CLIP's residual network in OpenAI's layout, with as many stages as there are counts."""
    shapes, inputs = {}, 3
    for c, outputs in enumerate((width // 2, width // 2, width), 1):
        shapes |= conv_shapes(f"visual.conv{c}", f"visual.bn{c}", inputs, outputs, 3)
        inputs = outputs
    for s, count in enumerate(counts):
        inner = width * 2**s
        for b in range(count):
            name = f"visual.layer{s + 1}.{b}."
            for c, size in enumerate(((inputs, inner, 1), (inner, inner, 3), (inner, 4 * inner, 1)), 1):
                shapes |= conv_shapes(f"{name}conv{c}", f"{name}bn{c}", *size)
            if b == 0:
                shapes |= conv_shapes(f"{name}downsample.0", f"{name}downsample.1", inputs, 4 * inner, 1)
            inputs = 4 * inner
    if len(counts) < STAGES:
        return shapes
    shapes["visual.attnpool.positional_embedding"] = (tokens, inputs)
    for part in "kqvc":
        size = out if part == "c" else inputs
        shapes |= {f"visual.attnpool.{part}_proj.weight": (size, inputs), f"visual.attnpool.{part}_proj.bias": (size,)}
    return shapes


# -------------------------------------------------------------------------------------------------------- names, and sides


def seeing(weights: Weights) -> dict[str, np.ndarray]:
    """The arrays of what sees, whichever names they have; those of what reads texts, and mere counts, are left out."""
    passed = (*TEXT, *SIZES, "text_model.")
    return {name: array for name, array in weights.items() if not name.startswith(passed) and not name.endswith(".position_ids")}


def is_hugging(weights: Mapping[str, object]) -> bool:
    """Whether the names are those of Hugging Face's `transformers`."""
    return any(name.startswith(("vision_model.", "text_model.")) for name in weights)


PARTS = {
    "attn.out_proj": "self_attn.out_proj", "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2",
}  # fmt: skip
NAMES = {
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    **{f"visual.ln_pre.{part}": f"vision_model.pre_layrnorm.{part}" for part in ("weight", "bias")},
    **{f"visual.ln_post.{part}": f"vision_model.post_layernorm.{part}" for part in ("weight", "bias")},
    "visual.proj": "visual_projection.weight",
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    **{f"ln_final.{part}": f"text_model.final_layer_norm.{part}" for part in ("weight", "bias")},
    "text_projection": "text_projection.weight",
    "logit_scale": "logit_scale",
}  # OpenAI's to Hugging Face's
TURNED = ("visual.proj", "text_projection")  # which Hugging Face keeps transposed


def hugging(name: str) -> tuple[str, ...]:
    """Hugging Face's name of an array of OpenAI's: one, or three of what goes into attention."""
    found = re.fullmatch(r"(visual\.)?transformer\.resblocks\.(\d+)\.(.+)", name)
    if not found:
        return (NAMES[name],)
    prefix = f"{'vision' if found[1] else 'text'}_model.encoder.layers.{found[2]}."
    if found[3].startswith("attn.in_proj_"):
        return tuple(f"{prefix}self_attn.{part}_proj.{found[3].removeprefix('attn.in_proj_')}" for part in "qkv")
    part, _, kind = found[3].rpartition(".")
    return (f"{prefix}{PARTS[part]}.{kind}",)


def _itself(name: str) -> tuple[str, ...]:
    return (name,)


def translated(weights: Weights, shapes: Shapes, what: str) -> dict[str, np.ndarray]:
    """Arrays named in either way as those of OpenAI's names, checked against `shapes` under the names that they have."""
    if not is_hugging(weights):
        return checked(weights, shapes, what)
    theirs = {}
    for name, shape in shapes.items():
        parts = hugging(name)
        part = shape[::-1] if name in TURNED else (shape[0] // len(parts), *shape[1:]) if len(parts) > 1 else shape
        theirs |= dict.fromkeys(parts, part)
    weights = checked(weights, theirs, what)
    arrays = {name: [weights[part] for part in hugging(name)] for name in shapes}
    return {name: parts[0].T if name in TURNED else np.concatenate(parts) if len(parts) > 1 else parts[0] for name, parts in arrays.items()}


def fitting(x: Float[Array, "n h w 3"], side: int) -> None:
    """Raises UsageError for images of another side than the places that the network knows."""
    if x.shape[1:3] != (side, side):
        raise UsageError(f"images are {x.shape[1]} x {x.shape[2]}: this CLIP takes {side} x {side}, for it learned what each place is")
