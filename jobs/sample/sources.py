"""The four sources: from found files, in the order they are to be tried, to documents."""

from __future__ import annotations

import email.parser
import functools
import gzip
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from jobs.sample import docstrings, harvest, roff
from jobs.sample.harvest import MAX_BYTES, MAX_MODULE_BYTES, MIN_BYTES, TOPICS, File, Found
from jobs.sample.layout import Page, host, render
from jobs.sample.write import Document

MIN_PROSE = 400
"""Characters of docstrings, or of a manual's text: what is shorter is a name and a reference."""

MAX_TOPICS_BYTES = 4_000_000
SIZES = {
    "reference": (MIN_PROSE, MAX_MODULE_BYTES),
    "readme": (MIN_BYTES, MAX_BYTES),
    "code": (MIN_BYTES, MAX_BYTES),
    "manual": (MIN_BYTES, MAX_BYTES),
}
"""Fewest and most bytes of a source's files."""


@dataclass
class Machine:
    """What `harvest.survey` found here, by stable name."""

    files: Mapping[str, File]
    folders: dict[str, list[str]] = field(init=False)
    """Folder of modules -> the dotted names of the modules in it, sorted: what sidebars show."""

    def __post_init__(self) -> None:
        self.folders = defaultdict(list)
        for name in sorted(self.files):
            if "reference" in self.files[name].sources:
                self.folders[name.rpartition("/")[0]].append(dotted(name))

    def candidates(self, source: str, seed: int) -> list[Found]:
        """Files and parts of files that `source` may use, in the order in which they are tried."""
        low, high = SIZES[source]
        things = [
            harvest.found(name, file.path)
            for name, file in self.files.items()
            if source in file.sources and low <= file.n_bytes <= high and name != TOPICS
        ]
        if source == "manual":
            things += self._topics() + self._plain_docstrings()
        return harvest.order(things, source, seed)

    def _topics(self) -> list[Found]:
        if TOPICS not in self.files:
            return []
        path = self.files[TOPICS].path
        return [harvest.found(f"{TOPICS}#{topic}", path) for topic in topics(path)]

    def _plain_docstrings(self) -> list[Found]:
        # So that a machine without manuals has this source too.
        names = (n for n, f in self.files.items() if "reference" in f.sources and n.startswith("stdlib/"))
        return [harvest.found(f"{n}#docstrings", self.files[n].path, tier=1) for n in names]

    def documents(self, source: str, seed: int) -> Iterator[Document]:
        """All documents that `source` can give, read one after the other as they are asked for."""
        make = MAKERS[source]
        for found in self.candidates(source, seed):
            file, _, part = found.name.partition("#")
            text = topics(found.path)[part] if file == TOPICS else read_text(found.path)
            if text is not None and (document := make(self, found, text)) is not None:
                yield document


def dotted(name: str) -> str:
    """`site/requests/adapters.py` -> `requests.adapters`; a package goes by its folder's name."""
    module = name.partition("/")[2].removesuffix(".py").removesuffix("/__init__")
    return module.replace("/", ".")


def read_text(path: str, max_bytes: int = MAX_BYTES) -> str | None:
    """A file's text, unpacked; None where it is not UTF-8, damaged, too large or not ours to read."""
    try:
        with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
            data = file.read(max_bytes + 1)
        text = data.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):  # a file like that is not in the sample
        return None
    return text if len(data) <= max_bytes and "\0" not in text else None


@functools.lru_cache(maxsize=1)
def topics(path: str) -> dict[str, str]:
    """The chapters of Python's language reference."""
    return docstrings.topics(read_text(path, MAX_TOPICS_BYTES) or "")


def reference(machine: Machine, found: Found, text: str) -> Document | None:
    """A page of HTML made of a module's docstrings."""
    content = docstrings.read(text, MIN_PROSE)
    if content is None:
        return None
    module = dotted(found.name)
    package = "Python" if found.name.startswith("stdlib/") else module.split(".")[0]
    folder = found.name.rpartition("/")[0]
    body, content_type = render(Page(package, module, tuple(machine.folders[folder]), content))
    return Document(found.name, f"https://{host(package)}/{module}.html", body, content_type)


def code(machine: Machine, found: Found, text: str) -> Document:
    """A source file as it is."""
    return Document(found.name, f"python:///{quote(found.name)}", text.encode())


def readme(machine: Machine, found: Found, text: str) -> Document | None:
    """A package's description, or a text file as it is."""
    if found.name.endswith("/METADATA"):
        message = email.parser.Parser().parsestr(text)
        body = message.get_payload()
        text = str(body) if body else str(message["Description"] or "")
        url = f"pkg:pypi/{message['Name']}@{message['Version']}"
        return Document(found.name, url, text.encode()) if len(text) >= MIN_BYTES else None
    return Document(found.name, f"python:///{quote(found.name)}", text.encode())


def manual(machine: Machine, found: Found, text: str) -> Document | None:
    """A manual page, a documentation file, or what Python itself has to say, as plain text."""
    root, _, rest = found.name.removesuffix(".gz").partition("/")
    if root == "man":
        text = roff.plain(text)
        language = found.group.removeprefix("man ")
        url = f"https://man.example/{language}/{quote(rest.rpartition('/')[2])}.html"
    elif root == "doc":
        url = f"https://doc.example/{quote(rest)}"
    else:
        text = _spoken(text) if rest.endswith("#docstrings") else text
        url = f"https://python.docs.example/text/{quote(rest.replace('#', '/'))}"
    return Document(found.name, url, text.encode()) if len(text) >= MIN_PROSE else None


def _spoken(source: str) -> str:
    content = docstrings.read(source, MIN_PROSE)
    if content is None:
        return ""
    sections = (f"{e.name}{e.signature}\n\n{e.doc}" for e in content.entries)
    return "\n\n\n".join([content.doc, *sections]).strip()


MAKERS: dict[str, Callable[[Machine, Found, str], Document | None]] = {
    "reference": reference,
    "readme": readme,
    "code": code,
    "manual": manual,
}
