"""The public contract test: what any game must do, whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import equinox as eqx
import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np

from semiosis import channels
from semiosis.runs import loop
from semiosis.runs.setup import Game, build
from semiosis.runs.sitting import ask, fetched
from semiosis.runs.tampering import UNIFORM, tampered
from semiosis.scenes import Data
from semiosis.types import Episode, Experiment, Scenes, World


def check_game(game: Game, config: object, data: Data, *, improves: str = "loss", steps: int = 20) -> None:
    """Assert the obligations of a game; each failure says which one is broken.

    A step keeps tree, shapes and dtypes; a second call does not recompile; logs are finite scalars; same seed, same bits; a resumed run
    equals the unbroken one; many seeds in turn equal separate seeds bit for bit, side by side to rounding; the log `improves` falls
    (rises, for an accuracy or reward) over 10 times `steps`; an episode's parts agree in length; and messages go through the channel, where
    they can be shuffled, silenced, changed, cut and made one, or it is said why not.
    """
    experiment, worlds = build(game, config, data, (3, 5))
    _check_arrays(experiment, loop.unstack(worlds, 0))
    mesh = loop.mesh_for(1, jax.devices()[:1])
    keys = loop.keys_of((3, 5))
    for phase in experiment.phases:
        _check_phase(phase, worlds, keys, mesh, steps)
    _check_play(experiment, loop.unstack(worlds, 0))
    _check_channel(experiment, loop.unstack(worlds, 0))
    _check_improves(experiment, worlds, keys, mesh, improves, steps)


@contextmanager
def compilations() -> Iterator[list[str]]:
    """The programs that JAX compiles (or fetches from its cache) meanwhile, one entry each."""
    found: list[str] = []

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(str(kwargs.get("fun_name", "a program")))

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


def _check_arrays(experiment: Experiment, world: World) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(world):
        assert eqx.is_array(leaf), f"the world holds {leaf!r} at {jax.tree_util.keystr(path)}: only arrays persist"
    for role in experiment.roles:
        assert role in world._fields, f"the role {role!r} is no field of the world"


def _equal(a: World, b: World) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in pairs)


def _check_phase(phase, worlds: World, keys: jax.Array, mesh, steps: int) -> None:
    one = loop.unstack(worlds, 0)
    # every program is given copies: worlds are donated
    fresh = lambda *places: loop.stack([loop.unstack(worlds, place) for place in places])  # noqa: E731
    run = loop.stretch(phase, one, mesh, "in-turn")
    unbroken, logs = run(fresh(0), keys[:1], 0, steps)
    shapes = [jax.tree.map(lambda x: (x.shape, x.dtype), w) for w in (fresh(0), unbroken)]
    assert shapes[0] == shapes[1], f"a step of {phase.name} changes the shapes or dtypes of the world"
    for name, values in logs.items():
        assert values.shape == (1,), f"the log {name!r} of {phase.name} is not a scalar"
        assert not np.isinf(values).any(), f"the log {name!r} of {phase.name} is not finite"
    assert any(np.isfinite(values).all() for values in logs.values()), f"{phase.name} logs nothing that is finite"
    copy, key = fresh(0), keys[:1]
    with compilations() as compiled:
        again, _ = run(copy, key, 0, steps)
    assert not compiled, f"a second call of {phase.name} compiles {', '.join(compiled)} again"
    assert _equal(unbroken, again), f"the same seed gives other numbers in {phase.name}"
    half, _ = run(fresh(0), keys[:1], 0, steps // 2)
    resumed, _ = run(half, keys[:1], steps // 2, steps - steps // 2)
    assert _equal(unbroken, resumed), f"a run of {phase.name} resumed in the middle is not the unbroken one"
    together, _ = run(fresh(0, 1), keys, 0, steps)
    assert _equal(unbroken, loop.stack([loop.unstack(together, 0)])), f"a seed of {phase.name} is another in company, in turn"
    beside, _ = loop.stretch(phase, one, mesh, "side-by-side")(fresh(0, 1), keys, 0, 1)
    alone, _ = run(fresh(0), keys[:1], 0, 1)
    for x, y in zip(jax.tree.leaves(alone), jax.tree.leaves(beside), strict=True):
        np.testing.assert_allclose(np.asarray(x[0], np.float64), np.asarray(y[0], np.float64), rtol=1e-3, atol=1e-3)


def _check_play(experiment: Experiment, world: World) -> None:
    """Every exam's episode has parts of one length; those of whole splits are played, the variants of them only traced."""

    def play(pair: World, scenes: Scenes) -> Episode:
        return experiment.play(pair, scenes(jnp.int32(0), jax.random.key(0)), jax.random.key(1), channels.clear)

    pair = world._replace(**{role: jax.tree.map(lambda x: x[0], getattr(world, role)) for role in experiment.roles})
    for name, exam in experiment.exams.items():
        episode = eqx.filter_eval_shape(play, pair, exam.scenes)
        n = episode.loss.shape[0]
        parts = {"guess": episode.guess, "target": episode.target, **episode.info}
        parts |= {} if episode.reward is None else {"reward": episode.reward}
        parts |= {f"said[{i}]": said.message for i, said in enumerate(episode.said)}
        for title, part in parts.items():
            assert part.shape[0] == n, f"{title} of the exam {name!r} has {part.shape[0]} rows where loss has {n}"
        if "/" not in name:
            loss = eqx.filter_jit(play)(pair, exam.scenes).loss
            assert np.isfinite(np.asarray(loss)).all(), f"the loss in the exam {name!r} is not finite"


def _check_channel(experiment: Experiment, world: World) -> None:
    """What is said in the first split passes the channel, and each way to tamper with it can be played or has a reason."""
    name = next((name for name in experiment.exams if "/" not in name), None)
    if name is None:
        return
    asked, passed = ask(experiment, name, world), []

    def channel(message: object, key: jax.Array) -> object:
        passed.append(message)
        return message

    def play(pair: World, scenes: Scenes) -> Episode:
        return heard.play(pair, scenes(jnp.int32(0), jax.random.key(0)), jax.random.key(1), channel)

    heard = asked.heard()
    pair = world._replace(**{role: jax.tree.map(lambda x: x[0], getattr(world, role)) for role in heard.roles})
    eqx.filter_eval_shape(play, pair, heard.exam.scenes)
    assert passed, "play sends nothing through its channel: what messages are good for cannot be seen"
    told = tampered(experiment, asked, [fetched(asked(0))])
    for title, value in told.items():
        known = experiment.undefined.get(title, value.reason) if value.value is None else np.isfinite(value.value)
        assert known, f"{title} of the exam {name!r} is {value.value}, without a reason"
    missing = [how for how in UNIFORM if not any(title.endswith(f"_{how}") for title in told)]
    assert not missing, f"nothing is said of messages that are {', '.join(missing)}"


def _check_improves(experiment: Experiment, worlds: World, keys: jax.Array, mesh, name: str, steps: int) -> None:
    step, means = 0, []
    runs = {phase.name: loop.stretch(phase, loop.unstack(worlds, 0), mesh) for phase in experiment.phases}
    world = loop.stack([loop.unstack(worlds, 0)])
    while step < 10 * steps:
        phase, place = loop.locate(experiment.phases, step)
        count = steps if len(experiment.phases) == 1 else min(steps, phase.steps - place)
        world, logs = runs[phase.name](world, keys[:1], step, count)
        step += count
        if name in logs:
            means.append(float(logs[name][0]))
    assert means, f"no phase logs {name!r}: say which log should improve"
    gain = means[-1] - means[0] if name.startswith(("accuracy", "reward")) else means[0] - means[-1]
    assert gain > 0, f"{name!r} went from {means[0]:.4f} to {means[-1]:.4f} in {step} steps: nothing improves"
