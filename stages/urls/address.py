"""The parts of an address and what can be counted on it."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import idna
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.schema import column
from stages.text.buffers import Bytes, Texts, byte, view
from stages.text.kernel import Int, device, kernel
from stages.urls import suffixes
from stages.urls.normal import DIGITS, HYPHENS, LETTERS, WORDS, Buffer, readable
from stages.urls.split import (
    FRAGMENT,
    HOST,
    HOST_STOP,
    MAX_HOST,
    ODD,
    PATH,
    QUERY,
    SCHEME,
    START,
    STOP,
    Spans,
    split,
    strings,
)

PARTS = (
    column("scheme", pa.string(), "in lower case; null where the address has none"),
    column("host", pa.string(), "lower case, ASCII (punycode), no dots at its end; null if malformed"),
    column("registered_domain", pa.string(), "what was registered under a public suffix; null for others"),
    column("suffix", pa.string(), "public suffix of the host (co.uk); null where no rule fits"),
    column("language_hint", pa.string(), "ISO 639-1 code: first segment of the path or label of the host"),
    column("is_ip", pa.bool_(), "the host is an IP address"),
    column("has_query", pa.bool_(), "something stands behind ?"),
    column("n_labels", pa.int64(), "labels of the host", "labels"),
    column("path_depth", pa.int64(), "segments of the path that are not empty", "segments"),
    column("n_parameters", pa.int64(), "parts of the query between &", "parameters"),
    column("n_chars", pa.int64(), "length of the address", "characters"),
    column("n_words", pa.int64(), "runs of letters and digits behind the scheme, escapes decoded", "words"),
    column("n_digits", pa.int64(), "digits 0 to 9 behind the scheme, escapes decoded", "digits"),
    column("n_hyphens", pa.int64(), "hyphens behind the scheme", "hyphens"),
    column("frac_digits", pa.float64(), "digits 0 to 9", "of characters behind the scheme"),
)
LABELS, DEPTH, PARAMETERS, CHARS, IP, HINT = range(6)
"""Columns of what `_count` writes."""

LANGUAGES = re.findall(
    "..",
    "aaabaeafakamanarasavayazbabebgbibmbnbobrbscacechcocrcscucvcydadedvdzeeeleneoeseteufafffifjfofrfygagd"
    "glgngugvhahehihohrhthuhyhziaidieigiiikioisitiujajvkakgkikjkkklkmknkokrkskukvkwkylalblglilnloltlulvmg"
    "mhmimkmlmnmrmsmtmynanbndnengnlnnnonrnvnyocojomorospapiplpsptqurmrnrorurwsascsdsesgsiskslsmsnsosqsrss"
    "stsusvswtatetgthtitktltntotrtstttwtyugukuruzvevivowawoxhyiyozazhzu",
)
"""ISO 639-1."""
_HINTS = np.full(26 * 26, -1, np.int64)
_HINTS[[(ord(c[0]) - 97) * 26 + ord(c[1]) - 97 for c in LANGUAGES]] = np.arange(len(LANGUAGES))


class Addresses(NamedTuple):
    """A batch of addresses, taken apart once for everything that looks at them."""

    urls: Texts
    spans: Spans
    """See `split`."""
    hosts: Texts
    """Hosts in their normal form; null where there is none."""
    domains: npt.NDArray[np.int32]
    """int32 [rows, 2]: where in `hosts` the suffix and the registered domain start; -1 without."""


def take_apart(urls: pa.StringArray, private: bool = False) -> Addresses:
    """The parts of each address; `private` as in `suffixes.load`."""
    texts, spans, hosts = split_hosts(urls)
    domains = suffixes.find(hosts.data, hosts.offsets, suffixes.load(private))
    return Addresses(texts, spans, hosts, domains)


def split_hosts(urls: pa.StringArray, bare: bool = False) -> tuple[Texts, Spans, Texts]:
    """The addresses, where their parts stand (`bare` as in `split`), and the hosts in their normal form."""
    texts = view(urls)
    spans = split(texts, bare)
    return texts, spans, view(_hosts(texts.data, spans))


def _hosts(data: Bytes, spans: Spans) -> pa.StringArray:
    """Hosts in their normal form, null where there is none."""
    starts = np.where(spans[:, HOST_STOP] > spans[:, HOST], spans[:, HOST], -1)
    plain = np.where(spans[:, ODD] == 1, -1, starts).astype(np.int32)
    hosts = strings(data, plain, spans[:, HOST_STOP])
    odd = np.flatnonzero(spans[:, ODD])
    if not len(odd):
        return hosts
    known: dict[bytes, str | None] = {}
    values = hosts.to_pylist()
    for row in odd.tolist():
        raw = bytes(data[spans[row, HOST] : spans[row, HOST_STOP]])
        if raw not in known:
            known[raw] = normal_host(raw)
        values[row] = known[raw]
    return pa.array(values, pa.string())


def normal_host(raw: bytes) -> str | None:
    """A host in lower-case ASCII: escapes decoded, Unicode to punycode, IPv6 compressed; None if it is none.

    Source: UTS 46 and RFC 5891; labels that IDNA 2008 refuses (emoji) are encoded all the same.
    """
    try:
        text = unquote_to_bytes(raw).decode()
        if text.startswith("["):
            return f"[{ipaddress.IPv6Address(text[1:].rstrip('.').removesuffix(']')).compressed}]"
        text = idna.uts46_remap(text, std3_rules=False, transitional=False).rstrip(".")
        host = ".".join(_ascii(label) for label in text.split("."))
    except (UnicodeError, ValueError):  # idna's own errors are UnicodeErrors
        return None
    allowed = all(c.isalnum() or c in "-_." for c in host)
    return host.lower() if allowed and 0 < len(host) <= MAX_HOST and ".." not in f".{host}" else None


def _ascii(label: str) -> str:
    if label.isascii():
        return label
    try:
        return idna.encode(label).decode()
    except idna.IDNAError:
        return "xn--" + unicodedata.normalize("NFC", label).encode("punycode").decode()


def measure(addresses: Addresses) -> tuple[list[pa.Array], Buffer]:
    """The columns of PARTS, and the readable form that was counted. Rows of null addresses mean nothing."""
    urls, spans, hosts, domains = addresses
    counts = np.zeros((len(spans), 6), np.int64)
    _count(urls.data, spans, hosts.data, hosts.offsets, domains, counts)
    text, seen = readable(urls.data, spans)
    schemes = np.where(spans[:, SCHEME] > spans[:, START], spans[:, START], -1)
    scheme = strings(urls.data, schemes, spans[:, SCHEME])
    from_start = np.where(hosts.valid, hosts.offsets[:-1], -1)
    names = [strings(hosts.data, a, hosts.offsets[1:]) for a in (from_start, domains[:, 1], domains[:, 0])]
    hint = pa.array(LANGUAGES, pa.string()).take(pa.array(counts[:, HINT], mask=counts[:, HINT] < 0))
    queries = spans[:, FRAGMENT] > spans[:, QUERY] + 1
    numbers = [counts[:, i] for i in (LABELS, DEPTH, PARAMETERS, CHARS)]
    numbers += [seen[:, i] for i in (WORDS, DIGITS, HYPHENS)]
    digits = seen[:, DIGITS] / np.maximum(seen[:, LETTERS], 1)
    flags = [pa.array(counts[:, IP] == 1), pa.array(queries)]
    return [scheme, *names, hint, *flags, *map(pa.array, [*numbers, digits])], text


@kernel
def _count(
    data: Bytes, spans: Spans, hosts: Bytes, offsets: npt.NDArray[np.int32], domains: npt.NDArray[np.int32],
    out: npt.NDArray[np.int64],
) -> None:  # fmt: skip
    for row in range(len(spans)):
        part = spans[row]
        for i in range(part[START], part[STOP]):
            out[row, CHARS] += (byte(data, i) & 0xC0) != 0x80
        before: Int = ord("/")
        for i in range(part[PATH], part[QUERY]):
            out[row, DEPTH] += byte(data, i) != ord("/") and before == ord("/")
            before = byte(data, i)
        before = ord("&")
        for i in range(part[QUERY] + 1, part[FRAGMENT]):
            out[row, PARAMETERS] += byte(data, i) != ord("&") and before == ord("&")
            before = byte(data, i)
        host, stop = np.int64(offsets[row]), np.int64(offsets[row + 1])
        out[row, LABELS] = host < stop
        for i in range(host, stop):
            out[row, LABELS] += byte(hosts, i) == ord(".")
        out[row, IP] = _is_ip(hosts, host, stop)
        if out[row, IP] and byte(hosts, host) == ord("["):
            out[row, LABELS] = 1
        hint = _segment(data, np.int64(part[PATH]), np.int64(part[QUERY]))
        if hint < 0 and domains[row, 1] > host:
            hint = _code(hosts, host, stop, ord("."))
        out[row, HINT] = hint


@device
def _segment(data: Bytes, start: Int, stop: Int) -> Int:
    """The language that the first segment of a path names, with a country or not (`en`, `pt-br`, `zh_CN`)."""
    if start >= stop:
        return np.int64(-1)
    end = start + 1
    while end < stop and byte(data, end) != ord("/"):
        end += 1
    n = end - start - 1
    if n == 2:
        return _code(data, start + 1, stop, ord("/"))
    if n == 5 and byte(data, start + 3) in (ord("-"), ord("_")):
        return _code(data, start + 1, stop, byte(data, start + 3))
    return np.int64(-1)


@device
def _code(data: Bytes, pos: Int, stop: Int, mark: Int) -> Int:
    """Number of the language whose code stands at `pos`, `mark` or nothing behind it; -1 if there is none."""
    if pos + 2 > stop or (pos + 2 < stop and byte(data, pos + 2) != mark):
        return np.int64(-1)
    a, b = (byte(data, pos) | 32) - 97, (byte(data, pos + 1) | 32) - 97
    if not (0 <= a < 26 and 0 <= b < 26):
        return np.int64(-1)
    return np.int64(_HINTS[np.uint64(a * 26 + b)])


@device
def _is_ip(hosts: Bytes, start: Int, stop: Int) -> bool:
    """Four numbers up to 255 without zeros before them, or brackets (which only IPv6 keeps)."""
    if start < stop and byte(hosts, start) == ord("["):
        return True
    numbers, digits = 0, 0
    value: Int = 0
    # The end closes the last number as a dot does the others.
    for i in range(start, stop + 1):
        char = byte(hosts, i) if i < stop else ord(".")
        if char == ord("."):
            if digits == 0:
                return False
            numbers, value, digits = numbers + 1, 0, 0
        elif not ord("0") <= char <= ord("9") or (digits and value == 0) or digits == 3:
            return False
        else:
            value, digits = value * 10 + char - 48, digits + 1
            if value > 255:
                return False
    return numbers == 4
