"""What all tests share: where third-party data lies, and what happens where it does not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from pipeline.local import LocalEngine
from tests.classifiers.embedding.tiny import write_encoder

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"

hypothesis.settings.register_profile("fast", max_examples=40, deadline=None)
hypothesis.settings.register_profile("deep", max_examples=1000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files from what is now")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if DATA.is_dir():
        return
    with_data = [i for i in items if i.get_closest_marker("data")]
    if os.environ.get("CI") and with_data:
        raise pytest.UsageError(f"{DATA} is missing, and in CI no test may be left out")
    config.hook.pytest_deselected(items=with_data)
    items[:] = [i for i in items if i not in with_data]
    if with_data:
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        reporter.write_line(f"{len(with_data)} tests left out: they read third-party data from {DATA}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and in CI a skip is a failure"


@pytest.fixture(scope="session", autouse=True)
def _signals() -> None:
    """As at a terminal: what began the tests may ignore some (nohup, a job behind `&`), and so would all."""
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Third-party data; tests that ask for it are marked `data`."""
    return DATA


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def local() -> Iterator[LocalEngine]:
    """One engine with two workers for all tests that do not kill them."""
    engine = LocalEngine(2, {})
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT encoder of a few thousand weights."""
    return write_encoder(tmp_path_factory.mktemp("encoder"))
