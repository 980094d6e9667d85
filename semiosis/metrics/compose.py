"""How much of a language is said an attribute at a time? Tree reconstruction error, conflicts, and an approximator's accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Bool, Integer
from scipy.optimize import linear_sum_assignment

from semiosis.errors import UsageError, unknown
from semiosis.metrics.intervals import wilson
from semiosis.metrics.meanings import checked_attributes, concept_rows, concepts, meaning_ids
from semiosis.metrics.messages import checked, compact, message_ids
from semiosis.metrics.nulls import judged, judged_together
from semiosis.metrics.value import Value, undefined

_CONSTANT = "constant language: all messages are equal"
FORMS = ("positions", "bag")
Listener = Callable[[np.ndarray, np.ndarray], np.ndarray]  # tokens [n t], lengths [n] -> whether it guesses right [n]


def _end(counted: bool) -> str:
    return f"end {'counted' if counted else 'not counted'}"


# ------------------------------------------------------------------------------------------------------ tree reconstruction error


def tree_reconstruction_error(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    form: str = "positions",
    relative: bool = False,
    end: bool = True,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """The mean over examples of the distance of a message from the best composition of its attributes (Andreas 2019); 0 is compositional.

    Each value of each attribute has a vector; the composition is their sum. Messages are one-hot rows of their `positions`, or with `bag`
    counts of symbols whatever their order; the distance is the squared Euclidean one, so that the best vectors are those of least squares,
    found exactly. A matrix for each attribute, the linear composition, would change nothing: the vectors are free. A wrong symbol costs 2.
    `relative` divides by the distance from the mean message: 1 where attributes explain nothing. `end`: silence after the end counts as a
    symbol; otherwise its place holds zeros. Undefined for a constant language. Raises `UsageError` for another form.
    """
    if form not in FORMS:
        raise unknown("form", form, FORMS)
    known, counts = checked(tokens, lengths)
    n, meant = len(known), checked_attributes(attributes, len(known))
    over = " over that from the mean" if relative else ""
    how = f"sum of one vector an attribute, least squares; one-hot {form}; squared distance{over}; {_end(end)}"
    if n == 0 or message_ids(known, counts).max() == 0:
        return undefined(_CONSTANT if n else "no messages", n, how)
    if meant.shape[1] == 0:
        return undefined("no attributes", n, how)
    vectors = _vectors(compact(known, counts).astype(np.int64), form, end)
    codes, pairs = concepts(meant)
    design = concept_rows(codes, len(pairs)).astype(float)

    def error(said: np.ndarray, about: np.ndarray) -> float | None:
        rows, given = vectors[said], design[about]
        every = float((rows.data**2).sum())
        missed = every - float(((_whitened(given.T @ given).T @ np.asarray(rows.T @ given).T) ** 2).sum())
        missed = missed if missed > 1e-11 * every else 0.0  # what is left by rounding
        if not relative:
            return missed / n
        whole = every - float((np.asarray(rows.sum(axis=0)) ** 2).sum()) / n
        return missed / whole if whole > 1e-11 * every else None

    return judged(
        error,
        n,
        how,
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reason=_CONSTANT,
        bounds=(0.0, 1.0 if relative else np.inf),
    )


def _vectors(codes: np.ndarray, form: str, end: bool) -> scipy.sparse.csr_array:
    """Messages as vectors [n d]."""
    row, place = np.nonzero(np.full(codes.shape, True) if end else codes > 0)
    size = int(codes.max(initial=0)) + 1
    column = codes[row, place] + (place * size if form == "positions" else 0)
    vectors = scipy.sparse.csr_array((np.ones(len(row)), (row, column)), shape=(len(codes), size * codes.shape[1]))
    vectors.sum_duplicates()
    return vectors


def _whitened(gram: np.ndarray) -> np.ndarray:
    """Columns w with w' gram w = 1 that span it: it has no inverse, as each attribute's values add up to 1."""
    size, axes = np.linalg.eigh(gram)
    kept = size > 1e-9 * size.max()
    return axes[:, kept] / np.sqrt(size[kept])


# ------------------------------------------------------------------------------------------------------------------------ conflicts


def conflict_count(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    end: bool = True,
    relative: bool = False,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """How often a symbol does not mean what it mostly means at its place; 0 for a code of one place an attribute (Kucinski et al. 2020).

    Each attribute is given a place of its own; a symbol there stands for the value it is said of most, and every other occurrence is a
    conflict. The count is the least over all ways to give places to attributes; places left over are not judged. `relative` divides it by
    the n k occurrences judged. `end`: silence after the end counts as a symbol; otherwise silence is a conflict. Undefined for a constant
    language and where there are fewer places than attributes.
    """
    known, counts = checked(tokens, lengths)
    n, meant = len(known), checked_attributes(attributes, len(known))
    places, slots = known.shape[1], meant.shape[1]
    how = f"least over one place an attribute{'; share of occurrences' if relative else ''}; {_end(end)}"
    if n == 0 or message_ids(known, counts).max() == 0:
        return undefined(_CONSTANT if n else "no messages", n, how)
    if slots == 0 or places < slots:
        return undefined(f"{places} places for {slots} attributes", n, how)
    codes = compact(known, counts).astype(np.int64)
    size = int(codes.max(initial=0)) + 1
    columns = [np.unique(column, return_inverse=True)[1] for column in meant.T]

    def conflicts(said: np.ndarray, about: np.ndarray) -> float:
        found = np.zeros((places, slots))
        for k, column in enumerate(columns):
            values, values_said = int(column.max()) + 1, column[about]
            for j in range(places):
                table = np.bincount(codes[said, j] * values + values_said, minlength=size * values).reshape(size, values)
                # without the end, silence has no value that it means
                found[j, k] = n - table[0 if end else 1 :].max(axis=1).sum()
        least = float(found[linear_sum_assignment(found)].sum())
        return least / (n * slots) if relative else least

    return judged(
        conflicts,
        n,
        how,
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reason=_CONSTANT,
        bounds=(0.0, 1.0 if relative else np.inf),
    )


# -------------------------------------------------------------------------------------------------------------------- approximator


class Approximation(NamedTuple):
    """What a compositional approximator says of combinations it has not seen.

    `symbols`: the share of places (silence after the end is a symbol) that it gets right; `beyond`: the same beyond the share that the
    commonest symbol of each place gets, over the most there could be; `messages`: the share of whole messages it gets right; `listener`:
    the share that a listener guesses right when it hears the approximator instead of the speaker. `tokens`, `lengths`: what it says.
    """

    symbols: Value
    beyond: Value
    messages: Value
    listener: Value
    tokens: np.ndarray
    lengths: np.ndarray


def approximation(
    tokens: Integer[np.ndarray, "n t"],
    attributes: Integer[np.ndarray, "n k"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    listener: Listener | None = None,
    folds: int = 5,
    null: bool = False,
    permutations: int = 20,
    bootstrap: int = 0,
    seed: int = 0,
) -> Approximation:
    """Approximation of a compositional reconstruction (Mu & Goodman 2021): can single attributes tell messages of unseen combinations?

    For each place a logistic model (scikit-learn) predicts the symbol from the one-hot attributes, so that each value of each attribute
    adds its part; silence after the end is a symbol too. Combinations are dealt into `folds`, and those of a fold are predicted by models
    fitted to all others. `null` fits anew for each of `permutations` of the meanings; `bootstrap` resamples the predictions made once.
    `listener(tokens, lengths)` says for each of the n examples whether it is understood. Undefined for a constant language and where there
    are fewer combinations than folds. Raises `UsageError` for fewer than 2 folds, or a listener that answers in another shape.
    """
    if folds < 2:
        raise UsageError(f"{folds} folds: expected 2 or more")
    known, counts = checked(tokens, lengths)
    n, meant = len(known), checked_attributes(attributes, len(known))
    groups = meaning_ids(meant)
    how = f"logistic model a place, one-hot attributes, {folds} folds of combinations; end counted"
    many = int(groups.max(initial=-1)) + 1
    reason = "no messages" if n == 0 else _CONSTANT if message_ids(known, counts).max() == 0 else ""
    if not reason and many < folds:
        reason = f"{many} combinations of attributes for {folds} folds"
    if reason:
        none = undefined(reason, n, how)
        return Approximation(none, none, none, none, known, counts)
    codes = compact(known, counts).astype(np.int64)
    fold = _dealt(meant, groups, folds, seed)
    said = _predicted(codes, meant, fold, folds)
    guess = _commonest(codes, fold, folds)

    def scores(heard: np.ndarray, rows: np.ndarray) -> tuple[float | None, ...]:
        right, easy = (heard[rows] == codes[rows]), (guess[rows] == codes[rows]).mean()
        return float(right.mean()), float((right.mean() - easy) / (1 - easy)) if easy < 1 else None, float(right.all(axis=1).mean())

    everyone = np.arange(n)

    def permuted(order: np.ndarray) -> tuple[float | None, ...]:
        # combinations keep their folds, so that none is seen before it is predicted
        return scores(_predicted(codes, meant[order], fold[order], folds), everyone)

    names = ("symbols", "symbols beyond the commonest of each place", "whole messages")
    symbols, beyond, messages = judged_together(
        lambda *_: scores(said, everyone),
        n,
        [f"{how}; {name}" for name in names],
        null=null,
        permutations=permutations,
        bootstrap=bootstrap,
        seed=seed,
        reasons=["", "the commonest symbol of each place is always right", ""],
        permuted=permuted,
        resampled=lambda rows: scores(said, rows),
    )
    values = np.zeros(int(codes.max()) + 1, np.int64)
    values[codes] = known
    ends = np.where((said == 0).any(axis=1), (said == 0).argmax(axis=1), said.shape[1])
    return Approximation(symbols, beyond, messages, _understood(listener, values[said], ends, how), values[said], ends)


def _understood(listener: Listener | None, tokens: np.ndarray, lengths: np.ndarray, how: str) -> Value:
    """How often a listener understands the approximator, with Wilson's interval."""
    n, how = len(tokens), how + "; the listener's accuracy, Wilson"
    if listener is None:
        return undefined("no listener given", n, how)
    correct = np.asarray(listener(tokens, lengths), float)
    if correct.shape != (n,):
        raise UsageError(f"a listener that answers in shape {correct.shape}: expected [{n}], whether each message is understood")
    return Value(*wilson(float(correct.sum()), n), n=n, how=how)


def _dealt(attributes: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> Integer[np.ndarray, " n"]:
    """The fold of each example, one for all examples of a combination.

    Combinations go by the sum of their values' places in a drawn order: of a full grid, no fold then holds all combinations of a value,
    which could not be told. Where this would put most into one fold, they are drawn.
    """
    rng = np.random.default_rng(seed)
    fold = np.zeros(len(attributes), np.int64)
    for column in attributes.T:
        known, code = np.unique(column, return_inverse=True)
        fold += rng.permutation(len(known))[code]
    fold %= folds
    many = int(groups.max()) + 1
    of_group = np.zeros(many, np.int64)
    of_group[groups] = fold
    return fold if np.bincount(of_group).max() <= many / 2 else rng.permutation(many)[groups] % folds


def _held_out(fold: np.ndarray, folds: int) -> Iterator[Bool[np.ndarray, " n"]]:
    """The examples of each fold that has any."""
    return (fold == some for some in range(folds) if (fold == some).any())


def _commonest(codes: np.ndarray, fold: np.ndarray, folds: int) -> np.ndarray:
    """The commonest symbol of each place among the examples of the other folds."""
    guess = np.zeros_like(codes)
    for held in _held_out(fold, folds):
        guess[held] = [np.bincount(column).argmax() for column in codes[~held].T]
    return guess


def _predicted(codes: np.ndarray, attributes: np.ndarray, fold: np.ndarray, folds: int) -> np.ndarray:
    """What models fitted to the other folds say of each example."""
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    numbers, pairs = concepts(attributes)
    design = concept_rows(numbers, len(pairs)).astype(float)
    said = np.zeros_like(codes)
    with threadpool_limits(1):  # models so small take ten times longer when threads wait for each other
        for held in _held_out(fold, folds):
            for j, column in enumerate(codes.T):
                seen = column[~held]
                if (seen == seen[0]).all():
                    said[held, j] = seen[0]
                else:
                    said[held, j] = LogisticRegression(C=10.0, max_iter=2000).fit(design[~held], seen).predict(design[held])
    return said
