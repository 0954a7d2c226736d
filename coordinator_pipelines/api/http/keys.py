"""Keys of the API: made here, kept as hashes in a file, found in constant time.

Add here what concerns keys at rest; avoid who may read what (``access``).

A key is 256 random bits, so a plain SHA-256 of it cannot be guessed back: the slow hashes that
passwords need would only make every request slow. The file is read again when it changes, so that
a key can be replaced without a restart: add the new one, hand it out, drop the old one.
"""

import hashlib
import hmac
import json
import os
import secrets
import tempfile
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from coordinator_pipelines.domain.doors.models import UNKNOWN_OWNER
from coordinator_pipelines.domain.values.errors import CoordinatorError

PREFIX = "cpk_"
"""Makes a leaked key easy to find by whoever searches for such."""


class Tier(StrEnum):
    """What a key opens. Everything public needs none."""

    PUBLIC = "public"
    READ = "read"
    ADMIN = "admin"

    @property
    def level(self) -> int:
        """Higher opens more."""
        return list(Tier).index(self)


class Key(BaseModel):
    """One key as it is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$")
    tier: Tier
    owner: str | None = None
    """The account (``owner_id``) of the participant whose own failures the key shows."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    created_at: AwareDatetime


class KeyFile(BaseModel):
    """The content of a keys file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[Key, ...] = ()


class KeyRing:
    """The keys of a file, as it is now. Without a file there are none."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._read: tuple[tuple[int, int] | None, tuple[Key, ...]] = (None, ())
        self.all()

    def all(self) -> tuple[Key, ...]:
        """All keys of the file.

        Raises:
            CoordinatorError: the file cannot be read or holds something else.
        """
        if self.path is None:
            return ()
        stamp, keys = self._read
        found = self.path.stat() if self.path.exists() else None
        now = None if found is None else (found.st_mtime_ns, found.st_size)
        if now != stamp:
            keys = _load(self.path).keys
            self._read = (now, keys)
        return () if now is None else keys

    def find(self, token: str) -> Key | None:
        """The key that the token is. Takes as long whichever it is, and if it is none."""
        digest = _digest(token)
        matches = [key for key in self.all() if hmac.compare_digest(key.sha256, digest)]
        return matches[0] if matches else None


def add_key(path: Path, name: str, tier: Tier, owner: str | None, now: datetime) -> str:
    """Make a key, keep its hash in the file, and return it: it is not shown again.

    Raises:
        CoordinatorError: the file has a key of that name, cannot be read or written, the name
            is no name, or the owner is nobody.
    """
    if owner == UNKNOWN_OWNER:
        raise CoordinatorError(
            f"{owner!r} stands for every owner whose account was not told; name an account"
        )
    known = _load(path)
    if any(key.name == name for key in known.keys):
        raise CoordinatorError(f"{path} has a key {name!r} already; choose another name")
    token = PREFIX + secrets.token_urlsafe(32)
    try:
        key = Key(name=name, tier=tier, owner=owner, sha256=_digest(token), created_at=now)
    except ValidationError:
        raise CoordinatorError(
            f"{name!r} is no name for a key; use letters, digits, '_', '.', '-', at most 80"
        ) from None
    _save(path, KeyFile(keys=(*known.keys, key)))
    return token


def drop_key(path: Path, name: str) -> None:
    """Take a key out of the file: it opens nothing from now on.

    Raises:
        CoordinatorError: there is no key of that name.
    """
    known = _load(path)
    kept = tuple(key for key in known.keys if key.name != name)
    if len(kept) == len(known.keys):
        raise CoordinatorError(f"{path} has no key {name!r}")
    _save(path, KeyFile(keys=kept))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _load(path: Path) -> KeyFile:
    try:
        return KeyFile.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return KeyFile()
    except OSError as error:
        raise CoordinatorError(f"{path}: the keys file cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise CoordinatorError(
            f"{path}: this is no keys file: {where}: {first['msg']}; `coordinator report-keys add` "
            "writes one"
        ) from None


def _save(path: Path, content: KeyFile) -> None:
    """Replace the file in one step; only its owner may read it."""
    text = json.dumps(content.model_dump(mode="json"), indent=2) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        Path(temporary).replace(path)
    except OSError as error:
        raise CoordinatorError(
            f"{path}: the keys file cannot be written: {error.strerror}"
        ) from None
