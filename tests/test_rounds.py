"""Rounds of games of reference: the published sampler's sequences, what each variant promises, and that exams are fixed."""

from collections import Counter

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis.errors import UsageError
from semiosis.scenes import Split
from semiosis.scenes.rounds import Rounds, appointed, published

KEY = jax.random.key(0)


def split(labels):
    """Photos of one pixel whose colour is their number, modulo 256 in each of two channels."""
    labels = np.asarray(labels, np.int32)
    number = np.arange(len(labels))
    return Split(np.stack([number % 256, number // 256], -1)[:, None, None].astype(np.uint8), labels)


def drawn(scenes, steps, key=KEY):
    """Rounds of the first steps, as numpy."""
    take = eqx.filter_jit(lambda scenes, step: scenes(step, key))
    return [jax.tree.map(np.asarray, take(scenes, jnp.int32(step))) for step in range(steps)]


def games(found):
    """(sender's example, target's example, the pool's examples) of each sender of each game."""
    g = len(found.pool)
    n = len(found.seen) // g
    for i, row in enumerate(found.seen):
        pool = found.example[found.pool[i // n]]
        yield found.example[row], pool[found.target[i]], pool


def test_the_published_sampler_gives_its_golden_sequences():
    labels = np.arange(12) % 3
    assert published(labels, batch_size=3) == [[0, 1, 2], [9, 10, 11], [6, 7, 8], [3, 4, 5]]
    assert published(labels, 2, 4) == [[0, 1, 10, 2], [9, 7, 4, 11], [6, 1, 10, 8]]
    pairs = [[0, 9, 1, 10, 2, 11], [9, 6, 10, 7, 11, 8], [6, 3, 7, 4, 8, 5], [3, 0, 4, 1, 5, 2]]
    assert published(labels, batch_size=3, different=True) == pairs


@pytest.mark.parametrize(("batch", "count"), [(64, 1), (202, 2), (303, 3)])
def test_the_published_sampler_fills_a_batch_with_whole_games(batch, count):
    """101 classes: games of 101, at least one; sender and target of a class, never the same photo."""
    labels = np.repeat(np.arange(101), 4)
    batches = published(labels, batch_size=batch, different=True)
    assert len(batches) == max(1, 404 // (101 * count))
    for rows in batches:
        pairs = np.array(rows).reshape(count, 101, 2)
        assert (labels[pairs[..., 0]] == labels[pairs[..., 1]]).all()
        assert (pairs[..., 0] != pairs[..., 1]).all()
        for game in pairs:
            assert len(set(labels[game[:, 0]])) == 101


@pytest.mark.parametrize(("n", "classes", "batch", "steps"), [(4900, 10, 100, 49), (56_560, 101, 100, 560), (8000, 10, 100, 80)])
def test_steps_of_an_epoch_are_the_published_ones(n, classes, batch, steps):
    assert len(published(np.arange(n) % classes, batch_size=batch)) == steps


def test_original_games_meet_every_photo_once_an_epoch_and_every_photo_is_a_target():
    scenes = Rounds(split(np.zeros(24)), "original", 2, 4)
    rounds = drawn(scenes, 3)
    seen = [int(i) for found in rounds for i in found.example]
    assert sorted(seen) == list(range(24))
    for found in rounds:
        assert all(own == right for own, right, _ in games(found))
        assert sorted(found.example[found.seen]) == sorted(found.example)
        np.testing.assert_allclose(found.photos[:, 0, 0, 0] * 255, found.example, atol=1e-4)


def test_some_targets_stand_anywhere():
    scenes = Rounds(split(np.zeros(400)), "original", 20, 5, senders=2)
    rounds = drawn(scenes, 12)
    places = Counter(int(i) for found in rounds for i in found.target)
    assert all(len(set(found.target[2 * game : 2 * game + 2])) == 2 for found in rounds for game in range(20))
    # 480 places of 5: each 96 times, with a deviation below sqrt(96) = 9.8
    assert all(abs(places[i] - 96) < 5 * 9.8 for i in range(5))


@pytest.mark.parametrize("variant", ["same", "different", "mixed"])
def test_games_of_classes_keep_their_promise(variant):
    labels = np.arange(60) % 6
    scenes = Rounds(split(labels), variant, 4, 4)
    for found in drawn(scenes, 8):
        for i, (own, right, pool) in enumerate(games(found)):
            assert len(set(labels[pool])) == 4
            assert labels[own] == labels[right]
            same = variant == "same" or (variant == "mixed" and i // 4 % 2 == 0)
            assert (own == right) == same
            if not same:
                assert own not in pool


def test_each_photo_of_a_class_has_its_turn():
    """All classes in each game: ten games of ten photos a class show each once, sixteen more than half of the next round."""
    labels = np.arange(30) % 3
    rounds = drawn(Rounds(split(labels), "same", 5, 3), 2)
    assert sorted(int(i) for found in rounds for i in found.example) == list(range(30))


def test_a_class_of_one_photo_shows_it_to_both():
    found = drawn(Rounds(split([0, 0, 0, 1, 2, 2]), "different", 1, 3), 4)
    for one in found:
        assert {int(own) for own, right, _ in games(one) if own == right} == {3}


def test_balanced_batches_draw_all_classes_alike():
    """Classes of 8, 2 and 4 photos: an epoch of 24 has 8 of each, and each photo of a class about as often as the others."""
    labels = np.repeat([0, 1, 2], [8, 2, 4])
    rounds = drawn(Rounds(split(labels), "original", 1, 4, balanced=True), 6)
    count = Counter(int(i) for found in rounds for i in found.example)
    assert [sum(count[i] for i in np.flatnonzero(labels == c)) for c in range(3)] == [8, 8, 8]
    assert sorted(count.values()) == [1] * 8 + [2] * 4 + [4] * 2


@pytest.mark.parametrize("variant", ["original", "same", "different", "mixed"])
def test_exams_are_the_same_whatever_the_batch(variant):
    """Equal games, in order, of batches of 1 and of 4 games; what fills the last batch has no weight."""
    labels = np.arange(50) % 5

    def asked(size):
        scenes = Rounds(split(labels), variant, size, 5, exam=True)
        rounds = drawn(scenes, scenes.batches)
        told = [(int(own), int(right), tuple(pool)) for found in rounds for own, right, pool in games(found)]
        weights = np.concatenate([found.weight for found in rounds])
        return [each for each, weight in zip(told, weights, strict=True) if weight]

    small, large = asked(1), asked(4)
    assert small == large
    assert len(small) == 50
    if variant in ("original", "same"):
        assert sorted(own for own, *_ in small) == list(range(50))


def test_an_exam_of_photos_that_do_not_divide_asks_for_each_once():
    meeting = appointed(23, None, "original", 10, 10)
    asked = meeting.seen[meeting.weight > 0]
    assert meeting.pool.shape == (3, 10)
    assert sorted(asked.tolist()) == list(range(23))
    assert all(len(set(pool)) == 10 for pool in meeting.pool.tolist())
    assert (np.take_along_axis(meeting.pool, meeting.place, 1) == meeting.seen).all()


def test_games_of_fewer_candidates_than_classes_meet_all_classes():
    labels = np.arange(60) % 6
    meeting = appointed(60, labels, "same", 4, 4)
    assert len(meeting.pool) == 15
    assert set(Counter(labels[meeting.pool].reshape(-1).tolist()).values()) == {10}


def test_mixed_games_take_turns_where_a_step_has_one():
    rounds = drawn(Rounds(split(np.arange(12) % 3), "mixed", 1, 3), 4)
    apart = [any(own != right for own, right, _ in games(found)) for found in rounds]
    assert apart == [False, True, False, True]


def test_balanced_batches_are_no_larger_than_an_epoch():
    with pytest.raises(UsageError, match="1 games of 25 candidates take 25 photos, and the split has 24"):
        Rounds(split(np.repeat([0, 1, 2], [8, 2, 4])), "original", 1, 25, balanced=True)


def test_what_cannot_be_played_is_said():
    few = split([0, 0, 1, 1])
    with pytest.raises(UsageError, match="3 candidates of as many classes, and the split has 2 classes: choose at most 2"):
        Rounds(few, "same", 1, 3)
    with pytest.raises(UsageError, match="the game different needs labels, and this data has none"):
        Rounds(few._replace(labels=None), "different", 1, 2)
    with pytest.raises(UsageError, match="2 games of 3 candidates take 6 photos, and the split has 4"):
        Rounds(few, "original", 2, 3)
    with pytest.raises(UsageError, match="5 targets among 2 candidates"):
        Rounds(few, "same", 1, 2, senders=5)
