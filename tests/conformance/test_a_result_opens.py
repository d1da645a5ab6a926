"""A finished run is opened by what people use: in no folder does a tool meet a file that is no document."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from pipeline.inline import InlineEngine
from pipeline.record import Record
from pipeline.run import Runner
from tests.toy import Count, Lines, Long, OnePerLetter, chain, recipe, write_lines

WEB = {"a.txt": "apple\n?\nab\nbanana\navocado\n#hash\nberry\ncherry\n", "b.txt": "citrus\ndate\nelder\n"}
BOOKS = {"c.txt": "fig\ngrape\nguava\napricot\nhoney\n"}
FOLDERS = ("documents/web", "documents/books", "dropped/web", "dropped/books")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sources, two passes, documents dropped in both."""
    folder = tmp_path_factory.mktemp("run")
    steps = (Count(), Long(), OnePerLetter(), Count(), Long(min_n_chars=5))
    sources = {
        name: Lines(paths=write_lines(folder / name, files), source=name)
        for name, files in (("web", WEB), ("books", BOOKS))
    }
    chains = [chain(source, *steps, name=name, shared=4) for name, source in sources.items()]
    Runner(recipe(folder / "out", *chains), InlineEngine(1, {}), lambda *_: None).run()
    return folder / "out"


@pytest.fixture(scope="module")
def rows(run: Path) -> dict[str, int]:
    """Rows of each folder, counted file by file."""
    return {
        folder: sum(pq.read_metadata(p).num_rows for p in (run / folder).glob("part-*.parquet"))
        for folder in FOLDERS
    }


def test_the_record_names_the_folders_and_counts_their_rows(run: Path, rows: dict[str, int]) -> None:
    record = Record.load(run)
    assert {
        f for folders in (record.documents, record.dropped) for mine in folders.values() for f in mine
    } == set(FOLDERS)
    assert record.rows == {"web": rows["documents/web"], "books": rows["documents/books"]}
    assert min(rows.values()) > 0
    came = {s.source: s.rows_in for s in reversed(record.steps)}
    assert {s: rows[f"documents/{s}"] + rows[f"dropped/{s}"] for s in record.documents} == came


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_opens_as_it_is(run: Path, rows: dict[str, int], folder: str, tmp_path: Path) -> None:
    import datasets

    path = run / folder
    loaded = datasets.load_dataset(str(path), split="train", cache_dir=str(tmp_path))
    assert {
        "pyarrow": pa.dataset.dataset(path).count_rows(),
        "pandas": len(pd.read_parquet(path)),
        "duckdb": _one(duckdb.sql(f"SELECT count(*) FROM '{path}/*.parquet'").fetchall()),
        "polars": pl.scan_parquet(path).collect().height,
        "datasets": len(loaded),
    } == dict.fromkeys(("pyarrow", "pandas", "duckdb", "polars", "datasets"), rows[folder])


def test_all_sources_open_with_one_pattern(run: Path, rows: dict[str, int]) -> None:
    kept = duckdb.sql(f"SELECT count(*) FROM '{run}/documents/*/*.parquet'").fetchall()
    assert _one(kept) == rows["documents/web"] + rows["documents/books"]
    assert pa.dataset.dataset(run / "documents").count_rows() == _one(kept)


@pytest.fixture(scope="module")
def spark() -> Iterator[object]:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").appName("result").config("spark.ui.enabled", "false")
    session = builder.config("spark.driver.bindAddress", "127.0.0.1").getOrCreate()
    yield session
    session.stop()


@pytest.mark.spark
def test_spark_opens_every_folder(run: Path, rows: dict[str, int], spark: object) -> None:
    counted = {folder: spark.read.parquet(str(run / folder)).count() for folder in FOLDERS}  # type: ignore[attr-defined]
    assert counted == rows


def _one(table: list[tuple[int, ...]]) -> int:
    return table[0][0]
