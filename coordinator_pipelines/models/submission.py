"""A model as its author hands it in: which files make it up, their digest, a copy of them.

Add here what concerns the files of one model; avoid importing or running them, and who takes part
(``roster``). Links count as what they are: a file elsewhere is not the model's, and following one
would hand its model whatever the host's user can read.
"""

import hashlib
import stat
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from coordinator_pipelines.models.untrusted_files import Entry, entries, holds_plain

RESOURCES = "resources"
"""Directory that a model may write to."""
MOST_BYTES = 2 << 30
"""What the files of a model may hold together."""
CHUNK = 1 << 20
MAIN = "main.py"
OURS = Path(__file__).resolve().parents[1]
"""The starter's models are in it: some installers make hard links of all that they install."""

Signature = tuple[tuple[str, int, int], ...]


def is_submitted(directory: Path) -> bool:
    """Whether a model's directory has a ``main.py``, and no link to one."""
    return holds_plain(directory, MAIN)


def code_hash(directory: Path) -> str:
    """SHA-256 over the sorted relative paths and the bytes of a model's files.

    What running it leaves behind (``__pycache__``, ``resources/``) and dot files do not count. The
    hash of what nobody can run (a missing directory, a link, more than MOST_BYTES) is that of
    nothing.
    """
    digest = hashlib.sha256()
    try:
        for entry in _bounded(directory):
            if entry.path.parts[0] == RESOURCES:
                continue
            name = str(entry.path).encode()
            content = hashlib.sha256()
            for part in _content(entry):
                content.update(part)
            digest.update(len(name).to_bytes(4, "big") + name + content.digest())
    except OSError:
        return hashlib.sha256().hexdigest()
    return digest.hexdigest()


def signature(directory: Path) -> Signature:
    """What tells whether a model's files have changed, at the cost of a listing."""
    try:
        return tuple(
            (str(entry.path), entry.status.st_mtime_ns, entry.status.st_size)
            for entry in entries(directory)
        )
    except OSError as error:
        return ((str(error), 0, 0),)


def copy(directory: Path, target: Path) -> None:
    """Copy a model's files; the copy has ``resources`` in any case.

    Raises:
        OSError: there is no ``main.py``, something is neither file nor directory, or a file
            cannot be read or written; the message names it.
    """
    for entry in _bounded(directory):
        (target / entry.path).parent.mkdir(parents=True, exist_ok=True)
        with (target / entry.path).open("wb") as copied:
            copied.writelines(_content(entry))
    if not (target / MAIN).exists():
        raise FileNotFoundError(f"there is no main.py in {directory}")
    (target / RESOURCES).mkdir(exist_ok=True)


def _bounded(directory: Path) -> Iterator[Entry]:
    """The files of a model, refused as soon as they hold too much."""
    total, ours = 0, directory.is_relative_to(OURS)
    for entry in entries(directory):
        if not str(entry.path).isprintable():
            raise OSError(f"the name {str(entry.path)!a} has what cannot be printed; rename it")
        if stat.S_ISREG(entry.status.st_mode) and entry.status.st_nlink > 1 and not ours:
            raise OSError(f"{entry.path} is a file that is elsewhere too (a hard link); copy it")
        total += entry.status.st_size
        if total > MOST_BYTES:
            raise OSError(f"its files hold more than {MOST_BYTES >> 30} GB")
        yield entry


def _content(entry: Entry) -> Iterator[bytes]:
    """What a file holds, not much longer than it was when it was listed."""
    with entry.open() as file:
        parts = iter(partial(file.read, CHUNK), b"")
        yield from islice(parts, entry.status.st_size // CHUNK + 1)
