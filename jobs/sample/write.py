"""Documents as the files a crawl comes in: WARC responses, WET conversions, JSON lines.

Source: WARC 1.1 (ISO 28500:2017): one gzip member for each record; the bytes depend on the documents alone.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.store import atomic

FILE_DOCUMENTS = 250
DATE = "2026-01-01T00:00:00Z"
"""Date of every record: when a sample was made is no business of its content."""
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:corpusmill:sample")


@dataclass(frozen=True)
class Document:
    """What one file of the machine became."""

    name: str
    """Stable and unique in its source."""
    url: str
    body: bytes
    """Markup in the charset that it declares, or UTF-8 text."""
    content_type: str = "text/plain"


def record(kind: str, block: bytes, content_type: str, headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """One WARC record, uncompressed. Its id is a UUID of what it holds, so equal content has equal ids."""
    named = [("WARC-Type", kind), ("WARC-Date", DATE), *headers, ("Content-Type", content_type)]
    identity = uuid.uuid5(NAMESPACE, repr(named) + hashlib.sha256(block).hexdigest())
    named.insert(1, ("WARC-Record-ID", f"<urn:uuid:{identity}>"))
    named += [("WARC-Block-Digest", _sha1(block)), ("Content-Length", str(len(block)))]
    lines = "".join(f"{key}: {value}\r\n" for key, value in named)
    return f"WARC/1.1\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def response(document: Document) -> bytes:
    """A page as the answer of a web server."""
    fields = f"Content-Type: {document.content_type}\r\nContent-Length: {len(document.body)}\r\n"
    block = f"HTTP/1.1 200 OK\r\n{fields}\r\n".encode() + document.body
    digest = ("WARC-Payload-Digest", _sha1(document.body))
    return record("response", block, "application/http; msgtype=response", [_uri(document), digest])


def conversion(document: Document) -> bytes:
    """A text as a WET file holds it."""
    return record("conversion", document.body, document.content_type, [_uri(document)])


def _uri(document: Document) -> tuple[str, str]:
    return "WARC-Target-URI", document.url


def _sha1(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def archive(encode: Callable[[Document], bytes], name: str, documents: Sequence[Document]) -> bytes:
    """A WARC file: what it is, then a record for each document, each a gzip member of its own."""
    fields = "software: corpusmill\r\nformat: WARC File Format 1.1\r\n"
    info = record("warcinfo", fields.encode(), "application/warc-fields", [("WARC-Filename", name)])
    return b"".join(gzip.compress(r, 6, mtime=0) for r in (info, *map(encode, documents)))


def warc(name: str, documents: Sequence[Document]) -> bytes:
    """A WARC file of responses."""
    return archive(response, name, documents)


def wet(name: str, documents: Sequence[Document]) -> bytes:
    """A WARC file of conversions."""
    return archive(conversion, name, documents)


def jsonl(name: str, documents: Sequence[Document]) -> bytes:
    """Gzipped JSON lines with `id`, `url` and `text`."""
    rows = ({"id": d.name, "url": d.url, "text": d.body.decode()} for d in documents)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return gzip.compress(lines.encode(), 6, mtime=0)


FORMATS: dict[str, tuple[str, Callable[[str, Sequence[Document]], bytes]]] = {
    "reference": (".warc.gz", warc),
    "readme": (".jsonl.gz", jsonl),
    "code": (".jsonl.gz", jsonl),
    "plaintext": (".warc.wet.gz", wet),
}


class Files:
    """One source's files under `folder`, of FILE_DOCUMENTS documents each; older ones of that name go."""

    def __init__(self, folder: Path, source: str):
        self.folder, self.source = folder, source
        self.suffix, self._encode = FORMATS[source]
        self.written: list[dict[str, Any]] = []
        self._held: list[Document] = []
        for old in folder.glob(f"{source}-*{self.suffix}"):
            old.unlink()

    def add(self, document: Document) -> None:
        """Append a document; every FILE_DOCUMENTS-th closes a file."""
        self._held.append(document)
        if len(self._held) == FILE_DOCUMENTS:
            self.flush()

    def flush(self) -> None:
        """Write what is held, if anything, as the next file."""
        if not self._held:
            return
        name = f"{self.source}-{len(self.written):05d}{self.suffix}"
        data = self._encode(name, self._held)
        with atomic(self.folder / name) as temporary:
            temporary.write_bytes(data)
        self.written.append({
            "file": f"{self.source}/{name}", "documents": len(self._held), "bytes": len(data),
            "content_bytes": sum(len(d.body) for d in self._held), "sha256": hashlib.sha256(data).hexdigest(),
        })  # fmt: skip
        self._held = []
