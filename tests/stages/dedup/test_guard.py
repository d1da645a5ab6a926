"""Clusters too large to be believed: chains and frequent phrases come apart, true copies stay together."""

from __future__ import annotations

import random
from typing import Any

import pytest

from stages.dedup.guard import ROUNDS
from stages.dedup.minhash import MinhashDedup
from tests.stages.dedup.judging import clusters, documents, judged
from tests.stages.dedup.test_minhash import edited, prose

PHRASE = " ".join(f"frequent{i}" for i in range(12))
LOOSE: dict[str, Any] = {"bands": 100, "rows": 1}


def unrelated(n: int) -> list[str | None]:
    """Texts with nothing in common but a phrase at their beginning."""
    return [f"{PHRASE} {' '.join(prose(100 + i, 30))}" for i in range(n)]


def groups(texts: list[str | None], **settings: Any) -> tuple[list[list[int]], dict[str, int]]:
    told, notes = judged(MinhashDedup(**settings), documents(texts))
    found: dict[str, list[int]] = {}
    for row, _, kept, size in clusters(told, "cluster"):
        found.setdefault(kept or f"id{row}", []).append(row)
        assert size > 1
    return sorted(found.values()), notes


def test_without_a_guard_a_phrase_makes_one_cluster_of_all() -> None:
    found, _ = groups(unrelated(40), **LOOSE, max_cluster=0)
    assert max(map(len, found)) > 30


def test_unrelated_texts_are_all_kept() -> None:
    found, notes = groups(unrelated(40), **LOOSE, max_cluster=10, verify_jaccard=0.8)
    assert found == []
    found, notes = groups(unrelated(40), **LOOSE, max_cluster=10)
    assert max(map(len, found), default=0) <= 10
    assert notes["clusters_too_large"] == 1
    assert notes["documents_kept_by_the_guard"] > 20


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


@pytest.mark.parametrize("verify", [None, 0.6])
def test_a_chain_is_cut_where_it_is_too_long(verify: float | None) -> None:
    whole, _ = groups(chain(12), **LOOSE, verify_jaccard=verify, max_cluster=0)
    assert whole == [list(range(12))]
    found, notes = groups(chain(12), **LOOSE, verify_jaccard=verify, max_cluster=6)
    assert notes["clusters_too_large"] == 1
    if verify:
        # 0 keeps what is like it, then the first that is left keeps what is like that one.
        assert found == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]] or max(map(len, found)) <= 3
    assert sum(map(len, found)) + notes["documents_kept_by_the_guard"] == 12


def test_splitting_ends_and_keeps_what_is_left() -> None:
    """Chains of pairs that are alike: after ROUNDS documents have what is like them, the rest is kept."""
    found, notes = groups(chain(4 * ROUNDS + 20), **LOOSE, verify_jaccard=0.6, max_cluster=6)
    assert len(found) <= ROUNDS
    assert notes["documents_kept_by_the_guard"] >= 20


def test_the_order_of_keys_does_not_matter() -> None:
    texts = unrelated(25) + chain(9)
    random.Random(3).shuffle(texts)
    step = MinhashDedup(**LOOSE, max_cluster=4, keep="longest")
    first = judged(step, documents(list(texts)), seed=1)
    assert all(judged(step, documents(list(texts)), seed=s)[0].equals(first[0]) for s in (2, 3))


def test_large_clusters_of_true_copies_stay_whole() -> None:
    words = prose(8, 120)
    texts: list[str | None] = [edited(words, i) for i in range(0, 120, 5)]
    found, notes = groups(texts, max_cluster=5)
    assert found == [list(range(24))]
    assert notes["clusters_too_large"] == 1
    assert notes["documents_kept_by_the_guard"] == 0
