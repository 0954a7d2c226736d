"""Files that only this user may read: databases, logs, and the directories that hold them.

Add here how such a file is made; avoid which files there are. Only what is made is closed: what
was there before may be open for a reason. The home directory itself lets others pass, and shows
them nothing: models may run as other users, and find there what was installed for them.
"""

import os
from pathlib import Path
from typing import TextIO

from coordinator_pipelines import settings

OWN_DIRECTORY, OWN_FILE, PASSAGE = 0o700, 0o600, 0o711


def directory(path: Path) -> Path:
    """A directory; where it must be made, it and what is above it in the home are closed."""
    home = settings.home()
    for each in reversed([path, *path.parents]):
        if not each.is_dir():
            own = each == path or home in each.parents
            each.mkdir(PASSAGE if each == home else OWN_DIRECTORY if own else 0o777, exist_ok=True)
    return path


def file(path: Path) -> None:
    """A file, empty if there was none."""
    os.close(_opened(path))


def appended(path: Path) -> TextIO:
    """A text file to append to, in a directory of the same kind."""
    directory(path.parent)
    return os.fdopen(_opened(path), "a")


def _opened(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, OWN_FILE)
