"""A small machine: an interpreter's library and packages, all synthetic."""

from __future__ import annotations

from pathlib import Path

from jobs.sample.harvest import Root

SENTENCE = (
    "The {thing} of {name} is measured in whole steps, and each is written down before the next begins. "
)
LICENCE = (
    "Permission is granted to copy this {name} as often as you like, as long as this line stays with it. "
)


def module(name: str, n: int = 6) -> str:
    """Python source with docstrings enough for a page."""
    prose = SENTENCE.format(thing="length", name=name) * n
    return (
        f'"""The module {name}.\n\n{prose}\n"""\n\n\n'
        f'def measure(x, *, unit="m"):\n    """Measure x.\n\n    Args:\n        x: what to measure\n\n'
        f'    >>> measure(1)\n    1 < 2\n    """\n    return x\n\n\n'
        f'class {name.capitalize()}(object):\n    """A {name}.\n\n    - light\n    - round\n    """\n'
    )


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def furnish(folder: Path) -> list[Root]:
    """Write 40 packages with their licences, one vendored copy, and a library with its topics."""
    lib, site = folder / "lib", folder / "site"
    for i in range(12):
        write(lib / f"std{i}.py", module(f"std{i}"))
    write(lib / "test" / "test_std.py", module("tested"))
    write(lib / "site-packages" / "stray.py", module("stray"))
    topics = {f"topic{i}": SENTENCE.format(thing="grammar", name=f"topic {i}") * 8 for i in range(4)}
    write(lib / "pydoc_data" / "topics.py", f"topics = {topics!r}\n")
    for i in range(40):
        write(site / f"pack{i}" / "__init__.py", module(f"pack{i}"))
        write(site / f"pack{i}" / "tools.py", module(f"tools{i}", 8))
        write(site / f"pack{i}-1.{i}.dist-info" / "LICENSE", LICENCE.format(name="work") * 4)
        description = f"# pack{i}\n\n" + SENTENCE.format(thing="use", name=f"pack{i}") * 3
        head = f"Metadata-Version: 2.1\nName: pack{i}\nVersion: 1.{i}\n\n"
        write(site / f"pack{i}-1.{i}.dist-info" / "METADATA", head + description)
    write(site / "pack0" / "_vendor" / "pack1" / "tools.py", module("tools1", 8))
    write(site / "pipeline" / "ours.py", module("ours"))
    write(site / "__editable___finder.py", module("finder"))
    return [Root("stdlib", lib), Root("site", site)]
