from pathlib import Path

import numpy as np
import pytest

from mixtures.schedule import Schedule
from mixtures.section import Mixture
from mixtures.spec import Phase
from pipeline.errors import PlanError
from pipeline.registry import find
from pipeline.section import Context
from pipeline.store import digest, read_json
from tests.records import context as context_of
from tests.records import record


def context(output: Path, content_hash: str = "abc") -> Context:
    sections = {"tokens": {"folder": "tokens-1", "content_hash": content_hash}}
    return context_of(output, record({}, sections=sections))


@pytest.fixture
def output(tmp_path: Path, make_inventory, write_tokens) -> Path:
    write_tokens(tmp_path / "tokens-1", make_inventory({"web": 1000, "code": 600, "books": 10}))
    return tmp_path


MIXTURE = Mixture(
    budget_tokens=100_000,
    weights={"web": 0.6, "code": 0.3, "books": 0.1},
    phases=(Phase(name="main", share=0.9), Phase(name="anneal", share=0.1, policy="uniform")),
)


def test_it_is_the_registered_section() -> None:
    assert find("sections", "mixture") is Mixture
    assert (Mixture.name, Mixture.after, Mixture.requires) == ("mixture", ("tokens",), ("tokens",))


def test_what_goes_into_run_json(output: Path) -> None:
    made = MIXTURE.execute(context(output))
    path = output / made["folder"] / "mixture.json"
    assert made["folder"] == f"mixture-{MIXTURE.fingerprint('abc')}"
    assert made["content_hash"] == digest(path)
    assert made["budget_tokens"] == 100_000
    assert made["n_sequences"] == 1000
    assert list(made["sources"]) == ["web", "code", "books"]
    books = made["sources"]["books"]
    assert books["n_sequences"] == 40
    assert books["epochs"] == 4.0
    assert books["asked"] == pytest.approx(0.9 * 0.1 + 0.1 / 3)
    assert books["realised"] == 0.04
    assert any(note.startswith("books: phase main asks 90 sequences and gets 6") for note in made["notes"])
    assert made["notes"] == read_json(path)["notes"]


def test_the_schedule_yields_what_run_json_says(output: Path) -> None:
    made = MIXTURE.execute(context(output))
    schedule = Schedule.load(output / made["folder"] / "mixture.json")
    assert len(schedule) == made["n_sequences"]
    source, _ = schedule.at(np.arange(len(schedule)))
    drawn = dict(zip(schedule.sources, np.bincount(source).tolist(), strict=True))
    assert drawn == {s: row["n_sequences"] for s, row in made["sources"].items()}


def test_the_keys_of_the_file_are_the_contract(output: Path) -> None:
    written = read_json(output / MIXTURE.execute(context(output))["folder"] / "mixture.json")
    keys = ["seed", "sequence_length", "sources", "n_sequences", "phases", "epochs", "notes"]
    assert list(written) == keys
    assert [list(p) for p in written["phases"]] == [["name", "n_sequences", "draws", "asked", "realised"]] * 2


def test_a_second_time_gives_the_same_bytes(output: Path) -> None:
    first = MIXTURE.execute(context(output))
    assert MIXTURE.execute(context(output)) == first
    assert len(list(output.glob("mixture-*"))) == 1


def test_other_tokens_other_folder(output: Path) -> None:
    one, other = (MIXTURE.execute(context(output, content))["folder"] for content in ("abc", "def"))
    assert one != other


def test_wrong_names_are_found_before_anything_runs() -> None:
    with pytest.raises(PlanError, match=r"no source 'books'.*\n.*source 'boks' has no weight"):
        MIXTURE.check(["web", "code", "boks"])
    MIXTURE.check(["books", "web", "code"])


def test_no_tokens_folder(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="make them first"):
        MIXTURE.execute(context(tmp_path))
