"""Pictures to arrays: decoding, colour and size, in one place for every source of images."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from semiosis.errors import UsageError
from semiosis.extras import first_line, need
from semiosis.scenes import options
from semiosis.scenes.types import Options

if TYPE_CHECKING:
    from PIL.Image import Image

GREY = {"1", "L", "LA", "I", "I;16", "F"}  # Pillow's modes without colour
PROBED = 64  # images looked at to tell a grey set from a coloured one


class Format(NamedTuple):
    """What every image of a set becomes: uint8 [h w c]; `fit` and `convert` say that this size, these channels were asked for."""

    height: int
    width: int
    channels: int
    fit: bool = False
    convert: bool = False


def open_image(stored: Any, where: str) -> Image:
    """Decode a picture from bytes or a path; `where` names it in the sentence that a damaged one gets."""
    pil = need("PIL.Image", f"reading {where}")
    try:
        image = pil.open(io.BytesIO(stored if isinstance(stored, bytes) else Path(stored).read_bytes()))
        image.load()
        return image
    except Exception as error:  # Pillow raises a zoo: UnidentifiedImageError, OSError, SyntaxError, DecompressionBombError
        reason = re.sub(r" <[^>]*>", "", first_line(error))  # Pillow tells the address of an object
        raise UsageError(f"cannot read {where}: not an image, or a damaged one ({reason})") from error


def probe(stored: Sequence[tuple[Any, str]], side: int | None, channels: int | None) -> Format:
    """The format of a set, from some of its images: the size of the first, and colour if any of them has colour."""
    seen = [open_image(picture, where) for picture, where in stored]
    width, height = (side, side) if side else seen[0].size
    return Format(
        height, width, channels or (1 if all(image.mode in GREY for image in seen) else 3), side is not None, channels is not None
    )


def asked(opts: Options) -> tuple[int | None, int | None]:
    """The side and the channels that a name's options ask for, None where they do not."""
    channels = options.choice(opts, "channels", ("as stored", "1", "3"))
    return options.whole(opts, "side", None, 4, 1024), int(channels) if channels.isdecimal() else None


def probed(n: int) -> np.ndarray:
    """Which of n images to look at: some, evenly spread, the first among them."""
    return np.unique(np.linspace(0, n - 1, min(n, PROBED)).astype(int))


def to_array(image: Image, form: Format, where: str, name: str) -> np.ndarray:
    """One image as uint8 [h w c]: cropped to a square about its centre and resampled (bicubic) where a side was asked for."""
    if form.channels == 1 and not form.convert and image.mode not in GREY:
        raise UsageError(f"{name!r} was taken for grey, but {where} has colour: say '{name},channels=3' (or channels=1 to drop it)")
    if form.fit and image.size != (form.width, form.height):
        ops, pil = need("PIL.ImageOps", name), need("PIL.Image", name)
        image = ops.fit(_plain(image, form.channels), (form.width, form.height), pil.Resampling.BICUBIC)
    if image.size != (form.width, form.height):
        sizes = f"{form.width}x{form.height} and {image.width}x{image.height} ({where})"
        raise UsageError(f"the images of {name!r} differ in size, {sizes}: name one with ',side=NN', as in '{name},side=64'")
    array = np.asarray(_plain(image, form.channels), np.uint8)
    return array.reshape(form.height, form.width, form.channels)


def _plain(image: Image, channels: int) -> Image:
    """8-bit grey or RGB; 16-bit grey keeps its high byte, transparency is dropped."""
    if image.mode == "I;16":
        image = need("PIL.Image", "16-bit images").fromarray((np.asarray(image) >> 8).astype(np.uint8))
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def decode(stored: Iterable[tuple[int, Any, str]], count: int, form: Format, name: str) -> np.ndarray:
    """Decode (place, picture, where) into uint8 [count h w c]; pictures of more than 64 x 64 on all cores (Pillow lets threads run)."""
    out = np.empty((count, form.height, form.width, form.channels), np.uint8)

    def some(items: list[tuple[int, Any, str]]) -> None:
        for place, picture, where in items:
            out[place] = to_array(open_image(picture, where), form, where, name)

    queue = iter(stored)
    with ThreadPoolExecutor(None if form.fit or out[:1].size > 64 * 64 * 3 else 1) as pool:
        while items := list(islice(queue, 1024)):  # a few at a time, since a pool takes all that it is given into memory
            list(pool.map(some, [items[i : i + 64] for i in range(0, len(items), 64)]))
    return out


def resize(pixels: np.ndarray, side: int, chunk: int = 4096) -> np.ndarray:
    """Resample arrays of images to a square (cubic, antialiased), without Pillow: uint8 [n h w c] -> uint8 [n side side c]."""
    import jax
    import jax.numpy as jnp

    def part(x: np.ndarray) -> np.ndarray:
        y = jax.image.resize(jnp.asarray(x, jnp.float32), (len(x), side, side, x.shape[-1]), "cubic")
        return np.asarray(jnp.clip(jnp.round(y), 0, 255).astype(jnp.uint8))

    return np.concatenate(
        [part(pixels[i : i + chunk]) for i in range(0, len(pixels), chunk)] or [np.empty((0, side, side, pixels.shape[-1]), np.uint8)]
    )
