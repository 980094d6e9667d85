"""The run directory: made once, opened plainly, written by one process, and never in a state that nobody can use."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import semiosis
from semiosis.errors import UsageError
from semiosis.runs import directory, files
from semiosis.runs.directory import FORMAT, Run, create, lock, open_run
from semiosis.runs.files import read_json, write_json
from semiosis.runs.provenance import provenance

IMPORTS = Path(semiosis.__file__).parents[1]  # where a process that a test starts finds the package


def python(program: str, *arguments: object) -> str:
    """What a fresh process prints; it must end well."""
    done = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], cwd=IMPORTS, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def read_only() -> Iterator[Path]:
    """A folder that nobody but root may write to, in a place where everybody may look."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    subprocess.run(["rm", "-r", str(folder)], check=True)


def test_create_writes_the_record_and_open_reads_it_back(tmp_path: Path):
    run = create(tmp_path / "a" / "run", {"game": "lewis", "seeds": [0, 1]})
    assert run.record == {"format": FORMAT, "game": "lewis", "seeds": [0, 1]}
    assert open_run(str(run.path)) == run
    assert sorted(file.name for file in run.path.iterdir()) == [".lock", "config.json"]


def test_create_in_an_empty_folder_and_in_what_a_killed_create_left(tmp_path: Path):
    create(tmp_path, {})
    half = tmp_path / "half"
    half.mkdir()
    (half / ".lock").touch()
    (half / ".config.json.1234567.tmp").write_text('{"format"')
    create(half, {})
    assert sorted(file.name for file in half.iterdir()) == [".lock", "config.json"]


@pytest.mark.parametrize("folders", [(), ("000000020", "000000100", ".000000200.1.tmp")])
def test_create_refuses_a_run_and_says_its_step(tmp_path: Path, folders: tuple[str, ...]):
    run = create(tmp_path / "run", {"game": "lewis"})
    for name in folders:
        (run.path / "checkpoints" / name).mkdir(parents=True)
    step = 100 if folders else 0
    with pytest.raises(UsageError, match=rf"^{run.path} holds a run at step {step}: `semiosis resume {run.path}` continues it, or "):
        create(run.path, {"game": "glyph"})
    assert open_run(run.path).record["game"] == "lewis"


def test_create_refuses_other_peoples_folders_and_files(tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("all of it")
    with pytest.raises(UsageError, match=r"is not empty and holds no run: choose another --out$"):
        create(tmp_path, {})
    with pytest.raises(UsageError, match=r"thesis.tex is a file: choose another --out$"):
        create(tmp_path / "thesis.tex", {})
    with pytest.raises(UsageError, match=r"^cannot create .*thesis.tex/run: Not a directory; choose another --out$"):
        create(tmp_path / "thesis.tex" / "run", {})
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


TRY = """
import os, sys
from pathlib import Path
from semiosis.errors import UsageError
from semiosis.runs.checkpoints import save_arrays
from semiosis.runs.directory import create, lock, open_run
from semiosis.runs.provenance import versions
from semiosis.runs.records import append
import safetensors.numpy
versions()
if os.getuid() == 0:  # whom no permission stops; all is imported by now, as the next one may not read Python's own files
    os.setuid(65534)
path = Path(sys.argv[1])
def try_to(act):
    try:
        act()
    except UsageError as sentence:
        print(sentence)
"""


def test_create_under_a_read_only_parent(read_only: Path):
    read_only.chmod(0o555)
    told = python(TRY + "try_to(lambda: create(path / 'run', {})); try_to(lambda: create(path, {}))", read_only)
    assert told.splitlines() == [
        f"cannot create {read_only}/run: Permission denied; choose another --out",
        f"cannot write in {read_only}: Permission denied",
    ]
    assert not list(read_only.iterdir())
    with pytest.raises(UsageError, match=r"^cannot create /proc/semiosis: No such file or directory; choose another --out$"):
        create("/proc/semiosis", {})


def test_a_read_only_run_opens_and_refuses_to_be_written(read_only: Path):
    run = create(read_only / "run", {})
    run.path.chmod(0o555)
    (run.path / ".lock").chmod(0o444)
    attempts = """
run, row = open_run(path), {"step": 1, "seed": 0, "split": "valid"}
try_to(lambda: lock(run).__enter__())
try_to(lambda: append(run, [row]))
try_to(lambda: save_arrays(run, 1, {}, score=None, keep=1))
"""
    told = python(TRY + attempts, run.path)
    assert [re.sub(r":.*", "", line) for line in told.splitlines()] == [
        f"cannot write in {run.path}",
        f"cannot write {run.path}/metrics.jsonl",
        f"cannot save the checkpoint of step 1 in {run.path}",
    ]
    assert told.count("Permission denied") == 3


def test_a_failing_create_can_be_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", refuse)
        with pytest.raises(UsageError, match=r"^cannot write .*config.json: Read-only file system$"):
            create(tmp_path / "run", {})
    assert [file.name for file in (tmp_path / "run").iterdir()] == [".lock"]
    create(tmp_path / "run", {})


def test_of_two_that_create_the_same_run_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    @contextmanager
    def late(run: Run) -> Iterator[None]:
        """We looked, and then the other was faster."""
        (run.path / "config.json").write_text('{"format": 1, "game": "theirs"}')
        yield

    monkeypatch.setattr(directory, "lock", late)
    with pytest.raises(UsageError, match="holds a run at step 0"):
        create(tmp_path / "run", {"game": "ours"})
    assert open_run(tmp_path / "run").record["game"] == "theirs"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "it has no config.json, which `semiosis train` writes first"),
        ('{"format": 1, "game', "config.json is damaged: it is no JSON"),
        ("\0" * 64, "config.json is damaged: it is no JSON"),
        ('["format"]', "is not of a semiosis run: it has no format number"),
        ('{"game": "lewis"}', "is not of a semiosis run: it has no format number"),
        (
            f'{{"format": {FORMAT + 1}}}',
            f"has format {FORMAT + 1} and this semiosis reads formats up to {FORMAT}, because a newer",
        ),
    ],
)
def test_open_says_what_is_wrong(tmp_path: Path, text: str | None, sentence: str):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(UsageError, match=re.escape(sentence)):
        open_run(tmp_path)


def test_open_of_what_is_no_folder(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"no run directory: there is no such directory$"):
        open_run(tmp_path / "absent")
    with pytest.raises(UsageError, match=r"no run directory: it is a file$"):
        open_run(tmp_path / "file")


def test_open_of_what_may_not_be_read(read_only: Path):
    create(read_only / "run", {})
    read_only.chmod(0o000)
    told = python(TRY + "try_to(lambda: open_run(path)); try_to(lambda: create(path, {}))", read_only / "run")
    assert told.splitlines() == [
        f"cannot read {read_only}/run: Permission denied",
        f"cannot create {read_only}/run: Permission denied; choose another --out",
    ]


def test_the_lock_is_held_by_one_and_released_by_a_kill(tmp_path: Path):
    run = create(tmp_path / "run", {})
    program = "import sys; from semiosis.runs.directory import *\nwith lock(open_run(sys.argv[1])): print('held', flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", program, run.path], cwd=IMPORTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=rf"^{run.path} is in use by another process \({holder.pid}\): wait until it ends"), lock(run):
            pass
        with pytest.raises(UsageError, match="holds a run"):
            create(run.path, {})
        holder.kill()
    with lock(run):
        assert open_run(run.path) == run  # to read needs no lock


def test_the_lock_is_released_by_an_error(tmp_path: Path):
    run = create(tmp_path / "run", {})
    with pytest.raises(ZeroDivisionError), lock(run):
        raise ZeroDivisionError
    with lock(run):
        pass


def test_the_lock_clears_away_what_a_killed_process_left(tmp_path: Path):
    run = create(tmp_path / "run", {})
    dead, alive = ".metrics.jsonl.1234567890.tmp", f".evaluation.json.{os.getppid()}.tmp"
    for name in (dead, alive, f".config.json.{os.getpid()}.tmp", "notes.tmp"):
        (run.path / name).touch()
    with lock(run):
        assert {file.name for file in run.path.iterdir()} == {".lock", "config.json", alive, "notes.tmp"}


def test_write_json_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "evaluation.json"
    write_json(file, {"mean": 0.5, "chance": None, "name": "β"})
    assert read_json(file) == {"mean": 0.5, "chance": None, "name": "β"}
    with pytest.raises(UsageError, match="JSON"):
        write_json(file, {"mean": float("nan")})
    with pytest.raises(UsageError, match="JSON"):
        write_json(file, {"mean": {1, 2}})

    def interrupt(_: int):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_json(file, {})
    assert read_json(file)["mean"] == 0.5
    assert list(tmp_path.iterdir()) == [file]


def test_provenance_tells_versions_and_nothing_of_the_machine(tmp_path: Path):
    told = provenance()
    assert told["versions"].keys() == {"python", "semiosis", "jax", "jaxlib", "equinox", "optax", "numpy"}
    assert told["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    text = json.dumps(told)
    assert os.uname().nodename not in re.findall(r"[\w.-]+", text)
    assert str(Path.home()) not in text
    assert str(IMPORTS) not in text


def test_provenance_of_a_checkout(tmp_path: Path):
    """The commit is that of semiosis, not of the project it is installed in; a changed file makes it dirty."""
    package = tmp_path / "semiosis" / "runs"
    package.mkdir(parents=True)
    source = Path(semiosis.__file__).parent / "runs" / "provenance.py"
    (package / "provenance.py").write_bytes(source.read_bytes())
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@x"]
    tell = f"import sys; sys.path.insert(0, {str(package)!r}); import provenance; print(provenance.provenance()['git'])"
    assert python(tell) == "None\n"
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *command], check=True)
    commit = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True).strip()
    assert python(tell) == f"{ {'commit': commit, 'dirty': False} }\n"
    with (package / "provenance.py").open("a") as file:
        file.write("# changed\n")
    assert python(tell) == f"{ {'commit': commit, 'dirty': True} }\n"
    (tmp_path / "semiosis").rename(tmp_path / "vendored")
    (tmp_path / "site").mkdir()
    (tmp_path / "vendored").rename(tmp_path / "site" / "semiosis")
    assert python(tell.replace(str(package), str(tmp_path / "site" / "semiosis" / "runs"))) == "None\n"
