"""``models.yaml``: which models take part in a replay, from when to when, and where they are.

Add here what an entry of that file may say; avoid running or importing models. A model whose
files are missing is no mistake of the file: it takes part and is ABSENT.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import Annotated

import pandas as pd
import yaml
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)

from coordinator_pipelines.domain.doors.ledger import MEMBERSHIP_COLUMNS, Mode
from coordinator_pipelines.domain.doors.models import UNKNOWN_OWNER, Member
from coordinator_pipelines.domain.values.errors import RosterError
from coordinator_pipelines.models.requirements import is_package
from coordinator_pipelines.models.submission import code_hash, is_submitted
from coordinator_pipelines.models.untrusted_files import open_plain

MOST_BYTES = 16 << 20
MODEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
BEGINNING = datetime.min.replace(tzinfo=UTC)
END = datetime.max.replace(tzinfo=UTC)


def _model_id(value: str) -> str:
    if not MODEL_ID.fullmatch(value):
        raise ValueError("use letters, digits, '_', '.' and '-', starting with a letter or digit")
    return value


def _requirement(value: str) -> str:
    if not is_package(value):
        raise ValueError(
            "name a package as in 'scikit-learn==1.5.2', without options, addresses or paths"
        )
    return value


def _text_or_datetime(value: object) -> object:
    if value is not None and not isinstance(value, str | datetime):
        raise ValueError("write an instant with its time zone, such as 2026-11-01T00:00:00Z")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_text_or_datetime)]


class Entry(BaseModel):
    """One interval of one model's membership."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(max_length=100), AfterValidator(_model_id)]
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    owner: Annotated[str, Field(min_length=1, max_length=200)] = UNKNOWN_OWNER
    owner_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The owner's account; None: ``owner`` is that too."""
    path: Annotated[str, Field(min_length=1)]
    """Directory with ``main.py``, relative to the file."""
    reviewed: bool = False
    """Whether the operator has read its code, and vouches for it."""
    active_from: Instant | None = None
    """First instant of the membership; None: the start of the challenge."""
    active_until: Instant | None = None
    """First instant after the membership; None: still a member."""

    @property
    def account(self) -> str:
        """What tells the owner from all others."""
        return self.owner_id or self.owner

    @property
    def begins(self) -> datetime:
        """Start of the interval, comparable."""
        return self.active_from or BEGINNING

    @property
    def ends(self) -> datetime:
        """End of the interval, comparable."""
        return self.active_until or END


class ModelsFile(BaseModel):
    """The file's content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: list[Entry]
    shared_modules: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Modules of the challenge that models import, by dotted name."""
    requirements: tuple[Annotated[str, AfterValidator(_requirement)], ...] = ()
    """Packages that every model needs, as in a ``requirements.txt``."""


@dataclass(frozen=True)
class Supplies:
    """What a challenge gives all its models: modules of its own, and packages."""

    shared_modules: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: Path) -> "Supplies":
        """What a models file says of them.

        Raises:
            RosterError: it cannot be read, or is wrong.
        """
        return _supplies(_read(path))


@dataclass(frozen=True)
class Roster:
    """The models of a replay: who they are, and when each is a member."""

    members: list[Member]
    """One per model id, in the order of the file; name and owner as in its last entry."""
    entries: list[Entry]
    supplies: Supplies = Supplies()

    @classmethod
    def load(cls, path: Path) -> "Roster":
        """Read and check a file.

        Raises:
            RosterError: it cannot be read, or an entry is wrong; the message names the file, the
                entry and the value.
        """
        content = _read(path)
        entries = content.models
        _check(entries, path)
        by_id = {entry.id: entry for entry in entries}
        members = [_member(entry, path.parent) for entry in by_id.values()]
        return cls(members, entries, _supplies(content))

    def active_members(self, instant: datetime) -> list[Member]:
        """Those who are members at an instant."""
        active = {entry.id for entry in self.entries if entry.begins <= instant < entry.ends}
        return [member for member in self.members if member.model_id in active]

    def memberships(self, start: datetime) -> pd.DataFrame:
        """Memberships in a challenge that starts at ``start``: MEMBERSHIP_COLUMNS, UTC instants.

        ``left_at`` is NaT for those who are still members. Who left before the start is not in it.
        """
        hashes = {member.model_id: member.code_hash for member in self.members}
        rows = [
            (Mode.REPLAY.value, entry.id, entry.active_from or start, entry.active_until,
             entry.name or entry.id, entry.owner, entry.account, hashes[entry.id])
            for entry in self.entries
            if entry.active_from or entry.ends > start
        ]  # fmt: skip
        frame = pd.DataFrame(rows, columns=list(MEMBERSHIP_COLUMNS))
        for name in ("joined_at", "left_at"):
            frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
        return frame.sort_values(["model_id", "joined_at"], ignore_index=True)


def _member(entry: Entry, base: Path) -> Member:
    given = base / entry.path
    # The way to the file, or to a directory that is elsewhere, is the operator's; the rest is not.
    way = given.parent if Path(entry.path).is_absolute() else base
    directory = Path(os.path.normpath(way.resolve() / given.relative_to(way)))
    digest = code_hash(directory) if is_submitted(directory) else hashlib.sha256().hexdigest()
    name = entry.name or entry.id
    return Member(entry.id, name, entry.owner, entry.account, digest, directory, entry.reviewed)


def _supplies(content: ModelsFile) -> Supplies:
    return Supplies(content.shared_modules, content.requirements)


def _read(path: Path) -> ModelsFile:
    try:
        with open_plain(path, "rb", follow=True) as file:
            text = file.read(MOST_BYTES + 1).decode()
        if len(text) > MOST_BYTES:
            raise RosterError(f"{path}: the models file has more than {MOST_BYTES >> 20} MB")
        content = yaml.safe_load(text)
    except OSError as error:
        raise RosterError(f"{path}: the models file cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RosterError(f"{path}: not valid YAML: {error}") from error
    try:
        return ModelsFile.model_validate(content)
    except ValidationError as error:
        raise RosterError(_say(path, content, error)) from error


def _say(path: Path, content: object, error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    place = ".".join(str(part) for part in first["loc"]) or "the file"
    match first["loc"], content:
        case ("models", int(index), *rest), {"models": list(entries)}:
            entry = entries[index]
            label = entry.get("id") if isinstance(entry, dict) else None
            place = f"models[{index}] (id {label!r})" + "".join(f".{part}" for part in rest)
    return f"{path}: {place}: {message}, got {first['input']!r}"


def _check(entries: list[Entry], path: Path) -> None:
    for index, entry in enumerate(entries):
        if entry.ends <= entry.begins:
            raise RosterError(
                f"{path}: models[{index}] (id {entry.id!r}): active_until {entry.active_until} "
                f"is not after active_from {entry.active_from}"
            )
    ordered = sorted(entries, key=lambda entry: (entry.id, entry.begins))
    for model_id, group in groupby(ordered, key=lambda entry: entry.id):
        for earlier, later in pairwise(group):
            _check_return(model_id, earlier, later, path)


def _check_return(model_id: str, earlier: Entry, later: Entry, path: Path) -> None:
    if later.path != earlier.path:
        raise RosterError(
            f"{path}: model {model_id!r} has two paths, {earlier.path!r} and {later.path!r}; "
            "give another model another id"
        )
    if later.begins < earlier.ends:
        raise RosterError(
            f"{path}: model {model_id!r} is a member twice at once: the entry until "
            f"{earlier.active_until or 'now on'} overlaps the one from "
            f"{later.active_from or 'the start'}; intervals of one id must be disjoint"
        )
