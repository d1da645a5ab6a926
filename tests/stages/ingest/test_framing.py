from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.ingest.framing import Record, frames, lone
from stages.ingest.window import Window
from tests.stages.ingest.archives import (
    BLOCKS,
    LENGTHS,
    LOSES_NOTHING,
    LOSES_ONE,
    MEMBER_LOSES_ONE,
    PACK,
    RECORDS,
    STORED,
    N,
    assert_tiled,
    changed,
    damage,
    member,
    page,
    payloads,
    read,
    response,
    split_anywhere,
)


@pytest.mark.parametrize("k", range(N))
@pytest.mark.parametrize("what", LOSES_ONE)
@pytest.mark.parametrize("how", STORED)
def test_damage_to_a_record_costs_that_record(how: str, what: str, k: int) -> None:
    data, start, stop = changed(how, k, LOSES_ONE[what])
    items = read(data)
    if how == "gzip" and what in LENGTHS:
        assert payloads(items) == BLOCKS
        assert [i.flaw for i in items if isinstance(i, Record) and i.flaw] == ["content_length"]
        assert_tiled(data)
        return
    assert payloads(items) == BLOCKS[:k] + BLOCKS[k + 1 :]
    assert damage(items)
    assert all(start <= d.offset and d.offset + d.length <= stop for d in damage(items))
    assert (
        sum(d.length for d in damage(items)) >= stop - start - 4
    )  # line ends count with what is before them
    assert_tiled(data)


@pytest.mark.parametrize("k", range(N))
@pytest.mark.parametrize("what", LOSES_NOTHING)
@pytest.mark.parametrize("how", STORED)
def test_oddities_cost_nothing(how: str, what: str, k: int) -> None:
    data, _, _ = changed(how, k, LOSES_NOTHING[what])
    assert payloads(read(data)) == BLOCKS
    assert_tiled(data)


def test_what_was_wrong_is_named() -> None:
    def reasons(how: str, what: str, k: int = 1) -> list[str]:
        return [d.reason for d in damage(read(changed(how, k, LOSES_ONE[what])[0]))]

    assert reasons("plain", "length too small") == ["content_length"]
    assert reasons("zstd", "length too large") == ["truncated"]  # the frame ends before the block does
    assert reasons("plain", "no length") == ["bad_header"]
    assert reasons("plain", "header zeroed") == ["garbage"]
    assert reasons("plain", "block cut off", k=N - 1) == ["truncated"]
    first, second, third, *_ = STORED["gzip"]
    for what, reason in {
        "bit in the checksum": "crc",
        "first bytes zeroed": "garbage",
        "middle zeroed": "inflate",
    }.items():
        broken = MEMBER_LOSES_ONE[what](second)
        assert [d.reason for d in damage(read(first + broken + third))] == [reason]
    assert [d.reason for d in damage(read(STORED["gzip"][0] + STORED["gzip"][1][:-9]))] == ["truncated"]


def test_a_flaw_is_noted() -> None:
    data, _, _ = changed("plain", 1, LOSES_NOTHING["no line ends after it"])
    assert [i.flaw for i in read(data) if isinstance(i, Record)] == ["", "missing_crlf", "", "", ""]


@pytest.mark.parametrize("how", STORED)
def test_every_way_to_cut_the_tail_off(how: str) -> None:
    complete = b"".join(STORED[how])
    before = len(complete) - len(STORED[how][-1])
    for size in range(before + 1, len(complete), 7):
        items = read(complete[:size])
        kept = payloads(items)
        assert kept[: N - 1] == BLOCKS[:-1]
        if size < len(complete) - 4:
            assert len(kept) == N - 1
            assert [(d.offset, d.length) for d in damage(items)] == [(before, size - before)]
    assert len(complete) - before > 700


@pytest.mark.parametrize("how", STORED)
def test_a_record_too_large_is_skipped(how: str) -> None:
    large = response(9, page(9, 40_000))
    parts = [*STORED[how][:2], PACK[how](large), *STORED[how][2:]]
    items = read(b"".join(parts), limit=100_000)
    assert payloads(items) == BLOCKS
    assert [(d.reason, d.length) for d in damage(items)] == [("too_large", len(parts[2]))]
    assert split_anywhere(b"".join(parts), 1000, limit=100_000) == items


@pytest.mark.parametrize("how", ["plain", "stream"])
def test_a_lie_about_a_large_length_loses_nothing_else(how: str) -> None:
    lying = response(7).replace(b"Content-Length: ", b"Content-Length: 9", 1)
    filler = [response(i, page(i, 3000)) for i in range(10, 60)]
    data = b"".join([RECORDS[0], lying, *filler, RECORDS[1]])
    items = read(data if how == "plain" else member(data), limit=1 << 16)
    blocks = [r[r.index(b"\r\n\r\n") + 4 : -4] for r in filler]
    assert payloads(items) == [BLOCKS[0], *blocks, BLOCKS[1]]
    assert len(damage(items)) == 1


def test_a_digest_distinguishes_a_wrong_length_from_a_damaged_neighbour() -> None:
    body = b"<p>one</p>\r\n\r\n<p>two</p>"
    block = response(1, body)
    short = block.replace(b"Content-Length: ", b"Content-Length: 0", 1)
    n = len(block[block.index(b"\r\n\r\n") + 4 : -4])
    short = short.replace(f"Content-Length: 0{n}".encode(), f"Content-Length: {n - 14}".encode(), 1)
    items = read(short + RECORDS[2])
    assert payloads(items) == [BLOCKS[2]]
    undamaged, broken = RECORDS[0], LOSES_ONE["header zeroed"](RECORDS[1])
    assert payloads(read(undamaged + broken + RECORDS[2])) == [BLOCKS[0], BLOCKS[2]]


def test_headers_of_all_versions() -> None:
    block = b"content"
    for version, eol in itertools.product(("0.17", "0.18", "1.0", "1.1"), ("\r\n", "\n")):
        lines = [f"WARC/{version}", "WARC-Type: resource", "x-folded: one", "\t two", "no colon here",
                 "WARC-Target-URI: <http://example.com/ä>", "x-twice: 1", "x-twice: 2",
                 f"content-length : {len(block)}"]  # fmt: skip
        data = eol.join([*lines, "", ""]).encode() + block + eol.encode() * 2
        (record,) = read(data * 2)[:1]
        assert isinstance(record, Record)
        assert record.payload == block
        fields = record.fields()
        assert fields["x-folded"] == "one two"
        assert fields["x-twice"] == "1"
        assert fields["warc-target-uri"] == "<http://example.com/ä>"
        assert record.flaw == ""
    latin = RECORDS[0].replace(b"Server", b"S\xe9rver").replace(b"WARC-Date", b"X-\xe9: 1\r\nWARC-Date")
    (record,) = read(latin.replace(b"Content-Length: ", b"Content-Length: 0"))[:1]
    assert isinstance(record, Record)
    assert record.fields()["x-é"] == "1"


def test_plain_text_about_warc_inside_a_record() -> None:
    inner = b"".join(RECORDS)
    data = response(1, inner) + response(2, b"x" + inner) + RECORDS[3]
    items = read(data)
    assert len(items) == 3
    assert_tiled(data)


SPLINTERS = [
    b"\r\n\r\n",
    b"\n\n",
    b"WARC/1.0\r\nA",
    b"Content-Length: 3\r\n",
    b"\n ",
    b"",
    b"9",
    b"\r\n",
    b"\xff",
    b":",
]


@given(st.integers(0, N - 1), st.lists(st.tuples(st.floats(0, 1), st.sampled_from(SPLINTERS)), max_size=2))
def test_the_short_way_finds_what_the_long_way_finds(k: int, hits: list[tuple[float, bytes]]) -> None:
    text = RECORDS[k][:700] if k % 2 else RECORDS[k]
    for where, splinter in hits:
        at = int(where * min(len(text), 400))
        text = text[:at] + splinter + text[at:]
    record = lone(text, 0, len(text), 1 << 20)
    found = list(frames(Window.of(text), 1 << 20))
    if record is not None:
        (same,) = found
        assert isinstance(same, Record)
        assert (record.payload, record.header, record.flaw) == (same.payload, same.header, same.flaw)
        assert (record.offset, record.length, record.inner) == (same.offset, same.length, same.inner)
    else:
        assert hits or k % 2


def test_the_short_way_is_taken() -> None:
    for text in RECORDS:
        assert lone(text, 0, len(text), 1 << 20) is not None
        assert lone(text, 0, len(text), 100) is None
        for odd in (
            text + b"\r\n",
            text[:-1],
            text + text,
            b"\r\n" + text,
            b"",
            text[:50],
            LOSES_NOTHING["length twice"](text),
        ):
            assert lone(odd, 0, len(odd), 1 << 20) is None
    linked = RECORDS[0].replace(b"WARC-Record-ID", b"X-Seen-In: a.warc/1\r\nWARC-Record-ID", 1)
    assert lone(linked, 0, len(linked), 1 << 20) is not None


def test_the_kind_is_the_field() -> None:
    for header in (
        b"WARC/1.0\r\nWARC-Type: Response\r\n\r\n",
        b"WARC/1.0\r\nA: b\r\nwarc-type:revisit \r\nWARC-Type: x\r\n\r\n",
        b"WARC/1.0\nWARC-Type:\n metadata\n\n",
        b"WARC/1.0\nWARC-Type: a\n b\n\n",
        b"WARC/1.0\nWARC-Type:\nA: b\n\n",
        b"WARC/1.0\nA: WARC-Type: x\n\n",
    ):
        record = Record(offset=0, length=0, inner=0, header=header, text=b"", stop=0)
        assert record.kind() == record.fields().get("warc-type", "").lower()
