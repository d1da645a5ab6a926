"""Errors: the tree as drawn, exit codes, and that they survive the way between processes."""

from __future__ import annotations

import inspect
import pickle

from pipeline import errors
from pipeline.errors import ConfigError, PipelineError, PlanError, Problem, RunError, StepError


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn = errors.__doc__ or ""
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, PipelineError)]
    assert len(classes) >= 8
    for found in classes:
        depth = len(found.__mro__) - len(PipelineError.__mro__)
        (line,) = [part for part in drawn.splitlines() if f" {found.__name__} " in f"{part} "]
        assert line.index(found.__name__) == 4 + 4 * depth, found


def test_exit_codes() -> None:
    assert ConfigError([]).exit_code == PlanError("x").exit_code == 2
    assert RunError("x").exit_code == StepError("a", "b", "c").exit_code == 1


def test_problems_come_in_the_order_of_their_lines() -> None:
    error = ConfigError([Problem("f", 9, "b", "two"), Problem("f", 2, "a", "one")])
    assert str(error) == "f:2: a: one\nf:9: b: two"


def test_errors_survive_pickling() -> None:
    config = pickle.loads(pickle.dumps(ConfigError([Problem("f", 2, "a", "one")])))
    assert str(config) == "f:2: a: one"
    error = pickle.loads(pickle.dumps(StepError("gopher", "part-00003", "boom")))
    assert (error.step, error.shard, error.cause) == ("gopher", "part-00003", "boom")
    assert str(error) == "step 'gopher' failed on shard part-00003: boom"
