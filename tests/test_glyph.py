"""The glyph game: its networks and losses against the published numbers and hand-derived ones, its messages, channel levels and updates."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from semiosis import channels, metrics
from semiosis.errors import UsageError
from semiosis.games import glyph
from semiosis.games.glyph import PRESENT, PRESETS, Config, Message
from semiosis.nets.glyphs import Decoder, Drawer, Places
from semiosis.populations import pick
from semiosis.runs import loop
from semiosis.runs.evaluate import examine
from semiosis.runs.setup import build
from semiosis.scenes import Data, load
from semiosis.types import Turn

NONE = load("none")
TINY = PRESETS["tiny"]
CLEAR = replace(TINY, channel="none")
KEY = jax.random.key(0)


def parameters(net):
    return sum(x.size for x in jax.tree.leaves(net))


def pair(config, data=NONE, seed=0):
    """One seed's world with one agent a role."""
    experiment, worlds = build(glyph, config, data, (seed,))
    world = loop.unstack(worlds, 0)
    return experiment, world._replace(**{role: pick(getattr(world, role), 0) for role in experiment.roles})


@eqx.filter_jit
def call(function, *args):
    """The function's value by one program: op by op, each of many sizes would be compiled."""
    return function(*args)


def played(experiment, world, exam="test", key=KEY):
    """An episode of an exam."""
    return call(lambda world: experiment.play(world, experiment.exams[exam].scenes(jnp.int32(0), KEY), key, channels.clear), world)


def trained(config, steps, seeds=(0,), data=NONE):
    """Worlds after some steps, and the logs of each stretch of 20."""
    experiment, worlds = build(glyph, config, data, seeds)
    run = loop.stretch(experiment.phases[0], loop.unstack(worlds, 0), loop.mesh_for(1, jax.devices()[:1]))
    keys, logs = loop.keys_of(seeds), []
    for step in range(0, steps, 20):
        worlds, log = run(worlds, keys, step, min(20, steps - step))
        logs.append(log)
    return experiment, worlds, logs


# ------------------------------------------------------------------------------------------------------------- the networks


@pytest.mark.parametrize(
    ("side", "colours", "filters", "symbols", "drawer", "decoder"),
    [
        (64, 3, 16, 128, 6_779_993, 7_837_569),  # published
        (16, 1, 8, 26, 108_605 - 2 * 369, 126_939 - 2 * 496),  # published, less two statistics for each of so many channels
    ],
)
def test_the_networks_have_the_published_size_and_shapes(side, colours, filters, symbols, drawer, decoder):
    draw = jax.eval_shape(lambda key: Drawer(symbols, side, colours, filters=filters, norm="affine", key=key), KEY)
    read = jax.eval_shape(lambda key: Decoder(side, colours, symbols + 1, filters=filters, norm="affine", key=key), KEY)
    assert (parameters(draw), parameters(read)) == (drawer, decoder)
    image = jax.eval_shape(lambda net: net(jnp.eye(symbols)[:2]), draw)
    assert image.shape == (2, side, side, colours)
    assert jax.eval_shape(lambda net, image: net(image), read, image).shape == (2, symbols + 1)


@pytest.mark.parametrize("norm", ["affine", "group", "none"])
def test_a_gain_of_two_and_a_shift_of_one_do_what_they_say(norm):
    net = Drawer(3, 4, 1, filters=2, norm=norm, key=KEY)
    unit = net.stages[0].unit
    x = jax.random.normal(KEY, (2, 1, 1, 8))
    plain = unit(x)
    assert plain.shape == (2, 2, 2, 4)
    if norm == "none":
        assert unit.scale is None
        return
    scaled = jax.tree.map(lambda x: x, unit)
    object.__setattr__(scaled, "scale", jax.tree.map(lambda x: x, unit.scale))
    object.__setattr__(scaled.scale, "gain", 2 * unit.scale.gain)
    object.__setattr__(scaled.scale, "shift", unit.scale.shift + 1)
    np.testing.assert_allclose(scaled(x), 2 * plain + 1, rtol=1e-5, atol=1e-5)
    if norm == "group":  # four groups of one channel: mean 0 and variance 1 over the pixels of each
        np.testing.assert_allclose(plain.mean((1, 2)), 0, atol=1e-5)
        assert np.all(np.asarray(plain.var((1, 2))) < 1.0 + 1e-5)


def test_a_picture_as_a_function_of_place_is_one_picture_at_any_side():
    net = Places(3, 3, side=8, width=16, depth=2, norm="affine", key=KEY)
    small, large = net(jnp.eye(3)), net.at(jnp.eye(3), 15)
    assert small.shape == (3, 8, 8, 3)
    np.testing.assert_allclose(large[:, ::2, ::2], small, atol=1e-5)  # every other pixel of 15 lies where one of 8 does
    assert float(jnp.abs(small[0] - small[1]).max()) > 0.01


# ---------------------------------------------------------------------------------------------------------------- readings


def test_a_reading_of_symbols_by_hand():
    config = Config(encoding="tuples", vocab_size=2, max_len=2)
    # a message (0, 1): the first place is read with probabilities 1/2 1/4 1/4 (nothing), the second with 1/4 1/4 1/2
    answer = jnp.log(jnp.array([[0.5, 0.25, 0.25, 0.25, 0.25, 0.5]]))
    found = glyph.reading(config, answer, jnp.array([[0, 1]]))
    np.testing.assert_allclose(found.loss, (np.log(2) + np.log(4)) / 2, rtol=1e-6)
    assert found.guess.tolist() == [[0, 2]]
    assert (found.correct.tolist(), found.exact.tolist()) == ([0.5], [0.0])
    np.testing.assert_allclose(found.bits, 2 - 1 - 2, rtol=1e-5)  # 2 bits less 1 and 2 of surprise
    np.testing.assert_allclose(found.silent, (np.log(1 / 3) + np.log(1)) / 2, rtol=1e-5)
    np.testing.assert_allclose(glyph.silence(config, answer), (np.log(4) + np.log(2)) / 2, rtol=1e-6)


def test_a_reading_of_bits_by_hand():
    config = Config(encoding="bits", max_len=2)
    answer = jnp.array([[np.log(3.0), np.log(3.0), -np.log(3.0)]], jnp.float32)  # probabilities 3/4, 3/4, 1/4 of a one
    found = glyph.reading(config, answer, jnp.array([[1, 0]]))
    right, wrong = -np.log(0.75), -np.log(0.25)
    np.testing.assert_allclose(found.loss, (right + wrong + right) / 3, rtol=1e-6)
    assert (found.guess.tolist(), found.correct.tolist(), found.exact.tolist()) == ([[1, 1]], [0.5], [0.0])
    np.testing.assert_allclose(found.bits, 2 - (right + wrong) / np.log(2), rtol=1e-5)
    np.testing.assert_allclose(glyph.silence(config, answer), 3 * wrong / 3, rtol=1e-6)  # zeros, and a one at the end


def test_a_reading_of_numbers_by_hand():
    config = Config(encoding="dense", max_len=2)
    content = jnp.array([[0.0, 0.0], [1.0, 1.0]])
    found = glyph.reading(config, jnp.array([[0.0, 2.0, 0.0], [0.9, 0.9, 0.0]]), content)
    np.testing.assert_allclose(found.loss, [2 + np.log(2), 0.01 + np.log(2)], rtol=1e-5)
    assert (found.guess.tolist(), found.target.tolist(), found.correct.tolist()) == ([1, 1], [0, 1], [0.0, 1.0])  # the nearest of the batch
    np.testing.assert_allclose(glyph.silence(config, jnp.zeros((1, 3))), [np.log(2)], rtol=1e-6)


def test_a_tuple_of_one_place_is_a_one_hot_message():
    one, other = Config(encoding="one-hot", vocab_size=5), Config(encoding="tuples", vocab_size=5)
    answer, content = jax.random.normal(KEY, (7, 6)), jnp.arange(7)[:, None] % 5
    a, b = glyph.reading(one, answer, content), glyph.reading(other, answer, content)
    for name in ("loss", "correct", "exact", "silent", "bits"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_array_equal(glyph.silence(one, answer), glyph.silence(other, answer))
    np.testing.assert_array_equal(glyph.vectors(one, content), glyph.vectors(other, content))


@pytest.mark.parametrize(("encoding", "chance"), [("one-hot", np.log(27)), ("bits", np.log(2))])
def test_newborns_lose_what_chance_loses(encoding, chance):
    config = replace(CLEAR, encoding=encoding, vocab_size=26, max_len=1 if encoding == "one-hot" else 16)
    loss = played(*pair(config)).loss.mean()
    assert abs(float(loss) - chance) < 0.01 * chance


# ---------------------------------------------------------------------------------------------------------------- messages


def test_few_messages_are_examined_in_turn_and_many_at_random():
    few = glyph.messages(replace(TINY, encoding="bits", max_len=3), NONE, "test", 16, jnp.array([0, 5]))
    scene = few(jnp.int32(0), KEY)
    assert ["".join(map(str, row)) for row in scene.content.tolist()[:9]] == [
        "000", "001", "010", "011", "100", "101", "110", "111", "000",
    ]  # fmt: skip
    assert scene.level.tolist() == [0, 5] * 4 + [5, 0] * 4  # in the second round each message has another level
    many = glyph.messages(replace(TINY, encoding="bits", max_len=12), NONE, "test", 16, jnp.array([0]))
    assert len(np.unique(many(jnp.int32(0), KEY).content, axis=0)) > 12
    valid = glyph.messages(replace(TINY, encoding="bits", max_len=12), NONE, "valid", 16, jnp.array([0]))
    assert not np.array_equal(many(jnp.int32(0), KEY).content, valid(jnp.int32(0), KEY).content)


@pytest.mark.parametrize("symbols", [6, 7, 16, 26])
def test_every_message_meets_every_level_in_an_exam(symbols):
    draw = glyph.messages(replace(TINY, vocab_size=symbols), NONE, "test", 16 * symbols, jnp.arange(16))
    scene = draw(jnp.int32(0), KEY)
    assert len({(int(said), int(level)) for said, level in zip(scene.content[:, 0], scene.level, strict=True)}) == 16 * symbols


@pytest.mark.parametrize("size", [64, 72])  # of 72 messages the last has level 0, and no noise of its own to tell the splits apart
def test_the_two_splits_of_an_exam_say_the_same_through_other_noise(size):
    experiment, world = pair(replace(TINY, evaluation_size=size))
    test, valid = (played(experiment, world, exam) for exam in ("test", "valid"))
    np.testing.assert_array_equal(test.target, valid.target)
    np.testing.assert_array_equal(test.said[0].message, valid.said[0].message)
    clean = test.info["level"] == 0
    np.testing.assert_array_equal(test.info["heard"][clean], valid.info["heard"][clean])
    assert np.abs(test.info["heard"] - valid.info["heard"])[~clean].max(axis=(1, 2, 3)).min() > 1e-4


def test_messages_that_no_noise_reaches_are_counted_once():
    clear, noisy = (glyph.messages(TINY, NONE, "test", 64, jnp.array([level])) for level in (0, 3))
    assert len(np.unique(clear(jnp.int32(0), KEY).example)) == 6
    assert len(np.unique(noisy(jnp.int32(0), KEY).example)) == 64


def test_training_messages_are_uniform_and_another_batch_each_step():
    draw = glyph.messages(replace(TINY, vocab_size=4), NONE, "train", 4000, jnp.array([PRESENT]))
    first, second = (draw(jnp.int32(step), KEY).content[:, 0] for step in (0, 1))
    assert np.abs(np.bincount(first, minlength=4) - 1000).max() < 5 * np.sqrt(4000 * 0.25 * 0.75)  # five deviations
    assert not np.array_equal(first, second)


def test_dense_messages_of_data_are_standardised_by_the_training_split():
    digits = load("digits")
    config = replace(CLEAR, data="digits", encoding="dense", batch_size=32)
    draw = glyph.messages(config, digits, "train", len(digits.splits["train"].inputs), jnp.array([0]))
    scene = draw(jnp.int32(0), KEY)
    spread = np.asarray(scene.content.std(0))
    np.testing.assert_allclose(scene.content.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(spread[spread > 0], 1, rtol=1e-3)  # some pixels never change
    assert np.array_equal(scene.label, digits.splits["train"].labels[np.asarray(scene.example)])
    assert glyph.numbers(config, glyph.length_of(config, digits)) == (64, 65)


def test_repeated_messages_are_drawn_once_and_as_each_alone():
    _, world = pair(CLEAR)
    content = jnp.array([[3], [1], [3], [0], [5], [5], [2]])
    once = call(lambda net: glyph.depict(CLEAR, net, content), world.generator.net)
    every = call(lambda net: net(glyph.vectors(CLEAR, content)), world.generator.net)
    np.testing.assert_allclose(once, every, atol=1e-6)


def test_images_that_say_nothing_are_half_an_untrained_generators_and_half_random_pixels():
    def nothing(step, every=1):
        config = replace(TINY, untrained_every=every)
        return call(lambda step: glyph.nothing(config, 9, 1, glyph.birth_at(config, step), KEY), jnp.int32(step))

    drawn = nothing(4)
    assert drawn.shape == (9, 8, 8, 1)
    flat = np.asarray(drawn).reshape(9, -1)
    assert flat[:5].std(1).max() < 0.15 < flat[5:].std(1).min()  # smooth greys; the deviation of sigmoid(N(0, 1)) is 0.21
    np.testing.assert_array_equal(drawn, nothing(4))
    assert not np.array_equal(drawn[:5], nothing(5)[:5])
    np.testing.assert_array_equal(nothing(5, every=10)[:5], nothing(9, every=10)[:5])


# ---------------------------------------------------------------------------------------------------------------- the level


def scene_at(levels):
    n = len(levels)
    return Message(jnp.zeros((n, 1), jnp.int32), jnp.array(levels), jnp.arange(n), None)


def test_a_message_has_its_own_level_or_that_which_training_has_got_to():
    _, world = pair(TINY)
    k = len(glyph.operations(TINY))
    world = world._replace(difficulty=world.difficulty._replace(level=jnp.arange(k, dtype=jnp.int32)))
    at, judged = glyph.levels(world, scene_at([PRESENT, 7]))
    assert at.tolist() == [list(range(k)), [7] * k]
    assert judged.all()


def test_replay_sends_a_share_at_lower_levels_and_does_not_judge_it():
    _, world = pair(TINY)
    world = world._replace(difficulty=world.difficulty._replace(level=jnp.full_like(world.difficulty.level, 4)))
    at, judged = glyph.levels(world, scene_at([PRESENT] * 4000), 0.25, KEY)
    assert np.all(np.asarray(at)[np.asarray(judged)] == 4)
    lower = np.asarray(at)[~np.asarray(judged)][:, 0]
    assert abs(len(lower) - 1000) < 5 * np.sqrt(4000 * 0.25 * 0.75)
    counts = np.bincount(lower, minlength=4)
    assert len(counts) == 4
    assert np.abs(counts - len(lower) / 4).max() < 5 * np.sqrt(1000 * 0.25 * 0.75)  # 0 to 3 alike


def test_the_exam_of_level_zero_is_that_of_a_clear_channel():
    noisy, world = pair(TINY)
    clear, _ = pair(CLEAR)
    with_channel = played(noisy, world, "test/level-0")
    np.testing.assert_array_equal(with_channel.info["heard"], with_channel.said[0].message)
    without = played(clear, world)
    np.testing.assert_allclose(with_channel.loss, without.loss, rtol=1e-5)
    assert float(jnp.abs(played(noisy, world, "test/level-15").info["heard"] - without.said[0].message).max()) > 0.1
    assert sorted(noisy.exams) == sorted(["valid", "test", *(f"test/level-{d}" for d in range(16))])
    assert sorted(clear.exams) == ["test", "valid"]


def test_the_share_of_noise_told_from_glyphs_is_the_metrics():
    experiment, world = pair(replace(TINY, evaluation_size=16))
    scene, key = experiment.exams["test"].scenes(jnp.int32(0), KEY), jax.random.key(3)
    told = played(experiment, world, key=key).figures["no_signal_auroc"]
    _, key_way, key_birth, key_nothing, key_silent = jax.random.split(jax.random.fold_in(key, jnp.max(scene.example)), 5)
    config, channel, at = replace(TINY, evaluation_size=16), glyph.way(TINY), glyph.levels(world, scene)[0]

    def silent(images, key):
        return glyph.reading(config, world.reader.net(channel(images, at, key)), scene.content).silent

    glyphs = call(lambda net: silent(glyph.depict(config, net, scene.content), key_way), world.generator.net)
    noise = call(lambda birth: silent(glyph.nothing(config, 16, 1, birth, key_nothing), key_silent), key_birth)
    np.testing.assert_allclose(float(told.mean()), metrics.auroc(np.asarray(noise, float), np.asarray(glyphs, float)).value, rtol=1e-6)


# ----------------------------------------------------------------------------------------------------------------- updates


@pytest.mark.parametrize("frozen", ["none", "generator", "reader"])
@pytest.mark.parametrize("update", ["joint", "alternating"])
def test_who_is_frozen_stays_and_the_others_learn(update, frozen):
    config = replace(CLEAR, update=update, frozen=frozen)
    experiment, world = pair(config)
    scene = experiment.phases[0].scenes(jnp.int32(0), KEY)
    new, logs = jax.jit(glyph.pair_rule(config))(world, Turn(jnp.int32(0), KEY, scene))
    for role in ("generator", "reader"):
        before, after = (jax.tree.leaves(getattr(state, role)) for state in (world, new))
        moved = any(not np.array_equal(x, y) for x, y in zip(before, after, strict=True))
        assert moved == (role != frozen)
    updates = {"generator": 1, "reader": 2 if update == "alternating" else 1}
    assert {role: int(getattr(new, role).age) for role in updates} == {r: 0 if r == frozen else n for r, n in updates.items()}
    assert np.isfinite(float(logs["total_loss"]))


def test_a_joint_update_descends_on_the_loss_of_glyphs_and_that_of_noise():
    config = replace(CLEAR, negatives=0.5)
    experiment, world = pair(config)
    turn = Turn(jnp.int32(3), KEY, experiment.phases[0].scenes(jnp.int32(3), KEY))
    new, logs = call(glyph.pair_rule(config), world, turn)
    _, key_nothing, _ = jax.random.split(KEY, 3)
    blank = glyph.nothing(config, 8, 1, glyph.birth_at(config, turn.step), key_nothing)

    def loss(nets):
        draw, read = nets
        found = glyph.reading(config, read(draw(glyph.vectors(config, turn.scene.content))), turn.scene.content)
        return found.loss.mean() + glyph.silence(config, read(blank)).mean()

    nets = (world.generator.net, world.reader.net)
    adam = optax.adam(config.reader_lr, b1=config.momentum, eps=1e-7)  # both roles learn at one rate
    updated = call(lambda nets: optax.apply_updates(nets, adam.update(jax.grad(loss)(nets), adam.init(nets), nets)[0]), nets)
    for x, y in zip(jax.tree.leaves(updated), jax.tree.leaves((new.generator.net, new.reader.net)), strict=True):
        assert float(jnp.mean(jnp.abs(x - y) < 1e-5)) > 0.97  # Adam's first step is a sign: where a gradient is nothing, rounding decides
    np.testing.assert_allclose(logs["total_loss"], 2 * logs["loss"] + logs["noise_loss"], rtol=1e-6)


def test_the_published_update_is_reader_on_glyphs_reader_on_noise_generator_each_with_its_own_messages():
    config = replace(CLEAR, update="alternating")
    experiment, world = pair(config)
    scene = experiment.phases[0].scenes(jnp.int32(0), KEY)
    assert scene.content.shape == (2 * config.batch_size, 1)
    turn = Turn(jnp.int32(0), KEY, scene)
    new, logs = call(glyph.pair_rule(config), world, turn)
    half = scene.content[: config.batch_size], scene.content[config.batch_size :]
    read, draw = world.reader, world.generator
    adam = optax.adam(config.reader_lr, b1=config.momentum, eps=1e-7)

    def step(net, opt, loss):
        value, grads = call(jax.value_and_grad(loss), net)
        updates, opt = adam.update(grads, opt, net)
        return optax.apply_updates(net, updates), opt, value

    def of_glyphs(draw, read, content):
        return glyph.reading(config, read(glyph.depict(config, draw, content)), content).loss.mean()

    key_nothing, _ = jax.random.split(jax.random.fold_in(KEY, 1))
    birth = glyph.birth_at(config, turn.step)
    blank = glyph.nothing(config, 2 * config.batch_size, 1, birth, key_nothing)[: config.batch_size]  # an even step: drawn ones
    net, opt, real = step(read.net, read.opt, lambda net: of_glyphs(draw.net, net, half[0]))
    net, opt, noise = step(net, opt, lambda net: glyph.silence(config, net(blank)).mean())
    drawn, _, value = step(draw.net, draw.opt, lambda draw: of_glyphs(draw, net, half[1]))
    np.testing.assert_allclose([logs["loss"], logs["noise_loss"]], [value, noise], rtol=1e-4)
    np.testing.assert_allclose(logs["total_loss"], real + noise + value, rtol=1e-4)  # all three, whatever they are called
    for x, y in zip(jax.tree.leaves((drawn, net)), jax.tree.leaves((new.generator.net, new.reader.net)), strict=True):
        assert float(jnp.mean(jnp.abs(x - y) < 1e-5)) > 0.97


# ---------------------------------------------------------------------------------------------------------- what is learned


@pytest.fixture(scope="module")
def readers():
    """Three seeds without noise: six messages of 8 x 8, and the logs of each 20 of 400 steps."""
    return trained(CLEAR, 400, (0, 1, 2))


def test_a_language_is_found_by_each_of_three_seeds(readers):
    _, _, logs = readers
    assert logs[-1]["accuracy"].min() >= 0.99
    assert logs[9]["noise_loss"].max() < 0.05  # after 200 steps


def test_the_evaluation_of_a_language_that_is_understood(readers):
    experiment, worlds, _ = readers
    finding = examine(experiment, "test", loop.unstack(worlds, 0), whole=True)
    figures = finding.figures
    assert figures["accuracy"] >= 0.99
    assert figures["no_signal_auroc"] > 0.99
    assert np.log2(6) - 0.05 < figures["bits"] <= np.log2(6)
    assert figures["accuracy_shuffled"] < 0.5
    assert figures["nearest_glyph"] > 0.01
    pictures = finding.pictures
    assert pictures.said.shape == (1, 64, 8, 8, 1)
    assert pictures.guess.shape == (1, 1, 64)
    assert pictures.distinct.tolist() == list(range(6))
    assert np.mean(pictures.guess[0, 0] == pictures.meant) == pytest.approx(figures["accuracy"])


def test_glyphs_between_messages_begin_and_end_at_messages(readers):
    _, worlds, _ = readers
    world = loop.unstack(worlds, 0)
    alphabet = call(pick(world.generator, 0).net, jnp.eye(6))
    for share, first in ((0.0, 0), (1.0, 1), (5.0, 5), (6.0, 0)):
        images = call(lambda share: glyph.morph(CLEAR, NONE, world, share, 6), jnp.float32(share))
        np.testing.assert_allclose(images, jnp.roll(alphabet, -first, axis=0), atol=1e-6)


def test_there_are_no_more_glyphs_between_messages_than_messages(readers):
    _, worlds, _ = readers
    images = call(lambda share: glyph.morph(CLEAR, NONE, loop.unstack(worlds, 0), share, 12), jnp.float32(0))
    assert images.shape[0] == 6


def test_runs_whose_agents_cannot_meet_differ_in_what_they_must_share():
    shared = [
        glyph.common(replace(TINY, **changes))
        for changes in ({}, {"encoding": "bits", "max_len": 4}, {"colours": 3}, {"side": 16}, {"vocab_size": 7})
    ]
    assert all(a != b for i, a in enumerate(shared) for b in shared[:i])
    assert glyph.common(replace(TINY, steps=7, raise_at=0.9)) == shared[0]


def test_the_watch_keeps_the_first_glyphs_as_bytes(readers):
    experiment, worlds, _ = readers
    watch, world = experiment.phases[0].watch, loop.unstack(worlds, 0)
    kept = jax.device_get(watch.keep(world))
    assert kept["drawn"].shape == kept["arrived"].shape == (6, 8, 8, 1)
    assert kept["drawn"].dtype == np.uint8
    np.testing.assert_array_equal(kept["drawn"], kept["arrived"])  # a clear channel
    assert kept["meant"][:, 0].tolist() == list(range(6))
    assert set(watch.figures(kept)) == {"ink", "colours", "glyph_distance"}
    assert set(watch.saved) <= set(kept)


def test_grey_glyphs_pass_the_third_level_and_the_level_is_logged():
    # a bound that any loss passes: grey images go through level after level, where the published channel lost their rank
    config = replace(TINY, curriculum="loss", raise_below=900.0, lower_above=1000.0)
    _, worlds, logs = trained(config, 60)
    assert worlds.difficulty.level.tolist() == [[6] * len(glyph.operations(config))]
    assert [float(log["level"][0]) for log in logs] == [0.5, 2.5, 4.5]  # means over ten steps at each of two levels
    assert all(np.isfinite(log["loss"]).all() for log in logs)


@pytest.mark.parametrize("curriculum", ["accuracy", "one-by-one"])
def test_bits_raise_no_level_while_their_accuracy_is_below_the_bound(curriculum):
    config = replace(TINY, encoding="bits", max_len=8, curriculum=curriculum, judge_every=20)
    _, worlds, logs = trained(config, 120)  # bits at chance: the published sum of losses would have passed its bound by now
    means = np.array([log["accuracy"][0] for log in logs])
    assert means.max() < 0.95
    assert means.min() > 0.3
    assert worlds.difficulty.level.sum() == 0
    assert min(log["total_loss"][0] for log in logs) < 2.0  # ... as here


# ------------------------------------------------------------------------------------------------------ other kinds of play


@pytest.mark.parametrize(
    "changes",
    [
        {"encoding": "bits", "max_len": 4, "update": "alternating", "curriculum": "loss", "draws": "batch"},
        {"encoding": "tuples", "vocab_size": 3, "max_len": 2, "generator": "cppn", "colours": 3, "channel": "ccn", "fill": "mean"},
        {"n_generators": 2, "n_readers": 2, "partners": "disjoint", "collapse": 0.1, "curriculum": "one-by-one", "norm": "group"},
        {"generator": "strokes", "strokes": 3, "colours": 3, "operations": ("static",)},
    ],
    ids=["published, bits", "tuples, cppn, colour, ccn", "a population that is called back", "strokes in colour"],
)
def test_other_kinds_of_play_learn(changes):
    config = replace(TINY, side=4, filters=2, **changes)
    experiment, worlds, logs = trained(config, 60)
    assert logs[-1]["noise_loss"] < logs[0]["noise_loss"]
    assert all(np.isfinite(value).all() for log in logs for value in log.values())
    figures = examine(experiment, "test", loop.unstack(worlds, 0), whole=True).figures
    assert 0 <= figures["accuracy"] <= 1
    assert figures["no_signal_auroc"] is not None


def test_dense_messages_of_a_data_set_are_played():
    digits = load("digits")
    config = replace(CLEAR, data="digits", encoding="dense", evaluation_size=32)
    experiment, worlds, logs = trained(config, 20, data=digits)
    assert np.isfinite(logs[-1]["loss"]).all()
    finding = examine(experiment, "test", loop.unstack(worlds, 0), whole=True)
    assert "bits" not in finding.figures
    assert experiment.exams["test"].chance == 1 / 32


def test_a_probe_freezes_the_generators_and_is_clean_or_noisy():
    clean, noisy = (glyph.probe(TINY, task=task, speakers=2, listeners=3) for task in glyph.TASKS)
    assert (clean.frozen, clean.n_generators, clean.n_readers, clean.level, noisy.level) == ("generator", 2, 6, 0, 15)
    assert clean.negatives == 0  # else untrained generators, the control, would be called nothing
    build(glyph, noisy, NONE, (0,))
    with pytest.raises(UsageError, match="the channel of this run is clear"):
        glyph.probe(CLEAR, task="noisy", speakers=1, listeners=1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"side": 24}, "side is 24: expected a power of two"),
        ({"side": 2}, "side is 2: expected 4 to 1024"),
        ({"judge_every": 99_999_999_999}, "judge_every is 99999999999: expected 1 to 2147483647"),
        ({"evaluation_size": 8}, "evaluation_size is 8: expected 16 to"),
        ({"raise_below": float("nan")}, "raise_below is nan"),
        ({"curriculum": "loss", "negatives": 0.0}, "one is missing where there are no negatives"),
        ({"curriculum": "loss", "frozen": "reader"}, "one is missing where the reader is frozen"),
        ({"curriculum": "fixed", "collapse": 0.2}, "no level changes here: set --collapse 0"),
        ({"encoding": "dense", "batch_size": 1}, "a dense message is told from others of its batch, and 1 say little"),
        ({"max_len": 2}, "a one-hot message is one symbol, and max_len is 2"),
        ({"vocab_size": 1}, "vocab_size is 1: expected 2 to"),
        ({"operations": ("blur", "smear")}, "unknown operation of the channel glyphnet with 1 colours 'smear': known are static, blur"),
        ({"operations": ("invert",), "colours": 3}, "unknown operation of the channel glyphnet with 3 colours 'invert'"),
        ({"channel": "none", "level": 3}, "a clear channel has no operations and no levels"),
        ({"level": 16}, "level is 16: expected 0 to 15"),
        ({"raise_at": 0.4, "lower_below": 0.5}, "the level would rise and fall at once"),
        ({"curriculum": "loss", "raise_below": 6.0}, "the level would rise and fall at once"),
        ({"curriculum": "loss", "collapse": 0.2}, "agents are called back by their accuracy"),
        ({"data": "digits"}, "set --data none, or --encoding dense"),
        ({"data": "digits", "encoding": "dense", "batch_size": 5000, "channel": "none"}, "a batch of 5000 does not fit"),
        ({"partners": "disjoint", "pairs": 2}, "2 disjoint pairs do not fit a population of 1"),
        ({"batch_size": 0}, "batch_size is 0: expected 1 to"),
    ],
)
def test_a_setting_that_cannot_be_played_gets_one_sentence(changes, sentence):
    config = replace(TINY, **changes)
    with pytest.raises(UsageError) as caught:
        glyph.make(config, load(config.data))
    assert sentence in str(caught.value)


def test_a_game_that_needs_data_says_so_of_none():
    from semiosis.games import lewis

    assert isinstance(NONE, Data)
    with pytest.raises(UsageError, match="this game needs data, and 'none' has none"):
        lewis.make(lewis.PRESETS["tiny"], NONE)
