from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stages.ingest.charset import decode

RUSSIAN = "Съешь же ещё этих мягких французских булок, да выпей чаю. Широкая электрификация южных губерний."
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。"
CHINESE = "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。寒来暑往，秋收冬藏。"
TAIWAN = "人之初，性本善。性相近，習相遠。苟不教，性乃遷。"
KOREAN = "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다."
GREEK = "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα."
FRENCH = "Tous les êtres humains naissent libres et égaux en dignité et en droits, où que ça soit : l’été."
POLISH = "Zażółć gęślą jaźń. Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw."
THAI = "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ"

LEGACY = [
    ("windows-1251", RUSSIAN),
    ("koi8-r", RUSSIAN),
    ("shift_jis", JAPANESE),
    ("euc-jp", JAPANESE),
    ("iso-2022-jp", JAPANESE),
    ("gb2312", CHINESE),
    ("gbk", CHINESE),
    ("gb18030", CHINESE + "𠀀㐀"),
    ("big5", TAIWAN),
    ("euc-kr", KOREAN),
    ("windows-1253", GREEK),
    ("windows-1252", FRENCH),
    ("windows-1250", POLISH),
    ("tis-620", THAI),
]


def page(text: str, meta: str = "", n: int = 3) -> str:
    return f"<html><head>{meta}<title>{text[:9]}</title></head><body>{f'<p>{text}</p>' * n}</body></html>"


@pytest.mark.parametrize(("charset", "text"), LEGACY)
def test_the_header_is_believed(charset: str, text: str) -> None:
    want = page(text)
    assert decode(want.encode(charset), f"text/html; charset={charset}") == want
    assert decode(want.encode(charset), f'text/html;Charset="{charset.upper()}"') == want


@pytest.mark.parametrize(("charset", "text"), LEGACY)
@pytest.mark.parametrize(
    "meta", ['<meta charset="{}">', '<META HTTP-EQUIV=Content-Type CONTENT="text/html; charset={}">']
)
def test_the_page_is_believed(charset: str, text: str, meta: str) -> None:
    want = page(text, meta.format(charset))
    assert decode(want.encode(charset)) == want
    assert decode(want.encode(charset), "text/html") == want


@pytest.mark.parametrize(("charset", "text"), LEGACY)
@pytest.mark.parametrize("lie", ["utf-8", "iso-8859-1", "us-ascii", "no-such-charset"])
def test_a_header_that_lies_is_found_out(charset: str, text: str, lie: str) -> None:
    want = page(text, f'<meta charset="{charset}">')
    assert decode(want.encode(charset), f"text/html; charset={lie}") == want


@pytest.mark.parametrize(
    "lie", ["iso-8859-1", "windows-1251", "gbk", "shift_jis", "euc-kr", "big5", "utf-16"]
)
@pytest.mark.parametrize("text", [RUSSIAN, JAPANESE, CHINESE, FRENCH, GREEK])
def test_utf_8_is_utf_8_whatever_is_said(text: str, lie: str) -> None:
    want = page(text, f'<meta charset="{lie}">')
    assert decode(want.encode(), f"text/html; charset={lie}") == want


def test_nothing_said_is_detected() -> None:
    pages = {charset: page(text, n=20) for charset, text in LEGACY[:6] if charset != "iso-2022-jp"}
    assert len(pages) == 5
    assert {charset: decode(want.encode(charset)) for charset, want in pages.items()} == pages


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_byte_order_marks_and_utf_16(encoding: str) -> None:
    want = page(CHINESE + FRENCH)
    assert decode(want.encode(encoding), "text/html; charset=iso-8859-1") == want
    assert decode("\ufeff".encode(encoding) + want.encode(encoding)).lstrip("\ufeff") == want
    assert decode(("\ufeff" + want).encode("gb18030")) == want


def test_a_few_characters_are_not_mistaken_for_utf_8() -> None:
    # The classic: these two characters in GBK are valid UTF-8.
    assert decode("联通".encode("gbk"), "text/html; charset=gbk") == "联通"
    assert decode("é".encode(), "text/html; charset=iso-8859-1") == "é"


def test_a_few_bad_bytes_do_not_change_the_charset() -> None:
    data = bytearray(page(RUSSIAN).encode())
    data[100] = 0xFF
    assert RUSSIAN in decode(bytes(data), "text/html; charset=iso-8859-1")
    assert "\ufffd" in decode(bytes(data))
    cut = page(CHINESE).encode("gb18030")[: page(CHINESE).encode("gb18030").rindex(b"</p>") - 3]
    assert CHINESE[:20] in decode(cut, "text/html; charset=gb18030")
    assert RUSSIAN in decode(page(RUSSIAN).encode()[:-30] + "Я".encode()[:1])


def test_names_mean_what_the_web_means() -> None:
    assert decode(b"\x93quoted\x94 \x80", "text/html; charset=iso-8859-1") == "“quoted” €"
    assert decode("①～㈱".encode("cp932") + JAPANESE.encode("cp932"), "charset=shift_jis").startswith("①～㈱")
    assert decode("똠방각하 펲시콜라".encode("cp949"), "charset=euc-kr") == "똠방각하 펲시콜라"
    assert decode("朱镕基 €".encode("gb18030"), "charset=gb2312") == "朱镕基 €"


def test_no_break_spaces_are_no_foreign_script() -> None:
    data = b"<td>" + b"\xa0" * 500 + b"</td>caf\xe9"
    assert decode(data, "text/html; charset=iso-8859-1").endswith("café")


def test_nul_is_replaced() -> None:
    assert decode(b"a\0b") == "a\ufffdb"
    assert decode("ж\0".encode("cp1251") * 9, "charset=windows-1251") == "ж\ufffd" * 9
    assert decode(b"") == ""


@given(
    st.binary(max_size=300), st.sampled_from(["", "charset=utf-16", "charset=iso-2022-jp", "charset=big5"])
)
def test_any_bytes_become_text_that_arrow_holds(data: bytes, said: str) -> None:
    for sample in (data, b'<meta charset="shift_jis">' + data, data * 40):
        text = decode(sample, said)
        assert "\0" not in text
        pa.array([text], pa.string()).validate(full=True)


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffd"), max_size=200)
)
def test_utf_8_comes_back(text: str) -> None:
    data = text.encode()
    assert decode(b"<p>" + data, "text/html; charset=utf-8") == "<p>" + text
    assert decode(b"\xef\xbb\xbf" + data) == text


@pytest.mark.data
def test_real_pages_in_no_charset_of_their_own(shared_data: Path) -> None:
    """Pages whose bytes are not UTF-8, none of them with a header: few characters may be lost."""
    n_pages = n_bad = n_high = 0
    for name in ("cc_pages/hplt_cc_wide_pages", "extraction/trafilatura_eval", "extraction/wcxb"):
        raw = (shared_data / f"{name}.jsonl.zst").read_bytes()
        with zstandard.ZstdDecompressor(max_window_size=1 << 31).stream_reader(raw) as reader:
            for line in io.BufferedReader(reader, 1 << 20):
                if b'"html_base64"' not in line or not (coded := json.loads(line).get("html_base64")):
                    continue
                data = base64.b64decode(coded)
                text = decode(data)
                n_pages += 1
                n_bad += text.count("\ufffd") - data.count(b"\xef\xbf\xbd") - data.count(b"\0")
                n_high += sum(b > 127 for b in data)
    assert n_pages >= 10
    assert n_bad < n_high / 100


@pytest.mark.parametrize("stray", ["①", "㈱", "58㎝", "髙橋", "Ⅷ", "纊"])
def test_japanese_as_the_web_has_it(stray: str) -> None:
    want = f"<p>{JAPANESE}{stray}{JAPANESE}"
    pairs = b"".join(_euc(c) for c in want)
    assert decode(pairs, "text/html; charset=euc-jp") == want
    seven = b"".join(
        b"\x1b$B" + bytes(b & 127 for b in _euc(c)) + b"\x1b(B" for c in stray if not c.isascii()
    )
    text = stray.lstrip("58")
    assert decode(b"<p>" + seven, "text/html; charset=iso-2022-jp") == "<p>" + text


def _euc(char: str) -> bytes:
    """EUC-JP from Shift_JIS, by arithmetic: Python's codec lacks the rows of NEC and IBM."""
    coded = char.encode("cp932")
    if len(coded) < 2 or coded[0] >= 0xFA:
        return {"髙": b"\xfc\xe2", "纊": b"\xf9\xa1"}.get(char, coded)
    lead, trail = coded
    row = (lead - (0x81 if lead < 0xA0 else 0xC1)) * 2 + (1 if trail < 0x9F else 2)
    cell = trail - (0x9E if trail >= 0x9F else 0x40 if trail > 0x7F else 0x3F)
    return bytes((row + 0xA0, cell + 0xA0))


@pytest.mark.parametrize(
    ("charset", "pair"),
    [("euc-jp", b"\xaf\xaf"), ("euc-kr", b"\xc9\xa1"), ("big5", b"\x81\xfe"), ("gbk", b"\xff")],
)
def test_what_is_no_character_does_not_garble_what_follows(charset: str, pair: bytes) -> None:
    text = {"euc-jp": JAPANESE, "euc-kr": KOREAN, "big5": TAIWAN, "gbk": CHINESE}[charset] * 3
    data = text.encode(charset)
    assert decode(data + pair + data, f"text/html; charset={charset}") == f"{text}\ufffd{text}"


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp949", "기상청은 오늘 앞으로 사흘 동안 비가 내릴 것이라고 밝혔다."),
        ("cp949", "안녕하세요"),
        ("gb18030", "网站地图，欢迎访问"),
        ("cp932", "お問い合わせはこちらから。"),
        ("euc_jp", "お問い合わせはこちらから。"),
        ("big5hkscs", "歡迎光臨我們的網站，請按這裡。"),
        ("iso2022_jp", "古い石垣は春までに直される。"),
        ("cp874", "“กรมอุตุนิยมวิทยา” รายงานว่า “สุขภาพ” ของประชาชนในกรุงเทพมหานครดีขึ้น"),
        ("utf-16-le", "古い石垣は春までに"),
        ("utf-16-be", "Grüße aus Köln"),
    ],
)
def test_undeclared_or_declared_as_servers_do_unasked(codec: str, text: str) -> None:
    for want in (page(text), f"\n<!DOCTYPE html><title>Home</title><p>{text}</p>"):
        for said in ("", "text/html", "text/html; charset=utf-8", "text/html; charset=iso-8859-1"):
            assert decode(want.encode(codec), said) == want, said


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("tis-620", "cp874", "“กรมอุตุ…สุขภาพ”"),
        ("iso-8859-2", "cp1250", "Święto książki „w źródłach” – šťáva"),
        ("iso-8859-7", "cp1253", "“Όλοι” οι Άνθρωποι"),
        ("iso-8859-8", "cp1255", "“שלום” – עולם"),
        ("iso-8859-6", "cp1256", "السلام عليكم پاکستان"),
        ("iso-8859-5", "cp1251", "“Ќе љубимо” – Њујорк"),
        ("iso-8859-13", "cp1257", "Žmonės – “laisvi”"),
        ("iso-8859-15", "cp1252", "“Cœur” – 5 €"),
    ],
)
def test_bytes_that_are_control_characters_in_iso_8859_are_windows(label: str, codec: str, text: str) -> None:
    assert decode(text.encode(codec), f"text/html; charset={label}") == text


def test_quotes_of_windows_do_not_change_the_letters_of_iso_8859_2() -> None:
    data = b"\x93" + "książka i święto".encode("iso-8859-2") + b"\x94"
    assert decode(data, "text/html; charset=iso-8859-2") == "“książka i święto”"


@pytest.mark.parametrize(
    "stray",
    [
        '<meta name="description" content="how to write charset=koi8-r in a page">',
        "<meta property='og:title' content='charset=koi8-r'>",
        '<!-- <meta charset="koi8-r"> -->',
        '<meta name="a" content="x > charset=koi8-r">',
    ],
)
def test_only_a_declaration_declares(stray: str) -> None:
    want = page(POLISH, stray + '<meta http-equiv="Content-Type" content="text/html; charset=windows-1250">')
    assert decode(want.encode("cp1250")) == want
