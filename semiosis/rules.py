"""Rules, and rules made of rules: everything that changes agents has the shape (world, turn) -> (world, logs).

Agents are found in the world by the name of its field, their role: a world is a NamedTuple with one field a role.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

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


def weighed(logs: Mapping[str, Any]) -> dict[str, Mean]:
    """Each log as a total and a weight: a plain scalar weighs 1."""
    one = jnp.ones((), jnp.float32)
    return {name: log if isinstance(log, Mean) else Mean(jnp.asarray(log) * one, one) for name, log in logs.items()}


def mean(log: Mean) -> Float[Array, ""]:
    """The value of a weighted log; NaN where its weight is zero."""
    return log.total / log.weight
