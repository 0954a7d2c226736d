"""What a change of a spec is said to touch, and that a ledger refuses what is called refused."""

from pathlib import Path
from typing import Any

import pytest

from coordinator_pipelines.domain.revision.spec_change import (
    TOUCHES,
    Touch,
    all_touched,
    spec_changes,
    touches_of,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.prediction_config import config_rows
from coordinator_pipelines.domain.values.errors import LedgerError
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.specs import COMPLETE, CONFIG, changed
from tests.test_spec_docs import FIELDS

NAMED = changed({f"{CONFIG}.id": "a"})
SLOWER = {**NAMED["scheduled_prediction_configs"][0], "id": "b", "schedule": {"every_seconds": 120}}
CASES: list[tuple[dict[str, Any], dict[str, Touch]]] = [
    ({"title": "Other"}, {"title": Touch.NOTHING}),
    ({"strict_incentives": True}, {"strict_incentives": Touch.NOTHING}),
    ({"refresh_interval_seconds": 60}, {"refresh_interval_seconds": Touch.RUNNING}),
    ({"checkpoint_interval_seconds": 60}, {"checkpoint_interval_seconds": Touch.RUNNING}),
    ({"checkpoint_interval_seconds": 86400}, {"checkpoint_interval_seconds": Touch.PAYOUTS}),
    ({"end": "2027-01-01T00:00:00Z"}, {"end": Touch.ROUNDS}),
    ({"warm_up_seconds": 600}, {"warm_up_seconds": Touch.ROUNDS}),
    ({"limits.call_timeout_seconds": 1}, {"limits.call_timeout_seconds": Touch.ROUNDS}),
    ({"feed.publication_delay_seconds": 3}, {"feed.publication_delay_seconds": Touch.ROUNDS}),
    ({f"{CONFIG}.meta": {"x": [1]}}, {"scheduled_prediction_configs[a].meta": Touch.ROUNDS}),
    ({"truth.tie_rule": "up"}, {"truth.tie_rule": Touch.SCORES}),
    ({"missing_data.default": "exclude"}, {"missing_data.default": Touch.SCORES}),
    ({"callables.SCORING_FUNCTION": "a.b:c"}, {"callables.SCORING_FUNCTION": Touch.SCORES}),
    ({"missing_data.newcomers": "counted"}, {"missing_data.newcomers": Touch.BOARDS}),
    ({"ranking.minimum_samples": 7}, {"ranking.minimum_samples": Touch.BOARDS}),
    ({"certainty.draws": 500}, {"certainty.draws": Touch.BOARDS}),
    ({"callables.LEADERBOARD_RANKER": "a.b:c"}, {"callables.LEADERBOARD_RANKER": Touch.BOARDS}),
    ({"batch_window": "1d"}, {"batch_window": Touch.BOARDS}),
    ({"emission.strategy": "winner_takes_all"}, {"emission.strategy": Touch.PAYOUTS}),
    ({"batch_window": "15m"}, {"batch_window": Touch.REFUSED}),
    ({"feed.seed": 8}, {"feed.seed": Touch.REFUSED}),
    ({"feed.subjects": {"BTC": "BTCEUR"}}, {"feed.subjects": Touch.REFUSED}),
    ({"name": "another"}, {"name": Touch.REFUSED}),
    (
        {f"{CONFIG}.schedule.every_seconds": 120},
        {"scheduled_prediction_configs[a].schedule.every_seconds": Touch.REFUSED},
    ),
    (
        {f"{CONFIG}.scope_template.own": "key", "callables.PREDICT_CALL_BUILDER": "a.b:c"},
        {
            "callables.PREDICT_CALL_BUILDER": Touch.ROUNDS,
            "scheduled_prediction_configs[a].scope_template": Touch.REFUSED,
        },
    ),
    ({f"{CONFIG}.scope_key": "btc"}, {"scheduled_prediction_configs[a].scope_key": Touch.REFUSED}),
]


def challenge(changes: dict[str, Any]) -> Challenge:
    """The complete spec with an id of its own for the config."""
    return checked_challenge(changed(changes, NAMED))


OLD = challenge({})


def test_every_field_of_a_spec_says_what_it_touches():
    assert [field for field in FIELDS if touches_of(field) is None] == []
    top = {field.partition(".")[0].removesuffix("[]") for field in FIELDS}
    assert top <= TOUCHES.keys(), "a new field is no part of another section"
    pretended = {f"{name}[].order" for name in ("metrics", "ensembles")}
    assert TOUCHES.keys() - pretended - FIELDS.keys() - top == set()
    assert touches_of("new_field") is None


@pytest.mark.parametrize(("changes", "expected"), CASES, ids=lambda case: next(iter(case)))
def test_a_changed_field_is_told_with_what_it_touches(changes, expected):
    found = spec_changes(OLD, challenge(changes))
    assert {change.field: change.touches for change in found} == {
        field: (touch,) for field, touch in expected.items()
    }
    for change, back in zip(found, spec_changes(challenge(changes), OLD), strict=True):
        assert (change.field, change.before, change.after) == (back.field, back.after, back.before)


def test_another_spelling_and_what_is_said_by_default_are_no_change():
    spelt = changed(
        {
            f"{CONFIG}.schedule": {"prediction_interval_seconds": 60},
            f"{CONFIG}.scope_template": {"asset": "BTC", "horizon_seconds": 60},
            "spec_version": 1,
            "start": "2026-11-01T01:00:00+01:00",
            "batch_window": "1h",
        },
        NAMED,
    )
    assert spec_changes(OLD, checked_challenge(spelt)) == []


def test_configs_come_and_go_by_their_ids():
    both = changed({}, NAMED)
    both["scheduled_prediction_configs"] = [SLOWER, *both["scheduled_prediction_configs"]]
    [added] = spec_changes(OLD, checked_challenge(both))
    assert added.field == "scheduled_prediction_configs[b]"
    assert added.before is None
    assert added.after["schedule"]["every_seconds"] == 120
    assert set(added.touches) == {Touch.ROUNDS, Touch.BOARDS}
    # Without an id of its own a config gets one from its content: another one, and none is refused.
    derived = checked_challenge(changed({f"{CONFIG}.schedule.every_seconds": 120}))
    gone, come = spec_changes(checked_challenge(COMPLETE), derived)
    assert (gone.after, come.before) == (None, None)
    assert Touch.REFUSED not in all_touched([gone, come])


def test_the_order_of_metrics_is_only_shown():
    metrics = [
        {"name": name, "statistic": "mean", "window": name}
        for name in ("recent", "steady", "anchor")
    ]
    told = {"ranking.key": "anchor"}
    one, other = (challenge({**told, "metrics": order}) for order in (metrics, metrics[::-1]))
    [change] = spec_changes(one, other)
    assert (change.field, change.touches) == ("metrics", (Touch.NOTHING,))


def test_a_rule_of_scoring_touches_what_may_be_answered_as_well():
    rule = {"callables": {}, "scoring": {"rule": "brier"}}
    [change] = spec_changes(
        challenge(rule), challenge({**rule, "scoring": {"rule": "position_return"}})
    )
    assert change.touches == (Touch.ROUNDS, Touch.SCORES)


def test_what_is_computed_from_what_is_touched_is_touched():
    def touched(changes: dict[str, Any]) -> set[Touch]:
        return set(all_touched(spec_changes(OLD, challenge(changes))))

    assert touched({}) == set()
    assert touched({"truth.tie_rule": "up"}) == {Touch.SCORES, Touch.BOARDS, Touch.PAYOUTS}
    assert touched({"ranking.minimum_samples": 7}) == {Touch.BOARDS, Touch.PAYOUTS}
    assert touched({"emission.strategy": "winner_takes_all"}) == {Touch.PAYOUTS}


def test_a_ledger_refuses_exactly_what_is_said_to_be_refused(sqlite_url: str, tmp_path: Path):
    del tmp_path
    first = SqlLedger(sqlite_url, statistics_bucket=OLD.statistics_bucket)
    first.identify(OLD.identity)
    first.register_configs(config_rows(OLD.scheduled_prediction_configs))
    first.close()
    for changes, expected in CASES:
        new = challenge(changes)
        ledger = SqlLedger(sqlite_url, statistics_bucket=new.statistics_bucket)
        try:
            ledger.identify(new.identity)
            ledger.register_configs(config_rows(new.scheduled_prediction_configs))
        except LedgerError:
            refused = True
        else:
            refused = False
        finally:
            ledger.close()
        assert refused == (Touch.REFUSED in expected.values()), changes
