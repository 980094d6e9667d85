"""HTML as a tree of elements: what is written into it as text stays text, whatever it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any
from xml.etree import ElementTree

Element = ElementTree.Element
Child = Element | str | None
INLINE = {"a", "b", "circle", "code", "img", "line", "path", "rect", "small", "span"}  # all else ends its line
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what no HTML may hold, such as half a character


def tag(name: str, /, *children: Child | Iterable[Child], **attributes: str | int | float | bool | None) -> Element:
    """An element with its children in order; strings are text, None is nothing, and an iterable stands for its members.

    `class_` is the attribute class, `data_x` is data-x. An attribute that is None or False is left out; one that is True has no value.
    """
    element = Element(name)
    for key, value in attributes.items():
        if value is not None and value is not False:
            element.set(key.rstrip("_").replace("_", "-"), "" if value is True else clean(str(value)))
    for child in chain.from_iterable([part] if part is None or isinstance(part, Element | str) else part for part in children):
        _append(element, child)
    return element


def _append(element: Element, child: Child) -> None:
    """Add a child at the end; a block ends its line, so that the source can be read."""
    if isinstance(child, str):
        if len(element):
            element[-1].tail = (element[-1].tail or "") + clean(child)
        else:
            element.text = (element.text or "") + clean(child)
    elif child is not None:
        if child.tag not in INLINE and not child.tail:
            child.tail = "\n"
        element.append(child)


def clean(text: str) -> str:
    """A text without the characters that no page may hold, a � in the place of each."""
    return _FORBIDDEN.sub("�", text)


def document(head: Iterable[Child], body: Iterable[Child], language: str = "en") -> bytes:
    """A whole page in UTF-8. The text of a style sheet or script is written as it is: it must be the program's own."""
    root = tag("html", tag("head", tag("meta", charset="utf-8"), head), tag("body", body), lang=language)
    return b"<!doctype html>\n" + ElementTree.tostring(root, encoding="unicode", method="html").encode() + b"\n"


def columns(*names: Child) -> Element:
    """The head of a table."""
    return tag("thead", tag("tr", (tag("th", name, scope="col") for name in names)))


def table(caption: Child | Iterable[Child], *parts: Child | Iterable[Child], class_: str | None = None, label: str = "") -> Element:
    """A table that scrolls inside its own box where it is wider than the page; the box can be reached by keyboard."""
    head = None if caption is None else tag("caption", tag("span", caption))
    inner = tag("table", head, *parts, class_=class_)
    return tag("div", inner, class_="scroll", tabindex=0, role="region", aria_label=label or "Table")


def details(summary: Child, *children: Child | Iterable[Child], open_: bool = False) -> Element:
    """What is shown when it is asked for."""
    return tag("details", tag("summary", summary), *children, open=open_)


def terms(facts: Mapping[str, Any]) -> Element:
    """Terms and what is said of them; those of which nothing is said are left out."""
    return tag("dl", (tag("div", tag("dt", name), tag("dd", value)) for name, value in facts.items() if not _empty(value)), class_="facts")


def _empty(value: Any) -> bool:
    """Whether nothing is said; an element without children is false, and yet something."""
    return value is None or (not isinstance(value, Element) and not value)
