"""The directory of one run of the host: sockets and copies of code, gone when the host is.

Add here where a run keeps its files and how those of a dead one are told; avoid what they are.
"""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "models-"


@contextmanager
def run_directory() -> Iterator[Path]:
    """A directory for this run, short enough for socket paths; those of dead hosts go.

    A live host holds a lock on its directory, which ends with the process, however that ends.
    """
    temporary = Path(tempfile.gettempdir())
    for path in temporary.glob(f"{PREFIX}*"):
        _remove_abandoned(path)
    unlocked = Path(tempfile.mkdtemp(prefix=f".{PREFIX}"))
    lock = os.open(unlocked, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    root = unlocked.rename(temporary / unlocked.name.removeprefix("."))
    root.chmod(0o711)
    try:
        yield root
    finally:
        remove(root)
        os.close(lock)


def let_all_read(directory: Path) -> None:
    """Open everything in a directory to models, which may run as any user."""
    for path in (directory, *directory.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755)


def remove(directory: Path) -> None:
    """Remove a directory with all that models made in it, however deeply they nested it."""
    subprocess.run(["rm", "-rf", "--", str(directory)], check=False, capture_output=True)


def _remove_abandoned(path: Path) -> None:
    """Remove a directory of this user that no host holds."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        if os.fstat(lock).st_uid == os.geteuid():
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(path)
    except BlockingIOError:
        pass
    finally:
        os.close(lock)
