"""Which blocks of a marked page are content."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.auto.labels import MarkedPage, aligned, block_texts, domain_of, marked_page
from stages.extract.auto.tree import parse

MENU = "home news tea about"
ONE = "the first kettle was made of copper and it was heavy"
TWO = "iron came later and with it the handle of wood"


def marked(record: dict[str, Any]) -> MarkedPage:
    """The page of a record as a source gives it: nested fields as JSON."""
    found = marked_page({"source": "some", **record, "gold": json.dumps(record.get("gold"))})
    assert found is not None
    return found


def labels(page: MarkedPage) -> list[float | None]:
    return [None if math.isnan(x) else round(float(x), 3) for x in page.labels]


def test_blocks_of_the_gold_text_are_content() -> None:
    html = f"<nav>{MENU}</nav><p>{ONE}<p>an ad in between<p>{TWO}<footer>{MENU}</footer>"
    record = {"id": "x", "url": "http://www.a.org/b", "page_type": "article", "html": html}
    page = marked(record | {"gold": {"main_content": f"{ONE}.\n{TWO.upper()}"}})
    assert labels(page) == [0, 1, 0, 1, 0]
    assert (page.domain, page.set, page.kind, page.id) == ("a.org", "some", "article", "x")
    assert page.words[1] == ONE.split()
    assert page.gold == f"{ONE}.\n{TWO.upper()}"


def test_pieces_mark_what_they_stand_in_and_nothing_else() -> None:
    html = f"<nav>{MENU}</nav><p>{ONE}<p>{TWO}"
    gold = {"with": ["Kettle was, made"], "without": ["NEWS tea", ""]}
    page = marked({"id": "x", "html": html, "gold": gold})
    assert labels(page) == [0, 1, None]
    assert page.gold is None


def test_a_page_may_come_with_its_content_as_markup() -> None:
    html = f"<nav>{MENU}</nav><p>{ONE}<p>{TWO}"
    page = marked({"id": "x", "html": html, "expected_html": f"<div><p>{TWO}</div>"})
    assert labels(page)[0] == 0
    assert labels(page)[2] == 1


def test_other_records_are_passed_over() -> None:
    for row in (
        {"gold": "{}"},
        {"gold": None, "expected_html": None},
        {},
        {"gold": '{"title": "a"}'},
        {"gold": "{"},
        {"gold": "3"},
    ):
        assert marked_page({"id": "x", "html": "<p>a", "source": "s"} | row) is None


def test_a_menu_does_not_take_the_words_of_the_text() -> None:
    text = "kettles for sale are in the window"
    menu = ["kettles", "pots", "sale", "help"]
    assert aligned([menu, text.split(), ["sale"], menu], text.split()).tolist() == [0, 1, 0, 0]


def test_of_two_copies_one_is_content() -> None:
    found = aligned([ONE.split(), TWO.split(), ONE.split()], ONE.split())
    assert sorted(found.tolist()) == [0, 0, 1]


def test_a_block_that_is_partly_content() -> None:
    found = aligned([[*ONE.split(), "share", "this"], ["share"]], ONE.split())
    assert found.tolist() == [pytest.approx(11 / 13), 0]


@given(
    st.lists(st.lists(st.sampled_from("abcde"), max_size=6), max_size=6),
    st.lists(st.sampled_from("abcdef"), max_size=12),
)
def test_labels_are_shares(blocks: list[list[str]], gold: list[str]) -> None:
    found = aligned(blocks, gold)
    assert len(found) == len(blocks)
    assert ((found >= 0) & (found <= 1)).all()
    total = sum(share * max(len(words), 1) for share, words in zip(found, blocks, strict=True))
    assert total <= len(gold) + 1e-9


@given(st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=6), min_size=1, max_size=6))
def test_a_page_that_is_all_content(blocks: list[list[str]]) -> None:
    assert aligned(blocks, [word for words in blocks for word in words]).tolist() == [1.0] * len(blocks)


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.example.org/a", "example.org"),
        ("http://a.b.example.org:80/", "example.org"),
        ("https://news.bbc.co.uk/x", "bbc.co.uk"),
        ("https://example.org", "example.org"),
        ("no url", "traf-name.of"),
        ("http://localhost/", "traf-name.of"),
    ],
)
def test_the_site_of_a_page(url: str, domain: str) -> None:
    assert domain_of(url, "traf-name.of/the page.html") == domain


def test_texts_of_blocks() -> None:
    tree = parse(b"<p>a <b>b</b>&amp;c<br>d<p>\xff<p> ")
    assert block_texts(tree) == ["a b&c\nd", "\ufffd"]
