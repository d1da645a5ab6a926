from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Callable

import pytest
import zstandard
from fastwarc.stream_io import BrotliWriter
from hypothesis import given
from hypothesis import strategies as st

from stages.ingest.http import Response, dechunked, decoded_body, kind_of, parse_response
from stages.ingest.sniff import is_unreadable, media_type
from tests.stages.ingest.archives import noise, page

BODY = page(1, 2000)
LIMIT = 1 << 20


def brotli(data: bytes, folder: object) -> bytes:
    path = f"{folder}/body.br"
    with BrotliWriter(path) as writer:
        writer.write(data)
    with open(path, "rb") as file:
        return file.read()


def chunked(data: bytes, size: int = 1000, extra: bytes = b"", eol: bytes = b"\r\n") -> bytes:
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    return b"".join(b"%x" % len(p) + extra + eol + p + eol for p in chunks) + b"0" + eol * 2


def body_of(encoding: str, body: bytes, transfer: str = "") -> tuple[bytes, str]:
    headers = {"content-encoding": encoding} | ({"transfer-encoding": transfer} if transfer else {})
    return decoded_body(Response(200, headers, body), LIMIT)


def bare(data: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(data) + deflate.flush()


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"HTTP/1.1 200 OK", 200),
        (b"HTTP/1.0 404", 404),
        (b"HTTP/2 301 Moved", 301),
        (b"HTTP/1.x 304 Not Modified", 304),
        (b"HTTP/1.1  500\tOops", 500),
        (b"ICY 200 OK", 200),
        (b"HTTP/1.1 2000 no", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_status_lines(line: bytes, status: int | None) -> None:
    response = parse_response(line + b"\r\nA: b\r\n\r\nbody")
    assert response.status == status
    assert response.body == (b"body" if status else line + b"\r\nA: b\r\n\r\nbody")


@pytest.mark.parametrize("eol", [b"\r\n", b"\n"])
def test_headers_as_servers_send_them(eol: bytes) -> None:
    lines = [b"HTTP/1.1 200 OK", b"Content-Type: text/html", b"X-FOLDED: one", b"\ttwo", b"no colon"]
    lines += [b": no name", b"Set-Cookie: a", b"set-cookie: b", b"X-Latin: caf\xe9"]
    response = parse_response(eol.join([*lines, b"", b"<p>" + eol + eol + b"</p>"]))
    assert response.content_type == "text/html"
    assert response.headers["x-folded"] == "one two"
    assert response.headers["set-cookie"] == "a"
    assert response.headers["x-latin"] == "café"
    assert response.body == b"<p>" + eol + eol + b"</p>"


def test_interim_responses_and_missing_ends() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert parse_response(interim + b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody") == Response(
        200, {"a": "b"}, b"body"
    )
    assert parse_response(b"HTTP/1.1 100 Continue\r\n\r\n") == Response(100, {}, b"")
    assert parse_response(b"HTTP/1.1 204 No Content\r\nA: b") == Response(204, {"a": "b"}, b"")


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", bare),
        ("zstd", zstandard.compress),
        ("gzip, identity", gzip.compress),
        ("deflate, gzip", lambda b: gzip.compress(zlib.compress(b))),
        ("", bytes),
        ("none", bytes),
    ],
)
def test_content_codings(encoding: str, compress: Callable[[bytes], bytes]) -> None:
    coded = compress(BODY)
    assert body_of(encoding, coded) == (BODY, "")
    assert body_of(encoding, chunked(coded), "chunked") == (BODY, "")
    assert body_of(encoding, BODY) == (BODY, ""), "the crawler stored it decoded"
    cut, why = body_of(encoding, coded[: len(coded) // 2])
    assert BODY.startswith(cut) or encoding == "deflate, gzip"
    assert not why or encoding == "zstd"  # which decodes block by block


def test_brotli(tmp_path: object) -> None:
    coded = brotli(BODY, tmp_path)
    assert len(coded) < len(BODY)
    assert body_of("br", coded) == (BODY, "")
    assert body_of("br", BODY) == (BODY, "")


def test_what_cannot_be_decoded_says_so() -> None:
    broken = gzip.compress(BODY)[:10] + noise(1, 500)
    assert body_of("gzip", broken) == (b"", "damaged_encoding:gzip")
    assert body_of("br", b"\0\1\2" + noise(2, 500)) == (b"", "damaged_encoding:br")
    assert body_of("sdch", noise(3, 100)) == (b"", "unsupported_encoding:sdch")
    assert body_of("gzip", b"") == (b"", "")


def test_bombs_are_stopped() -> None:
    zeros = bytes(40 * LIMIT)
    assert body_of("gzip", gzip.compress(zeros)) == (b"", "too_large")
    assert body_of("deflate", zlib.compress(zeros)) == (b"", "too_large")
    assert body_of("zstd", zstandard.compress(zeros)) == (b"", "too_large")
    assert body_of("", zeros) == (b"", "too_large")


@pytest.mark.parametrize("eol", [b"\r\n", b"\n"])
@pytest.mark.parametrize("extra", [b"", b"  ", b";name=value"])
def test_chunks(eol: bytes, extra: bytes) -> None:
    for size in (1, 7, 1000, 100_000):
        coded = chunked(BODY[:3000], size, extra, eol)
        assert dechunked(coded) == BODY[:3000]
        assert dechunked(coded + b"Trailer: x" + eol + eol) == BODY[:3000]
        assert BODY.startswith(dechunked(coded[: len(coded) // 2]))


def test_chunking_that_is_not_there_or_breaks_off() -> None:
    assert dechunked(BODY) == BODY
    assert dechunked(b"add\r\nmore lines that are no chunk, and enough of them" * 80).startswith(
        b"add\r\nmore"
    )
    good = chunked(b"abcdefghij", 5)
    broken = good.replace(b"5\r\nfghij", b"zz\r\nfghij")
    assert dechunked(broken) == b"abcde" + b"zz\r\nfghij\r\n0\r\n\r\n"


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br", "zstd", "x", "gzip,br"]))
def test_nothing_raises(data: bytes, encoding: str) -> None:
    for payload in (data, b"HTTP/1.1 200 OK\r\n" + data, b"HTTP/1.1 200 OK\r\n\r\n" + data):
        response = parse_response(payload)
        headers = response.headers | {"content-encoding": encoding, "transfer-encoding": "chunked"}
        body, why = decoded_body(Response(200, headers, response.body), LIMIT)
        assert len(body) <= LIMIT
        assert not (body and why)
        assert "/" in media_type(response.content_type, body)


@given(st.binary(max_size=500), st.integers(1, 60))
def test_chunked_bodies_come_back(data: bytes, size: int) -> None:
    assert dechunked(chunked(data, size)) == data


@pytest.mark.parametrize(
    ("said", "body", "want"),
    [
        ("text/html; charset=utf-8", b"anything", "text/html"),
        ("TEXT/HTML", b"", "text/html"),
        ("text/html", b"%PDF-1.4", "application/pdf"),
        ("text/html", b"\x89PNG\r\n", "image/png"),
        ("text/plain", b"<html>", "text/plain"),
        ("application/pdf", b"<html>", "application/pdf"),
        ("", b"\n <!DOCTYPE html><html>", "text/html"),
        ("", b"<!-- a --><p>", "text/html"),
        ("", b"\xef\xbb\xbf<HTML lang=de>", "text/html"),
        ("", "<html>".encode("utf-16"), "text/html"),
        ("", b"<?xml version='1.0'?><html xmlns=''>", "application/xhtml+xml"),
        ("", b"<?xml version='1.0'?><rss>", "text/xml"),
        ("", b"words", "text/plain"),
        ("", noise(1, 100), "application/octet-stream"),
        ("unknown/unknown", b"<title>", "text/html"),
        ("application/octet-stream", b"<body bgcolor=red>", "text/html"),
        ("nonsense", b"<html >", "text/html"),
        ("text/html, text/html", b"", "text/html"),
    ],
)
def test_media_types(said: str, body: bytes, want: str) -> None:
    assert media_type(said, body) == want


def test_kinds_are_few() -> None:
    cases = {
        "image/png": "image", "image/svg+xml": "image", "video/mp4": "video", "font/woff2": "font",
        "application/pdf": "pdf", "application/ld+json": "json", "application/rss+xml": "xml",
        "text/javascript": "javascript", "application/x-javascript": "javascript", "text/css": "css",
        "application/gzip": "gzip", "text/plain": "plain", "text/dns": "dns", "application/msword": "other",
        "application/octet-stream": "octet-stream", "x/y": "other",
    }  # fmt: skip
    for mime, kind in cases.items():
        assert kind_of(mime) == kind, mime


def test_all_members_of_a_gzip_body() -> None:
    parts = [BODY[:9000], b"", BODY[9000:]]
    assert body_of("gzip", b"".join(map(gzip.compress, parts))) == (BODY, "")
    assert body_of("gzip", gzip.compress(BODY) + b"\0\0garbage") == (BODY, "")


@pytest.mark.parametrize("flipped", [-1, -5])
def test_a_wrong_checksum_loses_nothing(flipped: int) -> None:
    coded = bytearray(gzip.compress(BODY))
    coded[flipped] ^= 1
    assert body_of("gzip", bytes(coded)) == (BODY, "")
    zlibs = bytearray(zlib.compress(BODY))
    zlibs[-1] ^= 1
    assert body_of("deflate", bytes(zlibs)) == (BODY, "")


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_a_long_body_gives_all_before_its_damage(share: float) -> None:
    body = noise(5, 150_000).hex().encode()
    coded = bytearray(gzip.compress(body))
    at = int(len(coded) * share)
    coded[at : at + 64] = b"\xff" * 64
    inflate, expected = zlib.decompressobj(zlib.MAX_WBITS | 16), b""
    with contextlib.suppress(zlib.error):
        for i in range(len(coded)):
            expected += inflate.decompress(coded[i : i + 1])
    found, _ = body_of("gzip", bytes(coded))
    assert found == expected
    assert len(found) > len(body) * share * 0.9


def test_a_brotli_body_that_is_cut_gives_what_comes_before(tmp_path: object) -> None:
    coded = brotli(BODY, tmp_path)
    body, why = body_of("br", coded[: len(coded) // 2])
    assert len(body) > 1000
    assert BODY.startswith(body)
    assert not why


def test_another_coding_than_named() -> None:
    for named in ("br", "deflate", "zstd", "gzip", "sdch"):
        assert body_of(named, gzip.compress(BODY)) == (BODY, "")
        assert body_of(named, zstandard.compress(BODY)) == (BODY, "")


def test_header_lines_that_end_twice() -> None:
    response = parse_response(b"HTTP/1.1 200 OK\r\r\nContent-Type: text/html\r\r\n\r\r\n<p>a\r\n\r\nb")
    assert response == Response(200, {"content-type": "text/html"}, b"<p>a\r\n\r\nb")


BINARIES = [
    b"\x28\xb5\x2f\xfd", b"ID3\x03\0", b"\0\0\0\x20ftypisom", b"MZ\x90\0\3\0\0\0\4\0", b"Rar!\x1a\x07\0",
    b"7z\xbc\xaf\x27\x1c", b"RIFF\1\2\3\4WEBPVP8 ", b"wOF2", b"\0\0\1\0\1\0",
    b"\x7fELF\2\1\1\0", b"\0asm\1\0",
    b"SQLite format 3\0", b"\r\n\r\n%PDF-1.4\n", b"II*\0", b"", b"\xff\xfb\x90", b"\xfd7zXZ\0", b"OggS\0",
]  # fmt: skip


@pytest.mark.parametrize("start", BINARIES)
@pytest.mark.parametrize("said", ["text/html", "", "application/xhtml+xml", "application/octet-stream"])
def test_binary_formats_are_no_html_whatever_is_said(start: bytes, said: str) -> None:
    for seed in range(20):
        assert "html" not in media_type(said, start + noise(seed, 3000))


def test_pages_are_html_whatever_is_in_them() -> None:
    for body in (
        "<p>Ж".encode("utf-16"),
        b"ID3 tags explained",
        b"MZ is a magic",
        b"\x1b$B$3\x1b(B",
        b"a\0b",
    ):
        assert media_type("text/html", body) == "text/html"


def test_what_the_crawler_found_counts() -> None:
    assert media_type("text/html", b"no signature", "application/pdf") == "application/pdf"
    assert media_type("text/html", b"<html><p>a", "application/pdf") == "text/html"
    assert media_type("text/html", b"plain words", "text/plain") == "text/html"
    assert media_type("", b"words", "text/html") == "text/html"


def test_xhtml_as_xml() -> None:
    head = b"<?xml version='1.0'?><!-- a --><!DOCTYPE html>\n"
    page_ = head + b"<html xmlns='http://www.w3.org/1999/xhtml'><p>"
    assert media_type("application/xml", page_) == "application/xhtml+xml"
    assert media_type("text/xml; charset=utf-8", page_) == "application/xhtml+xml"
    assert media_type("application/xml", head + b"<rss>") == "application/xml"


def test_text_that_means_nothing() -> None:
    assert is_unreadable(noise(1, 3000).decode("cp1252", "replace"))
    assert not is_unreadable("<p>ä\ufffd")
    assert not is_unreadable("words and lines\n" * 100 + "\ufffd" * 50)
