"""`pipeline train FILE`, and for several GPUs of one machine
`torchrun --nproc-per-node 8 --no-python pipeline train FILE`.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.train.act import Train
from pipeline import config
from pipeline.act import Act, Context
from pipeline.cli import console
from pipeline.errors import PlanError
from pipeline.local import LocalEngine
from pipeline.progress import watch
from pipeline.run import hold
from pipeline.shards import read_json, write_json


def train(
    file: Annotated[Path, typer.Argument(help="a recipe with a section train:, or the folder of its run")],
) -> None:
    """Train on the tokens and mixture of a run, or resume; the same settings go on where they stopped."""
    act, output, record = find(file)
    first = os.environ.get("RANK", "0") == "0"
    screen = console()
    screen.quiet = not first
    with hold(output) if first else contextlib.nullcontext(), watch("auto", screen) as progress:
        engine = LocalEngine(1, {})  # this act gives it no tasks, so it starts no process
        result = act.run(Context(output=output, record=record, engine=engine, progress=progress))
        if first:
            write_json(output / "run.json", {**record, "train": result})
    if first:
        show(result, output)


def find(file: Path) -> tuple[Act, Path, dict[str, Any]]:
    """The training a file or folder speaks of: its act, the run's folder, and the run's record.

    Raises:
        PlanError: the recipe has no `train:`, or the run has no tokens or no mixture yet.
        ConfigError: the recipe is wrong.
    """
    recipe = config.read(str(file)) if file.is_file() else _recipe_of(file)
    act = next((act for act in recipe.acts if isinstance(act, Train)), None)
    if act is None:
        raise PlanError(f"{recipe.file} has no section train:; an empty one (train: {{}}) takes the defaults")
    path = recipe.output / "run.json"
    record: dict[str, Any] = read_json(path) if path.exists() else {}
    if missing := [name for name in act.requires if name not in record]:
        lacks = " and no ".join(missing)
        raise PlanError(f"{recipe.output} has no {lacks} yet; `pipeline run {recipe.file}` makes them")
    return act, recipe.output, record


def _recipe_of(run: Path) -> config.Recipe:
    if not (run / "run.json").exists():
        raise PlanError(f"{run} is neither a recipe nor the folder of a finished run (there is no run.json)")
    return config.read(read_json(run / "run.json")["recipe"], run)


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
