from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.errors import RunError
from pipeline.store import read_json, write_json
from stages.tokens.encoder import load
from stages.tokens.format import TokenFolder, dtype_for
from stages.tokens.section import Tokens
from tests.stages.tokens.test_section import context_of, run_folder

LENGTH = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, bpe_json: Path) -> Path:
    output = run_folder(tmp_path_factory.mktemp("run"))
    section = Tokens(tokenizer=str(bpe_json), sequence_length=LENGTH, heldout_frac=0.2)
    return output / str(section.execute(context_of(output))["folder"])


def rows_of(folder: Path, where: str) -> np.ndarray:
    parts = sorted((folder / where).glob("part-*.bin"))
    return np.concatenate([np.fromfile(p, "<u2").reshape(-1, LENGTH) for p in parts])


def test_facts(folder: Path, bpe_json: Path) -> None:
    tokens = TokenFolder.open(folder)
    assert tokens.sources == ["web", "books"]
    assert (tokens.sequence_length, tokens.vocab_size, tokens.end_of_text) == (LENGTH, 600, 0)
    assert np.array_equal(tokens.token_bytes, load(bpe_json).token_bytes)
    assert tokens.n_sequences("web") == len(rows_of(folder, "web"))
    assert tokens.n_sequences("web", heldout=True) == len(rows_of(folder, "web/heldout")) > 1


def test_sequences_are_rows_of_the_parts_laid_end_to_end(folder: Path) -> None:
    tokens, n_read = TokenFolder.open(folder), 0
    for source in tokens.sources:
        rows = rows_of(folder, source)
        for indices in ([0], [len(rows) - 1], list(range(len(rows))), [5, 0, 5, len(rows) - 1, 3]):
            got = tokens.sequences(source, np.array(indices))
            assert got.dtype == np.uint16
            assert np.array_equal(got, rows[indices])
            n_read += len(got)
        held = rows_of(folder, f"{source}/heldout")
        assert np.array_equal(tokens.heldout(source), held)
        assert np.array_equal(tokens.heldout(source, [1, 0]), held[[1, 0]])
    assert n_read > 100
    assert tokens.sequences("web", []).shape == (0, LENGTH)


def test_no_such_sequence(folder: Path) -> None:
    tokens = TokenFolder.open(folder)
    n = tokens.n_sequences("web")
    for wrong in ([n], [-1], [0, n]):
        with pytest.raises(IndexError, match=f"sequences are 0 to {n - 1}"):
            tokens.sequences("web", wrong)
    with pytest.raises(IndexError):
        tokens.provenance("web", n, 0)
    with pytest.raises(KeyError):
        tokens.sequences("none", [0])


def test_every_token_leads_back_to_its_document(folder: Path, bpe_json: Path) -> None:
    tokens, encoder = TokenFolder.open(folder), load(bpe_json)
    shards = sorted(folder.parent.glob("documents/web/*.parquet"))
    documents = {row["id"]: row for shard in shards for row in pq.read_table(shard).to_pylist()}
    came_from = ("id", "url", "file", "offset")
    n = tokens.n_sequences("web")
    seen = padding = 0
    for sequence in (0, n // 2, n - 1, *range(1, n, 29)):
        row = tokens.sequences("web", [sequence])[0]
        for position in range(0, LENGTH, 5):
            chunk = tokens.provenance("web", sequence, position)
            if chunk is None:
                assert (row[position:] == tokens.end_of_text).all()
                padding += 1
                continue
            document = documents[chunk["id"]]
            assert {k: chunk[k] for k in came_from} == {k: document[k] for k in came_from}
            at = chunk["first_token"] + position - chunk["start"] - 1
            if position > chunk["start"]:
                assert row[position] == encoder.encode(pa.array([document["text"]])).to_pylist()[0][at]
            seen += 1
    assert seen > 50
    assert padding == 0 or padding < seen


def test_held_out_documents_are_in_no_training_sequence(folder: Path) -> None:
    tokens = TokenFolder.open(folder)
    ids: dict[bool, set[str]] = {}
    for heldout in (False, True):
        sequences = tokens.of("web", heldout)
        ids[heldout] = {p["id"] for s in range(len(sequences)) for p in sequences.chunks(s)}
    assert len(ids[True]) > 5
    assert not ids[True] & ids[False]
    assert len(ids[True] | ids[False]) == 100


def test_a_folder_that_is_not_finished_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no finished tokens folder: it has no tokens\.json"):
        TokenFolder.open(tmp_path)


def test_a_part_of_the_wrong_size_is_refused(folder: Path, tmp_path: Path) -> None:
    write_json(tmp_path / "tokens.json", read_json(folder / "tokens.json"))
    for part in folder.glob("web/part-*.bin"):
        (tmp_path / "web").mkdir(exist_ok=True)
        (tmp_path / "web" / part.name).write_bytes(part.read_bytes()[:-2])
    with pytest.raises(RunError, match=r"part-00000\.bin has \d+ bytes and should have \d+"):
        TokenFolder.open(tmp_path).sequences("web", [0])


def test_an_open_folder_travels_small(folder: Path) -> None:
    tokens = TokenFolder.open(folder)
    first = tokens.sequences("web", [0])
    travelled = pickle.dumps(tokens)
    assert len(travelled) < 20_000
    assert np.array_equal(pickle.loads(travelled).sequences("web", [0]), first)


@pytest.mark.parametrize(("vocab_size", "dtype"), [(257, "uint16"), (65_536, "uint16"), (65_537, "uint32")])
def test_dtype_holds_every_id(vocab_size: int, dtype: str) -> None:
    assert dtype_for(vocab_size) == dtype
    assert np.iinfo(dtype).max >= vocab_size - 1
