"""Ease of learning: how fast newborn listeners learn a language that is frozen (Li and Bowling 2019; Chaabouni et al. 2022, B.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from semiosis import metrics
from semiosis.errors import UsageError, unknown
from semiosis.runs import loop
from semiosis.runs.progress import progress
from semiosis.runs.session import Trained
from semiosis.runs.setup import build
from semiosis.types import World


class Curve(NamedTuple):
    """`steps` [k] and the training figure `value` [seeds k] of fresh listeners, each a mean since the step before."""

    title: str
    measure: str
    steps: np.ndarray
    value: np.ndarray


def ease_of_learning(
    trained: Trained, *, task: str, steps: int, speakers: int, listeners: int, lr: float, order: loop.Order = "auto"
) -> tuple[Curve, Curve]:
    """The learning curves of fresh listeners, of the run's language and, as a control, of untrained speakers of the same make.

    A game that can be probed has `TASKS` and a function `probe(config, task=, speakers=, listeners=, lr=)`, the configuration in which
    fresh listeners learn. `listeners` fresh ones for each of the first `speakers` of each seed; greedy messages; figures are means over
    them.
    """
    game: Any = trained.game
    if not hasattr(game, "probe"):
        raise UsageError(f"the game {trained.run.record['game']} has no language to learn by ear: it defines no probe")
    if task not in game.TASKS:
        raise unknown("task", task, game.TASKS)
    if not 0 < lr < float("inf"):
        raise UsageError(f"lr is {lr}: expected a number above 0")
    if steps < 1 or listeners < 1 or speakers < 1:
        raise UsageError(f"steps {steps}, speakers {speakers} and listeners {listeners} must all be 1 or more")
    role = trained.experiment.roles[0]  # who speaks
    speakers = min(speakers, getattr(trained.worlds, role).age.shape[1])
    config = game.probe(trained.config, task=task, speakers=speakers, listeners=listeners, lr=lr)
    # streams of its own: with the run's seeds, newborn listeners would be those that grew up with this language, and meet its very batches
    seeds = tuple((seed + 2**31) % 2**32 for seed in trained.seeds)
    experiment, fresh = build(game, config, trained.data, seeds)
    mesh = loop.mesh_for(len(trained.seeds))
    run = loop.stretch(experiment.phases[0], loop.unstack(fresh, 0), mesh, order)

    def learn(title: str, worlds: World) -> Curve:
        worlds, keys = loop.place(worlds, mesh), loop.place(loop.keys_of(seeds), mesh)
        every = max(1, steps // 50)
        at, values, measure = [], [], "accuracy"
        with progress(steps, 0, title) as update:
            for step in range(0, steps, every):
                count = min(every, steps - step)
                worlds, logs = run(worlds, keys, step, count)
                at.append(step + count)
                measure = "accuracy" if "accuracy" in logs else "loss"
                values.append(logs[measure])
                update(step + count, {measure: (float(values[-1].mean()), None)})
        return Curve(title, measure, np.array(at), np.stack(values, 1))

    # the net alone is taken over: optimisers and scores of the frozen are of no use
    language = jax.tree.map(lambda x: x[:, :speakers], getattr(trained.worlds, role).net)
    untaught = jax.tree.map(lambda x: x.copy(), fresh)
    taught = fresh._replace(**{role: _with_net(getattr(fresh, role), language)})
    return learn("its language", taught), learn("untrained speakers", untaught)


def _with_net(agents: Any, net: Any) -> Any:
    return type(agents)(net, agents.opt, agents.slow, agents.score, agents.age)


def _finite(values: np.ndarray) -> list[float | None]:
    """Plain numbers; None for what is not one."""
    return [float(x) if np.isfinite(x) else None for x in values]


def summary(curves: Sequence[Curve], task: str) -> dict[str, Any]:
    """The object of probe.json: for each curve its steps, values by seed, the area under it and its end, with intervals over seeds."""
    table = {}
    for curve in curves:
        width = np.diff(curve.steps, prepend=0) / curve.steps[-1]
        figures = {"area": curve.value @ width, "end": curve.value[:, -1]}
        entry = {name: metrics.over_seeds(_finite(values))._asdict() for name, values in figures.items()}
        table[curve.title] = {"steps": curve.steps.tolist(), "value": [_finite(values) for values in curve.value], **entry}
    return {"task": task, "measure": curves[0].measure, "curves": table}
