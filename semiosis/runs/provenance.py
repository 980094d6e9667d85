"""Where a result comes from: the versions of what computed it, and the commit of the code."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("semiosis", "jax", "jaxlib", "equinox", "optax", "numpy")


def provenance() -> dict[str, Any]:
    """`{"versions": {name: version}, "platform": ..., "git": {"commit", "dirty"} or None}`; no host name, no path.

    A version is None for a package that is imported without being installed; git is None outside a checkout of semiosis.
    """
    return {"versions": versions(), "platform": f"{platform.system()} {platform.machine()}", "git": _git()}


def versions() -> dict[str, str | None]:
    """The versions of Python and of the packages that decide the numbers."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


@cache
def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """The commit of the checkout this package lies in, and whether tracked files differ from it."""
    root = Path(__file__).resolve().parents[2]
    top = _ask_git(root, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != root:  # installed inside another project's checkout: its commit says nothing
        return None
    commit = _ask_git(root, "rev-parse", "--verify", "HEAD")
    changes = _ask_git(root, "--no-optional-locks", "status", "--porcelain", "--untracked-files=no")
    return None if commit is None else {"commit": commit, "dirty": changes != ""}


def _ask_git(root: Path, *words: str) -> str | None:
    """What `git words` answers in `root`; None where there is no git, no checkout or no answer."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # a git hook sets these
    try:
        answer = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, env=clean, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
