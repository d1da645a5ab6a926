from __future__ import annotations

import hashlib
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import RunError
from pipeline.keyed import uniform
from pipeline.store import read_json
from stages.tokens.encoder import load
from stages.tokens.format import CHUNK_ROWS
from stages.tokens.pack import Pack
from stages.tokens.part import PackTask
from stages.tokens.tokenize import Tokenize
from tests.stages.tokens.conftest import LITERALS, prose, write_documents
from tests.stages.tokens.test_vocabulary import added, edited

TEXTS = [None, "", *(prose(i, 30) + LITERALS[i % 6] for i in range(120))]


def task(
    tmp_path: Path, texts: list[str | None] = TEXTS, tokenizer: str | Path = "bytes", **settings: Any
) -> PackTask:
    return PackTask(
        name="tokens-x/web/part-00003",
        shard=write_documents(tmp_path / "documents" / "part-00003.parquet", texts),
        output=tmp_path / "web" / "part-00003.bin",
        tokenize=Tokenize(tokenizer=str(tokenizer)),
        pack=Pack(sequence_length=64, **settings),
        heldout_frac=0.2,
    )


def documents_of(binary: Path, dtype: str, end: int) -> dict[str, list[int]]:
    """Tokens of each document from a part alone, checking all that its chunks say."""
    rows = np.fromfile(binary, dtype).reshape(-1, 64)
    chunks = pq.read_table(binary.with_suffix(".parquet"))
    assert chunks.schema.equals(CHUNK_ROWS)
    found: dict[str, list[tuple[int, list[int]]]] = {}
    padding = np.ones(rows.shape, bool)
    last = (-1, 0)
    for p in chunks.to_pylist():
        assert (p["sequence"], p["start"]) == (last if p["start"] else (last[0] + 1, 0))
        last = (p["sequence"], p["start"] + p["n_tokens"])
        ids = rows[p["sequence"], p["start"] : last[1]].tolist()
        padding[p["sequence"], p["start"] : last[1]] = False
        assert ids[0] == end
        assert end not in ids[1:]
        found.setdefault(p["id"], []).append((p["first_token"], ids[1:]))
    assert last[0] == len(rows) - 1
    assert (rows[padding] == end).all()
    return {id: [t for _, ids in sorted(parts) for t in ids] for id, parts in found.items()}


@pytest.mark.parametrize("strategy", ["best_fit", "concat"])
def test_binaries_hold_every_document_once(tmp_path: Path, bpe_json: Path, strategy: Any) -> None:
    work = task(tmp_path, tokenizer=bpe_json, strategy=strategy)
    account = work.run()
    encoder = load(bpe_json)
    training = documents_of(work.output, "<u2", encoder.end_of_text)
    heldout = documents_of(tmp_path / "web" / "heldout" / "part-00003.bin", "<u2", encoder.end_of_text)
    want = encoder.encode(pa.array(TEXTS)).to_pylist()
    assert training | heldout == {f"d{i}": ids for i, ids in enumerate(want) if ids}
    held = uniform(pa.array(list(training | heldout)), 0, "heldout") < 0.2
    assert set(heldout) == {id for id, is_held in zip(training | heldout, held, strict=True) if is_held}
    assert (len(training), len(heldout)) == (account["n_documents"], account["heldout"]["n_documents"])
    assert len(heldout) > 10


def test_account_counts_what_is_there(tmp_path: Path) -> None:
    work = task(tmp_path)
    account = work.run()
    assert account == read_json(work.output.with_suffix(".json"))
    held = tmp_path / "web" / "heldout" / "part-00003.bin"
    assert account["heldout"] == read_json(held.with_suffix(".json"))
    for path, n in ((work.output, account), (held, account["heldout"])):
        chunks = pq.read_table(path.with_suffix(".parquet")).to_pydict()
        assert n["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert n["n_sequences"] * 64 * 2 == path.stat().st_size > 0
        assert n["n_tokens"] + n["n_padding"] == n["n_sequences"] * 64
        assert n["n_tokens"] == sum(chunks["n_tokens"])
        assert n["n_chunks"] == len(chunks["n_tokens"])
        assert n["n_bytes"] == sum(chunks["n_bytes"]) == n["n_tokens"] - n["n_chunks"]  # one token a byte
    assert account["n_documents"] + account["heldout"]["n_documents"] == 120
    assert account["n_empty"] + account["heldout"]["n_empty"] == 2


def test_wide_vocabularies_are_written_as_uint32(tmp_path: Path, bpe_json: Path) -> None:
    wide = edited(bpe_json, tmp_path / "t.json", lambda s: s["added_tokens"].append(added("<pad>", 65_536)))
    assert load(wide).vocab_size == 65_537
    work = task(tmp_path, tokenizer=wide)
    n = work.run()["n_sequences"]
    assert work.output.stat().st_size == n * 64 * 4
    assert documents_of(work.output, "<u4", 0)


def test_running_twice_writes_once_and_the_same(tmp_path: Path) -> None:
    work = task(tmp_path)
    account = work.run()
    files = {p: p.read_bytes() for p in tmp_path.glob("web/**/*") if p.is_file()}
    assert len(files) == 6
    stamps = {p: p.stat().st_mtime_ns for p in files}
    assert pickle.loads(pickle.dumps(work)).run() == account
    assert {p: p.stat().st_mtime_ns for p in files} == stamps
    for path in (work.output, work.output.with_suffix(".json")):
        path.unlink()
    assert work.run() == account
    assert {p: p.read_bytes() for p in files} == files


def test_order_and_row_groups_of_a_shard_do_not_matter_to_its_tokens(tmp_path: Path) -> None:
    work = task(tmp_path)
    account = work.run()
    table = pq.read_table(work.shard)
    pq.write_table(table, tmp_path / "groups.parquet", row_group_size=7)
    other = replace(work, shard=tmp_path / "groups.parquet", output=tmp_path / "again" / "part-00003.bin")
    assert other.run() == account


@pytest.mark.parametrize("texts", [[], [None, ""]])
def test_a_shard_without_text_gives_an_empty_part(tmp_path: Path, texts: list[str | None]) -> None:
    work = task(tmp_path, texts)
    account = work.run()
    assert account["n_sequences"] == account["n_tokens"] == account["n_documents"] == 0
    assert work.output.read_bytes() == b""
    assert pq.read_table(work.output.with_suffix(".parquet")).schema.equals(CHUNK_ROWS)


def test_nothing_held_out(tmp_path: Path) -> None:
    account = replace(task(tmp_path), heldout_frac=0.0).run()
    assert (account["n_documents"], account["heldout"]["n_sequences"]) == (120, 0)


def test_documents_without_text_column_are_an_error(tmp_path: Path) -> None:
    work = task(tmp_path)
    pq.write_table(pq.read_table(work.shard).drop_columns(["text"]), work.shard)
    with pytest.raises(RunError, match="has no column 'text'"):
        work.run()
    assert not work.output.exists()
