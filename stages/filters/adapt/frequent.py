"""Stop words: the words that a language's reference texts use most."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from stages.text.buffers import view
from stages.text.table import words
from stages.text.unicode import LETTER

LEFT_OVER = 0.5
"""An English word that is less than this as frequent in another language is English left in its texts."""
LOWER = 0.5
"""A stop word is mostly in lower case; names and the nouns of German are not."""


def frequencies(batches: Iterable[pa.RecordBatch]) -> dict[str, float]:
    """Word, in lower case -> its share of all words that hold a letter; the most frequent first.

    Words are those of the table (`stages.text.table`, splitter `default`), without punctuation around them: a
    CJK character is a word. Only words of letters (and marks) are listed that the texts have mostly in lower
    case. A letter of a script with cases is none: letters in any order hold many of them.
    """
    counts: Counter[str] = Counter()
    total = 0
    for batch in batches:
        text = batch.column("text")
        table, data = words(text), view(text).data
        total += int(np.count_nonzero(table.flags & LETTER))
        _, first, n = np.unique(table.hashes, return_index=True, return_counts=True)
        for word, count in zip(first.tolist(), n.tolist(), strict=True):
            counts[data[table.starts[word] : table.ends[word]].tobytes().decode()] += count
    return _merged(counts, total)


def _merged(counts: Mapping[str, int], total: int) -> dict[str, float]:
    merged: Counter[str] = Counter()
    lower: Counter[str] = Counter()
    for written, count in counts.items():
        word = _trimmed(written)
        if _listable(word):
            merged[word.lower()] += count
            lower[word.lower()] += count * (word == word.lower())
    usual = [(n, word) for word, n in merged.items() if lower[word] >= LOWER * n]
    return {word: n / total for n, word in sorted(usual, key=lambda pair: (-pair[0], pair[1]))}


def _listable(word: str) -> bool:
    cased = len(word) == 1 and word.lower() != word.upper()
    return word != "" and not cased and all(unicodedata.category(c)[0] in "LM" for c in word)


def _trimmed(word: str) -> str:
    """`word` from its first letter or number to its last, with the marks on that."""
    inside = [i for i, c in enumerate(word) if unicodedata.category(c)[0] in "LMN"]
    return word[inside[0] : inside[-1] + 1] if inside else ""


def stop_words(
    fracs: Mapping[str, float], english: Mapping[str, float], min_frac: float, min_words: int, max_words: int
) -> list[str]:
    """The words above `min_frac`, the most frequent first; the first `min_words` where those are fewer.

    `english` holds the frequencies of words in English.
    """
    own = [word for word, frac in fracs.items() if frac >= LEFT_OVER * english.get(word, 0.0)]
    n = sum(fracs[word] >= min_frac for word in own)
    return own[: min(max(n, min_words), max_words)]
