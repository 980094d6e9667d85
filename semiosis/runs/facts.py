"""What is known of a run at a step, as plain numbers of each seed: from its lines of metrics and check-ups, or from its evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

HALF = 0.5  # of what there is to gain over chance
CROWDS = ("n_speakers", "n_listeners", "n_generators", "n_readers", "n_senders", "n_receivers")  # the dials that count agents


class Facts(NamedTuple):
    """The figures of a run at a step of all its `steps`, by name, one a seed; None where undefined.

    `n` is the number of examples behind a figure, `counts` that of figures with another one; `chance` is the accuracy of the best blind
    guess, None where unknown. `rows` are those of metrics.jsonl up to the step, `config` the dials of the game, and `things` how many
    examples there are to train on, 0 where that is unknown.
    """

    seeds: tuple[int, ...]
    figures: Mapping[str, Sequence[float | None]]
    n: int = 0
    chance: float | None = None
    game: str = ""
    step: int = 0
    steps: int = 0
    counts: Mapping[str, int] = {}
    rows: Sequence[Mapping[str, Any]] = ()
    config: Mapping[str, Any] = {}
    things: int = 0

    def at(self, name: str, place: int) -> float | None:
        """The figure of the seed at a place."""
        return self.figures[name][place] if name in self.figures else None

    def examples(self, name: str) -> int:
        """How many examples a figure is of."""
        return self.counts.get(name, self.n)

    def some(self, so: Callable[[int], bool]) -> Some:
        """The seeds at the places of which something is so."""
        return Some(self, tuple(place for place in range(len(self.seeds)) if so(place)))

    def of(self, seeds: Sequence[int]) -> Facts:
        """The facts of these seeds alone."""
        places = [self.seeds.index(seed) for seed in seeds]
        return self._replace(seeds=tuple(seeds), figures={name: [values[i] for i in places] for name, values in self.figures.items()})

    @property
    def half(self) -> bool:
        """Whether half of the training is over."""
        return 2 * self.step >= self.steps

    @property
    def brief(self) -> bool:
        """Whether less was seen than there is to train on; no where that is unknown."""
        return 0 < self.step * self.config.get("batch_size", 0) < self.things

    @property
    def late(self) -> bool:
        """Whether a language that is not there yet is a matter of concern."""
        return self.half and not self.brief

    @property
    def pairs(self) -> int:
        """How many pairs of agents there are of whom no two share one."""
        return min((self.config[name] for name in CROWDS if isinstance(self.config.get(name), int)), default=1)

    @property
    def harder(self) -> bool:
        """Whether the game has become harder on the way: a channel whose level was raised."""
        levels = [row["level"] for row in self.rows if row.get("level") is not None]
        return bool(levels) and levels[-1] > levels[0]

    def good(self, place: int) -> bool:
        """Whether a seed has gained HALF of what there is to gain over chance."""
        accuracy = self.at("accuracy", place)
        return accuracy is not None and self.chance is not None and gain(accuracy, self.chance) >= HALF

    def curve(self, name: str, seed: int) -> np.ndarray:
        """A figure over the lines of training of a seed."""
        rows = (row for row in self.rows if row.get("split") == "train" and row["seed"] == seed)
        return np.array([row[name] for row in rows if row.get(name) is not None], float)


class Some(NamedTuple):
    """Some seeds of a run."""

    facts: Facts
    places: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.places)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Which they are."""
        return tuple(self.facts.seeds[place] for place in self.places)

    def mean(self, name: str) -> float:
        """The mean of a figure over them; NaN where none has it."""
        known = [x for place in self.places if (x := self.facts.at(name, place)) is not None]
        return float(np.mean(known)) if known else math.nan

    def __str__(self) -> str:
        """As a sentence names them, nothing for the one seed of a run: ` of seeds 0 and 2`."""
        if len(self.places) == len(self.facts.seeds):
            return f" of all {len(self.places)} seeds" if len(self.places) > 1 else ""
        return f" of seed{'s' if len(self.places) > 1 else ''} {listed([str(seed) for seed in self.seeds])}"


def gain(share: float, chance: float) -> float:
    """What was gained over chance, of all that there is to gain."""
    return (share - chance) / max(1 - chance, 1e-9)


def listed(words: Sequence[str]) -> str:
    """One, two and three."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def in_training(
    record: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    step: int,
    steps: int,
    checkups: Sequence[Mapping[str, float | None]] = (),
) -> Facts:
    """The facts of a run at a step: of each seed its last figures in training and validation, then those of its check-up.

    `record` is the object of config.json; a check-up is one of `evaluate.checkup`, with `n` and `chance`.
    """
    seeds, config = tuple(record["seeds"]), record["config"]
    rows = [row for row in rows if row["step"] <= step]
    figures: dict[str, list[float | None]] = {}
    for place, seed in enumerate(seeds):
        own: dict[str, float | None] = {}
        for row in (row for split in ("train", "valid") for row in rows if row["seed"] == seed and row["split"] == split):
            drop = ("accuracy",) if row["split"] == "train" else ()  # of training data, that says less
            own |= {name: value for name, value in row.items() if name not in ("step", "seed", "split", "reasons", *drop)}
        asked = dict(checkups[place] if checkups else {})
        # signs are given to what was trained on, and judged there
        found = asked | own if "kappa" in own else own | asked
        for name, value in found.items():
            figures.setdefault(name, [None] * len(seeds))[place] = value if value is None or math.isfinite(value) else None
    sizes = record["data"].get("sizes", {})
    n = figures.pop("n", [sizes.get("valid", 0)])[0]
    chance = figures.pop("chance", [None])[0]
    if "objects" in config and "kappa" in figures:
        n = min(config["objects"], sizes.get("train", config["objects"]))
    about = {"game": str(record["game"]), "step": step, "steps": steps, "rows": rows, "config": config, "things": sizes.get("train", 0)}
    return Facts(seeds, figures, int(n or 0), chance, **about)


def of_evaluation(result: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], record: Mapping[str, Any]) -> Facts:
    """The facts of the object of evaluation.json, the lines of metrics.jsonl and the object of config.json, which may be empty."""
    table, config, step = result["metrics"], record.get("config", {}), result.get("step", 0)
    main = table.get("accuracy") or table.get("kappa") or next(iter(table.values()), {})
    return Facts(
        tuple(result["seeds"]),
        {name: entry["per_seed"] for name, entry in table.items()},
        int(main.get("n") or 0),
        table.get("accuracy", {}).get("chance"),
        str(result.get("game", record.get("game", ""))),
        step,
        max(step, config.get("steps") or 0),
        {name: int(entry["n"]) for name, entry in table.items() if entry.get("n")},
        [row for row in rows if row["step"] <= step],
        config,
        record.get("data", {}).get("sizes", {}).get("train", 0),
    )
