from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.act import Context
from pipeline.engine import Account, Task
from pipeline.errors import PlanError
from pipeline.local import LocalEngine
from pipeline.shards import digest, read_json
from stages.tokens.act import Tokens
from stages.tokens.bpe import CARD, FitBpe
from stages.tokens.encoder import load
from stages.tokens.format import TokenFolder
from tests.stages.tokens.conftest import prose, write_documents

SOURCES = {"web": ["w0", "w1"], "books": ["b0"]}


class InOrder(LocalEngine):
    """The local engine with its tasks run here, one after the other."""

    def __init__(self) -> None:
        super().__init__(1, {})
        self.names: list[str] = []

    def map(self, tasks: Sequence[Task]) -> Iterator[tuple[int, Account]]:
        for index, task in enumerate(tasks):
            self.names.append(task.name)
            yield index, task.run()


def run_folder(output: Path) -> Path:
    for source, prefixes in SOURCES.items():
        for i, prefix in enumerate(prefixes):
            texts = [prose(hash_of(prefix) + k, 60) for k in range(50)]
            write_documents(output / "03-documents" / source / f"part-{i:05d}.parquet", texts, prefix)
    write_documents(output / "03-documents" / "books" / "part-00001.parquet", [])
    return output


def hash_of(name: str) -> int:
    return int.from_bytes(name.encode())


Record = dict[str, Any]


def context_of(output: Path, engine: LocalEngine | None = None, record: Record | None = None) -> Context:
    documents = {source: f"03-documents/{source}" for source in SOURCES}
    return Context(
        output=output,
        record=record or {"name": "r", "content_hash": "abc", "documents": documents},
        engine=engine or InOrder(),
        progress=lambda label, done, total: None,
    )


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return run_folder(tmp_path)


def test_manifest_counts_and_names_everything(output: Path, bpe_json: Path) -> None:
    act = Tokens(tokenizer=str(bpe_json), sequence_length=128, heldout_frac=0.1)
    act.check(["web", "books"])
    told = act.run(context_of(output))
    folder = output / told["folder"]
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


def test_what_run_json_is_told(output: Path, bpe_json: Path) -> None:
    told = Tokens(tokenizer=str(bpe_json), sequence_length=128).run(context_of(output))
    sources = read_json(output / told["folder"] / "tokens.json")["sources"]
    parts = [p for s in sources.values() for of in (s, s["heldout"]) for p in of["parts"]]
    assert told["content_hash"] == hashlib.sha256("".join(p["sha256"] for p in parts).encode()).hexdigest()
    assert told["vocab_size"] == 600
    assert told["sources"]["web"]["n_tokens"] == sources["web"]["n_tokens"]
    n_bytes, n_ids = 0, 0
    for shard in output.glob("03-documents/*/*.parquet"):
        texts = pq.read_table(shard)["text"].combine_chunks()
        n_bytes += sum(len(t.encode()) for t in texts.to_pylist())
        n_ids += len(load(bpe_json).encode(texts).values)
    both = [of for s in sources.values() for of in (s, s["heldout"])]
    total = {key: sum(of[key] for of in both) for key in ("n_bytes", "n_tokens", "n_pieces")}
    assert total["n_bytes"] == n_bytes
    assert total["n_tokens"] - total["n_pieces"] == n_ids
    assert told["bytes_per_token"] == pytest.approx(n_bytes / n_ids, rel=0.02)


def test_token_bytes_are_those_of_the_tokenizer(output: Path, bpe_json: Path) -> None:
    told = Tokens(tokenizer=str(bpe_json)).run(context_of(output))
    saved = np.load(output / told["folder"] / "token_bytes.npy", allow_pickle=False)
    assert saved.dtype == np.int32
    assert np.array_equal(saved, load(bpe_json).token_bytes)


def test_a_finished_folder_is_reused_and_a_begun_one_resumed(output: Path) -> None:
    act, engine = Tokens(tokenizer="bytes"), InOrder()
    told = act.run(context_of(output, engine))
    assert len(engine.names) == 4
    assert act.run(context_of(output, engine)) == told
    assert len(engine.names) == 4
    folder = output / told["folder"]
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    for gone in ("tokens.json", "web/part-00001.json", "web/part-00001.bin"):
        (folder / gone).unlink()
    kept = (folder / "web" / "part-00000.bin").stat().st_mtime_ns
    assert act.run(context_of(output)) == told
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before
    assert (folder / "web" / "part-00000.bin").stat().st_mtime_ns == kept


def test_folder_is_named_by_settings_documents_and_tokenizer_content(output: Path, bpe_json: Path) -> None:
    copy = output / "copy.json"
    copy.write_bytes(bpe_json.read_bytes())
    short, long = (Tokens(tokenizer=str(copy), sequence_length=n) for n in (64, 128))
    names = [act.run(context_of(output))["folder"] for act in (short, short, long)]
    other = {"name": "r", "content_hash": "other", "documents": {"web": "03-documents/web"}}
    names.append(short.run(context_of(output, record=other))["folder"])
    copy.write_bytes(bpe_json.read_bytes() + b"\n")
    names.append(short.run(context_of(output))["folder"])
    assert names[0] == names[1]
    assert len(set(names)) == 4


def test_ranks_file_keeps_its_name_and_split(output: Path, bpe_json: Path) -> None:
    tokens = load(bpe_json).vocabulary.tokens[1:]
    ranks = output / "small.tiktoken"
    ranks.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % i for i, t in enumerate(tokens)))
    told = Tokens(tokenizer=str(ranks), pretokenizer="qwen2").run(context_of(output))
    manifest = read_json(output / told["folder"] / "tokens.json")
    named = {"path": "small.tiktoken", "sha256": digest(ranks), "kind": "tiktoken", "pretokenizer": "qwen2"}
    assert manifest["tokenizer"] == named
    assert manifest["end_of_text"] == 599
    assert digest(output / told["folder"] / "small.tiktoken") == digest(ranks)


def test_one_source_goes_by_the_name_of_the_run(output: Path) -> None:
    record = {"name": "small", "content_hash": "abc", "documents": "03-documents/web"}
    told = Tokens(tokenizer="bytes").run(context_of(output, record=record))
    assert list(told["sources"]) == ["small"]
    assert TokenFolder.open(output / told["folder"]).n_sequences("small") > 0


def test_tokenizer_can_be_fitted_on_the_documents(output: Path) -> None:
    act = Tokens(tokenizer=FitBpe(vocab_size=400, sample_bytes=20_000), heldout_frac=0.1)
    act.check(["web", "books"])
    engine = InOrder()
    told = act.run(context_of(output, engine))
    folder = output / told["folder"]
    assert told["vocab_size"] == 400
    assert told["bytes_per_token"] > 2
    card = read_json(folder / CARD)
    assert card["trained_on"]["content_hash"] == "abc"
    assert 18_000 < card["trained_on"]["n_bytes"] < 22_000
    assert card["sha256"] == digest(folder / "tokenizer.json")
    assert not (folder / "sample").exists()
    assert [name.split("/")[1] for name in engine.names] == ["sample"] * 4 + ["web", "web", "books", "books"]
    (folder / "tokens.json").unlink()
    assert act.run(context_of(output, engine)) == told
    assert [name.split("/")[1] for name in engine.names[8:]] == ["web", "web", "books", "books"]


def test_any_engine_gives_the_same_bytes(output: Path, local: LocalEngine) -> None:
    act = Tokens(tokenizer=FitBpe(vocab_size=300, sample_bytes=10_000), sequence_length=64)
    told = act.run(context_of(output))
    folder = output / told["folder"]
    here = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    folder.rename(output / "first")
    assert act.run(context_of(output, local)) == told
    assert {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == here
    assert len(here) == 4 * 6 + 4


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"sequence_length": 1}, "the least is 2"),
        ({"heldout_frac": 1.0}, "less than 1"),
        ({"heldout_frac": -0.1}, "at least 0"),
        ({"tokenizer": "nowhere/tokenizer.json"}, "cannot be read"),
        ({"end_of_text": "</s>"}, "the special tokens there are"),
        ({"pretokenizer": "gpt2"}, r"for \.tiktoken files"),
        ({"tokenizer": FitBpe(vocab_size=10)}, "from 257"),
        ({"tokenizer": FitBpe(), "pretokenizer": "gpt2"}, r"for \.tiktoken files"),
    ],
)
def test_settings_are_checked_before_anything_runs(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(PlanError, match=says):
        Tokens(**{"tokenizer": "bytes", **settings}).check(["web"])
