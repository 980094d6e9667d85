"""Does one place of a message, or one symbol, speak of one attribute? (Chaabouni et al. 2020, equations 1 and 2)"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Integer

from semiosis.metrics.meanings import checked_attributes
from semiosis.metrics.messages import checked, compact, spoken
from semiosis.metrics.nulls import judged
from semiosis.metrics.value import Value, undefined

_CELLS = 1 << 22  # of one table of counts


class _Forms(NamedTuple):
    """Integer features of messages, as entries: example `row` has a level of a feature, a `group`; both [e], sorted by group.

    `first`: the first group of each feature, and one past the last group. `silent`: an example without an entry of a feature has one more
    level of it (nothing there); otherwise the feature is judged by the examples that have one.
    """

    row: np.ndarray
    group: np.ndarray
    first: np.ndarray
    silent: bool


def _forms(row: np.ndarray, feature: np.ndarray, level: np.ndarray, silent: bool) -> _Forms:
    """Entries with their groups numbered from 0, by feature and level."""
    levels = int(level.max(initial=0)) + 1
    known, group = np.unique(feature * levels + level, return_inverse=True)
    order = np.argsort(group, kind="stable")
    first = np.flatnonzero(np.diff(known // levels, prepend=-1))
    return _Forms(row[order], group[order], np.append(first, len(known)), silent)


def _blocks(forms: _Forms, values: int) -> Iterator[_Forms]:
    """The features in blocks whose tables fit, each with its entries, its groups numbered from 0."""
    start, last = 0, len(forms.first) - 1
    while start < last:
        room = forms.first[start] + max(1, _CELLS // values)
        stop = max(start + 1, int(np.searchsorted(forms.first, room, side="right")) - 1)
        entries = slice(*np.searchsorted(forms.group, forms.first[[start, stop]]))
        low = forms.first[start]
        yield forms._replace(row=forms.row[entries], group=forms.group[entries] - low, first=forms.first[start : stop + 1] - low)
        start = stop


def _told(forms: _Forms, column: np.ndarray, times: np.ndarray | None, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """I(feature; attribute) and H(feature) in bits for each feature, H exactly 0 where it never varies; `table` holds x log2 x.

    From counts: H = log2 N - (sum of x log2 x) / N, for the feature, the attribute and both.
    """
    values, size = int(column.max(initial=0)) + 1, forms.first[-1]
    weights = None if times is None else times[forms.row]
    joint = np.bincount(forms.group * values + column[forms.row], weights, minlength=size * values).astype(np.int64).reshape(size, values)
    starts, levels = forms.first[:-1], joint.sum(axis=1)
    attribute = np.add.reduceat(joint, starts)
    both = np.add.reduceat(table[joint].sum(axis=1), starts)
    form, several = np.add.reduceat(table[levels], starts), np.add.reduceat((levels > 0).astype(np.int64), starts)
    if forms.silent:
        whole = np.bincount(column, times, minlength=values).astype(np.int64)
        rest = whole - attribute
        nothing = rest.sum(axis=1)
        both, form, several = both + table[rest].sum(axis=1), form + table[nothing], several + (nothing > 0)
        attribute = np.broadcast_to(whole, attribute.shape)
    n = np.maximum(attribute.sum(axis=1), 1)
    shared = np.log2(n) - (form + table[attribute].sum(axis=1) - both) / n
    return np.maximum(shared, 0.0), np.where(several > 1, np.log2(n) - form / n, 0.0)


def _mean_gap(forms: _Forms, attributes: np.ndarray, times: np.ndarray | None, table: np.ndarray) -> float | None:
    """The mean over features that vary of [I(s; a1) - I(s; a2)] / H(s), a1 and a2 being what the feature tells most of."""
    gaps = []
    for block in _blocks(forms, int(attributes.max(initial=0)) + 1):
        told = [_told(block, column, times, table) for column in attributes.T]
        shared, bits = np.sort([shared for shared, _ in told], axis=0), told[0][1]
        varies = bits > 0
        gaps.append((shared[-1, varies] - shared[-2, varies]) / bits[varies])
    every = np.concatenate(gaps) if gaps else np.zeros(0)
    return float(every.mean()) if len(every) else None


def _disentanglement(
    forms: _Forms, attributes: object, n: int, how: str, *, null: bool, permutations: int, bootstrap: int, seed: int
) -> Value:
    known = checked_attributes(attributes, n)
    if known.shape[1] < 2:
        return undefined("the gap between two attributes needs 2 attributes or more", n, how)
    columns = np.stack([np.unique(column, return_inverse=True)[1] for column in known.T], axis=1)
    count = np.arange(n + 1)
    table = count * np.log2(np.maximum(count, 1))
    return judged(
        lambda *_: _mean_gap(forms, columns, None, table),
        n,
        how,
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reason="constant language: nothing in the messages varies",
        bounds=(0.0, 1.0),
        permuted=lambda order: _mean_gap(forms, columns[order], None, table),
        resampled=lambda rows: _mean_gap(forms, columns, np.bincount(rows, minlength=n), table),
    )


def posdis(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    end: bool = True,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """Positional disentanglement: the mean over positions that vary of [I(s_j; a1) - I(s_j; a2)] / H(s_j), in [0, 1], plug-in.

    `end`: silence after the end counts as a symbol of its own, as published; otherwise a position is judged by the messages that reach it.
    Undefined with fewer than two attributes, or where no position varies. `null` and `bootstrap` as in `judged`.
    """
    known, counts = checked(tokens, lengths)
    row, place = np.nonzero(spoken(known, counts))
    forms = _forms(row, place, compact(known, counts)[row, place].astype(np.int64), silent=end)
    how = f"plug-in; end {'counted' if end else 'not counted'}"
    return _disentanglement(forms, attributes, len(known), how, null=null, permutations=permutations, bootstrap=bootstrap, seed=seed)


def bosdis(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    end: bool = False,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """Bag-of-symbols disentanglement: as `posdis`, with the count of each symbol in a message in place of the symbol at each position.

    `end`: the silent places after the end are counted as one more symbol (emlangkit); otherwise they are not (EGG).
    """
    known, counts = checked(tokens, lengths)
    codes = compact(known, counts).astype(np.int64)
    row, place = np.nonzero(np.full(codes.shape, True) if end else codes > 0)
    size = int(codes.max(initial=0)) + 1
    pairs, times = np.unique(row * size + codes[row, place], return_counts=True)
    forms = _forms(pairs // size, pairs % size, times, silent=True)
    how = f"plug-in; end {'counted' if end else 'not counted'}"
    return _disentanglement(forms, attributes, len(known), how, null=null, permutations=permutations, bootstrap=bootstrap, seed=seed)
