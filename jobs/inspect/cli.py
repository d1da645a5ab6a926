"""The commands `plan`, `stages`, `report`, `explain`, `whatif`, `profiles`, `verify` and `fsck`.

Each imports what it needs when it is called: none waits for what only the others need.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli import AsJson, File, console
from pipeline.errors import PlanError
from pipeline.objects.path import location

Run = Annotated[Path, typer.Argument(parser=location, metavar="RUN", help="the output of a run")]


def plan(
    file: File,
    trial: Annotated[bool, typer.Option(help="run a small part to predict cost")] = True,
) -> None:
    """Show what a run would do: steps, columns, folders, what is reused, what it will cost."""
    from jobs.inspect import forecast
    from pipeline.config import read

    forecast.show(read(str(file)), console(), trial)


def stages(name: Annotated[str | None, typer.Argument(help="one stage, in full")] = None) -> None:
    """List the stages there are, or tell everything about one."""
    from jobs.inspect import catalogue

    if name:
        catalogue.show_one(name, console())
    else:
        catalogue.show_all(console())


def report(run: Run, as_json: AsJson = False) -> None:
    """Show what a run did, and write it as an HTML page."""
    from jobs.inspect import report as reporting
    from pipeline.record import Record

    record = Record.load(run)
    if as_json:
        typer.echo(json.dumps(record.as_json()))
        return
    reporting.show(record, console())
    typer.echo(f"report: {reporting.write(run, record)}")


def explain(
    run: Run,
    wanted: Annotated[str, typer.Argument(metavar="URL_OR_ID", help="the document's url or id")],
    as_json: AsJson = False,
) -> None:
    """Tell one document's story: where it was read, each rule and its margin, its copies, its sequences."""
    from jobs.inspect import explain as explaining
    from pipeline.record import Record

    record = Record.load(run)
    matches = explaining.find(run, record, wanted)
    if not matches:
        raise PlanError(f"no document of {run} has the id or URL {wanted!r}, kept or dropped")
    for document in matches:
        if as_json:
            typer.echo(json.dumps(document, default=str, ensure_ascii=False))
            continue
        typer.echo(f"{document['id']} ({document['source']})")
        for what, how in explaining.story(document, run, record):
            typer.echo(f"  {what}: {how}")


def whatif(
    run: Run,
    changes: Annotated[list[str] | None, typer.Argument(metavar="STEP.SETTING=VALUE...")] = None,
    sweep: Annotated[
        str | None,
        typer.Option(
            help="one threshold over a range: STEP.SETTING=FROM:TO:POINTS, "
            "as gopher_rules.max_frac_symbols=0.05:0.5:10"
        ),
    ] = None,
    samples: Annotated[int, typer.Option(min=0, help="documents to show each way")] = 10,
    as_json: AsJson = False,
) -> None:
    """Tell what other thresholds would keep and drop, from what the run measured; nothing runs again."""
    from jobs.inspect import answer as answering
    from jobs.inspect import sweep as sweeping
    from jobs.inspect import whatif as whatifs
    from pipeline.record import Record

    record, asked = Record.load(run), [whatifs.parse(c) for c in changes or []]
    if not asked and not sweep:
        raise PlanError("say what to change: STEP.SETTING=VALUE, or --sweep STEP.SETTING=FROM:TO:POINTS")
    if sweep:
        points = sweeping.sweep(run, record, sweep, asked)
        if as_json:
            typer.echo(json.dumps([asdict(p) for p in points]))
        else:
            sweeping.show(sweep, points, console())
        return
    answer = answering.ask(run, record, whatifs.scenarios(record, asked), samples)
    if as_json:
        typer.echo(json.dumps(asdict(answer), default=str, ensure_ascii=False))
    else:
        answering.show(answer, console())


def profiles(
    run: Run,
    documents: Annotated[int, typer.Option(min=1, help="at most, chosen by a hash of their ids")] = 10_000,
    samples: Annotated[int, typer.Option(min=0, help="documents to show of each rule set")] = 3,
    as_json: AsJson = False,
) -> None:
    """Apply every toolkit's reading of every rule set to a run's documents, and show where they differ."""
    from jobs.inspect import profiles as comparing
    from pipeline.record import Record

    families = comparing.compare(run, Record.load(run), documents, samples)
    if not as_json:
        comparing.show(families, console())
        return
    for name, family in families.items():
        shares = {"rejects": dict(zip(family.profiles, family.rates(), strict=True))}
        agreement = {"agreement": family.agreement().tolist(), "unanimous": family.unanimous()}
        typer.echo(json.dumps({"family": name, **shares, **agreement, "samples": family.samples}))


def verify(
    file: File,
    engines: Annotated[str, typer.Option(help="names, with commas between")] = "local",
    workers: Annotated[str, typer.Option(help="numbers, with commas between")] = "1,2",
    folder: Annotated[
        Path | None,
        typer.Option(parser=location, metavar="FOLDER", help="where to work (default: beside the output)"),
    ] = None,
) -> None:
    """Prove that a recipe gives the same bytes in each way of running it."""
    from rich.console import Console

    from jobs.inspect import verify as proving
    from pipeline.config import read
    from pipeline.progress import watch

    try:
        counts = [int(n) for n in workers.split(",")]
    except ValueError:
        raise PlanError(f"--workers wants numbers such as 1,2, not {workers!r}") from None
    output = read(str(file)).output
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


def fsck(
    files: Annotated[list[str], typer.Argument(help="WARC, WET, JSON lines, Parquet, .bin; patterns too")],
    as_json: AsJson = False,
) -> None:
    """Say what is damaged in files, by byte range. Exit code 1 if anything is."""
    # What reads files brings requests and fsspec, for which the other commands here need not wait.
    from jobs.inspect import damage
    from stages.ingest.fsck import examine
    from stages.ingest.paths import expand

    damaged = False
    for path in expand(files):
        report = examine(path)
        damaged |= bool(report.damage)
        typer.echo(json.dumps(asdict(report)) if as_json else "\n".join(damage.lines(report)))
    if damaged:
        raise typer.Exit(1)
