"""Hashes of shingles against a slow reading in plain Python of what words and characters are."""

from __future__ import annotations

import unicodedata
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stages.dedup.minhash.default import Default, hash_shingles
from stages.text.buffers import view
from stages.text.comparable import IGNORABLE
from tests.stages.documents import documents
from tests.stages.text.test_words import split

MASK = 2**64 - 1
P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
PIECES = [
    *("a", "B", "word", "eightlet", "NineLette", "seventeen letters", "x" * 24, "9", ".", "'", "\x00"),
    *("\x7f", " ", "  ", "\n", "\t ", "\x1c", "\u00a0", "\u3000", "\u200b", "\u0301"),
    *("\ufffd", "😀", "\U0001f1e6", "é", "Ünder", "straße", "Ж", "ДОМ"),
    *("İ", "\u212a", "ﬁ", "שלום", "مرحبا", "ก", "ไทย", "ພາສາ"),
    *("漢", "字語", "か", "。", "，", "が\u3099"),
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)


def lowered(text: str) -> str:
    """Unicode's simple mapping: one character to one."""
    return "".join(c.lower()[0] for c in text)


def word_hash(word: str) -> int:
    data, h = lowered(word).encode(), P5
    for at in range(0, len(data), 8):
        h = (h ^ int.from_bytes(data[at : at + 8], "little")) * P1 & MASK
        h ^= h >> 32
    h = (h + len(data)) * P2 & MASK
    return h ^ h >> 29


def char_hash(char: str) -> int:
    h = (ord(char) + 1) * P1 & MASK
    return (h ^ h >> 32) * P2 & MASK


def finished(h: int) -> int:
    h = (h ^ h >> 33) * P2 & MASK
    h = (h ^ h >> 29) * P3 & MASK
    return h ^ h >> 32


def compared(text: str) -> str:
    """Composed, and without what nobody sees."""
    return unicodedata.normalize("NFC", "".join(c for c in text if not is_ignorable(c)))


def is_ignorable(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in IGNORABLE)


def runs(word: str) -> list[str]:
    """What of a word is letters, numbers and marks."""
    return "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in word).split(" ")


def shingles(text: str, ngram: int, chars: bool = False) -> list[int]:
    text = compared(text)
    if chars:
        parts = list(map(char_hash, lowered(" ".join(text.split()))))
    else:
        parts = [word_hash(run) for word in split(text) for run in runs(word) if run]
    found = []
    ngram = max(min(ngram, len(parts)), 1)
    for i in range(len(parts) - ngram + 1):
        h = 0
        for part in parts[i : i + ngram]:
            h = (h * P4 + part) & MASK
        found.append(finished(h))
    return found


def hashed(texts: list[str | None], ngram: int, chars: bool = False) -> list[list[int]]:
    found = view(Default().prepared(pa.array(texts, pa.string())))
    out, ends = np.zeros(len(found.data) + len(texts), np.uint64), np.zeros(len(texts) + 1, np.int64)
    hash_shingles(*found, chars, ngram, out, ends)
    return [out[a:b].tolist() for a, b in pairwise(ends)]


@given(st.lists(st.none() | TEXTS, min_size=1, max_size=3), st.integers(1, 6), st.booleans())
@example(["exactly8 exactly8"], 1, False)
@example(["a" * 8, "A" * 16, "b" * 7 + "é"], 1, False)
@example(["abc漢\u0301字 Ελλάδα。x", "\u200bไทย", "漢ก"], 1, False)
def test_shingles_of_short_texts(texts: list[str | None], ngram: int, chars: bool) -> None:
    found = hashed(texts, ngram, chars)
    assert found == [shingles(text or "", ngram, chars) for text in texts]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("“Don’t,” he said — twice: it’s well-known…", "\"Don't,\" he said - twice: it's well-known..."),
        ("re\u0301sume\u0301 o\u0302\u0323ng too", "résumé ộng too"),
        ("soft\u00adware and\ufeff zero\u200bwidth \u200fmarks", "software and zerowidth marks"),
        ("「今日は」と、言った。", "今日は と 言った"),
        ("(x) = [y] + {z};", "x y z"),
    ],
)
def test_editions_are_alike(one: str, other: str) -> None:
    found = hashed([one, other.upper()], 2)
    assert found[0] == found[1]
    assert len(found[0]) > 1


@pytest.mark.parametrize("text", ["İstanbul \u212aelvin", "istanbul kelvin", "ISTANBUL  KELVIN"])
def test_lower_case_is_what_counts_not_how_it_was_written(text: str) -> None:
    assert hashed([text], 2) == [shingles("istanbul kelvin", 2)]


def test_white_space_makes_no_difference_to_characters() -> None:
    one, two, other = hashed(["我们 一起\n学", "  我们\u3000一起 \t学\n", "我们一起学"], 3, chars=True)
    assert one == two != other
    assert len(one) == len("我们 一起 学") - 2


@pytest.mark.parametrize("n_words", [1, 4, 5, 20_000])
def test_length(n_words: int) -> None:
    text = " ".join(f"W{i * i}" for i in range(n_words))
    assert hashed([text, None, "", text], 5) == [found := shingles(text, 5), [], [], found]


@pytest.mark.parametrize(
    "piece", ["", " ", "\n", "a", "a ", "漢", "ก", "😀", "\x00", "\ufffd", "ש ", "\u0301", "x" * 9, "\u200b"]
)
def test_monotonous_text(piece: str) -> None:
    text = piece * 50_000
    for chars in (False, True):
        found = hashed([text], 3, chars)[0]
        assert found == [*found[:1]] * len(found) or len(set(found)) <= 3
        assert len(found) <= len(text)


@pytest.mark.data
@pytest.mark.parametrize("name", ["multilingual_debian_docs", "web_en_gold", "zh_reviews", "code"])
def test_real_documents(shared_data: Path, name: str) -> None:
    texts = [text[:4000] for text in islice(documents(shared_data, name), 0, 800, 20)]
    assert len(texts) == 40
    assert hashed(list(texts), 5) == [shingles(text, 5) for text in texts]
    assert hashed(list(texts), 7, chars=True) == [shingles(text, 7, chars=True) for text in texts]
