"""The feed section for vendors: what is refused, by name, before anybody is asked."""

import pytest

from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.values.errors import SpecError
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
    challenge = checked_challenge(changed(vendor))
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
        checked_challenge(changed({**vendor, **change}))
    assert text in str(caught.value)


def test_a_feed_is_the_same_however_its_ids_are_written():
    plain = changed(PYTH | {"feed.subjects": {"BTC": "e6" * 32}})
    feeds = [checked_challenge(spec).feed for spec in (changed(PYTH), plain)]
    assert feeds[0].identity == feeds[1].identity
    assert feeds[0].symbols == ["e6" * 32]


# -- a recording that is played --------------------------------------------------------------

PLAYED = {
    "feed.provider": "file",
    "feed.seed": REMOVED,
    "feed.path": "prices.csv",
    "feed.playback": {
        "recorded_from": "2025-01-01T00:00:00Z",
        "live_from": "2026-11-01T06:00:00Z",
    },
}


def identity(changes):
    return checked_challenge(changed(changes)).feed.identity


def test_a_recording_that_is_played_is_another_feed_than_the_recording():
    feed = checked_challenge(changed(PLAYED)).feed
    later = {**PLAYED, "feed.playback.live_from": "2026-11-01T06:01:00Z"}
    recording = {**PLAYED, "feed.playback": None}
    assert feed.simulated
    assert not checked_challenge(changed(recording)).feed.simulated
    assert len({identity(spec) for spec in (PLAYED, later, recording)}) == 3


def test_a_feed_is_the_same_from_whichever_instant_the_same_playback_is_told():
    both = {"recorded_from": "2025-01-02T00:00:00Z", "live_from": "2026-11-02T06:00:00Z"}
    assert identity({**PLAYED, "feed.playback": both}) == identity(PLAYED)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"feed.playback.live_from": "2026-11-01T06:00:30Z"},
         "feed.playback.live_from: not a multiple of granularity_seconds (60) away from "
         "playback.recorded_from (2025-01-01T00:00:00+00:00) (value 2026-11-01T06:00:30+00:00)"),
        ({"feed.playback.live_from": "2026-11-01T06:00:00"},
         "feed.playback.live_from: must be an instant with a zone"),
        ({"feed.playback.live_from": REMOVED}, "feed.playback.live_from: missing"),
        ({"feed.playback.speed": 2}, "feed.playback.speed: unknown field"),
    ],
)  # fmt: skip
def test_a_playback_that_cannot_be_is_refused_by_name(change, text):
    with pytest.raises(SpecError) as caught:
        checked_challenge(changed({**PLAYED, **change}))
    assert text in str(caught.value)


# -- a second source -------------------------------------------------------------------------

REFERENCE = {
    "reference_feed": {
        "feed": {
            "provider": "binance",
            "subjects": {"BTC": "BTCUSDC"},
            "granularity_seconds": 60,
            "staleness_limit_seconds": 180,
        },
        "tolerance": 0.002,
    }
}


def test_a_reference_may_name_assets_in_its_own_words():
    reference = checked_challenge(changed(REFERENCE)).reference_feed
    assert reference.feed.symbols == ["BTCUSDC"]
    assert reference.tolerance == 0.002


def test_a_reference_is_no_part_of_what_the_database_belongs_to():
    assert checked_challenge(changed(REFERENCE)).identity == checked_challenge(changed({})).identity


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"reference_feed.feed.granularity_seconds": 300},
         "reference_feed.feed.granularity_seconds: contradicts feed.granularity_seconds (60) "
         "(value 300)"),
        ({"reference_feed.feed.subjects": {"BTC": "X", "ETH": "Y"}},
         "reference_feed.feed.subjects: not the assets of feed.subjects (BTC) "
         "(value 'BTC, ETH')"),
        ({"reference_feed.feed.granularity_seconds": 20},
         "reference_feed.feed.granularity_seconds: binance has candles of"),
        ({"reference_feed.feed.path": "x.csv"}, "reference_feed.feed.path: unknown field"),
        ({"reference_feed.feed.provider": "kraken"}, "reference_feed.feed.provider: must be one"),
        ({"reference_feed.tolerance": REMOVED}, "reference_feed.tolerance: missing"),
        ({"reference_feed.tolerance": 2.0}, "reference_feed.tolerance: must be at most 1"),
        ({"reference_feed.feed": changed({})["feed"]},
         "reference_feed.feed.provider: is the challenge's own feed once more"),
    ],
)  # fmt: skip
def test_a_reference_that_cannot_be_compared_is_refused_by_name(change, text):
    with pytest.raises(SpecError) as caught:
        checked_challenge(changed({**REFERENCE, **change}))
    assert text in str(caught.value)
