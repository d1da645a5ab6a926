"""What all signals and rules share, on a family of one signal made up here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from pipeline.errors import PlanError
from pipeline.schema import TEXT, column, conform, made_by
from pipeline.store import digest
from stages.filters.measured import (
    Limit,
    Limits,
    SignalRules,
    Signals,
    broken,
    groups,
    load_languages,
    named,
)
from stages.identify.language import LANGUAGE
from stages.ingest.parquet import Parquet

SIZE = column(
    "size",
    pa.struct(
        [column("n_bytes", pa.int64(), "bytes", "bytes"), column("half", pa.float64(), "of that half")]
    ),
    "how long a text is; null where it is null",
)


@dataclass(frozen=True, kw_only=True)
class SizeSignals(Signals):
    """Measure texts."""

    signals: ClassVar[pa.Field] = SIZE
    profiles: ClassVar[tuple[str, ...]] = ("paper", "dolma")

    def measure(self, batch: pa.RecordBatch) -> npt.NDArray[np.float64]:
        n = pc.fill_null(pc.binary_length(batch.column("text")), 7).to_numpy(zero_copy_only=False)
        return np.stack([n, n / 2], axis=1).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class SizeRules(SignalRules):
    """Drop texts."""

    signals: ClassVar[pa.Field] = SIZE
    measured_by: ClassVar[str] = "size_signals"
    stage: ClassVar[str] = "size_rules"
    published: ClassVar[Mapping[str, Limits]] = {
        "paper": {"min_n_bytes": 2, "max_n_bytes": 4, "max_half": None},
        "dolma": {"max_n_bytes": None, "max_half": 1.5},
    }

    min_n_bytes: Limit = "profile"
    max_n_bytes: Limit = "profile"
    max_half: Limit = "profile"


TEXTS = ["a", "ab", None, "abcd", "abcde"]


def batch(languages: list[str | None] | None = None) -> pa.RecordBatch:
    given: dict[str, pa.Array] = {"text": pa.array(TEXTS)}
    if languages:
        labels = [None if k is None else {"label": k, "score": 1.0} for k in languages]
        given["language"] = pa.array(labels, LANGUAGE.type)
    return SizeSignals().process(pa.record_batch(given))


def test_signals_are_one_struct_of_the_declared_types() -> None:
    measured = batch()
    assert measured.schema.field("size").type == SIZE.type
    assert measured.column("size").to_pylist()[1:4] == [
        {"n_bytes": 2, "half": 1.0},
        None,
        {"n_bytes": 4, "half": 2.0},
    ]
    assert measured.schema.equals(SizeSignals().flow(pa.schema([TEXT])))
    assert batch().slice(0, 0).column("size").to_pylist() == []


def test_measuring_again_replaces_the_column() -> None:
    old = pa.array([{"n_bytes": 99, "half": 9.0}] * len(TEXTS), SIZE.type)
    before = pa.record_batch({"size": old, "text": pa.array(TEXTS)})
    measured = SizeSignals(profile="dolma").process(before)
    assert measured.schema.names == ["size", "text"]
    assert measured.column("size").equals(batch().column("size"))
    assert made_by(measured.schema.field("size")) == "profile dolma"
    flow = SizeSignals(profile="dolma").flow(SizeSignals().flow(pa.schema([TEXT])))
    assert SizeRules(profile="dolma").flow(flow).names == ["text", "size"]


def test_a_source_may_keep_a_column_that_is_measured_anew(tmp_path: Path) -> None:
    old = pa.array([{"n_bytes": 99, "half": 9.0}] * len(TEXTS), SIZE.type)
    table = pa.table({"id": [str(i) for i in range(len(TEXTS))], "text": TEXTS, "size": old})
    pq.write_table(table, tmp_path / "in.parquet")
    source, step = Parquet(paths=str(tmp_path / "in.parquet"), keep=("size",), source="x"), SizeSignals()
    source.check()
    schema = step.flow(source.makes())
    assert schema.names.count("size") == 1
    (read,) = source.read(source.splits()[0])
    measured = conform(step.process(read), schema)
    assert measured.column("size").equals(batch().column("size"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [["min_n_bytes"], [], ["no_signals"], [], ["max_n_bytes"]]),
        ({"profile": "dolma"}, [["min_n_bytes"], [], ["no_signals"], ["max_half"], ["max_half"]]),
        (
            {"min_n_bytes": None, "max_n_bytes": 1},
            [[], ["max_n_bytes"], ["no_signals"]] + [["max_n_bytes"]] * 2,
        ),
        (
            {"max_half": 0.5, "max_n_bytes": None},
            [["min_n_bytes"], ["max_half"], ["no_signals"]] + [["max_half"]] * 2,
        ),
        ({"min_n_bytes": None, "max_n_bytes": None}, [[], [], ["no_signals"], [], []]),
    ],
)
def test_limits_of_the_recipe_and_of_the_profile(settings: dict[str, Any], expected: list[list[str]]) -> None:
    assert SizeRules(**settings).reasons(batch()).to_pylist() == expected


def test_limits_of_languages(tmp_path: Path) -> None:
    file = tmp_path / "languages.yaml"
    file.write_text("de: {size_rules: {min_n_bytes: 1, max_n_bytes: null}}\nth: {stop_words: [x]}\n")
    rules = SizeRules(languages=str(file))
    rules.check()
    assert rules.needs().names == ["size", "language"]
    measured = batch(["de", "en", "de", None, "de"])
    assert rules.reasons(measured).to_pylist() == [[], [], ["no_signals"], [], []]
    assert rules.limits("de") == {"min_n_bytes": 1.0}
    assert rules.limits("th") == rules.limits() == {"min_n_bytes": 2.0, "max_n_bytes": 4.0}
    own = SizeRules(languages=str(file), max_n_bytes=3)
    assert own.reasons(measured).to_pylist() == [[], [], ["no_signals"], ["max_n_bytes"], ["max_n_bytes"]]
    before = rules.stamp()
    file.write_text("default: {size_rules: {min_n_bytes: 5}}\nen: {size_rules: {min_n_bytes: 3}}\n")
    assert rules.stamp() != before
    assert rules.limits("fr")["min_n_bytes"] == 5
    assert rules.limits("en")["min_n_bytes"] == 3
    rows = [["min_n_bytes"], ["min_n_bytes"], ["no_signals"], ["min_n_bytes"], ["max_n_bytes"]]
    assert rules.reasons(measured).to_pylist() == rows


def test_plans_that_do_not_fit() -> None:
    with pytest.raises(PlanError, match="made by profile paper, but it was made by profile dolma"):
        SizeRules().flow(SizeSignals(profile="dolma").flow(pa.schema([TEXT])))
    assert SizeRules().flow(pa.schema([SIZE])).names == ["size"]  # a file of others does not say
    with pytest.raises(PlanError, match="profile must be one of paper, dolma, not dclm"):
        SizeSignals(profile="dclm").check()
    with pytest.raises(PlanError, match="profile must be one of paper, dolma, not curator"):
        SizeRules(profile="curator").check()
    with pytest.raises(PlanError, match="column 'language'"):
        SizeRules(languages="languages.yaml").flow(SizeSignals().flow(pa.schema([TEXT])))


def test_files_that_do_not_fit(tmp_path: Path) -> None:
    file = tmp_path / "languages.yaml"
    file.write_text("de: {size_rules: {min_n_byte: 1}}\n")
    with pytest.raises(
        PlanError, match="de: size_rules has no rule 'min_n_byte'; did you mean 'min_n_bytes'"
    ):
        SizeRules(languages=str(file)).check()
    for content, message in [
        ("- de\n", "mapping of languages"),
        ("no: {}\n", "quote"),
        ("de: 3\n", "de: must be"),
    ]:
        file.write_text(content)
        with pytest.raises(PlanError, match=message):
            load_languages(str(file), digest(str(file)))
    file.write_text("de: [\n")
    with pytest.raises(PlanError, match=str(file)):
        load_languages(str(file), digest(str(file)))
    with pytest.raises(PlanError, match="cannot read"):
        SizeRules(languages=str(tmp_path / "none.yaml")).stamp()


def test_broken_and_named_work_on_slices_and_on_nothing() -> None:
    signals = pa.array([{"a": 1}, {"a": 3}, None, {"a": 5}], pa.struct([("a", pa.int64())]))
    limits = np.array([[2.0, 4.0]] * 4)

    def told(signals: pa.StructArray, limits: Any) -> list[list[str]]:
        names = ["no_signals", "min_a", "max_a"]
        lists: list[list[str]] = named(broken(signals, names[1:], limits), names).to_pylist()
        return lists

    assert told(signals, limits) == [
        ["min_a"],
        [],
        ["no_signals"],
        ["max_a"],
    ]
    assert told(signals.slice(2), limits[2:]) == [["no_signals"], ["max_a"]]
    assert told(signals.slice(4), limits[4:]) == []
    assert named(np.array([[True, False], [True, True]]), ["x", "y"]).to_pylist() == [["x"], ["x", "y"]]


def test_groups() -> None:
    labels = pa.array([{"label": "de", "score": 1.0}, None, {"label": "fr", "score": 1.0}], LANGUAGE.type)
    assert groups(labels, ["en", "de"]).tolist() == [2, 0, 0]
    assert groups(labels.slice(1), ["fr"]).tolist() == [0, 1]
    assert groups(labels, []).tolist() == [0, 0, 0]
