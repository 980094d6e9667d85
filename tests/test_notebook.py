"""The notebook: it runs from the first cell to the last, draws its figures, and is kept without what it said."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

needs_kernel = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("nbclient", "nbformat", "ipykernel")), reason="needs nbclient and ipykernel"
)


@pytest.fixture(scope="module")
def notebook(repo: Path) -> Path:
    return repo / "examples" / "analyse_messages.ipynb"


def test_it_is_kept_without_outputs(notebook: Path):
    cells = json.loads(notebook.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert all("execution" not in cell["metadata"] for cell in cells)


@needs_kernel
@pytest.mark.filterwarnings("default::DeprecationWarning")  # of the kernel's own machinery
def test_it_runs_and_draws(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.delenv("SEMIOSIS_RUN", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where it trains a run, if none is named
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # figures belong into the notebook
    read: Any = nbformat.read(notebook, as_version=4)
    NotebookClient(read, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in read.cells for output in cell.get("outputs", [])]
    shown = [kind for output in outputs for kind in output.get("data", {})]
    assert shown.count("image/png") == 4
    tables = [output["data"]["text/markdown"] for output in outputs if "text/markdown" in output.get("data", {})]
    lexicon, measures = (table.splitlines() for table in tables)
    assert len(lexicon) == 2 + 10  # a line for each digit
    named = [line.split(" | ")[0].removeprefix("| ") for line in measures[2:]]
    assert named == ["entropy of messages, bits", "message tells class, bits", "topographic similarity"]
    printed = "".join(output["text"] for output in outputs if output.get("name") == "stdout")
    assert "lewis, about digits, seeds [0, 1, 2]" in printed
    assert "537 utterances; of seed 0: 179" in printed
    assert (Path(next(tmp_path.glob("tmp*"))) / "episodes.parquet").is_file()
