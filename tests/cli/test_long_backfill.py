"""A backfill of a thousand windows through the real daemon: what fails only at a month's length."""

import pytest
import yaml

from coordinator_pipelines.cli.challenge.location import starter_spec
from tests.command import Commands
from tests.specs import changed

pytestmark = pytest.mark.slow

WINDOWS = 1000
MODELS = ("constant-half", "momentum")
BACKFILL = """
import sys
from pathlib import Path
from coordinator_pipelines.cli.challenge.backfill import backfill
from coordinator_pipelines.cli.challenge.database import set_up_database
from coordinator_pipelines.cli.challenge.location import of_spec
from coordinator_pipelines.cli.views.terminal import open_console
from coordinator_pipelines.domain.timeline.window import windows_between
from coordinator_pipelines.stack.instance.instance import LocalInstance
from coordinator_pipelines.stack.workspaces import known_workspaces
challenge = of_spec(Path(sys.argv[1])).challenge
set_up_database(challenge)
windows = list(windows_between(challenge.start, challenge.end, challenge.window_length))
backfill(open_console(), LocalInstance.prepare(known_workspaces(), print), challenge, windows)
"""


def test_a_thousand_windows_are_backfilled_in_one_run(coordinator: Commands):
    start, end = "2026-01-01T00:00:00Z", "2026-02-11T16:00:00Z"
    changes = {
        "name": "long", "start": start, "end": end, "warm_up_seconds": 600,
        "scheduled_prediction_configs[0].schedule.every_seconds": 1800,
        "models_file": str(coordinator.directory / "models.yaml"),
    }  # fmt: skip
    spec = changed(changes, yaml.safe_load(starter_spec().read_text()))
    (coordinator.directory / "long.yaml").write_text(yaml.safe_dump(spec))
    models = [
        {"id": name, "path": str(starter_spec().with_name("models") / name)} for name in MODELS
    ]
    shared = ["coordinator_pipelines.starter.tracker"]
    (coordinator.directory / "models.yaml").write_text(
        yaml.safe_dump({"shared_modules": shared, "models": models})
    )
    result = coordinator.run("-c", BACKFILL, "long.yaml", program="python")
    assert result.status == 0, result.said
    assert f"{WINDOWS}/{WINDOWS} windows" in result.out
    counts = coordinator.counts("long")
    assert counts["leaderboards"] == WINDOWS
    assert counts["predictions"] == 2 * WINDOWS * len(MODELS)
