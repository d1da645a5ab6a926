"""The recipe's section: what it is before torch is there, and what it does in a run."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from jobs.train.act import Train
from jobs.train.config import HOW, TrainSettings
from pipeline.act import Context
from pipeline.errors import PlanError


def test_reading_a_recipe_does_not_import_torch():
    code = "import jobs.train.act, jobs.train.cli, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_its_settings_are_the_trainers():
    assert Train() == Train(**{name: getattr(TrainSettings(), name) for name in TrainSettings().what()})
    assert issubclass(Train, TrainSettings)


def test_it_is_read_strictly():
    def read(**settings):
        return TypeAdapter(Train).validate_json(json.dumps(settings), strict=True)

    assert read(n_layers=2, compile=False, learning_rate=1) == Train(
        n_layers=2, compile=False, learning_rate=1
    )
    for wrong in ({"n_layer": 2}, {"n_layers": "2"}, {"device": "tpu"}, {"compile": "yes"}):
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
    with pytest.raises(PlanError, match=r"n_layers is 0.*; .*beta1 is 2"):
        Train(n_layers=0, beta1=2.0).check(["web"])


def test_check_says_how_to_get_torch():
    script = (
        "import importlib.util as u, sys\n"
        "sys.modules['torch'] = None\n"
        "from jobs.train.act import Train\n"
        "from pipeline.errors import PlanError\n"
        "try:\n    Train().check([])\n"
        "except PlanError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "training needs torch: pip install 'corpusmill[train]'"


def test_the_folder_is_named_by_what_is_trained():
    names = {"compile": True, "micro_batch": 1, "log_every": 7, "device": "cpu", "threads": 3}
    assert set(names) <= HOW
    assert Train(**names).fingerprint("tokens-a", "mixture-b") == Train().fingerprint("tokens-a", "mixture-b")
    others = [
        Train(seed=1).fingerprint("tokens-a", "mixture-b"),
        Train(dtype="float32").fingerprint("tokens-a", "mixture-b"),
        Train().fingerprint("tokens-c", "mixture-b"),
    ]
    assert len({Train().fingerprint("tokens-a", "mixture-b"), *others}) == 4


def test_it_trains_in_the_runs_folder(corpus, settings, tmp_path):
    ours = settings(max_steps=3)
    act = Train(**{name: getattr(ours, name) for name in [*ours.what(), *HOW]})
    seen = []
    run = corpus.tokens.parent
    record = {
        "tokens": {"folder": corpus.tokens.name, "content_hash": "a"},
        "mixture": {"folder": corpus.mixture.name, "content_hash": "b"},
    }
    context = Context(
        output=run,
        record=record,
        engine=None,
        progress=lambda *progress: seen.append(progress),
    )
    result = act.run(context)
    assert (run / result["folder"] / "train.json").exists()
    assert result["folder"] == f"train-{act.fingerprint('a', 'b')}"
    assert seen == [("train", step, 3) for step in (1, 2, 3)]
    assert act.run(context) == result
    assert len(seen) == 3
