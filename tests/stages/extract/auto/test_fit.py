"""Training from a file: what it writes, and that the model that ships is the one its card speaks of."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import zstandard

from pipeline.errors import ConfigError
from pipeline.shards import digest, read_json
from stages import fit as command
from stages.extract.auto.engine import main_content
from stages.extract.auto.fit import CARD, MainContentSettings
from stages.extract.auto.model import FILE, load

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
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lines = "".join(json.dumps(page(n)) + "\n" for n in range(24))
    Path("pages.jsonl.zst").write_bytes(zstandard.compress(lines.encode()))
    path = tmp_path / "fit.yaml"
    path.write_text(
        "fit: main_content\nwith:\n  pages: {pages.jsonl.zst: 1.0}\n  n_parts: 2\noutput: model\n"
    )
    return path


def test_fit_writes_a_model_its_card_and_one_model_a_part(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.fit(recipe)
    card = read_json(Path("model") / CARD)
    assert card["sha256"] == digest(Path("model") / FILE)
    assert card["trained_on"]["n_pages"] == card["trained_on"]["n_sites"] == 24
    assert card["trained_on"]["files"]["pages.jsonl.zst"]["weight"] == 1.0
    held_out = card["held_out"]["pages"]
    assert held_out["n_pages"] == held_out["by_type"]["article"]["n_pages"] == 24
    assert held_out["f1"] > 0.9
    assert sorted(p.name for p in Path("model").glob("part-*.npz")) == ["part-0.npz", "part-1.npz"]
    assert "24 pages" in capsys.readouterr().out
    text = main_content(page(99)["html"].encode(), model=load(Path("model") / FILE))
    assert "number 99 0." in text
    assert "Imprint" not in text


def test_two_trainings_give_the_same_bytes(recipe: Path) -> None:
    settings, _ = command.read(recipe)
    assert isinstance(settings, MainContentSettings)
    for name in ("one", "two"):
        settings.run(Path(name))
    assert digest(Path("one") / FILE) == digest(Path("two") / FILE)
    assert (Path("one") / CARD).read_bytes() == (Path("two") / CARD).read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("pages.jsonl.zst", "nowhere.jsonl.zst", "no such file: nowhere.jsonl.zst"),
        ("{pages.jsonl.zst: 1.0}", "{}", "pages names no file"),
        ("main_content", "main_contents", "main_content"),
        ("n_parts", "n_part", "n_part"),
    ],
)
def test_mistakes_are_named(recipe: Path, old: str, new: str, message: str) -> None:
    recipe.write_text(recipe.read_text().replace(old, new))
    with pytest.raises(ConfigError, match=message):
        command.read(recipe)


def test_the_model_that_ships_is_that_of_its_card() -> None:
    folder = files("stages.extract.auto")
    card = json.loads((folder / CARD).read_text())
    assert card["sha256"] == digest(Path(str(folder / FILE)))
    assert set(card["held_out"]) == {"article_extraction_benchmark", "readability_testpages", "wcxb"}
    assert card["trained_on"]["files"]["wcxb.jsonl.zst"]["weight"] == 1.0
