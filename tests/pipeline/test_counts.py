"""Counts of shards add up the same in any order."""

from __future__ import annotations

import random
from typing import Any

from pipeline.counts import add, as_json


def account(n: int) -> list[dict[str, Any]]:
    return [
        {"name": "warc", "in": n, "kept": n - 1, "dropped": {"damaged": 1}, "seconds": 0.5},
        {"name": "rules", "in": n - 1, "kept": n - 3, "dropped": {"a": 2, "b": n % 2}, "seconds": 0.25},
    ]


def test_sums() -> None:
    total = [as_json(c) for c in add([account(10), account(5)])]
    assert total == [
        {"name": "warc", "in": 15, "kept": 13, "dropped": {"damaged": 2}, "seconds": 1.0},
        {"name": "rules", "in": 13, "kept": 9, "dropped": {"a": 4, "b": 1}, "seconds": 0.5},
    ]


def test_order_of_shards_does_not_matter() -> None:
    shards = [account(n) for n in range(3, 30)]
    shuffled = random.Random(1).sample(shards, len(shards))
    assert [as_json(c) for c in add(shards)] == [as_json(c) for c in add(shuffled)]


def test_nothing() -> None:
    assert add([]) == []
