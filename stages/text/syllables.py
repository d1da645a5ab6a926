"""Syllables of Thai, Lao, Khmer and Burmese, which write no spaces between words: found by spelling.

A written syllable is a consonant with the vowels and marks around it, and the consonants that close it.
Burmese marks those that close; in the others a consonant without a vowel closes what is open, else it begins
the next syllable, with an unwritten vowel. Where the cut falls between two such consonants is a guess, how
many syllables there are mostly not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes
from stages.text.kernel import Int, device
from stages.text.unicode import decode

_FIRST, _LAST = 0xE00, 0x17FF
OTHER, CONSONANT, LEADING, VOWEL, MARK, KILLER, STACKER, DIGIT, FREE, SIGN = range(10)
"""Roles: LEADING is a vowel written before its consonant; a MARK is for tone and the like; a KILLER takes the
vowel (or the sound) from the consonant before it; what follows a STACKER is written below; FREE is a vowel
that needs no consonant; a SIGN stands for a word, as the one that repeats the last does."""
_ROLES = (
    (CONSONANT, ((0xE01, 0xE2E), (0xE81, 0xEAE), (0xEBD, 0xEBD), (0xEDC, 0xEDF), (0x1780, 0x17A2))),
    (CONSONANT, ((0x1000, 0x1022), (0x103F, 0x103F), (0x1050, 0x1051), (0x105A, 0x105D), (0x1061, 0x1061))),
    (CONSONANT, ((0x1065, 0x1066), (0x106E, 0x1070), (0x1075, 0x1081), (0x108E, 0x108E))),
    (LEADING, ((0xE40, 0xE44), (0xEC0, 0xEC4))),
    (VOWEL, ((0xE30, 0xE39), (0xE45, 0xE45), (0xE47, 0xE47), (0xEB0, 0xEB9), (0xEBB, 0xEBB))),
    (VOWEL, ((0xECD, 0xECD),)),
    (VOWEL, ((0x102B, 0x1035), (0x1056, 0x1059), (0x1062, 0x1062), (0x1067, 0x1068), (0x1071, 0x1074))),
    (VOWEL, ((0x1083, 0x1086), (0x109C, 0x109D), (0x17B6, 0x17C8), (0x17D0, 0x17D0))),
    (MARK, ((0xE48, 0xE4B), (0xE4D, 0xE4E), (0xEBC, 0xEBC), (0xEC8, 0xECB), (0xECE, 0xECE))),
    (MARK, ((0x1036, 0x1038), (0x103B, 0x103E))),
    (MARK, ((0x105E, 0x1060), (0x1063, 0x1064), (0x1069, 0x106D), (0x1082, 0x1082), (0x1087, 0x108D))),
    (MARK, ((0x108F, 0x108F), (0x109A, 0x109B), (0x17C9, 0x17CA), (0x17CE, 0x17CF), (0x17D1, 0x17D1))),
    (MARK, ((0x17D3, 0x17D3), (0x17DD, 0x17DD))),
    (SIGN, ((0xE2F, 0xE2F), (0xE46, 0xE46), (0xEAF, 0xEAF), (0xEC6, 0xEC6), (0x17D7, 0x17D7))),
    (KILLER, ((0xE3A, 0xE3A), (0xE4C, 0xE4C), (0xEBA, 0xEBA), (0xECC, 0xECC), (0x103A, 0x103A))),
    (KILLER, ((0x17CB, 0x17CD),)),
    (STACKER, ((0x1039, 0x1039), (0x17D2, 0x17D2))),
    (DIGIT, ((0xE50, 0xE59), (0xED0, 0xED9), (0x1040, 0x1049), (0x1090, 0x1099), (0x17E0, 0x17E9))),
    (FREE, ((0x1023, 0x102A), (0x104C, 0x104F), (0x1052, 0x1055), (0x17A3, 0x17B3), (0x17DC, 0x17DC))),
)
EMPTY, LED, BARE, OPEN, CLOSED, NUMBER, NEXT = range(7)
"""What has been read: nothing, a leading vowel, consonants without a vowel, all but what may close it, all,
digits; NEXT: the consonant begins the next syllable."""

_LAO = 0x80
"""Distance from a Thai letter to its Lao counterpart."""
_RO, _WO, _O, _YO = 0xE23, 0xE27, 0xE2D, 0xE22
_SHORT_A, _LONG_I, _LONG_UE, _LAO_O, _LAO_YA = 0xE31, 0xE35, 0xE37, 0xE3B, 0xE3D
_NEVER_LAST = np.array([ord(c) & 127 for c in "ฉผฝหฮ"], np.int64)
_TOGETHER = (("กขคจตทปผพศส", "ร"), ("กขคปผพ", "ล"), ("กขค", "ว"), ("ห", "งญนมยรลว"), ("อ", "ย"))


def _roles() -> npt.NDArray[np.uint8]:
    roles = np.zeros(_LAST - _FIRST + 1, np.uint8)
    for role, ranges in _ROLES:
        for first, last in ranges:
            roles[first - _FIRST : last - _FIRST + 1] = role
    return roles


def _clusters() -> npt.NDArray[np.bool_]:
    """Which two Thai letters (their last seven bits) begin a syllable together."""
    pairs = np.zeros((128, 128), np.bool_)
    for firsts, seconds in _TOGETHER:
        for first in firsts:
            for second in seconds:
                pairs[ord(first) & 127, ord(second) & 127] = True
    return pairs


_ROLE, _CLUSTER = _roles(), _clusters()


@device
def role_of(code: Int) -> Int:
    """What a code point does in a syllable; OTHER if it is of no such script, or punctuation."""
    if code < _FIRST or code > _LAST:
        return np.int64(OTHER)
    return np.int64(_ROLE[np.uint64(code - _FIRST)])


@device
def next_syllable(data: Bytes, pos: Int, stop: Int) -> Int:
    """Where the syllable that begins at `pos` ends; `pos` itself where no character of these scripts stands.

    Digits in a row are one. A word of ICU's dictionaries has 1.50 of them in Thai news (of PyThaiNLP's newmm
    1.75), and in the Universal Declaration of Human Rights 1.31 in Thai, 1.48 in Lao, 1.43 in Khmer, 1.38 in
    Burmese.
    """
    state: Int = EMPTY
    onset: Int = 0
    vowel: Int = 0
    last: Int = 0
    role: Int = OTHER
    while pos < stop:
        code, after = decode(data, pos, stop)
        below = role == STACKER
        role = role_of(code)
        if role == OTHER:
            break
        letter = code - _LAO if 0xE80 <= code < 0xF00 else code
        if role == CONSONANT and not below:
            begins = state in (EMPTY, LED)
            state = _take(data, after, stop, letter, state, onset, vowel, last)
            if state == NEXT:
                break
            onset = letter if begins else 0
            last = letter
        elif role in (LEADING, FREE, DIGIT, SIGN):
            if state != EMPTY and not (role == DIGIT and state == NUMBER):
                break
            state = _alone(role)
        elif role == VOWEL:
            state, vowel, onset = OPEN, letter, 0
        pos = after
    return pos


@device
def _alone(role: Int) -> Int:
    """The state behind a character of `role` that begins a syllable."""
    if role == LEADING:
        return np.int64(LED)
    if role == FREE:
        return np.int64(OPEN)
    return np.int64(NUMBER) if role == DIGIT else np.int64(CLOSED)


@device
def _take(
    data: Bytes, after: Int, stop: Int, letter: Int, state: Int, onset: Int, vowel: Int, last: Int
) -> Int:
    """The state behind a consonant that ends at `after`: NEXT if it is not of this syllable.

    `onset` is the consonant that began the syllable, if right before; `last` the last consonant.
    """
    begins, killed, follower = _behind(data, after, stop)
    if killed:
        return np.int64(CLOSED)
    if state == EMPTY:
        return np.int64(BARE)
    if state == LED:
        return np.int64(OPEN)
    thai = letter < _FIRST + _LAO
    if thai and onset and _CLUSTER[np.uint64(onset & 127), np.uint64(letter & 127)]:
        return state
    if begins or state == NUMBER or 0x1000 <= letter < 0x1100:
        return np.int64(NEXT)
    if thai:
        if letter == _O:
            return (
                np.int64(OPEN) if state == BARE or (state == OPEN and vowel == _LONG_UE) else np.int64(NEXT)
            )
        if _is_vowel(letter, state, vowel) or (letter == _RO and last == _RO):
            return np.int64(OPEN)
        if follower == _O or _never_last(letter):
            return np.int64(NEXT)
    return np.int64(CLOSED) if state in (BARE, OPEN) else np.int64(NEXT)


@device
def _never_last(letter: Int) -> bool:
    some = False
    for other in _NEVER_LAST:
        some |= letter & 127 == other
    return some


@device
def _is_vowel(letter: Int, state: Int, vowel: Int) -> bool:
    """Whether a Thai (or Lao) consonant writes a part of the vowel, as in ตัว, สวน, เรียน."""
    if letter == _LAO_YA or (letter == _WO and state == BARE):
        return True
    if state != OPEN:
        return False
    return (letter == _WO and (vowel in (_SHORT_A, _LAO_O))) or (letter == _YO and vowel == _LONG_I)


@device
def _behind(data: Bytes, pos: Int, stop: Int) -> tuple[bool, bool, Int]:
    """What follows a consonant that ends at `pos`: (a vowel or tone, so it begins a syllable; a killer, so it
    ends one; the Thai letter อ or the Lao, without a vowel of its own, or 0)."""
    begins = False
    for _ in range(8):
        if pos >= stop:
            break
        code, after = decode(data, pos, stop)
        role = role_of(code)
        burmese = 0x1000 <= code < 0x1100
        if role == KILLER or (role == STACKER and burmese):
            return False, True, np.int64(0)
        if role == STACKER:
            if after < stop:
                _, after = decode(data, after, stop)
        elif role == VOWEL or (role == MARK and not burmese):
            begins = True
            if burmese:
                break
        elif role != MARK:
            letter = code - _LAO if 0xE80 <= code < 0xF00 else code
            return begins, False, letter if letter == _O and not _marked(data, after, stop) else np.int64(0)
        pos = after
    return begins, False, np.int64(0)


@device
def _marked(data: Bytes, pos: Int, stop: Int) -> bool:
    """Whether a vowel or mark stands at `pos`."""
    if pos >= stop:
        return False
    return role_of(decode(data, pos, stop)[0]) in (VOWEL, MARK)


@device
def writes_no_spaces(data: Bytes, start: Int, stop: Int) -> bool:
    """Whether `data[start:stop]` may hold characters of these scripts: a loop over bytes without branches."""
    some = False
    for i in range(np.uint64(start), np.uint64(max(start, stop - 1))):
        # The first two bytes of U+0E00 to 0EFF, 1000 to 109F and 1780 to 17FF; some others pass, too.
        a, b = data[i], data[i + np.uint64(1)]
        some |= (a == 0xE0) & (b >= 0xB8) | (a == 0xE1) & ((b <= 0x82) | (b == 0x9E) | (b == 0x9F))
    return some
