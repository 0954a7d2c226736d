"""Live rounds, captured on a rehearsed clock through the assets themselves."""

from datetime import timedelta
from pathlib import Path

import pytest

from coordinator_pipelines.domain.ledger import Mode
from tests.support.live import LIVE_START, LivePipeline, live_pipeline

QUARTER = timedelta(minutes=15)


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivePipeline:
    """A live challenge with two models and a round every 15 seconds."""
    return live_pipeline(tmp_path, monkeypatch)


def test_every_round_of_the_window_is_asked_once_and_stored(live: LivePipeline) -> None:
    result = live.capture(LIVE_START, LIVE_START + QUARTER)
    with live.pipeline.ledger() as ledger:
        cells = ledger.predictions(Mode.LIVE, LIVE_START, LIVE_START + QUARTER)
        rounds = ledger.rounds(Mode.LIVE, LIVE_START, LIVE_START + QUARTER)
    assert len(rounds) == 60
    assert (rounds["status"] == "ASKED").all()
    assert len(cells) == 120
    assert (cells["status"] == "SUCCESS").all()
    assert not live.pipeline.red(result, "coverage")


def test_resolution_scores_what_is_due_and_ranks_as_of_now(live: LivePipeline) -> None:
    live.capture(LIVE_START, LIVE_START + timedelta(minutes=5))
    live.clock.wait_until(LIVE_START + timedelta(minutes=5, seconds=10))
    live.resolve(LIVE_START)
    with live.pipeline.ledger() as ledger:
        scores = ledger.scores(Mode.LIVE, LIVE_START, LIVE_START + QUARTER)
        board = ledger.newest_leaderboard(Mode.LIVE, live.clock.now())
        assert ledger.due_rounds(live.clock.now() - timedelta(seconds=2)) is None
    assert scores["performed_at"].nunique() == 17  # resolvable by 12:05:08, 60 s later
    assert board["as_of"].item() == live.clock.now()
    assert not board["final"].item()


def test_the_board_of_record_is_final_once_all_truths_are_told(live: LivePipeline) -> None:
    end = LIVE_START + QUARTER
    live.capture(LIVE_START, end)
    live.clock.wait_until(end)
    live.resolve(LIVE_START)
    with live.pipeline.ledger() as ledger:
        assert not ledger.newest_leaderboard(Mode.LIVE, end)["final"].item()
    live.clock.wait_until(end + timedelta(minutes=2))
    live.resolve(LIVE_START, 2)
    with live.pipeline.ledger() as ledger:
        [board] = ledger.leaderboards(Mode.LIVE, LIVE_START, end).to_dict("records")
        interim = ledger.newest_leaderboard(Mode.LIVE, live.clock.now())
    assert board["as_of"] == end
    assert board["final"]
    assert board["version"] == 2
    assert interim["as_of"].item() == live.clock.now()
    assert not interim["final"].item()
