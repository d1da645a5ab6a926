import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jobs.mix import mix
from mixtures.schedule import Schedule
from mixtures.section import Mixture
from pipeline.errors import PlanError
from pipeline.store import read_json, write_json
from tests.records import context, record

WEIGHTS = {"web": 0.6, "code": 0.3, "books": 0.1}


def call(*arguments: object) -> tuple[int, str]:
    """Exit code and output; errors of ours pass through, as they do to the `pipeline` command."""
    result = CliRunner().invoke(mix, [str(a) for a in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture
def run(tmp_path: Path, make_inventory, write_tokens) -> Path:
    """A finished run: tokens and a mixture, as `pipeline run` leaves them."""
    write_tokens(tmp_path / "tokens-1", make_inventory({"web": 1000, "code": 600, "books": 10}))
    made = record({}, sections={"tokens": {"folder": "tokens-1", "content_hash": "abc"}})
    mixture = Mixture(budget_tokens=100_000, weights=WEIGHTS)
    made.sections["mixture"] = mixture.execute(context(tmp_path, made))
    made.write(tmp_path)
    return tmp_path


def train(run: Path, steps: int, lie: int = 0) -> None:
    """What a training of batches of 7 writes; `lie` sequences of web counted as code."""
    schedule = Schedule.load(run / read_json(run / "run.json")["mixture"]["folder"] / "mixture.json")
    source, _ = schedule.at(np.arange(7 * steps))
    counts = np.bincount(source, minlength=3).tolist()
    counts[0], counts[1] = counts[0] - lie, counts[1] + lie
    consumed = {
        "sources": [*schedule.sources],
        "sequences": counts,
        "first_index": 0,
        "next_index": 7 * steps,
    }
    write_json(run / "train-1" / "consumed.json", consumed)


def cells(output: str, source: str) -> list[str]:
    """The row of a table that begins with `source`."""
    (line,) = [line for line in output.splitlines() if line.strip("│┃ ").startswith(f"{source} ")]
    return [cell.strip() for cell in line.strip("│┃ ").split("│")]


def test_plan_of_a_run_is_the_one_it_has(run: Path) -> None:
    code, output = call("plan", run)
    assert code == 0
    assert "100,000 tokens, padding included" in output
    assert cells(output, "web")[:6] == ["web", "100,000", "60.00%", "64.00%", "0.64", "640"]
    books = cells(output, "books")
    assert books[:6] == ["books", "1,000", "10.00%", "4.00%", "4.00", "40"]
    assert books[6].startswith("phase main asks 100 sequences and gets 40")


def test_plan_of_a_run_without_a_mixture(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no finished run with a mixture"):
        call("plan", tmp_path)


def test_verify_without_training(run: Path) -> None:
    code, output = call("verify", run)
    assert code == 0
    assert "equal; there is no training to compare with" in output
    assert cells(output, "web") == ["web", "640", "640"]


@pytest.mark.parametrize("steps", [1, 50, 142])
def test_verify_what_training_has_read_so_far(run: Path, steps: int) -> None:
    train(run, steps)
    code, output = call("verify", run)
    assert code == 0, output
    assert output.splitlines()[-1] == "equal"
    due, trained = cells(output, "books")[3:]
    assert due == trained


def test_verify_finds_a_training_that_read_something_else(run: Path) -> None:
    train(run, 50, lie=1)
    code, output = call("verify", run)
    assert code == 1
    assert output.splitlines()[-1] == "not equal"


def test_verify_reads_the_training_that_run_json_names(run: Path) -> None:
    train(run, 50, lie=1)
    (run / "train-1").rename(run / "train-old")
    train(run, 50)
    record = read_json(run / "run.json")
    write_json(run / "run.json", record | {"train": {"folder": "train-1"}})
    assert call("verify", run)[0] == 0
    write_json(run / "run.json", record | {"train": {"folder": "train-old"}})
    assert call("verify", run)[0] == 1


def test_verify_a_run_that_stopped_in_training(run: Path) -> None:
    # run.json is written when everything is done; the folders are there before.
    train(run, 3)
    (run / "run.json").unlink()
    assert call("verify", run)[0] == 0


def test_verify_a_training_on_other_sources(run: Path) -> None:
    consumed = {"sources": ["web"], "sequences": [3], "first_index": 0, "next_index": 3}
    write_json(run / "train-1" / "consumed.json", consumed)
    with pytest.raises(PlanError, match="counts sources"):
        call("verify", run)


def test_verify_finds_a_plan_that_was_edited(run: Path) -> None:
    path = run / read_json(run / "run.json")["mixture"]["folder"] / "mixture.json"
    train(run, 100)
    plan = read_json(path)
    plan["phases"][0]["draws"] = [600, 360, 40]
    path.write_text(json.dumps(plan))
    assert call("verify", run)[0] == 1


def test_verify_where_nothing_was_planned(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="has no mixture yet"):
        call("verify", tmp_path)


RECIPE = """
name: mixed
sources:
  web: {use: jsonl, with: {paths: web.jsonl}}
  code: {use: jsonl, with: {paths: code.jsonl}}
  books: {use: jsonl, with: {paths: books.jsonl}}
tokens: {tokenizer: bytes, sequence_length: 100}
mixture:
  budget_tokens: 100000
  weights: {web: 0.6, code: 0.3, books: 0.1}
output: .
"""


@pytest.fixture
def recipe(run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The recipe behind `run`, which is the working directory."""
    monkeypatch.chdir(run)
    for source in WEIGHTS:
        (run / f"{source}.jsonl").write_text('{"text": "a"}\n')
    (run / "recipe.yaml").write_text(RECIPE)
    return run / "recipe.yaml"


def test_plan_of_a_recipe_is_the_one_its_run_has(recipe: Path) -> None:
    assert call("plan", recipe) == call("plan", recipe.parent)


def test_plan_of_an_edited_recipe_is_planned_anew_and_writes_nothing(recipe: Path) -> None:
    before = sorted(recipe.parent.rglob("*"))
    recipe.write_text(RECIPE.replace("budget_tokens: 100000", "max_epochs: {books: 16}"))
    output = call("plan", recipe)[1]
    assert cells(output, "books")[4:6] == ["16.00", "160"]
    assert sorted(recipe.parent.rglob("*")) == before


def test_plan_of_a_recipe_whose_run_stopped_after_its_tokens(recipe: Path) -> None:
    (recipe.parent / "run.json").unlink()
    assert cells(call("plan", recipe)[1], "web")[5] == "640"


def test_plan_of_a_recipe_that_asks_too_much(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("100000", "10000000"))
    with pytest.raises(PlanError, match="the most possible is 644,000"):
        call("plan", recipe)


def test_plan_of_a_recipe_without_a_mixture(recipe: Path) -> None:
    recipe.write_text(RECIPE.split("mixture:")[0] + "output: .\n")
    with pytest.raises(PlanError, match="has no section mixture"):
        call("plan", recipe)
