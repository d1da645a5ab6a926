"""Requests that may fail: retried after a pause, and no faster than all processes together may."""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.errors import PlanError, RunError
from pipeline.keyed import key

T = TypeVar("T")
STATE = struct.Struct("4d")

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0
"""Seconds before the second attempt, doubled for each further one, and the most that this comes to."""
LONGEST_WAIT = 600.0
"""Seconds of Retry-After that are still obeyed: what asks for more has refused."""
SLOWEST = 1.0
"""Seconds that refusals can add to the time between two requests."""
RECOVERY = 3.0
"""Seconds in which half of such a slowing down is forgotten."""


class Transient(Exception):
    """A request failed in a way that may pass."""

    def __init__(self, why: str, *, wait: float | None = None, slow: bool = False):
        super().__init__(why)
        self.wait, self.slow = wait, slow
        """Seconds that the server asked for; whether it said that requests come too fast."""


class Changed(RunError):
    """A file is not the one that was planned."""

    def __init__(self, url: str):
        self.url = url
        super().__init__(f"{url} has changed since the run was planned: run again to read it anew")

    def __reduce__(self) -> tuple[type[Changed], tuple[str]]:
        return Changed, (self.url,)


@dataclass(frozen=True, kw_only=True)
class RequestLimits:
    """Limits of requests, from the environment: they belong to a machine and its network, not to a recipe."""

    requests_per_second: float
    """Requests to one host or bucket, from all processes of this user on this machine."""
    max_attempts: int
    """Attempts in a row that brought nothing, before the run stops."""
    timeout_seconds: float
    """Silence of the server after which a request has failed."""

    @classmethod
    def of(cls, host: str) -> RequestLimits:
        """Those for a host, as in 'https://host', or a bucket, as in 's3://bucket'."""
        rate = 20.0 if host.startswith("http") else 200.0
        return cls(
            requests_per_second=_number("CORPUSMILL_REQUESTS_PER_SECOND", rate),
            max_attempts=int(_number("CORPUSMILL_MAX_ATTEMPTS", 8)),
            timeout_seconds=_number("CORPUSMILL_TIMEOUT_SECONDS", 60),
        )


def _number(name: str, default: float) -> float:
    given = os.environ.get(name) or default
    try:
        number = float(given)
    except ValueError:
        number = 0.0
    if not 0 < number < 1e9:
        raise PlanError(f"the environment says {name}={given}: it must be a number above 0")
    return number


def with_retries(url: str, attempt: Callable[[], T], progress: Callable[[], object] = lambda: None) -> T:
    """What `attempt` returns, once it raises no Transient.

    Pauses grow exponentially; jitter is a hash of the URL, the progress and the number of the attempt. When
    `progress()` has changed, counting begins anew: a body that is cut again and again still arrives.

    Raises:
        RunError: it failed too often.
    """
    host = "/".join(url.split("/", 3)[:3])
    limits = RequestLimits.of(host)
    rate = RateLimit(host, limits.requests_per_second)
    failed, seen = 0, progress()
    while True:
        rate.wait()
        try:
            return attempt()
        except Transient as error:
            failed, seen = (failed + 1, seen) if progress() == seen else (1, progress())
            wait = error.wait or 0.0
            if failed >= limits.max_attempts or wait > LONGEST_WAIT:
                raise RunError(_given_up(url, error, failed)) from error
            jitter = 0.5 + key("retry", url, seen, failed) / 2**65
            pause = max(wait, min(FIRST_PAUSE * 2 ** (failed - 1), LONGEST_PAUSE) * jitter)
            if error.slow:
                rate.slow_down(pause)
            else:
                time.sleep(pause)


def _given_up(url: str, error: Transient, failed: int) -> str:
    if error.wait is not None and error.wait > LONGEST_WAIT:
        return f"{url}: {error}, and asks for a pause of {error.wait:.0f} s: run again then"
    hint = "CORPUSMILL_REQUESTS_PER_SECOND lower" if error.slow else "CORPUSMILL_MAX_ATTEMPTS higher"
    times = "once" if failed == 1 else f"{failed} times in a row"
    return f"{url}: failed {times}, the last time with: {error}. Run again to go on, perhaps with {hint}"


class RateLimit:
    """Requests a second to one host, shared by all processes of this user on this machine.

    A locked file of 32 bytes holds when the next request may go, and how much refusals have slowed them down.
    A server that says "too fast" gets a pause, and then more time between requests, which wears off. Refusals
    at the same time count as one: some servers refuse at random.

    Source: the virtual scheduling form of the generic cell rate algorithm (ITU-T I.371), without bursts;
    slowing down is ours.
    """

    def __init__(self, host: str, per_second: float):
        self._interval = 1 / per_second
        folder = Path(tempfile.gettempdir()) / f"corpusmill-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._path = folder / f"{key(host):016x}.rate"

    def wait(self) -> None:
        """Return when a request may go."""
        with self._state() as state:
            now = time.time()
            state.next = max(state.next, now)
            pause = state.next - now
            state.next += self._interval + state.slowed(now)
        time.sleep(pause)

    def slow_down(self, seconds: float) -> None:
        """Nobody sends a request for so long, and then less often for a while."""
        with self._state() as state:
            now = time.time()
            if now >= state.silent_until:
                state.extra = min(1.5 * state.slowed(now) + self._interval, SLOWEST)
                state.since = now
            state.silent_until = max(state.silent_until, now + seconds)
            state.next = max(state.next, state.silent_until)

    @contextlib.contextmanager
    def _state(self) -> Iterator[_State]:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            data = os.pread(descriptor, STATE.size, 0)
            state = _State(*STATE.unpack(data)) if len(data) == STATE.size else _State()
            if state.next > time.time() + 10 * LONGEST_WAIT:  # the clock was set back
                state = _State()
            yield state
            os.pwrite(descriptor, STATE.pack(*astuple(state)), 0)
        finally:
            os.close(descriptor)


@dataclass
class _State:
    """Seconds since 1970; `extra` is what lay between two requests beyond the usual, as it was at `since`."""

    next: float = 0.0
    extra: float = 0.0
    since: float = 0.0
    silent_until: float = 0.0

    def slowed(self, now: float) -> float:
        """What is left of `extra`."""
        return self.extra * math.exp2(-max(now - self.since, 0) / RECOVERY)
