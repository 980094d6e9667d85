"""A pytree of arrays as named arrays, and back: `speaker.net.core.kernel`."""

from __future__ import annotations

from typing import Any

import numpy as np

from semiosis.errors import UsageError

Spec = dict[str, str]  # leaf name -> float32[2,3]

_KEYS = {"fry": "threefry2x32", "rbg": "rbg", "urbg": "unsafe_rbg"}  # the tag in a random key's dtype, key<fry>, -> its generator


def to_arrays(world: Any) -> dict[str, np.ndarray]:
    """The leaves of `world` on the host, by name. A random key `k` becomes the words `k@fry`, after its generator.

    Raises `UsageError` on a leaf that is no array.
    """
    import jax

    names, leaves, _ = _flatten(world)
    words = [jax.random.key_data(leaf) if _tag(leaf) else leaf for leaf in leaves]
    return {name: np.asarray(leaf, order="C") for name, leaf in zip(names, jax.device_get(words), strict=True)}


def to_spec(like: Any) -> Spec:
    """Shapes and dtypes of the arrays that `to_arrays` makes of a world like `like` (arrays or `jax.ShapeDtypeStruct`)."""
    import jax

    names, leaves, _ = _flatten(like)
    words = [jax.eval_shape(jax.random.key_data, leaf) if _tag(leaf) else leaf for leaf in leaves]
    return {name: describe(leaf) for name, leaf in zip(names, words, strict=True)}


def to_world(like: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The pytree of the structure of `like` with these leaves: NumPy arrays where `like` has them, else JAX arrays."""
    import jax

    names, leaves, structure = _flatten(like)
    return jax.tree_util.tree_unflatten(structure, [_leaf(leaf, arrays[name]) for name, leaf in zip(names, leaves, strict=True)])


def describe(array: Any) -> str:
    """Dtype and shape as they stand in a manifest: `float32[2,3]`, `int32[]`."""
    return f"{np.dtype(array.dtype).name}[{','.join(map(str, array.shape))}]"


def difference(saved: Spec, wanted: Spec) -> str | None:
    """What sets the first differing leaf apart, in words, or None."""
    for name in (*wanted, *saved):
        if name not in saved:
            return f"it has no leaf {name!r}, which this program expects as {wanted[name]}"
        if name not in wanted:
            return f"it has a leaf {name!r}, {saved[name]}, which this program does not expect"
        if saved[name] != wanted[name]:
            return f"its leaf {name!r} is {saved[name]} where this program expects {wanted[name]}"
    return None


def _flatten(world: Any) -> tuple[list[str], list[Any], Any]:
    """Names, leaves and structure of a pytree of arrays. Raises `UsageError` on other leaves and on two leaves of one name."""
    import jax

    pairs, structure = jax.tree_util.tree_flatten_with_path(world)
    names = []
    for path, leaf in pairs:
        name = jax.tree_util.keystr(path, simple=True, separator=".") or "world"
        if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
            raise UsageError(f"a checkpoint holds arrays only, and leaf {name!r} of the world is of type {type(leaf).__name__}")
        names.append(f"{name}@{_tag(leaf)}" if _tag(leaf) else name)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"two leaves of the world have the one name {twice!r}: leave dots out of dictionary keys")
    return names, [leaf for _, leaf in pairs], structure


def _tag(leaf: Any) -> str | None:
    """The tag of a random key's generator; None if `leaf` is no random key."""
    import jax

    if not jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return None
    tag = str(leaf.dtype).removeprefix("key<").removesuffix(">")
    if tag not in _KEYS:
        raise UsageError(f"a checkpoint holds random keys of the generators {', '.join(_KEYS.values())}, not {leaf.dtype}")
    return tag


def _leaf(like: Any, array: np.ndarray) -> Any:
    import jax

    if isinstance(like, np.ndarray | np.generic):
        return array.copy()
    leaf = jax.numpy.array(array, copy=True)  # a copy: JAX may be told to donate it, and must own what it overwrites
    tag = _tag(like)
    return jax.random.wrap_key_data(leaf, impl=_KEYS[tag]) if tag else leaf
