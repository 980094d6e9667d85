"""How far a run is: a bar on a terminal, lines that read well under `tail -f` elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

Figures = Mapping[str, tuple[float | None, float | None]]  # name -> mean and spread over seeds; the game's main figure first


class Update(Protocol):
    """Shows how far a run is, and a note below that, as often as lines are shown; and warnings, each at once."""

    def __call__(self, step: int, figures: Figures, note: str = "", warnings: Sequence[str] = ()) -> None: ...


@contextmanager
def progress(total: int, start: int, title: str, *, every: float = 5.0) -> Iterator[Update]:
    """Yield `update(step, figures)`, which shows rate, remaining time and figures on the way from step `start` to `total`.

    Without a terminal it prints a line for the first update, the last one, those at least `every` seconds apart, and those that warn.
    """
    show = _bar(total, start, title, every) if sys.stdout.isatty() else _lines(total, title, every)
    with show as draw:
        clock = deque([(time.monotonic(), start)], maxlen=20)  # a window: the first update holds the compilation, later ones do not

        def update(step: int, figures: Figures, note: str = "", warnings: Sequence[str] = ()) -> None:
            clock.append((time.monotonic(), step))
            (before, since), (now, _) = clock[0], clock[-1]
            draw(step, (step - since) / max(now - before, 1e-9), figures, note, [f"warning at step {step:,}: {each}" for each in warnings])

        yield update


def describe(step: int, total: int, rate: float, figures: Figures) -> str:
    """One line: `step 1,200 of 4,000 (30%), 412 steps/s, 0:07 left, accuracy 0.912 ± 0.011`. `rate` in steps per second."""
    share = f" ({100 * step // total}%)" if total > 0 else ""
    return ", ".join([f"step {step:,} of {total:,}{share}", *pace(step, total, rate), *map(figure, figures, figures.values())])


def pace(step: int, total: int, rate: float) -> list[str]:
    """Steps per second and the time that is left; nothing before the first step is done."""
    if rate <= 0:
        return []
    return [f"{rate:,.0f} steps/s" if rate >= 10 else f"{rate:.2g} steps/s", f"{duration((total - step) / rate)} left"]


def figure(name: str, value: tuple[float | None, float | None]) -> str:
    """A figure as mean ± spread: `accuracy 0.912 ± 0.011`; one seed has no spread, and what is undefined says so."""
    mean, spread = value
    if mean is None or not math.isfinite(mean):
        return f"{name} undefined"
    return f"{name} {mean:.3f}" + ("" if spread is None or not math.isfinite(spread) else f" ± {spread:.3f}")


def duration(seconds: float) -> str:
    """Seconds as `0:07`, `12:34` or `1:02:03`."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


Draw = Callable[[int, float, Figures, str, Sequence[str]], None]  # step, steps per second, figures, note, warnings


@contextmanager
def _bar(total: int, start: int, title: str, every: float) -> Iterator[Draw]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[state]}"))
    with Progress(*columns) as screen:
        task, noted = screen.add_task(title, total=total, completed=start, state="compiling"), -math.inf

        def draw(step: int, rate: float, figures: Figures, note: str, warnings: Sequence[str]) -> None:
            nonlocal noted
            for warning in warnings:
                screen.console.print(warning, style="yellow", markup=False, highlight=False)
            if note and (time.monotonic() - noted >= every or step >= total):
                screen.console.print(note, markup=False, highlight=False)
                noted = time.monotonic()
            main = [figure(*item) for item in list(figures.items())[:1]]  # a terminal has one line: the main figure alone
            screen.update(task, completed=step, state=", ".join([*pace(step, total, rate), *main]), refresh=True)

        yield draw


@contextmanager
def _lines(total: int, title: str, every: float) -> Iterator[Draw]:
    shown, held = -math.inf, ""

    def draw(step: int, rate: float, figures: Figures, note: str, warnings: Sequence[str]) -> None:
        nonlocal shown, held
        held = "\n".join([f"{title}: {describe(step, total, rate, figures)}", *filter(None, [note]), *warnings])
        if warnings or time.monotonic() - shown >= every or step >= total:
            print(held, flush=True)
            shown, held = time.monotonic(), ""

    try:
        yield draw
    finally:
        if held:  # the last update, however the run ended
            print(held, flush=True)
