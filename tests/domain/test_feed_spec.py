"""The feed section for vendors: what is refused, by name, before anybody is asked."""

import pytest

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.errors import SpecError
from tests.specs import REMOVED, changed

BINANCE = {"feed.provider": "binance", "feed.seed": REMOVED}
PYTH = {
    "feed.provider": "pyth",
    "feed.seed": REMOVED,
    "feed.subjects": {"BTC": "0x" + "E6" * 32},
    "truth.convention": "straddling_update",
}


@pytest.mark.parametrize("vendor", [BINANCE, PYTH])
def test_a_challenge_may_name_a_vendor(vendor):
    challenge = Challenge.parse(changed(vendor))
    assert challenge.feed.provider == vendor["feed.provider"]
    assert challenge.feed.identity.startswith(f"{vendor['feed.provider']} {{")


@pytest.mark.parametrize(
    ("vendor", "change", "text"),
    [
        (BINANCE, {"feed.granularity_seconds": 20},
         "feed.granularity_seconds: binance has candles of 1, 60, 180"),
        (BINANCE, {"truth.convention": "straddling_update"},
         "truth.convention: contradicts feed.provider 'binance', which goes with 'bar_close'"),
        (PYTH, {"truth": {"tie_rule": "void"}},
         "truth.convention: contradicts feed.provider 'pyth', which goes with 'straddling_update'"),
        (PYTH, {"feed.subjects": {"BTC": "BTCUSDT"}}, "feed.subjects.BTC: must be a feed id"),
        (PYTH, {"feed.api_key": "secret"}, "feed.api_key: unknown field"),
        (BINANCE, {"feed.path": "x.csv"}, "feed.path: unknown field"),
        ({}, {"feed.provider": "kraken"}, "feed.provider: must be one of 'file', 'simulated', "
         "'binance', 'pyth'"),
    ],
)  # fmt: skip
def test_what_a_vendor_does_not_have_is_refused_by_name(vendor, change, text):
    with pytest.raises(SpecError) as caught:
        Challenge.parse(changed({**vendor, **change}))
    assert text in str(caught.value)


def test_a_feed_is_the_same_however_its_ids_are_written():
    plain = changed(PYTH | {"feed.subjects": {"BTC": "e6" * 32}})
    feeds = [Challenge.parse(spec).feed for spec in (changed(PYTH), plain)]
    assert feeds[0].identity == feeds[1].identity
    assert feeds[0].symbols == ["e6" * 32]
