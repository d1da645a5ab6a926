"""The stages there are, printed from their own declarations: settings, columns in and out, source, cost."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import annotated_types
import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from jobs.inspect.report import number
from pipeline.registry import find, stages
from pipeline.stage import Filter, Map, Relate, Source, Step, Stream
from stages.filters.measured import SignalRules

KINDS = (Source, Map, Filter, Stream, Relate)


def kind(stage: type[Step]) -> str:
    """Source, Map, Filter, Stream or Relate."""
    return next(k.__name__ for k in KINDS if issubclass(stage, k))


def first_line(stage: type[Step]) -> str:
    """What the stage does, in a sentence."""
    return (inspect.getdoc(stage) or "").partition("\n")[0]


def setting_docs(stage: type[Step]) -> dict[str, str]:
    """The string that stands below each field, in the source of the class or of what it inherits from."""
    docs: dict[str, str] = {}
    for owner in reversed([c for c in stage.__mro__ if issubclass(c, Step)]):
        tree = ast.parse(textwrap.dedent(inspect.getsource(owner))).body[0]
        assert isinstance(tree, ast.ClassDef)
        for field, below in itertools.pairwise(tree.body):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    docs[name] = inspect.cleandoc(text)
    return docs


def columns(schema: pa.Schema) -> Iterator[tuple[str, str, str]]:
    """(name, type, meaning) of columns and of the fields of struct columns."""
    for column in schema:
        about = {k.decode(): v.decode() for k, v in (column.metadata or {}).items()}
        unit = f" [{about['unit']}]" if "unit" in about else ""
        is_struct = pa.types.is_struct(column.type)
        yield column.name, "struct" if is_struct else str(column.type), about.get("meaning", "") + unit
        if is_struct:
            for name, type_, meaning in columns(pa.schema(list(column.type))):
                yield f"{column.name}.{name}", type_, meaning


def show_all(console: Console) -> None:
    """One line a stage, in the order data flows."""
    table = Table(header_style="bold")
    for heading in ("stage", "kind", "what it does"):
        table.add_column(heading)
    for name in stages():
        stage = find("stages", name)
        table.add_row(name, kind(stage), escape(first_line(stage)))
    console.print(table)


def show_one(name: str, console: Console) -> None:
    """Everything about one stage.

    Raises:
        UnknownName: there is no such stage.
    """
    stage = find("stages", name)
    console.print(f"{name} ({kind(stage)})\n\n{inspect.getdoc(stage)}\n", highlight=False, markup=False)
    docs, hints = setting_docs(stage), get_type_hints(stage, include_extras=True)
    settings = Table(title="settings", title_justify="left", header_style="bold")
    for heading in ("name", "type", "default", "meaning"):
        settings.add_column(heading, overflow="fold")
    for field in fields(stage):
        default = (
            "required" if field.default is MISSING and field.default_factory is MISSING else _shown(field)
        )
        if issubclass(stage, SignalRules) and default == "'profile'":
            profile = stage.known_profiles()[0]
            limit = stage.published[profile].get(field.name)
            default = f"'profile' ({profile}: {'off' if limit is None else number(limit)})"
        settings.add_row(
            field.name,
            escape(type_words(hints[field.name])),
            escape(default),
            escape(docs.get(field.name, "")),
        )
    console.print(settings)
    for title, schema in (("reads", stage.reads), ("adds", stage.adds)):
        if len(schema):
            table = Table(title=title, title_justify="left", header_style="bold")
            for heading in ("column", "type", "meaning"):
                table.add_column(heading, overflow="fold")
            for row in columns(schema):
                table.add_row(*map(escape, row))
            console.print(table)
    if stage.removes:
        console.print(f"removes: {', '.join(stage.removes)}")


def type_words(hint: Any) -> str:
    """A setting's type with its bounds, as a recipe has it: `int >= 1`, `float 0 to 1 | null`."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return f"{type_words(inner[0])} {bounds_words(inner[1:])}"
    if origin in (Union, UnionType):
        return " | ".join(map(type_words, inner))
    if origin is Literal:
        return " | ".join(map(str, inner))
    if origin in (tuple, list):
        return f"list of {type_words(inner[0])}"
    if origin is not None:
        return "mapping"
    return "null" if hint is NoneType else "string" if hint is str else hint.__name__


def bounds_words(bounds: Iterable[Any]) -> str:
    """`>= 1`, `0 to 1`, `> 0, <= 1`."""
    words: list[str] = []
    limits = {
        "gt": ">",
        "ge": ">=",
        "lt": "<",
        "le": "<=",
        "min_length": "length >=",
        "max_length": "length <=",
    }
    for bound in bounds:
        singles = list(bound) if isinstance(bound, annotated_types.GroupedMetadata) else [bound]
        given = {k: getattr(b, k) for b in singles for k in limits if hasattr(b, k)}
        if given.keys() == {"ge", "le"}:
            words.append(f"{given['ge']} to {given['le']}")
        else:
            words += [f"{limits[k]} {v}" for k, v in given.items()]
    return ", ".join(words)


def _shown(field: Any) -> str:
    value = field.default if field.default is not MISSING else field.default_factory()
    return repr(value)
