"""Bzip2 streams. The format has no offsets, so a stream is read from its beginning."""

from __future__ import annotations

import bz2
import re

from stages.ingest.window import Window

STREAM = re.compile(rb"BZh[1-9]1AY&SY")
SLICE = 16 << 10
CHUNK_BYTES = 32 << 10
"""Bytes decompressed by one call: those before damage that the same call meets are lost with it."""


class Bzip2Stream:
    """The stream at `start`."""

    def __init__(self, window: Window, start: int):
        self._window, self.stop = window, start
        self._inflate = bz2.BZ2Decompressor()
        self.ended, self.error = False, ""

    def step(self) -> bytes:
        """The next bytes; sets `ended`, and `error` where that is not its proper end."""
        data = self._window.read(self.stop, SLICE) if self._inflate.needs_input else b""
        self.stop += len(data)
        if not data and self._inflate.needs_input:
            self.error, self.ended = "truncated", True
            return b""
        try:
            out = self._inflate.decompress(data, CHUNK_BYTES)
        except OSError:
            self.error, self.ended = "inflate", True
            return b""
        if self._inflate.eof:
            self.stop -= len(self._inflate.unused_data)
            self.ended = True
        return out


def peek(window: Window, start: int, n: int) -> bytes:
    """Up to `n` of the first bytes of the stream at `start`; b'' if there is none."""
    stream, text = Bzip2Stream(window, start), b""
    while len(text) < n and not stream.ended:
        text += stream.step()
    return text[:n]
