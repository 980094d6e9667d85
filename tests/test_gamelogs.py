"""Logs of games: the published layout, written and read again; damage told in a sentence; a page to play them."""

from __future__ import annotations

import ast
import base64
import csv
import errno
import hashlib
import json
import os
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from semiosis.errors import UsageError
from semiosis.runs import gamelogs
from semiosis.runs.gamelogs import Games

PUBLISHED = ["reciever_guess", "reciever_guess_correct", "sketch", "correct_image", "images"]


def some(channels: int = 3, seed: int = 0) -> Games:
    """Three games about five photos: the first is won, and in the last the sender saw what is no candidate."""
    rng = np.random.default_rng(seed)
    return Games(
        sketches=(rng.integers(0, 256, (3, 6, 6, 1)) / 255).astype(np.float32),
        seen=np.array([0, 2, 4]),
        candidates=np.array([[1, 0], [2, 3], [1, 3]]),
        target=np.array([1, 0, 0]),
        guess=np.array([1, 1, 1]),
        scores=rng.normal(size=(3, 2)).astype(np.float32),
        photos=rng.integers(0, 256, (5, 4, 4, channels), np.uint8),
        labels=np.array([0, 1, 2, 0, 1]),
        classes=("cat", "dog", "<owl>", "never seen"),
    )


def shown(games: Games) -> list[np.ndarray]:
    """What games are about, however their photos are numbered."""
    photos = games.photos
    parts = [games.sketches, photos[games.seen], photos[games.candidates], games.target, games.guess]
    parts += [] if games.scores is None else [games.scores]
    return parts + ([] if games.labels is None else [games.labels[games.candidates], games.labels[games.seen]])


def same(a: Games, b: Games) -> None:
    assert (a.classes, a.seen_known) == (b.classes, b.seen_known)
    for one, other in zip(shown(a), shown(b), strict=True):
        np.testing.assert_array_equal(one, other)


def edited(folder: Path, change: Callable[[list[dict[str, Any]]], Any]) -> Path:
    """A folder of games of which the records are changed."""
    gamelogs.write(some(), folder)
    records = json.loads((folder / "games.json").read_text())
    changed = change(records)
    (folder / "games.json").write_text(json.dumps(records if changed is None else changed))
    return folder


# ------------------------------------------------------------------------------------------------------------ what they are


def test_what_was_right_and_what_was_found():
    games = some()
    assert games.right.tolist() == [0, 2, 1]
    assert games.found.tolist() == [0, 3, 3]
    assert games.correct.tolist() == [True, False, False]
    assert games.chance == 0.5
    assert games._replace(candidates=np.array([[1, 0], [2, 3], [1, -1]])).chance == pytest.approx(2 / 3)
    assert [games.called(row) for row in (0, 2)] == ["cat", "<owl>"]
    assert games._replace(classes=()).called(2) == "2"
    assert games._replace(labels=None).called(2) == ""


def test_some_of_the_games():
    games = gamelogs.chosen(some(), [2, 0])
    assert games.seen.tolist() == [4, 0]
    np.testing.assert_array_equal(games.sketches, some().sketches[[2, 0]])
    assert gamelogs.chosen(some()._replace(scores=None), np.array([1])).scores is None
    with pytest.raises(UsageError, match="game 3: expected 0 to 2"):
        gamelogs.chosen(some(), [0, 3])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"candidates": np.zeros((0, 2), int)}, r"candidates of shape \(0, 2\)"),
        ({"target": np.array([0, 0])}, r"target of shape \(2,\): expected \(3,\)"),
        ({"guess": np.array([0, 2, 0])}, "guess of game 1 is 2: expected 0 to 1, a place among its candidates"),
        ({"seen": np.array([0, 1, 5])}, "seen from 0 to 5: expected 0 to 4, rows of the photos"),
        ({"candidates": np.array([[1, 0], [2, 3], [-1, 3]])}, "expected -1 at the end of a row only"),
        ({"candidates": np.array([[1, 0], [2, -1], [1, 3]])}, "guess of game 1 is 1: expected 0 to 0"),
        ({"scores": np.zeros((3, 3))}, r"scores of shape \(3, 3\): expected \(3, 2\)"),
        ({"scores": np.full((3, 2), np.nan)}, "a score of a candidate is not a finite number"),
        ({"sketches": np.zeros((3, 6, 6, 2))}, r"sketches of shape \(3, 6, 6, 2\)"),
        ({"sketches": np.full((3, 6, 6, 1), 2.0)}, "a pixel of a sketch is no number from 0 to 1"),
        ({"sketches": np.zeros((3, 6, 6, 1), np.uint8)}, "type uint8: expected floats"),
        ({"photos": np.zeros((5, 4, 4, 3))}, "type float64: expected bytes"),
        ({"labels": np.zeros(4, int)}, r"labels of shape \(4,\)"),
        ({"labels": np.array([0, 1, 2, 0, 4])}, "labels from 0 to 4: expected 0 to 3"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, change: dict[str, Any], told: str):
    with pytest.raises(UsageError, match=told):
        gamelogs.write(some()._replace(**change), tmp_path / "log")
    assert not (tmp_path / "log").exists()


# -------------------------------------------------------------------------------------------------------- written and read


@pytest.mark.parametrize("channels", [1, 3])
def test_games_come_back(tmp_path: Path, channels: int):
    games = some(channels)
    assert gamelogs.write(games, tmp_path / "deep" / "log") == tmp_path / "deep" / "log"
    back = gamelogs.read(tmp_path / "deep" / "log")
    same(games, back)
    assert back.photos.shape == (5, 4, 4, channels)
    same(back, gamelogs.read(gamelogs.write(back, tmp_path / "again")))
    for name in ("games.json", "games.csv", "photos.json"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "deep" / "log" / name).read_bytes()


def test_games_with_fewer_candidates_come_back(tmp_path: Path):
    games = some()
    games = games._replace(candidates=np.array([[1, 0], [2, 3], [1, -1]]), guess=np.array([1, 1, 0]), labels=None, classes=())
    assert games.scores is not None
    games.scores[2, 1] = np.nan
    back = gamelogs.read(gamelogs.write(games, tmp_path))
    assert (back.candidates[2] >= 0).tolist() == [True, False]
    np.testing.assert_array_equal(back.scores, games.scores)
    np.testing.assert_array_equal(back.photos[back.right], games.photos[games.right])
    assert back.labels is None


def test_the_layout_is_the_published_one(tmp_path: Path):
    games = some()._replace(scores=None)
    games = games._replace(sketches=games.sketches[[0, 1, 0]])
    gamelogs.write(games, tmp_path)

    def name(picture: np.ndarray) -> str:
        return hashlib.md5(picture.tobytes()).hexdigest() + ".png"

    paths = [f"target-images/{name(photo)}" for photo in games.photos]
    sketches = [f"sketch-images/{name(np.round(sketch * 255).astype(np.uint8))}" for sketch in games.sketches]
    records = json.loads((tmp_path / "games.json").read_text())
    assert list(records[1]) == [*PUBLISHED, "sender_image"]
    assert records[1] == {
        "reciever_guess": 1,
        "reciever_guess_correct": False,
        "sketch": sketches[1],
        "correct_image": 0,
        "images": [paths[2], paths[3]],
        "sender_image": paths[2],
    }
    assert records[2]["sender_image"] == paths[4]
    assert records[0]["sketch"] == records[2]["sketch"]
    with (tmp_path / "games.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == [*PUBLISHED, "sender_image"]
    assert (table[0]["reciever_guess"], table[0]["reciever_guess_correct"]) == ("1", "True")
    assert ast.literal_eval(table[2]["images"]) == [paths[1], paths[3]]
    assert sorted(f"{file.parent.name}/{file.name}" for file in tmp_path.glob("*/*")) == sorted({*paths, *sketches})
    with Image.open(tmp_path / sketches[0]) as image:
        assert (image.mode, image.size) == ("L", (6, 6))
    assert json.loads((tmp_path / "photos.json").read_text())["labels"][paths[2]] == 2


def test_published_logs_are_read_and_do_not_say_what_was_seen(tmp_path: Path):
    def published(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{field: record[field] for field in PUBLISHED} for record in records]

    folder = edited(tmp_path / "log", published)
    (folder / "photos.json").unlink()
    games = gamelogs.read(folder)
    assert not games.seen_known
    assert games.labels is games.scores is None
    np.testing.assert_array_equal(games.seen, games.right)
    assert len(games.photos) == 4  # the one that only the sender of the last game saw is lost
    assert "sender_image" not in json.loads((gamelogs.write(games, tmp_path / "again") / "games.json").read_text())[0]
    assert "does not say which one the sender saw" in gamelogs.html(games, 0)


def test_photos_that_occur_nowhere_and_pictures_that_occur_twice(tmp_path: Path):
    games = some()
    games = games._replace(photos=np.concatenate([games.photos[:1], games.photos]), candidates=games.candidates + 1, seen=games.seen + 1)
    games = games._replace(labels=np.array([3, 0, 1, 2, 0, 1]))
    back = gamelogs.read(gamelogs.write(games, tmp_path))
    assert len(back.photos) == 5
    same(back, some())
    games.photos[4] = games.photos[3]  # of two that are alike, the label of the first is kept
    alike = gamelogs.read(gamelogs.write(games, tmp_path / "alike"))
    assert len(alike.photos) == 4
    assert alike.called(int(alike.found[1])) == "<owl>"


def test_what_was_written_is_replaced_or_untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    gamelogs.write(some(), tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with monkeypatch.context() as broken:

        def refuse(*_: Any) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        broken.setattr(os, "replace", refuse)
        with pytest.raises(UsageError, match=rf"cannot write .*\.png: {os.strerror(errno.ENOSPC)}"):
            gamelogs.write(some(seed=1), tmp_path)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before
    gamelogs.write(some(seed=1)._replace(labels=None, classes=()), tmp_path)
    same(gamelogs.read(tmp_path), some(seed=1)._replace(labels=None, classes=()))


# --------------------------------------------------------------------------------------------------------------- damaged


def test_a_missing_folder_and_a_broken_index(tmp_path: Path):
    with pytest.raises(UsageError, match=r"cannot read .*nowhere.games\.json: No such file"):
        gamelogs.read(tmp_path / "nowhere")
    (tmp_path / "games.json").write_text("[{")
    with pytest.raises(UsageError, match=r"games\.json is damaged: it is no JSON"):
        gamelogs.read(tmp_path)
    for text in ("[]", "{}"):
        (tmp_path / "games.json").write_text(text)
        with pytest.raises(UsageError, match=r"holds no games: expected a list of one or more"):
            gamelogs.read(tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"reciever_guess": 2}, "game 1 has reciever_guess 2: expected 0 to 1"),
        ({"reciever_guess": True}, "game 1 has reciever_guess True"),
        ({"correct_image": -1}, "game 1 has correct_image -1"),
        ({"reciever_guess_correct": True}, "game 1 has a guess that is called right and is wrong"),
        ({"images": []}, "game 1 has no candidates"),
        ({"sketch": "../../secret.png"}, r"game 1 names the picture '\.\./\.\./secret\.png': expected a path within"),
        ({"sender_image": "/etc/passwd"}, "game 1 names the picture '/etc/passwd'"),
        ({"images": ["a.png", 3]}, "game 1 names the picture 3"),
        ({"scores": [1.0]}, "game 1 has scores that are not 2 numbers"),
        ({"sketch": "sketch-images/none.png"}, r"cannot read .*none\.png: not an image, or a damaged one"),
    ],
)
def test_a_damaged_record_is_told(tmp_path: Path, change: dict[str, Any], told: str):
    with pytest.raises(UsageError, match=told):
        gamelogs.read(edited(tmp_path, lambda records: records[1].update(change)))


def test_a_record_that_lacks_something(tmp_path: Path):
    with pytest.raises(UsageError, match="damaged: game 0 has no correct_image"):
        gamelogs.read(edited(tmp_path, lambda records: records[0].pop("correct_image") and None))
    with pytest.raises(UsageError, match="damaged: game 2 is no record"):
        gamelogs.read(edited(tmp_path, lambda records: [*records[:2], 7]))


def test_damaged_pictures_and_labels(tmp_path: Path):
    gamelogs.write(some(), tmp_path)
    picture = next((tmp_path / "target-images").iterdir())
    whole = picture.read_bytes()
    picture.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match=rf"cannot read .*{picture.name}: not an image, or a damaged one"):
        gamelogs.read(tmp_path)
    Image.new("RGB", (5, 4)).save(picture)
    with pytest.raises(UsageError, match=r"5 x 4|4 x 4 pixels and others 5 x 4"):
        gamelogs.read(tmp_path)
    picture.write_bytes(whole)
    for text, told in (("[]", "expected format, classes and labels"), ('{"format": 9, "classes": [], "labels": {}}', "has format 9")):
        (tmp_path / "photos.json").write_text(text)
        with pytest.raises(UsageError, match=told):
            gamelogs.read(tmp_path)


# --------------------------------------------------------------------------------------------------------------- samples


def many(n: int = 40) -> Games:
    rng = np.random.default_rng(0)
    place = rng.integers(0, 2, (2, n))
    photos = rng.integers(0, 256, (n, 3, 3, 1), np.uint8)
    sketches = (np.arange(n)[:, None, None, None] / 255 * np.ones((1, 3, 3, 1))).astype(np.float32)
    candidates = np.stack([np.arange(n), (np.arange(n) + 1) % n], axis=1)
    return Games(sketches, np.arange(n), candidates, place[0], place[1], None, photos)


def test_a_sample_is_drawn_by_its_seed_and_has_what_it_needs(tmp_path: Path):
    gamelogs.write(many(), tmp_path / "all")
    drawn = gamelogs.read(gamelogs.sample(tmp_path / "all", tmp_path / "some", 12, seed=3))
    numbers = np.round(drawn.sketches[:, 0, 0, 0] * 255).astype(int)
    assert len(numbers) == 12
    assert (np.diff(numbers) > 0).all()  # none twice, in their order
    same(drawn, gamelogs.chosen(many(), numbers))
    again = gamelogs.sample(tmp_path / "all", tmp_path / "again", 12, seed=3)
    assert (again / "games.json").read_bytes() == (tmp_path / "some" / "games.json").read_bytes()
    other = gamelogs.read(gamelogs.sample(tmp_path / "all", tmp_path / "other", 12, seed=4))
    assert (np.round(other.sketches[:, 0, 0, 0] * 255) != numbers).any()
    assert len(list((tmp_path / "some" / "sketch-images").iterdir())) == 12
    same(gamelogs.read(gamelogs.sample(tmp_path / "all", tmp_path / "whole", 40)), many())


def test_a_sample_that_cannot_be(tmp_path: Path):
    gamelogs.write(many(), tmp_path)
    for count in (0, 41):
        with pytest.raises(UsageError, match=rf"a sample of {count} games from 40 in .*: expected 1 to 40"):
            gamelogs.sample(tmp_path, tmp_path / "out", count)
    with pytest.raises(UsageError, match=r"games\.json exists: choose another folder"):
        gamelogs.sample(tmp_path, tmp_path, 5)
    same(gamelogs.read(tmp_path), many())


# ----------------------------------------------------------------------------------------------------------------- a page


class Page(HTMLParser):
    """The pictures of a page, its candidates with their marks, what is written below pictures, and where it leads."""

    def __init__(self, text: str):
        super().__init__()
        self.pictures: list[np.ndarray] = []
        self.buttons: list[list[str]] = []
        self.marks: list[str] = []
        self.captions: list[str] = []
        self.into: list[str] | None = None
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "img":
            held = base64.b64decode(told["src"].removeprefix("data:image/png;base64,"))
            self.pictures.append(np.asarray(Image.open(BytesIO(held))))
        elif tag == "button" and told.get("class") != "show":
            self.buttons.append(told.get("class", "").split())
        elif tag in ("span", "figcaption"):
            self.into = self.marks if tag == "span" else self.captions
            self.into.append("")
        self.links += [told[name] for name in ("href", "src", "action") if name in told and not told[name].startswith("data:")]

    def handle_endtag(self, tag: str) -> None:
        self.into = None if tag in ("span", "figcaption") else self.into

    def handle_data(self, data: str) -> None:
        if self.into is not None:
            self.into[-1] += data


def test_a_page_has_all_of_a_game_and_needs_nothing_else():
    games = some()
    page = Page(gamelogs.html(games, 1))
    np.testing.assert_array_equal(page.pictures[0], np.round(games.sketches[1, ..., 0] * 255))
    for picture, row in zip(page.pictures[1:], [2, 2, 3], strict=True):  # what was seen, the candidates
        np.testing.assert_array_equal(picture, games.photos[row])
    assert page.buttons == [["right"], ["guess"]]
    assert page.marks == ["✓ the right one; <owl>", "✗ the receiver's guess; cat"]
    assert page.captions == ["the sketch, as the receiver saw it", "what the sender saw: <owl>"]
    assert not page.links
    assert "http" not in gamelogs.html(games, 1)


def test_a_page_tells_the_truth_about_what_was_seen():
    assert Page(gamelogs.html(some(), 2)).captions[1] == "what the sender saw; the photo to be found is another one: dog"
    won = Page(gamelogs.html(some()._replace(labels=None), 0))
    assert won.marks == ["", "✓ the right one; the receiver's guess"]
    assert won.buttons == [[], ["right", "guess"]]
    assert won.captions[1] == "what the sender saw"
    fewer = some()._replace(candidates=np.array([[1, 0], [2, 3], [1, -1]]), guess=np.array([1, 1, 0]))
    assert len(Page(gamelogs.html(fewer, 2)).buttons) == 1


def test_a_page_of_many_games():
    text = gamelogs.html(some(), [2, 0])
    assert len(Page(text).buttons) == 4
    assert text.index("Game 2") < text.index("Game 0")
    for which in (3, -1, [0, 9]):
        with pytest.raises(UsageError, match=r"game (3|-1|9): expected 0 to 2"):
            gamelogs.html(some(), which)
    with pytest.raises(UsageError, match="no games"):
        gamelogs.html(some(), [])
