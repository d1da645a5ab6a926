from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stages.extract.mojibake import repaired

FRENCH = "Où l’été s’achève : « déjà », dit-elle — ça coûte 5 €."
RUSSIAN = "Съешь же ещё этих мягких французских булок — да выпей чаю… «Ёлка» №5"
CHINESE = "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。"
ENGLISH = "It’s “quoted” — and that’s all…"
POLISH = "Zażółć gęślą jaźń"
TEXTS = [FRENCH, RUSSIAN, CHINESE, ENGLISH, POLISH, f"{ENGLISH}\n{CHINESE}\n\n{FRENCH}", "naïve"]
CHARSETS = ["cp1252", "latin-1", "cp1251"]


def misread(text: str, charset: str) -> str:
    """UTF-8 read in another charset, as browsers do it."""
    return "".join(
        chr(b) if charset == "latin-1" or (c := bytes([b]).decode(charset, "replace")) == "\ufffd" else c
        for b in text.encode()
    )


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("text", TEXTS)
def test_what_was_misread_is_undone(text: str, charset: str) -> None:
    broken = misread(text, charset)
    assert broken != text
    assert repaired(broken) == text
    assert repaired(misread(f"{text}😀", charset)) == f"{text}😀"


@pytest.mark.parametrize(
    "text", [*TEXTS, "", "plain", "«Ãéà» ÃÂÀÔ Â§ 5", "Ľľ Ŕŕ ŁĄŹĹ", "à éè", "10 °C ± 2 µm"]
)
def test_what_is_right_stays(text: str) -> None:
    for whole in (text, text + "\r\n\tx  ﬁ ¼ \u00a0“straight” ＡＢＣ"):
        assert repaired(whole) == whole


def test_a_text_that_speaks_of_it_stays() -> None:
    text = f"Wer „Ã©“ oder „Ã¨“ sieht, hat UTF-8 als Latin-1 gelesen. {'Das hört man öfter, natürlich. ' * 9}"
    assert repaired(text) == text


def test_a_part_that_is_right_stays_right() -> None:
    broken = f"{misread(FRENCH, 'cp1252')}\n{CHINESE[:8]}\n{misread(ENGLISH, 'cp1252')}\nplain"
    assert repaired(broken) == f"{FRENCH}\n{CHINESE[:8]}\n{ENGLISH}\nplain"


def test_bytes_that_were_lost_do_not_stop_it() -> None:
    broken = misread(f"{ENGLISH}\n{FRENCH}\nà la fin\n", "cp1252")
    assert repaired(broken.replace("\xa0", " ")).splitlines()[0] == ENGLISH
    lost = f"{misread(FRENCH, 'cp1252')}\n\ufffd\n"
    assert repaired(lost) == f"{FRENCH}\n\ufffd\n"


def test_a_long_line_is_bounded_work() -> None:
    broken = misread(FRENCH, "cp1252") * 40_000
    assert repaired(broken) == FRENCH * 40_000
    assert repaired(f"{broken}中") == f"{broken}中"


@given(st.text(max_size=60), st.sampled_from(CHARSETS))
def test_any_text(text: str, charset: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    for given_ in (text, misread(text, charset)):
        found = repaired(given_)
        assert "\0" not in found or "\0" in given_
        found.encode()


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=5, max_size=40))
def test_chinese_comes_back(text: str) -> None:
    assert repaired(misread(text, "cp1252")) == text
    assert repaired(text) == text


@pytest.mark.data
@pytest.mark.parametrize(
    "name", ["zh_books", "multilingual_debian_docs", "encyclopedia_en", "qa_sci_samples"]
)
def test_real_text(shared_data: Path, name: str) -> None:
    """Clean documents stay as they are; misread ones become what they were."""
    raw = (shared_data / f"proxy_corpus/{name}.jsonl.zst").read_bytes()
    with zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(raw) as reader:
        texts = [json.loads(line)["text"] for line in io.TextIOWrapper(reader, "utf-8")][::7]
    n_clean = n_back = n_all = 0
    for text in texts:
        n_clean += repaired(text) == text
        part = text[:2000]
        if not part.isascii():
            n_all += 3
            n_back += sum(repaired(misread(part, charset)) == part for charset in CHARSETS)
    assert n_clean == len(texts)
    assert n_all >= 15
    assert n_back >= 0.99 * n_all
