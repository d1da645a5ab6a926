"""Every kind of damage to every record of every container: what is lost, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stages.ingest.framing import Record
from tests.stages.ingest.archives import (
    BLOCKS,
    LENGTHS,
    PACK,
    RECORDS,
    STORED,
    N,
    assert_tiled,
    claim,
    damage,
    flip,
    payloads,
    read,
)

TEXT: dict[str, tuple[Callable[[bytes], bytes], set[str]]] = {
    "length too large": (claim(lambda n: n + 40), {"content_length", "truncated"}),
    "length too small": (claim(lambda n: n - 40), {"content_length"}),
    "length beyond the file": (claim(lambda n: n + 10**12), {"content_length", "truncated"}),
    "block cut off": (lambda r: r[: len(r) // 2], {"content_length", "truncated"}),
    "version line overwritten": (lambda r: b"\0" * 10 + r[10:], {"garbage"}),
    "length field gone": (lambda r: r.replace(b"Content-Length", b"Content-Size", 1), {"bad_header"}),
    "no line ends after the block": (lambda r: r[:-4], set()),
    "field twice": (lambda r: r.replace(b"\r\n", b"\r\nWARC-Type: x\r\nContent-Length: 1\r\n", 1), set()),
}
"""Damage to the text of a record, and the reasons it may get; none: nothing is lost."""

STORED_AS: dict[str, tuple[Callable[[bytes], bytes], dict[str, set[str]]]] = {
    "flipped bit": (
        lambda part: flip(part, len(part) * 3 // 4),
        {"plain": set(), "gzip": {"inflate", "crc"}, "zstd": {"inflate", "crc"}},
    ),
    "end cut off": (
        lambda part: part[: len(part) * 3 // 4],
        {
            "plain": {"content_length", "truncated"},
            "gzip": {"truncated", "inflate", "crc"},
            "zstd": {"truncated", "inflate", "crc"},
        },
    ),
    "start overwritten": (
        lambda part: b"\xff" * 24 + part[24:],
        {"plain": {"garbage"}, "gzip": {"garbage"}, "zstd": {"garbage"}},
    ),
}
"""Damage to the bytes in the file, and the reasons for each container."""


@pytest.mark.parametrize("k", range(N))
@pytest.mark.parametrize("what", TEXT)
@pytest.mark.parametrize("how", PACK)
def test_damage_to_the_text_of_a_record(how: str, what: str, k: int) -> None:
    change, reasons = TEXT[what]
    if how == "gzip" and what in LENGTHS:
        reasons = set()
    parts = list(STORED[how])
    parts[k] = PACK[how](change(RECORDS[k]))
    assert_lost(how, parts, k, reasons)


@pytest.mark.parametrize("k", range(N))
@pytest.mark.parametrize("what", STORED_AS)
@pytest.mark.parametrize("how", PACK)
def test_damage_to_the_bytes_of_a_file(how: str, what: str, k: int) -> None:
    change, reasons = STORED_AS[what]
    parts = list(STORED[how])
    parts[k] = change(parts[k])
    assert_lost(how, parts, k, reasons[how])


def assert_lost(how: str, parts: list[bytes], k: int, reasons: set[str]) -> None:
    """The k-th record alone is missing and its bytes are named; without reasons, nothing is missing."""
    data = b"".join(parts)
    items = read(data)
    found = payloads(items)
    if reasons:
        assert found == BLOCKS[:k] + BLOCKS[k + 1 :]
        (hit,) = damage(items)
        assert hit.reason in reasons
        assert (hit.offset, hit.length) == (len(b"".join(parts[:k])), len(parts[k]))
    else:
        assert len(found) == N
        assert found[:k] + found[k + 1 :] == BLOCKS[:k] + BLOCKS[k + 1 :]
        assert not damage(items)
    assert_tiled(data)


@pytest.mark.parametrize("k", range(N + 1))
@pytest.mark.parametrize("how", PACK)
@pytest.mark.parametrize(
    "garbage", [b"\0" * 500, b"<html>WARC/ 1.0\r\n\r\n" * 9, b"\x1f\x8b\x08\0\x28\xb5\x2f\xfd" * 20]
)
def test_garbage_between_records(how: str, garbage: bytes, k: int) -> None:
    parts = [*STORED[how][:k], garbage, *STORED[how][k:]]
    items = read(b"".join(parts))
    assert payloads(items) == BLOCKS
    (hit,) = damage(items)
    assert (hit.offset, hit.length) == (len(b"".join(parts[:k])), len(garbage))
    assert_tiled(b"".join(parts))


@pytest.mark.parametrize("how", PACK)
def test_no_line_ends_is_a_flaw_and_no_damage(how: str) -> None:
    parts = [PACK[how](RECORDS[0][:-4]), *STORED[how][1:]]
    assert [i.flaw for i in read(b"".join(parts)) if isinstance(i, Record)] == [
        "missing_crlf",
        *[""] * (N - 1),
    ]


@pytest.mark.parametrize("how", PACK)
def test_two_damaged_records_side_by_side(how: str) -> None:
    change = TEXT["version line overwritten"][0]
    parts = [PACK[how](change(r)) if k in (1, 2) else PACK[how](r) for k, r in enumerate(RECORDS)]
    items = read(b"".join(parts))
    assert payloads(items) == [BLOCKS[0], *BLOCKS[3:]]
    assert sum(d.length for d in damage(items)) == len(parts[1]) + len(parts[2])
    assert damage(items)[0].offset == len(parts[0])
