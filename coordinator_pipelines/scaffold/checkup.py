"""Whether a generated node is fit to run: one finding after another, none stops the rest.

Add a check here when something can be wrong before the challenge runs; avoid mending anything.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coordinator_pipelines import settings
from coordinator_pipelines.api.schema.report import authors_schema
from coordinator_pipelines.definitions import build_definitions
from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.feed import FileFeedSpec
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.models.replay.lodgings import NO_SANDBOX, tier_here
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.models.shared_modules import is_found
from coordinator_pipelines.models.submission import is_submitted
from coordinator_pipelines.scaffold.interface import describe_interface
from coordinator_pipelines.scaffold.names import NODE_PREFIX, PUBLIC_PREFIX
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.sql_ledger import SqlLedger


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    subject: str
    text: str
    wrong: bool = False
    doubtful: bool = False
    """Whether the author should think about it, although it works."""
    lines: tuple[str, ...] = ()
    """Details, a line each."""


def node_of(directory: Path) -> Path | None:
    """The spec of the node that a directory is, holds, or (a public package) is beside."""
    here = directory.absolute()
    nodes = [here, *sorted(here.glob(f"{NODE_PREFIX}*"))]
    if here.name.startswith(PUBLIC_PREFIX):
        nodes.append(here.with_name(NODE_PREFIX + here.name.removeprefix(PUBLIC_PREFIX)))
    found = (node for node in nodes if (node / "definitions.py").is_file())
    return next((node / "spec.yaml" for node in found), None)


def examine(challenge: Challenge) -> Iterator[Finding]:
    """Look at everything that a checked spec names. What a check raises is its finding."""
    for subject, check in (
        ("callables", _callables),
        ("report schema", _report_schema),
        ("code location", _code_location),
        ("models", _models),
        ("model interface", _model_interface),
        ("replays", _replays),
        ("feed", _feed),
        ("database", _database),
    ):
        try:
            yield Finding(subject, check(challenge))
        except CoordinatorError as error:
            yield Finding(subject, str(error), wrong=True)


def _callables(challenge: Challenge) -> str:
    load_rules(challenge)
    named = sum(path is not None for _, path in challenge.callables)
    return f"{named} imported"


def _report_schema(challenge: Challenge) -> str:
    shown = authors_schema(challenge)
    return f"{len(shown.leaderboard_columns)} columns" if shown else "the built-in one"


def _code_location(challenge: Challenge) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dagster's, of its own previews
        assets = list(build_definitions(challenge).resolve_all_asset_specs())
    return f"{len(assets)} assets"


def _models(challenge: Challenge) -> str:
    roster = Roster.load(challenge.models_file)
    for module in roster.supplies.shared_modules:
        if not is_found(module):
            raise CoordinatorError(f"shared_modules: {module!r} cannot be found; install it")
    missing = [
        member.model_id
        for member in roster.members
        if member.directory is None or not is_submitted(member.directory)
    ]
    if missing:
        raise CoordinatorError(
            f"{', '.join(missing)}: no main.py in the directory of its path (links are not "
            "followed)"
        )
    return f"{len(roster.members)} in {challenge.models_file.name}"


def _model_interface(challenge: Challenge) -> str:
    return describe_interface(challenge, Roster.load(challenge.models_file))


def _replays(challenge: Challenge) -> str:
    refused = ", ".join(load_rules(challenge).not_replayable)
    if not challenge.replay_allowed:
        return "not allowed" + (f", nor possible: {refused} does its own I/O" if refused else "")
    if refused:
        raise CoordinatorError(
            f"every replay is refused, since {refused} does its own I/O: let it take a context "
            "argument, or say replay_allowed: false"
        )
    if strangers := _strangers(challenge):
        raise CoordinatorError(f"{strangers}: not run. {NO_SANDBOX}")
    if challenge.feed.publication_delay_seconds == 0 and not challenge.is_operated:
        return (
            "possible, but feed.publication_delay_seconds is 0: a replayed model sees the record "
            "that ends at its round's instant, which no live model had in time; give the delay "
            "with which the feed publishes"
        )
    return "possible"


def _strangers(challenge: Challenge) -> str:
    """The models that no replay runs here."""
    members = Roster.load(challenge.models_file).members
    if settings.trusts_models() or tier_here().isolated:
        return ""
    return ", ".join(member.model_id for member in members if not member.reviewed)


def _feed(challenge: Challenge) -> str:
    feed = challenge.feed
    if isinstance(feed, FileFeedSpec) and not feed.path.is_file():
        raise CoordinatorError(f"feed.path: there is no file {feed.path}")
    if challenge.is_operated:
        return "none: an operator opens rounds and posts their truths"
    made_up = ", made up" if feed.simulated else ""
    return f"{feed.provider}{made_up}, a price every {feed.granularity_seconds} s"


def _database(challenge: Challenge) -> str:
    url = settings.database_url(challenge.name)
    if schema.current_revision(url) is None:
        return "not made yet; `coordinator deploy` or `coordinator db upgrade` makes it"
    ledger = SqlLedger(url, statistics_bucket=challenge.statistics_bucket)
    try:
        ledger.identify(challenge.identity)
    finally:
        ledger.close()
    return "reachable"
