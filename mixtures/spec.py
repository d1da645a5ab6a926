"""What a recipe's `mixture:` section says, and whether it can be meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Any, ClassVar, TypeAlias

from annotated_types import Ge

from mixtures.policies import KIND
from pipeline.bounds import Count, Positive
from pipeline.errors import PlanError
from pipeline.registry import names, suggest

DEFAULT_MAX_EPOCHS = 4.0
"""Up to four epochs repeated data is nearly as good as new (Muennighoff et al. 2023, arXiv:2305.16264)."""


NonNegative: TypeAlias = Annotated[float, Ge(0)]
"""From 0 up."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of training with its own mixture."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    name: str
    share: Positive
    """Share of the whole budget, in sequences. Shares are taken as proportions."""
    weights: dict[str, NonNegative] | None = None
    """Weights as those of the run; with neither weights nor policy the run's own hold."""
    policy: str | None = None


@dataclass(frozen=True, kw_only=True)
class Spec:
    """The settings of a mixture.

    Weights say what part of the *tokens* (without padding) each source is to give. They are taken as
    proportions; printed tables may not sum to 1, and the plan says so.
    """

    budget_tokens: Count | None = None
    """Tokens of the whole run as the trainer counts them, padding included: floor(budget_tokens /
    sequence_length) sequences are drawn, never one more. Null: as many sequences as one pass over every
    source that has a weight, each counted once (or its `max_epochs` if that is less), and no more than the
    caps allow; the weights decide which."""
    weights: dict[str, NonNegative] | None = None
    """Source -> weight, for exactly the recipe's sources; 0 leaves one out."""
    policy: str | None = None
    """A rule instead of weights: proportional, uniform, temperature, unimax, or what a package registers.
    With neither it is proportional."""
    alpha: NonNegative = 0.3
    """Exponent of `policy: temperature`."""
    max_epochs: NonNegative | dict[str, NonNegative] = DEFAULT_MAX_EPOCHS
    """How often a source may be seen in the whole run, over all phases: one number, or source -> number
    (4 for those not named)."""
    phases: tuple[Phase, ...] = ()
    """In the order of training. None: one phase, `main`. Where caps are short the later phase comes first."""
    seed: int = 0

    def plan_phases(self) -> tuple[Phase, ...]:
        """The phases, each with weights or a policy."""
        policy = self.policy or (None if self.weights is not None else "proportional")
        return tuple(
            phase
            if phase.weights is not None or phase.policy is not None
            else replace(phase, weights=self.weights, policy=policy)
            for phase in self.phases or (Phase(name="main", share=1.0),)
        )

    def epochs_allowed(self, source: str) -> Fraction:
        """`max_epochs` of a source, exactly the decimal that was written."""
        given = self.max_epochs
        return decimal(given.get(source, DEFAULT_MAX_EPOCHS) if isinstance(given, dict) else given)

    def check(self, sources: list[str]) -> None:
        """Raise PlanError with everything that does not fit the recipe's sources."""
        if problems := list(self._problems(sources)):
            raise PlanError("\n".join(problems))

    def _problems(self, sources: list[str]) -> Iterator[str]:
        if isinstance(self.max_epochs, dict):
            yield from _unknown("max_epochs", self.max_epochs, sources)
        yield from _wrong_choice("", self.weights, self.policy, sources)
        phases = [phase.name for phase in self.phases]
        for i, phase in enumerate(self.phases):
            if phase.name in phases[:i]:
                yield f"phases.{i}.name: {phase.name!r} is there already"
            yield from _wrong_choice(f"phases.{i}.", phase.weights, phase.policy, sources)


def decimal(number: float) -> Fraction:
    """The number as written, not its nearest binary fraction: 0.29 of 100 is 29."""
    return Fraction(str(number))


def _wrong_choice(
    prefix: str, weights: Mapping[str, float] | None, policy: str | None, sources: list[str]
) -> Iterator[str]:
    if policy is not None and policy not in (known := names(KIND)):
        yield f"{prefix}policy: no policy {policy!r}{suggest(policy, known)}; there are {', '.join(known)}"
    if weights is None:
        return
    if policy is not None:
        yield f"{prefix}policy: weights are given too; keep one of the two"
    yield from _unknown(f"{prefix}weights", weights, sources)
    for source in sources:
        if source not in weights:
            yield f"{prefix}weights: source {source!r} has no weight; give it one, 0 to leave it out"
    if not any(weight > 0 for weight in weights.values()):
        yield f"{prefix}weights: none is above 0"


def _unknown(setting: str, named: Mapping[str, float], sources: list[str]) -> Iterator[str]:
    for name in named:
        if name not in sources:
            yield f"{setting}: no source {name!r}{suggest(name, sources)}"
