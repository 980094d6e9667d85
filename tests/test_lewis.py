"""The Lewis game: its numbers against section 4 of the spec in plain NumPy, its modes, its options, and its sentences."""

from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from typing import Literal, get_args, get_origin, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit as sigmoid
from scipy.special import log_softmax, logsumexp, softmax

from semiosis import channels, choices
from semiosis.errors import UsageError
from semiosis.games import lewis
from semiosis.populations import pick, put, size, society
from semiosis.runs import evaluate, loop
from semiosis.scenes import Data, Split
from semiosis.scenes.referential import Reference
from semiosis.types import Agent, Exam, Experiment, Turn, Utterance

TINY = lewis.Config(
    batch_size=8, candidates=3, vocab_size=4, max_len=2, speaker_hidden=6, listener_hidden=5, listener_head=(4,), embed=3,
    evaluation_size=8, speaker_lr=1e-2, listener_lr=1e-2,
)  # fmt: skip
SEED = (3,)


def toy(n=32, shape=(5,), key=0):
    """Vectors, or images, of four classes with two attributes."""
    rng = np.random.default_rng(key)

    def split(n):
        labels = rng.permutation(np.arange(n) % 4).astype(np.int32)
        inputs = rng.normal(size=(n, *shape)).astype(np.float32)
        inputs = (255 * sigmoid(inputs)).astype(np.uint8) if len(shape) == 3 else inputs
        return Split(inputs, labels, np.stack([labels % 2, labels // 2], axis=1).astype(np.int32))

    splits = {name: split(n) for name in ("train", "valid", "test")}
    return Data("toy", splits, classes=tuple("abcd"), attribute_names=("low", "high"), attribute_sizes=(2, 2))


VECTORS, IMAGES = toy(), toy(shape=(4, 4, 1))


def equal(a, b):
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in leaves)


def one_each(config, data=VECTORS, key=0):
    birth = lewis.births(config, data)
    return lewis.Society(*(jax.jit(birth[role])(jax.random.key(key + i)) for i, role in enumerate(lewis.Society._fields)))


# -------------------------------------------------------------------------------------------- the spec's section 4, by hand


def affine(layer, x):
    return x @ layer.weight + layer.bias


def lstm(cell, x, h, c):
    i, g, f, o = np.split(x @ cell.input + h @ cell.recurrent + cell.bias, 4, axis=1)
    c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def thought(speaker, seen, tokens):
    """Hidden states [n t h] of a speaker that says these tokens."""
    h, c = np.split(affine(speaker.adapter, seen), 2, axis=1)
    x, out = np.tile(speaker.embedding[-1], (len(seen), 1)), []
    for t in range(tokens.shape[1]):
        h, c = lstm(speaker.core, x, h, c)
        out.append(h)
        x = speaker.embedding[tokens[:, t]]
    return np.stack(out, 1)


def understood(listener, tokens):
    h = c = np.zeros((len(tokens), listener.reader.core.recurrent.shape[0]))
    for t in range(tokens.shape[1]):
        h, c = lstm(listener.reader.core, listener.reader.embedding[tokens[:, t]], h, c)
    return h


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def by_hand(config, nets, slow, scene, tokens, frozen=None):
    """Every term of section 4 for a batch that says `tokens`. `frozen` = (reward, value, q) stand where no gradient passes."""
    speaker, listener = nets["speaker"], nets["listener"]
    hidden = thought(speaker, scene.seen, tokens)
    logp = log_softmax(affine(speaker.policy.layers[0], hidden), -1)
    value = affine(speaker.value.layers[0], hidden)[..., 0]
    said = np.take_along_axis(logp, tokens[..., None], -1)[..., 0]
    p = unit(affine(listener.head.message, understood(listener, tokens)))
    t = unit(affine(listener.head.candidate.layers[0], scene.pool))
    scores = -np.square(p[:, None] - t[scene.choices]).sum(-1)
    loss = logsumexp(scores, axis=1) - np.take_along_axis(scores, scene.target[:, None], 1)[:, 0]
    correct = (scores.argmax(1) == scene.target).astype(float)
    reward = correct if config.reward == "success" else -loss
    entropy = -(np.exp(logp) * logp).sum(-1)
    terms = {"loss": loss.mean(), "accuracy": correct.mean(), "reward": reward.mean(), "entropy": entropy.mean(), "value": value.mean()}
    q = None
    if config.learning == "policy-gradient":
        advantage = affine(speaker.q_advantage.layers[0], hidden)
        q = affine(speaker.q_value.layers[0], hidden) + advantage - advantage.mean(-1, keepdims=True)
        q = np.take_along_axis(q, tokens[..., None], -1)[..., 0]
    reward_c, value_c, q_c = frozen or (reward, value, q)
    terms["value_loss"] = np.square(reward_c[:, None] - value).mean()
    if q is None:
        terms["policy_loss"] = -((reward_c[:, None] - value_c) * said).mean()
        logp_slow = log_softmax(affine(slow.policy.layers[0], thought(slow, scene.seen, tokens)), -1)
        terms["kl"] = (np.exp(logp) * (logp - logp_slow)).sum(-1).mean()
    else:
        terms["policy_loss"] = -((q_c - value_c) * said).mean()
        terms["q_loss"] = np.square(reward_c[:, None] - q).mean()
    terms["speaker_loss"] = (
        terms["policy_loss"] + terms["value_loss"] + terms.get("q_loss", 0.0) + config.kl_weight * terms.get("kl", 0.0)
        - config.entropy_weight * terms["entropy"]
    )  # fmt: skip
    arrays = {"logits": logp, "said": said, "value": value, "entropy": entropy, "scores": scores, "loss": loss, "q": q}
    return terms, arrays, (reward, value, q)


def double(tree):
    return jax.tree.map(lambda x: np.asarray(x) if jnp.issubdtype(x.dtype, jnp.integer) else np.asarray(x, np.float64), tree)


PARITY = replace(TINY, batch_size=4, candidates=3, entropy_weight=0.05, speaker_optimiser="sgd", listener_optimiser="sgd")


@pytest.fixture(scope="module", params=["reinforce", "policy-gradient"])
def played(request):
    """One meeting of a pair of known weights, its nets after a step of sgd at rate 1, and the same by hand.

    The slow copy is another net, so that KL is not zero; alpha is large, so that entropy shows.
    """
    config = replace(PARITY, learning=request.param, speaker_lr=1.0, listener_lr=1.0, slow_rate=0.75)
    world = one_each(config)
    if config.learning == "reinforce":
        old = world.speaker
        world = world._replace(speaker=Agent(old.net, old.opt, one_each(config, key=7).speaker.net, old.score, old.age))
    scene = jax.jit(lambda step: lewis.References(VECTORS.splits["train"], 4, candidates=3)(step, jax.random.key(0)))(jnp.int32(0))
    key = jax.random.key(5)
    here = jax.random.fold_in(key, 0)  # the chain's first rule speaks; without a slow copy there is no chain
    here = here if config.learning == "reinforce" else key

    @jax.jit
    def play(world):
        nets = (world.speaker.net, world.listener.net)
        talk = lewis.Converse(config)
        return lewis.pair_rule(config)(world, Turn(jnp.int32(0), key, scene)), talk(*nets, scene, here, choices.sample, channels.clear)

    (after, logs), (speech, episode) = play(world)
    nets = double({"speaker": world.speaker.net, "listener": world.listener.net})
    tokens = np.argmax(speech.rows, -1)
    hand = partial(by_hand, config, slow=double(world.speaker.slow), scene=double(scene), tokens=tokens)
    return config, world, after, logs, speech, episode, nets, hand


def test_every_term_of_the_loss_is_the_specs(played):
    _, _, _, logs, *_, nets, hand = played
    terms, _, _ = hand(nets)
    assert terms.keys() == logs.keys() - {"length"}
    for name, value in terms.items():
        assert float(logs[name]) == pytest.approx(value, rel=1e-5, abs=1e-6), name
    assert 0 < terms["accuracy"] < 1  # so that rewards differ
    assert terms.get("kl", 1.0) > 0.01
    assert logs["length"] == 2.0


def test_what_is_said_and_understood_is_the_specs(played):
    config, world, _, _, speech, episode, nets, hand = played
    _, arrays, _ = hand(nets)
    said = episode.said[0]
    np.testing.assert_allclose(log_softmax(speech.logits, -1), arrays["logits"], atol=1e-5)
    np.testing.assert_allclose(said.logp, arrays["said"], atol=1e-5)
    np.testing.assert_allclose(said.entropy, arrays["entropy"], atol=1e-5)
    np.testing.assert_allclose(episode.info["scores"], arrays["scores"], atol=1e-5)
    np.testing.assert_allclose(episode.loss, arrays["loss"], atol=1e-5)
    np.testing.assert_allclose(world.speaker.net.value(speech.hidden)[..., 0], arrays["value"], atol=1e-5)
    assert said.length.tolist() == [2] * 4
    if config.learning == "policy-gradient":
        q = np.sum(world.speaker.net.q(speech.hidden) * speech.rows, -1)
        np.testing.assert_allclose(q, arrays["q"], atol=1e-5)


def test_the_step_is_the_gradient_by_finite_differences(played):
    """Along random directions, in double precision, with the reward and the baseline held where the spec lets no gradient pass."""
    _, world, after, _, _, _, nets, hand = played
    frozen = hand(nets)[2]

    def total(nets):
        terms = hand(nets, frozen=frozen)[0]
        return terms["loss"] + terms["speaker_loss"]

    rng = np.random.default_rng(0)
    for role in nets:
        moved = jax.tree.map(lambda a, b: np.asarray(a, float) - np.asarray(b), getattr(world, role).net, getattr(after, role).net)
        gradients = double(moved)  # sgd at rate 1: the step is the gradient
        for only in range(len(jax.tree.leaves(gradients))):  # one array of weights after another, so that none hides
            shape = jax.tree.structure(gradients)
            way = [rng.normal(size=g.shape) * (i == only) for i, g in enumerate(jax.tree.leaves(gradients))]
            slope = sum((g * w).sum() for g, w in zip(jax.tree.leaves(gradients), way, strict=True))
            ends = []
            for h in (1e-4, -1e-4):
                there = jax.tree.map(lambda x, w, h=h: x + h * w, nets[role], jax.tree.unflatten(shape, way))
                ends.append(total(nets | {role: there}))
            assert slope == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-3, abs=2e-5)


def test_the_slow_copy_follows_the_speaker_after_its_step(played):
    config, world, after, *_ = played
    if config.learning != "reinforce":
        assert after.speaker.slow is None
        return
    for slow, old, net in zip(*(jax.tree.leaves(x) for x in (after.speaker.slow, world.speaker.slow, after.speaker.net)), strict=True):
        np.testing.assert_allclose(slow, 0.75 * np.asarray(old) + 0.25 * np.asarray(net), atol=1e-6)


# ------------------------------------------------------------------------------------------------- values at the start, bounds


@pytest.fixture(scope="module")
def start():
    """A newborn pair of the published size over 1,024 Gaussian vectors of 2,048 numbers; about 3 CPU-seconds."""
    config = lewis.Config()
    data = Data("gaussian", {"train": Split(np.random.default_rng(0).normal(size=(1024, 2048)).astype(np.float32))})
    birth = lewis.births(config, data)
    x = jnp.asarray(data.splits["train"].inputs)
    scene = Reference(x, x, None, jnp.arange(1024), jnp.arange(1024), None, None)

    @jax.jit
    def meet(key):
        keys = jax.random.split(key, 3)
        speaker, listener = birth["speaker"](keys[0]), birth["listener"](keys[1])
        speech, episode = lewis.Converse(config)(speaker.net, listener.net, scene, keys[2], choices.sample, channels.clear)
        return lewis.speaker_loss(config, speaker.net, speaker.slow, speech, episode, jnp.zeros(()))[1], episode

    return meet(jax.random.key(0))


def test_a_newborn_pair_of_the_published_size(start):
    logs, episode = start
    assert float(episode.loss.mean()) == pytest.approx(6.94, abs=0.02)
    assert float(episode.info["correct"].mean()) < 0.006  # chance is 0.001: 6 of 1,024 right has a probability of 6e-4
    assert float(logs["entropy"]) == pytest.approx(2.986, abs=0.01)
    assert abs(float(logs["value"])) < 0.03
    # the slow copy is born equal; only the rounding of two evaluations lies between them
    assert abs(float(logs["kl"])) < 1e-6


def test_scores_losses_and_entropies_within_their_bounds(start):
    _, episode = start
    scores = np.asarray(episode.info["scores"])
    assert scores.shape == (1024, 1024)
    assert scores.min() >= -4.0 - 1e-5
    assert scores.max() <= 1e-5
    assert np.asarray(episode.loss).min() > np.log(1 + 1023 * np.exp(-4))
    # a perfect candidate among orthogonal others: ln(1 + 1023 e^-2) = 4.938
    assert float(episode.loss.mean()) > 4.93
    entropy = np.asarray(episode.said[0].entropy)
    assert entropy.min() > 0
    assert entropy.max() <= np.log(20) + 1e-5
    assert np.asarray(episode.said[0].logp).max() < 0


# ----------------------------------------------------------------------------------------------------------------- modes


def test_an_evaluation_is_greedy_and_the_same_for_any_key():
    said = {}
    for messages in ("greedy", "sampled"):
        experiment = lewis.make(replace(TINY, evaluation_messages=messages), VECTORS)
        world, scenes = loop.unstack(experiment.birth(jax.random.key(0)), 0), experiment.exams["test"].scenes

        @jax.jit
        def play(key, play=experiment.play, world=world, scenes=scenes):
            return play(world, scenes(jnp.int32(0), jax.random.key(0)), key, channels.clear).said[0].message

        said[messages] = [np.asarray(play(jax.random.key(k))) for k in range(3)]
    assert all(np.array_equal(said["greedy"][0], other) for other in said["greedy"])
    assert not np.array_equal(said["sampled"][0], said["sampled"][1])


def test_kl_is_zero_where_the_slow_copy_is_the_speaker_itself():
    speaker = one_each(TINY).speaker.net
    seen = jax.random.normal(jax.random.key(0), (8, 5))

    @jax.jit
    def apart(speaker):
        said = speaker(seen, choices.sample, jax.random.key(1))
        again = speaker.replay(seen, said.rows)
        return said.rows, again.rows, said.logits, again.logits

    rows, rows_again, logits, logits_again = apart(speaker)
    assert np.array_equal(rows, rows_again)
    np.testing.assert_allclose(logits, logits_again, atol=1e-6)
    assert not np.asarray(lewis.surrogates.kl(logits, logits)).any()


# --------------------------------------------------------------------------------------------------------------- options

SET = {
    "dueling, classes, frozen listeners, self-imitation": (
        VECTORS,
        {"learning": "policy-gradient", "task": "classification", "reward": "log-prob", "partners": "disjoint", "together": "yes",
         "frozen": "listener", "n_listeners": 2, "self_imitation": True, "imitation_every": 2,
         "imitation_teacher": "worst", "speaker_optimiser": "sgd", "listener_optimiser": "sgd"},
    ),
    "gumbel, same class, variable length, reset of the speaker": (
        VECTORS,
        {"learning": "gumbel", "temperature": 0.5, "distractors": "class", "variable_length": True, "length_cost": 0.1, "erasure": 0.2,
         "clip": 0.1, "together": "no", "reset_every": 2, "reset_who": "speaker"},
    ),
    "straight-through, attributes, gru, reset of the listener": (
        VECTORS,
        {"learning": "straight-through", "task": "attributes", "core": "gru", "variable_length": True, "length_cost": 0.1, "flips": 0.2,
         "speaker_optimiser": "adamw", "listener_optimiser": "rmsprop", "reset_every": 2, "reset_who": "listener"},
    ),
    "painting": (IMAGES, {"task": "reconstruction", "reward": "log-prob", "baseline": False, "kl_weight": 0.0, "candidates": 0}),
    "hard, variable length, perceptrons": (
        VECTORS,
        {"distractors": "hard", "variable_length": True, "length_cost": 0.1, "torso": (7,), "speaker_head": (6,), "listener_head": (6, 4),
         "score_memory": 1.0, "speaker_optimiser": "rmsprop", "listener_optimiser": "adamw", "noise": 0.3},
    ),
    "views of images, imitation, reset of a pair": (
        IMAGES,
        {"view_rotation": 10.0, "view_shift": 0.1, "view_scale": 0.1, "view_noise": 0.1, "n_speakers": 3, "n_listeners": 2, "pairs": 2,
         "imitation_every": 1, "imitation_students": 2, "imitation_teacher": "random", "reset_every": 2},
    ),
    "frozen speakers, sampled exams": (
        VECTORS,
        {"frozen": "speaker", "training_messages": "greedy", "partners": "appointed", "n_speakers": 2, "n_listeners": 4,
         "evaluation_messages": "sampled"},
    ),
}  # fmt: skip


@contextmanager
def in_haste():
    """Programs compiled with few optimisations, in half the time: for options whose numbers are judged elsewhere."""
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        yield
    finally:
        jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module", params=SET)
def ran(request):
    """Three steps of a configuration: its experiment, the world before and after, the logs."""
    with in_haste():
        return three_steps(request.param)


def three_steps(title):
    data, options = SET[title]
    config = replace(TINY, **options)
    experiment = lewis.make(config, data)
    world = experiment.birth(jax.random.key(0))
    before = jax.device_get(world)
    run = loop.stretch(experiment.phases[0], before, loop.mesh_for(1, jax.devices()[:1]))
    worlds, logs = run(loop.stack([world]), loop.keys_of(SEED), 0, 3)
    return config, experiment, before, jax.device_get(loop.unstack(worlds, 0)), logs


def test_three_steps_of_every_option(ran):
    config, _, before, after, logs = ran
    assert all(np.isfinite(value).all() for value in logs.values()), logs
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after))
    meetings = 3 * {"replacement": config.pairs or 1, "disjoint": 1, "appointed": config.n_listeners}[config.partners]
    for role in ("speaker", "listener"):
        reborn = config.reset_every and config.reset_who in ("pair", role)
        moved = not equal(getattr(before, role).net, getattr(after, role).net)
        assert moved == bool(config.frozen != role or reborn), role
        if not reborn:
            assert getattr(after, role).age.sum() == (meetings if config.frozen != role else 0), role
    assert ("imitation_loss" in logs) == bool(config.imitation_every)
    assert ("kl" in logs) == (config.learning == "reinforce" and config.kl_weight > 0 and config.frozen != "speaker")
    assert ("accuracy" in logs) == (config.task != "reconstruction")
    if config.variable_length:
        assert 0 < logs["length"][0] < config.max_len
        assert after.speaker.net.embedding.shape[1] == config.vocab_size + 2  # the end and the start come on top
    elif config.frozen != "speaker":
        assert logs["length"][0] == config.max_len


def test_the_exam_of_every_option(ran):
    config, experiment, _, after, _ = ran
    with in_haste():
        finding = evaluate.examine(experiment, "test", after, whole=True)
    assert np.isfinite(finding.figures["loss"])
    assert finding.n == 32
    assert finding.language.tokens.shape == (config.n_speakers, 32, config.max_len)
    assert finding.language.tokens.max() < config.vocab_size + config.variable_length
    if config.task != "reconstruction":
        assert finding.pairs.shape == (config.n_speakers, config.n_listeners)
        assert 0 <= finding.figures["accuracy"] <= 1
        assert 0 <= finding.figures["accuracy_shuffled"] <= 1
    chance = {"classification": 0.25, "attributes": 0.5, "reconstruction": None}
    # a blind answer does better than one over the candidates among neighbours
    among = 1 / config.candidates if config.candidates and config.distractors != "hard" else None
    assert experiment.exams["test"].chance == chance.get(config.task, among)


def test_every_choice_of_the_configuration_is_run_above():
    """A new option must be added to SET, or is not tested."""
    tried = [replace(TINY, **options) for _, options in SET.values()]
    for field, kind in get_type_hints(lewis.Config).items():
        if get_origin(kind) is Literal:
            assert {getattr(config, field) for config in tried} == set(get_args(kind)), field
        elif kind is bool:
            assert {getattr(config, field) for config in tried} == {False, True}, field


# -------------------------------------------------------------------------------------------------- details of the losses


@cache
def rewarded(**options):
    """A meeting of a tiny pair with variable length: its episode."""
    config = replace(TINY, variable_length=True, **options)
    world, scenes = one_each(config), lewis.References(VECTORS.splits["train"], 32, candidates=3)

    @jax.jit
    def talk(speaker, listener):
        scene = scenes(jnp.int32(0), jax.random.key(0))
        return lewis.Converse(config)(speaker, listener, scene, jax.random.key(3), choices.sample, channels.clear)[1]

    return talk(world.speaker.net, world.listener.net)


def test_length_costs_reward_for_each_symbol_before_the_end():
    free, dear = rewarded(), rewarded(length_cost=0.25)
    length = np.asarray(free.said[0].length)
    tokens = np.argmax(free.said[0].message, -1)
    assert np.array_equal(length, (tokens != 4).sum(1))
    assert set(length) == {0, 1, 2}
    np.testing.assert_allclose(free.reward, free.info["correct"])
    np.testing.assert_allclose(dear.reward, free.reward - 0.25 * length, atol=1e-6)
    after = np.arange(2) > length[:, None]
    assert not np.asarray(free.said[0].logp)[after].any()
    assert not np.asarray(free.said[0].entropy)[after].any()
    assert (np.asarray(free.said[0].logp)[~after] < 0).all()


def test_the_reward_is_success_or_the_log_probability_of_the_right_answer():
    success, surprise = rewarded(), rewarded(reward="log-prob")
    np.testing.assert_allclose(success.reward, success.guess == success.target)
    np.testing.assert_allclose(surprise.reward, -success.loss, atol=1e-6)


def test_the_temperature_of_scores():
    cool, sharp = rewarded(), rewarded(inverse_temperature=20.0)
    np.testing.assert_allclose(sharp.info["scores"], 10.0 * cool.info["scores"], rtol=1e-4, atol=1e-4)


def test_naming_is_the_mean_over_labels():
    config = replace(TINY, task="attributes")
    listener = one_each(config).listener.net
    heard = jnp.eye(4)[jnp.array([[0, 1], [2, 3], [1, 1]])]
    target = jnp.array([[0, 1], [1, 1], [1, 0]])
    answer = jax.jit(lambda listener: lewis.name(listener, heard, target))(listener)
    logits = [np.asarray(x, float) for x in listener.head(listener.reader(heard))]
    losses = [-np.take_along_axis(log_softmax(x, 1), np.asarray(target)[:, [i]], 1)[:, 0] for i, x in enumerate(logits)]
    np.testing.assert_allclose(answer.loss, np.mean(losses, axis=0), atol=1e-5)
    guess = np.stack([x.argmax(1) for x in logits], axis=1)
    assert np.array_equal(answer.guess, guess)
    np.testing.assert_allclose(answer.correct, (guess == np.asarray(target)).mean(1))


def test_painting_is_a_squared_error_over_pixels_in_minus_one_to_one():
    config = replace(TINY, task="reconstruction", reward="log-prob", candidates=0)
    listener = one_each(config, IMAGES).listener.net
    heard, seen = jnp.eye(4)[jnp.array([[0, 1], [2, 3]])], jnp.stack([jnp.zeros((4, 4, 1)), jnp.full((4, 4, 1), 0.75)])
    answer = jax.jit(lambda listener: lewis.paint(listener, heard, seen))(listener)
    assert answer.guess.shape == (2, 32, 32, 1)
    np.testing.assert_allclose(answer.target, np.broadcast_to(np.array([-1.0, 0.5]).reshape(2, 1, 1, 1), (2, 32, 32, 1)), atol=1e-6)
    np.testing.assert_allclose(answer.loss, np.square(np.asarray(answer.guess) - np.asarray(answer.target)).sum((1, 2, 3)), rtol=1e-5)


# -------------------------------------------------------------------------------------------------- imitation and learning


def test_imitation_teaches_the_teachers_language():
    """Check H: on one batch, cross-entropy falls below 0.1 nats and students agree with the teacher on more than 95 % of symbols."""
    config = replace(TINY, n_speakers=3, imitation_every=1, imitation_students=2, speaker_hidden=32, speaker_lr=1e-2)
    birth = lewis.births(config, VECTORS)
    speakers = jax.jit(jax.vmap(birth["speaker"]))(jax.random.split(jax.random.key(0), 3))
    speakers = Agent(speakers.net, speakers.opt, speakers.slow, jnp.array([0.1, 0.9, 0.5]), speakers.age)
    world = lewis.Society(speakers, jax.vmap(birth["listener"])(jax.random.split(jax.random.key(1), 2)))
    scene = lewis.References(VECTORS.splits["train"], 8, candidates=3)(jnp.int32(0), jax.random.key(0))
    rule = lewis.copying(config)

    @jax.jit
    def study(world):
        def body(i, carry):
            return rule(carry[0], Turn(i, jax.random.fold_in(jax.random.key(2), i), scene))[0], None

        world = jax.lax.fori_loop(0, 400, body, (world, None))[0]
        _, logs = rule(world, Turn(jnp.int32(400), jax.random.key(3), scene))
        said = jax.vmap(lambda net: net(scene.seen, choices.greedy, jax.random.key(4)).rows.argmax(-1))(world.speaker.net)
        return world, logs, said

    after, logs, said = study(world)
    assert equal(pick(after.speaker, 1), pick(world.speaker, 1))  # the best teaches
    assert equal(after.listener, world.listener)
    assert equal((after.speaker.slow, after.speaker.score, after.speaker.age), (speakers.slow, speakers.score, speakers.age))
    assert logs["imitation_loss"] < 0.1
    assert np.mean(np.asarray(said)[[0, 2]] == np.asarray(said)[1]) > 0.95
    assert len(np.unique(np.asarray(said)[1], axis=0)) > 2  # and the language is not one word


def test_a_probe_leaves_the_speakers_and_teaches_fresh_listeners():
    """Check J: ease of learning."""
    config = lewis.probe(replace(TINY, listener_lr=1e-3), task="discrimination", speakers=2, listeners=2, lr=1e-2)
    experiment = lewis.make(config, VECTORS)
    world = experiment.birth(jax.random.key(0))
    assert size(world.speaker) == 2
    assert size(world.listener) == 4
    worlds, before = loop.stack([world]), jax.device_get(world)
    run = loop.stretch(experiment.phases[0], before, loop.mesh_for(1, jax.devices()[:1]))
    worlds, first = run(worlds, loop.keys_of(SEED), 0, 20)
    worlds, _ = run(worlds, loop.keys_of(SEED), 20, 400)
    worlds, last = run(worlds, loop.keys_of(SEED), 420, 20)
    after = jax.device_get(loop.unstack(worlds, 0))
    assert equal(after.speaker, before.speaker)
    assert after.listener.age.tolist() == [440] * 4
    assert last["loss"][0] < first["loss"][0] - 0.05
    assert last["accuracy"][0] > first["accuracy"][0] + 0.1
    assert last["accuracy"][0] > 1 / 3 + 0.1


@pytest.mark.parametrize("together", ["yes", "no"])
def test_appointed_listeners_are_dealt_out_to_speakers(together):
    """Also where speakers learn and meet two listeners each, which must then be in turn: no meeting is lost."""

    def note(world, turn):
        speaker = Agent(None, (), None, world.speaker.score, world.speaker.age + 1)
        return world._replace(speaker=speaker), {"pair": 10.0 * world.speaker.score + world.listener.score}

    numbered = lambda n: Agent(None, (), None, jnp.arange(float(n)), jnp.zeros(n, jnp.int32))  # noqa: E731
    met = society(note, {"speaker": 2, "listener": 4}, partners="appointed", together=together)
    world, logs = met(lewis.Society(numbered(2), numbered(4)), Turn(jnp.int32(0), jax.random.key(0), None))
    assert logs["pair"].total == 0 + 1 + 12 + 13
    assert logs["pair"].weight == 4
    assert world.speaker.age.tolist() == [2, 2]


# ------------------------------------------------------------------------------------------------------------------ votes


def tables(*tables):
    """An experiment whose listeners are tables of probabilities [n c] and whose speakers say nothing of interest."""
    tables = np.asarray(tables, np.float32)
    n = tables.shape[1]
    target = jnp.zeros(n, jnp.int32)

    def agents(net):
        return Agent(net, (), None, jnp.zeros(len(net)), jnp.zeros(len(net), jnp.int32))

    def play(world, scene, key, channel):
        scores = jnp.log(world.listener.net)
        guess = jnp.argmax(scores, axis=1)
        said = Utterance(jnp.zeros((n, 1, 2)).at[:, :, 0].set(1.0), jnp.ones(n, jnp.int32), jnp.zeros((n, 1)), jnp.zeros((n, 1)))
        info = {"scores": scores, "correct": (guess == target).astype(jnp.float32), "index": jnp.arange(n)}
        return lewis.Episode((said,), guess, target, jnp.zeros(n), jnp.zeros(n), info)

    world = lewis.Society(agents(jnp.zeros((2, 1))), agents(jnp.asarray(tables)))
    return Experiment(lambda key: world, (), play, {"test": Exam(lambda step, key: jnp.zeros(n), 1)}, ("speaker", "listener")), world


def test_the_vote_of_identical_listeners_is_their_average():
    table = softmax(np.random.default_rng(0).normal(size=(50, 4)), axis=1)
    finding = evaluate.examine(*(lambda e, w: (e, "test", w))(*tables(table, table, table)))
    assert finding.figures["accuracy_vote"] == pytest.approx(finding.figures["accuracy"], abs=1e-6)
    assert 0 < finding.figures["accuracy"] < 1


def test_a_vote_is_right_where_its_listeners_on_average_are_not():
    """Each listener is sure of the target (place 0) in two of three examples and a little wrong in the third; together they are right."""
    sure, wrong = [0.9, 0.05, 0.05], [0.4, 0.45, 0.15]
    experiment, world = tables([sure, sure, wrong], [sure, wrong, sure], [wrong, sure, sure])
    finding = evaluate.examine(experiment, "test", world)
    assert finding.figures["accuracy"] == pytest.approx(2 / 3)
    assert finding.figures["accuracy_vote"] == 1.0
    # of three the most sure is wrong: (0.3 + 0.5 + 0.5) / 3 against (0.6 + 0.3 + 0.3) / 3
    experiment, world = tables([[0.3, 0.6, 0.1]], [[0.5, 0.3, 0.2]], [[0.5, 0.3, 0.2]])
    assert evaluate.examine(experiment, "test", world).figures["accuracy_vote"] == 1.0
    # probabilities are averaged, not counted: one who is sure outvotes two who doubt
    experiment, world = tables([[0.99, 0.005, 0.005]], [[0.4, 0.6, 0.0001]], [[0.4, 0.6, 0.0001]])
    assert evaluate.examine(experiment, "test", world).figures["accuracy_vote"] == 1.0


def test_the_vote_on_a_class():
    config = replace(TINY, task="classification", n_listeners=2)
    experiment = lewis.make(config, VECTORS)
    world = experiment.birth(jax.random.key(0))
    same = world._replace(listener=put(world.listener, 1, pick(world.listener, 0)))
    figures = evaluate.examine(experiment, "test", same).figures
    assert figures["accuracy_vote"] == pytest.approx(figures["accuracy"], abs=1e-6)


# ------------------------------------------------------------------------------------------------------------------ exams


def test_exams_at_many_numbers_of_candidates():
    data = toy(300)
    experiment = lewis.make(TINY, data)
    assert set(experiment.exams) == {"valid", "test", "test/16", "test/64", "test/256", "test/noise"}
    assert {name: exam.chance for name, exam in experiment.exams.items()} == {
        "valid": 1 / 3, "test": 1 / 3, "test/16": 1 / 16, "test/64": 1 / 64, "test/256": 1 / 256, "test/noise": 1 / 3,
    }  # fmt: skip
    for name, candidates in (("test", 3), ("test/16", 16), ("test/256", 256)):
        scene = jax.eval_shape(experiment.exams[name].scenes, jnp.int32(0), jax.random.key(0))
        whole = scene.choices is None
        assert (scene.pool.shape[0] if whole else scene.choices.shape[1]) == candidates
    assert experiment.exams["test"].batches == 300 // 8
    whole = lewis.make(replace(TINY, candidates=0, batch_size=64, evaluation_passes=3), data)
    assert whole.exams["test"].chance == 1 / 64
    assert whole.exams["test"].batches == 3 * (300 // 64)


def test_the_noise_of_the_exam_has_its_size_on_each_side():
    data = toy(2000)
    experiment = lewis.make(replace(TINY, evaluation_size=2000, evaluation_noise=0.5), data)
    scenes = {name: exam.scenes for name, exam in experiment.exams.items()}
    noisy, plain = jax.jit(lambda step: [scenes[name](step, jax.random.key(0)) for name in ("test/noise", "test")])(jnp.int32(0))
    inputs = data.splits["test"].inputs[np.asarray(noisy.example)]
    for side in (noisy.seen, noisy.pool):
        # 2,000 draws know a deviation to 1 / sqrt(4000) = 1.6 %; over five features the mean ratio to 0.7 %
        ratio = (np.asarray(side) - inputs).std(0) / inputs.std(0)
        assert ratio.mean() == pytest.approx(0.5, rel=0.035)
    assert not np.array_equal(noisy.seen, noisy.pool)
    assert np.array_equal(plain.seen, inputs)


# -------------------------------------------------------------------------------------------------------------- sentences

PLAIN = Data("plain", {name: Split(np.zeros((32, 5), np.float32)) for name in ("train", "test")})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"task": "classification"}, "labels"),
        ({"task": "attributes"}, "attributes"),
        ({"task": "reconstruction"}, "the task reconstruction has no success to reward: set --reward log-prob"),
        ({"view_rotation": 5.0}, "images"),
        ({"length_cost": 0.1}, "a length cost of 0.1 needs messages of variable length: set --variable-length"),
        ({"imitation_every": 5}, "imitation needs two speakers or more: raise --n-speakers, or set --self-imitation"),
        ({"imitation_every": 5, "n_speakers": 2, "self_imitation": True}, "self-imitation is for one speaker, and there are 2"),
        ({"imitation_every": 5, "n_speakers": 3, "imitation_students": 3}, "3 students and a teacher do not fit 3 speakers: choose 1 to 2"),
        ({"imitation_every": 5, "n_speakers": 3, "imitation_students": 0}, "imitation_students is 0: expected 1 or more"),
        ({"partners": "disjoint", "n_speakers": 4, "n_listeners": 2, "pairs": 3}, "3 disjoint pairs do not fit a population of 2"),
        (
            {"partners": "appointed", "n_speakers": 2, "n_listeners": 3},
            "appointed partners need listeners in a multiple of 2 speakers, not 3",
        ),
        ({"partners": "appointed", "pairs": 1}, "appointed partners meet all at each step, so 1 pairs cannot be asked for"),
        ({"partners": "appointed", "n_speakers": 0}, "n_speakers is 0: expected 1 or more"),
        ({"frozen": "speaker", "n_speakers": 2, "imitation_every": 5}, "a frozen speaker neither imitates nor is reset"),
        ({"frozen": "speaker", "reset_every": 5}, "a frozen speaker neither imitates nor is reset"),
        ({"frozen": "listener", "reset_every": 5}, "a frozen listener is not reset"),
        ({"torso": (8, 0)}, "torso is (8, 0): expected widths of 1 or more"),
        ({"speaker_lr": float("nan")}, "speaker_lr is nan: expected 0.0 or more"),
        ({"training_messages": "greedy"}, "greedy training messages are for a frozen speaker"),
        ({"steps": -1}, "steps is -1: expected 0 or more"),
        ({"erasure": 1.5}, "erasure is 1.5: expected 0.0 to 1.0"),
        ({"vocab_size": 0}, "vocab_size is 0: expected 1 or more"),
        ({"temperature": 0.0}, "temperature is 0.0: expected 1e-06 or more"),
        ({"flips": 0.1, "vocab_size": 1}, "flips need a vocabulary of 2 symbols or more"),
        ({"batch_size": 64}, "a batch of 64 does not fit a split of 32 examples"),
        ({"candidates": 9}, "9 candidates cannot be drawn"),
        ({"distractors": "class"}, "distractors by class need labels"),
        ({"listener_head": ()}, "listener_head"),
    ],
)
def test_misuse_is_answered_with_a_sentence(options, sentence):
    with pytest.raises(UsageError) as caught:
        lewis.make(replace(TINY, **options), PLAIN)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_presets_can_be_played_with_data_of_their_kind():
    assert {"tiny", "quick", "paper"} <= lewis.PRESETS.keys()
    for name, preset in lewis.PRESETS.items():
        lewis.check(preset, VECTORS)
        assert preset.steps > 0, name
    assert lewis.PRESETS["imagenet-imitation"].n_speakers == 10
    assert lewis.PRESETS["paper"] == lewis.PRESETS["imagenet"]
