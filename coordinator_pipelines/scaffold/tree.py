"""A directory tree that is there as a whole or not at all.

Add here what keeps a half-written tree from being seen; avoid what is in it. A tree is written
beside its place and then renamed. What was there before is renamed too, and never deleted.
"""

import itertools
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from coordinator_pipelines.domain.values.errors import ScaffoldError

BEFORE = ".before"
"""Where files are kept beside the new ones, until all of these are in place."""


@contextmanager
def written_aside(directory: Path, files: Mapping[PurePosixPath, str]) -> Iterator[Path]:
    """Write files to a new hidden directory, which is removed at the end.

    Raises:
        ScaffoldError: it cannot be written.
    """
    aside = directory / f".scaffold-{secrets.token_hex(4)}.new"
    try:
        try:
            for path, text in files.items():
                _write(aside / path, text)
        except OSError as error:
            raise _unwritable(error) from error
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def put_in_place(aside: Path, target: Path) -> Path | None:
    """Give a complete tree its name; where the tree now is that had the name before.

    Raises:
        ScaffoldError: it cannot be renamed; what was there before is there again.
    """
    before = _unused(target) if _is_there(target) else None
    try:
        if before:
            target.rename(before)
        try:
            aside.rename(target)
        except BaseException:
            if before:
                before.rename(target)
            raise
    except OSError as error:
        raise _unwritable(error) from error
    return before


def replace_file(aside: Path, target: Path) -> None:
    """Put a complete file in the place of one, with the permissions that this had.

    Raises:
        ScaffoldError: it cannot be put there.
    """
    try:
        if target.exists():
            shutil.copymode(target, aside)
        aside.replace(target)
    except OSError as error:
        raise _unwritable(error) from error


def put_files(
    directory: Path, files: Mapping[PurePosixPath, str], removed: Iterable[PurePosixPath] = ()
) -> None:
    """Write files of a directory and remove others. Each has its old or its new text at any time.

    Raises:
        ScaffoldError: not all of it can be done; then everything is as it was.
    """
    with written_aside(directory, files) as aside, ExitStack() as undo:
        try:
            for path in files:
                _remember(directory / path, aside / BEFORE / path, undo)
                replace_file(aside / path, directory / path)
            for path in removed:
                _remember(directory / path, aside / BEFORE / path, undo)
                (directory / path).unlink()
        except OSError as error:
            raise _unwritable(error) from error
        undo.pop_all()


def _remember(target: Path, copy: Path, undo: ExitStack) -> None:
    for path in (target, copy):
        path.parent.mkdir(parents=True, exist_ok=True)
    if _is_there(target):
        shutil.copy2(target, copy, follow_symlinks=False)
        undo.callback(copy.replace, target)
    else:
        undo.callback(target.unlink, missing_ok=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _unused(target: Path) -> Path:
    """A free name for what is replaced."""
    names = (target.with_name(f"{target.name}.replaced-{n}") for n in itertools.count(1))
    return next(path for path in names if not _is_there(path))


def _unwritable(error: OSError) -> ScaffoldError:
    where = f"{error.filename}: " if error.filename else ""
    return ScaffoldError(f"{where}cannot be written: {error.strerror}")
