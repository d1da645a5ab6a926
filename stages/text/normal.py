"""What of a unit is compared: its bytes, or what one of the published normalisations makes of them.

A normalisation is a table that says what becomes of each character, so that one kernel serves them all.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, Offsets, Texts, byte
from stages.text.kernel import Int, device, kernel
from stages.text.lines import strip
from stages.text.unicode import decode, decode_before, two_stage

Normalize: TypeAlias = Literal["none", "whitespace", "lower", "cc_net", "datatrove"]
"""`none`: the bytes; `whitespace`: words with one space between them; `lower`: stripped and in lower case;
`cc_net`: that without digits' values, control characters and the punctuation beyond ASCII that cc_net lists;
`datatrove`: its `simplify_text`: lower case, numbers 0, punctuation a space, no accents."""

GROWTH = 3
"""Bytes of normalised text for each of the unit, at most: a Hangul syllable is three letters as long."""
COPY, DROP, BLANK, NUMBER, SIGMA = range(5)
"""What becomes of a character; any other value is where its replacement stands, as offset << 4 | bytes."""
CASED, IGNORABLE = 1, 2
_SIGMA, _FINAL_SIGMA = 0x3C3, 0x3C2
_SPACE, _ZERO = 0x20, 0x30

_CODES = (*range(0xD800), *range(0xE000, 0x33480), *range(0xE0000, 0xE1000))
"""All that are assigned and not private, without surrogates."""
_CC_NET = frozenset("，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►")
_CONTROLS = frozenset(map(chr, (*range(32), *range(127, 160))))
_DATATROVE = _CONTROLS - {"\t", "\n"} | frozenset(
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
)
_DECIMAL_MARKS = (0x2E, 0x2C, 0x60C, 0x66B, 0x2396, 0x2397, 0x2398)


class Form(NamedTuple):
    """A normalisation, as kernels take it."""

    blocks: npt.NDArray[np.uint16]
    values: npt.NDArray[np.int32]
    """What becomes of each character, in two stages (see `stages.text.unicode.two_stage`)."""
    parts: Bytes
    """uint8: the replacements."""
    case_blocks: npt.NDArray[np.uint16]
    cases: npt.NDArray[np.int32]
    """CASED and IGNORABLE, in two stages: at the end of a word the small sigma is another."""
    stripped: bool
    """White space at the ends goes first."""
    trimmed: bool
    """White space at the ends goes last, too, where accents went that stood alone."""


@cache
def form(name: Normalize) -> Form:
    """The table of a normalisation. Made in tenths of a second, once a process."""
    become = {"none": _same, "whitespace": _words, "lower": _lower, "cc_net": _cc_net}.get(name, _datatrove)
    values, parts = np.zeros(0x110000, np.int32), bytearray(1)
    for code in _CODES:
        made = become(chr(code))
        if isinstance(made, str):
            replacement = made.encode()
            values[code] = len(parts) << 4 | len(replacement)
            parts += replacement
        else:
            values[code] = made
    index, table = two_stage(values)
    named = name in ("lower", "cc_net", "datatrove")
    case_index, cases = two_stage(_cases() if named else np.zeros(0x110000, np.int32))
    replacements = np.frombuffer(bytes(parts), np.uint8)
    return Form(index, table, replacements, case_index, cases, name != "none", name == "datatrove")


def normalised(texts: Texts, name: Normalize) -> Texts:
    """The same rows as what is compared of them."""
    how = form(name)
    room = int(texts.offsets[-1] - texts.offsets[0]) * (1 if name == "whitespace" else GROWTH)
    data, offsets = np.empty(room, np.uint8), np.zeros_like(texts.offsets)
    _normalise(texts.data, texts.offsets, texts.valid, how, data, offsets)
    return Texts(data, offsets, texts.valid)


@kernel
def _normalise(
    data: Bytes, offsets: Offsets, valid: npt.NDArray[np.bool_], form: Form, out: Bytes, ends: Offsets
) -> None:
    pos: Int = 0
    for row in range(len(valid)):
        if valid[row]:
            pos = normalise(data, np.int64(offsets[row]), np.int64(offsets[row + 1]), form, out, pos)
        ends[row + 1] = pos


def _same(char: str) -> int | str:
    return COPY


def _words(char: str) -> int | str:
    return BLANK if char.isspace() else COPY


def _lower(char: str) -> int | str:
    if char == "Σ":
        return SIGMA
    return COPY if char.lower() == char else char.lower()


def _cc_net(char: str) -> int | str:
    if char.isdecimal():
        return "0"
    return DROP if char in _CC_NET or char in _CONTROLS else _lower(char)


def _datatrove(char: str) -> int | str:
    if char.isdecimal():
        return NUMBER
    if char.isspace() or char in _DATATROVE:
        return BLANK
    if char == "Σ":
        return SIGMA
    apart = unicodedata.normalize("NFD", char.lower())
    bare = "".join(c for c in apart if unicodedata.category(c) != "Mn")
    return COPY if bare == char else bare or DROP


def _cases() -> npt.NDArray[np.int32]:
    """CASED or IGNORABLE of each character, as `str.lower` sees them: it alone knows, so it is asked."""
    cases = np.zeros(0x110000, np.int32)
    for code in _CODES:
        char = chr(code)
        caseless = unicodedata.category(char) in ("Lo", "Cn", "Co", "Zs", "So")
        if not caseless or char.islower() or char.isupper():
            cases[code] = CASED if _ends_word(char) else IGNORABLE if _ends_word("a" + char) else 0
    return cases


def _ends_word(before: str) -> bool:
    return (before + "Σ").lower().endswith("ς")


@device
def normalise(data: Bytes, start: Int, stop: Int, form: Form, out: Bytes, begin: Int) -> Int:
    """Write what is compared of `data[start:stop]` to `out` from `begin` on; gives where it ends."""
    if form.stripped:
        start, stop = strip(data, start, stop)
    first = start
    pos: Int = begin
    gap: Int = np.int64(0)
    while start < stop:
        code, after = decode(data, start, stop)
        value = _looked_up(form.blocks, form.values, code)
        if value == BLANK:
            # A blank is written late, before what follows it: one for several, none at the ends.
            gap = np.int64(pos > begin)
            start = after
            continue
        if gap:
            out[np.uint64(pos)] = _SPACE
            pos += 1
            gap = np.int64(0)
        if value == COPY:
            for i in range(start, after):
                out[np.uint64(pos)] = byte(data, i)
                pos += 1
        elif value == NUMBER:
            out[np.uint64(pos)] = _ZERO
            pos += 1
            after = _behind_number(data, after, stop, form)
        elif value == SIGMA:
            pos = _write_sigma(data, first, start, after, stop, form, out, pos)
        elif value != DROP:
            place = value >> 4
            for i in range(place, place + (value & 15)):
                out[np.uint64(pos)] = byte(form.parts, i)
                pos += 1
        start = after
    while form.trimmed and pos > begin and byte(out, pos - 1) == _SPACE:
        pos -= 1
    return pos


@device
def _looked_up(blocks: npt.NDArray[np.uint16], values: npt.NDArray[np.int32], code: Int) -> Int:
    return np.int64(values[np.uint64(np.int64(blocks[np.uint64(code >> 7)]) << 7 | code & 127)])


@device
def _behind_number(data: Bytes, pos: Int, stop: Int, form: Form) -> Int:
    """Where a number ends whose first digit stands before `pos`: digits, once a decimal mark, and digits."""
    end = _behind_digits(data, pos, stop, form)
    if end == stop:
        return end
    code, after = decode(data, end, stop)
    marked = False
    for mark in _DECIMAL_MARKS:
        marked |= code == mark
    if not marked:
        return end
    fraction = _behind_digits(data, after, stop, form)
    return fraction if fraction > after else end


@device
def _behind_digits(data: Bytes, pos: Int, stop: Int, form: Form) -> Int:
    while pos < stop:
        code, after = decode(data, pos, stop)
        if _looked_up(form.blocks, form.values, code) != NUMBER:
            break
        pos = after
    return pos


@device
def _write_sigma(
    data: Bytes, first: Int, pos: Int, after: Int, stop: Int, form: Form, out: Bytes, to: Int
) -> Int:
    """The small letter of the capital sigma `data[pos:after]`: final behind a letter and not before one.

    Source: the Unicode Standard, section 3.13, Final_Sigma.
    """
    before: Int = np.int64(0)
    while pos > first:
        code, pos = decode_before(data, first, pos)
        before = _looked_up(form.case_blocks, form.cases, code)
        if before != IGNORABLE:
            break
    behind: Int = np.int64(0)
    while after < stop:
        code, after = decode(data, after, stop)
        behind = _looked_up(form.case_blocks, form.cases, code)
        if behind != IGNORABLE:
            break
    small = _FINAL_SIGMA if before == CASED and behind != CASED else _SIGMA
    out[np.uint64(to)] = 0xC0 | small >> 6
    out[np.uint64(to + 1)] = 0x80 | small & 0x3F
    return to + 2
