"""Addresses of real pages."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import zstandard


@pytest.fixture(scope="session")
def urls(shared_data: Path) -> list[str]:
    """Some 1,300 addresses of pages from two crawls and of sets of marked pages."""
    found: list[str] = []
    for folder in ("cc_pages", "extraction"):
        for path in sorted((shared_data / folder).glob("*.jsonl.zst")):
            with path.open("rb") as file:
                reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file)
                lines = io.TextIOWrapper(reader, encoding="utf-8")
                found += [url for line in lines if (url := json.loads(line).get("url"))]
    return found
