"""What is found, by which name, and that the order is keyed and fair."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from jobs.sample.harvest import Found, Root, found, order, roots, survey, takers
from tests.jobs.sample.machine import furnish, module, write


def test_survey_names_files_by_their_root(machine: list[Root]) -> None:
    files = survey(machine)
    assert files["site/pack3/tools.py"].sources == ("reference", "code")
    assert files["stdlib/std0.py"].n_bytes == len(module("std0").encode())
    assert files["man/de/man1/tool0.1.gz"].sources == ("manual",)
    assert Path(files["doc/tool7/copyright"].path).is_file()


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
    assert survey([Root("man", tmp_path / "absent")]) == {}


def test_links_count_for_packages_and_not_for_manuals(tmp_path: Path) -> None:
    write(tmp_path / "store" / "real.py", module("real"))
    for folder in ("site", "man/man1"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "site" / "linked.py").symlink_to(tmp_path / "store" / "real.py")
    (tmp_path / "man" / "man1" / "alias.1").symlink_to(tmp_path / "store" / "real.py")
    (tmp_path / "site" / "broken.py").symlink_to(tmp_path / "store" / "gone.py")
    (tmp_path / "site" / "self").symlink_to(tmp_path / "site")
    files = survey([Root("site", tmp_path / "site"), Root("man", tmp_path / "man", links=False)])
    assert list(files) == ["site/linked.py"]


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
        ("site/pack-1.0.dist-info/licenses/COPYING", ("readme",)),
        ("site/pack-1.0.dist-info/RECORD", ()),
        ("site/pack/guide.rst", ("readme",)),
        ("stdlib/idlelib/NEWS.txt", ("manual",)),
        ("stdlib/test/words.txt", ()),
        ("stdlib/pydoc_data/topics.py", ("manual",)),
        ("man/man1/ls.1.gz", ("manual",)),
        ("man/pt_BR/man1/ls.1.gz", ("manual",)),
        ("man/index.db", ()),
        ("doc/bash/copyright", ("manual",)),
        ("doc/bash/README.gz", ("manual",)),
        ("doc/bash/changelog.gz", ()),
    ],
)
def test_takers(name: str, sources: tuple[str, ...]) -> None:
    assert takers(name) == sources


@pytest.mark.parametrize(
    ("name", "group", "twin"),
    [
        ("site/pip/_vendor/rich/box.py", "rich", "rich/box.py"),
        ("site/rich/box.py", "rich", "rich/box.py"),
        ("site/six.py", "six", "six.py"),
        ("site/joblib/externals/loky/a.py", "loky", "loky/a.py"),
        ("site/joblib/externals/__init__.py", "joblib", "joblib/externals/__init__.py"),
        ("site/Pack-1.0.dist-info/LICENSE", "pack", "Pack-1.0.dist-info/LICENSE"),
        ("site/Pack-1.0.dist-info/METADATA", "metadata pack", "Pack-1.0.dist-info/METADATA"),
        ("stdlib/json/decoder.py", "stdlib", "json/decoder.py"),
        ("man/man1/ls.1.gz", "man en", "man1/ls.1.gz"),
        ("man/de/man1/ls.1.gz", "man de", "de/man1/ls.1.gz"),
        ("doc/bash/copyright", "copyright", "bash/copyright"),
        ("doc/bash/README", "doc", "bash/README"),
    ],
)
def test_group_and_twin(name: str, group: str, twin: str) -> None:
    thing = found(name, "/x")
    assert (thing.group, thing.twin) == (group, twin)


def many(group: str, n: int) -> list[Found]:
    return [Found(f"site/{group}/{i}.py", "", group, f"{group}/{i}.py") for i in range(n)]


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


def test_a_group_of_a_hundred_times_the_size_gives_ten_times_as_many() -> None:
    things = many("large", 2500) + [t for i in range(100) for t in many(f"small{i}", 25)]
    first = Counter(t.group[:5] for seed in range(4) for t in order(things, "code", seed)[:100])
    # 100 small groups of weight 5 against a large one of weight 50: a tenth, give or take four deviations.
    assert 12 <= first["large"] <= 65


def test_vendored_copies_stand_side_by_side() -> None:
    copy = found("site/pip/_vendor/a/7.py", "")
    things = [found(t.name, "") for t in many("a", 50)] + [copy]
    names = [t.name for t in order(things, "code", 0)]
    assert abs(names.index(copy.name) - names.index("site/a/7.py")) == 1


def test_higher_tiers_come_last() -> None:
    late = [found(f"stdlib/m{i}.py#docstrings", "", tier=1) for i in range(20)]
    things = order(late + many("a", 20), "manual", 0)
    assert [t.tier for t in things] == [0] * 20 + [1] * 20


def test_the_running_interpreter_has_modules() -> None:
    places = {r.name: r.path for r in roots()}
    assert (places["stdlib"] / "json" / "decoder.py").is_file()
    assert any(Path(p).resolve() == places["site"].resolve() for p in sys.path)
