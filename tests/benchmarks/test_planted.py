"""A planted corpus holds what its truth says, whoever counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import planted
import pyarrow.parquet as pq
import pytest
from bands import draw
from curves import shingles, similarity
from edits import Pool

N, SEED = 600, 3
MIX = planted.Mix(pairs=90, clusters=15, chains=15, large=(30,))


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Passages of made-up words, some in upper case, one of them not ASCII."""
    rng = np.random.default_rng(0)
    vocabulary = [f"w{i}" if i % 3 else f"W{i // 2}É" for i in range(5000)]
    return planted.pool(
        [vocabulary[j] for j in rng.integers(0, 5000, rng.integers(8, 41))] for _ in range(4000)
    )


@pytest.fixture(scope="module")
def corpus(pool: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted") / "corpus"
    made = planted.write(folder, pool, planted.layout(N, MIX, SEED), SEED, shards=3)
    assert made["documents"] == N
    return folder


def texts(corpus: Path) -> dict[str, str]:
    rows = [row for path in sorted(corpus.glob("part-*")) for row in pq.read_table(path).to_pylist()]
    return {row["id"]: row["text"] for row in rows}


def truth(corpus: Path) -> list[dict[str, Any]]:
    return list(pq.read_table(corpus / "truth.parquet").to_pylist())


def test_every_document_is_there_once_and_is_text(corpus: Path) -> None:
    found = texts(corpus)
    assert list(found) == planted.identifiers(np.arange(N))
    assert len(list(corpus.glob("part-*"))) == 3
    for text in found.values():
        assert text == "\n".join(" ".join(line.split()) for line in text.split("\n")).strip()
        assert len(text.split()) >= 40
    assert "É" in "".join(found.values())


def test_the_truth_is_what_plain_sets_give(corpus: Path) -> None:
    sets = {name: shingles(text) for name, text in texts(corpus).items()}
    rows = truth(corpus)
    for row in rows:
        true = similarity(sets[row["id"]], sets[row["original"]])
        assert row["jaccard"] == pytest.approx(true, abs=1e-6)
    assert {row["kind"] for row in rows} == {"pair", "cluster", "chain", "large"}


def test_similarities_are_about_what_was_aimed_at(corpus: Path) -> None:
    rows = truth(corpus)
    miss = np.array([row["jaccard"] - row["aimed"] for row in rows])
    assert len(rows) > 200
    assert abs(miss.mean()) < 0.01
    assert np.abs(miss).max() < 0.2
    exact = [row["jaccard"] for row in rows if row["aimed"] == 1]
    assert exact
    assert set(exact) == {1.0}
    assert all(row["jaccard"] < 1 for row in rows if row["aimed"] < 1)


def test_documents_that_are_no_copies_share_next_to_nothing(corpus: Path) -> None:
    copied = {name for row in truth(corpus) for name in (row["id"], row["original"])}
    sets = [shingles(text) for name, text in texts(corpus).items() if name not in copied]
    assert len(sets) > 100
    assert max(similarity(a, b) for i, a in enumerate(sets) for b in sets[:i]) < 0.2


def test_any_part_can_be_made_alone(pool: Pool, corpus: Path) -> None:
    plan = planted.layout(N, MIX, SEED)
    whole = texts(corpus)
    for start, stop in ((0, 1), (17, 40), (599, 600)):
        (batch, _), *more = planted.documents(pool, plan, SEED, start, stop)
        assert not more
        assert dict(zip(batch["id"].to_pylist(), batch["text"].to_pylist(), strict=True)) == {
            name: whole[name] for name in planted.identifiers(np.arange(start, stop))
        }


def test_another_seed_is_another_corpus(pool: Pool) -> None:
    first, second = (
        next(planted.documents(pool, planted.layout(N, MIX, seed), seed, 0, N))[0]["text"] for seed in (1, 2)
    )
    assert not set(first.to_pylist()) & set(second.to_pylist())


def test_copies_point_to_the_first_of_their_group_and_chains_to_the_one_before() -> None:
    plan = planted.layout(N, MIX, SEED)
    copies = np.flatnonzero(plan.original >= 0)
    chained = plan.kind[copies] == planted.KINDS.index("chain")
    assert chained.any()
    assert (~chained).any()
    assert (plan.group[plan.original[copies]] == plan.group[copies]).all()
    expected = np.where(chained, plan.member[copies] - 1, 0)
    assert (plan.member[plan.original[copies]] == expected).all()
    assert np.bincount(plan.group[plan.kind == planted.KINDS.index("pair")]).max() == 2
    assert (plan.kind == planted.KINDS.index("large")).sum() == 30


def test_groups_that_do_not_fit_are_refused() -> None:
    with pytest.raises(SystemExit, match="do not fit"):
        planted.layout(100, planted.Mix(pairs=60), 1)


@pytest.mark.parametrize("n", [100, 5_000, 10_000, 1_000_000])
def test_a_fifth_of_a_usual_corpus_is_copies(n: int) -> None:
    plan = planted.layout(n, planted.Mix.of(n), 1)
    assert 0.12 < (plan.original >= 0).mean() < 0.25


def test_bands_are_equal_as_often_as_the_law_says() -> None:
    mix = planted.Mix(pairs=9_000, chains=50)
    plan = planted.layout(20_000, mix, 1)
    values = np.zeros((20_000, 14), np.int64)
    draw(1, 8, plan.group, plan.member, plan.kind == planted.KINDS.index("chain"), plan.aim, values)
    copies = np.flatnonzero(plan.original >= 0)
    equal = values[copies] == values[plan.original[copies]]
    for level in planted.LEVELS:
        share = equal[plan.aim[copies] == level].mean()
        assert share == pytest.approx(level**8, abs=0.02)
    alone = values[plan.kind == 0].ravel()
    assert len(np.unique(alone)) == len(alone) > 0


@pytest.mark.data
def test_passages_of_the_developer_data(shared_data: Path) -> None:
    seen = set[str]()
    for _, passage in zip(range(2000), planted.sentences(shared_data), strict=False):
        assert 8 <= len(passage) <= 40
        assert " ".join(passage).split() == passage
        seen.add(" ".join(passage).lower())
    assert len(seen) == 2000
