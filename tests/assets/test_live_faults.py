"""What goes wrong at a live instant, in the feed, an author's code or a model, costs just that."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coordinator_pipelines.domain.doors.models import Outcome
from tests.support.live import LIVE_START, LivePipeline, live_pipeline, member


def at(seconds: float) -> datetime:
    return LIVE_START + timedelta(seconds=seconds)


def config(config_id: str) -> dict[str, Any]:
    return {
        "id": config_id,
        "scope_key": config_id,
        "scope_template": {"asset": "BTC", "horizon": 60, "step": 60},
        "schedule": {"every_seconds": 15},
    }


def asked_at(live: LivePipeline) -> list[datetime]:
    """The instants at which models were asked."""
    return [ask.questions[0].performed_at for ask, _ in live.models.asked]


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LivePipeline:
    """A live challenge with two models and a round every 15 seconds."""
    return live_pipeline(tmp_path, monkeypatch)


@pytest.fixture
def moody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes one with a config of a good mood, one of a bad one, and an author's callables."""

    def make(**callables: str) -> LivePipeline:
        changes = {f"callables__{key}": f"tests.support.moody:{v}" for key, v in callables.items()}
        configs = [config("moody"), config("merry")]
        return live_pipeline(tmp_path, monkeypatch, scheduled_prediction_configs=configs, **changes)

    return make


def test_rounds_without_fresh_data_are_void_and_nobody_is_asked(live: LivePipeline) -> None:
    live.feed_of_its_own().out.append((at(20), at(95)))
    result = live.capture(at(0), at(120))
    void = live.rounds()[live.rounds()["status"] == "VOID"]
    assert void["performed_at"].tolist() == [at(45), at(60), at(75), at(90)]
    assert void["reason"].iloc[0] == (
        "newest record ended 2026-03-01 12:00:13 UTC, beyond the limit of 30 s"
    )
    assert asked_at(live) == [at(0), at(15), at(30), at(105)]
    assert set(live.cells()["performed_at"]) == set(asked_at(live))
    [red] = live.pipeline.red(result, "coverage").values()
    assert red.description.startswith("VOID 2026-03-01 12:00:45 UTC: newest record ended")


def test_a_feed_that_never_answers_voids_every_round(live: LivePipeline) -> None:
    live.feed_of_its_own().out.append((at(-3600), at(3600)))
    live.capture(at(0), at(60))
    stored = live.rounds()
    assert (stored["status"] == "VOID").all()
    assert (stored["reason"] == "no record within the staleness limit (30 s)").all()
    assert live.models.asked == []


def test_an_input_builder_that_raises_costs_the_rounds_of_its_instant(moody) -> None:
    live = moody(INFERENCE_INPUT_BUILDER="build_input")
    live.capture(at(0), at(120))
    stored = live.rounds()
    void = stored[stored["status"] == "VOID"]
    assert sorted(void["performed_at"]) == [at(30), at(30), at(90), at(90)]
    assert set(void["reason"]) == {"INFERENCE_INPUT_BUILDER raised ValueError: 28 is not my number"}
    assert at(30) not in asked_at(live)
    assert len(live.cells()) == 6 * 2 * 2
    # Its data is not lost: it comes with the next question.
    [ticks] = [data["BTC"] for when, _, data in live.models.given["half-1"] if when == at(45)]
    assert len(ticks) == 30


@pytest.mark.parametrize(
    ("callables", "reason"),
    [
        (
            {"PREDICT_CALL_BUILDER": "build_call"},
            "PREDICT_CALL_BUILDER raised LookupError: moody today",
        ),
        (
            {"PREDICTION_SCOPE_BUILDER": "build_scope"},
            "PREDICTION_SCOPE_BUILDER returned a value that is not storable JSON: ",
        ),
    ],
)
def test_a_builder_that_fails_for_a_config_costs_that_config_alone(moody, callables, reason):
    live = moody(**callables)
    live.capture(at(0), at(60))
    stored = live.rounds().set_index("prediction_config_id")
    assert (stored.loc["moody", "status"] == "VOID").all()
    assert stored.loc["moody", "reason"].str.startswith(reason).all()
    assert (stored.loc["merry", "status"] == "ASKED").all()
    assert set(live.cells()["prediction_config_id"]) == {"merry"}
    assert len(live.cells()) == 8


ANSWERS = {
    "nan": ({"p_up": float("nan")}, "FAILED"),
    "infinite": ({"p_up": float("inf")}, "FAILED"),
    "beyond": ({"p_up": 1.5}, "FAILED"),
    "text": ("up", "FAILED"),
    "list": ([0.5], "FAILED"),
    "empty": ({}, "FAILED"),
    "null": (None, "FAILED"),
    "deep": ("deep", "FAILED"),
    "unstorable": ({"p_up": "\x00\ud800"}, "FAILED"),
    "wordy": ({"p_up": 0.5, "why": "x" * 100_000}, "SUCCESS"),
    "slow": (Outcome.TIMEOUT, "TIMEOUT"),
    "shy": (Outcome.ABSTAINED, "ABSTAINED"),
    "broken": (Outcome.FAILED, "FAILED"),
}


def test_what_one_model_answers_costs_its_own_cells_alone(live: LivePipeline) -> None:
    for model_id, (answer, _) in ANSWERS.items():
        said: Any = answer
        if said == "deep":
            for _ in range(500):
                said = [said]
        live.models.join(member(model_id), lambda *_, said=said: said)
    live.capture(at(0), at(30))
    outcomes = live.cells().groupby("model_id")["status"].agg(set)
    assert {model_id: outcomes[model_id] for model_id in ANSWERS} == {
        model_id: {outcome} for model_id, (_, outcome) in ANSWERS.items()
    }
    assert outcomes["half"] == outcomes["sure"] == {"SUCCESS"}
    failed = live.cells()[live.cells()["status"] == "FAILED"]
    assert failed["failed_reason"].notna().all()
    assert failed["failed_reason"].str.len().max() <= 500


def test_a_challenge_without_models_has_rounds_all_the_same(live: LivePipeline) -> None:
    live.models.connected.clear()
    live.models.events.clear()
    result = live.capture(at(0), at(30))
    assert (live.rounds()["status"] == "ASKED").all()
    assert len(live.rounds()) == 2
    assert live.cells().empty
    assert not live.pipeline.red(result, "coverage")
