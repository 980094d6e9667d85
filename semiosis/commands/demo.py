"""`semiosis demo`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from semiosis.commands.film import Film, films
from semiosis.commands.recall import recalled
from semiosis.commands.shared import GAMES, doctor_says, ended, opened
from semiosis.errors import unknown


@dataclass(frozen=True)
class Demo:
    """Agents invent languages in the Lewis game, the naming game, the glyph game, the dialogue and the sketch game; one page shows all."""

    out: str = "runs/demo"
    """Where the run directories are made: lewis, naming, glyph, dialogue, unseen (a dialogue about classes that were held out), sketch;
    and report.html, the page about them."""
    only: tuple[str, ...] = ()
    """Which of these are played; by default all."""
    seeds: str = ""
    """How many seeds, or which; by default 4 of the Lewis game and the dialogue, 2 of the sketch game, 1 of the others."""
    steps: int = 4000
    """Steps to train in the Lewis game, the glyph game and the dialogue; the sketch game takes a quarter of them."""


def run(args: list[str]) -> int:
    """`semiosis demo`."""
    from dataclasses import replace

    from rich.console import Console

    from semiosis.commands import crossplay
    from semiosis.corpora import measure
    from semiosis.report import page
    from semiosis.report.gallery import figures as draw
    from semiosis.report.tables import evaluation_table
    from semiosis.runs import corpora, directory, files, session
    from semiosis.runs.options import Options

    chosen = tyro.cli(Demo, args=args, prog="semiosis demo")
    told = {
        "lewis": "The Lewis game: a speaker sees a handwritten digit and says five symbols; a listener must find it among ten.",
        "naming": "The naming game: A and B look at a digit, which B sees turned by 45 degrees; one says a sign, and the other takes it or "
        "leaves it by what it sees itself.",
        "glyph": "The glyph game: a generator draws 26 letters of its own; a reader must read them through an ever noisier channel.",
        "dialogue": "The dialogue: one sees a handwritten digit, the other has read what each digit looks like; they talk in 16 bits at a "
        "time until the other knows which it is.",
        "unseen": "The dialogue again, without the digits 3 and 8 in training: are they understood when they are met?",
        "sketch": "The sketch game: a sender sees a handwritten digit and draws two curves; a receiver must find it among ten.",
    }
    games = {name: session.game_at("dialogue" if name == "unseen" else name, GAMES) for name in told}
    lewis = replace(games["lewis"].PRESETS["quick"], steps=chosen.steps)
    naming = replace(games["naming"].PRESETS["quick"], data="digits", rotations=(0.0, 45.0))
    glyph = replace(games["glyph"].PRESETS["colour"], steps=chosen.steps)
    dialogue = replace(games["dialogue"].PRESETS["quick"], steps=chosen.steps, samples=1)
    unseen = replace(dialogue, data="digits,withheld=3+8", samples=0)
    sketch = replace(games["sketch"].PRESETS["quick"], steps=max(chosen.steps // 4, 1))
    for name in chosen.only:
        if name not in told:
            raise unknown("run of the demo", name, told)
    wanted = [name for name in told if name in (chosen.only or told)]
    for name in wanted:
        directory.check_free(Path(chosen.out) / name)  # of all, before any is trained
    configs, seeds_of = (lewis, naming, glyph, dialogue, unseen, sketch), "411442"
    for name, config, seeds in zip(told, configs, seeds_of, strict=True):
        if name not in wanted:
            continue
        print(told[name], flush=True)
        game = "dialogue" if name == "unseen" else name
        run, caught = session.start(game, games[name], config, Options(seeds=chosen.seeds or seeds), Path(chosen.out) / name)
        if caught:
            return ended(run.path, caught)
        trained = opened(str(run.path), "newest")
        result, findings, file = session.judge(trained, "test")
        figures = draw(trained, result, findings, "test")
        if hasattr(trained.game, "imagine"):
            figures += [path for path in recalled(trained, trained.seeds[0], "test")[1] if path.suffix == ".png"]
        if hasattr(trained.game, "morph"):
            figures += films(trained, 0, Film(str(run.path), formats=("gif",), shots=60))
        Console().print(evaluation_table(result))
        print(doctor_says(result), end="")
        if len(trained.seeds) > 1:
            crossplay.run([str(run.path)])
        if findings[0].language is not None:
            corpus, inputs = corpora.measurable(trained)
            files.write_json(run.path / "language.json", measure.measured(corpus, measure.Options(), inputs=inputs))
        print("Look at " + ", ".join(map(str, figures)) + f"; the numbers are in {file}\n", flush=True)
    written = page.report([Path(chosen.out) / name for name in wanted], Path(chosen.out), GAMES)
    print(f"All of this on one page: {written.page}")
    return 0
