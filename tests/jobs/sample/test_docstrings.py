"""What is read from a module, against what the interpreter itself says about modules it has imported."""

from __future__ import annotations

import inspect
import json.decoder
import pathlib
import textwrap
from types import ModuleType

import pytest

from jobs.sample import docstrings
from jobs.sample.docstrings import Module, read

SOURCE = '''
"""A module."""
raise SystemExit("nobody runs this")


class Outer(Base, metaclass=Meta):
    """An outer class.

    As
        indented
    """

    class Inner:
        """An inner class."""

    def method(self, x: int = 3, *rest: str) -> list[int]:
        """A method."""

    def silent(self):
        pass


async def coroutine():
    """Works later."""
'''


def whole(source: str) -> Module:
    content = read(source, 0)
    assert content is not None
    return content


def test_entries_in_the_order_of_the_source() -> None:
    content = whole(SOURCE)
    assert content.doc == "A module."
    assert [(e.kind, e.name, e.signature) for e in content.entries] == [
        ("class", "Outer", "(Base)"),
        ("class", "Outer.Inner", ""),
        ("method", "Outer.method", "(self, x: int=3, *rest: str) -> list[int]"),
        ("function", "coroutine", "()"),
    ]
    assert content.entries[0].doc == "An outer class.\n\nAs\n    indented"


@pytest.mark.parametrize("module", [json.decoder, pathlib, textwrap, inspect], ids=lambda m: m.__name__)
def test_docstrings_are_those_the_interpreter_shows(module: ModuleType) -> None:
    content = whole(inspect.getsource(module))
    assert content.doc == (inspect.getdoc(module) or "")
    compared = 0
    for entry in content.entries:
        thing: object = module
        for part in entry.name.split("."):
            thing = getattr(thing, part, None)
        if thing is not None and thing.__doc__:
            assert entry.doc == inspect.cleandoc(thing.__doc__)
            compared += 1
    assert compared > 2


@pytest.mark.parametrize("source", ["def (:", "x = '\0'", "(" * 5000, "print 'Python 2'", "{% template %}"])
def test_what_cannot_be_parsed_is_not_read(source: str) -> None:
    assert docstrings.parse(source) is None
    assert read(f'"""{"long enough " * 50}"""\n{source}', 400) is None


def test_escapes_that_the_compiler_dislikes_are_no_warning() -> None:
    assert whole('"""A \\d and a \\\\ in a docstring."""').doc == "A \\d and a \\ in a docstring."


def test_a_module_that_says_little_is_not_read() -> None:
    assert read('"""Too short."""', 400) is None
    assert read(f'"""{"x" * 399}"""', 400) is None
    assert read(f'"""{"x" * 400}"""', 400) is not None


def test_prose_counts_no_examples() -> None:
    assert Module("abc\n\n>>> 1 + 1\n... \nde", ()).n_prose() == 5


def test_a_string_that_is_no_docstring_does_not_count() -> None:
    assert read(f'x = """{"x" * 1000}"""', 400) is None


def test_what_no_text_may_hold_is_taken_out() -> None:
    assert whole('"""half \\ud800 and \\x1b[1m bell\\x07"""').doc == "half ? and [1m bell"


def test_a_long_signature_is_cut() -> None:
    arguments = ", ".join(f"argument_{i}=None" for i in range(100))
    entry = whole(f'def f({arguments}):\n    """Doc."""').entries[0]
    assert len(entry.signature) == docstrings.MAX_SIGNATURE
    assert entry.signature.endswith("…")


def test_a_long_module_is_cut() -> None:
    source = "\n".join(f'def f{i}():\n    """Doc."""' for i in range(docstrings.MAX_ENTRIES + 9))
    assert len(whole(source).entries) == docstrings.MAX_ENTRIES


def test_topics_are_read_and_not_run() -> None:
    assert docstrings.topics("import nowhere\ntopics = {'if': 'The if statement'}") == {
        "if": "The if statement"
    }
    assert docstrings.topics("x = 1") == {}
    assert docstrings.topics("def (:") == {}
