"""`semiosis draw IMAGE`."""

from __future__ import annotations

import tyro


def run(args: list[str]) -> int:
    """`semiosis draw IMAGE`."""
    from semiosis.runs.draw import Drawing, draw_image
    from semiosis.runs.progress import progress

    chosen = tyro.cli(Drawing, args=args, prog="semiosis draw")
    print("written: " + ", ".join(map(str, draw_image(chosen, progress))))
    return 0
