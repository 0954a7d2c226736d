"""Tree heads as signed notes: C2SP ``signed-note``, ``tlog-checkpoint`` and ``tlog-cosignature``.

Add here what is signed and how it is written; avoid when (``notary``) and checking signatures,
which ``verify_evidence`` does for participants. The text of a head has three lines: origin, number
of leaves, root in base64. The log's own signature says whose it is; the cosignature beside it, by
the same key, says when: its time is signed with the text. A witness adds one of the same kind.
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from coordinator_pipelines.domain.values.errors import EvidenceError

LOG, COSIGNATURE = b"\x01", b"\x04"
"""Kinds of Ed25519 keys: one signs the text of a note, the other one a time with it."""
PREFIX = "PRIVATE+KEY+"
NAME = re.compile(r"[^\s+]{1,200}")


def base64_text(data: bytes) -> str:
    """Bytes in standard base64."""
    return base64.b64encode(data).decode()


def head_text(origin: str, size: int, root: bytes) -> str:
    """What a tree head says, ready to be signed."""
    return f"{origin}\n{size}\n{base64_text(root)}\n"


@dataclass(frozen=True, slots=True)
class Signer:
    """An operator or a witness: a name and a key that is never shown."""

    name: str
    _key: Ed25519PrivateKey

    @classmethod
    def new(cls, name: str) -> "Signer":
        """A signer with a new key.

        Raises:
            EvidenceError: the name is empty, too long, or has spaces or plus signs.
        """
        return cls(_checked(name), Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, text: str) -> "Signer":
        """The signer of a private key as :meth:`private_text` writes it.

        Raises:
            EvidenceError: it is none. The message does not repeat it.
        """
        parts = text.strip().removeprefix(PREFIX).split("+", 2)
        try:
            name, key_id, encoded = parts
            data = base64.b64decode(encoded, validate=True)
            kind, seed = data[:1], data[1:]
            signer = cls(_checked(name), Ed25519PrivateKey.from_private_bytes(seed))
        except (ValueError, EvidenceError):
            raise EvidenceError("it is no signing key") from None
        if kind != LOG or key_id != signer._key_id(LOG).hex():
            raise EvidenceError("it is no Ed25519 signing key, or one that was changed")
        return signer

    def private_text(self) -> str:
        """The private key, one line. For its file alone."""
        seed = self._key.private_bytes_raw()
        return f"{PREFIX}{self.name}+{self._key_id(LOG).hex()}+{base64_text(LOG + seed)}\n"

    @property
    def verifier_key(self) -> str:
        """The public key, as verifiers take it: ``name+id+base64``."""
        key = base64_text(LOG + self._public)
        return f"{self.name}+{self._key_id(LOG).hex()}+{key}"

    def signature(self, text: str) -> str:
        """The line that signs a note's text."""
        return self._line(LOG, self._key.sign(text.encode()))

    def cosignature(self, text: str, at: datetime) -> str:
        """The line that signs a note's text and when it was seen, in whole seconds.

        Raises:
            TypeError: the instant is naive.
        """
        if at.tzinfo is None:
            raise TypeError(f"{at} is naive; every instant carries a time zone")
        seconds = int(at.astimezone(UTC).timestamp())
        signed = self._key.sign(f"cosignature/v1\ntime {seconds}\n{text}".encode())
        return self._line(COSIGNATURE, seconds.to_bytes(8, "big") + signed)

    @property
    def _public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def _key_id(self, kind: bytes) -> bytes:
        return sha256(self.name.encode() + b"\n" + kind + self._public).digest()[:4]

    def _line(self, kind: bytes, signature: bytes) -> str:
        return f"\u2014 {self.name} {base64_text(self._key_id(kind) + signature)}\n"


def signed(signer: Signer, text: str, at: datetime) -> str:
    """The note of a head: its text, the log's signature, and the time that the log signs."""
    return f"{text}\n{signer.signature(text)}{signer.cosignature(text, at)}"


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise EvidenceError(
            f"{name[:80]!r} cannot name a log; write letters without spaces and plus signs, such "
            "as example.org/btc-up-down"
        )
    return name
