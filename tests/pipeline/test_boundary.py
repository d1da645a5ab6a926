"""The command's one boundary: a line and an exit code for whatever ends it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from pipeline import boundary
from pipeline.errors import PlanError, RunError


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """The process goes on after what would have been its end."""
    before = {s: signal.getsignal(s) for s in boundary.STOPPING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def raising(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (PlanError("no such column"), 2, "no such column\n"),
        (RunError("a worker died"), 1, "a worker died\n"),
        (KeyboardInterrupt(), 130, "stopped; the same command resumes\n"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, ""),
        (MemoryError(), 1, "memory ran out; fewer --workers need less\n"),
        (duckdb.IOException("IO Error: no\nstack"), 1, "query failed: IO Error: no\n"),
        (PermissionError(errno.EACCES, "Permission denied", "a/b"), 1, "a/b: Permission denied\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "a/b"),
            1,
            "a/b: No space left on device; make room, and the same command goes on\n",
        ),
        (SystemExit(3), 3, ""),
        (SystemExit(None), 0, ""),
    ],
)
def test_what_is_expected_is_one_line(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    assert boundary.guarded(raising(error)) == code
    assert capsys.readouterr().err == said


def test_a_bug_is_said_with_its_place_and_shown_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(boundary.TRACEBACK, raising=False)
    assert boundary.guarded(raising(KeyError("a\nb"))) == 1
    said = capsys.readouterr().err
    assert said.startswith("KeyError: 'a\\nb' (tests.pipeline.test_boundary:")
    assert said.endswith("this is a bug: please report it, with what CORPUSMILL_TRACEBACK=1 shows\n")
    assert said.count("\n") == 1
    monkeypatch.setenv(boundary.TRACEBACK, "1")
    boundary.guarded(raising(PlanError("no")))
    assert capsys.readouterr().err.startswith("Traceback (most recent call last):\n")


def test_the_place_is_ours_where_a_library_raised(capsys: pytest.CaptureFixture[str]) -> None:
    from pipeline.store import read_json

    assert boundary.guarded(lambda: read_json(Path(__file__))) == 1
    assert "(pipeline.store:" in capsys.readouterr().err


@pytest.mark.parametrize("number", boundary.STOPPING)
def test_signals_stop_with_their_code(capsys: pytest.CaptureFixture[str], number: signal.Signals) -> None:

    def waiting() -> None:
        os.kill(os.getpid(), number)
        time.sleep(9)

    assert boundary.guarded(waiting) == 128 + number
    assert capsys.readouterr().err == "stopped; the same command resumes\n"


def test_a_library_that_makes_another_error_of_a_signal(capsys: pytest.CaptureFixture[str]) -> None:
    def command() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(9)
        except boundary.Stopped:
            raise RuntimeError("Query interrupted") from None

    assert boundary.guarded(command) == 143
    assert capsys.readouterr().err == "stopped; the same command resumes\n"


def test_what_nohup_ignores_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    assert boundary.guarded(lambda: os.kill(os.getpid(), signal.SIGHUP)) == 0
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


STUCK = """
import os, signal, sys, threading, time
import duckdb
from pipeline import boundary

def command():
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    if sys.argv[1] == "query":
        duckdb.connect().execute("SELECT count(*) FROM range(3000000) a, range(300000) b WHERE a.range * b.range % 7 = 3")
    try:
        time.sleep(9)
    finally:
        time.sleep(99)  # as a library that does not come back

boundary.GRACE_SECONDS = 1
sys.exit(boundary.guarded(command))
"""  # noqa: E501


@pytest.mark.parametrize("how", ["query", "library"])
def test_nothing_keeps_a_process_from_its_end(how: str) -> None:
    """DuckDB makes an error of its own of a signal, and now and then does not come back from it."""
    done = subprocess.run([sys.executable, "-c", STUCK, how], timeout=30, capture_output=True, text=True)
    assert done.returncode in (143, -signal.SIGTERM)
    assert done.stderr in ("stopped; the same command resumes\n", "")


def test_a_second_signal_ends_at_once() -> None:
    twice = STUCK.replace("GRACE_SECONDS = 1", "GRACE_SECONDS = 99").replace(
        "time.sleep(99)", "os.kill(os.getpid(), signal.SIGINT); time.sleep(99)"
    )
    done = subprocess.run(
        [sys.executable, "-c", twice, "library"], timeout=30, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("stages | head -n 1", 0, ""),
        ("stages gopher_rules | true", 0, ""),
        ("stages > /dev/full", 1, "No space left on device; make room, and the same command goes on\n"),
        ("stages >&-", 0, ""),
        ("report / 2>&-", 2, ""),
    ],
)
def test_where_the_output_goes(line: str, code: int, said: str) -> None:
    """A pipe nobody reads, a full disk, and none at all; never a traceback."""
    done = subprocess.run(
        ["bash", "-c", f"exec {sys.executable} -m pipeline {line}" if "|" not in line else
         f"{sys.executable} -m pipeline {line}"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == code
    assert done.stderr.endswith(said)
    assert done.stderr.count("\n") <= 1
