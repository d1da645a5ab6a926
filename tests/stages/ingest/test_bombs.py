"""A little that decompresses to very much: in a payload, and as the container itself."""

from __future__ import annotations

import bz2
import json
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from fastwarc.stream_io import BrotliWriter

from tests.stages.ingest.archives import member, response

BOMB = 192 << 20
LIMIT = 1 << 20
ALLOWED = 64 << 20
PROGRAM = """
import json, resource, sys
from stages.ingest.warc import Warc

def read(path):
    step = Warc(paths=path, max_record_bytes=1 << 20)
    return [r["reasons"] for s in step.splits() for b in step.read(s) for r in b.to_pylist()]

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10

read(sys.argv[1])
before = peak()
print(json.dumps([read(sys.argv[2]), peak() - before]))
"""


def poured(feed: Callable[[bytes], bytes], flush: Callable[[], bytes]) -> bytes:
    """What zeros are compressed to."""
    return b"".join([*(feed(bytes(1 << 20)) for _ in range(BOMB >> 20)), flush()])


def brotli(folder: Path) -> bytes:
    with BrotliWriter(str(folder / "bomb.br")) as writer:
        for _ in range(BOMB >> 20):
            writer.write(bytes(1 << 20))
    return (folder / "bomb.br").read_bytes()


def zstd(head: bytes) -> bytes:
    deflate = zstandard.ZstdCompressor().compressobj()
    return deflate.compress(head) + poured(deflate.compress, deflate.flush)


def gzipped(head: bytes) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, 31)
    return deflate.compress(head) + poured(deflate.compress, deflate.flush)


def bzipped(head: bytes) -> bytes:
    deflate = bz2.BZ2Compressor(1)
    return deflate.compress(head) + poured(deflate.compress, deflate.flush)


def in_payload(coding: str, body: bytes) -> bytes:
    block = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: {coding}\r\n\r\n".encode() + body
    )
    header = f"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {len(block)}\r\n\r\n"
    return member(header.encode() + block + b"\r\n\r\n")


HEAD = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: %d\r\n\r\n" % BOMB
MAKE: dict[str, Callable[[Path], bytes]] = {
    "gzip payload": lambda folder: in_payload("gzip", gzipped(b"")),
    "zstd payload": lambda folder: in_payload("zstd", zstd(b"")),
    "br payload": lambda folder: in_payload("br", brotli(folder)),
    "gzip member": lambda folder: gzipped(HEAD),
    "zstd frame": lambda folder: zstd(HEAD),
    "bzip2 stream": lambda folder: bzipped(HEAD),
}


@pytest.mark.parametrize("what", MAKE)
def test_a_bomb_is_too_large_and_takes_little_memory(what: str, tmp_path: Path) -> None:
    bomb = MAKE[what](tmp_path)
    assert len(bomb) < BOMB // 50
    pack = {"zstd frame": zstandard.compress, "bzip2 stream": bz2.compress}.get(what, member)
    (tmp_path / "warm").write_bytes(pack(response(1)))
    (tmp_path / "bomb").write_bytes(bomb + pack(response(2)))
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "warm"), str(tmp_path / "bomb")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    reasons, grown = json.loads(done.stdout)
    assert reasons == [["too_large"], None]
    assert grown < ALLOWED, f"{grown >> 20} MiB"
