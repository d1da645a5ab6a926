from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pyspark
import pytest

from jobs.spark import context
from jobs.spark.engine import SparkEngine
from pipeline.errors import PlanError
from stages.text.kernel import stamp


def make_java(folder: Path, says: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    java.chmod(0o755)
    return java


def test_java_is_found_on_the_path_and_under_java_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = make_java(tmp_path, 'openjdk version "21.0.1" 2023-10-17')
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(java.parent))
    context.require()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    context.require()


def test_no_java_is_told_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlanError, match=r"none on the PATH: apt-get install -y openjdk-17-jre-headless$"):
        SparkEngine(2, {})
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nowhere"))
    with pytest.raises(PlanError, match=r"JAVA_HOME=.*nowhere holds none"):
        SparkEngine(2, {})


@pytest.mark.parametrize(
    "says", ['openjdk version "11.0.2" 2019-01-15', 'java version "1.8.0_392"', "usage: java"]
)
def test_old_java_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    make_java(tmp_path, says)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(PlanError, match=rf"needs Java 17 or later; .* is {says[:20]}.*apt-get install"):
        SparkEngine(2, {})


@pytest.mark.parametrize("package", ["pyspark", "pandas"])
def test_missing_package_is_told_with_the_extra(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # what Python itself takes for "not there"
    with pytest.raises(PlanError, match=rf"needs {package}: pip install 'corpusmill\[spark\]'"):
        SparkEngine(2, {})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mastr": "local"}, r"no setting \['mastr'\]; it has: master, memory, conf"),
        ({"master": 4}, r"engine.spark.master must be text such as local\[4\], not 4"),
        ({"memory": 8}, "engine.spark.memory must be text such as 8g, not 8"),
        ({"conf": ["a"]}, "engine.spark.conf must map Spark properties to values"),
    ],
)
def test_wrong_settings_are_told_before_anything_starts(settings: dict[str, object], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        SparkEngine(2, settings)


def test_a_killed_process_leaves_a_folder_that_the_next_one_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = "import os; from jobs.spark import context\nwith context._scratch(): os._exit(1)"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, timeout=60)
    (left,) = tmp_path.iterdir()
    (tmp_path / "corpusmill-spark-mine").mkdir()  # without a lock: not yet locked, or nobody's
    with context._scratch() as one, context._scratch() as other:
        assert {*tmp_path.iterdir()} == {one, other, tmp_path / "corpusmill-spark-mine"}
        assert left not in (one, other)
    assert [p.name for p in tmp_path.iterdir()] == ["corpusmill-spark-mine"]


CLUSTER = """
import os, signal, sys
from pipeline.engine import Each
from jobs.spark.engine import SparkEngine
from pipeline.errors import RunError, WorkerDied
from tests.jobs.spark.conftest import QUICK
from tests.jobs.spark.tasks import Plain

def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False

before = signal.getsignal(signal.SIGINT)
settings = {"conf": {
    "spark.executorEnv.PYTHONPATH": os.environ["PYTHONPATH"],
    "spark.driver.extraJavaOptions": QUICK,
    "spark.executor.extraJavaOptions": QUICK,
}}
for master in sys.argv[1:]:
    engine = SparkEngine(1, {**settings, "master": master})
    java = engine.spark.sparkContext._gateway.proc.pid
    try:
        SparkEngine(1, {}).spark
    except RunError as error:
        assert "runs a Spark context already" in str(error)
    else:
        raise AssertionError("a second context")
    for _, account in engine.map(Each(), [Plain(name="a"), Plain(name="b")]):
        print(master, account["package"])
    if master == sys.argv[-1]:
        print("kills Java", file=sys.stderr, flush=True)
        answers = engine.map(Each(), [Plain(name=f"part-{i}") for i in range(200)])
        next(answers)
        os.kill(java, signal.SIGKILL)
        try:
            list(answers)
        except WorkerDied as error:
            assert "Spark ended before shards part-" in str(error), error
        else:
            raise AssertionError("accounts from the dead")
    engine.close()
    engine.close()
    assert gone(java)
    assert signal.getsignal(signal.SIGINT) is before
assert os.environ.get("PYSPARK_PYTHON") is None
"""


@pytest.mark.spark
@pytest.mark.slow
def test_cluster_then_one_machine_in_one_process(tmp_path: Path) -> None:
    """Real executors with our packages sent to them; Java ends with each engine; nothing is left behind."""
    root = Path(__file__).resolve().parents[3]
    masters = ["local-cluster[1,1,1024]", "local[1]"]
    home = tmp_path / "spark"  # executors work in `home/work`, else in the installed package
    home.mkdir()
    assert pyspark.__file__
    for name in ("bin", "jars", "python"):
        (home / name).symlink_to(Path(pyspark.__file__).with_name(name))
    env = {k: v for k, v in os.environ.items() if k != "PYSPARK_PYTHON"} | {
        "SPARK_HOME": str(home),
        "TMPDIR": str(tmp_path / "a tmp"),
        "PYTHONPATH": str(root),
    }
    (tmp_path / "cwd").mkdir()
    (tmp_path / "a tmp").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", CLUSTER, *masters],
        cwd=tmp_path / "cwd",
        env=env,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert len(lines) == 4, lines
    for line in lines[:2]:
        assert line.startswith(f"{masters[0]} {home / 'work'}{os.sep}")
        assert line.endswith("/corpusmill/pipeline/__init__.py")
    assert all(line == f"local[1] {root / 'pipeline' / '__init__.py'}" for line in lines[2:])
    assert not list((tmp_path / "cwd").iterdir())
    assert not list((tmp_path / "a tmp").iterdir())
    told = ended.stderr.partition("kills Java")[0].splitlines()
    assert {line for line in told if "incubator modules" not in line} == set()


def test_compiled_kernels_travel_and_old_ones_stay(tmp_path: Path) -> None:
    compiles = "from stages.extract.nesting import tree_work; tree_work(b'<p>', 9)"
    subprocess.run([sys.executable, "-c", compiles], check=True)
    with zipfile.ZipFile(context.archive(tmp_path / "packages.zip")) as file:
        kernels = [name for name in file.namelist() if name.endswith((".nbi", ".nbc"))]
        assert "stages/extract/auto/main_content.npz" in file.namelist()
        some = {"pipeline/task.py", "stages/__init__.py", "jobs/spark/work.py", "jobs/inspect/report.html"}
        assert some <= {*file.namelist()}
        assert all(n.endswith((".nbi", ".nbc")) for n in file.namelist() if "__pycache__" in n)
    own = [name for name in kernels if name.startswith("stages/extract/__pycache__/nesting.")]
    assert {name.rpartition(".")[2] for name in own} == {"nbi", "nbc"}
    assert all(f"-{stamp('stages.extract')}." in name for name in own)
