import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator_pipelines.domain.spec.prediction_config import (
    ScheduledPredictionConfig,
    config_rows,
)


def config(scope=None, schedule=None, **changes):
    return ScheduledPredictionConfig.model_validate(
        {
            "scope_key": "btc",
            "scope_template": {"asset": "BTC"} | (scope or {}),
            "schedule": schedule or {"every_seconds": 60},
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("scope", "schedule"),
    [
        ({"horizon": 300, "step": 60}, {"every_seconds": 120}),
        ({"horizon_seconds": 300, "step_seconds": 60}, {"every_seconds": 120}),
        ({"step": 60}, {"every_seconds": 120, "resolve_after_seconds": 300}),
        ({"step": 60}, {"prediction_interval_seconds": 120, "resolve_after_seconds": 300}),
        ({"step_seconds": 60}, {"every_seconds": 120, "resolve_horizon_seconds": 300}),
        ({"horizon": 300, "step": 60}, {"every_seconds": 120, "resolve_after_seconds": 0}),
        (
            {"horizon": 300, "horizon_seconds": 300, "step": 60, "step_seconds": 60},
            {
                "every_seconds": 120,
                "prediction_interval_seconds": 120,
                "resolve_after_seconds": 300,
                "resolve_horizon_seconds": 300,
                "offset_seconds": 0,
            },
        ),
    ],
)
def test_every_spelling_of_one_content_gives_one_config(scope, schedule):
    expected = config({"horizon": 300, "step": 60}, {"every_seconds": 120})
    assert config(scope, schedule) == expected
    assert expected.cadence.interval_seconds == 120
    assert expected.cadence.horizon_seconds == 300
    assert expected.scope == {"asset": "BTC", "horizon": 300, "step": 60}


def test_the_step_is_the_horizon_unless_said_otherwise():
    assert config({"horizon": 300}).scope_template.step == 300


@pytest.mark.parametrize(
    "changes",
    [
        {"scope_key": "eth"},
        {"scope": {"asset": "ETH", "horizon": 300}},
        {"scope": {"horizon": 300, "step": 60}},
        {"schedule": {"every_seconds": 120}},
        {"schedule": {"every_seconds": 60, "offset_seconds": 30}},
    ],
)
def test_another_content_has_another_id(changes):
    base = {"scope": {"horizon": 300}}
    assert config(**base).id != config(**(base | changes)).id


def test_the_id_does_not_depend_on_position_activity_or_notes():
    quiet = config({"horizon": 60}, active=False, order=7, meta={"note": "x"})
    assert quiet.id == config({"horizon": 60}).id
    assert quiet.id.startswith("btc-")


def test_an_id_of_ones_own_is_kept():
    assert config({"horizon": 60}, id="mine").id == "mine"


def test_a_scope_is_handed_out_as_a_copy():
    one = config({"horizon": 60})
    one.scope["asset"] = "ETH"
    assert one.scope["asset"] == "BTC"


def test_the_description_names_interval_offset_horizon_and_step():
    schedule = {"every_seconds": 60, "offset_seconds": 30}
    described = config({"horizon": 300, "step": 60}, schedule, id="mine").describe()
    assert described == "mine: BTC every 60 s + 30 s, resolved after 300 s (step 60 s)"


def test_config_rows_hold_scope_schedule_and_notes_as_json():
    configs = [config({"horizon": 300}, meta={"b": 1, "a": None}, order=2)]
    (row,) = config_rows(configs).to_dict("records")
    assert json.loads(row["scope_json"]) == configs[0].scope
    assert json.loads(row["schedule_json"]) == {
        "every_seconds": 60,
        "resolve_after_seconds": 300,
        "offset_seconds": 0,
    }
    assert row["meta_json"] == '{"a": null, "b": 1}'
    assert (row["id"], row["active"], row["order"]) == (configs[0].id, True, 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 10**6), st.integers(1, 1000), st.integers(1, 1000), st.data())
def test_a_parsed_config_means_the_same_when_parsed_again(every, step, steps, data):
    offset = data.draw(st.integers(0, every - 1))
    one = config(
        {"horizon": step * steps, "step": step}, {"every_seconds": every, "offset_seconds": offset}
    )
    assert ScheduledPredictionConfig.model_validate(one.model_dump()) == one
    assert config(one.scope, one.schedule.model_dump()).id == one.id
