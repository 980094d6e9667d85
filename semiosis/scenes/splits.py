"""Which example belongs to which split: a function of the sizes and the seed alone, the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from semiosis.errors import UsageError

SHARE = 10  # one example in ten is held out for each split that the source lacks
ALIASES = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing"),
    "zero_shot": ("zero_shot",),
}
Cut = dict[str, tuple[str, np.ndarray]]  # split -> the part it is read from, and its rows there


def split_name(word: str) -> str | None:
    """The split a word such as `validation` or `val` stands for, or None."""
    return next((name for name, words in ALIASES.items() if word.lower() in words), None)


def hashed(n: int, seed: int = 0) -> np.ndarray:
    """n random 64-bit integers (splitmix64: Steele, Lea and Flood, 2014), the same whatever NumPy's version: uint64 [n]."""
    mask = (1 << 64) - 1
    x = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed * 0xD1B54A32D192ED03 & mask)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def shuffled(n: int, seed: int = 0) -> np.ndarray:
    """A permutation of range(n), fixed by n and the seed."""
    return np.argsort(hashed(n, seed), kind="stable")


def three(rows: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Cut shuffled rows 80/10/10: the first tenth is `test`, the second `valid`, the rest `train`."""
    share = max(1, len(rows) // SHARE)
    if len(rows) < 3:
        raise UsageError(f"{name!r} has {len(rows)} examples: at least 3 are needed to make a train, a valid and a test split")
    return {"train": rows[2 * share :], "valid": rows[share : 2 * share], "test": rows[:share]}


def _two(rows: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Cut a tenth of shuffled rows off as `valid`."""
    if len(rows) < 2:
        raise UsageError(f"the train split of {name!r} has 1 example: at least 2 are needed to cut a valid split from it")
    share = max(1, len(rows) // SHARE)
    return {"train": rows[share:], "valid": rows[:share]}


def divide(sizes: Mapping[str, int], name: str, seed: int = 0) -> Cut:
    """Make train, valid and test of what a source has; not stratified by class.

    Splits that exist are kept. Train and test: a tenth of train is valid. Train and valid (as in Tiny ImageNet, whose test labels
    are secret): valid is the test, and a tenth of train is valid. Train alone, or one part of any name: 80/10/10.
    """
    sizes = {split: size for split, size in sizes.items() if size}
    if not sizes:
        raise UsageError(f"{name!r} holds no examples")
    if "train" not in sizes and len(sizes) > 1:
        raise UsageError(f"{name!r} has the splits {', '.join(sizes)} but no train split")
    main = "train" if "train" in sizes else next(iter(sizes))
    cut: Cut = {split: (split, shuffled(size, seed)) for split, size in sizes.items()}
    rows = cut.pop(main)[1]
    if "test" in cut and "valid" in cut:
        own = {"train": rows}
    elif "test" in cut or "valid" in cut:
        cut["test"] = cut.get("test") or cut.pop("valid")
        own = _two(rows, name)
    else:
        own = three(rows, name)
    cut |= {split: (main, chosen) for split, chosen in own.items()}
    return {split: cut[split] for split in ALIASES if split in cut}
