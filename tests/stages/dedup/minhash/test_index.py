"""Dump by dump against an index: document for document what all at once gives, and what is said of errors."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.errors import PlanError, RunError
from pipeline.local import LocalEngine
from pipeline.record import Record
from pipeline.run import Runner
from stages.dedup.minhash import MinhashDedup
from stages.ingest.jsonl import Jsonl
from tests.toy import chain, recipe

WORDS = [f"w{i}" for i in range(4000)]
SETTINGS: dict[str, dict[str, Any]] = {
    "bands alone": {},
    "verified": {"verify_jaccard": 0.6, "bands": 40, "rows": 3},
    "by signature, longest, split": {
        "verify_jaccard": 0.7, "verify_with": "signature", "keep": "longest", "max_cluster": 6,
    },
    "newest, guard alone": {"keep": "newest", "max_cluster": 4},
}  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    made = LocalEngine(1, {})
    yield made
    made.close()


def edited(text: list[str], chance: random.Random) -> list[str]:
    """Another version: a few words replaced, perhaps some cut from the end."""
    words = list(text)
    for _ in range(chance.choice([0, 1, 1, 2, 4])):
        words[chance.randrange(len(words))] = chance.choice(WORDS)
    return words[: len(words) - chance.choice([0, 0, 3, 10])]


def dumps(folder: Path, n_dumps: int = 3, n_documents: int = 70, seed: int = 5) -> list[Path]:
    """JSONL files with copies in and across them, versions of versions in any order, and short texts."""
    chance = random.Random(seed)
    texts: list[list[str]] = []
    for _ in range(n_dumps * n_documents):
        old = texts and chance.random() < 0.7
        text = edited(chance.choice(texts[-10:]), chance) if old else chance.choices(WORDS, k=60)
        texts.append(text)
    chance.shuffle(texts)
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"dump-{n}.jsonl" for n in range(n_dumps)]
    for n, file in enumerate(files):
        with file.open("w") as out:
            for i, text in enumerate(texts[n::n_dumps]):
                date = f"20{10 + n}-01-{1 + i % 28:02d}"
                row = {"id": f"{n}-{i}", "text": " ".join(text if i % 20 else text[:3]), "date": date}
                out.write(json.dumps(row) + "\n")
    return files


def run(engine: LocalEngine, output: Path, files: list[Path], step: MinhashDedup) -> Record:
    source = Jsonl(paths=tuple(map(str, files)), source="crawl")
    return Runner(recipe(output, chain(source, step)), engine, lambda *_: None).run()


def kept(output: Path, record: Record) -> set[str]:
    shards = [p for folder in record.documents["toy"] for p in (output / folder).glob("part-*.parquet")]
    return {i for s in shards for i in pq.read_table(s)["id"].to_pylist()}


def changes(part: Path) -> dict[str, str]:
    rows = [r for p in (part / "changed").rglob("*.parquet") for r in pq.read_table(p).to_pylist()]
    return {r["id"]: r["fate"] for r in rows}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_dump_by_dump_is_all_at_once(engine: LocalEngine, tmp_path: Path, settings: dict[str, Any]) -> None:
    files = dumps(tmp_path / "in")
    record = run(engine, tmp_path / "all", files, MinhashDedup(**settings))
    expected = kept(tmp_path / "all", record)
    have = set[str]()
    seen = []
    for n, file in enumerate(files):
        step = MinhashDedup(**settings, index=str(tmp_path / "index"), part=f"dump-{n}")
        output = tmp_path / f"out-{n}"
        have |= kept(output, run(engine, output, [file], step))
        fates = changes(tmp_path / "index" / f"dump-{n}")
        have -= {i for i, fate in fates.items() if fate == "dropped"}
        have |= {i for i, fate in fates.items() if fate == "kept"}
        seen += fates
    assert have == expected
    later = [
        MinhashDedup(**settings, index=str(tmp_path / "index"), part=f"dump-{n}", as_of="latest")
        for n in range(3)
    ]
    latest = [run(engine, tmp_path / f"out-{n}", [files[n]], step) for n, step in enumerate(later)]
    assert {i for n, record in enumerate(latest) for i in kept(tmp_path / f"out-{n}", record)} == expected
    # Where the first stays and each is dropped for one that it is like, what comes later changes nothing.
    stable = "verify_jaccard" in settings and "keep" not in settings
    assert bool(seen) != stable
    assert 0 < len(expected) < 210


def indexed(engine: LocalEngine, tmp_path: Path, n: int, **settings: Any) -> MinhashDedup:
    files = dumps(tmp_path / "in", 2, 30)
    step = MinhashDedup(index=str(tmp_path / "index"), part=f"dump-{n}", **settings)
    run(engine, tmp_path / f"out-{n}", [files[n]], step)
    return step


def test_other_settings_are_refused_with_both_shown(engine: LocalEngine, tmp_path: Path) -> None:
    indexed(engine, tmp_path, 0)
    step = MinhashDedup(index=str(tmp_path / "index"), part="dump-1", verify_jaccard=0.8, rows=7)
    with pytest.raises(PlanError, match=r"was built with .*'rows': None.* and this step has .*'rows': 7"):
        step.check()


def test_a_run_again_leaves_the_index_as_it_is(engine: LocalEngine, tmp_path: Path) -> None:
    indexed(engine, tmp_path, 0)
    indexed(engine, tmp_path, 1)
    before = (tmp_path / "index" / "index.json").read_text()
    step = indexed(engine, tmp_path, 0)  # resumes: nothing is done
    shutil.rmtree(tmp_path / "out-0")
    assert step.stamp() == indexed(engine, tmp_path, 0).stamp()
    assert (tmp_path / "index" / "index.json").read_text() == before


def test_a_part_that_others_build_on_may_not_change(engine: LocalEngine, tmp_path: Path) -> None:
    indexed(engine, tmp_path, 0)
    step = indexed(engine, tmp_path, 1)
    other = dumps(tmp_path / "other", 1, 30, seed=9)
    with pytest.raises(RunError, match=r"part 'dump-0' .* would change, and 'dump-1' was added"):
        run(engine, tmp_path / "out-other", other, MinhashDedup(index=step.index, part="dump-0"))
    last = dumps(tmp_path / "last", 1, 30, seed=11)
    run(engine, tmp_path / "out-last", last, step)  # the last one may
    names = [p["name"] for p in json.loads((tmp_path / "index" / "index.json").read_text())["parts"]]
    assert names == ["dump-0", "dump-1"]


def test_damaged_files_are_named_and_made_again_by_the_recipe_that_made_them(
    engine: LocalEngine, tmp_path: Path
) -> None:
    indexed(engine, tmp_path, 0)
    record = kept_by(engine, tmp_path, 1)
    shutil.rmtree(tmp_path / "out-1")
    shutil.rmtree(tmp_path / "index" / "dump-1")
    (damaged,) = list((tmp_path / "index" / "dump-0" / "edges").rglob("*.parquet"))[:1]
    damaged.write_bytes(damaged.read_bytes()[:-9])
    with pytest.raises(RunError, match=r"part 'dump-0' of the index .* makes it again"):
        kept_by(engine, tmp_path, 1)
    indexed(engine, tmp_path, 0)
    assert kept_by(engine, tmp_path, 1) == record


def kept_by(engine: LocalEngine, tmp_path: Path, n: int) -> set[str]:
    files = dumps(tmp_path / "in", 2, 30)
    step = MinhashDedup(index=str(tmp_path / "index"), part=f"dump-{n}")
    return kept(tmp_path / f"out-{n}", run(engine, tmp_path / f"out-{n}", [files[n]], step))


def test_a_part_that_is_not_there_has_no_latest(engine: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has no part 'dump-0' yet: run without as_of first"):
        indexed(engine, tmp_path, 0, as_of="latest")


def test_parts_without_a_copy_or_a_shingle_are_parts_too(engine: LocalEngine, tmp_path: Path) -> None:
    index, short = str(tmp_path / "index"), ["...", "?", "..."]
    texts = [short, ["one two three four five six", *short], ["one two three four five six", "!"]]
    kept_ids = set[str]()
    for n, rows in enumerate(texts):
        file = tmp_path / f"{n}.jsonl"
        file.write_text("".join(json.dumps({"id": f"{n}-{i}", "text": t}) + "\n" for i, t in enumerate(rows)))
        step = MinhashDedup(index=index, part=f"part-{n}", verify_jaccard=0.8)
        kept_ids |= kept(tmp_path / f"out-{n}", run(engine, tmp_path / f"out-{n}", [file], step))
    assert kept_ids == {"0-0", "0-1", "0-2", "1-0", "1-1", "1-2", "1-3", "2-1"}
    latest = MinhashDedup(index=index, part="part-0", verify_jaccard=0.8, as_of="latest")
    record = run(engine, tmp_path / "out-0", [tmp_path / "0.jsonl"], latest)
    assert kept(tmp_path / "out-0", record) == {"0-0", "0-1", "0-2"}


def test_a_part_is_a_folder_of_the_index() -> None:
    for name in ("../other", "a/b", ".hidden", "-x"):
        with pytest.raises(PlanError, match=r"part: .* names a folder"):
            MinhashDedup(index="somewhere", part=name).check()


def test_index_and_part_go_together() -> None:
    with pytest.raises(PlanError, match="index: goes with part"):
        MinhashDedup(index="somewhere").check()
    with pytest.raises(PlanError, match="index: goes with part"):
        MinhashDedup(part="dump").check()
    with pytest.raises(PlanError, match="as_of: goes with index"):
        MinhashDedup(as_of="latest").check()
