from __future__ import annotations

import gzip
import json
import random
from base64 import b64encode
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError
from pipeline.stage import Split
from stages.ingest.jsonl import Jsonl, parse_object
from stages.ingest.lines import lines

LIMIT = 1 << 20


def write(path: Path, data: bytes) -> str:
    if path.suffix == ".gz":
        data = gzip.compress(data)
    elif path.suffix == ".zst":
        data = zstandard.compress(data)
    path.write_bytes(data)
    return str(path)


def rows(step: Jsonl) -> list[dict[str, Any]]:
    step.check()
    batches = [b for split in step.splits() for b in step.read(split)]
    for batch in batches:
        batch.validate(full=True)
    return [row for batch in batches for row in batch.to_pylist()]


def record(i: int, **more: Any) -> bytes:
    return (
        json.dumps({"id": f"d{i}", "url": f"http://a/{i}", "text": f"text {i} " + "ä" * i, **more}).encode()
        + b"\n"
    )


LINES = [record(i) for i in range(40)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.ndjson", "a.jsonl.gz", "a.json.zst"])
def test_reads_what_was_written(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b"".join(LINES))
    found = rows(Jsonl(paths=path, source="web", split_bytes=300))
    assert [r["id"] for r in found] == [f"d{i}" for i in range(40)]
    assert [r["text"] for r in found] == [json.loads(line)["text"] for line in LINES]
    assert {(r["source"], r["file"], r["date"]) for r in found} == {("web", path, None)}
    assert [r["length"] for r in found] == [len(line) for line in LINES]
    assert [r["offset"] for r in found] == [len(b"".join(LINES[:i])) for i in range(40)]
    assert not any(r["reasons"] for r in found)


def test_bytes_in_base64_where_there_is_no_text(tmp_path: Path) -> None:
    page = "<meta charset=iso-8859-1><p>café au lait".encode("latin-1")
    packed = [{"html_base64": b64encode(page).decode()}, {"html": "<p>a", "html_base64": "!"},
              {"html_base64": "no base64"}, {"html_base64": 3}, {}]  # fmt: skip
    path = write(tmp_path / "a.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in packed))
    found = rows(Jsonl(paths=path, body="html", text_column="html", base64_column="html_base64"))
    assert [row["html"] for row in found] == [
        "<meta charset=iso-8859-1><p>café au lait",
        "<p>a",
        None,
        None,
        None,
    ]
    assert [row["reasons"] for row in found] == [None, None, *[["no_text"]] * 3]


BAD = {
    b'{"text": "cut o': "bad_json",
    b'{"text": "a"} {"text": "b"}': "bad_json",
    b"[" * 200_000: "bad_json",
    b"9" * 5000: "bad_json",
    b"\0\0\0": "bad_json",
    b'["text"]': "not_an_object",
    b'"text"': "not_an_object",
    b"null": "not_an_object",
    b'{"text": "caf\xe9"}': "invalid_utf8",
    b'{"other": 1}': "no_text",
    b'{"text": null}': "no_text",
    b'{"text": ["a"]}': "no_text",
    b'{"text": " \\n"}': "empty",
    b'{"text": "' + b"x" * (2 << 20) + b'"}': "too_large",
}


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_bad_line_costs_that_line(tmp_path: Path, suffix: str, end: bytes) -> None:
    parts = [part for line in BAD for part in (LINES[3].strip() + end, line + end)] + [LINES[5]]
    path = write(tmp_path / f"a.jsonl{suffix}", b"".join(parts))
    found = rows(Jsonl(paths=path, split_bytes=100_000, max_record_bytes=LIMIT))
    assert [r["reasons"] for r in found] == [w for why in BAD.values() for w in (None, [why])] + [None]
    assert [r["length"] for r in found] == [len(p) for p in parts]
    assert [r["offset"] for r in found] == [len(b"".join(parts[:i])) for i in range(len(parts))]
    assert all(r["text"] is None for r in found if r["reasons"])
    assert len({r["id"] for r in found if r["reasons"]}) == len(BAD)


def test_blank_lines_byte_order_mark_and_a_missing_last_line_end(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + LINES[0] + b"\n  \r\n\t\n" + LINES[1].strip()
    for suffix in ("", ".gz", ".zst"):
        found = rows(Jsonl(paths=write(tmp_path / f"a.jsonl{suffix}", data)))
        assert [r["id"] for r in found] == ["d0", "d1"]
        assert found[1]["length"] == len(LINES[1]) - 1
    for suffix in ("", ".gz", ".zst"):
        assert rows(Jsonl(paths=write(tmp_path / f"empty.jsonl{suffix}", b""))) == []


def test_columns_by_other_names(tmp_path: Path) -> None:
    value = {
        "body": "<p>",
        "link": 7,
        "n": 12,
        "when": "2024",
        "tags": ["a", "ä"],
        "score": 0.5,
        "ok": True,
        "no": None,
    }
    path = write(
        tmp_path / "a.jsonl", json.dumps(value).encode() + b"\n" + b'{"body": "b", "n": true, "tags": "x"}\n'
    )
    names: dict[str, Any] = {
        "text_column": "body",
        "url_column": "link",
        "id_column": "n",
        "date_column": "when",
    }
    step = Jsonl(
        paths=path,
        body="html",
        keep=(
            "tags",
            "score",
            "ok",
            "no",
        ),
        **names,
    )
    one, two = rows(step)
    assert (one["html"], one["url"], one["id"], one["date"]) == ("<p>", "7", "12", "2024")
    assert (one["tags"], one["score"], one["ok"], one["no"]) == ('["a","ä"]', "0.5", "true", None)
    assert (two["tags"], two["score"], len(two["id"])) == ("x", None, 16)
    assert step.makes().field("tags").type == pa.string()
    assert "text" not in step.makes().names


def test_surrogates_and_nul_in_strings(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl", rb'{"id": "\ud800", "url": "\u0000", "text": "a\ud83d\ude42 \udc00 \u0000"}'
    )
    (row,) = rows(Jsonl(paths=path))
    assert (row["id"], row["url"], row["text"]) == ("\ufffd", "\ufffd", "a🙂 \ufffd \ufffd")


def test_settings_that_do_not_go_together(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", LINES[0])
    for step, message in [
        (Jsonl(paths=path, keep=("url",)), "url"),
        (
            Jsonl(
                paths=path,
                keep=(
                    "a",
                    "a",
                ),
            ),
            "keep: a",
        ),
        (Jsonl(paths=str(tmp_path / "none*")), "none"),
        (Jsonl(paths=write(tmp_path / "b.jsonl.bz2", b"")), r"b\.jsonl\.bz2: JSON lines are read plain"),
        (Jsonl(paths=[write(tmp_path / f"{n}.XZ", b"") for n in "ab"]), r"a\.XZ and 1 more: .* as \.gz or"),
        (Jsonl(paths=write(tmp_path / "b.parquet", b"")), "b.parquet: JSON lines"),
    ]:
        with pytest.raises(PlanError, match=message):
            step.check()


@given(
    body=st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=30),
    end=st.sampled_from([b"\n", b"\n\n", b""]),
    size=st.integers(1, 60),
    limit=st.integers(1, 40),
)
def test_parts_of_any_size_give_what_one_pass_gives(
    tmp_path_factory: pytest.TempPathFactory, body: list[bytes], end: bytes, size: int, limit: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "lines.jsonl"
    data = b"\n".join(body) + end
    path.write_bytes(data)

    def part(start: int, stop: int) -> list[Any]:
        return list(lines(Split(path=str(path), start=start, stop=stop, size=len(data)), limit))

    intact = part(0, len(data))
    assert [line for start in range(0, len(data), size) for line in part(start, start + size)] == intact
    want = [line for line in data.split(b"\n") if line.strip()]
    assert [line for _, _, line in intact] == [w if len(w) <= limit else "too_large" for w in want]


def test_long_lines_are_not_held_and_belong_to_one_part(tmp_path: Path) -> None:
    data = LINES[0] + b"x" * (5 << 20) + b"\n" + LINES[1]
    path = write(tmp_path / "a.jsonl", data)
    for size in (1 << 20, 100, 10 << 20) if len(data) < 1 << 20 else (1 << 20, 3 << 20, 10 << 20):
        found = rows(Jsonl(paths=path, split_bytes=size, max_record_bytes=LIMIT))
        assert [r["reasons"] for r in found] == [None, ["too_large"], None]
        assert found[1]["length"] == (5 << 20) + 1


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_compressed_file_that_breaks_off(tmp_path: Path, suffix: str) -> None:
    text = b"".join(record(i, more=random.Random(i).randbytes(100).hex()) for i in range(2000))
    path = Path(write(tmp_path / f"a.jsonl{suffix}", text))
    intact = path.read_bytes()
    for size in (len(intact) // 2, len(intact) - 1):
        path.write_bytes(intact[:size])
        *good, last = rows(Jsonl(paths=str(path)))
        assert [r["id"] for r in good] == [f"d{i}" for i in range(len(good))]
        assert last["reasons"] == ["damaged:truncated"]
        assert (last["offset"], last["length"]) == (sum(r["length"] for r in good), None)
    middle = len(intact) // 2
    path.write_bytes(intact[:middle] + bytes(50) + intact[middle + 50 :])
    *good, last = rows(Jsonl(paths=str(path)))
    assert len(good) >= (500 if suffix == ".gz" else 0)
    assert last["reasons"][0] in ("damaged:inflate", "damaged:crc", "damaged:zstd")


def test_members_frames_windows_and_trailing_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(LINES[0] + LINES[1][:9]) + gzip.compress(LINES[1][9:]) + bytes(512))
    assert [r["id"] for r in rows(Jsonl(paths=str(path)))] == ["d0", "d1"]
    path.write_bytes(gzip.compress(LINES[0]) + b"garbage")
    assert [r["reasons"] for r in rows(Jsonl(paths=str(path)))] == [None, ["damaged:garbage"]]
    path = tmp_path / "a.jsonl.zst"
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    long = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    frames = long.compress(LINES[0]) + long.flush() + zstandard.compress(LINES[1])
    path.write_bytes(frames)
    assert [r["id"] for r in rows(Jsonl(paths=str(path)))] == ["d0", "d1"]
    path.write_bytes(frames + b"garbage")
    assert [r["reasons"] for r in rows(Jsonl(paths=str(path)))] == [None, None, ["damaged:zstd"]]


@given(st.binary(max_size=200))
def test_any_line_is_an_object_or_a_reason(line: bytes) -> None:
    assert isinstance(parse_object(line), dict) or parse_object(line) in (
        "bad_json",
        "not_an_object",
        "invalid_utf8",
    )


@pytest.mark.data
def test_real_files(shared_data: Path) -> None:
    path = shared_data / "proxy_corpus/zh_poetry.jsonl.zst"
    found = rows(Jsonl(paths=str(path), source="poetry"))
    assert len(found) == 4550
    with zstandard.ZstdDecompressor().stream_reader(path.read_bytes()) as reader:
        want = [json.loads(line)["text"] for line in reader.read().splitlines()]
    assert [r["text"] for r in found] == want
    pages = rows(
        Jsonl(paths=str(shared_data / "cc_pages/*.zst"), body="html", text_column="html", keep=("lang",))
    )
    assert len(pages) == 112
    assert {tuple(r["reasons"] or ()) for r in pages} <= {(), ("no_text",)}
