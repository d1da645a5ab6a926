"""A training in a process of its own: to be killed, or to be one rank of several.

python session.py TOKENS MIXTURE OUTPUT SETTINGS_JSON [KILL_AT_STEP]
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from pydantic import TypeAdapter

from jobs.train.config import TrainSettings
from jobs.train.loop import train


def main(tokens: str, mixture: str, output: str, settings: str, kill_at: str = "-1") -> None:
    def progress(done: int, total: int) -> None:
        if done == int(kill_at):
            os.kill(os.getpid(), signal.SIGKILL)

    train(
        TypeAdapter(TrainSettings).validate_json(settings),
        tokens=Path(tokens),
        mixture=Path(mixture),
        output=Path(output),
        progress=progress,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
