"""Which one stays, and what the column says of the others: the rules written out in Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.schema import DATE, ID, SOURCE, TEXT
from stages.dedup.choose import CLUSTER, KNOWN, LAST
from stages.dedup.exact import ExactDedup
from tests.stages.dedup.apply import applied, clusters, documents

DATES = [
    None,
    "",
    "2024",
    "2024-03",
    "2024-03-05",
    "2024-03-05T10:00:00Z",
    "2023-12-31T23:59:59.5+01:00",
    "once",
]


def ranks(step: ExactDedup, batch: pa.RecordBatch) -> list[int]:
    known: list[int] = step.known(batch)[1].to_pylist()
    return known


def order(values: list[int]) -> list[list[int]]:
    """Rows from best to worst, equal ones together."""
    return [[i for i, v in enumerate(values) if v == value] for value in sorted(set(values))]


def test_newest_and_oldest_by_what_a_date_says() -> None:
    batch = documents([""] * len(DATES), date=DATES)
    assert order(ranks(ExactDedup(keep="newest"), batch)) == [[5], [4], [3], [2], [6], [0, 1, 7]]
    assert order(ranks(ExactDedup(keep="oldest"), batch)) == [[6], [2], [3], [4], [5], [0, 1, 7]]
    assert ranks(ExactDedup(keep="oldest"), batch)[0] == LAST


def test_longest_counts_bytes() -> None:
    batch = documents(["é", None, "", "abc"])
    assert order(ranks(ExactDedup(keep="longest"), batch)) == [[3], [0], [2], [1]]


def test_sources_by_priority() -> None:
    batch = documents([""] * 4, source=["web", "wiki", None, "books"])
    step = ExactDedup(keep="source_priority", priority=("wiki", "web"))
    assert order(ranks(step, batch)) == [[1], [0], [2, 3]]


NUMBERS = st.none() | st.floats() | st.integers(-3, 3).map(float)


@given(st.lists(NUMBERS, min_size=1, max_size=12))
def test_the_best_is_the_highest_number(values: list[float | None]) -> None:
    scores = pa.array([{"score": v} for v in values], pa.struct([("score", pa.float64())]))
    batch = documents([""] * len(values)).append_column("quality", scores)
    found = ranks(ExactDedup(keep="best(quality.score)"), batch)
    numbers = [-math.inf if v is None or math.isnan(v) else v for v in values]
    for i, a in enumerate(values):
        for j, b in enumerate(values):
            bad = [v is None or math.isnan(v) for v in (a, b)]
            if not any(bad):
                assert (found[i] < found[j]) == (numbers[i] > numbers[j])
            elif bad == [False, True]:
                assert found[i] < found[j] == LAST
    assert len(found) == len(values)


def test_a_reference_need_not_have_the_column() -> None:
    assert ranks(ExactDedup(keep="best(score)"), documents(["a"])) == [LAST]


def test_the_column_must_be_there_and_a_number() -> None:
    step = ExactDedup(keep="best(quality.score)")
    base = [ID, TEXT, SOURCE, DATE]
    quality = pa.struct([("scores", pa.float32()), ("label", pa.string())])
    with pytest.raises(PlanError, match=r"no earlier step provides 'quality.score'"):
        step.flow(pa.schema(base))
    with pytest.raises(PlanError, match=r"'quality.score'; did you mean 'scores'"):
        step.flow(pa.schema([*base, ("quality", quality)]))
    with pytest.raises(PlanError, match=r"'quality.label' is string, not a number"):
        ExactDedup(keep="best(quality.label)").flow(pa.schema([*base, ("quality", quality)]))
    left = ExactDedup(keep="best(quality.scores)").flow(pa.schema([*base, ("quality", quality)]))
    assert left.field("exact_cluster").type == CLUSTER


DOCUMENTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", " a", "c"]),
        st.sampled_from(DATES),
        st.sampled_from(["x", "y", "z", None]),
    ),
    max_size=12,
)
POLICIES: dict[str, Any] = {
    "first": lambda i, text, date, source: i,
    "longest": lambda i, text, date, source: (-len(text), i),
    "source_priority": lambda i, text, date, source: ({"y": 0, "x": 1}.get(source, 2), i),
}


@pytest.mark.parametrize("keep", POLICIES)
@given(rows=DOCUMENTS, seed=st.integers(0, 9))
def test_one_of_each_cluster_stays_and_knows_of_all(
    keep: str, rows: list[tuple[str, str | None, str | None]], seed: int
) -> None:
    step = ExactDedup(keep=keep, priority=("y", "x") if keep == "source_priority" else ())
    texts, dates, sources = ([r[k] for r in rows] for k in range(3))
    batch = documents(list(texts), date=dates, source=sources)
    table = applied(step, batch, seed)[0]
    expected: list[Any] = [None] * len(rows)
    for same in {t.strip() for t in texts if t}:
        members = [i for i, t in enumerate(texts) if t and t.strip() == same]
        if len(members) > 1:
            kept = min(members, key=lambda i: POLICIES[keep](i, *rows[i]))
            for i in members:
                days = sorted({d[:10] for m in members if (d := dates[m]) is not None}) or None
                origins = sorted({s for m in members if (s := sources[m]) is not None}) or None
                expected[i] = {
                    "duplicate_of": None if i == kept else f"id{kept}",
                    "size": len(members),
                    "dates": days if i == kept else None,
                    "sources": origins if i == kept else None,
                }
    assert table["exact_cluster"].to_pylist() == expected
    dropped = [i for i, c in enumerate(expected) if c and c["duplicate_of"]]
    assert [i for i, r in enumerate(table["reason"].to_pylist()) if r == "duplicate"] == dropped


def test_two_of_a_kind_in_one_recipe_have_columns_of_their_own() -> None:
    first, second = ExactDedup(key="url", column="same_url"), ExactDedup()
    flowed = second.flow(first.flow(pa.schema([ID, TEXT, SOURCE, DATE, ("url", pa.string())])))
    assert {"same_url", "exact_cluster"} <= {*flowed.names}
    table = applied(first, documents(["a", "b"], url=["u", "u"]))[0]
    assert clusters(table, "same_url") == [(0, None, None, 2), (1, "duplicate", "id0", 2)]


def test_what_is_known_is_narrow() -> None:
    batch = documents(["a"], date=["2024-05-06T00:00:00Z"], source=["s"])
    arrays = ExactDedup().known(batch)
    assert [a.to_pylist() for a in arrays] == [["id0"], [0], ["2024-05-06"], ["s"]]
    assert [a.type for a in arrays] == KNOWN.types
    assert np.iinfo(np.int64).max == LAST


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"keep": "newst"}, "did you mean 'newest'"),
        ({"keep": "best()"}, "is none of"),
        ({"keep": "source_priority"}, "which needs it"),
        ({"priority": ("a",)}, "goes with keep: source_priority"),
    ],
)
def test_policies_that_make_no_sense_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(PlanError, match=why):
        ExactDedup(**settings).check()
