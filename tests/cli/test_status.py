"""``coordinator status``: what an operator, a script and a monitor get to see."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coordinator_pipelines.domain.timeline.window import windows_between
from coordinator_pipelines.spec_file import dump_challenge
from tests.command import Commands, Result
from tests.support.live import LivePipeline, live_pipeline

MINUTE = timedelta(minutes=1)
INSTANT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


class Operator:
    """Commands on the database of a challenge that was captured, up to some time ago."""

    def __init__(self, directory: Path, live: LivePipeline) -> None:
        self.live = live
        self.spec = directory / "spec.yaml"
        self.spec.write_text(dump_challenge(live.pipeline.challenge))
        self.commands = Commands(directory, extra={"COORDINATOR_DATABASE_URL": live.pipeline.url})

    def status(self, *options: str) -> Result:
        """What ``coordinator status`` says."""
        return self.commands.run("status", "--spec", str(self.spec), *options)


@pytest.fixture
def operator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """A challenge that was never live, and began yesterday."""
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    live = live_pipeline(
        tmp_path,
        monkeypatch,
        start=f"{start - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
        refresh_interval_seconds=300,
        **{"scheduled_prediction_configs[0].schedule": {"every_seconds": 60}},
    )
    operator = Operator(tmp_path, live)
    yield operator
    operator.commands.end_all()


def instants_of(value: Any) -> Iterator[str]:
    """Every text in a document that looks like an instant."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from instants_of(inner)
    elif isinstance(value, str) and re.match(r"20\d\d-", value):
        yield value


def test_a_challenge_that_was_never_live_is_told_in_words(operator: Operator) -> None:
    said = operator.status()
    assert said.status == 0, said.said
    assert said.out.startswith("live has never been live: no round was ever captured\n")
    assert "coordinator dev" in said.out
    assert "feed_is_alive" not in said.out


def test_a_well_challenge_is_status_0_and_the_screen_is_plain_text(operator: Operator) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    operator.live.clock.instant = now - 11 * MINUTE
    operator.live.capture_windows(now - 10 * MINUTE, now - MINUTE)
    window = operator.live.pipeline.challenge.window_length
    for each in windows_between(now - 10 * MINUTE, now, window):
        operator.live.resolve(each.start)
    operator.live.capture_windows(now - MINUTE, now + 5 * MINUTE)
    said = operator.status()
    assert said.status == 0, said.said
    assert "\x1b" not in said.out
    assert "RED" not in said.out
    for name in ("feed_is_alive", "rounds_are_captured", "outcomes_follow", "board_is_current"):
        assert re.search(rf"^{name} +ok ", said.out, re.MULTILINE)
    assert re.search(r"^half +Half +alice ", said.out, re.MULTILINE)
    assert "Newest board: interim" in said.out


def test_a_red_sign_is_status_3_and_the_document_says_what_is_wrong(operator: Operator) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    operator.live.clock.instant = now - 31 * MINUTE
    operator.live.capture_windows(now - 30 * MINUTE, now - 26 * MINUTE)
    assert operator.status().status == 3
    said = operator.status("--json")
    assert said.status == 3
    document = json.loads(said.out)
    assert list(document) == [
        "challenge", "feed", "at", "state", "well", "live_since", "captures", "vital_signs",
        "configs", "models", "latency_ms", "board",
    ]  # fmt: skip
    assert (document["challenge"], document["state"], document["well"]) == ("live", "down", False)
    signs = {sign["name"]: sign for sign in document["vital_signs"]}
    assert not signs["rounds_are_captured"]["ok"]
    assert "no round was asked since" in signs["rounds_are_captured"]["problem"]
    assert signs["rounds_are_captured"]["lag_seconds"] > 26 * 60
    [config] = document["configs"]
    assert config["asked"] == 4
    assert config["missed_by_reason"] == {"no capture was running": config["missed"]}
    assert {model["id"]: model["outcomes"]["SUCCESS"] for model in document["models"]} == {
        "half": 4,
        "sure": 4,
    }
    assert document["latency_ms"]["coordinator_ms"]["p99"] >= 0
    found = list(instants_of(document))
    assert len(found) > 10
    assert all(INSTANT.fullmatch(text) for text in found)


def test_without_a_database_status_says_what_to_run(coordinator: Commands) -> None:
    assert "coordinator db upgrade" in coordinator.refuse("status")
    assert not coordinator.home.exists()
