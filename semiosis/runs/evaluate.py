"""Evaluation: every speaker with every listener over a pass of an exam, and what their language looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from semiosis import channels, metrics
from semiosis.errors import unknown
from semiosis.metrics.value import Value
from semiosis.populations import pick, size
from semiosis.runs import loop
from semiosis.types import Channel, Episode, Exam, Experiment, Mean, Play, Scenes, World

MOST_AGENTS = 10  # of each role; the paper evaluates min(N, 10)
MOST_PICTURES = 1024  # that are kept of an exam, for what they look like
MOST_MESSAGES = 2000  # of which topographic similarity is computed
KEY = 0  # every seed and every run meets the same exam


class Language(NamedTuple):
    """What was said about what: `tokens` [a n t], `lengths` [a n]; of each its `input` [n d] and, where known, label and attributes.

    `latent` [a n z] is what each speaker made of what it saw, None where a game does not tell; `symbols` is how many there are to say.
    Where messages are rows of bits, `code` [a n t d], each different row is a symbol.
    """

    tokens: np.ndarray
    lengths: np.ndarray
    about: dict[str, np.ndarray]
    latent: np.ndarray | None = None
    symbols: int = 0
    code: np.ndarray | None = None

    @property
    def signs(self) -> np.ndarray | None:
        """What each speaker calls each example [a n], where every message is one symbol; else None."""
        return self.tokens[:, :, 0] if self.tokens.shape[2] == 1 and (self.lengths == 1).all() else None


class Pictures(NamedTuple):
    """Messages that are images: as drawn and as they arrived, `said` and `heard` [a n h w c]; what they meant, and what each reader read.

    `meant` [n ...] and `guess` [a b n ...] are of the game's own form: symbols, bits, or places; `symbols` is how many there are to choose
    from, 0 where messages are not made of symbols; `level` [n] how much noise there was on the way, where a game tells.
    """

    said: np.ndarray
    heard: np.ndarray | None
    meant: np.ndarray
    guess: np.ndarray
    symbols: int = 0
    level: np.ndarray | None = None

    @property
    def distinct(self) -> np.ndarray:
        """Where each message stands for the first time, messages in order [m]."""
        return np.unique(self.meant.reshape(len(self.meant), -1), axis=0, return_index=True)[1]


class Finding(NamedTuple):
    """The figures of one exam of one seed (None: undefined, see `reasons`), the examples seen, accuracy by pair [a b], the language.

    `pictures` are the messages where these are images.
    """

    figures: dict[str, float | None]
    n: int
    pairs: np.ndarray
    language: Language | None
    reasons: dict[str, str]
    pictures: Pictures | None = None


@eqx.filter_jit
def sitting(
    play: Play,
    roles: tuple[str, ...],
    scenes: Scenes,
    world: World,
    batch: Int[Array, ""],
    key: PRNGKeyArray,
    shuffled: bool,
    interventions: Mapping[str, Play],
) -> dict[str, Any]:
    """One batch of an exam: totals over examples of each pair [a b], of the vote of the listeners [a], and what was said.

    `shuffled` adds the accuracy where messages are permuted, and where each of the `interventions` is played.
    """
    scene = scenes(batch, loop.nature_key(key))
    turn = loop.turn_key(key, batch)

    def grid(play: Play, channel: Channel, read: Any) -> Any:
        def meet(pair: World, place: Int[Array, ""], channel: Channel) -> Episode:
            return play(pair, scene, jax.random.fold_in(turn, place), channel)

        if not roles:
            return jax.tree.map(lambda x: x[None], read(jax.tree.map(lambda x: x[None], meet(world, jnp.int32(0), channel))))
        first, others = roles[0], roles[1:]
        axes = type(world)(**{role: 0 if role in others else None for role in world._fields})

        def speaker(place: Int[Array, ""]) -> Any:
            pair = world._replace(**{first: pick(getattr(world, first), place)})
            if not others:
                return read(jax.tree.map(lambda x: x[None], meet(pair, place, channel)))
            return read(jax.vmap(meet, in_axes=(axes, None, None), axis_size=size(getattr(world, others[0])))(pair, place, channel))

        return jax.lax.map(speaker, jnp.arange(size(getattr(world, first))))

    seen = grid(play, channels.clear, partial(_reading, whole=shuffled))
    if shuffled and "accuracy" in seen:
        seen["accuracy_shuffled"] = grid(play, channels.shuffle, _reading)["accuracy"]
        seen |= {f"accuracy_{name}": grid(other, channels.clear, _reading)["accuracy"] for name, other in interventions.items()}
    return seen


def _total(values: Array, episode: Episode) -> Mean:
    """Totals over examples [b] of values [b n], with how many they are; one that only fills up a batch does not count."""
    weight = jnp.broadcast_to(episode.info.get("weight", jnp.ones(())), values.shape)
    return Mean(jnp.sum(values * weight, axis=-1), jnp.sum(weight, axis=-1))


def _reading(episode: Episode, whole: bool = False) -> dict[str, Any]:
    """What is kept of the episodes of one speaker with all listeners (leading axis b); its images only of the `whole` exam."""
    out: dict[str, Any] = {"loss": _total(episode.loss, episode)}
    out |= {name: _total(values, episode) for name, values in episode.figures.items()}
    if episode.reward is not None:
        out["reward"] = _total(episode.reward, episode)
    correct = _correct(episode)
    if correct is not None:
        out["accuracy"] = _total(correct, episode)
    if "scores" in episode.info:
        voted = jnp.argmax(jax.nn.softmax(episode.info["scores"]).mean(0), axis=-1)
        alike = (voted == episode.target[0].reshape(voted.shape)).astype(jnp.float32)
        first = jax.tree.map(lambda x: x[0], episode)
        out["accuracy_vote"] = _total(alike, first)
    said = episode.said[0]
    if "code" in episode.info:
        out["language"] = {"code": episode.info["code"][0], "lengths": said.length[0]}
    elif said.message.ndim == 4:  # symbols: b n t v
        out["language"] = {"tokens": jnp.argmax(said.message[0], axis=-1), "lengths": said.length[0]}
        out["language"]["symbols"] = jnp.int32(said.message.shape[-1])
        if "latent" in episode.info:
            out["language"]["latent"] = episode.info["latent"][0]
    if said.message.ndim == 5 and whole and "pool" not in episode.info:  # images of messages, and not of photos: b n h w c
        out["pictures"] = {"said": said.message[0, :MOST_PICTURES], "guess": episode.guess[:, :MOST_PICTURES]}
        out["pictures"]["meant"] = episode.target[0, :MOST_PICTURES]
        if "heard" in episode.info:
            out["pictures"]["heard"] = episode.info["heard"][0, :MOST_PICTURES]
        if "level" in episode.info:
            out["pictures"]["level"] = episode.info["level"][0, :MOST_PICTURES]
        if "symbols" in episode.info:
            out["pictures"]["symbols"] = episode.info["symbols"][0].max()
    if said.entropy is not None:
        last = said.length[0][:, None] - ("code" in episode.info)  # of symbols, the end is a choice as well
        spoken = jnp.arange(said.entropy.shape[2]) <= last
        weight = episode.info.get("weight", jnp.ones(said.length.shape))[0, :, None]
        out["entropy"] = Mean(jnp.sum(said.entropy[0] * weight), jnp.sum(spoken * weight))
    out["about"] = {k: episode.info[k][0] for k in ("input", "label", "attributes", "index") if k in episode.info}
    return out


def _correct(episode: Episode) -> Array | None:
    """The share of each guess that is right [b n]; None where a guess is not right or wrong."""
    if "correct" in episode.info:
        return episode.info["correct"]
    if jnp.issubdtype(episode.guess.dtype, jnp.integer) and episode.guess.shape == episode.target.shape:
        right = (episode.guess == episode.target).astype(jnp.float32)
        return right.reshape(*right.shape[:2], -1).mean(-1)
    return None


def examine(experiment: Experiment, name: str, world: World, *, whole: bool = False) -> Finding:
    """One seed's exam. `whole` adds the control with shuffled messages and the measures of the language."""
    exam = _exam(experiment, name)
    world = world._replace(**{role: jax.tree.map(lambda x: x[:MOST_AGENTS], getattr(world, role)) for role in experiment.roles})
    key = loop.seed_key(KEY)
    args, tampered = (experiment.play, experiment.roles, exam.scenes, world), dict(experiment.interventions) if whole else {}
    batches = [jax.device_get(sitting(*args, jnp.int32(b), key, whole, tampered)) for b in range(exam.batches)]
    n = len({int(i) for batch in batches for i in np.asarray(batch["about"].get("index", [[]]))[0]})  # passes repeat examples
    totals = {name: [batch[name] for batch in batches] for name, found in batches[0].items() if isinstance(found, Mean)}
    means = {name: _mean_of(found) for name, found in totals.items()}
    figures: dict[str, float | None] = {k: float(v.mean()) for k, v in means.items() if k != "accuracy_vote"}
    if "accuracy_vote" in means and means["accuracy"].shape[1] > 1:
        figures["accuracy_vote"] = float(means["accuracy_vote"].mean())
    language = _language(batches) if "language" in batches[0] and _discrete(batches) else None
    reasons: dict[str, str] = {}
    if whole and language is not None:
        for title, value in describe(language).items():
            figures[title] = value.value
            if value.value is None:
                reasons[title] = experiment.undefined.get(title, value.reason)
    pictures = _pictures(batches[0]["pictures"]) if "pictures" in batches[0] else None
    if pictures is not None:
        for title, value in look(pictures).items():
            figures[title] = value.value
            if value.value is None:
                reasons[title] = experiment.undefined.get(title, value.reason)
    return Finding(figures, n, means.get("accuracy", np.zeros((0, 0))), language, reasons, pictures)


def _mean_of(totals: Sequence[Mean]) -> np.ndarray:
    """The mean of what batches counted, in the precision of the host."""
    total, weight = (np.sum(np.asarray(part, np.float64), axis=0) for part in zip(*totals, strict=True))
    return total / weight


def _exam(experiment: Experiment, name: str) -> Exam:
    if name not in experiment.exams:
        raise unknown("split", name, experiment.exams)
    return experiment.exams[name]


def _discrete(batches: list[dict[str, Any]]) -> bool:
    """Whether messages are made of symbols or bits: of numbers there is no language to measure."""
    return all(np.isin(batch["language"]["code"], (0.0, 1.0)).all() for batch in batches if "code" in batch["language"])


def _language(batches: list[dict[str, Any]]) -> Language:
    """The messages of all batches, in the order they were said; of examples that passes repeat, the first time."""
    lengths = np.concatenate([batch["language"]["lengths"] for batch in batches], axis=1)
    about = {k: np.concatenate([batch["about"][k][0] for batch in batches]) for k in batches[0]["about"]}
    # of examples that passes repeat, or that fill up a batch, the first time
    first = np.sort(np.unique(about["index"], return_index=True)[1]) if "index" in about else np.arange(lengths.shape[1])
    told = [k for k in ("tokens", "latent", "code") if k in batches[0]["language"]]
    parts = {k: np.concatenate([batch["language"][k] for batch in batches], axis=1)[:, first] for k in told}
    about, lengths = {k: v[first] for k, v in about.items()}, lengths[:, first]
    if "code" not in parts:
        return Language(parts["tokens"], lengths, about, parts.get("latent"), int(np.max(batches[0]["language"]["symbols"])))
    code = parts["code"]
    words, tokens = np.unique(code.reshape(-1, code.shape[-1]), axis=0, return_inverse=True)
    return Language(tokens.reshape(code.shape[:-1]), lengths, about, symbols=len(words), code=code)


def _pictures(batch: dict[str, np.ndarray]) -> Pictures:
    """The images of a batch; what they meant is the same for all who spoke."""
    level = batch["level"][0] if "level" in batch else None
    return Pictures(batch["said"], batch.get("heard"), batch["meant"][0], batch["guess"], int(np.max(batch.get("symbols", 0))), level)


def look(pictures: Pictures) -> dict[str, Value]:
    """Measures of the images that distinct messages are drawn as: means over those who draw."""
    meant = pictures.meant[pictures.distinct]
    found = []
    for own in pictures.said[:, pictures.distinct]:
        found.append({
            "glyph_distance": metrics.glyph_distance(own),
            "nearest_glyph": metrics.nearest_glyph(own),
            "ink": metrics.ink(own),
            "colours": metrics.colours(own),
        })  # fmt: skip
        if meant.ndim == 2:
            found[-1]["image_topsim"] = metrics.image_topsim(meant, own)
    return {title: _mean([own[title] for own in found]) for title in found[0]}


def describe(language: Language) -> dict[str, Value]:
    """Measures of a language: means over speakers of those that belong to one speaker."""
    found: list[dict[str, Value]] = []
    for tokens, lengths in zip(language.tokens, language.lengths, strict=True):
        some = slice(None, MOST_MESSAGES)
        own = {
            "messages": metrics.distinct(tokens, lengths),
            "message_entropy": metrics.message_entropy(tokens, lengths),
            "active_symbols": metrics.active_symbols(tokens, lengths),
            "length": metrics.mean_length(tokens, lengths),
            "topsim": metrics.topsim(tokens[some], language.about["input"][some], lengths[some]),
        }
        if "attributes" in language.about:
            own["topsim_attributes"] = metrics.topsim(
                tokens[some], metrics.attribute_distances(language.about["attributes"][some]), lengths[some]
            )
            own["posdis"] = metrics.posdis(tokens, language.about["attributes"], lengths)
        if "label" in language.about:
            own["label_bits"] = metrics.mutual_information(tokens, language.about["label"], lengths)
        found.append(own)
    means = {title: _mean([own[title] for own in found]) for title in found[0]}
    if len(found) > 1:
        means["synchrony"] = metrics.synchrony(language.tokens, language.lengths)
    if language.tokens.shape[2] == 1:
        means |= metrics.naming(language.tokens[:, :, 0], language.about.get("label"), language.latent)
    return means


def _mean(values: list[Value]) -> Value:
    known = [value.value for value in values if value.value is not None]
    return values[0]._replace(value=float(np.mean(known))) if known else values[0]


def evaluate(experiment: Experiment, worlds: World, seeds: Sequence[int], split: str) -> tuple[dict[str, Any], list[Finding]]:
    """Every exam of a split, each seed on its own: the object of evaluation.json less game and step, and the main exam's findings.

    The exam `split` gives its figures their plain names; `split/VARIANT` gives `accuracy@VARIANT`. Of a population `pairs` has the accuracy
    of each agent of the first role with each of the second, by seed.
    """
    _exam(experiment, split)
    worlds_of = [loop.unstack(worlds, place) for place in range(len(seeds))]
    table: dict[str, Any] = {}
    findings = [examine(experiment, split, world, whole=True) for world in worlds_of]
    _enter(table, "", findings, experiment.exams[split])
    languages = [finding.language for finding in findings]
    if all(language is not None and (language.signs is not None or language.code is not None) for language in languages):
        table.pop("length")  # of messages that are one symbol, it says nothing; of a dialogue, its exchanges tell
    for name, exam in experiment.exams.items():
        if name.startswith(f"{split}/"):
            more = [examine(experiment, name, world) for world in worlds_of]
            _enter(table, "@" + name.removeprefix(f"{split}/"), more, exam, only=("accuracy", "accuracy_vote"))
    if "accuracy@noise" in table:
        pairs = zip(table["accuracy"]["per_seed"], table["accuracy@noise"]["per_seed"], strict=True)
        undefined = metrics.undefined("the accuracy is undefined")
        drops = [undefined if None in pair else metrics.relative_drop(*pair) for pair in pairs]
        reason = next((drop.reason for drop in drops if drop.value is None), "")
        table["noise_drop_percent"] = _entry([drop.value for drop in drops], None, findings[0].n, reason=reason)
    result = {"split": split, "seeds": list(seeds), "metrics": table}
    if findings[0].pairs.size > 1:  # who understands whom
        result["pairs"] = {"roles": list(experiment.roles[:2]), "accuracy": [finding.pairs.tolist() for finding in findings]}
    return result, findings


def _enter(table: dict[str, Any], suffix: str, findings: list[Finding], exam: Exam, only: tuple[str, ...] | None = None) -> None:
    """One line of the table for each figure; one that a seed lacks is as undefined as the figure that it is a variant of."""
    for title in dict.fromkeys(title for finding in findings for title in finding.figures):
        if only is None or title in only:
            values = [_finite(finding.figures.get(title)) for finding in findings]
            chance = exam.chance if title.startswith("accuracy") else exam.chances.get(title)
            plain = title.partition("@")[0]
            why = [finding.reasons.get(title) or finding.reasons.get(plain) for finding in findings if finding.figures.get(title) is None]
            reason = next(filter(None, why), "not a number" if None in values else "")
            table[title + suffix] = _entry(values, chance, findings[0].n, reason=reason)


def _finite(value: float | None) -> float | None:
    """A figure that can be written; None for one that went wrong with the world it was measured of."""
    return value if value is None or np.isfinite(value) else None


def _entry(values: list[float | None], chance: float | None, n: int, *, reason: str = "") -> dict[str, Any]:
    """Mean and 95 % interval over seeds (Student t); of one seed, over examples where the figure is a share of right answers (Wilson)."""
    mean, low, high = metrics.over_seeds(values)
    if len(values) == 1 and chance is not None and mean is not None and n:
        _, low, high = metrics.wilson(mean * n, n)
    entry = {"mean": mean, "low": low, "high": high, "per_seed": values, "chance": chance, "n": n}
    return entry | ({"reason": reason} if reason else {})
