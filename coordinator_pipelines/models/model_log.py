"""What a model prints, in a file of bounded size.

Add here what keeps such a log; avoid what is read of it.
"""

import os
import threading
from pathlib import Path

CLOSE_SECONDS = 2.0
LOG_BYTES = 4_000_000


class Log:
    """A file of bounded size that takes all that a model prints, through a pipe.

    At most two files of ``LOG_BYTES`` are kept: PATH and, older, PATH.1. What cannot be written, on
    a full disk, is dropped: whoever prints must never wait for a reader that is gone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        source, self.pipe = os.pipe()
        self._thread = threading.Thread(target=self._copy, args=(source,), daemon=True)
        self._thread.start()

    def _copy(self, source: int) -> None:
        log = self._path.open("ab", buffering=0)
        while data := os.read(source, 65536):
            if log.tell() + len(data) > LOG_BYTES:
                log.close()
                self._path.replace(f"{self._path}.1")
                log = self._path.open("ab", buffering=0)
            log.write(data)

    def close(self) -> None:
        """Write out what is still in the pipe."""
        os.close(self.pipe)
        self._thread.join(CLOSE_SECONDS)
