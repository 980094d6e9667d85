"""Cross-play: agents that never met, of other seeds, runs, populations and times, try to understand each other (Hu et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from semiosis.errors import UsageError, unknown
from semiosis.metrics import adjusted_rand, agent, cross_play, kappa, over_seeds
from semiosis.metrics.edits import edit_counts
from semiosis.populations import size
from semiosis.runs import checkpoints, loop
from semiosis.runs.evaluate import MOST_AGENTS, Language, examine
from semiosis.runs.session import Trained
from semiosis.types import Agent, Experiment, World

Over = Literal["seeds", "agents", "checkpoints"]
Pairs = list[list[np.ndarray]]  # a figure [a b] of each agent of party i with each of party j


class Matrix(NamedTuple):
    """Who understands whom: `accuracy` [i j] of those of row i, who speak, with those of column j, who listen; NaN where undefined.

    `names` are of the rows and, unless `columns` says otherwise, of the columns; `groups` the run of each row, and `column_groups` of each
    of other columns; `roles` who speaks and who listens; `chances` the accuracy of a blind guess in each row, `chance` where all are one.
    `own` [i j] is where the two learned together. Where rows are agents or checkpoints, `per_seed` [s i j] has the matrix of each of
    `seeds`. `agreement` [i j] is how alike those of rows i and j speak, NaN of an agent with itself; `agreement_chance` how alike, on
    average, they speak of different things.
    """

    names: list[str]
    accuracy: np.ndarray
    chance: float | None
    measure: str
    over: Over
    groups: list[str]
    roles: tuple[str, ...]
    chances: list[float | None]
    own: np.ndarray
    seeds: tuple[int, ...] = ()
    columns: list[str] | None = None
    column_groups: list[str] | None = None
    per_seed: np.ndarray | None = None
    agreement: np.ndarray | None = None
    agreement_measure: str = ""
    agreement_chance: float | None = None


def crossplay(runs: Sequence[Trained], split: str, over: Over = "seeds", batches: int = 0) -> Matrix:
    """All who speak with all who listen: of each seed, each agent of a population, or each checkpoint that was kept.

    Games of two roles are judged by accuracy, those of one by the kappa of the signs that two agents give. Over seeds, all seeds of all
    runs meet; over agents and checkpoints those of one seed (of several runs, the first seeds of all, then the second ones), and figures
    are means over seeds. Of the exam, so many `batches` are played, 0 for all.

    Raises UsageError, one sentence, where agents cannot meet: other games, data or messages, roles that are neither one nor two.
    """
    check_alike(runs)
    if batches < 0:
        raise UsageError(f"batches is {batches}: expected 0 (the whole exam) or more")
    runs = [trained._replace(experiment=_shortened(trained.experiment, split, batches)) for trained in _sharing(runs)]
    titles = _titles(runs)
    told = dict(zip(titles, [f"{title} " if len(runs) > 1 else "" for title in titles], strict=True))
    if over == "seeds":
        parties = [
            _party(f"{told[title]}seed {seed}", title, trained, trained.worlds, place, split)
            for trained, title in zip(runs, titles, strict=True)
            for place, seed in enumerate(trained.seeds)
        ]
        return _matrix(over, parties, [meet(parties, split)])
    if len({len(trained.seeds) for trained in runs}) > 1:
        counts = ", ".join(f"{trained.run.path} has {len(trained.seeds)}" for trained in runs)
        raise UsageError(f"over {over}, the first seeds of all runs meet, then the second ones: expected equally many, and {counts}")
    saved = [_kept(trained) if over == "checkpoints" else [("", trained.worlds)] for trained in runs]
    tables = [
        [
            _party((told[title] + name).rstrip(), title, trained, worlds, place, split)
            for trained, title, some in zip(runs, titles, saved, strict=True)
            for name, worlds in some
        ]
        for place in range(len(runs[0].seeds))
    ]
    return _matrix(over, tables[0], [meet(parties, split) for parties in tables], runs[0].seeds, [_appointed(run) for run in runs])


def check_alike(runs: Sequence[Trained]) -> None:
    """One sentence where runs differ in what their agents must share: game, data, and what the game's `common(config)` names."""

    def shared(trained: Trained) -> dict[str, Any]:
        common = getattr(trained.game, "common", lambda config: {})
        return {"game": trained.run.record["game"], "data": trained.run.record["data"]["fingerprint"], **common(trained.config)}

    for trained in runs[1:]:
        for what, value in shared(runs[0]).items():
            other = shared(trained).get(what)
            if other != value:
                told = f" ({other} and {value})" if what not in ("game", "data") else ""
                raise UsageError(f"{trained.run.path} and {runs[0].run.path} differ in their {what}{told}: their agents cannot meet")


# ------------------------------------------------------------------------------------------------------------- who there is


class Party(NamedTuple):
    """Those behind a row and its column: the agents of a seed of a run at a step; and what a blind guess at their messages scores."""

    name: str
    group: str
    experiment: Experiment
    world: World
    chance: float | None


def _sharing(runs: Sequence[Trained]) -> list[Trained]:
    """The runs, those of equal settings with one experiment: its programs are compiled once."""
    found: list[Trained] = []
    for trained in runs:
        alike = (other for other in found if replace(other.config, steps=0) == replace(trained.config, steps=0))
        found.append(trained._replace(experiment=next(alike, trained).experiment))
    return found


def _shortened(experiment: Experiment, split: str, batches: int) -> Experiment:
    """The experiment with at most so many batches in the exam of a split."""
    if not batches or split not in experiment.exams:
        return experiment
    exam = experiment.exams[split]
    return experiment._replace(exams={**experiment.exams, split: exam._replace(batches=min(batches, exam.batches))})


def _titles(runs: Sequence[Trained]) -> list[str]:
    """What runs are called: the names of their directories, or the whole paths where two of these are the same."""
    names = [trained.run.path.name for trained in runs]
    return names if len(set(names)) == len(names) else [str(trained.run.path) for trained in runs]


def _party(name: str, group: str, trained: Trained, worlds: World, place: int, split: str) -> Party:
    """The agents of a seed. Where a game names no roles, and its world holds two agents, these are crowds of one."""
    experiment, world = trained.experiment, loop.unstack(worlds, place)
    lone = [field for field in getattr(world, "_fields", ()) if isinstance(getattr(world, field), Agent)]
    if not experiment.roles and len(lone) == 2:
        experiment = experiment._replace(roles=tuple(lone))
        world = world._replace(**{role: jax.tree.map(lambda x: x[None], getattr(world, role)) for role in lone})
    if len(experiment.roles) not in (1, 2):
        game = trained.run.record["game"]
        has = f"names {len(experiment.roles)}" if experiment.roles else f"names none, with {len(lone)} agents in its world"
        raise UsageError(f"cross-play needs a game of one role or two, and {game} {has}: `make` names them in Experiment.roles")
    if split not in experiment.exams:
        raise unknown("split", split, experiment.exams)
    return Party(name, group, experiment, world, experiment.exams[split].chance)


def _kept(trained: Trained) -> list[tuple[str, World]]:
    """Every checkpoint that a run has kept, called by its step."""
    steps = checkpoints.steps(trained.run)
    if len(steps) < 2:
        has = f"has kept one checkpoint, of step {steps[0]:,}" if steps else "has kept no checkpoint"
        raise UsageError(f"{trained.run.path} {has}: train with --keep 9 to compare the last nine")
    return [(f"step {step:,}", checkpoints.load(trained.run, trained.worlds, step, say=lambda sentence: None)[1]) for step in steps]


def _appointed(trained: Trained) -> bool:
    """Whether each listener has met one speaker alone."""
    return getattr(trained.config, "partners", "") == "appointed"


# ----------------------------------------------------------------------------------------------------------------- meetings


class Meeting(NamedTuple):
    """What came of all parties with all others: a figure of each pair of agents, and how alike those spoke who speak."""

    measure: str
    pairs: Pairs
    alike: Pairs | None
    alike_measure: str
    alike_chance: float | None


class Words(NamedTuple):
    """What a party said: `tokens` [a n t] or bits [a n t d], `lengths` [a n], and the place of each of the `examples`, if known."""

    tokens: np.ndarray
    lengths: np.ndarray
    examples: np.ndarray | None


Likeness = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], float | None]  # tokens, lengths; tokens, lengths -> how alike


def meet(parties: Sequence[Party], split: str) -> Meeting:
    """Every party with every other, on the exam of a split."""
    return _by_signs(parties, split) if len(parties[0].experiment.roles) == 1 else _by_accuracy(parties, split)


def _by_accuracy(parties: Sequence[Party], split: str) -> Meeting:
    """The accuracy of the messages of each party with all who listen."""
    pairs: Pairs = []
    languages: list[Language] = []
    for i, party in enumerate(parties):
        listening, row = party.experiment.roles[1], {}
        for j, table in enumerate(_tables(parties, i)):
            crowds = [jax.tree.map(lambda x: x[:MOST_AGENTS], getattr(parties[k].world, listening)) for k in table]
            crowd = jax.tree.map(lambda *x: jnp.concatenate(x), *crowds)
            finding = examine(party.experiment, split, party.world._replace(**{listening: crowd}))
            if finding.pairs.size == 0:
                raise UsageError(f"cross-play compares accuracies, and the split {split!r} of {party.group} has none")
            row |= dict(zip(table, np.split(finding.pairs, len(table), axis=1), strict=True))
            if j == 0 and finding.language is not None:  # its own listeners come first: in a dialogue, what is said depends on them
                languages.append(finding.language)
        pairs.append([row[k] for k in range(len(parties))])
    if len(languages) < len(parties):  # of images and numbers, none is the same as another
        return Meeting("accuracy", pairs, None, "", None)
    words, how, likeness = _words(languages)
    blind = _between([_first(own) for own in words], lambda x, m, y, n: likeness(x, m, *_elsewhere(y, n)))
    unlike = [float(table.mean()) for i, row in enumerate(blind) for table in row[i + 1 :]]
    return Meeting("accuracy", pairs, _not_itself(_between(words, likeness)), how, float(np.mean(unlike)) if unlike else None)


def _tables(parties: Sequence[Party], i: int) -> list[list[int]]:
    """Whose listeners hear party i together, its own first: those of one shape are one crowd, of at most MOST_AGENTS.

    What a speaker does is then done once for all of them; and all crowds are of one size, so that they are one program.
    """
    role = parties[i].experiment.roles[1]
    crowds = [getattr(party.world, role) for party in parties]
    kinds: list[list[int]] = []
    for j in ((i + k) % len(parties) for k in range(len(parties))):
        kind = next((kind for kind in kinds if _same_shape(crowds[kind[0]], crowds[j])), None)
        if kind is None:
            kinds.append([j])
        else:
            kind.append(j)
    tables: list[list[int]] = []
    for kind in kinds:
        most = max(1, MOST_AGENTS // size(crowds[kind[0]]))
        wide = -(-len(kind) // -(-len(kind) // most))
        some = [kind[k : k + wide] for k in range(0, len(kind), wide)]
        tables += [table + kind[:1] * (wide - len(table)) for table in some]
    return tables


def _same_shape(one: Any, other: Any) -> bool:
    """Whether two crowds can be joined."""
    if jax.tree.structure(one) != jax.tree.structure(other):
        return False
    return all(x.shape == y.shape and x.dtype == y.dtype for x, y in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))


def _by_signs(parties: Sequence[Party], split: str) -> Meeting:
    """Cohen's kappa of the signs that two agents give the same things, and whether they sort them alike, whatever they call them."""
    words: list[Words] = []
    for party in parties:
        language = examine(party.experiment, split, party.world).language
        if language is None or language.signs is None:
            raise UsageError(f"cross-play of one role compares the signs that agents give things, and those of {party.group} give none")
        words.append(Words(language.tokens, language.lengths, language.about.get("index")))
    same = _between(words, lambda x, m, y, n: kappa(x[:, 0], y[:, 0]).value)
    sorted_alike = _between(words, lambda x, m, y, n: _sorted_alike(x[:, 0], y[:, 0]))
    return Meeting("kappa", _not_itself(same), _not_itself(sorted_alike), "adjusted Rand index", 0.0)


def _sorted_alike(x: np.ndarray, y: np.ndarray) -> float | None:
    """The adjusted Rand index of two sortings; none where both have one name for everything, which sorts nothing."""
    return None if len(np.unique(x)) == len(np.unique(y)) == 1 else adjusted_rand(x, y).value


def _not_itself(pairs: Pairs) -> Pairs:
    """The tables, with NaN where an agent meets itself."""
    own = lambda table: np.where(np.eye(*table.shape, dtype=bool), np.nan, table)  # noqa: E731
    return [[own(table) if i == j else table for j, table in enumerate(row)] for i, row in enumerate(pairs)]


def _words(languages: Sequence[Language]) -> tuple[list[Words], str, Likeness]:
    """What each party said, what its likeness to what others said is called, and that likeness; messages of bits are their bits."""
    if all(language.code is not None for language in languages):
        return [Words(np.asarray(own.code), own.lengths, own.about.get("index")) for own in languages], "share of equal bits", _bits
    longest = max(own.tokens.shape[2] for own in languages)
    tokens = [np.pad(own.tokens, ((0, 0), (0, 0), (0, longest - own.tokens.shape[2]))) for own in languages]
    words = [Words(part, own.lengths, own.about.get("index")) for part, own in zip(tokens, languages, strict=True)]
    return words, "1 - edit distance / longer length", _edits


def _first(words: Words) -> Words:
    """What the first of a party said."""
    return words._replace(tokens=words.tokens[:1], lengths=words.lengths[:1])


def _between(words: Sequence[Words], likeness: Likeness) -> Pairs:
    """How alike each agent of party i and each of party j speak of what both spoke of [a b]; NaN where that is undefined."""

    def table(one: Words, other: Words) -> np.ndarray:
        left, right = _both(one.examples, other.examples)
        return np.array([
            [likeness(x[left], m[left], y[right], n[right]) for y, n in zip(other.tokens, other.lengths, strict=True)]
            for x, m in zip(one.tokens, one.lengths, strict=True)
        ], float)  # fmt: skip

    half = {(i, j): table(words[i], words[j]) for i in range(len(words)) for j in range(i, len(words))}
    return [[half[i, j] if i <= j else half[j, i].T for j in range(len(words))] for i in range(len(words))]


def _both(one: np.ndarray | None, other: np.ndarray | None) -> tuple[Any, Any]:
    """Where the examples stand that both have spoken of; those of unknown place are taken to be the same, in the same order."""
    if one is None or other is None or np.array_equal(one, other):
        return slice(None), slice(None)
    return np.intersect1d(one, other, return_indices=True)[1:]


def _edits(x: np.ndarray, m: np.ndarray, y: np.ndarray, n: np.ndarray) -> float | None:
    """1 - edit distance / longer length, mean over examples."""
    return float(1.0 - np.mean(edit_counts(np.stack([x, y]), np.stack([m, n]), 0, 1) / np.maximum(np.maximum(m, n), 1))) if len(x) else None


def _bits(x: np.ndarray, m: np.ndarray, y: np.ndarray, n: np.ndarray) -> float | None:
    """The share of bits that are equal, in the steps of a conversation that both have reached: of x and y [n t d]."""
    both = np.arange(x.shape[1]) < np.minimum(m, n)[:, None]
    return float(np.mean(x[both] == y[both])) if both.any() else None


def _elsewhere(tokens: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same messages about other things."""
    order = np.random.default_rng(0).permutation(len(tokens))
    return tokens[order], lengths[order]


# ------------------------------------------------------------------------------------------------------------------- matrix


def _matrix(
    over: Over, parties: Sequence[Party], meetings: Sequence[Meeting], seeds: tuple[int, ...] = (), appointed: Sequence[bool] = ()
) -> Matrix:
    """One matrix of the meetings of each seed; parties have the names of the first seed's."""
    first, apart = meetings[0], len(parties[0].experiment.roles) == 1
    alike = [meeting.alike for meeting in meetings if meeting.alike is not None]
    names, columns, column_groups = [party.name for party in parties], None, None
    groups, chances = [party.group for party in parties], [_chance(party, first.measure) for party in parties]
    if over == "agents":
        (names, columns), counts = _agents(parties, first.pairs), [len(row[0]) for row in first.pairs]
        if columns is not None:
            column_groups = [group for group, table in zip(groups, first.pairs[0], strict=True) for _ in range(table.shape[1])]
        groups = [group for group, count in zip(groups, counts, strict=True) for _ in range(count)]
        chances = [chance for chance, count in zip(chances, counts, strict=True) for _ in range(count)]
        tables, likeness = [np.block(meeting.pairs) for meeting in meetings], [np.block(pairs) for pairs in alike]
        own = np.block([
            [_met(table, one and not apart) if i == j else np.zeros(table.shape, bool) for j, table in enumerate(row)]
            for i, (row, one) in enumerate(zip(first.pairs, appointed, strict=True))
        ])  # fmt: skip
    else:
        tables, likeness = [_averaged(meeting.pairs, apart) for meeting in meetings], [_averaged(pairs, apart) for pairs in alike]
        own = np.eye(len(parties), dtype=bool)
    unlike = _mean([np.array(x, float) for meeting in meetings if (x := meeting.alike_chance) is not None])
    return Matrix(
        names,
        _mean(tables),
        chances[0] if len(set(chances)) == 1 else None,
        first.measure,
        over,
        groups,
        parties[0].experiment.roles,
        chances,
        own,
        seeds,
        columns,
        column_groups,
        np.stack(tables) if seeds else None,
        _mean(likeness) if likeness else None,
        first.alike_measure,
        float(unlike) if np.isfinite(unlike) else None,
    )


def _chance(party: Party, measure: str) -> float | None:
    """What a blind guess scores."""
    return 0.0 if measure == "kappa" else party.chance


def _agents(parties: Sequence[Party], pairs: Pairs) -> tuple[list[str], list[str] | None]:
    """What agents are called, those of the rows and, where these are others, those of the columns."""
    speaking, *listening = parties[0].experiment.roles

    def named(role: str, counts: Sequence[int]) -> list[str]:
        told = (lambda k: f"{role} {k + 1}") if listening else agent
        return [f"{party.name} {told(k)}".strip() for party, count in zip(parties, counts, strict=True) for k in range(count)]

    rows, columns = [len(row[0]) for row in pairs], [table.shape[1] for table in pairs[0]]
    return named(speaking, rows), named(listening[0], columns) if listening else None


def _met(table: np.ndarray, appointed: bool) -> np.ndarray:
    """Where two agents of one population learned together; of one role, none with itself."""
    speakers, listeners = table.shape
    if appointed:
        return np.arange(speakers)[:, None] == np.arange(listeners) * speakers // listeners
    return np.isfinite(table)


def _averaged(pairs: Pairs, apart: bool) -> np.ndarray:
    """The mean of each table over agents, as a matrix of parties; `apart`, of different agents, which look at things differently."""

    def mean(table: np.ndarray) -> float:
        some = table[~np.eye(*table.shape, dtype=bool)] if apart and table.size > 1 else table
        return float(_mean(list(some.reshape(-1))))

    return np.array([[mean(table) for table in row] for row in pairs])


def _mean(tables: Sequence[Any]) -> np.ndarray:
    """The mean of what is not NaN, place by place; NaN where nothing else is."""
    if not tables:
        return np.array(np.nan)
    stack = np.stack(tables)
    known = np.isfinite(stack)
    return np.where(known.any(0), np.sum(stack, axis=0, where=known) / np.maximum(known.sum(0), 1), np.nan)


def summary(matrix: Matrix) -> dict[str, Any]:
    """The object of crossplay.json: the matrix, self-play, cross-play and the gap between them, with intervals over seeds."""
    result: dict[str, Any] = {"over": matrix.over, "measure": matrix.measure, "roles": list(matrix.roles)}
    result |= {"names": matrix.names, "groups": matrix.groups}
    result |= {"columns": matrix.columns, "column_groups": matrix.column_groups} if matrix.columns is not None else {}
    result |= {"accuracy": _plain(matrix.accuracy), "chance": matrix.chance, "chances": matrix.chances, "own": matrix.own.tolist()}
    if matrix.per_seed is not None:
        result |= {"seeds": list(matrix.seeds), "per_seed": [_plain(table) for table in matrix.per_seed]}
    if matrix.agreement is not None:
        result |= {"agreement": _plain(matrix.agreement), "agreement_measure": matrix.agreement_measure}
        strangers = _part(matrix.agreement, ~np.eye(len(matrix.agreement), dtype=bool))
        result |= {"agreement_mean": strangers, "agreement_chance": matrix.agreement_chance}
    return result | _parts(matrix)


def _parts(matrix: Matrix) -> dict[str, dict[str, Any]]:
    """Self-play, cross-play and gap."""
    if matrix.per_seed is None and np.isfinite(matrix.accuracy).all():
        found = cross_play(matrix.accuracy, bootstrap=1000 if len(matrix.names) > 2 else 0)  # two seeds have one pair of strangers
        parts = {"self_play": found.diagonal, "cross_play": found.off_diagonal, "gap": found.gap}
        told = {name: {"mean": value.value, "low": value.low, "high": value.high} for name, value in parts.items()}
        reasons = {name: value.reason for name, value in parts.items()}
    else:
        tables = [matrix.accuracy] if matrix.per_seed is None else list(matrix.per_seed)
        own, others = ([_part(table, where) for table in tables] for where in (matrix.own, ~matrix.own))
        gaps = [None if one is None or other is None else one - other for one, other in zip(own, others, strict=True)]
        columns = (own, others, gaps)
        told = {name: over_seeds(some)._asdict() for name, some in zip(("self_play", "cross_play", "gap"), columns, strict=True)}
        met = not (np.isfinite(matrix.accuracy) & ~matrix.own).any()
        reasons = dict.fromkeys(told, "all of them learned together" if met else "no figure is defined")
    return {name: told[name] | ({"reason": reasons[name]} if told[name]["mean"] is None else {}) for name in told}


def _part(table: np.ndarray, where: np.ndarray) -> float | None:
    """The mean of what is defined in these cells."""
    mean = _mean(list(table[where]))
    return float(mean) if np.isfinite(mean) else None


def _plain(table: np.ndarray) -> list[list[float | None]]:
    """A matrix as JSON has it: null where it is undefined."""
    return [[float(x) if np.isfinite(x) else None for x in row] for row in table]
