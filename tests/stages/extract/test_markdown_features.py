"""What makes a text Markdown, and what only looks like it."""

from __future__ import annotations

import pytest

from stages.extract.commonmark import parser
from stages.extract.markdown_features import LINES_PER_MARK, is_markdown, may_be_markdown

PROSE = "One line of prose follows another.\n"


def judged(text: str) -> bool:
    return may_be_markdown(text) and is_markdown(text, parser().parse(text))


@pytest.mark.parametrize(
    "text",
    [
        "# Title",
        "Text.\n\n## Part\n\nMore.",
        "# Title\n## Part\nWords.",
        "Title\n=====\n\nText.",
        "```\nx = 1\n```",
        "Text:\n\n~~~\nx = 1\n~~~",
        "[a](b)",
        "[a][b]\n\n[b]: c",
        "![a](b)",
        "a | b\n--|--\n1 | 2",
        "- [ ] do it",
        "> quoted words",
        "*slanted*",
        "**bold**",
        "a `code` b",
        "~~struck~~",
        "---\na: b\n---\n# Title",
    ],
)
def test_markdown(text: str) -> None:
    assert judged(text)
    assert judged(PROSE * 20 + "\n" + text) or text.startswith(("# Title", "---"))


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "- a\n- b",
        "1. a\n2. b",
        "* * *",
        "    indented",
        "<b>html</b>",
        "\\*escaped\\*",
        "&amp;",
        "Title\n-----\n\nText.",
        "<http://auto.link>",
        "__init__",
        "``quoted'' words",
        "`quoted' words and `more' of them",
        "# comment\nx = 1",
        "x = 1\n\n# comment\n\ny = 2",
        "Prose.\n\n# install\npip install it",
        ">>> 1 + 1",
        "Title\n~~~~~\n\nText.\n\nTitle\n~~~~~\n",
        "太小~~不宜~~好",
        "$ *a* *b*",
        "a = `b`;",
    ],
)
def test_not_markdown(text: str) -> None:
    assert not judged(text)


@pytest.mark.parametrize(
    "text",
    [
        "import os\n\n# read [docs](http://x)\ndef f(a):\n    pass\n",
        '"""Doc.\n\n    [a](b)\n"""\nfrom a import b\n\nclass C:\n    x = 1\n',
        "#include <a.h>\n/* see [a](b) */\nint f(void);\n",
        "package a;\n\n// **bold**\npublic class B {\n}\n",
        "name: a\non: b\njobs:\n  - `c`\n",
        "\\section{A}\n\\label{b}\n[c](d)\n",
    ],
)
def test_source_code_is_not_parsed(text: str) -> None:
    assert not may_be_markdown(text)


def test_code_in_fences_is_no_source_code() -> None:
    code = "```python\nimport os\n\nclass C:\n    x = 1\n```\n"
    assert judged(f"# Title\n\n{code}\nSome words.\n\n{code}")
    assert judged(f"Words.\n\n{code.replace('`', '~')}")


def test_an_odd_mark_in_a_long_text_is_none() -> None:
    mark = "A *single* word.\n"
    assert judged(PROSE * (LINES_PER_MARK - 2) + mark)
    assert not judged(PROSE * (LINES_PER_MARK + 2) + mark)
    assert judged(PROSE * (LINES_PER_MARK + 2) + mark * 2)
    assert judged(PROSE * 1000 + "\n## Heading\n\n" + PROSE)


def test_restructured_text() -> None:
    text = "Title\n=====\n\n.. note:: *this* and ``that``\n\nA `link <http://a>`_ too.\n"
    assert not judged(text)
    assert judged(text + "\n[but](this)\n")


@pytest.mark.parametrize(
    "unit",
    [" ", "\n", "=", "-", ">", "#", "`", "*", "_", "[", "|", "~", ";", "(", ". ", "::", "\t", "$$", "\\["],
)
def test_hostile_repetitions_are_judged_in_linear_time(unit: str) -> None:
    for text in (unit * (200_000 // len(unit)), (unit * 1000 + "x\n") * 100):
        may_be_markdown(text)
        may_be_markdown("**a** `b`\n" + text)
