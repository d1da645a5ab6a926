"""Many small files: they share tasks, their shards are put together, and documents are what they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline import config
from pipeline.engine import Engine
from pipeline.inline import InlineEngine
from pipeline.local import LocalEngine
from pipeline.plan import FILE_BYTES, TASK_BYTES, make, together
from pipeline.run import Runner
from pipeline.stage import Split
from tests.toy import Compare, Count, Lines, Long, OnePerLetter, chain, recipe, write_lines

FILES = {
    f"f{i:02d}.txt": f"{'abcdefgh'[i % 8]}{'x' * (i % 5)}{i}\n{'klmn'[i % 4]}{i * i}\n?\n" for i in range(24)
}


def run(engine: Engine, folder: Path, shard_bytes: int, *steps: Any) -> tuple[str, dict[str, list[Path]]]:
    """Content hash; shards of the first pass, and those that were published."""
    source = Lines(paths=write_lines(folder / "in", FILES), source="toy")
    out = folder / f"out-{shard_bytes}-{type(engine).__name__}"
    runner = Runner(recipe(out, chain(source, *steps), shard_bytes=shard_bytes), engine, lambda *_: None)
    made = runner.run().content_hash
    first = sorted(runner.passes["toy"][0].folder.glob("part-*.parquet"))
    folders = {name: sorted((out / name / "toy").iterdir()) for name in ("documents", "dropped")}
    return made, {"first": first, **folders}


def rows(shards: list[Path]) -> list[dict[str, Any]]:
    return [row for shard in shards for row in pq.read_table(shard).to_pylist()]


def test_small_files_are_one_task_and_documents_do_not_depend_on_it(tmp_path: Path) -> None:
    engine, steps = InlineEngine(1, {}), (Count(), Long(min_n_chars=3), Compare(), OnePerLetter(), Count())
    made = {n: run(engine, tmp_path, n, *steps)[1] for n in (1, 1 << 18, 1 << 28)}
    assert [len(shards["first"]) for shards in made.values()] == [24, 6, 1]
    one, *others = made.values()
    assert len(one["documents"]) > 20  # those that are empty go together
    assert [len(shards["documents"]) for shards in others] == [1, 1]
    for other in others:
        assert rows(other["documents"]) == rows(one["documents"])  # ids, order and what was decided of each
        by_id = [sorted(rows(s["dropped"]), key=lambda r: r["id"]) for s in (one, other)]
        assert by_id[0] == by_id[1]
        assert len(by_id[0]) > 24


def test_small_shards_are_put_together_alike_on_every_engine(local: LocalEngine, tmp_path: Path) -> None:
    made = [run(e, tmp_path, 1 << 10, Count(), Long(min_n_chars=3)) for e in (local, InlineEngine(1, {}))]
    assert made[0][0] == made[1][0]
    for _, shards in made:
        assert (len(shards["first"]), len(shards["documents"])) == (24, 1)
        assert len({row["id"] for row in rows(shards["documents"])}) > 24


def test_a_recipe_may_say_how_large_shards_are(toys: Path, tmp_path: Path) -> None:
    paths = list(write_lines(tmp_path / "in", FILES))
    text = f"source: {{use: lines, with: {{paths: {paths}}}}}\noutput: o\n"
    tasks = []
    for more in ("", "shard_bytes: 131072\n"):
        (tmp_path / "r.yaml").write_text(text + more)
        read = config.read(str(tmp_path / "r.yaml"))
        tasks.append(len(make(read.chains, read.file, read.shard_bytes).tracks[0].splits))
    assert tasks == [1, 12]


def test_files_and_parts_of_files_share_a_task_by_their_bytes() -> None:
    def split(path: str, size: int, start: int = 0) -> Split:
        return Split(path=path, start=start, stop=size, size=size)

    tiny = [split(f"{i}", 10) for i in range(TASK_BYTES // FILE_BYTES + 1)]
    assert [len(group) for group in together(tiny, TASK_BYTES)] == [TASK_BYTES // FILE_BYTES, 1]
    parts = [split("large", 10 * TASK_BYTES, start) for start in range(20)]  # half a task's bytes each
    assert [len(group) for group in together(parts, TASK_BYTES)] == [2] * 10
    assert [len(group) for group in together([split("a", 9 * TASK_BYTES), *tiny[:3]], TASK_BYTES)] == [1, 3]
    assert together([], TASK_BYTES) == []
