"""Rules, and rules made of rules: everything that changes agents has the shape (world, turn) -> (world, logs).

Agents are found in the world by the name of its field, their role: a world is a NamedTuple with one field a role.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int

from semiosis.types import Agent, Logs, Mean, Rule, Turn, World

Loss = Callable[[dict[str, Any], World, Turn], tuple[Array, dict[str, Array]]]  # (nets of the learning roles, world, turn) -> loss, logs


def born(net: Any, optimiser: optax.GradientTransformation, *, slow: bool = False) -> Agent:
    """An agent at birth: fresh optimiser state, a slow copy equal to the net where asked, no score, age 0."""
    copy = jax.tree.map(jnp.copy, net) if slow else None
    return Agent(net, optimiser.init(net), copy, jnp.zeros(()), jnp.zeros((), jnp.int32))


def descend(loss: Loss, optimisers: Mapping[str, optax.GradientTransformation], *, score: str | None = None, memory: float = 0.99) -> Rule:
    """One gradient step, on one loss, of the agents named by `optimisers`, each with its own optimiser.

    `score` names the log that each of them remembers as its score: an exponential mean of factor `memory`, and the mean of its lifetime
    while that is the shorter of the two, so that a newborn is not held low by the zero it starts from; 1 is always the lifetime.
    """

    def rule(world: World, turn: Turn) -> tuple[World, Logs]:
        nets = {role: getattr(world, role).net for role in optimisers}
        grads, logs = jax.grad(loss, has_aux=True)(nets, world, turn)
        learned = {}
        for role, optimiser in optimisers.items():
            agent: Agent = getattr(world, role)
            updates, opt = optimiser.update(grads[role], agent.opt, agent.net)
            reward = jnp.zeros(()) if score is None else logs[score]
            keep = jnp.minimum(memory, agent.age / (agent.age + 1.0))
            remembered = keep * agent.score + (1.0 - keep) * reward
            learned[role] = Agent(optax.apply_updates(agent.net, updates), opt, agent.slow, remembered, agent.age + 1)
        return world._replace(**learned), dict(logs)

    return rule


def follow(role: str, rate: float) -> Rule:
    """The slow copy moves toward the agent: slow <- rate slow + (1 - rate) net."""

    def rule(world: World, turn: Turn) -> tuple[World, Logs]:
        agent: Agent = getattr(world, role)
        slow = optax.incremental_update(agent.net, agent.slow, 1.0 - rate)
        return world._replace(**{role: Agent(agent.net, agent.opt, slow, agent.score, agent.age)}), {}

    return rule


def chain(*rules: Rule) -> Rule:
    """The rules one after another in one step, each with a key of its own; of two logs of one name the later stays."""

    def rule(world: World, turn: Turn) -> tuple[World, Logs]:
        logs: Logs = {}
        for i, each in enumerate(rules):
            world, more = each(world, turn._replace(key=jax.random.fold_in(turn.key, i)))
            logs |= more
        return world, logs

    return rule


def every(period: int, rule: Rule) -> Rule:
    """The rule at each step that is a multiple of `period`, but not at step 0; its logs weigh nothing at other steps."""

    def act(world: World, turn: Turn) -> tuple[World, Logs]:
        world, logs = rule(world, turn)
        return world, dict(weighed(logs))

    def skip(world: World, turn: Turn) -> tuple[World, Logs]:
        _, logs = jax.eval_shape(act, world, turn)
        return world, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), logs)

    def sometimes(world: World, turn: Turn) -> tuple[World, Logs]:
        due = (turn.step > 0) & (turn.step % period == 0)
        return jax.lax.cond(due, act, skip, world, turn)

    return sometimes


def freeze(role: str, rule: Rule) -> Rule:
    """The rule, but agents of this role stay bit for bit as they were."""

    def frozen(world: World, turn: Turn) -> tuple[World, Logs]:
        new, logs = rule(world, turn)
        return new._replace(**{role: getattr(world, role)}), logs

    return frozen


class Difficulty(NamedTuple):
    """How hard a channel is, and how well agents have done since that was last decided: a field of the world.

    `level` [k] of each of its operations; `seen`, what was logged since; `place`, the operation whose turn it is to change, where they
    change one by one. `safe` holds the agents, by role, as they were when they last passed a level, and `passed` is that level [k], -1
    before any; `safe` is None where nobody is called back.
    """

    level: Int[Array, " k"]
    place: Int[Array, ""]
    seen: Mean
    safe: dict[str, Agent] | None
    passed: Int[Array, " k"]


Judge = Callable[[Int[Array, " k"], Int[Array, ""], Float[Array, ""]], tuple[Int[Array, " k"], Int[Array, ""]]]


def easy(level: Int[Array, " k"], agents: Mapping[str, Agent] | None = None) -> Difficulty:
    """The difficulty to begin with; `agents`, the crowds by role, are kept to be called back."""
    nothing = Mean(jnp.zeros(()), jnp.zeros(()))
    safe = None if agents is None else jax.tree.map(jnp.copy, dict(agents))
    return Difficulty(level, jnp.zeros((), jnp.int32), nothing, safe, jnp.full_like(level, -1))


def harden(rule: Rule, field: str, log: str, judge: Judge, *, every: int, collapse: float | None = None) -> Rule:
    """The rule, and after each `every` steps a new difficulty in the world's `field`: `judge(level, place, mean of log)`.

    With `collapse`, agents whose log is below it after they had passed a level are called back, as they were then, to that level.
    Logs `level`, the mean of the levels at which the step was played.
    """

    def hardened(world: World, turn: Turn) -> tuple[World, Logs]:
        before: Difficulty = getattr(world, field)
        world, logs = rule(world, turn)
        seen = jax.tree.map(jnp.add, before.seen, weighed(logs)[log])
        figure, due = mean(seen), (turn.step + 1) % every == 0
        level, place = judge(before.level, before.place, figure)
        rose = due & (jnp.sum(level) > jnp.sum(before.level))
        after = Difficulty(level, place, jax.tree.map(jnp.zeros_like, seen), before.safe, jnp.where(rose, before.level, before.passed))
        after = jax.tree.map(lambda new, old: jnp.where(due, new, old), after._replace(safe=None), before._replace(seen=seen, safe=None))
        world = world._replace(**{field: after._replace(safe=before.safe)})
        if collapse is not None:
            fell = due & ~rose & (figure < collapse) & (before.passed[0] >= 0)
            world = _called_back(world, field, before.passed, fell, rose)
        return world, logs | {"level": jnp.mean(before.level.astype(jnp.float32))}

    return hardened


def _called_back(world: World, field: str, passed: Array, fell: Array, rose: Array) -> World:
    """Where they `fell`, agents as they were when they were safe, and the level they had passed; where they `rose`, safe as they are."""
    state: Difficulty = getattr(world, field)
    assert state.safe is not None
    now = {role: getattr(world, role) for role in state.safe}
    agents, safe = jax.lax.switch(
        fell * 1 + rose * 2, [lambda now, safe: (now, safe), lambda now, safe: (safe, safe), lambda now, safe: (now, now)], now, state.safe
    )
    level = jnp.where(fell, passed, state.level)
    return world._replace(**agents, **{field: state._replace(level=level, safe=safe)})


def weighed(logs: Mapping[str, Any]) -> dict[str, Mean]:
    """Each log as a total and a weight: a plain scalar weighs 1."""
    one = jnp.ones((), jnp.float32)
    return {name: log if isinstance(log, Mean) else Mean(jnp.asarray(log) * one, one) for name, log in logs.items()}


def mean(log: Mean) -> Float[Array, ""]:
    """The value of a weighted log; NaN where its weight is zero."""
    return log.total / log.weight
