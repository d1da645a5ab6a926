"""Whole processes, from typing a command to the prompt: what start-up costs, and what is left of our speed.

    python benchmarks/startup.py [DATA] [--pages N …] [--repeats N] [--documents N] [--no-rivals]

First the commands that do nothing yet, then a run of N pages of WARC through extraction, Gopher, repetition,
C4, FineWeb and MinHash with one and two workers beside datatrove's blocks for the same (trafilatura as in its
own examples, four executors for MinHash; it needs faust-cchardet and python-magic), then `whatif`, `explain`
on a run of a million documents. All caches are warm: each command runs once before it is timed. The median of
the repeats counts, which are interleaved; CPU seconds are those of all processes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from processes import watch
from reading import pages, write

STEPS = (
    {"use": "extract_html"}, {"use": "gopher_signals"}, {"use": "gopher_rules"},
    {"use": "repetition_signals"}, {"use": "repetition_rules"}, {"use": "c4_lines"}, {"use": "c4_rules"},
    {"use": "fineweb_signals"}, {"use": "fineweb_rules"}, {"use": "minhash_dedup"},
)  # fmt: skip
PIPELINE = (sys.executable, "-m", "pipeline")
WORDS = (
    "the", "history", "of", "river", "and", "its", "people", "to", "whom", "that", "water", "with", "music",
    "have", "written", "letters", "from", "every", "season", "between", "mountains", "be", "remembered",
)  # fmt: skip


def with_datatrove(warc: Path, out: Path, workers: int) -> None:
    """Its blocks from WARC to deduplicated documents."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.extractors import Trafilatura
    from datatrove.pipeline.filters import (
        C4QualityFilter,
        FineWebQualityFilter,
        GopherQualityFilter,
        GopherRepetitionFilter,
    )
    from datatrove.pipeline.readers import ParquetReader, WarcReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.hashing import HashConfig
    from loguru import logger

    logger.remove()
    hashing = HashConfig(hash_fc="sha1", precision=64)  # its default asks for an older xxhash
    config, text = MinhashConfig(hash_config=hashing), str(out / "text")
    work = {name: str(out / name) for name in ("signatures", "buckets", "remove")}
    first = [
        WarcReader(str(warc.parent), glob_pattern=warc.name),
        Trafilatura(timeout=10),
        GopherQualityFilter(), GopherRepetitionFilter(), C4QualityFilter(), FineWebQualityFilter(),
        ParquetWriter(text),
    ]  # fmt: skip
    stages: list[tuple[list[Any], int]] = [
        (first, 1),
        ([ParquetReader(text), MinhashDedupSignature(work["signatures"], config=config)], 1),
        ([MinhashDedupBuckets(work["signatures"], work["buckets"], config=config)], config.num_buckets),
        ([MinhashDedupCluster(work["buckets"], work["remove"], config=config)], 1),
        ([ParquetReader(text), MinhashDedupFilter(work["remove"]), ParquetWriter(str(out / "documents"))], 1),
    ]
    for number, (steps, tasks) in enumerate(stages):
        logs = str(out / "logs" / str(number))
        LocalPipelineExecutor(steps, tasks=tasks, workers=min(tasks, workers), logging_dir=logs).run()


def table(commands: dict[str, Sequence[object]], repeats: int) -> None:
    """One line for each command: median seconds, and CPU seconds."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for turn in range(repeats + 1):
        for name, command in commands.items():
            watched = watch(command)
            if turn:  # the first warms caches
                taken[name].append((watched.seconds, watched.cpu_seconds))
    for name, runs in taken.items():
        seconds, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"{name:<44}{seconds:>8.2f} s{cpu:>8.2f} s of CPU")


def run_recipe(home: Path, warc: Path) -> Path:
    """The recipe over some pages."""
    file = home / f"{warc.name.partition('.')[0]}.yaml"
    source = {"use": "warc", "with": {"paths": [str(warc)]}}
    file.write_text(
        yaml.safe_dump({"name": "web", "source": source, "steps": [*STEPS], "output": str(home / "out")})
    )
    return file


def fresh(command: Sequence[object], *folders: Path) -> list[object]:
    """The command, its results removed before; that takes no time worth counting."""
    return ["bash", "-c", f'rm -rf {" ".join(map(str, folders))}; exec "$@"', "-", *command]


def corpus(home: Path, n: int) -> Path:
    """A finished run over `n` made documents with signals and rules: what people ask about afterwards."""
    rows = 50_000
    for part in range(0, n, rows):
        chosen = random.Random(part)
        texts = [" ".join(chosen.choices(WORDS, k=40 + i % 60)) + "." for i in range(min(rows, n - part))]
        ids = [str(part + i) for i in range(len(texts))]
        home.joinpath("made").mkdir(exist_ok=True)
        pq.write_table(pa.table({"id": ids, "text": texts}), home / "made" / f"{part:09d}.parquet")
    recipe = {
        "name": "made",
        "source": {"use": "parquet", "with": {"paths": f"{home}/made/*.parquet"}},
        "steps": [
            {"use": "gopher_signals"},
            {"use": "gopher_rules"},
            {"use": "repetition_signals"},
            {"use": "repetition_rules"},
        ],
        "output": str(home / "large"),
    }
    file = home / "large.yaml"
    file.write_text(yaml.safe_dump(recipe))
    watch([*PIPELINE, "run", file, "--workers", os.cpu_count() or 1])
    return home / "large"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--pages", type=int, nargs="*", default=[10, 250, 1000, 4000])
    parser.add_argument("--documents", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--no-rivals", action="store_true")
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for n in given.pages:
            write(home / f"pages-{n}.warc.gz", islice(pages(given.data, n + 4), n))
        files = {n: run_recipe(home, home / f"pages-{n}.warc.gz") for n in given.pages}
        first = next(iter(files.values()))
        simple: dict[str, Sequence[object]] = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "pipeline --help": [*PIPELINE, "--help"],
            "pipeline stages": [*PIPELINE, "stages"],
            "pipeline plan --no-trial": fresh([*PIPELINE, "plan", first, "--no-trial"], home / "out"),
        }
        table(simple, given.repeats)
        for n, file in files.items():
            runs: dict[str, Sequence[object]] = {
                f"run of {n} pages, {w} workers": fresh(
                    [*PIPELINE, "run", file, "--workers", w], home / "out"
                )
                for w in (1, 2)
            }
            if not given.no_rivals:
                theirs = [
                    sys.executable,
                    __file__,
                    "datatrove",
                    home / f"pages-{n}.warc.gz",
                    home / "theirs",
                    2,
                ]
                runs[f"datatrove, {n} pages, 2 workers"] = fresh(theirs, home / "theirs")
            table(runs, given.repeats if n < 1000 else 1)
        if given.documents:
            run = corpus(home, given.documents)
            rows = json.loads((run / "run.json").read_text())["rows"]
            print(f"a run of {given.documents:,} documents, {rows['made']:,} kept")
            asked = [*PIPELINE, "whatif", run, "gopher_rules.min_n_words=60"]
            told = [*PIPELINE, "explain", run, str(given.documents // 2)]
            table({"pipeline whatif": asked, "pipeline explain": told}, given.repeats)


if __name__ == "__main__":
    if sys.argv[1:2] == ["datatrove"]:
        with_datatrove(Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
