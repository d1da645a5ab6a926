"""Mixtures: how much of each source, and when.

`pipeline mix plan` shows what one comes to; `pipeline mix verify` counts what a run was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from mixtures.inventory import Inventory
from mixtures.planner import plan
from mixtures.recount import Recount, recount
from mixtures.schedule import Schedule
from mixtures.section import Mixture
from pipeline import config
from pipeline.cli import console
from pipeline.errors import PlanError
from pipeline.record import FILE, Record
from pipeline.store import read_json

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
        made = _sections(file).get("mixture")
        if made is None:
            raise PlanError(f"{file} holds no finished run with a mixture; give the recipe to plan one")
        _show(made["sources"], made["notes"], made["budget_tokens"])
        return
    recipe = config.read(str(file))
    section = next((section for section in recipe.sections if isinstance(section, Mixture)), None)
    if section is None:
        raise PlanError(f"{file} has no section mixture:")
    planned = plan(section, Inventory.read(_folder(recipe.output, "tokens")))
    table = planned.table()
    total = sum(row["n_sequences"] for row in table.values())
    _show(table, planned.notes, total * planned.inventory.sequence_length)


@mix.command("verify")
def verify(run: Annotated[Path, typer.Argument(help="the folder of a run")]) -> None:
    """Walk all of the schedule and count; compare with the plan, and with what training says it has read."""
    schedule = Schedule.load(_folder(run, "mixture") / "mixture.json")
    trained, next_index = _consumed(run, schedule.sources)
    counted = recount(schedule, next_index)
    console().print(_counts(schedule, counted, trained), highlight=False)
    if counted.uneven:
        typer.echo(f"{counted.uneven} sequences came too often or not at all in an epoch")
    if not counted.equal(schedule, trained):
        typer.echo("not equal")
        raise typer.Exit(1)
    typer.echo("equal" if trained else "equal; there is no training to compare with")


def _show(table: Mapping[str, Mapping[str, Any]], notes: Sequence[str], budget: int) -> None:
    shown = Table(title=f"{budget:,} tokens, padding included", title_justify="left")
    shown.add_column("source")
    for column in ("available tokens", "asked", "planned", "epochs", "sequences"):
        shown.add_column(column, justify="right")
    shown.add_column("notes")
    shown_notes: set[str] = set()
    for name, row in table.items():
        own = [note for note in notes if note.startswith(f"{name}: ")]
        shown_notes.update(own)
        shown.add_row(
            escape(name),
            f"{row['available_tokens']:,}",
            f"{row['asked']:.2%}",
            f"{row['realised']:.2%}",
            f"{row['epochs']:.2f}",
            f"{row['n_sequences']:,}",
            escape("\n".join(note.removeprefix(f"{name}: ") for note in own)),
        )
    console().print(shown, highlight=False)
    for note in notes:
        if note not in shown_notes:
            typer.echo(note)


def _counts(schedule: Schedule, counted: Recount, trained: Sequence[int] | None) -> Table:
    columns: dict[str, Sequence[int]] = {"planned": schedule.totals(), "counted": counted.total}
    if trained:
        columns |= {"due by now": counted.prefix, "trained": trained}
    shown = Table()
    shown.add_column("source")
    for column in columns:
        shown.add_column(column, justify="right")
    for name, *row in zip(schedule.sources, *columns.values(), strict=True):
        shown.add_row(escape(name), *(f"{n:,}" for n in row))
    return shown


def _consumed(run: Path, sources: Sequence[str]) -> tuple[list[int] | None, int]:
    # What training says it has read, in the order of `sources`, and the index it has come to.
    folder = _sections(run).get("train", {}).get("folder")
    path = _newest(run.glob(f"{folder or 'train-*'}/consumed.json"))
    if path is None:
        return None, 0
    consumed = read_json(path)
    if sorted(consumed["sources"]) != sorted(sources):
        raise PlanError(f"{path} counts sources {consumed['sources']}, the mixture has {list(sources)}")
    counts = dict(zip(consumed["sources"], consumed["sequences"], strict=True))
    return [counts[s] for s in sources], consumed["next_index"]


def _sections(run: Path) -> dict[str, dict[str, Any]]:
    """What run.json says of each section; nothing where the run has not ended."""
    return Record.load(run).sections if (run / FILE).is_file() else {}


def _folder(run: Path, section: str) -> Path:
    """Where `section` wrote: run.json says it, or in a run that has not ended the newest such folder."""
    if section in (sections := _sections(run)):
        return run / str(sections[section]["folder"])
    path = _newest(run.glob(f"{section}-*/{section}.json"))
    if path is None:
        raise PlanError(f"{run} has no {section} yet: `pipeline run` makes it")
    return path.parent


def _newest(paths: Iterable[Path]) -> Path | None:
    return max(paths, key=lambda path: path.stat().st_mtime_ns, default=None)
