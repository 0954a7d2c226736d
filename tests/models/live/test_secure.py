"""Secure mode, with throw-away keys: mutual TLS, and the owner's signature in every reply."""

import base64
import json
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import base58
import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from coordinator_pipelines.domain.doors.models import EventKind, Member, Outcome
from tests.models.live.conftest import ScriptedModel, eventually, variant

GOOD = '{"p_up": 0.5}'
RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw
DER = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
PEM_KEY = (
    serialization.Encoding.PEM,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
)


@dataclass(frozen=True)
class Certified:
    """A key and its certificate."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self):
        return self.key.private_bytes(*PEM_KEY)


def certified(*names, issuer=None):
    """A certificate for hosts' names; without an issuer, its own authority."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName(list(map(x509.DNSName, names))), critical=False)
    )
    return Certified(key, builder.sign(issuer.key if issuer else key, hashes.SHA256()))


@dataclass(frozen=True)
class Owner:
    """A wallet that may sign for a model's server."""

    wallet: Ed25519PrivateKey

    @property
    def name(self):
        return base58.b58encode(self.wallet.public_key().public_bytes(*RAW)).decode()

    def sign(self, server, model_id):
        public = server.certificate.public_key().public_bytes(*DER)
        words = {"cert_pub": base64.b64encode(public).decode(), "model_id": model_id}
        message = json.dumps({**words, "hotkey": "hot"}).encode()
        return (
            ("x-server-auth-message", base64.b64encode(message).decode()),
            ("x-server-auth-signature", base64.b64encode(self.wallet.sign(message)).decode()),
            ("x-server-wallet-pubkey", self.name),
        )


@dataclass(frozen=True)
class Keys:
    """One authority, what it certified, and the coordinator's directory."""

    authority: Certified
    server: Certified
    directory: Path


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    authority = certified("authority")
    directory = tmp_path_factory.mktemp("secure")
    client = certified("coordinator", issuer=authority)
    (directory / "ca.crt").write_bytes(authority.pem)
    (directory / "tls.crt").write_bytes(client.pem)
    (directory / "tls.key").write_bytes(client.key_pem)
    hosts = (f"model-node-{model_id}.crunchdao.internal" for model_id in ("secured", "other"))
    server = certified(*hosts, issuer=authority)
    return Keys(authority, server, directory)


@pytest.fixture
def secured(keys, request):
    """A model behind mutual TLS, signed for by ``signer`` and announced as ``owner``'s."""

    def make(model_id="secured", answer=None, *, signer, owner):
        model = ScriptedModel(model_id, answer)
        model.credentials = grpc.ssl_server_credentials(
            [(keys.server.key_pem, keys.server.pem)], keys.authority.pem, require_client_auth=True
        )
        model.signature = signer.sign(keys.server, model_id)
        model.infos = {"cruncher_wallet_pubkey": owner.name, "cruncher_hotkey": "hot"}
        request.addfinalizer(model.stop)
        return model.start()

    return make


@pytest.fixture
def owner():
    return Owner(Ed25519PrivateKey.generate())


def test_a_model_that_its_owner_has_signed_for_joins_and_answers(stage, keys, secured, owner):
    model = secured(signer=owner, owner=owner)
    stage.open(model, secure_dir=keys.directory)
    assert stage.ask()["secured"].output == GOOD
    model.busy_for = 2
    assert stage.ask()["secured"].output == GOOD
    assert [event.kind for event in stage.live.drain_events()] == [EventKind.JOINED]


def test_a_server_that_is_busy_when_it_is_joined_is_no_impostor(stage, keys, secured, owner):
    model = secured(signer=owner, owner=owner)
    model.busy_setups = 3
    stage.open(model, secure_dir=keys.directory)
    assert stage.ask()["secured"].output == GOOD


def test_a_hanging_model_is_late_as_it_is_without_security(stage, keys, secured, owner):
    release = threading.Event()

    def answer(method, *_):
        return variant(method == "predict" and release.wait(20))

    stage.open(secured(answer=answer, signer=owner, owner=owner), secure_dir=keys.directory)
    outcomes = [stage.ask(number)["secured"].outcome for number in (1, 2)]
    release.set()
    assert outcomes == [Outcome.TIMEOUT] * 2
    assert [member.model_id for member in stage.live.members()] == ["secured"]


def test_a_model_with_another_wallet_than_announced_never_joins(stage, keys, secured, owner):
    impostor = Owner(Ed25519PrivateKey.generate())
    wrong = secured(signer=impostor, owner=owner)
    stage.open(wrong, secured("other", signer=owner, owner=owner), secure_dir=keys.directory)
    report = stage.orchestrator.next_report()
    assert (report["model_id"], report["failure_code"]) == ("secured", "CONNECTION_FAILED")
    assert [member.model_id for member in stage.live.members()] == ["other"]
    kinds = {event.member.model_id: event.kind for event in stage.live.drain_events()}
    assert kinds == {"secured": EventKind.FAILED, "other": EventKind.JOINED}
    answers = stage.ask(
        members=[Member("secured", "secured", "owner", "account", "hash"), *stage.known]
    )
    assert answers["secured"].outcome is Outcome.ABSENT
    assert answers["other"].output == GOOD
    assert wrong.calls == []


def test_an_insecure_model_never_joins_in_secure_mode_and_stops_nobody(stage, keys, secured, owner):
    plain = stage.model("plain")
    stage.open(plain, secured(signer=owner, owner=owner), secure_dir=keys.directory)
    assert [member.model_id for member in stage.known] == ["secured"]
    assert stage.ask()["secured"].output == GOOD
    report = stage.orchestrator.next_report()
    assert (report["model_id"], report["failure_code"]) == ("plain", "CONNECTION_FAILED")
    assert plain.calls == []


def test_a_signature_that_is_lost_later_costs_cells_and_the_connection(stage, keys, secured, owner):
    model = secured(signer=owner, owner=owner)
    stage.open(model, secure_dir=keys.directory)
    stage.ask(1)
    model.signature = ()
    assert stage.ask(2)["secured"].outcome is Outcome.ABSENT
    eventually(lambda: not stage.live.members())


def test_a_secured_model_never_joins_where_secure_mode_is_off(stage, secured, owner):
    stage.open(stage.model("plain"), secured(signer=owner, owner=owner), settle=False)
    eventually(stage.live.members)
    stage.known = stage.live.members()
    assert stage.ask()["plain"].output == GOOD
    assert [member.model_id for member in stage.known] == ["plain"]


def test_a_secured_server_that_just_restarts_is_tried_again(stage, keys, secured, owner):
    model = secured(signer=owner, owner=owner)
    port = model.port
    model.stop()
    stage.open(model, settle=False, join_attempts=2, secure_dir=keys.directory)
    eventually(lambda: stage.live.line().problem is None)
    model.start(port)
    eventually(stage.live.members)
