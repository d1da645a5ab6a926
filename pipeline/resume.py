"""What earlier runs have left: folders made from other bytes go; of the others, what is complete stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.accounts import FILE, read_accounts
from pipeline.engine import Account
from pipeline.plan import Track
from pipeline.result import Publisher
from pipeline.shards import fingerprint
from pipeline.store import WORK, find_json, names, read_jsons, remove, sweep, write_json
from pipeline.task import DROPPED, Pass, columns_of, stem

INPUTS = "inputs.json"
"""What a folder was made from: a digest of the stamps of all input files behind it."""


def freshen(output: Path, tracks: Sequence[Track], publisher: Publisher) -> None:
    """Remove folders begun from other bytes of the same name and size, and what killed runs left."""
    sweep(output / WORK)
    own = {t.source: fingerprint([f"{s.path}:{s.stamp}" for p in t.splits for s in p]) for t in tracks}
    everyone = fingerprint(*own.values())
    for track in tracks:
        inputs, made_from = own[track.source], dict[Path, str]()
        for segment in track.segments:
            made_from[segment.folder] = inputs
            inputs = everyone if segment.shared else inputs
            made_from |= {key.folder: inputs for key in segment.keys}
        old = {f for f, inputs in made_from.items() if find_json(output / f / INPUTS) != inputs}
        folders = [segment.folder for segment in track.segments]
        publisher.settle(track.source, folders, fresh=not old.intersection(folders))
        for folder in made_from:
            if folder in old:
                (output / folder / INPUTS).unlink(missing_ok=True)  # first: half removed is not what it was
                remove(output / folder)
                write_json(output / folder / INPUTS, made_from[folder])


class Leftover:
    """The shards of a pass that are there with all that belongs to them: folders are listed, once."""

    def __init__(self, of: Pass, published: tuple[set[str], set[str]]) -> None:
        """`published`: names of shards, and of dropped ones, that do not lie in the folder of the pass."""
        self.of = of
        self.have, self.dropped = names(of.folder) | published[0], names(of.folder / DROPPED) | published[1]
        self.keys = [names(key.folder / "keys") for key in of.keys]
        self.was_finished = FILE in self.have
        """Whether the accounts of all lie in one file."""

    def accounts(self) -> Iterator[tuple[int, Account]]:
        """(number, account) of each."""
        columns = columns_of(self.of.dropped_schema)
        for index, account in read_accounts(self.of.folder) if self.was_finished else self._one_by_one():
            name = stem(index, self.of.n_shards)
            also = [self.dropped, *self.keys] if account["dropped_rows"] else self.keys
            mine = {f"{name}.json", f"{name}.parquet"} <= self.have
            there = mine and all(f"{name}.parquet" in files for files in also)
            if there and account["dropped_schema"] == columns:
                yield index, account

    def _one_by_one(self) -> Iterator[tuple[int, Account]]:
        files = {i: f"{stem(i, self.of.n_shards)}.json" for i in range(self.of.n_shards)}
        have = [i for i, name in files.items() if name in self.have]
        yield from zip(have, read_jsons(self.of.folder / files[i] for i in have), strict=True)
