"""What run directories hold, read for a report: all that any command wrote there, and nothing where none did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from semiosis.errors import UsageError
from semiosis.runs import directory, doctor, files, records

STILLS, FILMS = (".png", ".jpg"), (".gif",)
SEVERITIES = ("warning", "note", "ok")
HEADLINES = ("accuracy", "kappa", "ari")  # the figure that a run is told by, the first that it has
BASES = ("accuracy", "accepted")  # what interventions change: in games without a right answer, how often signs are taken over
VOTES = ("accuracy_vote",)  # what is called accuracy_... and leaves messages alone


class Found(NamedTuple):
    """A run and what is known of it. `evaluation` and the like are the objects of the files of that name, None where there is none.

    `more` are evaluations of other splits, or judged otherwise than trained; `pictures` the files in `figures` and `dialogue` by name.
    """

    path: Path
    name: str
    record: dict[str, Any]
    rows: list[dict[str, Any]]
    newest: int
    evaluation: dict[str, Any] | None
    more: dict[str, dict[str, Any]]
    language: dict[str, Any] | None
    probes: dict[str, dict[str, Any]]
    crossplay: dict[str, Any] | None
    recognised: dict[str, Any] | None
    words: list[dict[str, str]]
    pictures: dict[str, Path]
    dated: str

    @property
    def game(self) -> str:
        return self.record["game"]

    @property
    def seeds(self) -> list[int]:
        return self.record["seeds"]

    @property
    def judged(self) -> list[int]:
        """The seeds of its evaluation."""
        return self.seeds if self.evaluation is None else self.evaluation["seeds"]

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        return {} if self.evaluation is None else self.evaluation["metrics"]

    @property
    def headline(self) -> str | None:
        """The metric that tells how well agents understand each other."""
        known = [name for name, entry in self.metrics.items() if entry["mean"] is not None]
        return next((name for name in HEADLINES if name in known), known[0] if known else None)


def read(path: Path | str, name: str = "") -> Found:
    """What the run directory `path` holds. Raises `UsageError` if it is none, or a file in it is damaged."""
    path = Path(path)
    run = directory.open_run(path)
    lacking = [part for part in ("game", "config", "options", "seeds", "data") if part not in run.record]
    if lacking:
        raise UsageError(f"{path / 'config.json'} is not of a semiosis run: it says nothing of its {' and its '.join(lacking)}")
    evaluations = {file.stem: _table(file) for file in sorted(path.glob("evaluation*.json"))}
    main = evaluations.pop("evaluation", None)
    probes = {file.stem.removeprefix("probe-"): _object(file, "curves") for file in sorted(path.glob("probe-*.json"))}
    return Found(
        path=path,
        name=name or path.resolve().name,
        record=run.record,
        rows=records.read_metrics(run),
        newest=max(directory.step_folders(path), default=0),
        evaluation=main,
        more={stem.removeprefix("evaluation-"): table for stem, table in evaluations.items()},
        language=_table(path / "language.json") if (path / "language.json").exists() else None,
        probes=probes,
        crossplay=_object(path / "crossplay.json", "names", "accuracy") if (path / "crossplay.json").exists() else None,
        recognised=_object(path / "recognised.json", "rates") if (path / "recognised.json").exists() else None,
        words=_words(path, main),
        pictures=_pictures(path),
        dated=_dated(run.record.get("started"), path / "config.json"),
    )


def names(paths: Sequence[Path | str]) -> list[str]:
    """A name for each directory: its own, with as many of the folders above it as tell it from the others."""
    whole = [Path(path).resolve() for path in paths]
    for depth in range(1, max((len(path.parts) for path in whole), default=0) + 1):
        found = ["/".join(path.parts[-depth:]) for path in whole]
        if len(set(found)) == len(found):
            return found
    return [str(path) for path in whole]


def _dated(started: str | None, file: Path) -> str:
    """The day on which a run was started; of an older record, which does not say it, the day it was written."""
    day = datetime.fromisoformat(started) if started else datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return f"{day.day} {day:%B %Y}"


def outdated(found: Found) -> bool:
    """Whether a run has learned on since it was evaluated, or never was. One judged at an earlier step on purpose, later on, is not."""
    if found.evaluation is None:
        return True
    saved = found.path / "checkpoints" / f"{found.newest:09d}" / "manifest.json"
    judged = found.path / "evaluation.json"
    earlier = found.evaluation.get("step", found.newest) < found.newest
    return earlier and saved.exists() and judged.stat().st_mtime < saved.stat().st_mtime


def _object(file: Path, *parts: str) -> dict[str, Any]:
    """The object in a JSON file, which has these parts."""
    value = files.read_json(file)
    lacking = [part for part in parts if not isinstance(value, dict) or part not in value]
    if lacking:
        raise UsageError(f"{file} is not as semiosis writes it: it has no {' and no '.join(lacking)}; delete it, or make it anew")
    return value


def _table(file: Path) -> dict[str, Any]:
    """The object of evaluation.json or of a file like it, each metric with all that one may have."""
    value = _object(file, "metrics", "seeds")
    blank = {"mean": None, "low": None, "high": None, "per_seed": [], "chance": None, "null": None, "null_high": None, "n": None}
    return value | {"metrics": {name: blank | entry for name, entry in value["metrics"].items()}}


def _words(path: Path, evaluation: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """What the doctor says, the gravest first: what it said of the evaluation, or says now of what the directory holds."""
    said: Any = (evaluation or {}).get("doctor")
    if said is None:
        said = [word._asdict() for word in doctor.of(path)]
    words = [{key: str(word.get(key, "")) for key in ("about", "severity", "says")} for word in said if isinstance(word, dict)]
    return sorted(words, key=lambda word: SEVERITIES.index(word["severity"]) if word["severity"] in SEVERITIES else len(SEVERITIES))


def _pictures(path: Path) -> dict[str, Path]:
    """The pictures of a run by name: those of `dialogue` too, as dialogue/NAME."""
    found = {}
    for folder, before in (("figures", ""), ("dialogue", "dialogue/")):
        for file in sorted((path / folder).glob("*")):
            if file.suffix.lower() in STILLS + FILMS and file.is_file() and not file.name.startswith("."):
                found[before + file.name] = file
    return found


def tampered(metrics: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The figure that messages are needed for, and the metrics that are the same with messages changed on their way."""
    for base in BASES:
        found = [name for name in metrics if name.startswith(f"{base}_") and "@" not in name and name not in VOTES]
        if found:
            return base, found
    return BASES[0], []
