"""The order of a leaderboard: who may be ranked, and who is before whom.

Add here what decides a place; avoid building entries (``leaderboard``) and an author's own
ranker (``author.ranking``).

Ranks are distinct, 1 to n, since payouts need an order: models that are equal in the key and in
every tie-breaker are ordered by who joined first, then by id.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.sections import Direction
from coordinator_pipelines.domain.values.percent import percent

Entry = dict[str, Any]


def unranked_reason(challenge: Challenge, entry: Entry) -> str | None:
    """Why an entry cannot be ranked, whatever its metrics are; None if it can."""
    payload, ranking = entry["score"]["payload"], challenge.ranking
    if payload["member"]["left_at"]:
        left_at = datetime.fromisoformat(payload["member"]["left_at"])
        return f"left {left_at:%Y-%m-%d %H:%M} UTC"
    window = payload["windows"][key_window(challenge, entry["score"]["ranking"]["key"])]
    own = window["n"] - window["n_imputed"]
    if window["n"] == 0:
        return "no data"
    if own < ranking.minimum_samples:
        return f"minimum sample: {own} of {ranking.minimum_samples}"
    if window["coverage"] < ranking.minimum_coverage:
        shown, least = percent(window["coverage"]), percent(ranking.minimum_coverage)
        return f"coverage {shown} below {least}"
    return None


def without_key(entry: Entry) -> str | None:
    """Why the ranking key cannot order an entry; None if it can."""
    ranking = entry["score"]["ranking"]
    return f"no value for {ranking['key']}" if ranking["value"] is None else None


def in_order(challenge: Challenge, entries: Iterable[Entry]) -> list[Entry]:
    """Entries with a value for their key, best first. Nulls of tie-breakers come last."""
    return sorted(entries, key=lambda entry: _place(challenge, entry))


def key_window(challenge: Challenge, key: str) -> str:
    """The trailing window that a ranking key looks at; the longest for a key of an author's own."""
    windows = challenge.trailing_windows_hours
    named = {metric.name: metric.window for metric in challenge.metrics}
    return named.get(key) or max(windows, key=lambda name: windows[name])


def values_that_rank(entry: Entry) -> tuple[float | None, ...]:
    """The key and every tie-breaker: models that are equal in all of them are tied."""
    score = entry["score"]
    names = score["ranking"]["tie_breakers"]
    return (score["ranking"]["value"], *(score["metrics"].get(name) for name in names))


def direction_of(challenge: Challenge, name: str, default: Direction) -> Direction:
    """Which way a metric is better; the default for one that the spec does not know."""
    known = next((metric for metric in challenge.metrics if metric.name == name), None)
    return default if known is None else known.better or challenge.score_direction


def first_joined(entry: Entry) -> tuple[str, str]:
    """What orders models that are equal in all else."""
    return entry["score"]["payload"]["member"]["joined_at"], entry["model_id"]


def sortable(value: float | None, direction: Direction) -> tuple[bool, float]:
    """A sort key of a metric: the better value first, none last."""
    if value is None:
        return True, 0.0
    return False, value if direction == "asc" else -value


def _place(challenge: Challenge, entry: Entry) -> tuple[Any, ...]:
    ranking = entry["score"]["ranking"]
    own: Direction = ranking["direction"]
    breakers = [direction_of(challenge, name, own) for name in ranking["tie_breakers"]]
    values = zip(values_that_rank(entry), [own, *breakers], strict=True)
    return (*(sortable(*criterion) for criterion in values), *first_joined(entry))
