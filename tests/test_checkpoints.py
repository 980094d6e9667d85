"""Checkpoints: every byte comes back or the damage is told, and nothing that happens to a process costs what was saved before."""

from __future__ import annotations

import errno
import itertools
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import optax
import pytest

import semiosis
from semiosis.errors import UsageError
from semiosis.runs import trees
from semiosis.runs.checkpoints import Damaged, load, read_arrays, save, save_arrays, steps
from semiosis.runs.directory import FORMAT, Run, create, lock, open_run
from semiosis.runs.records import read_metrics, trim

IMPORTS = Path(semiosis.__file__).parents[1]  # where a process that a test starts finds the package


class Pair(NamedTuple):
    speaker: Any
    level: Any


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create(tmp_path / "run", {"game": "lewis"})


def world(step: int) -> dict[str, np.ndarray]:
    return {"kernel": np.full((4, 25), step, np.float32), "age": np.array(step, np.int32)}


def fill(run: Run, *at: int, keep: int = 9) -> list[Path]:
    """Checkpoints at these steps; their folders."""
    for step in at:
        save(run, step, world(step), score=None, keep=keep)
    return [run.path / "checkpoints" / f"{step:09d}" for step in at]


def never(sentence: str) -> None:
    raise AssertionError(sentence)


def entries(run: Run) -> list[str]:
    return sorted(entry.name for entry in (run.path / "checkpoints").iterdir())


def test_an_agent_comes_back_bit_for_bit(run: Run):
    net = eqx.nn.Linear(3, 2, key=jax.random.key(0))
    before = Pair({"net": net, "opt": optax.adam(1e-3).init(eqx.filter(net, eqx.is_array)), "slow": None}, (jnp.float32(0.5),))
    save(run, 7, before, score=0.5, keep=1)
    manifest = json.loads((run.path / "checkpoints" / "000000007" / "manifest.json").read_text())
    assert (
        manifest["leaves"].items()
        >= {"speaker.net.weight": "float32[2,3]", "level.0": "float32[]", "speaker.opt.0.count": "int32[]"}.items()
    )
    assert {**manifest, "sha256": "", "leaves": {}, "versions": {}, "bytes": 0} == {
        "format": FORMAT, "step": 7, "score": 0.5, "bytes": 0, "sha256": "", "leaves": {}, "versions": {},
    }  # fmt: skip
    for like in (before, jax.eval_shape(lambda: before)):
        step, after = load(run, like, say=never)
        assert step == 7
        assert jax.tree.structure(after) == jax.tree.structure(before)
        assert eqx.tree_equal(after, before)


DTYPES = "float32 float16 bfloat16 int32 int16 int8 uint32 uint16 uint8 bool float8_e4m3fn complex64"


@pytest.mark.parametrize("dtype", DTYPES.split())
def test_every_dtype_and_shape(run: Run, dtype: str):
    numbers = np.random.default_rng(0).integers(0, 2, (3, 2)).astype(np.dtype(getattr(ml_dtypes, dtype, dtype)))
    before = {"matrix": jnp.asarray(numbers), "scalar": jnp.asarray(numbers[0, 0]), "empty": jnp.asarray(numbers[:0]), "turned": numbers.T}
    save(run, 1, before, score=None, keep=1)
    _, after = load(run, before, say=never)
    assert isinstance(after["matrix"], jax.Array)
    assert isinstance(after["turned"], np.ndarray)
    for name, array in before.items():
        assert after[name].dtype == array.dtype
        np.testing.assert_array_equal(np.asarray(after[name]), np.asarray(array))


@pytest.mark.parametrize("generator", ["threefry2x32", "rbg", "unsafe_rbg"])
def test_random_keys_come_back_with_their_generator(run: Run, generator: str):
    before = {"key": jax.random.split(jax.random.key(3, impl=generator), 4)}
    save(run, 1, before, score=None, keep=1)
    _, after = load(run, jax.eval_shape(lambda: before), say=never)
    assert after["key"].dtype == before["key"].dtype
    assert (jax.random.bits(after["key"][2], (5,)) == jax.random.bits(before["key"][2], (5,))).all()
    with pytest.raises(UsageError, match="has no leaf 'key@"):
        load(run, {"key": jax.random.key(0, impl="rbg" if generator != "rbg" else "threefry2x32")}, say=never)


def test_what_is_loaded_may_be_donated(run: Run):
    before = {"x": jnp.arange(1000.0)}
    save(run, 1, before, score=None, keep=1)
    double = jax.jit(lambda w: jax.tree.map(lambda x: 2 * x, w), donate_argnums=0)
    for _ in range(3):
        _, after = load(run, before, say=never)
        np.testing.assert_array_equal(np.asarray(double(after)["x"]), 2 * np.arange(1000.0))


@pytest.mark.parametrize(
    ("leaves", "sentence"),
    [
        ({"activation": jax.nn.relu}, "holds arrays only, and leaf 'activation' of the world is of type"),
        ({"rate": 0.1}, "holds arrays only, and leaf 'rate' of the world is of type float"),
        ({"z": np.zeros(2, complex)}, "leaf 'z' has dtype complex128, and a checkpoint holds only float64, "),
        ({"a": {"b": np.zeros(1)}, "a.b": np.zeros(1)}, "two leaves of the world have the one name 'a.b'"),
    ],
)
def test_what_cannot_be_saved_is_refused_before_anything_is_written(run: Run, leaves: dict[str, Any], sentence: str):
    with pytest.raises(UsageError, match=re.escape(sentence)):
        save(run, 1, leaves, score=None, keep=1)
    assert not (run.path / "checkpoints").exists()


@pytest.mark.parametrize(
    ("like", "sentence"),
    [
        ({"kernel": np.zeros((4, 25), np.float32)}, "it has a leaf 'age', int32[], which this program does not expect"),
        (world(0) | {"zeal": np.zeros(2)}, "it has no leaf 'zeal', which this program expects as float64[2]"),
        (
            world(0) | {"kernel": np.zeros((25, 4), np.float32)},
            "its leaf 'kernel' is float32[4,25] where this program expects float32[25,4]",
        ),
        (world(0) | {"age": np.array(0, np.uint32)}, "its leaf 'age' is int32[] where this program expects uint32[]"),
    ],
)
def test_another_structure_names_the_first_leaf_that_differs(run: Run, like: dict[str, Any], sentence: str):
    fill(run, 3)
    with pytest.raises(UsageError, match=re.escape(f"000000003 does not fit this program and its config.json: {sentence}")):
        load(run, like, say=never)


def test_the_newest_and_the_best_are_kept(run: Run):
    scores = [0.1, 0.9, None, 0.9, float("nan"), 0.3, float("inf"), 0.2]
    expected = [[1], [1, 2], [2, 3], [3, 4], [4, 5], [4, 5, 6], [4, 6, 7], [4, 7, 8]]
    for step, (score, kept) in enumerate(zip(scores, expected, strict=True), 1):
        save(run, step, world(step), score=score, keep=2)
        assert steps(run) == kept
    assert entries(run) == [f"{step:09d}" for step in (4, 7, 8)]
    assert load(run, world(0), "newest", say=never)[0] == 8
    assert load(run, world(0), "best", say=never)[0] == 4
    step, seven = load(run, world(0), 7, say=never)
    assert (step, seven["age"]) == (7, 7)


def test_questions_without_an_answer(run: Run):
    with pytest.raises(UsageError, match=r"has no whole checkpoint to load as 'newest': steps saved are none$"):
        load(run, world(0), say=never)
    fill(run, 3, 5)
    with pytest.raises(UsageError, match=r"has no whole checkpoint to load as 4: steps saved are 3, 5$"):
        load(run, world(0), 4, say=never)
    with pytest.raises(UsageError, match="to load as 'best'"):  # none has a score
        load(run, world(0), "best", say=never)
    with pytest.raises(UsageError, match="not step 1 and keep 0"):
        save(run, 1, world(1), score=None, keep=0)


def test_the_same_step_may_be_saved_again(run: Run):
    fill(run, 3)
    save(run, 3, world(30), score=None, keep=1)
    assert load(run, world(0), say=never)[1]["age"] == 30
    assert entries(run) == ["000000003"]


def cut_to(length: float):
    def damage(folder: Path) -> None:
        file = folder / "world.safetensors"
        os.truncate(file, int(length * file.stat().st_size))

    return damage


def flip(name: str, at: float):
    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[int(at * len(data))] ^= 1
        (folder / name).write_bytes(data)

    return damage


DAMAGES = {
    "empty": (cut_to(0), r"world.safetensors has 0 bytes of \d+"),
    "truncated": (cut_to(0.7), r"world.safetensors has \d+ bytes of \d+"),
    "a flipped bit": (flip("world.safetensors", 0.9), "the SHA-256 of world.safetensors is not the one in manifest.json"),
    "a flipped bit in the header": (flip("world.safetensors", 0), "the SHA-256 of world.safetensors is not the one in manifest.json"),
    "no arrays": (lambda folder: (folder / "world.safetensors").unlink(), "world.safetensors: No such file or directory"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "manifest.json: No such file or directory"),
    "a torn manifest": (lambda folder: os.truncate(folder / "manifest.json", 40), "manifest.json is not as it was written"),
    "another's manifest": (lambda folder: (folder / "manifest.json").write_text('{"format": 1}'), "manifest.json is not as it was written"),
    "a folder for a file": (
        lambda folder: ((folder / "manifest.json").unlink(), (folder / "manifest.json").mkdir()),
        "manifest.json: Is a directory",
    ),
}


@pytest.mark.parametrize(("damage", "why"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_newest_checkpoint_is_told_and_the_one_before_is_used(run: Run, damage: Any, why: str):
    _, folder = fill(run, 3, 5)
    damage(folder)
    told: list[str] = []
    step, found = load(run, world(0), say=told.append)
    assert (step, found["age"]) == (3, 3)
    assert len(told) == 1
    assert re.fullmatch(rf"{folder} is damaged \({why}\) and is not used", told[0])
    assert steps(run) in ([3], [3, 5])  # sizes show some damages, sums all
    with pytest.raises(UsageError, match="to load as 5: "):
        load(run, world(0), 5, say=told.append)
    damage(run.path / "checkpoints" / "000000003")
    with pytest.raises(UsageError, match=f"^{run.path} has no whole checkpoint to load as 'newest'"):
        load(run, world(0), say=told.append)


def test_a_damaged_best_gives_way_to_the_next(run: Run):
    for step, score in ((1, 0.5), (2, 0.9), (3, 0.8), (4, 0.1)):
        save(run, step, world(step), score=score, keep=9)
    cut_to(0.5)(run.path / "checkpoints" / "000000002")
    flip("world.safetensors", 0.9)(run.path / "checkpoints" / "000000003")
    told: list[str] = []
    assert load(run, world(0), "best", say=told.append)[0] == 1
    assert [re.findall(r"0000\d+", sentence) for sentence in told] == [["000000002"], ["000000003"]]


def test_a_run_resumed_before_a_damaged_checkpoint_keeps_what_it_saves(run: Run):
    """Though the damaged one bears a later step, the first new one must not be pruned in its favour."""
    _, folder = fill(run, 4, 8)
    flip("world.safetensors", 0.9)(folder)
    fill(run, 6, keep=1)
    assert load(run, world(0), say=lambda _: None)[0] == 6
    fill(run, 8, keep=1)
    assert load(run, world(0), say=never)[0] == 8
    assert steps(run) == [8]


def test_no_flipped_byte_anywhere_gives_wrong_arrays(run: Run):
    (folder,) = fill(run, 3)
    right = read_arrays(folder)
    for name in ("world.safetensors", "manifest.json"):
        data = (folder / name).read_bytes()
        for at in range(len(data)):
            (folder / name).write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
            try:
                found = read_arrays(folder)
            except (Damaged, UsageError):
                continue
            assert name == "manifest.json"  # of the arrays, no flip passes
            assert found.keys() == right.keys()
            assert all(np.array_equal(found[leaf], right[leaf]) for leaf in right)
        (folder / name).write_bytes(data)


def test_a_newer_format_is_told_not_passed_over(run: Run):
    *_, folder = fill(run, 3, 5)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"format": FORMAT + 1}))
    with pytest.raises(UsageError, match=f"has format {FORMAT + 1} and this semiosis reads formats up to {FORMAT}, .* upgrade"):
        load(run, world(0), say=never)


@pytest.mark.parametrize("call", ["fsync", "replace", "mkdir"])
@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("step", [3, 4], ids=["the same step", "the next step"])
def test_whatever_the_disk_refuses_costs_only_the_new_checkpoint(run: Run, call: str, reason: int, step: int):
    """Each call that may fail does so at each of its occurrences: what was saved before loads as it was."""
    refused = 0
    for occurrence in range(1, 10):
        fill(run, 2, 3)
        sentence = refusing(call, occurrence, reason, lambda: save(run, step, world(step), score=None, keep=2))
        refused += sentence is not None
        expected = (
            rf"cannot (save the checkpoint|delete old checkpoints) .*: {os.strerror(reason)}; .*([34] is safe: `semi|{step} is saved)"
        )
        assert sentence is None or re.match(expected, sentence)
        assert not [name for name in entries(run) if name.endswith(".tmp")]
        assert load(run, world(0), say=never)[0] in (3, step)
    assert 1 <= refused < 9  # the test refuses, and does so up to the last call


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to name what is flushed")
def test_the_disk_has_all_of_a_checkpoint_before_it_gets_its_name(run: Run, monkeypatch: pytest.MonkeyPatch):
    """Against a power cut, which no test can make: the order of the calls."""
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace
    name = lambda path: re.sub(r"\d{9}", "STEP", re.sub(str(os.getpid()), "PID", Path(path).name))  # noqa: E731
    monkeypatch.setattr(os, "fsync", lambda file: (calls.append(name(os.readlink(f"/proc/self/fd/{file}"))), fsync(file))[1])
    monkeypatch.setattr(os, "replace", lambda old, new: (calls.append(f"{name(old)} -> {name(new)}"), replace(old, new))[1])
    fill(run, 1)
    assert calls == ["world.safetensors", "manifest.json", ".STEP.PID.tmp", ".STEP.PID.tmp -> STEP", "checkpoints"]


def refusing(call: str, occurrence: int, reason: int, act: Callable[[], None]) -> str | None:
    """The sentence of `act` when the `occurrence`-th `os.CALL` fails for `reason`; None if there is no such call."""
    real, count = getattr(os, call), itertools.count(1)

    def refuse(*arguments: Any, **options: Any) -> Any:
        if next(count) == occurrence:
            raise OSError(reason, os.strerror(reason))
        return real(*arguments, **options)

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(os, call, refuse)
        try:
            act()
        except UsageError as sentence:
            return str(sentence)
    return None


def test_a_full_disk_leaves_what_was_saved(run: Run):
    """A limit on file sizes, met for real: the write stops half way."""
    fill(run, 1)
    program = """
import resource, sys, numpy as np
from semiosis.errors import UsageError
from semiosis.runs.checkpoints import save_arrays
from semiosis.runs.directory import lock, open_run
from semiosis.runs.records import append
run = open_run(sys.argv[1])
row = {"step": 1, "seed": 0, "split": "valid", "x": 0.5}
with lock(run):
    append(run, [row] * 10)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    for act in (lambda: save_arrays(run, 2, {"x": np.zeros(5000)}, score=None, keep=1), lambda: append(run, [row] * 1000)):
        try:
            act()
        except UsageError as sentence:
            print(sentence)
    append(run, [row])
"""
    told = subprocess.check_output([sys.executable, "-c", program, str(run.path)], cwd=IMPORTS, text=True)
    assert told.splitlines() == [
        f"cannot save the checkpoint of step 2 in {run.path}: File too large; "
        f"step 1 is safe: `semiosis resume {run.path}` continues from there once the cause is gone",
        f"cannot write {run.path}/metrics.jsonl: File too large; the lines before are whole",
    ]
    assert load(run, world(0), say=never)[0] == 1
    assert entries(run) == ["000000001"]
    assert len(read_metrics(run)) == 11


LIVE = """
import itertools, sys, numpy as np
from semiosis.runs.checkpoints import save_arrays, steps
from semiosis.runs.directory import lock, open_run
from semiosis.runs.records import append, trim
assert "jax" not in sys.modules
run = open_run(sys.argv[1])
with lock(run):
    done = max(steps(run), default=0)
    trim(run, done)
    print("ready", flush=True)
    for step in itertools.count(done + 1):
        append(run, [{"step": step, "seed": seed, "split": "valid", "x": 1 / step} for seed in range(3)])
        for _ in range(2):  # twice: the second replaces the first
            save_arrays(run, step, {"big": np.full(20_000, step), "step": np.array(step)}, score=step % 5, keep=2)
        print(step, flush=True)
"""


def test_a_process_killed_at_any_moment_leaves_a_run_that_resumes(run: Run):
    chance, like, last = random.Random(0), {"big": np.zeros(20_000, int), "step": np.zeros((), int)}, 0
    for kill in range(24):
        with subprocess.Popen([sys.executable, "-c", LIVE, str(run.path)], cwd=IMPORTS, stdout=subprocess.PIPE, text=True) as victim:
            assert victim.stdout is not None
            assert victim.stdout.readline() == "ready\n"
            begin = time.monotonic()
            told = [int(victim.stdout.readline()) for _ in range(kill % 3)]  # now and then before the first step is done
            pause = (time.monotonic() - begin) / len(told) if told else 0.02
            time.sleep(chance.uniform(0, pause))  # somewhere within a step
            victim.kill()
        assert open_run(run.path) == run
        with lock(run):
            if not steps(run):
                assert not told
                continue
            step, found = load(run, like, say=never)
            trim(run, step)
        assert max(last, *told, 0) <= step == found["step"]
        assert (found["big"] == step).all()
        assert all(name.isdecimal() for name in entries(run))
        assert [(row["step"], row["seed"]) for row in read_metrics(run)] == [(at, seed) for at in range(1, step + 1) for seed in range(3)]
        last = step
    assert last >= 24


def test_a_kill_between_the_two_renames_of_a_replacement_is_mended(run: Run):
    _, folder = fill(run, 3, 5)
    folder.rename(folder.with_name(".000000005.old"))
    (folder.with_name(".000000005.77.tmp")).mkdir()
    assert load(run, world(0), say=never)[0] == 3
    with lock(run):
        assert load(run, world(0), say=never)[0] == 5
    assert entries(run) == ["000000003", "000000005"]


def test_save_takes_arrays_that_are_named_already(run: Run):
    save_arrays(run, 2, world(2), score=None, keep=1)
    assert load(run, world(0), say=never)[1]["age"] == 2
    assert trees.to_spec(world(0)) == {"age": "int32[]", "kernel": "float32[4,25]"}
