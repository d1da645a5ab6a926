"""Whole numbers from weights, exactly: largest remainders, and water filling where sources are capped.

Phases share the caps. They are filled from the last to the first, and a phase never takes what an earlier
one could get from nowhere else, so a plan is found whenever there is one. The second rule is Hall's: phases
can be filled if and only if no group of them needs more than the sources that it draws from have.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import Any

Limit = tuple[frozenset[int], int]
"""Sources, and how many sequences they may give together."""


def allocate(
    totals: Sequence[int], weights: Sequence[Sequence[Fraction]], caps: Sequence[int], names: Sequence[str]
) -> list[list[int]]:
    """Draws [phase][source]: rows sum to `totals`, columns stay within `caps`, rows near their `weights`.

    There must be a way (see `largest_total`). Of equal remainders the smaller name wins, so the order of
    the sources does not matter.
    """
    left = list(caps)
    draws: list[list[int]] = []
    for phase in reversed(range(len(totals))):
        limits = [(frozenset({s}), cap) for s, cap in enumerate(left)]
        for group, needed in _needs(totals[:phase], weights[:phase]):
            limits.append((group, sum(left[s] for s in group) - needed))
        draws.insert(0, fill(totals[phase], weights[phase], limits, names))
        left = [cap - drawn for cap, drawn in zip(left, draws[0], strict=True)]
    return draws


def fill(
    total: int, weights: Sequence[Fraction], limits: Collection[Limit], ties: Sequence[Any]
) -> list[int]:
    """`total` as whole numbers in proportion to `weights`, within `limits`.

    Hamilton's method: floors of the quotas, then one more each by largest remainder. Limits are integral
    polymatroids (capacities of a flow), in which adding one wherever there is room never ends in a corner.
    """
    quotas = _quotas(total, weights, limits)
    draws = [int(quota) for quota in quotas]
    remainders = {s: quotas[s] - draws[s] for s, weight in enumerate(weights) if weight}
    order = sorted(remainders, key=lambda s: (-remainders[s], ties[s]))
    left = total - sum(draws)
    while left:
        before = left
        for s in order:
            binding = [(group, bound) for group, bound in limits if s in group]
            if left and all(sum(draws[i] for i in group) < bound for group, bound in binding):
                draws[s] += 1
                left -= 1
        assert left < before, "the limits leave less than the total"
    return draws


def _quotas(total: int, weights: Sequence[Fraction], limits: Collection[Limit]) -> list[Fraction]:
    # The level rises for all alike until a limit is reached; its sources stay there, the rest rise on.
    quotas = [Fraction(0)] * len(weights)
    rising = {s for s, weight in enumerate(weights) if weight}
    left = Fraction(total)
    while rising and left:
        step, full = left / sum(weights[s] for s in rising), frozenset[int]()
        for group, bound in limits:
            if speed := sum(weights[s] for s in group & rising):
                reached = (bound - sum(quotas[s] for s in group)) / speed
                if reached < step:
                    step, full = reached, group
        for s in rising:
            quotas[s] += step * weights[s]
            left -= step * weights[s]
        rising -= full
    return quotas


def largest_total(
    wanted: int, shares: Sequence[Fraction], weights: Sequence[Sequence[Fraction]], caps: Sequence[int]
) -> int:
    """The largest total, at most `wanted`, that can be drawn when `shares` cut it into phases.

    Exact for one phase; with several, rounding of the phases may leave a few sequences more possible.
    """
    bounds = [sum(caps[s] for s in group) * sum(shares) / needed for group, needed in _needs(shares, weights)]
    total = int(min(wanted, *bounds))
    while not feasible(phase_totals(total, shares), weights, caps):
        total -= 1
    return total


def phase_totals(total: int, shares: Sequence[Fraction]) -> list[int]:
    """`total` cut by `shares`; of equal remainders the earlier phase wins."""
    return fill(total, shares, [], range(len(shares)))


def feasible(totals: Sequence[int], weights: Sequence[Sequence[Fraction]], caps: Sequence[int]) -> bool:
    """Whether phases can be filled within the caps, by Hall's condition."""
    return all(needed <= sum(caps[s] for s in group) for group, needed in _needs(totals, weights))


def _needs(
    totals: Sequence[int] | Sequence[Fraction], weights: Sequence[Sequence[Fraction]]
) -> list[tuple[frozenset[int], Any]]:
    # For each union of the sets that phases draw from: what is needed by phases that draw from no other.
    # It is enough to look at unions: a group of phases with the same union needs less if it is smaller.
    drawn = [frozenset(s for s, weight in enumerate(row) if weight) for row in weights]
    unions: dict[frozenset[int], None] = {}
    for own in drawn:
        unions |= dict.fromkeys([*(own | union for union in unions), own])
    return [(union, sum(t for t, own in zip(totals, drawn, strict=True) if own <= union)) for union in unions]
