"""Vectors of words: read from a file in GloVe's text form, or drawn at random from the word alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from semiosis.errors import UsageError
from semiosis.scenes import options
from semiosis.scenes.draws import normals, seed_of

SIZE = 32  # numbers of a random vector
SCALE = 0.4  # their standard deviation, about that of GloVe's
Look = Callable[[Sequence[str]], Mapping[str, np.ndarray]]  # words -> the vectors of those that have one, float32 [k] each


def chosen(option: str | None) -> Look:
    """What the option `vectors` asks for: a file of vectors, or random ones of so many numbers."""
    if option is None or option.isdecimal():
        size = options.whole({} if option is None else {"vectors": option}, "vectors", SIZE, 1, 9999)
        assert size is not None
        return lambda words: {word: random_vector(word, size) for word in words}
    return lambda words: glove(Path(option).expanduser(), words)


def random_vector(word: str, size: int = SIZE) -> np.ndarray:
    """0.4 N(0, I), drawn from the word alone: the same in every data set, for every seed. float32 [size]."""
    return (SCALE * normals(size, seed_of("word", word))).astype(np.float32)


def glove(path: Path, words: Sequence[str]) -> dict[str, np.ndarray]:
    """Read the vectors of some words from lines `word v1 ... vk` in one pass; the first line of a word counts. float32 [k] each."""
    wanted, width = {word.encode(): word for word in words}, 0
    found: dict[str, np.ndarray] = {}
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not (line := line.rstrip()):
                    continue
                own = line.count(b" ")
                width = width or own
                if own != width or not width:
                    raise UsageError(_width(path, number, own, width))
                word = wanted.get(line[: line.index(b" ")])
                if word is not None and word not in found:
                    found[word] = _numbers(path, number, line)
    except OSError as error:
        raise UsageError(f"cannot read the word vectors {str(path)!r}: {error.strerror or error}") from error
    if not width:
        raise UsageError(f"{str(path)!r} holds no word vectors: expected lines 'word v1 ... vk', as in glove.6B.100d.txt")
    return found


def _width(path: Path, number: int, own: int, width: int) -> str:
    """The sentence for a line that has not as many numbers as the first."""
    expected = f"and the first line has {width}" if width else "expected 'word v1 ... vk', as in glove.6B.100d.txt"
    return f"line {number} of {str(path)!r} has {own} number{'s' * (own != 1)} after its word, {expected}"


def _numbers(path: Path, number: int, line: bytes) -> np.ndarray:
    try:
        vector = np.array([float(x) for x in line.split(b" ")[1:]], np.float32)
    except ValueError:
        vector = np.array([np.nan])
    if not np.isfinite(vector).all():
        shown = line[:60].decode(errors="replace")
        raise UsageError(f"line {number} of {str(path)!r} reads {shown!r}: expected a word and {line.count(b' ')} numbers")
    return vector
