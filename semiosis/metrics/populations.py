"""Many speakers and listeners: do they speak alike, and does a message reach whom it was not made for?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.special import log_softmax, logsumexp

from semiosis.errors import UsageError
from semiosis.metrics import intervals
from semiosis.metrics.compositionality import topsim
from semiosis.metrics.edits import edit_counts
from semiosis.metrics.information import about, counted_entropy, distinct
from semiosis.metrics.messages import checked, message_ids
from semiosis.metrics.success import accuracy_difference
from semiosis.metrics.value import Value, undefined

_EDITS = "Levenshtein / longer length, end not counted"

# ----------------------------------------------------------------------------------------------------- speaking alike


def _speakers(messages: object, lengths: object, how: str) -> tuple[np.ndarray, np.ndarray, Value | None]:
    """Tokens [a n t], lengths [a n], and why there is nothing to compare, if there is not."""
    tokens, counts = checked(messages, lengths)
    if tokens.ndim != 3:
        raise UsageError(f"messages of shape {tokens.shape}: expected tokens [speakers, n, t]")
    speakers, n = counts.shape
    flaw = undefined("needs 2 speakers or more", n, how) if speakers < 2 else undefined("no messages", n, how) if n == 0 else None
    return tokens, counts, flaw


def _distances(tokens: np.ndarray, counts: np.ndarray) -> Float[np.ndarray, " n"]:
    """Normalised edit distance of what speakers say of each input, mean over pairs of speakers."""
    pairs = list(combinations(range(len(counts)), 2))
    total = sum(edit_counts(tokens, counts, i, j) / np.maximum(np.maximum(counts[i], counts[j]), 1) for i, j in pairs)
    return np.asarray(total) / len(pairs)


def _shuffled(
    tokens: np.ndarray, counts: np.ndarray, statistic: Callable[[np.ndarray, np.ndarray], float], permutations: int, seed: int
) -> tuple[float | None, float | None]:
    """Mean and 95 % quantile of a statistic when each speaker speaks of other inputs than the rest."""
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(permutations):
        rows = np.stack([rng.permutation(counts.shape[1]) for _ in counts])
        drawn.append(statistic(np.take_along_axis(tokens, rows[..., None], axis=1), np.take_along_axis(counts, rows, axis=1)))
    return (float(np.mean(drawn)), float(np.quantile(drawn, 0.95))) if drawn else (None, None)


def edit_distance(
    messages: Integer[np.ndarray, "a n t"],
    lengths: Integer[np.ndarray, "a n"] | None = None,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Value:
    """How differently speakers name the same input: Levenshtein over the longer length (T where it is fixed), mean over pairs of speakers.

    In [0, 1], with a bootstrap interval over inputs (none where `bootstrap` is 0); `null`: the same where each speaker names another input.
    Undefined for one speaker (Chaabouni et al. 2022).
    """
    tokens, counts, flaw = _speakers(messages, lengths, _EDITS)
    if flaw:
        return flaw
    each = _distances(tokens, counts)
    _, low, high = intervals.bootstrap(each, resamples=bootstrap, seed=seed) if bootstrap else (None, None, None)
    chance = _shuffled(tokens, counts, lambda t, c: float(_distances(t, c).mean()), permutations if null else 0, seed)
    return Value(float(each.mean()), low, high, *chance, n=len(each), how=_EDITS)


def synchrony(
    messages: Integer[np.ndarray, "a n t"],
    lengths: Integer[np.ndarray, "a n"] | None = None,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Value:
    """How alike speakers name the same input: 1 - `edit_distance`; undefined for one speaker (Rita et al. 2022)."""
    apart = edit_distance(messages, lengths, bootstrap=bootstrap, seed=seed)
    if apart.value is None:
        return apart
    value, low, high = (None if x is None else 1.0 - x for x in (apart.value, apart.high, apart.low))
    tokens, counts = checked(messages, lengths)
    chance = _shuffled(tokens, counts, lambda t, c: 1.0 - float(_distances(t, c).mean()), permutations if null else 0, seed)
    return apart._replace(value=value, low=low, high=high, null=chance[0], null_high=chance[1])


def agreement(
    messages: Integer[np.ndarray, "a n t"],
    lengths: Integer[np.ndarray, "a n"] | None = None,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 1000,
    seed: int = 0,
) -> Value:
    """How often two speakers say the very same message of an input, mean over pairs; intervals and null as in `synchrony`."""
    how = "whole messages equal; end not counted"
    tokens, counts, flaw = _speakers(messages, lengths, how)
    if flaw:
        return flaw
    speakers, n = counts.shape
    ids = message_ids(tokens.reshape(speakers * n, tokens.shape[2]), counts.reshape(-1)).reshape(speakers, n)
    pairs = list(combinations(range(speakers), 2))

    def alike(known: np.ndarray) -> np.ndarray:
        return np.mean([known[i] == known[j] for i, j in pairs], axis=0)

    each = alike(ids)
    _, low, high = intervals.bootstrap(each, resamples=bootstrap, seed=seed) if bootstrap else (None, None, None)
    chance = _shuffled(ids[..., None], ids, lambda _, c: float(alike(c).mean()), permutations if null else 0, seed)
    return Value(float(each.mean()), low, high, *chance, n=n, how=how)


def divergence(
    messages: Integer[np.ndarray, "a n t"],
    lengths: Integer[np.ndarray, "a n"] | None = None,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """Jensen-Shannon divergence of how often speakers say each message, in bits, mean over pairs: 0 alike, 1 nothing in common (Lin 1991).

    It asks only what is said, not of what. The plug-in is too high where messages are rare: `null` shows it with what was said dealt out
    anew among the speakers. `bootstrap` > 0 adds an interval over inputs, moved about the value. Undefined for one speaker.
    """
    how = "plug-in; end not counted" + ("; bootstrap about the value" if bootstrap else "")
    tokens, counts, flaw = _speakers(messages, lengths, how)
    if flaw:
        return flaw
    speakers, n = counts.shape
    ids = message_ids(tokens.reshape(speakers * n, tokens.shape[2]), counts.reshape(-1)).reshape(speakers, n)
    size, pairs = int(ids.max()) + 1, list(combinations(range(speakers), 2))

    def apart(known: np.ndarray) -> float:
        table = np.stack([np.bincount(row, minlength=size) for row in known])
        own = [counted_entropy(row) for row in table]
        # both said n messages, so that the mixture's shares are those of the sum
        return float(np.mean([counted_entropy(table[i] + table[j]) - (own[i] + own[j]) / 2 for i, j in pairs]))

    value, rng = max(0.0, apart(ids)), np.random.default_rng(seed)
    dealt = [apart(rng.permutation(ids.reshape(-1)).reshape(speakers, n)) for _ in range(permutations if null else 0)]
    chance = (float(np.mean(dealt)), float(np.quantile(dealt, 0.95))) if dealt else (None, None)
    drawn = [apart(ids[:, rng.integers(n, size=n)]) for _ in range(bootstrap if n > 1 else 0)]
    low, high = about(value, drawn, 0.0)
    return Value(value, low, None if high is None else max(value, min(1.0, high)), *chance, n=n, how=how)


class Drift(NamedTuple):
    """How a language changes over generations, one `Value` each: its synchrony with its `parent` and with the `first` generation, neither
    defined for the first, its `topsim`, undefined without meanings, and how many different `messages` it still has."""

    parent: tuple[Value, ...]
    first: tuple[Value, ...]
    topsim: tuple[Value, ...]
    messages: tuple[Value, ...]


def drift(
    languages: Sequence[np.ndarray],
    lengths: Sequence[np.ndarray] | None = None,
    meanings: np.ndarray | None = None,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Drift:
    """Generations of one language, oldest first: what each says, tokens [n t], of the same n inputs (Kirby et al. 2008; Ren et al. 2020).

    `meanings` as in `topsim`. Raises `UsageError` where generations do not speak of as many inputs.
    """
    known = [checked(tokens, None if lengths is None else lengths[i]) for i, tokens in enumerate(languages)]
    if len({tokens.shape[:-1] for tokens, _ in known}) > 1 or any(tokens.ndim != 2 for tokens, _ in known):
        raise UsageError(f"languages of shapes {[tokens.shape for tokens, _ in known]}: expected tokens [n, t] of the same n inputs")
    widest = max((tokens.shape[1] for tokens, _ in known), default=0)
    padded = [np.pad(tokens, [(0, 0), (0, widest - tokens.shape[1])]) for tokens, _ in known]
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}

    def like(i: int, j: int) -> Value:
        return synchrony(np.stack([padded[i], padded[j]]), np.stack([known[i][1], known[j][1]]), **options)

    places = range(len(known))
    none = undefined("the first generation has no parent", len(known[0][1]) if known else 0)
    untold = undefined("no meanings were given", none.n)
    tops = [untold if meanings is None else topsim(*_first_two(known[i], meanings), **options) for i in places]
    return Drift(
        tuple(like(i, i - 1) if i else none for i in places),
        tuple(like(i, 0) if i else none._replace(reason="this is the first generation") for i in places),
        tuple(tops),
        tuple(distinct(*one) for one in known),
    )


def _first_two(language: tuple[np.ndarray, np.ndarray], meanings: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return language[0], meanings, language[1]


def co_adaptation(trained: np.ndarray, fresh: np.ndarray, *, paired: bool = True, seed: int = 0) -> Value:
    """What a partner one grew up with is worth: its accuracy less that of one trained from scratch (Rita et al. 2022, at NeurIPS).

    Whether each answer is right, [n] each; `paired`: both answered the same games. On training data it holds what the pair learned by
    heart together; on held-out data it is their co-adaptation. The rest as in `accuracy_difference`.
    """
    return accuracy_difference(trained, fresh, paired=paired, seed=seed)


# ------------------------------------------------------------------------------------------------ understanding others


def vote(scores: Float[np.ndarray, "l n ... c"]) -> Integer[np.ndarray, "n ..."]:
    """What listeners guess together: the argmax of the mean of their probabilities.

    `scores`: log-probabilities of each listener, up to a constant; the mean is taken in logs, so that no probability is lost to rounding.
    """
    return np.argmax(logsumexp(log_softmax(np.asarray(scores, float), axis=-1), axis=0), axis=-1)


class CrossPlay(NamedTuple):
    """Who understands whom, from a matrix of accuracies [speakers, listeners]; `gap` is `diagonal` - `off_diagonal`."""

    mean: Value
    diagonal: Value
    off_diagonal: Value
    gap: Value
    in_partner: Value
    out_partner: Value


def cross_play(
    matrix: Float[np.ndarray, "s l"],
    partners: Bool[np.ndarray, "s l"] | None = None,
    *,
    groups: Integer[np.ndarray, " s"] | None = None,
    chance: float | None = None,
    bootstrap: int = 0,
    seed: int = 0,
) -> CrossPlay:
    """Accuracy of all pairs, of speaker i with listener i, of all others, and of those who trained together (`partners`) and who did not.

    `n` counts pairs; those without a value (NaN) are left out. `bootstrap` > 0 adds intervals over seeds, each drawn with its speaker and
    its listener at once; a seed drawn twice does not meet itself as a stranger. `groups` [s]: which seed each place belongs to, where
    several agents come of one (each its own if not given). `chance` is the null of accuracies; that of the gap is 0. Undefined, with the
    reason, where no such pair exists: the diagonal unless there are as many speakers as listeners, and then there are no intervals either.
    Raises `UsageError` for `groups` that do not fit.
    """
    played = np.asarray(matrix, float)
    together = None if partners is None else np.asarray(partners, bool)
    if played.ndim != 2 or (together is not None and together.shape != played.shape):
        other = "" if together is None else f", partners of shape {together.shape}"
        raise UsageError(f"matrix of shape {played.shape}{other}: expected [speakers, listeners]")
    square = played.shape[0] == played.shape[1]
    if groups is not None and (not square or np.shape(groups) != played.shape[:1]):
        raise UsageError(f"groups of shape {np.shape(groups)} for a matrix {played.shape}: expected one for each place of a square matrix")
    there = np.isfinite(played)
    played = np.where(there, played, 0.0)
    own = np.eye(*played.shape, dtype=bool)
    everyone = np.full(played.shape, True)
    kinds = [everyone, own, ~own] + ([] if together is None else [together, ~together])
    parts = [kind & there for kind in kinds]
    family = np.unique(np.arange(len(played)) if groups is None else np.asarray(groups), return_inverse=True)[1].reshape(-1)
    seeds = int(family.max(initial=-1)) + 1 if square else 0

    def weighted(drawn: np.ndarray) -> list[float | None]:
        """The mean of each part and the gap, when seeds are drawn anew."""
        times = np.bincount(drawn, minlength=seeds)[family].astype(float)
        mass = np.where(family[:, None] == family, times[:, None], np.outer(times, times))
        sums = [(float(mass[where].sum()), float((mass * played)[where].sum())) for where in parts]
        means = [total / count if count else None for count, total in sums]
        return [*means, None if means[1] is None or means[2] is None else means[1] - means[2]]

    rng = np.random.default_rng(seed)
    draws = [weighted(rng.integers(seeds, size=seeds)) for _ in range(bootstrap)] if seeds > 1 else []

    def interval(place: int) -> tuple[float | None, float | None]:
        known = [draw[place] for draw in draws if draw[place] is not None]
        if len(known) < max(1, bootstrap / 2):
            return None, None
        low, high = np.quantile(np.array(known, float), [0.025, 0.975])
        return float(low), float(high)

    def mean(place: int, none: str) -> Value:
        where = parts[place]
        if not where.any():
            return undefined("no such pair has a value" if kinds[place].any() else none)
        return Value(float(played[where].mean()), *interval(place), chance, n=int(where.sum()), how=how)

    how = f"bootstrap over {seeds} seeds, rows and columns together" if bootstrap and seeds > 1 else ""
    unequal = undefined(f"{played.shape[0]} speakers and {played.shape[1]} listeners: nobody's own partner is known")
    diagonal = mean(1, "no pairs") if square else unequal
    off_diagonal = mean(2, "one pair only") if square else unequal
    count = int(there.sum())
    gap = (off_diagonal if diagonal.value is not None else diagonal)._replace(n=count)
    if diagonal.value is not None and off_diagonal.value is not None:
        nothing = None if chance is None else 0.0
        gap = Value(diagonal.value - off_diagonal.value, *interval(-1), nothing, n=count, how=how)
    untold = undefined("partners not given")
    return CrossPlay(
        mean(0, "no pairs"),
        diagonal,
        off_diagonal,
        gap,
        untold if together is None else mean(3, "no pair trained together"),
        untold if together is None else mean(4, "all pairs trained together"),
    )
