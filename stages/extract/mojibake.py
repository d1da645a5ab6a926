"""Text that was UTF-8 and has been read as Windows-1252, Latin-1 or Windows-1251: what it was before."""

from __future__ import annotations

import contextlib
import itertools
import re

from stages.ingest.batches import valid_text

SHARE = 3
"""One in so many characters beyond ASCII has to be misread: a text that speaks of misreading stays."""
CODECS = ("sloppy-windows-1252", "latin-1", "sloppy-windows-1251")
"""Codecs of ftfy: as browsers read, for whom each byte means something."""
NO_LEAD = bytes(range(0xC0))
LINE_CHARS = 1 << 20
"""A longer line is left as it is."""


def repaired(text: str) -> str:
    """`text` as it was; unchanged unless much of what is beyond ASCII in it has been misread.

    Where all of it was misread in one way, that is undone exactly; else `ftfy.fix_encoding` sees each line.
    Work grows with the length of the text and no faster, and is little where nothing is wrong.

    Source: ftfy (Speer 2019).
    """
    if text.isascii() or not _misread(text.encode("utf-8", "replace")):
        return text
    import ftfy  # which has these codecs: needed for few pages, and slow to load

    for codec in () if "\ufffd" in text else CODECS:  # to which these give a byte, too
        with contextlib.suppress(UnicodeError):
            return valid_text(text.encode(codec).decode())
    lines = (
        line if line.isascii() or len(line) > LINE_CHARS else ftfy.fix_encoding(line)
        for line in text.split("\n")
    )
    return valid_text("\n".join(lines))


def _misread(data: bytes) -> bool:
    """Whether enough of what is beyond ASCII would be UTF-8 if it were written in one of the charsets."""
    for pattern in PATTERNS:
        misread = b"".join(pattern.findall(data))
        if misread and SHARE * _n_beyond(misread) >= _n_beyond(data):
            return True
    return False


def _n_beyond(data: bytes) -> int:
    """Characters beyond ASCII."""
    return len(data.translate(None, NO_LEAD))


def _pattern(*codecs: str) -> re.Pattern[bytes]:
    """UTF-8 of what characters of two and three bytes in UTF-8 become when they are read in a charset.

    All of it begins with the same byte, which `re` finds as fast as memory is read.
    """
    two, three, more = (_any(codecs, *part) for part in ((0xC2, 0xE0), (0xE0, 0xF0), (0x80, 0xC0)))
    return re.compile(b"%b(?:%b)|%b(?:%b){2}" % (two, more, three, more))


def _any(codecs: tuple[str, ...], start: int, stop: int) -> bytes:
    """A pattern for UTF-8 of what one of the bytes [start, stop) is read as."""
    chars = {_read(codec, byte).encode() for codec in codecs for byte in range(start, stop)}
    groups = itertools.groupby(sorted(chars), key=lambda char: char[:-1])
    return b"|".join(
        re.escape(first) + b"[" + re.escape(b"".join(char[-1:] for char in group)) + b"]"
        for first, group in groups
    )


def _read(codec: str, byte: int) -> str:
    try:
        return bytes([byte]).decode(codec)
    except UnicodeDecodeError:
        return chr(byte)  # as browsers do


PATTERNS = (_pattern("cp1252", "latin-1"), _pattern("cp1251"))
