"""Verify what a coordinator's node has committed to: stand-alone, for anybody.

    python verify_evidence.py --url https://node.example.org [--key KEY] [--state FILE]

It needs Python 3.11 and the package `cryptography`, and nothing of the node but its Report API.
It checks that

* every tree head is signed by the operator's key, and neither sizes nor times run backwards;
* the log is one log: what it holds now begins with what it held at each signed head, and at the
  head that an earlier run of this program has seen (--state), so it cannot be forked or rewritten;
* each live round was in the log, by a signed time, before its outcome could be known;
* each prediction that is opened, with its salt, is the one that was committed to, none is missing,
  none was added, and none was moved to another place;
* each truth, board and checkpoint is the one that was committed to;
* each round that does not count is a tie, or was voided by the operator, who had said so in the log
  before; such rounds are told with the operator's reason.

The formats are public: RFC 6962 (Merkle trees), RFC 8785 (canonical JSON), and signed-note,
tlog-checkpoint and tlog-cosignature of C2SP. Exit status: 0 if all is as it should be, 1 if
anything is not, 2 if the node cannot be asked.

This file uses nothing else of the project, so that it can be read and run on its own.
"""

import argparse
import base64
import hmac
import json
import math
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEY_VARIABLE = "COORDINATOR_REPORT_KEY"
"""A key of the node's Report API, where it asks for one; it also opens its owner's own answers."""
PAGE = 500
OPENINGS = 50
TIMEOUT_SECONDS = 30
MOST_BYTES = 256 * 1024 * 1024
LOG, COSIGNATURE = b"\x01", b"\x04"
EXACT = 2**53
VOID, VOIDED = "VOID", "VOIDED"
EMPTY_ROOT = sha256(b"").digest()


class UnreadableError(Exception):
    """The node cannot be asked, or answers something else than it should."""


# -- canonical JSON: RFC 8785 -----------------------------------------------------------------


def canonical(value: Any) -> str:
    """The value as RFC 8785 writes it.

    Whole numbers of 2^53 and more are written as the double that they equal or that is written
    like them, and as text if there is none.

    Raises:
        ValueError: it is no JSON, or not finite.
    """
    if isinstance(value, list | tuple):
        return f"[{','.join(map(canonical, value))}]"
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return f"{{{','.join(f'{_scalar(name)}:{canonical(value[name])}' for name in names)}}}"
    if value is None or isinstance(value, bool | str):
        return _scalar(value)
    return _whole(value) if isinstance(value, int) else _number(float(value))


def _whole(value: int) -> str:
    if abs(value) < EXACT:
        return str(value)
    try:
        near = float(value)
    except OverflowError:  # beyond all doubles
        return _scalar(str(value))
    alike = value in (int(near), int(Decimal(repr(near))))
    return _number(near) if alike else _scalar(str(value))


def _scalar(value: str | bool | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """A double as ECMAScript writes it: the shortest digits that mean it, and where the point is.

    Python finds the same digits and places the point differently.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} is not finite")
    if value == 0:
        return "0"
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0)
    if whole == "0":
        point -= len(fraction) - len(fraction.lstrip("0")) + 1
    digits = digits.rstrip("0")
    sign = "-" if value < 0 else ""
    if len(digits) <= point <= 21:
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    rest = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{rest}e{point - 1:+d}"


# -- Merkle trees: RFC 6962, and RFC 9162 for checking proofs -----------------------------------


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data)."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\1" + left + right).digest()


@dataclass
class GrowingTree:
    """A tree that leaves are appended to, kept as the roots of its complete subtrees."""

    size: int = 0
    edge: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add the hash of a leaf."""
        position, self.size = self.size, self.size + 1
        while position % 2:
            leaf = node_hash(self.edge.pop(), leaf)
            position //= 2
        self.edge.append(leaf)

    def root(self) -> bytes:
        """The root."""
        if not self.edge:
            return EMPTY_ROOT
        *others, digest = self.edge
        for left in reversed(others):
            digest = node_hash(left, digest)
        return digest


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root of a tree from the hashes of all its leaves."""
    tree = GrowingTree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether a path leads from a leaf to a root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    node, last, digest = index, size - 1, leaf
    for other in path:
        if last == 0:
            return False
        if node % 2 or node == last:
            digest = node_hash(other, digest)
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            digest = node_hash(digest, other)
        node, last = node >> 1, last >> 1
    return last == 0 and digest == root


def is_consistent(first: int, second: int, old: bytes, new: bytes, path: Sequence[bytes]) -> bool:
    """Whether a path proves that a tree grew from a smaller one (RFC 9162, 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and old == new
    steps = [old, *path] if first & (first - 1) == 0 else list(path)
    if not steps:
        return False
    node, last = first - 1, second - 1
    while node % 2:
        node, last = node >> 1, last >> 1
    was = now = steps[0]
    for other in steps[1:]:
        if last == 0:
            return False
        if node % 2 or node == last:
            was, now = node_hash(other, was), node_hash(other, now)
            while node % 2 == 0 and node:
                node, last = node >> 1, last >> 1
        else:
            now = node_hash(now, other)
        node, last = node >> 1, last >> 1
    return last == 0 and was == old and now == new


# -- signed notes: C2SP signed-note, tlog-checkpoint, tlog-cosignature -----------------------------


@dataclass(frozen=True)
class VerifierKey:
    """A public key, ``name+id+base64``."""

    name: str
    public: bytes

    @classmethod
    def read(cls, text: str) -> "VerifierKey":
        """The key of its text.

        Raises:
            ValueError: it is none.
        """
        try:
            name, key_id, encoded = text.strip().split("+", 2)
            data = base64.b64decode(encoded, validate=True)
            key = cls(name, data[1:])
            Ed25519PublicKey.from_public_bytes(key.public)
        except ValueError:
            raise ValueError(
                f"{text[:100]!r} is no key; a key looks like name+1a2b3c4d+AbC..."
            ) from None
        if data[:1] not in (LOG, COSIGNATURE) or key.key_id(data[:1]).hex() != key_id:
            raise ValueError(f"{text[:100]!r} is no Ed25519 key, or was changed")
        return key

    def key_id(self, kind: bytes) -> bytes:
        """The four bytes that signatures of a kind begin with."""
        return sha256(self.name.encode() + b"\n" + kind + self.public).digest()[:4]

    def has_signed(self, signature: bytes, message: bytes) -> bool:
        """Whether the signature is the key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class Note:
    """A tree head with its signatures, none of them checked."""

    text: str
    origin: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes], ...]

    @classmethod
    def read(cls, text: str) -> "Note":
        """The note of its text.

        Raises:
            ValueError: it is none.
        """
        body, _, below = text.partition("\n\n")
        lines = body.split("\n")
        if len(lines) < 3 or not lines[0] or not _is_size(lines[1]):
            raise ValueError("it is no tree head")
        root = base64.b64decode(lines[2], validate=True)
        if len(root) != 32:
            raise ValueError("its root has not 32 bytes")
        signatures = tuple(map(_signature, below.removesuffix("\n").split("\n") if below else []))
        return cls(body + "\n", lines[0], int(lines[1]), root, signatures)

    def is_signed_by(self, key: VerifierKey) -> bool:
        """Whether the log's own key has signed it."""
        found = self._found(key, LOG, 64)
        return any(key.has_signed(each, self.text.encode()) for each in found)

    def time_by(self, key: VerifierKey) -> datetime | None:
        """When the key has seen it, if it has signed that."""
        for each in self._found(key, COSIGNATURE, 72):
            seconds = int.from_bytes(each[:8], "big")
            message = f"cosignature/v1\ntime {seconds}\n{self.text}".encode()
            if key.has_signed(each[8:], message):
                return datetime.fromtimestamp(seconds, UTC)
        return None

    def _found(self, key: VerifierKey, kind: bytes, length: int) -> list[bytes]:
        wanted = key.key_id(kind)
        return [
            signature[4:]
            for name, signature in self.signatures
            if name == key.name and signature[:4] == wanted and len(signature) == length + 4
        ]


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")


def _signature(line: str) -> tuple[str, bytes]:
    dash, name, encoded = line.split(" ")
    if dash != "\u2014":
        raise ValueError("a line below it is no signature")
    return name, base64.b64decode(encoded, validate=True)


# -- one proof -------------------------------------------------------------------------------------


def check_inclusion(proof: dict[str, Any], key: VerifierKey | None = None) -> list[str]:
    """What is wrong with an answer of ``/reports/evidence/inclusion``, a line each.

    With a key, the head that it leads to must be signed by it.
    """
    entry = json.loads(proof["entry"])
    leaf_path = [base64.b64decode(each) for each in proof["leaf_path"]]
    path = [base64.b64decode(each) for each in proof["path"]]
    cells = base64.b64decode(entry["root"])
    leaf = base64.b64decode(proof["leaf_hash"])
    root, problems = base64.b64decode(proof["root"]), []
    if entry["predictions"] != proof["leaf_count"]:
        problems.append("the entry speaks of another number of predictions")
    if not includes(leaf, proof["leaf_index"], proof["leaf_count"], leaf_path, cells):
        problems.append("the leaf is not in the round that the entry commits to")
    hashed = leaf_hash(proof["entry"].encode())
    if not includes(hashed, proof["position"], proof["size"], path, root):
        problems.append("the entry is not in the log")
    if key is not None:
        note = Note.read(proof["note"] or "")
        if not note.is_signed_by(key):
            problems.append(f"the head of size {note.size} is not signed by {key.name}")
        if (note.size, note.root) != (proof["size"], root):
            problems.append("the signed head is not the one that the proof leads to")
    return problems


# -- a node ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Node:
    """A node's Report API."""

    url: str
    api_key: str | None = None

    def json(self, path: str, **parameters: Any) -> Any:
        """What a route answers.

        Raises:
            UnreadableError: nothing that can be used.
        """
        query = {name: value for name, value in parameters.items() if value is not None}
        url = f"{self.url.rstrip('/')}/reports/evidence/{path}?{urllib.parse.urlencode(query)}"
        if not url.startswith(("http://", "https://")):
            raise UnreadableError(f"{self.url!r} is no address; write https://node.example.org")
        headers = {"Accept": "application/json"} | (
            {"X-API-Key": self.api_key} if self.api_key else {}
        )
        request = urllib.request.Request(url, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.loads(answer.read(MOST_BYTES))
        except urllib.error.HTTPError as error:
            raise UnreadableError(f"{url} answers {error.code}: {_said(error)}") from None
        except (OSError, ValueError) as error:
            raise UnreadableError(f"{url} cannot be read: {error}") from None


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(10_000))["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return str(error.reason)


@dataclass
class Seen:
    """What earlier runs have verified: where this one begins, and what it holds the node to."""

    key: str | None = None
    size: int = 0
    root: str | None = None
    note: str | None = None
    """The signed head: two that part are proof of a fork, whatever the operator says."""
    time: str | None = None
    at: str | None = None
    """When it was seen, by the clock of this machine."""
    edge: list[str] = field(default_factory=list)
    closed: list[tuple[int, str]] = field(default_factory=list)
    """Entries of rounds that were not open yet: position and text."""
    voided: list[tuple[str, str]] = field(default_factory=list)
    """Rounds that the operator has ever voided: prediction config and instant."""

    @classmethod
    def read(cls, path: Path | None) -> "Seen":
        """What a file remembers; nothing if there is no file."""
        if path is None or not path.exists():
            return cls()
        try:
            stored = cls(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise UnreadableError(f"{path} is no state of this program: {error}") from None
        stored.closed = [(position, text) for position, text in stored.closed]
        stored.voided = [(config, at) for config, at in stored.voided]
        return stored

    def write(self, path: Path) -> None:
        """Remember it, all or nothing."""
        new = path.with_name(f"{path.name}.new")
        new.write_text(json.dumps(self.__dict__))
        new.replace(path)


@dataclass
class Verification:
    """One run against a node. ``problems`` says what is wrong, and where."""

    node: Node
    key: VerifierKey | None = None
    seen: Seen = field(default_factory=Seen)
    model: str | None = None
    witnesses: tuple[VerifierKey, ...] = ()
    notes: tuple[str, ...] = ()
    """Heads from elsewhere, such as a witness's or an archive's: the log must begin with each."""
    tell: Callable[[str], None] = lambda _: None
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    problems: list[str] = field(default_factory=list)
    entries: int = 0
    opened: int = 0
    closed: int = 0
    void: int = 0
    signed: bool = False
    _tree: GrowingTree = field(default_factory=GrowingTree)
    _time: datetime | None = None
    _asked_at: datetime = field(init=False)
    _rounds: dict[tuple[str, str], int] = field(default_factory=dict)
    _resolved: set[tuple[str, str]] = field(default_factory=set)
    _closed: list[tuple[int, str]] = field(default_factory=list)
    _voided: set[tuple[str, str]] = field(default_factory=set)
    _after_void: set[int] = field(default_factory=set)
    """Positions of truths of rounds that were voided by then."""

    def run(self) -> bool:
        """Verify all that is new since what was seen; whether all is as it should be.

        Raises:
            UnreadableError: the node cannot be asked.
        """
        self._asked_at = self.now()
        told = self.node.json("head")
        self.signed = told["note"] is not None
        if self.key is None and (known := self.seen.key or told["verifier_key"]):
            self.key = VerifierKey.read(known)
        if not self.signed and (self.key is not None):
            return self._wrong(f"the newest head is not signed by {self.key.name}")
        size, root = told["size"], base64.b64decode(told["root"])
        if self.signed:
            head = self._checked(told["note"], "the newest head")
            if head is None:
                return False
            if (head.size, head.root) != (size, root):
                return self._wrong("the newest head says something else than its note")
            self._check_notes(size, root)
        if not self._grew(size, root):
            return False
        self._replay(size, root)
        self._open()
        if not self.problems:
            self._remember(told)
        return not self.problems

    def _wrong(self, problem: str) -> bool:
        self.problems.append(problem)
        self.tell(f"WRONG: {problem}")
        return False

    def _checked(self, text: str, which: str) -> Note | None:
        """A head whose signature and time are the operator's."""
        assert self.key is not None
        try:
            note = Note.read(text)
        except ValueError as error:
            self._wrong(f"{which} cannot be read: {error}")
            return None
        if not note.is_signed_by(self.key):
            self._wrong(f"{which}, of size {note.size}, is not signed by {self.key.name}")
        elif note.origin != self.key.name:
            self._wrong(f"{which} is of the log {note.origin!r}, not {self.key.name!r}")
        elif note.time_by(self.key) is None:
            self._wrong(f"{which}, of size {note.size}, has no signed time")
        else:
            return note
        return None

    def _check_notes(self, size: int, root: bytes) -> None:
        """Heads from elsewhere: of this log, and each cosigned by every witness that is named."""
        for text in self.notes:
            note = self._checked(text, "a head from elsewhere") if self.key is not None else None
            if note is None:
                continue
            if note.size > size:
                self._wrong(f"the log has lost entries: a head from elsewhere has {note.size}")
            elif note.size and not self._begins_with(note.size, note.root, size, root):
                self._wrong(f"the log is forked: it does not begin with a head of {note.size}")
            for witness in self.witnesses:
                at = note.time_by(witness)
                if at is None:
                    self._wrong(f"the head of size {note.size} is not cosigned by {witness.name}")
                else:
                    self.tell(f"{witness.name} saw the head of size {note.size} at {at:%FT%TZ}")

    def _begins_with(self, old: int, old_root: bytes, size: int, root: bytes) -> bool:
        told = self.node.json("consistency", first=old, second=size)
        path = [base64.b64decode(each) for each in told["path"]]
        return is_consistent(old, size, old_root, root, path)

    def _grew(self, size: int, root: bytes) -> bool:
        """Whether the log has grown from what was seen of it."""
        if self.seen.root is None:
            return True
        old, old_root = self.seen.size, base64.b64decode(self.seen.root)
        then = f"the log of size {old} that was seen at {self.seen.at}"
        if size < old:
            return self._wrong(f"{then} has lost entries: it has only {size} now")
        if old and not self._begins_with(old, old_root, size, root):
            return self._wrong(
                f"the log is forked or rewritten: {then} had the root {self.seen.root}, and the "
                f"log of size {size} does not begin with it"
            )
        self._tree = GrowingTree(old, [base64.b64decode(each) for each in self.seen.edge])
        self._time = datetime.fromisoformat(self.seen.time) if self.seen.time else None
        self._closed, self._voided = list(self.seen.closed), set(self.seen.voided)
        return True

    # -- what the log says -----------------------------------------------------------------------

    def _replay(self, size: int, root: bytes) -> None:
        """All new entries, head by head: where the roots part, the entries are not those signed."""
        entries = self._entries(size)
        for head in self._heads(size):
            at = head.time_by(self.key) if self.key else None
            if at is None or head.size <= self._tree.size:
                self._wrong(f"the heads are out of order at size {head.size}")
                return
            if self._time is not None and at < self._time:
                self._wrong(
                    f"the head of size {head.size} says {at:%FT%TZ}, but an earlier one says "
                    f"{self._time:%FT%TZ}: times run backwards"
                )
            first = self._tree.size
            fresh = list(self._up_to(entries, head.size))
            if self._tree.root() != head.root:
                self._wrong(
                    f"entries {first} to {head.size - 1} are not those that were signed at "
                    f"{at:%FT%TZ}: changed, dropped or reordered"
                )
                return
            for position, text in fresh:
                self._read(position, text, at)
            self._time = at
        fresh = list(self._up_to(entries, size))
        if self._tree.root() != root:
            first = size - len(fresh)
            self._wrong(f"entries {first} to {size - 1} are not those of the head of size {size}")
            return
        if fresh and self.signed:
            self._wrong(f"entries {fresh[0][0]} to {size - 1} are covered by no head of their own")
        for position, text in fresh:
            self._read(position, text, None)

    def _heads(self, size: int) -> Iterator[Note]:
        if not self.signed:
            return
        after = self._tree.size
        while after < size:
            page = self.node.json("heads", after=after, limit=PAGE)
            if not page:
                return
            for told in page:
                head = self._checked(told["note"], f"the head of size {told['size']}")
                if head is None or head.size > size:
                    return
                yield head
                after = head.size

    def _entries(self, size: int) -> Iterator[tuple[int, str]]:
        position = self._tree.size
        while position < size:
            page = self.node.json("entries", start=position, limit=min(PAGE, size - position))
            if not page:
                self._wrong(f"the log ends at {position}, and its head says {size}")
                return
            for told in page:
                if told["position"] != position:
                    self._wrong(f"entry {position} is missing")
                    return
                yield position, told["entry"]
                position += 1

    def _up_to(self, entries: Iterator[tuple[int, str]], size: int) -> Iterator[tuple[int, str]]:
        while self._tree.size < size:
            found = next(entries, None)
            if found is None:
                return
            self._tree.append(leaf_hash(found[1].encode()))
            yield found

    def _read(self, position: int, text: str, at: datetime | None) -> None:
        """One entry: of live predictions, whether it came in time and only once."""
        self.entries += 1
        self._closed.append((position, text))
        said = json.loads(text)
        if said["kind"] == "ruling" and said["ruling"] == VOIDED:
            # For good: a truth may be on its way while its operator takes a void back.
            self._voided.add(_key(said))
        if said["kind"] == "truth":
            self._resolved.add(_key(said))
            if _key(said) in self._voided:
                self._after_void.add(position)
        if said["kind"] != "predictions" or said["mode"] != "live":
            return
        due = datetime.fromisoformat(said["resolvable_at"])
        known = f"its outcome was known from {due:%FT%TZ}"
        if self.seen.at is not None and due <= datetime.fromisoformat(self.seen.at):
            self._wrong(
                f"{_named(said)} was committed too late: {known}, and at {self.seen.at} the log "
                "was seen without it"
            )
        elif at is not None and at >= due:
            self._wrong(f"{_named(said)} was committed too late, at {at:%FT%TZ}: {known}")
        key = said["prediction_config_id"], said["performed_at"]
        first = self._rounds.setdefault(key, position)
        if first != position:
            self._wrong(f"{_named(said)} was committed twice, as entries {first} and {position}")

    # -- what it commits to ------------------------------------------------------------------------

    def _open(self) -> None:
        """Compare what is opened with what was committed to; keep what is not open yet."""
        waiting, self._closed = self._closed, []
        texts = dict(waiting)
        for first in range(0, len(waiting), OPENINGS):
            positions = [position for position, _ in waiting[first : first + OPENINGS]]
            told = self.node.json("openings", positions=",".join(map(str, positions)))
            found = {each["position"]: each for each in told}
            for position in positions:
                if position not in found:
                    self._wrong(f"entry {position} cannot be opened: the node leaves it out")
                    continue
                said = json.loads(texts[position])
                if said["kind"] == "predictions":
                    self._open_round(position, texts[position], said, found[position])
                else:
                    self._open_content(position, said, found[position])

    def _open_content(self, position: int, said: dict[str, Any], told: dict[str, Any]) -> None:
        content = told["content"]
        if content is None:
            self._wrong(f"{_named(said)} is gone")
        elif _digest(content) != said["content"]:
            self._wrong(f"{_named(said)} was changed after it was committed to")
        elif said["kind"] == "ruling" and content["kind"] != said["ruling"]:
            self._wrong(f"{_named(said)} is committed to as {said['ruling']}")
        else:
            self.opened += 1
            if said["kind"] == "truth" and content["state"] == VOID:
                self._open_void(position, said, content)

    def _open_void(self, position: int, said: dict[str, Any], content: dict[str, Any]) -> None:
        """A round that does not count: by the operator's word, which is told, or as a tie."""
        if position in self._after_void:
            self.void += 1
            where = f"the round of {said['performed_at']} ({said['prediction_config_id']})"
            self.tell(f"VOID: {where} does not count, {content['reason']}")
        elif content["entry_price"] is None or content["entry_price"] != content["resolved_price"]:
            self._wrong(
                f"{_named(said)} says that the round does not count; it is no tie, and the log has "
                "no word of the operator before it"
            )

    def _open_round(
        self, position: int, text: str, said: dict[str, Any], told: dict[str, Any]
    ) -> None:
        leaves = told["leaves"]
        is_open = told["is_open"] or _key(said) in self._resolved
        if len(leaves) != said["predictions"]:
            self._wrong(
                f"{_named(said)} was committed to with {said['predictions']} predictions, "
                f"{len(leaves)} are shown: a model was dropped or added"
            )
            return
        models = [leaf["model_id"] for leaf in leaves]
        if models != sorted(set(models)):
            self._wrong(f"{_named(said)} does not show its models in order")
        hashes = [base64.b64decode(leaf["hash"]) for leaf in leaves]
        if root_of(hashes) != base64.b64decode(said["root"]):
            self._wrong(f"{_named(said)} does not show the leaves that it committed to")
        if self.model is not None and said["mode"] == "live" and self.model not in models:
            self._wrong(f"{_named(said)} has nothing of {self.model}")
        for leaf in leaves:
            self._open_cell(said, leaf, is_open)
        if not is_open:
            self.closed += 1
            self._closed.append((position, text))

    def _open_cell(self, said: dict[str, Any], leaf: dict[str, Any], is_open: bool) -> None:
        cell, model = leaf["cell"], leaf["model_id"]
        if cell is None:
            if is_open:
                self._wrong(f"{_named(said)}: the prediction of {model} was dropped")
            return
        same = ("challenge", "mode", "prediction_config_id", "performed_at")
        if any(cell[name] != said[name] for name in same) or cell["model_id"] != model:
            self._wrong(f"{_named(said)}: the prediction shown for {model} is another one's")
        elif not hmac.compare_digest(_leaf(cell), leaf["hash"]):
            self._wrong(f"{_named(said)}: the prediction of {model} is not the one committed to")
        else:
            self.opened += 1

    def _remember(self, told: dict[str, Any]) -> None:
        self.seen = Seen(
            key=self.seen.key or told["verifier_key"],
            size=self._tree.size,
            root=base64.b64encode(self._tree.root()).decode(),
            note=told["note"],
            time=self._time.isoformat() if self._time else None,
            at=self._asked_at.isoformat(timespec="seconds"),
            edge=[base64.b64encode(each).decode() for each in self._tree.edge],
            closed=self._closed,
            voided=sorted(self._voided),
        )


def _leaf(cell: dict[str, Any]) -> str:
    return base64.b64encode(leaf_hash(canonical(cell).encode())).decode()


def _digest(content: Any) -> str:
    return base64.b64encode(sha256(canonical(content).encode()).digest()).decode()


def _key(said: dict[str, Any]) -> tuple[str, str]:
    return said["prediction_config_id"], said["performed_at"]


def _named(said: dict[str, Any]) -> str:
    """What an entry is about, for people."""
    if said["kind"] == "predictions":
        return (
            f"the {said['mode']} round of {said['performed_at']} ({said['prediction_config_id']})"
        )
    if said["kind"] in ("truth", "ruling"):
        where = f"the round of {said['performed_at']} ({said['prediction_config_id']})"
        return f"version {said['version']} of the {said['kind']} of {where}"
    of = said.get("as_of") or said["period_end"]
    return f"version {said['version']} of the {said['mode']} {said['kind']} of {of}"


# -- the command -----------------------------------------------------------------------------------


def summary(done: Verification) -> str:
    """What a verification came to, for people."""
    if done.problems:
        return f"FAILED: {len(done.problems)} problems, the first: {done.problems[0]}"
    opened = f"{done.opened} predictions and other contents are as committed"
    parts = [f"OK: {done.entries} new entries; {opened}"]
    if done.closed:
        parts.append(f"{done.closed} rounds not resolved yet")
    if done.void:
        parts.append(f"{done.void} rounds void by the operator's word")
    if done.key is not None and done.signed:
        parts.append(f"signed by {done.key.name}")
    else:
        parts.append("NOT SIGNED: nobody vouches for this log or its times")
    return "; ".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify a node; the exit status."""
    parser = argparse.ArgumentParser(description="Verify what a coordinator's node committed to.")
    parser.add_argument("--url", required=True, help="the node's Report API")
    parser.add_argument("--key", help="the operator's public key; default: what the node says")
    parser.add_argument("--state", type=Path, help="file that remembers what was seen")
    parser.add_argument("--model", help="a model that every live round must have")
    parser.add_argument("--head", action="append", default=[], type=Path, metavar="FILE",
                        help="a head from elsewhere, such as a witness's")  # fmt: skip
    parser.add_argument("--witness", action="append", default=[], metavar="KEY",
                        help="key of a witness who must have cosigned that head")  # fmt: skip
    given = parser.parse_args(arguments)
    try:
        return verify(
            given.url, given.key, given.state, given.model, given.head, given.witness, _say
        )
    except UnreadableError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def verify(
    url: str,
    key: str | None,
    state: Path | None,
    model: str | None,
    heads: Sequence[Path],
    witnesses: Sequence[str],
    tell: Callable[[str], None],
) -> int:
    """Verify a node and say what it came to; the exit status.

    Raises:
        UnreadableError: the node, a key or the file cannot be read.
    """
    try:
        own = VerifierKey.read(key) if key else None
        others = tuple(VerifierKey.read(each) for each in witnesses)
        notes = tuple(each.read_text() for each in heads)
    except (ValueError, OSError) as error:
        raise UnreadableError(str(error)) from None
    node = Node(url, os.environ.get(KEY_VARIABLE) or None)
    run = Verification(node, own, Seen.read(state), model, others, notes, tell)
    try:
        passed = run.run()
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableError(
            f"{url} answers something that cannot be read: {type(error).__name__}: {error}"
        ) from None
    if passed and state is not None:
        run.seen.write(state)
    tell(summary(run))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
