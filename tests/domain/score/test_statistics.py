"""Statistics of scores against a recomputation row by row."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.author.scorer import LARGEST_VALUE
from coordinator_pipelines.domain.doors.ledger import STATISTIC_COLUMNS
from coordinator_pipelines.domain.metrics.summary import combine_squares
from coordinator_pipelines.domain.score.statistics import score_statistics

START = datetime(2025, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
COLUMNS = [
    "mode", "prediction_config_id", "model_id", "resolvable_at", "status", "value", "rule",
]  # fmt: skip
OUTCOMES = ("SUCCESS", "FAILED", "TIMEOUT", "ABSTAINED", "ABSENT")

Row = tuple[str, str, str, int, str, float, str]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["live", "replay"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["m", "n"]),
        st.integers(-60, 200),
        st.sampled_from(OUTCOMES),
        st.one_of(st.just(math.nan), st.just(-1.0), st.floats(-3, 3)),
        st.sampled_from(["scorer", "exclude", "worst", "value", "baseline"]),
    ),
    max_size=40,
)
EXTREMES = st.sampled_from([LARGEST_VALUE, -LARGEST_VALUE, 0.0, 1e-300])


def as_scores(rows: list[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    minutes = pd.to_timedelta(frame["resolvable_at"].astype("int64"), unit="min")
    instants = pd.Timestamp(START) + minutes
    return frame.assign(
        resolvable_at=instants.astype("datetime64[us, UTC]"), value=frame["value"].astype("float64")
    )


def row_by_row(rows: list[Row]) -> dict[tuple[str, str, str, datetime], dict[str, float]]:
    groups: dict[tuple[str, str, str, datetime], list[Row]] = {}
    for row in rows:
        end = START + math.ceil(row[3] / 60) * HOUR
        groups.setdefault((*row[:3], end), []).append(row)
    return {key: summed(members) for key, members in groups.items()}


def summed(rows: list[Row]) -> dict[str, float]:
    values = [row[5] for row in rows if not math.isnan(row[5])]
    rules = [row[6] for row in rows if not math.isnan(row[5])]
    mean = math.fsum(values) / max(len(values), 1)
    return {
        "n": len(values),
        "n_imputed": sum(rule in {"worst", "value", "baseline"} for rule in rules),
        **{f"n_{name.lower()}": sum(row[4] == name for row in rows) for name in OUTCOMES},
        "total": math.fsum(values),
        "squares": math.fsum((value - mean) ** 2 for value in values),
        "log_wealth": math.fsum(math.log1p(value) for value in values if value > -1),
        "n_ruin": sum(value <= -1 for value in values),
        "n_positive": sum(value > 0 for value in values),
    }


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_statistics_equal_a_sum_row_by_row(rows: list[Row]) -> None:
    statistics = score_statistics(as_scores(rows), HOUR)
    assert tuple(statistics.columns) == STATISTIC_COLUMNS
    expected = row_by_row(rows)
    assert len(statistics) == len(expected)
    for row in statistics.to_dict("records"):
        key = (row["mode"], row["prediction_config_id"], row["model_id"], row["bucket_end"])
        for name, value in expected[key].items():
            assert row[name] == pytest.approx(value, rel=1e-12, abs=1e-12), (key, name)


def test_an_instant_on_the_boundary_belongs_to_the_bucket_that_ends_there() -> None:
    rows: list[Row] = [("live", "a", "m", minute, "SUCCESS", 1.0, "scorer") for minute in (60, 61)]
    statistics = score_statistics(as_scores(rows), HOUR)
    assert statistics["bucket_end"].tolist() == [START + HOUR, START + 2 * HOUR]


def test_a_group_without_any_value_has_zeros_and_its_outcomes() -> None:
    rows: list[Row] = [("live", "a", "m", 1, "TIMEOUT", math.nan, "exclude")]
    [row] = score_statistics(as_scores(rows), HOUR).to_dict("records")
    assert (row["n"], row["total"], row["squares"], row["log_wealth"]) == (0, 0.0, 0.0, 0.0)
    assert (row["n_timeout"], row["n_success"], row["n_imputed"]) == (1, 0, 0)


def test_no_scores_have_no_statistics() -> None:
    statistics = score_statistics(as_scores([]), HOUR)
    assert statistics.empty
    assert tuple(statistics.columns) == STATISTIC_COLUMNS


def test_squares_keep_their_digits_far_from_zero() -> None:
    values = 1e8 + np.arange(5.0)
    rows: list[Row] = [("live", "a", "m", 1, "SUCCESS", value, "scorer") for value in values]
    [row] = score_statistics(as_scores(rows), HOUR).to_dict("records")
    assert row["squares"] == pytest.approx(10.0, rel=1e-12)


@given(st.lists(EXTREMES, min_size=1, max_size=60))
def test_sums_of_the_largest_values_that_a_scorer_may_give_are_finite(values):
    rows = [("live", "a", "m", k, "SUCCESS", value, "scorer") for k, value in enumerate(values)]
    sums = score_statistics(as_scores(rows), HOUR)
    assert np.isfinite(sums[list(STATISTIC_COLUMNS[4:])].to_numpy("float64")).all()
    n, total, squares = (sums[name].to_numpy("float64") for name in ("n", "total", "squares"))
    assert np.isfinite(combine_squares(n, total, squares))
