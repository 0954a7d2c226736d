"""What cannot be replayed is refused in the author's and operator's words, and stores nothing."""

from datetime import timedelta

import dagster as dg
import pytest

from coordinator_pipelines.definitions import build_definitions
from tests.support.challenges import START, WINDOW
from tests.support.pipeline import TABLES, failure_text

ROWS = [table for table in TABLES if table not in ("feed_records", "model_memberships")]


def refusal(pipeline, first, windows=1, **options) -> str:
    result = pipeline.run(first, windows, **options)
    assert not result.success
    assert all(pipeline.rows(table).empty for table in ROWS)
    text = failure_text(result)
    assert "Traceback" not in text
    return text


def test_a_window_without_its_warm_up_is_refused_by_name(make_pipeline):
    pipeline = make_pipeline(start=(START - 4 * WINDOW).isoformat())
    text = refusal(pipeline, START - 4 * WINDOW, 3)
    assert text == (
        "the window 2025-01-01 01:00 to 2025-01-01 01:15 UTC needs a warm-up of 600 s, but the "
        "feed has nothing of BTCUSDT at or before 2025-01-01 00:51 UTC; replay later windows or "
        "bring earlier prices"
    )


def test_the_first_window_whose_warm_up_is_whole_is_not_refused(make_pipeline):
    pipeline = make_pipeline(start=(START - 4 * WINDOW).isoformat(), warm_up_seconds=900)
    refusal(pipeline, START - 4 * WINDOW)
    pipeline.succeed(START - 3 * WINDOW, 1)


def test_a_warm_up_a_minute_short_is_refused(make_pipeline):
    pipeline = make_pipeline(start=(START - 4 * WINDOW).isoformat(), warm_up_seconds=960)
    assert "needs a warm-up of 960 s" in refusal(pipeline, START - 3 * WINDOW)


def test_an_open_window_is_not_replayed_among_windows_of_the_past(make_pipeline):
    pipeline = make_pipeline()
    pipeline.clock.instant = START + 2 * WINDOW - timedelta(seconds=1)
    assert refusal(pipeline, START, 2, assets=["prediction_batch"]) == (
        "2025-01-01 02:15 to 2025-01-01 02:30 UTC is not over: captured live it takes a run of "
        "its own, so choose either that window or windows of the past"
    )
    pipeline.clock.instant = START + 2 * WINDOW
    pipeline.succeed(START, 2, assets=["prediction_batch"])


def test_a_range_that_reaches_into_the_future_is_refused_whole(make_pipeline):
    pipeline = make_pipeline()
    pipeline.clock.instant = START + 2 * WINDOW
    assert "2025-01-01 02:30" in refusal(pipeline, START, 4)


def test_a_challenge_that_does_not_allow_replays_is_never_replayed(make_pipeline):
    text = refusal(make_pipeline(replay_allowed=False), START)
    assert text == "small: past windows cannot be predicted, the spec says replay_allowed: false"


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("RAW_INPUT_PROVIDER", "tests.support.author:provide_own_input"),
        ("GROUND_TRUTH_RESOLVER", "tests.support.author:resolve_by_own_means"),
    ],
)
def test_callables_that_ask_the_outside_themselves_are_not_replayed(make_pipeline, key, path):
    text = refusal(make_pipeline(**{f"callables__{key}": path}), START)
    assert f"{key} does its own I/O" in text


def test_a_file_that_is_gone_is_said_with_its_path(make_pipeline, tmp_path):
    pipeline = make_pipeline()
    (tmp_path / "prices.csv").unlink()
    assert f"{tmp_path / 'prices.csv'} cannot be opened" in refusal(pipeline, START)


def test_a_broken_file_is_refused_and_nothing_of_it_is_used(make_pipeline, tmp_path):
    pipeline = make_pipeline()
    with (tmp_path / "prices.csv").open("a") as file:
        file.write("1735707600,1,0.5,2,1,1\n")
    refusal(pipeline, START)
    assert pipeline.rows("feed_records").empty


def test_a_broken_roster_is_said_by_its_entry(make_pipeline, tmp_path):
    pipeline = make_pipeline()
    (tmp_path / "models.yaml").write_text("models: [{id: half, path: x, colour: red}]")
    assert "models[0] (id 'half').colour" in refusal(pipeline, START)


def test_a_database_of_another_challenge_is_refused(make_pipeline):
    one = make_pipeline("one")
    other = make_pipeline("other", url=one.url, name="intruder")
    one.succeed(START)
    rows = {table: len(one.rows(table)) for table in TABLES}
    result = other.run(START)
    assert not result.success
    assert "small" in failure_text(result)
    assert rows == {table: len(one.rows(table)) for table in TABLES}


def test_a_database_without_a_schema_is_refused_with_the_command_that_makes_one(
    make_pipeline, tmp_path
):
    pipeline = make_pipeline(url=f"sqlite:///{tmp_path / 'bare.db'}")
    assert "coordinator db upgrade" in failure_text(pipeline.run(START))


def test_a_check_run_without_a_window_says_what_to_do_instead(make_pipeline):
    pipeline = make_pipeline()
    pipeline.succeed(START)
    challenge = pipeline.challenge
    board = dg.AssetKey([challenge.key, "leaderboard"])
    check = dg.AssetSelection.checks(dg.AssetCheckKey(board, "consistency"))
    job = dg.define_asset_job("check_only", selection=check)
    definitions = dg.Definitions.merge(build_definitions(challenge), dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("check_only").execute_in_process(
        instance=pipeline.instance, raise_on_error=False
    )
    assert failure_text(result).startswith("This run names no batch window.")


def test_every_verdict_is_about_the_materialization_of_its_window_in_the_same_run(make_pipeline):
    """The UI counts a check's verdict only if it targets the window's newest materialization."""
    pipeline = make_pipeline()
    pipeline.succeed(START, 2)
    result = pipeline.succeed(START, 3)
    verdicts = [
        event.asset_check_evaluation_data
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    assert len(verdicts) == 3 * 6
    for verdict in verdicts:
        records = pipeline.instance.fetch_materializations(
            dg.AssetRecordsFilter(verdict.asset_key, asset_partitions=[verdict.partition]), limit=1
        ).records
        assert verdict.target_materialization_data.storage_id == records[0].storage_id
        assert verdict.target_materialization_data.run_id == result.run_id
