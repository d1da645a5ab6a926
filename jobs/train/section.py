"""The recipe's section `train:`. torch is imported when it runs, not when the recipe is read."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jobs.train.config import RunSettings, TrainSettings
from pipeline.errors import PlanError
from pipeline.section import Context, Section


@dataclass(frozen=True, kw_only=True)
class Train(Section, TrainSettings):
    """Train a language model on the mixture.

    Source: ModelSettings and OptimizerSettings name the papers.
    Not implemented: sharded optimizers, export to other formats, schedules other than cosine.
    """

    name = "train"
    after = ("tokens", "mixture")
    requires = ("tokens", "mixture")
    same_bytes = False  # between machines: sums of floats depend on the kernels that add them

    def check(self, sources: list[str]) -> None:
        """Raise PlanError for settings that do not go together, or where torch is missing."""
        if problems := list(self.model.problems()):
            raise PlanError("; ".join(problems))
        if find_spec("torch") is None:
            raise PlanError("training needs torch: pip install 'corpusmill[train]'")

    def fingerprint(self, *upstream: str) -> str:
        """As for any section, but without `run`, which does not decide what model comes out."""
        return super(Train, dataclasses.replace(self, run=RunSettings())).fingerprint(*upstream)

    def folder(self, context: Context) -> Path:
        """Where this training lies in the run."""
        upstream = (context.record.sections[section]["content_hash"] for section in self.requires)
        return context.output / f"train-{self.fingerprint(*upstream)}"

    def execute(self, context: Context) -> dict[str, Any]:
        """Train, resume, or find it done."""
        from jobs.train.loop import train

        return train(
            self,
            tokens=context.output / context.record.sections["tokens"]["folder"],
            mixture=context.output / context.record.sections["mixture"]["folder"],
            output=self.folder(context),
            progress=lambda done, total: context.progress("train", done, total),
        )
