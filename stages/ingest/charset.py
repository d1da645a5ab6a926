"""Bytes of a page to text: which of the charsets it claims, or seems to have, its bytes bear out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

from stages.ingest.batches import valid_text
from stages.ingest.east_asian import east_asian
from stages.ingest.encodings import DOUBLE_BYTE, decode_as, is_iso_2022_jp

BOMS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
    b"\x84\x31\x95\x33": "gb18030",
}
WIDER = {
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso8859-11": "cp874",
}
"""Python's codec for what the Encoding Standard means by the name."""
WESTERN = frozenset(
    {"cp1252", "iso8859-2", "iso8859-3", "iso8859-4", "iso8859-10", "iso8859-13", "iso8859-14", "iso8859-15",
     "iso8859-16", "cp1250", "cp1254", "cp1257", "cp1258", "mac-roman"}
)  # fmt: skip
"""Latin alphabets: letters beyond ASCII stand alone between letters of ASCII."""
WINDOWS = {
    "iso8859-2": "cp1250",
    "iso8859-5": "cp1251",
    "iso8859-6": "cp1256",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-13": "cp1257",
}
"""What is meant where a page says ISO 8859 and uses bytes 80-9F; for those not named it is cp1252."""
SAME_LETTERS = frozenset({"iso8859-7", "iso8859-8", "iso8859-13"})
"""Those whose letters Windows has in the same places, so that nothing is lost by reading them so."""
OWN_LETTERS = re.compile(rb"[\xa1\xa6\xac\xb1\xb6\xbc]")
"""Ą, Ś, Ź in both cases in ISO 8859-2, signs in windows-1250."""
CONTROLS = re.compile(rb"[\x80-\x84\x86-\x9f]")
"""In ISO 8859 control characters, of which the web uses none but NEL (85)."""
TAGS_16 = {
    "utf-16-le": re.compile(rb"(?:..)*?<\0[!/?a-zA-Z]\0[\w-]\0", re.DOTALL),
    "utf-16-be": re.compile(rb"(?:..)*?\0<\0[!/?a-zA-Z]\0[\w-]", re.DOTALL),
}
"""A tag with NUL beside each of its characters, at an even offset."""
UTF_16 = frozenset({"utf-16-le", "utf-16-be"})
STATEFUL = UTF_16 | {"iso2022_jp"}
"""Where bytes of ASCII are not what they seem."""
PARAMETER = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
META = re.compile(
    rb"<meta(?=[\s/])((?:[^>\"']|\"[^\"]{0,2000}\"|'[^']{0,2000}'){0,500}+)"
    rb"|<\?xml\s[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]+)",
    re.IGNORECASE,
)
ATTRIBUTE = re.compile(rb"([^\s\"'<>/=]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
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
    if b"\0" in data[:META_BYTES] and (encoding := _utf_16(data[:META_BYTES])):
        return valid_text(data.decode(encoding, "replace"))
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
    for encoding in _detected(data, n_high):
        if (text := _attempt(data, encoding, n_high)) is not None:
            return valid_text(text)
    return valid_text(decode_as(data, (claims or ["cp1252"])[0]))


def _utf_8(data: bytes) -> str | None:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _utf_16(head: bytes) -> str:
    """The byte order, if this is UTF-16: tags are in it, with NUL beside each of their characters; or ''."""
    return next((encoding for encoding, tag in TAGS_16.items() if tag.match(head)), "")


def _no_accident(data: bytes, text: str) -> bool:
    """Whether `data` is UTF-8 by intention, whatever is declared: no claim need be looked for.

    Where NUL and escape sequences are, they may mean another charset; a few double-byte characters can be
    valid UTF-8, many cannot.
    """
    sure = len(data) == len(text) or len(data) - len(text) >= ENOUGH
    return sure and b"\x1b" not in data and b"\0" not in data


def _candidates(data: bytes, claims: list[str], n_high: int) -> list[str]:
    """The claims that the bytes do not deny, and UTF-8 with a few errors, in the order to try them."""
    runs = 0 if WESTERN.isdisjoint(claims) else _n_in_runs(data)
    # Trail bytes in ASCII part the runs of Big5 and Shift_JIS.
    foreign = 2 * runs > n_high or (5 * runs > n_high and east_asian(data) != "")
    candidates = [c for c in claims if c not in WESTERN or not foreign]
    certain = STATEFUL.isdisjoint(candidates) and (n_high >= ENOUGH or DOUBLE_BYTE.isdisjoint(candidates))
    return ["utf-8", *candidates] if certain else [*candidates, "utf-8"]


def _detected(data: bytes, n_high: int) -> Iterator[str]:
    """Codecs that the bytes themselves suggest, the more likely first."""
    detected = _codec(detect_encoding(data) or "")
    # Where an alphabet is found that fits, only very common East Asian characters say otherwise.
    if 5 * _n_in_runs(data) > n_high and (found := east_asian(data)):
        yield found
    if detected == "koi8-r":
        detected = "koi8-u"  # It has letters where KOI8-R has lines and corners, which no page draws with.
    if detected and (detected not in WESTERN or 2 * _n_in_runs(data) <= n_high):
        yield detected


def _n_in_runs(data: bytes) -> int:
    """How many bytes beyond ASCII stand together as no Latin alphabet has them."""
    return sum(map(len, RUNS.findall(data)))


def _n_high(data: bytes) -> int:
    """How many bytes are beyond ASCII."""
    return 0 if data.isascii() else len(data.translate(None, ASCII))


def _claims(data: bytes, content_type: str) -> list[str]:
    """Codecs that the HTTP header and the page name and that are possible, the more credible first."""
    head = data[:META_BYTES]
    header = PARAMETER.search(content_type)
    labels = [header[1] if header else "", _declared(head)]
    # What could be read so far is not UTF-16, whatever it says; and servers say ISO 8859-1 unasked.
    denied = {"", *(() if b"\0" in head else UTF_16), *(() if b"\x1b" in data else {"iso2022_jp"})}
    claims = [c for c in dict.fromkeys(map(_codec, labels)) if c not in denied]
    if is_iso_2022_jp(data):
        claims.insert(0, "iso2022_jp")
    return sorted(claims, key=lambda c: (c not in STATEFUL, c == "cp1252"))


def _declared(head: bytes) -> str:
    """What a page declares: `charset` of a meta element, `content` of one with `http-equiv`, or XML's way."""
    if b"charset" not in (lower := head.lower()) and b"encoding" not in lower:
        return ""
    if b"<!--" in head:
        head = COMMENT.sub(b"", head)
    for declaration in META.finditer(head):
        if declaration[2]:
            return declaration[2].decode()
        attributes: dict[str, str] = {}
        for name, *values in ATTRIBUTE.findall(declaration[1]):
            attributes.setdefault(name.decode("latin-1").lower(), b"".join(values).decode("latin-1"))
        described = "name" in attributes or "property" in attributes
        if (label := attributes.get("charset", "").strip()) and re.fullmatch(r"[\w.:-]+", label):
            return label
        content = attributes.get("content", "")
        if ("http-equiv" in attributes or not described) and (named := PARAMETER.search(content)):
            return named[1]
    return ""


def _codec(label: str) -> str:
    name = map_encoding_to_html5(label, fallback_utf8=False) or ""
    return WIDER.get(name, name)


def _attempt(data: bytes, encoding: str, n_high: int) -> str | None:
    """`data` in this encoding if at most one in twenty bytes beyond ASCII is against it."""
    if encoding.startswith("iso8859") and CONTROLS.search(data):
        return _as_windows(data, encoding)
    text = decode_as(data, encoding)
    if "\ufffd" in text:
        bad = text.count("\ufffd") - text.endswith("\ufffd")  # the last one may have been cut
        bad -= data.count(b"\xef\xbf\xbd") if encoding == "utf-8" else 0
        if bad * 20 > n_high:
            return None
    return text


def _as_windows(data: bytes, encoding: str) -> str:
    """`data` that is declared as ISO 8859 and has bytes 80-9F: Windows-125x, or its punctuation at least."""
    windows = WINDOWS.get(encoding, "cp1252")
    above = {c: bytes([c]).decode(windows, "replace") for c in range(0x80, 0xA0)}
    n_letters = sum(above[c[0]].isalpha() for c in CONTROLS.findall(data))
    n_own = len(OWN_LETTERS.findall(data)) if encoding == "iso8859-2" else 0
    if encoding in SAME_LETTERS or n_letters > n_own:
        return data.decode(windows, "replace")
    return data.decode(encoding, "replace").translate(above)
