"""What a run takes over from earlier ones: exact documents after one of several inputs has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.inline import InlineEngine
from pipeline.plan import Chain
from pipeline.result import Links
from pipeline.resume import freshen
from pipeline.run import Runner
from tests.toy import Count, Lines, Long, OnePerLetter, chain, edit, recipe, texts, write_lines

X, Y = {"x.txt": "apple\nfig\n"}, {"y.txt": "avocado\ngrape\nhoney\n"}


def run(output: Path, *chains: Chain) -> None:
    Runner(recipe(output, *chains), InlineEngine(1, {}), lambda *_: None).run()


def source(folder: Path, files: dict[str, str]) -> Lines:
    return Lines(paths=write_lines(folder / "in", files), source="toy")


@pytest.mark.parametrize("after", [(), (Count(),)])
def test_a_query_is_asked_anew_when_its_documents_have_changed(
    tmp_path: Path, after: tuple[Count, ...]
) -> None:
    toy = chain(source(tmp_path, Y), OnePerLetter(), *after)
    run(tmp_path / "out", toy)
    assert texts(tmp_path / "out") == ["avocado", "grape", "honey"]
    edit(tmp_path / "in" / "y.txt", "grape", "apple")
    run(tmp_path / "out", toy)
    assert texts(tmp_path / "out") == ["avocado", "honey"]
    edit(tmp_path / "in" / "y.txt", "avocado", "orchard")
    run(tmp_path / "out", toy)
    assert texts(tmp_path / "out") == ["orchard", "apple", "honey"]


@pytest.mark.parametrize("after", [(), (Count(),)])
def test_common_steps_are_renewed_for_all_sources_when_one_has_changed(
    tmp_path: Path, after: tuple[Count, ...]
) -> None:
    x, y = source(tmp_path, X), source(tmp_path, Y)
    steps = (OnePerLetter(), *after)
    chains = [chain(s, *steps, name=name, shared=len(steps)) for name, s in (("x", x), ("y", y))]

    def result() -> list[list[str]]:
        run(tmp_path / "out", *chains)
        return [texts(tmp_path / "out", name) for name in "xy"]

    assert result() == [["apple", "fig"], ["grape", "honey"]]
    edit(tmp_path / "in" / "x.txt", "fig", "hen")  # the first source decides about the second
    assert result() == [["apple", "hen"], ["grape"]]
    edit(tmp_path / "in" / "y.txt", "avocado", "figment")  # verdicts on the second lie with the first
    assert result() == [["apple", "hen"], ["figment", "grape"]]
    edit(tmp_path / "in" / "x.txt", "apple", "goose")
    assert result() == [["goose", "hen"], ["figment"]]


def test_steps_of_a_source_alone_are_not_made_again_for_another(tmp_path: Path) -> None:
    x, y = source(tmp_path, X), source(tmp_path, Y)
    chains = [
        chain(s, OnePerLetter(), Count(), Long(min_n_chars=1), name=name, saves=(1,), shared=0)
        for name, s in (("x", x), ("y", y))
    ]
    run(tmp_path / "out", *chains)
    made = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "_run" / "x").rglob("*.parquet")}
    assert len(made) >= 4  # shards of three passes, keys
    edit(tmp_path / "in" / "y.txt", "grape", "mango")
    run(tmp_path / "out", *chains)
    assert texts(tmp_path / "out", "y") == ["avocado", "mango", "honey"]
    assert {p: p.stat().st_mtime_ns for p in made} == made


def test_what_killed_runs_left_anywhere_below_is_swept(tmp_path: Path) -> None:
    left, kept = (tmp_path / "_run" / "gone" / n for n in (f".part-00000.json.{'0a' * 8}.tmp", "mine.tmp"))
    left.parent.mkdir(parents=True)
    for path in (left, kept):
        path.touch()
    freshen(tmp_path, [], Links(tmp_path))
    assert not left.exists()
    assert kept.exists()
