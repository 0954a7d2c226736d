"""How a stack in the background tells whoever started it that it is ready, or why it is not.

Add here what the two say to each other; avoid what they do about it. They share a pipe: one JSON
document goes through it, and none if the stack ended before it could say anything.
"""

import json
import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from coordinator_pipelines.domain.values.errors import CoordinatorError

POLL_SECONDS = 0.25


@contextmanager
def told_to(descriptor: int | None) -> Iterator[Callable[[], None]]:
    """In the stack: yields what is called when it is ready; None: nobody wants to know.

    An error of the user's is told, and raised all the same.
    """
    if descriptor is None:
        yield lambda: None
        return
    try:
        yield lambda: _tell(descriptor, {"ready": True})
    except CoordinatorError as error:
        _tell(descriptor, {"error": str(error)})
        raise


def wait_until_told(descriptor: int, still_waiting: Callable[[], None]) -> None:
    """In the starter: return when the stack is ready; ``still_waiting`` is called all the while.

    Raises:
        CoordinatorError: what the stack says stood in its way.
        EOFError: it ended without a word.
    """
    while not select.select([descriptor], [], [], POLL_SECONDS)[0]:
        still_waiting()
    with os.fdopen(os.dup(descriptor)) as pipe:
        said = json.loads(pipe.readline() or "null")
    if said is None:
        raise EOFError
    if "error" in said:
        raise CoordinatorError(said["error"])


def _tell(descriptor: int, document: dict[str, object]) -> None:
    """Whoever started the stack may be gone, which is no reason to stop."""
    with suppress(OSError), os.fdopen(os.dup(descriptor), "w") as pipe:
        pipe.write(json.dumps(document) + "\n")
