"""Repeated passages: what is marked against exact oracles, what is cut, what is dropped, on both engines."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.local import LocalEngine
from pipeline.reader import Reader
from pipeline.record import Record
from pipeline.run import Runner
from pipeline.schema import ID, TEXT
from stages.dedup.substrings import stage as substring
from stages.dedup.substrings.spans import SUBSTRING
from stages.dedup.substrings.stage import SubstringDedup, parted
from tests.stages.dedup.apply import Session
from tests.stages.dedup.substrings.corpus import (
    Token,
    applied,
    documents,
    planted,
    repeated,
    repeated_words,
    spans,
)
from tests.toy import Lines, chain, recipe, write_lines

LENGTHS = st.integers(2, 8)
ALPHABETS = st.sampled_from(["a", "ab", "abc", "abcdefgh"])
GAPS = st.sampled_from([" ", "  ", "\n", "\u3000", " \n\n"])


@st.composite
def corpora(draw: st.DrawFn) -> list[str | None]:
    """Texts of few words, so that much stands twice; some have passages of others."""
    letters = draw(ALPHABETS)
    words = st.lists(st.sampled_from(letters), max_size=25)
    texts: list[list[str] | None] = draw(st.lists(st.none() | words, max_size=6))
    for _ in range(draw(st.integers(0, 3))):
        whole = [t for t in texts if t]
        if whole:
            source = draw(st.sampled_from(whole))
            at = draw(st.integers(0, len(source)))
            texts.append([*draw(words), *source[at : at + draw(st.integers(0, 12))], *draw(words)])
    gap = draw(GAPS)
    return [None if t is None else draw(st.sampled_from(["", gap])) + gap.join(t) for t in texts]


def words(text: str | None) -> list[Token] | None:
    if text is None:
        return None

    def place(char: int) -> int:
        return len(text[:char].encode())

    return [(place(m.start()), place(m.end()), m.group()) for m in re.finditer(r"\S+", text)]


def chars(text: str | None) -> list[Token] | None:
    edges = [len((text or "")[:i].encode()) for i in range(len(text or "") + 1)]
    return None if text is None else list(zip(edges, edges[1:], text, strict=False))


def bytewise(text: str | None) -> list[Token] | None:
    """A byte has the range of its whole character."""
    tokens = chars(text)
    return tokens and [(a, b, byte) for a, b, char in tokens for byte in char.encode()]


@given(corpora(), LENGTHS, st.booleans(), st.integers(0, 5))
def test_spans_are_the_union_of_repeated_windows(
    texts: list[str | None], length: int, every: bool, seed: int
) -> None:
    step = SubstringDedup(min_tokens=length, keep="none" if every else "first", action="mark")
    assert spans(applied(step, texts, seed)) == repeated([words(t) for t in texts], length, every)


@given(
    st.lists(st.none() | st.text(st.sampled_from("aé漢😀 "), max_size=20), max_size=6), LENGTHS, st.booleans()
)
def test_bytes_and_characters(texts: list[str | None], length: int, by_byte: bool) -> None:
    step = SubstringDedup(min_tokens=length, tokens="byte" if by_byte else "char", action="mark")
    split = bytewise if by_byte else chars
    assert spans(applied(step, texts)) == repeated([split(t) for t in texts], length)


def test_tokens_of_a_tokenizer_that_knows_bytes_are_bytes() -> None:
    texts = ["aé漢😀 aé漢😀", None, "x漢😀 y", "é"]
    found = applied(SubstringDedup(min_tokens=4, tokens="bytes", action="mark"), texts)
    assert spans(found) == spans(applied(SubstringDedup(min_tokens=4, tokens="byte", action="mark"), texts))
    assert spans(found)[2] == [(1, 9)]


def test_case_may_be_folded() -> None:
    texts = ["one TWO three", "ONE two Three"]
    assert spans(applied(SubstringDedup(min_tokens=3), texts)) == [[], []]
    assert spans(applied(SubstringDedup(min_tokens=3, fold_case=True), texts)) == [[], [(0, 13)]]
    folded = applied(SubstringDedup(min_tokens=3, fold_case=True, tokens="char"), ["ÀÉî", "xàéÎ"])
    assert spans(folded) == [[], [(1, 7)]]


PAGE = "intro of its own\n\na b c d e f\n\nend"


def test_cutting_leaves_the_strongest_white_space() -> None:
    texts = ["a b c d e f", PAGE, "a b c d e f", " a b c d e f tail \n", "x\na b c d e f y", None]
    found = applied(SubstringDedup(min_tokens=4), texts)
    assert found["text"].to_pylist() == [
        "a b c d e f",
        "intro of its own\n\nend",
        "",
        "tail \n",
        "x\ny",
        None,
    ]
    assert found["reason"].null_count == len(texts)
    assert found["substring"][1].as_py() == {
        "n_spans": 1,
        "n_bytes": 11,
        "frac": 11 / len(PAGE),
        "spans": [{"start": 18, "stop": 29}],
    }
    assert found["substring"][0].as_py() == {"n_spans": 0, "n_bytes": 0, "frac": 0.0, "spans": []}
    assert found["substring"][5].as_py() is None


def test_documents_are_dropped_above_a_share_and_their_text_stays() -> None:
    texts = ["a b c d", "a b c d e", "a b c d and much more that is new", "nothing of it"]
    for step, reasons, cut in (
        (SubstringDedup(min_tokens=3, max_frac=0.5), [1], [2]),
        (SubstringDedup(min_tokens=3, max_frac=0.0), [1, 2], []),
        (SubstringDedup(min_tokens=3), [], [1, 2]),
        (SubstringDedup(min_tokens=3, action="drop"), [1, 2], []),
        (SubstringDedup(min_tokens=3, action="drop", max_frac=0.5), [1], []),
        (SubstringDedup(min_tokens=3, action="mark"), [], []),
        (SubstringDedup(min_tokens=3, max_frac=7 / 9), [], [1, 2]),
    ):
        found = applied(step, texts)
        why = [i for i, r in enumerate(found["reason"].to_pylist()) if r == "repeated_substring"]
        assert (why, step) == (reasons, step)
        shorter = [i for i, t in enumerate(found["text"].to_pylist()) if t != texts[i]]
        assert (shorter, step) == (cut, step)
        assert spans(found) == [[], [(0, 7)], [(0, 7)], []]


def test_all_copies_may_go() -> None:
    texts = ["x a b c y", "a b c", "z a b c a b c"]
    found = applied(SubstringDedup(min_tokens=3, keep="none"), texts)
    assert found["text"].to_pylist() == ["x y", "", "z"]
    assert spans(found) == [[(2, 7)], [(0, 5)], [(2, 7), (8, 13)]]


def test_a_text_of_one_word_and_one_of_a_period() -> None:
    texts = ["a " * 100_000, "a " * 1000, "b c d " * 1000, "new b c d b c"]
    found = applied(SubstringDedup(min_tokens=5), texts)
    assert found["text"].to_pylist() == ["a", "", "b c d", "new"]
    keys = SubstringDedup().keys(documents(texts))["prints"]
    assert [len(p) for p in keys.to_pylist()] == [2, 2, 2, 0]


def test_texts_shorter_than_a_window_are_not_seen() -> None:
    texts = ["a b c d", "a b c d", "", " ", None]
    assert spans(applied(SubstringDedup(min_tokens=5), texts)) == [[], [], [], [], None]
    assert spans(applied(SubstringDedup(min_tokens=4), texts)) == [[], [(0, 7)], [], [], None]


@pytest.mark.parametrize("texts", [[], [None], ["", None, ""]])
def test_nothing_to_say(texts: list[str | None]) -> None:
    assert applied(SubstringDedup(), texts)["text"].to_pylist() == texts


def prose(seed: int, n: int) -> list[str]:
    return [f"w{i}" for i in random.Random(seed).choices(range(10**6), k=n)]


def test_keys_and_evidence_do_not_depend_on_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(prose(i % 7, 30 + 20 * i)) for i in range(20)] + [None, "", "a " * 500]
    step, batch = SubstringDedup(min_tokens=10), documents(texts)
    asked = batch.append_column("bits", pa.array(np.arange(1, len(texts) + 1) * 0x5555_5555, pa.int64()))
    keys, evidence = step.keys(batch), step.features(asked)
    assert sum(len(w) for w in evidence["windows"].to_pylist()) > 1000
    for size in (1, 100, 1000):
        monkeypatch.setattr(substring, "PART_BYTES", size)
        assert len(list(parted(batch))) > 2
        assert step.keys(batch).equals(keys)
        assert step.features(asked).equals(evidence)
    for at in (0, 1, 9):
        cut = [step.features(asked.slice(0, at)), step.features(asked.slice(at))]
        assert pa.Table.from_batches(cut).combine_chunks().to_batches()[0].equals(evidence)


def test_keys_are_narrow() -> None:
    text = " ".join(prose(1, 50_000))
    keys = SubstringDedup().keys(documents([text]))
    assert 0.9 < len(keys["prints"][0]) / (2 / 32 * 50_000) < 1.1


def test_only_documents_that_may_share_are_looked_at() -> None:
    shared = prose(0, 60)
    texts = [" ".join(prose(i, 200) + (shared if i % 10 == 0 else [])) for i in range(1, 41)]
    looked: list[int] = []

    class Looking(SubstringDedup):
        def features(self, batch: pa.RecordBatch) -> pa.RecordBatch:
            found = super().features(batch)
            looked.extend(len(w) for w in found["windows"].to_pylist())
            return found

    found = spans(applied(Looking(action="mark"), texts))
    assert [i for i, s in enumerate(found) if s] == [19, 29, 39]
    assert len(looked) == 4
    assert max(looked) < 60


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"action": "mark", "max_frac": 0.5}, "^max_frac: action mark drops nothing"),
        ({"tokens": "byte", "fold_case": True}, "^fold_case"),
        ({"tokens": "/nowhere/tokenizer.json"}, "tokenizer.json"),
    ],
)
def test_settings_that_do_not_go_together(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        SubstringDedup(**settings).check()


@pytest.mark.parametrize("settings", [{"min_tokens": 1}, {"max_frac": 1.5}, {"max_frac": -0.1}])
def test_bounds_are_checked_when_a_recipe_is_read(settings: dict[str, Any]) -> None:
    reader = Reader("stages.yaml")
    assert reader.settings(SubstringDedup, settings, ("with",)) is None
    assert [problem.where for problem in reader.problems] == list(settings)


def test_columns_follow_the_action() -> None:
    schema = pa.schema([ID, TEXT])
    assert SubstringDedup(action="mark").flow(schema).names == ["id", "text", "substring"]
    assert SubstringDedup().flow(schema).field("substring") == SUBSTRING
    assert SubstringDedup().flow(schema).names == ["id", "text", "substring"]
    assert SubstringDedup().stamp() == ""
    assert len(SubstringDedup(tokens="bytes").stamp()) == 64


@pytest.mark.data
@pytest.mark.parametrize(("name", "length"), [("web_en_gold", 50), ("zh_books", 50), ("code", 20)])
def test_real_text_with_planted_passages(shared_data: Path, name: str, length: int) -> None:
    texts = planted(shared_data / "proxy_corpus" / f"{name}.jsonl.zst", 120, seed=length)
    found = spans(applied(SubstringDedup(min_tokens=length, action="mark"), texts))
    assert found == repeated_words(texts, length)
    assert sum(map(bool, found)) > 20


def spread(engine: LocalEngine, folder: Path, step: SubstringDedup) -> tuple[Record, dict[str, str]]:
    """The same documents in three files: what the run says, and the text of each document it keeps."""
    shared = " ".join(prose(5, 12))
    files = {
        "a.txt": f"one {shared}\n{shared}\nown words only\n",
        "b.txt": f"more {shared} more\n",
        "c.txt": f"{shared} tail\n{shared} and {shared}\n",
    }
    source = Lines(paths=write_lines(folder / "in", files), source="toy")
    output = folder / f"out-{engine.workers}"
    record = Runner(recipe(output, chain(source, step)), engine, lambda *_: None).run()
    shards = [f for folder in record.documents["toy"] for f in (output / folder).glob("*.parquet")]
    kept = [r for f in shards for r in pq.read_table(f).to_pylist()]
    return record, {r["id"]: r["text"].replace(shared, "SHARED") for r in kept}


def test_a_whole_run(local: LocalEngine, tmp_path: Path) -> None:
    record, texts = spread(local, tmp_path, SubstringDedup(min_tokens=10, max_frac=0.99))
    assert sorted(texts.values()) == ["and", "more more", "one SHARED", "own words only", "tail"]
    (step,) = (s for s in record.steps if s.name == "SubstringDedup")
    assert step.dropped == {"repeated_substring": 1}
    alone = LocalEngine(1, {})
    same, _ = spread(alone, tmp_path, SubstringDedup(min_tokens=10, max_frac=0.99))
    alone.close()
    assert same.content_hash == record.content_hash


@pytest.mark.spark
def test_spark_marks_the_same(on_spark: Session) -> None:
    step = SubstringDedup(min_tokens=4, max_frac=0.9)
    texts = ["a b c d e f", PAGE, "a b c d e f", " a b c d e f tail \n", None, "z " * 30]
    ours = applied(step, texts)
    assert applied(step, texts, session=on_spark).equals(ours)
    assert [bool(s) for s in spans(ours)] == [False, True, True, True, False, True]
