"""A server that speaks S3, with one bucket, as the environment names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import fsspec
import pytest


@contextmanager
def bucket_of(name: str) -> Iterator[str]:
    """The bucket's URL, as long as the block lasts. moto serves it on this machine alone."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        fsspec.filesystem("s3", skip_instance_cache=True).mkdir(name)
        fsspec.filesystem("s3").clear_instance_cache()  # which another test's server may have filled
        yield f"s3://{name}"
    server.stop()
    fsspec.filesystem("s3").clear_instance_cache()
