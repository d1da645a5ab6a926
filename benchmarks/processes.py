"""Runs of other processes, watched: seconds, and the most memory all of them held together."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

NAME = "planted"
EVERY = 0.25
"""Seconds between looks."""


@dataclass
class Watched:
    """What a command took."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    """Of it and its descendants: what tells most where other work runs beside."""
    peak_bytes: int = 0
    """Proportional set size (a page that n processes share counts 1/n in each) of it and its descendants."""
    peak_disk: int = 0
    """Of the folder that was watched."""
    lines: list[tuple[float, str]] = field(default_factory=list)
    """Standard output: seconds since the start, and the line."""

    @property
    def gigabytes(self) -> float:
        return self.peak_bytes / 1e9


def watch(command: Sequence[object], folder: Path | None = None) -> Watched:
    """Run a command as a fresh process to its end.

    Raises:
        SystemExit: it failed; with what it wrote to standard error, which is else not shown.
    """
    found = Watched()
    began, cpu = time.perf_counter(), _cpu_seconds()
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        over = threading.Event()
        looker = threading.Thread(target=_look, args=(process.pid, folder, found, over))
        looker.start()
        assert process.stdout
        for line in process.stdout:
            found.lines.append((time.perf_counter() - began, line))
        process.wait()
        found.seconds = time.perf_counter() - began
        over.set()
        looker.join()
        found.cpu_seconds = max(found.cpu_seconds, _cpu_seconds() - cpu)
        if process.returncode:
            errors.seek(0)
            raise SystemExit(f"{errors.read()}{' '.join(map(str, command))} ended with {process.returncode}")
    return found


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _look(pid: int, folder: Path | None, found: Watched, over: threading.Event) -> None:
    used: dict[int, float] = {}
    while not over.wait(EVERY):
        family = _family(pid)
        used |= family
        found.peak_bytes = max(found.peak_bytes, sum(map(_resident, family)))
        # Nobody waits for the workers of a fork server, so that they are missing in what the system adds up.
        found.cpu_seconds = sum(used.values())
        if folder:
            found.peak_disk = max(found.peak_disk, size(folder))


def _family(pid: int) -> dict[int, float]:
    """A process and all that it started, and they: the CPU seconds of each."""
    parents, used = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The name in parentheses may hold spaces.
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended
            parents[int(entry.name)] = int(fields[1])
            used[int(entry.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return {member: used.get(member, 0.0) for member in family}


def _resident(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def size(folder: Path) -> int:
    """Bytes on disk of all files below."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except OSError:
            continue  # it is gone
    return total


@dataclass
class Run:
    """A finished `pipeline run`."""

    watched: Watched
    phases: dict[str, float]
    """What it worked on, in order, and for how many seconds; `start` is the interpreter and all imports."""
    record: dict[str, Any]
    """Its run.json."""
    output: Path

    def folders(self) -> tuple[Path, list[Path]]:
        """(kept documents, dropped ones)"""
        (kept,) = self.record["documents"][NAME]
        return self.output / kept, [self.output / folder for folder in self.record["dropped"][NAME]]


def run(
    paths: str, settings: dict[str, Any], output: Path, workers: int, memory: str, engine: str = "local"
) -> Run:
    """`pipeline run` of a Parquet source through `minhash_dedup`, from the beginning, into `output`."""
    shutil.rmtree(output, ignore_errors=True)
    file = recipe(paths, settings, output, memory)
    flags = ["--engine", engine, "--workers", workers, "--json"]
    watched = watch([sys.executable, "-m", "pipeline", "run", file, *flags])
    record = json.loads(watched.lines[-1][1])["record"]
    return Run(watched, phases(watched), record, output)


def warm(settings: dict[str, Any], home: Path) -> None:
    """Have the kernels compiled that a run with these settings needs: they are kept on disk."""
    texts = [" ".join(f"w{i * j % 97}" for j in range(200)) for i in range(20)]
    pq.write_table(pa.table({"id": list(map(str, range(20))), "text": texts}), home / "warm.parquet")
    run(f"{home}/warm.parquet", settings, home / "warm", 1, "1GB")


def phases(watched: Watched) -> dict[str, float]:
    """Time until a piece of work is done belongs to it, and before it begins to what is still under way."""
    spent: dict[str, float] = {}
    open_, since, passes = ["start, end"], 0.0, 0
    for at, line in watched.lines:
        event = json.loads(line)
        label = event.get("label", "start, end")
        if label == NAME:
            passes += event["done"] == 0
            label = "read, sign, write" if passes == 1 else "apply, write"
        begins = event.get("done") == 0
        work = open_[-1] if begins or event["event"] == "done" else label
        spent[work] = spent.get(work, 0.0) + at - since
        since = at
        if begins:
            open_.append(label)
        elif label in open_[1:] and event["done"] == event["total"]:
            open_.remove(label)
    spent["start, end"] += watched.seconds - since
    return spent


def recipe(paths: str, settings: dict[str, Any], output: Path, memory: str) -> Path:
    """The recipe beside its output."""
    text = {
        "name": NAME,
        "source": {"use": "parquet", "with": {"paths": paths}},
        "steps": [{"use": "minhash_dedup", "with": settings}],
        "engine": {"local": {"memory": memory}},
        "output": str(output),
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    file = output.with_suffix(".yaml")
    file.write_text(yaml.safe_dump(text))
    return file
