"""`semiosis features FOLDER --out FILE --weights FILE`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import say


@dataclass(frozen=True)
class Features:
    """Feature files in the published layout of the dialogue: what a ResNet-34 sees in the images of a folder, as HDF5."""

    folder: Positional[str]
    """The images: a folder for each class, or train/CLASS, dev/CLASS and test/CLASS."""
    out: str
    """The file that is written, *.hdf5; of a folder with splits, the folder that gets train.hdf5, dev.hdf5 and test.hdf5."""
    weights: str
    """A file of ResNet-34's published weights, named as torchvision's: .pth, .pt or .safetensors; nothing in it is run."""
    request: tuple[str, ...] = ("layer4_2", "avgpool_512", "fc")
    """Activations that are kept: layerS_B, block B of stage S before its last ReLU; avgpool_512; fc, the scores of ImageNet's classes."""
    descriptions: str = ""
    """A file of lines label_id,label,text that gives each class its id; without it ids count the sorted classes from 0."""
    batch_size: int = 8
    """Images the network sees at once."""
    side: int = 227
    """Pixels of the short side, to which an image is resampled, and of the middle square that is cut out of it (published: 227)."""
    normalise: Literal["imagenet", "half"] = "imagenet"
    """Mean and deviation of pixels: those of ImageNet, which published weights expect, or 0.5 and 0.5, as the published features had."""
    skip_broken: bool = False
    """Leave images out that cannot be read, and tell which; otherwise the first of them stops everything."""


def run(args: list[str]) -> int:
    """`semiosis features FOLDER --out FILE --weights FILE`."""
    from semiosis.runs.features import make_features
    from semiosis.runs.progress import progress

    chosen = tyro.cli(Features, args=args, prog="semiosis features")
    made = {name: getattr(chosen, name) for name in ("batch_size", "request", "side", "normalise", "skip_broken")}
    written = make_features(chosen.folder, chosen.out, chosen.weights, descriptions=chosen.descriptions or None, shown=progress, **made)
    for part in written:
        for sentence in part.broken:
            say(f"left out: {sentence}")
    print("written: " + ", ".join(f"{part.path} ({part.size:,} images)" for part in written))
    return 0
