"""Do messages carve up what is meant, and do they say more than they must?"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer

from semiosis.errors import UsageError
from semiosis.metrics import intervals
from semiosis.metrics.information import _labelled, about, counted_entropy, entropy, told
from semiosis.metrics.messages import message_ids
from semiosis.metrics.nulls import permutation_null
from semiosis.metrics.value import Value, undefined


def semantic_consistency(
    tokens: Integer[np.ndarray, "n t"],
    meanings: Float[np.ndarray, "n d"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """1 - E_m[Var(x | m)] / Var(x): the share of the variance of meanings that messages explain (after Ben Zion et al. 2024), in [0, 1].

    Variances are summed over dimensions and divided by the number of examples, not one less. Messages that occur once have none and so
    explain all of theirs: with k different messages of n examples, shuffled ones explain (k - 1) / (n - 1), which is the `null` (its 95 %
    quantile by `permutations`). A language is consistent where it is above. `bootstrap` > 0 adds an interval over examples, moved about the
    value. Undefined where all meanings are equal, all messages are, or each message occurs once. Raises `UsageError` for meanings that
    are no vectors.
    """
    ids, x = message_ids(tokens, lengths), np.asarray(meanings)
    n = len(ids)
    how = "variance over dimensions, divided by n; end not counted" + ("; bootstrap about the value" if bootstrap else "")
    if x.ndim != 2 or len(x) != n or x.dtype.kind != "f":
        raise UsageError(f"meanings of shape {x.shape} and type {x.dtype}: expected float vectors [{n}, d]")
    k = int(ids.max(initial=-1)) + 1
    if n == 0:
        return undefined("no messages", how=how)
    if not np.isfinite(x).all():
        return undefined("a meaning is not finite", n, how)
    centred = x.astype(float) - x.mean(axis=0, dtype=float)
    total = float((centred**2).sum())
    if total <= 1e-24 * max(float((x.astype(float) ** 2).sum()), 1e-300):
        return undefined("all meanings are equal", n, how)
    if k in (1, n):
        return undefined("constant language: all messages are equal" if k == 1 else "every message occurs once", n, how)
    order = np.argsort(ids, kind="stable")
    starts, counts = np.searchsorted(ids[order], np.arange(k)), np.bincount(ids)

    def explained(rows: np.ndarray) -> float:
        sums = np.add.reduceat(rows[order], starts, axis=0)
        return float((sums**2 / counts[:, None]).sum() / total)

    value = min(1.0, explained(centred))
    chance = (None, None)
    if null:
        # the mean is known exactly: between messages stand k - 1 of n - 1 degrees of freedom
        chance = ((k - 1) / (n - 1), permutation_null(lambda p: explained(centred[p]), n, permutations, seed)[1])
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(bootstrap):
        rows = rng.integers(n, size=n)
        found = _explained(ids[rows], centred[rows])
        drawn += [] if found is None else [found]
    low, high = about(value, drawn, 0.0)
    return Value(value, low, None if high is None else max(value, min(1.0, high)), *chance, n=n, how=how)


def _explained(ids: np.ndarray, x: np.ndarray) -> float | None:
    """The share of the variance between groups, None where there is none at all."""
    x = x - x.mean(axis=0)
    total = float((x**2).sum())
    order = np.argsort(ids, kind="stable")
    _, starts, counts = np.unique(ids[order], return_index=True, return_counts=True)
    between = float((np.add.reduceat(x[order], starts, axis=0) ** 2 / counts[:, None]).sum())
    return min(1.0, between / total) if total > 0 else None


def entropy_gap(
    tokens: np.ndarray,
    needed: Integer[np.ndarray, " n"] | float,
    lengths: np.ndarray | None = None,
    estimator: str = "plug-in",
    *,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """H(M) less the least entropy with which the task can be done, in bits (Kharitonov et al. 2020): 0 for a language that says no more.

    `needed`: that entropy, or what the listener has to find out, an integer for each example, whose entropy it is. Below 0 the task cannot
    be done. Raises `UsageError` for a negative entropy.
    """
    ids = message_ids(tokens, lengths)
    n = len(ids)
    if np.ndim(needed):
        ids, known = _labelled(tokens, needed, lengths)
        # the gap of each resample, so that what both entropies owe to the sample cancels
        gap = _difference(ids, known, estimator, bootstrap, seed)
        return gap._replace(how=f"{estimator}, least entropy {entropy(known, estimator):.3g} bits, of the labels; end not counted")
    least = float(needed)  # type: ignore[arg-type]
    if not least >= 0:
        raise UsageError(f"needed is {needed}: expected an entropy in bits, 0 or more, or an integer for each example")
    how = f"{estimator}, least entropy {least:.3g} bits, given; end not counted"
    if n == 0:
        return undefined("no messages", how=how)
    counts = np.bincount(ids)
    value, rng = counted_entropy(counts, estimator) - least, np.random.default_rng(seed)
    drawn = [counted_entropy(rng.multinomial(n, counts / n), estimator) - least for _ in range(bootstrap if n > 1 else 0)]
    return Value(value, *about(value, drawn), n=n, how=how)


def _difference(x: np.ndarray, y: np.ndarray, estimator: str, bootstrap: int, seed: int) -> Value:
    """H(x) - H(y), which may be negative."""
    n = len(x)
    if n == 0:
        return undefined("no messages")
    value, rng = entropy(x, estimator) - entropy(y, estimator), np.random.default_rng(seed)
    drawn = []
    for _ in range(bootstrap if n > 1 else 0):
        rows = rng.integers(n, size=n)
        drawn.append(entropy(x[rows], estimator) - entropy(y[rows], estimator))
    return Value(value, *about(value, drawn), n=n)


def repeats(
    tokens: Integer[np.ndarray, "n t"],
    objects: Integer[np.ndarray, " n"],
    back: int = 1,
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    least: int = 5,
    null: bool = False,
    permutations: int = 100,
    seed: int = 0,
) -> Value:
    """max_m P(the object is the one of `back` examples ago | m): is there a word for "the same again"? (Lipinski et al. 2023)

    Examples stand in the order in which they were played; the first `back` are left out, and so are messages said fewer than `least`
    times, whose share means nothing. `null`: messages permuted, which is what the maximum over as many messages shows by chance.
    """
    ids, known = _labelled(tokens, objects, lengths)
    if back < 1:
        raise UsageError(f"back is {back}: expected 1 or more")
    n = max(0, len(ids) - back)
    how = f"messages said {least} times or more; end not counted"
    same, said = (known[back:] == known[:-back]).astype(float) if n else np.zeros(0), ids[back:]

    def most(rows: np.ndarray) -> float | None:
        counts = np.bincount(rows)
        often = counts >= least
        return float((np.bincount(rows, same)[often] / counts[often]).max()) if often.any() else None

    value = most(said) if n else None
    if value is None:
        return undefined(f"no message was said {least} times after the first {back}", n, how)
    chance = permutation_null(lambda p: most(said[p]), n, permutations, seed) if null else (None, None)
    return Value(value, null=chance[0], null_high=chance[1], n=n, how=how)


def complexity(
    tokens: np.ndarray,
    meanings: Integer[np.ndarray, " n"],
    distortion: Float[np.ndarray, " n"],
    lengths: np.ndarray | None = None,
    estimator: str = "plug-in",
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> tuple[Value, Value]:
    """The place of a language on the information plane: complexity I(M; X) in bits, and the mean distortion (Zaslavsky et al. 2018).

    `distortion` is how wrong what is understood of each example is, in the task's own measure. Both have intervals over examples where
    `bootstrap` > 0. The frontier, of the least distortion at each complexity, is the task's and is not computed here.
    """
    ids, known = _labelled(tokens, meanings, lengths)
    wrong = np.asarray(distortion, float)
    if wrong.shape != ids.shape:
        raise UsageError(f"distortion of shape {wrong.shape}: expected {len(ids)} numbers")
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    bits = told(ids, known, lambda m, x, both: m + x - both, estimator, **options)
    if not len(wrong):
        return bits, undefined("no messages")
    _, low, high = intervals.bootstrap(wrong, resamples=bootstrap, seed=seed) if bootstrap else (None, None, None)
    return bits, Value(float(wrong.mean()), low, high, n=len(ids), how="mean")
