"""Ends a run before its n-th file-system step, whichever that is, and looks at what the next run makes of it.

Each run is a process of its own, forked from one that has imported everything and started no thread, so that
one point costs a fraction of a second. Tasks run in that process too (the inline engine). A step is a rename,
a link, a file opened for writing (before, and when it is there and empty), a Parquet file closed, an unlink,
a folder made or removed, an fsync, a query of DuckDB or files that it writes. The process ends by `os._exit`:
no handler runs and no buffer is written, as after a SIGKILL.
"""

from __future__ import annotations

import builtins
import hashlib
import importlib
import io
import json
import os
import shutil
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline import ledger
from pipeline.duck import DuckSession
from pipeline.inline import InlineEngine
from pipeline.run import Runner
from pipeline.schema import TEXT, column
from pipeline.stage import Map
from tests.toy import Compare, Count, Lines, Long, OnePerLetter, chain, recipe, write_lines

for late in ("pandas", "pyarrow.dataset"):  # pyarrow imports them where it first needs them: in every fork
    importlib.import_module(late)
KILLED = 77
"""Exit code of a process that ended at its step."""
INPUT = {
    "x": {
        "a.txt": "apple\n?\nab\nbanana\navocado\n#hash\nberry\n",
        "b.txt": "cherry\ncitrus\ndate\nelder\n?\nelm\n",
        "c.txt": "fig\ngrape\nguava\nhoney\nivy\n",
        "d.txt": "kiwi\nlemon\nlime\nmango\nmelon\n",
    },
    "y": {
        "e.txt": "apricot\nnut\nquandong\n?\n#x\n",
        "f.txt": "peach\npear\nzucchini\nquince\njambul\n",
    },
    "reference": {"r.txt": "pomelo\nzest\n"},
}
SHARD_BYTES = 80
"""So that the shards of both sources are put together when all is done."""
N_LETTERS = column("n_letters", pa.int64(), "characters of the text once more", "characters")


@dataclass(frozen=True, kw_only=True)
class CountAgain(Map):
    """One more column, so that what was dropped before it gets one more, too."""

    reads: ClassVar[pa.Schema] = pa.schema([TEXT])
    adds: ClassVar[pa.Schema] = pa.schema([N_LETTERS])

    def process(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch.append_column(N_LETTERS, pc.utf8_length(batch["text"]).cast(pa.int64()))


@dataclass(frozen=True, kw_only=True)
class Result:
    """What must be equal, and what must not be there."""

    content_hash: str
    published: dict[str, str]
    """path -> SHA-256"""
    left: list[str]
    """Files and folders that no finished run has."""


class Case:
    """Two sources with private and common queries, and the changes that a user may make in between."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = {name: write_lines(folder / name, files) for name, files in INPUT.items()}

    def run(self, output: Path, *, edited: bool = False) -> Result:
        """Run or resume. `edited`: a later threshold is another one, and a step has been added."""
        common = (
            Compare(against=self.paths["reference"]),
            OnePerLetter(by="last"),
            OnePerLetter(by="last", extra=1),
            Long(min_n_chars=6 if edited else 5),
            *((CountAgain(),) if edited else ()),
        )
        private = {"x": (Count(), Long(min_n_chars=3), OnePerLetter()), "y": (Count(), Long(min_n_chars=3))}
        chains = [
            chain(Lines(paths=self.paths[s], source=s), *own, *common, name=s, shared=len(common))
            for s, own in private.items()
        ]
        ledger.WAITING_BYTES = 0  # so that dropped documents wait in files
        made = recipe(output, *chains, shard_bytes=SHARD_BYTES)
        return look(output, Runner(made, InlineEngine(1, {}), lambda *_: None).run().content_hash)

    def edit(self) -> Callable[[], None]:
        """Change an input, its size the same; returns what takes the change back."""
        path = Path(self.paths["x"][1])
        before, stat = path.read_text(), path.stat()
        path.write_text(before.replace("citrus", "coffee"))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))

        def back() -> None:
            path.write_text(before)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

        return back


def look(output: Path, content_hash: str) -> Result:
    """What a run has left."""
    files = [
        p for name in ("documents", "dropped") for p in sorted((output / name).rglob("*")) if p.is_file()
    ]
    left = [p for p in output.rglob("*") if p.name.startswith(".") and p.name != ".lock"]
    left += [p for v in output.rglob("verdicts") for p in v.parent.glob("second_passes")]
    return Result(
        content_hash=content_hash,
        published={str(p.relative_to(output)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files},
        left=sorted(str(p.relative_to(output)) for p in left),
    )


class Steps:
    """Counts the file-system steps of this process, and ends it before one of them."""

    def __init__(self, last: int) -> None:
        self.last, self.n = last, 0

    def step(self, kind: str) -> None:
        """The next step is of this kind; the process does not come to it where it is the last."""
        self.n += 1
        if self.n == self.last:
            os.write(2, kind.encode())
            os._exit(KILLED)

    def before(self, owner: Any, name: str, kind: str) -> None:
        """Make a call a step."""
        call = getattr(owner, name)

        def counted(*args: Any, **settings: Any) -> Any:
            self.step(kind)
            return call(*args, **settings)

        setattr(owner, name, counted)

    def around(self, owner: Any, name: str, kind: str, writes: Callable[..., bool]) -> None:
        """Make a call that begins a file two steps: one before, and one when the file is there."""
        call = getattr(owner, name)

        def counted(*args: Any, **settings: Any) -> Any:
            if not writes(*args, **settings):
                return call(*args, **settings)
            self.step(kind)
            made = call(*args, **settings)
            self.step(f"{kind} begun")
            return made

        setattr(owner, name, counted)

    def watch(self) -> None:
        """From here on, for as long as the process lives."""
        for kind in ("rename", "replace", "link", "symlink", "unlink", "remove", "rmdir", "mkdir", "fsync"):
            self.before(os, kind, kind)
        self.before(pq.ParquetWriter, "close", "close of Parquet")
        self.before(DuckSession, "_make", "query")
        self.around(DuckSession, "save", "files of DuckDB", lambda *_: True)
        self.around(pq.ParquetWriter, "__init__", "Parquet", lambda *_, **__: True)
        self.around(os, "open", "write", lambda _, flags, *__, **___: bool(flags & (os.O_RDWR | os.O_WRONLY)))
        self.around(io, "open", "write", _writes)
        builtins.open = io.open


def _writes(file: Any, mode: str = "r", *_: Any, **__: Any) -> bool:
    return any(letter in mode for letter in "wax+")


def forked(work: Callable[[], Any]) -> tuple[int, Any]:
    """Exit code of a forked process, and what `work` returned there or, if it ended early, what it wrote."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.fsync = lambda fd: None  # it matters where a machine dies, and takes long
            os.dup2(writing, 2)
            os.write(writing, json.dumps(work()).encode())
            code = 0
        except BaseException:  # noqa: BLE001  # the child must end here
            traceback.print_exc()
        os._exit(code)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, json.loads(said) if code == 0 else said


class Trials:
    """Kills a run at one step or another, and compares what the next ones make of it with others."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.case, self.out = folder, Case(folder / "in"), folder / "out"
        self.killed: Counter[str] = Counter()
        """How many were killed before a step of each kind."""
        self.wrong: list[str] = []
        self.wanted = {edited: self._finish(folder / str(edited), edited) for edited in (False, True)}

    def _finish(self, output: Path, edited: bool) -> Result:
        code, answer = forked(lambda: vars(self.case.run(output, edited=edited)))
        return Result(**answer) if code == 0 else Result(content_hash=str(answer), published={}, left=[])

    def _kill(self, last: int, *, edited: bool = False) -> bool:
        def work() -> None:
            Steps(last).watch()
            self.case.run(self.out, edited=edited)

        code, said = forked(work)
        if code == KILLED:
            self.killed[said] += 1
        elif code:
            self.wrong.append(f"step {last}: failed and was not killed: {said}")
        return code != 0

    def _expect(self, what: str, last: int, *, edited: bool = False) -> None:
        got, wanted = self._finish(self.out, edited), self.wanted[edited]
        if got != wanted:
            files = sorted({name for name, _ in got.published.items() ^ wanted.published.items()})
            same = "the hash is the same" if got.content_hash == wanted.content_hash else got.content_hash
            self.wrong.append(f"{what}, step {last}: {same}; files that differ: {files}; left: {got.left}")

    def resume(self, last: int) -> bool:
        """Killed and resumed. False where the run has no such step, here and below."""
        shutil.rmtree(self.out, ignore_errors=True)
        if died := self._kill(last):
            self._expect("killed", last)
        return died

    def change(self, last: int) -> bool:
        """Killed, then run with another threshold, then with the first again."""
        shutil.rmtree(self.out, ignore_errors=True)
        if died := self._kill(last):
            self._expect("killed and changed", last, edited=True)
            self._expect("killed, changed and changed back", last)
        return died

    def back(self, last: int) -> bool:
        """Finished, then killed with another threshold, then run with the first, then with the other."""
        self._finished()
        if died := self._kill(last, edited=True):
            self._expect("killed in a change that is taken back", last)
            self._expect("killed in a change that is taken back and made again", last, edited=True)
        return died

    def input(self, last: int) -> bool:
        """Finished, then killed with another input of the same size, then run with the first again."""
        self._finished()
        back = self.case.edit()
        died = self._kill(last)
        back()
        if died:
            self._expect("killed on an input that is changed back", last)
        return died

    def _finished(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.copytree(self.folder / "False", self.out)


TRIALS: dict[str, Callable[[Trials, int], bool]] = {
    "resume": Trials.resume,
    "change": Trials.change,
    "back": Trials.back,
    "input": Trials.input,
}


def at_each(trials: Trials, name: str, steps: Iterable[int]) -> int:
    """One kind of trial at some steps, until the run has no more; how many there were."""
    n = 0
    for last in steps:
        if not TRIALS[name](trials, last):
            break
        n += 1
    return n
