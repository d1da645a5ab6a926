"""Language identification against labelled sentences, and on text that has no language."""

from __future__ import annotations

import ast
import inspect
import io
import json
import subprocess
import sys
from pathlib import Path
from pydoc_data.topics import topics

import pyarrow as pa
import pytest
import zstandard

from pipeline.errors import PlanError
from stages.identify.language import LANGUAGE, IdentifyLanguage


def identify(texts: list[str | None], **settings: object) -> list[dict[str, object] | None]:
    batch = pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})
    out = IdentifyLanguage(**settings).process(batch)  # type: ignore[arg-type]
    assert out.schema.field("language").type == LANGUAGE.type
    found: list[dict[str, object] | None] = out.column("language").to_pylist()
    return found


def labels(texts: list[str | None], **settings: object) -> list[object]:
    return [f and f["label"] for f in identify(texts, **settings)]


def test_languages_one_knows() -> None:
    texts = [
        "The committee will publish its report in the spring.",
        "Der Ausschuss wird seinen Bericht im Frühjahr veröffentlichen.",
        "委员会将在春天发表报告。",
        "Комитет опубликует свой доклад весной.",
    ]
    assert labels(texts) == ["en", "de", "zh", "ru"]


def test_no_text_has_no_language() -> None:
    assert identify([None, "", " \n\t\r\n "]) == [None, None, None]
    assert identify([]) == []


def test_no_letter_is_no_language() -> None:
    assert identify(["!!! ??? ---", "123 456", "★★★ 🎉", "!!! a"])[:3] == [None] * 3
    assert labels(["1. Der Ausschuss veröffentlicht den Bericht."]) == ["de"]


def test_capitals_are_read_as_small_letters() -> None:
    texts = [
        "The ferry leaves the island twice a day in summer, and it does not wait for people who are late.",
        "La réunion du conseil a eu lieu dans la salle des fêtes et de nombreux habitants y ont assisté.",
        "Паром отправляется с острова два раза в день летом и один раз зимой.",
    ]
    small = [text.lower() for text in texts]
    mostly = [f"{text.upper()} Ltd." for text in texts]
    assert labels(small) == ["en", "fr", "ru"]
    assert identify([text.upper() for text in texts]) == identify(list(small))
    assert labels(list(mostly)) == ["en", "fr", "ru"]
    named = ["NASA and the ESA said that the launch will be late.", None, "NATO"]
    assert identify(list(named))[0] != identify(["nasa and the esa said that the launch will be late."])[0]


@pytest.mark.parametrize("space", ["\u00a0", "\u2009", "\u202f", "\u3000", "\u2028", "\x85", "\t"])
def test_all_white_space_parts_words(space: str) -> None:
    text = "Der Ausschuss wird seinen Bericht im Frühjahr veröffentlichen."
    assert identify([text.replace(" ", space)]) == identify([text])


def test_lines_are_one_document() -> None:
    (found,) = identify(["Der Ausschuss\nwird seinen Bericht\nim Frühjahr veröffentlichen."])
    assert found == identify(["Der Ausschuss wird seinen Bericht im Frühjahr veröffentlichen."])[0]


def test_a_mark_in_the_text_ends_nothing() -> None:
    text = "Der Ausschuss wird seinen Bericht im Frühjahr veröffentlichen."
    assert identify([f"</s> {text}", f"</s>{text}</s>"]) == identify([text, text])
    assert identify(["</s> </s>"]) == [None]


def test_scores_are_probabilities() -> None:
    scores = [f["score"] for f in identify(["the of and to in is that " * 50, "a", "?!", "123 \x00"]) if f]
    assert len(scores) == 2
    assert all(0 <= s <= 1 for s in scores)  # type: ignore[operator]


def test_only_the_beginning_is_read() -> None:
    text = "The committee will publish its report. " + "Der Ausschuss veröffentlicht den Bericht. " * 50
    assert labels([text]) == ["de"]
    assert labels([text], max_chars=38) == ["en"]


def test_a_language_column_that_is_there_is_replaced() -> None:
    batch = pa.RecordBatch.from_pydict({"text": ["The report is here."]})
    once = IdentifyLanguage().process(batch)
    assert IdentifyLanguage().process(once).equals(once)


def test_any_fasttext_classifier_serves(tmp_path: Path) -> None:
    prose = [line for text in topics.values() for line in text.splitlines() if len(line) > 40][:2000]
    code = [line.strip() for line in inspect.getsource(ast).splitlines() if len(line) > 30]
    lines = [f"__label__prose {line}" for line in prose] + [f"__label__code {line}" for line in code * 2]
    (tmp_path / "train.txt").write_text("\n".join(lines))
    fit(tmp_path / "train.txt", tmp_path / "m.bin")
    step = IdentifyLanguage(model=str(tmp_path / "m.bin"))
    step.check()
    found = labels([*prose[:200], *code[:200]], model=str(tmp_path / "m.bin"))
    assert sum(f == "prose" for f in found[:200]) > 150
    assert sum(f == "code" for f in found[200:]) > 150
    assert step.stamp() != IdentifyLanguage().stamp()


def fit(lines: Path, model: Path) -> None:
    """Train on `lines` in a fresh process: in one that has done other work, training at times meets a NaN."""
    settings = "lr=0.2, epoch=10, dim=20, wordNgrams=2, bucket=50_000, thread=1, verbose=0"
    code = f"import fasttext, sys; fasttext.train_supervised(sys.argv[1], {settings}).save_model(sys.argv[2])"
    subprocess.run([sys.executable, "-c", code, str(lines), str(model)], check=True)


def test_a_model_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot load the fastText model"):
        IdentifyLanguage(model=str(tmp_path / "none.bin")).check()
    (tmp_path / "bad.bin").write_bytes(b"not a model")
    with pytest.raises(PlanError, match="cannot load the fastText model"):
        IdentifyLanguage(model=str(tmp_path / "bad.bin")).check()


@pytest.mark.data
def test_accuracy_on_labelled_sentences(shared_data: Path) -> None:
    packed = (shared_data / "lid" / "lingua_sentences.jsonl.zst").read_bytes()
    reader = io.TextIOWrapper(
        zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(packed), "utf-8"
    )
    rows = [json.loads(line) for line in reader][::5]
    assert len(rows) > 3000
    key = next(k for k in ("lang", "language", "label") if k in rows[0])
    found = labels([r["text"] for r in rows])
    right = sum(a == r[key] for a, r in zip(found, rows, strict=True))
    # Over 75 languages, eight of which lid.176 never answers; .796 was measured on all of the set.
    assert right / len(rows) > 0.78
