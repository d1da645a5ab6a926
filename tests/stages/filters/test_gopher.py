"""The Gopher signals, of each profile, against slow readings in plain Python, golden values and datatrove."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import spacy
from datatrove.data import Document
from datatrove.pipeline.filters import GopherQualityFilter
from datatrove.utils.text import PUNCTUATION_SET
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from stages.filters.gopher import GOPHER, STOP_WORDS, GopherRules, GopherSignals
from stages.identify.language import LANGUAGE
from tests.stages.documents import documents
from tests.stages.text.test_words import split

Measured = dict[str, float]
PROFILES = ("paper", "datatrove", "dolma", "dclm", "curator")
TEXT = st.text(
    st.sampled_from("#.…•-theToWIand漢é \n\r\u2028") | st.characters(exclude_categories=["Cs"]), max_size=80
)
PIECES = [
    "#",
    "#tag",
    "##",
    "...",
    "......",
    "..",
    "…",
    "….",
    "[...]",
    "(…)",
    "-»",
    "read more",
    "Read More..",
]
PIECES += ["the", "To,", "“WITH”", "(and)", "-have-", "thé", "bee", "Of", ". . .", ". . . . .", "１", "#a#"]
PIECES += [
    "•",
    "-",
    "*",
    "⁌",
    "漢字",
    "naïve",
    "42",
    "—",
    "。",
    "\xa6",
    "\u2066",
    "=the",
    "that$",
    "\0",
    "\x1c",
]
PHRASES = st.lists(st.sampled_from([*PIECES, " ", "\n", "\n\n", "\r\n", "\u2028"]), max_size=40).map(" ".join)
RUNS = st.text(st.sampled_from("….# \na-\u0301"), max_size=30)
ENGLISH = spacy.blank("en")


def measured(texts: list[str | None], profile: str = "paper", **settings: Any) -> list[Measured | None]:
    batch = pa.record_batch({"text": pa.array(texts, pa.string())})
    stage = GopherSignals(profile=profile, **settings)  # type: ignore[arg-type]
    signals: list[Measured | None] = stage.process(batch).column("gopher").to_pylist()
    return signals


def reasons(signals: list[Measured | None], **settings: Any) -> list[list[str]]:
    array = pa.array(signals, GOPHER.type)
    batch = pa.RecordBatch.from_arrays([array], schema=pa.schema([GOPHER]))
    named: list[list[str]] = GopherRules(**settings).reasons(batch).to_pylist()
    return named


def core(word: str) -> str:
    while word and not word[0].isalnum():
        word = word[1:]
    while word and not word[-1].isalnum():
        word = word[:-1]
    return "".join(c.lower()[0] for c in word)


def share(n: float, of: int) -> float:
    return n / of if of else 0


def reference(
    text: str, words: list[str], lines: list[str], bullets: str, ends: tuple[str, ...], stop: float
) -> Measured:
    """What most profiles agree on; they replace what they read in another way."""
    n_hashes, n_ellipses = text.count("#"), text.count("...") + text.count("…")
    return {
        "n_words": len(words),
        "mean_word_length": share(sum(map(len, words)), len(words)),
        "hashes_per_word": share(n_hashes, len(words)),
        "ellipses_per_word": share(n_ellipses, len(words)),
        "frac_symbols": share(max(n_hashes, n_ellipses), len(words)),
        "frac_bullet_lines": share(sum(line[:1] in [*bullets] for line in lines), len(lines)),
        "frac_ellipsis_lines": share(sum(line.lower().endswith(ends) for line in lines), len(lines)),
        "frac_alphabetic_words": share(sum(any(map(str.isalpha, w)) for w in words), len(words)),
        "n_stop_words": stop,
    }


def paper(text: str) -> Measured:
    words, lines = split(text), [line.strip() for line in text.splitlines() if line.strip()]
    found = {core(w) for w in words} & set(STOP_WORDS)
    return reference(text, words, lines, "•‣⁃◦▪●*-", ("…", "..."), len(found))


def datatrove(text: str) -> Measured:
    words = [t for token in ENGLISH(text) if (t := token.text.strip())]
    counted = [w for w in words if set(w) - PUNCTUATION_SET]
    signals = reference(
        text,
        words,
        [li.strip() for li in text.splitlines()],
        "•-",
        ("…", "..."),
        len({*words} & {*STOP_WORDS}),
    )
    mean = share(sum(map(len, counted)), len(counted))
    return signals | {"n_words": len(counted), "mean_word_length": mean}


def dolma(text: str) -> Measured:
    words = text.split()
    n_stop_words = sum(w in STOP_WORDS for w in words)
    signals = reference(text, words, re.split("\n+", text), "*-", ("…",), n_stop_words)
    symbols = share(sum("#" in w or "…" in w for w in words), len(words))
    median = statistics.median(map(len, words)) if words else 0
    return signals | {"mean_word_length": median, "frac_symbols": symbols}


def dclm(text: str) -> Measured:
    words, lines = text.split(), [line.strip() for line in text.split("\n") if line.strip()]
    n_stop_words = sum(w.lower() in STOP_WORDS for w in words)
    signals = reference(text, words, lines, "●•*-", ("...", ". . .", "…"), n_stop_words)
    n_words = sum(w[0].isalnum() for w in re.split("[ \n\r\t\v\f\0]+", text) if w)
    n_symbols = sum(text.count(s) for s in ("#", "...", ". . .", "…"))
    return signals | {"n_words": n_words if words else 0, "frac_symbols": share(n_symbols, len(words))}


def curator(text: str) -> Measured:
    ends = ("...", "[...]", "…", "(...)", "[…]", "-»", "read more..", "read more")
    words, lines = text.split(), [line.strip() for line in text.split("\n") if line.strip()]
    n_stop_words = sum(w in STOP_WORDS for w in words)
    signals = reference(text, words, lines, "•‣⁃⁌⁍∙○●◘◦⦾⦿", ends, n_stop_words)
    symbols = [w for w in words if w in ends or len(re.findall("#+", w)) / len(w) > 0.5]
    return signals | {"frac_symbols": share(len(symbols), len(words))}


READINGS: dict[str, Callable[[str], Measured]] = {
    "paper": paper,
    "datatrove": datatrove,
    "dolma": dolma,
    "dclm": dclm,
    "curator": curator,
}


@pytest.mark.parametrize("profile", [p for p in PROFILES if p != "datatrove"])
@given(text=TEXT | PHRASES | RUNS)
def test_signals_are_what_the_profile_says(profile: str, text: str) -> None:
    assert measured([text], profile) == [READINGS[profile](text)]


@pytest.mark.data
@pytest.mark.parametrize("name", ["web_en_gold", "code", "zh_reviews", "multilingual_debian_docs", "math"])
@pytest.mark.parametrize("profile", [p for p in PROFILES if p != "datatrove"])
def test_signals_of_real_documents(shared_data: Path, name: str, profile: str) -> None:
    texts = list(documents(shared_data, name))[::23]
    assert measured(list(texts), profile) == [READINGS[profile](t) for t in texts]
    assert len(texts) > 50


@pytest.mark.data
def test_signals_of_real_documents_as_datatrove_reads_them(shared_data: Path) -> None:
    texts = list(documents(shared_data, "web_en_gold"))[::30]
    pairs = zip(measured(list(texts), "datatrove"), map(datatrove, texts), strict=True)
    assert sum(ours == theirs for ours, theirs in pairs) >= 0.95 * len(texts)
    assert len(texts) >= 48


def found_in(labels: list[str | None], texts: list[str], **settings: Any) -> list[Any]:
    languages = [None if k is None else {"label": k, "score": 1.0} for k in labels]
    batch = pa.record_batch({"text": pa.array(texts), "language": pa.array(languages, LANGUAGE.type)})
    found: list[Any] = GopherSignals(**settings).process(batch).column("gopher").to_pylist()
    return [signals["n_stop_words"] for signals in found]


def test_stop_words_of_a_language(tmp_path: Path) -> None:
    file = tmp_path / "languages.yaml"
    file.write_text(
        'de: {stop_words: [der, Die, und]}\nzh: {stop_words: [的, 我们]}\n"no": {stop_words: []}\n'
    )
    texts = ["Der Hund und DIE Katze, the end of that"] * 4 + ["我们的书，我的书。我 们", "的我们们"]
    assert found_in(["de", "en", None, "no", "zh", "zh"], texts, languages=str(file)) == [
        3,
        3,
        3,
        0,
        2,
        2,
    ]
    assert "language" in GopherSignals(languages=str(file)).needs().names
    assert GopherSignals(languages=str(file)).stamp()
    file.write_text("default: {stop_words: [hund]}\n")
    assert found_in(["de", None], texts[:2], languages=str(file)) == [1, 1]


@pytest.mark.parametrize(
    ("profile", "n"), [("paper", 2), ("datatrove", 2), ("dclm", 5), ("dolma", 3), ("curator", 3)]
)
def test_stop_words_as_a_setting(profile: str, n: int) -> None:
    (signals,) = measured(["Und und «und» Ärger ärger und"], profile, stop_words=("und", "Ärger"))
    assert signals is not None
    assert signals["n_stop_words"] == n


def test_stop_words_of_scripts_without_spaces_are_found_inside_phrases() -> None:
    text = "ภาษาไทยและภาษาลาวเป็นภาษาที่ใกล้เคียงกัน"
    (signals,) = measured([text], stop_words=("และ", "ที่", "เป็น", "ภาษา", "我们"))
    assert signals is not None
    assert signals["n_stop_words"] == 4
    assert 10 <= signals["n_words"] <= 18


def test_settings_that_do_not_go_together(tmp_path: Path) -> None:
    file = tmp_path / "languages.yaml"
    file.write_text("de: {stop_words: no}\n")
    with pytest.raises(PlanError, match="de: stop_words must be a list of words"):
        GopherSignals(languages=str(file)).check()
    file.write_text("de: {stop_words: [der, und sie]}\n")
    with pytest.raises(PlanError, match="stop_words of de: 'und sie' is no single word"):
        GopherSignals(languages=str(file)).check()
    with pytest.raises(PlanError, match="'…' is no single word"):
        GopherSignals(stop_words=("…",)).check()
    with pytest.raises(PlanError, match="give one of them"):
        GopherSignals(languages=str(file), stop_words=("a",)).check()
    with pytest.raises(PlanError, match="profile must be one of"):
        GopherSignals(profile="gopher").check()  # type: ignore[arg-type]


DATATROVE = {
    "gopher_short_doc": "min_n_words",
    "gopher_below_avg_threshold": "min_mean_word_length",
    "gopher_above_avg_threshold": "max_mean_word_length",
    "gopher_too_many_hashes": "max_hashes_per_word",
    "gopher_too_many_ellipsis": "max_ellipses_per_word",
    "gopher_too_many_bullets": "max_frac_bullet_lines",
    "gopher_too_many_end_ellipsis": "max_frac_ellipsis_lines",
    "gopher_below_alpha_threshold": "min_frac_alphabetic_words",
    "gopher_enough_stop_words": "min_n_stop_words",
}


@pytest.mark.data
def test_decisions_against_datatrove(shared_data: Path) -> None:
    """The paper's reading drops fewer: it does not count each punctuation mark as a word without a letter."""
    texts = list(documents(shared_data, "web_en_gold"))[::12] + list(documents(shared_data, "code"))[::20]
    judge = GopherQualityFilter()
    verdicts = [judge.filter(Document(text=t, id="")) for t in texts]
    theirs = [None if v is True else DATATROVE[v[1]] for v in verdicts]  # type: ignore[index]
    named = reasons(measured(list(texts), "datatrove"), profile="datatrove")
    first = [names[0] if names else None for names in named]
    assert sum(a == b for a, b in zip(theirs, first, strict=True)) >= 0.99 * len(texts)
    assert len(texts) > 150
    assert sum(t is not None for t in theirs) > 30
    ours = reasons(measured(list(texts)))
    assert sum(map(bool, ours)) < sum(map(bool, named))
