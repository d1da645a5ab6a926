"""The Gopher signals against a slow reading of the rules in plain Python, and datatrove's decisions."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stages.filters.gopher import BULLETS, GOPHER, SIGNALS, STOP_WORDS, GopherRules, GopherSignals, broken
from tests.stages.text.test_words import split

TEXT = st.text(
    st.sampled_from("#.…•-theToWIand漢é \n\r\u2028") | st.characters(exclude_categories=["Cs"]), max_size=80
)
PIECES = [
    "#",
    "#tag",
    "...",
    "......",
    "..",
    "…",
    "….",
    "the",
    "To,",
    "“WITH”",
    "(and)",
    "-have-",
    "thé",
    "bee",
]
PIECES += ["•", "-", "*", "漢字", "naïve", "42", "—", "。", "\xa6", "\u2066"]
PHRASES = st.lists(st.sampled_from([*PIECES, " ", "\n", "\n\n", "\r\n", "\u2028"]), max_size=40).map(" ".join)
RUNS = st.text(st.sampled_from("….# \na-\u0301"), max_size=30)


def measured(texts: list[str | None]) -> list[dict[str, float] | None]:
    batch = pa.record_batch({"text": pa.array(texts, pa.string())})
    signals: list[dict[str, float] | None] = GopherSignals().process(batch).column("gopher").to_pylist()
    return signals


def reasons(signals: list[dict[str, float] | None], **settings: float | None) -> list[list[str]]:
    array = pa.array(signals, GOPHER.type)
    batch = pa.RecordBatch.from_arrays([array], schema=pa.schema([GOPHER]))
    named: list[list[str]] = GopherRules(**settings).reasons(batch).to_pylist()
    return named


def core(word: str) -> str:
    while word and not word[0].isalnum():
        word = word[1:]
    while word and not word[-1].isalnum():
        word = word[:-1]
    return "".join(c.lower() if c.isascii() else c for c in word)


def reference(text: str) -> dict[str, float]:
    words, lines = split(text), [line.strip() for line in text.splitlines() if line.strip()]
    n_words, n_lines = max(1, len(words)), max(1, len(lines))
    ends = ("…", "...")
    return {
        "n_words": len(words),
        "mean_word_length": sum(map(len, words)) / n_words,
        "hashes_per_word": text.count("#") / n_words,
        "ellipses_per_word": (text.count("...") + text.count("…")) / n_words,
        "frac_bullet_lines": sum(line[0] in BULLETS for line in lines) / n_lines,
        "frac_ellipsis_lines": sum(line.endswith(ends) for line in lines) / n_lines,
        "frac_alphabetic_words": sum(any(map(str.isalpha, w)) for w in words) / n_words,
        "n_stop_words": len({core(w) for w in words} & set(STOP_WORDS)),
    }


def documents(folder: Path, name: str) -> Iterator[str]:
    with (folder / "proxy_corpus" / f"{name}.jsonl.zst").open("rb") as file:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8"):
            yield json.loads(line)["text"]


@given(TEXT | PHRASES | RUNS)
def test_signals_are_what_the_rules_say(text: str) -> None:
    assert measured([text]) == [reference(text)]


@pytest.mark.data
@pytest.mark.parametrize("name", ["web_en_gold", "code", "zh_reviews", "multilingual_debian_docs", "math"])
def test_signals_of_real_documents(shared_data: Path, name: str) -> None:
    texts = [text for i, text in enumerate(documents(shared_data, name)) if i % 23 == 0]
    assert measured(list(texts)) == [reference(t) for t in texts]
    assert len(texts) > 50


@pytest.mark.parametrize(
    ("text", "signal", "value"),
    [
        ("a bc def", "n_words", 3),
        ("a bc def", "mean_word_length", 2.0),
        ("#a b ##", "hashes_per_word", 1.0),
        ("wait... what… ...... ..", "ellipses_per_word", 1.0),
        ("• one\n- two\n\n  * three\nfour", "frac_bullet_lines", 0.75),
        ("one...\n\ntwo…  \r\nthree\nfour", "frac_ellipsis_lines", 0.5),
        ("a1 22 - b", "frac_alphabetic_words", 0.5),
        ("The (to) the other “AND” bed", "n_stop_words", 3),
        ("我 be 字", "n_stop_words", 1),
    ],
)
def test_examples(text: str, signal: str, value: float) -> None:
    (signals,) = measured([text])
    assert signals is not None
    assert signals[signal] == value


def test_null_is_null_and_empty_is_zero() -> None:
    nothing = dict.fromkeys((f.name for f in SIGNALS), 0)
    assert measured([None, "", " \n\u3000", None]) == [None, nothing, nothing, None]
    assert measured([]) == []


@given(st.lists(st.none() | TEXT, max_size=8), st.integers(0, 8))
def test_the_cut_into_batches_does_not_matter(texts: list[str | None], at: int) -> None:
    batch = pa.record_batch({"id": pa.array(range(len(texts))), "text": pa.array(texts, pa.string())})
    parts = [GopherSignals().process(part) for part in (batch.slice(0, at), batch.slice(at))]
    whole = GopherSignals().process(batch)
    assert [row for part in parts for row in part.to_pylist()] == whole.to_pylist()
    assert whole.schema.equals(GopherSignals().flow(batch.schema))
    rules = GopherRules()
    assert [r for p in parts for r in rules.reasons(p).to_pylist()] == rules.reasons(whole).to_pylist()
    assert rules.reasons(whole.slice(at)).to_pylist() == rules.reasons(whole).to_pylist()[at:]


GOOD: dict[str, Any] = {
    "n_words": 100,
    "mean_word_length": 5.0,
    "hashes_per_word": 0.0,
    "ellipses_per_word": 0.0,
    "frac_bullet_lines": 0.0,
    "frac_ellipsis_lines": 0.0,
    "frac_alphabetic_words": 1.0,
    "n_stop_words": 8,
}


@pytest.mark.parametrize(
    ("rule", "allowed", "broken_by"),
    [
        ("min_n_words", 50, 49),
        ("max_n_words", 100_000, 100_001),
        ("min_mean_word_length", 3.0, 2.99),
        ("max_mean_word_length", 10.0, 10.01),
        ("max_hashes_per_word", 0.1, 0.11),
        ("max_ellipses_per_word", 0.1, 0.11),
        ("max_frac_bullet_lines", 0.9, 0.91),
        ("max_frac_ellipsis_lines", 0.3, 0.31),
        ("min_frac_alphabetic_words", 0.8, 0.79),
        ("min_n_stop_words", 2, 1),
    ],
)
def test_each_rule_allows_the_papers_value_and_nothing_worse(
    rule: str, allowed: float, broken_by: float
) -> None:
    signal = rule[4:]
    assert reasons([GOOD | {signal: allowed}, GOOD | {signal: broken_by}]) == [[], [rule]]
    assert reasons([GOOD | {signal: broken_by}], **{rule: None}) == [[]]


def test_all_rules_that_fail_are_named() -> None:
    worst = dict.fromkeys(GOOD, 0) | {"hashes_per_word": 1.0, "frac_bullet_lines": 1.0}
    named = ["min_n_words", "min_mean_word_length", "max_hashes_per_word", "max_frac_bullet_lines"]
    named += ["min_frac_alphabetic_words", "min_n_stop_words"]
    assert reasons([GOOD, worst, GOOD, worst]) == [[], named, [], named]


def test_documents_without_signals_are_dropped_for_that_alone() -> None:
    unmeasured = dict.fromkeys(GOOD, 0) | {"n_stop_words": None}
    assert reasons([None, unmeasured, GOOD]) == [["no_signals"], ["no_signals"], []]
    off = dict.fromkeys(f"{e}_{s}" for e in ("min", "max") for s in GOOD)
    known = {k: None for k in off if k in GopherRules.__dataclass_fields__}
    assert reasons([None, unmeasured, GOOD], **known) == [["no_signals"], [], []]
    assert len(known) == 10


def test_broken_works_on_slices_and_on_nothing() -> None:
    signals = pa.array([{"a": 1}, {"a": 3}, None, {"a": 5}], pa.struct([("a", pa.int64())]))
    thresholds = {"min_a": 2.0, "max_a": 4.0}
    assert broken(signals, thresholds).to_pylist() == [["min_a"], [], ["no_signals"], ["max_a"]]
    assert broken(signals.slice(2), thresholds).to_pylist() == [["no_signals"], ["max_a"]]
    assert broken(signals.slice(4), thresholds).to_pylist() == []


DATATROVE = {
    "gopher_short_doc": "min_n_words",
    "gopher_below_avg_threshold": "min_mean_word_length",
    "gopher_above_avg_threshold": "max_mean_word_length",
    "gopher_too_many_hashes": "max_hashes_per_word",
    "gopher_too_many_bullets": "max_frac_bullet_lines",
    "gopher_too_many_end_ellipsis": "max_frac_ellipsis_lines",
    "gopher_below_alpha_threshold": "min_frac_alphabetic_words",
    "gopher_enough_stop_words": "min_n_stop_words",
}


@pytest.mark.data
def test_decisions_against_datatrove(shared_data: Path) -> None:
    """Its decisions on 1,440 English pages are stored: spaCy, which splits its words, is not needed here.

    It counts each punctuation mark as a word, so that .8 of words with a letter is a much stricter rule
    there: with it we agree on 1,197 pages, without it on 1,435. What differs then: blank lines, which it
    counts as lines, and stop words, which it wants in lower case.
    """
    golden = json.loads((Path(__file__).parent / "gopher_datatrove.json").read_text())
    texts = list(documents(shared_data, "web_en_gold"))
    keys = [hashlib.sha256(t.encode()).hexdigest()[:12] for t in texts]
    signals = measured(list(texts))

    theirs, ours = golden["without_alphabetic_rule"], reasons(signals, min_frac_alphabetic_words=None)
    same = sum((key in theirs) == bool(names) for key, names in zip(keys, ours, strict=True))
    assert same >= 1435
    why = [
        DATATROVE[theirs[k]] in names for k, names in zip(keys, ours, strict=True) if k in theirs and names
    ]
    assert sum(why) >= len(why) - 1
    assert len(why) >= 30

    theirs, ours = golden["all_rules"], reasons(signals)
    same = sum((key in theirs) == bool(names) for key, names in zip(keys, ours, strict=True))
    dropped_here_only = [k for k, names in zip(keys, ours, strict=True) if names and k not in theirs]
    assert len(texts) == golden["n_documents"] == 1440
    assert same >= 1197
    assert len(dropped_here_only) <= 1
