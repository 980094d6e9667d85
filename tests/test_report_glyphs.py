"""Figures and films of glyphs: each picture where it belongs, as it is given; files that open anywhere, or none."""

from __future__ import annotations

import base64
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from PIL import Image

from semiosis.errors import UsageError
from semiosis.report import film, glyphs, measures, style
from semiosis.report.figures import alphabet, answers, contact, ladder

PINK, LIME, TEAL = np.array([(250, 10, 130), (10, 250, 30), (0, 128, 120)])
SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"


def pixels(path: Path) -> np.ndarray:
    """RGB of a PNG as whole numbers [h w 3]."""
    return np.round(imread(path)[..., :3] * 255).astype(int)


def where(picture: np.ndarray, colour: Any) -> np.ndarray:
    """Rows and columns of the pixels of a colour, given by name or as numbers up to 255."""
    wanted = np.round(np.array(to_rgb(colour)) * 255) if isinstance(colour, str) else np.asarray(colour)
    return np.argwhere(np.abs(picture - wanted).max(-1) <= 1)


def clear(picture: np.ndarray) -> bool:
    """Whether nothing touches the edge of the sheet."""
    edge = np.concatenate([picture[:30].reshape(-1, 3), picture[-30:].reshape(-1, 3), picture[:, :30].reshape(-1, 3)])
    return bool((np.concatenate([edge, picture[:, -30:].reshape(-1, 3)]) == 255).all())


def plain(*inks: np.ndarray, size: int = 8) -> np.ndarray:
    """Glyphs of one colour each."""
    return np.broadcast_to(np.stack(inks)[:, None, None] / 255, (len(inks), size, size, 3))


def noise(n: int, size: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).normal(0.5, 0.5, (n, size, size, channels))


def bits(n: int, length: int = 16) -> list[str]:
    return [f"{i * 257:0{length}b}" for i in range(n)]


# ---------------------------------------------------------------------------------------------------------------- alphabet


def test_glyphs_are_shown_as_they_are() -> None:
    grey = np.array([-0.5, 0.0, 0.25, 1.0, 7.0, np.nan]).reshape(1, 1, 6, 1)
    np.testing.assert_array_equal(glyphs.prints(grey)[0, 0], np.repeat([[0], [0], [0.25], [1], [1], [0]], 3, 1))
    with pytest.raises(UsageError, match=r"glyphs of shape \(1, 4, 4, 2\): expected one or more, with 1 \(grey\) or 3"):
        glyphs.prints(np.zeros((1, 4, 4, 2)))
    with pytest.raises(UsageError, match=r"glyphs of shape \(0, 4, 4, 1\)"):
        glyphs.prints(np.zeros((0, 4, 4, 1)))


def test_long_names_are_broken_before_they_are_cut() -> None:
    assert glyphs.fitted(["a", "b"], 1.0)[:2] == (["a", "b"], 12.0)
    texts, points, _ = glyphs.fitted(["0011001111001100"], 0.6)  # eight digits of 0.64 x 8 points are 0.57 inches
    assert texts == ["00110011\n11001100"]
    assert points >= 8
    assert glyphs.fitted(["0" * 99], 0.3)[0][0].count("\n") == 3
    assert glyphs.fitted(["0" * 99], 0.3)[0][0].endswith("…")
    assert glyphs.broken(["a long name"], 6) == ["a long\nname"]


def test_the_alphabet_stands_in_order_with_sharp_pixels(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.png"
    assert alphabet(plain(PINK, LIME), ["a", "b"], path) == path
    picture = pixels(path)
    assert clear(picture)
    first, last = where(picture, PINK), where(picture, LIME)
    assert first[:, 1].max() < last[:, 1].min()
    assert len(first) == len(last) == 280**2  # 35 dots a pixel: 1.4 inches, and none blurred


@pytest.mark.parametrize(
    ("n", "size", "channels", "named"),
    [(1, 16, 1, "bits"), (26, 16, 1, "letters"), (26, 16, 1, "bits"), (128, 64, 3, "letters"), (256, 16, 1, "bits")],
)
def test_alphabets_of_every_size(tmp_path: Path, n: int, size: int, channels: int, named: str) -> None:
    names = bits(n) if named == "bits" else [str(i) for i in range(n)]
    path = alphabet(noise(n, size, channels).astype(np.float32), names, tmp_path / "a.png", caption="At level 3.")
    height, width, _ = pixels(path).shape
    assert clear(pixels(path))
    assert width < 4000
    assert n == 1 or 1.25 < width / height < 2.1  # the golden section is 1.618


def images_of(path: Path) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(path.read_bytes()).iter(f"{SVG}image"))


def test_an_svg_keeps_the_pixels_and_nothing_of_here_and_now(tmp_path: Path) -> None:
    given = noise(26, 16), [chr(97 + i) for i in range(26)]
    first, again = (alphabet(*given, tmp_path / name / "a.svg") for name in ("one", "two"))
    assert first.read_bytes() == again.read_bytes()
    text = first.read_text()
    assert str(tmp_path) not in text
    assert "<dc:date>" not in text
    images = images_of(first)
    assert len(images) == 26
    for image in images:
        assert "image-rendering:pixelated" in image.attrib["style"]
        assert image.attrib[LINK].startswith("data:image/png;base64,")
    assert alphabet(*given, tmp_path / "a.PNG").read_bytes()[:4] == b"\x89PNG"


def test_pictures_in_an_svg_stand_upright(tmp_path: Path) -> None:
    glyph = np.zeros((1, 3, 2, 1))
    glyph[0, 0, 0] = 1.0  # the upper left corner
    (image,) = images_of(alphabet(glyph, ["a"], tmp_path / "a.svg"))
    kept = np.array(Image.open(BytesIO(base64.b64decode(image.attrib[LINK].partition(",")[2]))).convert("L"))
    down = float(image.attrib["transform"].removeprefix("matrix(").rstrip(")").split()[3])  # below 0 it would be turned over
    assert kept.shape == (3, 2)
    assert (kept if down > 0 else kept[::-1]).tolist() == [[255, 0], [0, 0], [0, 0]]


def test_figures_are_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("png", "svg"):
        path = alphabet(plain(PINK), ["a"], tmp_path / f"a.{kind}")
        before = path.read_bytes()
        with monkeypatch.context() as broken:
            broken.setattr(os, "replace", refuse)
            with pytest.raises(UsageError, match=rf"cannot write .*a\.{kind}: {os.strerror(errno.ENOSPC)}"):
                alphabet(plain(LIME), ["a"], path)
        assert path.read_bytes() == before
    with pytest.raises(UsageError, match=r"cannot draw .*a\.pdf: expected a name that ends in \.png or \.svg"):
        alphabet(plain(PINK), ["a"], tmp_path / "a.pdf")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.png", "a.svg"]


def refuse(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# ----------------------------------------------------------------------------------------------------------- contact sheets


def test_the_contact_sheet_shows_what_arrives_below_what_is_drawn(tmp_path: Path) -> None:
    said, heard = plain(PINK, LIME), plain(TEAL, PINK) * 1.0
    heard[1] = -3.0  # clipped to black
    path = contact(said, heard, ["a", "b"], tmp_path / "c.png", guesses=["a", "q"])
    picture = pixels(path)
    assert clear(picture)
    drawn, arrived = where(picture, PINK), where(picture, TEAL)
    assert drawn[:, 1].min() == arrived[:, 1].min()
    assert drawn[:, 0].max() < arrived[:, 0].min()
    assert len(where(picture, np.zeros(3))) == len(arrived) == len(drawn)
    right, wrong = where(picture, style.BLUE), where(picture, style.VERMILION)
    assert len(right) > 0
    assert right[:, 1].max() < wrong[:, 1].min()  # in the columns of their glyphs
    assert arrived[:, 0].max() < min(right[:, 0].min(), wrong[:, 0].min())


@pytest.mark.parametrize(("n", "size", "channels", "named"), [(1, 16, 1, "letters"), (16, 64, 3, "bits"), (40, 16, 1, "bits")])
def test_contact_sheets_of_every_size(tmp_path: Path, n: int, size: int, channels: int, named: str) -> None:
    names = bits(n) if named == "bits" else [chr(97 + i) for i in range(n)]
    given = noise(n, size, channels)
    told = pixels(contact(given, 2 * given, names, tmp_path / "c.png", guesses=["nothing", *names[1:]], caption="Level 7."))
    bare = pixels(contact(given, given, names, tmp_path / "c.png"))
    assert clear(told)
    assert clear(bare)
    assert told.shape[1] == bare.shape[1] < 4000
    assert told.shape[0] > bare.shape[0]
    assert contact(given, given, names, tmp_path / "c.svg").read_text().count("<image") == 2 * n


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    two = plain(PINK, LIME)
    with pytest.raises(UsageError, match="3 names: expected 2, one a glyph"):
        alphabet(two, ["a", "b", "c"], tmp_path / "a.png")
    with pytest.raises(UsageError, match="1 guesses: expected 2, one a glyph"):
        contact(two, two, ["a", "b"], tmp_path / "c.png", guesses=["a"])
    with pytest.raises(UsageError, match=r"level \[1\]: expected 2, one a seed, from 0 to 2"):
        ladder(np.zeros((2, 3)), tmp_path / "l.png", chance=None, level=[1])
    with pytest.raises(UsageError, match=r"level \[3, 1\]: expected 2"):
        ladder(np.zeros((2, 3)), tmp_path / "l.png", chance=None, level=np.array([3, 1]))
    with pytest.raises(UsageError, match=r"accuracy of shape \(0, 3\)"):
        ladder(np.zeros((0, 3)), tmp_path / "l.png", chance=None)
    with pytest.raises(UsageError, match="guesses from 0 to 3: expected 0 to 1, and the guess 2 for nothing"):
        answers(np.array([0, 1]), np.array([0, 3]), ["a", "b"], tmp_path / "w.png")
    with pytest.raises(UsageError, match="label -1"):
        answers(np.array([0, -1]), np.array([0, 1]), ["a", "b"], tmp_path / "w.png")
    with pytest.raises(UsageError, match="0 messages and 0 guesses"):
        answers(np.zeros(0, int), np.zeros(0, int), ["a"], tmp_path / "w.png")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------------------------ ladder


def test_the_ladder_marks_where_training_is(tmp_path: Path) -> None:
    accuracy = np.array([[1.0, 0.9, 0.5, np.nan], [1.0, 0.7, 0.3, np.nan], [1.0, np.nan, 0.4, np.nan]])
    bare = pixels(ladder(accuracy, tmp_path / "l.png", chance=0.25))
    picture = pixels(ladder(accuracy, tmp_path / "l.png", chance=0.25, level=[1, 2, 2]))
    assert clear(picture)
    line = where(picture, style.BLUE)
    assert line[:, 0].max() - line[:, 0].min() > 200
    dotted = np.bincount(where(picture, style.INK)[:, 1], minlength=picture.shape[1])
    assert picture.shape[1] == bare.shape[1]
    assert picture.shape[0] > bare.shape[0]  # a line of words more
    steps = np.flatnonzero(dotted > 150)
    assert len(steps) > 0
    assert (np.diff(steps) > 3).sum() == 1  # at two places


@pytest.mark.parametrize("case", ["one seed", "nothing known", "loss", "many levels", "one level"])
def test_ladders_of_every_kind(tmp_path: Path, case: str) -> None:
    rng = np.random.default_rng(0)
    accuracy = rng.random({"one seed": (1, 16), "many levels": (2, 40), "one level": (3, 1)}.get(case, (3, 16)))
    if case == "nothing known":
        accuracy[:] = np.nan
    shown = "loss" if case == "loss" else "accuracy"
    path = ladder(5 * accuracy if case == "loss" else accuracy, tmp_path / "l.png", chance=0.1, level=[0] * len(accuracy), shown=shown)
    assert clear(pixels(path))
    assert bool(len(where(pixels(path), style.BLUE))) == (case != "nothing known")
    assert ladder(accuracy, tmp_path / "l.svg", chance=None).exists()


def test_the_interval_is_over_the_seeds_that_have_a_value(tmp_path: Path) -> None:
    axes = style.panel(style.figure(4.0, 3.0), 0.5, 0.5, 3.0, 2.0)
    end = glyphs._over_levels(axes, np.array([[0.4, 0.9, np.nan], [0.6, np.nan, np.nan]]), measures.measure("accuracy"))
    assert end == (1.0, 0.9)
    edges = axes.collections[0].get_paths()[0].vertices
    # Student's t of one degree of freedom is 12.706, times 0.1: cut at 0 and 1, where accuracy ends
    assert (edges[edges[:, 0] == 0.0][:, 1].min(), edges[edges[:, 0] == 0.0][:, 1].max()) == (0.0, 1.0)


# ----------------------------------------------------------------------------------------------------------------- answers


def test_answers_are_shares_of_their_row(tmp_path: Path) -> None:
    said, guess = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2])
    picture = pixels(answers(said, guess, ["a", "b"], tmp_path / "w.png"))
    assert clear(picture)
    whole, half = (
        where(picture, np.round(255 * np.array(style.HEAT(1.0)[:3]))),
        where(picture, np.round(255 * np.array(style.HEAT(0.5)[:3]))),
    )
    assert whole[:, 0].max() < half[:, 0].min()
    assert half[:, 1].max() - half[:, 1].min() > half[:, 0].max() - half[:, 0].min()  # two cells side by side: b, and nothing
    assert "Read right: 75% of 4. Read as nothing: 25%." in glyphs._found(said, guess, 2, numbers=True)
    assert "nothing" not in glyphs._found(said, said, 2, numbers=False)


@pytest.mark.parametrize(("k", "empty"), [(1, True), (1, False), (16, True), (26, False), (64, True), (65, False), (256, True)])
def test_answers_of_every_size(tmp_path: Path, k: int, empty: bool) -> None:
    rng = np.random.default_rng(0)
    said = rng.integers(0, k, 20 * k)
    guess = np.where(rng.random(20 * k) < 0.1, k if empty else 0, said)
    names = bits(k) if k > 26 else [chr(97 + i) for i in range(k)]
    picture = pixels(answers(said, guess, names, tmp_path / "w.png"))
    assert clear(picture)
    assert max(picture.shape) < 4000


# -------------------------------------------------------------------------------------------------------------------- film


def test_a_frame_shows_its_glyphs(tmp_path: Path) -> None:
    sheet = film.frame(plain(PINK, LIME), words="step 1,200 · level 3", heard=plain(TEAL, PINK) * 2 - 1, names=["a", "b"], share=0.25)
    height, width, _ = sheet.shape
    assert (height % 2, width % 2) == (0, 0)
    first, last = where(sheet.astype(int), PINK), where(sheet.astype(int), LIME)
    arrived = where(sheet.astype(int), (0, 1, 0))  # twice TEAL less white, clipped
    side = int(len(first) ** 0.5)
    assert side % 8 == 0  # a whole number of pixels each
    assert len(first) == len(last) == len(arrived) == side**2
    assert arrived[:, 1].min() == first[:, 1].max() + 1 + film.PAIR
    assert arrived[:, 0].min() == first[:, 0].min()
    bar = where(sheet[-1:].astype(int), style.BLUE)
    assert len(bar) == round(0.25 * width)
    assert bar[:, 1].max() == len(bar) - 1


@pytest.mark.parametrize(("n", "size", "heard"), [(1, 16, False), (2, 8, True), (26, 16, True), (64, 16, False), (64, 32, False)])
def test_frames_have_one_size_whatever_they_say(n: int, size: int, heard: bool) -> None:
    given, names = noise(n, size), bits(n)
    one = film.frame(given, words="", heard=given if heard else None, names=names)
    other = film.frame(1 - given, words="step 1,200,000 " * 20, heard=given if heard else None, names=names, share=1)
    assert one.shape == other.shape
    height, width, _ = one.shape
    assert 480 <= width <= 1100
    assert (height % 2, width % 2) == (0, 0)
    assert n == 1 or 0.8 < width / height < 2.3
    inner = other[: -film.BAR]
    assert (np.concatenate([inner[:, :15].reshape(-1, 3), inner[:, -15:].reshape(-1, 3)]) == 255).all()


def test_a_frame_refuses_what_it_cannot_show() -> None:
    with pytest.raises(UsageError, match="1 names: expected 2, one a glyph"):
        film.frame(plain(PINK, LIME), words="", names=["a"])
    for share in (-0.1, 1.5, float("nan")):
        with pytest.raises(UsageError, match=r"share is .*: expected a number from 0 to 1"):
            film.frame(plain(PINK), words="", share=share)


def blocks(*inks: Any, height: int = 32, width: int = 48) -> Iterator[np.ndarray]:
    """Frames of one colour each."""
    for ink in inks:
        yield np.full((height, width, 3), ink, np.uint8)


def decoded(path: Path) -> tuple[list[np.ndarray], list[int]]:
    """The frames of a GIF, and the milliseconds of each."""
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        shown = []
        for i in range(image.n_frames):  # type: ignore[attr-defined]
            image.seek(i)
            shown.append((np.array(image.convert("RGB")), image.info["duration"]))
    return [one for one, _ in shown], [lasts for _, lasts in shown]


def test_a_gif_has_the_frames_it_is_given(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "f.gif"
    assert film.gif(blocks(PINK, LIME, TEAL, 77), path, fps=30) == path
    frames, lasts = decoded(path)
    for one, ink in zip(frames, (PINK, LIME, TEAL, 77), strict=True):
        assert (one == np.asarray(ink)).all()
    assert lasts == [30, 40, 30, 30]  # hundredths of a second that add up: 3, 7, 10, 13 of 3.33, 6.67, 10, 13.33


def test_in_a_gif_of_many_colours_grey_stays_grey_and_nothing_flickers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sheet = rng.integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    sheet[:, :32, :, :] = np.arange(64, dtype=np.uint8)[None, None, :, None] * 4 + 3  # greys, among them white
    sheet[1, :32] = sheet[0, :32]
    sheet[:, 40:50] = np.round(255 * np.array(to_rgb(style.BLUE))).astype(np.uint8)  # a common colour
    frames, _ = decoded(film.gif(iter(sheet), tmp_path / "f.gif", fps=10))
    for one, given in zip(frames, sheet, strict=True):
        np.testing.assert_array_equal(one[:32], given[:32])
        assert np.abs(one[40:50].astype(int) - given[40:50]).max() <= 3
        assert np.abs(one[32:].astype(int) - given[32:]).mean() < 20
    np.testing.assert_array_equal(frames[0][:32], frames[1][:32])


def test_a_film_needs_frames_of_one_size_and_a_rate(tmp_path: Path) -> None:
    writers = [film.gif, *([film.mp4] if has_av() else [])]
    for write in writers:
        with pytest.raises(UsageError, match="a film of no frames"):
            write(iter([]), tmp_path / "f", fps=10)
        with pytest.raises(UsageError, match=r"a frame of shape \(16, 48, 3\) after one of \(32, 48, 3\)"):
            write([*blocks(PINK), *blocks(PINK, height=16)], tmp_path / "f", fps=10)
        for fps in (0, -1.0, 0.01, 1000, float("nan")):
            with pytest.raises(UsageError, match=r"fps is .*: expected 0.1 to (50|240) frames a second"):
                write(blocks(PINK), tmp_path / "f", fps=fps)
    assert list(tmp_path.iterdir()) == []


def has_av() -> bool:
    try:
        film.need_av()
    except UsageError:
        return False
    return True


needs_av = pytest.mark.skipif(not has_av(), reason="needs av, which is in the extra `film`")


@needs_av
def test_an_mp4_has_the_frames_it_is_given(tmp_path: Path) -> None:
    av: Any = film.need_av()
    path = tmp_path / "deep" / "f.mp4"
    inks = [PINK, LIME, TEAL, 77] * 10
    assert film.mp4(blocks(*inks), path, fps=12.5) == path
    with av.open(str(path)) as opened:
        stream = opened.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, float(stream.average_rate)) == (48, 32, 12.5)
        shown = [one.to_ndarray(format="rgb24") for one in opened.decode(video=0)]
    for one, ink in zip(shown, inks, strict=True):
        assert np.abs(one.astype(int) - np.asarray(ink)).max() < 12
    data = path.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")  # what a player must know first stands first


@needs_av
def test_a_sheet_of_glyphs_survives_its_film(tmp_path: Path) -> None:
    av: Any = film.need_av()
    sheet = film.frame(np.clip(noise(6, 16), 0, 1), words="step 0", names=list("abcdef"))
    with av.open(str(film.mp4([sheet] * 3, tmp_path / "f.mp4", fps=5))) as opened:
        first = next(opened.decode(video=0)).to_ndarray(format="rgb24")
    assert np.abs(first.astype(int) - sheet).mean() < 3


def broken_film() -> Iterator[np.ndarray]:
    yield from blocks(PINK, LIME)
    raise ZeroDivisionError


@pytest.mark.parametrize("kind", ["gif", pytest.param("mp4", marks=needs_av)])
def test_a_film_is_whole_or_absent(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write, path = getattr(film, kind), tmp_path / f"f.{kind}"
    with pytest.raises(ZeroDivisionError):
        write(broken_film(), path, fps=10)
    assert list(tmp_path.iterdir()) == []
    write(blocks(PINK), path, fps=10)
    before = path.read_bytes()
    for call in ("replace", "fsync"):
        with monkeypatch.context() as broken:
            broken.setattr(os, call, refuse)
            with pytest.raises(UsageError, match=rf"cannot write .*f\.{kind}: {os.strerror(errno.ENOSPC)}"):
                write(blocks(LIME), path, fps=10)
        assert path.read_bytes() == before
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=rf"cannot write .*file/f\.{kind}: "):
        write(blocks(LIME), tmp_path / "file" / f"f.{kind}", fps=10)
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"f.{kind}", "file"]


@needs_av
@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_full_disk_leaves_no_film(tmp_path: Path) -> None:
    program = """
import resource, signal, sys, numpy as np
from semiosis.errors import UsageError
from semiosis.report import film
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
rng = np.random.default_rng(0)
try:
    film.mp4((rng.integers(0, 255, (128, 128, 3), dtype=np.uint8) for _ in range(60)), sys.argv[1] + "/f.mp4", fps=10)
except UsageError as sentence:
    print(sentence)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout == f"cannot write {tmp_path}/f.mp4: File too large\n", done.stderr
    assert list(tmp_path.iterdir()) == []


@needs_av
def test_an_mp4_needs_even_sides(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="frames of 5 x 4 pixels: expected an even width and height"):
        film.mp4(blocks(PINK, height=4, width=5), tmp_path / "f.mp4", fps=10)
    assert list(tmp_path.iterdir()) == []


def test_who_has_no_av_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    for act in (film.need_av, lambda: film.mp4(blocks(PINK), tmp_path / "f.mp4", fps=10)):
        with pytest.raises(UsageError, match=r"an MP4 needs av, .*: pip install 'semiosis\[film\]'"):
            act()
    assert list(tmp_path.iterdir()) == []
