from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PlanError, RunError
from stages.ingest import retry
from stages.ingest.retry import Changed, RateLimit, RequestLimits, Transient, _State, with_retries

URL = "https://example.org/a.warc.gz"


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch, hasty: Path) -> list[float]:
    """What was slept, at once; time passes with it."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "time", lambda: 1e9 + sum(pauses))
    monkeypatch.setattr(time, "sleep", pauses.append)
    monkeypatch.setattr(retry, "FIRST_PAUSE", 0.5)
    monkeypatch.setattr(retry, "SLOWEST", 1.0)
    return pauses


def failing(*errors: Exception) -> Callable[[], str]:
    """Raises them, one after the other, then returns."""
    left = list(errors)

    def attempt() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return attempt


def pauses_of(slept: list[float]) -> list[float]:
    return [s for s in slept if s > 0.2]


def test_pauses_grow_and_are_the_same_each_time(slept: list[float]) -> None:
    assert with_retries(URL, failing(*[Transient("lost")] * 6)) == "done"
    first = pauses_of(slept)
    assert len(first) == 6
    for i, pause in enumerate(first):
        assert 0.25 * 2**i <= pause < 0.5 * 2**i + 1e-9
    assert with_retries(URL, failing(*[Transient("lost")] * 6)) == "done"
    assert pauses_of(slept)[6:] == first
    assert with_retries(URL + "b", failing(*[Transient("lost")] * 6)) == "done"
    assert pauses_of(slept)[12:] != first, "files do not come back all at once"


def test_the_longest_pause(slept: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORPUSMILL_MAX_ATTEMPTS", "20")
    with_retries(URL, failing(*[Transient("lost")] * 15))
    assert max(slept) <= 60
    assert sum(s > 30 for s in slept) > 6


def test_patience_ends_after_so_many_in_a_row(slept: list[float]) -> None:
    with pytest.raises(RunError, match=rf"{URL}: failed 8 times in a row, .*: lost.*MAX_ATTEMPTS higher"):
        with_retries(URL, failing(*[Transient("lost")] * 8))
    with pytest.raises(RunError, match="REQUESTS_PER_SECOND lower"):
        with_retries(URL, failing(*[Transient("503", slow=True)] * 8))
    progress = iter(range(1000))
    assert with_retries(URL, failing(*[Transient("cut")] * 50), lambda: next(progress)) == "done"


def test_what_does_not_pass_is_raised_at_once(slept: list[float]) -> None:
    for error in (RunError("403"), Changed(URL), ValueError("ours")):
        with pytest.raises(type(error)):
            with_retries(URL, failing(error))
    assert pauses_of(slept) == []


def test_the_server_says_when(slept: list[float]) -> None:
    with_retries(URL, failing(Transient("503", wait=7.0), Transient("429", wait=9.0, slow=True)))
    waited = pauses_of(slept)
    assert waited[0] == 7.0
    assert waited[1] >= 9.0
    with pytest.raises(RunError, match="asks for a pause of 3600 s: run again then"):
        with_retries(URL, failing(Transient("503 Slow Down", wait=3600.0)))


def test_one_refusal_silences_all(slept: list[float]) -> None:
    one, other, elsewhere = (RateLimit(p, 10) for p in ("https://a", "https://a", "https://b"))
    one.wait()
    one.slow_down(30)
    other.wait()
    assert slept[-1] == pytest.approx(30)
    elsewhere.wait()
    assert slept[-1] == 0


def test_after_a_refusal_it_goes_slower_for_a_while(slept: list[float]) -> None:
    limit = RateLimit("https://a", 10)

    def gap() -> float:
        limit.wait()
        limit.wait()
        return slept[-1]

    assert gap() == pytest.approx(0.1)
    limit.slow_down(1)
    limit.slow_down(1)
    assert gap() == pytest.approx(0.2, rel=0.1), "those who asked at the same time count as one"
    slept.append(2.0)
    limit.slow_down(1)
    assert 0.25 < gap() < 0.35, "a second refusal adds to what is left of the first"
    for _ in range(20):
        slept.append(100.0)
        limit.slow_down(1)
    slept.append(100.0)
    assert gap() == pytest.approx(0.1, rel=0.1), "forgotten"
    for _ in range(99):
        slept.append(1.01)
        limit.slow_down(1)
    assert 0.4 < gap() < 1.15


def test_requests_are_spaced(slept: list[float]) -> None:
    limit = RateLimit("https://a", 10)
    for _ in range(11):
        limit.wait()
    assert sum(slept) == pytest.approx(1.0)
    slept.append(60.0)
    limit.wait()
    assert slept[-1] == 0, "what was not used is not saved up"
    limit.wait()
    assert slept[-1] == pytest.approx(0.1)


def test_a_state_that_cannot_be_is_forgotten(slept: list[float], hasty: Path) -> None:
    limit = RateLimit("https://a", 10)
    limit.wait()
    (file,) = hasty.glob("*/*.rate")
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    for broken in (b"", b"short", retry.STATE.pack(9e9, 0, 0, 0), file.read_bytes() * 2):
        file.write_bytes(broken)
        limit.wait()
        assert slept[-1] < 0.2


@given(st.floats(0, 1e9), st.floats(0, 5), st.floats(0, 1e9), st.floats(0, 2e9))
def test_slowing_down_only_fades(next_: float, extra: float, since: float, now: float) -> None:
    state = _State(next_, extra, since, 0.0)
    assert 0 <= state.slowed(now + 1) <= state.slowed(now) <= extra


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_PER_SECOND", "MAX_ATTEMPTS", "TIMEOUT_SECONDS"):
        monkeypatch.delenv(f"CORPUSMILL_{name}", raising=False)
    usual = RequestLimits(requests_per_second=20, max_attempts=8, timeout_seconds=60)
    assert RequestLimits.of("https://example.org") == usual
    assert RequestLimits.of("s3://bucket").requests_per_second == 200
    monkeypatch.setenv("CORPUSMILL_REQUESTS_PER_SECOND", "0.5")
    monkeypatch.setenv("CORPUSMILL_MAX_ATTEMPTS", "")
    assert RequestLimits.of("s3://bucket").requests_per_second == 0.5
    assert RequestLimits.of("s3://bucket").max_attempts == 8
    for wrong in ("0", "-1", "many", "nan", "inf"):
        monkeypatch.setenv("CORPUSMILL_MAX_ATTEMPTS", wrong)
        with pytest.raises(PlanError, match=f"CORPUSMILL_MAX_ATTEMPTS={wrong}: it must be a number above 0"):
            RequestLimits.of("s3://bucket")


def test_errors_come_back_from_workers() -> None:
    error = pickle.loads(pickle.dumps(Changed(URL)))
    assert isinstance(error, Changed)
    assert str(error) == str(Changed(URL))


def test_a_link_in_place_of_the_state_is_not_followed(hasty: Path) -> None:
    limit = RateLimit("https://a", 10)
    (hasty / "mine").write_bytes(b"precious")
    limit._path.symlink_to(hasty / "mine")
    with pytest.raises(OSError, match="symbolic"):
        limit.wait()
    assert (hasty / "mine").read_bytes() == b"precious"
