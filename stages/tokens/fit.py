"""Trains a tokenizer for `pipeline fit`, on the documents of runs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from pipeline.errors import PlanError
from pipeline.shards import digest, read_json
from stages.tokens.bpe import CARD, FitBpe, SampleTask, shares, train, write
from stages.tokens.encoder import END_OF_TEXT

__all__ = ["BpeSettings", "FitBpe", "run", "train"]


@dataclass(frozen=True, kw_only=True)
class BpeSettings:
    """What stands under `with:` for `fit: bpe`."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid"}

    documents: list[str]
    """Parquet files of documents, with globs; only `id` and `text` are read."""
    vocab_size: int = FitBpe.vocab_size
    """Ids, the 256 bytes and the end of text among them."""
    sample_bytes: int = FitBpe.sample_bytes
    """About how much text is trained on."""
    heldout_frac: float = 0.01
    """Share of documents, by a keyed hash of their ids, that bytes per token are measured on."""
    end_of_text: str = END_OF_TEXT
    seed: int = 0

    def shards(self) -> list[Path]:
        """The files, each once, in the order of the patterns and then of their names.

        Raises:
            PlanError: a pattern matches no file.
        """
        found: dict[Path, Path] = {}
        for pattern in self.documents:
            matches = sorted(Path(Path(pattern).anchor or ".").glob(_relative(pattern)))
            if not matches:
                raise PlanError(f"no file matches {pattern!r}")
            found |= {path.resolve(): path for path in matches}
        return list(found.values())

    def check(self) -> None:
        """Raise PlanError for what cannot be trained."""
        self.model().check()
        self.shards()

    def run(self, output: Path) -> str:
        """Train into a folder; says what came of it."""
        card = read_json(run(self, output).with_name(CARD))
        measured = card["heldout"]["bytes_per_token"]
        return f"{card['vocab_size']:,} ids, {measured or 'unmeasured'} bytes per token on held-out text"

    def model(self) -> FitBpe:
        return FitBpe(vocab_size=self.vocab_size, sample_bytes=self.sample_bytes)


def _relative(pattern: str) -> str:
    return str(Path(pattern).relative_to(Path(pattern).anchor)) if Path(pattern).anchor else pattern


def run(settings: BpeSettings, output: Path) -> Path:
    """Train; returns the path of `tokenizer.json`."""
    shards = settings.shards()
    n_bytes = shares(shards, settings.sample_bytes)
    hashes = hashlib.sha256("".join(map(digest, shards)).encode())
    folders = sorted({str(shard.parent) for shard in shards})
    trained_on = {"folders": folders, "n_shards": len(shards), "content_hash": hashes.hexdigest()}
    with TemporaryDirectory(prefix="fit-bpe-") as work:
        tasks = [
            SampleTask(
                name=f"sample/{shard.stem}", shard=shard, output=Path(work) / f"part-{i:05d}.parquet",
                n_bytes=n_bytes, seed=settings.seed, heldout_frac=settings.heldout_frac,
            )
            for i, shard in enumerate(shards)
        ]  # fmt: skip
        for task in tasks:
            task.run()
        return write(
            [task.output for task in tasks], output, settings.model(), settings.end_of_text,
            trained_on | {"seed": settings.seed},
        )  # fmt: skip
