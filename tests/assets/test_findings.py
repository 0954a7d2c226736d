"""What a checkpoint says against its payout, from stored answers: who, when, how it shows."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coordinator_pipelines.domain.checkpoint.findings import findings
from coordinator_pipelines.domain.doors.ensemble import (
    ENSEMBLE_ANSWER_COLUMNS,
    ENSEMBLE_WEIGHT_COLUMNS,
    ensemble_id,
)
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.models import Ask, Member
from coordinator_pipelines.domain.rounds.feature_table import FeatureTable
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.assets.conftest import MakePipeline
from tests.domain.checkpoint.fields import Array, timed_field
from tests.storage.examples import frame, memberships, predictions, rounds, scores, truths
from tests.support.pipeline import open_ledger
from tests.support.tournament import NOON, given, tournament

DAY = timedelta(days=1)
START = datetime(2025, 1, 1, tzinfo=UTC)
HOUSE = ("one", "two", "three", "four", "five", "six")
MINUTES = 400


def found(
    challenge: Any, ledger: SqlLedger, mode: Mode, span: Window, **accounts: str
) -> dict[str, dict[str, Any]]:
    """Finding by name; each model of its own account, but for those that are said."""
    known = {model: f"owner-of-{model}" for model in HOUSE} | accounts
    return {one["name"]: one for one in findings(challenge, ledger, mode, span, known)}


def store(
    ledger: SqlLedger, models: tuple[str, ...], said: Array, every: int = 1, **columns: Array
) -> None:
    """Live answers ``{"p_up": said}``, rounds x models, a round every so many minutes."""
    minutes = range(0, every * len(said), every)
    told: dict[str, Any] = {"mode": Mode.LIVE, "prediction_config_id": "btc-1m"}
    made = predictions(minutes, models, **told)
    made = made.assign(
        output_json=[json.dumps({"p_up": value}) for value in said.ravel().tolist()],
        code_hash=[f"code-of-{model}" for model in models] * len(said),
        id=[f"answer-{number}" for number in range(said.size)],
        **{name: values.ravel() for name, values in columns.items()},
    )
    ledger.record_memberships(memberships(models, Mode.LIVE))
    ledger.add_prediction_batch(rounds(minutes, **told), made)


def test_who_gains_by_answering_late_is_named(
    database_url: str, make_pipeline: MakePipeline
) -> None:
    challenge = make_pipeline().challenge
    taken, gains, _, moves = timed_field(np.random.default_rng(8), MINUTES, seen=0.95)
    said = np.random.default_rng(9).random(gains.shape)
    config = {"prediction_config_id": "btc-1m"}
    with open_ledger(database_url, challenge) as ledger:
        store(ledger, HOUSE, said, exec_time_ms=500 * taken)
        told = truths(range(MINUTES), **config)
        ledger.add_ground_truths(told.assign(resolved_price=100 * (1 + moves / 1000)))
        scored = scores(range(MINUTES), HOUSE, Mode.LIVE, **config)
        ledger.add_scores(scored.assign(value=gains.ravel()))
        span = Window(START, START + DAY)
        [one] = found(challenge, ledger, Mode.LIVE, span).values()
    assert (one["name"], one["models"], one["blocking"]) == ("late:one", ["one"], True)
    assert "one (owner-of-one) took more than a quarter of the time allowed in" in one["text"]
    assert "at most 1 % of periods" in one["text"]
    assert len(one["rounds"]) == 3
    late = [taken[int((pd.Timestamp(at) - START).total_seconds()) // 60, 0] for at in one["rounds"]]
    assert min(late) > 0.25


def test_who_answers_what_an_ensemble_said_is_named(
    database_url: str, make_pipeline: MakePipeline
) -> None:
    challenge = make_pipeline(ensembles=[{"name": "mean"}]).challenge
    rng = np.random.default_rng(4)
    said = 0.5 + 0.1 * (rng.normal(size=(MINUTES, 1)) + 0.5 * rng.normal(size=(MINUTES, 5)))
    pooled, lag = said.mean(axis=1), 7  # a minute until the outcome, five until it is told
    late = np.concatenate([rng.random(lag), pooled[:-lag]])
    name = ensemble_id("mean")
    key = {"mode": Mode.LIVE, "model_id": name, "run_id": "run", "version": 1, "content_hash": "h"}
    answers = [
        key | {
            "prediction_config_id": "btc-1m",
            "performed_at": START + timedelta(minutes=minute),
            "resolvable_at": START + timedelta(minutes=minute + 1),
            "weights_as_of": START, "truth_version": 1, "scorer": "s", "status": "SUCCESS",
            "value": 0.5, "output_json": json.dumps({"p_up": value}),
            "members_json": json.dumps({model: [0.2, None] for model in HOUSE[:5]}),
        }
        for minute, value in enumerate(pooled.tolist())
    ]  # fmt: skip
    weights = [key | {"as_of": START, "weights_json": '{"basis": null, "weights": null}'}]
    with open_ledger(database_url, challenge) as ledger:
        store(ledger, HOUSE, np.column_stack([said, late]))
        answered = frame(answers, ENSEMBLE_ANSWER_COLUMNS)
        ledger.add_ensembles(
            frame(weights, ENSEMBLE_WEIGHT_COLUMNS).assign(as_of=answered["weights_as_of"][:1]),
            answered.assign(weights_as_of=answered["performed_at"]),
        )
        [one] = found(challenge, ledger, Mode.LIVE, Window(START, START + DAY)).values()
    assert (one["name"], one["models"], one["lag"]) == ("ensemble:six", ["six", name], lag)
    assert one["blocking"]
    assert one["left"] == 0
    assert one["rounds"][0] == START.isoformat()


def test_rounds_of_a_day_are_looked_at_beyond_a_period_that_holds_few(
    database_url: str, make_pipeline: MakePipeline
) -> None:
    config = {
        "id": "btc-1m", "scope_key": "btc-1m",
        "scope_template": {"asset": "BTC", "horizon": 60, "step": 60},
        "schedule": {"every_seconds": 86400},
    }  # fmt: skip
    challenge = make_pipeline(
        start=START.isoformat(),
        batch_window="1d",
        ranking={"key": "long", "minimum_samples": 1},
        scheduled_prediction_configs=[config],
        emission={"linked_accounts": [["ann", "bea"], ["owner-of-one", "owner-of-three"]]},
    ).challenge
    said = np.random.default_rng(3).random((80, 4))
    said[:, 1] = said[:, 0] / 2
    said[:, 2] = said[:, 0]
    with open_ledger(database_url, challenge) as ledger:
        store(ledger, HOUSE[:4], said, every=24 * 60)
        week = Window(START + 73 * DAY, START + 80 * DAY)
        told = found(challenge, ledger, Mode.LIVE, week)
        assert sorted(told) == ["copy:one:two", "copy:three:two"]  # one and three are one owner
        assert "over 80 rounds" in told["copy:one:two"]["text"]
        assert found(challenge, ledger, Mode.LIVE, week, one="ann", two="bea", three="ann") == {}


def test_copies_are_found_where_an_operator_opens_the_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rising function of another's answers, and last round's answers again."""
    cup = tournament(tmp_path, monkeypatch)
    ids = [f"row-{number}" for number in range(60)]
    rng = np.random.default_rng(6)
    tables = [rng.normal(size=(3, len(ids))) for _ in range(3)]
    asked: dict[str, int] = {}

    def answers(ask: Ask, who: Member) -> dict[str, float]:
        number = asked[who.model_id] = asked.get(who.model_id, 0) + 1
        own = {
            "wise": lambda: tables[number - 1][0],
            "bold": lambda: np.exp(tables[number - 1][0]),
            "late": lambda: tables[max(0, number - 2)][1],
            "lone": lambda: tables[number - 1][1],
        }[who.model_id]()
        return dict(zip(given(ask)["ids"], own.tolist(), strict=True))

    cup.models.connected.clear()
    cup.models.events.clear()
    for model in ("wise", "bold", "late", "lone"):
        cup.models.join(Member(model, model, model, f"owner-of-{model}", f"{model}-1"), answers)
    for _ in range(3):
        cup.open(FeatureTable.of(pd.DataFrame({"id": ids, "size": np.arange(60.0)})))
        cup.capture()
        cup.clock.wait_until(cup.clock.now() + timedelta(hours=2))
    accounts = {model: f"owner-of-{model}" for model in ("wise", "bold", "late", "lone")}
    with cup.pipeline.ledger() as ledger:
        day = Window(NOON.replace(hour=0), NOON.replace(hour=0) + DAY)
        told = found(cup.pipeline.challenge, ledger, Mode.LIVE, day, **accounts)
    assert sorted(told) == ["copy:bold:wise", "copy:lone:late"]
    assert (told["copy:bold:wise"]["lag"], told["copy:lone:late"]["lag"]) == (0, 1)
    assert len(told["copy:bold:wise"]["rounds"]) == 3
