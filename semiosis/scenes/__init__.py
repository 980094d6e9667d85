"""Where scenes come from: real images, procedural shapes, feature files; `load` gives any of them by name."""

from __future__ import annotations

from semiosis.scenes.load import known, load, need_attributes, need_data, need_descriptions, need_images, need_labels
from semiosis.scenes.types import Data, Descriptions, Split

__all__ = [
    "Data",
    "Descriptions",
    "Split",
    "known",
    "load",
    "need_attributes",
    "need_data",
    "need_descriptions",
    "need_images",
    "need_labels",
]
