"""What every test stands on: four devices, remembered compilations, checked shapes, no silent broadcasting."""

from __future__ import annotations

import gc
import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path

# Tests are about values, and those are stated for the CPU; JAX_PLATFORMS=cuda,cpu looks at them on a GPU.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# Most of the suite's time would be compilation: programs are kept from run to run and from clone to clone. These three go by the
# environment so that the processes which tests start find the same store.
USER_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
CACHE = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(USER_CACHE / "semiosis" / "tests"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# And what is compiled runs for a moment only: without optimising it, compiling takes half to four fifths of the time.
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_backend_optimization_level=0".strip()

import jax
import pytest
from jaxtyping import install_import_hook

# Before the first computation, and in this process only: a process that a test starts sees the machine as it is.
jax.config.update("jax_num_cpu_devices", 4)

# Shapes and types of every annotated function and field are checked, in tests only; this must come before the first import of semiosis.
install_import_hook("semiosis", "beartype.beartype")

REPO = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("rank_promotion", "what jax.numpy does when [n] meets [m n] unasked: raise, warn or allow", default="raise")


def pytest_configure(config: pytest.Config) -> None:
    if importlib.util.find_spec("semiosis") is None:
        raise pytest.UsageError("semiosis is not installed here: pip install -e '.[dev,data,tensorboard,wandb,film]', or make test")
    jax.config.update("jax_numpy_rank_promotion", config.getini("rank_promotion"))


def pytest_report_header() -> list[str]:
    import semiosis

    return [
        f"semiosis: {Path(semiosis.__file__).parent}",
        f"jax: {jax.__version__}, {jax.device_count()} {jax.default_backend()} devices, programs kept in {CACHE}",
    ]


@pytest.fixture(scope="session")
def repo() -> Path:
    """The checkout: where the README, the docs and the examples are."""
    return REPO


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder that holds `mnist` and `cifar10` as Parquet: SEMIOSIS_DATA, or `../shared/data` beside the checkout."""
    folder = Path(os.environ.get("SEMIOSIS_DATA", REPO.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs real images and found no folder {folder}; SEMIOSIS_DATA may name another")
    return folder


@pytest.fixture(autouse=True, scope="module")
def environment() -> Iterator[None]:
    """What the program sets for itself is taken back, so that processes of other tests see the machine as it is.

    Programs that were compiled are let go of: each takes some maps of memory, of which a process may have 65,530 on Linux, and then ends
    without a word.
    """
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
    jax.clear_caches()
    gc.collect()


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process, on a terminal of 80 columns: its status, what it printed, what it said on standard error."""
    from semiosis import cli

    monkeypatch.setenv("COLUMNS", "80")

    def command(*args: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = cli.main([str(arg) for arg in args])
        except SystemExit as end:  # tyro ends the program itself
            status = end.code if isinstance(end.code, int) else 1
        out, err = capsys.readouterr()
        return status, out, err

    return command
