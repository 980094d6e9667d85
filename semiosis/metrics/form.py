"""The form of a language, whatever it means: redundancy, order, rank and frequency, and whether what is said often is short."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer
from scipy.optimize import minimize_scalar

from semiosis.errors import UsageError
from semiosis.metrics.correlation import levels, rank_correlation
from semiosis.metrics.information import about, counted_entropy, end_rule, symbols_said
from semiosis.metrics.messages import checked, distinct_messages
from semiosis.metrics.nulls import permutation_null
from semiosis.metrics.ranks import spearman
from semiosis.metrics.value import Value, undefined

_EMPTY = "no symbols: every message is empty"

# ------------------------------------------------------------------------------------------------- redundancy and order


def _pairs(message: np.ndarray) -> np.ndarray:
    """Places in a row of symbols whose next symbol is of the same message."""
    return np.nonzero(message[1:] == message[:-1])[0]


def _next_entropy(symbols: np.ndarray, places: np.ndarray, estimator: str, times: np.ndarray | None = None) -> float:
    """H(next | this) = H(this, next) - H(this) over pairs that begin at `places`, each counted `times`."""
    width = int(symbols.max(initial=0)) + 1
    first = symbols[places]
    both = first * width + symbols[places + 1]
    cells, codes = np.unique(both, return_inverse=True)
    counts = np.bincount(codes, times, minlength=len(cells)).astype(np.int64)
    ahead = np.bincount(first, times).astype(np.int64)
    size = float(np.count_nonzero(ahead)) * len(np.unique(symbols[places + 1])) if estimator == "nsb" else None
    bits = counted_entropy(counts, estimator, size) - counted_entropy(ahead, estimator)
    return max(0.0, bits)


def bigram_entropy(
    tokens: Integer[np.ndarray, "n t"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    estimator: str = "plug-in",
    *,
    end: bool = False,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """H(s_t | s_t-1) in bits, over neighbours within messages: how free the next symbol is once one is known (Shannon 1951).

    `end`: the last symbol of a message is followed by its end. `null`: the same with all symbols put in any order among all places, which
    keeps their frequencies and the lengths; a grammar shows as less than that. `bootstrap` > 0 adds an interval over messages.
    """
    symbols, message, n = symbols_said(tokens, lengths, end)
    how = f"{estimator}; {end_rule(end)}" + ("; bootstrap about the value" if bootstrap else "")
    places = _pairs(message)
    if not len(places):
        return undefined("no message has two symbols", n, how)
    value = _next_entropy(symbols, places, estimator)
    chance = (None, None)
    if null:
        # an end stays where it is
        moving = np.nonzero(symbols < symbols.max())[0] if end else np.arange(len(symbols))

        def shuffled(order: np.ndarray) -> float:
            other = symbols.copy()
            other[moving] = symbols[moving[order]]
            return _next_entropy(other, places, estimator)

        chance = permutation_null(shuffled, len(moving), permutations, seed)
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(bootstrap if n > 1 else 0):
        times = np.bincount(rng.integers(n, size=n), minlength=n)[message[places]]
        if times.any():
            drawn.append(_next_entropy(symbols, places, estimator, times))
    return Value(value, *about(value, drawn, 0.0), *chance, n=n, how=how)


def redundancy(
    tokens: Integer[np.ndarray, "n t"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    vocab_size: int | None = None,
    estimator: str = "plug-in",
    *,
    order: int = 1,
    end: bool = False,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """1 - H / H_max: the share of what symbols could say that they do not (Shannon 1948), in [0, 1] for the plug-in.

    H is the entropy of symbols (`order` 1), or of a symbol when the one before it is known (`order` 2); H_max is log2 of `vocab_size`, the
    end being one symbol more where `end`. Without `vocab_size` it is the number of symbols seen, so that symbols never used are no
    redundancy. Undefined for one symbol. Raises `UsageError` for an order other than 1 and 2, or more symbols than `vocab_size`.
    """
    if order not in (1, 2):
        raise UsageError(f"order is {order}: expected 1, for symbols, or 2, for pairs")
    symbols, message, n = symbols_said(tokens, lengths, end)
    seen = len(np.unique(symbols))
    possible = seen if vocab_size is None else vocab_size + end
    how = f"{estimator}, order {order}, {possible} symbols{' seen' if vocab_size is None else ''}; {end_rule(end)}"
    how += "; bootstrap about the value" if bootstrap else ""
    if seen > possible:
        raise UsageError(f"vocab_size is {vocab_size}: {seen - end} different symbols were said")
    if not len(symbols):
        return undefined(_EMPTY if n else "no messages", n, how)
    if possible < 2:
        return undefined("one symbol can say nothing", n, how)
    places = _pairs(message)
    if order == 2 and not len(places):
        return undefined("no message has two symbols", n, how)

    def of(times: np.ndarray | None) -> float:
        if order == 2:
            bits = _next_entropy(symbols, places, estimator, None if times is None else times[message[places]])
        else:
            counts = np.bincount(symbols, None if times is None else times[message]).astype(np.int64)
            bits = counted_entropy(counts, estimator, possible if estimator == "nsb" else None)
        return 1 - bits / float(np.log2(possible))

    value, rng = of(None), np.random.default_rng(seed)
    drawn = [of(np.bincount(rng.integers(n, size=n), minlength=n)) for _ in range(bootstrap if n > 1 else 0)]
    low, high = about(value, drawn)
    return Value(value, low, None if high is None else max(value, min(1.0, high)), n=n, how=how)


# ---------------------------------------------------------------------------------------------------- rank and frequency


class Zipf(NamedTuple):
    """The law f(r) = C / (r + shift)^exponent that fits frequencies by rank best, and how far from it they are.

    `distance` is Kolmogorov and Smirnov's, the largest gap between both distribution functions; its null is what samples of as many from
    the fitted law itself show when they are ranked and fitted likewise (Clauset et al. 2009): above `null_high` the law does not hold.
    """

    exponent: Value
    shift: Value
    distance: Value


def zipf(
    tokens: Integer[np.ndarray, "n t"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    unit: str = "messages",
    mandelbrot: bool = False,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Zipf:
    """Zipf's (1949) law, or Mandelbrot's (1953) with a shift of ranks, fitted to the frequencies of messages or of symbols.

    By maximum likelihood over the ranks seen, 1 to K, most frequent first; `unit` is `messages` or `symbols` (the end is none). Without
    `mandelbrot` the shift is 0. `null` draws `permutations` samples from the fitted law; `bootstrap` > 0 adds intervals over what was said.
    As ranks come from the frequencies they rank, even equally frequent words fall with their rank a little (Piantadosi 2014): compare
    exponents at equal n. Undefined for fewer than 3 different words. Raises `UsageError` for another unit.
    """
    if unit not in ("messages", "symbols"):
        raise UsageError(f"unknown unit {unit!r}: known are messages, symbols")
    ids = distinct_messages(*checked(tokens, lengths))[1] if unit == "messages" else symbols_said(tokens, lengths)[0]
    counts = np.sort(np.bincount(ids))[::-1] if len(ids) else np.zeros(0, np.int64)
    counts, n = counts[counts > 0], len(ids)
    how = f"maximum likelihood over ranks of {unit}; end not counted"
    if len(counts) < 3:
        reason = f"{len(counts)} different {unit}: a law of ranks needs 3 or more"
        return Zipf(*(undefined(reason, n, how) for _ in range(3)))
    if counts[0] == counts[-1]:
        reason = f"all {unit} are equally frequent: they have no ranks"
        return Zipf(*(undefined(reason, n, how) for _ in range(3)))
    a, b = _fitted(counts, mandelbrot)
    shares, distance = _law(len(counts), a, b), _gap(counts, a, b)
    rng = np.random.default_rng(seed)
    simulated = [np.sort(rng.multinomial(n, shares))[::-1] for _ in range(permutations if null else 0)]
    gaps = [_gap(kept, *_fitted(kept, mandelbrot)) for one in simulated if len(kept := one[one > 0]) > 2]
    chance = (float(np.mean(gaps)), float(np.quantile(gaps, 0.95))) if gaps else (None, None)
    drawn = [np.sort(rng.multinomial(n, counts / n))[::-1] for _ in range(bootstrap)]
    fits = np.array([_fitted(kept, mandelbrot) for one in drawn if len(kept := one[one > 0]) > 2])
    fits = fits.reshape(-1, 2)
    exponent = Value(a, *about(a, fits[:, 0]), n=n, how=how)
    shift = Value(b, *about(b, fits[:, 1], 0.0), n=n, how=how)
    shift = shift if mandelbrot else Value(0.0, n=n, how="fixed at 0: Zipf's law")
    return Zipf(exponent, shift, Value(distance, None, None, *chance, n=n, how=f"Kolmogorov-Smirnov; {how}"))


def _law(k: int, a: float, b: float) -> Float[np.ndarray, " k"]:
    weights = np.exp(-a * (np.log(np.arange(1, k + 1) + b) - np.log(1 + b)))
    return weights / weights.sum()


def _fitted(counts: np.ndarray, mandelbrot: bool) -> tuple[float, float]:
    """Exponent and shift of greatest likelihood: Newton's method for the exponent at each shift, and a search over shifts from 0."""
    ranks, shares = np.arange(1, len(counts) + 1), counts / counts.sum()

    def exponent(b: float) -> float:
        logs = np.log(ranks + b)
        mean, a = float(shares @ logs), 1.0
        for _ in range(100):
            law = _law(len(counts), a, b)
            expected = float(law @ logs)
            # the likelihood is concave in a: where the law's mean log rank is that of the sample
            step = (expected - mean) / max(float(law @ (logs - expected) ** 2), 1e-12)
            a = min(max(a + float(np.clip(step, -2, 2)), -50.0), 50.0 * (1 + b))
            if abs(step) < 1e-10:
                break
        return a

    def loss(log_b: float) -> float:
        b = float(np.expm1(log_b))
        return -float(shares @ np.log(np.maximum(_law(len(counts), exponent(b), b), 1e-300)))

    if not mandelbrot:
        return exponent(0.0), 0.0
    # beyond ten times as many as there are ranks the law is exponential, and exponent and shift rise together
    best = minimize_scalar(loss, bounds=(0.0, float(np.log1p(10 * len(counts)))), method="bounded", options={"xatol": 1e-6})
    b = float(np.expm1(best.x)) if best.fun < loss(0.0) else 0.0
    return exponent(b), b


def _gap(counts: np.ndarray, a: float, b: float) -> float:
    return float(np.abs(np.cumsum(counts / counts.sum()) - np.cumsum(_law(len(counts), a, b))).max())


# ------------------------------------------------------------------------------------------------- frequency and length


class Abbreviation(NamedTuple):
    """Zipf's law of abbreviation: are messages that are said often short?

    `correlation`: Spearman's, of frequency and length over different messages, below 0 where the law holds; `p` is its two-sided
    permutation p. `length` is the mean length of what is said; `optimal` that of the shortest code for these frequencies; `random` that
    of random typing, its interval being the 95 % range of typists. `efficiency` is 1 for an optimal code and 0 for a random typist's.
    """

    correlation: Value
    p: float | None
    length: Value
    optimal: Value
    random: Value
    efficiency: Value


def abbreviation(
    tokens: Integer[np.ndarray, "n t"],
    lengths: Integer[np.ndarray, " n"],
    vocab_size: int | None = None,
    max_len: int | None = None,
    *,
    end: bool = False,
    typists: int = 100,
    permutations: int = 1000,
    bootstrap: int = 0,
    seed: int = 0,
) -> Abbreviation:
    """Zipf's law of abbreviation (Zipf 1935; Chaabouni et al. 2019), against the best code and against random typing.

    Lengths are those of messages, in symbols, and one more each where `end`. `vocab_size` counts usable symbols (those seen if it is not
    given), `max_len` is the longest message possible (the width of `tokens`). The optimal code gives the shortest strings to the most
    frequent, the empty one first. A random typist hits each symbol and the end alike until the end or `max_len`; inputs come with the
    frequencies of the messages and keep the first string typed for them that no other has. Raises `UsageError` where the messages do not
    fit into `vocab_size` and `max_len`.
    """
    if typists < 1:
        raise UsageError(f"{typists} random typists: expected 1 or more")
    known, counts = checked(tokens, lengths)
    first, ids = distinct_messages(known, counts)
    times, sizes, n = np.bincount(ids, minlength=len(first)), counts[first].astype(float) + end, len(ids)
    how = f"Spearman over {len(first)} different messages; {end_rule(end)}"
    seen = len(np.unique(symbols_said(known, counts)[0]))
    size, most = seen if vocab_size is None else vocab_size, known.shape[1] if max_len is None else max_len
    if seen > size or counts.max(initial=0) > most:
        raise UsageError(
            f"vocab_size {size} and max_len {most}: {seen} different symbols in up to {counts.max(initial=0)} places were said"
        )
    if n == 0:
        none = undefined("no messages", how=how)
        return Abbreviation(none, None, none, none, none, none)
    order = np.argsort(-times, kind="stable")
    length = Value(float(sizes[ids].mean()), n=n, how=end_rule(end))
    best = float(times[order] @ (_shortest(len(first), size) + end)) / n
    optimal = Value(best, n=n, how=f"shortest strings of {size} symbols first; {end_rule(end)}")
    rng = np.random.default_rng(seed)
    typed = np.array([_typed(times, size, most, rng) for _ in range(typists)]) + end
    low, high = (float(x) for x in np.quantile(typed, [0.025, 0.975]))
    random = Value(float(typed.mean()), low, high, n=n, how=f"{typists} random typists, {size} symbols and the end alike; {end_rule(end)}")
    correlation, p = _frequency_and_length(times, sizes, permutations, bootstrap, seed, n, how)
    room = random.value - best if random.value is not None else 0.0
    efficiency = undefined("random typing is optimal for these frequencies", n)
    if room > 1e-9:
        efficiency = Value((float(typed.mean()) - float(sizes[ids].mean())) / room, n=n, how="(random - length) / (random - optimal)")
    return Abbreviation(correlation, p, length, optimal, random, efficiency)


def _frequency_and_length(
    times: np.ndarray, sizes: np.ndarray, permutations: int, bootstrap: int, seed: int, n: int, how: str
) -> tuple[Value, float | None]:
    """Spearman's correlation over different messages with its null, its p and its interval over messages said."""
    alike = "messages are equally frequent" if np.ptp(times) == 0 else "messages are equally long" if np.ptp(sizes) == 0 else ""
    if len(times) < 3 or alike:
        return undefined(f"all {alike}" if alike else f"{len(times)} different messages: needs 3 or more", n, how), None
    x, y = levels(times), levels(sizes)
    value = spearman(x, y) or 0.0
    rng = np.random.default_rng(seed)
    null = np.array([spearman(x, y[rng.permutation(len(y))]) or 0.0 for _ in range(permutations)])
    p = (1 + int((np.abs(null) >= abs(value) - 1e-12).sum())) / (permutations + 1)
    drawn = []
    for _ in range(bootstrap):
        again = rng.multinomial(n, times / n)
        kept = again > 0
        found = rank_correlation(again[kept], sizes[kept])
        drawn += [] if found is None else [found]
    low, high = about(value, drawn, -1.0)
    chance = (float(null.mean()), float(np.quantile(null, 0.95))) if len(null) else (None, None)
    return Value(value, low, None if high is None else max(value, min(1.0, high)), *chance, n=n, how=how), p


def _shortest(k: int, size: int) -> Integer[np.ndarray, " k"]:
    """Lengths of the k shortest strings of `size` symbols, rising from the empty one."""
    if size == 1:
        return np.arange(k)
    out, length, room = np.empty(k, np.int64), 0, 1
    done = 0
    while done < k:
        out[done : done + room] = length
        done, length, room = done + room, length + 1, room * max(size, 1)
        if size == 0 and done < k:
            raise UsageError("vocab_size is 0: expected 1 or more")
    return out


def _typed(times: np.ndarray, size: int, most: int, rng: np.random.Generator) -> float:
    """The mean length when inputs of these frequencies get random strings, each its own, in the order in which the inputs come.

    The order of first arrivals is that of exponential clocks with these rates (successive sampling): for the strings of one length, equally
    likely, only the first k of them can matter, and those are sums of spacings.
    """
    k = len(times)
    inputs = np.argsort(rng.exponential(size=k) / times)
    arrivals, lengths = [], []
    for length in range(most + 1):
        room = float(size) ** length
        rate = (size + 1.0) ** -(length + (length < most))  # the longest need no end
        first = int(min(room, k))
        left = room - np.arange(first)
        arrivals.append(np.cumsum(rng.exponential(size=first) / (left * rate)))
        lengths.append(np.full(first, length))
    order = np.argsort(np.concatenate(arrivals), kind="stable")[:k]
    return float(times[inputs] @ np.concatenate(lengths)[order]) / times.sum()
