"""Zstandard frames (RFC 8878) of WARC files, with the dictionary that may lead them, block by block.

A block gives 128 KiB at most, so memory stays bounded whatever the compression ratio; where a frame ends is
read off the headers of its blocks.
"""

from __future__ import annotations

import re

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


def decompressor(window: Window) -> zstandard.ZstdDecompressor:
    """What decompresses the frames of this file, with the dictionary at its beginning if there is one."""
    size = int.from_bytes(window.read(4, 4), "little")
    if window.read(0, 4) != DICTIONARY or size > DICTIONARY_BYTES:
        return zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES)
    data = window.read(8, size)
    if data[:4] == MAGIC:
        inner = Window.of(data)
        frame, data = ZstdFrame(inner, 0, decompressor(inner)), b""
        while not frame.ended and len(data) <= DICTIONARY_BYTES:
            data += frame.step()
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
        block = int.from_bytes(head, "little")
        last, kind, size = block & 1, block >> 1 & 3, block >> 3
        if len(head) == 3 and (kind == 3 or size > BLOCK_BYTES):
            return self._end("inflate")
        size = 3 + (1 if kind == 1 else size) + (4 if last and self._checksum else 0)
        out = self._feed(size)
        if last and not self.ended:
            self.ended = True
        return out

    def _header(self) -> bytes:
        head = self._window.read(self.stop, FRAME_HEADER_BYTES)
        if len(head) < 5:
            return self._end("truncated")
        flags = head[4]
        single = flags >> 5 & 1
        size = 5 + (1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6]
        self._checksum = bool(flags & 4)
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
