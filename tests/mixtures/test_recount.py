from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from mixtures import recount as module
from mixtures.recount import recount
from mixtures.schedule import Schedule

SCHEDULE = Schedule(
    seed=3, sources=("web", "books", "none"), n_sequences=(100, 7, 0), draws=((150, 20, 0), (10, 15, 0))
)


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_counts_do_not_depend_on_the_block(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(module, "BLOCK", block)
    found = recount(SCHEDULE, 170)
    assert found.total == SCHEDULE.totals() == (160, 35, 0)
    assert found.prefix == (150, 20, 0)
    assert found.uneven == 0
    assert found.equal(SCHEDULE, None)
    assert found.equal(SCHEDULE, [150, 20, 0])
    assert not found.equal(SCHEDULE, [149, 21, 0])


def test_a_prefix_is_counted_as_far_as_it_goes() -> None:
    source, _ = SCHEDULE.at(np.arange(33))
    assert recount(SCHEDULE, 33).prefix == tuple(np.bincount(source, minlength=3))
    assert recount(SCHEDULE, 0).prefix == (0, 0, 0)
    assert recount(SCHEDULE, 10_000).prefix == SCHEDULE.totals()


def test_a_schedule_that_repeats_itself_is_found_out() -> None:
    class Stuck(Schedule):
        """Draws the first sequence of each source for ever."""

        def at(self, indices):
            source, sequence = super().at(indices)
            return source, np.zeros_like(sequence)

    stuck = Stuck(seed=0, sources=("web",), n_sequences=(10,), draws=((20,),))
    found = recount(stuck, 0)
    assert found.total == (20,)
    assert found.uneven == 10
    assert not found.equal(stuck, None)


def test_other_numbers_than_planned_are_not_equal() -> None:
    other = replace(SCHEDULE, draws=((150, 20, 0), (11, 14, 0)))
    assert recount(other, 0).equal(other, None)
    assert not recount(other, 0).equal(SCHEDULE, None)


@pytest.mark.parametrize("draws", [7, 8, 13, 14, 15])
def test_what_comes_once_more_than_the_rest_is_no_fault(draws: int) -> None:
    schedule = Schedule(seed=1, sources=("a",), n_sequences=(7,), draws=((draws,),))
    assert recount(schedule, 0).uneven == 0


def test_a_sequence_in_the_place_of_another_is_counted_as_two_faults() -> None:
    class Broken(Schedule):
        def at(self, indices: Any) -> Any:
            source, sequence = super().at(indices)
            return source, np.where(sequence == 3, 4, sequence)

    assert recount(Broken(seed=1, sources=("a",), n_sequences=(7,), draws=((14,),)), 0).uneven == 2
