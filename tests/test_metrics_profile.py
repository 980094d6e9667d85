"""The profile of a language, and what the library is like to use: names, views, sentences for mistakes, no JAX."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import semiosis
from semiosis import metrics
from semiosis.errors import UsageError
from semiosis.metrics.profile import BATTERIES, NAMES

GRID = np.array([(a, b) for a in range(4) for b in range(4)]).repeat(4, axis=0)  # 16 meanings, four times each
ONE_HOT = np.concatenate([np.eye(4)[GRID[:, 0]], np.eye(4)[GRID[:, 1]]], axis=1)
LABELS = GRID @ np.array([4, 1])
IDENTITY = GRID + np.array([0, 4])
FEW = {"permutations": 5, "bootstrap": 5}


def whole(tokens: np.ndarray, lengths: np.ndarray | None = None, **options: object) -> dict[str, metrics.Value]:
    about = {"labels": LABELS, "attributes": GRID, "meanings": ONE_HOT}
    return metrics.profile(tokens, lengths, **about, **(FEW | options))


def test_the_profile_of_a_compositional_code():
    found = whole(IDENTITY)
    values = {name: value.value for name, value in found.items()}
    known = {
        "messages": 16,
        "message_entropy": 4,
        "label_bits": 4,
        "determinism": 0,
        "ambiguity": 0,
        "entropy_gap": 0,
        "active_symbols": 8,
        "symbol_perplexity": 8,
        "length": 2,
        "redundancy": 0,
        "bigram_entropy": 2,
        "topsim": 1,
        "topsim_attributes": 1,
        "posdis": 1,
        "bosdis": 1,
        "semantic_consistency": 1,
        "context_independence": 1,
        "conflict_count": 0,
        "tre": 0,
        "cbm": 1,
        "ami": 1,
    }
    assert {name: values[name] for name in known} == pytest.approx(known, abs=1e-9)
    # messages of one length have no second view, and no law of abbreviation
    assert not [name for name in found if name.endswith("_end") or name.startswith("zla")]
    assert list(found) == [name for name in NAMES if name in found]


def test_each_has_its_null_and_its_interval_or_a_reason():
    lengths = np.where(GRID[:, 1] == 3, 1, 2)
    found = whole(IDENTITY, lengths, vocab_size=10)
    assert list(found) == [name for battery in BATTERIES if not battery.asked for name in battery.names]
    found |= whole(IDENTITY, lengths, only=[name for battery in BATTERIES if battery.asked for name in battery.names])
    assert set(found) == set(NAMES)
    for name, value in found.items():
        assert value.n == 64, name
        assert (value.value is None) == bool(value.reason), name
        assert value.value is None or np.isfinite(value.value), name
        for low, high in ((value.low, value.high), (value.null, value.null_high)):
            assert low is None or np.isfinite(low), name
            assert high is None or low is None or low <= high, name
    # what is constant under permutation has no null; counts have no interval
    plain = {"messages", "distinct_ratio", "active_symbols", "length", "redundancy", "symbol_perplexity", "message_entropy"}
    judged = {"topsim", "posdis", "bosdis", "label_bits", "bigram_entropy", "semantic_consistency", "context_independence"}
    assert all(found[name].null is None for name in plain)
    assert all(found[name].null is not None and found[name].low is not None for name in judged)
    assert all(found[name].how for name in NAMES if name not in ("messages", "distinct_ratio"))
    bare = whole(IDENTITY, lengths, null=False, bootstrap=0, only=["topsim", "label_bits", "posdis"])
    assert all(value.null is value.low is None for value in bare.values())


def test_a_constant_language_is_undefined_where_it_says_nothing():
    found = whole(np.full((64, 3), 7))
    for name in ("topsim", "topsim_attributes", "posdis", "bosdis", "semantic_consistency", "cbm", "tre", "conflict_count", "ami"):
        assert found[name].value is None, name
        assert found[name].reason, name
    assert (found["messages"].value, found["message_entropy"].value, found["label_bits"].value) == (1, 0, 0)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_messages_are_no_error(n: int):
    found = metrics.profile(IDENTITY[:n], labels=LABELS[:n], attributes=GRID[:n], meanings=ONE_HOT[:n], **FEW)
    assert all((value.value is None) == bool(value.reason) for value in found.values())


def test_what_is_wanted_and_what_is_not_there():
    assert list(metrics.profile(IDENTITY, only=["length", "messages"], **FEW)) == ["messages", "length"]
    assert metrics.profile(IDENTITY, only=["posdis"], **FEW)["posdis"].reason == "no attributes"
    assert metrics.profile(IDENTITY, only=["zla"], **FEW)["zla"].reason == "all messages are equally long"
    assert "label_bits" not in metrics.profile(IDENTITY, **FEW)
    with pytest.raises(UsageError, match=r"unknown metric 'topsi': known are messages, "):
        metrics.profile(IDENTITY, only=["topsi"])
    with pytest.raises(UsageError, match=r"most is 2"):
        metrics.profile(IDENTITY, most=2)


def test_costly_metrics_take_some_messages_and_say_so():
    found = whole(IDENTITY, most=40, only=["topsim", "posdis"], seed=3)
    rows = np.sort(np.random.default_rng(3).choice(64, 40, replace=False))
    assert found["topsim"].n == 40
    assert found["topsim"].how.endswith("; 40 of 64 messages, seed 3")
    assert found["topsim"].value == metrics.topsim(IDENTITY[rows], ONE_HOT[rows]).value
    assert found["posdis"].n == 64


def test_both_views_of_the_end():
    lengths = np.where(GRID[:, 1] == 3, 1, 2)
    found = whole(IDENTITY, lengths)
    with_end = np.concatenate([IDENTITY, np.full((64, 1), 0)], axis=1)
    with_end[np.arange(64), lengths] = 9
    same = metrics.profile(with_end, lengths + 1, attributes=GRID, meanings=ONE_HOT, **FEW)
    for name in ("topsim", "topsim_attributes", "symbol_perplexity", "redundancy", "bigram_entropy"):
        assert found[f"{name}_with_end"].value == pytest.approx(same[name].value), name
        assert found[f"{name}_with_end"].value != found[name].value, name
    assert "end counted" in found["posdis"].how
    assert "end not counted" in found["posdis_without_end"].how


def test_a_community():
    other = np.where(np.arange(64)[:, None] < 16, IDENTITY[:, ::-1], IDENTITY)
    found = metrics.community(np.stack([IDENTITY, other]), labels=LABELS, permutations=20, bootstrap=20)
    assert list(found) == ["synchrony", "agreement", "edit_distance", "divergence", "kappa", "ari", "nmi"]
    assert found["agreement"].value == 0.75
    assert found["synchrony"].value == pytest.approx(0.75)  # turned round, both places are wrong
    assert found["kappa"].low <= found["kappa"].value <= found["kappa"].high
    assert found["ari"].value == 1
    assert found["synchrony"].null_high < found["synchrony"].value
    alone = metrics.community(IDENTITY[None], labels=LABELS, **FEW)
    assert {name for name, value in alone.items() if value.value is None} == {
        "synchrony",
        "agreement",
        "edit_distance",
        "divergence",
        "kappa",
    }
    assert metrics.community(np.stack([IDENTITY, other]), most=20, **FEW)["kappa"].n == 20


def alone(code: str) -> subprocess.CompletedProcess[str]:
    """Run in a process of its own, where annotations are not checked."""
    path = os.pathsep.join([str(Path(semiosis.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)


MISTAKES = {
    "m.causal_influence(np.eye(2))": "answers of shape (2, 2) and type float64: expected probabilities with 3 axes, the last over answers",
    "m.causal_influence(np.eye(2)[None], np.ones((1, 3)) / 3)": (
        "weights of shape (1, 3): expected [1, 2] or [1, 2], a probability for each message"
    ),
    "m.message_effect(np.eye(2), np.eye(2)[None])": "actual (2, 2) and counterfactual (1, 2, 2): expected [n, y] and [n, j, y]",
    "m.instantaneous_coordination(i(2, 3), i(2, 2))": "said (2, 3), done (2, 2), delay 1: expected two arrays [episodes, steps > delay]",
    "m.informative_positions(i(3), i(3, 2))": "answers (3,) and changed (3, 2): expected [n] and [n, t, r]",
    "m.bit_sensitivity(i(3), i(2, 2))": "answers (3,) and flipped (2, 2): expected [n] and [n, d] or [n, t, d]",
    "m.semantic_consistency(i(4, 1), i(4, 1))": "meanings of shape (4, 1) and type int64: expected float vectors [4, d]",
    "m.complexity(i(4, 1), i(4), np.zeros(3))": "distortion of shape (3,): expected 4 numbers",
    "m.cross_play(np.eye(4), groups=i(3))": "groups of shape (3,) for a matrix (4, 4): expected one for each place of a square matrix",
    "m.class_spread(np.zeros((3, 2, 2, 1)), i(2))": "labels of shape (2,) and type int64: expected 3 integers",
    "m.psnr(np.zeros((3, 2, 2, 1)), np.zeros((3, 2, 3, 1)))": (
        "images of shape (3, 2, 2, 1) and reconstructions of shape (3, 2, 3, 1): expected the same shape"
    ),
    "m.profile(i(4, 2), labels=i(3))": "labels of shape (3,): expected 4 rows, one for each message",
    "m.profile(i(2, 4, 2))": "tokens of shape (2, 4, 2): expected [n, t], one speaker's messages",
    "m.community(i(4, 2))": "tokens of shape (4, 2): expected [speakers, n, t]",
    "m.agreement(i(4, 2))": "messages of shape (4, 2): expected tokens [speakers, n, t]",
    "m.accuracy_by(i(2), np.ones(3))": "levels of shape (2,) and type int64: expected 3 integers",
}


def test_mistakes_are_told_in_a_sentence_where_annotations_are_not_checked():
    code = f"""
import json, numpy as np
from semiosis import metrics as m
def i(*shape): return np.zeros(shape, int)
said = {{}}
for call in {list(MISTAKES)!r}:
    try: eval(call)
    except ValueError as error: said[call] = type(error).__name__ + ': ' + str(error)
print(json.dumps(said))
"""
    done = alone(code)
    assert done.stderr == ""
    assert json.loads(done.stdout) == {call: f"UsageError: {sentence}" for call, sentence in MISTAKES.items()}


def test_a_profile_needs_no_jax():
    """Nothing that a metric imports when it is first used brings JAX in either."""
    code = """
import sys, numpy as np
from semiosis import metrics
x = np.arange(16)
grid, few = np.stack([x // 4, x % 4], 1), dict(permutations=2, bootstrap=2)
found = metrics.profile(grid, labels=x, attributes=grid, meanings=np.eye(16), **few)
metrics.community(np.stack([grid, grid]), labels=x, **few)
print(len(found) > 20, [name for name in ("jax", "equinox", "torch", "matplotlib") if name in sys.modules])
"""
    done = alone(code)
    assert (done.stdout.strip(), done.stderr) == ("True []", "")


def test_all_names_are_there():
    assert len(set(metrics.__all__)) == len(metrics.__all__)
    assert all(hasattr(metrics, name) for name in metrics.__all__)
