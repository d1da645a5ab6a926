"""A server that speaks S3, with a bucket, as the environment names it; it counts what is asked of it."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from pipeline.local import LocalEngine
from pipeline.objects.path import ObjectPath
from tests.s3 import bucket_of


class Requests(logging.Handler):
    """Requests by their kind: what the server writes into its log, whichever process asked."""

    def __init__(self) -> None:
        super().__init__()
        self.made: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        if line := re.search(r'"([A-Z]+) (\S+) HTTP', re.sub(r"\x1b\[\d+m", "", record.getMessage())):
            method, url = line.groups()
            kind = "LIST" if "list-type=2" in url else "DELETE" if url.endswith("?delete") else method
            self.made[kind] += 1

    def take(self) -> Counter[str]:
        """Those since the last look."""
        made, self.made = self.made, Counter()
        return made


@pytest.fixture(scope="session")
def requests() -> Requests:
    return Requests()


@pytest.fixture(scope="session")
def bucket(requests: Requests) -> Iterator[ObjectPath]:
    log = logging.getLogger("werkzeug")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(requests)
    with bucket_of("runs") as url:
        yield ObjectPath(url)
    log.removeHandler(requests)
    log.propagate = True


@pytest.fixture(scope="session")
def local(bucket: ObjectPath) -> Iterator[LocalEngine]:
    """An engine whose workers have started when the environment named the server."""
    engine = LocalEngine(2, {})
    yield engine
    engine.close()


@pytest.fixture
def output(bucket: ObjectPath, request: pytest.FixtureRequest) -> ObjectPath:
    """An output of the test's own."""
    return bucket / re.sub(r"\W+", "-", request.node.name)
