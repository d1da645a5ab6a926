from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.shards import digest, read_json
from stages.fit import fit, read
from stages.tokens.bpe import CARD
from stages.tokens.encoder import load
from stages.tokens.fit import BpeSettings, run
from tests.stages.tokens.conftest import prose, write_documents


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for i in range(3):
        texts = [prose(100 * i + k, 40) for k in range(30)]
        write_documents(tmp_path / "runs" / "documents" / f"part-{i:05d}.parquet", texts, f"s{i}-")
    path = tmp_path / "bpe.yaml"
    path.write_text(
        "fit: bpe\n"
        "with:\n"
        "  documents: [runs/documents/*.parquet]\n"
        "  vocab_size: 350\n"
        "  sample_bytes: 9000\n"
        "  heldout_frac: 0.1\n"
        "output: models/bpe\n"
    )
    return path


def changed(recipe: Path, old: str, new: str) -> Path:
    text = recipe.read_text()
    assert old in text
    recipe.write_text(text.replace(old, new))
    return recipe


def settings_of(recipe: Path) -> BpeSettings:
    settings, _ = read(recipe)
    assert isinstance(settings, BpeSettings)
    return settings


def test_fit_writes_a_tokenizer_and_its_card(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit(recipe)
    encoder = load(Path("models/bpe/tokenizer.json"))
    assert encoder.vocab_size == 350
    card = read_json(Path("models/bpe") / CARD)
    assert card["trained_on"]["folders"] == ["runs/documents"]
    assert card["trained_on"]["n_shards"] == 3
    assert 9000 <= card["trained_on"]["n_bytes"] < 10_500
    assert card["sha256"] == encoder.sha256
    assert "350 ids" in capsys.readouterr().out


def test_same_file_gives_the_same_tokenizer(recipe: Path) -> None:
    settings = settings_of(recipe)
    paths = [run(settings, Path(name)) for name in ("one", "two")]
    assert digest(paths[0]) == digest(paths[1])
    assert (Path("one") / CARD).read_bytes() == (Path("two") / CARD).read_bytes()
    other = settings_of(recipe)
    assert other == settings


def test_another_seed_gives_another_sample(recipe: Path) -> None:
    first = run(settings_of(recipe), Path("one"))
    second = run(settings_of(changed(recipe, "  vocab_size", "  seed: 4\n  vocab_size")), Path("two"))
    assert digest(first) != digest(second)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("vocab_size", "vocab_sizes", 4, "unknown setting; did you mean 'vocab_size'"),
        ("fit: bpe", "fit: bpee", 1, "must be bpe"),
        ("output: models/bpe\n", "", 1, "is required"),
        ("output:", "outputs:", 7, "unknown key; did you mean 'output'"),
        ("*.parquet", "*.parq", 2, r"no file matches"),
        ("vocab_size: 350", "vocab_size: 12", 2, "from 257"),
        ("350", "'350'", 4, "valid integer"),
        ("  documents: [runs/documents/*.parquet]\n", "", 2, "is required"),
    ],
)
def test_every_mistake_is_named_with_its_line(recipe: Path, old: str, new: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        read(changed(recipe, old, new))
    assert caught.value.exit_code == 2
    assert line in [problem.line for problem in caught.value.problems]


def test_globs_may_be_absolute_and_overlap(recipe: Path) -> None:
    globs = f"{recipe.parent}/**/*.parquet, runs/*/part-00001.*"
    settings = settings_of(changed(recipe, "runs/documents/*.parquet", globs))
    assert sorted(path.name for path in settings.shards()) == [f"part-{i:05d}.parquet" for i in range(3)]


def test_command_line(recipe: Path) -> None:
    changed(recipe, "vocab_size", "vocab_sizes")
    command = [sys.executable, "-m", "pipeline", "fit", str(recipe)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "bpe.yaml:4" in ended.stderr
