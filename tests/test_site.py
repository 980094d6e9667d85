"""The documentation as a site: it is built without a warning, reads without the net, and leaves no link to nowhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

needs_mkdocs = pytest.mark.skipif(importlib.util.find_spec("material") is None, reason="needs the extra `docs`")
FETCHED = {("link", "href"), ("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src")}  # without being asked


class Links(HTMLParser):
    """What a page fetches, where its links lead, and the places that links may lead to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and name == "id":
                self.places.add(value)
            if value and (tag, name) in FETCHED:
                self.fetched.append(value)
            if value and (tag, name) == ("a", "href"):
                self.links.append(value)


@pytest.fixture(scope="module")
def site(repo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as a reader of the repository would build it."""
    home = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-B",
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--config-file",
        str(repo / "mkdocs.yml"),
        "--site-dir",
        str(home),
    ]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # what becomes of mkdocs is no fault of these pages
    built = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=repo)
    assert built.returncode == 0, built.stderr
    assert not re.search(r"^(WARNING|ERROR)", built.stderr, re.MULTILINE), built.stderr
    return home


@needs_mkdocs
def test_every_document_is_a_page_and_nothing_but_pages_and_pictures_is_copied(site: Path, repo: Path):
    documents = [f"{path.stem}.html" for path in repo.glob("docs/*.md")]
    documents += [f"benchmarks/{path.stem}.html" for path in repo.glob("benchmarks/*.md")]
    pages = {str(path.relative_to(site)) for path in site.rglob("*.html")}
    assert pages == {*documents, "404.html"}
    assert not [path for path in site.rglob("*") if path.suffix in (".py", ".pyc", ".md")]


@needs_mkdocs
def test_no_page_fetches_anything_from_elsewhere(site: Path):
    for page in site.rglob("*.html"):
        outside = [url for url in Links(page).fetched if re.match(r"(https?:)?//", url)]
        assert not outside, f"{page.name} fetches {outside}"
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", sheet.read_text()), f"{sheet.name} fetches from elsewhere"


@needs_mkdocs
def test_links_between_pages_lead_somewhere(site: Path):
    """Those into a page too, which mkdocs checks only where it made both ends."""
    pages = {page.resolve(): Links(page) for page in site.rglob("*.html") if page.name != "404.html"}  # whose links begin at the root
    assert sum(len(links.links) for links in pages.values()) > 100
    for page, links in pages.items():
        for link in links.links:
            if re.match(r"[a-z]+:", link):
                continue
            name, _, place = link.partition("#")
            target = (page.parent / name).resolve() if name not in ("", ".") else page
            assert target.exists(), f"{page.name} links to {link}"
            assert not place or target not in pages or place in pages[target].places, f"{page.name} links to {link}: no such place"


def test_the_documents_write_formulas_without_the_net(repo: Path):
    """A dollar or a backslash of LaTeX would want a script that draws it."""
    for document in [*repo.glob("docs/*.md"), *repo.glob("benchmarks/*.md")]:
        text = re.sub(r"^```.*?^```$|`[^`\n]*`", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
        assert not re.search(r"\$[^$\n]+\$|\\\(|\\\[|\\frac|\\sum", text), document.name
