"""Steps as a plan names them: a step with its name and lines in the recipe, and the folder of its keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipeline.errors import PlanError
from pipeline.record import StepSettings
from pipeline.stage import Filter, Map, Relate, Source, Step, Stream


@dataclass(frozen=True, kw_only=True)
class Named:
    """A step with the name it goes by in a plan."""

    name: str
    use: str
    step: Step
    line: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)
    """setting -> its line in the recipe"""

    def recorded(self) -> StepSettings:
        """As it stands in run.json."""
        settings = json.loads(json.dumps(asdict(self.step)))  # as it will be read back
        kinds = (k.__name__ for k in (Source, Map, Filter, Stream, Relate) if isinstance(self.step, k))
        return StepSettings(
            name=self.name, use=self.use, settings=settings, kind=next(kinds), makes=self.step.makes().names
        )

    def line_of(self, error: PlanError) -> int:
        """Where the recipe is wrong: a message that begins with a setting is about that one's line."""
        return self.lines.get(str(error).partition(":")[0], self.line)


@dataclass(frozen=True, kw_only=True)
class Key:
    """A relate step whose keys are written while its documents are, and the folder it works in."""

    named: Named
    folder: Path
