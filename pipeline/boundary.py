"""Where a command ends, however it does: what went wrong in the driver as one line, and an exit code.

    0          it did what it was to do
    1          it could not go on, or nobody reads its output; or a bug of ours, which is said with its place
    2          the recipe or the command line is wrong
    128 + n    signal n stopped it: Ctrl-C (130), SIGTERM (143), SIGHUP (129)

`CORPUSMILL_TRACEBACK=1` shows the traceback as well. Workers have their own: `pipeline.task.perform`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pipeline.errors import PipelineError

TRACEBACK = "CORPUSMILL_TRACEBACK"
PACKAGES = ("pipeline", "stages", "classifiers", "mixtures", "jobs")
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 20.0
"""From the signal to the end: less than the 30 that Slurm and Kubernetes give before they kill."""
ADVICE = {
    errno.ENOSPC: "; make room, and the same command goes on",
    errno.EDQUOT: "; make room, and the same command goes on",
    errno.EMFILE: "; allow more open files (ulimit -n)",
}


class Stopped(BaseException):
    """A signal asks to end. No KeyboardInterrupt: libraries have ideas of their own about that."""

    received = 0
    """Number of the signal, for libraries that make another exception of this one (DuckDB does)."""


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Make signals that ask a process to end raise `Stopped`, but for those it was to ignore (nohup).

    A second one ends it at once, and so does the first where a library does not come back in time.
    """
    Stopped.received, deadline = 0, []
    ours = [s for s in STOPPING if signal.getsignal(s) != signal.SIG_IGN]

    def stop(number: int, frame: object) -> None:
        _leave(ours)
        deadline.append(threading.Timer(GRACE_SECONDS, os.kill, (os.getpid(), number)))
        deadline[0].daemon = True
        deadline[0].start()
        Stopped.received = number
        raise Stopped

    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        _leave(ours)
        for timer in deadline:
            timer.cancel()


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Signals that come within come afterwards, so that no process is left half started and unknown.

    A mask would not do: the system gives a signal to any thread that has none.
    """
    came: list[int] = []
    handlers: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number in STOPPING:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                handlers[number] = signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for heard, handler in handlers.items():
            signal.signal(heard, handler)
        for late in came:
            signal.raise_signal(late)


def _leave(signals: Sequence[signal.Signals]) -> None:
    """Leave signals to the system, which ends the process whatever it does."""
    for number in signals:
        signal.signal(number, signal.SIG_DFL)


def guarded(command: Callable[[], Any]) -> int:
    """Run a command; returns its exit code."""
    code, said = 0, ""
    try:
        with stopped_by_signals():
            try:
                command()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            if sys.stdout is not None:
                sys.stdout.flush()  # what is held back is written while it can still fail with a message
    except BaseException as error:  # noqa: BLE001  the one boundary of the driver
        code, said = described(error)
        if os.environ.get(TRACEBACK):
            said = "".join(traceback.format_exception(error)) + said
        _give_up_output()
    if said and sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(f"{said}\n")
            sys.stderr.flush()
    return code


def _give_up_output() -> None:
    """Keep Python from writing at its end what a full disk or a closed pipe has refused."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def described(error: BaseException) -> tuple[int, str]:
    """Exit code for what ended a command, and what is said of it."""
    if Stopped.received or isinstance(error, KeyboardInterrupt):
        return 128 + (Stopped.received or signal.SIGINT), "stopped; the same command resumes"
    if isinstance(error, PipelineError):
        return error.exit_code, str(error)
    if isinstance(error, BrokenPipeError):
        return 1, ""
    if isinstance(error, MemoryError):
        return 1, "memory ran out; fewer --workers need less"
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}" if error.filename is not None else f"reading or writing ({_place(error)})"
        return 1, f"{where}: {error.strerror}{ADVICE.get(error.errno or 0, '')}"
    duckdb = sys.modules.get("duckdb")
    if duckdb and isinstance(error, duckdb.Error):
        return 1, f"query failed: {str(error).partition(chr(10))[0]}"
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return 1, f"{what} ({_place(error)}); this is a bug: please report it, with what {TRACEBACK}=1 shows"


def _place(error: BaseException) -> str:
    """Module and line of ours where it came from, else of the library."""
    frames = [(f.f_globals.get("__name__", "?"), line) for f, line in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if frame[0].partition(".")[0] in PACKAGES and frame[0] != __name__]
    module, line = [*frames, *ours][-1] if frames else ("?", 0)
    return f"{module}:{line}"
