"""A live quarter of an hour on Hermes, where one request too many costs a minute.

Captures and resolutions are processes of their own there; all of them count.
"""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from pydantic import SecretStr

from coordinator_pipelines.domain.doors.feed import Feed
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.feeds.pyth.pyth import PythFeed, pyth_source
from tests.feeds.exchange_server import KEY, ExchangeServer
from tests.specs import changed
from tests.support.live import LIVE, LIVE_START, RehearsedModels, member
from tests.support.pipeline import Pipeline
from tests.support.rehearsed_node import RehearsedNode
from tests.support.shared_time import SharedTime, SharingWorkers

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
BTC, ETH = "b7" * 32, "e7" * 32
LENGTH = 15 * MINUTE
NEVER = LIVE_START - 5 * MINUTE
"""No update straddles this minute."""
STOPPED = LIVE_START + 3 * MINUTE
"""From here on there is no update of ETH."""
CENT = 10**6
END, BAR, HISTORY = LIVE_START + LENGTH, 15 * SECOND, 30 * MINUTE
KNOWN_FROM = LIVE_START - HISTORY + 5 * MINUTE
"""What is older has left the look-back before there was time to ask for it."""
STALE = 90 * SECOND


def price(asset: str, second: int) -> int:
    return (30_000 if asset == BTC else 2_000) * 100 * CENT + second * second % 7919 * CENT


def spec(home: Path) -> Challenge:
    """Rounds of two assets, each minute."""
    (home / "models.yaml").write_text("models: []\n")
    configs = [
        {
            "id": asset.lower(),
            "scope_key": asset.lower(),
            "scope_template": {"asset": asset, "horizon": 60, "step": 60},
            "schedule": {"every_seconds": 60},
        }
        for asset in ("BTC", "ETH")
    ]
    feed = {
        "provider": "pyth",
        "subjects": {"BTC": BTC, "ETH": ETH},
        "granularity_seconds": BAR // SECOND,
        "publication_delay_seconds": 3,
        "staleness_limit_seconds": STALE // SECOND,
    }
    changes = {
        "start": LIVE_START.isoformat(),
        "end": END.isoformat(),
        "models_file": str(home / "models.yaml"),
        "warm_up_seconds": HISTORY // SECOND,
        "refresh_interval_seconds": 60,
        "feed": feed,
        "truth": {"convention": "straddling_update", "tie_rule": "void",
                  "resolution_deadline_seconds": 300},
        "scheduled_prediction_configs": configs,
    }  # fmt: skip
    return checked_challenge(changed(changes, LIVE))


def fill(hermes: ExchangeServer) -> None:
    """An update every second, two in every third; but for what there never is."""
    start = int(LIVE_START.timestamp())
    never, stopped = int(NEVER.timestamp()), int(STOPPED.timestamp())
    for asset in (BTC, ETH):
        updates, previous = [], start - 3601
        for second in range(start - 3600, start + 1200):
            if asset == ETH and second > stopped:
                break
            if abs(second - never) <= 1:
                continue
            if second - 2 == never:  # comes with no proof that none was skipped
                previous = second
            for _ in range(1 + (second % 3 == 0)):
                updates.append((previous, second, price(asset, second)))
                previous = second
        hermes.updates[asset] = updates


def feed_per_run(url: str, home: Path, time: SharedTime) -> dg.ResourceDefinition:
    """The feed as a new process has it."""

    @dg.resource
    def feed(context: dg.InitResourceContext) -> Iterator[Feed]:
        del context
        source = pyth_source(url, SecretStr(KEY), time, hold_directory=home / "vendors")
        with closing(source):
            yield PythFeed(source, subjects=[BTC, ETH], granularity_seconds=BAR // SECOND)

    return feed


def true_price(asset: str, instant: datetime) -> float:
    return price(asset, int(instant.timestamp())) / 10**8


@pytest.mark.slow
def test_a_live_challenge_asks_hermes_no_more_than_it_may_and_one_dead_feed_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge, time = spec(tmp_path), SharedTime(LIVE_START - MINUTE)
    models = RehearsedModels(time)
    models.join(member("half"))
    with ExchangeServer(time) as hermes:
        hermes.key, hermes.limit = KEY, (10, 10.0)
        fill(hermes)
        resources = {
            "live_models": models,
            "workers": SharingWorkers(time),
            "feed": feed_per_run(hermes.url, tmp_path, time),
        }
        pipeline = Pipeline(challenge, tmp_path, monkeypatch, time, "", resources)
        node = RehearsedNode(pipeline, time)
        node.operate(END + MINUTE)
    assert hermes.too_many == 0
    assert all(run.result.success for run in node.runs)
    with pipeline.ledger() as ledger:
        rounds = ledger.rounds(Mode.LIVE, LIVE_START, END)
        truths = ledger.ground_truths(LIVE_START, END)
        records = ledger.feed_records([BTC, ETH], KNOWN_FROM, END)
    all_are_captured_and_only_the_dead_are_void(rounds)
    prices_are_those_of_their_instants(records)
    truths_are_told(truths)


def all_are_captured_and_only_the_dead_are_void(rounds: pd.DataFrame) -> None:
    btc, eth = (rounds[rounds["prediction_config_id"] == name] for name in ("btc", "eth"))
    assert len(btc) == len(eth) == LENGTH // MINUTE
    assert (btc["status"] == "ASKED").all()
    assert ((eth["status"] == "VOID") == (eth["performed_at"] - STOPPED > STALE)).all()
    assert (btc["performed_at"] - btc["input_ended_at"]).max() <= MINUTE


def prices_are_those_of_their_instants(records: pd.DataFrame) -> None:
    for asset, end in ((BTC, END), (ETH, STOPPED + BAR)):
        own = records[records["subject"] == asset].set_index("ended_at")["close"]
        due = pd.date_range(KNOWN_FROM, end, freq=BAR, inclusive="left")
        assert list(own.index) == [instant for instant in due if instant != NEVER]
        assert own.to_list() == pytest.approx([true_price(asset, at) for at in own.index])


def truths_are_told(truths: pd.DataFrame) -> None:
    told = truths.set_index(["prediction_config_id", "performed_at"])["state"]
    assert set(told["btc"]) == {"FINAL"}
    final = told["eth"][told["eth"] == "FINAL"]
    assert set(told["eth"]) == {"FINAL", "UNRESOLVABLE"}
    assert final.index.max() + 2 * MINUTE == STOPPED  # nothing after it proves the last price
