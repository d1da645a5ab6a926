"""A web server on this machine that can be as troublesome as those out there."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

Trouble = int | str | tuple[int, dict[str, str]]
"""A status, with headers or without; or 'cut', 'reset', 'stall', 'no length', 'other range'."""


@dataclass
class Site:
    """What the server has and does."""

    files: dict[str, bytes] = field(default_factory=dict)
    troubles: deque[Trouble | None] = field(default_factory=deque)
    """What happens to the next requests, one after the other; None: they are answered."""
    ranges: bool = True
    per_second: float = 0.0
    """More requests are answered with 503; 0: any number."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """(path, range) of all requests."""
    refused: int = 0
    url: str = ""
    times: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, path: str, range_: str) -> Trouble | None:
        """What happens to a request."""
        with self.lock:
            now = time.monotonic()
            self.asked.append((path, range_))
            self.times.append(now)
            if self.per_second and sum(t > now - 0.25 for t in self.times) > self.per_second / 4:
                self.refused += 1
                return 503
            return self.troubles.popleft() if self.troubles else None


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers GET, with ranges."""

    protocol_version = "HTTP/1.1"
    site: Site

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        """A file, a part of it, or trouble."""
        path = self.path.partition("?")[0]
        trouble = self.site.ask(path, self.headers.get("Range", ""))
        if isinstance(trouble, int):
            trouble = (trouble, {})
        if isinstance(trouble, tuple):
            self._answer(trouble[0], b"trouble", trouble[1])
        elif trouble == "reset":
            self._reset()
        elif trouble == "stall":
            time.sleep(0.6)
            self.close_connection = True
        elif path.endswith("/"):
            links = "".join(f'<a href="{name}">{name}</a>' for name in self.site.files)
            self._answer(200, links.encode(), {"Content-Type": "text/html"})
        elif (data := self.site.files.get(path)) is None:
            self._answer(404, b"none", {})
        else:
            self._file(data, trouble or "")

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def _file(self, data: bytes, trouble: str) -> None:
        tag = {"ETag": f'"{hashlib.md5(data).hexdigest()}"'}
        wanted = re.match(r"bytes=(\d+)-(\d+)$", self.headers.get("Range", ""))
        if not wanted or not self.site.ranges:
            self._answer(200, data, tag, trouble)
            return
        start, stop = int(wanted[1]), min(int(wanted[2]) + 1, len(data))
        if trouble == "other range":
            start = max(start - 1, 0)
        if start >= len(data):
            self._answer(416, b"", tag | {"Content-Range": f"bytes */{len(data)}"})
            return
        where = {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"}
        self._answer(206, data[start:stop], tag | where, trouble)

    def _answer(self, status: int, body: bytes, headers: dict[str, str], trouble: str = "") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if trouble == "no length":
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if trouble in ("cut", "no length"):
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            with contextlib.suppress(OSError):  # who asked may have seen enough
                self.wfile.write(body)


@contextlib.contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Serve until the end of the block; `site.url` is where."""
    handler = type("SiteHandler", (Handler,), {"site": site})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda request, address: None  # type: ignore[method-assign]  # cut connections
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
