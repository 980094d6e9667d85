"""The one loop: many steps of a rule in one compiled call, every seed in it, nothing crossing to the host inside.

A world of many seeds has a leading seed axis. Seeds are dealt out over the devices first; devices that are left share each batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Int, Key, PRNGKeyArray

from semiosis.rules import weighed
from semiosis.types import Logs, Phase, Turn, World

Order = Literal["auto", "in-turn", "side-by-side"]
# worlds, keys, first step, steps -> worlds, means of logs
Stretch = Callable[[World, Key[Array, " seeds"], int, int], tuple[World, dict[str, np.ndarray]]]


def seed_key(seed: int) -> PRNGKeyArray:
    """The key from which all of a seed's randomness grows."""
    return jax.random.key(seed)


def keys_of(seeds: Sequence[int]) -> Key[Array, " seeds"]:
    """The keys of many seeds, on a leading axis."""
    return jax.vmap(jax.random.key)(jnp.asarray(seeds, jnp.uint32))


def birth_key(key: PRNGKeyArray) -> PRNGKeyArray:
    """The key a seed's world is born with."""
    return jax.random.fold_in(key, 0)


def nature_key(key: PRNGKeyArray) -> PRNGKeyArray:
    """The key of a seed's scenes, the same at every step: `scenes` fold the step in themselves."""
    return jax.random.fold_in(key, 1)


def turn_key(key: PRNGKeyArray, step: Int[Array, ""]) -> PRNGKeyArray:
    """The key of a seed's agents at a step."""
    return jax.random.fold_in(jax.random.fold_in(key, 2), step)


def mesh_for(seeds: int, devices: Sequence[Any] | None = None) -> Mesh:
    """A mesh of devices with axes (seed, batch): as many seed rows as divide the seeds, the rest of the devices along the batch.

    Without `devices`, all there are; on a CPU only as many as divide the seeds, since one of its devices uses every core for a batch.
    """
    if devices is None:
        devices = jax.devices()
        if jax.default_backend() == "cpu":
            devices = devices[: math.gcd(seeds, len(devices))]
    rows = math.gcd(seeds, len(devices))
    return Mesh(np.asarray(devices).reshape(rows, -1), ("seed", "batch"))


def in_turn(order: Order) -> bool:
    """Whether a device runs its seeds one after another: on a CPU that is the faster way, on an accelerator side by side is."""
    return order == "in-turn" or (order == "auto" and jax.default_backend() == "cpu")


def one_step(phase: Phase, world: World, key: PRNGKeyArray, step: Int[Array, ""]) -> tuple[World, Logs]:
    """One step of one seed: nature shows a scene, the rule changes the world."""
    scene = phase.scenes(step, nature_key(key))
    world, logs = phase.rule(world, Turn(step, turn_key(key, step), scene))
    return world, dict(weighed(logs))


def stretch(phase: Phase, world: World, mesh: Mesh, order: Order = "auto") -> Stretch:
    """Compile a phase: `stretch(...)(worlds, keys, start, steps)` runs any number of steps by one program.

    `world` is one seed's, for its structure; the worlds given are donated. Arrays that the rule or the scenes hold are put on the
    mesh once. The means of the logs over the steps come back as [seeds], without the logs that did not occur.
    """
    # shapes alone: an array that lies on a mesh already would tie the step to that mesh
    world = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), world)
    step, key = jax.eval_shape(lambda: (jnp.zeros((), jnp.int32), jax.random.key(0)))
    scenes = eqx.filter_closure_convert(phase.scenes, step, key)
    rule = eqx.filter_closure_convert(phase.rule, world, Turn(step, key, jax.eval_shape(scenes, step, key)))
    arrays, static = eqx.partition((scenes, rule), eqx.is_array)
    arrays = jax.device_put(arrays, NamedSharding(mesh, PartitionSpec()))

    def one_seed(arrays: Any, start: Array, steps: Array, world: World, key: PRNGKeyArray) -> tuple[World, Logs]:
        scenes, rule = eqx.combine(arrays, static)
        act = partial(one_step, _shared(phase._replace(scenes=scenes, rule=rule), mesh))
        _, logs = jax.eval_shape(act, world, key, start)
        none = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), logs)

        def body(i: Array, carry: tuple[World, Any]) -> tuple[World, Any]:
            world, logs = act(carry[0], key, start + i)
            return world, jax.tree.map(jnp.add, carry[1], logs)

        return jax.lax.fori_loop(0, steps, body, (world, none))

    def some_seeds(arrays: Any, start: Array, steps: Array, worlds: World, keys: Key[Array, " seeds"]) -> tuple[World, Logs]:
        if in_turn(order):
            return jax.lax.map(lambda pair: one_seed(arrays, start, steps, *pair), (worlds, keys))
        return jax.vmap(lambda world, key: one_seed(arrays, start, steps, world, key))(worlds, keys)

    rows, whole = PartitionSpec("seed"), PartitionSpec()
    over = jax.shard_map(
        some_seeds, mesh=mesh, in_specs=(whole, whole, whole, rows, rows), out_specs=(rows, rows), axis_names={"seed"}, check_vma=False
    )
    program = jax.jit(over, donate_argnums=3)

    def run(worlds: World, keys: Key[Array, " seeds"], start: int, steps: int) -> tuple[World, dict[str, np.ndarray]]:
        worlds, keys = place(worlds, mesh), place(keys, mesh)  # where the program leaves them: elsewhere it would be compiled anew
        worlds, logs = program(arrays, jnp.int32(start), jnp.int32(steps), worlds, keys)
        totals = {name: (np.asarray(log.total), np.asarray(log.weight)) for name, log in logs.items()}
        return worlds, {name: total / weight for name, (total, weight) in totals.items() if weight.all()}

    return run


def _shared(phase: Phase, mesh: Mesh) -> Phase:
    """The phase with each scene's batch spread over the mesh's batch axis, where it divides."""
    width = mesh.shape["batch"]
    if width == 1:
        return phase

    def spread(x: Array) -> Array:
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) or x.ndim == 0 or x.shape[0] % width:
            return x
        return jax.lax.with_sharding_constraint(x, PartitionSpec("batch"))

    return phase._replace(scenes=lambda step, key: jax.tree.map(spread, phase.scenes(step, key)))


def place(worlds: World, mesh: Mesh) -> World:
    """Worlds on the mesh, their seeds dealt out over its rows."""
    return jax.device_put(worlds, NamedSharding(mesh, PartitionSpec("seed")))


def locate(phases: Sequence[Phase], step: int) -> tuple[Phase, int]:
    """The phase that a step belongs to and the step's place in it; a lone phase never ends."""
    if len(phases) == 1:
        return phases[0], step
    step %= sum(phase.steps for phase in phases)
    for phase in phases:
        if step < phase.steps:
            return phase, step
        step -= phase.steps
    raise AssertionError("the remainder of a cycle lies within it")


def stack(worlds: Sequence[World]) -> World:
    """Worlds of single seeds on a leading seed axis."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *worlds)


def unstack(worlds: World, place: int) -> World:
    """One seed's world."""
    return jax.tree.map(lambda x: x[place], worlds)
