"""Remote files, read by ranges as if they lay here: a few MiB are held, and errors that pass are borne."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from pipeline.errors import RunError
from stages.ingest.retry import Transient, persist
from stages.ingest.stores import Info, Store, Stored, Unranged, store_of

GLANCE, READ_AHEAD = 64 << 10, 4 << 20
"""Bytes of the first request at some place, and of the largest: going on, each is four times larger."""
AT_ONCE = 16
"""Files that are asked about at the same time."""


def describe(url: str) -> Info | None:
    """Size and stamp of a remote file; None if there is none.

    Raises:
        RunError: it cannot be had, or failed too often.
        PlanError: no such protocol.
    """
    store = store_of(url)
    try:
        return persist(url, store.info)
    finally:
        store.close()


def describe_all(urls: Iterable[str]) -> list[Info | None]:
    """`describe` for many files."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(describe, urls))


def matching(pattern: str) -> list[str]:
    """URLs of the files that a pattern matches, in a store that can list what it has."""
    store = Stored(pattern)
    try:
        return persist(pattern, store.glob)
    finally:
        store.close()


class RemoteFile(io.RawIOBase):
    """A remote file for reading, seekable. It holds two blocks, so that looking back and forth costs nothing.

    A server that knows no ranges is read once, into a temporary file.

    Raises:
        Changed: when reading finds other content than `known`.
        RunError: when a request cannot be answered, or failed too often.
    """

    def __init__(self, url: str, known: Info | None = None):
        self._store: Store = store_of(url)
        self._open = contextlib.ExitStack()
        self._open.callback(self._store.close)
        known = known or persist(url, self._store.info)
        if known is None:
            raise RunError(f"{url}: no such file")
        self._url, self._known = url, known
        self._at = 0
        self._blocks: list[tuple[int, bytes]] = []
        self._copy: IO[bytes] | None = None

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """Offset of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place; nothing is asked for yet."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._known.size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def readall(self) -> bytes:
        """All that follows."""
        return self.read(max(self._known.size - self._at, 0)) or b""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed names a private protocol
        """Fill the buffer, except at the end of the file."""
        n = min(len(buffer), self._known.size - self._at)
        done = 0
        while done < n:
            piece = self._from(self._at, n - done)
            buffer[done : done + len(piece)] = piece
            done += len(piece)
            self._at += len(piece)
        return max(done, 0)

    def _from(self, at: int, n: int) -> bytes:
        """Between 1 and `n` bytes from there."""
        if self._copy is not None:
            self._copy.seek(at)
            return self._copy.read(n)
        for start, block in self._blocks:
            if 0 <= at - start < len(block):
                return block[at - start : at - start + n]
        last = max((len(block) for start, block in self._blocks if start + len(block) == at), default=0)
        size = min(max(4 * last, n, GLANCE), READ_AHEAD)
        try:
            block = self._fetch(at, min(at + size, self._known.size))
        except Unranged:
            self._copy = self._download()
            return self._from(at, n)
        self._blocks = [*self._blocks[-1:], (at, block)]
        return block[:n]

    def _fetch(self, start: int, stop: int) -> bytes:
        data = bytearray()

        def attempt() -> None:
            for piece in self._store.pieces(start + len(data), stop, self._known):
                data.extend(piece)
            if len(data) < stop - start:
                raise Transient(f"the body ended after {len(data)} bytes of {stop - start}")

        persist(self._url, attempt, lambda: start + len(data))
        return bytes(data[: stop - start])

    def _download(self) -> IO[bytes]:
        copy = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (closed with `_open`)

        def attempt() -> None:
            copy.seek(0)
            for piece in self._store.pieces(0, self._known.size, self._known):
                copy.write(piece)
            if copy.tell() < self._known.size:
                raise Transient(f"the body ended after {copy.tell()} bytes of {self._known.size}")

        persist(self._url, attempt)
        return copy

    def close(self) -> None:
        """Let go of all that is held."""
        self._blocks = []
        self._open.close()
        super().close()
