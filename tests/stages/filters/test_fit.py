"""`pipeline fit` for limits and stop words by language, from documents to a run with the limits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from classifiers.card import CARD
from pipeline import config
from pipeline.errors import ConfigError, RunError
from stages.filters.fit import FILE, PUBLISHED, RULES, FitHeuristics
from stages.filters.gopher import GopherRules
from tests.classifiers.fits import lines, recipe, run
from tests.stages.filters.adapt.conftest import corpus, write_lines

SETTINGS: dict[str, Any] = {
    "language": "lang",
    "rename": {"nb": "no"},
    "min_documents": 20,
    "heldout_frac": 0.3,
    "n_documents": 50,
}


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lines(tmp_path_factory.mktemp("corpus") / "all.jsonl", corpus())


@pytest.fixture(scope="module")
def fitted(documents: Path) -> Path:
    model = fit(documents, documents.parent / "fitted")
    assert card(model)["summary"].startswith("2 languages, 1 with too few documents")
    return model


def source(path: Path | str, language: str = "lang") -> dict[str, Any]:
    """Documents with a column of languages."""
    use = "parquet" if str(path).endswith(".parquet") else "jsonl"
    return {"use": use, "with": {"paths": str(path), "keep": [language]}}


def fit(documents: Path, output: Path, **settings: Any) -> Path:
    """Fit to documents; the folder of the model."""
    run(recipe(output, {"all": source(documents)}, "heuristics", **SETTINGS | settings))
    return output / "model"


def tuned(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((output / FILE).read_text(encoding="utf-8"))
    return found


def card(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / CARD).read_text(encoding="utf-8"))
    return found


def test_every_language_with_enough_texts_has_an_entry(fitted: Path) -> None:
    assert list(tuned(fitted)) == ["no", "zh"]
    assert "\n'no':\n" in (fitted / FILE).read_text()
    assert card(fitted)["too_few_documents"] == {"xx": 2}
    assert {"的", "是", "在", "不", "人", "有"} <= set(tuned(fitted)["zh"]["stop_words"])
    assert {"ja", "mutta", "kuin"} <= set(tuned(fitted)["no"]["stop_words"])


def test_the_header_says_where_the_limits_come_from(fitted: Path) -> None:
    lines = [line for line in (fitted / FILE).read_text().splitlines() if line.startswith("#")]
    assert len(lines) == 4
    assert "profile paper" in lines[0]
    assert "100 texts in 2 languages" in lines[1]
    assert "repetition_rules: mean_std" in lines[2]


def test_only_limits_that_differ_from_english_ones_are_written(fitted: Path) -> None:
    english = GopherRules().limits()
    for language, entry in tuned(fitted).items():
        assert set(entry["gopher_rules"]) <= {
            k.split(".")[1] for k in PUBLISHED if k.startswith("gopher_rules.")
        }
        assert all(english[rule] != limit for rule, limit in entry["gopher_rules"].items()), language
    assert tuned(fitted)["zh"]["gopher_rules"]["min_mean_word_length"] < 1.5
    assert tuned(fitted)["no"]["gopher_rules"]["max_mean_word_length"] > 10
    assert tuned(fitted)["no"]["fineweb_rules"]["max_frac_short_lines"] is None


def test_the_card_tells_what_is_kept_before_and_after(fitted: Path) -> None:
    languages = card(fitted)["measured"]["languages"]
    assert list(languages) == ["en", "no", "zh"]
    assert card(fitted)["measured"]["loses_under_english"] == ["no", "zh"]
    for language in ("no", "zh"):
        kept, dropped = languages[language]["kept"], languages[language]["dropped"]
        assert kept["english"] == 0.0
        assert kept["fitted"] > 0.5
        assert dropped["english"]["gopher_rules.min_n_stop_words"] == 1.0
        assert dropped["fitted"]["all"] == pytest.approx(1 - kept["fitted"], abs=1e-4)
        assert languages[language]["n_fitted"] + languages[language]["n_heldout"] == 50
        assert languages[language]["junk_kept"]["repeated"]["fitted"] == 0.0
        rule = languages[language]["rules"]["gopher_rules.min_mean_word_length"]
        assert rule["english"] == 3
        assert rule["fitted"] == tuned(fitted)[language]["gopher_rules"].get("min_mean_word_length", 3)
        assert rule["method"] == "mean_std"
        assert list(rule["quantiles"]) == ["0.01", "0.1", "0.5", "0.9", "0.99"]
        assert rule["quantiles"]["0.1"] <= rule["quantiles"]["0.5"] <= rule["quantiles"]["0.9"]
    assert languages["en"]["kept"]["english"] == languages["en"]["kept"]["fitted"] > 0.9
    assert card(fitted)["settings"]["seed"] == 0


def test_files_order_and_repetition_do_not_matter(fitted: Path, tmp_path: Path) -> None:
    rows = corpus()
    for i in range(4):
        part = rows[i::4][::-1] if i % 2 else rows[i::4]
        if i < 2:
            write_lines(tmp_path / f"part-{i}.jsonl", part + part[:5])
        else:
            table = pa.Table.from_pylist(part)
            pq.write_table(table, tmp_path / f"part-{i}.parquet", row_group_size=7)
    sources = {"a": source(f"{tmp_path}/*.parquet"), "b": source(f"{tmp_path}/*.jsonl")}
    run(recipe(tmp_path / "other", sources, "heuristics", **SETTINGS))
    model = tmp_path / "other" / "model"
    assert (model / FILE).read_bytes() == (fitted / FILE).read_bytes()
    first, second = card(fitted), card(model)
    assert first["sample_sha256"] == second["sample_sha256"]
    for language, found in first["measured"]["languages"].items():
        assert found["kept"] == second["measured"]["languages"][language]["kept"]


def test_nothing_need_be_held_out(documents: Path, fitted: Path, tmp_path: Path) -> None:
    model = fit(documents, tmp_path / "out", heldout_frac=0.0, min_documents=50, rules=["gopher_rules"])
    chinese = card(model)["measured"]["languages"]["zh"]
    assert chinese["n_fitted"] == 50
    assert chinese["kept"] == {"english": None, "fitted": None}
    assert chinese["dropped"] == {"english": {}, "fitted": {}}
    assert card(model)["measured"]["loses_under_english"] == []


def test_too_few_are_counted_without_what_is_held_out(documents: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="at least min_documents"):
        fit(documents, tmp_path / "out", min_documents=50)


def test_another_seed_is_another_sample(documents: Path, fitted: Path, tmp_path: Path) -> None:
    model = fit(documents, tmp_path / "out", seed=1, rules=["gopher_rules"])
    assert card(model)["sample_sha256"] != card(fitted)["sample_sha256"]


@pytest.mark.parametrize("method", ["english", "mean_std", "quantile", "tail", "median_ratio"])
def test_each_method_keeps_what_it_promises(documents: Path, tmp_path: Path, method: Any) -> None:
    model = fit(documents, tmp_path / "out", rules=["gopher_rules"], method={"gopher_rules": method})
    entries = tuned(model)
    assert all(("gopher_rules" in entry) == (method != "english") for entry in entries.values())
    rules = card(model)["measured"]["languages"]["zh"]["rules"]
    assert all(rule["method"] == method for name, rule in rules.items() if name not in PUBLISHED)
    kept = card(model)["measured"]["languages"]["zh"]["kept"]["fitted"]
    assert (kept > 0.3) == (method != "english")


@pytest.mark.parametrize("stricter", [False, True])
def test_limits_are_stricter_than_for_english_only_if_asked(
    documents: Path, tmp_path: Path, stricter: bool
) -> None:
    model = fit(documents, tmp_path / "out", method={"gopher_rules": "tail"}, stricter=stricter)
    tighter = [
        rule
        for language in tuned(model)
        for name, rule in card(model)["measured"]["languages"][language]["rules"].items()
        if None not in (rule["english"], rule["fitted"])
        if (rule["fitted"] > rule["english"]) == name.split(".")[1].startswith("min_")
        if rule["fitted"] != rule["english"]
    ]
    assert bool(tighter) == stricter


def test_a_number_holds_everywhere_and_null_switches_off(documents: Path, tmp_path: Path) -> None:
    method = {"gopher_rules.min_n_words": 7, "gopher_rules.max_hashes_per_word": None}
    model = fit(documents, tmp_path / "out", rules=["gopher_rules"], method=method)
    for entry in tuned(model).values():
        assert entry["gopher_rules"]["min_n_words"] == 7
        assert entry["gopher_rules"]["max_hashes_per_word"] is None
    assert {*tuned(model)} == {"no", "zh"}


def test_what_settings_name_comes_before_what_was_published() -> None:
    settings = FitHeuristics(method={"gopher_rules": "tail", "fineweb_rules.x": None})
    assert settings.choice("gopher_rules", "min_mean_word_length") == "tail"
    assert settings.choice("fineweb_rules", "x") is None
    assert settings.choice("fineweb_rules", "y") == "tail"
    assert settings.choice("repetition_rules", "y") == "mean_std"
    assert settings.choice("other_rules", "y") == "english"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rules": ["gopher_rule"]}, "did you mean 'gopher_rules'"),
        ({"rules": ["warc"]}, "is no stage of rules"),
        ({"method": {"gopher_rules.min_n_wrds": "tail"}}, "did you mean 'gopher_rules.min_n_words'"),
        ({"method": {"gopher_rules": "tails"}}, "'tail'"),
        ({"profile": "dolma"}, "profile must be one of"),
        ({"tail": 1.5}, "tail: must be at most 1"),
        ({"heldout_frac": 1.0}, "heldout_frac: must be under 1"),
        ({"n_documents": 0}, "n_documents: must be at least 1"),
        ({"n_documents": 99}, "fewer than min_documents"),
        ({"languages": "x"}, "unknown setting"),
        ({"language": "lan"}, "no column 'lan'; did you mean 'lang'"),
        ({"language": "offset"}, "column 'offset' is int64, neither text nor a struct"),
    ],
)
def test_every_mistake_is_named(documents: Path, tmp_path: Path, settings: dict[str, Any], says: str) -> None:
    given = {"language": "lang"} | settings
    with pytest.raises(ConfigError, match=says):
        config.read(str(recipe(tmp_path / "out", {"all": source(documents)}, "heuristics", **given)))


def test_published_choices_are_of_rules_that_exist() -> None:
    chosen: Any = dict(PUBLISHED)
    FitHeuristics(method=chosen).check(["all"])
    assert {name.split(".")[0] for name in PUBLISHED} == set(RULES)


def test_without_english_or_another_language_there_is_nothing_to_fit(tmp_path: Path) -> None:
    rows = [row for row in corpus() if row["lang"] != "en"]
    with pytest.raises(RunError, match="0 texts are in 'en'"):
        fit(write_lines(tmp_path / "a.jsonl", rows), tmp_path / "a")
    one = write_lines(tmp_path / "b.jsonl", [row for row in rows if row["lang"] == "zh"])
    with pytest.raises(RunError, match="no other language"):
        fit(one, tmp_path / "b", english="zh")


def test_languages_may_be_identified(tmp_path: Path) -> None:
    english = "The committee met again in the spring to discuss the bridge over the river, number"
    german = "Der Ausschuss trat im Frühjahr erneut zusammen, um über die Brücke zu sprechen, Nummer"
    rows = [{"text": f"{text} {i}. " * 5} for text in (english, german) for i in range(12)]
    given = lines(write_lines(tmp_path / "a.jsonl", rows)) | {"steps": [{"use": "identify_language"}]}
    settings = {"rename": {"de": "deu"}, "min_documents": 5, "rules": ["gopher_rules"]}
    run(recipe(tmp_path / "out", {"a": given}, "heuristics", **settings))
    assert list(tuned(tmp_path / "out" / "model")) == ["deu"]
