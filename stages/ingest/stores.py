"""Where remote files lie: one request for some of their bytes, over HTTP or through fsspec."""

from __future__ import annotations

import errno
import functools
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol, TypeVar

import fsspec
import requests
import urllib3

from pipeline.errors import PlanError, RunError
from stages.ingest.info import Info
from stages.ingest.retry import Changed, RequestLimits, Transient

T = TypeVar("T")

CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+)")
CHUNK_BYTES = 256 << 10
"""Bytes of a body that are passed on at once."""
MISSING = (404, 410)
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
SLOW_DOWN = (429, 503)
HINTS = {
    400: "the server does not understand it: is the URL complete?",
    401: "it wants credentials: put them into ~/.netrc",
    403: "it may want credentials (~/.netrc), not exist, or be closed to this network",
}
PERMANENT = (errno.EINVAL, errno.EPERM, errno.ENOSYS, errno.ENAMETOOLONG, errno.EREMCHG)
"""Error numbers, among those into which s3fs translates answers of S3, that no retry will change."""
FOREIGN = {
    "botocore.exceptions": ("BotoCoreError", ("HTTPClientError", "ConnectionError")),
    "aiohttp": ("ClientError", ("ClientError",)),
}
"""Errors of libraries below fsspec that are no OSError: module -> (their root, those worth a retry)."""


class Unranged(Exception):
    """The server sends all of the file, whatever range is requested."""


class Store(Protocol):
    """One remote file. Errors worth a retry are Transient, others RunError."""

    url: str

    def info(self) -> Info | None:
        """What is known of the file; None if there is none."""
        ...

    def chunks(self, start: int, stop: int, known: Info) -> Iterator[bytes]:
        """Bytes [start, stop); all of the file, or raises Unranged, if only that can be had.

        Raises:
            Changed: the file is not the one that is known.
        """
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


def store_of(url: str) -> Store:
    """The store of a URL.

    Raises:
        PlanError: no such protocol, or what reads it is not installed.
    """
    return Web(url) if url.startswith(("http://", "https://")) else Stored(url)


@functools.cache
def _session(process: int) -> requests.Session:
    """One for each process: connections must not be shared with those forked from it."""
    session = requests.Session()
    session.headers.update({"User-Agent": "corpusmill", "Accept-Encoding": "identity"})
    return session


class Web:
    """A file over HTTP. Proxies, certificates, credentials: what `requests` finds in the environment."""

    def __init__(self, url: str):
        self.url = url

    def info(self) -> Info | None:
        """Asks for the first byte: signed URLs allow no HEAD, and so it is known whether there are ranges."""
        with self._get(0, 1) as response:
            if response.status_code in MISSING:
                return None
            size, ranged = _size(response), response.status_code != 200
            if size is None:
                raise RunError(f"{self.url}: the server does not say how long it is: download it first")
            return Info(size=size, stamp=_stamp(response), ranged=ranged or size <= 1)

    def chunks(self, start: int, stop: int, known: Info) -> Iterator[bytes]:
        """One request."""
        with self._get(start, stop) as response:
            size = _size(response)
            now = Info(size=known.size if size is None else size, stamp=_stamp(response))
            if response.status_code in (*MISSING, 416) or now.differs(known):
                raise Changed(self.url)
            if response.status_code == 200 and (start, stop) != (0, known.size):
                raise Unranged
            if response.status_code == 206 and _start(response) != start:
                raise Transient("the server sent another range than was asked for")
            try:
                # As stored: a .gz may be declared to be gzip-encoded.
                yield from response.raw.stream(CHUNK_BYTES, decode_content=False)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise Transient(f"connection lost ({type(error).__name__})") from error

    def _get(self, start: int, stop: int) -> requests.Response:
        seconds = RequestLimits.of(self.url).timeout_seconds
        wanted = {"Range": f"bytes={start}-{stop - 1}"}
        try:
            response = _session(os.getpid()).get(self.url, headers=wanted, stream=True, timeout=seconds)
        except (requests.exceptions.SSLError, requests.TooManyRedirects, ValueError) as error:
            raise RunError(f"{self.url}: {error}") from error
        except requests.RequestException as error:
            raise Transient(f"no answer ({type(error).__name__})") from error
        status = response.status_code
        if status in (200, 206, 416, *MISSING):
            return response
        answer = f"the server answers {status} {response.reason}"
        response.close()
        if status in TRANSIENT:
            raise Transient(answer, wait=_retry_after(response), slow=status in SLOW_DOWN)
        raise RunError(f"{self.url}: {answer}: {HINTS.get(status, 'no retry will change that')}")

    def close(self) -> None:
        """Connections stay open for the next file."""


def _size(response: requests.Response) -> int | None:
    ranged = CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    if response.status_code in (206, 416):
        return int(ranged[2]) if ranged else None
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _start(response: requests.Response) -> int:
    ranged = CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    return int(ranged[1]) if ranged and ranged[1] else -1


def _stamp(response: requests.Response) -> str:
    etag = response.headers.get("ETag", "").removeprefix("W/")  # the same file, whoever compressed it
    return etag or response.headers.get("Last-Modified", "")


def _retry_after(response: requests.Response) -> float | None:
    """Seconds, from a number or a date."""
    after = response.headers.get("Retry-After", "")
    try:
        return urllib3.Retry().parse_retry_after(after) if after else None
    except urllib3.exceptions.InvalidHeader:
        return None


class Stored:
    """A file in whatever else fsspec knows. Credentials: as that library finds them in the environment."""

    def __init__(self, url: str):
        self.url = url
        self._file: BinaryIO | None = None
        try:
            self._system, self._path = fsspec.url_to_fs(url)
        except ImportError as error:
            raise PlanError(f"{url}: {error}; pip install 'corpusmill[remote]'") from error
        except ValueError as error:
            raise PlanError(f"{url}: {error}") from error

    def info(self) -> Info | None:
        """Asks the store anew: fsspec remembers listings."""
        self._system.invalidate_cache()
        try:
            entry = self._request(lambda: self._system.info(self._path))
        except FileNotFoundError:
            return None
        if entry["type"] != "file":
            return None
        stamp = next((entry[k] for k in ("ETag", "etag", "mtime", "LastModified") if k in entry), "")
        return Info(size=int(entry["size"]), stamp=str(stamp))

    def glob(self) -> list[str]:
        """URLs of the files that match the path."""
        self._system.invalidate_cache()
        entries = self._request(lambda: self._system.glob(self._path, detail=True))
        return [self._system.unstrip_protocol(name) for name, e in entries.items() if e["type"] == "file"]

    def chunks(self, start: int, stop: int, known: Info) -> Iterator[bytes]:
        """One request, and one before it where the file was not open."""
        if self._file is None and ((now := self.info()) is None or now.differs(known)):
            raise Changed(self.url)
        yield self._request(lambda: self._read(start, stop))

    def _read(self, start: int, stop: int) -> bytes:
        # s3fs asks for the etag it saw when it opened the file, so that a change under way is an error.
        file = self._file or self._system.open(self._path, "rb", cache_type="none")
        self._file = None
        file.seek(start)
        data: bytes = file.read(stop - start)
        self._file = file
        return data

    def _request(self, request: Callable[[], T]) -> T:
        roots, passing = _foreign()
        try:
            return request()
        except FileNotFoundError:
            raise
        except roots as error:
            cause = f"{type(error).__name__}: {error}"
            lasting = isinstance(error, PermissionError | IsADirectoryError) or (
                error.errno in PERMANENT if isinstance(error, OSError) else not isinstance(error, passing)
            )
            if lasting:
                raise RunError(f"{self.url}: {cause}: are the credentials in the environment?") from error
            slow = isinstance(error, OSError) and error.errno == errno.EBUSY
            raise Transient(cause, slow=slow) from error

    def close(self) -> None:
        """Close the file in the store."""
        if self._file is not None:
            self._file.close()


def _foreign() -> tuple[tuple[type[Exception], ...], tuple[type[Exception], ...]]:
    """FOREIGN as classes, of those modules that are loaded: what is not cannot have raised."""
    roots: list[type[Exception]] = [OSError]
    passing: list[type[Exception]] = []
    for module, (root, names) in FOREIGN.items():
        if loaded := sys.modules.get(module):
            roots.append(getattr(loaded, root))
            passing += [getattr(loaded, name) for name in names]
    return tuple(roots), tuple(passing)
