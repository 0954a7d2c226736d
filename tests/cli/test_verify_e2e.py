"""``coordinator verify-e2e``: exit status 0 for what works, and a reason for what does not."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.cli.verify_e2e import NotWorkingError, wait_until_it_works
from coordinator_pipelines.domain.health.end_to_end import Verdict
from coordinator_pipelines.domain.timeline.window import windows_between
from coordinator_pipelines.spec_file import dump_challenge
from tests.command import Commands
from tests.support.live import half, live_pipeline, member

MINUTE = timedelta(minutes=1)
WORKS = Verdict(("half",), 1, 1, (), ())
MISSING = Verdict(("half",), 0, 0, ("no round was captured yet",), ())
WRONG = Verdict(("half",), 3, 0, (), ("all 3 scores are 0: only a stub",))


@pytest.mark.parametrize(("stub", "status"), [(False, 0), (True, 1)])
def test_a_challenge_that_was_captured_lately_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stub: bool, status: int
):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    start = f"{now - timedelta(days=1):%Y-%m-%dT00:00:00Z}"
    live = live_pipeline(tmp_path, monkeypatch, start=start)
    if stub:
        live.models.join(member("sure"), half)
    live.clock.instant = now - 5 * MINUTE
    live.capture_windows(now - 4 * MINUTE, now - 2 * MINUTE)
    live.clock.wait_until(now)
    for window in windows_between(now - 4 * MINUTE, now, live.pipeline.challenge.window_length):
        live.resolve(window.start)
    spec = tmp_path / "spec.yaml"
    spec.write_text(dump_challenge(live.pipeline.challenge))
    commands = Commands(tmp_path, extra={"COORDINATOR_DATABASE_URL": live.pipeline.url})
    said = commands.run("verify-e2e", "--spec", str(spec), "--timeout", "20")
    assert said.status == status, said.said
    assert "Traceback" not in said.said
    if stub:
        assert said.err.startswith("Error: live does not work: all 16 scores are 0.75: ")
        assert len(said.err.splitlines()) == 1
    else:
        assert said.out.startswith("live works: 2 models (half, sure), 16 scored predictions")


def test_a_challenge_that_was_never_deployed_says_how(coordinator: Commands):
    said = coordinator.refuse("verify-e2e")
    assert "btc-up-down does not work" in said
    assert "deploy`" in said


def test_what_is_missing_is_told_and_waited_for():
    seen, told = iter([MISSING, MISSING, WORKS]), list[str]()
    assert wait_until_it_works(lambda: next(seen), MINUTE, told.append, 0.0) == WORKS
    assert told == ["Waiting: no round was captured yet"]


def test_what_is_wrong_is_not_waited_for():
    with pytest.raises(NotWorkingError, match="all 3 scores are 0: only a stub"):
        wait_until_it_works(lambda: WRONG, MINUTE, lambda _: None)


def test_what_is_missing_when_the_time_is_over_is_told():
    with pytest.raises(NotWorkingError, match="after 0 s, no round was captured yet"):
        wait_until_it_works(lambda: MISSING, timedelta(0), lambda _: None)
