"""`line_dedup` against plain Python's sets, for every unit, scope and choice of what stays."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.reader import Reader
from pipeline.schema import FILE, ID, SOURCE, TEXT, URL
from stages.dedup.lines import LineDedup
from stages.dedup.lines.profiles import PROFILES
from tests.stages.dedup.apply import Session
from tests.stages.dedup.lines.corpus import SITES, Document, applied, expected

SAID = ["a b.", "A b.", "x", "x y! z.", "é 1", "e\u0301 2", "", " ", "—", "Q."]
GAPS = ["\n", "\n", "\n\n", " ", "\r\n", "\u3000"]


def some_documents(seed: int, *gap: str) -> list[Document]:
    """Up to six that say the same things."""
    rng = random.Random(seed)
    said, gaps = rng.sample(SAID, rng.randint(1, 6)), [rng.choice(GAPS), *(gap or "\n")]
    found = []
    for _ in range(rng.choice([0, 1, 3, 4, 5, 6])):
        text = "".join(rng.choice(said) + rng.choice(gaps) for _ in range(rng.randint(0, 7)))
        places = rng.choice([*SITES, None]), rng.choice(["web", "web", None]), rng.choice(["f", "f", None])
        found.append(Document(None if rng.random() < 0.05 else text, *places))
    return found


SEEDS = st.integers(0, 10**9)
FIRST = st.fixed_dictionaries({"keep": st.just("first")})
NONE = st.fixed_dictionaries(
    {
        "keep": st.just("none"),
        "min_documents": st.integers(2, 3),
        "min_frac_documents": st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    }
)
SETTINGS = st.fixed_dictionaries(
    {
        "within": st.sampled_from(["corpus", "source", "domain", "file"]),
        "normalize": st.sampled_from(["none", "whitespace", "lower", "cc_net", "datatrove"]),
        "repeats": st.sampled_from(["drop", "keep"]),
        "min_chars": st.sampled_from([1, 0, 2]),
        "min_words": st.sampled_from([0, 0, 2]),
    }
)
LIMITS = st.fixed_dictionaries(
    {
        "min_words_removed": st.integers(0, 3),
        "min_words_left": st.integers(0, 3),
        "min_sentences_left": st.integers(0, 3),
    }
)


@pytest.mark.parametrize("unit", ["line", "paragraph", "sentence", "span"])
def test_what_goes_is_what_sets_say(unit: Any) -> None:
    removed, gap = [], ["\n\n", "\n \n", "\n\n"] if unit == "paragraph" else []

    @settings(derandomize=True)
    @given(SEEDS, SETTINGS, FIRST | NONE, st.just({}) | LIMITS, st.integers(1, 3))
    def check(seed: int, chosen: Any, keep: Any, limits: Any, span: int) -> None:
        length = {"span": span} if unit == "span" else {}
        step = LineDedup(profile="baichuan2", unit=unit, **chosen, **keep, **limits, **length)
        for documents in (some_documents(seed, *gap), some_documents(~seed, *gap)):
            found = applied(step, documents, seed)
            assert found == expected(step, documents)
            removed.append(sum(row["line_dedup"]["n_removed"] for row in found if row["line_dedup"]))

    check()
    assert sum(removed) > 20, removed


@pytest.mark.parametrize("profile", [p for p in PROFILES if p != "datatrove"])
def test_profiles_are_settings(profile: Any) -> None:
    @settings(max_examples=10)
    @given(SEEDS)
    def check(seed: int) -> None:
        step, documents = LineDedup(profile=profile), some_documents(seed)
        assert applied(step, documents) == expected(step, documents)

    check()


def texts(rows: list[dict[str, Any]]) -> list[str | None]:
    return [row["text"] for row in rows]


PAGES = [
    Document("Menu\n\nOne story.\nHome | About\n", "http://a.com/1"),
    Document("menu\r\n\nAnother story.\nHome | About", "http://www.a.com/2"),
    Document("Menu\nHome | About\nMenu", "http://b.com/"),
]


def test_ccnet_keeps_no_copy_but_what_one_document_repeats() -> None:
    found = applied(LineDedup(), PAGES)
    assert texts(found) == ["One story.", "Another story.", ""]
    assert [row["reason"] for row in found] == [None, None, "nothing_left"]
    assert found[0]["line_dedup"] == {"n_units": 3, "n_removed": 2, "n_bytes_removed": 20}
    assert texts(applied(LineDedup(), [Document("a\nb\na\nc")])) == ["a\nb\nc"]


def test_the_first_document_keeps_what_several_have() -> None:
    step = LineDedup(profile="c4_program", min_sentences_left=0)
    assert texts(applied(step, PAGES)) == ["Menu\n\nOne story.\nHome | About", "Another story.", ""]
    bytewise = LineDedup(profile="baichuan2", unit="line", normalize="none")
    assert texts(applied(bytewise, PAGES)) == [PAGES[0].text, "menu\r\n\nAnother story.", ""]


def test_boilerplate_is_what_many_pages_of_a_site_have() -> None:
    step = LineDedup(profile="boilerplate", min_documents=2, min_frac_documents=0.6)
    other = [
        Document(f"Story {i}.\nHome | About" if i < 4 else f"Story {i}.", "http://c.com/") for i in range(7)
    ]
    found = texts(applied(step, [*PAGES, *other]))
    assert found[:3] == ["Menu\n\nOne story.\n", "menu\r\n\nAnother story.", PAGES[2].text]
    assert found[3:] == [d.text for d in other]
    looser = LineDedup(profile="boilerplate", min_documents=2, min_frac_documents=0.5)
    assert texts(applied(looser, [*PAGES, *other]))[3:] == [f"Story {i}." for i in range(7)]


def test_a_share_is_compared_as_it_is_written() -> None:
    """0.1 * 30 is a little more than 3."""
    documents = [Document("same\nx" if i < 3 else f"y{i}", "http://a.com/") for i in range(30)]
    step = LineDedup(profile="boilerplate", min_documents=2, min_frac_documents=0.1)
    assert texts(applied(step, documents))[:3] == ["x"] * 3 or texts(applied(step, documents))[:3] == [""] * 3


def test_documents_of_unknown_scope_are_alone() -> None:
    pages = [
        Document("same\nsame", url) for url in (None, "http:///x", None, "http://a.com", "https://b.a.com")
    ]
    found = texts(applied(LineDedup(profile="baichuan2", within="domain"), pages))
    assert found == ["same", "same", "same", "same", ""]


def test_spans_that_overlap_go_together() -> None:
    step = LineDedup(profile="c4", min_sentences_left=0)
    shared = "One is. Two is. Three is. Four is."
    found = applied(
        step, [Document(shared), Document(f"Zero is.\n\n{shared}  Five is. "), Document(f"{shared}")]
    )
    assert texts(found) == [shared, "Zero is.  Five is. ", ""]
    assert found[1]["line_dedup"] == {"n_units": 6, "n_removed": 4, "n_bytes_removed": len(shared) + 2}
    assert [row["reason"] for row in found] == [None, None, "nothing_left"]
    assert [
        r["reason"] for r in applied(LineDedup(profile="c4"), [Document(shared), Document(shared + " Six.")])
    ] == [
        None,
        "min_sentences_left",
    ]


def test_null_and_empty_text_stay() -> None:
    for profile in PROFILES:
        found = applied(
            LineDedup(profile=profile), [Document(None), Document(""), Document(None), Document("")]
        )
        assert texts(found) == [None, "", None, ""]
        assert [row["reason"] for row in found] == [None] * 4
        assert [row["line_dedup"] and row["line_dedup"]["n_units"] for row in found] == [None, 0, None, 0]
    assert len(PROFILES) == 6


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"span": 2}, "span: counts"),
        ({"keep": "first", "min_documents": 3}, "keep: where the first"),
        ({"profile": "boilerplate", "keep": "first"}, "keep: where the first"),
    ],
)
def test_settings_that_do_not_go_together(settings: Any, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        LineDedup(**settings).check()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"span": 0}, "at least 1 or 'profile', not 0"),
        ({"min_documents": 1}, "at least 2 or 'profile', not 1"),
        ({"min_chars": -1}, "at least 0 or 'profile', not -1"),
        ({"min_frac_documents": 1.1}, "at most 1 or 'profile', not 1.1"),
    ],
)
def test_bounds_are_checked_when_a_recipe_is_read(settings: Any, why: str) -> None:
    reader = Reader("stages.yaml")
    assert reader.settings(LineDedup, settings, ("with",)) is None
    (name,) = settings
    assert f"stages.yaml:1: {name}: must be {why}" in map(str, reader.problems)
    assert {problem.where for problem in reader.problems} == {name}


def test_columns() -> None:
    entering = pa.schema([ID, TEXT, URL, SOURCE, FILE])
    assert LineDedup().flow(entering).names == ["id", "url", "source", "file", "text", "line_dedup"]
    assert LineDedup().needs().names == ["text"]
    assert LineDedup(within="domain").needs().names == ["text", "id", "url"]
    assert LineDedup(within="domain").stamp() != LineDedup().stamp() == ""
    assert LineDedup(unit="span").settings()["span"] == 3


@pytest.mark.spark
def test_spark_decides_the_same(on_spark: Session) -> None:
    limited = LineDedup(profile="c4", span=1, min_sentences_left=1)
    for step in (LineDedup(profile="boilerplate", min_documents=2), limited):
        ours = applied(step, PAGES)
        assert applied(step, PAGES, seed=5, session=on_spark) == ours
        assert sum(row["line_dedup"]["n_removed"] for row in ours) > 1
