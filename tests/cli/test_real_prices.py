"""The demo on real candles: a month of Binance, and a day with an outage of Coinbase."""

from pathlib import Path

import pytest

from tests.command import Commands

pytestmark = [pytest.mark.slow, pytest.mark.prices]


def test_real_candles_are_ranked_in_a_challenge_of_their_own(tmp_path: Path, prices_dir: Path):
    (path,) = prices_dir.glob("binance_spot_BTCUSDT_1m_*.csv.gz")
    commands = Commands(tmp_path)
    said = commands.succeed("demo", "--prices", str(path), "--days", "1")
    slug = "btc-up-down-binance-spot-btcusdt-1m-20250101-20250204"
    assert "SIMULATED" not in said
    assert f"{slug}, board of record as of 2025-01-02 05:00 UTC" in said
    assert commands.counts(slug)["leaderboards"] == 24
    assert not commands.database().exists()


def test_an_outage_costs_nobody_anything(tmp_path: Path, prices_dir: Path):
    (path,) = (prices_dir / "fixtures").glob("gap_coinbase_BTCUSD_*.csv.gz")
    commands = Commands(tmp_path)
    said = commands.succeed("demo", "--prices", str(path), "--all")
    slug = "btc-up-down-gap-coinbase-btcusd-1m-20180404-20180406"
    counts = commands.counts(slug)
    assert f"{slug}, board of record" in said
    assert counts["leaderboards"] > 60
    assert 0 < counts["ground_truths"] <= counts["rounds"]
