from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtures.allocate import fill
from mixtures.policies import normalised, proportional, temperature, uniform, unimax

SIZES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 10**12), min_size=1).filter(
    lambda sizes: any(sizes.values())
)


@given(SIZES)
def test_all_sum_to_one_and_leave_out_empty_sources(sizes: dict[str, int]) -> None:
    for weights in (proportional(sizes), uniform(sizes), temperature(sizes, 0.3), unimax(sizes, 1000)):
        assert list(weights) == list(sizes)
        assert sum(weights.values()) == 1
        assert all((weights[s] > 0) == (sizes[s] > 0) for s in sizes)


def test_proportional_and_uniform() -> None:
    sizes = {"a": 30, "b": 10, "c": 0}
    assert proportional(sizes) == {"a": Fraction(3, 4), "b": Fraction(1, 4), "c": 0}
    assert uniform(sizes) == {"a": Fraction(1, 2), "b": Fraction(1, 2), "c": 0}


@given(SIZES)
def test_temperature_lies_between_uniform_and_proportional(sizes: dict[str, int]) -> None:
    assert temperature(sizes, 0) == uniform(sizes)
    near, exact = temperature(sizes, 1), proportional(sizes)
    assert all(abs(near[s] - exact[s]) < Fraction(1, 10**10) for s in sizes)


def test_temperature_flattens_as_in_xlm_r() -> None:
    # 100 to 1 becomes 100^0.3 to 1.
    weights = temperature({"en": 10_000, "sw": 100}, 0.3)
    assert float(weights["en"] / weights["sw"]) == pytest.approx(3.981, abs=1e-3)


def test_unimax_as_another_implementation_prints_it() -> None:
    # The example on the page of unimax-sampling (PyPI): FineWeb-2 characters, 250 G budget, 4 epochs.
    characters = {
        "swe": 179955884499,
        "fas": 184595788282,
        "ekk": 42541080893,
        "isl": 10027573389,
        "fao": 549707867,
    }
    weights = unimax({s: 4 * n for s, n in characters.items()}, 250_000_000_000)
    printed = {
        "swe": 0.27692116663466665,
        "fas": 0.27692116663466665,
        "ekk": 0.2769211666346667,
        "isl": 0.160441174224,
        "fao": 0.008795325872,
    }
    for s, share in printed.items():
        assert float(weights[s]) == pytest.approx(share, rel=1e-12)


@given(SIZES, st.integers(1, 10**12))
def test_unimax_is_water_filling_of_equal_weights(sizes: dict[str, int], budget: int) -> None:
    budget = min(budget, sum(sizes.values()))
    weights = unimax(sizes, budget)
    limits = [(frozenset({i}), cap) for i, cap in enumerate(sizes.values())]
    filled = fill(budget, list(uniform(sizes).values()), limits, list(sizes))
    for share, sequences in zip(weights.values(), filled, strict=True):
        assert abs(share * budget - sequences) < 1


def test_unimax_beyond_the_caps_keeps_their_proportions() -> None:
    assert unimax({"a": 1, "b": 3}, 100) == {"a": Fraction(1, 4), "b": Fraction(3, 4)}


def test_nothing_to_weigh() -> None:
    assert normalised({"a": Fraction(0)}) == {"a": 0}
    assert unimax({"a": 0}, 5) == temperature({"a": 0}, 1) == {"a": 0}
