"""The figure of interventions: rows from the object of an evaluation, bars as long as they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from semiosis.errors import UsageError
from semiosis.metrics.intervals import Interval
from semiosis.report import bars, style
from semiosis.report.interventions import interventions, tampered


def entry(mean: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"mean": mean, "low": low, "high": high}


def test_bars_are_as_long_as_the_shares(tmp_path: Path):
    table = {"untouched": Interval(0.9, 0.85, 0.95), "permuted": Interval(0.1, None, None), "unknown": Interval(None, None, None)}
    picture = np.round(255 * imread(interventions(table, tmp_path / "i.png", chance=0.1))[..., :3])
    blue, dark = ((np.abs(picture - np.round(255 * bars.soft(colour))).max(-1) <= 1).sum(1) for colour in (style.BLUE, style.INK))
    assert blue.max() == pytest.approx(dark.max() / 9, abs=6)
    assert not [edge for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]) if (edge != edge[0]).any()]
    with pytest.raises(UsageError, match="no interventions"):
        interventions({}, tmp_path / "i.png", chance=None)


def test_rows_are_the_accuracy_and_what_is_left_of_it():
    metrics = {
        "loss": entry(1.0),
        "accuracy_deaf": entry(0.5, -0.1, 1.2),
        "accuracy": entry(0.9, 0.8, 1.1),
        "accuracy_vote": entry(0.95),
        "accuracy_silent": entry(None),
        "accuracy_my_own_way": entry(0.2),
        "accuracy@16": entry(0.3),
    }
    share, rows = tampered(metrics)
    assert share == "accuracy"
    assert rows == {
        "messages as sent": Interval(0.9, 0.8, 1.0),
        "no answers come back": Interval(0.5, 0.0, 1.0),
        "my own way": Interval(0.2, None, None),
    }


def test_signs_that_are_taken_over_are_a_share_too_and_a_loss_is_none():
    share, rows = tampered({"accepted": entry(0.9), "accepted_shuffled": entry(0.2), "accepted_silent": entry(None)})
    assert (share, list(rows)) == ("proposals accepted", ["messages as sent", "messages shuffled"])
    assert tampered({"loss": entry(1.0), "loss_shuffled": entry(2.0)}) == ("", {})
    assert tampered({"accuracy": entry(0.9)}) == ("", {})
