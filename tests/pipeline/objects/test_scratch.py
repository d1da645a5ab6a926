"""Processes by names that no other ever has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import RunError
from pipeline.objects import scratch


def test_a_process_is_dead_only_if_this_machine_knew_it() -> None:
    mine = scratch.process()
    assert not scratch.is_dead(mine)
    machine, number, began = mine.split("-")
    assert scratch.is_dead(f"{machine}-{number}-{int(began) - 1}")  # its number was another's before
    assert not scratch.is_dead(f"{'0' * 8}-{number}-1")  # of another machine, which this one cannot ask
    assert not scratch.is_dead("a.file.of.somebody")


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    name = f"{scratch.machine()}-{child.pid}-{scratch._began(child.pid)}"
    assert not scratch.is_dead(name)
    os.kill(child.pid, signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert scratch.is_dead(name)
    child.wait()
    assert scratch.is_dead(name)


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert scratch.new("a").parent.stat().st_mode & 0o777 == 0o700
    uid = os.getuid()
    (tmp_path / f"corpusmill-scratch-{uid + 1}").mkdir()
    monkeypatch.setattr("os.getuid", lambda: uid + 1)
    with pytest.raises(RunError, match="belongs to another user: set TMPDIR"):
        scratch.new("a")
