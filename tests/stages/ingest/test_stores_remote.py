"""What needs s3fs and aiohttp: objects in S3, and listings over HTTP."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from pipeline.errors import PlanError
from stages.ingest.paths import byte_splits, expand, open_split
from stages.ingest.retry import Changed
from stages.ingest.warc import Warc
from tests.s3 import bucket_of
from tests.stages.ingest.archives import RECORDS, member, noise
from tests.stages.ingest.sites import Site

DATA = noise(7, 300_000)


def test_patterns_over_http_are_looked_up_in_the_listing(site: Site) -> None:
    site.files |= {"/a.gz": b"a", "/b.gz": b"b", "/c.txt": b"c"}
    assert expand(f"{site.url}/*.gz") == [f"{site.url}/a.gz", f"{site.url}/b.gz"]


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """A bucket of a server that speaks S3, as the environment names it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with bucket_of("crawl") as url:
        yield url


def test_s3(bucket: str, hasty: Path, tmp_path: Path) -> None:
    data = b"".join(map(member, RECORDS))
    system = fsspec.filesystem("s3")
    for name in ("b", "a"):
        system.pipe_file(f"crawl/in/{name}.warc.gz", data)
    files = expand(f"{bucket}/in/*.gz")
    assert files == [f"{bucket}/in/a.warc.gz", f"{bucket}/in/b.warc.gz"]
    with pytest.raises(PlanError, match="no file matches 's3://crawl/in/c'"):
        expand(f"{bucket}/in/c")
    (tmp_path / "a.warc.gz").write_bytes(data)
    splits = Warc(paths=f"{bucket}/in/a*", split_bytes=900).splits()
    assert len(splits) > 1
    assert splits[0].stamp
    local = Warc(paths=str(tmp_path / "a.warc.gz"))
    want = [row["html"] for s in local.splits() for b in local.read(s) for row in b.to_pylist()]
    found = [row["html"] for s in splits for b in local.read(s) for row in b.to_pylist()]
    assert len(want) == len(RECORDS)
    assert found == want


def test_an_object_that_changes_is_noticed(bucket: str, hasty: Path) -> None:
    system = fsspec.filesystem("s3")
    system.pipe_file("crawl/big", DATA)
    (split,) = byte_splits([f"{bucket}/big"], 1 << 30)
    with open_split(split) as file:
        assert file.read(10) == DATA[:10]
        system.pipe_file("crawl/big", DATA[::-1])
        file.seek(200_000)
        with pytest.raises(Changed, match="s3://crawl/big has changed"):
            file.read(10)
    with pytest.raises(Changed), open_split(split) as file:
        file.read(10)


def test_s3_without_credentials(
    bucket: str, hasty: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "botocore.exceptions" in sys.modules
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    fsspec.filesystem("s3").clear_instance_cache()
    with pytest.raises(PlanError, match=r"s3://crawl/a: .*are the credentials in the environment\?"):
        expand("s3://crawl/a")
    fsspec.filesystem("s3").clear_instance_cache()
    assert os.environ["HOME"] == str(tmp_path)
