"""``/reports/seasons``, boards by season, and what the page says of them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.season import SEASON_EVENT_COLUMNS
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.api.conftest import ApiClient, Filled, serving
from tests.support.challenges import START, WINDOW, small_challenge
from tests.support.pipeline import LATER

END = START + 2 * WINDOW
SEASONS = [
    {"name": "early", "starts_at": START.isoformat(), "ends_at": END.isoformat()},
    {"name": "late", "starts_at": END.isoformat()},
    {"name": "far", "starts_at": "2025-02-01T00:00Z"},
]


def ask(client: ApiClient, path: str, **asked: str) -> httpx.Response:
    return client.get(f"{path}?{urlencode(asked)}")


@pytest.fixture
def client(filled: Filled, tmp_path: Path) -> Iterator[ApiClient]:
    """The filled database with seasons, of which the first is frozen."""
    shutil.copy(filled.url.removeprefix("sqlite:///"), tmp_path / "ledger.db")
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    row = ("early", 1, LATER, "FROZEN", "ann", "the <end>", START, END)
    event = pd.DataFrame([row], columns=list(SEASON_EVENT_COLUMNS))
    ledger = SqlLedger(url)
    assert ledger.add_season_event(
        event.astype(dict.fromkeys(("at", "starts_at", "ends_at"), "datetime64[us, UTC]"))
    )
    ledger.close()
    with serving(small_challenge(filled.directory, seasons=SEASONS), url) as client:
        yield client


def test_seasons_are_told_with_their_states(client: ApiClient) -> None:
    early, late, far = client.get("/reports/seasons").json()
    assert early == {
        "name": "early", "starts_at": "2025-01-01T02:00:00Z", "ends_at": "2025-01-01T02:30:00Z",
        "state": "FROZEN", "changed_at": "2026-01-01T00:00:00Z", "changed_by": "ann",
        "reason": "the <end>",
    }  # fmt: skip
    assert (late["state"], late["ends_at"], late["changed_at"]) == (
        "OPEN", "2025-02-01T00:00:00Z", None,
    )  # fmt: skip
    assert (far["name"], far["ends_at"]) == ("far", None)


def test_a_board_is_found_by_its_season(client: ApiClient) -> None:
    def as_of(**asked: str) -> set[str]:
        rows = ask(client, "/reports/leaderboard", mode="replay", **asked).json()
        return {row["as_of"] for row in rows}

    assert as_of(season="early") == as_of(as_of=END.isoformat()) == {"2025-01-01T02:30:00Z"}
    assert as_of(season="late") == as_of() == {"2025-01-01T03:00:00Z"}
    assert as_of(season="far") == set()
    wrong = ask(client, "/reports/leaderboard", season="never")
    assert wrong.status_code == 404
    assert "there is no season 'never'" in wrong.json()["message"]
    both = ask(client, "/reports/leaderboard", season="early", as_of="2025-01-01T02:30:00Z")
    assert both.status_code == 422
    assert "season and as_of" in both.json()["message"]


def test_the_page_says_which_season_its_board_is_of(client: ApiClient) -> None:
    newest = ask(client, "/", mode="replay").text
    assert "Season <bdi>late</bdi>, open." in newest
    assert 'href="/?mode=replay&amp;season=early"' in newest
    old = ask(client, "/", mode="replay", season="early").text
    assert "Season <bdi>early</bdi>, frozen since" in old
    assert "the &lt;end&gt;" in old
    assert "02:30" in old
    assert ask(client, "/", season="never").status_code == 404
