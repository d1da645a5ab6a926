"""One run at a time on an output: a lock of the system's, which it lets go of however the process ends.

An object store has none; see `pipeline.objects.lease`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.errors import OutputBusy, RunError
from pipeline.objects.lease import lease
from pipeline.objects.path import ObjectPath


@contextlib.contextmanager
def hold(output: Path, waiting: Callable[[str], None] = print) -> Iterator[Callable[[], None]]:
    """Keep other runs off an output. The system lets go of it however the process ends.

    What is yielded raises OutputBusy where that may have failed; `waiting` gets a line about what takes long.

    Raises:
        OutputBusy: another run holds it.
    """
    if isinstance(output, ObjectPath):
        with lease(output, waiting) as check:
            yield check
        return
    try:
        output.mkdir(parents=True, exist_ok=True)
        file = (output / ".lock").open("a+")
    except OSError as error:
        raise RunError(f"cannot write to {output}: {error}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = file.read().strip() or "unknown"
            raise OutputBusy(f"{output} is held by another run (process {who}); wait for it") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield lambda: None
