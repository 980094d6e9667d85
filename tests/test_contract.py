"""The contract of every game and every example, and that `check_game` finds what breaks it."""

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from semiosis.games import dialogue, glyph, lewis, naming, sketch
from semiosis.rules import born, descend
from semiosis.runs import loop
from semiosis.runs.setup import build
from semiosis.scenes import Data, Split, load
from semiosis.testing import check_game
from semiosis.types import Episode, Exam, Experiment, Phase, Utterance

GAMES = [  # a game and what to change of its preset `tiny`
    pytest.param(lewis, {}, id="lewis"),
    pytest.param(naming, {}, id="naming"),
    pytest.param(glyph, {"side": 4, "filters": 2, "operations": ("static", "rotate", "invert")}, id="glyph"),
    pytest.param(sketch, {"backbone_learns": False, "strokes": 2}, id="sketch"),
    pytest.param(dialogue, {"data": "words,classes=3,per_class=9,size=4", "max_exchange": 2}, id="dialogue"),
]
EXAMPLES = sorted((Path(__file__).resolve().parent.parent / "examples").glob("*.py"))


@pytest.mark.parametrize(("game", "changes"), GAMES)
def test_a_game_keeps_the_contract(game, changes):
    config = replace(game.PRESETS["tiny"], **changes)
    check_game(game, config, load(config.data))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_keeps_the_contract(path):
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    game = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(game)
    config = game.PRESETS["tiny"] if "tiny" in game.PRESETS else game.Config()
    check_game(game, config, load(config.data))


# --------------------------------------------------------------------------------------------- a game of twenty lines, broken


@dataclass(frozen=True)
class Config:
    data: str = "numbers"
    steps: int = 100
    broken: str = ""


class World(NamedTuple):
    player: Any
    extra: Any


NUMBERS = Data("numbers", {name: Split(np.linspace(-1, 1, 64, dtype=np.float32)[:, None]) for name in ("train", "test")})
ADAM = optax.adam(0.02)


def guess(net, scene, key):
    return scene @ net["w"] + net["b"] + 0.01 * jax.random.normal(key, scene.shape)


def make(config, data):
    """A player learns to double numbers; `broken` names one obligation that it does not keep."""
    numbers, broken = jnp.asarray(data.splits["train"].inputs), config.broken

    def scenes(step, key):
        return numbers[jax.random.randint(jax.random.fold_in(key, step), (8,), 0, 64)]

    def loss(nets, world, turn):
        value = jnp.mean(jnp.square(guess(nets["player"], turn.scene, turn.key) - 2 * turn.scene))
        return value, {"loss": value}

    learn = descend(loss, {"player": optax.sgd(0.0) if broken == "improves" else ADAM})

    def rule(world, turn):
        world, logs = learn(world, turn)
        if broken == "shape":
            world = world._replace(extra=jnp.zeros(3))
        if broken == "nan":
            logs = {"loss": logs["loss"] * jnp.nan}
        if broken == "inf":
            logs = logs | {"more": jnp.inf * jnp.ones(())}
        return world, logs

    def play(world, scene, key, channel):
        answer = guess(world.player.net, scene, key)
        said = Utterance(scene[:, None] if broken == "channel" else channel(scene[:, None], key), jnp.ones(8, jnp.int32))
        target = 2 * scene[:4] if broken == "rows" else 2 * scene
        return Episode((said,), answer, target, jnp.square(answer - 2 * scene)[:, 0], jnp.zeros(8), {})

    def birth(key):
        player = born({"w": jax.random.normal(key, (1, 1)), "b": jnp.zeros(1)}, ADAM)
        return World(player, "a string" if broken == "arrays" else jnp.zeros(()))

    role = ("speaker",) if broken == "role" else ()
    return Experiment(birth, (Phase("doubling", rule, scenes, 100),), play, {"test": Exam(scenes, 2)}, role)


GAME = SimpleNamespace(Config=Config, PRESETS={"tiny": Config()}, make=make)


def test_a_small_game_keeps_the_contract():
    check_game(GAME, Config(), NUMBERS)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("role", "the role 'speaker' is no field of the world"),
        ("nan", "logs nothing that is finite"),
        ("inf", "the log 'more' of doubling is not finite"),
        ("rows", "target of the exam 'test' has 4 rows where loss has 8"),
        ("channel", "play sends nothing through its channel"),
        ("improves", "nothing improves"),
    ],
)
def test_what_breaks_the_contract_is_named(broken, sentence):
    with pytest.raises(AssertionError) as caught:
        check_game(GAME, Config(broken=broken), NUMBERS)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("broken", ["shape", "arrays"])
def test_a_world_that_changes_shape_or_holds_no_arrays_is_refused(broken):
    with pytest.raises((AssertionError, TypeError)):
        check_game(GAME, Config(broken=broken), NUMBERS)


def test_a_log_that_should_improve_must_exist():
    with pytest.raises(AssertionError, match="no phase logs 'accuracy'"):
        check_game(GAME, Config(), NUMBERS, improves="accuracy")


def test_a_seeds_world_is_born_the_same_in_any_company():
    _, alone = build(GAME, Config(), NUMBERS, (5,))
    _, together = build(GAME, Config(), NUMBERS, (3, 5, 7))
    for x, y in zip(jax.tree.leaves(loop.unstack(alone, 0)), jax.tree.leaves(loop.unstack(together, 1)), strict=True):
        assert np.array_equal(x, y)
    assert len(np.unique(np.asarray(together.player.net["w"]))) == 3
