"""What a front end shows of the challenge: the columns of its board, and its charts."""

from typing import Any

WINDOWS = {"recent": "24 hours", "steady": "72 hours", "anchor": "7 days"}


def report_schema() -> dict[str, Any]:
    """Columns and widgets in the shape that the existing web front end reads."""
    columns = [_column(1, "VALUE", "model_name", "Model", None, 0)]
    columns += [_column(2, "USERNAME", "cruncher_name", "Owner", None, 10)]
    for i, (window, length) in enumerate(WINDOWS.items()):
        tooltip = f"Mean score over the last {length}"
        order = 20 + 10 * i
        columns.append(
            _column(3 + i, "VALUE", f"score_{window}", window.title(), tooltip, order, "decimal-4")
        )
    return {
        "schema_version": "1",
        "leaderboard_columns": columns,
        "metrics_widgets": [_score_widget()],
    }


def _column(
    number: int,
    kind: str,
    name: str,
    label: str,
    tooltip: str | None,
    order: int,
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
        "order": order,
    }


def _score_widget() -> dict[str, Any]:
    series = [{"name": f"score_{window}", "label": window.title()} for window in WINDOWS]
    return {
        "id": 1,
        "type": "CHART",
        "displayName": "Score over time",
        "tooltip": None,
        "order": 10,
        "endpointUrl": "/reports/models/global",
        "nativeConfiguration": {
            "type": "line",
            "xAxis": {"name": "performed_at"},
            "yAxis": {"series": series, "format": "decimal-4"},
            "displayEvolution": False,
        },
    }
