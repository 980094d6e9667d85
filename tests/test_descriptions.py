"""Descriptions of classes: texts and their words, word vectors, the made-up corpus, recorded features, and each mistake's sentence."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semiosis import scenes
from semiosis.errors import UsageError
from semiosis.scenes import build, contact, descriptions, draws, options, recorded, texts, words, wordvectors
from semiosis.scenes.types import Part, Source

SMALL = "words,classes=3,held_out=2,transfer=2,words=8,per_class=7,size=6"


def sentence(call, *args, **kwargs):
    """The one sentence of a UsageError."""
    with pytest.raises(UsageError) as error:
        call(*args, **kwargs)
    text = str(error.value)
    assert "\n" not in text
    return text


def put(path, *lines):
    """Write lines to a file; its path, as text."""
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return str(path)


def vectors_file(tmp_path, labels, name="x.npz"):
    """A feature file with these labels, whose one feature is the place."""
    path = tmp_path / name
    np.savez(path, x=np.arange(len(labels), dtype=np.float32)[:, None], labels=np.array(labels))
    return str(path)


# --------------------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("A small, furry animal; a SMALL tail.", ("small", "furry", "animal", "tail")),
        ("The long-tailed cat's paws (it doesn't fly) - 4 legs", ("long-tailed", "cat", "paws", "fly", "4", "legs")),
        ("the rook’s black_beak, naïve--eyes 'quoted'", ("rook", "black", "beak", "naïve", "eyes", "quoted")),
        ("it is not the, of ...", ()),
        ("", ()),
    ],
)
def test_content(text, want):
    assert descriptions.content(text) == want


def test_rows_with_commas_quotes_and_gaps(tmp_path):
    path = put(tmp_path / "a.csv", "\ufeff7, cat ,soft fur, paws, a tail", "", '-3,"dog","floppy, ""big"" ears"', "100,crane,a beak\r")
    assert descriptions.read_rows(Path(path)) == (
        (7, "cat", "soft fur, paws, a tail"),
        (-3, "dog", 'floppy, "big" ears'),
        (100, "crane", "a beak"),
    )


def test_rows_as_a_spreadsheet_writes_them(tmp_path):
    path = put(tmp_path / "a.csv", '1,"cat, big","furry, ""small"" animal"', '"2","dog","floppy, long ears"')
    assert descriptions.read_rows(Path(path)) == ((1, "cat, big", 'furry, "small" animal'), (2, "dog", "floppy, long ears"))


@pytest.mark.parametrize(
    ("lines", "want"),
    [
        (
            ["1,cat"],
            "line 1 of 'FILE' reads '1,cat': expected label_id,label,free text, as in 7,cat,a small animal with soft fur, with no h",
        ),
        (["id,label,text"], "line 1 of 'FILE' reads 'id,label,text': expected label_id,label,free text"),
        (["1,cat,fur", "2,,fur"], "line 2 of 'FILE' reads '2,,fur': expected label_id,label,free text"),
        (["1,cat,fur", "", "1,dog,fur"], "line 3 of 'FILE' gives the id 1 to 'dog', and 'cat' has it already"),
        (["1,cat, "], "line 1 of 'FILE' is a class without a description: the text of 'cat' is empty"),
        (["1,cat,it is the same"], "the text of 'cat' has only stop words"),
        ([], "'FILE' describes no class: expected lines label_id,label,free text"),
    ],
)
def test_rows_that_cannot_be_read(tmp_path, lines, want):
    path = put(tmp_path / "a.csv", *lines)
    assert want.replace("FILE", path) in sentence(descriptions.read_rows, Path(path))


def test_files_that_cannot_be_opened(tmp_path):
    gone = tmp_path / "gone"
    assert sentence(descriptions.read_rows, gone) == f"cannot read the descriptions {str(gone)!r}: No such file or directory"
    assert sentence(wordvectors.glove, gone, ["a"]) == f"cannot read the word vectors {str(gone)!r}: No such file or directory"
    (tmp_path / "b.csv").write_bytes(b"1,cat,\xff")
    assert "it is no text in UTF-8" in sentence(descriptions.read_rows, tmp_path / "b.csv")


# ------------------------------------------------------------------------------------------------------------------- vectors


def test_glove_keeps_the_words_asked_for(tmp_path):
    path = put(tmp_path / "g.txt", "the 1 2 3", "cat 0.5 -1 2e-1 ", "naïve 7 8 9", "", "cat 0 0 0")
    found = wordvectors.glove(Path(path), ["cat", "naïve", "dog"])
    assert {word: vector.tolist() for word, vector in found.items()} == {"cat": [0.5, -1, np.float32(0.2)], "naïve": [7, 8, 9]}
    assert all(vector.dtype == np.float32 for vector in found.values())


@pytest.mark.parametrize(
    ("lines", "want"),
    [
        (["a 1 2", "b 1 2", "c 1"], "line 3 of 'FILE' has 1 number after its word, and the first line has 2"),
        (["4 2", "b 1 2"], "line 2 of 'FILE' has 2 numbers after its word, and the first line has 1"),
        (["cat"], "line 1 of 'FILE' has 0 numbers after its word, expected 'word v1 ... vk'"),
        ([], "'FILE' holds no word vectors: expected lines 'word v1 ... vk'"),
        (["a 1 2", "cat x 2"], "line 2 of 'FILE' reads 'cat x 2': expected a word and 2 numbers"),
        (["cat nan 2"], "line 1 of 'FILE' reads 'cat nan 2': expected a word and 2 numbers"),
    ],
)
def test_vectors_that_cannot_be_read(tmp_path, lines, want):
    path = put(tmp_path / "g.txt", *lines)
    assert want.replace("FILE", path) in sentence(wordvectors.glove, Path(path), ["cat"])


def test_random_vectors_are_normal_and_of_the_word_alone():
    assert np.array_equal(wordvectors.random_vector("loop", 5), wordvectors.random_vector("loop", 5))
    assert not np.array_equal(wordvectors.random_vector("loop"), wordvectors.random_vector("loops"))
    many = np.concatenate([wordvectors.random_vector(f"word{i}", 101) for i in range(400)]).astype(float) / 0.4
    n = len(many)
    assert abs(many.mean()) < 4 / math.sqrt(n)
    assert abs((many**2).mean() - 1) < 4 * math.sqrt(2 / n)
    assert abs((many**4).mean() - 3) < 4 * math.sqrt(96 / n)
    assert abs((many[1:] * many[:-1]).mean()) < 4 / math.sqrt(n)


def test_normals_by_hand():
    # two uniform numbers from the published generator, then Box and Muller's formulas
    u, v = (((x >> 11) + 0.5) / 2**53 for x in (0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4))
    radius = math.sqrt(-2 * math.log(u))
    assert draws.normals(2, 0).tolist() == pytest.approx([radius * math.cos(2 * math.pi * v), radius * math.sin(2 * math.pi * v)])
    assert draws.normals(1, 0).tolist() == draws.normals(2, 0).tolist()[:1]
    assert draws.seed_of("a", 1) != draws.seed_of("a", 2)


# -------------------------------------------------------------------------------------------------------------- descriptions


def test_describe_by_hand(tmp_path):
    path = Path(put(tmp_path / "g.txt", "fur 1 2", "tail 3 5"))
    found = descriptions.describe(
        ("cat", "dog"), ("Soft fur, a tail.", "A tail"), lambda every: wordvectors.glove(path, every), {"test": np.array([1])}
    )
    assert found.words == (("soft", "fur", "tail"), ("tail",))
    assert found.vectors.tolist() == [[[0, 0], [1, 2], [3, 5]], [[3, 5], [0, 0], [0, 0]]]
    assert found.there.tolist() == [[True, True, True], [True, False, False]]
    assert found.known.tolist() == [[False, True, True], [True, False, False]]
    assert (found.unknown, found.means.tolist(), found.candidates["test"].tolist()) == (("soft",), [[2, 3.5], [3, 5]], [1])
    assert found.vectors.dtype == found.means.dtype == np.float32
    text = sentence(descriptions.describe, ("cat", "dog"), ("fur", "wet nose"), lambda every: wordvectors.glove(path, every), where="g.txt")
    assert text == "none of the words of class 'dog' has a vector in 'g.txt': wet, nose"
    assert "class 'dog' has a text in which no word says anything" in sentence(descriptions.describe, ("cat", "dog"), ("fur", "the"))


def test_well_known_classes_are_described_and_loaded_as_ever():
    data = scenes.load("digits", limit=20)
    written = data.descriptions
    assert data.fingerprint == build.fingerprint(data.splits)
    assert written.texts == tuple(texts.DIGITS[name] for name in data.classes)
    assert (written.vectors.shape[::2], written.unknown, dict(written.candidates)) == ((10, 32), (), {})
    assert np.array_equal(written.there, written.known)
    assert np.array_equal(written.vectors[1, 0], wordvectors.random_vector(written.words[1][0]))
    assert scenes.load("digits,vectors=7", limit=20).fingerprint != data.fingerprint
    assert scenes.load("digits,vectors=7", limit=20).descriptions.vectors.shape[2] == 7


@pytest.mark.parametrize("known", [texts.DIGITS, texts.CIFAR10])
def test_embedded_texts_share_their_words(known):
    own = {label: set(descriptions.content(text)) for label, text in known.items()}
    assert all(8 <= len(words) <= 14 for words in own.values())
    assert len({frozenset(words) for words in own.values()}) == 10
    shared = [
        sum(any(word in own[other] for other in own if other != label) for word in words) / len(words) for label, words in own.items()
    ]
    assert min(shared) > 0.4  # at least this part of each text has been read in the text of another class
    assert texts.embedded(tuple(reversed(known))) == tuple(reversed(known.values()))
    assert texts.embedded(tuple(known)[:9]) == ()
    assert texts.embedded(()) == ()


def test_classes_without_names_are_not_taken_for_digits(tmp_path):
    data = scenes.load(vectors_file(tmp_path, list(range(10)) * 3))
    assert (data.classes, data.descriptions) == (tuple("0123456789"), None)
    text = sentence(scenes.need_descriptions, data, "this game")
    assert text == (
        f"this game needs descriptions of the classes, and {data.name!r} has none: "
        "add ',descriptions=FILE.csv' to the name, a file of lines label_id,label,text"
    )
    scenes.need_descriptions(scenes.load("digits", limit=3), "this game")
    assert "vectors=5 are of the words of descriptions, and" in sentence(scenes.load, data.name + ",vectors=5")
    assert descriptions.told(data) == []


def test_rows_go_to_classes_by_label(tmp_path):
    path = put(tmp_path / "d.csv", *[f"{90 - i},{i},shape number{i}" for i in range(10)], "5,star,five points")
    data = scenes.load(f"digits,descriptions={path},vectors=4", limit=9)
    assert data.classes == (*"0123456789", "star")
    assert data.descriptions.words[3] == ("shape", "number3")
    assert data.descriptions.words[10] == ("five", "points")
    assert data.descriptions.vectors.shape == (11, 2, 4)
    assert set(data.splits["train"].labels) <= set(range(10))
    assert descriptions.told(data)[10] == "star: five points"


def test_rows_go_to_classes_by_id_where_labels_do_not_match(tmp_path):
    path = put(tmp_path / "d.csv", *[f"{i},word{i},shape number{i}" for i in (3, 1, 0, 2, 9, 4, 5, 6, 7, 8)])
    data = scenes.load(f"digits,descriptions={path}", limit=9)
    assert data.classes == tuple("0123456789")
    assert [own[1] for own in data.descriptions.words] == [f"number{i}" for i in range(10)]


@pytest.mark.parametrize(
    ("rows", "want"),
    [
        (
            [f"{i},{i},shape" for i in range(9)],
            "class '9' of 'digits' has no description in 'FILE', by label or by id: it describes 0 0, 1 1, ",
        ),
        ([f"{i},n{i},shape" for i in range(1, 30)], "class '0' of 'digits' has no description in 'FILE', by label or by id: it describes"),
        ([f"{i + 1},{i},shape" for i in range(9)] + ["0,x,y"], "class '9' of 'digits' has no description in 'FILE'"),
        ([f"{i},{i},shape" for i in range(10)] + ["77,4,shape"], "class '4' of 'digits' has several descriptions in 'FILE'"),
    ],
)
def test_classes_that_a_file_does_not_describe(tmp_path, rows, want):
    path = put(tmp_path / "d.csv", *rows)
    assert want.replace("FILE", path) in sentence(scenes.load, f"digits,descriptions={path}")


def test_label_ids_need_not_be_contiguous(tmp_path):
    csv = put(tmp_path / "d.csv", "12,crow,black feathers", "3,eel,wet skin", "7,newt,wet legs", "5,yak,long fur")
    labels = [3, 7, 12] * 7 + [7, 7]  # 23: one class has more images than another, and no one has yak's
    name = f"{vectors_file(tmp_path, labels)},descriptions={csv}"
    data = scenes.load(name)
    assert data.classes == ("eel", "yak", "newt", "crow")
    assert data.descriptions.words[3] == ("black", "feathers")
    for split in data.splits.values():
        assert [data.classes[c] for c in split.labels] == [{3: "eel", 7: "newt", 12: "crow"}[labels[int(i)]] for i in split.inputs[:, 0]]
    bad = f"{vectors_file(tmp_path, [3, 7, 8, 3], 'y.npz')},descriptions={csv}"
    assert f"has the label id 8, which {csv!r} does not describe: it has 3, 5, 7, 12" in sentence(scenes.load, bad)
    np.savez(tmp_path / "z.npz", x=np.zeros((5, 2)))
    assert "descriptions are of classes, and" in sentence(scenes.load, f"{tmp_path / 'z.npz'},descriptions={csv}")


def test_words_without_a_vector_are_told(tmp_path):
    glove = put(tmp_path / "g.txt", "bottom 1 2 3", "top 3 2 1")
    data = scenes.load(f"digits,vectors={glove}", limit=5)
    assert data.descriptions.vectors.shape[2] == 3
    assert data.descriptions.known.sum(1).tolist() == [2, 2, 2, 2, 1, 2, 2, 2, 2, 2]  # the text of 4 says nothing of the top
    assert "loop" in data.descriptions.unknown
    n = len(data.descriptions.unknown)
    assert descriptions.told(data)[-1].startswith(f"{n} words without a vector: single, closed, ")
    one = replace(data, descriptions=data.descriptions._replace(unknown=("loop",)))
    assert descriptions.told(one)[-1] == "1 word without a vector: loop"
    put(tmp_path / "g.txt", "vertical 1 2 3")
    assert f"none of the words of class '0' has a vector in {glove!r}: single, " in sentence(scenes.load, f"digits,vectors={glove}")
    assert "vectors='0' is not a whole number from 1 to 9999" in sentence(scenes.load, "digits,vectors=0")


def test_fingerprints_depend_on_words_and_vectors(tmp_path):
    def of(name):
        return scenes.load(name, limit=5).fingerprint

    rows = [f"{i},{i},shape number{i}" for i in range(10)]
    csv = put(tmp_path / "d.csv", *rows)
    first = of(f"digits,descriptions={csv}")
    assert first == of(f"digits,descriptions={csv}") == of(f"digits,descriptions={csv},vectors=32")
    assert len({first, of("digits"), of(f"digits,descriptions={csv},vectors=31"), of("digits,vectors=31")}) == 4
    put(tmp_path / "d.csv", *rows[:9], "9,9,form number9")
    assert of(f"digits,descriptions={csv}") != first
    everything = dict.fromkeys(word for own in scenes.load("digits", limit=3).descriptions.words for word in own)
    glove = put(tmp_path / "g.txt", *[f"{word} 1 2" for word in everything])
    before = of(f"digits,vectors={glove}")
    put(tmp_path / "g.txt", *[f"{word} 1 3" for word in everything])
    assert of(f"digits,vectors={glove}") != before


def test_views_keep_their_descriptions(tmp_path):
    csv = put(tmp_path / "d.csv", "0,eel,wet skin", "1,yak,long fur")
    a, b = (vectors_file(tmp_path, [0, 1] * 10, name) for name in ("a.npz", "b.npz"))
    data = scenes.load(f"{a}+{b},descriptions={csv}")
    assert data.classes == ("eel", "yak")
    assert data.descriptions.words == (("wet", "skin"), ("long", "fur"))
    assert data.fingerprint != scenes.load(f"{a}+{b}").fingerprint
    three = scenes.load(f"{SMALL},grid=3+{SMALL}")
    assert [view.shape for view in three.splits["test"].others] == [(21, 100), (21, 6)]


# --------------------------------------------------------------------------------------------------------- the made-up corpus


def test_corpus_shapes_and_splits():
    data = scenes.load("words")
    assert {name: split.inputs.shape for name, split in data.splits.items()} == {
        "train": (1600, 64),
        "valid": (1600, 64),
        "test": (1600, 64),
        "out_of_domain": (400, 64),
        "transfer": (400, 64),
    }
    groups = {"train": range(16), "valid": range(16), "test": range(16), "out_of_domain": range(16, 20), "transfer": range(20, 24)}
    for name, split in data.splits.items():
        assert data.descriptions.candidates[name].tolist() == list(groups[name])
        assert np.array_equal(np.unique(split.labels, return_counts=True), (list(groups[name]), [100] * len(groups[name])))
        assert all(data.classes[c] in word for c, word in zip(split.labels, split.names, strict=True))
        assert (split.inputs >= 0).all()
    names = np.concatenate([split.names for split in data.splits.values()])
    assert len(set(names)) == len(names)
    assert len(set(data.classes)) == 24
    assert data.descriptions.vectors.shape == (24, 5, 32)
    assert data.descriptions.there.all()
    scenes.need_labels(data, "anything")
    assert "needs images" in sentence(scenes.need_images, data, "drawing")


@pytest.mark.parametrize("seed", range(20))
def test_held_out_classes_are_new_combinations_of_trained_words(seed):
    members = [set(own) for own in words.members_of(12, 6, 4, 3, seed)]
    trained = set().union(*members[:6])
    assert all(len(own) == 5 for own in members)
    assert len({frozenset(own) for own in members}) == 13
    assert all(own <= trained for own in members[6:10])
    new = [own - set(range(12)) for own in members[10:]]
    assert all(len(own) == 2 for own in new)
    assert len(set().union(*new)) == 6
    assert all(own & set(range(12)) <= trained for own in members[10:])


def test_corpus_is_a_function_of_its_name_and_seed():
    first, again, other = scenes.load(SMALL), scenes.load(SMALL), scenes.load(SMALL, seed=1)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert scenes.load(f"{SMALL},seed=1", seed=5).descriptions.words == other.descriptions.words
    some = scenes.load(SMALL, limit=3)
    assert all(np.array_equal(some.splits[name].inputs, split.inputs[:3]) for name, split in first.splits.items())
    assert some.descriptions.words == first.descriptions.words
    loop = first.descriptions.words[0][0]
    assert np.array_equal(first.descriptions.vectors[0, 0], wordvectors.random_vector(loop))


def test_images_show_the_words_of_their_class():
    looks = words.Looks(np.array([[0, 1, 2, 3, 4], [5, 1, 2, 3, 4]]), np.arange(12.0).reshape(6, 2) - 3)
    assert looks.prototypes.tolist() == [[5, 10], [15, 20]]
    clear, noisy = (scenes.load(f"words,noise={noise},per_class=50") for noise in ("0", "0.5"))
    for split in clear.splits.values():
        for c in np.unique(split.labels):
            assert (split.inputs[split.labels == c] == split.inputs[split.labels == c][0]).all()
    difference = noisy.splits["train"].inputs - clear.splits["train"].inputs
    both = (noisy.splits["train"].inputs > 0) & (clear.splits["train"].inputs > 1.5)  # where relu cuts next to nothing
    assert abs(difference[both].std() - 0.5) < 0.02
    assert abs(difference[both].mean()) < 0.02
    own, share = clear.splits["train"], clear.descriptions.words
    whole = {c: own.inputs[own.labels == c][0] for c in range(16)}
    alike = [(len(set(share[a]) & set(share[b])), float(np.corrcoef(whole[a], whole[b])[0, 1])) for a in range(16) for b in range(a)]
    assert np.corrcoef(np.array(alike).T)[0, 1] > 0.5  # classes that share words look alike


def test_maps_show_the_words_in_cells_of_noise():
    data = scenes.load("words,grid=4,size=9,noise=0,per_class=6,classes=5")
    split = data.splits["train"]
    assert split.inputs.shape == (30, 4, 4, 9)
    assert split.others[0].shape == (30, 100)
    assert split.others[0].dtype == split.inputs.dtype == np.float32
    shown = np.abs(split.inputs).sum(-1) > 0
    assert (shown.sum((1, 2)) == 5).all()
    assert len({cells.tobytes() for cells in shown}) > 20
    sums = split.inputs.sum((1, 2))
    flat = scenes.load("words,size=9,noise=0,per_class=6,classes=5").splits["train"]
    assert np.array_equal(flat.labels, split.labels)
    np.testing.assert_allclose(np.maximum(sums, 0), flat.inputs, atol=1e-5)
    # the further view is one linear map of the sums, for every split
    rows = np.concatenate([part.inputs.sum((1, 2)) for part in data.splits.values()])
    views = np.concatenate([part.others[0] for part in data.splits.values()])
    np.testing.assert_allclose(rows @ np.linalg.lstsq(rows, views, rcond=None)[0], views, atol=1e-4)
    assert np.array_equal(views[0], views[np.flatnonzero((rows == rows[0]).all(1))[-1]])
    noisy = scenes.load("words,grid=4,size=9,noise=2,per_class=6,classes=5").splits["train"].inputs - split.inputs
    assert abs(noisy.std() - 2) < 0.1


def test_names_that_the_corpus_refuses():
    assert "unknown option of 'words' 'colour': known are classes, held_out, transfer, words, " in sentence(scenes.load, "words,colour=1")
    assert "noise='x' is not a number from 0 to 1000" in sentence(scenes.load, "words,noise=x")
    assert "noise='.5' is not a number" in sentence(scenes.load, "words,noise=.5")
    assert "6 words are too few for 9 classes of 5 each: ask for more with words=N" in sentence(scenes.load, "words,classes=9,words=6")
    assert "words are too few for 7 classes of 5 each" in sentence(scenes.load, "words,classes=3,words=6")
    assert "grid=2 has 4 cells" in sentence(scenes.load, "words,grid=2")
    assert "classes='1'" in sentence(scenes.load, "words,classes=1")
    assert options.decimal({"noise": "2."}, "noise", 0.5, 0.0, 3.0) == 2.0
    bare = scenes.load(SMALL.replace("held_out=2,transfer=2", "held_out=0,transfer=0"))
    assert list(bare.splits) == ["train", "valid", "test"]
    assert len(bare.classes) == 3


def test_further_views_count_as_memory_and_in_the_fingerprint():
    def read(rows):
        return np.zeros((len(rows), 10), np.float32)

    view = Part(100, (10,), np.float32, read)
    part = Part(100, (10,), np.float32, read, others=(view, view))
    assert build.example_bytes(part) == 120
    text = sentence(build.build, "x", Source({"all": part}), memory=10_000)
    assert "'x' takes 36.0 kB" in text
    assert "side" not in sentence(build.build, "x", Source({"all": Part(100, (9, 9, 9), np.float32, read)}), memory=1000)
    split = scenes.load(f"{SMALL},grid=3").splits["train"]
    moved = split._replace(others=(split.others[0] + 1,))
    assert build.fingerprint({"train": split}) != build.fingerprint({"train": moved})


@pytest.mark.parametrize("name", [SMALL, f"{SMALL},grid=3"])
def test_contact_sheets_of_vectors_and_maps(tmp_path, name):
    from PIL import Image

    path = contact.contact_sheet(scenes.load(name), tmp_path / "sheet.png", per_class=5)
    assert np.asarray(Image.open(path).convert("L")).std() > 10


def test_norms_by_hand():
    maps = np.array([[[[3.0, 4.0], [0.0, 0.0]]], [[[0.0, 1.0], [2.0, 0.0]]]], np.float32)
    assert contact.norms(maps)[..., 0].tolist() == [[[255, 0]], [[51, 102]]]
    assert contact.norms(np.zeros((1, 2, 2, 3), np.float32)).max() == 0


# ----------------------------------------------------------------------------------------------------------- recorded features


def same_examples(split, want):
    """That two splits hold the same examples in some order, told by their names."""
    place = {name: i for i, name in enumerate(want.names)}
    order = [place[name] for name in split.names]
    assert sorted(order) == list(range(len(want.names)))
    assert np.array_equal(split.labels, want.labels[order])
    return order


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    """The small corpus, and a folder of it in the layout of recorded features."""
    data = scenes.load(SMALL)
    return data, recorded.write_reference(data, tmp_path_factory.mktemp("flat"))


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    data = scenes.load(f"{SMALL},grid=3")
    return data, recorded.write_reference(data, tmp_path_factory.mktemp("maps"))


def test_a_written_corpus_is_read_as_it_was(flat):
    data, folder = flat
    assert sorted(path.name for path in folder.iterdir()) == [
        "descriptions.csv",
        "dev.hdf5",
        "glove.txt",
        "out_of_domain.csv",
        "out_of_domain.hdf5",
        "test.hdf5",
        "train.hdf5",
        "transfer.csv",
        "transfer.hdf5",
    ]
    assert (folder / "descriptions.csv").read_text().startswith(f"5,{data.classes[0]},{data.descriptions.texts[0]}\n8,")
    read = scenes.load(f"{folder},vectors={folder / 'glove.txt'}")
    assert read.classes == data.classes
    assert read.descriptions.words == data.descriptions.words
    assert np.array_equal(read.descriptions.vectors, data.descriptions.vectors)
    assert np.array_equal(read.descriptions.known, data.descriptions.known)
    assert list(read.splits) == list(data.splits)
    for name, split in read.splits.items():
        assert np.array_equal(read.descriptions.candidates[name], data.descriptions.candidates[name])
        assert np.array_equal(split.inputs, data.splits[name].inputs[same_examples(split, data.splits[name])])
        assert split.others == ()
    assert scenes.load(str(folder)).fingerprint == scenes.load(str(folder)).fingerprint  # and random vectors, being of the word alone,
    assert np.array_equal(scenes.load(str(folder)).descriptions.vectors, data.descriptions.vectors)  # are the corpus's own
    assert scenes.load(f"{folder},vectors=9").fingerprint != scenes.load(str(folder)).fingerprint


def test_maps_are_stored_channels_first(maps):
    import h5py

    data, folder = maps
    with h5py.File(folder / "dev.hdf5") as file:
        assert file["layer4_2"].shape == (21, 1, 6, 3, 3)
        assert file["avgpool_512"].shape == (21, 1, 6)
        assert file["fc"].shape == (21, 1, 100)
        assert file["Location"].dtype.kind == "S"
        assert file["Target"].dtype == np.int64
        assert np.array_equal(file["layer4_2"][4, 0, 5], data.splits["valid"].inputs[4, :, :, 5])
    read = scenes.load(f"{folder},feature=layer4_2,context=fc")
    for name, split in read.splits.items():
        order = same_examples(split, data.splits[name])
        assert np.array_equal(split.inputs, data.splits[name].inputs[order])
        assert np.array_equal(split.others[0], data.splits[name].others[0][order])
        assert split.inputs.dtype == split.others[0].dtype == np.float32
    pooled = scenes.load(f"{folder},context=layer4_2")
    np.testing.assert_allclose(pooled.splits["test"].inputs, pooled.splits["test"].others[0].mean((1, 2)), atol=1e-6)
    assert scenes.load(f"{folder},feature=fc").splits["test"].inputs.shape == (21, 100)
    assert len({scenes.load(f"{folder}{more}").fingerprint for more in ("", ",feature=layer4_2", ",context=fc")}) == 3


def test_large_files_are_read_in_stretches_and_only_what_is_asked_for(maps, monkeypatch):
    folder = maps[1]
    read, stretch = [], recorded._stretch
    monkeypatch.setattr(recorded, "_stretch", lambda path, dataset, *where: read.append(dataset.name) or stretch(path, dataset, *where))
    whole = scenes.load(f"{folder},feature=layer4_2")
    assert set(read) == {"/layer4_2"}
    monkeypatch.setattr(recorded, "STRETCH", 5 * 4 * 6 * 9)
    read.clear()
    parts = scenes.load(f"{folder},feature=layer4_2")
    assert len(read) > 20
    assert parts.fingerprint == whole.fingerprint
    assert build.example_bytes(recorded.source(str(folder), {"feature": "layer4_2", "context": "fc"}).parts["train"]) == 4 * (54 + 100)


def store(path, targets, features=None, names=None, **more):
    """A feature file, as another program would write it."""
    import h5py

    with h5py.File(path, "w") as file:
        file["Target"] = np.array(targets)
        file["avgpool_512"] = np.arange(len(targets), dtype=np.float32)[:, None, None] if features is None else features
        if names is not None:
            file["Location"] = names
        for key, value in more.items():
            file[key] = value


def test_one_file_is_cut(tmp_path):
    store(tmp_path / "seen.h5", [4, 9] * 11 + [4], names=np.array([f"é{i}.jpg".encode() for i in range(23)]))
    bare = scenes.load(str(tmp_path / "seen.h5"))
    assert (bare.classes, bare.descriptions) == (("4", "9"), None)
    assert {name: len(split.inputs) for name, split in bare.splits.items()} == {"train": 19, "valid": 2, "test": 2}
    assert [f"é{int(x)}.jpg" for x in bare.splits["train"].inputs[:, 0]] == bare.splits["train"].names.tolist()
    put(tmp_path / "descriptions.csv", "9,owl,round eyes, large", "1,yak,fur", "4,eel,wet skin")
    data = scenes.load(str(tmp_path / "seen.h5"))
    assert data.classes == ("owl", "yak", "eel")
    assert {int(x) % 2: data.classes[c] for x, c in zip(data.splits["train"].inputs[:, 0], data.splits["train"].labels, strict=True)} == {
        0: "eel",
        1: "owl",
    }
    assert data.descriptions.candidates["test"].tolist() == [0, 1, 2]
    assert scenes.load(str(tmp_path)).fingerprint == data.fingerprint
    put(tmp_path / "seen.csv", "9,owl,wings", "4,eel,fins")
    assert scenes.load(str(tmp_path)).classes == ("owl", "eel")
    other = put(tmp_path / "mine.csv", "9,bird,wings", "4,fish,fins")
    assert scenes.load(f"{tmp_path / 'seen.h5'},descriptions={other}").classes == ("bird", "fish")


def test_the_same_id_in_two_files_may_be_two_classes(tmp_path):
    store(tmp_path / "train.hdf5", [0, 1] * 10)
    store(tmp_path / "OOD.hdf5", [0, 0, 1])
    store(tmp_path / "Insects-2.hdf5", [1])
    put(tmp_path / "descriptions.csv", "0,cat,fur", "1,dog,nose")
    put(tmp_path / "OOD.csv", "0,eel,wet", "1,dog,nose")
    put(tmp_path / "Insects-2.csv", "1,dog,six legs")
    data = scenes.load(str(tmp_path))
    assert {name: len(split.inputs) for name, split in data.splits.items()} == {
        "train": 16,
        "valid": 2,
        "test": 2,
        "insects_2": 1,
        "out_of_domain": 3,
    }
    assert data.classes == ("cat", "dog", "dog", "eel")
    assert {name: places.tolist() for name, places in data.descriptions.candidates.items()} == {
        "train": [0, 1],
        "valid": [0, 1],
        "test": [0, 1],
        "insects_2": [2],
        "out_of_domain": [1, 3],
    }
    assert sorted((int(x[0]), int(c)) for x, c in zip(*data.splits["out_of_domain"][:2], strict=True)) == [(0, 3), (1, 3), (2, 1)]
    assert data.splits["insects_2"].labels.tolist() == [2]
    store(tmp_path / "dev.hdf5", [0] * 5)
    assert {name: len(split.inputs) for name, split in scenes.load(str(tmp_path)).splits.items()} == {
        "train": 18,
        "valid": 2,
        "test": 5,
        "insects_2": 1,
        "out_of_domain": 3,
    }
    store(tmp_path / "out_of_domain.hdf5", [0])
    assert "has two files that both mean the split out_of_domain: OOD.hdf5 and out_of_domain.hdf5" in sentence(scenes.load, str(tmp_path))


def test_a_file_of_descriptions_stands_in_for_that_of_the_folder(flat, tmp_path):
    data, folder = flat
    lines = (folder / "descriptions.csv").read_text().splitlines()
    own = put(tmp_path / "own.csv", *[f"{line.split(',')[0]},new{i},a red thing{i}" for i, line in enumerate(lines)])
    read = scenes.load(f"{folder},descriptions={own}")
    assert read.classes == ("new0", "new1", "new2", *data.classes[3:])
    assert read.descriptions.words[1] == ("red", "thing1")


def test_recorded_features_that_cannot_be_read(tmp_path):
    import h5py

    folder = str(tmp_path)
    store(tmp_path / "train.hdf5", [0, 1] * 10)
    store(tmp_path / "test.hdf5", [0, 1, 7])
    put(tmp_path / "train.csv", "0,cat,fur", "1,dog,nose")
    assert f"test.hdf5 of {folder!r} has no descriptions: expected test.csv or descriptions.csv beside it" in sentence(scenes.load, folder)
    put(tmp_path / "descriptions.csv", "0,cat,fur", "1,dog,nose")
    test, csv = str(tmp_path / "test.hdf5"), str(tmp_path / "descriptions.csv")
    assert sentence(scenes.load, folder) == f"{test!r} has the label id 7, which {csv!r} does not describe: it has 0, 1"
    put(tmp_path / "test.csv", "0,cat,fur", "1,dog,nose", "7,bee,wings")
    assert "would not be read: each file of" in sentence(scenes.load, f"{folder},descriptions={put(tmp_path / 'x.csv', '0,a,fur')}")
    assert "unknown feature of " in sentence(scenes.load, f"{folder},feature=fc")
    assert "known are avgpool_512" in sentence(scenes.load, f"{folder},context=Target")
    assert "unknown option of" in sentence(scenes.load, f"{folder},side=3")
    for array, want in (
        (np.zeros((4, 1, 1)), f"avgpool_512 of {test!r} is [4, 1, 1]: expected one row for each of the 3 Target"),
        (np.zeros((3, 1, 2)), f"the features of {folder!r} differ in shape: [2] in test.hdf5 and [1] in train.hdf5"),
        (np.zeros((3, 1, 2, 2)), f"avgpool_512 of {test!r} is [3, 1, 2, 2]: expected vectors [n 1 d] or maps, channels first, [n 1 c h w]"),
        (np.full((3, 1, 1), np.nan), f"avgpool_512 of {test!r} holds numbers that are not finite"),
        (np.float32(1), f"avgpool_512 of {test!r} is []: expected one row"),
    ):
        store(tmp_path / "test.hdf5", [0, 1, 7], array)
        assert want in sentence(scenes.load, folder)
    store(tmp_path / "test.hdf5", [0.0, 1.0])
    assert f"Target of {test!r} is float64: whole numbers were expected" in sentence(scenes.load, folder)
    store(tmp_path / "test.hdf5", [0, 1], names=np.array([b"a"]))
    assert "has 1 Location but 2 Target" in sentence(scenes.load, folder)
    with h5py.File(tmp_path / "test.hdf5", "w") as file:
        file["fc"] = np.zeros(3)
    assert f"{test!r} has no dataset 'Target' of label ids: it has fc" in sentence(scenes.load, folder)
    (tmp_path / "test.hdf5").write_bytes((tmp_path / "train.hdf5").read_bytes()[:700])
    assert f"cannot read {test!r}: not an HDF5 file, or a damaged one" in sentence(scenes.load, folder)
    (tmp_path / "test.hdf5").unlink()
    (tmp_path / "train.hdf5").rename(tmp_path / "a.hdf5")
    store(tmp_path / "b.hdf5", [0])
    assert f"{folder!r} has the files a.hdf5, b.hdf5: one called train was expected" in sentence(scenes.load, folder)


def test_other_feature_files_are_read_as_before(tmp_path):
    import h5py

    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["features"], file["labels"] = np.zeros((10, 2)), np.arange(10) % 3
    assert not recorded.recognised(tmp_path)
    assert not recorded.recognised(tmp_path / "x.h5")
    assert not recorded.recognised(tmp_path / "gone.h5")
    assert scenes.load(str(tmp_path / "x.h5")).splits["train"].inputs.shape == (8, 2)
    assert "neither parquet files nor images" in sentence(scenes.load, str(tmp_path))
