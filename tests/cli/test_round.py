"""``coordinator round``: what it stores, what it says, and what it refuses."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.command import Commands, wait_for
from tests.specs import changed
from tests.support.tournament import CONFIG, NOON, TOURNAMENT

FEATURES = "id,size\na,1.5\nb,\n"
TRUTH = "id,truth\nb,2\na,1\n"
AT_ONCE = {"kind": "operator", "answer_within_seconds": 1, "resolve_after_seconds": 1}
SOON = {
    "scheduled_prediction_configs[0].schedule": AT_ONCE,
    "limits.call_timeout_seconds": 0.5,
}


@pytest.fixture
def operator(tmp_path: Path, sqlite_url: str) -> Iterator[Commands]:
    """Commands on an empty database, in a directory with a spec and tables."""
    commands = Commands(
        tmp_path,
        extra={"COORDINATOR_DATABASE_URL": sqlite_url},
    )
    (tmp_path / "spec.yaml").write_text(yaml.safe_dump(TOURNAMENT))
    (tmp_path / "soon.yaml").write_text(yaml.safe_dump(changed(SOON, TOURNAMENT)))
    (tmp_path / "features.csv").write_text(FEATURES)
    (tmp_path / "truth.csv").write_text(TRUTH)
    yield commands
    commands.end_all()


def test_a_round_is_opened_once_and_resolved_once(operator: Commands, sqlite_url: str) -> None:
    opening = ("round", "open", "--spec", "soon.yaml", "--features", "features.csv")
    said = operator.succeed(*opening)
    assert f"The round of {CONFIG} with 2 rows opens at 20" in said
    [at] = re.findall(r"--round (\S+) --truth FILE`", said)
    assert "is open already; nothing was changed" in operator.succeed(*opening, "--at", at)
    resolving = ("round", "resolve", "--spec", "soon.yaml", "--truth", "truth.csv", "--round", at)
    over = datetime.fromisoformat(at) + timedelta(seconds=1)
    wait_for(lambda: datetime.now(UTC) > over, why="its horizon has not passed")
    assert operator.succeed(*resolving) == (
        f"Version 1 of the truth of the round of {at} is posted\n"
    )
    assert "says that already; nothing was changed" in operator.succeed(*resolving)
    ledger = SqlLedger(sqlite_url)
    [truth] = ledger.posted_truths(NOON, NOON.replace(year=2199)).to_dict("records")
    ledger.close()
    assert truth["truth_json"] == '{"a":1.0,"b":2.0}'


def test_a_wrong_table_is_named_by_file_row_and_column(operator: Commands) -> None:
    (operator.directory / "features.csv").write_text(FEATURES.replace("b,", "b,n/a"))
    said = operator.refuse("round", "open", "--spec", "spec.yaml", "--features", "features.csv")
    assert "features.csv: row 2 (id 'b'), column 'size': not a finite number (value 'n/a')" in said


def test_a_challenge_with_a_schedule_has_no_rounds_to_open(operator: Commands) -> None:
    spec = Path(__file__).parents[2] / "coordinator_pipelines" / "starter" / "spec.yaml"
    said = operator.refuse(
        "round", "open", "--spec", str(spec), "--features", "features.csv", "--config", "btc"
    )
    assert "the rounds of btc-up-down follow its schedule" in said
