"""Work that may take no longer than given, whatever it waits for.

The time-outs of sockets count for each address, each step of connecting and each piece that
arrives, so that a vendor in trouble can draw them out; names are looked up without any. Add
here what bounds work from outside; avoid what the work is.
"""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")


def in_time(work: Callable[[Event], T], seconds: float) -> T:
    """What ``work`` returns or raises, if it does within so many seconds of real time.

    Work that is late is left to itself in a thread for which no process waits. The event that
    it is given is set then: it should end when it sees that.

    Raises:
        TimeoutError: it is late.
    """
    given_up, outcome = Event(), Future[T]()

    def run() -> None:
        try:
            outcome.set_result(work(given_up))
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            outcome.set_exception(error)

    Thread(target=run, name="feed-request", daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        given_up.set()
        raise
