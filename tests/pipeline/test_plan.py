"""Plans: where a chain is cut, what folders are named after, what changes a fingerprint."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.plan import Chain, Plan, flow, make, measured_first
from pipeline.schema import ID, TEXT
from pipeline.stage import Filter, Map
from tests.toy import FIRST, Count, Lines, Long, OnePerLetter, Pairs, chain, write_lines


@pytest.fixture
def source(tmp_path: Path) -> Lines:
    return Lines(paths=write_lines(tmp_path, {"a.txt": "one\n", "b.txt": "two\n"}), source="toy")


def segments(plan: Plan, track: int = 0) -> list[tuple[str, list[str], list[str]]]:
    """(folder without its fingerprint, steps run, relate steps keyed) of each segment."""
    return [
        (str(s.folder).rsplit("-", 1)[0], s.names, [k.named.name for k in s.keys])
        for s in plan.tracks[track].segments
    ]


def test_maps_and_filters_are_one_pass(source: Lines) -> None:
    assert segments(make([chain(source, Count(), Long())])) == [
        ("_run/toy/02-Long", ["toy", "Count", "Long"], [])
    ]


def test_no_steps_is_a_plain_copy(source: Lines) -> None:
    assert segments(make([chain(source)])) == [("_run/toy/00-Lines", ["toy"], [])]


def test_a_relate_step_cuts(source: Lines) -> None:
    plan = make([chain(source, Count(), OnePerLetter(), Long())])
    assert segments(plan) == [
        ("_run/toy/01-Count", ["toy", "Count"], ["OnePerLetter"]),
        ("_run/toy/03-Long", ["OnePerLetter", "Long"], []),
    ]
    keys = plan.tracks[0].segments[0].keys[0]
    assert str(keys.folder).startswith("_run/toy/02-OnePerLetter-")
    assert "same_letter_as" in plan.tracks[0].segments[1].schemas[0].names


def test_a_relate_step_at_the_end_shares_its_folder_with_what_it_left(source: Lines) -> None:
    plan = make([chain(source, OnePerLetter())])
    assert segments(plan) == [
        ("_run/toy/00-Lines", ["toy"], ["OnePerLetter"]),
        ("_run/toy/01-OnePerLetter", ["OnePerLetter"], []),
    ]
    first, last = plan.tracks[0].segments
    assert first.keys[0].folder == last.folder


def test_save_cuts_where_nothing_demands_it(source: Lines) -> None:
    plan = make([chain(source, Count(), Long(), saves=(0, 1))])
    assert [s[0] for s in segments(plan)] == ["_run/toy/01-Count", "_run/toy/02-Long"]


def test_common_and_private_relate_steps_do_not_share_a_pass(source: Lines) -> None:
    chains = [
        chain(source, OnePerLetter(), OnePerLetter(extra=1), name="x", shared=1),
        chain(source, Count(), OnePerLetter(extra=1), name="y", shared=1),
    ]
    plan = make(chains)
    assert [k for _, _, k in segments(plan)] == [["OnePerLetter"], ["OnePerLetter"], []]
    assert [s.shared for s in plan.tracks[0].segments] == [False, True, False]
    assert str(plan.tracks[0].segments[0].folder).startswith("_run/x/00-Lines-")
    assert [k for _, _, k in segments(plan, 1)] == [["OnePerLetter"], []]


def prints(*chains: Chain) -> list[list[str]]:
    return [list(t.fingerprints) for t in make(chains).tracks]


def test_a_setting_changes_the_fingerprint_of_its_step_and_all_after(source: Lines) -> None:
    (a,) = prints(chain(source, Count(), Long(), OnePerLetter()))
    (b,) = prints(chain(source, Count(), Long(min_n_chars=5), OnePerLetter()))
    assert a[:2] == b[:2]
    assert all(x != y for x, y in zip(a[2:], b[2:], strict=True))


def test_size_of_an_input_changes_every_fingerprint_and_its_time_none(source: Lines) -> None:
    (a,) = prints(chain(source, Count()))
    os.utime(source.paths[0], (1, 1))
    assert prints(chain(source, Count())) == [a]
    Path(source.paths[0]).write_text("longer than before\n")
    (b,) = prints(chain(source, Count()))
    assert not set(a) & set(b)


def test_what_a_setting_names_is_part_of_the_fingerprint(source: Lines, tmp_path: Path) -> None:
    class Listed(Count):
        def stamp(self) -> str:
            return (tmp_path / "words").read_text()

    found = []
    for words in ("a", "b"):
        (tmp_path / "words").write_text(words)
        found += prints(chain(source, Listed()))
    assert found[0][0] == found[1][0]
    assert found[0][1] != found[1][1]


def test_a_common_relate_step_depends_on_every_source(source: Lines) -> None:
    common = (Count(), OnePerLetter())
    x, y = prints(chain(source, *common, name="x", shared=2), chain(source, *common, name="y", shared=2))
    x2, y2 = prints(
        chain(source, *common, name="x", shared=2),
        chain(source, Count(), *common, name="y", shared=2),
    )
    assert x[:2] == x2[:2]  # source and the common map: their own documents only
    assert x[2] != x2[2]
    assert y[0] == y2[0]


def test_a_column_cannot_change_its_type(source: Lines) -> None:
    class Retype(Count):
        adds = pa.schema([("text", pa.int64())])

    schemas, problems = flow(chain(source, Retype(), Long()), "f.yaml")
    assert [str(p) for p in problems] == [
        "f.yaml:0: Retype: makes column 'text' as int64, which was string",
        "f.yaml:0: Long: reads column 'text' as string, but it is int64",
    ]
    assert len(schemas) == 3


def test_dropped_rows_keep_every_column_that_was_ever_there(source: Lines) -> None:
    plan = make([chain(source, Count(), OnePerLetter(), Long())])
    names = plan.tracks[0].segments[1].dropped_schema.names
    assert names[-2:] == ["reasons", "dropped_by"]
    assert {"text", "n_chars", "same_letter_as"} <= set(names)


class Shout(Map):
    """Changes the text."""

    reads = pa.schema([TEXT])
    adds = pa.schema([TEXT])


class Again(Map):
    """Reads what a query adds."""

    reads = pa.schema([FIRST])
    adds = pa.schema([pa.field("again", pa.int64())])


class Loud(Filter):
    """Looks at the text."""

    reads = pa.schema([TEXT])


class Blind(Filter):
    """Looks at nothing a map changes."""

    reads = pa.schema([ID])


def order(chain: Chain) -> str:
    return " ".join(n.name for n in measured_first(chain).steps)


def test_maps_come_before_the_filters_they_do_not_touch(source: Lines) -> None:
    assert order(chain(source, Blind(), Count(), Long())) == "Count Blind Long"
    assert order(chain(source, Count(), Long(), Blind())) == "Count Long Blind"


def test_a_map_stays_behind_what_reads_what_it_changes(source: Lines) -> None:
    assert order(chain(source, Blind(), Loud(), Shout(), Count())) == "Blind Loud Shout Count"


def test_a_map_passes_a_query_unless_it_reads_its_answer(source: Lines) -> None:
    assert order(chain(source, OnePerLetter(), Count())) == "Count OnePerLetter"
    assert order(chain(source, OnePerLetter(), Again())) == "OnePerLetter Again"
    assert order(chain(source, OnePerLetter(), Shout())) == "OnePerLetter Shout"


def test_maps_keep_their_order_and_pass_no_stream(source: Lines) -> None:
    assert order(chain(source, Blind(), Shout(), Count())) == "Shout Count Blind"
    assert order(chain(source, Blind(), Pairs(), Count())) == "Blind Pairs Count"


def test_common_steps_stay_common(source: Lines) -> None:
    mixed = measured_first(chain(source, Blind(), Count(), shared=1))
    assert [n.name for n in mixed.steps] == ["Blind", "Count"]
    assert mixed.shared_from == 1


def test_what_was_to_be_saved_is_saved_where_it_now_stands(source: Lines) -> None:
    moved = measured_first(chain(source, Blind(), Count(), Long(), saves=(1,)))
    assert [moved.steps[i].name for i in moved.saves] == ["Count"]


def test_the_new_order_is_a_plan_that_fits(source: Lines) -> None:
    for steps in ([Blind(), OnePerLetter(), Count(), Long()], [Count(), Long(), OnePerLetter(), Again()]):
        moved = measured_first(chain(source, *steps))
        assert flow(moved, "recipe")[1] == []
        assert sorted(n.name for n in moved.steps) == sorted(type(s).__name__ for s in steps)
