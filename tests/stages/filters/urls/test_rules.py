from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.errors import PlanError
from stages.filters.urls.lists import UrlList
from stages.filters.urls.rules import UrlRules
from stages.filters.urls.signals import ADDRESS, UrlSignals

NONE: dict[str, Any] = {"matches": [], "entries": [], "score": None}


def batch(*rows: dict[str, Any] | None) -> pa.RecordBatch:
    numbers = {f.name: 0 for f in ADDRESS.type if f.name.startswith(("n_", "frac_", "path_"))}
    made = [None if row is None else {**numbers, **NONE, **row} for row in rows]
    return pa.record_batch({"address": pa.array(made, ADDRESS.type)})


def reasons(step: UrlRules, *rows: dict[str, Any] | None) -> list[list[str]]:
    out: list[list[str]] = step.reasons(batch(*rows)).to_pylist()
    return out


def matching(*lists: str) -> dict[str, Any]:
    return {"matches": [*lists], "entries": [*lists]}


def test_without_settings_only_a_missing_address_drops() -> None:
    rows = ({"n_chars": 10**6}, None, matching("x"))
    assert reasons(UrlRules(), *rows) == [[], ["no_signals"], []]
    assert reasons(UrlRules(without_url="keep"), *rows) == [[], [], []]
    assert reasons(UrlRules(without_url="keep", allow=("x",), min_score=1), *rows)[1] == []


def test_lists_and_what_they_mean() -> None:
    step = UrlRules(block=("a", "b"), words=("w",), soft_words=("s", "t"), substrings=("x",))
    cases = {
        ("a",): ["block"],
        ("b",): ["block"],
        ("w",): ["words"],
        ("s",): [],
        ("s", "t"): [],
        ("s", "s"): ["soft_words"],
        ("t", "t", "t"): ["soft_words"],
        ("x",): ["substrings"],
        ("other",): [],
        ("a", "s", "s", "w", "x"): ["block", "words", "soft_words", "substrings"],
        (): [],
    }
    assert reasons(step, *(matching(*lists) for lists in cases)) == [*cases.values()]


def test_how_many_soft_words() -> None:
    rows = [matching(*["s"] * n) for n in range(5)]
    assert [len(r) for r in reasons(UrlRules(soft_words=("s",), n_soft_words=3), *rows)] == [0, 0, 0, 1, 1]


def test_allow_and_exempt() -> None:
    step = UrlRules(allow=("good", "fine"), block=("bad",), exempt=("sure",), max_n_chars=5)
    lists = (["good"], ["good", "bad"], ["sure", "bad"], [])
    rows = [*(matching(*names) for names in lists), {"n_chars": 6}]
    want = [[], ["block"], [], ["allow"], ["allow", "max_n_chars"]]
    assert reasons(step, *rows) == want


def test_scores() -> None:
    rows = [{"score": 3.0}, {"score": 2.5}, {"score": None}, None]
    assert reasons(UrlRules(min_score=3), *rows) == [[], ["min_score"], ["min_score"], ["no_signals"]]
    assert reasons(UrlRules(), *rows) == [[], [], [], ["no_signals"]]


def test_no_rows_and_slices() -> None:
    step = UrlRules(block=("a",), max_n_chars=5)
    assert reasons(step) == []
    whole = batch(matching("a"), None, {"n_chars": 9}, matching("a", "a"))
    assert step.reasons(whole.slice(1, 3)).to_pylist() == step.reasons(whole).to_pylist()[1:]
    assert step.reasons(whole.slice(4)).to_pylist() == []


def test_lists_that_nobody_looked_up_are_an_error_of_the_plan(tmp_path: Path) -> None:
    (tmp_path / "adult.txt").write_text("a.com\n")
    signals = UrlSignals(lists=(UrlList(path=str(tmp_path / "adult.txt"), format="domains"),))
    schema = signals.flow(pa.schema([("url", pa.string())]))
    UrlRules(block=("adult",)).flow(schema)
    for setting in ("block", "allow", "words", "soft_words", "substrings", "exempt"):
        with pytest.raises(PlanError, match=rf"{setting}: .*no list 'adlut'; did you mean 'adult'"):
            UrlRules(**dict[str, Any]({setting: ("adlut",)})).flow(schema)
    with pytest.raises(PlanError, match="url_signals"):
        UrlRules().flow(pa.schema([("url", pa.string())]))
    with pytest.raises(PlanError, match="profile"):
        UrlRules(profile="datatrove").flow(schema)


def test_checks() -> None:
    UrlRules().check()
    step = UrlRules(block=("a",))
    assert hash(pickle.loads(pickle.dumps(step))) == hash(step)


def test_webtext(tmp_path: Path) -> None:
    """Radford et al. 2019: pages that a submission with a karma of 3 or more links to."""
    (tmp_path / "reddit.csv").write_text("url,score\nhttps://a.com/x,3\nhttps://b.com/,2\nhttps://b.com,-1\n")
    links = UrlList(path=str(tmp_path / "reddit.csv"), format="scored")
    urls = pa.array(["http://www.a.com/x/", "http://b.com/", "http://c.com/"])
    measured = UrlSignals(lists=(links,)).process(pa.record_batch({"url": urls}))
    assert UrlRules(min_score=3).reasons(measured).to_pylist() == [[], ["min_score"], ["min_score"]]
