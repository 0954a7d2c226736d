"""The public pages: what they say, whom they warn, what they load, what they do not trust."""

import socket
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
import uvicorn
from playwright.sync_api import sync_playwright

from coordinator_pipelines.api.app import create_app
from coordinator_pipelines.api.page.chart import line_chart
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.api.conftest import NOW, Filled, serving
from tests.command import wait_for
from tests.support.pipeline import FixedClock

SIMULATED = {
    "provider": "simulated", "seed": 1, "subjects": {"BTC": "BTCUSDT"}, "granularity_seconds": 60,
    "publication_delay_seconds": 2, "staleness_limit_seconds": 180,
}  # fmt: skip
TALLEST = "Math.max(...[...document.querySelectorAll('tbody th')].map(one => one.clientHeight))"
"""Of the cells that name a row: a name of one letter per line cannot be read."""
COMPARED = "/compare?first=follower&second=half"
PAGES = ("/", "/models/follower", COMPARED, "/models/nobody")


class Page(HTMLParser):
    """The text of a page and what it refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src") and value]

    def handle_data(self, data):
        self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def test_the_board_is_shown_with_its_source_and_its_age(client):
    page = Page(client.get("/").text)
    for told in ("1 half tester 0.7500", "Board of record as of 2025-01-01 03:00", "file (BTC)"):
        assert told in page.text
    assert "Replay, not live." in page.text
    assert "Simulated" not in page.text
    assert "polyline" in page.tags


def test_a_model_is_shown_with_its_outcomes_and_its_calibration(client):
    page = Page(client.get("/models/broken").text)
    assert "Rank 4." in page.text
    assert "Failed" in page.text
    rows = client.get("/reports/predictions?projectIds=follower").json()
    told = [row for row in rows if row["score_state"] == "scored"]
    follower = Page(client.get("/models/follower").text).text
    high = sum(
        1 for row in told if row["score_value"] in (pytest.approx(0.96), pytest.approx(0.36))
    )
    assert f"0.8 to 0.9 0.800 {hits(told) / high:.3f} {high}" in follower


def test_a_models_page_draws_its_calibration_and_leads_to_a_comparison(client):
    follower = client.get("/models/follower").text
    told = client.get("/reports/calibration?model=follower").json()
    page = Page(follower)
    assert f"Brier score 0 is perfect {told['brier']['score']:.4f}" in page.text
    assert follower.count('<circle cx="') >= len(told["reliability"])
    assert "/compare?mode=replay&first=follower" in page.links


def test_two_models_are_compared_as_the_route_compares_them(client):
    told = client.get(f"/reports{COMPARED}").json()
    page = Page(client.get(COMPARED).text).text
    assert f"{told['better']} is better over the {told['rounds']} rounds" in page
    assert f"{told['first']['mean']:.6f}" in page
    assert f"Without {told['deciding']} of {told['rounds']} rounds" in page
    for asked in ("", "?first=half", "?first=half&second=half", "?first=half&second=%3Cb%3E"):
        assert "Choose two models." in Page(client.get(f"/compare{asked}").text).text


def test_nobody_is_compared_where_there_is_nobody(empty_client):
    assert "Choose two models." in empty_client.get(COMPARED).text


def hits(told) -> int:
    """Rounds in which 0.8 was said and came true."""
    return sum(1 for row in told if row["score_value"] == pytest.approx(0.96))


def test_a_page_loads_nothing_but_its_own_style_sheet(client):
    for path in PAGES:
        answer = client.get(path)
        page = Page(answer.text)
        assert "script" not in page.tags
        assert all(link.startswith(("/", "#", "data:,")) for link in page.links)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert client.get("/static/style.css").headers["content-type"].startswith("text/css")


def test_a_model_that_does_not_exist_is_said_so(client):
    answer = client.get("/models/%3Cb%3E")
    assert answer.status_code == 404
    assert "There is no model &lt;b&gt; in this challenge" in answer.text


def test_nothing_is_there_yet_is_said_too(empty_client):
    assert "There is no board yet." in empty_client.get("/").text


def test_simulated_and_stale_data_are_unmistakable(copied):
    file = copied.url.removeprefix("sqlite:///")
    with sqlite3.connect(file) as connection:
        for table in ("leaderboards", "model_scores", "model_memberships"):
            connection.execute(f"UPDATE {table} SET mode = 'live'")
    connection.close()
    feed = type(copied.challenge).model_validate(
        {**copied.challenge.model_dump(mode="json"), "feed": SIMULATED}
    )
    clock = FixedClock(datetime(2025, 1, 1, 3, 20, tzinfo=UTC))
    with serving(feed, copied.url, clock=clock) as client:
        text = Page(client.get("/").text).text
    assert "Simulated data. The prices are made up." in text
    assert "Out of date. The newest board is of 2025-01-01 03:00 UTC" in text
    assert "Replay" not in text


def test_a_recording_that_is_played_live_is_no_market_of_today_either(filled):
    recorded, played = "2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"
    spec = filled.challenge.model_dump(mode="json")
    spec["feed"]["playback"] = {"recorded_from": recorded, "live_from": played}
    with serving(type(filled.challenge).model_validate(spec), filled.url) as client:
        assert "A recording is played as if it were live." in Page(client.get("/").text).text
        assert client.get("/info").json()["simulated"] is True


def test_names_that_participants_choose_are_shown_as_text(copied):
    with sqlite3.connect(copied.url.removeprefix("sqlite:///")) as connection:
        connection.execute(
            "UPDATE leaderboards SET entries_json = "
            'replace(entries_json, \'"model_name":"half"\', \'"model_name":"<script>x"\')'
        )
    connection.close()
    with serving(copied.challenge, copied.url) as client:
        text = client.get("/").text
    assert "&lt;script&gt;x" in text
    assert "<script" not in text


def test_a_chart_has_gaps_where_there_is_no_value():
    instants = [datetime(2025, 1, 1, hour, tzinfo=UTC) for hour in range(5)]
    values = [1.0, 2.0, None, 3.0, None]
    chart = line_chart("x", {"a": list(zip(instants, values, strict=True)), "b": []})
    (line,) = chart.lines
    assert (len(line.stretches), len(line.dots)) == (1, 1)
    assert [tick.label for tick in chart.y_ticks] == ["1.0", "1.5", "2.0", "2.5", "3.0"]
    assert line_chart("x", {"a": [(instants[0], None)]}) is None


@pytest.mark.parametrize("value", [0.0, 1e-9, -5.0, 1e12])
def test_a_chart_of_one_value_has_a_scale(value):
    chart = line_chart("x", {"a": [(datetime(2025, 1, 1, tzinfo=UTC), value)]})
    assert len(chart.y_ticks) >= 2
    assert chart.top <= chart.lines[0].dots[0][1] <= chart.bottom


@pytest.fixture
def served(filled: Filled) -> Iterator[str]:
    """The address of the API on a port of this machine."""
    ledger = SqlLedger(filled.url, statistics_bucket=filled.challenge.statistics_bucket)
    app = create_app(filled.challenge, ledger, FixedClock(NOW))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        wait_for(lambda: server.started, why="the server did not start")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()
    ledger.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_pages_fit_the_screen_and_can_be_used_by_keyboard(browser_path, served, width, scheme):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        told: list[str] = []
        page.on("console", lambda message: told.append(message.text))
        for path in PAGES[:3]:
            page.goto(served + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(TALLEST) <= 4 * 24
        page.goto(served)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.get_by_role("link", name="half").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/models/half**")
        assert page.get_by_role("heading", level=1).inner_text() == "half"
        assert page.get_by_role("img", name="Metrics, last 7 days").is_visible()
        page.close()
        browser.close()
    assert told == []
