import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixtures.schedule import MAX_DRAWS, Schedule
from pipeline import keyed
from pipeline.store import write_json

NO_DEADLINE = settings(deadline=None, max_examples=60)
# (source, sequence) at each index of the schedule of `test_known_answers`.
GOLDEN = [(0, 2), (0, 7), (1, 0), (0, 4), (0, 5), (0, 6), (1, 1), (0, 9), (1, 0), (0, 0), (1, 1), (1, 1)]


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    n_sources = draw(st.integers(1, 6))
    row = st.tuples(*[st.integers(0, 60)] * n_sources)
    draws = draw(st.lists(row, min_size=1, max_size=3).filter(lambda rows: any(map(any, rows))))
    return Schedule(
        seed=draw(st.integers(0, 9)),
        sources=tuple("abcdef"[:n_sources]),
        n_sequences=tuple(draw(st.integers(1, 30)) for _ in range(n_sources)),
        draws=tuple(draws),
    )


def walked(schedule: Schedule) -> list[tuple[int, int]]:
    """Every index by sorting all draws of a phase by (time, source, k): the definition, written out."""
    out, before = [], [0] * len(schedule.sources)
    for phase in schedule.draws:
        order = sorted(
            (((2 * k + 1) << 30) // n, source, k) for source, n in enumerate(phase) for k in range(n)
        )
        for _, source, k in order:
            n = schedule.n_sequences[source]
            epoch, place = divmod(before[source] + k, n)
            key = keyed.key(schedule.seed, schedule.sources[source], epoch)
            out.append((source, int(keyed.permute(np.array([place]), n, key)[0])))
        before = [b + n for b, n in zip(before, phase, strict=True)]
    return out


def everything(schedule: Schedule) -> list[tuple[int, int]]:
    source, sequence = schedule.at(np.arange(len(schedule)))
    return list(zip(source.tolist(), sequence.tolist(), strict=True))


@NO_DEADLINE
@given(schedules())
def test_it_is_the_definition(schedule: Schedule) -> None:
    assert everything(schedule) == walked(schedule)


@NO_DEADLINE
@given(schedules(), st.data())
def test_any_index_answers_alone(schedule: Schedule, data: st.DataObject) -> None:
    # So a run resumes, and splits over workers, by asking for other indices.
    indices = data.draw(st.lists(st.integers(0, len(schedule) - 1), max_size=20))
    source, sequence = schedule.at(np.array(indices, np.int64))
    assert source.dtype == np.int32
    assert sequence.dtype == np.int64
    whole = everything(schedule)
    assert list(zip(source.tolist(), sequence.tolist(), strict=True)) == [whole[i] for i in indices]


@NO_DEADLINE
@given(schedules())
def test_each_epoch_has_every_sequence_once(schedule: Schedule) -> None:
    epochs = 0
    whole = everything(schedule)
    for source, n in enumerate(schedule.n_sequences):
        mine = [sequence for s, sequence in whole if s == source]
        assert len(mine) == schedule.totals()[source]
        for start in range(0, len(mine), n):
            epoch = mine[start : start + n]
            assert len(set(epoch)) == len(epoch)
            assert set(epoch) <= set(range(n))
            epochs += 1
    assert epochs


@NO_DEADLINE
@given(schedules())
def test_every_prefix_of_a_phase_keeps_the_shares(schedule: Schedule) -> None:
    source, _ = schedule.at(np.arange(len(schedule)))
    start = checked = 0
    for draws in schedule.draws:
        total, n_sources = sum(draws), len(draws)
        mine = source[start : start + total]
        for s, n in enumerate(draws):
            had = np.cumsum(mine == s)
            error = np.abs(had - np.arange(1, total + 1) * n / max(1, total))
            assert error.max(initial=0) <= (n_sources + 1) / 2 + 1e-9
            checked += len(error)
        start += total
    assert checked


@pytest.mark.parametrize(
    "draws",
    [
        (600_000, 220_000, 80_000, 70_000, 30_000),
        (398_000, 36_000, 30_000, 5_000, 29_000, 304_000, 55_000, 8_000, 31_000, 24_000, 80_000),
        (999_999, 1),
    ],
)
def test_a_million_indices_keep_within_about_one_sequence(draws: tuple[int, ...]) -> None:
    schedule = Schedule(
        seed=0, sources=tuple(map(str, draws)), n_sequences=tuple(n // 3 + 1 for n in draws), draws=(draws,)
    )
    source, _ = schedule.at(np.arange(len(schedule)))
    errors = [
        np.abs(np.cumsum(source == s) - np.arange(1, len(source) + 1) * (n / len(source))).max()
        for s, n in enumerate(draws)
    ]
    assert max(errors) < 1.5
    assert len(errors) == len(draws)


def test_a_billion_sequences_take_no_memory() -> None:
    schedule = Schedule(
        seed=7,
        sources=("web", "code", "books"),
        n_sequences=(10**9, 10**8, 3 * 10**6),
        draws=((599_999_999, 290_000_001, 10_000_000), (50_000_000, 48_000_000, 2_000_000)),
    )
    indices = np.array([0, 1, 123_456_789, 899_999_999, 900_000_000, 999_999_999])
    tracemalloc.start()
    source, sequence = schedule.at(indices)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(schedule) == 1_000_000_000
    assert peak < 1 << 20
    assert all(0 <= q < schedule.n_sequences[s] for s, q in zip(source, sequence, strict=True))


def test_at_the_limit_of_draws_nothing_overflows() -> None:
    draws = ((1 << 32) - 1, (1 << 32) - 1, 1)
    schedule = Schedule(seed=0, sources=("a", "b", "c"), n_sequences=(1 << 33, 1 << 20, 1), draws=(draws,))
    # The middle is c's; around it a and b take turns, as two equal sources do.
    middle = len(schedule) // 2
    source, _ = schedule.at(np.arange(middle - 40, middle + 40))
    assert np.bincount(source).tolist() == [40, 39, 1] or np.bincount(source).tolist() == [39, 40, 1]
    last, _ = schedule.at(np.array([len(schedule) - 1]))
    assert last.tolist() == [1]
    first, _ = schedule.at(np.arange(4))  # two draws of each in the first tick
    assert first.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("start", [0, 1 << 31, MAX_DRAWS - 11])
def test_several_draws_in_one_tick_stand_in_their_order(start: int) -> None:
    schedule = Schedule(seed=0, sources=("a",), n_sequences=(MAX_DRAWS,), draws=((MAX_DRAWS - 1,),))
    indices = np.arange(start, start + 10)
    _, sequence = schedule.at(indices)
    assert np.array_equal(sequence, keyed.permute(indices, MAX_DRAWS, keyed.key(0, "a", 0)))


def test_a_draw_is_not_made_before_its_tick() -> None:
    # The one of a stands at tick 2^30; b's middle two at 2^30 - 1 and 2^30, where a comes first.
    many = (1 << 30) + 2
    schedule = Schedule(seed=0, sources=("a", "b"), n_sequences=(1, many), draws=((1, many),))
    source, _ = schedule.at(np.arange(many // 2 - 2, many // 2 + 3))
    assert source.tolist() == [1, 1, 0, 1, 1]


def test_another_seed_another_order_of_sequences_the_same_order_of_sources() -> None:
    plan = {"sources": ("a", "b"), "n_sequences": (50, 50), "draws": ((50, 50),)}
    one, other = (Schedule(seed=seed, **plan).at(np.arange(100)) for seed in (1, 2))
    assert np.array_equal(one[0], other[0])
    assert not np.array_equal(one[1], other[1])


def test_epochs_are_shuffled_apart() -> None:
    schedule = Schedule(seed=1, sources=("a",), n_sequences=(64,), draws=((128,),))
    _, sequence = schedule.at(np.arange(128))
    assert sorted(sequence[:64]) == sorted(sequence[64:]) == list(range(64))
    assert not np.array_equal(sequence[:64], sequence[64:])


def test_known_answers() -> None:
    # Pinned: a trained run can only be resumed, or verified, if this never changes.
    schedule = Schedule(seed=3, sources=("web", "books"), n_sequences=(10, 2), draws=((6, 2), (1, 3)))
    assert everything(schedule) == GOLDEN


def test_load_reads_what_a_plan_wrote(tmp_path: Path) -> None:
    path = tmp_path / "mixture.json"
    phases = [{"name": "main", "n_sequences": 8, "draws": [6, 2], "asked": [], "realised": []}]
    phases.append({"name": "anneal", "n_sequences": 4, "draws": [1, 3], "asked": [], "realised": []})
    plan = {"seed": 3, "sequence_length": 8, "sources": ["web", "books"], "n_sequences": [10, 2]}
    write_json(path, plan | {"phases": phases, "epochs": [0.7, 2.5], "notes": []})
    assert everything(Schedule.load(path)) == GOLDEN


@pytest.mark.parametrize("wrong", [[-1], [12], [0, 12]])
def test_no_such_index(wrong: list[int]) -> None:
    schedule = Schedule(seed=3, sources=("web", "books"), n_sequences=(10, 2), draws=((6, 2), (1, 3)))
    with pytest.raises(IndexError, match="of 12 sequences"):
        schedule.at(np.array(wrong))


def test_no_indices_no_answers() -> None:
    schedule = Schedule(seed=3, sources=("web", "books"), n_sequences=(10, 2), draws=((6, 2), (1, 3)))
    source, sequence = schedule.at(np.array([], np.int64))
    assert len(source) == len(sequence) == 0
