"""What pages say of themselves, from the places where they say it, and against people's answers."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.about.metadata import PAGE, metadata

FULL = """<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8">
<title>On kettles | Kettle News</title>
<meta property="og:site_name" content="Kettle News"><meta property="og:title" content="On kettles &amp; tea">
<meta name="description" content=" All about
 kettles "><meta name="author" content="Ann Lee">
<meta property="article:published_time" content="2019-03-05T23:59:00+01:00">
<meta property="article:modified_time" content="2020-01-02"><link rel="canonical" href="/kettles">
<link rel=license href="https://creativecommons.org/licenses/by-sa/4.0/">
<meta name="robots" content="index, NOAI"><meta name="tdm-reservation" content="1">
<meta name="tdm-policy" content="/policy.json"></head>
<body><h1>On kettles &amp; tea</h1><p>Text.</p></body></html>"""

SILENT: dict[str, Any] = dict.fromkeys([field.name for field in PAGE.type])
SILENT["noai"] = False


def head(*tags: str) -> str:
    return f"<html><head>{''.join(tags)}</head><body><p>Text.</p></body></html>"


def meta(name: str, content: str) -> str:
    return f'<meta name="{name}" content="{content}">'


def test_every_field() -> None:
    assert metadata(FULL, "https://example.org/a/b?c") == {
        "title": "On kettles & tea",
        "author": "Ann Lee",
        "site_name": "Kettle News",
        "description": "All about kettles",
        "language": "en-GB",
        "published": "2019-03-05",
        "modified": "2020-01-02",
        "canonical_url": "https://example.org/kettles",
        "robots": ["index", "noai"],
        "noai": True,
        "tdm_reserved": True,
        "tdm_policy": "https://example.org/policy.json",
        "licence": "CC-BY-SA-4.0",
    }


def test_a_silent_page() -> None:
    for html in ("", "<p>text</p>", "\x00", "<html><head></head><body></body></html>"):
        assert metadata(html) == metadata(html, "https://example.org/") == SILENT


def test_it_fits_the_column() -> None:
    rows = [metadata(FULL), metadata(""), None]
    array = pa.array(rows, PAGE.type)
    assert array.to_pylist()[:2] == rows[:2]
    assert all(field.metadata[b"meaning"] for field in PAGE.type)


@pytest.mark.parametrize(
    ("field", "tags", "value"),
    [
        ("published", meta("date", "5 March 2019"), "2019-03-05"),
        ("published", meta("date", "soon") + meta("dc.date", "2019-03-05"), "2019-03-05"),
        (
            "published",
            meta("date", "2018-01-01") + meta("article:published_time", "2019-03-05"),
            "2019-03-05",
        ),
        ("published", '<meta itemprop="datePublished" content="2019-03-05">', "2019-03-05"),
        ("published", meta("citation_publication_date", "2019/03/05"), "2019-03-05"),
        ("modified", meta("og:updated_time", "1551780000"), "2019-03-05"),
        (
            "modified",
            '<meta http-equiv="last-modified" content="Tue, 05 Mar 2019 10:00:00 GMT">',
            "2019-03-05",
        ),
        ("author", meta("article:author", "https://example.org/ann") + meta("byl", "Ann"), "Ann"),
        ("author", meta("author", "@ann"), None),
        (
            "author",
            meta("citation_author", "Lee, A.") + meta("citation_author", "Kim, B."),
            "Lee, A.; Kim, B.",
        ),
        ("language", '<meta http-equiv="Content-Language" content="de">', "de"),
        ("title", "<title>Words</title>", "Words"),
        ("title", meta("dc.title", "Words") + "<title>no</title>", "Words"),
        ("description", meta("og:description", "x" * 3000), "x" * 1000),
        ("canonical_url", '<link rel="canonical" href="https://a.org/x">', "https://a.org/x"),
        ("canonical_url", '<meta property="og:url" content="https://a.org/x">', "https://a.org/x"),
        ("canonical_url", '<base href="https://a.org/b/"><link rel=canonical href=x>', "https://a.org/b/x"),
        ("canonical_url", '<link rel="canonical" href="x">', None),
        ("canonical_url", '<link rel="canonical" href="javascript:alert(1)">', None),
        ("canonical_url", '<link rel="canonical" href="http://[x">', None),
        ("tdm_reserved", meta("tdm-reservation", "0"), False),
        ("tdm_reserved", meta("tdm-reservation", "2"), None),
        ("tdm_policy", meta("tdm-policy", "https://a.org/p"), "https://a.org/p"),
        ("licence", meta("dcterms.license", "https://creativecommons.org/publicdomain/zero/1.0/"), "CC0-1.0"),
        ("licence", meta("copyright", "All rights reserved"), None),
        ("licence", meta("copyright", "Ann, CC BY 4.0"), "CC-BY-4.0"),
        ("licence", '<link rel="license" href="https://a.org/terms">', "https://a.org/terms"),
    ],
)
def test_where_a_field_is_read(field: str, tags: str, value: object) -> None:
    assert metadata(head(tags)) == SILENT | {field: value} | ({"title": "Words"} if field == "title" else {})


@pytest.mark.parametrize(
    ("tags", "noai"),
    [
        (meta("robots", "noai"), True),
        (meta("robots", "index, NoImageAI"), True),
        (meta("robots", "DisallowAITraining"), True),
        (meta("GPTBot", "noindex"), True),
        (meta("amazonbot", "noarchive"), True),
        (meta("googlebot", "noai"), True),
        (meta("gptbot", "index, follow"), False),
        (meta("robots", "noindex, nofollow, noarchive"), False),
        (meta("googlebot", "none"), False),
        (meta("description", "noai"), False),
    ],
)
def test_noai(tags: str, noai: bool) -> None:
    assert metadata(head(tags))["noai"] is noai


def test_json_ld() -> None:
    said = {
        "@type": "Article",
        "headline": "On kettles",
        "datePublished": "2019-03-05",
        "author": {"name": "Ann"},
        "license": "https://creativecommons.org/licenses/by/4.0/",
        "publisher": {"name": "News"},
    }
    page = f'<script type="application/ld+json">{json.dumps(said)}</script>'
    wanted = {"title": "On kettles", "published": "2019-03-05", "author": "Ann", "licence": "CC-BY-4.0",
              "site_name": "News"}  # fmt: skip
    assert metadata(head(page)) == metadata(head() + page) == SILENT | wanted


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("utf-8", "replace")))
def test_any_text(html: str) -> None:
    pa.array(
        [metadata(html, html), metadata(f"<html lang={html}>"), metadata(meta("author", html))], PAGE.type
    )


def pages(folder: Path, name: str, n: int) -> Iterator[dict[str, Any]]:
    with (folder / "extraction" / f"{name}.jsonl.zst").open("rb") as file:
        packed = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file)
        for _, line in zip(range(n), io.TextIOWrapper(packed, encoding="utf-8"), strict=False):
            yield json.loads(line)


@pytest.mark.data
def test_dates_against_people(shared_data: Path) -> None:
    n_right = n_wrong = n_none = 0
    for page in pages(shared_data, "wcxb", 150):
        if "html" in page and (gold := page["gold"].get("publish_date")):
            date = metadata(page["html"], page["url"])["published"]
            n_right += date == gold[:10]
            n_none += date is None
            n_wrong += date not in (gold[:10], None)
    assert n_right + n_wrong + n_none > 30
    assert n_right / (n_right + n_wrong) > 0.8
    assert n_right / (n_right + n_wrong + n_none) > 0.5


@pytest.mark.data
def test_fields_against_readability(shared_data: Path) -> None:
    n = n_right = 0
    for page in pages(shared_data, "readability_testpages", 60):
        want, found = page["expected_metadata"], metadata(page["html"])
        for theirs, ours in (("lang", "language"), ("siteName", "site_name"), ("publishedTime", "published")):
            if want.get(theirs):
                n += 1
                n_right += want[theirs].startswith(found[ours] or "\0")
    assert n > 50
    assert n_right / n > 0.9
