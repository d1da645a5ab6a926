"""What every registered stage must do, whatever it is for: a new one gets these tests by being registered."""

from __future__ import annotations

import inspect
import itertools
import pickle
import random
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa
import pytest
from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt

from classifiers.embedding.centroids import FILE, Centroids
from pipeline.reader import Reader
from pipeline.registry import find, stages
from pipeline.schema import conform
from pipeline.stage import Filter, Map, Relate, Source, Step, Stream
from stages.tokens.bpe import train

HOSTILE = [
    "",
    " \t\n\r\n ",
    "Plain prose with the usual words, and a second sentence that the reader will have read.\n" * 9,
    "a" * 100_000,
    "line\r\nline\rline\n\n\nline\u2028line",
    "NUL\x00 and \ufeffBOM and \u200d joiners and \ufffd",
    "مرحبا بالعالم שלום עולם",
    "👩‍👩‍👧‍👦🏳️‍🌈 emoji only 👍🏽",
    "语言模型的训练数据需要清洗。这是第二句话。" * 30,
    "ภาษาไทยไม่มีช่องว่างระหว่างคำ",
    "e\u0301 combining, ﬁ ligature, İ dotted, ẞ sharp",
    "- bullet\n* bullet\n• bullet…\n#hash#tag ...\n",
    "<html><body><p>Hello <b>there</b></p></body></html>",
    "<div>" * 3000 + "deep",
    "# Title\n\nSome *text* with [a link](http://x.y) and `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "<|endoftext|> literal <|im_start|>",
    "0x00 $$x^2$$ 1e-9 \\(a_b\\) snake_case __init__",
    "x " * 20_000,
]


WIDTH = 256
"""Of embeddings."""


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Settings that name files, by stage."""
    folder = tmp_path_factory.mktemp("files")
    train(HOSTILE[2:12] * 3, folder / "tokenizer.json", vocab_size=400)
    Centroids(np.random.default_rng(0).integers(-127, 128, (7, WIDTH), np.int8)).save(folder / FILE)
    return {
        "tokenize": {"tokenizer": str(folder / "tokenizer.json")},
        "semantic_clusters": {"model": str(folder / FILE)},
    }


def settings(name: str, files: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return dict(find("stages", name).example) | files.get(name, {})


def value(type_: pa.DataType, row: int, rng: random.Random) -> Any:
    if rng.random() < 0.05:
        return None
    if pa.types.is_struct(type_):
        return {f.name: value(f.type, row, rng) for f in type_}
    if pa.types.is_boolean(type_):
        return rng.random() < 0.5
    if pa.types.is_list(type_) and pa.types.is_string(type_.value_type):
        return [rng.choice(["en", "zh", "xx"]) for _ in range(rng.choice([0, 1, 3]))]
    if pa.types.is_list(type_):
        return [rng.randrange(256) for _ in range(rng.choice([0, 1, 30, 700]))]
    if pa.types.is_string(type_):
        return rng.choice(["en", "zh", "xx"])
    if pa.types.is_floating(type_):
        return rng.random() * 2
    return rng.randrange(200)


def beyond(hint: Any) -> Iterator[Any]:
    """Values just outside the bounds that stand at a setting."""
    if get_origin(hint) in (Union, UnionType):
        yield from (value for part in get_args(hint) for value in beyond(part))
    elif get_origin(hint) is Annotated:
        for bound in get_args(hint)[1:]:
            for single in bound if isinstance(bound, GroupedMetadata) else [bound]:
                match single:
                    case Ge(least):
                        yield least - 1
                    case Gt(least):
                        yield least
                    case Le(most):
                        yield most + 1
                    case Lt(most):
                        yield most


def batch_for(step: Step) -> pa.RecordBatch:
    rng, n = random.Random(0), 4 * len(HOSTILE)
    texts = [HOSTILE[i % len(HOSTILE)] for i in range(n)]
    own: dict[str, list[Any]] = {
        "text": [None, *texts[1:]],
        "html": [None, *texts[1:]],
        "id": [f"doc-{i}" for i in range(n)],
        "url": [None if i % 9 == 4 else f"https://example.org/{i % 20}" for i in range(n)],
        "file": ["f"] * n,
        "embedding": [None, *(rng.randbytes(WIDTH) for _ in range(n - 1))],
    }
    arrays = [
        pa.array(own.get(f.name) or [value(f.type, i, rng) for i in range(n)], f.type) for f in step.needs()
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=step.needs())


def apply(step: Step, batches: list[pa.RecordBatch]) -> pa.Table:
    if isinstance(step, Map):
        out = [conform(step.process(b), step.flow(b.schema)) for b in batches]
    elif isinstance(step, Filter):
        out = [pa.RecordBatch.from_arrays([step.reasons(b)], ["reasons"]) for b in batches]
    elif isinstance(step, Relate):
        out = [conform(step.keys(b), step.key_schema()) for b in batches]
    else:
        assert isinstance(step, Stream)
        schema = step.flow(batches[0].schema)
        return pa.Table.from_batches([conform(b, schema) for b in step.stream(iter(batches))], schema)
    return pa.Table.from_batches(out)


def cut(batch: pa.RecordBatch, edges: list[int]) -> list[pa.RecordBatch]:
    bounds = [0, *edges, len(batch)]
    return [batch.slice(a, b - a) for a, b in itertools.pairwise(bounds)]


EVERY = list(stages())
OPERATORS = [n for n in EVERY if not issubclass(find("stages", n), Source)]
ROWWISE = [n for n in OPERATORS if not issubclass(find("stages", n), Stream)]


def test_there_are_stages_of_every_kind() -> None:
    kinds = {
        k for n in EVERY for k in (Source, Map, Filter, Stream, Relate) if issubclass(find("stages", n), k)
    }
    assert len(kinds) == 5


@pytest.mark.parametrize("name", OPERATORS)
def test_output_does_not_depend_on_batches(name: str, files: dict[str, dict[str, Any]]) -> None:
    step = find("stages", name)(**settings(name, files))
    batch = batch_for(step)
    whole = apply(step, [batch])
    for edges in ([0, 1, 2], [5, 5, 40], list(range(7, len(batch), 7))):
        assert apply(step, cut(batch, edges)).equals(whole)


@pytest.mark.parametrize("name", ROWWISE)
def test_rows_do_not_know_each_other(name: str, files: dict[str, dict[str, Any]]) -> None:
    step = find("stages", name)(**settings(name, files))
    batch = batch_for(step)
    order = pa.array(random.Random(1).sample(range(len(batch)), len(batch)))
    assert apply(step, [batch.take(order)]).equals(apply(step, [batch]).take(order))
    assert apply(step, [batch]).num_rows == len(batch)


@pytest.mark.parametrize("name", ROWWISE)
def test_no_rows_give_no_rows(name: str, files: dict[str, dict[str, Any]]) -> None:
    step = find("stages", name)(**settings(name, files))
    assert apply(step, [batch_for(step).slice(0, 0)]).num_rows == 0


@pytest.mark.parametrize("name", ROWWISE)
def test_other_columns_pass_untouched(name: str, files: dict[str, dict[str, Any]]) -> None:
    step = find("stages", name)(**settings(name, files))
    batch = batch_for(step)
    marked = batch.append_column("mark_", pa.array(range(len(batch)), pa.int64()))
    if isinstance(step, Map):
        assert step.process(marked).column("mark_").equals(marked.column("mark_"))
    assert (
        apply(step, [marked])
        .drop_columns(["mark_"] if isinstance(step, Map) else [])
        .equals(apply(step, [batch]))
    )


@pytest.mark.parametrize("name", [n for n in OPERATORS if issubclass(find("stages", n), Filter)])
def test_filters_answer_every_row_with_names_of_their_own_settings_or_facts(
    name: str, files: dict[str, dict[str, Any]]
) -> None:
    step = find("stages", name)(**settings(name, files))
    reasons = apply(step, [batch_for(step)])["reasons"].combine_chunks()
    assert reasons.type == pa.list_(pa.string())
    given = {r for row in reasons.to_pylist() for r in row or []}
    known = {f.name for f in fields(step)}
    assert given
    assert all(r in known or r.startswith(("no_", "language_")) for r in given), given


@pytest.mark.parametrize("name", EVERY)
def test_steps_travel(name: str, files: dict[str, dict[str, Any]]) -> None:
    step = find("stages", name)(**settings(name, files))
    assert pickle.loads(pickle.dumps(step)) == step
    assert hash(step) == hash(pickle.loads(pickle.dumps(step)))


@pytest.mark.parametrize("name", EVERY)
def test_stages_say_where_they_come_from(name: str) -> None:
    stage = find("stages", name)
    doc = inspect.getdoc(stage) or ""
    assert "Source:" in doc, doc
    assert doc.partition("\n")[0].endswith("."), doc
    for column in stage.adds:
        assert (column.metadata or {}).get(b"meaning"), column


def test_column_types_are_ones_every_engine_has(files: dict[str, dict[str, Any]]) -> None:
    types = {}
    for name in EVERY:
        step = find("stages", name)(**settings(name, files))
        schemas = [step.makes(), step.key_columns if isinstance(step, Relate) else pa.schema([])]
        types |= {(name, column.name): str(column.type) for column in itertools.chain(*schemas)}
    assert len(types) > 50
    missing = ("uint", "dictionary", "large_", "_view")  # Spark has no unsigned integers
    assert {column: t for column, t in types.items() if any(m in t for m in missing)} == {}


def test_no_two_stages_give_one_name_two_meanings() -> None:
    seen: dict[str, tuple[bytes, str]] = {}
    for name in EVERY:
        for column in find("stages", name).adds:
            meaning = (column.metadata or {}).get(b"meaning", b"")
            assert seen.setdefault(column.name, (meaning, name))[0] == meaning, (column.name, name)
    assert seen


def test_the_files_are_there(files: dict[str, dict[str, Any]]) -> None:
    assert Path(files["tokenize"]["tokenizer"]).stat().st_size > 1000


def test_a_value_out_of_bounds_is_refused() -> None:
    n_refused = 0
    for name in EVERY:
        for setting, hint in get_type_hints(find("stages", name), include_extras=True).items():
            for value in beyond(hint):
                reader = Reader("recipe.yaml")
                assert reader.settings(find("stages", name), {setting: value}, ()) is None
                (problem,) = (p for p in reader.problems if p.where == setting)
                assert problem.message.startswith("must be "), problem
                n_refused += 1
    assert n_refused > 5
