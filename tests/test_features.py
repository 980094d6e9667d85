"""Feature files: the right row for the right image, whatever the batch; and the sentence that each mistake gets."""

import importlib
from contextlib import contextmanager

import equinox as eqx
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from semiosis.errors import UsageError
from semiosis.nets import backbones
from semiosis.runs import features

WIDTH, CLASSES, SIDE, BATCH = 2, 5, 64, 4
REQUEST = ("layer4_2", f"avgpool_{8 * WIDTH}", "fc")
SIZES = {"cat/b.png": (70, 90), "cat/a.png": (64, 64), "ant/z.jpg": (130, 80), "ant/y.PNG": (65, 200), "ant/x.png": (40, 50)}
SIZES |= {"bee/deep/1.png": (64, 66), "bee/2.png": (90, 90)}
ORDER = ["ant/x.png", "ant/y.PNG", "ant/z.jpg", "bee/2.png", "bee/deep/1.png", "cat/a.png", "cat/b.png"]
DESCRIPTIONS = "7,cat,a small, furry thing\n\n20,bee,it flies\n3,ant,it walks\n99,dog,it barks\n"


@pytest.fixture
def folder(tmp_path):
    """Seven images of three classes, of many sizes, no two alike; and a hidden file."""
    return pictures(tmp_path / "images")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of random weights of a ResNet-34 of 1/32 of the published width."""
    rng = np.random.default_rng(0)
    arrays = {
        name: rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else rng.uniform(0.5, 1.5, shape)
        for name, shape in backbones.resnet34_shapes(WIDTH, CLASSES).items()
    }
    path = tmp_path_factory.mktemp("weights") / "resnet34.safetensors"
    save_file({name: array.astype(np.float32) for name, array in arrays.items()}, path)
    return path


def pictures(root, names=tuple(SIZES)):
    rng = np.random.default_rng(0)
    for name in names:
        width, height = SIZES[name]
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(root / name)
    (root / ".hidden.png").write_bytes(b"no image")
    return root


def make(folder, out, weights, **options):
    return features.make_features(folder, out, weights, **{"batch_size": BATCH, "side": SIDE, "request": REQUEST} | options)


def stored(path):
    h5py = importlib.import_module("h5py")
    with h5py.File(path, "r") as file:
        return {name: file[name][:] for name in file}, dict(file.attrs)


def sentence(call, *args, **options):
    with pytest.raises(UsageError) as error:
        call(*args, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def alone(net, image, statistics=backbones.STATISTICS):
    """What the network sees in one image, by the definition."""
    mean, deviation = (np.array(numbers, np.float32) for numbers in statistics)
    x = (features.pixels(features.Image(image, "", ""), SIDE) / np.float32(255) - mean) / deviation
    return {name: np.asarray(array[0]) for name, array in LOOK(net, x[None]).items()}


LOOK = eqx.filter_jit(lambda net, x: net(x))


# ---------------------------------------------------------------------------------------------------------------- the rows


def test_rows_are_the_images_in_order_with_their_labels_and_names(folder, weights, tmp_path):
    """Seven images by fours: the last batch is short, and each row is still what its own image gives alone."""
    (tmp_path / "d.csv").write_text(DESCRIPTIONS, encoding="utf-8-sig")
    written = make(folder, tmp_path / "out.hdf5", weights, descriptions=tmp_path / "d.csv")
    assert written == [features.Written(tmp_path / "out.hdf5", 7, ())]
    rows, made = stored(tmp_path / "out.hdf5")
    assert [name.decode() for name in rows["Location"]] == ORDER
    assert rows["Location"].dtype == "S14"
    assert rows["Target"].dtype == np.int64
    assert rows["Target"].tolist() == [3, 3, 3, 20, 20, 7, 7]
    shapes = {name: (rows[name].shape, rows[name].dtype.name) for name in REQUEST}
    assert shapes == {"layer4_2": ((7, 1, 16, 2, 2), "float32"), "avgpool_16": ((7, 1, 16), "float32"), "fc": ((7, 1, 5), "float32")}
    net = backbones.resnet34(features.weights.load(weights))
    for row, name in enumerate(ORDER):
        own = alone(net, folder / name)
        np.testing.assert_allclose(rows["layer4_2"][row, 0], own["layer4_2"].transpose(2, 0, 1), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(rows["avgpool_16"][row, 0], own["avgpool_16"], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(rows["fc"][row, 0], own["fc"], rtol=1e-4, atol=1e-4)
    assert len({tuple(row) for row in rows["fc"][:, 0].round(3)}) == 7
    assert {key: made[key] for key in ("weights", "normalise", "side")} == {"weights": weights.name, "normalise": "imagenet", "side": SIDE}
    assert len(made["weights_sha256"]) == 64
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.csv", "images", "out.csv", "out.hdf5"]


def test_without_descriptions_labels_are_places_among_the_folders(folder, weights, tmp_path):
    make(folder, tmp_path / "out.h5", weights, request=("fc",))
    rows, _ = stored(tmp_path / "out.h5")
    assert sorted(rows) == ["Location", "Target", "fc"]
    assert rows["Target"].tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_the_published_files_pixels(folder, weights, tmp_path):
    make(folder, tmp_path / "out.hdf5", weights, request=("fc",), normalise="half")
    net = backbones.resnet34(features.weights.load(weights))
    own = alone(net, folder / "ant/y.PNG", ((0.5,) * 3, (0.5,) * 3))
    np.testing.assert_allclose(stored(tmp_path / "out.hdf5")[0]["fc"][1, 0], own["fc"], rtol=1e-4, atol=1e-4)


def test_a_file_for_each_split(weights, tmp_path):
    """The classes of all splits are counted together."""
    pictures(tmp_path / "images/train", ["bee/2.png", "cat/a.png"])
    pictures(tmp_path / "images/val", ["cat/b.png"])
    pictures(tmp_path / "images/test", ["ant/x.png"])
    seen = []

    @contextmanager
    def shown(total, start, title):
        seen.append((total, start))
        yield lambda step, figures: seen.append(step)

    written = make(tmp_path / "images", tmp_path / "new/out", weights, request=("fc",), shown=shown)
    assert {(part.path.name, part.size) for part in written} == {("train.hdf5", 2), ("dev.hdf5", 1), ("test.hdf5", 1)}
    labels = {part.path.stem: stored(part.path)[0]["Target"].tolist() for part in written}
    assert labels == {"train": [1, 2], "dev": [2], "test": [0]}
    assert stored(tmp_path / "new/out/dev.hdf5")[0]["Location"].tolist() == [b"cat/b.png"]
    assert (seen[0], seen[-1]) == ((4, 0), 4)


# ------------------------------------------------------------------------------------------------------------- broken images


def test_a_broken_image_stops_with_its_name_and_leaves_nothing(folder, weights, tmp_path):
    (folder / "bee/2.png").write_bytes((folder / "bee/2.png").read_bytes()[:2000])
    assert "bee/2.png" in sentence(make, folder, tmp_path / "out.hdf5", weights)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_a_broken_image_of_a_later_split_leaves_none_of_the_files(weights, tmp_path):
    pictures(tmp_path / "images" / "train", ("ant/x.png", "cat/a.png"))
    pictures(tmp_path / "images" / "test", ("ant/x.png",))
    (tmp_path / "images/test/ant/x.png").write_bytes(b"no image")
    told = sentence(make, tmp_path / "images", tmp_path / "out", weights, request=("fc",))
    assert "test/ant/x.png" in told
    assert "0x" not in told  # no address of an object
    assert not list((tmp_path / "out").iterdir())


def test_the_texts_stand_beside_the_features(weights, tmp_path):
    pictures(tmp_path / "images", ("ant/x.png",))
    (tmp_path / "texts.csv").write_text(DESCRIPTIONS)
    make(tmp_path / "images", tmp_path / "f.hdf5", weights, request=("fc",), descriptions=tmp_path / "texts.csv")
    assert (tmp_path / "f.csv").read_text() == DESCRIPTIONS


def test_broken_images_are_left_out_and_shift_no_row(folder, weights, tmp_path):
    make(folder, tmp_path / "whole.hdf5", weights, request=("fc",))
    for name in ("ant/x.png", "cat/a.png"):
        (folder / name).write_bytes(b"no image")
    (written,) = make(folder, tmp_path / "out.hdf5", weights, request=("fc",), skip_broken=True)
    assert written.size == 5
    assert [name in told for name, told in zip(("ant/x.png", "cat/a.png"), written.broken, strict=True)] == [True, True]
    (whole, _), (rows, _) = stored(tmp_path / "whole.hdf5"), stored(tmp_path / "out.hdf5")
    kept = [1, 2, 3, 4, 6]
    np.testing.assert_array_equal(rows["Target"], whole["Target"][kept])
    np.testing.assert_array_equal(rows["Location"], whole["Location"][kept])
    np.testing.assert_allclose(rows["fc"], whole["fc"][kept], rtol=1e-4, atol=1e-4)


def test_nothing_but_broken_images_is_no_file(weights, tmp_path):
    (tmp_path / "images/cat").mkdir(parents=True)
    (tmp_path / "images/cat/a.png").write_bytes(b"no image")
    assert "cat/a.png" in sentence(make, tmp_path / "images", tmp_path / "out.hdf5", weights, skip_broken=True)
    assert not (tmp_path / "out.hdf5").exists()


# -------------------------------------------------------------------------------------------------------------------- pixels


def test_pixels_are_resized_and_cropped_as_published(tmp_path):
    """130 x 80 by a short side of 40: 65 x 40, of which columns 12 to 51 (half of 25 is rounded to the even 12)."""
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (80, 130, 3), dtype=np.uint8))
    picture.save(tmp_path / "a.png")
    found = features.pixels(features.Image(tmp_path / "a.png", "", ""), 40)
    np.testing.assert_array_equal(found, np.asarray(picture.resize((65, 40), Image.Resampling.BILINEAR))[:, 12:52])


def test_small_and_grey_images_are_pixels_too(tmp_path):
    Image.fromarray(np.full((3, 5), 77, np.uint8)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(features.pixels(features.Image(tmp_path / "a.png", "", ""), 8), np.full((8, 8, 3), 77))


# ------------------------------------------------------------------------------------------------------------------ mistakes


def test_a_class_without_a_description_is_named_before_anything_is_read(folder, tmp_path):
    (tmp_path / "d.csv").write_text("7,cat,furry\n3,ant,walks\n")
    told = sentence(make, folder, tmp_path / "out.hdf5", tmp_path / "no-weights", descriptions=tmp_path / "d.csv")
    assert told == f"{tmp_path / 'd.csv'} describes no class 'bee': it has cat, ant"


def test_a_class_that_is_described_twice(folder, tmp_path):
    (tmp_path / "d.csv").write_text("1,cat,furry\n2,cat,striped\n3,ant,walks\n4,bee,flies\n")
    told = sentence(make, folder, tmp_path / "out.hdf5", tmp_path / "no-weights", descriptions=tmp_path / "d.csv")
    assert told == f"{tmp_path / 'd.csv'} describes a class twice: expected a label to stand once"


def test_mistakes_get_a_sentence(folder, weights, tmp_path):
    def told(folder=folder, out=tmp_path / "out.hdf5", **options):
        return sentence(make, folder, out, weights, **options)

    assert "there is no folder" in told(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "holds no images" in told(tmp_path / "empty")
    assert "must be a file" in told(out=tmp_path / "out")
    assert told(batch_size=0) == "batch_size is 0 and side is 64: expected 1 or more"
    assert told(normalise="none").startswith("unknown normalisation 'none': known are imagenet, half")
    assert told(request=("avgpool_512",)).startswith("unknown activation 'avgpool_512': known are ")
    assert "different activations" in told(request=())
    assert "different activations" in told(request=("fc", "fc"))
    (tmp_path / "out.hdf5").write_text("mine")
    assert told() == f"{tmp_path / 'out.hdf5'} exists: choose another name, or delete it first"
    assert (tmp_path / "out.hdf5").read_text() == "mine"
    (folder / "stray.png").write_bytes(b"")
    assert "the image 'stray.png'" in told()


def test_mistakes_with_splits_get_a_sentence(weights, tmp_path):
    pictures(tmp_path / "images/val", ["cat/b.png"])
    assert "must be a folder" in sentence(make, tmp_path / "images", tmp_path / "out.hdf5", weights)
    pictures(tmp_path / "images/dev", ["cat/b.png"])
    assert "two folders of one split: dev and val" in sentence(make, tmp_path / "images", tmp_path / "out", weights)


def test_a_disk_that_refuses_gets_a_sentence_and_keeps_nothing(folder, weights, tmp_path):
    (tmp_path / "file").write_text("")
    told = sentence(make, folder, tmp_path / "file/out.hdf5", weights)
    assert told == f"cannot write {tmp_path / 'file/out.hdf5'}: File exists"


def test_a_stopped_run_leaves_nothing(folder, weights, tmp_path):
    @contextmanager
    def impatient(total, start, title):
        def update(step, figures):
            raise KeyboardInterrupt

        yield update

    with pytest.raises(KeyboardInterrupt):
        make(folder, tmp_path / "out.hdf5", weights, shown=impatient)
    assert [path.name for path in tmp_path.iterdir()] == ["images"]
