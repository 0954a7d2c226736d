"""Whether this process kept running: a frozen one finds every deadline over, whoever kept it.

Add here how a standstill is noticed; avoid what follows from one.
"""

import asyncio
import time
from collections import deque

BEAT_SECONDS = 0.1
MOST_GAPS = 100


class Pulse:
    """Beats on an event loop, and remembers when it was late."""

    def __init__(self) -> None:
        self._beat_at = time.monotonic()
        self._gaps: deque[tuple[float, float]] = deque(maxlen=MOST_GAPS)

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self._note(time.monotonic())

    def longest(self, since: float) -> float:
        """Seconds of the longest standstill that ended since a moment of ``time.monotonic``."""
        self._note(time.monotonic())
        return max((seconds for at, seconds in self._gaps if at >= since), default=0.0)

    def _note(self, now: float) -> None:
        late = now - self._beat_at - BEAT_SECONDS
        if late > BEAT_SECONDS:
            self._gaps.append((now, late))
        self._beat_at = now
