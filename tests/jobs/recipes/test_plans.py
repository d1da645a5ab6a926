"""What each recipe that comes with the project plans to do, as a text to read: a golden file a recipe.

No document is read: each pattern of paths gets one small file. Fingerprints, and all else that depends on the
machine, stay out.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard

from pipeline.config import Recipe, read
from pipeline.plan import Segment, make
from tests.pipeline.test_cli import ROOT

RECIPES = sorted((ROOT / "jobs" / "recipes").glob("*.yaml"))
GOLDEN = Path(__file__).parent / "golden"
PACKED = {".gz": gzip.compress, ".zst": zstandard.compress}


def write_inputs(recipe: Path) -> None:
    """A file for every pattern that stands in a recipe, below the current folder or beside it."""
    patterns = [
        line.split("paths:")[1].strip(' "}') for line in recipe.read_text().splitlines() if "paths:" in line
    ]
    assert patterns
    for pattern in patterns:
        path = Path(pattern.split(",")[0].strip('"').replace("*", "a"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PACKED.get(path.suffix, bytes)(b'{"text": "a"}\n'))


def columns(before: pa.Schema, after: pa.Schema, made: Sequence[str] = ()) -> str:
    """What a step adds (+), writes anew (~) and takes away (-)."""
    added = [f"+{name}" for name in after.names if name not in before.names]
    anew = [f"~{name}" for name in made if name in before.names]
    return " ".join([*added, *anew, *(f"-{name}" for name in before.names if name not in after.names)])


def lines_of(segment: Segment) -> Iterator[str]:
    """One line for each step of a pass; `asks` are queries that see what the pass has written."""
    if segment.reads:
        yield f"    read {segment.reads.use}: {' '.join(segment.reads.step.makes().names)}"
    for key in segment.verdicts:
        yield f"    apply {key.named.name}: {' '.join(key.named.step.makes().names)}"
    for step, before, after in zip(segment.steps, segment.schemas, segment.schemas[1:], strict=False):
        yield f"    {step.name}: {columns(before, after, step.step.makes().names)}"
    for key in segment.keys:
        yield f"    ask {key.named.name}, {'all sources' if segment.shared else 'this source'}"


def planned(recipe: Recipe) -> str:
    """All passes of all sources, then the sections."""
    lines = []
    for track in make(recipe.chains, recipe.file, recipe.shard_bytes).tracks:
        lines.append(f"{track.source}:")
        for i, segment in enumerate(track.segments, start=1):
            folder = segment.folder.name.rpartition("-")[0]
            lines += [f"  pass {i} of {len(track.segments)}, to {folder}", *lines_of(segment)]
        lines.append(f"  documents: {' '.join(track.segments[-1].schemas[-1].names)}")
        lines.append(f"  dropped: {' '.join(track.segments[-1].dropped_schema.names)}")
    lines.append(f"sections: {' '.join(section.name for section in recipe.sections) or 'none'}")
    return "".join(f"{line.rstrip(' :')}{':' * line.endswith(':')}\n" for line in lines)


def test_every_recipe_has_a_golden_file() -> None:
    assert {p.stem for p in GOLDEN.iterdir()} == {p.stem for p in RECIPES}
    assert len(RECIPES) >= 5


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_plan_what_the_golden_file_says(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool
) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    write_inputs(path)
    found, golden = planned(read(str(path))), GOLDEN / f"{path.stem}.txt"
    if update_golden:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")
