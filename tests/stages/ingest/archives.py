"""WARC files to test with: written by warcio, a record at a time, and damaged one record at a time."""

from __future__ import annotations

import gzip
import io
import itertools
import random
import re
from collections.abc import Callable

import zstandard
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from stages.ingest.framing import Damage, Record
from stages.ingest.records import MAX_RECORD_BYTES, Item, records
from stages.ingest.window import Window

WORDS = ("lake", "stone", "river", "cloud", "meadow", "lantern", "harbour", "copper", "sparrow", "winter")


def page(seed: int, n_words: int = 300) -> bytes:
    """A small HTML page, different for each seed."""
    words = random.Random(seed).choices(WORDS, k=n_words)
    text = " ".join(f"{word}{'.' if i % 12 == 11 else ''}" for i, word in enumerate(words))
    return f"<html><head><title>page {seed}</title></head><body><p>{text}</p></body></html>".encode()


def noise(seed: int, n: int) -> bytes:
    """Bytes that cannot be compressed."""
    return random.Random(seed).randbytes(n)


def response(seed: int, body: bytes | None = None, kind: str = "response") -> bytes:
    """One WARC record, not compressed."""
    body = page(seed) if body is None else body
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=False)
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Server", "example")]
    given = {
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-4000-8000-{seed:012d}>",
        "WARC-Date": "2024-05-01T12:00:00Z",
    }
    http = StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1") if kind == "response" else None
    record = writer.create_warc_record(
        f"http://example.com/{seed}",
        kind,
        payload=io.BytesIO(body),
        http_headers=http,
        warc_headers_dict=given,
        warc_content_type="" if http else "text/plain",
    )
    writer.write_record(record)
    record.raw_stream.close()
    return out.getvalue()


def member(data: bytes, level: int = 6) -> bytes:
    """A gzip member, the same whenever it is made; level 0 leaves the data as they are."""
    return gzip.compress(data, level, mtime=0)


def frame(data: bytes, dictionary: bytes = b"") -> bytes:
    """A zstd frame."""
    trained = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
    return zstandard.ZstdCompressor(dict_data=trained, write_checksum=True).compress(data)


PACK: dict[str, Callable[[bytes], bytes]] = {"plain": bytes, "gzip": member, "zstd": frame}
"""How a record is stored."""


def read(data: bytes, start: int = 0, stop: int | None = None, limit: int = MAX_RECORD_BYTES) -> list[Item]:
    """What begins in [start, stop) of a file with these bytes."""
    return list(records(Window(io.BytesIO(data), len(data)), start, stop, limit=limit))


def payloads(items: list[Item]) -> list[bytes]:
    """Blocks of the records."""
    return [item.payload for item in items if isinstance(item, Record)]


def damage(items: list[Item]) -> list[Damage]:
    """What is not a record."""
    return [item for item in items if isinstance(item, Damage)]


def split_anywhere(data: bytes, size: int, limit: int = MAX_RECORD_BYTES) -> list[Item]:
    """What all parts of `size` bytes give, one after the other."""
    starts = range(0, max(len(data), 1), size)
    return [item for start in starts for item in read(data, start, start + size, limit)]


def claim(change: Callable[[int], int]) -> Callable[[bytes], bytes]:
    """A record whose header claims another length."""
    return lambda record: re.sub(
        rb"(?<=Content-Length: )\d+", lambda m: str(change(int(m[0]))).encode(), record, count=1
    )


def flip(record: bytes, at: int) -> bytes:
    """One bit the other way."""
    return record[:at] + bytes([record[at] ^ 4]) + record[at + 1 :]


LOSES_ONE: dict[str, Callable[[bytes], bytes]] = {
    "length too small": claim(lambda n: n - 10),
    "length far too small": claim(lambda n: 3),
    "length too large": claim(lambda n: n + 10),
    "length beyond the next record": claim(lambda n: n + 3000),
    "length beyond the file": claim(lambda n: n + 10**9),
    "length is no number": lambda r: re.sub(rb"(?<=Content-Length: )\d+", b"many", r, count=1),
    "no length": lambda r: re.sub(rb"Content-Length: \d+\r\n", b"", r, count=1),
    "header zeroed": lambda r: bytes(60) + r[60:],
    "version line broken": lambda r: r.replace(b"WARC/1.0", b"WXRC/1.0", 1),
    "header cut off": lambda r: r[90:],
    "header ends nowhere": lambda r: r[:150],
    "block cut off": lambda r: r[: len(r) // 2],
}
"""Damage to the bytes of a record, compressed afterwards or not."""

LENGTHS = frozenset(
    {"length too small", "length far too small", "length too large", "length beyond the next record",
     "length beyond the file"}
)  # fmt: skip
"""Damage that loses nothing where a gzip member of its own says where the record ends."""

LOSES_NOTHING: dict[str, Callable[[bytes], bytes]] = {
    "no line ends after it": lambda r: r[:-4],
    "one line end after it": lambda r: r[:-2],
    "many line ends after it": lambda r: r + b"\r\n" * 70,
    "header twice": lambda r: r[: r.index(b"\r\n\r\n") + 4] + r,
    "length twice": lambda r: r.replace(b"\r\n", b"\r\nContent-Length: 7\r\n", 1),
    "garbage before it": lambda r: b"\0garbage\xff\r\nWARC WARC/ \n" + r,
    "names in capitals": lambda r: r.replace(b"Content-Length", b"CONTENT-LENGTH").replace(
        b"WARC/1", b"warc/1"
    ),
    "folded": lambda r: r.replace(b"Content-Length: ", b"Content-Length:\r\n  ", 1),
}

MEMBER_LOSES_ONE: dict[str, Callable[[bytes], bytes]] = {
    "bit in the middle": lambda m: flip(m, len(m) // 2),
    "bit in the checksum": lambda m: flip(m, len(m) - 7),
    "bit in the length": lambda m: flip(m, len(m) - 2),
    "bit in the magic": lambda m: flip(m, 1),
    "bit in the method": lambda m: flip(m, 2),
    "first bytes zeroed": lambda m: bytes(20) + m[20:],
    "middle zeroed": lambda m: m[:100] + bytes(len(m) - 200) + m[-100:],
    "end cut off": lambda m: m[: len(m) // 2],
    "checksum cut off": lambda m: m[:-8],
    "start cut off": lambda m: m[15:],
    "nothing but the header": lambda m: m[:10],
}
"""Damage to a gzip member."""

MEMBER_LOSES_NOTHING: dict[str, Callable[[bytes], bytes]] = {
    "garbage before it": lambda m: b"\0garbage\x1f\x8b\x08\0\xff" + m,
    "zeros after it": lambda m: m + bytes(1000),
    "an empty member after it": lambda m: m + member(b""),
    "line ends in a member of their own": lambda m: m + member(b"\r\n\r\n"),
    "another kind of member after it": lambda m: m + member(b"not a record"),
}

N = 5
RECORDS = [response(i) for i in range(N)]
BLOCKS = [r[r.index(b"\r\n\r\n") + 4 : -4] for r in RECORDS]
STORED = {how: [pack(r) for r in RECORDS] for how, pack in PACK.items()}
Change = Callable[[bytes], bytes]


def changed(how: str, k: int, change: Change) -> tuple[bytes, int, int]:
    """A file whose k-th record is changed, and where that record lies in it."""
    parts = list(STORED[how])
    parts[k] = PACK[how](change(RECORDS[k]))
    start = len(b"".join(parts[:k]))
    return b"".join(parts), start, start + len(parts[k])


def assert_tiled(data: bytes) -> None:
    """Items lie one after the other, and parts of any size give what one pass gives."""
    items = read(data)
    for one, next_ in itertools.pairwise(items):
        assert one.offset + one.length <= next_.offset or next_.inner, (one, next_)
    for size in (331, len(data) // 2 + 1):
        assert split_anywhere(data, size) == items
