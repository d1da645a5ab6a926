from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from warcio.warcwriter import WARCWriter

from stages.ingest.wat import MAX_METAS, Base, Wat
from tests.stages.ingest.archives import response

PAGE = "https://example.org/lake/index.html"
ABOUT: dict[str, Any] = {
    "Container": {
        "Filename": "CC-MAIN-20240517233122-20240518023122-00000.warc.gz",
        "Compressed": True,
        "Offset": "80610308",
        "Gzip-Metadata": {"Deflate-Length": "5952", "Inflated-Length": "25358"},
    },
    "Envelope": {
        "Format": "WARC/1.0",
        "WARC-Header-Metadata": {
            "WARC-Type": "response",
            "WARC-Date": "2024-05-18T01:58:10Z",
            "WARC-Record-ID": "<urn:uuid:2cd3845f-df52-4a79-b668-3a96d50e5fed>",
            "WARC-Target-URI": PAGE,
            "WARC-Identified-Payload-Type": "text/html",
        },
        "Payload-Metadata": {
            "Actual-Content-Type": "application/http; msgtype=response",
            "HTTP-Response-Metadata": {
                "Response-Message": {"Status": "200", "Version": "HTTP/1.1", "Reason": "OK"},
                "Headers": {"content-type": "text/html; charset=utf-8", "Set-Cookie": ["a", "b"]},
                "HTML-Metadata": {
                    "Head": {
                        "Title": "The lake",
                        "Metas": [
                            {"name": "robots", "content": "noindex"},
                            {"property": "og:title", "content": "Lake"},
                            {"http-equiv": "refresh", "content": "5"},
                            {"content": "of nothing"},
                            {"name": "empty"},
                        ],
                        "Link": [
                            {"path": "LINK@/href", "rel": "stylesheet", "url": "/style.css"},
                            {"path": "LINK@/href", "rel": "Shortlink CANONICAL", "url": "/lake/"},
                        ],
                    },
                    "Links": [
                        {"path": "A@/href", "url": "stone.html", "text": "Stones", "rel": "nofollow"},
                        {"path": "A@/href", "url": "//cdn.example.net/x"},
                        {"path": "IMG@/src", "url": "../lake.png", "alt": "a lake"},
                        {"path": "A@/href", "url": "mailto:someone@example.org", "text": "write"},
                        {"path": "A@/href", "url": "javascript:void(0)"},
                        {"path": "A@/href", "url": "http://[broken"},
                        {"path": "A@/href", "text": "no address"},
                        {"path": "A@/href", "url": "HTTPS://EXAMPLE.COM/A?b#c", "text": "far"},
                    ],
                },
            },
        },
    },
}
"""In the form of a record of Common Crawl; the contents are invented."""


def wat(*payloads: bytes, kind: str = "metadata", media: str = "application/json") -> bytes:
    """A WAT file with these blocks."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True)
    for i, payload in enumerate(payloads):
        headers = {
            "WARC-Record-ID": f"<urn:uuid:00000000-0000-4000-8000-{i:012d}>",
            "WARC-Date": "2024-05-31T01:17:49Z",
        }
        record = writer.create_warc_record(
            "https://of.the.record/",
            kind,
            payload=io.BytesIO(payload),
            warc_content_type=media,
            warc_headers_dict=headers,
        )
        writer.write_record(record)
        record.raw_stream.close()
    return out.getvalue()


def rows(folder: Path, data: bytes, **settings: Any) -> list[dict[str, Any]]:
    path = folder / "a.warc.wat.gz"
    path.write_bytes(data)
    source = Wat(paths=str(path), source="cc", **settings)
    source.check()
    batches = [b for split in source.splits() for b in source.read(split)]
    for batch in batches:
        batch.validate(full=True)
        assert batch.schema.names == [*source.makes().names, "reasons"]
    return [row for batch in batches for row in batch.to_pylist()]


def about(**changes: Any) -> bytes:
    """ABOUT with other values at paths like Response_Message__Status."""
    record = json.loads(json.dumps(ABOUT))
    for path, value in changes.items():
        at = record["Envelope"]["Payload-Metadata"]["HTTP-Response-Metadata"]
        *keys, last = path.replace("__", "/").replace("_", "-").split("/")
        for key in keys:
            at = at[key]
        at[last] = value
    return json.dumps(record).encode()


def test_all_columns_of_a_page(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, wat(about()))
    assert row["id"] == "2cd3845f-df52-4a79-b668-3a96d50e5fed"
    assert (row["url"], row["date"], row["source"]) == (PAGE, "2024-05-18T01:58:10Z", "cc")
    assert (row["title"], row["canonical"]) == ("The lake", "https://example.org/lake/")
    assert (row["http_status"], row["mime"]) == (200, "text/html")
    assert row["metas"] == [
        {"name": "robots", "content": "noindex"},
        {"name": "og:title", "content": "Lake"},
        {"name": "refresh", "content": "5"},
        {"name": "empty", "content": None},
    ]
    assert [tuple(link.values()) for link in row["links"]] == [
        ("https://example.org/lake/stone.html", "Stones", "nofollow", "A@/href"),
        ("https://cdn.example.net/x", None, None, "A@/href"),
        ("https://example.org/lake.png", "a lake", None, "IMG@/src"),
        ("https://EXAMPLE.COM/A?b#c", "far", None, "A@/href"),
    ]
    assert row["warc_file"].startswith("CC-MAIN-")
    assert (row["warc_offset"], row["warc_length"]) == (80610308, 5952)
    assert row["reasons"] is None
    assert row["offset"] == 0
    assert row["length"] == len(wat(about()))


def test_the_base_element(tmp_path: Path) -> None:
    html = {"Head": {"Base": "/other/"}, "Links": [{"url": "x"}, {"url": ""}, {"url": " y\n"}]}
    (row,) = rows(tmp_path, wat(about(HTML_Metadata=html)))
    assert [link["url"] for link in row["links"]] == [
        f"https://example.org/other/{n}" for n in ("x", "", "y")
    ]
    html["Head"]["Base"] = "http://[broken"  # type: ignore[call-overload]
    (row,) = rows(tmp_path, wat(about(HTML_Metadata=html)))
    assert row["links"][0]["url"] == "https://example.org/lake/x"


@given(
    st.text(alphabet="/.:?#ab[]@ \n", max_size=12),
    st.sampled_from(["https://e.org/a/b/c?x", "http://e.org", "https://u@e.org:80/a/../b;p?q#f", "", "x"]),
)
def test_addresses_are_resolved_as_the_library_does(url: str, address: str) -> None:
    base = Base(address)
    for link in (url, f"https://e.org/{url}", f"/{url}"):
        try:
            want = urljoin(address, link.strip())
        except ValueError:
            want = ""
        found = base.resolved(link)
        # The library drops the mark of an empty query or fragment, and resolves dots in absolute addresses.
        if not re.search(r"[?#]$|\?#|/\.|;", link.strip()):
            assert found == (want if want.startswith(("http://", "https://")) else None)
    assert base.resolved(None) is None


def test_pages_that_are_none(tmp_path: Path) -> None:
    data = wat(
        about(Response_Message={"Status": "404"}),
        about(Headers={"Content-Type": "application/pdf"}, HTML_Metadata=None),
        about(Response_Message={"Status": "301"}, Headers={"Content-Type": "image/png"}),
        about(Headers={}),
        about(Headers={"Content-Type": ["text/html", "x"]}, Response_Message=None),
    )
    found = rows(tmp_path, data)
    assert [r["reasons"] for r in found] == [
        ["http_status:404"],
        ["not_html:pdf"],
        ["http_status:301", "not_html:image"],
        None,
        None,
    ]
    assert [r["http_status"] for r in found] == [404, 200, 301, 200, None]
    assert [r["links"] is None for r in found] == [True, True, True, False, False]


def test_requests_and_crawls_give_no_rows(tmp_path: Path) -> None:
    request = {"Envelope": {"Payload-Metadata": {"HTTP-Request-Metadata": {"Headers": {}}}}}
    assert rows(tmp_path, wat(json.dumps(request).encode())) == []
    assert rows(tmp_path, wat(b"software: x\r\n", kind="warcinfo", media="application/warc-fields")) == []
    assert rows(tmp_path, wat(b"via: y\r\n", media="application/warc-fields")) == []
    assert rows(tmp_path, response(1)) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        about()[:-9],
        b"[]",
        b"null",
        b'{"Envelope": 3}',
        b"[" * 100_000,
        b"\xff",
        b'{"a": 1' + b"9" * 9999,
    ],
)
def test_damaged_json_is_a_row(tmp_path: Path, payload: bytes) -> None:
    found = rows(tmp_path, wat(about(), payload, about()))
    assert [r["reasons"] for r in found] == [None, ["damaged:json"], None]
    assert found[1]["id"] == "00000000-0000-4000-8000-000000000001"
    assert found[1]["url"] == "https://of.the.record/"
    assert found[1]["length"] > 0


def test_a_damaged_record_costs_one_record(tmp_path: Path) -> None:
    parts = [wat(about()) for _ in range(3)]
    broken = bytearray(parts[1])
    broken[len(broken) // 2] ^= 4
    found = rows(tmp_path, parts[0] + bytes(broken) + parts[2])
    assert [r["reasons"] and r["reasons"][0].split(":")[0] for r in found] == [None, "damaged", None]


def test_lists_are_bounded(tmp_path: Path) -> None:
    html = {"Head": {"Metas": [{"name": "n"}] * 3000}, "Links": [{"url": "x"}] * 3000}
    (row,) = rows(tmp_path, wat(about(HTML_Metadata=html)), max_links=7)
    assert (len(row["links"]), len(row["metas"])) == (7, MAX_METAS)


def test_splits_give_the_same_rows(tmp_path: Path) -> None:
    data = wat(*[about(HTML_Metadata={"Head": {"Title": f"page {i}"}}) for i in range(40)])
    want = rows(tmp_path, data)
    assert [r["title"] for r in want] == [f"page {i}" for i in range(40)]
    assert rows(tmp_path, data, split_bytes=1000) == want


def test_text_is_what_any_engine_can_hold(tmp_path: Path) -> None:
    html = {"Head": {"Title": "a\0b\ud800c"}, "Links": [{"url": "/\udfff", "text": "\ud83d\ude00"}]}
    (row,) = rows(tmp_path, wat(about(HTML_Metadata=html)))
    assert row["title"] == "a\ufffdb\ufffdc"
    assert row["links"][0]["url"] == "https://example.org/\ufffd"
    assert row["links"][0]["text"] == "😀"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["Response_Message", "Headers", "HTML_Metadata", "HTML_Metadata__Links", "HTML_Metadata__Head"]
        ),
        anything,
        max_size=2,
    )
)
def test_any_json_gives_rows(tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]) -> None:
    if isinstance(changes.get("HTML_Metadata"), dict) or "HTML_Metadata" not in changes:
        found = rows(tmp_path_factory.mktemp("any"), wat(about(**changes)))
        assert len(found) <= 1


def test_columns_are_declared() -> None:
    schema = Wat(paths="x").makes()
    assert pa.types.is_list(schema.field("links").type)
    assert all(f.metadata for f in schema)


@pytest.mark.data
def test_real_files(shared_data: Path) -> None:
    """The one real record describes a request; those that describe pages are written after its model."""
    files = sorted((shared_data / "warc").rglob("*.wat*"))
    assert files
    for path in files:
        source = Wat(paths=str(path))
        assert [b for s in source.splits() for b in source.read(s)] == []
