"""Pages to text: what is found, what is refused, and that nothing makes it wait."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.schema import HTML, ID, TEXT, URL
from stages.extract.about.metadata import PAGE
from stages.extract.engines import Extractor
from stages.extract.html import TITLE, ExtractHtml
from tests.pipeline.conftest import installed, register

__all__ = ["installed"]

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


def process(pages: list[str | None], **settings: Any) -> pa.RecordBatch:
    urls = pa.nulls(len(pages), pa.string())
    return ExtractHtml(**settings).process(pa.record_batch([urls, pages], schema=pa.schema([URL, HTML])))


def extract(pages: list[str | None], **settings: Any) -> list[tuple[str | None, str | None]]:
    out = process(pages, **settings)
    assert out.schema.equals(pa.schema([URL, TEXT, TITLE, PAGE]))
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


CODE = "for a in b:\n    if a:\n        print( a )\n\nelse:\n\tpass"
PARTS = (
    "<html><body><article><h1>On loops</h1><p>Some words before the code stand here and say what it does.</p>"
    f"<pre><code>{CODE}</code></pre><p>The table has two rows of two cells, and they are short.</p>"
    "<table><tr><td>alpha</td><td>1</td></tr><tr><td>beta</td><td>2</td></tr></table>"
    "<p>Einstein said that <math><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></math> "
    "holds everywhere, and nobody has shown him wrong to this day.</p>"
    "<ul><li>first of the items in the list</li><li>second of the items in the list</li></ul>"
    "</article></body></html>"
)


@pytest.mark.parametrize("engine", ENGINES)
def test_structure_is_kept(engine: str) -> None:
    text = text_of(PARTS, engine=engine) or ""
    if engine == "trafilatura":  # it leaves out empty lines, and makes blanks of tabs
        assert re.sub("\n+", "\n", CODE).expandtabs(4) in text.expandtabs(4)
    else:
        assert CODE in text
    for row in (["alpha", "1"], ["beta", "2"]):
        assert row in [line.replace("|", " ").split() for line in text.split("\n")]
    assert "$E=mc^{2}$" in text.replace(" ", "")
    items = [line for line in text.split("\n") if "of the items" in line]
    assert len(items) == (0 if engine == "resiliparse" else 2)  # it takes a list at the end for a menu
    assert all(re.match(r"\W+\w", item) for item in items)


def test_markdown() -> None:
    text = text_of(PARTS, format="markdown") or ""
    assert text.startswith("# On loops\n")
    assert f"```\n{CODE}\n```" in text
    assert "| alpha | 1 |\n| --- | --- |\n| beta | 2 |" in text
    assert "- first of the items in the list\n- second" in text
    assert "# On loops" in (text_of(PARTS, format="markdown", engine="trafilatura") or "")


def test_what_a_page_says_of_itself() -> None:
    head = (
        '<html lang="de"><head><title>Kessel</title><link rel="canonical" href="/kessel">'
        '<meta name="robots" content="noai, noindex"><meta name="tdm-reservation" content="1">'
        '<meta property="article:published_time" content="2024-05-06T07:08:09Z"></head>'
    )
    schema = pa.schema([URL, HTML])
    batch = pa.record_batch(
        [["https://example.org/a/b?c"], [ARTICLE.replace("<html><head>", head)]], schema=schema
    )
    page = ExtractHtml().process(batch).column("page")[0].as_py()
    assert page["language"] == "de"
    assert page["canonical_url"] == "https://example.org/kessel"
    assert page["published"] == "2024-05-06"
    assert (page["noai"], page["tdm_reserved"]) == (True, True)
    assert "noindex" in page["robots"]
    assert process([None]).column("page").null_count == 1


def test_mojibake_is_repaired_on_request() -> None:
    right = (
        "Kessel waren aus Kupfer, und wer sie hob, fand sie schwer. Später kam das Eisen für alle Küchen. "
    )
    page = f"<article><p>{right * 3}</p></article>".encode().decode("cp1252")
    assert right.strip() not in (text_of(page) or "")
    assert right.strip() in (text_of(page, repair_mojibake=True) or "")


def test_long_pages_are_cut_at_a_character() -> None:
    page = "<p>" + "é" * 100
    assert text_of(page, max_html_bytes=3 + 2 * 10) == "é" * 10
    assert text_of(page, max_html_bytes=3 + 2 * 10 + 1) == "é" * 10
    assert text_of(page, max_html_bytes=1) is None or text_of(page, max_html_bytes=1) == "<"


def test_auto_refuses_what_would_take_too_much_work() -> None:
    assert text_of("<div>" * 100_000 + "deep" + "</div>" * 100_000) is None
    assert text_of("<ul><li>" * 100_000 + "item") is None


@pytest.mark.parametrize("engine", ["resiliparse", "trafilatura"])
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
def test_bombs_are_refused(page: str, engine: str) -> None:
    assert text_of(page, engine=engine) is None


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
    names = ["id", "url", "text", "html", "title"]
    batch = pa.record_batch([["a"], ["https://a.b/"], ["old"], [ARTICLE], ["old"]], names=names)
    step = ExtractHtml()
    out = step.process(batch)
    assert out.schema.names == step.flow(batch.schema).names == ["id", "url", "text", "title", "page"]
    assert out.column("id").to_pylist() == ["a"]
    assert "Kettle" in out.column("text")[0].as_py()


def test_columns_are_checked() -> None:
    with pytest.raises(PlanError, match="'html'"):
        ExtractHtml().flow(pa.schema([ID, URL, TEXT]))
    with pytest.raises(PlanError, match="Markdown"):
        ExtractHtml(engine="resiliparse", format="markdown").check()
    with pytest.raises(
        PlanError, match="one of auto, resiliparse, trafilatura, not 'atuo'; did you mean 'auto'"
    ):
        ExtractHtml(engine="atuo").check()
    step = ExtractHtml(engine="trafilatura")
    assert pickle.loads(pickle.dumps(step)) == step


SHOUT = Extractor(content=lambda page, markdown: page.text.upper(), markdown=False, version="shout 2")


def test_an_engine_of_another_package(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(installed, "pipeline.extract_engines", shout=f"{__name__}:SHOUT")
    assert text_of("<p>Tea", engine="shout") == "<P>TEA"
    assert text_of("<div>" * 30_000, engine="shout") is None  # it bounds no work of its own
    step = ExtractHtml(engine="shout")
    step.check()
    assert (step.stamp(), ExtractHtml().stamp()) == ("shout 2", "")
    with pytest.raises(PlanError, match="shout writes no Markdown"):
        ExtractHtml(engine="shout", format="markdown").check()


def test_an_engine_travels_to_machines_without_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    step = ExtractHtml(engine="resiliparse")
    step.check()
    travelled = pickle.loads(pickle.dumps(step))
    monkeypatch.setattr("stages.extract.engines.names", lambda _: {})
    batch = pa.record_batch([pa.nulls(1, pa.string()), [ARTICLE]], schema=pa.schema([URL, HTML]))
    assert travelled.process(batch) == step.process(batch)


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
