"""Figures of games of sketches: each picture where it belongs, as it is, with right told from wrong; means and shares by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from semiosis.errors import UsageError
from semiosis.metrics import Interval
from semiosis.report import heat, sketches, style
from semiosis.runs.gamelogs import Games

PINK, LIME, TEAL, PLUM = np.array([(250, 10, 130), (10, 250, 30), (0, 128, 120), (90, 10, 90)], np.uint8)


def pixels(path: Path) -> np.ndarray:
    """RGB of a PNG as whole numbers [h w 3]."""
    return np.round(imread(path)[..., :3] * 255).astype(int)


def where(picture: np.ndarray, colour: Any) -> np.ndarray:
    """Rows and columns of the pixels of a colour, given by name or as numbers up to 255."""
    wanted = np.round(np.array(to_rgb(colour)) * 255) if isinstance(colour, str) else np.asarray(colour, int)
    return np.argwhere(np.abs(picture - wanted).max(-1) <= 1)


def clear(picture: np.ndarray) -> bool:
    """Whether nothing touches the edge of the sheet."""
    edge = np.concatenate([picture[:30].reshape(-1, 3), picture[-30:].reshape(-1, 3), picture[:, :30].reshape(-1, 3)])
    return bool((np.concatenate([edge, picture[:, -30:].reshape(-1, 3)]) == 255).all())


def plain(*inks: np.ndarray, size: int = 8) -> np.ndarray:
    """Photos of one colour each."""
    return np.broadcast_to(np.stack(inks)[:, None, None], (len(inks), size, size, 3)).copy()


def played(**changes: Any) -> Games:
    """Two games: the pink photo is found, and for the lime one the plum is taken, where the teal would have been right."""
    games = Games(
        sketches=np.stack([np.full((8, 8, 1), level) for level in (0.3, 0.7)]),
        seen=np.array([0, 1]),
        candidates=np.array([[0, 3], [3, 2]]),
        target=np.array([0, 1]),
        guess=np.array([0, 0]),
        scores=None,
        photos=plain(PINK, LIME, TEAL, PLUM),
        labels=np.array([0, 1, 1, 0]),
        classes=("cat", "dog"),
    )
    return games._replace(**changes)


def random_games(n: int, side: int, channels: int = 1, photo: int = 8, kinds: int = 5) -> Games:
    rng = np.random.default_rng(0)
    place = rng.integers(0, 4, (2, n))
    photos = rng.integers(0, 256, (20, photo, photo, 3), np.uint8)
    candidates = np.stack([rng.permutation(20)[:4] for _ in range(n)])
    names = tuple("a class with a long name" if i == 1 else f"class {i}" for i in range(kinds))
    seen = candidates[np.arange(n), place[0]]
    return Games(rng.random((n, side, side, channels)), seen, candidates, *place, None, photos, np.arange(20) % kinds, names)


# ------------------------------------------------------------------------------------------------------------ single games


def test_the_contact_sheet_shows_each_game_in_its_column(tmp_path: Path):
    path = tmp_path / "deep" / "c.png"
    assert sketches.contact(played(), [0, 1], path) == path
    picture = pixels(path)
    assert clear(picture)
    pink, lime, teal, plum = (where(picture, colour) for colour in (PINK, LIME, TEAL, PLUM))
    drawn = [where(picture, np.full(3, round(255 * level))) for level in (0.3, 0.7)]
    side = 216  # 27 dots a pixel
    assert [len(one) for one in (lime, teal, drawn[0], drawn[1])] == [side**2] * 4
    assert len(pink) > 1.9 * side**2 > side**2 > len(plum) > 0.9 * side**2  # a sign lies on what was pointed at
    for one in (lime, plum, teal):  # the second column
        assert one[:, 1].min() == drawn[1][:, 1].min() > pink[:, 1].max()
    assert pink[:, 1].min() == drawn[0][:, 1].min()
    assert lime[:, 0].max() < drawn[1][:, 0].min() < drawn[1][:, 0].max() < plum[:, 0].min() < plum[:, 0].max() < teal[:, 0].min()
    assert lime[:, 0].min() == pink[:, 0].min()
    right, wrong = where(picture, style.BLUE), where(picture, style.VERMILION)
    assert right[:, 1].max() < wrong[:, 1].min()
    frame = wrong[wrong[:, 0] <= plum[:, 0].max() + 7]
    assert (frame.min(0) == plum.min(0) - 7).all()
    assert frame[:, 1].max() == plum[:, 1].max() + 7


def test_what_is_told_below_the_title():
    games = played()
    apart = np.array([False, True])
    story = sketches._story(games, games, apart, "Run 1.")
    assert story.startswith("Run 1.\nFramed blue, with a tick: found.")
    assert "another photo than the sender saw; it stands below where it was missed" in story
    assert story.endswith("Of all 2 games 50% are right. Chance among 2 candidates is 50%.")
    same = games._replace(seen=np.array([0, 2]))
    assert "The right one is the photo that the sender saw." in sketches._story(same, same, ~apart, "")
    lost = same._replace(seen_known=False, candidates=np.array([[0, 3], [3, 2]]))
    assert "What the sender saw is not recorded" in sketches._story(lost, lost, ~apart, "")
    assert sketches._percent(0.01) == "1.0%"
    assert sketches._percent(0.0999999) == "10%"


def test_the_right_one_is_not_shown_twice(tmp_path: Path):
    seen = sketches.contact(played(seen=np.array([0, 2])), [0, 1], tmp_path / "a.png")
    found = sketches.contact(played(guess=np.array([0, 1])), [0, 1], tmp_path / "b.png")
    other = sketches.contact(played(), [0, 1], tmp_path / "c.png")
    assert len(where(pixels(seen), TEAL)) == 216**2
    assert not len(where(pixels(found), style.VERMILION))
    assert pixels(other).shape[0] > pixels(found).shape[0]


def test_pictures_of_other_sizes_stand_equally_large():
    assert sketches._size([(8, 8), (8, 8)], 1.08) == (1.08, 1.08)
    assert sketches._size([(32, 32), (64, 64)], 1.08) == (0.96, 0.96)  # 6 and 3 dots a pixel
    assert sketches._size([(96, 96), (7, 7)], 1.08) == (1.08, 1.08)  # 672 dots would be too large
    assert sketches._size([(20, 40)], 1.0) == (0.5, 1.0)


@pytest.mark.parametrize(("n", "side", "channels", "photo"), [(1, 8, 1, 8), (5, 30, 3, 32), (13, 64, 1, 32)])
def test_contact_sheets_of_every_size(tmp_path: Path, n: int, side: int, channels: int, photo: int):
    games = random_games(20, side, channels, photo)
    picture = pixels(sketches.contact(games, range(n), tmp_path / "c.png", caption="Seed 0. " * 20))
    assert clear(picture)
    assert 1400 <= picture.shape[1] < 2600
    svg = sketches.contact(games._replace(labels=None), range(n), tmp_path / "c.svg").read_text()
    assert svg.count("<image") == 3 * n  # the right one is what was seen


def test_games_that_cannot_be_drawn(tmp_path: Path):
    with pytest.raises(UsageError, match="game 2: expected 0 to 1"):
        sketches.contact(played(), [0, 2], tmp_path / "c.png")
    with pytest.raises(UsageError, match="no games to draw"):
        sketches.contact(played(), [], tmp_path / "c.png")
    for figure in (sketches.prototypes, sketches.classes):
        with pytest.raises(UsageError, match="a figure of classes needs labels"):
            figure(played(labels=None), tmp_path / "c.png")
    assert not list(tmp_path.iterdir())


# -------------------------------------------------------------------------------------------------------- seeds and classes


def test_the_mean_over_seeds_stands_below_them(tmp_path: Path):
    levels = np.array([[0.2, 0.4], [0.6, 0.9]])  # seed, photo
    drawn = np.broadcast_to(levels[:, :, None, None, None], (2, 2, 8, 8, 1)).copy()
    path = sketches.averages(drawn, plain(PINK, LIME), tmp_path / "a.png", names=["cat", "dog"], seeds=[3, 7])
    picture = pixels(path)
    assert clear(picture)
    for column, photo, shades in ((0, PINK, (0.2, 0.6, 0.4)), (1, LIME, (0.4, 0.9, 0.65))):
        places = [where(picture, photo)]
        for level in shades:
            found = where(picture, np.full(3, round(255 * level)))
            places.append(found[(found[:, 1] >= places[0][:, 1].min()) & (found[:, 1] <= places[0][:, 1].max())])
        assert all(len(place) >= 216**2 for place in places), column
        tops = [int(np.median(place[:, 0])) for place in places]
        assert tops == sorted(tops)


def test_averages_of_many_and_what_does_not_fit(tmp_path: Path):
    rng = np.random.default_rng(0)
    picture = pixels(sketches.averages(rng.random((3, 14, 16, 16, 3)), plain(*[PINK] * 14, size=32), tmp_path / "a.png"))
    assert clear(picture)
    with pytest.raises(UsageError, match=r"sketches of shape \(3, 14, 16, 16, 1\) and 2 photos"):
        sketches.averages(rng.random((3, 14, 16, 16, 1)), plain(PINK, LIME), tmp_path / "a.png")
    with pytest.raises(UsageError, match="expected 2 names, one a photo, and 3 seeds"):
        sketches.averages(rng.random((3, 2, 16, 16, 1)), plain(PINK, LIME), tmp_path / "a.png", seeds=[1])


def test_contrast_is_stretched_alike_and_the_ground_stays():
    pictures = np.ones((2, 5, 5, 1))
    pictures[0, 2, 2], pictures[1, 2, 2] = 0.75, 0.5
    got = sketches.stretched(pictures)
    assert (got[0, 2, 2, 0], got[1, 2, 2, 0]) == (0.5, 0.0)
    assert (got[:, 0] == 1).all()
    np.testing.assert_array_equal(sketches.stretched(1 - pictures), 1 - got)
    np.testing.assert_array_equal(sketches.stretched(np.ones((1, 5, 5, 1))), np.ones((1, 5, 5, 1)))


@pytest.mark.parametrize("kinds", [1, 5, 14])
def test_prototypes_and_classes_of_any_number(tmp_path: Path, kinds: int):
    games = random_games(60, 16, kinds=kinds)
    assert clear(pixels(sketches.prototypes(games, tmp_path / "p.png", caption="Seed 0.")))
    assert pixels(sketches.classes(games, tmp_path / "c.png")).std() > 0


def test_a_class_is_the_mean_of_what_was_seen_and_drawn(tmp_path: Path):
    games = played(labels=np.array([0, 0, 1, 1]))
    games = games._replace(sketches=np.concatenate([np.zeros((1, 8, 8, 1)), np.ones((1, 8, 8, 1))]))
    picture = pixels(sketches.prototypes(games, tmp_path / "p.png"))
    mean = np.round((PINK.astype(float) + LIME) / 2)
    assert len(where(picture, mean)) == 216**2
    assert "class" not in sketches._class(games, 0)


def test_the_table_of_classes_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    told: dict[str, Any] = {}

    def matrix(names: list[str], shares: np.ndarray, path: Path, **rest: Any) -> Path:
        told.update(rest, names=names, shares=shares)
        return path

    monkeypatch.setattr(heat, "matrix", matrix)
    sketches.classes(played(classes=("cat", "dog", "owl")), tmp_path / "c.png")
    # cats found as cats, dogs as cats; owls do not occur
    assert told["names"] == ["cat", "dog"]
    np.testing.assert_array_equal(told["shares"], [[1, 0], [1, 0]])
    assert told["story"].endswith("The class is right in 50% of 2 games, the photo in 50%.")
    sketches.classes(played(labels=np.array([0, 1, 1, 2]), classes=()), tmp_path / "c.png")
    assert told["names"] == ["0", "1", "2"]
    np.testing.assert_array_equal(told["shares"], [[1, 0, 0], [0, 0, 1], [np.nan] * 3])  # what nobody drew is no number


# ------------------------------------------------------------------------------------------------------------- recognition


def test_rates_of_runs_on_one_scale(tmp_path: Path):
    runs: Mapping[str, Mapping[str, Interval]] = {
        "plain": {"photos": Interval(0.9, 0.85, 0.95), "sketches": Interval(0.2, None, None)},
        "with a long name of its own": {"photos": Interval(0.9, 0.8, 1.2), "sketches": Interval(0.6, 0.5, 0.7)},
    }
    picture = pixels(sketches.recognised(runs, tmp_path / "r.png", chance=0.1, caption="On digits."))
    assert clear(picture)
    points = where(picture[:, : picture.shape[1] * 3 // 4], style.BLUE)
    first, last = points[points[:, 0] < points[:, 0].mean()], points[points[:, 0] > points[:, 0].mean()]
    assert first[:, 1].mean() < last[:, 1].mean()
    assert last[:, 1].mean() - first[:, 1].mean() == pytest.approx(0.4 * 5.2 * style.DPI, abs=6)
    none = {"alone": {"sketches": Interval(None, None, None)}}
    assert clear(pixels(sketches.recognised(none, tmp_path / "n.png", chance=None)))
    for empty in ({}, {"run": {}}):
        with pytest.raises(UsageError, match="no rates: expected those of one run or more"):
            sketches.recognised(empty, tmp_path / "e.png", chance=None)
