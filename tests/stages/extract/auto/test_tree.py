"""The tree of a page, against that of a conforming parser and against what must hold for any bytes."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from rapidfuzz.distance import LCSseq
from selectolax.lexbor import LexborHTMLParser

from stages.extract.auto.labels import read_records
from stages.extract.auto.names import KIND, RAW, SKIP, TAG, TAGS
from stages.extract.auto.stack import MAX_DEPTH
from stages.extract.auto.tree import MAX_BLOCKS, MAX_RUNS, Tree, parse
from tests.stages.extract.auto import soup

WORD = re.compile(r"\w+")
IMPLIED = {"html", "body", "head", "tbody", "tr", "colgroup", "-document"}
"""A conforming parser puts these in where no tag stands."""
UNSEEN = {name for name in TAGS[1:] if KIND[TAG[name]] & (SKIP | RAW)} | {"plaintext"}
Text = tuple[tuple[str, ...], tuple[str, ...]]
"""The words of a run of text, and the names of the elements around it, innermost first."""


def names_above(tree: Tree, element: int) -> list[str]:
    found: list[str] = []
    while element > 0:
        found.append(TAGS[tree.elements[element]["tag"]])
        element = int(tree.elements[element]["parent"])
    return found


def text_of(tree: Tree, start: int, stop: int) -> str:
    return html.unescape(tree.html[start:stop].tobytes().decode("utf-8", "replace"))


def ours(page: str) -> list[Text]:
    tree = parse(page.encode())
    found = []
    for element, start, stop, _, _ in tree.runs.tolist():
        if words := WORD.findall(text_of(tree, start, stop).lower()):
            chain = (name for name in names_above(tree, element) if name not in IMPLIED)
            found.append((tuple(words), tuple(chain)))
    return found


def theirs(page: str) -> list[Text]:
    found = []
    root = LexborHTMLParser(page).root
    assert root is not None
    for node in root.traverse(include_text=True):
        if node.tag != "-text" or not (words := WORD.findall((node.text_content or "").lower())):
            continue
        chain, parent = [], node.parent
        while parent is not None:
            chain.append(str(parent.tag))
            parent = parent.parent
        if not UNSEEN & set(chain):
            chain = [name if name in TAG else "?" for name in chain if name not in IMPLIED]
            found.append((tuple(words), tuple(chain)))
    return found


def agreement(page: str) -> tuple[float, float]:
    """(share of the words that are the same, in order; share of the texts with the same elements around)."""
    a, b = ours(page), theirs(page)
    words = [[word for words, _ in texts for word in words] for texts in (a, b)]
    same = alike = 0
    for step in LCSseq.opcodes([text for text, _ in a], [text for text, _ in b]):
        if step.tag == "equal":
            pairs = zip(a[step.src_start : step.src_end], b[step.dest_start : step.dest_end], strict=True)
            chains = [(x[1], y[1]) for x, y in pairs]
            same += len(chains)
            alike += sum(x == y for x, y in chains)
    both = 2 * LCSseq.similarity(*words) / max(1, sum(map(len, words)))
    return both, alike / max(same, 1)


@pytest.mark.data
@pytest.mark.parametrize("name", ["wcxb", "trafilatura_eval", "defuddle_fixtures"])
def test_real_pages_read_as_with_a_conforming_parser(name: str, shared_data: Path) -> None:
    records = read_records(shared_data / "extraction" / f"{name}.jsonl.zst")
    pages = [r["html"] for r in itertools.islice(records, 40) if "html" in r]
    found = [agreement(page) for page in pages if theirs(page)]
    assert len(found) >= 20
    words, chains = np.array(found).T
    assert words.min() >= 0.999
    assert chains.mean() >= 0.85
    assert np.median(chains) >= 0.99


def outline(page: str) -> str:
    """Blocks between `|`, each text with the names of the elements around it."""
    tree = parse(page.encode())
    blocks: dict[int, list[str]] = {}
    for element, start, stop, block, _ in tree.runs.tolist():
        if block < tree.n_blocks:
            text = text_of(tree, start, stop).strip() if stop > start else "/"
            path = ".".join(reversed(names_above(tree, element)))
            blocks.setdefault(block, []).append(f"{path}:{text}" if text not in ("", "/") else text)
    return " | ".join(" ".join(filter(None, texts)) for texts in blocks.values())


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("", ""),
        ("text", ":text"),
        ("<p>a<p>b", "p:a | p:b"),
        ("<p>a</p>b</i>c", "p:a | :b :c"),
        ("<P>a</p >b", "p:a | :b"),
        ("<p>a<div>b</div>c", "p:a | div:b | :c"),
        ("<div>a<p>b</div>c", "div:a | div.p:b | :c"),
        ("<ul><li>a<li>b<ul><li>c</ul>d</ul>e", "ul.li:a | ul.li:b | ul.li.ul.li:c | ul.li:d | :e"),
        ("<li>a<div>b<li>c", "li:a | li.div:b | li:c"),
        ("<dl><dt>a<dd>b<dt>c</dl>", "dl.dt:a | dl.dd:b | dl.dt:c"),
        ("<dl><dd>a<dl><dt>b</dl>c</dl>", "dl.dd:a | dl.dd.dl.dt:b | dl.dd:c"),
        ("<datalist><option>a</datalist>b", ":b"),
        ("<table><tr><td>a<td>b<tr><th>c</table>d", "table.tr.td:a | table.tr.td:b | table.tr.th:c | :d"),
        ("<table><tbody><tr><td>a<tbody><tr><td>b", "table.tbody.tr.td:a | table.tbody.tr.td:b"),
        (
            "<table><tr><td>a<table><tr><td>b</table>c<td>d</table>",
            "table.tr.td:a | table.tr.td.table.tr.td:b | table.tr.td:c | table.tr.td:d",
        ),
        ("<table><tr><td><p>a</td></tr></table></p>b", "table.tr.td.p:a | :b"),
        ("<table><tr><td></div>a</table>", "table.tr.td:a"),
        ("<b>a<i>b</b>c</i>d", "b:a b.i:b :c :d"),
        ("<a href=x>a<a href=y>b</a>c", "a:a a:b :c"),
        ("<button>a<button>b", "button:a button:b"),
        ("<p>a<button><p>b</p></button>c", "p:a | p.button.p:b | p:c"),
        ("a<br>b<br>c", ":a / :b / :c"),
        ("a<br><br>b", ":a / / | :b"),
        ("a<br>\n<br />\nb", ":a / / | :b"),
        ("<br><br>a", ":a"),
        ("<p>a</br>b", "p:a p:b"),
        ("<img src=x>a<hr>b<input>c<wbr>d", ":a | :b :c :d"),
        ("<div/>a<span/>b", "div:a div.span:b"),
        ("<title>a<b></title>b", ":b"),
        ("<script>a</p><!--</script>b", ":b"),
        ("<style>a</style>b<textarea>c<p>d</textarea>e<xmp>f</xmp>g", ":b :e :g"),
        ("<select><option>a</select>b<svg><text>c</text></svg>d<template><p>e</template>f", ":b :d | :f"),
        ("<noscript><p>a</noscript>b", "noscript.p:a | :b"),
        ("<iframe>a</iframe>b<object>c</object>d", ":b :d"),
        ("a<!-- b -->c<![CDATA[d]]>e<?f?>g", ":a :c :e :g"),
        ("a < b <3 c", ":a < b <3 c"),
        ("a <", ":a <"),
        ("<p title='a>b' class=c>d", "p:d"),
        ("<body><p>a</body>b</html>c", "body.p:a body.p:b body.p:c"),
        ("<head><title>x</title><body>b", "body:b"),
        ("<div><span>a</div>b", "div.span:a | :b"),
        ("<pre>a\n<b>b</b>\n\n<div>c</div></pre>d", "pre:a pre.b:b pre.div:c | :d"),
        ("a&nbsp;b&lt;c", ":a\xa0b<c"),
    ],
)  # fmt: skip
def test_small_pages(page: str, expected: str) -> None:
    assert outline(page) == expected


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>a</p>b</p>c", "p:a | :b | :c"),  # an end tag without its start tag is an empty paragraph
        ("<ol><li><p>a<li>b</ol>", "ol.li.p:a | ol.li:b"),
        ("<dl><dd><p>a<dt>b</dl>", "dl.dd.p:a | dl.dt:b"),
        ("<head><title>x</title><p>a", "p:a"),  # what cannot be in the head ends it
        ("<div><x-y>a</x-y>b</div>", "div.?:a div:b"),
        ("<h1>a<h2>b", "h1:a | h2:b"),
        ("<span>a<div>b</span>c</div>", "span:a | span.div:b span.div:c"),
        ("<ul><li>a<section>b<li>c", "ul.li:a | ul.li.section:b | ul.li.section.li:c"),
    ],
)
def test_what_a_plainer_tree_builder_gets_wrong(page: str, expected: str) -> None:
    assert outline(page) == expected


def test_a_link_goes_on_over_blocks_in_it() -> None:
    tree = parse(b"<a href=x>a<div>b</div>c</a>d<a name=y>e</a><a href=z>f<div></a>g</div>h")
    links = {text_of(tree, run["start"], run["stop"]): int(run["link"]) for run in tree.runs}
    assert links == {"a": 1, "b": 1, "c": 1, "d": 0, "e": 0, "f": 4, "g": 0, "h": 0}


def test_what_start_tags_say() -> None:
    tree = parse(
        b"<div class='a b' id=c role=d><p hidden>x<p style='color:red;Display : None'>y"
        b"<p aria-hidden=true>z<p aria-hidden=false style='display:block'>w<p itemprop=articleBody>v"
    )
    values = [
        tree.html[e["class_start"] : e["class_stop"]].tobytes()
        + b"|" + tree.html[e["id_start"] : e["id_stop"]].tobytes()
        + b"|" + tree.html[e["role_start"] : e["role_stop"]].tobytes()
        for e in tree.elements
    ]  # fmt: skip
    assert values == [b"||", b"a b|c|d"] + [b"||"] * 5
    assert tree.elements["hidden"].tolist() == [0, 0, 1, 1, 1, 0, 0]
    assert tree.elements["itemprop"].tolist() == [0, 0, 0, 0, 0, 0, 1]


def test_the_first_title_counts() -> None:
    tree = parse(b"<svg><title>no</title></svg><title>yes</title>")
    assert tree.html[slice(*tree.title)].tobytes() == b"no"  # what stands first, wherever
    assert parse(b"<p>x").title == (0, 0)


def test_what_a_page_calls_itself() -> None:
    assert parse(b"<p>x").kinds.tolist() == [0, 0, 0]
    page = (
        b"<meta property=og:type content=article><meta property='og:image' content=product>"
        b'<script type="application/ld+json">{"@type" : ["Product", "x"], "b": {"@type":"QAPage"}}</script>'
        b"<div itemscope itemtype='https://schema.org/Recipe'>"
    )
    assert parse(page).kinds.tolist() == [1 << 0, 1 << 1 | 1 << 2, 1 << 6]


@pytest.mark.parametrize("unit", ["<div>", "<b>", "<ul><li>", "<table><tr><td>", "<a href=x>", "<x-y>"])
def test_no_tree_is_deeper_than_allowed(unit: str) -> None:
    tree = parse((unit * 3 * MAX_DEPTH + "deep").encode())
    assert tree.elements["depth"].max() <= MAX_DEPTH + 1
    assert text_of(tree, *tree.runs[-1][["start", "stop"]].tolist()) == "deep"


def test_what_is_too_deep_ends_like_the_rest() -> None:
    n = MAX_DEPTH + 100
    tree = parse((("<div>" * n) + "deep" + "</div>" * n + "<p>flat").encode())
    assert tree.elements[tree.runs[-1]["element"]]["depth"] == 1
    assert tree.n_blocks == 2


def test_a_page_of_no_end_is_cut() -> None:
    assert parse(b"<p>a" * (MAX_BLOCKS + 10)).n_blocks <= MAX_BLOCKS + 1
    assert len(parse(b"a<i>" * (MAX_RUNS + 10)).runs) <= MAX_RUNS + 1


def above(tree: Tree, element: int) -> Iterator[int]:
    while element >= 0:
        yield element
        element = int(tree.elements[element]["parent"])


@given(soup.anything)
def test_any_bytes_make_a_tree(page: bytes) -> None:
    tree = parse(page)
    elements, runs = tree.elements, tree.runs
    parents = elements["parent"]
    assert (parents[0], elements[0]["stop"]) == (-1, len(page))
    assert (parents[1:] < np.arange(1, len(elements))).all()
    assert (elements["depth"][1:] == elements["depth"][parents[1:]] + 1).all()
    assert (elements["start"] <= elements["stop"]).all()
    assert (elements["stop"] <= len(page)).all()
    assert (np.diff(elements["start"]) >= 0).all()
    assert (runs["start"] <= runs["stop"]).all()
    assert (runs["start"][1:] >= runs["stop"][:-1]).all()
    assert not len(runs) or runs["stop"][-1] <= len(page)
    for run in runs:
        assert all(e == 0 or elements[e]["start"] <= run["start"] for e in above(tree, int(run["element"])))
        link = int(run["link"])
        assert link == 0 or elements[link]["is_link"]


@given(soup.anything)
def test_blocks_are_numbered_without_gaps(page: bytes) -> None:
    tree = parse(page)
    spaces = b" \t\n\f\r"
    spoken = [int(r["block"]) for r in tree.runs if tree.html[r["start"] : r["stop"]].tobytes().strip(spaces)]
    assert list(dict.fromkeys(spoken)) == list(range(tree.n_blocks))
    assert (np.diff(tree.runs["block"]) >= 0).all()
