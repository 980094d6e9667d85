"""Files of published weights, read without running anything that they hold: safetensors, and PyTorch's own in both of its formats.

PyTorch's files hold a pickle, a small program that may call any function of Python's. Here it runs on a machine of our own that has a
stack and a memory and knows by name what a dictionary of tensors is made of: it imports nothing, calls nothing and sets no attribute.
"""

from __future__ import annotations

import pickletools
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Mapping
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import ml_dtypes
import numpy as np

from semiosis.errors import UsageError

_DTYPES = {
    "Double": "f8", "Float": "f4", "Half": "f2", "BFloat16": ml_dtypes.bfloat16, "ComplexDouble": "c16", "ComplexFloat": "c8",
    "Long": "i8", "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "?",
}  # fmt: skip
STORAGES = {
    f"{module}.{name}Storage": np.dtype(dtype) for name, dtype in _DTYPES.items() for module in ("torch", "torch.cuda", "torch.storage")
}
WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "params", "net")  # under which training scripts keep the arrays
MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of a file of before PyTorch 1.6
DAMAGE = (
    *(OSError, ValueError, TypeError, LookupError, ArithmeticError, EOFError, RuntimeError, MemoryError),
    *(struct.error, zipfile.BadZipFile, zlib.error),
)


def load(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of a file of weights by name, in the dtype they are stored in (bfloat16 is that of ml_dtypes); they may be read-only.

    The kind of file is told by its first bytes. A dictionary around the arrays, such as {"state_dict": ...}, is opened, the prefix
    `module.` of PyTorch's data parallel models is dropped, and the modules of a TorchScript archive give dotted names.
    Raises UsageError: no such file, no weights, a name that weights have no need of, damage.
    """
    path = Path(path).expanduser()
    try:
        with path.open("rb") as file:
            head = file.read(9)
            file.seek(0)
            kind = _kind(head)
            if kind is None:
                raise UsageError(f"{path} holds no weights: expected a file of safetensors or of PyTorch's (.safetensors, .pth, .pt)")
            return _plain(kind(path, file))
    except UsageError:
        raise
    except DAMAGE as error:
        if isinstance(error, OSError) and error.strerror:
            raise UsageError(f"cannot read the weights {path}: {error.strerror}") from error
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UsageError(f"cannot read the weights {path}: the file is damaged or cut short ({reason})") from error


def _kind(head: bytes) -> Callable[[Path, BufferedIOBase], dict[str, np.ndarray]] | None:
    """Who reads a file that begins with these 9 bytes."""
    if head[8:] == b"{":  # after the length of a header in JSON
        return _safetensors
    if head[:4] == b"PK\x03\x04":
        return _zipped
    return _legacy if head[:1] == b"\x80" else None  # a pickle


def _plain(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The names without the `module.` that all of them may begin with."""
    prefix = "module." if all(name.startswith("module.") for name in arrays) else ""
    return {name.removeprefix(prefix): array for name, array in arrays.items()}


def _safetensors(path: Path, file: BufferedIOBase) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from error


# ---------------------------------------------------------------------------------------------------------------- PyTorch


class Storage(NamedTuple):
    """A run of numbers that tensors look at: `size` of them from `first` on, in the storage called `key`."""

    key: str
    dtype: np.dtype
    size: int
    first: int = 0


class Tensor(NamedTuple):
    """A tensor as a pickle describes it; offset and strides in numbers."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Name(str):
    """A name that a pickle asks for, such as `collections.OrderedDict`: a word, not what it stands for."""


class Module(dict):
    """A module of a TorchScript archive: its attributes, modules among them."""


def _zipped(path: Path, file: BufferedIOBase) -> dict[str, np.ndarray]:
    """PyTorch's format since 1.6: a zip archive of `data.pkl`, the raw storages `data/KEY` and, lately, their `byteorder`."""
    with zipfile.ZipFile(file) as archive:
        members = archive.namelist()
        root = next((name[: -len("data.pkl")] for name in members if name.split("/")[1:] == ["data.pkl"]), None)
        if root is None:
            raise UsageError(f"{path} holds no weights: it is a zip archive without PyTorch's data.pkl")
        order = archive.read(f"{root}byteorder").decode() if f"{root}byteorder" in members else "little"
        tensors = _named(path, Machine(path).run(BytesIO(archive.read(f"{root}data.pkl"))))
        storages: dict[str, bytes] = {}

        def fetch(storage: Storage) -> np.ndarray:
            if storage.key not in storages:
                storages[storage.key] = archive.read(f"{root}data/{storage.key}")
            return numbers_of(storages[storage.key], storage, order)

        return {name: array_of(tensor, fetch(tensor.storage)) for name, tensor in tensors.items()}


def _legacy(path: Path, file: BufferedIOBase) -> dict[str, np.ndarray]:
    """PyTorch's format before 1.6: pickles (magic number, protocol, the writer's system, the object, keys of storages), then the storages.

    Each storage is its size as 8 bytes, then its numbers; little-endian whatever the writer's system.
    """
    if Machine(path).run(file) != MAGIC:
        raise UsageError(f"{path} holds no weights: it is a pickle, but not one that PyTorch wrote")
    protocol, _system = Machine(path).run(file), Machine(path).run(file)
    if protocol != 1001:
        raise UsageError(f"{path} is of PyTorch's protocol {protocol}: known is 1001")
    machine = Machine(path)
    tensors = _named(path, machine.run(file))
    storages: dict[str, bytes] = {}
    for key in Machine(path).run(file):
        (size,) = struct.unpack("<q", file.read(8))
        storages[key] = file.read(size * machine.storages[key].itemsize)
    numbers = {key: numbers_of(data, Storage(key, machine.storages[key], -1), "little") for key, data in storages.items()}
    return {name: array_of(tensor, part_of(numbers[tensor.storage.key], tensor.storage)) for name, tensor in tensors.items()}


def numbers_of(data: bytes, storage: Storage, order: str) -> np.ndarray:
    """The numbers of a storage, in this machine's byte order; a size of -1 is all of them."""
    numbers = np.frombuffer(data, storage.dtype)
    return part_of(numbers if order == sys.byteorder else numbers.byteswap(), storage)


def part_of(numbers: np.ndarray, storage: Storage) -> np.ndarray:
    if storage.size < 0:
        return numbers
    part = numbers[storage.first : storage.first + storage.size]
    if len(part) != storage.size or storage.first < 0:
        raise ValueError(f"the storage {storage.key} has {len(numbers)} numbers, and {storage.size} from {storage.first} on are asked for")
    return part


def array_of(tensor: Tensor, numbers: np.ndarray) -> np.ndarray:
    """What a tensor sees of its storage; nothing is copied."""
    shape, strides, last = tensor.shape, tensor.strides, tensor.offset
    if len(shape) != len(strides) or min((tensor.offset, *shape, *strides)) < 0:
        raise ValueError(f"a tensor has the shape {shape} and the strides {strides}")
    if 0 in shape:
        return np.zeros(shape, numbers.dtype)
    last += sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if last >= len(numbers):  # as_strided would look at memory that is not the file's
        raise ValueError(f"a tensor asks for number {last} of a storage of {len(numbers)}")
    steps = tuple(stride * numbers.itemsize for stride in strides)
    return np.lib.stride_tricks.as_strided(numbers[tensor.offset :], shape, steps, writeable=False)


def _named(path: Path, value: Any) -> dict[str, Tensor]:
    """The tensors of a dictionary by name; where it has none itself, those of the dictionary that it wraps."""
    if isinstance(value, Module):
        value = dict(_leaves(value, ""))
    for _ in range(3):
        if not isinstance(value, dict):
            break
        if tensors := {name: leaf for name, leaf in value.items() if isinstance(leaf, Tensor) and isinstance(name, str)}:
            return tensors
        value = next((value[name] for name in WRAPPERS if name in value), None)
    raise UsageError(f"{path} holds no tensors by name: expected a model's state_dict, alone or under {', '.join(WRAPPERS)}")


def _leaves(module: Module, prefix: str) -> list[tuple[str, Any]]:
    """A module's attributes and, with dotted names, those of the modules in it."""
    return [
        leaf
        for name, value in module.items()
        for leaf in (_leaves(value, f"{prefix}{name}.") if isinstance(value, Module) else [(f"{prefix}{name}", value)])
    ]


# ------------------------------------------------------------------------------------------------------------ the machine


def _tensor(storage: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> Tensor:
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without a storage")
    return Tensor(storage, int(offset), tuple(map(int, shape)), tuple(map(int, strides)))


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor


CALLS: dict[str, Callable[..., Any]] = {  # what a pickle may call, and what is done instead
    "collections.OrderedDict": dict,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": tuple,
    "torch.jit._pickle.build_intlist": list,
}
SCRIPT = "__torch__."  # the classes of a TorchScript archive
EMPTY = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
ARGUMENTS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
}  # whose value is their argument


class Machine:
    """Runs one pickle: a stack, marks on it, a memory. It makes dicts, lists, tuples, numbers, words, `Tensor` and `Module` alone."""

    holds = "weights have"  # what the pickle is of, in its refusals

    def __init__(self, path: Path):
        self.path = path
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memory: dict[int, Any] = {}
        self.storages: dict[str, np.dtype] = {}

    def run(self, stream: BufferedIOBase) -> Any:
        """The value of the pickle that begins where the stream stands; it is left behind the pickle.

        Raises UsageError at a name or an instruction that weights have no need of, and what `DAMAGE` lists at one that is not whole.
        """
        for opcode, argument, _ in pickletools.genops(cast("IO[bytes]", stream)):
            self._step(opcode.name, argument)
        return self.stack.pop()

    def _step(self, name: str, argument: Any) -> None:
        push, pop = self.stack.append, self.stack.pop
        if name in ARGUMENTS:
            push(argument)
        elif name in CONSTANTS:
            push(CONSTANTS[name])
        elif name in EMPTY:
            push(EMPTY[name]())
        elif name in ("PROTO", "FRAME", "STOP"):
            pass
        elif name == "MARK":
            self.marks.append(len(self.stack))
        elif name in ("POP", "POP_MARK"):
            _ = pop() if name == "POP" else self._marked()
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            push(tuple(self._top(int(name[-1]))))
        elif name in ("TUPLE", "LIST"):
            push((tuple if name == "TUPLE" else list)(self._marked()))
        elif name in ("APPEND", "APPENDS"):
            items = self._marked() if name == "APPENDS" else [pop()]
            self._last(list).extend(items)
        elif name in ("SETITEM", "SETITEMS", "DICT"):
            items = self._top(2) if name == "SETITEM" else self._marked()
            if name == "DICT":
                push({})
            self._last(dict).update(zip(items[::2], items[1::2], strict=True))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memory[len(self.memory) if argument is None else argument] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            push(self.memory[argument])
        elif name == "GLOBAL":
            push(self._allowed(*argument.split(" ", 1)))
        elif name == "STACK_GLOBAL":
            push(self._allowed(*self._top(2)))
        elif name in ("REDUCE", "NEWOBJ"):
            push(self._made(*self._top(2)))
        elif name == "BUILD":  # an OrderedDict of PyTorch's carries attributes of its own, which hold no weights
            state = pop()
            if isinstance(self.stack[-1], Module):
                self.stack[-1].update(state)
        elif name == "BINPERSID":
            push(self._storage(pop()))
        else:
            raise UsageError(f"{self.path} is refused: its pickle uses {name}, which {self.holds} no need of")

    def _top(self, count: int) -> list[Any]:
        """Take so many off the stack."""
        if count > len(self.stack):
            raise ValueError("the pickle takes from an empty stack")
        items = self.stack[-count:]
        del self.stack[-count:]
        return items

    def _marked(self) -> list[Any]:
        """Take all above the last mark off the stack."""
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def _last(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise ValueError(f"the pickle puts things into a {type(self.stack[-1]).__name__}")
        return self.stack[-1]

    def _allowed(self, module: Any, name: Any) -> Name:
        """The name, if it is one of those known; it is not looked up."""
        asked = Name(f"{module}.{name}")
        if asked in CALLS or asked in STORAGES or asked.startswith(SCRIPT):
            return asked
        advice = "weights have no need of it, and it could run code; save the model's state_dict() alone, or as safetensors"
        raise UsageError(f"{self.path} is refused: it asks for {' '.join(asked.split())}, and {advice}")

    def _made(self, asked: Any, arguments: Any) -> Any:
        """What a call would have made."""
        if not isinstance(asked, Name) or not isinstance(arguments, tuple):
            raise ValueError("the pickle calls what is no function")
        if asked.startswith(SCRIPT):
            return Module()
        if asked not in CALLS:
            raise ValueError(f"the pickle calls {asked}")
        return CALLS[asked](*arguments)

    def _storage(self, place: Any) -> Storage:
        """A storage from its tuple ("storage", kind, key, device, size) and, in the older format, its part (key, first, size) or None."""
        word, kind, key, _device, size, *view = place
        if word != "storage" or not isinstance(kind, Name) or kind not in STORAGES or not isinstance(key, str):
            raise ValueError(f"a storage is given as {place!r}")
        dtype = self.storages.setdefault(key, STORAGES[kind])
        if dtype != STORAGES[kind]:
            raise ValueError(f"the storage {key} is of two kinds")
        _view, first, part = view[0] if view and view[0] else (key, 0, size)
        return Storage(key, dtype, int(part), int(first))
