"""Signals that end a command: heeded once by an exception, and again if that was swallowed.

Add here what a command does about signals; avoid what it cleans up. An exception that a handler
raises is lost where Python ignores exceptions (finalizers, callbacks of C code), so a loop that
lasts asks :func:`check` as well.
"""

import signal
import sys
from types import FrameType

_received: list[int] = []


def heed() -> None:
    """End on SIGINT, SIGTERM and SIGHUP by an exception, so that what was started is stopped.

    SIGINT is heeded too where it is ignored, as in the background of a script, and SIGTERM where
    Dagster has made that of it: processes would inherit it, and could not be stopped. An ignored
    SIGHUP is somebody's wish (``nohup``).
    """
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _leave)


def check() -> None:
    """End here if a signal to end has come."""
    if _received:
        _raise(_received[-1])


def _leave(number: int, _frame: FrameType | None) -> None:
    _received.append(number)
    _raise(number)


def _raise(number: int) -> None:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
