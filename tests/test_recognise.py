"""Whether sketches are recognised: a classifier that learns, what it is asked, what CLIP is asked, and measures by hand."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis import metrics, scenes
from semiosis.errors import UsageError
from semiosis.runs import recognise
from semiosis.runs.gamelogs import Games
from semiosis.runs.recognise import Recognised, negative
from semiosis.scenes.types import Data, Split

# -------------------------------------------------------------------------------------------------------------- measures


def test_strokes_in_use_by_hand():
    visible = np.array([[1.0, 0.1, 0.0], [0.09, 0.05, 0.0], [0.5, 0.5, 0.5]])
    found = metrics.strokes_in_use(visible)
    assert (found.value, found.n) == (pytest.approx(5 / 3), 3)  # 2, 0 and 3 of them
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low < 5 / 3 < found.high <= 3
    assert metrics.strokes_in_use(visible.astype(np.float32)).value == pytest.approx(5 / 3)
    assert metrics.strokes_in_use(visible, threshold=0.6).value == pytest.approx(1 / 3)
    assert metrics.strokes_in_use(visible[:0]).reason == "no sketches"
    assert metrics.strokes_in_use(np.array([[np.nan]])).reason == "a stroke's visibility is not a number"
    with pytest.raises(UsageError, match=r"threshold is 0\.0: expected a number above 0"):
        metrics.strokes_in_use(visible, threshold=0.0)


def test_class_rate_by_hand():
    seen, found = np.array([0, 1, 1, 2]), np.array([0, 1, 0, 0])
    assert metrics.class_rate(seen, found)[:1] == (0.5,)
    assert metrics.class_rate(seen, found).null is None
    # one of two candidates is of the class, both are, one of three, none of one
    candidates = np.array([[0, 2, -1], [1, 1, -1], [1, 0, 2], [0, -1, -1]])
    found_value = metrics.class_rate(seen, found, candidates)
    assert found_value.null == pytest.approx((1 / 2 + 1 + 1 / 3 + 0) / 4)
    assert (found_value.low, found_value.high) == tuple(metrics.wilson(2, 4))[1:]
    assert metrics.class_rate(seen[:0], found[:0]).reason == "no examples"


def test_the_best_k_count_ties_from_the_first_on():
    scores, target = np.array([[1.0, 3.0, 2.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]]), np.array([2, 1, 1])
    assert [metrics.accuracy_at(scores, target, k).value for k in (1, 2, 3)] == pytest.approx([0, 2 / 3, 1])
    assert metrics.accuracy_at(scores, target, 2).null == pytest.approx(2 / 3)


# ----------------------------------------------------------------------------------------------------------- how it looks


def test_pictures_get_the_size_and_colours_that_are_asked_for():
    photos = np.zeros((2, 4, 4, 3), np.uint8)
    photos[0, ..., 1] = 200
    grey = recognise.seen_as(photos, 4, 1)
    assert grey.shape == (2, 4, 4, 1)
    assert grey[0, 0, 0, 0] == 117  # 0.587 x 200
    assert recognise.seen_as(photos, 8, 3).shape == (2, 8, 8, 3)
    assert recognise.seen_as(photos, 4, 3) is photos
    np.testing.assert_array_equal(recognise.seen_as(grey, 4, 3), grey.repeat(3, axis=-1))


def test_photos_are_varied_within_bounds():
    vary = eqx.filter_jit(recognise.varied)
    x = np.zeros((64, 12, 12, 1), np.float32)
    x[:, 6, 6] = 1.0
    y = np.asarray(vary(jnp.asarray(x), jax.random.key(0)))
    assert y.shape == x.shape
    assert 0 <= y.min() <= y.max() <= 1
    where = {divmod(int(one.argmax()), 12) for one in y[..., 0]}
    assert where == {(i, j) for i in (5, 6, 7) for j in (5, 6, 7)}
    contrast = y.max((1, 2, 3)) - y.min((1, 2, 3))
    assert contrast.min() > 0.45
    assert contrast.std() > 0.05


# ------------------------------------------------------------------------------------------------------------- what is learnt


@pytest.fixture(scope="module")
def digits() -> Data:
    return scenes.load("digits,side=12")


def drawn(digits: Data) -> tuple[np.ndarray, np.ndarray]:
    """Sketches as good as photos, black on white: 60 of them, and their rows."""
    rows = np.arange(60)
    return 1 - digits.splits["test"].inputs[rows] / np.float32(255), rows


def test_classifiers_of_photos_recognise_good_sketches_and_no_others(digits: Data):
    good, rows = drawn(digits)
    blank = np.ones((30, 24, 24, 3), np.float32)
    found = recognise.recognise(digits, {4: (good, rows), 7: (blank, rows[:30])}, side=12, channels=1, seeds=2, steps=200, invert=True)
    assert found.seeds == (4, 7)
    assert found.photo.shape == (2,)
    assert found.sketch.shape == (2, 2)
    assert found.photo.min() > 0.88
    assert found.sketch[0].min() > 0.85
    assert found.sketch[1].max() < 0.4
    assert found.table.sum() == 2 * (60 + 30)
    labels = digits.splits["test"].labels
    assert labels is not None
    assert found.chance == np.bincount(np.concatenate([labels[:60], labels[:30]])).max() / 90
    rates = found.rates
    assert rates["photos"].mean == pytest.approx(found.photo.mean())
    assert rates["sketches"] == metrics.over_seeds(found.sketch.mean(1).tolist())
    upright = recognise.recognise(digits, {4: (good, rows)}, side=12, channels=1, seeds=2, steps=200, clip=brightness)
    assert upright.sketch.mean() < found.sketch[0].mean() - 0.2  # black on white is judged as it is
    np.testing.assert_array_equal(upright.photo, found.photo)  # the same seeds learn the same
    assert upright.clip is not None
    assert upright.drawing is not None
    kinds, templates, _ = brightness(good)
    assert upright.clip[0] == np.mean(kinds == labels[:60])
    assert upright.drawing[0] == templates.mean()
    assert list(upright.rates) == ["photos", "sketches", "sketches, by CLIP", "judged a drawing"]


def brightness(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stands for CLIP: the class by the mean in quarters, a drawing where it is bright; it takes what CLIP takes."""
    mean = pictures.mean(axis=(1, 2, 3))
    return np.minimum((mean * 4 + 0.01).astype(int), 3), (mean > 0.6).astype(int), np.zeros((len(pictures), 8))


def test_what_is_recognised_is_told_by_hand():
    table = np.array([[3, 0, 1], [2, 2, 0], [0, 0, 0]])
    found = Recognised((0, 5), np.array([0.9, 1.0]), np.array([[0.5, 0.7], [0.4, 0.4]]), 0.5, table)
    assert found.taken(2) == [(0, 5 / 8), (1, 2 / 8)]
    assert found.rates["sketches"].mean == pytest.approx(0.5)  # of 0.6 and 0.4
    told = found.told(("cat", "dog"))
    assert told["taken_for"][2] == {"class": "2", "share": 1 / 8}
    assert told["sketches"][1] == {"seed": 5, "by_classifier": [0.4, 0.4], "mean": pytest.approx(0.4)}
    assert told["rates"]["photos"]["mean"] == pytest.approx(0.95)
    assert told["table"] == table.tolist()
    assert "clip" not in told
    one = found._replace(seeds=(0,), sketch=found.sketch[:1], clip=np.array([0.25]), drawing=np.array([1.0]))
    assert one.rates["sketches"][1:] == (None, None)
    assert one.told()["clip"] == [0.25]


def test_sketches_that_cannot_be_judged(digits: Data):
    good, rows = drawn(digits)
    cases = [
        ({}, {}, "no sketches"),
        ({0: (good, rows[:5])}, {}, r"sketches of seed 0 of shape \(60, 12, 12, 1\) and type float32 for 5 rows"),
        ({0: (good, rows + 150)}, {}, "of the photos 150 to 209: expected 0 to 178"),
        ({0: (good, rows)}, {"steps": 0}, "seeds 3 and steps 0 must both be 1 or more"),
        ({0: (good, rows)}, {"channels": 2}, "channels 2"),
        ({0: (good, rows)}, {"split": "exam"}, "digits,side=12 has no split 'exam': known are train"),
    ]
    for sketches, options, told in cases:
        with pytest.raises(UsageError, match=told):
            recognise.recognise(digits, sketches, **{"side": 12, "channels": 1, **options})
    bare = Data("bare", {"train": Split(np.zeros((3, 4, 4, 1), np.uint8)), "test": Split(np.zeros((3, 4, 4, 1), np.uint8))})
    with pytest.raises(UsageError, match="bare has no labels"):
        recognise.recognise(bare, {0: (good[:3], rows[:3])}, side=4, channels=1)


# -------------------------------------------------------------------------------------------------------------------- CLIP


def test_what_clip_sees_in_games_by_hand():
    photos = np.stack([np.full((4, 4, 1), level, np.uint8) for level in (30, 90, 150, 230)])  # CLIP: 0, 1, 2, 3; the last a drawing
    games = Games(
        sketches=np.stack([np.full((8, 8, 1), level) for level in (0.1, 0.9, 0.4)]),  # CLIP: 0, 3, 1; the second a drawing
        seen=np.array([0, 3, 1]),
        candidates=np.array([[0, 1], [1, 3], [2, 1]]),
        target=np.array([0, 1, 0]),
        guess=np.array([0, 0, 1]),
        scores=None,
        photos=photos,
        labels=np.array([0, 1, 3, 3]),
        classes=("a", "b", "c", "d"),
    )
    # game: true, sketch, right photo, guess as CLIP sees them: 0 0 0 0; 3 3 3 1; 3 1 2 1
    seen: list[int] = []

    def clip(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        assert pictures.shape[1:] == (224, 224, 3)
        assert pictures.dtype == np.float32
        seen.append(len(pictures))
        return brightness(pictures)

    found = recognise.clip_analysis(games, clip)
    right = [1, 2, 2, 2, 2, 1, 2, 1, 1, 2, 3]  # of 3, in the order of the indicators
    assert {name: round((value.value or 0.0) * 3) for name, value in found.items()} == dict(zip(recognise.INDICATORS, right, strict=True))
    assert all(value.n == 3 for value in found.values())
    assert (found["commrate"].low, found["commrate"].high) == tuple(metrics.wilson(1, 3))[1:]
    assert sum(seen) == 4 + 3  # each photo once
    with pytest.raises(UsageError, match="these games have no classes"):
        recognise.clip_analysis(games._replace(labels=None), clip)


def test_clip_is_asked_in_parts_of_one_size():
    level = np.linspace(0.05, 0.95, 7)
    pictures = np.broadcast_to(level[:, None, None, None], (7, 4, 4, 1)).copy()
    shapes: list[int] = []

    def clip(some: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        shapes.append(len(some))
        return brightness(some)

    kinds, templates = recognise._by_clip(clip, pictures, chunk=3)
    assert shapes == [3, 3, 3]
    np.testing.assert_array_equal(kinds, np.minimum((level * 4 + 0.01).astype(int), 3))
    np.testing.assert_array_equal(templates, level > 0.6)


def test_sketches_are_turned_where_they_are_negatives_of_photos():
    dark, light = np.zeros((4, 6, 6, 1), np.uint8), np.full((4, 6, 6, 1), 255, np.uint8)
    black, white = np.zeros((4, 6, 6, 1), np.float32), np.ones((4, 6, 6, 1), np.float32)
    assert negative(dark, white)
    assert negative(light, black)
    assert not negative(dark, black)
    assert not negative(light, white)
    assert not negative(np.repeat(dark, 3, -1), white)  # of photographs a drawing is no negative
    assert not negative(np.full_like(dark, 120), white)
