"""The documents: their code runs, their commands parse, their trees and links are true, and nothing tracked tells where it was made."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

from semiosis import cli, corpora, scenes
from semiosis.runs import bench, conversations, directory, draw, features, session
from semiosis.scenes import contact

REPO = Path(__file__).resolve().parent.parent
DOCUMENTS = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))]
EXAMPLE = REPO / "examples" / "one_word.py"


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)
    return [text for name, text in fenced if name == language]


def prose(path: Path) -> str:
    """The text without its fenced blocks and its code spans."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE))


def commands(path: Path) -> list[list[str]]:
    """The words of each command line of the sh blocks."""
    lines = [line for block in blocks(path, "sh") for line in block.replace("\\\n", " ").splitlines()]
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with the examples in it, as a reader of the documents has, and nothing that could be overwritten."""
    shutil.copytree(EXAMPLE.parent, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if blocks(path, "python")], ids=lambda path: path.stem)
def test_the_python_of_a_document_runs(path, checkout, monkeypatch):
    module = types.ModuleType(f"document_{path.stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for i, block in enumerate(blocks(path, "python")):
        exec(compile(block, f"{path.name}, python block {i + 1}", "exec"), module.__dict__)


class Understood(Exception):
    """A command line was parsed, and its work would begin."""


@pytest.mark.parametrize(
    "words", [w for path in DOCUMENTS for w in commands(path) if Path(w[0]).name == "semiosis"], ids=lambda words: " ".join(words[1:])
)
def test_a_command_of_a_document_is_one_that_the_program_takes(words, checkout, monkeypatch, capsys):
    def begin(*args, **more):
        raise Understood

    work = {session: ("start", "resume", "reopen", "open_run"), scenes: ("load",), contact: ("listing",), bench: ("bench",)}
    work |= {corpora: ("read",), directory: ("open_run",), conversations: ("read",), features: ("make_features",), draw: ("draw_image",)}
    for module, names in work.items():
        for name in names:
            monkeypatch.setattr(module, name, begin)
    monkeypatch.setattr(cli, "_prepare_jax", lambda: None)
    monkeypatch.setenv("COLUMNS", "120")
    if "--help" in words:
        with pytest.raises(SystemExit, match=r"^0$"):
            cli.main(words[1:])
        assert words[1] in capsys.readouterr().out
        words = [word for word in words if word != "--help"]
    with pytest.raises(Understood):
        cli.main(words[1:])


def test_make_has_the_targets_that_the_documents_name():
    named = {w[1] for path in DOCUMENTS for w in commands(path) if w[0] == "make" and len(w) > 1}
    assert {"demo", "test"} <= named
    assert named <= set(re.findall(r"^(\w+):", (REPO / "Makefile").read_text(), re.MULTILINE))


def test_the_readme_shows_the_example_as_it_is():
    source = EXAMPLE.read_text()
    title = source.splitlines()[0]
    shown = [block for block in blocks(REPO / "README.md", "python") if block.startswith(title)]
    assert shown == [source]


def test_write_a_game_takes_the_example_apart_and_leaves_nothing_out():
    pieces = [block.strip() for block in blocks(REPO / "docs" / "write-a-game.md", "python")][:4]
    assert "\n\n\n".join(pieces) + "\n" == EXAMPLE.read_text()


def test_the_tree_of_the_readme_is_true():
    (tree,) = (block for block in blocks(REPO / "README.md", "") if block.startswith("semiosis/\n"))
    named, folder = [], Path()
    for line in tree.splitlines():
        name = line.split()[0]
        folder = folder if line.startswith(" ") else Path(name)
        named.append(folder / name if line.startswith(" ") else folder)
    missing = [str(path) for path in named if not (REPO / path).exists()]
    assert not missing, f"the README's tree names what does not exist: {', '.join(missing)}"
    there = {p.name for p in (REPO / "semiosis").iterdir()} - {"__init__.py", "__pycache__", "py.typed"}
    untold = there - {path.name for path in named if path.parent == Path("semiosis")}
    assert not untold, f"the README's tree leaves out {', '.join(sorted(untold))}"


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as they are made on code hosts."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", [*DOCUMENTS, REPO / "CONTRIBUTING.md", REPO / "CHANGELOG.md"], ids=lambda path: path.stem)
def test_relative_links_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(path)):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), f"{path.name} links to {link}, which does not exist"
        assert not anchor or anchor in anchors(target), f"{path.name} links to {link}, and {target.name} has no such heading"


# A bracket in each word keeps this file from being found by its own patterns.
TELLTALE = re.compile(
    r"(?<![\w.}-])/(wor[k]|tm[p]|roo[t]|hom[e]/\w+)/"  # paths of a machine
    r"|pyp[i]\.|pythonhoste[d]|anacond[a]\.|npmj[s]|artifactor[y]|index-ur[l]|INDEX_UR[L]"  # registries, and how pip is told of one
)


def test_no_tracked_file_tells_of_a_machine_or_a_registry():
    # make test names the wheel's environment; git alone knows what is tracked
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    listed = subprocess.run(["git", "-C", str(REPO), "ls-files", "-z"], capture_output=True, text=True, env=clean)
    if listed.returncode:
        pytest.skip("not a git checkout: nothing is tracked")
    files = [REPO / name for name in listed.stdout.split("\0") if name and (REPO / name).is_file()]
    assert EXAMPLE in files
    found = {str(file.relative_to(REPO)): hit[0] for file in files if (hit := TELLTALE.search(file.read_bytes().decode("latin-1")))}
    assert not found
