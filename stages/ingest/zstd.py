"""Zstandard frames (RFC 8878), with the dictionary that may lead those of WARC files, block by block.

A block gives 128 KiB at most, so memory stays bounded whatever the compression ratio; where a frame ends is
read off the headers of its blocks.
"""

from __future__ import annotations

import re

import numpy as np
import zstandard

from stages.ingest.window import Window

MAGIC = b"\x28\xb5\x2f\xfd"
FRAME = re.compile(re.escape(MAGIC))
SKIPPABLE = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")
DICTIONARY = b"\x5d\x2a\x4d\x18"
"""Magic of the skippable frame that holds a dictionary (IIPC, Zstandard Compression for WARC Files)."""
BLOCK_BYTES = 128 << 10
STORED_BYTES = BLOCK_BYTES
"""A raw block holds at most this many bytes of the input as they were (RFC 8878, section 3.1.1.2)."""
WINDOW_BYTES = 128 << 20
"""A frame that wants more memory is refused, as the `zstd` command does."""
DICTIONARY_BYTES = 16 << 20
FRAME_HEADER_BYTES = 18
SEEK_TABLE = b"\x5e\x2a\x4d\x18"
"""Magic of the skippable frame with the seek table (zstd/contrib/seekable_format) …"""
SEEK_MAGIC = b"\xb1\xea\x92\x8f"
"""… and what it ends with."""
SEEK_FOOT_BYTES = 9


def decompressor(window: Window) -> zstandard.ZstdDecompressor:
    """What decompresses the frames of this file, with the dictionary at its beginning if there is one."""
    size = int.from_bytes(window.read(4, 4), "little")
    if window.read(0, 4) != DICTIONARY or size > DICTIONARY_BYTES:
        return zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES)
    data = window.read(8, size)
    if data[:4] == MAGIC:
        inner = Window.of(data)
        frame, dictionary = ZstdFrame(inner, 0, decompressor(inner)), bytearray()
        while not frame.ended and len(dictionary) <= DICTIONARY_BYTES:
            dictionary += frame.step()
        data = bytes(dictionary)
    return zstandard.ZstdDecompressor(
        dict_data=zstandard.ZstdCompressionDict(data), max_window_size=WINDOW_BYTES
    )


def skippable(window: Window, start: int) -> int:
    """Where a skippable frame that begins at `start` ends, or `start`."""
    head = window.read(start, 8)
    if len(head) < 8 or not SKIPPABLE.match(head):
        return start
    stop = start + 8 + int.from_bytes(head[4:], "little")
    return stop if stop <= window.size else start


def seek_table(window: Window) -> dict[int, tuple[int, int]]:
    """Offset of each frame -> (where it ends, bytes it decompresses to), by the table at the end.

    {} if there is none, or none that describes all of the file.
    """
    foot = window.read(max(window.size - SEEK_FOOT_BYTES, 0), SEEK_FOOT_BYTES)
    if len(foot) < SEEK_FOOT_BYTES or not foot.endswith(SEEK_MAGIC):
        return {}
    width = 12 if foot[4] & 0x80 else 8  # with a checksum for each frame, or without
    size = int.from_bytes(foot[:4], "little") * width
    start = window.size - SEEK_FOOT_BYTES - size - 8
    lead = window.read(max(start, 0), 8)
    if start < 0 or lead != SEEK_TABLE + (size + SEEK_FOOT_BYTES).to_bytes(4, "little"):
        return {}
    entries = np.frombuffer(window.read(start + 8, size), np.uint8).reshape(-1, width)
    sizes = np.ascontiguousarray(entries[:, :8]).view("<u4").astype(np.int64)
    stops = sizes[:, 0].cumsum()
    if len(stops) and stops[-1] != start:
        return {}
    starts = (stops - sizes[:, 0]).tolist()
    return dict(zip(starts, zip(stops.tolist(), sizes[:, 1].tolist(), strict=True), strict=True))


def frame_extent(window: Window, start: int, stop: int) -> tuple[int, int] | None:
    """(where the frame at `start` ends, bytes it decompresses to), as its headers say.

    None if they do not, or it does not end before `stop`.
    """
    head = window.read(start, FRAME_HEADER_BYTES)
    if len(head) < 5 or not FRAME.match(head):
        return None
    length, checksum, size = _header(head)
    position, last = start + length, False
    while size is not None and not last:
        head = window.read(position, 3)
        if len(head) < 3 or position >= stop:
            return None
        last, n = _block(head)
        if n < 0:
            return None
        position += n
    position += 4 * checksum
    return None if size is None or position > window.size else (position, size)


def _header(head: bytes) -> tuple[int, bool, int | None]:
    """(bytes of a frame's header, whether a checksum ends the frame, bytes it decompresses to or None)."""
    flags = head[4]
    single = flags >> 5 & 1
    n = (single, 2, 4, 8)[flags >> 6]
    length = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3] + n
    size = int.from_bytes(head[length - n : length], "little") + (256 if n == 2 else 0)
    return length, bool(flags & 4), size if n else None


def _block(head: bytes) -> tuple[bool, int]:
    """(whether a block is the frame's last, its bytes with the header, -1 if there is no such block)."""
    block = int.from_bytes(head, "little")
    kind, size = block >> 1 & 3, block >> 3
    if kind == 3 or size > BLOCK_BYTES:
        return False, -1
    return bool(block & 1), 3 + (1 if kind == 1 else size)


class ZstdFrame:
    """The frame at `start`."""

    def __init__(self, window: Window, start: int, decompressor: zstandard.ZstdDecompressor):
        self._window, self.stop = window, start
        self._inflate = decompressor.decompressobj()
        self.ended, self.error = False, ""
        self._checksum: bool | None = None

    def step(self) -> bytes:
        """What the next block holds; sets `ended`, and `error` where that is not its proper end."""
        if self._checksum is None:
            return self._header()
        head = self._window.read(self.stop, 3)
        last, size = _block(head)
        if len(head) == 3 and size < 0:
            return self._end("inflate")
        out = self._feed(max(size, 3) + (4 if last and self._checksum else 0))
        if last and not self.ended:
            self.ended = True
        return out

    def _header(self) -> bytes:
        head = self._window.read(self.stop, FRAME_HEADER_BYTES)
        if not MAGIC.startswith(head[:4]):
            return self._end("inflate")
        if len(head) < 5:
            return self._end("truncated")
        size, self._checksum, _ = _header(head)
        return self._feed(size)

    def _feed(self, n: int) -> bytes:
        data = self._window.read(self.stop, n)
        self.stop += len(data)
        if len(data) < n:
            return self._end("truncated")
        try:
            return self._inflate.decompress(data)
        except zstandard.ZstdError as error:
            message = str(error)
            return self._end(
                "crc" if "checksum" in message else "too_large" if "memory" in message else "inflate"
            )

    def _end(self, error: str) -> bytes:
        self.error, self.ended = error, True
        return b""


def peek(window: Window, start: int, n: int, decompressor: zstandard.ZstdDecompressor) -> bytes:
    """Up to `n` of the first bytes of the frame at `start`; b'' if there is none."""
    frame, text = ZstdFrame(window, start, decompressor), b""
    while len(text) < n and not frame.ended:
        text += frame.step()
    return text[:n]
