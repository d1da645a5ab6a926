"""The runner: carries out a plan on an engine, resumes what is half done, writes down what happened.

Each source advances pass by pass until all stand at a common query. A pass is one `map`: its work is sent
once, its items are a few numbers each. What passes leave in memory is folded (`accounts`), so that the driver
of a whole crawl is a small process.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.accounts import Accounts, AccountsFile, content_hash
from pipeline.config import Recipe
from pipeline.engine import Engine
from pipeline.errors import NothingLeft, PlanError
from pipeline.lock import hold
from pipeline.objects.path import ObjectPath
from pipeline.objects.publish import Moves
from pipeline.plan import Plan, Segment, Track, make, merged
from pipeline.record import FILE, Record
from pipeline.relate import SECOND_PASSES, Query, Side
from pipeline.result import Links, Publisher, made_record
from pipeline.resume import Leftover, freshen
from pipeline.section import Context, Section
from pipeline.shards import fingerprint
from pipeline.stage import Split
from pipeline.steps import Key
from pipeline.store import WORK, remove, sweep, write_json
from pipeline.task import DROPPED, Pass, Passes, Shards
from pipeline.verdicts import VERDICTS, WIDTH, Verdicts

Progress = Callable[[str, int, int], None]


@dataclass
class Runner:
    """One run of a recipe."""

    recipe: Recipe
    engine: Engine
    progress: Progress
    plan: Plan = field(init=False)
    passes: dict[str, list[Pass]] = field(default_factory=dict)
    """source -> its passes so far"""
    accounts: dict[str, list[Accounts]] = field(default_factory=dict)
    """source -> those of its passes"""
    verdicts: dict[Path, Verdicts] = field(default_factory=dict)
    """folder of a relate step -> its verdicts"""

    def __post_init__(self) -> None:
        self.output = output = self.recipe.output.absolute()
        if isinstance(output, ObjectPath) and not self.engine.one_machine:
            raise PlanError(
                f"{output}: on a cluster Spark would read keys through Hadoop's S3A, which we do not set up: "
                "run on one machine (--engine local, or spark with master local[*])"
            )
        self.check: Callable[[], None] = lambda: None
        """Raises OutputBusy where another run may have taken over."""
        self.publisher: Publisher = Moves(output) if isinstance(output, ObjectPath) else Links(output)
        self.plan = make(self.recipe.chains, self.recipe.file, self.recipe.shard_bytes)

    def run(self, sections: Callable[[Section], bool] = lambda section: True) -> Record:
        """Run or resume; returns what stands in run.json. `sections` says which sections to carry out.

        Raises:
            RunError: what stopped it. The same call resumes.
        """
        began = time.time()
        with hold(self.output / WORK, lambda text: self.progress(text, 0, 1)) as self.check:
            (self.output / FILE).unlink(missing_ok=True)
            self._documents()
            self.check()
            self.publisher.publish(
                {s: list(zip(p, self.accounts[s], strict=True)) for s, p in self.passes.items()}
            )
            record = made_record(self.recipe, self.plan.tracks, self.accounts, began)
            for section in self.recipe.sections:
                if sections(section):
                    context = Context(
                        output=self.output, record=record, engine=self.engine, progress=self.progress
                    )
                    record.sections[section.name] = section.execute(context)
            made = [record.sections.get(s.name, {}) for s in self.recipe.sections]
            record.run_hash = fingerprint(record.content_hash, *(m.get("content_hash", "") for m in made))
            record.seconds = round(time.time() - began, 2)
            self.check()
            record.write(self.output)
        return record

    def _documents(self) -> None:
        """Advance all sources pass by pass; those that share a query go through it together."""
        freshen(self.output, self.plan.tracks, self.publisher)
        tracks = self.plan.tracks
        self.passes = {track.source: [] for track in tracks}
        self.accounts = {track.source: [] for track in tracks}
        while moving := [t for t in tracks if len(self.passes[t.source]) < len(t.segments)]:
            alone = [t for t in moving if not (self._next(t).shared or self._answered(t))]
            if alone:
                self._map(alone)
                for track in alone:
                    if self._segment(track).keys:
                        self._relate([track])
                continue
            # All have come to the common steps, and go on side by side.
            if self._answered(moving[0]):
                self._relate(moving)
            self._map(moving)
        if few := [
            t for t in tracks if 2 * len(self._shards_together(t)) <= self.passes[t.source][-1].n_shards
        ]:
            self._map(few)

    def _next(self, track: Track) -> Segment:
        return track.segments[len(self.passes[track.source])]

    def _segment(self, track: Track) -> Segment:
        """The one that the last pass carried out."""
        return track.segments[len(self.passes[track.source]) - 1]

    def _answered(self, track: Track) -> bool:
        """Whether the last pass ended at a common query."""
        return bool(self.passes[track.source]) and self._segment(track).shared

    def _map(self, tracks: Sequence[Track]) -> None:
        """One pass over each of some sources, in one map."""
        first, common = 0, self._answered(tracks[0])
        made = []
        for track in tracks:
            of, reads = self._pass(track, first)
            first += of.n_shards
            made.append((track, of, reads))
        for track, of, _ in made:
            self.passes[track.source].append(of)
            self.accounts[track.source].append(Accounts(track.source, of.n_shards))
        label, total = ", ".join(t.source for t in tracks), first
        with contextlib.ExitStack() as stack:
            todo: list[tuple[int, int]] = []
            files: dict[int, AccountsFile] = {}
            for n, (track, of, _) in enumerate(made):
                left, file = self._unfinished(track, of, stack)
                todo += [(n, index) for index in left]
                files |= {n: file} if file else {}
            done = total - len(todo)
            self.progress(label, done, total)
            work = Passes(passes=tuple(of for _, of, _ in made))
            for k, account in self.engine.map(work, ((n, i, made[n][2][i]) for n, i in todo)):
                n, index = todo[k]
                files[n].put(index, account)
                self.accounts[made[n][0].source][-1].put(index, account)
                done += 1
                self.check()
                self.progress(label, done, total)
        kept = Counter[int]()  # by each common query, of all sources' documents: of one's it may keep none
        for track, of, _ in made if common else ():
            for j, verdicts in enumerate(of.verdicts):
                kept[j] += self.accounts[track.source][-1].steps[verdicts.named.name].kept
        for track, of, _ in made:
            self._end(track, of, {v.named.name for j, v in enumerate(of.verdicts) if kept[j]})

    def _unfinished(
        self, track: Track, of: Pass, stack: contextlib.ExitStack
    ) -> tuple[list[int], AccountsFile | None]:
        """Shards that are not there yet, and where accounts of all go; those of the others are taken."""
        elsewhere = self.publisher.elsewhere(of)
        there = Leftover(of, elsewhere)
        file = None if there.was_finished else stack.enter_context(AccountsFile(of.folder))
        left = bytearray(b"\1" * of.n_shards)
        for index, account in there.accounts():
            left[index] = 0
            self.accounts[track.source][-1].put(index, account)
            if file:
                file.put(index, account)
        if any(left) and not file:  # it was finished, and something of it is gone
            file = stack.enter_context(AccountsFile(of.folder))  # instead of the one there
            for index, account in Leftover(of, elsewhere).accounts():
                file.put(index, account)
        return [i for i, is_left in enumerate(left) if is_left], file

    def _pass(self, track: Track, first: int) -> tuple[Pass, Sequence[tuple[Split, ...] | range]]:
        """The next pass over a source, and what each of its tasks reads; `first` numbers its shards."""
        passes = self.passes[track.source]
        if not passes:
            segment = track.segments[0]
            return self._made(segment, None, track.splits, first), track.splits
        before = passes[-1]
        reads = self._shards_together(track)
        if len(passes) < len(track.segments):
            return self._made(self._next(track), before, reads, first), reads
        last = track.segments[-1]  # all are through: small shards are put together once more
        after = replace(
            last,
            folder=merged(last.folder),
            reads=None,
            verdicts=(),
            keys=(),
            steps=(),
            schemas=last.schemas[-1:],
        )
        return self._made(after, before, reads, first), reads

    def _made(self, segment: Segment, before: Pass | None, reads: Sequence[Any], first: int) -> Pass:
        return Pass(
            label=str(segment.folder.relative_to(WORK)),
            folder=self.output / segment.folder,
            n_shards=len(reads),
            first=first if segment.shared else 0,
            source=segment.reads,
            before=Shards(folder=before.folder, n=before.n_shards, first=before.first) if before else None,
            schema=before.schemas[-1] if before else segment.schemas[0],
            verdicts=tuple(self.verdicts[key.folder] for key in segment.verdicts),
            steps=segment.steps,
            schemas=segment.schemas,
            dropped_schema=segment.dropped_schema,
            keys=tuple(Key(named=k.named, folder=self.output / k.folder) for k in segment.keys),
        )

    def _shards_together(self, track: Track) -> list[range]:
        """Shards of the last pass in a row, as what one task of the next reads: about `shard_bytes`."""
        ranges: list[range] = []
        room = 0
        for index, n_bytes in enumerate(self.accounts[track.source][-1].n_bytes):
            if not ranges or n_bytes > room:
                ranges.append(range(index, index))
                room = self.plan.shard_bytes
            ranges[-1] = range(ranges[-1].start, index + 1)
            room -= n_bytes
        return ranges

    def _end(self, track: Track, of: Pass, kept: set[str]) -> None:
        """Refuse to go on with nothing; else write the manifest, which says the folder is complete.

        `kept`: queries that have kept documents of some source, if not of this one.
        """
        accounts = self.accounts[track.source][-1]
        for count in accounts.counts():
            if count.rows_in and not count.kept and count.name not in kept:
                why = ", ".join(f"{r} ({n})" for r, n in list(count.dropped.items())[:5])
                raise NothingLeft(
                    f"step {count.name!r} dropped all {count.rows_in} documents of {track.source!r}: {why}; "
                    f"they lie in {of.folder / DROPPED}"
                )
        for folder in (of.folder, *(key.folder / "keys" for key in of.keys)):
            sweep(folder)  # of tasks that were killed and tried again
        manifest = {
            "source": track.source,
            "steps": list(accounts.steps),
            "shards": of.n_shards,
            "rows": sum(accounts.rows),
            "dropped_rows": sum(accounts.dropped_rows),
            "content_hash": content_hash([accounts], [accounts]),
            "schema": {f.name: str(f.type) for f in of.schemas[-1]},
        }
        write_json(of.folder / "manifest.json", manifest)

    def _relate(self, tracks: Sequence[Track]) -> None:
        """The queries of relate steps that stand together; each sees what the ones before it kept."""
        done: list[Path] = []
        for j, key in enumerate(self._segment(tracks[0]).keys):
            folders = [self._segment(track).keys[j].folder for track in tracks]
            home, sides = self.output / folders[0], []
            for track, folder in zip(tracks, folders, strict=True):
                of = self.passes[track.source][-1]
                shards = Shards(folder=of.folder, n=of.n_shards, first=of.first)
                sides.append(Side(shards=shards, keys=self.output / folder / "keys"))
            if not (home / VERDICTS / WIDTH).exists():
                Query(
                    named=key.named, home=home, sides=sides, engine=self.engine, progress=self.progress
                ).run(done)
            remove(home / SECOND_PASSES)  # of the query, or of one killed when it had ended
            verdicts = Verdicts.of(key.named, home)
            for track, folder in zip(tracks, folders, strict=True):
                self.verdicts[folder] = replace(verdicts, named=self._segment(track).keys[j].named)
            done += verdicts.files()
