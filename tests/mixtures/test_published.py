"""Published mixtures: what their tables print follows from weights, budget and sizes, where it does."""

from collections.abc import Mapping

import pytest

from mixtures.inventory import Inventory
from mixtures.planner import MixturePlan, plan
from mixtures.spec import Spec

LENGTH = 2048


def planned(make_inventory, tokens: Mapping[str, float], budget: float, **settings) -> MixturePlan:
    inventory: Inventory = make_inventory({s: int(n) // LENGTH for s, n in tokens.items()}, LENGTH)
    return plan(Spec(budget_tokens=int(budget), **settings), inventory)


# Brown et al. 2020 (GPT-3), arXiv:2005.14165, table 2.2: tokens, weight in the mix, epochs in 300 B tokens.
GPT3 = {
    "common_crawl": (410e9, 0.60, 0.44),
    "webtext2": (19e9, 0.22, 2.9),
    "books1": (12e9, 0.08, 1.9),
    "books2": (55e9, 0.08, 0.43),
    "wikipedia": (3e9, 0.03, 3.4),
}


def test_gpt3_prints_101_percent_and_two_epochs_that_do_not_follow(make_inventory) -> None:
    tokens = {s: n for s, (n, _, _) in GPT3.items()}
    weights = {s: w for s, (_, w, _) in GPT3.items()}
    assert sum(weights.values()) == pytest.approx(1.01)
    as_written = {s: 300e9 * w / n for s, (n, w, _) in GPT3.items()}
    assert as_written["webtext2"] == pytest.approx(3.47, abs=0.01)
    assert as_written["wikipedia"] == pytest.approx(3.00)

    made = planned(make_inventory, tokens, 300e9, weights=weights)
    assert made.notes == ()  # 1.01 is rounding, and no source reaches four epochs
    for s, epochs in made.epochs().items():
        assert epochs == pytest.approx(as_written[s] / 1.01, rel=1e-6)
    unlike = {s for s, (_, _, printed) in GPT3.items() if abs(made.epochs()[s] / printed - 1) > 0.05}
    assert unlike == {"webtext2", "wikipedia"}


# Touvron et al. 2023 (LLaMA), arXiv:2302.13971, table 1: share, epochs in 1.4 T tokens, GB on disk.
LLAMA = {
    "commoncrawl": (0.670, 1.10, 3300),
    "c4": (0.150, 1.06, 783),
    "github": (0.045, 0.64, 328),
    "wikipedia": (0.045, 2.45, 83),
    "books": (0.045, 2.23, 85),
    "arxiv": (0.025, 1.06, 92),
    "stackexchange": (0.020, 1.03, 78),
}


def test_llama_epochs_follow_from_sizes_of_two_digits(make_inventory) -> None:
    # Tokens are not printed. Those that the epochs imply, rounded as such a table would, give them back,
    # and are the size on disk at 2.7 to 4 bytes a token, prose and crawls above code and formulas.
    tokens = {s: float(f"{1.4e12 * w / epochs:.2g}") for s, (w, epochs, _) in LLAMA.items()}
    for s, (_, _, gigabytes) in LLAMA.items():
        assert 2.7 < gigabytes * 1e9 / tokens[s] < 4.0
    made = planned(make_inventory, tokens, 1.4e12, weights={s: w for s, (w, _, _) in LLAMA.items()})
    assert made.notes == ()
    for s, (share, epochs, _) in LLAMA.items():
        assert made.epochs()[s] == pytest.approx(epochs, rel=0.03)
        assert made.table()[s]["realised"] == pytest.approx(share, abs=1e-8)


# Wei et al. 2023 (Skywork-13B), arXiv:2310.19341, table 1, stage 1.
SKYWORK = {
    "en_web": 39.8,
    "en_books": 3.6,
    "en_papers": 3.0,
    "en_encyclopedia": 0.5,
    "en_misc": 2.9,
    "zh_web": 30.4,
    "zh_social": 5.5,
    "zh_encyclopedia": 0.8,
    "zh_misc": 3.1,
    "other_encyclopedia": 2.4,
    "github": 8.0,
}


def test_skywork_shares_by_language_and_its_rule_of_five_repeats(make_inventory) -> None:
    weights = {s: w / 100 for s, w in SKYWORK.items()}
    assert sum(weights.values()) == pytest.approx(1.0)
    # No sizes are printed: all but one source have what they are asked for.
    tokens = {s: 3e12 * w for s, w in weights.items()}
    scarce = tokens | {"zh_encyclopedia": 3e9}
    free = planned(make_inventory, tokens, 3e12, weights=weights, max_epochs=5).table()
    english = sum(row["realised"] for s, row in free.items() if s.startswith("en_"))
    chinese = sum(row["realised"] for s, row in free.items() if s.startswith("zh_"))
    assert english == pytest.approx(0.498, abs=1e-6)
    assert chinese == pytest.approx(0.398, abs=1e-6)  # the text says 39.6

    made = planned(make_inventory, scarce, 3e12, weights=weights, max_epochs=5)
    assert made.epochs()["zh_encyclopedia"] == 5.0  # 8 would have been needed
    assert any(n.startswith("zh_encyclopedia: ") and n.endswith("sequences 5 times") for n in made.notes)
    given = 5 * 3e9 / 3e12
    for s, row in made.table().items():
        if s != "zh_encyclopedia":
            raised = weights[s] * (1 - given) / (1 - weights["zh_encyclopedia"])
            assert row["realised"] == pytest.approx(raised, abs=1e-7)
