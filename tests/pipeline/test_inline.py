"""The engine without processes gives what the others give, and leaves errors where a debugger finds them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.engine import Account, Each
from pipeline.errors import PlanError, StepError
from pipeline.inline import InlineEngine
from pipeline.local import LocalEngine
from pipeline.run import Runner
from tests.toy import Compare, Count, Fail, Lines, Long, chain, recipe, write_lines

FILES = {"a.txt": "apple\n?\nab\nbanana\navocado\n", "b.txt": "citrus\ncherry\ndate\n"}


@dataclass(frozen=True)
class Where:
    """A task that says in which process it ran."""

    name: str

    def run(self) -> Account:
        return {"process": os.getpid()}


def test_tasks_run_here_and_in_order() -> None:
    engine = InlineEngine(1, {})
    answers = list(engine.map(Each(), [Where("a"), Where("b")]))
    assert answers == [(0, {"process": os.getpid()}), (1, {"process": os.getpid()})]


def test_the_same_bytes_as_with_workers(local: LocalEngine, tmp_path: Path) -> None:
    source = Lines(paths=write_lines(tmp_path / "in", FILES), source="toy")
    plan = chain(source, Count(), Long(), Compare())
    hashes = {
        Runner(recipe(tmp_path / type(engine).__name__, plan), engine, lambda *_: None).run().content_hash
        for engine in (local, InlineEngine(1, {}))
    }
    assert len(hashes) == 1


def test_an_error_names_step_and_shard(tmp_path: Path) -> None:
    source = Lines(paths=write_lines(tmp_path / "in", FILES), source="toy")
    run = Runner(
        recipe(tmp_path / "out", chain(source, Fail(word="date"))), InlineEngine(1, {}), lambda *_: None
    )
    with pytest.raises(StepError, match=r"'Fail' failed on shard .*part-00001"):
        run.run()


def test_settings_it_does_not_have_are_refused() -> None:
    with pytest.raises(PlanError, match="engine 'inline' knows no setting"):
        InlineEngine(1, {"master": "x"})
