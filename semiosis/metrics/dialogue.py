"""Conversations in bits (Evtimova et al. 2018): what is answered when, how sure, after how long, and what the messages hold.

A sender and a receiver exchange d bits at each of t steps; the receiver scores c classes at each, and may stop. `mask` [n t] says whether
a conversation was open when a step began, so that its length is the sum of its row; it never opens again. Scores are logits; those of all
steps are looked at, as if nobody had stopped, except where a mask is asked for. Where several classes score best, the first is the answer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.special import entr, softmax

from semiosis.errors import UsageError
from semiosis.metrics import information, intervals
from semiosis.metrics.correlation import rank_correlation
from semiosis.metrics.images import auroc
from semiosis.metrics.success import accuracy, chance
from semiosis.metrics.value import Value, undefined

Scores = Float[np.ndarray, "n t c"]
Bits = Bool[np.ndarray, "n t d"]
Open = Bool[np.ndarray, "n t"]
Classes = Integer[np.ndarray, " n"]
Steps = Float[np.ndarray, " t"]

_BINS = 10  # of a probability, in `go_calibration`
_NO_CLASS = "no examples of this class"

# ------------------------------------------------------------------------------------------------------------- answers


def target_rank(scores: Float[np.ndarray, "n *t c"], target: Classes) -> Integer[np.ndarray, "n *t"]:
    """The place of the right class among the scores, 1 for the best: one more than the classes that score higher; ties share a place."""
    scores, target = np.asarray(scores), np.asarray(target)
    right = np.take_along_axis(scores, _beside(target, scores.ndim), axis=-1)
    return (scores > right).sum(axis=-1) + 1


def _beside(target: np.ndarray, ndim: int) -> np.ndarray:
    """Targets [n] with as many axes as the scores."""
    return target.reshape(-1, *(1,) * (ndim - 1))


def accuracy_at(scores: Float[np.ndarray, "n c"], target: Classes, k: int) -> Value:
    """How often the right class is among the k that score highest, with Wilson's interval; chance is k / c.

    Of classes that tie those that stand first are taken, so that k = 1 is the accuracy of the answers. Raises `UsageError` unless k is
    from 1 to c.
    """
    scores, target = np.asarray(scores), np.asarray(target)
    count = scores.shape[1]
    if not 1 <= k <= count:
        raise UsageError(f"accuracy among the best {k} of {count} classes: expected 1 to {count}")
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return accuracy((best == target[:, None]).any(axis=1), k / count)


def answered_scores(scores: Scores, mask: Open) -> Float[np.ndarray, "n c"]:
    """The scores that each conversation ends with: those of its last open step."""
    scores, mask = np.asarray(scores), np.asarray(mask)
    return scores[np.arange(len(scores)), mask.sum(axis=1) - 1]


def answered_accuracy(scores: Scores, mask: Open, target: Classes) -> Value:
    """How often the answer is right, given when the conversation stops."""
    scores, mask, target = np.asarray(scores), np.asarray(mask), np.asarray(target)
    return accuracy(answered_scores(scores, mask).argmax(axis=1) == target, chance(scores.shape[2]))


def step_correct(scores: Scores, target: Classes) -> Bool[np.ndarray, "n t"]:
    """Whether the answer would be right if it had to be given at a step."""
    scores, target = np.asarray(scores), np.asarray(target)
    return scores.argmax(axis=2) == target[:, None]


def step_accuracy(scores: Scores, target: Classes) -> Steps:
    """The accuracy of answers that have to be given at each step."""
    scores, target = np.asarray(scores), np.asarray(target)
    return step_correct(scores, target).mean(axis=0)


def cut_accuracy(scores: Scores, mask: Open, target: Classes) -> list[Value]:
    """The accuracy if every conversation still open were cut at a step: answers of step t, or of the last step before it where it stopped.

    Wilson's intervals; the last of them is `answered_accuracy`. `step_accuracy` lets those that have stopped go on.
    """
    scores, mask, target = np.asarray(scores), np.asarray(mask), np.asarray(target)
    ends, n = mask.sum(axis=1) - 1, np.arange(len(scores))
    answers = [scores[n, np.minimum(ends, t)].argmax(axis=1) for t in range(scores.shape[1])]
    return [accuracy(answer == target, chance(scores.shape[2])) for answer in answers]


class Confidence(NamedTuple):
    """Mean probability at each step [t] of the class that scores best, and of the right one."""

    top: np.ndarray
    right: np.ndarray


def step_confidence(scores: Scores, target: Classes) -> Confidence:
    """How sure the receiver is at each step, and how sure of what is right."""
    scores, target = np.asarray(scores), np.asarray(target)
    p = softmax(scores.astype(float), axis=2)
    return Confidence(p.max(axis=2).mean(axis=0), np.take_along_axis(p, _beside(target, 3), axis=2)[..., 0].mean(axis=0))


def step_entropy(scores: Scores) -> Steps:
    """Mean entropy of the distribution over classes at each step, in bits."""
    scores = np.asarray(scores)
    return entr(softmax(scores.astype(float), axis=2)).sum(axis=2).mean(axis=0) / np.log(2)


def confusion(target: Classes, answer: Classes, classes: int) -> Integer[np.ndarray, "c c"]:
    """How often each class (row) was answered as each (column), those that never occur included."""
    target, answer = np.asarray(target), np.asarray(answer)
    for name, places in (("target", target), ("answer", answer)):
        if len(places) and not 0 <= places.min() <= places.max() < classes:
            raise UsageError(f"{name}s from {places.min()} to {places.max()}: expected 0 to {classes - 1}")
    return np.bincount(target.astype(np.int64) * classes + answer, minlength=classes * classes).reshape(classes, classes)


def f1_by_class(table: Integer[np.ndarray, "c c"], resamples: int = 1000, seed: int = 0) -> list[Value]:
    """F1 of each class from a confusion table, the harmonic mean of precision and recall, with a bootstrap interval over examples."""
    table = np.asarray(table)
    counts = table.sum(axis=1)
    f1, drawn = _f1(table[None])[0], _f1_resampled(table, resamples, seed)
    values = []
    for i, n in enumerate(counts.tolist()):
        known = drawn[:, i][~np.isnan(drawn[:, i])]
        low, high = np.quantile(known, [0.025, 0.975]) if len(known) else (f1[i], f1[i])
        told = Value(float(f1[i]), float(low), float(high), n=n, how="bootstrap over examples")
        values.append(told if n else undefined(_NO_CLASS))
    return values


def _f1(tables: Integer[np.ndarray, "b c c"]) -> Float[np.ndarray, "b c"]:
    """2 TP / (2 TP + FP + FN), NaN for a class that neither occurs nor is answered."""
    twice, both = 2 * tables.diagonal(axis1=1, axis2=2), tables.sum(axis=1) + tables.sum(axis=2)
    return np.divide(twice, both, out=np.full(both.shape, np.nan), where=both > 0)


def _f1_resampled(table: np.ndarray, resamples: int, seed: int) -> Float[np.ndarray, "b c"]:
    """F1 of tables of as many examples drawn with replacement; only cells that are not empty are drawn."""
    n, filled = int(table.sum()), np.argwhere(table)
    if n == 0:
        return np.full((resamples, len(table)), np.nan)
    drawn = np.random.default_rng(seed).multinomial(n, table[table > 0] / n, size=resamples)
    rows, columns = (filled[:, [side]] == np.arange(len(table)) for side in (0, 1))
    twice, both = 2 * drawn @ (rows & columns), drawn @ rows + drawn @ columns
    return np.divide(twice, both, out=np.full(both.shape, np.nan), where=both > 0)


# -------------------------------------------------------------------------------------------------------------- lengths


def open_share(mask: Open) -> Steps:
    """The share of conversations that are still open when each step begins."""
    mask = np.asarray(mask)
    return mask.mean(axis=0)


def turns(mask: Open, *, resamples: int = 1000, seed: int = 0) -> Value:
    """Mean number of steps until the answer, with a bootstrap interval over conversations."""
    mask = np.asarray(mask)
    how = "exchanges, the one that ends in an answer counted"
    mean, low, high = intervals.bootstrap(mask.sum(axis=1).astype(float), resamples=resamples, seed=seed)
    return undefined("no conversations", how=how) if mean is None else Value(mean, low, high, n=len(mask), how=how)


def length_by_class(lengths: Classes, target: Classes, classes: int) -> list[Value]:
    """Mean length of the conversations about each class, in steps, with a bootstrap interval over its examples."""
    lengths, target = np.asarray(lengths), np.asarray(target)
    values = []
    for own in (lengths[target == i] for i in range(classes)):
        mean, low, high = intervals.bootstrap(own.astype(float))
        values.append(undefined(_NO_CLASS) if mean is None else Value(mean, low, high, n=len(own), how="bootstrap over examples"))
    return values


def length_against_f1(lengths: Classes, target: Classes, answer: Classes, classes: int, resamples: int = 1000, seed: int = 0) -> Value:
    """Are classes that are talked about for longer told apart less well? Spearman's correlation over classes of mean length and F1.

    The interval draws examples anew within each class: it tells what other examples would show of these classes, not other classes or
    another seed; what is drawn twice is noisier, so that it leans towards 0. Undefined for fewer than 3 classes, and where all have one
    mean length or one F1.
    """
    lengths, target, answer = np.asarray(lengths), np.asarray(target), np.asarray(answer)
    how = "Spearman over classes; bootstrap over examples within classes"
    order = np.argsort(target, kind="stable")
    lengths, target, answer = lengths[order], target[order], answer[order]
    counts = np.bincount(target, minlength=classes)
    n = int((counts > 0).sum())
    if n < 3:
        return undefined("fewer than 3 classes", n, how)
    means, f1 = _lengths_and_f1(lengths, target, answer, classes)
    value = rank_correlation(means, f1)
    if value is None:
        return undefined(f"all classes have the same {'mean length' if np.ptp(means) == 0 else 'F1'}", n, how)
    rng, first = np.random.default_rng(seed), (np.cumsum(counts) - counts)[target]
    drawn = []
    for _ in range(resamples):
        rows = first + (rng.random(len(target)) * counts[target]).astype(np.int64)
        drawn.append(rank_correlation(*_lengths_and_f1(lengths[rows], target, answer[rows], classes)))
    known = [one for one in drawn if one is not None]
    if len(known) < resamples / 2:
        return Value(value, n=n, reason="no interval: constant in most resamples", how=how)
    low, high = np.quantile(known, [0.025, 0.975])
    return Value(value, float(low), float(high), n=n, how=how)


def _lengths_and_f1(lengths: np.ndarray, target: np.ndarray, answer: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean length and F1 of each class that has examples."""
    table = confusion(target, answer, classes)
    counts = table.sum(axis=1)
    here = counts > 0
    return np.bincount(target, lengths, minlength=classes)[here] / counts[here], _f1(table[None])[0, here]


def bits_per_dialogue(lengths: Classes, width: int) -> Value:
    """Mean number of bits said until the answer, with a bootstrap interval; the receiver's last message, which nobody reads, is none."""
    lengths = np.asarray(lengths)
    how = "both agents; the last message of the receiver not counted"
    mean, low, high = intervals.bootstrap(width * (2.0 * lengths - 1.0))
    return undefined("no conversations", how=how) if mean is None else Value(mean, low, high, n=len(lengths), how=how)


class Calibration(NamedTuple):
    """Steps by the probability of stopping, in ten bins of equal width: its mean [b], the share of right answers [b] (both NaN for an
    empty bin) and the number of steps [b]. `error` is the mean distance of the two over steps, `auroc` how well stopping tells right
    answers from wrong ones."""

    stop: np.ndarray
    right: np.ndarray
    n: np.ndarray
    error: Value
    auroc: Value


def go_calibration(go: Float[np.ndarray, "n t"], correct: Bool[np.ndarray, "n t"], mask: Open) -> Calibration:
    """Does the receiver stop when it is right? The probability of stopping against the answer that stopping would give, at open steps.

    `go` is the probability of going on. The expected calibration error (Naeini et al. 2015) asks the probability of stopping to be that
    of being right, which nobody trained it for; the area under the curve only that it be higher where the answer is right.
    """
    go, correct, mask = np.asarray(go), np.asarray(correct), np.asarray(mask)
    stop, right = 1.0 - go[mask].astype(float), correct[mask]
    place = np.clip((stop * _BINS).astype(int), 0, _BINS - 1)
    n, how = np.bincount(place, minlength=_BINS), f"{_BINS} bins of equal width; open steps"
    mean, share = (np.full(_BINS, np.nan) for _ in range(2))
    for out, values in ((mean, stop), (share, right)):
        np.divide(np.bincount(place, values, minlength=_BINS), n, out=out, where=n > 0)
    some = n > 0
    error = float(n[some] @ np.abs(mean[some] - share[some]) / max(len(stop), 1))
    told = Value(error, n=len(stop), how=how) if len(stop) else undefined("no open steps", how=how)
    area = auroc(stop[right], stop[~right])
    reason = {"no noise": "no answer is wrong", "no signal": "no answer is right"}.get(area.reason, area.reason)
    return Calibration(mean, share, n, told, area._replace(reason=reason))


# ------------------------------------------------------------------------------------------------------------- messages


def bit_entropy(bits: Bits, mask: Open) -> Float[np.ndarray, "t d"]:
    """Entropy of each bit over the examples that are still open at a step, in bits (plug-in); NaN where none is."""
    bits, mask = np.asarray(bits), np.asarray(mask)
    counts = mask.sum(axis=0)[:, None]
    ones = (bits & mask[..., None]).sum(axis=0)
    return _binary_entropy(np.divide(ones, counts, out=np.full(ones.shape, np.nan), where=counts > 0))


def probability_entropy(p: Float[np.ndarray, "n t d"], mask: Open) -> Steps:
    """How undecided an agent is: the mean entropy of the probabilities of its bits at a step, in bits a bit; NaN where none is open."""
    p, mask = np.asarray(p), np.asarray(mask)
    return _open_means(_binary_entropy(p.astype(float)).mean(axis=2), mask)


def _binary_entropy(p: np.ndarray) -> np.ndarray:
    return (entr(p) + entr(1.0 - p)) / np.log(2)


def _open_means(values: Float[np.ndarray, "n t"], mask: Open) -> Steps:
    """Means over the examples that are open at each step, NaN where none is."""
    counts = mask.sum(axis=0)
    return np.divide((values * mask).sum(axis=0), counts, out=np.full(counts.shape, np.nan), where=counts > 0)


def hamming_change(bits: Bits, mask: Open) -> Steps:
    """Mean number of bits in which a message differs from the same agent's last one, the first from zeros; NaN where none is open."""
    bits, mask = np.asarray(bits), np.asarray(mask)
    before = np.concatenate([np.zeros_like(bits[:, :1]), bits[:, :-1]], axis=1)
    return _open_means((bits != before).sum(axis=2).astype(float), mask)


class Components(NamedTuple):
    """The distinct messages of an agent on the first two principal components of all: places [k 2] and how often each was said [k]."""

    places: np.ndarray
    counts: np.ndarray


class Plane(NamedTuple):
    """The messages of both agents in one plane, and the share of the variance along each of its axes."""

    sender: Components
    receiver: Components
    explained: tuple[float, float]


def message_components(sender: Bits, receiver: Bits, mask: Open) -> Plane:
    """Principal components of all messages said while conversations were open, each as often as it was said.

    The largest weight of a component is positive. Where messages do not vary along an axis, its places and its share are 0.
    """
    sender, receiver, mask = np.asarray(sender), np.asarray(receiver), np.asarray(mask)
    said = [np.unique(bits[mask], axis=0, return_counts=True) for bits in (sender, receiver)]
    points = np.concatenate([messages for messages, _ in said]).astype(float)
    weights = np.concatenate([counts for _, counts in said])
    centred = points - np.average(points, axis=0, weights=weights)
    variance, axes = np.linalg.eigh((centred * weights[:, None]).T @ centred)
    variance, axes = np.maximum(variance[::-1], 0.0), axes[:, ::-1]
    axes = axes * np.where(np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0) < 0, -1.0, 1.0)
    places = np.zeros((len(points), 2))
    places[:, : axes.shape[1]] = centred @ axes[:, :2]
    shares = [*(variance / max(float(variance.sum()), 1e-30)).tolist(), 0.0]
    split = len(said[0][0])
    return Plane(Components(places[:split], said[0][1]), Components(places[split:], said[1][1]), (shares[0], shares[1]))


def code_overlap(sender: Bits, receiver: Bits, mask: Open) -> Value:
    """Do both agents say the same things? The share of all distinct messages that both have said, while conversations were open."""
    sender, receiver, mask = np.asarray(sender), np.asarray(receiver), np.asarray(mask)
    first, second = ({message.tobytes() for message in np.packbits(bits[mask], axis=1)} for bits in (sender, receiver))
    either, n = len(first | second), 2 * int(mask.sum())
    how = "Jaccard, distinct messages"
    return Value(len(first & second) / either, n=n, how=how) if either else undefined("no messages", how=how)


def information_by_step(bits: Bits, target: Classes, mask: Open, *, permutations: int = 100, seed: int = 0) -> list[Value]:
    """What the message of a step tells of the class by itself, I(m_t; class) in bits, among conversations that are open.

    The plug-in is too high where most messages occur once; `null` is what it shows with the classes permuted, which is nearly all bias.
    """
    bits, target, mask = np.asarray(bits), np.asarray(target), np.asarray(mask)
    values = []
    for t in range(bits.shape[1]):
        here, null = mask[:, t], permutations > 0
        messages, classes = bits[here, t].astype(np.int64), target[here]
        values.append(information.mutual_information(messages, classes, null=null, permutations=permutations, seed=seed))
    return values


def information_added(
    bits: Bits,
    target: Classes,
    mask: Open,
    answers: Bits | None = None,
    *,
    estimator: str = "plug-in",
    null: bool = True,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> list[Value]:
    """What the message of a step tells of the class beyond all that was said before, I(m_t; class | m_<t) in bits, step by step.

    Among conversations open at the step. `answers`: the other agent's messages of the same steps, which then are part of what was said
    before. `null`: the message of the step permuted among conversations with the same past, the class staying with its past, so that only
    what the step adds is lost. Where every past occurs once nothing can be added and nothing permuted: value and null are both 0.
    `bootstrap` > 0 adds an interval over conversations, moved about the value.
    """
    bits, target, mask = np.asarray(bits), np.asarray(target), np.asarray(mask)
    answers = None if answers is None else np.asarray(answers)
    values = []
    for t in range(bits.shape[1]):
        here = mask[:, t]
        n, classes = int(here.sum()), target[here].astype(np.int64)
        parts = [bits[here, :t].reshape(n, t * bits.shape[2])]
        if answers is not None:
            parts.append(answers[here, :t].reshape(n, t * answers.shape[2]))
        before = np.concatenate([*parts, np.zeros((n, 1), bool)], axis=1)
        past, now = (_rows(part) for part in (before, bits[here, t]))
        how = f"{estimator}; given {'both agents' if answers is not None else 'its own'} messages before"
        values.append(_conditional(now, classes, past, estimator, null, permutations, bootstrap, seed, how))
    return values


def _rows(bits: np.ndarray) -> np.ndarray:
    """One integer for each row of bits: equal rows, equal integers."""
    packed = np.packbits(bits, axis=1)
    return np.unique(packed, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)


def _conditional(
    x: np.ndarray, y: np.ndarray, z: np.ndarray, estimator: str, null: bool, permutations: int, bootstrap: int, seed: int, how: str
) -> Value:
    """I(x; y | z) = H(x, z) + H(y, z) - H(x, y, z) - H(z), with x permuted within equal z."""
    n = len(x)
    how += "; bootstrap about the value" if bootstrap else ""
    if n == 0:
        return undefined("no conversation is open", how=how)

    def of(x: np.ndarray, yz: np.ndarray, z: np.ndarray, rest: float | None = None) -> float:
        if rest is None:
            parts = (information.paired_ids(x, z), yz)
            rest = sum(information.entropy(part, estimator) for part in parts) - information.entropy(z, estimator)
        bits = rest - information.entropy(information.paired_ids(x, yz), estimator)
        return max(0.0, bits) if estimator == "plug-in" else bits

    yz = information.paired_ids(y, z)
    value, rng = of(x, yz, z), np.random.default_rng(seed)
    order, shuffled = np.argsort(z, kind="stable"), []
    fixed = value + information.entropy(information.paired_ids(x, yz), estimator)  # all but the joint stays under the null
    for _ in range(permutations if null else 0):
        # sorted by past, and within it in a new order
        other = np.empty_like(x)
        other[order] = x[np.lexsort((rng.random(n), z))]
        shuffled.append(of(other, yz, z, fixed))
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(bootstrap if n > 1 else 0):
        rows = rng.integers(n, size=n)
        drawn.append(of(x[rows], yz[rows], z[rows]))
    low, high = information.about(value, drawn, 0.0 if estimator == "plug-in" else None)
    chance = (float(np.mean(shuffled)), float(np.quantile(shuffled, 0.95))) if shuffled else (None, None)
    return Value(value, low, high, *chance, n=n, how=how)


def distinct_by_step(bits: Bits, mask: Open) -> Integer[np.ndarray, " t"]:
    """How many different messages are said at each step."""
    bits, mask = np.asarray(bits), np.asarray(mask)
    return np.array([len(np.unique(bits[mask[:, t], t], axis=0)) for t in range(bits.shape[1])])
