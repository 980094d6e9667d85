"""Languages whose metrics can be derived by hand: attributes [n k] in, tokens [n t] out (with lengths where they vary)."""

from __future__ import annotations

from itertools import product

import numpy as np


def grid(*values: int) -> np.ndarray:
    """Every combination of attributes with so many values each, once, the last attribute fastest: `grid(4, 4)` has 16."""
    return np.array(list(product(*map(range, values))))


def identity(attributes: np.ndarray) -> np.ndarray:
    """One place and one set of symbols for each attribute."""
    return attributes + np.cumsum([0, *attributes.max(axis=0)[:-1] + 1])


def permuted(attributes: np.ndarray, seed: int = 0) -> np.ndarray:
    """The same with other symbols, the other way round."""
    tokens = identity(attributes)
    return np.random.default_rng(seed).permutation(tokens.max() + 1)[tokens][:, ::-1]


def shared(attributes: np.ndarray) -> np.ndarray:
    """The same symbols for every attribute: only the place tells which is meant."""
    return attributes.copy()


def holistic(attributes: np.ndarray) -> np.ndarray:
    """A symbol for each combination."""
    return np.unique(attributes, axis=0, return_inverse=True)[1].reshape(-1, 1)


def bag(attributes: np.ndarray) -> np.ndarray:
    """`identity` said backwards where the attributes add up to an odd number: the place says nothing."""
    tokens = identity(attributes)
    return np.where(attributes.sum(axis=1, keepdims=True) % 2, tokens[:, ::-1], tokens)


def order_free(attributes: np.ndarray, seed: int = 0) -> np.ndarray:
    """`identity` in an order drawn for each message."""
    return np.random.default_rng(seed).permuted(identity(attributes), axis=1)


def negation(colours: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Things of some colour and one of two shapes, circle (0) and box (1): "red box" or "red not box"; attributes, tokens, lengths."""
    attributes = grid(colours, 2)
    no, box = colours, colours + 1
    tokens = np.array([(colour, box, -1) if shape else (colour, no, box) for colour, shape in attributes])
    return attributes, tokens, (tokens >= 0).sum(axis=1)


def constant(attributes: np.ndarray, length: int = 3) -> np.ndarray:
    """The same message for everything."""
    return np.full((len(attributes), length), 7)


def random(n: int, length: int, symbols: int, values: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Attributes, tokens and lengths from 0 to `length` that have nothing to do with each other."""
    rng = np.random.default_rng(seed)
    attributes = np.stack([rng.integers(0, size, n) for size in values], axis=1)
    return attributes, rng.integers(0, symbols, (n, length)), rng.integers(0, length + 1, n)


FIRST = np.array([(0, 1, 2), (3, 4, 5), (6, 0, 3), (1, 6, 4)])
SECOND = np.array([(2, 5), (4, 6), (0, 6), (5, 1)])


def words(attributes: np.ndarray) -> np.ndarray:
    """A word of three symbols for the first attribute, and one of two for the second, of up to 4 values each."""
    return np.concatenate([FIRST[attributes[:, 0]], SECOND[attributes[:, 1]]], axis=1)
