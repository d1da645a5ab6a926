"""`run.json`: where a run's documents are and what happened to them. Written last, it means *finished*."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from pipeline.errors import PlanError
from pipeline.objects.path import ObjectPath
from pipeline.store import WORK, publish, read_json, write_json

FILE = "run.json"
FORMAT = 2
"""Raised when the file's fields change their meaning: runs of another format are refused, not misread."""


@dataclass(kw_only=True)
class StepCount:
    """What one step did to the documents of one source, added up over its shards."""

    source: str
    name: str
    rows_in: int = 0
    kept: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """reason -> documents, most frequent first; a document that fails two rules counts under both."""
    seconds: float = 0.0
    """Seconds of one core."""
    metrics: dict[str, float] = field(default_factory=dict)
    """What a relate step says of its own work."""

    def as_json(self) -> dict[str, Any]:
        """As it stands in run.json: rows that came in are `in`, which Python does not allow as a name."""
        value = {"in" if k == "rows_in" else k: v for k, v in asdict(self).items()}
        return value if self.metrics else {k: v for k, v in value.items() if k != "metrics"}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `as_json`."""
        return cls(**{"rows_in" if k == "in" else k: v for k, v in value.items()})


def add_into(total: dict[str, StepCount], source: str, steps: Iterable[Mapping[str, Any]]) -> None:
    """Add the step accounts of one shard to the counts of a pass, by name of the step.

    A sum has no order, so no engine can change it; steps keep the order in which they stand in a shard.
    """
    for step in steps:
        count = total.setdefault(step["name"], StepCount(source=source, name=step["name"]))
        count.rows_in += step["in"]
        count.kept += step["kept"]
        count.seconds += step["seconds"]
        for reason, n in step["dropped"].items():
            count.dropped[reason] = count.dropped.get(reason, 0) + n


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """A step as it ran: what it can be made from again, whatever became of the recipe."""

    name: str
    use: str
    settings: dict[str, Any]
    kind: str
    """`Source`, `Map`, `Filter`, `Stream` or `Relate`."""
    makes: list[str]
    """Columns that it adds or replaces."""


@dataclass(kw_only=True)
class Record:
    """One finished run. In the file, the results of sections stand beside these fields, under their names."""

    name: str
    recipe: str
    """Path of the recipe."""
    began: str
    """When it began, ISO 8601."""
    documents: dict[str, list[str]]
    """source -> folders of Parquet shards with the documents that were kept, relative to the run."""
    dropped: dict[str, list[str]]
    """The same of dropped documents; none: []."""
    rows: dict[str, int]
    """source -> documents kept."""
    content_hash: str
    """SHA-256 over the digests of all shards, kept and dropped."""
    steps: list[StepCount]
    settings: dict[str, list[StepSettings]]
    """source -> the source and its steps, in order."""
    peak_bytes: int = 0
    """The most memory that a worker held."""
    run_hash: str = ""
    """A hash of the content hashes of documents and of all sections."""
    seconds: float = 0.0
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    """section -> what it returned: `folder`, `content_hash` and figures of its own."""

    def as_json(self) -> dict[str, Any]:
        """As it stands in run.json."""
        plain = {k: v for k, v in vars(self).items() if k not in ("steps", "settings", "sections")}
        steps = {
            "steps": [s.as_json() for s in self.steps],
            "settings": {k: [asdict(s) for s in v] for k, v in self.settings.items()},
        }
        return {"format": FORMAT, **plain, **steps, **self.sections}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], run: object) -> Self:
        """The inverse of `as_json`; what is no field is a section.

        Raises:
            PlanError: it is of another version; names the `run`.
        """
        if value.get("format") != FORMAT:
            raise PlanError(f"{run} was made by another version, whose {FILE} is not like ours: run it again")
        mine = {f.name for f in fields(cls)} - {"sections", "steps", "settings"}
        known = {k: v for k, v in value.items() if k in mine}
        return cls(
            **known,
            steps=[StepCount.from_json(s) for s in value["steps"]],
            settings={k: [StepSettings(**s) for s in v] for k, v in value["settings"].items()},
            sections={k: v for k, v in value.items() if k not in {*mine, "format", "steps", "settings"}},
        )

    def write(self, run: Path) -> None:
        """Put it into a run's folder, as a link to a file in `_run` where there are links."""
        home = run if isinstance(run, ObjectPath) else run / WORK
        write_json(home / FILE, self.as_json())
        if home != run:
            publish({FILE: home / FILE}, run, FILE)

    @classmethod
    def load(cls, run: Path) -> Self:
        """The record of a finished run.

        Raises:
            PlanError: there is none, or it is of another version.
        """
        if not (run / FILE).is_file():
            raise PlanError(f"{run} holds no finished run (no {FILE}): start it with `pipeline run`")
        return cls.from_json(read_json(run / FILE), run)

    def shards(self, run: Path) -> dict[str, list[Path]]:
        """source -> the shards of its kept documents, in order."""
        return {s: list_shards(run / f for f in folders) for s, folders in self.documents.items()}


def list_shards(folders: Iterable[Path]) -> list[Path]:
    """Shards in some folders, each folder's in their order."""
    return [path for folder in folders for path in sorted(folder.glob("part-*.parquet"))]
