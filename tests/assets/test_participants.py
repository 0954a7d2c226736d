"""Who takes part from when to when, and what a model that misbehaves costs: its own cells only."""

import json
from datetime import timedelta
from functools import partial

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from tests.support.challenges import START, WINDOW
from tests.support.participants import (
    FOLLOWER,
    HALF,
    SHY,
    write_model,
    write_participants,
    write_roster,
)
from tests.support.recompute import seconds

HOSTILE = {
    "raises": "raise KeyError('no')",
    "exits": "os._exit(3)",
    "hangs": "time.sleep(60) if self.now(asset) // 60 % 15 == 7 else None\nreturn {'p_up': 0.7}",
    "nan": "return {'p_up': math.nan}",
    "beyond": "return {'p_up': 1.5}",
    "object": "return object()",
    "huge": "return {'p_up': 0.5, 'more': 'x' * 10**6}",
    "text": "return 'up'",
    "prints": "print('{\"p_up\": 1.0}' * 100)\nreturn {'p_up': 0.4}",
}
GOOD = {"half": HALF, "follower": FOLLOWER}


@pytest.fixture
def make_pipeline(make_pipeline):
    """Pipelines whose models are processes."""
    return partial(make_pipeline, processes=True)


def cells_of(pipeline, windows=4):
    with pipeline.ledger() as ledger:
        return ledger.predictions(Mode.REPLAY, START, START + windows * WINDOW)


def minutes(cells, model):
    """Minutes since the start at which a model has a cell."""
    own = cells.loc[cells["model_id"] == model, "performed_at"]
    return [(seconds(at) - seconds(START)) // 60 for at in own]


def facts(cells):
    columns = ["model_id", "performed_at", "version", "status", "output_json", "code_hash", "id"]
    return cells[columns].reset_index(drop=True)


@pytest.mark.slow
def test_a_hostile_model_costs_only_its_own_cells(make_pipeline, tmp_path):
    write_participants(tmp_path, GOOD)
    clean = make_pipeline("clean")
    clean.succeed(START, 1)
    write_participants(tmp_path, {**GOOD, **HOSTILE})
    write_model(tmp_path / "models" / "broken-import", HALF, before="import no_such_module")
    entries = [
        {"id": name, "path": f"models/{name}"} for name in (*GOOD, *HOSTILE, "broken-import")
    ]
    write_roster(tmp_path / "models.yaml", [*entries, {"id": "gone", "path": "models/gone"}])
    pipeline = make_pipeline("hostile")
    result = pipeline.succeed(START, 1)
    assert not pipeline.red(result, "coverage")
    cells = cells_of(pipeline)
    good = cells[cells["model_id"].isin(GOOD)]
    assert facts(good).equals(facts(cells_of(clean)))
    statuses = cells.groupby("model_id")["status"].value_counts().unstack(fill_value=0)
    assert statuses.loc["hangs"].to_dict()["TIMEOUT"] == 1
    assert statuses.loc["hangs", "SUCCESS"] == 14
    assert statuses.loc["prints", "SUCCESS"] == 15
    for model in ("raises", "exits", "nan", "beyond", "object", "huge", "text"):
        assert statuses.loc[model, "FAILED"] == 15, model
    for model in ("broken-import", "gone"):
        assert statuses.loc[model, "ABSENT"] == 15, model
    failed = cells[cells["status"] != "SUCCESS"]
    assert failed["failed_reason"].str.len().between(1, 500).all()
    assert failed["output_json"].isna().all()


def test_what_a_model_returned_is_kept_beside_the_verdict(make_pipeline, tmp_path):
    write_participants(tmp_path, {"half": HALF, "nan": HOSTILE["nan"], "beyond": HOSTILE["beyond"]})
    pipeline = make_pipeline()
    pipeline.succeed(START, 1)
    cells = cells_of(pipeline).drop_duplicates("model_id").set_index("model_id")
    assert cells.loc["nan", "raw_output_json"] == '{"p_up": "nan"}'
    assert cells.loc["beyond", "raw_output_json"] == '{"p_up": 1.5}'
    assert cells.loc["beyond", "runner_status"] == "SUCCESS"
    assert "1.5" in cells.loc["beyond", "failed_reason"]


def test_a_model_is_asked_from_joining_up_to_leaving_and_after_returning(make_pipeline, tmp_path):
    at = {k: START + timedelta(minutes=k) for k in (10, 20, 40)}
    write_participants(tmp_path, {"half": HALF, "guest": FOLLOWER})
    stay = {"id": "guest", "path": "models/guest"}
    entries = [
        {"id": "half", "path": "models/half"},
        {**stay, "active_from": at[10], "active_until": at[20]},
        {**stay, "active_from": at[40]},
    ]
    write_roster(tmp_path / "models.yaml", entries)
    pipeline = make_pipeline()
    result = pipeline.succeed(START, 4)
    cells = cells_of(pipeline)
    assert minutes(cells, "half") == list(range(60))
    assert minutes(cells, "guest") == [*range(10, 20), *range(40, 60)]
    assert all(check.passed for check in pipeline.checks(result))


def test_a_model_added_later_gets_its_cells_and_no_other_row_changes(make_pipeline, tmp_path):
    write_participants(tmp_path, GOOD)
    pipeline = make_pipeline()
    pipeline.succeed(START, 2)
    before = {table: pipeline.rows(table) for table in ("rounds", "predictions", "scores")}
    write_participants(tmp_path, {**GOOD, "new": SHY})
    pipeline.succeed(START, 2)
    for table, rows in before.items():
        after = pipeline.rows(table)
        if table != "rounds":
            assert len(after) > len(rows)
            after = after[after["model_id"] != "new"].reset_index(drop=True)
        assert after.equals(rows), table
    assert minutes(cells_of(pipeline), "new") == list(range(30))
    [added] = {data["cells added"] for data in pipeline.metadata("prediction_batch").values()}
    assert added == 15


@pytest.mark.slow
def test_a_model_taken_out_of_the_file_is_not_expected_any_more(make_pipeline, tmp_path):
    write_participants(tmp_path, {**GOOD, "gone": SHY})
    pipeline = make_pipeline()
    pipeline.succeed(START, 1)
    write_participants(tmp_path, GOOD)
    result = pipeline.succeed(START, 2)
    assert all(check.passed for check in pipeline.checks(result))
    assert minutes(cells_of(pipeline), "gone") == list(range(15))
    with pipeline.ledger() as ledger:
        board = ledger.newest_leaderboard(Mode.REPLAY, START + 2 * WINDOW).iloc[0]
    assert {entry["model_id"] for entry in json.loads(board["entries_json"])} == set(GOOD)


def test_a_model_made_to_start_later_is_expected_from_then_on_only(make_pipeline, tmp_path):
    write_participants(tmp_path, {**GOOD, "late": HALF})
    pipeline = make_pipeline()
    pipeline.succeed(START, 1)
    write_participants(tmp_path, {**GOOD, "late": HALF}, late={"active_from": START + 2 * WINDOW})
    result = pipeline.succeed(START, 3)
    assert all(check.passed for check in pipeline.checks(result))
    assert minutes(cells_of(pipeline), "late") == [*range(15), *range(30, 45)]


@pytest.fixture
def changed_code(make_pipeline, tmp_path):
    """A run, then another body of one model's code."""
    write_participants(tmp_path, GOOD)
    pipeline = make_pipeline()
    pipeline.succeed(START, 2)
    write_participants(tmp_path, {**GOOD, "follower": "return {'p_up': 0.9}"})
    return pipeline


def test_changed_code_alone_asks_nothing_again(changed_code):
    before = changed_code.rows("predictions")
    changed_code.succeed(START, 2)
    assert changed_code.rows("predictions").equals(before)


def test_again_asks_changed_code_once_more_as_a_new_version(changed_code):
    before = changed_code.rows("predictions")
    changed_code.succeed(START, 1, again=True)
    after = changed_code.rows("predictions")
    assert after[after["version"] == "1"].reset_index(drop=True).equals(before)
    cells = cells_of(changed_code, 2)
    again = cells[cells["version"] == 2]
    assert set(again["model_id"]) == {"follower"}
    assert minutes(again, "follower") == list(range(15))
    assert set(again["output_json"]) == {'{"p_up": 0.9}'}
    with changed_code.ledger() as ledger:
        scores = ledger.scores(Mode.REPLAY, START, START + 2 * WINDOW)
    follower = scores[scores["model_id"] == "follower"]
    assert (follower["prediction_version"] == follower["version"]).all()
    assert set(scores.loc[scores["model_id"] == "half", "version"]) == {1}


@pytest.mark.slow
def test_again_asks_nothing_where_the_code_is_what_answered(changed_code):
    changed_code.succeed(START, 2, again=True)
    once = changed_code.rows("predictions")
    changed_code.succeed(START, 2, again=True)
    assert changed_code.rows("predictions").equals(once)
