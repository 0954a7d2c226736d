"""Rules that a spec names, from answers of each form to the board."""

import json

import numpy as np
import pytest
import scoringrules

from coordinator_pipelines.domain.doors.ledger import Mode
from tests.support.challenges import START, WINDOW
from tests.support.participants import write_participants
from tests.support.recompute import seconds

LEVELS = [0.1, 0.5, 0.9]
NARROW, WIDE, OFF = [-5.0, 0.0, 5.0], [-60.0, 0.0, 60.0], [300.0, 310.0, 320.0]
STEPS = 3
DENSITY = "{{'type': 'builtin', 'name': 'norm', 'params': {{'loc': {}, 'scale': {}}}}}"


def density(values):
    return DENSITY.format(np.mean(values), np.std(values))


CASES = {
    "samples": (
        {"rule": "crps", "answer": "samples"},
        lambda values: f"{{'samples': {values}}}",
        lambda values, changes: scoringrules.crps_ensemble(changes[-1], np.array(values)),
    ),
    "quantiles": (
        {"rule": "wis", "levels": LEVELS},
        lambda values: f"{{'quantiles': {[list(p) for p in zip(LEVELS, values, strict=True)]}}}",
        lambda values, changes: scoringrules.crps_quantile(
            changes[-1], np.array(values), np.array(LEVELS)
        ),
    ),
    "density": (
        {"rule": "crps", "answer": "density"},
        lambda values: f"[{density(values)}]",
        lambda values, changes: scoringrules.crps_normal(
            changes[-1], np.mean(values), np.std(values)
        ),
    ),
    "densities": (
        {"rule": "crps", "answer": "densities"},
        lambda values: f"[{', '.join([density(values)] * STEPS)}]",
        lambda values, changes: np.mean(
            scoringrules.crps_normal(np.array(changes), np.mean(values), np.std(values))
        ),
    ),
    "paths": (
        {"rule": "energy"},
        lambda values: f"{{'paths': {[[value] * STEPS for value in values]}}}",
        lambda values, changes: scoringrules.es_ensemble(
            np.array(changes), np.repeat(np.array(values)[:, None], STEPS, axis=1)
        ),
    ),
}


@pytest.mark.parametrize("form", CASES)
def test_answers_of_a_form_are_scored_and_ranked(make_pipeline, tmp_path, closes, form):
    scoring, said, wanted = CASES[form]
    forecasts = {"narrow": NARROW, "wide": WIDE, "off": OFF}
    bodies = {name: f"return {said(values)}" for name, values in forecasts.items()}
    write_participants(tmp_path, {**bodies, "malformed": "return {'samples': 'many'}"})
    pipeline = make_pipeline(
        callables={},
        scoring={**scoring, "unit": "basis_points"},
        score_direction="asc",
        truth__tie_rule="half",
        missing_data={"default": "worst"},
        scheduled_prediction_configs=[
            {
                "id": "btc-3m",
                "scope_key": "btc-3m",
                "scope_template": {"asset": "BTC", "horizon": 60 * STEPS, "step": 60},
                "schedule": {"every_seconds": 60},
            }
        ],
    )
    result = pipeline.succeed(START, 1)
    with pipeline.ledger() as ledger:
        scores = ledger.scores(Mode.REPLAY, START, START + WINDOW)
        truths = ledger.ground_truths(START, START + WINDOW)
        board = ledger.leaderboards(Mode.REPLAY, START, START + WINDOW).iloc[-1]
    assert (truths["state"] == "FINAL").all()
    own = scores[scores["model_id"] != "malformed"]
    assert own["success"].all()
    assert len(own) == 3 * 15
    for row in own.itertuples():
        start = seconds(row.performed_at)
        entry = closes[start]
        changes = [closes[start + 60 * (k + 1)] - entry for k in range(STEPS)]
        value = wanted(forecasts[row.model_id], changes)
        assert row.value == pytest.approx(1e4 * value / entry, rel=1e-9)
    refused = scores[scores["model_id"] == "malformed"]
    worst = own.groupby("performed_at")["value"].max()
    assert refused["value"].tolist() == worst[refused["performed_at"]].tolist()
    assert set(refused["status"]) == {"FAILED"}
    due = own[own["resolvable_at"] <= START + WINDOW]
    means = due.groupby("model_id")["value"].mean()
    entries = json.loads(board["entries_json"])
    ranked = [entry for entry in entries if entry["rank"] is not None]
    assert [entry["model_id"] for entry in ranked] == means.sort_values().index.tolist()
    for entry in ranked:
        assert entry["score"]["metrics"]["long"] == pytest.approx(means[entry["model_id"]])
    assert not pipeline.red(result, "scores_finite")
