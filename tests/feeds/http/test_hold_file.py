"""What one process is told by a vendor holds for all processes of the machine."""

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from coordinator_pipelines.domain.values.errors import FeedUnavailableError
from coordinator_pipelines.feeds.binance.binance import binance_source
from coordinator_pipelines.feeds.http.hold_file import HoldFile
from coordinator_pipelines.feeds.http.timer import SystemTimer
from tests.feeds.exchange_server import ExchangeServer, FakeTimer, Fault
from tests.support import fork_server

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def ask(binance_like, tmp_path):
    """Ask in a process of its own, through the settings; until when it was refused."""
    home = {"COORDINATOR_HOME": str(tmp_path / "home"), "BINANCE_API_URL": binance_like.url}

    def run(**environment):
        process = fork_server.start(
            "tests.feeds.asking", directory=tmp_path, **{**home, **environment}
        )
        said, _ = process.communicate()
        assert process.returncode == 0
        return datetime.fromisoformat(said) if said else None

    return run


@pytest.fixture
def binance_like():
    """A vendor that lives by the clock of this machine."""
    with ExchangeServer(SystemTimer()) as server:
        server.candles["BTCUSDT"] = {}
        yield server


@pytest.mark.parametrize(("status", "seconds"), [(429, 90), (418, 600)])
def test_a_new_process_does_not_ask_during_a_pause_of_which_another_was_told(
    ask, binance_like, tmp_path, status, seconds
):
    binance_like.fail(Fault(status, "", {"Retry-After": str(seconds)}))
    before = datetime.now(UTC)
    told, learned = ask(), ask()
    assert told is not None
    assert before + timedelta(seconds=seconds) < told
    assert abs(learned - told) < timedelta(seconds=1)
    assert len(binance_like.requests) == 1
    elsewhere = ask(COORDINATOR_HOME=str(tmp_path / "elsewhere"))
    assert elsewhere is None
    assert len(binance_like.requests) == 2


def test_a_source_made_later_waits_until_the_pause_is_over(tmp_path):
    timer = FakeTimer(NOON)

    def source():
        return closing(binance_source(exchange.url, timer, hold_directory=tmp_path))

    def hello(asked):
        return asked.get("hello", [], lambda answer: answer.content)

    with ExchangeServer(timer) as exchange:
        exchange.fail(Fault(429, "", {"Retry-After": "60"}), Fault(200, "fine"))
        with source() as first, pytest.raises(FeedUnavailableError):
            hello(first)
        timer.sleep(45)
        with source() as second:
            assert hello(second) == b"fine"
        told, asked = exchange.requests
    assert 60 < asked.at - told.at <= 62


# -- the file --------------------------------------------------------------------------------


@pytest.fixture
def hold(tmp_path):
    return HoldFile.of("https://data-api.binance.vision/api", tmp_path / "vendors")


def test_a_pause_ends_by_itself_and_never_gets_shorter(hold):
    assert hold.until(NOON) is None
    hold.extend(NOON + 5 * MINUTE, NOON)
    hold.extend(NOON + 2 * MINUTE, NOON)
    assert hold.until(NOON + 4 * MINUTE) == NOON + 5 * MINUTE
    assert hold.until(NOON + 5 * MINUTE) is None
    hold.extend(NOON + 7 * MINUTE, NOON + 6 * MINUTE)
    assert hold.until(NOON + 6 * MINUTE) == NOON + 7 * MINUTE


@pytest.mark.parametrize(
    "content", ["", "soon", "2025-01-01T12:05:00", "2099-01-01T00:00:00+00:00", "\x00\xff"]
)
def test_a_file_that_holds_anything_else_holds_nobody_and_is_replaced(hold, tmp_path, content):
    hold.extend(NOON + MINUTE, NOON)
    [path] = (tmp_path / "vendors").iterdir()
    path.write_text(content)
    assert hold.until(NOON) is None
    hold.extend(NOON + MINUTE, NOON)
    assert hold.until(NOON) == NOON + MINUTE


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://data-api.binance.vision", "data-api.binance.vision.hold"),
        ("http://127.0.0.1:8080/mirror/", "127.0.0.1-8080.hold"),
        ("https://user:pa55@example.org", "example.org.hold"),
        ("nonsense", ".hold"),
    ],
)
def test_each_host_has_a_file_of_its_own_that_tells_no_secret(tmp_path, url, name):
    HoldFile.of(url, tmp_path).extend(NOON + MINUTE, NOON)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_pause_that_cannot_be_written_is_logged_and_stops_nothing(tmp_path, caplog):
    (tmp_path / "vendors").write_text("not a directory")
    hold = HoldFile.of("https://example.org", tmp_path / "vendors")
    hold.extend(NOON + MINUTE, NOON)
    assert hold.until(NOON) is None
    assert "other processes do not learn" in caplog.text


def test_who_reads_while_others_write_never_sees_half_an_instant(hold):
    hold.extend(NOON + MINUTE, NOON)
    ends = [NOON + k * MINUTE for k in range(1, 200)]
    writers = [threading.Thread(target=lambda: [hold.extend(end, NOON) for end in ends])
               for _ in range(2)]  # fmt: skip
    for writer in writers:
        writer.start()
    seen = []
    while any(writer.is_alive() for writer in writers):
        seen.append(hold.until(NOON))
    assert set(seen) <= set(ends)
    assert hold.until(NOON) == ends[-1]
