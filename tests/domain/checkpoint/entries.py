"""Entries of boards for tests of payouts."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

JOINED = datetime(2025, 1, 1, tzinfo=UTC)
WINDOW = {"n": 100, "n_imputed": 0, "expected": 100, "coverage": 1.0, "outcomes": {}}


def entry(
    model: str,
    value: float | None,
    *,
    rank: int | None = 1,
    owner: str | None = None,
    joined: int = 0,
    breakers: Sequence[float] = (),
    direction: str = "desc",
    reason: str | None = None,
    **metrics: float | None,
) -> dict[str, Any]:
    """One entry as a board stores it."""
    names = [f"breaker_{i}" for i in range(len(breakers))]
    return {
        "model_id": model,
        "model_name": model.title(),
        "cruncher_name": owner or model,
        "cruncher_id": owner or model,
        "rank": rank,
        "unranked_reason": reason if rank is None else None,
        "score": {
            "metrics": {"anchor": value, **dict(zip(names, breakers, strict=True)), **metrics},
            "ranking": {
                "key": "anchor", "value": value, "direction": direction, "tie_breakers": names,
            },
            "payload": {
                "windows": {"recent": WINDOW, "steady": WINDOW, "anchor": WINDOW},
                "member": {
                    "joined_at": (JOINED + timedelta(hours=joined)).isoformat(), "left_at": None,
                },
            },
        },
    }  # fmt: skip


def ranked(values: Sequence[float], **options: Any) -> list[dict[str, Any]]:
    """Models with these values, best first, each of an owner of its own."""
    ordered = sorted(values, reverse=options.get("direction", "desc") == "desc")
    return [
        entry(f"m{place}", value, rank=place, joined=place, **options)
        for place, value in enumerate(ordered, 1)
    ]
