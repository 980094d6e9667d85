"""Neural agents that invent a language in order to be understood."""

from importlib.metadata import version

__version__ = version("semiosis")
