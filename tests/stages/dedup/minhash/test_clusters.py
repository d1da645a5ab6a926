"""Clusters too large to be believed: chains and frequent phrases come apart, true copies stay together."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.dedup.minhash import MinhashDedup
from stages.dedup.minhash.clusters import ROUNDS
from tests.stages.dedup.apply import applied, clusters, documents
from tests.stages.dedup.minhash.test_stage import edited, prose

PHRASE = " ".join(f"frequent{i}" for i in range(12))
LOOSE: dict[str, Any] = {"bands": 100, "rows": 1}


def unrelated(n: int) -> list[str | None]:
    """Texts with nothing in common but a phrase at their beginning."""
    return [f"{PHRASE} {' '.join(prose(100 + i, 30))}" for i in range(n)]


def groups(texts: list[str | None], **settings: Any) -> tuple[list[list[int]], dict[str, int]]:
    table, metrics = applied(MinhashDedup(**settings), documents(texts))
    found: dict[str, list[int]] = {}
    for row, _, kept, size in clusters(table, "cluster"):
        found.setdefault(kept or f"id{row}", []).append(row)
        assert size > 1
    return sorted(found.values()), metrics


def test_without_a_guard_a_phrase_makes_one_cluster_of_all() -> None:
    found, _ = groups(unrelated(40), **LOOSE, max_cluster=0)
    assert max(map(len, found)) > 30


def test_unrelated_texts_are_all_kept() -> None:
    found, metrics = groups(unrelated(40), **LOOSE, max_cluster=10, verify_jaccard=0.8)
    assert found == []
    found, metrics = groups(unrelated(40), **LOOSE, max_cluster=10)
    assert max(map(len, found), default=0) <= 10
    assert metrics["clusters_too_large"] == 1
    assert metrics["documents_kept_by_the_guard"] > 20


def test_true_copies_inside_are_still_found() -> None:
    texts = unrelated(30)
    texts += [edited((texts[3] or "").split(), 40), edited((texts[7] or "").split(), 41)]
    found, _ = groups(texts, **LOOSE, max_cluster=5)
    near = [g for g in found if {3, 30} <= {*g} or {7, 31} <= {*g}]
    assert len(near) == 2


def chain(n: int) -> list[str | None]:
    """Each differs from the one before by 6 of 60 words: neighbours are alike, ends are not."""
    words = prose(5, 60)
    texts: list[str | None] = []
    for step in range(n):
        texts.append(" ".join(words))
        words = [*words[6:], *prose(1000 + step, 6)]
    return texts


@pytest.mark.parametrize("settings", [{"max_cluster": 6}, {"verify_jaccard": 0.6}])
def test_a_chain_is_cut_where_its_ends_are_unlike(settings: dict[str, Any]) -> None:
    whole, _ = groups(chain(12), **LOOSE, max_cluster=0)
    assert whole == [list(range(12))]
    found, metrics = groups(chain(12), **LOOSE, **settings)
    # 0 keeps what is like it, then the first that is left keeps what is like that one.
    assert all(group == list(range(group[0], group[-1] + 1)) for group in found)
    assert 3 <= max(map(len, found)) <= 4
    assert metrics.get("clusters_too_large", 1) == 1


def test_splitting_ends_and_keeps_what_is_left() -> None:
    """After ROUNDS documents of a chain have what is like them, the rest is kept."""
    n = 3 * ROUNDS + 20
    found, metrics = groups(chain(n), **LOOSE, verify_jaccard=0.6)
    assert found == [[3 * i, 3 * i + 1, 3 * i + 2] for i in range(ROUNDS)]
    assert metrics["documents_alike_only_to_dropped_ones"] == 20


WORD = st.integers(0, 11)


@settings(max_examples=30)
@given(st.lists(st.lists(WORD, min_size=2, max_size=6), max_size=14), st.integers(0, 5))
def test_what_is_dropped_is_like_what_is_kept_and_what_is_kept_is_not(
    rows: list[list[int]], seed: int
) -> None:
    """Words as shingles, bands of one: all pairs with a word in common are looked at."""
    texts: list[str | None] = [" ".join(f"w{w}" for w in row) for row in rows]
    step = MinhashDedup(bands=64, rows=1, ngram=1, verify_jaccard=0.5)
    table, _ = applied(step, documents(texts), seed)
    sets = [set(row) for row in rows]
    gone = {row: kept for row, _, kept, _ in clusters(table, "cluster") if kept}
    for row, kept in gone.items():
        other = int(kept.removeprefix("id"))
        assert other not in gone
        assert len(sets[row] & sets[other]) / len(sets[row] | sets[other]) >= 0.5
    kept_rows = [i for i in range(len(rows)) if i not in gone]
    for i, j in combinations(kept_rows, 2):
        assert len(sets[i] & sets[j]) / len(sets[i] | sets[j]) < 0.5
    assert len(gone) + len(kept_rows) == len(rows)
    assert bool(kept_rows) == bool(rows)


def test_the_order_of_keys_does_not_matter() -> None:
    texts = unrelated(25) + chain(9)
    random.Random(3).shuffle(texts)
    step = MinhashDedup(**LOOSE, max_cluster=4, keep="longest")
    first = applied(step, documents(list(texts)), seed=1)
    assert all(applied(step, documents(list(texts)), seed=s)[0].equals(first[0]) for s in (2, 3))


def test_large_clusters_of_true_copies_stay_together() -> None:
    words = prose(8, 120)
    texts: list[str | None] = [edited(words, i) for i in range(0, 120, 5)]
    found, metrics = groups(texts, max_cluster=5)
    assert found == [list(range(24))]
    assert metrics["clusters_too_large"] == 1
    assert metrics["documents_kept_by_the_guard"] == 0
