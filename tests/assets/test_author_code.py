"""What an author may write, from scope to rank, at work in the whole pipeline."""

import json
from datetime import timedelta

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.timeline.window import BATCH_WINDOWS
from tests.support.challenges import START, WINDOW
from tests.support.participants import (
    FOLLOWER,
    HALF,
    write_model,
    write_participants,
    write_roster,
)
from tests.support.recompute import seconds

AUTHOR = "tests.support.author"
PLAIN = {
    "callables__INFERENCE_OUTPUT_VALIDATOR": f"{AUTHOR}:keep",
    "missing_data": {"default": "worst"},
}


def entries_of(pipeline, as_of):
    with pipeline.ledger() as ledger:
        boards = ledger.leaderboards(Mode.REPLAY, START, as_of)
    return json.loads(boards["entries_json"].iloc[-1])


def test_an_authors_truth_is_stored_and_scored(make_pipeline, closes):
    pipeline = make_pipeline(
        callables__GROUND_TRUTH_RESOLVER=f"{AUTHOR}:resolve_range",
        callables__SCORING_FUNCTION=f"{AUTHOR}:score_level",
    )
    result = pipeline.succeed(START, 2)
    with pipeline.ledger() as ledger:
        truths = ledger.ground_truths(START, START + 2 * WINDOW)
        scores = ledger.scores(Mode.REPLAY, START, START + 2 * WINDOW)
    for row in truths.itertuples():
        entry, resolved = (closes[seconds(t)] for t in (row.performed_at, row.resolvable_at))
        if entry == resolved:
            assert row.state == "UNRESOLVABLE"
            assert row.reason == "GROUND_TRUTH_RESOLVER has no truth for this round"
            continue
        assert row.state == "FINAL"
        assert json.loads(row.payload_json) == {"n": 2, "range": abs(resolved - entry)}
    half = scores[scores["model_id"] == "half"]
    for row in half.itertuples():
        entry, resolved = (closes[seconds(t)] for t in (row.performed_at, row.resolvable_at))
        assert row.value == 0.5 - abs(resolved - entry)
    ties = truths.loc[truths["state"] == "UNRESOLVABLE", "performed_at"]
    red = pipeline.red(result, "truth_finality")
    assert len(ties) > 0
    assert set(red) == {f"{t.floor('15min'):%Y-%m-%d-%H:%M}" for t in ties}


def test_a_row_wise_scorer_that_raises_fails_that_row_alone(make_pipeline):
    pipeline = make_pipeline(
        callables__SCORING_FUNCTION=f"{AUTHOR}:score_row", missing_data={"default": "worst"}
    )
    pipeline.succeed(START, 2)
    with pipeline.ledger() as ledger:
        scores = ledger.scores(Mode.REPLAY, START, START + 2 * WINDOW)
    half = scores[scores["model_id"] == "half"]
    assert not half["success"].any()
    assert half["failed_reason"].str.startswith("ValueError: one half takes no side").all()
    follower = scores[scores["model_id"] == "follower"]
    assert follower["success"].all()
    assert set(follower["value"]) == {0.0, 1.0}
    [scorer] = set(scores["scorer"])
    assert scorer.startswith(f"{AUTHOR}:score_row@1+")


def test_scope_and_call_builders_decide_what_a_model_is_asked(make_pipeline, tmp_path):
    body = "return {'level': level, 'asset': asset, 'horizon': horizon}"
    arguments = "asset, *, horizon, step, level"
    for name in ("one", "two"):
        write_model(tmp_path / name, body, arguments=arguments)
    entries = [{"id": name, "path": name} for name in ("one", "two")]
    write_roster(tmp_path / "models.yaml", entries)
    pipeline = make_pipeline(
        **PLAIN,
        callables__PREDICTION_SCOPE_BUILDER=f"{AUTHOR}:build_scope",
        callables__PREDICT_CALL_BUILDER=f"{AUTHOR}:build_call",
        callables__SCORING_FUNCTION=f"{AUTHOR}:score_kwargs",
    )
    pipeline.succeed(START, 1)
    with pipeline.ledger() as ledger:
        cells = ledger.predictions(Mode.REPLAY, START, START + WINDOW)
        rounds = ledger.rounds(Mode.REPLAY, START, START + WINDOW)
        scores = ledger.scores(Mode.REPLAY, START, START + WINDOW)
    outputs = [json.loads(text) for text in cells.loc[cells["model_id"] == "one", "output_json"]]
    warm_up = 9
    assert [output["level"] for output in outputs] == [warm_up] + [1] * 14
    assert {(output["asset"], output["horizon"]) for output in outputs} == {("BTC", 60)}
    scopes = [json.loads(text) for text in rounds["scope_json"]]
    assert [scope["new"] for scope in scopes] == [warm_up] + [1] * 14
    asked = {
        seconds(t): scope["new"] for t, scope in zip(rounds["performed_at"], scopes, strict=True)
    }
    assert all(row.value == asked[seconds(row.performed_at)] for row in scores.itertuples())


def test_an_authors_aggregator_and_ranker_make_the_board(make_pipeline):
    by_sum = make_pipeline("sums", callables__MODEL_SCORE_AGGREGATOR=f"{AUTHOR}:aggregate")
    result = by_sum.succeed(START, 2)
    with by_sum.ledger() as ledger:
        scores = ledger.scores(Mode.REPLAY, START, START + 2 * WINDOW)
    due = scores[scores["resolvable_at"] <= START + 2 * WINDOW]
    sums = due.groupby("model_id")["value"].sum()
    entries = entries_of(by_sum, START + 2 * WINDOW)
    assert [entry["model_id"] for entry in entries] == list(sums.sort_values().index)
    for entry in entries:
        assert entry["score"]["metrics"]["sum"] == pytest.approx(sums[entry["model_id"]])
        assert entry["score"]["metrics"]["count"] == (due["model_id"] == entry["model_id"]).sum()
    assert not by_sum.red(result, "consistency")
    ranked = make_pipeline("ranked", callables__LEADERBOARD_RANKER=f"{AUTHOR}:rank")
    result = ranked.succeed(START, 2)
    names = [entry["model_id"] for entry in entries_of(ranked, START + 2 * WINDOW)]
    assert names == ["shy", "half", "follower", "broken"]
    assert not ranked.red(result, "consistency")


def config(name, every, horizon, offset=0, order=0):
    return {
        "id": name,
        "scope_key": name,
        "scope_template": {"asset": "BTC", "horizon": horizon, "step": horizon},
        "schedule": {
            "every_seconds": every,
            "resolve_after_seconds": horizon,
            "offset_seconds": offset,
        },
        "order": order,
    }


CONFIGS = [config("fast", 60, 60), config("far", 300, 1200, 120, 1), config("odd", 420, 180, 60, 2)]


def grid(each, first, last):
    """The instants of a config's rounds, from epoch, offset and interval."""
    every, offset = each["schedule"]["every_seconds"], each["schedule"]["offset_seconds"]
    return [t for t in range(seconds(first), seconds(last), 60) if (t - offset) % every == 0]


@pytest.mark.slow
def test_configs_of_other_intervals_offsets_and_horizons_beyond_a_window(
    make_pipeline, tmp_path, closes
):
    write_participants(tmp_path, {"half": HALF, "follower": FOLLOWER})
    pipeline = make_pipeline(scheduled_prediction_configs=CONFIGS, truth__tie_rule="half")
    for first, windows in ((5, 3), (0, 5)):
        pipeline.succeed(START + first * WINDOW, windows)
    pipeline.succeed(START, 8, job="refresh_boards")
    end = START + 8 * WINDOW
    with pipeline.ledger() as ledger:
        truths = ledger.ground_truths(START, end)
        scores = ledger.scores(Mode.REPLAY, START, end)
    for each in CONFIGS:
        own = truths[truths["prediction_config_id"] == each["id"]]
        assert [seconds(t) for t in own["performed_at"]] == grid(each, START, end)
        for row in own.itertuples():
            entry = closes[seconds(row.performed_at)]
            later = closes[seconds(row.performed_at) + each["schedule"]["resolve_after_seconds"]]
            assert row.outcome == (0.5 if entry == later else float(later > entry))
    for k in range(8):
        as_of = START + (k + 1) * WINDOW
        inside = (scores["resolvable_at"] <= as_of) & (
            scores["resolvable_at"] > as_of - timedelta(hours=2)
        )
        means = scores[inside].groupby(["model_id", "prediction_config_id"])["value"].mean()
        for entry in entries_of(pipeline, as_of):
            own = means[entry["model_id"]]
            expected = own.mean() if len(own) == len(CONFIGS) else None
            value = entry["score"]["metrics"]["long"]
            assert value == (expected and pytest.approx(expected, rel=1e-12))


@pytest.mark.slow
@pytest.mark.parametrize(("short", "long"), [("15m", "1h"), ("1h", "1d")])
def test_longer_batch_windows_hold_the_same_rows(make_pipeline, tmp_path, short, long):
    write_participants(tmp_path, {"half": HALF, "follower": FOLLOWER})
    start = START.replace(hour=0) + timedelta(days=1)
    feed = {
        "provider": "simulated",
        "subjects": {"BTC": "BTCUSDT"},
        "granularity_seconds": 60,
        "publication_delay_seconds": 2,
        "staleness_limit_seconds": 180,
        "seed": 5,
    }
    end = start + BATCH_WINDOWS[long]
    truths, boards = [], []
    for size in (short, long):
        pipeline = make_pipeline(
            size,
            start=start.isoformat(),
            feed=feed,
            batch_window=size,
            scheduled_prediction_configs=[config("slow", 1200, 600)],
        )
        pipeline.succeed(start, (end - start) // BATCH_WINDOWS[size])
        truths.append(pipeline.rows("ground_truths"))
        with pipeline.ledger() as ledger:
            stored = ledger.leaderboards(Mode.REPLAY, start, end)
        boards.append(stored["entries_json"].iloc[-1])
    assert truths[0].equals(truths[1])
    assert boards[0] == boards[1]
