"""All that recorded conversations tell by themselves: one object for analysis.json, every figure, and tables for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from semiosis import metrics
from semiosis.conversations import Conversations
from semiosis.metrics.dialogue import confusion, go_calibration
from semiosis.metrics.value import Value, undefined
from semiosis.report import dialogue
from semiosis.report.tables import _table

TOP = 6  # of accuracy@k, as in the published code
FIGURES = {
    "lengths": dialogue.lengths,
    "steps": dialogue.steps,
    "f1": dialogue.f1,
    "bits": dialogue.bits,
    "components": dialogue.components,
    "changes": dialogue.changes,
    "confusion": dialogue.confusion,
}
TOLD = {  # how the numbers over all conversations are told: name and decimals
    "accuracy": ("accuracy", 3),
    **{f"accuracy@{k}": (f"right among the best {k}", 3) for k in range(2, TOP + 1)},
    "length": ("length, steps", 2),
    "bits": ("bits said until the answer", 1),
    "length_f1": ("Spearman, length and F1", 2),
    "code_overlap": ("messages said by both agents", 3),
    "calibration_error": ("calibration error of stopping", 3),
    "stop_auroc": ("stopping tells right from wrong", 3),
}
_CLOSED = "no conversation is open at this step"

# ---------------------------------------------------------------------------------------------------------------- numbers


def analyse(talk: Conversations, home: str | Path, images: np.ndarray | None = None) -> tuple[dict[str, Any], list[Path]]:
    """Draw every figure into the folder `home`; returns the object of analysis.json and where the figures are.

    `images` [n h w c] are what was talked about, for those that are told from word to word. The object has no NaN: what is undefined is
    None, and `reason` says why. Raises `UsageError` if the disk refuses.
    """
    home = Path(home)
    drawn = [draw(talk, home / f"{name}.png") for name, draw in FIGURES.items()]
    rows = samples(talk)
    drawn.append(dialogue.transcript(talk, rows, home / "transcript.png", images=None if images is None else images[rows]))
    return numbers(talk), drawn


def samples(talk: Conversations, count: int = 4) -> list[int]:
    """Conversations worth reading: the shortest that ended right, the middle one and the longest; then one that ended wrong."""
    order = np.argsort(talk.length, kind="stable")
    right, wrong = (order[talk.correct[order] == what] for what in (True, False))
    chosen = [right[round(share * (len(right) - 1))] for share in (0.0, 0.5, 1.0) if len(right)]
    chosen += [wrong[len(wrong) // 2]] if len(wrong) else []
    return list(dict.fromkeys(int(i) for i in chosen))[:count]


def numbers(talk: Conversations) -> dict[str, Any]:
    """The object of analysis.json: over all conversations, by class, by step, and the tables that figures are drawn from."""
    n, t, d = talk.sender.shape
    plane = metrics.message_components(talk.sender, talk.receiver, talk.mask)
    calibration = go_calibration(talk.stop_p, metrics.step_correct(talk.scores, talk.target), talk.mask)
    bins = zip(calibration.n.tolist(), map(_number, calibration.stop), map(_number, calibration.right), strict=True)
    return {
        "examples": n,
        "steps": t,
        "bits": d,
        "classes": list(talk.classes),
        "metrics": {name: entry(value) for name, value in _overall(talk, calibration).items()},
        "by_class": _by_class(talk),
        "by_step": _by_step(talk),
        "confusion": confusion(talk.target, talk.answer, len(talk.classes)).tolist(),
        "calibration": [{"n": count, "stop": stop, "right": right} for count, stop, right in bins],
        "components": {"explained": list(plane.explained)},
    }


def entry(value: Value) -> dict[str, Any]:
    """A metric as evaluation.json tells it; `chance_high` is the 95 % quantile of chance, where it is known."""
    out: dict[str, Any] = {"mean": value.value, "low": value.low, "high": value.high, "chance": value.null, "n": value.n, "how": value.how}
    out |= {"chance_high": value.null_high} if value.null_high is not None else {}
    return out | ({"reason": value.reason} if value.reason else {})


def _number(x: float | np.floating) -> float | None:
    return None if math.isnan(x) else float(x)


def _overall(talk: Conversations, calibration: metrics.Calibration) -> dict[str, Value]:
    """What is said of all conversations."""
    last, c = metrics.answered_scores(talk.scores, talk.mask), len(talk.classes)
    length = metrics.bootstrap(talk.length.astype(float))
    return {
        "accuracy": metrics.answered_accuracy(talk.scores, talk.mask, talk.target),
        **{f"accuracy@{k}": metrics.accuracy_at(last, talk.target, k) for k in range(1, min(TOP, c) + 1)},
        "length": Value(*length, n=len(talk.target), how=f"bootstrap; standard deviation {talk.length.std():.4g}"),
        "bits": metrics.bits_per_dialogue(talk.length, talk.sender.shape[2]),
        "length_f1": metrics.length_against_f1(talk.length, talk.target, talk.answer, c),
        "code_overlap": metrics.code_overlap(talk.sender, talk.receiver, talk.mask),
        "calibration_error": calibration.error,
        "stop_auroc": calibration.auroc,
    }


def _by_class(talk: Conversations) -> list[dict[str, Any]]:
    """Length, F1 and accuracy of each class."""
    c = len(talk.classes)
    lengths = metrics.length_by_class(talk.length, talk.target, c)
    good = metrics.f1_by_class(confusion(talk.target, talk.answer, c))
    right = [metrics.accuracy(talk.correct[talk.target == i]) for i in range(c)]
    parts = zip(talk.classes, lengths, good, right, strict=True)
    return [{"class": name, "n": x.n, "length": entry(x), "f1": entry(y), "accuracy": entry(z)} for name, x, y, z in parts]


def _by_step(talk: Conversations) -> list[dict[str, Any]]:
    """What is known after each step, and what each agent says at it; what has no meaning where nobody talks is None, with the reason."""
    sure, doubt = metrics.step_confidence(talk.scores, talk.target), metrics.step_entropy(talk.scores)
    right = metrics.step_correct(talk.scores, talk.target)
    share = metrics.open_share(talk.mask)
    agents = {"sender": _said(talk, talk.sender, talk.sender_p), "receiver": _said(talk, talk.receiver, talk.receiver_p)}
    rows = []
    for t in range(talk.mask.shape[1]):
        row: dict[str, Any] = {"step": t + 1, "n": int(talk.mask[:, t].sum()), "open": float(share[t])}
        row |= {"accuracy": entry(metrics.accuracy(right[:, t], 1 / len(talk.classes)))}
        row |= {"confidence": float(sure.top[t]), "confidence_right": float(sure.right[t]), "entropy": float(doubt[t])}
        row |= {agent: said[t] for agent, said in agents.items()}
        rows.append(row)
    return rows


def _said(talk: Conversations, bits: np.ndarray, p: np.ndarray) -> list[dict[str, Any]]:
    """What an agent's messages are like at each step, in bits."""
    entropy, doubt = metrics.bit_entropy(bits, talk.mask), metrics.probability_entropy(p, talk.mask)
    changed, distinct = metrics.hamming_change(bits, talk.mask), metrics.distinct_by_step(bits, talk.mask)
    told = metrics.information_by_step(bits, talk.target, talk.mask)
    rows = []
    for t, value in enumerate(told):
        row = {"bit_entropy": [_number(x) for x in entropy[t]], "probability_entropy": _number(doubt[t]), "changed": _number(changed[t])}
        silent = {"reason": _CLOSED} if not talk.mask[:, t].any() else {}
        information = undefined(_CLOSED, how=value.how) if silent else value
        rows.append(row | {"distinct": int(distinct[t]), "information": entry(information)} | silent)
    return rows


# ----------------------------------------------------------------------------------------------------------------- tables


def analysis_table(result: Mapping[str, Any]) -> Table:
    """What analysis.json says of all conversations: value, 95 % interval over examples and chance. What is undefined is a dash."""
    title = (
        f"{result['examples']:,} conversations  ·  {len(result['classes'])} classes  ·  {result['steps']} steps of {result['bits']} bits"
    )
    table = _table(title)
    table.add_column("", overflow="fold")
    table.add_column("value", justify="right", style="bold", no_wrap=True, min_width=6)
    table.add_column("95 % interval", justify="center", no_wrap=True, min_width=14)
    table.add_column("chance", justify="right", no_wrap=True, min_width=6)
    notes = []
    for name, (told, decimals) in TOLD.items():
        if (one := result["metrics"].get(name)) is None:  # fewer classes
            continue
        chance = "" if one["chance"] is None else f"{one['chance']:.3f}"
        table.add_row(Text(told), _told(one["mean"], decimals), _between(one, decimals), chance)
        if one["mean"] is None:
            notes.append(f"{told}: undefined, {one['reason']}")
    table.caption = Text("\n".join(["Intervals over examples.", *notes]))
    return table


def step_table(result: Mapping[str, Any]) -> Table:
    """What analysis.json says of each step: what the receiver knows after it, and what the messages carry."""
    heads = ("step", "open", "accuracy", "sure", "entropy", "sender changes", "tells", "receiver changes", "tells")
    table = _table("step by step")
    for head in heads:
        table.add_column(head, justify="right", overflow="fold")
    for row in result["by_step"]:
        cells = [str(row["step"]), f"{row['open']:.0%}", _told(row["accuracy"]["mean"], 3)]
        cells += [_told(row["confidence"], 3), _told(row["entropy"], 2)]
        for agent in ("sender", "receiver"):
            cells += [_told(row[agent]["changed"], 1), _told(_beyond(row[agent]["information"]), 2)]
        table.add_row(*cells)
    what = "Accuracy, and the probability of the best class (sure), if cut after a step; entropy of the classes, bits that change."
    table.caption = Text(f"{what} Tells: bits about the class, less those of permuted classes.")
    return table


def _beyond(information: Mapping[str, Any]) -> float | None:
    """What is left of bits without their bias."""
    return None if information["mean"] is None else information["mean"] - (information["chance"] or 0.0)


def class_table(result: Mapping[str, Any], most: int = 40) -> Table:
    """What analysis.json says of each class, the one that takes longest first."""
    rows = sorted(result["by_class"], key=lambda row: (-(row["length"]["mean"] or 0.0), row["class"]))
    table = _table("class by class")
    table.add_column("class", overflow="fold")
    for head in ("n", "steps", "95 % interval", "F1", "95 % interval"):
        table.add_column(head, justify="center" if "%" in head else "right", no_wrap=True)
    for row in rows[:most]:
        long, good = row["length"], row["f1"]
        cells = [_told(long["mean"], 2), _between(long, 2), _told(good["mean"], 3), _between(good, 3)]
        table.add_row(Text(row["class"]), f"{row['n']:,}", *cells)
    if len(rows) > most:
        table.caption = Text(f"{len(rows) - most} more in analysis.json.")
    return table


def _told(number: float | None, decimals: int) -> str:
    return "–" if number is None else f"{number:,.{decimals}f}"


def _between(one: Mapping[str, Any], decimals: int) -> str:
    return "" if one["low"] is None or one["high"] is None else f"{one['low']:.{decimals}f} to {one['high']:.{decimals}f}"


def tables(result: Mapping[str, Any]) -> Sequence[Table]:
    """All tables, in the order of being read."""
    return [analysis_table(result), step_table(result), class_table(result)]
