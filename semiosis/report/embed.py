"""Pictures inside a page: drawings as SVG that follows its colours, files as data, made small enough."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO, StringIO
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image, UnidentifiedImageError

from semiosis.errors import UsageError
from semiosis.report import style
from semiosis.report.html import Element, tag

THEME = {style.INK: "--ink", style.SOFT: "--soft", style.FAINT: "--line", style.PAPER: "--page"}
THEME |= {colour: f"--arm-{i}" for i, colour in enumerate(style.LINES)}  # in the dark these are lighter
WIDEST, LEAST = 1600, 480  # pixels of a picture's width: at most, and not made less to fit
HEAVIEST, FILM = 400_000, 6  # bytes of a picture at most; shares that a film may take
INCH = 90  # pixels of the page for an inch of a figure: its text is then about as large as that of the page
BASE64 = 0.74  # bytes of a file for each of its URI
_ID = re.compile(r"(^|url\()#")
_LONG = re.compile(r"(-?\d+\.\d\d)\d+")


def drawing(sheet: Figure, told: str) -> Element:
    """A figure as an SVG element that scales, has the page's colours and fonts, and is told to those who do not see it.

    Colours of `style` become the custom properties of the page's style sheet; the figure's own ground is left out.
    """
    for text in sheet.findobj(Text):
        text.set_parse_math(False)  # names are a user's
    drawn = StringIO()
    with rc_context({"svg.hashsalt": "semiosis", "svg.fonttype": "none", "path.simplify_threshold": 0.3}):
        sheet.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = drawn.getvalue()
    prefix = "f" + hashlib.sha256((told + text).encode()).hexdigest()[:8]  # one page holds many drawings, and ids are one namespace
    root = ElementTree.fromstring(text)
    for element in list(root.iter()):
        _tidy(element, prefix)
    for child in [child for child in root if child.tag in ("metadata", "title")]:
        root.remove(child)
    inches = float(root.get("viewBox", "0 0 288 216").split()[2]) / 72
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("role", "img")
    root.set("aria-label", told)
    root.set("style", f"max-width: {inches * INCH:.0f}px")
    root.tail = "\n"
    return root


def _tidy(element: Element, prefix: str) -> None:
    """Names without namespace, ids of this drawing alone, colours of the page, numbers no finer than an eye sees."""
    element.tag = element.tag.rpartition("}")[2]
    if element.tail and not element.tail.strip():
        element.tail = ""
    if element.text and not element.text.strip():
        element.text = ""
    for name in list(element.attrib):
        value = element.attrib.pop(name)
        plain = name.rpartition("}")[2]
        if plain == "id":
            value = f"{prefix}-{value}"
        elif plain == "style":
            value = _themed(value)
        elif plain in ("d", "points", "x", "y", "transform"):
            value = _LONG.sub(r"\1", " ".join(value.split()))
        if plain in ("href", "clip-path"):
            value = _ID.sub(rf"\1#{prefix}-", value)
        if plain != "space":
            element.set(plain, value)


def _themed(rules: str) -> str:
    """The rules of an element with the page's colours for ours, and its font."""
    kept = [rule.strip() for rule in rules.split(";") if rule.strip() and not rule.strip().startswith("font-family")]
    out = "; ".join(re.sub(r"'[^']*'(, *('[^']*'|[\w-]+))*", "inherit", rule) if rule.startswith("font:") else rule for rule in kept)
    for colour, name in THEME.items():
        out = out.replace(colour, f"var({name})")
    return out


class Picture(NamedTuple):
    """A file made fit for a page: its data as a URI, its shape in pixels, and how wide it is shown."""

    uri: str
    width: int
    height: int
    shown: int


def picture(path: Path, most: int) -> Picture:
    """A picture as WebP in a data URI of about `most` bytes: without loss where that fits, else with some, else with fewer pixels too.

    Raises `UsageError` where the file is no picture.
    """
    with _opened(path) as file:
        file.load()
        dots = float(file.info.get("dpi", (style.DPI, 0))[0]) or style.DPI
        still = file.convert("RGBA" if "A" in file.getbands() or "transparency" in file.info else "RGB")
    inches = round(still.width / dots * INCH)
    shown, width = still, min(still.width, WIDEST)
    for lossless, quality in ((True, 30), (False, 84), (False, 84), (False, 60), (False, 40)):
        if shown.width != width:
            shown = still.resize((width, max(1, round(still.height * width / still.width))), Image.Resampling.LANCZOS)
        data = _webp(shown, lossless=lossless, quality=quality)
        if len(data) <= BASE64 * most:
            break
        if not lossless:  # the next is as wide as its bytes should allow, if that is still to be seen
            width = min(width, max(LEAST, int(0.9 * width * (BASE64 * most / len(data)) ** 0.5)))
    return Picture(_uri("image/webp", data), *shown.size, inches)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A picture's file. Raises `UsageError` where it is none."""
    try:
        with Image.open(path) as file:
            yield file
    except (OSError, UnidentifiedImageError) as damage:
        raise UsageError(f"{path} cannot be read as a picture: {damage}") from damage


def _webp(image: Image.Image, *, lossless: bool, quality: int) -> bytes:
    packed = BytesIO()
    image.save(packed, "WEBP", lossless=lossless, quality=quality, method=1 if lossless else 3)
    return packed.getvalue()


def film(path: Path, most: int) -> Picture | None:
    """A film as it is, where it has at most `most` bytes."""
    if path.stat().st_size > BASE64 * most:
        return None
    with _opened(path) as file:
        return Picture(_uri("image/gif", path.read_bytes()), *file.size, file.size[0])


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def image(shown: Picture, alt: str) -> Element:
    """The element of a picture."""
    return tag("img", src=shown.uri, alt=alt, width=shown.width, height=shown.height, style=f"width: {shown.shown}px")


class Weight:
    """How many bytes of pictures a page may still bear: each gets its share of what those before it have left."""

    def __init__(self, most: int, pictures: int):
        self.left, self.pictures = most, pictures

    def _share(self) -> int:
        share = self.left // max(self.pictures, 1)
        self.pictures -= 1
        return share

    def picture(self, path: Path) -> Picture | None:
        """The picture, smaller where its share is; None where even a small one is too heavy."""
        return self._taken(picture(path, min(self._share(), HEAVIEST)))

    def film(self, path: Path) -> Picture | None:
        """The film as it is, for which several shares may be taken; None where it is heavier."""
        return self._taken(film(path, min(FILM * self._share(), self.left)))

    def _taken(self, shown: Picture | None) -> Picture | None:
        if shown is None or len(shown.uri) > self.left:
            return None
        self.left -= len(shown.uri)
        return shown
