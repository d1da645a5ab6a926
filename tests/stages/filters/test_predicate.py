"""SQL predicates: what they keep, and what may not stand in one."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config
from pipeline.errors import ConfigError, PlanError
from stages.filters.predicate import KeepIf

ROWS: dict[str, Any] = {
    "text": ["a" * 200, None, "b", "河" * 9, ""],
    "url": ["https://a.b/c", None, "http://x.org", "https://e.f", "z"],
    "n": [1, 2, 3, None, 5],
    "language": [
        {"label": "en", "score": 0.9},
        {"label": "de", "score": None},
        None,
        {"label": "zh", "score": 1.0},
        None,
    ],
}
BATCH = pa.RecordBatch.from_pydict(ROWS)


def kept(where: str) -> list[int]:
    reasons = KeepIf(where=where).reasons(BATCH).to_pylist()
    return [i for i, why in enumerate(reasons) if not why]


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("n > 2", [2, 4]),
        ("n > 2 OR n IS NULL", [2, 3, 4]),
        ("length(text) > 5", [0, 3]),
        ("language.label IN ('en', 'zh') AND language.score > 0.95", [3]),
        ("language.label = 'de'", [1]),
        ("url LIKE 'https://%'", [0, 3]),
        ("regexp_matches(url, '^https?://[a-z]+\\.org')", [2]),
        ("N BETWEEN 2 AND 3", [1, 2]),
        ("true", [0, 1, 2, 3, 4]),
        ("CASE WHEN n IS NULL THEN text = '河河河河河河河河河' ELSE n = 5 END", [3, 4]),
        ("text = '' -- with a comment", [4]),
        ("list_contains([1, 5], n)", [0, 4]),
    ],
)
def test_it_keeps_where_the_predicate_holds(where: str, rows: list[int]) -> None:
    assert kept(where) == rows
    KeepIf(where=where).flow(BATCH.schema)


def test_threads_may_ask_at_the_same_time() -> None:
    batch = pa.RecordBatch.from_pydict({"text": [f"{i} {'word ' * 50}" for i in range(20_000)]})
    step = KeepIf(where="regexp_matches(text, '^[0-9]*[05] .*word $')")
    with ThreadPoolExecutor(4) as pool:
        answers = [a.to_pylist() for a in pool.map(step.reasons, [batch] * 8)]
    assert answers == [[[] if i % 5 == 0 else ["where"] for i in range(20_000)]] * 8


def test_null_is_no_answer_and_goes() -> None:
    assert KeepIf(where="n > 2").reasons(BATCH).to_pylist() == [["where"], ["where"], [], ["no_answer"], []]


@given(
    st.lists(st.none() | st.integers(-5, 5), max_size=20),
    st.sampled_from(["n > 0", "n % 2 = 0", "n IS NOT NULL AND n < 3", "abs(n) = 2", "n IN (1, NULL)"]),
)
def test_it_is_the_where_of_a_query(values: list[int | None], where: str) -> None:
    table = pa.table({"n": pa.array(values, pa.int64()), "row": pa.array(range(len(values)), pa.int64())})
    connection = duckdb.connect()
    connection.register("t", table)
    want = [r for (r,) in connection.execute(f"SELECT row FROM t WHERE {where} ORDER BY row").fetchall()]
    batch = pa.RecordBatch.from_arrays([c.combine_chunks() for c in table.columns], schema=table.schema)
    reasons = KeepIf(where=where).reasons(batch).to_pylist()
    assert [i for i, why in enumerate(reasons) if not why] == want


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("n >", "syntax error"),
        ("", "gives"),
        ("n + 1", "gives int64, not true or false"),
        ("wrods > 1", 'Referenced column "wrods" not found'),
        ("language.lable = 'en'", "lable"),
        ("sum(n) > 1", "looks at many documents"),
        ("count(*) > 1", "looks at many documents"),
        ("row_number() OVER () = 1", "a window function"),
        ("random() < 0.5", "another answer on another run"),
        ("now() > url", "another answer on another run"),
        ("uuid() = url", "another answer on another run"),
        ("n IN (SELECT 1)", "a subquery"),
        ("EXISTS (SELECT 1)", "a subquery"),
        ("n = ?", "a parameter"),
        ("true) FROM x WHERE (true", "must be one expression"),
        ("true; DROP TABLE x", "syntax error"),
        ("true, false", "gives"),
        ("read_text('/etc/passwd') IS NULL", "table function"),
        ("nosuch(n)", "does not exist"),
    ],
)
def test_what_is_no_predicate_over_one_document_is_an_error(where: str, message: str) -> None:
    with pytest.raises(PlanError, match=message.replace("(", r"\(")) as caught:
        KeepIf(where=where).flow(BATCH.schema)
    assert str(caught.value).startswith("where: ")
    assert "\n" not in str(caught.value)


def recipe(folder: Path, where: str) -> Path:
    (folder / "a.jsonl").write_text(json.dumps({"id": "a", "text": "some text"}) + "\n")
    path = folder / "stages.yaml"
    path.write_text(f"""\
name: one
source: {{use: jsonl, with: {{paths: {folder / "a.jsonl"}}}}}
steps:
  - use: keep_if
    with:
      # which documents stay
      where: {where}
output: {folder / "out"}
""")
    return path


@pytest.mark.parametrize("where", ["length(text) >", "no_such_column = 1", "random() > 0.1", "length(text)"])
def test_the_error_names_the_line_of_the_predicate(where: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.read(str(recipe(tmp_path, where)))
    [problem] = caught.value.problems
    assert (problem.line, problem.where) == (7, "keep_if")


def test_a_good_one_is_none(tmp_path: Path) -> None:
    assert config.read(str(recipe(tmp_path, "length(text) > 3"))).chains


def test_it_says_what_it_reads() -> None:
    step = KeepIf(where="length(text) > 3 AND language.score > 0.5 AND Url IS NOT NULL")
    assert step.needs().names == ["text", "language", "Url"]
    assert step.needs().field("text").type == pa.string()


def test_a_column_asked_for_in_another_case_is_found() -> None:
    assert kept("LENGTH(Text) = 200") == [0]


def test_wide_batches_are_not_copied_whole() -> None:
    wide = BATCH.append_column("tokens", pa.array([[1]] * 5, pa.list_(pa.int32())))
    assert KeepIf(where="n > 2").reasons(wide).equals(KeepIf(where="n > 2").reasons(BATCH))
    assert KeepIf(where="1 = 1").reasons(wide).to_pylist() == [[]] * 5
