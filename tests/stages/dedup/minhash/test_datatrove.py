"""Equal to datatrove, bit for bit: its normalisation on nasty strings, its signatures on real documents."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import xxhash
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import simplify_text
from hypothesis import assume, example, given
from hypothesis import strategies as st

from stages.dedup.minhash.datatrove import Datatrove, permutations, scratch_for
from stages.dedup.minhash.shingles import Bits, Hashing
from stages.dedup.minhash.signature import signatures
from stages.dedup.minhash.simplify import simplify
from stages.text.buffers import Bytes
from stages.text.kernel import Int, kernel
from tests.stages.documents import documents

PIECES = [
    *("Ab", "Don't", "É", "ﬁ", "e\u0301", "İI", "ß", "ς", "각", "힣", "가", "漢字", "。", "ন", "ো", "ொ"),
    *("Ω", "Å", "1", "23", "4.5", "6,7,8", ".", ",", "٫", "٣", "１", "๔", "⎖"),
    *("²", "½", "𝟡", "\U0001e4f3", "\U00010d40", "€", "≠", "\u037e"),
    *(" ", "\n", "\t", "\u00a0", "\u3000", "\x1c", "\x00", "\x7f", "\x85", "-", "…", "’", "‘", "“"),
    *("\u200b", "\ufe0f", "😀", "\U000e0101", "〈", "\u1fef", "\u2000", "𝅗𝅥", "\U0001d15e", "Ⱥ", "₂"),
]  # fmt: skip
LANGUAGES = ("web_en_gold", "multilingual_debian_docs", "zh_books", "zh_reviews", "books", "code", "math")


@kernel
def simplified(data: Bytes, start: Int, stop: Int, out: Bytes) -> Int:
    return simplify(data, start, stop, out)


def ours(text: str) -> str:
    data = np.frombuffer(b"#" + text.encode() + b"9", np.uint8)
    out = scratch_for(len(data)).simple
    return bytes(out[: simplified(data, 1, len(data) - 1, out)]).decode()


def moves(char: str) -> bool:
    """Whether NFD may put it elsewhere, though it is kept."""
    return unicodedata.combining(char) > 0 and unicodedata.category(char) != "Mn"


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=2), max_size=10).map("".join))
@example("1.2.3,4")
@example("1.\u0301 2")
@example("１５x0")
@example("a \u0301 b")
@example("각하 ABC")
def test_text_is_simplified_alike(text: str) -> None:
    assume(not any(map(moves, unicodedata.normalize("NFD", text))))
    assume("Σ" not in text)  # the context of which is looked at before
    assert ours(text).split() == simplify_text(text).split()
    assert "  " not in ours(text)


@pytest.mark.parametrize("first", range(0, 0x30000, 0x3000))
def test_every_character_between_letters(first: int) -> None:
    """Unassigned and private planes behind need no test: nothing becomes of them."""
    wrong = []
    for code in range(first, first + 0x3000):
        char = chr(code)
        if not 0xD800 <= code < 0xE000 and char != "Σ" and not moves(char):
            text = f"x{char}y"
            if ours(text).split() != simplify_text(text).split():
                wrong.append(hex(code))
    assert wrong == []


def test_golden_permutations() -> None:
    """Values drawn by datatrove's own code with seed 1."""
    factors, terms = permutations(112, 1)
    assert factors[:3].tolist() == [775169054918279404, 1758426461858698313, 2109959069025162]
    assert terms[:3].tolist() == [1062448801025099917, 1324811268927594100, 1217488311597731462]
    assert (factors[111], terms[111]) == (223865076026037746, 1097409548522419201)


def test_golden_bucket() -> None:
    text = pa.array(["The quick, brown fox jumps over the lazy dog — again!"])
    minima, n_shingles = signatures(text, 112, Datatrove(hashing="sha1"))
    assert n_shingles.tolist() == [6]
    assert minima[0, :8].tolist() == [
        585594454516184072, 284080765670708113, 594234408324153881, 226360113463360020, 42312182183823545,
        295150809832830541, 316606424307206655, 439255022718586444,
    ]  # fmt: skip


def block(hashing: Hashing, bits: Bits, folder: Path, ngram: int = 5) -> MinhashDedupSignature:
    hash_config = HashConfig(hash_fc=hashing, precision=bits)
    found = MinhashDedupSignature(str(folder), MinhashConfig(n_grams=ngram, hash_config=hash_config))
    if hashing == "xxhash":  # since xxhash 4 strings must be encoded, which datatrove does not do
        digest: Callable[[bytes], int] = xxhash.xxh32_intdigest if bits == 32 else xxhash.xxh64_intdigest
        found._hash_func = lambda text: digest(text.encode())
    return found


def theirs(step: MinhashDedupSignature, text: str) -> npt.NDArray[Any] | None:
    shingles = step.get_shingles(text)
    return np.concatenate(step.get_signature(shingles)) if len(shingles) else None


def compare(texts: list[str], hashing: Hashing, bits: Bits, folder: Path) -> int:
    """How many of the texts have a signature; all are equal."""
    step = block(hashing, bits, folder)
    minima, n = signatures(pa.array(texts), 112, Datatrove(hashing=hashing, bits=bits))
    expected = [theirs(step, text) for text in texts]
    assert [e is not None for e in expected] == (n > 0).tolist()
    equal = [e is None or e.tolist() == m.tolist() for e, m in zip(expected, minima, strict=True)]
    assert [i for i, same in enumerate(equal) if not same] == []
    return int((n > 0).sum())


@pytest.mark.data
def test_signatures_of_documents_in_many_languages(shared_data: Path, tmp_path: Path) -> None:
    texts = []
    for name, every in zip(LANGUAGES, (9, 9, 6, 40, 7, 15, 40), strict=True):
        texts += [text[:1500] for text in islice(documents(shared_data, name), 0, 90 * every, every)]
    assert len(texts) >= 600
    assert compare(texts, "xxhash", 64, tmp_path) >= 500


@pytest.mark.data
@pytest.mark.parametrize(("hashing", "bits"), [("sha1", 64), ("sha1", 32), ("xxhash", 32)])
def test_other_hashes(shared_data: Path, tmp_path: Path, hashing: Hashing, bits: Bits) -> None:
    texts = [text[:2000] for text in islice(documents(shared_data, "multilingual_debian_docs"), 0, 1600, 40)]
    assert compare(texts, hashing, bits, tmp_path) >= 30


@pytest.mark.data
def test_whole_documents(shared_data: Path, tmp_path: Path) -> None:
    texts = list(islice(documents(shared_data, "web_en_gold"), 0, 300, 30))
    assert compare(texts, "xxhash", 64, tmp_path) == 10


@pytest.mark.parametrize(
    "text",
    [
        "ΟΔΟΣ ΣΟΦΟΣ Σ ΑΣ' ΣΑΣ ἈΣ\u0301Β ΑΣ\u0301 ΑΣ.Β Σ",
        "don't can't won't 'tis I'm gonna cannot U.S.A. 10am 5km e.g. o.o",
        "각하 한국어 문장 하나 둘 셋",
        "one two three four",
        "",
    ],
)
@pytest.mark.parametrize("hashing", ["sha1", "xxhash"])
def test_texts_that_ask_for_care(text: str, hashing: Hashing, tmp_path: Path) -> None:
    step = block(hashing, 64, tmp_path, ngram=2)
    minima, n = signatures(pa.array([text]), 112, Datatrove(ngram=2, hashing=hashing))
    expected = theirs(step, text)
    assert (expected is None) == (n[0] == 0)
    if expected is not None:
        assert minima[0].tolist() == expected.tolist()


def test_a_short_text_has_no_signature() -> None:
    minima, n = signatures(pa.array(["a, b. c! d?", None, "a b c d e"]), 4, Datatrove())
    assert n.tolist() == [0, 0, 1]
    assert (minima[:2] == 2**64 - 1).all()
    assert (minima[2] < 2**61 - 1).all()
