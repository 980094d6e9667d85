"""Are sketches recognisable? Told by those who never saw one: a classifier trained on photos alone, and CLIP.

A small convolutional network learns the classes of the photos of the train split, at the size and in the colours of the sketches, and
is asked what photos and sketches of the test split show. What agents understand but no one else does is a code, not a drawing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Integer, Num, PRNGKeyArray, UInt8

from semiosis import metrics
from semiosis.errors import UsageError
from semiosis.metrics import Interval, Value
from semiosis.nets.convolution import Affine, Conv
from semiosis.runs.gamelogs import Games
from semiosis.scenes import images
from semiosis.scenes.types import Data, Split

WIDTHS = (16, 32, 64, 64, 64, 64)  # channels of the layers, each of which halves the side until at most 7 are left
HIDDEN = 128
BATCH, RATE = 64, 2e-3
CONTRAST = (0.5, 1.25)  # factors by which the contrast of a photo is changed in training
SHIFT = 0.08  # of the side: how far a photo is moved in training at most
JUDGED = 256  # images judged at once
GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow has it
CLIP_SIDE = 224
PHOTO, DRAWING = 0, 1  # CLIP's templates

Sketches = Mapping[int, tuple[np.ndarray, np.ndarray]]  # by seed of the run: [n h w c] in [0, 1], and the rows of the photos drawn [n]
# images [n 224 224 3] in [0, 1] -> the likeliest class [n], the likeliest template [n], probabilities [n 2c]
Clip = Callable[..., tuple[Any, Any, Any]]


class Recognised(NamedTuple):
    """Who recognised how much: `photo` [k] by k classifiers, `sketch` [a k] by seed of the run and classifier, as shares.

    `chance` is how often the commonest class occurs among the sketches. `table` [c c] counts how often sketches of a class (row) were taken
    for one (column), by all classifiers. `clip` [a] and `drawing` [a] are the shares of sketches that CLIP recognised and judged a drawing,
    None without CLIP.
    """

    seeds: tuple[int, ...]
    photo: np.ndarray
    sketch: np.ndarray
    chance: float
    table: np.ndarray
    clip: np.ndarray | None = None
    drawing: np.ndarray | None = None

    @property
    def rates(self) -> dict[str, Interval]:
        """Means with 95 % intervals: of photos over classifiers, of sketches over the run's seeds."""
        found = {"photos": metrics.over_seeds(self.photo.tolist()), "sketches": metrics.over_seeds(self.sketch.mean(axis=1).tolist())}
        if self.clip is not None:
            found["sketches, by CLIP"] = metrics.over_seeds(self.clip.tolist())
        if self.drawing is not None:
            found["judged a drawing"] = metrics.over_seeds(self.drawing.tolist())
        return found

    def taken(self, most: int = 5) -> list[tuple[int, float]]:
        """The classes that sketches are taken for most often, whatever they show, with their shares."""
        shares = self.table.sum(axis=0) / max(self.table.sum(), 1)
        return [(int(i), float(shares[i])) for i in np.argsort(-shares, kind="stable")[:most]]

    def told(self, classes: tuple[str, ...] = ()) -> dict[str, Any]:
        """The same as JSON."""
        rates = {name: one._asdict() for name, one in self.rates.items()}
        each = [
            {"seed": seed, "by_classifier": own.tolist(), "mean": float(own.mean())}
            for seed, own in zip(self.seeds, self.sketch, strict=True)
        ]
        names = [classes[i] if i < len(classes) else str(i) for i in range(len(self.table))]
        taken = [{"class": names[i], "share": share} for i, share in self.taken()]
        out = {"rates": rates, "chance": self.chance, "photos": self.photo.tolist(), "sketches": each, "taken_for": taken}
        for name, values in (("clip", self.clip), ("drawing", self.drawing)):
            out |= {} if values is None else {name: values.tolist()}
        return out | {"classes": names, "table": self.table.tolist()}


# --------------------------------------------------------------------------------------------------------- the classifier


class Classifier(eqx.Module):
    """Convolutions that halve the side, then two affine layers: images [n h w c] to logits [n classes]."""

    layers: tuple[Conv, ...]
    hidden: Affine
    out: Affine
    mean: Float[Array, " c"]
    scale: Float[Array, " c"]

    def __init__(self, side: int, channels: int, classes: int, mean: Array, scale: Array, *, key: PRNGKeyArray):
        keys = iter(jax.random.split(key, len(WIDTHS) + 2))
        layers, inputs = [], channels
        for width in WIDTHS:
            layers.append(Conv(inputs, width, 5 if not layers else 3, stride=2, padding=2 if not layers else 1, key=next(keys)))
            side, inputs = -(-side // 2), width
            if side <= 7:
                break
        self.layers = tuple(layers)
        self.hidden = Affine(side * side * inputs, HIDDEN, key=next(keys))
        self.out = Affine(HIDDEN, classes, key=next(keys))
        self.mean, self.scale = mean, scale

    def __call__(self, x: Float[Array, "n h w c"]) -> Float[Array, "n k"]:
        x = (x - jax.lax.stop_gradient(self.mean)) / jax.lax.stop_gradient(self.scale)
        for layer in self.layers:
            x = jax.nn.relu(layer(x))
        return self.out(jax.nn.relu(self.hidden(x.reshape(len(x), -1))))


def varied(x: Float[Array, "n h w c"], key: PRNGKeyArray) -> Float[Array, "n h w c"]:
    """Photos moved by up to a twelfth of their side, the edge repeated, and with more or less contrast around a grey of their own."""
    n, h, w, _ = x.shape
    far = max(round(SHIFT * h), 1)
    key_shift, key_contrast, key_grey = jax.random.split(key, 3)
    start = jax.random.randint(key_shift, (n, 2), 0, 2 * far + 1)
    padded = jnp.pad(x, ((0, 0), (far, far), (far, far), (0, 0)), mode="edge")
    ys, xs = start[:, :1] + jnp.arange(h), start[:, 1:] + jnp.arange(w)
    moved = padded[jnp.arange(n)[:, None, None], ys[:, :, None], xs[:, None, :]]
    factor = jax.random.uniform(key_contrast, (n, 1, 1, 1), minval=CONTRAST[0], maxval=CONTRAST[1])
    grey = jax.random.uniform(key_grey, (n, 1, 1, 1))
    return jnp.clip(grey + factor * (moved - grey), 0.0, 1.0)


@eqx.filter_jit
def _trained(
    net: Classifier, inputs: UInt8[Array, "m h w c"], labels: Int[Array, " m"], steps: Int[Array, ""], key: PRNGKeyArray
) -> Classifier:
    """The net after that many steps of Adam, whose rate rises for a twentieth of them and falls to nothing (half a cosine)."""

    def rate(step: Any) -> Any:
        share = step / steps
        return RATE * jnp.minimum(1.0, 20 * share + 1e-2) * 0.5 * (1 + jnp.cos(jnp.pi * share))

    optimiser = optax.adam(rate)
    params, static = eqx.partition(net, eqx.is_array)

    def loss(params: Any, key: PRNGKeyArray) -> Array:
        key_rows, key_look = jax.random.split(key)
        rows = jax.random.randint(key_rows, (BATCH,), 0, inputs.shape[0])
        logits = eqx.combine(params, static)(varied(inputs[rows].astype(jnp.float32) / 255, key_look))
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels[rows]).mean()

    def step(i: Array, carry: tuple[Any, Any]) -> tuple[Any, Any]:
        params, state = carry
        updates, state = optimiser.update(jax.grad(loss)(params, jax.random.fold_in(key, i)), state)
        return optax.apply_updates(params, updates), state

    params, _ = jax.lax.fori_loop(0, steps, step, (params, optimiser.init(params)))
    return eqx.combine(params, static)


@eqx.filter_jit
def _answers(net: Classifier, x: Float[Array, "n h w c"]) -> Int[Array, " n"]:
    return net(x).argmax(axis=1)


def judged(net: Classifier, pictures: Float[np.ndarray, "n h w c"]) -> Integer[np.ndarray, " n"]:
    """What each picture shows, in the classifier's eyes."""
    answers = []
    for i in range(0, len(pictures), JUDGED):
        some = pictures[i : i + JUDGED]
        full = np.concatenate([some, np.zeros((JUDGED - len(some), *some.shape[1:]), some.dtype)])  # one shape, one program
        answers.append(np.asarray(_answers(net, jnp.asarray(full, jnp.float32)))[: len(some)])
    return np.concatenate(answers)


def classifier(split: Split, classes: int, *, side: int, channels: int, steps: int, seed: int) -> Classifier:
    """A classifier of the photos of a split, seen at a side and in so many colours."""
    return _of(seen_as(split.inputs, side, channels), np.asarray(split.labels), classes, steps, seed)


def _of(photos: UInt8[np.ndarray, "m h w c"], labels: np.ndarray, classes: int, steps: int, seed: int) -> Classifier:
    key_net, key_train = jax.random.split(jax.random.key(seed))
    some = photos[:4096] / np.float32(255)  # a split stands in random order
    mean, scale = some.mean(axis=(0, 1, 2)), np.maximum(some.std(axis=(0, 1, 2)), 1e-3)
    net = _born(photos.shape[1], photos.shape[3], classes, jnp.asarray(mean), jnp.asarray(scale), key_net)
    return _trained(net, jnp.asarray(photos), jnp.asarray(labels, jnp.int32), jnp.int32(steps), key_train)


@eqx.filter_jit
def _born(side: int, channels: int, classes: int, mean: Array, scale: Array, key: PRNGKeyArray) -> Classifier:
    return Classifier(side, channels, classes, mean, scale, key=key)


def seen_as(photos: UInt8[np.ndarray, "m H W C"], side: int, channels: int) -> UInt8[np.ndarray, "m h w c"]:
    """Photos at a side and in so many colours."""
    if photos.shape[1:3] != (side, side):
        photos = images.resize(photos, side)
    return np.round(coloured(photos, channels)).astype(np.uint8) if photos.shape[-1] != channels else photos


def coloured(pictures: Num[np.ndarray, "n h w c"], channels: int) -> Num[np.ndarray, "n h w d"]:
    """Pictures in so many colours: their brightness, or grey three times."""
    if pictures.shape[-1] == channels:
        return pictures
    return (pictures @ np.array(GREY, np.float32))[..., None] if channels == 1 else np.repeat(pictures, 3, axis=-1)


# ---------------------------------------------------------------------------------------------------------- how well


def recognise(
    data: Data,
    sketches: Sketches,
    *,
    side: int,
    channels: int,
    seeds: int = 3,
    steps: int = 2000,
    invert: bool = False,
    split: str = "test",
    clip: Clip | None = None,
) -> Recognised:
    """How often classifiers of photos recognise sketches of a split, and the photos themselves.

    `sketches` has an entry a seed of the run: sketches as the receiver saw them, and the rows of the split that they were drawn of. They
    and the photos are brought to a `side` of pixels and 1 or 3 `channels`. `invert` turns black and white of the sketches before they are
    judged by the classifiers, as is right where photos are white on black and sketches black on white. `clip` sees them as they are.
    `seeds` classifiers learn for `steps` steps each. Raises `UsageError` where there are no classes, or sketches do not fit the split.
    """
    if not sketches:
        raise UsageError("no sketches: expected those of one seed or more")
    if seeds < 1 or steps < 1:
        raise UsageError(f"seeds {seeds} and steps {steps} must both be 1 or more")
    if channels not in (1, 3) or side < 4:
        raise UsageError(f"side {side} and channels {channels}: expected 4 or more, and 1 or 3")
    train, test = (_labelled(data, name) for name in ("train", split))
    own = {seed: _fitting(seed, *given, len(test.inputs)) for seed, given in sketches.items()}
    truth = {seed: np.asarray(test.labels)[rows] for seed, (_, rows) in own.items()}
    classes = max(int(np.asarray(part.labels).max()) for part in (train, test)) + 1
    photos, shown = (seen_as(part.inputs, side, channels) for part in (train, test))
    looks = {seed: 1 - look if invert else look for seed, (pictures, _) in own.items() for look in [_look(pictures, side, channels)]}
    photo, sketch, table = [], np.zeros((len(own), seeds)), np.zeros((classes, classes), int)
    for k in range(seeds):
        net = _of(photos, np.asarray(train.labels), classes, steps, k)
        photo.append(float(np.mean(judged(net, shown / np.float32(255)) == test.labels)))
        for a, seed in enumerate(own):
            answers = judged(net, looks[seed])
            sketch[a, k] = np.mean(answers == truth[seed])
            np.add.at(table, (truth[seed], answers), 1)
    every = np.bincount(np.concatenate(list(truth.values())))
    found = Recognised(tuple(own), np.array(photo), sketch, float(every.max() / every.sum()), table)
    if clip is None:
        return found
    seen = [_by_clip(clip, pictures) for pictures, _ in own.values()]
    right = [np.mean(kind == truth[seed]) for seed, (kind, _) in zip(own, seen, strict=True)]
    return found._replace(clip=np.array(right), drawing=np.array([np.mean(template == DRAWING) for _, template in seen]))


def negative(photos: UInt8[np.ndarray, "m H W C"], sketches: Float[np.ndarray, "n h w c"]) -> bool:
    """Whether sketches without colour have a light ground where that of the photos is dark, or a dark one where it is light.

    Grounds are medians of the borders; those of photos count as dark or light only where they are so for nearly all: below 1/8, above 7/8.
    """
    if sketches.shape[-1] != 1 or photos.shape[-1] != 1:
        return False
    border = lambda x: np.concatenate([x[:, 0], x[:, -1], x[:, :, 0], x[:, :, -1]], axis=1)  # noqa: E731
    grounds = np.median(border(photos[:1000]), axis=(1, 2)) / 255
    light = float(np.median(border(sketches[:1000]))) > 0.5
    return bool(np.mean(grounds < 1 / 8) > 0.9) if light else bool(np.mean(grounds > 7 / 8) > 0.9)


def _labelled(data: Data, split: str) -> Split:
    """A split of images with labels."""
    if split not in data.splits:
        raise UsageError(f"{data.name} has no split {split!r}: known are {', '.join(data.splits)}")
    part = data.splits[split]
    if part.labels is None or part.inputs.dtype != np.uint8:
        raise UsageError(f"{data.name} has no {'labels' if part.labels is None else 'images'}: who recognises sketches needs both")
    return part


def _fitting(seed: int, pictures: np.ndarray, rows: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Sketches and what they were drawn of."""
    if pictures.ndim != 4 or not 0 < len(pictures) == len(rows) or pictures.shape[-1] not in (1, 3) or pictures.dtype.kind != "f":
        raise UsageError(
            f"sketches of seed {seed} of shape {pictures.shape} and type {pictures.dtype} for {len(rows)} rows: "
            "expected floats [n h w 1 or 3], one a row"
        )
    if rows.min() < 0 or rows.max() >= size:
        raise UsageError(f"sketches of seed {seed} of the photos {rows.min()} to {rows.max()}: expected 0 to {size - 1}, rows of the split")
    return pictures, rows


def _look(pictures: Float[np.ndarray, "n h w c"], side: int, channels: int) -> Float[np.ndarray, "n side side d"]:
    """Sketches at a side and in so many colours."""
    if pictures.shape[1:3] != (side, side):
        pictures = np.concatenate([_resized(pictures[i : i + JUDGED], side) for i in range(0, len(pictures), JUDGED)])
    return np.clip(coloured(pictures, channels), 0.0, 1.0).astype(np.float32)


def _resized(pictures: np.ndarray, side: int) -> np.ndarray:
    """A few pictures resampled to a square (cubic, antialiased)."""
    full = np.zeros((JUDGED, *pictures.shape[1:]), np.float32)  # one shape, one program
    full[: len(pictures)] = pictures
    return np.asarray(_resample(jnp.asarray(full), side))[: len(pictures)]


@eqx.filter_jit
def _resample(x: Float[Array, "n H W c"], side: int) -> Float[Array, "n h w c"]:
    return jnp.clip(jax.image.resize(x, (x.shape[0], side, side, x.shape[-1]), "cubic"), 0.0, 1.0)


# ---------------------------------------------------------------------------------------------------------------- CLIP

INDICATORS = (  # what the published analysis of logs tells, by its names
    "commrate",
    "sketch_class_matches_true",
    "sketch_class_matches_correct",
    "sketch_class_matches_correct_and_true",
    "sketch_class_matches_guess",
    "sketch_class_matches_guess_and_true",
    "correct_class_matches_true",
    "guess_class_matches_true",
    "sketch_is_drawing",
    "correct_is_photo",
    "guess_is_photo",
)


def clip_analysis(games: Games, clip: Clip) -> dict[str, Value]:
    """What CLIP sees in the sketch, the right photo and the photo pointed at: shares of the games with Wilson's intervals, by `INDICATORS`.

    The true class is that of the right photo. Each photo is judged once. Raises `UsageError` where no classes are known.
    """
    if games.labels is None:
        raise UsageError("what is recognised cannot be told: these games have no classes")
    true, right, found = games.labels[games.right], games.right, games.found
    used, place = np.unique(np.concatenate([right, found]), return_inverse=True)
    kinds, templates = _by_clip(clip, games.photos[used] / np.float32(255))
    (correct, guess), (correct_as, guess_as) = (each[place].reshape(2, -1) for each in (kinds, templates))
    sketch, sketch_as = _by_clip(clip, games.sketches)
    shares = (
        games.correct,
        sketch == true,
        sketch == correct,
        (sketch == correct) & (sketch == true),
        sketch == guess,
        (sketch == guess) & (sketch == true),
        correct == true,
        guess == true,
        sketch_as == DRAWING,
        correct_as == PHOTO,
        guess_as == PHOTO,
    )
    return {name: metrics.accuracy(share) for name, share in zip(INDICATORS, shares, strict=True)}


def _by_clip(clip: Clip, pictures: Float[np.ndarray, "n h w c"], chunk: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Class and template [n] of each picture, resampled to what CLIP takes; many go in parts of one size, so that one program does."""
    n = len(pictures)
    parts = [np.arange(i, i + min(chunk, n)) for i in range(0, n, chunk)]
    seen = [clip(_look(pictures[part % n], CLIP_SIDE, 3))[:2] for part in parts]
    kinds, templates = (np.concatenate([np.asarray(one) for one in ones])[:n] for ones in zip(*seen, strict=True))
    return kinds, templates
