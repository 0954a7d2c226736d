"""The schema of a challenge whose author provides none: its metrics, and three charts.

Add a chart here when there is a new kind of row; avoid the shape of a schema (``report``).
"""

from typing import Any

from coordinator_pipelines.api.schema.report import ReportSchema
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.sections import MetricSpec

PERCENTAGES = ("hit_rate", "signal_hit_rate")
BY_CONFIG: dict[str, Any] = {
    "groupByProperty": "param",
    "filterConfig": [
        {"type": "select", "property": "asset", "label": "Asset", "autoSelectFirst": True},
        {"type": "select", "property": "horizon", "label": "Horizon"},
    ],
}
"""A line per prediction config: the front end filters whole lines. Only one filter selects by
itself, since the first asset need not be asked for the first horizon."""
ALERT = {"field": "score_failed", "reasonField": "score_failed_reason"}


def default_schema(challenge: Challenge) -> ReportSchema:
    """Columns and charts of the challenge's own metrics."""
    columns = [
        _column(1, "VALUE", "model_name", "Model", 0),
        _column(2, "USERNAME", "cruncher_name", "Owner", 10),
    ]
    for place, metric in enumerate(challenge.metrics):
        column = _column(
            3 + place, "VALUE", f"score_{metric.name}", _label(metric), 20 + 10 * place
        )
        hours = challenge.trailing_windows_hours[metric.window]
        tooltip = f"{metric.statistic.replace('_', ' ')} over the last {_length(hours)}"
        columns.append(column | {"format": _format(metric), "tooltip": tooltip.capitalize()})
    series = [{"name": f"score_{one.name}", "label": _label(one)} for one in challenge.metrics]
    return ReportSchema.model_validate(
        {
            "schema_version": "1",
            "leaderboard_columns": columns,
            "metrics_widgets": _widgets(series),
        }
    )


def _widgets(series: list[dict[str, str]]) -> list[dict[str, Any]]:
    predictions = BY_CONFIG | {"alertConfig": ALERT}
    value = [{"name": "score_value", "label": "Score"}]
    return [
        _chart(1, "Score Metrics", "/reports/models/global", series, {}),
        _chart(2, "Predictions", "/reports/predictions", value, predictions),
        _chart(3, "Rolling score by parameters", "/reports/models/params", series, BY_CONFIG),
    ]


def _chart(
    number: int, name: str, endpoint: str, series: list[dict[str, str]], more: dict[str, Any]
) -> dict[str, Any]:
    axes = {"xAxis": {"name": "performed_at"}, "yAxis": {"series": series, "format": "decimal-4"}}
    return {
        "id": number,
        "type": "CHART",
        "displayName": name,
        "tooltip": None,
        "order": 10 * number,
        "endpointUrl": endpoint,
        "nativeConfiguration": {"type": "line", **axes, "displayEvolution": False, **more},
    }


def _column(number: int, kind: str, name: str, label: str, order: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": kind,
        "property": name,
        "format": None,
        "displayName": label,
        "tooltip": None,
        "nativeConfiguration": None,
        "order": order,
    }


def _label(metric: MetricSpec) -> str:
    return metric.name.replace("_", " ").title()


def _format(metric: MetricSpec) -> str:
    return "percentage" if metric.statistic in PERCENTAGES else "decimal-4"


def _length(hours: int) -> str:
    days, rest = divmod(hours, 24)
    return f"{hours} hours" if rest or days < 4 else f"{days} days"
