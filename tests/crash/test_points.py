"""Runs killed before any of their file-system steps give what the undisturbed run gives, and leave nothing.

`benchmarks/crash_points.py` takes every step; here it is every n-th (CRASH_EVERY).
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from benchmarks.crash_points import lane

EVERY = int(os.environ.get("CRASH_EVERY", "120"))


@pytest.mark.parametrize(
    ("trial", "first", "sparser"), [("resume", 1, 1), ("change", 31, 3), ("back", 11, 1), ("input", 7, 3)]
)
def test_killed_at_a_step_and_run_again(trial: str, first: int, sparser: int) -> None:
    every = EVERY * sparser
    # Processes of their own, which fork: this one has threads.
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        lanes = list(pool.map(lane, [trial] * 2, [first, first + every], [2 * every] * 2))
    assert [wrong for _, mine in lanes for wrong in mine] == []
    assert sum(n for kinds, _ in lanes for n in kinds.values()) > 3
