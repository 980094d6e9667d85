"""CPU seconds of a training step on one thread, with the share of the machine's matrix-product peak measured beside it.

Each case runs in a process of its own, bound to one processor; the peak is that of the same process, before and after.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from typing import Any

from semiosis.errors import UsageError


def bench(module: str, repeats: int) -> list[dict[str, Any]]:
    """The cases of a game's module, timed one after another: a row each, with CPU seconds a step of one seed and GFLOP/s."""
    cases = getattr(importlib.import_module(module), "BENCHES", ())
    if repeats < 1:
        raise UsageError(f"repeats is {repeats}: expected 1 or more")
    return [_elsewhere(module, place, repeats) for place in range(len(cases))]


def _elsewhere(module: str, place: int, repeats: int) -> dict[str, Any]:
    """A case in a fresh process with one thread."""
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
    command = [sys.executable, "-m", "semiosis.runs.bench", module, str(place), str(repeats)]
    done = subprocess.run(command, env=os.environ | {"XLA_FLAGS": flags}, capture_output=True, text=True)
    if done.returncode:
        raise UsageError(
            f"the case {place} of {module} failed: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'no word'}"
        )
    return json.loads(done.stdout.splitlines()[-1])


def time_case(module: str, place: int, repeats: int) -> dict[str, Any]:
    """Time one case in this process: the least of `repeats`, CPU seconds a step of one seed; peaks in GFLOP/s."""
    import jax

    from semiosis.runs import history, loop
    from semiosis.runs.setup import build
    from semiosis.types import Watch, World

    game: Any = importlib.import_module(module)
    case = game.BENCHES[place]
    seeds = tuple(range(case.seeds))
    experiment, worlds = build(game, case.config, _noise(case), seeds)
    phase = next(phase for phase in experiment.phases if phase.name == (case.phase or experiment.phases[0].name))
    run = loop.stretch(phase, loop.unstack(worlds, 0), loop.mesh_for(case.seeds, jax.devices()[:1]))
    keys, seconds, walls, peaks = loop.keys_of(seeds), [], [], [peak()]

    def watched(worlds: World, watch: Watch, first: int, steps: int) -> World:
        stride = phase.every or steps  # as training looks: at the pace of the phase, or once in a while
        for step in range(first, first + steps, stride):
            worlds, _ = run(worlds, keys, step, stride)
            for kept in history.keep(watch, worlds, len(seeds)):
                watch.figures(kept)
        return worlds

    def steps(worlds: World, first: int, count: int) -> World:
        return run(worlds, keys, first, count)[0] if phase.watch is None else watched(worlds, phase.watch, first, count)

    worlds = steps(worlds, 0, 1)
    for i in range(repeats):
        cpu, wall = time.process_time(), time.perf_counter()
        worlds = jax.block_until_ready(steps(worlds, 1 + i * case.steps, case.steps))
        seconds.append((time.process_time() - cpu) / case.steps / case.seeds)
        walls.append((time.perf_counter() - wall) / case.steps / case.seeds)
        peaks.append(peak())
    rate = case.gflop / min(seconds)
    return {
        "case": case.title,
        "cpu_seconds": min(seconds),
        "wall_seconds": min(walls),
        "gflop": case.gflop,
        "gflop_per_second": rate,
        "peak_gflop_per_second": max(peaks),
        "share_of_peak": rate / max(peaks),
        "reference": case.reference,
    }


def _noise(case: Any) -> Any:
    """Data that says nothing, of the shape and size that a case wants."""
    import numpy as np

    from semiosis import scenes
    from semiosis.scenes import Data, Split

    if not case.inputs or isinstance(case.inputs, str):
        return scenes.load(case.inputs or "none")
    noise = np.random.default_rng(0)
    wanted = max(case.size, getattr(case.config, "batch_size", 0), getattr(case.config, "objects", 0))

    def split(n: int) -> Any:
        labels = noise.integers(0, 10, n).astype(np.int32)
        if isinstance(case.inputs, int):
            return Split(noise.normal(size=(n, case.inputs)).astype(np.float32), labels)
        return Split(noise.integers(0, 256, (n, *case.inputs)).astype(np.uint8), labels)

    return Data("noise", {name: split(n) for name, n in {"train": wanted, "valid": min(1024, wanted), "test": min(1024, wanted)}.items()})


def peak() -> float:
    """GFLOP/s of a float32 product [1024 512] @ [512 2048], by CPU time."""
    import jax
    import jax.numpy as jnp

    a, b = jnp.ones((1024, 512)), jnp.ones((512, 2048))
    # the product of a product: a loop whose rounds wait for each other, with nothing to leave out
    ten = jax.jit(lambda a, b: jax.lax.fori_loop(0, 10, lambda _, a: (a @ b)[:, :512] * 1e-3, a))
    ten(a, b).block_until_ready()
    start = time.process_time()
    ten(a, b).block_until_ready()
    return 10 * 2e-9 * 1024 * 512 * 2048 / (time.process_time() - start)


def table(rows: list[dict[str, Any]]) -> Any:
    """The rows as a table."""
    from rich.table import Table

    made = Table(title="A training step, CPU seconds on one thread", caption="references: measured elsewhere, on a machine of another peak")
    for title in ("case", "CPU s", "GFLOP", "GFLOP/s", "of peak", "references, CPU s"):
        made.add_column(title, justify="left" if title in ("case", "references, CPU s") else "right")
    for row in rows:
        reference = ", ".join(f"{value:g} {name}" for name, value in row["reference"].items())
        of_peak = f"{100 * row['share_of_peak']:.0f}% of {row['peak_gflop_per_second']:.0f}"
        made.add_row(row["case"], f"{row['cpu_seconds']:.3g}", f"{row['gflop']:.3g}", f"{row['gflop_per_second']:.0f}", of_peak, reference)
    return made


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(json.dumps(time_case(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
