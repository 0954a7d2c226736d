"""What newer templates would change in a node, and doing it without touching the author's work.

Add here what may happen to a file of a node; avoid what templates say (``rendering``). A file is
replaced only while it is as a template made it. One that its author has changed stays, and what
the template says is put beside it, once per change of the template.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from coordinator_pipelines.domain.values.errors import ScaffoldError
from coordinator_pipelines.scaffold.manifest import (
    MANIFEST_FILE,
    Manifest,
    digest,
    manifest_of,
)
from coordinator_pipelines.scaffold.tree import put_files

BESIDE = ".new"
"""What is added to the name of a changed file, for what the template says."""


class Action(StrEnum):
    """What happens to a file."""

    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"
    OFFER = "keep"
    """It is the author's by now: the template's text is put beside it."""
    RELEASE = "leave"
    """It is the author's by now, and the templates have no such file any more."""


@dataclass(frozen=True, slots=True)
class Change:
    """One file for which the templates say something new."""

    path: str
    action: Action
    before: str | None
    """Its text; None if there is no such file."""
    after: str | None
    """What the template says; None if there is none any more."""

    def diff(self) -> str:
        """From what is there to what the template says, as a unified diff."""
        before, after = ((text or "").splitlines() for text in (self.before, self.after))
        names = (self.path, f"{self.path} (template)")
        return "\n".join(difflib.unified_diff(before, after, *names, lineterm=""))


def changes(node: Path, manifest: Manifest, offered: Mapping[str, str]) -> list[Change]:
    """What the templates say that they did not say before, in the order of paths.

    Args:
        node: directory of the node.
        manifest: what it remembers.
        offered: path in the node -> text, as the templates have it now.

    Raises:
        ScaffoldError: a file of the node cannot be read.
    """
    return list(_changes(node, manifest, offered))


def _changes(node: Path, manifest: Manifest, offered: Mapping[str, str]) -> Iterator[Change]:
    for path in sorted({*manifest.files, *offered}):
        before, after, known = _text(node / path), offered.get(path), manifest.files.get(path)
        if before == after or (after is not None and digest(after) == known):
            continue
        if action := _action(node / path, before, after, known):
            yield Change(path, action, before, after)


def _action(
    target: Path, before: str | None, after: str | None, known: str | None
) -> Action | None:
    """What to do where the template says something new; None: the author has removed the file."""
    if before is None:
        return Action.ADD if known is None else None
    untouched = digest(before) == known and not target.is_symlink()
    if after is None:
        return Action.REMOVE if untouched else Action.RELEASE
    return Action.REPLACE if untouched else Action.OFFER


def upgrade(
    node: Path, manifest: Manifest, offered: Mapping[str, str], found: Sequence[Change]
) -> None:
    """Make the changes, and remember what the templates say now: all of it, or nothing.

    Args:
        node: directory of the node.
        manifest: what it remembers.
        offered: what ``found`` was found with.
        found: of :func:`changes`.

    Raises:
        ScaffoldError: something cannot be written; then everything is as it was.
    """
    written = {_place(change): change.after for change in found if change.after is not None}
    files = {PurePosixPath(path): text for path, text in written.items()}
    remembered = manifest_of(manifest.answers, offered)
    if remembered != manifest:
        files[PurePosixPath(MANIFEST_FILE)] = remembered.text()
    removed = [PurePosixPath(each.path) for each in found if each.action is Action.REMOVE]
    put_files(node, files, removed)


def _place(change: Change) -> str:
    return change.path + BESIDE if change.action is Action.OFFER else change.path


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ScaffoldError(f"{path} cannot be read: {error.strerror}") from error
