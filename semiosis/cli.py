"""The command line: which commands there are, what a mistake gets, and the settings that JAX reads first."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from semiosis.commands.overview import overview
from semiosis.commands.shared import GAMES, say
from semiosis.errors import UsageError, unknown

__all__ = ["COMMANDS", "GAMES", "main"]


def _command(name: str) -> Callable[[list[str]], int]:
    """The command whose module has its name; it is imported when it is called, so that none waits for the others."""
    return lambda args: importlib.import_module(f"semiosis.commands.{name.replace('-', '_')}").run(args)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    name: _command(name)
    for name in (
        "demo",
        "train",
        "resume",
        "evaluate",
        "report",
        "reproduce",
        "corpus",
        "metrics",
        "recall",
        "film",
        "dialogue-analysis",
        "draw",
        "gamelogs",
        "recognise",
        "features",
        "probe",
        "crossplay",
        "data",
        "describe",
        "bench",
    )
}


def _prepare_jax() -> None:
    """Settings that JAX reads when it is first imported; whoever has set them already is heard.

    A CPU counts as one device a core, so that seeds run on all of them. Compiled programs are kept between processes, in
    JAX_COMPILATION_CACHE_DIR or the user's cache.
    """
    os.environ.setdefault(
        "JAX_NUM_CPU_DEVICES", str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    )
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(home / "semiosis" / "programs"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.5")


def _run(args: list[str]) -> int:
    """The command that the first word names."""
    if not args or args[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    if args[0] in ("--version", "version"):
        from semiosis.runs.provenance import versions

        print(f"semiosis {versions()['semiosis']}")
        return 0
    if args[0] not in COMMANDS:
        raise unknown("command", args[0], COMMANDS)
    _prepare_jax()
    return COMMANDS[args[0]](args[1:])


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; a user's mistake is one sentence on standard error and status 2."""
    try:
        status = _run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()  # here, where a reader that has gone is minded
        return status
    except UsageError as mistake:
        say(str(mistake))
        return 2
    except (MemoryError, RuntimeError) as refusal:
        if not isinstance(refusal, MemoryError) and "out of memory" not in str(refusal).lower():  # as XLA says it
            raise
        say("out of memory: choose smaller sizes, fewer seeds, or a smaller batch")
        return 2
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
