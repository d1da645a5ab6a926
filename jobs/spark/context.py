"""Starting Spark and ending it: Java, settings, and our packages on workers that do not share this disk."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
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

from jobs.spark import properties
from pipeline.boundary import Stopped, signals_held
from pipeline.errors import PlanError, RunError
from stages.text.kernel import stamp

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MIN_JAVA = 17
SCRATCH, LOCK = "corpusmill-spark-", "lock"
EXIT_SECONDS = 15
"""Within `pipeline.boundary.GRACE_SECONDS`."""
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
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    if SparkContext._active_spark_context is not None:
        raise RunError("this process runs a Spark context already; stop it first (spark.stop())")
    with _scratch() as scratch:
        (scratch / "log4j2.properties").write_text(LOGGING)
        theirs = configured()
        conf = properties.configuration(workers, settings, scratch, theirs)
        if not properties.is_local(conf["spark.master"]):
            archive(scratch / properties.ARCHIVE)
        for line in properties.contradictions(settings, theirs):
            sys.stderr.write(f"spark: {line}\n")
        try:
            try:
                with _environment(conf), _interrupts():
                    with signals_held():  # else nobody would know of a Java that has been half started
                        SparkContext._ensure_initialized(conf=SparkConf(False).setAll([*conf.items()]))
                    spark = SparkSession.builder.config(map={**conf}).getOrCreate()
            except (PySparkException, Py4JError) as error:
                raise RunError(f"Spark did not start on {conf['spark.master']}: {said(error)}") from error
            yield spark
        finally:
            _end(SparkContext)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A temporary folder, locked while this process lives; those of killed processes are removed."""
    for old in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*/{LOCK}"):
        with contextlib.suppress(OSError):  # it is another user's, or in use
            descriptor = os.open(old, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old.parent, ignore_errors=True)
            finally:
                os.close(descriptor)
    with (
        tempfile.TemporaryDirectory(prefix=SCRATCH, ignore_cleanup_errors=True) as folder,
        Path(folder, LOCK).open("w") as file,
    ):
        fcntl.flock(file, fcntl.LOCK_EX)
        yield Path(folder)


def configured() -> dict[str, str]:
    """What the user has set outside the recipe. Under spark-submit, Java runs already and has read it all."""
    from pyspark import SparkConf, SparkContext
    from pyspark.find_spark_home import _find_spark_home

    if "PYSPARK_GATEWAY_PORT" in os.environ:
        SparkContext._ensure_initialized()
        return dict(SparkConf().getAll())
    return properties.configured(os.environ, Path(_find_spark_home()))


def said(error: Exception) -> str:
    """Java's message, without its stack and plan; py4j begins with which of its objects was called."""
    return re.sub(r"^An error occurred while calling \S+\s*:? *", "", str(error)).partition("\n")[0]


@contextlib.contextmanager
def _environment(conf: Mapping[str, str]) -> Iterator[None]:
    """Where Spark starts. Workers run our interpreter, unless the properties name another one (of a shipped
    environment) or, on a cluster, `PYSPARK_PYTHON` does; flags that are in `conf` would else overrule it."""
    names = ("PYSPARK_PYTHON", "PYSPARK_SUBMIT_ARGS")
    before = {name: os.environ[name] for name in names if name in os.environ}
    theirs = None if properties.is_local(conf["spark.master"]) else before.get("PYSPARK_PYTHON")
    os.environ["PYSPARK_PYTHON"] = conf.get("spark.pyspark.python") or theirs or sys.executable
    if "PYSPARK_SUBMIT_ARGS" in before:
        left = properties.flags(shlex.split(before["PYSPARK_SUBMIT_ARGS"]))[1]
        os.environ["PYSPARK_SUBMIT_ARGS"] = shlex.join(left)
    try:
        yield
    finally:
        for name in names:
            os.environ.pop(name, None)
        os.environ.update(before)


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
    process = getattr(gateway, "proc", None)
    # Amid a call to Java a signal leaves a connection with an answer in it: nothing must be asked then.
    if process is None or not isinstance(sys.exc_info()[1], Stopped | KeyboardInterrupt):
        with contextlib.suppress(OSError):  # Java may be gone already
            if context._active_spark_context is not None:
                context._active_spark_context.stop()
            if gateway is not None:
                gateway.shutdown()
    if process is not None:
        process.stdin.close()  # its signal to exit
        try:
            process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    context._gateway = context._jvm = context._active_spark_context = None
