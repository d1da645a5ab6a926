"""The four sources: from files, in the order in which they are tried, to documents."""

from __future__ import annotations

import email.parser
import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from jobs.sample import docstrings, harvest
from jobs.sample.harvest import TOPICS, Candidate, File
from jobs.sample.page import ReferencePage, host, render
from jobs.sample.write import Document

MIN_BYTES = 200
MAX_BYTES = 200_000
"""Larger files are mostly generated tables, and one of them would outweigh a hundred documents."""
MAX_MODULE_BYTES = 80_000
"""Most bytes of a module whose docstrings are read: parsing is what a sample costs."""
MIN_PROSE = 400
"""Fewest characters of docstrings: what is shorter is a name and a reference."""
MAX_TOPICS_BYTES = 4_000_000


@dataclass
class Machine:
    """What `harvest.survey` listed here, by stable name."""

    files: Mapping[str, File]
    folders: dict[str, list[str]] = field(init=False)
    """Folder of modules -> the dotted names of the modules in it, sorted: what sidebars show."""

    def __post_init__(self) -> None:
        self.folders = defaultdict(list)
        for name in sorted(self.files):
            if "reference" in self.files[name].sources:
                self.folders[name.rpartition("/")[0]].append(dotted(name))

    def candidates(self, source: str, seed: int) -> list[Candidate]:
        """Files and parts of files that `source` may use, in the order in which they are tried."""
        most = MAX_MODULE_BYTES if source == "reference" else MAX_BYTES
        candidates = [
            harvest.candidate(name, file.path)
            for name, file in self.files.items()
            if source in file.sources and MIN_BYTES <= file.n_bytes <= most and name != TOPICS
        ]
        if source == "plaintext" and TOPICS in self.files:
            path = self.files[TOPICS].path
            candidates += [harvest.candidate(f"{TOPICS}#{topic}", path) for topic in topics(path)]
        return harvest.order(candidates, source, seed)

    def documents(self, source: str, seed: int) -> Iterator[Document]:
        """All documents that `source` can give, read one after the other as they are asked for."""
        make = MAKERS[source]
        for candidate in self.candidates(source, seed):
            file, _, part = candidate.name.partition("#")
            text = topics(candidate.path)[part] if file == TOPICS else read_text(candidate.path)
            if text is not None and (document := make(self, candidate.name, text)) is not None:
                yield document


def dotted(name: str) -> str:
    """`site/requests/adapters.py` -> `requests.adapters`; a package goes by its folder's name."""
    module = name.partition("/")[2].removesuffix(".py").removesuffix("/__init__")
    return module.replace("/", ".")


def read_text(path: str, max_bytes: int = MAX_BYTES) -> str | None:
    """A file's text; None where it is not UTF-8, too large or not ours to read."""
    try:
        with open(path, "rb") as file:
            data = file.read(max_bytes + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):  # a file like that is not in the sample
        return None
    return text if len(data) <= max_bytes and "\0" not in text else None


@functools.lru_cache(maxsize=1)
def topics(path: str) -> dict[str, str]:
    """The chapters of Python's language reference."""
    return docstrings.topics(read_text(path, MAX_TOPICS_BYTES) or "")


def reference(machine: Machine, name: str, text: str) -> Document | None:
    """A page of HTML made of a module's docstrings."""
    content = docstrings.read(text, MIN_PROSE)
    if content is None:
        return None
    module = dotted(name)
    package = "Python" if name.startswith("stdlib/") else module.split(".")[0]
    page = ReferencePage(package, module, tuple(machine.folders[name.rpartition("/")[0]]), content)
    url = f"https://{host(package)}/{module}.html"
    return Document(name, url, render(page).encode(), "text/html; charset=utf-8")


def text_file(machine: Machine, name: str, text: str) -> Document:
    """A text file as it is."""
    return Document(name, f"python:///{quote(name)}", text.encode())


def readme(machine: Machine, name: str, text: str) -> Document | None:
    """A package's description, or a Markdown file as it is."""
    if not name.endswith("/METADATA"):
        return text_file(machine, name, text)
    message = email.parser.Parser().parsestr(text)
    body = str(message.get_payload())
    url = f"pkg:pypi/{message['Name']}@{message['Version']}"
    return Document(name, url, body.encode()) if len(body) >= MIN_BYTES else None


def plaintext(machine: Machine, name: str, text: str) -> Document | None:
    """A licence, notice or history, or a chapter of Python's language reference."""
    url = f"https://python.docs.example/text/{quote(name.replace('#', '/'))}"
    return Document(name, url, text.encode()) if len(text) >= MIN_BYTES else None


MAKERS: dict[str, Callable[[Machine, str, str], Document | None]] = {
    "reference": reference,
    "readme": readme,
    "code": text_file,
    "plaintext": plaintext,
}
