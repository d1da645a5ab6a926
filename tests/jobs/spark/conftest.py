"""One Spark for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs.spark.engine import SparkEngine

QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Java compiles less: a third off the time of many small queries, and the wrong choice for large ones."""


@pytest.fixture(scope="package")
def spark() -> Iterator[SparkEngine]:
    """An engine with two workers, started by the first test that needs it."""
    engine = SparkEngine(2, {"memory": "1g", "conf": {"spark.driver.extraJavaOptions": QUICK}})
    yield engine
    engine.close()
