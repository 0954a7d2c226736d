"""Whose database it is, its prediction configs, its members."""

from datetime import timedelta

import pandas as pd
import pytest
from sqlalchemy import create_engine, text

from coordinator_pipelines.domain.doors.ledger import Identity, Ledger, Mode
from coordinator_pipelines.domain.values.errors import LedgerError, LedgerIdentityError
from coordinator_pipelines.storage.engine.database import parse_url
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.storage.examples import at, configs, memberships

IDENTITY = Identity("btc-up-down", "simulated:7")


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    engine = create_engine(parse_url(url))
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def test_a_claimed_database_confirms_its_owner_again(ledger: Ledger) -> None:
    ledger.identify(IDENTITY)
    ledger.identify(IDENTITY)


@pytest.mark.parametrize(
    "other", [Identity("eth-up-down", "simulated:7"), Identity("btc-up-down", "file:btc.csv")]
)
def test_a_database_of_another_challenge_or_feed_is_refused(
    ledger: Ledger, other: Identity
) -> None:
    ledger.identify(IDENTITY)
    with pytest.raises(LedgerIdentityError, match=r"'btc-up-down'.*'simulated:7'") as refused:
        ledger.identify(other)
    assert repr(other.challenge) in str(refused.value)
    assert repr(other.feed) in str(refused.value)


def test_another_length_of_buckets_is_refused(database_url: str, ledger: Ledger) -> None:
    ledger.identify(IDENTITY)
    other = SqlLedger(database_url, statistics_bucket=timedelta(minutes=15))
    with pytest.raises(LedgerError, match="statistics per 3600 s, not per 900 s"):
        other.identify(IDENTITY)
    other.close()


def test_configs_may_change_in_what_is_not_their_content(database_url: str, ledger: Ledger) -> None:
    ledger.register_configs(configs())
    ledger.register_configs(configs(active=False, order=3, meta_json='{"label": "BTC"}'))
    query = 'SELECT active, "order", meta_json FROM scheduled_prediction_configs'
    [(active, order, meta)] = rows(database_url, query)
    assert not active
    assert order == 3
    assert "BTC" in str(meta)


def test_the_same_scope_in_other_words_is_no_change(ledger: Ledger) -> None:
    ledger.register_configs(configs(scope_json='{"a": 1, "b": 2}'))
    ledger.register_configs(configs(scope_json='{"b":2,"a":1}'))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scope_key", "ETH-60"),
        ("scope_json", '{"horizon_seconds": 90}'),
        ("schedule_json", '{"interval_seconds": 90}'),
    ],
)
def test_a_known_id_with_another_scope_or_schedule_is_refused(
    database_url: str, ledger: Ledger, name: str, value: str
) -> None:
    ledger.register_configs(configs())
    with pytest.raises(LedgerError, match=f"'btc-60' is known with {name}"):
        ledger.register_configs(configs(order=9, **{name: value}))
    query = 'SELECT "order" FROM scheduled_prediction_configs'
    assert rows(database_url, query) == [(0,)]


def test_memberships_come_back_sorted_and_per_mode(ledger: Ledger) -> None:
    given = memberships(["beta", "alpha"])
    ledger.record_memberships(given)
    ledger.record_memberships(memberships(["gamma"], Mode.LIVE))
    stored = ledger.memberships(Mode.REPLAY)
    expected = given.sort_values("model_id", ignore_index=True)
    pd.testing.assert_frame_equal(stored, expected, check_dtype=False)
    assert ledger.memberships(Mode.LIVE)["model_id"].tolist() == ["gamma"]


def test_a_membership_ends_and_the_model_comes_back(ledger: Ledger) -> None:
    ledger.record_memberships(memberships(["alpha"]))
    ledger.record_memberships(memberships(["alpha"], left_at=at(10)))
    ledger.record_memberships(memberships(["alpha"], joined_at=at(20)))
    stored = ledger.memberships(Mode.REPLAY)
    assert stored["left_at"].tolist()[0] == at(10)
    assert stored["left_at"].isna().tolist() == [False, True]


def test_the_models_table_follows_the_latest_membership(database_url: str, ledger: Ledger) -> None:
    ledger.record_memberships(memberships(["alpha"], joined_at=at(5), name="new", code_hash="2"))
    ledger.record_memberships(memberships(["alpha"], name="old", code_hash="1"))
    query = "SELECT id, name, code_hash FROM models"
    assert rows(database_url, query) == [("alpha", "new", "2")]
