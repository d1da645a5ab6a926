"""The repetition signals of each profile against slow readings in Python, golden values and datatrove."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import spacy
from datatrove.data import Document
from datatrove.pipeline.filters import GopherRepetitionFilter
from datatrove.pipeline.filters.gopher_repetition_filter import (
    find_all_duplicate,
    find_duplicates,
    find_top_duplicate,
    get_n_grams,
)
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.filters.repetition import REPETITION, SIGNALS, RepetitionRules, RepetitionSignals
from stages.text.table import words as table
from tests.stages.documents import documents
from tests.stages.text.test_words import split

Measured = dict[str, float]
PROFILES = ("paper", "datatrove", "dolma", "dclm", "curator")
NAMES = [f.name for f in SIGNALS]
FEW = st.lists(st.sampled_from(["a", "b", "cc", "é", "漢"]), max_size=60).map(" ".join)
LINED = st.lists(
    st.sampled_from(["a b", "a b", "a  b ", "c", "\n", "\n", "\n\n", " \n", "\r\n", "\u2028", " ", "\t"]),
    max_size=30,
).map("".join)
ANY = st.text(st.sampled_from("ab \n.漢") | st.characters(exclude_categories=["Cs"]), max_size=60)
TEXTS = FEW | LINED | ANY
ENGLISH = spacy.blank("en")


def measured(texts: list[str | None], profile: str = "paper") -> list[Measured | None]:
    batch = pa.record_batch({"text": pa.array(texts, pa.string())})
    stage = RepetitionSignals(profile=profile)  # type: ignore[arg-type]
    signals: list[Measured | None] = stage.process(batch).column("repetition").to_pylist()
    return signals


def reasons(signals: list[Measured | None], **settings: Any) -> list[list[str]]:
    array = pa.array(signals, REPETITION.type)
    batch = pa.RecordBatch.from_arrays([array], schema=pa.schema([REPETITION]))
    named: list[list[str]] = RepetitionRules(**settings).reasons(batch).to_pylist()
    return named


def grams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def n_chars(parts: Sequence[str]) -> int:
    return sum(map(len, parts))


def share(n: float, of: int) -> float:
    return n / of if of else 0.0


def repeats(segments: list[str], of: int, every: bool) -> list[float]:
    counts = Counter(segments)
    again = [s for s, n in counts.items() if n > 1 for _ in range(n if every else n - 1)]
    return [share(len(again), len(segments)), share(n_chars(again), of)]


def covered(words: list[str], n: int, wanted: set[tuple[str, ...]]) -> int:
    inside = {i + k for i, gram in enumerate(grams(words, n)) if gram in wanted for k in range(n)}
    return n_chars([words[i] for i in inside])


def often(words: list[str], n: int) -> dict[tuple[str, ...], int]:
    return {gram: times for gram, times in Counter(grams(words, n)).items() if times > 1}


def top(words: list[str], n: int) -> tuple[tuple[str, ...], int]:
    """Of the most frequent the longest, of these the first."""
    return max(often(words, n).items(), key=lambda g: (g[1], n_chars(g[0])), default=((), 0))


def paper(text: str) -> list[float]:
    words, lines = split(text), [line.strip() for line in text.splitlines() if line.strip()]
    paragraphs = [p.strip() for p in re.split(r"\n\s*\n", text) if p.strip()]
    found = repeats(paragraphs, n_chars(paragraphs), False) + repeats(lines, n_chars(lines), False)
    found += [share(covered(words, n, {top(words, n)[0]}), n_chars(words)) for n in (2, 3, 4)]
    return found + [share(covered(words, n, {*often(words, n)}), n_chars(words)) for n in range(5, 11)]


def datatrove(text: str, words: list[str] | None = None) -> list[float]:
    if words is None:
        words = [t for token in ENGLISH(text) if (t := token.text.strip())]
    found = []
    for segments in (re.split(r"\n{2,}", text.strip()), re.split("\n+", text)):
        n, chars = find_duplicates(segments)
        found += [n / len(segments), share(chars, len(text))]
    tops = [find_top_duplicate(get_n_grams(words, n)) if len(words) >= n else 0 for n in (2, 3, 4)]
    found += [share(n, len(text)) for n in [*tops, *(find_all_duplicate(words, n) for n in range(5, 11))]]
    return found if text else [0, 0, 1, *found[3:]]


def dolma(text: str) -> list[float]:
    words, lines = text.split(), re.split("\n+", text)
    paragraphs = [p.strip() for p in re.split("\n{2,}", text) if p.strip()]
    found = repeats(paragraphs, n_chars(words), True) + repeats(lines, n_chars(words), True)
    for n in (2, 3, 4):
        gram, times = Counter(grams(words, n)).most_common(1)[0] if len(words) >= n else ((), 0)
        found.append(share(times * n_chars(gram), n_chars(words)))
    for n in range(5, 11):
        again = sum(times * n_chars(gram) for gram, times in often(words, n).items())
        found.append(share(again, sum(map(n_chars, grams(words, n)))))
    return found


def dclm(text: str, words: list[str]) -> list[float]:
    found: list[float] = []
    for separator in ("\n\n", "\n"):
        segments = [p.strip() for p in text.split(separator) if p.strip()]
        found += repeats(segments, n_chars(segments), True)
    found[2] = found[2] if text.strip() else 1
    found += [share(top(words, n)[1] * n_chars(top(words, n)[0]), n_chars(words)) for n in (2, 3, 4)]
    return found + [share(covered(words, n, {*often(words, n)}), n_chars(words)) for n in range(5, 11)]


def curator(text: str) -> list[float]:
    words, lines = text.split(), [line for line in text.split("\n") if line.strip()]
    paragraphs = text.split("\n\n")
    found = repeats(paragraphs, n_chars(paragraphs), False) + repeats(lines, n_chars(lines), False)
    for n in (2, 3, 4):
        gram = " ".join(Counter(grams(words, n)).most_common(1)[0][0]) if len(words) >= n else ""
        found.append((len(text) - len(text.replace(gram, ""))) / len(text) if gram else 1)
    for n in range(5, 11):
        seen, chars, known = set(), 0, 0
        for gram in grams(words, n):
            if gram in seen:
                chars += n_chars(gram[known:]) + min(n - known, n - 1)
                known = n
            seen.add(gram)
            known = max(known - 1, 0)
        found.append(chars / len(text) if len(words) >= n else 1)
    return found


def unicode_words(text: str) -> list[str]:
    found, data = table(pa.array([text]), "uax29"), text.encode()
    return [data[a:b].decode() for a, b in zip(found.starts, found.ends, strict=True)]


READINGS: dict[str, Callable[[str], list[float]]] = {
    "paper": paper,
    "datatrove": datatrove,
    "dolma": dolma,
    "dclm": lambda text: dclm(text, unicode_words(text)),
    "curator": curator,
}


@pytest.mark.parametrize("profile", PROFILES)
@given(text=TEXTS)
def test_signals_are_what_the_profile_says(profile: str, text: str) -> None:
    if profile == "datatrove":  # its words are another test's business
        text = re.sub("[^ab漢 \n]", "", text)
        words = [t for token in ENGLISH(text) if (t := token.text.strip())]
        for n in range(5, 11):  # it takes "aa a" and "a aa" for the same, which docs/heuristics.md tells
            assume(len({*grams(words, n)}) == len({*map("".join, grams(words, n))}))
    (signals,) = measured([text], profile)
    assert signals is not None
    assert [*signals.values()] == pytest.approx(READINGS[profile](text), abs=1e-12)


@given(st.lists(st.sampled_from("ab"), max_size=80))
def test_jumps_of_datatrove(words: list[str]) -> None:
    text = " ".join(words)
    (signals,) = measured([text], "datatrove")
    assert signals is not None
    assert [*signals.values()] == datatrove(text, words)


@pytest.mark.data
@pytest.mark.parametrize("name", ["web_en_gold", "code", "zh_reviews", "multilingual_debian_docs", "books"])
@pytest.mark.parametrize("profile", [p for p in PROFILES if p != "datatrove"])
def test_signals_of_real_documents(shared_data: Path, name: str, profile: str) -> None:
    texts = [t[:20_000] for t in list(documents(shared_data, name))[::40]]
    for text, signals in zip(texts, measured(list(texts), profile), strict=True):
        assert signals is not None
        assert [*signals.values()] == pytest.approx(READINGS[profile](text), abs=1e-12)
    assert len(texts) > 3


DATATROVE = {
    "dup_para_frac": "max_frac_duplicate_paragraphs",
    "dup_para_char_frac": "max_frac_chars_duplicate_paragraphs",
    "dup_line_frac": "max_frac_duplicate_lines",
    "dup_line_char_frac": "max_frac_chars_duplicate_lines",
    **{f"top_{n}_gram": f"max_frac_chars_top_{n}gram" for n in (2, 3, 4)},
    **{f"duplicated_{n}_n_grams": f"max_frac_chars_duplicate_{n}grams" for n in range(5, 11)},
}


@pytest.mark.data
def test_decisions_against_datatrove(shared_data: Path) -> None:
    texts = list(documents(shared_data, "web_en_gold"))[::12] + list(documents(shared_data, "code"))[::20]
    judge = GopherRepetitionFilter()
    verdicts = [judge.filter(Document(text=t, id="")) for t in texts]
    theirs = [None if v is True else DATATROVE[v[1]] for v in verdicts]  # type: ignore[index]
    named = reasons(measured(list(texts), "datatrove"), profile="datatrove")
    first = [names[0] if names else None for names in named]
    assert sum(a == b for a, b in zip(theirs, first, strict=True)) >= 0.99 * len(texts)
    assert len(texts) > 150
    assert sum(t is not None for t in theirs) > 20
