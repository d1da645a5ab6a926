from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stages.filters.adapt.card import summary
from stages.filters.adapt.outcomes import Dropped, dropped, measured, pairs
from stages.filters.fit import RULES
from tests.stages.filters.adapt.conftest import chinese, english, labelled


def keyed(texts: list[str], keys: list[int]) -> pa.RecordBatch:
    batch = labelled(texts, ["en"] * len(texts))
    return batch.append_column("key", pa.array(keys, pa.uint64()))


def test_every_rule_has_its_signal_whatever_its_name() -> None:
    chosen = pairs(RULES, "paper", None)
    assert [pair.rules.stage for pair in chosen] == list(RULES)
    for pair in chosen:
        values = measured(pair, [keyed([english(0), chinese(0)], [2, 1])])
        assert list(values) == pair.rules.rules()
        assert all(len(column) == 2 for column in values.values())


def test_values_are_in_the_order_of_the_keys() -> None:
    (pair,) = pairs(["gopher_rules"], "paper", None)
    whole = measured(pair, [keyed(["a b c", "a", "a b"], [30, 10, 20])])["min_n_words"]
    parts = measured(pair, [keyed(["a b"], [20]), keyed([], []), keyed(["a", "a b c"], [10, 30])])[
        "min_n_words"
    ]
    assert whole.tolist() == parts.tolist() == [1.0, 2.0, 3.0]
    assert measured(pair, [])["min_n_words"].tolist() == []


def test_both_stages_get_the_file(tmp_path: Any) -> None:
    path = tmp_path / "l.yaml"
    path.write_text("en: {stop_words: [zzz], gopher_rules: {min_n_words: 3}}\n")
    gopher, repetition = pairs(["gopher_rules", "repetition_rules"], "paper", str(path))
    assert gopher.rules.languages == repetition.rules.languages == str(path)
    assert getattr(gopher.signals, "languages") == str(path)  # noqa: B009 (not all signals have it)
    batch = keyed(["zzz zzz a"], [1])
    assert gopher.signals.process(batch).column("gopher")[0]["n_stop_words"].as_py() == 1


def test_what_is_dropped_is_counted_by_rule_and_once() -> None:
    chosen = pairs(RULES, "paper", None)
    found = dropped(chosen, [keyed([english(0), "short"], [1, 2]), keyed([], []), keyed(["tiny one"], [3])])
    assert found.n == 3
    assert found.by["all"] == 2
    assert found.by["gopher_rules.min_n_words"] == 2
    assert found.shares()["all"] == 0.6667
    assert found.kept() == 0.3333


def test_no_texts_give_no_shares() -> None:
    nothing = dropped(pairs(RULES, "paper", None), [])
    assert nothing == Dropped(0, Counter())
    assert nothing.kept() is None
    assert dropped(pairs(RULES, "paper", None), [keyed([], [])]).shares() == {}


def test_summary() -> None:
    found = summary(np.arange(1.0, 101.0))
    assert found["mean"] == 50.5
    assert found["std"] == pytest.approx(28.87)
    assert found["quantiles"] == {"0.01": 1.0, "0.1": 10.0, "0.5": 50.0, "0.9": 90.0, "0.99": 99.0}
