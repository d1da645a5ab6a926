"""The section `fit:` of a recipe: a model, a tokenizer or limits of rules, fitted to the run's documents.

Fitting is no pipeline of its own. The documents come through sources and steps like any others, on any
engine. A fit reads their shards in tasks, is named by a fingerprint, resumes, and leaves a model with a card:

    <output>/model/                   files of the model and card.json: hard links into
    <output>/_run/fit-<fingerprint>/  where it works

A kind of fit is a section that `fit: {use: NAME, with: …}` names, found through the entry point group
`pipeline.fits`, so that other packages may add theirs. A kind whose model scores texts stands under the same
name in the group `pipeline.models`, by which `classifiers.model` loads it.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from classifiers.card import CARD, Card
from pipeline.registry import names
from pipeline.section import Context, Section
from pipeline.store import WORK, digest, publish, read_json, write_json

FOLDER = "model"
SAMPLE = ".sample"
"""Folder beside the model for what a fit needs until the model is there; no source has such a name."""


@dataclass(frozen=True, kw_only=True)
class Fit(Section):
    """What all kinds share. A kind has settings, `fit`, and what it checks before anything runs."""

    name: ClassVar[str] = "fit"
    kinds: ClassVar[str] = "fits"
    model: ClassVar[str] = ""
    """What is fitted, for the card."""

    @classmethod
    def use(cls) -> str:
        """The name that recipes call it by."""
        mine = f"{cls.__module__}:{cls.__qualname__}"
        return next(name for name, target in names(cls.kinds).items() if target == mine)

    def stamp(self) -> str:
        """Digest of what the settings name but do not hold; part of the fingerprint."""
        return ""

    def fit(self, context: Context, folder: Path) -> Card:
        """Write the model's files into `folder`, which is there and may hold what a killed run has left."""
        raise NotImplementedError

    def fit_into(self, context: Context, folder: Path) -> dict[str, Any]:
        """Fit, or find it fitted; returns the card of the model that then lies in `folder`."""
        if not (folder / CARD).exists():
            folder.mkdir(parents=True, exist_ok=True)
            card = self.fit(context, folder)
            write_json(
                folder / CARD,
                card.as_json(
                    model=self.model,
                    use=self.use(),
                    settings=asdict(self),
                    record=context.record,
                    folder=folder,
                ),
            )
        shutil.rmtree(folder / SAMPLE, ignore_errors=True)
        made: dict[str, Any] = read_json(folder / CARD)
        return made

    def execute(self, context: Context) -> dict[str, Any]:
        """Fit, or find it fitted; the files then lie in `<output>/model`."""
        work = context.output / WORK / f"fit-{self.fingerprint(context.record.content_hash, self.stamp())}"
        card = self.fit_into(context, work)
        publish({name: work / name for name in (*card["files"], CARD)}, context.output / FOLDER, "*")
        return {
            "folder": FOLDER,
            "use": card["use"],
            "summary": card["summary"],
            "content_hash": digest(*(work / name for name in card["files"])),
        }
