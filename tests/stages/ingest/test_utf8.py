from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stages.ingest.charset import decode
from stages.ingest.utf8 import certainly_utf_8

CLAIMS = [
    "",
    "text/html; charset=utf-8",
    "text/html; charset=gbk",
    "text/html;charset=iso-2022-jp",
    "x; charset=utf-16",
]
HEADS = [
    "",
    "<meta charset=gb2312>",
    "<?xml version='1.0' encoding='Shift_JIS'?>",
    "<meta charset='UTF-8'>",
    "\ufeff",
]


def assert_agrees(data: bytes, content_type: str) -> bool:
    """What is certainly UTF-8 is decoded as UTF-8."""
    certain = certainly_utf_8(data, content_type)
    if certain:
        assert decode(data, content_type) == data.decode()
    return certain


@given(st.text(max_size=60), st.sampled_from(HEADS), st.sampled_from(CLAIMS), st.integers(0, 5))
def test_what_is_certain_is_what_decoding_finds(text: str, head: str, content_type: str, times: int) -> None:
    assert_agrees((head + text * times).encode("utf-8", "replace"), content_type)


@given(st.binary(max_size=60), st.sampled_from(HEADS), st.sampled_from(CLAIMS), st.integers(0, 40))
def test_any_bytes(data: bytes, head: str, content_type: str, times: int) -> None:
    assert_agrees(head.encode() + data + "é".encode() * times, content_type)


@pytest.mark.parametrize(
    ("data", "content_type", "certain"),
    [
        (b"", "", True),
        (b"<p>plain", "", True),
        (b"<p>plain", "text/html; charset=gbk", True),
        ("ж".encode() * 16, "", True),
        ("ж".encode() * 15, "", True),
        ("ж".encode() * 15, "text/html; charset=UTF-8", True),
        ("ж".encode() * 15, "text/html; charset=gbk", False),
        (b"<meta charset=big5>" + "ж".encode() * 15, "", False),
        (b"<meta charset=big5>" + "ж".encode() * 16, "", True),
        (b"<meta charset=big5>" + b"x" * 20_000 + "ж".encode() * 16, "", True),
        (b"<p>a\0b", "", False),
        (b"\xef\xbb\xbf<p>", "", False),
        (b"\x1b$B<meta charset=iso-2022-jp>", "", False),
        (b"\x1b[B 1999", "", True),
        (b"\x1b$B 1999", "", False),
        (b"\x1b$B", "text/html; charset=iso-2022-jp", False),
        ("ж".encode() * 40 + b"\xff", "", False),
        (b"\xed\xa0\x80" * 40, "", False),
        (b"\xc0\xaf" * 40, "", False),
        (b"\xf4\x90\x80\x80" * 40, "", False),
    ],
)
def test_cases(data: bytes, content_type: str, certain: bool) -> None:
    assert assert_agrees(data, content_type) == certain


@pytest.mark.data
def test_real_pages(shared_data: Path) -> None:
    with (shared_data / "cc_pages/hplt_cc_wide_pages.jsonl.zst").open("rb") as file:
        lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
        pages = [json.loads(line)["html"].encode() for line in lines if '"html"' in line]
    assert sum(assert_agrees(page, "text/html") for page in pages) > 0.9 * len(pages) > 50
