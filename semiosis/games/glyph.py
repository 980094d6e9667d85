"""The glyph game: a generator draws each message as an image, a reader reads it through an ever noisier visual channel.

who sees what    the generator a random message: one symbol, bits, a tuple of symbols, or numbers; the reader the image, as it arrives
what is sent     an image of side x side pixels, grey or in colour
who is paid      both learn from one loss, that of the reader's answer; the reader must also tell images that say nothing
how they learn   by backpropagation through the channel, whose difficulty rises and falls with their success
the source       GlyphNet (noahtren, 2020); departures: docs/fidelity.md

semiosis train glyph --preset quick            26 grey glyphs of 16 x 16, no noise
semiosis train glyph --preset colour           26 colour glyphs through a channel that climbs to its highest level
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from semiosis import channels, curricula, metrics
from semiosis.errors import UsageError, check_ranges, unknown
from semiosis.nets.glyphs import Decoder, Drawer, Norm, Pen, Places
from semiosis.populations import Partners, Together, check_society, crowd, pick, society
from semiosis.rules import Difficulty, born, chain, descend, easy, harden
from semiosis.scenes import Data, Split
from semiosis.scenes.sampling import batch_indices
from semiosis.types import Agent, Bench, Channel, Episode, Exam, Experiment, Logs, Mean, Phase, Rule, Turn, Utterance, Watch
from semiosis.visual import LADDERS, Draws, Fill, operations_of, top, visual

Encoding = Literal["one-hot", "bits", "tuples", "dense"]
SHOWN = 36  # messages whose glyphs are kept at each line of metrics
PRESENT = -1  # the level that training has got to
VALID = 1_000_000_000  # from here on examples of the split valid are numbered
LARGEST = 2**20  # of what sizes arrays
Net = Any


@dataclass(frozen=True)
class Config:
    """Every dial of the glyph game; the preset `paper` holds the published settings."""

    data: str = "none"
    """Where dense messages come from, vectors or pixels; none draws them from a normal, and is right for all other messages."""
    steps: int = 25_000
    """Steps to train (published: 100 epochs of 250)."""
    batch_size: int = 128
    """Messages a step."""
    encoding: Encoding = "one-hot"
    """What a message is: one symbol, max_len bits, max_len symbols, or max_len numbers."""
    vocab_size: int = 128
    """Symbols to choose from (one-hot and tuples)."""
    max_len: int = 1
    """Bits, places of a tuple, or numbers of a message; with data, dense messages have as many numbers as the data."""
    side: int = 64
    """Pixels along a side: a power of two."""
    colours: Literal[1, 3] = 3
    """1 for grey, 3 for colour."""
    filters: int = 16
    """Filters of the generator's last feature map; the reader's first has twice as many."""
    generator: Literal["conv", "cppn", "strokes"] = "conv"
    """Convolutions that double the side (published), a picture as a function of place, or strokes of a pen."""
    cppn_width: int = 64
    """Width of the layers of a cppn."""
    cppn_depth: int = 4
    """Its residual layers."""
    strokes: int = 6
    """Lines that a pen draws (generator strokes)."""
    sigma2: float = 1e-2
    """Their width: ink is exp(-distance^2 / sigma2), in units of which a glyph is 2 high."""
    norm: Norm = "affine"
    """A gain and a shift of each channel (what the published normalisation comes to), group normalisation, or none."""
    update: Literal["joint", "alternating"] = "joint"
    """One update of both on one loss, or the published three: reader on glyphs, reader on noise, generator, each with fresh messages."""
    negatives: float = 0.25
    """Images that say nothing, as a share of the batch, in a joint update; half from an untrained generator, half random pixels."""
    untrained_every: int = 1
    """Steps after which another untrained generator makes them (published: an epoch of 250)."""
    generator_lr: float = 1e-3
    """The generator's learning rate (Adam; published: 2.5e-4)."""
    reader_lr: float = 1e-3
    """The reader's (published: 2.5e-4)."""
    momentum: float = 0.5
    """Adam's beta1 of both."""
    channel: Literal["glyphnet", "ccn", "none"] = "glyphnet"
    """The table of noise by level: GlyphNet's, its successor's, or a clear channel."""
    operations: tuple[str, ...] = ()
    """Operations of the channel to keep, such as static blur rotate; () keeps all that the table has for such images."""
    draws: Draws = "image"
    """Whether scale, shift and coins of the channel are drawn for each image, or once a batch as published."""
    fill: Fill = "black"
    """What lies outside an image that is moved: black (published), white, its mean colour, or its nearest pixel."""
    curriculum: Literal["accuracy", "one-by-one", "loss", "fixed"] = "accuracy"
    """When the level changes: by accuracy at the present level, the same for one operation at a time, by loss as published, or never."""
    level: int = 0
    """The level to begin with, from 0 to 15."""
    judge_every: int = 50
    """Steps between decisions on the level (published: 250)."""
    raise_at: float = 0.95
    """Accuracy from which the level rises (curriculum accuracy and one-by-one)."""
    lower_below: float = 0.5
    """Accuracy below which it falls."""
    raise_below: float = 2.0
    """Loss, the sum of the three published terms, below which the level rises (curriculum loss)."""
    lower_above: float = 5.0
    """Loss above which it falls."""
    replay: float = 0.25
    """Share of messages that are sent at lower levels, so that these are not forgotten; accuracy is judged on the others."""
    collapse: float = 0.0
    """Accuracy below which agents are called back, as they were when they last passed a level, to that level; 0 is never."""
    n_generators: int = 1
    """Generators of the population."""
    n_readers: int = 1
    """Readers of the population."""
    pairs: int = 0
    """Pairs that play at each step; 0 means as many as the larger crowd (replacement) or the smaller (disjoint)."""
    partners: Partners = "replacement"
    """Who meets: drawn with replacement, in turn; without replacement, no agent twice; or the same partners always."""
    together: Together = "auto"
    """Whether disjoint pairs are updated side by side or in turn: auto does what is faster on this device."""
    frozen: Literal["none", "generator", "reader"] = "none"
    """A role that does not learn."""
    evaluation_size: int = 1024
    """Messages of an evaluation, at each level."""


class Society(NamedTuple):
    """The world: a crowd of generators, one of readers, and how hard the channel is."""

    generator: Agent
    reader: Agent
    difficulty: Difficulty


# -------------------------------------------------------------------------------------------------------------- messages


class Message(NamedTuple):
    """`content` [n t]: symbols or bits as integers, or numbers; `level` [n] of the channel, PRESENT where training decides it.

    `example` [n] numbers the messages, those of an exam that no noise can change by what they say; `label` [n] is the class of those of
    a data set, where it has one.
    """

    content: Array
    level: Int[Array, " n"]
    example: Int[Array, " n"]
    label: Int[Array, " n"] | None


class Messages(eqx.Module):
    """Messages as a function of (step, key): drawn at random for training; for an exam all there are in turn, where they are few.

    `levels` are given in turn to messages, and another to each in each round of all there are. `rows` and `labels` are those of a data set,
    of which dense messages are taken. The exam of a split is the same in every run.
    """

    rows: Float[Array, "m t"] | None
    labels: Int[Array, " m"] | None
    levels: Int[Array, " l"]
    count: int = eqx.field(static=True)
    exam: str = eqx.field(static=True)
    base: int = eqx.field(static=True)
    length: int = eqx.field(static=True)

    def __call__(self, step: Int[Array, ""], key: PRNGKeyArray) -> Message:
        if self.exam:
            key = jax.random.key(("test", "valid").index(self.exam))
        index = step * self.count + jnp.arange(self.count)
        every = self.base**self.length if self.in_turn else self.count
        level = self.levels[(index % every + index // every) % self.levels.shape[0]]
        if self.rows is not None:
            chosen = batch_indices(step, key, self.count, self.rows.shape[0])
            label = None if self.labels is None else self.labels[chosen]
            return Message(self.rows[chosen], level, chosen, label)
        # those of the two splits differ, and with them the noise on their way, even where what they say is the same
        example = index + every + (VALID if self.exam == "valid" else 0)
        said = self.content(index, jax.random.fold_in(key, step))
        return Message(said, level, jnp.where((level == 0) & self.in_turn, index % every, example), None)

    @property
    def in_turn(self) -> bool:
        """Whether these are all the messages there are, one after another."""
        return bool(self.base and self.exam and self.length * np.log(self.base) <= np.log(self.count) + 1e-9)

    def content(self, index: Int[Array, " n"], key: PRNGKeyArray) -> Array:
        """The messages of these numbers, or random ones."""
        if self.in_turn:
            powers = self.base ** jnp.arange(self.length - 1, -1, -1)
            return index[:, None] // powers[None] % self.base
        return random_content(self.base, self.count, self.length, key)


def random_content(base: int, count: int, length: int, key: PRNGKeyArray) -> Array:
    """Random messages [count length] of symbols below `base`; of normal numbers where it is 0."""
    return jax.random.randint(key, (count, length), 0, base) if base else jax.random.normal(key, (count, length))


def base_of(config: Config) -> int:
    """How many symbols there are for a place of a message; 0 where it is a number."""
    return {"bits": 2, "dense": 0}.get(config.encoding, config.vocab_size)


def messages(config: Config, data: Data, part: str, count: int, levels: Int[Array, " l"]) -> Messages:
    """Messages for training (`part` train) or for the exam of a split."""
    rows = labels = None
    if data.splits:
        split: Split = data.splits[part]
        train = np.asarray(data.splits["train"].inputs, np.float32).reshape(len(data.splits["train"].inputs), -1)
        spread = train.std(0)
        rows = jnp.asarray((split.inputs.reshape(len(split.inputs), -1) - train.mean(0)) / np.where(spread > 0, spread, 1.0), jnp.float32)
        labels = None if split.labels is None else jnp.asarray(split.labels)
    return Messages(rows, labels, levels, count, "" if part == "train" else part, base_of(config), config.max_len)


def vectors(config: Config, content: Array) -> Float[Array, "n d"]:
    """What a generator is given: one-hot rows side by side, bits as 0 and 1, or the numbers."""
    if config.encoding in ("one-hot", "tuples"):
        return jax.nn.one_hot(content, config.vocab_size).reshape(content.shape[0], -1)
    return content.astype(jnp.float32)


def numbers(config: Config, length: int) -> tuple[int, int]:
    """How many numbers a generator is given, and how many a reader answers: one place more, for *nothing was said*."""
    if config.encoding in ("one-hot", "tuples"):
        return length * config.vocab_size, length * (config.vocab_size + 1)
    return length, length + 1


def birth_at(config: Config, step: Int[Array, ""]) -> PRNGKeyArray:
    """The key of the generator that stays untrained in training, the same for all seeds."""
    return jax.random.fold_in(jax.random.key(0), step // config.untrained_every)


class Reading(NamedTuple):
    """What a reader made of images: `correct` [n] is the share of places that are right, `silent` [n] the log-odds that nothing was said.

    `bits` [n] is a lower bound of what came across: the entropy of a message less its cross-entropy (Barber and Agakov 2003).
    """

    loss: Float[Array, " n"]
    guess: Array
    target: Array
    correct: Float[Array, " n"]
    exact: Float[Array, " n"]
    silent: Float[Array, " n"]
    bits: Float[Array, " n"] | None
    scores: Float[Array, "n c"] | None


def reading(config: Config, answer: Float[Array, "n o"], content: Array) -> Reading:
    """The reader's numbers, judged by what was said."""
    n, length = content.shape
    if config.encoding == "dense":
        meant, silent = answer[:, :-1], answer[:, -1]
        loss = jnp.mean(jnp.square(meant - content), axis=1) + jax.nn.softplus(silent)
        apart = jnp.sum(jnp.square(meant), axis=1)[:, None] - 2 * meant @ content.T + jnp.sum(jnp.square(content), axis=1)
        guess, target = jnp.argmin(apart, axis=1), jnp.arange(n)
        right = (guess == target).astype(jnp.float32)
        return Reading(loss, guess, target, right, right, silent, None, None)
    if config.encoding == "bits":
        errors = optax.sigmoid_binary_cross_entropy(answer, jnp.pad(content, ((0, 0), (0, 1))).astype(jnp.float32))
        guess = (answer[:, :-1] > 0).astype(content.dtype)
        right = (guess == content).astype(jnp.float32)
        bits = length - jnp.sum(errors[:, :-1], axis=1) / np.log(2)
        return Reading(errors.mean(1), guess, content, right.mean(1), right.min(1), answer[:, -1], bits, None)
    logp = jax.nn.log_softmax(answer.reshape(n, length, -1))
    errors = -jnp.take_along_axis(logp, content[..., None], axis=2)[..., 0]
    guess = jnp.argmax(logp, axis=2)
    right = (guess == content).astype(jnp.float32)
    silent = jnp.mean(logp[..., -1] - jax.nn.logsumexp(logp[..., :-1], axis=2), axis=1)
    bits = (length * np.log(config.vocab_size) - jnp.sum(errors, axis=1)) / np.log(2)
    lone = config.encoding == "one-hot"
    guess, target = (guess[:, 0], content[:, 0]) if lone else (guess, content)
    return Reading(errors.mean(1), guess, target, right.mean(1), right.min(1), silent, bits, logp[:, 0, :-1] if lone else None)


def silence(config: Config, answer: Float[Array, "n o"]) -> Float[Array, " n"]:
    """The loss where nothing was said: the last class (of each place), or, for bits, zeros and a trailing one."""
    if config.encoding == "dense":
        return jax.nn.softplus(-answer[:, -1])
    if config.encoding == "bits":
        return optax.sigmoid_binary_cross_entropy(answer, jnp.zeros_like(answer).at[:, -1].set(1.0)).mean(1)
    return -jax.nn.log_softmax(answer.reshape(answer.shape[0], -1, config.vocab_size + 1))[..., -1].mean(1)


# ------------------------------------------------------------------------------------------------------------------ play

Way = Callable[[Array, Array, PRNGKeyArray], Array]  # images [n h w c], levels [n k], key -> images as they arrive


def way(config: Config) -> Way:
    """The visual channel."""
    if config.channel == "none":
        return lambda images, level, key: images
    return visual(LADDERS[config.channel], operations(config), draws=config.draws, fill=config.fill)


def operations(config: Config) -> tuple[str, ...]:
    """The operations of the channel."""
    if config.channel == "none":
        return ()
    has = operations_of(LADDERS[config.channel], config.colours)
    return tuple(name for name in has if name in config.operations) if config.operations else has


def depict(config: Config, generator: Net, content: Array) -> Float[Array, "n h w c"]:
    """The glyphs of messages; of one-hot messages that repeat in a batch, each is drawn once."""
    if config.encoding == "one-hot" and config.vocab_size < content.shape[0]:
        alphabet = generator(jnp.eye(config.vocab_size))
        rows = jax.nn.one_hot(content[:, 0], config.vocab_size)  # a product: a gather's gradient is slower
        return jnp.matmul(rows, alphabet.reshape(config.vocab_size, -1), precision="highest").reshape(-1, *alphabet.shape[1:])
    return generator(vectors(config, content))


def nothing(config: Config, count: int, length: int, birth: PRNGKeyArray, key: PRNGKeyArray) -> Float[Array, "n h w c"]:
    """Images that say nothing: the first half from an untrained generator, born of that key, the others pixels sigmoid(N(0, 1))."""
    key_content, key_pixels = jax.random.split(key)
    untrained = newborn(config, length, birth)
    some = -(-count // 2)
    drawn = untrained(vectors(config, random_content(base_of(config), some, length, key_content)))
    pixels = jax.nn.sigmoid(jax.random.normal(key_pixels, (count - some, *drawn.shape[1:])))
    return jnp.concatenate([drawn, pixels])


def levels(
    world: Society, message: Message, replay: float = 0.0, key: PRNGKeyArray | None = None
) -> tuple[Int[Array, "n k"], Bool[Array, " n"]]:
    """The level of each message in each operation, and which are at the level they were given; a share is sent lower, for `replay`."""
    present = world.difficulty.level[None]
    at = jnp.where(message.level[:, None] == PRESENT, present, message.level[:, None])
    if key is None or not replay:
        return at, jnp.ones(at.shape[0], bool)
    who, how = jax.random.uniform(key, (2, at.shape[0], 1))
    lower = who < replay
    return jnp.where(lower, jnp.floor(how * at).astype(at.dtype), at), ~lower[:, 0]


def play_of(config: Config) -> Callable[..., Episode]:
    """How a pair is judged: what is drawn, read and answered, and whether the reader tells glyphs from images that say nothing."""
    channel = way(config)

    def play(world: Society, scene: Message, key: PRNGKeyArray, between: Channel = channels.clear) -> Episode:
        # each split meets noise of its own: the largest number tells them apart, whatever level the last message has
        keys = jax.random.split(jax.random.fold_in(key, jnp.max(scene.example)), 5)
        key_between, key_way, key_birth, key_nothing, key_silent = keys
        n, length = scene.content.shape
        said, (at, _) = depict(config, world.generator.net, scene.content), levels(world, scene)
        heard = channel(between(said, key_between), at, key_way)
        found = reading(config, world.reader.net(heard), scene.content)
        blank = channel(nothing(config, n, length, key_birth, key_nothing), at, key_silent)
        silent = reading(config, world.reader.net(blank), scene.content).silent
        told = jnp.mean((silent > found.silent[:, None]) + 0.5 * (silent == found.silent[:, None]), axis=1)
        figures = {"exact": found.exact, "no_signal_auroc": told, "level": jnp.full(n, jnp.mean(world.difficulty.level * 1.0))}
        if found.bits is not None:
            figures["bits"] = found.bits
        if config.encoding in ("one-hot", "dense"):
            del figures["exact"]  # one place a message: it is the accuracy
        if config.channel == "none":
            del figures["level"]
        info = {"correct": found.correct, "index": scene.example, "heard": heard, "symbols": jnp.full(n, base_of(config))}
        info |= {} if config.channel == "none" else {"level": jnp.mean(at.astype(jnp.float32), axis=1)}
        info |= {} if found.scores is None else {"scores": found.scores}
        info |= {} if scene.label is None else {"label": scene.label}
        return Episode((Utterance(said, jnp.ones(n, jnp.int32)),), found.guess, found.target, found.loss, None, info, figures)

    return play


# ----------------------------------------------------------------------------------------------------------------- rules


def optimisers(config: Config) -> dict[str, optax.GradientTransformation]:
    """Each role's."""
    rates = {"generator": config.generator_lr, "reader": config.reader_lr}
    return {role: optax.adam(rate, b1=config.momentum, eps=1e-7) for role, rate in rates.items()}


def _of_glyphs(config: Config, learning: tuple[str, ...], part: int, parts: int, negatives: int) -> Rule:
    """A gradient step of these roles on glyphs, and on so many images that say nothing; of a scene of several batches, on one.

    Logs the loss of each role that learns, so that of one that learns apart is not lost behind another's.
    """
    channel = way(config)

    def loss(nets: Mapping[str, Net], world: Society, turn: Turn) -> tuple[Array, Logs]:
        key_replay, key_nothing, key_way = jax.random.split(turn.key, 3)
        generator, reader = nets.get("generator", world.generator.net), nets.get("reader", world.reader.net)
        scene: Message = jax.tree.map(lambda x: x.reshape(parts, -1, *x.shape[1:])[part], turn.scene)
        n, length = scene.content.shape
        images, (at, judged) = depict(config, generator, scene.content), levels(world, scene, config.replay, key_replay)
        if negatives:
            blank = jax.lax.stop_gradient(nothing(config, negatives, length, birth_at(config, turn.step), key_nothing))
            images = jnp.concatenate([images, blank])
            at = jnp.concatenate([at, jnp.broadcast_to(at[-1:], (negatives, at.shape[1]))])
        answer = reader(channel(images, at, key_way))
        found = reading(config, answer[:n], scene.content)
        total = value = jnp.mean(found.loss)
        logs: Logs = {"loss": value, "accuracy": _among(found.correct, judged)} | {f"{role}_loss": value for role in learning}
        if config.encoding in ("bits", "tuples"):
            logs["exact"] = _among(found.exact, judged)
        if negatives:
            logs["noise_loss"] = jnp.mean(silence(config, answer[n:]))
            total = total + logs["noise_loss"]
        return total, logs

    return descend(loss, {role: rule for role, rule in optimisers(config).items() if role in learning})  # type: ignore[arg-type]


def _among(values: Float[Array, " n"], judged: Array) -> Mean:
    """The mean over those that are judged."""
    return Mean(jnp.sum(values * judged), jnp.sum(judged * 1.0))


def _of_noise(config: Config) -> Rule:
    """A gradient step of the reader on images that say nothing: of an untrained generator at even steps, random pixels at odd ones."""
    channel = way(config)

    def loss(nets: Mapping[str, Net], world: Society, turn: Turn) -> tuple[Array, Logs]:
        key_nothing, key_way = jax.random.split(turn.key)
        n, length = config.batch_size, turn.scene.content.shape[1]
        drawn, pixels = jnp.split(nothing(config, 2 * n, length, birth_at(config, turn.step), key_nothing), 2)
        blank = jnp.where(turn.step % 2 == 0, drawn, pixels)
        at = jnp.broadcast_to(world.difficulty.level, (n, world.difficulty.level.shape[0]))
        value = jnp.mean(silence(config, nets["reader"](channel(blank, at, key_way))))
        return value, {"noise_loss": value}

    return descend(loss, {"reader": optimisers(config)["reader"]})  # type: ignore[arg-type]


def pair_rule(config: Config) -> Rule:
    """What a meeting does to a generator and a reader; logs `total_loss`, the sum of the reader's two losses and the generator's."""
    learning = tuple(role for role in ("generator", "reader") if role != config.frozen)
    if config.update == "joint":
        some = max(1, round(config.negatives * config.batch_size)) if config.negatives else 0
        rule = _of_glyphs(config, learning, 0, 1, some)
    else:
        steps = [_of_glyphs(config, ("reader",), 0, 2, 0), _of_noise(config)] if "reader" in learning else []
        steps += [_of_glyphs(config, ("generator",), 1, 2, 0)] if "generator" in learning else []
        rule = chain(*steps)

    def summed(world: Society, turn: Turn) -> tuple[Society, Logs]:
        world, logs = rule(world, turn)
        terms = [logs.pop(f"{role}_loss", logs["loss"]) for role in ("generator", "reader")]
        return world, logs | {"total_loss": sum([*terms, logs.get("noise_loss", 0.0)])}  # type: ignore[arg-type]

    return summed


def judge(config: Config) -> curricula.Judge:
    """When the level changes."""
    highest = top(LADDERS[config.channel])
    if config.curriculum == "loss":
        return curricula.by_loss(config.raise_below, config.lower_above, top=highest)
    by = curricula.by_accuracy if config.curriculum == "accuracy" else curricula.one_by_one
    return by(config.raise_at, config.lower_below, top=highest)


# ------------------------------------------------------------------------------------------------------------------ make


def newborn(config: Config, length: int, key: PRNGKeyArray) -> Net:
    """A generator's network for messages of this length."""
    given, _ = numbers(config, length)
    if config.generator == "cppn":
        size = {"side": config.side, "width": config.cppn_width, "depth": config.cppn_depth}
        return Places(given, config.colours, norm=config.norm, key=key, **size)
    if config.generator == "strokes":
        return Pen(given, config.side, config.colours, strokes=config.strokes, sigma2=config.sigma2, key=key)
    return Drawer(given, config.side, config.colours, filters=config.filters, norm=config.norm, key=key)


def length_of(config: Config, data: Data) -> int:
    """Places of a message."""
    return int(np.prod(data.splits["train"].inputs.shape[1:])) if data.splits else config.max_len


def births(config: Config, length: int) -> dict[str, Callable[[PRNGKeyArray], Agent]]:
    """How an agent of each role is born, from a key."""
    learn = optimisers(config)

    def reader(key: PRNGKeyArray) -> Agent:
        _, answers = numbers(config, length)
        net = Decoder(config.side, config.colours, answers, filters=config.filters, norm=config.norm, key=key)
        return born(net, learn["reader"])

    return {"generator": lambda key: born(newborn(config, length, key), learn["generator"]), "reader": reader}


def _exams(config: Config, data: Data) -> dict[str, Exam]:
    """Both splits at all levels in turn (at the one level of a fixed channel), and the test split at each level."""
    highest = 0 if config.channel == "none" else top(LADDERS[config.channel])
    usual = jnp.array([config.level]) if config.curriculum == "fixed" or not highest else jnp.arange(highest + 1)
    chance = 0.5 if config.encoding == "bits" else 1 / config.vocab_size

    def exam(part: str, at: Int[Array, " l"]) -> Exam:
        fits = len(data.splits[part].inputs) if data.splits else config.evaluation_size
        count = min(config.evaluation_size, fits)
        return Exam(messages(config, data, part, count, at), 1, 1 / count if config.encoding == "dense" else chance)

    exams = {part: exam(part, usual) for part in ("valid", "test")}
    if highest:
        exams |= {f"test/level-{level}": exam("test", jnp.array([level])) for level in range(highest + 1)}
    return exams


def _watch(config: Config, scenes: Messages) -> Watch:
    """The glyphs of the same messages at each line, as drawn and as they arrive at the present level, and how they look."""
    channel = way(config)
    scenes = replace(scenes, levels=jnp.array([PRESENT]))

    def keep(world: Society) -> dict[str, Array]:
        scene = scenes(jnp.int32(0), jax.random.key(0))
        shown = jax.tree.map(lambda x: x[: alphabet_size(config, SHOWN)], scene)
        drawn = depict(config, pick(world.generator, 0).net, shown.content)
        arrived = channel(drawn, levels(world, shown)[0], jax.random.key(0))
        kept = {"drawn": _bytes(drawn), "arrived": _bytes(arrived), "level": world.difficulty.level}
        return kept | ({"meant": shown.content, "symbols": jnp.int32(base_of(config))} if base_of(config) else {})

    def figures(kept: dict[str, np.ndarray]) -> dict[str, float | None]:
        images = kept["drawn"].astype(np.float32) / 255
        look = {"ink": metrics.ink, "colours": metrics.colours, "glyph_distance": metrics.glyph_distance}
        return {name: measure(images).value for name, measure in look.items()}

    return Watch(keep, figures, saved=("drawn", "arrived", "level", *(("meant", "symbols") if base_of(config) else ())))


def alphabet_size(config: Config, most: int) -> int:
    """How many messages there are, or `most` if there are more."""
    length = 1 if config.encoding == "one-hot" else config.max_len
    base = base_of(config)
    return most if not base or length * np.log(base) > np.log(most) else base**length


def _bytes(images: Float[Array, "n h w c"]) -> Array:
    return jnp.round(255 * jnp.clip(images, 0.0, 1.0)).astype(jnp.uint8)


def check(config: Config, data: Data) -> None:
    """One sentence for each setting that cannot be played, before anything is compiled."""
    ranges = {
        "steps": (0, 2**31 - 1), "batch_size": (1, LARGEST), "vocab_size": (2, LARGEST), "max_len": (1, LARGEST), "filters": (1, 1024),
        "cppn_width": (1, 2**14), "cppn_depth": (0, 100), "strokes": (1, 10_000), "sigma2": (1e-6, 4.0),
        "negatives": (0.0, 4.0), "untrained_every": (1, 2**31 - 1),
        "generator_lr": (0.0, None), "reader_lr": (0.0, None), "momentum": (0.0, 0.999), "judge_every": (1, 2**31 - 1),
        "raise_at": (0.0, 1.0), "lower_below": (0.0, 1.0), "replay": (0.0, 0.9), "collapse": (0.0, 1.0), "n_generators": (1, LARGEST),
        "n_readers": (1, LARGEST), "pairs": (0, LARGEST), "evaluation_size": (16, LARGEST), "level": (0, None), "side": (4, 1024),
        "raise_below": (0.0, None), "lower_above": (0.0, None),
    }  # fmt: skip
    check_ranges(config, ranges)
    if config.side & (config.side - 1):
        raise UsageError(f"side is {config.side}: expected a power of two, such as 16, 32 or 64")
    if config.encoding == "one-hot" and config.max_len != 1:
        raise UsageError(f"a one-hot message is one symbol, and max_len is {config.max_len}: set --encoding tuples or bits")
    if data.splits and config.encoding != "dense":
        raise UsageError(
            f"messages of the encoding {config.encoding} are made up: set --data none, or --encoding dense to draw {data.name!r}"
        )
    if data.splits and config.batch_size > len(data.splits["train"].inputs):
        raise UsageError(f"a batch of {config.batch_size} does not fit the {len(data.splits['train'].inputs)} examples of {data.name!r}")
    if config.raise_at <= config.lower_below and config.curriculum in ("accuracy", "one-by-one"):
        raise UsageError(f"raise_at is {config.raise_at} and lower_below {config.lower_below}: the level would rise and fall at once")
    if config.curriculum == "loss" and config.raise_below >= config.lower_above:
        raise UsageError(f"raise_below is {config.raise_below} and lower_above {config.lower_above}: the level would rise and fall at once")
    if config.collapse >= config.raise_at and config.curriculum in ("accuracy", "one-by-one"):
        raise UsageError(f"collapse is {config.collapse} and raise_at {config.raise_at}: agents that pass a level would be called back")
    if config.curriculum == "loss" and config.collapse:
        raise UsageError("agents are called back by their accuracy: set --collapse 0 with the curriculum loss")
    if config.curriculum == "loss" and (config.frozen != "none" or (config.update == "joint" and not config.negatives)):
        why = f"the {config.frozen} is frozen" if config.frozen != "none" else "there are no negatives"
        raise UsageError(f"the curriculum loss goes by three losses, and one is missing where {why}: choose another curriculum")
    if config.collapse and (config.curriculum == "fixed" or config.channel == "none"):
        raise UsageError("agents are called back to a level they have passed, and no level changes here: set --collapse 0")
    if (
        config.encoding == "dense"
        and config.batch_size < 16
        and config.channel != "none"
        and config.curriculum in ("accuracy", "one-by-one")
    ):
        raise UsageError(
            f"a dense message is told from others of its batch, and {config.batch_size} say little: set --batch-size 16 or more"
        )
    _check_channel(config)
    check_society({"generator": config.n_generators, "reader": config.n_readers}, config.partners, config.pairs)


def _check_channel(config: Config) -> None:
    if config.channel == "none":
        if config.operations or config.level:
            raise UsageError("a clear channel has no operations and no levels: set --channel glyphnet or ccn")
        return
    known, highest = operations_of(LADDERS[config.channel], config.colours), top(LADDERS[config.channel])
    for name in config.operations:
        if name not in known:
            raise unknown(f"operation of the channel {config.channel} with {config.colours} colours", name, known)
    if config.level > highest:
        raise UsageError(f"level is {config.level}: expected 0 to {highest}")


def make(config: Config, data: Data) -> Experiment:
    """The experiment: generators and readers, the channel between them, how they learn, and how to judge them.

    Raises UsageError, one sentence, where the configuration and the data do not fit.
    """
    check(config, data)
    length = length_of(config, data)
    exams, birth_of = _exams(config, data), births(config, length)
    sizes = {"generator": config.n_generators, "reader": config.n_readers}
    called_back = bool(config.collapse)

    def birth(key: PRNGKeyArray) -> Society:
        key_generator, key_reader = jax.random.split(key)
        agents = {
            "generator": crowd(birth_of["generator"], config.n_generators, key=key_generator),
            "reader": crowd(birth_of["reader"], config.n_readers, key=key_reader),
        }
        level = jnp.full(max(len(operations(config)), 1), config.level, jnp.int32)
        return Society(**agents, difficulty=easy(level, agents if called_back else None))

    rule = society(pair_rule(config), sizes, partners=config.partners, pairs=config.pairs, together=config.together, frozen=config.frozen)
    if config.curriculum != "fixed" and config.channel != "none":
        log = "total_loss" if config.curriculum == "loss" else "accuracy"
        collapse = config.collapse if called_back else None
        rule = harden(rule, "difficulty", log, judge(config), every=config.judge_every, collapse=collapse)
    batches = 1 if config.update == "joint" else 2
    scenes = messages(config, data, "train", batches * config.batch_size, jnp.array([PRESENT]))
    test = exams["test"].scenes
    assert isinstance(test, Messages)
    phase = Phase("game", rule, scenes, max(config.steps, 1), watch=_watch(config, test))
    shown = ("accuracy", "loss") if config.channel == "none" else ("accuracy", "level", "loss")
    roles, tampering = ("generator", "reader"), channels.pictures(0.0)
    return Experiment(birth, (phase,), play_of(config), exams, roles=roles, shown=shown, tampering=tampering)


def morph(config: Config, data: Data, world: Society, share: Float[Array, ""], count: int) -> Float[Array, "m h w c"]:
    """Glyphs on their way from message to message: the i-th of at most `count` is at message i at share 0, at i + 1 at share 1.

    `world` is one seed's, whose first generator draws; what it is given lies on the straight line between two messages.
    """
    count = alphabet_size(config, count)
    scenes = replace(_exams(config, data)["test"].scenes, levels=jnp.array([0]))  # type: ignore[type-var]
    given = vectors(config, scenes(jnp.int32(0), jax.random.key(0)).content[:count])
    count = given.shape[0]
    whole = jnp.floor(share)
    stops = [given[(jnp.arange(count) + whole.astype(jnp.int32) + more) % count] for more in (0, 1)]
    return pick(world.generator, 0).net(stops[0] + (share - whole) * (stops[1] - stops[0]))


def common(config: Config) -> dict[str, object]:
    """What agents of two runs must share to understand each other at all."""
    used = {"one-hot": ("vocab_size",), "tuples": ("vocab_size", "max_len")}.get(config.encoding, ("max_len",))
    return {name: getattr(config, name) for name in ("encoding", *used, "side", "colours", "channel")}


TASKS = ("clean", "noisy")  # what fresh readers may be asked to learn


def probe(config: Config, *, task: str, speakers: int, listeners: int, lr: float = 1e-3) -> Config:
    """The game in which fresh readers learn the glyphs of frozen generators: `listeners` for each of the first `speakers`.

    The task `clean` is without noise, `noisy` with that of the highest level.
    """
    if task == "noisy" and config.channel == "none":
        raise UsageError("the channel of this run is clear: fresh readers can only learn its glyphs clean, --task clean")
    highest = 0 if config.channel == "none" else top(LADDERS[config.channel])
    return replace(
        config,
        frozen="generator",
        reader_lr=lr,
        n_generators=speakers,
        n_readers=speakers * listeners,
        partners="appointed",
        pairs=0,
        update="joint",
        negatives=0.0,  # an untrained generator, for comparison, is not to be called nothing
        collapse=0.0,
        curriculum="fixed",
        replay=0.0,
        level=highest if task == "noisy" else 0,
    )


_LIGHT = Config(steps=1000, batch_size=64, vocab_size=26, side=16, colours=1, filters=8, channel="none")

PRESETS: dict[str, Config] = {
    "tiny": replace(
        _LIGHT, steps=60, batch_size=16, vocab_size=6, side=8, filters=4, channel="glyphnet", judge_every=10, evaluation_size=64
    ),
    "quick": _LIGHT,
    "colour": replace(_LIGHT, steps=8000, colours=3, channel="glyphnet"),
    "grey": replace(_LIGHT, steps=8000, channel="glyphnet"),
    "large": Config(),
    "paper": Config(
        update="alternating",
        untrained_every=250,
        generator_lr=2.5e-4,
        reader_lr=2.5e-4,
        draws="batch",
        curriculum="loss",
        judge_every=250,
        replay=0.0,
    ),
}


def gflop(config: Config) -> float:
    """Arithmetic of a pair's step in matrix products, forward and backward, in 1e9 floating-point operations (convolutional glyphs)."""
    n, filters, halvings = config.batch_size, config.filters, int(np.log2(config.side))
    wide = [filters * 2**r for r in range(halvings + 1)]
    given, answers = numbers(config, config.max_len)
    # products of one image; doubling a side of h costs the nine weights at each of h h places, what follows 2h 2h of its own width
    draws = given * wide[-1] + config.side**2 * 9 * filters * config.colours
    draws += sum(4**r * (9 * wide[-1 - r] * wide[-2 - r] + 4 * wide[-2 - r] ** 2) for r in range(halvings))
    first = config.side**2 * 9 * config.colours * 2 * filters
    reads = first + 2 * wide[-1] * answers
    reads += sum(4 ** (halvings - 1 - r) * (9 * (2 * wide[max(r - 1, 0)]) + 2 * wide[r]) * 2 * wide[r] for r in range(halvings))
    drawn = min(n, config.vocab_size) if config.encoding == "one-hot" else n
    if config.update == "joint":
        blank = round(config.negatives * n)
        # images that say nothing want no gradient of their own
        return 2e-9 * (3 * drawn * draws + blank / 2 * draws + 3 * (n + blank) * reads - blank * first)
    return 2e-9 * ((4 * drawn + n) * draws + n * (3 * reads - first) * 2 + 2 * n * reads)


_SMALL, _LARGE = {"as published": 0.1}, {"as published": 2.7}
BENCHES = tuple(
    Bench(title, config, 0, 1, steps, gflop(config), reference)
    for title, config, steps, reference in (
        ("26 grey glyphs of 16 px, clear", PRESETS["quick"], 200, _SMALL),
        ("26 grey glyphs of 16 px, clear, published update", replace(PRESETS["quick"], update="alternating"), 100, _SMALL),
        ("26 colour glyphs of 16 px, noise", PRESETS["colour"], 100, {"as published": 0.12}),
        ("128 colour glyphs of 64 px, clear", replace(PRESETS["large"], channel="none"), 3, _LARGE),
        ("128 colour glyphs of 64 px, noise", PRESETS["large"], 3, _LARGE),
        ("128 colour glyphs of 64 px, published update", PRESETS["paper"], 2, _LARGE),
    )
)
