"""Random numbers that are functions of a name alone, the same on every machine and with every version of NumPy."""

from __future__ import annotations

import hashlib

import numpy as np

from semiosis.scenes.splits import hashed


def seed_of(*parts: object) -> int:
    """A seed of 64 bits for whatever these words and numbers name together."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:8], "little")


def normals(n: int, seed: int) -> np.ndarray:
    """n draws of N(0, 1), by Box and Muller (1958) from pairs of uniform numbers: float64 [n]."""
    pairs = (n + 1) // 2
    uniform = ((hashed(2 * pairs, seed) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53  # never 0, which has no logarithm
    radius, angle = np.sqrt(-2 * np.log(uniform[:pairs])), 2 * np.pi * uniform[pairs:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:n]
