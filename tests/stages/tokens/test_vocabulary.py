from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import pre_tokenizers

from pipeline.errors import PlanError
from stages.tokens.encoder import BUILT_IN
from stages.tokens.vocabulary import byte_alphabet, from_json, from_ranks

END = "<|endoftext|>"


def added(content: str, number: int, special: bool = True) -> dict[str, Any]:
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": number, "content": content, "special": special, **flags}


def edited(source: Path, to: Path, edit: Callable[[dict[str, Any]], object]) -> Path:
    spec = json.loads(source.read_text())
    edit(spec)
    to.write_text(json.dumps(spec))
    return to


def test_byte_alphabet_is_the_one_of_tokenizers() -> None:
    alphabet = byte_alphabet()
    assert set(alphabet) == set(pre_tokenizers.ByteLevel.alphabet())
    assert sorted(alphabet.values()) == list(range(256))
    for byte in (0x00, 0x20, 0x41, 0x7F, 0xAD, 0xFF):  # as HF writes them, one byte at a time
        if byte < 0x80:
            (written, _), *_ = pre_tokenizers.ByteLevel(False, use_regex=False).pre_tokenize_str(chr(byte))
            assert alphabet[written] == byte


def test_bytes_tokenizer_has_one_id_for_each_byte() -> None:
    vocabulary = from_json(BUILT_IN["bytes"], END)
    assert vocabulary.tokens == (*(bytes([b]) for b in range(256)), b"")
    assert vocabulary.end_of_text == 256
    assert vocabulary.control == (END,)


def test_tokens_are_the_bytes_of_the_vocabulary(bpe_json: Path) -> None:
    vocabulary = from_json(bpe_json, END)
    spec = json.loads(bpe_json.read_text())["model"]
    assert len(vocabulary.tokens) == 600
    assert sorted(vocabulary.tokens)[:2] == [b"", b"\x00"]
    assert b" the" in vocabulary.tokens
    assert "模型".encode() in vocabulary.tokens
    for left, right in spec["merges"]:
        whole = vocabulary.tokens[spec["vocab"][left + right]]
        assert whole == vocabulary.tokens[spec["vocab"][left]] + vocabulary.tokens[spec["vocab"][right]]
    assert len(spec["merges"]) > 300


def test_merges_written_as_text_are_the_same(bpe_json: Path, tmp_path: Path) -> None:
    def as_text(spec: dict[str, Any]) -> None:
        spec["model"]["merges"] = [" ".join(pair) for pair in spec["model"]["merges"]]

    assert (
        from_json(edited(bpe_json, tmp_path / "t.json", as_text), END).tokens
        == from_json(bpe_json, END).tokens
    )


def test_added_tokens_are_control_but_for_unflagged_white_space(bpe_json: Path, tmp_path: Path) -> None:
    def add(spec: dict[str, Any]) -> None:
        spec["added_tokens"] += [
            added("<|im_start|>", 600),
            added("<tool_call>", 601, special=False),
            added("    ", 602, special=False),
            added("\t\t", 603, special=True),
            added("é…", 610, special=False),
        ]

    vocabulary = from_json(edited(bpe_json, tmp_path / "t.json", add), END)
    assert set(vocabulary.control) == {END, "<|im_start|>", "<tool_call>", "\t\t", "é…"}
    assert vocabulary.tokens[602] == b"    "
    assert len(vocabulary.tokens) == 611
    assert {vocabulary.tokens[i] for i in (0, 600, 601, 603, 604, 610)} == {b""}
    text_only = json.loads(vocabulary.text_only)
    assert [t["content"] for t in text_only["added_tokens"]] == ["    "]
    assert END not in text_only["model"]["vocab"]


def test_text_only_adds_nothing_of_its_own(bpe_json: Path, tmp_path: Path) -> None:
    def add(spec: dict[str, Any]) -> None:
        spec["truncation"] = {"max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
        spec["model"]["dropout"] = 0.5
        spec["post_processor"] = {"type": "ByteLevel"}

    text_only = json.loads(from_json(edited(bpe_json, tmp_path / "t.json", add), END).text_only)
    assert text_only["truncation"] is text_only["post_processor"] is text_only["model"]["dropout"] is None


def test_special_token_that_text_can_spell_stays_text(bpe_json: Path, tmp_path: Path) -> None:
    spec = json.loads(bpe_json.read_text())
    word = spec["model"]["merges"][0][0] + spec["model"]["merges"][0][1]
    number = spec["model"]["vocab"][word]
    path = edited(bpe_json, tmp_path / "t.json", lambda s: s["added_tokens"].append(added(word, number)))
    vocabulary = from_json(path, END)
    assert vocabulary.control == (END,)
    assert vocabulary.tokens[number] == from_json(bpe_json, END).tokens[number] != b""


def test_end_of_text_may_be_a_bare_vocabulary_entry(bpe_json: Path, tmp_path: Path) -> None:
    path = edited(bpe_json, tmp_path / "t.json", lambda s: s["added_tokens"].clear())
    assert from_json(path, END).end_of_text == 0


@pytest.mark.parametrize(
    ("literal", "says"),
    [
        ("</s>", r"no end of text '</s>'; the special tokens there are: <\|endoftext\|>"),
        ("a", "is an ordinary token"),
    ],
)
def test_end_of_text_must_be_a_control_token(bpe_json: Path, literal: str, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        from_json(bpe_json, literal)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda s: s["model"].update(type="Unigram"), "a Unigram model"),
        (lambda s: s["model"].update(byte_fallback=True), "BPE with byte fallback"),
        (lambda s: s.update(pre_tokenizer={"type": "Whitespace"}), "no ByteLevel"),
        (lambda s: s.update(pre_tokenizer=None), "no ByteLevel"),
        (lambda s: [s["model"]["vocab"].pop(c) for c in "ab"], "2 of 256 bytes"),
        (lambda s: s.pop("model"), "not a tokenizer.json"),
        (lambda s: s["model"]["merges"].append(["Z", "Z"]), "1 merges make tokens"),
    ],
)
def test_what_is_no_byte_level_bpe_is_refused(
    bpe_json: Path, tmp_path: Path, edit: Callable[[dict[str, Any]], object], says: str
) -> None:
    with pytest.raises(PlanError, match=says):
        from_json(edited(bpe_json, tmp_path / "t.json", edit), END)


@pytest.mark.parametrize("text", ["", "[]", "{", "3"])
def test_what_is_no_tokenizer_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(PlanError, match=r"not JSON|not a tokenizer\.json"):
        from_json(tmp_path / "t.json", END)


def ranks(path: Path, tokens: list[bytes]) -> Path:
    path.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % i for i, t in enumerate(tokens)))
    return path


def test_ranks_file_ends_with_the_end_of_text(tmp_path: Path) -> None:
    path = ranks(tmp_path / "r.tiktoken", [bytes([b]) for b in range(256)] + [b"ab"])
    vocabulary = from_ranks(path, END, None)
    assert vocabulary.tokens == (*(bytes([b]) for b in range(256)), b"ab", b"")
    assert (vocabulary.end_of_text, vocabulary.control) == (257, (END,))
    assert len(from_ranks(path, END, 300).tokens) == 301
    with pytest.raises(PlanError, match="id 3 of the end of text is an ordinary token's"):
        from_ranks(path, END, 3)


@pytest.mark.parametrize("line", [b"hello", b"YQ== x", b"?? 1"])
def test_damaged_ranks_file_is_refused_with_its_line(tmp_path: Path, line: bytes) -> None:
    path = ranks(tmp_path / "r.tiktoken", [b"a"])
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(PlanError, match=r"r\.tiktoken:2: not a line"):
        from_ranks(path, END, None)
