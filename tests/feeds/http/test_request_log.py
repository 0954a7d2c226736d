"""All processes of the machine keep a vendor's limit together."""

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from coordinator_pipelines.feeds.http.request_log import RequestLog
from coordinator_pipelines.feeds.pyth.pyth import pyth_source
from tests.feeds.exchange_server import ExchangeServer, FakeTimer

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def log(tmp_path):
    return RequestLog.of("https://hermes.pyth.network/v2", tmp_path / "vendors")


def test_sources_of_several_processes_keep_one_limit_together(tmp_path):
    timer = FakeTimer(NOON)

    def source():
        return closing(pyth_source(exchange.url, None, timer, hold_directory=tmp_path))

    with ExchangeServer(timer) as exchange, source() as capture, source() as resolution:
        exchange.limit = (10, 10.0)
        for _ in range(18):
            for one in (capture, resolution):
                assert one.get("hello", [], lambda answer: answer.status) == 404
        with source() as later:
            assert later.get("hello", [], lambda answer: answer.status) == 404
        assert (len(exchange.requests), exchange.too_many) == (37, 0)
    assert timer.now() - NOON < 37 / 10 * 11 * SECOND


def test_a_request_is_forgotten_when_it_no_longer_counts(log):
    assert log.take(NOON, 2, 10) == 0
    assert log.take(NOON + 4 * SECOND, 2, 10) == 0
    assert log.take(NOON + 5 * SECOND, 2, 10) == pytest.approx(5)
    assert log.take(NOON + 10 * SECOND, 2, 10) == 0
    assert log.take(NOON + 11 * SECOND, 2, 10) == pytest.approx(3)


def test_of_many_at_once_no_more_than_the_limit_may_ask(log):
    taken = []
    threads = [
        threading.Thread(target=lambda: taken.append(log.take(NOON, 10, 11))) for _ in range(30)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(0) == 10


@pytest.mark.parametrize("content", ["", "nonsense", "1e999 nan", "9999999999.5\n" * 20, "\0"])
def test_a_file_that_holds_anything_else_holds_nobody_up(log, tmp_path, content):
    (tmp_path / "vendors").mkdir()
    (tmp_path / "vendors" / "hermes.pyth.network.requests").write_text(content)
    assert [log.take(NOON, 2, 10) for _ in range(3)] == [0, 0, 10]


def test_a_log_that_cannot_be_written_is_told_and_stops_nothing(tmp_path, caplog):
    (tmp_path / "vendors").write_text("a file, not a directory")
    log = RequestLog.of("https://hermes.pyth.network", tmp_path / "vendors")
    assert [log.take(NOON, 1, 10) for _ in range(2)] == [0, 0]
    assert "other processes do not learn of a vendor's requests" in caplog.text
