"""What a run did, for reading: a table on the terminal and an HTML page without JavaScript."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.errors import RunError
from pipeline.record import Record
from pipeline.store import atomic


def number(value: Any) -> str:
    """A figure as people read it: 12,345 · 0.1235 · text as it is."""
    if isinstance(value, bool) or value is None:
        return "-" if value is None else str(value).lower()
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def sections(record: Record) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """The run as tables: (title, column names, rows)."""
    rows = []
    for s in record.steps:
        why = ", ".join(f"{r} {n:,}" for r, n in list(s.dropped.items())[:4])
        rows.append([s.source, s.name, number(s.rows_in), number(s.kept), why, f"{s.seconds:.1f}"])
    yield "documents", ["source", "step", "in", "kept", "dropped by", "core-s"], rows
    for name, value in record.sections.items():
        yield from _section(name, value)


def _section(name: str, value: Mapping[str, Any]) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """A section's figures: what it tells for each source as one table, the rest as another."""
    plain = [[k, number(v)] for k, v in value.items() if not isinstance(v, dict | list)]
    yield name, ["", ""], plain
    for key, table in value.items():
        if isinstance(table, dict) and table and all(isinstance(v, dict) for v in table.values()):
            columns = list(
                dict.fromkeys(c for row in table.values() for c in row if not isinstance(row[c], dict))
            )
            yield (
                f"{name}: {key}",
                ["source", *columns],
                [[source, *(number(row.get(c)) for c in columns)] for source, row in table.items()],
            )
        elif isinstance(table, list) and table and all(isinstance(v, str) for v in table):
            yield f"{name}: {key}", [""], [[v] for v in table]


def show(record: Record, console: Console) -> None:
    """Print the tables."""
    for title, columns, rows in sections(record):
        table = Table(title=title, title_justify="left", header_style="bold", show_header=any(columns))
        for i, column in enumerate(columns):
            figures = rows and all(r[i][:1].isdigit() for r in rows)
            table.add_column(column, justify="right" if figures else "left", overflow="fold")
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(table)


def write(run: Path, record: Record) -> Path:
    """Write `report.html` into the run; returns its path.

    Raises:
        RunError: it cannot be written.
    """
    template = files("jobs.inspect").joinpath("report.html").read_text(encoding="utf-8")
    html = Environment(autoescape=True).from_string(template)
    path = run / "report.html"
    text = html.render(record=record, sections=list(sections(record)), number=number)
    try:
        with atomic(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"the report cannot be written as {path}: {error.strerror}") from error
    return path
