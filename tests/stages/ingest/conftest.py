"""What tests of remote files share: a web server, and the patience to wait for it, shortened."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.ingest import retry
from stages.ingest.stores import _session
from tests.stages.ingest.sites import Site, serving


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No limit to speak of, short pauses, and a folder for the rates that no other test shares."""
    folder = tmp_path_factory.mktemp("rates")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(retry, "SLOWEST", 0.001)
    monkeypatch.setenv("CORPUSMILL_REQUESTS_PER_SECOND", "5000")
    monkeypatch.setenv("CORPUSMILL_TIMEOUT_SECONDS", "5")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def site(hasty: Path) -> Iterator[Site]:
    """A web server."""
    with serving(Site()) as served:
        yield served
    _session(os.getpid()).close()
