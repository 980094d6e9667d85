"""Real handwritten digits that need no download: the 1,797 images embedded in scikit-learn (UCI, Alpaydin and Kaynak, 1998)."""

from __future__ import annotations

import numpy as np

from semiosis.scenes import images, options
from semiosis.scenes.types import Options, Part, Source


def source(name: str, opts: Options, seed: int = 0) -> Source:
    """1,797 images 8 x 8 x 1, cut 80/10/10; grey levels 0..16 become uint8 round(255 level / 16). `side=NN` enlarges them (cubic)."""
    from sklearn.datasets import load_digits

    options.check(name, opts, ("side",))
    side = options.whole(opts, "side", None, 4, 1024)
    bunch = load_digits()
    levels = bunch.images[..., None]  # type: ignore[union-attr]
    pixels = np.floor(levels * 255 / 16 + 0.5).astype(np.uint8)
    labels = bunch.target.astype(np.int32)  # type: ignore[union-attr]
    shape = (side or 8, side or 8, 1)

    def read(rows: np.ndarray) -> np.ndarray:
        return images.resize(pixels[rows], side) if side else pixels[rows]

    return Source({"all": Part(len(pixels), shape, np.uint8, read, labels)}, classes=tuple("0123456789"))
