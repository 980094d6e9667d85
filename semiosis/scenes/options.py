"""The grammar of a data set's name: `NAME[,option=value...]`."""

from __future__ import annotations

import re

from semiosis.errors import UsageError, unknown
from semiosis.scenes.types import Options


def parse(name: str) -> tuple[str, Options]:
    """Part a name from its options: `shapes,side=64` gives ("shapes", {"side": "64"})."""
    found = re.fullmatch(r"(.*?)((?:,[a-z_]+=[^,=]*)*)", name, re.DOTALL)
    assert found is not None  # every string matches, with no options at worst
    pairs = [(pair.partition("=")[0], pair.partition("=")[2]) for pair in found[2].split(",")[1:]]
    options = dict(pairs)
    if len(options) < len(pairs):
        raise UsageError(f"an option stands twice in {name!r}")
    return found[1], options


def check(name: str, options: Options, known: tuple[str, ...]) -> None:
    """Refuse options that this kind of data does not have."""
    for key in options:
        if not known:
            raise UsageError(f"{name!r} takes no options, but {key!r} was given")
        if key not in known:
            raise unknown(f"option of {name!r}", key, known)


def whole(options: Options, key: str, default: int | None, low: int, high: int) -> int | None:
    """A whole number between `low` and `high`, or the default where the option is absent."""
    if key not in options:
        return default
    text = options[key]
    if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
        raise UsageError(f"option {key}={text!r} is not a whole number from {low} to {high}")
    return int(text)


def decimal(options: Options, key: str, default: float, low: float, high: float) -> float:
    """A number between `low` and `high`, decimals allowed, or the default where the option is absent."""
    text = options.get(key, str(default))
    if not re.fullmatch(r"\d{1,9}(\.\d{0,9})?", text) or not low <= float(text) <= high:
        raise UsageError(f"option {key}={text!r} is not a number from {low:g} to {high:g}")
    return float(text)


def choice(options: Options, key: str, known: tuple[str, ...]) -> str:
    """One of the known words; the first is the default."""
    value = options.get(key, known[0])
    if value not in known:
        raise unknown(f"value of the option {key}", value, known)
    return value
