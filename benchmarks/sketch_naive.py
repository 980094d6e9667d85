"""A step of the sketch game with a frozen VGG16, as written here and as it would be written naively: CPU seconds, ratio, equal losses.

    python benchmarks/sketch_naive.py [--photos 20] [--side 96] [--steps 20] [--perceptual]

The naive step looks at the sender's photo, at the receiver's photos and at the sketch anew in each step, at the sketch once more for the
perceptual loss, and draws by the formulas alone, whose gradient JAX finds. Both steps are bound to one core and compute in float32.
"""

from __future__ import annotations

import argparse
import os
import time

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_cpu_multi_thread_eigen=false"
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from semiosis import raster, surrogates
from semiosis.games import sketch
from semiosis.nets.sight import last
from semiosis.populations import pick
from semiosis.runs import loop
from semiosis.runs.setup import build
from semiosis.scenes import Data, Split


def naive_loss(nets, sight, config, scene, side):
    """The loss of a round, every image looked at where it is used."""
    sender, receiver = nets
    frozen = lambda images: sight.maps(images, None, 0)  # noqa: E731
    seen = frozen(scene.photos[scene.seen])
    candidates = frozen(scene.photos)
    strokes = sender.hand(sender.eye(last(seen)))
    drawn = 1.0 - raster.plain(strokes, (side, side), config.sigma2)
    (g, c), n = scene.pool.shape, len(scene.seen)
    head = lambda x: receiver.second(jax.nn.relu(receiver.first(sender.eye(x))))  # noqa: E731
    scores = jnp.einsum("gsd,gcd->gsc", head(last(frozen(drawn))).reshape(g, n // g, -1), head(last(candidates)).reshape(g, c, -1))
    loss = jnp.mean(surrogates.hinge(scores.reshape(n, c), scene.target))
    if config.perceptual:
        again = frozen(jax.lax.optimization_barrier(drawn))  # once more, where XLA would see that it was looked at before
        unit = lambda x: x / (jnp.linalg.norm(x, axis=-1, keepdims=True) + 1e-10)  # noqa: E731
        loss += config.perceptual * sum(
            jnp.mean(jnp.sum(jnp.square(unit(again[name]) - unit(jax.lax.stop_gradient(seen[name]))), -1)) for name in again
        )
    return loss


def main() -> None:
    """Time both, one after the other, on the same photos from the same birth."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--photos", type=int, default=20)
    asked.add_argument("--side", type=int, default=96)
    asked.add_argument("--steps", type=int, default=20)
    asked.add_argument("--lr", type=float, default=1e-4)
    asked.add_argument("--perceptual", action="store_true")
    args = asked.parse_args()
    dice = np.random.default_rng(0)
    part = lambda: Split(dice.integers(0, 256, (args.photos, args.side, args.side, 3)).astype(np.uint8))  # noqa: E731
    data = Data("noise", {"train": part(), "test": part()}, fingerprint=f"noise {args.photos} {args.side}")
    config = sketch.Config(data="noise", batch_size=args.photos, lr=args.lr, perceptual=float(args.perceptual), precision="float32")
    experiment, worlds = build(sketch, config, data, (0,))
    drawing, phase = experiment.play.drawing, experiment.phases[0]
    world = loop.unstack(worlds, 0)
    nets = tuple(pick(getattr(world, role), 0).net for role in ("sender", "receiver"))
    rule = optax.adam(config.lr)

    @eqx.filter_jit
    def step(nets, state, sight, scenes, number):
        scene = scenes(number, loop.nature_key(loop.seed_key(0)))
        loss, grads = jax.value_and_grad(naive_loss)(nets, sight, config, scene._replace(features={}, known={}), args.side)
        updates, state = rule.update(grads, state)
        return optax.apply_updates(nets, updates), state, loss

    run = loop.stretch(phase, world, loop.mesh_for(1, jax.devices()[:1]))
    keys = loop.keys_of((0,))

    def timed(act, count):
        seconds, losses = [], []
        for number in range(count):
            start = time.process_time()
            losses.append(act(number))
            seconds.append(time.process_time() - start)
        return seconds, losses

    state, place = rule.init(nets), [worlds]

    def ours(number):
        place[0], logs = run(place[0], keys, number, 1)
        return float(logs["loss"][0])

    own, losses = timed(ours, args.steps)

    def naive(number):
        nonlocal nets, state
        nets, state, loss = step(nets, state, drawing.sight, phase.scenes, jnp.int32(number))
        return float(loss)

    other, expected = timed(naive, args.steps)
    apart = max(abs(a - b) / abs(b) for a, b in zip(losses, expected, strict=True))
    which = "with" if args.perceptual else "without"
    print(f"{args.photos} photos of {args.side} px, frozen VGG16 to relu5_3, {which} the perceptual loss")
    print(f"here {min(own[1:]):.2f} CPU-s a step, naive {min(other[1:]):.2f}: {min(other[1:]) / min(own[1:]):.2f} times")
    print(f"losses of {args.steps} steps: {losses[0]:.6f} ... {losses[-1]:.6f}, apart by at most {apart:.1e} of themselves")


if __name__ == "__main__":
    main()
