"""The command `pipeline fit FILE` fits a model or limits to data as a YAML file says, and writes its card."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from pipeline.errors import ConfigError, PlanError
from pipeline.reader import Reader
from pipeline.registry import suggest

KINDS = {
    "bpe": "stages.tokens.fit:BpeSettings",
    "main_content": "stages.extract.auto.fit:MainContentSettings",
    "heuristics": "stages.filters.fit:HeuristicsSettings",
    "clusters": "stages.dedup.semantic.fit:ClustersSettings",
    "static_embeddings": "stages.dedup.semantic.fit:StaticEmbeddingsSettings",
}
"""What `fit:` may name, and the settings that stand under `with:` for it."""
KEYS = ("fit", "with", "output")


class Fit(Protocol):
    """Settings that know how to train."""

    def check(self) -> None:
        """Raise PlanError for what cannot be trained."""
        ...

    def run(self, output: Path) -> str:
        """Train into a folder; says what came of it."""
        ...


def fit(
    file: Annotated[
        Path, typer.Argument(help="YAML: fit: bpe, main_content or heuristics; with: {...}; output: FOLDER")
    ],
) -> None:
    """Fit a model, or limits of rules; writes it and its card.

    Raises:
        ConfigError: with every problem of the file.
    """
    settings, output = read(file)
    typer.echo(f"{output}: {settings.run(output)}")


def read(file: Path) -> tuple[Fit, Path]:
    """Settings and output folder of a YAML file.

    Raises:
        ConfigError: with every problem found.
    """
    reader = Reader(str(file))
    top = reader.mapping(reader.load(), (), KEYS)
    kind = str(top.get("fit"))
    settings: Any = None
    if kind in KINDS:
        module, _, name = KINDS[kind].partition(":")
        known: Any = getattr(import_module(module), name)
        settings = reader.settings(known, top.get("with"), ("with",))
    else:
        names = " or ".join(KINDS)
        reader.problem(("fit",), f"must be {names}, not {top.get('fit')!r}{suggest(kind, list(KINDS))}")
    output = top.get("output")
    if not isinstance(output, str):
        reader.problem(("output",), "is required: the folder the model is written to")
    if settings is not None:
        try:
            settings.check()
        except PlanError as error:
            reader.problem(("with",), str(error))
    if reader.problems:
        raise ConfigError(reader.problems)
    return settings, Path(str(output))
