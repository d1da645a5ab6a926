"""Steps: settings are fields, columns are declared and checked, steps travel."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import PlanError
from pipeline.schema import TEXT, made, made_by
from pipeline.stage import Filter, Map, Relate, Source, Step, Stream, makers
from tests.toy import N_CHARS, Count, Long


def test_flow_adds_replaces_and_removes() -> None:
    class Swap(Count):
        removes = ("text",)

    before = pa.schema([TEXT, ("n_chars", pa.int64()), ("other", pa.int8())])
    assert Count().flow(before).names == ["text", "other", "n_chars"]
    assert Swap().flow(before).names == ["other", "n_chars"]


def test_a_missing_or_mistyped_column_is_named() -> None:
    with pytest.raises(PlanError, match="reads column 'n_chars', which no earlier step provides"):
        Long().flow(pa.schema([TEXT]))
    with pytest.raises(PlanError, match="reads column 'n_chars' as int64, but it is int8"):
        Long().flow(pa.schema([TEXT, ("n_chars", pa.int8())]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counted(Count):
    by: str = "letters"

    def makes(self) -> pa.Schema:
        return pa.schema([made(N_CHARS, self.by)])


@dataclasses.dataclass(frozen=True, kw_only=True)
class LongCounted(Long):
    by: str = "letters"

    def needs(self) -> pa.Schema:
        return pa.schema([TEXT, made(N_CHARS, self.by)])


def test_a_column_remembers_how_it_was_made() -> None:
    counted = Counted().flow(pa.schema([TEXT]))
    assert made_by(counted.field("n_chars")) == "letters"
    assert LongCounted().flow(counted) == counted
    with pytest.raises(PlanError, match="'n_chars' made by bytes, but it was made by letters"):
        LongCounted(by="bytes").flow(counted)
    unknown = Count().flow(pa.schema([TEXT]))
    assert made_by(unknown.field("n_chars")) == ""
    assert LongCounted(by="bytes").flow(unknown) == unknown


@pytest.mark.usefixtures("toys")
def test_a_missing_column_names_the_steps_that_add_it() -> None:
    with pytest.raises(PlanError, match="no earlier step provides: put `- use: count` before it"):
        Long().flow(pa.schema([TEXT]))
    assert makers("gopher") == ["gopher_signals"]
    assert makers("text") == ["extract_html"]
    assert makers("nothing") == []


def test_steps_are_frozen_hashable_and_pickle() -> None:
    step = Long(min_n_chars=7)
    assert pickle.loads(pickle.dumps(step)) == step
    assert len({step, Long(min_n_chars=7), Long()}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.min_n_chars = 8  # type: ignore[misc]


def test_columns_carry_their_meaning() -> None:
    assert N_CHARS.metadata == {b"meaning": b"characters of the text", b"unit": b"characters"}


def test_each_kind_has_one_method_of_its_own_and_relate_what_it_takes() -> None:
    own = {k: {n for n in vars(k) if not n.startswith("_")} for k in (Source, Map, Filter, Stream, Relate)}
    assert own == {
        Source: {"splits", "read"},
        Map: {"process"},
        Filter: {"reasons"},
        Stream: {"stream"},
        Relate: {"keys", "relate", "key_columns"}
        | {"features", "feature_columns", "references", "verdicts", "rewrite", "key_schema"},
    }


def test_the_kinds_fit_into_two_hundred_lines() -> None:
    import pipeline.stage

    assert len(Path(pipeline.stage.__file__).read_text().splitlines()) <= 200
    assert issubclass(Relate, Step)
