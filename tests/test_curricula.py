"""When a channel gets harder or easier: judges by hand-derived sequences, and `harden` on a world of one agent and a scripted accuracy."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from semiosis.curricula import by_accuracy, by_loss, one_by_one
from semiosis.rules import Difficulty, born, easy, harden
from semiosis.types import Mean, Turn

NAN = float("nan")


def walk(judge, figures, start, place=0):
    """The levels and the places after each figure."""
    level, place, levels, places = jnp.array(start, jnp.int32), jnp.int32(place), [], []
    step = jax.jit(judge)
    for figure in figures:
        after, place = step(level, place, jnp.float32(figure))
        assert (after.shape, after.dtype, place.shape, place.dtype) == (level.shape, jnp.int32, (), jnp.int32)
        level = after
        levels.append(level.tolist())
        places.append(int(place))
    return levels, places


# ---------------------------------------------------------------------------------------------------------------- judges


def test_by_loss_is_the_published_curriculum():
    judge = by_loss(2.0, 5.0, top=15)
    levels, places = walk(judge, [6, 6, 1.5, 1.5, 5.5, 1], [0])
    assert levels == [[0], [0], [1], [2], [1], [2]]  # GlyphNet: above 5 one down, below 2 one up, from 0 to 15
    assert places == [0] * 6
    assert walk(judge, [2.0, 5.0, 3.5, NAN, 5.01, 1.99], [7, 3])[0] == [[7, 3]] * 4 + [[6, 2], [7, 3]]


@pytest.mark.parametrize("judge", [by_loss(2.0, 5.0, top=15), by_accuracy(0.9, 0.5, top=15)])
def test_levels_stay_between_0_and_the_top(judge):
    good, bad = (1.0, 9.0) if walk(judge, [9.0], [3])[0] == [[2]] else (0.95, 0.1)
    assert walk(judge, [good] * 17, [0])[0] == [[min(i, 15)] for i in range(1, 18)]
    assert walk(judge, [bad] * 17, [15])[0] == [[max(15 - i, 0)] for i in range(1, 18)]
    assert walk(judge, [good, bad, bad], [15, 1])[0] == [[15, 2], [14, 1], [13, 0]]


def test_between_the_thresholds_of_accuracy_nothing_changes():
    judge = by_accuracy(0.75, 0.5, top=15)
    levels, places = walk(judge, [0.75, 0.74, 0.5, NAN, 0.49, 0.6, 1.0], [4], place=1)
    assert levels == [[5], [5], [5], [5], [4], [4], [5]]  # 0.75 itself raises, 0.5 itself does not lower
    assert places == [1] * 7


UP, DOWN = 1.0, 0.0


def test_one_by_one_rises_in_turn_and_falls_in_the_turn_back():
    levels, places = walk(one_by_one(0.75, 0.5, top=15), [UP, UP, UP, UP, 0.6, NAN, DOWN, DOWN, DOWN], [0, 0, 0])
    up = [[1, 0, 0], [1, 1, 0], [1, 1, 1], [2, 1, 1]]
    assert levels == [*up, up[3], up[3], *reversed(up[:3])]  # the last to rise is the first to fall
    assert places == [1, 2, 0, 1, 1, 1, 0, 2, 1]


def test_one_by_one_passes_over_those_that_cannot_move():
    judge = one_by_one(0.75, 0.5, top=2)
    assert walk(judge, [UP, UP, UP], [2, 1, 0]) == ([[2, 2, 0], [2, 2, 1], [2, 2, 2]], [2, 0, 0])
    assert walk(judge, [DOWN, DOWN, DOWN], [0, 2, 1], place=1) == ([[0, 2, 0], [0, 1, 0], [0, 0, 0]], [2, 1, 1])
    assert walk(judge, [UP, DOWN], [2, 0, 2], place=2) == ([[2, 1, 2], [2, 0, 2]], [2, 1])  # to the one after, and back to it


def test_one_by_one_keeps_the_turn_where_none_can_move():
    judge = one_by_one(0.75, 0.5, top=1)
    levels, places = walk(judge, [UP, UP, UP, UP, UP, DOWN], [0, 0, 0])
    assert levels[2:5] == [[1, 1, 1]] * 3
    assert levels[5] == [1, 1, 0]  # the one that was raised last, however long all stood at the top
    assert places == [1, 2, 0, 0, 0, 2]
    assert walk(judge, [DOWN, DOWN, UP], [0, 0, 0], place=1) == ([[0, 0, 0], [0, 0, 0], [0, 1, 0]], [1, 1, 2])


def test_one_by_one_of_one_operation_is_by_accuracy():
    figures = [UP, UP, 0.6, DOWN, UP, UP, UP, DOWN]
    one, all_ = (walk(judge(0.75, 0.5, top=3), figures, [1])[0] for judge in (one_by_one, by_accuracy))
    assert one == all_ == [[2], [3], [3], [2], [3], [3], [3], [2]]


# ---------------------------------------------------------------------------------------------------------------- harden


class World(NamedTuple):
    reader: Any
    hard: Difficulty


def newborn(level, back=False):
    """A world of one agent, with optimiser state, and a difficulty."""
    reader = born(jnp.array([1.0, -2.0]), optax.adam(0.1))
    return World(reader, easy(jnp.array(level, jnp.int32), {"reader": reader} if back else None))


def scripted(accuracy, weight=None):
    """A rule that moves its agent at each step, and does as well as it is told to."""

    def rule(world, turn):
        a = world.reader
        opt = jax.tree.map(lambda x: x + 1, a.opt)
        moved = type(a)(a.net * 1.25 + turn.step, opt, a.slow, a.score, a.age + 1)
        log = jnp.array(accuracy, jnp.float32)[turn.step]
        if weight is not None:
            by = jnp.array(weight, jnp.float32)[turn.step]
            log = Mean(log * by, by)
        return world._replace(reader=moved), {"accuracy": log, "loss": jnp.float32(0.5)}

    return rule


def played(rule, world, steps):
    """The worlds after 0, 1, ... steps and the logs of each step, from one compiled loop over a growing number of steps."""

    def step(i, carry):
        return rule(carry[0], Turn(jnp.int32(i), jax.random.key(0), None))

    @jax.jit
    def run(world, count):
        logs = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(partial(step, 0), (world, None))[1])
        return jax.lax.fori_loop(0, count, step, (world, logs))

    worlds, logs = zip(*(run(world, count) for count in range(steps + 1)), strict=True)
    return worlds, logs[1:]


def levels_of(worlds):
    return [int(world.hard.level[0]) for world in worlds]


def same_bits(a, b):
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in leaves)


def form(tree):
    return jax.tree.structure(tree), [(x.shape, x.dtype) for x in jax.tree.leaves(tree)]


JUDGE = by_accuracy(0.75, 0.5, top=15)


def test_at_first_nothing_was_seen_and_no_level_passed():
    hard = newborn([2, 0]).hard
    assert hard.level.tolist() == [2, 0]
    assert hard.passed.tolist() == [-1, -1]
    assert (hard.place, hard.seen.total, hard.seen.weight, hard.safe) == (0, 0.0, 0.0, None)
    world = newborn([2, 0], back=True)
    assert same_bits(world.hard.safe, {"reader": world.reader})
    assert world.hard.safe["reader"].net is not world.reader.net  # worlds are donated: one buffer must not be there twice


def test_the_level_changes_only_after_every_few_steps_by_what_was_seen_since():
    # steps 0-2: mean 0.8, up; 3-5: 0.6, nothing, though its last is 1; 6-8: 0.4, down
    rule = harden(scripted([0.8, 0.7, 0.9, 0.3, 0.5, 1.0, 0.0, 0.2, 1.0]), "hard", "accuracy", JUDGE, every=3)
    start = newborn([4, 2])
    worlds, logs = played(rule, start, 9)
    assert levels_of(worlds) == [4, 4, 4, 5, 5, 5, 5, 5, 5, 4]
    assert worlds[3].hard.level.tolist() == [5, 3]
    assert [float(log["level"]) for log in logs] == [3.0] * 3 + [4.0] * 6  # at which the step was played
    assert [float(world.hard.seen.weight) for world in worlds] == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert float(worlds[5].hard.seen.total) == pytest.approx(0.8)
    assert [world.hard.passed.tolist() for world in worlds] == [[-1, -1]] * 3 + [[4, 2]] * 7
    assert all(world.hard.safe is None for world in worlds)
    assert all(form(world) == form(start) for world in worlds)
    assert logs[0].keys() == {"accuracy", "loss", "level"}
    assert worlds[9].reader.age == 9  # the rule itself has its way


def test_what_is_seen_is_weighted():
    # means by weight (6 * 1 + 0.25 * 2) / 8 = 0.8125, plain 0.625; then (0 * 9 + 1 * 1) / 10 = 0.1, plain 0.5; then nothing to judge
    rule = harden(scripted([1.0, 0.25, 0.0, 1.0, 1.0, 1.0], [6, 2, 9, 1, 0, 0]), "hard", "accuracy", JUDGE, every=2)
    worlds, logs = played(rule, newborn([4]), 6)
    assert levels_of(worlds) == [4, 4, 5, 5, 4, 4, 4]
    assert (worlds[3].hard.seen.total, worlds[3].hard.seen.weight) == (0.0, 9.0)
    assert (worlds[6].hard.seen.total, worlds[6].hard.seen.weight) == (0.0, 0.0)
    assert isinstance(logs[0]["accuracy"], Mean)


def test_whose_turn_it_is_goes_with_the_level():
    rule = harden(scripted([UP, UP, UP, DOWN, UP]), "hard", "accuracy", one_by_one(0.75, 0.5, top=15), every=1)
    worlds, logs = played(rule, newborn([0, 0]), 5)
    assert [world.hard.level.tolist() for world in worlds] == [[0, 0], [1, 0], [1, 1], [2, 1], [1, 1], [2, 1]]
    assert [int(world.hard.place) for world in worlds] == [0, 1, 0, 1, 0, 1]
    assert [float(log["level"]) for log in logs] == [0.0, 0.5, 1.0, 1.5, 1.0]


def test_who_collapses_is_called_back_bit_for_bit_to_the_level_that_was_passed():
    # by twos: 4 up to 5, 5 up to 6, hesitation, collapse, low but no collapse
    accuracy = [0.8, 0.9, 1.0, 0.8, 0.6, 0.6, 0.2, 0.1, 0.4, 0.4]
    rule = harden(scripted(accuracy), "hard", "accuracy", JUDGE, every=2, collapse=0.25)
    start = newborn([4], back=True)
    worlds, logs = played(rule, start, 10)
    assert levels_of(worlds) == [4, 4, 5, 5, 6, 6, 6, 6, 5, 5, 4]  # passed: 5, with which they are called back; then one down as ever
    assert [int(world.hard.passed[0]) for world in worlds] == [-1, -1, 4, 4] + [5] * 7
    for step, safe in enumerate([0, 0, 2, 2, 4, 4, 4, 4, 4, 4, 4]):
        assert same_bits(worlds[step].hard.safe, {"reader": worlds[safe].reader})
    assert same_bits(worlds[8].reader, worlds[4].reader)  # net, optimiser, age
    assert worlds[7].reader.age == 7
    assert worlds[10].reader.age == 6
    assert not same_bits(worlds[10].reader, worlds[4].reader)
    assert all(form(world) == form(start) for world in worlds)
    assert [float(log["level"]) for log in logs] == levels_of(worlds)[:-1]


def test_nobody_is_called_back_before_a_level_was_passed():
    rule = harden(scripted([0.1, 0.1, 0.9, 0.1]), "hard", "accuracy", JUDGE, every=1, collapse=0.25)
    worlds, _ = played(rule, newborn([2], back=True), 4)
    assert levels_of(worlds) == [2, 1, 0, 1, 0]
    assert [int(world.reader.age) for world in worlds] == [0, 1, 2, 3, 3]  # back to what it was when it passed level 0
    assert same_bits(worlds[4].reader, worlds[3].reader)


def test_whoever_passes_is_not_called_back_at_once():
    """Also where the accuracy of a collapse is above the one that passes a level: they are not safe and fallen in one."""
    rule = harden(scripted([0.8, 0.8]), "hard", "accuracy", JUDGE, every=1, collapse=0.9)
    worlds, _ = played(rule, newborn([2], back=True), 2)
    assert levels_of(worlds) == [2, 3, 4]
    assert worlds[2].hard.passed.tolist() == [3]
    assert same_bits(worlds[2].hard.safe, {"reader": worlds[2].reader})


def test_seeds_side_by_side_harden_each_on_its_own():
    table = jnp.array([[0.8, 0.9, 0.1], [0.6, 0.1, 0.8]], jnp.float32)

    def alone(accuracy, world):
        rule = harden(lambda world, turn: (world, {"accuracy": accuracy[turn.step]}), "hard", "accuracy", JUDGE, every=1, collapse=0.25)
        for step in range(3):
            world, _ = rule(world, Turn(jnp.int32(step), jax.random.key(0), None))
        return world.hard.level, world.hard.passed

    level, passed = jax.jit(jax.vmap(alone, in_axes=(0, None)))(table, newborn([1], back=True))
    assert level.tolist() == [[2], [1]]  # up, up, called back; nothing, down, up
    assert passed.tolist() == [[2], [0]]
