"""Metrics: pure functions of arrays, in numpy and scipy alone, each a `Value` with its interval and null, or the reason why it has none."""

from semiosis.metrics.compositionality import attribute_distances, cosine_distances, message_distances, topsim
from semiosis.metrics.disentanglement import bosdis, posdis
from semiosis.metrics.images import auroc, colours, confusion_counts, glyph_distance, image_distances, image_topsim, ink, nearest_glyph
from semiosis.metrics.information import (
    active_symbols,
    ambiguity,
    determinism,
    distinct,
    distinct_ratio,
    entropy,
    mean_length,
    message_entropy,
    mutual_information,
    symbol_perplexity,
)
from semiosis.metrics.intervals import Interval, bootstrap, over_seeds, wilson
from semiosis.metrics.messages import message_ids
from semiosis.metrics.naming import adjusted_rand, agent, contingency, davies_bouldin, kappa, matched, naming, normalised_information
from semiosis.metrics.populations import CrossPlay, cross_play, edit_distance, synchrony, vote
from semiosis.metrics.success import accuracy, chance, correctness, relative_drop
from semiosis.metrics.value import Value, undefined

__all__ = [
    "CrossPlay",
    "Interval",
    "Value",
    "accuracy",
    "active_symbols",
    "adjusted_rand",
    "agent",
    "ambiguity",
    "attribute_distances",
    "auroc",
    "bootstrap",
    "bosdis",
    "chance",
    "colours",
    "confusion_counts",
    "contingency",
    "correctness",
    "cosine_distances",
    "cross_play",
    "davies_bouldin",
    "determinism",
    "distinct",
    "distinct_ratio",
    "edit_distance",
    "entropy",
    "glyph_distance",
    "image_distances",
    "image_topsim",
    "ink",
    "kappa",
    "matched",
    "mean_length",
    "message_distances",
    "message_entropy",
    "message_ids",
    "mutual_information",
    "naming",
    "nearest_glyph",
    "normalised_information",
    "over_seeds",
    "posdis",
    "relative_drop",
    "symbol_perplexity",
    "synchrony",
    "topsim",
    "undefined",
    "vote",
    "wilson",
]
