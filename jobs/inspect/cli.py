"""The commands `plan`, `stages`, `report`, `explain` and `verify`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from jobs.inspect import catalogue, forecast
from jobs.inspect import explain as explaining
from jobs.inspect import verify as proving
from pipeline import config
from pipeline import report as reporting
from pipeline.cli import AsJson, File, console
from pipeline.errors import PlanError
from pipeline.progress import watch

Run = Annotated[Path, typer.Argument(help="the output folder of a run")]


def plan(
    file: File,
    trial: Annotated[bool, typer.Option(help="run a small part to predict cost")] = True,
) -> None:
    """Show what a run would do: steps, columns, folders, what is reused, what it will cost."""
    forecast.show(config.read(str(file)), console(), trial)


def stages(name: Annotated[str | None, typer.Argument(help="one stage, in full")] = None) -> None:
    """List the stages there are, or tell everything about one."""
    if name:
        catalogue.show_one(name, console())
    else:
        catalogue.show_all(console())


def report(run: Run, as_json: AsJson = False) -> None:
    """Show what a run did, and write it as an HTML page."""
    record = reporting.load(run)
    if as_json:
        typer.echo(json.dumps(record))
        return
    reporting.show(record, console())
    typer.echo(f"report: {reporting.write(run, record)}")


def explain(
    run: Run,
    wanted: Annotated[str, typer.Argument(metavar="URL_OR_ID", help="the document's url or id")],
    as_json: AsJson = False,
) -> None:
    """Tell one document's story: where it was read, what was measured, why it went or stayed."""
    found = explaining.find(run, reporting.load(run), wanted)
    if not found:
        raise PlanError(f"no document of {run} has the id or URL {wanted!r}, kept or dropped")
    for document in found:
        if as_json:
            typer.echo(json.dumps(document, default=str, ensure_ascii=False))
            continue
        typer.echo(f"{document['id']} ({document['source']})")
        for what, how in explaining.story(document, run):
            typer.echo(f"  {what}: {how}")


def verify(
    file: File,
    engines: Annotated[str, typer.Option(help="names, with commas between")] = "local",
    workers: Annotated[str, typer.Option(help="numbers, with commas between")] = "1,2",
    folder: Annotated[Path | None, typer.Option(help="where to work (default: beside the output)")] = None,
) -> None:
    """Prove that a recipe gives the same bytes in each way of running it."""
    try:
        counts = [int(n) for n in workers.split(",")]
    except ValueError:
        raise PlanError(f"--workers wants numbers such as 1,2, not {workers!r}") from None
    output = config.read(str(file)).output
    work = folder or output.with_name(f"{output.name}-verify")
    hashes = set()
    out = console()
    with watch("plain", Console(stderr=True)) as progress:
        for proof in proving.prove(str(file), engines.split(","), counts, work, progress):
            hashes.add(proof.run_hash)
            ran = f"{proof.engine}, {proof.workers} workers, {proof.seconds:.1f} s"
            hashed = f"documents {proof.content_hash}, with tokens and mixture {proof.run_hash}"
            out.print(f"{ran}: {hashed}", soft_wrap=True, highlight=False)
    if len(hashes) != 1:
        out.print("[bold red]the hashes differ[/]")
        raise typer.Exit(1)
    out.print("[bold green]one hash[/]")
