"""What pairs of the dialogue learn on the made-up corpus `words` under each setting: a table in Markdown, means over seeds.

python benchmarks/dialogue_learning.py [SEEDS]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import jax
import numpy as np

from semiosis.games import dialogue
from semiosis.runs import loop
from semiosis.runs.evaluate import evaluate
from semiosis.runs.setup import build
from semiosis.scenes import load

BASE = replace(dialogue.PRESETS["quick"], data="words", value_hidden=500, samples=0, steps=3000)
HARD = replace(BASE, data="words,noise=2", steps=2000)
SETTINGS = {
    "adaptive": BASE,
    "fixed": replace(BASE, exchange="fixed"),
    "fixed, 1 exchange": replace(BASE, exchange="fixed", max_exchange=1, steps=2000),
    "fixed, 4 bits": replace(BASE, exchange="fixed", message_bits=4, steps=2000),
    "adaptive, product": replace(BASE, fusion="product", steps=2000),
    "adaptive, four-part": replace(BASE, fusion="four-part", steps=2000),
    "adaptive, word attention": replace(BASE, word_attention=True, steps=2000),
    "fixed, receiver ignored": replace(BASE, exchange="fixed", ignore_receiver=True, steps=2000),
    "fixed, frozen sender": replace(BASE, exchange="fixed", frozen="sender"),
    "adaptive, no entropy of stopping": replace(BASE, stop_entropy=0.0, steps=2000),
    "adaptive, each exchange costs 0.1": replace(BASE, step_cost=0.1, steps=2000),
    "adaptive, one bit in ten flips": replace(BASE, sender_flips=0.1, evaluation_flips=True, steps=2000),
    "adaptive, straight-through bits": replace(BASE, channel="straight-through", steps=2000),
    "adaptive, Gumbel bits": replace(BASE, channel="gumbel", steps=2000),
    "adaptive, continuous": replace(BASE, channel="continuous", steps=2000),
    "adaptive, baseline of the batch": replace(BASE, baseline="batch", steps=2000),
    "hard, fixed, 32 bits": replace(HARD, exchange="fixed", message_bits=32),
    "hard, fixed, 4 bits": replace(HARD, exchange="fixed", message_bits=4),
    "hard, adaptive, 16 bits": HARD,
    "maps, adaptive, side by side": replace(BASE, data="words,grid=8", visual_attention=False, steps=2000, sender_hidden=64),
    "maps, adaptive, visual attention": replace(BASE, data="words,grid=8", visual_attention=True, attention_size=64, steps=2000),
}
COLUMNS = (
    "accuracy",
    "accuracy@out_of_domain",
    "accuracy@transfer",
    "exchanges",
    "accuracy@step-1",
    "accuracy_shuffled",
    "accuracy_silent",
)


def row(config: dialogue.Config, seeds: Sequence[int]) -> list[str]:
    """The means of a setting's figures, with the least and the greatest over seeds."""
    experiment, worlds = build(dialogue, config, load(config.data), seeds)
    run = loop.stretch(experiment.phases[0], loop.unstack(worlds, 0), loop.mesh_for(1, jax.devices()[:1]))
    worlds, _ = run(worlds, loop.keys_of(seeds), 0, config.steps)
    table = evaluate(experiment, worlds, seeds, "test")[0]["metrics"]
    told = []
    for name in COLUMNS:
        found = table.get(name, {}).get("per_seed")
        told.append("" if found is None else f"{np.mean(found):.3f} ({min(found):.3f} to {max(found):.3f})")
    return told


if __name__ == "__main__":
    seeds = range(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    print("| setting | steps |" + "".join(f" {name} |" for name in COLUMNS), "|---|---|" + "---|" * len(COLUMNS), sep="\n", flush=True)
    for name, config in SETTINGS.items():
        print(f"| {name} | {config.steps} | " + " | ".join(row(config, seeds)) + " |", flush=True)
