"""``coordinator verify``: what a participant's stand-alone verifier does, as a command.

Avoid checking anything here: ``verify_evidence`` does.
"""

from pathlib import Path

import click

from coordinator_pipelines import verify_evidence
from coordinator_pipelines.domain.values.errors import EvidenceError


@click.command()
@click.option("--url", required=True, help="The node's Report API, such as https://example.org.")
@click.option("--key", help="The operator's public key; default: what the node says.")
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that remembers what was seen, so that a fork or a rewritten log is found.",
)
@click.option("--model", help="A model that every live round must have.")
@click.option(
    "--head",
    "heads",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    multiple=True,
    help="A head from elsewhere, such as a witness's: the log must begin with it.",
)
@click.option("--witness", "witnesses", multiple=True, help="Key of who must have cosigned those.")
def verify(
    url: str,
    key: str | None,
    state: Path | None,
    model: str | None,
    heads: tuple[Path, ...],
    witnesses: tuple[str, ...],
) -> int:
    """Verify what a node has committed to, over its Report API."""
    try:
        return verify_evidence.verify(url, key, state, model, heads, witnesses, click.echo)
    except verify_evidence.UnreadableError as error:
        raise EvidenceError(str(error)) from None
