"""The `mixture:` section of a recipe: plans over the run's tokens and writes `mixture.json`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mixtures.inventory import Inventory
from mixtures.planner import plan
from mixtures.spec import Spec
from pipeline.section import Context, Section
from pipeline.store import digest, write_json


@dataclass(frozen=True, kw_only=True)
class Mixture(Spec, Section):
    """How much of each source is trained on, and when: see `mixtures.spec.Spec` for the settings."""

    name = "mixture"
    after = ("tokens",)
    requires = ("tokens",)

    def execute(self, context: Context) -> dict[str, Any]:
        """Write `mixture-<fingerprint>/mixture.json`, all that a schedule needs.

        Raises:
            PlanError: the caps do not allow the budget; it names the largest that they do.
        """
        tokens = context.record.sections["tokens"]
        planned = plan(self, Inventory.read(context.output / tokens["folder"]))
        folder = f"mixture-{self.fingerprint(tokens['content_hash'])}"
        path = context.output / folder / "mixture.json"
        write_json(path, planned.record())
        table = planned.table()
        n_sequences = sum(row["n_sequences"] for row in table.values())
        return {
            "folder": folder,
            "budget_tokens": n_sequences * planned.inventory.sequence_length,
            "n_sequences": n_sequences,
            "sources": table,
            "notes": list(planned.notes),
            "content_hash": digest(path),
        }
