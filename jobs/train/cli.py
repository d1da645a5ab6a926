"""`pipeline train FILE`, and for several GPUs of one machine
`torchrun --nproc-per-node 8 --no-python pipeline train FILE`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.train.section import Train
from pipeline import config
from pipeline.cli import console
from pipeline.errors import PlanError
from pipeline.local import LocalEngine
from pipeline.lock import hold
from pipeline.progress import watch
from pipeline.record import FILE, Record
from pipeline.section import Context, Section
from pipeline.store import WORK


def train(
    file: Annotated[Path, typer.Argument(help="a recipe with a section train:, or the folder of its run")],
) -> None:
    """Train on the tokens and mixture of a run, or resume; the same settings go on where they stopped."""
    section, output, record = find(file)
    first = os.environ.get("RANK", "0") == "0"
    screen = console()
    screen.quiet = not first
    lock = hold(output / WORK) if first else contextlib.nullcontext()
    with lock, watch("auto", screen) as progress:
        engine = LocalEngine(1, {})  # this section gives it no tasks, so it starts no process
        result = section.execute(Context(output=output, record=record, engine=engine, progress=progress))
        if first:
            record.sections["train"] = result
            record.write(output)
    if first:
        show(result, output)


def find(file: Path) -> tuple[Section, Path, Record]:
    """The training a file or folder speaks of: its section, the run's folder, and the run's record.

    Raises:
        PlanError: the recipe has no `train:`, or the run has no tokens or no mixture yet.
        ConfigError: the recipe is wrong.
    """
    recipe = config.read(str(file)) if file.is_file() else _recipe_of(file)
    section = next((section for section in recipe.sections if isinstance(section, Train)), None)
    if section is None:
        raise PlanError(f"{recipe.file} has no section train:; an empty one (train: {{}}) takes the defaults")
    record = Record.load(recipe.output) if (recipe.output / FILE).is_file() else None
    if missing := [name for name in section.requires if record is None or name not in record.sections]:
        lacks = " and no ".join(missing)
        raise PlanError(f"{recipe.output} has no {lacks} yet; `pipeline run {recipe.file}` makes them")
    assert record
    return section, recipe.output, record


def _recipe_of(run: Path) -> config.Recipe:
    if not (run / FILE).is_file():
        raise PlanError(f"{run} is neither a recipe nor the folder of a finished run (there is no {FILE})")
    return config.read(Record.load(run).recipe, run)


def show(result: dict[str, Any], output: Path) -> None:
    """A few lines for a person."""
    typer.echo(
        f"{result['parameters']:,} parameters, {result['steps']:,} steps in {result['seconds']:.0f} s, "
        f"{result['tokens_per_second']:,.0f} tokens/s"
    )
    typer.echo(f"training loss: {result['loss_first']:.3f} -> {result['loss_last']:.3f} nats/token")
    for source, score in result["heldout"].items():
        nats = f"{score['first']:.3f} -> {score['last']:.3f} nats/token"
        bits = f"{score['bits_per_byte_first']:.3f} -> {score['bits_per_byte_last']:.3f} bits/byte"
        typer.echo(f"held out, {source}: {nats}, {bits}")
    typer.echo(f"training: {output / result['folder']}")
