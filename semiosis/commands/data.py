"""`semiosis data [NAME]`."""

from __future__ import annotations

from dataclasses import dataclass

import tyro
from tyro.conf import Positional


@dataclass(frozen=True)
class DataSets:
    """The data sets there are; with a name, what one holds and a contact sheet of it."""

    name: Positional[str] = ""
    """A data set, as --data takes it."""
    out: str = "contact-sheet.png"
    """Where the contact sheet is written."""


def run(args: list[str]) -> int:
    """`semiosis data [NAME]`."""
    from rich.console import Console

    from semiosis import scenes
    from semiosis.runs.files import spoken
    from semiosis.scenes.contact import contact_sheet, listing
    from semiosis.scenes.descriptions import told

    chosen = tyro.cli(DataSets, args=args, prog="semiosis data")
    if not chosen.name:
        Console().print(listing())
        return 0
    loaded = scenes.load(chosen.name)
    with spoken(f"write {chosen.out}", "choose another --out"):
        contact_sheet(loaded, chosen.out)
    for name, split in loaded.splits.items():
        shape = " x ".join(map(str, split.inputs.shape[1:]))
        print(f"{name}: {len(split.inputs):,} of {shape} {split.inputs.dtype}")
    print(f"classes: {', '.join(loaded.classes) or 'none'}")
    if loaded.attribute_names:
        print("attributes: " + ", ".join(f"{n} ({k})" for n, k in zip(loaded.attribute_names, loaded.attribute_sizes, strict=True)))
    for line in told(loaded):
        print(line)
    print(f"written: {chosen.out}")
    return 0
