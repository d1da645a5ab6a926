from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from mixtures.section import Mixture
from mixtures.spec import Phase, Spec, decimal
from pipeline.config import Reader
from pipeline.errors import PlanError


def from_yaml(folder: Path, text: str) -> tuple[Any, list[str]]:
    """The settings as a recipe gives them, and the problems found."""
    file = folder / "recipe.yaml"
    file.write_text("mixture:\n" + "\n".join(f"  {line}" for line in text.strip().splitlines()))
    reader = Reader(str(file))
    made = reader.settings(Mixture, reader.load()["mixture"], ("mixture",))
    return made, [str(p).removeprefix(f"{file}:") for p in reader.problems]


def test_a_whole_section(tmp_path: Path) -> None:
    made, problems = from_yaml(
        tmp_path,
        """
budget_tokens: 1000000
weights: {web: 0.7, code: 0.3}
max_epochs: {code: 8}
phases:
  - {name: main, share: 0.9}
  - {name: anneal, share: 0.1, weights: {web: 0, code: 1}}
  - {name: last, share: 0.1, policy: unimax}
seed: 5
""",
    )
    assert not problems
    assert made == Mixture(
        budget_tokens=1_000_000,
        weights={"web": 0.7, "code": 0.3},
        max_epochs={"code": 8.0},
        phases=(
            Phase(name="main", share=0.9),
            Phase(name="anneal", share=0.1, weights={"web": 0.0, "code": 1.0}),
            Phase(name="last", share=0.1, policy="unimax"),
        ),
        seed=5,
    )
    made.check(["web", "code"])


def test_an_empty_section_is_one_pass_in_proportion(tmp_path: Path) -> None:
    made, problems = from_yaml(tmp_path, "seed: 0")
    assert not problems
    assert made == Mixture()
    assert made.plan_phases() == (Phase(name="main", share=1.0, policy="proportional"),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("weigths: {web: 1}", "2: weigths: unknown setting; did you mean 'weights'?"),
        ("phases: [{name: a, share: 1, wieghts: {}}]", "unknown setting; did you mean 'weights'?"),
        ("phases: [{name: a}]", "required"),
        ("budget_tokens: 1.5", "2: budget_tokens: must be a valid integer"),
        ("weights: {web: no}", "YAML reads no, off, yes, on as true or false"),
        ("weights: {web: -1}", "2: weights.web: must be at least 0, not -1"),
        ("max_epochs: -1", "2: max_epochs: must be at least 0, not -1"),
        ("max_epochs: {web: -1}", "2: max_epochs.web: must be at least 0, not -1"),
        ("alpha: -0.1", "2: alpha: must be at least 0, not -0.1"),
        ("budget_tokens: 0", "2: budget_tokens: must be at least 1, not 0"),
        ("phases: [{name: a, share: 0}]", "2: phases.0.share: must be over 0, not 0"),
    ],
)
def test_mistakes_in_the_file_are_reported_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    made, problems = from_yaml(tmp_path, text)
    assert made is None
    assert any(said in problem for problem in problems), problems


def test_phases_take_the_runs_own_weights_where_they_have_none() -> None:
    phases = (
        Phase(name="a", share=1),
        Phase(name="b", share=1, policy="uniform"),
        Phase(name="c", share=1, weights={"web": 2}),
    )
    weighted = Spec(weights={"web": 1}, phases=phases).plan_phases()
    assert [(p.weights, p.policy) for p in weighted] == [
        ({"web": 1}, None),
        (None, "uniform"),
        ({"web": 2}, None),
    ]
    ruled = Spec(policy="unimax", phases=phases).plan_phases()
    assert [(p.weights, p.policy) for p in ruled] == [
        (None, "unimax"),
        (None, "uniform"),
        ({"web": 2}, None),
    ]


def test_epochs_are_the_decimals_written() -> None:
    assert Spec().epochs_allowed("web") == 4
    assert Spec(max_epochs=0.29).epochs_allowed("web") * 100 == 29
    assert Spec(max_epochs={"web": 1.5}).epochs_allowed("web") == Fraction(3, 2)
    assert Spec(max_epochs={"web": 1.5}).epochs_allowed("books") == 4
    assert decimal(1e-7) == Fraction(1, 10**7)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            Spec(weights={"wbe": 1, "code": 1}),
            ["weights: no source 'wbe'; did you mean 'web'?", "weights: source 'web' has no weight"],
        ),
        (Spec(weights={"web": 0, "code": 0}), ["weights: none is above 0"]),
        (Spec(weights={}), ["weights: none is above 0", "source 'code' has no weight"]),
        (Spec(weights={"web": 1, "code": 1}, policy="uniform"), ["policy: weights are given too"]),
        (Spec(policy="unimx"), ["policy: no policy 'unimx'; did you mean 'unimax'?"]),
        (Spec(max_epochs={"cod": 2}), ["max_epochs: no source 'cod'; did you mean 'code'?"]),
        (
            Spec(phases=(Phase(name="a", share=1), Phase(name="a", share=1, weights={"web": 1}))),
            ["phases.1.name: 'a'", "phases.1.weights: source 'code' has no weight"],
        ),
    ],
)
def test_what_does_not_fit_is_reported_all_at_once(spec: Spec, said: list[str]) -> None:
    with pytest.raises(PlanError) as caught:
        spec.check(["web", "code"])
    assert said
    for each in said:
        assert each in str(caught.value)


def test_settings_decide_the_fingerprint() -> None:
    base = Mixture(weights={"web": 1.0})
    assert base.fingerprint("up") == Mixture(weights={"web": 1.0}).fingerprint("up")
    others = [
        Mixture(weights={"web": 0.5}),
        Mixture(policy="uniform"),
        Mixture(weights={"web": 1.0}, seed=1),
        Mixture(weights={"web": 1.0}, max_epochs={"web": 4.0}),
        Mixture(weights={"web": 1.0}, phases=(Phase(name="main", share=1.0),)),
    ]
    prints = {m.fingerprint("up") for m in [base, *others]} | {base.fingerprint("other")}
    assert len(prints) == 2 + len(others)
