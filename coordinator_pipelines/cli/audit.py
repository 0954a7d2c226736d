"""``coordinator audit``: everything that is stored of a range, recomputed and compared.

Add here what a range is and how an audit ends; avoid recomputing (``domain.audit``).
"""

import json
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import load_challenge_with_code, starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.views.audit import as_json, show_audit
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.audit.audit import Report
from coordinator_pipelines.domain.audit.audit import audit as audited_spans
from coordinator_pipelines.domain.audit.books import Audited
from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.membership.standing import modes
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, window_of, windows_between
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.interruption import check

DAY = timedelta(days=1)
DIFFERENT = 1
"""Exit status when something differs from its recomputation."""


class Instant(click.ParamType[datetime]):
    """A day, which is its midnight in UTC, or an instant with its zone."""

    name = "instant"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The instant in UTC."""
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            instant = None
        if instant is not None and instant.tzinfo is None and len(str(value)) == len("2026-11-24"):
            instant = instant.replace(tzinfo=UTC)
        if instant is None or instant.tzinfo is None:
            self.fail(f"{value!r} is neither a day nor an instant: 2026-11-24T12:00Z", param, ctx)
        return instant.astimezone(UTC)


@click.command()
@spec_option
@click.option(
    "--from", "start", type=Instant(), help="The first day or instant; default: the start."
)
@click.option("--to", "end", type=Instant(), help="The day or instant after it; default: now.")
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", help="How it is told."
)
def audit(spec: Path | None, start: datetime | None, end: datetime | None, form: str) -> int:
    """Recompute what is stored of a range, and tell what differs; nothing is changed.

    Exit status 1 if something differs. It says of each day when it is done, so that one that was
    stopped can go on with --from that day.
    """
    challenge = load_challenge_with_code(spec or starter_spec())
    now = datetime.now(UTC)
    spans = _spans(challenge, start or challenge.start, end or now)
    report, begun = Report(), time.monotonic()
    with closing(open_ledger(challenge)) as ledger:
        rules = load_rules(challenge)
        audited = [Audited(challenge, rules, ledger, mode, now) for mode in modes(ledger)]
        if not audited:
            raise CoordinatorError(f"{challenge.name} has nothing to audit: nobody has taken part")
        for span in audited_spans(audited, spans, report):
            found = len(report.differences)
            told = f"{report.rows:,} rows so far, {found} differ" if found else "nothing differs"
            click.echo(f"Audited until {span.end:%Y-%m-%dT%H:%M}Z: {told}", err=True)
            check()
    seconds = time.monotonic() - begun
    if form == "json":
        whole = Window(spans[0].start, spans[-1].end)
        click.echo(json.dumps(as_json(challenge, whole, report, seconds), indent=2))
    else:
        show_audit(open_console(), report, seconds)
    return DIFFERENT if report.differences else 0


def _spans(challenge: Challenge, start: datetime, end: datetime) -> list[Window]:
    """The range in days of whole batch windows."""
    if end <= start:
        raise click.UsageError(f"--from {start:%Y-%m-%dT%H:%MZ} is not before --to")
    length = challenge.window_length
    first = window_of(start, length).start
    last = window_of(end, length)
    stop = last.start if last.start == end else last.end
    days = windows_between(first, stop, DAY)
    return [Window(max(day.start, first), min(day.end, stop)) for day in days]
