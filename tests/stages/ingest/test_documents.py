"""What a path of documents means, whoever asks."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipeline.errors import PlanError
from pipeline.inline import InlineEngine
from pipeline.run import Runner
from pipeline.stage import Source
from stages.ingest.documents import READERS, documents, stamp
from stages.ingest.jsonl import Jsonl
from stages.ingest.parquet import Parquet
from stages.ingest.warc import Warc, Wet
from tests.records import record
from tests.stages.ingest.archives import member, response
from tests.stages.ingest.sites import Site
from tests.toy import chain, recipe


def jsonl(path: Path, **texts: str) -> str:
    data = "".join(json.dumps({"id": k, "text": v}) + "\n" for k, v in texts.items()).encode()
    packs = {".gz": gzip.compress, ".zst": zstandard.compress}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packs.get(path.suffix, bytes)(data))
    return str(path)


def parquet(path: Path, *ids: str, **more: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"id": ids, "text": [f"text {i}" for i in ids], **more}), path)
    return str(path)


def rows(sources: Sequence[Source]) -> list[dict[str, Any]]:
    for source in sources:
        source.check()
    return [r for s in sources for split in s.splits() for b in s.read(split) for r in b.to_pylist()]


def ids(sources: Sequence[Source]) -> list[tuple[str, str]]:
    """(source, id) of all documents."""
    return [(r["source"], r["id"]) for r in rows(sources)]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of two sources, as runs lie on disk."""
    for source in ("web", "books"):
        parquet(tmp_path / f"run/documents/{source}/part-00000.parquet", f"{source} 0")
        parquet(tmp_path / f"run/documents/{source}/part-00001.parquet", f"{source} 1")
        parquet(tmp_path / f"run/dropped/{source}/part-00000.parquet", "dropped")
        parquet(tmp_path / f"run/_run/{source}/00-x-0123/part-00000.parquet", "of the run's own")
    record({s: [f"documents/{s}"] for s in ("web", "books")}).write(tmp_path / "run")
    return tmp_path / "run"


OF_THE_RUN = [("web", "web 0"), ("web", "web 1"), ("books", "books 0"), ("books", "books 1")]


def test_a_run_is_what_it_kept_a_source_for_each_of_its_sources(run: Path) -> None:
    assert ids(documents(str(run))) == OF_THE_RUN
    assert ids(documents(f"{run}/")) == OF_THE_RUN
    assert {r["source"] for r in rows(documents(str(run), source="against"))} == {
        "against:web",
        "against:books",
    }


def test_its_folder_of_documents_means_the_same(run: Path) -> None:
    assert sorted(ids(documents(f"{run}/documents"))) == sorted(OF_THE_RUN)
    (web,) = documents(f"{run}/documents/web")
    assert [name for _, name in ids([web])] == ["web 0", "web 1"]
    (dropped,) = documents(f"{run}/dropped/books")
    assert [name for _, name in ids([dropped])] == ["dropped"]


def test_a_run_of_another_version_is_refused(tmp_path: Path) -> None:
    parquet(tmp_path / "old/02-x/part-00000.parquet", "a")
    (tmp_path / "old/run.json").write_text('{"documents": "02-x"}')
    with pytest.raises(PlanError, match=r"another version.*run it again"):
        documents(str(tmp_path / "old"))


def test_a_run_of_today(tmp_path: Path) -> None:
    source = Jsonl(paths=jsonl(tmp_path / "a.jsonl", a="text", b="more text"), source="crawl")
    made = recipe(tmp_path / "out", chain(source))
    made_record = Runner(made, InlineEngine(1, {}), lambda *_: None).run()
    assert [r["id"] for r in rows(documents(str(tmp_path / "out")))] == ["a", "b"]
    assert len(documents(str(tmp_path / "out"))) == len(made_record.documents) == 1


def test_names_that_look_like_patterns(tmp_path: Path, run: Path) -> None:
    odd = run.rename(tmp_path / "run[1]*")
    assert ids(documents(str(odd))) == OF_THE_RUN
    assert len(ids(documents(str(odd / "documents")))) == 4


def test_any_folder_of_parquet_files(tmp_path: Path) -> None:
    parquet(tmp_path / "set.parquet/part-0.parquet", "spark writes folders of such names")
    parquet(tmp_path / "set.parquet/_temporary/x.parquet", "no")
    (tmp_path / "set.parquet/_SUCCESS").touch()
    folder = str(tmp_path / "set.parquet")
    assert ids(documents(folder)) == [(folder, "spark writes folders of such names")]
    for name in ("lang=de", "lang=en", "_temporary", ".hidden"):
        parquet(tmp_path / f"parts/{name}/x.parquet", name[-2:])
    assert ids(documents(str(tmp_path / "parts"))) == [("lang=de", "de"), ("lang=en", "en")]


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("a.parquet", Parquet),
        *((f"a{e}{packed}", Jsonl) for e in (".jsonl", ".ndjson", ".json") for packed in ("", ".gz", ".zst")),
        *((f"a.warc{packed}", Warc) for packed in ("", ".gz", ".zst")),
        *((f"a{e}", Wet) for e in (".wet", ".warc.wet", ".warc.wet.gz")),
    ],
)
def test_files_are_read_by_their_endings(tmp_path: Path, name: str, reader: type[Source]) -> None:
    path = tmp_path / name
    if reader is Parquet:
        parquet(path, "a")
    elif reader is Jsonl:
        jsonl(path, a="text a")
    else:
        packs = {".gz": member, ".zst": zstandard.compress}
        path.write_bytes(packs.get(path.suffix, bytes)(response(1)))
    (source,) = documents(str(path))
    assert type(source) is reader
    found = rows([source])
    if reader is not Wet:  # which has no text of pages
        assert {(r["source"], r["file"], r["reasons"] is None) for r in found} == {
            (str(path), str(path), True)
        }


def test_a_pattern_may_match_files_of_several_kinds(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl.gz", a="text")
    parquet(tmp_path / "b.parquet", "b")
    jsonl(tmp_path / "c.jsonl", c="text")
    found = documents(str(tmp_path / "*"))
    assert [type(s) for s in found] == [Jsonl, Parquet]
    assert [name for _, name in ids(found)] == ["a", "c", "b"]
    assert [name for _, name in ids(documents(f"{tmp_path}/**/*.jsonl*"))] == ["a", "c"]


def test_no_file_is_read_twice(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", a="text")
    jsonl(tmp_path / "b.jsonl", b="text")
    found = documents([str(tmp_path / "b.jsonl"), str(tmp_path / "*"), f"{tmp_path}/./a.jsonl"])
    assert [name for _, name in ids(found)] == ["b", "a"]


def test_columns_to_keep(tmp_path: Path, run: Path) -> None:
    parquet(tmp_path / "a.parquet", "a", score=[0.5])
    (tmp_path / "b.jsonl").write_text('{"text": "b", "score": 0.5}\n')
    found = rows(documents([str(tmp_path / "a.parquet"), str(tmp_path / "b.jsonl")], keep=("score",)))
    assert [r["score"] for r in found] == [0.5, "0.5"]
    (tmp_path / "c.warc").write_bytes(response(1))
    assert rows(documents(str(tmp_path / "c.warc"), keep=("http_status",)))[0]["http_status"] == 200
    with pytest.raises(PlanError, match=r"c\.warc: Warc files have no column 'score'"):
        documents(str(tmp_path / "c.warc"), keep=("score",))
    with pytest.raises(PlanError, match="has no column 'score'"):
        documents(str(run), keep=("score",))[0].check()


def test_the_stamp_changes_with_the_files(tmp_path: Path) -> None:
    paths = [jsonl(tmp_path / "a.jsonl", a="text"), jsonl(tmp_path / "b.jsonl", b="text")]
    before = stamp(documents(paths))
    assert before == stamp(documents(paths)) == stamp(documents(f"{tmp_path}/*.jsonl"))
    assert before != stamp(documents(paths[0])) != stamp([])
    jsonl(tmp_path / "b.jsonl", b="another text")
    assert stamp(documents(paths)) != before


def test_remote_paths_mean_what_local_ones_do(run: Path, hasty: Path) -> None:
    memory = fsspec.filesystem("memory")
    for path in sorted(run.rglob("*.*")):
        if path.is_file():
            memory.pipe_file(f"/runs/one/{path.relative_to(run)}", path.read_bytes())
    memory.pipe_file("/set.parquet/part-0.parquet", (run / "documents/web/part-00000.parquet").read_bytes())
    try:
        assert ids(documents("memory://runs/one")) == OF_THE_RUN
        assert sorted(ids(documents("memory://runs/one/documents/"))) == sorted(OF_THE_RUN)
        assert len(ids(documents("memory://runs/one/documents/web"))) == 2
        assert len(ids(documents("memory://runs/one/documents/*/part-*.parquet"))) == 4
        assert ids(documents("memory://set.parquet")) == [("memory://set.parquet", "web 0")]
        with pytest.raises(PlanError, match="memory://runs holds no documents"):
            documents("memory://runs")
        with pytest.raises(PlanError, match=r"memory://none\.jsonl holds no documents"):
            documents("memory://none.jsonl")
    finally:
        memory.rm("/runs", recursive=True)
        memory.rm("/set.parquet", recursive=True)


def test_a_file_on_a_web_server(site: Site) -> None:
    site.files["/a.jsonl"] = b'{"id": "a", "text": "text"}\n'
    assert ids(documents(f"{site.url}/a.jsonl")) == [(f"{site.url}/a.jsonl", "a")]
    with pytest.raises(PlanError, match="holds no documents"):
        documents(f"{site.url}/b.jsonl")


def test_local_paths_as_urls(run: Path) -> None:
    assert ids(documents(f"file://{run}")) == OF_THE_RUN
    assert [name for _, name in ids(documents(f"file://{run}/documents/web/*.parquet"))] == ["web 0", "web 1"]


def test_what_cannot_be_read_is_an_error_of_the_plan(tmp_path: Path, run: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/run.json").write_text('{"results": []}')
    (tmp_path / "list").mkdir()
    (tmp_path / "list/run.json").write_text("[1]")
    for path, message in {
        "empty": r"holds no documents: it is not the output of a finished run, for it has no run\.json",
        "notes.txt": r"its ending does not say what it is; known: \.parquet, \.jsonl\[\.gz\|\.zst\], ",
        "none.jsonl": "no file matches",
        "none": "no file matches",
        "*.none": "no file matches",
        "other": "was made by another version",
        "list": r"run\.json is not what a run writes",
    }.items():
        with pytest.raises(PlanError, match=message):
            documents(str(tmp_path / path))
    (run / "run.json").unlink()
    with pytest.raises(PlanError, match="not the output of a finished run"):
        documents(str(run))
    assert documents(()) == []
    assert not any(ending.endswith(("t.gz.gz", "parquet.gz")) for ending in READERS)
