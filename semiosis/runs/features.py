"""Feature files: what a published network sees in the images of a folder, in the layout of the dialogue game (Evtimova et al. 2018).

One HDF5 file a split, a row an image in the order of class and file name:

    Target        [n]                int64, the class's id in the csv of descriptions, or its place among the sorted folders
    Location      [n]                text of fixed length, CLASS/FILE
    layer4_2      [n 1 512 8 8]      float32, the last residual block before its last ReLU, channels first
    avgpool_512   [n 1 512]          float32, its mean over all places after that ReLU
    fc            [n 1 1000]         float32, the scores of ImageNet's classes

An image's label and name travel with its pixels, so that neither a last short batch nor an image that is left out can shift a row.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from semiosis.errors import UsageError, unknown
from semiosis.extras import first_line, need
from semiosis.nets import backbones, weights
from semiosis.runs.files import flush_folder, spoken, temporary, write_bytes
from semiosis.scenes import images
from semiosis.scenes.descriptions import read_rows
from semiosis.scenes.folders import PICTURES
from semiosis.scenes.splits import split_name

REQUEST = ("layer4_2", "avgpool_512", "fc")
STATISTICS = {"imagenet": backbones.STATISTICS, "half": ((0.5,) * 3, (0.5,) * 3)}  # mean and deviation of pixels in [0, 1]
FILES = {"valid": "dev"}  # splits that the published files call otherwise
SUFFIXES = (".hdf5", ".h5")
CHUNK = 1 << 17  # bytes read at once where single rows are asked for: what layer4_2 of one image takes
ALL = ""  # the split of a folder without splits

Update = Callable[[int, Mapping[str, Any]], None]
Shown = Callable[[int, int, str], AbstractContextManager[Update]]  # as `progress.progress`: total, start, title


class Image(NamedTuple):
    """An image of a folder: where it is, its class, and its name in the feature file."""

    path: Path
    label: str
    location: str


class Written(NamedTuple):
    """A feature file, of how many images it is, and the sentences about those that it does not."""

    path: Path
    size: int
    broken: tuple[str, ...]


@contextmanager
def silent(total: int, start: int, title: str) -> Iterator[Update]:
    """Shows nothing."""
    yield lambda step, figures, note="": None


def make_features(
    folder: str | Path,
    out: str | Path,
    weights_file: str | Path,
    *,
    batch_size: int = 8,
    request: tuple[str, ...] = REQUEST,
    descriptions: str | Path | None = None,
    side: int = 227,
    normalise: str = "imagenet",
    skip_broken: bool = False,
    shown: Shown = silent,
) -> list[Written]:
    """Write what a ResNet-34 sees in the images of `folder` to the file `out`; with splits, to train.hdf5, dev.hdf5, test.hdf5 in `out`.

    `request` names activations (`backbones.ResNet`), `normalise` the pixels' statistics: ImageNet's, which published weights were trained
    with, or 0.5 and 0.5, which the published feature files were made with. `descriptions` is a csv of `label_id,label,text`.
    It is copied beside what is written.
    Images are read two batches ahead at most. All files are whole, or none is there; none is replaced.
    Raises UsageError before anything is computed; also at an image that cannot be read, unless these are skipped.
    """
    folder, out = Path(folder).expanduser(), Path(out).expanduser()
    if batch_size < 1 or side < 1:
        raise UsageError(f"batch_size is {batch_size} and side is {side}: expected 1 or more")
    if normalise not in STATISTICS:
        raise unknown("normalisation", normalise, STATISTICS)
    need("h5py", "writing a feature file")
    splits = listed(folder)
    labels = labelled({image.label for group in splits.values() for image in group}, descriptions)
    places = placed(folder, out, splits)
    net = backbones.resnet34(weights.load(weights_file))
    forms = checked(net, request, side)
    made = {
        "weights": Path(weights_file).name,
        "weights_sha256": _digest(Path(weights_file).expanduser()),
        "normalise": normalise,
        "side": side,
    }
    written, done = [], 0
    with shown(sum(map(len, splits.values())), 0, "features") as update, ThreadPoolExecutor() as pool, ExitStack() as drafts:
        for split, group in splits.items():
            broken: list[str] = []
            append = drafts.enter_context(created(places[split], group, forms, made))
            count = 0
            for rows in batches(_readable(group, side, pool, 2 * batch_size, broken if skip_broken else None), batch_size):
                fields = _columns([image for image, _ in rows], labels)
                fields |= seen(net, np.stack([array for _, array in rows]), batch_size, STATISTICS[normalise], tuple(forms))
                append(fields)
                count += len(rows)
                update(done + count + len(broken), {})
            if not count:
                raise UsageError(f"no image of {len(group)} could be read for {places[split]}: {broken[0]}")
            written.append(Written(places[split], count, tuple(broken)))
            done += len(group)
            if broken:  # perhaps the last ones, of which no batch told
                update(done, {})
    if descriptions is not None:
        _beside(Path(descriptions).expanduser(), out)
    return written


def _beside(descriptions: Path, out: Path) -> None:
    """Put the texts where whoever reads the features looks for them, unless there are some."""
    place = out.with_suffix(".csv") if out.suffix.lower() in SUFFIXES else out / "descriptions.csv"
    if not place.exists():
        with spoken(f"read {descriptions}"):
            text = descriptions.read_bytes()
        write_bytes(place, text)


# ------------------------------------------------------------------------------------------------- which images, which labels


def listed(folder: Path) -> dict[str, list[Image]]:
    """The images of `folder` by split, in the order of class and name: in `CLASS/`, or in `train/CLASS/`, `dev/CLASS/`, `test/CLASS/`.

    Hidden files are passed over. Without splits all images are of the split "".
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {str(folder)!r}: expected one with a folder of images for each class")
    with spoken(f"look into {folder}"):
        found = [path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in PICTURES and path.is_file()]
    found = sorted(path for path in found if not any(part.startswith(".") for part in path.parts))
    if not found:
        raise UsageError(f"the folder {str(folder)!r} holds no images ({', '.join(sorted(PICTURES))})")
    divided = all(split_name(path.parts[0]) for path in found)
    splits: dict[str, list[Image]] = {}
    named: dict[str, str] = {}
    for path in found:
        inner = path.relative_to(path.parts[0]) if divided else path
        if len(inner.parts) < 2:
            raise UsageError(f"the image {str(path)!r} of {str(folder)!r} has no class: expected CLASS/{path.name}, or train/CLASS/...")
        split = (split_name(path.parts[0]) or ALL) if divided else ALL
        if divided and named.setdefault(split, path.parts[0]) != path.parts[0]:
            raise UsageError(f"{str(folder)!r} has two folders of one split: {named[split]} and {path.parts[0]}")
        splits.setdefault(split, []).append(Image(folder / path, inner.parts[0], inner.as_posix()))
    return splits


def labelled(classes: set[str], descriptions: str | Path | None) -> dict[str, int]:
    """The label of each class: its id in the csv, or its place in the order of names. Raises UsageError for a class that is not there."""
    if descriptions is None:
        return {name: place for place, name in enumerate(sorted(classes))}
    rows = read_rows(Path(descriptions).expanduser())
    ids = {row.label: row.id for row in rows}
    if len(ids) < len(rows):
        raise UsageError(f"{descriptions} describes a class twice: expected a label to stand once")
    if missing := sorted(classes - {*ids}):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UsageError(f"{descriptions} describes no class {missing[0]!r}{more}: it has {', '.join(ids)}")
    return {name: ids[name] for name in classes}


def placed(folder: Path, out: Path, splits: Mapping[str, list[Image]]) -> dict[str, Path]:
    """The file of each split. Raises UsageError where one exists, or where `out` is no name for what is written."""
    named = out.suffix.lower() in SUFFIXES
    if (ALL in splits) != named:
        what = f"a file, expected a name that ends in {' or '.join(SUFFIXES)}" if ALL in splits else "a folder for the files of its splits"
        raise UsageError(f"the features of {str(folder)!r} cannot be written to {str(out)!r}: it must be {what}")
    places = {split: out if split == ALL else out / f"{FILES.get(split, split)}.hdf5" for split in splits}
    if there := next((path for path in places.values() if path.exists()), None):
        raise UsageError(f"{there} exists: choose another name, or delete it first")
    return places


# ------------------------------------------------------------------------------------------------------- images to activations


def pixels(image: Image, side: int) -> UInt8[np.ndarray, "h w 3"]:
    """The middle square of an image, its short side resampled to `side` (bilinear, antialiased), as the published files were made."""
    where = repr(str(image.path))
    picture = images.open_image(image.path, where)
    pil, form = need("PIL.Image", where), images.Format(picture.height, picture.width, 3, convert=True)
    picture = pil.fromarray(images.to_array(picture, form, where, where))
    short = min(picture.size)
    width, height = (side if length == short else side * length // short for length in picture.size)
    left, top = round((width - side) / 2), round((height - side) / 2)
    return np.asarray(picture.resize((width, height), pil.Resampling.BILINEAR).crop((left, top, left + side, top + side)))


def _readable(
    group: Iterable[Image], side: int, pool: ThreadPoolExecutor, ahead: int, broken: list[str] | None
) -> Iterator[tuple[Image, np.ndarray]]:
    """Images with their pixels, in order, some read ahead; one that cannot be read adds its sentence to `broken`, or stops everything."""
    waiting: deque[tuple[Image, Future[np.ndarray]]] = deque()
    rest = iter(group)
    try:
        while True:
            waiting.extend((image, pool.submit(pixels, image, side)) for image in islice(rest, ahead - len(waiting)))
            if not waiting:
                return
            image, future = waiting.popleft()
            try:
                yield image, future.result()
            except UsageError as error:
                if broken is None:
                    raise
                broken.append(str(error))
    finally:
        for _, future in waiting:
            future.cancel()


def batches(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of `size`, the last perhaps shorter."""
    rest = iter(rows)
    while batch := list(islice(rest, size)):
        yield batch


def checked(net: backbones.ResNet, request: tuple[str, ...], side: int) -> dict[str, tuple[int, ...]]:
    """The shape of one row of each activation asked for. Raises UsageError for one that the network does not have."""
    known = eqx.filter_eval_shape(net, jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32))
    for name in request:
        if name not in known:
            raise unknown("activation", name, known)
    if not request or len({*request}) < len(request):
        raise UsageError(f"request is {', '.join(request) or 'empty'}: expected different activations out of {', '.join(known)}")
    return {name: jax.eval_shape(_row_major, known[name]).shape[1:] for name in request}


def seen(
    net: backbones.ResNet, batch: UInt8[np.ndarray, "n h w 3"], size: int, statistics: tuple[Any, Any], request: tuple[str, ...]
) -> dict[str, np.ndarray]:
    """The activations of a batch as rows of a feature file; a short batch is filled up to `size`, so that one program serves them all."""
    filled = np.concatenate([batch, np.zeros((size - len(batch), *batch.shape[1:]), np.uint8)])
    return {name: np.asarray(rows)[: len(batch)] for name, rows in _seen(net, filled, statistics, request).items()}


@eqx.filter_jit
def _seen(
    net: backbones.ResNet, batch: UInt8[np.ndarray | Array, "n h w 3"], statistics: tuple[Any, Any], request: tuple[str, ...]
) -> dict[str, Array]:
    mean, deviation = (jnp.array(numbers, jnp.float32) for numbers in statistics)
    found = net((batch / jnp.float32(255) - mean) / deviation)
    return {name: _row_major(found[name]) for name in request}


def _row_major(x: Float[Array, "n ..."]) -> Float[Array, "n 1 ..."]:
    """Channels first and, as published, an axis of 1 before them."""
    return jnp.moveaxis(x, -1, 1)[:, None]


# ---------------------------------------------------------------------------------------------------------------- the file


@contextmanager
def created(
    path: Path, group: list[Image], forms: Mapping[str, tuple[int, ...]], made: Mapping[str, str | int]
) -> Iterator[Callable[[Mapping[str, np.ndarray]], None]]:
    """A new feature file: yields what appends rows to it; `made`, how it was made, becomes its attributes.

    It is written under a temporary name and renamed at the end; whatever goes wrong before, nothing is left.
    """
    h5py = need("h5py", "writing a feature file")
    draft = temporary(path)
    try:
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            file = h5py.File(draft, "w")
        try:
            with _told(path):
                _lay(file, group, forms)
                file.attrs.update(made)
            size = 0

            def append(fields: Mapping[str, np.ndarray]) -> None:
                nonlocal size
                with _told(path):
                    for name, rows in fields.items():
                        file[name][size : size + len(rows)] = rows
                size += len(fields["Target"])

            yield append
            with _told(path):
                for dataset in file.values():  # images that were skipped leave places
                    dataset.resize(size, axis=0)
        finally:
            with _told(path):
                file.close()
        with _told(path):
            with draft.open("rb+") as written:
                os.fsync(written.fileno())
            os.replace(draft, path)
            flush_folder(path.parent)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn a refusal of the disk, of which h5py tells as one error or another, into a sentence."""
    try:
        yield
    except (OSError, RuntimeError, ValueError) as refusal:
        raise UsageError(f"cannot write {path}: {getattr(refusal, 'strerror', None) or first_line(refusal)}") from refusal


def _lay(file: Any, group: list[Image], forms: Mapping[str, tuple[int, ...]]) -> None:
    """Places for a row of each image."""
    longest = max(len(image.location.encode()) for image in group)
    kinds = {"Target": ((), np.dtype(np.int64)), "Location": ((), np.dtype(f"S{longest}"))}
    kinds |= {name: (shape, np.dtype(np.float32)) for name, shape in forms.items()}
    for name, (shape, dtype) in kinds.items():
        rows = min(len(group), max(1, CHUNK // (int(np.prod(shape)) * dtype.itemsize)))
        file.create_dataset(name, (len(group), *shape), dtype, maxshape=(None, *shape), chunks=(rows, *shape))


def _columns(group: list[Image], labels: Mapping[str, int]) -> dict[str, np.ndarray]:
    return {
        "Target": np.array([labels[image.label] for image in group], np.int64),
        "Location": np.array([image.location.encode() for image in group]),
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
