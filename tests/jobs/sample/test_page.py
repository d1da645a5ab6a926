"""Whole pages: two extractors find the content, and no word of a docstring is lost in its markup."""

from __future__ import annotations

import inspect
import json
import re
import textwrap

import lxml.html
import pytest
import trafilatura
from hypothesis import given
from hypothesis import strategies as st
from resiliparse.extract.html2text import extract_plain_text

from jobs.sample.docstrings import Entry, Module
from jobs.sample.page import MAX_SIBLINGS, ReferencePage, article, fragment, host, render

PROSE = "The resolver walks the graph of names from the leaves to the root and stops at the first cycle. "
WALK = f"Walk.\n\n{PROSE * 2}\n\n>>> walk()\nTrue"
CONTENT = Module(
    f"Resolve names – naïvely.\n\n{PROSE * 4}",
    (
        Entry("class", "Resolver", "(object)", f"Keeps what was resolved.\n\n{PROSE * 3}"),
        Entry("method", "Resolver.walk", "(self, start='<root>')", WALK),
        Entry("function", "resolve", "(name) -> str", f"Resolve one name.\n\n{PROSE * 2}"),
    ),
)


def page(n_siblings: int = 9) -> ReferencePage:
    siblings = ("names.resolver", *(f"names.sibling{i:03d}" for i in range(n_siblings)))
    return ReferencePage("names", siblings[0], tuple(sorted(siblings)), CONTENT)


def test_extractors_find_the_content() -> None:
    careful = trafilatura.extract(render(page()), deduplicate=False) or ""
    fast = extract_plain_text(render(page()), main_content=True)
    for text in careful, fast:
        assert text.count("walks the graph of names") >= 11
        assert "sibling" not in text
    assert "cookies" not in careful


def test_boilerplate_is_there_to_be_removed() -> None:
    tree = lxml.html.fromstring(render(page()))
    assert len(tree.xpath("//a")) > 20
    assert tree.xpath("//script")
    assert tree.findtext(".//title")
    assert [h.text for h in tree.xpath("//h1")] == ["names.resolver"]
    assert len(tree.xpath("//pre[@class='signature']")) == 3


def test_signatures_are_escaped() -> None:
    assert "Resolver.walk(self, start=&#x27;&lt;root&gt;&#x27;)" in article(page())


def test_a_module_without_docstring_or_entries_has_a_title() -> None:
    empty = ReferencePage("names", "names.x", ("names.x",), Module("", ()))
    assert article(empty) == "<h1>names.x</h1>\n"
    assert empty.around() == ("names.x", "names.x")


def test_neighbours() -> None:
    middle = ReferencePage("p", "p.b", ("p.a", "p.b", "p.c"), CONTENT)
    assert middle.around() == ("p.a", "p.c")
    assert ReferencePage("p", "p.c", ("p.a", "p.b", "p.c"), CONTENT).around() == ("p.b", "p.a")


def test_a_sidebar_shows_what_is_around() -> None:
    modules = tuple(f"p.m{i:04d}" for i in range(1000))
    window = ReferencePage("p", "p.m0500", modules, CONTENT).window()
    assert len(window) == MAX_SIBLINGS
    assert "p.m0500" in window
    assert ReferencePage("p", "p.m0000", modules, CONTENT).window()[0] == "p.m0000"


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


@pytest.mark.parametrize(
    ("doc", "markup"),
    [
        ("One\nparagraph.\n\nAnother.", "<p>One\nparagraph.</p>\n<p>Another.</p>\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("So:\n>>> f()\n1 < 2\n", "<p>So:</p>\n<pre><code>&gt;&gt;&gt; f()\n1 &lt; 2\n</code></pre>\n"),
        (">>> f()\n\nThen.", "<pre><code>&gt;&gt;&gt; f()\n</code></pre>\n<p>Then.</p>\n"),
        ("Like::\n\n    a  b", "<p>Like::</p>\n<pre><code>a  b\n</code></pre>\n"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
        ("", ""),
    ],
)
def test_a_docstring_as_html(doc: str, markup: str) -> None:
    assert fragment(doc) == markup


def words(text: str) -> list[str]:
    return sorted(re.findall(r"[a-z0-9]+", text.lower()))


@given(st.lists(st.text("abc \t*<:.->", max_size=30), max_size=20).map("\n".join))
def test_text_keeps_its_letters_once_each(doc: str) -> None:
    tree = lxml.html.fromstring(f"<div>{fragment(doc)}</div>")
    assert sorted(re.findall("[abc]", "".join(tree.itertext()))) == sorted(re.findall("[abc]", doc))


@pytest.mark.parametrize("thing", [json, textwrap.dedent, inspect.signature, json.JSONDecoder])
def test_real_docstrings_keep_their_words(thing: object) -> None:
    doc = inspect.getdoc(thing)
    assert doc
    tree = lxml.html.fromstring(f"<div>{fragment(doc)}</div>")
    # An ordered list counts by itself, and the address of a link is not text.
    assert set(words(doc)) - set(words(" ".join(tree.itertext()))) <= {*"123456", "http", "https"}
