"""What the tests of mixtures are planned over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mixtures.inventory import Inventory, SourceTokens
from pipeline.store import write_json

MakeInventory = Callable[..., Inventory]
WriteTokens = Callable[..., Path]


@pytest.fixture(scope="session")
def make_inventory() -> MakeInventory:
    """inventory({"web": n_sequences, ...}, length, padding={"web": tokens}): as a tokens folder has it."""

    def make(
        n_sequences: Mapping[str, int], length: int = 100, padding: Mapping[str, int] | None = None
    ) -> Inventory:
        sources = {}
        for name, n in n_sequences.items():
            pad = (padding or {}).get(name, 0)
            sources[name] = SourceTokens(
                n_sequences=n, n_tokens=n * length - pad, n_padding=pad, n_bytes=4 * n * length
            )
        return Inventory(sequence_length=length, sources=sources)

    return make


@pytest.fixture(scope="session")
def write_tokens() -> WriteTokens:
    """Write the `tokens.json` of an inventory, two parts a source, into a folder."""

    def write(folder: Path, inventory: Inventory, **changes: Any) -> Path:
        sources = {}
        for name, source in inventory.sources.items():
            first = source.n_sequences // 2
            pads = [0, source.n_padding]
            rows = [first, source.n_sequences - first]
            sources[name] = {
                "parts": [
                    {
                        "file": f"{name}/part-{i:05d}.bin",
                        "n_sequences": n,
                        "n_tokens": n * inventory.sequence_length - pad,
                        "n_padding": pad,
                        "sha256": "",
                    }
                    for i, (n, pad) in enumerate(zip(rows, pads, strict=True))
                ],
                "n_sequences": source.n_sequences,
                "n_tokens": source.n_tokens,
                "n_documents": source.n_sequences,
                "n_bytes": source.n_bytes,
            } | changes.get(name, {})
        tokens = {"sequence_length": inventory.sequence_length, "dtype": "uint16", "sources": sources}
        write_json(folder / "tokens.json", tokens)
        return folder

    return write
