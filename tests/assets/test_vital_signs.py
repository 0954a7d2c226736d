"""Vital signs that an operator evaluates by hand, beside an asset or alone."""

import dagster as dg

from tests.support.challenges import START


def test_a_sign_beside_its_asset_is_told_once_about_the_newest_materialization(pipeline):
    result = pipeline.succeed(START, 2, assets=["feed_records"])
    [sign] = [
        event.asset_check_evaluation_data
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        and event.asset_check_evaluation_data.check_name == "feed_is_alive"
    ]
    [newest] = pipeline.instance.fetch_materializations(sign.asset_key, limit=1).records
    assert sign.passed
    assert sign.partition is None
    assert sign.target_materialization_data.storage_id == newest.storage_id
    assert sign.metadata["newest"].value == "2025-01-01 02:29:00 UTC"
