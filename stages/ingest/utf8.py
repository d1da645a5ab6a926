"""Bytes that are UTF-8 beyond doubt, as most pages are: no charset need be found, nor text made of them."""

from __future__ import annotations

import re
import struct

import numpy as np
import pyarrow as pa

ENOUGH = 32
"""Bytes beyond ASCII that are no accident: text in a double-byte charset passes for UTF-8 if it is short."""
SAMPLE = 16 << 10
HEAD = 4 << 10
"""Where a page may declare its charset."""
_OTHER = rb"\s*+=\s*+[\"']?+\s*+(?!utf-?8|iso-8859-1|windows-1252|us-ascii)"
CLAIMS = re.compile(b"charset" + _OTHER), re.compile(b"encoding" + _OTHER)
"""Claims of a charset that is neither UTF-8 nor what servers declare unasked; for text in lower case."""


def certainly_utf_8(data: bytes, content_type: str = "") -> bool:
    """Whether `charset.decode(data, content_type)` is `data.decode()`, without doubt and without a loss.

    Not where a byte order mark leads, or where NUL or an escape sequence may mean another charset.
    """
    if b"\0" in data or data.startswith(b"\xef\xbb\xbf"):
        return False
    if b"\x1b" in data and b"\x1b$" in data:
        return False
    if (b"2022" in data[:HEAD] or "2022" in content_type) and b"\x1b" in data:
        return False
    if data.isascii():
        return True
    if len(data) >= 1 << 31:
        return False
    if _n_high(data[:SAMPLE]) < ENOUGH and _n_high(data) < ENOUGH and _claimed(data, content_type):
        return False
    offsets = pa.py_buffer(struct.pack("=ii", 0, len(data)))
    try:
        pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(data)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _claimed(data: bytes, content_type: str) -> bool:
    """Whether a charset is named anywhere that is neither UTF-8 nor Western."""
    text = data[:HEAD].lower() + b"\n" + content_type.lower().encode("latin-1", "replace")
    return any(claim.search(text) for claim in CLAIMS)


def _n_high(data: bytes) -> int:
    """How many bytes are beyond ASCII."""
    return int(np.count_nonzero(np.frombuffer(data, np.int8) < 0))
