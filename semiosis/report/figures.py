"""All figures by their names: each is drawn into a PNG at a path (or an SVG, if the path ends so), which it returns."""

from semiosis.report.clusters import confusion
from semiosis.report.glyphs import alphabet, answers, contact, ladder
from semiosis.report.heat import matrix
from semiosis.report.interventions import interventions
from semiosis.report.latents import latents
from semiosis.report.lexicon import lexicon
from semiosis.report.lines import curves, learning
from semiosis.report.recall import recall, speaking

__all__ = [
    "alphabet",
    "answers",
    "confusion",
    "contact",
    "curves",
    "interventions",
    "ladder",
    "latents",
    "learning",
    "lexicon",
    "matrix",
    "recall",
    "speaking",
]
