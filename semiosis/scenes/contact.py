"""What a data set looks like: a contact sheet, and the list of all that can be loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from semiosis.errors import UsageError
from semiosis.extras import missing
from semiosis.scenes import options
from semiosis.scenes.hub import SETS
from semiosis.scenes.load import known
from semiosis.scenes.types import Data, Split

ROWS = 20  # classes shown at most
EXTRA = {"data": ("datasets", "PIL", "h5py", "pyarrow")}
INK, SOFT = "#22252b", "#8a8f98"


def listing() -> Table:
    """A table of every name that `load` knows, and of what is missing to use it."""
    table = Table(title="data sets", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in ("name", "what it is", "to use it"):
        table.add_column(column, overflow="fold")
    for name, what, extra in known():
        absent = missing(EXTRA.get(extra, ()))
        ready = "[green]ready[/green]" + (", fetched once" if name in SETS or name.startswith("hub:") else "")
        table.add_row(f"[bold]{name}[/bold]", what, f"pip install 'semiosis\\[{extra}]'" if absent else ready)
    return table


def contact_sheet(data: Data, path: str | Path, *, per_class: int = 12, split: str = "train") -> Path:
    """Draw some examples of each class as a PNG: images in rows by class, vectors as a heat map; returns the path.

    Of maps of features it shows how large the vector of each cell is.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    if not data.splits:
        raise UsageError(f"{data.name!r} is no data: there is nothing to show of it")
    shown = data.splits[split]
    rows = sample_rows(shown, per_class)
    if shown.inputs.ndim == 4 and shown.inputs.dtype != np.uint8:
        shown = shown._replace(inputs=norms(shown.inputs))
    figure = _images(data, shown, rows) if shown.inputs.ndim == 4 else _vectors(data, shown, rows)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_figure(path, dpi=200, facecolor="white", format="png")
    return path


def sample_rows(split: Split, per_class: int) -> list[tuple[int | None, np.ndarray]]:
    """The first `per_class` examples of each class; evenly spread classes if there are many, and a plain block without labels."""
    if split.labels is None:
        block = np.arange(min(len(split.inputs), 10 * per_class))
        return [(None, block[i : i + per_class]) for i in range(0, len(block), per_class)]
    found = np.unique(split.labels)
    shown = found[np.linspace(0, len(found) - 1, min(len(found), ROWS)).astype(int)]
    return [(int(c), np.flatnonzero(split.labels == c)[:per_class]) for c in shown]


def norms(maps: np.ndarray) -> np.ndarray:
    """The lengths of the vectors in the cells of maps, as grey images: float32 [n h w d] -> uint8 [n h w 1], 255 the largest of all."""
    lengths = np.sqrt(np.einsum("nhwd,nhwd->nhw", maps, maps))[..., None]
    return np.rint(255 * lengths / max(float(lengths.max()), 1e-30)).astype(np.uint8)


def _images(data: Data, split: Split, rows: list[tuple[int | None, np.ndarray]]) -> Any:
    """Rows of images, with a class name before each."""
    from matplotlib.figure import Figure

    columns = max(len(chosen) for _, chosen in rows)
    h, w, c = split.inputs.shape[1:]
    gap = max(1, round(0.08 * h))
    sheet = np.full((len(rows) * (h + gap) - gap, columns * (w + gap) - gap, c), 255 if c == 3 else 20, np.uint8)
    for i, (_, chosen) in enumerate(rows):
        for j, index in enumerate(chosen):
            sheet[i * (h + gap) : i * (h + gap) + h, j * (w + gap) : j * (w + gap) + w] = split.inputs[index]
    names = [_class_name(data, label) for label, _ in rows]
    left, top, bottom = 0.25 + 0.085 * max(map(len, names)), 0.75, 0.2
    width = 0.55 * columns
    height = width * sheet.shape[0] / sheet.shape[1]
    figure = Figure(figsize=(max(left + width + 0.2, left + 4), top + height + bottom))  # the line of sizes needs four inches
    total_w, total_h = figure.get_size_inches()
    axes = figure.add_axes((left / total_w, bottom / total_h, width / total_w, height / total_h))
    scale = max(1, 96 // h)  # whole pixels, so that small images stay sharp
    axes.imshow(sheet.repeat(scale, 0).repeat(scale, 1), cmap="gray_r" if c == 1 else None, vmin=0, vmax=255, interpolation="antialiased")
    axes.set_yticks([scale * (i * (h + gap) + h / 2) for i in range(len(rows))], names, fontsize=9, color=INK)
    _dress(figure, axes, data)
    return figure


def _vectors(data: Data, split: Split, rows: list[tuple[int | None, np.ndarray]]) -> Any:
    """A heat map: one line an example, classes together; one-hot attributes are named and told apart."""
    from matplotlib.figure import Figure

    chosen = np.concatenate([index for _, index in rows])
    features = split.inputs[chosen]
    figure = Figure(figsize=(8, 1.4 + min(6.0, 0.12 * len(chosen) + 1)))
    total_w, total_h = figure.get_size_inches()
    axes = figure.add_axes((1.3 / total_w, 0.75 / total_h, (total_w - 1.6) / total_w, (total_h - 1.5) / total_h))
    signed = features.min() < 0
    bound = float(np.quantile(np.abs(features), 0.99)) or 1.0
    axes.imshow(
        features, aspect="auto", cmap="RdBu_r" if signed else "Blues", vmin=-bound if signed else 0, vmax=bound, interpolation="nearest"
    )
    ends = np.cumsum([len(index) for _, index in rows])
    if rows[0][0] is not None:
        axes.set_yticks(
            ends - [len(index) / 2 + 0.5 for _, index in rows], [_class_name(data, label) for label, _ in rows], fontsize=9, color=INK
        )
        axes.hlines(ends[:-1] - 0.5, -0.5, features.shape[1] - 0.5, color="white", linewidth=1.2)
    else:
        axes.set_yticks([])
    edges = np.cumsum(data.attribute_sizes)
    _dress(figure, axes, data)
    if len(edges) and edges[-1] == features.shape[1]:
        axes.vlines(edges[:-1] - 0.5, -0.5, len(chosen) - 0.5, color=SOFT, linewidth=1)
        axes.set_xticks(edges - np.asarray(data.attribute_sizes) / 2 - 0.5, data.attribute_names, fontsize=9, color=INK)
    else:
        axes.set_xlabel(f"{features.shape[1]} features", fontsize=9, color=INK)
    return figure


def _class_name(data: Data, label: int | None) -> str:
    return "" if label is None else data.classes[label] if label < len(data.classes) else str(label)


def _dress(figure: Any, axes: Any, data: Data) -> None:
    """The title, and nothing that is not needed."""
    total_h = figure.get_size_inches()[1]
    x = axes.get_position().x0
    shape = [str(size) for size in next(iter(data.splits.values())).inputs.shape[1:]]
    sizes = "  ·  ".join(f"{len(part.inputs):,} {name}" for name, part in data.splits.items())
    form = "×".join(shape) if len(shape) > 1 else f"{shape[0]} features"
    path = Path(options.parse(data.name)[0]).expanduser()
    title = path.name + data.name[len(options.parse(data.name)[0]) :] if path.is_absolute() or path.exists() else data.name
    room = (1 - x) * figure.get_size_inches()[0]  # inches; a bold character of 13 points is about 0.125 wide
    figure.text(x, 1 - 0.3 / total_h, title, fontsize=min(13, 13 * room / (0.125 * len(title))), weight="bold", color=INK)
    figure.text(x, 1 - 0.55 / total_h, f"{form}  ·  {sizes}", fontsize=8.5, color=SOFT)
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
