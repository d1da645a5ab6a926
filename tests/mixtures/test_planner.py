from fractions import Fraction

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st

from mixtures.inventory import Inventory, SourceTokens
from mixtures.planner import MixturePlan, plan
from mixtures.spec import Phase, Spec
from pipeline.errors import PlanError

NAMES = ["web", "code", "books", "wiki", "math"]
NO_DEADLINE = settings(deadline=None, max_examples=80)


@st.composite
def inventories(draw: st.DrawFn, smallest: int = 0) -> Inventory:
    length, sources = 64, {}
    for name in NAMES[: draw(st.integers(1, 5))]:
        n = draw(st.integers(smallest, 2000))
        pad = draw(st.integers(0, n * length // 2))
        sources[name] = SourceTokens(n_sequences=n, n_tokens=n * length - pad, n_padding=pad, n_bytes=0)
    assume(any(s.n_sequences for s in sources.values()))
    return Inventory(sequence_length=length, sources=sources)


@st.composite
def specs(draw: st.DrawFn, sources: list[str], caps: bool = True) -> Spec:
    weights = st.fixed_dictionaries({s: st.sampled_from([0.0, 0.1, 0.25, 0.6, 1.0]) for s in sources}).filter(
        lambda w: any(w.values())
    )
    policies = st.sampled_from(["proportional", "uniform", "temperature", "unimax"])
    chosen = st.one_of(
        st.fixed_dictionaries({"weights": weights}), st.fixed_dictionaries({"policy": policies}), st.just({})
    )
    phases = [
        Phase(name=f"p{i}", share=draw(st.sampled_from([0.1, 0.5, 0.9])), **draw(chosen))
        for i in range(draw(st.integers(0, 3)))
    ]
    epochs = st.dictionaries(st.sampled_from(sources), st.sampled_from([0.5, 1.0, 2.0, 7.3]))
    return Spec(
        budget_tokens=draw(st.none() | st.integers(64, 64 * 3000)),
        phases=tuple(phases),
        max_epochs=draw(epochs) if caps else 1e9,
        seed=draw(st.integers(0, 3)),
        **draw(chosen),
    )


def planned_or_rejected(spec: Spec, inventory: Inventory) -> MixturePlan:
    """The plan; hypothesis tries another where there is none, and complains if that is often."""
    try:
        return plan(spec, inventory)
    except PlanError:
        return reject()


def column(made: MixturePlan, source: str) -> list[int]:
    at = list(made.inventory.sources).index(source)
    return [phase.draws[at] for phase in made.phases]


@NO_DEADLINE
@given(st.data())
def test_totals_are_exact_and_caps_hold(data: st.DataObject) -> None:
    inventory = data.draw(inventories())
    spec = data.draw(specs(list(inventory.sources)))
    made = planned_or_rejected(spec, inventory)
    total = sum(made.draws().values())
    if spec.budget_tokens is not None:
        assert total == spec.budget_tokens // 64
    for name, source in inventory.sources.items():
        assert made.draws()[name] == sum(column(made, name))
        assert made.draws()[name] <= spec.epochs_allowed(name) * source.n_sequences
    shares = [Fraction(str(p.share)) for p in spec.plan_phases()]
    for phase, share in zip(made.phases, shares, strict=True):
        assert abs(sum(phase.draws) - total * share / sum(shares)) < 1
    for shown in (made.table().values(), made.phases):
        assert shown
    assert plan(spec, inventory) == made


@NO_DEADLINE
@given(st.data())
def test_realised_is_asked_to_within_a_sequence_where_no_cap_binds(data: st.DataObject) -> None:
    inventory = data.draw(inventories(smallest=1))
    made = plan(data.draw(specs(list(inventory.sources), caps=False)), inventory)
    length, sources = inventory.sequence_length, inventory.sources.values()
    for phase in made.phases:
        tokens = sum(n * s.n_tokens / s.n_sequences for n, s in zip(phase.draws, sources, strict=True))
        # All sources are rounded by less than one sequence, so the sum is off by less than one for each.
        slack = length * (1 + len(sources))
        for asked, realised in zip(phase.asked, phase.realised, strict=True):
            assert abs(asked - realised) * tokens <= slack
        for n, asked in zip(phase.draws, phase.asked, strict=True):
            assert asked or not n
    assert not any(" asks " in note for note in made.notes)
    assert made.phases


@NO_DEADLINE
@given(st.data(), st.randoms())
def test_the_order_of_the_sources_permutes_the_plan(data: st.DataObject, random) -> None:
    inventory = data.draw(inventories(smallest=1))
    spec = data.draw(specs(list(inventory.sources)))
    order = list(inventory.sources)
    random.shuffle(order)
    moved = Inventory(sequence_length=64, sources={s: inventory.sources[s] for s in order})
    made = planned_or_rejected(spec, inventory)
    other = plan(spec, moved)
    assert {s: column(made, s) for s in order} == {s: column(other, s) for s in order}
    assert sorted(made.notes) == sorted(other.notes)


@NO_DEADLINE
@given(st.data())
def test_the_budget_that_an_error_tells_is_the_largest(data: st.DataObject) -> None:
    inventory = data.draw(inventories(smallest=1))
    weights = {s: data.draw(st.sampled_from([0.2, 1.0])) for s in inventory.sources}
    with pytest.raises(PlanError) as caught:
        plan(Spec(budget_tokens=10**9, weights=weights), inventory)
    told = int(str(caught.value).split("the most possible is ")[1].split(" ")[0].replace(",", ""))
    assert told == 4 * 64 * sum(s.n_sequences for s in inventory.sources.values())
    made = plan(Spec(budget_tokens=told, weights=weights), inventory)
    assert set(made.epochs().values()) == {4.0}
    with pytest.raises(PlanError):
        plan(Spec(budget_tokens=told + 64, weights=weights), inventory)


def test_padding_counts_in_the_budget_and_not_in_the_weights(make_inventory) -> None:
    # Half of each of web's sequences is padding: it takes twice as many for the same tokens.
    inventory = make_inventory({"web": 1000, "code": 1000}, 100, padding={"web": 50_000})
    made = plan(Spec(budget_tokens=90_099, weights={"web": 1, "code": 1}), inventory)
    assert made.draws() == {"web": 600, "code": 300}
    assert made.phases[0].realised == (0.5, 0.5)


def test_no_budget_is_one_pass(make_inventory) -> None:
    inventory = make_inventory({"web": 700, "code": 300})
    assert plan(Spec(), inventory).draws() == {"web": 700, "code": 300}
    assert plan(Spec(policy="uniform"), inventory).draws() == {"web": 500, "code": 500}
    assert plan(Spec(weights={"web": 0, "code": 1}), inventory).draws() == {"web": 0, "code": 300}
    assert plan(Spec(max_epochs={"web": 0.5}), inventory).draws() == {"web": 350, "code": 300}


def test_no_budget_takes_what_the_caps_allow(make_inventory) -> None:
    phases = (
        Phase(name="main", share=0.5),
        Phase(name="anneal", share=0.5, weights={"web": 0, "code": 1}),
    )
    made = plan(Spec(phases=phases, max_epochs=1), make_inventory({"web": 900, "code": 100}))
    assert [sum(p.draws) for p in made.phases] == [100, 100]
    assert made.phases[1].draws == (0, 100)
    assert "one pass is 1,000 sequences, but the caps allow only 200" in made.notes


def test_a_cap_is_reported_with_who_takes_over(make_inventory) -> None:
    inventory = make_inventory({"web": 1000, "code": 600, "books": 10})
    made = plan(Spec(budget_tokens=100_000, weights={"web": 0.6, "code": 0.3, "books": 0.1}), inventory)
    assert made.draws() == {"web": 640, "code": 320, "books": 40}
    assert made.notes == (
        "web: phase main asks 600 sequences and gets 640: in place of sources at their cap",
        "code: phase main asks 300 sequences and gets 320: in place of sources at their cap",
        "books: phase main asks 100 sequences and gets 40: the run may see its 10 sequences 4 times",
    )


def test_the_cap_is_of_the_whole_run_and_the_last_phase_comes_first(make_inventory) -> None:
    inventory = make_inventory({"web": 1000, "books": 50})
    half = {"web": 0.5, "books": 0.5}
    phases = (Phase(name="main", share=0.9), Phase(name="anneal", share=0.1))
    made = plan(Spec(budget_tokens=100_000, weights=half, phases=phases), inventory)
    assert [p.draws for p in made.phases] == [(750, 150), (50, 50)]
    assert made.epochs() == {"web": 0.8, "books": 4.0}
    assert made.notes == (
        "web: phase main asks 450 sequences and gets 750: in place of sources at their cap",
        "books: phase main asks 450 sequences and gets 150: the run may see its 50 sequences 4 times, "
        "and later phases take 50",
    )


def test_what_an_earlier_phase_cannot_do_without_is_kept_for_it(make_inventory) -> None:
    phases = (
        Phase(name="main", share=0.5, weights={"web": 1, "books": 0}),
        Phase(name="anneal", share=0.5, weights={"web": 1, "books": 1}),
    )
    inventory = make_inventory({"web": 60, "books": 1000})
    made = plan(Spec(budget_tokens=10_000, phases=phases, max_epochs=1), inventory)
    assert [p.draws for p in made.phases] == [(50, 0), (10, 40)]
    assert made.draws()["web"] == 60


def test_an_empty_source_gives_its_share_away(make_inventory) -> None:
    made = plan(
        Spec(budget_tokens=1000, weights={"web": 0.5, "books": 0.5}), make_inventory({"web": 10, "books": 0})
    )
    assert made.draws() == {"web": 10, "books": 0}
    assert "books: phase main asks 5 sequences and gets 0: the source is empty" in made.notes
    assert made.epochs() == {"web": 1.0, "books": 0.0}
    assert made.table()["books"]["epochs"] == 0


def test_many_repeats_are_allowed_where_asked_and_reported(make_inventory) -> None:
    made = plan(
        Spec(budget_tokens=100_000, weights={"web": 0.5, "books": 0.5}, max_epochs={"books": 16}),
        make_inventory({"web": 1000, "books": 50}),
    )
    assert made.epochs()["books"] == 10
    assert len(made.notes) == 1
    assert made.notes[0].startswith("books: seen 10.0 times; beyond 4 epochs")


def test_weights_far_from_one_are_reported(make_inventory) -> None:
    inventory = make_inventory({"web": 1000, "books": 1000})
    phases = (Phase(name="main", share=9), Phase(name="anneal", share=1, weights={"web": 60, "books": 40}))
    made = plan(
        Spec(budget_tokens=10_000, weights={"web": 0.6, "books": 0.41}, phases=phases, seed=1), inventory
    )
    assert made.notes == (
        "phase anneal: weights sum to 100, not 1; they are taken as proportions",
        "shares of the phases sum to 10, not 1; they are taken as proportions",
    )
    assert made.phases[1].asked == (0.6, 0.4)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (Spec(budget_tokens=99), "less than one sequence of 100"),
        (Spec(budget_tokens=400_100), r"the most possible is 400,000 \(4,000 sequences of 100\)"),
        (Spec(max_epochs=0), "nothing can be drawn"),
        (Spec(weights={"wbe": 1.0}), "did you mean 'web'"),
    ],
)
def test_what_cannot_be_planned(make_inventory, spec: Spec, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        plan(spec, make_inventory({"web": 1000}))


def test_a_phase_too_long_for_the_clock(make_inventory) -> None:
    with pytest.raises(PlanError, match="cut it in two"):
        plan(Spec(), make_inventory({"web": 1 << 32}))


def test_unimax_reaches_the_caps_exactly_and_changes_nothing(make_inventory) -> None:
    inventory = make_inventory({"web": 5000, "code": 300, "books": 20}, 100, padding={"books": 333})
    made = plan(Spec(budget_tokens=300_000, policy="unimax"), inventory)
    assert made.draws() == {"web": 1720, "code": 1200, "books": 80}
    assert made.notes == ()


def test_the_record_is_what_a_schedule_loads(make_inventory) -> None:
    phases = (Phase(name="main", share=0.9), Phase(name="anneal", share=0.1, policy="uniform"))
    inventory = make_inventory({"web": 900, "books": 100})
    made = plan(Spec(budget_tokens=100_000, phases=phases, seed=9), inventory)
    main = {"name": "main", "n_sequences": 900, "draws": [810, 90]}
    anneal = {"name": "anneal", "n_sequences": 100, "draws": [50, 50]}
    assert made.record() == {
        "seed": 9,
        "sequence_length": 100,
        "sources": ["web", "books"],
        "n_sequences": [900, 100],
        "phases": [
            main | {"asked": [0.9, 0.1], "realised": [0.9, 0.1]},
            anneal | {"asked": [0.5, 0.5], "realised": [0.5, 0.5]},
        ],
        "epochs": [860 / 900, 1.4],
        "notes": [],
    }
    row = made.table()["books"]
    assert row == {
        "available_tokens": 10_000,
        "available_sequences": 100,
        "asked": pytest.approx(0.14),
        "realised": 0.14,
        "epochs": 1.4,
        "n_sequences": 140,
    }
