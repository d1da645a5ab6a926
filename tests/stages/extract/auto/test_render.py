"""Blocks as text, in strings to read; what Markdown says is what the plain text says."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rapidfuzz.distance import LCSseq

from stages.extract.auto.blocks import measure
from stages.extract.auto.labels import WORD, block_texts, read_records
from stages.extract.auto.render import render
from stages.extract.auto.tree import parse
from stages.extract.auto.vocabulary import NOTHING
from tests.stages.extract.auto import soup


def written(page: str | bytes, *, markdown: bool = False, keep: list[int] | None = None) -> str:
    tree = parse(page.encode() if isinstance(page, str) else page)
    blocks = measure(tree, NOTHING)
    kept = np.ones(tree.n_blocks, np.bool_) if keep is None else np.isin(np.arange(tree.n_blocks), keep)
    return render(tree, blocks, kept, markdown=markdown)


def lines(text: str) -> str:
    return dedent(text).strip("\n")


def both(page: str) -> tuple[str, str]:
    return written(page), written(page, markdown=True)


def test_paragraphs_are_set_apart_and_white_space_collapses() -> None:
    page = "<h2>On\n  tea</h2><p>a <b>b</b>\n<i>c</i>d&nbsp;&nbsp;e</p>\n\nf<br>g<br>\n h<br><br>i"
    assert written(page) == lines("""
        On tea

        a b cd e

        f
        g
        h

        i
        """)
    assert written(page, markdown=True) == lines(r"""
        ## On tea

        a **b** *c*d e

        f\
        g\
        h

        i
        """)


def test_lists() -> None:
    page = "<p>x<ul><li>a<li>b<ul><li>c<li>d</ul>e<li>f</ul>y"
    assert written(page) == lines("""
        x

        - a
        - b
          - c
          - d
          e
        - f

        y
        """)
    assert written(page, markdown=True) == lines("""
        x

        - a
        - b
          - c
          - d

          e
        - f

        y
        """)


def test_numbered_lists_keep_their_numbers() -> None:
    page = "<ol>" + "".join(f"<li>{c}" for c in "abcdefghij") + "<ol><li>k</ol></ol>"
    assert written(page, keep=[0, 1, 9, 10]) == lines("""
        1. a
        2. b
        10. j
            1. k
        """)


def test_an_item_of_two_paragraphs_is_one_item() -> None:
    plain, markdown = both("<ol><li><p>a<p>b</li><li>c</ol>")
    assert plain == "1. a\n   b\n2. c"
    assert markdown == "1. a\n\n   b\n2. c"


def test_an_item_whose_outer_item_is_not_kept_is_not_indented() -> None:
    assert written("<ul><li>a<ul><li>b</ul></ul>", keep=[1]) == "- b"
    assert written("<ul><li><ul><li><ul><li>b</ul></ul></ul>") == "- b"


def test_tables_are_rows() -> None:
    page = (
        "<p>x<table><caption>On</caption><tr><th>m<th>w<th>n<tr><td>a b<td><td>1<br>2"
        "<tr><td>c</td><td><p>d<p>e</td></table>y"
    )
    assert written(page) == "x\n\nOn\n\nm\tw\tn\na b\t\t1 2\nc\td e\n\ny"
    assert written(page, markdown=True) == lines("""
        x

        On

        | m | w | n |
        | --- | --- | --- |
        | a b |  | 1 2 |
        | c | d e |

        y
        """)


def test_cells_need_no_row_tag() -> None:
    page = "<table><thead><th></th><th>a</th><th>b|c</th></thead><tbody><tr><td>x<td>y<td>z</table>"
    assert written(page) == "\ta\tb|c\nx\ty\tz"
    assert written(page, markdown=True) == "|  | a | b\\|c |\n| --- | --- | --- |\n| x | y | z |"
    assert written("<table><form><tr><form><td>a<td>b</form></table>") == "a\tb"


def test_the_first_row_is_as_wide_as_the_widest() -> None:
    page = "<table><tr><td>a<tr><td>b<td>c<td>d</table>"
    assert written(page, markdown=True) == "| a |  |  |\n| --- | --- | --- |\n| b | c | d |"


@pytest.mark.parametrize(
    "page",
    [
        "<table><tr><td>a<tr><td>b</table>",
        "<table><tr><td>a<td><table><tr><td>b</table></table>",
        "<table><tr><td>a<td><p>b</table>".replace("<p>b", "<p>b" * 5),
    ],
)
def test_tables_made_for_layout_are_read_cell_by_cell(page: str) -> None:
    assert "\t" not in written(page)
    assert written(page).startswith("a\n\nb")


def test_code_keeps_its_lines_and_indentation() -> None:
    page = "<p>x<pre>\n  def f():\n\treturn <b>1</b>&lt;2  \n\n\n  # end\n\n</pre>y"
    assert written(page) == "x\n\n  def f():\n\treturn 1<2\n\n\n  # end\n\ny"
    assert written(page, markdown=True) == "x\n\n```\n  def f():\n\treturn 1<2\n\n\n  # end\n```\n\ny"


def test_the_language_of_code_and_a_longer_fence() -> None:
    page = '<div class="highlight"><pre class="lang-C++"><code>a ```` b</code></pre></div>'
    assert written(page, markdown=True) == "`````c++\na ```` b\n`````"


@pytest.mark.parametrize(
    "page",
    [
        "<pre><div>a</div><div>  b</div></pre>",
        "<pre><span class=line>a</span><br><span class=line>  b</span><br></pre>",
        "<pre><span class=line>a</span>\n<span class=line>  b</span>\n</pre>",
        "<pre><p>a\n</p><p>  b\n</p></pre>",
        "<pre><ol><li>a<li>  b</ol></pre>",
        "<pre>a\r\n  b\r\n</pre>",
        "<pre>a\r  b</pre>",
        "<pre>a<br>  b</pre>",
        "<pre>a<br>\n  b</pre>",
        "<p><code>a<br>&nbsp;&nbsp;b</code></p>",
        "<div class=code-block>a\n  b</div>",
        '<pre><span class="lineno">1</span>a\n<span class="lineno">2</span>  b</pre>',
        '<pre><span class="ln">1 </span>a\n<span class="ln">2 </span>  b</pre>',
        '<pre><b style="color:#777;user-select: none"> 1</b>a\n<b style="user-select:none">2</b>  b</pre>',
        '<table><tr><td class="gutter"><pre>1\n2</pre></td><td><pre>a\n  b</pre></td></tr></table>',
        '<table><tr><td class=x><pre class="lineno">1\n2</pre></td><td><pre>a\n  b</pre></td></tr></table>',
        "<pre>a<button>copy</button>\n  b</pre>",
        "<figure class=highlight><pre>a\n  b</pre></figure>",
        "<div><div><pre>a\n  b</pre></div></div>",
    ],
)
def test_two_lines_of_code_however_they_are_marked_up(page: str) -> None:
    assert written(page) == "a\n  b"
    assert written(page, markdown=True) == "```\na\n  b\n```"


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ('<pre class="line-numbers"><code>x = <span class="number">42</span></code></pre>', "x = 42"),
        ('<pre><ol class="linenums"><li>x = <span>42</span></ol></pre>', "x = 42"),
        ('<div class="row no-gutters"><pre>42\n43</pre></div>', "42\n43"),
        ('<div class="body-copy"><pre><b>7</b> rest</pre></div>', "7 rest"),
    ],
)
def test_numbers_in_code_are_not_all_numbers_of_lines(page: str, expected: str) -> None:
    assert written(page) == expected


def test_code_in_a_line() -> None:
    plain, markdown = both("<p>call <code>f(x)</code>, <code>a`b</code> and <b>not <code>g</code></b>.")
    assert plain == "call f(x), a`b and not g."
    assert markdown == "call `f(x)`, `` a`b `` and **not** `g`."
    assert written("<p><code>a<span>b</span>c</code>d", markdown=True) == "`abc`d"


def test_code_in_lists_and_cells() -> None:
    page = "<ul><li>a<pre>b\n c</pre><li>d</ul><table><tr><td><pre>e</pre><td>f<tr><td>g<td>h</table>"
    assert written(page) == "- a\n  b\n   c\n- d\n\ne\tf\ng\th"
    assert written(page, markdown=True).startswith("- a\n\n  ```\n  b\n   c\n  ```\n- d\n\n| e | f |")


def test_quotations_and_terms() -> None:
    page = "<blockquote><p>a<br>b<blockquote>c</blockquote></blockquote><dl><dt>d<dd>e<dt>f</dl>"
    assert written(page) == "a\nb\n\nc\n\nd\ne\nf"
    assert written(page, markdown=True) == "> a\\\n> b\n\n> > c\n\nd\n\ne\n\nf"


def test_figures_and_formulas_stay() -> None:
    page = (
        "<figure><img alt=x><figcaption>a</figcaption></figure><p>$$\\frac{a}{b}$$"
        "<table><tr><td>x<td>a<br><span>$$b$$</span><br>c</table>"
    )
    assert written(page) == "a\n\n$$\\frac{a}{b}$$\n\nx\ta $$b$$ c"


@pytest.mark.parametrize(
    "text",
    ["# a", "- a", "+ a", "* a", "1. a", "12) a", "> a", ">a", "``` a", "~~~", "[a]: b", "a [b](c) d",
     "#a", "-a", "1.a", "a_b * c_d", "![a](b)", "&amp;lt; a", "&lt;b&gt; a &lt;/b&gt;", "&lt;!-- a --&gt;",
     "&lt;a@b.c&gt;", "&amp;#65; a", "&lt;?a?&gt;", "12345678901. a"],
)  # fmt: skip
def test_text_that_looks_like_markdown_stays_text(text: str) -> None:
    plain, markdown = both(f"<p>{text}<p>end")
    tokens = [t.type for t in MarkdownIt("commonmark").parse(markdown)]
    assert tokens == ["paragraph_open", "inline", "paragraph_close"] * 2
    assert said(markdown) == WORD.findall(plain)


def test_references_nobody_can_read() -> None:
    assert (
        written("a &#" + "1" * 5000 + "; b &#x41; &#65 &#99999999; &nope;") == "a \ufffd b A A \ufffd &nope;"
    )
    assert "\0" not in written(b"a\0b")
    assert written(b"a \xff b") == "a \ufffd b"


def test_nothing_kept_nothing_written() -> None:
    assert written("<p>a", keep=[]) == written("") == written("<p> ") == written("", markdown=True) == ""


def said(markdown: str) -> list[str]:
    """The words of a Markdown text as it is rendered."""
    words: list[str] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type in ("fence", "code_block"):
            words += WORD.findall(token.content)
        elif token.type == "inline":
            parts = [
                c.content if c.content else "\n" if c.type.endswith("break") else ""
                for c in token.children or []
            ]
            words += WORD.findall("".join(parts))
    return words


def agreement(page: bytes) -> tuple[float, float]:
    """(of the blocks' words the share in the plain text, of the plain text's the share in the Markdown)."""
    tree = parse(page)
    blocks = measure(tree, NOTHING)
    keep = np.ones(tree.n_blocks, np.bool_)
    plain = WORD.findall(render(tree, blocks, keep))
    marked = said(render(tree, blocks, keep, markdown=True))
    whole = [w for text in block_texts(tree) for w in WORD.findall(text)]
    # Numbers of lines and of items come and go.
    a, b, c = ([w for w in words if not w.isdigit()] for words in (whole, plain, marked))
    found = ((Counter(a) & Counter(b)).total() + 1) / (len(a) + 1)
    return found, (2 * LCSseq.similarity(b, c) + 1) / (len(b) + len(c) + 1)


@pytest.mark.data
@pytest.mark.parametrize("name", ["wcxb", "webkit_math_code_table_gold", "defuddle_fixtures"])
def test_real_pages_lose_no_words(name: str, shared_data: Path) -> None:
    records = itertools.islice(read_records(shared_data / "extraction" / f"{name}.jsonl.zst"), 20)
    found = np.array(
        [agreement(r["html"].encode()) for r in records if "html" in r and len(r["html"]) < 300_000]
    )
    assert len(found) >= 10
    assert found.min() >= 0.8  # a number glued to a line of code makes another word of it
    assert (found.mean(0) >= 0.985).all()


@given(st.lists(st.text(st.sampled_from("ab `~#\t"), max_size=8), min_size=1, max_size=5))
def test_code_survives_markdown(code: list[str]) -> None:
    text = "\n".join(["x", *[line.rstrip() for line in code], "x"])
    markdown = written(f"<p>a<pre>{text}</pre><p>b", markdown=True)
    fences = [t.content for t in MarkdownIt("commonmark").parse(markdown) if t.type == "fence"]
    assert fences == [text + "\n"]


@given(soup.anything, st.integers(0, 2**32))
def test_any_bytes_are_written(page: bytes, seed: int) -> None:
    tree = parse(page)
    blocks = measure(tree, NOTHING)
    keep = np.random.default_rng(seed).random(tree.n_blocks) < 0.6
    words = Counter(
        w
        for text, k in zip(block_texts(tree), keep, strict=True)
        if k
        for w in re.findall(r"[a-z]+", text.lower())
    )
    plain = render(tree, blocks, keep)
    assert plain == render(tree, blocks, keep)
    plain.encode()
    assert "\0" not in plain + render(tree, blocks, keep, markdown=True)
    assert plain == plain.strip("\n")
    assert set(re.findall(r"[a-z]+", plain.lower())) <= set(words)
