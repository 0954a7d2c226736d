"""What front ends show of the starter: all of it is there to be shown, and explained."""

from coordinator_pipelines.api.board import LeaderboardRow
from coordinator_pipelines.api.prediction_rows import PredictionRow
from coordinator_pipelines.api.schema.default import default_schema
from coordinator_pipelines.api.schema.report import ReportSchema
from coordinator_pipelines.cli.challenge.location import starter_spec
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.starter.reporting import WINDOWS, report_schema

SCHEMA = ReportSchema.model_validate(report_schema())
CHALLENGE = load_challenge(starter_spec())
METRICS = [f"score_{metric.name}" for metric in CHALLENGE.metrics]


def test_the_board_has_a_column_for_each_metric_and_otherwise_fields_of_every_row():
    shown = [column.property for column in SCHEMA.leaderboard_columns]
    assert [name for name in shown if name.startswith("score_")] == METRICS
    assert set(shown) - set(METRICS) <= set(LeaderboardRow.model_fields)


def test_there_are_the_charts_that_a_challenge_without_a_schema_gets():
    theirs = default_schema(CHALLENGE).metrics_widgets
    assert [chart.endpointUrl for chart in SCHEMA.metrics_widgets] == [
        chart.endpointUrl for chart in theirs
    ]
    pairs = zip(SCHEMA.metrics_widgets, theirs, strict=True)
    for ours, other in ((one.nativeConfiguration, two.nativeConfiguration) for one, two in pairs):
        assert (ours.alertConfig, ours.groupByProperty) == (
            other.alertConfig,
            other.groupByProperty,
        )


def test_a_failed_prediction_is_marked_with_its_reason():
    (chart,) = [one for one in SCHEMA.metrics_widgets if "predictions" in one.endpointUrl]
    alert = chart.nativeConfiguration.alertConfig
    assert (alert.field, alert.reasonField) == ("score_failed", "score_failed_reason")
    assert {alert.field, alert.reasonField} <= set(PredictionRow.model_fields)


def test_everything_is_explained_and_the_windows_are_those_of_the_spec():
    assert all(one.tooltip for one in (*SCHEMA.leaderboard_columns, *SCHEMA.metrics_widgets))
    hours = {"24 hours": 24, "72 hours": 72, "7 days": 168}
    assert {name: hours[said] for name, said in WINDOWS.items()} == CHALLENGE.trailing_windows_hours
