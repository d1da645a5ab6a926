"""What `pipeline warm` runs: every stage that needs nothing else comes to its kernels."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs.warm import PAGES, run_stage, write_pages
from pipeline.record import Record


@pytest.mark.parametrize("name", ["extract_html", "gopher_signals", "minhash_dedup", "substring_dedup"])
def test_a_stage_sees_text_of_several_scripts(tmp_path: Path, name: str) -> None:
    write_pages(tmp_path / PAGES)
    run_stage(name, tmp_path)
    record = Record.load(tmp_path / name)
    assert {step.name: step.rows_in for step in record.steps}[name] == 8
    texts = [
        row["text"]
        for path in record.shards(tmp_path / name)["warm"]
        for row in pq.read_table(path).to_pylist()
    ]
    assert any("河水" in text for text in texts)
    assert any("ночью" in text.lower() for text in texts)


def test_what_a_stage_lacks_is_no_error(tmp_path: Path) -> None:
    write_pages(tmp_path / PAGES)
    for name in ("gopher_rules", "semantic_clusters", "pack", "warc"):
        run_stage(name, tmp_path)
        assert not (tmp_path / name / "run.json").exists()
