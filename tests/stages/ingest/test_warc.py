from __future__ import annotations

import bz2
import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

from pipeline.errors import PlanError
from pipeline.schema import REASONS
from stages.ingest.warc import Archive, Warc, Wet
from tests.stages.ingest.archives import LOSES_ONE, frame, member, noise, page, response

HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"


def record(kind: str, block: bytes, *fields: str, id_: str = "", type_: str = "application/http") -> bytes:
    lines = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        *fields,
        f"Content-Type: {type_}",
        f"Content-Length: {len(block)}",
    ]
    lines += [f"WARC-Record-ID: <urn:uuid:{id_}>"] if id_ else []
    return member("\r\n".join([*lines, "", ""]).encode() + block + b"\r\n\r\n")


def rows(step: Archive) -> list[dict[str, Any]]:
    step.check()
    found = []
    for split in step.splits():
        for batch in step.read(split):
            batch.validate(full=True)
            assert batch.schema == step.makes().append(REASONS)
            found += batch.to_pylist()
    return found


def test_a_page(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    fields = ["WARC-Target-URI: <http://a.org/ä>", "WARC-Date: 2024-05-01T00:00:00Z"]
    path.write_bytes(record("response", HTTP + "<p>ä\0".encode(), *fields, id_="12-34"))
    assert rows(Warc(paths=str(path), source="crawl")) == [
        {
            "id": "12-34",
            "url": "http://a.org/ä",
            "html": "<p>ä\ufffd",
            "source": "crawl",
            "date": "2024-05-01T00:00:00Z",
            "file": str(path),
            "offset": 0,
            "length": path.stat().st_size,
            "http_status": 200,
            "mime": "text/html",
            "robots_header": None,
            "reasons": None,
        }
    ]


def response_with(
    status: str = "200 OK", type_: str = "text/html", body: bytes = b"<p>x", more: str = ""
) -> bytes:
    header = f"HTTP/1.1 {status}\r\nContent-Type: {type_}\r\n{more}\r\n"
    return header.encode() + body


CASES: list[tuple[bytes, list[str] | None]] = [
    (record("response", response_with()), None),
    (record("response", response_with("404 Not Found")), ["http_status:404"]),
    (record("response", response_with("301 Moved", body=b"")), ["http_status:301", "empty"]),
    (record("response", response_with(type_="image/png", body=b"\x89PNG")), ["not_html:image"]),
    (
        record("response", response_with("500 Oops", "application/json", b"{}")),
        ["http_status:500", "not_html:json"],
    ),
    (record("response", response_with(body=b" \r\n")), ["empty"]),
    (
        record(
            "response", response_with(body=gzip.compress(page(1), mtime=0), more="Content-Encoding: gzip\r\n")
        ),
        None,
    ),
    (
        record("response", response_with(body=b"\1\2\3", more="Content-Encoding: zz\r\n")),
        ["unsupported_encoding:zz"],
    ),
    (record("revisit", response_with("304 Not Modified", body=b"")), ["revisit"]),
    (record("continuation", b"the rest"), ["continuation"]),
    (record("response", b"20080430\nwww.a.org 589 IN A 1.2.3.4\n", type_="text/dns"), ["not_html:dns"]),
    (record("response", page(2), type_="text/html"), None),
    (record("resource", page(3), type_="text/html"), None),
    (record("resource", page(3), type_="application/pdf"), ["not_html:pdf"]),
    (record("response", response_with(body=b"<p>" + b"x" * 200_000)), ["too_large"]),
    (
        record(
            "response",
            response_with(body=gzip.compress(b"x" * 200_000, mtime=0), more="Content-Encoding: gzip\r\n"),
        ),
        ["too_large"],
    ),
]


def test_reasons(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    others = [record(kind, b"x: y") for kind in ("warcinfo", "request", "metadata", "unheard-of")]
    path.write_bytes(b"".join(case + b"".join(others) for case, _ in CASES))
    found = rows(Warc(paths=str(path), max_record_bytes=100_000))
    assert [r["reasons"] for r in found] == [why for _, why in CASES]
    assert all((r["html"] is None) == bool(r["reasons"]) for r in found)
    assert len({r["id"] for r in found}) == len(CASES), "ids where records have none"
    assert found[1]["http_status"] == 404
    assert found[12]["http_status"] is None


def test_damage_and_files_that_hold_no_records_are_rows(tmp_path: Path) -> None:
    good = response(1)
    (tmp_path / "a.warc").write_bytes(good + LOSES_ONE["no length"](response(2)) + good)
    (tmp_path / "b.warc.gz").write_bytes(member(good) + member(good)[:50])
    (tmp_path / "c.warc.lz4").write_bytes(b"\x04\x22\x4d\x18" + bytes(9))
    (tmp_path / "d.warc").write_bytes(b"")
    found = rows(Warc(paths=str(tmp_path / "*"), split_bytes=1000))
    reasons = [(Path(r["file"]).name, r["reasons"]) for r in found]
    assert reasons == [
        ("a.warc", None),
        ("a.warc", ["damaged:bad_header"]),
        ("a.warc", None),
        ("b.warc.gz", None),
        ("b.warc.gz", ["damaged:truncated"]),
        ("c.warc.lz4", ["unsupported:lz4"]),
    ]
    assert found[1]["offset"] == len(good)
    assert found[4]["length"] == 50


def test_hostile_headers_become_text(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\xff\0\r\n\r\n<p>"
    header = b"WARC/1.0\r\nWARC-Type: Response\r\nWARC-Target-URI: http://\xff\0/\r\nWARC-Date: null\r\n"
    path.write_bytes(
        header + b"WARC-Record-ID: \xed\xa0\x80\r\nContent-Length: %d\r\n\r\n" % len(block) + block
    )
    (row,) = rows(Warc(paths=str(path)))
    assert row["html"] == "<p>"
    assert row["date"] is None
    assert "\0" not in row["url"]


def test_what_the_http_header_reserves(tmp_path: Path) -> None:
    path = tmp_path / "a.warc"
    headers = {
        "X-Robots-Tag: noai, noindex\r\n": "noai, noindex",
        "x-robots-tag: googlebot: nofollow\r\nX-ROBOTS-TAG: noimageai\r\n": "googlebot: nofollow, noimageai",
        "X-Robots-Tag: noai,\r\n  noindex\r\nTDM-Reservation: 1\r\n": "noai, noindex, tdm-reservation: 1",
        "tdm-reservation: 0\r\n": "tdm-reservation: 0",
        "X-Robots-Tag:\r\n": None,
        "X-Robots: noai\r\n": None,
    }
    path.write_bytes(b"".join(record("response", response_with(more=more)) for more in headers))
    found = rows(Warc(paths=str(path)))
    assert [r["robots_header"] for r in found] == list(headers.values())
    path.write_bytes(record("response", response_with("404 Not Found", more="tdm-reservation: 1\r\n")))
    assert rows(Warc(paths=str(path)))[0]["robots_header"] == "tdm-reservation: 1"


def test_a_file_of_one_stream_is_one_split(tmp_path: Path) -> None:
    bodies = [response(i, noise(i, 5000)) for i in range(40)]
    (tmp_path / "one.warc.gz").write_bytes(member(b"".join(bodies)))
    (tmp_path / "single.warc.gz").write_bytes(b"".join(map(member, bodies)))
    (tmp_path / "small.warc.gz").write_bytes(member(bodies[0]))
    step = Warc(paths=str(tmp_path / "*"), split_bytes=30_000)
    splits: dict[str, list[tuple[int, int]]] = {}
    for split in step.splits():
        splits.setdefault(Path(split.path).name, []).append((split.start, split.stop))
    size = (tmp_path / "one.warc.gz").stat().st_size
    assert splits["one.warc.gz"] == [(0, size)]
    assert len(splits["single.warc.gz"]) > size // 30_000
    assert len(splits["small.warc.gz"]) == 1
    assert len(rows(step)) == 81


def test_all_containers_give_the_same_pages(tmp_path: Path) -> None:
    bodies = [response(i) for i in range(4)]
    packs: dict[str, Callable[[bytes], bytes]] = {
        "warc": bytes,
        "warc.gz": member,
        "warc.zst": frame,
        "warc.bz2": bz2.compress,
    }
    found = []
    for suffix, pack in packs.items():
        (tmp_path / f"a.{suffix}").write_bytes(b"".join(map(pack, bodies)))
        (tmp_path / f"b.{suffix}").write_bytes(pack(b"".join(bodies)))
        for name in "ab":
            found.append([(r["id"], r["html"]) for r in rows(Warc(paths=str(tmp_path / f"{name}.{suffix}")))])
    assert [html for _, html in found[0]] == [page(i).decode() for i in range(4)]
    assert all(one == found[0] for one in found)


def test_settings(tmp_path: Path) -> None:
    for step, message in [
        (Warc(paths=str(tmp_path / "*.gz")), r"\*\.gz"),
        (Wet(paths=("none.gz",)), "none"),
    ]:
        with pytest.raises(PlanError, match=message):
            step.check()


def test_wet(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.wet.gz"
    text = "naïve 文\0 ".encode() + b"\xc3"
    language = "WARC-Identified-Content-Language: eng,zho"
    path.write_bytes(
        record("warcinfo", b"x: y")
        + record("conversion", text, language, type_="text/plain", id_="7")
        + record("conversion", b"\n ", type_="text/plain")
        + record("response", HTTP + b"<p>")
    )
    one, two = rows(Wet(paths=str(path), source="wet"))
    assert (one["id"], one["text"], one["content_language"]) == ("7", "naïve 文\ufffd \ufffd", "eng,zho")
    assert (two["text"], two["reasons"], two["content_language"]) == (None, ["empty"], None)


@pytest.mark.data
def test_parts_of_any_size_give_the_same_documents(shared_data: Path) -> None:
    pattern = str(shared_data / "warc/crawl/[iks]*.warc.gz")
    complete = rows(Warc(paths=pattern, split_bytes=1 << 30))
    for size in (30_000, 400_000):
        assert rows(Warc(paths=pattern, split_bytes=size)) == complete
    assert sum(not r["reasons"] for r in complete) > 30


@pytest.mark.data
def test_real_files_give_the_documents_that_fastwarc_sees(shared_data: Path) -> None:
    """Status and media type as FastWARC parses them, for files whose bodies are not coded."""
    seen: Counter[str] = Counter()
    for path in sorted((shared_data / "warc/crawl").glob("*.gz")):
        found = {r["id"]: r for r in rows(Warc(paths=str(path)))}
        with path.open("rb") as file:
            for theirs in ArchiveIterator(file, WarcRecordType.response, parse_http=True):
                if theirs.http_headers is None or theirs.http_headers.status_code is None:
                    continue
                ours = found[str(theirs.record_id).removeprefix("<urn:uuid:").removesuffix(">")]
                assert ours["http_status"] == theirs.http_headers.status_code
                if theirs.http_content_type == "text/html" and ours["http_status"] == 200:
                    assert ours["html"] or ours["reasons"] == ["empty"], path.name
                    seen["html"] += 1
                seen["responses"] += 1
    assert seen["responses"] > 400
    assert seen["html"] > 100


@pytest.mark.data
def test_content_codings_of_real_files(shared_data: Path) -> None:
    texts = set()
    for how in ("brotli.warc.gz", "gzip.warc", "none.warc.gz"):
        (row,) = [
            r
            for r in rows(Warc(paths=str(shared_data / f"warc/odd/transfer_compression_{how}")))
            if r["html"]
        ]
        texts.add(row["html"])
    assert len(texts) == 1
    (row, *_) = rows(Warc(paths=str(shared_data / "warc/odd/baconIpsum_chunked.warc")))
    assert "\r\n1000\r\n" not in row["html"]
    assert row["html"].rstrip().endswith("</html>")


@pytest.mark.data
def test_all_real_files_become_valid_rows(shared_data: Path) -> None:
    kept = dropped = 0
    for step in (Warc(paths=str(shared_data / "warc/*/*")), Wet(paths=str(shared_data / "warc/*/*.wet.gz"))):
        for split in step.splits():
            for batch in step.read(split):
                batch.validate(full=True)
                n = sum(bool(r) for r in batch.column("reasons").to_pylist())
                kept, dropped = kept + len(batch) - n, dropped + n
                assert batch.column("id").null_count == 0
                assert pa.compute.min(batch.column("length")).as_py() > 0
    assert kept > 200
    assert dropped > 400
