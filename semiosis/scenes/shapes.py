"""Procedural scenes whose meaning is known: every combination of independent attributes, as images or as attribute vectors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from semiosis.errors import UsageError, unknown
from semiosis.scenes import options, render
from semiosis.scenes.splits import SHARE, Cut, hashed, shuffled
from semiosis.scenes.types import Options, Part, Source

SIZES = {"shape": 6, "colour": 6, "size": 3, "x": 3, "y": 3, "orientation": 4}  # values of each attribute, by default
NAMED = {"shape": tuple(render.SHAPES), "colour": tuple(render.INKS)}
WORDS = {
    ("size", 2): ("small", "large"),
    ("size", 3): ("small", "medium", "large"),
    ("x", 2): ("left", "right"),
    ("x", 3): ("left", "middle", "right"),
    ("y", 2): ("top", "bottom"),
    ("y", 3): ("top", "middle", "bottom"),
}
FILL = 20_000  # more combinations than this are sampled, unless `examples` says how many
OPTIONS = ("attributes", "values", "split", "hold", "examples")


class Space(NamedTuple):
    """The attributes that vary: their names, and the names of their values."""

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(len(v) for v in self.values)


def source(name: str, opts: Options, seed: int = 0) -> Source:
    """`shapes` or `shapes:images` (uint8 side x side x 3), `shapes:vectors` (one one-hot row an attribute, concatenated, float32).

    Options: `attributes` the first K of shape, colour, size, x, y, orientation, or some of them joined by `+` (vectors may have
    more than six); `values` of every attribute (by default 6, 6, 3, 3, 3, 4); `split` random, compositional or held-out; `hold`
    the attribute, or attribute/value, that held-out keeps back; `examples` to draw some of the combinations; `side` of images
    in pixels, 32 by default. Images and vectors of the same options are the same scenes in the same order.
    """
    kind = name.partition(":")[2] or "images"
    if kind not in ("images", "vectors"):
        raise unknown("kind of shapes", kind, ("shapes:images", "shapes:vectors"))
    options.check(name, opts, (*OPTIONS, "side") if kind == "images" else OPTIONS)
    space = _space(opts, images=kind == "images")
    attributes = _combinations(space.sizes, options.whole(opts, "examples", None, 3, 10**7), seed)
    if kind == "images":
        side = options.whole(opts, "side", 32, 8, 512) or 32
        part = Part(len(attributes), (side, side, 3), np.uint8, lambda rows: draw(space, attributes[rows], side))
    else:
        part = Part(len(attributes), (sum(space.sizes),), np.float32, lambda rows: vectors(space.sizes, attributes[rows]))
    part = part._replace(labels=attributes[:, 0], attributes=attributes)
    cut = _cut(space, attributes, opts, shuffled(len(attributes), seed))
    return Source({"all": part}, space.values[0], space.names, space.sizes, space.values, cut)


def vectors(sizes: tuple[int, ...], attributes: np.ndarray) -> np.ndarray:
    """One-hot rows of all attributes side by side: int [n k] -> float32 [n sum(sizes)]."""
    return np.concatenate([np.eye(size, dtype=np.float32)[column] for size, column in zip(sizes, attributes.T, strict=True)], axis=1)


def draw(space: Space, attributes: np.ndarray, side: int) -> np.ndarray:
    """Paint scenes: int [n k] -> uint8 [n side side 3]. What does not vary is blue, upright, large and in the middle."""
    column = dict(zip(space.names, attributes.T, strict=True))
    n = len(attributes)

    def spread(name: str, low: float, high: float, fixed: float) -> np.ndarray:
        if name not in column:
            return np.full(n, fixed, np.float32)
        return np.linspace(low, high, space.sizes[space.names.index(name)], dtype=np.float32)[column[name]]

    moves = {"x", "y"} & set(column)
    radius = spread("size", 0.14, 0.26, 0.24 if moves else 0.36)
    centre = np.stack([spread("x", 0.3, 0.7, 0.5), spread("y", 0.3, 0.7, 0.5)], axis=1)
    turns = space.sizes[space.names.index("orientation")] if "orientation" in column else 1
    turn = column.get("orientation", np.zeros(n)) * np.float32(360 / turns)
    colour = np.asarray(list(render.INKS.values()))[column["colour"] if "colour" in column else np.full(n, 1)]
    form = column.get("shape", np.zeros(n, int))
    out = np.empty((n, side, side, 3), np.uint8)
    for index, shape in enumerate(render.SHAPES):
        rows = np.flatnonzero(form == index)
        for some in np.array_split(rows, len(rows) * side * side // 2**20 + 1):  # bounded working memory
            out[some] = render.paint(render.ink(shape, centre[some], radius[some], turn[some], side), colour[some])
    return out


def _space(opts: Options, images: bool) -> Space:
    """Read `attributes` and `values`."""
    text = opts.get("attributes", str(len(SIZES)))
    if text.isdecimal():
        most = len(SIZES) if images else 32
        count = options.whole(opts, "attributes", len(SIZES), 1, most) or 1
        names = (*SIZES, *(f"attribute {i}" for i in range(len(SIZES) + 1, most + 1)))[:count]
    else:
        names = tuple(text.split("+"))
        for name in names:
            if name not in SIZES:
                raise unknown("attribute", name, SIZES)
        if len(set(names)) < len(names):
            raise UsageError(f"an attribute stands twice in {text!r}")
    each = options.whole(opts, "values", None, 2, 1000)
    if images and each and (short := next((name for name in names if len(NAMED.get(name, ())) not in (0, *range(each, 1001))), None)):
        raise UsageError(
            f"images have {len(NAMED[short])} values of {short}, but values={each} was asked for: use shapes:vectors, or fewer values"
        )
    return Space(names, tuple(_names(name, each or SIZES.get(name, 4)) for name in names))


def _names(attribute: str, size: int) -> tuple[str, ...]:
    """What the values of an attribute are called."""
    if size <= len(NAMED.get(attribute, ())):
        return NAMED[attribute][:size]
    if attribute == "orientation":
        return tuple(f"{360 * i / size:g}°" for i in range(size))
    return WORDS.get((attribute, size), tuple(str(i) for i in range(size)))


def _combinations(sizes: tuple[int, ...], examples: int | None, seed: int) -> np.ndarray:
    """All combinations of values in counting order, or `examples` distinct ones drawn at random: int32 [n k]."""
    total = int(np.prod([float(s) for s in sizes]))
    if total > 2**60:
        raise UsageError(f"{len(sizes)} attributes with up to {max(sizes)} values make more than 2^60 combinations: ask for fewer")
    if examples is not None and examples > total:
        raise UsageError(f"examples={examples} is more than the {total} combinations that there are")
    wanted = examples or min(total, FILL)
    if wanted == total:
        flat = np.arange(total)
    elif total <= 2**24:
        flat = np.sort(shuffled(total, seed + 1)[:wanted])
    else:
        drawn = hashed(4 * wanted, seed + 1) % np.uint64(total)  # enough: of 2^24 or more, few are drawn twice
        flat = np.sort(drawn[np.sort(np.unique(drawn, return_index=True)[1])][:wanted]).astype(np.int64)
    return np.stack(np.unravel_index(flat, sizes), axis=1).astype(np.int32)


def _held(space: Space, attributes: np.ndarray, opts: Options) -> np.ndarray:
    """Which scenes are kept back for `zero_shot`: bool [n].

    compositional: one value of the second attribute for each value of the first, in turn, so the pair is never seen in training
    while each of its values is. held-out: the last value of an attribute (the first one by default).
    """
    split = options.choice(opts, "split", ("random", "compositional", "held-out"))
    if "hold" in opts and split != "held-out":
        raise UsageError("option hold needs split=held-out")
    if split == "random":
        return np.zeros(len(attributes), bool)
    if split == "compositional":
        if len(space.sizes) < 2:
            raise UsageError("split=compositional needs at least 2 attributes")
        return (attributes[:, 0] + attributes[:, 1] + 1) % max(space.sizes[:2]) == 0
    name, _, value = opts.get("hold", space.names[0]).partition("/")
    if name not in space.names:
        raise unknown("attribute to hold out", name, space.names)
    index = space.names.index(name)
    if value and value not in space.values[index]:
        raise unknown(f"value of {name}", value, space.values[index])
    return attributes[:, index] == (space.values[index].index(value) if value else space.sizes[index] - 1)


def _cut(space: Space, attributes: np.ndarray, opts: Options, order: np.ndarray) -> Cut:
    """A tenth of what is not held out is valid, a tenth test, and train always shows every value that is not itself held out."""
    held = _held(space, attributes, opts)
    seen = order[~held[order]]
    essential = np.zeros(len(attributes), bool)
    for index, size in enumerate(space.sizes):
        values, first = np.unique(attributes[seen, index], return_index=True)
        if len(values) < size - (opts.get("split") == "held-out" and len(np.unique(attributes[held, index])) == 1):
            raise UsageError(f"{len(seen)} scenes do not show every value of {space.names[index]}: ask for more with examples=N")
        essential[seen[first]] = True
    free = seen[~essential[seen]]
    share = max(1, len(seen) // SHARE)
    if len(free) < 2 * share:
        raise UsageError(f"{len(seen)} scenes are too few for train, valid and test: ask for more values or attributes")
    away = np.zeros(len(attributes), bool)
    away[free[: 2 * share]] = True
    cut = {"train": seen[~away[seen]], "valid": free[share : 2 * share], "test": free[:share]}
    return {split: ("all", rows) for split, rows in (cut | ({"zero_shot": order[held[order]]} if held.any() else {})).items()}
