"""Spark's properties: what the user has configured wins over our defaults, except for what results depend on.

From the strongest: what NEEDED names; the recipe's `conf`, then its `master` and `memory`; flags of
spark-submit (or `PYSPARK_SUBMIT_ARGS`); `spark-defaults.conf`; ours.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.local import ONE_THREAD

TRIES = 4
"""Number of times a task is tried whose worker was killed: Spark's default, which local mode forgets."""
NEEDED = {
    "spark.sql.ansi.enabled": ("true", "queries must fail where DuckDB's do, not give null"),
    "spark.sql.session.timeZone": ("UTC", "a date must be the same on every machine"),
    "spark.sql.caseSensitive": ("false", "columns are found as DuckDB finds them"),
}
"""Property -> what it must be for the same bytes, and why."""
ADDED = {
    "spark.driver.extraJavaOptions": " ",
    "spark.archives": ",",
    "spark.executorEnv.PYTHONPATH": os.pathsep,
}
"""Lists: what the user has is put after ours, not in its place."""
FLAGS = {
    "--master": "spark.master",
    "--name": "spark.app.name",
    "--driver-memory": "spark.driver.memory",
    "--driver-java-options": "spark.driver.extraJavaOptions",
    "--executor-memory": "spark.executor.memory",
    "--archives": "spark.archives",
    "--properties-file": "",
}
"""Flags of spark-submit that set properties which we have a default for, and the one that names a file."""


def is_local(master: str) -> bool:
    """Whether the workers are processes on this machine, children of this one."""
    return re.fullmatch(r"local(\[.*\])?", master) is not None


def flags(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Properties that spark-submit's arguments set, and the arguments that are left (`--jars` and others)."""
    given: dict[str, str] = {}
    left: list[str] = []
    rest = [part for word in words for part in _parted(word)]
    while rest:
        word = rest.pop(0)
        if word in ("--conf", "-c") and rest:
            name, _, value = rest.pop(0).partition("=")
            given.setdefault(name.strip(), value.strip())
        elif word in FLAGS and rest:
            given[FLAGS[word]] = rest.pop(0)
        else:
            left.append(word)
    return given, left


def _parted(word: str) -> list[str]:
    """`--master=yarn` as the two words that it stands for."""
    flag, equals, value = word.partition("=")
    return [flag, value] if equals and flag in (*FLAGS, "--conf") else [word]


def in_file(path: Path) -> dict[str, str]:
    """Spark's properties in a file in Java's format; none where there is no file."""
    if not path.is_file():
        return {}
    text = re.sub(r"\\\r?\n[ \t]*", "", path.read_text(encoding="utf-8", errors="replace"))
    pairs = re.findall(r"^[ \t]*(spark\.[^\s:=]*)[ \t]*(?:[:= \t]|$)[ \t]*(.*?)[ \t\r]*$", text, re.MULTILINE)
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in pairs}


def configured(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """What the user has set outside the recipe; Spark, in the folder `home`, has not been started yet."""
    given, _ = flags(shlex.split(environment.get("PYSPARK_SUBMIT_ARGS", "")))
    folder = Path(environment.get("SPARK_CONF_DIR") or home / "conf")
    file = given.pop(FLAGS["--properties-file"], None) or folder / "spark-defaults.conf"
    return in_file(Path(file)) | given


def master(workers: int, settings: Mapping[str, Any], theirs: Mapping[str, str]) -> str:
    """Where Spark runs; see `configuration`."""
    given = _recipe(settings).get("spark.master") or theirs.get("spark.master")
    return given or f"local[{workers},{TRIES}]"


def configuration(
    workers: int, settings: Mapping[str, Any], scratch: Path, theirs: Mapping[str, str]
) -> dict[str, str]:
    """All properties; `theirs` are those that the user has set outside the recipe."""
    recipe, where = _recipe(settings), master(workers, settings, theirs)
    ours = _ours(scratch) | (_here(workers, scratch) if is_local(where) else _there(scratch))
    if (memory := settings.get("memory")) is not None:
        recipe.setdefault(f"spark.{'driver' if is_local(where) else 'executor'}.memory", memory)
    user = {**theirs, **recipe}
    for name, separator in ADDED.items():
        if name in user and name in ours:
            user[name] = f"{ours[name]}{separator}{user[name]}"
    needed = {name: value for name, (value, _) in NEEDED.items()}
    return {**ours, **user, "spark.master": where, **needed}


def contradictions(settings: Mapping[str, Any], theirs: Mapping[str, str]) -> list[str]:
    """What the user has configured and does not get, each with the reason."""
    recipe = _recipe(settings)
    user = {**theirs, **recipe}
    said = [
        f"{name} stays {value}, not {user[name]}: {why}"
        for name, (value, why) in NEEDED.items()
        if user.get(name, value).lower() != value.lower()
    ]
    if (outside := theirs.get("spark.master")) and outside != user["spark.master"]:
        said.append(f"the master is {user['spark.master']}, as the recipe says, not {outside}")
    return said


def _recipe(settings: Mapping[str, Any]) -> dict[str, str]:
    """The properties in the recipe."""
    given = settings.get("conf", {})
    conf = {str(k): str(v).lower() if isinstance(v, bool) else str(v) for k, v in given.items()}
    return {"spark.master": settings["master"], **conf} if "master" in settings else conf


def _ours(scratch: Path) -> dict[str, str]:
    return {
        "spark.app.name": "corpusmill",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.extraJavaOptions": (
            f'"-Dlog4j2.configurationFile={scratch}/log4j2.properties" "-Djava.io.tmpdir={scratch}"'
        ),
        "spark.sql.adaptive.enabled": "true",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        # Shards lie in a mounted folder: asking for a thousand files is no job for the cluster.
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000000",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        **{f"spark.executorEnv.{name}": value for name, value in ONE_THREAD.items()},
    }


def _here(workers: int, scratch: Path) -> dict[str, str]:
    """Workers are processes on this machine, and import what this one can, as multiprocessing's would."""
    return {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": f"{_heap_gib(workers)}g",
        "spark.local.dir": str(scratch / "spill"),
        "spark.sql.shuffle.partitions": str(2 * workers),
        "spark.executorEnv.PYTHONPATH": os.pathsep.join(p or str(Path.cwd()) for p in sys.path),
    }


def _heap_gib(workers: int) -> int:
    """One for each worker and one more, but half of the machine's at most: the rest is for Python."""
    there_is = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return max(1, min(workers + 1, there_is // 2))


def _there(scratch: Path) -> dict[str, str]:
    """Workers are on a cluster: our packages are unpacked where they start, in `./corpusmill`."""
    return {
        "spark.archives": f"{(scratch / ARCHIVE).as_uri()}#corpusmill",
        "spark.executorEnv.PYTHONPATH": "corpusmill",
    }


ARCHIVE = "corpusmill.zip"
"""Our packages, in the scratch folder."""
