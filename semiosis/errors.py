"""What the program declines to do, said in one sentence."""

from __future__ import annotations

from collections.abc import Mapping


class UsageError(ValueError):
    """A mistake of the user's: the message is one sentence with the value, what was expected and what exists.

    The command line prints the sentence and exits with status 2; no traceback is shown.
    """


def unknown(kind: str, value: object, known: object) -> UsageError:
    """The sentence for a name that does not exist: `unknown data 'minst': known are digits, mnist, ...`."""
    return UsageError(f"unknown {kind} {value!r}: known are {', '.join(str(k) for k in known)}")  # type: ignore[attr-defined]


def check_ranges(config: object, ranges: Mapping[str, tuple[float | int, float | int | None]]) -> None:
    """Refuse fields of a configuration that are no numbers from the first to the second bound; None is no bound."""
    for field, (low, high) in ranges.items():
        value = getattr(config, field)
        if not low <= value < float("inf") or (high is not None and value > high):
            raise UsageError(f"{field} is {value}: expected {low} {'or more' if high is None else f'to {high}'}")
