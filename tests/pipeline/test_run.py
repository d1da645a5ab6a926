"""The runner with toy stages: routing, accounts, resume, verdicts across sources, refusals."""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.engine import Engine
from pipeline.errors import NothingLeft, OutputBusy, StepError, WorkerDied
from pipeline.inline import InlineEngine
from pipeline.local import LocalEngine
from pipeline.lock import hold
from pipeline.plan import Chain
from pipeline.record import Record
from pipeline.run import Runner
from tests.toy import (
    Compare,
    Count,
    Fail,
    Lines,
    Long,
    OnePerLetter,
    Pairs,
    chain,
    edit,
    recipe,
    texts,
    write_lines,
)

A = {"a.txt": "apple\n?\nab\nbanana\navocado\n#hash\nberry\ncherry\n", "b.txt": "citrus\ndate\nelder\n"}
B = {"c.txt": "fig\ngrape\nguava\napricot\nhoney\n"}


def run(engine: Engine, output: Path, *chains: Chain) -> Record:
    return Runner(recipe(output, *chains), engine, lambda *_: None).run()


def lines(tmp_path: Path, files: dict[str, str], **settings: Any) -> Lines:
    return Lines(paths=write_lines(tmp_path / "in", files), source="toy", **settings)


def dropped(run_folder: Path, record: Record, source: str = "toy") -> dict[str, tuple[str, list[str]]]:
    rows = [
        row
        for folder in record.dropped[source]
        for shard in sorted((run_folder / folder).glob("part-*.parquet"))
        for row in pq.read_table(shard).to_pylist()
    ]
    return {r["text"]: (r["dropped_by"], r["reasons"]) for r in rows}


def test_documents_are_kept_or_dropped_with_every_reason(local: LocalEngine, tmp_path: Path) -> None:
    record = run(local, tmp_path / "out", chain(lines(tmp_path, A | {"d.txt": "#x\n"}), Count(), Long()))
    assert texts(tmp_path / "out") == [
        "apple", "banana", "avocado", "berry", "cherry", "citrus", "date", "elder",
    ]  # fmt: skip
    assert dropped(tmp_path / "out", record) == {
        "?": ("toy", ["damaged"]),
        "ab": ("Long", ["min_n_chars"]),
        "#hash": ("Long", ["hash_sign"]),
        "#x": ("Long", ["min_n_chars", "hash_sign"]),
    }


def test_every_step_accounts_for_every_document(local: LocalEngine, tmp_path: Path) -> None:
    steps = (Count(), Long(), OnePerLetter(), Count())
    record = run(local, tmp_path / "out", chain(lines(tmp_path, A), *steps))
    counts = record.steps
    assert [c.name for c in counts] == ["toy", "Count", "Long", "OnePerLetter", "Count"]
    assert counts[0].rows_in == 11
    for before, after in itertools.pairwise(counts):
        assert before.kept == after.rows_in
    for count in counts:
        assert count.rows_in - count.kept == sum(count.dropped.values())
    assert record.rows == {"toy": counts[-1].kept}


def test_verdicts_add_columns_and_drop_by_document(local: LocalEngine, tmp_path: Path) -> None:
    record = run(local, tmp_path / "out", chain(lines(tmp_path, A), Count(), Long(), OnePerLetter()))
    assert texts(tmp_path / "out") == ["apple", "banana", "cherry", "date", "elder"]
    assert dropped(tmp_path / "out", record)["avocado"] == ("OnePerLetter", ["same_letter"])
    gone = [
        row
        for folder in record.dropped["toy"]
        for shard in (tmp_path / "out" / folder).glob("part-*.parquet")
        for row in pq.read_table(shard).to_pylist()
    ]
    assert {r["text"]: r.get("same_letter_as") for r in gone if r["dropped_by"] == "OnePerLetter"} == {
        "avocado": "a.txt:0",
        "berry": "a.txt:11",
        "citrus": "a.txt:38",
    }


def test_a_common_step_sees_all_sources_and_a_private_one_only_its_own(
    local: LocalEngine, tmp_path: Path
) -> None:
    x = Lines(paths=write_lines(tmp_path / "in", A), source="x")
    y = Lines(paths=write_lines(tmp_path / "in", B), source="y")
    run(
        local,
        tmp_path / "private",
        chain(x, OnePerLetter(), name="x"),
        chain(y, OnePerLetter(), name="y"),
    )
    assert texts(tmp_path / "private", "y") == ["fig", "grape", "apricot", "honey"]
    common = run(
        local,
        tmp_path / "common",
        chain(x, Count(), OnePerLetter(), Count(), name="x", shared=2),
        chain(y, OnePerLetter(), OnePerLetter(), Count(), name="y", shared=2),
    )
    # Shards of both are numbered through: each verdict comes back to the document that it is about.
    assert texts(tmp_path / "common", "x") == ["apple", "banana", "#hash", "cherry", "date", "elder"]
    assert texts(tmp_path / "common", "y") == ["fig", "grape", "honey"]
    assert dropped(tmp_path / "common", common, "x") == {
        "?": ("x", ["damaged"]),
        **{t: ("OnePerLetter", ["same_letter"]) for t in ("ab", "avocado", "berry", "citrus")},
    }
    assert dropped(tmp_path / "common", common, "y") == {
        t: ("OnePerLetter", ["same_letter"]) for t in ("guava", "apricot")
    }
    assert [s.name for s in common.steps if s.source == "x"] == ["x", "Count", "OnePerLetter", "Count"]


def test_queries_of_each_source_come_before_the_common_one(tmp_path: Path) -> None:
    files = {"x": "ab\napple\nice\n", "y": "ink\nax\nadd\noak\nbed\n"}
    chains = [
        chain(
            Lines(paths=write_lines(tmp_path / "in", {f"{name}.txt": text}), source=name),
            *(OnePerLetter(), OnePerLetter(by="last"), Count()),
            name=name,
            shared=2,
        )
        for name, text in files.items()
    ]
    record = run(InlineEngine(1, {}), tmp_path / "out", *chains)
    # Alone, x loses apple, and y add; together, the second word that ends in d or k goes.
    assert texts(tmp_path / "out", "x") == ["ab", "ice"]
    assert texts(tmp_path / "out", "y") == ["ink", "ax", "bed"]
    assert list(dropped(tmp_path / "out", record, "x")) == ["apple"]
    assert list(dropped(tmp_path / "out", record, "y")) == ["add", "oak"]


@pytest.mark.parametrize("every", [False, True])
def test_relate_steps_that_share_a_pass_see_what_those_before_them_kept(
    local: LocalEngine, tmp_path: Path, every: bool
) -> None:
    # "ab" would stand for all that end in b, but goes as a second word with a: "cob" must stay. "axe", which
    # the first query keeps with or without a verdict on it, stands for all that end in e: "doe" must go.
    source = lines(tmp_path, {"a.txt": "axe\nab\ncob\ndoe\n"})
    steps = (OnePerLetter(every=every), OnePerLetter(by="last"))
    record = run(local, tmp_path / "out", chain(source, *steps))
    assert (
        len(Runner(recipe(tmp_path / "out", chain(source, *steps)), local, print).plan.tracks[0].segments)
        == 2
    )
    assert texts(tmp_path / "out") == ["axe", "cob"]
    assert dropped(tmp_path / "out", record) == {
        "ab": ("OnePerLetter", ["same_letter"]),
        "doe": ("OnePerLetter", ["same_letter"]),
    }


def test_the_same_bytes_for_any_number_of_workers_and_any_batches(tmp_path: Path) -> None:
    hashes = set()
    for workers, rows in ((1, 3), (2, 3), (2, 1), (1, 100)):
        engine = LocalEngine(workers, {})
        source = lines(tmp_path, A | B, rows=rows)
        steps = (Count(), Long(), OnePerLetter(), Count(), Pairs())
        hashes.add(run(engine, tmp_path / f"{workers}-{rows}", chain(source, *steps)).content_hash)
        engine.close()
    assert len(hashes) == 1


def test_a_changed_setting_reruns_only_what_follows(local: LocalEngine, tmp_path: Path) -> None:
    source = lines(tmp_path, A)
    first = run(local, tmp_path / "out", chain(source, Count(), Long(), OnePerLetter(), Count(), saves=(0,)))
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "_run").rglob("part-*.parquet")}
    again = run(
        local, tmp_path / "out", chain(source, Count(), Long(), OnePerLetter(extra=1), Count(), saves=(0,))
    )
    assert again.content_hash == first.content_hash
    assert stamps
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps  # nothing was written twice


def counts(record: Record) -> list[tuple[str, int, int, dict[str, int]]]:
    return [(c.name, c.rows_in, c.kept, c.dropped) for c in record.steps]


def test_a_finished_run_is_not_run_again(local: LocalEngine, tmp_path: Path) -> None:
    steps = (Count(), Long(), OnePerLetter())
    first = run(local, tmp_path / "out", chain(lines(tmp_path, A), *steps))
    stamps = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}
    again = run(local, tmp_path / "out", chain(lines(tmp_path, A), *steps))
    assert again.content_hash == first.content_hash
    assert counts(again) == counts(first)
    assert {p: p.stat().st_mtime_ns for p in stamps} == stamps


def test_a_lost_shard_is_made_again(local: LocalEngine, tmp_path: Path) -> None:
    steps = (Count(), Long(), OnePerLetter(), Count())
    first = run(local, tmp_path / "out", chain(lines(tmp_path, A), *steps))
    (folder,) = (tmp_path / "out" / "_run" / "toy").glob("04-*")
    for victim in ("part-00001.json", "part-00001.parquet"):
        (folder / victim).unlink()
    (folder / f".part-00000.parquet.{'0a' * 8}.tmp").write_text("left by a killed worker")
    again = run(local, tmp_path / "out", chain(lines(tmp_path, A), *steps))
    assert again.content_hash == first.content_hash
    assert counts(again) == counts(first)
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_changed_input_of_the_same_size_is_read_again(local: LocalEngine, tmp_path: Path) -> None:
    first = run(local, tmp_path / "out", chain(lines(tmp_path, A), Count(), OnePerLetter()))
    path = tmp_path / "in" / "b.txt"
    path.write_text(path.read_text().replace("elder", "olive"))
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 1))
    again = run(local, tmp_path / "out", chain(lines(tmp_path, A), Count(), OnePerLetter()))
    assert again.content_hash != first.content_hash
    assert "olive" in texts(tmp_path / "out")


def test_two_recipes_on_one_output_both_notice_a_changed_input(tmp_path: Path) -> None:
    engine, out, source = InlineEngine(1, {}), tmp_path / "out", lines(tmp_path, A)
    recipes = [chain(source, Count(), OnePerLetter(), Long(min_n_chars=n)) for n in (3, 4)]
    before = [run(engine, out, r).content_hash for r in recipes]
    edit(tmp_path / "in" / "b.txt", "elder", "olive")
    after = [run(engine, out, r).content_hash for r in recipes[::-1]][::-1]
    assert after == [run(engine, tmp_path / f"fresh-{i}", r).content_hash for i, r in enumerate(recipes)]
    assert not set(before) & set(after)
    edit(tmp_path / "in" / "b.txt", "olive", "elder")
    assert [run(engine, out, r).content_hash for r in recipes] == before


def test_inputs_that_go_come_back_or_change_their_name(tmp_path: Path) -> None:
    engine, out, here = InlineEngine(1, {}), tmp_path / "out", tmp_path / "in"
    write_lines(here, {**A, **B, "r.txt": "elm\n"})

    def check(*names: str, source: str = "toy", shard_bytes: int = 1) -> str:
        x = chain(
            Lines(paths=tuple(str(here / n) for n in names), source=source),
            Compare(against=(str(here / "r.txt"),)),
            name=source,
        )
        fresh = tmp_path / f"fresh-{len(list(tmp_path.iterdir()))}"
        made, wanted = (
            Runner(recipe(o, x, shard_bytes=shard_bytes), engine, lambda *_: None).run() for o in (out, fresh)
        )
        assert made.content_hash == wanted.content_hash
        assert texts(out, source) == texts(fresh, source)
        return made.content_hash

    both = check("a.txt", "b.txt")
    assert check("a.txt") != both
    assert check("a.txt", "b.txt", "c.txt") != both
    (here / "b.txt").unlink()
    check("a.txt")
    write_lines(here, {"b.txt": A["b.txt"].replace("elder", "olive")})  # back, and not what it was
    edit(here / "b.txt", "", "")
    assert check("a.txt", "b.txt") != both
    check("a.txt", "b.txt", source="other")
    check("a.txt", "b.txt", shard_bytes=1000)
    edit(here / "b.txt", "olive", "elder")
    check("a.txt", "b.txt", source="other")
    check("a.txt", "b.txt", shard_bytes=1000)  # the shards that were put together, too
    assert check("a.txt", "b.txt") == both
    edit(here / "r.txt", "elm", "ash")
    assert check("a.txt", "b.txt") != both


def test_a_common_query_may_leave_a_source_with_nothing(tmp_path: Path) -> None:
    engine, source = InlineEngine(1, {}), lines(tmp_path, {"a.txt": "one\ntwo\n"})
    x, y = (chain(source, OnePerLetter(), Count(), name=name, shared=2) for name in "xy")
    record = run(engine, tmp_path / "out", x, y)
    assert record.rows == {"x": 2, "y": 0}
    alone = [
        chain(source, Count(), Long(min_n_chars=n), name=name, shared=0) for n, name in ((1, "x"), (9, "y"))
    ]
    with pytest.raises(NothingLeft, match="'Long' dropped all 2 documents of 'y'"):
        run(engine, tmp_path / "alone", *alone)


def test_a_query_of_one_source_may_not_leave_it_with_nothing(tmp_path: Path) -> None:
    against = write_lines(tmp_path / "against", {"r.txt": "elm\n"})
    chains = [
        chain(
            Lines(paths=write_lines(tmp_path / "in", {f"{name}.txt": text}), source=name),
            Compare(against=against),
            name=name,
        )
        for name, text in (("x", "apple\n"), ("y", "elk\n"))
    ]
    with pytest.raises(NothingLeft, match="'Compare' dropped all 1 documents of 'y'"):
        run(InlineEngine(1, {}), tmp_path / "out", *chains)


def test_dropping_everything_stops_the_run_with_the_reasons(local: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(NothingLeft, match=r"'Long' dropped all 10 documents of 'toy': min_n_chars \(10\)"):
        run(local, tmp_path / "out", chain(lines(tmp_path, A), Count(), Long(min_n_chars=99)))
    assert not (tmp_path / "out" / "run.json").exists()


def test_a_failing_step_is_named_with_its_shard(local: LocalEngine, tmp_path: Path) -> None:
    with pytest.raises(StepError) as error:
        run(local, tmp_path / "out", chain(lines(tmp_path, A), Count(), Fail(word="date")))
    assert error.value.step == "Fail"
    assert error.value.shard.endswith("part-00001")
    assert "ValueError: cannot stand 'date' (toy.py:" in error.value.cause


def test_a_killed_worker_is_named_with_its_shard_and_resume_gives_the_same(tmp_path: Path) -> None:
    engine = LocalEngine(2, {})
    once = str(tmp_path / "killed")
    steps = (Count(), Fail(word="date", once=once), OnePerLetter())
    with pytest.raises(WorkerDied, match=r"part-00001 died \(SIGKILL\)"):
        run(engine, tmp_path / "out", chain(lines(tmp_path, A), *steps))
    resumed = run(engine, tmp_path / "out", chain(lines(tmp_path, A), *steps))
    undisturbed = run(engine, tmp_path / "other", chain(lines(tmp_path, A), *steps))
    assert resumed.content_hash == undisturbed.content_hash
    engine.close()


def test_a_second_run_on_the_same_output_is_refused(local: LocalEngine, tmp_path: Path) -> None:
    with hold(tmp_path / "out" / "_run"), pytest.raises(OutputBusy, match=f"process {os.getpid()}"):
        run(local, tmp_path / "out", chain(lines(tmp_path, A), Count()))
    run(local, tmp_path / "out", chain(lines(tmp_path, A), Count()))


def test_manifest_and_run_json_say_what_lies_there(local: LocalEngine, tmp_path: Path) -> None:
    record = run(local, tmp_path / "out", chain(lines(tmp_path, A), Count(), Long(), OnePerLetter()))
    manifest = json.loads(
        (next((tmp_path / "out" / "_run" / "toy").glob("03-*")) / "manifest.json").read_text()
    )
    assert manifest["shards"] == 2
    assert manifest["rows"] == record.rows["toy"] == 5
    assert manifest["schema"]["n_chars"] == "int64"
    assert Record.load(tmp_path / "out") == record


def test_documents_and_dropped_hold_the_result_and_nothing_else(local: LocalEngine, tmp_path: Path) -> None:
    out, source = tmp_path / "out", lines(tmp_path, A)
    run(local, out, chain(source, Count(), Long(), OnePerLetter(), Count()))
    (last,) = (out / "_run" / "toy").glob("04-Count-*")
    for shard in last.glob("part-*.parquet"):
        assert (out / "documents" / "toy" / shard.name).samefile(shard)  # a link, and no copy
    names = sorted(p.name for p in (out / "dropped" / "toy").iterdir())
    assert names == ["part-00-00000.parquet", "part-01-00000.parquet", "part-01-00001.parquet"]
    assert {p.name for p in out.iterdir()} == {"_run", "documents", "dropped", "run.json"}


def test_what_was_dropped_is_one_table_whatever_the_recipe_was_before(
    local: LocalEngine, tmp_path: Path
) -> None:
    out, source = tmp_path / "out", lines(tmp_path, A)
    run(local, out, chain(source, Count(), Long(), saves=(1,)))
    assert not any("same_letter_as" in pq.read_schema(p).names for p in (out / "dropped").rglob("*.parquet"))
    longer = chain(source, Count(), Long(), OnePerLetter(), saves=(1,))
    grown, fresh = run(local, out, longer), run(local, tmp_path / "fresh", longer)
    schemas = {str(pq.read_schema(p)) for p in (out / "dropped").rglob("*.parquet")}
    assert len(schemas) == 1
    assert "same_letter_as" in schemas.pop()
    assert grown.content_hash == fresh.content_hash
    back = run(local, out, chain(source, Count(), Long(), saves=(1,)))
    assert (
        back.content_hash
        == run(local, tmp_path / "short", chain(source, Count(), Long(), saves=(1,))).content_hash
    )


def test_files_that_no_run_has_made_stay_and_so_does_a_run_within(tmp_path: Path) -> None:
    out, source = tmp_path / "out", lines(tmp_path, A)
    engine, ours = InlineEngine(1, {}), f".part-00000.parquet.{'0a' * 8}.tmp"
    run(engine, out, chain(source, Count()))
    (folder,) = (out / "_run" / "toy").iterdir()
    names = (".notes.txt.tmp", ".draft.tmp/chapter")
    mine = [
        *(place / name for place in (out, out / "documents", out / "_run", folder) for name in names),
        out / "documents" / "other" / "part-00000.parquet",
        out / "documents" / "toy" / "part-of-mine.parquet",
        out / ours,
        *(inner / "_run" / "toy" / "01" / ours for inner in (out / "inner", out / "_run" / "inner")),
    ]  # fmt: skip
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    (folder / "dropped" / ours).write_text("left by a killed task")
    with hold(out / "inner" / "_run"), hold(out / "_run" / "inner" / "_run"):
        run(engine, out, chain(source, Count(), Long()))
        edit(tmp_path / "in" / "b.txt", "elder", "olive")
        for path in mine:
            if folder in path.parents:
                path.unlink()  # of a folder that must begin anew, nothing is kept
        run(engine, out, chain(source, Count(), Long()))
        run(engine, out, chain(source, Count()))
    assert [path for path in mine if folder not in path.parents and not path.exists()] == []
    assert not (folder / "dropped" / ours).exists()


def test_what_an_earlier_run_published_goes_and_what_a_user_put_there_stays(
    local: LocalEngine, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    x, y = (Lines(paths=write_lines(tmp_path / n, f), source=n) for n, f in (("x", A), ("y", B)))
    run(local, out, chain(x, Count(), name="x"), chain(y, Count(), name="y"))
    (out / "documents" / "x" / "notes.txt").write_text("mine")
    run(local, out, chain(y, Count(), Long(min_n_chars=6), name="x"))
    assert texts(out, "x") == ["apricot"]
    assert sorted(p.name for p in (out / "documents").rglob("*.*")) == ["notes.txt", "part-00000.parquet"]
    assert not (out / "documents" / "y").exists()


def test_shards_put_together_follow_an_edit_of_the_same_size(local: LocalEngine, tmp_path: Path) -> None:
    files = {f"{name}.txt": "?\n" * 40_000 + f"{name}pple\n" for name in "abc"}  # one task each, little kept

    def result() -> list[str]:
        plan = chain(lines(tmp_path, files, rows=10_000), Count(), Long())
        Runner(recipe(tmp_path / "out", plan, shard_bytes=100_000), local, lambda *_: None).run()
        return texts(tmp_path / "out")

    assert result() == ["apple", "bpple", "cpple"]
    assert len(list((tmp_path / "out" / "documents" / "toy").iterdir())) == 1
    path = tmp_path / "in" / "b.txt"
    path.write_text(path.read_text().replace("bpple", "olive"))
    os.utime(path, ns=(time.time_ns(), time.time_ns() + 1))
    assert result() == ["apple", "olive", "cpple"]
