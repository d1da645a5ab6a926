"""Words by Unicode's default rules, which know no language: what stands between two word boundaries.

Source: UAX #29, revision 45, section 4.1, rules WB1 to WB999. Of the segments those are kept whose first
character is a letter or number, as DCLM keeps what `uniseg.wordbreak` finds.
Differs: WB3c (emoji joined to what stands before them) and WB15, WB16 (flags) are left out, since
    emoji and flags are no words.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.text.boundaries import (
    W_CONNECTOR,
    W_DOUBLE_QUOTE,
    W_EXTEND,
    W_HEBREW,
    W_KATAKANA,
    W_LETTER,
    W_MID,
    W_MID_LETTER,
    W_MID_NUMBER,
    W_NEWLINE,
    W_NUMBER,
    W_OTHER,
    W_SINGLE_QUOTE,
    word_break,
)
from stages.text.buffers import Bytes
from stages.text.kernel import Int, device
from stages.text.unicode import ALNUM, char_class, decode

Bounds = npt.NDArray[np.int32]


@device
def split_uax29(data: Bytes, start: Int, stop: Int, starts: Bounds, ends: Bounds, pos: Int) -> Int:
    """Write where the words of `data[start:stop]` begin and end to `starts` and `ends`, from `pos` on.

    Gives the place behind the last. There are at most as many words as characters. A letter of a script
    without spaces (ideographs, hiragana, Thai, Lao, Khmer, Burmese) is a word, with the marks behind it.
    """
    here = start
    while here < stop:
        begin = here
        code, here = decode(data, begin, stop)
        kind = word_break(code)
        if W_LETTER <= kind <= W_CONNECTOR:
            here = _word_end(data, here, stop, kind)
        elif kind != W_NEWLINE:
            here = _behind_extenders(data, here, stop)
        if kind <= W_KATAKANA and kind != W_NEWLINE and char_class(code) & ALNUM:
            starts[pos], ends[pos] = begin, here
            pos += 1
    return pos


@device
def _behind_extenders(data: Bytes, pos: Int, stop: Int) -> Int:
    """Where the characters end that, standing at `pos`, belong to the one before (WB4)."""
    while pos < stop:
        code, after = decode(data, pos, stop)
        # No character of ASCII extends another: the commonest case needs no table.
        if code < 0x80 or word_break(code) != W_EXTEND:
            break
        pos = after
    return pos


@device
def _word_end(data: Bytes, pos: Int, stop: Int, kind: Int) -> Int:
    """Where the word ends whose last character so far, of `kind`, ends at `pos` (WB5 to WB13b)."""
    while True:
        pos = _behind_extenders(data, pos, stop)
        if pos >= stop:
            return pos
        code, after = decode(data, pos, stop)
        follower = word_break(code)
        if joined(kind, follower):
            kind, pos = follower, after
            continue
        if kind == W_HEBREW and follower == W_SINGLE_QUOTE:
            # WB7a; a letter behind it is joined by WB7, which knows the letter before.
            pos = _behind_extenders(data, after, stop)
            follower, after = _kind_at(data, pos, stop)
            if not W_LETTER <= follower <= W_HEBREW:
                return pos
            kind, pos = follower, after
            continue
        beyond: Int = W_OTHER
        end = pos
        if joins(kind, follower):
            beyond, end = _kind_at(data, _behind_extenders(data, after, stop), stop)
        if not bridged(kind, follower, beyond):
            return pos
        kind, pos = beyond, end


@device
def _kind_at(data: Bytes, pos: Int, stop: Int) -> tuple[Int, Int]:
    """The kind of the character at `pos`, and where it ends; W_OTHER at `stop`."""
    if pos >= stop:
        return np.int64(W_OTHER), pos
    code, after = decode(data, pos, stop)
    return word_break(code), after


@device
def joined(before: Int, kind: Int) -> bool:
    """Whether no boundary is between two such characters (WB5, WB8 to WB10, WB13 to WB13b)."""
    letter = bool(W_LETTER <= kind <= W_NUMBER)
    if W_LETTER <= before <= W_NUMBER:
        return letter or kind == W_CONNECTOR
    if before == W_KATAKANA:
        return bool(W_KATAKANA <= kind <= W_CONNECTOR)
    return letter or bool(W_KATAKANA <= kind <= W_CONNECTOR)


@device
def joins(before: Int, kind: Int) -> bool:
    """Whether a character of `kind` may stand inside a word, behind one of kind `before`."""
    if before == W_NUMBER:
        return kind in (W_MID_NUMBER, W_MID, W_SINGLE_QUOTE)
    if before == W_HEBREW and kind == W_DOUBLE_QUOTE:
        return True
    letter = bool(W_LETTER <= before <= W_HEBREW)
    return letter and kind in (W_MID_LETTER, W_MID, W_SINGLE_QUOTE)


@device
def bridged(before: Int, kind: Int, after: Int) -> bool:
    """Whether `kind` between the two others is inside a word (WB6, WB7, WB7b, WB7c, WB11, WB12)."""
    if not joins(before, kind):
        return False
    if before == W_NUMBER:
        return after == W_NUMBER
    if kind == W_DOUBLE_QUOTE:
        return after == W_HEBREW
    return bool(W_LETTER <= after <= W_HEBREW)
