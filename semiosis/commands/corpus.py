"""`semiosis corpus DIR`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro
from tyro.conf import Positional

from semiosis.commands.shared import opened
from semiosis.errors import UsageError


@dataclass(frozen=True)
class Corpus:
    """Write down what the agents of a run say: who said what to whom about what, heard and guessed as what, a row an utterance."""

    dir: Positional[str]
    """The run directory."""
    format: Literal["parquet", "jsonl", "hdf5", "elcc", "egg"] = "parquet"
    """Columns, a JSON object a row, HDF5, the layout of ELCC (messages alone), or an Interaction of EGG's as torch.save writes it."""
    split: str = "test"
    """The split that is talked about, or a variant of it such as test/noise."""
    checkpoint: str = "newest"
    """Which checkpoint: newest, best or a step."""
    out: str = ""
    """The file, or ELCC's folder; by default DIR/episodes with the format's ending, DIR/elcc. Drawings go to corpus-images beside it."""
    seed: str = "all"
    """The seed whose agents talk, or all."""
    listeners: Literal["all", "first"] = "all"
    """Every speaker talks to every listener, at most ten of each, or to one alone, which is enough to know what is said."""
    strokes: bool = False
    """Sketches bring the corners of their lines as numbers."""
    json: bool = False
    """Print what was written as an object."""


def run(args: list[str]) -> int:
    """`semiosis corpus DIR`."""
    chosen = tyro.cli(Corpus, args=args, prog="semiosis corpus")
    check_seed(chosen.seed)

    from semiosis import corpora
    from semiosis.runs import corpora as plays

    trained = opened(chosen.dir, chosen.checkpoint)
    seeds = () if chosen.seed == "all" else (int(chosen.seed),)
    corpus = plays.of(trained, chosen.split, seeds=seeds, listeners=chosen.listeners, strokes=chosen.strokes)
    written = corpora.write(corpus, Path(chosen.out) if chosen.out else place(Path(chosen.dir), chosen), chosen.format)
    result = {"written": str(written), **told(corpus)}
    if chosen.json:
        print(json.dumps(result))
        return 0
    messages = f"{result['messages']:,} different {'drawings' if corpus.drawn else 'messages'}"
    print(f"{result['rows']:,} utterances of {_counted(len(result['seeds']), 'seed')} about {result['examples']:,} things, {messages}")
    print(f"written: {written}" + (f", {written.parent / corpora.IMAGES}" if corpus.drawn else ""))
    return 0


def check_seed(seed: str) -> None:
    """One sentence for what is neither a seed nor all."""
    if seed != "all" and not seed.isdecimal():
        raise UsageError(f"seed {seed!r}: expected a seed of the run, or all")


def place(run: Path, chosen: Any) -> Path:
    """Where the corpus of a run lies by default: named by its split, seed and checkpoint where these are not the usual."""
    from semiosis.corpora import FORMATS
    from semiosis.runs.session import suffix

    told = {} if chosen.seed == "all" else {"seed": chosen.seed}
    told |= {} if chosen.checkpoint == "newest" else {"checkpoint": chosen.checkpoint}
    which = suffix(chosen.split, told)
    return run / f"elcc{which}" if chosen.format == "elcc" else run / f"episodes{which}{FORMATS[chosen.format].suffix}"


def told(corpus: Any) -> dict[str, Any]:
    """How much there is in a corpus."""
    import numpy as np

    from semiosis.metrics import message_ids

    names = corpus.image if corpus.drawn else message_ids(np.maximum(corpus.tokens, 0), corpus.length)
    examples = np.unique(np.stack([corpus.example], axis=1), axis=0)
    return {"rows": corpus.size, "seeds": np.unique(corpus.seed).tolist(), "examples": len(examples), "messages": len(np.unique(names))}


def _counted(n: int, thing: str) -> str:
    return f"{n:,} {thing}" + ("" if n == 1 else "s")
