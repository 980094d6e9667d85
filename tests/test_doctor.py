"""The doctor: no ailment without its numbers, none in healthy figures, and real sick agents."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom, norm

from semiosis import scenes
from semiosis.games import lewis
from semiosis.runs import directory, doctor, facts, loop, records, session, validation
from semiosis.runs.doctor import Word, diagnose
from semiosis.runs.evaluate import checkup
from semiosis.runs.facts import Facts, Some, in_training, of_evaluation
from semiosis.runs.options import Options
from semiosis.runs.setup import build

LEWIS = {"vocab_size": 10, "max_len": 5, "batch_size": 64, "learning": "reinforce"}
WELL = {"accuracy": [0.9], "accuracy_shuffled": [0.1], "accuracy_silent": [0.1], "accuracy_constant": [0.1], "messages": [150.0],
        "message_entropy": [7.0], "entropy": [1.2]}  # fmt: skip


def about(figures: dict[str, Any], **more: Any) -> Facts:
    """Facts of a Lewis game among ten candidates, at its end."""
    count = len(next(iter(figures.values())))
    base = Facts(tuple(range(count)), figures, 179, 0.1, "lewis", 4000, 4000, config=LEWIS, things=1439)
    return base._replace(**more)


def rows_of(name: str, values: Sequence[float | None], seed: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Lines of training, one each hundred steps."""
    return [{"step": 100 * (i + 1), "seed": seed, "split": "train", name: value, **more} for i, value in enumerate(values)]


def told(found: list[Word]) -> list[tuple[str, str]]:
    return [(word.about, word.severity) for word in found]


# ------------------------------------------------------------------------------------------------------------ statistics


@pytest.mark.parametrize(("n", "chance", "alpha"), [(179, 0.25, 0.01), (26, 1 / 26, 1e-3), (1000, 0.1, 1e-5)])
def test_luck_is_binomial(n: int, chance: float, alpha: float):
    assert doctor.lucky(n, chance, alpha) == pytest.approx(binom.isf(alpha, n, chance) / n)
    assert [doctor.beyond(k / n, n, chance, alpha) for k in range(n + 1)] == [
        bool(binom.sf(k - 1, n, chance) <= alpha) for k in range(n + 1)
    ]
    assert not doctor.beyond(None, n, chance, alpha)
    assert not doctor.beyond(1.0, 0, chance, alpha)
    assert not doctor.beyond(1.0, n, None, alpha)


def test_margins_and_deviations():
    assert doctor.margin(0.5, 0.5, 100, 0.025) == pytest.approx(norm.isf(0.025) * math.sqrt(0.005))
    assert doctor.deviation(0.0) == 0.0
    assert doctor.deviation(math.log(2)) == doctor.deviation(2.0) == 0.5
    p = doctor.deviation(0.3)
    assert -p * math.log(p) - (1 - p) * math.log(1 - p) == pytest.approx(0.3)


def test_healthy_runs_are_suspected_as_seldom_as_is_said():
    """400 runs of 4 seeds whose listeners hear nothing of use: a leak is seen in 1 % at most, of ten looks at three tamperings each."""
    rng = np.random.default_rng(0)
    suspected = 0
    for _ in range(400):
        looks = rng.binomial(179, 0.1, (10, 3, 4)) / 179
        for look in looks:
            figures = {f"accuracy_{how}": values.tolist() for how, values in zip(doctor.TAMPERED, look, strict=True)}
            suspected += bool(doctor._leak(about({**figures, "accuracy": [0.9] * 4})))
    # each of 4,000 looks errs with 0.001 or less: more than 13 of them have probability binom.sf(13, 4000, 0.001) < 1e-4
    assert binom.sf(13, 4000, 0.001) < 1e-4
    assert suspected <= 13


# --------------------------------------------------------------------------------------------------------- what ails a run


def test_all_is_well():
    found = diagnose(about(WELL))
    assert told(found) == [("all", "ok")]
    assert "accuracy is 0.900, that of blind guesses 0.1, and 0.100 when each hears a message about something else" in found[0].says


def test_one_message_for_everything():
    sick = {**WELL, "accuracy": [0.1], "messages": [1.0], "message_entropy": [0.0], "entropy": [1e-6]}
    found = diagnose(about(sick))
    assert told(found) == [("collapse", "warning"), ("entropy", "warning")]
    assert "the speaker says the same about all 179 things" in found[0].says
    assert "nothing new is tried" in found[1].says
    early = about({**sick, "entropy": [2.2]}, step=100)  # what newborn speakers do
    assert diagnose(early) == []
    assert told(diagnose(about(sick, step=100))) == told(found)  # who explores no more will not mend


def test_few_messages_bound_what_can_be_understood():
    found = diagnose(about({**WELL, "accuracy": [0.38], "messages": [4.0], "message_entropy": [2.0]}))
    assert told(found) == [("collapse", "warning")]
    # four messages, equally common: 4 x 0.1 of the answers
    assert "4 different messages for 179 things, which say as much as 4 that are equally common" in found[0].says
    assert "0.400 of the answers could be right at most" in found[0].says
    small = about(
        {**WELL, "accuracy": [0.38], "messages": [4.0], "message_entropy": [2.0]}, config={**LEWIS, "vocab_size": 2, "max_len": 2}
    )
    assert "There are no more than 4 messages: raise --vocab-size or --max-len" in diagnose(small)[0].says
    # six of ten answers are more than half of what there is to gain
    assert told(diagnose(about({**WELL, "accuracy": [0.45], "messages": [6.0], "message_entropy": [math.log2(6)]}))) == [("all", "ok")]
    # a hundred messages of which one is said nearly always
    rare = about({**WELL, "accuracy": [0.3], "messages": [100.0], "message_entropy": [1.0]})
    assert "100 different messages for 179 things, which say as much as 2 that are equally common" in diagnose(rare)[0].says
    assert doctor._room({"vocab_size": 3, "max_len": 2, "variable_length": True}) == 1 + 3 + 9


def test_an_ignored_channel_and_a_leak():
    sick = {**WELL, "accuracy": [0.93], "accuracy_shuffled": [0.92], "accuracy_silent": [0.91], "accuracy_constant": [0.1]}
    found = diagnose(about(sick))
    assert told(found) == [("leak", "warning"), ("ignored", "warning")]
    assert (
        "accuracy is 0.910 when nothing is heard and 0.920 when each hears a message about something else (0.930 as it is)" in found[0].says
    )
    assert f"of which 0.1 are right, pass {binom.isf(0.01 / 30, 179, 0.1) / 179:.3f} once in 3,000 times" in found[0].says
    half = {**sick, "accuracy_shuffled": [0.5], "accuracy_silent": [0.1]}  # some can be found without listening
    assert told(diagnose(about(half))) == [("leak", "warning")]
    # the prior of the answers is no leak: chance is the commonest of them
    assert told(diagnose(about({**WELL, "accuracy_silent": [0.4], "accuracy_constant": [0.4]}, chance=0.4))) == [("all", "ok")]
    assert told(diagnose(about({**WELL, "accuracy_silent": [0.4]}, chance=None))) == []  # where chance is unknown, so is luck


def test_nothing_is_understood():
    flat = about({**WELL, "accuracy": [0.11], "accuracy_shuffled": [0.1]}, rows=rows_of("loss", [2.3, 2.31, 2.29, 2.3] * 8))
    found = diagnose(flat)
    assert told(found) == [("nothing", "warning")]
    assert "no better than blind guesses after step 4,000 of 4,000: accuracy is 0.110" in found[0].says
    falls = flat._replace(rows=rows_of("loss", [2.3 - 0.01 * i for i in range(32)]))
    assert told(diagnose(falls)) == [("brief", "note")]
    assert told(diagnose(flat._replace(step=15, steps=15))) == [("brief", "note")]  # 960 examples of 1,439
    assert "It has seen 960 examples, of 1,439" in diagnose(flat._replace(step=15, steps=15))[0].says
    assert diagnose(flat._replace(step=1000)) == []  # there is time
    # four seeds that are each within luck, and all together are not
    weak = about({"accuracy": [0.15] * 4}, rows=flat.rows)
    assert not doctor.beyond(0.15, 179, 0.1, 0.01)
    assert doctor.beyond(0.15, 4 * 179, 0.1, 0.01)
    assert told(diagnose(weak)) == []  # which is no praise either
    crowd = about({"accuracy": [0.15]}, config={**LEWIS, "n_speakers": 4, "n_listeners": 5})
    assert "nothing" not in dict(told(diagnose(crowd)))


def test_entropy_vanishes_or_stays():
    low = {**WELL, "accuracy": [0.3], "entropy": [1e-4]}
    found = diagnose(about(low, step=400))
    assert told(found) == [("entropy", "warning")]
    # h(p) = 1e-4 nats is p of about 8e-6: less than one of 64 x 5 choices
    assert f"{64 * 5 * doctor.deviation(1e-4):.2g} choices fall otherwise than the likeliest" in found[0].says
    assert diagnose(about({**low, "accuracy": [0.9]}))[0].severity == "ok"  # a language that is learned needs no more trying
    assert told(diagnose(about({**low, "entropy": [0.05]}, step=400))) == [("all", "ok")]
    babble = about({**WELL, "accuracy": [0.3], "entropy": [2.2]})
    assert ("entropy", "note") in told(diagnose(babble))
    assert "its messages tell 0.51 nats at most, and the answer takes 2.3" in diagnose(babble)[0].says  # 5 (ln 10 - 2.2)
    backprop = about(low, config={**LEWIS, "learning": "gumbel"}, step=400)
    assert told(diagnose(backprop)) == [("all", "ok")]  # who learns by backpropagation need not try
    bits = {"message_bits": 8, "max_exchange": 2, "channel": "bits", "batch_size": 64, "exchange": "adaptive"}
    assert told(diagnose(about({"accuracy": [0.2], "entropy": [1e-5]}, config=bits, step=400)))[0] == ("entropy", "warning")


def test_a_loss_that_is_no_number_or_grows():
    good = rows_of("loss", [1.0] * 20, 0) + rows_of("loss", [1.0] * 20, 1)
    torn = rows_of("loss", [1.0] * 5, 2) + [{**row, "reasons": {"loss": "not a number"}, "step": 600} for row in rows_of("loss", [None], 2)]
    figures = {"accuracy": [0.9, 0.9, 0.1], "accuracy_shuffled": [0.1] * 3}
    found = diagnose(about(figures, rows=good + torn))
    assert told(found) == [("loss", "warning")]  # that this seed fails besides goes without saying
    assert "the loss of seed 2 is no number any more since step 600" in found[0].says
    mended = rows_of("loss", [None, 1.0])
    mended[0]["reasons"] = {"loss": "infinite"}
    assert not doctor._broken(about({"accuracy": [0.9]}, rows=mended))
    untold = [{**row, "reasons": {"loss": "the game has no loss"}} for row in rows_of("loss", [None])]
    assert not doctor._broken(about({"accuracy": [0.9]}, rows=untold))
    grows = rows_of("loss", [1.0] * 10 + [4.0] * 8 + [20.0, 30.0])
    found = diagnose(about({"accuracy": [0.1]}, rows=grows))
    assert "has grown from 1 to 25: try a lower learning rate" in found[0].says
    harder = [{**row, "level": i} for i, row in enumerate(grows)]
    assert not doctor._diverging(about({"accuracy": [0.1]}, rows=harder))


def test_seeds_that_failed_are_named():
    found = diagnose(about({"accuracy": [0.9, 0.12, 0.88, 0.15]}))
    assert told(found) == [("seeds", "warning")]
    assert "accuracy of seed 1 0.120, seed 3 0.150, where the others reach 0.880 to 0.900" in found[0].says
    assert told(diagnose(about({"accuracy": [0.9, 0.7, 0.88]}))) == [("all", "ok")]
    assert doctor._disagreeing(about({"accuracy": [0.1, 0.14]})) == []  # luck
    two = diagnose(about({"accuracy": [0.1, 0.9]}))
    assert "where the other reaches 0.900" in two[0].says


def test_trained_too_briefly():
    rng = np.random.default_rng(1)
    rising = [0.5 + 0.004 * i + float(x) for i, x in enumerate(rng.normal(0, 0.01, 100))]
    found = diagnose(about(WELL, rows=rows_of("accuracy", rising)))
    assert told(found) == [("brief", "note"), ("all", "ok")]
    flat = [0.9 + float(x) for x in rng.normal(0, 0.01, 100)]
    assert told(diagnose(about(WELL, rows=rows_of("accuracy", flat)))) == [("all", "ok")]
    assert told(diagnose(about(WELL, rows=rows_of("accuracy", rising), step=2000))) == [("all", "ok")]  # it is not over
    assert told(diagnose(about(WELL, rows=rows_of("accuracy", [1.0] * 100)))) == [("all", "ok")]


def test_pictures_that_show_nothing():
    assert told(diagnose(about({"accuracy": [0.1], "ink": [0.0]}, config={}))) == [("pictures", "warning")]
    assert told(diagnose(about({"accuracy": [0.1], "ink": [1.0]}, config={}))) == [("pictures", "warning")]
    alike = diagnose(about({"accuracy": [0.1], "ink": [0.2], "glyph_distance": [0.001]}, config={}))
    assert told(alike) == [("collapse", "warning")]
    assert "all glyphs look alike" in alike[0].says
    assert diagnose(about({"accuracy": [0.1], "ink": [0.0]}, config={}, step=10)) == []


def named(**figures: float) -> Facts:
    figures = {"kappa": 0.9, "messages": 10.0, "message_entropy": 3.3, "accepted": 0.8} | figures
    return Facts((0,), {name: [x] for name, x in figures.items()}, 1000, None, "naming", 100, 100, config={"mode": "communication"})


def test_agents_that_do_not_agree():
    assert told(diagnose(named())) == [("all", "ok")]
    apart = diagnose(named(kappa=0.005))
    assert told(apart) == [("agreement", "warning")]
    # sd of kappa under independence: sqrt(p / (n (1 - p))), p = 2^-3.3
    luck = norm.isf(0.001) * math.sqrt(2**-3.3 / (1000 * (1 - 2**-3.3)))
    assert f"kappa is 0.005, and independent agents pass {luck:.3f} once in 1,000 times" in apart[0].says
    assert "take none of the signs" in diagnose(named(kappa=0.0, accepted=0.0))[0].says
    assert "take every sign" in diagnose(named(kappa=0.0, accepted=1.0))[0].says
    alone = diagnose(named(kappa=0.0, accepted=0.0)._replace(config={"mode": "no-communication"}))
    assert told(alone) == [("agreement", "note")]
    one = diagnose(named(message_entropy=0.2, kappa=0.3))
    assert told(one) == [("collapse", "warning")]
    assert "signs say as much as 1.15" in one[0].says
    assert diagnose(named(kappa=0.0)._replace(step=10)) == []
    pair = named()._replace(seeds=(0, 1), figures={"kappa": [-0.01, 0.005], "message_entropy": [3.3, 3.3]})
    assert told(diagnose(pair)) == [("agreement", "warning")]  # neither agrees: that is no disagreement of seeds
    failed = pair._replace(figures={"kappa": [-0.01, 0.9], "message_entropy": [3.3, 3.3]})
    assert told(diagnose(failed)) == [("agreement", "warning"), ("seeds", "warning")]


def test_conversations_that_are_none():
    talk = {"exchange": "adaptive", "max_exchange": 5, "message_bits": 8, "channel": "continuous"}
    figures = {"accuracy": [0.9], "accuracy_shuffled": [0.1]}
    once = diagnose(about({**figures, "exchanges": [1.0], "accuracy_deaf": [0.5]}, config=talk))
    assert told(once) == [("conversation", "note"), ("all", "ok")]
    assert "answers at once" in once[0].says
    ever = diagnose(about({**figures, "exchanges": [5.0]}, config=talk))
    assert "never answers by itself: all conversations go on to the end of 5" in ever[0].says
    assert told(diagnose(about({**figures, "exchanges": [5.0]}, config={**talk, "exchange": "fixed"}))) == [("all", "ok")]
    one_way = diagnose(about({**figures, "exchanges": [3.0], "accuracy_deaf": [0.9]}, config=talk))
    assert "goes one way: accuracy is 0.900, and 0.900 when nothing that the receiver says is heard" in one_way[0].says
    assert told(diagnose(about({**figures, "exchanges": [3.0], "accuracy_deaf": [0.7]}, config=talk))) == [("all", "ok")]


def test_seeds_are_named_as_a_sentence_does():
    of = about({"accuracy": [0.1, 0.2, 0.3]})
    assert [str(Some(of, places)) for places in ((1,), (0, 2), (0, 1, 2))] == [" of seed 1", " of seeds 0 and 2", " of all 3 seeds"]
    assert str(Some(about(WELL), (0,))) == ""
    assert math.isnan(Some(of, (0,)).mean("nothing"))
    assert facts.listed(["a", "b", "c"]) == "a, b and c"
    assert of.of((2, 0)).figures["accuracy"] == [0.3, 0.1]


def test_whatever_the_figures_are_there_is_a_diagnosis():
    """Training must not end because of its doctor: 600 runs of figures at and beyond their bounds, some of them undefined."""
    rng = np.random.default_rng(0)
    known = ["accuracy", "accuracy_shuffled", "accuracy_silent", "accuracy_constant", "accuracy_deaf", "messages", "message_entropy",
             "entropy", "kappa", "accepted", "ink", "glyph_distance", "exchanges"]  # fmt: skip
    talk = {"message_bits": 8, "max_exchange": 5, "exchange": "adaptive", "channel": "bits"}
    configs = [{}, LEWIS, {"mode": "communication", "signs": 10}, talk]
    values = np.array([0.0, 1e-9, 0.1, 0.5, 1.0 - 1e-9, 1.0, -0.2, 1.2, 5.0, 179.0])
    for trial in range(600):
        count = int(rng.integers(1, 5))
        figures = {name: [None if x < 0.1 else float(rng.choice(values)) for x in rng.random(count)] for name in rng.permutation(known)[:8]}
        rows = [row for seed in range(count) for row in rows_of("loss", [None if x < 0.2 else float(x) for x in rng.random(15)], seed)]
        facts = about(
            figures,
            n=int(rng.choice([0, 1, 2, 179])),
            chance=[None, 0.0, 0.1, 0.5, 1.0][trial % 5],
            game=str(rng.choice(["lewis", "naming"])),
            step=int(rng.choice([0, 1, 50, 100])),
            steps=100,
            config=configs[trial % 4],
            rows=rows * int(rng.integers(0, 2)),
        )
        found = diagnose(facts)
        assert all(word.severity in doctor.GRAVITY and "nan" not in word.says for word in found), (facts, found)
        json.dumps([word._asdict() for word in found])


# ----------------------------------------------------------------------------------------------------- where facts come from


def test_facts_of_a_training_and_of_an_evaluation():
    record = {"game": "lewis", "seeds": [0, 3], "config": LEWIS, "data": {"sizes": {"train": 1439, "valid": 179}}}
    rows = [
        {"step": 10, "seed": 0, "split": "train", "accuracy": 0.7, "loss": 1.0, "ink": 0.3},
        {"step": 10, "seed": 3, "split": "train", "accuracy": 0.8, "loss": None, "reasons": {"loss": "not a number"}},
        {"step": 10, "seed": 0, "split": "valid", "accuracy": 0.5, "entropy": 1.5},
        {"step": 20, "seed": 0, "split": "train", "accuracy": 0.9, "loss": 0.5},
    ]
    bare = in_training(record, rows, 10, 100)
    assert (bare.seeds, bare.n, bare.chance, bare.things, len(bare.rows)) == ((0, 3), 179, None, 1439, 3)
    assert bare.figures == {"loss": [1.0, None], "ink": [0.3, None], "accuracy": [0.5, None], "entropy": [1.5, None]}
    asked = [
        {"accuracy": 0.6, "n": 64.0, "chance": 0.1, "messages": 7.0},
        {"accuracy": math.nan, "n": 64.0, "chance": 0.1, "messages": 1.0},
    ]
    whole = in_training(record, rows, 10, 100, asked)
    assert (whole.n, whole.chance, whole.figures["accuracy"], whole.figures["messages"]) == (64, 0.1, [0.6, None], [7.0, 1.0])
    signs = {**record, "game": "naming", "config": {"objects": 300}}
    given = in_training(signs, [{"step": 5, "seed": 0, "split": "train", "kappa": 0.4, "messages": 10.0}], 5, 5, [{"messages": 2.0}] * 2)
    assert (given.figures["messages"][0], given.n) == (10.0, 300)  # of what was trained on
    entry = {"mean": 0.5, "per_seed": [0.4, 0.6], "chance": 0.1, "n": 170}
    result = {"game": "lewis", "step": 15, "seeds": [0, 3], "metrics": {"accuracy": entry, "accuracy_silent": {**entry, "n": 90}}}
    judged = of_evaluation(result, rows, {})
    assert (judged.n, judged.chance, judged.step, judged.steps, len(judged.rows)) == (170, 0.1, 15, 15, 3)
    assert judged.examples("accuracy_silent") == 90
    found = doctor.words_of(result, rows)
    assert found
    assert all(word.keys() == {"about", "severity", "says"} for word in found)
    assert found[0]["about"] == "loss"


# ------------------------------------------------------------------------------------------------------------ sick agents


def test_a_speaker_with_one_word_is_found_out():
    config = replace(lewis.PRESETS["tiny"], steps=100, evaluation_noise=0.0)
    data = scenes.load(config.data)
    experiment, worlds = build(lewis, config, data, (0,))
    world = loop.unstack(worlds, 0)
    speaker = world.speaker.net
    name, layer = next((name, layer) for name, layer in _layers(speaker) if layer.bias.shape[-1] == config.vocab_size)
    loud = eqx.tree_at(lambda net: _at(net, name).bias, speaker, jnp.zeros_like(layer.bias).at[..., 3].set(50.0))
    asked = checkup(experiment, "valid", world._replace(speaker=eqx.tree_at(lambda agent: agent.net, world.speaker, loud)))
    assert asked["messages"] == 1.0
    record = {"game": "lewis", "seeds": [0], "config": {**config.__dict__}, "data": {"sizes": {"train": 0}}}
    found = diagnose(in_training(record, [], 20, 100, [asked]))
    assert told(found) == [("collapse", "warning"), ("entropy", "warning")]
    healthy = diagnose(in_training(record, [], 20, 100, [checkup(experiment, "valid", world)]))
    assert healthy == []


def _layers(net: Any) -> list[tuple[str, Any]]:
    """The layers with a bias below a network's fields, by name."""
    found = []
    for name in net.__dataclass_fields__:
        value = getattr(net, name)
        for i, layer in enumerate(getattr(value, "layers", [value])):
            if hasattr(layer, "bias") and layer.bias is not None:
                found.append((f"{name}.{i}" if hasattr(value, "layers") else name, layer))
    return found


def _at(net: Any, name: str) -> Any:
    field, _, place = name.partition(".")
    return getattr(net, field).layers[int(place)] if place else getattr(net, field)


LEAKY = ("scores = jnp.take_along_axis", "scores = 1e3 * jax.nn.one_hot(scene.target, scene.choices.shape[1]) + jnp.take_along_axis")


def test_a_listener_that_sees_the_target_is_told_of_in_training(
    tmp_path: Path, repo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    text = (repo / "examples" / "one_word.py").read_text()
    assert LEAKY[0] in text
    file = tmp_path / "leaky.py"
    file.write_text(text.replace(*LEAKY))
    game = session.game_at(str(file), {})
    asked: list[int] = []
    ask = validation.checkup
    monkeypatch.setattr(validation, "checkup", lambda *args: asked.append(1) or ask(*args))
    run, _ = session.start(str(file), game, replace(game.Config(), steps=20), Options(save_every=5), tmp_path / "run")
    out = capsys.readouterr().out
    warnings = [line for line in out.splitlines() if line.startswith("warning at step ")]
    assert [line.split(": ")[:2] for line in warnings] == [["warning at step 5", "a leak"], ["warning at step 5", "the channel is ignored"]]
    assert len(asked) == 2  # when something is understood for the first time, and at the end
    kept = json.loads((run.path / "doctor.json").read_text())
    assert (kept["step"], kept["split"], kept["chance"]) == (20, "valid", 0.25)
    assert [word["about"] for word in kept["doctor"]][:2] == ["leak", "ignored"]
    assert doctor.of(run.path) == [Word(**word) for word in kept["doctor"]]
    again = doctor.attend(run, 20, 20, [])  # without a new look at messages, what was seen of them stands
    assert not any(word.about == "leak" for _, word in again)
    assert [word["about"] for word in json.loads((run.path / "doctor.json").read_text())["doctor"]][:2] == ["leak", "ignored"]
    trained = session.reopen(run, {}, "newest", say=pytest.fail)
    result, _, _ = session.judge(trained, "test")
    words = doctor.words_of(result, records.read_metrics(run), run.record)
    assert [word["about"] for word in words][:2] == ["leak", "ignored"]
    assert [word._asdict() for word in doctor.of(run.path)] == words
    (run.path / "evaluation.json").unlink()
    (run.path / "doctor.json").unlink()
    assert doctor.of(run.path) == []  # curves alone do not tell
    assert directory.open_run(run.path).record["seeds"] == [0]
