"""The one loop: seeds, devices, phases and resumed runs give the numbers of one seed, one device, one unbroken run."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from semiosis.games import lewis
from semiosis.rules import born, chain, descend, every
from semiosis.runs import loop
from semiosis.runs.setup import build
from semiosis.scenes import Data, Split
from semiosis.testing import compilations
from semiosis.types import Phase, Turn

ADAM = optax.adam(0.02)
DATA = np.random.default_rng(0).normal(size=(64, 5)).astype(np.float32)
SEEDS = (3, 5, 8, 13)


class World(NamedTuple):
    agent: Any
    steps: Any  # how many steps of each phase it has lived through


def newborn(seed):
    key = loop.birth_key(loop.seed_key(seed))
    return World(born(jax.random.normal(key, (5, 4)), ADAM), jnp.zeros(2, jnp.int32))


def worlds(seeds=SEEDS):
    return loop.stack([newborn(seed) for seed in seeds])


def loss(nets, world, turn):
    """A net under dropout predicts the square of what it sees: scene, key and world all matter."""
    seen = turn.scene * jax.random.bernoulli(turn.key, 0.7, turn.scene.shape)
    value = jnp.mean(jnp.square(jnp.tanh(seen @ nets["agent"]).sum(1) - jnp.square(turn.scene).sum(1)))
    return value, {"loss": value, "step": turn.step.astype(jnp.float32)}


def count(place, world, turn):
    return world._replace(steps=world.steps.at[place].add(1)), {}


def rare(world, turn):
    return world, {"rare": turn.step.astype(jnp.float32)}


def phase(name="one", place=0, steps=3, size=8):
    data = jnp.asarray(DATA)
    rule = chain(descend(loss, {"agent": ADAM}), partial(count, place), every(4, rare))
    return Phase(name, rule, lambda step, key: data[jax.random.randint(jax.random.fold_in(key, step), (size,), 0, 64)], steps)


def equal(a, b):
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in leaves)


def assert_close(a, b, atol):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(np.asarray(x, float), np.asarray(y, float), atol=atol, rtol=atol)


@pytest.fixture(scope="module")
def one():
    """The phase compiled for one device, seeds in turn."""
    return loop.stretch(phase(), newborn(0), loop.mesh_for(1, jax.devices()[:1]), "in-turn")


@pytest.fixture(scope="module")
def alone(one):
    """Each seed's world after ten steps, run alone."""
    return loop.stack([loop.unstack(one(worlds([seed]), loop.keys_of([seed]), 0, 10)[0], 0) for seed in SEEDS])


# ------------------------------------------------------------------------------------------------------------------ keys


def test_a_seeds_keys_do_not_depend_on_its_company():
    together = loop.keys_of(SEEDS)
    assert [jax.random.key_data(k).tolist() for k in together] == [jax.random.key_data(loop.seed_key(s)).tolist() for s in SEEDS]


def test_birth_nature_and_turns_have_keys_of_their_own():
    keys = [f(loop.seed_key(seed)) for seed in (0, 1) for f in (loop.birth_key, loop.nature_key)]
    keys += [loop.turn_key(loop.seed_key(seed), jnp.int32(step)) for seed in (0, 1) for step in range(5)]
    assert len({tuple(jax.random.key_data(k).tolist()) for k in keys}) == 14


# ----------------------------------------------------------------------------------------------------------------- steps


def test_a_stretch_is_a_plain_loop_of_steps(one):
    after, logs = one(worlds([3]), loop.keys_of([3]), 2, 5)
    step = jax.jit(partial(loop.one_step, phase()))
    world, losses = newborn(3), []
    for i in range(2, 7):
        world, log = step(world, loop.seed_key(3), jnp.int32(i))
        losses.append(float(log["loss"].total))
    assert_close(loop.unstack(after, 0), world, 1e-6)
    assert logs["loss"].shape == (1,)
    assert logs["loss"][0] == pytest.approx(np.mean(losses), rel=1e-5)
    assert logs["step"][0] == 4.0
    assert len(set(losses)) == 5


def test_the_scene_and_the_turn_have_the_streams_of_their_seed():
    seen = {}

    def note(world, turn: Turn):
        seen[int(turn.step)] = (np.asarray(turn.scene), jax.random.key_data(turn.key).tolist())
        return world, {}

    nature = phase()._replace(rule=note)
    key = loop.seed_key(3)
    for step in (4, 5):
        loop.one_step(nature, newborn(3), key, jnp.int32(step))
        scene, turn = seen[step]
        assert np.array_equal(scene, nature.scenes(jnp.int32(step), loop.nature_key(key)))
        assert turn == jax.random.key_data(loop.turn_key(key, jnp.int32(step))).tolist()
    assert not np.array_equal(seen[4][0], seen[5][0])
    assert seen[4][1] != seen[5][1]


def test_a_log_that_did_not_occur_has_no_mean(one):
    logs = [one(worlds([3]), loop.keys_of([3]), start, 4)[1] for start in (0, 1, 5)]
    assert "rare" not in logs[0]
    assert [log["rare"][0] for log in logs[1:]] == [4.0, 8.0]  # once in four steps: its mean is over the steps where it occurred


def test_any_stretch_of_steps_is_one_program(one):
    one(worlds([3]), loop.keys_of([3]), 0, 1)
    fresh, keys = worlds([3]), loop.keys_of([3])
    with compilations() as found:
        for start, steps in ((0, 2), (2, 5), (7, 1)):
            fresh, _ = one(fresh, keys, start, steps)
    assert found == []
    with compilations() as found:
        jax.jit(lambda x: x * 1.25 + 3)(jnp.ones(3)).block_until_ready()
    assert found  # so nothing found means something


def test_a_world_from_anywhere_needs_no_other_program(one):
    keys = loop.keys_of([3])
    one(worlds([3]), keys, 0, 1)
    fresh = [worlds([3]), jax.device_put(worlds([3]), jax.devices()[1]), jax.device_get(worlds([3]))]
    with compilations() as found:
        ends = [one(world, keys, 0, 2)[0] for world in fresh]
    assert found == []
    assert equal(ends[0], ends[1])
    assert equal(ends[0], ends[2])


def test_worlds_are_donated(one):
    mesh = loop.mesh_for(1, jax.devices()[:1])
    given = loop.place(worlds([3]), mesh)
    one(given, loop.keys_of([3]), 0, 1)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(given))


# ----------------------------------------------------------------------------------------------------------------- seeds


def test_in_turn_a_seed_in_company_is_the_seed_alone_bit_for_bit(one, alone):
    together, logs = one(worlds(), loop.keys_of(SEEDS), 0, 10)
    assert equal(together, alone)
    assert logs["loss"].shape == (4,)
    assert len(set(logs["loss"].tolist())) == 4
    other, _ = one(worlds(SEEDS[::-1]), loop.keys_of(SEEDS[::-1]), 0, 10)
    assert equal(jax.tree.map(lambda x: x[::-1], other), alone)


def test_side_by_side_a_seed_is_the_seed_alone_to_rounding(alone):
    mesh = loop.mesh_for(1, jax.devices()[:1])
    together, _ = loop.stretch(phase(), newborn(0), mesh, "side-by-side")(worlds(), loop.keys_of(SEEDS), 0, 10)
    assert_close(together, alone, 1e-5)


def test_on_a_cpu_auto_means_in_turn():
    assert loop.in_turn("in-turn")
    assert not loop.in_turn("side-by-side")
    assert loop.in_turn("auto") == (jax.default_backend() == "cpu")


def test_stack_and_unstack():
    both = worlds([3, 5])
    assert equal(loop.unstack(both, 0), newborn(3))
    assert equal(loop.unstack(both, 1), newborn(5))


# --------------------------------------------------------------------------------------------------------------- devices

four = pytest.mark.skipif(jax.device_count() < 4, reason="needs four devices")


@pytest.mark.parametrize(("seeds", "rows"), [(1, 1), (2, 2), (3, 1), (4, 4), (6, 2), (8, 4)])
@four
def test_seeds_are_dealt_out_first_and_the_rest_shares_the_batch(seeds, rows):
    assert loop.mesh_for(seeds, jax.devices()[:4]).shape == {"seed": rows, "batch": 4 // rows}
    assert loop.mesh_for(seeds, jax.devices()[:1]).shape == {"seed": 1, "batch": 1}


@four
@pytest.mark.parametrize("order", ["in-turn", "side-by-side"])
def test_seeds_on_four_devices_are_the_seeds_on_one(alone, order):
    run = loop.stretch(phase(), newborn(0), loop.mesh_for(4, jax.devices()[:4]), order)
    spread, logs = run(worlds(), loop.keys_of(SEEDS), 0, 10)
    assert len(spread.agent.net.sharding.device_set) == 4
    assert len({shard.device for shard in spread.agent.net.addressable_shards if shard.data.shape == (1, 5, 4)}) == 4
    assert_close(spread, alone, 1e-5)
    if order == "in-turn":
        assert equal(spread, alone)
    assert logs["loss"].shape == (4,)


@four
@pytest.mark.parametrize(("seeds", "size"), [(SEEDS[:1], 8), (SEEDS[:2], 8), (SEEDS[:1], 6)])
def test_a_batch_shared_by_devices_is_the_batch_on_one(seeds, size):
    """A batch of 6 does not divide by 4 devices and stays whole: slower, not wrong."""
    found = []
    watched = phase(size=size)

    def rule(world, turn):
        jax.debug.inspect_array_sharding(turn.scene, callback=found.append)
        return watched.rule(world, turn)

    ends = []
    for devices in (4, 1):
        mesh = loop.mesh_for(len(seeds), jax.devices()[:devices])
        run = loop.stretch(watched._replace(rule=rule), newborn(0), mesh, "in-turn")
        ends.append(run(worlds(seeds), loop.keys_of(seeds), 0, 5))
    assert_close(*ends, 1e-4)
    shares = 4 // len(seeds) if size == 8 else 1
    assert found[0].shard_shape((size, 5)) == (size // shares, 5)


@four
def test_a_pair_that_shares_its_candidates_over_devices_plays_the_same_game():
    rng = np.random.default_rng(0)
    data = Data("toy", {name: Split(rng.normal(size=(32, 6)).astype(np.float32)) for name in ("train", "test")})
    tiny = lewis.Config(batch_size=8, vocab_size=4, max_len=2, speaker_hidden=4, listener_hidden=4, listener_head=(4,), evaluation_size=8)
    experiment, newborns = build(lewis, tiny, data, (3,))
    ends = []
    for devices in (4, 1):
        run = loop.stretch(experiment.phases[0], loop.unstack(newborns, 0), loop.mesh_for(1, jax.devices()[:devices]))
        ends.append(run(jax.tree.map(jnp.copy, newborns), loop.keys_of((3,)), 0, 3))
    assert_close(*ends, 1e-4)


# ---------------------------------------------------------------------------------------------------------------- phases

CYCLE = (phase("one", 0, 3), phase("two", 1, 2))


def test_locate_says_which_phase_and_the_place_in_it():
    found = [loop.locate(CYCLE, step) for step in range(11)]
    assert "".join(str(found.name[1]) for found, _ in found) == "nnnwwnnnwwn"
    assert [place for _, place in found] == [0, 1, 2, 0, 1, 0, 1, 2, 0, 1, 0]
    assert loop.locate(CYCLE[:1], 10**6) == (CYCLE[0], 10**6)


@pytest.fixture(scope="module")
def cycle():
    """Runs steps start..stop of the cycle by its two programs, at most `most` a call, as training does."""
    mesh = loop.mesh_for(1, jax.devices()[:1])
    programs = {phase.name: loop.stretch(phase, newborn(0), mesh, "in-turn") for phase in CYCLE}

    def run(world, start, stop, most):
        while start < stop:
            now, place = loop.locate(CYCLE, start)
            steps = min(now.steps - place, most, stop - start)
            world, _ = programs[now.name](world, loop.keys_of([3]), start, steps)
            start += steps
        return world

    return run


def test_a_resumed_run_is_the_unbroken_one_across_phases(cycle):
    unbroken = cycle(worlds([3]), 0, 13, 100)
    assert unbroken.steps.tolist() == [[9, 4]]
    for stop in (1, 3, 4, 5, 9):
        saved = jax.device_get(cycle(worlds([3]), 0, stop, 2))
        assert equal(cycle(saved, stop, 13, 100), unbroken)
