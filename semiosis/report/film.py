"""Films of glyphs as they come to be: sheets of pixels, put together to a GIF or an MP4 that opens anywhere."""

from __future__ import annotations

import importlib
import os
import textwrap
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from io import BytesIO
from itertools import chain, pairwise
from math import ceil, log
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib import get_data_path
from matplotlib.colors import to_rgb
from PIL import Image, ImageDraw, ImageFont
from scipy.spatial import KDTree

from semiosis.errors import UsageError
from semiosis.report import style
from semiosis.report.glyphs import one_each, prints
from semiosis.runs.files import flush_folder, spoken, temporary, write_bytes

WIDTH, RATIO, LEAST = 720, 1.5, 480  # pixels and shape that a sheet is near to, pixels that its heading needs
EDGE, GAP, PAIR = 20, 10, 2  # pixels around a sheet, between cells, and between what is drawn and what arrives
HEAD, FOOT, BAR = 52, 22, 5  # pixels of the heading and below the cells, where there is a bar
NAME, SMALL, LINES = 13, 9, 4  # pixels of a name and of the smallest one, lines it is broken into at most
COLOURS, GREYS = 256, 64  # of a GIF, and at least so many of them grey if there are as many
FASTEST = {"gif": 50, "mp4": 240}  # frames a second; what a GIF wants to show faster, many viewers show slowly
SLOWEST = 0.1  # a GIF cannot show a frame for more than eleven minutes
BT709, LIMITED = 1, 1  # how H.264 numbers the colours of screens, and brightness from 16 to 235


class Grid(NamedTuple):
    """Where cells stand on a sheet: `across` side by side, pixels `scale` times as large; all else in pixels of the sheet."""

    across: int
    scale: int
    cell: tuple[int, int]  # height and width of the pictures of a cell
    below: int  # height of its name
    width: int
    height: int


# --------------------------------------------------------------------------------------------------------------- one frame


def frame(
    glyphs: Float[np.ndarray, "m h w c"],
    *,
    words: str,
    heard: Float[np.ndarray, "m h w c"] | None = None,
    names: Sequence[str] = (),
    share: float | int | None = None,
) -> UInt8[np.ndarray, "H W 3"]:
    """A sheet of glyphs, each beside what arrived of it, under a heading; `share` of a bar at the bottom is filled.

    Glyphs are grey or RGB from 0 to 1, and clipped to that. The size of the sheet is even, and the same for glyphs of the same shape and
    names of the same length, whatever the words.
    """
    if names:
        one_each("names", names, len(glyphs))
    if share is not None and not 0 <= share <= 1:
        raise UsageError(f"share is {share}: expected a number from 0 to 1")
    pictures = [_bytes(part) for part in (glyphs, heard) if part is not None]
    longest = max(map(len, names), default=0)
    grid = _grid(len(glyphs), pictures[0].shape[1], pictures[0].shape[2], len(pictures), longest)
    sheet = np.full((grid.height, grid.width, 3), 255, np.uint8)
    for i, place in enumerate(_places(grid, len(glyphs))):
        _cell(sheet, place, [picture[i] for picture in pictures], grid.scale)
    if share is not None:
        sheet[-BAR:] = _colour(style.FAINT)
        sheet[-BAR:, : round(share * grid.width)] = _colour(style.BLUE)
    return _lettered(sheet, grid, words, tuple(names))


def _bytes(glyphs: np.ndarray) -> np.ndarray:
    """Glyphs as whole numbers [m h w 3]."""
    return np.round(255 * prints(glyphs)).astype(np.uint8)


def _colour(name: str) -> np.ndarray:
    return np.round(255 * np.array(to_rgb(name))).astype(np.uint8)


@lru_cache(maxsize=64)
def _grid(count: int, h: int, w: int, pictures: int, longest: int) -> Grid:
    """The grid whose sheet is nearest to the wanted width and shape, with a last row that is nearly full."""

    def cost(grid: Grid) -> float:
        empty = -count % grid.across
        off = abs(log(grid.width / WIDTH)) + abs(log(grid.width / grid.height / RATIO))
        return off + 0.35 * empty / grid.across

    largest = max(WIDTH // (pictures * w), 1)
    grids = (_laid(count, h, w, pictures, longest, across, scale) for across in range(1, count + 1) for scale in range(1, largest + 1))
    return min(grids, key=cost)


def _laid(count: int, h: int, w: int, pictures: int, longest: int, across: int, scale: int) -> Grid:
    """A grid of so many cells across, at a scale."""
    cell = (h * scale, pictures * w * scale + (pictures - 1) * PAIR)
    points, letters = _fit(longest, cell[1] + GAP - 4)
    below = (ceil(longest / letters) * (points + 2) + 3) if longest else 0
    width = max(2 * EDGE + across * (cell[1] + GAP) - GAP, LEAST)
    height = HEAD + ceil(count / across) * (cell[0] + below + GAP) - GAP + FOOT
    return Grid(across, scale, cell, below, width + width % 2, height + height % 2)


def _fit(longest: int, width: int) -> tuple[int, int]:
    """The size of names in pixels, and how many of their letters stand in a line of a width."""
    for lines in range(1, LINES + 1):
        letters = max(ceil(longest / lines), 1)
        if letters * 0.64 * SMALL <= width:
            return int(min(NAME, width / (0.64 * letters))), letters
    return SMALL, max(int(width / (0.64 * SMALL)), 1)


def _places(grid: Grid, count: int) -> list[tuple[int, int]]:
    """The upper left corners of the cells, row and column of a pixel."""
    wide = min(grid.across, count) * (grid.cell[1] + GAP) - GAP
    left, down = (grid.width - wide) // 2, grid.cell[0] + grid.below + GAP
    return [(HEAD + i // grid.across * down, left + i % grid.across * (grid.cell[1] + GAP)) for i in range(count)]


def _cell(sheet: np.ndarray, place: tuple[int, int], pictures: Sequence[np.ndarray], scale: int) -> None:
    """Pictures side by side, each with a hair line around it."""
    y, x = place
    for picture in pictures:
        large = picture.repeat(scale, 0).repeat(scale, 1)
        h, w = large.shape[:2]
        sheet[y - 1 : y + h + 1, x - 1 : x + w + 1] = _colour(style.FAINT)
        sheet[y : y + h, x : x + w] = large
        x += w + PAIR


@lru_cache(maxsize=16)
def _font(size: int, bold: bool = False) -> ImageFont.FreeTypeFont:
    """The type of the figures, which comes with matplotlib."""
    file = Path(get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return ImageFont.truetype(str(file), size, layout_engine=ImageFont.Layout.BASIC)


def _lettered(sheet: np.ndarray, grid: Grid, words: str, names: tuple[str, ...]) -> np.ndarray:
    """The sheet with its heading, made small or cut to fit, and with the names."""
    image = Image.fromarray(sheet)
    draw = ImageDraw.Draw(image)
    room = grid.width - 2 * EDGE
    size = next((size for size in range(20, 12, -1) if _font(size, True).getlength(words) <= room), 12)
    while words and _font(size, True).getlength(words) > room:
        words = words.rstrip("…")[:-1].rstrip() + "…" if words.rstrip("…") else ""
    draw.text((EDGE, 33), words, fill=style.INK, font=_font(size, True), anchor="ls")
    points, letters = _fit(max(map(len, names), default=0), grid.cell[1] + GAP - 4)
    lines = (grid.below - 3) // (points + 2)
    for name, (y, x) in zip(names, _places(grid, len(names)), strict=True):
        for i, line in enumerate(textwrap.wrap(name, letters, max_lines=max(lines, 1), placeholder="…")):
            base = y + grid.cell[0] + (i + 1) * (points + 2)
            draw.text((x + grid.cell[1] / 2, base), line, fill=style.SOFT, font=_font(points), anchor="ms")
    return np.array(image)


# -------------------------------------------------------------------------------------------------------------------- GIF


def gif(frames: Iterable[UInt8[np.ndarray, "h w 3"]], path: str | Path, *, fps: float | int) -> Path:
    """Write frames as a GIF that begins anew when it ends, wholly or not at all; returns its path.

    All frames share one palette, so that colours do not flicker, and grey stays grey. It is exact if there are 256 colours or fewer.
    Frames that are equal to those before are shown as one that lasts longer. `fps` is frames a second, from 0.1 to 50.
    """
    path = Path(path)
    rate = check_rate(fps, "gif")
    kept, palette = [], _Palette()
    for one in _checked(frames):
        palette.add(one)
        kept.append((one.shape, zlib.compress(one.tobytes(), 1)))  # hundreds of whole frames would not fit a small machine
    table, index = palette.done()
    images = (_indexed(index(np.frombuffer(zlib.decompress(data), np.uint8).reshape(shape)), table) for shape, data in kept)
    # a GIF counts in hundredths of a second: whole ones that add up to the time that is meant
    ends = [round(100 * i / rate) for i in range(len(kept) + 1)]
    lasts = [10 * (end - start) for start, end in pairwise(ends)]
    written = BytesIO()
    next(images).save(written, "GIF", save_all=True, append_images=images, duration=lasts, loop=0, optimize=False)
    with spoken(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, written.getvalue())
    return path


def _indexed(index: np.ndarray, table: np.ndarray) -> Image.Image:
    image = Image.fromarray(index)
    image.putpalette(table.tobytes())
    return image


class _Palette:
    """The colours of a film, gathered frame by frame: each one of them while they are few, then bins of 4 x 4 x 4, and all greys."""

    def __init__(self) -> None:
        self.exact: np.ndarray | None = np.empty(0, np.uint32)
        self.greys = np.zeros(256, int)
        self.count = np.zeros(64**3)
        self.total = np.zeros((3, 64**3))

    def add(self, one: np.ndarray) -> None:
        """Take in the colours of a frame."""
        if self.exact is not None:
            found = np.union1d(self.exact, _packed(one))
            self.exact = found if len(found) <= COLOURS else None
        grey = _is_grey(one)
        self.greys += np.bincount(one[grey][:, 0], minlength=256)
        rest = one[~grey]
        bins = _bins(rest)
        self.count += np.bincount(bins, minlength=64**3)
        for total, channel in zip(self.total, rest.T, strict=True):
            total += np.bincount(bins, channel, minlength=64**3)

    def done(self) -> tuple[UInt8[np.ndarray, "k 3"], Callable[[np.ndarray], np.ndarray]]:
        """The palette, and what finds the places in it of the colours of a frame."""
        if self.exact is not None:
            known = self.exact
            table = np.stack([known >> 16, known >> 8 & 255, known & 255], axis=1).astype(np.uint8)
            return table, lambda one: np.searchsorted(known, _packed(one)).astype(np.uint8)
        greys, used = np.flatnonzero(self.greys), np.flatnonzero(self.count)
        room = min(len(greys), max(GREYS, COLOURS - len(used)))
        chosen = greys[np.round(np.linspace(0, len(greys) - 1, room)).astype(int)] if room else greys
        means = (self.total[:, used] / self.count[used]).T
        table = np.concatenate([np.repeat(chosen[:, None], 3, 1), _fewer(means, self.count[used], COLOURS - room)]).astype(np.uint8)
        of_grey = np.abs(np.arange(256)[:, None] - chosen).argmin(1) if room else np.zeros(256, int)
        of_bin = np.zeros(64**3, int)
        if len(used):
            of_bin[used] = KDTree(table.astype(float)).query(means)[1]
        return table, lambda one: np.where(_is_grey(one), of_grey[one[..., 0]], of_bin[_bins(one)]).astype(np.uint8)


def _packed(one: np.ndarray) -> np.ndarray:
    """Each colour as one number."""
    r, g, b = np.moveaxis(one.astype(np.uint32), -1, 0)
    return r << 16 | g << 8 | b


def _bins(one: np.ndarray) -> np.ndarray:
    """The bin of each colour: it has its first six bits of eight."""
    r, g, b = np.moveaxis(one.astype(int) >> 2, -1, 0)
    return r << 12 | g << 6 | b


def _is_grey(one: np.ndarray) -> np.ndarray:
    return (one[..., 0] == one[..., 1]) & (one[..., 1] == one[..., 2])


def _fewer(colours: np.ndarray, count: np.ndarray, most: int) -> np.ndarray:
    """At most so many colours that stand for all of these: the commonest themselves (that of type is), and a median cut of the rest."""
    if len(colours) <= most:
        return np.round(colours)
    order = np.argsort(-count, kind="stable")
    kept, rest = np.round(colours[order[: most // 8]]), order[most // 8 :]
    times = np.maximum(np.sqrt(count[rest] / count[rest].max()) * 64, 1).astype(int)  # rare colours weigh more than their share
    many = np.repeat(np.round(colours[rest]).astype(np.uint8), times, axis=0)
    found = Image.fromarray(many[None]).quantize(most - len(kept), Image.Quantize.MEDIANCUT).getpalette() or []
    return np.concatenate([kept, np.array(found).reshape(-1, 3)[: most - len(kept)]])


# -------------------------------------------------------------------------------------------------------------------- MP4


def need_av() -> Any:
    """The library that writes MP4. Raises `UsageError`, which says how to install it."""
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise UsageError("an MP4 needs av, which is in the extra `film`: pip install 'semiosis[film]'") from error


def mp4(frames: Iterable[UInt8[np.ndarray, "h w 3"]], path: str | Path, *, fps: float | int) -> Path:
    """Write frames as an MP4 (H.264, 4:2:0) that browsers and players show while it loads, wholly or not at all; returns its path.

    Frames are written as they come, so there may be many. Their width and height must be even. `fps` is frames a second, from 0.1
    to 240.
    """
    av, path = need_av(), Path(path)
    rate = Fraction(check_rate(fps, "mp4")).limit_denominator(1001)
    frames = _checked(frames)
    first = next(frames)
    if first.shape[0] % 2 or first.shape[1] % 2:
        raise UsageError(f"frames of {first.shape[1]} x {first.shape[0]} pixels: expected an even width and height")
    draft = temporary(path)
    with spoken(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _encode(av, draft, chain([first], frames), rate)
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            os.replace(draft, path)
        except BaseException:  # an interrupt too must leave nothing behind
            with suppress(OSError):
                draft.unlink()
            raise
        flush_folder(path.parent)
    return path


def _encode(av: Any, path: Path, frames: Iterable[np.ndarray], rate: Fraction) -> None:
    """Write the film; its header goes to the front so that it plays before all of it is there."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as film:
        stream = None
        for one in frames:
            if stream is None:
                stream = film.add_stream("libx264", rate=rate, options={"crf": "16", "preset": "medium"})
                stream.height, stream.width, stream.pix_fmt = *one.shape[:2], "yuv420p"
                # said in the file, else players guess how brightness and colour are coded
                context = stream.codec_context
                context.colorspace = context.color_primaries = context.color_trc = BT709
                context.color_range = LIMITED
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(one), format="rgb24")
            film.mux(stream.encode(picture.reformat(format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")))
        if stream is not None:
            film.mux(stream.encode())


def check_rate(fps: float | int, kind: str) -> float:
    """Frames a second. Raises `UsageError` where a GIF or an MP4 cannot have so many."""
    if not SLOWEST <= fps <= FASTEST[kind]:
        raise UsageError(f"fps is {fps}: expected {SLOWEST} to {FASTEST[kind]} frames a second")
    return float(fps)


def _checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The frames, of which there must be one or more, all of one size."""
    shape = None
    for one in frames:
        if shape not in (None, one.shape):
            raise UsageError(f"a frame of shape {one.shape} after one of {shape}: expected frames of one size")
        shape = one.shape
        yield one
    if shape is None:
        raise UsageError("a film of no frames: expected one or more")
