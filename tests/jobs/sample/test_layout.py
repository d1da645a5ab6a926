"""Whole pages: each layout is found, decodes as it declares, and two extractors find the content in it."""

from __future__ import annotations

import html
from collections.abc import Callable

import lxml.html
import pytest
import trafilatura
from resiliparse.extract.html2text import extract_plain_text

from jobs.sample.docstrings import Entry, Module
from jobs.sample.layout import LAYOUTS, MAX_SIBLINGS, Page, article, divisions, host, render, semantic, tables

PROSE = "The resolver walks the graph of names from the leaves to the root and stops at the first cycle. "
CONTENT = Module(
    f"Resolve names – naïvely.\n\n{PROSE * 4}",
    (
        Entry("class", "Resolver", "(object)", f"Keeps what was resolved.\n\n{PROSE * 3}"),
        Entry(
            "method", "Resolver.walk", "(self, start='<root>')", f"Walk.\n\n{PROSE * 2}\n\n>>> walk()\nTrue"
        ),
        Entry("function", "resolve", "(name) -> str", f"Resolve one name.\n\n{PROSE * 2}"),
    ),
)


def page(package: str = "names", n_siblings: int = 9) -> Page:
    siblings = (f"{package}.resolver", *(f"{package}.sibling{i:03d}" for i in range(n_siblings)))
    return Page(package, siblings[0], tuple(sorted(siblings)), CONTENT)


LAYOUT = pytest.mark.parametrize("layout", [semantic, divisions, tables])
Layout = Callable[[Page], str]


@LAYOUT
def test_extractors_find_the_content(layout: Layout) -> None:
    markup = layout(page())
    careful = trafilatura.extract(markup, deduplicate=False) or ""
    fast = extract_plain_text(markup, main_content=True)
    for text in careful, fast:
        assert text.count("walks the graph of names") >= 11
        if layout is not tables:  # whose menu is a cell like any other
            assert "sibling" not in text
    assert "cookies" not in careful


@LAYOUT
def test_boilerplate_is_there_to_be_removed(layout: Layout) -> None:
    tree = lxml.html.fromstring(layout(page()))
    assert len(tree.xpath("//a")) > 20
    assert tree.xpath("//script")
    assert tree.findtext(".//title")
    assert [h.text for h in tree.xpath("//h1")] == ["names.resolver"]
    assert len(tree.xpath("//pre[@class='signature']")) == 3


def test_every_layout_is_used_and_decodes_as_declared() -> None:
    seen = set()
    for i in range(30):
        body, content_type = render(page(f"p{i}"))
        declared = lxml.html.fromstring(body).xpath("//meta[@charset]/@charset|//meta[@http-equiv]/@content")[
            0
        ]
        charset = declared.rpartition("=")[2]
        text = html.unescape(body.decode(charset))
        assert "naïvely" in text
        assert "–" in text
        seen.add((charset, content_type))
    assert seen == {
        ("utf-8", "text/html; charset=utf-8"),
        ("utf-8", "text/html"),
        ("iso-8859-1", "text/html"),
    }
    assert len(set(LAYOUTS)) == 3


def test_a_package_keeps_its_layout() -> None:
    assert render(page()) == render(page())


def test_signatures_are_escaped() -> None:
    assert "Resolver.walk(self, start=&#x27;&lt;root&gt;&#x27;)" in article(page())


def test_a_module_without_docstring_or_entries_has_a_title() -> None:
    empty = Page("names", "names.x", ("names.x",), Module("", ()))
    assert article(empty) == "<h1>names.x</h1>\n"
    assert empty.around() == ("names.x", "names.x")


def test_neighbours() -> None:
    middle = Page("p", "p.b", ("p.a", "p.b", "p.c"), CONTENT)
    assert middle.around() == ("p.a", "p.c")
    assert Page("p", "p.c", ("p.a", "p.b", "p.c"), CONTENT).around() == ("p.b", "p.a")


def test_a_sidebar_shows_what_is_around() -> None:
    modules = tuple(f"p.m{i:04d}" for i in range(1000))
    window = Page("p", "p.m0500", modules, CONTENT).window()
    assert len(window) == MAX_SIBLINGS
    assert "p.m0500" in window
    assert Page("p", "p.m0000", modules, CONTENT).window()[0] == "p.m0000"


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("numpy", "numpy.docs.example"),
        ("Foo_Bar", "foo-bar.docs.example"),
        ("_x", "x.docs.example"),
        ("__", "python.docs.example"),
    ],
)
def test_host(package: str, name: str) -> None:
    assert host(package) == name
