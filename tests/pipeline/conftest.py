"""The toy stages, registered as an installed package registers its own: through an entry point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline import registry


def register(folder: Path, group: str, **points: str) -> None:
    """Lay a distribution that declares entry points into a folder on the path."""
    info = folder / f"{'_'.join([group.replace('.', '_'), *points])}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {info.name[:-14]}\nVersion: 1.0\n")
    lines = [f"{name} = {target}\n" for name, target in points.items()]
    (info / "entry_points.txt").write_text(f"[{group}]\n{''.join(lines)}")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the path in which tests may install entry points."""
    folder = tmp_path / "installed"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    registry.stages.cache_clear()
    registry.names.cache_clear()
    yield folder
    registry.stages.cache_clear()
    registry.names.cache_clear()


@pytest.fixture
def toys(installed: Path) -> Path:
    """The toy stages by name."""
    register(installed, "pipeline.stages", toys="tests.toy:STAGES")
    return installed
