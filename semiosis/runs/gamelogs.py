"""Games of sketches kept as files, in the layout of *Learning to Draw* (Mihai and Hare 2021), and pages on which people can play them.

    target-images/MD5.png   photos, 8 bits a colour, named by the MD5 of their bare pixels, each once
    sketch-images/MD5.png   sketches, likewise
    games.json, games.csv   one record a game: `reciever_guess` (spelled so), `reciever_guess_correct`, `sketch`, `correct_image`, `images`
    photos.json             {"format": 1, "classes": [...], "labels": {photo: place in the classes}}, where classes are known

`correct_image` and the guess are places among `images`, the candidates; pictures are told as paths within the folder. Ours alone are
photos.json and, in a record, `sender_image`, the photo that was drawn, and `scores`, one a candidate.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import html as markup
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Integer, UInt8
from PIL import Image

from semiosis.errors import UsageError
from semiosis.runs.files import read_json, spoken, temporary, to_json, write_bytes, write_json
from semiosis.scenes.images import open_image

FORMAT = 1
JSON, CSV, PHOTOS = "games.json", "games.csv", "photos.json"
TARGETS, SKETCHES = "target-images", "sketch-images"
FIELDS = ("reciever_guess", "reciever_guess_correct", "sketch", "correct_image", "images")  # of the published code
NO_ONE = -1  # stands for a candidate where a game has fewer than others


class Games(NamedTuple):
    """n games played by one pair: `sketches` [n h w c] in [0, 1] (c is 1 or 3) as the receiver saw them.

    `seen` [n] is the photo that the sender drew, `candidates` [n t] are those among which the receiver had to find the right one, all
    rows of `photos` uint8 [m H W C]. `target` and `guess` [n] are places among the candidates: the right one, and the one pointed at. Where
    a game has fewer candidates, -1 fills up its row, and NaN its `scores` [n t], which are None where they are not known. `labels` [m] are
    places in `classes`, or None. `seen_known` is False where a log does not say what the sender saw: then `seen` is the right one.
    """

    sketches: np.ndarray
    seen: np.ndarray
    candidates: np.ndarray
    target: np.ndarray
    guess: np.ndarray
    scores: np.ndarray | None
    photos: np.ndarray
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    seen_known: bool = True

    @property
    def right(self) -> Integer[np.ndarray, " n"]:
        """The photo to be found, a row of `photos`."""
        return self.candidates[np.arange(len(self.target)), self.target]

    @property
    def found(self) -> Integer[np.ndarray, " n"]:
        """The photo that the receiver pointed at, a row of `photos`."""
        return self.candidates[np.arange(len(self.guess)), self.guess]

    @property
    def correct(self) -> Bool[np.ndarray, " n"]:
        """Whether the receiver pointed at the right one."""
        return self.guess == self.target

    @property
    def chance(self) -> float:
        """How often a blind guess is right."""
        return float(np.mean(1.0 / (self.candidates != NO_ONE).sum(axis=1)))

    def called(self, row: int) -> str:
        """The name of a photo's class, its number where it has no name, nothing where there are no classes."""
        if self.labels is None:
            return ""
        label = int(self.labels[row])
        return self.classes[label] if 0 <= label < len(self.classes) else str(label)


def chosen(games: Games, which: Sequence[int] | Integer[np.ndarray, " k"]) -> Games:
    """Some of the games, in the order given. Raises `UsageError` where there is no such game."""
    rows = [int(i) for i in which]
    if wrong := [i for i in rows if not 0 <= i < len(games.target)]:
        raise UsageError(f"game {wrong[0]}: expected 0 to {len(games.target) - 1}")
    own = ("sketches", "seen", "candidates", "target", "guess") + (() if games.scores is None else ("scores",))
    return games._replace(**{name: getattr(games, name)[rows] for name in own})


def checked(games: Games) -> Games:
    """The same games. Raises `UsageError` where arrays do not fit each other or hold what cannot be."""
    n, t = games.candidates.shape if np.ndim(games.candidates) == 2 else (0, 0)
    if 0 in (n, t):
        raise UsageError(f"candidates of shape {np.shape(games.candidates)}: expected one game or more of one candidate or more")
    for name, shape in {"seen": (n,), "target": (n,), "guess": (n,)}.items():
        if np.shape(getattr(games, name)) != shape:
            raise UsageError(f"{name} of shape {np.shape(getattr(games, name))}: expected {shape}, one a game")
    if games.scores is not None and games.scores.shape != (n, t):
        raise UsageError(f"scores of shape {games.scores.shape}: expected {(n, t)}, one a candidate")
    sketches, photos = games.sketches, games.photos
    if sketches.ndim != 4 or len(sketches) != n or sketches.shape[-1] not in (1, 3) or 0 in sketches.shape or sketches.dtype.kind != "f":
        raise UsageError(f"sketches of shape {sketches.shape} and type {sketches.dtype}: expected floats [{n} h w 1 or 3], one a game")
    if not np.isfinite(sketches).all() or sketches.min() < -0.01 or sketches.max() > 1.01:  # resampling strays a little
        raise UsageError("a pixel of a sketch is no number from 0 to 1")
    if photos.ndim != 4 or photos.shape[-1] not in (1, 3) or 0 in photos.shape or photos.dtype != np.uint8:
        raise UsageError(f"photos of shape {photos.shape} and type {photos.dtype}: expected bytes [m h w 1 or 3]")
    _check_places(games)
    return games


def _check_places(games: Games) -> None:
    """Refuse candidates that are no photos, and guesses and targets that are no candidates."""
    m, there = len(games.photos), games.candidates != NO_ONE
    count = there.sum(axis=1)
    if not there[:, 0].all() or (there[:, 1:] > there[:, :-1]).any():
        raise UsageError("candidates that begin with -1 or go on after one: expected -1 at the end of a row only")
    for name, rows in (("seen", games.seen), ("candidates", games.candidates[there])):
        if rows.min() < 0 or rows.max() >= m:
            raise UsageError(f"{name} from {rows.min()} to {rows.max()}: expected 0 to {m - 1}, rows of the photos")
    for name in ("target", "guess"):
        places = getattr(games, name)
        if len(wrong := np.flatnonzero((places < 0) | (places >= count))):
            i = wrong[0]
            raise UsageError(f"{name} of game {i} is {places[i]}: expected 0 to {count[i] - 1}, a place among its candidates")
    if games.scores is not None and not np.isfinite(games.scores[there]).all():
        raise UsageError("a score of a candidate is not a finite number")
    if games.labels is not None:
        if games.labels.shape != (m,):
            raise UsageError(f"labels of shape {games.labels.shape}: expected {(m,)}, one a photo")
        if games.labels.min() < 0 or (games.classes and games.labels.max() >= len(games.classes)):
            raise UsageError(f"labels from {games.labels.min()} to {games.labels.max()}: expected 0 to {len(games.classes) - 1}")


# ------------------------------------------------------------------------------------------------------------------ writing


def write(games: Games, folder: str | Path) -> Path:
    """Write games with all the pictures they need; returns the folder.

    Sketches are rounded to bytes. Pictures come first and games.json last, each file wholly or not at all: who finds games.json finds all.
    Games that were there are replaced; pictures of theirs stay. Of photos alike in every pixel the first one's label is kept. Raises
    `UsageError`.
    """
    games, folder = checked(games), Path(folder)
    used = np.unique(np.concatenate([games.seen, games.candidates[games.candidates != NO_ONE]]))
    path = dict(zip(used.tolist(), _keep(folder, TARGETS, games.photos[used]), strict=True))
    sketch = _keep(folder, SKETCHES, np.round(np.clip(games.sketches, 0.0, 1.0) * 255).astype(np.uint8))
    records = [_record(games, i, path, sketch[i]) for i in range(len(games.target))]
    table = io.StringIO(newline="")
    rows = csv.DictWriter(table, list(records[0]))
    rows.writeheader()
    rows.writerows(records)
    if games.labels is not None:
        labels: dict[str, int] = {}
        for row in used.tolist():
            labels.setdefault(path[row], int(games.labels[row]))
        write_json(folder / PHOTOS, {"format": FORMAT, "classes": list(games.classes), "labels": labels})
    else:
        with spoken(f"write {folder / PHOTOS}"):
            (folder / PHOTOS).unlink(missing_ok=True)  # labels of games that are replaced
    write_bytes(folder / CSV, table.getvalue().encode())
    write_bytes(folder / JSON, b"[\n" + b",\n".join(map(to_json, records)) + b"\n]\n")
    return folder


def _record(games: Games, i: int, path: Mapping[int, str], sketch: str) -> dict[str, Any]:
    """What is told of a game."""
    images = [path[row] for row in games.candidates[i].tolist() if row != NO_ONE]
    record: dict[str, Any] = {
        "reciever_guess": int(games.guess[i]),
        "reciever_guess_correct": bool(games.guess[i] == games.target[i]),
        "sketch": sketch,
        "correct_image": int(games.target[i]),
        "images": images,
    }
    if games.seen_known:
        record["sender_image"] = path[int(games.seen[i])]
    if games.scores is not None:
        record["scores"] = [float(str(score)) for score in games.scores[i, : len(images)]]  # as few digits as single precision needs
    return record


def _keep(folder: Path, home: str, pictures: UInt8[np.ndarray, "n h w c"]) -> list[str]:
    """Write pictures that are not there yet, or not as they should be; returns their paths within the folder."""
    with spoken(f"write {folder / home}"):
        (folder / home).mkdir(parents=True, exist_ok=True)
    paths = []
    for picture in pictures:
        name = f"{hashlib.md5(picture.tobytes(), usedforsecurity=False).hexdigest()}.png"
        paths.append(f"{home}/{name}")
        place = folder / home / name
        drawn, draft = png(picture), temporary(place)
        with spoken(f"read {place}"):
            if place.exists() and place.read_bytes() == drawn:
                continue
        with spoken(f"write {place}"):  # not flushed one by one as `write_bytes` does: there are thousands, and any can be drawn again
            try:
                draft.write_bytes(drawn)
                os.replace(draft, place)
            except BaseException:
                with suppress(OSError):
                    draft.unlink()
                raise
    return paths


def png(picture: UInt8[np.ndarray, "h w c"]) -> bytes:
    """A picture of one colour or three as a PNG."""
    held = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(held, "png")
    return held.getvalue()


# ------------------------------------------------------------------------------------------------------------------ reading


def read(folder: str | Path) -> Games:
    """Read what `write` or the published code has written.

    Photos are those that occur, in the order in which they do; classes of one that has no label are not known at all. Raises `UsageError`
    where games or pictures are missing or damaged, or photos differ in size.
    """
    return _games(Path(folder), _records(Path(folder)))


def _records(folder: Path) -> list[dict[str, Any]]:
    """The records of the games, each known to be whole."""
    path = folder / JSON
    records = read_json(path)
    if not isinstance(records, list) or not records:
        raise UsageError(f"{path} holds no games: expected a list of one or more")
    for i, record in enumerate(records):
        if fault := _fault(record):
            raise UsageError(f"{path} is damaged: game {i} {fault}")
    return records


def _fault(record: Any) -> str:
    """What is wrong with a record, nothing if all is well."""
    if not isinstance(record, dict):
        return "is no record"
    if missing := [field for field in FIELDS if field not in record]:
        return f"has no {missing[0]}"
    images, pictures = record["images"], [record["sketch"], *([record["sender_image"]] if "sender_image" in record else [])]
    if not isinstance(images, list) or not images:
        return "has no candidates"
    for path in (*images, *pictures):
        if not isinstance(path, str) or not path or PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            return f"names the picture {path!r}: expected a path within the folder"
    for field in ("reciever_guess", "correct_image"):
        if type(record[field]) is not int or not 0 <= record[field] < len(images):
            return f"has {field} {record[field]!r}: expected 0 to {len(images) - 1}, a place among its candidates"
    if bool(record["reciever_guess_correct"]) != (record["reciever_guess"] == record["correct_image"]):
        return "has a guess that is called right and is wrong, or the other way round"
    scores = record.get("scores")
    if scores is not None and not (isinstance(scores, list) and len(scores) == len(images) and all(map(_number, scores))):
        return f"has scores that are not {len(images)} numbers, one a candidate"
    return ""


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _games(folder: Path, records: Sequence[Mapping[str, Any]]) -> Games:
    """The games of some records, with their pictures."""
    said = all("sender_image" in record for record in records)
    seen = [record["sender_image"] if said else record["images"][record["correct_image"]] for record in records]
    row = {path: i for i, path in enumerate(dict.fromkeys(p for r, own in zip(records, seen, strict=True) for p in (own, *r["images"])))}
    n, t = len(records), max(len(record["images"]) for record in records)
    candidates = np.full((n, t), NO_ONE)
    scored = all(record.get("scores") is not None for record in records)
    scores = np.full((n, t), np.nan, np.float32) if scored else None
    for i, record in enumerate(records):
        candidates[i, : len(record["images"])] = [row[path] for path in record["images"]]
        if scores is not None:
            scores[i, : len(record["images"])] = record["scores"]
    labels, classes = _labels(folder, row)
    order = {path: i for i, path in enumerate(dict.fromkeys(record["sketch"] for record in records))}
    sketches = _pictures(folder, order)[[order[record["sketch"]] for record in records]].astype(np.float32) / np.float32(255)
    games = Games(
        sketches=sketches,
        seen=np.array([row[path] for path in seen]),
        candidates=candidates,
        target=np.array([record["correct_image"] for record in records]),
        guess=np.array([record["reciever_guess"] for record in records]),
        scores=scores,
        photos=_pictures(folder, row),
        labels=labels,
        classes=classes,
        seen_known=said,
    )
    try:
        return checked(games)
    except UsageError as fault:
        raise UsageError(f"{folder} is no log of games: {fault}") from fault


def _pictures(folder: Path, paths: Iterable[str]) -> UInt8[np.ndarray, "m h w c"]:
    """Pictures of one size, grey if all are."""
    found: list[np.ndarray] = []
    for path in paths:
        image = open_image(folder / path, str(folder / path))
        found.append(np.asarray(image if image.mode == "L" else image.convert("RGB")))
        if found[-1].shape[:2] != found[0].shape[:2]:
            sizes = f"{found[-1].shape[1]} x {found[-1].shape[0]} pixels and others {found[0].shape[1]} x {found[0].shape[0]}"
            raise UsageError(f"{folder / path} has {sizes}: expected pictures of one size")
    if len({picture.ndim for picture in found}) > 1:
        found = [np.repeat(picture[..., None], 3, axis=-1) if picture.ndim == 2 else picture for picture in found]
    pictures = np.stack(found)
    return pictures[..., None] if pictures.ndim == 3 else pictures


def _labels(folder: Path, row: Mapping[str, int]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """The labels of photos and the names of the classes, where the folder tells them."""
    path = folder / PHOTOS
    if not path.exists():
        return None, ()
    told = read_json(path)
    try:
        version, classes, labels = told["format"], tuple(told["classes"]), told["labels"]
        if version > FORMAT:
            raise UsageError(f"{path} has format {version}: this version of semiosis knows up to {FORMAT}")
        if not all(isinstance(name, str) for name in classes) or not all(type(labels[p]) is int for p in row if p in labels):
            raise TypeError("classes are texts, and labels whole numbers")
        return (np.array([labels[p] for p in row]) if all(p in labels for p in row) else None), classes
    except UsageError:
        raise
    except (KeyError, TypeError) as damage:
        raise UsageError(f"{path} is damaged: expected format, classes and labels ({damage})") from damage


def sample(folder: str | Path, out: str | Path, count: int = 30, seed: int = 0) -> Path:
    """Write `count` games of a folder, drawn without replacement and kept in their order, with the pictures they need; returns `out`.

    The same seed draws the same games. Raises `UsageError` where there are fewer, or `out` holds games already.
    """
    folder, out = Path(folder), Path(out)
    records = _records(folder)
    if not 1 <= count <= len(records):
        raise UsageError(f"a sample of {count} games from {len(records)} in {folder}: expected 1 to {len(records)}")
    if (out / JSON).exists():
        raise UsageError(f"{out / JSON} exists: choose another folder, or delete it first")
    rows = np.sort(np.random.default_rng(seed).choice(len(records), count, replace=False))
    return write(_games(folder, [records[i] for i in rows]), out)


# ------------------------------------------------------------------------------------------------------------------- a page

STYLE = """
:root { color-scheme: light dark; --ink: #22252b; --soft: #5b6069; --line: #d9dce1; --paper: #fff; --right: #0072b2; --wrong: #c04f00; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceef1; --soft: #a6abb4; --line: #3a3e46; --paper: #16181c; --right: #56b4e9; --wrong: #ff9a4d; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.45 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .3rem; }
h2 { font-size: 1.05rem; margin: 0 0 .6rem; }
p { margin: .4rem 0; }
.soft, figcaption { color: var(--soft); font-size: .9rem; }
section { border-top: 1px solid var(--line); padding: 1rem 0; }
.top { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; width: min(15rem, 44vw); }
img { display: block; width: 100%; height: auto; background: #fff; border: 1px solid var(--line); }
img.small { image-rendering: pixelated; }
.pool { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(7rem, 28vw), 1fr)); gap: .6rem; margin: .8rem 0; }
button { font: inherit; color: inherit; cursor: pointer; }
.pool button { padding: 4px; border: 3px solid transparent; border-radius: 8px; background: none; text-align: left; }
.pool button:hover, .pool button:focus-visible { border-color: var(--soft); outline: none; }
.mark { display: block; font-size: .8rem; line-height: 1.25; padding-top: 3px; }
.right .mark { color: var(--right); font-weight: 600; }
.guess:not(.right) .mark, .you:not(.right) .mark { color: var(--wrong); font-weight: 600; }
.right { border-color: var(--right) !important; }
.guess:not(.right), .you:not(.right) { border-color: var(--wrong) !important; border-style: dashed; }
.closed .pool button { border-color: transparent !important; border-style: solid !important; }
.closed .pool button:hover, .closed .pool button:focus-visible { border-color: var(--soft) !important; }
.closed .mark { display: none; }
.closed .answer { visibility: hidden; }
.open .pool button { cursor: default; }
.show { display: none; padding: .35rem .8rem; border: 1px solid var(--line); border-radius: 6px; background: none; }
.closed .show { display: inline-block; }
.verdict { min-height: 1.5em; font-weight: 600; }
"""

SCRIPT = """
const games = [...document.querySelectorAll("section")];
let played = 0, mine = 0, theirs = 0;
for (const game of games) {
  const pool = [...game.querySelectorAll(".pool button")];
  const right = pool.find(one => one.classList.contains("right"));
  const guess = pool.find(one => one.classList.contains("guess"));
  const verdict = game.querySelector(".verdict");
  const open = () => { game.classList.remove("closed"); game.classList.add("open"); };
  game.classList.add("closed");
  verdict.textContent = "Which one is it? Choose a photo.";
  game.querySelector(".show").onclick = () => {
    open();
    verdict.textContent = right === guess ? "The receiver was right." : "The receiver was wrong.";
  };
  for (const one of pool) one.onclick = () => {
    if (!game.classList.contains("closed")) return;
    open();
    one.classList.add("you");
    const mark = one.querySelector(".mark");
    mark.textContent = (one === right ? "✓ " : "✗ ") + "you" + (mark.textContent ? ", " + mark.textContent.replace(/^[✓✗] /, "") : "");
    const won = one === right, won_too = guess === right;
    played += 1; mine += won; theirs += won_too;
    verdict.textContent = (won ? "Right!" : "No.") + (won_too ? " The receiver was right." : " The receiver was wrong.");
    const score = document.getElementById("score");
    score.textContent = `Found by you: ${mine} of ${played}. By the receiver: ${theirs} of ${played}.`;
  };
}
"""


def html(games: Games, which: int | Sequence[int]) -> str:
    """A page of its own to play one game or some as the receiver: sketch and candidates, and after a choice what was right and guessed.

    Where nothing can be run in the page, all is shown at once. Raises `UsageError` where there is no such game.
    """
    rows = [int(which)] if isinstance(which, (int, np.integer)) else [int(i) for i in which]
    if not rows:
        raise UsageError("no games: expected the numbers of one or more")
    games = chosen(games, rows)
    parts = "\n".join(_section(games, i, row) for i, row in enumerate(rows))
    title = f"Game {rows[0]}" if len(rows) == 1 else f"{len(rows)} games"
    told = "One agent saw a photo and drew it. Another saw the sketch alone, and had to find the photo among these candidates."
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>Find the photo that was drawn</h1>
<p class="soft">{told}</p>
{parts}
<p id="score" class="verdict" aria-live="polite"></p>
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


def _section(games: Games, i: int, number: int) -> str:
    """One game of a page."""
    seen, right = int(games.seen[i]), int(games.right[i])
    if not games.seen_known:
        told = "the photo to be found (the log does not say which one the sender saw)"
    elif seen == right:
        told = "what the sender saw"
    else:
        told = "what the sender saw; the photo to be found is another one"
    name = games.called(seen)
    told = f"{told}: {markup.escape(name)}" if name else told
    sketch = np.round(np.clip(games.sketches[i], 0.0, 1.0) * 255).astype(np.uint8)
    pool = "\n".join(_candidate(games, i, place) for place in range(int((games.candidates[i] != NO_ONE).sum())))
    return f"""<section>
<h2>Game {number}</h2>
<div class="top">
<figure>{_img(sketch, "the sketch")}<figcaption>the sketch, as the receiver saw it</figcaption></figure>
<figure class="answer">{_img(games.photos[seen], "the photo")}<figcaption>{told}</figcaption></figure>
</div>
<p class="verdict" aria-live="polite"></p>
<div class="pool">
{pool}
</div>
<button type="button" class="show">Show the answer</button>
</section>"""


def _candidate(games: Games, i: int, place: int) -> str:
    """A candidate with its marks."""
    row, marks, told = int(games.candidates[i, place]), [], []
    right, guess = place == games.target[i], place == games.guess[i]
    if right:
        marks, told = ["right"], ["the right one"]
    if guess:
        marks, told = [*marks, "guess"], [*told, "the receiver's guess"]
    sign = "✓ " if right else "✗ " if guess else ""
    name = games.called(row)
    text = sign + "; ".join([*told, *([name] if name and told else [])])
    kind = f' class="{" ".join(marks)}"' if marks else ""
    picture, mark = _img(games.photos[row], f"candidate {place + 1}"), f'<span class="mark">{markup.escape(text)}</span>'
    return f'<button type="button"{kind}>{picture}{mark}</button>'


def _img(picture: UInt8[np.ndarray, "h w c"], alt: str) -> str:
    """A picture within the page; small ones are enlarged without blur."""
    held = base64.b64encode(png(picture)).decode()
    small = ' class="small"' if max(picture.shape[:2]) <= 128 else ""
    return f'<img{small} alt="{alt}" src="data:image/png;base64,{held}">'
