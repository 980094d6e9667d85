"""Drawings of one image: points, lines or curves moved by gradient descent until their ink looks like it.

This is the image optimisation of Mihai and Hare (2021, arXiv:2103.16194). Here strokes begin where the image wants ink, in its colours;
those that are no longer seen begin again where the drawing is most wrong; and colours cover one another as paint does.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt8
from PIL import Image, ImageOps
from tyro.conf import Positional

from semiosis import raster
from semiosis.errors import UsageError, check_ranges, unknown
from semiosis.report import film
from semiosis.runs.files import spoken, to_json, write_bytes
from semiosis.runs.progress import Update, progress
from semiosis.scenes import images

CORNERS = {"points": 1, "lines": 2, "curves": 6, "bezier": 4}  # places that are learned of a stroke
PARTS = {"curves": 6, "bezier": 12}  # corners of a span when it is drawn
LINE = 25  # steps between lines of progress
AGAIN, SEEN = 100, 0.1  # steps between restarts, and how little is seen of strokes that begin again
MOST = 4096  # pixels of a side of the canvas
LOSSES = ("mse", "blurred", "pyramid")
NARROW = 0.25  # pixels^2, the least sigma2 that is learned
LAST = 0.05  # the learning rate at the end, as a share of that at the start
FILM = 2  # pixels of the film for one of the canvas: an even number, as an MP4 wants it
HOLD = 1.5  # seconds that the film rests on its last picture

Shown = Callable[[int, int, str], AbstractContextManager[Update]]


@dataclass(frozen=True)
class Drawing:
    """Draw an image: strokes are moved by gradient descent until they look like it. Writes PNG, SVG and a film of how they got there."""

    image: Positional[str]
    """The image: any that Pillow reads."""
    strokes: Literal["points", "lines", "curves", "bezier"] = "lines"
    """What is drawn: points, straight lines, smooth curves through 4 knots (Catmull-Rom), or cubic Bezier curves."""
    number: int = 500
    """How many strokes there are."""
    steps: int = 1000
    """Steps of gradient descent (published: 8,000)."""
    lr: float = 0.01
    """Learning rate of places, in half heights of the canvas, of colours and of the logarithm of widths (published: 0.01); it falls to a
    twentieth along a cosine."""
    width: int = 200
    """Pixels of the canvas from side to side; the image is resampled to that."""
    sigma2: float = 4.0
    """How wide strokes are at first, in pixels^2: ink falls by exp(-D^2 / sigma2) (published: 0.3025)."""
    final_sigma2: float = 1.0
    """How wide they are at last (published: 0.3025)."""
    factor: float = 0.5
    """What sigma2 is multiplied by, again and again, until it is the last (published: 0.5)."""
    every: int = 100
    """Steps between these (published: 100)."""
    colour: bool = False
    """Draw in colours that cover one another; otherwise with grey ink."""
    opacity: bool = True
    """Learn how much ink each stroke has; otherwise all have full ink, as published."""
    opt_sigma2: bool = False
    """Learn a width for each stroke, from half a pixel to that of the first sigma2, which then does not fall."""
    restarts: bool = True
    """During the first half of the steps, let strokes that are hardly seen begin again where the drawing is most wrong."""
    invert: bool = True
    """Dark ink on white paper, or colours on white; otherwise bright ink, or colours, on black."""
    loss: Literal["mse", "blurred", "pyramid"] = "mse"
    """What is made small: the squared error of pixels, that of the images blurred by a pixel, or its sum over three octaves of blurring."""
    seed: int = 1
    """Where strokes begin."""
    scale: int = 4
    """Pixels of drawing.png for one of the canvas: strokes are of no size."""
    snapshots: int = 60
    """Pictures of the film, closer together at the start, where most of it happens."""
    formats: tuple[Literal["gif", "mp4"], ...] = ("gif",)
    """What is written of the film, if anything; mp4 needs the extra `film`."""
    fps: float = 15.0
    """Pictures a second of the film."""
    out: str = "drawing"
    """The folder that gets drawing.png, drawing.svg, drawing.json and the film."""


class Pen(NamedTuple):
    """What is learned of s strokes: `places` [s k 2], `opacity` [s], `colour` [s 3], and `width` [s], the logarithm of sigma2 in pixels^2.

    None is what is not learned.
    """

    places: Array
    opacity: Array | None
    colour: Array | None
    width: Array | None


class State(NamedTuple):
    """A drawing in the making: the pen, the steps that were made, and Adam's moments of the pen (None in a snapshot)."""

    pen: Pen
    step: Int[Array, ""]
    moments: Any


# --------------------------------------------------------------------------------------------------------- the command


def draw_image(chosen: Drawing, shown: Shown = progress) -> list[Path]:
    """Fit strokes to an image and write what was drawn; returns the paths.

    Raises UsageError before anything is computed: for a setting that cannot be, an image that cannot be read, files that exist. Every file
    is whole or not there.
    """
    paths = checked(chosen)
    target = read(chosen)
    with spoken(f"make the folder {chosen.out}"):
        paths["png"].parent.mkdir(parents=True, exist_ok=True)
    states = fit(chosen, target, shown)
    canvas, last = canvas_of(target), states[-1]
    write_bytes(paths["png"], _png(picture(chosen, canvas, last, chosen.scale)))
    write_bytes(paths["svg"], document(chosen, canvas, last).encode())
    for kind in chosen.formats:
        _film(chosen, canvas, states, paths[kind], kind)
    write_bytes(paths["json"], to_json(record(chosen, target, last), indent=2) + b"\n")
    return list(paths.values())


def checked(chosen: Drawing) -> dict[str, Path]:
    """The files that are written, by their kind. Raises UsageError for a setting that cannot be, and for a file that exists."""
    for name, known in (("strokes", CORNERS), ("loss", LOSSES)):
        if getattr(chosen, name) not in known:
            raise unknown(name, getattr(chosen, name), known)
    least = {"number": 1, "steps": 1, "every": 1, "snapshots": 1, "seed": 0}
    check_ranges(chosen, {name: (low, None) for name, low in least.items()})
    check_ranges(chosen, {"width": (4, MOST), "factor": (0, 1), "lr": (0, None), "sigma2": (0.01, None)})
    check_ranges(chosen, {"scale": (1, 4 * MOST // chosen.width), "final_sigma2": (0.01, chosen.sigma2)})
    for kind in chosen.formats:
        film.check_rate(chosen.fps, kind)
    if "mp4" in chosen.formats:
        film.need_av()
    out = Path(chosen.out).expanduser()
    paths = {kind: out / f"drawing.{kind}" for kind in dict.fromkeys(("png", "svg", *chosen.formats, "json"))}
    if there := next((path for path in paths.values() if path.exists()), None):
        raise UsageError(f"{there} exists: choose another out, or delete it first")
    return paths


def read(chosen: Drawing) -> UInt8[np.ndarray, "h w c"]:
    """The image as it is to be drawn: upright, of the width that was asked for, grey or RGB."""
    path = Path(chosen.image).expanduser()
    where = repr(str(path))
    if not path.is_file():
        raise UsageError(f"there is no image {where}: expected a file that Pillow reads, such as a PNG or a JPEG")
    image = ImageOps.exif_transpose(images.open_image(path, where))
    height = round(chosen.width * image.height / image.width)
    if not 4 <= height <= MOST:
        size = f"{image.width} x {image.height} pixels"
        raise UsageError(f"{where} of {size} would be {height} high: expected 4 to {MOST}, choose another width")
    form = images.Format(height, chosen.width, 3 if chosen.colour else 1, fit=True, convert=True)
    return images.to_array(image, form, where, where)


# ------------------------------------------------------------------------------------------------------- what is drawn


def strokes_of(chosen: Drawing, canvas: tuple[int, int], pen: Pen) -> raster.Strokes:
    """The pen's strokes as one drawing; curves as polylines."""
    points = pen.places
    if chosen.strokes == "curves":
        points = raster.catmull_rom(points, PARTS["curves"])
    elif chosen.strokes == "bezier":
        points = raster.bezier(points, PARTS["bezier"])
    width = None if pen.width is None else jnp.exp(pen.width) * unit(canvas) ** 2
    opacity, colour, width = (None if x is None else x[None] for x in (pen.opacity, pen.colour, width))
    return raster.Strokes(points[None], opacity, colour, width)


def canvas_of(image: Array | np.ndarray) -> tuple[int, int]:
    """The height and width of an image [h w c]."""
    return image.shape[0], image.shape[1]


def unit(canvas: tuple[int, int]) -> float:
    """The side of a pixel."""
    return 2 / (canvas[0] - 1)


def width_at(chosen: Drawing, step: Int[Array, ""] | int) -> Float[Array, ""]:
    """The sigma2 of a step, in pixels^2."""
    fallen = chosen.sigma2 * jnp.float32(chosen.factor) ** (jnp.minimum(step, chosen.steps - 1) // chosen.every)
    return jnp.maximum(fallen, chosen.final_sigma2)


def look(chosen: Drawing, canvas: tuple[int, int], pen: Pen, step: Int[Array, ""] | int, scale: int = 1) -> Float[Array, "h w c"]:
    """The drawing at a step, on a canvas that is `scale` times as fine."""
    fine, sigma2 = (canvas[0] * scale, canvas[1] * scale), width_at(chosen, step) * unit(canvas) ** 2
    strokes = strokes_of(chosen, canvas, pen)
    if scale > 1:  # the outer edges of pixels stay where they were, and not the centres of the outer ones
        grow = unit(fine) * scale / unit(canvas)
        strokes = strokes._replace(points=strokes.points * grow, sigma2=None if strokes.sigma2 is None else strokes.sigma2 * grow**2)
        sigma2 = sigma2 * grow**2
    image = raster.draw(strokes, fine, sigma2, paper=float(chosen.invert))[0]
    return 1 - image if chosen.invert and not chosen.colour else image


def cost(chosen: Drawing, target: Float[Array, "h w c"], image: Float[Array, "h w c"]) -> Float[Array, ""]:
    """How far an image is from the target."""
    total, off = jnp.zeros(()), image - target
    for rows, columns in blurs(chosen.loss, canvas_of(target)):
        total += jnp.mean(jnp.einsum("ih,hwc,jw->ijc", rows, off, columns) ** 2)
    return total if chosen.loss != "mse" else jnp.mean(off**2)


def blurs(loss: str, canvas: tuple[int, int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """What blurs rows and columns: by one pixel, or by 2^(o + i / 2) pixels in octave o = 0, 1, 2 and interval i = 0, 1, read 2^o apart."""
    if loss == "blurred":
        return [(_blur(canvas[0], 1, 1), _blur(canvas[1], 1, 1))]
    if loss == "pyramid":
        steps = [(2 ** (o + i / 2), 2**o) for o in range(3) for i in range(2)]
        return [(_blur(canvas[0], *step), _blur(canvas[1], *step)) for step in steps]
    return []


def _blur(side: int, deviation: float | int, apart: int) -> Float[np.ndarray, "m side"]:
    """A Gaussian's mean around every so many pixels of a side; beyond the edge there is nothing to count."""
    away = np.arange(0, side, apart)[:, None] - np.arange(side)
    weights = np.exp(-0.5 * (away / deviation) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------- how it is fitted


def fit(chosen: Drawing, target: UInt8[np.ndarray, "h w c"], shown: Shown) -> list[State]:
    """The drawing at each snapshot; the last is the finished one."""
    wanted = jnp.asarray(target, jnp.float32) / 255
    key = jax.random.key(chosen.seed)
    pen = newborn(chosen, wanted, key, jnp.abs(wanted - chosen.invert).mean(axis=-1) + 0.02)
    state = State(pen, jnp.int32(0), optax.scale_by_adam().init(pen))  # type: ignore[arg-type]
    keep = {round(chosen.steps * share**2) for share in np.linspace(0, 1, chosen.snapshots)} | {chosen.steps}
    again = {step for step in range(AGAIN, chosen.steps // 2 + 1, AGAIN) if chosen.restarts}
    kept = [state._replace(moments=None)] if 0 in keep else []
    with shown(chosen.steps, 0, "drawing") as update:
        for until in sorted((keep | again | {*range(LINE, chosen.steps, LINE)}) - {0}):
            state, loss = stretch(chosen, wanted, state, jnp.int32(until))
            if until in keep:
                kept.append(state._replace(moments=None))
            if until in again:
                state = restarted(chosen, wanted, state, jax.random.fold_in(key, until))
            update(until, {"loss": (float(loss), None)})
    return kept


@eqx.filter_jit
def newborn(chosen: Drawing, target: Float[Array, "h w c"], key: PRNGKeyArray, wish: Float[Array, "h w"]) -> Pen:
    """Strokes that lie about in proportion to where they are wished for, each of the target's colour there, and as long as it has room."""
    (h, w), n, k = wish.shape, chosen.number, CORNERS[chosen.strokes]
    which, shift, turn, bend = jax.random.split(key, 4)
    at = jax.random.categorical(which, jnp.log(wish.ravel() + 1e-12), shape=(n,))
    places = jnp.stack([at // w, at % w], axis=-1) + jax.random.uniform(shift, (n, 2), minval=-0.5, maxval=0.5)
    middle = (places - jnp.array([h - 1, w - 1]) / 2) * unit((h, w))
    angle = jax.random.uniform(turn, (n,), maxval=2 * jnp.pi)
    room = jnp.sqrt(4 * w / h / n)
    along = (
        jnp.stack([jnp.sin(angle), jnp.cos(angle)], axis=-1)[:, None] * jnp.linspace(-1, 1, k)[:, None] if k > 1 else jnp.zeros((n, 1, 2))
    )
    places = middle[:, None] + room * (along + 0.2 * jax.random.normal(bend, (n, k, 2)) * (k > 2))
    return Pen(
        kept_inside(places, (h, w)),
        jnp.full(n, 0.8) if chosen.opacity else None,
        target.reshape(-1, 3)[at] if chosen.colour else None,
        jnp.full(n, jnp.log(chosen.sigma2)) if chosen.opt_sigma2 else None,
    )


def kept_inside(places: Float[Array, "s k 2"], canvas: tuple[int, int]) -> Float[Array, "s k 2"]:
    """The places, none beyond the centres of the outermost pixels."""
    edge = jnp.array([1.0, (canvas[1] - 1) / (canvas[0] - 1)])
    return jnp.clip(places, -edge, edge)


@eqx.filter_jit
def stretch(chosen: Drawing, target: Float[Array, "h w c"], state: State, until: Int[Array, ""]) -> tuple[State, Float[Array, ""]]:
    """Steps of gradient descent up to a number, and the loss before the last of them; one program however many."""
    canvas = canvas_of(target)

    def loss(pen: Pen, step: Array) -> Array:
        return cost(chosen, target, look(chosen, canvas, pen, step))

    def step(_: Array, now: tuple[State, Array]) -> tuple[State, Array]:
        (pen, count, moments), _ = now
        value, grads = jax.value_and_grad(loss)(pen, count)
        moves, moments = optax.scale_by_adam().update(grads, moments)
        rate = chosen.lr * (LAST + (1 - LAST) * 0.5 * (1 + jnp.cos(jnp.pi * count / chosen.steps)))
        pen = jax.tree.map(lambda x, move: x - rate * move, pen, moves)
        return State(bounded(chosen, canvas, pen), count + 1, moments), value

    return lax.fori_loop(state.step, until, step, (state, jnp.zeros(())))


def bounded(chosen: Drawing, canvas: tuple[int, int], pen: Pen) -> Pen:
    """The pen within what can be: on the canvas, shares from 0 to 1, widths from the narrowest to the first."""
    low, high = np.log(min(NARROW, chosen.sigma2)), np.log(chosen.sigma2)
    opacity, colour = (None if x is None else jnp.clip(x, 0.0, 1.0) for x in (pen.opacity, pen.colour))
    return Pen(kept_inside(pen.places, canvas), opacity, colour, None if pen.width is None else jnp.clip(pen.width, low, high))


@eqx.filter_jit
def restarted(chosen: Drawing, target: Float[Array, "h w c"], state: State, key: PRNGKeyArray) -> State:
    """The drawing, where strokes that are hardly seen have begun again, at squared errors, without Adam's memory of what they were."""
    canvas = canvas_of(target)
    wrong = ((look(chosen, canvas, state.pen, state.step) - target) ** 2).mean(axis=-1)
    new = newborn(chosen, target, key, wrong)
    sigma2 = width_at(chosen, state.step) * unit(canvas) ** 2
    seen = raster.visible(strokes_of(chosen, canvas, state.pen), canvas, sigma2, compose="over" if chosen.colour else "screen")[0]

    def mixed(old: Array, fresh: Array | float) -> Array:
        return jnp.where((seen < SEEN).reshape(-1, *[1] * (old.ndim - 1)), fresh, old)

    moments = state.moments._replace(**{name: jax.tree.map(lambda x: mixed(x, 0.0), getattr(state.moments, name)) for name in ("mu", "nu")})
    return State(jax.tree.map(mixed, state.pen, new), state.step, moments)


# ------------------------------------------------------------------------------------------------------ what is written


def picture(chosen: Drawing, canvas: tuple[int, int], state: State, scale: int) -> UInt8[np.ndarray, "h w 3"]:
    """The drawing in pixels, `scale` for one of the canvas."""
    pixels = np.asarray(_picture(chosen, canvas, state, scale))
    return np.repeat(pixels, 3 // pixels.shape[-1], axis=-1)


@eqx.filter_jit
def _picture(chosen: Drawing, canvas: tuple[int, int], state: State, scale: int) -> UInt8[Array, "h w c"]:
    return jnp.round(255 * jnp.clip(look(chosen, canvas, state.pen, state.step, scale), 0, 1)).astype(jnp.uint8)


def document(chosen: Drawing, canvas: tuple[int, int], state: State) -> str:
    """The drawing as SVG."""
    sigma2 = width_at(chosen, state.step) * unit(canvas) ** 2
    invert = chosen.invert and not chosen.colour
    return raster.svg(strokes_of(chosen, canvas, state.pen), canvas, sigma2, paper=float(chosen.invert), invert=invert)


def record(chosen: Drawing, target: UInt8[np.ndarray, "h w c"], state: State) -> dict[str, Any]:
    """What is to be known of a drawing: settings, size, its loss, and the mean squared error of its pixels from 0 to 1."""

    @eqx.filter_jit
    def judged(wanted: Array, state: State) -> tuple[Array, Array]:
        image = look(chosen, canvas_of(wanted), state.pen, state.step)
        return cost(chosen, wanted, image), jnp.mean((image - wanted) ** 2)

    loss, error = map(float, judged(jnp.asarray(target, jnp.float32) / 255, state))
    return {"settings": asdict(chosen), "canvas": list(canvas_of(target)), "strokes": chosen.number, "loss": loss, "mse": error}


def _film(chosen: Drawing, canvas: tuple[int, int], states: list[State], path: Path, kind: str) -> None:
    """The film of the snapshots, which rests on the last."""
    frames = (picture(chosen, canvas, state, FILM) for state in states)
    last = picture(chosen, canvas, states[-1], FILM)
    write = film.gif if kind == "gif" else film.mp4
    write(chain(frames, [last] * round(HOLD * chosen.fps)), path, fps=chosen.fps)


def _png(pixels: UInt8[np.ndarray, "h w 3"]) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()
