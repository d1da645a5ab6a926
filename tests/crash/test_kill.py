"""Runs killed with SIGKILL at random moments and resumed give what the undisturbed run gives."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.kill import hashes, run
from pipeline.local import LocalEngine
from pipeline.lock import hold

RECIPE = """\
name: crash
sources:
  readme:
    use: jsonl
    with: {{paths: "{corpus}/readme/*.jsonl*", split_bytes: 50000}}
    steps: [{{use: strip_markdown}}, {{use: gopher_signals}}, {{use: gopher_rules, with: {{min_n_words: 5}}}}]
  plaintext:
    use: wet
    with: {{paths: "{corpus}/plaintext/*.wet.gz", split_bytes: 50000}}
    steps: [{{use: identify_language}}]
steps: [{{use: exact_dedup}}, {{use: minhash_dedup}}]
tokens: {{tokenizer: {{fit: bpe, vocab_size: 600, sample_bytes: 300_000}}, sequence_length: 128}}
mixture: {{weights: {{readme: 0.7, plaintext: 0.3}}}}
output: unused
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crash")
    command = [sys.executable, "-m", "pipeline", "sample", str(folder / "corpus"), "--documents", "300"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    path = folder / "crash.yaml"
    path.write_text(RECIPE.format(corpus=folder / "corpus"))
    return path


def test_killed_at_random_moments_and_resumed(recipe: Path, tmp_path: Path) -> None:
    _, seconds = run(recipe, tmp_path / "undisturbed", None)
    wanted = hashes(tmp_path / "undisturbed")
    rng, killed = random.Random(7), 0
    for trial in range(3):
        output = tmp_path / f"killed-{trial}"
        # A process needs a while to begin; the moments fall on what it does then.
        code, _ = run(recipe, output, rng.uniform(0.25, 0.9) * seconds)
        killed += code == -signal.SIGKILL
        run(recipe, output, None)
        assert hashes(output) == wanted
    assert killed


def test_the_lock_goes_with_the_process(recipe: Path, tmp_path: Path) -> None:
    code, _ = run(recipe, tmp_path / "out", 1.5)
    assert code == -signal.SIGKILL
    with hold(tmp_path / "out"):
        pass


def test_no_worker_outlives_its_run_for_long(tmp_path: Path) -> None:
    engine = LocalEngine(1, {})
    worker = engine._start()
    worker.pipe.close()  # what a worker sees when its run was killed
    worker.process.join(20)
    assert worker.process.exitcode == 0
