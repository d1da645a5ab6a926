"""How long `whatif` and `explain` take on the ledger of a large run.

    python benchmarks/ledger.py RUN --documents 1000000 --change gopher_rules.min_n_words=100

The large run is a finished one with its documents many times over, under other ids and URLs; texts are cut,
since neither command reads them but for the documents it shows. Times are of whole processes, the
interpreter's start and all imports included; best and worst of several.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.record import Record

ROWS = 16384
"""Of a shard."""
GROUP = 4096
"""Rows of a Parquet row group, as 32 MiB of web text come to."""
TEXT_CHARS = 400


def tile(run: Path, output: Path, n_documents: int) -> dict[str, int]:
    """Write a run like `run` with `n_documents`; documents of each folder keep their share."""
    record = Record.load(run)
    if len(record.documents) > 1:
        raise SystemExit("a run of one source, please")
    (source,) = record.documents
    folders = [*record.dropped[source], *record.documents[source]]
    tables = {f: pq.read_table(run / f) for f in folders}
    times = n_documents / sum(map(len, tables.values()))
    rows = {}
    for folder, table in tables.items():
        rows[folder] = round(len(table) * times)
        write(table, output / folder, rows[folder])
    record.sections = {}  # they are of the small run
    record.write(output)
    return rows


def write(table: pa.Table, folder: Path, n_rows: int) -> None:
    """`n_rows` rows as shards: the table again and again, each round under other ids."""
    folder.mkdir(parents=True, exist_ok=True)
    short = pc.utf8_slice_codeunits(table["text"], 0, TEXT_CHARS)
    table = table.set_column(table.schema.get_field_index("text"), "text", short)
    repeated = pa.concat_tables([numbered(table, i) for i in range(-(-n_rows // len(table)))]).slice(
        0, n_rows
    )
    for part, start in enumerate(range(0, n_rows, ROWS)):
        shard = repeated.slice(start, ROWS)
        path = folder / f"part-{part:05d}.parquet"
        pq.write_table(shard, path, compression="zstd", compression_level=3, row_group_size=GROUP)


def numbered(table: pa.Table, round_: int) -> pa.Table:
    """The table with ids and URLs of its own."""
    for name in ("id", "url"):
        values = pc.binary_join_element_wise(table[name], pa.scalar(str(round_)), "#")
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)
    return table


def timed(*arguments: Any, times: int) -> tuple[float, float, str]:
    """(best, worst) seconds of a `pipeline` command as a process, and what it printed last."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        command = [sys.executable, "-m", "pipeline", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - began)
    return min(seconds), max(seconds), done.stdout


def main() -> None:
    """Build, time, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--change", default="gopher_rules.min_n_words=100")
    parser.add_argument("--sweep", default="gopher_rules.min_n_words=50:500:10")
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        large = Path(scratch) / "run"
        rows = tile(given.run, large, given.documents)
        size = sum(f.stat().st_size for f in large.rglob("*.parquet"))
        print(f"{sum(rows.values()):,} documents, {size:,} bytes")
        last = sorted((large / list(rows)[-1]).glob("part-*.parquet"))[-1]
        wanted = pq.read_table(last, columns=["id"])["id"][-1].as_py()
        commands = {
            f"whatif {given.change}": ("whatif", large, given.change),
            f"whatif --sweep {given.sweep}": ("whatif", large, "--sweep", given.sweep),
            "explain ID": ("explain", large, wanted),
            "(--help: start and imports)": ("--help",),
        }
        for name, command in commands.items():
            best, worst, _ = timed(*command, times=given.times)
            print(f"{name:<60} {best:6.2f} s  ({worst:.2f})")


if __name__ == "__main__":
    main()
