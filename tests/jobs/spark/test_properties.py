"""Which of Spark's properties win: ours, the recipe's, spark-submit's or those of spark-defaults.conf."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from jobs.spark import properties


@pytest.mark.parametrize(
    ("master", "local"),
    [("local", True), ("local[4]", True), ("local[*,2]", True), ("local-cluster[1,1,1024]", False),
     ("spark://host:7077", False), ("yarn", False), ("k8s://https://host", False)],
)  # fmt: skip
def test_what_is_local(master: str, local: bool) -> None:
    assert properties.is_local(master) is local


def test_one_machine(tmp_path: Path) -> None:
    conf = properties.configuration(3, {}, tmp_path, {})
    assert conf["spark.master"] == "local[3,4]"
    assert conf["spark.driver.host"] == conf["spark.driver.bindAddress"] == "127.0.0.1"
    assert 1 <= int(conf["spark.driver.memory"].removesuffix("g")) <= 4
    assert set(sys.path) - {""} <= set(conf["spark.executorEnv.PYTHONPATH"].split(os.pathsep))
    assert conf["spark.executorEnv.OMP_NUM_THREADS"] == "1"
    assert "spark.archives" not in conf
    assert properties.configuration(3, {"memory": "9g"}, tmp_path, {})["spark.driver.memory"] == "9g"


def test_cluster_gets_our_packages(tmp_path: Path) -> None:
    conf = properties.configuration(3, {"master": "spark://host:7077", "memory": "9g"}, tmp_path, {})
    path, _, name = conf["spark.archives"].partition("#")
    assert name == conf["spark.executorEnv.PYTHONPATH"]
    assert conf["spark.executor.memory"] == "9g"
    assert "spark.driver.memory" not in conf
    assert "spark.driver.host" not in conf
    assert path == (tmp_path / "corpusmill.zip").as_uri()


def test_properties_of_the_user_win_and_lists_grow(tmp_path: Path) -> None:
    mine = {
        "spark.ui.enabled": True,
        "spark.sql.shuffle.partitions": 7,
        "spark.driver.extraJavaOptions": "-Xss4m",
        "spark.executorEnv.PYTHONPATH": "/opt/more",
        "spark.archives": "env.tar.gz#env",
    }
    conf = properties.configuration(2, {"master": "yarn", "conf": mine}, tmp_path, {})
    assert conf["spark.ui.enabled"] == "true"
    assert conf["spark.sql.shuffle.partitions"] == "7"
    assert conf["spark.driver.extraJavaOptions"].startswith('"-Dlog4j2')
    assert conf["spark.driver.extraJavaOptions"].endswith('" -Xss4m')
    assert conf["spark.executorEnv.PYTHONPATH"] == f"corpusmill{os.pathsep}/opt/more"
    assert conf["spark.archives"].endswith("corpusmill.zip#corpusmill,env.tar.gz#env")


DEFAULTS = """\
# a cluster's
spark.master            spark://host:7077
spark.executor.memory=4g
spark.eventLog.dir:  s3://logs/a b
  spark.sql.shuffle.partitions   8\t
spark.driver.extraJavaOptions  -Da=1 \\
    -Db=2
spark.archives          env.tar.gz#env
spark.empty
other.name              1
! spark.old             1
"""


def test_a_file_of_defaults(tmp_path: Path) -> None:
    (tmp_path / "spark-defaults.conf").write_text(DEFAULTS)
    assert properties.in_file(tmp_path / "spark-defaults.conf") == {
        "spark.master": "spark://host:7077",
        "spark.executor.memory": "4g",
        "spark.eventLog.dir": "s3://logs/a b",
        "spark.sql.shuffle.partitions": "8",
        "spark.driver.extraJavaOptions": "-Da=1 -Db=2",
        "spark.archives": "env.tar.gz#env",
        "spark.empty": "",
    }
    assert properties.in_file(tmp_path / "none.conf") == {}


def test_flags_of_spark_submit() -> None:
    words = "--master yarn --conf a.b=c=d -c e=f --jars x.jar --driver-memory=3g --conf=g=h pyspark-shell"
    given, left = properties.flags(words.split())
    master = {"spark.master": "yarn", "spark.driver.memory": "3g"}
    assert given == {**master, "a.b": "c=d", "e": "f", "g": "h"}
    assert left == ["--jars", "x.jar", "pyspark-shell"]


def test_flags_win_over_the_file_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "spark-defaults.conf").write_text("spark.master yarn\nspark.a 1\n")
    (tmp_path / "mine.conf").write_text("spark.master local\n")
    assert properties.configured({}, tmp_path) == {"spark.master": "yarn", "spark.a": "1"}
    assert properties.configured({"SPARK_CONF_DIR": str(tmp_path)}, tmp_path) == {}
    flags = {"PYSPARK_SUBMIT_ARGS": "--master 'local[3]' pyspark-shell"}
    assert properties.configured(flags, tmp_path) == {"spark.master": "local[3]", "spark.a": "1"}
    flags = {"PYSPARK_SUBMIT_ARGS": f"--properties-file {tmp_path}/mine.conf pyspark-shell"}
    assert properties.configured(flags, tmp_path) == {"spark.master": "local"}


def test_what_is_configured_outside_wins_over_our_defaults_and_the_recipe_over_that(tmp_path: Path) -> None:
    theirs = {
        "spark.master": "spark://host:7077",
        "spark.executor.memory": "4g",
        "spark.app.name": "theirs",
        "spark.archives": "env.tar.gz#env",
        "spark.eventLog.enabled": "true",
    }
    conf = properties.configuration(2, {}, tmp_path, theirs)
    assert conf | {"spark.archives": ""} == conf | theirs | {"spark.archives": ""}
    assert conf["spark.archives"].endswith("corpusmill.zip#corpusmill,env.tar.gz#env")
    assert "spark.driver.memory" not in conf  # the master is a cluster's
    recipe = {"master": "local[5]", "memory": "3g", "conf": {"spark.app.name": "mine"}}
    conf = properties.configuration(2, recipe, tmp_path, theirs)
    assert (conf["spark.master"], conf["spark.app.name"]) == ("local[5]", "mine")
    assert (conf["spark.driver.memory"], conf["spark.executor.memory"]) == ("3g", "4g")


def test_what_results_depend_on_stays_and_is_said(tmp_path: Path) -> None:
    theirs = {"spark.sql.ansi.enabled": "FALSE", "spark.sql.session.timeZone": "utc", "spark.master": "yarn"}
    recipe = {"master": "local", "conf": {"spark.sql.caseSensitive": True}}
    conf = properties.configuration(2, recipe, tmp_path, theirs)
    assert {name: conf[name] for name in properties.NEEDED} == {
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.caseSensitive": "false",
    }
    assert properties.contradictions(recipe, theirs) == [
        "spark.sql.ansi.enabled stays true, not FALSE: queries must fail where DuckDB's do, not give null",
        "spark.sql.caseSensitive stays false, not true: columns are found as DuckDB finds them",
        "the master is local, as the recipe says, not yarn",
    ]
    assert properties.contradictions({}, {"spark.master": "yarn"}) == []
