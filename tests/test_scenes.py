"""Loading: every kind of source in its true layout, the splits, and the sentence that each mistake gets."""

import dataclasses
import hashlib
import importlib
import io
import json
import sys

import numpy as np
import pytest
from rich.console import Console

from semiosis import extras, scenes
from semiosis.errors import UsageError
from semiosis.scenes import build, celeba, contact, features, hub, images, options, render, shapes, splits
from semiosis.scenes.types import Part, Source

GREYS = np.random.default_rng(0).integers(0, 256, (40, 6, 5), dtype=np.uint8)
COLOURS = np.random.default_rng(1).integers(0, 256, (40, 6, 5, 3), dtype=np.uint8)


def png(array):
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def write_parquet(path, pictures, columns=None, note=None, image="image"):
    """A file in the Hub's layout, written without its library; `note` is what the library would know of the columns."""
    import pyarrow as pa
    from pyarrow import parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [{"bytes": p if isinstance(p, bytes) else png(p), "path": None} for p in pictures]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    table = pa.table({image: pa.array(cells, kind), **(columns or {})})
    if note is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": note}})})
    parquet.write_table(table, path)


def sentence(call, *args, **options):
    """The one sentence of a UsageError."""
    with pytest.raises(UsageError) as error:
        call(*args, **options)
    text = str(error.value)
    assert "\n" not in text
    return text


def found_in(rows, where):
    """The place of each row of one array in another."""
    place = {w.tobytes(): i for i, w in enumerate(where)}
    return [place[r.tobytes()] for r in rows]


# ------------------------------------------------------------------------------------------------------------------- splits


def test_shuffled_is_a_permutation_fixed_for_ever():
    assert splits.shuffled(8).tolist() == [2, 4, 6, 5, 1, 7, 0, 3]
    assert np.array_equal(np.sort(splits.shuffled(1000, 3)), np.arange(1000))
    assert not np.array_equal(splits.shuffled(1000, 3), splits.shuffled(1000, 4))


def test_splitmix_is_the_published_generator():
    # the first outputs for seed 0, as in Vigna's reference implementation
    assert [hex(x) for x in splits.hashed(3).tolist()] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"]


@pytest.mark.parametrize(
    ("sizes", "want"),
    [
        ({"all": 100}, {"train": ("all", 80), "valid": ("all", 10), "test": ("all", 10)}),
        ({"train": 100}, {"train": ("train", 80), "valid": ("train", 10), "test": ("train", 10)}),
        ({"train": 100, "test": 7}, {"train": ("train", 90), "valid": ("train", 10), "test": ("test", 7)}),
        ({"train": 100, "valid": 7}, {"train": ("train", 90), "valid": ("train", 10), "test": ("valid", 7)}),
        ({"train": 9, "valid": 8, "test": 7}, {"train": ("train", 9), "valid": ("valid", 8), "test": ("test", 7)}),
        (
            {"train": 100, "zero_shot": 5},
            {"train": ("train", 80), "valid": ("train", 10), "test": ("train", 10), "zero_shot": ("zero_shot", 5)},
        ),
        ({"all": 3}, {"train": ("all", 1), "valid": ("all", 1), "test": ("all", 1)}),
    ],
)
def test_divide(sizes, want):
    cut = splits.divide(sizes, "set")
    assert {split: (part, len(rows)) for split, (part, rows) in cut.items()} == want
    assert list(cut) == list(want)
    for part, size in sizes.items():  # nothing lost, nothing twice
        rows = np.concatenate([rows for name, rows in cut.values() if name == part])
        assert np.array_equal(np.sort(rows), np.arange(size))


def test_too_few_examples_are_refused():
    assert "has 2 examples: at least 3" in sentence(splits.divide, {"all": 2}, "set")
    assert "has 1 example" in sentence(splits.divide, {"train": 1, "test": 5}, "set")
    assert "no train split" in sentence(splits.divide, {"valid": 5, "test": 5}, "set")
    assert "holds no examples" in sentence(splits.divide, {"train": 0}, "set")


# -------------------------------------------------------------------------------------------------------------- digits, build


def test_digits_are_all_there_once():
    from sklearn.datasets import load_digits

    data = scenes.load("digits")
    assert {name: len(split.inputs) for name, split in data.splits.items()} == {"train": 1439, "valid": 179, "test": 179}
    pixels = np.concatenate([split.inputs for split in data.splits.values()])
    assert pixels.dtype == np.uint8
    assert pixels.shape == (1797, 8, 8, 1)
    levels = load_digits().images
    assert sorted(pixels.tobytes()[i * 64 : i * 64 + 64] for i in range(1797)) == sorted(
        np.round(levels / 16 * 255 + 1e-9).astype(np.uint8)[i].tobytes() for i in range(1797)
    )
    assert set(np.unique(pixels)) == {int(level * 255 / 16 + 0.5) for level in range(17)}
    for split in data.splits.values():
        assert split.labels.dtype == np.int32
        assert set(split.labels) == set(range(10))
    assert data.classes == tuple("0123456789")


def test_loading_is_deterministic_and_does_not_touch_numpy_random():
    np.random.seed(0)  # noqa: NPY002
    first = scenes.load("digits")
    assert np.random.randint(10**9) == np.random.RandomState(0).randint(10**9)  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    assert scenes.load("digits").fingerprint == first.fingerprint
    assert scenes.load("digits", seed=1).fingerprint != first.fingerprint


def test_limit_keeps_the_first_examples_of_each_split():
    whole, some = scenes.load("digits"), scenes.load("digits", limit=50)
    for name, split in some.splits.items():
        assert len(split.inputs) == len(split.labels) == 50
        assert np.array_equal(split.inputs, whole.splits[name].inputs[:50])
    assert "limit=0" in sentence(scenes.load, "digits", limit=0)
    assert scenes.load("digits,limit=50").fingerprint == some.fingerprint
    assert "limit='0'" in sentence(scenes.load, "digits,limit=0")


def test_digits_enlarged():
    data = scenes.load("digits,side=16", limit=20)
    assert data.splits["train"].inputs.shape == (20, 16, 16, 1)
    small = scenes.load("digits", limit=20).splits["train"].inputs.astype(float)
    coarse = data.splits["train"].inputs.astype(float).reshape(20, 8, 2, 8, 2, 1).mean((2, 4))
    assert np.corrcoef(small.ravel(), coarse.ravel())[0, 1] > 0.98


def test_fingerprint_is_of_the_arrays():
    split = scenes.Split(np.zeros((2, 3), np.float32), np.array([0, 1], np.int32))
    want = hashlib.sha256(b"train/inputs float32 (2, 3)\n" + bytes(24) + b"train/labels int32 (2,)\n" + bytes([0, 0, 0, 0, 1, 0, 0, 0]))
    assert build.fingerprint({"train": split}) == want.hexdigest()
    assert build.fingerprint({"train": split, "test": split}) == build.fingerprint({"test": split, "train": split})
    assert build.fingerprint({"train": split._replace(labels=None)}) != want.hexdigest()
    assert build.fingerprint({"train": split._replace(inputs=split.inputs.reshape(3, 2))}) != want.hexdigest()


def test_larger_than_memory_is_refused_before_reading():
    def read(rows):
        raise AssertionError("read")

    source = Source({"all": Part(1000, (100, 100, 3), np.uint8, read)})
    text = sentence(build.build, "big", source, memory=30_000_000)  # 30 MB, three times over
    assert "'big' takes 90.0 MB of memory and 30.0 MB are free" in text
    assert "100 examples a split with ',limit=100' in the name" in text
    assert "',side=NN'" in text
    with pytest.raises(AssertionError, match="read"):
        build.build("big", source, limit=100, memory=30_000_000)
    assert "side" not in sentence(build.build, "big", Source({"all": Part(1000, (9,), np.float32, read)}), memory=1000)


def test_free_memory_is_a_number_of_bytes():
    free = build.free_memory()
    assert free is None or free > 10**6


@pytest.mark.parametrize(("count", "text"), [(999, "999 bytes"), (1500, "1.5 kB"), (23_600_000_000, "23.6 GB"), (5 * 10**15, "5000.0 TB")])
def test_bytes_for_a_reader(count, text):
    assert build.bytes_of(count) == text


# --------------------------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("digits", ("digits", {})),
        ("shapes:vectors,values=4,split=held-out", ("shapes:vectors", {"values": "4", "split": "held-out"})),
        ("a,b/c=d,side=64", ("a,b/c=d", {"side": "64"})),
        ("hub:a/b,config=x+y", ("hub:a/b", {"config": "x+y"})),
    ],
)
def test_names_and_options(name, want):
    assert options.parse(name) == want


def test_wrong_names_say_what_exists(tmp_path):
    text = sentence(scenes.load, "minst")
    assert text.startswith("unknown data 'minst': known are digits, shapes, mnist, ")
    assert "hub:OWNER/NAME" in text
    assert "folder" in text
    assert sentence(scenes.load, "no/such/folder").startswith("no file or folder 'no/such/folder': expected")
    assert sentence(scenes.load, "gone.npz").startswith("no file or folder 'gone.npz': expected")
    assert "unknown option of 'digits' 'size': known are side" in sentence(scenes.load, "digits,size=3")
    assert "side='x'" in sentence(scenes.load, "digits,side=x")
    assert "stands twice" in sentence(scenes.load, "digits,side=8,side=9")
    assert "does not name a set on the Hub" in sentence(scenes.load, "hub:mnist")
    assert "neither parquet files nor images" in sentence(scenes.load, str(tmp_path))
    (tmp_path / "x.csv").write_text("1")
    assert "unknown kind of file 'x.csv'" in sentence(scenes.load, str(tmp_path / "x.csv"))


def test_no_data_has_a_name(tmp_path):
    data = scenes.load("none")
    assert (data.name, dict(data.splits), data.classes) == ("none", {}, ())
    assert data.fingerprint == scenes.load("none", seed=3, limit=5).fingerprint
    needs = "this game needs data, and 'none' has none: choose a data set that `semiosis data` lists"
    assert sentence(lambda: data.splits["train"]) == needs
    assert sentence(scenes.need_data, data) == needs
    scenes.need_data(scenes.load("digits", limit=3))
    assert sentence(scenes.load, "none,limit=5") == "'none' is no data, and has no options"
    for name in ("none+digits", "digits+none"):
        assert sentence(scenes.load, name) == f"{name!r} joins 'none' with data: it is no data, and has nothing to join"
    assert sentence(contact.contact_sheet, data, tmp_path / "sheet.png") == "'none' is no data: there is nothing to show of it"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "options"), [("lewis", {}), ("lewis", {"view_rotation": 5.0}), ("naming", {})])
def test_a_game_that_needs_data_says_so(name, options):
    game = importlib.import_module(f"semiosis.games.{name}")
    config = dataclasses.replace(game.PRESETS["tiny"], data="none", **options)
    assert sentence(game.make, config, scenes.load("none")).startswith("this game needs data, and 'none' has none: ")


def test_what_data_must_have():
    data = scenes.load("digits", limit=3)
    scenes.need_labels(data, "anything")
    scenes.need_images(data, "anything")
    assert (
        sentence(scenes.need_attributes, data, "classifying attributes") == "classifying attributes needs attributes, and 'digits' has none"
    )
    assert "needs images" in sentence(scenes.need_images, scenes.load("shapes:vectors,values=3,attributes=3"), "drawing")


def test_missing_extras_say_how_to_install(monkeypatch, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(png(GREYS[0]))
    (tmp_path / "f.h5").write_bytes(b"")
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "train.parquet").write_bytes(b"")
    for module, package, name in (
        ("PIL.Image", "pillow", str(tmp_path / "a")),
        ("h5py", "h5py", str(tmp_path / "f.h5")),
        ("pyarrow", "pyarrow", str(tmp_path / "p")),
        ("datasets", "datasets", "mnist"),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            text = sentence(scenes.load, name)
            assert f"needs {package}, which is in the extra `data`: pip install 'semiosis[data]'" in text


def test_the_listing_names_everything_and_what_is_missing(monkeypatch):
    def text():
        console = Console(width=200, file=io.StringIO())
        console.print(contact.listing())
        return console.file.getvalue()

    for name, _, _ in scenes.known():
        assert name in text()
    assert "pip install" not in text()
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda module: None)
    rows = {line.split()[0]: line for line in text().splitlines()[2:]}
    assert "pip install 'semiosis[data]'" in rows["mnist"]
    assert "ready" in rows["digits"]
    assert "ready" in rows["none"]


# -------------------------------------------------------------------------------------------------------------------- shapes


def test_shapes_are_every_combination_once():
    data = scenes.load("shapes:vectors")
    attributes = np.concatenate([split.attributes for split in data.splits.values()])
    assert data.attribute_sizes == (6, 6, 3, 3, 3, 4)
    assert len(attributes) == len(np.unique(attributes, axis=0)) == 6 * 6 * 3 * 3 * 3 * 4
    for split in data.splits.values():
        assert np.array_equal(split.labels, split.attributes[:, 0])
    assert data.classes == data.attribute_values[0] == tuple(render.SHAPES)[:6]
    assert [len(values) for values in data.attribute_values] == list(data.attribute_sizes)


def test_vectors_are_one_hot_attributes_side_by_side():
    assert shapes.vectors((2, 3), np.array([[1, 0], [0, 2]])).tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 0, 1]]
    split = scenes.load("shapes:vectors,values=4,attributes=3").splits["train"]
    assert split.inputs.shape[1:] == (12,)
    assert np.array_equal(split.inputs.reshape(-1, 3, 4).argmax(-1), split.attributes)


def test_images_and_vectors_are_the_same_scenes():
    pictures, vectors = (scenes.load(f"shapes:{kind},attributes=3,split=compositional").splits for kind in ("images", "vectors"))
    for name in pictures:
        assert np.array_equal(pictures[name].attributes, vectors[name].attributes)
    assert pictures["train"].inputs.shape[1:] == (32, 32, 3)
    assert pictures["train"].inputs.dtype == np.uint8


def all_values_in_train(data, missing=0):
    train = data.splits["train"].attributes
    return sum(size - len(np.unique(column)) for size, column in zip(data.attribute_sizes, train.T, strict=True)) == missing


@pytest.mark.parametrize("name", ["values=2,attributes=3", "values=4,attributes=3", "values=7,attributes=2", "attributes=6"])
def test_compositional_holds_out_pairs_and_shows_every_value(name):
    data = scenes.load(f"shapes:vectors,split=compositional,{name}")
    pairs = {split: {tuple(row) for row in part.attributes[:, :2].tolist()} for split, part in data.splits.items()}
    assert pairs["zero_shot"].isdisjoint(pairs["train"] | pairs["valid"] | pairs["test"])
    assert all_values_in_train(data)
    assert {pair[0] for pair in pairs["zero_shot"]} == set(range(data.attribute_sizes[0]))
    total = np.prod(data.attribute_sizes)
    assert sum(len(part.inputs) for part in data.splits.values()) == total
    assert len(data.splits["zero_shot"].inputs) == total // max(data.attribute_sizes[:2])


@pytest.mark.parametrize("seed", range(5))
def test_random_splits_show_every_value_in_training_even_when_tiny(seed):
    assert all_values_in_train(scenes.load("shapes:vectors,values=5,attributes=2", seed=seed))


def test_held_out_keeps_one_value_back():
    data = scenes.load("shapes:vectors,split=held-out,hold=colour/green")
    green = data.attribute_values[1].index("green")
    assert (data.splits["zero_shot"].attributes[:, 1] == green).all()
    assert len(data.splits["zero_shot"].inputs) == 3888 // 6
    assert all((data.splits[name].attributes[:, 1] != green).all() for name in ("train", "valid", "test"))
    assert all_values_in_train(data, missing=1)
    default = scenes.load("shapes:vectors,split=held-out,values=3,attributes=3").splits["zero_shot"].attributes
    assert (default[:, 0] == 2).all()


def test_many_attributes_are_sampled_without_repeats():
    data = scenes.load("shapes:vectors,values=10,attributes=8,examples=5000,split=compositional")
    attributes = np.concatenate([split.attributes for split in data.splits.values()])
    assert len(np.unique(attributes, axis=0)) == len(attributes) == 5000
    assert attributes.min() == 0
    assert attributes.max() == 9
    assert data.attribute_names[6:] == ("attribute 7", "attribute 8")
    counts = np.stack([np.bincount(column, minlength=10) for column in attributes.T])
    assert np.abs(counts - 500).max() < 5 * np.sqrt(5000 * 0.1 * 0.9)  # five standard deviations
    assert len(scenes.load("shapes:vectors,values=10,attributes=6").splits["train"].inputs) == 16_000  # of 20,000


def test_shapes_mistakes():
    assert "unknown kind of shapes 'x'" in sentence(scenes.load, "shapes:x")
    assert "unknown attribute 'hue'" in sentence(scenes.load, "shapes,attributes=shape+hue")
    assert "stands twice" in sentence(scenes.load, "shapes,attributes=shape+shape")
    assert "8 values of shape" in sentence(scenes.load, "shapes,values=9")
    assert "unknown value of the option split 'odd'" in sentence(scenes.load, "shapes,split=odd")
    assert "needs at least 2 attributes" in sentence(scenes.load, "shapes,attributes=1,split=compositional")
    assert "hold needs split=held-out" in sentence(scenes.load, "shapes,hold=colour")
    assert "unknown value of colour 'pink'" in sentence(scenes.load, "shapes,split=held-out,hold=colour/pink")
    assert "unknown attribute to hold out 'age'" in sentence(scenes.load, "shapes,split=held-out,hold=age")
    assert "too few" in sentence(scenes.load, "shapes:vectors,values=2,attributes=2,split=compositional")
    assert "more than the 36 combinations" in sentence(scenes.load, "shapes,attributes=2,examples=37")
    assert "do not show every value" in sentence(scenes.load, "shapes:vectors,values=90,attributes=2,examples=100")
    assert "unknown option" in sentence(scenes.load, "shapes:vectors,side=32")


def test_each_attribute_changes_the_picture_and_only_as_it_says():
    data = scenes.load("shapes,side=64")
    where = {tuple(row): split.inputs[i] for split in data.splits.values() for i, row in enumerate(split.attributes.tolist())}
    assert len({image.tobytes() for image in where.values()}) == 3888

    def ink(image):
        return np.abs(image.astype(float) - render.PAPER).sum(-1)

    def middle(image):
        weight = ink(image) / ink(image).sum()
        return (weight.sum(0) @ np.arange(64), weight.sum(1) @ np.arange(64))

    base = (3, 1, 1, 1, 1, 0)
    x = [middle(where[*base[:3], i, 1, 0])[0] for i in range(3)]
    y = [middle(where[*base[:3], 1, i, 0])[1] for i in range(3)]
    assert np.allclose(np.diff(x), 0.2 * 64, atol=0.2)  # left to right
    assert np.allclose(np.diff(y), 0.2 * 64, atol=0.2)  # top to bottom
    area = [(ink(where[3, 1, i, 1, 1, 0]) > 0).sum() for i in range(3)]
    assert area[0] < area[1] < area[2]
    for shape in range(6):  # turns are clockwise quarters of the very picture; grids agree about the centre of the side
        upright = where[shape, 1, 1, 1, 1, 0].astype(int)
        assert np.abs(np.rot90(upright, -1) - where[shape, 1, 1, 1, 1, 1]).max() <= 1
    red, blue = where[3, 0, 1, 1, 1, 0], where[3, 1, 1, 1, 1, 0]
    assert tuple(red[32, 32]) == render.INKS["red"]
    assert tuple(blue[32, 32]) == render.INKS["blue"]
    for image in where.values():  # nothing is cut off at the border
        assert (image[[0, -1]] == render.PAPER).all()
        assert (image[:, [0, -1]] == render.PAPER).all()


def test_a_disc_covers_its_area_and_its_edge_is_soft(monkeypatch):
    monkeypatch.setitem(render.SHAPES, "disc", lambda x, y: render.disc(x, y, 0, 0, 1))
    cover = render.ink("disc", np.array([[0.5, 0.5]]), np.array([0.3]), np.array([0.0]), 64)[0]
    assert cover.sum() == pytest.approx(np.pi * (0.3 * 64) ** 2, rel=1e-3)
    assert ((cover > 0) & (cover < 1)).sum() > 60  # the circumference is 121 pixels


@pytest.mark.parametrize("shape", list(render.SHAPES))
def test_every_shape_is_antialiased_like_a_finer_drawing(shape):
    arguments = (np.array([[0.48, 0.53]]), np.array([0.35]), np.array([25.0]))
    fine = render.ink(shape, *arguments, 320)[0].reshape(32, 10, 32, 10).mean((1, 3))
    assert np.abs(render.ink(shape, *arguments, 32)[0] - fine).mean() < 0.004


# -------------------------------------------------------------------------------------------------------------------- tables


def test_a_folder_in_the_layout_of_the_hub(tmp_path):
    note = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["a", "b"]}}
    labels = np.arange(40) % 2
    write_parquet(tmp_path / "data" / "train-00000-of-00002.parquet", GREYS[:20], {"label": labels[:20]}, note)
    write_parquet(tmp_path / "data" / "train-00001-of-00002.parquet", GREYS[20:30], {"label": labels[20:30]}, note)
    write_parquet(tmp_path / "data" / "test-00000-of-00001.parquet", GREYS[30:], {"label": labels[30:]}, note)
    data = scenes.load(str(tmp_path))
    assert {name: split.inputs.shape for name, split in data.splits.items()} == {
        "train": (27, 6, 5, 1),
        "valid": (3, 6, 5, 1),
        "test": (10, 6, 5, 1),
    }
    assert data.classes == ("a", "b")
    for name, split in data.splits.items():
        rows = found_in(split.inputs, GREYS)
        assert np.array_equal(split.labels, labels[rows])
        assert all(row >= 30 for row in rows) == (name == "test")
    assert sorted(row for split in data.splits.values() for row in found_in(split.inputs, GREYS)) == list(range(40))


def test_files_written_by_the_library_itself(tmp_path):
    datasets = importlib.import_module("datasets")
    kinds = datasets.Features(
        {
            "img": datasets.Image(),
            "fine_label": datasets.ClassLabel(names=["x", "y", "z"]),
            "coarse_label": datasets.ClassLabel(names=["p", "q"]),
        }
    )
    rows = {
        "img": [{"bytes": png(p), "path": None} for p in COLOURS],
        "fine_label": [i % 3 for i in range(40)],
        "coarse_label": [i % 2 for i in range(40)],
    }
    dataset = datasets.Dataset.from_dict(rows, features=kinds)
    dataset.to_parquet(tmp_path / "train.parquet")
    data = scenes.load(str(tmp_path))
    assert data.classes == ("x", "y", "z")
    assert (data.attribute_names, data.attribute_sizes, data.attribute_values) == (("coarse_label",), (2,), (("p", "q"),))
    for split in data.splits.values():
        rows = np.array(found_in(split.inputs, COLOURS))
        assert np.array_equal(split.labels, rows % 3)
        assert np.array_equal(split.attributes[:, 0], rows % 2)


def test_the_hub_is_read_like_a_folder(tmp_path, monkeypatch):
    datasets = importlib.import_module("datasets")
    note = {"image": {"_type": "Image"}, "celeb_id": {"_type": "Value", "dtype": "int64"}}
    columns = {"celeb_id": np.arange(40) + 5, **{name: (np.arange(40) + i) % 3 == 0 for i, name in enumerate(celeba.ATTRIBUTES)}}
    note |= {name: {"_type": "Value", "dtype": "bool"} for name in celeba.ATTRIBUTES}
    for split, rows in (("train", slice(0, 30)), ("valid", slice(30, 35)), ("test", slice(35, 40))):
        write_parquet(tmp_path / f"{split}-00000-of-00001.parquet", COLOURS[rows], {k: v[rows] for k, v in columns.items()}, note)
    fake = {
        s: datasets.Dataset.from_parquet(str(tmp_path / f"{s}-00000-of-00001.parquet"), cache_dir=str(tmp_path / "cache"))
        for s in ("train", "valid", "test")
    }
    asked = []
    monkeypatch.setattr(datasets, "load_dataset", lambda *names: asked.append(names) or fake)
    near, there = scenes.load(str(tmp_path)), scenes.load("hub:someone/faces")
    assert asked == [("someone/faces", None)]
    assert there.fingerprint == near.fingerprint
    assert there.attribute_names == celeba.ATTRIBUTES
    assert there.attribute_sizes == (2,) * 40
    train = there.splits["train"]
    rows = np.array(found_in(train.inputs, COLOURS))
    assert np.array_equal(train.labels, rows + 5)
    assert np.array_equal(train.attributes, (rows[:, None] + np.arange(40)) % 3 == 0)
    named = scenes.load("celeba")
    assert asked[1] == ("flwrlabs/celeba", None)
    assert named.splits["train"].inputs.shape == (30, 64, 64, 3)


def test_no_hub_is_one_sentence(monkeypatch):
    datasets = importlib.import_module("datasets")

    def fails(*names):
        raise ConnectionError("Couldn't reach\nthe Hub")

    monkeypatch.setattr(datasets, "load_dataset", fails)
    text = sentence(scenes.load, "mnist")
    assert "cannot load 'ylecun/mnist' from the Hugging Face Hub: is this machine online" in text
    assert "Couldn't reach the Hub" in text


def test_online_asks_for_the_name_of_the_hub(monkeypatch):
    monkeypatch.setattr(hub.urllib.request, "getproxies", dict)
    monkeypatch.setattr(hub.socket, "getaddrinfo", lambda host, port: [host])
    assert hub.online()

    def nobody(host, port):
        raise OSError("no such name")

    monkeypatch.setattr(hub.socket, "getaddrinfo", nobody)
    assert not hub.online()
    monkeypatch.setattr(hub.urllib.request, "getproxies", lambda: {"https": "http://proxy"})
    assert hub.online()


def test_every_named_set_has_a_repository_and_known_options():
    for name, entry in hub.SETS.items():
        assert entry.repository.count("/") == 1
        assert set(entry.options) <= {"side", "channels"}
        assert name in [row[0] for row in scenes.known()]


def test_labels_of_other_kinds(tmp_path):
    write_parquet(tmp_path / "words" / "train.parquet", GREYS, {"label": [["cat", "ant", "bee"][i % 3] for i in range(40)]})
    data = scenes.load(str(tmp_path / "words"))
    assert data.classes == ("ant", "bee", "cat")
    train = data.splits["train"]
    assert np.array_equal(train.labels, np.array([2, 0, 1])[np.array(found_in(train.inputs, GREYS)) % 3])
    write_parquet(tmp_path / "none" / "train.parquet", GREYS)
    data = scenes.load(str(tmp_path / "none"))
    assert data.splits["train"].labels is None
    assert "by class needs labels" in sentence(scenes.need_labels, data, "distractors by class")
    write_parquet(tmp_path / "hidden" / "train.parquet", GREYS[:30], {"label": [1] * 30})
    write_parquet(tmp_path / "hidden" / "test.parquet", GREYS[30:], {"label": [-1] * 10})
    data = scenes.load(str(tmp_path / "hidden"))
    assert data.splits["test"].labels is None
    assert data.splits["train"].labels is not None
    write_parquet(tmp_path / "floats" / "train.parquet", GREYS, {"label": np.arange(40) / 2})
    assert "float64" in sentence(scenes.load, str(tmp_path / "floats"))
    write_parquet(tmp_path / "holes" / "train.parquet", GREYS, {"label": [None, *range(39)]})
    assert "empty entries" in sentence(scenes.load, str(tmp_path / "holes"))


def test_tables_that_cannot_be_read(tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "train.parquet").write_bytes(b"PAR1 this is not one PAR1")
    text = sentence(scenes.load, str(tmp_path / "bad"))
    assert "train.parquet" in text
    assert "not a parquet file, or a damaged one" in text
    write_parquet(tmp_path / "torn" / "train.parquet", [png(GREYS[0])[:40], *GREYS[1:]])
    assert "row 0 of" in sentence(scenes.load, str(tmp_path / "torn"))
    write_parquet(tmp_path / "tear" / "train.parquet", [*GREYS[:9], b"no picture", *GREYS[10:]])
    assert "cannot read the image in row 9 of" in sentence(scenes.load, str(tmp_path / "tear"))
    write_parquet(tmp_path / "many" / "a" / "train.parquet", GREYS)
    write_parquet(tmp_path / "many" / "b" / "train.parquet", GREYS)
    assert "holds several sets (a, b each have train)" in sentence(scenes.load, str(tmp_path / "many"))
    write_parquet(tmp_path / "odd" / "one.parquet", GREYS)
    write_parquet(tmp_path / "odd" / "two.parquet", GREYS)
    assert "has the splits one, two" in sentence(scenes.load, str(tmp_path / "odd"))
    import pyarrow as pa
    from pyarrow import parquet

    (tmp_path / "text").mkdir()
    parquet.write_table(pa.table({"text": ["a"]}), tmp_path / "text" / "train.parquet")
    assert "no column of images: its columns are text" in sentence(scenes.load, str(tmp_path / "text"))


def test_a_truncated_parquet_file(tmp_path):
    write_parquet(tmp_path / "train.parquet", np.random.default_rng(0).integers(0, 256, (300, 32, 32, 3), dtype=np.uint8))
    whole = (tmp_path / "train.parquet").read_bytes()
    (tmp_path / "train.parquet").write_bytes(
        whole[:10_000] + bytes(len(whole) - 20_000) + whole[-10_000:]
    )  # a hole in the middle, as bad disks make
    text = sentence(scenes.load, str(tmp_path))
    assert str(tmp_path) in text


# ------------------------------------------------------------------------------------------------------------------- folders


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png(array))


def test_a_folder_of_images_by_class(tmp_path):
    for i, image in enumerate(COLOURS):
        save(tmp_path / ("ant" if i % 4 else "bee") / f"{i:02}.png", image)
    save(tmp_path / ".cache" / "junk.png", COLOURS[0])
    data = scenes.load(str(tmp_path))
    assert data.classes == ("ant", "bee")
    assert {name: len(split.inputs) for name, split in data.splits.items()} == {"train": 32, "valid": 4, "test": 4}
    for split in data.splits.values():
        assert np.array_equal(split.labels, np.array(found_in(split.inputs, COLOURS)) % 4 == 0)


def test_a_folder_of_images_by_split_and_class(tmp_path):
    for i, image in enumerate(GREYS):
        save(tmp_path / ("train" if i < 20 else "val" if i < 30 else "test") / "ab"[i % 2] / f"{i:02}.png", image)
    data = scenes.load(str(tmp_path))
    assert {name: split.inputs.shape for name, split in data.splits.items()} == {
        "train": (20, 6, 5, 1),
        "valid": (10, 6, 5, 1),
        "test": (10, 6, 5, 1),
    }
    assert set(found_in(data.splits["valid"].inputs, GREYS)) == set(range(20, 30))
    assert data.classes == ("a", "b")


def test_a_folder_of_images_without_classes(tmp_path):
    for i, image in enumerate(GREYS):
        save(tmp_path / f"{i:02}.png", image)
    data = scenes.load(str(tmp_path))
    assert data.splits["train"].labels is None
    save(tmp_path / "a" / "stray.png", GREYS[0])
    assert "partly in folders by class and partly outside" in sentence(scenes.load, str(tmp_path))


def test_images_of_several_sizes_need_a_side(tmp_path):
    for i, image in enumerate(COLOURS):
        save(tmp_path / "a" / f"{i:02}.png", image if i != 7 else image[:, :4])
    text = sentence(scenes.load, str(tmp_path))
    assert "differ in size, 5x6 and 4x6" in text
    assert "07.png" in text
    assert ",side=64'" in text
    assert scenes.load(f"{tmp_path},side=8").splits["train"].inputs.shape == (32, 8, 8, 3)


def test_resizing_crops_to_a_square_about_the_centre(tmp_path):
    image = np.full((8, 24), 40, np.uint8)
    image[:, 4:20] = 200  # the square is columns 8 to 16, and a filter over two pixels of the result reaches four more
    for i in range(3):
        save(tmp_path / f"{i}.png", image)
    assert (scenes.load(f"{tmp_path},side=4").splits["train"].inputs == 200).all()


def test_grey_and_colour(tmp_path):
    for i, image in enumerate(GREYS):
        save(tmp_path / "mixed" / f"{i}.png", image if i else COLOURS[0])
    assert scenes.load(str(tmp_path / "mixed")).splits["train"].inputs.shape[-1] == 3  # one in colour makes a set in colour
    assert scenes.load(f"{tmp_path / 'mixed'},channels=1").splits["train"].inputs.shape[-1] == 1
    assert scenes.load(f"{tmp_path / 'mixed'},channels=3").splits["test"].inputs.shape[-1] == 3
    assert "channels '2'" in sentence(scenes.load, f"{tmp_path / 'mixed'},channels=2")


def test_colour_that_the_probe_did_not_see_is_refused():
    from PIL import Image

    form = images.Format(6, 5, 1)
    assert "taken for grey, but 'x' has colour" in sentence(images.to_array, Image.fromarray(COLOURS[0]), form, "'x'", "set")


def test_sixteen_bit_grey_keeps_its_high_byte():
    from PIL import Image

    image = Image.fromarray((np.arange(30, dtype=np.uint16) * 2000).reshape(6, 5))
    assert np.array_equal(images.to_array(image, images.Format(6, 5, 1), "x", "set")[..., 0], (np.arange(30) * 2000 >> 8).reshape(6, 5))


def test_a_damaged_image_is_named(tmp_path):
    for i, image in enumerate(GREYS[:5]):
        save(tmp_path / "a" / f"{i}.png", image)
    (tmp_path / "a" / "3.png").write_bytes(png(GREYS[3])[:50])
    assert f"cannot read '{tmp_path / 'a' / '3.png'}'" in sentence(scenes.load, str(tmp_path))


# ------------------------------------------------------------------------------------------------------------------ features


X = np.random.default_rng(2).normal(size=(50, 3)).astype(np.float32)


def write(path, arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
        return str(path)
    h5py = importlib.import_module("h5py")
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array.astype("S") if array.dtype.kind == "U" else array
    return str(path)


@pytest.fixture(params=[".npz", ".h5"])
def suffix(request):
    return request.param


def test_plain_features(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr(features, "CHUNK", 7)
    data = scenes.load(
        write(
            tmp_path / f"f{suffix}",
            {"features": X.astype(np.float64), "labels": np.arange(50) % 4, "attributes": np.arange(100).reshape(50, 2) % 3},
        )
    )
    assert {name: split.inputs.shape for name, split in data.splits.items()} == {"train": (40, 3), "valid": (5, 3), "test": (5, 3)}
    for split in data.splits.values():
        rows = np.array(found_in(split.inputs, X))
        assert split.inputs.dtype == np.float32
        assert np.array_equal(split.labels, rows % 4)
        assert np.array_equal(split.attributes, np.stack([2 * rows, 2 * rows + 1], 1) % 3)
    assert data.attribute_names == ("attribute 1", "attribute 2")
    assert data.attribute_sizes == (3, 3)


def test_features_by_split(tmp_path, suffix):
    name = "{}_{}" if suffix == ".npz" else "{}/{}"
    arrays = {
        name.format(s, k): v
        for s, r in (("train", slice(0, 30)), ("val", slice(30, 40)), ("test", slice(40, 50)))
        for k, v in (("x", X[r]), ("y", np.arange(50)[r]))
    }
    data = scenes.load(write(tmp_path / f"f{suffix}", arrays))
    assert {name: len(split.inputs) for name, split in data.splits.items()} == {"train": 30, "valid": 10, "test": 10}
    assert set(found_in(data.splits["valid"].inputs, X)) == set(range(30, 40))
    assert np.array_equal(data.splits["test"].labels, found_in(data.splits["test"].inputs, X))


@pytest.mark.parametrize("words", [("train", "validation", "test"), (0, 1, 2)])
def test_features_with_an_array_of_splits(tmp_path, suffix, words):
    which = np.array([words[0 if i % 5 < 3 else i % 5 - 2] for i in range(50)])
    data = scenes.load(write(tmp_path / f"f{suffix}", {"x": X, "split": which}))
    assert {name: {i % 5 for i in found_in(split.inputs, X)} for name, split in data.splits.items()} == {
        "train": {0, 1, 2},
        "valid": {3},
        "test": {4},
    }
    again = scenes.load(str(tmp_path / f"f{suffix},split=random"))
    assert len(again.splits["train"].inputs) == 40


def test_the_published_imagenet_layout(tmp_path, suffix):
    arrays = {
        f"{s}/{k}": v
        for s, r in (("train", slice(0, 40)), ("valid", slice(40, 45)), ("test", slice(45, 50)))
        for k, v in (("logit", X[r]), ("label", np.arange(50)[r] * 20))
    }
    data = scenes.load(write(tmp_path / f"f{suffix}", arrays))
    assert np.array_equal(data.splits["train"].labels, 20 * np.array(found_in(data.splits["train"].inputs, X)))


def walked(identities):
    """The published rule, as it is told: a walk with a counter for each person."""
    counters, found = {}, {"train": [], "valid": [], "test": []}
    for row, person in enumerate(identities):
        count = counters.get(person, 0)
        away = count > 0 and count % 5 == 0
        found[("valid" if person % 2 == 0 else "test") if away else "train"].append(row)
        counters[person] = count + 1
    return found


def test_celeba_split_is_the_walk():
    toy = [
        2,
        2,
        2,
        1,
        2,
        2,
        2,
        1,
        1,
        1,
        1,
        1,
        2,
        2,
        2,
        2,
        2,
    ]  # the 6th and 11th image of person 2 are rows 6 and 16, the 6th of person 1 is row 11
    assert {split: rows.tolist() for split, rows in celeba.celeba_split(np.array(toy)).items()} == {
        "train": [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14, 15],
        "valid": [6, 16],
        "test": [11],
    }
    many = np.random.default_rng(3).integers(1, 60, 3000)
    assert {split: rows.tolist() for split, rows in celeba.celeba_split(many).items()} == walked(many.tolist())
    assert celeba.celeba_split(np.array([], int))["train"].size == 0


@pytest.mark.parametrize("grouped", [False, True])
def test_the_published_celeba_layout(tmp_path, suffix, grouped):
    rng = np.random.default_rng(4)
    identities, order = rng.integers(1, 6, 50), rng.permutation(50) + 1
    truths = rng.integers(0, 2, (50, 40))
    attributes = (
        {f"attributes/{name}": truths[:, i] for i, name in enumerate(celeba.ATTRIBUTES)} if grouped else {"attributes": 2 * truths - 1}
    )
    name = write(tmp_path / f"f{suffix}", {"logit": X, "label": identities, "image_id": order, **attributes})
    data = scenes.load(name)
    by_id = np.argsort(order)
    want = {split: {int(by_id[i]) for i in rows} for split, rows in walked(identities[by_id].tolist()).items()}
    assert {split: set(found_in(part.inputs, X)) for split, part in data.splits.items()} == want
    train = data.splits["train"]
    rows = found_in(train.inputs, X)
    assert np.array_equal(train.labels, identities[rows])
    assert np.array_equal(train.attributes, truths[rows])
    assert data.attribute_names == celeba.ATTRIBUTES
    assert {split: len(part.inputs) for split, part in scenes.load(f"{name},split=random").splits.items()} == {
        "train": 40,
        "valid": 5,
        "test": 5,
    }


def test_small_images_in_a_feature_file(tmp_path, suffix):
    data = scenes.load(write(tmp_path / f"f{suffix}", {"images": GREYS, "label": np.eye(4)[np.arange(40) % 4]}))
    train = data.splits["train"]
    assert train.inputs.shape == (32, 6, 5, 1)
    assert train.inputs.dtype == np.uint8
    assert np.array_equal(train.labels, np.array(found_in(train.inputs, GREYS)) % 4)


def test_feature_files_that_cannot_be_read(tmp_path, suffix):
    def load(arrays, more=""):
        return sentence(scenes.load, write(tmp_path / f"f{suffix}", arrays) + more)

    assert "no features for all: expected one of features, x" in load({"z": X})
    assert "not finite" in load({"x": np.where(X > 2, np.nan, X)})
    assert "50 features but 49 labels" in load({"x": X, "y": np.arange(49)})
    assert "expected numbers [n d] or uint8 images" in load({"x": X[:, :, None]})
    assert "both by split and without" in load({"x": X, "train_x": X})
    assert "must say train, valid or test" in load({"x": X, "split": np.full(50, 7)})
    assert "leaves valid, test empty" in load({"x": X, "split": np.zeros(50, int)})
    assert "for files without splits" in load({"train_x": X, "test_x": X}, ",split=random")
    assert "needs the identities" in load({"x": X}, ",split=celeba")
    assert "do not have the same attributes" in load({"train_x": X, "test_x": X, "train_attributes": np.zeros((50, 2), int)})
    (tmp_path / f"f{suffix}").write_bytes(b"this is no such file")
    text = sentence(scenes.load, str(tmp_path / f"f{suffix}"))
    assert f"cannot read '{tmp_path / 'f'}{suffix}': not a {suffix} file" in text


def test_damaged_and_pickled_npz(tmp_path):
    np.savez_compressed(tmp_path / "f.npz", x=np.random.default_rng(0).normal(size=(500, 20)))
    whole = bytearray((tmp_path / "f.npz").read_bytes())
    whole[20_000:20_100] = bytes(100)
    (tmp_path / "f.npz").write_bytes(whole)
    assert "the file is damaged" in sentence(scenes.load, str(tmp_path / "f.npz"))
    np.savez(tmp_path / "g.npz", x=np.array([{}, {}, {}], dtype=object))
    assert "pickled object" in sentence(scenes.load, str(tmp_path / "g.npz"))


# -------------------------------------------------------------------------------------------------------------------- sheets


@pytest.mark.parametrize("name", ["digits", "shapes,attributes=2,values=3,split=compositional", "shapes:vectors,values=3,attributes=3"])
def test_contact_sheet_is_a_picture_with_ink(tmp_path, name):
    from PIL import Image

    path = contact.contact_sheet(scenes.load(name, limit=100), tmp_path / "new" / "sheet.png", per_class=5)
    pixels = np.asarray(Image.open(path).convert("L"))
    assert min(pixels.shape) > 200
    assert pixels.std() > 10


def test_contact_sheet_rows_are_classes():
    split = scenes.load("digits").splits["train"]
    rows = contact.sample_rows(split, 4)
    assert [label for label, _ in rows] == list(range(10))
    assert all((split.labels[chosen] == label).all() and len(chosen) == 4 for label, chosen in rows)
    unlabelled = contact.sample_rows(split._replace(labels=None), 4)
    assert len(unlabelled) == 10
    assert all(label is None for label, _ in unlabelled)
    many = contact.sample_rows(split._replace(labels=np.arange(1439, dtype=np.int32)), 4)
    assert len(many) == contact.ROWS


# ----------------------------------------------------------------------------------------------------------------- real files


@pytest.mark.parametrize(("name", "shape", "classes"), [("mnist", (28, 28, 1), "0"), ("cifar10", (32, 32, 3), "airplane")])
def test_real_sets(shared_data, name, shape, classes):
    data = scenes.load(str(shared_data / name), limit=200)
    assert all(split.inputs.shape == (200, *shape) for split in data.splits.values())
    assert data.classes[0] == classes
    assert set(data.splits["test"].labels) == set(range(10))
