"""Which part each character plays where words and sentences end: Word_Break and Sentence_Break.

Source: UAX #29, revision 45 (Unicode 16), tables 3 and 4. Both follow from the general category
but for the short lists below. Characters not in the interpreter's own Unicode are W_OTHER and S_OTHER.
"""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.text.kernel import Int, constants, device
from stages.text.unicode import Table, two_stage, within

Strings = npt.NDArray[np.str_]

(
    W_OTHER, W_NEWLINE, W_EXTEND, W_LETTER, W_HEBREW, W_NUMBER, W_KATAKANA, W_CONNECTOR,
    W_SINGLE_QUOTE, W_DOUBLE_QUOTE, W_MID, W_MID_LETTER, W_MID_NUMBER,
) = range(13)  # fmt: skip
"""Word_Break: NEWLINE is CR, LF and Newline; EXTEND also Format and ZWJ; CONNECTOR is ExtendNumLet; MID is
MidNumLet. What is in no word (spaces, flags) is OTHER."""
(
    S_OTHER, S_SEPARATOR, S_EXTEND, S_SPACE, S_LOWER, S_UPPER, S_LETTER, S_NUMBER, S_FULL_STOP, S_TERMINAL,
    S_CONTINUE, S_CLOSE,
) = range(12)  # fmt: skip
"""Sentence_Break: SEPARATOR is CR, LF and Sep; EXTEND also Format; FULL_STOP is ATerm, TERMINAL STerm."""
ENDS = 16
"""Flag beside Sentence_Break: spaCy's sentencizer ends a sentence at this character."""
MARKS = 32
"""Flag beside Sentence_Break: punctuation, general category P*."""

_NUMBER_SIGNS = (
    (0x600, 0x605), (0x66B, 0x66C), (0x6DD, 0x6DD), (0x890, 0x891), (0x8E2, 0x8E2), (0x19DA, 0x19DA),
    (0x110BD, 0x110BD), (0x110CD, 0x110CD),
)  # fmt: skip
_EXTENDERS = ((0x200C, 0x200D), (0xFF9E, 0xFF9F), (0xE0020, 0xE007F))
_SKIN_TONES = ((0x1F3FB, 0x1F3FF),)
_GEORGIAN = ((0x10D0, 0x10FF), (0x1C90, 0x1CBF))
_HEBREW = ((0x5D0, 0x5F2), (0xFB1D, 0xFB4F))
_KATAKANA = (
    (0x3031, 0x3035), (0x309B, 0x309C), (0x30A0, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF),
    (0x32D0, 0x32FE), (0x3300, 0x3357), (0xFF66, 0xFF9D), (0x1AFF0, 0x1B000), (0x1B120, 0x1B122),
    (0x1B155, 0x1B155), (0x1B164, 0x1B167),
)  # fmt: skip
_NO_SPACES = (
    (0xE00, 0xEFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF),
    (0xA9E0, 0xA9FF), (0xAA60, 0xAADF), (0x11700, 0x1174F),  # Thai and Lao, Burmese, Khmer, Tai
    (0x3006, 0x3007), (0x3021, 0x3029), (0x3038, 0x303A), (0x3041, 0x309F), (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x17000, 0x18DFF), (0x1B001, 0x1B11F), (0x1B132, 0x1B132),
    (0x1B150, 0x1B152), (0x1B170, 0x1B2FF), (0x20000, 0x3FFFF),  # ideographs, hiragana
)  # fmt: skip
"""Letters that make no words without a dictionary."""
_MORE_LETTERS = (
    (0x2C2, 0x2C5), (0x2D2, 0x2D7), (0x2DE, 0x2DF), (0x2E5, 0x2EB), (0x2ED, 0x2ED), (0x2EF, 0x2FF),
    (0x55A, 0x55C), (0x55E, 0x55E), (0x58A, 0x58A), (0x5F3, 0x5F3), (0x70F, 0x70F), (0x24B6, 0x24E9),
    (0xA708, 0xA716), (0xA720, 0xA721), (0xA789, 0xA78A), (0xAB5B, 0xAB5B), (0x1F130, 0x1F149),
    (0x1F150, 0x1F169), (0x1F170, 0x1F189),
)  # fmt: skip
_CLOSING = ((0x22, 0x22), (0x27, 0x27), (0x275B, 0x2760), (0x2E00, 0x2E0D), (0x1F676, 0x1F678))
_SPACES = (
    (0x9, 0x9), (0xB, 0xC), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x202F, 0x202F),
    (0x205F, 0x205F), (0x3000, 0x3000),
)  # fmt: skip
_TERMINALS = (
    "!?։؟۔܀܁܂߹।॥၊။።፧፨᙮᜵᜶᠃᠉᥄᥅᪨᪩᪪᪫᭚᭛᭞᭟᰻᰼᱾᱿‼‽⁇⁈⁉⸮⸼。꓿꘎꘏꛳꛷꡶꡷꣎꣏꤯꧈꧉꩝꩞꩟꫰꫱꯫﹖﹗！？｡𐩖𐩗𑁇𑁈𑂾𑂿𑃀𑃁𑅁𑅂𑅃𑇅𑇆𑇍𑇞𑇟𑈸𑈹𑈻𑈼𑊩𑑋𑑌𑗂𑗃𑗉𑗊𑗋𑗌𑗍𑗎𑗏𑗐"
)
_TERMINALS += "𑗑𑗒𑗓𑗔𑗕𑗖𑗗𑙁𑙂𑜼𑜽𑜾𑩂𑩃𑪛𑪜𑱁𑱂𖩮𖩯𖫵𖬷𖬸𖭄𛲟𝪈"
_LATER_TERMINALS = (
    (0x61D, 0x61E), (0x837, 0x837), (0x839, 0x839), (0x83D, 0x83E), (0x17D4, 0x17D5), (0x1B4E, 0x1B4F),
    (0x1B7D, 0x1B7F), (0x2CF9, 0x2CFB), (0x2E53, 0x2E54), (0xFE12, 0xFE12), (0xFE15, 0xFE16),
    (0x10F55, 0x10F59), (0x10F86, 0x10F89), (0x113D4, 0x113D5), (0x11944, 0x11944), (0x11946, 0x11946),
    (0x11EF7, 0x11EF8), (0x11F43, 0x11F44), (0x16D6E, 0x16D6F), (0x16E98, 0x16E98),
)  # fmt: skip
_LISTED = (
    (W_NEWLINE, "\n\v\f\r\x85\u2028\u2029"),
    (W_CONNECTOR, "_‿⁀⁔︳︴﹍﹎﹏＿\u202f"),
    (W_SINGLE_QUOTE, "'"),
    (W_DOUBLE_QUOTE, '"'),
    (W_MID, ".‘’․﹒＇．"),
    (W_MID_LETTER, ":·\u0387՟״‧︓﹕："),
    (W_MID_NUMBER, ",;\u037e։،؍٬߸⁄﹐﹔，；"),
)
_LISTED_OF_SENTENCES = (
    (S_SEPARATOR, "\n\r\x85\u2028\u2029"),
    (S_FULL_STOP | ENDS, ".﹒．"),
    (S_FULL_STOP, "\u2024"),
    (S_TERMINAL | ENDS, _TERMINALS),
    (S_CONTINUE, ",-:;\u037e՝،؍߸᠂᠈–—、︐︑︓︔︱︲﹐﹑﹔﹕﹘﹣，－：；､"),
)


def _word_kinds(codes: Table, category: Strings) -> npt.NDArray[np.int64]:
    major = category.astype("U1")
    letter = (major == "L") | (category == "Nl")
    rules = (  # the first that holds counts
        (W_EXTEND, (major == "M") | within(codes, _EXTENDERS) | within(codes, _SKIN_TONES)),
        (W_KATAKANA, within(codes, _KATAKANA) & (category != "Cn")),
        (W_HEBREW, letter & within(codes, _HEBREW)),
        (W_NUMBER, ((category == "Nd") | within(codes, _NUMBER_SIGNS)) & (codes != 0x66C)),
        (W_LETTER, (letter & ~within(codes, _NO_SPACES)) | within(codes, _MORE_LETTERS)),
        (W_EXTEND, (category == "Cf") & (codes != 0x200B)),
    )
    return np.select([where for _, where in rules], [kind for kind, _ in rules], W_OTHER)


def _sentence_kinds(codes: Table, category: Strings) -> npt.NDArray[np.int64]:
    major, chars = category.astype("U1"), list(map(chr, codes))
    cased = ~within(codes, _GEORGIAN)
    rules = (  # the first that holds counts
        (S_EXTEND, (major == "M") | within(codes, _EXTENDERS)),
        (S_NUMBER, (category == "Nd") | within(codes, _NUMBER_SIGNS)),
        (S_EXTEND, category == "Cf"),
        (S_LOWER, cased & np.array(list(map(str.islower, chars)))),
        (S_UPPER, cased & (np.array(list(map(str.isupper, chars))) | (category == "Lt"))),
        (S_LETTER, (major == "L") | (category == "Nl") | (codes == 0x5F3)),
        (S_TERMINAL, within(codes, _LATER_TERMINALS)),
        (S_CLOSE, np.isin(category, ["Ps", "Pe", "Pi", "Pf"]) | within(codes, _CLOSING)),
        (S_SPACE, within(codes, _SPACES)),
    )
    return np.select([where for _, where in rules], [kind for kind, _ in rules], S_OTHER)


def _properties() -> tuple[Table, Table]:
    """Word_Break and Sentence_Break of all code points."""
    words, sentences = np.zeros(0x110000, np.int32), np.zeros(0x110000, np.int32)
    codes = np.concatenate([np.arange(0x32000), np.arange(0xE0000, 0xE0200)]).astype(np.int32)
    category = np.array([unicodedata.category(chr(c)) for c in codes])
    words[codes], sentences[codes] = _word_kinds(codes, category), _sentence_kinds(codes, category)
    for table, listed in ((words, _LISTED), (sentences, _LISTED_OF_SENTENCES)):
        for kind, some in listed:
            table[list(map(ord, some))] = kind
    sentences[codes[np.char.startswith(category, "P")]] |= MARKS
    return words, sentences


def _tables() -> tuple[npt.NDArray[Any], ...]:
    (words, kinds), (sentences, breaks) = map(two_stage, _properties())
    return words, kinds.astype(np.uint8), sentences, breaks.astype(np.uint8)


_WORD_INDEX, _WORD, _SENTENCE_INDEX, _SENTENCE = constants(4, _tables)


@device
def word_break(code: Int) -> Int:
    """One of W_OTHER, ..., for a code point."""
    if code < 0x80:
        return np.int64(_WORD[np.uint64(code)])
    return np.int64(_WORD[np.uint64(np.int64(_WORD_INDEX[np.uint64(code >> 7)]) << 7 | code & 127)])


@device
def sentence_break(code: Int) -> Int:
    """One of S_OTHER, ..., and the flags ENDS and MARKS, for a code point."""
    if code < 0x80:
        return np.int64(_SENTENCE[np.uint64(code)])
    return np.int64(_SENTENCE[np.uint64(np.int64(_SENTENCE_INDEX[np.uint64(code >> 7)]) << 7 | code & 127)])
