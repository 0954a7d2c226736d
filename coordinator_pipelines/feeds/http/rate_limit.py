"""How often a vendor is asked: never more than it allows, and not at all while it forbids.

Add here what delays or withholds requests; avoid the requests themselves (``source``).
"""

from collections import deque
from datetime import timedelta
from pathlib import Path
from threading import Lock

from coordinator_pipelines.domain.values.errors import FeedUnavailableError
from coordinator_pipelines.feeds.http.hold_file import HoldFile
from coordinator_pipelines.feeds.http.request_log import RequestLog
from coordinator_pipelines.feeds.http.timer import Timer


class RateLimit:
    """At most ``requests`` in any ``seconds``, shared by all threads that hold it.

    With a ``hold_file``, pauses are shared with other processes as well; with a ``request_log``,
    so is the limit.
    """

    def __init__(
        self,
        requests: int,
        seconds: float,
        timer: Timer,
        hold_file: HoldFile | None = None,
        request_log: RequestLog | None = None,
    ) -> None:
        self._most = requests
        self._seconds = seconds
        self._timer = timer
        self._hold_file = hold_file
        self._request_log = request_log
        self._sent: deque[float] = deque(maxlen=requests)
        self._held_until = float("-inf")
        self._lock = Lock()

    @classmethod
    def shared(
        cls, requests: int, seconds: float, timer: Timer, base_url: str, directory: Path | None
    ) -> "RateLimit":
        """That of the host of a base URL, for all processes with this directory, if any."""
        if directory is None:
            return cls(requests, seconds, timer)
        files = HoldFile.of(base_url, directory), RequestLog.of(base_url, directory)
        return cls(requests, seconds, timer, *files)

    def wait(self, name: str, patience_seconds: float) -> None:
        """Come back when a request may be sent, which counts as sent.

        Raises:
            FeedUnavailableError: at once, if that would take longer than ``patience_seconds``:
                whoever asks learns until when, and does something else.
        """
        give_up_at = self._timer.monotonic() + patience_seconds
        while (pause := self._take()) > 0:
            if self._timer.monotonic() + pause > give_up_at:
                until = self._timer.now() + timedelta(seconds=pause)
                raise FeedUnavailableError(
                    f"{name} wants not to be asked until {until:%Y-%m-%d %H:%M:%S} UTC, and is "
                    "not asked before. Run the window again then.",
                    not_before=until,
                )
            # Rounding must not leave a pause too short to move the stopwatch.
            self._timer.sleep(max(pause, 0.001))

    def hold(self, seconds: float) -> None:
        """Send nothing for so long."""
        with self._lock:
            self._held_until = max(self._held_until, self._timer.monotonic() + seconds)
            if self._hold_file:
                now = self._timer.now()
                self._hold_file.extend(now + timedelta(seconds=seconds), now)

    def _take(self) -> float:
        """Seconds until a request may be sent; if it may be sent now, it counts as sent."""
        with self._lock:
            now = self._timer.monotonic()
            free = [self._held_until, now + self._held_by_others()]
            if len(self._sent) == self._sent.maxlen:
                free.append(self._sent[0] + self._seconds)
            pause = max(free) - now
            if pause <= 0 and self._request_log:
                present = self._timer.now()
                pause = self._request_log.take(present, self._most, self._seconds)
            if pause <= 0:
                self._sent.append(now)
            return pause

    def _held_by_others(self) -> float:
        """Seconds that are left of a pause of which any process was told."""
        now = self._timer.now()
        until = self._hold_file.until(now) if self._hold_file else None
        return (until - now).total_seconds() if until else 0.0
