"""Our walk through the trees, against LightGBM's own."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import pytest

from classifiers.forest import LOGISTIC, N_LEAVES, PLACE, REACH, STEPS, Forest
from stages.extract.auto.train import questions

Rows = npt.NDArray[np.float32]


def boosted(rows: Rows, n_leaves: int, n_trees: int) -> Any:
    labels = (rows[:, 0] > 0.3) * 0.6 + (rows[:, 1] * rows[:, 2] > 0) * 0.4
    settings = {
        "objective": "cross_entropy", "num_leaves": n_leaves, "min_data_in_leaf": 3, "verbose": -1,
        "num_threads": 1, "deterministic": True, "learning_rate": 0.2, "seed": 1,
    }  # fmt: skip
    return lightgbm.train(settings, lightgbm.Dataset(rows, labels), n_trees)


def ours(booster: Any) -> Forest:
    return questions([tree["tree_structure"] for tree in booster.dump_model()["tree_info"]])


@pytest.mark.parametrize("n_leaves", [2, 7, 31])
def test_probabilities_are_those_of_lightgbm(n_leaves: int) -> None:
    rng = np.random.default_rng(n_leaves)
    rows = rng.normal(size=(600, 6)).astype(np.float32)
    rows[:, 3] = rng.integers(0, 4, 600)  # thresholds between whole numbers, which float32 holds
    booster = boosted(rows, n_leaves, 40)
    new = rng.normal(size=(500, 6)).astype(np.float32)
    new[:, 3] = rng.integers(-1, 5, 500)
    expected = booster.predict(new.astype(np.float64))
    assert np.abs(ours(booster).predict(new) - expected).max() < 1 / STEPS / 4 + 1e-4
    assert np.abs(ours(booster).predict(rows) - booster.predict(rows)).max() < 1 / STEPS / 4 + 1e-4
    assert np.ptp(expected) > 0.3


def test_rows_at_a_threshold_go_the_same_way() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 3)).astype(np.float32)
    booster = boosted(rows, 31, 1)
    forest = ours(booster)
    sides = 0
    for feature, threshold in zip(forest.features.tolist(), forest.thresholds.tolist(), strict=True):
        for value in (threshold, *np.nextafter(np.float32(threshold), np.array([-9, 9], np.float32))):
            row = np.zeros((1, 3), np.float32)
            row[0, feature] = value
            odds = booster.predict(row.astype(np.float64), raw_score=True)
            place = int(np.rint(odds[0] * STEPS)) + REACH * STEPS
            assert forest.predict(row)[0] == LOGISTIC[place]
            sides += 1
    assert sides > 30


def test_a_tree_without_a_question_is_its_leaf() -> None:
    forest = questions([{"leaf_value": 0.5}, {"leaf_value": 0.25}])
    assert forest.predict(np.zeros((3, 1), np.float32)).tolist() == [LOGISTIC[(REACH * STEPS) + 48]] * 3
    assert forest.predict(np.zeros((0, 1), np.float32)).tolist() == []


def test_the_logistic_table_rises_from_zero_to_one() -> None:
    assert (np.diff(LOGISTIC) >= 0).all()
    assert LOGISTIC[0] < 1e-3
    assert LOGISTIC[-1] > 1 - 1e-3
    assert LOGISTIC[REACH * STEPS] == 0.5
    assert np.allclose(LOGISTIC + LOGISTIC[::-1], 1, atol=1e-4)


def test_great_odds_stay_in_the_table() -> None:
    for value, expected in ((1e6, LOGISTIC[-1]), (-1e6, LOGISTIC[0])):
        forest = questions([{"leaf_value": value}])
        assert forest.predict(np.zeros((1, 1), np.float32))[0] == expected


def test_each_leaf_has_its_place() -> None:
    assert sorted(PLACE.tolist()) == list(range(N_LEAVES))
