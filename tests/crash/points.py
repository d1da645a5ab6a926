"""Ends a run before its n-th file-system step, whichever that is, and looks at what the next run makes of it.

Each run is a process of its own, forked from one that has imported everything and started no thread, so that
one point costs a fraction of a second. Tasks run in that process too (the inline engine): a step is a rename,
a link, a file opened for writing (before, and when it is there and empty), a Parquet file closed, an unlink, a
folder made or removed, an fsync, a query of DuckDB or one of its files written. The process ends by `os._exit`:
no handler runs and no buffer is written, as after a SIGKILL.
"""

from __future__ import annotations

import builtins
import hashlib
import io
import json
import os
import shutil
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
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

KILLED = 77
"""Exit code of a process that ended at its step."""
X = {
    "a.txt": "apple\n?\nab\nbanana\navocado\n#hash\nberry\n",
    "b.txt": "cherry\ncitrus\ndate\nelder\n?\nelm\n",
    "c.txt": "fig\ngrape\nguava\nhoney\nivy\n",
    "d.txt": "kiwi\nlemon\nlime\nmango\nmelon\n",
}
Y = {"e.txt": "apricot\nnut\nquandong\n?\n#x\n", "f.txt": "peach\npear\nzucchini\nquince\njambul\n"}
REFERENCE = {"r.txt": "pomelo\nzest\n"}
N_LETTERS = column("n_letters", pa.int64(), "characters of the text, said once more", "characters")


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
    """Files and folders that a finished run does not have."""


class Case:
    """Two sources with private and common queries, and the changes that a user may make in between."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, files in (("x", X), ("y", Y), ("r", REFERENCE)):
            write_lines(folder / name, files)

    def run(self, output: Path, *, edited: bool = False) -> Result:
        """Run or resume. `edited`: a later threshold is another one, and a step has been added."""
        x, y, r = (
            tuple(str(self.folder / n / f) for f in files) for n, files in (("x", X), ("y", Y), ("r", REFERENCE))
        )
        common = (
            Compare(against=r),
            OnePerLetter(by="last"),
            OnePerLetter(by="last", extra=1),
            Long(min_n_chars=6 if edited else 5),
            *((CountAgain(),) if edited else ()),
        )
        n = len(common)
        made = recipe(
            output,
            chain(Lines(paths=x, source="x"), Count(), Long(min_n_chars=3), OnePerLetter(), *common, name="x", shared=n),
            chain(Lines(paths=y, source="y"), Count(), Long(min_n_chars=3), *common, name="y", shared=n),
            shard_bytes=80,
        )  # fmt: skip
        ledger.WAITING_BYTES = 0  # so that dropped documents wait in files
        record = Runner(made, InlineEngine(1, {}), lambda *_: None).run()
        return look(output, record.content_hash)

    def edit(self) -> Callable[[], None]:
        """Change an input, its size the same; returns what takes the change back."""
        path = self.folder / "x" / "b.txt"
        before, stat = path.read_text(), path.stat()
        path.write_text(before.replace("citrus", "coffee"))
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))

        def back() -> None:
            path.write_text(before)
            os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

        return back


def look(output: Path, content_hash: str) -> Result:
    """What a run has left."""
    published = {
        str(p.relative_to(output)): hashlib.sha256(p.read_bytes()).hexdigest()
        for name in ("documents", "dropped")
        for p in sorted((output / name).rglob("*"))
        if p.is_file()
    }
    names = [p for p in output.rglob("*") if p.name.startswith(".") and p.name != ".lock"]
    names += [v.parent for v in output.rglob("verdicts") if any(v.parent.glob("second_pass-*"))]
    return Result(
        content_hash=content_hash,
        published=published,
        left=sorted(str(p.relative_to(output)) for p in names),
    )


class Steps:
    """Counts the file-system steps of this process, and ends it before one of them."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.kinds: list[str] = []

    def step(self, kind: str) -> None:
        """The next step is of this kind; it does not come to it where it is the last."""
        self.kinds.append(kind)
        if len(self.kinds) == self.last:
            os.write(2, f"{kind}\n".encode())
            os._exit(KILLED)

    def before(self, owner: Any, name: str, kind: str) -> None:
        """Make a call a step."""
        call = getattr(owner, name)

        def counted(*args: Any, **settings: Any) -> Any:
            self.step(kind)
            return call(*args, **settings)

        setattr(owner, name, counted)

    def around(self, owner: Any, name: str, kind: str, writes: Callable[..., bool]) -> None:
        """Make a call that creates a file two steps: one before, and one when it is there."""
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
        self.around(DuckSession, "save", "COPY of DuckDB", lambda *_: True)
        self.around(pq.ParquetWriter, "__init__", "Parquet", lambda *_, **__: True)
        self.around(os, "open", "write", lambda path, flags, *_, **__: bool(flags & (os.O_RDWR | os.O_WRONLY)))
        self.around(io, "open", "write", _writes)
        builtins.open = io.open


def _writes(file: Any, mode: str = "r", *_: Any, **__: Any) -> bool:
    return any(letter in mode for letter in "wax+")


def forked(work: Callable[[], Any]) -> tuple[int, Any]:
    """Exit code of a forked process, and what `work` returned there or, where it ended early, what it wrote."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.fsync = lambda file: None  # it matters when a machine dies, and takes long
            os.close(reading)
            os.dup2(writing, 2)
            answer = json.dumps(work())
            os.write(writing, answer.encode())
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    os.close(writing)
    with open(reading, "rb") as pipe:
        said = pipe.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, json.loads(said) if code == 0 else said


def killed(run: Callable[[], Result], last: int) -> tuple[int, Any]:
    """A run ended before step number `last`; without an end where there are fewer."""

    def work() -> list[str]:
        steps = Steps(last)
        steps.watch()
        run()
        return steps.kinds

    return forked(work)


def resumed(run: Callable[[], Result]) -> Result:
    """The same run to its end."""
    code, answer = forked(lambda: vars(run()))
    if code:
        raise AssertionError(answer)
    return Result(**answer)


class Trials:
    """Kills a run at one step after the other, and compares what the next runs make of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.case, self.out = folder, Case(folder / "in"), folder / "out"
        self.kinds: Counter[str] = Counter()
        """How many were killed before a step of each kind."""
        self.wrong: list[str] = []
        self.wanted = {edited: resumed(lambda e=edited: self.case.run(folder / f"{e}", edited=e)) for edited in (False, True)}  # fmt: skip
        assert not any(result.left for result in self.wanted.values())

    def _begin(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)

    def _kill(self, last: int, *, edited: bool = False) -> bool:
        code, said = killed(lambda: self.case.run(self.out, edited=edited), last)
        if code == 0:
            return False
        assert code == KILLED, said
        self.kinds[said.strip()] += 1
        return True

    def _resume(self, what: str, last: int, *, edited: bool = False) -> None:
        try:
            result = resumed(lambda: self.case.run(self.out, edited=edited))
        except AssertionError as error:
            self.wrong.append(f"{what} {last}: {str(error).splitlines()[-1]}")
            return
        wanted = self.wanted[edited]
        if result != wanted:
            same = "hash differs" if result.content_hash != wanted.content_hash else "hash is the same"
            files = {k for k, _ in result.published.items() ^ wanted.published.items()}
            self.wrong.append(f"{what} {last}: {same}, files that differ: {sorted(files)}, left: {result.left}")

    def resume(self, last: int) -> bool:
        """Killed and resumed."""
        self._begin()
        if not self._kill(last):
            return False
        self._resume("killed", last)
        return True

    def change(self, last: int) -> bool:
        """Killed, then run with another threshold, then with the first again."""
        self._begin()
        if not self._kill(last):
            return False
        self._resume("killed, changed", last, edited=True)
        self._resume("killed, changed and back", last)
        return True

    def back(self, last: int) -> bool:
        """Finished, then killed with another threshold, then run with the first again, and with the other."""
        self._copy()
        if not self._kill(last, edited=True):
            return False
        self._resume("killed in a change, back", last)
        self._resume("killed in a change, back and changed", last, edited=True)
        return True

    def input(self, last: int) -> bool:
        """Finished, then killed with another input of the same size, then run with the first again."""
        self._copy()
        back = self.case.edit()
        try:
            died = self._kill(last)
        finally:
            back()
        if died:
            self._resume("killed on another input, back", last)
        return died

    def _copy(self) -> None:
        self._begin()
        shutil.copytree(self.folder / "False", self.out, copy_function=os.link)


def every(trial: Callable[[int], bool], steps: Sequence[int]) -> int:
    """A trial at each of some steps until there are no more; how many there were."""
    return sum(1 for _ in iter_while(trial, steps))


def iter_while(trial: Callable[[int], bool], steps: Sequence[int]) -> Any:
    """The steps at which a trial was killed."""
    for last in steps:
        if not trial(last):
            return
        yield last
