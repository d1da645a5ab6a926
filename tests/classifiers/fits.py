"""A kind of fit for tests: it writes the documents' longest text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import yaml

from classifiers.card import Card
from classifiers.fit import Fit
from pipeline import config
from pipeline.inline import InlineEngine
from pipeline.run import Runner
from pipeline.schema import TEXT
from pipeline.section import Context
from pipeline.shards import read_shard


@dataclass(frozen=True, kw_only=True)
class FitLongest(Fit):
    """Finds the longest text."""

    model: ClassVar[str] = "longest text"
    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    prefix: str = ""

    @classmethod
    def use(cls) -> str:
        return "longest"

    def fit(self, context: Context, folder: Path) -> Card:
        shards = [shard for paths in context.documents().values() for shard in paths]
        texts = [t for shard in shards for b in read_shard(shard) for t in b.column("text").to_pylist()]
        (folder / "longest.txt").write_text(self.prefix + max(texts, key=len))
        return Card(files=("longest.txt",), summary=f"of {len(texts)}", measured={"n": len(texts)})


def recipe(output: Path, sources: Mapping[str, Any], use: str, **settings: Any) -> Path:
    """Write a recipe of a fit beside its output: source -> its `use`, `with` and `steps`."""
    path = output.with_suffix(".yaml")
    fit = {"use": use, "with": settings}
    text = yaml.safe_dump(
        {"sources": dict(sources), "fit": fit, "output": str(output), "shard_bytes": 1}, sort_keys=False
    )
    path.write_text(text, encoding="utf-8")
    return path


def run(path: Path) -> dict[str, Any]:
    """Carry a recipe out in this process; what the section returned."""
    made: dict[str, Any] = (
        Runner(config.read(str(path)), InlineEngine(1, {}), lambda *_: None).run().sections["fit"]
    )
    return made


def lines(path: Path, **more: Any) -> dict[str, Any]:
    """A source of JSON lines."""
    return {"use": "jsonl", "with": {"paths": str(path), **more}}
