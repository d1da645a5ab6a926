from fractions import Fraction
from itertools import product

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mixtures.allocate import allocate, feasible, fill, largest_total, phase_totals

WEIGHTS = st.lists(st.integers(0, 50), min_size=1, max_size=7).filter(any)
NO_DEADLINE = settings(deadline=None, max_examples=150)


def fractions(weights: list[int]) -> list[Fraction]:
    return [Fraction(w) for w in weights]


@st.composite
def problems(draw: st.DrawFn) -> tuple[list[int], list[list[Fraction]], list[int]]:
    """Totals of phases, weights and caps; feasible or not."""
    n_sources, n_phases = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    row = st.lists(st.integers(0, 5), min_size=n_sources, max_size=n_sources).filter(any)
    weights = [fractions(draw(row)) for _ in range(n_phases)]
    caps = draw(st.lists(st.integers(0, 12), min_size=n_sources, max_size=n_sources))
    totals = draw(st.lists(st.integers(0, 12), min_size=n_phases, max_size=n_phases))
    return totals, weights, caps


def max_flow(totals: list[int], weights: list[list[Fraction]], caps: list[int]) -> int:
    """Ford and Fulkerson's algorithm, a unit at a time: an oracle that knows nothing of Hall."""
    given_by: list[list[int]] = [[] for _ in caps]  # source -> phases it serves

    def serve(phase: int, tried: set[int]) -> bool:
        for s, weight in enumerate(weights[phase]):
            if not weight or s in tried:
                continue
            tried.add(s)
            if len(given_by[s]) < caps[s]:
                given_by[s].append(phase)
                return True
            for i, other in enumerate(given_by[s]):
                if serve(other, tried):
                    given_by[s][i] = phase
                    return True
        return False

    return sum(serve(p, set()) for p, total in enumerate(totals) for _ in range(total))


def test_largest_remainders() -> None:
    # Quotas 4.4, 3.3 and 2.3: one is left over, and 0.4 is the largest remainder.
    assert fill(10, fractions([44, 33, 23]), [], "abc") == [5, 3, 2]
    assert phase_totals(10, [Fraction(1, 3)] * 3) == [4, 3, 3]


def test_of_equal_remainders_the_smaller_name_wins() -> None:
    assert fill(1, fractions([1, 1]), [], ["b", "a"]) == [0, 1]


def test_rounding_up_stays_within_the_limit_of_a_group() -> None:
    # Quotas 2.5, 2.5 (together at their limit) and three times 1/3: only one of the two may be rounded up.
    weights = [Fraction(3), Fraction(3), *[Fraction(1, 10)] * 3]
    assert fill(6, weights, [(frozenset({0, 1}), 5)], range(5)) == [3, 2, 1, 0, 0]


def test_the_largest_total_leaves_room_for_the_rounding_of_phases() -> None:
    # Of 6, the two phases on the first source would have 2.5 each, and both be rounded up: it has but 5.
    shares = [*[Fraction(5, 12)] * 2, *[Fraction(1, 18)] * 3]
    weights = [*[fractions([1, 0])] * 2, *[fractions([0, 1])] * 3]
    assert largest_total(100, shares, weights, [5, 100]) == 5
    assert phase_totals(6, shares) == [3, 3, 0, 0, 0]
    assert phase_totals(5, shares) == [2, 2, 1, 0, 0]


@NO_DEADLINE
@given(st.integers(0, 10**9), WEIGHTS)
def test_without_limits_every_share_is_within_one(total: int, weights: list[int]) -> None:
    draws = fill(total, fractions(weights), [], range(len(weights)))
    assert sum(draws) == total
    for drawn, weight in zip(draws, weights, strict=True):
        assert abs(drawn - Fraction(total * weight, sum(weights))) < 1


@NO_DEADLINE
@given(st.integers(0, 1000), WEIGHTS)
def test_more_weight_never_gives_less(total: int, weights: list[int]) -> None:
    draws = fill(total, fractions(weights), [], range(len(weights)))
    for (w, drawn), (w_other, other) in product(zip(weights, draws, strict=True), repeat=2):
        assert w <= w_other or drawn >= other
    assert len(draws) == len(weights) > 0


@NO_DEADLINE
@given(WEIGHTS, st.data())
def test_a_capped_source_stays_at_its_cap_and_the_rest_keep_their_proportions(
    weights: list[int], data: st.DataObject
) -> None:
    caps = [data.draw(st.integers(0, 60)) for _ in weights]
    most = sum(cap for cap, w in zip(caps, weights, strict=True) if w)
    total = data.draw(st.integers(0, most))
    draws = fill(total, fractions(weights), [(frozenset({s}), c) for s, c in enumerate(caps)], range(99))
    assert sum(draws) == total
    assert all(0 <= drawn <= cap for drawn, cap in zip(draws, caps, strict=True))
    open_ = [(d, w) for d, w, cap in zip(draws, weights, caps, strict=True) if w and d < cap]
    for (drawn, w), (other, w_other) in product(open_, repeat=2):
        assert abs(Fraction(drawn, w) - Fraction(other, w_other)) <= Fraction(1, w) + Fraction(1, w_other)


@NO_DEADLINE
@given(WEIGHTS, st.data())
def test_more_in_total_takes_from_nobody_but_by_rounding(weights: list[int], data: st.DataObject) -> None:
    caps = [data.draw(st.integers(0, 40)) for _ in weights]
    limits = [(frozenset({s}), c) for s, c in enumerate(caps)]
    most = sum(cap for cap, w in zip(caps, weights, strict=True) if w)
    total = data.draw(st.integers(0, most))
    less = fill(total, fractions(weights), limits, range(99))
    more = fill(most, fractions(weights), limits, range(99))
    assert all(b >= a - 1 for a, b in zip(less, more, strict=True))
    assert (sum(less), sum(more)) == (total, most)


@NO_DEADLINE
@given(problems())
def test_feasible_is_what_max_flow_says(problem: tuple) -> None:
    totals, _, _ = problem
    assert feasible(*problem) == (max_flow(*problem) == sum(totals))


@NO_DEADLINE
@given(problems())
def test_every_feasible_problem_is_solved(problem: tuple) -> None:
    totals, weights, caps = problem
    assume(feasible(totals, weights, caps))
    draws = allocate(totals, weights, caps, "abcd")
    assert [sum(row) for row in draws] == totals
    assert all(sum(column) <= cap for column, cap in zip(zip(*draws, strict=True), caps, strict=True))
    assert all(
        w or not d for ws, row in zip(weights, draws, strict=True) for w, d in zip(ws, row, strict=True)
    )


@NO_DEADLINE
@given(problems(), st.randoms())
def test_the_order_of_sources_permutes_the_result(problem: tuple, random) -> None:
    totals, weights, caps = problem
    assume(feasible(totals, weights, caps))
    names = "abcd"[: len(caps)]
    draws = allocate(totals, weights, caps, names)
    order = list(range(len(caps)))
    random.shuffle(order)
    moved = allocate(
        totals,
        [[row[s] for s in order] for row in weights],
        [caps[s] for s in order],
        [names[s] for s in order],
    )
    assert moved == [[row[s] for s in order] for row in draws]


@NO_DEADLINE
@given(problems())
def test_the_largest_total_is_feasible_and_for_one_phase_no_more_is(problem: tuple) -> None:
    shares, weights, caps = [Fraction(t + 1) for t in problem[0]], problem[1], problem[2]
    most = largest_total(10**6, shares, weights, caps)
    assert feasible(phase_totals(most, shares), weights, caps)
    if len(shares) == 1:
        assert not feasible([most + 1], weights, caps)
    else:  # rounding moves each phase by less than one
        beyond = (most + 1) + int(sum(shares) / min(shares)) * (len(shares) + 1)
        assert not feasible(phase_totals(beyond, shares), weights, caps)
    assert largest_total(most, shares, weights, caps) == most
    assert largest_total(most // 2, shares, weights, caps) <= most // 2


def test_the_later_phase_comes_first() -> None:
    # 10 of books are there; main wants 8 and anneal 8.
    even = fractions([1, 1])
    assert allocate([16, 16], [even, even], [100, 10], ["web", "books"]) == [[14, 2], [8, 8]]


def test_but_not_to_what_an_earlier_phase_cannot_do_without() -> None:
    only_a, even = fractions([1, 0]), fractions([1, 1])
    assert allocate([10, 8], [only_a, even], [11, 100], "ab") == [[10, 0], [1, 7]]
