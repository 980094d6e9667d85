"""The names of the data sets, and `load`."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from semiosis.errors import UsageError, unknown
from semiosis.scenes import descriptions, digits, features, folders, hub, options, recorded, shapes, words
from semiosis.scenes.build import build, paired
from semiosis.scenes.types import Data, Options, Source, Split
from semiosis.scenes.withheld import withhold

NOTHING = "this game needs data, and 'none' has none: choose a data set that `semiosis data` lists"
FORMS = ("hub:OWNER/NAME", "the path of a folder of images or parquet files", "the path of a .npz or .h5 file of features")
GENERAL = ("limit", "vectors", "withheld")  # options that `load` itself takes, of every kind of data; `descriptions` is one of every source


def load(name: str, *, seed: int = 0, limit: int | None = None, memory: int | None = None) -> Data:
    """Load a data set by name, with the same train, valid and test splits every time.

    `name` is one that `known` lists, `hub:OWNER/NAME`, or a path; options follow after commas, as in `shapes:vectors,values=4`.
    Of every kind: `descriptions=FILE.csv` says what its classes are like, and `vectors` gives the words' vectors, a file or a number;
    `withheld=CLASS+CLASS` keeps classes out of training, in a split `out_of_domain`.
    `seed` chooses which examples go where, wherever the source leaves that open; `limit` (or `,limit=N`) keeps that many of each split;
    `memory` is the most bytes to take, by default what is free. Raises UsageError, one sentence, for whatever cannot be loaded.
    """
    if name == "none":
        return Data("none", _Nothing(), fingerprint="none")
    if len(views := _views(name)) > 1:
        if "none" in views:
            raise UsageError(f"{name!r} joins 'none' with data: it is no data, and has nothing to join")
        return paired(name, [load(view, seed=seed, limit=limit, memory=memory) for view in views])
    plain, general = _general(name)
    limit = options.whole(general, "limit", limit, 1, 999_999_999)
    found = source(plain, seed)
    written = descriptions.described(name, found, general.get("vectors"))  # before the images, so that a mistake is told at once
    data = build(name, found, seed=seed, limit=limit, memory=memory)
    said = data.fingerprint
    if written is not None and (found.texts or general.get("vectors")):  # the texts of this program say nothing new of what is loaded
        said = hashlib.sha256((said + descriptions.fingerprint(written)).encode()).hexdigest()
    data = replace(data, descriptions=written, fingerprint=said)
    return withhold(data, general["withheld"].split("+")) if "withheld" in general else data


class _Nothing(dict[str, Split]):
    """The splits of no data: none; who asks for one is told so."""

    def __missing__(self, part: str) -> Split:
        raise UsageError(NOTHING)


def _views(name: str) -> list[str]:
    """The names of the views that a name joins by +; a + in the options `attributes` and `withheld` joins those."""
    if Path(name).exists():
        return [name]
    views: list[str] = []
    for part in name.split("+"):
        if views and views[-1].rpartition(",")[2].startswith(("attributes=", "withheld=")):
            views[-1] += f"+{part}"
        else:
            views.append(part)
    return views


def _general(name: str) -> tuple[str, Options]:
    """Part a name from the options that every kind of data has: "digits,limit=100" gives ("digits", {"limit": "100"})."""
    if Path(name).exists():
        return name, {}
    bare, opts = options.parse(name)
    own = ",".join([bare, *(f"{key}={value}" for key, value in opts.items() if key not in GENERAL)])
    return own, {key: value for key, value in opts.items() if key in GENERAL}


def source(name: str, seed: int = 0) -> Source:
    """Find the source that a name stands for, with the texts of the option `descriptions` where it is given."""
    if Path(name).exists():
        bare, opts = name, {}
    else:
        bare, opts = options.parse(name)
    if bare == "none":
        raise UsageError("'none' is no data, and has no options")
    if recorded.recognised(Path(bare).expanduser()):
        return recorded.source(bare, opts, seed)
    file = opts.pop("descriptions", None)
    found = _source(bare, opts, seed)
    return found if file is None else descriptions.attached(bare, found, Path(file).expanduser())


def _source(bare: str, opts: Options, seed: int) -> Source:
    """The source of a name without its general options."""
    if bare == "digits":
        return digits.source(bare, opts, seed)
    if bare.split(":")[0] == "shapes":
        return shapes.source(bare, opts, seed)
    if bare == "words":
        return words.source(bare, opts, seed)
    if bare in hub.SETS or bare.startswith("hub:"):
        return hub.source(bare, opts, seed)
    path = Path(bare).expanduser()
    if path.is_dir() or (path.suffix == ".parquet" and path.exists()):
        return folders.source(bare, opts, seed)
    if path.is_file():
        return features.source(bare, opts, seed)
    if "/" in bare or "\\" in bare or path.suffix in (".parquet", *features.SUFFIXES):
        raise UsageError(
            f"no file or folder {bare!r}: expected a data set that `semiosis data` lists, hub:OWNER/NAME, or a path that exists"
        )
    raise unknown("data", bare, ["digits", "shapes", *hub.SETS, "words", *FORMS, "none"])


def known() -> list[tuple[str, str, str]]:
    """Every name, what it is, and the extra it needs ('' for none)."""
    rows = [
        ("digits", "1,797 handwritten digits, 8x8 grey, 10 classes; embedded in scikit-learn", ""),
        ("shapes", "drawn scenes, 32x32 colour: shape, colour, size, x, y, orientation; splits random, compositional, held-out", ""),
        ("shapes:vectors", "the same scenes as one-hot attribute vectors; any number of attributes and values", ""),
    ]
    rows += [("words", "made-up classes, each described by five words, and images as feature vectors; grid=8 for maps of features", "")]
    rows += [(name, entry.about, "data") for name, entry in hub.SETS.items()]
    return [
        *rows,
        (
            "NAME,descriptions=FILE.csv",
            "any of these, and what its classes are like: lines label_id,label,text; vectors=FILE.txt: of words",
            "",
        ),
        ("none", "no data: for games that make up what they talk about", ""),
        ("NAME+NAME", "views of the same things, such as two files of features in one order: what each agent sees", ""),
        ("hub:OWNER/NAME", "any set of images on the Hugging Face Hub", "data"),
        ("PATH/TO/FOLDER", "a copy of a Hub set (parquet), or images by class: class/*.png, train/class/*.png", "data"),
        (
            "PATH/TO/FOLDER",
            "of recorded features and texts: train.hdf5, dev.hdf5, ... (Target, avgpool_512, ...), descriptions.csv",
            "data",
        ),
        ("PATH/TO/FILE.npz", "features and labels: features (or x), labels, attributes, split", ""),
        ("PATH/TO/FILE.h5", "the same in HDF5, also in the published ImageNet and CelebA layouts (logit, label, ...)", "data"),
    ]


def need_data(data: Data) -> None:
    """Refuse the data set 'none'."""
    if not data.splits:
        raise UsageError(NOTHING)


def need_labels(data: Data, why: str) -> None:
    """Refuse data without labels: `why` says what they are for, as in 'distractors of the same class'."""
    _need(data, "labels", why, all(split.labels is not None for split in data.splits.values()))


def need_attributes(data: Data, why: str) -> None:
    """Refuse data without attributes."""
    _need(data, "attributes", why, all(split.attributes is not None for split in data.splits.values()))


def need_images(data: Data, why: str) -> None:
    """Refuse data that is vectors, or maps of features."""
    _need(data, "images", why, all(split.inputs.ndim == 4 and split.inputs.dtype == np.uint8 for split in data.splits.values()))


def need_descriptions(data: Data, why: str) -> None:
    """Refuse data whose classes have no texts: `why` says what they are for."""
    if data.descriptions is None:
        raise UsageError(
            f"{why} needs descriptions of the classes, and {data.name!r} has none: "
            "add ',descriptions=FILE.csv' to the name, a file of lines label_id,label,text"
        )


def _need(data: Data, what: str, why: str, there: bool) -> None:
    if not there:
        raise UsageError(f"{why} needs {what}, and {data.name!r} has none")
