"""What the ids of a tokenizer file stand for, and which of them text must never become."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PlanError


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The ids of a tokenizer, and the tokenizer's definition without the control tokens."""

    tokens: tuple[bytes, ...]
    """By id; empty for control ids and ids that stand for nothing."""
    end_of_text: int
    control: tuple[str, ...]
    """Markup whose literal string stays text when a document contains it."""
    text_only: str = ""
    """The tokenizer.json without them; '' for a ranks file, which holds none."""


def from_ranks(path: Path, literal: str, end_of_text: int | None) -> Vocabulary:
    """A `.tiktoken` file: base64 of a token and its id in each line.

    It carries no control tokens: `end_of_text` is the id of `literal`, or None for the first after the ranks.
    """
    ranks: dict[int, bytes] = {}
    for line, text in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            token, _, rank = text.partition(b" ")
            ranks[int(rank)] = base64.b64decode(token, validate=True)
        except ValueError as error:
            raise PlanError(f"{path}:{line}: not a line of a .tiktoken file: {error}") from error
    after = max(ranks, default=-1) + 1
    end = after if end_of_text is None else end_of_text
    if end in ranks:
        raise PlanError(f"{path}: id {end} of the end of text is an ordinary token's")
    tokens = tuple(ranks.get(i, b"") for i in range(max(after, end + 1)))
    return Vocabulary(tokens=tokens, end_of_text=end, control=(literal,))


def from_json(path: Path, literal: str) -> Vocabulary:
    """A `tokenizer.json` (HF) whose model is a byte-level BPE; `literal` is its token for the end of text."""
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PlanError(f"{path}: not JSON: {error}") from error
    _demand_byte_level(path, spec)
    entries: dict[str, int] = spec["model"]["vocab"]
    added: dict[str, dict[str, Any]] = {t["content"]: t for t in spec.get("added_tokens") or []}
    reachable = _reachable(path, spec["model"])
    control = _control(path, added, literal, entries, reachable)
    ids = entries | {content: int(token["id"]) for content, token in added.items()}
    alphabet = byte_alphabet()
    tokens = [b""] * (max(ids.values()) + 1)
    for content, number in ids.items():
        if content in reachable or (content not in added and alphabet.keys() >= set(content)):
            tokens[number] = bytes(alphabet[c] for c in content)
        elif content not in control:
            tokens[number] = content.encode()
    for content in control:
        tokens[ids[content]] = b""
    return Vocabulary(
        tokens=tuple(tokens),
        end_of_text=ids[literal],
        control=control,
        text_only=_without(spec, set(control)),
    )


def byte_alphabet() -> dict[str, int]:
    """The 256 characters that byte-level vocabularies write bytes as (Radford et al. 2019, GPT-2's code).

    Printable Latin-1 characters stand for themselves; the other bytes follow from U+0100 on.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = sorted(set(range(256)) - set(printable))
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(others)}


def _demand_byte_level(path: Path, spec: Any) -> None:
    model = spec.get("model") if isinstance(spec, dict) else None
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict):
        raise PlanError(f"{path}: not a tokenizer.json with a BPE model: it has no table of tokens and ids")
    kind = "BPE with byte fallback" if model.get("byte_fallback") else model.get("type", "BPE")
    if kind != "BPE":
        raise PlanError(f"{path}: a {kind} model; only byte-level BPE gives back the bytes it was given")
    pre = spec.get("pre_tokenizer") or {}
    if not any(part.get("type") == "ByteLevel" for part in pre.get("pretokenizers") or [pre]):
        raise PlanError(f"{path}: not byte-level: its pre_tokenizer has no ByteLevel part")
    if missing := byte_alphabet().keys() - model["vocab"].keys():
        raise PlanError(f"{path}: not byte-level: {len(missing)} of 256 bytes are not in the vocabulary")


def _reachable(path: Path, model: dict[str, Any]) -> set[str]:
    """Vocabulary entries that ordinary text can become: single bytes and what merges make of them."""
    pairs = [m.split(" ") if isinstance(m, str) else m for m in model.get("merges") or []]
    made = {"".join(pair) for pair in pairs}
    if unknown := made - model["vocab"].keys():
        raise PlanError(f"{path}: {len(unknown)} merges make tokens that are not in the vocabulary")
    return made | byte_alphabet().keys()


def _control(
    path: Path,
    added: dict[str, dict[str, Any]],
    literal: str,
    entries: dict[str, int],
    reachable: set[str],
) -> tuple[str, ...]:
    """Added tokens that are markup and not text.

    That is all of them, flagged special or not (Qwen does not flag `<|fim_prefix|>` and `<tool_call>`), but
    for runs of white space that are not flagged: those are how GPT-NeoX and its heirs write text.
    """
    if literal not in added and literal not in entries:
        specials = ", ".join(sorted(t for t in added if added[t].get("special"))) or "none"
        raise PlanError(f"{path}: no end of text {literal!r}; the special tokens there are: {specials}")
    if literal in reachable:
        raise PlanError(f"{path}: {literal!r} is an ordinary token, so it cannot mark the end of text")
    markup = {t for t, token in added.items() if token.get("special") or not t.isspace()}
    return tuple(sorted({*markup, literal} - reachable))


def _without(spec: dict[str, Any], control: set[str]) -> str:
    """The same tokenizer, knowing no control tokens and adding nothing of its own."""
    model = spec["model"]
    added = [
        t
        for t in spec.get("added_tokens") or []
        if not t.get("special") and t["content"].isspace() and t["content"] not in control
    ]
    entries = {token: number for token, number in model["vocab"].items() if token not in control}
    # HF tokenizers numbers added tokens anew, unless the vocabulary has them; no merge leads to these.
    entries |= {t["content"]: t["id"] for t in added}
    plain = spec | {"added_tokens": added, "model": model | {"vocab": entries, "dropout": None}}
    return json.dumps(plain | dict.fromkeys(["post_processor", "truncation", "padding"]), ensure_ascii=False)
