"""Names as clusters: do the names that agents give sort things as the classes do, and do agents give the same names?

A name is an integer for each of n examples. The indices are scikit-learn's; what is undefined says why.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.optimize import linear_sum_assignment

from semiosis.errors import UsageError
from semiosis.metrics.nulls import Bounds, judged
from semiosis.metrics.success import accuracy
from semiosis.metrics.value import Value, undefined

UNLABELLED = "the data has no labels"
Names = Integer[np.ndarray, " n"]


def adjusted_rand(names: Names, labels: Names, *, null: bool = False, permutations: int = 100, bootstrap: int = 0, seed: int = 0) -> Value:
    """Adjusted Rand index: 1 where names and labels part the examples alike, 0 on average by chance (Hubert and Arabie 1985).

    Its null is 0 by construction; `null` measures it, and its 95 % quantile, with labels permuted; `bootstrap` > 0 adds an interval.
    """
    from sklearn.metrics import adjusted_rand_score

    said, known = _checked(names, labels)
    n = len(said)
    if n < 2:
        return undefined("fewer than 2 examples", n)
    found = _judged(lambda i, j: float(adjusted_rand_score(known[j], said[i])), n, "", null, permutations, bootstrap, seed)
    return found if null else found._replace(null=0.0)


def normalised_information(
    names: Names, labels: Names, *, null: bool = False, permutations: int = 100, bootstrap: int = 0, seed: int = 0
) -> Value:
    """Mutual information over the mean of both entropies, in [0, 1] (Strehl and Ghosh 2002); not 0 by chance, so ask for the null."""
    from sklearn.metrics import normalized_mutual_info_score

    said, known = _checked(names, labels)
    n = len(said)
    how = "arithmetic mean of entropies, plug-in"
    if n < 2:
        return undefined("fewer than 2 examples", n)
    nmi = normalized_mutual_info_score
    return _judged(lambda i, j: float(nmi(known[j], said[i])), n, how, null, permutations, bootstrap, seed, bounds=(0.0, 1.0))


def _judged(
    statistic: Callable[[np.ndarray, np.ndarray], float | None],
    n: int,
    how: str,
    null: bool,
    permutations: int,
    bootstrap: int,
    seed: int,
    reason: str = "",
    bounds: Bounds | None = None,
) -> Value:
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    return judged(statistic, n, how, reason=reason, bounds=bounds, **options)


def contingency(names: Names, labels: Names) -> Integer[np.ndarray, "k c"]:
    """How often each name meets each label, both counted from 0 to the largest."""
    said, known = _checked(names, labels)
    table = np.zeros((int(np.max(said, initial=-1)) + 1, int(np.max(known, initial=-1)) + 1), np.int64)
    np.add.at(table, (said, known), 1)
    return table


def matched(names: Names, labels: Names) -> Value:
    """Accuracy after the best one-to-one match of names to labels (Kuhn 1955); a name without a label is wrong."""
    table = contingency(names, labels)
    n = int(table.sum())
    if n == 0:
        return undefined("no examples")
    return Value(float(table[linear_sum_assignment(table, maximize=True)].sum() / n), n=n, how="Hungarian")


def kappa(names: Names, others: Names, *, null: bool = False, permutations: int = 100, bootstrap: int = 0, seed: int = 0) -> Value:
    """Cohen's kappa of two agents' names: their agreement beyond chance over the most there could be (Cohen 1960).

    Its null is 0 by construction; `null` measures it, and its 95 % quantile, with names permuted; `bootstrap` > 0 adds an interval.
    Undefined where both give one and the same name to everything.
    """
    one, other = _checked(names, others)
    n = len(one)
    if n == 0:
        return undefined("no examples")
    size = int(max(one.max(), other.max())) + 1

    def of(i: np.ndarray, j: np.ndarray) -> float | None:
        first, second = one[i], other[j]
        chance = float(np.bincount(first, minlength=size) / n @ (np.bincount(second, minlength=size) / n))
        return None if chance == 1.0 else float((np.mean(first == second) - chance) / (1.0 - chance))

    found = _judged(of, n, "", null, permutations, bootstrap, seed, "both give everything one name")
    return found if null or found.value is None else found._replace(null=0.0)


def acceptance(accepted: Bool[np.ndarray, "*n"]) -> Value:
    """How often a name that another proposes is taken over, in the Metropolis-Hastings naming game, with Wilson's interval.

    Of all proposals of all turns alike (Taniguchi et al. 2023): near 1 both when agents agree and when they do not care.
    """
    taken = np.asarray(accepted, bool).reshape(-1)
    return accuracy(taken)._replace(how="all proposals; Wilson") if len(taken) else undefined("no proposals")


def davies_bouldin(latent: Float[np.ndarray, "n z"], names: Names) -> Value:
    """How much clusters overlap: the mean over names of the worst (spread + spread) / distance of centres; low is good (1979)."""
    from sklearn.metrics import davies_bouldin_score

    said = np.asarray(names)
    n, used = len(said), len(np.unique(said))
    if n < 3:
        return undefined("fewer than 3 examples", n)
    if used == 1:
        return undefined(f"one name for all {n:,} examples", n)
    if used == n:
        return undefined("each example has a name of its own", n)
    return Value(float(davies_bouldin_score(np.asarray(latent), said)), n=n)


def agent(place: int) -> str:
    """What an agent is called: A, B, ..., Z, A1, ..."""
    return chr(ord("A") + place % 26) + (str(place // 26) if place >= 26 else "")


def naming(
    names: Integer[np.ndarray, "a n"],
    labels: Integer[np.ndarray, " n"] | None = None,
    latent: Float[np.ndarray, "a n z"] | None = None,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> dict[str, Value]:
    """All of these for a community: means over agents or pairs and, of two agents or more, each agent (`ari@A`) and pair (`kappa@AB`).

    `null` and `bootstrap` are passed on to the indices that have them; the mean of several agents or pairs has no interval of its own.
    """
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    said = np.asarray(names)
    if said.ndim != 2 or not len(said):
        raise UsageError(f"names of shape {said.shape}: expected integers [agents, examples]")
    agents, n = range(len(said)), said.shape[1]
    none = undefined(UNLABELLED, n)
    found: dict[str, Value] = {}
    for title, index in (("ari", adjusted_rand), ("nmi", normalised_information)):
        found |= _spread(title, {agent(i): none if labels is None else index(said[i], labels, **options) for i in agents})
    found |= _spread("matched", {agent(i): none if labels is None else matched(said[i], labels) for i in agents})
    if len(names) > 1:
        alike = [said[i] == said[j] for i, j in combinations(agents, 2)]
        found["synchrony"] = Value(float(np.mean(alike)), n=n) if n else undefined("no examples")
        found |= _spread("kappa", {agent(i) + agent(j): kappa(said[i], said[j], **options) for i, j in combinations(agents, 2)})
    if latent is not None:
        found |= _spread("davies_bouldin", {agent(i): davies_bouldin(latent[i], said[i]) for i in agents})
    return found


def _spread(title: str, values: dict[str, Value]) -> dict[str, Value]:
    """The mean of what is defined, then each, where there are several."""
    known = [value.value for value in values.values() if value.value is not None]
    first = next(iter(values.values()))
    mean = first
    if len(values) > 1 and known:
        nulls = [value.null for value in values.values() if value.null is not None]
        mean = Value(float(np.mean(known)), null=float(np.mean(nulls)) if nulls else None, n=first.n, how=first.how)
    return {title: mean} | ({f"{title}@{who}": value for who, value in values.items()} if len(values) > 1 and known else {})


def _checked(names: object, others: object) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays; raises `UsageError` unless they are as many integers from 0."""
    first, second = np.asarray(names), np.asarray(others)
    if first.shape != second.shape or first.ndim != 1 or first.dtype.kind not in "iu" or second.dtype.kind not in "iu":
        raise UsageError(f"names {first.dtype} {first.shape} and {second.dtype} {second.shape}: expected two integer arrays of one length")
    if len(first) and min(int(first.min()), int(second.min())) < 0:
        raise UsageError("a negative name or label: expected integers from 0")
    return first, second
