"""Where the parts of an address stand in its bytes: one pass, no copies, never an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from stages.text.buffers import Bytes, Offsets, Texts, byte
from stages.text.kernel import Int, device, kernel

Spans = npt.NDArray[np.int32]

START, SCHEME, HOST, HOST_STOP, PORT, PORT_STOP, PATH, QUERY, FRAGMENT, STOP, ODD = range(11)
"""Columns of `split`: positions in the data. A part that is missing is empty, and stands where it would."""

MAX_HOST = 253
"""Characters of a host name (RFC 1035, 2.3.4, as text)."""
MAX_ODD_HOST = 2_000
"""Bytes of a host that is not plain ASCII: more cannot come down to `MAX_HOST`."""


def split(urls: Texts, bare: bool = False) -> Spans:
    """int32 [rows, 11]: where the parts of each address stand; see the names above.

    White space and control characters at both ends are not part of it. The scheme is `[START:SCHEME]`, the
    path `[PATH:QUERY]`, the query `[QUERY:FRAGMENT]` with `?`, the fragment `[FRAGMENT:STOP]` with `#`.
    ODD is 1 where the host has to be looked at in Python: letters beyond ASCII, escapes, IPv6.
    Without `//` the text before the first `/` is the host if it has a dot, or in any case if `bare`.
    """
    spans = np.zeros((len(urls.valid), 11), np.int32)
    _split(urls.data, urls.offsets, urls.valid, bare, spans)
    return spans


def strings(
    data: Bytes, starts: npt.NDArray[Any], stops: npt.NDArray[Any], lower: bool = True
) -> pa.StringArray:
    """`data[start:stop]` for each pair, ASCII capitals in lower case if `lower`; null where `start` < 0."""
    starts, stops = np.ascontiguousarray(starts, np.int32), np.ascontiguousarray(stops, np.int32)
    offsets = np.zeros(len(starts) + 1, np.int32)
    np.cumsum(np.where(starts < 0, 0, stops - starts), out=offsets[1:])
    out = np.empty(int(offsets[-1]), np.uint8)
    _gather(data, starts, stops, lower, out)
    valid = np.packbits(starts >= 0, bitorder="little")
    return pa.StringArray.from_buffers(
        len(starts), pa.py_buffer(offsets), pa.py_buffer(out), pa.py_buffer(valid)
    )


@kernel
def _gather(
    data: Bytes, starts: npt.NDArray[np.int32], stops: npt.NDArray[np.int32], lower: bool, out: Bytes
) -> None:
    pos: Int = 0
    for row in range(len(starts)):
        if starts[row] >= 0:
            for i in range(starts[row], stops[row]):
                char = byte(data, i)
                out[pos] = char + 32 if lower and 0x41 <= char <= 0x5A else char
                pos += 1


@kernel
def _split(data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], bare: bool, out: Spans) -> None:
    for row in range(len(valid)):
        if valid[row]:
            start, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
            while start < stop and byte(data, start) <= 0x20:
                start += 1
            while start < stop and byte(data, stop - 1) <= 0x20:
                stop -= 1
            _parts(data, start, stop, bare, out[row])


@device
def _parts(data: Bytes, start: Int, stop: Int, bare: bool, out: Spans) -> None:
    scheme, authority = _scheme(data, start, stop)
    out[START], out[SCHEME], out[STOP] = start, scheme, stop
    path = authority if authority >= 0 else (scheme + 1 if scheme > start else start)
    named = authority >= 0 or scheme == start
    if named:
        while path < stop and not _ends_authority(byte(data, path)):
            path += 1
    first = authority if authority >= 0 else start
    out[HOST] = out[HOST_STOP] = out[PORT] = out[PORT_STOP] = path
    if named and not _authority(data, first, path, bool(bare or authority >= 0), out) and authority < 0:
        path = start
    out[PATH] = path
    while path < stop and byte(data, path) != ord("?") and byte(data, path) != ord("#"):
        path += 1
    out[QUERY] = path
    while path < stop and byte(data, path) != ord("#"):
        path += 1
    out[FRAGMENT] = path


@device
def _scheme(data: Bytes, start: Int, stop: Int) -> tuple[Int, Int]:
    """Where the scheme ends (`start` if there is none), and where the authority starts (-1: no `//`)."""
    if start + 1 < stop and _slash(byte(data, start)) and _slash(byte(data, start + 1)):
        return start, start + 2
    pos = start
    while pos < stop and _in_scheme(byte(data, pos)):
        pos += 1
    letter = start < stop and ord("a") <= (byte(data, start) | 32) <= ord("z")
    if not letter or pos >= stop or byte(data, pos) != ord(":"):
        return start, np.int64(-1)
    if pos + 2 < stop and _slash(byte(data, pos + 1)) and _slash(byte(data, pos + 2)):
        return pos, pos + 3
    digits = pos + 1
    while digits < stop and ord("0") <= byte(data, digits) <= ord("9"):
        digits += 1
    if digits > pos + 1 and (digits == stop or _ends_authority(byte(data, digits))):
        return start, np.int64(-1)  # host:port
    return pos, np.int64(-1)


@device
def _authority(data: Bytes, start: Int, stop: Int, sure: bool, out: Spans) -> bool:
    """Write host and port that stand in `data[start:stop]`, after a user's name; whether there is a host."""
    # The last @ counts: a password may hold others.
    for i in range(start, stop):
        if byte(data, i) == ord("@"):
            start = i + 1
    end = start
    if start < stop and byte(data, start) == ord("["):
        while end < stop and byte(data, end) != ord("]"):
            end += 1
        end = min(end + 1, stop)
    while end < stop and byte(data, end) != ord(":"):
        end += 1
    for i in range(end + 1, stop):
        if not ord("0") <= byte(data, i) <= ord("9"):
            return False
    port = min(end + 1, stop)
    sure = bool(sure or end < stop)
    while end > start and byte(data, end - 1) == ord("."):
        end -= 1
    odd = _host(data, start, end)
    dots = 0
    for i in range(start, end):
        dots += byte(data, i) == ord(".")
    if odd < 0 or not (sure or dots):
        return False
    out[HOST], out[HOST_STOP], out[PORT], out[PORT_STOP], out[ODD] = start, end, port, stop, odd
    return True


@device
def _host(data: Bytes, start: Int, stop: Int) -> Int:
    """0 for a host in plain ASCII, 1 for one that Python looks at, -1 if it is none."""
    if start == stop or stop - start > MAX_ODD_HOST:
        return -1
    odd = 0
    before: Int = ord(".")
    for i in range(start, stop):
        char = byte(data, i)
        letter = ord("a") <= (char | 32) <= ord("z") or ord("0") <= char <= ord("9")
        if char >= 0x80 or char == ord("%") or char == ord("["):
            odd = 1
        elif not (letter or char in (ord("-"), ord("_"), ord("."))) and not odd:
            return -1
        # An empty label; a dot stands before the first character, too.
        if char == ord(".") and before == ord("."):
            return -1
        before = char
    return odd if odd or stop - start <= MAX_HOST else -1


@device
def _slash(char: Int) -> bool:
    return bool(char == ord("/") or char == ord("\\"))


@device
def _ends_authority(char: Int) -> bool:
    return bool(_slash(char) or char == ord("?") or char == ord("#"))


@device
def _in_scheme(char: Int) -> bool:
    letter = ord("a") <= (char | 32) <= ord("z") or ord("0") <= char <= ord("9")
    return bool(letter or char in (ord("+"), ord("-"), ord(".")))
