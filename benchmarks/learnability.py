"""The learnability trace of the Lewis game (64 features of 8 latents, 64 candidates): run by hand, figures in docs/lewis.md.

Features are 8 Gaussian latents through a fixed random 8 x 64 map, over sqrt(8); 4,096 train and 1,024 test. Required, on four seeds of
five: train accuracy (mean of 50 batches) of 0.80 by step 4,000, greedy test accuracy among 1,024 candidates of 0.60 by step 6,000.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import jax
import numpy as np

from semiosis.games import lewis
from semiosis.runs import loop
from semiosis.runs.evaluate import evaluate
from semiosis.runs.setup import build
from semiosis.scenes import Data, Split

CONFIG = lewis.Config(
    batch_size=64,
    max_len=5,
    vocab_size=10,
    speaker_hidden=64,
    listener_hidden=64,
    speaker_lr=1e-3,
    listener_lr=1e-3,
    evaluation_size=1024,
    evaluation_noise=0.0,
)


def features(seed: int = 0) -> Data:
    """The data of the trace; train, valid and test share the map."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(8, 64))

    def split(n: int) -> Split:
        return Split((rng.normal(size=(n, 8)) @ mixing / np.sqrt(8)).astype(np.float32))

    return Data("latents", {"train": split(4096), "valid": split(1024), "test": split(1024)})


def trace(config: lewis.Config, seeds: tuple[int, ...], steps: tuple[int, ...]) -> None:
    """Print train accuracy (the last 50 steps before each mark) and the test figures at the end."""
    data = features()
    experiment, worlds = build(lewis, config, data, seeds)
    mesh = loop.mesh_for(len(seeds), jax.devices()[:1])
    run, keys, at = loop.stretch(experiment.phases[0], loop.unstack(worlds, 0), mesh), loop.keys_of(seeds), 0
    for mark in steps:
        worlds, _ = run(worlds, keys, at, mark - 50 - at)
        worlds, logs = run(worlds, keys, mark - 50, 50)
        at = mark
        print(f"step {mark}: train accuracy {np.round(logs['accuracy'], 3)}, entropy {np.round(logs['entropy'], 2)}", flush=True)
    result, _ = evaluate(experiment, worlds, seeds, "test")
    for name in ("accuracy", "accuracy_vote", "accuracy_shuffled", "accuracy@1024", "accuracy_vote@1024", "topsim", "synchrony"):
        if name in result["metrics"]:
            print(f"test {name}: {np.round(result['metrics'][name]['per_seed'], 3)}")


if __name__ == "__main__":
    four = "four" in sys.argv[1:]
    if four:  # four pairs a step, drawn with replacement
        trace(replace(CONFIG, n_speakers=4, n_listeners=4, pairs=4), (42, 1), (1000, 2000, 3000, 4000))
    else:
        trace(CONFIG, (42, 1, 2, 3, 4), (1000, 2000, 3000, 4000, 5000, 6000))
