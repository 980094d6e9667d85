"""All figures by their names: each is drawn into a PNG at a path, which it returns."""

from semiosis.report.heat import matrix
from semiosis.report.lexicon import lexicon
from semiosis.report.lines import curves, learning

__all__ = ["curves", "learning", "lexicon", "matrix"]
