"""What a watched process took, and how a run's events become seconds by phase."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from processes import Watched, phases, size, watch


def test_memory_of_children_counts(tmp_path: Path) -> None:
    child = "import time; held = bytearray(b'x' * 150_000_000); time.sleep(1.2)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); print('over')"
    (tmp_path / "data").write_bytes(b"x" * 100_000)
    found = watch([sys.executable, "-c", parent], tmp_path)
    assert 150e6 < found.peak_bytes < 400e6
    assert found.seconds > 1.2
    assert found.peak_disk >= 100_000
    assert found.peak_disk == size(tmp_path)
    assert [line for _, line in found.lines] == ["over\n"]


def test_cpu_counts_of_children_that_nobody_waits_for() -> None:
    start = "import subprocess as s, sys, time; child = s.Popen([sys.executable, '-c', {!r}]); time.sleep({})"
    busy = "import time\nwhile time.process_time() < .8: pass"
    parent = start.format(start.format(busy, 60), 4) + "; child.kill()"
    assert 0.4 < watch([sys.executable, "-c", parent]).cpu_seconds < 3


def test_what_fails_says_why() -> None:
    with pytest.raises(SystemExit, match="ended with 3"):
        watch([sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(SystemExit, match="no such luck"):
        watch([sys.executable, "-c", "raise ValueError('no such luck')"])


def test_phases_add_up_to_the_whole() -> None:
    events = [
        (2.0, "planted", 0), (5.0, "planted", 1), (6.0, "planted", 2),
        (6.5, "dedup: relate", 0), (8.0, "dedup: again", 1), (9.0, "dedup: again", 2),
        (12.0, "dedup: relate", 2),
        (12.0, "planted", 0), (15.0, "planted", 2),
    ]  # fmt: skip
    lines = [
        (at, json.dumps({"event": "progress", "label": label, "done": done, "total": 2}))
        for at, label, done in events
    ]
    spent = phases(Watched(seconds=17.0, lines=[*lines, (16.0, json.dumps({"event": "done"}))]))
    assert spent == {
        "start, end": 2.0 + 0.5 + 2.0,
        "read, sign, write": 4.0,
        "dedup: again": 2.5,
        "dedup: relate": 3.0,
        "apply, write": 3.0,
    }
