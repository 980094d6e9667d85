"""What messages are good for: what is left of success where they are tampered with, and what they cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float
from scipy.special import softmax

from semiosis import channels, metrics
from semiosis.metrics.value import Value
from semiosis.runs.sitting import PLAIN, Asked, examples, fetched, mean_over
from semiosis.types import Experiment

MOST_TAMPERED = 2048  # examples whose messages are tampered with, in whole batches
MOST_CAUSAL = 1024  # examples of which the influence of messages is measured
COUNTERFACTUALS = 7  # messages of other examples that a listener is given beside that of each example
MOST_PLACES = 64  # of a message that are changed one by one
MOST_TOLD = 10  # of them of which each has a figure of its own
UNIFORM = ("shuffled", "silent", "noise", "truncated", "constant")  # what is done to the messages of every game
UNTOLD = "the game does not say how its messages would be changed (Experiment.tampering)"


def good_for(experiment: Experiment, asked: Asked, batches: Sequence[dict[str, Any]]) -> dict[str, Value]:
    """What messages are good for in a whole exam, of which `batches` have come so far."""
    found = tampered(experiment, asked, batches)
    heard = asked.heard()
    if any(value.value is not None for value in found.values()):
        return found | caused(heard.first(), batches)
    reason = next((value.reason for value in found.values()), "")
    return found | {"causal_influence": metrics.undefined(reason)}


# ------------------------------------------------------------------------------------------------------------ tampering


def tampered(experiment: Experiment, asked: Asked, batches: Sequence[dict[str, Any]], ways: Sequence[str] = ()) -> dict[str, Value]:
    """The figure that a game tells of its messages where these are tampered with, in all ways or some; `batches` is the exam as it is.

    Where messages are heard by a play of its own, the figure of the untouched ones is told as well.
    """
    heard, tampering, found = asked.heard(), experiment.tampering or PLAIN, {}
    if heard is not asked:
        batches = [fetched(heard(batch), "answer", "pictures") for batch in range(len(batches))]
    figure = tampering.figure
    if figure == "accuracy" and figure not in batches[0]:
        figure = "loss"  # answers are not right or wrong
    every = ways or (*UNIFORM, *(way for way in tampering.ways if way not in UNIFORM))
    if figure not in batches[0]:
        reason = experiment.undefined.get(figure, f"the game has no {figure}")
        return {title: metrics.undefined(reason) for title in (figure, *(f"{figure}_{way}" for way in every))}
    some = _some(batches, MOST_TAMPERED)
    n = examples(batches[: len(some)]) or len(some) * int(np.min(batches[0]["size"]))
    if heard is not asked:
        found[figure] = Value(_figure(batches, figure), n=examples(batches))
    missing = _missing(experiment, batches[0])
    for way in every:
        if way in missing:
            found[f"{figure}_{way}"] = metrics.undefined(missing[way], n)
        else:
            played = [{figure: jax.device_get(heard(batch, way)[figure])} for batch in some]
            found[f"{figure}_{way}"] = Value(_figure(played, figure), n=n)
    return found


def _missing(experiment: Experiment, batch: dict[str, Any]) -> dict[str, str]:
    """Why some of the uniform ways have no meaning in this game."""
    tampering, language = experiment.tampering, batch.get("language", {})
    if tampering is None and "tokens" not in language:  # not the symbols that are supposed where a game says nothing
        return dict.fromkeys(PLAIN.ways, UNTOLD)
    missing = dict.fromkeys((way for way in UNIFORM if way not in channels.kinds(tampering or PLAIN)), UNTOLD)
    if "tokens" in language and language["tokens"].shape[-1] == 1:
        missing["truncated"] = "a message of one symbol has no half"
    return missing


def _figure(found: Sequence[dict[str, Any]], figure: str) -> float:
    return float(mean_over(found, figure).mean())


def _some(batches: Sequence[dict[str, Any]], most: int) -> range:
    """The first batches, one or more, that hold so many examples at most."""
    return range(max(1, min(len(batches), most // int(np.min(batches[0]["size"])))))


# ------------------------------------------------------------------------------------------------------------ influence


class Answer(NamedTuple):
    """What the first listener answers to the first speaker: log-probabilities [n ... c], the guess [n g], and whether an example counts."""

    scores: np.ndarray | None
    guess: np.ndarray | None
    counts: np.ndarray

    @property
    def finite(self) -> bool:
        """Whether the log-probabilities are numbers."""
        return self.scores is None or bool(np.isfinite(self.scores[self.counts]).all())


def answer(asked: Asked, batch: int, kind: str = "clear", place: int = 1) -> Answer:
    """The answers of a batch."""
    told = jax.device_get(jax.tree.map(lambda x: x[0], asked(batch, kind, place)["answer"]))
    guess = told["guess"].reshape(len(told["weight"]), -1) if "guess" in told else None
    return Answer(told.get("scores"), guess, told["weight"] > 0)


def caused(asked: Asked, batches: Sequence[dict[str, Any]]) -> dict[str, Value]:
    """What the first speaker's messages cause in the first listener's answers: other messages, and other symbols or bits in them."""
    some, size = _some(batches, MOST_CAUSAL), int(np.min(batches[0]["size"]))
    own = [answer(asked, batch) for batch in some]
    if own[0].scores is None and own[0].guess is None:
        return {"causal_influence": metrics.undefined("answers are numbers, none of which is more probable than another")}
    others = range(1, min(COUNTERFACTUALS, size - 1) + 1)
    if not others:
        return {"causal_influence": metrics.undefined("a batch is one example, and there are no other messages")}
    heard = [[own[batch], *(answer(asked, batch, "shuffled", j) for j in others)] for batch in some]
    if not all(answer.finite for answers in heard for answer in answers):
        return {"causal_influence": metrics.undefined("an answer is not a number")}
    bits = [metrics.causal_influence(probabilities(answers)[answers[0].counts]) for answers in heard]
    n = sum(value.n for value in bits)
    influence = sum((value.value or 0.0) * value.n for value in bits) / n
    count = len(others) + 1
    how = f"{count} messages a scene, its own and {count - 1} of others: {np.log2(count):.3g} bits at most; first speaker and listener"
    return {"causal_influence": Value(influence, null=0.0, n=n, how=how)} | _places(asked, own, batches)


def probabilities(answers: Sequence[Answer]) -> Float[np.ndarray, "n m y"]:
    """The listener's probabilities of its answers after each of m messages; without scores, all on the one that it gives.

    A guess has the number of the first message that brings it. Answers to several questions [n q c] are taken one question at a time.
    """
    if answers[0].scores is not None:
        p = np.stack([softmax(answer.scores.astype(float), axis=-1) for answer in answers if answer.scores is not None], axis=1)
        return np.moveaxis(p, 1, -2).reshape(-1, len(answers), p.shape[-1])
    guess = np.stack([answer.guess for answer in answers if answer.guess is not None], axis=1)
    alike = (guess[:, :, None] == guess[:, None]).all(axis=-1)
    return np.eye(len(answers))[alike.argmax(axis=-1)]


def _places(asked: Asked, own: Sequence[Answer], batches: Sequence[dict[str, Any]]) -> dict[str, Value]:
    """At how many places of a message another symbol, or another bit, changes what the listener answers (Rita et al. 2020)."""
    language, title = batches[0].get("language", {}), "informative_positions"
    symbols = "tokens" in language
    known = symbols or ("code" in language and asked.tampering is not PLAIN)
    if asked.tampering is None or asked.tampering.replace is None or not known or own[0].guess is None:
        return {}
    count = language["tokens" if symbols else "code"].shape[-1]
    if count > MOST_PLACES:
        return {title: metrics.undefined(f"a message has {count} places, and {MOST_PLACES} at most are changed one by one")}
    flags, lengths = [], []
    for batch, before in enumerate(own):
        given = [answer(asked, batch, "replaced", place).guess for place in range(count)]
        changed = [(after != before.guess).any(axis=1) for after in given if after is not None]
        flags.append(np.stack(changed, axis=1)[before.counts].astype(int))
        lengths.append(np.asarray(batches[batch]["language"]["lengths"])[0][before.counts])
    every = np.concatenate(flags)
    found = metrics.informative_positions(np.zeros(len(every), int), every[:, :, None], np.concatenate(lengths) if symbols else None)
    how = f"of {count}: each {'symbol' if symbols else 'bit, in all messages,'} replaced by another; first speaker and listener"
    values = {title: found.effective_length._replace(how=how)}
    for place, share in enumerate(found.by_position if count <= MOST_TOLD else ()):
        here = np.isfinite(share)
        values[f"influence@{place + 1}"] = (
            Value(float(share), n=len(every), how=how) if here else metrics.undefined("no message is as long")
        )
    return values
