"""The sketch game: its published sizes, its losses and laws, what is frozen, shared and remembered, and that it is learned."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis import channels
from semiosis.errors import UsageError
from semiosis.games import sketch
from semiosis.games.sketch import PRESETS, Config, births, check, make, optimiser, sight_of
from semiosis.nets import backbones
from semiosis.nets.sight import Sight, last
from semiosis.populations import pick
from semiosis.runs import loop
from semiosis.runs.evaluate import evaluate, examine
from semiosis.runs.setup import build
from semiosis.scenes import Data, Split, load
from semiosis.scenes.memory import remembered

KEY = jax.random.key(0)
TINY = replace(PRESETS["tiny"], backbone_learns=False)
LEARNS = PRESETS["tiny"]


@pytest.fixture(scope="module")
def digits():
    return load(TINY.data)


def noise(n=60, side=8, channels=3, classes=3, seed=0):
    """Photos that say nothing."""
    dice = np.random.default_rng(seed)
    part = lambda: Split(dice.integers(0, 256, (n, side, side, channels)).astype(np.uint8), (np.arange(n) % classes).astype(np.int32))  # noqa: E731
    return Data("noise", {name: part() for name in ("train", "valid", "test")}, fingerprint=f"noise {n} {side} {channels} {seed}")


def parameters(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


def pair(config, data, seed=0):
    """One seed's world with one agent a role."""
    experiment, worlds = build(sketch, config, data, (seed,))
    world = loop.unstack(worlds, 0)
    return experiment, world._replace(**{role: pick(getattr(world, role), 0) for role in experiment.roles})


@eqx.filter_jit
def call(function, *args):
    """The function's value by one program: op by op, each of many sizes would be compiled."""
    return function(*args)


def trained(config, data, steps, seeds=(0,), every=0):
    """The experiment, worlds after some steps, and the logs of each stretch."""
    experiment, worlds = build(sketch, config, data, seeds)
    run = loop.stretch(experiment.phases[0], loop.unstack(worlds, 0), loop.mesh_for(1, jax.devices()[:1]))
    keys, logs, every = loop.keys_of(seeds), [], every or steps
    for step in range(0, steps, every):
        worlds, log = run(worlds, keys, step, every)
        logs.append({name: values.tolist() for name, values in log.items()})
    return experiment, worlds, logs


def equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


# ----------------------------------------------------------------------------------------------------------------- sizes


def test_the_published_agents_have_the_published_parameters():
    """STL-10 at 96 px, relu5_3, 20 lines: projection 1,179,712, hand 41,360, receiver's layers 8,320; what learns 1,229,392 in all."""
    trunk = eqx.filter_eval_shape(backbones.BACKBONES["vgg16"].random, KEY, "relu5_3")
    assert parameters(trunk) == 14_714_688
    sight = Sight(jnp.zeros(3), jnp.ones(3), (trunk,), None, False)
    born = births(Config(), sight, 96)
    sender, receiver = (eqx.filter_eval_shape(born[role], KEY).net for role in ("sender", "receiver"))
    assert parameters(sender.eye) == parameters(receiver.eye) == 1_179_712
    assert parameters(sender.hand) == 41_360
    assert parameters(receiver) - parameters(receiver.eye) == 8_320
    assert parameters(sender) + 8_320 == 1_229_392


# ---------------------------------------------------------------------------------------------------------------- losses


def outcome(config, data, **changes):
    """An outcome of the first exam batch, with untrained agents."""
    experiment, world = pair(replace(config, **changes), data)
    drawing = experiment.play.drawing
    scene = call(experiment.exams["test"].scenes, jnp.int32(0), KEY)

    def play(drawing, world, scene):
        return drawing(world.sender.net, world.receiver.net, world.sigma2, scene, KEY, channels.clear)

    return experiment, world, scene, call(play, drawing, world, scene)


def test_a_pair_is_right_where_a_loop_over_games_says_so(digits):
    _, world, scene, out = outcome(LEARNS, digits)
    (g, c), n = scene.pool.shape, len(scene.seen)
    receiver, sight = world.receiver.net, sight_of(LEARNS, digits)

    def meanings(images):
        return np.asarray(call(lambda r, s, x: r(last(s.maps(x, r.eye.trunk, 1))), receiver, sight, images))

    sketched, seen = meanings(out.heard), meanings(scene.photos)
    right = 0
    for i in range(n):
        pool = scene.pool[i // (n // g)]
        scores = [float(sketched[i] @ seen[row]) for row in pool]
        np.testing.assert_allclose(out.scores[i], scores, rtol=1e-3, atol=1e-5)
        right += int(np.argmax(scores)) == int(scene.target[i])
    assert right == int((out.guess == scene.target).sum())
    assert c == 10


def test_a_sketch_that_passed_the_receivers_trunk_need_not_pass_the_senders(digits):
    """One trunk, frozen: the perceptual loss of the receiver's pass is that of a pass of the sender's own."""
    config = replace(TINY, perceptual=1.0, perceptual_weights=(0.0, 2.0, 0.0))
    experiment, _, scene, out = outcome(config, digits)
    sight = experiment.play.drawing.sight

    def own(sight, photos, said):
        photo, drawn = sight.maps(photos, None, 0)["conv2"], sight.maps(said, None, 0)["conv2"]
        unit = lambda x: x / (jnp.linalg.norm(x, axis=-1, keepdims=True) + 1e-10)  # noqa: E731
        return 2.0 * jnp.mean(jnp.sum(jnp.square(unit(drawn) - unit(photo)), -1), (1, 2))

    np.testing.assert_allclose(out.terms["perceptual"], call(own, sight, scene.photos[scene.seen], out.said), rtol=1e-4, atol=1e-5)
    assert set(scene.known) == {"conv2"}
    assert scene.known["conv2"].shape[0] == len(scene.seen)


def test_learned_layer_weights_are_not_negative_and_of_length_one(digits):
    config = replace(TINY, perceptual_learned=True, perceptual_weights=(1.0, 1.0))
    _, world, _, out = outcome(config, digits)
    weights = world.sender.net.layers
    assert weights.shape == (2,)
    single = [outcome(replace(TINY, perceptual=1.0, perceptual_weights=w), digits)[3].terms["perceptual"] for w in ((1.0,), (0.0, 1.0))]
    shares = np.asarray(weights) / np.linalg.norm(weights)
    np.testing.assert_allclose(out.terms["perceptual"], shares[0] * single[0] + shares[1] * single[1], rtol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "infonce", "augmented": 0.5, "augmented_views": 2, "coloured": True, "drawing": "curves", "knots": 5},
        {"loss": "hinge-sum", "reconstruction": 1.0, "backbone_learns": True, "sharing": "half", "move": True, "sigma2_every": 1,
         "sigma2_final": 1e-3, "weight_decay": 1e-3, "lr_every": 2, "lr_factor": 0.5, "game": "mixed"},
        {"loss": "cross-entropy", "perceptual": 1.0, "sharing": "separate", "margin": 2, "recurrent": True, "opacities": True,
         "widths": True, "game": "different", "targets": 2},
    ],
    ids=["colour", "half", "separate"],
)  # fmt: skip
def test_every_loss_and_every_way_of_drawing_learns(changes):
    """A gradient reaches the hand and the receiver, all terms are finite, and what is frozen stays."""
    config = replace(TINY, batch_size=12, **changes)
    experiment, worlds, logs = trained(config, noise(), 2, every=1)
    assert all(np.isfinite(x).all() for log in logs for x in log.values())
    _, newborn = build(sketch, config, noise(), (0,))
    hands = [loop.unstack(w, 0).sender.net.hand for w in (newborn, worlds)]
    assert all(not np.array_equal(x, y) for x, y in zip(*map(jax.tree.leaves, hands), strict=True) if x.ndim)
    assert not equal(newborn.receiver.net.first, worlds.receiver.net.first)
    table, _ = evaluate(experiment, worlds, (0,), "test")
    assert np.isfinite(table["metrics"]["loss"]["mean"])


def test_strokes_get_thinner_as_they_are_told(digits):
    """From 0.05 by half every 2 steps, not below 0.015: 0.05 0.05 0.025 0.025 0.015."""
    config = replace(TINY, sigma2=0.05, sigma2_every=2, sigma2_factor=0.5, sigma2_final=0.015)
    _, worlds, logs = trained(config, digits, 5, every=1)
    np.testing.assert_allclose([log["sigma2"][0] for log in logs], [0.05, 0.05, 0.025, 0.025, 0.015], rtol=1e-6)
    np.testing.assert_allclose(worlds.sigma2, 0.015, rtol=1e-6)


# ------------------------------------------------------------------------------------- what is frozen, shared, remembered


def test_what_is_remembered_trains_as_what_is_looked_at_again(digits):
    config = replace(TINY, perceptual=0.5)
    runs = [trained(replace(config, remember=how), digits, 20, every=5)[2] for how in ("yes", "no")]
    for kept, fresh in zip(*runs, strict=True):
        np.testing.assert_allclose(kept["loss"], fresh["loss"], rtol=1e-4)


@pytest.mark.parametrize("sharing", ["shared", "half", "separate"])
def test_eyes_are_shared_as_told(digits, sharing):
    config = replace(LEARNS, sharing=sharing)
    _, worlds, _ = trained(config, digits, 3)
    sender, receiver = worlds.sender.net.eye, worlds.receiver.net.eye
    assert equal(sender.trunk, receiver.trunk) == (sharing != "separate")
    assert equal(sender.projection, receiver.projection) == (sharing == "shared")


def test_frozen_eyes_stay_bit_for_bit_and_hands_move(digits):
    config = replace(TINY, eyes_learn=False, weight_decay=0.1)
    _, newborn = build(sketch, config, digits, (0,))
    newborn = jax.tree.map(jnp.copy, newborn)
    _, worlds, _ = trained(config, digits, 3)
    assert equal(newborn.sender.net.eye, worlds.sender.net.eye)
    assert equal(newborn.receiver.net.eye, worlds.receiver.net.eye)
    assert not equal(newborn.sender.net.hand, worlds.sender.net.hand)
    assert not equal(newborn.receiver.net.second, worlds.receiver.net.second)


def test_a_frozen_role_stays(digits):
    config = replace(TINY, frozen="sender", sharing="half")
    _, newborn = build(sketch, config, digits, (0,))
    newborn = jax.tree.map(jnp.copy, newborn)
    _, worlds, _ = trained(config, digits, 2)
    assert equal(newborn.sender, worlds.sender)
    assert not equal(newborn.receiver.net, worlds.receiver.net)


def test_populations_meet(digits):
    config = replace(TINY, sharing="half", n_senders=2, n_receivers=3, batch_size=10)
    experiment, worlds, logs = trained(config, digits, 2)
    assert np.isfinite(logs[0]["loss"]).all()
    table, _ = evaluate(experiment, worlds, (0,), "test")
    assert np.array(table["pairs"]["accuracy"]).shape == (1, 2, 3)


def test_features_are_computed_once_and_kept_on_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("SEMIOSIS_CACHE", str(tmp_path))
    photos = np.random.default_rng(0).integers(0, 256, (70, 4, 4, 1)).astype(np.uint8)
    looked = []

    def look(x):
        looked.append(x.shape)
        return {"cut": x.mean((1, 2)), "map:all": 2 * x}

    first = remembered(look, photos, key="one")
    count = len(looked)
    again = remembered(look, photos, key="one")
    assert len(looked) == count + 1  # for its shapes alone
    for found in (first, again):
        np.testing.assert_allclose(found["cut"], photos.mean((1, 2)) / 255, rtol=1e-5)
        np.testing.assert_allclose(found["map:all"], photos / 127.5, rtol=1e-5)
    assert isinstance(again["cut"], np.memmap)
    (tmp_path / "one" / "cut.npy").write_bytes(b"damaged")
    assert remembered(look, photos, key="one")["cut"].shape == (70, 1)
    assert np.load(tmp_path / "one" / "cut.npy").shape == (70, 1)
    assert remembered(look, photos, share=0.0) is None


def test_what_does_not_fit_is_said(monkeypatch):
    monkeypatch.setattr("semiosis.scenes.memory.free_memory", lambda: 1000)
    with pytest.raises(UsageError, match="set --remember no"):
        remembered(lambda x: {"cut": x}, np.zeros((70, 4, 4, 1), np.uint8), required=True)


# --------------------------------------------------------------------------------------------------------------- playing


def test_untrained_agents_are_as_good_as_chance():
    """1,000 games of 10: within three deviations of 0.1, sqrt(0.09 / 1000) each. A sender that always draws alike is right exactly then."""
    data = noise(1000, classes=10)
    config = replace(TINY, evaluation_size=500)
    experiment, world = pair(config, data)
    crowd = world._replace(**{role: jax.tree.map(lambda x: x[None], getattr(world, role)) for role in experiment.roles})
    finding = examine(experiment, "test", crowd)
    assert finding.n == 1000
    assert abs(finding.figures["accuracy"] - 0.1) < 3 * np.sqrt(0.09 / 1000)
    assert experiment.exams["test"].chance == 0.1


def test_exams_do_not_depend_on_their_batch(digits):
    experiments = [make(replace(TINY, evaluation_size=size), digits) for size in (10, 60)]
    _, world = pair(TINY, digits)
    crowd = world._replace(**{role: jax.tree.map(lambda x: x[None], getattr(world, role)) for role in ("sender", "receiver")})
    found = [examine(experiment, "test", crowd).figures for experiment in experiments]
    assert found[0]["accuracy"] == pytest.approx(found[1]["accuracy"], abs=1e-7)
    assert found[0]["loss"] == pytest.approx(found[1]["loss"], rel=1e-5)


def test_an_episode_tells_what_reports_need(digits):
    config = replace(TINY, game="original", candidates=20)
    experiment, world = pair(config, digits)
    scenes = experiment.exams["test"].scenes
    episode = call(lambda play, world, scenes: play(world, scenes(jnp.int32(0), KEY), KEY, channels.clear), experiment.play, world, scenes)
    n = len(episode.target)
    assert episode.info["pool"].shape == (n, 20)
    right = np.take_along_axis(np.asarray(episode.info["pool"]), np.asarray(episode.target)[:, None], 1)[:, 0]
    assert (right == episode.info["index"]).all()
    labels = digits.splits["test"].labels
    pointed = np.take_along_axis(np.asarray(episode.info["pool"]), np.asarray(episode.guess)[:, None], 1)[:, 0]
    np.testing.assert_array_equal(episode.figures["class_accuracy"], labels[pointed] == labels[right])
    order = np.argsort(-np.asarray(episode.info["scores"]), axis=1, kind="stable")
    assert episode.figures["top_5"].mean() >= np.mean((order[:, :5] == np.asarray(episode.target)[:, None]).any(1)) - 1e-6
    assert (episode.figures["strokes"] <= 3).all()
    assert (episode.figures["ink"] >= 0).all()


def test_the_same_strokes_are_drawn_at_any_size(digits):
    _, worlds = build(sketch, TINY, digits, (0,))
    strokes = sketch.strokes_of(TINY, digits, loop.unstack(worlds, 0), "test", np.array([0, 3]))
    assert strokes.points.shape == (2, 3, 2, 2)
    small, large = (call(lambda s, side=side: sketch.drawn(TINY, s, side, jnp.float32(0.05)), strokes) for side in (9, 33))
    np.testing.assert_allclose(large[:, ::4, ::4], small, atol=1e-4)


def test_a_probe_keeps_the_sender(digits):
    probed = sketch.probe(LEARNS, task="discrimination", speakers=1, listeners=2)
    _, worlds = build(sketch, probed, digits, (0,))
    _, own = build(sketch, LEARNS, digits, (0,))
    assert jax.tree.structure(worlds.sender.net) == jax.tree.structure(own.sender.net)
    assert worlds.receiver.age.shape == (1, 2)


# ------------------------------------------------------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"layer": "relu9_9", "backbone": "vgg16"}, "vgg16 has no layer 'relu9_9': known are relu1_2"),
        ({"weights": "x.pth"}, "the backbone 'small' has no published weights"),
        ({"loss": "none"}, "there is nothing to learn without a loss"),
        ({"perceptual": 1.0, "perceptual_weights": (0.0, 0.0)}, "all perceptual_weights are 0"),
        ({"perceptual_weights": (-1.0,)}, "expected one number or more, none below 0"),
        ({"n_senders": 2}, "agents of a population cannot share one eye that learns"),
        ({"frozen": "sender"}, "a frozen sender cannot share an eye that learns"),
        ({"eyes_learn": False, "backbone_learns": True}, "--no-eyes-learn freezes the backbone too"),
        ({"balanced": True}, "has all classes alike often already"),
        ({"candidates": 30, "game": "original"}, "30 candidates do not fit a batch of 20"),
        ({"targets": 11}, "targets is 11, of 10 candidates"),
        ({"widths": True, "sigma2_every": 5}, "widths that are learned do not follow sigma2"),
        ({"sigma2_final": 0.5, "sigma2_every": 5}, "strokes get thinner, not wider"),
        ({"margin": 6}, "and 4 or more must be left"),
        ({"likeness": "nothing.png"}, "--likeness is what the perceptual loss compares with"),
        ({"sender_hidden": (0,)}, "sender_hidden is (0,): expected widths of 1 or more"),
        ({"perceptual_weights": (float("nan"),)}, "expected one number or more, none below 0"),
        ({"backbone": "vgg16", "layer": "relu5_3"}, "photos of 8 pixels are too small for vgg16 to relu5_3: set an earlier --layer"),
        ({"drawing": "curves", "knots": 3}, "knots is 3: expected 4 or more for a curve"),
        ({"drawing": "connected", "strokes": 1}, "strokes is 1: expected 2 points or more"),
        ({"coloured": True, "contrast": 0.5}, "contrast is of ink without colour"),
        ({"evaluation_candidates": 1}, "evaluation_candidates is 1: expected 0"),
        ({"sigma2": 0.0}, "sigma2 is 0.0: expected 1e-08 to 4.0"),
        ({"precision": "bfloat16", "backbone_learns": True}, "only a frozen backbone computes in bfloat16"),
    ],
)
def test_what_cannot_be_played_is_said(digits, changes, sentence):
    with pytest.raises(UsageError) as caught:
        check(replace(TINY, **changes), digits)
    assert sentence in str(caught.value)


def test_photos_without_labels_have_the_original_game():
    data = noise()
    bare = replace(data, splits={name: split._replace(labels=None) for name, split in data.splits.items()})
    with pytest.raises(UsageError, match="the game 'same' needs classes, and 'noise' has no labels"):
        make(TINY, bare)
    make(replace(TINY, game="original"), bare)


def test_a_split_without_a_game_is_said_before_training():
    data = noise()
    alone = data.splits["test"]._replace(labels=np.zeros(60, np.int32))
    with pytest.raises(UsageError, match="the split test of 'noise' has 1 class: a game needs two or more"):
        make(TINY, replace(data, splits={**data.splits, "test": alone}))


def test_agents_of_other_frozen_trunks_cannot_meet():
    assert sketch.common(replace(TINY, sharing="separate")) != sketch.common(replace(TINY, sharing="half"))
    assert sketch.common(replace(LEARNS, sharing="separate")) == sketch.common(replace(LEARNS, sharing="half"))


def test_a_probe_draws_as_wide_as_the_run_came_to():
    config = replace(TINY, sigma2=1e-2, sigma2_every=50, sigma2_final=1e-4, steps=120)
    assert sketch.probe(config, task="discrimination", speakers=1, listeners=1).sigma2 == pytest.approx(2.5e-3)


def test_what_is_seen_is_computed_once_for_each_split(digits, monkeypatch):
    asked = []
    monkeypatch.setattr(sketch, "remembered", lambda look, photos, **more: asked.append(len(photos)) or remembered(look, photos, **more))
    experiment = make(replace(TINY, game="original", batch_size=20, perceptual=1.0), digits)
    assert len(asked) == 2 * len(digits.splits)
    exams = [experiment.exams[name].scenes for name in ("test", "test/10")]
    assert exams[0].features["cut"] is exams[1].features["cut"]
    assert exams[0].inputs is exams[1].inputs


def test_the_learning_rate_falls_by_steps():
    rule = optimiser(replace(TINY, lr=1.0, lr_every=2, lr_factor=0.1))
    state, x, steps = rule.init(jnp.zeros(())), jnp.ones(()), []
    for _ in range(4):
        update, state = rule.update(x, state, jnp.zeros(()))
        steps.append(float(update))
    np.testing.assert_allclose(steps, [-1.0, -1.0, -0.1, -0.1], rtol=1e-4)
