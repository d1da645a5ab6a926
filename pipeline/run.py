"""The runner: carries out a plan on an engine, resumes what is half done, writes down what happened."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.config import Recipe
from pipeline.engine import Account, Engine
from pipeline.errors import NothingLeft
from pipeline.lock import hold
from pipeline.plan import Plan, Segment, Track, make
from pipeline.record import FILE, Record, StepCount, add
from pipeline.relate import Query, Side, buckets
from pipeline.section import Context, Section
from pipeline.shards import fingerprint
from pipeline.steps import Key
from pipeline.store import WORK, publish, read_json, write_json
from pipeline.task import Read, ShardTask

Progress = Callable[[str, int, int], None]


@dataclass
class Runner:
    """One run of a recipe."""

    recipe: Recipe
    engine: Engine
    progress: Progress
    plan: Plan = field(init=False)
    accounts: dict[str, list[list[Account]]] = field(default_factory=dict)
    """source -> segment -> shard"""

    def __post_init__(self) -> None:
        self.output = self.recipe.output.absolute()
        self.plan = make(self.recipe.chains, self.recipe.file)

    def run(self, sections: Callable[[Section], bool] = lambda section: True) -> Record:
        """Run or resume; returns what stands in run.json. `sections` says which sections to carry out.

        Raises:
            RunError: what stopped it. The same call resumes.
        """
        began = time.time()
        with hold(self.output / WORK):
            (self.output / FILE).unlink(missing_ok=True)
            self._documents()
            self._publish()
            record = self._record(began)
            for section in self.recipe.sections:
                if sections(section):
                    context = Context(
                        output=self.output, record=record, engine=self.engine, progress=self.progress
                    )
                    record.sections[section.name] = section.execute(context)
            made = [record.sections.get(s.name, {}) for s in self.recipe.sections]
            record.run_hash = fingerprint(record.content_hash, *(m.get("content_hash", "") for m in made))
            record.seconds = round(time.time() - began, 2)
            record.write(self.output)
        return record

    def _documents(self) -> None:
        """Advance every source to its next common query, then run that, until all are through."""
        self._freshen()
        at = {track.source: 0 for track in self.plan.tracks}
        self.accounts = {track.source: [] for track in self.plan.tracks}
        while moving := [t for t in self.plan.tracks if at[t.source] < len(t.segments)]:
            # A track that stands at a common query waits there until all the others do.
            waiting = {t.source for t in moving if at[t.source] and t.segments[at[t.source] - 1].shared}
            if len(waiting) == len(moving):
                self._relate([(t, t.segments[at[t.source] - 1]) for t in moving])
                waiting = set()
            round_ = [(t, t.segments[at[t.source]]) for t in moving if t.source not in waiting]
            self._map(round_, at)
            for track, segment in round_:
                at[track.source] += 1
                if segment.keys and not segment.shared:
                    self._relate([(track, segment)])

    def _map(self, round_: Sequence[tuple[Track, Segment]], at: dict[str, int]) -> None:
        tasks, homes = [], []
        for track, segment in round_:
            self.accounts[track.source].append([{} for _ in track.splits])
            for i in range(len(track.splits)):
                tasks.append(self._task(track, segment, at[track.source], i))
                homes.append((track.source, i))
        accounts: list[Account | None] = [task.done() for task in tasks]
        todo = [k for k, account in enumerate(accounts) if account is None]
        label = ", ".join(t.source for t, _ in round_)
        self.progress(label, len(tasks) - len(todo), len(tasks))
        for done, (index, account) in enumerate(self.engine.map([tasks[k] for k in todo]), start=1):
            accounts[todo[index]] = account
            self.progress(label, len(tasks) - len(todo) + done, len(tasks))
        for (source, i), made in zip(homes, accounts, strict=True):
            assert made is not None
            self.accounts[source][-1][i] = made
        for track, segment in round_:
            self._end(track, segment, self.accounts[track.source][-1])

    def _task(self, track: Track, segment: Segment, at: int, i: int) -> ShardTask:
        before = track.segments[at - 1] if at else None
        read = Read(
            source=segment.reads,
            split=track.splits[i] if not before else None,
            shard=self._shard(before, i) if before else None,
            schema=before.schemas[-1] if before else segment.schemas[0],
            verdicts=tuple(self._absolute(k) for k in segment.verdicts),
            number=self._first(track, bool(before and before.shared)) + i,
            buckets=buckets(len(track.splits)),
        )
        return ShardTask(
            name=f"{segment.folder.relative_to(WORK)}/part-{i:05d}",
            folder=self.output / segment.folder,
            index=i,
            number=self._first(track, segment.shared) + i,
            read=read,
            steps=segment.steps,
            schemas=segment.schemas,
            dropped_schema=segment.dropped_schema,
            keys=tuple(self._absolute(k) for k in segment.keys),
        )

    def _absolute(self, key: Key) -> Key:
        return Key(named=key.named, folder=self.output / key.folder)

    def _first(self, track: Track, shared: bool) -> int:
        """Number of the track's first shard among the shards that one query sees."""
        before = self.plan.tracks[: self.plan.tracks.index(track)] if shared else ()
        return sum(len(t.splits) for t in before)

    def _freshen(self) -> None:
        """Remove what was begun from other bytes of the same name and size, and what killed workers left."""
        marks = {
            t.source: (
                self.output / t.segments[0].folder / "splits.json",
                [f"{s.path}:{s.stamp}" for s in t.splits],
            )
            for t in self.plan.tracks
        }
        stale = {s for s, (mark, stamps) in marks.items() if mark.exists() and read_json(mark) != stamps}
        gone: list[Path] = []
        for track in self.plan.tracks:
            tainted = track.source in stale
            for segment in track.segments:
                gone += [segment.folder] if tainted else []
                tainted |= bool(stale) and segment.shared
                gone += [key.folder for key in segment.keys] if tainted else []
        for folder in reversed(gone):  # the folder with the mark goes last, so that a crash leaves it stale
            shutil.rmtree(self.output / folder, ignore_errors=True)
        for mark, stamps in marks.values():
            write_json(mark, stamps)
        _sweep(self.output / WORK)

    def _end(self, track: Track, segment: Segment, accounts: list[Account]) -> None:
        """Refuse to go on with nothing; else write the manifest, which says the folder is complete."""
        for count in add(track.source, (a["steps"] for a in accounts)):
            if count.rows_in and not count.kept:
                why = ", ".join(f"{r} ({n})" for r, n in list(count.dropped.items())[:5])
                raise NothingLeft(
                    f"step {count.name!r} dropped all {count.rows_in} documents of {track.source!r}: {why}; "
                    f"they lie in {self.output / segment.folder / 'dropped'}"
                )
        for folder in (segment.folder, *(key.folder / "keys" for key in segment.keys)):
            _sweep(self.output / folder)  # of tasks that were killed and tried again
        manifest = {
            "source": track.source,
            "steps": segment.names,
            "shards": len(accounts),
            "rows": sum(a["rows"] for a in accounts),
            "dropped_rows": sum(a["dropped_rows"] for a in accounts),
            "content_hash": content_hash(accounts, accounts),
            "schema": {f.name: str(f.type) for f in segment.schemas[-1]},
        }
        write_json(self.output / segment.folder / "manifest.json", manifest)

    def _relate(self, sides: Sequence[tuple[Track, Segment]]) -> None:
        """The queries of relate steps that stand together; each sees what the ones before it kept."""
        done: list[Path] = []
        for j, key in enumerate(sides[0][1].keys):
            seen = [
                Side(
                    folder=self.output / segment.keys[j].folder,
                    shards=[self._shard(segment, i) for i in range(len(track.splits))],
                    first=self._first(track, segment.shared),
                )
                for track, segment in sides
            ]
            if not all((side.folder / "verdicts").exists() for side in seen):
                Query(named=key.named, sides=seen, engine=self.engine, progress=self.progress).run(done)
            done += [p for side in seen for p in sorted((side.folder / "verdicts").glob("*/*.parquet"))]

    def _shard(self, segment: Segment, i: int) -> Path:
        return self.output / segment.folder / f"part-{i:05d}.parquet"

    def _publish(self) -> None:
        """Give the documents of the last pass, and all dropped ones, the names that people look for."""
        kept: dict[str, dict[str, Path]] = {}
        dropped: dict[str, dict[str, Path]] = {}
        for track in self.plan.tracks:
            last = track.segments[-1]
            kept[track.source] = {
                f"part-{i:05d}.parquet": self._shard(last, i) for i in range(len(track.splits))
            }
            # In the order of the flow: a part's number is that of its pass, then that of its shard.
            dropped[track.source] = {
                f"part-{pass_:02d}-{i:05d}.parquet": self.output
                / segment.folder
                / "dropped"
                / f"part-{i:05d}.parquet"
                for pass_, segment in enumerate(track.segments)
                for i, account in enumerate(self.accounts[track.source][pass_])
                if account["dropped_rows"]
            }
        for name, sources in (("documents", kept), ("dropped", dropped)):
            gone = {p.name for p in (self.output / name).glob("*") if p.is_dir()} - set(sources)
            for source in [*sources, *sorted(gone)]:
                publish(sources.get(source, {}), self.output / name / source)

    def _record(self, began: float) -> Record:
        tracks = self.plan.tracks
        steps: list[StepCount] = []
        for track in tracks:
            counts = [
                c for a in self.accounts[track.source] for c in add(track.source, (s["steps"] for s in a))
            ]
            metrics = {k.named.name: k.folder / "metrics.json" for s in track.segments for k in s.keys}
            for count in counts:
                path = self.output / metrics.get(count.name, "")
                count.metrics = read_json(path) if path.is_file() else {}
            steps += counts
        final = [a for t in tracks for a in self.accounts[t.source][-1]]
        everything = [a for t in tracks for s in self.accounts[t.source] for a in s]
        dropping = {t.source for t in tracks for s in self.accounts[t.source] for a in s if a["dropped_rows"]}
        return Record(
            name=self.recipe.name,
            recipe=str(Path(self.recipe.file).absolute()),
            began=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
            documents={t.source: [f"documents/{t.source}"] for t in tracks},
            dropped={t.source: [f"dropped/{t.source}"] if t.source in dropping else [] for t in tracks},
            rows={t.source: sum(a["rows"] for a in self.accounts[t.source][-1]) for t in tracks},
            content_hash=content_hash(final, everything),
            steps=steps,
            settings={t.source: [named.recorded() for named in t.chain.named] for t in tracks},
            peak_bytes=max((a["peak_bytes"] for a in everything), default=0),
        )


def _sweep(folder: Path) -> None:
    """Remove what killed workers left half written."""
    for left in folder.rglob(".*.tmp"):
        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def content_hash(kept: Sequence[Account], dropped: Sequence[Account]) -> str:
    """SHA-256 over the digests of shards in order: the kept ones of `kept`, the dropped ones of `dropped`."""
    lines = [a["sha256"] for a in kept] + [a.get("dropped_sha256", "-") for a in dropped]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
