"""Words and where they are, in one pass over UTF-8.

A word is a longest run of characters that are not separators (`str.isspace`, and the punctuation of the CJK
blocks), but each CJK ideograph or kana, with the marks that follow it, is a word of its own: a script that
writes no spaces has no cheaper unit that is the same everywhere. Punctuation stays with its word (`trim`
takes it off). Thai, Lao, Khmer and Burmese write no spaces either; their phrases count as one word.
"""

from __future__ import annotations

from stages.text.buffers import Bytes
from stages.text.kernel import Int, device
from stages.text.unicode import ALNUM, IDEOGRAPH, MARK, SEPARATOR, char_class, decode, decode_before


@device
def next_word(data: Bytes, at: Int, stop: Int) -> tuple[Int, Int, Int, Int]:
    """The first word in `data[at:stop]`: (start, end, characters, all flags of its characters or-ed).

    Go on from `end`. No characters: there was no word.
    """
    start = at
    n_chars: Int = 0
    flags: Int = 0
    while at < stop:
        code, after = decode(data, at, stop)
        kind = char_class(code)
        if kind & SEPARATOR or (n_chars and kind & IDEOGRAPH) or (flags & IDEOGRAPH and not kind & MARK):
            if n_chars:
                break
            start = after
        else:
            n_chars += 1
            flags |= kind
        at = after
    return start, at, n_chars, flags


@device
def trim(data: Bytes, start: Int, stop: Int) -> tuple[Int, Int]:
    """`data[start:stop]` from its first letter or number to its last: (start, end), equal if it has none."""
    while start < stop:
        code, after = decode(data, start, stop)
        if char_class(code) & ALNUM:
            break
        start = after
    while start < stop:
        code, before = decode_before(data, start, stop)
        if char_class(code) & ALNUM:
            break
        stop = before
    return start, stop
