from __future__ import annotations

import json
import pickle
import socket
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from pipeline.errors import PlanError
from pipeline.reader import Reader
from pipeline.schema import conform
from pipeline.shards import fingerprint
from stages.filters.urls.lists import UrlList
from stages.filters.urls.signals import ADDRESS, UrlSignals


def batch(*urls: str | None) -> pa.RecordBatch:
    return pa.record_batch({"url": pa.array(urls, pa.string())})


def measured(step: UrlSignals, *urls: str | None) -> list[dict[str, Any] | None]:
    out = step.process(batch(*urls))
    conform(out, step.flow(out.schema)).validate(full=True)
    rows: list[dict[str, Any] | None] = out.column("address").to_pylist()
    return rows


def pairs(step: UrlSignals, url: str) -> list[tuple[str, str]]:
    (row,) = measured(step, url)
    assert row is not None
    return list(zip(row["matches"], row["entries"], strict=True))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "bad.txt": "bad.com\n",
        "pages.txt": "https://good.com/evil\n",
        "hard.txt": "casino\n",
        "soft.txt": "free\ngirl\n",
        "texts.txt": "xxx\n",
        "rules.txt": "||bad.com^\n/banner/*\n@@||fine.bad.com^\n",
        "karma.csv": "url,score\nhttp://good.com/a,2\nhttp://www.good.com/a/,3\nhttp://b.com,1\n",
        "rank.jsonl": '{"url": "good.com", "score": 0.5}\n',
        "ut1/adult/domains": "bad.com\nsex.com\n",
        "ut1/adult/expressions": "porn[0-9]\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.fixture
def step(folder: Path) -> UrlSignals:
    formats: dict[str, Any] = {
        "bad.txt": "domains",
        "pages.txt": "urls",
        "hard.txt": "words",
        "soft.txt": "words",
        "texts.txt": "substrings",
        "rules.txt": "adblock",
        "karma.csv": "scored",
        "ut1": "ut1",
    }
    lists = [UrlList(path=str(folder / n), format=f) for n, f in formats.items()]
    ranked = UrlList(path=str(folder / "rank.jsonl"), format="scored", by="domain")
    return UrlSignals(lists=(*lists, ranked))


def test_without_lists_nothing_matches() -> None:
    rows = measured(UrlSignals(), "http://a.com", None, "")
    assert rows[1] is None
    assert [r and (r["matches"], r["entries"], r["score"]) for r in rows] == [
        ([], [], None),
        None,
        ([], [], None),
    ]


@pytest.mark.parametrize(
    ("url", "want"),
    [
        ("http://x.bad.com/", [("bad", "bad.com"), ("rules", "||bad.com^"), ("adult", "bad.com")]),
        ("http://fine.bad.com/", [("bad", "bad.com"), ("adult", "bad.com")]),
        ("http://good.com/evil/", [("pages", "good.com/evil"), ("rank", "good.com")]),
        ("http://c.com/Casino/free?Free=girl", [("hard", "casino"), ("soft", "free"), ("soft", "girl")]),
        ("http://c.com/aXXXb/banner/1", [("texts", "xxx"), ("rules", "/banner/*")]),
        ("http://c.com/PORN1", [("adult", "porn[0-9]")]),
        ("http://d.com/", []),
    ],
)
def test_every_list_names_what_matches(step: UrlSignals, url: str, want: list[tuple[str, str]]) -> None:
    assert pairs(step, url) == want


def test_the_highest_score_counts(step: UrlSignals) -> None:
    rows = measured(step, "https://good.com/a#x", "http://b.com/", "http://good.com/b", "http://c.com", None)
    assert [r and r["score"] for r in rows] == [3.0, 1.0, 0.5, None, None]


def test_a_column_of_an_earlier_step_is_replaced(step: UrlSignals) -> None:
    once = UrlSignals().process(batch("http://bad.com"))
    assert step.process(once).schema.names == ["url", "address"]


def test_a_long_address_is_measured() -> None:
    (row,) = measured(UrlSignals(), "http://a.com/" + "a/%41-1" * 1_000_000)
    assert row is not None
    assert (row["path_depth"], row["n_words"], row["n_chars"]) == (
        1_000_001,
        2_000_003,
        7_000_013,
    )


def test_the_column_names_profile_and_lists(step: UrlSignals) -> None:
    metadata = step.makes().field("address").metadata
    assert json.loads(metadata[b"lists"]) == [
        "bad",
        "pages",
        "hard",
        "soft",
        "texts",
        "rules",
        "karma",
        "adult",
        "rank",
    ]
    assert metadata[b"made_by"] == b"profile paper"
    assert step.makes().field("address").type == ADDRESS.type


def test_steps_travel_and_are_told_apart_by_content(step: UrlSignals, folder: Path) -> None:
    step.check()
    again = pickle.loads(pickle.dumps(step))
    assert again == step
    assert hash(again) == hash(step)
    before = step.stamp()
    (folder / "ut1/adult/domains").write_text("other.com\n")
    assert step.stamp() != before


def test_lists_stand_in_the_recipe(tmp_path: Path) -> None:
    text = (
        "lists:\n- {path: ut1, format: ut1, select: [adult]}\n- {path: k.csv, format: scored, score: karma}\n"
    )
    (tmp_path / "r.yaml").write_text(text)
    reader = Reader(str(tmp_path / "r.yaml"))
    step = reader.settings(UrlSignals, reader.load(), ())
    ut1 = UrlList(path="ut1", format="ut1", select=("adult",))
    assert step == UrlSignals(lists=(ut1, UrlList(path="k.csv", format="scored", score="karma")))
    assert fingerprint(step) != fingerprint(UrlSignals(lists=(ut1,)))
    wrong = {"lists": [{"path": "a", "format": "domain"}, {"path": "a", "format": "urls", "pth": 1}]}
    assert reader.settings(UrlSignals, wrong, ()) is None
    assert [p.line for p in reader.problems] == [2, 3]


def test_checks(folder: Path) -> None:
    with pytest.raises(PlanError, match="profile must be one of paper, datatrove"):
        UrlSignals(profile="dolma").check()
    rules = UrlList(path=str(folder / "rules.txt"), format="adblock")
    with pytest.raises(PlanError, match="has no lists of format adblock"):
        UrlSignals(profile="datatrove", lists=(rules,)).check()
    with pytest.raises(PlanError, match="no such list"):
        UrlSignals(lists=(UrlList(path="missing", format="words"),)).check()
    with pytest.raises(PlanError, match="is not one word"):
        UrlSignals(lists=(UrlList(path=str(folder / "bad.txt"), format="words"),)).check()


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch, step: UrlSignals) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert measured(UrlSignals(private_suffixes=True), "http://me.github.io")[0]
    assert measured(step, "http://a.co.uk")[0]


HOSTILE = [
    "",
    " \t\n",
    "\x00",
    "\ufffd",
    "http://" + "a" * 3_000_000,
    "http://" + "a." * 1_000_000,
    "http://" + "@" * 1_000_000,
    "http://a.com/" + "/" * 1_000_000,
    "http://a.com/?" + "&" * 1_000_000,
    "http://a.com/" + "%41" * 1_000_000,
    "http://a.com/" + "%" * 1_000_000,
    "http://a.com/" + "free." * 200_000,
    "http://a.com/" + "xxx" * 300_000,
    "http://" + "é" * 1_000_000 + ".com/",
    "http://" + "[" * 1_000_000,
    "http://مثال.إختبار/مرحبا",
    "语言模型的训练数据",
    "👩‍👩‍👧‍👦" * 1_000,
]


def test_hostile_addresses_are_measured_in_linear_time(step: UrlSignals) -> None:
    """Seconds would tell; quadratic work on a megabyte would not end."""
    rows = measured(step, *HOSTILE)
    assert all(row is not None for row in rows)
    numbers = [v for row in rows if row for k, v in row.items() if k.startswith(("n_", "frac_", "path_"))]
    assert len(numbers) == 8 * len(HOSTILE)
    assert None not in numbers
    assert rows[15] is not None
    assert rows[15]["host"] == "xn--mgbh0fb.xn--kgbechtv"
    assert pairs(step, HOSTILE[11]) == [("soft", "free")]
    assert pairs(step, HOSTILE[12]) == [("texts", "xxx")]
