"""The card of a model: what it is, what it was fitted to, how, and what was measured of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.record import Record
from pipeline.store import digest

CARD = "card.json"


@dataclass(frozen=True, kw_only=True)
class Card:
    """What one fit says of its model; what all cards have is added by `as_json`."""

    files: tuple[str, ...]
    """Names of the model's files."""
    summary: str
    """One line for whoever ran it."""
    measured: dict[str, Any] = field(default_factory=dict)
    """Figures of the model, best on documents that it was not fitted to."""
    more: dict[str, Any] = field(default_factory=dict)
    """What else is to be known of this kind."""

    def as_json(
        self, *, model: str, use: str, settings: dict[str, Any], record: Record, folder: Path
    ) -> dict[str, Any]:
        """As it stands in card.json, beside the files in `folder`."""
        return {
            "model": model,
            "use": use,
            "summary": self.summary,
            "files": {name: digest(folder / name) for name in self.files},
            "settings": settings,
            "documents": {
                "run": record.name,
                "content_hash": record.content_hash,
                "rows": record.rows,
                "steps": {s: [step.name for step in steps] for s, steps in record.settings.items()},
            },
            "measured": self.measured,
            **self.more,
        }
