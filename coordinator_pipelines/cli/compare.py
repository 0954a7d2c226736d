"""``coordinator compare``: two models against each other."""

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import click

from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.cli.challenge.options import spec_option
from coordinator_pipelines.cli.leaderboard import usual_mode
from coordinator_pipelines.cli.views.board import window_hours
from coordinator_pipelines.cli.views.comparison import MOST_DECIDING, show_comparison
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.certainty.series import score_series
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.score.comparison import compare as compared
from coordinator_pipelines.domain.timeline.instant import from_epoch
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.spec_file import load_challenge

WITH_ZONE = click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"])


@click.command()
@click.argument("first")
@click.argument("second")
@spec_option
@click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    help="Whose scores; default: live as soon as live models have joined.",
)
@click.option("--until", type=WITH_ZONE, help="The last instant; default: the newest board's.")
@click.option(
    "--hours",
    type=click.IntRange(1, 24 * 366),
    help="How far back; default: the trailing window that ranks.",
)
def compare(
    first: str,
    second: str,
    spec: Path | None,
    mode: str | None,
    until: datetime | None,
    hours: int | None,
) -> None:
    """Compare the models FIRST and SECOND on the rounds that both were scored in."""
    challenge = load_challenge(spec or starter_spec())
    if first == second:
        raise CoordinatorError(f"FIRST and SECOND are both {first}; name two models")
    with closing(open_ledger(challenge)) as ledger:
        asked = Mode(mode) if mode else usual_mode(ledger)
        known = sorted(set(ledger.memberships(asked)["model_id"]))
        for model in (first, second):
            if model not in known:
                listed = f"there are {', '.join(known)}" if known else "there is none"
                raise CoordinatorError(f"no {asked.value} model is called {model}; {listed}")
        end = until or ledger.newest_scored(asked, from_epoch(0), from_epoch(2**33))
        if end is None:
            raise CoordinatorError(f"{challenge.name} has no {asked.value} scores yet")
        start = end - timedelta(hours=hours or window_hours(challenge))
        scores = ledger.score_values(asked, start, end, [first, second])
    series = score_series(scores, [config.id for config in challenge.configs], [first, second])
    show_comparison(open_console(), challenge, compared(challenge, series, MOST_DECIDING), end)
