from __future__ import annotations

import hashlib
import io
import random
import zlib
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator
from hypothesis import given
from hypothesis import strategies as st
from warcio.archiveiterator import WARCIterator

from stages.ingest.framing import Record
from stages.ingest.records import LOOKBACK, Item, container, is_one_stream, records
from stages.ingest.window import Window
from tests.stages.ingest.archives import (
    BLOCKS,
    PACK,
    RECORDS,
    STORED,
    N,
    damage,
    member,
    noise,
    payloads,
    read,
    response,
    split_anywhere,
)


@pytest.mark.parametrize("how", STORED)
def test_reads_what_was_written(how: str) -> None:
    data = b"".join(STORED[how])
    items = read(data)
    assert payloads(items) == BLOCKS
    assert [item.offset for item in items] == [len(b"".join(STORED[how][:k])) for k in range(N)]
    assert [item.length for item in items] == [len(part) for part in STORED[how]]
    assert {item.flaw for item in items if isinstance(item, Record)} == {""}
    for size in (1, 10, 100, 1000):
        assert split_anywhere(data, size) == items


def test_containers_that_hold_no_records_are_one_row() -> None:
    cases = {
        "lz4": [b"\x04\x22\x4d\x18" + noise(2, 100)],
        "xz": [b"\xfd7zXZ\0" + noise(4, 100)],
        "unknown": [b"hello", member(b"hello"), b"\0" * 5000, noise(5, 5000), b"WARC", b"WARC/1.0"],
    }
    for kind, files in cases.items():
        for data in files:
            window = Window(io.BytesIO(data), len(data))
            assert container(window) == kind
            rows = damage(split_anywhere(data, 50))
            assert [(d.offset, d.length, d.reason) for d in rows] == [(0, len(data), f"unsupported:{kind}")]
    assert read(b"") == read(member(b"")) == []


def test_a_file_of_nothing_but_one_broken_member() -> None:
    for kind, data in {
        "gzip": b"\x1f\x8b\x08\0" + noise(1, 100),
        "zstd": b"\x28\xb5\x2f\xfd" + noise(3, 100),
        "bzip2": b"BZh91AY&SY" + noise(1, 100),
    }.items():
        assert container(Window.of(data)) == kind
        assert [(d.offset, d.length) for d in damage(split_anywhere(data, 50))] == [(0, len(data))]


def test_a_file_that_begins_with_garbage() -> None:
    for how in STORED:
        data = noise(3, 300_000) + b"".join(STORED[how])
        items = read(data)
        assert payloads(items) == BLOCKS
        assert [(d.offset, d.length, d.reason) for d in damage(items)] == [(0, 300_000, "garbage")]
        assert split_anywhere(data, 100_000) == items
    assert len(STORED) == 3


def nested(n_records: int) -> tuple[bytes, list[bytes]]:
    """A .warc.gz in which records before and after hold .warc.gz files that deflate leaves as they are."""
    members, bodies = [], []
    for i in range(n_records):
        if i % 3 == 1:
            inner = b"".join(
                member(response(40 * i + j, noise(j, 12_000 + 3_000 * (j % 5)))) for j in range(30)
            )
            bodies.append(inner)
        else:
            bodies.append(noise(i, 30_000))
        members.append(member(response(i, bodies[-1]), level=0))
    return b"".join(members), bodies


def test_a_warc_inside_a_warc_is_never_mistaken_for_the_file() -> None:
    data, bodies = nested(6)
    assert len(data) > 4 * LOOKBACK
    items = read(data)
    assert [block[-len(body) :] for block, body in zip(payloads(items), bodies, strict=True)] == bodies
    assert data.count(b"\x1f\x8b\x08") > 5 * len(items), "the members of the inner files do lie open"
    for size in (65_536, LOOKBACK + 1):
        assert split_anywhere(data, size) == items
    plain = b"".join(zlib.decompress(data[i.offset : i.offset + i.length], 31) for i in items)
    assert split_anywhere(plain, 100_003) == read(plain)


@given(
    order=st.lists(st.integers(0, 3), min_size=1, max_size=30),
    zipped=st.booleans(),
    size=st.integers(1, 60_000),
    hits=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=0, max_size=40)), max_size=3),
)
def test_parts_of_any_size_give_what_one_pass_gives(
    order: list[int], zipped: bool, size: int, hits: list[tuple[float, bytes]]
) -> None:
    kinds = [RECORDS[0], response(6, noise(6, 20_000)), RECORDS[1] + RECORDS[2], response(8, b"")]
    data = bytearray(b"".join(member(kinds[k]) if zipped else kinds[k] for k in order))
    for where, splinter in hits:
        at = int(where * len(data))
        data[at : at + len(splinter)] = splinter
    complete = read(bytes(data))
    assert split_anywhere(bytes(data), max(size, len(data) // 50)) == complete
    end = 0
    for item in complete:
        assert item.offset >= end or item.inner
        end = item.offset + item.length if not item.inner else max(end, item.offset + item.length)
    assert end <= len(data)


@given(st.binary(max_size=400), st.sampled_from([b"", b"WARC/1.0\r\nA: b\r\n", b"\x1f\x8b\x08\0"]))
def test_nothing_raises(data: bytes, prefix: bytes) -> None:
    for file in (prefix + data, prefix + data + RECORDS[0], member(prefix + data)):
        assert split_anywhere(file, 37) == read(file)


class Counted(io.BytesIO):
    """A file that counts the bytes it is asked for."""

    n_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.n_read += len(data)
        return data


HOSTILE = [
    b"WARC/1.0\nA",
    b"WARC/1.0\r\n",
    b"WARC/1.0\nContent-Length: 290000\n\n",
    b"WARC/1.0\nContent-Length: 9\nA: b\n\n",
    b"\x1f\x8b\x08\0",
    b"\r\n",
]


@pytest.mark.parametrize("line", HOSTILE)
def test_hostile_repetition_is_read_a_few_times_and_not_once_for_each(line: bytes) -> None:
    data = b"WARC/1.0\nA: b\nContent-Length: 3\n\nabc\n\n" + line * (400_000 // len(line))
    for stored in (data, member(data), member(data, level=0)):
        file = Counted(stored)
        items = list(records(Window(file, len(stored))))
        assert payloads(items)[0] == b"abc"
        assert file.n_read < 20 * len(stored) + (1 << 20)


def read_marked(file: io.BytesIO, n: int, size: int) -> list[list[Item]]:
    """What each part of a file of `n` bytes gives when they are read one after the other."""
    marks = [0]
    return [list(records(Window(file, n), at, at + size, marks=marks)) for at in range(0, n, size)]


def test_the_parts_of_a_plain_file_meet_each_header_a_few_times_and_not_once_each() -> None:
    data = b"".join(response(i, noise(i, 20_000 + 9000 * (i % 7))) for i in range(200))
    file = Counted(data)
    parts = read_marked(file, len(data), 100_000)
    assert [item for part in parts for item in part] == read(data)
    assert len(parts) > 80
    assert file.n_read < 8 * len(data)
    file = Counted(data)
    alone = list(records(Window(file, len(data)), len(data) - 100_000))
    assert alone == [item for item in read(data) if item.offset >= len(data) - 100_000]
    assert file.n_read < len(data) // 4, "headers alone are read on the way"


@given(
    order=st.lists(st.integers(0, 4), min_size=1, max_size=12),
    size=st.integers(200, 60_000),
    hits=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=0, max_size=40)), max_size=2),
    shuffle=st.randoms(use_true_random=False),
)
def test_warc_files_in_records_do_not_mislead_the_parts_of_a_plain_file(
    order: list[int], size: int, hits: list[tuple[float, bytes]], shuffle: random.Random
) -> None:
    inner = response(20, b"".join(RECORDS) * 3) + RECORDS[0]
    kinds = [
        RECORDS[0],
        response(6, b"".join(RECORDS)),
        response(7, b"x" + inner),
        RECORDS[1],
        response(8, inner * 2),
    ]
    data = bytearray(b"".join(kinds[k] for k in order))
    for where, splinter in hits:
        at = int(where * len(data))
        data[at : at + len(splinter)] = splinter
    complete = read(bytes(data))
    size = max(size, len(data) // 40)
    starts = list(range(0, len(data), size))
    shuffle.shuffle(starts)
    marks = [0]
    found = {at: list(records(Window.of(bytes(data)), at, at + size, marks=marks)) for at in starts}
    assert [item for at in sorted(found) for item in found[at]] == complete
    assert split_anywhere(bytes(data), size) == complete
    assert marks == sorted(set(marks))


def test_one_stream_is_known_by_a_look() -> None:
    bodies = [response(i, noise(i, 5000)) for i in range(60)]
    for how in ("gzip", "zstd"):
        stream, single = PACK[how](b"".join(bodies)), b"".join(map(PACK[how], bodies))
        assert is_one_stream(Window.of(stream), 50_000, 100_000)
        assert not is_one_stream(Window.of(single), 50_000, 100_000)
    assert not is_one_stream(Window.of(b"".join(bodies)), 50_000, 100_000)


def clean(shared_data: Path) -> list[Path]:
    """Real files without damage, by the collector's list and by hand."""
    files = [*(shared_data / "warc/commoncrawl").glob("*.gz"), *(shared_data / "warc/crawl").glob("*.gz")]
    odd = [
        *("http-return-codes.warc.gz", "froggie.warc.gz", "test.warc.gz", "block-sized-records.warc.gz"),
        *("decode.warc", "issue-493.warc", "example.com.warc", "html-lang-attribute.warc"),
    ]
    return sorted([*files, *(shared_data / "warc/odd" / name for name in odd)])


@pytest.mark.data
def test_real_files_as_warcio_and_fastwarc_read_them(shared_data: Path) -> None:
    compared = 0
    for path in clean(shared_data):
        ours = [hashlib.sha1(p).digest() for p in payloads(read(path.read_bytes()))]
        with path.open("rb") as file:
            theirs = [
                hashlib.sha1(r.raw_stream.read()).digest() for r in WARCIterator(file, no_record_parse=True)
            ]
        assert ours == theirs, path.name
        with path.open("rb") as file:
            found = [hashlib.sha1(r.reader.read()).digest() for r in ArchiveIterator(file, parse_http=False)]
        assert ours == found, path.name
        assert not damage(read(path.read_bytes())), path.name
        compared += len(ours)
    assert compared > 2000


@pytest.mark.data
@pytest.mark.parametrize("folder", ["commoncrawl", "crawl", "malformed", "odd"])
def test_every_real_file_is_read_to_its_end(shared_data: Path, folder: str) -> None:
    files = sorted((shared_data / "warc" / folder).iterdir())
    seen = 0
    for path in files:
        data = path.read_bytes()
        items = read(data)
        seen += len(items)
        sizes = {max(1, len(data) // k) for k in (2, 7)} | ({13, 500} if len(data) < 10_000 else set())
        for size in sizes:
            assert split_anywhere(data, size) == items, (path.name, size)
    assert seen > len(files)


@pytest.mark.data
def test_truncated_and_broken_real_files(shared_data: Path) -> None:
    def found(name: str) -> tuple[int, list[str]]:
        items = read((shared_data / "warc" / name).read_bytes())
        return len(payloads(items)), [d.reason for d in damage(items)]

    assert found("malformed/appended_zip_fragment_unexpected_eof.wet.gz") == (16, ["truncated"])
    assert found("malformed/clipped.warc.gz") == (0, ["truncated"])
    assert found("malformed/invalid-warcfile-record-then-garbage.warc") == (1, ["garbage"])
    assert found("malformed/example-bad-length.warc") == (5, ["content_length"])
    assert found("malformed/valid-warcfile-upper-lower-case.warc") == (5, [])
    assert found("odd/warcfile.warc.lz4") == (0, ["unsupported:lz4"])
    assert found("odd/test.warc.bz2") == (10, [])


@pytest.mark.data
def test_a_real_file_survives_a_hit_anywhere(shared_data: Path) -> None:
    path = shared_data / "warc/commoncrawl/warcfile.warc.gz"
    data = path.read_bytes()
    complete = read(data)
    for k in range(0, len(complete), 3):
        at = complete[k].offset + complete[k].length // 2
        items = read(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert payloads(items) == payloads(complete)[:k] + payloads(complete)[k + 1 :]
        assert [(d.offset, d.length) for d in damage(items)] == [(complete[k].offset, complete[k].length)]
    assert len(complete) == 50
