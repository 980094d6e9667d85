"""How a run is run, whatever its game: seeds, place, pace, sinks."""

from __future__ import annotations

from dataclasses import dataclass

from semiosis.errors import UsageError
from semiosis.runs.loop import Order


@dataclass(frozen=True)
class Options:
    """The dials of a run that change no game."""

    seeds: str = "1"
    """How many seeds (8 is 0 to 7), or which (3,5,7; one seed alone is written 5,)."""
    order: Order = "auto"
    """Seeds in turn, with the very numbers of each seed run alone, or side by side: auto is in turn on a CPU, else side by side."""
    devices: int = 0
    """Devices to use, seeds first, then the batch; 0 means all, and on a CPU as many cores as divide the seeds."""
    log_every: int = 0
    """Steps between lines of metrics.jsonl, and the most steps in one compiled call; 0 means a hundredth of all, at most 200."""
    save_every: int = 0
    """Steps between checkpoints, each with a look at the valid split; 0 means a tenth of all."""
    keep: int = 2
    """Newest checkpoints to keep; the best by valid accuracy is kept besides."""
    tensorboard: bool = False
    """Write curves for TensorBoard as well (extra `tensorboard`)."""
    wandb: str = ""
    """Write curves to this Weights & Biases project as well (extra `wandb`)."""


def parse_seeds(text: str) -> tuple[int, ...]:
    """`8` is the seeds 0 to 7; `3,5,7` those three; `5,` the seed 5 alone. Raises UsageError, one sentence."""
    try:
        seeds = tuple(range(int(text))) if "," not in text else tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UsageError(f"seeds {text!r}: expected how many, as in 8, or which, as in 3,5,7") from None
    if not seeds or len(set(seeds)) != len(seeds) or not all(0 <= seed < 2**32 for seed in seeds):
        raise UsageError(f"seeds {text!r}: expected one or more, all different, from 0 to {2**32 - 1}")
    return seeds


def pace(options: Options, steps: int) -> tuple[int, int]:
    """Steps between logs and between checkpoints."""
    if steps < 0:
        raise UsageError(f"steps is {steps}: expected 0 or more")
    for field in ("log_every", "save_every", "devices"):
        if getattr(options, field) < 0:
            raise UsageError(f"{field} is {getattr(options, field)}: expected 0 (choose for me) or more")
    if options.keep < 1:
        raise UsageError(f"keep is {options.keep}: expected 1 or more")
    log = options.log_every or min(200, max(1, steps // 100))
    return log, options.save_every or max(1, steps // 10)
