"""What can go wrong, as one tree.

    PipelineError                    the root: what the command line catches and prints
    ├── ConfigError                  the recipe is wrong; carries every problem found, each with its line
    ├── PlanError                    the steps do not fit together; raised before any data is read
    └── RunError                     a run that had begun could not go on
        ├── StepError                a step failed on a shard: names step, shard and cause
        ├── WorkerDied               the process working on a shard was killed
        ├── NothingLeft              a step dropped every document
        └── OutputBusy               another run is writing to the same output

Messages say where and what to do next. Exit codes: 2 for the user's recipe, 1 for a run that stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class PipelineError(Exception):
    """Anything this project raises on purpose."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a recipe."""

    file: str
    line: int
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.where}: {self.message}"


class ConfigError(PipelineError):
    """All problems of a recipe at once, in the order of their lines."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]):
        self.problems = sorted(problems, key=lambda p: p.line)
        super().__init__("\n".join(str(p) for p in self.problems))

    def __reduce__(self) -> tuple[type[ConfigError], tuple[list[Problem]]]:
        return ConfigError, (self.problems,)


class PlanError(PipelineError):
    """The steps do not fit together."""

    exit_code = 2


class RunError(PipelineError):
    """A run that had begun could not go on. Running the same command again resumes it."""


class StepError(RunError):
    """A step failed on a shard."""

    def __init__(self, step: str, shard: str, cause: str):
        self.step, self.shard, self.cause = step, shard, cause
        super().__init__(f"step {step!r} failed on shard {shard}: {cause}")

    def __reduce__(self) -> tuple[type[StepError], tuple[str, str, str]]:
        # The default would call __init__ with the message alone and fail in the parent process.
        return StepError, (self.step, self.shard, self.cause)


class WorkerDied(RunError):
    """The process working on a shard ended without an answer."""


class NothingLeft(RunError):
    """A step dropped every document it saw."""


class OutputBusy(RunError):
    """Another run holds the output folder."""
