"""Figures, transcripts and analyses of conversations: each number in its place, made from a record alone."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from rich.console import Console

from semiosis import conversations
from semiosis.conversations import Conversations
from semiosis.errors import UsageError
from semiosis.report import bars, dialogue, dialogue_analysis, style
from semiosis.runs.conversations import read, write_hdf5, write_parquet

FIGURES = (*dialogue_analysis.FIGURES, "transcript")
BOTH = (dialogue.SENDER, dialogue.RECEIVER)
SHOWN = {  # colours of what must be there
    "lengths": (tuple(bars.soft(style.BLUE)), style.INK),
    "steps": (style.BLUE, style.ORANGE, style.GREEN),
    "f1": (style.BLUE,),
    "bits": (*BOTH, style.HEAT(0.0)[:3]),
    "components": BOTH,
    "changes": BOTH,
    "confusion": (style.HEAT(0.0)[:3], style.INK),
    "transcript": (*BOTH, style.GREEN),
}


def plausible(n: int = 40, t: int = 3, d: int = 6, c: int = 4, seed: int = 0) -> Conversations:
    """Conversations in which evidence of the class grows step by step; the receiver stops when it is sure."""
    rng = np.random.default_rng(seed)
    target = rng.permutation(np.arange(n) % c)
    code, reply = rng.normal(0, 2, (2, c, d))
    evidence = np.cumsum(2 * np.eye(c)[target][:, None] * (1 + target[:, None, None]) / c + rng.normal(0, 1, (n, t, c)), axis=1)
    p = np.exp(evidence) / np.exp(evidence).sum(-1, keepdims=True)
    said, heard = (1 / (1 + np.exp(-x)) for x in (code[target][:, None] + rng.normal(0, 1, (n, t, d)), p @ reply))
    stop_p = 1 / (1 + np.exp(6 * p.max(-1) - 5))
    going = np.minimum.accumulate(stop_p >= 0.5, axis=1)
    return Conversations(
        example=np.array([f"image {i}" for i in range(n)]),
        target=target,
        classes=tuple(f"kind {i}" for i in range(c)),
        sender=said >= 0.5,
        sender_p=said.astype(np.float32),
        receiver=heard >= 0.5,
        receiver_p=heard.astype(np.float32),
        scores=evidence.astype(np.float32),
        stop_p=stop_p.astype(np.float32),
        stop=stop_p >= 0.5,
        mask=np.concatenate([np.ones((n, 1), bool), going[:, :-1]], axis=1),
    )


def one(classes: int = 3, t: int = 2, d: int = 7) -> Conversations:
    """A conversation of two steps, whose every number is known."""
    return Conversations(
        example=np.array(["x.jpg"]),
        target=np.array([1]),
        classes=("ant", "bee", "cat")[:classes],
        sender=np.array([[[1, 0, 0, 0, 1, 0, 1], [1, 1, 0, 0, 1, 0, 1]]], bool)[:, :t, :d],
        sender_p=np.array([[[1.0, 0.0, 0.13, 0.3, 0.6, 0.49, 0.9], [0.99] * 7]], np.float32)[:, :t, :d],
        receiver=np.zeros((1, t, d), bool),
        receiver_p=np.full((1, t, d), 0.2, np.float32),
        scores=np.log(np.array([[[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]]], np.float32))[:, :t, :classes],
        stop_p=np.array([[0.75, 0.25]], np.float32)[:, :t],
        stop=np.array([[True, False]])[:, :t],
        mask=np.ones((1, t), bool),
    )


def pixels(path: Path) -> np.ndarray:
    return np.round(imread(path)[..., :3] * 255).astype(int)


def inks(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The colours of a picture [m 3], and of how many pixels each is."""
    codes, counts = np.unique(picture @ (65536, 256, 1), return_counts=True)
    return np.stack([codes // 65536, codes // 256 % 256, codes % 256], axis=1), counts


def has(picture: np.ndarray, colour: Any) -> bool:
    """Whether some pixels are of a colour."""
    found, counts = inks(picture)
    return bool(counts[(np.abs(found - np.round(255 * np.array(to_rgb(colour)))) <= 1).all(1)].sum() > 20)


def clear(picture: np.ndarray) -> bool:
    """Whether nothing touches the edge of the sheet."""
    edge = [picture[:20].reshape(-1, 3), picture[-20:].reshape(-1, 3), picture[:, :20].reshape(-1, 3), picture[:, -20:].reshape(-1, 3)]
    return bool((np.concatenate(edge) == 255).all())


# ---------------------------------------------------------------------------------------------------------- from a record


@pytest.mark.parametrize("write", [write_hdf5, write_parquet])
def test_a_record_alone_is_enough(tmp_path: Path, write: Any):
    talk = plausible()
    path = write(talk, tmp_path / ("t.h5" if write is write_hdf5 else "t.parquet"))
    result = dialogue_analysis.numbers(read(path))
    assert result == dialogue_analysis.numbers(talk)
    assert result["classes"] == ["kind 0", "kind 1", "kind 2", "kind 3"]
    assert result["metrics"]["accuracy"]["mean"] == pytest.approx(talk.correct.mean())
    assert result["metrics"]["length"]["mean"] == pytest.approx(talk.mask.sum() / 40)


def test_analysis(tmp_path: Path):
    talk = plausible()
    result, drawn = dialogue_analysis.analyse(talk, tmp_path / "new" / "folder")
    assert [path.name for path in drawn] == [f"{name}.png" for name in FIGURES]
    for path in drawn:
        picture = pixels(path)
        assert min(picture.shape[:2]) > 400, path.name
        assert clear(picture), path.name
        assert len(inks(picture)[0]) > 10, path.name
        for colour in SHOWN[path.stem]:
            assert has(picture, colour), (path.name, colour)

    told = json.loads(json.dumps(result, allow_nan=False))
    assert told == result
    assert (result["examples"], result["steps"], result["bits"]) == (40, 3, 6)
    assert set(result["metrics"]) == {*dialogue_analysis.TOLD, "accuracy@1"} - {"accuracy@5", "accuracy@6"}
    assert result["metrics"]["accuracy@1"]["mean"] == result["metrics"]["accuracy"]["mean"]
    assert result["metrics"]["accuracy@4"]["mean"] == 1.0
    assert np.sum(result["confusion"]) == 40
    assert np.trace(result["confusion"]) == talk.correct.sum()
    assert [row["n"] for row in result["by_class"]] == [10] * 4
    assert sum(row["length"]["mean"] * row["n"] for row in result["by_class"]) == pytest.approx(talk.length.sum())
    assert [row["open"] for row in result["by_step"]] == pytest.approx(talk.mask.mean(0))
    assert result["by_step"][2]["accuracy"]["mean"] == (talk.scores[:, 2].argmax(-1) == talk.target).mean()
    assert len(result["by_step"][0]["sender"]["bit_entropy"]) == 6
    assert sum(row["n"] for row in result["calibration"]) == talk.mask.sum()
    assert sum(result["components"]["explained"]) <= 1.0

    console = Console(width=80, record=True, file=StringIO())
    for table in dialogue_analysis.tables(result):
        console.print(table)
    printed = console.export_text()
    assert f"{result['metrics']['accuracy']['mean']:.3f}" in printed
    assert "40 conversations  ·  4 classes  ·  3 steps of 6 bits" in printed
    assert "kind 3" in printed


def test_what_is_undefined_is_told(tmp_path: Path):
    result = dialogue_analysis.numbers(one())
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["metrics"]["length_f1"] == {
        "mean": None,
        "low": None,
        "high": None,
        "chance": None,
        "n": 1,
        "how": "Spearman over classes; bootstrap over examples within classes",
        "reason": "fewer than 3 classes",
    }
    assert result["by_class"][0]["length"]["reason"] == "no examples of this class"
    closed = one()._replace(mask=np.array([[True, False]]))
    row = dialogue_analysis.numbers(closed)["by_step"][1]
    assert row["sender"]["bit_entropy"] == [None] * 7
    assert row["sender"]["changed"] is row["sender"]["information"]["mean"] is None
    assert row["sender"]["reason"] == row["receiver"]["information"]["reason"] == "no conversation is open at this step"
    assert row["accuracy"]["mean"] == 1.0
    assert all(clear(pixels(draw(closed, tmp_path / "f.png"))) for draw in (dialogue.bits, dialogue.changes))
    table = dialogue_analysis.analysis_table(result)
    assert "Spearman, length and F1: undefined, fewer than 3 classes" in str(table.caption)


def test_the_least_there_can_be(tmp_path: Path):
    _, drawn = dialogue_analysis.analyse(plausible(2, 1, 1, 1), tmp_path)
    assert all(clear(pixels(path)) for path in drawn)


def test_samples():
    talk = plausible()
    rows = dialogue_analysis.samples(talk)
    assert len(rows) == len(set(rows)) <= 4
    assert talk.correct[rows].tolist() == [True] * (len(rows) - 1) + [False]
    assert talk.length[rows[0]] == talk.length[talk.correct].min()
    assert talk.length[rows[-2]] == talk.length[talk.correct].max()
    assert dialogue_analysis.samples(one()) == [0]


# ------------------------------------------------------------------------------------------------------------ single figures


def test_transcripts(tmp_path: Path):
    talk = plausible(d=24)
    images = np.zeros((2, 8, 8, 3))
    images[:, :, :] = (1.0, 0.0, 1.0)
    picture = pixels(dialogue.transcript(talk, [3, 1], tmp_path / "t.png", images=images))
    assert clear(picture)
    assert has(picture, "magenta")
    plain = pixels(dialogue.transcript(talk, [3], tmp_path / "t.png"))
    assert clear(plain)
    assert not has(plain, "magenta")
    assert plain.shape[0] < picture.shape[0]
    with pytest.raises(UsageError, match="1 images for 2 conversations"):
        dialogue.transcript(talk, [0, 1], tmp_path / "t.png", images=images[:1])
    for rows in ([], [40], [-1]):
        with pytest.raises(UsageError, match="expected one or more from 0 to 39"):
            conversations.printed(talk, rows)


def test_a_square_is_as_dark_as_its_bit_is_likely(tmp_path: Path):
    talk = one()._replace(sender_p=np.array([[[0.0, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0]] * 2], np.float32))
    picture = pixels(dialogue.transcript(talk, [0], tmp_path / "t.png"))
    assert has(picture, style.BLUE)
    assert has(picture, tuple(style.mix(style.PAPER, style.BLUE, np.array([0.5]))))
    assert not has(picture, tuple(style.mix(style.PAPER, style.BLUE, np.array([0.75]))))


def test_printed():
    assert conversations.printed(one(), [0]).splitlines() == [
        "x.jpg  bee",
        "  1 sender   █▁▂▃▅▄█ 1000101   3",
        "    receiver ▂▂▂▂▂▂▂ 0000000   0  ant 0.50  goes on (on 0.75)",
        "  2 sender   ███████ 1100101   1",
        "    receiver ▂▂▂▂▂▂▂ 0000000   0  bee 0.75  stops (on 0.25)",
        "    right, after 2 steps",
    ]
    cut = one(t=1)
    assert conversations.printed(cut, [0]).splitlines()[-2:] == [
        "    receiver ▂▂▂▂▂▂▂ 0000000   0  ant 0.50  over (on 0.75)",
        "    wrong: ant, after 1 step",
    ]
    assert len(conversations.printed(plausible(), [0, 1, 2]).split("\n\n")) == 3


def test_letters():
    assert conversations.printed(one(), [0], letters=True).splitlines()[1] == "  1 sender   █▁▂▃▅▄█ RI   3"  # 10001 is 17, 01(000) is 8
    words = {conversations.lettered(np.array([int(bit) for bit in f"{value:05b}"], bool)) for value in range(32)}
    assert len(words) == 32
    assert all(word.isascii() and word.isprintable() for word in words)


def test_where_a_sender_looks_is_drawn_place_by_place(tmp_path):
    weight = np.full((3, 2, 6), 1 / 6, np.float32)
    weight[1, 1] = [0, 0, 0, 1, 0, 0]  # all on the first place of the second of two rows of three
    path = dialogue.attention(
        weight, [0, 1], ["ant", "bee"], tmp_path / "looks.png", shape=(4, 6), images=np.ones((2, 4, 6, 1), np.float32)
    )
    drawn = imread(path)[..., :3]
    dark = np.abs(drawn - to_rgb(style.BLUE)).max(-1) < 0.02
    down, across = np.nonzero(dark)
    assert dark.mean() > 0.001
    assert abs(np.ptp(down) - np.ptp(across)) <= 4  # one place, which is square
    with pytest.raises(UsageError, match="expected one or more from 0 to 2"):
        dialogue.attention(weight, [3], ["ant"], tmp_path / "no.png", shape=(4, 6))


def test_a_dollar_in_a_name_is_a_dollar(tmp_path):
    talk = plausible()._replace(classes=("$\\frac$", "$x_1$", "c", "d"))
    assert dialogue.lengths(talk, tmp_path / "lengths.png").exists()
    assert dialogue.transcript(talk, [0], tmp_path / "transcript.png").exists()
