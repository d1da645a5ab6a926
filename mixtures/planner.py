"""Spec and inventory to a plan: how many sequences of each source in each phase, and why not as asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mixtures.allocate import allocate, fill, largest_total, phase_totals
from mixtures.inventory import Inventory
from mixtures.policies import KIND, Policy, Sizes, normalised
from mixtures.schedule import MAX_DRAWS
from mixtures.spec import DEFAULT_MAX_EPOCHS, Phase, Spec, decimal
from pipeline.errors import PlanError
from pipeline.registry import find

TOLERANCE = Fraction(2, 100)
"""How far printed weights may sum from 1 before the plan says so: GPT-3's own table sums to 1.01."""


@dataclass(frozen=True, kw_only=True)
class PhasePlan:
    """One phase; all tuples are in the order of the sources."""

    name: str
    draws: tuple[int, ...]
    """Sequences."""
    asked: tuple[float, ...]
    """Weights over their sum: shares of the phase's tokens, without padding."""
    realised: tuple[float, ...]
    """The same of what is drawn, at each source's mean number of tokens in a sequence."""


@dataclass(frozen=True, kw_only=True)
class MixturePlan:
    """Exact numbers of sequences for a whole run."""

    seed: int
    inventory: Inventory
    phases: tuple[PhasePlan, ...]
    notes: tuple[str, ...]
    """What is not as asked, each with its reason; those about one source begin with 'name: '."""

    def draws(self) -> dict[str, int]:
        """Sequences of each source over the whole run, repeats counted."""
        return dict(zip(self.inventory.sources, _columns([p.draws for p in self.phases]), strict=True))

    def epochs(self) -> dict[str, float]:
        """How often each source is seen; 0 for an empty one."""
        return {s: n / max(1, self.inventory.sources[s].n_sequences) for s, n in self.draws().items()}

    def record(self) -> dict[str, Any]:
        """What `mixture.json` holds."""
        return {
            "seed": self.seed,
            "sequence_length": self.inventory.sequence_length,
            "sources": list(self.inventory.sources),
            "n_sequences": [s.n_sequences for s in self.inventory.sources.values()],
            "phases": [
                {
                    "name": p.name,
                    "n_sequences": sum(p.draws),
                    "draws": list(p.draws),
                    "asked": list(p.asked),
                    "realised": list(p.realised),
                }
                for p in self.phases
            ],
            "epochs": list(self.epochs().values()),
            "notes": list(self.notes),
        }

    def table(self) -> dict[str, dict[str, Any]]:
        """For each source over the whole run: what there is, shares of tokens, epochs, sequences drawn."""
        draws, epochs = self.draws(), self.epochs()
        realised = _token_shares(list(draws.values()), self.inventory)
        total = sum(draws.values())
        return {
            name: {
                "available_tokens": source.n_tokens,
                "available_sequences": source.n_sequences,
                "asked": sum(sum(p.draws) * p.asked[i] for p in self.phases) / total,
                "realised": realised[i],
                "epochs": epochs[name],
                "n_sequences": draws[name],
            }
            for i, (name, source) in enumerate(self.inventory.sources.items())
        }


def plan(spec: Spec, inventory: Inventory) -> MixturePlan:
    """The plan nearest to what is asked.

    Without caps in the way each source gets its share of tokens to within one sequence. A source at its
    cap stays there, and what it cannot give goes to the others in proportion to their weights.

    Raises:
        PlanError: the settings do not fit the sources, or the caps do not allow the budget.
    """
    spec.check(list(inventory.sources))
    phases, names = spec.plan_phases(), list(inventory.sources)
    caps = [int(spec.epochs_allowed(s) * inventory.sources[s].n_sequences) for s in names]
    shares = [decimal(phase.share) for phase in phases]
    total, notes = _total(spec, inventory, shares, caps)
    totals = phase_totals(total, shares)
    asked = [_asked(p, spec, inventory, caps, t) for p, t in zip(phases, totals, strict=True)]
    weights = [_per_sequence(a, inventory) for a in asked]
    draws = allocate(totals, weights, caps, names)
    if max(map(max, draws)) >= MAX_DRAWS:
        raise PlanError(f"mixture: a phase draws {MAX_DRAWS:,} times or more from one source; cut it in two")
    free = [fill(t, w, [], names) for t, w in zip(totals, weights, strict=True)]
    notes += [*_sums(spec), *_changes(spec, inventory, caps, draws, free), *_repeats(inventory, draws)]
    return MixturePlan(
        seed=spec.seed,
        inventory=inventory,
        phases=tuple(
            PhasePlan(
                name=phase.name,
                draws=tuple(row),
                asked=tuple(map(float, a)),
                realised=_token_shares(row, inventory),
            )
            for phase, row, a in zip(phases, draws, asked, strict=True)
        ),
        notes=tuple(notes),
    )


def _total(
    spec: Spec, inventory: Inventory, shares: Sequence[Fraction], caps: Sequence[int]
) -> tuple[int, list[str]]:
    # Which sources a phase draws from does not depend on how long it is, so any length will do here.
    asked = [_asked(phase, spec, inventory, caps, 1) for phase in spec.plan_phases()]
    length = inventory.sequence_length
    if spec.budget_tokens is not None:
        wanted = spec.budget_tokens // length
        if not wanted:
            raise PlanError(
                f"mixture.budget_tokens: {spec.budget_tokens} is less than one sequence of {length}"
            )
    else:
        sizes = [source.n_sequences for source in inventory.sources.values()]
        wanted = sum(min(sizes[s], cap) for s, cap in enumerate(caps) if any(a[s] for a in asked))
    most = largest_total(wanted, shares, asked, caps)
    if not most:
        raise PlanError("mixture: nothing can be drawn: a phase's sources are empty or have max_epochs: 0")
    if most == wanted:
        return most, []
    if spec.budget_tokens is None:
        return most, [f"one pass is {wanted:,} sequences, but the caps allow only {most:,}"]
    raise PlanError(
        f"mixture.budget_tokens: {spec.budget_tokens:,} is more than the caps allow; the most possible is "
        f"{most * length:,} ({most:,} sequences of {length}). Take that, or raise max_epochs"
    )


def _asked(
    phase: Phase, spec: Spec, inventory: Inventory, caps: Sequence[int], n_sequences: int
) -> list[Fraction]:
    # Shares of tokens, in the order of the sources.
    names = list(inventory.sources)
    if phase.weights is not None:
        shares = normalised({name: decimal(phase.weights[name]) for name in names})
    else:
        policy: Policy = find(KIND, str(phase.policy))
        sizes = Sizes(
            n_tokens={name: source.n_tokens for name, source in inventory.sources.items()},
            n_sequences_allowed=dict(zip(names, caps, strict=True)),
            tokens_per_sequence=dict(zip(names, _density(inventory), strict=True)),
            n_sequences=n_sequences,
            alpha=spec.alpha,
        )
        shares = normalised(policy(sizes))
    return [shares[name] for name in names]


def _per_sequence(asked: Sequence[Fraction], inventory: Inventory) -> list[Fraction]:
    # Shares of tokens to shares of sequences: a source with much padding needs more of them.
    return [share / density for share, density in zip(asked, _density(inventory), strict=True)]


def _density(inventory: Inventory) -> list[Fraction]:
    # Tokens in a sequence of each source; an empty one, if it had any, would have no padding.
    length = Fraction(inventory.sequence_length)
    return [Fraction(s.n_tokens, s.n_sequences) if s.n_tokens else length for s in inventory.sources.values()]


def _token_shares(draws: Sequence[int], inventory: Inventory) -> tuple[float, ...]:
    tokens = [n * density for n, density in zip(draws, _density(inventory), strict=True)]
    total = sum(tokens) or Fraction(1)
    return tuple(float(t / total) for t in tokens)


def _columns(rows: Sequence[Sequence[int]]) -> list[int]:
    return [sum(column) for column in zip(*rows, strict=True)]


def _sums(spec: Spec) -> Iterator[str]:
    for where, numbers in [
        ("weights", spec.weights),
        *((f"phase {p.name}: weights", p.weights) for p in spec.phases),
        ("shares of the phases", {p.name: p.share for p in spec.phases} or None),
    ]:
        total = sum(map(decimal, (numbers or {}).values()), Fraction(0))
        if numbers and abs(total - 1) > TOLERANCE:
            yield f"{where} sum to {float(total):g}, not 1; they are taken as proportions"


def _changes(
    spec: Spec,
    inventory: Inventory,
    caps: Sequence[int],
    draws: Sequence[Sequence[int]],
    free: Sequence[Sequence[int]],
) -> Iterator[str]:
    used = _columns(draws)
    for i, phase in enumerate(spec.plan_phases()):
        for s, (name, source) in enumerate(inventory.sources.items()):
            asked, given = free[i][s], draws[i][s]
            if given == asked:
                continue
            if given > asked:
                why = "in place of sources at their cap"
            elif not source.n_sequences:
                why = "the source is empty"
            elif used[s] == caps[s]:
                epochs = float(spec.epochs_allowed(name))
                why = f"the run may see its {source.n_sequences:,} sequences {epochs:g} times"
                if later := sum(row[s] for row in draws[i + 1 :]):
                    why += f", and later phases take {later:,}"
            elif asked - given == 1:
                why = "rounding to whole sequences"
            else:
                why = "the rest is kept for earlier phases, which can draw it from nowhere else"
            yield f"{name}: phase {phase.name} asks {asked:,} sequences and gets {given:,}: {why}"


def _repeats(inventory: Inventory, draws: Sequence[Sequence[int]]) -> Iterator[str]:
    for (name, source), drawn in zip(inventory.sources.items(), _columns(draws), strict=True):
        if drawn > DEFAULT_MAX_EPOCHS * source.n_sequences:
            yield (
                f"{name}: seen {drawn / source.n_sequences:.1f} times; beyond {DEFAULT_MAX_EPOCHS:g} epochs "
                "repeated tokens are worth less than new ones (Muennighoff et al. 2023)"
            )
