"""The synthetic machine that these tests take samples of."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.sample.harvest import Root
from tests.jobs.sample.machine import furnish


@pytest.fixture
def machine(tmp_path: Path) -> list[Root]:
    return furnish(tmp_path / "machine")
