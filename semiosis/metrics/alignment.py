"""Representational similarity: are the same things near each other on both sides? (Kriegeskorte et al. 2008)"""

from __future__ import annotations

import numpy as np

from semiosis.errors import UsageError
from semiosis.metrics.compositionality import cosine_distances, judged_pairs
from semiosis.metrics.correlation import levels
from semiosis.metrics.ranks import by_size
from semiosis.metrics.value import Value, undefined


def distance_correlation(
    first: np.ndarray,
    second: np.ndarray,
    n: int,
    how: str,
    reason: str,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """Spearman's correlation of two rows of distances, all pairs i < j of n examples each, with Mantel's (1967) null.

    The bootstrap never pairs an example with itself. `reason`: why there is no number where one side is constant.
    """
    order, x = by_size(np.asarray(first, float))
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    return judged_pairs(order, x, levels(second)[order], n, how, reason=reason, **options)


def rsa(
    first: np.ndarray,
    second: np.ndarray,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """How alike two representations of the same n inputs are: Spearman's correlation of their distances (Bouchacourt and Baroni 2018).

    Each side holds vectors [n d], compared by cosine (their widths may differ), or the distances of all pairs [n (n - 1) / 2], as those of
    inputs or messages, but one side must be vectors, which tell n. `null` and `bootstrap` as in `topsim`. Undefined where all distances
    of a side are equal. Raises `UsageError` for representations of different numbers of inputs.
    """
    sides = [np.asarray(side) for side in (first, second)]
    sizes = {len(side) for side in sides if side.ndim == 2}
    n = min(sizes, default=0)
    if len(sizes) != 1 or any(side.dtype.kind != "f" or (side.ndim != 2 and side.shape != (n * (n - 1) // 2,)) for side in sides):
        told = " and ".join(f"{side.dtype} {side.shape}" for side in sides)
        raise UsageError(f"representations {told}: expected float vectors [n, d] twice, or one and distances [n (n - 1) / 2]")
    how = "Spearman; " + " and ".join("2 - 2 cos" if side.ndim == 2 else "given distances" for side in sides)
    if n < 3:
        return undefined("needs 3 inputs or more", n, how)
    if not all(np.isfinite(side).all() for side in sides):
        return undefined("a representation is not finite", n, how)
    rows = [cosine_distances(side) if side.ndim == 2 else side for side in sides]
    constant = next((name for name, row in zip(("first", "second"), rows, strict=True) if np.ptp(row) == 0), "")
    reason = f"all distances of the {constant} representation are equal"
    return distance_correlation(rows[0], rows[1], n, how, reason, null=null, permutations=permutations, bootstrap=bootstrap, seed=seed)
