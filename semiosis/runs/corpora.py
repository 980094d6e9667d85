"""The corpus of a trained run: its agents play an exam, and what they say is written down, a row an utterance."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from semiosis import channels, metrics
from semiosis.corpora.types import IMAGES, NONE, SIGN, Corpus, checked
from semiosis.errors import UsageError, unknown
from semiosis.populations import pick, size
from semiosis.runs import loop
from semiosis.runs.evaluate import KEY, MOST_AGENTS
from semiosis.runs.gamelogs import png
from semiosis.runs.provenance import versions
from semiosis.runs.session import Trained
from semiosis.scenes import Data
from semiosis.types import Agent, Channel, Episode, Play, Scenes, World

MOST_CANDIDATES = 256  # that are listed in each row
Listeners = Literal["all", "first"]
ABOUT = ("index", "label", "attributes", "choices", "pool", "weight", "level", "symbols")  # what is the same whoever plays


def of(trained: Trained, split: str = "test", *, seeds: Sequence[int] = (), listeners: Listeners = "all", strokes: bool = False) -> Corpus:
    """What the agents of a run say about the things of a split: every speaker to every listener, at most `MOST_AGENTS` of each.

    `seeds` are those of the run that play, all by default; `listeners` "first" lets each speaker talk to one alone. A thing that comes
    again, in another pass over the split, is told the first time only. With `strokes`, sketches bring the corners of their lines.
    Raises `UsageError`: no such split or seed, messages that are neither symbols nor bits nor images.
    """
    experiment = trained.experiment
    if split not in experiment.exams:
        raise unknown("split", split, experiment.exams)
    if missing := [seed for seed in seeds if seed not in trained.seeds]:
        raise UsageError(f"{trained.run.path} has no seed {missing[0]}: its seeds are {', '.join(map(str, trained.seeds))}")
    if strokes and not hasattr(trained.game, "strokes_of"):
        raise UsageError(f"{trained.run.path} draws no strokes: expected a run of sketch")
    chosen = tuple(seeds) or trained.seeds
    plays = [_played(trained, loop.unstack(trained.worlds, trained.seeds.index(seed)), split, listeners) for seed in chosen]
    agents = _agents(trained, plays[0])
    parts = [rows for seed, play in zip(chosen, plays, strict=True) for rows in _rows(trained, split, seed, play, listeners, strokes)]
    return _corpus(trained, split, parts, agents, chosen, plays[0], listeners)


# ------------------------------------------------------------------------------------------------------------------- play


class Games(NamedTuple):
    """An exam as one seed's agents played it: `about` [n ...] of things, `said` and the answers [a b n ...] of each pair."""

    about: dict[str, np.ndarray]
    pairs: dict[str, np.ndarray]
    images: np.ndarray | None  # what each speaker drew [a n h w c]
    symbols: int  # that there are for a place of a message, 0 where messages are not made of symbols
    whole: bool  # whether a guess is a place in the batch


def _played(trained: Trained, world: World, split: str, listeners: Listeners) -> Games:
    """All batches of an exam, in the order they are played, without examples that only fill up a batch or come again."""
    experiment, exam = trained.experiment, trained.experiment.exams[split]
    most = dict.fromkeys(experiment.roles, MOST_AGENTS)
    if listeners == "first" and len(experiment.roles) > 1:
        most[experiment.roles[1]] = 1
    world = world._replace(**{role: jax.tree.map(lambda x, role=role: x[: most[role]], getattr(world, role)) for role in experiment.roles})
    args = (experiment.play, experiment.roles, exam.scenes, world)
    key, batches = loop.seed_key(KEY), []
    for batch in range(exam.batches):
        try:
            found = jax.device_get(_sitting(*args, jnp.int32(batch), key, listen=True))
        except jax.errors.UnexpectedTracerError:  # a game that calls its channel inside a loop of its own
            found = jax.device_get(_sitting(*args, jnp.int32(batch), key, listen=False))
        batches.append(_plain(trained, found))
    about = {name: np.concatenate([batch[0][name] for batch in batches]) for name in batches[0][0]}
    pairs = {name: np.concatenate([batch[1][name] for batch in batches], axis=2) for name in batches[0][1]}
    images = pairs.pop("images", None)
    known = np.flatnonzero(about["weight"] > 0) if "weight" in about else np.arange(len(next(iter(pairs.values()))[0, 0]))
    if "index" in about:
        known = known[np.sort(np.unique(about["index"][known], return_index=True)[1])]
    about = {name: values[known] for name, values in about.items()}
    pairs = {name: values[:, :, known] for name, values in pairs.items()}
    return Games(about, pairs, None if images is None else images[:, 0, known], batches[0][2], batches[0][3])


@eqx.filter_jit
def _sitting(
    play: Play, roles: tuple[str, ...], scenes: Scenes, world: World, batch: Int[Array, ""], key: PRNGKeyArray, listen: bool
) -> dict[str, Any]:
    """One batch of an exam as `evaluate` holds it, all speakers with all listeners; `listen` keeps what came out of the game's channel."""
    scene, turn = scenes(batch, loop.nature_key(key)), loop.turn_key(key, batch)

    def meet(pair: World, place: Int[Array, ""]) -> dict[str, Any]:
        arrived: list[Array] = []

        def heard(message: Array, key: PRNGKeyArray) -> Array:
            arrived.append(message)
            return message

        way: Channel = heard if listen else channels.clear
        return _kept(play(pair, scene, jax.random.fold_in(turn, place), way), arrived)

    if not roles:
        return jax.tree.map(lambda x: x[None, None], meet(world, jnp.int32(0)))
    first, others = roles[0], roles[1:]
    axes = type(world)(**{role: 0 if role in others else None for role in world._fields})

    def speaker(place: Int[Array, ""]) -> dict[str, Any]:
        pair = world._replace(**{first: pick(getattr(world, first), place)})
        if not others:
            return jax.tree.map(lambda x: x[None], meet(pair, place))
        return jax.vmap(meet, in_axes=(axes, None), axis_size=size(getattr(world, others[0])))(pair, place)

    return jax.lax.map(speaker, jnp.arange(size(getattr(world, first))))


def _kept(episode: Episode, arrived: list[Array]) -> dict[str, Any]:
    """What a corpus needs of an episode of n examples; images as bytes, symbols as their numbers."""
    info, said = episode.info, episode.said
    out: dict[str, Any] = {"about": {name: info[name] for name in ABOUT if name in info}}
    for name, values in (("guess", episode.guess), ("target", episode.target)):
        if jnp.issubdtype(values.dtype, jnp.integer):
            out[name] = values.reshape(values.shape[0], -1).astype(jnp.int32)
    if "correct" in info:
        out["correct"] = info["correct"]
    if "code" in info:
        out |= {name: info[name] for name in ("code", "back", "open", "steps") if name in info}
        out["length"] = said[0].length
        if "heard" in info:
            out["code_heard"] = info["heard"]
    elif said[0].message.ndim == 4:
        out["images"] = _bytes(said[0].message)
        if "heard" in info:
            out["images_heard"] = _bytes(info["heard"])
    elif said[0].message.ndim == 3:
        out["said"] = [_symbols(one.message) | {"length": one.length, "width": jnp.int32(one.message.shape[2])} for one in said]
        if "heard" in info:
            arrived = [info["heard"]]
        if len(arrived) == len(said) and all(a.shape == one.message.shape for a, one in zip(arrived, said, strict=True)):
            out["arrived"] = [_symbols(one)["tokens"] for one in arrived]
    return out


def _symbols(rows: Array) -> dict[str, Array]:
    """The symbols of one-hot rows [n t v], -1 for a row that is empty; and whether each row is either."""
    most = jnp.max(rows, axis=-1)
    tokens = jnp.where(most > 0.5, jnp.argmax(rows, axis=-1), NONE).astype(jnp.int32)
    total = jnp.sum(jnp.abs(rows), axis=-1)
    return {"tokens": tokens, "hard": (jnp.abs(most - total) < 1e-3) & ((most > 0.999) | (most < 1e-3))}


def _bytes(images: Array) -> Array:
    return jnp.round(255 * jnp.clip(images, 0.0, 1.0)).astype(jnp.uint8)


# ------------------------------------------------------------------------------------------------------------- on the host


def _plain(trained: Trained, found: dict[str, Any]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], int, bool]:
    """One batch: what is told of things, what pairs said and answered, the number of symbols, whether guesses were places in the batch."""
    about = {name: values[0, 0] for name, values in found["about"].items()}
    symbols = int(np.max(about.pop("symbols", 0)))
    pool, choices = about.pop("pool", None), about.pop("choices", None)
    if pool is None and choices is not None and "index" in about:
        pool = about["index"][choices]
    if pool is not None and pool.ndim == 2 and pool.dtype.kind == "i" and pool.shape[1] <= MOST_CANDIDATES:
        about["candidates"] = pool
    pairs = {name: found[name] for name in ("guess", "target", "correct", "length", "code", "back", "open", "code_heard") if name in found}
    pairs |= {name: found[name] for name in ("images", "images_heard") if name in found}
    for k, one in enumerate(found.get("said", ())):
        told = np.arange(one["tokens"].shape[-1]) < one["length"][..., None]
        if (told & ~one["hard"]).any():
            raise UsageError(f"{trained.run.path} sends numbers: a corpus holds messages of symbols, of bits, or drawings")
        pairs |= {f"said {k}": one["tokens"], f"length {k}": one["length"]}
        pairs |= {f"heard {k}": found["arrived"][k]} if "arrived" in found else {}
        symbols = int(np.max(one["width"]))
    if "code" in pairs and not np.isin(pairs["code"], (0.0, 1.0)).all():
        raise UsageError(f"{trained.run.path} sends numbers: a corpus holds messages of symbols, of bits, or drawings")
    if "steps" in found:
        pairs["steps"] = found["steps"].argmax(axis=-1)
    if not {"code", "images", "said 0"} & set(pairs):
        raise UsageError(f"{trained.run.path} has messages of no kind that a corpus holds: expected symbols, bits or drawings")
    whole = pool is None and not (symbols and "images" in pairs) and _in_batch(pairs, about)
    if whole:
        pairs |= {name: about["index"][pairs[name]] for name in ("guess", "target")}
    return about, pairs, symbols, whole


def _in_batch(pairs: dict[str, np.ndarray], about: dict[str, np.ndarray]) -> bool:
    """Whether all of a batch were candidates: then the right one is at its own place."""
    if "target" not in pairs or "guess" not in pairs or "index" not in about:
        return False
    target = pairs["target"][0, 0]
    return target.shape[1] == 1 and len(target) > 1 and bool((target[:, 0] == np.arange(len(target))).all())


def _agents(trained: Trained, play: Games) -> tuple[str, ...]:
    """The names of all who speak, then of all who only listen; of agents that all do both, A, B, ..."""
    first, second = next(iter(play.pairs.values())).shape[:2]
    roles = trained.experiment.roles
    if len(roles) == 1:
        return tuple(metrics.agent(i) for i in range(first))
    if not roles:
        world = trained.worlds
        fields = getattr(world, "_fields", ())
        roles = tuple(name for name in fields if isinstance(getattr(world, name), Agent))[:2] or ("speaker",)
    names = [f"{roles[0]} {i}" for i in range(first)]
    return (*names, *(f"{roles[1]} {i}" for i in range(second))) if len(roles) > 1 else tuple(names)


Rows = dict[str, np.ndarray]  # fields of some rows of a corpus


def _rows(trained: Trained, split: str, seed: int, play: Games, listeners: Listeners, strokes: bool) -> list[Rows]:
    """The utterances of a seed, pair after pair, thing after thing, turn after turn."""
    first, second = next(iter(play.pairs.values())).shape[:2]
    apart = len(_agents(trained, play)) > first  # whether those who listen are others
    out = []
    for a in range(first):
        for b in range(second):
            pair = {name: values[a, b] for name, values in play.pairs.items()}
            who = {"seed": seed, "speaker": a, "listener": first + b if apart else NONE}
            said = _conversation(play, pair, who, trained, split) if "code" in pair else _utterances(play, pair, who, a)
            if strokes:
                said |= {"strokes": _strokes(trained, split, seed, a, play.about["index"])}
            out += _told_to_others(play, said, a, listeners) if not apart and first > 1 else [said]
    return out


def _things(play: Games, times: int) -> Rows:
    """What is known of the things, `times` rows each."""
    n = len(next(iter(play.pairs.values()))[0, 0])
    known = {"example": play.about.get("index", np.arange(n))}
    known |= {name: play.about[name] for name in ("label", "attributes", "candidates", "level") if name in play.about}
    return {name: np.repeat(values, times, axis=0) for name, values in known.items()}


def _utterances(play: Games, pair: Rows, who: dict[str, int], a: int) -> Rows:
    """Messages of symbols, or drawings, of one pair; where a game has several utterances, its two agents take turns."""
    said = [name.removeprefix("said ") for name in pair if name.startswith("said ")]
    n, m = len(next(iter(pair.values()))), max(len(said), 1)
    rows = _things(play, m) | {name: np.full(n * m, value) for name, value in who.items()}
    rows["turn"] = np.tile(np.arange(m), n)
    if m > 1 and who["listener"] != NONE:  # what is said back
        back = rows["turn"] % 2 == 1
        rows["speaker"], rows["listener"] = (
            np.where(back, rows[one], rows[other]) for one, other in (("listener", "speaker"), ("speaker", "listener"))
        )
    for name in ("guess", "target", "correct"):  # known when all has been said
        if name in pair:
            values = np.full((n, m, *pair[name].shape[1:]), np.nan if name == "correct" else NONE)
            values[:, -1] = pair[name]
            rows[name] = values.reshape(n * m, *values.shape[2:]).astype(np.float64 if name == "correct" else np.int64)
    if said:
        wide = max(pair[f"said {k}"].shape[1] for k in said)
        stack = lambda what: np.stack([_wide(pair[f"{what} {k}"], wide) for k in said], axis=1).reshape(n * m, wide)  # noqa: E731
        rows |= {"tokens": stack("said"), "length": np.stack([pair[f"length {k}"] for k in said], axis=1).reshape(-1)}
        if "heard 0" in pair:
            rows["heard"] = stack("heard")
        return rows
    meant = play.symbols and "target" in pair
    rows["tokens"] = pair["target"] if meant else np.zeros((n, 0), np.int64)
    rows["length"] = np.full(n, rows["tokens"].shape[1])
    assert play.images is not None
    rows["image"] = play.images[a]
    if "images_heard" in pair:
        rows["heard_image"] = pair["images_heard"]
    return rows


def _wide(tokens: np.ndarray, wide: int) -> np.ndarray:
    return np.pad(tokens, ((0, 0), (0, wide - tokens.shape[1])), constant_values=NONE)


def _conversation(play: Games, pair: Rows, who: dict[str, int], trained: Trained, split: str) -> Rows:
    """Bits said and said back until the answer, turns 0, 1, 2, ...; a guess is the answer that would be given after that message."""
    n, t, d = pair["code"].shape
    both = np.stack([pair["code"], pair["back"]], axis=2).reshape(n, 2 * t, d)
    turn = np.broadcast_to(np.arange(2 * t), (n, 2 * t))
    there = turn < 2 * pair["length"][:, None] - 1  # the last answer is read by nobody
    back = (turn % 2 == 1)[there]
    things = _things(play, 2 * t)
    rows = {name: values[there.reshape(-1)] for name, values in things.items()}
    rows |= {"tokens": both[there].astype(np.int64), "length": np.full(there.sum(), d), "turn": turn[there]}
    rows |= {"seed": np.full(len(back), who["seed"])}
    rows |= {"speaker": np.where(back, who["listener"], who["speaker"]), "listener": np.where(back, who["speaker"], who["listener"])}
    if "code_heard" in pair:
        arrived = np.stack([pair["code_heard"], pair["back"]], axis=2).reshape(n, 2 * t, d)
        rows["heard"] = arrived[there].astype(np.int64)
    guess, target = np.repeat(pair["steps"], 2, axis=1)[there], np.repeat(pair["target"][:, 0], 2 * t)[there.reshape(-1)]
    if (named := _classes(trained, split)) is not None:
        guess, target = named[guess], named[target]
    rows |= {"guess": np.where(back, NONE, guess)[:, None], "target": np.where(back, NONE, target)[:, None]}
    return rows | {"correct": np.where(back, np.nan, guess == target)}


def _classes(trained: Trained, split: str) -> np.ndarray | None:
    """The class at each place that an answer may be, where classes are what is chosen among."""
    candidates = getattr(trained.experiment.exams[split].scenes, "candidates", None)
    return np.asarray(candidates) if isinstance(candidates, tuple) else None


def _told_to_others(play: Games, said: Rows, a: int, listeners: Listeners) -> list[Rows]:
    """Rows for each of the others, whose guess is what they call the thing themselves, where a message is one symbol."""
    out = []
    for b in range(len(next(iter(play.pairs.values())))):
        if b == a:
            continue
        rows = said | {"listener": np.full(len(said["length"]), b)}
        if "guess" not in said and said["tokens"].shape[1] == 1:
            own = play.pairs["said 0"][b, 0]
            rows |= {"guess": own, "target": said["tokens"], "correct": (own == said["tokens"])[:, 0].astype(np.float64)}
        out.append(rows)
        if listeners == "first":
            break
    return out


def _strokes(trained: Trained, split: str, seed: int, a: int, index: np.ndarray) -> np.ndarray:
    """The corners of the lines that a speaker draws of things [n s k 2]."""
    world = loop.unstack(trained.worlds, trained.seeds.index(seed))
    role = trained.experiment.roles[0]
    alone = world._replace(**{role: jax.tree.map(lambda x: x[a : a + 1], getattr(world, role))})
    drawn = trained.game.strokes_of(trained.config, trained.data, alone, _part(trained, split), index)  # type: ignore[attr-defined]
    return np.round(np.asarray(drawn.points, np.float64), 6)


def _part(trained: Trained, split: str) -> str | None:
    """The split of the data that an exam is about; None where things are made up."""
    return next((name for name in reversed(split.split("/")) if name in trained.data.splits), None)


def _corpus(
    trained: Trained, split: str, parts: list[Rows], agents: tuple[str, ...], seeds: Sequence[int], play: Games, listeners: Listeners
) -> Corpus:
    """The rows of all seeds as one corpus, and what it is about."""
    pictures: dict[str, bytes] = {}
    about = _about(trained, split, seeds, play, listeners, parts[0])
    for rows in parts:
        drawn, arrived = rows.get("image"), rows.get("heard_image")
        if drawn is not None:
            rows["image"] = _named(drawn, pictures)
        if drawn is not None and arrived is not None:
            if (drawn == arrived).all():
                del rows["heard_image"]
            else:
                rows["heard_image"] = _named(arrived, pictures)
        if "strokes" in rows:
            about["strokes"] = {"shape": list(rows["strokes"].shape[1:]), "axes": ["stroke", "corner", "x and y"]}
            rows["strokes"] = rows["strokes"].reshape(len(rows["strokes"]), -1)
    found = _stacked(parts)
    part = _part(trained, split)
    if part is not None and "index" in play.about:
        name, whole = trained.data.name, trained.data.splits[part]
        found["reference"] = np.array([f"{name}/{part}/{i}" for i in found["example"].tolist()], np.str_)
        for field, values in (("label", whole.labels), ("attributes", whole.attributes)):
            if field not in found and values is not None:
                found[field] = np.asarray(values)[found["example"]]
    if "heard" in found and (found["heard"] == found["tokens"])[np.arange(found["tokens"].shape[1]) < found["length"][:, None]].all():
        del found["heard"]
    if "guess" in found and "correct" not in found and found["guess"].shape == found["target"].shape:
        right = (found["guess"] == found["target"]).mean(axis=1)
        found["correct"] = np.where((found["target"] == NONE).all(axis=1), np.nan, right)
    return checked(Corpus(**found, agents=agents, about=about, pictures=pictures))


def _stacked(parts: list[Rows]) -> dict[str, Any]:
    """Fields of several parts one after another; what one of them lacks or has fewer of is filled up."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for rows in parts for name in rows):
        known = next(rows[name] for rows in parts if name in rows)
        fill = "" if known.dtype.kind == "U" else np.nan if known.dtype.kind == "f" else NONE
        each = [rows.get(name, np.full((len(rows["length"]), *known.shape[1:]), fill)) for rows in parts]
        wide = max(x.shape[1] for x in each) if known.ndim == 2 else 0
        found[name] = np.concatenate(
            [np.pad(x, ((0, 0), (0, wide - x.shape[1])), constant_values=fill) if known.ndim == 2 else x for x in each]
        )
    return found


def _named(images: np.ndarray, pictures: dict[str, bytes]) -> np.ndarray:
    """Keep images [n h w c], each once by the hash of its pixels; returns their paths."""
    names = []
    for image in images:
        name = f"{IMAGES}/{hashlib.md5(image.tobytes(), usedforsecurity=False).hexdigest()}.png"
        if name not in pictures:
            pictures[name] = png(image)
        names.append(name)
    return np.array(names, np.str_)


def _about(trained: Trained, split: str, seeds: Sequence[int], play: Games, listeners: Listeners, rows: Rows) -> dict[str, Any]:
    """What is told once of all rows."""
    data, config = trained.data, asdict(trained.config)
    attributes = [
        {"name": name, "values": list(data.attribute_values[i]) if i < len(data.attribute_values) else []}
        for i, name in enumerate(data.attribute_names)
    ]
    part = _part(trained, split)
    about: dict[str, Any] = {
        "game": trained.run.record["game"],
        "step": trained.step,
        "split": split,
        "seeds": list(seeds),
        "data": None if part is None else {"name": data.name, "fingerprint": data.fingerprint, "split": part},
        "message": _kind(trained, play, rows),
        "answer": _answer(trained, split, play, rows),
        "chance": trained.experiment.exams[split].chance,
        "listeners": listeners,
        "classes": list(data.classes),
        "attributes": attributes,
        "config": config,
        "versions": versions(),
    }
    return {name: value for name, value in about.items() if value not in (None, [], "")}


def _kind(trained: Trained, play: Games, rows: Rows) -> dict[str, Any]:
    """What a message is made of, and what its end means."""
    wide = int(rows["tokens"].shape[1])
    if "code" in play.pairs:
        return {"kind": "bits", "vocab_size": 2, "max_len": wide, "end": "every message has this many bits"}
    if play.images is not None:
        kind = "drawings of symbols" if play.symbols else "drawings"
        told = {"vocab_size": play.symbols, "max_len": wide, "end": "`message` is what was to be drawn"} if play.symbols else {}
        return {"kind": kind, "size": list(play.images.shape[-3:]), **told}
    usual = getattr(trained.config, "vocab_size", play.symbols)
    vocab_size = usual if isinstance(usual, int) and 0 < usual <= play.symbols else play.symbols
    ends = vocab_size < play.symbols or bool((rows["length"] < wide).any())
    end = "a message may end early; the end is no symbol of it" if ends else "all messages have this length"
    return {"kind": "symbols", "vocab_size": vocab_size, "max_len": wide, "variable_length": ends, "end": end}


def _answer(trained: Trained, split: str, play: Games, rows: Rows) -> str | None:
    """What `guess` and `target` are."""
    if "guess" not in rows:
        return None
    target = rows["target"]
    if "code" in play.pairs:
        return (
            "the class; after each message, what the answer would be" if _classes(trained, split) is not None else "a place among classes"
        )
    if play.images is not None and play.symbols:
        return "the symbols that were drawn"
    if play.whole:
        return "the example, among all of its batch"
    if "candidates" in rows:
        return "a place among the candidates"
    if len(trained.experiment.roles) == 1:
        return SIGN
    for name, what in (("label", "the class"), ("attributes", "the attributes")):
        if (
            name in rows
            and rows[name].reshape(len(target), -1).shape == target.shape
            and (rows[name].reshape(target.shape) == target).all()
        ):
            return what
    return "as the game counts its answers"


def measurable(trained: Trained, split: str = "test", *, seeds: Sequence[int] = ()) -> tuple[Corpus, np.ndarray | None]:
    """What `corpora.measure` takes of a run: its corpus, and the vectors of what it is about, None where these are drawn or made up."""
    corpus = of(trained, split, seeds=seeds)
    part = (corpus.about.get("data") or {}).get("split")
    return corpus, None if part is None or corpus.drawn else inputs(trained.data, part)


def inputs(data: Data, part: str) -> np.ndarray:
    """The things of a split as vectors [m d], pixels from 0 to 1, as `example` counts them."""
    shown = data.splits[part].inputs
    flat = np.asarray(shown).reshape(len(shown), -1)
    return flat.astype(np.float32) / np.float32(255) if flat.dtype == np.uint8 else flat
