"""Weights from the sizes of the sources, where a recipe names a rule instead of numbers.

A policy is a function from `Sizes` to a share for each source, as exact fractions, which the planner divides
by their sum. Those below are registered in the entry-point group `pipeline.mixture_policies`, as others may
be: the name there is what a recipe's `policy:` says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

KIND = "mixture_policies"
"""The entry-point group, without `pipeline.`."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """What a policy may know of the sources and of the phase. All mappings are in the order of sources."""

    n_tokens: Mapping[str, int]
    """Tokens of each source, without padding."""
    n_sequences_allowed: Mapping[str, int]
    """Sequences of each source that its `max_epochs` allow in the whole run."""
    tokens_per_sequence: Mapping[str, Fraction]
    """Mean of each source, without padding."""
    n_sequences: int
    """Sequences of the phase."""
    alpha: float
    """The setting of that name."""


Policy = Callable[[Sizes], Mapping[str, Fraction]]
"""A share of tokens for each source; an empty source gets 0."""


def proportional(sizes: Sizes) -> dict[str, Fraction]:
    """p_i ~ n_i: one pass over everything, whatever the budget."""
    return {s: Fraction(n) for s, n in sizes.n_tokens.items()}


def uniform(sizes: Sizes) -> dict[str, Fraction]:
    """The same for every source that has anything."""
    return {s: Fraction(n > 0) for s, n in sizes.n_tokens.items()}


def temperature(sizes: Sizes) -> dict[str, Fraction]:
    """p_i ~ n_i^alpha: 1 is proportional, 0 uniform; XLM-R and mT5 took 0.3.

    Source: Devlin 2018, multilingual BERT; Conneau et al. 2020 (XLM-R), arXiv:1911.02116, section 3.1.
    """
    largest = max(sizes.n_tokens.values(), default=0)
    # C libraries differ in the last bit of a power; 12 digits are the same on all of them.
    return {
        s: Fraction(format((n / largest) ** sizes.alpha, ".12g")) if n else Fraction(0)
        for s, n in sizes.n_tokens.items()
    }


def unimax(sizes: Sizes) -> dict[str, Fraction]:
    """Equal parts of the phase, but none above its cap; what a small source cannot take the larger share.

    Source: Chung et al. 2023 (UniMax), arXiv:2304.09151, algorithm 1, where the cap is N epochs of a
    source. With N the same for all, the order by cap is the paper's order by size. A phase longer than the
    sum of the caps gives the caps' own proportions.
    """
    caps, left = sizes.n_sequences_allowed, Fraction(sizes.n_sequences)
    parts: dict[str, Fraction] = {}
    for n_done, source in enumerate(sorted(caps, key=lambda s: (caps[s], s))):
        parts[source] = min(left / (len(caps) - n_done), Fraction(caps[source]))
        left -= parts[source]
    # Caps are in sequences, shares in tokens: each gets as many tokens as its sequences hold.
    return {s: parts[s] * sizes.tokens_per_sequence[s] for s in caps}


def normalised(weights: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """The weights over their sum; all 0 if there is none."""
    total = sum(weights.values()) or Fraction(1)
    return {s: w / total for s, w in weights.items()}
