"""Runs that die at the n-th change of a store, each in a process of its own: `test_kill.py` starts this.

    python -m tests.pipeline.objects.dying OUTPUT INPUT FROM TO STEP

Prints, for each STEP-th n, the hash of a run of FROM that resumed after a run of TO died at the n-th change;
and last, the hash of TO. They begin where FROM is finished if it is another recipe.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.inline import InlineEngine
from pipeline.objects import transfer
from pipeline.objects.path import ObjectPath
from pipeline.run import Runner
from tests.toy import Count, Lines, Long, OnePerLetter, chain, recipe

importlib.import_module("s3fs")  # once, and not in each process
CHANGES = ("put", "put_file", "pipe_file", "copy", "rm", "rm_file")


def run(output: Path, folder: Path, min_n_chars: int) -> str:
    """A run of two passes with a query between them."""
    lines = tuple(map(str, sorted(folder.iterdir())))
    steps = (Count(), OnePerLetter(), Long(min_n_chars=min_n_chars))
    made = recipe(output, chain(Lines(paths=lines, source="toy"), *steps))
    return Runner(made, InlineEngine(1, {}), lambda *_: None).run().content_hash


def in_a_process(work: Callable[[], str]) -> str:
    """What it returns; empty if it was killed. Forked, since nothing here has started a thread."""
    ours, theirs = os.pipe()
    if (child := os.fork()) == 0:
        os.write(theirs, work().encode())
        os._exit(0)
    os.close(theirs)
    with open(ours) as answer:
        text = answer.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) in (0, -signal.SIGKILL)
    return text


def dying(n: int, work: Callable[[], str]) -> str:
    """Die right before the n-th change of the store."""
    call, left = ObjectPath.call, n

    def counted(self: ObjectPath, method: str, *args: Any, **more: Any) -> Any:
        nonlocal left
        left -= method in CHANGES
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(self, method, *args, **more)

    ObjectPath.call = counted  # type: ignore[method-assign]
    return work()


def main(output: ObjectPath, folder: Path, before: int, after: int, step: int) -> None:
    """Die at each change in turn."""
    transfer.CHUNK = 1  # objects move one by one
    place = output
    if before != after:
        in_a_process(partial(run, place, folder, before))
    for n in range(1, 200, step):
        place = output if before != after else output / str(n)
        survived = in_a_process(partial(dying, n, partial(run, place, folder, after)))
        sys.stdout.write(in_a_process(partial(run, place, folder, before)) + "\n")
        if survived:
            break
    sys.stdout.write(in_a_process(partial(run, place, folder, after)) + "\n")


if __name__ == "__main__":
    main(ObjectPath(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:6]))
