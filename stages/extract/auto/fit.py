"""Trains the model of the engine `auto` for `pipeline fit`, on pages with gold text."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ClassVar

import typer

from pipeline.errors import PlanError
from pipeline.shards import digest
from stages.extract.auto.labels import Page, read_pages
from stages.extract.auto.model import FILE
from stages.extract.auto.train import N_TREES, POWER, SETTINGS, Score, held_out, train

CARD = "card.json"


@dataclass(frozen=True, kw_only=True)
class MainContentSettings:
    """What stands under `with:` for `fit: main_content`."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    pages: dict[str, float]
    """Files of pages with their gold text, `.jsonl.zst`, and the weight of their pages; see `read_pages`."""
    seed: int = 0
    n_parts: int = 5
    """Parts of the sites for cross-validation, each with a model of all others; 0 leaves it out."""

    def check(self) -> None:
        """Raise PlanError for what cannot be trained."""
        missing = [path for path in self.pages if not Path(path).is_file()]
        if missing or not self.pages:
            raise PlanError(f"no such file: {', '.join(missing)}" if missing else "pages names no file")
        for library in ("lightgbm", "rapidfuzz"):
            if find_spec(library) is None:
                raise PlanError(f"needs {library}: pip install 'corpusmill[fit]'")

    def run(self, output: Path) -> str:
        """Train into a folder, the parts side by side; says what came of it."""
        output.mkdir(parents=True, exist_ok=True)
        scores: dict[str, Score] = {}
        with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
            parts = [*range(self.n_parts), None]
            for part, found in zip(
                parts, processes.map(self.fit_part, [output] * len(parts), parts), strict=True
            ):
                scores |= found
                if part is not None:
                    typer.echo(f"without part {part + 1} of {self.n_parts}: {len(found)} pages measured")
        pages = self.read()
        card = self._card(pages, scores, digest(output / FILE))
        (output / CARD).write_text(json.dumps(card, indent=2) + "\n")
        means = ", ".join(f"{name} {value['f1']}" for name, value in card["held_out"].items())
        return f"{len(pages):,} pages; F1 on sites not trained on: {means or 'not measured'}"

    def read(self) -> list[Page]:
        """All pages."""
        return [page for path, weight in self.pages.items() for page in read_pages(Path(path), weight)]

    def fit_part(self, output: Path, part: int | None) -> dict[str, Score]:
        """Write a model without one part of the sites, or with all; the scores of the pages left out."""
        if part is None:
            train(self.read(), seed=self.seed).save(output / FILE)
            return {}
        model, scores = held_out(self.read(), part, n_parts=self.n_parts, seed=self.seed)
        model.save(output / f"part-{part}.npz")
        return scores

    def _card(self, pages: Sequence[Page], scores: Mapping[str, Score], sha256: str) -> dict[str, Any]:
        files = {
            Path(path).name: {"sha256": digest(Path(path)), "weight": weight}
            for path, weight in self.pages.items()
        }
        sites = hashlib.sha256("\n".join(sorted({page.domain for page in pages})).encode()).hexdigest()
        return {
            "model": "block classifier of the engine auto: two boosted forests and two vocabularies",
            "sha256": sha256,
            "trained_on": {
                "files": files, "n_pages": len(pages), "n_sites": len({page.domain for page in pages}),
                "sites_sha256": sites,
            },
            "how": {"seed": self.seed, "n_trees": [N_TREES, N_TREES], "power": POWER, "lightgbm": SETTINGS},
            "measured": "words (\\w+, lower case) as multisets; mean over pages; models of other sites",
            "held_out": _by_set(pages, scores),
        }  # fmt: skip


def _by_set(pages: Sequence[Page], scores: Mapping[str, Score]) -> dict[str, Any]:
    """Mean scores by set, and by page type within it."""
    groups: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for page in pages:
        if page.id in scores:
            groups[page.set, ""].append(scores[page.id])
            if page.kind:
                groups[page.set, page.kind].append(scores[page.id])
    found: dict[str, Any] = {}
    for (name, kind), values in sorted(groups.items()):
        means = {
            field: round(sum(part) / len(values), 4)
            for field, part in zip(Score._fields, zip(*values, strict=True), strict=True)
        }
        entry = means | {"n_pages": len(values)}
        if kind:
            found[name].setdefault("by_type", {})[kind] = entry
        else:
            found[name] = entry
    return found
