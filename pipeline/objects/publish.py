"""Results on an object store: they are moved to the names that people look for, and back when others come.

`_run/published.json` says for each source whose shards lie there: the folders of its passes, in the order
of the flow. It is written before the first object moves and after the last has moved back, so that while it
names a pass its shards lie in its folder or under their names, wherever a kill came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.errors import RunError
from pipeline.objects.path import ObjectPath
from pipeline.objects.transfer import move, remove
from pipeline.plan import merged
from pipeline.result import DOCUMENTS, PUBLISHED, Passes, published_names
from pipeline.store import WORK, find_json, write_json
from pipeline.task import DROPPED, Pass


class Moves:
    """What is published on a store."""

    def __init__(self, output: ObjectPath) -> None:
        self.output, self.file = output, output / WORK / PUBLISHED
        self.lies: dict[str, list[str]] | None = None
        """source -> folders of its passes, relative to the output"""

    def _lies(self) -> dict[str, list[str]]:
        if self.lies is None:
            self.lies = find_json(self.file) or {}
        return self.lies

    def settle(self, source: str, folders: Sequence[Path], fresh: bool) -> None:
        """Leave what the same run has published; move back what another has: a pass may read it."""
        planned = [str(f) for f in folders]
        # Sizes decide, at the end of a run, whether there is a pass that puts small shards together.
        same = (planned, [*planned, str(merged(folders[-1]))])
        if source in self._lies() and not (fresh and self._lies()[source] in same):
            self._withdraw(source)

    def _withdraw(self, source: str) -> None:
        passes = [self.output / folder for folder in self._lies()[source]]
        documents, dropped = self.output / DOCUMENTS / source, self.output / DROPPED / source
        back = {documents / name: passes[-1] / name for name in documents.below()}
        for name in dropped.below():  # part-<number of its pass>-<number of the shard>.parquet
            _, number, shard = name.split("-", 2)
            back[dropped / name] = passes[int(number)] / DROPPED / f"part-{shard}"
        move(back)
        del self._lies()[source]
        write_json(self.file, self._lies())

    def elsewhere(self, of: Pass) -> tuple[set[str], set[str]]:
        """Names of shards of a pass that lie in documents/, and of its dropped ones in dropped/."""
        for source, folders in self._lies().items():
            if (folder := str(of.folder.relative_to(self.output))) in folders:
                number = folders.index(folder)
                is_last, mine = number == len(folders) - 1, f"part-{number:02d}-"
                dropped = [n for n in (self.output / DROPPED / source).below() if n.startswith(mine)]
                return (
                    set((self.output / DOCUMENTS / source).below() if is_last else ()),
                    {f"part-{name.removeprefix(mine)}" for name in dropped},
                )
        return set(), set()

    def publish(self, passes: Passes) -> None:
        """Move what is not there yet; remove what stands in its way."""
        for source in sorted(set(self._lies()) - set(passes)):
            self._withdraw(source)
        lies = {
            source: [str(of.folder.relative_to(self.output)) for of, _ in made]
            for source, made in passes.items()
        }
        if lies != self._lies():
            self.lies = lies
            write_json(self.file, lies)
        for source, made in passes.items():
            homes = {of.folder / name for of, _ in made for name in ObjectPath(of.folder).below()}
            for what, wanted in zip((DOCUMENTS, DROPPED), published_names(made), strict=True):
                self._take(self.output / what / source, wanted, homes)

    def _take(self, folder: ObjectPath, wanted: Mapping[str, Path], homes: set[Path]) -> None:
        """Have the objects `wanted` (name -> where it was made) and no others in a folder."""
        there = set(folder.below())
        if lost := [name for name, home in wanted.items() if home not in homes and name not in there]:
            raise RunError(f"{folder / lost[0]} is gone; remove {self.output / WORK} to make all of it again")
        move({ObjectPath(home): folder / name for name, home in wanted.items() if home in homes})
        remove(folder, sorted(there - set(wanted)))
