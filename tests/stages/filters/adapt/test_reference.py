from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.filters.adapt.reference import KEYED, Reference
from tests.records import context
from tests.stages.filters.adapt.conftest import batches, corpus


def drawn(output: Path, *, n: int = 20, heldout_frac: float = 0.3) -> Reference:
    shard = output / "documents" / "a" / "part-00000.parquet"
    shard.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_batches(list(batches(corpus(30), 100))), shard)
    return Reference.draw(
        context(output), output / "work", language="language", rename={"nb": "no"}, n_documents=n,
        heldout_frac=heldout_frac, seed=0,
    )  # fmt: skip


def test_texts_of_each_language_and_their_keys(tmp_path: Path) -> None:
    reference = drawn(tmp_path)
    assert reference.languages == ["en", "no", "xx", "zh"]
    assert reference.n_documents == {"en": 30, "no": 30, "xx": 3, "zh": 30}
    texts = {row["text"] for row in corpus(30) if row["lang"] == "nb"}
    n_texts = {}
    for heldout in (False, True):
        parts = list(reference.texts("no", heldout))
        assert all(part.schema.equals(KEYED) for part in parts)
        rows = [row for part in parts for row in part.to_pylist()]
        assert {row["text"] for row in rows} <= texts
        assert {row["language"]["label"] for row in rows} == {"no"}
        n_texts[heldout] = len(rows)
    assert n_texts[False] == reference.n_fitted("no")
    assert n_texts[False] + n_texts[True] == reference.size("no") == 20
    assert n_texts[True] > 0


def test_nothing_need_be_held_out(tmp_path: Path) -> None:
    reference = drawn(tmp_path, heldout_frac=0.0)
    keys = [b.column("key").to_numpy() for b in reference.texts("zh", False)]
    assert len(np.unique(np.concatenate(keys))) == 20
    assert sum(len(b) for b in reference.texts("zh", True)) == 0
