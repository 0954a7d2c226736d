"""``coordinator export``: closed windows as Parquet files; ``coordinator query``: SQL on them."""

from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import click

from coordinator_pipelines.archive.query import ask
from coordinator_pipelines.archive.windows import Archive, Result
from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.cli.challenge.location import load_challenge_with_code, starter_spec
from coordinator_pipelines.cli.challenge.options import DAY_OR_MINUTE, spec_option
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.timeline.window import windows_between
from coordinator_pipelines.domain.values.errors import CoordinatorError

DIRECTORY = click.Path(path_type=Path, file_okay=False)
EXTRA = "this needs an extra: pip install 'coordinator-pipelines[export]'"


@click.command()
@click.argument("directory", type=DIRECTORY)
@spec_option
@click.option(
    "--mode", type=click.Choice([each.value for each in Mode]), default=Mode.LIVE.value,
    show_default=True, help="Live rounds, or replayed ones.",
)  # fmt: skip
@click.option("--from", "start", type=DAY_OR_MINUTE, help="UTC; default: the challenge's start.")
@click.option("--to", "end", type=DAY_OR_MINUTE, help="UTC; default: now.")
@click.option("--again", is_flag=True, help="Windows that have files too: they may be revised.")
def export(
    directory: Path,
    spec: Path | None,
    mode: str,
    start: datetime | None,
    end: datetime | None,
    again: bool,
) -> None:
    """Write the closed windows of a challenge to DIRECTORY, as Parquet files by mode and day.

    A window is closed when all its outcomes are told and all its answers scored. Windows that have
    their files already are not read again.
    """
    _require("pyarrow")
    challenge, now = load_challenge_with_code(spec or starter_spec()), datetime.now(UTC)
    first = max(challenge.start, start.replace(tzinfo=UTC)) if start else challenge.start
    last = min(filter(None, (now, challenge.end, end and end.replace(tzinfo=UTC))))
    with closing(open_ledger(challenge)) as ledger:
        ledger.identify(challenge.identity)
        archive = Archive(directory, challenge, ledger, Mode(mode))
        windows = windows_between(first, last, challenge.window_length)
        results = Counter(each.result for each in archive.export(windows, now, again=again))
    told = ", ".join(f"{results[result]} {result.value}" for result in Result)
    click.echo(f"{results.total()} windows: {told}")


@click.command()
@click.argument("directory", type=DIRECTORY)
@click.argument("question")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV instead of a table.")
def query(directory: Path, question: str, as_csv: bool) -> None:
    """Answer a QUESTION in SQL from the files that `export` wrote to DIRECTORY.

    The tables predictions, ground_truths, scores and leaderboards have the columns mode and day
    besides their own.
    """
    _require("duckdb")
    answer = ask(directory, question)
    click.echo(
        answer.to_csv(index=False) if as_csv else answer.to_string(index=False), nl=not as_csv
    )


def _require(package: str) -> None:
    if find_spec(package) is None:
        raise CoordinatorError(EXTRA)
