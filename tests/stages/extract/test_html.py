"""Pages to text: what is found, what is refused, and that nothing makes it wait."""

from __future__ import annotations

import io
import json
import pickle
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.schema import HTML, ID, TEXT
from stages.extract.html import TITLE, ExtractHtml

ENGINES = ("auto", "resiliparse", "trafilatura")
ARTICLE = (
    "<html><head><title> On \n\t kettles &amp; tea </title></head><body>"
    "<nav><a href='/'>Home</a></nav><article>"
    + "".join(
        f"<p>Kettle {i} was made of copper, and all who lifted number {i} said that it was heavy.</p>"
        for i in range(5)
    )
    + "</article><footer>Copyright nobody</footer></body></html>"
)
TEASERS = (
    "<html><body><main><p>Short.</p></main><div class='sidebar nav'>"
    + "<p>A long paragraph which the fast engine takes for the side bar, though it is all there is.</p>" * 30
    + "</div></body></html>"
)


def extract(pages: list[str | None], **settings: Any) -> list[tuple[str | None, str | None]]:
    out = ExtractHtml(**settings).process(pa.record_batch([pages], schema=pa.schema([HTML])))
    assert out.schema.equals(pa.schema([TEXT, TITLE]))
    return list(zip(out.column("text").to_pylist(), out.column("title").to_pylist(), strict=True))


def text_of(page: str, **settings: Any) -> str | None:
    return extract([page], **settings)[0][0]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_article(engine: str) -> None:
    ((text, title),) = extract([ARTICLE], engine=engine)
    assert title == "On kettles & tea"
    assert text is not None
    assert all(f"Kettle {i} was made of copper" in text for i in range(5))
    assert "Home" not in text
    assert "Copyright" not in text


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_found(engine: str) -> None:
    pages = [None, "", " \n ", "<html><body><script>x</script></body></html>", "<!-- only a comment -->"]
    assert extract(pages, engine=engine) == [(None, None)] * len(pages)
    assert extract([], engine=engine) == []


def test_a_title_without_text() -> None:
    assert extract(["<title>A title</title>"]) == [(None, "A title")]
    assert extract(["<title> </title><p>text</p>"]) == [("text", None)]


def test_auto_asks_the_careful_engine_where_little_was_found() -> None:
    fast, careful, auto = (text_of(TEASERS, engine=e) for e in ("resiliparse", "trafilatura", "auto"))
    assert fast is not None
    assert careful is not None
    assert len(fast) < len(careful) / 10
    assert auto == careful


def test_auto_keeps_the_fast_text_of_an_article() -> None:
    assert (
        text_of(ARTICLE) == text_of(ARTICLE, engine="resiliparse") != text_of(ARTICLE, engine="trafilatura")
    )


def test_code_and_tables() -> None:
    code = "for a in b:\n    if a:\n        print( a )\n\nelse:\n\tpass"
    page = f"<article><p>Some words before the code stand here.</p><pre><code>{code}</code></pre></article>"
    assert code in (text_of(page) or "")
    rows = "<table><tr><td>a</td><td>1</td></tr><tr><td>b</td><td>2</td></tr></table>"
    lines = (text_of(f"<article><p>A table of two rows follows.</p>{rows}</article>") or "").split("\n")
    assert [line.split() for line in lines[-3:] if line] == [["a", "1"], ["b", "2"]]


def test_long_pages_are_cut_at_a_character() -> None:
    page = "<p>" + "é" * 100
    assert text_of(page, max_html_bytes=3 + 2 * 10) == "é" * 10
    assert text_of(page, max_html_bytes=3 + 2 * 10 + 1) == "é" * 10
    assert text_of(page, max_html_bytes=1) is None or text_of(page, max_html_bytes=1) == "<"


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000 + "deep" + "</div>" * 100_000,
        "<b>" * 100_000 + "bold",
        "<ul><li>" * 100_000 + "item",
        "<table><tr><td>" * 50_000 + "cell",
        "<div " + " ".join(f"a{i}" for i in range(100_000)) + ">attributes</div>",
        "".join(f"<b id={i}>" for i in range(3000)) + "<p>x" * 100_000,
    ],
)
def test_bombs_are_refused(page: str) -> None:
    assert extract([page]) == [(None, None)]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<" + "a" * 50_000_000, None),
        ("<p>" + "&amp;" * 900_000, "&" * 900_000),
        ("<p>" + "&nosuch;" * 100_000, "&nosuch;" * 100_000),
        ("<p>a\x00b\x00</p>", "ab"),
        ("<p>" + "\x00" * 1_000_000, None),
        ("<p>before</p><!-- " + "never closed " * 100_000, "before"),
        ("<p>before</p>" + "<!-- " * 300_000, "before"),
        ("<p>before</p><script>" + "<div>" * 300_000, "before"),
        ("<p>" + "word " * 900_000, "word " * 899_999 + "word"),
        ("<p>a" + " " * 4_000_000 + "b", "a b"),
        ("<div>" * 300 + "deep" + "</div>" * 300, "deep"),
    ],
)
def test_large_and_odd_pages_have_a_defined_text(page: str, expected: str | None) -> None:
    assert text_of(page, engine="resiliparse") == expected


def test_a_bad_page_costs_one_page() -> None:
    bomb = "<div>" * 100_000
    assert extract([bomb, ARTICLE, None, ARTICLE, bomb]) == [
        (None, None),
        *extract([ARTICLE]),
        (None, None),
        *extract([ARTICLE]),
        (None, None),
    ]


def test_other_columns_stay_and_old_ones_are_replaced() -> None:
    names = ["id", "text", "html", "title"]
    batch = pa.record_batch([["a"], ["old"], [ARTICLE], ["old"]], names=names)
    step = ExtractHtml()
    out = step.process(batch)
    assert out.schema.names == step.flow(batch.schema).names == ["id", "text", "title"]
    assert out.column("id").to_pylist() == ["a"]
    assert "Kettle" in out.column("text")[0].as_py()


def test_columns_are_checked() -> None:
    with pytest.raises(PlanError, match="'html'"):
        ExtractHtml().flow(pa.schema([ID, TEXT]))
    with pytest.raises(PlanError, match="max_html_bytes"):
        ExtractHtml(max_html_bytes=0).check()
    step = ExtractHtml(engine="trafilatura")
    assert pickle.loads(pickle.dumps(step)) == step


NAMES = "p div b a table tr td li ul pre title svg script form select h1 br !-- ?xml"
tag = st.sampled_from(NAMES.split())
soup = st.lists(
    tag.map("<{}>".format)
    | tag.map("</{}>".format)
    | st.sampled_from(["&lt;", "&#0;", '"', "x y", "\n", "-->"]),
    max_size=60,
).map("".join)


@pytest.mark.parametrize("engine", ENGINES)
@given(pages=st.lists(soup, max_size=4))
def test_any_markup_gives_text_or_null(engine: str, pages: list[str]) -> None:
    found = extract(list(pages), engine=engine)
    assert len(found) == len(pages)
    assert all(text is None or text.strip() for text, _ in found)
    assert found == [extract([page], engine=engine)[0] for page in pages]


def records(folder: Path, name: str, n: int) -> Iterator[dict[str, Any]]:
    with (folder / "extraction" / f"{name}.jsonl.zst").open("rb") as file:
        packed = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file)
        for i, line in enumerate(io.TextIOWrapper(packed, encoding="utf-8")):
            if i >= n:
                return
            record = json.loads(line)
            if "html" in record and record["gold"].get("main_content"):
                yield record


def f1(found: str, gold: str) -> float:
    have, want = (Counter(re.findall(r"\w+", text.lower())) for text in (found, gold))
    return 2 * (have & want).total() / max(1, have.total() + want.total())


@pytest.mark.data
@pytest.mark.parametrize(("engine", "floor"), [("auto", 0.88), ("resiliparse", 0.88), ("trafilatura", 0.92)])
def test_most_of_an_article_is_found(shared_data: Path, engine: str, floor: float) -> None:
    pages = list(records(shared_data, "article_extraction_benchmark", 40))
    found = extract([p["html"] for p in pages], engine=engine)
    scores = [f1(t or "", p["gold"]["main_content"]) for (t, _), p in zip(found, pages, strict=True)]
    assert len(scores) > 30
    assert sum(scores) / len(scores) > floor


@pytest.mark.data
def test_auto_finds_more_than_the_fast_engine_on_pages_of_all_kinds(shared_data: Path) -> None:
    pages = list(records(shared_data, "wcxb", 60))
    gold = [p["gold"]["main_content"] for p in pages]
    mean = {}
    for engine in ("auto", "resiliparse"):
        found = extract([p["html"] for p in pages], engine=engine)
        mean[engine] = sum(f1(t or "", g) for (t, _), g in zip(found, gold, strict=True)) / len(gold)
    assert len(gold) > 30
    assert mean["auto"] > mean["resiliparse"]
