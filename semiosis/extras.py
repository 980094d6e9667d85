"""Libraries that only some sources and formats need, and what their errors say."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from semiosis.errors import UsageError

PACKAGES = {"PIL": "pillow"}  # where the module is not called as the package


def need(module: str, what: str) -> Any:
    """Import a module of the extra `data`, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        root = module.split(".")[0]
        sentence = f"{what} needs {PACKAGES.get(root, root)}, which is in the extra `data`: pip install 'semiosis[data]'"
        raise UsageError(sentence) from error


def missing(modules: tuple[str, ...]) -> list[str]:
    """Which of these modules are not installed."""
    return [PACKAGES.get(module, module) for module in modules if importlib.util.find_spec(module) is None]


def first_line(error: BaseException) -> str:
    """The reason of an error, short enough for a sentence."""
    return " ".join(str(error).split())[:200] or type(error).__name__
