"""A file as bytes at any offset, seen through one block that moves."""

from __future__ import annotations

import io
import re
from typing import BinaryIO, Protocol, Self

BLOCK = 256 << 10
SPARSE_BLOCK = 4 << 10
PROBE = 64
"""A read this short at some other place does not move the block."""


class Bytes(Protocol):
    """Bytes at any offset: a file, or what a run of gzip members decompresses to."""

    error: str
    """Why no more bytes can be had: '' at a proper end."""

    def read(self, offset: int, n: int) -> bytes:
        """Up to `n` bytes from `offset`; fewer only at the end."""
        ...

    def reach(self, offset: int) -> bool:
        """Whether `offset` is not beyond the end, going on into what may continue a record."""
        ...

    def end(self) -> int:
        """How many bytes there are."""
        ...

    def release(self, offset: int) -> None:
        """Nothing before `offset` will be read soon: it may be let go."""
        ...

    def location(self, start: int, stop: int) -> tuple[int, int, int]:
        """(offset in the file as stored, length there, offset when decompressed) of bytes [start, stop)."""
        ...


class Window:
    """A file of `size` bytes. `block` bytes are read ahead; a larger request is read exactly."""

    error = ""

    def __init__(self, file: BinaryIO, size: int, block: int = BLOCK):
        self._file, self.size, self._ahead = file, size, block
        self._block, self._start = b"", 0

    @classmethod
    def of(cls, data: bytes) -> Self:
        """These bytes as a file."""
        return cls(io.BytesIO(data), len(data))

    def sparse(self) -> Window:
        """The same file, with a small block, for reads far from each other."""
        return Window(self._file, self.size, SPARSE_BLOCK)

    def read(self, offset: int, n: int) -> bytes:
        """Up to `n` bytes from `offset`."""
        n = min(n, self.size - offset)
        if n <= 0:
            return b""
        begin = offset - self._start
        if begin >= 0 and begin + n <= len(self._block):
            return self._block[begin : begin + n]
        if n >= self._ahead or n <= PROBE:
            return self._read(offset, n)
        self._block, self._start = self._read(offset, self._ahead), offset
        return self._block[:n]

    def _read(self, offset: int, n: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(n)

    def reach(self, offset: int) -> bool:
        """Whether the file is that long."""
        return offset <= self.size

    def end(self) -> int:
        """The size of the file."""
        return self.size

    def release(self, offset: int) -> None:
        """Does nothing: one block is held in any case."""

    def location(self, start: int, stop: int) -> tuple[int, int, int]:
        """Stored as it is."""
        return start, stop - start, 0


def find(
    data: Bytes, pattern: re.Pattern[bytes], start: int, stop: int | None = None, span: int = PROBE
) -> int | None:
    """Offset of the first match of `pattern`, of at most `span` bytes, that begins in [start, stop)."""
    # Small first: where little lies between two matches, little is to be read for each.
    n = max(4 << 10, 2 * span)
    while (stop is None or start < stop) and (chunk := data.read(start, n)):
        if match := pattern.search(chunk):
            offset = start + match.start()
            return offset if stop is None or offset < stop else None
        if len(chunk) < n:
            return None
        start += n - span  # a match that this chunk cuts off begins in its last `span` bytes
        n = min(4 * n, BLOCK - 1)
    return None
