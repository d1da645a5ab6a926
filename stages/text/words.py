"""Words and where they are, in one pass over UTF-8.

A word is a longest run of characters that are not separators (`str.isspace`, and the punctuation of the CJK
blocks), but each CJK ideograph or kana, with the marks that follow it, is a word of its own: a script that
writes no spaces has no cheaper unit that is the same everywhere. So is each syllable of Thai, Lao, Khmer and
Burmese (see `stages.text.syllables`); zero width spaces beside them are left out. Punctuation stays with its
word (`trim` takes it off).
"""

from __future__ import annotations

from stages.text.buffers import Bytes
from stages.text.kernel import Int, device
from stages.text.syllables import next_syllable, role_of
from stages.text.unicode import ALNUM, IDEOGRAPH, MARK, SEPARATOR, char_class, decode, decode_before

ZERO_WIDTH_SPACE = 0x200B


@device
def next_word(data: Bytes, pos: Int, stop: Int) -> tuple[Int, Int, Int, Int]:
    """The first word in `data[pos:stop]`: (start, end, characters, all flags of its characters or-ed).

    Go on from `end`. No characters: there was no word.
    """
    start = pos
    n_chars: Int = 0
    flags: Int = 0
    syllable = start  # where the syllable ends that was read last
    while pos < stop:
        code, after = decode(data, pos, stop)
        kind = char_class(code)
        if pos >= syllable:
            if role_of(code):
                if flags & ALNUM:
                    break
                syllable = next_syllable(data, pos, stop)
            elif syllable > start and (kind & ALNUM or code == ZERO_WIDTH_SPACE):
                break
            elif n_chars == 0 and code == ZERO_WIDTH_SPACE and _syllable_at(data, after, stop):
                start = pos = syllable = after
                continue
        if kind & SEPARATOR or (n_chars and kind & IDEOGRAPH) or (flags & IDEOGRAPH and not kind & MARK):
            if n_chars:
                break
            start = syllable = after
        else:
            n_chars += 1
            flags |= kind
        pos = after
    return start, pos, n_chars, flags


@device
def _syllable_at(data: Bytes, pos: Int, stop: Int) -> bool:
    return bool(pos < stop and role_of(decode(data, pos, stop)[0]) > 0)


@device
def trim(data: Bytes, start: Int, stop: Int) -> tuple[Int, Int]:
    """`data[start:stop]` from its first letter or number to its last: (start, end), equal if it has none.

    Marks behind the last one are part of it: the vowel signs of Indic scripts are marks.
    """
    while start < stop:
        code, after = decode(data, start, stop)
        if char_class(code) & ALNUM:
            break
        start = after
    end = stop
    while start < stop:
        code, before = decode_before(data, start, stop)
        kind = char_class(code)
        if kind & ALNUM:
            return start, end
        if not kind & MARK:
            end = before
        stop = before
    return start, start
