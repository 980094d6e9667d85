"""Crowds: who meets whom, who imitates whom, who is born anew (acceptance checks G, H and I of the Lewis game, on small nets).

Uniform draws are judged by chi-square, margin as in test_choices: a right program exceeds it with probability 1e-6, keys are fixed.
"""

from functools import partial
from itertools import permutations
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

from semiosis import populations
from semiosis.errors import UsageError
from semiosis.populations import appointed, check_society, crowd, disjoint, imitate, meetings, pick, put, reset, with_replacement
from semiosis.rules import born, descend, every, follow, mean
from semiosis.types import Mean, Turn

ADAM = optax.adam(0.05)
SCENE = jax.random.normal(jax.random.key(100), (6, 4))


class Society(NamedTuple):
    speaker: Any
    listener: Any


def birth(key, slow=False):
    return born({"w": jax.random.normal(key, (4, 3))}, ADAM, slow=slow)


def society(speakers=4, listeners=3, key=0):
    keys = jax.random.split(jax.random.key(key))
    return Society(crowd(partial(birth, slow=True), speakers, key=keys[0]), crowd(birth, listeners, key=keys[1]))


def loss(nets, world, turn):
    """How far the listener's picture of the scene is from the speaker's, seen through noise: the turn's key matters."""
    said = jnp.tanh(turn.scene @ nets["speaker"]["w"]) + 0.1 * jax.random.normal(turn.key, (6, 3))
    value = jnp.mean(jnp.square(said - turn.scene @ nets["listener"]["w"]))
    return value, {"loss": value, "reward": jnp.exp(-value)}


def pair_rule(world, turn):
    world, logs = descend(loss, {"speaker": ADAM, "listener": ADAM}, score="reward")(world, turn)
    return follow("speaker", 0.9)(world, turn)[0], logs


def turn(key=0, step=1):
    return Turn(jnp.int32(step), jax.random.key(key), SCENE)


def same_bits(a, b):
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in leaves)


def assert_close(a, b, atol):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(np.asarray(x, float), np.asarray(y, float), atol=atol, rtol=atol)


def assert_uniform(cells, m):
    counts = np.bincount(np.asarray(cells).ravel(), minlength=m)
    assert counts.size == m
    assert counts.sum() / m >= 100
    assert stats.chisquare(counts).statistic < stats.chi2.isf(1e-6, m - 1)


def changed(before, after):
    """Which members of a crowd are no longer bit for bit what they were."""
    return [i for i in range(populations.size(before)) if not same_bits(pick(before, i), pick(after, i))]


# ---------------------------------------------------------------------------------------------------------------- crowds


def test_each_of_a_crowd_is_born_with_a_key_of_its_own():
    key = jax.random.key(3)
    agents = crowd(birth, 5, key=key)
    assert populations.size(agents) == 5
    for i, k in enumerate(jax.random.split(key, 5)):
        assert_close(pick(agents, i).net, birth(k).net, 1e-6)
    assert len(np.unique(np.asarray(agents.net["w"]))) == 5 * 12


def test_put_replaces_some_and_leaves_the_others_bit_for_bit():
    agents, new = society(5).speaker, society(5, key=9).speaker
    where = jnp.array([3, 1])
    after = put(agents, where, pick(new, jnp.array([0, 4])))
    assert changed(agents, after) == [1, 3]
    assert same_bits(pick(after, 3), pick(new, 0))
    assert same_bits(pick(after, 1), pick(new, 4))
    assert same_bits(pick(put(agents, jnp.int32(2), pick(new, jnp.int32(2))), 2), pick(new, 2))


SIZES = {"speaker": 4, "listener": 3}


def test_draws_with_replacement_are_uniform_and_independent():
    who = jax.vmap(with_replacement(SIZES, 3))(jax.random.split(jax.random.key(1), 4000))
    assert who["speaker"].shape == who["listener"].shape == (4000, 3)
    speaker, listener = np.asarray(who["speaker"]), np.asarray(who["listener"])
    for place in range(3):
        assert_uniform(speaker[:, place] * 3 + listener[:, place], 12)  # who meets whom
    assert_uniform(speaker[:, 0] * 4 + speaker[:, 1], 16)  # repeats included
    assert_uniform(listener[:, 1] * 3 + listener[:, 2], 9)


def test_disjoint_draws_are_uniform_and_no_agent_meets_twice():
    who = jax.vmap(disjoint(SIZES, 3))(jax.random.split(jax.random.key(2), 4000))
    for role, n in SIZES.items():
        drawn = np.asarray(who[role])
        assert all(len(set(row)) == 3 for row in drawn)
        orders = list(permutations(range(n), 3))
        assert_uniform([orders.index(tuple(row)) for row in drawn], len(orders))
    first = np.asarray(who["speaker"])[:, 0] * 3 + np.asarray(who["listener"])[:, 0]
    assert_uniform(first, 12)


def test_appointed_partners_are_always_the_same():
    pairs = {"speaker": jnp.array([0, 0, 1]), "listener": jnp.array([0, 1, 2])}
    draw = appointed(pairs)
    for key in (1, 2):
        assert all(np.array_equal(draw(jax.random.key(key))[role], pairs[role]) for role in pairs)


# -------------------------------------------------------------------------------------------------------------- meetings


def by_hand(world, turn, draw):
    """Meetings in turn as a plain Python loop over compiled pair updates."""
    key_draw, key_meet = jax.random.split(turn.key)
    who, logs = draw(key_draw), []
    meet = jax.jit(lambda pair, place: pair_rule(pair, turn._replace(key=jax.random.fold_in(key_meet, place))))
    for place in range(len(who["speaker"])):
        at = {role: int(who[role][place]) for role in who}
        pair, log = meet(Society(**{role: pick(getattr(world, role), i) for role, i in at.items()}), place)
        world = Society(**{role: put(getattr(world, role), i, getattr(pair, role)) for role, i in at.items()})
        logs.append(log)
    return world, {name: np.mean([log[name] for log in logs]) for name in logs[0]}, who


@pytest.fixture(scope="module")
def in_turn():
    """A population step as published, compiled, and what it was given: 8 pairs of 4 speakers and 3 listeners."""
    draw = with_replacement(SIZES, 8)
    return jax.jit(meetings(pair_rule, draw, together=False)), draw, society()


def test_meetings_in_turn_are_a_plain_loop(in_turn):
    """To 1e-6, not bit for bit: XLA fuses the body of the scan and a program of its own differently."""
    rule, draw, world = in_turn
    after, logs = rule(world, turn(5))
    plain, means, who = by_hand(world, turn(5), draw)
    assert_close(after, plain, 1e-6)
    for name, value in means.items():
        assert mean(logs[name]) == pytest.approx(value, abs=1e-6)
        assert logs[name].weight == 8
    for role in SIZES:  # an agent drawn twice learns twice, the second time from where the first left it
        assert np.asarray(getattr(after, role).age).tolist() == np.bincount(who[role], minlength=SIZES[role]).tolist()


def test_agents_that_were_not_drawn_stay_bit_for_bit():
    draw = with_replacement(SIZES, 1)
    rule, world = jax.jit(meetings(pair_rule, draw, together=False)), society()
    seen = set()
    for key in range(6):
        after, _ = rule(world, turn(key))
        who = draw(jax.random.split(turn(key).key)[0])
        for role in SIZES:
            assert changed(getattr(world, role), getattr(after, role)) == [int(who[role][0])]
        seen.add((int(who["speaker"][0]), int(who["listener"][0])))
    assert len(seen) > 2


def test_disjoint_meetings_update_every_agent_exactly_once_together_as_in_turn():
    draw, world = disjoint({"speaker": 4, "listener": 4}, 4), society(4, 4)
    one, one_logs = jax.jit(meetings(pair_rule, draw, together=False))(world, turn(1))
    all_, all_logs = jax.jit(meetings(pair_rule, draw, together=True))(world, turn(1))
    assert np.asarray(one.speaker.age).tolist() == np.asarray(one.listener.age).tolist() == [1, 1, 1, 1]
    assert changed(world.speaker, one.speaker) == changed(world.listener, one.listener) == [0, 1, 2, 3]
    assert_close(one, all_, 1e-5)
    assert_close(one_logs, all_logs, 1e-5)
    assert all_logs["loss"].weight == 4
    some, _ = jax.jit(meetings(pair_rule, disjoint({"speaker": 4, "listener": 4}, 2), together=True))(world, turn(1))
    assert sorted(np.asarray(some.speaker.age).tolist()) == [0, 0, 1, 1]


def test_each_meeting_has_a_key_of_its_own():
    rule = lambda world, turn: (world, {"bits": Mean(jax.random.uniform(turn.key), jax.random.uniform(turn.key) ** 2)})  # noqa: E731
    for together in (True, False):
        _, logs = meetings(rule, appointed({"speaker": jnp.arange(3), "listener": jnp.arange(3)}), together=together)(society(), turn())
        # equal keys would give (sum u)^2 = 3 sum u^2
        assert abs(logs["bits"].total ** 2 - 3 * logs["bits"].weight) > 1e-2


def test_logs_of_meetings_keep_their_weights():
    rule = every(2, lambda world, turn: (world, {"place": world.listener.net["w"][0, 0]}))
    world = society()
    both = meetings(rule, appointed({"speaker": jnp.array([0, 1]), "listener": jnp.array([2, 0])}), together=False)
    _, logs = both(world, turn(step=2))
    w = np.asarray(world.listener.net["w"])[:, 0, 0]
    assert mean(logs["place"]) == pytest.approx((w[2] + w[0]) / 2, abs=1e-6)
    _, logs = both(world, turn(step=3))
    assert logs["place"].weight == 0


# --------------------------------------------------------------------------------------------------------------- society


@pytest.fixture
def planned(monkeypatch):
    """What a society is made of: who meets at a step, by role, and whether side by side."""
    monkeypatch.setattr(populations, "meetings", lambda rule, draw, *, together: (draw, together))

    def plan(speakers, listeners, key=0, **options):
        draw, together = populations.society(pair_rule, {"speaker": speakers, "listener": listeners}, **options)
        return {role: np.asarray(who).tolist() for role, who in draw(jax.random.key(key)).items()}, together

    return plan


def lengths(who):
    return [len(who["speaker"]), len(who["listener"])]


def test_as_many_pairs_meet_as_asked_for_or_as_the_kind_says(planned):
    for speakers, listeners in ((5, 3), (3, 5)):
        some = partial(planned, speakers, listeners)
        assert lengths(some(partners="replacement")[0]) == [5, 5]  # the larger crowd
        assert lengths(some(partners="replacement", pairs=9)[0]) == [9, 9]
        assert lengths(some(partners="disjoint")[0]) == [3, 3]  # the smaller
        assert lengths(some(partners="disjoint", pairs=2)[0]) == [2, 2]
    for key in range(5):
        who, _ = planned(5, 3, key, partners="disjoint")
        assert sorted(who["listener"]) == [0, 1, 2]
        assert len(set(who["speaker"])) == 3


@pytest.mark.parametrize(("speakers", "listeners", "speaking"), [(1, 3, [0, 0, 0]), (3, 3, [0, 1, 2]), (2, 6, [0, 0, 0, 1, 1, 1])])
def test_the_appointed_are_dealt_out(planned, speakers, listeners, speaking):
    who, _ = planned(speakers, listeners, partners="appointed")
    assert who == {"speaker": speaking, "listener": list(range(listeners))}


def test_who_is_updated_side_by_side(planned):
    """Only pairs of whom no learner meets twice; `auto` is in turn on a CPU, where tests run."""
    assert not planned(3, 3, partners="replacement", together="yes")[1]
    assert [planned(3, 3, partners="disjoint", together=how)[1] for how in ("yes", "no")] == [True, False]
    assert planned(3, 3, partners="disjoint")[1] == (jax.default_backend() != "cpu")
    assert planned(3, 3, partners="appointed", together="yes")[1]
    assert not planned(1, 3, partners="appointed", together="yes")[1]
    assert planned(1, 3, partners="appointed", together="yes", frozen="speaker")[1]
    assert not planned(1, 3, partners="appointed", together="yes", frozen="listener")[1]
    assert not planned(3, 3, partners="appointed", together="no", frozen="speaker")[1]


def test_everyone_who_is_appointed_meets_once():
    world = society(2, 4)
    rule = populations.society(pair_rule, {"speaker": 2, "listener": 4}, partners="appointed")
    after, logs = jax.jit(rule)(world, turn(1))
    assert np.asarray(after.speaker.age).tolist() == [2, 2]
    assert np.asarray(after.listener.age).tolist() == [1, 1, 1, 1]
    assert logs["loss"].weight == 4


@pytest.mark.parametrize(
    ("sizes", "partners", "pairs", "sentence"),
    [
        ((5, 3), "disjoint", 4, "4 disjoint pairs do not fit a population of 3 in one role: choose at most 3"),
        ((2, 4), "appointed", 4, "appointed partners meet all at each step, so 4 pairs cannot be asked for: set --pairs 0"),
        ((2, 3), "appointed", 0, "appointed partners need listeners in a multiple of 2 speakers, not 3"),
        ((4, 2), "appointed", 0, "appointed partners need listeners in a multiple of 4 speakers, not 2"),
    ],
)
def test_pairs_that_cannot_meet(sizes, partners, pairs, sentence):
    with pytest.raises(UsageError) as caught:
        check_society(dict(zip(("speaker", "listener"), sizes, strict=True)), partners, pairs)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("sizes", "partners", "pairs"),
    [((2, 3), "replacement", 0), ((2, 3), "replacement", 50), ((5, 3), "disjoint", 0), ((5, 3), "disjoint", 3), ((2, 4), "appointed", 0)],
)
def test_pairs_that_can(sizes, partners, pairs):
    check_society(dict(zip(("speaker", "listener"), sizes, strict=True)), partners, pairs)


# ------------------------------------------------------------------------------------------------------------- imitation

SGD = optax.sgd(0.25)


def parrots(n, scores=None):
    agents = jax.vmap(lambda key: born(jax.random.normal(key, (3,)), SGD, slow=True))(jax.random.split(jax.random.key(1), n))
    scores = jnp.zeros(n) if scores is None else jnp.asarray(scores, jnp.float32)
    return Society(type(agents)(agents.net, agents.opt, agents.slow, scores, agents.age + 7), jnp.arange(2.0))


def copying(students, teacher):
    """The lesson is the teacher's vector: one step of sgd at 0.25 on |w - taught|^2 brings a student half way."""
    distance = lambda net, taught, turn: jnp.sum(jnp.square(net - taught))  # noqa: E731
    return jax.jit(imitate(lambda agent, turn: agent.net, distance, SGD, role="speaker", students=students, teacher=teacher))


@pytest.mark.parametrize(("teacher", "expected"), [("best", 2), ("worst", 0)])
def test_students_go_half_way_to_the_teacher_of_that_score(teacher, expected):
    world = parrots(5, [-0.5, 0.1, 0.9, 0.3, 0.2])
    after, logs = copying(4, teacher)(world, turn())
    old, new = np.asarray(world.speaker.net, float), np.asarray(after.speaker.net, float)
    assert changed(world.speaker, after.speaker) == [i for i in range(5) if i != expected]
    others = np.arange(5) != expected
    np.testing.assert_allclose(new[others], (old[others] + old[expected]) / 2, atol=1e-6)
    distances = ((old[others] - old[expected]) ** 2).sum(1)
    assert logs["imitation_loss"] == pytest.approx(distances.mean(), rel=1e-5)


def test_imitation_changes_only_the_net_and_optimiser_of_students():
    agents = crowd(partial(birth, slow=True), 4, key=jax.random.key(5))
    world = Society(agents, jnp.arange(3.0))
    rule = imitate(
        lambda agent, turn: agent.net["w"],
        lambda net, taught, turn: jnp.sum(jnp.square(net["w"] - taught)),
        ADAM,
        role="speaker",
        students=2,
        teacher="random",
    )
    after, _ = rule(world, turn())
    new = after.speaker
    assert len(changed(agents, new)) == 2
    assert same_bits((new.slow, new.score, new.age, after.listener), (agents.slow, agents.score, agents.age, world.listener))
    for i in changed(agents, new):
        assert not same_bits(pick(new, i).net, pick(agents, i).net)
        assert pick(new, i).opt[0].count == 1


@pytest.mark.parametrize("teacher", ["best", "worst", "random"])
def test_teacher_and_student_are_drawn_uniformly(teacher):
    world, n = parrots(4, [0.4, 0.1, 0.3, 0.2]), 3000
    rule = copying(1, teacher)
    old = np.asarray(world.speaker.net)
    after = jax.vmap(lambda key: rule(world, turn()._replace(key=key))[0])(jax.random.split(jax.random.key(2), n))
    new = np.asarray(after.speaker.net)
    student = np.argmax(np.abs(new - old).sum(-1), axis=1)
    taught = 2 * new[np.arange(n), student] - old[student]  # undo the half way
    teachers = np.argmin(((taught[:, None] - old) ** 2).sum(-1), axis=1)
    cells = list(permutations(range(4), 2))
    if teacher != "random":
        scores = np.asarray(world.speaker.score)
        better = scores[teachers] > scores[student]
        assert better.all() if teacher == "best" else not better.any()
        cells = [(i, j) for i, j in cells if (scores[i] > scores[j]) == (teacher == "best")]
    assert_uniform([cells.index(pair) for pair in zip(teachers.tolist(), student.tolist(), strict=True)], len(cells))


def test_a_lone_agent_imitates_itself():
    world = parrots(1)
    shifted = lambda net, taught, turn: jnp.sum(jnp.square(net - taught - 1.0))  # noqa: E731
    after, _ = imitate(lambda agent, turn: agent.net, shifted, SGD, role="speaker", students=1, teacher="best")(world, turn())
    np.testing.assert_allclose(after.speaker.net, world.speaker.net + 0.5, atol=1e-6)


def test_lesson_and_students_have_keys_of_their_own():
    rule = imitate(
        lambda agent, turn: jax.random.normal(turn.key, (3,)),
        lambda net, taught, turn: jnp.sum(net * (taught + 10.0 * jax.random.normal(turn.key, (3,)))),
        SGD,
        role="speaker",
        students=2,
        teacher="best",
    )
    world = parrots(3)
    after, _ = rule(world, turn())
    gradients = (np.asarray(world.speaker.net) - np.asarray(after.speaker.net))[changed(world.speaker, after.speaker)] / 0.25
    taught_twice = gradients[0] - gradients[1]  # with one key for all it would vanish
    assert np.abs(taught_twice).max() > 0.1


# ---------------------------------------------------------------------------------------------------------------- resets


@pytest.fixture(scope="module")
def grown():
    """A society that has learned for three steps: every optimiser, slow copy, score and age has moved."""
    rule = jax.jit(meetings(pair_rule, disjoint({"speaker": 3, "listener": 3}, 3), together=False))
    world = society(3, 3)
    for step in range(3):
        world, _ = rule(world, turn(step))
    return world


def newborn(agent):
    zero = not any(np.asarray(leaf).any() for leaf in jax.tree.leaves((agent.opt, agent.score, agent.age)))
    return zero and (agent.slow is None or same_bits(agent.slow, agent.net))


@pytest.mark.parametrize("who", [("speaker",), ("listener",), ("speaker", "listener")])
def test_a_reset_touches_exactly_one_agent_of_each_role(grown, who):
    births = {"speaker": partial(birth, slow=True), "listener": birth}
    rule = jax.jit(reset({role: births[role] for role in who}))
    fates, nets = [], []
    for key in range(12):
        after, logs = rule(grown, turn(key))
        assert logs == {}
        fate = {role: changed(getattr(grown, role), getattr(after, role)) for role in Society._fields}
        assert {role: len(gone) for role, gone in fate.items()} == {role: int(role in who) for role in fate}
        for role in who:
            reborn = pick(getattr(after, role), fate[role][0])
            assert newborn(reborn)
            assert not newborn(pick(getattr(grown, role), fate[role][0]))
            nets.append(np.asarray(reborn.net["w"]).tobytes())
        fates.append(tuple(gone[0] for gone in fate.values() if gone))
    assert len(set(nets)) == len(nets)  # no two are born alike
    assert len(set(fates)) > 1
    if len(who) == 2:
        assert any(a != b for a, b in fates)  # the two roles are drawn apart
    assert rule._cache_size() == 1  # a reset compiles nothing


def test_who_is_reset_is_uniform(grown):
    rule = reset({"listener": lambda key: jax.tree.map(jnp.zeros_like, pick(grown.listener, 0))})
    after = jax.vmap(lambda key: rule(grown, turn()._replace(key=key))[0].listener.age)(jax.random.split(jax.random.key(8), 1500))
    assert_uniform(np.argmin(np.asarray(after), axis=1), 3)
