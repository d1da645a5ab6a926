"""What extraction finds on marked pages stays above the floors of `floors.json`."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from importlib.resources import files
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.schema import HTML, URL
from stages.extract.auto.labels import html_of, read_records
from stages.extract.html import ExtractHtml

FLOORS = json.loads(Path(__file__).with_name("floors.json").read_text())["extract_html"]
CARD = json.loads((files("stages.extract.auto") / "card.json").read_text())
EVERY = 6
"""One page in so many is read: the floors are for regressions; benchmarks/extraction.py measures."""


@cache
def f1(data: Path, name: str, engine: str) -> float:
    pages = list(read_records(data / "extraction" / f"{name}.jsonl.zst"))[::EVERY]
    assert len(pages) > 10
    schema = pa.schema([URL, HTML])
    batch = pa.record_batch([[p["url"] for p in pages], [html_of(p) for p in pages]], schema=schema)
    texts = ExtractHtml(engine=engine).process(batch).column("text").to_pylist()  # type: ignore[arg-type]
    scores = []
    for text, page in zip(texts, pages, strict=True):
        have, want = (
            Counter(re.findall(r"\w+", t.lower())) for t in (text or "", page["gold"]["main_content"])
        )
        scores.append(2 * (have & want).total() / max(1, have.total() + want.total()))
    return sum(scores) / len(scores)


@pytest.mark.data
@pytest.mark.parametrize("name", ["wcxb", "article_extraction_benchmark"])
@pytest.mark.parametrize("engine", ["auto", "resiliparse", "trafilatura"])
def test_main_content(shared_data: Path, name: str, engine: str) -> None:
    assert f1(shared_data, name, engine) >= FLOORS[name][engine]


@pytest.mark.data
@pytest.mark.parametrize("name", ["wcxb", "article_extraction_benchmark"])
def test_auto_is_the_best(shared_data: Path, name: str) -> None:
    assert f1(shared_data, name, "auto") > max(
        f1(shared_data, name, e) for e in ("resiliparse", "trafilatura")
    )


@pytest.mark.parametrize("name", sorted(FLOORS["held_out"]))
def test_the_model_was_good_on_sites_it_had_not_seen(name: str) -> None:
    assert CARD["measured"]["held_out"][name]["f1"] >= FLOORS["held_out"][name]
