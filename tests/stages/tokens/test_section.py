from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from classifiers.card import CARD
from pipeline import config
from pipeline.engine import Account, Work
from pipeline.errors import ConfigError, PlanError
from pipeline.local import LocalEngine
from pipeline.record import Record
from pipeline.section import Context
from pipeline.store import digest, read_json
from stages.tokens.encoder import load
from stages.tokens.fit import BpeSettings
from stages.tokens.section import Tokens
from tests.records import context, record
from tests.stages.tokens.conftest import prose, write_documents

SOURCES = {"web": ["w0", "w1"], "books": ["b0"]}


class InOrder(LocalEngine):
    """The local engine with its tasks run here, one after the other."""

    def __init__(self) -> None:
        super().__init__(1, {})
        self.names: list[str] = []

    def map(self, work: Work, items: Iterable[Any]) -> Iterator[tuple[int, Account]]:
        for index, item in enumerate(items):
            self.names.append(work.name(item))
            yield index, work.run(item)


def run_folder(output: Path) -> Path:
    for source, prefixes in SOURCES.items():
        for i, prefix in enumerate(prefixes):
            texts = [prose(hash_of(prefix) + k, 60) for k in range(50)]
            write_documents(output / "documents" / source / f"part-{i:05d}.parquet", texts, prefix)
    write_documents(output / "documents" / "books" / "part-00001.parquet", [])
    return output


def hash_of(name: str) -> int:
    return int.from_bytes(name.encode())


def context_of(output: Path, engine: LocalEngine | None = None, made: Record | None = None) -> Context:
    documents = {source: [f"documents/{source}"] for source in SOURCES}
    return context(output, made or record(documents), engine or InOrder())


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return run_folder(tmp_path)


def test_manifest_counts_and_names_everything(output: Path, bpe_json: Path) -> None:
    section = Tokens(tokenizer=str(bpe_json), sequence_length=128, heldout_frac=0.1)
    section.check(["web", "books"])
    made = section.execute(context_of(output))
    folder = output / made["folder"]
    assert folder.name.startswith("tokens-")
    manifest = read_json(folder / "tokens.json")
    assert manifest["tokenizer"] == {"path": "tokenizer.json", "sha256": digest(bpe_json), "kind": "json"}
    assert digest(folder / "tokenizer.json") == digest(bpe_json)
    assert (manifest["vocab_size"], manifest["end_of_text"], manifest["dtype"]) == (600, 0, "uint16")
    assert list(manifest["sources"]) == ["web", "books"]
    web = manifest["sources"]["web"]
    assert [p["file"] for p in web["parts"]] == ["web/part-00000.bin", "web/part-00001.bin"]
    assert [p["file"] for p in web["heldout"]["parts"]] == [
        "web/heldout/part-00000.bin",
        "web/heldout/part-00001.bin",
    ]
    n_parts = 0
    for source in manifest["sources"].values():
        for of in (source, source["heldout"]):
            for key in ("n_sequences", "n_tokens", "n_padding"):
                assert of[key] == sum(part[key] for part in of["parts"])
            assert of["n_tokens"] + of["n_padding"] == of["n_sequences"] * 128
            n_parts += sum(digest(folder / p["file"]) == p["sha256"] for p in of["parts"])
        assert source["n_documents"] + source["heldout"]["n_documents"] == 50 * (2 if source is web else 1)
    assert n_parts == 8


def test_what_run_json_says(output: Path, bpe_json: Path) -> None:
    made = Tokens(tokenizer=str(bpe_json), sequence_length=128).execute(context_of(output))
    sources = read_json(output / made["folder"] / "tokens.json")["sources"]
    parts = [p for s in sources.values() for of in (s, s["heldout"]) for p in of["parts"]]
    assert made["content_hash"] == hashlib.sha256("".join(p["sha256"] for p in parts).encode()).hexdigest()
    assert made["vocab_size"] == 600
    assert made["sources"]["web"]["n_tokens"] == sources["web"]["n_tokens"]
    n_bytes, n_ids = 0, 0
    for shard in output.glob("documents/*/*.parquet"):
        texts = pq.read_table(shard)["text"].combine_chunks()
        n_bytes += sum(len(t.encode()) for t in texts.to_pylist())
        n_ids += len(load(bpe_json).encode(texts).values)
    both = [of for s in sources.values() for of in (s, s["heldout"])]
    total = {key: sum(of[key] for of in both) for key in ("n_bytes", "n_tokens", "n_chunks")}
    assert total["n_bytes"] == n_bytes
    assert total["n_tokens"] - total["n_chunks"] == n_ids
    assert made["bytes_per_token"] == pytest.approx(n_bytes / n_ids, rel=0.02)


def test_token_bytes_are_those_of_the_tokenizer(output: Path, bpe_json: Path) -> None:
    made = Tokens(tokenizer=str(bpe_json)).execute(context_of(output))
    saved = np.load(output / made["folder"] / "token_bytes.npy", allow_pickle=False)
    assert saved.dtype == np.int32
    assert np.array_equal(saved, load(bpe_json).token_bytes)


def test_a_finished_folder_is_reused_and_a_begun_one_resumed(output: Path) -> None:
    section, engine = Tokens(tokenizer="bytes"), InOrder()
    made = section.execute(context_of(output, engine))
    assert len(engine.names) == 4
    assert section.execute(context_of(output, engine)) == made
    assert len(engine.names) == 4
    folder = output / made["folder"]
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    for gone in ("tokens.json", "web/part-00001.json", "web/part-00001.bin"):
        (folder / gone).unlink()
    kept = (folder / "web" / "part-00000.bin").stat().st_mtime_ns
    assert section.execute(context_of(output)) == made
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert (folder / "web" / "part-00000.bin").stat().st_mtime_ns == kept


def test_folder_is_named_by_settings_documents_and_tokenizer_content(output: Path, bpe_json: Path) -> None:
    copy = output / "copy.json"
    copy.write_bytes(bpe_json.read_bytes())
    short, long = (Tokens(tokenizer=str(copy), sequence_length=n) for n in (64, 128))
    names = [section.execute(context_of(output))["folder"] for section in (short, short, long)]
    other = record({"web": ["documents/web"]}, content_hash="other")
    names.append(short.execute(context_of(output, made=other))["folder"])
    copy.write_bytes(bpe_json.read_bytes() + b"\n")
    names.append(short.execute(context_of(output))["folder"])
    assert names[0] == names[1]
    assert len(set(names)) == 4


def test_ranks_file_keeps_its_name_and_split(output: Path, bpe_json: Path) -> None:
    tokens = load(bpe_json).vocabulary.tokens[1:]
    ranks = output / "small.tiktoken"
    ranks.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % i for i, t in enumerate(tokens)))
    made = Tokens(tokenizer=str(ranks), pretokenizer="qwen2").execute(context_of(output))
    manifest = read_json(output / made["folder"] / "tokens.json")
    named = {"path": "small.tiktoken", "sha256": digest(ranks), "kind": "tiktoken", "pretokenizer": "qwen2"}
    assert manifest["tokenizer"] == named
    assert manifest["end_of_text"] == 599
    assert digest(output / made["folder"] / "small.tiktoken") == digest(ranks)


def test_tokenizer_can_be_fitted_on_the_documents(output: Path) -> None:
    section = Tokens(tokenizer=BpeSettings(vocab_size=400, sample_bytes=20_000), heldout_frac=0.1)
    section.check(["web", "books"])
    engine = InOrder()
    made = section.execute(context_of(output, engine))
    folder = output / made["folder"]
    assert made["vocab_size"] == 400
    assert made["bytes_per_token"] > 2
    card = read_json(folder / CARD)
    assert card["documents"]["content_hash"] == "abc"
    given = {"vocab_size": 400, "sample_bytes": 20_000, "heldout_frac": 0.1, "seed": 0}
    assert card["settings"] == given | {"end_of_text": "<|endoftext|>"}
    assert 18_000 < card["trained_on"]["n_bytes"] < 22_000
    assert card["files"] == {"tokenizer.json": digest(folder / "tokenizer.json")}
    assert not (folder / ".sample").exists()
    names = [name.split("/")[:2] for name in engine.names]
    assert names[:4] == [["sample", "keys"]] * 4
    assert names[4:7] == [["sample", "rows"]] * 3  # one shard has no documents
    assert [name for _, name in names[7:]] == ["web", "web", "books", "books"]
    (folder / "tokens.json").unlink()
    assert section.execute(context_of(output, engine)) == made
    assert [name.split("/")[1] for name in engine.names[11:]] == ["web", "web", "books", "books"]


def test_any_engine_gives_the_same_bytes(output: Path, local: LocalEngine) -> None:
    section = Tokens(tokenizer=BpeSettings(vocab_size=300, sample_bytes=10_000), sequence_length=64)
    made = section.execute(context_of(output))
    folder = output / made["folder"]
    here = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    folder.rename(output / "first")
    assert section.execute(context_of(output, local)) == made
    assert {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == here
    assert len(here) == 4 * 6 + 4


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"tokenizer": "nowhere/tokenizer.json"}, "cannot be read"),
        ({"end_of_text": "</s>"}, "the special tokens there are"),
        ({"pretokenizer": "gpt2"}, r"for \.tiktoken files"),
        ({"tokenizer": BpeSettings(), "pretokenizer": "gpt2"}, r"for \.tiktoken files"),
    ],
)
def test_settings_are_checked_before_anything_runs(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(PlanError, match=says):
        Tokens(**{"tokenizer": "bytes", **settings}).check(["web"])


def test_bounds_are_checked_when_a_recipe_is_read(tmp_path: Path) -> None:
    write_documents(tmp_path / "in.parquet", ["text"])
    path = tmp_path / "r.yaml"
    path.write_text(
        f"source: {{use: parquet, with: {{paths: {tmp_path}/in.parquet}}}}\noutput: {tmp_path}/out\n"
        "tokens:\n  heldout_frac: -0.1\n  tokenizer: {fit: bpe, vocab_size: 10}\n"
    )
    with pytest.raises(ConfigError) as caught:
        config.read(str(path))
    said = [(problem.line, problem.message) for problem in caught.value.problems]
    assert (4, "must be at least 0, not -0.1") in said
    assert (5, "must be at least 257, not 10") in said
