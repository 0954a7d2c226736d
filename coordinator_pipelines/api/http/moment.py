"""What several requests need at once: made once, and kept for a moment.

Add here how work is shared between requests that differ; avoid what it is. Requests that are the
same are shared as a whole (``sharing``); every page of the existing front end, however, asks for a
range that ends at its own "now", and most of these ranges hold the same rows.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import TypeVar, cast

MOST_KEPT = 32

T = TypeVar("T")


class Moment:
    """Remembers results for ``seconds``, across threads; 0: not at all."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, tuple[float, Future[object]]] = OrderedDict()

    def shared(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` returns, or returned a moment ago, or is about to return to another."""
        if self._seconds <= 0:
            return make()
        with self._lock:
            made_at, future = self._known.get(key, (0.0, None))
            is_fresh = future and (not future.done() or time.monotonic() - made_at < self._seconds)
            mine: Future[object] = Future()
            if not is_fresh:
                self._known[key] = time.monotonic(), mine
                while len(self._known) > MOST_KEPT:
                    self._known.popitem(last=False)
        if future and is_fresh:
            return cast("T", future.result())
        return self._make(key, make, mine)

    def _make(self, key: Hashable, make: Callable[[], T], future: "Future[object]") -> T:
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                self._known.pop(key, None)
            future.set_exception(error)
            raise
        with self._lock:
            self._known[key] = time.monotonic(), future
        future.set_result(made)
        return made
