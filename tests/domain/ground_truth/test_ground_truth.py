"""Outcomes from records: both ends proven, ties by rule, a reason for what cannot be told."""

from datetime import timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.ground_truth.ground_truth import (
    missing_of,
    new_versions,
    provisional,
    resolve,
)
from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.timeline.window import Window
from tests.domain.score.scoring_cases import RULES, START, challenge, instant, rules
from tests.domain.score.scoring_cases import truths as stored_truths

LATER = START + timedelta(days=9)
DEADLINE = timedelta(days=1)


def records(closes):
    """Newest versions of records: minute -> close."""
    frame = pd.DataFrame(
        {
            "subject": "BTCUSDT",
            "ended_at": pd.DatetimeIndex([instant(minute) for minute in closes]).as_unit("us"),
            "version": 1,
            "close": list(closes.values()),
        }
    )
    return frame.astype({"close": "float64"})


def told(closes, *, minutes=1, newest=None, now=LATER, authors=RULES, tie="void"):
    spec = challenge(truth={"tie_rule": tie})
    last = max(closes) if newest is None else newest
    witness = pd.Series({"BTCUSDT": pd.Timestamp(instant(last))})
    rounds = grid(spec, Window(START, instant(minutes)))
    return resolve(spec, authors, rounds, records(closes), witness, now)


@pytest.mark.parametrize(("later", "outcome"), [(101, 1.0), (99, 0.0)])
def test_the_outcome_is_the_direction_between_the_two_instants(later, outcome):
    [truth] = told({0: 100, 1: later, 2: 1}).to_dict("records")
    assert (truth["state"], truth["outcome"]) == ("FINAL", outcome)
    assert (truth["entry_price"], truth["resolved_price"]) == (100, later)


@pytest.mark.parametrize(("tie", "outcome"), [("down", 0.0), ("up", 1.0), ("half", 0.5)])
def test_an_unchanged_price_counts_as_the_rule_says(tie, outcome):
    [truth] = told({0: 100, 1: 100, 2: 1}, tie=tie).to_dict("records")
    assert (truth["state"], truth["outcome"]) == ("FINAL", outcome)


def test_an_unchanged_price_may_not_count_at_all():
    [truth] = told({0: 100, 1: 100, 2: 1}).to_dict("records")
    assert truth["state"] == "VOID"
    assert "unchanged" in truth["reason"]


def test_the_last_record_is_not_final_until_a_later_one_proves_it():
    assert told({0: 100, 1: 101}, now=instant(5)).empty
    [truth] = told({0: 100, 1: 101}).to_dict("records")
    assert truth["state"] == "UNRESOLVABLE"
    assert truth["reason"] == "no later record proves the one of 2025-01-01 00:01:00 UTC final"


@pytest.mark.parametrize(
    ("closes", "waiting"),
    [
        ({0: 100, 1: 101}, [0]),
        ({0: 100, 1: 101, 2: 102}, [1]),
        ({0: 100, 2: 102}, []),
        ({0: 100}, []),
        ({1: 101, 2: 102}, [1]),
    ],
)
def test_a_truth_whose_prices_are_known_but_not_proven_is_provisional(closes, waiting):
    spec, witness = challenge(), pd.Series({"BTCUSDT": pd.Timestamp(instant(max(closes)))})
    rounds = grid(spec, Window(START, instant(3)))
    found = provisional(spec, rounds, records(closes), witness)
    assert found["performed_at"].tolist() == [instant(minute) for minute in waiting]
    assert list(found.columns) == list(rounds.columns)


@pytest.mark.parametrize(
    ("closes", "missing"),
    [({1: 1, 2: 1}, ["00:00"]), ({0: 1, 2: 1}, ["00:01"]), ({2: 1}, ["00:00", "00:01"])],
)
def test_what_is_missing_is_named(closes, missing):
    [truth] = told(closes).to_dict("records")
    assert truth["state"] == "UNRESOLVABLE"
    assert truth["reason"] == "; ".join(f"no record of 2025-01-01 {at}:00 UTC" for at in missing)


def test_a_round_is_unresolvable_only_after_its_deadline():
    due = instant(1) + DEADLINE
    assert told({0: 100, 2: 1}, now=due).empty
    assert len(told({0: 100, 2: 1}, now=due + timedelta(seconds=1))) == 1


def test_equal_truths_are_no_new_version_and_others_are_the_next():
    truths = told({0: 100, 1: 101, 2: 102, 3: 1}, minutes=2)
    of_another_round = stored_truths((9, 1.0))
    first = new_versions(truths, of_another_round)
    assert first["version"].tolist() == [1, 1]
    assert new_versions(truths, first.assign(run_id="r")).empty
    revised = told({0: 100, 1: 99, 2: 102, 3: 1}, minutes=2)
    again = new_versions(revised, first.assign(run_id="r"))
    assert again["version"].tolist() == [2, 2]
    tail = told({0: 100, 1: 101, 2: 103, 3: 1}, minutes=2)
    assert new_versions(tail, first.assign(run_id="r"))["performed_at"].tolist() == [instant(1)]


def test_a_resolver_that_raises_costs_only_its_round():
    def resolver(prediction, context):
        if prediction["performed_at"] == instant(1):
            raise LookupError("not today")
        return {"prices": [price for _, price in context.prices("BTC")]}

    truths = told({0: 1, 1: 2, 2: 3, 3: 4}, minutes=2, authors=rules(resolve=resolver))
    assert truths["state"].tolist() == ["FINAL", "UNRESOLVABLE"]
    assert truths["payload_json"].iloc[0] == '{"prices":[1.0,2.0]}'
    assert truths["reason"].iloc[1] == "GROUND_TRUTH_RESOLVER raised LookupError: not today"


def test_a_resolver_that_may_read_another_asset_waits_until_that_is_final_too():
    feed = challenge().feed.model_dump(mode="json")
    feed = {k: v for k, v in feed.items() if v is not None}
    spec = challenge(feed={**feed, "subjects": {"BTC": "BTCUSDT", "ETH": "ETHUSDT"}})
    rounds = grid(spec, Window(START, instant(2)))
    prices = pd.concat([
        records({0: 1, 1: 2, 2: 3, 3: 4}), records({0: 1, 1: 2, 2: 3}).assign(subject="ETHUSDT"),
    ])  # fmt: skip
    newest = prices.groupby("subject")["ended_at"].max()
    authors = rules(resolve=lambda _, context: {"eth": context.prices("ETH")[-1][1]})
    [truth] = resolve(spec, authors, rounds, prices, newest, instant(5)).to_dict("records")
    assert (truth["performed_at"], truth["payload_json"]) == (instant(0), '{"eth":2.0}')
    late = resolve(spec, authors, rounds, prices, newest, LATER)
    assert late["reason"].tolist()[1] == "no record of ETHUSDT after 2025-01-01 00:02:00 UTC"
    assert len(resolve(spec, RULES, rounds, prices, newest, instant(5))) == 2


def test_what_a_window_lacks_is_said_round_by_round():
    spec = challenge()
    rounds = grid(spec, Window(START, instant(3)))
    truths = told({0: 1, 1: 2, 3: 4, 4: 1}, minutes=2)
    assert list(missing_of(truths, rounds)) == [
        "2025-01-01 00:01:00 UTC: no record of 2025-01-01 00:02:00 UTC",
        "2025-01-01 00:02:00 UTC: not resolved yet",
    ]


@settings(max_examples=40)
@given(st.lists(st.integers(1, 5), min_size=8, max_size=8), st.integers(1, 5))
def test_truth_does_not_depend_on_which_rounds_are_resolved_together(closes, cut):
    path = dict(enumerate(closes))
    whole = told(path, minutes=6)
    start = told(path, minutes=cut)
    assert whole.iloc[: len(start)].reset_index(drop=True).equals(start)
