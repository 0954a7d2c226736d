"""Small candle files with known content, and a vendor on this machine."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import SecretStr

from coordinator_pipelines.feeds.binance.binance import binance_source
from coordinator_pipelines.feeds.http.source import HttpSource
from coordinator_pipelines.feeds.pyth.pyth import pyth_source
from tests.feeds.exchange_server import KEY, ExchangeServer, FakeTimer

START = datetime(2025, 1, 1, tzinfo=UTC)
"""Open time of the first candle; it ends a minute later."""

WriteFile = Callable[..., Path]


@pytest.fixture
def start() -> datetime:
    return START


@pytest.fixture
def candles() -> pd.DataFrame:
    """Ten good candles of one minute, without a symbol."""
    return make_candles(10, 100.0)


@pytest.fixture
def two_subjects() -> pd.DataFrame:
    """120 minutes of BTC and of ETH, one after the other; ETH lacks a few."""
    btc = make_candles(120, 100.0).assign(symbol="BTC")
    eth = make_candles(120, 10.0).assign(symbol="ETH").drop(index=[5, 40, 41, 119])
    return pd.concat([btc, eth], ignore_index=True)


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    """Write text, bytes or a frame to a file of the given name."""

    def write_file(content: str | bytes | pd.DataFrame, name: str = "prices.csv") -> Path:
        path = tmp_path / name
        if isinstance(content, pd.DataFrame):
            content = content.to_csv(index=False)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write_file


def make_candles(count: int, price: float) -> pd.DataFrame:
    step = np.arange(count, dtype=float)
    opened, closed = price + step / 4, price + step / 4 + 0.25
    first = int(START.timestamp())
    return pd.DataFrame(
        {
            "ts": [first + int(timedelta(minutes=k).total_seconds()) for k in range(count)],
            "open": opened,
            "high": closed + 0.5,
            "low": opened - 0.5,
            "close": closed,
            "volume": step / 8,
        }
    )


@pytest.fixture
def timer() -> FakeTimer:
    """Noon of the first day; time passes only for those who wait."""
    return FakeTimer(START + timedelta(hours=12))


@pytest.fixture
def exchange(timer: FakeTimer) -> Iterator[ExchangeServer]:
    """A vendor without data, on this machine."""
    with ExchangeServer(timer) as server:
        yield server


@pytest.fixture
def binance(exchange: ExchangeServer, timer: FakeTimer) -> Iterator[HttpSource]:
    """The way to the vendor; its connections end before the vendor does."""
    with closing(binance_source(exchange.url, timer, timeout_seconds=5)) as source:
        yield source


@pytest.fixture
def hermes(exchange: ExchangeServer, timer: FakeTimer) -> Iterator[HttpSource]:
    """The way to the vendor, with its key."""
    exchange.key = KEY
    with closing(pyth_source(exchange.url, SecretStr(KEY), timer, timeout_seconds=5)) as source:
        yield source
