"""Documents that nobody should have written: huge, repeated, empty, without letters."""

from __future__ import annotations

import pytest

from stages.dedup.lines import LineDedup
from stages.dedup.lines.profiles import PROFILES, Profile
from tests.stages.dedup.lines.corpus import Document, applied

MILLION = 1_000_000
ODD = [
    "\x00",
    "a\x00b\nNUL\x00\x00",
    " \t\n\r\n \u2028\x85",
    "\ufffd\ufeff\u200d.\n\u200d",
    "👩‍👩‍👧‍👦🏳️‍🌈 emoji. 👍🏽\n\n👍🏽",
    "مرحبا بالعالم. שלום עולם.",
    "语言模型。语言模型。清洗！" * 3,
    "\u0301\u0302\u0303\n\u0301",
    ".!?...。\n.!?...。",
    "１２３ ４.５\nΣΣΣ'ΣΣ",
]


@pytest.mark.parametrize("profile", PROFILES)
def test_odd_texts(profile: Profile) -> None:
    """The second time all of it goes, or nothing where it is too short to be compared."""
    documents = [Document(text, "http://a.com/") for text in [*ODD, *ODD]]
    found = applied(LineDedup(profile=profile), documents)
    shuffled = applied(LineDedup(profile=profile), documents, seed=3)
    assert found == shuffled
    for row, document in zip(found, documents, strict=True):
        counts = row["line_dedup"]
        assert len(row["text"].encode()) + counts["n_bytes_removed"] == len((document.text or "").encode())
        assert 0 <= counts["n_removed"] <= counts["n_units"]


@pytest.mark.parametrize("profile", ["ccnet", "c4", "datatrove", "baichuan2"])
def test_a_line_that_never_ends(profile: Profile) -> None:
    """Of 5 MB: letters, full stops, marks of decimals, accents that stand alone."""
    for piece in ("a", "a.", "1,", "\u0301 ", "Σ'", "漢"):
        text = piece * (5 * MILLION // len(piece.encode()))
        found = applied(LineDedup(profile=profile, min_words_left=0, min_sentences_left=0), [Document(text)])
        assert found[0]["line_dedup"]["n_units"] >= 1


def test_a_line_a_million_times() -> None:
    text = "again and again\n" * MILLION
    found = applied(LineDedup(), [Document(text), Document(text + "once")])
    assert [row["text"] for row in found] == ["", "once"]
    assert [row["line_dedup"]["n_removed"] for row in found] == [MILLION, MILLION]
    (alone,) = applied(LineDedup(), [Document(text)])
    assert alone["text"] == "again and again\n"
    assert alone["line_dedup"]["n_removed"] == MILLION - 1


def test_a_million_lines() -> None:
    text = "\n".join(map(str, range(MILLION)))
    step = LineDedup(profile="baichuan2", unit="line")
    first, second = applied(step, [Document(text + "\nend"), Document("begin\n" + text)])
    assert first["text"] == text + "\nend"
    assert second["text"] == "begin"
    assert second["line_dedup"] == {
        "n_units": MILLION + 1,
        "n_removed": MILLION,
        "n_bytes_removed": len(text) + 1,
    }
