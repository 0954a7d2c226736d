"""Every preset becomes a challenge that is tested, loads, and scores predictions."""

import json
import runpy
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.doors.models import Ask, Member
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.presets import PRESETS
from coordinator_pipelines.domain.values.errors import SpecError
from coordinator_pipelines.scaffold.checkup import examine
from coordinator_pipelines.scaffold.creation import Created
from coordinator_pipelines.scaffold.presets import DESCRIPTIONS, QUESTIONS, REFRESH_SECONDS
from coordinator_pipelines.spec_file import load_challenge, read_spec
from tests.scaffold.conftest import TODAY, Make, importable, loaded, run_tests
from tests.support.in_process import InProcess
from tests.support.live import (
    LIVE_START,
    LivePipeline,
    NoThreads,
    Rehearsal,
    RehearsedModels,
    Reply,
)
from tests.support.live import member as live_member
from tests.support.pipeline import FixedClock, Pipeline, failure_text
from tests.support.tournament import Tournament, Untold

HOUR = timedelta(hours=1)
ORIGINALS = {"baseline": 60, "realtime": 15, "in-sample": 60, "out-of-sample": 60}
"""Those of the original, and how fine their feeds are."""
UP_DOWN = [preset for preset, question in QUESTIONS.items() if question == "up_down"]


def test_of_every_preset_all_is_said():
    assert set(DESCRIPTIONS) == set(QUESTIONS) == set(REFRESH_SECONDS) == set(PRESETS)


def rehearsed(created: Created, home: Path, monkeypatch: pytest.MonkeyPatch) -> LivePipeline:
    """The generated challenge on a clock that jumps, with two models of different opinions."""
    challenge = load_challenge(created.node / "spec.yaml")
    clock = Rehearsal(LIVE_START - timedelta(minutes=1))
    models = RehearsedModels(clock)
    models.join(live_member("half"))
    models.join(live_member("sure"), lambda *_: {"p_up": 0.9})
    resources = {"live_models": models, "workers": NoThreads()}
    pipeline = Pipeline(challenge, home, monkeypatch, clock, "", resources)
    return LivePipeline(pipeline, clock, models)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_generated_tests_pass(make: Make, preset: str):
    done = run_tests(make(preset=preset))
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout


@pytest.mark.parametrize("preset", PRESETS)
def test_a_new_node_is_healthy_and_loads(
    make: Make, preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("COORDINATOR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("COORDINATOR_DATABASE_URL", raising=False)
    created = make(preset=preset)
    with importable(created):
        findings = list(examine(load_challenge(created.node / "spec.yaml")))
    assert [found.subject for found in findings if found.wrong] == []
    told = {found.subject: found.text for found in findings}
    assert told["database"].startswith("not made yet")
    assert told["replays"].startswith("possible") == PRESETS[preset].get("replay_allowed", False)
    keys = {spec.key.to_user_string() for spec in loaded(created).resolve_all_asset_specs()}
    assert "btc_trader/leaderboard" in keys


@pytest.mark.parametrize(
    "preset",
    [
        preset if preset == "realtime" else pytest.param(preset, marks=pytest.mark.slow)
        for preset in UP_DOWN
    ],
)
def test_captured_rounds_are_scored_by_the_generated_code(
    make: Make, preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    created = make(preset=preset)
    with importable(created):
        live = rehearsed(created, tmp_path / "home", monkeypatch)
        config = live.pipeline.challenge.configs[0].schedule
        span = max(timedelta(minutes=4), 2 * timedelta(seconds=config.every_seconds))
        live.capture(LIVE_START, LIVE_START + span)
        later = timedelta(seconds=config.resolve_after_seconds, minutes=3)
        live.clock.wait_until(LIVE_START + span + later)
        live.resolve(LIVE_START)
    with live.pipeline.ledger() as ledger:
        scores = ledger.scores(Mode.LIVE, LIVE_START, LIVE_START + HOUR)
        boards = ledger.newest_leaderboard(Mode.LIVE, live.clock.now())
    assert scores.groupby("model_id")["value"].nunique()["sure"] > 0
    assert set(scores["model_id"]) == {"half", "sure"}
    assert (scores[scores["model_id"] == "half"]["value"] == 0.75).all()
    assert len(boards) == 1


def test_replayed_densities_are_scored_and_the_better_model_is_first(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    created = make(preset="density")
    challenge = load_challenge(created.node / "spec.yaml")
    clock = FixedClock(TODAY + 4 * HOUR)
    resources = {"models": InProcess()}
    with importable(created):
        home = tmp_path / "home"
        pipeline = Pipeline(challenge, home, monkeypatch, clock, "", resources)
        pipeline.succeed(TODAY, 3)
    with pipeline.ledger() as ledger:
        scores = ledger.scores(Mode.REPLAY, TODAY, TODAY + 3 * HOUR)
        board = ledger.newest_leaderboard(Mode.REPLAY, TODAY + 3 * HOUR)
    assert (scores["rule"] == "scorer").all()
    assert (scores["value"] > 0).all()
    assert set(scores["prediction_config_id"]) == {config.id for config in challenge.configs}
    entries = json.loads(board["entries_json"].iloc[0])
    assert [(each["rank"], each["model_id"]) for each in entries] == [
        (1, "random-walk"), (2, "fixed-width"),
    ]  # fmt: skip
    better, worse = (each["score"]["ranking"]["value"] for each in entries)
    assert better < worse


@pytest.mark.parametrize("preset", ORIGINALS)
def test_a_preset_resolves_its_rounds_and_keeps_the_originals_values(make: Make, preset: str):
    challenge = load_challenge(make(preset=preset).node / "spec.yaml")
    schedule = challenge.configs[0].schedule
    assert challenge.feed.granularity_seconds == ORIGINALS[preset]
    assert schedule.every_seconds % challenge.feed.granularity_seconds == 0
    originals = {"baseline": 60, "realtime": 15, "in-sample": 60, "out-of-sample": 300}
    assert challenge.refresh_seconds == originals[preset]
    assert challenge.checkpoint_seconds == 604800
    assert challenge.preset == preset


def test_densities_are_asked_of_several_assets_and_horizons(make: Make):
    challenge = load_challenge(make(preset="density").node / "spec.yaml")
    assert {(each.asset, each.cadence.horizon) for each in challenge.configs} == {
        ("BTC", timedelta(minutes=5)), ("ETH", timedelta(minutes=5)),
        ("BTC", HOUR), ("ETH", HOUR),
    }  # fmt: skip
    assert set(challenge.feed.subjects) == {"BTC", "ETH"}
    assert (challenge.score_direction, challenge.ranking.direction) == ("asc", "asc")
    assert challenge.truth.tie_rule == "half"


def test_densities_may_be_scored_upside_down_and_of_other_assets(make: Make):
    config = {"scope_key": "sol", "scope_template": {"asset": "SOL", "horizon": 60},
              "schedule": {"every_seconds": 60}}  # fmt: skip
    interface = {"tick_method": None, "predict_arguments": {"event": "input"}}
    done = run_tests(
        make(preset="density", score_direction="desc", model_interface=interface,
             scheduled_prediction_configs=[config])
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_an_opened_round_is_answered_by_the_examples_and_scored_by_the_generated_code(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    created = make(preset="tournament")
    challenge = load_challenge(created.node / "spec.yaml")
    clock = Rehearsal(LIVE_START)
    models = Untold(clock)
    with importable(created):
        for name in ("first-feature", "rank-average"):
            models.join(live_member(name), answer_of(created, name))
        resources = {"live_models": models, "workers": NoThreads()}
        home = tmp_path / "home"
        pipeline = Pipeline(challenge, home, monkeypatch, clock, "", resources)
        cup = Tournament(pipeline, clock, models, challenge.configs[0].id)
        cup.open()
        cup.capture()
        clock.wait_until(LIVE_START + timedelta(days=1))
        cup.post()
        cup.resolve()
    assert cup.scores().set_index("model_id")["value"].to_dict() == {
        "first-feature": pytest.approx(0.4),
        "rank-average": pytest.approx(0.8),
    }
    with pipeline.ledger() as ledger:
        [board] = ledger.newest_leaderboard(Mode.LIVE, clock.now())["entries_json"]
    assert {entry["rank"] for entry in json.loads(board)} == {1, 2}


def answer_of(created: Created, name: str) -> Reply:
    """What one of the generated examples answers, called as the spec says."""
    path = created.workspace / "crunch-btc-trader" / "examples" / name / "main.py"
    [model] = [
        each
        for each in runpy.run_path(str(path)).values()
        if isinstance(each, type) and each.__module__ == "<run_path>"
    ]

    def answer(ask: Ask, who: Member) -> Any:
        del who
        [call] = ask.questions[0].calls
        return model().predict(*call.args, **call.kwargs)

    return answer


def test_in_sample_allows_replay_and_its_board_says_so(make: Make):
    created = make(preset="in-sample")
    assert load_challenge(created.node / "spec.yaml").replay_allowed
    with importable(created):
        from crunch_btc_trader.reporting import report_schema  # noqa: PLC0415

        schema = report_schema()
    assert "in-sample" in schema["leaderboard_columns"][0]["displayName"]
    assert "IN-SAMPLE" in schema["metrics_widgets"][0]["tooltip"]


def test_out_of_sample_takes_no_answer_that_was_not_given_live(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    created = make(preset="out-of-sample")
    spec = read_spec(created.node / "spec.yaml")
    assert spec["replay_allowed"] is False
    with pytest.raises(SpecError, match="replay_allowed: contradicts"):
        checked_challenge({**spec, "replay_allowed": True})
    with importable(created):
        live = rehearsed(created, tmp_path / "home", monkeypatch)
        live.clock.wait_until(LIVE_START + 3 * HOUR)
        refused = live.pipeline.run(LIVE_START, job="replay")
    assert not refused.success
    assert "replay_allowed" in failure_text(refused)


UP_DOWN_STUBS = {
    "a scorer without a rule": ("scoring.py", "    p_up, outcome =", '    return {"value": 0.0, '
                                '"success": True, "failed_reason": None}\n    p_up, outcome ='),
    "a validator that takes everything": ("validation.py", "    p_up = inf",
                                          "    return inference_output\n    p_up = inf"),
    "an input without content": ("inference.py", "return raw_input", "return {}"),
    "a ranker that ranks nobody": ("ranking.py", "    known =", "    return entries\n    known ="),
    "an interface that forgets": ("tracker.py", "        _merge(",
                                  "        return\n        _merge("),
    "a report without numbers": ("reporting.py", "*names, *numbers, last", "*names, last"),
}  # fmt: skip


DENSITY_STUBS = {
    "a scorer without a rule": ("scoring.py", "    value =", '    return {"value": 0.0, '
                                '"success": True, "failed_reason": None}\n    value ='),
    "a scorer of the worst first": ("scoring.py", "value = _dis", "value = -_dis"),
    "a validator that takes everything": ("validation.py", "    return Answer(",
                                          "    return inference_output\n    return Answer("),
}  # fmt: skip
TABLE_STUBS = {
    "a scorer without a rule": ("scoring.py", "    value =", '    return {"value": 0.0, '
                                '"success": True, "failed_reason": None}\n    value ='),
    "a scorer of the worst first": ("scoring.py", "value = sp", "value = -sp"),
    "a validator that takes everything": ("validation.py", "    predictions = inf",
                                          "    return inference_output\n    predictions = inf"),
    "an input without content": ("inference.py", "return raw_input", "return {}"),
}  # fmt: skip
STUBS_OF = {"baseline": UP_DOWN_STUBS, "density": DENSITY_STUBS, "tournament": TABLE_STUBS}
STUBS = [(preset, stub) for preset, stubs in STUBS_OF.items() for stub in stubs]


@pytest.mark.parametrize(("preset", "stub"), STUBS)
def test_the_generated_tests_fail_on_a_stub(make: Make, preset: str, stub: str):
    created = make(preset=preset)
    name, before, after = STUBS_OF[preset][stub]
    module = created.workspace / "crunch-btc-trader" / "crunch_btc_trader" / name
    code = module.read_text()
    assert before in code
    module.write_text(code.replace(before, after, 1))
    done = run_tests(created)
    assert done.returncode == 1, done.stdout
