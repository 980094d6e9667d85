"""The Lewis game: populations of speakers and listeners name real images.

who sees what    a speaker sees one image (or feature vector); a listener sees candidates, the same image among them
what is sent     max_len symbols of a vocabulary of vocab_size; with variable_length, an end symbol may come earlier
who is paid      both, when the listener points at the right candidate
how they learn   the speaker by REINFORCE with a baseline, kept near a slow copy of itself; the listener by a contrastive loss
the paper        Chaabouni et al., Emergent Communication at Scale, ICLR 2022; its departures here: docs/fidelity.md

semiosis train lewis --preset quick        digits, 10 candidates, 4 seeds side by side or in turn
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from semiosis import channels, choices, surrogates
from semiosis.errors import UsageError, check_ranges
from semiosis.nets.linear import MLP
from semiosis.nets.listeners import Namer, Painter, Pointer, Reader
from semiosis.nets.speakers import Speaker, Speech
from semiosis.populations import Partners, Together, check_society, crowd, imitate, reset, society
from semiosis.rules import born, chain, descend, every, follow
from semiosis.scenes import Data, Split, need_attributes, need_data, need_images, need_labels
from semiosis.scenes.referential import Reference, References, on_device, same
from semiosis.scenes.views import affine, noise
from semiosis.types import Agent, Bench, Channel, Choose, Episode, Exam, Experiment, Phase, Rule, Turn, Utterance

Task = Literal["discrimination", "classification", "attributes", "reconstruction"]
TASKS = get_args(Task)  # what fresh listeners may be asked to learn


@dataclass(frozen=True)
class Config:
    """Every dial of the Lewis game; the preset `paper` holds the published settings (tables 3 and 4)."""

    data: str = "digits"
    """What is talked about: a name that `semiosis data` lists, hub:OWNER/NAME, a folder or a feature file."""
    steps: int = 200_000
    """Steps to train; in each, `pairs` pairs play one batch (paper: 300,000 on CelebA, 900,000 on ImageNet)."""
    batch_size: int = 1024
    """Targets a step; with candidates 0 also the number of candidates."""
    candidates: int = 0
    """Candidates a listener chooses among, target included; 0 means the whole batch (paper: 16 to 1024)."""
    distractors: Literal["random", "class", "hard"] = "random"
    """Which other candidates: any of the batch, others of the target's class, or its nearest in feature space."""
    task: Task = "discrimination"
    """What a listener must do: point at the target, name its class, name its attributes, or paint it."""
    vocab_size: int = 20
    """Usable symbols; an end symbol comes on top of them."""
    max_len: int = 10
    """Symbols before the end."""
    variable_length: bool = False
    """Let the speaker end its message early with an end symbol."""
    length_cost: float = 0.0
    """Reward lost for each symbol before the end (needs variable_length)."""
    erasure: float = 0.0
    """Probability that a symbol is lost on its way to the listener, in training and evaluation."""
    flips: float = 0.0
    """Probability that a symbol is changed into another on its way."""
    learning: Literal["reinforce", "policy-gradient", "gumbel", "straight-through"] = "reinforce"
    """How the speaker learns: REINFORCE with a slow copy (paper), dueling Q-values, or backpropagation through relaxed symbols."""
    temperature: float = 1.0
    """Temperature of the Gumbel-softmax (learning gumbel)."""
    baseline: bool = True
    """Subtract the learned value from the reward (REINFORCE)."""
    entropy_weight: float = 1e-4
    """alpha: weight of the speaker's entropy, nats per symbol."""
    kl_weight: float = 0.5
    """beta: weight of KL(speaker || its slow copy), nats per symbol; 0 turns the slow copy off (REINFORCE)."""
    slow_rate: float = 0.99
    """eta: the slow copy keeps this share of itself at each of the speaker's updates."""
    reward: Literal["success", "log-prob"] = "success"
    """What both are paid: 1 for the right answer, or the log-probability of the right answer in nats."""
    inverse_temperature: float = 2.0
    """tau of the score tau (cos - 1); 2 is minus the squared distance of unit vectors, as published."""
    core: Literal["lstm", "gru"] = "lstm"
    """Recurrent cell of both."""
    speaker_hidden: int = 256
    """Size of the speaker's state."""
    listener_hidden: int = 512
    """Size of the listener's state."""
    embed: int = 10
    """Size of a symbol's embedding."""
    torso: tuple[int, ...] = ()
    """Widths of a multilayer perceptron before either looks at an image; () is the identity, as published."""
    speaker_head: tuple[int, ...] = ()
    """Hidden widths of the policy, value and Q heads."""
    listener_head: tuple[int, ...] = (256,)
    """Widths of the listener's head: the candidate's projection (discrimination), else the hidden widths."""
    speaker_optimiser: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    """Name of the speaker's optimiser in optax."""
    speaker_lr: float = 1e-4
    """Its learning rate."""
    listener_optimiser: Literal["adam", "adamw", "rmsprop", "sgd"] = "adam"
    """Name of the listener's optimiser in optax."""
    listener_lr: float = 1e-4
    """Its learning rate (ease of learning: 1e-3)."""
    clip: float = 0.0
    """Largest global norm of an agent's gradient; 0 does not clip."""
    n_speakers: int = 1
    """Speakers of the population."""
    n_listeners: int = 1
    """Listeners of the population; any number, equal or not."""
    pairs: int = 0
    """Pairs that play at each step; 0 means as many as the larger crowd (replacement) or the smaller (disjoint)."""
    partners: Partners = "replacement"
    """Who meets: drawn with replacement, in turn (paper); without replacement, no agent twice; or the same partners always."""
    together: Together = "auto"
    """Whether disjoint pairs are updated side by side or in turn: auto does what is faster on this device."""
    imitation_every: int = 0
    """Steps between imitations; 0 is never (paper: 10 or 100)."""
    imitation_students: int = 1
    """K: speakers that imitate the teacher each time."""
    imitation_teacher: Literal["best", "worst", "random"] = "best"
    """Who is imitated among the K + 1 speakers drawn: by running reward, or any."""
    self_imitation: bool = False
    """Let a lone speaker imitate its own greedy messages (needs n_speakers 1)."""
    score_memory: float = 0.99
    """mu: the running reward keeps this share of itself at each update; 1 means the mean of a lifetime (as the code, not the paper)."""
    reset_every: int = 0
    """Steps between resets; 0 is never (paper: 51,000)."""
    reset_who: Literal["pair", "speaker", "listener"] = "pair"
    """Who is born anew at a reset."""
    frozen: Literal["none", "speaker", "listener"] = "none"
    """A role that does not learn: with a frozen speaker, training measures how easily its language is learned."""
    training_messages: Literal["sampled", "greedy"] = "sampled"
    """Messages in training: drawn from the policy, or its likeliest symbols (for a frozen speaker)."""
    evaluation_messages: Literal["greedy", "sampled"] = "greedy"
    """Messages in evaluation."""
    noise: float = 0.0
    """Noise on both views in training, in standard deviations of each feature over the batch."""
    view_noise: float = 0.0
    """More such noise on the listener's view alone, in training and evaluation."""
    view_rotation: float = 0.0
    """The listener's view is rotated by up to this many degrees either way (images)."""
    view_shift: float = 0.0
    """It is shifted by up to this share of the side (images)."""
    view_scale: float = 0.0
    """It is scaled by up to this share, up or down (images)."""
    evaluation_size: int = 1024
    """Targets of an evaluation batch."""
    evaluation_candidates: int = 0
    """Candidates in evaluation; 0 means as in training, as far as the split has them."""
    evaluation_passes: int = 1
    """Passes over the split, each with other candidates (reference: 5)."""
    evaluation_noise: float = 0.5
    """Noise on both views of the exam `noise`, in standard deviations (paper: 0.5)."""


class Society(NamedTuple):
    """The world: a crowd of speakers and one of listeners; in a meeting, one of each."""

    speaker: Agent
    listener: Agent


class Listener(eqx.Module):
    """A reader of messages and the head that answers."""

    reader: Reader
    head: Pointer | Namer | Painter | MLP


# ------------------------------------------------------------------------------------------------------------------ play


class Answer(NamedTuple):
    """What a listener made of a message: everything an episode needs of it."""

    guess: Array
    target: Array
    loss: Float[Array, " n"]
    correct: Float[Array, " n"]
    scores: Float[Array, "n c"] | None


def point(listener: Listener, heard: Array, scene: Reference, inverse_temperature: float) -> Answer:
    """Point at a candidate: cross-entropy of the similarities (InfoNCE, section 3.2)."""
    head = listener.head
    assert isinstance(head, Pointer)
    meant = head.message(listener.reader(heard))
    if scene.pool.ndim > scene.seen.ndim:  # each row has candidates of its own
        n, c = scene.pool.shape[:2]
        looks = surrogates.unit(head.look(scene.pool.reshape(n * c, -1))).reshape(n, c, -1)
        scores = inverse_temperature * (jnp.einsum("nf,ncf->nc", surrogates.unit(meant), looks) - 1.0)
    else:
        looks = head.look(scene.pool.reshape(scene.pool.shape[0], -1))
        scores = surrogates.similarity(meant, looks, inverse_temperature)
        if scene.choices is not None:
            scores = jnp.take_along_axis(scores, scene.choices, axis=1)
    loss = -jnp.take_along_axis(jax.nn.log_softmax(scores), scene.target[:, None], axis=1)[:, 0]
    guess = jnp.argmax(scores, axis=1)
    return Answer(guess, scene.target, loss, (guess == scene.target).astype(jnp.float32), scores)


def name(listener: Listener, heard: Array, target: Array) -> Answer:
    """Name the class, or each attribute: mean cross-entropy and mean accuracy over the labels [n k]."""
    assert isinstance(listener.head, Namer)
    logits = listener.head(listener.reader(heard))
    losses = [-jnp.take_along_axis(jax.nn.log_softmax(x), target[:, i : i + 1], axis=1)[:, 0] for i, x in enumerate(logits)]
    guess = jnp.stack([jnp.argmax(x, axis=1) for x in logits], axis=1)
    correct = jnp.mean((guess == target).astype(jnp.float32), axis=1)
    return Answer(guess, target, sum(losses[1:], losses[0]) / len(losses), correct, logits[0] if len(logits) == 1 else None)


def paint(listener: Listener, heard: Array, seen: Array) -> Answer:
    """Paint what the speaker saw: squared error summed over pixels and colours (appendix B.1), images as 32 x 32 in [-1, 1]."""
    state = listener.reader(heard)
    if isinstance(listener.head, Painter):
        target = jax.image.resize(2.0 * seen - 1.0, (seen.shape[0], Painter.side, Painter.side, seen.shape[-1]), "bilinear")
    else:
        target = seen
    assert isinstance(listener.head, Painter | MLP)
    guess = listener.head(state)
    loss = jnp.sum(jnp.square(guess - target), axis=tuple(range(1, target.ndim)))
    return Answer(guess, target, loss, jnp.zeros(loss.shape), None)


def _answer(config: Config) -> Callable[[Listener, Array, Reference], Answer]:
    """The listener's part of the game, by its task."""
    if config.task == "discrimination":
        return lambda listener, heard, scene: point(listener, heard, scene, config.inverse_temperature)
    if config.task == "classification":
        return lambda listener, heard, scene: name(listener, heard, _given(scene.label)[:, None])
    if config.task == "attributes":
        return lambda listener, heard, scene: name(listener, heard, _given(scene.attributes))
    return lambda listener, heard, scene: paint(listener, heard, scene.seen)


def _given(x: Array | None) -> Array:
    """What `check` has made sure of."""
    assert x is not None
    return x


class Converse(NamedTuple):
    """How a pair talks: one function for training, play and probes, with the choice of symbols and the channel as arguments."""

    config: Config

    def __call__(
        self, speaker: Speaker, listener: Listener, scene: Reference, key: PRNGKeyArray, choose: Choose, channel: Channel
    ) -> tuple[Speech, Episode]:
        config = self.config
        key_speak, key_noise, key_channel = jax.random.split(key, 3)
        seen = scene.seen.reshape(scene.seen.shape[0], -1)
        speech = speaker(seen, choose, key_speak)
        heard = channel(_way(config)(speech.rows, key_noise), key_channel)
        answer = _answer(config)(listener, heard, scene)
        logp = -surrogates.cross_entropy(speech.logits, jax.lax.stop_gradient(speech.rows)) * speech.spoken
        entropy = surrogates.entropy(speech.logits) * speech.spoken
        length = self.length(speech)
        utterance = Utterance(speech.rows, length.astype(jnp.int32), logp, entropy)
        reward = (answer.correct if config.reward == "success" else -answer.loss) - config.length_cost * length
        info = {"input": seen, "index": scene.example}
        if config.task != "reconstruction":
            info["correct"] = answer.correct
        extra = {"scores": answer.scores, "label": scene.label, "attributes": scene.attributes, "choices": scene.choices}
        info |= {k: v for k, v in extra.items() if v is not None}
        return speech, Episode((utterance,), answer.guess, answer.target, answer.loss, jax.lax.stop_gradient(reward), info)

    def length(self, speech: Speech) -> Float[Array, " n"]:
        """Symbols before the end; a relaxed end symbol gives an expected length."""
        if self.config.variable_length:
            return jnp.sum(1.0 - speech.rows[..., -1], axis=1)
        return jnp.full(speech.rows.shape[0], float(self.config.max_len))


def _way(config: Config) -> Channel:
    """The noise between speaker and listener."""
    end = config.vocab_size if config.variable_length else None
    noises = [channels.erase(config.erasure, end=end)] if config.erasure else []
    noises += [channels.flip(config.flips, end=end)] if config.flips else []
    return channels.compose(*noises)


# ----------------------------------------------------------------------------------------------------------------- rules


def _choose(config: Config) -> Choose:
    """How a speaker in training turns logits into a symbol."""
    if config.training_messages == "greedy":
        return lambda logits, key: jax.lax.stop_gradient(choices.greedy(logits, key))
    if config.learning == "gumbel":
        return choices.gumbel(config.temperature)
    return choices.straight_through if config.learning == "straight-through" else choices.sample


def speaker_loss(
    config: Config, speaker: Speaker, slow: Speaker | None, speech: Speech, episode: Episode, expected_length: Array
) -> tuple[Array, dict[str, Array]]:
    """The speaker's surrogate (section 3.3): policy + value error - alpha entropy + beta KL to the slow copy, means over batch and time.

    Learning through relaxed symbols, the listener's loss reaches the speaker by itself and only entropy and length remain.
    """
    said = episode.said[0]
    assert said.logp is not None
    assert said.entropy is not None
    assert episode.reward is not None
    entropy = jnp.mean(said.entropy)
    logs = {"entropy": jnp.sum(said.entropy) / jnp.sum(speech.spoken), "length": jnp.mean(expected_length)}
    if config.learning in ("gumbel", "straight-through"):
        return config.length_cost * jnp.mean(expected_length) - config.entropy_weight * entropy, logs
    value = speaker.value(speech.hidden)[..., 0]
    value_loss = surrogates.value_error(value, episode.reward, speech.spoken)
    if config.learning == "policy-gradient":
        q = jnp.sum(speaker.q(speech.hidden) * speech.rows, axis=-1)
        policy_loss = surrogates.policy_gradient(said.logp, q, value, speech.spoken)
        q_loss = surrogates.value_error(q, episode.reward, speech.spoken)
        logs["q_loss"] = q_loss
        loss = policy_loss + value_loss + q_loss - config.entropy_weight * entropy
    else:
        baseline = value if config.baseline else jnp.zeros_like(value)
        policy_loss = surrogates.reinforce(said.logp, episode.reward, baseline, speech.spoken)
        loss = policy_loss + (value_loss if config.baseline else 0.0) - config.entropy_weight * entropy
    if slow is not None:
        thought = slow.replay(episode.info["input"], jax.lax.stop_gradient(speech.rows))
        kl = jnp.mean(surrogates.kl(speech.logits, thought.logits) * speech.spoken)
        logs["kl"] = kl
        loss = loss + config.kl_weight * kl
    return loss, logs | {"policy_loss": policy_loss, "value_loss": value_loss, "value": jnp.mean(value)}


def pair_rule(config: Config) -> Rule:
    """What a meeting does to a speaker and a listener: one joint gradient step, then the slow copy follows."""
    converse, choose = Converse(config), _choose(config)

    def loss(nets: dict[str, Any], world: Society, turn: Turn) -> tuple[Array, dict[str, Array]]:
        speaker, listener = nets.get("speaker", world.speaker.net), nets.get("listener", world.listener.net)
        speech, episode = converse(speaker, listener, turn.scene, turn.key, choose, channels.clear)
        assert episode.reward is not None
        total = listener_loss = jnp.mean(episode.loss)
        logs = {"loss": listener_loss, "reward": jnp.mean(episode.reward)}
        if "correct" in episode.info:
            logs["accuracy"] = jnp.mean(episode.info["correct"])
        if "speaker" in nets:
            extra, more = speaker_loss(config, speaker, world.speaker.slow, speech, episode, converse.length(speech))
            total, logs = total + extra, logs | {"speaker_loss": extra} | more
        return total, logs

    learning = {role: optimiser for role, optimiser in _optimisers(config).items() if role != config.frozen}
    step = descend(loss, learning, score="reward", memory=config.score_memory)
    return chain(step, follow("speaker", config.slow_rate)) if _slow(config) and config.frozen != "speaker" else step


def _slow(config: Config) -> bool:
    """Whether speakers carry a slow copy."""
    return config.learning == "reinforce" and config.kl_weight > 0


def _optimisers(config: Config) -> dict[str, optax.GradientTransformation]:
    """Each role's optimiser."""
    first = [optax.clip_by_global_norm(config.clip)] if config.clip else []
    speaker = getattr(optax, config.speaker_optimiser)(config.speaker_lr)
    listener = getattr(optax, config.listener_optimiser)(config.listener_lr)
    return {"speaker": optax.chain(*first, speaker), "listener": optax.chain(*first, listener)}


def copying(config: Config) -> Rule:
    """Imitation (section 3.4): students learn the greedy messages of a teacher by cross-entropy along their own sampled words."""

    def lesson(teacher: Agent, turn: Turn) -> Speech:
        seen = turn.scene.seen.reshape(turn.scene.seen.shape[0], -1)
        return jax.lax.stop_gradient(teacher.net(seen, choices.greedy, turn.key))

    def loss(student: Speaker, taught: Speech, turn: Turn) -> Array:
        seen = turn.scene.seen.reshape(turn.scene.seen.shape[0], -1)
        errors = surrogates.cross_entropy(student(seen, choices.sample, turn.key).logits, taught.rows)
        return jnp.sum(errors * taught.spoken) / jnp.sum(taught.spoken)

    students, teacher = config.imitation_students, config.imitation_teacher
    return imitate(lesson, loss, _optimisers(config)["speaker"], role="speaker", students=students, teacher=teacher)


# ------------------------------------------------------------------------------------------------------------------ make


def births(config: Config, data: Data) -> dict[str, Callable[[PRNGKeyArray], Agent]]:
    """How an agent of each role is born for this data, from a key."""
    shape = data.splits["train"].inputs.shape[1:]
    inputs = int(np.prod(shape))
    optimisers = _optimisers(config)

    def speaker(key: PRNGKeyArray) -> Agent:
        net = Speaker(
            inputs,
            vocab_size=config.vocab_size,
            max_len=config.max_len,
            ends=config.variable_length,
            hidden=config.speaker_hidden,
            embed=config.embed,
            core=config.core,
            torso=config.torso,
            head=config.speaker_head,
            q_head=config.learning == "policy-gradient",
            key=key,
        )
        return born(net, optimisers["speaker"], slow=_slow(config))

    def head(key: PRNGKeyArray) -> Pointer | Namer | Painter | MLP:
        hidden, sizes = config.listener_hidden, config.listener_head
        if config.task == "discrimination":
            return Pointer(inputs, hidden, torso=config.torso, sizes=sizes, key=key)
        if config.task == "classification":
            return Namer(hidden, (len(data.classes),), sizes=sizes, key=key)
        if config.task == "attributes":
            return Namer(hidden, data.attribute_sizes, sizes=sizes, key=key)
        return Painter(hidden, shape[-1], key=key) if len(shape) == 3 else MLP(hidden, (*sizes, inputs), key=key)

    def listener(key: PRNGKeyArray) -> Agent:
        key_reader, key_head = jax.random.split(key)
        reader = Reader(
            vocab_size=config.vocab_size,
            ends=config.variable_length,
            hidden=config.listener_hidden,
            embed=config.embed,
            core=config.core,
            key=key_reader,
        )
        return born(Listener(reader, head(key_head)), optimisers["listener"])

    return {"speaker": speaker, "listener": listener}


def _sizes(config: Config) -> dict[str, int]:
    """How many agents each role has."""
    return {"speaker": config.n_speakers, "listener": config.n_listeners}


def _views(config: Config, *, extra: float) -> dict[str, Callable]:
    """What noise and transformation each side sees the scene through."""

    def speaker(key: PRNGKeyArray, x: Array) -> Array:
        return noise(key, x, extra)

    def listener(key: PRNGKeyArray, x: Array) -> Array:
        key_affine, key_noise, key_more = jax.random.split(key, 3)
        if config.view_rotation or config.view_shift or config.view_scale:
            x = affine(key_affine, x, rotation=config.view_rotation, shift=config.view_shift, scale=config.view_scale)
        x = noise(key_noise, x, extra) if extra else x
        return noise(key_more, x, config.view_noise) if config.view_noise else x

    plain = not (extra or config.view_noise or config.view_rotation or config.view_shift or config.view_scale)
    return {"speaker_view": speaker if extra else same, "listener_view": same if plain else listener}


def _exams(config: Config, data: Data) -> dict[str, Exam]:
    """Each split, the test split at other numbers of candidates, and under noise."""

    def exam(split: Split, candidates: int, extra: float = 0.0) -> Exam:
        n = len(split.inputs)
        random = config.distractors == "random"
        size = min(n, max(config.evaluation_size, candidates if random else 1))
        among = candidates or (size if random else 0)
        if candidates == 0 and random:  # as in training: the whole batch
            among = size = min(n, config.batch_size) if config.task == "discrimination" else size
        scenes = References(split, size, candidates=among, distractors=config.distractors, **_views(config, extra=extra))
        return Exam(scenes, max(1, config.evaluation_passes * (n // size)), _chance(config, data, split, among))

    def fits(split: Split) -> int:
        return config.evaluation_candidates or min(config.candidates, len(split.inputs))

    exams = {part: exam(split, fits(split)) for part, split in data.splits.items() if part != "train"}
    test = data.splits["test"]
    if config.task == "discrimination" and config.distractors == "random":
        usual = fits(test) or min(config.batch_size, len(test.inputs))
        for among in (16, 64, 256, 1024, 4096):
            if among <= len(test.inputs) and among != usual:
                exams[f"test/{among}"] = exam(test, among)
    if config.evaluation_noise:
        exams["test/noise"] = exam(test, fits(test), config.evaluation_noise)
    return exams


def _chance(config: Config, data: Data, split: Split, candidates: int) -> float | None:
    """The accuracy of the best answer that does not listen; unknown among neighbours, whose middle is the likelier target."""
    if config.task == "discrimination":
        return None if config.distractors == "hard" else 1.0 / candidates
    if config.task == "classification" and split.labels is not None:
        return float(np.bincount(split.labels).max() / len(split.labels))
    if config.task == "attributes" and split.attributes is not None:
        return float(np.mean([np.bincount(column).max() / len(column) for column in split.attributes.T]))
    return None


def check(config: Config, data: Data) -> None:
    """One sentence for each setting that cannot be played, before anything is compiled."""
    _check_numbers(config)
    need_data(data)
    if config.task == "classification":
        need_labels(data, "the task classification")
    if config.task == "attributes":
        need_attributes(data, "the task attributes")
    if config.task == "reconstruction" and config.reward == "success":
        raise UsageError("the task reconstruction has no success to reward: set --reward log-prob")
    if config.view_rotation or config.view_shift or config.view_scale:
        need_images(data, "an affine view")
    if config.length_cost and not config.variable_length:
        raise UsageError(f"a length cost of {config.length_cost} needs messages of variable length: set --variable-length")
    if config.imitation_every and config.n_speakers < 2 and not config.self_imitation:
        raise UsageError("imitation needs two speakers or more: raise --n-speakers, or set --self-imitation")
    if config.imitation_every and config.n_speakers > 1 and config.self_imitation:
        raise UsageError(f"self-imitation is for one speaker, and there are {config.n_speakers}: drop one of the two")
    if config.imitation_every and config.n_speakers > 1 and not 1 <= config.imitation_students < config.n_speakers:
        most = config.n_speakers - 1
        raise UsageError(f"{config.imitation_students} students and a teacher do not fit {config.n_speakers} speakers: choose 1 to {most}")
    if config.frozen == "speaker" and (config.imitation_every or (config.reset_every and config.reset_who != "listener")):
        raise UsageError(
            "a frozen speaker neither imitates nor is reset: set --imitation-every 0, and --reset-who listener or --reset-every 0"
        )
    if config.frozen == "listener" and config.reset_every and config.reset_who != "speaker":
        raise UsageError("a frozen listener is not reset: set --reset-who speaker or --reset-every 0")
    check_society(_sizes(config), config.partners, config.pairs)
    if config.task == "discrimination" and not config.listener_head:
        raise UsageError("listener_head is empty: pointing at a candidate needs the width of its projection, for example 256")
    if config.training_messages == "greedy" and config.frozen != "speaker":
        raise UsageError("greedy training messages are for a frozen speaker: a learning one must explore")


def _check_numbers(config: Config) -> None:
    """One sentence for each number out of its range."""
    ranges = {
        "steps": (0, None), "batch_size": (1, None), "candidates": (0, None), "vocab_size": (1, None), "max_len": (1, None),
        "erasure": (0.0, 1.0), "flips": (0.0, 1.0), "slow_rate": (0.0, 1.0), "score_memory": (0.0, 1.0), "n_speakers": (1, None),
        "n_listeners": (1, None), "pairs": (0, None), "imitation_every": (0, None), "reset_every": (0, None),
        "evaluation_size": (1, None), "evaluation_passes": (1, None), "evaluation_noise": (0.0, None), "noise": (0.0, None),
        "speaker_hidden": (1, None), "listener_hidden": (1, None), "embed": (1, None), "clip": (0.0, None), "kl_weight": (0.0, None),
        "entropy_weight": (0.0, None), "length_cost": (0.0, None), "inverse_temperature": (0.0, None), "view_noise": (0.0, None),
        "view_rotation": (0.0, 360.0), "view_shift": (0.0, 1.0), "view_scale": (0.0, 0.99), "imitation_students": (1, None),
        "evaluation_candidates": (0, None), "speaker_lr": (0.0, None), "listener_lr": (0.0, None), "temperature": (1e-6, None),
    }  # fmt: skip
    check_ranges(config, ranges)
    for field in ("torso", "speaker_head", "listener_head"):
        if any(width < 1 for width in getattr(config, field)):
            raise UsageError(f"{field} is {getattr(config, field)}: expected widths of 1 or more")
    if config.flips and config.vocab_size < 2:
        raise UsageError("flips need a vocabulary of 2 symbols or more to change one into another")


def make(config: Config, data: Data) -> Experiment:
    """The experiment: a society of newborn agents, the rule of each step, and how to play and judge.

    Raises UsageError, one sentence, where the configuration and the data do not fit.
    """
    check(config, data)
    data = replace(data, splits={part: on_device(split) for part, split in data.splits.items()})  # once, whatever looks at them
    scenes = References(
        data.splits["train"],
        config.batch_size,
        candidates=config.candidates,
        distractors=config.distractors,
        **_views(config, extra=config.noise),
    )
    exams = _exams(config, data)  # these two may decline the data: before anything is compiled
    agent = births(config, data)

    def birth(key: PRNGKeyArray) -> Society:
        key_speaker, key_listener = jax.random.split(key)
        speakers = crowd(agent["speaker"], config.n_speakers, key=key_speaker)
        return Society(speakers, crowd(agent["listener"], config.n_listeners, key=key_listener))

    met = {"partners": config.partners, "pairs": config.pairs, "together": config.together, "frozen": config.frozen}
    rules = [society(pair_rule(config), _sizes(config), **met)]
    if config.imitation_every:
        rules.append(every(config.imitation_every, copying(config)))
    if config.reset_every:
        reborn = agent if config.reset_who == "pair" else {config.reset_who: agent[config.reset_who]}
        rules.append(every(config.reset_every, reset(reborn)))
    converse = Converse(config)
    choose = choices.greedy if config.evaluation_messages == "greedy" else choices.sample

    def play(world: Society, scene: Reference, key: PRNGKeyArray, channel: Channel = channels.clear) -> Episode:
        return converse(world.speaker.net, world.listener.net, scene, key, choose, channel)[1]

    phase = Phase("game", chain(*rules), scenes, max(config.steps, 1))
    tampering = channels.symbols(config.vocab_size if config.variable_length else None)
    if config.task == "reconstruction":  # a painting is not right or wrong
        tampering = tampering._replace(figure="loss")
    return Experiment(birth, (phase,), play, exams, roles=("speaker", "listener"), tampering=tampering)


def common(config: Config) -> dict[str, object]:
    """What agents of two runs must share to understand each other at all."""
    return {name: getattr(config, name) for name in ("vocab_size", "candidates", "distractors", "task", "variable_length")}


def probe(config: Config, *, task: Task, speakers: int, listeners: int, lr: float = 1e-3) -> Config:
    """The game in which fresh listeners learn a frozen language: `listeners` for each of the first `speakers`, greedy messages (B.3)."""
    return replace(
        config,
        task=task,
        frozen="speaker",
        training_messages="greedy",
        listener_lr=lr,
        n_speakers=speakers,
        n_listeners=speakers * listeners,
        partners="appointed",
        pairs=0,
        imitation_every=0,
        self_imitation=False,
        reset_every=0,
        reward="log-prob" if task == "reconstruction" else "success",
    )


_PUBLISHED = Config(data="imagenet.h5", steps=900_000)
_LIGHT = Config(
    steps=4_000,
    batch_size=64,
    candidates=10,
    vocab_size=10,
    max_len=5,
    speaker_hidden=64,
    listener_hidden=64,
    listener_head=(64,),
    speaker_lr=1e-3,
    listener_lr=1e-3,
)

PRESETS: dict[str, Config] = {
    "tiny": replace(_LIGHT, steps=60, batch_size=16, candidates=4, max_len=3, speaker_hidden=16, listener_hidden=16, listener_head=(16,)),
    "quick": _LIGHT,
    "paper": _PUBLISHED,
    "imagenet": _PUBLISHED,
    "imagenet-imitation": replace(_PUBLISHED, n_speakers=10, n_listeners=10, imitation_every=100, imitation_students=1),
    "celeba": replace(_PUBLISHED, data="celeba.h5", steps=300_000),
}


def gflop(config: Config, inputs: int) -> float:
    """Arithmetic of one pair update in matrix products, forward and backward, in 1e9 floating-point operations (REINFORCE, LSTM)."""
    n, t, v = config.batch_size, config.max_len, config.vocab_size
    s, r, f = config.speaker_hidden, config.listener_hidden, config.listener_head[-1]
    speaker_step = n * (s + v) * 4 * s
    listener = (t - 1) * n * r * 4 * r + t * n * v * 4 * r  # the first state is zero
    adapter, look = n * inputs * 2 * s, n * inputs * f
    slow = adapter + t * speaker_step if _slow(config) else 0
    heads = t * n * s * (v + 1) + n * r * f + n * n * f
    # inputs want no gradient: their layers cost two products, the others three
    return 2e-9 * (slow + 2 * (adapter + look) + 3 * (t * speaker_step + listener + heads))


_SMALL = replace(_LIGHT, candidates=0, listener_head=(256,))
_TEN = {"n_speakers": 10, "n_listeners": 10, "pairs": 10}

BENCHES = tuple(
    Bench(title, config, inputs, seeds, steps, max(config.pairs, 1) * gflop(config, inputs), reference)
    for title, config, inputs, seeds, steps, reference in (
        ("a pair, published sizes", Config(), 2048, 1, 4, {"as shipped": 3.16, "similarity mended": 0.76}),
        ("ten pairs, published sizes", replace(Config(), **_TEN), 2048, 1, 1, {"as shipped": 31.8, "similarity mended": 7.9}),
        ("a pair, small", _SMALL, 64, 1, 500, {"as shipped": 0.0033, "similarity mended": 0.0026}),
        ("ten pairs, small", replace(_SMALL, **_TEN), 64, 1, 50, {"as shipped": 0.033, "similarity mended": 0.021}),
        ("a pair, small, eight seeds", _SMALL, 64, 8, 100, {"as shipped": 0.0033, "similarity mended": 0.0026}),
    )
)
