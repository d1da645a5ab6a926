"""The recipes that come with the project, run as they are: on this machine's sample and on real crawls."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.pipeline.test_cli import ROOT, pipeline

RECIPES = ROOT / "jobs" / "recipes"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "corpus"
    assert pipeline("sample", folder, "--documents", "400").returncode == 0
    return folder


def quickstart(corpus: Path, output: Path, train: bool) -> Path:
    """The quickstart over a smaller sample, with a smaller budget; what it does is the same."""
    text = (RECIPES / "quickstart.yaml").read_text()
    text = text.replace("runs/sample", str(corpus)).replace("runs/quickstart", str(output))
    for large, small in {
        "budget_tokens: 500_000": "budget_tokens: 60_000",
        "batch_tokens: 4096": "batch_tokens: 1024",
        "vocab_size: 2048": "vocab_size: 600",
        "d_model: 128": "d_model: 64",
        "heldout_frac: 0.03": "heldout_frac: 0.1",
        "n_layers: 3": "n_layers: 2",
        "log_every: 5": "log_every: 5\n    threads: 1",  # another test may have the other core
    }.items():
        assert large in text
        text = text.replace(large, small)
    path = output.with_suffix(".yaml")
    path.write_text(text if train else text.split("\ntrain:")[0] + f"\noutput: {output}\n")
    return path


def record(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "run.json").read_text())
    return found


def rows(output: Path, folders: Iterable[list[str]]) -> list[dict[str, Any]]:
    """Documents of some sources; each has a list of folders."""
    shards = [
        s for of_source in folders for f in of_source for s in sorted((output / f).glob("part-*.parquet"))
    ]
    return [row for s in shards for row in pq.ParquetFile(s).read().to_pylist()]


def test_quickstart_goes_from_warc_to_a_falling_loss(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    recipe = quickstart(corpus, output, train=True)
    done = pipeline("run", recipe, "--workers", "2")
    assert done.returncode == 0, done.stderr
    ran = record(output)
    assert set(ran["documents"]) == {"reference", "readme", "code", "plaintext"}
    assert sum(ran["rows"].values()) > 250
    assert sum(s["dropped"].get("near_duplicate", 0) for s in ran["steps"]) > 0
    mixed = ran["mixture"]["sources"]
    assert all(abs(m["asked"] - m["realised"]) < 0.02 for m in mixed.values())
    assert ran["train"]["loss_last"] < ran["train"]["loss_first"] - 0.3
    heldout = ran["train"]["heldout"]
    assert len(heldout) == 4
    assert all(h["last"] < h["first"] for h in heldout.values())
    for shown in ("near_duplicate", "realised", "loss_last", "bits_per_byte_last", "report:"):
        assert shown in done.stdout
    assert pipeline("mix", "verify", output).returncode == 0
    (token,) = rows(output, [ran["documents"]["readme"]])[:1]
    assert "kept: documents/readme/" in pipeline("explain", output, token["id"]).stdout
    parts = sorted((output / ran["tokens"]["folder"] / "code").glob("part-*.bin"))
    assert pipeline("fsck", *parts).returncode == 0


@pytest.mark.spark
def test_quickstart_gives_one_hash_here_and_on_spark(corpus: Path, tmp_path: Path) -> None:
    recipe = quickstart(corpus, tmp_path / "run", train=False)
    done = pipeline("verify", recipe, "--engines", "local,spark", "--workers", "1,2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("documents ") == 3
    assert done.stdout.endswith("one hash\n")


@pytest.mark.data
def test_commoncrawl_sample_runs_on_real_slices(shared_data: Path, tmp_path: Path) -> None:
    output = tmp_path / "run"
    text = (RECIPES / "commoncrawl_sample.yaml").read_text()
    assert "../shared/data/warc/commoncrawl/*" in text
    recipe = tmp_path / "cc.yaml"
    recipe.write_text(text.replace("../shared/data", str(shared_data)))
    done = pipeline("run", recipe, "--output", output)
    assert done.returncode == 0, done.stderr
    ran = record(output)
    (source, *steps) = ran["steps"]
    assert source["in"] > 150  # most of them in ARC files
    assert not any(reason.startswith("unsupported") for reason in source["dropped"])
    assert all(s["in"] - s["kept"] <= sum(s["dropped"].values()) for s in steps)
    assert len(rows(output, ran["documents"].values())) == ran["rows"]["commoncrawl_sample"] > 0


@pytest.mark.data
@pytest.mark.parametrize("folder", ["malformed", "odd", "crawl"])
def test_damaged_and_odd_archives_end_with_what_was_lost(
    shared_data: Path, tmp_path: Path, folder: str
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"name: {folder}\nsource: {{use: warc, with: {{paths: '{shared_data}/warc/{folder}/*'}}}}\n"
        f"steps: [{{use: extract_html}}, {{use: identify_language}}, {{use: exact_dedup}}]\n"
        f"output: {tmp_path / 'run'}\n"
    )
    done = pipeline("run", recipe)
    assert done.returncode == 0, done.stderr
    ran = record(tmp_path / "run")
    assert ran["rows"][folder] > 0
    lost = [
        r for r in rows(tmp_path / "run", ran["dropped"].values()) if r["reasons"][0].startswith("damaged:")
    ]
    assert lost or folder != "malformed"
    for row in lost:
        assert row["file"]
        assert row["offset"] >= 0
        assert row["length"] > 0
        assert row["dropped_by"] == folder


def test_every_deduplication_in_a_row(corpus: Path, tmp_path: Path) -> None:
    text = (RECIPES / "dedup.yaml").read_text()
    recipe = tmp_path / "dedup.yaml"
    recipe.write_text(text.replace("runs/sample", str(corpus)).replace("runs/dedup", str(tmp_path / "out")))
    done = pipeline("run", recipe, "--workers", "2")
    assert done.returncode == 0, done.stderr
    ran = record(tmp_path / "out")
    metrics = {s["name"]: s["metrics"] for s in ran["steps"] if "metrics" in s and s["source"] == "readme"}
    assert set(metrics) == {"exact_dedup", "minhash_dedup", "line_dedup", "substring_dedup", "semantic_dedup"}
    assert metrics["minhash_dedup"]["pairs_compared"] >= metrics["minhash_dedup"]["pairs_alike"]
    kept = rows(tmp_path / "out", ran["documents"].values())
    assert len(kept) == sum(ran["rows"].values()) > 100
    assert all(row["copies"] >= 1 and row["line_dedup"] and row["substring"] for row in kept)
    assert sum(row["line_dedup"]["n_removed"] for row in kept) > 0
