"""The recipe that trains the model of `auto`: its sources give all pages that it is trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import config
from tests.pipeline.test_cli import ROOT


@pytest.mark.data
def test_every_page_is_read(shared_data: Path, tmp_path: Path) -> None:
    text = (ROOT / "jobs" / "recipes" / "main_content.yaml").read_text()
    path = tmp_path / "fit.yaml"
    path.write_text(text.replace("../shared/data", str(shared_data)))
    recipe = config.read(str(path))
    assert [section.name for section in recipe.sections] == ["fit"]
    n_pages = {}
    for chain in recipe.chains:
        source = chain.source.step
        batches = [batch for split in source.splits() for batch in source.read(split)]  # type: ignore[attr-defined]
        n_pages[chain.source.name] = sum(batch.column("html").is_valid().sum().as_py() for batch in batches)
    assert n_pages == {
        "wcxb": 597,
        "article_extraction_benchmark": 85,
        "readability_testpages": 58,
        "trafilatura_eval": 468,
    }
