"""What the environment decides about vendors, and about databases."""

import pytest

from coordinator_pipelines import settings
from coordinator_pipelines.domain.feed_record.access import FeedAccess
from coordinator_pipelines.domain.values.errors import CoordinatorError, FeedConfigurationError
from coordinator_pipelines.settings import feed_access, home

DEFAULTS = FeedAccess(hold_directory=home() / "vendors")
VARIABLES = ("BINANCE_API_URL", "PYTH_HERMES_URL", "PYTH_API_KEY", "FEED_PATIENCE_SECONDS")


@pytest.fixture
def environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_without_settings_the_public_hosts_are_asked_without_a_key(environment):
    del environment  # empty
    assert feed_access() == DEFAULTS
    assert feed_access().binance_url == "https://data-api.binance.vision"
    assert feed_access().pyth_api_key is None


def test_the_environment_names_hosts_and_key_and_the_key_is_not_shown(environment):
    for name in VARIABLES[:3]:
        environment.setenv(name, f" value-of-{name}\n" if "KEY" in name else f"https://{name}")
    access = feed_access()
    assert access.binance_url == "https://BINANCE_API_URL"
    assert access.pyth_url == "https://PYTH_HERMES_URL"
    assert access.pyth_api_key.get_secret_value() == "value-of-PYTH_API_KEY"
    assert "value-of" not in repr(access)


def test_an_empty_variable_is_not_set(environment):
    for name in VARIABLES:
        environment.setenv(name, "")
    assert feed_access() == DEFAULTS


def test_a_request_may_take_as_long_as_the_environment_says(environment):
    environment.setenv("FEED_PATIENCE_SECONDS", "90.5")
    assert feed_access().patience_seconds == 90.5


@pytest.mark.parametrize("written", ["1", "0", "-20", "nan", "inf", "a minute", "1e3", "10000"])
def test_a_patience_that_is_none_is_refused(environment, written):
    environment.setenv("FEED_PATIENCE_SECONDS", written)
    with pytest.raises(FeedConfigurationError, match=r"FEED_PATIENCE_SECONDS is .*seconds from 2"):
        feed_access()


@pytest.mark.parametrize("host", ["me:hun@ter2@host/db", "me:hun@ter2/x@host/db", "me:h@ter2@/db"])
def test_a_password_that_would_be_taken_for_the_host_is_refused_unseen(environment, host):
    environment.setenv("COORDINATOR_DATABASE_URL_BTC", f"postgresql://{host}")
    with pytest.raises(CoordinatorError, match=r"COORDINATOR_DATABASE_URL_BTC .*'@'.*%40") as told:
        settings.database_url("btc")
    assert "ter2" not in str(told.value)
    environment.setenv(settings.DAGSTER_URL_VARIABLE, f"postgresql+psycopg2://{host}")
    with pytest.raises(CoordinatorError, match=rf"{settings.DAGSTER_URL_VARIABLE} .*'@'") as told:
        settings.dagster_database_url()
    assert "ter2" not in str(told.value)


def test_a_file_may_have_any_name(environment):
    environment.setenv("COORDINATOR_DATABASE_URL", "sqlite:////srv/me@home/a@b.db")
    assert settings.database_url("btc") == "sqlite:////srv/me@home/a@b.db"
