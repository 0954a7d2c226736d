"""Who may read what: tiers, keys at rest, keys in headers and nowhere else."""

import json
import stat
from datetime import UTC, datetime

import pytest

from coordinator_pipelines.api.http.keys import KeyRing, Tier, add_key, drop_key
from coordinator_pipelines.domain.values.errors import CoordinatorError
from tests.api.conftest import execute, serving

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OPEN = ("/healthz", "/reports/leaderboard", "/reports/models", "/reports/predictions")
EXPLAIN = "/reports/explain?model=broken&round=2025-01-01T02:06:00Z"
READ = (EXPLAIN, "/reports/export/scores")


@pytest.fixture
def keys(tmp_path):
    return tmp_path / "keys" / "report-keys.json"


def with_key(token: str) -> dict[str, str]:
    return {"X-API-Key": token}


def failures(client, headers=None) -> set[str]:
    rows = client.get("/reports/predictions?projectIds=broken", headers).json()
    return {row["score_failed_reason"] for row in rows if row["status"] == "FAILED"}


def explained(client, token: str) -> str | None:
    rows = client.get("/reports/predictions?projectIds=broken").json()
    instant = next(row["performed_at"] for row in rows if row["status"] == "FAILED")
    answer = client.get(f"/reports/explain?model=broken&round={instant}Z", with_key(token))
    return answer.json()["chains"][0]["prediction"]["failed_reason"]


def test_without_any_key_everything_but_the_admin_tier_is_open(client):
    assert {client.get(path).status_code for path in (*OPEN, *READ)} == {200}


def test_with_a_key_the_read_tier_asks_for_one(filled, keys):
    token = add_key(keys, "ui", Tier.READ, None, NOW)
    with serving(filled.challenge, filled.url, keys=keys) as client:
        assert {client.get(path).status_code for path in OPEN} == {200}
        for path in READ:
            refused = client.get(path)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert "X-API-Key" in refused.json()["message"]
            assert client.get(path, with_key(token)).status_code == 200
            bearer = {"Authorization": f"Bearer {token}"}
            assert client.get(path, bearer).status_code == 200


def test_no_key_is_made_for_owners_of_whom_no_account_is_known(keys):
    with pytest.raises(CoordinatorError, match="name an account"):
        add_key(keys, "anybody", Tier.READ, "unknown", NOW)
    assert not KeyRing(keys).all()


def test_a_key_that_is_not_known_is_refused_everywhere(filled, keys):
    add_key(keys, "ui", Tier.READ, None, NOW)
    with serving(filled.challenge, filled.url, keys=keys) as client:
        for path in (*OPEN, *READ):
            assert client.get(path, with_key("cpk_wrong")).status_code == 401


def test_a_key_is_never_taken_from_the_url(filled, keys):
    token = add_key(keys, "ui", Tier.READ, None, NOW)
    with serving(filled.challenge, filled.url, keys=keys) as client:
        for path in ("/reports/leaderboard?", f"{EXPLAIN}&"):
            answer = client.get(f"{path}api_key={token}")
            assert answer.status_code == 400
            assert token not in answer.text


def test_keys_are_kept_as_hashes_in_a_file_of_ones_own(keys):
    token = add_key(keys, "ui", Tier.READ, "alice", NOW)
    text = keys.read_text()
    assert token not in text
    assert token.removeprefix("cpk_") not in text
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    (kept,) = json.loads(text)["keys"]
    assert (kept["name"], kept["tier"], kept["owner"]) == ("ui", "read", "alice")


def test_keys_are_replaced_one_by_one_without_a_restart(filled, keys):
    old = add_key(keys, "old", Tier.READ, None, NOW)
    with serving(filled.challenge, filled.url, keys=keys) as client:
        assert client.get(EXPLAIN, with_key(old)).status_code == 200
        new = add_key(keys, "new", Tier.READ, None, NOW)
        assert client.get(EXPLAIN, with_key(new)).status_code == 200
        drop_key(keys, "old")
        assert client.get(EXPLAIN, with_key(old)).status_code == 401
        assert client.get(EXPLAIN, with_key(new)).status_code == 200


def test_failures_are_told_in_full_only_to_their_owner_and_to_admins(filled, keys):
    own = add_key(keys, "tester", Tier.READ, "tester", NOW)
    other = add_key(keys, "rival", Tier.READ, "rival", NOW)
    admin = add_key(keys, "admin", Tier.ADMIN, None, NOW)
    with serving(filled.challenge, filled.url, keys=keys) as client:
        assert all("minute" in reason for reason in failures(client, with_key(own)))
        assert all("minute" in reason for reason in failures(client, with_key(admin)))
        for headers in (None, with_key(other)):
            assert failures(client, headers) == {"the model failed or its answer was not valid"}


def test_two_owners_of_one_name_are_told_apart_by_their_keys(copied, keys):
    execute(copied, "UPDATE model_memberships SET owner = 'sam', owner_id = 'c-' || model_id")
    own = add_key(keys, "own", Tier.READ, "c-broken", NOW)
    others = [add_key(keys, f"not-{who}", Tier.READ, who, NOW) for who in ("c-half", "sam")]
    with serving(copied.challenge, copied.url, keys=keys) as client:
        assert all("minute" in reason for reason in failures(client, with_key(own)))
        assert "minute" in explained(client, own)
        for other in others:
            told = failures(client, with_key(other))
            assert told == {"the model failed or its answer was not valid"}
            assert explained(client, other) is None
        owners = {
            (row["cruncher_id"], row["cruncher_name"])
            for row in client.get("/reports/models").json()
        }
    assert owners >= {("c-broken", "sam"), ("c-half", "sam")}


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "no keys file"), ('{"keys": [{"name": "a"}]}', "keys.0"), ('{"key": []}', "key")],
)
def test_a_broken_keys_file_stops_the_start_by_name(filled, keys, content, said):
    keys.parent.mkdir()
    keys.write_text(content)
    with (
        pytest.raises(CoordinatorError, match=said),
        serving(filled.challenge, filled.url, keys=keys),
    ):
        pass


def test_a_keys_file_that_breaks_later_opens_nothing(filled, keys, caplog):
    token = add_key(keys, "ui", Tier.READ, None, NOW)
    with serving(filled.challenge, filled.url, keys=keys) as client:
        keys.write_text("{")
        for headers in (None, with_key(token)):
            answer = client.get(EXPLAIN, headers)
            assert answer.status_code == 503
            assert "not set up" in answer.json()["message"]
        assert client.get("/reports/leaderboard").status_code == 200
    assert "no keys file" in caplog.text


def test_names_of_keys_are_different_and_are_names(keys):
    add_key(keys, "ui", Tier.READ, None, NOW)
    with pytest.raises(CoordinatorError, match="has a key 'ui' already"):
        add_key(keys, "ui", Tier.READ, None, NOW)
    with pytest.raises(CoordinatorError, match="is no name"):
        add_key(keys, "a b", Tier.READ, None, NOW)
    with pytest.raises(CoordinatorError, match="has no key 'x'"):
        drop_key(keys, "x")
    assert [key.name for key in KeyRing(keys).all()] == ["ui"]


def test_no_other_origin_may_read_unless_it_is_named(filled):
    asked = {"Origin": "https://example.org"}
    with serving(filled.challenge, filled.url) as client:
        headers = client.get("/reports/leaderboard", asked).headers
        assert "access-control-allow-origin" not in headers
    with serving(filled.challenge, filled.url, origins=["https://example.org"]) as client:
        headers = client.get("/reports/leaderboard", asked).headers
        assert headers["access-control-allow-origin"] == "https://example.org"
        assert "access-control-allow-credentials" not in headers
        other = client.get("/reports/leaderboard", {"Origin": "https://example.com"})
        assert "access-control-allow-origin" not in other.headers
    with (
        pytest.raises(CoordinatorError, match="no web origin"),
        serving(filled.challenge, filled.url, origins=["example.org"]),
    ):
        pass


@pytest.mark.parametrize("path", [*OPEN, "/", EXPLAIN, "/reports/export/scores"])
def test_a_head_request_tells_what_a_get_would(client, path):
    told, whole = client.request("HEAD", path), client.get(path)
    assert (told.status_code, told.content) == (200, b"")
    for name in ("content-type", "etag"):
        assert told.headers.get(name) == whole.headers.get(name)
    assert client.request("HEAD", "/reports").status_code == 404


def test_nothing_can_be_changed(client):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.request(method, "/reports/leaderboard").status_code == 405
