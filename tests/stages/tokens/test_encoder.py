from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tiktoken
import tokenizers
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from stages.tokens.bpe import SPLIT
from stages.tokens.encoder import PROBE, load
from tests.stages.tokens.conftest import LITERALS, ODD, prose
from tests.stages.tokens.test_vocabulary import END, added, edited

DOCUMENTS = [*LITERALS, *ODD, PROBE, *(prose(i, 200) + LITERALS[i % 6] for i in range(30))]


def without_special_tokens(path: Path) -> tokenizers.Tokenizer:
    """The oracle: HF tokenizers, told of no added tokens."""
    spec = json.loads(path.read_text())
    spec["added_tokens"] = []
    return tokenizers.Tokenizer.from_str(json.dumps(spec))


@pytest.fixture(scope="session")
def ranks(bpe_json: Path) -> Path:
    """The same merges as a ranks file: ids are one less, as the end of text comes last."""
    tokens = load(bpe_json).vocabulary.tokens[1:]
    path = bpe_json.with_name("small.tiktoken")
    path.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % i for i, t in enumerate(tokens)))
    return path


def test_ids_are_those_of_tokenizers_without_special_tokens(bpe_json: Path) -> None:
    encoder, oracle = load(bpe_json), without_special_tokens(bpe_json)
    got = encoder.encode(pa.array(DOCUMENTS)).to_pylist()
    assert got == [e.ids for e in oracle.encode_batch(DOCUMENTS, add_special_tokens=False)]
    assert encoder.backend == "gigatoken"
    assert sum(map(len, got)) > 5000


def test_ordinary_text_has_the_ids_it_always_had(bpe_json: Path) -> None:
    untouched = tokenizers.Tokenizer.from_file(str(bpe_json))
    texts = [prose(i, 300) for i in range(20)]
    assert load(bpe_json).encode(pa.array(texts)).to_pylist() == [untouched.encode(t).ids for t in texts]


def test_text_that_spells_a_control_token_is_text(bpe_json: Path) -> None:
    encoder = load(bpe_json)
    made_control = tokenizers.Tokenizer.from_file(str(bpe_json)).encode(LITERALS[0]).ids
    assert made_control == [encoder.end_of_text]  # the hazard
    for ids, text in zip(encoder.encode(pa.array(LITERALS)).to_pylist(), LITERALS, strict=True):
        assert encoder.end_of_text not in ids
        assert encoder.decode(np.array(ids)) == text.encode()


def test_ranks_file_gives_the_ids_of_tiktoken(ranks: Path, bpe_json: Path) -> None:
    encoder = load(ranks, pretokenizer="qwen2")
    of_bytes = {t: i for i, t in enumerate(encoder.vocabulary.tokens) if t}
    oracle = tiktoken.Encoding(
        "small", pat_str=SPLIT, mergeable_ranks=of_bytes, special_tokens={END: encoder.end_of_text}
    )
    got = encoder.encode(pa.array(DOCUMENTS)).to_pylist()
    assert got == [oracle.encode_ordinary(d) for d in DOCUMENTS]
    same_as_json = load(bpe_json).encode(pa.array(DOCUMENTS)).to_pylist()
    assert [[i + 1 for i in ids] for ids in got] == same_as_json
    assert (encoder.end_of_text, encoder.vocab_size, encoder.kind) == (599, 600, "tiktoken")


def test_ranks_file_needs_a_known_split_pattern(ranks: Path) -> None:
    with pytest.raises(PlanError, match="does not say how text is split"):
        load(ranks)
    with pytest.raises(PlanError, match="gpt9"):
        load(ranks, pretokenizer="gpt9")


def test_published_ranks_file_needs_no_settings(ranks: Path, tmp_path: Path) -> None:
    path = tmp_path / "r50k_base.tiktoken"
    path.write_bytes(ranks.read_bytes())
    encoder = load(path)
    assert (encoder.pretokenizer, encoder.end_of_text, encoder.vocab_size) == ("gpt2", 50256, 50257)
    assert encoder.token_bytes[599:].sum() == 0


def test_unflagged_markup_and_white_space(bpe_json: Path, tmp_path: Path) -> None:
    def add(spec: dict[str, Any]) -> None:
        spec["added_tokens"] += [added("<tool_call>", 600, False), added(" " * 6, 601, False)]

    encoder = load(edited(bpe_json, tmp_path / "t.json", add))
    text = "<tool_call>" + " " * 6 + "x"
    ids = encoder.encode(pa.array([text])).to_pylist()[0]
    assert 600 not in ids
    assert 601 in ids
    assert encoder.decode(np.array(ids)) == text.encode()
    assert encoder.token_bytes[[600, 601]].tolist() == [0, 6]


@pytest.mark.parametrize("ignore_merges", [True, False])
def test_ignoring_merges_does_not_bring_control_tokens_back(
    bpe_json: Path, tmp_path: Path, ignore_merges: bool
) -> None:
    def edit(spec: dict[str, Any]) -> None:
        spec["model"]["ignore_merges"] = ignore_merges
        spec["model"]["vocab"]["zqx"] = 600
        spec["added_tokens"].append(added("zqx", 600))

    encoder = load(edited(bpe_json, tmp_path / "t.json", edit))
    ids = encoder.encode(pa.array(["zqx zqx", END])).to_pylist()
    assert not {0, 600} & {i for row in ids for i in row}


def test_split_pattern_unknown_to_the_fast_back_end_falls_back(bpe_json: Path, tmp_path: Path) -> None:
    def edit(spec: dict[str, Any]) -> None:
        spec["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {"Regex": r"\p{L}+|\p{N}+|[^\p{L}\p{N}]+"}

    path = edited(bpe_json, tmp_path / "t.json", edit)
    encoder, oracle = load(path), without_special_tokens(path)
    assert encoder.backend == "tokenizers"
    assert encoder.encode(pa.array(DOCUMENTS)).to_pylist() == [oracle.encode(d).ids for d in DOCUMENTS]
    assert encoder.encode(pa.array([None, "", None], pa.string())).to_pylist() == [[], [], []]


def test_what_the_fast_back_end_gets_wrong_falls_back(bpe_json: Path, tmp_path: Path) -> None:
    def edit(spec: dict[str, Any]) -> None:
        spec["pre_tokenizer"]["pretokenizers"].insert(0, {"type": "Digits", "individual_digits": False})
        spec["pre_tokenizer"]["pretokenizers"].insert(0, {"type": "Punctuation", "behavior": "Isolated"})

    path = edited(bpe_json, tmp_path / "t.json", edit)
    texts = [prose(i, 100) for i in range(5)]
    oracle = without_special_tokens(path)
    assert load(path).encode(pa.array(texts)).to_pylist() == [oracle.encode(t).ids for t in texts]


def test_nulls_slices_and_nothing(bpe_json: Path) -> None:
    encoder = load(bpe_json)
    texts = pa.array([None, "a b", "", None, "the river", "x"])
    whole = encoder.encode(texts).to_pylist()
    assert [len(t) > 0 for t in whole] == [False, True, False, False, True, True]
    for start in range(7):
        for stop in range(start, 7):
            assert encoder.encode(texts.slice(start, stop - start)).to_pylist() == whole[start:stop]
    assert encoder.encode(pa.nulls(2, pa.string())).to_pylist() == [[], []]
    assert encoder.encode(texts).type == pa.list_(pa.int32())


@given(st.lists(st.none() | st.text(max_size=40), max_size=6))
def test_bytes_come_back(bpe_json: Path, texts: list[str | None]) -> None:
    encoder = load(bpe_json)
    column = pa.array(texts, pa.string())
    assert encoder.round_trips(column).all()
    sizes = [int(encoder.token_bytes[ids].sum()) for ids in encoder.encode(column).to_pylist()]
    assert sizes == [len((t or "").encode()) for t in texts]


def test_round_trips_tells_where_a_tokenizer_normalizes(bpe_json: Path, tmp_path: Path) -> None:
    path = edited(bpe_json, tmp_path / "t.json", lambda s: s.update(normalizer={"type": "NFC"}))
    texts = pa.array(["plain", "e\u0301", None])
    assert load(path).round_trips(texts).tolist() == [True, False, True]
    assert load(bpe_json).round_trips(texts).all()


def test_vocabulary_counts_added_tokens(bpe_json: Path, tmp_path: Path) -> None:
    path = edited(bpe_json, tmp_path / "t.json", lambda s: s["added_tokens"].append(added("<pad>", 70_000)))
    encoder = load(path)
    assert encoder.vocab_size == 70_001 == len(encoder.token_bytes)
    assert encoder.token_bytes.dtype == np.int32
    assert encoder.token_bytes[600:].sum() == encoder.token_bytes[encoder.end_of_text] == 0


def test_loading_is_cached_by_path_and_content(bpe_json: Path, tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_bytes(bpe_json.read_bytes())
    first = load(path)
    assert load(path) is first
    edited(bpe_json, path, lambda s: s["added_tokens"].append(added("<pad>", 600)))
    assert load(path).vocab_size == first.vocab_size + 1
    assert load(path).sha256 != first.sha256


def test_errors_name_the_file(tmp_path: Path, bpe_json: Path) -> None:
    with pytest.raises(PlanError, match=r"none\.json' cannot be read: No such file"):
        load(tmp_path / "none.json")
    with pytest.raises(PlanError, match=r"cannot read .*: Is a directory"):
        load(tmp_path)
    with pytest.raises(PlanError, match="special tokens there are"):
        load(bpe_json, end_of_text="<eos>")
    with pytest.raises(PlanError, match=r"for \.tiktoken files"):
        load(bpe_json, pretokenizer="gpt4")


@pytest.mark.data
def test_real_documents_have_the_ids_of_tokenizers(bpe_json: Path, shared_data: Path) -> None:
    encoder, oracle = load(bpe_json), without_special_tokens(bpe_json)
    n = 0
    for name in ("multilingual_debian_docs", "code", "math", "zh_reviews"):
        with (shared_data / "proxy_corpus" / f"{name}.jsonl.zst").open("rb") as file:
            lines = io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(file), encoding="utf-8")
            texts = [
                json.loads(line)["text"] + LITERALS[1] for _, line in zip(range(60), lines, strict=False)
            ]
        assert encoder.encode(pa.array(texts)).to_pylist() == [oracle.encode(t).ids for t in texts]
        assert encoder.round_trips(pa.array(texts)).all()
        n += len(texts)
    assert n == 240
