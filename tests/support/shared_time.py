"""Time that threads share: it goes on when all of them wait, and then jumps to the next to wake.

So captures, resolutions and requests overlap as they do in reality, an hour takes as long as the
work in it, and threads that wake at one instant do so one after the other. Work takes no time.
"""

import heapq
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Condition, Thread
from typing import Any

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.workers import Workers
from coordinator_pipelines.feeds.http.timer import Timer


class SharedTime(Clock, Timer):
    """The present of all who share it. The thread that makes it is one of them."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._at_work = 1
        self._asleep: list[tuple[datetime, int]] = []
        self._numbers = itertools.count()
        self._changed = Condition()

    def now(self) -> datetime:
        """Where time has got to."""
        return self._now

    def monotonic(self) -> float:
        """The same in seconds."""
        return self._now.timestamp()

    def sleep(self, seconds: float) -> None:
        """Wait for so long."""
        self.wait_until(self._now + timedelta(seconds=seconds))

    def wait_until(self, instant: datetime) -> None:
        """Let the others go on until it is that late."""
        if instant > self._now:
            self._sleep(instant)

    def start(self, work: Callable[[], Any], at: datetime | None = None) -> Thread:
        """Do something in a thread of its own: at an instant, or as soon as its maker waits."""
        with self._changed:
            turn = self._turn(at or self._now)

        def do() -> None:
            self._wait_for(turn)
            try:
                work()
            finally:
                self.leave()

        thread = Thread(target=do, daemon=True)
        thread.start()
        return thread

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Wait for other threads in here, rather than for time."""
        self.leave()
        try:
            yield
        finally:
            self.enter()
            self._sleep(self._now)

    def enter(self) -> None:
        """One more is at work."""
        with self._changed:
            self._at_work += 1

    def leave(self) -> None:
        """One fewer is at work."""
        with self._changed:
            self._at_work -= 1
            self._go_on()

    def _sleep(self, until: datetime) -> None:
        with self._changed:
            turn = self._turn(until)
        self.leave()
        self._wait_for(turn)

    def _turn(self, at: datetime) -> tuple[datetime, int]:
        turn = at, next(self._numbers)
        heapq.heappush(self._asleep, turn)
        return turn

    def _wait_for(self, turn: tuple[datetime, int]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: turn not in self._asleep)

    def _go_on(self) -> None:
        if self._at_work == 0 and self._asleep:
            at, _ = heapq.heappop(self._asleep)
            self._now = max(self._now, at)
            self._at_work = 1
            self._changed.notify_all()


class _SharingThreads(ThreadPoolExecutor):
    """Threads that are at work while they do something."""

    def __init__(self, most: int, time: SharedTime) -> None:
        super().__init__(most)
        self._time = time

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """The work counts until its future is done."""
        self._time.enter()
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(lambda _: self._time.leave())
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Whoever waits for the threads lets time go on."""
        with self._time.elsewhere():
            super().shutdown(wait, cancel_futures=cancel_futures)


class SharingWorkers(Workers):
    """Makes executors of threads that share a time."""

    def __init__(self, time: SharedTime) -> None:
        self._time = time

    def __call__(self, most: int) -> Executor:
        """One of them."""
        return _SharingThreads(most, self._time)
