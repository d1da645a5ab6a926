"""C4's edits and rules against a slow reading of them, datatrove's filter, and what dolma and DCLM do."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.schema import ID, TEXT
from stages.filters.c4 import C4Lines, C4Rules
from stages.filters.c4.lines import C4, SIGNALS, n_sentences
from stages.filters.c4.measures import PHRASES, POLICY, may_hold_phrases
from stages.text.buffers import view
from stages.text.sentences import count_sentences, next_sentence
from stages.text.table import words

CITATION = re.compile(r"\[\d*\]|\[edit\]|\[citation needed\]")
PROFILES = ("paper", "datatrove", "dolma", "dclm")


def batch(texts: list[str | None]) -> pa.RecordBatch:
    ids = pa.array([f"doc-{i}" for i in range(len(texts))], pa.string())
    return pa.RecordBatch.from_arrays([ids, pa.array(texts, pa.string())], schema=pa.schema([ID, TEXT]))


def lines(texts: list[str | None], **settings: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = C4Lines(**settings).process(batch(texts)).to_pylist()
    return rows


def reference(text: str, profile: str) -> tuple[str, dict[str, int]]:
    """The kept text and the counts, as the toolkits' programs read."""
    counts = dict.fromkeys((f.name for f in SIGNALS), 0)
    by_newline, kept = profile in ("dolma", "dclm"), []
    given = re.findall(r"[^\n]*\n|[^\n]+", text) if by_newline else text.splitlines()
    for whole in given:
        line = whole.removesuffix("\n") if by_newline else whole.strip()
        some, words = bool(line.strip()), line.split()
        counts["n_lines"] += some
        counts["n_long_lines"] += len(line) >= 200
        if profile != "dolma":
            if any(len(word) > 1000 for word in words):
                counts["n_lines_with_long_word"] += 1
                continue
            line = CITATION.sub("", line)
        why = judged(line, profile, words, counts)
        if not (profile == "dclm" and not line) and why:
            counts[why] += some
            continue
        counts["n_lines_kept"] += some
        counts["n_words"] += len(line.split())
        kept.append(whole if profile == "dolma" else line)
    return "".join(kept) if profile == "dolma" else "\n".join(kept).strip(), counts


def judged(line: str, profile: str, words: list[str], counts: dict[str, int]) -> str:
    low = line.lower()
    if profile == "dolma":
        for name, phrase in (("n_lorem_ipsum", "lorem ipsum"), ("n_curly_brackets", "{")):
            counts[name] += low.count(phrase)
        counts["n_lines_with_javascript"] += "javascript" in low
    marks = (".", "?", "!", '"', "'") if profile == "datatrove" else (".", "?", "!", '"')
    end = line.strip() if profile in ("dolma", "dclm") else line
    if not end.endswith(marks) or (profile != "dolma" and end.endswith("...")):
        return "n_lines_without_terminal_punctuation"
    n_words = len(words) if profile == "datatrove" else len(line.split())
    if n_words < (5 if profile == "dclm" else 3):
        return "n_lines_too_short"
    if profile == "dolma":
        return ""
    counts["n_lorem_ipsum"] += low.count("lorem ipsum")
    if "javascript" in low:
        return "n_lines_with_javascript"
    counts["n_curly_brackets"] += line.count("{")
    return "n_lines_with_policy" if any(p in low for p in POLICY) else ""


WORDS = ["word", "Two words", "éa", "漢字", "{", "Lorem Ipsum", "lorem", "JavaScript", "java", "x" * 1001]
WORDS += ["privacy policy", "use cookies", "ab " * 80]
MARKS = [".", "...", "…", "!", "?", '"', "'", "[1]", "[", "[edit]", "[citation needed]", "[12", "[]", "]"]
SPACES = [" ", " ", " ", "\u00a0", "\t", "\n", "\n", "\n", "\r\n", "\x0b", "\u2028"]
PIECES = st.sampled_from([*WORDS, *MARKS, *SPACES])
TEXTS = st.lists(PIECES, max_size=30).map("".join) | st.text(max_size=40)


@pytest.mark.parametrize("profile", PROFILES)
@given(text=TEXTS)
def test_lines_are_edited_as_the_programs_say(profile: str, text: str) -> None:
    (row,) = lines([text], profile=profile)
    kept, counts = reference(text, profile)
    assert row["text"] == kept
    signals = row["c4"]
    assert signals["n_chars"] == len(text)
    checked = set(counts) - {"n_chars", "n_sentences", "n_bad_words", "frac_bytes_kept"}
    assert {k: signals[k] for k in checked} == {k: counts[k] for k in checked}
    assert signals["frac_bytes_kept"] == (len(kept.encode()) / len(text.encode()) if text else 1.0)
    assert (signals["n_sentences"] == 0) == (not kept.strip())


def documents(folder: Path, name: str) -> Iterator[str]:
    with (folder / "proxy_corpus" / f"{name}.jsonl.zst").open("rb") as packed:
        for line in io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed), encoding="utf-8"):
            yield json.loads(line)["text"]


@pytest.mark.data
@pytest.mark.parametrize("name", ["web_en_gold", "code", "zh_reviews", "multilingual_debian_docs"])
def test_lines_of_real_documents(shared_data: Path, name: str) -> None:
    texts: list[str | None] = [text for i, text in enumerate(documents(shared_data, name)) if i % 23 == 0]
    for profile in PROFILES:
        rows = lines(texts, profile=profile)
        for row, text in zip(rows, texts, strict=True):
            kept, counts = reference(text or "", profile)
            assert row["text"] == kept
            assert row["c4"]["n_lines_kept"] == counts["n_lines_kept"]
            assert row["c4"]["n_words"] == counts["n_words"]
    assert len(texts) > 50


@pytest.mark.data
def test_decisions_and_texts_against_datatrove(shared_data: Path) -> None:
    from datatrove.data import Document
    from datatrove.pipeline.filters import C4QualityFilter

    names = {
        "lorem_ipsum": "max_n_lorem_ipsum",
        "curly_bracket": "max_n_curly_brackets",
        "too_few_sentences": "min_n_sentences",
    }
    texts = [t for i, t in enumerate(documents(shared_data, "web_en_gold")) if i % 4 == 0 and len(t) < 12_000]
    edited = C4Lines(profile="datatrove").process(batch(list(texts)))
    reasons = C4Rules(profile="datatrove").reasons(edited).to_pylist()
    theirs, dropped, same = C4QualityFilter(), 0, 0
    for text, row, ours in zip(texts, edited.to_pylist(), reasons, strict=True):
        document = Document(text=text, id="")
        verdict = theirs.filter(document)
        if verdict is True:
            same += ours == []
            assert row["text"] == document.text
        else:
            dropped += 1
            same += names[verdict[1]] in ours
    assert same == len(texts)
    assert len(texts) > 250
    assert dropped > 15


KEPT = "It has a mark [x]."


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"terminal_punctuation": False}, "It has no mark"),
        ({"end_marks": ".。"}, "这 里 有。"),
        ({"min_n_words_per_line": None}, "Short."),
        ({"min_n_words_per_line": 2}, "Two words."),
        ({"max_word_chars": None}, "One very long " + "x" * 1001 + "."),
        ({"max_word_chars": 1001}, "One very long " + "é" * 1000 + "."),
        ({"remove_citations": False}, "It is noted [1] here."),
        ({"drop_javascript_lines": False}, "It is written in javascript."),
        ({"drop_policy_lines": False}, "By our terms of use."),
        ({"profile": "datatrove"}, "'It is all well.'"),
    ],
)
def test_each_edit_can_be_set(settings: dict[str, Any], line: str) -> None:
    text = f"{KEPT}\n{line}\n"
    assert lines([text])[0]["text"] in (KEPT, text.replace("[1]", "").strip())
    assert lines([text], **settings)[0]["text"] == text.strip()


def test_a_line_counts_at_the_first_check_that_it_fails() -> None:
    text = "\n".join(["javascript {", "{.", "Use cookies, javascript {!", "Use cookies {!", "Lorem ipsum {."])
    (row,) = lines([text])
    assert row["text"] == "Lorem ipsum {."
    counts = {k: v for k, v in row["c4"].items() if v and k.startswith("n_l")} | {"{": 2}
    assert counts == {
        "n_lines": 5,
        "n_lines_kept": 1,
        "n_lines_without_terminal_punctuation": 1,
        "n_lines_too_short": 1,
        "n_lines_with_javascript": 1,
        "n_lines_with_policy": 1,
        "n_lorem_ipsum": 1,
        "{": row["c4"]["n_curly_brackets"],
    }


def test_long_lines_are_those_of_200_characters() -> None:
    text = "\n".join(["é" * 199, "é" * 200, " " * 300, "a" * 500])
    for profile in ("paper", "dolma"):
        assert lines([text], profile=profile)[0]["c4"]["n_long_lines"] == 2 + (profile == "dolma")


@pytest.mark.parametrize(
    ("line", "n"),
    [
        ('It ends here. And here? "Yes!" (So.) Well', 5),
        ("No version 3.5 of e.g. this one.", 1),
        ("Wait...", 1),
    ],
)
def test_sentences(line: str, n: int) -> None:
    settings = {"terminal_punctuation": False, "min_n_words_per_line": None}
    assert lines([line], **settings)[0]["c4"]["n_sentences"] == n


ENDS = [
    ". ",
    "? ",
    ".",
    "!",
    " ",
    "  ",
    "a",
    "Bc",
    "3",
    '"',
    ")",
    "(",
    "\u0301",
    "…",
    "。",
    "e.g.",
    "U.S.",
    "...",
]
ENDS += ["Mr.", "\r", "\x85", "é", "”", "“", "-", ",", "?!", "\t"]


@given(text=st.lists(st.sampled_from(ENDS), max_size=20).map("".join))
def test_sentences_are_those_of_the_whole_line(text: str) -> None:
    """Where nothing may end a sentence it is skipped: walking all of the line gives the same."""
    array = pa.array([text.strip()], pa.string())
    given, table = view(array), words(array, "english")
    whole = count_sentences(given.data, table.starts, table.ends, np.int64(0), table.offsets[1])
    assert n_sentences(array, english=True).tolist() == [whole]
    n, at, stop = 0, np.int64(0), np.int64(len(given.data))
    while at < stop:
        at = np.int64(next_sentence(given.data, at, stop))
        n += 1
    assert n_sentences(array, english=False).tolist() == [n]


def test_every_phrase_is_looked_for_where_a_part_of_it_is_found() -> None:
    phrases = ["lorem ipsum", "{", "javascript", *POLICY]
    for phrase in [*phrases, *(p.upper() for p in phrases)]:
        data = np.frombuffer(phrase.encode(), np.uint8)
        assert may_hold_phrases(data, np.int64(0), np.int64(len(data))), phrase
    assert len(phrases) == len(PHRASES.n_chars) == 9


def reasons(signals: list[dict[str, Any] | None], **settings: Any) -> list[list[str]]:
    ids = pa.array([f"doc-{i}" for i in range(len(signals))], pa.string())
    found = pa.RecordBatch.from_arrays([ids, pa.array(signals, C4.type)], schema=pa.schema([ID, C4]))
    named: list[list[str]] = C4Rules(**settings).reasons(found).to_pylist()
    return named


GOOD: dict[str, Any] = {f.name: 0 for f in SIGNALS} | {"n_sentences": 9, "n_lines_kept": 9, "n_long_lines": 9}
GOOD |= {"frac_bytes_kept": 1.0}


def test_a_share_of_documents_with_bad_words_is_spared() -> None:
    bad = GOOD | {"n_bad_words": 1, "n_curly_brackets": 1}
    signals: list[dict[str, Any] | None] = [bad] * 2000
    spared = [named == ["max_n_curly_brackets"] for named in reasons(signals, keep_fraction=0.25)]
    assert 400 < sum(spared) < 600
    more = [named == ["max_n_curly_brackets"] for named in reasons(signals, keep_fraction=0.5)]
    assert all(m for s, m in zip(spared, more, strict=True) if s)
    other = [named == ["max_n_curly_brackets"] for named in reasons(signals, keep_fraction=0.25, seed=1)]
    assert other != spared
    assert reasons([GOOD, None, bad], keep_fraction=1.0) == [[], ["no_signals"], ["max_n_curly_brackets"]]
    assert "id" in C4Rules(keep_fraction=0.1).needs().names
    assert "id" not in C4Rules().needs().names


@pytest.mark.parametrize(
    "step",
    [
        C4Lines(profile="curator"),
        C4Lines(end_marks=""),
        C4Lines(bad_words="no/such/file"),
        C4Rules(profile="curator"),
    ],
)
def test_settings_that_make_no_sense_are_refused(step: C4Lines | C4Rules) -> None:
    with pytest.raises(PlanError):
        step.check()
