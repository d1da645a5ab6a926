"""What a run would do and cost: the plan printed, and a small trial of it scaled up."""

from __future__ import annotations

import resource
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from pipeline.config import Recipe
from pipeline.flow import admit, advance
from pipeline.ledger import Ledger, Stopwatch
from pipeline.plan import Track, make
from pipeline.stage import Relate, Source, Split

TRIAL_DOCUMENTS = 400
"""Documents tried of each source: enough for a mean, little enough to wait for."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """One source's run, predicted from its first documents."""

    source: str
    tried: int
    documents: float
    kept: float
    core_hours: float
    disk_bytes: float
    seconds_per_document: dict[str, float]


def show(recipe: Recipe, console: Console, trial: bool) -> None:
    """Print steps, columns, folders, what is reused and, after a trial, what it will cost."""
    plan = make(recipe.chains, recipe.file, recipe.shard_bytes)
    for track in plan.tracks:
        table = Table(
            title=f"{track.source}: {sum(map(len, track.splits))} splits in {len(track.splits)} tasks",
            title_justify="left",
            header_style="bold",
        )
        for heading in ("", "step", "fingerprint", "adds", "removes", "folder"):
            table.add_column(heading, overflow="fold")
        ends = {s.folder.name: s for s in track.segments}
        for i, named in enumerate(track.chain.named):
            name = f"{i:02d}-{named.use if not i else named.name}-{track.fingerprints[i]}"
            before = track.schemas[i - 1].names if i else []
            after = track.schemas[i].names
            folder = ends.get(name)
            reused = folder and (recipe.output / folder.folder / "manifest.json").exists()
            where = "" if not folder else f"{folder.folder}{' (reused)' if reused else ''}"
            adds = ", ".join(c for c in after if c not in before)
            removes = ", ".join(c for c in before if c not in after)
            table.add_row(f"{i:02d}", named.name, track.fingerprints[i], adds, removes, where)
        console.print(table)
    for section in recipe.sections:
        console.print(f"then {section.name}: {section}", soft_wrap=True, highlight=False)
    if trial:
        _show_forecasts([attempt(track) for track in plan.tracks], console)


def _show_forecasts(forecasts: Sequence[Forecast], console: Console) -> None:
    table = Table(title="predicted", title_justify="left", header_style="bold")
    for heading in (
        "source",
        "from",
        "documents",
        "kept",
        "core-hours",
        "disk",
        "slowest steps, ms a document",
    ):
        table.add_column(heading)
    for f in forecasts:
        slow = Counter(f.seconds_per_document).most_common(3)
        table.add_row(
            f.source,
            f"{f.tried} documents",
            f"{f.documents:,.0f}",
            f"{f.kept:,.0f}",
            f"{f.core_hours:.3g}",
            f"{f.disk_bytes / 2**20:,.1f} MiB",
            ", ".join(f"{name} {1000 * s:.2f}" for name, s in slow),
        )
    console.print(table)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    console.print(f"memory of a worker: from {peak:,.0f} MiB (this trial), more with larger splits")
    console.print("duplicates and what later queries drop are not in the prediction")


def attempt(track: Track) -> Forecast:
    """Run the first documents of the first split through all maps and filters, in this process."""
    watch, ledger = Stopwatch(), Ledger()
    source = track.chain.source
    assert isinstance(source.step, Source)
    splits = [split for task in track.splits for split in task]
    split = splits[0]
    head = _Head(admit(source, split, track.schemas[0], ledger))
    batches = watch.time(source.name, iter(head))
    for named, schema in zip(track.chain.steps, track.schemas[1:], strict=True):
        if isinstance(named.step, Relate):
            batches = watch.time(named.name, _keyed(named.step, batches, schema))
        else:
            batches = watch.time(named.name, advance(named, batches, schema, ledger))
    out = pa.Table.from_batches(list(batches), track.schemas[-1])
    read = ledger.rows_in[source.name]
    scale = _weight_of_all(splits) / max(1.0, head.weight(split, splits))
    dropped = sum(b.nbytes for name in ledger.reasons for b in ledger.dropped.batches(name))
    return Forecast(
        source=track.source,
        tried=read,
        documents=read * scale,
        kept=out.num_rows * scale,
        core_hours=sum(watch.seconds.values()) * scale / 3600,
        disk_bytes=(_parquet_bytes(out) + dropped / 3) * scale,  # text packs to about a third
        seconds_per_document={name: s / max(1, read) for name, s in watch.seconds.items()},
    )


class _Head:
    """The first documents of a split, and how much of it they were."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self.batches, self.rows, self.bytes, self.ended = batches, 0, 0, False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self.batches:
            taken = batch.slice(0, TRIAL_DOCUMENTS - self.rows)
            self.rows += len(taken)
            lengths = taken.column(taken.schema.get_field_index("length"))
            self.bytes += sum(n or 0 for n in lengths.to_pylist())
            yield taken
            if self.rows >= TRIAL_DOCUMENTS:
                return
        self.ended = True

    def weight(self, split: Split, splits: Sequence[Split]) -> float:
        """Bytes of the file that were read."""
        n_bytes = _weight(split, splits)
        return n_bytes if self.ended else min(n_bytes, float(self.bytes))


def _weight(split: Split, splits: Sequence[Split]) -> float:
    return split.size / sum(s.path == split.path for s in splits)


def _weight_of_all(splits: Sequence[Split]) -> float:
    return float(sum({s.path: s.size for s in splits}.values()))


def _keyed(step: Relate, batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Make the keys, for their cost, and pass the documents on as if all were kept."""
    for batch in batches:
        step.keys(batch)
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        arrays = [columns.get(f.name, pa.nulls(len(batch), f.type)) for f in schema]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _parquet_bytes(table: pa.Table) -> int:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=3)
    return int(sink.getvalue().size)
