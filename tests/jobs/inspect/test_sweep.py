"""The retention curve: every point is what a what-if says of that value."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from jobs.inspect import sweep
from jobs.inspect.whatif import parse
from pipeline.errors import PlanError
from pipeline.record import Record
from tests.jobs.inspect.test_whatif import asked, kept

CURVE = "gopher_rules.min_n_words=10:300:6"


def test_each_point_is_a_whatif(measured: Path) -> None:
    points = sweep.sweep(measured, Record.load(measured), CURVE, [])
    assert [p.value for p in points] == [10, 68, 126, 184, 242, 300]
    for point in points:
        one = asked(measured, f"gopher_rules.min_n_words={point.value}")
        assert point.kept.documents == one.kept.documents + one.gained.documents - one.lost.documents
        assert point.kept.bytes == one.kept.bytes + one.gained.bytes - one.lost.bytes
        assert point.unknown.documents == 0
    counts = [p.kept.documents for p in points]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) > 2


def test_the_value_of_the_run_is_a_point_like_any_other(run: Path) -> None:
    points = sweep.sweep(run, Record.load(run), "gopher_rules.min_n_words=80:160:2", [])
    assert points[0].kept.documents == len(kept(run)) > points[1].kept.documents
    assert points[0].unknown.documents == 0


def test_other_changes_hold_along_the_curve(measured: Path) -> None:
    fixed = [parse("gopher_rules.max_hashes_per_word=null")]
    loose = sweep.sweep(measured, Record.load(measured), CURVE, fixed)
    strict = sweep.sweep(measured, Record.load(measured), CURVE, [])
    assert all(a.kept.documents >= b.kept.documents for a, b in zip(loose, strict, strict=True))
    assert loose[0].kept.documents > strict[0].kept.documents


def test_shares_are_not_rounded_away(measured: Path) -> None:
    points = sweep.sweep(measured, Record.load(measured), "gopher_rules.max_frac_symbols=0.05:0.5:10", [])
    assert [p.value for p in points] == [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5]


@pytest.mark.parametrize(
    "text",
    [
        "gopher_rules.min_n_words",
        "gopher_rules.min_n_words=1:2",
        "a.b=x:2:3",
        "a.b=1:2:1",
        "a.b=1:inf:3",
        "a.b=1:2:9999",
    ],
)
def test_a_range_that_is_none_is_an_error(run: Path, text: str) -> None:
    with pytest.raises(PlanError):
        sweep.sweep(run, Record.load(run), text, [])


def test_the_curve_is_drawn(measured: Path) -> None:
    points = sweep.sweep(measured, Record.load(measured), CURVE, [])
    out = io.StringIO()
    sweep.show(CURVE, points, Console(file=out, width=160))
    lines = [line for line in out.getvalue().splitlines() if "█" in line]
    assert len(lines) == 6
    lengths = [line.count("█") for line in lines]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] == sweep.BAR


def test_nothing_kept_draws_no_bar(measured: Path) -> None:
    points = sweep.sweep(measured, Record.load(measured), "gopher_rules.min_n_words=90000:99000:2", [])
    out = io.StringIO()
    sweep.show("x.y=1:2:2", points, Console(file=out, width=160))
    assert "█" not in out.getvalue()
