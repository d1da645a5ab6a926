"""`pipeline mix plan` shows what a mixture comes to; `pipeline mix verify` counts what a run was given."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mixtures.act import Mixture
from mixtures.inventory import Inventory
from mixtures.planner import plan
from mixtures.recount import Recount, recount
from mixtures.schedule import Schedule
from pipeline import config
from pipeline.errors import PlanError
from pipeline.shards import read_json

mix = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Mixtures: how much of each source, and when."
)


@mix.command("plan")
def show_plan(
    file: Annotated[Path, typer.Argument(help="a recipe with a mixture: section, or the folder of a run")],
) -> None:
    """Show what each source gives: tokens there are, share asked and planned, epochs, and why not as asked.

    A recipe is planned anew over the tokens its run has made; of a run folder, the plan it has is shown.
    """
    if file.is_dir():
        made = _record(file).get("mixture")
        if made is None:
            raise PlanError(f"{file} holds no finished run with a mixture; give the recipe to plan one")
        _show(made["sources"], made["notes"], made["budget_tokens"])
        return
    recipe = config.read(str(file))
    act = next((act for act in recipe.acts if isinstance(act, Mixture)), None)
    if act is None:
        raise PlanError(f"{file} has no section mixture:")
    planned = plan(act, Inventory.read(_folder(recipe.output, "tokens")))
    table = planned.table()
    total = sum(row["n_sequences"] for row in table.values())
    _show(table, planned.notes, total * planned.inventory.sequence_length)


@mix.command("verify")
def verify(run: Annotated[Path, typer.Argument(help="the folder of a run")]) -> None:
    """Walk the whole schedule and count; compare with the plan, and with what training says it has read."""
    schedule = Schedule.load(_folder(run, "mixture") / "mixture.json")
    trained, next_index = _consumed(run, schedule.sources)
    found = recount(schedule, next_index)
    _console().print(_counts(schedule, found, trained), highlight=False)
    if found.uneven:
        typer.echo(f"{found.uneven} sequences came too often or not at all in an epoch")
    if not found.equal(schedule, trained):
        typer.echo("not equal")
        raise typer.Exit(1)
    typer.echo("equal" if trained else "equal; there is no training to compare with")


def _show(table: Mapping[str, Mapping[str, Any]], notes: Sequence[str], budget: int) -> None:
    shown = Table(title=f"{budget:,} tokens, padding included", title_justify="left")
    shown.add_column("source")
    for column in ("available tokens", "asked", "planned", "epochs", "sequences"):
        shown.add_column(column, justify="right")
    shown.add_column("notes")
    told: set[str] = set()
    for name, row in table.items():
        own = [note for note in notes if note.startswith(f"{name}: ")]
        told.update(own)
        shown.add_row(
            name,
            f"{row['available_tokens']:,}",
            f"{row['asked']:.2%}",
            f"{row['realised']:.2%}",
            f"{row['epochs']:.2f}",
            f"{row['n_sequences']:,}",
            "\n".join(note.removeprefix(f"{name}: ") for note in own),
        )
    console = _console()
    console.print(shown, highlight=False)
    for note in notes:
        if note not in told:
            typer.echo(note)


def _counts(schedule: Schedule, found: Recount, trained: Sequence[int] | None) -> Table:
    columns: dict[str, Sequence[int]] = {"planned": schedule.totals(), "counted": found.whole}
    if trained:
        columns |= {"due by now": found.prefix, "trained": trained}
    shown = Table()
    shown.add_column("source")
    for column in columns:
        shown.add_column(column, justify="right")
    for name, *row in zip(schedule.sources, *columns.values(), strict=True):
        shown.add_row(name, *(f"{n:,}" for n in row))
    return shown


def _consumed(run: Path, sources: Sequence[str]) -> tuple[list[int] | None, int]:
    # What training says it has read, in the order of `sources`, and the index it has come to.
    folder = _record(run).get("train", {}).get("folder")
    files = run.glob(f"{folder or 'train-*'}/consumed.json")
    newest = max(files, key=lambda path: path.stat().st_mtime_ns, default=None)
    if newest is None:
        return None, 0
    told = read_json(newest)
    if sorted(told["sources"]) != sorted(sources):
        raise PlanError(f"{newest} counts sources {told['sources']}, the mixture has {list(sources)}")
    counts = dict(zip(told["sources"], told["sequences"], strict=True))
    return [counts[s] for s in sources], told["next_index"]


def _record(run: Path) -> dict[str, Any]:
    path = run / "run.json"
    record: dict[str, Any] = read_json(path) if path.exists() else {}
    return record


def _folder(run: Path, act: str) -> Path:
    """Where `act` wrote: run.json tells, or in a run that has not ended the newest such folder."""
    if act in (record := _record(run)):
        return run / str(record[act]["folder"])
    files = run.glob(f"{act}-*/{act}.json")
    newest = max(files, key=lambda path: path.stat().st_mtime_ns, default=None)
    if newest is None:
        raise PlanError(f"{run} has no {act} yet: `pipeline run` makes it")
    return newest.parent


def _console() -> Console:
    # Off a terminal rich would fold tables to 80 columns, and a log has no such edge.
    width = None if sys.stdout.isatty() else 160
    return Console(width=width, markup=False)
