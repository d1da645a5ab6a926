"""The one randomness: keyed, uniform, and a permutation that is one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from pipeline.keyed import hash64, key, permute, uniform

IDS = pa.array([f"doc-{i}" for i in range(20_000)])


def test_hash_is_xxh3_64_of_the_id_seeded_by_the_parts() -> None:
    seed = xxhash.xxh3_64_intdigest(b"7\x1fsample")
    assert key(7, "sample") == seed
    assert hash64(pa.array(["a", "é"]), 7, "sample").tolist() == [
        xxhash.xxh3_64_intdigest(b"a", seed=seed),
        xxhash.xxh3_64_intdigest("é".encode(), seed=seed),
    ]


def test_parts_are_told_apart() -> None:
    assert key("ab", "c") != key("a", "bc")
    assert key(1, 2) != key(12)


def test_uniform_is_uniform_and_independent_of_other_keys() -> None:
    u, v = uniform(IDS, 0, "a"), uniform(IDS, 1, "a")
    assert 0.0 <= u.min() < 0.001
    assert 0.999 < u.max() < 1.0
    counts = np.histogram(u, bins=20, range=(0, 1))[0]
    # Chi-square with 19 degrees of freedom: 43.8 is its 0.999 quantile.
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8
    assert abs(np.corrcoef(u, v)[0, 1]) < 0.03


def test_uniform_depends_on_the_id_and_not_on_its_neighbours() -> None:
    whole = uniform(IDS, 3)
    assert (uniform(IDS.slice(100, 50), 3) == whole[100:150]).all()


def test_the_largest_hash_stays_below_one() -> None:
    assert ((1 << 64) - 1 >> 11) * 2.0**-53 < 1.0


@given(n=st.integers(1, 5000), seed=st.integers(0, 2**63))
def test_permute_is_a_permutation(n: int, seed: int) -> None:
    assert sorted(permute(np.arange(n), n, seed).tolist()) == list(range(n))


@given(n=st.integers(1, 2**61), seed=st.integers(0, 99), start=st.integers(0, 2**61))
def test_permute_of_huge_ranges_stays_inside_and_injective(n: int, seed: int, start: int) -> None:
    some = np.unique((np.arange(50, dtype=np.int64) + start) % n)
    out = permute(some, n, seed)
    assert out.min() >= 0
    assert out.max() < n
    assert len(set(out.tolist())) == len(some)


def test_permute_does_not_depend_on_what_is_asked_together() -> None:
    whole = permute(np.arange(1000), 1000, 5)
    assert [int(permute(np.array([i]), 1000, 5)[0]) for i in range(0, 1000, 37)] == whole[::37].tolist()


def test_seeds_give_unlike_orders_that_look_random() -> None:
    n = 10_000
    a, b = permute(np.arange(n), n, 1), permute(np.arange(n), n, 2)
    assert (a == b).mean() < 0.001
    assert abs(np.corrcoef(a, np.arange(n))[0, 1]) < 0.05
    steps = np.abs(np.diff(a))
    assert steps.mean() == pytest.approx(n / 3, rel=0.05)  # as of two independent uniform draws
