"""Scenes of many games of reference at once: pools of photos, of which some are shown to senders and must be found again.

The games of *Learning to Draw* (Mihai and Hare 2021): `original`, all photos of a batch are candidates (Havrylov and Titov 2017);
`same`, one photo of each of some classes; `different`, the sender sees another photo of the target's class; `mixed`, games of both in
turn. Which photos meet is a function of indices alone, and does not depend on how many games are played at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from semiosis.errors import UsageError
from semiosis.scenes import sampling
from semiosis.scenes.types import Split
from semiosis.scenes.views import to_float

Variant = Literal["original", "same", "different", "mixed"]
View = Callable[[PRNGKeyArray, Float[Array, "u h w c"]], Float[Array, "u h2 w2 c"]]


class Round(NamedTuple):
    """g games of c candidates and n senders in all, n/g in each.

    `photos` [u h w c] are those that occur, the candidates of all games first; `pool` [g c] and `seen` [n] are rows of them. `target` [n]
    is the place of the right one in the pool of the sender's game. `example` [u] numbers the photos within their split, `label` [u] is
    their class. `weight` [n] is 0 for a sender that only fills up a batch. `features` are what is known of the photos already, [u ...]
    each, and `known` what is known of those that senders see, [n ...]; `views` are what senders see of their photos where that is another
    view, [n h w c], else None.
    """

    photos: Float[Array, "u h w c"]
    pool: Int[Array, "g c"]
    seen: Int[Array, " n"]
    target: Int[Array, " n"]
    example: Int[Array, " u"]
    label: Int[Array, " u"] | None
    weight: Float[Array, " n"]
    features: Mapping[str, Array]
    known: Mapping[str, Array]
    views: Float[Array, "n h w c"] | None


class Meeting(NamedTuple):
    """Who meets whom, by examples of the split: `pool` [g c], `seen` [g s], `place` [g s] of the right one in its pool, `weight` [g s]."""

    pool: Array
    seen: Array
    place: Array
    weight: Array


class Rounds(eqx.Module):
    """Rounds of a split as a function of (step, key): drawn without end for training, or those of `exam`, some at a time.

    `size` games of `candidates` photos, `senders` of which are shown. `balanced` draws all classes alike often in the original game.
    `photo_view` changes all photos in training, `sender_view` then what senders see, always. `features` and `known` [m ...] are of the
    split's photos: what is needed of all that occur, and of those that senders see.
    """

    inputs: Array
    labels: Array | None
    features: dict[str, Array]
    known: dict[str, Array]
    table: sampling.ClassTable | None
    exam: Meeting | None
    variant: Variant = eqx.field(static=True)
    size: int = eqx.field(static=True)
    candidates: int = eqx.field(static=True)
    senders: int = eqx.field(static=True)
    balanced: bool = eqx.field(static=True)
    photo_view: View | None = eqx.field(static=True)
    sender_view: View | None = eqx.field(static=True)

    def __init__(
        self,
        split: Split,
        variant: Variant,
        size: int,
        candidates: int,
        *,
        senders: int = 0,
        balanced: bool = False,
        photo_view: View | None = None,
        sender_view: View | None = None,
        features: Mapping[str, np.ndarray | Array] | None = None,
        known: Mapping[str, np.ndarray | Array] | None = None,
        exam: bool = False,
    ):
        if variant != "original" or balanced:
            need_classes(split, candidates if variant != "original" else 1, variant)
        n, senders = len(split.inputs), senders or candidates
        if not 1 <= senders <= candidates:
            raise UsageError(f"{senders} targets among {candidates} candidates: choose 1 to {candidates}, or 0 for all of them")
        there = n
        if balanced:  # as many of each class as the largest has
            counts = np.unique(np.asarray(split.labels), return_counts=True)[1]
            there = len(counts) * int(counts.max())
        if variant == "original" and not exam and size * candidates > there:
            raise UsageError(f"{size} games of {candidates} candidates take {size * candidates} photos, and the split has {there}")
        self.inputs = jnp.asarray(split.inputs)
        self.labels = None if split.labels is None else jnp.asarray(split.labels)
        self.features, self.known = ({name: jnp.asarray(x) for name, x in (given or {}).items()} for given in (features, known))
        self.table = self.exam = None
        if variant != "original" or balanced:
            self.table = sampling.ClassTable(*map(jnp.asarray, _dense(np.asarray(split.labels))))
        if exam:
            meeting = appointed(n, None if split.labels is None else np.asarray(split.labels), variant, candidates, senders)
            self.exam = Meeting(*map(jnp.asarray, meeting))
            size = min(size, len(meeting.pool))
        self.variant, self.size, self.candidates, self.senders = variant, size, candidates, senders
        self.balanced, self.photo_view, self.sender_view = balanced, photo_view, sender_view

    @property
    def batches(self) -> int:
        """How many batches an exam has."""
        assert self.exam is not None
        return -(-self.exam.pool.shape[0] // self.size)

    def __call__(self, step: Int[Array, ""], key: PRNGKeyArray) -> Round:
        """The games of a step; `key` is the run's data key, the same at every step."""
        meeting = self._meet(step, key) if self.exam is None else self._next(self.exam, step)
        key_photo, key_sender = jax.random.split(jax.random.fold_in(key, step))
        (g, c), s = meeting.pool.shape, self.senders
        pool = jnp.arange(g * c).reshape(g, c)
        target = meeting.place
        if self.variant in ("original", "same"):
            example, seen = meeting.pool.reshape(-1), jnp.take_along_axis(pool, target, axis=1)
        else:
            example = jnp.concatenate([meeting.pool.reshape(-1), meeting.seen.reshape(-1)])
            seen = g * c + jnp.arange(g * s).reshape(g, s)
        photos = to_float(self.inputs[example])
        photos = photos if self.photo_view is None else self.photo_view(key_photo, photos)
        seen = seen.reshape(-1)
        views = None if self.sender_view is None else self.sender_view(key_sender, photos[seen])
        label = None if self.labels is None else self.labels[example]
        features = {name: x[example] for name, x in self.features.items()}
        known = {name: x[example[seen]] for name, x in self.known.items()}
        return Round(photos, pool, seen, target.reshape(-1), example, label, meeting.weight.reshape(-1), features, known, views)

    def _next(self, exam: Meeting, step: Int[Array, ""]) -> Meeting:
        """The games of an exam whose turn it is; the last batch is filled up with games of no weight."""
        games = exam.pool.shape[0]
        which = step * self.size + jnp.arange(self.size)
        meeting = jax.tree.map(lambda x: x[which % games], exam)
        return meeting._replace(weight=meeting.weight * (which < games)[:, None])

    def _meet(self, step: Int[Array, ""], key: PRNGKeyArray) -> Meeting:
        """Games drawn for training."""
        key_class, key_first, key_other, key_place = jax.random.split(jax.random.fold_in(key, 2**31 - 1), 4)
        g, c = self.size, self.candidates
        fresh = lambda k: jax.random.fold_in(k, step)  # noqa: E731
        place = jnp.argsort(jax.random.uniform(fresh(key_place), (g, c)), axis=1)[:, : self.senders]
        if self.senders == c:  # all are targets: their order says nothing
            place = jnp.broadcast_to(jnp.arange(c), (g, c))
        if self.variant == "original":
            pool = (self._balanced(step, key_first) if self.balanced else self._any(step, key_first)).reshape(g, c)
            seen = jnp.take_along_axis(pool, place, axis=1)
        else:
            assert self.table is not None
            kinds = sampling.some(fresh(key_class), c, self.table.size.shape[0], g)
            visit = step * g + jnp.arange(g)[:, None]
            pool = sampling.in_turn(key_first, kinds, visit, self.table)
            chosen = jnp.take_along_axis(kinds, place, axis=1)
            seen = jnp.take_along_axis(pool, place, axis=1)
            if self.variant != "same":
                other = sampling.in_turn(key_first, chosen, visit, self.table, beside=fresh(key_other))
                apart = jnp.ones((g, 1), bool) if self.variant == "different" else visit % 2 == 1
                seen = jnp.where(apart, other, seen)
        return Meeting(pool, seen, place, jnp.ones(seen.shape))

    def _any(self, step: Int[Array, ""], key: PRNGKeyArray) -> Int[Array, " b"]:
        return sampling.batch_indices(step, key, self.size * self.candidates, self.inputs.shape[0])

    def _balanced(self, step: Int[Array, ""], key: PRNGKeyArray) -> Int[Array, " b"]:
        """Epochs of as many photos of each class as the largest has: those of smaller classes come again."""
        assert self.table is not None
        count, most = self.table.size.shape[0], jnp.max(self.table.size)
        key_order, key_photo = jax.random.split(key)
        size = self.size * self.candidates
        each = count * most // size
        epoch, batch = jnp.divmod(step, each)
        row = sampling.permuted(jax.random.fold_in(key_order, epoch), batch * size + jnp.arange(size), count * most)
        return sampling.in_turn(key_photo, (row % count)[:, None], (epoch * most + row // count)[:, None], self.table)[:, 0]


def need_classes(split: Split, candidates: int, why: str) -> None:
    """Refuse a split without labels, or with fewer classes than candidates."""
    if split.labels is None:
        raise UsageError(f"the game {why} needs labels, and this data has none: choose the original game")
    classes = len(np.unique(split.labels))
    if candidates > classes:
        raise UsageError(f"{candidates} candidates of as many classes, and the split has {classes} classes: choose at most {classes}")


def _dense(labels: np.ndarray) -> sampling.ClassTable:
    """The table of classes that occur, numbered without gaps."""
    return sampling.class_table(np.unique(labels, return_inverse=True)[1].astype(np.int32))


# -------------------------------------------------------------------------------------------------------------------- exams


def appointed(n: int, labels: np.ndarray | None, variant: Variant, candidates: int, senders: int) -> Meeting:
    """The games of an exam on a split of n photos: the same in every run, whatever the batch.

    In the original game photos meet in the order of the split, each in one pool; the last pool is filled up with the first photos, which
    are not asked for again. Else the classes meet as `published` has them. Places in a pool are shuffled by a fixed seed.
    """
    if variant == "original":
        games = -(-n // candidates)
        row = np.arange(games * candidates)
        pool, weight = (row % n).reshape(games, -1), (row < n).astype(np.float32).reshape(games, -1)
        other = pool
    else:
        assert labels is not None
        (rows,) = published(labels, candidates, n, different=True)
        pairs = np.array(rows).reshape(-1, candidates, 2)
        pool, other = pairs[..., 1], pairs[..., 0].copy()
        same = np.arange(len(pool)) % 2 == 0 if variant == "mixed" else np.full(len(pool), variant == "same")
        pool = np.where(same[:, None], other, pool)
        weight = np.ones(pool.shape, np.float32)
    dice = np.random.default_rng(0)
    order, asked = (dice.random((len(pool), candidates)).argsort(1) for _ in range(2))
    pool, other, weight = (np.take_along_axis(part, order, 1) for part in (pool, other, weight))
    place = asked[:, :senders] if senders < candidates else np.broadcast_to(np.arange(candidates), pool.shape)
    seen, weight = (np.take_along_axis(part, place, 1) for part in (other, weight))
    return Meeting(*(part.astype(np.int32) for part in (pool, seen, place)), weight)


def published(labels: np.ndarray, num_targets: int = 0, batch_size: int = 48, *, different: bool = False) -> list[list[int]]:
    """The batches of an epoch by the published sampler, unshuffled: games of `num_targets` classes side by side, as row numbers.

    Each class is a ring of its examples, of which the head is taken, and with `different` the tail too; then the ring turns by one. Classes
    stand in the order of first appearance; each game of a batch takes the first of them, then the order turns by as many. 0 is all classes.
    """
    order = list(dict.fromkeys(np.asarray(labels).tolist()))
    rings = {label: deque(np.flatnonzero(np.asarray(labels) == label).tolist()) for label in order}
    each = min(num_targets or len(order), len(order))
    games = max(1, batch_size // each)
    batches = []
    for _ in range(max(1, len(labels) // (games * each))):
        turning, batch = deque(order), []
        for _ in range(games):
            for label in list(turning)[:each]:
                ring = rings[label]
                batch += [ring[0], ring[-1]] if different else [ring[0]]
                ring.rotate(1)
            turning.rotate(each)
        batches.append(batch)
    return batches
