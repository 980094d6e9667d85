"""Names as clusters: do the names that agents give sort things as the classes do, and do agents give the same names?

A name is an integer for each of n examples. The indices are scikit-learn's; what is undefined says why.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from jaxtyping import Float, Integer
from scipy.optimize import linear_sum_assignment

from semiosis.errors import UsageError
from semiosis.metrics.value import Value, undefined

UNLABELLED = "the data has no labels"
Names = Integer[np.ndarray, " n"]


def adjusted_rand(names: Names, labels: Names) -> Value:
    """Adjusted Rand index: 1 where names and labels part the examples alike, 0 on average by chance (Hubert and Arabie 1985)."""
    from sklearn.metrics import adjusted_rand_score

    n = _check(names, labels)
    return Value(float(adjusted_rand_score(labels, names)), null=0.0, n=n) if n > 1 else undefined("fewer than 2 examples", n)


def normalised_information(names: Names, labels: Names) -> Value:
    """Mutual information over the mean of both entropies, in [0, 1] (Strehl and Ghosh 2002)."""
    from sklearn.metrics import normalized_mutual_info_score

    n = _check(names, labels)
    how = "arithmetic mean of entropies, plug-in"
    return Value(float(normalized_mutual_info_score(labels, names)), n=n, how=how) if n > 1 else undefined("fewer than 2 examples", n)


def contingency(names: Names, labels: Names) -> Integer[np.ndarray, "k c"]:
    """How often each name meets each label, both counted from 0 to the largest."""
    _check(names, labels)
    table = np.zeros((int(np.max(names, initial=-1)) + 1, int(np.max(labels, initial=-1)) + 1), np.int64)
    np.add.at(table, (names, labels), 1)
    return table


def matched(names: Names, labels: Names) -> Value:
    """Accuracy after the best one-to-one match of names to labels (Kuhn 1955); a name without a label is wrong."""
    n = _check(names, labels)
    if n == 0:
        return undefined("no examples")
    table = contingency(names, labels)
    return Value(float(table[linear_sum_assignment(table, maximize=True)].sum() / n), n=n, how="Hungarian")


def kappa(names: Names, others: Names) -> Value:
    """Cohen's kappa of two agents' names: their agreement beyond chance over the most there could be (Cohen 1960).

    Undefined where both give one and the same name to everything.
    """
    n = _check(names, others)
    if n == 0:
        return undefined("no examples")
    observed = np.mean(names == others)
    size = int(max(names.max(), others.max())) + 1
    chance = float(np.bincount(names, minlength=size) / n @ (np.bincount(others, minlength=size) / n))
    if chance == 1.0:
        return undefined("both give everything one name", n)
    return Value(float((observed - chance) / (1.0 - chance)), null=0.0, n=n)


def davies_bouldin(latent: Float[np.ndarray, "n z"], names: Names) -> Value:
    """How much clusters overlap: the mean over names of the worst (spread + spread) / distance of centres; low is good (1979)."""
    from sklearn.metrics import davies_bouldin_score

    used = len(np.unique(names))
    if not 2 <= used < len(names):
        return undefined(f"{used} names for {len(names)} examples", len(names))
    return Value(float(davies_bouldin_score(latent, names)), n=len(names))


def agent(place: int) -> str:
    """What an agent is called: A, B, ..., Z, A1, ..."""
    return chr(ord("A") + place % 26) + (str(place // 26) if place >= 26 else "")


def naming(
    names: Integer[np.ndarray, "a n"],
    labels: Integer[np.ndarray, " n"] | None = None,
    latent: Float[np.ndarray, "a n z"] | None = None,
) -> dict[str, Value]:
    """All of these for a community: means over agents or pairs and, of two agents or more, each agent (`ari@A`) and pair (`kappa@AB`)."""
    agents = range(len(names))
    none = undefined(UNLABELLED, names.shape[1])
    found: dict[str, Value] = {}
    for title, index in (("ari", adjusted_rand), ("nmi", normalised_information), ("matched", matched)):
        found |= _spread(title, {agent(i): none if labels is None else index(names[i], labels) for i in agents})
    if len(names) > 1:
        found["synchrony"] = Value(float(np.mean([np.mean(names[i] == names[j]) for i, j in combinations(agents, 2)])), n=names.shape[1])
        found |= _spread("kappa", {agent(i) + agent(j): kappa(names[i], names[j]) for i, j in combinations(agents, 2)})
    if latent is not None:
        found |= _spread("davies_bouldin", {agent(i): davies_bouldin(latent[i], names[i]) for i in agents})
    return found


def _spread(title: str, values: dict[str, Value]) -> dict[str, Value]:
    """The mean of what is defined, then each, where there are several."""
    known = [value.value for value in values.values() if value.value is not None]
    first = next(iter(values.values()))
    mean = first._replace(value=float(np.mean(known)), reason="") if known else first
    return {title: mean} | ({f"{title}@{who}": value for who, value in values.items()} if len(values) > 1 and known else {})


def _check(names: np.ndarray, others: np.ndarray) -> int:
    if names.shape != others.shape or names.ndim != 1 or names.dtype.kind not in "iu" or others.dtype.kind not in "iu":
        raise UsageError(f"names {names.dtype} {names.shape} and {others.dtype} {others.shape}: expected two integer arrays of one length")
    if len(names) and min(int(names.min()), int(others.min())) < 0:
        raise UsageError("a negative name or label: expected integers from 0")
    return len(names)
