"""The Metropolis-Hastings naming game: agents agree on signs without rewards, and no gradient or parameter passes between them.

who sees what    each agent its own view of the same thing (joint attention): turned images, other images, vectors; some may be missing
what is sent     one sign of k for each thing; a sign is a component of each agent's own Gaussian mixture over its own latents
who is paid      nobody; a listener takes a sign with a probability that it computes from its own model alone
how they learn   each agent's VAE by its own ELBO; then signs, means and precisions by Gibbs and Metropolis-Hastings draws; the component of
                 a thing's sign becomes the prior of its latent, and the next mutual-learning session begins
the paper        Taniguchi et al., Emergent Communication through Metropolis-Hastings Naming Game with Deep Generative Models,
                 Advanced Robotics 2023 (Inter-GMM+VAE); departures: docs/fidelity.md

semiosis train naming --preset quick --data mnist        two agents, one of which sees all digits turned by 45 degrees
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, UInt8, UInt32

from semiosis import channels, metrics, mixtures
from semiosis.errors import UsageError, check_ranges
from semiosis.metrics.naming import UNLABELLED, agent
from semiosis.mixtures import Mixture
from semiosis.nets import vae
from semiosis.populations import crowd, pick, put, size
from semiosis.rules import born, descend
from semiosis.scenes import Data, Split
from semiosis.scenes.sampling import batch_indices
from semiosis.scenes.views import to_float, turned
from semiosis.types import Agent, Bench, Channel, Episode, Exam, Experiment, Logs, Phase, Play, Rule, Tampering, Turn, Utterance, Watch

CHUNK = 256  # things looked at in one go where all of them are
HEARD = 1024  # things of an exam that agents tell each other about


@dataclass(frozen=True)
class Config:
    """Every dial of the naming game; the preset `paper` holds the published settings on MNIST."""

    data: str = "digits"
    """What is named: a name that `semiosis data` lists, a folder or file; NAME+NAME are several views of the same things, one an agent."""
    objects: int = 10_000
    """Things to be named, at most: the first of the training split."""
    agents: int = 2
    """Agents, called A, B, ..."""
    rotations: tuple[float, ...] = (0.0, 45.0)
    """Degrees, counter-clockwise, by which the images of each agent are turned; one number counts for all."""
    missing: float = 0.0
    """Share of things that an agent does not see, drawn for each agent; every thing is seen by one agent at least."""
    network: Literal["published", "light", "dense", "none"] = "published"
    """Each agent's VAE: the published one (28 x 28 images), a light one, one for vectors, or none: the vectors are the latents."""
    latent: int = 12
    """Dimensions of the latent; without a network, those of the data."""
    posterior: Literal["sample", "mean"] = "sample"
    """What of its posterior a VAE hands to the mixture, once a session."""
    sessions: int = 1
    """Mutual-learning sessions: training of the VAEs, then naming."""
    between: Literal["cold", "networks", "warm"] = "cold"
    """What a later session starts from: all anew (published); the old networks, but a new game; or the old networks and signs."""
    epochs: int = 50
    """Passes over all things in which the VAEs learn, a session."""
    lessons: int = 0
    """Gradient steps of every VAE a session; 0 means `epochs` passes."""
    batch_size: int = 10
    """Things in a gradient step."""
    lr: float = 1e-3
    """Learning rate of Adam."""
    legacy_kl: bool = False
    """From the second session on, weigh the divergence by 1 / batch_size, as the published code does by mistake."""
    iterations: int = 50
    """Naming-game iterations a session; in each, every agent listens once to a speaker about all things."""
    steps: int = 0
    """Steps to train, a gradient step or an iteration each; 0 means all sessions."""
    signs: int = 10
    """k: signs, and components of each agent's mixture."""
    mode: Literal["communication", "all-acceptance", "no-communication", "gibbs"] = "communication"
    """Who decides: listeners, by `acceptance`; speakers; each agent for itself; or a centralised Gibbs sampler that sees all latents."""
    acceptance: Literal["mh", "always", "never", "probability"] = "mh"
    """How a listener decides in the mode communication; always and never are the modes all-acceptance and no-communication."""
    acceptance_base: float = 0.5
    """b of the acceptance probability b + a min(1, r), r the Metropolis-Hastings ratio (acceptance probability)."""
    acceptance_slope: float = 0.0
    """a of that probability."""
    state: Literal["persistent", "reference"] = "persistent"
    """What a listener compares a proposal with: the sign it holds (exact), or its own last utterance (the published code)."""
    meeting: Literal["pairwise", "ring", "recursive"] = "pairwise"
    """Who speaks to a listener: another at random; the one before it; or all others in a chain, one sample each (recursive naming game)."""
    start: Literal["random", "k-means++"] = "random"
    """First signs: random, or clusters of latents: those of A, which the others are told, or each agent's own where nobody talks."""
    anneal: int = 0
    """Iterations of a session over which likelihoods are sharpened until they are exact; 0 for none."""
    anneal_from: float = 0.3
    """The power of the likelihoods that this begins with."""
    sign_prior: Literal["uniform", "learned"] = "uniform"
    """pi, the probability of signs: fixed, or drawn from its Dirichlet posterior at each iteration."""
    concentration: float = 1.0
    """Pseudo-count of each sign of a learned pi."""
    mean_count: float = 1.0
    """beta: pseudo-count of the prior mean 0."""
    wishart_scale: float = 0.1
    """Scale of W = scale I, the Wishart prior of precisions."""
    wishart_dof: float = 0.0
    """nu, its degrees of freedom; 0 means the number of latents."""
    evaluation_size: int = 10_000
    """Things of a split that an evaluation looks at, at most."""


class Mind(NamedTuple):
    """What an agent knows of things and signs; a community has a leading axis a. n counts things, c the other agents less one.

    `sign` is what it calls each thing, `said` what it last proposed; `relay` holds the signs of the chain that ends in it (recursive).
    `looks` counts the sessions in which it has looked.
    """

    who: Int[Array, "*a"]
    looks: Int[Array, "*a"]
    sees: Bool[Array, "*a n"]
    latent: Float[Array, "*a n z"]
    mixture: Mixture
    sign: Int[Array, "*a n"]
    said: Int[Array, "*a n"]
    relay: Int[Array, "*a c n"]


class Community(NamedTuple):
    """The world: minds on one axis of agents, and their VAEs, a crowd for each stretch of agents whose views have one shape."""

    minds: Mind
    senses: tuple[Agent, ...]
    mark: UInt32[Array, ""]


class Shown(NamedTuple):
    """Things that all agents attend to: `views` [n g ...], one array a crowd; `memory` [n] their place in minds, -1 if new to them.

    `mark` tells one set of things from another: a memory is of things of the community's own mark.
    """

    views: tuple[Array, ...]
    memory: Int[Array, " n"]
    mark: UInt32[Array, ""]
    example: Int[Array, " n"]
    label: Int[Array, " n"] | None


# ------------------------------------------------------------------------------------------------------------------ scenes


class Things(eqx.Module):
    """Things of a split with every agent's view of them."""

    views: tuple[UInt8[Array, "n g h w c"] | Float[Array, "n g d"], ...]
    labels: Int[Array, " n"] | None
    mark: UInt32[Array, ""]
    known: bool = eqx.field(static=True)

    def __init__(self, split: Split, most: int, groups: Sequence[Sequence[tuple[int, float]]], *, known: bool, mark: UInt32[Array, ""]):
        looks = (split.inputs, *split.others)
        self.views = tuple(jnp.stack([turned(looks[which][:most], angle) for which, angle in group], axis=1) for group in groups)
        self.labels = None if split.labels is None else jnp.asarray(split.labels[:most])
        self.mark, self.known = mark, known

    def __len__(self) -> int:
        return self.views[0].shape[0]

    def at(self, index: Int[Array, " n"]) -> Shown:
        """These things, as floats."""
        views = tuple(view[index] for view in self.views)
        views = tuple(to_float(view) if view.dtype == jnp.uint8 else view for view in views)
        memory = index if self.known else jnp.full_like(index, -1)
        return Shown(views, memory, self.mark, index, None if self.labels is None else self.labels[index])

    def __call__(self, step: Int[Array, ""], key: PRNGKeyArray) -> Shown:
        """All of them."""
        return self.at(jnp.arange(len(self)))


class Course(NamedTuple):
    """The steps of a session: `wake`, `learn`, `look`, `name`, one after another."""

    wake: int
    learn: int
    look: int
    name: int

    def place(self, step: Int[Array, ""]) -> tuple[Int[Array, ""], Int[Array, ""]]:
        """The session of a step, and the step's place in it."""
        return jnp.divmod(step, sum(self))


class Lessons(eqx.Module):
    """Batches of things for the VAEs: each epoch a fresh permutation."""

    things: Things
    course: Course = eqx.field(static=True)
    batch: int = eqx.field(static=True)

    def __call__(self, step: Int[Array, ""], key: PRNGKeyArray) -> Shown:
        session, place = self.course.place(step)
        lesson = session * self.course.learn + place - self.course.wake
        return self.things.at(batch_indices(lesson, key, self.batch, len(self.things)))


# ------------------------------------------------------------------------------------------------------------------- rules


class Pupil(NamedTuple):
    """One agent's VAE as the world of its own lesson."""

    sense: Agent


class Lesson(NamedTuple):
    """What one agent sees of a batch, the prior of each thing's latent, whether it sees it, and the weight of the divergence."""

    seen: Float[Array, "n ..."]
    mean: Float[Array, "n z"]
    variance: Float[Array, "n z"]
    sees: Bool[Array, " n"]
    weight: Float[Array, ""]


def elbo(net: vae.VAE, lesson: Lesson, key: PRNGKeyArray) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    """Reconstruction error and divergence of each thing in nats; their sum is minus the evidence lower bound, with one draw of z."""
    mean, log_variance = net.encode(lesson.seen)
    z = mean + jnp.exp(log_variance / 2) * jax.random.normal(key, mean.shape)
    error = vae.bernoulli if net.images else vae.gaussian
    return error(net.decode(z), lesson.seen), vae.divergence(mean, log_variance, lesson.mean, lesson.variance)


def objective(nets: dict[str, vae.VAE], world: Any, turn: Turn) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """What a VAE descends on: minus the ELBO summed over the things it sees, the divergence weighed; its parts a thing, unweighed."""
    lesson: Lesson = turn.scene
    error, divergence = elbo(nets["sense"], lesson, turn.key)
    total = jnp.where(lesson.sees, error + lesson.weight * divergence, 0.0).sum()
    number = jnp.maximum(lesson.sees.sum(), 1)
    error, divergence = (jnp.where(lesson.sees, x, 0.0).sum() / number for x in (error, divergence))
    return total, {"loss": error + divergence, "reconstruction": error, "kl": divergence}


def learn(config: Config, course: Course) -> Rule:
    """One gradient step of every agent's VAE on its own view; the prior of a latent is the component of the thing's sign."""
    step = descend(objective, {"sense": optax.adam(config.lr)})

    def rule(world: Community, turn: Turn) -> tuple[Community, Logs]:
        minds, scene, place = world.minds, turn.scene, 0
        means, variances = minds.mixture.mean, jax.vmap(mixtures.variance)(minds.mixture)
        session, _ = course.place(turn.step)
        weight = jnp.where((session > 0) & config.legacy_kl, 1.0 / config.batch_size, 1.0)
        senses, logs = [], []
        for group, seen in zip(world.senses, scene.views, strict=True):

            def one(sense: Agent, seen: Array, who: Array) -> tuple[Agent, dict[str, Array]]:
                sign = minds.sign[who, scene.memory]
                lesson = Lesson(seen, means[who][sign], variances[who][sign], minds.sees[who, scene.memory], weight)
                pupil, logs = step(Pupil(sense), Turn(turn.step, jax.random.fold_in(turn.key, who), lesson))
                return pupil.sense, logs  # type: ignore[return-value]

            group, told = jax.vmap(one, in_axes=(0, 1, 0))(group, seen, place + jnp.arange(size(group)))
            senses, logs, place = [*senses, group], [*logs, told], place + size(group)
        return world._replace(senses=tuple(senses)), _each({name: jnp.concatenate([told[name] for told in logs]) for name in logs[0]})

    return rule


def _each(figures: dict[str, Float[Array, " a"]]) -> Logs:
    """The mean of each figure over agents, and each agent's."""
    means: Logs = {name: values.mean() for name, values in figures.items()}
    return means | {f"{name}@{agent(i)}": values[i] for name, values in figures.items() for i in range(len(values))}


def wake(config: Config, births: Sequence[Callable[[PRNGKeyArray], Agent]], course: Course) -> Rule:
    """New networks and optimisers for all, at the start of a session."""

    def rule(world: Community, turn: Turn) -> tuple[Community, Logs]:
        keys = jax.random.split(turn.key, len(births))
        senses = tuple(crowd(birth, size(old), key=key) for birth, old, key in zip(births, world.senses, keys, strict=True))
        return world._replace(senses=senses), {"session": (course.place(turn.step)[0] + 1).astype(jnp.float32)}

    return rule


def look(config: Config, law: mixtures.Wishart, course: Course) -> Rule:
    """Every agent looks at all things once; then the game starts, from scratch or from the signs of the session before."""

    def rule(world: Community, turn: Turn) -> tuple[Community, Logs]:
        minds, n = world.minds, world.minds.sign.shape[1]
        key_look, key_sign, key_mixture, key_warm = jax.random.split(turn.key, 4)
        latent, deviation = _perceive(config, world.senses, turn.scene.views, key_look)
        signs = config.signs
        uniform = jnp.full((config.agents, signs), -np.log(signs), jnp.float32)

        def drawn(latent: Array, sign: Array, sees: Array, weight: Array, key: PRNGKeyArray) -> Mixture:
            return mixtures.draw(mixtures.posterior(law, latent, sign, sees, signs), weight, key)

        everyone = partial(jax.random.split, num=config.agents)
        said = jax.random.randint(key_sign, (2, config.agents, n), 0, signs)
        if config.start == "random":
            unseen = jnp.zeros(minds.sees.shape, bool)  # so that each component comes from the prior
            fresh = jax.vmap(drawn)(latent, said[0], unseen, uniform, everyone(key_mixture))
        else:  # what the one who clusters does not see keeps a random sign
            own = jax.vmap(partial(mixtures.spread_out, signs=signs))(latent, minds.sees, key=everyone(key_sign))
            own = jnp.where(minds.sees, own, said[0])
            said = jnp.broadcast_to(own if silent(config) else own[0], said.shape)
            fresh = jax.vmap(drawn)(latent, said[0], minds.sees, uniform, everyone(key_mixture))
        relay = jnp.broadcast_to(said[0][:, None], minds.relay.shape)
        minds = minds._replace(latent=latent, looks=minds.looks + 1)
        new = minds._replace(mixture=fresh, sign=said[0], said=said[1], relay=relay)
        if config.between == "warm":
            weight = minds.mixture.log_weight
            old = minds._replace(mixture=jax.vmap(drawn)(latent, minds.sign, minds.sees, weight, everyone(key_warm)))
            goes_on = course.place(turn.step)[0] > 0
            new = jax.tree.map(lambda x, y: jnp.where(goes_on, x, y), old, new)
        logs: Logs = {"session": (course.place(turn.step)[0] + 1).astype(jnp.float32)}
        return world._replace(minds=new), logs | (_each({"deviation": deviation}) if world.senses else {})

    return rule


def _perceive(
    config: Config, senses: tuple[Agent, ...], views: tuple[Array, ...], key: PRNGKeyArray
) -> tuple[Float[Array, "a n z"], Float[Array, " a"]]:
    """Every agent's latents of all things, and the mean standard deviation of its posterior."""
    if config.network == "none":
        latent = jnp.concatenate([jnp.moveaxis(view.reshape(*view.shape[:2], -1), 1, 0) for view in views])
        return latent, jnp.zeros(latent.shape[0])
    means, deviations = [], []
    for group, seen in zip(senses, views, strict=True):

        def encode(seen: Array, net: vae.VAE = group.net) -> tuple[Array, Array]:
            mean, log_variance = jax.vmap(lambda one, x: one.encode(x), in_axes=(0, 1), out_axes=1)(net, seen)
            return mean, jnp.exp(log_variance / 2)

        mean, deviation = in_chunks(encode, seen, CHUNK)
        means, deviations = [*means, jnp.moveaxis(mean, 1, 0)], [*deviations, jnp.moveaxis(deviation, 1, 0)]
    mean, deviation = jnp.concatenate(means), jnp.concatenate(deviations)
    noise = jax.random.normal(key, mean.shape) if config.posterior == "sample" else 0.0
    return mean + deviation * noise, deviation.mean((1, 2))


def in_chunks(function: Callable[[Array], Any], x: Array, chunk: int) -> Any:
    """`function` of an array [n ...], computed a chunk at a time; what is added to fill the last one is dropped again."""
    n = x.shape[0]
    chunk = min(chunk, n)
    filled = jnp.concatenate([x, jnp.broadcast_to(x[:1], (-n % chunk, *x.shape[1:]))])
    parts = jax.lax.map(function, filled.reshape(-1, chunk, *x.shape[1:]))
    return jax.tree.map(lambda part: part.reshape(-1, *part.shape[2:])[:n], parts)


def silent(config: Config) -> bool:
    """Whether agents do not talk."""
    return config.mode == "no-communication" or config.acceptance == "never"


def accept(config: Config) -> Callable[[Float[Array, " n"]], Float[Array, " n"]]:
    """The probability that a listener takes a proposal, from the logarithm of the Metropolis-Hastings ratio."""
    if config.mode == "all-acceptance" or config.acceptance == "always":
        return jnp.ones_like
    if config.acceptance == "probability":
        return lambda log_r: jnp.clip(config.acceptance_base + config.acceptance_slope * jnp.exp(jnp.minimum(log_r, 0.0)), 0.0, 1.0)
    return lambda log_r: jnp.exp(jnp.minimum(log_r, 0.0))


def converse(config: Config, minds: Mind, score: Float[Array, "a n k"], listener: Int[Array, ""], key: PRNGKeyArray) -> tuple[Mind, Array]:
    """One agent listens to a speaker about all things: the minds after it, and the share of proposals it took.

    `score` are the log-likelihoods of all agents. Only `sign` and `relay` of the listener and `said` of the speaker change.
    """
    key_speaker, key_sign, key_judge, key_relay = jax.random.split(key, 4)
    agents, chance = config.agents, accept(config)
    if silent(config):
        sign = mixtures.utter(score[listener] + minds.mixture.log_weight[listener][None], key_sign)
        return minds._replace(sign=minds.sign.at[listener].set(sign), said=minds.said.at[listener].set(sign)), jnp.zeros(())
    ahead = {"ring": agents - 1, "recursive": 1}.get(config.meeting)  # how far round the ring the first speaker sits
    ahead = jax.random.randint(key_speaker, (), 1, agents) if ahead is None else ahead
    speaker = (listener + ahead) % agents
    proposal = mixtures.utter(score[speaker] + minds.mixture.log_weight[speaker][None], key_sign)
    minds = minds._replace(said=minds.said.at[speaker].set(proposal))

    def judge(who: Array, proposal: Array, own: Array, key: PRNGKeyArray) -> tuple[Array, Array]:
        taken = jax.random.uniform(key, proposal.shape) < chance(mixtures.log_ratio(score[who], proposal, own))
        return jnp.where(taken, proposal, own), taken

    if config.meeting == "recursive":
        relay = []
        for i in range(agents - 2):  # the game of those before is the proposal of the next, one sample at each level
            proposal, _ = judge((speaker + 1 + i) % agents, proposal, minds.relay[listener, i], jax.random.fold_in(key_relay, i))
            relay.append(proposal)
        if relay:
            minds = minds._replace(relay=minds.relay.at[listener].set(jnp.stack(relay)))
    own = (minds.sign if config.state == "persistent" else minds.said)[listener]
    sign, taken = judge(listener, proposal, own, key_judge)
    return minds._replace(sign=minds.sign.at[listener].set(sign)), taken.mean()


def name(config: Config, law: mixtures.Wishart, course: Course) -> Rule:
    """One iteration of the game: every agent listens once, about all things, and redraws its mixture from what it then calls them."""

    def likelihood(mixture: Mixture, latent: Array, sees: Array) -> Float[Array, "n k"]:
        return jnp.where(sees[:, None], mixtures.log_likelihood(mixture, latent), 0.0)  # what is not seen tells nothing

    def sharpness(step: Int[Array, ""]) -> Array | float:
        place = course.place(step)[1] - (course.wake + course.learn + course.look)
        rise = (1.0 - config.anneal_from) / max(config.anneal, 1)
        return jnp.minimum(1.0, config.anneal_from + rise * (place + 1)) if config.anneal else 1.0

    def redrawn(mind: Mind, key: PRNGKeyArray) -> Mixture:
        key_weight, key_mixture = jax.random.split(key)
        weight = mind.mixture.log_weight
        if config.sign_prior == "learned":
            weight = mixtures.weights(mind.sign, config.signs, config.concentration, key_weight)
        return mixtures.draw(mixtures.posterior(law, mind.latent, mind.sign, mind.sees, config.signs), weight, key_mixture)

    def rule(world: Community, turn: Turn) -> tuple[Community, Logs]:
        minds, tempo = world.minds, sharpness(turn.step)
        score = jax.vmap(likelihood)(minds.mixture, minds.latent, minds.sees)
        if config.mode == "gibbs":
            key_sign, key_mixture, key_weight = jax.random.split(turn.key, 3)
            sign = mixtures.utter(tempo * score.sum(0) + minds.mixture.log_weight[0][None], key_sign)
            shared = jnp.broadcast_to(sign, minds.sign.shape)
            minds = minds._replace(sign=shared, said=shared)
            mixture = jax.vmap(redrawn)(minds, jax.random.split(key_mixture, config.agents))
            if config.sign_prior == "learned":  # signs are shared, and so is their law
                weight = mixtures.weights(sign, config.signs, config.concentration, key_weight)
                mixture = mixture._replace(log_weight=jnp.broadcast_to(weight, mixture.log_weight.shape))
            return world._replace(minds=minds._replace(mixture=mixture)), fit(minds, mixture)

        def listen(state: tuple[Mind, Array], listener: Int[Array, ""]) -> tuple[tuple[Mind, Array], Array]:
            minds, score = state
            key_converse, key_draw = jax.random.split(jax.random.fold_in(turn.key, listener))
            minds, taken = converse(config, minds, tempo * score, listener, key_converse)
            mind = pick(minds, listener)
            mixture = redrawn(mind, key_draw)
            minds = minds._replace(mixture=put(minds.mixture, listener, mixture))
            return (minds, put(score, listener, likelihood(mixture, mind.latent, mind.sees))), taken

        order = jnp.roll(jnp.arange(config.agents), -1)  # A speaks first, so B is the first to listen
        (minds, _), taken = jax.lax.scan(listen, (minds, score), order)
        return world._replace(minds=minds), fit(minds, minds.mixture) | _each({"accepted": jnp.roll(taken, 1)})

    def fit(minds: Mind, mixture: Mixture) -> Logs:
        """The mean log-likelihood of what is seen under its sign, in nats and up to the constant -z/2 log 2 pi."""
        rows = jnp.arange(minds.sign.shape[1])
        own = jax.vmap(lambda mind, mixture: likelihood(mixture, mind.latent, mind.sees)[rows, mind.sign])(minds, mixture)
        return _each({"fit": own.sum(1) / jnp.maximum(minds.sees.sum(1), 1)})

    return rule


def watch(config: Config, labels: np.ndarray | None) -> Watch:
    """The signs after each iteration, and how well they agree with each other and with the classes."""
    small = jnp.uint8 if config.signs <= 256 else jnp.int32

    def keep(world: Community) -> dict[str, Array]:
        minds = world.minds
        return {"sign": minds.sign.astype(small), "said": minds.said.astype(small), "latent": minds.latent, "sees": minds.sees}

    def figures(kept: dict[str, np.ndarray]) -> dict[str, float | None]:
        signs, sees = kept["sign"].astype(np.int64), kept["sees"]
        found = metrics.naming(signs, labels, kept["latent"])
        words = signs[:, :, None]
        out = {title: value.value for title, value in found.items()}
        for title, index in (("messages", metrics.distinct), ("message_entropy", metrics.message_entropy)):
            out[title] = float(np.mean([index(word).value or 0.0 for word in words]))
        if labels is not None and not sees.all():
            unseen = [metrics.adjusted_rand(sign[~seen], labels[~seen]).value for sign, seen in zip(signs, sees, strict=True)]
            known = [x for x in unseen if x is not None]
            out["ari_unseen"] = float(np.mean(known)) if known else None
        return out

    return Watch(keep, figures, ("sign", "said"))


# -------------------------------------------------------------------------------------------------------------------- make


def groups_of(config: Config, data: Data) -> tuple[list[list[tuple[int, float]]], list[tuple[int, ...]]]:
    """Each crowd's agents by which view they see and how far it is turned, and the shape of a crowd's views."""
    split = data.splits["train"]
    looks = (split.inputs, *split.others)
    if len(looks) not in (1, config.agents):
        raise UsageError(f"views must be one for all agents or one for each: {data.name!r} has {len(looks)}, for {config.agents} agents")
    if len(config.rotations) not in (1, config.agents):
        raise UsageError(
            f"rotations {' '.join(map('{:g}'.format, config.rotations))} are {len(config.rotations)}, for {config.agents} agents: "
            "give one for all or one for each"
        )
    angles = config.rotations * (config.agents // len(config.rotations))
    which = range(config.agents) if len(looks) > 1 else [0] * config.agents
    groups: list[list[tuple[int, float]]] = []
    shapes: list[tuple[int, ...]] = []
    for view, angle in zip(which, angles, strict=True):
        shape = looks[view].shape[1:]
        if angle and len(shape) != 3:
            raise UsageError(f"a rotation of {angle:g} degrees needs images, and {data.name!r} has vectors: set --rotations 0")
        if shapes and shapes[-1] == shape:
            groups[-1].append((view, angle))
        else:
            groups, shapes = [*groups, [(view, angle)]], [*shapes, shape]
    return groups, shapes


def birth_of(config: Config, shape: tuple[int, ...]) -> Callable[[PRNGKeyArray], Agent]:
    """How an agent that sees views of this shape is born: its VAE and Adam's state."""
    adam = optax.adam(config.lr)
    if config.network != "dense" and len(shape) != 3:
        raise UsageError(f"the network {config.network!r} reads images, and the data has vectors: set --network dense or none")
    if config.network == "published" and shape[:2] != (28, 28):
        raise UsageError(f"the network 'published' reads images of 28 x 28, and the data has {shape[0]} x {shape[1]}: set --network light")

    def net(key: PRNGKeyArray) -> vae.VAE:
        if config.network == "dense":
            return vae.dense(shape, config.latent, key=key)
        return {"published": vae.published, "light": vae.light}[config.network](shape, config.latent, key=key)  # type: ignore[arg-type]

    return lambda key: born(net(key), adam)


def make(config: Config, data: Data) -> Experiment:
    """The experiment: a newborn community, the phases of a session, and how to play and judge.

    Raises UsageError, one sentence, where the configuration and the data do not fit.
    """
    check(config)
    groups, shapes = groups_of(config, data)
    n = min(config.objects, len(data.splits["train"].inputs))
    if n < config.signs:
        raise UsageError(f"{config.signs} signs for {n} things: expected at most as many signs as things")
    if config.network != "none" and config.batch_size > n:
        raise UsageError(f"a batch of {config.batch_size} does not fit {n} things: choose a batch size from 1 to {n}")
    births = [] if config.network == "none" else [birth_of(config, shape) for shape in shapes]
    widths = {int(np.prod(shape)) for shape in shapes}
    if config.network == "none" and len(widths) > 1:
        raise UsageError(f"views of {' and '.join(map(str, sorted(widths)))} numbers: without a network, they must be equally long")
    z = config.latent if births else widths.pop()
    dof = config.wishart_dof
    if dof and dof <= z - 1:
        raise UsageError(f"wishart_dof is {dof:g}: expected more than {z - 1}, one less than the {z} latents, or 0 for {z}")
    mark = jnp.asarray(int(data.fingerprint[:8] or "0", 16), jnp.uint32)
    things = Things(data.splits["train"], n, groups, known=True, mark=mark)
    lessons = (config.lessons or config.epochs * (n // config.batch_size)) if births else 0
    course = Course(1 if births and config.between == "cold" else 0, lessons, 1, config.iterations)
    law = mixtures.prior(z, count=config.mean_count, scale=config.wishart_scale, dof=config.wishart_dof)
    labels = data.splits["train"].labels
    observer = watch(config, None if labels is None else np.asarray(labels[:n]))
    rules = (wake(config, births, course), learn(config, course), look(config, law, course), name(config, law, course))
    scenes = (_nothing, Lessons(things, course, config.batch_size), things, _nothing)
    pace = zip(course._fields, rules, scenes, course, (1, n // config.batch_size if births else 1, 1, 1), strict=True)
    phases = [Phase(title, rule, scene, steps, every) for title, rule, scene, steps, every in pace if steps]
    phases = tuple(phase._replace(watch=observer) if phase.name == "name" else phase for phase in phases)

    def birth(key: PRNGKeyArray) -> Community:
        key_sees, *keys = jax.random.split(key, len(shapes) + 1)
        senses = tuple(crowd(one, len(group), key=k) for one, group, k in zip(births, groups, keys, strict=False))
        return Community(newborn(config, n, z, key_sees), senses, mark)

    sizes = {part: config.evaluation_size if part != "train" else min(n, config.evaluation_size) for part in data.splits}
    exams = {part: Exam(Things(split, sizes[part], groups, known=part == "train", mark=mark), 1) for part, split in data.splits.items()}
    undefined: dict[str, str] = {} if labels is not None else dict.fromkeys(("ari", "nmi", "matched"), UNLABELLED)
    undefined["accepted_silent"] = "a sign is always proposed"
    tampering = Tampering({"noise": channels.symbols().ways["noise"]}, figure="accepted", hearing=hearing_of(config))
    if silent(config) or config.agents < 2:
        undefined |= {"accepted": "these agents do not talk" if silent(config) else "there is nobody to talk to"}
        tampering = tampering._replace(hearing=None)
    steps = config.steps or config.sessions * sum(course)
    shown = ("kappa", "ari", "accepted", "loss")
    return Experiment(birth, phases, play_of(config), exams, ("minds",), steps, shown, undefined, tampering)


def _nothing(step: Int[Array, ""], key: PRNGKeyArray) -> tuple[()]:
    """The scene of a phase that looks at nothing."""
    return ()


def newborn(config: Config, n: int, z: int, key: PRNGKeyArray) -> Mind:
    """Minds without any experience: components N(0, I), so that the first prior of a latent is the usual one of a VAE."""
    a = config.agents
    key_miss, key_one = jax.random.split(key)
    sees = jax.random.uniform(key_miss, (a, n)) >= config.missing
    sees |= jnp.arange(a)[:, None] == jax.random.randint(key_one, (n,), 0, a)[None]
    mixture = jax.tree.map(lambda x: jnp.broadcast_to(x, (a, *x.shape)), mixtures.standard(config.signs, z))
    signs = jnp.zeros((a, n), jnp.int32)
    return Mind(
        jnp.arange(a),
        jnp.zeros(a, jnp.int32),
        sees,
        jnp.zeros((a, n, z)),
        mixture,
        signs,
        signs,
        jnp.zeros((a, max(a - 2, 0), n), jnp.int32),
    )


def play_of(config: Config) -> Callable[..., Episode]:
    """One agent names what it is shown: things it has met by the sign it gave them, others by the likeliest."""

    def play(world: Community, scene: Shown, key: PRNGKeyArray, channel: Channel = channels.clear) -> Episode:
        mind: Mind = world.minds
        key_draw, key_channel = jax.random.split(key)
        looks, first = [], 0
        for i, view in enumerate(scene.views):
            member = jnp.clip(mind.who - first, 0, view.shape[1] - 1)
            seen = jnp.moveaxis(view, 1, 0)[member]
            net = pick(world.senses[i].net, member) if world.senses else None
            looks.append(partial(_seen_by, config, net, seen, mind, key_draw))
            first += view.shape[1]
        bounds = np.cumsum([view.shape[1] for view in scene.views])
        latent, loss, flat = jax.lax.switch(jnp.searchsorted(jnp.asarray(bounds), mind.who, side="right"), looks)
        latent, sign = called(mind, latent, scene, world.mark)
        said = Utterance(channel(jax.nn.one_hot(sign, config.signs)[:, None], key_channel), jnp.ones(len(sign), jnp.int32))
        info = {"index": scene.example, "latent": latent, "input": flat}
        if scene.label is not None:
            info["label"] = scene.label
        return Episode((said,), mind.mixture.mean[sign], latent, loss, None, info)

    return play


def called(mind: Mind, latent: Float[Array, "n z"], scene: Shown, mark: UInt32[Array, ""]) -> tuple[Array, Int[Array, " n"]]:
    """The latents of things and what a mind calls them: of those it has met as it remembers them, of others as they look."""
    likeliest = jnp.argmax(mixtures.log_likelihood(mind.mixture, latent) + mind.mixture.log_weight[None], axis=1)
    held, known = jnp.maximum(scene.memory, 0), (scene.memory >= 0) & (scene.mark == mark)
    return jnp.where(known[:, None], mind.latent[held], latent), jnp.where(known, mind.sign[held], likeliest)


def hearing_of(config: Config) -> Play:
    """How signs are heard: each agent proposes its sign for each thing, and each other takes it or keeps its own, by the rule of the game.

    `accepted` [n] is the probability that a proposal is taken, mean over pairs. The record is of B, who hears A: `scores` [n k] are the
    log-probabilities of what it then calls each thing. Of many things, the first HEARD: all agents must look at them again.
    """
    decide, looking = accept(config), replace(config, posterior="mean")

    def hear(world: Community, scene: Shown, key: PRNGKeyArray, channel: Channel = channels.clear) -> Episode:
        minds, label = world.minds, None if scene.label is None else scene.label[:HEARD]
        views = tuple(view[:HEARD] for view in scene.views)
        scene = Shown(views, scene.memory[:HEARD], scene.mark, scene.example[:HEARD], label)
        looks, _ = _perceive(looking, world.senses, views, key)
        latent, sign = jax.vmap(called, in_axes=(0, 0, None, None))(minds, looks, scene, world.mark)
        unseen = ~jax.vmap(lambda mind: mind.sees[jnp.maximum(scene.memory, 0)])(minds) & (scene.memory >= 0) & (scene.mark == world.mark)
        score = jnp.where(unseen[..., None], 0.0, jax.vmap(mixtures.log_likelihood)(minds.mixture, latent))  # as when they met
        said = jax.nn.one_hot(sign, config.signs)[:, :, None]
        heard = jnp.argmax(jax.vmap(channel)(said, jax.random.split(key, config.agents))[:, :, 0], axis=-1)

        def takes(score: Array, own: Array, proposal: Array) -> Float[Array, " n"]:
            return decide(mixtures.log_ratio(score, proposal, own))

        taken = jax.vmap(lambda score, own: jax.vmap(partial(takes, score, own))(heard))(score, sign)  # listener, speaker, thing
        others = 1.0 - jnp.eye(config.agents)
        chance, own, proposal = taken[1, 0], jax.nn.one_hot(sign[1], config.signs), jax.nn.one_hot(heard[0], config.signs)
        after = chance[:, None] * proposal + (1.0 - chance[:, None]) * own
        answer = jnp.argmax(after, axis=1)
        info = {"index": scene.example, "scores": jnp.log(jnp.maximum(after, 1e-30))}
        figures = {"accepted": jnp.einsum("ls,lsn->n", others, taken) / others.sum()}
        loss, guess = -score[1][jnp.arange(len(answer)), answer], minds.mixture.mean[1][answer]
        return Episode((Utterance(said[0], jnp.ones(len(answer), jnp.int32)),), guess, latent[1], loss, None, info, figures)

    return hear


def imagine(world: Community) -> list[Float[Array, "k *shape"]]:
    """What each agent has in mind when it hears each sign: the view that its VAE paints of the mean of the component, or that mean itself.

    `world` is one seed's; pixels in [0, 1].
    """
    means = world.minds.mixture.mean
    if not world.senses:
        return list(means)
    found: list[Array] = []
    for group in world.senses:
        painted = jax.vmap(lambda net, z: net.decode(z))(group.net, means[len(found) : len(found) + size(group)])
        found += list(jax.nn.sigmoid(painted) if group.net.images else painted)
    return found


def _seen_by(config: Config, net: vae.VAE | None, seen: Array, mind: Mind, key: PRNGKeyArray) -> tuple[Array, Array, Array]:
    """Latents [n z], losses [n] and, for distances between meanings, the views as vectors of one length, cut or filled with zeros."""
    flat = seen.reshape(seen.shape[0], -1)
    if net is None:
        every = mixtures.log_likelihood(mind.mixture, flat) + mind.mixture.log_weight[None]
        return flat, -jax.nn.logsumexp(every, axis=1), flat

    def one_chunk(x: Array) -> tuple[Array, Array]:
        latent, _ = net.encode(x)
        best = jnp.argmax(mixtures.log_likelihood(mind.mixture, latent) + mind.mixture.log_weight[None], axis=1)
        later = mind.looks > 1  # the prior that the networks learned with: N(0, I), later the component of the sign
        zero = jnp.where(later, mind.mixture.mean[best], 0.0)
        unit = jnp.where(later, mixtures.variance(mind.mixture)[best], 1.0)
        sees, weight = jnp.ones(x.shape[0], bool), jnp.ones(())
        return latent, sum(elbo(net, Lesson(x, zero, unit, sees, weight), key))  # type: ignore[return-value]

    latent, loss = in_chunks(one_chunk, seen, CHUNK)
    return latent, loss, latent


def check(config: Config) -> None:
    """One sentence for each setting that cannot be played, before anything is compiled."""
    ranges = {
        "objects": (1, None), "agents": (1, None), "missing": (0.0, 1.0), "latent": (1, None), "sessions": (1, None), "epochs": (0, None),
        "lessons": (0, None), "batch_size": (1, None), "lr": (0.0, None), "iterations": (1, None), "steps": (0, None),
        "signs": (1, 65_536), "anneal": (0, None), "anneal_from": (0.0, 1.0), "acceptance_base": (0.0, 1.0),
        "acceptance_slope": (-1.0, 1.0), "concentration": (1e-6, None), "mean_count": (1e-6, None), "wishart_scale": (1e-9, None),
        "wishart_dof": (0.0, None), "evaluation_size": (1, None),
    }  # fmt: skip
    check_ranges(config, ranges)
    if not all(np.isfinite(config.rotations)) or not config.rotations:
        raise UsageError(f"rotations are {config.rotations}: expected degrees, one number for all agents or one for each")
    if config.agents < 2 and config.mode != "gibbs" and not silent(config):
        raise UsageError("communication needs 2 agents or more: raise --agents, or set --mode no-communication or gibbs")
    if config.anneal > config.iterations:
        raise UsageError(f"anneal is {config.anneal}: expected at most the {config.iterations} iterations of a session, or 0")
    if config.mode != "communication" and config.acceptance != "mh":
        raise UsageError(f"the mode {config.mode} decides by itself: --acceptance {config.acceptance} is for the mode communication")


_PUBLISHED = Config(data="mnist")
_LIGHT = Config(
    network="light", latent=20, sessions=10, lessons=330, batch_size=50, between="warm", iterations=40, anneal=25
)  # VAEs and signs that grow together

PRESETS: dict[str, Config] = {
    "tiny": replace(_LIGHT, objects=300, latent=4, sessions=2, lessons=18, iterations=10, anneal=0),
    "quick": _LIGHT,
    "paper": _PUBLISHED,
    "paper-128": replace(_PUBLISHED, batch_size=128),
    "thesis": replace(_PUBLISHED, sessions=4, epochs=100, iterations=75, signs=15, batch_size=30),
}


_GAME = Config(network="none", rotations=(0.0,))
_PAIR = Config(network="published", rotations=(0.0,), objects=2048)
_PIXELS = (28, 28, 1)
# 69 million products an image forward, three times that with both gradients; 5.5 million for the light network
BENCHES = (
    Bench(
        "VAE step of two agents, published, batch 10",
        _PAIR,
        _PIXELS,
        1,
        10,
        20 * 0.414,
        {"published code": 0.416, "PyTorch": 0.38},
        "learn",
    ),
    Bench(
        "VAE step of two agents, published, batch 128",
        replace(_PAIR, batch_size=128),
        _PIXELS,
        1,
        2,
        256 * 0.414,
        {"PyTorch": 1.36},
        "learn",
    ),
    Bench(
        "VAE step of two agents, light, batch 50", replace(_PAIR, network="light", batch_size=50), _PIXELS, 1, 30, 100 * 0.033, {}, "learn"
    ),
    Bench("game iteration, 10,000 things", _GAME, 12, 1, 10, 0.12, {"published code": 9.3, "NumPy prototype": 0.057}, "name"),
)
