"""What the stages of signals measure on texts, and what the stages of rules drop of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.registry import find
from stages.filters.adapt.limits import Values
from stages.filters.measured import SignalRules, Signals

Batches = Iterable[pa.RecordBatch]


class Pair(NamedTuple):
    """A stage of rules, and the stage of signals it decides on."""

    signals: Signals
    rules: SignalRules


class Dropped(NamedTuple):
    """How many of `n` texts are dropped."""

    n: int
    by: Counter[str]
    """`stage.rule` -> texts that break it; `all` -> texts that break any."""

    def shares(self) -> dict[str, float]:
        """`by` as shares of the texts; nothing without texts."""
        return {name: round(count / self.n, 4) for name, count in sorted(self.by.items()) if self.n}

    def kept(self) -> float | None:
        """Share of the texts that break no rule; None without texts."""
        return round(1 - self.by["all"] / self.n, 4) if self.n else None


def pairs(stages: Sequence[str], profile: str, languages: str | None) -> list[Pair]:
    """Registered stages of rules with those that measure for them, `languages` given to both."""
    chosen = []
    for name in stages:
        rules: Any = find("stages", name)
        signals: Any = find("stages", rules.measured_by)
        takes = {"languages": languages} if "languages" in {f.name for f in fields(signals)} else {}
        chosen.append(Pair(signals(profile=profile, **takes), rules(profile=profile, languages=languages)))
    return chosen


def measured(pair: Pair, batches: Batches) -> dict[str, Values]:
    """Rule -> what its signal is in each text, in the order of their column `key`."""
    rules = pair.rules.rules()
    keys, rows = [np.empty(0, np.uint64)], [np.empty((0, len(rules)))]
    for batch in batches:
        struct = pair.signals.process(batch).column(pair.signals.signals.name)
        columns = [struct.field(rule[4:]).cast(pa.float64()).to_numpy(zero_copy_only=False) for rule in rules]
        keys.append(batch.column("key").to_numpy())
        rows.append(np.column_stack(columns))
    values = np.concatenate(rows)[np.argsort(np.concatenate(keys))]
    return {rule: values[~np.isnan(values[:, i]), i] for i, rule in enumerate(rules)}


def dropped(chosen: Sequence[Pair], batches: Batches) -> Dropped:
    """What `chosen` would drop of the texts."""
    n, by = 0, Counter[str]()
    for batch in batches:
        n += len(batch)
        broken = np.zeros(len(batch), np.bool_)
        for pair in chosen:
            reasons = pair.rules.reasons(pair.signals.process(batch))
            broken |= reasons.value_lengths().to_numpy(zero_copy_only=False) > 0
            by.update(f"{pair.rules.stage}.{rule}" for rule in reasons.flatten().to_pylist())
        by["all"] += int(np.count_nonzero(broken))
    return Dropped(n, by)
