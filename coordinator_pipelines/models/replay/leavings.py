"""What a model leaves in the directories that it may write to: taken away after each ask.

Add here what keeps asks apart on disk; avoid processes. The content is a participant's: links are
not followed, and nothing of it is opened. Directories are held open, so that a process that takes
the number of one that is gone has nothing of its own removed.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

State = frozenset[tuple[str, int, int, int]]


class Leavings:
    """Directories that are put back to what they held when the model had just been imported.

    ``kept``: a directory of the watcher's own, for copies.
    """

    def __init__(self, directories: Sequence[Path], kept: Path) -> None:
        way = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        self._opened = [os.open(directory, way) for directory in directories]
        self._copies = [kept / str(number) for number in range(len(directories))]
        self._states = [_state(opened) for opened in self._opened]
        for opened, copy in zip(self._opened, self._copies, strict=True):
            copy.mkdir(exist_ok=True)
            _empty(str(copy))
            _copy(_path(opened), str(copy), opened)

    def take_away(self) -> None:
        """Put back what has changed."""
        for number, opened in enumerate(self._opened):
            if _state(opened) != self._states[number]:
                _empty(_path(opened), opened)
                _copy(str(self._copies[number]), _path(opened), opened)
                self._states[number] = _state(opened)

    def close(self) -> None:
        """Let go of the directories."""
        for opened in self._opened:
            os.close(opened)
        self._opened = []


def _path(opened: int) -> str:
    return f"/proc/self/fd/{opened}" if Path("/proc/self/fd").exists() else f"/dev/fd/{opened}"


def _state(opened: int) -> State:
    """What tells whether anything in a directory has changed; no model can set a ctime."""
    return frozenset(_entries(_path(opened)))


def _entries(top: str) -> Iterator[tuple[str, int, int, int]]:
    """All below a directory on its own file system: others are mounted there, read-only."""
    own = Path(f"{top}/").stat().st_dev
    for parent, directories, files in os.walk(f"{top}/"):
        for name in (*directories, *files):
            path = f"{parent}/{name}"
            with suppress(OSError):
                status = os.lstat(path)
                if status.st_dev == own:
                    yield path, status.st_ino, status.st_ctime_ns, status.st_size
                elif name in directories:
                    directories.remove(name)


def _empty(directory: str, *holding: int) -> None:
    """Remove all that is in a directory, however deeply it is nested."""
    _run(("find", f"{directory}/", "-xdev", "-mindepth", "1", "-delete"), holding)


def _copy(source: str, target: str, *holding: int) -> None:
    """Copy all that is in a directory, and whose that is."""
    _run(("cp", "-a", "-x", f"{source}/.", target), holding)


def _run(argv: Sequence[str], holding: Sequence[int]) -> None:
    subprocess.run(argv, pass_fds=holding, check=False, capture_output=True)
