"""Where a document's tokens are in a run: the sequences they went to, and when the schedule shows those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from mixtures.schedule import Schedule
from pipeline.record import Record
from stages.tokens.format import TokenFolder
from stages.tokens.part import HELDOUT

MAX_SCHEDULE = 4_000_000
"""Sequences of a schedule that are searched through; a longer one is not."""
BLOCK = 1 << 18


def chunks(run: Path, record: Record, document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The chunks of one kept document: columns of the tokens folder, `part`, `number` and `held_out`.

    Tokens lie in a part for each shard of documents, under its name, so one file is looked at.
    """
    folder = TokenFolder.open(run / record.sections["tokens"]["folder"])
    name = f"{document['source']}/{Path(document['shard']).stem}"
    for held_out, path in ((False, name), (True, name.replace("/", f"/{HELDOUT}/"))):
        beside = (folder.path / path).with_suffix(".parquet")
        if not beside.exists():
            continue
        source = folder.manifest["sources"][document["source"]]
        parts = source[HELDOUT]["parts"] if held_out else source["parts"]
        file = f"{path}.bin"
        before = sum(p["n_sequences"] for p in parts[: [p["file"] for p in parts].index(file)])
        for chunk in pq.read_table(beside, filters=[("id", "=", document["id"])]).to_pylist():
            more = {"part": file, "number": before + chunk["sequence"], "held_out": held_out}
            yield chunk | more


def seen(run: Path, record: Record, source: str, sequence: int) -> list[int] | None:
    """The places in the run's schedule at which a sequence stands; None: no schedule, or too long a one."""
    if "mixture" not in record.sections:
        return None
    schedule = Schedule.load(run / record.sections["mixture"]["folder"] / "mixture.json")
    if source not in schedule.sources or len(schedule) > MAX_SCHEDULE:
        return None
    mine, places = schedule.sources.index(source), []
    for start in range(0, len(schedule), BLOCK):
        sources, numbers = _drawn(schedule, start)
        places += [start + int(i) for i in np.flatnonzero((sources == mine) & (numbers == sequence))]
    return places


@lru_cache(maxsize=16)
def _drawn(schedule: Schedule, start: int) -> tuple[Any, Any]:
    """A block of the schedule: a document has many sequences, and each is looked for in all of it."""
    return schedule.at(np.arange(start, min(start + BLOCK, len(schedule)), dtype=np.int64))
