"""A backfill of a thousand windows through the real daemon, a real code server and a real run."""

from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from coordinator_pipelines import settings
from coordinator_pipelines.cli.challenge import location
from coordinator_pipelines.cli.challenge.backfill import backfill
from coordinator_pipelines.cli.challenge.database import set_up_database
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.timeline.window import windows_between
from coordinator_pipelines.stack.instance.instance import LocalInstance
from coordinator_pipelines.stack.workspaces import known_workspaces
from tests.specs import changed
from tests.support.live import LIVE
from tests.support.participants import HALF, write_participants
from tests.support.pipeline import open_ledger

WINDOWS = 1000
HOURLY = {"every_seconds": 3600}


@pytest.mark.slow
@pytest.mark.usefixtures("home_environment")
def test_a_thousand_windows_are_backfilled_in_one_run(tmp_path: Path) -> None:
    write_participants(tmp_path, {"half": HALF})
    spec = {
        "name": "many-windows",
        "batch_window": "1h",
        "models_file": str(tmp_path / "models.yaml"),
        "feed.granularity_seconds": 60,
        "feed.staleness_limit_seconds": 120,
        "scheduled_prediction_configs[0].schedule": HOURLY,
        "refresh_interval_seconds": 3600,
        "replay_allowed": True,
        "trailing_windows_hours": {"short": 12, "long": 24},
    }
    challenge = checked_challenge(changed(spec, LIVE))
    location.derived(challenge)
    url = set_up_database(challenge)
    end = challenge.start + timedelta(hours=WINDOWS)
    windows = list(windows_between(challenge.start, end, challenge.window_length))
    assert len(windows) == WINDOWS
    instance = LocalInstance.prepare(known_workspaces(), print)
    backfill(Console(quiet=True), instance, challenge, windows)
    assert settings.dagster_home() == instance.directory
    with open_ledger(url, challenge) as ledger:
        cells = ledger.predictions(Mode.REPLAY, challenge.start, end)
        boards = ledger.leaderboards(Mode.REPLAY, challenge.start, end + timedelta(hours=1))
    assert cells["status"].value_counts().to_dict() == {"SUCCESS": WINDOWS}
    assert boards["as_of"].nunique() == WINDOWS
