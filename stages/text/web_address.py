"""Whether a chunk of text is a web address: with or without a scheme, a user, a port and a path.

Source: the pattern of spaCy 3.8 (`lang/tokenizer_exceptions.py`), after Diego Perini's (gist 729294).
Differs: only ASCII digits are digits.
"""

from __future__ import annotations

from stages.text.buffers import Bytes, byte
from stages.text.english_affixes import DIGIT, LOWER, flags_of
from stages.text.kernel import Int, device
from stages.text.unicode import ALNUM, char_class, decode

DOT, COLON, SLASH, AT = ord("."), ord(":"), ord("/"), ord("@")
UNDERSCORE, HYPHEN, PLUS, QUESTION, NUMBER = ord("_"), ord("-"), ord("+"), ord("?"), ord("#")
MAX_LABEL = 64
MAX_TOP_LEVEL = 63


@device
def is_web_address(data: Bytes, start: Int, stop: Int) -> bool:
    """Whether all of `data[start:stop]`, without white space, is one.

    The host may begin at the start, behind a scheme, or behind any @. None holds an @: so each byte is looked
    at in one place only, and time grows with the length.
    """
    if _host(data, start, stop):
        return True
    n_scheme, pos = 0, start
    while pos < stop:
        code, after = decode(data, pos, stop)
        if code == AT and pos > start and _host(data, after, stop):
            return True
        if n_scheme >= 0:
            if char_class(code) & ALNUM or code in (UNDERSCORE, PLUS, HYPHEN, DOT):
                n_scheme += 1
            else:
                slashes = after + 1 < stop and byte(data, after) == SLASH and byte(data, after + 1) == SLASH
                if code == COLON and slashes and n_scheme >= 2 and _host(data, after + 2, stop):
                    return True
                n_scheme = -1
        pos = after
    return False


@device
def _host(data: Bytes, start: Int, stop: Int) -> bool:
    """Whether `data[start:stop]` is a host or a public IPv4 address, and what may follow it."""
    if start < stop and flags_of(byte(data, start)) & DIGIT and _ip_address(data, start, stop):
        return True
    n_labels, n_chars, pos = 0, 0, start
    is_label, is_lower, last_inner = True, True, True
    while pos < stop:
        code, after = decode(data, pos, stop)
        if code == DOT:
            if not is_label or last_inner or n_chars == 0 or n_chars > MAX_LABEL:
                return False
            n_labels, n_chars, is_label, is_lower, last_inner = n_labels + 1, 0, True, True, True
        else:
            inner = code in (UNDERSCORE, HYPHEN)
            letter = char_class(code) & ALNUM if code < 0x80 else 0xA1 <= code <= 0xFFFF
            lower = flags_of(code) & LOWER
            if not inner and not letter and not lower:
                break
            is_label = is_label and bool(letter or (inner and n_chars))
            is_lower = is_lower and bool(lower)
            last_inner = inner
            n_chars += 1
        pos = after
    return n_labels > 0 and is_lower and 2 <= n_chars <= MAX_TOP_LEVEL and _rest(data, pos, stop)


@device
def _rest(data: Bytes, pos: Int, stop: Int) -> bool:
    """Whether `data[pos:stop]` may follow a host: nothing, or a port, or a path."""
    if pos < stop and byte(data, pos) == COLON:
        first = pos + 1
        pos = first
        while pos < stop and flags_of(byte(data, pos)) & DIGIT:
            pos += 1
        if not 2 <= pos - first <= 5:
            return False
    if pos == stop:
        return True
    char = byte(data, pos)
    return char in (SLASH, QUESTION, NUMBER)


@device
def _ip_address(data: Bytes, start: Int, stop: Int) -> bool:
    """Whether four numbers that make a public address stand at `start`."""
    numbers: Int = 0
    pos = start
    for part in range(4):
        first = pos
        value: Int = 0
        while pos < stop and pos - first < 3 and flags_of(byte(data, pos)) & DIGIT:
            value = 10 * value + byte(data, pos) - ord("0")
            pos += 1
        if pos == first or value > 255:
            return False
        leading_zero = byte(data, first) == ord("0")
        if leading_zero and (pos - first == 3 or part == 0 or part == 3):
            return False
        numbers = numbers << 8 | value
        if part < 3:
            if pos >= stop or byte(data, pos) != DOT:
                return False
            pos += 1
    a, b = numbers >> 24, numbers >> 16 & 255
    private = a == 10 or a == 127 or (a == 192 and b == 168) or (a == 169 and b == 254)
    private = private or (a == 172 and 16 <= b <= 31)
    if private or a > 223 or numbers & 255 == 255:
        return False
    return _rest(data, pos, stop)
