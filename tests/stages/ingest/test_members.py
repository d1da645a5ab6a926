from __future__ import annotations

import gzip
import io

import pytest

from stages.ingest.members import Inflated, next_member, opening
from stages.ingest.window import Window
from tests.stages.ingest.archives import (
    BLOCKS,
    LOSES_ONE,
    MEMBER_LOSES_NOTHING,
    MEMBER_LOSES_ONE,
    RECORDS,
    STORED,
    N,
    assert_tiled,
    damage,
    member,
    noise,
    payloads,
    read,
    response,
    split_anywhere,
)


@pytest.mark.parametrize("k", range(N))
@pytest.mark.parametrize("what", MEMBER_LOSES_ONE)
def test_damage_to_a_gzip_member_costs_its_record(what: str, k: int) -> None:
    parts = list(STORED["gzip"])
    parts[k] = MEMBER_LOSES_ONE[what](parts[k])
    data = b"".join(parts)
    items = read(data)
    assert payloads(items) == BLOCKS[:k] + BLOCKS[k + 1 :]
    start = len(b"".join(parts[:k]))
    assert [(d.offset, d.length) for d in damage(items)] == [(start, len(parts[k]))]
    assert_tiled(data)


@pytest.mark.parametrize("k", range(N))
@pytest.mark.parametrize("what", MEMBER_LOSES_NOTHING)
def test_oddities_between_gzip_members_cost_nothing(what: str, k: int) -> None:
    parts = list(STORED["gzip"])
    parts[k] = MEMBER_LOSES_NOTHING[what](parts[k])
    assert payloads(read(b"".join(parts))) == BLOCKS
    assert_tiled(b"".join(parts))


def test_one_gzip_stream_of_many_records_belongs_to_where_it_begins() -> None:
    data = member(b"".join(RECORDS))
    items = read(data)
    assert payloads(items) == BLOCKS
    assert {i.offset for i in items} == {0}
    assert len({i.inner for i in items}) == N
    assert_tiled(data)
    two = member(b"".join(RECORDS[:2])) + member(b"".join(RECORDS[2:]))
    assert payloads(read(two)) == BLOCKS
    assert {i.offset for i in read(two)} == {0, len(member(b"".join(RECORDS[:2])))}
    assert_tiled(two)


@pytest.mark.parametrize("k", range(N))
@pytest.mark.parametrize("what", LOSES_ONE)
def test_damage_inside_one_gzip_stream(what: str, k: int) -> None:
    data = member(b"".join(LOSES_ONE[what](r) if i == k else r for i, r in enumerate(RECORDS)))
    assert payloads(read(data)) == BLOCKS[:k] + BLOCKS[k + 1 :]
    assert_tiled(data)


def test_a_broken_gzip_stream_gives_the_records_before_the_break() -> None:
    bodies = [response(i, noise(i, 5000)) for i in range(8)]
    data = bytearray(member(b"".join(bodies)))
    data[4 * 5600] ^= 16
    data[4 * 5600 + 1 : 4 * 5600 + 200] = bytes(199)
    items = read(bytes(data) + STORED["gzip"][0])
    assert len(payloads(items)) >= 4
    assert payloads(items)[-1] == BLOCKS[0]
    (broken,) = damage(items)
    assert (broken.offset, broken.length) == (0, len(data))
    assert broken.inner >= len(b"".join(bodies[:4]))
    assert_tiled(bytes(data))


def test_records_that_span_gzip_members() -> None:
    text = b"".join(RECORDS)
    for size in (50, 333, 1000):
        data = b"".join(member(text[i : i + size]) for i in range(0, len(text), size))
        assert payloads(read(data)) == BLOCKS
        assert split_anywhere(data, 700) == read(data)


def test_gzip_headers_with_all_fields() -> None:
    out = io.BytesIO()
    with gzip.GzipFile("a-name.warc", "wb", fileobj=out, mtime=1) as file:
        file.write(RECORDS[0])
    named = out.getvalue()
    extra = (
        named[:3]
        + b"\x04"
        + named[4:10]
        + (60_000).to_bytes(2, "little")
        + bytes(60_000)
        + STORED["gzip"][1][10:]
    )
    for data in (named + extra, noise(1, 500) + extra + named):
        assert len(payloads(read(data))) == 2
        assert split_anywhere(data, 1000) == read(data)


def test_inflated_bytes_at_any_offset() -> None:
    text = b"".join(RECORDS) + noise(1, 3 << 20)
    stored = b"junk" + member(text[:1000]) + member(text[1000:]) + member(RECORDS[0])
    window = Window(io.BytesIO(stored), len(stored))
    data = Inflated(window, 4, 1 << 20)
    assert data.read(0, 10) == text[:10]
    assert data.read(990, 100) == text[990:1000], "the next member is no part until more is needed"
    assert data.reach(1001)
    assert data.read(990, 100) == text[990:1090]
    assert data.read(3 << 20, 50) == text[3 << 20 : (3 << 20) + 50]
    assert data.read(5, 50) == text[5:55], "what was let go is decompressed again"
    assert data.end() == len(text)
    assert data.read(len(text), 5) == b""
    assert not data.reach(len(text) + 1), "the last member begins a record of its own"
    assert data.stop == len(stored) - len(member(RECORDS[0]))
    assert not data.error


def test_opening_and_next_member() -> None:
    stored = [member(b"\r\n\r\n" + RECORDS[0]), member(b"other"), b"\x1f\x8b\x08\0 broken", STORED["gzip"][1]]
    data = b"".join(stored)
    window = Window(io.BytesIO(data), len(data))
    starts = [len(b"".join(stored[:k])) for k in range(4)]
    assert [opening(window, at)[:5] for at in starts] == [b"WARC/", b"other", b"", b"WARC/"]
    assert next_member(window, 0) == 0
    assert next_member(window, 1) == starts[3]
    assert next_member(window, 1, starts[3]) is None
    assert next_member(window, starts[3] + 1) is None
