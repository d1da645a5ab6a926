"""From files to documents: what each source makes, what it leaves out, and that names decide."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from jobs.sample import sources
from jobs.sample.harvest import TOPICS, File, Root, roots, survey
from jobs.sample.sources import MAKERS, MAX_BYTES, Machine, dotted, read_text
from jobs.sample.write import Document
from tests.jobs.sample.machine import SENTENCE, furnish, module, write


def documents(places: list[Root], source: str, seed: int = 0) -> list[Document]:
    return list(Machine(survey(places)).documents(source, seed))


def test_every_source_gives_documents_of_its_kind(machine: list[Root]) -> None:
    made = {source: documents(machine, source) for source in MAKERS}
    assert {s: len(d) for s, d in made.items()} == {
        "reference": 93,
        "readme": 40,
        "code": 94,
        "plaintext": 44,
    }
    for source, all_of_it in made.items():
        assert len({d.name for d in all_of_it}) == len(all_of_it), source


def test_reference_pages_link_to_their_siblings(machine: list[Root]) -> None:
    pages = {d.name: d for d in documents(machine, "reference")}
    page = pages["site/pack3/tools.py"]
    assert page.url == "https://pack3.docs.example/pack3.tools.html"
    assert page.content_type.startswith("text/html")
    assert b'<a href="pack3.html">' in page.body
    assert pages["stdlib/std1.py"].url == "https://python.docs.example/std1.html"


def test_readmes_are_descriptions(machine: list[Root]) -> None:
    made = {d.name: d for d in documents(machine, "readme")}
    description = made["site/pack7-1.7.dist-info/METADATA"]
    assert description.url == "pkg:pypi/pack7@1.7"
    assert description.body.startswith(b"# pack7\n")
    bare = "site/x-1.dist-info/METADATA", "Name: x\nVersion: 1\n"
    assert sources.readme(Machine({}), *bare) is None


def test_code_is_the_file_as_it_is(machine: list[Root]) -> None:
    made = {d.name: d for d in documents(machine, "code")}
    assert made["stdlib/std0.py"].body == module("std0").encode()
    assert "stdlib/test/test_std.py" in made


def test_plain_text_is_licences_and_topics(machine: list[Root]) -> None:
    made = {d.name: d for d in documents(machine, "plaintext")}
    licence = made["site/pack7-1.7.dist-info/LICENSE"]
    assert licence.url == "https://python.docs.example/text/site/pack7-1.7.dist-info/LICENSE"
    topic = made[f"{TOPICS}#topic2"]
    assert topic.url == "https://python.docs.example/text/stdlib/pydoc_data/topics.py/topic2"
    assert topic.body.decode() == SENTENCE.format(thing="grammar", name="topic 2") * 8


def test_seeds_give_other_orders_of_the_same_documents(machine: list[Root]) -> None:
    one, two = (documents(machine, "code", seed) for seed in (1, 2))
    assert one != two
    assert {d.name: d for d in one} == {d.name: d for d in two}


def test_documents_do_not_depend_on_where_the_machine_lies(tmp_path: Path) -> None:
    here, there = (furnish(tmp_path / n) for n in ("a", "b/c"))
    compared = 0
    for source in MAKERS:
        assert documents(here, source) == documents(there, source)
        compared += 1
    assert compared == 4


def test_files_out_of_bounds_are_no_candidates() -> None:
    sizes = [0, 199, 200, 80_000, 80_001, MAX_BYTES, MAX_BYTES + 1]
    files = {f"site/p/m{n}.py": File(f"/m{n}", n, ("reference", "code")) for n in sizes}
    chosen = {
        s: sorted(int(f.path[2:]) for f in Machine(files).candidates(s, 0)) for s in ("code", "reference")
    }
    assert chosen == {"code": [200, 80_000, 80_001, MAX_BYTES], "reference": [200, 80_000]}


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        ("good.txt", "naïve\r\n".encode(), "naïve\r\n"),
        ("mark.txt", b"\xef\xbb\xbfmark", "mark"),
        ("latin.txt", "naïve".encode("latin-1"), None),
        ("binary.txt", b"a\0b", None),
        ("large.txt", b"x" * (MAX_BYTES + 1), None),
    ],
)
def test_read_text(tmp_path: Path, file: str, content: bytes, text: str | None) -> None:
    write(tmp_path / file, content)
    assert read_text(str(tmp_path / file)) == text


def test_a_file_that_went_away_is_none(tmp_path: Path) -> None:
    assert read_text(str(tmp_path / "gone")) is None


@pytest.mark.parametrize(
    ("name", "module_name"),
    [
        ("site/requests/adapters.py", "requests.adapters"),
        ("site/requests/__init__.py", "requests"),
        ("site/six.py", "six"),
        ("stdlib/__future__.py", "__future__"),
    ],
)
def test_dotted(name: str, module_name: str) -> None:
    assert dotted(name) == module_name


def test_names_are_quoted_in_addresses(tmp_path: Path) -> None:
    write(tmp_path / "a b" / "c#d.h", "int x; " * 50)
    document = documents([Root("site", tmp_path)], "code")[0]
    assert document.url == "python:///site/a%20b/c%23d.h"


def test_an_interpreter_alone_fills_three_sources() -> None:
    alone = Machine(survey([r for r in roots() if r.name == "stdlib"]))
    rich = ("reference", "code", "plaintext")
    assert [sum(1 for _ in islice(alone.documents(s, 0), 60)) for s in rich] == [60, 60, 60]
