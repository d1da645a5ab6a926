"""Fits the model of the engine `auto` to pages with gold text."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from classifiers.card import Card
from classifiers.fit import SAMPLE, Fit
from pipeline.bounds import Natural
from pipeline.engine import Account
from pipeline.errors import PlanError, RunError
from pipeline.registry import suggest
from pipeline.schema import HTML, ID, SOURCE, URL
from pipeline.section import Context
from pipeline.shards import read_shard
from pipeline.store import atomic, read_json, write_json
from stages.extract.auto.labels import MarkedPage, marked_page
from stages.extract.auto.model import FILE
from stages.extract.auto.train import N_TREES, POWER, SETTINGS, Score, held_out, train

MARKS = ("gold", "expected_html")
"""Columns of which documents must have one: see `marked_page`."""
OPTIONAL = ("page_type",)


@dataclass(frozen=True, kw_only=True)
class FitMainContent(Fit):
    """Train on the documents as pages: `html`, and `gold` (JSON) or `expected_html` as kept columns.

    Pages that nobody has marked are passed over; `page_type`, where it is kept, is what scores are listed by.
    """

    model: ClassVar[str] = "block classifier of the engine auto: two boosted forests and two vocabularies"
    reads: ClassVar[pa.Schema] = pa.schema([ID, URL, HTML, SOURCE])

    weights: dict[str, float] = field(default_factory=dict)
    """Source -> how much each of its pages counts; 1 where nothing is said."""
    n_parts: Natural = 5
    """Parts of the sites for cross-validation, each measured with a model of all others; 0 leaves it out."""
    seed: int = 0
    """Another seed grows other trees, and parts the sites in another way."""

    def check(self, sources: list[str]) -> None:
        for source, weight in self.weights.items():
            if source not in sources:
                raise PlanError(f"weights: no source {source!r}{suggest(source, sources)}")
            if weight <= 0:
                raise PlanError(f"weights: {source} must be over 0, not {weight}")
        for library in ("lightgbm", "rapidfuzz"):
            if find_spec(library) is None:
                raise PlanError(f"needs {library}: pip install 'corpusmill[fit]'")

    def check_columns(self, schema: pa.Schema) -> None:
        super().check_columns(schema)
        if not any(name in schema.names and pa.types.is_string(schema.field(name).type) for name in MARKS):
            raise PlanError(
                f"they have no column {' or '.join(MARKS)} that says what their content is: keep: it"
            )

    def fit(self, context: Context, folder: Path) -> Card:
        """Write `main_content.npz`, and `part-*.npz`, models by which the parts of the sites are measured.

        Raises:
            RunError: no page is marked.
        """
        shards = [shard for paths in context.documents().values() for shard in paths]
        tasks = [
            TrainTask(name=f"train/{name}", shards=shards, output=folder / name,
                      scores=folder / SAMPLE / f"{name}.json", settings=self, part=part)
            for part, name in [*((i, f"part-{i}.npz") for i in range(self.n_parts)), (None, FILE)]
        ]  # fmt: skip
        accounts = context.map("train", list(tasks))
        scores = [score for account in accounts for score in account.get("scores", ())]
        trained_on = accounts[-1]["trained_on"]
        held = _by_set(scores)
        means = ", ".join(f"{name} {value['f1']}" for name, value in held.items())
        return Card(
            files=tuple(task.output.name for task in reversed(tasks)),
            summary=f"{trained_on['n_pages']:,} pages; F1 on sites not trained on: {means or 'not measured'}",
            measured={
                "what": "words (\\w+, lower case) as multisets; mean over pages; models of other sites",
                "held_out": held,
            },
            more={
                "trained_on": trained_on,
                "training": {"n_trees": [N_TREES, N_TREES], "power": POWER, "lightgbm": SETTINGS},
            },
        )


@dataclass(frozen=True, kw_only=True)
class TrainTask:
    """Train without one part of the sites and measure its pages, or train on all."""

    name: str
    shards: Sequence[Path]
    """All pages, in the order of the recipe's sources."""
    output: Path
    scores: Path
    """The account, written last."""
    settings: FitMainContent
    part: int | None

    def run(self) -> Account:
        """Write a model unless it is there.

        The account has `scores` of the pages left out, or `trained_on`, what all pages are.
        """
        if not self.scores.exists():
            pages = list(self._pages())
            if not pages:
                raise RunError(f"no page is marked by {' or '.join(MARKS)}")
            write_json(self.scores, self._measured(pages) if self.part is not None else self._trained(pages))
        account: Account = read_json(self.scores)
        return account

    def _pages(self) -> Iterator[MarkedPage]:
        for shard in self.shards:
            have = pq.read_schema(shard).names
            wanted = [*FitMainContent.reads.names, *(name for name in (*MARKS, *OPTIONAL) if name in have)]
            for batch in read_shard(shard, wanted):
                for row in batch.to_pylist():
                    page = marked_page(row, self.settings.weights.get(row["source"], 1.0))
                    if page is not None:
                        yield page

    def _trained(self, pages: Sequence[MarkedPage]) -> Account:
        with atomic(self.output) as temporary:
            train(pages, seed=self.settings.seed).save(temporary)
        sites = sorted({page.domain for page in pages})
        digest = hashlib.sha256("\n".join(sites).encode()).hexdigest()
        return {"trained_on": {"n_pages": len(pages), "n_sites": len(sites), "sites_sha256": digest}}

    def _measured(self, pages: Sequence[MarkedPage]) -> Account:
        assert self.part is not None
        n_parts, seed = self.settings.n_parts, self.settings.seed
        model, scores = held_out(pages, self.part, n_parts=n_parts, seed=seed)
        with atomic(self.output) as temporary:
            model.save(temporary)
        about = {page.id: {"set": page.set, "kind": page.kind} for page in pages}
        return {"scores": [about[id_] | score._asdict() for id_, score in scores.items()]}


def _by_set(scores: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean scores by set, and by page type within it."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for score in scores:
        groups[score["set"], ""].append(score)
        if score["kind"]:
            groups[score["set"], score["kind"]].append(score)
    sets: dict[str, Any] = {}
    for (name, kind), values in sorted(groups.items()):
        means = {field: round(sum(v[field] for v in values) / len(values), 4) for field in Score._fields}
        entry = means | {"n_pages": len(values)}
        if kind:
            sets[name].setdefault("by_type", {})[kind] = entry
        else:
            sets[name] = entry
    return sets
