from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.spark.engine import SparkEngine
from jobs.spark.sql import SparkQueries, SparkRelation, spark_type, transpile
from pipeline.duck import DuckRelation, DuckSession
from pipeline.errors import RunError
from pipeline.local import LocalEngine
from pipeline.schema import DOC, ROW_BITS
from pipeline.sql import bucket
from pipeline.stage import Relation
from pipeline.steps import Named
from pipeline.verdicts import Verdicts
from tests.toy import OnePerLetter

KEYS = pa.schema([
    DOC, ("hash", pa.int64()), ("bands", pa.list_(pa.int64())), ("host", pa.string()),
    ("score", pa.float64()), ("rank", pa.int32()), ("kept", pa.bool_()),
])  # fmt: skip


def loading(folder: Path, width: int) -> Verdicts:
    return Verdicts(named=Named(name="x", use="x", step=OnePerLetter()), folder=folder, width=width)


def keys(shard: int, n: int) -> pa.Table:
    """Narrow rows with nulls, negative and large numbers, equal and near-equal values."""
    rows = [
        {
            "doc": (shard << ROW_BITS) + i,
            "hash": None if i % 13 == 0 else ((i * 7919 + shard) % 31 - 15) << 50,
            "bands": None if i % 17 == 0 else [(i * j) % 9 - 4 for j in range(i % 4)],
            "host": None if i % 11 == 0 else f"{'äbc'[i % 3]}.example",
            "score": None if i % 7 == 0 else (i % 10) / 10,
            "rank": i % 6 - 2,
            "kept": None if i % 5 == 0 else i % 2 == 0,
        }
        for i in range(n)
    ]
    return pa.Table.from_pylist(rows, KEYS)


def write(folder: Path, *sizes: int) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"part-{s:05d}.parquet" for s in range(len(sizes))]
    for shard, (file, n) in enumerate(zip(files, sizes, strict=True)):
        pq.write_table(keys(shard, n), file)
    return files


def saved(folder: Path) -> pa.Table:
    """What `save` wrote, in the order of documents."""
    return pa.concat_tables([pq.ParquetFile(f).read() for f in sorted(folder.glob("*/*.parquet"))]).sort_by(
        "doc"
    )


@pytest.mark.parametrize(
    ("duckdb", "spark"),
    [
        ("SELECT doc // 4294967296 AS s FROM t", "SELECT doc DIV 4294967296 AS s FROM t"),
        ("SELECT unnest(bands) AS b FROM t", "SELECT EXPLODE(bands) AS b FROM t"),
        ("SELECT a / b FROM t", "SELECT CAST(a AS DOUBLE) / CAST(b AS DOUBLE) FROM t"),
        (
            "SELECT a / b / c FROM t",
            "SELECT CAST(CAST(a AS DOUBLE) / CAST(b AS DOUBLE) AS DOUBLE) / CAST(c AS DOUBLE) FROM t",
        ),
        ("FROM t", "SELECT * FROM t"),
        ("SELECT * FROM a ANTI JOIN b USING (x)", "SELECT * FROM a ANTI JOIN b USING (x)"),
        ("SELECT list_sort(list(x)) AS l FROM t", "SELECT ARRAY_SORT(COLLECT_LIST(x)) AS l FROM t"),
    ],
)  # fmt: skip
def test_transpile(duckdb: str, spark: str) -> None:
    assert transpile(duckdb) == spark


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT list(x ORDER BY y) FROM t", "write list_sort"),
        ("SELECT array_agg(x ORDER BY x) FILTER (WHERE x > 1) FROM t", "write list_sort"),
        ("SELECT CAST(a / b AS BIGINT) FROM t", "rounded"),
        ("SELECT ((a + 1) / 2)::INT FROM t", "rounded"),
    ],
)
def test_query_that_spark_would_answer_otherwise_is_refused(query: str, why: str) -> None:
    with pytest.raises(RunError, match=why) as caught:
        transpile(query)
    assert query in str(caught.value)


@pytest.mark.parametrize(
    ("duckdb", "spark"),
    [
        ("BIGINT", "BIGINT"), ("INTEGER", "INT"), ("VARCHAR", "STRING"), ("DOUBLE", "DOUBLE"),
        ("BLOB", "BINARY"), ("BIGINT[]", "ARRAY<BIGINT>"),
        ("STRUCT(a INTEGER, b VARCHAR)", "STRUCT<a: INT, b: STRING>"),
        ("DECIMAL(10,2)", "DECIMAL(10, 2)"), ("HUGEINT", "DECIMAL(38, 0)"), ('"NULL"', "INT"),
    ],
)  # fmt: skip
def test_types(duckdb: str, spark: str) -> None:
    assert spark_type(duckdb) == spark


QUERIES = dict(
    block.split("\n", 1)
    for block in Path(__file__).with_name("queries.sql").read_text().split("-- name: ")[1:]
)
"""What stages may write."""


Sides = tuple[DuckSession, Relation, SparkQueries, Relation]


@pytest.fixture(scope="module")
def sides(
    spark: SparkEngine, local: LocalEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sides]:
    """The same keys in a session of either engine."""
    folder = tmp_path_factory.mktemp("sessions")
    files = write(folder / "keys", 60, 0, 41)
    with local.session(folder / "duck") as duck, spark.session(folder / "spark") as sparks:
        assert isinstance(duck, DuckSession)
        assert isinstance(sparks, SparkQueries)
        yield duck, duck.read(files), sparks, sparks.read(files)


@pytest.mark.spark
@pytest.mark.parametrize("name", QUERIES)
def test_queries_agree(sides: Sides, name: str) -> None:
    """Names, types and values are those of DuckDB."""
    duck, duck_keys, sparks, spark_keys = sides
    theirs = duck(QUERIES[name], k=duck_keys)
    ours = sparks(QUERIES[name], k=spark_keys)
    assert isinstance(theirs, DuckRelation)
    assert isinstance(ours, SparkRelation)
    expected = duck.connection.sql(f"FROM {theirs.name}").to_arrow_table()
    found = pa.concat_tables([pq.ParquetFile(f).read() for f in ours.files])
    assert found.column_names == expected.column_names
    assert [plain(t) for t in found.schema.types] == [plain(t) for t in expected.schema.types]
    assert rows(found) == rows(expected)
    assert ours.count() == theirs.count() == len(found)
    assert len(found) or name == "nothing"


def plain(type: pa.DataType) -> pa.DataType:
    """Without what does not matter: names of list items, the type of nothing."""
    if pa.types.is_list(type):
        return pa.list_(type.value_type)
    return pa.int32() if pa.types.is_null(type) else type


def rows(table: pa.Table) -> list[str]:
    return sorted(map(str, table.to_pylist()))


@pytest.mark.spark
def test_verdicts_lie_where_the_runner_looks(spark: SparkEngine, local: LocalEngine, tmp_path: Path) -> None:
    files = write(tmp_path / "keys", 30, 0, 20, 10, 5)
    query = "SELECT doc, CASE WHEN kept THEN 'kept' END AS reason, bands FROM {k} WHERE rank <> 0"
    for name, engine in (("spark", spark), ("local", local)):
        with engine.session(tmp_path / ".session") as sql:
            sql.save(sql(query, k=sql.read(files)), tmp_path / name, 3)
            sql.save(sql(query, k=sql.read(files)), tmp_path / name, 3)  # takes the place of the first
        assert not (tmp_path / ".session").exists()
    for shard in range(5):
        found, expected = (loading(tmp_path / name, 3).load(shard) for name in ("spark", "local"))
        assert rows(found) == rows(expected)
        assert len(found) or shard == 1
    buckets = sorted(p.name for p in (tmp_path / "spark").iterdir())
    assert buckets == sorted({f"bucket={bucket(shard, 3)}" for shard in (0, 2, 4)})
    assert [len(list((tmp_path / "spark" / b).iterdir())) for b in buckets] == [1] * len(buckets)


@pytest.mark.spark
def test_empty_inputs_and_results(spark: SparkEngine, tmp_path: Path) -> None:
    with spark.session(tmp_path / ".session") as sql:
        nothing = sql.read(write(tmp_path / "keys", 0, 0))
        assert nothing.count() == 0
        result = sql("SELECT doc, max(score) AS s FROM {k} GROUP BY doc", k=nothing)
        assert result.count() == 0
        assert sql("SELECT count(*) AS n FROM {r} JOIN {r} q USING (doc)", r=result).count() == 1
        sql.save(result, tmp_path / "verdicts", 4)
        with pytest.raises(RunError, match="query failed"):
            sql.read([])
    assert (tmp_path / "verdicts").is_dir()
    assert not list((tmp_path / "verdicts").rglob("*"))
    assert loading(tmp_path / "verdicts", 4).load(0) is None


@pytest.mark.spark
@pytest.mark.parametrize("name", ["a=1 [x] {y} % %20 # ä 'q' ?* b,c\\d", "a:b c"])
def test_folders_of_any_name(spark: SparkEngine, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    files = write(folder / "run=7", 9, 4)
    with spark.session(folder / ".session") as sql:
        relation = sql.read(files)
        result = sql("SELECT * FROM {r} WHERE doc >= 0", r=relation)
        assert (relation.count(), result.count()) == (13, 13)
        sql.save(result, folder / ".verdicts.tmp", 2)
    assert sorted(p.name for p in folder.iterdir()) == [".verdicts.tmp", "run=7"]
    assert saved(folder / ".verdicts.tmp").column_names == KEYS.names


@pytest.mark.spark
def test_many_files(spark: SparkEngine, tmp_path: Path) -> None:
    files = write(tmp_path / "keys", *[1] * 1200)
    with spark.session(tmp_path / ".session") as sql:
        relation = sql.read(files)
        assert relation.count() == 1200
        assert sql("SELECT DISTINCT doc // 4294967296 AS s FROM {r}", r=relation).count() == 1200


@pytest.mark.spark
def test_relation_nobody_refers_to_is_released(spark: SparkEngine, tmp_path: Path) -> None:
    files = write(tmp_path / "keys", 5)
    with spark.session(tmp_path / ".session") as sql:
        assert isinstance(sql, SparkQueries)
        relation = sql.read(files)
        for _ in range(3):
            relation = sql("SELECT * FROM {r} WHERE doc >= 0", r=relation)
        assert len(list((tmp_path / ".session").iterdir())) == 2  # the one before goes with the next call
        del relation
        last = sql.read(files)
        assert list((tmp_path / ".session").iterdir()) == []
        assert len(sql.spark.catalog.listTables()) == 1
        assert last.count() == 5
    assert files[0].exists()
    del last


@pytest.mark.spark
@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT nope FROM {k}", 'Referenced column "nope" not found'),
        ("SELEC doc FROM {k}", "syntax error"),
        ("SELECT doc FROM {k} ORDER BY", "syntax error"),
        ("SELECT doc + 9223372036854775807 AS x FROM {k}", "on Spark: .*ARITHMETIC_OVERFLOW"),
        ("SELECT CAST(host AS BIGINT) AS x FROM {k}", "on Spark: .*CAST_INVALID_INPUT"),
        ("SELECT doc % (rank - rank) AS x FROM {k}", "on Spark: .*ZERO"),
    ],
)
def test_failed_query_is_told_with_its_text(
    sides: Sides, query: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """And fails on DuckDB too: neither turns a value that does not fit into a null."""
    duck, duck_keys, sparks, spark_keys = sides
    with pytest.raises(RunError, match=why) as caught:
        sparks(query, k=spark_keys)
    assert query.partition("{")[0] in str(caught.value)
    assert "\tat " not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    with pytest.raises(duckdb.Error):
        duck(query, k=duck_keys)


@pytest.mark.spark
def test_sessions_share_nothing(spark: SparkEngine, tmp_path: Path) -> None:
    files = write(tmp_path / "keys", 5)
    with spark.session(tmp_path / "a") as first, spark.session(tmp_path / "b") as second:
        one, five = first("SELECT 1 AS x"), second("SELECT * FROM {k}", k=second.read(files))
        assert (one.count(), five.count()) == (1, 5)
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()
