"""Files that somebody else writes: listed and opened so that they can neither lead away nor block.

Add here how a file of a participant is got at; avoid what is in it. Everything is opened relative
to a descriptor of its directory, so that no part of the way is swapped meanwhile; links are not
followed, on the way to a directory neither, nothing but a plain file is opened (a FIFO waits for a
writer for ever), and a listing is bounded in number and depth.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from itertools import islice
from pathlib import Path, PurePosixPath

MOST_FILES = 20_000
MOST_LEVELS = 32
_HERE = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | _HERE


@dataclass(frozen=True, slots=True)
class Entry:
    """What is in a directory, and is no directory itself; opened while the listing is at it."""

    path: PurePosixPath
    """Relative to the directory that is listed."""
    status: os.stat_result
    _parent: int

    def open(self) -> FileIO:
        """The content of a plain file.

        Raises:
            OSError: it is anything else, or cannot be read; the message names it.
        """
        with self._named():
            return _plain(os.open(self.path.name, os.O_RDONLY | _HERE, dir_fd=self._parent), "rb")

    @contextmanager
    def _named(self) -> Iterator[None]:
        kind = self.status.st_mode
        if stat.S_ISLNK(kind):
            raise OSError(f"{self.path} is a link; put what it points to in its place")
        if not stat.S_ISREG(kind):
            raise OSError(f"{self.path} is neither a file nor a directory; take it out")
        try:
            yield
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise OSError(f"{self.path} cannot be read: {reason}") from None


def entries(directory: Path, *, hidden: bool = False) -> Iterator[Entry]:
    """Everything below a directory but directories, in the order of the parts of the paths.

    ``__pycache__`` and what a dot hides is left out, unless ``hidden``; and so is what goes away
    meanwhile.

    Raises:
        OSError: the directory cannot be listed, holds more than MOST_FILES, or is nested deeper
            than MOST_LEVELS.
    """
    top = _opened(directory)
    yield from _below(top, PurePosixPath(), iter(range(MOST_FILES)), hidden=hidden)


def open_plain(path: Path, mode: str, *, follow: bool = False) -> FileIO:
    """Open a plain file, to read (``rb``) or, created if it is not there, to append (``ab``).

    ``follow``: it may be a link, since nobody but the operator can have made one.

    Raises:
        OSError: it is a link or anything else but a plain file, or cannot be opened.
    """
    ways = {"rb": os.O_RDONLY, "ab": os.O_WRONLY | os.O_APPEND | os.O_CREAT}
    way = ways[mode] | (_HERE & ~os.O_NOFOLLOW if follow else _HERE)
    return _plain(os.open(path, way, 0o600), mode)


def holds_plain(directory: Path, name: str) -> bool:
    """Whether a plain file of this name is in a directory, and no link to one."""
    with suppress(OSError):
        opened = _opened(directory)
        try:
            return stat.S_ISREG(os.stat(name, dir_fd=opened, follow_symlinks=False).st_mode)
        finally:
            os.close(opened)
    return False


def _opened(directory: Path) -> int:
    """A directory, opened from the root on, a step at a time."""
    opened = os.open("/", _DIRECTORY)
    for name in directory.absolute().parts[1:]:
        try:
            inner = os.open(name, _DIRECTORY, dir_fd=opened)
        except NotADirectoryError:
            raise NotADirectoryError(
                f"{directory}: {name} on the way there is a link or no directory; name the "
                "directory itself"
            ) from None
        finally:
            os.close(opened)
        opened = inner
    return opened


def _below(
    directory: int, base: PurePosixPath, left: Iterator[int], *, hidden: bool
) -> Iterator[Entry]:
    """The entries below an open directory, which is closed at the end."""
    try:
        if len(base.parts) > MOST_LEVELS:
            raise OSError(f"directories are nested deeper than {MOST_LEVELS}")
        with os.scandir(directory) as found:
            names = sorted(each.name for each in islice(found, MOST_FILES + 1))
        for name in names:
            if next(left, None) is None:
                raise OSError(f"there are more than {MOST_FILES} files and directories")
            if not (hidden or _counts(name)):
                continue
            with suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    inner = os.open(name, _DIRECTORY, dir_fd=directory)
                    yield from _below(inner, base / name, left, hidden=hidden)
                else:
                    yield Entry(base / name, status, directory)
    finally:
        os.close(directory)


def _counts(name: str) -> bool:
    return name != "__pycache__" and not name.startswith(".")


def _plain(descriptor: int, mode: str) -> FileIO:
    """A file of a descriptor, which is closed if it is none of a plain file."""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        os.set_blocking(descriptor, True)
        return FileIO(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise
