"""Did the listener understand?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer

from semiosis.errors import UsageError
from semiosis.metrics.correlation import levels as ranked
from semiosis.metrics.intervals import bootstrap, wilson
from semiosis.metrics.nulls import judged
from semiosis.metrics.ranks import spearman
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
    if not np.isfinite([clean, noisy]).all():
        return undefined("an accuracy is not finite")
    return Value(100.0 * (clean - noisy) / clean) if clean > 0 else undefined("the clean accuracy is zero")


def _shares(correct: object, name: str) -> Float[np.ndarray, " n"]:
    shares = np.asarray(correct, float)
    if shares.ndim != 1 or (len(shares) and not (np.isfinite(shares).all() and 0 <= shares.min() <= shares.max() <= 1)):
        raise UsageError(f"{name} of shape {shares.shape}: expected a number from 0 to 1 for each example")
    return shares


def accuracy_difference(correct: np.ndarray, other: np.ndarray, *, paired: bool = True, resamples: int = 1000, seed: int = 0) -> Value:
    """One accuracy less another, with its 95 % interval; its null is 0.

    Each is whether the answers are right, [n]. `paired`: example i of both is the same game, as when its message is tampered with: a
    bootstrap over games. Otherwise the games differ: Newcombe's (1998, method 10) interval from both of Wilson's. Undefined without
    examples. Raises `UsageError` for pairs that are not as many.
    """
    first, second = _shares(correct, "correct"), _shares(other, "other")
    n, m = len(first), len(second)
    how = "bootstrap over games" if paired else "Newcombe"
    if paired and n != m:
        raise UsageError(f"{n} answers and {m}: expected the same games, or paired=False")
    if not (n and m):
        return undefined("no examples", n + m, how)
    difference = float(first.mean() - second.mean())
    if paired:
        _, low, high = bootstrap(first - second, resamples=resamples, seed=seed)
        return Value(difference, low, high, 0.0, n=n, how=how)
    (_, *one), (_, *two) = wilson(float(first.sum()), n), wilson(float(second.sum()), m)
    (a, b), (c, d) = np.array(one, float), np.array(two, float)
    low = difference - float(np.hypot(first.mean() - a, d - second.mean()))
    high = difference + float(np.hypot(b - first.mean(), second.mean() - c))
    return Value(difference, low, high, 0.0, n=n + m, how=how)


def accuracy_by(levels: Integer[np.ndarray, " n"], correct: np.ndarray, null: float | None = None) -> dict[int, Value]:
    """Accuracy for each level that occurs, rising, with Wilson's interval: of a curriculum, of noise, of the number of strokes."""
    known, shares = np.asarray(levels), _shares(correct, "correct")
    if known.shape != shares.shape or known.dtype.kind not in "iu":
        raise UsageError(f"levels of shape {known.shape} and type {known.dtype}: expected {len(shares)} integers")
    return {int(level): accuracy(shares[known == level], null) for level in np.unique(known)}


def trend(
    levels: np.ndarray,
    correct: np.ndarray,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """Does accuracy go with a number known for each example, as strokes or noise? Spearman's correlation.

    Undefined where all numbers are equal, or all answers equally right. Raises `UsageError` for a number that is not finite.
    """
    x, y = np.asarray(levels, float), _shares(correct, "correct")
    if x.shape != y.shape or not np.isfinite(x).all():
        raise UsageError(f"levels of shape {x.shape}: expected {len(y)} finite numbers")

    first, second = ranked(x), ranked(y)
    reason = "all levels are equal" if len(x) and np.ptp(x) == 0 else "all answers are equally right"
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    return judged(lambda i, j: spearman(first[i], second[j]), len(x), "Spearman over examples", reason=reason, **options)
