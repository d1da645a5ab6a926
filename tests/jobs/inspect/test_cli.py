"""plan, stages, report, explain and verify, on a run of toy stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.conftest import installed, toys
from tests.pipeline.test_cli import pipeline, stages_yaml

__all__ = ["installed", "stages_yaml", "toys"]


@pytest.fixture
def ran(stages_yaml: Path, toys: Path) -> Path:
    assert pipeline("run", stages_yaml, path=toys).returncode == 0
    return Path(stages_yaml).parent / "out"


def test_plan_shows_steps_folders_and_a_prediction(stages_yaml: Path, toys: Path) -> None:
    done = pipeline("plan", stages_yaml, path=toys)
    assert done.returncode == 0, done.stderr
    assert "small: 2 splits" in done.stdout
    assert "same_letter_as" in done.stdout
    assert "core-hours" in done.stdout
    assert "(reused)" not in done.stdout
    assert not (stages_yaml.parent / "out").exists()


def test_plan_says_what_is_reused(stages_yaml: Path, toys: Path, ran: Path) -> None:
    assert pipeline("plan", stages_yaml, "--no-trial", path=toys).stdout.count("(reused)") == 2
    changed = "{use: one_per_letter, with: {extra: 1}}"
    stages_yaml.write_text(stages_yaml.read_text().replace("use: one_per_letter", changed))
    assert pipeline("plan", stages_yaml, "--no-trial", path=toys).stdout.count("(reused)") == 1


def test_stages_lists_and_tells(toys: Path) -> None:
    listed = pipeline("stages", path=toys).stdout
    assert "one_per_letter" in listed
    assert "minhash_dedup" in listed
    told = pipeline("stages", "gopher_rules").stdout
    assert "min_n_words" in told
    assert "gopher.n_words" in told
    assert "'profile' (paper: 50)" in told
    assert pipeline("stages", "gopher_rule").returncode == 2


def test_report_reads_a_run(ran: Path) -> None:
    done = pipeline("report", ran)
    assert done.returncode == 0
    assert "same_letter 2" in done.stdout
    assert json.loads(pipeline("report", ran, "--json").stdout)["name"] == "small"
    assert pipeline("report", ran.parent).returncode == 2


def test_explain_tells_of_kept_and_dropped(ran: Path) -> None:
    told = pipeline("explain", ran, "a.txt:0", path=ran.parent / "installed")
    assert told.returncode == 0, told.stderr
    kept = told.stdout
    assert "kept: documents/small/part-00000.parquet" in kept
    gone = pipeline("explain", ran, "a.txt:8").stdout
    assert "same_letter_as: a.txt:0" in gone
    assert "dropped by: one_per_letter: same_letter" in gone
    assert "went through: small → count → long → one_per_letter" in gone
    assert json.loads(pipeline("explain", ran, "a.txt:8", "--json").stdout)["text"] == "avocado"
    none = pipeline("explain", ran, "nobody")
    assert none.returncode == 2
    assert "no document of" in none.stderr


def test_verify_proves_one_hash(stages_yaml: Path, toys: Path) -> None:
    done = pipeline("verify", stages_yaml, "--workers", "1,2", path=toys)
    assert done.returncode == 0, done.stderr
    assert "local, 1 workers" in done.stdout
    assert done.stdout.endswith("one hash\n")
    assert not list((stages_yaml.parent / "out-verify").iterdir())
    assert pipeline("verify", stages_yaml, "--workers", "x", path=toys).returncode == 2


def test_verify_tells_when_hashes_differ(stages_yaml: Path, toys: Path, tmp_path: Path) -> None:
    once = f"{{use: fail, with: {{word: date, once: {tmp_path / 'once'}}}}}"
    stages_yaml.write_text(
        stages_yaml.read_text().replace("use: one_per_letter", once.replace("fail", "differ"))
    )
    module = toys / "differing.py"
    module.write_text(
        "from tests.toy import Fail, dataclass, Path\nfrom pipeline.stage import Map\nimport pyarrow as pa\n"
        "@dataclass(frozen=True, kw_only=True)\nclass Differ(Fail):\n"
        "    def process(self, batch):\n"
        "        new = not Path(self.once).exists(); Path(self.once).touch()\n"
        "        return batch.set_column(1, 'url', pa.array([str(new)] * len(batch)))\n"
        "STAGES = {'differ': 'differing:Differ'}\n"
    )
    info = toys / "differing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: differing\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pipeline.stages]\ndiffering = differing:STAGES\n")
    done = pipeline("verify", stages_yaml, "--workers", "1,2", path=toys)
    assert done.returncode == 1, done.stderr
    assert done.stdout.endswith("the hashes differ\n")


def test_whatif_answers_and_refuses(measured: Path) -> None:
    done = pipeline("whatif", measured, "gopher_rules.min_n_words=200", "--samples", "2")
    assert done.returncode == 0, done.stderr
    assert "would be kept" in done.stdout
    assert "lost, 2 of them" in done.stdout
    told = json.loads(pipeline("whatif", measured, "gopher_rules.min_n_words=200", "--json").stdout)
    assert told["lost"]["documents"] > 0
    assert set(told["groups"]) == {"language", "source", "domain"}
    wrong = pipeline("whatif", measured, "gopher_rules.min_n_word=200")
    assert (wrong.returncode, "did you mean 'min_n_words'" in wrong.stderr) == (2, True)
    assert pipeline("whatif", measured).returncode == 2


def test_whatif_sweeps(measured: Path) -> None:
    done = pipeline("whatif", measured, "--sweep", "gopher_rules.min_n_words=50:250:5")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("█") > 5
    points = json.loads(
        pipeline("whatif", measured, "--sweep", "gopher_rules.min_n_words=50:250:5", "--json").stdout
    )
    assert [p["value"] for p in points] == [50, 100, 150, 200, 250]


def test_profiles_tells_where_they_differ(measured: Path) -> None:
    done = pipeline("profiles", measured, "--documents", "50", "--samples", "1")
    assert done.returncode == 0, done.stderr
    assert "gopher: 50 documents" in done.stdout
    lines = pipeline("profiles", measured, "--documents", "50", "--json").stdout.splitlines()
    assert [json.loads(line)["family"] for line in lines] == ["gopher", "repetition", "c4", "fineweb"]
