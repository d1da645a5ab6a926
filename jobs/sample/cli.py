"""`pipeline sample OUT`: a small corpus of real text from what is installed on this machine."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from jobs.sample import harvest
from jobs.sample.sources import Machine
from jobs.sample.write import Document, Files
from pipeline.cli import console
from pipeline.errors import PlanError, RunError
from pipeline.shards import fingerprint
from pipeline.store import read_json, write_json

VERSION = 2
"""Raise it when the same machine and settings give other files."""
MIN_DOCUMENTS = 40
SHARES = {"plaintext": 18, "readme": 12, "code": 20, "reference": 50}
"""Per cent of the documents; what a source cannot fill flows to the others."""


def sample(
    out: Annotated[Path, typer.Argument(help="folder to write to", show_default=False)],
    documents: Annotated[int, typer.Option(help="how many documents, at least 40")] = 2000,
    seed: Annotated[int, typer.Option(help="another seed, another choice")] = 0,
) -> None:
    """Write a small real corpus from what is on this machine, as WARC, WET and JSON lines.

    Documentation, source code, package descriptions and licences by many authors, from what Python and its
    packages bring along, with the near-duplicates that such text has. The same machine and settings give the
    same bytes.
    """
    if documents < MIN_DOCUMENTS:
        raise PlanError(f"--documents {documents}: four sources need at least {MIN_DOCUMENTS}")
    _make_folder(out)
    files = harvest.survey(harvest.roots())
    installed = fingerprint(sorted((name, file.n_bytes) for name, file in files.items()))
    settings = {"version": VERSION, "documents": documents, "seed": seed, "installed": installed}
    manifest = _already_there(out, settings)
    if manifest is None:
        try:
            manifest = build(out, Machine(files), settings)
        except OSError as error:
            raise RunError(f"writing to {out}: {error}") from error
    else:
        typer.echo(f"already there: {out}")
    _show(out, manifest)


def build(out: Path, machine: Machine, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Write the files and then their manifest, `sample.json`, which it returns."""
    (out / "sample.json").unlink(missing_ok=True)
    seed, documents = settings["seed"], settings["documents"]
    writers = {source: Files(out / source, source) for source in SHARES}
    streams = {source: machine.documents(source, seed) for source in SHARES}
    for source, document in draw(streams, documents):
        writers[source].add(document)
    sources = {}
    for source in sorted(SHARES):
        writers[source].flush()
        sources[source] = {"documents": 0, "bytes": 0, "content_bytes": 0, "files": writers[source].written}
        for key in ("documents", "bytes", "content_bytes"):
            sources[source][key] = sum(f[key] for f in writers[source].written)
    manifest = {"settings": settings, "python": sys.version.split()[0], "sources": sources}
    write_json(out / "sample.json", manifest)
    return manifest


def draw(streams: Mapping[str, Iterator[Document]], documents: int) -> Iterator[tuple[str, Document]]:
    """Up to `documents` documents by SHARES; what an exhausted source leaves open the others fill."""
    alive, missing = dict(SHARES), documents
    while missing and alive:
        for source, quota in apportion(missing, alive).items():
            taken = 0
            for document in itertools.islice(streams[source], quota):
                taken += 1
                yield source, document
            missing -= taken
            if taken < quota:
                del alive[source]


def apportion(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """`total` in integer parts proportional to `weights`, which sum to `total` exactly."""
    ends = [round(total * w / sum(weights.values())) for w in itertools.accumulate(weights.values())]
    return {name: end - start for name, start, end in zip(weights, [0, *ends], ends, strict=False)}


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise PlanError(f"{out} is, or lies under, a file: name a folder to write to") from error
    except OSError as error:
        raise PlanError(f"{out} cannot be made: {error.strerror}") from error
    if not os.access(out, os.W_OK | os.X_OK):
        raise PlanError(f"{out} is not a folder that you may write to")


def _already_there(out: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    path = out / "sample.json"
    if not path.is_file():
        return None
    manifest: dict[str, Any] = read_json(path)
    if manifest.get("settings") != settings:
        return None
    files = [f for source in manifest["sources"].values() for f in source["files"]]
    complete = all(
        (out / f["file"]).is_file() and (out / f["file"]).stat().st_size == f["bytes"] for f in files
    )
    return manifest if complete else None


def _show(out: Path, manifest: Mapping[str, Any]) -> None:
    table = Table(box=box.SIMPLE)
    for heading in ("source", "documents", "files", "on disk", "content", "first file"):
        table.add_column(
            heading, justify="left" if heading in {"source", "first file"} else "right", no_wrap=True
        )
    total = 0
    for name, source in manifest["sources"].items():
        megabytes = (f"{source[key] / 1e6:.1f} MB" for key in ("bytes", "content_bytes"))
        files = [f["file"].removeprefix(f"{name}/") for f in source["files"]]
        table.add_row(name, f"{source['documents']:,}", str(len(files)), *megabytes, *files[:1])
        total += source["documents"]
    console().print(table)
    typer.echo(f"{total:,} documents in {out}")
    if total < (asked := manifest["settings"]["documents"]):
        typer.echo(f"{total:,} of {asked:,} documents: this machine has no more")
