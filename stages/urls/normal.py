"""Normal forms of addresses: the one that equal pages share, and the one that words are looked for in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, Offsets, byte
from stages.text.kernel import Int, device, kernel
from stages.text.unicode import ALNUM, MARK, REPLACEMENT, char_class, decode, lower
from stages.urls.split import (
    FRAGMENT,
    HOST_STOP,
    PATH,
    PORT,
    PORT_STOP,
    QUERY,
    SCHEME,
    START,
    STOP,
    Spans,
)

Buffer = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]
"""Rows end to end: uint8 data and int64 [rows + 1] offsets."""

WORDS, DIGITS, HYPHENS, LETTERS, IN_WORDS = range(5)
"""Columns of what `readable` counts: words, digits, hyphens, characters, and characters of words."""


def page(data: Bytes, spans: Spans, hosts: Bytes, offsets: Offsets) -> Buffer:
    """What addresses of one page share, RFC 3986 section 6.2 and a little more.

    No scheme, user or fragment; the host in lower case without `www.`; no port that is the scheme's own; in
    path and query escapes of unreserved characters decoded, other escapes in upper case, what is not ASCII
    escaped; no `/` at the end of the path. An address without a host stands as it is, without its fragment.
    """
    # An escape takes three bytes for one.
    room = 3 * int((spans[:, STOP] - spans[:, START]).sum()) + len(hosts) + 1
    out, ends = np.empty(room, np.uint8), np.zeros(len(spans) + 1, np.int64)
    _page(data, spans, hosts, offsets, out, ends)
    return out[: ends[-1]], ends


def readable(data: Bytes, spans: Spans) -> tuple[Buffer, npt.NDArray[np.int64]]:
    """The address behind its scheme in lower case, escapes decoded; and int64 [rows, 5] counted on it.

    The bytes of escapes that are not UTF-8 stay as they are, so the form is for matching, not for showing.
    """
    # A small letter may take a byte more than its capital (Ⱥ two, ⱥ three), never twice as many.
    room = 2 * int((spans[:, STOP] - spans[:, SCHEME]).sum()) + 4
    out, ends = np.empty(room, np.uint8), np.zeros(len(spans) + 1, np.int64)
    counts = np.zeros((len(spans), 5), np.int64)
    scratch = np.empty(int((spans[:, STOP] - spans[:, SCHEME]).max(initial=0)), np.uint8)
    _readable(data, spans, scratch, out, ends, counts)
    return (out[: ends[-1]], ends), counts


def letters(data: Bytes, spans: Spans) -> Buffer:
    """The address without anything but ASCII letters and digits, in lower case."""
    out = np.empty(int((spans[:, STOP] - spans[:, START]).sum()), np.uint8)
    ends = np.zeros(len(spans) + 1, np.int64)
    _letters(data, spans, out, ends)
    return out[: ends[-1]], ends


@kernel
def _page(
    data: Bytes, spans: Spans, hosts: Bytes, offsets: Offsets, out: Bytes, ends: npt.NDArray[np.int64]
) -> None:
    pos: Int = 0
    for row in range(len(spans)):
        part = spans[row]
        host: Int = np.int64(offsets[row])
        host_stop = np.int64(offsets[row + 1])
        if host < host_stop:
            host = _without_www(hosts, host, host_stop)
            for i in range(host, host_stop):
                out[pos] = hosts[np.uint64(i)]
                pos += 1
            if not _own_port(data, part):
                for i in range(part[PORT] - 1, part[PORT_STOP]):
                    out[pos] = byte(data, i)
                    pos += 1
            stop = np.int64(part[QUERY])
            while stop > part[PATH] and byte(data, stop - 1) == ord("/"):
                stop -= 1
            pos = _escape(data, np.int64(part[PATH]), stop, out, pos)
            if part[FRAGMENT] > part[QUERY] + 1:
                pos = _escape(data, np.int64(part[QUERY]), np.int64(part[FRAGMENT]), out, pos)
        else:
            for i in range(part[START], part[FRAGMENT]):
                out[pos] = byte(data, i)
                pos += 1
        ends[row + 1] = pos


@device
def _without_www(hosts: Bytes, start: Int, stop: Int) -> Int:
    """Where a host starts behind its `www.`, unless one label alone stands behind it."""
    pos = start
    while pos < stop and byte(hosts, pos) == ord("w"):
        pos += 1
    if pos - start != 3 or pos == stop or byte(hosts, pos) != ord("."):
        return start
    for i in range(pos + 1, stop):
        if byte(hosts, i) == ord("."):
            return pos + 1
    return start


@device
def _own_port(data: Bytes, part: npt.NDArray[np.int32]) -> bool:
    """Whether the port is missing, empty, or that of the scheme (of http or https where there is none)."""
    n_digits = part[PORT_STOP] - part[PORT]
    if part[PORT] <= part[HOST_STOP] or n_digits == 0:
        return True
    if n_digits > 5:
        return False
    port: Int = 0
    for i in range(part[PORT], part[PORT_STOP]):
        port = port * 10 + byte(data, i) - 48
    n = part[SCHEME] - part[START]
    return bool((port == 80 and n in (0, 4)) or (port == 443 and n in (0, 5)) or (port == 21 and n == 3))


@device
def _escape(data: Bytes, start: Int, stop: Int, out: Bytes, pos: Int) -> Int:
    """Write `data[start:stop]` with escapes in their normal form; where the next byte goes."""
    i = start
    while i < stop:
        char, after = _unescaped(data, i, stop)
        letter = ord("a") <= (char | 32) <= ord("z") or ord("0") <= char <= ord("9")
        plain = letter or char in (ord("-"), ord("."), ord("_"), ord("~"))
        if (after == i + 1 and char < 0x80) or plain:
            out[pos] = char
            pos += 1
        else:
            out[pos], out[pos + 1], out[pos + 2] = ord("%"), _hex(char >> 4), _hex(char & 15)
            pos += 3
        i = after
    return pos


@device
def _unescaped(data: Bytes, pos: Int, stop: Int) -> tuple[Int, Int]:
    """The byte that stands or is escaped at `pos`, and where the next one starts."""
    char = byte(data, pos)
    if char == ord("%") and pos + 2 < stop:
        high, low = _digit(byte(data, pos + 1)), _digit(byte(data, pos + 2))
        if high >= 0 and low >= 0:
            return high << 4 | low, pos + 3
    return char, pos + 1


@device
def _digit(char: Int) -> Int:
    if ord("0") <= char <= ord("9"):
        return char - 48
    char |= 32
    return char - 87 if ord("a") <= char <= ord("f") else np.int64(-1)


@device
def _hex(value: Int) -> Int:
    return value + 48 if value < 10 else value + 55


@kernel
def _readable(
    data: Bytes, spans: Spans, scratch: Bytes, out: Bytes, ends: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    pos: Int = 0
    for row in range(len(spans)):
        i: Int = np.int64(spans[row, SCHEME])
        stop = np.int64(spans[row, STOP])
        n: Int = np.int64(0)
        while i < stop:
            char, i = _unescaped(data, i, stop)
            scratch[np.uint64(n)] = char
            n += 1
        pos = _lowered(scratch, n, out, pos, counts[row])
        ends[row + 1] = pos


@device
def _lowered(scratch: Bytes, n: Int, out: Bytes, pos: Int, counts: npt.NDArray[np.int64]) -> Int:
    """Write `scratch[:n]` in lower case and count what it holds; where the next byte goes."""
    i: Int = np.int64(0)
    inside = False
    while i < n:
        code, after = decode(scratch, i, n)
        # U+FFFD as text is three bytes long; one byte of it is a byte that starts no character.
        broken = code == REPLACEMENT and after == i + 1
        flags = char_class(code)
        word = bool(flags & (ALNUM | MARK)) or broken
        counts[WORDS] += word and not inside
        inside = word
        counts[DIGITS] += ord("0") <= code <= ord("9")
        counts[HYPHENS] += code == ord("-")
        counts[LETTERS] += 1
        counts[IN_WORDS] += word
        pos = _put(out, pos, np.int64(byte(scratch, i)) if broken else lower(code), broken)
        i = after
    return pos


@device
def _put(out: Bytes, pos: Int, code: Int, raw: bool) -> Int:
    """Write a character as UTF-8, or a byte that is none."""
    if raw or code < 0x80:
        out[pos] = code
        return pos + 1
    if code < 0x800:
        out[pos], out[pos + 1] = 0xC0 | code >> 6, 0x80 | code & 63
        return pos + 2
    if code < 0x10000:
        out[pos], out[pos + 1], out[pos + 2] = 0xE0 | code >> 12, 0x80 | code >> 6 & 63, 0x80 | code & 63
        return pos + 3
    out[pos], out[pos + 1] = 0xF0 | code >> 18, 0x80 | code >> 12 & 63
    out[pos + 2], out[pos + 3] = 0x80 | code >> 6 & 63, 0x80 | code & 63
    return pos + 4


@kernel
def _letters(data: Bytes, spans: Spans, out: Bytes, ends: npt.NDArray[np.int64]) -> None:
    pos: Int = 0
    for row in range(len(spans)):
        for i in range(spans[row, START], spans[row, STOP]):
            char = byte(data, i)
            if ord("A") <= char <= ord("Z"):
                char += 32
            if ord("a") <= char <= ord("z") or ord("0") <= char <= ord("9"):
                out[pos] = char
                pos += 1
        ends[row + 1] = pos
