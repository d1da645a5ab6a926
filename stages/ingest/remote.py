"""Remote files, read by ranges as if they were local: a few MiB are held, and requests that fail are retried.

remote.py   a file object, and what is known of files before they are read
stores.py   one request: HTTP through requests, anything else through fsspec
retry.py    requests again after a pause, at a rate that all processes of a machine share
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from pipeline.errors import RunError
from stages.ingest.info import Info
from stages.ingest.retry import Transient, with_retries
from stages.ingest.stores import Store, Stored, Unranged, store_of

GLANCE, READ_AHEAD = 64 << 10, 4 << 20
"""Bytes of the first request at an offset, and of the largest: each that goes on is four times larger."""
N_THREADS = 16
"""Requests for size and stamp at the same time."""


def describe(url: str) -> Info | None:
    """Size and stamp of a remote file; None if there is none.

    Raises:
        RunError: it cannot be had, or failed too often.
        PlanError: no such protocol.
    """
    store = store_of(url)
    try:
        return with_retries(url, store.info)
    finally:
        store.close()


def describe_all(urls: Iterable[str]) -> list[Info | None]:
    """`describe` for many files."""
    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(describe, urls))


def matching(pattern: str) -> list[str]:
    """URLs of the files that a pattern matches, in a store that can list what it has."""
    store = Stored(pattern)
    try:
        return with_retries(pattern, store.glob)
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
        known = known or with_retries(url, self._store.info)
        if known is None:
            raise RunError(f"{url}: no such file")
        self._url, self._known = url, known
        self._position = 0
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
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another offset; nothing is requested yet."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._known.size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readall(self) -> bytes:
        """All that follows."""
        return self.read(max(self._known.size - self._position, 0)) or b""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed names a private protocol
        """Fill the buffer, except at the end of the file."""
        n = min(len(buffer), self._known.size - self._position)
        done = 0
        while done < n:
            chunk = self._some(self._position, n - done)
            buffer[done : done + len(chunk)] = chunk
            done += len(chunk)
            self._position += len(chunk)
        return max(done, 0)

    def _some(self, start: int, n: int) -> bytes:
        """Between 1 and `n` bytes from `start`."""
        if self._copy is not None:
            self._copy.seek(start)
            return self._copy.read(n)
        for begin, block in self._blocks:
            if 0 <= start - begin < len(block):
                return block[start - begin : start - begin + n]
        last = max((len(block) for begin, block in self._blocks if begin + len(block) == start), default=0)
        size = min(max(4 * last, n, GLANCE), READ_AHEAD)
        try:
            block = self._fetch(start, min(start + size, self._known.size))
        except Unranged:
            self._copy = self._download()
            return self._some(start, n)
        self._blocks = [*self._blocks[-1:], (start, block)]
        return block[:n]

    def _fetch(self, start: int, stop: int) -> bytes:
        data = bytearray()

        def attempt() -> None:
            for chunk in self._store.chunks(start + len(data), stop, self._known):
                data.extend(chunk)
            if len(data) < stop - start:
                raise Transient(f"the body ended after {len(data)} bytes of {stop - start}")

        with_retries(self._url, attempt, lambda: start + len(data))
        return bytes(data[: stop - start])

    def _download(self) -> IO[bytes]:
        copy = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 (closed with `_open`)

        def attempt() -> None:
            copy.seek(0)
            for chunk in self._store.chunks(0, self._known.size, self._known):
                copy.write(chunk)
            if copy.tell() < self._known.size:
                raise Transient(f"the body ended after {copy.tell()} bytes of {self._known.size}")

        with_retries(self._url, attempt)
        return copy

    def close(self) -> None:
        """Let go of all that is held."""
        self._blocks = []
        self._open.close()
        super().close()
