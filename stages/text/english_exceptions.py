"""English strings that are cut (or not) against the rules: contractions, abbreviations, emoticons.

Each is a fact about the tokenizer that `stages.text.english` agrees with; they are made of small tables,
since most are a word with an ending. What is kept is a hash of each string and the lengths of its tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from stages.text.buffers import Bytes, byte
from stages.text.kernel import Int, constants, device

MAX_PIECES = 11
"""Longest sequence of tokens that `merged` may stand for."""
MAX_BYTES = 29
"""Longest exception."""

_PRONOUNS = ["i", "you", "he", "she", "it", "we", "they"]
_QUESTIONS = ["who", "what", "when", "where", "why", "how", "there"]
_POINTERS = ["that", "this", "these", "those"]
_WILL = ("'ll", "'ll 've", "'d", "'d 've")
_NOT = ("n't", "n't 've")
_WITH_HAVE = ["could", "might", "must", "should", "would"]
_WITH_NOT = [*_WITH_HAVE, "ca", "do", "does", "did", "had", "may", "need", "ought", "sha", "wo"]
_WITH_NOT_ALONE = ["ai", "are", "is", "was", "were", "have", "has", "dare"]
_ENDINGS: tuple[tuple[list[str], tuple[str, ...]], ...] = (
    (["i"], ("'m", "'m a")),
    ([*_PRONOUNS, *_QUESTIONS, *_POINTERS], _WILL),
    (["i", "you", "we", "they", *_QUESTIONS, "these", "those"], ("'ve",)),
    (["you", "we", "they", *_QUESTIONS, "these", "those"], ("'re",)),
    (["he", "she", "it", *_QUESTIONS, "that", "this"], ("'s",)),
    (_WITH_NOT, _NOT),
    (_WITH_HAVE, ("'ve",)),
    (_WITH_NOT_ALONE, ("n't",)),
    (["not"], ("'ve",)),
)
_WORDS_OF_THEIR_OWN = ["ill", "its", "hell", "shell", "shed", "were", "well", "whore"]
"""What endings without their apostrophe would make of other words."""

_CUT: tuple[str, ...] = ("y' all", "y all", "how 'd 'y", "How 'd 'y", "c'm on", "C'm on", "let 's", "Let 's")
_CUT += ("can not", "Can not", "gon na", "Gon na", "got ta", "Got ta", "° c .", "° f .", "° k .")
_CUT += ("° C .", "° F .", "° K .")
_HOURS = tuple(f"{hour} {half}" for hour in range(1, 13) for half in ("am", "pm", "a.m.", "p.m."))

_WHOLE: dict[int, str] = {
    0: r"""' — C++ \t \n y'all ma'am Ma'am o'clock O'clock E.G. I.E. D.C. N.C. N.D. N.H. N.J. N.M. N.Y. S.C.
        ^_^ ^__^ ^___^ -_- -__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 O.o O.O o.o 0.0 o.0 0.o @_@ xD XD
        xDD XDD 8D ಠ_ಠ ಠ︵ಠ ¯\(ツ)/¯""",
    2: """'' 'S 's ‘S ‘s 'Cause 'cause 'Cos 'cos 'Coz 'coz 'Cuz 'cuz 'bout 'd 'em 'll 'nuff 're
        doin' Doin' goin' Goin' havin' Havin' lovin' Lovin' nothin' Nothin' nuthin' Nuthin' ol' Ol'
        somethin' Somethin'
        a. b. c. d. e. f. g. h. i. j. k. l. m. n. o. p. q. r. s. t. u. v. w. x. y. z. ä. ö. ü.
        a.m. p.m. e.g. E.g. i.e. I.e. v.s. vs. co. Co. Corp. Inc. Ltd. Bros.
        Adm. Dr. Gen. Gov. Jr. Messrs. Mr. Mrs. Ms. Prof. Rep. Rev. Sen. St. Mt.
        Jan. Feb. Mar. Apr. Jun. Jul. Aug. Sep. Sept. Oct. Nov. Dec.
        Ak. Ala. Ariz. Ark. Calif. Colo. Conn. Del. Fla. Ga. Ia. Id. Ill. Ind. Kan. Kans. Ky. La. Mass. Md.
        Mich. Minn. Miss. Mo. Mont. Neb. Nebr. Nev. Okla. Ore. Pa. Tenn. Va. Wash. Wis.
        :) :] :} :( :/ :| :* :> :0 :1 :3 :D :O :P :X :o :p :x ;) ;D =) =] =( =[ =/ =| =3 =D 8) 8-) (: (; (=
        [: [= ): ]= :-/ :-| :-0 :-3 :-D :-O :-P :-X :-o :-p :-x ;-D (-8 <3 <33 <333 </3""",
    3: """:-) :-] :-} :-( :-* :-> ;-) :)) :(( :() :') :'( :o) (-: (-; (o: )-: [-: 8-D >:( >:o
        Ph.D. and/or w/o <space> \\") ._. o.O ;_; <.< >.< >.> (-_-) (^_^) (¬_¬) (ಠ_ಠ)""",
    4: ":-)) :-(( :))) :((( :'-) :'-(",
    5: ":-))) :-((( (._.) (>_<) (*_*)",
    7: "><(((*>",
    11: "(╯°□°）╯︵┻━┻",
}
"""Left in one, by the number of tokens that the rules alone would make of them; 0 where they make one, or
where the tokens are not joined afterwards."""


def exceptions() -> dict[str, tuple[list[str], int]]:
    """Each exception: its tokens, and how many tokens in a row are `merged` to them (0: none are)."""
    by_string: dict[str, tuple[list[str], int]] = {}
    for tokens in [*_contractions(), *map(str.split, _CUT)]:
        by_string["".join(tokens)] = tokens, 0
    for tokens in map(str.split, _HOURS):
        by_string["".join(tokens)] = tokens, 2 if tokens[1].endswith(".") else 0
    for n_tokens, strings in _WHOLE.items():
        for string in strings.split():
            by_string[string] = by_string.get(string, ([string], 0))[0], n_tokens
    curly = {s.replace("'", "’"): ([t.replace("'", "’") for t in v], n) for s, (v, n) in by_string.items()}
    return by_string | curly


def _contractions() -> Iterator[list[str]]:
    for words, endings in _ENDINGS:
        for word in words:
            for ending in endings:
                for tokens in ([word, *ending.split()], [word.title(), *ending.split()]):
                    yield tokens
                    bare = [t.replace("'", "") for t in tokens]
                    if "".join(bare).lower() not in _WORDS_OF_THEIR_OWN:
                        yield bare


def _hash(string: bytes) -> int:
    h = _BASIS
    for char in string:
        h = (h ^ char) * _PRIME & 0xFFFFFFFFFFFFFFFF
    return h


def exception_table(values: dict[bytes, int]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Open addressing, at most half full; a key of 0 is a free place."""
    size = 1 << (2 * len(values)).bit_length()
    keys, held = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    for string, value in values.items():
        slot = _hash(string) >> 40 & size - 1
        while keys[slot]:
            slot = slot + 1 & size - 1
        keys[slot], held[slot] = _hash(string), value
    return keys, held


def _lengths(strings: Iterable[bytes], place: int) -> npt.NDArray[np.int64]:
    """Lengths of the strings that have a byte at `place`, as bits, for each byte."""
    masks = np.zeros(256, np.int64)
    for string in strings:
        masks[string[place]] |= 1 << len(string)
    return masks


def _packed(tokens: list[str], n_tokens: int) -> int:
    return n_tokens << 24 | sum(len(t.encode()) << 8 * i for i, t in enumerate(tokens))


_BASIS, _PRIME = 0xCBF29CE484222325, 0x100000001B3


def _tables() -> tuple[npt.NDArray[Any], ...]:
    packed = {string.encode(): _packed(*value) for string, value in exceptions().items()}
    return *exception_table(packed), _lengths(packed, 0), _lengths(packed, -1)


_KEYS, _VALUES, _FIRST, _LAST = constants(4, _tables)


@device
def exception(data: Bytes, start: Int, stop: Int) -> Int:
    """What `data[start:stop]` is an exception to; 0 if to nothing.

    Three bytes with the lengths of its tokens in bytes (0: no more tokens), above them how many tokens in a
    row are put together to make it.
    """
    length = stop - start
    if length <= 0 or length > MAX_BYTES:
        return 0
    if not _FIRST[np.uint64(byte(data, start))] & _LAST[np.uint64(byte(data, stop - 1))] & 1 << length:
        return 0
    return find(data, start, stop, _KEYS, _VALUES)


@device
def find(
    data: Bytes, start: Int, stop: Int, keys: npt.NDArray[np.uint64], values: npt.NDArray[np.int64]
) -> Int:
    """The value of the string `data[start:stop]` in a table of hashes, 0 if it is not there."""
    # FNV-1a: for keys of a few bytes its one multiplication a byte is cheaper than a block hash's start.
    h = np.uint64(_BASIS)
    for i in range(start, stop):
        h = (h ^ np.uint64(byte(data, i))) * np.uint64(_PRIME)
    slot: Int = np.int64(h >> np.uint64(40)) & len(keys) - 1
    while keys[np.uint64(slot)]:
        if keys[np.uint64(slot)] == h:
            return np.int64(values[np.uint64(slot)])
        slot = slot + 1 & len(keys) - 1
    return 0
