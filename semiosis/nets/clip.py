"""What CLIP says an image is (Radford et al. 2021, section 3.1): the class whose description, in words, points where the image points."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from semiosis.errors import UsageError
from semiosis.nets import hub
from semiosis.nets.clip_images import (
    SIZES,
    STATISTICS,
    ClipResNet,
    VisionTransformer,
    clip_resnet,
    hugging,
    is_hugging,
    translated,
    vit,
)
from semiosis.nets.published import Arrays, Shapes, Weights, axis, single
from semiosis.nets.tokens import tokens
from semiosis.nets.transformer import Block, LayerNorm, block_shapes, blocks, norm
from semiosis.nets.weights import load

TEMPLATES = ("a photo of a {}.", "a drawing of a {}.")
DEPTH = 12  # of every published transformer that reads


class Reader(eqx.Module):
    """CLIP's text tower: a transformer in which no token looks ahead; the last, at which the text ends, stands for all."""

    words: Float[Array, "v w"]
    places: Float[Array, "t w"]
    blocks: tuple[Block, ...]
    after: LayerNorm
    project: Float[Array, "w o"]

    def __call__(self, tokens: Int[Array, "n t"]) -> Float[Array, "n o"]:
        """Embeddings, not of length 1. A text ends at the first of its greatest number, which is how CLIP's tokens are counted."""
        x = self.words[tokens] + self.places[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        last = jnp.argmax(tokens, 1)
        return self.after(jnp.take_along_axis(x, last[:, None, None], 1)[:, 0]) @ self.project


def reader(weights: Weights) -> Reader:
    """The text tower of OpenAI's or Hugging Face's arrays, those of what sees passed over; widths are those of the arrays.

    Raises UsageError naming an array that is missing, extra or of another shape.
    """
    theirs = is_hugging(weights)
    passed = ("visual.", "vision_model.", "visual_projection.", *SIZES)
    weights = {name: array for name, array in weights.items() if not name.startswith(passed) and not name.endswith(".position_ids")}
    named = (lambda name: hugging(name)[0]) if theirs else str
    vocabulary, width = (axis(weights, named("token_embedding.weight"), number) for number in (0, 1))
    length = axis(weights, named("positional_embedding"))
    out = axis(weights, named("text_projection"), 0 if theirs else 1)
    return _reader(translated(weights, text_shapes(vocabulary, width, length, out), "CLIP's text tower"))


def _reader(arrays: Arrays) -> Reader:
    return Reader(
        single(arrays["token_embedding.weight"]),
        single(arrays["positional_embedding"]),
        blocks(arrays, "transformer.resblocks.", DEPTH, causal=True),
        norm(arrays, "ln_final"),
        single(arrays["text_projection"]),
    )


def text_shapes(vocabulary: int = 49408, width: int = 512, length: int = 77, out: int = 512) -> Shapes:
    """Names and shapes of the arrays of CLIP's text tower, and of its temperature, in OpenAI's layout."""
    return {
        "positional_embedding": (length, width),
        "text_projection": (width, out),
        "logit_scale": (),
        **block_shapes("transformer.resblocks.", DEPTH, width),
        "token_embedding.weight": (vocabulary, width),
        **{f"ln_final.{part}": (width,) for part in ("weight", "bias")},
    }


def looker(weights: Weights) -> VisionTransformer | ClipResNet:
    """The image tower of any of CLIP's files, of the depth, patches and stages that its arrays tell."""
    names = " ".join(weights)
    if "visual.layer1." in names:
        counts = [1 + max((int(b) for b in re.findall(rf"visual\.layer{s}\.(\d+)\.", names)), default=0) for s in (1, 2, 3, 4)]
        return clip_resnet(weights, "embedding", counts=tuple(counts))
    numbers = re.findall(r"visual\.transformer\.resblocks\.(\d+)\.|vision_model\.encoder\.layers\.(\d+)\.", names)
    depth = 1 + max((int(first or second) for first, second in numbers), default=0)
    patch = axis(weights, hugging("visual.conv1.weight")[0] if is_hugging(weights) else "visual.conv1.weight", 2)
    return vit(weights, "embedding", depth=depth, patch=patch)


# ---------------------------------------------------------------------------------------------------------------- zero-shot


class Verdict(NamedTuple):
    """What each image is taken for."""

    label: Int[Array, " n"]  # number of the class of the likeliest prompt
    template: Int[Array, " n"]  # and of its template: 0 a photo, 1 a drawing
    probabilities: Float[Array, "n p"]  # of all prompts: all classes of the first template, then all of the second


class ZeroShot(eqx.Module):
    """Images among prompts, each a template with a class in it, by softmax of scaled cosines; the two kinds of embedding share a space."""

    trunk: VisionTransformer | ClipResNet
    directions: Float[Array, "p o"]  # of the prompts, of length 1
    scale: Float[Array, ""]  # the logit of cosine 1: 100 in the published ones
    side: int = eqx.field(static=True)
    prompts: tuple[str, ...] = eqx.field(static=True)

    @eqx.filter_jit
    def __call__(self, images: Float[Array, "n h w 3"]) -> Verdict:
        """Images with values in [0, 1], resampled to the network's side (bicubic, antialiased) where they are of another one."""
        size = (len(images), self.side, self.side, 3)
        if images.shape != size:
            images = jnp.clip(jax.image.resize(images, size, "cubic"), 0.0, 1.0)
        mean, deviation = (jnp.array(numbers, images.dtype) for numbers in STATISTICS)
        embedding = self.trunk((images - mean) / deviation)["embedding"]
        cosines = (embedding / jnp.linalg.norm(embedding, axis=1, keepdims=True)) @ self.directions.T
        probabilities = jax.nn.softmax(self.scale * cosines)
        best = jnp.argmax(probabilities, 1)
        count = len(self.prompts) // len(TEMPLATES)
        return Verdict(best % count, best // count, probabilities)


def zero_shot(place: str, classes: Sequence[str]) -> ZeroShot:
    """CLIP as a judge among `classes`, as photos and as drawings; call it on images [n h w 3] with values in [0, 1].

    `place` is a file of CLIP's weights, OpenAI's or Hugging Face's, beside which are its tokens (`tokenizer.json`, or `vocab.json` and
    `merges.txt`); a folder with both; or hub:OWNER/NAME. Raises UsageError for what is missing or is not CLIP's.
    """
    if not classes:
        raise UsageError("there are no classes to choose among: expected one or more")
    found, words = _files(place)
    weights = load(found)
    trunk, texts = looker(weights), reader(weights)
    prompts = tuple(template.format(name) for template in TEMPLATES for name in classes)
    numbers = tokens(words, len(texts.places))(prompts)
    if numbers.max() >= len(texts.words):
        raise UsageError(f"{words[0]} counts {numbers.max() + 1} tokens or more, and the weights {found} know {len(texts.words)}")
    embeddings = eqx.filter_jit(texts)(jnp.asarray(numbers))
    directions = embeddings / jnp.linalg.norm(embeddings, axis=1, keepdims=True)
    return ZeroShot(trunk, directions, jnp.exp(single(weights["logit_scale"])), trunk.side, prompts)


def _files(place: str) -> tuple[Path, tuple[Path, ...]]:
    """The file of weights and those of the tokens."""
    if place.startswith(hub.HUB):
        return hub.local(place), (hub.fetched(hub.named(place)[0], ("tokenizer.json",)),)
    path = Path(place).expanduser()
    folder = path if path.is_dir() else path.parent
    if path.is_dir():
        known = [folder / name for name in hub.FILES if (folder / name).is_file()]
        known = known or sorted(file for file in folder.iterdir() if file.suffix in (".safetensors", ".pt", ".pth", ".bin"))
        if not known:
            raise UsageError(f"the folder {place!r} holds no weights: expected {' or '.join(hub.FILES)}, or a .pt, .pth or .safetensors")
        path = known[0]
    for names in (("tokenizer.json",), ("vocab.json", "merges.txt")):
        words = tuple(folder / name for name in names)
        if all(file.is_file() for file in words):
            return path, words
    raise UsageError(f"there are no tokens beside {str(path)!r}: expected tokenizer.json, or vocab.json and merges.txt, in {str(folder)!r}")
