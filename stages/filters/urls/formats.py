"""What the lines of each format of list are: texts as phrases, everything else as hashes, block by block."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq
import zstandard

from pipeline.errors import PlanError
from stages.filters.urls.files import lines as numbered
from stages.filters.urls.files import open_list, rows
from stages.filters.urls.phrases import search
from stages.text.buffers import view
from stages.urls.address import split_hosts
from stages.urls.normal import IN_WORDS, LETTERS, WORDS, letters, page, readable
from stages.urls.split import PATH, QUERY, SCHEME, START, STOP, Spans
from stages.urls.table import Hashes, Kind, hash_rows


class Entries(NamedTuple):
    """Some entries of a list."""

    kind: Kind
    hashes: Hashes
    scores: npt.NDArray[np.float64] | None = None


def domains(path: Path) -> Iterator[Entries]:
    """A host or domain a line. A line with a path or of no host is skipped."""
    for block in rows(path, hosts=True):
        yield Entries("domain", _domain_hashes(block)[0])


def named_hosts(names: list[str]) -> Iterator[Entries]:
    """Hosts that rules of another format spoke of."""
    if names:
        yield Entries("domain", _domain_hashes(pa.array(names, pa.string()))[0])


def _domain_hashes(block: pa.StringArray) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """Hashes of the rows that are hosts, and which they are."""
    _, spans, hosts = split_hosts(block, bare=True)
    good = hosts.valid & (spans[:, QUERY] <= spans[:, PATH] + 1)
    return hash_rows(hosts.data, hosts.offsets)[good], good


def pages(path: Path, kind: Kind, exact: bool) -> Iterator[Entries]:
    """An address a line, with or without scheme."""
    for block in rows(path):
        yield Entries(kind, _page_hashes(block, exact))


def _page_hashes(block: pa.StringArray, exact: bool) -> Hashes:
    if exact:
        texts = view(block)
        return hash_rows(texts.data, texts.offsets)
    texts, spans, hosts = split_hosts(block, bare=True)
    return hash_rows(*page(texts.data, spans, hosts.data, hosts.offsets))


def words(path: Path, exact: bool) -> Iterator[Entries]:
    """A word a line.

    Raises:
        PlanError: a line is not one word (with `exact`, what is no letter or digit is left out instead).
    """
    for block in rows(path):
        texts = view(block)
        spans = _whole(texts.offsets)
        if exact:
            form = letters(texts.data, spans)
        else:
            form, counts = readable(texts.data, spans)
            good = (counts[:, WORDS] == 1) & (counts[:, IN_WORDS] == counts[:, LETTERS])
            if not good.all():
                row = int(np.flatnonzero(~good)[0])
                line = (
                    texts.data[texts.offsets[row] : texts.offsets[row + 1]].tobytes().decode(errors="replace")
                )
                raise PlanError(f"{path}: {line!r} is not one word; a list of `substrings` takes it")
        yield Entries("word", hash_rows(*form)[np.diff(form[1]) > 0])


def _whole(offsets: npt.NDArray[np.int32]) -> Spans:
    """Spans that say nothing but where each row starts and stops."""
    spans = np.zeros((len(offsets) - 1, 11), np.int32)
    spans[:, START] = spans[:, SCHEME] = offsets[:-1]
    spans[:, STOP] = offsets[1:]
    return spans


def substrings(path: Path, exact: bool) -> Iterator[bytes]:
    """A text a line, in the form in which addresses are searched."""
    for block in rows(path):
        texts = view(block)
        spans = _whole(texts.offsets)
        data, ends = letters(texts.data, spans) if exact else readable(texts.data, spans)[0]
        for start, stop in pairwise(ends.tolist()):
            if start < stop:
                yield data[start:stop].tobytes()


def expressions(path: Path) -> Iterator[str]:
    """A regular expression a line.

    Raises:
        PlanError: one is none for RE2.
    """
    empty = pa.array([""], pa.string())
    for number, text in numbered(path):
        if not text.startswith("#"):
            try:
                search(empty, text)
            except pa.ArrowInvalid as error:
                raise PlanError(f"{path}:{number}: no regular expression for RE2: {error}") from error
            yield text


def scored(path: Path, key: str, score: str, by: str) -> Iterator[Entries]:
    """A table with an address or domain and a score in each row; rows without either are skipped.

    Raises:
        PlanError: not CSV, TSV, JSON lines or Parquet by its name, damaged, or without these columns.
    """
    try:
        for batch in _tables(path, [key, score]):
            keys, values = batch.column(key).cast(pa.string()), batch.column(score).cast(pa.float64())
            have = pc.and_(keys.is_valid(), pc.is_finite(pc.fill_null(values, np.nan)))
            keys, numbers = keys.filter(have), values.filter(have).to_numpy(zero_copy_only=False)
            if by == "domain":
                hashes, good = _domain_hashes(keys)
                yield Entries("domain", hashes, numbers[good])
            else:
                yield Entries("page", _page_hashes(keys, False), numbers)
    except (pa.ArrowException, KeyError, OSError, EOFError, zstandard.ZstdError, gzip.BadGzipFile) as error:
        raise PlanError(f"{path}: no columns {key!r} (text) and {score!r} (number): {error}") from error


def _tables(path: Path, columns: list[str]) -> Iterable[pa.RecordBatch]:
    kind = path.name.removesuffix(".gz").removesuffix(".zst").rpartition(".")[2]
    if kind == "parquet":
        yield from pq.ParquetFile(path).iter_batches(columns=columns)
        return
    with open_list(path) as file:
        if kind in ("csv", "tsv"):
            parsing = pa.csv.ParseOptions(delimiter="," if kind == "csv" else "\t")
            # Types are those of the columns, not what the first rows look like: a domain may be "1.5".
            types = {columns[0]: pa.string(), columns[1]: pa.float64()}
            wanted = pa.csv.ConvertOptions(include_columns=columns, column_types=types)
            yield from pa.csv.open_csv(file, parse_options=parsing, convert_options=wanted)
        elif kind in ("jsonl", "ndjson", "json"):
            schema = pa.schema([(columns[0], pa.string()), (columns[1], pa.float64())])
            parsing = pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
            yield from pa.json.open_json(file, parse_options=parsing)
        else:
            raise PlanError(f"{path}: a scored list is .csv, .tsv, .jsonl or .parquet, not .{kind}")
