"""One run at a time on an object store, where no system holds a lock: who holds it shows that it lives.

Locks are numbered objects, and the highest holds. One is made only if there is none of its number, so of
two runs that want to follow the same one, one does. Its owner writes it again every few seconds. Whoever sees
one that does not change for a minute, or knows its owner to be dead, makes the next. Clocks of two machines
are never compared. An owner that could not show itself for as long stops: another may have taken over.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.errors import OutputBusy, RunError
from pipeline.objects import scratch
from pipeline.objects.path import ObjectPath

BEAT_SECONDS, LEASE_SECONDS = 15.0, 60.0
FOLDER = ".lock"


class Lease:
    """The lock of one run on an output."""

    def __init__(self, output: ObjectPath, waiting: Callable[[str], None]) -> None:
        self.folder, self.waiting = output / FOLDER, waiting
        self.number, self.beats = 0, 0
        self.shown = _now()
        self._stop, self._lost = threading.Event(), threading.Event()

    def take(self) -> None:
        """Become the highest.

        Raises:
            OutputBusy: another run lives.
        """
        try:
            before = self._highest()
        except FileNotFoundError as error:  # the bucket
            raise RunError(f"cannot write to {self.folder.parent.parent}: {error}") from error
        if before and (holder := self._read(before)) and not _is_over(holder):
            self._watch(before, holder)
        self.number = before + 1
        try:
            self.folder.call("pipe_file", str(self._path(self.number)), self._text(), mode="create")
        except FileExistsError:
            raise self._busy(self._read(self.number)) from None
        if (now := self._highest()) > self.number:  # we were slow: others have come and gone
            self._path(self.number).unlink()
            raise self._busy(self._read(now))
        for name in self.folder.below():
            if int(name) < self.number:
                (self.folder / name).unlink()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def _path(self, number: int) -> ObjectPath:
        return self.folder / f"{number:08d}"

    def _highest(self) -> int:
        return max(map(int, self.folder.below()), default=0)

    def _read(self, number: int) -> dict[str, Any] | None:
        try:
            value: dict[str, Any] = json.loads(self._path(number).read_text())
        except FileNotFoundError:
            return None
        return value

    def _text(self, over: bool = False) -> bytes:
        self.beats += 1
        who = f"process {os.getpid()} on {socket.gethostname()}"
        return json.dumps(
            {"who": who, "process": scratch.process(), "beat": self.beats, "over": over}
        ).encode()

    def _watch(self, number: int, holder: dict[str, Any]) -> None:
        """Wait as long as a lease lasts; OutputBusy as soon as its holder shows that it lives."""
        self.waiting(f"{holder['who']} held {self.folder.parent.parent}; looking whether it lives")
        until = _now() + LEASE_SECONDS
        while _now() < until:
            time.sleep(BEAT_SECONDS / 3)
            if (seen := self._read(number)) != holder:
                if seen and seen["over"]:
                    return
                raise self._busy(seen)

    def _busy(self, holder: dict[str, Any] | None) -> OutputBusy:
        who = holder["who"] if holder else "unknown"
        return OutputBusy(f"{self.folder.parent.parent} is held by another run ({who}); wait for it")

    def _live(self) -> None:
        """Show that we live, until it ends."""
        while not self._stop.wait(BEAT_SECONDS):
            began = _now()
            with contextlib.suppress(RunError):  # not reached: `check` counts the seconds
                if self._highest() != self.number:
                    self._lost.set()
                    return
                self.folder.call("pipe_file", str(self._path(self.number)), self._text())
                self.shown = began

    def check(self) -> None:
        """Raise OutputBusy where another run may have taken over."""
        if self._lost.is_set() or _now() - self.shown > LEASE_SECONDS:
            raise OutputBusy(
                f"{self.folder.parent.parent} may be another run's by now: this one could not show "
                f"for {LEASE_SECONDS:.0f} seconds that it lives; nothing is lost, the same command resumes"
            )

    def end(self) -> None:
        """Let go; the object stays, so that numbers grow."""
        self._stop.set()
        self._thread.join()
        with contextlib.suppress(RunError):
            self.check()
            self.folder.call("pipe_file", str(self._path(self.number)), self._text(over=True))


def _is_over(holder: dict[str, Any]) -> bool:
    return bool(holder["over"]) or scratch.is_dead(holder["process"])


def _now() -> float:
    """Seconds, those included in which the machine slept."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


@contextlib.contextmanager
def lease(output: ObjectPath, waiting: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    """Keep other runs off an output; what is yielded raises OutputBusy where that may have failed."""
    scratch.sweep()
    held = Lease(output, waiting)
    held.take()
    try:
        yield held.check
    finally:
        held.end()
        scratch.sweep()
