"""Many dimensions in two: principal components, t-SNE, and labels that do not cover one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from sklearn.manifold import TSNE

FEWEST = 5  # points that t-SNE needs


class Plane(NamedTuple):
    """Points [n 2] on their first two principal components, and the share of the variance that lies along each."""

    places: np.ndarray
    shares: tuple[float, float]


def pca(points: Float[np.ndarray, "n z"]) -> Plane:
    """The first two principal components; of one dimension, the second is zero. The largest weight of each component is positive."""
    centred = np.asarray(points, float) - np.mean(points, 0)
    _, scale, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes * np.where(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1) < 0, -1.0, 1.0)
    variance = scale**2 / max(float(np.sum(scale**2)), 1e-30)
    two = axes[:2]
    places = np.zeros((len(centred), 2))
    places[:, : len(two)] = centred @ two.T
    return Plane(places, (float(variance[0]), float(variance[1]) if len(variance) > 1 else 0.0))


def tsne(points: Float[np.ndarray, "n z"], start: Float[np.ndarray, "n 2"], seed: int = 0) -> Float[np.ndarray, "n 2"]:
    """t-SNE (van der Maaten and Hinton, 2008), begun at the `start` of PCA; that itself where points are too few or all equal.

    It takes half of scikit-learn's iterations: after them little changes that a figure could show.
    """
    wide = float(start[:, 0].std()) if len(start) else 0.0
    if len(points) < FEWEST or wide == 0:
        return start
    perplexity = min(30.0, (len(points) - 1) / 3)
    begun = (start / wide * 1e-4).astype(np.float32)
    method = TSNE(2, perplexity=perplexity, init=begun, max_iter=500, random_state=seed)  # type: ignore[arg-type]
    return method.fit_transform(np.asarray(points, np.float32))


def aligned(maps: Sequence[Float[np.ndarray, "n 2"]]) -> list[Float[np.ndarray, "n 2"]]:
    """Maps of the same points, centred, and turned or mirrored so as to match the first: t-SNE knows no up or left.

    The orthogonal Procrustes problem (Schönemann, 1966).
    """
    centred = [one - one.mean(0) for one in maps]
    out = []
    for one in centred:
        left, _, right = np.linalg.svd(one.T @ centred[0])
        out.append(one @ (left @ right))
    return out


def fitted(places: Float[np.ndarray, "n 2"], width: float, height: float, edge: float = 0.12) -> Float[np.ndarray, "n 2"]:
    """Points into a frame of that size, downwards, in one scale for both directions, with an `edge` left free on all sides."""
    low, high = places.min(0), places.max(0)
    frame = np.array((width, height))
    scale = float(((frame - 2 * edge) / np.maximum(high - low, 1e-12)).min())
    return (places - (low + high) / 2) * scale * (1, -1) + frame / 2


def apart(centres: Float[np.ndarray, "m 2"], sizes: Float[np.ndarray, "m 2"], frame: tuple[float, float]) -> Float[np.ndarray, "m 2"]:
    """Labels of some `sizes` pushed off one another, and into a frame of some width and height, no further than they need to be."""
    out, half = np.array(centres, float), np.asarray(sizes, float) / 2
    for _ in range(200):
        moved = False
        for i in range(len(out)):
            for j in range(i):
                need = half[i] + half[j] - np.abs(out[i] - out[j])
                if (need > 1e-6).all():
                    axis = int(need.argmin())
                    way = 1.0 if out[i, axis] >= out[j, axis] else -1.0
                    out[i, axis] += way * need[axis] / 2
                    out[j, axis] -= way * need[axis] / 2
                    moved = True
        out = np.clip(out, half, np.maximum(frame - half, half))
        if not moved:
            break
    return out
