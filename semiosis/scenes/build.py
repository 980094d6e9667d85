"""From a source to a data set: divide it, count its bytes, and only then read it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from semiosis.errors import UsageError
from semiosis.scenes.splits import Cut, divide
from semiosis.scenes.types import Data, Part, Source, Split


def free_memory() -> int | None:
    """Bytes this process may still take: the machine's available memory, or a container's if less; None where the system does not say."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        found += [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")]
        limit, used = (Path(f"/sys/fs/cgroup/memory.{part}") for part in ("max", "current"))
        if limit.exists() and limit.read_text().strip() != "max":
            found.append(int(limit.read_text()) - int(used.read_text()))
    except (OSError, ValueError, IndexError):
        pass  # not Linux, or a container that hides them
    try:
        found = found or [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (OSError, ValueError, AttributeError):
        return None
    return max(min(found), 0)


def bytes_of(count: int) -> str:
    """A number of bytes for a reader: `1.2 GB`."""
    size, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.1f} {units[0]}" if units[0] != "bytes" else f"{count} bytes"


COPIES = 3  # as read, as given to the device, and one in passing between the two


def example_bytes(part: Part) -> int:
    """The bytes of one example, with its further views."""
    return int(np.prod(part.shape)) * np.dtype(part.dtype).itemsize + sum(map(example_bytes, part.others))


def check_memory(name: str, parts: Mapping[str, Part], cut: Cut, memory: int | None) -> None:
    """Refuse what does not fit, before anything is read; a tenth of the memory is left to the rest of the program."""
    each = {split: example_bytes(parts[part]) for split, (part, _) in cut.items()}
    needed = COPIES * sum(each[split] * len(rows) for split, (_, rows) in cut.items())
    free = free_memory() if memory is None else memory
    if free is None or needed <= 0.9 * free:
        return
    fits = int(0.9 * free) // max(COPIES * sum(each.values()), 1)
    images = all(len(part.shape) == 3 and part.dtype is np.uint8 for part in parts.values())
    smaller = ", or make the images smaller with ',side=NN' in the name" if images else ""
    raise UsageError(
        f"{name!r} takes {bytes_of(needed)} of memory and {bytes_of(free)} are free: "
        f"take {fits} examples a split with ',limit={fits}' in the name{smaller}"
    )


def fingerprint(splits: Mapping[str, Split]) -> str:
    """The sha256 of all arrays with their split, field, type and shape: equal for equal contents, on every machine."""
    digest = hashlib.sha256()
    for name in sorted(splits):
        fields = splits[name]._asdict()
        for field, array in {**fields, **{f"others/{i}": view for i, view in enumerate(fields["others"])}}.items():
            if isinstance(array, np.ndarray):
                little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
                digest.update(f"{name}/{field} {array.dtype.name} {array.shape}\n".encode())
                digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def build(name: str, source: Source, *, seed: int = 0, limit: int | None = None, memory: int | None = None) -> Data:
    """Read a source into memory: at most `limit` examples of each split, at most `memory` bytes (by default what is free)."""
    if limit is not None and limit < 1:
        raise UsageError(f"limit={limit} is not a number of examples: expected 1 or more")
    cut: Cut = dict(source.cut) if source.cut else divide({split: part.size for split, part in source.parts.items()}, name, seed)
    cut = {split: (part, rows[:limit]) for split, (part, rows) in cut.items()}
    check_memory(name, source.parts, cut, memory)
    splits = {split: _read(source.parts[part], rows) for split, (part, rows) in cut.items()}
    classes = source.classes or _numbers(splits)
    names = (classes, source.attribute_names, source.attribute_sizes, source.attribute_values)
    return Data(name, splits, *names, fingerprint=fingerprint(splits))


def paired(name: str, parts: Sequence[Data]) -> Data:
    """Several views of the same examples as one data set: the first gives the names, each other the `others` of its splits.

    Labels, classes and their descriptions are those of the first view that has descriptions, else of the first that has labels.
    Raises UsageError where they differ in splits, in the number of examples or in labels, which would not be the same examples.
    """
    first = parts[0]
    for part in parts[1:]:
        if set(part.splits) != set(first.splits):
            raise UsageError(f"{part.name!r} has the splits {', '.join(part.splits)}, and {first.name!r} has {', '.join(first.splits)}")
        for split, own in first.splits.items():
            other = part.splits[split]
            if len(own.inputs) != len(other.inputs):
                raise UsageError(
                    f"views of the same things must be equal in number: {part.name!r} has {len(other.inputs):,} in its split {split}, "
                    f"and {first.name!r} has {len(own.inputs):,}"
                )
            if own.labels is not None and other.labels is not None and not np.array_equal(own.labels, other.labels):
                raise UsageError(f"{part.name!r} and {first.name!r} label the split {split} differently: they do not show the same things")
    labelled = [part for part in parts if all(split.labels is not None for split in part.splits.values())]
    known = next((part for part in labelled if part.descriptions is not None), (labelled or [first])[0])
    splits = {}
    for each, split in first.splits.items():
        further = [view for part in parts[1:] for view in (part.splits[each].inputs, *part.splits[each].others)]
        splits[each] = split._replace(labels=known.splits[each].labels, others=(*split.others, *further))
    digest = hashlib.sha256("+".join(part.fingerprint for part in parts).encode()).hexdigest()
    return replace(first, name=name, splits=splits, classes=known.classes, descriptions=known.descriptions, fingerprint=digest)


def _numbers(splits: Mapping[str, Split]) -> tuple[str, ...]:
    """The classes' numbers as their names, where a source gives labels without names."""
    labels = [split.labels.max() for split in splits.values() if split.labels is not None and split.labels.size]
    return tuple(str(c) for c in range(int(max(labels)) + 1)) if labels else ()


def _read(part: Part, rows: np.ndarray) -> Split:
    inputs = part.read(rows)
    assert inputs.shape == (len(rows), *part.shape), f"read {inputs.shape}, promised {(len(rows), *part.shape)}"
    labels, attributes, names = (None if known is None else known[rows] for known in (part.labels, part.attributes, part.names))
    return Split(inputs, labels, attributes, tuple(_read(view, rows).inputs for view in part.others), names)
