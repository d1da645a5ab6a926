from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from jobs.spark.engine import SparkEngine
from pipeline.config import Recipe
from pipeline.engine import Each
from pipeline.errors import NothingLeft, StepError, WorkerDied
from pipeline.local import LocalEngine
from pipeline.run import Runner
from tests import toy
from tests.jobs.spark.tasks import Chains, Failing, Meeting, Plain, tries

pytestmark = pytest.mark.spark


def test_engine_takes_its_settings_but_starts_nothing_yet() -> None:
    engine = SparkEngine(3, {"memory": "2g"})
    assert engine.workers == 3
    assert list(engine.map(Each(), [])) == []
    engine.close()


def test_a_cluster_does_not_see_the_temporary_folders_of_this_machine() -> None:
    assert SparkEngine(2, {}).one_machine
    assert SparkEngine(2, {"master": "local[4]"}).one_machine
    assert not SparkEngine(2, {"master": "spark://host:7077"}).one_machine
    assert not SparkEngine(2, {"conf": {"spark.master": "yarn"}}).one_machine


def test_each_task_answers_once_under_its_index(spark: SparkEngine) -> None:
    answers = dict(spark.map(Each(), [Plain(name=f"part-{i}") for i in range(23)]))
    assert {i: a["name"] for i, a in answers.items()} == {i: f"part-{i}" for i in range(23)}
    assert 1 <= len({a["pid"] for a in answers.values()}) <= 2
    assert all(a["threads"] == ["1", 1] and a["ünï"] == [None, 1.5] for a in answers.values())


def test_as_many_tasks_at_a_time_as_workers(spark: SparkEngine, tmp_path: Path) -> None:
    """Each waits for the other, so one after the other they would never end."""
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    met = list(
        spark.map(Each(), [Meeting(name="a", makes=a, awaits=b), Meeting(name="b", makes=b, awaits=a)])
    )
    assert sorted(i for i, _ in met) == [0, 1]


def test_accounts_come_while_others_still_work(spark: SparkEngine, tmp_path: Path) -> None:
    """The second task ends only after the driver has had the account of the first."""
    done = tmp_path / "seen"
    answers = spark.map(
        Each(), [Meeting(name="slow", makes=str(tmp_path / "x"), awaits=str(done)), Plain(name="quick")]
    )
    assert next(answers)[0] == 1
    done.touch()
    assert next(answers)[0] == 0
    assert next(answers, None) is None


def test_error_of_a_task_is_ours_is_not_tried_again_and_stops_the_rest(
    spark: SparkEngine, tmp_path: Path
) -> None:
    marker, go = str(tmp_path / "tried"), tmp_path / "go"
    rest = [Meeting(name=f"r{i}", makes=str(tmp_path / f"r{i}"), awaits=str(go)) for i in range(8)]
    try:
        with pytest.raises(StepError) as caught:
            list(spark.map(Each(), [Failing(name="web/part-00000", marker=marker, error="step"), *rest]))
    finally:
        go.touch()
    assert (caught.value.step, caught.value.shard) == ("gopher_rules", "web/part-00000")
    assert str(caught.value) == "step 'gopher_rules' failed on shard web/part-00000: no column 'text'"
    assert tries(marker) == 1
    assert len(list(tmp_path.glob("r*"))) < len(rest)
    assert len(list(spark.map(Each(), [Plain(name="after")]))) == 1


def test_error_of_a_program_names_task_and_line(spark: SparkEngine, tmp_path: Path) -> None:
    tasks = [Failing(name="web/part-00007", marker=str(tmp_path / "m"), error="program"), Plain(name="b")]
    with pytest.raises(
        StepError, match=r"shard web/part-00007: ZeroDivisionError: by nought \(tasks.py:\d+\)$"
    ):
        list(spark.map(Each(), tasks))


def test_killed_worker_is_survived(spark: SparkEngine, tmp_path: Path) -> None:
    tasks = [Plain(name="a"), Failing(name="b", marker=str(tmp_path / "m"), kills=1), Plain(name="c")]
    answers = dict(spark.map(Each(), tasks))
    assert answers[1] == {"tries": 2}
    assert set(answers) == {0, 1, 2}


def test_worker_killed_each_time_is_told_with_its_shard(spark: SparkEngine, tmp_path: Path) -> None:
    marker = str(tmp_path / "m")
    tasks = [
        *(Plain(name=f"p{i}") for i in range(5)),
        Failing(name="web/part-00005", marker=marker, kills=99),
    ]
    with pytest.raises(
        WorkerDied, match=r"worker on shard web/part-00005 died 4 times .*again to resume"
    ) as caught:
        list(spark.map(Each(), tasks))
    assert "\tat " not in str(caught.value)
    assert tries(marker) == 4


def test_map_left_early_leaves_the_engine_usable(spark: SparkEngine, tmp_path: Path) -> None:
    go = tmp_path / "go"
    answers = spark.map(
        Each(), [Plain(name="a"), Meeting(name="b", makes=str(tmp_path / "b"), awaits=str(go))]
    )
    assert next(answers)[0] == 0
    answers.close()  # type: ignore[attr-defined]
    go.touch()
    assert len(list(spark.map(Each(), [Plain(name="a"), Plain(name="b")]))) == 2


def line(file: int, i: int) -> str:
    """Texts of many letters and lengths; some are damaged (`?`) or unwanted (`#`)."""
    first, last = "abcdefghijklmnop"[(file * 7 + i * i) % 16], "klmnopqrst"[(file + i) % 10]
    return "?" if i % 12 == 6 else f"{first}{'xyz#'[i % 4]}{'ö' * (i % 6)}{last}"


LINES = {f"in-{f}.txt": "".join(f"{line(f, i)}\n" for i in range(40)) for f in range(4)} | {"in-9.txt": ""}


def make_recipe(folder: Path, output: Path, shard_bytes: int = 1) -> Recipe:
    """Two sources, with files in common and an empty one; two queries over both, one of them in rounds."""
    paths = toy.write_lines(folder, LINES)
    common = (toy.Long(min_n_chars=3), toy.Compare(against=paths[3:]), toy.OnePerLetter(), Chains())
    news = toy.chain(toy.Lines(paths=paths[:2]), toy.Count(), *common, name="news", shared=3)
    web = toy.chain(toy.Lines(paths=paths[1:]), toy.Count(), *common, name="web", shared=3)
    return toy.recipe(output, news, web, shard_bytes=shard_bytes)


def run(recipe: Recipe, engine: SparkEngine | LocalEngine) -> dict[str, object]:
    record = Runner(recipe, engine, lambda label, done, total: None).run()
    return {k: getattr(record, k) for k in ("content_hash", "run_hash", "rows")}


def digests(output: Path) -> dict[str, str]:
    """Of every shard, kept and dropped."""
    shards = [p for p in output.rglob("part-*.parquet") if not {"keys", "verdicts"} & set(p.parts)]
    return {str(p.relative_to(output)): hashlib.sha256(p.read_bytes()).hexdigest() for p in shards}


def test_same_bytes_as_the_local_engine(spark: SparkEngine, local: LocalEngine, tmp_path: Path) -> None:
    recipes = {name: make_recipe(tmp_path / "in", tmp_path / name) for name in ("one", "two", "spark")}
    one = LocalEngine(1, {})
    try:
        expected = run(recipes["one"], one)
    finally:
        one.close()
    assert run(recipes["two"], local) == expected
    assert run(recipes["spark"], spark) == expected
    shards = digests(tmp_path / "spark")
    assert shards == digests(tmp_path / "one") == digests(tmp_path / "two")
    assert len(shards) > 20
    assert all(n > 0 for n in expected["rows"].values())  # type: ignore[attr-defined]


def test_small_shards_are_put_together_as_locally(
    spark: SparkEngine, local: LocalEngine, tmp_path: Path
) -> None:
    made = [
        run(make_recipe(tmp_path / "in", tmp_path / name, 1 << 10), engine)
        for name, engine in (("local", local), ("spark", spark))
    ]
    assert made[0] == made[1]
    assert len(list((tmp_path / "spark" / "documents" / "web").iterdir())) == 1


def test_spark_finishes_what_the_local_engine_began(
    spark: SparkEngine, local: LocalEngine, tmp_path: Path
) -> None:
    recipe = make_recipe(tmp_path / "in", tmp_path / "out")
    expected = run(recipe, local)
    before = digests(tmp_path / "out")
    last = max(p for p in (tmp_path / "out" / "_run" / "web").iterdir() if p.is_dir())
    lost = [*last.glob("part-00001.*"), *last.glob("manifest.json")]
    assert len(lost) == 3
    for path in lost:
        path.unlink()
    assert run(recipe, spark) == expected
    assert digests(tmp_path / "out") == before


def test_step_that_drops_all_is_told_as_on_the_local_engine(spark: SparkEngine, tmp_path: Path) -> None:
    paths = toy.write_lines(tmp_path / "in", {"a.txt": "ab\ncd\n", "b.txt": "ef\n"})
    chain = toy.chain(toy.Lines(paths=paths), toy.Count(), toy.Long(min_n_chars=99))
    with pytest.raises(NothingLeft, match=r"dropped all 3 documents of 'toy': min_n_chars \(3\)"):
        run(toy.recipe(tmp_path / "out", chain), spark)


def test_killed_worker_changes_no_byte(spark: SparkEngine, local: LocalEngine, tmp_path: Path) -> None:
    """The worker is killed while its shard is half written; Spark tries again, and nobody can tell."""
    paths = toy.write_lines(tmp_path / "in", LINES)
    once = tmp_path / "killed"

    def recipe(name: str) -> Recipe:
        chain = toy.chain(
            toy.Lines(paths=paths), toy.Count(), toy.Fail(word="axöös", once=str(once)), toy.Pairs()
        )
        return toy.recipe(tmp_path / name, chain)

    assert "axöös" in LINES["in-0.txt"].splitlines()[3:]
    killed = run(recipe("killed-run"), spark)
    assert once.exists()
    assert run(recipe("whole"), local) == killed
