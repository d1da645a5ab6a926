"""`pipeline train`, on a run that the pipeline made from text."""

from __future__ import annotations

import json

import pytest

from jobs.mix import verify
from jobs.train.cli import find, train
from pipeline import config
from pipeline.errors import ConfigError, OutputBusy, PlanError
from pipeline.lock import hold
from pipeline.run import Runner
from pipeline.store import WORK, read_json

RECIPE = """
name: counting
sources:
  words: {use: jsonl, with: {paths: "FOLDER/words.jsonl"}}
  digits: {use: jsonl, with: {paths: "FOLDER/digits.jsonl"}}
steps: []
tokens: {tokenizer: bytes, sequence_length: 64, heldout_frac: 0.1}
mixture: {weights: {words: 3, digits: 1}, budget_tokens: 8192}
train:
  model: {n_layers: 1, d_model: 32, n_heads: 2, n_kv_heads: 1}
  optimizer: {batch_tokens: 512, learning_rate: 0.01}
  run: {log_every: 1, threads: 1}
output: FOLDER/run
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory, local):
    """A recipe whose run has tokens and a mixture, and no training yet."""
    folder = tmp_path_factory.mktemp("recipe")
    words = "one two three four five six seven eight nine ten"
    for name, text in {"words": words, "digits": "0123456789"}.items():
        lines = [json.dumps({"id": f"{name}-{i}", "text": (text + " ") * (1 + i % 4)}) for i in range(80)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    file = folder / "counting.yaml"
    file.write_text(RECIPE.replace("FOLDER", str(folder)))
    Runner(config.read(str(file)), local, lambda *_: None).run(
        sections=lambda section: section.name != "train"
    )
    return file


def test_a_run_trains_from_its_recipe_and_then_from_its_folder(recipe, capsys):
    run = recipe.parent / "run"
    assert "train" not in read_json(run / "run.json")
    train(recipe)
    said = capsys.readouterr().out
    result = read_json(run / "run.json")["train"]
    assert result == read_json(run / result["folder"] / "train.json")
    assert result["steps"] == 16
    assert result["loss_last"] < result["loss_first"] - 1
    assert f"training: {run / result['folder']}" in said
    assert "held out, words:" in said
    assert "held out, digits:" in said
    train(run)
    assert read_json(run / "run.json")["train"] == result
    capsys.readouterr()
    verify(run)  # recounts the schedule, and compares with consumed.json
    assert capsys.readouterr().out.splitlines()[-1] == "equal"


def test_a_run_that_is_busy_is_left_alone(recipe):
    with hold(recipe.parent / "run" / WORK), pytest.raises(OutputBusy):
        train(recipe)


def test_a_recipe_without_the_section_is_refused(recipe, tmp_path):
    text = recipe.read_text()
    (tmp_path / "plain.yaml").write_text(text[: text.index("train:")] + text[text.index("output:") :])
    with pytest.raises(PlanError, match="has no section train:"):
        find(tmp_path / "plain.yaml")


def test_a_recipe_that_has_not_run_is_refused(recipe, tmp_path):
    text = recipe.read_text().replace(f"{recipe.parent}/run", str(tmp_path / "elsewhere"))
    (tmp_path / "new.yaml").write_text(text)
    with pytest.raises(PlanError, match=r"has no tokens and no mixture yet; `pipeline run .*new.yaml`"):
        find(tmp_path / "new.yaml")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(PlanError, match="neither a recipe nor the folder of a finished run"):
        find(tmp_path)
    with pytest.raises(PlanError, match="neither"):
        find(tmp_path / "missing")


def test_settings_that_do_not_fit_are_named_by_their_line(recipe, tmp_path):
    wrong = recipe.read_text().replace("n_kv_heads: 1", "n_kv_heads: 3")
    (tmp_path / "wrong.yaml").write_text(wrong)
    with pytest.raises(ConfigError, match=r"wrong.yaml:\d+: train: n_heads 2 is not a multiple"):
        find(tmp_path / "wrong.yaml")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("{model: {n_layer: 2}}", ": model.n_layer: unknown setting; did you mean 'n_layers'?"),
        ("{optimizer: {lr: 1}}", ": optimizer.lr: unknown setting; known: batch_tokens, "),
        ("{n_layers: 2}", ": n_layers: unknown setting; known: model, optimizer, run, "),
        ("{run: {log_every: 0}}", ": run.log_every: must be at least 1, not 0"),
        ("{run: 3}", ": run: "),
    ],
)
def test_a_wrong_setting_is_named_with_its_group(recipe, tmp_path, settings, message):
    text = recipe.read_text()
    start, end = text.index("train:"), text.index("output:")
    (tmp_path / "wrong.yaml").write_text(f"{text[:start]}train: {settings}\n{text[end:]}")
    with pytest.raises(ConfigError) as caught:
        find(tmp_path / "wrong.yaml")
    assert message in str(caught.value)
