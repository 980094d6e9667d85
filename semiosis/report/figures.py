"""All figures by their names: each is drawn into a PNG at a path, which it returns."""

from semiosis.report.clusters import confusion
from semiosis.report.heat import matrix
from semiosis.report.latents import latents
from semiosis.report.lexicon import lexicon
from semiosis.report.lines import curves, learning
from semiosis.report.recall import recall, speaking

__all__ = ["confusion", "curves", "latents", "learning", "lexicon", "matrix", "recall", "speaking"]
