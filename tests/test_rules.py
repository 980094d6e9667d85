"""Rules and rules made of rules, on a world of two vectors."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from semiosis.rules import born, chain, descend, every, follow, freeze, mean, weighed
from semiosis.types import Mean, Turn

RATE = 0.1


class Two(NamedTuple):
    left: Any
    right: Any


def turn(step=1, scene=None, key=0):
    return Turn(jnp.int32(step), jax.random.key(key), jnp.array([1.0, -2.0, 0.5]) if scene is None else scene)


def two(optimiser=None, slow=False):
    optimiser = optimiser or optax.adam(RATE)
    return Two(born(jnp.array([1.0, 2.0, 3.0]), optimiser, slow=slow), born(jnp.array([-1.0, 0.0, 4.0]), optimiser))


def product(nets, world, turn):
    """Both agents in one loss: sum(scene left right^2); the reward is the first number of the scene."""
    left, right = nets.get("left", world.left.net), nets.get("right", world.right.net)
    return jnp.sum(turn.scene * left * right**2), {"loss": jnp.zeros(()), "reward": turn.scene[0]}


def same_bits(a, b):
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in leaves)


def adam(gradients, w, rate=RATE, b1=0.9, b2=0.999, eps=1e-8):
    """Kingma and Ba (2015), algorithm 1, in double precision."""
    w, m, v = np.asarray(w, float), 0.0, 0.0
    for t, g in enumerate(np.asarray(gradients, float), 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        w = w - rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
    return w


def test_at_birth():
    agent = born(jnp.array([1.0, 2.0]), optax.adam(RATE), slow=True)
    assert agent.score == 0.0
    assert agent.age == 0
    assert agent.age.dtype == jnp.int32
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(agent.opt))
    assert np.array_equal(agent.slow, agent.net)
    assert agent.slow is not agent.net  # worlds are donated: one buffer must not be there twice
    assert born(jnp.ones(2), optax.adam(RATE)).slow is None


def test_descend_takes_the_steps_of_adam():
    world, rule = two(), jax.jit(descend(product, {"left": optax.adam(RATE)}))
    scenes = np.array([[1.0, -2.0, 0.5], [3.0, 1.0, 0.5], [-1.0, 0.1, 0.2]])
    right = np.asarray(world.right.net)
    first, _ = rule(world, turn(scene=jnp.asarray(scenes[0], jnp.float32)))
    gradient = scenes[0] * right**2
    np.testing.assert_allclose(first.left.net, np.array([1.0, 2.0, 3.0]) - RATE * np.sign(gradient), rtol=1e-5)
    after = world
    for scene in scenes:
        after, _ = rule(after, turn(scene=jnp.asarray(scene, jnp.float32)))
    np.testing.assert_allclose(after.left.net, adam(scenes * right**2, world.left.net), rtol=1e-5)
    assert same_bits(after.right, world.right)


def test_descend_moves_each_role_by_its_own_optimiser_from_the_same_place():
    world = two(optax.sgd(1.0))
    after, logs = descend(product, {"left": optax.sgd(0.1), "right": optax.sgd(0.01)})(world, turn())
    left, right, x = (np.asarray(a, float) for a in (world.left.net, world.right.net, turn().scene))
    np.testing.assert_allclose(after.left.net, left - 0.1 * x * right**2, rtol=1e-5)
    np.testing.assert_allclose(after.right.net, right - 0.01 * 2 * x * left * right, rtol=1e-5)  # with the old left
    assert logs.keys() == {"loss", "reward"}


@pytest.mark.parametrize("memory", [0.5, 1.0])
def test_an_agent_remembers_its_reward(memory):
    rule = jax.jit(descend(product, {"left": optax.sgd(0.0)}, score="reward", memory=memory))
    world, scores = two(optax.sgd(0.0)), []
    for reward in (1.0, 0.0, 0.5, 1.0):
        world, _ = rule(world, turn(scene=jnp.array([reward, 0.0, 0.0])))
        scores.append(float(world.left.score))
    # the first reward whole, the second by half in both; then half of the old score, or the mean of the lifetime
    assert scores == pytest.approx([1.0, 0.5, 0.5, 0.75] if memory == 0.5 else [1.0, 0.5, 0.5, 0.625], abs=1e-6)
    assert world.left.age == 4
    assert world.right.score == 0.0
    assert world.right.age == 0


def test_without_a_score_nothing_is_remembered():
    world, _ = descend(product, {"left": optax.sgd(0.0)})(two(optax.sgd(0.0)), turn())
    assert world.left.score == 0.0
    assert world.left.age == 1


@pytest.mark.parametrize("k", [1, 7, 200])
def test_the_error_of_the_slow_copy_shrinks_by_its_rate(k):
    world = two(slow=True)
    far = jnp.array([5.0, -5.0, 0.0])
    left = world.left
    world = world._replace(left=type(left)(left.net, left.opt, far, left.score, left.age))
    rule = follow("left", 0.99)
    after = jax.jit(lambda w: jax.lax.fori_loop(0, k, lambda i, w: rule(w, turn())[0], w))(world)
    error = np.asarray(far, float) - np.asarray(left.net, float)
    np.testing.assert_allclose(after.left.slow - after.left.net, 0.99**k * error, rtol=2e-4, atol=2e-6)
    assert same_bits(after._replace(left=None), world._replace(left=None))
    assert same_bits((after.left.net, after.left.opt), (left.net, left.opt))


def note(name, f):
    """A rule that changes nothing and logs f(turn)."""
    return lambda world, turn: (world, {name: f(turn)})


def test_a_chain_gives_each_rule_the_world_of_the_last_and_a_key_of_its_own():
    def grow(world, turn):
        return world._replace(left=world.left + 1), {"left": world.left, "last": jnp.float32(1)}

    def double(world, turn):
        return world._replace(left=world.left * 2), {"right": world.left, "last": jnp.float32(2)}

    world, logs = chain(grow, double)(Two(jnp.float32(3), None), turn())
    assert world.left == 8.0
    assert (logs["left"], logs["right"], logs["last"]) == (3.0, 4.0, 2.0)
    keys = [note(name, lambda turn: jax.random.uniform(turn.key)) for name in "abc"]
    _, logs = chain(*keys)(None, turn())
    assert len({float(u) for u in [*logs.values(), jax.random.uniform(turn().key)]}) == 4
    _, more = chain(chain(*keys), note("d", lambda turn: jax.random.uniform(turn.key)))(None, turn())
    assert len({float(u) for u in more.values()}) == 4  # chains within chains as well


def test_every_fires_at_multiples_but_not_at_zero_and_its_logs_weigh_nothing_elsewhere():
    def count(world, turn):
        return world._replace(left=world.left + 1), {"step": turn.step.astype(jnp.float32), "given": Mean(jnp.float32(6), jnp.float32(3))}

    rule = jax.jit(every(3, count))
    world, fired, total = Two(jnp.int32(0), jnp.float32(0)), [], []
    for step in range(8):
        before = world
        world, logs = rule(world, turn(step))
        if world.left != before.left:
            fired.append(step)
        else:
            assert not any(np.asarray(x).any() for x in jax.tree.leaves(logs))
        total.append(logs)
    assert fired == [3, 6]
    summed = jax.tree.map(lambda *x: sum(x), *total)
    assert mean(summed["step"]) == 4.5
    assert (summed["given"].total, summed["given"].weight) == (12.0, 6.0)  # a weight that was given is kept


def test_what_did_not_occur_has_no_mean():
    _, logs = every(3, note("a", lambda turn: jnp.float32(1)))(Two(0, 0), turn(2))
    assert np.isnan(mean(logs["a"]))
    plain = weighed({"a": jnp.float32(5), "b": Mean(jnp.float32(6), jnp.float32(4))})
    assert mean(plain["a"]) == 5.0
    assert plain["a"].weight == 1.0
    assert mean(plain["b"]) == 1.5


def test_frozen_agents_stay_bit_for_bit():
    world, optimisers = two(), {"left": optax.adam(RATE), "right": optax.adam(RATE)}
    free, _ = descend(product, optimisers)(world, turn())
    after, logs = freeze("left", descend(product, optimisers))(world, turn())
    assert same_bits(after.left, world.left)
    assert not same_bits(after.right, world.right)
    assert same_bits(after.right, free.right)
    assert logs.keys() == {"loss", "reward"}
