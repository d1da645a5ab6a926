"""Bytes of a page to text: which of the charsets it claims, or seems to have, its bytes bear out."""

from __future__ import annotations

import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

from stages.ingest.batches import valid_text

BOMS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
    b"\x84\x31\x95\x33": "gb18030",
}
WIDER = {"gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs"}
"""Python's codec for what the Encoding Standard means by the name."""
WESTERN = frozenset(
    {"cp1252", "iso-8859-2", "iso-8859-3", "iso-8859-4", "iso-8859-10", "iso-8859-13", "iso-8859-14",
     "iso-8859-15", "iso-8859-16", "cp1250", "cp1254", "cp1257", "cp1258", "mac-roman"}
)  # fmt: skip
"""Latin alphabets: letters beyond ASCII stand alone between letters of ASCII."""
UTF_16 = frozenset({"utf-16-le", "utf-16-be"})
STATEFUL = UTF_16 | {"iso2022_jp"}
"""Where bytes of ASCII are not what they seem."""
DOUBLE_BYTE = frozenset({"gb18030", "cp932", "cp949", "big5hkscs", "euc_jp"})
PARAMETER = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
META = re.compile(
    rb"<meta\s[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w.:-]+)|<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)",
    re.IGNORECASE,
)
META_BYTES = 4096
"""Where a declaration is looked for; the HTML standard says 1,024, and many pages are late."""
RUNS = re.compile(rb"[\x80-\x9f\xa1-\xff]{4,}")
"""Without the no-break space, with which old pages are laid out."""
ASCII = bytes(range(128))
ENOUGH = 32
"""Bytes beyond ASCII that make sure of what they seem to be."""


def decode(data: bytes, content_type: str = "") -> str:
    """`data` as text, whatever it is; never raises. U+FFFD stands for what cannot be decoded, and for NUL.

    A byte order mark decides; then UTF-8, if that is what the bytes are; then the charset of `content_type`
    and of the page's own declaration, unless the bytes speak against it; then what detection makes of them.
    """
    for mark, encoding in BOMS.items():
        if data.startswith(mark):
            return valid_text(data[len(mark) :].decode(encoding, "replace"))
    text = _utf_8(data)
    if text is not None and _no_accident(data, text):
        return text
    claims = _claims(data, content_type)
    if text is not None and (STATEFUL | DOUBLE_BYTE).isdisjoint(claims):
        return text.replace("\0", "\ufffd") if b"\0" in data else text
    n_high = _n_high(data)
    if text is not None and STATEFUL.isdisjoint(claims) and not 0 < n_high < ENOUGH:
        return valid_text(text)
    for encoding in _candidates(data, claims, n_high):
        if (text := _attempt(data, encoding, n_high)) is not None:
            return valid_text(text)
    detected = _codec(detect_encoding(data) or "")
    if detected and (text := _attempt(data, detected, n_high)) is not None:
        return valid_text(text)
    return valid_text(data.decode((claims or ["cp1252"])[0], "replace"))


def _utf_8(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _no_accident(data: bytes, text: str) -> bool:
    """Whether `data` is UTF-8 by intention, whatever is declared: no claim need be looked for.

    Where NUL and escape sequences are, they may mean another charset; a few double-byte characters can be
    valid UTF-8, many cannot.
    """
    sure = len(data) == len(text) or len(data) - len(text) >= ENOUGH
    return sure and b"\x1b" not in data and b"\0" not in data


def _candidates(data: bytes, claims: list[str], n_high: int) -> list[str]:
    """The claims that the bytes do not deny, and UTF-8 with a few errors, in the order to try them."""
    runs = sum(map(len, RUNS.findall(data))) if not WESTERN.isdisjoint(claims) else 0
    candidates = [c for c in claims if c not in WESTERN or 2 * runs <= n_high]
    certain = STATEFUL.isdisjoint(candidates) and (n_high >= ENOUGH or DOUBLE_BYTE.isdisjoint(candidates))
    return ["utf-8", *candidates] if certain else [*candidates, "utf-8"]


def _n_high(data: bytes) -> int:
    """How many bytes are beyond ASCII."""
    return 0 if data.isascii() else len(data.translate(None, ASCII))


def _claims(data: bytes, content_type: str) -> list[str]:
    """Codecs that the HTTP header and the page name and that are possible, the more credible first."""
    head = data[:META_BYTES]
    if head.startswith((b"<\0", b"\0<")):
        return ["utf-16-le" if head[0] else "utf-16-be"]
    header = PARAMETER.search(content_type)
    declared = META.search(head)
    labels = [header[1] if header else "", (declared[1] or declared[2]).decode() if declared else ""]
    # What could be read so far is not UTF-16, whatever it says; and servers say ISO 8859-1 unasked.
    denied = {"", *(() if b"\0" in head else UTF_16), *(() if b"\x1b" in data else {"iso2022_jp"})}
    claims = [c for c in dict.fromkeys(map(_codec, labels)) if c not in denied]
    return sorted(claims, key=lambda c: (c not in STATEFUL, c == "cp1252"))


def _codec(label: str) -> str:
    name = map_encoding_to_html5(label, fallback_utf8=False) or ""
    return WIDER.get(name, name)


def _attempt(data: bytes, encoding: str, n_high: int) -> str | None:
    """`data` in this encoding if at most one in twenty bytes beyond ASCII is against it."""
    text = data.decode(encoding, "replace")
    if "\ufffd" in text:
        bad = text.count("\ufffd") - text.endswith("\ufffd")  # the last one may have been cut
        bad -= data.count(b"\xef\xbf\xbd") if encoding == "utf-8" else 0
        if bad * 20 > n_high:
            return None
    return text
