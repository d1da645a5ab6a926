"""The recipe that fits limits to languages, on a small sample of the data it names."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.store import read_json
from tests.pipeline.test_cli import ROOT, pipeline


@pytest.mark.data
def test_chinese_is_kept_and_junk_is_not(shared_data: Path, tmp_path: Path) -> None:
    text = (ROOT / "jobs" / "recipes" / "heuristics.yaml").read_text()
    assert "../shared/data" in text
    small = text.replace("../shared/data", str(shared_data))
    small = small.replace("min_documents: 25", "min_documents: 25\n    n_documents: 60")
    file = tmp_path / "fit.yaml"
    file.write_text(small)
    done = pipeline("fit", file, "--output", tmp_path / "fit")
    assert done.returncode == 0, done.stderr
    card = read_json(tmp_path / "fit" / "model" / "card.json")["measured"]
    entries = yaml.safe_load((tmp_path / "fit" / "model" / "languages.yaml").read_text())
    assert {"zh", "de", "fr", "ru"} <= set(entries)
    assert set(entries) == set(card["languages"]) - {"en"}
    assert "zh" in card["loses_under_english"]
    for language, found in card["languages"].items():
        assert found["junk_kept"]["repeated"]["fitted"] == 0, language
        assert found["junk_kept"]["menu"]["fitted"] < 0.2, language
    assert card["languages"]["zh"]["kept"]["english"] == 0
    assert card["languages"]["zh"]["kept"]["fitted"] > 0.5
    assert {"的", "是", "不"} <= set(entries["zh"]["stop_words"])
    assert {"der", "die", "und"} <= set(entries["de"]["stop_words"])
