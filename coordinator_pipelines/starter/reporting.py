"""What a front end shows of the challenge: the columns of its board, and its charts.

Change here what readers see and the words that explain it; avoid computing anything. The fields
are those of the existing web front end (docs/report-api.md).
"""

from typing import Any

WINDOWS = {"recent": "24 hours", "steady": "72 hours", "anchor": "7 days"}
SCORE = "1 is perfect, 0.75 is what an even chance earns, 0 is certain and wrong"
PER_WINDOW = [{"name": f"score_{window}", "label": window.title()} for window in WINDOWS]
BY_QUESTION: dict[str, Any] = {
    "groupByProperty": "param",
    "filterConfig": [
        {"type": "select", "property": "asset", "label": "Asset", "autoSelectFirst": True},
        {"type": "select", "property": "horizon", "label": "Horizon (s)"},
    ],
}
MARKS = {"alertConfig": {"field": "score_failed", "reasonField": "score_failed_reason"}}


def report_schema() -> dict[str, Any]:
    """Columns and charts in the shape that the existing web front end reads."""
    return {
        "schema_version": "1",
        "leaderboard_columns": _columns(),
        "metrics_widgets": _charts(),
    }


def _columns() -> list[dict[str, Any]]:
    windows = [
        _column(
            3 + place,
            "VALUE",
            f"score_{window}",
            window.title(),
            f"Mean score of the last {length}. {SCORE}.",
            number_format="decimal-4",
        )
        for place, (window, length) in enumerate(WINDOWS.items())
    ]
    reason = "Why the model has no rank yet, or no more; empty for models with a rank."
    return [
        _column(1, "VALUE", "model_name", "Model", "Best first, by the mean score of 7 days."),
        _column(2, "USERNAME", "cruncher_name", "Owner", "Who wrote the model."),
        *windows,
        _column(6, "VALUE", "unranked_reason", "Not ranked", reason),
    ]


def _charts() -> list[dict[str, Any]]:
    single = [{"name": "score_value", "label": "Score"}]
    return [
        _chart(
            1,
            "Score over time",
            f"Mean score of each trailing window, as of the end of each hour. {SCORE}.",
            "/reports/models/global",
            PER_WINDOW,
        ),
        _chart(
            2,
            "Single predictions",
            "Score of each prediction. A mark is a prediction without a score of its own: it shows "
            "why, and what that costs.",
            "/reports/predictions",
            single,
            BY_QUESTION | MARKS,
        ),
        _chart(
            3,
            "Score by question",
            "The same means for each asset, horizon and step (in seconds) by itself.",
            "/reports/models/params",
            PER_WINDOW,
            BY_QUESTION,
        ),
    ]


def _column(
    number: int,
    kind: str,
    name: str,
    label: str,
    tooltip: str,
    *,
    number_format: str | None = None,
) -> dict[str, Any]:
    return {
        "id": number,
        "type": kind,
        "property": name,
        "format": number_format,
        "displayName": label,
        "tooltip": tooltip,
        "nativeConfiguration": None,
        "order": 10 * number,
    }


def _chart(
    number: int,
    label: str,
    tooltip: str,
    endpoint: str,
    series: list[dict[str, str]],
    more: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "id": number,
        "type": "CHART",
        "displayName": label,
        "tooltip": tooltip,
        "order": 10 * number,
        "endpointUrl": endpoint,
        "nativeConfiguration": {
            "type": "line",
            "xAxis": {"name": "performed_at"},
            "yAxis": {"series": series, "format": "decimal-4"},
            "displayEvolution": False,
            **(more or {}),
        },
    }
