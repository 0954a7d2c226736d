"""What a model prints, and what its host says of it, in a file of bounded size.

Add here what keeps such a log; avoid what is read of it.
"""

import os
import selectors
import threading
from contextlib import suppress
from io import FileIO
from pathlib import Path

from coordinator_pipelines.models.untrusted_files import open_plain

CLOSE_SECONDS = 2.0
LOG_BYTES = 4_000_000
READ_BYTES = 65536


class Log:
    """A file of bounded size that takes all that a model prints, through a pipe.

    At most two files of ``LOG_BYTES`` are kept: PATH and, older, PATH.1. What cannot be written, on
    a full disk, is dropped: whoever prints must never wait for a reader that is gone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None
        printed, self.pipe = os.pipe()
        said, self._own_pipe = os.pipe()
        os.set_blocking(self._own_pipe, False)
        self._thread = threading.Thread(target=self._copy, args=(printed, said), daemon=True)
        self._thread.start()

    def say(self, text: bytes) -> None:
        """Add what the host has to say, without ever waiting: a slow disk costs it."""
        with suppress(BlockingIOError):
            os.write(self._own_pipe, text)

    def close(self) -> None:
        """Write out what is still in the pipes; it waits for the disk a little."""
        os.close(self.pipe)
        os.close(self._own_pipe)
        self._thread.join(CLOSE_SECONDS)

    def _copy(self, *sources: int) -> None:
        with selectors.DefaultSelector() as selector:
            for source in sources:
                selector.register(source, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    if data := os.read(key.fd, READ_BYTES):
                        self._add(data)
                    else:
                        selector.unregister(key.fd)
                        os.close(key.fd)
        self._drop()

    def _add(self, data: bytes) -> None:
        try:
            if self._file is None:
                self._file = open_plain(self._path, "ab")
            if self._file.tell() + len(data) > LOG_BYTES:
                self._drop()
                self._path.replace(f"{self._path}.1")
                self._file = open_plain(self._path, "ab")
            self._file.write(data)
        except OSError:  # a disk that is full or read-only, a directory that is gone
            self._drop()

    def _drop(self) -> None:
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        self._file = None
