"""Steps: settings are fields, columns are declared and checked, steps travel."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import PlanError
from pipeline.schema import TEXT
from pipeline.stage import Filter, Map, Relate, Source, Step, Stream
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
        | {"evidence", "evidence_columns", "references", "verdicts", "rewrite", "key_schema"},
    }


def test_the_kinds_fit_into_two_hundred_lines() -> None:
    import pipeline.stage

    assert len(Path(pipeline.stage.__file__).read_text().splitlines()) <= 200
    assert issubclass(Relate, Step)
