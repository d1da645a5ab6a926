"""Progress: bars on a terminal, lines elsewhere, JSON for machines."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from pipeline.progress import watch


def feed(how: str, console: Console) -> None:
    with watch(how, console) as report:  # type: ignore[arg-type]
        report("web", 0, 2)
        report("web", 1, 2)
        report("web", 2, 2)
        report("tokens", 0, 0)


def test_lines_where_there_is_no_terminal() -> None:
    out = io.StringIO()
    feed("auto", Console(file=out))
    assert out.getvalue().splitlines() == ["web: 0/2", "web: 2/2", "tokens: 0/0"]


def test_bars_on_a_terminal() -> None:
    out = io.StringIO()
    feed("auto", Console(file=out, force_terminal=True, width=100))
    assert "2/2" in out.getvalue()
    assert "\x1b[" in out.getvalue()


def test_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    feed("json", Console(file=io.StringIO()))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(e["event"], e["label"], e["done"], e["total"]) for e in events] == [
        ("progress", "web", 0, 2),
        ("progress", "web", 1, 2),
        ("progress", "web", 2, 2),
        ("progress", "tokens", 0, 0),
    ]
