"""The command line: verbs and few flags; settings live in the recipe alone.

Only what the command asked for needs is imported: who types `--help` waits for neither Arrow nor DuckDB.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.errors import PipelineError
from pipeline.objects.path import location
from pipeline.registry import find, first_line, names

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.config import Recipe

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def pipeline() -> None:
    """From crawls to training-ready tokens, with the same bytes on one machine and on Spark."""


File = Annotated[Path, typer.Argument(help="a recipe (YAML)")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line, for machines")]


CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
EngineName = Annotated[str, typer.Option(help=f"one of {', '.join(names('engines'))}")]
Workers = Annotated[int, typer.Option(min=1, help="tasks at a time (default: the cores there are)")]
Output = Annotated[
    Path | None, typer.Option(parser=location, metavar="FOLDER", help="instead of the recipe's output")
]


def console() -> Console:
    """Where commands print."""
    from rich.console import Console

    # Off a terminal rich would fold tables to 80 columns, and a log has no such edge.
    return Console() if sys.stdout is not None and sys.stdout.isatty() else Console(width=160)


@app.command()
def run(
    file: File,
    engine: EngineName = "local",
    workers: Workers = CORES,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Run a recipe, or resume it: documents, then the tokens, mixture and training it names."""
    from pipeline.config import read

    carry_out(read(str(file), output), engine, workers, as_json)


def carry_out(recipe: Recipe, engine: str, workers: int, as_json: bool) -> None:
    """Run a recipe with progress; print what came of it and where it lies."""
    from pipeline.progress import watch
    from pipeline.run import Runner

    screen = console()
    with_engine = find("engines", engine)(workers, recipe.engine.get(engine, {}))
    try:
        with watch("json" if as_json else "auto", screen) as progress:
            record = Runner(recipe, with_engine, progress).run()
    finally:
        with_engine.close()
    # The page is for people; with --json, standard output is for machines.
    with open(os.devnull, "w") if as_json else contextlib.nullcontext(sys.stdout) as out:
        _report(recipe.output, out)
    if as_json:
        typer.echo(json.dumps({"event": "done", "output": str(recipe.output), "record": record.as_json()}))
        return
    for folders in record.documents.values():
        for folder in folders:
            screen.print(f"documents: {recipe.output / folder}", soft_wrap=True)
    for name, made in record.sections.items():
        if "folder" in made:
            screen.print(f"{name}: {recipe.output / made['folder']}", soft_wrap=True)
    screen.print(f"content hash: {record.content_hash}", soft_wrap=True)


def _report(output: Path, out: Any) -> None:
    """Show the report in `out`, and write it. The run is done, whether its page can be written or not."""
    try:
        with contextlib.redirect_stdout(out):
            find("commands", "report")(output)
    except PipelineError as error:
        typer.echo(str(error), err=True)


def command() -> None:
    """What the command line asks for. It ends with SystemExit, or with what `pipeline.boundary` describes."""
    asked = sys.argv[1:2]
    for name in names("commands"):
        if asked == [name]:
            _add(name, find("commands", name))
        elif asked in ([], ["--help"]):
            app.command(name, help=first_line("commands", name))(lambda: None)
    app(prog_name="pipeline")


def _add(name: str, command: Any) -> None:
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=name)
    else:
        app.command(name)(command)
