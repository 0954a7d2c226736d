"""What the board page says beside the ranks: the question, ties, moves, who is not ranked yet."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from coordinator_pipelines.api.page.question import duration
from coordinator_pipelines.domain.values.percent import percent
from tests.api.conftest import Filled, execute, serving
from tests.api.test_page import Page
from tests.support.pipeline import FixedClock

Entries = list[dict[str, Any]]


def rewrite(filled: Filled, change: Callable[[Entries], None], *, newest: bool = True) -> None:
    """Change the entries of the newest board, or of all that are older."""
    extreme = "(SELECT max(as_of) FROM leaderboards)"
    where = f"as_of = {extreme}" if newest else f"as_of < {extreme}"
    with closing(sqlite3.connect(filled.url.removeprefix("sqlite:///"))) as database, database:
        stored = database.execute(f"SELECT rowid, entries_json FROM leaderboards WHERE {where}")
        for row, text in stored.fetchall():
            entries = json.loads(text)
            change(entries)
            database.execute(
                "UPDATE leaderboards SET entries_json = ? WHERE rowid = ?",
                (json.dumps(entries), row),
            )


def changed(filled: Filled, **fields: Any) -> Any:
    spec = filled.challenge.model_dump(mode="json")
    for name, value in fields.items():
        spec[name] = {**spec[name], **value} if isinstance(value, dict) else value
    return type(filled.challenge).model_validate(spec)


def page_of(filled: Filled, path: str = "/", **options: Any) -> Page:
    challenge = options.pop("challenge", filled.challenge)
    with serving(challenge, filled.url, **options) as client:
        return Page(client.get(path).text)


def test_the_question_is_put_in_words_with_what_no_skill_scores(filled):
    told = {
        "title": "BTC up or down",
        "question": "Will BTC be higher in a minute?",
        "join_url": "https://example.org/join",
    }
    page = page_of(filled, challenge=changed(filled, **told))
    assert "BTC up or down Will BTC be higher in a minute?" in page.text
    assert "BTC: asked every minute, known 1 minute later." in page.text
    assert "Without any skill, as half is, that is 0.75" in page.text
    assert "https://example.org/join" in page.links
    assert "inherits from tracker.TrackerBase" in page.text
    assert "Small" in page_of(filled).text


def test_a_join_url_is_a_web_address(filled):
    with pytest.raises(ValueError, match="join_url"):
        changed(filled, join_url="javascript:alert(1)")


def test_equal_models_share_a_place_and_nearly_equal_ones_are_told_apart(copied):
    def alike(entries: Entries) -> None:
        entries[1]["score"]["metrics"] = dict(entries[0]["score"]["metrics"])
        entries[2]["score"]["metrics"]["long"] = entries[0]["score"]["metrics"]["long"] - 1e-6

    rewrite(copied, alike)
    text = page_of(copied).text
    assert text.count(" 1= ") == 2
    assert " 2 " not in text.partition("Rounds")[2].partition("Score over time")[0]
    assert "0.750000" in text
    assert "0.749999" in text


def test_moves_are_told_since_the_board_before(copied):
    def reverse(entries: Entries) -> None:
        ranks = [entry["rank"] for entry in entries]
        for entry, rank in zip(entries, reversed(ranks), strict=True):
            entry["rank"] = rank

    rewrite(copied, reverse, newest=False)
    text = page_of(copied).text
    assert "\N{BLACK UP-POINTING TRIANGLE} 3" in text
    assert "\N{BLACK DOWN-POINTING TRIANGLE} 3" in text


@pytest.fixture
def young(copied: Filled) -> Filled:
    """A live challenge in which nobody has answered enough rounds to be ranked."""

    def unranked(entries: Entries) -> None:
        for entry in entries:
            entry |= {"rank": None, "unranked_reason": "minimum sample: 60 of 1000"}

    rewrite(copied, unranked)
    for table in ("leaderboards", "model_scores", "model_memberships"):
        execute(copied, f"UPDATE {table} SET mode = 'live'")
    return copied


def test_before_anybody_is_ranked_provisional_rows_are_shown_in_order(young):
    challenge = changed(young, ranking={"minimum_samples": 1000})
    clock = FixedClock(datetime(2025, 1, 1, 3, 1, 20, tzinfo=UTC))
    page = page_of(young, challenge=challenge, clock=clock)
    assert "No model is ranked yet. A rank needs 1000 rounds of its own" in page.text
    table = page.text.partition("Provisional")[2]
    assert table.index("half") < table.index("follower")
    assert "of 1000" in table
    assert "polyline" in page.tags
    assert "Next round at 03:02:00 . Live." in page.text
    assert "Next board after" in page.text


def test_the_reader_can_go_from_live_to_replay_and_back(young):
    assert "?mode=replay" not in page_of(young).links
    execute(young, "UPDATE model_memberships SET mode = 'replay' WHERE model_id = 'half'")
    assert "?mode=replay" in page_of(young, "/?mode=live").links
    assert "?mode=live" in page_of(young, "/?mode=replay").links


def test_the_models_of_the_chart_can_be_chosen(filled):
    with serving(filled.challenge, filled.url) as client:
        text = client.get("/?projectIds=follower&projectIds=half").text
    assert "of the chosen models" in text
    assert text.count(" checked>") == 2
    assert 'class="line-1"' in text
    assert 'class="line-2"' not in text


def test_newest_rounds_tell_forecast_outcome_and_why(client):
    text = Page(client.get("/models/broken").text).text
    assert "the model failed or its answer was not valid; counts as the worst of the round" in text
    assert "ValueError" not in text
    follower = Page(client.get("/models/follower").text).text
    assert "0.800 up" in follower
    assert "scored" in follower


def test_no_forecast_is_shown_before_its_outcome(copied):
    execute(copied, "DELETE FROM ground_truths")
    text = page_of(copied, "/models/follower").text
    assert "0.800 up" not in text.partition("Newest rounds")[2]


def test_the_api_is_described_for_people(client):
    answer = client.get("/docs")
    assert answer.status_code == 200
    assert "<code>/reports/leaderboard</code>" in answer.text
    assert "<code>Link</code>" in answer.text
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (60, "1 minute"), (90, "90 seconds"), (7200, "2 hours"), (86400, "1 day")],
)
def test_durations_are_told_in_the_largest_unit_that_is_exact(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("share", "words"),
    [(1.0, "100 %"), (0.9999, "99.9 %"), (0.57, "57 %"), (0.29, "29 %"), (0.0, "0 %")],
)
def test_a_share_is_never_told_as_more_than_it_is(share, words):
    assert percent(share) == words
