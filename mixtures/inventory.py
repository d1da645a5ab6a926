"""What there is to draw from: sequences, tokens and bytes of each source, as `tokens:` has counted them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pipeline.errors import PlanError
from pipeline.store import read_json


@dataclass(frozen=True, kw_only=True)
class SourceTokens:
    """The training parts of one source; held-out documents are not among them."""

    n_sequences: int
    n_tokens: int
    """Without padding."""
    n_padding: int
    n_bytes: int
    """UTF-8 bytes of the text behind the tokens."""


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """All sources of a tokens folder, in its order."""

    sequence_length: int
    sources: Mapping[str, SourceTokens]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """From `folder/tokens.json`.

        Raises:
            PlanError: there is none yet, or its numbers do not add up.
        """
        path = folder / "tokens.json"
        if not path.exists():
            raise PlanError(f"{path} is not there: a mixture is planned over tokens, so make them first")
        tokens = read_json(path)
        length = tokens["sequence_length"]
        sources = {name: _source(counts) for name, counts in tokens["sources"].items()}
        for name, source in sources.items():
            listed = sum(part["n_sequences"] for part in tokens["sources"][name]["parts"])
            held = source.n_tokens + source.n_padding
            if listed != source.n_sequences or held != source.n_sequences * length:
                raise PlanError(
                    f"{path}: source {name!r} does not add up: {source.n_sequences} sequences of {length}, "
                    f"but {listed} in its parts and {held} tokens with padding; make the tokens again"
                )
        return cls(sequence_length=length, sources=sources)


def _source(counts: Mapping[str, Any]) -> SourceTokens:
    return SourceTokens(
        n_sequences=counts["n_sequences"],
        n_tokens=counts["n_tokens"],
        n_padding=sum(part["n_padding"] for part in counts["parts"]),
        n_bytes=counts["n_bytes"],
    )
