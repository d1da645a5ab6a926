"""Training from a file: what it writes, and that the model that ships is the one its card speaks of."""

from __future__ import annotations

import json
from base64 import b64encode
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import zstandard

from classifiers.card import CARD
from pipeline import config
from pipeline.errors import ConfigError, RunError
from pipeline.store import digest, read_json
from stages.extract.auto.engine import main_content
from stages.extract.auto.labels import html_of, marked_page
from stages.extract.auto.model import FILE, load
from stages.extract.auto.train import train
from tests.classifiers.fits import lines, recipe, run

PROSE = "copper iron handle whistle boil kitchen morning visitor window garden letter travel paper"
WORDS = PROSE.split()


def page(n: int) -> dict[str, Any]:
    """A page of a site of its own: a menu, paragraphs that differ, a footer."""
    sentences = [
        " ".join(WORDS[(n * 7 + k * 3 + i * (k + 1)) % len(WORDS)] for i in range(14)) + f", number {n} {k}."
        for k in range(5)
    ]
    menu = "".join(f"<li><a href='/{w}'>{w}</a></li>" for w in WORDS[:8])
    body = "".join(f"<p>{s}</p>" for s in sentences)
    html = (
        f"<html><body><nav class='menu'><ul>{menu}</ul></nav><article class='post-{n % 3}'>{body}</article>"
        "<footer><p>All rights reserved</p><a href='/imprint'>Imprint</a></footer></body></html>"
    )
    gold = {"main_content": "\n".join(sentences)}
    return {
        "id": f"p{n}",
        "url": f"https://site{n}.org/a",
        "page_type": "article",
        "html": html,
        "gold": gold,
    }


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Any]:
    write(tmp_path / "pages.jsonl.zst", [page(n) for n in range(24)])
    return {"pages": pages_of(tmp_path / "pages.jsonl.zst")}


def write(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_bytes(zstandard.compress("".join(json.dumps(r) + "\n" for r in records).encode()))


def pages_of(path: Path, *keep: str) -> dict[str, Any]:
    columns = {"body": "html", "text_column": "html", "base64_column": "html_base64"}
    return lines(path, keep=list(keep or ("gold", "page_type")), **columns)


def test_fit_writes_a_model_its_card_and_one_model_a_part(tmp_path: Path, sources: dict[str, Any]) -> None:
    made = run(recipe(tmp_path / "out", sources, "main_content", n_parts=2, weights={"pages": 2}))
    assert made["summary"].startswith("24 pages; F1 on sites not trained on: pages ")
    model = tmp_path / "out" / "model"
    card = read_json(model / CARD)
    names = [FILE, "part-0.npz", "part-1.npz"]
    assert card["files"] == {name: digest(model / name) for name in names}
    assert card["settings"] == {"weights": {"pages": 2}, "n_parts": 2, "seed": 0}
    assert card["trained_on"]["n_pages"] == card["trained_on"]["n_sites"] == 24
    held_out = card["measured"]["held_out"]["pages"]
    assert held_out["n_pages"] == held_out["by_type"]["article"]["n_pages"] == 24
    assert held_out["f1"] > 0.9
    assert sorted(p.name for p in model.iterdir()) == sorted([CARD, *names])
    text = main_content(page(99)["html"].encode(), model=load(model / FILE))
    assert "number 99 0." in text
    assert "Imprint" not in text


def test_the_model_is_that_of_the_pages_in_the_order_of_the_recipe(tmp_path: Path) -> None:
    """Pages in every form that sources have: gold text, bytes, passages, content as markup."""
    records = [page(n) for n in range(24)]
    records[3]["html_base64"] = b64encode(records[3].pop("html").encode("latin-1")).decode()
    records[5]["gold"] = {"with": ["copper iron"], "without": ["rights reserved"]}
    records[7] |= {"gold": {}, "expected_html": f"<p>{records[7]['gold']['main_content']}"}
    records[9]["gold"] = {"title": "no content is marked"}
    write(tmp_path / "a.jsonl.zst", records[:16])
    write(tmp_path / "b.jsonl.zst", records[16:])
    keep = ("gold", "page_type", "expected_html")
    given = {"a": pages_of(tmp_path / "a.jsonl.zst", *keep), "b": pages_of(tmp_path / "b.jsonl.zst", *keep)}
    run(recipe(tmp_path / "out", given, "main_content", n_parts=0, weights={"b": 3.0}))
    marked = []
    for i, record in enumerate(records):
        row = {"html": html_of(record), "source": "a" if i < 16 else "b", **record}
        row["gold"] = json.dumps(record["gold"])
        marked.append(marked_page(row, 1.0 if i < 16 else 3.0))
    pages = [p for p in marked if p is not None]
    assert len(pages) == 23
    train(pages, seed=0).save(tmp_path / "direct.npz")
    assert digest(tmp_path / "direct.npz") == digest(tmp_path / "out" / "model" / FILE)


def test_a_killed_training_goes_on_with_the_parts_that_are_left(
    tmp_path: Path, sources: dict[str, Any]
) -> None:
    path = recipe(tmp_path / "out", sources, "main_content", n_parts=2)
    made = run(path)
    (work,) = (tmp_path / "out" / "_run").glob("fit-*")
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in work.glob("*.npz")}
    card = (work / CARD).read_bytes()
    (work / CARD).unlink()
    (work / FILE).unlink()
    assert run(path) == made
    assert (work / CARD).read_bytes() == card
    assert {p.name: p.read_bytes() for p in work.glob("*.npz")} == {k: v for k, (_, v) in before.items()}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weights": {"page": 1.0}}, "weights: no source 'page'; did you mean 'pages'"),
        ({"weights": {"pages": 0.0}}, "pages must be over 0"),
        ({"n_part": 1}, "unknown setting; did you mean 'n_parts'"),
        ({"n_parts": -1}, "at least 0"),
    ],
)
def test_mistakes_are_named(
    tmp_path: Path, sources: dict[str, Any], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        config.read(str(recipe(tmp_path / "out", sources, "main_content", **settings)))


def test_pages_must_be_markup_with_gold_and_some_must_be_marked(tmp_path: Path) -> None:
    write(tmp_path / "pages.jsonl.zst", [page(0) | {"gold": {}}])
    path = tmp_path / "pages.jsonl.zst"
    with pytest.raises(ConfigError, match="no column gold or expected_html"):
        config.read(str(recipe(tmp_path / "out", {"a": pages_of(path, "page_type")}, "main_content")))
    with pytest.raises(ConfigError, match="reads column 'html'"):
        config.read(str(recipe(tmp_path / "out", {"a": lines(path)}, "main_content")))
    with pytest.raises(RunError, match="no page is marked by gold or expected_html"):
        run(recipe(tmp_path / "out", {"a": pages_of(path)}, "main_content", n_parts=0))


def test_the_model_that_ships_is_that_of_its_card() -> None:
    folder = files("stages.extract.auto")
    card = json.loads((folder / CARD).read_text())
    assert card["files"] == {FILE: digest(Path(str(folder / FILE)))}
    assert set(card["measured"]["held_out"]) == {
        "article_extraction_benchmark",
        "readability_testpages",
        "wcxb",
    }
    assert card["trained_on"]["files"]["wcxb.jsonl.zst"]["weight"] == 1.0
