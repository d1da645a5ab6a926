"""A keyed sample: of the right size, nested, and told apart by its seed."""

from __future__ import annotations

import pyarrow as pa
import pytest

from stages.filters.sample import KeepSample

N = 20_000
BATCH = pa.RecordBatch.from_pydict({"id": [f"doc-{i}" for i in range(N)]})


def kept(share: float, seed: int = 0) -> set[int]:
    reasons = KeepSample(share=share, seed=seed).reasons(BATCH).to_pylist()
    assert {r for row in reasons for r in row} <= {"share"}
    return {i for i, row in enumerate(reasons) if not row}


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_the_share_is_kept(share: float) -> None:
    deviation = (N * share * (1 - share)) ** 0.5
    assert abs(len(kept(share)) - N * share) < 4 * deviation


def test_all_are_kept_at_one() -> None:
    assert len(kept(1.0)) == N


def test_a_smaller_share_is_a_part_of_a_larger() -> None:
    assert kept(0.05) < kept(0.2)


def test_seeds_choose_independently() -> None:
    both = kept(0.2, seed=1) & kept(0.2, seed=2)
    assert abs(len(both) - N * 0.04) < 4 * (N * 0.04) ** 0.5
