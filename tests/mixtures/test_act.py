from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from mixtures.act import Mixture
from mixtures.schedule import Schedule
from mixtures.spec import Phase
from pipeline.act import Context
from pipeline.engine import Engine
from pipeline.errors import PlanError
from pipeline.registry import find
from pipeline.shards import digest, read_json


def context(output: Path, content_hash: str = "abc") -> Context:
    record: Mapping[str, Any] = {"tokens": {"folder": "tokens-1", "content_hash": content_hash}}
    no_engine = cast(Engine, None)  # a mixture is planned where the command runs
    return Context(output=output, record=record, engine=no_engine, progress=lambda *_: None)


@pytest.fixture
def output(tmp_path: Path, make_inventory, write_tokens) -> Path:
    write_tokens(tmp_path / "tokens-1", make_inventory({"web": 1000, "code": 600, "books": 10}))
    return tmp_path


MIXTURE = Mixture(
    budget_tokens=100_000,
    weights={"web": 0.6, "code": 0.3, "books": 0.1},
    phases=(Phase(name="main", share=0.9), Phase(name="anneal", share=0.1, policy="uniform")),
)


def test_it_is_the_registered_act() -> None:
    assert find("acts", "mixture") is Mixture
    assert (Mixture.name, Mixture.after, Mixture.requires) == ("mixture", ("tokens",), ("tokens",))


def test_what_goes_into_run_json(output: Path) -> None:
    told = MIXTURE.run(context(output))
    path = output / told["folder"] / "mixture.json"
    assert told["folder"] == f"mixture-{MIXTURE.fingerprint('abc')}"
    assert told["content_hash"] == digest(path)
    assert told["budget_tokens"] == 100_000
    assert told["n_sequences"] == 1000
    assert list(told["sources"]) == ["web", "code", "books"]
    books = told["sources"]["books"]
    assert books["n_sequences"] == 40
    assert books["epochs"] == 4.0
    assert books["asked"] == pytest.approx(0.9 * 0.1 + 0.1 / 3)
    assert books["realised"] == 0.04
    assert any(note.startswith("books: phase main asks 90 sequences and gets 6") for note in told["notes"])
    assert told["notes"] == read_json(path)["notes"]


def test_the_schedule_yields_what_was_told(output: Path) -> None:
    told = MIXTURE.run(context(output))
    schedule = Schedule.load(output / told["folder"] / "mixture.json")
    assert len(schedule) == told["n_sequences"]
    source, _ = schedule.at(np.arange(len(schedule)))
    drawn = dict(zip(schedule.sources, np.bincount(source).tolist(), strict=True))
    assert drawn == {s: row["n_sequences"] for s, row in told["sources"].items()}


def test_the_keys_of_the_file_are_the_contract(output: Path) -> None:
    written = read_json(output / MIXTURE.run(context(output))["folder"] / "mixture.json")
    keys = ["seed", "sequence_length", "sources", "n_sequences", "phases", "epochs", "notes"]
    assert list(written) == keys
    assert [list(p) for p in written["phases"]] == [["name", "n_sequences", "draws", "asked", "realised"]] * 2


def test_again_gives_the_same_bytes(output: Path) -> None:
    first = MIXTURE.run(context(output))
    assert MIXTURE.run(context(output)) == first
    assert len(list(output.glob("mixture-*"))) == 1


def test_other_tokens_other_folder(output: Path) -> None:
    one, other = (MIXTURE.run(context(output, content))["folder"] for content in ("abc", "def"))
    assert one != other


def test_wrong_names_are_found_before_anything_runs() -> None:
    with pytest.raises(PlanError, match=r"no source 'books'.*\n.*source 'boks' has no weight"):
        MIXTURE.check(["web", "code", "boks"])
    MIXTURE.check(["books", "web", "code"])


def test_no_tokens_folder(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="make them first"):
        MIXTURE.run(context(tmp_path))
