"""What every metric returns: a number with its interval and its null, or the reason why there is none."""

from __future__ import annotations

from typing import NamedTuple


class Value(NamedTuple):
    """One metric. `value` is None, never NaN, where the metric has no meaning; `reason` then says why.

    `low`, `high`: 95 % interval over examples. `null`, `null_high`: the mean and the 95 % quantile of the same number when messages
    and meanings have nothing to do with each other (for an accuracy, chance). `n`: examples it was computed from. `how`: estimator,
    distance, and whether the end of a message counts as a symbol.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    null: float | None = None
    null_high: float | None = None
    n: int = 0
    reason: str = ""
    how: str = ""


def undefined(reason: str, n: int = 0, how: str = "") -> Value:
    """A metric without a value, and why."""
    return Value(None, n=n, reason=reason, how=how)
