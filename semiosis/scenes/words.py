"""Made-up classes that are described by words: each word has a look of its own, and an image shows those of its class, in noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from semiosis.errors import UsageError
from semiosis.scenes import options
from semiosis.scenes.draws import normals, seed_of
from semiosis.scenes.splits import shuffled
from semiosis.scenes.types import Options, Part, Source

OPTIONS = ("classes", "held_out", "transfer", "words", "per_class", "size", "noise", "grid", "seed")
LENGTH = 5  # words of a class
NEW = 2  # of these, words never trained in a class of the split transfer
CONTEXT = 100  # numbers of the further view
SYLLABLES = tuple(consonant + vowel for consonant in "bdklmnprstv" for vowel in "aiou")


class Looks(NamedTuple):
    """The words of each class [c 5], as numbers, and what each word looks like [words size]."""

    members: np.ndarray
    visual: np.ndarray

    @property
    def prototypes(self) -> np.ndarray:
        """What each class looks like without noise: the sum of its words' looks [c size]."""
        return self.visual[self.members].sum(1)


def source(name: str, opts: Options, seed: int = 0) -> Source:
    """`classes` in the domain (train, valid, test), `held_out` of other combinations of their words, `transfer` with words of their own.

    A class is 5 of the `words`, each of which looks like N(0, I) / sqrt(5) in `size` numbers. An image is relu(sum + noise N(0, I)),
    `per_class` of each class in each split. With `grid`=g it is a map [g g size] instead, of noise in which the looks stand in random
    cells, and has a further view [100], a fixed linear map of the sum. `seed` draws all this, by default the seed of `load`.
    """
    options.check(name, opts, OPTIONS)
    size, per_class, grid = _whole(opts, "size", 64, 1, 4096), _whole(opts, "per_class", 100, 1, 100_000), _whole(opts, "grid", 0, 0, 64)
    counts = [_whole(opts, key, default, low, 200) for key, default, low in (("classes", 16, 2), ("held_out", 4, 0), ("transfer", 4, 0))]
    vocabulary, noise = _whole(opts, "words", 24, LENGTH, 500), options.decimal(opts, "noise", 0.5, 0.0, 1000.0)
    seed = _whole(opts, "seed", seed, 0, 999_999_999)
    if 0 < grid**2 < LENGTH:
        raise UsageError(f"option grid={grid} has {grid**2} cells: expected 0, or at least 3 for the {LENGTH} words of a class")
    members = members_of(vocabulary, counts[0], counts[1], counts[2], seed)
    visual = [normals(size, seed_of(seed, "look", word)) / math.sqrt(LENGTH) for word in range(vocabulary + NEW * counts[2])]
    looks = Looks(np.array(members), np.stack(visual))
    spelling, classes = spelled(len(visual), 2), spelled(sum(counts), 3)
    groups = np.split(np.arange(sum(counts), dtype=np.int32), np.cumsum(counts)[:-1])
    candidates = dict(zip(("train", "valid", "test"), [groups[0]] * 3, strict=True)) | {"out_of_domain": groups[1], "transfer": groups[2]}
    candidates = {split: group for split, group in candidates.items() if len(group)}
    parts = {}
    for split, group in candidates.items():
        labels = np.repeat(group, per_class)
        names = np.array([f"{split}/{classes[c]}-{i:03d}" for c in group for i in range(per_class)])
        draw = _drawer(looks, labels, noise, grid, seed_of(seed, split))
        view = (_context(looks, labels, seed),) if grid else ()
        parts[split] = Part(len(labels), (grid, grid, size) if grid else (size,), np.float32, draw, labels, others=view, names=names)
    cut = {split: (split, shuffled(part.size, seed)) for split, part in parts.items()}
    texts = tuple(", ".join(spelling[word] for word in own) for own in members)
    return Source(parts, classes, cut=cut, texts=texts, candidates=candidates)


def _whole(opts: Options, key: str, default: int, low: int, high: int) -> int:
    found = options.whole(opts, key, default, low, high)
    assert found is not None
    return found


def spelled(n: int, syllables: int) -> tuple[str, ...]:
    """n different made-up words of so many syllables, always the same."""
    base = len(SYLLABLES)
    chosen = shuffled(base**syllables)[:n]
    return tuple("".join(SYLLABLES[i // base**place % base] for place in range(syllables)) for i in chosen.tolist())


def members_of(vocabulary: int, classes: int, held_out: int, transfer: int, seed: int) -> list[tuple[int, ...]]:
    """The words of each class, no two classes alike: first those in the domain, then those held out, then those of transfer.

    Held-out classes are of words that some class in the domain has; transfer classes of 3 such words and of 2 that no other class has.
    """
    found = _combinations(range(vocabulary), LENGTH, classes, [], seed_of(seed, "classes"))
    trained = sorted({word for own in found for word in own})
    found += _combinations(trained, LENGTH, held_out, found, seed_of(seed, "held_out"))
    known = [_combinations(trained, LENGTH - NEW, 1, [], seed_of(seed, "transfer", c))[0] for c in range(transfer)]
    return found + [(*own, *range(vocabulary + NEW * c, vocabulary + NEW * (c + 1))) for c, own in enumerate(known)]


def _combinations(pool: Sequence[int], size: int, count: int, taken: Sequence[tuple[int, ...]], seed: int) -> list[tuple[int, ...]]:
    """`count` draws of `size` different members of a pool, none with the members of another or of those taken."""
    if math.comb(len(pool), size) < count + len(taken):
        raise UsageError(f"{len(pool)} words are too few for {count + len(taken)} classes of {size} each: ask for more with words=N")
    seen, found, attempt = {frozenset(own) for own in taken}, [], 0
    while len(found) < count:
        drawn = tuple(pool[i] for i in shuffled(len(pool), seed_of(seed, attempt))[:size].tolist())
        attempt += 1
        if frozenset(drawn) not in seen:
            seen.add(frozenset(drawn))
            found.append(drawn)
    return found


def _drawer(looks: Looks, labels: np.ndarray, noise: float, grid: int, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """What draws the images of some rows, each from the row alone, so that a few of them cost little."""
    size, prototypes = looks.visual.shape[1], looks.prototypes

    def vector(row: int) -> np.ndarray:
        return np.maximum(prototypes[labels[row]] + noise * normals(size, seed_of(seed, row)), 0)

    def field(row: int) -> np.ndarray:
        cells = shuffled(grid * grid, seed_of(seed, row, "cells"))[:LENGTH]
        out = noise * normals(grid * grid * size, seed_of(seed, row)).reshape(grid * grid, size)
        out[cells] += looks.visual[looks.members[labels[row]]]
        return out.reshape(grid, grid, size)

    def read(rows: np.ndarray) -> np.ndarray:
        out = np.empty((len(rows), *((grid, grid, size) if grid else (size,))), np.float32)
        for place, row in enumerate(rows.tolist()):
            out[place] = field(row) if grid else vector(row)
        return out

    return read


def _context(looks: Looks, labels: np.ndarray, seed: int) -> Part:
    """The further view: a fixed random linear map of the class's sum, as the last layer of a classifier would have it."""
    size = looks.visual.shape[1]
    matrix = normals(size * CONTEXT, seed_of(seed, "context")).reshape(size, CONTEXT) / math.sqrt(size)
    views = (looks.prototypes @ matrix).astype(np.float32)
    return Part(len(labels), (CONTEXT,), np.float32, lambda rows: views[labels[rows]])
