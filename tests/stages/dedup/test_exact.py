"""Equality of texts and addresses, against Python's own."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
import xxhash
from datatrove.utils.text import TextNormConfig, simplify_text
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from stages.dedup.exact import ExactDedup, digests
from stages.text.buffers import view
from stages.text.comparable import comparable
from tests.stages.dedup.apply import Session, applied, clusters, documents, in_memory

TEXTS = st.lists(
    st.none() | st.text(st.sampled_from(" \n\u3000\x1fabé漢"), max_size=6) | st.text(max_size=9), max_size=10
)

DATATROVE = TextNormConfig(norm_numbers=True)


def seen(text: str) -> str:
    """Composed, and without what nobody sees (all of it that hypothesis draws is of category Cf or Mn)."""
    return comparable(pa.array([text]))[0].as_py()  # held to `unicodedata` by its own tests


def batch(texts: list[str | None], urls: list[str | None] | None = None) -> pa.RecordBatch:
    return documents(texts, url=urls or [None] * len(texts))


def found(
    step: ExactDedup, rows: pa.RecordBatch, seed: int = 0, session: Session = in_memory
) -> list[tuple[int, str | None, str | None, int]]:
    """(row, reason, duplicate of, cluster size) of all that have copies; keys come in random order."""
    return clusters(applied(step, rows, seed, session)[0], step.column)


@given(st.lists(st.text(max_size=30), max_size=8))
def test_digests_are_xxh3_128(texts: list[str]) -> None:
    high, low = digests(view(pa.array(texts, pa.string())))
    ours = [(int(h) % 2**64) << 64 | int(w) % 2**64 for h, w in zip(high, low, strict=True)]
    assert ours == [xxhash.xxh3_128_intdigest(t.encode()) for t in texts]


@given(TEXTS, st.integers(0, 10))
def test_keys_do_not_depend_on_the_batch(texts: list[str | None], at: int) -> None:
    step, whole = ExactDedup(keep="longest"), batch(texts)
    keys = step.keys(whole)
    assert keys.schema.equals(ExactDedup.key_columns)
    assert (
        step.keys(whole.slice(0, at)).to_pylist() + step.keys(whole.slice(at)).to_pylist() == keys.to_pylist()
    )


@given(TEXTS)
def test_equal_keys_are_equal_texts(texts: list[str | None]) -> None:
    def pairs(step: ExactDedup) -> list[Any]:
        return [(k["hash_high"], k["hash_low"]) for k in step.keys(batch(texts)).to_pylist()]

    for step, plain in (
        (ExactDedup(), lambda t: " ".join(seen(t).split())),
        (ExactDedup(normalize="none"), lambda t: t),
        (ExactDedup(normalize="lower"), lambda t: seen(t).strip().lower()),
        (ExactDedup(normalize="datatrove"), lambda t: simplify_text(t, DATATROVE)),
    ):
        hashes = pairs(step)
        for a, first in zip(texts, hashes, strict=True):
            for b, second in zip(texts, hashes, strict=True):
                same = (plain(a) == plain(b)) if a is not None and b is not None else a is b
                assert (first == second) == same
    assert len(pairs(ExactDedup())) == len(texts)


DOCUMENTS = ["one  two", None, "other", "one two", "", "\none two ", None, " ", "One two"]


def test_duplicates_name_the_first() -> None:
    expected = [
        (0, None, None, 3),
        (3, "duplicate", "id0", 3),
        (4, None, None, 2),
        (5, "duplicate", "id0", 3),
        (7, "duplicate", "id4", 2),
    ]
    assert [found(ExactDedup(), batch(DOCUMENTS), seed) for seed in range(3)] == [expected] * 3


def test_the_longest_may_be_kept_and_the_first_of_equals() -> None:
    expected = [
        (0, "duplicate", "id5", 3),
        (3, "duplicate", "id5", 3),
        (4, "duplicate", "id7", 2),
        (5, None, None, 3),
        (7, None, None, 2),
    ]
    assert found(ExactDedup(keep="longest"), batch(DOCUMENTS)) == expected
    assert found(ExactDedup(keep="longest"), batch(["ab", "ab"])) == [
        (0, None, None, 2),
        (1, "duplicate", "id0", 2),
    ]


def test_without_normalising_white_space_counts() -> None:
    assert found(ExactDedup(normalize="none"), batch(DOCUMENTS)) == []
    assert len(found(ExactDedup(normalize="none"), batch(["a ", "a ", "a"]))) == 2


def test_addresses() -> None:
    urls = ["http://a/", None, "http://b/", "http://a/", None]
    rows = batch(["short", "x", "y", "much longer", None], urls)
    assert found(ExactDedup(key="url"), rows) == [(0, None, None, 2), (3, "duplicate", "id0", 2)]
    assert found(ExactDedup(key="url", keep="longest"), rows) == [
        (0, "duplicate", "id3", 2),
        (3, None, None, 2),
    ]
    unread = rows.select(["id", "url", "source", "date"])
    assert ExactDedup(key="url").keys(unread).column("hash_low").null_count == 2


def test_a_kept_null_text_is_shorter_than_any() -> None:
    rows = batch([None, "", None], ["u", "u", "v"])
    assert [r[0] for r in found(ExactDedup(key="url", keep="longest"), rows) if r[1] is None] == [1]
    nothing = batch([None, None], ["u", "u"])
    assert [r[0] for r in found(ExactDedup(key="url", keep="longest"), nothing) if r[1] is None] == [0]


@pytest.mark.parametrize("texts", [[], [None, None], ["a"], ["a", "b", None]])
def test_nothing_to_say(texts: list[str | None]) -> None:
    assert found(ExactDedup(), batch(texts)) == []


def test_reads_only_what_it_needs() -> None:
    assert ExactDedup().needs().names == ["id", "date", "source", "text"]
    assert ExactDedup(key="url").needs().names == ["id", "date", "source", "url"]
    assert ExactDedup(key="url", keep="longest").needs().names == ["id", "date", "source", "text", "url"]


def test_addresses_of_one_page_are_equal_unless_asked_otherwise() -> None:
    urls = [
        "http://www.a.org/x/#top",
        "https://a.org/x",
        "https://a.org/%78?",
        "https://a.org/y",
        "HTTP://A.org/x",
    ]
    rows = batch([None] * 5, urls)
    assert [row[0] for row in found(ExactDedup(key="url"), rows)] == [0, 1, 2, 4]
    assert found(ExactDedup(key="url", normalize="none"), rows) == []


@pytest.mark.parametrize(
    ("key", "normalize"), [("text", "canonical"), ("url", "whitespace"), ("url", "cc_net")]
)
def test_what_does_not_go_with_the_key_is_refused(key: Any, normalize: Any) -> None:
    with pytest.raises(PlanError, match=f"normalize: {normalize} is not for key: {key}"):
        ExactDedup(key=key, normalize=normalize).check()
    ExactDedup(key=key).check()


@pytest.mark.spark
def test_spark_decides_the_same(on_spark: Session) -> None:
    step = ExactDedup(keep="longest")
    rows = documents(DOCUMENTS, date=[f"2024-01-{i:02d}" for i in range(9, 0, -1)], source=list("aabbccabc"))
    ours = applied(step, rows)[0]
    assert applied(step, rows, session=on_spark)[0].equals(ours)
    assert len(clusters(ours, "exact_cluster")) == 5


def test_texts_that_look_the_same_are_the_same() -> None:
    texts: list[str | None] = [
        "Ångström café",
        "A\u030angstro\u0308m cafe\u0301",
        "\ufeffÅngström\u200b ca\u00adfé\u200f",
        "Angstrom",
    ]
    assert [row[0] for row in found(ExactDedup(), batch(texts)) if row[1]] == [1, 2]
    assert [row[0] for row in found(ExactDedup(normalize="lower"), batch(texts)) if row[1]] == [1, 2]
    for toolkit in ("none", "cc_net"):
        assert found(ExactDedup(normalize=toolkit), batch(texts)) == []  # type: ignore[arg-type]


def test_an_address_that_names_nothing_is_nobodys_copy() -> None:
    urls = ["", " ", "#", "", "https://example.org/", "http://www.example.org"]
    step = ExactDedup(key="url")
    rows = found(step, batch(list("abcdef"), list(urls)))
    assert [(row, why) for row, why, _, _ in rows if why] == [(5, "duplicate")]
    assert found(ExactDedup(key="url", normalize="none"), batch(["a", "b"], ["", ""])) == []
