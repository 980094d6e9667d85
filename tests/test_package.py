"""The package as a user gets it: what is tested is what is shipped, and importing it costs and changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

import semiosis

PACKAGE = Path(semiosis.__file__).parent

wheel = pytest.mark.skipif(os.environ.get("SEMIOSIS_EXPECT_WHEEL") != "1", reason="about the built wheel, which `make test` installs")


def files(package: Path) -> dict[str, bytes]:
    return {str(f.relative_to(package)): f.read_bytes() for f in package.rglob("*") if f.is_file() and "__pycache__" not in f.parts}


@wheel
def test_the_wheel_is_what_is_tested():
    assert PACKAGE.is_relative_to(sysconfig.get_path("purelib"))


@wheel
def test_a_process_that_a_test_starts_imports_the_wheel_too(repo: Path):
    told = subprocess.check_output([sys.executable, "-c", "import semiosis; print(semiosis.__file__)"], cwd=repo, text=True)
    assert Path(told.strip()).parent == PACKAGE


@wheel
def test_the_wheel_holds_every_file_of_the_checkout_as_it_is(repo: Path):
    shipped, written = files(PACKAGE), files(repo / "semiosis")
    assert sorted(shipped) == sorted(written)
    assert [name for name in written if shipped[name] != written[name]] == []


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()


@wheel
def test_metadata_follow_pyproject(repo: Path):
    project = tomllib.loads((repo / "pyproject.toml").read_text())["project"]
    metadata = importlib.metadata.metadata("semiosis")
    assert metadata["Version"] == project["version"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert set(metadata.get_all("Provides-Extra") or []) == set(project["optional-dependencies"])


def test_the_core_needs_no_extra(repo: Path):
    """Every module can be imported where only the core dependencies exist."""
    program = """
import importlib, pkgutil, sys
for absent in ("datasets", "h5py", "pyarrow", "tensorboardX", "wandb", "av", "beartype", "pytest"):
    sys.modules[absent] = None
import semiosis
for module in pkgutil.walk_packages(semiosis.__path__, "semiosis."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
    told = subprocess.run([sys.executable, "-c", program], cwd=repo, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
