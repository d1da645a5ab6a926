"""What blocks hold, counted by hand, and sums that have to come out."""

from __future__ import annotations

import html

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.auto import blocks as module
from stages.extract.auto.blocks import BLOCK_ROW, N_COUNTS, Blocks, measure, next_char
from stages.extract.auto.labels import WORD, block_texts
from stages.extract.auto.names import TAGS
from stages.extract.auto.tree import parse
from stages.extract.auto.vocabulary import NOTHING, hash_word, table
from tests.stages.extract.auto import soup

COLUMNS = {name.lower(): getattr(module, name) for name in vars(module) if name.startswith("N_")}


def counted(page: str, block: int = 0) -> dict[str, int]:
    """What is counted in a block, zeros left out."""
    row = measure(parse(page.encode()), NOTHING).counts[block].tolist()
    return {name: row[k] for name, k in COLUMNS.items() if k < N_COUNTS and row[k]}


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>Water boils.", {"n_words": 2, "n_chars": 11, "n_upper_words": 1, "n_stops": 1}),
        ("<p>a, b; (c)", {"n_words": 3, "n_chars": 7, "n_commas": 1, "n_marks": 3}),
        ("<p>in 1999 it", {"n_words": 3, "n_chars": 8, "n_digits": 4}),
        ("<p><b>wa</b>ter b<i>oil</i>s", {"n_words": 2, "n_chars": 10, "n_strong_words": 1}),
        ("<p>漢字 かな。", {"n_words": 4, "n_chars": 5, "n_stops": 1}),
        ("<p>x&nbsp;y&amp;z", {"n_words": 3, "n_chars": 4, "n_marks": 1}),
        ("<p>a<br>b", {"n_words": 2, "n_chars": 2, "n_breaks": 1}),
        ("<p><a href=/>to the </a>end", {"n_words": 3, "n_chars": 8, "n_link_words": 2, "n_links": 1}),
        ("<p><a href=/>a</a><a href=/>b</a>", {"n_words": 1, "n_chars": 2, "n_link_words": 1, "n_links": 2}),
        ("<p><a name=x>a</a>", {"n_words": 1, "n_chars": 1}),
        ("<p>a <b>b c</b>", {"n_words": 3, "n_chars": 3, "n_strong_words": 2}),
        ("<h2>a b", {"n_words": 2, "n_chars": 2, "n_strong_words": 2}),
        ("<title>On Tea</title><p>tea or on", {"n_words": 3, "n_chars": 7, "n_title_words": 2}),
        ("<p>ÉCOLE Élan", {"n_words": 2, "n_chars": 9, "n_upper_words": 2}),
        ("<p>!?", {"n_chars": 2, "n_stops": 2}),
        ("<p>" + "w " * 12, {"n_words": 12, "n_chars": 12, "n_long": 1}),
    ],
)
def test_counts_of_one_block(page: str, expected: dict[str, int]) -> None:
    expected = {"n_blocks": 1} | expected
    assert counted(page) == expected


def test_a_word_is_not_counted_for_the_link_behind_it() -> None:
    assert counted("<p>one <a href=/>two</a> three")["n_link_words"] == 1
    assert counted("<p>one<a href=/> two</a>")["n_link_words"] == 1


def test_title_words_are_those_of_the_block_not_of_the_title() -> None:
    page = "<title>a b c</title><p>c d c<p>e"
    assert counted(page)["n_title_words"] == 2
    assert "n_title_words" not in counted(page, 1)
    long = "<title>" + " ".join(f"w{i}" for i in range(5000)) + "</title><p>w0 w4999"
    assert counted(long)["n_title_words"] == 1


def test_scores_are_those_of_the_words_that_are_known() -> None:
    words = table({hash_word("menu"): -2.0, hash_word("été"): 1.0, hash_word("漢"): 0.5})
    rows = measure(parse("<p>Menu x ÉTÉ<p>x menu<p>y<p>漢字".encode()), words).rows
    assert rows["score"].tolist() == [-0.5, -2.0, 0.0, 0.5]
    assert rows["first_score"].tolist() == [-2.0, 0.0, 0.0, 0.5]
    assert rows["low_score"].tolist() == [-2.0, -2.0, 0.0, 0.0]


def test_equal_words_have_equal_hashes() -> None:
    rows = measure(parse(b"<p>one two<p><b>One</b>, two!<p>two one<p>onetwo"), NOTHING).rows
    assert len(set(rows["hash"].tolist())) == 3
    assert rows["hash"][0] == rows["hash"][1]


def test_a_block_is_in_the_innermost_block_level_element() -> None:
    tree = parse(b"<div>a<p><b><i>b</i></b><li><a href=/>c</a><table><tr><td><span>d")
    rows = measure(tree, NOTHING).rows
    assert [TAGS[tree.elements[e]["tag"]] for e in rows["element"]] == ["div", "p", "li", "td"]


def test_first_and_last_characters() -> None:
    rows = measure(parse("<p> \u2022 wide: <p>é".encode()), NOTHING).rows
    assert [chr(c) for c in rows["first_char"]] == ["\u2022", "é"]
    assert [chr(c) for c in rows["last_char"]] == [":", "é"]


def test_sums_of_elements() -> None:
    tree = parse(b"<div><p>a b<p>c</div><div><ul><li>d<li>e f g</ul></div>")
    found = measure(tree, NOTHING)
    names = [TAGS[t] for t in tree.elements["tag"]]
    assert names == ["?", "div", "p", "p", "div", "ul", "li", "li"]
    assert found.sums[:, module.N_WORDS].tolist() == [7, 3, 2, 1, 4, 4, 1, 3]
    assert found.sums[:, module.N_BLOCKS].tolist() == [4, 2, 1, 1, 2, 2, 1, 1]
    spans = [[0, 4], [0, 2], [0, 1], [1, 2], [2, 4], [2, 4], [2, 3], [3, 4]]
    assert found.spans.tolist() == spans


def check(blocks: Blocks, n_runs: int) -> None:
    rows, counts = blocks.rows, blocks.counts
    assert (counts >= 0).all()
    assert (counts.sum(0) == blocks.sums[0]).all()
    assert (blocks.sums <= blocks.sums[0]).all()
    smaller = [("n_link_words", "n_words"), ("n_strong_words", "n_words"), ("n_upper_words", "n_words"),
               ("n_title_words", "n_words"), ("n_digits", "n_chars"), ("n_words", "n_chars")]  # fmt: skip
    for part, whole in smaller:
        assert (counts[:, COLUMNS[part]] <= counts[:, COLUMNS[whole]]).all(), part
    assert (rows["first_run"] < rows["stop_run"]).all()
    assert (rows["first_run"][1:] >= rows["stop_run"][:-1]).all()
    assert not len(rows) or rows["stop_run"][-1] <= n_runs
    assert np.isfinite([rows["score"], rows["first_score"], rows["low_score"]]).all()


@given(soup.anything)
def test_sums_come_out_for_any_bytes(page: bytes) -> None:
    tree = parse(page)
    found = measure(tree, NOTHING)
    assert found.rows.dtype == BLOCK_ROW
    check(found, len(tree.runs))


@given(soup.pages)
def test_words_are_about_those_of_a_regular_expression(page: str) -> None:
    tree = parse(page.encode())
    counts = measure(tree, NOTHING).counts
    for text, n in zip(block_texts(tree), counts[:, module.N_WORDS].tolist(), strict=True):
        kanji = sum(char in "漢字" for char in text)
        assert n == len(WORD.findall(text.replace("漢", " ").replace("字", " "))) + kanji
    assert len(counts) == len(list(block_texts(tree)))


@given(soup.pages, soup.pages)
def test_what_stands_beside_changes_no_counts(page: str, other: str) -> None:
    page = f"<body><main>{page}"  # no attribute left open may swallow what follows
    if any(mark in page for mark in ("'", "<!", "<p<", "</<", "<pre")):
        return
    own = measure(parse((page + "<p>end").encode()), NOTHING).counts
    both = measure(parse((page + "<p>end</p>" + "<p>x</p>" * 5 + other).encode()), NOTHING).counts
    assert len(both) >= len(own) or not len(own)
    columns = [k for k in range(N_COUNTS) if k != module.N_TITLE_WORDS]
    assert (both[: len(own), columns] == own[:, columns]).all()


@given(st.sampled_from(["&amp;", "&nbsp;", "&#8212;", "&eacute;", "&;", "&", "&a b;", "&averyverylongname;"]))
def test_a_reference_is_one_character(text: str) -> None:
    data = np.frombuffer(text.encode() + b"z", np.uint8)
    code, at = next_char(data, 0, len(data))
    if text in ("&", "&a b;", "&averyverylongname;"):
        assert (chr(code), at) == ("&", 1)
    else:
        assert at == len(text)
        assert chr(code).isspace() == (html.unescape(text) == "\xa0")
