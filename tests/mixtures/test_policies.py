from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mixtures.allocate import fill
from mixtures.policies import KIND, Sizes, normalised
from pipeline.registry import find, names


def sizes_of(
    n_tokens: dict[str, int], n_sequences: int = 1000, alpha: float = 0.3, tokens_per_sequence: int = 1
) -> Sizes:
    """Sources whose caps are as large as they are."""
    return Sizes(
        n_tokens=n_tokens,
        n_sequences_allowed=n_tokens,
        tokens_per_sequence=dict.fromkeys(n_tokens, Fraction(tokens_per_sequence)),
        n_sequences=n_sequences,
        alpha=alpha,
    )


def shares(name: str, n_tokens: dict[str, int], **given: Any) -> dict[str, Fraction]:
    """What the registered policy gives, summing to 1."""
    return normalised(find(KIND, name)(sizes_of(n_tokens, **given)))


SIZES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 10**12), min_size=1).filter(
    lambda sizes: any(sizes.values())
)


@given(SIZES)
def test_all_sum_to_one_and_leave_out_empty_sources(sizes: dict[str, int]) -> None:
    assert set(names(KIND)) >= {"proportional", "uniform", "temperature", "unimax"}
    for name in names(KIND):
        weights = shares(name, sizes)
        assert list(weights) == list(sizes)
        assert sum(weights.values()) == 1
        assert all((weights[s] > 0) == (sizes[s] > 0) for s in sizes)


def test_proportional_and_uniform() -> None:
    sizes = {"a": 30, "b": 10, "c": 0}
    assert shares("proportional", sizes) == {"a": Fraction(3, 4), "b": Fraction(1, 4), "c": 0}
    assert shares("uniform", sizes) == {"a": Fraction(1, 2), "b": Fraction(1, 2), "c": 0}


@given(SIZES)
def test_temperature_lies_between_uniform_and_proportional(sizes: dict[str, int]) -> None:
    assert shares("temperature", sizes, alpha=0) == shares("uniform", sizes)
    near, exact = shares("temperature", sizes, alpha=1), shares("proportional", sizes)
    assert all(abs(near[s] - exact[s]) < Fraction(1, 10**10) for s in sizes)


def test_temperature_flattens_as_in_xlm_r() -> None:
    # 100 to 1 becomes 100^0.3 to 1.
    weights = shares("temperature", {"en": 10_000, "sw": 100}, alpha=0.3)
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
    weights = shares("unimax", {s: 4 * n for s, n in characters.items()}, n_sequences=250_000_000_000)
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
    weights = shares("unimax", sizes, n_sequences=budget)
    limits = [(frozenset({i}), cap) for i, cap in enumerate(sizes.values())]
    filled = fill(budget, list(shares("uniform", sizes).values()), limits, list(sizes))
    for share, sequences in zip(weights.values(), filled, strict=True):
        assert abs(share * budget - sequences) < 1
    assert sum(filled) == budget


def test_unimax_beyond_the_caps_keeps_their_proportions() -> None:
    assert shares("unimax", {"a": 1, "b": 3}, n_sequences=100) == {"a": Fraction(1, 4), "b": Fraction(3, 4)}


def test_nothing_to_weigh() -> None:
    assert normalised({"a": Fraction(0)}) == {"a": 0}
    assert shares("unimax", {"a": 0}, n_sequences=5) == shares("temperature", {"a": 0}, alpha=1) == {"a": 0}


def test_unimax_gives_tokens_by_what_a_sequence_holds() -> None:
    caps = {"web": 100, "books": 2}
    sizes = Sizes(
        n_tokens={"web": 5000, "books": 200},
        n_sequences_allowed=caps,
        tokens_per_sequence={"web": Fraction(50), "books": Fraction(100)},
        n_sequences=10,
        alpha=0.3,
    )
    assert find(KIND, "unimax")(sizes) == {"web": 8 * 50, "books": 2 * 100}
