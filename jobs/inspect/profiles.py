"""Where toolkits disagree on one's own documents: every profile of every rule set, on the same texts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from jobs.inspect.documents import Shard, shards
from pipeline.errors import PlanError
from pipeline.keyed import uniform
from pipeline.record import Record
from pipeline.registry import find
from pipeline.schema import ID, N_BYTES, TEXT
from pipeline.shards import cut
from pipeline.stage import Filter, Map

FAMILIES = {
    "gopher": ("gopher_signals", "gopher_rules"),
    "repetition": ("repetition_signals", "repetition_rules"),
    "c4": ("c4_lines", "c4_rules"),
    "fineweb": ("fineweb_signals", "fineweb_rules"),
}


@dataclass
class Family:
    """What the profiles of one rule set make of the same documents."""

    profiles: tuple[str, ...]
    rejects: list[npt.NDArray[np.bool_]] = field(default_factory=list)
    """bool [profiles, documents], one array for each batch"""
    samples: list[dict[str, Any]] = field(default_factory=list)
    """Documents on which they differ: id, url, profile -> reasons."""

    @property
    def table(self) -> npt.NDArray[np.bool_]:
        """bool [profiles, documents]"""
        return np.concatenate(self.rejects, axis=1)

    def rates(self) -> list[float]:
        """Share of documents that each profile rejects."""
        return [float(x) for x in self.table.mean(axis=1)]

    def agreement(self) -> npt.NDArray[np.float64]:
        """float64 [profiles, profiles]: share of documents on which two profiles decide alike."""
        table = self.table
        return np.array([[(a == b).mean() for b in table] for a in table])

    def unanimous(self) -> float:
        """Share of documents on which all decide alike."""
        table = self.table
        return float((table == table[0]).all(axis=0).mean())


def compare(run: Path, record: Record, limit: int, n_samples: int) -> dict[str, Family]:
    """Every profile on up to `limit` of a run's documents, kept or dropped, chosen by a hash of their ids.

    Raises:
        PlanError: the run holds no text.
    """
    families = {name: Family(find("stages", rules).known_profiles()) for name, (_, rules) in FAMILIES.items()}
    for batch in texts(run, record, limit):
        for name, family in families.items():
            _compare(name, family, batch, n_samples)
    if not all(family.rejects for family in families.values()):
        raise PlanError(f"{run} holds no document with a text")
    return families


def texts(run: Path, record: Record, limit: int) -> Iterator[pa.RecordBatch]:
    """`id`, `url` and `text` of the documents that have a text."""
    files = [shard for shard in shards(run, record) if TEXT.name in shard.columns()]
    ranks = [_ranks(shard) for shard in files]
    all_ranks = np.sort(np.concatenate(ranks)) if ranks else np.zeros(0)
    bound = all_ranks[limit] if len(all_ranks) > limit else np.inf
    for shard, rank in zip(files, ranks, strict=True):
        if (rank < bound).any():
            yield from cut(shard.read(["id", "url", "text"]).filter(pa.array(rank < bound)).combine_chunks())


def _ranks(shard: Shard) -> npt.NDArray[np.float64]:
    """float64 [documents]: keyed hashes of their ids; infinite without a text, whose size is then null."""
    table = shard.read([ID.name, N_BYTES.name])
    has_text = table[N_BYTES.name].is_valid().to_numpy()
    return np.where(has_text, uniform(table[ID.name].combine_chunks(), 0, "profiles"), np.inf)


def _compare(name: str, family: Family, batch: pa.RecordBatch, n_samples: int) -> None:
    signals_stage, rules_stage = (find("stages", stage) for stage in FAMILIES[name])
    answers = []
    for profile in family.profiles:
        signals: Map = signals_stage(profile=profile)
        rules: Filter = rules_stage(profile=profile)
        answers.append(rules.reasons(signals.process(batch)))
    rejects = np.array(
        [pc.greater(pc.list_value_length(a), 0).to_numpy(zero_copy_only=False) for a in answers]
    )
    family.rejects.append(rejects)
    for row in np.flatnonzero((rejects != rejects[0]).any(axis=0))[: n_samples - len(family.samples)]:
        reasons = {p: a[int(row)].as_py() for p, a in zip(family.profiles, answers, strict=True)}
        where = {k: batch.column(k)[int(row)].as_py() for k in ("id", "url")}
        family.samples.append(where | {"reasons": reasons})


def show(families: Mapping[str, Family], console: Console) -> None:
    """Print rejection rates, agreement and samples."""
    for name, family in families.items():
        n = family.table.shape[1]
        title = f"{name}: {n:,} documents, all profiles agree on {family.unanimous():.1%}"
        table = Table(title=title, title_justify="left", header_style="bold")
        for heading in ("profile", "rejects", *(f"agrees with {p}" for p in family.profiles)):
            table.add_column(heading, justify="left" if heading == "profile" else "right")
        for profile, rate, row in zip(family.profiles, family.rates(), family.agreement(), strict=True):
            table.add_row(profile, f"{rate:.1%}", *(f"{share:.1%}" for share in row))
        console.print(table)
        for sample in family.samples:
            console.print(
                f"  {sample['id']}  {sample['url'] or ''}", soft_wrap=True, highlight=False, markup=False
            )
            for profile, reasons in sample["reasons"].items():
                verdict = ", ".join(reasons) or "kept"
                console.print(f"    {profile}: {verdict}", soft_wrap=True, highlight=False, markup=False)
