"""From a game, its configuration and data to an experiment and the worlds of its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Literal, Protocol, get_args, get_origin, get_type_hints, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp

from semiosis.errors import UsageError, unknown
from semiosis.runs import loop
from semiosis.scenes import Data
from semiosis.types import Experiment, World


@runtime_checkable
class Game(Protocol):
    """A module that is a game: Config (a frozen dataclass with `data` and `steps`), PRESETS by name, and make(config, data)."""

    Config: type
    PRESETS: dict[str, Any]

    def make(self, config: Any, data: Data) -> Experiment: ...


def build(game: Game, config: Any, data: Data, seeds: Sequence[int]) -> tuple[Experiment, World]:
    """The experiment, and the newborn worlds of all seeds on a leading axis; a seed's world is the same in any company."""
    experiment = game.make(config, data)
    names = [phase.name for phase in experiment.phases]
    if len(set(names)) < len(names):
        raise UsageError(f"two phases have one name among {', '.join(names)}: each needs a name of its own")
    born = jax.jit(lambda key: jax.tree.map(_strong, experiment.birth(key)))
    return experiment, loop.stack([born(loop.birth_key(loop.seed_key(seed))) for seed in seeds])


def _strong(x: Any) -> Any:
    """The array with a type of its own: one that only follows a Python number would make the first step compile twice."""
    return x if not eqx.is_array(x) or jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x.astype(x.dtype)


def config_from(game: Game, values: dict[str, Any]) -> Any:
    """A configuration from the values of a config.json; raises UsageError for a name or a value that the game does not have."""
    return checked(game.Config, values)


def checked(make: type, values: dict[str, Any]) -> Any:
    """An instance of a dataclass from values read from a file; raises UsageError, one sentence, where they do not fit its fields."""
    known = {field.name: field for field in fields(make)}
    for name in values:
        if name not in known:
            raise unknown("setting", name, known)
    defaults, hints = asdict(make()), get_type_hints(make)
    clean = {name: tuple(value) if isinstance(defaults[name], tuple) else value for name, value in values.items()}
    for name, value in clean.items():
        kind = type(defaults[name])
        if not isinstance(value, kind) and not (kind is float and isinstance(value, int)):
            raise UsageError(f"setting {name} is {value!r}: expected {'an' if kind is int else 'a'} {kind.__name__}")
        if get_origin(hints[name]) is Literal and value not in get_args(hints[name]):
            raise unknown(name, value, get_args(hints[name]))
    return make(**clean)
