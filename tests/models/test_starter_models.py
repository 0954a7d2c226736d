"""The starter challenge's example models, replayed as any participant's are."""

import json
import math
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import coordinator_pipelines.starter
from coordinator_pipelines.domain.doors.models import Ask, Call, Limits, Question
from coordinator_pipelines.models.replay.replay_models import ReplayModels
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.starter.tracker import KEPT_PRICES, TrackerBase
from tests.models.replay.conftest import OPEN

MODELS_FILE = Path(coordinator_pipelines.starter.__file__).with_name("models.yaml")
START = datetime(2026, 11, 1, tzinfo=UTC)
LIMITS = Limits(0.5, 10.0, 4096, 2)
FLAKY_SLEEPS_AT_MINUTE = 411


def walk(minutes: range) -> list[tuple[int, float]]:
    """A made-up price per minute."""
    first = int(START.timestamp())
    return [
        (first + 60 * minute, 60_000 + 50 * math.sin(minute / 9) + random.Random(minute).random())
        for minute in minutes
    ]


def hour(first: int) -> Ask:
    """Sixty rounds from a minute on, after two hours of history."""
    questions = tuple(
        Question(
            START + timedelta(minutes=minute),
            ({"BTC": walk(range(minute, minute + 1))},),
            (Call("config", ("BTC", 60, 60)),),
        )
        for minute in range(first, first + 60)
    )
    return Ask(f"hour-{first}", ({"BTC": walk(range(first - 120, first))},), questions, LIMITS)


@pytest.fixture(scope="module")
def roster() -> Roster:
    return Roster.load(MODELS_FILE)


@pytest.fixture(scope="module")
def answers(roster, tmp_path_factory):
    """Answers of one hour, by model."""
    minutes_of_day = (int(START.timestamp()) // 60) % 720
    first = (FLAKY_SLEEPS_AT_MINUTE - minutes_of_day) % 720 - 30
    logs = tmp_path_factory.mktemp("logs")
    with ReplayModels(
        base_class="tracker.TrackerBase",
        lodging=OPEN,
        log_dir=logs,
        supplies=lambda: roster.supplies,
    ) as models:
        [(_, found)] = models.ask_each([(hour(first), roster.members)])
    return {
        member.model_id: [each for each in found if each.model_id == member.model_id]
        for member in roster.members
    }


def outcomes(answers):
    return Counter(answer.outcome.value for answer in answers)


def probabilities(answers):
    return [json.loads(answer.output)["p_up"] for answer in answers if answer.output]


def test_the_roster_shows_every_kind_of_member(roster):
    assert len(roster.members) == 9
    memberships = roster.memberships(START).set_index("model_id")
    assert memberships.index[memberships["left_at"].notna()].tolist() == ["leaver"]
    assert memberships.loc["leaver", "left_at"] == START + timedelta(hours=24)


@pytest.mark.parametrize(
    "model", ["constant-half", "momentum", "mean-reversion", "overconfident", "leaver"]
)
def test_a_sound_model_answers_every_round_with_a_probability(answers, model):
    assert outcomes(answers[model]) == {"SUCCESS": 60}
    assert all(0 <= value <= 1 for value in probabilities(answers[model]))


def test_the_models_do_not_agree(answers):
    assert set(probabilities(answers["constant-half"])) == {0.5}
    assert set(probabilities(answers["overconfident"])) == {0.01, 0.99}
    assert len(set(probabilities(answers["momentum"]))) > 50
    assert len(set(probabilities(answers["mean-reversion"]))) > 20


def test_the_density_is_a_mixture_with_weights_that_sum_to_one(answers):
    assert outcomes(answers["volatility-density"]) == {"SUCCESS": 60}
    [density] = json.loads(answers["volatility-density"][0].output)
    weights = [component["weight"] for component in density["components"]]
    assert math.isclose(sum(weights), 1)
    assert all(each["density"]["params"]["scale"] > 0 for each in density["components"])


def test_the_flaky_model_fails_now_and_then_and_is_late_once(answers):
    found = outcomes(answers["flaky"])
    assert found["TIMEOUT"] == 1
    assert 3 <= found["FAILED"] <= 4
    assert sum(found.values()) == 60


def test_the_cautious_model_abstains_when_it_has_no_view(answers):
    assert set(outcomes(answers["cautious"])) == {"SUCCESS", "ABSTAINED"}


def test_the_unfinished_model_is_absent_for_the_file_it_lacks(answers):
    assert outcomes(answers["unfinished"]) == {"ABSENT": 60}
    assert "weights.json" in answers["unfinished"][0].reason


def test_the_tracker_keeps_the_newest_prices_in_order_and_takes_corrections():
    tracker = TrackerBase()
    assert tracker.now("BTC") == 0
    assert tracker.prices("BTC") == []
    tracker.tick({"BTC": [(60, 1.0), (120, 2.0)], "ETH": []})
    tracker.tick({"BTC": [(60, 1.5), (180, 3.0)]})
    assert tracker.prices("BTC") == [1.5, 2.0, 3.0]
    assert tracker.now("BTC") == 180
    tracker.tick({"BTC": [(60 * k, float(k)) for k in range(1, 2000)]})
    assert len(tracker.prices("BTC")) == KEPT_PRICES
    assert tracker.now("BTC") == 60 * 1999


def test_a_tracker_that_does_not_predict_says_so():
    class Silent(TrackerBase):
        pass

    with pytest.raises(NotImplementedError, match="Silent"):
        Silent().predict("BTC", 60, 60)
