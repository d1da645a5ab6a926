"""What all sources share that read files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import config
from pipeline.errors import ConfigError
from pipeline.shards import fingerprint
from stages.ingest.jsonl import Jsonl
from stages.ingest.parquet import Parquet
from stages.ingest.warc import Warc, Wet
from stages.ingest.wat import Wat


@pytest.mark.parametrize(
    ("use", "setting", "value", "message"),
    [
        *((use, "split_bytes", 0, "at least 1") for use in ("warc", "wet", "wat", "parquet")),
        ("jsonl", "split_bytes", -1, "at least 1"),
        ("jsonl", "max_record_bytes", 0, "at least 1"),
        ("warc", "max_record_bytes", 0, "at least 1"),
        ("wet", "max_record_bytes", (1 << 30) + 1, "at most 1073741824"),
        ("wat", "max_links", -1, "at least 0"),
    ],
)
def test_bounds_are_checked_when_a_recipe_is_read(
    tmp_path: Path, use: str, setting: str, value: int, message: str
) -> None:
    recipe = tmp_path / "stages.yaml"
    source = {"use": use, "with": {"paths": "x", setting: value}}
    recipe.write_text(json.dumps({"source": source, "output": str(tmp_path / "out")}))
    with pytest.raises(ConfigError, match=f"{setting}: .*{message}, not {value}"):
        config.read(str(recipe))


def test_fingerprints_are_those_that_runs_on_disk_have() -> None:
    """A setting that is moved, renamed or gets another default would make all of them begin anew."""
    sources = [kind(paths="x") for kind in (Warc, Wet, Wat, Jsonl, Parquet)]
    assert [fingerprint(s) for s in sources] == [
        "fbaf44627b4f",
        "e9244e92710e",
        "c3c47d4cc34a",
        "5f1376544074",
        "316e56b6a0c2",
    ]


@pytest.mark.parametrize(
    ("source", "name"), [(Jsonl(paths="x"), "a.jsonl.gz"), (Warc(paths="x"), "a.warc.gz")]
)
def test_the_origin_of_a_row(source: Jsonl | Warc, name: str) -> None:
    origin = source.origin(name, 7, 9)
    assert origin.keys() == {"id", "source", "file", "offset", "length"}
    assert (origin["file"], origin["offset"], origin["length"]) == (name, 7, 9)
    assert len({source.origin(name, 7, 9, *more)["id"] for more in ((), (0,), (1,))}) == 3
    assert source.origin(name, None, None)["id"] == source.origin(name, 0, 5)["id"]
