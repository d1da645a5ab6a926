"""A run is killed right before a change that it makes to a store, and resumed: the same hash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.objects.path import ObjectPath
from tests.pipeline.objects.dying import run
from tests.toy import write_lines

STEP = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 7
"""One would be each change, which takes minutes."""


@pytest.mark.parametrize(("before", "after", "changes"), [(3, 3, 30), (3, 7, 20)])
def test_killed_at_changes(output: ObjectPath, tmp_path: Path, before: int, after: int, changes: int) -> None:
    """First a run from nothing; then one with another threshold, after which the old one comes back."""
    files = {f"{i}.txt": f"alpha {i}\n?\n{'bc'[i]} {i}\nno\n" for i in range(2)}
    write_lines(tmp_path / "in", files)
    wanted = [run(tmp_path / str(n), tmp_path / "in", n) for n in (before, after)]
    command = [sys.executable, "-m", "tests.pipeline.objects.dying", str(output), str(tmp_path / "in")]
    made = subprocess.run(
        [*command, str(before), str(after), str(STEP)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    *resumed, last = made.stdout.split()
    assert len(resumed) > changes // STEP, len(resumed)
    assert set(resumed) == {wanted[0]}
    assert last == wanted[1]
