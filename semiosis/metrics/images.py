"""Messages drawn as images (glyphs, sketches): are they unlike each other, sparing of ink and colour, and drawn alike where alike?

An image is [h w c] in [0, 1], grey (c = 1) or in colour (c = 3). Distances of all pairs stand in one row, as in `compositionality`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Integer
from scipy.optimize import root_scalar
from scipy.spatial.distance import pdist, squareform
from scipy.special import ndtri

from semiosis.errors import UsageError
from semiosis.metrics import intervals
from semiosis.metrics.alignment import distance_correlation
from semiosis.metrics.information import entropy
from semiosis.metrics.messages import checked
from semiosis.metrics.naming import contingency
from semiosis.metrics.nulls import judged_together
from semiosis.metrics.ranks import midranks
from semiosis.metrics.success import accuracy
from semiosis.metrics.value import Value, undefined

Images = Float[np.ndarray, "n h w c"]
_DISTANCE = "root mean square difference of pixels"
_SLACK = 0.01  # resampling in single precision or less strays past black and white by a rounding
_LEVELS = 4  # of each colour, in `colours`


def image_distances(images: Images) -> Float[np.ndarray, " p"]:
    """Root mean square difference of pixels and colours, in [0, 1].

    Mean squares are rounded to 12 decimals, so that equal images are exactly 0 apart and distances that are equal on paper tie; images
    less than 1e-6 apart count as equal. Takes 8 n^2 bytes, and the images once in double precision.
    """
    pixels = _pixels(images)
    if not np.isfinite(pixels).all():
        raise UsageError("a pixel is not finite: expected numbers from 0 to 1")
    return _distances(pixels)


def glyph_distance(images: Images) -> Value:
    """How unlike glyphs are: the mean of `image_distances` over all pairs; undefined for one glyph."""
    pixels = _pixels(images)
    how = f"{_DISTANCE}, all pairs"
    return _flaw(pixels, 2, how) or Value(float(_distances(pixels).mean()), n=len(pixels), how=how)


def nearest_glyph(images: Images) -> Value:
    """How easily a glyph is taken for another: the mean over glyphs of the distance to the nearest other; undefined for one glyph."""
    pixels = _pixels(images)
    how = f"{_DISTANCE}, nearest other"
    if flaw := _flaw(pixels, 2, how):
        return flaw
    distances = squareform(_distances(pixels), checks=False)
    np.fill_diagonal(distances, np.inf)
    return Value(float(distances.min(axis=1).mean()), n=len(pixels), how=how)


class Spread(NamedTuple):
    """Mean distance of two images of one class (`within`) and of two classes (`between`), and `separation`, 1 - within / between: 1 where a
    class has one image, 0 where classes are not told apart."""

    within: Value
    between: Value
    separation: Value


def class_spread(
    images: Images,
    labels: Integer[np.ndarray, " n"],
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Spread:
    """How near images of one class are, and how far those of two, over all pairs; `null` permutes the labels.

    `bootstrap` > 0 adds intervals over images, in which an image drawn twice is not paired with itself. Undefined where no two images share
    a class, or all do, or all images are equal.
    """
    pixels, known = _pixels(images), np.asarray(labels)
    n = len(pixels)
    if known.shape != (n,) or known.dtype.kind not in "iu":
        raise UsageError(f"labels of shape {known.shape} and type {known.dtype}: expected {n} integers")
    how = f"{_DISTANCE}, pairs"
    if flaw := _flaw(pixels, 2, how):
        return Spread(flaw, flaw, flaw)
    distances, (first, second) = _distances(pixels), np.triu_indices(n, 1)

    def means(classes: np.ndarray, times: np.ndarray | None) -> tuple[float | None, float | None, float | None]:
        own = classes[first] == classes[second]
        mass = np.ones(len(distances)) if times is None else times[first] * times[second]
        found = []
        for where in (own, ~own):
            total = float(mass[where].sum())
            found.append(float(mass[where] @ distances[where]) / total if total else None)
        within, between = found
        return within, between, None if within is None or not between else 1 - within / between

    alone = "no two images share a class" if means(known, None)[0] is None else "all images are of one class"
    equal = "all images of different classes are equal"
    separate = equal if all(x is not None for x in means(known, None)[:2]) else alone
    return Spread(
        *judged_together(
            lambda _, rows: means(known[rows], None),
            n,
            [f"{how} of one class", f"{how} of two classes", f"1 - within / between; {how}"],
            null=null,
            permutations=permutations,
            bootstrap=bootstrap,
            seed=seed,
            reasons=[alone, alone, separate],
            resampled=lambda rows: means(known, np.bincount(rows, minlength=n).astype(float)),
        )
    )


def effective_glyphs(
    images: Images, weights: Float[np.ndarray, " n"] | None = None, *, alike: float = 0.05, order: float | int = 1
) -> Value:
    """As many equally frequent glyphs that are nothing like each other would be as diverse (Leinster and Cobbold 2012), from 1 to n.

    Hill's number with similarities: two images no more than `alike` apart (`image_distances`) count as one glyph. `weights`: how often each
    is drawn (alike if not given). With `alike` 0 only equal images are one, and it is exp of the entropy of the images for order 1.
    Raises `UsageError` for negative weights, order or distance.
    """
    pixels = _pixels(images)
    n, how = len(pixels), f"Hill number of order {order:g}, images within {alike:g} are one; {_DISTANCE}"
    if not (0 <= order < np.inf and alike >= 0):
        raise UsageError(f"order {order} and alike {alike}: expected numbers from 0")
    if flaw := _flaw(pixels, 1, how):
        return flaw
    shares = np.ones(n) if weights is None else np.asarray(weights, float)
    if shares.shape != (n,) or not np.isfinite(shares).all() or shares.min() < 0 or shares.sum() == 0:
        raise UsageError(f"weights of shape {shares.shape}: expected {n} numbers from 0, not all 0")
    shares = shares / shares.sum()
    similar = (squareform(_distances(pixels)) <= alike) if n > 1 else np.ones((1, 1), bool)
    some = shares > 0
    common = (similar @ shares)[some]  # how usual something like each image is
    p = shares[some]
    number = np.exp(-(p @ np.log(common))) if order == 1 else (p @ common ** (order - 1)) ** (1 / (1 - order))
    return Value(float(number), n=n, how=how)


def psnr(images: Images, reconstructions: Images, *, bootstrap: int = 0, seed: int = 0) -> Value:
    """Peak signal to noise ratio in decibels, -10 log10 of the mean squared difference of pixels in [0, 1], mean over images.

    `bootstrap` > 0 adds an interval over images. Undefined where an image is reproduced exactly, its ratio being infinite. Raises
    `UsageError` for images of other shapes.
    """
    first, second = _pixels(images), _pixels(reconstructions)
    if first.shape != second.shape:
        raise UsageError(f"images of shape {first.shape} and reconstructions of shape {second.shape}: expected the same shape")
    how = "peak 1; mean over images of their decibels"
    if flaw := _flaw(first, 1, how) or _flaw(second, 1, how):
        return flaw
    error = ((first - second) ** 2).mean(axis=(1, 2, 3))
    if not error.all():
        return undefined("an image is reproduced exactly", len(first), how)
    each = -10 * np.log10(error)
    _, low, high = intervals.bootstrap(each, resamples=bootstrap, seed=seed) if bootstrap else (None, None, None)
    return Value(float(each.mean()), low, high, n=len(first), how=how)


def ink(images: Images) -> Value:
    """How much is drawn: the mean absolute difference of pixels from their image's background, in [0, 1], with a bootstrap interval.

    The background is the median of the border's pixels, for each colour, so that black on white has the ink of white on black. An image
    two pixels high or wide is all border, and its ink the mean difference from its median; that of one pixel is 0.
    """
    pixels = _pixels(images)
    how = "mean absolute difference from the border's median"
    if flaw := _flaw(pixels, 1, how):
        return flaw
    border = np.ones(pixels.shape[1:3], bool)
    border[1:-1, 1:-1] = False
    background = np.median(pixels[:, border], axis=1)
    mean, low, high = intervals.bootstrap(np.abs(pixels - background[:, None, None]).mean(axis=(1, 2, 3)))
    return Value(mean, low, high, n=len(pixels), how=how)


def colours(images: Images) -> Value:
    """How many colours are in use, as it were: the exponential of the entropy of all images' pixels (Hill 1973, order 1).

    Each colour is rounded to 0, 1/3, 2/3 or 1 first: the number is from 1 to 64, or to 4 for grey images.
    """
    pixels = _pixels(images)
    how = f"exp of the plug-in entropy, {_LEVELS} levels each"
    if flaw := _flaw(pixels, 1, how):
        return flaw
    levels = np.rint(pixels * (_LEVELS - 1)).astype(np.int64)
    codes = levels @ _LEVELS ** np.arange(pixels.shape[-1])
    return Value(2.0 ** entropy(codes.ravel()), n=len(pixels), how=how)


def image_topsim(
    messages: Integer[np.ndarray, "n t"],
    images: Images,
    *,
    null: bool = False,
    permutations: int = 100,
    bootstrap: int = 0,
    seed: int = 0,
) -> Value:
    """Are near messages drawn as near images? Spearman's correlation of Hamming and image distances, over all pairs.

    Symbols keep their places, as bits do, so messages have one length. `null` and `bootstrap` as in `topsim`. Undefined where all
    distances are equal, and for messages of one symbol: those that differ are all equally far apart.
    """
    tokens, pixels = checked(messages)[0], _pixels(images)
    n, length = tokens.shape
    if len(pixels) != n:
        raise UsageError(f"{n} messages for {len(pixels)} images: expected one each")
    how = f"Spearman; Hamming; {_DISTANCE}"
    if flaw := _flaw(pixels, 3, how):
        return flaw
    if (tokens == tokens[0]).all():
        return undefined("constant language: all messages are equal", n, how)
    if length == 1:
        return undefined("messages of one symbol that differ are equally far apart", n, how)
    said, drawn = pdist(tokens.astype(float), "hamming"), _distances(pixels)
    alike = "images are equal" if (pixels == pixels[0]).all() else "images are equally far apart"
    reason = f"all {alike if np.ptp(drawn) == 0 else 'messages are equally far apart'}"
    return distance_correlation(drawn, said, n, how, reason, null=null, permutations=permutations, bootstrap=bootstrap, seed=seed)


def strokes_in_use(visible: Float[np.ndarray, "n s"], threshold: float = 0.1) -> Value:
    """How many strokes a sketch has: the mean number of those that are visible, from 0 to 1, by `threshold` or more; bootstrap interval."""
    visible = np.asarray(visible)
    n = len(visible)
    how = f"strokes visible by {threshold:g} or more"
    if not 0 < threshold <= 1:
        raise UsageError(f"threshold is {threshold}: expected a number above 0, and 1 at most")
    if n == 0:
        return undefined("no sketches", how=how)
    if np.isnan(visible).any():
        return undefined("a stroke's visibility is not a number", n, how)
    mean, low, high = intervals.bootstrap((visible >= threshold).sum(axis=1).astype(float))
    return Value(mean, low, high, n=n, how=how)


def class_rate(
    seen: Integer[np.ndarray, " n"], found: Integer[np.ndarray, " n"], candidates: Integer[np.ndarray, "n t"] | None = None
) -> Value:
    """How often what the receiver finds is of the class that the sender saw, right photo or not, with Wilson's interval.

    All are classes; chance is the mean share of the candidates that are of the class seen, where those are given. A candidate -1 is none;
    an example that has none says nothing of chance.
    """
    own, chosen = np.asarray(seen), np.asarray(found)
    if len(own) == 0:
        return undefined("no examples")
    null = None
    if candidates is not None:
        among = np.asarray(candidates)
        there = among >= 0
        many = there.sum(axis=1)
        alike = ((among == own[:, None]) & there).sum(axis=1)
        null = float((alike[many > 0] / many[many > 0]).mean()) if many.any() else None
    return accuracy(own == chosen, null)


def auroc(signal: Float[np.ndarray, " n"], noise: Float[np.ndarray, " m"]) -> Value:
    """How well a score tells signal from noise: the probability that a signal scores higher than noise, ties counting half.

    Mann and Whitney's U over n m, the area under the receiver operating characteristic; scores may be infinite. The interval holds the
    areas of which this one is within 1.96 standard errors (Hanley and McNeil 1982), as Wilson's does for a proportion (Newcombe 2006):
    it stays in [0, 1] and has a width at 0 and 1. Undefined where there is no signal or no noise.
    """
    n, m = len(signal), len(noise)
    how = "Mann-Whitney, ties half; Hanley-McNeil, score interval"
    if not (n and m):
        return undefined("no noise" if n else "no signal", n + m, how)
    scores = np.concatenate([signal, noise]).astype(float)
    if np.isnan(scores).any():
        return undefined("a score is not a number", n + m, how)
    levels = np.unique(scores, return_inverse=True)[1]
    rank, _ = midranks(levels)
    area = float(np.clip(0.5 + rank[levels[:n]].sum() / (n * m), 0.0, 1.0))
    # signal and noise change places for the upper end
    return Value(area, _area_low(area, n, m), 1.0 - _area_low(1.0 - area, m, n), null=0.5, n=n + m, how=how)


def confusion_counts(said: Integer[np.ndarray, " n"], guess: Integer[np.ndarray, " n"], k: int) -> Integer[np.ndarray, "k _"]:
    """How often each of k messages was read as each, [k, k + 1]; the last column counts guesses of k, that there was no message."""
    counts = contingency(said, guess)
    missing = k - counts.shape[0], k + 1 - counts.shape[1]
    if min(missing) < 0:
        raise UsageError(f"said up to {counts.shape[0] - 1} and guess up to {counts.shape[1] - 1}: expected {k - 1} and {k} at most")
    return np.pad(counts, [(0, missing[0]), (0, missing[1])])


def _pixels(images: object) -> Float[np.ndarray, "n h w c"]:
    """Images in double precision, or what is wrong with them; numbers that are not finite pass."""
    given = np.asarray(images)
    if given.ndim != 4 or given.dtype.kind != "f" or given.shape[-1] not in (1, 3) or 0 in given.shape[1:]:
        raise UsageError(f"images of shape {given.shape} and type {given.dtype}: expected floats [n, h, w, 1 or 3]")
    low, high = given.min(initial=0.0, where=np.isfinite(given)), given.max(initial=1.0, where=np.isfinite(given))
    if low < -_SLACK or high > 1 + _SLACK:
        raise UsageError(f"pixels from {low:g} to {high:g}: expected 0 to 1")
    return np.where(np.isfinite(given), np.clip(given, 0.0, 1.0), np.nan).astype(float)


def _flaw(pixels: np.ndarray, least: int, how: str) -> Value | None:
    """Why images have no metric: too few, or broken ones."""
    n = len(pixels)
    if n < least:
        return undefined("no images" if n == 0 else f"needs {least} images or more", n, how)
    return None if np.isfinite(pixels).all() else undefined("a pixel is not finite", n, how)


def _distances(pixels: np.ndarray) -> Float[np.ndarray, " p"]:
    rows = pixels.reshape(len(pixels), np.prod(pixels.shape[1:])) - 0.5  # smaller squares, smaller roundings
    product = rows @ rows.T
    square = product.diagonal()
    mean = (square[:, None] + square - 2 * product) / rows.shape[1]
    return np.sqrt(np.maximum(np.round(squareform(mean, checks=False), 12), 0.0))


def _area_low(area: float, n: int, m: int) -> float:
    """The least area of which `area` is within 1.96 standard errors, of n signals and m noises."""
    squared = float(ndtri(0.975)) ** 2

    def beyond(a: float) -> float:
        # two signals over one noise, and one signal over two noises, are Q1 and Q2 of the paper: here less a^2, over a (1 - a)
        pairs = 1 + (n - 1) * (1 - a) / (2 - a) + (m - 1) * a / (1 + a)
        return (area - a) ** 2 - squared * a * (1 - a) * pairs / (n * m)

    return float(root_scalar(beyond, bracket=(0.0, area * (1 - 1e-9)), method="brentq").root) if area > 0 else 0.0
