"""Documents to compare with that are not the run's own: outputs of other runs, reference sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import PlanError
from pipeline.shards import fingerprint, read_json
from pipeline.stage import Source
from stages.ingest.jsonl import Jsonl
from stages.ingest.parquet import Parquet


def sources(paths: str | Sequence[str]) -> list[Source]:
    """A source for each of the paths.

    Raises:
        PlanError: nothing is there, or a folder is not the output of a finished run.
    """
    found: list[Source] = []
    for path in [paths] if isinstance(paths, str) else paths:
        if Path(path).is_dir():
            found += _documents(Path(path))
        else:
            reader = Parquet if path.endswith(".parquet") else Jsonl
            found.append(reader(paths=path, source=f"against:{path}"))
    for source in found:
        source.splits()  # says what is missing
    return found


def stamped(found: Sequence[Source]) -> str:
    """Changes when the files do."""
    return fingerprint([(s.path, s.start, s.stop, s.size, s.stamp) for f in found for s in f.splits()])


def _documents(run: Path) -> list[Source]:
    """What a run kept, a source at a time."""
    if not (run / "run.json").is_file():
        raise PlanError(f"against: {run} is not the output of a finished run, for it has no run.json")
    folders = read_json(run / "run.json")["documents"]
    named = folders.items() if isinstance(folders, dict) else [(str(run), folders)]
    return [
        Parquet(paths=str(run / folder / "part-*.parquet"), source=f"against:{name}")
        for name, folder in named
    ]
