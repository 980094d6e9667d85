"""Drawings of one image: strokes find it, files are whole and the same for a seed, mistakes are said before anything is done."""

import json
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from semiosis.errors import UsageError
from semiosis.runs import draw
from semiosis.runs.draw import Drawing, draw_image

QUICK = {"number": 12, "steps": 60, "width": 16, "every": 20, "snapshots": 4, "scale": 2, "lr": 0.03}
SVG = "{http://www.w3.org/2000/svg}"


@contextmanager
def quiet(total, start, title):
    yield lambda step, figures, note="": None


@pytest.fixture(scope="module")
def digit(tmp_path_factory):
    """A handwritten 0 of 8 x 8 pixels, dark on white, wider than high by an empty column."""
    pixels = np.full((8, 9), 255, np.uint8)
    pixels[:, :8] = np.round(255 * (1 - load_digits().images[0] / 16))
    path = tmp_path_factory.mktemp("images") / "zero.png"
    Image.fromarray(pixels).save(path)
    return path


def chosen(digit, out, **how):
    return Drawing(str(digit), **QUICK | {"out": str(out)} | how)


@pytest.fixture(scope="module")
def drawn(digit, tmp_path_factory):
    """A drawing of lines, what it was told and the losses that were shown."""
    out = tmp_path_factory.mktemp("drawn") / "new" / "folder"
    losses = []

    @contextmanager
    def shown(total, start, title):
        yield lambda step, figures, note="": losses.append((step, figures["loss"][0]))

    told = chosen(digit, out)
    return told, draw_image(told, shown), losses


def test_lines_find_the_image(drawn, digit):
    told, paths, losses = drawn
    assert [step for step, _ in losses][-1] == told.steps
    assert losses[-1][1] < losses[0][1] / 8
    written = json.loads(paths[-1].read_text())
    assert written["mse"] == pytest.approx(written["loss"])
    assert written["mse"] < 0.02  # of strokes of a pixel; a white sheet is 0.1 off
    assert (written["canvas"], written["strokes"], written["settings"]["seed"]) == ([14, 16], 12, 1)
    image = Image.open(paths[0])
    assert image.size == (32, 28)
    near = np.asarray(image.convert("L").resize((9, 8), Image.Resampling.BOX), float) / 255
    assert np.corrcoef(near.ravel(), np.asarray(Image.open(digit), float).ravel())[0, 1] > 0.9


def test_the_film_and_the_svg_open(drawn):
    told, paths, _ = drawn
    assert [path.name for path in paths] == ["drawing.png", "drawing.svg", "drawing.gif", "drawing.json"]
    assert sorted(path.name for path in paths[0].parent.iterdir()) == sorted(path.name for path in paths)  # and no drafts
    with Image.open(paths[2]) as film:
        assert film.n_frames == 4
        assert film.size == (32, 28)
    root = ElementTree.parse(paths[1]).getroot()
    lines = [*root.iter(f"{SVG}polyline"), *root.iter(f"{SVG}circle")]
    assert root.get("viewBox") == "0 0 16 14"
    assert len(lines) == told.number
    numbers = [float(x) for line in root.iter(f"{SVG}polyline") for corner in line.get("points").split() for x in corner.split(",")]
    assert min(numbers) >= 0.5 - 1e-5  # within the centres of the outermost pixels
    assert max(numbers) <= 15.5 + 1e-5


def test_a_seed_draws_the_same_and_another_does_not(drawn, tmp_path):
    told, paths, _ = drawn
    again = draw_image(replace(told, out=str(tmp_path / "again")), quiet)
    assert [path.read_bytes() for path in again[:3]] == [path.read_bytes() for path in paths[:3]]
    other = draw_image(replace(told, out=str(tmp_path / "other"), seed=2, formats=()), quiet)
    assert len(other) == 3
    assert other[0].read_bytes() != paths[0].read_bytes()


def test_curves_in_colours_and_widths_of_their_own(tmp_path):
    pixels = np.zeros((10, 10, 3), np.uint8)
    pixels[:5], pixels[5:] = (200, 30, 30), (30, 60, 200)
    Image.fromarray(pixels).save(tmp_path / "flag.png")
    how = {"strokes": "bezier", "colour": True, "opt_sigma2": True, "sigma2": 6.0, "loss": "pyramid", "formats": (), "width": 12}
    paths = draw_image(chosen(tmp_path / "flag.png", tmp_path / "flag", **how), quiet)
    image = np.asarray(Image.open(paths[0]), float)
    assert image.shape == (24, 24, 3)
    assert np.abs(image[:10].mean(axis=(0, 1)) - pixels[0, 0]).max() < 40
    assert np.abs(image[14:].mean(axis=(0, 1)) - pixels[-1, 0]).max() < 40
    lines = [*ElementTree.parse(paths[1]).getroot().iter(f"{SVG}polyline")]
    assert len({line.get("stroke-width") for line in lines}) > 1
    assert all(len(line.get("points").split()) == draw.PARTS["bezier"] for line in lines)


def test_a_finer_canvas_shows_the_same_drawing(digit):
    told = chosen(digit, "unused", number=1, opacity=False)
    pen = draw.Pen(jnp.array([[[0.0, -0.5], [0.0, 0.5]]]), None, None, None)
    coarse, fine = (draw.picture(told, (14, 16), draw.State(pen, jnp.int32(60), None), scale)[..., 0] / 255.0 for scale in (1, 4))
    assert fine.shape == (56, 64)
    assert np.abs(fine.reshape(14, 4, 16, 4).mean(axis=(1, 3)) - coarse).max() < 0.1
    assert 1 - fine[:, 30].min() == pytest.approx(1, abs=0.1)


def test_blurring_keeps_what_is_even_and_takes_fine_grain_away():
    for loss, count in (("mse", 0), ("blurred", 1), ("pyramid", 6)):
        pairs = draw.blurs(loss, (9, 12))
        assert len(pairs) == count
        for rows, columns in pairs:
            assert np.allclose(rows.sum(axis=1), 1, atol=1e-6)
            assert np.abs(columns @ (-1.0) ** np.arange(12)).max() < 0.3
    assert [rows.shape[0] for rows, _ in draw.blurs("pyramid", (9, 12))] == [9, 9, 5, 5, 3, 3]


def test_strokes_that_are_not_seen_begin_again_where_the_drawing_is_wrong(digit):
    told = chosen(digit, "unused", number=12)
    target = jnp.ones((14, 16, 1)).at[:, 2].set(0.0)  # a dark column
    places = jnp.broadcast_to(jnp.array([[0.0, 0.5], [0.0, 0.6]]), (12, 2, 2))
    pen = draw.Pen(places, jnp.full(12, 0.001).at[0].set(0.15), None, None)  # one that is seen, if hardly
    ones = draw.jax.tree.map(jnp.ones_like, pen)
    moments = draw.optax.scale_by_adam().init(pen)._replace(mu=ones, nu=ones)
    new = draw.restarted(told, target, draw.State(pen, jnp.int32(20), moments), draw.jax.random.key(0))
    assert np.array_equal(new.pen.places[0], places[0])
    assert np.allclose(new.pen.places[1:, :, 1].mean(axis=1), (2 - 7.5) * 2 / 13, atol=0.25)
    assert np.allclose(new.pen.opacity, [0.15] + [0.8] * 11)
    assert new.moments.mu.places[:, 0, 0].tolist() == [1] + [0] * 11


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"image": "none.png"}, "there is no image 'none.png': expected a file that Pillow reads"),
        ({"steps": 0}, "steps is 0: expected 1 or more"),
        ({"number": 0}, "number is 0: expected 1 or more"),
        ({"lr": float("nan")}, "lr is nan: expected 0 or more"),
        ({"final_sigma2": 9.0}, "final_sigma2 is 9.0: expected 0.01 to 4.0"),
        ({"width": 5000}, "width is 5000: expected 4 to 4096"),
        ({"scale": 9999}, "scale is 9999: expected 1 to 1024"),
        ({"fps": 0.0}, "fps is 0.0: expected 0.1 to 50 frames a second"),
    ],
)
def test_mistakes_are_said_before_anything_is_written(how, said, digit, tmp_path):
    told = replace(chosen(digit, tmp_path / "out"), **how)
    with pytest.raises(UsageError) as error:
        draw_image(told, quiet)
    assert said in str(error.value)
    assert not [*tmp_path.iterdir()]


def test_an_unknown_name_is_answered_with_those_that_exist(digit, tmp_path):
    for name, known in (("strokes", "points, lines, curves, bezier"), ("loss", "mse, blurred, pyramid")):
        told = chosen(digit, tmp_path / "out")
        object.__setattr__(told, name, "loops")  # as a caller without type checks might
        with pytest.raises(UsageError, match=f"unknown {name} 'loops': known are {known}"):
            draw_image(told, quiet)


def test_damaged_flat_and_existing_files_are_said(digit, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    Image.fromarray(np.zeros((1, 50), np.uint8)).save(tmp_path / "flat.png")
    for name, said in (("bad.png", "not an image, or a damaged one"), ("flat.png", "50 x 1 pixels would be 0 high: expected 4 to 4096")):
        with pytest.raises(UsageError, match=said):
            draw_image(chosen(tmp_path / name, tmp_path / "out"), quiet)
    (tmp_path / "drawing.svg").write_text("mine")
    with pytest.raises(UsageError, match="exists: choose another out"):
        draw_image(chosen(digit, tmp_path), quiet)
    assert (tmp_path / "drawing.svg").read_text() == "mine"


def test_nothing_half_written_is_left(digit, tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UsageError, match=r"cannot write .*drawing\.png: No space left on device"):
        draw_image(chosen(digit, tmp_path / "out", formats=()), quiet)
    assert not [*(tmp_path / "out").iterdir()]


def test_a_picture_taken_sideways_is_drawn_upright(digit, tmp_path):
    pixels = np.zeros((20, 10), np.uint8)
    pixels[0] = 255
    turned = Image.Exif()
    turned[0x0112] = 6  # must be turned clockwise to be upright
    stored = BytesIO()
    Image.fromarray(pixels).save(stored, "PNG", exif=turned)
    (tmp_path / "side.png").write_bytes(stored.getvalue())
    seen = draw.read(chosen(tmp_path / "side.png", tmp_path / "out", width=20))
    assert seen.shape == (10, 20, 1)
    assert seen[5, -1, 0] > 200
    assert seen[0, 0, 0] < 50
