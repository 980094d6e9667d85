"""The report: one page that says what was run and what was found, of one run or several, and needs nothing but itself."""

from __future__ import annotations

import csv
import html
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from html import escape
from html.parser import HTMLParser
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.special import stdtrit

from semiosis import metrics
from semiosis.commands import train
from semiosis.commands.shared import GAMES
from semiosis.errors import UsageError
from semiosis.games import lewis
from semiosis.report import captions, charts, compare, embed, exports, gather, page, repeat, style, told
from semiosis.report.html import document, tag
from semiosis.report.lines import Line
from semiosis.runs import session
from semiosis.runs.options import Options

NASTY = '<img src=x onerror=alert(1)> & "Co" $_{2}$'  # the name of a run, as a user may choose it
VOID = {"meta", "img", "br", "col", "input", "link", "hr"}
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
Make = Callable[..., Path]


# ------------------------------------------------------------------------------------------------------------- directories


def entry(values: list[float | None], chance: float | None = None, **more: Any) -> dict[str, Any]:
    """A metric as evaluation.json has it."""
    mean, low, high = metrics.over_seeds(values)
    return {"mean": mean, "low": low, "high": high, "per_seed": values, "chance": chance, "n": 179, **more}


def run_at(
    path: Path, *, seeds: int = 8, good: float = 0.8, game: str = "lewis", evaluated: bool = True, curves: bool = True, **config: Any
) -> Path:
    """A run directory as training and evaluation leave it, without either: curves rise to about `good`."""
    rng = np.random.default_rng(len(path.name) + seeds)
    preset = import_module(GAMES[game]).PRESETS["tiny"]
    record = {
        "format": 1,
        "game": game,
        "config": json.loads(json.dumps(asdict(replace(preset, **config)))),
        "options": asdict(Options(seeds=str(seeds))),
        "seeds": list(range(seeds)),
        "data": {"name": preset.data, "fingerprint": "ab" * 32, "sizes": {"train": 1439, "valid": 179, "test": 179}},
        "versions": {"python": "3.11.7", "semiosis": "0.1.0", "jax": "0.10.2"},
        "platform": "Linux x86_64",
        "git": {"commit": "0123456789abcdef", "dirty": True},
    }
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(record))
    lines = [
        {
            "step": step,
            "seed": seed,
            "split": split,
            "accuracy": 0.25 + (good - 0.25) * step / 60 + rng.normal(0, 0.02),
            "loss": 2 - step / 60,
        }
        for step in range(0, 61 if curves else 0, 5)
        for split in ("train", "valid")
        for seed in range(seeds)
    ]
    (path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    saved = path / "checkpoints" / "000000060"
    saved.mkdir(parents=True)
    (saved / "manifest.json").write_text("{}")
    if evaluated:
        evaluate(path, 60, seeds, good, rng)
    return path


def evaluate(path: Path, step: int, seeds: int, good: float, rng: np.random.Generator) -> None:
    """The evaluation of such a run."""
    values = [float(x) for x in good + rng.normal(0, 0.02, seeds)]
    table = {
        "accuracy": entry(values, 0.25, null=0.25),
        "accuracy_shuffled": entry([0.25] * seeds, 0.25),
        "accuracy_zeroed": entry([0.31] * seeds, 0.25),
        "loss": entry([1.234] * seeds),
        "topsim": entry([x / 2 for x in values], null=0.012, null_high=0.034, how="Spearman, Levenshtein"),
        "posdis": entry([None] * seeds, reason="no attributes"),
    }
    words = [
        {"about": "ignored", "severity": "warning", "says": "the listener hears nothing: try `semiosis train`"},
        {"about": "all", "severity": "ok", "says": "agents understand each other"},
    ]
    found = {"game": "lewis", "step": step, "split": "test", "seeds": list(range(seeds)), "metrics": table, "doctor": words}
    (path / "evaluation.json").write_text(json.dumps(found))


def picture(path: Path, shape: tuple[int, int] = (300, 200), noise: bool = False) -> Path:
    """A PNG, of noise if it is to be heavy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (*shape, 3)) if noise else np.full((*shape, 3), 200)
    Image.fromarray(pixels.astype(np.uint8)).save(path, dpi=(200, 200))
    return path


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three runs of 8 seeds, with all that commands may have left in the first."""
    home = tmp_path_factory.mktemp("runs")
    runs = [run_at(home / "base"), run_at(home / NASTY, good=0.9, max_len=5), run_at(home / "long", good=0.7, max_len=9)]
    first = runs[0]
    for name in ("lexicon.png", "alphabet.png", "recall-train.png", "curves.png", "of my own.png"):
        picture(first / "figures" / name)
    Image.new("P", (20, 20)).save(first / "figures" / "film.gif", save_all=True, append_images=[Image.new("P", (20, 20), 3)])
    grid = [[0.8, 0.3, None], [0.3, 0.7, 0.2], [0.2, 0.1, 0.9]]
    part = {"mean": 0.8, "low": 0.7, "high": 0.9}
    cross = {"names": ["seed 0", "seed 1", "seed 2"], "accuracy": grid, "chance": 0.25, "self_play": part, "cross_play": part, "gap": part}
    (first / "crossplay.json").write_text(json.dumps(cross))
    curve = {"steps": [10, 20], "value": [[0.3, 0.5]] * 8, "area": part, "end": part}
    probe = {"task": "discrimination", "measure": "accuracy", "curves": {"its language": curve, "untrained speakers": curve}}
    (first / "probe-discrimination.json").write_text(json.dumps(probe))
    language = {"game": "lewis", "step": 60, "split": "test", "seeds": list(range(8)), "metrics": {"bosdis": entry([0.4321] * 8, null=0.1)}}
    (first / "language.json").write_text(json.dumps(language))
    train = {"game": "lewis", "step": 60, "split": "train", "seeds": list(range(8)), "metrics": {"accuracy": entry([0.9753] * 8, 0.25)}}
    (first / "evaluation-train.json").write_text(json.dumps(train))
    return runs


@pytest.fixture(scope="module")
def written(three: list[Path], tmp_path_factory: pytest.TempPathFactory) -> page.Written:
    return page.report(three, tmp_path_factory.mktemp("out"), GAMES)


@pytest.fixture(scope="module")
def text(written: page.Written) -> str:
    return written.page.read_text(encoding="utf-8")


class Reader(HTMLParser):
    """A page as a browser's parser would have it: elements with attributes, and what is not closed in order."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    def all(self, *names: str) -> Iterator[dict[str, str | None]]:
        return (attributes for name, attributes in self.elements if name in names)


# -------------------------------------------------------------------------------------------------------------- the page


def test_the_page_is_whole_and_well_formed(text: str) -> None:
    read = Reader(text)
    assert text.startswith("<!doctype html>\n<html lang=")
    assert (read.wrong, read.open) == ([], [])
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    links = [attributes["href"] for attributes in read.all("a")]
    assert links
    assert {str(link).removeprefix("#") for link in links} <= set(ids)


def test_the_page_needs_nothing_but_itself(text: str) -> None:
    read = Reader(text)
    names = {name for name, _ in read.elements}
    assert not names & {"script", "link", "iframe", "object", "embed", "base", "form", "video", "audio", "foreignobject"}
    for name, attributes in read.elements:
        for key in ("src", "srcset", "poster", "data", "action"):
            assert str(attributes.get(key, "data:")).startswith("data:image/"[: 5 if key not in attributes else None]), (name, key)
        for key in ("href", "xlink:href"):
            assert str(attributes.get(key) or "#").startswith("#"), (name, key)
        assert not [key for key in attributes if key.startswith("on")]
    assert not re.search(r"url\((?!#)|@import|@font-face", text)
    policy = next(attributes for attributes in read.all("meta") if attributes.get("http-equiv") == "Content-Security-Policy")
    assert str(policy["content"]).startswith("default-src 'none'; img-src data:;")


def test_the_page_can_be_read_without_seeing_it(text: str) -> None:
    read = Reader(text)
    levels = [int(name[1]) for name, _ in read.elements if re.fullmatch("h[1-6]", name)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(attributes.get("alt") for attributes in read.all("img"))
    assert all(attributes.get("scope") in ("col", "row", "colgroup", "rowgroup") for attributes in read.all("th"))
    drawings = [attributes for attributes in read.all("svg") if attributes.get("aria-hidden") != "true"]
    assert len(drawings) == 4 + 1 + 1  # accuracy and loss, in training and held out; interventions; learning
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in drawings)
    assert all(attributes.get("aria-label") and attributes.get("role") for _, attributes in read.elements if attributes.get("tabindex"))
    assert "Lexicon. Messages, or how they begin" in text
    assert "base ends at 0." in text


def test_names_are_text_whatever_they_say(three: list[Path], text: str, written: page.Written) -> None:
    read = Reader(text)
    assert not [attributes for attributes in read.all("img") if attributes.get("src") == "x"]
    assert escape(NASTY, quote=False) in text
    assert NASTY in "".join(read.words)
    title = re.search("<title>(.*)</title>", text)
    assert title is not None
    assert title[1] == "The Lewis game: base, " + escape(NASTY, quote=False) + " and long"


def test_every_number_of_every_run_is_on_the_page(three: list[Path], text: str) -> None:
    for path in three:
        for name, figures in json.loads((path / "evaluation.json").read_text())["metrics"].items():
            for part in ("mean", "low", "high", "null", "null_high"):
                if figures.get(part) is not None:
                    assert told.number(name, figures[part]) in text, (path, name, part)
            for value in figures["per_seed"]:
                assert told.number(name, value) in text
    for part in (
        "undefined: no attributes",
        "0.432",
        "Spearman, Levenshtein",
        "Self-play 0.800 (0.700 to 0.900)",
        "ab" * 32,
        "jax 0.10.2",
        "base: train",
        "0.975",
    ):
        assert part in text, part
    assert "commit 0123456789ab with changes" in text
    commands = re.search(r'<pre class="command".*?</pre>', text, re.DOTALL)
    assert commands is not None
    assert "".join(Reader(commands[0]).words).splitlines() == [
        "semiosis train lewis --preset tiny --seeds 8",
        "semiosis train lewis --preset tiny --max-len 5 --seeds 8",
        "semiosis train lewis --preset tiny --max-len 9 --seeds 8",
    ]


def test_the_doctor_speaks_first_of_what_is_grave(text: str) -> None:
    grave, fine = text.index("Warning · base · ignored"), text.index("Fine · base")
    assert grave < text.index("Warning · long · ignored") < fine
    assert "The listener hears nothing: try <code>semiosis train</code>." in text
    assert "▲" in text


def test_pictures_are_shown_with_what_they_are(three: list[Path], text: str) -> None:
    read = Reader(text)
    shown = [str(attributes["alt"]).partition(".")[0] for attributes in read.all("img")]
    assert shown == ["Lexicon", "Alphabet", "What signs call to mind (on the training split)", "How it came to be", "of my own"]
    film = next(attributes for attributes in read.all("img") if "came to be" in str(attributes["alt"]))
    assert str(film["src"]).startswith("data:image/gif;base64,")
    assert re.search(r"<details><summary>Show the film</summary>\s*<div[^>]*><img", text)  # nothing moves before it is asked to
    assert "curves.png" not in text  # the page draws them itself
    lexicon = next(attributes for attributes in read.all("img") if str(attributes["alt"]).startswith("Lexicon"))
    assert (lexicon["width"], lexicon["height"]) == ("200", "300")
    assert lexicon["style"] == f"width: {embed.INCH}px"  # 200 pixels of 200 an inch


def test_the_same_runs_give_the_same_bytes(three: list[Path], written: page.Written, tmp_path: Path) -> None:
    again = page.report(three, tmp_path, GAMES)
    assert again.page.read_bytes() == written.page.read_bytes()
    assert [path.name for path in again.beside] == [path.name for path in written.beside]
    for one, other in zip(again.beside, written.beside, strict=True):
        assert one.read_bytes() == other.read_bytes(), one.name


def test_a_page_of_heavy_pictures_stays_light(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_at(tmp_path / "heavy", seeds=2, curves=False)
    picture(run / "figures" / "film.gif").write_bytes(b"no picture")
    with pytest.raises(UsageError, match=r"film\.gif cannot be read as a picture"):
        page.report([run], tmp_path / "out", GAMES)
    frames = [Image.fromarray(np.random.default_rng(i).integers(0, 256, (300, 300), np.uint8)) for i in range(4)]
    frames[0].save(run / "figures" / "film.gif", save_all=True, append_images=frames[1:])
    light = page.report([run], tmp_path / "out", GAMES).page.stat().st_size
    for i in range(5):
        picture(run / "figures" / f"own-{i}.png", (400, 1000), noise=True)
    monkeypatch.setattr(page, "MOST", 300_000)
    made = page.report([run], tmp_path / "out", GAMES).page
    assert made.stat().st_size < light + 310_000 < sum(path.stat().st_size for path in run.glob("figures/*"))
    text = made.read_text()
    assert text.count('src="data:image/webp') == 5
    assert "How it came to be: too heavy for this page, see figures/film.gif." in text
    widths = [int(str(attributes["width"])) for attributes in Reader(text).all("img")]
    assert all(embed.LEAST <= width < 1000 for width in widths)


def test_a_run_that_has_just_begun(tmp_path: Path) -> None:
    run = run_at(tmp_path / "young", seeds=1, evaluated=False)
    (run / "metrics.jsonl").unlink()
    shutil.rmtree(run / "checkpoints")
    made = page.report([run], tmp_path / "out", GAMES)
    text = made.page.read_text()
    assert "The run has not been evaluated." in text
    assert not [path for path in made.beside if path.suffix == ".png"]
    assert html.escape(f"semiosis metrics {shlex.quote(str(run))}") in text  # what would add to the page


def test_runs_of_several_games_stand_apart(tmp_path: Path) -> None:
    runs = [run_at(tmp_path / "a"), run_at(tmp_path / "b", game="dialogue", seeds=2), run_at(tmp_path / "c", max_len=4)]
    made = page.report(runs, tmp_path / "out", GAMES)
    text = made.page.read_text()
    assert "<h1>3 runs of 2 games</h1>" in text
    assert re.findall(r'<h2 id="game-\d">(.*?)</h2>', text) == ["The Lewis game", "The dialogue"]
    assert "c minus a" in text
    assert "minus b" not in text
    assert "b minus" not in text
    names = {path.name for path in made.beside}
    assert {"curves-1.png", "curves-2.svg", "interventions-1.png", "configurations.tex", "tests.csv"} <= names


def test_a_damaged_file_is_one_sentence_and_nothing_is_written(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run", seeds=1)
    (run / "crossplay.json").write_text("{}")
    with pytest.raises(UsageError, match=r"crossplay\.json is not as semiosis writes it: it has no names and no accuracy"):
        page.report([run], tmp_path / "out", GAMES)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run", seeds=1)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot create .*file/report.*choose another --out"):
        page.report([run], tmp_path / "file", GAMES)


# ------------------------------------------------------------------------------------------------------------ in a browser


@pytest.fixture(scope="module")
def browse(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Chromium without a window, and without a network to ask anything of."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium, and there is none here (Debian: apt-get install chromium)")
    flags = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
        "--disable-sync --hide-scrollbars --enable-logging=stderr --v=0 --proxy-server=127.0.0.1:9"
    )

    def start(*arguments: str) -> subprocess.CompletedProcess[str]:
        home = tmp_path_factory.mktemp("chromium")
        command = [CHROMIUM, *flags.split(), f"--user-data-dir={home}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    return start


def test_a_browser_opens_the_page_and_finds_nothing_wrong(written: page.Written, browse: Callable[..., Any]) -> None:
    seen = browse("--dump-dom", written.page.as_uri())
    assert "What was measured" in seen.stdout
    assert seen.stdout.count('src="data:image/') == 5
    assert "CONSOLE" not in seen.stderr, seen.stderr  # what the page's console says, such as a refused resource


def test_the_page_is_no_wider_than_a_phone(written: page.Written, browse: Callable[..., Any], tmp_path: Path) -> None:
    """The page in a frame of each width, measured from without: nothing may be wider but within a box that scrolls."""
    measure = """
      const out = [];
      const frame = document.querySelector('iframe');
      frame.onload = () => {
        const page = frame.contentDocument;
        page.querySelectorAll('details').forEach((part) => { part.open = true; });
        for (const width of [360, 768, 1280]) {
          frame.style.width = width + 'px';
          const wide = page.documentElement.scrollWidth;
          const drawn = [...page.images].every((image) => image.complete && image.naturalWidth > 0);
          out.push(width + ':' + wide + ':' + drawn + ':' + page.querySelectorAll('.scroll').length);
        }
        document.body.append(Object.assign(document.createElement('p'), { id: 'found', textContent: out.join(' ') }));
      };"""
    srcdoc = escape(written.page.read_text())
    frame = tmp_path / "frame.html"
    frame.write_text(f'<!doctype html><body><iframe style="border:0;height:900px" srcdoc="{srcdoc}"></iframe><script>{measure}</script>')
    seen = browse("--virtual-time-budget=4000", "--dump-dom", frame.as_uri())
    found = re.search('<p id="found">(.*?)</p>', seen.stdout)
    assert found is not None, seen.stdout[-500:]
    for one in found[1].split():
        width, wide, drawn, boxes = one.split(":")
        assert int(wide) <= int(width), one
        assert drawn == "true"
        assert int(boxes) > 5


# -------------------------------------------------------------------------------------------------- commands that repeat


@pytest.mark.parametrize("game", GAMES)
def test_a_preset_is_repeated_by_its_name(game: str) -> None:
    presets = import_module(GAMES[game]).PRESETS
    for name, config in presets.items():
        record = {"game": game, "config": json.loads(json.dumps(asdict(config))), "options": asdict(Options())}
        first = next(other for other, dials in presets.items() if dials == config)
        assert repeat.command(record, GAMES, "c.json") == f"semiosis train {game} --preset {first}", name


def test_the_command_repeats_the_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the command line reads in it is what was run: flags, lists, words with spaces."""
    config = replace(
        lewis.PRESETS["quick"], data="a folder/with $HOME's images", max_len=7, torso=(64, 32), listener_head=(), baseline=False, clip=1e-05
    )
    options = Options(seeds="3,5,", order="in-turn", tensorboard=True)
    record = {"game": "lewis", "config": json.loads(json.dumps(asdict(config))), "options": asdict(options)}
    words = shlex.split(repeat.command(record, GAMES, "c.json"))
    assert words[:3] == ["semiosis", "train", "lewis"]
    found: dict[str, Any] = {}

    def start(name: str, game: Any, config: Any, options: Options, out: str) -> Any:
        found.update(config=config, options=options)
        raise UsageError("stop here")

    monkeypatch.setattr(session, "start", start)
    with pytest.raises(UsageError, match="stop here"):
        train.run([*words[2:], "--out", str(tmp_path / "run")])
    assert found == {"config": config, "options": options}


def test_what_this_program_does_not_know_is_repeated_by_its_file() -> None:
    record = {"game": "my game.py", "config": {"data": "none"}, "options": asdict(Options())}
    assert repeat.command(record, GAMES, "runs/1/config.json") == "semiosis train 'my game.py' --config runs/1/config.json"
    record = {"game": "lewis", "config": {"data": "digits", "dial_of_old": 3}, "options": asdict(Options())}
    assert repeat.command(record, GAMES, "c.json") == "semiosis train lewis --config c.json"
    assert repeat.header("my game.py", GAMES) == ("my game.py", {})


@pytest.mark.parametrize("game", GAMES)
def test_a_game_tells_its_rules(game: str) -> None:
    title, rules = repeat.header(game, GAMES)
    assert ":" in title
    assert list(rules)[:4] == ["who sees what", "what is sent", "who is paid", "how they learn"]
    assert all(text and "  " not in text for text in rules.values())


# ------------------------------------------------------------------------------------------------------------ comparisons


def found_at(path: Path, **more: Any) -> gather.Found:
    return gather.read(run_at(path, **more))


def test_arms_are_compared_seed_by_seed(tmp_path: Path) -> None:
    """Four seeds, differences 0.1, 0.2, 0.3, 0.4: mean 0.25; of 16 sign flips, 2 are as far from 0."""
    base, other = found_at(tmp_path / "base", seeds=4), found_at(tmp_path / "other", seeds=4)
    first = [0.1, 0.3, 0.2, 0.4]
    for run, values in ((base, first), (other, [x + gap for x, gap in zip(first, (0.1, 0.2, 0.3, 0.4), strict=True)])):
        assert run.evaluation is not None
        run.evaluation["metrics"] = {"accuracy": entry(list(values)), "reward": entry(list(values)), "loss": entry(list(values))}
    (found,) = compare.against_first([base, other])
    assert (found.arm, found.base, found.seeds, found.main) == ("other", "base", [0, 1, 2, 3], "accuracy")
    assert [test.metric for test in found.tests] == ["accuracy", "loss"]  # the reward is the accuracy by another name
    main, loss = found.tests
    assert main.difference == pytest.approx(0.25, abs=1e-12)
    half = float(stdtrit(3, 0.975)) * np.std([0.1, 0.2, 0.3, 0.4], ddof=1) / 2
    assert (main.low, main.high) == (pytest.approx(0.25 - half, abs=1e-12), pytest.approx(0.25 + half, abs=1e-12))
    assert main.p == pytest.approx(2 / 16)
    assert main.holm is None
    assert loss.holm == loss.p  # one other measure: nothing to correct


def test_arms_of_other_seeds_are_not_paired(tmp_path: Path) -> None:
    base, other = (found_at(tmp_path / name, seeds=4, curves=False) for name in ("base", "other"))
    assert other.evaluation is not None
    other.evaluation["seeds"] = [7, 8, 9, 10]
    (found,) = compare.against_first([base, other])
    assert found.seeds == []
    assert found.tests[0].n == (4, 4)
    made = page.report([base.path, run_at(tmp_path / "three", seeds=3, curves=False)], tmp_path / "out", GAMES).page.read_text()
    assert "paired over 3 seeds, of which p cannot be below 0.25: too few to tell" in made


def test_only_dials_that_differ_are_told(tmp_path: Path) -> None:
    runs = [found_at(tmp_path / "a"), found_at(tmp_path / "b", max_len=9, torso=(4, 4)), found_at(tmp_path / "c", seeds=2)]
    assert compare.dials(runs[:1]) == []
    assert compare.dials(runs) == [
        ("seeds", [list(range(8)), list(range(8)), [0, 1]]),
        ("max_len", [3, 9, 3]),
        ("torso", [[], [4, 4], []]),
    ]


# --------------------------------------------------------------------------------------------------------------- drawings


def test_a_band_is_an_interval_over_seeds() -> None:
    mean, low, high = charts.band(np.array([[1.0, 0.9], [3.0, np.nan], [5.0, 1.0]]), high=6.0)
    half = 4.302652729696142 * 2.0 / np.sqrt(3)  # Student's t of two degrees of freedom, the deviation of 1, 3, 5
    assert mean == pytest.approx([3.0, 0.95])
    assert low == pytest.approx([3.0 - half, 0.95 - 12.706204736432095 * np.std([0.9, 1.0], ddof=1) / np.sqrt(2)])
    assert high == pytest.approx([6.0, 0.95 + 12.706204736432095 * np.std([0.9, 1.0], ddof=1) / np.sqrt(2)])
    mean, low, high = charts.band(np.array([[1.0, np.nan], [2.0, 4.0]]))
    assert (mean.tolist(), low.tolist(), high.tolist()) == ([1.5, 4.0], [1.0, 4.0], [2.0, 4.0])
    mean, low, high = charts.band(np.array([[1.0, 2.0]]))
    assert (mean.tolist(), low.tolist(), high.tolist()) == ([1.0, 2.0], [1.0, 2.0], [1.0, 2.0])


def test_long_lines_are_drawn_by_means_of_neighbours() -> None:
    steps = np.arange(1, 1001)
    line = charts.thinned(Line("a", steps, np.stack([steps * 1.0, np.full(1000, np.nan)])))
    assert len(line.steps) == 200  # 1,000 points in fives
    assert line.steps[:2].tolist() == [5, 10]
    assert line.value[0, :2].tolist() == [3.0, 8.0]
    assert np.isnan(line.value[1]).all()
    short = Line("a", steps[:240], np.ones((1, 240)))
    assert charts.thinned(short) is short


def test_drawings_follow_the_page_and_share_no_names() -> None:
    panel = charts.Panel(
        "accuracy", "$accuracy$ <b>", [Line("a", np.array([0, 1, 2]), np.array([[0.1, 0.5, 0.9], [0.2, 0.4, 0.8]]))], (0.25,)
    )
    look = charts.looks(["a"])
    one, other = (embed.drawing(charts.alone(panel, look), words) for words in ("one", "other"))
    text = document([], [one, other]).decode()
    assert (Reader(text).wrong, Reader(text).open) == ([], [])
    ids = re.findall(r' id="(.*?)"', text)
    assert len(set(ids)) == len(ids)
    for reference in re.findall(r'(?:href="#|url\(#)(.*?)["\)]', text):
        assert reference in ids
    for colour in (style.BLUE, style.INK, style.SOFT, style.FAINT):
        assert colour not in text
    assert "var(--arm-0)" in text
    assert "$accuracy$ &lt;b&gt;" in text  # a dollar is a dollar
    assert "font-family" not in text
    colours = re.findall(r"--[\w-]+", (Path(page.__file__).parent / "page.css").read_text())
    assert set(re.findall(r"var\((--[\w-]+)\)", text)) <= set(colours)


def test_arms_are_told_apart_by_more_than_colour() -> None:
    four = charts.looks(["a", "b", "c", "d"])
    assert len({str(look.dash) for look in four.values()}) == 4
    many = charts.looks([str(i) for i in range(20)])
    assert len({(look.colour, str(look.dash)) for look in many.values()}) == 20


def test_elements_hold_text_as_text() -> None:
    made = tag("p", "a < b & c", None, [tag("b", "x"), "\x00\ud800"], title='"<', data_x=3, hidden=True, lang=False)
    text = document([], [made]).decode()
    assert '<p title="&quot;<" data-x="3" hidden="">a &lt; b &amp; c<b>x</b>��</p>' in text


def test_captions() -> None:
    assert captions.caption("curves.png") is None
    assert captions.caption("probe-discrimination.png") is None
    assert captions.caption("lexicon-candidates-64.png") == captions.KNOWN["lexicon"]._replace(title="Lexicon (candidates 64)")
    recorded = captions.caption("dialogue/steps.png")
    assert recorded is not None
    assert recorded.title == "What is known when, recorded"
    assert captions.in_order(["zz.png", "film.gif", "lexicon-train.png", "dialogue/steps.png", "lexicon.png"]) == [
        "lexicon.png", "lexicon-train.png", "film.gif", "zz.png", "dialogue/steps.png",
    ]  # fmt: skip


# ---------------------------------------------------------------------------------------------------- files beside the page


def test_tables_hold_every_number(three: list[Path], written: page.Written) -> None:
    home = written.page.parent / "report" / "tables"
    assert {path.name for path in home.iterdir()} == {
        "metrics.csv", "metrics.tex", "seeds.csv", "configurations.csv", "configurations.tex", "tests.csv", "tests.tex", "language.tex",
        "crossplay-1.csv",
    }  # fmt: skip
    with (home / "metrics.csv").open(newline="") as file:
        rows = {(row["run"], row["file"], row["metric"]): row for row in csv.DictReader(file)}
    for path in three:
        for name, figures in json.loads((path / "evaluation.json").read_text())["metrics"].items():
            row = rows.pop((path.name, "evaluation", name))
            for part in ("mean", "low", "high", "chance", "null", "null_high", "n"):
                assert (float(row[part]) if row[part] else None) == figures.get(part), (name, part)
            assert [float(x) for x in row["per_seed"].split()] == [x for x in figures["per_seed"] if x is not None]
    assert list(rows) == [("base", "language", "bosdis"), ("base", "evaluation-train", "accuracy")]
    with (home / "seeds.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == (3 * 6 + 2) * 8
    with (home / "tests.csv").open(newline="") as file:
        tests = list(csv.DictReader(file))
    assert {row["arm"] for row in tests} == {NASTY, "long"}
    assert {row["p_holm"] for row in tests if row["metric"] == "accuracy"} == {""}


def test_latex(three: list[Path], written: page.Written) -> None:
    home = written.page.parent / "report" / "tables"
    text = (home / "metrics.tex").read_text()
    name = r"\textless{}img src=x onerror=alert(1)\textgreater{} \& \"Co\" \$\_\{2\}\$".replace(r"\"", '"')
    assert text.splitlines()[2:5] == [r"\begin{tabular}{lrrrrr}", r"\toprule", rf"metric & base & {name} & long & chance & null \\"]
    assert r"accuracy, messages shuffled & $0.250 \pm 0.000$ & $0.250 \pm 0.000$ & $0.250 \pm 0.000$ & $0.250$ & -- \\" in text
    assert r"positional disentanglement & -- & -- & -- & -- & -- \\" in text
    for file in home.glob("*.tex"):
        body = "\n".join(line for line in file.read_text().splitlines() if not line.startswith("%"))
        assert body.count(r"\begin{tabular}") == body.count(r"\end{tabular}") == body.count(r"\toprule") > 0
        assert not re.search(r"(?<!\\)[%#_]", body), file.name
        columns = {len(re.findall(r"(?<!\\)&", line)) for line in body.split(r"\end{tabular}")[0].splitlines() if line.endswith(r"\\")}
        assert len(columns) == 1
    assert exports.latex("a\\b~c^d\n") == r"a\textbackslash{}b\textasciitilde{}c\textasciicircum{}d "


def test_figures_are_written_as_png_and_svg(written: page.Written) -> None:
    home = written.page.parent / "report" / "figures"
    stems = ("curves", "crossplay-1", "interventions", "learning-discrimination")
    assert {path.name for path in home.iterdir()} == {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")}
    for stem in stems:
        with Image.open(home / f"{stem}.png") as file:
            assert round(file.info["dpi"][0]) == style.DPI
        assert (home / f"{stem}.svg").read_text().startswith("<?xml")


def test_what_an_earlier_report_left_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    runs = [run_at(tmp_path / "a", seeds=2, curves=False), run_at(tmp_path / "b", seeds=2, curves=False)]
    page.report(runs, tmp_path / "out", GAMES)
    tables = tmp_path / "out" / "report" / "tables"
    (tables / "metrics-of-mine.txt").touch()
    (tables / "my.tex").touch()
    assert (tables / "tests.tex").exists()
    page.report(runs[:1], tmp_path / "out", GAMES)
    assert {path.name for path in tables.iterdir()} == {
        "metrics.csv", "metrics.tex", "seeds.csv", "configurations.csv", "metrics-of-mine.txt", "my.tex",
    }  # fmt: skip


# ----------------------------------------------------------------------------------------------------------------- reading


def test_runs_are_called_by_what_tells_them_apart(tmp_path: Path) -> None:
    assert gather.names([tmp_path / "a", tmp_path / "b"]) == ["a", "b"]
    assert gather.names([tmp_path / "x" / "run", tmp_path / "y" / "run", tmp_path / "y" / "other"]) == ["x/run", "y/run", "y/other"]


def test_which_runs_must_be_evaluated(tmp_path: Path) -> None:
    run = run_at(tmp_path / "run", curves=False)
    assert not gather.outdated(gather.read(run))
    later = run / "checkpoints" / "000000090"
    later.mkdir()
    (later / "manifest.json").write_text("{}")
    judged = (run / "evaluation.json").stat().st_mtime
    os.utime(later / "manifest.json", (judged + 5, judged + 5))
    assert gather.outdated(gather.read(run))  # it has learned on since
    os.utime(later / "manifest.json", (judged - 5, judged - 5))
    assert not gather.outdated(gather.read(run))  # an earlier step was judged on purpose, later
    assert "60 of 90 trained" in page.report([run], tmp_path / "out", GAMES).page.read_text()
    (run / "evaluation.json").unlink()
    assert gather.outdated(gather.read(run))


def test_where_a_report_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert page.home_of(["runs/a"]) == Path("runs/a")
    assert page.home_of(["runs/a", "runs/b"]) == Path("runs")
    assert page.home_of(["runs/a", "other/b"]) == Path()
    assert page.home_of(["runs/a", "runs/b"], "there") == Path("there")


@pytest.mark.parametrize(
    ("name", "figures", "words"),
    [
        ("accuracy", {"low": 0.9, "high": 1.1}, "0.900 to 1.000*"),
        ("lost", {"low": -1.25, "high": 2.0}, "−1.250 to 2.000"),
        ("messages", {"low": 1200.0, "high": 1300.4}, "1,200 to 1,300"),
        ("accuracy", {"low": None, "high": None}, ""),
    ],
)
def test_intervals_in_words(name: str, figures: dict[str, float | None], words: str) -> None:
    assert told.span(name, figures) == words


def test_numbers_in_words() -> None:
    assert (told.number("loss", -0.0001), told.number("loss", None), told.number("loss", -1.5)) == ("0.000", "–", "−1.500")
    assert (told.signed("loss", 0.5), told.signed("loss", 0.0), told.signed("loss", -0.5)) == ("+0.500", "0.000", "−0.500")
    assert (told.joined(["a"]), told.joined(["a", "b", "c"]), told.counts(1, "seed")) == ("a", "a, b and c", "1 seed")
    assert (told.value([]), told.value([1, 2]), told.value(True), told.value(None), told.value("")) == ("none", "1, 2", "yes", "–", "none")
    assert (told.probability(0.00001), told.probability(0.0312)) == ("< 0.0001", "0.0312")
