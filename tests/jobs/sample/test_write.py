"""WARC, WET and JSON lines, read back by warcio and FastWARC."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from jobs.sample.write import (
    DATE,
    FILE_DOCUMENTS,
    FORMATS,
    Document,
    Files,
    jsonl,
    record,
    response,
    warc,
    wet,
)

PAGES = [
    Document(
        "a", "https://a.example/%C3%A4.html", "<p>naïve – 你好</p>".encode(), "text/html; charset=utf-8"
    ),
    Document("b", "https://b.example/", b"", "text/html"),
    Document("c", "https://c.example/", b"WARC/1.1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n\x00\xff", "text/html"),
]
TEXTS = [Document(f"t{i}", f"https://t.example/{i}", f"text {i} – ü\n".encode()) for i in range(3)]


def records(data: bytes) -> Iterator[Any]:
    """Every record by warcio, which checks both digests."""
    for item in ArchiveIterator(io.BytesIO(data), check_digests="raise"):
        item.body = item.content_stream().read()
        yield item


def test_responses_as_warcio_reads_them() -> None:
    info, *items = records(warc("x.warc.gz", PAGES))
    assert info.rec_type == "warcinfo"
    assert info.rec_headers.get_header("WARC-Filename") == "x.warc.gz"
    assert b"WARC File Format 1.1" in info.body
    assert len(items) == len(PAGES)
    for item, page in zip(items, PAGES, strict=True):
        assert (item.rec_type, item.body) == ("response", page.body)
        assert item.rec_headers.protocol == "WARC/1.1"
        assert item.rec_headers.get_header("WARC-Target-URI") == page.url
        assert item.rec_headers.get_header("WARC-Date") == DATE
        assert item.http_headers.get_statuscode() == "200"
        assert item.http_headers.get_header("Content-Type") == page.content_type
        assert item.digest_checker.passed


def test_responses_as_fastwarc_reads_them() -> None:
    items = list(
        FastIterator(io.BytesIO(warc("x", PAGES)), parse_http=True, verify_digests=True, func_filter=None)
    )
    assert [i.headers["WARC-Type"] for i in items] == ["warcinfo", "response", "response", "response"]
    bodies = []
    for item in FastIterator(io.BytesIO(warc("x", PAGES)), parse_http=True):
        if item.is_http:
            assert item.http_content_type == "text/html"
            bodies.append(item.reader.read())
    assert bodies == [p.body for p in PAGES]


def test_conversions_are_read_by_both() -> None:
    data = wet("x.warc.wet.gz", TEXTS)
    by_warcio = [(r.rec_type, r.body) for r in records(data)][1:]
    by_fastwarc = [(r.headers["WARC-Type"], r.reader.read()) for r in FastIterator(io.BytesIO(data))][1:]
    assert by_warcio == by_fastwarc == [("conversion", t.body) for t in TEXTS]


def test_every_record_is_a_gzip_member_of_its_own() -> None:
    data = warc("x", PAGES)
    starts = [i.stream_pos for i in FastIterator(io.BytesIO(data))]
    assert len(starts) == 4
    for start, stop in zip(starts, [*starts[1:], len(data)], strict=True):
        member = gzip.decompress(data[start:stop])
        assert member.startswith(b"WARC/1.1\r\n")
        assert member.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("encode", [warc, wet, jsonl])
def test_equal_documents_give_equal_bytes(encode: Any) -> None:
    assert encode("x", TEXTS) == encode("x", list(TEXTS))
    assert encode("x", TEXTS) != encode("x", TEXTS[::-1])


def test_record_ids_are_of_the_content() -> None:
    ids = [r.rec_headers.get_header("WARC-Record-ID") for r in records(warc("x", PAGES))]
    assert len(set(ids)) == 4
    assert all(i.startswith("<urn:uuid:") for i in ids)
    same = Document("other name", PAGES[0].url, PAGES[0].body, PAGES[0].content_type)
    elsewhere = Document("a", "https://else.example/", PAGES[0].body, PAGES[0].content_type)
    assert response(same) == response(PAGES[0])
    assert response(elsewhere) != response(PAGES[0])


@given(st.binary(max_size=300))
def test_any_block_survives(block: bytes) -> None:
    data = gzip.compress(
        record("resource", block, "application/octet-stream", [("WARC-Target-URI", "urn:x")])
    )
    assert [r.body for r in records(data)] == [block]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_any_text_survives_json(text: str) -> None:
    line = gzip.decompress(jsonl("x", [Document("n", "u", text.encode())])).decode()
    assert line.count("\n") == 1
    assert json.loads(line) == {"id": "n", "url": "u", "text": text}


def test_files_of_a_source(tmp_path: Path) -> None:
    files = Files(tmp_path / "code", "code")
    for i in range(FILE_DOCUMENTS + 1):
        files.add(Document(f"d{i}", "u", b"text"))
    files.flush()
    files.flush()
    assert [(f["file"], f["documents"]) for f in files.written] == [
        ("code/code-00000.jsonl.gz", FILE_DOCUMENTS),
        ("code/code-00001.jsonl.gz", 1),
    ]
    for written in files.written:
        data = (tmp_path / written["file"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (written["bytes"], written["sha256"])
        assert written["content_bytes"] == 4 * written["documents"]
    assert sorted(p.name for p in (tmp_path / "code").iterdir()) == [
        "code-00000.jsonl.gz",
        "code-00001.jsonl.gz",
    ]


def test_older_files_of_the_source_go_and_no_others(tmp_path: Path) -> None:
    for name in ("code-00007.jsonl.gz", "notes.txt", "code-mine.jsonl"):
        (tmp_path / name).write_text("old")
    Files(tmp_path, "code")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["code-mine.jsonl", "notes.txt"]


def test_an_empty_source_writes_nothing(tmp_path: Path) -> None:
    for source in FORMATS:
        files = Files(tmp_path / source, source)
        files.flush()
        assert files.written == []
        assert not (tmp_path / source).exists()
    assert len(FORMATS) == 4
