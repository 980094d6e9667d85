"""Is the channel used? What speakers' own acts and listeners' answers owe to messages, by correlation and by intervention. All in bits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Integer
from scipy.special import rel_entr

from semiosis.errors import UsageError
from semiosis.metrics import intervals
from semiosis.metrics.information import mutual_information
from semiosis.metrics.messages import checked, spoken
from semiosis.metrics.success import accuracy
from semiosis.metrics.value import Value, undefined

_LOG2 = float(np.log(2))

# ---------------------------------------------------------------------------------------------------- by correlation


def speaker_consistency(
    tokens: np.ndarray,
    acts: Integer[np.ndarray, " n"],
    lengths: np.ndarray | None = None,
    estimator: str = "plug-in",
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """SC = I(m_A; y_A): does what an agent says tell what it does itself? (Jaques et al. 2019; Lowe et al. 2019)

    It may be high where nobody listens. An act is an integer for each message.
    """
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    return mutual_information(tokens, acts, lengths, estimator, **options)


def instantaneous_coordination(
    said: Integer[np.ndarray, "e s"],
    done: Integer[np.ndarray, "e s"],
    estimator: str = "plug-in",
    *,
    delay: int = 1,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """IC = I(m_A,t; y_B,t+1): does what one agent says tell what the other does next? (Jaques et al. 2019)

    `said`: what A says at each step of each episode, one integer a message (see `message_ids`); `done`: what B does at the same steps.
    `delay` 0 pairs a message with the act of its own step. It sees no cause: both may follow what both see. Raises `UsageError` where the
    arrays differ in shape or an episode has no step after the delay.
    """
    first, second = np.asarray(said), np.asarray(done)
    if first.shape != second.shape or first.ndim != 2 or not 0 <= delay < max(first.shape[1], 1):
        raise UsageError(f"said {first.shape}, done {second.shape}, delay {delay}: expected two arrays [episodes, steps > delay]")
    steps = first.shape[1]
    rows = first[:, : steps - delay].reshape(-1, 1), second[:, delay:].reshape(-1)
    options = {"null": null, "permutations": permutations, "bootstrap": bootstrap, "seed": seed}
    found = mutual_information(rows[0], rows[1], None, estimator, **options)
    return found._replace(how=f"{estimator}; all steps together, delay {delay}")


# ---------------------------------------------------------------------------------------------------- by intervention


def _distributions(answers: object, axes: int) -> np.ndarray:
    """Probabilities along the last axis, or what is wrong with them."""
    p = np.asarray(answers)
    if p.ndim != axes or p.dtype.kind != "f" or not p.shape[-1]:
        raise UsageError(f"answers of shape {p.shape} and type {p.dtype}: expected probabilities with {axes} axes, the last over answers")
    p = p.astype(float)
    if p.size and (not np.isfinite(p).all() or p.min() < 0 or np.abs(p.sum(axis=-1) - 1).max() > 1e-4):
        raise UsageError("answers are no probabilities: expected numbers from 0 to 1 whose sum over the last axis is 1")
    return p / p.sum(axis=-1, keepdims=True) if p.size else p


def _meant(bits: Float[np.ndarray, " n"], how: str, bootstrap: int, seed: int, null: float | None = None) -> Value:
    """Mean over examples, with an interval over them."""
    if len(bits) == 0:
        return undefined("no examples", how=how)
    _, low, high = intervals.bootstrap(bits, resamples=bootstrap, seed=seed) if bootstrap else (None, None, None)
    return Value(float(bits.mean()), low, high, null, n=len(bits), how=how)


def causal_influence(
    answers: Float[np.ndarray, "n m y"], weights: Float[np.ndarray, "#n m"] | None = None, *, bootstrap: int = 0, seed: int = 0
) -> Value:
    """CIC = sum_m p(m) KL(p(y | do m) || p(y)), p(y) = sum_m p(m) p(y | do m), in bits, mean over situations (Lowe et al. 2019).

    `answers`: for each of n situations the listener's probabilities of its answers y when it is given each of m messages; `weights`: how
    likely the messages are, in all situations [1 m] or in each [n m] (alike if not given). The marginal is a sum weighted by p(m), so that
    a listener that ignores messages scores 0 exactly, and none more than log2 m. `bootstrap` > 0 adds an interval over situations.
    Raises `UsageError` for answers or weights that are no probabilities.
    """
    p = _distributions(answers, 3)
    n, m, _ = p.shape
    alike = np.full((1, m), 1.0 / max(m, 1))
    given = alike if weights is None else _distributions(weights, 2)
    if given.shape not in ((1, m), (n, m)):
        raise UsageError(f"weights of shape {given.shape}: expected [1, {m}] or [{n}, {m}], a probability for each message")
    how = f"{m} messages, {'all alike' if weights is None else 'as likely as given'}; mean over situations"
    marginal = np.einsum("nm,nmy->ny", np.broadcast_to(given, (n, m)), p)
    divergence = rel_entr(p, marginal[:, None]).sum(axis=2)
    # what is never said has no effect, though its answers may be impossible otherwise
    bits = (given * np.where(given > 0, divergence, 0.0)).sum(axis=1) / _LOG2
    return _meant(np.maximum(bits, 0.0), how, bootstrap, seed, 0.0)


def message_effect(
    actual: Float[np.ndarray, "n y"], counterfactual: Float[np.ndarray, "n j y"], *, bootstrap: int = 0, seed: int = 0
) -> Value:
    """How far a message moves what its hearer does next, in bits, mean over messages (Bouchacourt and Baroni 2019, equation 1).

    KL(p(y | m) || mean_j p(y | m_j)): `actual` are the hearer's probabilities after what was said, `counterfactual` those after j other
    messages that the speaker might have said, everything else being as it was. The paper samples y; here the sum over y is exact. 0 for a
    hearer that ignores messages.
    """
    p, others = _distributions(actual, 2), _distributions(counterfactual, 3)
    return _meant(_effects(p, others), f"{others.shape[1]} counterfactual messages each", bootstrap, seed, 0.0)


def _effects(p: np.ndarray, others: np.ndarray) -> Float[np.ndarray, " n"]:
    if others.shape[::2] != p.shape or not others.shape[1]:
        raise UsageError(f"actual {p.shape} and counterfactual {others.shape}: expected [n, y] and [n, j, y]")
    marginal = others.mean(axis=1)
    bits = rel_entr(p, marginal).sum(axis=1) / _LOG2
    if not np.isfinite(bits).all():
        raise UsageError(
            "an answer to the actual message is impossible after all counterfactual ones: give more of these, or the message itself"
        )
    return np.maximum(bits, 0.0)


class Bilateral(NamedTuple):
    """Do both agents listen? The effect of A's messages on B and of B's on A, in bits, and the share of conversations where both are at
    least the threshold."""

    a_on_b: Value
    b_on_a: Value
    both: Value


def bilateral_use(
    a_on_b: tuple[np.ndarray, np.ndarray],
    b_on_a: tuple[np.ndarray, np.ndarray],
    threshold: float = 0.1,
    *,
    bootstrap: int = 0,
    seed: int = 0,
) -> Bilateral:
    """`message_effect` both ways, from pairs (actual, counterfactual) of the same n conversations (Bouchacourt and Baroni 2019).

    `threshold` in bits: an effect below it does not count as listening. Raises `UsageError` where the two sides are not as many.
    """
    sides = [_effects(_distributions(actual, 2), _distributions(others, 3)) for actual, others in (a_on_b, b_on_a)]
    if len(sides[0]) != len(sides[1]):
        raise UsageError(f"{len(sides[0])} conversations from A and {len(sides[1])} from B: expected the same ones")
    means = [_meant(bits, "counterfactual messages", bootstrap, seed, 0.0) for bits in sides]
    both = accuracy((sides[0] >= threshold) & (sides[1] >= threshold))
    return Bilateral(means[0], means[1], both._replace(how=f"both effects {threshold:g} bits or more; Wilson"))


# ------------------------------------------------------------------------------------------------------ single positions


def replaced(
    tokens: Integer[np.ndarray, "n t"],
    vocab_size: int,
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    draws: int = 1,
    seed: int = 0,
) -> Integer[np.ndarray, "n t r t"]:
    """Messages to try on a listener: `out[i, j, r]` is message i with another symbol, from 0 to `vocab_size` - 1, at place j.

    The other symbols of a place are drawn without repetition, `draws` of them; places after the end stay as they are. Raises `UsageError`
    where there are not so many other symbols.
    """
    known, counts = checked(tokens, lengths)
    n, t = known.shape
    said = known[spoken(known, counts)]
    if not 1 <= draws < vocab_size:
        raise UsageError(f"draws is {draws}: expected 1 to {vocab_size - 1}, the other symbols of {vocab_size}")
    if len(said) and not 0 <= said.min() <= said.max() < vocab_size:
        raise UsageError(f"symbols from {said.min()} to {said.max()}: expected 0 to {vocab_size - 1}")
    rng = np.random.default_rng(seed)
    steps = rng.permuted(np.tile(np.arange(1, vocab_size), (n * t, 1)), axis=1)[:, :draws].reshape(n, t, draws)
    out = np.broadcast_to(known[:, None, None], (n, t, draws, t)).copy()
    rows, places = np.nonzero(spoken(known, counts))
    out[rows, places, :, places] = (known[rows, places][:, None] + steps[rows, places]) % vocab_size
    return out


class Informative(NamedTuple):
    """Which symbols matter: how many of a message's are informative in the mean (`effective_length`), the share of all symbols that are
    (`density`), and the share at each position [t], NaN where nobody says so much."""

    effective_length: Value
    density: Value
    by_position: Float[np.ndarray, " t"]


def informative_positions(
    answers: Integer[np.ndarray, " n"],
    changed: Integer[np.ndarray, "n t r"],
    lengths: Integer[np.ndarray, " n"] | None = None,
    *,
    bootstrap: int = 0,
    seed: int = 0,
) -> Informative:
    """A position is informative where replacing its symbol changes the listener's answer (Rita et al. 2020).

    `answers`: what the listener answers to each message; `changed`: what it answers with each symbol replaced by each of r others, as made
    by `replaced`. One change among r is enough, so that more draws find more: r is named in `how`.
    """
    given, other = np.asarray(answers), np.asarray(changed)
    n, t = len(given), other.shape[1] if other.ndim == 3 else 0
    if given.ndim != 1 or other.ndim != 3 or len(other) != n:
        raise UsageError(f"answers {given.shape} and changed {other.shape}: expected [n] and [n, t, r]")
    counts = checked(np.zeros((n, t), int), lengths)[1]
    here = np.arange(t) < counts[:, None]
    matters = (other != given[:, None, None]).any(axis=2) & here
    how = f"{other.shape[2]} replacements each; end not counted"
    effective = _meant(matters.sum(axis=1).astype(float), how, bootstrap, seed)
    total = int(here.sum())
    density = undefined("no symbols: every message is empty" if n else "no examples", n, how)
    if total:
        rng, low, high = np.random.default_rng(seed), None, None
        if bootstrap and n > 1:
            drawn = []
            for _ in range(bootstrap):
                times = np.bincount(rng.integers(n, size=n), minlength=n)
                drawn.append(float(times @ matters.sum(axis=1)) / max(int(times @ counts), 1))
            low, high = (float(x) for x in np.quantile(drawn, [0.025, 0.975]))
        density = Value(float(matters.sum() / total), low, high, n=n, how=how)
    some = here.sum(axis=0)
    by_position = np.divide(matters.sum(axis=0), some, out=np.full(t, np.nan), where=some > 0)
    return Informative(effective, density, by_position)


def bit_sensitivity(
    answers: Integer[np.ndarray, " n"], flipped: Integer[np.ndarray, "n *td"], mask: Bool[np.ndarray, "n *t"] | None = None
) -> tuple[Value, Float[np.ndarray, "*td"]]:
    """How often flipping one bit of a message changes the answer: the mean over bits with its interval, and each bit's own [*td].

    `flipped`: the answers with each bit flipped, [n d] for one message or [n t d] for the messages of t steps; `mask` [n t] leaves out
    steps that were not played, and a bit that was never played is NaN. The interval draws examples anew.
    """
    given, other = np.asarray(answers), np.asarray(flipped)
    if other.ndim not in (2, 3) or len(other) != len(given):
        raise UsageError(f"answers {given.shape} and flipped {other.shape}: expected [n] and [n, d] or [n, t, d]")
    changed = other != given.reshape(-1, *(1,) * (other.ndim - 1))
    here = np.ones(other.shape, bool)
    if mask is not None:
        if np.shape(mask) != other.shape[: np.ndim(mask)]:
            raise UsageError(f"mask of shape {np.shape(mask)}: expected {other.shape[:-1]}")
        here = np.broadcast_to(np.asarray(mask, bool).reshape(*np.shape(mask), *(1,) * (other.ndim - np.ndim(mask))), other.shape)
    times = here.sum(axis=0)
    each = np.divide((changed & here).sum(axis=0), times, out=np.full(times.shape, np.nan), where=times > 0)
    axes = tuple(range(1, other.ndim))
    played = here.sum(axis=axes)
    rows = (changed & here).sum(axis=axes)[played > 0] / played[played > 0]
    how = "one bit flipped at a time; mean over bits and examples"
    mean, low, high = intervals.bootstrap(rows)
    return (undefined("no examples", how=how) if mean is None else Value(mean, low, high, n=len(rows), how=how)), each
