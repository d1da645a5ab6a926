"""Docstrings as HTML: golden fragments, and that no word is lost and every element closed."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from html.parser import HTMLParser

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.sample.pages import fragment, inline

GOLDEN = [
    ("One\nparagraph.\n\nAnother.", "<p>One paragraph.</p>\n<p>Another.</p>"),
    ("- a\n  b\n- c", "<ul><li>a b</li><li>c</li></ul>"),
    ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
    (">>> f(1)\n1 < 2", '<pre class="doctest"><code>&gt;&gt;&gt; f(1)\n1 &lt; 2</code></pre>'),
    ("So:\n>>> f()", '<p>So:</p>\n<pre class="doctest"><code>&gt;&gt;&gt; f()</code></pre>'),
    ("Like::\n\n    a  b\n\n    c", '<p>Like:</p>\n<pre class="literal"><code>a  b\n\nc</code></pre>'),
    ("Notes\n-----\nText.", "<h3>Notes</h3>\n<p>Text.</p>"),
    (
        "Args:\n    x (int): one\n    y: two\n      more",
        '<h3>Args</h3>\n<div class="section-body">\n<table class="field-list">\n'
        "<tr><th>x (int)</th><td>one</td></tr>\n<tr><th>y</th><td>two more</td></tr>\n</table>\n</div>",
    ),
    (
        ":param x: one\n:returns: two",
        '<table class="field-list">\n<tr><th>param x</th><td>one</td></tr>\n'
        "<tr><th>returns</th><td>two</td></tr>\n</table>",
    ),
    ("x : int\n    one\ny : str\n    two",
     "<dl>\n<dt>x : int</dt>\n<dd>one</dd>\n<dt>y : str</dt>\n<dd>two</dd>\n</dl>"),
    (".. note:: Mind\n   the gap.",
     '<div class="admonition note"><p class="title">Note</p><p>Mind the gap.</p></div>'),
    (".. code-block:: python\n   x = 1", '<pre class="literal"><code>x = 1</code></pre>'),
    ("", ""),
]  # fmt: skip


@pytest.mark.parametrize(("doc", "markup"), GOLDEN)
def test_golden(doc: str, markup: str) -> None:
    assert fragment(doc) == markup


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("``x`` and `y`", "<code>x</code> and <code>y</code>"),
        ("**bold** *slanted*", "<strong>bold</strong> <em>slanted</em>"),
        ("2 * 3 * 4 and **kwargs", "2 * 3 * 4 and **kwargs"),
        (":class:`~a.B`", '<a class="reference" href="#a.B"><code>a.B</code></a>'),
        ("`here <http://x.example/?a=1&b=2>`_", '<a href="http://x.example/?a=1&amp;b=2">here</a>'),
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ],
)
def test_inline(text: str, markup: str) -> None:
    assert inline(text) == markup


class Balance(HTMLParser):
    """Fails where an element is closed that is not open, or left open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def words(text: str) -> list[str]:
    return sorted(re.findall(r"[a-z0-9]+", text.lower()))


LINE = st.builds(
    lambda indent, marker, text, end: " " * indent + marker + text + end,
    st.sampled_from([0, 0, 0, 2, 4, 8]),
    st.sampled_from(["", "", "", "- ", "* ", "1. ", ">>> ", "Args:", "x: ", "=====", "``", "*"]),
    st.text("ab <>&\"'`*_-=", max_size=20),
    st.sampled_from(["", "", "::", ":", "``"]),
)


@given(st.lists(LINE, max_size=25).map("\n".join))
def test_every_element_is_closed_and_every_word_kept(doc: str) -> None:
    markup = fragment(doc)
    parser = Balance()
    parser.feed(markup)
    assert parser.open == []
    numbers = re.sub(r"^\s*1\. ", "", doc, flags=re.MULTILINE)  # an ordered list counts by itself
    tree = lxml.html.fromstring(f"<div>{markup}</div>")
    kept = words(" ".join(tree.itertext()))
    assert set(words(numbers)) <= set(kept) | {"1"}


@given(st.lists(st.text("abc \t`*<:.-", max_size=30), max_size=20).map("\n".join))
def test_text_without_lists_keeps_its_words_once_each(doc: str) -> None:
    tree = lxml.html.fromstring(f"<div>{fragment(doc)}</div>")
    letters = "".join(re.findall("[abc]", doc))
    assert sorted("".join(re.findall("[abc]", "".join(tree.itertext())))) == sorted(letters)


@given(st.integers(0, 400))
def test_a_staircase_of_indentation_ends(n: int) -> None:
    doc = "\n\n".join(" " * i + "step" for i in range(n))
    assert fragment(doc).count("step") == n


@pytest.mark.parametrize("thing", [json, textwrap.dedent, inspect.signature, json.JSONDecoder])
def test_real_docstrings_keep_their_words(thing: object) -> None:
    doc = inspect.getdoc(thing)
    assert doc
    tree = lxml.html.fromstring(f"<div>{fragment(doc)}</div>")
    said = re.sub(r":mod:|:class:|:func:", "", doc)
    assert words(" ".join(tree.itertext())) == words(said)
