"""Evaluation: every speaker with every listener over a pass of an exam, and what their language looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from semiosis import metrics
from semiosis.errors import unknown
from semiosis.metrics.value import Value
from semiosis.runs import loop
from semiosis.runs.language import Language, describe, language_of, mean
from semiosis.runs.sitting import KEY, MOST_AGENTS, ask, examples, fetched, mean_over
from semiosis.runs.tampering import good_for, tampered
from semiosis.types import Exam, Experiment, Mean, World

__all__ = ["KEY", "MOST_AGENTS", "Finding", "Language", "Pictures", "checkup", "evaluate", "examine"]


class Pictures(NamedTuple):
    """Messages that are images: as drawn and as they arrived, `said` and `heard` [a n h w c]; what they meant, and what each reader read.

    `meant` [n ...] and `guess` [a b n ...] are of the game's own form: symbols, bits, or places; `symbols` is how many there are to choose
    from, 0 where messages are not made of symbols; `level` [n] how much noise there was on the way, where a game tells.
    """

    said: np.ndarray
    heard: np.ndarray | None
    meant: np.ndarray
    guess: np.ndarray
    symbols: int = 0
    level: np.ndarray | None = None

    @property
    def distinct(self) -> np.ndarray:
        """Where each message stands for the first time, messages in order [m]."""
        return np.unique(self.meant.reshape(len(self.meant), -1), axis=0, return_index=True)[1]


class Finding(NamedTuple):
    """The figures of one exam of one seed (None: undefined, see `reasons`), the examples seen, accuracy by pair [a b], the language.

    `pictures` are the messages where these are images. `values` are those of the figures that have a null, a number of examples of their
    own, or tell how they were computed.
    """

    figures: dict[str, float | None]
    n: int
    pairs: np.ndarray
    language: Language | None
    reasons: dict[str, str]
    pictures: Pictures | None = None
    values: Mapping[str, Value] = {}


def examine(experiment: Experiment, name: str, world: World, *, whole: bool = False) -> Finding:
    """One seed's exam. `whole` adds what messages are good for, by tampering with them, and the measures of the language."""
    asked = ask(experiment, name, world, whole=whole, tampers=whole or "/" not in name)  # variants have no ways: these cost compilation
    batches = [fetched(asked(batch), "answer", *(["pictures"] if batch else [])) for batch in range(asked.exam.batches)]
    means = {title: mean_over(batches, title) for title, found in batches[0].items() if isinstance(found, Mean)}
    figures: dict[str, float | None] = {k: float(v.mean()) for k, v in means.items() if k != "accuracy_vote"}
    if "accuracy_vote" in means and means["accuracy"].shape[1] > 1:
        figures["accuracy_vote"] = float(means["accuracy_vote"].mean())
    language = language_of(batches)
    pictures = _pictures(batches[0]["pictures"]) if "pictures" in batches[0] else None
    values: dict[str, Value] = {}
    if whole:
        values |= good_for(experiment, asked, batches)
        values |= describe(language, null=True) if language is not None else {}
    values |= look(pictures) if pictures is not None else {}
    figures |= {title: value.value for title, value in values.items()}
    reasons = {title: experiment.undefined.get(title, value.reason) for title, value in values.items() if value.value is None}
    return Finding(figures, examples(batches), means.get("accuracy", np.zeros((0, 0))), language, reasons, pictures, values)


def _pictures(batch: dict[str, np.ndarray]) -> Pictures:
    """The images of a batch; what they meant is the same for all who spoke."""
    level = batch["level"][0] if "level" in batch else None
    return Pictures(batch["said"], batch.get("heard"), batch["meant"][0], batch["guess"], int(np.max(batch.get("symbols", 0))), level)


def look(pictures: Pictures) -> dict[str, Value]:
    """Measures of the images that distinct messages are drawn as: means over those who draw."""
    meant = pictures.meant[pictures.distinct]
    found = []
    for own in pictures.said[:, pictures.distinct]:
        found.append({
            "glyph_distance": metrics.glyph_distance(own),
            "nearest_glyph": metrics.nearest_glyph(own),
            "ink": metrics.ink(own),
            "colours": metrics.colours(own),
        })  # fmt: skip
        if meant.ndim == 2:
            found[-1]["image_topsim"] = metrics.image_topsim(meant, own)
    return {title: mean([own[title] for own in found]) for title in found[0]}


def evaluate(experiment: Experiment, worlds: World, seeds: Sequence[int], split: str) -> tuple[dict[str, Any], list[Finding]]:
    """Every exam of a split, each seed on its own: the object of evaluation.json less game and step, and the main exam's findings.

    The exam `split` gives its figures their plain names; `split/VARIANT` gives `accuracy@VARIANT`. Of a population `pairs` has the accuracy
    of each agent of the first role with each of the second, by seed.
    """
    if split not in experiment.exams:
        raise unknown("split", split, experiment.exams)
    worlds_of = [loop.unstack(worlds, place) for place in range(len(seeds))]
    table: dict[str, Any] = {}
    findings = [examine(experiment, split, world, whole=True) for world in worlds_of]
    _enter(table, "", findings, experiment.exams[split])
    languages = [finding.language for finding in findings]
    if all(language is not None and (language.signs is not None or language.code is not None) for language in languages):
        table.pop("length")  # of messages that are one symbol, it says nothing; of a dialogue, its exchanges tell
    for name, exam in experiment.exams.items():
        if name.startswith(f"{split}/"):
            more = [examine(experiment, name, world) for world in worlds_of]
            _enter(table, "@" + name.removeprefix(f"{split}/"), more, exam, only=("accuracy", "accuracy_vote"))
    if "accuracy@noise" in table:
        pairs = zip(table["accuracy"]["per_seed"], table["accuracy@noise"]["per_seed"], strict=True)
        undefined = metrics.undefined("the accuracy is undefined")
        drops = [undefined if None in pair else metrics.relative_drop(*pair) for pair in pairs]
        reason = next((drop.reason for drop in drops if drop.value is None), "")
        table["noise_drop_percent"] = _entry([drop.value for drop in drops], None, findings[0].n, reason=reason)
    result = {"split": split, "seeds": list(seeds), "metrics": table}
    if findings[0].pairs.size > 1:  # who understands whom
        result["pairs"] = {"roles": list(experiment.roles[:2]), "accuracy": [finding.pairs.tolist() for finding in findings]}
    return result, findings


def _enter(table: dict[str, Any], suffix: str, findings: list[Finding], exam: Exam, only: tuple[str, ...] | None = None) -> None:
    """One line of the table for each figure; one that a seed lacks is as undefined as the figure that it is a variant of."""
    for title in dict.fromkeys(title for finding in findings for title in finding.figures):
        if only is None or title in only:
            values = [_finite(finding.figures.get(title)) for finding in findings]
            chance = exam.chance if title.startswith("accuracy") else exam.chances.get(title)
            plain = title.partition("@")[0]
            why = [finding.reasons.get(title) or finding.reasons.get(plain) for finding in findings if finding.figures.get(title) is None]
            reason = next(filter(None, why), "not a number" if None in values else "")
            told = [finding.values[title] for finding in findings if title in finding.values]
            n = told[0].n if told and told[0].n else findings[0].n
            table[title + suffix] = _entry(values, chance, n, reason=reason) | _null_of(told)


def _null_of(values: Sequence[Value]) -> dict[str, Any]:
    """What an entry says besides: the means over seeds of the null and of its 95 % quantile, and how the figure was computed."""
    told: dict[str, Any] = {}
    if any(value.null is not None for value in values):
        for name in ("null", "null_high"):
            known = [x for value in values if (x := getattr(value, name)) is not None]
            told[name] = float(np.mean(known)) if known else None
    how = next((value.how for value in values if value.how), "")
    return told | ({"how": how} if how else {})


def _finite(value: float | None) -> float | None:
    """A figure that can be written; None for one that went wrong with the world it was measured of."""
    return value if value is None or np.isfinite(value) else None


def _entry(values: list[float | None], chance: float | None, n: int, *, reason: str = "") -> dict[str, Any]:
    """Mean and 95 % interval over seeds (Student t); of one seed, over examples where the figure is a share of right answers (Wilson)."""
    mean, low, high = metrics.over_seeds(values)
    if len(values) == 1 and chance is not None and mean is not None and n:
        _, low, high = metrics.wilson(mean * n, n)
    entry = {"mean": mean, "low": low, "high": high, "per_seed": values, "chance": chance, "n": n}
    return entry | ({"reason": reason} if reason else {})


# ----------------------------------------------------------------------------------------------------------- a check-up

CHECKED = ("shuffled", "silent", "constant")  # what a check-up does to messages


def checkup(experiment: Experiment, split: str, world: World) -> dict[str, float | None]:
    """What one batch of an exam tells of a seed's world, cheap enough to ask while it is trained.

    `accuracy`, `accuracy_shuffled`, `accuracy_silent` and `accuracy_constant`; of a game that tells another figure of its messages, that
    one: `accepted`, `accepted_shuffled`, ... How many `messages` are different and their `message_entropy` in bits, mean over speakers; the
    speaker's `entropy` in nats a symbol; the examples `n`, and the `chance` of the accuracy. None where a game has no such number. Raises
    UsageError for a split without an exam. The program is the one of `examine`, less what belongs to `whole` exams and to variants.
    """
    asked = ask(experiment, split, world)
    batch = fetched(asked(0))
    figures = tampered(experiment, asked, [batch], CHECKED)
    found: dict[str, float | None] = {title: value.value for title, value in figures.items()}
    if "accuracy" in batch:
        found["accuracy"] = float(mean_over([batch], "accuracy").mean())
    language = language_of([batch])
    for title, of in (("messages", metrics.distinct), ("message_entropy", metrics.message_entropy)):
        values = [] if language is None else [of(*own) for own in zip(language.tokens, language.lengths, strict=True)]
        found[title] = mean(values).value if values else None
    found["entropy"] = float(mean_over([batch], "entropy").mean()) if "entropy" in batch else None
    return found | {"n": float(examples([batch])), "chance": asked.exam.chance}
