"""On PostgreSQL every answer is the one that SQLite gives."""

import hashlib
import json
from typing import Any

from tests.api.conftest import Filled, serving

PATHS = (
    "/reports/leaderboard", "/reports/leaderboard?as_of=2025-01-01T02:30:00Z&version=1",
    "/reports/leaderboard/diff", "/reports/models", "/reports/models/global",
    "/reports/models/params?projectIds=half,shy", "/reports/snapshots",
    "/reports/predictions", "/reports/predictions?projectIds=broken&limit=7",
    "/reports/feeds", "/reports/feeds/tail", "/healthz",
    "/reports/explain?model=follower&round=2025-01-01T02:07:00Z",
    "/reports/predictions?projectIds=a%00b",
)  # fmt: skip
INCIDENTAL = {"created_at", "scored_at", "exec_time_ms", "run_id", "watermark_updated_at"}


def told(value: Any) -> Any:
    """An answer without what says when, and by whom."""
    if isinstance(value, dict):
        return {name: told(one) for name, one in value.items() if name not in INCIDENTAL}
    return [told(one) for one in value] if isinstance(value, list) else value


def assert_hashes_can_be_checked(snapshots: list[dict[str, Any]]) -> None:
    """A reader who knows nothing but the answer comes to the hash that is stored."""
    assert snapshots
    for one in snapshots:
        content = {"metrics": one["metrics"], "payload": one["payload"]}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == one["content_hash"]


def test_both_dialects_answer_the_same(filled: Filled, filled_postgresql: Filled):
    other = filled_postgresql
    with (
        serving(filled.challenge, filled.url) as sqlite,
        serving(other.challenge, other.url) as postgresql,
    ):
        for path in PATHS:
            one, two = sqlite.get(path), postgresql.get(path)
            assert (two.status_code, told(two.json())) == (200, told(one.json())), path
        for api in (sqlite, postgresql):
            assert_hashes_can_be_checked(api.get("/reports/snapshots").json())
        for name in ("predictions", "scores"):
            files = [api.get(f"/reports/export/{name}").text for api in (sqlite, postgresql)]
            assert len(files[0].splitlines()) == len(files[1].splitlines()) > 200
