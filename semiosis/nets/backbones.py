"""Published networks that look at images, by name: each from arrays named as in its published files, or drawn at random.

A network is cut behind one of its layers and gives the activations up to there. Images [n h w 3] come already normalised, by the
statistics that it was trained with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from jaxtyping import PRNGKeyArray

from semiosis.errors import unknown
from semiosis.nets import clip_images, resnet, vgg
from semiosis.nets.hub import local
from semiosis.nets.published import IMAGENET, Trunk, checked
from semiosis.nets.resnet import ResNet, resnet34, resnet34_shapes
from semiosis.nets.weights import load

__all__ = ["BACKBONES", "STATISTICS", "Backbone", "ResNet", "Trunk", "checked", "load_backbone", "resnet34", "resnet34_shapes"]

STATISTICS = IMAGENET
Statistics = tuple[tuple[float, float, float], tuple[float, float, float]]


class Backbone(NamedTuple):
    """An architecture: how its network is made, where it can be cut, what it expects of images."""

    make: Callable[[Mapping[str, np.ndarray], str], Trunk]  # arrays of a published file and a layer: the network cut behind it
    random: Callable[[PRNGKeyArray, str], Trunk]  # the same with random weights, as the published training began
    layers: tuple[str, ...]  # at which it can be cut, in order
    default: str  # the cut that papers use
    statistics: Statistics  # mean and deviation of pixels in [0, 1]
    side: int | None  # of the images that it takes; None: any
    files: tuple[str, ...]  # published ones that it reads


def _vit(patch: int, depth: int, width: int, out: int, files: tuple[str, ...]) -> Backbone:
    sizes = {"depth": depth, "patch": patch}
    return Backbone(
        partial(clip_images.vit, **sizes, what=f"CLIP ViT of {depth} blocks on patches of {patch} px"),
        partial(clip_images.random_vit, **sizes, width=width, out=out),
        clip_images.vit_layers(depth), "embedding", clip_images.STATISTICS, 224, files,
    )  # fmt: skip


def _clip_resnet(name: str, counts: tuple[int, ...], width: int, out: int, side: int) -> Backbone:
    return Backbone(
        partial(clip_images.clip_resnet, counts=counts, what=f"CLIP {name}"),
        partial(clip_images.random_clip_resnet, counts=counts, width=width, out=out, side=side),
        clip_images.RESNET_LAYERS, "embedding", clip_images.STATISTICS, side, (f"OpenAI's {name}.pt",),
    )  # fmt: skip


BACKBONES: dict[str, Backbone] = {
    "vgg16": Backbone(
        vgg.vgg16, vgg.random_vgg16, vgg.LAYERS, "relu5_3", IMAGENET, None,
        ("torchvision vgg16", "Stylized-ImageNet vgg16 (Geirhos et al. 2019)", "hub:timm/vgg16.tv_in1k"),
    ),
    "resnet34": Backbone(
        resnet.resnet34_trunk, resnet.random_resnet34, resnet.LAYERS, "pooled", IMAGENET, None,
        ("torchvision resnet34", "hub:timm/resnet34.tv_in1k"),
    ),
    "resnet50": Backbone(
        resnet.resnet50_trunk, resnet.random_resnet50, resnet.LAYERS, "pooled", IMAGENET, None,
        ("torchvision resnet50", "hub:timm/resnet50.tv_in1k"),
    ),
    "clip-vit-b32": _vit(32, 12, 768, 512, ("OpenAI's ViT-B-32.pt", "hub:openai/clip-vit-base-patch32")),
    "clip-vit-b16": _vit(16, 12, 768, 512, ("OpenAI's ViT-B-16.pt", "hub:openai/clip-vit-base-patch16")),
    "clip-vit-l14": _vit(14, 24, 1024, 768, ("OpenAI's ViT-L-14.pt", "hub:openai/clip-vit-large-patch14")),
    "clip-rn50": _clip_resnet("RN50", (3, 4, 6, 3), 64, 1024, 224),
    "clip-rn101": _clip_resnet("RN101", (3, 4, 23, 3), 64, 512, 224),
    "clip-rn50x4": _clip_resnet("RN50x4", (4, 6, 10, 6), 80, 640, 288),
    "clip-rn50x16": _clip_resnet("RN50x16", (6, 8, 18, 8), 96, 768, 384),
}  # fmt: skip


def load_backbone(name: str, layer: str, weights: str) -> Trunk:
    """The network called `name`, cut behind `layer`, with the weights of a file, or of `hub:OWNER/NAME` or `hub:OWNER/NAME/FILE`.

    Raises UsageError: no such network, layer or file, a repository that cannot be had, arrays of another network.
    """
    if name not in BACKBONES:
        raise unknown("backbone", name, BACKBONES)
    backbone = BACKBONES[name]
    if layer not in backbone.layers:
        raise unknown(f"layer of {name}", layer, backbone.layers)
    return backbone.make(load(local(weights)), layer)
