"""From a path to bytes: one regular file, read once, within bounds, unpacked as its name says.

Add ways of packing here; avoid what the bytes mean (``text``, ``json_rows``, ``parquet``).
"""

import gzip
import io
import lzma
import os
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from coordinator_pipelines.domain.values.errors import FeedConfigurationError, FeedDataError
from coordinator_pipelines.feeds.candles.problems import listed

LARGEST = 1_000_000_000
"""Bytes of a file, packed or not: ten years of minutes with a dozen columns are half of it."""
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
TABLES = (".csv", ".txt", ".tsv", ".json", ".parquet")
PACKED = (".csv.gz", ".txt.gz", ".tsv.gz", ".json.gz", ".zip")


class SupportsRead(Protocol):
    """What bytes are read from: a file, or what unpacks one."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes."""


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a table, and what its name says they are."""

    label: str
    """For messages: the path, and the file within it if it is an archive."""
    kind: str
    """One of :data:`TABLES`."""
    data: bytes


def content_of(path: Path) -> Content:
    """The table in a file, unpacked.

    Raises:
        FeedConfigurationError: there is no such regular file, or its name says no known kind.
        FeedDataError: it is empty, too large, damaged, or not packed as its name says.
    """
    name = path.name.lower()
    kind = next((kind for kind in (*PACKED, *TABLES) if name.endswith(kind)), None)
    if kind is None and not path.is_dir():
        raise FeedConfigurationError(
            f"{path} is none of {', '.join((*TABLES, *PACKED))}. Name a file of one of these kinds."
        )
    data = _regular(path)
    if not data:
        raise FeedDataError(f"{path} is empty. Write the header and at least one candle to it.")
    if kind == ".zip":
        return _of_archive(path, data)
    if kind is not None and kind.endswith(".gz"):
        if not data.startswith(GZIP):
            raise FeedDataError(f"{path} is not gzip-compressed. Compress it, or name it .csv.")
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            data = _unpacked(path, packed, "gzip file")
    return Content(str(path), PurePosixPath(name.removesuffix(".gz")).suffix, data)


def _regular(path: Path) -> bytes:
    """The bytes of a regular file; whatever else has the name is not waited for."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise FeedConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        mode = os.fstat(opened).st_mode
        if stat.S_ISDIR(mode):
            raise FeedConfigurationError(f"{path} is a directory. Name one file of candles.")
        if not stat.S_ISREG(mode):
            raise FeedConfigurationError(f"{path} is no regular file. Name a file of candles.")
        with os.fdopen(opened, "rb", closefd=False) as file:
            return _bounded(path, file)
    finally:
        os.close(opened)


def _bounded(path: Path, file: SupportsRead) -> bytes:
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise FeedDataError(
            f"{path} holds more than {LARGEST // 10**6:,} MB. Split it by time, one file for each "
            f"challenge."
        )
    return data


def _unpacked(path: Path, packed: SupportsRead, what: str) -> bytes:
    try:
        return _bounded(path, packed)
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise FeedDataError(f"{path} is a damaged {what}: {error}. Get it again.") from error


def _of_archive(path: Path, data: bytes) -> Content:
    if not data.startswith(ZIP):
        raise FeedDataError(f"{path} is not a zip archive. Pack it, or name it .csv.")
    archive = _opened(path, data)
    names = [name for name in archive.namelist() if _is_table(name)]
    if len(names) != 1:
        held = f"{len(names):,} tables ({listed(names)})" if names else "no table of candles"
        raise FeedDataError(f"{path} holds {held}. Unpack it and name one file.")
    try:
        member = archive.open(names[0])
    except (RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        raise FeedDataError(f"{path} cannot be unpacked: {error}. Unpack it by hand.") from error
    with member:
        content = _unpacked(path, member, "zip archive")
    if not content:
        raise FeedDataError(f"{path} holds an empty file. Write at least one candle to it.")
    return Content(f"{path}: {listed(names)}", PurePosixPath(names[0].lower()).suffix, content)


def _opened(path: Path, data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise FeedDataError(f"{path} is a damaged zip archive: {error}. Get it again.") from error


def _is_table(name: str) -> bool:
    """Not what a Mac puts beside a file."""
    return name.lower().endswith(TABLES) and not name.startswith("__MACOSX/")
