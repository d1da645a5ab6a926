"""The estimate of a tree's cost, against the trees that a conforming parser builds."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from resiliparse.parse.html import HTMLTree, traverse_dom

from stages.extract.html import MAX_WORK
from stages.extract.nesting import tree_work

ELEMENTS = """
div p span b i a li ul ol dd dt dl table tr td th tbody caption form button object font h1 section option
ruby rt br img hr em template marquee address pre nobr script style title textarea noscript x-y input
"""
NAMES = ELEMENTS.split()
ANY = 1 << 40


def work(html: str, budget: int = ANY) -> int:
    return tree_work(html.encode(), budget)


def sum_of_depths(html: str) -> int:
    """Over all nodes of the tree that a parser makes of the page."""
    depths: list[int] = []
    traverse_dom(HTMLTree.parse(html).document, lambda context: depths.append(context.depth))
    return sum(depths)


start = st.sampled_from(NAMES).map("<{}>".format)
distinct = st.sampled_from(NAMES).map("<{} id=#>".format)
end = st.sampled_from(NAMES).map("</{}>".format)
unit = st.lists(start | start | distinct | end | end | st.just("x"), min_size=1, max_size=12).map("".join)


@given(unit, st.sampled_from([1, 7, 40]))
def test_no_tree_costs_much_more_than_estimated(unit: str, times: int) -> None:
    page = "".join(unit.replace("#", str(i)) for i in range(times))
    # A factor of eight for rows, cells and bodies, which are in the tree and not counted.
    assert sum_of_depths(page) <= 8 * (work(page) + 10 * page.count("<") + 10)


@pytest.mark.parametrize(
    "unit",
    [
        "<div>",
        "<li><dd>",
        "<table><tr><td>",
        "<form><div></form>",
        "<span><p></span></p>",
        "<div><object></div>",
        "<b id=#><div></div>",
        "<div><select></div></select>",
        "<noscript><dl></noscript></dl>",
        "<span><p><button><p></p></button></span></p>",
        "<p><b id=#><i id=#>x</p>",
    ],
)
def test_what_a_parser_leaves_open_is_counted(unit: str) -> None:
    def page(times: int) -> str:
        return "".join(unit.replace("#", str(i)) for i in range(times))

    grows = sum_of_depths(page(80)) / sum_of_depths(page(20))
    assert grows > 10  # sixteen times, where each repetition nests deeper
    assert work(page(80)) > 10 * work(page(20))


@pytest.mark.parametrize(
    "unit",
    [
        "<p>one",
        "<li>one",
        "<dt>a<dd>b",
        "<a name=x>text",
        "<br><img src=x><hr><input>",
        "<option>one",
        "<table><tr><td>one<td>two<tr><td>three</table>",
        "<div><span>never closed</span></div>",
        "<b><i>well</i></b>",
        "<!-- <div> --><script>'<div>'</script><style><div></style>",
        "<svg><path d=''/><path/></svg>",
        "<a title='<div>' href=\"<div>\">x</a>",
    ],
)
def test_flat_markup_stays_cheap(unit: str) -> None:
    assert work(unit * 4000) < 100 * 4000 * unit.count("<")


def test_each_tag_costs_what_is_open() -> None:
    assert work("<div><p>x</p></div>") == (1 + 1) + (1 + 2) + (1 + 1) + 1
    assert work("<DIV><P>x</p></div >") == work("<div><p>x</p></div>")
    assert work("<b>x</b>") == (1 + 1 + 16) + 1
    assert work("") == work("text") == work("a < b") == work("<") == work("</") == work("<!") == 0


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- {} -->",
        "<!--{}--!>",
        "<script>{}</script>",
        "<SCRIPT x>{}</Script >",
        "<textarea>{}</textarea>",
        "<!-- {}",
        "<style>{}",
        "<plaintext>{}",
    ],
)
def test_text_that_looks_like_tags(hidden: str) -> None:
    assert work(hidden.format("<div>" * 1000)) < 10


@pytest.mark.parametrize(
    "empty", ["<!-->", "<!--->", "<?php>", "<!DOCTYPE html>", "</>", "</ >", "<![CDATA[>"]
)
def test_declarations_end_where_parsers_end_them(empty: str) -> None:
    assert work(empty + "<div>" * 10) == work("<div>" * 10)


@pytest.mark.parametrize(
    ("attributes", "n"),
    [
        (" a b c", 3),
        (" a=1 b='x y' c=\"z > w\"", 3),
        (" a=b=c d", 2),
        (" a =b", 1),
        ("/a/b/", 2),
        (" a = 'x'b", 2),
        ("\na\tb\r\nc\f", 3),
        (" href=//a/b/c", 1),
    ],
)
def test_attributes_are_counted_as_a_tokenizer_would(attributes: str, n: int) -> None:
    assert work(f"<div{attributes * 100}>") == 2 + (100 * n) ** 2 // 64


def test_attributes_of_one_tag_cost_their_square() -> None:
    assert work("<div " + "a " * 26_000 + ">", MAX_WORK) > MAX_WORK
    assert work("<div " + "a " * 1_000 + ">", MAX_WORK) < MAX_WORK


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000 + "</div>" * 100_000,
        "<b>" * 100_000,
        "<ul><li>" * 100_000,
        "".join(f"<b id={i}>" for i in range(2000)) + "<p>x" * 100_000,
        "<table><tr><td>" * 50_000,
    ],
)
def test_bombs_are_found_at_once(page: str) -> None:
    assert MAX_WORK < work(page, MAX_WORK) < MAX_WORK + 1_000_000


def pages(folder: Path) -> Iterator[str]:
    for name in ("readability_testpages", "math_code_pages_nogold", "webkit_math_code_table_gold"):
        with (folder / "extraction" / f"{name}.jsonl.zst").open("rb") as file:
            packed = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file)
            for line in io.TextIOWrapper(packed, encoding="utf-8"):
                record = json.loads(line)
                if "html" in record:
                    yield record["html"]


@pytest.mark.data
def test_real_pages_are_far_from_the_limit(shared_data: Path) -> None:
    costs = [work(page) for page in pages(shared_data)]
    assert len(costs) > 150
    assert max(costs) < MAX_WORK / 3
    assert sorted(costs)[len(costs) * 95 // 100] < MAX_WORK / 50
