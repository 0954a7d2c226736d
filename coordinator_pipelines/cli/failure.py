"""What a user is told when a command fails: a message of ours, or of the system, or where to look.

Add here what an error means to whoever typed the command; avoid raising any. Nobody is shown a
traceback: what nobody foresaw is written down with one, for whoever mends it.
"""

import sqlite3
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from coordinator_pipelines import private, settings
from coordinator_pipelines.domain.values.errors import CoordinatorError

LONGEST = 2000
"""Characters of what somebody else's error says: a screen."""


def told(error: BaseException) -> str:
    """What the user is told of an error."""
    if isinstance(error, CoordinatorError):
        return str(error)
    for cause in _chain(error):
        if isinstance(cause, CoordinatorError):
            return str(cause)
        if isinstance(cause, OSError):
            return _of_the_system(cause)
        if isinstance(cause, sqlite3.Error):
            return f"a database file in {settings.home()} cannot be used: {cause}"
    said = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST]
    return (
        f"this was not foreseen: {said}\n{_written_down(error)}; please report it with that file, "
        "after a look at it"
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised from."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _of_the_system(error: OSError) -> str:
    reason = error.strerror or str(error)
    if error.filename is None:
        return reason
    file = Path(str(error.filename)).absolute()
    said = f"{file}: {reason}"
    home = settings.home()
    if home in (file, *file.parents) or file in home.parents:
        return f"{said}; COORDINATOR_HOME is {home}: name a directory that can be written to"
    return said


def _written_down(error: BaseException) -> str:
    """Write the traceback where the user finds it; where that is."""
    text = "".join(traceback.format_exception(error))
    stamped = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n{text}\n"
    for directory in (settings.home() / "logs", Path(tempfile.gettempdir())):
        with suppress(OSError):
            file = directory / "coordinator-errors.log"
            with private.appended(file) as log:
                log.write(stamped)
            return f"The details are in {file}"
    return "The details could not be written down"
