"""Starting Spark and ending it: Java, settings, and our packages on workers that do not share this disk."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import PlanError, RunError
from pipeline.local import ONE_THREAD
from stages.text.kernel import stamp

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MIN_JAVA = 17
TRIES = 4
"""Number of times a task is tried whose worker was killed: Spark's default, which local mode forgets."""
ADDED = {
    "spark.driver.extraJavaOptions": " ",
    "spark.archives": ",",
    "spark.executorEnv.PYTHONPATH": os.pathsep,
}
"""Lists: what the user's `conf` has is put after ours, not in its place."""
PACKAGES = ("pipeline", "stages", "classifiers", "mixtures", "jobs")
LOGGING = """
rootLogger.level = off
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = spark: %p %m%n
logger.waiting.name = org.apache.spark.scheduler.TaskSchedulerImpl
logger.waiting.level = warn
logger.shell.name = org.apache.spark.api.python.PythonGatewayServer
logger.shell.level = off
"""
"""What fails reaches the user as an error of ours, once; Spark would log it for every try, with its stack.
Only a cluster that gives no executors must be heard. `spark.log.level` in `conf` opens the rest."""


def require() -> None:
    """Check that Spark can start on this machine.

    Raises:
        PlanError: pyspark, pandas or Java is missing or too old; says which command installs it.
    """
    for package in ("pyspark", "pandas"):
        if find_spec(package) is None:
            raise PlanError(f"engine 'spark' needs {package}: pip install 'corpusmill[spark]'")
    install = f"apt-get install -y openjdk-{MIN_JAVA}-jre-headless"
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if java is None or not Path(java).exists():
        where = f"JAVA_HOME={home} holds none" if home else "there is none on the PATH"
        raise PlanError(f"engine 'spark' needs Java {MIN_JAVA} or later, and {where}: {install}")
    printed = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', printed)
    if not version or int(version[1]) < MIN_JAVA:
        first = printed.partition("\n")[0] or "of no version"
        raise PlanError(f"engine 'spark' needs Java {MIN_JAVA} or later; {java} is {first}: {install}")


def is_local(master: str) -> bool:
    """Whether the workers are processes on this machine, children of this one."""
    return re.fullmatch(r"local(\[.*\])?", master) is not None


def check(settings: Mapping[str, Any]) -> None:
    """Check the engine's settings.

    Raises:
        PlanError: one is unknown or of the wrong type.
    """
    if unknown := set(settings) - {"master", "memory", "conf"}:
        raise PlanError(f"engine 'spark' knows no setting {sorted(unknown)}; it has: master, memory, conf")
    for name, example in (("master", "local[4]"), ("memory", "8g")):
        if not isinstance(settings.get(name, ""), str):
            raise PlanError(f"engine.spark.{name} must be text such as {example}, not {settings[name]!r}")
    if not isinstance(settings.get("conf", {}), Mapping):
        raise PlanError(f"engine.spark.conf must map Spark properties to values, not {settings['conf']!r}")


def configuration(workers: int, settings: Mapping[str, Any], scratch: Path) -> dict[str, str]:
    """Spark's properties: ours, then those under `conf`, which win."""
    given = settings.get("conf", {})
    user = {str(k): str(v).lower() if isinstance(v, bool) else str(v) for k, v in given.items()}
    conf = {
        "spark.master": settings.get("master", f"local[{workers},{TRIES}]"),
        "spark.app.name": "corpusmill",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": (
            f'"-Dlog4j2.configurationFile={scratch}/log4j2.properties" "-Djava.io.tmpdir={scratch}"'
        ),
        # Like DuckDB, fail where a number overflows or a text is no number; the default of old gave null.
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        # Shards lie in a mounted folder: asking for a thousand files is no job for the cluster.
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000000",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        **{f"spark.executorEnv.{name}": value for name, value in ONE_THREAD.items()},
    }
    place = _here if is_local(conf["spark.master"]) else _there
    conf |= place(workers, settings.get("memory"), scratch)
    for name, separator in ADDED.items():
        if name in user and name in conf:
            user[name] = f"{conf[name]}{separator}{user[name]}"
    return conf | user


def _here(workers: int, memory: str | None, scratch: Path) -> dict[str, str]:
    """Workers are processes on this machine, and import what this one can, as multiprocessing's would."""
    return {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": memory or f"{_heap_gib(workers)}g",
        "spark.local.dir": str(scratch / "spill"),
        "spark.sql.shuffle.partitions": str(2 * workers),
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path),
    }


def _heap_gib(workers: int) -> int:
    """One for each worker and one more, but half of the machine's at most: the rest is for Python."""
    there_is = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return max(1, min(workers + 1, there_is // 2))


def _there(workers: int, memory: str | None, scratch: Path) -> dict[str, str]:
    """Workers are on a cluster: our packages are unpacked where they start, in `./corpusmill`."""
    return {
        **({"spark.executor.memory": memory} if memory else {}),
        "spark.archives": f"{archive(scratch / 'corpusmill.zip').as_uri()}#corpusmill",
        "spark.executorEnv.PYTHONPATH": "corpusmill",
    }


def archive(path: Path) -> Path:
    """Our packages as a zip. Workers unpack it: modules look for their data in files beside them."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in PACKAGES:
            spec = find_spec(name)
            assert spec
            assert spec.submodule_search_locations
            root = Path(spec.submodule_search_locations[0])
            for source in sorted(root.rglob("*")):
                inner = Path(name) / source.relative_to(root)
                if source.is_file() and ("__pycache__" not in inner.parts or _is_kernel(inner)):
                    file.write(source, inner)
    return path


def _is_kernel(path: Path) -> bool:
    """Whether a file is a compiled kernel of the code as it is, which workers then need not compile."""
    package = ".".join(path.parts[:-2])
    return path.suffix in (".nbi", ".nbc") and f"-{stamp(package)}." in path.name


@contextlib.contextmanager
def running(workers: int, settings: Mapping[str, Any]) -> Iterator[SparkSession]:
    """Spark, from start to end; its Java process ends with it, and its files are removed.

    Raises:
        RunError: it did not start, or this process runs a Spark context already.
    """
    from py4j.protocol import Py4JError
    from pyspark import SparkContext
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    if SparkContext._active_spark_context is not None:
        raise RunError("this process runs a Spark context already; stop it first (spark.stop())")
    with tempfile.TemporaryDirectory(prefix="corpusmill-spark-", ignore_cleanup_errors=True) as scratch:
        (Path(scratch) / "log4j2.properties").write_text(LOGGING)
        conf = configuration(workers, settings, Path(scratch))
        try:
            try:
                with _interpreter(conf), _interrupts():
                    spark = SparkSession.builder.config(map={**conf}).getOrCreate()
            except (PySparkException, Py4JError) as error:
                raise RunError(f"Spark did not start on {conf['spark.master']}: {said(error)}") from error
            yield spark
        finally:
            _end(SparkContext)


def said(error: Exception) -> str:
    """Java's message, without its stack and plan; py4j begins with which of its objects was called."""
    return re.sub(r"^An error occurred while calling \S+\s*:? *", "", str(error)).partition("\n")[0]


@contextlib.contextmanager
def _interpreter(conf: Mapping[str, str]) -> Iterator[None]:
    """Workers run our interpreter, unless the properties name another one (of a shipped environment)."""
    before = os.environ.get("PYSPARK_PYTHON")
    os.environ["PYSPARK_PYTHON"] = conf.get("spark.pyspark.python", sys.executable)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYSPARK_PYTHON"]
        else:
            os.environ["PYSPARK_PYTHON"] = before


@contextlib.contextmanager
def _interrupts() -> Iterator[None]:
    """Keep Spark's own handler of Ctrl-C out: `map` cancels what runs, and it would outlive Spark."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)


def _end(context: Any) -> None:
    """Stop the active context and the Java process under it, which pyspark would keep until Python ends."""
    gateway = context._gateway
    with contextlib.suppress(OSError):  # Java may be gone already
        if context._active_spark_context is not None:
            context._active_spark_context.stop()
        if gateway is not None:
            gateway.shutdown()
    process = getattr(gateway, "proc", None)
    if process is not None:
        process.stdin.close()  # its signal to exit
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    context._gateway = context._jvm = context._active_spark_context = None
