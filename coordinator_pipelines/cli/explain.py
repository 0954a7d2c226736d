"""``coordinator explain``: from a model's place on the board down to feed records.

Add here how a chain is asked for; avoid making (``domain.audit.explanation``) and showing it.
"""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from coordinator_pipelines.cli.audit import DIFFERENT, Instant
from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import load_challenge_with_code, starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.leaderboard import usual_mode
from coordinator_pipelines.cli.views.explanation import as_json, show_explanation
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.audit.books import Audited
from coordinator_pipelines.domain.audit.explanation import explain as explained
from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.doors.ledger import Mode


@click.command()
@click.argument("model")
@click.argument("round_", metavar="ROUND", type=Instant())
@spec_option
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    help="Whose round; default: live as soon as live models have joined.",
)
@click.option("--as-of", type=Instant(), help="The newest board at this instant; default: of all.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="How it is told."
)
def explain(
    model: str,
    round_: datetime,
    spec: Path | None,
    mode: str | None,
    as_of: datetime | None,
    form: str,
) -> int:
    """Explain MODEL in the ROUND asked at an instant, such as 2026-11-24T12:00Z.

    From its place on the board to model score, score, truth, feed records, answer and question;
    each is recomputed from what it was made of. Exit status 1 if one differs.
    """
    challenge = load_challenge_with_code(spec or starter_spec())
    with closing(open_ledger(challenge)) as ledger, ledger.snapshot():
        asked = Mode(mode) if mode else usual_mode(ledger)
        audited = Audited(challenge, load_rules(challenge), ledger, asked, datetime.now(UTC))
        chain = explained(audited, model, round_, as_of)
    if form == "json":
        click.echo(json.dumps(as_json(chain), indent=2))
    else:
        show_explanation(open_console(), chain)
    return 0 if chain.is_sound else DIFFERENT
