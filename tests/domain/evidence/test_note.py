"""Signed notes: the published example, what is refused, and that every byte counts."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator_pipelines.domain.evidence.note import Signer, head_text, signed
from coordinator_pipelines.domain.values.errors import EvidenceError
from coordinator_pipelines.verify_evidence import Note, VerifierKey

KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
    "Zb6KE6RyyBwJnAM=\n"
)
"""The example of golang.org/x/mod/sumdb/note, from which C2SP signed-note comes."""
AT = datetime(2025, 1, 1, 12, tzinfo=UTC)
SIGNER = Signer.new("example.org/log")
VERIFIER = VerifierKey.read(SIGNER.verifier_key)
NOTE = signed(SIGNER, head_text(SIGNER.name, 7, bytes(32)), AT)


def test_the_published_example_is_signed_alike() -> None:
    signer = Signer.read(KEY)
    assert signer.verifier_key == PUBLIC
    assert signer.signature(TEXT) == LINE
    assert signer.private_text() == f"{KEY}\n"


def test_a_head_says_whose_it_is_what_it_holds_and_when() -> None:
    note = Note.read(NOTE)
    assert (note.origin, note.size, note.root) == ("example.org/log", 7, bytes(32))
    assert note.is_signed_by(VERIFIER)
    assert note.time_by(VERIFIER) == AT


def test_a_witness_adds_a_line_and_changes_nothing() -> None:
    witness = Signer.new("witness.example")
    note = Note.read(NOTE + witness.cosignature(Note.read(NOTE).text, AT.replace(hour=13)))
    assert note.is_signed_by(VERIFIER)
    assert note.time_by(VerifierKey.read(witness.verifier_key)) == AT.replace(hour=13)
    assert not note.is_signed_by(VerifierKey.read(witness.verifier_key))


@given(st.integers(0, len(NOTE.encode()) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(at: int, change: int) -> None:
    data = bytearray(NOTE.encode())
    data[at] ^= change
    try:
        note = Note.read(data.decode())
    except ValueError:
        return
    sound = note.is_signed_by(VERIFIER) and note.time_by(VERIFIER) == AT
    assert not sound or note == Note.read(NOTE)  # base64 has bits that mean nothing


@pytest.mark.parametrize(
    "text", ["", "nonsense", KEY[:-3], KEY.replace("c74f", "c75f"), KEY.replace("+AY", "+BY")]
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(EvidenceError) as error:
        Signer.read(text)
    assert not text or text not in str(error.value)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "x" * 300])
def test_a_name_that_notes_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(EvidenceError, match=re.escape(repr(name[:80]))):
        Signer.new(name)


def test_the_key_is_not_shown() -> None:
    assert SIGNER.private_text().split("+", 4)[4].strip() not in repr(SIGNER)
    with pytest.raises(TypeError, match="naive"):
        SIGNER.cosignature("text\n", datetime(2025, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("text", [PUBLIC[:-4], PUBLIC.replace("c74f", "c75f"), "", "a+b"])
def test_a_public_key_that_was_changed_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        VerifierKey.read(text)
