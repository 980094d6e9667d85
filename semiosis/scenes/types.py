"""What a data set is: loaded (`Data`), and before that a source whose examples can still be counted before they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """One split: `inputs` are uint8 images [n h w c], float32 vectors [n d] or float32 maps [n h w d].

    `labels` are int32 [n] and `attributes` int32 [n k], or None. The examples stand in a fixed random order, so that any first part of a
    split is a fair sample of it. `others` are further views of the same examples, each like `inputs`; `names` [n] tells each apart, where
    the source does.
    """

    inputs: np.ndarray
    labels: np.ndarray | None = None
    attributes: np.ndarray | None = None
    others: tuple[np.ndarray, ...] = ()
    names: np.ndarray | None = None


class Descriptions(NamedTuple):
    """What is written of each class [c], and the vectors of its words.

    `words` are those of a text that say something, each once, in order; `vectors` [c w k] are theirs, zero beyond a class's last word and
    for a word without a vector; `there` [c w] is where a word stands, `known` [c w] where it has a vector; `unknown` are the words without.
    `candidates` maps a split to the classes that are described to whoever must choose there, ascending; a split that it lacks has all.
    """

    texts: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    vectors: np.ndarray
    there: np.ndarray
    known: np.ndarray
    unknown: tuple[str, ...] = ()
    candidates: Mapping[str, np.ndarray] = MappingProxyType({})

    @property
    def means(self) -> np.ndarray:
        """The mean of the known words' vectors of each class, float32 [c k]."""
        count = np.maximum(self.known.sum(1, keepdims=True), 1)
        return (self.vectors * self.known[..., None]).sum(1) / count.astype(np.float32)


@dataclass(frozen=True)
class Data:
    """A loaded data set: its splits (`train`, `valid`, `test`, for some sets `zero_shot`), the names of its labels, a content hash.

    Splits `out_of_domain` and `transfer` hold things of classes that `train` lacks.
    """

    name: str
    splits: Mapping[str, Split]
    classes: tuple[str, ...] = ()  # name of each label, empty where the source gives none
    attribute_names: tuple[str, ...] = ()
    attribute_sizes: tuple[int, ...] = ()  # number of values of each attribute
    attribute_values: tuple[tuple[str, ...], ...] = ()  # their names, empty where the source gives none
    descriptions: Descriptions | None = None  # of each class, None where the classes have no texts
    fingerprint: str = ""


class Part(NamedTuple):
    """A stretch of a source: `read(rows)` gives the inputs of these of its `size` examples, [rows *shape] of `dtype`.

    `others` are further views of the same examples, and `names` [size] tells each apart, where the source has them.
    """

    size: int
    shape: tuple[int, ...]
    dtype: type[np.generic]
    read: Callable[[np.ndarray], np.ndarray]
    labels: np.ndarray | None = None
    attributes: np.ndarray | None = None
    others: tuple[Part, ...] = ()
    names: np.ndarray | None = None


class Source(NamedTuple):
    """A data set not yet read: its parts by the name of their split, and the names of what it labels.

    `cut` says which part and which rows make a split, where the source has a rule of its own; else `splits.divide` does. `texts` are what
    is written of each class, empty where the source brings none, and `candidates` are those of `Descriptions`.
    """

    parts: Mapping[str, Part]
    classes: tuple[str, ...] = ()
    attribute_names: tuple[str, ...] = ()
    attribute_sizes: tuple[int, ...] = ()
    attribute_values: tuple[tuple[str, ...], ...] = ()
    cut: Mapping[str, tuple[str, np.ndarray]] | None = None
    texts: tuple[str, ...] = ()
    candidates: Mapping[str, np.ndarray] = MappingProxyType({})


Options = dict[str, str]  # what follows the commas of a name: `shapes,side=64` has {"side": "64"}
