"""Bytes to text as the Encoding Standard has it, where Python's codecs do otherwise.

Python knows fewer characters of EUC-JP and ISO-2022-JP than the web, and after two bytes that are no
character it goes on in the middle of the pair, so that all that follows is garbled; the Standard goes on
behind the pair.
"""

from __future__ import annotations

import codecs
import re

DOUBLE_BYTE = frozenset({"gb18030", "cp932", "cp949", "big5hkscs", "euc_jp"})
ISO_2022_JP = re.compile(rb"\x1b(\$[@B]|\([BJI])")
SHIFTED = re.compile(rb"\x1b\$[@B](?:[\x21-\x7e]{2}|[\r\n])+\x1b\([BJ]")
"""Double bytes between escape sequences: nothing but ISO-2022-JP writes them."""
UNIFIED = str.maketrans("\u301c\u2016\u2212\xa2\xa3\xac", "\uff5e\u2225\uff0d\uffe0\uffe1\uffe2")
"""Characters for which Python follows JIS and the Standard follows Windows."""


def decode_as(data: bytes, encoding: str) -> str:
    """`data` in one of Python's encodings, with U+FFFD for what is none; never raises."""
    if encoding == "iso2022_jp":
        return _iso_2022_jp(data)
    if encoding not in DOUBLE_BYTE:
        return data.decode(encoding, "replace")
    text = data.decode(encoding, "corpusmill.pairs")
    return text.translate(UNIFIED) if encoding == "euc_jp" else text


def is_iso_2022_jp(data: bytes) -> bool:
    """Whether these bytes seem to be ISO-2022-JP: seven bits, with double bytes between escape sequences."""
    return b"\x1b" in data and data.isascii() and SHIFTED.search(data) is not None


def _iso_2022_jp(data: bytes) -> str:
    first, *parts = ISO_2022_JP.split(data)
    text = [first.decode("ascii", "replace")]
    for escape, part in zip(parts[::2], parts[1::2], strict=True):
        if escape[:1] == b"$":
            # Line ends stay, and the pairs between them are those of EUC-JP without the high bit.
            lines = re.split(rb"([\x00-\x20]+)", part)
            high = (line if line[:1] <= b" " else bytes(b | 0x80 for b in line) for line in lines)
            text.append(decode_as(b"".join(high), "euc_jp"))
        elif escape == b"(I":
            text.append(bytes(b | 0x80 if 0x20 < b < 0x60 else b for b in part).decode("cp932", "replace"))
        else:
            text.append(part.decode("ascii", "replace"))
    return "".join(text)


def _pair(error: UnicodeError) -> tuple[str, int]:
    """What stands for two bytes that the codec does not know, and where to go on."""
    assert isinstance(error, UnicodeDecodeError)
    data, start = error.object, error.start
    lead, trail = data[start], data[start + 1] if start + 1 < len(data) else 0
    if error.encoding == "euc_jp" and 0xA1 <= lead <= 0xFE and 0xA1 <= trail <= 0xFE:
        return _cp932_of_row(lead - 0xA0, trail - 0xA0), start + 2
    if error.encoding == "gb18030" and lead == 0x80:
        return "\u20ac", start + 1
    is_lead = lead > 0x80 and lead != 0xFF
    return "\ufffd", start + 1 + (is_lead and 0x80 <= trail < 0xFF)


def _cp932_of_row(row: int, cell: int) -> str:
    """The character of a row and cell of JIS X 0208 with the rows of NEC and IBM, as CP932 writes it."""
    lead = (row + 1) // 2 + (0x80 if row < 63 else 0xC0)
    if row % 2:
        trail = cell + (0x3F if cell < 64 else 0x40)
    else:
        trail = cell + 0x9E
    return bytes((lead, trail)).decode("cp932", "replace")[:1]


codecs.register_error("corpusmill.pairs", _pair)
