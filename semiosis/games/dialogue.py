"""The dialogue: two agents with different senses talk in bits until the one who must answer knows.

who sees what    the sender sees an image and nothing else; the receiver reads a text about each class and nothing else
what is sent     at each of max_exchange steps the sender says so many bits, and the receiver says as many back
who is paid      both, the log-probability of the right class when the receiver answers: when it stops, or after the last step
how they learn   the answer by its cross-entropy; bits and the wish to go on by REINFORCE, each agent with a learned value as its baseline
the paper        Evtimova, Drozdov, Kiela and Cho, Emergent Communication in a Multi-Modal, Multi-Step Referential Game, ICLR 2018;
                 the departures here: docs/fidelity.md

semiosis train dialogue --preset quick        digits and ten written descriptions, 4 seeds side by side or in turn
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key, PRNGKeyArray

from semiosis import channels, choices, surrogates
from semiosis.conversations import PARTS, printed, recorded
from semiosis.errors import UsageError, check_ranges
from semiosis.nets.dialogue import Fusion, Receiver, Sender, Texts, Value
from semiosis.populations import Partners, Together, check_society, crowd, society
from semiosis.rules import born, descend
from semiosis.scenes import Data, Descriptions, need_data, need_descriptions, need_labels
from semiosis.scenes.topics import Topic, Topics, scale
from semiosis.types import Agent, Bench, Channel, Choose, Episode, Exam, Experiment, Phase, Play, Rule, Tampering, Turn, Utterance, Watch


@dataclass(frozen=True)
class Config:
    """Every dial of the dialogue; the presets `fixed`, `adaptive`, `fixed-attention` and `adaptive-attention` hold the published ones."""

    data: str = "digits"
    """What is talked about: data whose classes are described in words; a folder of feature files, FOLDER,feature=NAME,context=NAME."""
    steps: int = 100_000
    """Steps to train (published: 500 epochs)."""
    batch_size: int = 64
    """Conversations a step."""
    max_exchange: int = 10
    """T: exchanges after which the receiver must answer."""
    exchange: Literal["fixed", "adaptive"] = "adaptive"
    """When the receiver answers: always after max_exchange exchanges, or when it stops by itself."""
    message_bits: int = 32
    """d: bits of a message, the sender's and the receiver's."""
    channel: Literal["bits", "straight-through", "gumbel", "continuous"] = "bits"
    """What is sent and how it is learned: bits by REINFORCE (published); bits, or relaxed bits, by backpropagation; real numbers."""
    temperature: float = 1.0
    """Temperature of relaxed bits (channel gumbel)."""
    sender_hidden: int = 256
    """Width of the sender's layer."""
    receiver_hidden: int = 64
    """Size of the receiver's state."""
    value_hidden: int = 500
    """Width of the two learned values."""
    fusion: Fusion = "sum"
    """How a sender joins image u and message w: tanh(u + w), tanh(u w), or tanh of [u, w, u - w, u w] (the paper; its code: sum)."""
    eye: tuple[int, ...] = ()
    """Channels of convolutions by which the sender sees images, each halving the side; () is features or raw pixels as they are."""
    visual_attention: bool = False
    """Let the sender look at places of the image by what it has just read (needs images or feature maps)."""
    attention_size: int = 256
    """Width of the sender's attention."""
    word_attention: bool = False
    """Let the receiver weigh the words of each text by its state; otherwise it reads their mean."""
    word_attention_size: int = 64
    """Width of the receiver's attention."""
    ignore_code: bool = False
    """The sender takes no notice of the receiver's messages, with its layer and with its attention."""
    ignore_receiver: bool = False
    """The receiver's messages arrive as zeros, and their bits are not trained."""
    first_message: float = 0.0
    """What stands for the message before the first, for the sender's learned value."""
    sender_flips: float = 0.0
    """Probability that a bit of the sender's is inverted on its way."""
    receiver_flips: float = 0.0
    """Probability that a bit of the receiver's is inverted on its way."""
    evaluation_flips: bool = False
    """Invert bits in evaluation as well."""
    corrupt: str = ""
    """Bits of the sender's that are always inverted in evaluation: places or half-open ranges, as in 0:3,5."""
    evaluation_messages: Literal["greedy", "sampled"] = "greedy"
    """Bits in evaluation: the likelier ones, or drawn; so also whether to go on."""
    product_stop: bool = True
    """In evaluation go on while the product of all probabilities of going on so far is 1/2 or more; otherwise, the last one."""
    sender_entropy: float = 0.01
    """Weight of the entropy of the sender's bits, nats a message."""
    receiver_entropy: float = 0.01
    """Weight of the entropy of the receiver's bits."""
    stop_entropy: float = 0.08
    """Weight of the entropy of going on or stopping."""
    step_cost: float = 0.0
    """Reward lost for each exchange, nats."""
    baseline: Literal["value", "batch", "none"] = "value"
    """What is taken from the reward: a learned value (published), the mean of the others of the batch, or nothing."""
    scale_advantage: bool = True
    """Divide advantages of a step by their deviation where it is above 1."""
    optimiser: Literal["rmsprop", "adam", "sgd"] = "rmsprop"
    """Name of the optimiser of both agents and both values, each with one of its own."""
    lr: float = 1e-4
    """Learning rate."""
    clip: float = 1.0
    """Largest norm of the gradient of each network; 0 does not clip."""
    frozen: Literal["none", "sender", "receiver"] = "none"
    """A role that does not learn: with a frozen untrained sender, how far the receiver gets by itself."""
    n_senders: int = 1
    """Senders of the population."""
    n_receivers: int = 1
    """Receivers of the population."""
    pairs: int = 0
    """Pairs that talk at each step; 0 means as many as the larger crowd (replacement) or the smaller (disjoint)."""
    partners: Partners = "replacement"
    """Who meets: drawn with replacement, in turn; without replacement, no agent twice; or the same partners always."""
    together: Together = "auto"
    """Whether disjoint pairs are updated side by side or in turn: auto does what is faster on this device."""
    top_k: int = 6
    """k of the accuracy at k, beside that at 1."""
    evaluation_size: int = 256
    """Conversations of an evaluation batch, 2 or more: among them messages are shuffled."""
    samples: int = 0
    """Conversations of the first seed about held-out things that are printed at each line of training, as bars and bits (published: 3)."""
    letters: bool = False
    """Print five bits as one letter."""


class Society(NamedTuple):
    """The world: a crowd of senders and one of receivers; in a conversation, one of each."""

    sender: Agent
    receiver: Agent


class Mind(eqx.Module):
    """An agent's network and the value that it expects, each with an optimiser of its own."""

    net: Any
    value: Any


# ------------------------------------------------------------------------------------------------------------------ play


class Exchange(NamedTuple):
    """A conversation, steps first: what each said and heard, and how likely it was to.

    `received` [t n d] is what the sender had read before it spoke, `said` what it said, `heard` how that arrived, `back` the answer; `go`
    [t n] 1 where the receiver went on. `sender`, `receiver` [t n d] and `on` [t n] are logits, `state` [t n h] the receiver's, `scores`
    [t n c] those of the classes after each message.
    """

    received: Float[Array, "t n d"]
    said: Float[Array, "t n d"]
    heard: Float[Array, "t n d"]
    back: Float[Array, "t n d"]
    go: Float[Array, "t n"]
    sender: Float[Array, "t n d"]
    receiver: Float[Array, "t n d"]
    on: Float[Array, "t n"]
    state: Float[Array, "t n h"]
    scores: Float[Array, "t n c"]

    @property
    def open(self) -> Float[Array, "t n"]:
        """1 where the conversation was still open when a step began: m_0 = 1, m_{t+1} = min(m_t, s_t)."""
        return jnp.concatenate([jnp.ones_like(self.go[:1]), jnp.cumprod(self.go[:-1], axis=0)])

    @property
    def answers(self) -> Float[Array, "t n"]:
        """1 at the one step whose scores are the answer: where the receiver stops, at the latest at the last step."""
        going = self.open
        return going - jnp.concatenate([going[1:], jnp.zeros_like(going[:1])])

    @property
    def length(self) -> Float[Array, " n"]:
        """Exchanges until the answer."""
        return jnp.sum(self.open, axis=0)

    @property
    def verdict(self) -> Float[Array, "n c"]:
        """The scores of the answer."""
        return jnp.einsum("tn,tnc->nc", self.answers, self.scores)


class Ways(NamedTuple):
    """How a conversation goes on its outer side: how bits are chosen, whether going on is drawn, and what happens to messages each way.

    `there` and `back` are the noise of each step, `sent` and `returned` what is done to messages beyond it.
    """

    choose: Choose
    drawn: bool
    there: Channel = channels.clear
    back: Channel = channels.clear
    sent: Channel = channels.clear
    returned: Channel = channels.clear


def converse(config: Config, sender: Sender, receiver: Receiver, scene: Topic, key: PRNGKeyArray, ways: Ways) -> Exchange:
    """Talk for max_exchange steps; who has stopped goes on for the record, and `Exchange.open` tells."""
    key_sent, key_returned, key_steps = jax.random.split(key, 3)
    n, d = scene.target.shape[0], config.message_bits
    sight, notes = sender.see(scene.seen, scene.context), receiver.study(Texts(scene.words, scene.there, scene.means))

    def step(carry: tuple[Array, Array, Array], turn: tuple[Array, Key[Array, " 5"], Any, Any]) -> tuple[Any, Exchange]:
        (received, state, chance), (t, keys, key_sent, key_returned) = carry, turn
        sender_logits = sender.say(sender.look(sight, received, t == 0), received, t == 0)
        said = ways.choose(sender_logits, keys[0])
        heard = ways.sent(ways.there(said, keys[1]), key_sent)
        state = receiver.hear(heard, state)
        thought = receiver.think(notes, state)
        back = ways.choose(thought.message, keys[2])
        returned = jnp.zeros_like(back) if config.ignore_receiver else ways.returned(ways.back(back, keys[3]), key_returned)
        chance, go = _go_on(config, ways.drawn, thought.on, chance, keys[4])
        now = Exchange(received, said, heard, back, go, sender_logits, thought.message, thought.on, state, thought.scores)
        return (returned, state, chance), now

    start = jnp.full((n, d), float(config.first_message)), receiver.begin(n), jnp.ones(n)
    t = config.max_exchange  # keys are split here and not in the loop, where each draw costs its compilation
    keys = jax.random.split(key_steps, (t, 5)), jax.random.split(key_sent, t), jax.random.split(key_returned, t)
    return jax.lax.scan(step, start, (jnp.arange(t), *keys))[1]


def _go_on(config: Config, drawn: bool, logit: Array, chance: Array, key: PRNGKeyArray) -> tuple[Array, Array]:
    """The probability so far of not having stopped [n], and 1 for each conversation that goes on."""
    p = jax.nn.sigmoid(jax.lax.stop_gradient(logit))
    if config.exchange == "fixed":
        return chance, jnp.ones_like(p)
    if drawn:
        return chance, (jax.random.uniform(key, p.shape) < p).astype(p.dtype)
    chance = chance * p if config.product_stop else p
    return chance, (chance >= 0.5).astype(p.dtype)


def replay(sender: Sender, receiver: Receiver, scene: Topic, talk: Exchange) -> tuple[Exchange, Float[Array, "*#t n h"]]:
    """A conversation thought through again with what was said given: the same numbers, all steps at once; and u, what the sender saw."""
    sight, notes = sender.see(scene.seen, scene.context), receiver.study(Texts(scene.words, scene.there, scene.means))
    first = jnp.arange(talk.said.shape[0]) == 0
    look = sender.look(sight, talk.received, first)
    state = receiver.hear_all(talk.heard)
    thought = receiver.think(notes, state)
    logits = {"sender": sender.say(look, talk.received, first), "receiver": thought.message, "on": thought.on}
    return talk._replace(**logits, state=state, scores=thought.scores), look


def answer_loss(talk: Exchange, target: Array) -> Float[Array, " n"]:
    """-log p of the right class at the answer, in nats."""
    return -jnp.take_along_axis(jax.nn.log_softmax(talk.verdict), target[:, None], axis=1)[:, 0]


def training_ways(config: Config) -> Ways:
    """How agents in training talk."""
    choose = {
        "bits": choices.bernoulli,
        "straight-through": choices.straight_through_bits,
        "gumbel": choices.gumbel_bits(config.temperature),
        "continuous": choices.as_they_are,
    }[config.channel]
    return Ways(choose, True, _noise(config.sender_flips), _noise(config.receiver_flips))


def evaluation_ways(config: Config) -> Ways:
    """How they are judged."""
    greedy = config.evaluation_messages == "greedy"
    plain = choices.as_they_are if config.channel == "continuous" else choices.likelier if greedy else choices.bernoulli
    flips = (config.sender_flips, config.receiver_flips) if config.evaluation_flips else (0.0, 0.0)
    corrupted = [channels.invert(places(config))] if config.corrupt else []
    return Ways(plain, not greedy, channels.compose(_noise(flips[0]), *corrupted), _noise(flips[1]))


def _noise(rate: float) -> Channel:
    return channels.flip_bits(rate) if rate else channels.clear


def places(config: Config) -> tuple[int, ...]:
    """The bits that `corrupt` names: "0:3,5" is 0, 1, 2, 5. Raises UsageError for anything else, or a place that a message lacks."""
    found: list[int] = []
    for part in config.corrupt.split(","):
        bounds = re.fullmatch(r"\s*(\d+)\s*(?::\s*(\d+)\s*)?", part)
        if not bounds or (bounds[2] is not None and int(bounds[2]) <= int(bounds[1])):
            raise UsageError(f"corrupt is {config.corrupt!r}: expected places or half-open ranges of bits, as in 0:3,5")
        found += range(int(bounds[1]), int(bounds[2])) if bounds[2] is not None else [int(bounds[1])]
    if beyond := [place for place in found if place >= config.message_bits]:
        raise UsageError(f"corrupt is {config.corrupt!r}: a message has no bit {beyond[0]}, its bits are 0 to {config.message_bits - 1}")
    return tuple(dict.fromkeys(found))


def play_of(config: Config) -> Play:
    """How a pair is judged. The channel is on what goes to the receiver; its way `back` is on what returns to the sender."""

    def play(world: Society, scene: Topic, key: PRNGKeyArray, channel: Channel = channels.clear) -> Episode:
        sender, receiver = world.sender.net.net, world.receiver.net.net
        ways = evaluation_ways(config)._replace(sent=channel, returned=channels.on(channel, "back"))
        return told(config, sender, scene, converse(config, sender, receiver, scene, key, ways))

    return play


def told(config: Config, sender: Sender, scene: Topic, talk: Exchange) -> Episode:
    """The record of a conversation."""
    loss, guess = answer_loss(talk, scene.target), jnp.argmax(talk.verdict, axis=1)
    said = (_utterance(config, talk.sender, talk.said, talk), _utterance(config, talk.receiver, talk.back, talk, read=True))
    steps_first = {"code": talk.said, "back": talk.back, "on": talk.on, "go": talk.go, "open": talk.open, "steps": talk.scores}
    steps_first |= {"sender": talk.sender, "receiver": talk.receiver}
    seen = scene.seen if scene.seen.ndim == 2 else scene.seen.reshape(*scene.seen.shape[:1], -1)
    info = {name: jnp.moveaxis(x, 0, 1) for name, x in steps_first.items()}
    info |= {"scores": talk.verdict, "input": seen, "label": scene.label, "index": scene.example, "weight": scene.weight}
    weight = sender.attend(sender.see(scene.seen, scene.context), talk.received, jnp.arange(config.max_exchange) == 0)
    if weight is not None:
        info["attention"] = jnp.moveaxis(weight, 0, 1)
    reward = -loss - config.step_cost * talk.length
    return Episode(said, guess, scene.target, loss, reward, info, _figures(config, scene, talk))


def _utterance(config: Config, logits: Array, said: Array, talk: Exchange, *, read: bool = False) -> Utterance:
    """What one of the two said, up to the answer; the receiver's last message, which nobody reads, is left out."""
    spoken = talk.open - talk.answers if read else talk.open
    message, length = jnp.moveaxis(said * spoken[..., None], 0, 1), jnp.sum(spoken, axis=0).astype(jnp.int32)
    if config.channel == "continuous":
        return Utterance(message, length)
    logp, entropy = (jnp.moveaxis(x * spoken, 0, 1) for x in (surrogates.bits_logp(logits, said), surrogates.bits_entropy(logits)))
    return Utterance(message, length, logp, entropy)


def _figures(config: Config, scene: Topic, talk: Exchange) -> dict[str, Array]:
    """What is counted of each conversation: its length, the answer's place among k, and what the answer would be at each step."""
    target = scene.target[:, None]
    right = jnp.take_along_axis(talk.verdict, target, axis=1)
    rank = jnp.sum(talk.verdict > right, axis=1)
    figures = {"exchanges": talk.length, "confidence": jnp.max(jax.nn.softmax(talk.verdict), axis=1)}
    if config.top_k < talk.scores.shape[-1]:
        figures[f"top_{config.top_k}"] = (rank < config.top_k).astype(jnp.float32)
    for t, scores in enumerate(talk.scores if config.max_exchange > 1 else ()):
        figures[f"accuracy@step-{t + 1}"] = (jnp.argmax(scores, axis=1) == scene.target).astype(jnp.float32)
    if config.channel != "continuous":
        for who, said in (("sender", talk.said), ("receiver", talk.back)):
            before = jnp.concatenate([jnp.zeros_like(said[:1]), said[:-1]])
            changed = jnp.sum(jnp.abs(said - before), axis=-1) * talk.open
            figures[f"hamming_{who}"] = jnp.sum(changed, axis=0) / talk.length
    return figures


# ----------------------------------------------------------------------------------------------------------------- rules


def pair_rule(config: Config) -> Rule:
    """What a conversation does to the two: one step of each of their four networks."""
    ways, differentiable = training_ways(config), config.channel != "bits"

    def loss(nets: dict[str, Mind], world: Society, turn: Turn) -> tuple[Array, dict[str, Array]]:
        minds: list[Mind] = [nets.get(role) or getattr(world, role).net for role in ("sender", "receiver")]
        (sender, receiver), scene = minds, turn.scene
        if differentiable:
            talk, look = converse(config, sender.net, receiver.net, scene, turn.key, ways), None
        else:
            heard = jax.lax.stop_gradient(converse(config, *_still(sender.net, receiver.net), scene, turn.key, ways))
            talk, look = replay(sender.net, receiver.net, scene, heard)
        errors = answer_loss(talk, scene.target)
        reward = jax.lax.stop_gradient(-errors - config.step_cost * talk.length)
        total, logs = _policies(config, sender.value, receiver.value, talk, look, reward)
        accuracy = jnp.mean((jnp.argmax(talk.verdict, axis=1) == scene.target).astype(jnp.float32))
        logs |= {"loss": jnp.mean(errors), "accuracy": accuracy, "reward": jnp.mean(reward), "exchanges": jnp.mean(talk.length)}
        return jnp.mean(errors) + total, logs

    return descend(loss, {role: rule for role, rule in optimisers(config).items() if role != config.frozen}, score="reward")


def _still(*nets: Any) -> tuple[Any, Any]:
    """The networks without a gradient."""
    return jax.lax.stop_gradient(nets)


def _policies(
    config: Config, sender_value: Value, receiver_value: Value, talk: Exchange, look: Array | None, reward: Array
) -> tuple[Array, dict[str, Array]]:
    """The surrogates of everything that was drawn, with their baselines and entropy bonuses (section 4 of the paper).

    Bits count while the conversation is open; those of the receiver where they are read, so not at the answer; going on where there is
    a choice, so not at the last step.
    """
    open_, stop = talk.open, jax.lax.stop_gradient
    read = (open_ - talk.answers) * (0.0 if config.ignore_receiver or config.ignore_code else 1.0)
    choice = open_.at[-1].set(0.0)
    logs = {"sender_bit_entropy": _per_bit(talk.sender, open_), "receiver_bit_entropy": _per_bit(talk.receiver, read)}
    total = -config.sender_entropy * surrogates.among(surrogates.bits_entropy(talk.sender), open_)
    total -= config.receiver_entropy * surrogates.among(surrogates.bits_entropy(talk.receiver), read)
    if config.channel == "continuous":
        total, logs = jnp.zeros(()), {}
    advantage = partial(_advantage, config, reward)
    if config.channel == "bits":
        assert look is not None
        value = sender_value(stop(look), talk.received)
        said = surrogates.bits_logp(talk.sender, talk.said)
        logs["sender_loss"] = -surrogates.among(advantage(value, open_) * said, open_)
        logs["sender_value_loss"] = surrogates.among(jnp.square(value - reward), open_)
        total += logs["sender_loss"] + logs["sender_value_loss"]
    adaptive = config.exchange == "adaptive"
    if config.channel == "bits" or adaptive:
        value = receiver_value(stop(talk.heard), stop(talk.state))
        logs["receiver_value_loss"] = surrogates.among(jnp.square(value - reward), open_)
        total += logs["receiver_value_loss"]
        if config.channel == "bits":
            back = surrogates.bits_logp(talk.receiver, talk.back)
            logs["receiver_loss"] = -surrogates.among(advantage(value, read) * back, read)
            total += logs["receiver_loss"]
        if adaptive:
            going = surrogates.bits_logp(talk.on[..., None], talk.go[..., None])
            logs["stop_loss"] = -surrogates.among(advantage(value, choice) * going, choice)
            logs["stop_entropy"] = surrogates.among(surrogates.bits_entropy(talk.on[..., None]), choice)
            total += logs["stop_loss"] - config.stop_entropy * logs["stop_entropy"]
    return total, logs


def _per_bit(logits: Array, active: Array) -> Array:
    """The mean entropy of a bit, nats."""
    return surrogates.among(surrogates.bits_entropy(logits), active) / logits.shape[-1]


def _advantage(config: Config, reward: Array, value: Array, active: Array) -> Array:
    """What the reward of each conversation is beyond what was expected at each step [t n]."""
    if config.baseline == "batch":
        n = reward.shape[0]
        value = jnp.broadcast_to((jnp.sum(reward) - reward) / max(n - 1, 1), value.shape)
    elif config.baseline == "none":
        value = jnp.zeros_like(value)
    return surrogates.advantage(reward, value, active, scaled=config.scale_advantage)


def optimisers(config: Config) -> dict[str, optax.GradientTransformation]:
    """Each role's: one for its network and one for its value, each with a clip of its own."""
    kinds = {
        "rmsprop": partial(optax.rmsprop, decay=0.99, eps=1e-8, eps_in_sqrt=False),
        "adam": optax.adam,
        "sgd": optax.sgd,
    }
    first = [optax.clip_by_global_norm(config.clip)] if config.clip else []
    one = optax.chain(*first, kinds[config.optimiser](config.lr))
    both = optax.partition({"net": one, "value": one}, Mind("net", "value"))
    return {"sender": both, "receiver": both}


# ------------------------------------------------------------------------------------------------------------------ make


def births(config: Config, data: Data) -> dict[str, Callable[[PRNGKeyArray], Agent]]:
    """How an agent of each role is born for this data, from a key."""
    train = data.splits["train"]
    assert data.descriptions is not None
    shape, words, bits = train.inputs.shape[1:], data.descriptions.vectors.shape[-1], config.message_bits
    context = train.others[0].shape[-1] if train.others and config.visual_attention else 0
    rules = optimisers(config)

    def sender(key: PRNGKeyArray) -> Agent:
        key_net, key_value = jax.random.split(key)
        net = Sender(
            shape,
            bits,
            hidden=config.sender_hidden,
            fusion=config.fusion,
            eye=config.eye,
            attention=config.attention_size if config.visual_attention else 0,
            context=context,
            deaf=config.ignore_code,
            key=key_net,
        )
        return born(Mind(net, Value(config.sender_hidden, bits, config.value_hidden, key=key_value)), rules["sender"])

    def receiver(key: PRNGKeyArray) -> Agent:
        key_net, key_value = jax.random.split(key)
        attention = config.word_attention_size if config.word_attention else 0
        net = Receiver(words, bits, hidden=config.receiver_hidden, attention=attention, key=key_net)
        return born(Mind(net, Value(bits, config.receiver_hidden, config.value_hidden, key=key_value)), rules["receiver"])

    return {"sender": sender, "receiver": receiver}


def _sizes(config: Config) -> dict[str, int]:
    """How many agents each role has."""
    return {"sender": config.n_senders, "receiver": config.n_receivers}


def candidates(descriptions: Descriptions, part: str) -> np.ndarray:
    """The classes whose texts are read in a split."""
    return descriptions.candidates.get(part, np.arange(len(descriptions.texts)))


def _exams(config: Config, data: Data) -> dict[str, Exam]:
    """Each split, whole; what was not trained on also as a variant of the test split, and among all classes."""
    texts = data.descriptions
    assert texts is not None
    exams: dict[str, Exam] = {}
    everything, seen = np.arange(len(texts.texts)), scale(data.splits["train"])
    for part, split in data.splits.items():
        if part == "train":
            continue
        own = candidates(texts, part)
        exams[part] = _exam(config, Topics(split, texts, own, config.evaluation_size, scale=seen, whole=True), split.labels, len(own))
        if part not in ("valid", "test"):
            exams[f"test/{part}"] = exams[part]
            among = Topics(split, texts, everything, config.evaluation_size, scale=seen, whole=True)
            exams[f"{part}/all-classes"] = exams[f"test/{part}/all-classes"] = _exam(config, among, split.labels, len(everything))
    return exams


def _exam(config: Config, scenes: Topics, labels: np.ndarray | None, count: int) -> Exam:
    """A split to be judged on, with the accuracy of who always says the commonest class."""
    assert labels is not None
    commonest = np.sort(np.bincount(labels))[::-1] / len(labels)
    chances = {f"top_{config.top_k}": float(commonest[: config.top_k].sum())} if config.top_k < count else {}
    return Exam(scenes, scenes.batches, float(commonest[0]), chances)


def check(config: Config, data: Data) -> None:
    """One sentence for each setting that cannot be played, before anything is compiled."""
    ranges = {
        "steps": (0, None), "batch_size": (1, None), "max_exchange": (1, 1000), "message_bits": (1, None), "temperature": (1e-6, None),
        "sender_hidden": (1, None), "receiver_hidden": (1, None), "value_hidden": (1, None), "attention_size": (1, None),
        "word_attention_size": (1, None), "sender_flips": (0.0, 1.0), "receiver_flips": (0.0, 1.0), "sender_entropy": (0.0, None),
        "receiver_entropy": (0.0, None), "stop_entropy": (0.0, None), "step_cost": (0.0, None), "lr": (0.0, None), "clip": (0.0, None),
        "n_senders": (1, None), "n_receivers": (1, None), "pairs": (0, None), "top_k": (1, None), "evaluation_size": (2, None),
        "samples": (0, None),
        "first_message": (-1e9, None),
    }  # fmt: skip
    check_ranges(config, ranges)
    need_data(data)
    need_labels(data, "the dialogue")
    need_descriptions(data, "the dialogue")
    if any(width < 1 for width in config.eye):
        raise UsageError(f"eye is {config.eye}: expected numbers of channels, 1 or more each")
    shape = data.splits["train"].inputs.shape[1:]
    if len(shape) != 3 and (config.eye or config.visual_attention):
        what = "visual attention" if config.visual_attention else "an eye of convolutions"
        raise UsageError(f"{what} needs images or feature maps, and {data.name!r} has vectors of {shape[0]}")
    for part, split in data.splits.items():
        if split.inputs.shape[1:] != shape:
            told = " x ".join(map(str, split.inputs.shape[1:])), " x ".join(map(str, shape))
            raise UsageError(f"the split {part} of {data.name!r} shows {told[0]} where train shows {told[1]}: expected one shape")
    if config.corrupt:
        places(config)
    noisy = [name for name in ("sender_flips", "receiver_flips", "corrupt") if getattr(config, name)]
    if config.channel == "continuous" and noisy:
        raise UsageError(f"{noisy[0]} is {getattr(config, noisy[0])!r}: numbers have no bits to invert, set --channel bits")
    if config.channel == "continuous" and config.samples:
        raise UsageError(f"samples is {config.samples}: numbers cannot be told as bars and bits, set --samples 0")
    if config.baseline == "batch" and config.batch_size < 2:
        raise UsageError("baseline batch needs the others of a batch, and batch_size is 1")
    check_society(_sizes(config), config.partners, config.pairs)


def make(config: Config, data: Data) -> Experiment:
    """The experiment: a society of newborn agents, the rule of each step, and how to play and judge.

    Raises UsageError, one sentence, where the configuration and the data do not fit.
    """
    check(config, data)
    assert data.descriptions is not None
    own, train = candidates(data.descriptions, "train"), data.splits["train"]
    scenes = Topics(train, data.descriptions, own, config.batch_size, scale=scale(train))
    exams, agent = _exams(config, data), births(config, data)

    def birth(key: PRNGKeyArray) -> Society:
        key_sender, key_receiver = jax.random.split(key)
        senders = crowd(agent["sender"], config.n_senders, key=key_sender)
        return Society(senders, crowd(agent["receiver"], config.n_receivers, key=key_receiver))

    met = {"partners": config.partners, "pairs": config.pairs, "together": config.together, "frozen": config.frozen}
    watch = overheard(config, data, exams["valid"]) if config.samples and "valid" in exams else None
    phase = Phase("dialogue", society(pair_rule(config), _sizes(config), **met), scenes, max(config.steps, 1), watch=watch)
    roles, shown = ("sender", "receiver"), ("accuracy", "loss", "exchanges")
    undefined = {"accuracy_truncated": "a message of one bit has no half"} if config.message_bits == 1 else {}
    undefined |= {"accuracy_noise": "numbers have no bits to invert"} if config.channel == "continuous" else {}
    return Experiment(
        birth, (phase,), play_of(config), exams, roles, shown=shown, undefined=undefined, tampering=tampering(config)
    )  # fmt: skip


def overheard(config: Config, data: Data, exam: Exam) -> Watch:
    """Some conversations of the first pair about held-out things, told below each line of training."""
    play, topics = play_of(config), cast(Topics, exam.scenes)
    classes, names = [data.classes[i] for i in topics.candidates], data.splits["valid"].names

    def keep(world: Society) -> dict[str, Array]:
        key = jax.random.key(0)
        episode = play(jax.tree.map(lambda x: x[0], world), topics(jnp.int32(0), key), key, channels.clear)
        return {name: episode.info[name][: config.samples] for name in (*PARTS, "index")} | {"target": episode.target[: config.samples]}

    def say(kept: dict[str, np.ndarray]) -> str:
        example = [f"valid-{i:06d}" if names is None else str(names[i]) for i in kept["index"]]
        talk = recorded(kept, kept["target"], example, classes)
        return printed(talk, range(len(kept["target"])), letters=config.letters)

    return Watch(keep, lambda kept: {}, say=say)


def tampering(config: Config) -> Tampering:
    """What may be done to messages; `deaf` and `back_shuffled` are of those that the receiver sends."""
    of_bits = channels.bits(config.message_bits)
    ways: dict[str, Channel | Mapping[str, Channel]] = dict(of_bits.ways)
    replace = of_bits.replace
    if config.channel == "continuous":  # numbers are not inverted
        del ways["noise"]
        replace = None
    if config.message_bits == 1:
        del ways["truncated"]
    if config.max_exchange > 1 and not (config.ignore_code or config.ignore_receiver):
        ways |= {"deaf": {"back": channels.silence}, "back_shuffled": {"back": channels.shuffle}}
    return Tampering(ways, replace)


def common(config: Config) -> dict[str, object]:
    """What agents of two runs must share to understand each other at all."""
    return {"message_bits": config.message_bits, "messages": "numbers" if config.channel == "continuous" else "bits"}


TASKS = ("listening",)  # what fresh receivers may be asked to learn


def probe(config: Config, *, task: str, speakers: int, listeners: int, lr: float = 1e-3) -> Config:
    """The game in which fresh receivers learn to talk with frozen senders: `listeners` for each of the first `speakers`."""
    fresh = speakers * listeners
    return replace(config, frozen="sender", lr=lr, n_senders=speakers, n_receivers=fresh, partners="appointed", pairs=0)


_PUBLISHED = Config(data="features,feature=avgpool_512,vectors=glove.6B.100d.txt", samples=3)
_MAPS = replace(_PUBLISHED, data="features,feature=layer4_2,context=fc,vectors=glove.6B.100d.txt", visual_attention=True)
_LIGHT = Config(
    steps=6_000,
    batch_size=64,
    max_exchange=5,
    message_bits=16,
    sender_hidden=64,
    receiver_hidden=32,
    value_hidden=128,
    lr=1e-3,
    top_k=3,
)

PRESETS: dict[str, Config] = {
    "tiny": replace(
        _LIGHT, steps=60, batch_size=16, max_exchange=3, message_bits=4, sender_hidden=8, receiver_hidden=8, value_hidden=8, samples=0
    ),
    "quick": replace(_LIGHT, samples=1),
    "paper": _PUBLISHED,
    "fixed": replace(_PUBLISHED, exchange="fixed"),
    "adaptive": _PUBLISHED,
    "fixed-attention": replace(_MAPS, exchange="fixed"),
    "adaptive-attention": _MAPS,
}


def gflop(config: Config, features: int, words: int, classes: int) -> float:
    """Arithmetic of a pair's step in matrix products, forward and backward, in 1e9 floating-point operations (bits, no attention)."""
    n, t, d = config.batch_size, config.max_exchange, config.message_bits
    s, r, v = config.sender_hidden, config.receiver_hidden, config.value_hidden
    look, study = n * features * s, 2 * classes * words * r
    say, hear = n * (d * s + s * d), n * (d * 3 * r + r * 3 * r)
    think = n * (r * r + classes * r + classes * r + r * r + r * d + r)
    values = n * (s * v) + t * n * (d * v + v) + t * n * ((d + r) * v + v)
    # once to talk, once more to think it through again, twice for its gradient; values are thought of once, their inputs want no gradient
    return 2e-9 * (look * 3 + study * 3 + t * (say * 4 + hear * 4 + think * 4) + 2 * values)


_CALIBRATION = replace(_LIGHT, data="words", value_hidden=500, receiver_entropy=0.01)
_WIDE = "words,classes=30,size=512,vectors=100"
BENCHES = (
    Bench("16 classes, 5 exchanges of 16 bits", _CALIBRATION, "words", 1, 300, gflop(_CALIBRATION, 64, 32, 16), {"eager PyTorch": 0.012}),
    Bench("30 classes, 10 exchanges of 32 bits", replace(Config(), data=_WIDE), _WIDE, 1, 100, gflop(Config(), 512, 100, 30), {}),
)
