"""Tasks of the tests in this folder, and a step whose query goes in rounds; workers import them by name."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

import pipeline
from pipeline.engine import Account
from pipeline.errors import StepError
from pipeline.schema import TEXT, column
from pipeline.stage import Look, Relate, Relation, Sql

PATIENCE_SECONDS = 60


def await_file(path: str) -> None:
    """Wait for another process; TimeoutError when it never comes."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not Path(path).exists():
        if time.monotonic() > end:
            raise TimeoutError(path)
        time.sleep(0.02)


def tries(marker: str) -> int:
    """How often a task noted that it runs."""
    return len(Path(marker).read_text().splitlines())


@dataclass(frozen=True, kw_only=True)
class Plain:
    """Tells about its worker."""

    name: str

    def run(self) -> Account:
        return {
            "name": self.name,
            "pid": os.getpid(),
            "threads": [os.environ.get("OMP_NUM_THREADS"), pa.cpu_count()],
            "package": pipeline.__file__,
            "ünï": [None, 1.5],
        }


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Makes one file, then waits for another."""

    name: str
    makes: str
    awaits: str

    def run(self) -> Account:
        Path(self.makes).touch()
        await_file(self.awaits)
        return {"name": self.name}


@dataclass(frozen=True, kw_only=True)
class Failing:
    """Fails as a step does, or as a program does; or its worker is killed, the first `kills` times."""

    name: str
    marker: str
    error: str = ""
    kills: int = 0

    def run(self) -> Account:
        with Path(self.marker).open("a") as file:
            file.write("tried\n")
        if self.error == "step":
            raise StepError("gopher_rules", self.name, "no column 'text'")
        if self.error == "program":
            raise ZeroDivisionError("by nought")
        if tries(self.marker) <= self.kills:
            os.kill(os.getpid(), signal.SIGKILL)
        return {"tries": tries(self.marker)}


CHAIN = column("chain", pa.int64(), "smallest document number reachable over shared letters")


@dataclass(frozen=True, kw_only=True)
class Chains(Relate):
    """Joins documents whose texts share their first or last letter, in as many rounds as it takes."""

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([CHAIN])
    key_columns: ClassVar[pa.Schema] = pa.schema([("letters", pa.list_(pa.int64()))])

    def keys(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        texts = pc.utf8_lower(batch["text"]).to_pylist()
        letters = [sorted({ord(t[0]), ord(t[-1])}) if t else [] for t in texts]
        return pa.RecordBatch.from_arrays(
            [pa.array(letters, self.key_columns[0].type)], schema=self.key_columns
        )

    def relate(self, keys: Relation, sql: Sql, look: Look) -> Relation:
        pairs = sql("SELECT doc, unnest(letters) AS letter FROM {keys}", keys=keys)
        labels = sql("SELECT DISTINCT doc, doc AS chain FROM {pairs}", pairs=pairs)
        changed = 1
        while changed:
            better = sql(
                "WITH heads AS (SELECT letter, min(chain) AS chain FROM {pairs} JOIN {labels} USING (doc) "
                "GROUP BY letter) "
                "SELECT doc, min(chain) AS chain FROM {pairs} JOIN heads USING (letter) GROUP BY doc",
                pairs=pairs,
                labels=labels,
            )
            changed = sql(
                "SELECT doc FROM {labels} l JOIN {better} b USING (doc) WHERE b.chain < l.chain",
                labels=labels,
                better=better,
            ).count()
            labels = better
        return sql("SELECT doc, NULL AS reason, chain FROM {labels} WHERE chain < doc", labels=labels)
