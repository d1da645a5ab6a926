"""The file that `pipeline fit` reads: every mistake at once, with its line."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from stages.fit import KINDS, read


def problems(tmp_path: Path, text: str) -> str:
    file = tmp_path / "fit.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        read(file)
    return str(error.value)


def test_every_kind_has_its_settings() -> None:
    for place in KINDS.values():
        module, _, name = place.partition(":")
        settings = getattr(import_module(module), name)
        assert {"check", "run"} <= set(dir(settings))
        assert settings.__pydantic_config__ == {"extra": "forbid"}
    assert len(KINDS) >= 2


def test_an_unknown_kind_is_met_with_the_name_that_was_meant(tmp_path: Path) -> None:
    said = problems(tmp_path, "fit: main_contents\nwith: {}\noutput: x\n")
    assert "fit.yaml:1" in said
    assert "main_content" in said.replace("main_contents", "")
    assert "bpe" in problems(tmp_path, "with: {}\noutput: x\n")


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    said = problems(tmp_path, "fit: bpe\nwith:\n  documents: 3\n  vocabsize: 7\n")
    for part in ("documents", "vocabsize", "output"):
        assert part in said


def test_the_command_tells_and_leaves(tmp_path: Path) -> None:
    file = tmp_path / "fit.yaml"
    file.write_text("fit: bpe\nwith: {documents: [nowhere/*.parquet]}\noutput: x\n")
    command = [sys.executable, "-m", "pipeline", "fit", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "no file matches 'nowhere/*.parquet'" in done.stderr + done.stdout
    assert not (tmp_path / "x").exists()
