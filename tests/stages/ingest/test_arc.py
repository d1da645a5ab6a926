from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from stages.ingest.arc import LINE, ArcRecord
from stages.ingest.framing import Record
from stages.ingest.records import container
from stages.ingest.warc import Warc
from stages.ingest.window import Window
from tests.stages.ingest.archives import assert_tiled, damage, member, page, payloads, read, split_anywhere

LEAD = b"filedesc://a.arc 0.0.0.0 20080619093439 text/plain 72\n1 0 CommonCrawl\nURL IP-address Archive-date "
LEAD += b"Content-type Archive-length\n\n"
N = 5


def block(k: int) -> bytes:
    return b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n" + page(k)


def record(k: int, url: bytes = b"http://a.org/", more: bytes = b"", length: bytes = b"") -> bytes:
    size = length or b"%d" % len(block(k))
    return b"%s%d 10.0.0.%d 20080509190241 text/html %s%s\n%s\n" % (url, k, k, more, size, block(k))


RECORDS = [record(k) for k in range(N)]
BLOCKS = [block(k) for k in range(N)]
PACK: dict[str, Callable[[bytes], bytes]] = {"arc": bytes, "gzip arc": member}


def stored(how: str, records: list[bytes]) -> bytes:
    return b"".join(PACK[how](r) for r in [LEAD, *records])


@pytest.mark.parametrize("how", PACK)
def test_reads_what_was_written(how: str) -> None:
    data = stored(how, RECORDS)
    assert container(Window.of(data)) == how
    items = read(data)
    assert payloads(items)[1:] == BLOCKS
    assert not damage(items)
    assert_tiled(data)
    lead, first, *_ = items
    assert isinstance(lead, Record)
    assert isinstance(first, ArcRecord)
    assert lead.kind() == "warcinfo"
    assert first.fields() == {
        "warc-type": "response",
        "warc-target-uri": "http://a.org/0",
        "warc-ip-address": "10.0.0.0",
        "warc-date": "2008-05-09T19:02:41Z",
        "content-type": "text/html",
        "content-length": str(len(BLOCKS[0])),
    }


def test_lines_as_crawlers_write_them() -> None:
    good = [
        b"http://a.org/a b?c=d 1.2.3.4 20080509190241 text/html 12\n",
        b"https://a.org/ 2001:db8::1 20080509190241 text/html 12\r\n",
        b"dns:www.a.org 1.2.3.4 20080430204825 text/dns 56\n",
        b"http://a.org/ 1.2.3.4 20080509190241 text/html; charset=utf-8 12\n",
        b"http://a.org/ 1.2.3.4 20080509190241 text/html 200 XYZ - 4096 a.arc 12\n",
        b"http://a.org/\xe9 1.2.3.4 20080509190241 12\n",
    ]
    for line in good:
        assert (found := LINE.match(line)), line
        assert found[1] in (b"12", b"56")
    for line in (
        b"a.org 1.2.3.4 20080509190241 text/html 12\n",
        b"http://a.org/ 1.2.3.4 20080509190241 text/html x\n",
    ):
        assert not LINE.match(line), line
    (second,) = read(record(1, more=b"200 - - 0 a.arc "))
    assert isinstance(second, ArcRecord)
    assert second.fields()["content-type"] == "text/html"
    assert second.payload == block(1)


LOSES_ONE: dict[str, Callable[[bytes], bytes]] = {
    "length too large": lambda r: r.replace(b"text/html ", b"text/html 9", 1),
    "length too small": lambda r: r.replace(b"text/html 2", b"text/html 1", 1),
    "length is no number": lambda r: r.replace(b"text/html ", b"text/html x", 1),
    "length negative": lambda r: r.replace(b"text/html ", b"text/html -", 1),
    "date gone": lambda r: r.replace(b" 20080509190241", b" null", 1),
    "line zeroed": lambda r: bytes(30) + r[30:],
    "block cut off": lambda r: r[: len(r) // 2] + b"\n",
}


@pytest.mark.parametrize("k", range(N))
@pytest.mark.parametrize("what", LOSES_ONE)
@pytest.mark.parametrize("how", PACK)
def test_damage_costs_one_record(how: str, what: str, k: int) -> None:
    changed = LOSES_ONE[what](RECORDS[k])
    assert changed != RECORDS[k]
    data = stored(how, [*RECORDS[:k], changed, *RECORDS[k + 1 :]])
    items = read(data)
    assert payloads(items)[1:] == BLOCKS[:k] + BLOCKS[k + 1 :]
    (hit,) = damage(items)
    start = len(stored(how, RECORDS[:k]))
    assert (hit.offset, hit.length) == (start, len(PACK[how](changed)))
    assert_tiled(data)


@pytest.mark.parametrize("how", PACK)
def test_truncated_and_a_wrong_version_block(how: str) -> None:
    data = stored(how, RECORDS)
    items = read(data[:-200])
    assert payloads(items)[1:] == BLOCKS[:-1]
    assert [d.reason for d in damage(items)] == ["truncated"]
    wrong = data.replace(b"text/plain 72", b"text/plain 99") if how == "arc" else None
    if wrong:
        items = read(wrong)
        assert payloads(items) == BLOCKS
        assert [(d.offset, d.length) for d in damage(items)] == [(0, len(LEAD))]
        assert split_anywhere(wrong, 100) == items


def test_the_pages_of_an_arc_file(tmp_path: Path) -> None:
    (tmp_path / "a.arc.gz").write_bytes(stored("gzip arc", RECORDS))
    step = Warc(paths=str(tmp_path / "*"))
    rows = [row for split in step.splits() for batch in step.read(split) for row in batch.to_pylist()]
    assert [r["html"].encode() for r in rows] == [page(k) for k in range(N)]
    assert {r["date"] for r in rows} == {"2008-05-09T19:02:41Z"}
    assert len({r["id"] for r in rows}) == N
    assert rows[1]["url"] == "http://a.org/1"


@pytest.mark.data
def test_a_common_crawl_arc_file(shared_data: Path) -> None:
    path = shared_data / "warc/commoncrawl/small-sample-1213893279526_0.arc"
    data = path.read_bytes()
    items = read(data)
    assert len(payloads(items)) == 146
    assert not damage(items)
    assert sum(b"\nHTTP/1." in data[i.offset : i.offset + 3000] for i in items[1:]) == 145
    assert split_anywhere(data, 300_000) == items
    at = items[70].offset
    hit = read(data[:at] + bytes(8) + data[at + 8 :])
    assert payloads(hit) == payloads(items)[:70] + payloads(items)[71:]
    zipped = b"".join(gzip.compress(data[i.offset : i.offset + i.length], mtime=0) for i in items)
    assert payloads(read(zipped)) == payloads(items)
