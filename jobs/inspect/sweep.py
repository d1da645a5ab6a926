"""How much a run would keep as one threshold moves: the retention curve, from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from jobs.inspect.answer import Amount
from jobs.inspect.report import number
from jobs.inspect.whatif import Change, bytes_per_token, outcomes, scenarios
from pipeline.errors import PlanError
from pipeline.record import Record

BAR = 40
"""Characters that stand for everything kept."""


@dataclass
class Point:
    """What one value of the threshold would keep."""

    value: float
    kept: Amount
    unknown: Amount
    """What of it would come to a step that never saw it, which may drop some."""


def parse(text: str) -> tuple[str, list[float]]:
    """`gopher_rules.max_frac_symbols=0.05:0.5:10`: (step.setting, ten values from 0.05 to 0.5).

    Raises:
        PlanError: it has not that form.
    """
    name, _, numbers = text.partition("=")
    try:
        low, high, n = numbers.split(":")
        ends, count = (float(low), float(high)), int(n)
    except ValueError:
        raise PlanError(f"{text!r}: give STEP.SETTING=FROM:TO:POINTS, such as …=0.05:0.5:10") from None
    if not 2 <= count <= 1000 or not np.isfinite(ends).all():
        raise PlanError(f"{text!r}: a curve has between 2 and 1,000 points, all of them finite")
    return name, [float(f"{v:.12g}") for v in np.linspace(*ends, count)]


def sweep(run: Path, record: Record, text: str, fixed: list[Change]) -> list[Point]:
    """What each value would keep, `fixed` being other changes made beside it.

    Raises:
        PlanError: the setting cannot be asked about.
    """
    name, values = parse(text)
    step, _, setting = name.rpartition(".")
    changes = [Change(step=step, setting=setting, value=_plain(v)) for v in values]
    variants = [scenarios(record, [*fixed, change]) for change in changes]
    points = [Point(value=v, kept=Amount(), unknown=Amount()) for v in values]
    for results in outcomes(run, record, variants):
        per_token = bytes_per_token(record, results[0].shard.source)[0]
        for point, outcome, variant in zip(points, results, variants, strict=True):
            end = len(variant[outcome.shard.source].ran)
            kept = outcome.now == end
            point.kept.add(outcome.n_bytes[kept], per_token)
            point.unknown.add(outcome.n_bytes[kept & (outcome.unknown >= 0)], per_token)
    return points


def _plain(value: float) -> float | int:
    """Settings that are whole numbers take no 30.0."""
    return int(value) if value.is_integer() else value


def show(text: str, points: list[Point], console: Console) -> None:
    """Print the curve."""
    most = max((p.kept.bytes for p in points), default=0)
    table = Table(header_style="bold")
    for heading in (text.partition("=")[0], "documents", "bytes", "tokens", "of them not sure", ""):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for p in points:
        bar = "█" * round(BAR * p.kept.bytes / most) if most else ""
        figures = (p.kept.documents, p.kept.bytes, round(p.kept.tokens), p.unknown.documents)
        table.add_row(number(p.value), *map(number, figures), bar)
    console.print(table)
