"""A YAML file as its nodes and values, in bounded work: nothing walks what an alias could make endless.

Events come one after the other and are only counted, so a file is refused before it is ever built: for its
size, its depth, an alias to itself, or the number of values it stands for with every alias written out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import ConfigError, Problem

MAX_BYTES = 8 << 20
MAX_DEPTH = 50
MAX_VALUES = 100_000
"""With every alias counted as what it stands for."""
MAX_NUMBER = 100
"""Characters of a number: longer ones take Python time that grows with the square."""

MAX_PROBLEMS = 100
MAX_SHOWN = 200

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # twenty times as fast, where it was built


class _Refused(yaml.MarkedYAMLError):
    """What we refuse in a file that is YAML."""

    def __init__(self, message: str, mark: Any) -> None:
        super().__init__(problem=message, problem_mark=mark)


class _Values(_Loader):  # type: ignore[misc]
    """Values of nodes. PyYAML's own functions raise whatever Python does: ValueError for a 13th month."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if node.tag in _NUMBERS and len(node.value) > MAX_NUMBER:
            raise _Refused(f"a number of {len(node.value)} characters; write text in quotes", node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            kind = node.tag.rpartition(":")[2]
            message = f"{str(node.value)[:80]!r} cannot be read as {kind}; write text in quotes"
            raise _Refused(message, node.start_mark) from error


def parse(file: str) -> tuple[yaml.Node | None, Any, list[Problem]]:
    """The root of a file's nodes, with their lines; its values; a problem for each key that stands twice.

    Raises:
        ConfigError: it cannot be read, is not YAML, is too large, or not one document.
    """
    text = _text(file)
    try:
        _bound(yaml.parse(text, Loader=_Loader))
        root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
        repeated = list(
            itertools.islice(_repeated(file, root), MAX_PROBLEMS)
        )  # `<<` is resolved in the nodes
        loader = _Values("")
        try:
            return root, loader.construct_document(root) if root else None, repeated
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ": ".join(part for part in (error.context, error.problem) if part)
        raise _wrong(file, mark.line + 1 if mark else 1, "yaml", said) from error
    except yaml.YAMLError as error:  # characters that are not allowed
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise _wrong(file, line, "yaml", str(error).partition("\n")[0]) from error
    except (ValueError, OverflowError) as error:  # an escape such as "\U99999999"
        raise _wrong(file, 1, "yaml", str(error)) from error


def _text(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)  # of a pipe or a device, too
    except OSError as error:
        raise _wrong(file, 1, "file", f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise _wrong(file, 1, "file", f"has more than {MAX_BYTES >> 20} MiB, which no recipe has")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _wrong(file, line, "file", f"is not UTF-8 (byte 0x{data[error.start]:02x})") from error


def _wrong(file: str, line: int, where: str, message: str) -> ConfigError:
    return ConfigError([Problem(file, line, where, message)])


def _repeated(file: str, root: yaml.Node | None) -> Iterator[Problem]:
    """A problem for each key that stands twice: YAML would silently keep the last."""
    left: list[yaml.Node | None] = [root]
    seen: set[int] = set()
    while left:
        node = left.pop()
        if id(node) in seen:  # an alias stands for it, too
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            first: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if isinstance(key, yaml.ScalarNode):
                    if key.value in first:
                        message = f"stands twice, first in line {first[key.value]}; YAML would keep the last"
                        yield Problem(file, line, printable(key.value), message)
                    first[key.value] = line
                left.append(value)
        elif isinstance(node, yaml.SequenceNode):
            left += node.value


def printable(text: str) -> str:
    """A text for one line of a message: short, and what no terminal should be sent is escaped."""
    text = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def _bound(events: Iterator[yaml.Event]) -> None:
    """Refuse what would take unbounded work, at the event where the limit is passed."""
    total = documents = 0
    begun: list[tuple[str | None, int]] = []  # of each open collection: its anchor, and `total` before it
    lines: dict[str, int] = {}
    sizes: dict[str | None, int] = {}  # of each anchor whose node has ended: the values it stands for
    for event in events:
        mark: Any = event.start_mark
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _Refused("a second document begins here; a recipe is one", mark)
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor in lines and event.anchor not in sizes:
                raise _Refused(f"alias *{event.anchor} stands inside what it stands for", mark)
            total += sizes.get(event.anchor, 1)  # of one that is not there, `compose` says so
        elif isinstance(event, yaml.NodeEvent):
            anchor, total = event.anchor, total + 1
            if anchor in lines:
                raise _Refused(f"anchor &{anchor} stands twice, first in line {lines[anchor]}", mark)
            if anchor is not None:
                lines[anchor] = mark.line + 1
            if isinstance(event, yaml.CollectionStartEvent):
                begun.append((anchor, total - 1))
            elif anchor is not None:
                sizes[anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = begun.pop()
            if anchor is not None:
                sizes[anchor] = total - before
        if total > MAX_VALUES:
            raise _Refused(f"more than {MAX_VALUES:,} values, aliases written out", mark)
        if len(begun) > MAX_DEPTH:
            raise _Refused(f"nested more than {MAX_DEPTH} deep", mark)
