"""``coordinator evidence``: the key that signs the log, and the log's newest head.

Add here what an operator does with the log; avoid verifying it (``verify``).
"""

from datetime import UTC, datetime
from pathlib import Path

import click

from coordinator_pipelines import private, settings, verify_evidence
from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.domain.evidence.note import Signer
from coordinator_pipelines.domain.values.errors import EvidenceError
from coordinator_pipelines.resources.notary import notary_of
from coordinator_pipelines.spec_file import load_challenge

UNSIGNED = f"{settings.EVIDENCE_KEY_VARIABLE} is not set: the log of evidence is not signed"


@click.group()
def evidence() -> None:
    """The log of what was committed to: its key and its newest head."""


@evidence.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--name",
    required=True,
    help="Name of the log, such as example.org/btc-up-down; it stays as long as the log does.",
)
def keygen(file: Path, name: str) -> None:
    """Make a key in FILE, which only this user can read, and print its public half."""
    signer = Signer.new(name)
    if file.exists():
        raise EvidenceError(f"{file} exists; a key is never replaced, name another file")
    private.directory(file.absolute().parent)
    private.file(file)
    file.write_text(signer.private_text())
    click.echo(signer.verifier_key)
    click.echo(
        f"Set {settings.EVIDENCE_KEY_VARIABLE}={file.absolute()} where the challenge runs, keep a "
        "copy of the file offline, and publish the line above.",
        err=True,
    )


@evidence.command()
@spec_option
def key(spec: Path | None) -> None:
    """Print the public key that verifies the log of a challenge."""
    notary = notary_of(load_challenge(spec or starter_spec()))
    if notary is None:
        raise EvidenceError(UNSIGNED)
    click.echo(notary.signer.verifier_key)


@evidence.command()
@spec_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to a file.")
def head(spec: Path | None, out: Path | None) -> None:
    """Print the newest signed head of the log, to be published or stamped."""
    ledger = open_ledger(load_challenge(spec or starter_spec()))
    try:
        newest = ledger.newest_head()
    finally:
        ledger.close()
    if newest is None:
        raise EvidenceError(f"the log has no signed head yet; {UNSIGNED}")
    if out is None:
        click.echo(newest.note, nl=False)
        return
    out.write_text(newest.note)
    at = f"{newest.signed_at:%Y-%m-%dT%H:%M:%SZ}"
    click.echo(f"The head of {newest.size} entries, signed at {at}, is in {out}")


@evidence.command()
@click.option("--url", required=True, help="The node's Report API.")
@click.option(
    "--key",
    "file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The witness's own key, made by `keygen`.",
)
@click.option(
    "--state",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that remembers what was seen: only a log that grew from it is cosigned.",
)
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False))
def cosign(url: str, file: Path, state: Path, out: Path) -> None:
    """Verify somebody else's log as its witness, and sign what it is now and when."""
    witness = Signer.read(file.read_text())
    try:
        status = verify_evidence.verify(url, None, state, None, (), (), click.echo)
        note = verify_evidence.Seen.read(state).note
    except verify_evidence.UnreadableError as error:
        raise EvidenceError(str(error)) from None
    if status != 0 or note is None:
        raise EvidenceError("nothing was cosigned: the log is not as it should be, or not signed")
    text = verify_evidence.Note.read(note).text
    out.write_text(note + witness.cosignature(text, datetime.now(UTC)))
    click.echo(f"{witness.name} has cosigned the head in {out}")
