"""Files of weights: PyTorch's formats as PyTorch writes them, and what no file may do."""

import collections
import os
import pickle
import struct
import warnings
import zipfile

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from semiosis.errors import UsageError
from semiosis.nets.weights import load

FORMATS = pytest.mark.parametrize("new", [True, False], ids=["zip", "legacy"])


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="compares with files that PyTorch itself writes")


def same(found, expected):
    """Equal names, dtypes and bits."""
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        assert found[name].shape == array.shape, name
        assert found[name].tobytes() == array.tobytes(), name


def sentence(path):
    with pytest.raises(UsageError) as error:
        load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert "typecheck" not in str(error.value)  # a fault of ours, not of the file
    return str(error.value)


def archive(path, pickled, storages=(), order=None):
    """A zip archive as PyTorch lays it out, with any pickle in it."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("net/data.pkl", pickled)
        if order:
            file.writestr("net/byteorder", order)
        for key, data in enumerate(storages):
            file.writestr(f"net/data/{key}", data)


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value


def tensor_pickle(kind=b"FloatStorage", size=4, offset=0, shape=(2, 2), strides=(2, 1)):
    """A state dict of one tensor `w`, instruction by instruction."""

    def tuples(numbers):
        return b"(" + b"".join(b"J" + struct.pack("<i", n) for n in numbers) + b"t"

    storage = b"(" + text(b"storage") + b"ctorch\n" + kind + b"\n" + text(b"0") + text(b"cpu") + b"J" + struct.pack("<i", size) + b"tQ"
    rest = b"J" + struct.pack("<i", offset) + tuples(shape) + tuples(strides) + b"\x89" + b"ccollections\nOrderedDict\n)R"
    return b"\x80\x02}" + text(b"w") + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + rest + b"tRs."


def state(torch):
    """Tensors of every kind of storage and layout, and the same as arrays."""
    base = torch.arange(24.0).reshape(4, 6)
    tensors = collections.OrderedDict(
        plain=base,
        turned=base.T,
        part=base[1:3, ::2],  # the same storage, other offset and strides
        spread=torch.arange(3.0).expand(2, 3),
        weight=torch.nn.Parameter(torch.ones(2, 1)),
        empty=torch.zeros(0, 3),
        count=torch.tensor(7),
        half=torch.tensor([1.5, -2.0], dtype=torch.float16),
        brain=torch.tensor([[1.0, 0.1]], dtype=torch.bfloat16),
        **{str(d): torch.tensor([1, 0, 1]).to(d) for d in (torch.float64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool)},
        complex=torch.tensor([1 + 2j]),
    )
    arrays = {name: tensor.detach().numpy() for name, tensor in tensors.items() if name != "brain"}
    return tensors, {name: arrays.get(name, np.array([[1.0, 0.1]], ml_dtypes.bfloat16)) for name in tensors}


# ------------------------------------------------------------------------------------------------------- what PyTorch writes


@FORMATS
def test_every_kind_of_tensor(torch, tmp_path, new):
    tensors, arrays = state(torch)
    torch.save(tensors, tmp_path / "w.pth", _use_new_zipfile_serialization=new)
    same(load(tmp_path / "w.pth"), arrays)


@FORMATS
def test_a_models_state_dict_with_its_attributes(torch, tmp_path, new):
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    torch.save(net.state_dict(), tmp_path / "w.pt", _use_new_zipfile_serialization=new)
    same(load(tmp_path / "w.pt"), {name: tensor.numpy() for name, tensor in net.state_dict().items()})


def test_newer_instructions_of_pickle(torch, tmp_path):
    torch.save({"a": torch.arange(300.0)}, tmp_path / "w.pth", pickle_protocol=4)
    same(load(tmp_path / "w.pth"), {"a": np.arange(300, dtype=np.float32)})


@FORMATS
@pytest.mark.parametrize("around", ["state_dict", "model"])
def test_what_is_around_the_arrays_is_opened(torch, tmp_path, new, around):
    kept = {"epoch": 3, around: {"module.a": torch.ones(2), "module.b": torch.zeros(1)}, "optimizer": {"state": {0: torch.ones(9)}}}
    torch.save(kept, tmp_path / "w.pth", _use_new_zipfile_serialization=new)
    same(load(tmp_path / "w.pth"), {"a": np.ones(2, np.float32), "b": np.zeros(1, np.float32)})


def test_a_torchscript_archive(torch, tmp_path):
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Sequential(torch.nn.BatchNorm1d(3)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch would have us use another format
        torch.jit.script(net).save(str(tmp_path / "w.pt"))
    found = load(tmp_path / "w.pt")
    same({name: found[name] for name in net.state_dict()}, {name: tensor.numpy() for name, tensor in net.state_dict().items()})
    assert set(found) == set(net.state_dict())


def test_safetensors(tmp_path):
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1, 2], np.float16), "c": np.array(3)}
    save_file(arrays, tmp_path / "w.safetensors")
    same(dict(sorted(load(tmp_path / "w.safetensors").items())), arrays)


# ------------------------------------------------------------------------------------------------------------ made by hand


def test_a_pickle_read_by_hand(tmp_path):
    """[[1, 3], [2, 4]]: the strides are those of the transposition."""
    archive(tmp_path / "w.pth", tensor_pickle(strides=(1, 2)), [np.array([1, 2, 3, 4], "<f4").tobytes()])
    np.testing.assert_array_equal(load(tmp_path / "w.pth")["w"], [[1, 3], [2, 4]])


def test_the_other_byte_order(tmp_path):
    archive(tmp_path / "w.pth", tensor_pickle(), [np.array([1, 2, 3, 4], ">f4").tobytes()], order="big")
    np.testing.assert_array_equal(load(tmp_path / "w.pth")["w"], [[1, 2], [3, 4]])


def test_the_older_format_shares_parts_of_storages(tmp_path):
    """A storage that is numbers 2 and 3 of another one, as files of PyTorch 0.x may say."""
    view = text(b"v") + b"J" + struct.pack("<i", 2) + b"J" + struct.pack("<i", 2) + b"\x87"
    pickled = tensor_pickle(shape=(2,), strides=(1,)).replace(b"tQ", view + b"tQ")
    head = [pickle.dumps(value, 2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    data = struct.pack("<q", 4) + np.array([1, 2, 3, 4], "<f4").tobytes()
    (tmp_path / "w.pth").write_bytes(b"".join([*head, pickled, pickle.dumps(["0"], 2), data]))
    np.testing.assert_array_equal(load(tmp_path / "w.pth")["w"], [3, 4])


@pytest.mark.parametrize(
    "wrong",
    [
        {"offset": 1},
        {"offset": -1},
        {"strides": (2, 2)},
        {"strides": (-2, 1)},
        {"shape": (2, -2)},
        {"shape": (2,)},
        {"size": 5},
        {"kind": b"DoubleStorage"},
    ],
    ids=str,
)
def test_no_tensor_looks_beyond_its_storage(tmp_path, wrong):
    archive(tmp_path / "w.pth", tensor_pickle(**wrong), [bytes(16)])
    assert "damaged" in sentence(tmp_path / "w.pth")


# ------------------------------------------------------------------------------------------------------------ what is refused


class Evil:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


@FORMATS
def test_a_file_cannot_run_anything(torch, tmp_path, new):
    torch.save({"a": torch.ones(1), "b": Evil(tmp_path / "marker")}, tmp_path / "w.pth", _use_new_zipfile_serialization=new)
    assert f"asks for {os.mkdir.__module__}.mkdir" in sentence(tmp_path / "w.pth")
    assert not (tmp_path / "marker").exists()
    torch.load(tmp_path / "w.pth", weights_only=False)
    assert (tmp_path / "marker").exists()  # it would have


@pytest.mark.parametrize(
    "pickled",
    [
        b"cos\nsystem\n(X\x04\x00\x00\x00echotR.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"cbuiltins\neval\n.",
        b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n.",
        b"ctorch.serialization\nload\n.",
    ],
)
def test_names_are_refused_before_they_are_called(tmp_path, pickled):
    archive(tmp_path / "w.pth", pickled)
    assert "is refused: it asks for" in sentence(tmp_path / "w.pth")


@pytest.mark.parametrize("pickled", [b"(ios\nsystem\n.", b"\x80\x02\x82\x01.", b"Pstorage\n."], ids=["INST", "EXT1", "PERSID"])
def test_instructions_that_weights_do_not_need_are_refused(tmp_path, pickled):
    archive(tmp_path / "w.pth", pickled)
    assert "is refused: its pickle uses" in sentence(tmp_path / "w.pth")


@pytest.mark.parametrize(
    "pickled",
    [
        *(b"", b".", b"}", b"0.", b"t.", b"h\x05.", b"}K\x01a.", b"}(K\x01u.", b"K\x01K\x02s.", b"]}K\x01s.", b"K\x01)R.", b"K\x01Q."),
        b"ctorch\nFloatStorage\n)R.",
        b"ccollections\nOrderedDict\n(K\x01tR.",
        b"ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02))tR.",
        b"c__torch__.A\nB\n)\x81}(X\x01\x00\x00\x00aK\x01ub" b"\x85b.",
    ],
)  # fmt: skip
def test_senseless_pickles_get_a_sentence(tmp_path, pickled):
    archive(tmp_path / "w.pth", pickled)
    assert "damaged" in sentence(tmp_path / "w.pth") or "no tensors" in sentence(tmp_path / "w.pth")


@FORMATS
def test_a_file_that_was_cut_short(torch, tmp_path, new):
    torch.save({"a": torch.arange(50.0), "b": torch.ones(3)}, tmp_path / "w.pth", _use_new_zipfile_serialization=new)
    whole = (tmp_path / "w.pth").read_bytes()
    for length in {*range(10, len(whole) - 1, 97), len(whole) - 1}:
        (tmp_path / "w.pth").write_bytes(whole[:length])
        assert "damaged or cut short" in sentence(tmp_path / "w.pth")


def test_safetensors_that_were_cut_short(tmp_path):
    save_file({"a": np.arange(50.0)}, tmp_path / "w.safetensors")
    whole = (tmp_path / "w.safetensors").read_bytes()
    for length in (9, 60, len(whole) - 1):
        (tmp_path / "w.safetensors").write_bytes(whole[:length])
        assert "damaged or cut short" in sentence(tmp_path / "w.safetensors")


def test_what_is_no_file_of_weights(tmp_path):
    assert "No such file" in sentence(tmp_path / "none.pth")
    assert "Is a directory" in sentence(tmp_path)
    for name, data in {"empty": b"", "page": b"<!doctype html>", "other": pickle.dumps([1, 2])}.items():
        (tmp_path / name).write_bytes(data)
        assert "holds no weights" in sentence(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "zip", "w") as file:
        file.writestr("readme", "hello")
    assert "without PyTorch's data.pkl" in sentence(tmp_path / "zip")
    archive(tmp_path / "numbers", pickle.dumps({"a": 1}, 2))
    assert "no tensors by name" in sentence(tmp_path / "numbers")
