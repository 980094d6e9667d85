"""Crowds: who meets whom, who imitates whom, who is born anew. A crowd is an Agent whose arrays have a leading axis a."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PRNGKeyArray

from semiosis.errors import UsageError
from semiosis.rules import weighed
from semiosis.types import Agent, Logs, Mean, Rule, Turn, World

Pairs = Mapping[str, Int[Array, " p"]]  # role -> who meets, position by position
Draw = Callable[[PRNGKeyArray], Pairs]
Crowd = TypeVar("Crowd")  # an Agent, or what else a game keeps of its agents: arrays with a leading axis a


def crowd(birth: Callable[[PRNGKeyArray], Agent], size: int, *, key: PRNGKeyArray) -> Agent:
    """`size` agents, each born with a key of its own, stacked on a leading axis."""
    return jax.jit(lambda key: jax.vmap(birth)(jax.random.split(key, size)))(key)


def size(agents: Any) -> int:
    """How many agents a crowd holds."""
    return jax.tree.leaves(agents)[0].shape[0]


def pick(agents: Crowd, who: Int[Array, "..."] | int) -> Crowd:
    """The agent (or the crowd) at these places of a crowd."""
    return jax.tree.map(lambda x: x[who], agents)


def put(agents: Crowd, who: Int[Array, "..."] | int, new: Crowd) -> Crowd:
    """The crowd with the agents at these places replaced; the others stay bit for bit."""
    if jnp.ndim(who) == 0:  # a slice is written in place, where a scatter would copy the crowd
        return jax.tree.map(lambda x, y: jax.lax.dynamic_update_index_in_dim(x, y, who, 0), agents, new)
    return jax.tree.map(lambda x, y: x.at[who].set(y), agents, new)


def with_replacement(sizes: Mapping[str, int], pairs: int) -> Draw:
    """Each role drawn uniformly and independently, with replacement, as published: an agent may meet twice in a step, or not at all."""

    def draw(key: PRNGKeyArray) -> Pairs:
        keys = jax.random.split(key, len(sizes))
        return {role: jax.random.randint(k, (pairs,), 0, n) for (role, n), k in zip(sizes.items(), keys, strict=True)}

    return draw


def disjoint(sizes: Mapping[str, int], pairs: int) -> Draw:
    """Each role drawn uniformly without replacement: no agent meets twice in a step; pairs = size is a permutation of all."""

    def draw(key: PRNGKeyArray) -> Pairs:
        keys = jax.random.split(key, len(sizes))
        return {role: jax.random.permutation(k, n)[:pairs] for (role, n), k in zip(sizes.items(), keys, strict=True)}

    return draw


def appointed(pairs: Pairs) -> Draw:
    """The same meetings at every step."""
    return lambda key: {role: jnp.asarray(who) for role, who in pairs.items()}


def meetings(rule: Rule, draw: Draw, *, together: bool) -> Rule:
    """A rule over a population from a rule over a pair: the pairs drawn meet over the same scene.

    In turn, a later meeting starts from what an earlier one left. Together, all start from the same population: right only where
    no learning agent meets twice. Logs are means over the meetings.
    """

    def meet(pair: World, turn: Turn, place: Int[Array, ""]) -> tuple[World, dict[str, Mean]]:
        pair, logs = rule(pair, turn._replace(key=jax.random.fold_in(turn.key, place)))
        return pair, weighed(logs)

    def back(world: World, pair: World, who: Mapping[str, Int[Array, "..."]]) -> World:
        return world._replace(**{role: put(getattr(world, role), i, getattr(pair, role)) for role, i in who.items()})

    def population_rule(world: World, turn: Turn) -> tuple[World, Logs]:
        key_draw, key_meet = jax.random.split(turn.key)
        who, turn = draw(key_draw), turn._replace(key=key_meet)
        places = jnp.arange(next(iter(who.values())).shape[0])
        if together:
            pairs = world._replace(**{role: pick(getattr(world, role), i) for role, i in who.items()})
            axes = type(world)(*(0 if role in who else None for role in world._fields))
            pairs, logs = jax.vmap(meet, in_axes=(axes, None, 0), out_axes=(axes, 0))(pairs, turn, places)
            world = back(world, pairs, who)
        else:

            def one(world: World, meeting: tuple) -> tuple[World, dict[str, Mean]]:
                who, place = meeting
                pair = world._replace(**{role: pick(getattr(world, role), i) for role, i in who.items()})
                logs = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(meet, pair, turn, place)[1])
                # A loop of one round that the compiler cannot see to be one: else it fuses the reading of one agent with the writing of
                # another part of it, and then must copy the whole crowd at each meeting (measured: half as much again for ten small pairs).
                rounds = jnp.where(turn.step < 0, 0, 1)
                pair, logs = jax.lax.fori_loop(0, rounds, lambda _, pair_logs: meet(pair_logs[0], turn, place), (pair, logs))
                return back(world, pair, who), logs

            world, logs = jax.lax.scan(one, world, (who, places))
        return world, {name: Mean(log.total.sum(), log.weight.sum()) for name, log in logs.items()}

    return population_rule


Partners = Literal["replacement", "disjoint", "appointed"]
Together = Literal["auto", "yes", "no"]


def society(
    rule: Rule, sizes: Mapping[str, int], *, partners: Partners, pairs: int = 0, together: Together = "auto", frozen: str = "none"
) -> Rule:
    """The rule of a population of two roles, `sizes`, the one that speaks first, from the rule of a pair.

    `replacement`: `pairs` are drawn with replacement and meet in turn (0: as many as the larger crowd). `disjoint`: no agent meets twice
    in a step (0: as many as the smaller crowd). `appointed`: the same meetings at each step, those who listen dealt out to those who speak.
    `together` says whether pairs of whom no learner meets twice are updated side by side: `auto` on an accelerator alone.
    """
    beside = {"auto": jax.default_backend() != "cpu", "yes": True, "no": False}[together]
    (speaking, speakers), (listening, listeners) = sizes.items()
    if partners == "replacement":
        return meetings(rule, with_replacement(sizes, pairs or max(sizes.values())), together=False)
    if partners == "disjoint":
        return meetings(rule, disjoint(sizes, pairs or min(sizes.values())), together=beside)
    beside = beside and (speakers == listeners or frozen == speaking)
    places = jnp.arange(listeners)
    return meetings(rule, appointed({speaking: places * speakers // listeners, listening: places}), together=beside)


def check_society(sizes: Mapping[str, int], partners: Partners, pairs: int) -> None:
    """One sentence where such pairs cannot meet."""
    (speaking, speakers), (listening, listeners) = sizes.items()
    if partners == "disjoint" and pairs > min(sizes.values()):
        least = min(sizes.values())
        raise UsageError(f"{pairs} disjoint pairs do not fit a population of {least} in one role: choose at most {least}")
    if partners == "appointed" and pairs:
        raise UsageError(f"appointed partners meet all at each step, so {pairs} pairs cannot be asked for: set --pairs 0")
    if partners == "appointed" and listeners % speakers:
        raise UsageError(f"appointed partners need {listening}s in a multiple of {speakers} {speaking}s, not {listeners}")


def imitate(
    lesson: Callable[[Agent, Turn], Any],
    loss: Callable[[Any, Any, Turn], Array],
    optimiser: optax.GradientTransformation,
    *,
    role: str,
    students: int,
    teacher: str,
) -> Rule:
    """Students learn from a teacher of their own role: `loss(student net, lesson(teacher agent, turn), turn)`, one gradient step each.

    students + 1 agents are drawn without replacement; the teacher is the one of the `best` or `worst` score, or a `random` one.
    In a crowd of one the agent imitates itself. Only the students' nets and optimisers change; their scores, ages and slow copies stay.
    """

    def rule(world: World, turn: Turn) -> tuple[World, Logs]:
        agents: Agent = getattr(world, role)
        key_draw, key_lesson, key_study = jax.random.split(turn.key, 3)
        drawn = jax.random.permutation(key_draw, size(agents))[: students + 1] if size(agents) > 1 else jnp.zeros(2, jnp.int32)
        scores = agents.score[drawn]
        first = {"best": jnp.argmax(scores), "worst": jnp.argmin(scores), "random": jnp.zeros((), jnp.int32)}[teacher]
        drawn = jnp.roll(drawn, -first)  # the teacher first, the students behind
        taught = lesson(pick(agents, drawn[0]), turn._replace(key=key_lesson))

        def study(agents: Agent, item: tuple[Array, Array]) -> tuple[Agent, Array]:
            who, place = item
            student = pick(agents, who)
            turn_here = turn._replace(key=jax.random.fold_in(key_study, place))
            value, grads = jax.value_and_grad(loss)(student.net, taught, turn_here)
            updates, opt = optimiser.update(grads, student.opt, student.net)
            student = Agent(optax.apply_updates(student.net, updates), opt, student.slow, student.score, student.age)
            return put(agents, who, student), value

        agents, losses = jax.lax.scan(study, agents, (drawn[1:], jnp.arange(drawn.shape[0] - 1)))
        return world._replace(**{role: agents}), {"imitation_loss": losses.mean()}

    return rule


def reset(births: Mapping[str, Callable[[PRNGKeyArray], Agent]]) -> Rule:
    """One agent of each named role, drawn uniformly, dies and is born anew: net, slow copy, optimiser, score and age."""

    def rule(world: World, turn: Turn) -> tuple[World, Logs]:
        for i, (role, birth) in enumerate(births.items()):
            key_who, key_birth = jax.random.split(jax.random.fold_in(turn.key, i))
            agents: Agent = getattr(world, role)
            who = jax.random.randint(key_who, (), 0, size(agents))
            world = world._replace(**{role: put(agents, who, birth(key_birth))})
        return world, {}

    return rule
