"""ARC files, what crawlers wrote before WARC: a line about a record, then the record."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stages.ingest.framing import Dialect, Record
from stages.ingest.window import Bytes

LINE_BYTES = 8 << 10
_LINE = (
    rb"[A-Za-z][A-Za-z0-9+.-]{1,15}:[^\r\n]{0,6000}? (?:[0-9A-Fa-f]{0,4}[.:]){2,7}[0-9A-Fa-f]{0,4} "
    rb"\d{8,20} (?:[^\r\n]{0,1000} )?"
)
LINE = re.compile(_LINE + rb"(\d{1,12}) ?\r?\n")
"""Address, IP address, date and, after fields that differ between versions 1 and 2, length."""
LINE_WITHIN = re.compile(rb"(?<=\n)" + LINE.pattern)
LIKE_LINE = re.compile(_LINE)
PARTS = re.compile(r"(?P<url>.*?) (?P<ip>[0-9A-Fa-f.:]+) (?P<date>\d{8,20}) (?:(?P<type>[^ ]*) )?", re.DOTALL)


@dataclass(kw_only=True, slots=True)
class ArcRecord(Record):
    """An ARC record, under the names that WARC has for its fields."""

    def kind(self) -> str:
        """'warcinfo' for the block of the version, else 'response'."""
        return "warcinfo" if self.header.startswith(b"filedesc:") else "response"

    def fields(self) -> dict[str, str]:
        """warc-type, warc-target-uri, warc-ip-address, warc-date, content-type and content-length."""
        try:
            text = self.header.decode()
        except UnicodeDecodeError:
            text = self.header.decode("latin-1")
        fields = {"warc-type": self.kind(), "content-length": text.split()[-1]}
        if parts := PARTS.match(text):
            d = parts["date"].ljust(14, "0")
            fields |= {
                "warc-target-uri": parts["url"],
                "warc-ip-address": parts["ip"],
                "warc-date": f"{d[:4]}-{d[4:6]}-{d[6:8]}T{d[8:10]}:{d[10:12]}:{d[12:14]}Z",
                "content-type": parts["type"] or "",
            }
        return fields


def _header(data: Bytes, start: int, head: bytes) -> bytes | str:
    """The line at `start`, or the reason why it is none."""
    if b"\n" not in head:
        head = data.read(start, LINE_BYTES) if data.reach(start + len(head) + 1) else head
    if line := LINE.match(head):
        return line[0]
    if b"\n" not in head and len(head) < LINE_BYTES:
        return "short"
    return "bad_header" if LIKE_LINE.match(head) else "garbage"


def _claims(header: bytes) -> list[int]:
    return [int(header.split()[-1])]


ARC = Dialect(
    record=ArcRecord,
    begin=LINE,
    within=LINE_WITHIN,
    span=LINE_BYTES,
    closes=(b"\n", b"\r\n"),
    header=_header,
    claims=_claims,
)
"""Internet Archive, Arc File Format, versions 1.0 and 1.1."""
