"""Sentences: as spaCy's sentencizer counts them in English tokens, and by Unicode's rules in any language.

Neither knows abbreviations: "Dr. No" ends one after "Dr." by Unicode's rules (not before a small letter), and
does not by the sentencizer, whose tokenizer does not cut "Dr.".
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stages.text.boundaries import (
    ENDS,
    MARKS,
    S_CLOSE,
    S_CONTINUE,
    S_EXTEND,
    S_FULL_STOP,
    S_LETTER,
    S_LOWER,
    S_NUMBER,
    S_SEPARATOR,
    S_SPACE,
    S_TERMINAL,
    S_UPPER,
    sentence_break,
)
from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, device
from stages.text.unicode import decode

Bounds = npt.NDArray[np.int32]
_KINDS = ENDS - 1
_CR, _LF, _SPACE = 13, 10, 32


@device
def count_sentences(data: Bytes, starts: Bounds, ends: Bounds, first: Int, last: Int) -> Int:
    """Sentences of the tokens `first` to `last` (without it) of `split_english`; 0 where there are none.

    Source: spaCy 3.8, `pipeline/sentencizer.pyx`, default settings: behind a token that is one terminal
    punctuation mark, a sentence begins at the next token that is not all punctuation. White space other than
    a single space between tokens is such a token. White space at the end of a text is not looked at, which
    there may make one sentence more: strip the text first, as datatrove does.
    """
    n = np.int64(first < last)
    ended = False
    for i in range(first, last):
        start, end = np.int64(starts[i]), np.int64(ends[i])
        if ended:
            gap = start - np.int64(ends[i - 1])
            if gap > 1 or (gap == 1 and byte(data, start - 1) != _SPACE):
                n += 1
                ended = False
        code, after = decode(data, start, end)
        flags = sentence_break(code)
        if flags & ENDS and after == end:
            ended = True
        elif ended and not all_marks(data, start, end):
            n += 1
            ended = False
    return n


@device
def all_marks(data: Bytes, pos: Int, stop: Int) -> bool:
    """Whether there is only punctuation in `data[pos:stop]`."""
    while pos < stop:
        code, pos = decode(data, pos, stop)
        if not sentence_break(code) & MARKS:
            return False
    return True


@device
def next_sentence(data: Bytes, pos: Int, stop: Int) -> Int:
    """Where the sentence ends that begins at `pos` < `stop`, with its spaces; the next begins there.

    Source: UAX #29, revision 45, section 5.1, rules SB1 to SB998. It ends behind terminal punctuation of any
    script, closing quotes and brackets, and spaces, but not behind a full stop that stands before a digit,
    between letters, or before a small letter, nor before a comma or dash; and it ends with its line.
    """
    previous: Int = 0
    full_stop: Int = 0
    before: Int = 0
    latest: Int = 0
    while pos < stop:
        code, after = decode(data, pos, stop)
        kind = sentence_break(code) & _KINDS
        if kind == S_EXTEND:
            pos = after
            continue
        if previous and _ends(data, pos, stop, kind, previous, full_stop, before):
            return pos
        pos = after
        if kind == S_SEPARATOR:
            return pos + 1 if code == _CR and pos < stop and byte(data, pos) == _LF else pos
        if kind in (S_FULL_STOP, S_TERMINAL):
            previous, full_stop, before = kind, np.int64(kind == S_FULL_STOP), latest
        else:
            goes_on = kind == S_SPACE or (kind == S_CLOSE and previous != S_SPACE)
            previous = kind if previous and goes_on else np.int64(0)
        latest = kind
    return stop


@device
def _ends(data: Bytes, pos: Int, stop: Int, kind: Int, previous: Int, full_stop: Int, before: Int) -> bool:
    """Whether a sentence ends at `pos`, before a character of `kind`.

    `previous` is the last kind of terminal, closing marks, spaces (in this order) right before it; the
    terminal is a `full_stop` or not, and stands behind a character of kind `before`.
    """
    if kind in (S_SPACE, S_SEPARATOR) or (kind == S_CLOSE and previous != S_SPACE):
        return False  # SB9, SB10
    if kind in (S_CONTINUE, S_FULL_STOP, S_TERMINAL):
        return False  # SB8a
    initial = kind == S_UPPER and before in (S_UPPER, S_LOWER)
    if previous == S_FULL_STOP and (kind == S_NUMBER or initial):
        return False  # SB6, SB7
    return not (full_stop and _small_letter_follows(data, pos, stop))


@device
def _small_letter_follows(data: Bytes, pos: Int, stop: Int) -> bool:
    """Whether the first letter, sentence end or line end from `pos` on is a small letter (SB8)."""
    while pos < stop:
        code, pos = decode(data, pos, stop)
        kind = sentence_break(code) & _KINDS
        if kind == S_LOWER:
            return True
        if kind in (S_UPPER, S_LETTER, S_SEPARATOR):
            return False
        if kind in (S_FULL_STOP, S_TERMINAL):
            return False
    return False
