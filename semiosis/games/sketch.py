"""The sketch game: a sender looks at a photo and draws strokes; a receiver looks at the drawing and must find the photo among others.

who sees what    the sender one photo; the receiver the sketch and the candidates: the same photo, or another of its class, among them
what is sent     a drawing of a few lines or curves, made pixels by a differentiable rasteriser
who is paid      nobody: both learn from one loss, that of the receiver's scores; another loss asks that sketches look like their photos
how they learn   by backpropagation through the drawing
the paper        Mihai and Hare, Learning to Draw, NeurIPS 2021; its departures here: docs/fidelity.md

semiosis train sketch --preset quick            digits: ten candidates, one of each class
semiosis train sketch --preset paper --weights vgg16.pth
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray

from semiosis import channels, raster, surrogates
from semiosis.errors import UsageError, check_ranges
from semiosis.nets import backbones, eyes, sketchers
from semiosis.nets.convolution import Affine
from semiosis.nets.sight import Eye, Receiver, Sight, last
from semiosis.populations import Partners, Together, check_society, crowd, pick, society
from semiosis.raster import Strokes
from semiosis.rules import born, chain, descend
from semiosis.scenes import Data, Split, augment, need_data, need_images
from semiosis.scenes.memory import remembered
from semiosis.scenes.referential import on_device
from semiosis.scenes.rounds import Round, Rounds
from semiosis.scenes.topics import scale
from semiosis.types import Agent, Bench, Channel, Episode, Exam, Experiment, Logs, Phase, Rule, Tampering, Turn, Utterance, Watch

SHOWN = 12  # photos whose sketches are kept at each line of metrics
VISIBLE = 0.1  # a stroke is in use if it changes some pixel by so much
LARGEST = 2**20  # of what sizes arrays
SHARE = 0.25  # of the free memory, what is seen of the photos may take, and as much for the layers of the perceptual loss


@dataclass(frozen=True)
class Config:
    """Every dial of the sketch game; the preset `paper` holds the published settings."""

    data: str = "stl10"
    """The photos: a name that `semiosis data` lists, hub:OWNER/NAME or a folder."""
    steps: int = 12_250
    """Steps to train (published: 250 epochs of 49 steps on STL-10)."""
    batch_size: int = 100
    """Candidates of a step, of all its games together."""
    game: Literal["original", "same", "different", "mixed"] = "original"
    """Any photos are candidates; one of each of some classes; the same, and the sender sees another of the class; or half of each."""
    candidates: int = 0
    """Candidates of a game; 0 means the whole batch (original), or as many as there are classes."""
    targets: int = 0
    """Candidates of a game that a sender draws, each in turn the right one; 0 is all of them."""
    balanced: bool = False
    """Draw all classes alike often in the original game, those of small classes repeatedly (Caltech-101)."""
    margin: int = 0
    """Pixels that photos are larger than the canvas; in training they are cut at random, mirrored and recoloured (Caltech-101: 10)."""
    move: bool = False
    """The sender's photo is turned, moved, scaled and sheared a little, the receiver's is not."""
    backbone: Literal[
        "small", "mlp", "cnn", "bettercnn", "conv2d", "strokenet", "vgg16", "resnet34", "resnet50", "clip-vit-b32", "clip-vit-b16",
        "clip-vit-l14", "clip-rn50", "clip-rn101", "clip-rn50x4", "clip-rn50x16",
    ] = "vgg16"  # fmt: skip
    """What agents look with: small ones that learn from scratch, or published ones with weights from a file."""
    layer: str = ""
    """The layer it is cut behind, such as relu5_3; by default the one that papers use, or the last."""
    weights: str = ""
    """Its weights: a local .safetensors, .pth or .pt file (no code in it is run), or hub:OWNER/NAME; by default random ones."""
    width: int = 0
    """Channels of the first layer of a small backbone, or units of the mlp; 0 is its usual width."""
    backbone_learns: bool = False
    """Train the backbone too; a frozen one is computed once for each photo, and only the sketch passes it."""
    eyes_learn: bool = True
    """Train the projection behind the backbone (published --freeze-encoders: neither it nor the backbone)."""
    sharing: Literal["shared", "half", "separate"] = "shared"
    """Sender and receiver look with one backbone and one projection, with one backbone, or each with its own."""
    latent_size: int = 64
    """Numbers that a backbone's view is projected to (published wide model: 1024)."""
    drawing: Literal["lines", "polylines", "curves", "bezier", "points", "connected", "bezier-connected"] = "lines"
    """What is drawn; connected ones are all lines between some points, each as strong as a matrix says."""
    strokes: int = 20
    """Lines, curves or points; of connected drawings the points."""
    knots: int = 16
    """Corners of a polyline, knots of a curve."""
    segments: int = 1
    """Cubic pieces of a Bezier curve."""
    smooth: bool = False
    """Pieces of a Bezier curve join without a corner."""
    alpha: float = 0.5
    """How a Catmull-Rom curve follows its knots: 0 uniform, 0.5 centripetal, 1 chordal."""
    corners: int = 11
    """Places of a span or piece of a curve that straight lines join (published: 10 lines)."""
    loops: bool = True
    """Points of a connected drawing may be connected with themselves, which makes dots."""
    squash: bool = True
    """Keep places on the canvas by a tanh (published: not those of recurrent Bezier curves)."""
    coloured: bool = False
    """Strokes have colours, and later ones cover earlier ones."""
    opacities: bool = False
    """Each stroke has an opacity that is learned."""
    widths: bool = False
    """Each stroke has a width that is learned, from a half to twice the usual."""
    recurrent: bool = False
    """Strokes are made one after another by a GRU, each from the one before."""
    hard: bool = False
    """Connections are there or not, with the gradient of their strength."""
    sender_hidden: tuple[int, ...] = (64, 256)
    """Hidden widths of the drawing network (published wide model: 1024, 1024)."""
    sigma2: float = 5e-4
    """Width of a stroke, in squared units of which the canvas is 2 high: its ink is exp(-distance^2 / sigma2)."""
    sigma2_factor: float = 0.5
    """What sigma2 is multiplied by now and then, down to sigma2_final."""
    sigma2_every: int = 0
    """Steps between such; 0 is never."""
    sigma2_final: float = 5e-4
    """The least that sigma2 becomes so."""
    ink: Literal["exponential", "sigmoid"] = "exponential"
    """How ink falls with the distance from a stroke."""
    contrast: float = 1.0
    """Ink is multiplied by this."""
    invert: bool = True
    """Dark strokes on white paper; else light ones on black."""
    receiver_hidden: int = 64
    """Hidden units of the receiver's layers behind the projection (published wide model: 1024)."""
    receiver_latent: int = 64
    """Numbers that sketches and candidates are compared by."""
    loss: Literal["hinge", "hinge-sum", "cross-entropy", "infonce", "none"] = "hinge"
    """Margins divided by the candidates (published code) or summed (paper), cross-entropy of products or of cosines, or none."""
    temperature: float = 0.1
    """Cosines are divided by this (infonce)."""
    perceptual: float = 0.0
    """Weight of the perceptual loss: how unlike the backbone's layers find sketch and photo (published: 0 or 1)."""
    perceptual_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)
    """Weights of the layers in it, the first layer first; layers beyond them do not count."""
    perceptual_learned: bool = False
    """Learn these weights: not below 0, of Euclidean length 1."""
    likeness: str = ""
    """An image file that all sketches should look like by the perceptual loss, in the place of their own photos."""
    augmented: float = 0.0
    """Weight of 1 - cosine of what the backbone sees last of photo and sketch, of several random views of the sketch (CLIPDraw)."""
    augmented_views: int = 4
    """Views of each sketch in it."""
    reconstruction: float = 0.0
    """Weight of the mean squared difference of the pixels of sketch and photo, both from 0 to 1."""
    lr: float = 1e-4
    """Learning rate of both (Adam)."""
    lr_factor: float = 1.0
    """What it is multiplied by every lr_every steps."""
    lr_every: int = 0
    """Steps between such; 0 is never."""
    weight_decay: float = 0.0
    """L2 penalty, added to the gradient before Adam as published."""
    n_senders: int = 1
    """Senders of the population."""
    n_receivers: int = 1
    """Receivers of the population."""
    pairs: int = 0
    """Pairs that play at each step; 0 means as many as the larger crowd (replacement) or the smaller (disjoint)."""
    partners: Partners = "replacement"
    """Who meets: drawn with replacement, in turn; without replacement, no agent twice; or the same partners always."""
    together: Together = "auto"
    """Whether disjoint pairs are updated side by side or in turn: auto does what is faster on this device."""
    frozen: Literal["none", "sender", "receiver"] = "none"
    """A role that does not learn."""
    remember: Literal["auto", "yes", "no"] = "auto"
    """Compute what a frozen backbone sees of each photo once and keep it; auto does where it fits a quarter of the memory."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """In what a frozen backbone computes; auto is bfloat16 on an accelerator."""
    evaluation_candidates: int = 0
    """Candidates in evaluation; 0 means as in training."""
    evaluation_size: int = 500
    """Candidates of an evaluation batch, of all its games together; which photos meet does not depend on it."""


class Society(NamedTuple):
    """The world: a crowd of senders, one of receivers, and how wide strokes are."""

    sender: Agent
    receiver: Agent
    sigma2: Float[Array, ""]


class Sender(eqx.Module):
    """An eye and a hand; `layers` are the weights of the perceptual loss where they are learned."""

    eye: Eye
    hand: Any
    layers: Float[Array, " l"] | None


# ------------------------------------------------------------------------------------------------------------------ play


class Outcome(NamedTuple):
    """What came of a round: everything that a loss or an episode needs. `terms` are losses of each sketch by name, unweighed."""

    strokes: Strokes
    said: Float[Array, "n h w c"]
    heard: Float[Array, "n h w c"]
    scores: Float[Array, "n c"]
    guess: Int[Array, " n"]
    terms: dict[str, Float[Array, " n"]]


def drawn(config: Config, strokes: Strokes, side: int, sigma2: Array) -> Float[Array, "n h w c"]:
    """A canvas of strokes: [n side side 1] without colour, else [n side side 3]."""
    paper = 1.0 if config.invert and config.coloured else 0.0
    ink = raster.draw(strokes, (side, side), sigma2, ink=config.ink, paper=paper)
    if config.coloured:
        return ink
    ink = config.contrast * ink
    return 1.0 - ink if config.invert else ink


class Drawing(eqx.Module):
    """A round of games between a sender and a receiver; `tied` takes the sender's eye for the receiver's, of which it is a copy."""

    config: Config = eqx.field(static=True)
    sight: Sight
    likeness: dict[str, Array]

    def __call__(
        self, sender: Sender, receiver: Receiver, sigma2: Array, scene: Round, key: PRNGKeyArray, channel: Channel, *, tied: bool = False
    ) -> Outcome:
        config, sight = self.config, self.sight
        key_channel, key_views = jax.random.split(key)
        both = config.sharing != "separate" or len(sight.frozen) == 1  # one trunk
        if tied:
            shared = sender.eye if config.sharing == "shared" else eqx.tree_at(lambda e: e.projection, sender.eye, receiver.eye.projection)
            receiver = eqx.tree_at(lambda r: r.eye, receiver, shared)
        # what both see of the photos
        seen = {} if "cut" in scene.features else sight.maps(scene.photos, sender.eye.trunk, 0)
        looked = scene.features["cut"] if "cut" in scene.features else last(seen)
        if tied or (both and sender.eye.trunk is None):
            candidates = looked
        elif "cut_receiver" in scene.features:
            candidates = scene.features["cut_receiver"]
        else:
            candidates = last(sight.maps(scene.photos, receiver.eye.trunk, 1))
        own = {name: x[scene.seen] for name, x in seen.items()}
        mine = looked[scene.seen]
        if scene.views is not None:
            own = sight.maps(scene.views, sender.eye.trunk, 0)
            mine = last(own)
        # the sketch, and what the receiver makes of it
        strokes: Strokes = sender.hand(sender.eye(mine))
        if (left := channels.on(channel, "strokes")) is not channels.clear:
            opacity = jnp.ones(strokes.points.shape[:2]) if strokes.opacity is None else strokes.opacity
            strokes = left(strokes._replace(opacity=opacity), key_channel)
        side = scene.photos.shape[1]
        said = drawn(config, strokes, side, sigma2)
        heard = channel(said, key_channel)
        sketched = sight.maps(heard, receiver.eye.trunk, 1)
        (g, c), n = scene.pool.shape, scene.seen.shape[0]
        meant, places = receiver(last(sketched)), receiver(candidates[: g * c])
        if config.loss == "infonce":
            meant, places = surrogates.unit(meant) / config.temperature, surrogates.unit(places)
        scores = jnp.einsum("gsd,gcd->gsc", meant.reshape(g, n // g, -1), places.reshape(g, c, -1)).reshape(n, c)
        guess = jnp.argmax(scores, axis=1)
        terms = {"game": self._game(scores, scene.target)} if config.loss != "none" else {}
        if config.perceptual or config.perceptual_learned:
            alike = sketched if both else sight.maps(heard, sender.eye.trunk, 0)
            photo = self.likeness or self._targets(scene, own, sender)
            terms["perceptual"] = self._perceptual(alike, photo, sender)
        if config.augmented:
            views = augment.clip_views(key_views, said, config.augmented_views, side, fill="white" if config.invert else "black")
            again = last(sight.maps(views, sender.eye.trunk, 0)).reshape(config.augmented_views, n, -1)
            terms["augmented"] = jnp.mean(jax.vmap(surrogates.cosine_distance, (0, None))(again, mine), axis=0)
        if config.reconstruction:
            photo = scene.photos[scene.seen] if scene.views is None else scene.views
            photo = photo if photo.shape[-1] == said.shape[-1] else photo.mean(-1, keepdims=True)
            terms["reconstruction"] = jnp.mean(jnp.square(said - photo), axis=(1, 2, 3))
        return Outcome(strokes, said, heard, scores, guess, terms)

    def _game(self, scores: Array, target: Array) -> Float[Array, " n"]:
        if self.config.loss.startswith("hinge"):
            return surrogates.hinge(scores, target, summed=self.config.loss == "hinge-sum")
        return surrogates.choice_loss(scores, target)

    def _targets(self, scene: Round, own: dict[str, Array], sender: Sender) -> dict[str, Array]:
        """What the sender's trunk sees of its photos, layer by layer: kept, seen already, or looked at again."""
        if scene.views is None and scene.known:
            return dict(scene.known)
        maps = own or self.sight.maps(scene.photos[scene.seen], sender.eye.trunk, 0)
        return jax.lax.stop_gradient(maps)

    def _perceptual(self, sketch: Mapping[str, Array], photo: Mapping[str, Array], sender: Sender) -> Float[Array, " n"]:
        """The sum over layers of their weight times how unlike sketch and photo are in them."""
        names = compared(self.config, tuple(sketch))
        weights: Any = tuple(self.config.perceptual_weights[list(sketch).index(name)] for name in names)
        if sender.layers is not None:
            weights = jax.nn.relu(sender.layers)
            weights = weights / jnp.maximum(jnp.linalg.norm(weights), 1e-6)
        total = jnp.zeros(())
        for name, weight in zip(names, weights, strict=True):
            target = jnp.broadcast_to(photo[name], sketch[name].shape)
            total += weight * surrogates.perceptual(sketch[name], target)
        return total


def compared(config: Config, names: tuple[str, ...]) -> tuple[str, ...]:
    """The layers of a trunk that the perceptual loss compares: those with a weight that is not 0."""
    if config.perceptual_learned:
        return names[: len(config.perceptual_weights)]
    return tuple(name for name, weight in zip(names, config.perceptual_weights, strict=False) if weight)


def coefficients(config: Config) -> dict[str, float]:
    """What each term of the loss is multiplied by; learned layer weights need no coefficient."""
    return {
        "game": 1.0,
        "perceptual": 1.0 if config.perceptual_learned else config.perceptual,
        "augmented": config.augmented,
        "reconstruction": config.reconstruction,
    }


class Playing(eqx.Module):
    """How a pair is judged. The channel is on the sketch; its way `strokes` is on what is drawn."""

    drawing: Drawing

    def __call__(self, world: Society, scene: Round, key: PRNGKeyArray, channel: Channel = channels.clear) -> Episode:
        config = self.drawing.config
        out = self.drawing(world.sender.net, world.receiver.net, world.sigma2, scene, key, channel)
        n, c = out.scores.shape
        (g, _), side = scene.pool.shape, scene.photos.shape[1]
        compose = "over" if config.coloured else "screen"
        seen = config.contrast * raster.visible(out.strokes, (side, side), world.sigma2, ink=config.ink, compose=compose)
        background = 1.0 if config.invert else 0.0
        figures = {
            "ink": jnp.mean(jnp.abs(out.said - background), axis=(1, 2, 3)),
            "strokes": jnp.sum(seen > VISIBLE, axis=1).astype(jnp.float32),
            **{name: x for name, x in out.terms.items() if name != "game" and len(out.terms) > 1},
        }
        pool = jnp.repeat(scene.pool, n // g, axis=0)
        pointed = jnp.take_along_axis(pool, out.guess[:, None], axis=1)[:, 0]
        meant = jnp.take_along_axis(pool, scene.target[:, None], axis=1)[:, 0]
        info = {
            "correct": (out.guess == scene.target).astype(jnp.float32), "index": scene.example[scene.seen], "pool": scene.example[pool],
            "scores": out.scores, "heard": out.heard, "weight": scene.weight,
        }  # fmt: skip
        if scene.label is not None:
            info["label"] = scene.label[scene.seen]
            if config.game == "original":
                figures["class_accuracy"] = (scene.label[pointed] == scene.label[meant]).astype(jnp.float32)
        if c > 5:
            own, before = jnp.take_along_axis(out.scores, scene.target[:, None], axis=1), jnp.arange(c) < scene.target[:, None]
            above = jnp.sum((out.scores > own) | ((out.scores == own) & before), axis=1)  # of equals the first, as with the guess
            figures["top_5"] = (above < 5).astype(jnp.float32)
        loss = sum((coefficients(config)[name] * x for name, x in out.terms.items()), jnp.zeros(n))
        return Episode((Utterance(out.said, jnp.ones(n, jnp.int32)),), out.guess, scene.target, loss, None, info, figures)


def every_other(strokes: Strokes, key: PRNGKeyArray) -> Strokes:
    """The channel that leaves every second stroke out: its opacity, which must be given, becomes 0."""
    assert strokes.opacity is not None
    drawn = jnp.arange(strokes.opacity.shape[1]) % 2 == 0
    return strokes._replace(opacity=strokes.opacity * drawn[None])


# ----------------------------------------------------------------------------------------------------------------- rules


def optimiser(config: Config) -> optax.GradientTransformation:
    """Adam, with the published penalty on what learns and a learning rate that falls by steps."""
    rate: Any = config.lr
    if config.lr_every:
        rate = optax.exponential_decay(config.lr, config.lr_every, config.lr_factor, staircase=True)
    decayed = partial(_learns, config.eyes_learn)
    penalty = [optax.add_decayed_weights(config.weight_decay, decayed)] if config.weight_decay else []
    return optax.chain(*penalty, optax.adam(rate))


def _learns(eyes_learn: bool, net: Any) -> Any:
    """Which of an agent's arrays learn, as a tree of booleans."""
    every = jax.tree.map(lambda _: True, net)
    return every if eyes_learn else eqx.tree_at(lambda net: net.eye, every, jax.tree.map(lambda _: False, net.eye))


def pair_rule(drawing: Drawing) -> Rule:
    """What a meeting does to a sender and a receiver: a gradient step of both, after which the eyes they share are one again."""
    config = drawing.config
    learning = tuple(role for role in ("sender", "receiver") if role != config.frozen)
    tied = has_tie(config)

    def loss(nets: Mapping[str, Any], world: Society, turn: Turn) -> tuple[Array, Logs]:
        sender, receiver = nets.get("sender", world.sender.net), nets.get("receiver", world.receiver.net)
        if not config.eyes_learn:
            sender, receiver = (eqx.tree_at(lambda n: n.eye, net, jax.lax.stop_gradient(net.eye)) for net in (sender, receiver))
        out = drawing(sender, receiver, world.sigma2, turn.scene, turn.key, channels.clear, tied=tied)
        terms = {name: jnp.mean(x) for name, x in out.terms.items()}
        total = sum((coefficients(config)[name] * x for name, x in terms.items()), jnp.zeros(()))
        logs: Logs = {"loss": total, "accuracy": jnp.mean((out.guess == turn.scene.target).astype(jnp.float32))}
        return total, logs | ({f"{name}_loss": x for name, x in terms.items()} if len(terms) > 1 else {})

    learn = descend(loss, {role: optimiser(config) for role in learning})  # type: ignore[arg-type]

    def tie(world: Society, turn: Turn) -> tuple[Society, Logs]:
        eye = world.sender.net.eye
        what = (lambda a: a.net.eye) if config.sharing == "shared" else (lambda a: a.net.eye.trunk)
        return world._replace(receiver=eqx.tree_at(what, world.receiver, eye if config.sharing == "shared" else eye.trunk)), {}

    return chain(learn, tie) if tied else learn


def has_tie(config: Config) -> bool:
    """Whether something that learns belongs to both: the eye, or its trunk."""
    return config.sharing == "shared" or (config.sharing == "half" and config.backbone_learns)


def anneal(config: Config) -> Rule:
    """Strokes get thinner: sigma2 of the next step is that of the beginning times a power of the factor, not below the final one."""

    def rule(world: Society, turn: Turn) -> tuple[Society, Logs]:
        return world._replace(sigma2=jnp.asarray(width_at(config, turn.step + 1), jnp.float32)), {"sigma2": world.sigma2}

    return rule


def width_at(config: Config, step: Int[Array, ""] | int) -> Float[Array, ""]:
    """sigma2 after so many steps."""
    power = jnp.float32(step // config.sigma2_every) if config.sigma2_every else jnp.float32(0)
    return jnp.where(power > 0, jnp.maximum(config.sigma2 * config.sigma2_factor**power, config.sigma2_final), config.sigma2)


# ------------------------------------------------------------------------------------------------------------------ make


def published(config: Config) -> backbones.Backbone | None:
    """What is known of the backbone, where it is a published one."""
    return backbones.BACKBONES.get(config.backbone)


def canvas(config: Config, data: Data) -> tuple[int, int]:
    """The side and the channels of photos as agents see them."""
    h, w, c = data.splits["train"].inputs.shape[1:]
    if h != w:
        raise UsageError(f"photos of {data.name!r} are {w} x {h}: the canvas is square, name them with ',side=NN'")
    return h - config.margin, c


def trunk_of(config: Config, side: int, channels: int, key: PRNGKeyArray) -> Any:
    """A newborn trunk, or that of the weights."""
    known = published(config)
    if known is None:
        return eyes.eye(config.backbone, side, channels, width=config.width or None, key=key)
    if config.weights:
        return backbones.load_backbone(config.backbone, config.layer or known.default, config.weights)
    return known.random(key, config.layer or known.default)


def sight_of(config: Config, data: Data) -> Sight:
    """How agents look, with the trunks that do not learn: random ones are the same in every run."""
    side, _ = canvas(config, data)
    known = published(config)
    if known is None:
        statistics = scale(data.splits["train"])
        assert statistics is not None
        mean, deviation = statistics
        if config.coloured and len(mean) == 1:
            mean, deviation = np.repeat(mean, 3), np.repeat(deviation, 3)
    else:
        mean, deviation = (np.asarray(x, np.float32) for x in known.statistics)
    frozen: tuple[Any, ...] = ()
    if not config.backbone_learns:
        alone = config.sharing != "separate" or bool(config.weights)  # the same weights are the same trunk
        make = partial(trunk_of, config, side, len(mean))
        make = make if config.weights else eqx.filter_jit(make)
        frozen = tuple(make(jax.random.key(place)) for place in range(1 if alone else 2))
    reduced = config.precision == "bfloat16" or (config.precision == "auto" and jax.default_backend() != "cpu")
    return Sight(jnp.asarray(mean), jnp.asarray(deviation), frozen, known.side if known else None, reduced)


def births(config: Config, sight: Sight, side: int) -> dict[str, Callable[[PRNGKeyArray], Agent]]:
    """How an agent of each role is born, from a key: a sender and a receiver of one key are born with what they share."""
    channels = sight.mean.shape[0]
    given = trunk_of(config, side, channels, jax.random.key(0)) if config.backbone_learns and config.weights else None
    make = partial(trunk_of, config, side, channels)
    example = given or (sight.frozen[0] if sight.frozen else eqx.filter_eval_shape(make, jax.random.key(0)))
    shape = jax.ShapeDtypeStruct((1, sight.side or side, sight.side or side, channels), jnp.float32)
    size = eqx.filter_eval_shape(lambda trunk, x: last(trunk(x)), example, shape).shape[1]

    def eye(key: PRNGKeyArray, place: int) -> Eye:
        key_trunk, key_projection = jax.random.split(key)
        own = jax.random.fold_in(key, place)
        trunk = None
        if config.backbone_learns:
            trunk = given or make(key_trunk if config.sharing != "separate" else jax.random.fold_in(own, 1))
        return Eye(trunk, Affine(size, config.latent_size, key=key_projection if config.sharing == "shared" else own))

    def sender(key: PRNGKeyArray) -> Agent:
        key_eye, key_hand, key_layers, _ = jax.random.split(key, 4)
        own_width = {"width": True, "sigma2": config.sigma2} if config.widths else {}  # else that of the world, which may change
        hand = sketchers.sketcher(
            config.drawing, config.latent_size, strokes=config.strokes, segments=config.segments,
            points=config.strokes if config.drawing.endswith("connected") else config.knots, alpha=config.alpha, corners=config.corners,
            hidden=config.sender_hidden, coloured=config.coloured, recurrent=config.recurrent, smooth=config.smooth, hard=config.hard,
            allow_points=config.loops, squash=config.squash, opacity=config.opacities, **own_width, key=key_hand,
        )  # fmt: skip
        count = len(compared(config, layers_of(example, sight, side)))
        weights = jax.random.uniform(key_layers, (count,)) if config.perceptual_learned else None
        return born(Sender(eye(key_eye, 0), hand, weights), optimiser(config))

    def receiver(key: PRNGKeyArray) -> Agent:
        key_eye, _, _, key_head = jax.random.split(key, 4)
        sizes = (config.latent_size, config.receiver_hidden, config.receiver_latent)
        return born(Receiver(eye(key_eye, 1), sizes, key=key_head), optimiser(config))

    return {"sender": sender, "receiver": receiver}


def sizes(config: Config, data: Data) -> tuple[int, int]:
    """How many games a step has, and how many candidates each."""
    labels = data.splits["train"].labels
    if config.game == "original" or labels is None:
        candidates = config.candidates or config.batch_size
    else:
        classes = len(np.unique(labels))
        candidates = min(config.candidates or classes, classes)
    return max(1, config.batch_size // candidates), candidates


def kept(config: Config, data: Data, sight: Sight, split: str) -> dict[str, dict[str, np.ndarray]]:
    """What the frozen trunks see of the photos of a split, where they see the same at every step: by name, [m ...] each.

    In `features` of `Rounds`, `cut` is what is projected, and `cut_receiver` that of the receiver where its trunk is another; in `known`
    are the layers that the perceptual loss compares.
    """
    if config.remember == "no" or config.backbone_learns or config.margin:
        return {}
    photos, key = data.splits[split].inputs, ""
    if (known := published(config)) is not None:  # small ones are computed sooner than read
        weights = _digest(config.weights) if config.weights else "random"
        told = (data.fingerprint, split, config.backbone, config.layer or known.default, weights, len(sight.frozen), sight.reduced)
        key = hashlib.sha256(repr(told).encode()).hexdigest()[:32]
    required, share = config.remember == "yes", SHARE / len(data.splits)
    found = remembered(partial(_cuts, sight), photos, key=key, share=share, required=required)
    if found is None or not (config.perceptual or config.perceptual_learned) or config.likeness or config.move:
        return {"features": found or {}}
    layers = compared(config, layers_of(sight.frozen[0], sight, photos.shape[1]))
    told_layers = f"{key}-{'-'.join(layers)}" if key else ""
    known_layers = remembered(partial(_layers, sight, layers), photos, key=told_layers, share=share, required=required)
    return {"features": found, "known": known_layers or {}}


def _cuts(sight: Sight, photos: Array) -> dict[str, Array]:
    """What each frozen trunk sees last."""
    return {name: last(sight.maps(photos, None, i)) for i, name in enumerate(("cut", "cut_receiver")[: len(sight.frozen)])}


def _layers(sight: Sight, layers: tuple[str, ...], photos: Array) -> dict[str, Array]:
    """What the frozen trunk sees in these layers."""
    maps = sight.maps(photos, None, 0)
    return {name: maps[name] for name in layers}


def layers_of(trunk: Any, sight: Sight, side: int) -> tuple[str, ...]:
    """The names of a trunk's activations."""
    shape = jax.ShapeDtypeStruct((1, sight.side or side, sight.side or side, sight.mean.shape[0]), jnp.float32)
    return tuple(eqx.filter_eval_shape(lambda trunk, x: trunk(x), trunk, shape))


def _digest(weights: str) -> str:
    """The content of a local file of weights; of one on the Hub its name."""
    path = Path(weights).expanduser()
    if not path.is_file():
        return weights
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def looked_at(config: Config) -> dict[str, Any]:
    """How photos are changed before they are seen: `photo_view` and `sender_view` of `Rounds`, in training and in exams."""
    return {"sender_view": augment.sender_view if config.move else None}


def choices(config: Config, split: Split) -> int:
    """The most candidates that a game on a split can have."""
    return len(split.inputs) if config.game == "original" or split.labels is None else len(np.unique(split.labels))


Held = Mapping[str, tuple[Split, Mapping[str, Mapping[str, Array]]]]  # each split and what is seen of its photos, on the device once


def _exams(config: Config, data: Data, held: Held) -> dict[str, Exam]:
    """Each split, and the test split among other numbers of candidates in the original game."""
    exams, side = {}, canvas(config, data)[0]
    _, candidates = sizes(config, data)
    candidates = config.evaluation_candidates or candidates
    for part, split in data.splits.items():
        most = choices(config, split)
        others = {10, 100} if config.game == "original" and part == "test" else set()
        for count in sorted({candidates, *others}):
            among = min(count, most)
            if among < 2 or (count != candidates and count > most):
                continue
            size = max(1, config.evaluation_size // among)
            view = partial(augment.middle, side=side) if config.margin else None
            own, seen = held[part]
            scenes = Rounds(own, config.game, size, among, exam=True, photo_view=view, **seen, **looked_at(config))
            name = part if count == candidates else f"{part}/{count}"
            if name not in exams:
                exams[name] = Exam(scenes, scenes.batches, 1 / among, {"top_5": 5 / among} if among > 5 else {})
    return exams


def _training(config: Config, data: Data, held: Held) -> Rounds:
    """The games of training."""
    games, candidates = sizes(config, data)
    side, colours = canvas(config, data)
    view = None
    if config.margin:
        view = partial(augment.augmented, side=side) if colours == 3 else partial(augment.cropped, side=side)
    split, seen = held["train"]
    told: dict[str, Any] = {"senders": config.targets, "balanced": config.balanced, "photo_view": view}
    return Rounds(split, config.game, games, candidates, **told, **seen, **looked_at(config))


def _likeness(config: Config, sight: Sight, side: int) -> dict[str, Array]:
    """What the frozen trunk sees of the image that all sketches should look like, or nothing."""
    if not config.likeness:
        return {}
    from semiosis.scenes import images

    path = Path(config.likeness).expanduser()
    if not path.is_file():
        raise UsageError(f"no image {config.likeness!r}: expected the path of a file that sketches should look like")
    picture = images.open_image(path, str(path))
    pixels = images.to_array(picture, images.Format(side, side, sight.mean.shape[0], fit=True, convert=True), str(path), str(path))
    return eqx.filter_jit(lambda sight, x: sight.maps(x, None, 0))(sight, jnp.asarray(pixels[None], jnp.float32) / 255)


class Keep(eqx.Module):
    """What is kept of a world at each line of metrics: sketches of the same photos by the first sender, and the photos."""

    drawing: Drawing
    photos: Float[Array, "m h w c"]
    cut: Float[Array, "m f"] | None

    def __call__(self, world: Society) -> dict[str, Array]:
        config, net = self.drawing.config, pick(world.sender, 0).net
        strokes = hand_of(self.drawing.sight, net, self.photos) if self.cut is None else net.hand(net.eye(self.cut))
        said = drawn(config, strokes, self.photos.shape[1], world.sigma2)
        return {"drawn": _bytes(said), "photo": _bytes(self.photos)}


def hand_of(sight: Sight, net: Sender, photos: Float[Array, "m h w c"]) -> Strokes:
    """What a sender draws of photos."""
    return net.hand(net.eye(last(sight.maps(photos, net.eye.trunk, 0))))


def shown_photos(config: Config, data: Data, split: str, rows: Any) -> Float[Array, "m h w c"]:
    """Photos of a split as agents see them."""
    photos = jnp.asarray(data.splits[split].inputs[rows], jnp.float32) / 255
    return augment.middle(jax.random.key(0), photos, canvas(config, data)[0]) if config.margin else photos


def _watch(config: Config, data: Data, drawing: Drawing) -> Watch:
    def figures(kept: dict[str, np.ndarray]) -> dict[str, float | None]:
        return {"ink": float(np.abs(kept["drawn"].astype(np.float32) / 255 - (1.0 if config.invert else 0.0)).mean())}

    split = "test" if "test" in data.splits else "train"
    photos = shown_photos(config, data, split, slice(SHOWN))
    look = eqx.filter_jit(lambda sight, photos: last(sight.maps(photos, None, 0)))
    return Watch(Keep(drawing, photos, look(drawing.sight, photos) if drawing.sight.frozen else None), figures, saved=("drawn", "photo"))


def _bytes(images: Float[Array, "n h w c"]) -> Array:
    return jnp.round(255 * jnp.clip(images, 0.0, 1.0)).astype(jnp.uint8)


def strokes_of(config: Config, data: Data, world: Society, split: str, rows: np.ndarray) -> Strokes:
    """What the first sender of one seed's world draws of these photos of a split: parameters, for a canvas of any size or an SVG."""
    net, photos = pick(world.sender, 0).net, shown_photos(config, data, split, rows)
    net = eqx.tree_at(lambda n: n.hand, net, sketchers.finer(net.hand, 4 * config.corners))
    return eqx.filter_jit(hand_of)(sight_of(config, data), net, photos)


def morph(config: Config, data: Data, world: Society, share: Float[Array, ""], count: int) -> Float[Array, "m h w c"]:
    """Sketches on their way from photo to photo: the i-th of at most `count` is of photo i at share 0, of photo i + 1 at share 1.

    `world` is one seed's, whose first sender draws; what its hand is given lies on the straight line between two codes.
    """
    split = "test" if "test" in data.splits else "train"
    sight, net, photos = sight_of(config, data), pick(world.sender, 0).net, shown_photos(config, data, split, slice(count))
    code = net.eye(last(sight.maps(photos, net.eye.trunk, 0)))
    count, whole = code.shape[0], jnp.floor(share)
    stops = [code[(jnp.arange(count) + whole.astype(jnp.int32) + more) % count] for more in (0, 1)]
    return drawn(config, net.hand(stops[0] + (share - whole) * (stops[1] - stops[0])), photos.shape[1], world.sigma2)


def check(config: Config, data: Data) -> None:
    """One sentence for each setting that cannot be played, before anything is compiled."""
    need_data(data)
    need_images(data, "the sketch game")
    ranges = {
        "steps": (0, 2**31 - 1), "batch_size": (2, LARGEST), "candidates": (0, LARGEST), "targets": (0, LARGEST), "margin": (0, 512),
        "width": (0, 2**14), "latent_size": (1, LARGEST), "strokes": (1, 10_000), "knots": (2, 1000), "segments": (1, 1000),
        "corners": (2, 1000), "alpha": (0.0, 1.0),
        "sigma2": (1e-8, 4.0), "sigma2_factor": (0.0, 1.0), "sigma2_every": (0, 2**31 - 1), "sigma2_final": (1e-8, 4.0),
        "contrast": (0.0, 1.0), "receiver_hidden": (1, LARGEST), "receiver_latent": (1, LARGEST), "temperature": (1e-4, None),
        "perceptual": (0.0, None), "augmented": (0.0, None), "augmented_views": (1, 1000), "reconstruction": (0.0, None),
        "lr": (0.0, None), "lr_factor": (1e-6, 1.0), "lr_every": (0, 2**31 - 1), "weight_decay": (0.0, None), "n_senders": (1, LARGEST),
        "n_receivers": (1, LARGEST), "pairs": (0, LARGEST), "evaluation_candidates": (0, LARGEST), "evaluation_size": (2, LARGEST),
    }  # fmt: skip
    check_ranges(config, ranges)
    side, _ = canvas(config, data)
    if side < 4:
        whole = side + config.margin
        raise UsageError(f"margin is {config.margin}: photos of {data.name!r} have {whole} pixels, and 4 or more must be left")
    _check_backbone(config)
    _check_trunk(config, data)
    _check_drawing(config)
    _check_losses(config)
    if config.game != "original" and any(split.labels is None for split in data.splits.values()):
        raise UsageError(f"the game {config.game!r} needs classes, and {data.name!r} has no labels: set --game original")
    _, candidates = sizes(config, data)
    if candidates < 2:
        raise UsageError(f"{candidates} candidate leaves nothing to choose: expected 2 or more")
    if config.evaluation_candidates == 1:
        raise UsageError("evaluation_candidates is 1: expected 0 (as in training), or 2 or more")
    for part in ("valid", "test"):
        if part in data.splits and (there := choices(config, data.splits[part])) < 2:
            what = "photo" if config.game == "original" else "class"
            raise UsageError(f"the split {part} of {data.name!r} has {there} {what}: a game needs two or more")
    if config.candidates > config.batch_size:
        raise UsageError(f"{config.candidates} candidates do not fit a batch of {config.batch_size}: set --batch-size {config.candidates}")
    if config.targets > candidates:
        raise UsageError(f"targets is {config.targets}, of {candidates} candidates: expected at most as many, or 0 for all")
    if config.balanced and config.game != "original":
        raise UsageError(f"the game {config.game!r} has all classes alike often already: leave --balanced out")
    if config.balanced and data.splits["train"].labels is None:
        raise UsageError(f"--balanced needs labels, and {data.name!r} has none")
    if config.widths and config.sigma2_every:
        raise UsageError("widths that are learned do not follow sigma2: leave --widths or --sigma2-every out")
    if config.sigma2_final > config.sigma2 and config.sigma2_every:
        raise UsageError(f"sigma2 is {config.sigma2} and sigma2_final {config.sigma2_final}: strokes get thinner, not wider")
    check_society({"sender": config.n_senders, "receiver": config.n_receivers}, config.partners, config.pairs)
    if has_tie(config) and (config.n_senders, config.n_receivers) != (1, 1):
        raise UsageError("agents of a population cannot share one eye that learns: set --sharing separate, or half with a frozen backbone")
    if has_tie(config) and config.eyes_learn and config.frozen != "none":
        how = "set --sharing separate, or half with a frozen backbone"
        raise UsageError(f"a frozen {config.frozen} cannot share an eye that learns: {how}")


def _check_backbone(config: Config) -> None:
    known = published(config)
    if config.weights and known is None:
        raise UsageError(f"the backbone {config.backbone!r} has no published weights: --weights is for {', '.join(backbones.BACKBONES)}")
    layers = known.layers if known else eyes.layers(config.backbone)
    if config.layer and config.layer not in layers:
        raise UsageError(f"{config.backbone} has no layer {config.layer!r}: known are {', '.join(layers)}")
    if config.layer and known is None:
        raise UsageError(f"the backbone {config.backbone!r} is not cut: leave --layer out")
    if not config.eyes_learn and config.backbone_learns:
        raise UsageError("--no-eyes-learn freezes the backbone too: leave --backbone-learns out")
    if config.precision == "bfloat16" and config.backbone_learns:
        raise UsageError("only a frozen backbone computes in bfloat16: leave --backbone-learns or --precision out")


def _check_trunk(config: Config, data: Data) -> None:
    """A backbone must find a place that it can see."""
    known, (side, _) = published(config), canvas(config, data)
    if known is None or known.side is not None:
        return
    at = config.layer or known.default
    trunk = eqx.filter_eval_shape(known.random, jax.random.key(0), at)
    maps = eqx.filter_eval_shape(lambda trunk, x: trunk(x), trunk, jax.ShapeDtypeStruct((1, side, side, 3), jnp.float32))
    if any(0 in x.shape for x in maps.values()):
        raise UsageError(
            f"photos of {side} pixels are too small for {config.backbone} to {at}: set an earlier --layer, or take larger ones"
        )


def _check_drawing(config: Config) -> None:
    if any(not 1 <= size <= LARGEST for size in config.sender_hidden):
        raise UsageError(f"sender_hidden is {config.sender_hidden}: expected widths of 1 or more")
    connected = config.drawing.endswith("connected")
    if config.drawing == "curves" and config.knots < 4:
        raise UsageError(f"knots is {config.knots}: expected 4 or more for a curve, which is drawn from the second to the last but one")
    if connected and config.strokes < 2:
        raise UsageError(f"strokes is {config.strokes}: expected 2 points or more to be connected")
    if connected and config.opacities:
        raise UsageError("connected lines are as strong as their connections: leave --opacities out")
    if config.coloured and config.contrast != 1:
        raise UsageError("contrast is of ink without colour: leave --contrast or --coloured out")


def _check_losses(config: Config) -> None:
    if not all(0 <= weight < float("inf") for weight in config.perceptual_weights) or not config.perceptual_weights:
        raise UsageError(f"perceptual_weights are {config.perceptual_weights}: expected one number or more, none below 0")
    if config.perceptual and not any(config.perceptual_weights):
        raise UsageError("all perceptual_weights are 0: set --perceptual 0 to do without this loss")
    if config.likeness and config.backbone_learns:
        raise UsageError("what an image looks like to a backbone that learns changes: leave --backbone-learns or --likeness out")
    if config.likeness and not (config.perceptual or config.perceptual_learned):
        raise UsageError("--likeness is what the perceptual loss compares with: set --perceptual 1")
    if config.loss == "none" and not (config.perceptual or config.perceptual_learned or config.augmented or config.reconstruction):
        raise UsageError("there is nothing to learn without a loss: set --perceptual, --augmented or --reconstruction beside --loss none")


def make(config: Config, data: Data) -> Experiment:
    """The experiment: senders and receivers, the games they play, how they learn, and how to judge them.

    Raises UsageError, one sentence, where the configuration and the data do not fit.
    """
    check(config, data)
    sight, (side, _) = sight_of(config, data), canvas(config, data)
    drawing = Drawing(config, sight, _likeness(config, sight, side))
    birth_of = births(config, sight, side)
    sizes_of = {"sender": config.n_senders, "receiver": config.n_receivers}

    def birth(key: PRNGKeyArray) -> Society:
        return Society(**{role: crowd(birth_of[role], size, key=key) for role, size in sizes_of.items()}, sigma2=jnp.float32(config.sigma2))

    rule = society(
        pair_rule(drawing), sizes_of, partners=config.partners, pairs=config.pairs, together=config.together, frozen=config.frozen
    )
    if config.sigma2_every:
        rule = chain(rule, anneal(config))
    held = {part: (on_device(split), jax.tree.map(jnp.asarray, kept(config, data, sight, part))) for part, split in data.splits.items()}
    exams = _exams(config, data, held)
    phase = Phase("game", rule, _training(config, data, held), max(config.steps, 1), watch=_watch(config, data, drawing))
    undefined = {} if strokes_drawn(config) > 1 else {"accuracy_truncated": "a sketch of one stroke has no half"}
    return Experiment(
        birth, (phase,), Playing(drawing), exams, roles=("sender", "receiver"), shown=("accuracy", "loss"), undefined=undefined,
        tampering=tampering(config),
    )  # fmt: skip


def strokes_drawn(config: Config) -> int:
    """How many strokes a sketch has; connected points have one for each two of them."""
    points = config.strokes
    if not config.drawing.endswith("connected"):
        return points
    return points * (points - 1) // 2 + (points if config.loops else 0)


def tampering(config: Config) -> Tampering:
    """What may be done to sketches; half of one are its strokes, every second left out."""
    of_images = channels.pictures(1.0 if config.invert else 0.0)
    ways = {name: way for name, way in of_images.ways.items() if name != "truncated"}
    return Tampering(ways | ({"truncated": {"strokes": every_other}} if strokes_drawn(config) > 1 else {}))


def common(config: Config) -> dict[str, Any]:
    """What agents of two runs must share to understand each other at all: what they look with, and what sketches are."""
    names = ("backbone", "layer", "weights", "width", "backbone_learns", "coloured", "invert", "margin")
    trunks = 2 if config.sharing == "separate" and not config.backbone_learns and not config.weights else 1  # random ones that are frozen
    return {name: getattr(config, name) for name in names} | {"frozen trunks": trunks}


TASKS = ("discrimination",)  # what fresh receivers may be asked to learn


def probe(config: Config, *, task: str, speakers: int, listeners: int, lr: float = 1e-3) -> Config:
    """The game in which fresh receivers learn the sketches of frozen senders: `listeners` for each of the first `speakers`."""
    apart = "separate" if config.backbone_learns or config.sharing == "separate" else "half"
    return replace(
        config, frozen="sender", sharing=apart, lr=lr, n_senders=speakers, n_receivers=speakers * listeners, partners="appointed", pairs=0,
        loss="hinge" if config.loss == "none" else config.loss, perceptual=0.0, augmented=0.0, reconstruction=0.0, likeness="",
        sigma2=float(width_at(config, config.steps)), sigma2_every=0,
    )  # fmt: skip


_SMALL = Config(
    data="digits,side=16", steps=2000, game="same", backbone="small", backbone_learns=True, lr=1e-3, drawing="curves", strokes=2, knots=8,
    corners=5, sigma2=1.5e-2, sigma2_final=1.5e-2, invert=False, perceptual=1.0,
)  # fmt: skip
_SAME, _DIFFERENT = {"game": "same"}, {"game": "different"}

PRESETS: dict[str, Config] = {
    "tiny": replace(
        _SMALL, data="digits,limit=120", steps=60, batch_size=20, width=4, latent_size=8, drawing="lines", strokes=3, sender_hidden=(16,),
        receiver_hidden=8, receiver_latent=8, sigma2=5e-2, sigma2_final=5e-2, perceptual=0.0, evaluation_size=60,
    ),
    "quick": _SMALL,
    "mnist": replace(
        _SMALL, data="mnist", game="original", steps=3000, lr=5e-4, lr_every=1000, lr_factor=0.7, knots=10, sigma2=8e-3, sigma2_final=8e-3
    ),
    "cifar10": replace(
        _SMALL, data="cifar10", game="original", steps=3000, lr_every=1000, lr_factor=0.7, drawing="lines", strokes=20, coloured=True,
        sigma2=5e-3, sigma2_final=5e-3, invert=True, perceptual=0.0,
    ),
    "paper": Config(),
    "paper-perceptual": Config(perceptual=1.0),
    "paper-same": replace(Config(), **_SAME),
    "paper-different": replace(Config(), **_DIFFERENT),
    "wide": Config(
        data="caltech101,side=138", steps=140_000, margin=10, game="different", perceptual=1.0, latent_size=1024, receiver_hidden=1024,
        sender_hidden=(1024, 1024), weight_decay=1e-4,
    ),
    "shape-bias": Config(data="celeba,side=112", steps=407_000, perceptual=1.0),
}  # fmt: skip


def gflop(config: Config, side: int, colours: int) -> float:
    """Arithmetic of a pair's step in a backbone's products, forward and backward, in 1e9 floating-point operations (vgg16 and small).

    A frozen backbone has seen the photos before, and a sketch costs it a pass forward and one back towards the image.
    """
    if config.backbone == "vgg16":
        wide = [w for block, w in enumerate((64, 128, 256, 512, 512)) for _ in range(2 if block < 2 else 3)]
        sides = [side >> block for block in range(5) for _ in range(2 if block < 2 else 3)]
        colours = 3
    else:
        first = config.width or eyes.EYES[config.backbone].width
        wide, sides = [first, 2 * first, 4 * first], [-(-side // 2**i) for i in (1, 2, 3)]
    one = sum(s * s * 9 * i * o for s, i, o in zip(sides, [colours, *wide], wide, strict=False))
    return 2e-9 * config.batch_size * one * (6 if config.backbone_learns else 2)


_VGG = Config(data="noise", batch_size=20, lr=1e-4)
BENCHES = tuple(
    Bench(title, config, shape, 1, steps, gflop(config, shape[0], shape[2]), reference, size=100)
    for title, config, shape, steps, reference in (
        ("digits of 16 px, small backbone", _SMALL, (16, 16, 1), 100, {}),
        ("100 photos of 32 px in colour, small backbone", PRESETS["cifar10"], (32, 32, 3), 20, {}),
        ("20 photos of 96 px, frozen VGG16 to relu5_3", _VGG, (96, 96, 3), 3, {}),
        ("the same, with the perceptual loss", replace(_VGG, perceptual=1.0), (96, 96, 3), 3, {}),
    )
)
