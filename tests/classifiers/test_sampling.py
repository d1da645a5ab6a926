"""Columns of strata in every form, and the smallest keys whatever order they come in."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.sampling import Smallest, labels
from pipeline.errors import RunError


def test_strata_are_texts_structs_and_structs_as_json() -> None:
    assert list(labels(pa.array(["de", None, ""]))) == ["de", None, ""]
    struct = pa.array([{"label": "de", "score": 0.5}, None, {"label": None, "score": 0.1}])
    assert list(labels(struct)) == ["de", None, None]
    texts = ['{"label": "de", "score": 0.98}', "{", '{"score": 1}', '{"label": 3}']
    assert list(labels(pa.array(texts))) == ["de", "{", None, None]
    with pytest.raises(RunError, match="neither text nor a struct with a label"):
        list(labels(pa.array([1, 2])))


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), max_size=6), st.integers(1, 200))
def test_smallest(batches: list[list[int]], budget: int) -> None:
    some = Smallest(budget)
    for shard, batch in enumerate(batches):
        keys = np.array(batch, np.uint64)
        some.add(keys, keys.astype(np.int64) % 7 + 1, shard)
    expected, total = [], 0
    for key in sorted({key for batch in batches for key in batch}):
        if total >= budget:
            break
        expected.append(key)
        total += key % 7 + 1
    assert some.keys.tolist() == expected
    assert some.sizes.tolist() == [key % 7 + 1 for key in expected]
    assert some.shards.tolist() == [next(i for i, b in enumerate(batches) if key in b) for key in expected]
