"""Records a second, on one core, from compressed files: FastWARC's plain iteration and our reader.

    python benchmarks/reading.py [DATA] [--pages N] [--repeats N]

FastWARC iterates (parsing no HTTP), then also reads each payload. Ours gives records; then rows, as the
`warc` source makes them of documents (HTTP decoded, charset found, reasons); then its Arrow batches. The
repeats are interleaved, the best of each counts: CPU time. A ratio is FastWARC's plain iteration = 1.

`pages` is written for the occasion as Common Crawl writes: a request, a response and a metadata record for
each page, a gzip member each. The other files are real crawls.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard
from fastwarc.warc import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from stages.ingest.records import records
from stages.ingest.warc import Warc
from stages.ingest.window import Window

SETS = (
    "cc_pages/hplt_cc_wide_pages",
    "extraction/wcxb",
    "extraction/news_silver",
    "extraction/trafilatura_eval",
)


def pages(data: Path, n: int) -> Iterator[tuple[str, bytes]]:
    """(url, body) of `n` pages at most, as many from each set."""
    for name in SETS:
        with (data / f"{name}.jsonl.zst").open("rb") as file:
            packed = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(file)
            for line, _ in zip(
                io.TextIOWrapper(packed, encoding="utf-8"), range(n // len(SETS)), strict=False
            ):
                page = json.loads(line)
                body = page["html"].encode() if "html" in page else base64.b64decode(page["html_base64"])
                yield page.get("url") or "http://example.org/", body


def write(path: Path, crawled: Iterator[tuple[str, bytes]]) -> None:
    """A .warc.gz of these pages."""
    headers = [
        ("Date", "Wed, 01 May 2024 12:00:00 GMT"),
        ("Server", "nginx"),
        ("Content-Type", "text/html"),
        ("X-Crawler-Content-Encoding", "gzip"),
        ("Vary", "Accept-Encoding"),
        ("Connection", "keep-alive"),
    ]
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for url, body in crawled:
            ask = StatusAndHeaders(
                "GET / HTTP/1.1", [("Host", "example.org"), ("Accept", "*/*")], is_http_request=True
            )
            response = StatusAndHeaders("200 OK", headers, protocol="HTTP/1.1")
            about = io.BytesIO(b"fetchTimeMs: 312\r\ncharset-detected: UTF-8\r\nlanguages-cld2: {}\r\n\r\n")
            for record in (
                writer.create_warc_record(url, "request", http_headers=ask),
                writer.create_warc_record(url, "response", payload=io.BytesIO(body), http_headers=response),
                writer.create_warc_record(
                    url, "metadata", payload=about, warc_content_type="application/warc-fields"
                ),
            ):
                writer.write_record(record)


def fastwarc(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in ArchiveIterator(file, parse_http=False))


def fastwarc_payloads(path: Path) -> int:
    with path.open("rb") as file:
        return sum(bool(record.reader.read()) for record in ArchiveIterator(file, parse_http=False))


def ours(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in records(Window(file, path.stat().st_size)))


def rows(path: Path) -> int:
    step = Warc(paths=str(path))
    with path.open("rb") as file:
        return sum(
            step.row(item, str(path)) is not None for item in records(Window(file, path.stat().st_size))
        )


def batches(path: Path) -> int:
    step = Warc(paths=str(path), split_bytes=1 << 40)
    return sum(len(batch) for split in step.splits() for batch in step.read(split))


WAYS: dict[str, Callable[[Path], int]] = {
    "FastWARC": fastwarc,
    "+ payloads": fastwarc_payloads,
    "records": ours,
    "+ HTTP, charset": rows,
    "+ Arrow": batches,
}


def seconds(path: Path, repeats: int) -> dict[str, float]:
    """CPU time of each way."""
    best = dict.fromkeys(WAYS, float("inf"))
    for _ in range(repeats):
        for name, way in WAYS.items():
            start = time.process_time()
            way(path)
            best[name] = min(best[name], time.process_time() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, nargs="?", default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    print(f"{'file':<24}{'records':>8}{'rows':>6}{'MB':>7}" + "".join(f"{name:>22}" for name in WAYS))
    total = dict.fromkeys(WAYS, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "pages.warc.gz", pages(arguments.data, arguments.pages))
        real = [
            p
            for kind in ("commoncrawl", "crawl")
            for p in sorted((arguments.data / "warc" / kind).glob("*.warc.gz"))
        ]
        for path in [Path(folder) / "pages.warc.gz", *(p for p in real if p.stat().st_size > 100_000)]:
            n, took = fastwarc(path), seconds(path, arguments.repeats)
            cells = [f"{n / s:>14,.0f}/s ({took['FastWARC'] / s:.2f})" for s in took.values()]
            print(
                f"{path.name[:23]:<24}{n:>8}{batches(path):>6}{path.stat().st_size / 1e6:>7.1f}"
                + "".join(cells)
            )
            total = {name: total[name] + s for name, s in took.items()}
    print(
        f"{'all':<45}" + "".join(f"{1e3 * s:>11.1f} ms ({total['FastWARC'] / s:.2f})" for s in total.values())
    )


if __name__ == "__main__":
    main()
