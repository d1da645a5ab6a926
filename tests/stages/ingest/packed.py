"""Compressed files that say where their members are, as bgzip and the seekable format of zstd write them."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import zstandard

BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
"""The empty block at the end of a BGZF file (SAM specification, section 4.1.2)."""


def bgzf_block(data: bytes, extra: bytes = b"") -> bytes:
    """A block; `extra` are other subfields, which stand before its length."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = deflate.compress(data) + deflate.flush()
    fields = extra + b"BC\2\0"
    length = 12 + len(fields) + 2 + len(body) + 8
    head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff" + (len(fields) + 2).to_bytes(2, "little")
    trailer = zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    return head + fields + (length - 1).to_bytes(2, "little") + body + trailer


def bgzf(chunks: Iterable[bytes]) -> list[bytes]:
    """The blocks of a file."""
    return [*map(bgzf_block, chunks), BGZF_END]


def frames(chunks: Iterable[bytes], sizes: bool = True) -> list[bytes]:
    """Zstd frames, their sizes in their headers or not."""
    return [
        zstandard.ZstdCompressor(write_content_size=sizes, write_checksum=True).compress(c) for c in chunks
    ]


def seek_table(stored: Sequence[bytes], chunks: Sequence[bytes], checksums: bool = False) -> bytes:
    """The skippable frame that ends a file (zstd/contrib/seekable_format)."""
    entries = b"".join(
        len(s).to_bytes(4, "little") + len(c).to_bytes(4, "little") + bytes(4 * checksums)
        for s, c in zip(stored, chunks, strict=True)
    )
    foot = len(stored).to_bytes(4, "little") + bytes([0x80 * checksums]) + b"\xb1\xea\x92\x8f"
    return b"\x5e\x2a\x4d\x18" + (len(entries) + 9).to_bytes(4, "little") + entries + foot
