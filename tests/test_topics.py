"""Scenes of two senses and classes kept out of training: who is shown when, what counts, and among which classes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from semiosis.errors import UsageError
from semiosis.games import dialogue
from semiosis.scenes import Data, Descriptions, Split, load
from semiosis.scenes.load import _views
from semiosis.scenes.topics import Scale, Topics, scale
from semiosis.scenes.withheld import withhold

KEY = jax.random.key(0)


def split(labels, tag=0):
    """Examples of these classes: vectors [100 tag + i, 1], a further view and a name of each."""
    n = len(labels)
    inputs = np.stack([100.0 * tag + np.arange(n), np.ones(n)], axis=1).astype(np.float32)
    return Split(inputs, np.array(labels, np.int32), None, (10 * inputs[:, :1],), np.array([f"{tag}-{i}" for i in range(n)]))


def texts(**candidates):
    """Of 1, 4, 2 and 3 words of one number each, which tells class and place: 31 is the second word of the class 3."""
    there = np.arange(4)[None] < np.array([1, 4, 2, 3])[:, None]
    vectors = ((10 * np.arange(4)[:, None] + np.arange(4)[None]) * there)[..., None].astype(np.float32)
    words = tuple(tuple(f"w{x}" for x in row[:k, 0]) for row, k in zip(vectors, there.sum(1), strict=True))
    own = {part: np.array(classes) for part, classes in candidates.items()}
    return Descriptions(tuple(map(" ".join, words)), words, vectors, there, there, candidates=own)


def few(**candidates):
    splits = {"train": split([0, 1, 2, 3, 0, 2]), "valid": split([1, 2, 3], 1), "test": split([3, 0, 1], 2)}
    return Data("few", splits, tuple("abcd"), descriptions=texts(**candidates), fingerprint="0")


def sentence(call, *args, **more):
    with pytest.raises(UsageError) as mistake:
        call(*args, **more)
    assert "\n" not in str(mistake.value)
    return str(mistake.value)


# ---------------------------------------------------------------------------------------------------------- two senses


def test_training_goes_through_all_examples_before_it_repeats_one():
    topics = Topics(split([0, 1] * 6), texts(), range(4), 4)
    drawn = jax.jit(jax.vmap(lambda step: topics(step, KEY)))(jnp.arange(9))
    epochs = np.asarray(drawn.example).reshape(3, 12)
    assert [sorted(epoch) for epoch in epochs.tolist()] == [list(range(12))] * 3
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 3
    assert (np.asarray(drawn.weight) == 1).all()
    np.testing.assert_array_equal(drawn.seen[..., 0], drawn.example)
    np.testing.assert_array_equal(drawn.context[..., 0], 10 * drawn.example)
    np.testing.assert_array_equal(drawn.label, drawn.example % 2)


@pytest.mark.parametrize(("size", "weights"), [(4, [4, 4, 2]), (5, [5, 5]), (10, [10]), (99, [10])])
def test_a_whole_split_counts_each_example_once_and_in_order(size, weights):
    topics = Topics(split([1] * 10), texts(), range(4), size, whole=True)
    drawn = [topics(jnp.int32(batch), KEY) for batch in range(topics.batches)]
    assert [float(topic.weight.sum()) for topic in drawn] == weights
    assert {topic.example.shape for topic in drawn} == {(min(size, 10),)}  # one program for all batches
    counted = np.concatenate([np.asarray(topic.example)[np.asarray(topic.weight) == 1] for topic in drawn])
    assert counted.tolist() == list(range(10))
    assert all((np.asarray(topic.weight) >= 0).all() and np.isfinite(topic.seen).all() for topic in drawn)


def test_a_target_is_the_place_of_its_class_among_those_described():
    described = texts()
    topics = Topics(split([3, 0, 3, 2]), described, [0, 2, 3], 4, whole=True)
    topic = topics(jnp.int32(0), KEY)
    assert topic.label.tolist() == [3, 0, 3, 2]
    assert topic.target.tolist() == [2, 0, 2, 1]
    assert topics.candidates == (0, 2, 3)
    assert topic.words[..., 0].tolist() == [[0, 0, 0], [20, 21, 0], [30, 31, 32]]  # the four words of the class 1 take no room
    assert topic.there.tolist() == [[True, False, False], [True, True, False], [True, True, True]]
    np.testing.assert_allclose(topic.means[:, 0], [0, 20.5, 31])
    assert topic.context.tolist() == [[0], [10], [20], [30]]


def test_images_are_seen_by_the_scale_of_their_channels():
    pixels = np.zeros((2, 1, 2, 2), np.uint8)
    pixels[..., 0] = [[[0, 255]], [[255, 0]]]  # mean 1/2, deviation 1/2
    pixels[..., 1] = [[[51, 51]], [[51, 51]]]  # all 1/5: a deviation of 1/1000 stands for none
    found = scale(Split(pixels))
    np.testing.assert_allclose(found, [[0.5, 0.2], [0.5, 1e-3]], atol=1e-6)
    other = np.full((1, 1, 2, 2), 102, np.uint8)  # of another split, by the scale of this one
    seen = Topics(Split(other, np.array([1], np.int32)), texts(), range(4), 1, scale=found, whole=True)(jnp.int32(0), KEY).seen
    np.testing.assert_allclose(seen[0, 0], [[-0.2, 200], [-0.2, 200]], rtol=1e-3)
    plain = Topics(Split(other, np.array([1], np.int32)), texts(), range(4), 1, whole=True)(jnp.int32(0), KEY).seen
    np.testing.assert_allclose(plain, np.full((1, 1, 2, 2), 0.4), atol=1e-6)


def test_vectors_and_maps_are_seen_as_they_are():
    assert scale(split([0, 1])) is None
    maps = np.random.default_rng(0).normal(size=(3, 2, 2, 5)).astype(np.float32)
    assert scale(Split(maps)) is None
    topics = Topics(Split(maps, np.zeros(3, np.int32)), texts(), range(4), 3, whole=True)
    np.testing.assert_array_equal(topics(jnp.int32(0), KEY).seen, maps)


def test_every_exam_sees_by_the_scale_of_training():
    data = load("digits,withheld=2+9,limit=20")
    exams = dialogue.make(dialogue.PRESETS["tiny"], data).exams
    expected = scale(data.splits["train"])
    assert expected is not None
    assert {"valid", "test", "out_of_domain", "test/out_of_domain", "out_of_domain/all-classes"} <= exams.keys()
    for exam in exams.values():
        assert isinstance(exam.scenes, Topics)
        np.testing.assert_allclose(Scale(*exam.scenes.scale), expected, rtol=1e-6)
    assert exams["test/out_of_domain"].scenes.candidates == (2, 9)
    assert exams["test/out_of_domain/all-classes"].scenes.candidates == tuple(range(10))


@pytest.mark.parametrize("size", [0, -1, 5])
def test_a_batch_that_does_not_fit_is_refused(size):
    told = sentence(Topics, split([0, 1, 1, 3]), texts(), range(4), size)
    assert told == f"a batch of {size} does not fit a split of 4 examples: choose a batch size from 1 to 4"


def test_classes_that_nobody_describes_are_counted():
    told = sentence(Topics, split([0, 1, 1, 3]), texts(), [0, 2], 2)
    assert told == "2 classes of the images are not among the 2 that are described to the receiver"


# ------------------------------------------------------------------------------------------------------------ withheld


def test_classes_are_withheld_from_every_split():
    data = few()
    parted = withhold(data, ["c"])
    assert {part: found.labels.tolist() for part, found in parted.splits.items()} == {
        "train": [0, 1, 3, 0], "valid": [1, 3], "test": [3, 0, 1], "out_of_domain": [2, 2, 2]
    }  # fmt: skip
    held = parted.splits["out_of_domain"]
    assert held.names.tolist() == ["0-2", "0-5", "1-1"]
    assert held.inputs[:, 0].tolist() == [2, 5, 101]
    assert held.others[0][:, 0].tolist() == [20, 50, 1010]
    assert held.attributes is None
    assert parted.classes == data.classes
    assert len(data.splits["train"].inputs) == 6  # the data itself is left alone
    everything = sorted(name for found in data.splits.values() for name in found.names)
    assert sorted(name for found in parted.splits.values() for name in found.names) == everything


def test_who_chooses_in_a_split_chooses_among_its_own_classes():
    found = withhold(few(), ["d", "a"]).descriptions.candidates
    assert {part: own.tolist() for part, own in found.items()} == {
        "train": [1, 2], "valid": [1, 2], "test": [1, 2], "out_of_domain": [0, 3]
    }  # fmt: skip
    found = withhold(few(valid=[1, 2, 3], transfer=[0, 1]), ["c"]).descriptions.candidates  # where a split has candidates already
    assert {part: own.tolist() for part, own in found.items()} == {
        "train": [0, 1, 3], "valid": [1, 3], "test": [0, 1, 3], "out_of_domain": [2], "transfer": [0, 1]
    }  # fmt: skip


def test_what_is_withheld_is_part_of_what_the_data_is():
    chosen = [("a",), ("b",), ("a", "b"), ("b", "a"), ("a", "b", "a")]
    prints = [withhold(few(), names).fingerprint for names in chosen]
    assert prints[2] == prints[3] == prints[4]
    assert len({few().fingerprint, *prints}) == 4


def bare(classes=tuple("abcd"), **changes):
    return Data("few", {part: found._replace(**changes) for part, found in few().splits.items()}, classes)


@pytest.mark.parametrize(
    ("data", "names", "expected"),
    [
        (few(), ["z"], "unknown class of 'few' 'z': known are a, b, c, d"),
        (few(), ["a", ""], "unknown class of 'few' '': known are a, b, c, d"),
        (few(), ["a", "b", "c", "d"], "withheld leaves 0 of the 4 classes of 'few' to train on: expected 2 or more"),
        (few(), ["a", "b", "d"], "withheld leaves 1 of the 4 classes of 'few' to train on: expected 2 or more"),
        (withhold(few(), ["a"]), ["b"], "'few' holds classes out already: its split out_of_domain has them"),
        (bare(labels=None), ["b"], "withheld needs labels, and 'few' has none"),
        (bare(classes=()), ["b"], "withheld names classes, and those of 'few' have no names: add ',descriptions=FILE.csv'"),
    ],
)
def test_what_cannot_be_withheld(data, names, expected):
    assert sentence(withhold, data, names) == expected


def test_a_split_of_nothing_is_refused():
    data = Data("few", {"train": split([0, 1, 2, 3]), "valid": split([2, 2]), "test": split([0])}, tuple("abcde"))
    assert sentence(withhold, data, ["c"]) == "withheld leaves nothing of the split valid of 'few'"
    assert sentence(withhold, data, ["e"]) == "withheld finds nothing of the class e in 'few'"


def test_of_data_without_labels_nothing_can_be_withheld(tmp_path):
    features = np.arange(400, dtype=np.float32).reshape(200, 2)
    np.savez(tmp_path / "x.npz", features=features)
    np.savez(tmp_path / "y.npz", features=features, labels=np.arange(200) % 4)
    name = f"{tmp_path}/x.npz,withheld=2"
    assert sentence(load, name) == f"withheld needs labels, and {name!r} has none"
    assert (load(f"{tmp_path}/y.npz,withheld=2").splits["out_of_domain"].labels == 2).all()  # where labels are numbers, by these
    (tmp_path / "d.csv").write_text("0,nil,naught\n1,one,single\n2,two,pair\n3,three,trio\n")
    named = load(f"{tmp_path}/y.npz,descriptions={tmp_path}/d.csv,withheld=two")
    assert (named.splits["out_of_domain"].labels == 2).all()
    assert len(named.splits["out_of_domain"].inputs) == 50


def test_any_data_can_be_named_without_some_of_its_classes():
    whole, parted = load("digits"), load("digits,withheld=2+9")
    assert {part: len(found.inputs) for part, found in whole.splits.items()} == {"train": 1439, "valid": 179, "test": 179}
    held = np.concatenate([np.isin(found.labels, (2, 9)) for found in whole.splits.values()]).sum()
    assert held == 177 + 180  # as scikit-learn counts them
    sizes = {part: len(found.inputs) for part, found in parted.splits.items()}
    assert sizes["out_of_domain"] == held
    assert sum(sizes.values()) == 1797
    for part, found in parted.splits.items():
        assert np.isin(found.labels, (2, 9)).all() if part == "out_of_domain" else not np.isin(found.labels, (2, 9)).any()
        assert parted.descriptions.candidates[part].tolist() == ([2, 9] if part == "out_of_domain" else [0, 1, 3, 4, 5, 6, 7, 8])
    for part in ("train", "valid", "test"):
        kept = ~np.isin(whole.splits[part].labels, (2, 9))
        np.testing.assert_array_equal(parted.splits[part].inputs, whole.splits[part].inputs[kept])
    other = load("digits,withheld=9+2")
    assert other.fingerprint == parted.fingerprint != whole.fingerprint
    np.testing.assert_array_equal(other.splits["out_of_domain"].inputs, parted.splits["out_of_domain"].inputs)


def test_names_are_still_joined_by_a_plus():
    assert _views("digits,withheld=2+9") == ["digits,withheld=2+9"]
    assert _views("digits+digits") == ["digits", "digits"]
    assert _views("digits,withheld=2+9,limit=30+digits") == ["digits,withheld=2+9,limit=30", "digits"]
    one, two = "digits,withheld=2+9,limit=30", "digits,withheld=9+2,limit=30"
    both, alone = load(f"{one}+{two}"), load(one)
    for part, found in both.splits.items():
        np.testing.assert_array_equal(found.inputs, alone.splits[part].inputs)
        np.testing.assert_array_equal(found.others[0], alone.splits[part].inputs)
