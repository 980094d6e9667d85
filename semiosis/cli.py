"""The command line: a thin layer over `runs` and `report`, one function a command; `COMMANDS` lists them."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict, dataclass, field, make_dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import tyro
from tyro.conf import OmitArgPrefixes, Positional

from semiosis.errors import UsageError, unknown

GAMES = {
    "lewis": "semiosis.games.lewis",
    "naming": "semiosis.games.naming",
    "glyph": "semiosis.games.glyph",
    "dialogue": "semiosis.games.dialogue",
    "sketch": "semiosis.games.sketch",
}

MOST_CLASSES = 100  # in a table of signs and classes
MOST_GLYPHS, MOST_SENT = 128, 16  # in an alphabet and in a sheet of what arrives
MOST_SKETCHES, MOST_AVERAGED, SIDE = 12, 8, 128  # on a contact sheet and among seeds; pixels of a sketch drawn anew, to be looked at
MOST_POINTS, MOST_MAPS = 2000, 4  # things and agents in maps of what agents perceive

HELP = """semiosis: neural agents that invent a language in order to be understood

  semiosis demo [--out DIR]              agents invent languages in five games, in minutes: tables, pictures, films
  semiosis train GAME [flags]            train a game: --preset tiny|quick|paper, --data, --seeds, --steps, --out, every dial of the game
  semiosis resume DIR [--steps N]        go on from the newest checkpoint, bit for bit as if never stopped; also with more steps
  semiosis evaluate DIR [--split test]   the table of a run: accuracy with intervals and chance, the measures of its language
  semiosis recall DIR [--seed N]         what each sign calls to mind: agents draw what they imagine when they hear it
  semiosis film DIR                      how a drawn language came to be, and how its glyphs turn into one another: GIF and MP4
  semiosis dialogue-analysis DIR|FILE    recorded conversations of a dialogue: a dump, and every figure from it alone
  semiosis draw IMAGE                    strokes that look like an image, by gradient descent: PNG, SVG, film
  semiosis gamelogs DIR|FOLDER           the games of a sketch run as files, some of them, and a page on which people play them
  semiosis recognise DIR...              can a classifier that never saw a sketch tell what is drawn?
  semiosis features DIR --out --weights  feature files for the dialogue: what a ResNet-34 sees in a folder of images
  semiosis probe DIR                     ease of learning: newborn listeners learn the run's language
  semiosis crossplay DIR...              agents of different seeds and runs try to understand each other
  semiosis data [NAME]                   the data sets there are; a contact sheet of one
  semiosis describe GAME                 the agents: layers, shapes, parameters, what is frozen
  semiosis bench [GAME...]               CPU seconds of a training step, with the share of this machine's peak

GAME is {games}, or the path of a Python file with a game of your own. `semiosis COMMAND --help` shows every flag;
`semiosis train GAME --help` every dial with its meaning, unit and source.
"""


def say(sentence: str) -> None:
    """A remark beside the result, on standard error."""
    print(f"semiosis: {sentence}", file=sys.stderr)


# ------------------------------------------------------------------------------------------------------------ commands


def train(args: list[str]) -> int:
    """`semiosis train GAME`: the flags are the fields of the game's Config and of Options."""
    from semiosis.runs import session
    from semiosis.runs.options import Options
    from semiosis.runs.setup import checked, config_from

    if args and args[0] in ("-h", "--help"):
        print(HELP.format(games=", ".join(GAMES)))
        return 0
    name, flags, game, preset = _game(args, "train")
    config, options = game.PRESETS[preset], Options()
    taken = {"preset", "config", "out", *asdict(options)} & {*asdict(config)}
    if taken:
        raise UsageError(f"{name}: {', '.join(sorted(taken))} in its Config would hide a flag of `semiosis train`: choose another name")
    if file := _before(flags, "--config"):
        record = session.record_at(Path(file))
        if record["game"] != name:
            raise UsageError(f"--config {file}: it is of a run of {record['game']}, not of {name}")
        config, options = config_from(game, record["config"]), checked(Options, record["options"])
    settings = make_dataclass(
        "Train",
        [
            _preset_field(game, preset),
            ("config", Annotated[str, tyro.conf.arg(help="Repeat the run of this config.json; flags change it.")], field(default="")),
            ("out", Annotated[str, tyro.conf.arg(help="The run directory; by default runs/GAME-PRESET-TIME.")], field(default="")),
            ("game", OmitArgPrefixes[game.Config], field(default=config)),
            ("run", OmitArgPrefixes[Options], field(default=options)),
        ],
        frozen=True,
    )
    chosen: Any = tyro.cli(settings, args=flags, prog=f"semiosis train {name}", description=game.__doc__ or "")
    out = chosen.out or f"runs/{Path(name).stem}-{preset}-{datetime.now():%Y%m%d-%H%M%S}"
    made, caught = session.start(name, game, chosen.game, chosen.run, out)
    return _ended(made.path, caught)


@dataclass(frozen=True)
class Resume:
    """Continue a run from its newest whole checkpoint."""

    dir: Positional[str]
    """The run directory."""
    steps: int | None = None
    """Train to this step instead of the one it was started with."""


def resume(args: list[str]) -> int:
    """`semiosis resume DIR`."""
    from semiosis.runs import session

    chosen = tyro.cli(Resume, args=args, prog="semiosis resume")
    run, caught = session.resume(chosen.dir, GAMES, steps=chosen.steps, say=say)
    return _ended(run.path, caught)


@dataclass(frozen=True)
class Evaluate:
    """Judge a run on a split it was not trained on, with its variants, and write evaluation.json (evaluation-SPLIT.json of another)."""

    dir: Positional[str]
    """The run directory."""
    split: str = "test"
    """The split; its variants (test/16, test/noise) come with it. Some data has zero_shot besides."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best (by valid accuracy) or a step."""
    candidates: int | None = None
    """Judge among this many candidates instead of as trained (games of reference)."""
    data: str | None = None
    """Judge on other data of the same shape (zero-shot transfer)."""
    messages: Literal["greedy", "sampled"] | None = None
    """Judge greedy or sampled messages instead of as configured (games with that dial)."""
    change: tuple[str, ...] = ()
    """Other dials to judge with, NAME=VALUE: in a dialogue max_exchange=20, corrupt=0:3,5 or ignore_receiver=True."""
    json: bool = False
    """Print the object of evaluation.json alone."""


def evaluate(args: list[str]) -> int:
    """`semiosis evaluate DIR`."""
    from rich.console import Console

    from semiosis.report.tables import evaluation_table
    from semiosis.runs import session

    chosen = tyro.cli(Evaluate, args=args, prog="semiosis evaluate")
    asked = {"evaluation_candidates": chosen.candidates, "data": chosen.data, "evaluation_messages": chosen.messages}
    asked |= _changes(session.open_run(chosen.dir), chosen.change) if chosen.change else {}
    trained = _open(chosen.dir, chosen.checkpoint, {name: value for name, value in asked.items() if value is not None})
    result, findings, file = session.judge(trained, chosen.split)
    figures = [] if trained.changed else _figures(trained, result, findings, chosen.split)
    if chosen.json:
        print(json.dumps(result))
        return 0
    Console().print(evaluation_table(result))
    print(f"written: {file}" + "".join(f", {path}" for path in figures))
    return 0


@dataclass(frozen=True)
class Recall:
    """Draw what each agent imagines when it hears each sign, and what one draws of what another says; write recall.json."""

    dir: Positional[str]
    """The run directory."""
    seed: int | None = None
    """The seed whose agents are asked; by default the first of the run."""
    split: str = "test"
    """The split whose things they name: for how often a sign is said, and of what."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best or a step."""
    json: bool = False
    """Print the object of recall.json alone."""


def recall(args: list[str]) -> int:
    """`semiosis recall DIR`."""
    from rich.console import Console

    from semiosis.report.tables import recall_table

    chosen = tyro.cli(Recall, args=args, prog="semiosis recall")
    trained = _open(chosen.dir, chosen.checkpoint)
    result, paths = _recalled(trained, trained.seeds[0] if chosen.seed is None else chosen.seed, chosen.split)
    if chosen.json:
        print(json.dumps(result))
        return 0
    Console().print(recall_table(result))
    print("written: " + ", ".join(map(str, paths)))
    return 0


@dataclass(frozen=True)
class Film:
    """Films of a run whose messages are images: the history of its language, and how messages turn into one another."""

    dir: Positional[str]
    """The run directory."""
    seed: int | None = None
    """The seed that is shown; by default the first of the run."""
    formats: tuple[Literal["gif", "mp4"], ...] = ("gif", "mp4")
    """What is written of each film; mp4 needs the extra `film`."""
    fps: float = 12.0
    """Pictures a second."""
    shots: int = 150
    """Most pictures of the history, which has one for each line of metrics."""
    glyphs: int = 12
    """Messages that turn into one another."""
    arrived: bool = True
    """Show beside each glyph how it arrives, where the run kept it, and beside each sketch its photo."""
    checkpoint: str = "newest"
    """Which checkpoint those are drawn of: newest, best or a step."""


def film(args: list[str]) -> int:
    """`semiosis film DIR`."""
    from semiosis.report.film import check_rate, need_av

    chosen = tyro.cli(Film, args=args, prog="semiosis film")
    for name, least in (("shots", 1), ("glyphs", 2)):
        if getattr(chosen, name) < least:
            raise UsageError(f"{name} is {getattr(chosen, name)}: expected {least} or more")
    if not chosen.formats:
        raise UsageError("no formats: expected gif, mp4 or both")
    for kind in chosen.formats:
        check_rate(chosen.fps, kind)
    if "mp4" in chosen.formats:
        need_av()
    trained = _open(chosen.dir, chosen.checkpoint)
    print("written: " + ", ".join(map(str, _films(trained, _place(trained, chosen.seed), chosen))))
    return 0


@dataclass(frozen=True)
class DialogueAnalysis:
    """What recorded conversations tell: writes those of a run as HDF5 and Parquet, then every figure and analysis.json from them alone."""

    path: Positional[str]
    """A run directory, or a file of recorded conversations: .h5 as the published code writes it, or .parquet."""
    split: str = "test"
    """The split of a run that is talked about."""
    seed: int | None = None
    """The seed of a run whose agents talk; by default the first."""
    checkpoint: str = "newest"
    """Which checkpoint of a run: newest, best or a step."""
    descriptions: str = ""
    """A file of lines label_id,label,text that names the classes of a file which does not say them."""
    out: str = ""
    """The folder that is written; by default DIR/dialogue, with split and seed where they are named, or FILE without its ending."""
    samples: int = 0
    """Conversations printed as bars and bits."""
    letters: bool = False
    """Print five bits as one letter."""
    json: bool = False
    """Print the object of analysis.json alone."""


def dialogue_analysis(args: list[str]) -> int:
    """`semiosis dialogue-analysis PATH`."""
    from rich.console import Console

    from semiosis.conversations import printed
    from semiosis.report.dialogue_analysis import analyse, samples, tables
    from semiosis.runs import conversations, files

    chosen = tyro.cli(DialogueAnalysis, args=args, prog="semiosis dialogue-analysis")
    if chosen.samples < 0:
        raise UsageError(f"samples is {chosen.samples}: expected 0 or more")
    source, written, images = Path(chosen.path), [], None
    if source.is_dir() or not (source.is_file() or source.suffix.lower() in conversations.SUFFIXES):
        if chosen.descriptions:
            raise UsageError("--descriptions names the classes of a file, and a run knows its own")
        trained = _open(chosen.path, chosen.checkpoint)
        home = Path(chosen.out) if chosen.out else source / ("dialogue" + _named(chosen))
        talk, images, _ = conversations.of(trained, _place(trained, chosen.seed), chosen.split)
        written = [conversations.write_hdf5(talk, home / "messages.h5"), conversations.write_parquet(talk, home / "messages.parquet")]
        talk = conversations.read(written[0])
    else:
        talk = conversations.read(source, Path(chosen.descriptions) if chosen.descriptions else None)
        home = Path(chosen.out) if chosen.out else source.with_suffix("")
    with files.spoken(f"create {home}", "choose another --out"):
        home.mkdir(parents=True, exist_ok=True)
    result, drawn = analyse(talk, home, images=images)
    files.write_json(home / "analysis.json", result)
    if chosen.json:
        print(json.dumps(result))
        return 0
    for table in tables(result):
        Console().print(table)
    if chosen.samples:
        print(printed(talk, samples(talk, chosen.samples), letters=chosen.letters))
    print("written: " + ", ".join(map(str, [*written, home / "analysis.json", *drawn])))
    return 0


def _named(chosen: DialogueAnalysis | GameLogs) -> str:
    """What the folder of an analysis or of game logs is called by, where it is not of the first seed on the test split."""
    from semiosis.runs.session import suffix

    told: dict[str, Any] = {} if chosen.seed is None else {"seed": chosen.seed}
    told |= {} if chosen.checkpoint == "newest" else {"checkpoint": chosen.checkpoint}
    if isinstance(chosen, GameLogs) and chosen.receiver:
        told["receiver"] = Path(chosen.receiver).resolve().name
    return suffix(chosen.split, told)


def draw(args: list[str]) -> int:
    """`semiosis draw IMAGE`."""
    from semiosis.runs.draw import Drawing, draw_image
    from semiosis.runs.progress import progress

    chosen = tyro.cli(Drawing, args=args, prog="semiosis draw")
    print("written: " + ", ".join(map(str, draw_image(chosen, progress))))
    return 0


@dataclass(frozen=True)
class GameLogs:
    """The games of a sketch run as files in the published layout, some of them, and a page on which people are the receiver."""

    path: Positional[str]
    """A run directory, or a folder of game logs, of this program or the published one."""
    split: str = "test"
    """The split of a run that is played."""
    seed: int | None = None
    """The seed of a run whose agents play; by default the first."""
    checkpoint: str = "newest"
    """Which checkpoint of a run: newest, best or a step."""
    receiver: str = ""
    """Another run, whose receiver of the same place reads the sketches (published --swapAgents)."""
    out: str = ""
    """The folder that is written; by default DIR/gamelogs, with split and seed where they are named; of a sample FOLDER-sampled."""
    sample: int = 0
    """Games drawn without replacement, as for a study with people; 0 is all."""
    sample_seed: int = 0
    """The seed of that draw."""
    play: tuple[int, ...] = ()
    """Games to be played on a page, play.html, by number."""
    clip: str = ""
    """CLIP's weights and tokens, a folder or hub:OWNER/NAME: writes what it sees in sketches and photos to clip-analysis.json."""


def gamelogs(args: list[str]) -> int:
    """`semiosis gamelogs PATH`."""
    from semiosis.nets.clip import zero_shot
    from semiosis.runs import files, sketches
    from semiosis.runs import gamelogs as logs
    from semiosis.runs.recognise import clip_analysis

    chosen = tyro.cli(GameLogs, args=args, prog="semiosis gamelogs")
    if chosen.sample < 0:
        raise UsageError(f"sample is {chosen.sample}: expected 0 or more")
    source = Path(chosen.path)
    if (source / logs.JSON).is_file():
        if chosen.receiver:
            raise UsageError(f"--receiver takes the place of a run's receivers, and {source} holds games that are over")
        folder = source
        _check_play(chosen, len(logs.read(folder).target))
    else:
        trained = _open(chosen.path, chosen.checkpoint)
        other = _meeting(trained, chosen.receiver, chosen.checkpoint) if chosen.receiver else None
        games = sketches.of(trained, _place(trained, chosen.seed), chosen.split, receiver=other)
        _check_play(chosen, len(games.target))
        folder = source / ("gamelogs" + _named(chosen)) if chosen.sample or not chosen.out else Path(chosen.out)
        logs.write(games, folder)
    if chosen.sample:
        folder = logs.sample(folder, Path(chosen.out or f"{folder}-sampled"), chosen.sample, chosen.sample_seed)
    games, written = logs.read(folder), [folder]
    print(f"{len(games.target):,} games, {games.correct.mean():.3f} right; chance {games.chance:.3f}")
    if chosen.play:
        written.append(folder / "play.html")
        files.write_bytes(written[-1], logs.html(games, chosen.play).encode())
    if chosen.clip:
        found = clip_analysis(games, zero_shot(chosen.clip, games.classes))
        written.append(folder / "clip-analysis.json")
        files.write_json(written[-1], {name: {"mean": x.value, "low": x.low, "high": x.high} for name, x in found.items()})
        for name, x in found.items():
            print(f"{name.replace('_', ' ')}: {_interval({'mean': x.value, 'low': x.low, 'high': x.high})}")
    print("written: " + ", ".join(map(str, written)))
    return 0


def _check_play(chosen: GameLogs, count: int) -> None:
    """Refuse games to be played that there will not be."""
    count = min(chosen.sample or count, count)
    if wrong := [i for i in chosen.play if not 0 <= i < count]:
        raise UsageError(f"--play {wrong[0]}: there is no such game, expected 0 to {count - 1}")


def _meeting(trained: Any, path: str, checkpoint: str) -> Any:
    """Another run, whose agents can meet those of this one."""
    from semiosis.runs.crossplay import check_alike

    other = _open(path, checkpoint)
    check_alike([trained, other])
    if len(other.seeds) < len(trained.seeds):
        raise UsageError(f"{path} has {len(other.seeds)} seeds, and {trained.run.path} has {len(trained.seeds)}: each needs its receiver")
    return other


@dataclass(frozen=True)
class Recognise:
    """Can those who never saw a sketch tell what it shows? A classifier that learned from photos alone judges sketches, and CLIP may."""

    dirs: Positional[tuple[str, ...]]
    """Run directories of the sketch game, to be compared."""
    split: str = "test"
    """The split whose photos are drawn."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best or a step."""
    classifiers: int = 3
    """Classifiers, each with a seed of its own."""
    steps: int = 1500
    """Steps each of them learns."""
    clip: str = ""
    """CLIP's weights and tokens, a folder or hub:OWNER/NAME, which judges too."""
    json: bool = False
    """Print the object of recognised.json alone."""


def recognise(args: list[str]) -> int:
    """`semiosis recognise DIR...`."""
    from semiosis.nets.clip import zero_shot
    from semiosis.report.sketches import recognised as draw
    from semiosis.runs import files, sketches
    from semiosis.runs.recognise import negative
    from semiosis.runs.recognise import recognise as judge
    from semiosis.runs.session import suffix

    chosen = tyro.cli(Recognise, args=args, prog="semiosis recognise")
    if not chosen.dirs:
        raise UsageError("recognise needs one run directory or more")
    rates, chance, written = {}, None, []
    for path in chosen.dirs:
        trained = _open(path, chosen.checkpoint)
        games = {seed: sketches.of(trained, place, chosen.split) for place, seed in enumerate(trained.seeds)}
        first = next(iter(games.values()))
        given = {seed: (own.sketches, own.seen) for seed, own in games.items()}
        clip = zero_shot(chosen.clip, first.classes) if chosen.clip else None
        side, channels = first.sketches.shape[2:]
        asked = {"side": side, "channels": channels, "seeds": chosen.classifiers, "steps": chosen.steps, "split": chosen.split}
        turned = negative(trained.data.splits["train"].inputs, first.sketches)
        found = judge(trained.data, given, invert=turned, clip=clip, **asked)
        told = {"game": trained.run.record["game"], "step": trained.step, "split": chosen.split, "inverted": turned}
        told |= found.told(first.classes)
        file = trained.run.path / f"recognised{suffix(chosen.split)}.json"
        files.write_json(file, told)
        written.append(file)
        name = trained.run.path.name if len({Path(p).name for p in chosen.dirs}) == len(chosen.dirs) else str(trained.run.path)
        rates[name], chance = found.rates, found.chance
        if chosen.json:
            print(json.dumps(told))
            continue
        for what, rate in found.rates.items():
            shown = {end: x and min(max(x, 0.0), 1.0) for end, x in rate._asdict().items()}
            print(f"{name}: {what} {_interval(shown)}; chance {found.chance:.3f}")
    figure = draw(rates, Path(chosen.dirs[0]) / "figures" / f"recognised{suffix(chosen.split)}.png", chance=chance)
    if not chosen.json:
        print("written: " + ", ".join(map(str, [*written, figure])))
    return 0


@dataclass(frozen=True)
class Features:
    """Feature files in the published layout of the dialogue: what a ResNet-34 sees in the images of a folder, as HDF5."""

    folder: Positional[str]
    """The images: a folder for each class, or train/CLASS, dev/CLASS and test/CLASS."""
    out: str
    """The file that is written, *.hdf5; of a folder with splits, the folder that gets train.hdf5, dev.hdf5 and test.hdf5."""
    weights: str
    """A file of ResNet-34's published weights, named as torchvision's: .pth, .pt or .safetensors; nothing in it is run."""
    request: tuple[str, ...] = ("layer4_2", "avgpool_512", "fc")
    """Activations that are kept: layerS_B, block B of stage S before its last ReLU; avgpool_512; fc, the scores of ImageNet's classes."""
    descriptions: str = ""
    """A file of lines label_id,label,text that gives each class its id; without it ids count the sorted classes from 0."""
    batch_size: int = 8
    """Images the network sees at once."""
    side: int = 227
    """Pixels of the short side, to which an image is resampled, and of the middle square that is cut out of it (published: 227)."""
    normalise: Literal["imagenet", "half"] = "imagenet"
    """Mean and deviation of pixels: those of ImageNet, which published weights expect, or 0.5 and 0.5, as the published features had."""
    skip_broken: bool = False
    """Leave images out that cannot be read, and tell which; otherwise the first of them stops everything."""


def features(args: list[str]) -> int:
    """`semiosis features FOLDER --out FILE --weights FILE`."""
    from semiosis.runs.features import make_features
    from semiosis.runs.progress import progress

    chosen = tyro.cli(Features, args=args, prog="semiosis features")
    made = {name: getattr(chosen, name) for name in ("batch_size", "request", "side", "normalise", "skip_broken")}
    written = make_features(chosen.folder, chosen.out, chosen.weights, descriptions=chosen.descriptions or None, shown=progress, **made)
    for part in written:
        for sentence in part.broken:
            say(f"left out: {sentence}")
    print("written: " + ", ".join(f"{part.path} ({part.size:,} images)" for part in written))
    return 0


@dataclass(frozen=True)
class Probe:
    """Ease of learning: newborn listeners learn the frozen language of a run; beside it, as a control, that of untrained speakers."""

    dir: Positional[str]
    """The run directory."""
    task: str = ""
    """What the listeners must learn to do with the messages: discrimination (by default), classification, attributes or reconstruction in
    the Lewis game; in the glyph game to read clean glyphs (by default) or noisy ones."""
    steps: int = 1000
    """Steps of learning (paper: 10,000)."""
    speakers: int = 5
    """Speakers of each population, at most (paper: 5)."""
    listeners: int = 3
    """Newborn listeners for each speaker (paper: 3)."""
    lr: float = 1e-3
    """The listeners' learning rate (paper: 1e-3)."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best or a step."""
    json: bool = False
    """Print the object of probe.json alone."""


def probe(args: list[str]) -> int:
    """`semiosis probe DIR`."""
    from rich.console import Console

    from semiosis.report.figures import learning
    from semiosis.report.tables import curve_summary
    from semiosis.runs import files
    from semiosis.runs.probe import ease_of_learning, summary

    chosen = tyro.cli(Probe, args=args, prog="semiosis probe")
    trained = _open(chosen.dir, chosen.checkpoint)
    task = chosen.task or getattr(trained.game, "TASKS", ("",))[0]
    with redirect_stdout(sys.stderr) if chosen.json else nullcontext():  # the progress
        curves = ease_of_learning(
            trained, task=task, steps=chosen.steps, speakers=chosen.speakers, listeners=chosen.listeners, lr=chosen.lr
        )
    result = summary(curves, task)
    files.write_json(trained.run.path / f"probe-{task}.json", result)
    chance = (
        trained.experiment.exams["test"].chance
        if task == getattr(trained.config, "task", task) and "test" in trained.experiment.exams
        else None
    )
    figure = learning(curves, trained.run.path / "figures" / f"probe-{task}.png", chance)
    if chosen.json:
        print(json.dumps(result))
        return 0
    Console().print(curve_summary(result))
    print(f"written: {trained.run.path / f'probe-{task}.json'}, {figure}")
    return 0


@dataclass(frozen=True)
class Crossplay:
    """Every seed's speakers with every seed's listeners, within a run and between runs."""

    dirs: Positional[tuple[str, ...]]
    """Run directories of one game on the same data."""
    split: str = "test"
    """The split they are judged on."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best or a step."""
    json: bool = False
    """Print the object of crossplay.json alone."""


def crossplay(args: list[str]) -> int:
    """`semiosis crossplay DIR...`."""
    from semiosis.report.figures import matrix
    from semiosis.runs import crossplay as cross
    from semiosis.runs import files

    chosen = tyro.cli(Crossplay, args=args, prog="semiosis crossplay")
    if not chosen.dirs:
        raise UsageError("crossplay needs one run directory or more")
    if len({Path(path).resolve() for path in chosen.dirs}) < len(chosen.dirs):
        raise UsageError(f"crossplay {' '.join(chosen.dirs)}: a directory stands twice, and a run cannot be a stranger to itself")
    runs = [_open(path, chosen.checkpoint) for path in chosen.dirs]
    found = cross.crossplay(runs, chosen.split)
    result = cross.summary(found)
    home = runs[0].run.path
    files.write_json(home / "crossplay.json", result)
    figure = matrix(found.names, found.accuracy, home / "figures" / "crossplay.png", found.chance)
    if chosen.json:
        print(json.dumps(result))
        return 0
    for name in ("self_play", "cross_play", "gap"):
        print(f"{name.replace('_', '-')}: accuracy {_interval(result[name])}")
    print(f"written: {home / 'crossplay.json'}, {figure}")
    return 0


@dataclass(frozen=True)
class DataSets:
    """The data sets there are; with a name, what one holds and a contact sheet of it."""

    name: Positional[str] = ""
    """A data set, as --data takes it."""
    out: str = "contact-sheet.png"
    """Where the contact sheet is written."""


def data(args: list[str]) -> int:
    """`semiosis data [NAME]`."""
    from rich.console import Console

    from semiosis import scenes
    from semiosis.runs.files import spoken
    from semiosis.scenes.contact import contact_sheet, listing
    from semiosis.scenes.descriptions import told

    chosen = tyro.cli(DataSets, args=args, prog="semiosis data")
    if not chosen.name:
        Console().print(listing())
        return 0
    loaded = scenes.load(chosen.name)
    with spoken(f"write {chosen.out}", "choose another --out"):
        contact_sheet(loaded, chosen.out)
    for name, split in loaded.splits.items():
        shape = " x ".join(map(str, split.inputs.shape[1:]))
        print(f"{name}: {len(split.inputs):,} of {shape} {split.inputs.dtype}")
    print(f"classes: {', '.join(loaded.classes) or 'none'}")
    if loaded.attribute_names:
        print("attributes: " + ", ".join(f"{n} ({k})" for n, k in zip(loaded.attribute_names, loaded.attribute_sizes, strict=True)))
    for line in told(loaded):
        print(line)
    print(f"written: {chosen.out}")
    return 0


def describe(args: list[str]) -> int:
    """`semiosis describe GAME`: takes the dials of the game, as `train` does."""
    from rich.console import Console

    from semiosis import scenes
    from semiosis.report.tables import describe_table

    if args and args[0] in ("-h", "--help"):
        print("semiosis describe GAME [--preset ...] [dials of the game]: its agents, layer by layer")
        print(f"\nGAME is {', '.join(GAMES)}, or the path of a Python file; `semiosis describe GAME --help` shows every dial.")
        return 0
    name, flags, game, preset = _game(args, "describe")
    dials = ("game", OmitArgPrefixes[game.Config], field(default=game.PRESETS[preset]))
    settings = make_dataclass("Describe", [_preset_field(game, preset), dials], frozen=True)
    chosen: Any = tyro.cli(settings, args=flags, prog=f"semiosis describe {name}", description="The agents of a game, layer by layer.")
    config = chosen.game
    experiment = game.make(config, scenes.load(config.data))
    Console().print(describe_table(experiment, config))
    return 0


@dataclass(frozen=True)
class Bench:
    """CPU seconds of a training step on one thread, beside the published reference and this machine's matrix-product peak."""

    games: Positional[tuple[str, ...]] = ()
    """Games to time; none is all."""
    repeats: int = 3
    """Times each case is measured; the least is told."""
    json: bool = False
    """Print the figures as JSON."""


def bench(args: list[str]) -> int:
    """`semiosis bench [GAME...]`."""
    from semiosis.runs.bench import bench as measure
    from semiosis.runs.bench import table

    chosen = tyro.cli(Bench, args=args, prog="semiosis bench")
    for name in chosen.games:
        if name not in GAMES:
            raise unknown("game", name, GAMES)
    rows = [row for name in chosen.games or GAMES for row in measure(GAMES[name], chosen.repeats)]
    if chosen.json:
        print(json.dumps(rows))
        return 0
    from rich.console import Console

    Console().print(table(rows))
    return 0


@dataclass(frozen=True)
class Demo:
    """Agents invent languages in the Lewis game, the naming game, the glyph game, the dialogue and the sketch game; with pictures."""

    out: str = "runs/demo"
    """Where the run directories are made: lewis, naming, glyph, dialogue, unseen (a dialogue about classes that were held out), sketch."""
    seeds: str = ""
    """How many seeds, or which; by default 4 of the Lewis game and the dialogue, 2 of the sketch game, 1 of the others."""
    steps: int = 4000
    """Steps to train in the Lewis game, the glyph game and the dialogue; the sketch game takes a quarter of them."""


def demo(args: list[str]) -> int:
    """`semiosis demo`."""
    from dataclasses import replace

    from rich.console import Console

    from semiosis.report.tables import evaluation_table
    from semiosis.runs import directory, session
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
    for name in told:
        directory.check_free(Path(chosen.out) / name)  # of all, before any is trained
    configs, seeds_of = (lewis, naming, glyph, dialogue, unseen, sketch), "411442"
    for name, config, seeds in zip(told, configs, seeds_of, strict=True):
        print(told[name], flush=True)
        game = "dialogue" if name == "unseen" else name
        run, caught = session.start(game, games[name], config, Options(seeds=chosen.seeds or seeds), Path(chosen.out) / name)
        if caught:
            return _ended(run.path, caught)
        trained = _open(str(run.path), "newest")
        result, findings, file = session.judge(trained, "test")
        figures = _figures(trained, result, findings, "test")
        if hasattr(trained.game, "imagine"):
            figures += [path for path in _recalled(trained, trained.seeds[0], "test")[1] if path.suffix == ".png"]
        if hasattr(trained.game, "morph"):
            figures += _films(trained, 0, Film(str(run.path), formats=("gif",), shots=60))
        Console().print(evaluation_table(result))
        print("Look at " + ", ".join(map(str, figures)) + f"; the numbers are in {file}\n", flush=True)
    return 0


# --------------------------------------------------------------------------------------------------------------- helpers


def _game(args: list[str], command: str) -> tuple[str, list[str], Any, str]:
    """The game that a command is given: its name, the flags after it, its module, and the preset its dials start from."""
    from semiosis.runs import session

    if not args:
        raise UsageError(f"`semiosis {command}` needs a game: {', '.join(GAMES)}, or the path of a .py file")
    name, flags = args[0], args[1:]
    game = session.game_at(name, GAMES)
    preset = _before(flags, "--preset") or ("quick" if "quick" in game.PRESETS else next(iter(game.PRESETS)))
    if preset not in game.PRESETS:
        raise unknown("preset", preset, game.PRESETS)
    return name, flags, game, preset


def _preset_field(game: Any, preset: str) -> tuple[str, Any, Any]:
    """The flag --preset, for `make_dataclass`."""
    names = Literal[tuple(game.PRESETS)]  # type: ignore[valid-type]
    return "preset", Annotated[names, tyro.conf.arg(help="Where the dials of the game start from.")], field(default=preset)


def _open(path: str, checkpoint: str, change: dict[str, Any] | None = None) -> Any:
    """A run opened to be looked at."""
    from semiosis.runs import session

    if checkpoint not in ("newest", "best") and not checkpoint.isdecimal():
        raise UsageError(f"checkpoint {checkpoint!r}: expected newest, best or a step")
    run = session.open_run(path)
    fields = {*run.record["config"]}
    for name in change or {}:
        if name not in fields:
            raise UsageError(f"the game {run.record['game']} has no setting {name!r} to judge with")
    step = int(checkpoint) if checkpoint.isdecimal() else checkpoint
    return session.reopen(run, GAMES, step, say=say, change=change)


def _changes(run: Any, pairs: Sequence[str]) -> dict[str, Any]:
    """The dials that NAME=VALUE change, each read as what it is in the game's configuration."""
    from semiosis.runs import session
    from semiosis.runs.setup import config_from

    game, known, found = session.game_at(run.record["game"], GAMES), run.record["config"], {}
    for pair in pairs:
        name, equal, text = pair.partition("=")
        if not equal:
            raise UsageError(f"--change {pair}: expected NAME=VALUE, as in max_exchange=20")
        if name not in known:
            raise unknown("setting", name, known)
        try:
            found[name] = _read(text, get_type_hints(game.Config)[name], type(known[name]))
        except (KeyError, ValueError):
            raise UsageError(f"--change {pair}: {name} is {known[name]!r}, and {text!r} is no {type(known[name]).__name__}") from None
    config_from(game, known | found)  # which refuses a word that is none of those to choose from
    return found


def _read(text: str, hint: Any, kind: type) -> Any:
    """A value from its text: of a list, each part between commas."""
    if kind is list:
        each = get_args(hint)[0]
        return tuple(_read(part, each, each) for part in text.split(",") if part)
    return {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)


def _figures(trained: Any, result: dict[str, Any], findings: list[Any], split: str) -> list[Path]:
    """The pictures of an evaluated run: its curves, and those that the language of the first seed has the data for.

    Symbols have a lexicon; messages of one symbol a table of signs and classes; latents, where the game tells them, maps. Messages that
    are images have an alphabet and a sheet of what is drawn and what arrives.
    """
    import numpy as np

    from semiosis.report.figures import confusion, curves, latents, lexicon
    from semiosis.runs.records import read_metrics
    from semiosis.runs.session import suffix

    home, which = trained.run.path / "figures", suffix(split)
    rows = read_metrics(trained.run)
    shown = trained.experiment.shown
    exams = trained.experiment.exams
    chance = exams["valid" if "valid" in exams else split].chance  # of the split that curves show
    paths = [curves(rows, home / "curves.png", chance=chance, shown=shown)] if rows else []
    if findings[0].pictures is not None:
        paths += _drawings(findings[0].pictures, home, which)
    paths += _by_level(result["metrics"], home / f"levels{which}.png")
    paths += _pairs(result, home / f"pairs{which}.png")
    paths += _tampered(result["metrics"], home / f"interventions{which}.png", trained.experiment.interventions)
    if hasattr(trained.game, "strokes_of"):
        paths += _sketches(trained, split, home, which)
    language = findings[0].language
    if language is None:
        return paths
    if language.code is not None:
        return paths + _talks(trained, split, home, which)
    label, signs, classes = language.about.get("label"), language.signs, trained.data.classes
    if "index" in language.about:
        part = trained.data.splits[split.split("/")[0]]
        images = part.inputs if part.inputs.ndim == 4 and part.inputs.dtype == np.uint8 else None
        vocab_size = getattr(trained.config, "vocab_size", language.symbols)
        about = {"attribute_names": trained.data.attribute_names, "attribute_values": trained.data.attribute_values}
        paths.append(lexicon(language, images, part.labels, classes, home / f"lexicon{which}.png", vocab_size=vocab_size, **about))
    if signs is not None and label is not None and int(label.max(initial=0)) < MOST_CLASSES:
        paths.append(confusion(signs, label, classes, home / f"confusion{which}.png", n_signs=language.symbols))
    if signs is not None and len(signs) > 2:
        paths.append(_agreement(signs, home / f"agreement{which}.png"))
    if language.latent is not None and np.isfinite(language.latent).all():
        some = slice(None, MOST_MAPS)
        about = {"labels": label, "classes": classes, "n_signs": language.symbols}
        about["signs"] = None if signs is None else signs[some]
        paths.append(latents(language.latent[some], home / f"latents{which}.png", most=MOST_POINTS, **about))
    return paths


def _films(trained: Any, place: int, chosen: Film) -> list[Path]:
    """The films of a seed: of its history, and from message to message; returns what was written."""
    from semiosis.report import film as screen
    from semiosis.runs import film as reel

    home, which = trained.run.path / "figures", "" if chosen.seed is None else f"-seed-{chosen.seed}"
    past = reel.past(trained, place, chosen.shots)
    way = reel.between(trained, place, count=chosen.glyphs, steps=8)
    films = {
        "film": [_frame(shot, chosen.arrived) for shot in past],
        "between": [screen.frame(images, words="from message to message", share=share) for share, images in way],
    }
    write = {"gif": screen.gif, "mp4": screen.mp4}
    told = [(name, kind) for name in films for kind in chosen.formats]
    return [write[kind](films[name], home / f"{name}{which}.{kind}", fps=chosen.fps) for name, kind in told]


def _frame(shot: Any, arrived: bool) -> Any:
    """A picture of the history of a language."""
    from semiosis.report import film as screen
    from semiosis.report.words import message

    names = [] if shot.meant is None else [message(row.tolist(), shot.symbols) for row in shot.meant]
    words = f"step {shot.step:,}" + ("" if shot.level is None else f"  ·  level {shot.level:.3g}")
    return screen.frame(shot.drawn, heard=shot.beside if arrived else None, words=words, names=names, share=shot.share)


def _place(trained: Any, seed: int | None) -> int:
    """Where a seed stands among those of a run; the first by default."""
    if seed is None:
        return 0
    if seed not in trained.seeds:
        raise UsageError(f"{trained.run.path} has no seed {seed}: its seeds are {', '.join(map(str, trained.seeds))}")
    return trained.seeds.index(seed)


def _drawings(seen: Any, home: Path, which: str) -> list[Path]:
    """The pictures of messages that are images, of the first agent of the first seed."""
    import numpy as np

    from semiosis.report.figures import alphabet, answers, contact
    from semiosis.report.words import message

    name = lambda row: message(np.atleast_1d(row).tolist(), seen.symbols)  # noqa: E731
    first = seen.distinct[np.linspace(0, len(seen.distinct) - 1, min(MOST_GLYPHS, len(seen.distinct))).round().astype(int)]
    names = [name(row) for row in seen.meant[first]]
    total = seen.symbols ** np.atleast_2d(seen.meant.T).shape[0] if seen.symbols else len(seen.distinct)
    some = f"{len(first)} of {total:,} messages." if total > len(first) else ""
    paths = [alphabet(seen.said[0, first], names, home / f"alphabet{which}.{kind}", caption=some) for kind in ("png", "svg")]
    if seen.heard is not None:
        some = slice(None, min(MOST_SENT, len(seen.meant)))
        read = [name(row) if np.max(row) < max(seen.symbols, 1) or not seen.symbols else "nothing" for row in seen.guess[0, 0, some]]
        sent = [name(row) for row in seen.meant[some]]
        told = _noise(seen.level[some]) if seen.level is not None else ""
        paths.append(contact(seen.said[0, some], seen.heard[0, some], sent, home / f"glyphs{which}.png", guesses=read, caption=told))
    if seen.meant.ndim == 1 and 0 < seen.symbols <= MOST_GLYPHS:
        letters = [message([symbol], seen.symbols) for symbol in range(seen.symbols)]
        meant = np.broadcast_to(seen.meant, seen.guess.shape[:2] + seen.meant.shape)
        paths.append(answers(meant.ravel(), seen.guess.ravel(), letters, home / f"answers{which}.png"))
    return paths


def _noise(level: Any) -> str:
    """What the levels of a row of images are, from left to right."""
    first, last = level[0], level[-1]
    if (level == first).all():
        return f"Noise of level {first:.3g}."
    return f"Noise of level {first:.3g} on the left to {last:.3g} on the right." if (level[1:] >= level[:-1]).all() else ""


def _pairs(result: dict[str, Any], path: Path) -> list[Path]:
    """Who understands whom in a population: means over seeds."""
    import numpy as np

    from semiosis.report.figures import matrix

    if "pairs" not in result:
        return []
    values = np.array(result["pairs"]["accuracy"], float).mean(0)
    rows, columns = ([str(i + 1) for i in range(count)] for count in values.shape)
    first, second = (f"{role}s" for role in result["pairs"]["roles"])
    story = f"Accuracy of each of the {first} with each of the {second}, mean over seeds.{{chance}}"
    chance = result["metrics"]["accuracy"]["chance"]
    return [matrix(rows, values, path, chance, story=story, sides=(first, second), columns=columns)]


def _by_level(table: dict[str, Any], path: Path) -> list[Path]:
    """How accuracy falls with the level of the channel, where a split has exams of its levels."""
    import numpy as np

    from semiosis.report.figures import ladder

    rows = [table[name]["per_seed"] for level in range(len(table)) if (name := f"accuracy@level-{level}") in table]
    if not rows:
        return []
    reached = [round(level) for level in table["level"]["per_seed"]] if "level" in table else None
    return [ladder(np.array(rows, float).T, path, chance=table["accuracy"]["chance"], level=reached)]


def _tampered(table: dict[str, Any], path: Path, interventions: Any) -> list[Path]:
    """How accuracy falls where messages are tampered with, in a game that can be played so."""
    from semiosis.metrics import Interval
    from semiosis.report.figures import interventions as draw
    from semiosis.report.measures import measure

    names = ["accuracy", "accuracy_shuffled", *(f"accuracy_{name}" for name in interventions)]
    if not interventions or any(table.get(name, {}).get("mean") is None for name in names):
        return []

    def cut(x: float | None) -> float | None:
        """Within what a share can be: few seeds make wide intervals."""
        return None if x is None else min(max(x, 0.0), 1.0)

    told = {name: measure(name).name.removeprefix("accuracy, ") for name in names}
    rows = {told[name]: Interval(table[name]["mean"], cut(table[name]["low"]), cut(table[name]["high"])) for name in names}
    return [draw(rows, path, chance=table["accuracy"]["chance"])]


def _talks(trained: Any, split: str, home: Path, which: str) -> list[Path]:
    """Some conversations of the first seed, what is known at each step, and how long it takes to tell each class."""
    from semiosis.report.dialogue import attention, lengths, steps, transcript
    from semiosis.report.dialogue_analysis import samples
    from semiosis.runs import conversations

    talk, images, looked = conversations.of(trained, 0, split)
    rows = samples(talk)
    some = None if images is None else images[rows]
    paths = [transcript(talk, rows, home / f"conversations{which}.png", images=some)]
    if looked is not None:
        names, shape = [talk.classes[talk.target[row]] for row in rows], trained.data.splits["train"].inputs.shape[1:3]
        paths.append(attention(looked, rows, names, home / f"attention{which}.png", shape=shape, images=some))
    return [*paths, steps(talk, home / f"steps{which}.png"), lengths(talk, home / f"lengths{which}.png")]


def _sketches(trained: Any, split: str, home: Path, which: str) -> list[Path]:
    """What the first pair of each seed draws: games, a class on average, the same photos by all seeds; and sketches without pixels."""
    import numpy as np

    from semiosis import raster
    from semiosis.report import sketches as report
    from semiosis.runs import files, loop, sketches

    games = [sketches.of(trained, place, split) for place in range(len(trained.seeds))]
    first = games[0]
    rows = _spread_over(first.labels, first.seen, MOST_SKETCHES)
    world = loop.unstack(trained.worlds, 0)
    paths = [report.contact(first, rows, home / f"sketches{which}.png")]
    if first.labels is not None and len(np.unique(first.labels)) <= MOST_CLASSES:
        paths += [report.prototypes(first, home / f"prototypes{which}.png"), report.classes(first, home / f"classes{which}.png")]
    if len(games) > 1:
        drawn = [first.seen[row] for row in rows[:MOST_AVERAGED]]
        found = [[int(np.flatnonzero(own.seen == photo)[0]) for photo in drawn] for own in games]
        looks = np.stack([own.sketches[places] for own, places in zip(games, found, strict=True)])
        names = [first.called(int(photo)) for photo in drawn]
        paths.append(report.averages(looks, first.photos[drawn], home / f"seeds{which}.png", names=names, seeds=trained.seeds))
    config, part = trained.config, split.split("/")[0]
    strokes = trained.game.strokes_of(config, trained.data, world, part, first.seen[rows])
    paper = 1.0 if config.invert and config.coloured else 0.0  # what is in colour is drawn on white, and not turned
    looks = np.asarray(trained.game.drawn(config, strokes, SIDE, world.sigma2))
    caption = f"Sketches at {SIDE} pixels a side; agents see them at {first.sketches.shape[1]}."
    paths.append(report.contact(first, rows, home / f"gallery{which}.png", caption=caption, sketches=looks))
    opacity = np.ones(strokes.points.shape[:2], np.float32) if strokes.opacity is None else strokes.opacity
    faint = strokes._replace(opacity=config.contrast * opacity)
    folder = home / f"svg{which}"
    with files.spoken(f"create {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    for i, row in enumerate(rows):
        name = "-".join(filter(None, ["sketch", str(i + 1), first.called(int(first.seen[row]))]))
        turned = config.invert and not paper
        text = raster.svg(faint, (SIDE, SIDE), float(world.sigma2), index=i, ink=config.ink, paper=paper, invert=turned)
        files.write_bytes(folder / f"{re.sub('[^A-Za-z0-9-]+', '-', name)}.svg", text.encode())
    return [*paths, folder]


def _spread_over(labels: Any, seen: Any, most: int) -> list[int]:
    """Some games, of as many classes as there are."""
    import numpy as np

    if labels is None:
        return list(range(min(most, len(seen))))
    kinds = labels[seen]
    turn = [np.sum(kinds[:i] == kind) for i, kind in enumerate(kinds)]  # the first of each class, then the second of each
    return sorted(np.lexsort((kinds, turn))[:most].tolist(), key=lambda i: (kinds[i], i))


def _agreement(signs: Any, path: Path) -> Path:
    """Who calls things alike: Cohen's kappa of each pair of speakers."""
    import numpy as np

    from semiosis import metrics
    from semiosis.report.figures import matrix

    table = [[metrics.kappa(own, other).value for other in signs] for own in signs]
    story = "Cohen's kappa of the names that two agents give: 1 where they always agree, 0 where no more than by chance."
    names = [metrics.agent(i) for i in range(len(signs))]
    values = np.array(table, float)
    return matrix(names, values, path, title="Who calls things alike", story=story, sides=("agents", "agents"))


def _recalled(trained: Any, seed: int, split: str) -> tuple[dict[str, Any], list[Path]]:
    """What the agents of a seed imagine: the object of recall.json, and what was written."""
    from semiosis.report import clusters, figures
    from semiosis.runs import files
    from semiosis.runs import recall as imagined
    from semiosis.runs.session import suffix

    run = trained.run
    found = imagined.recall(trained, _place(trained, seed), split)
    n_signs = found.pictures.shape[1]
    labels, classes = found.labels, trained.data.classes
    order = list(range(n_signs)) if labels is None else clusters.columns(clusters.counts(found.signs, labels, n_signs).sum(0))
    about = {"game": run.record["game"], "step": trained.step, "split": split, "seed": seed}
    result = {**about, "signs": imagined.summary(found, classes, order)}
    home, which = run.path / "figures", suffix(split)
    paths = [run.path / f"recall{which}.json"]
    files.write_json(paths[0], result)
    paths.append(figures.recall(found.pictures, home / f"recall{which}.png", used=found.used.sum(0), order=order))
    if len(found.signs) > 1:
        said = found.signs[:, found.chosen]
        paths.append(figures.speaking(found.seen, said, found.drawn, home / f"speaking{which}.png", n_signs=n_signs))
    return result, paths


def _interval(figure: dict[str, float | None]) -> str:
    """A mean with its interval, as text."""
    if figure["mean"] is None:
        return "undefined"
    span = "" if figure["low"] is None else f" [{figure['low']:.3f}, {figure['high']:.3f}]"
    return f"{figure['mean']:.3f}{span}"


def _before(flags: list[str], name: str) -> str | None:
    """The value of a flag that decides the defaults of the others, read ahead of them."""
    found = None
    for i, flag in enumerate(flags):  # of two, the last one counts, as for every flag
        if flag == name and i + 1 < len(flags):
            found = flags[i + 1]
        if flag.startswith(f"{name}="):
            found = flag.split("=", 1)[1]
    return found


def _ended(path: Path, caught: int) -> int:
    """The last line of a run; a run that a signal ended has the shell's usual status of it."""
    if caught:
        say(f"stopped by signal {caught}, and saved: `semiosis resume {path}` continues")
        return 128 + caught
    print(f"trained: {path}; `semiosis evaluate {path}` shows how well")
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "demo": demo,
    "train": train,
    "resume": resume,
    "evaluate": evaluate,
    "recall": recall,
    "film": film,
    "dialogue-analysis": dialogue_analysis,
    "draw": draw,
    "gamelogs": gamelogs,
    "recognise": recognise,
    "features": features,
    "probe": probe,
    "crossplay": crossplay,
    "data": data,
    "describe": describe,
    "bench": bench,
}


def _prepare_jax() -> None:
    """Settings that JAX reads when it is first imported; whoever has set them already is heard.

    A CPU counts as one device a core, so that seeds run on all of them. Compiled programs are kept between processes, in
    JAX_COMPILATION_CACHE_DIR or the user's cache.
    """
    os.environ.setdefault(
        "JAX_NUM_CPU_DEVICES", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    )
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(home / "semiosis" / "programs"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")


def _run(args: list[str]) -> int:
    """The command that the first word names."""
    if not args or args[0] in ("-h", "--help", "help"):
        print(HELP.format(games=", ".join(GAMES)))
        return 0
    if args[0] in ("--version", "version"):
        from semiosis.runs.provenance import versions

        print(f"semiosis {versions()['semiosis']}")
        return 0
    if args[0] not in COMMANDS:
        raise unknown("command", args[0], COMMANDS)
    _prepare_jax()
    return COMMANDS[args[0]](args[1:])


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; a user's mistake is one sentence on standard error and status 2."""
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()  # here, where a reader that has gone is minded
        return status
    except UsageError as mistake:
        say(str(mistake))
        return 2
    except (MemoryError, RuntimeError) as refusal:
        if not isinstance(refusal, MemoryError) and "out of memory" not in str(refusal).lower():  # as XLA says it
            raise
        say("out of memory: choose smaller sizes, fewer seeds, or a smaller batch")
        return 2
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
