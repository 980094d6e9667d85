"""Where measurements go besides metrics.jsonl: a sink is a function of rows, opened by a `with` that closes it."""

from __future__ import annotations

import importlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from typing import Any

from semiosis.errors import UsageError
from semiosis.runs.directory import Run
from semiosis.runs.files import read_json, write_json
from semiosis.runs.records import Row, clean

Sink = Callable[[Iterable[Row]], None]


def check(*, tensorboard: bool, wandb: bool) -> None:
    """Raise UsageError, one sentence, where a sink is asked for and its extra is not installed: before a run is made or changed."""
    for asked, what, module, extra in (
        (tensorboard, "TensorBoard", "tensorboardX", "tensorboard"),
        (wandb, "Weights & Biases", "wandb", "wandb"),
    ):
        if asked:
            try:
                importlib.import_module(module)
            except ImportError as missing:
                raise _missing(what, extra, missing) from missing


@contextmanager
def tensorboard(run: Run, *, start: int = 0) -> Iterator[Sink]:
    """A sink that writes OUT/tensorboard/seed-N, one curve a seed, tagged `split/metric`; `tensorboard --logdir OUT` shows them.

    A run resumed at step `start` hides what an earlier process wrote past it; the files are ten seconds behind at most.
    Raises `UsageError` without the extra `tensorboard`.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError as missing:
        raise _missing("TensorBoard", "tensorboard", missing) from missing
    with ExitStack() as stack:
        writers: dict[Any, SummaryWriter] = {}

        def write(rows: Iterable[Row]) -> None:
            for row in map(clean, rows):
                if row["seed"] not in writers:
                    folder = run.path / "tensorboard" / f"seed-{row['seed']}"
                    mark = {"purge_step": start + 1, "filename_suffix": f".{start}"}
                    writers[row["seed"]] = SummaryWriter(str(folder), flush_secs=10, **mark)
                    stack.callback(writers[row["seed"]].close)
                for name, value in _measured(row):
                    writers[row["seed"]].add_scalar(f"{row['split']}/{name}", value, row["step"])

        yield write


@contextmanager
def wandb(run: Run, *, project: str = "semiosis") -> Iterator[Sink]:
    """A sink to Weights & Biases: one run of theirs for one of ours, also when resumed, with keys `split/metric/seed N`.

    Their setting WANDB_MODE=offline writes to OUT/wandb alone. Raises `UsageError` without the extra `wandb` or when W&B refuses.
    """
    try:
        import wandb as client
    except ImportError as missing:
        raise _missing("Weights & Biases", "wandb", missing) from missing
    try:
        theirs = client.init(
            project=project, dir=run.path, id=_wandb_id(run), name=run.path.name, resume="allow", config=run.record, tags=["semiosis"]
        )
    except client.Error as refusal:
        raise UsageError(f"Weights & Biases refuses: {refusal}; WANDB_MODE=offline writes to disk alone") from refusal
    theirs.define_metric("*", step_metric="step")  # their own step may not go back, as ours does on resume

    def write(rows: Iterable[Row]) -> None:
        for step, group in groupby(map(clean, rows), key=lambda row: row["step"]):
            values = {f"{row['split']}/{name}/seed {row['seed']}": value for row in group for name, value in _measured(row)}
            theirs.log({"step": step, **values})

    try:
        yield write
    except BaseException:
        theirs.finish(exit_code=1)
        raise
    theirs.finish()


def _measured(row: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The metrics of a cleaned row that have a value."""
    for name, value in row.items():
        if name not in ("step", "seed", "split", "reasons") and value is not None:
            yield name, value


def _wandb_id(run: Run) -> str:
    """The name W&B knows this run by: drawn once, kept in OUT/wandb.json."""
    file = run.path / "wandb.json"
    if not file.exists():
        write_json(file, {"id": secrets.token_hex(6)})
    return read_json(file)["id"]


def _missing(what: str, extra: str, cause: ImportError) -> UsageError:
    return UsageError(f"{what} needs the extra {extra!r}, and {cause.name} is not installed: pip install 'semiosis[{extra}]'")
