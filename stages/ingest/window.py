"""A file as bytes at any offset, seen through one block that moves."""

from __future__ import annotations

import io
import re
from typing import BinaryIO, Protocol, Self

BLOCK = 256 << 10
SPARSE_BLOCK = 4 << 10
PROBE = 64
"""A glance this short at some other place does not move the block."""


class Bytes(Protocol):
    """Bytes at any offset: a file, or what a run of gzip members decompresses to."""

    error: str
    """Why no more bytes can be had: '' at a proper end."""

    def at(self, offset: int, n: int) -> bytes:
        """Up to `n` bytes from `offset`; fewer only at the end."""
        ...

    def reach(self, offset: int) -> bool:
        """Whether `offset` is not beyond the end, going on into what may continue a record."""
        ...

    def end(self) -> int:
        """How many bytes there are."""
        ...

    def release(self, offset: int) -> None:
        """Nothing before `offset` will be asked for soon."""
        ...

    def place(self, start: int, stop: int) -> tuple[int, int, int]:
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
        """The same file, for looks at places far from each other."""
        return Window(self._file, self.size, SPARSE_BLOCK)

    def at(self, offset: int, n: int) -> bytes:
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
        """A file needs no telling."""

    def place(self, start: int, stop: int) -> tuple[int, int, int]:
        """Stored as it is."""
        return start, stop - start, 0


def find(
    data: Bytes, pattern: re.Pattern[bytes], at: int, stop: int | None = None, span: int = PROBE
) -> int | None:
    """Where `pattern` (it matches at most `span` bytes) first matches at or after `at` and before `stop`."""
    n = max(
        4 << 10, 2 * span
    )  # small first: where little lies between two hits, little is to be read for each
    while (stop is None or at < stop) and (chunk := data.at(at, n)):
        if hit := pattern.search(chunk):
            return at + hit.start() if stop is None or at + hit.start() < stop else None
        if len(chunk) < n:
            return None
        at += n - span
        n = min(4 * n, BLOCK - 1)
    return None
