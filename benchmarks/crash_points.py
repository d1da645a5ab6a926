"""Kill a run of several sources before every one of its file-system steps, once each, and resume it.

    python -m benchmarks.crash_points                     # every rename, write, unlink, …
    python -m benchmarks.crash_points --trial back        # killed while a changed recipe runs
    python -m benchmarks.crash_points --every 10 --lanes 2

Trials: `resume`; `change` (killed, then run with another threshold, then with the first again); `back`
(finished, killed with another threshold, then run with the first, then with the other); `input` (finished,
killed with another input of the same size, then run with the first). What is compared: the content hash and
every published file; and nothing temporary may be left.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import count
from multiprocessing import get_context
from pathlib import Path

from tests.crash.points import TRIALS, Trials, at_each


def lane(name: str, first: int, every: int) -> tuple[dict[str, int], list[str]]:
    """Trials at steps first, first + every, …: how many were killed by kind of step, and what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        trials = Trials(Path(folder))
        at_each(trials, name, count(first, every))
        return dict(trials.killed), trials.wrong


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trial", choices=[*TRIALS, "all"], default="resume")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=2)
    given = parser.parse_args(arguments)
    wrong = []
    for name in TRIALS if given.trial == "all" else [given.trial]:
        began, killed = time.monotonic(), Counter[str]()
        lanes = [(name, 1 + i * given.every, given.lanes * given.every) for i in range(given.lanes)]
        with ProcessPoolExecutor(given.lanes, get_context("spawn")) as pool:
            for kinds, mine in pool.map(lane, *zip(*lanes, strict=True)):
                killed.update(kinds)
                wrong += mine
        kinds_text = ", ".join(f"{n} {kind}" for kind, n in killed.most_common())
        print(
            f"{name}: {killed.total()} killed in {time.monotonic() - began:.0f} s ({kinds_text})", flush=True
        )
    print("\n".join(wrong) or "all equal, nothing left")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
