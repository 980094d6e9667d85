"""Did the listener understand?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from semiosis.errors import UsageError
from semiosis.metrics.intervals import wilson
from semiosis.metrics.value import Value, undefined


def chance(candidates: int) -> float:
    """The accuracy of a blind guess among equally likely candidates, 1 / c."""
    if candidates < 1:
        raise UsageError(f"{candidates} candidates: expected 1 or more")
    return 1.0 / candidates


def correctness(guess: np.ndarray, target: np.ndarray) -> Float[np.ndarray, " n"]:
    """For each example, the share of the guess that is right: 0 or 1 where a guess is one answer."""
    guessed, right = np.asarray(guess), np.asarray(target)
    if guessed.shape != right.shape:
        raise UsageError(f"guess of shape {guessed.shape} and target of shape {right.shape}: expected the same shape")
    return (guessed == right).reshape(len(guessed), -1).mean(axis=1) if len(guessed) else np.zeros(0)


def accuracy(correct: np.ndarray, null: float | None = None) -> Value:
    """Mean of `correct` [n], each in [0, 1], with Wilson's interval; `null` is chance."""
    shares = np.asarray(correct, float)
    if len(shares) == 0:
        return undefined("no examples")
    value, low, high = wilson(float(shares.sum()), len(shares))
    return Value(value, low, high, null, n=len(shares), how="Wilson")


def relative_drop(clean: float, noisy: float) -> Value:
    """What noise costs, in % of the clean accuracy: 100 (clean - noisy) / clean; undefined where nothing was right to begin with."""
    return Value(100.0 * (clean - noisy) / clean) if clean > 0 else undefined("the clean accuracy is zero")
