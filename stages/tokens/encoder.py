"""A loaded tokenizer: documents in an Arrow column to tokens in an Arrow column, on one thread.

The libraries that do it are imported with the first tokenizer: they take a while.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PlanError
from pipeline.store import digest
from stages.tokens.vocabulary import Vocabulary, from_json, from_ranks

if TYPE_CHECKING:
    import gigatoken
    import tokenizers

END_OF_TEXT = "<|endoftext|>"

BUILT_IN = {"bytes": Path(__file__).with_name("bytes.json")}
"""Tokenizers that need no file of the user's. `bytes`: one id for each byte, end of text 256."""

PUBLISHED = {"r50k_base": ("gpt2", 50256), "cl100k_base": ("gpt4", 100257), "o200k_base": ("o200k", 199999)}
"""Ranks files OpenAI publishes: split pattern and end of text, which the files do not carry."""

PROBE = (
    "It's 12345 o'CLOCK, they'LL go\r\n\r\n\tdef f(x):\n        return  x**2 +  3.14e-7   \n"
    "naïve café — “quoted” Straße İstanbul ﬁn e\u0301 中文字符,测试。日本語のテスト 한국어 हिन्दी ไทย"
    " עברית عربي \U0001f600\U0001f469\u200d\U0001f467\u00a0\u2003\u200b\ufeff x\x00y ½²Ⅷ"
    " <|im_start|><s></s>[INST] _a_b CamelCase http://a.b/c?d=e#f \n \n"
)
"""What a back end must encode as HF tokenizers does before it is trusted with documents."""

Flat = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]
Encode = Callable[[pa.Array], Flat]
"""large_string array without validity -> offsets [rows + 1] from 0, ids [tokens]."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoder:
    """A loaded tokenizer. Get one with `load`."""

    path: Path
    sha256: str
    kind: str
    """json or tiktoken"""
    pretokenizer: str | None
    """Split pattern of a ranks file; a tokenizer.json brings its own."""
    vocabulary: Vocabulary
    token_bytes: npt.NDArray[np.int32]
    """[vocab_size] UTF-8 bytes of each token; 0 for control ids and ids that stand for nothing."""
    backend: str
    """gigatoken, or tokenizers where that one does not know the split pattern"""
    flat: Encode

    @property
    def vocab_size(self) -> int:
        """Largest id + 1, added tokens included."""
        return len(self.token_bytes)

    @property
    def end_of_text(self) -> int:
        """The id that begins each chunk; no text encodes to it."""
        return self.vocabulary.end_of_text

    def encode(self, text: pa.Array) -> pa.ListArray:
        """list<int32> [rows]: the tokens of each document, none for a null, without end of text."""
        offsets, ids = self.flat(_without_nulls(text))
        return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(ids))

    def decode(self, ids: npt.NDArray[np.integer]) -> bytes:
        """The bytes that tokens stand for; control ids stand for none."""
        return b"".join([self.vocabulary.tokens[i] for i in ids])

    def round_trips(self, text: pa.Array) -> npt.NDArray[np.bool_]:
        """bool [rows]: decode(encode(x)) == x, byte for byte; a null counts as empty.

        False only where the tokenizer normalizes (Qwen: NFC) or puts a space in front.
        """
        offsets, ids = self.flat(_without_nulls(text))
        spans = zip(offsets[:-1], offsets[1:], text.to_pylist(), strict=True)
        same = (self.decode(ids[a:b]) == (document or "").encode() for a, b, document in spans)
        return np.fromiter(same, bool, len(text))


def load(tokenizer: str | Path, end_of_text: str = END_OF_TEXT, pretokenizer: str | None = None) -> Encoder:
    """The tokenizer in a `tokenizer.json` (byte-level BPE) or `.tiktoken` file, cached by path and content.

    `tokenizer` may also name one of BUILT_IN. `pretokenizer` names the split pattern of a `.tiktoken` file
    that is not one of PUBLISHED (gigatoken's names: gpt2, gpt4, o200k, qwen2, ...); its end of text is then
    the first id after the ranks, as in Qwen.

    Raises:
        PlanError: no such file, not a byte-level BPE, or no such end of text in it.
    """
    path = BUILT_IN.get(str(tokenizer), Path(tokenizer))
    try:
        stat = path.stat()
        sha256 = _digest(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise PlanError(f"tokenizer {str(path)!r} cannot be read: {error.strerror}") from error
    return _load(path, sha256, end_of_text, pretokenizer)


@cache
def _digest(path: Path, mtime_ns: int, size: int) -> str:
    return digest(path)


@lru_cache(maxsize=4)
def _load(path: Path, sha256: str, literal: str, pretokenizer: str | None) -> Encoder:
    if path.suffix == ".tiktoken":
        kind, backend = "tiktoken", "gigatoken"
        published, end = PUBLISHED.get(path.stem, (None, None))
        if (pretokenizer := pretokenizer or published) is None:
            raise PlanError(f"{path}: a ranks file does not say how text is split; set pretokenizer, as gpt4")
        vocabulary = from_ranks(path, literal, end)
        flat = _of_ranks(path, pretokenizer)
    else:
        kind = "json"
        if pretokenizer is not None:
            raise PlanError(f"{path}: pretokenizer is for .tiktoken files; a tokenizer.json brings its own")
        vocabulary = from_json(path, literal)
        backend, flat = _of_json(vocabulary)
    token_bytes = np.array([len(token) for token in vocabulary.tokens], np.int32)
    _, ids = flat(pa.array([PROBE, *vocabulary.control, "".join(vocabulary.control)], pa.large_string()))
    if not token_bytes[ids].all():
        raise PlanError(f"{path}: text that spells a control token would become its id")
    return Encoder(
        path=path, sha256=sha256, kind=kind, pretokenizer=pretokenizer, vocabulary=vocabulary,
        token_bytes=token_bytes, backend=backend, flat=flat,
    )  # fmt: skip


def _without_nulls(text: pa.Array) -> pa.Array:
    """The text as large strings without a validity bitmap; a null is an empty text."""
    full = pc.fill_null(text, "").cast(pa.large_string())
    _, offsets, data = full.buffers()
    buffers = [None, offsets, data if data is not None else pa.py_buffer(b"")]
    return pa.Array.from_buffers(full.type, len(full), buffers, null_count=0, offset=full.offset)


def _of_ranks(path: Path, pretokenizer: str) -> Encode:
    import gigatoken

    try:
        backend = gigatoken.Tokenizer.from_tiktoken(path, pretokenizer=pretokenizer, special_tokens={})
    except (RuntimeError, ValueError) as error:
        raise PlanError(f"{path}: {str(error).splitlines()[0]}") from error
    return _with_gigatoken(backend)


def _of_json(vocabulary: Vocabulary) -> tuple[str, Encode]:
    """gigatoken where it gives the ids that HF tokenizers gives on PROBE; else HF tokenizers, slower.

    gigatoken 0.10 refuses split patterns other than those of published models, and ignores some parts of a
    pre-tokenizer without a word.
    """
    import gigatoken
    import tokenizers

    slow = _with_tokenizers(tokenizers.Tokenizer.from_str(vocabulary.text_only))
    try:
        fast = _with_gigatoken(gigatoken.Tokenizer.from_json(vocabulary.text_only))
    except RuntimeError:
        return "tokenizers", slow
    probe = pa.array([PROBE, PROBE.join(vocabulary.control)], pa.large_string())
    if not np.array_equal(fast(probe)[1], slow(probe)[1]):
        return "tokenizers", slow
    return "gigatoken", fast


def _with_gigatoken(backend: gigatoken.Tokenizer) -> Encode:
    import awkward as ak

    def encode(text: pa.Array) -> Flat:
        if not len(text):
            return np.zeros(1, np.int64), np.zeros(0, np.int32)
        # Arrow's buffers go in as they are. Workers are processes, so it gets no threads of its own.
        layout = backend.encode_batch(ak.from_arrow(text), parallel=False).layout
        offsets = np.asarray(layout.offsets.data, np.int64)
        return offsets - offsets[0], layout.content.data[offsets[0] : offsets[-1]].view(np.int32)

    return encode


def _with_tokenizers(backend: tokenizers.Tokenizer) -> Encode:
    def encode(text: pa.Array) -> Flat:
        # One document at a time: its batches start threads.
        ids = [backend.encode(document, add_special_tokens=False).ids for document in text.to_pylist()]
        offsets = np.cumsum([0, *map(len, ids)], dtype=np.int64)
        return offsets, np.fromiter((i for each in ids for i in each), np.int32, offsets[-1])

    return encode
