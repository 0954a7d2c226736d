"""A model as its author hands it in: which files make it up, their digest, a copy of them.

Add here what concerns the files of one model; avoid importing or running them, and who takes part
(``roster``). Links count as what they are: a file elsewhere is not the model's, and following one
would hand its model whatever the host's user can read.
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

RESOURCES = "resources"
"""Directory that a model may write to."""

Signature = tuple[tuple[str, int, int], ...]


def code_hash(directory: Path) -> str:
    """SHA-256 over the sorted relative paths and the bytes of a model's files.

    What running it leaves behind (``__pycache__``, ``resources/``) and dot files do not count.
    The hash of a missing directory is that of nothing.
    """
    digest = hashlib.sha256()
    for path in sorted(_files(directory)):
        relative = path.relative_to(directory)
        if relative.parts[0] == RESOURCES or not path.is_file():
            continue
        name = relative.as_posix().encode()
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        digest.update(len(name).to_bytes(4, "big") + name + content)
    return digest.hexdigest()


def signature(directory: Path) -> Signature:
    """What tells whether a model's files have changed, at the cost of a listing."""
    found = []
    for path in _files(directory):
        try:
            known = path.lstat()
        except FileNotFoundError:
            continue
        found.append((str(path), known.st_mtime_ns, known.st_size))
    return tuple(sorted(found))


def copy(directory: Path, target: Path) -> None:
    """Copy a model's files; the copy has ``resources`` in any case.

    Raises:
        OSError: there is no ``main.py``, something is neither file nor directory, or a file
            cannot be read or written; the message names it.
    """
    if not (directory / "main.py").exists():
        raise FileNotFoundError(f"there is no main.py in {directory}")
    for path in _files(directory):
        relative = path.relative_to(directory)
        kind = path.lstat().st_mode
        if stat.S_ISLNK(kind):
            raise OSError(f"{relative} is a link; put what it points to in its place")
        if not stat.S_ISREG(kind):
            raise OSError(f"{relative} is neither a file nor a directory; take it out")
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / relative)
    (target / RESOURCES).mkdir(exist_ok=True)


def _files(directory: Path) -> Iterator[Path]:
    """Everything but directories, ``__pycache__`` and what a dot hides; links are not followed."""
    for parent, directories, files in os.walk(directory):
        links = [name for name in directories if Path(parent, name).is_symlink()]
        directories[:] = [name for name in directories if _counts(name) and name not in links]
        yield from (Path(parent, name) for name in (*files, *links) if _counts(name))


def _counts(name: str) -> bool:
    return name != "__pycache__" and not name.startswith(".")
