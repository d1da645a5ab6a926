"""Documents at paths that a setting names: the one place that says what such a path means.

    runs/first                   output of a finished run: what it kept, a source for each of its sources
    runs/first/documents/web     a folder of Parquet files, or of such folders, one for each source
    books.parquet                files or patterns, read by their endings: Parquet, JSON lines, WARC, WET
    s3://bucket/crawl/*.warc.gz  all of it may be remote

Who asks gets sources such as recipes have, and reads their splits where it likes.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Sequence

from pipeline.errors import PlanError
from pipeline.record import FILE as RUN_FILE
from pipeline.record import Record
from pipeline.shards import fingerprint
from pipeline.stage import Source
from stages.ingest.files import Files, TableFiles
from stages.ingest.jsonl import Jsonl
from stages.ingest.parquet import Parquet
from stages.ingest.paths import expand, is_pattern, is_remote, local_path, matches, open_file
from stages.ingest.warc import Warc, Wet

COMPRESSED: dict[str, type[Files]] = {
    ".jsonl": Jsonl,
    ".ndjson": Jsonl,
    ".json": Jsonl,
    ".warc": Warc,
    ".wet": Wet,
}
"""Endings of files that may also be compressed."""
READERS: dict[str, type[Files]] = {
    ".parquet": Parquet,
    **{ending + packed: reader for ending, reader in COMPRESSED.items() for packed in ("", ".gz", ".zst")},
}
"""Ending of a file -> what reads it."""


def documents(paths: str | Sequence[str], *, keep: tuple[str, ...] = (), source: str = "") -> list[Source]:
    """Sources for the documents at each of the paths, in their order; no file is read twice.

    `keep` names columns beyond those of every document. The column `source` holds the name of a run's source,
    or else the path as it was written; with `source`, that stands before it, as in `against:books.parquet`.

    Raises:
        PlanError: nothing is there, it is of no known kind, or it cannot have a column of `keep`.
    """
    made: list[Source] = []
    seen: set[str] = set()
    for path in [paths] if isinstance(paths, str) else paths:
        for name, patterns in _patterns(path).items():
            files = expand(patterns)
            readers = {file: _reader(file) for file in files}
            for reader in dict.fromkeys(readers.values()):
                own = [f for f in files if readers[f] is reader and f not in seen]
                seen.update(own)
                if own:
                    # Patterns travel with every task, a list of very many files should not.
                    chosen = tuple(patterns if len(own) == len(files) else own)
                    made.append(_source(reader, chosen, f"{source}:{name}" if source else name, keep))
    return made


def stamp(sources: Sequence[Source]) -> str:
    """A hash that changes when the files do: 12 hex digits, for the fingerprint of who reads them."""
    return fingerprint([(s.path, s.start, s.stop, s.size, s.stamp) for f in sources for s in f.splits()])


def _reader(file: str) -> type[Files]:
    for ending, reader in READERS.items():
        if file.endswith(ending):
            return reader
    known = [".parquet", *(f"{ending}[.gz|.zst]" for ending in COMPRESSED)]
    raise PlanError(f"{file}: its ending does not say what it is; known: {', '.join(known)}")


def _source(reader: type[Files], paths: tuple[str, ...], name: str, keep: tuple[str, ...]) -> Source:
    if issubclass(reader, TableFiles):
        return reader(paths=paths, source=name, keep=keep)
    made = reader(paths=paths, source=name)
    if missing := [k for k in keep if k not in made.makes().names]:
        raise PlanError(f"{', '.join(paths)}: {reader.__name__} files have no column {missing[0]!r}")
    return made


def _patterns(path: str) -> dict[str, list[str]]:
    """Name of a source -> the files or patterns that a path stands for.

    Raises:
        PlanError: it is a folder that holds no documents.
    """
    if not _is_folder(path):
        return {path: [path]}
    folder = path.rstrip("/")
    if matches([_inside(folder, RUN_FILE)]):
        kept = {name: [f"{folder}/{f}" for f in folders] for name, folders in _kept(folder).items()}
        return {name: [_inside(f, "*.parquet") for f in folders] for name, folders in kept.items() if folders}
    if matches([_inside(folder, "*.parquet")]):
        return {path: [_inside(folder, "*.parquet")]}
    within = {file.rsplit("/", 2)[-2] for file in matches([_inside(folder, "*/*.parquet")])}
    if names := sorted(name for name in within if not name.startswith(("_", "."))):
        return {name: [_inside(f"{folder}/{name}", "*.parquet")] for name in names}
    raise PlanError(
        f"{path} holds no documents: it is not the output of a finished run, for it has no {RUN_FILE}, "
        "and neither it nor the folders in it hold Parquet files"
    )


def _is_folder(path: str) -> bool:
    """Whether a path is one; in a store, which has names alone, whether it is no file that can be read."""
    if not is_remote(path):
        return local_path(path).is_dir()
    return not is_pattern(path) and not (path.endswith(tuple(READERS)) and matches([path]))


def _inside(folder: str, pattern: str) -> str:
    """A pattern of files in this folder, whatever characters are in its name."""
    return f"{folder if is_remote(folder) else glob.escape(folder)}/{pattern}"


def _kept(run: str) -> dict[str, list[str]]:
    """Name of a source -> folders with the documents that a run kept of it, relative to the run."""
    with open_file(f"{run}/{RUN_FILE}") as file:
        try:
            return Record.from_json(json.load(file), run).documents
        except (ValueError, AttributeError) as error:
            raise PlanError(f"{run}/{RUN_FILE} is not what a run writes: {error}") from error
