"""The proof that a recipe gives the same bytes on every engine and with any number of workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import config
from pipeline.registry import find
from pipeline.run import Progress, Runner
from pipeline.store import remove


@dataclass(frozen=True, kw_only=True)
class Proof:
    """One way of running the recipe, and what came out."""

    engine: str
    workers: int
    run_hash: str
    content_hash: str
    seconds: float


def prove(
    file: str, engines: Sequence[str], workers: Sequence[int], folder: Path, progress: Progress
) -> Iterator[Proof]:
    """Run the recipe from nothing in each way, each into a folder of its own, which is then removed.

    Only `local` runs with each number of workers, the others with the largest. Sections that do not promise
    the same bytes (training) are left out.
    """
    for engine in engines:
        for n in workers if engine == "local" else (max(workers),):
            output = folder / f"{engine}-{n}"
            remove(output)
            recipe = config.read(file, output)
            with_engine = find("engines", engine)(n, recipe.engine.get(engine, {}))
            try:
                record = Runner(recipe, with_engine, progress).run(lambda section: section.same_bytes)
            finally:
                with_engine.close()
            remove(output)
            yield Proof(
                engine=engine,
                workers=n,
                run_hash=record.run_hash,
                content_hash=record.content_hash,
                seconds=record.seconds,
            )
