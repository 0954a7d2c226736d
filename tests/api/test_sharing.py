"""Many who ask at once: for the same, for ranges of their own, and for more than can be made."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from coordinator_pipelines.api.http import sharing
from coordinator_pipelines.api.http.keys import Tier, add_key
from coordinator_pipelines.api.http.moment import Moment
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.api.conftest import NOW, ApiClient, Filled, execute, serving

BOARD, PREDICTIONS = "/reports/leaderboard", "/reports/predictions"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Any]]:
    """Counts the calls of a read of the database."""

    def count(name: str) -> list[Any]:
        calls: list[Any] = []
        read = getattr(SqlLedger, name)

        def counting(*args: Any, **options: Any) -> Any:
            calls.append(args)
            return read(*args, **options)

        monkeypatch.setattr(SqlLedger, name, counting)
        return calls

    return count


def ask_all(client: ApiClient, paths: list[str]) -> list[httpx.Response]:
    """The answers to requests that are sent at once."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(client.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as own:
            return await asyncio.gather(*(own.get(path) for path in paths))

    return asyncio.run(ask())


def test_who_asks_the_same_at_once_is_told_the_same_made_once(filled: Filled, counted):
    reads = counted("board")
    with serving(filled.challenge, filled.url, fresh_seconds=60) as client:
        answers = ask_all(client, [BOARD] * 30)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(reads) == 1


def test_ranges_that_hold_the_same_rows_are_read_once(filled: Filled, counted):
    reads = {name: counted(name) for name in ("reported_predictions", "score_points")}
    for path in (PREDICTIONS, "/reports/models/global", "/reports/models/params"):
        asked = [
            f"{path}?start=2024-12-05T03:09:28.{n:03d}Z&end=2025-01-02T03:09:28.{n:03d}Z"
            for n in range(10)
        ]
        with serving(filled.challenge, filled.url, fresh_seconds=60) as client:
            answers = ask_all(client, asked)
        assert len({answer.content for answer in answers}) == 1
        assert len(answers[0].json()) > 4
    assert len(reads["reported_predictions"]) == 1
    assert len(reads["score_points"]) == 2


def test_after_a_moment_the_news_is_told(copied: Filled):
    with serving(copied.challenge, copied.url, fresh_seconds=0.2) as client:
        before = client.get(BOARD)
        execute(copied, "DELETE FROM leaderboards")
        answers = iter(lambda: client.get(BOARD).json(), [])
        assert all(answer == before.json() for answer in answers)


def test_nothing_is_shared_with_or_by_who_has_a_key(copied: Filled):
    keys = copied.directory / "keys.json"
    key = add_key(keys, "operator", Tier.ADMIN, None, NOW)
    with serving(copied.challenge, copied.url, keys=keys, fresh_seconds=60) as client:
        asked = f"{PREDICTIONS}?projectIds=broken"
        own = [client.get(asked, {"X-API-Key": key}).json() for _ in range(2)]
        others = client.get(asked).json()
    assert own[0] == own[1]
    assert "ValueError" in str(own[0])
    assert "ValueError" not in str(others)


def test_other_parameters_headers_and_methods_get_their_own_answers(filled: Filled):
    with serving(filled.challenge, filled.url, fresh_seconds=60) as client:
        whole = client.get(BOARD)
        assert client.get(f"{BOARD}?limit=1").json() == whole.json()[:1]
        assert client.get(BOARD, {"If-None-Match": whole.headers["ETag"]}).status_code == 304
        assert client.get(BOARD).json() == whole.json()
        assert client.get("/healthz").json()["status"] in ("ok", "degraded")


def test_a_mistake_is_told_to_each_who_makes_it(filled: Filled):
    with serving(filled.challenge, filled.url, fresh_seconds=60) as client:
        answers = ask_all(client, [f"{BOARD}?limit=0"] * 5)
    assert {answer.status_code for answer in answers} == {422}


def test_too_much_at_once_is_sent_away_and_says_when_to_come_again(
    filled: Filled, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sharing, "WAIT_SECONDS", 0.1)
    release = threading.Event()
    read = SqlLedger.board

    def slow(*args: Any, **options: Any) -> Any:
        release.wait(20)
        return read(*args, **options)

    monkeypatch.setattr(SqlLedger, "board", slow)
    with serving(filled.challenge, filled.url) as client:
        asked = [f"{BOARD}?limit={n}" for n in range(1, sharing.AT_ONCE + 4)]
        threading.Timer(1.0, release.set).start()
        answers = ask_all(client, asked)
        health = client.get("/healthz")
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) == 3
    assert {answer.headers["Retry-After"] for answer in refused} == {"5"}
    assert refused[0].json()["status"] == 503
    assert sum(answer.status_code == 200 for answer in answers) == sharing.AT_ONCE
    assert health.status_code == 200


def test_what_fails_is_not_remembered():
    moment, calls = Moment(60), []

    def make() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("not yet")
        return "made"

    with pytest.raises(ValueError, match="not yet"):
        moment.shared("key", make)
    assert [moment.shared("key", make) for _ in range(3)] == ["made"] * 3
    assert len(calls) == 2


def test_what_is_kept_is_bounded():
    moment = Moment(60)
    for number in range(1000):
        moment.shared(number, lambda: "made")
    assert moment.shared(999, lambda: "made again") == "made"
    assert moment.shared(0, lambda: "made again") == "made again"
