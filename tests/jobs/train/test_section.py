"""The recipe's section: what it is before torch is there, and what it does in a run."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from jobs.train.config import ModelSettings, OptimizerSettings, RunSettings, TrainSettings
from jobs.train.section import Train
from pipeline.errors import PlanError
from pipeline.section import Context
from tests.records import record


def test_reading_a_recipe_does_not_import_torch():
    code = "import jobs.train.section, jobs.train.cli, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_its_settings_are_the_trainers():
    assert dataclasses.asdict(Train()) == dataclasses.asdict(TrainSettings())
    assert issubclass(Train, TrainSettings)


def test_it_is_read_strictly():
    def read(**settings):
        return TypeAdapter(Train).validate_json(json.dumps(settings), strict=True)

    read_so = read(model={"n_layers": 2}, run={"compile": False}, optimizer={"learning_rate": 1})
    assert read_so == Train(
        model=ModelSettings(n_layers=2),
        run=RunSettings(compile=False),
        optimizer=OptimizerSettings(learning_rate=1.0),
    )
    for wrong in (
        {"n_layers": 2},
        {"model": {"n_layer": 2}},
        {"model": {"n_layers": "2"}},
        {"model": {"device": "cpu"}},
        {"run": {"device": "tpu"}},
        {"run": {"compile": "yes"}},
    ):
        with pytest.raises(ValidationError):
            read(**wrong)


def test_it_comes_after_tokens_and_mixture():
    assert (Train.name, Train.after, Train.requires) == (
        "train",
        ("tokens", "mixture"),
        ("tokens", "mixture"),
    )


def test_check_names_every_problem():
    Train().check(["web"])
    with pytest.raises(PlanError, match=r"d_model 100 is not .*; n_heads 12 is not a multiple"):
        Train(model=ModelSettings(d_model=100, n_kv_heads=5)).check(["web"])


def test_check_says_how_to_get_torch():
    script = (
        "import importlib.util as u, sys\n"
        "sys.modules['torch'] = None\n"
        "from jobs.train.section import Train\n"
        "from pipeline.errors import PlanError\n"
        "try:\n    Train().check([])\n"
        "except PlanError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "training needs torch: pip install 'corpusmill[train]'"


def test_the_folder_is_named_by_what_is_trained():
    upstream = ("tokens-a", "mixture-b")
    other_run = RunSettings(compile=True, micro_batch=1, log_every=7, device="cpu", threads=3)
    assert Train(run=other_run).fingerprint(*upstream) == Train().fingerprint(*upstream)
    others = [
        Train(seed=1).fingerprint(*upstream),
        Train(model=ModelSettings(dtype="float32")).fingerprint(*upstream),
        Train(optimizer=OptimizerSettings(beta1=0.8)).fingerprint(*upstream),
        Train().fingerprint("tokens-c", "mixture-b"),
    ]
    assert len({Train().fingerprint(*upstream), *others}) == 5


def test_it_trains_in_the_runs_folder(corpus, settings, tmp_path):
    ours = settings(max_steps=3)
    section = Train(**vars(ours))
    seen = []
    run = corpus.tokens.parent
    sections = {
        "tokens": {"folder": corpus.tokens.name, "content_hash": "a"},
        "mixture": {"folder": corpus.mixture.name, "content_hash": "b"},
    }
    context = Context(
        output=run,
        record=record({}, sections=sections),
        engine=None,
        progress=lambda *progress: seen.append(progress),
    )
    result = section.execute(context)
    assert (run / result["folder"] / "train.json").exists()
    assert result["folder"] == f"train-{section.fingerprint('a', 'b')}"
    assert seen == [("train", step, 3) for step in (1, 2, 3)]
    assert section.execute(context) == result
    assert len(seen) == 3
