"""Which files there are, by which name, and that the order is keyed and fair."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from jobs.sample.harvest import Candidate, Root, candidate, order, roots, sources_of, survey
from tests.jobs.sample.machine import furnish, module, write


def test_survey_names_files_by_their_root(machine: list[Root]) -> None:
    files = survey(machine)
    assert files["site/pack3/tools.py"].sources == ("reference", "code")
    assert files["stdlib/std0.py"].n_bytes == len(module("std0").encode())
    assert files["site/pack7-1.7.dist-info/LICENSE"].sources == ("plaintext",)
    assert Path(files["site/pack7-1.7.dist-info/LICENSE"].path).is_file()


def test_survey_leaves_out_what_is_ours_or_counted_elsewhere(machine: list[Root]) -> None:
    files = survey(machine)
    assert not [n for n in files if "ours" in n or "stray" in n or "__editable__" in n]
    assert len(files) > 100


def test_survey_is_the_same_wherever_the_machine_lies(tmp_path: Path) -> None:
    here, there = (survey(furnish(tmp_path / n)) for n in ("a", "somewhere/else"))
    assert {n: (f.n_bytes, f.sources) for n, f in here.items()} == {
        n: (f.n_bytes, f.sources) for n, f in there.items()
    }


def test_survey_of_nothing_is_empty(tmp_path: Path) -> None:
    assert survey([Root("site", tmp_path / "absent")]) == {}


def test_links_to_files_count_and_links_to_folders_do_not(tmp_path: Path) -> None:
    write(tmp_path / "store" / "real.py", module("real"))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "linked.py").symlink_to(tmp_path / "store" / "real.py")
    (tmp_path / "site" / "broken.py").symlink_to(tmp_path / "store" / "gone.py")
    (tmp_path / "site" / "self").symlink_to(tmp_path / "site")
    assert list(survey([Root("site", tmp_path / "site")])) == ["site/linked.py"]


def test_a_name_that_cannot_be_printed_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "good.py", module("good"))
    write(tmp_path / "line\nbreak.py", module("bad"))
    assert list(survey([Root("site", tmp_path)])) == ["site/good.py"]


def test_of_two_roots_of_one_name_the_first_wins(tmp_path: Path) -> None:
    write(tmp_path / "pure" / "both.py", "x" * 300)
    write(tmp_path / "plat" / "both.py", "x" * 999)
    files = survey([Root("site", tmp_path / "pure"), Root("site", tmp_path / "plat")])
    assert files["site/both.py"].n_bytes == 300


@pytest.mark.parametrize(
    ("name", "sources"),
    [
        ("stdlib/json/decoder.py", ("reference", "code")),
        ("stdlib/test/test_json.py", ("code",)),
        ("site/pack/tests/data.py", ("code",)),
        ("site/pack/odd-name.py", ("code",)),
        ("site/pack/kernel.cu", ("code",)),
        ("site/pack/table.csv", ()),
        ("site/pack-1.0.dist-info/METADATA", ("readme",)),
        ("site/pack/METADATA", ()),
        ("site/METADATA", ()),
        ("site/pack-1.0.dist-info/licenses/COPYING", ("plaintext",)),
        ("site/pack-1.0.dist-info/RECORD", ()),
        ("site/pack/guide.rst", ("plaintext",)),
        ("site/pack/README.rst", ("readme",)),
        ("stdlib/idlelib/NEWS.txt", ("plaintext",)),
        ("stdlib/LICENSE.txt", ("plaintext",)),
        ("stdlib/test/words.txt", ()),
        ("stdlib/pydoc_data/topics.py", ("plaintext",)),
    ],
)
def test_sources_of(name: str, sources: tuple[str, ...]) -> None:
    assert sources_of(name) == sources


@pytest.mark.parametrize(
    ("name", "package", "twin"),
    [
        ("site/pip/_vendor/rich/box.py", "rich", "rich/box.py"),
        ("site/rich/box.py", "rich", "rich/box.py"),
        ("site/six.py", "six", "six.py"),
        ("site/joblib/externals/loky/a.py", "loky", "loky/a.py"),
        ("site/joblib/externals/__init__.py", "joblib", "joblib/externals/__init__.py"),
        ("site/Pack-1.0.dist-info/LICENSE", "pack", "Pack-1.0.dist-info/LICENSE"),
        ("site/Pack-1.0.dist-info/METADATA", "metadata pack", "Pack-1.0.dist-info/METADATA"),
        ("stdlib/json/decoder.py", "stdlib", "json/decoder.py"),
    ],
)
def test_package_and_twin(name: str, package: str, twin: str) -> None:
    one = candidate(name, "/x")
    assert (one.package, one.twin) == (package, twin)


def many(package: str, n: int) -> list[Candidate]:
    return [Candidate(f"site/{package}/{i}.py", "", package, f"{package}/{i}.py") for i in range(n)]


def test_order_does_not_depend_on_how_files_were_listed() -> None:
    things = many("a", 30) + many("b", 5)
    assert order(things, "code", 1) == order(reversed(things), "code", 1)


def test_order_depends_on_seed_and_source() -> None:
    things = many("a", 30)
    orders = {
        tuple(t.name for t in order(things, source, seed))
        for source in ("code", "reference")
        for seed in (0, 1)
    }
    assert len(orders) == 4


def test_a_package_of_a_hundred_times_the_size_gives_ten_times_as_many() -> None:
    things = many("large", 2500) + [t for i in range(100) for t in many(f"small{i}", 25)]
    first = Counter(t.package[:5] for seed in range(4) for t in order(things, "code", seed)[:100])
    # 100 small packages of weight 5 against a large one of weight 50: a tenth, give or take four deviations.
    assert 12 <= first["large"] <= 65


def test_vendored_copies_stand_side_by_side() -> None:
    copy = candidate("site/pip/_vendor/a/7.py", "")
    things = [candidate(t.name, "") for t in many("a", 50)] + [copy]
    names = [t.name for t in order(things, "code", 0)]
    assert abs(names.index(copy.name) - names.index("site/a/7.py")) == 1


def test_the_running_interpreter_has_modules() -> None:
    places = {r.name: r.path for r in roots()}
    assert (places["stdlib"] / "json" / "decoder.py").is_file()
    assert any(r.name == "site" and (r.path / "pyarrow").is_dir() for r in roots())
