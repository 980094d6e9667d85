"""Figures of the naming game: signs against classes, latent vectors in two dimensions, and what signs call to mind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from semiosis.errors import UsageError
from semiosis.report import clusters, naming, planes, style
from semiosis.report import latents as latents_module
from semiosis.report import recall as recall_module
from semiosis.report.figures import confusion, latents, recall, speaking

CLASSES = ("airplane", "automobile", "bird")


def pixels(path: Path) -> np.ndarray:
    """RGB of a PNG as whole numbers [h w 3]."""
    return np.round(imread(path)[..., :3] * 255).astype(int)


def where(picture: np.ndarray, colour: Any) -> np.ndarray:
    """Rows and columns of the pixels of a colour, given by name or as numbers."""
    return np.argwhere(np.abs(picture - np.round(np.array(to_rgb(colour)) * 255)).max(-1) <= 1)


def has(picture: np.ndarray, colour: Any) -> bool:
    return len(where(picture, colour)) > 0


def clear(picture: np.ndarray) -> bool:
    """Whether nothing touches the edge of the sheet."""
    edge = np.concatenate([picture[:30].reshape(-1, 3), picture[-30:].reshape(-1, 3), picture[:, :30].reshape(-1, 3)])
    return bool((np.concatenate([edge, picture[:, -30:].reshape(-1, 3)]) == 255).all())


# ------------------------------------------------------------------------------------------------------- signs and classes


def test_signs_are_counted_by_class_for_each_agent() -> None:
    signs, labels = np.array([[0, 0, 2, 1], [2, 2, 2, 2]]), np.array([1, 1, 0, 1])
    assert clusters.counts(signs, labels, 3).tolist() == [[[0, 0, 1], [2, 1, 0]], [[0, 0, 1], [0, 0, 3]]]
    assert clusters.counts(signs, labels, 3, 4).shape == (2, 4, 3)
    with pytest.raises(UsageError, match="signs from 0 to 2: expected 0 to 1"):
        clusters.counts(signs, labels, 2)
    with pytest.raises(UsageError, match="label -1"):
        clusters.counts(signs, np.array([1, -1, 0, 1]), 3)


def test_each_class_is_matched_to_one_sign_and_the_columns_stand_in_that_order() -> None:
    table = np.array([[0, 9, 0, 1, 0], [8, 7, 0, 0, 0], [1, 0, 0, 5, 3]])
    assert clusters.matched(table).tolist() == [1, 0, 3]  # 9 + 8 + 5
    assert clusters.columns(table) == [1, 0, 3, 4, 2]  # sign 4 is left over and sign 2 never used
    left = np.array([[0, 0, 4, 0], [5, 0, 0, 0], [4, 1, 9, 0]])
    assert clusters.matched(left).tolist() == [-1, 0, 2]  # what class 0 could have, it never gets
    assert clusters.columns(left) == [0, 2, 1, 3]
    assert clusters.matched(np.array([[1], [4], [2]])).tolist() == [-1, 0, -1]  # fewer signs than classes


def test_confusion_frames_what_belongs_together(tmp_path: Path) -> None:
    labels = np.repeat([0, 1, 2], 4)
    signs = np.stack([np.repeat([3, 0, 1], 4), np.repeat([3, 1, 0], 4)])
    path = tmp_path / "deep" / "confusion.png"
    assert confusion(signs, labels, CLASSES, path, n_signs=4) == path
    picture = pixels(path)
    assert clear(picture)
    order = [where(picture, style.hue(sign))[:, 1].min() for sign in (3, 0, 1, 2)]
    assert order == sorted(order)
    assert has(picture, style.HEAT(1.0))
    assert has(picture, style.HEAT(0.0))


@pytest.mark.parametrize(("agents", "k", "n_classes"), [(1, 2, 3), (5, 3, 1), (3, 64, 3), (2, 3, 40)])
def test_confusion_of_every_size(tmp_path: Path, agents: int, k: int, n_classes: int) -> None:
    rng = np.random.default_rng(0)
    signs, labels = rng.integers(0, min(k, 20), (agents, 200)), rng.integers(0, n_classes, 200)
    names = [f"a speaker of some age, {i}" for i in range(agents)]
    picture = pixels(confusion(signs, labels, CLASSES[:n_classes], tmp_path / "c.png", n_signs=k, names=names))
    assert clear(picture)
    assert picture.shape[1] < 4000


def test_confusion_says_what_is_left_out() -> None:
    assert "50 signs that nobody uses are left out" in clusters._told(50, numbers=True)
    assert "The sign that nobody uses is left out" in clusters._told(1, numbers=False)
    assert "left out" not in clusters._told(0, numbers=True)


# --------------------------------------------------------------------------------------------------------- latent vectors


def test_principal_components() -> None:
    points = np.array([[3.0, 0.0, 1.0], [-3.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, -1.0, 1.0]])
    flat = planes.pca(points)
    np.testing.assert_allclose(flat.places, [[3, 0], [-3, 0], [0, 1], [0, -1]], atol=1e-9)
    np.testing.assert_allclose(flat.shares, [0.9, 0.1])
    line = planes.pca(np.array([[1.0], [3.0]]))
    np.testing.assert_allclose(line.places, [[-1, 0], [1, 0]])
    assert line.shares == (1.0, 0.0)
    assert planes.pca(np.ones((3, 2))).shares == (0.0, 0.0)


def test_maps_are_turned_to_match_the_first() -> None:
    first = np.random.default_rng(0).normal(size=(20, 2))
    first -= first.mean(0)
    turn = np.array([[0.0, 1.0], [1.0, 0.0]])  # a mirror
    _, same = planes.aligned([first, first @ turn + 5])
    np.testing.assert_allclose(same, first, atol=1e-9)


def test_tsne_keeps_clusters_and_needs_enough_points() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(60, 5)) + np.repeat([[-20.0], [20.0]], 30, 0)
    found = planes.tsne(points, planes.pca(points).places)
    np.testing.assert_array_equal(found, planes.tsne(points, planes.pca(points).places))
    middles = found[:30].mean(0), found[30:].mean(0)
    assert np.linalg.norm(middles[0] - middles[1]) > 3 * found[:30].std()
    few = np.zeros((planes.FEWEST - 1, 2))
    assert planes.tsne(few, few) is few
    equal = np.zeros((20, 2))
    assert planes.tsne(np.ones((20, 3)), equal) is equal


def test_points_fit_their_frame_in_one_scale() -> None:
    places = planes.fitted(np.array([[0.0, 0.0], [4.0, 1.0]]), 3.0, 2.0, 0.5)
    np.testing.assert_allclose(places, [[0.5, 1.25], [2.5, 0.75]])
    np.testing.assert_allclose(planes.fitted(np.zeros((1, 2)), 3.0, 2.0), [[1.5, 1.0]])


def test_labels_do_not_cover_one_another() -> None:
    alone = np.array([[1.0, 1.0], [2.0, 2.0]])
    sizes = np.full((2, 2), 0.5)
    np.testing.assert_allclose(planes.apart(alone, sizes, (3.0, 3.0)), alone)
    near = planes.apart(np.array([[1.0, 1.0], [1.2, 1.0]]), sizes, (3.0, 3.0))
    np.testing.assert_allclose(near, [[0.85, 1.0], [1.35, 1.0]])
    crowd = planes.apart(np.full((6, 2), 1.0), np.full((6, 2), 0.4), (3.0, 2.0))
    for i in range(6):
        for j in range(i):
            assert np.abs(crowd[i] - crowd[j]).max() > 0.39


def test_a_class_has_the_colour_of_its_sign() -> None:
    labels, signs = np.array([0, 0, 1, 1, 2]), np.array([[1, 1, 0, 0, 0]])
    kinds = latents_module.kinds_of_class(labels, ("x", "y"), signs, 2, 1)
    assert list(kinds.hue) == [1, 0, 2]  # no sign is left for the third, nor is it given the colour of one
    assert list(kinds.text) == ["x", "y", "2"]
    assert list(latents_module.kinds_of_class(labels, (), None, 0, 1).hue) == [0, 1, 2]


def test_a_name_stands_among_its_own() -> None:
    two_parts = np.array([[0.0, 0.0], [0.1, 0.0], [9.0, 0.0], [9.1, 0.0]])
    assert latents_module.middle(two_parts).tolist() in two_parts.tolist()


@pytest.mark.parametrize(("labelled", "named"), [(True, True), (True, False), (False, True), (False, False)])
def test_latents_are_drawn_with_what_is_known(tmp_path: Path, labelled: bool, named: bool) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    points = rng.normal(size=(2, 60, 4)) + 5 * np.eye(4)[labels]
    signs = np.stack([labels, labels]) if named else None
    path = latents(points, tmp_path / "l.png", labels=labels if labelled else None, classes=CLASSES, signs=signs, most=40)
    picture = pixels(path)
    assert clear(picture)
    assert has(picture, style.hue(1)) == named  # tiles; the points let the paper shine through
    assert picture.shape[1] > (2300 if labelled and named else 1500)


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 4, 1), (6, 12, 2)])
def test_latents_of_odd_shapes(tmp_path: Path, shape: tuple[int, int, int]) -> None:
    points = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    labels = np.arange(shape[1]) % 3
    names = [f"an agent with quite a long name, {i}" for i in range(shape[0])]
    assert clear(pixels(latents(points, tmp_path / "l.png", labels=labels, classes=CLASSES, names=names)))
    assert latents(np.ones(shape), tmp_path / "equal.png").exists()
    with pytest.raises(UsageError, match="expected one object or more"):
        latents(points[:, :0], tmp_path / "none.png")


# ---------------------------------------------------------------------------------------------------- what signs call to mind


def test_pictures_are_all_inked_or_none() -> None:
    dark = np.zeros((3, 4, 4, 1))
    dark[0, 1:3, 1:3] = 1.0
    dark[1] = 0.9  # alone it would be taken for a light ground
    printed = naming.prints(dark)
    assert printed.shape == (3, 4, 4, 3)
    np.testing.assert_allclose(printed[0, 0, 0], to_rgb(style.TINT))
    np.testing.assert_allclose(printed[0, 1, 1], to_rgb(style.INK))
    assert printed[1, 0, 0].max() < 0.4
    colour = np.random.default_rng(0).random((2, 5, 3, 3))
    np.testing.assert_allclose(naming.prints(colour), colour)
    with pytest.raises(UsageError, match=r"shape \(2, 4, 4, 2\)"):
        naming.prints(np.zeros((2, 4, 4, 2)))


def test_each_pixel_has_a_whole_number_of_dots() -> None:
    assert naming.size_of(np.zeros((28, 28, 1)), 0.9) == (0.84, 0.84)  # 6 dots of a 200th of an inch
    assert naming.size_of(np.zeros((8, 4, 1)), 0.9) == (0.88, 0.44)
    assert naming.size_of(np.zeros((512, 512, 3)), 0.9) == (0.9, 0.9)


def test_agents_have_names() -> None:
    assert naming.agents(3, None) == ["A", "B", "C"]
    assert naming.agents(30, None)[25:27] == ["Z", "A1"]
    assert [naming.called(name) for name in ("A", "A1", "teacher")] == ["agent A", "agent A1", "teacher"]
    with pytest.raises(UsageError, match=r"1 names \['x'\]: expected 2, one an agent"):
        naming.agents(2, ["x"])


def test_signs_are_wrapped_into_even_rows() -> None:
    assert [list(row) for row in recall_module.rows_of(5, 3)] == [[0, 1, 2], [3, 4]]
    assert [len(row) for row in recall_module.rows_of(28, 16)] == [14, 14]
    assert recall_module.rows_of(0, 3) == []


def test_recall_shows_its_pictures_in_the_given_order(tmp_path: Path) -> None:
    inks = np.array([[250, 10, 130], [10, 250, 30], [40, 60, 250]])
    pictures = np.broadcast_to(inks[None, :, None, None] / 255, (2, 3, 8, 8, 3))
    picture = pixels(recall(pictures, tmp_path / "r.png", used=np.array([5, 0, 2]), order=[2, 0, 1]))
    assert clear(picture)
    last, first = where(picture, inks[0] / 255), where(picture, inks[2] / 255)
    assert first[:, 1].max() < last[:, 1].min()
    assert len(last) == len(first) == 2 * 176**2  # 22 dots a pixel, and none blurred
    assert not has(picture, inks[1] / 255)  # never said
    assert has(picture, naming.faint(inks[1] / 255))
    assert has(pixels(recall(pictures, tmp_path / "all.png")), inks[1] / 255)


@pytest.mark.parametrize("shape", [(1, 2, 8, 8, 1), (2, 28, 28, 28, 1), (10, 3, 5, 9, 3), (2, 64, 8, 8, 1)])
def test_recall_of_every_size(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pictures = np.random.default_rng(0).random(shape) * 1.2 - 0.1  # a decoder may pass the range
    used = np.arange(shape[1]) % 3
    names = [f"agent number {i}" for i in range(shape[0])]
    picture = pixels(recall(pictures, tmp_path / "r.png", used=used, names=names))
    assert clear(picture)
    assert picture.shape[1] < 4000
    assert recall(pictures, tmp_path / "none.png", used=[0] * shape[1]).exists()


def test_recall_says_what_is_missing_and_refuses_other_signs(tmp_path: Path) -> None:
    said = np.array([1, 0])
    assert "Faded: never said." in recall_module._caption(said, faded=True, left_out=0)
    assert "2 signs never said are left out." in recall_module._caption(said, faded=False, left_out=2)
    pictures = np.zeros((1, 2, 4, 4, 1))
    with pytest.raises(UsageError, match=r"order \[2\]: expected some of the signs 0 to 1"):
        recall(pictures, tmp_path / "r.png", order=[2])
    with pytest.raises(UsageError, match="3 counts of use: expected 2"):
        recall(pictures, tmp_path / "r.png", used=[1, 2, 3])


@pytest.mark.parametrize(("agents", "m", "channels"), [(2, 8, 1), (2, 1, 3), (4, 5, 3)])
def test_speaking_shows_the_signs_and_the_drawings(tmp_path: Path, agents: int, m: int, channels: int) -> None:
    rng = np.random.default_rng(0)
    seen, drawn = rng.random((agents, m, 8, 8, channels)), rng.random((agents, agents, m, 8, 8, channels))
    drawn[np.arange(agents), np.arange(agents)] = np.nan  # nobody draws what it said itself
    signs = np.stack([np.full(m, i) for i in range(agents)])
    picture = pixels(speaking(seen, signs, drawn, tmp_path / "s.png", n_signs=10))
    assert clear(picture)
    assert [has(picture, style.hue(i)) for i in range(3)] == [True, agents == 2, False]  # of more than two, only the first speaks


def test_the_drawing_is_of_the_listener(tmp_path: Path) -> None:
    seen, drawn = np.ones((2, 1, 8, 8, 3)), np.ones((2, 2, 1, 8, 8, 3))
    drawn[0, 1], drawn[1, 0] = (1.0, 0.0, 0.5), (0.0, 1.0, 0.2)
    picture = pixels(speaking(seen, np.array([[0], [1]]), drawn, tmp_path / "s.png"))
    heard, answered = where(picture, (1.0, 0.0, 0.5)), where(picture, (0.0, 1.0, 0.2))
    assert heard[:, 1].max() < answered[:, 1].min()  # A speaks on the left
    assert heard[:, 0].min() == answered[:, 0].min()
    with pytest.raises(UsageError, match="two agents or more"):
        speaking(seen[:1], np.zeros((1, 1), int), drawn[:1, :1], tmp_path / "s.png")
