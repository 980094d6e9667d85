"""Papers played again: what a source says, the command that should show it, what is found, and whether that is within tolerance.

`papers.py` holds the claims. A form of a paper is some trainings (arms) and claims about them; `plan` checks all of it before anything is
trained, `train` trains an arm or goes on where it stopped, `judge` measures the claims, `markdown` tells results for the documents.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, NamedTuple

from semiosis import metrics, scenes
from semiosis.errors import UsageError, unknown
from semiosis.runs import crossplay, directory, provenance, session, sketches
from semiosis.runs.options import Options, parse_seeds
from semiosis.runs.probe import ease_of_learning
from semiosis.runs.recognise import negative, recognise
from semiosis.runs.session import Say, Trained
from semiosis.scenes import Data

FIRST = 100  # the seeds of a form count from here: no document used these, so what is found is a replication and not the same run again
ROUNDED = 0.01  # no tolerance is less: sources round, and seeds that all agree have no interval
FINGERPRINTS = {"mnist": "83f9c5eb42f1f6ca", "cifar10": "d1683f858b10117d"}  # how those of data sets begin: a copy may have any name

Values = Sequence[float | None]  # a figure by seed


class Expected(NamedTuple):
    """What a source says: a `value`, where it stands, and how far off what is found may be.

    `half` is half of the 95 % interval of that value over `seeds` seeds; with 0 seeds it is the tolerance as it stands. `kind` is `about`
    (no further off than the tolerance), `at least` (no further below), or `more`: the source says that one is more than another and not how
    much, and the difference must be above `value` in every seed (of k seeds without a difference this happens once in 2^k).
    """

    value: float
    source: str
    half: float = 0.0
    seeds: int = 0
    kind: Literal["about", "at least", "more"] = "about"

    def tolerance(self, count: int) -> float:
        """How far the mean of `count` new seeds may be off: the 95 % prediction interval, t s sqrt(1/k + 1/m) = half sqrt(1 + k/m)."""
        return max(ROUNDED, self.half * math.sqrt(1 + self.seeds / count))

    def within(self, values: Values) -> bool:
        """Whether what is found, by seed, is what was expected; where a seed has no value it is not."""
        known = [value for value in values if value is not None]
        if not known or len(known) < len(values):
            return False
        if self.kind == "more":
            return min(known) > self.value
        off, tolerance = sum(known) / len(known) - self.value, self.tolerance(len(known))
        return off >= -tolerance and (self.kind == "at least" or off <= tolerance)


class Arm(NamedTuple):
    """One training: a preset of the game and the dials that differ from it."""

    preset: str
    dials: Mapping[str, Any] = {}


class Claim(NamedTuple):
    """What is claimed, in a few words; how it is measured; what is expected."""

    says: str
    measure: Callable[[Lab], Values]
    expected: Expected


class Need(NamedTuple):
    """Data that a form wants and nobody ships: what it is, how to get it, and how to tell it from other data."""

    what: str
    how: str
    is_it: Callable[[Data], bool]


class Form(NamedTuple):
    """One way to play a paper again: trainings by name, claims about them, seeds, how long it takes, and what it needs."""

    arms: Mapping[str, Arm]
    claims: tuple[Claim, ...]
    seeds: int
    cost: str
    need: Need | None = None


class Paper(NamedTuple):
    """A game, its source, and the forms: `digits`, quick and without a download; quick on other data by name; `full` as published."""

    game: str
    citation: str
    forms: Mapping[str, Form]


class Course(NamedTuple):
    """An arm ready to be trained: its configuration and options, where it goes, and the command that does the same."""

    name: str
    config: Any
    options: Options
    path: Path
    command: str


class Plan(NamedTuple):
    """A form of a paper, its data and seeds chosen, all checked."""

    paper: str
    name: str
    form: Form
    seeds: tuple[int, ...]
    courses: tuple[Course, ...]


# ------------------------------------------------------------------------------------------------------------------ plan


def plan(
    known: Mapping[str, Paper],
    paper: str,
    out: Path,
    *,
    games: Mapping[str, str],
    quick: bool = True,
    seeds: str = "",
    data: str = "",
    weights: str = "",
) -> Plan:
    """Check everything that can be checked before a run is made. Raises UsageError, one sentence.

    `paper` is a name of `known` or of a game. `data` is a copy of a data set that the quick form has figures of, or where the data of the
    full form lies; `weights` a file of published weights, of a full form that has such a dial.
    """
    name = paper_named(known, paper)
    if quick and data == next(iter(known[name].forms)):
        data = ""  # what it plays with anyway
    chosen = _form(known[name], name, data) if quick else "full"
    form, game = known[name].forms[chosen], session.game_at(known[name].game, games)
    numbers = _seeds(seeds or str(form.seeds))
    courses = []
    for arm_name, arm in form.arms.items():
        dials = dict(arm.dials) | _given(name, arm, data, weights, game.PRESETS[arm.preset])
        config = replace(game.PRESETS[arm.preset], **dials)
        options = Options(seeds=",".join(map(str, numbers)) + ("," if len(numbers) == 1 else ""))
        words = ["semiosis train", known[name].game, "--preset", arm.preset, *flags(dials), "--seeds", options.seeds]
        courses.append(Course(arm_name, config, options, out / arm_name, " ".join(words)))
    if form.need:
        _have(name, form.need, courses)
    for course in courses:
        _fits(course, known[name].game)
    return Plan(name, chosen, form, numbers, tuple(courses))


def paper_named(known: Mapping[str, Paper], name: str) -> str:
    """The paper of that name, or of the game of that name."""
    by_game = {paper.game: key for key, paper in known.items()}
    if name not in known and name not in by_game:
        raise unknown("paper", name, [*known, *by_game])
    return by_game.get(name, name)


def _form(paper: Paper, name: str, data: str) -> str:
    """The quick form for that data: by its content, wherever a copy lies."""
    if not data:
        return next(iter(paper.forms))
    print_of = scenes.load(data).fingerprint
    found = next((key for key, known in FINGERPRINTS.items() if print_of.startswith(known)), None)
    have = [key for key in paper.forms if key in FINGERPRINTS]
    if found not in have:
        what = f"is {found}" if found else "is none that it has figures of"
        hint = f"expected a copy of {' or '.join(have)}" if have else "it needs no data"
        raise UsageError(f"--data {data} {what}: the quick form of {name} knows what to expect of its own data alone; {hint}")
    return found


def _seeds(text: str) -> tuple[int, ...]:
    """Seeds by number, or so many of them from FIRST on."""
    found = parse_seeds(text)
    return found if "," in text else tuple(FIRST + seed for seed in found)


def _given(paper: str, arm: Arm, data: str, weights: str, preset: Any) -> dict[str, Any]:
    """The dials that the command line replaces."""
    dials: dict[str, Any] = {"data": data} if data else {}
    if weights:
        if "weights" not in arm.dials:
            raise UsageError(f"--weights {weights}: {paper} in this form has no network with published weights")
        dials["weights"] = weights
    return dials


def flags(dials: Mapping[str, Any]) -> list[str]:
    """Dials as the flags of `semiosis train`."""
    words = []
    for name, value in dials.items():
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [
                f"--{flag}",
                *(f"{x:g}" if isinstance(x, float) else str(x) for x in (value if isinstance(value, tuple) else (value,))),
            ]
    return words


def _have(paper: str, need: Need, courses: Sequence[Course]) -> None:
    """Refuse a form whose data, or weights, are not here."""
    try:
        for name in dict.fromkeys(course.config.data for course in courses):
            data = scenes.load(name)
            if not need.is_it(data):
                shape = " x ".join(map(str, data.splits["train"].inputs.shape[1:]))
                raise UsageError(f"--data {name} is something else, {len(data.classes)} classes of {shape}")
        for file in dict.fromkeys(getattr(course.config, "weights", "") for course in courses):
            if file and not file.startswith("hub:") and not Path(file).is_file():
                raise UsageError(f"there is no file {file}")
    except UsageError as missing:
        reason = re.split(r": (?:known are|expected)", str(missing))[0]  # what else there is would be no help
        raise UsageError(f"{paper} in full needs {need.what} ({reason}); {need.how}") from missing


def _fits(course: Course, game: str) -> None:
    """Refuse a directory that holds anything but this very run."""
    if not (course.path / "config.json").exists():
        directory.check_free(course.path)
        return
    record = session.open_run(course.path).record
    asked = {"game": game, "seeds": list(parse_seeds(course.options.seeds)), **json.loads(json.dumps(asdict(course.config)))}
    held = {"game": record["game"], "seeds": record["seeds"], **record["config"]}
    differs = [name for name in asked if asked[name] != held.get(name)]
    if differs:
        name = differs[0]
        raise UsageError(f"{course.path} holds another run, whose {name} is {held.get(name)} and not {asked[name]}: choose another --out")


# ----------------------------------------------------------------------------------------------------------------- train


def train(course: Course, game: str, games: Mapping[str, str], say: Say) -> tuple[Trained | None, int]:
    """Train an arm, or go on with one that was stopped, or open one that is complete; returns it, or the signal that ended it early."""
    if not (course.path / "config.json").exists():
        _, caught = session.start(game, session.game_at(game, games), course.config, course.options, course.path)
        if caught:
            return None, caught
        return _opened(course.path, games, say), 0
    trained = _opened(course.path, games, say, fresh=True)
    if trained.step < session.steps_of(trained.config, trained.experiment):
        _, caught = session.resume(course.path, games, steps=None, say=say)
        if caught:
            return None, caught
        trained = _opened(course.path, games, say)
    return trained, 0


def _opened(path: Path, games: Mapping[str, str], say: Say, *, fresh: bool = False) -> Trained:
    return session.reopen(session.open_run(path), games, "newest", say=say, fresh=fresh)


# --------------------------------------------------------------------------------------------------------------- measure


@dataclass(frozen=True)
class Lab:
    """The trained arms by name; what is measured of one is measured once."""

    arms: Mapping[str, Trained]
    kept: dict[tuple[Any, ...], Any] = field(default_factory=dict)

    def once(self, key: tuple[Any, ...], make: Callable[[Trained], Any]) -> Any:
        """What `make` makes of the arm that `key` begins with."""
        if key not in self.kept:
            self.kept[key] = make(self.arms[key[0]])
        return self.kept[key]


Measure = Callable[[Lab], Values]


def figure(arm: str, name: str, split: str = "test") -> Measure:
    """A figure of evaluation.json."""

    def values(lab: Lab) -> Values:
        table = lab.once((arm, "evaluation", split), lambda trained: session.judge(trained, split)[0]["metrics"])
        if name not in table:
            raise UsageError(f"{lab.arms[arm].run.path} was judged without {name}: known are {', '.join(table)}")
        return table[name]["per_seed"]

    return values


def logged(arm: str, name: str, lines: int) -> Measure:
    """A figure of training: the mean of its last so many lines in metrics.jsonl."""
    from semiosis.runs.records import read_metrics

    def values(lab: Lab) -> Values:
        rows = [
            row for row in lab.once((arm, "lines"), lambda trained: read_metrics(trained.run)) if row["split"] == "train" and name in row
        ]
        own = {seed: [row[name] for row in rows if row["seed"] == seed][-lines:] for seed in lab.arms[arm].seeds}
        return [None if not found or None in found else sum(found) / len(found) for found in own.values()]

    return values


def learned(arm: str, *, steps: int, task: str = "", untrained: bool = False) -> Measure:
    """The accuracy of newborn listeners after so many steps of hearing the language, or untrained speakers (runs/probe.py)."""

    def values(lab: Lab) -> Values:
        def curves(trained: Trained) -> Any:
            asked = task or trained.game.TASKS[0]  # type: ignore[attr-defined]
            return ease_of_learning(trained, task=asked, steps=steps, speakers=5, listeners=3, lr=1e-3)

        return [float(x) for x in lab.once((arm, "probe", steps, task), curves)[untrained].value[:, -1]]

    return values


def strangers(arm: str) -> Measure:
    """The accuracy of each seed's first role with the second role of the other seeds."""

    def values(lab: Lab) -> Values:
        table = lab.once((arm, "crossplay"), lambda trained: crossplay.crossplay([trained], "test").accuracy)
        if len(table) < 2:
            return [None]
        means = [(row.sum() - row[i]) / (len(row) - 1) for i, row in enumerate(table)]
        return [float(mean) if math.isfinite(mean) else None for mean in means]

    return values


def recognised(arm: str) -> Measure:
    """The share of sketches whose class classifiers of photos tell, mean over three of them."""

    def share(trained: Trained) -> Any:
        games = {seed: sketches.of(trained, place, "test") for place, seed in enumerate(trained.seeds)}
        first = next(iter(games.values()))
        given = {seed: (own.sketches, own.seen) for seed, own in games.items()}
        turned = negative(trained.data.splits["train"].inputs, first.sketches)
        side, channels = first.sketches.shape[2:]
        return recognise(trained.data, given, side=side, channels=channels, seeds=3, steps=1500, invert=turned).sketch.mean(axis=1)

    return lambda lab: [float(x) for x in lab.once((arm, "recognised"), share)]


def less(first: Measure, second: Measure) -> Measure:
    """How much more the first is than the second, seed by seed."""

    def values(lab: Lab) -> Values:
        return [None if a is None or b is None else a - b for a, b in zip(first(lab), second(lab), strict=True)]

    return values


def judge(made: Plan, arms: Mapping[str, Trained]) -> dict[str, Any]:
    """The object of reproduce.json: paper, form, date, seeds, versions, commands, and of each claim what was expected and found."""
    lab, count = Lab(arms), len(made.seeds)
    claims = []
    for claim in made.form.claims:
        values, expected = list(claim.measure(lab)), claim.expected
        found = metrics.over_seeds(values)
        told = {"value": expected.value, "kind": expected.kind, "source": expected.source}
        told |= {} if expected.kind == "more" else {"tolerance": expected.tolerance(count)}
        claims.append(
            {"says": claim.says, "expected": told, "found": {**found._asdict(), "per_seed": values}, "within": expected.within(values)}
        )
    return {
        "paper": made.paper,
        "form": made.name,
        "date": datetime.now(UTC).date().isoformat(),
        "seeds": list(made.seeds),
        "commands": [course.command for course in made.courses],
        **provenance.provenance(),
        "claims": claims,
        "reproduced": all(claim["within"] for claim in claims),
    }


# ------------------------------------------------------------------------------------------------------------------ tell


def expectation(expected: Mapping[str, Any]) -> str:
    """What was expected, in a few words: `0.955 ± 0.055`, `at least 0.987`, `above 0 in every seed`."""
    if expected["kind"] == "more":
        return f"above {expected['value']:g} in every seed"
    if expected["kind"] == "at least":
        return f"at least {expected['value'] - expected['tolerance']:.3f}"
    return f"{expected['value']:.3f} ± {expected['tolerance']:.3f}"


def finding(found: Mapping[str, Any]) -> str:
    """What was found: the mean and its 95 % interval over seeds."""
    if found["mean"] is None:
        return "undefined"
    span = "" if found["low"] is None else f" ({found['low']:.3f} to {found['high']:.3f})"
    return f"{found['mean']:.3f}{span}"


def verdict(result: Mapping[str, Any]) -> str:
    """The last word: how many claims were found to be so."""
    missed = [claim["says"] for claim in result["claims"] if not claim["within"]]
    every = len(result["claims"])
    if not missed:
        return f"{result['paper']}: all {every} claims were found within tolerance"
    return f"{result['paper']}: {len(missed)} of {every} claims missed: {'; '.join(missed)}"


def seeds_told(seeds: Sequence[int]) -> str:
    """Seeds in words: `seed 5`, `seeds 100 to 103`, `seeds 3, 7`."""
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    if list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"seeds {seeds[0]} to {seeds[-1]}"
    return "seeds " + ", ".join(map(str, seeds))


def markdown(results: Sequence[Mapping[str, Any]]) -> str:
    """Results as the documents show them: of each its date, seeds and versions, its commands, and a table of claims."""
    return "\n".join(_told(result) for result in results)


def _told(result: Mapping[str, Any]) -> str:
    form = "in full" if result["form"] == "full" else f"quick, on {result['form']}"
    about = f"{result['date']}, {seeds_told(result['seeds'])}; JAX {result['versions']['jax']}, {result['platform']}. {verdict(result)}."
    rows = ["| claim | expected | found (95 % interval) | | source of what is expected |", "|---|---|---|---|---|"]
    for claim in result["claims"]:
        right = "within" if claim["within"] else "**missed**"
        expected = expectation(claim["expected"]).replace(" ± ", "\u00a0±\u00a0")  # a number and its tolerance stay on one line
        rows.append(f"| {claim['says']} | {expected} | {finding(claim['found'])} | {right} | {claim['expected']['source']} |")
    return "\n".join([f"### {result['paper']}, {form}", "", about, "", *rows, "", "```sh", *result["commands"], "```", ""])
