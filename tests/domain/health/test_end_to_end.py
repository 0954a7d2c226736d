"""When a live challenge counts as working: what is stored decides, on a real database."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from coordinator_pipelines.domain.doors.ledger import (
    GROUND_TRUTH_COLUMNS,
    LEADERBOARD_COLUMNS,
    MEMBERSHIP_COLUMNS,
    ROUND_COLUMNS,
    SCORE_COLUMNS,
    Ledger,
)
from coordinator_pipelines.domain.doors.operation import MODEL_EVENT_COLUMNS
from coordinator_pipelines.domain.health.end_to_end import (
    Verdict,
    convincing_rounds,
    judge,
    patience,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from tests.specs import changed
from tests.support.live import LIVE, LIVE_START, live_pipeline
from tests.support.pipeline import open_ledger

CONFIG = LIVE["scheduled_prediction_configs"][0]["id"]
INTERVAL, HORIZON = timedelta(seconds=15), timedelta(seconds=60)
NOW = LIVE_START + timedelta(minutes=10)
MODELS = ("half", "sure")
VARIED = {"half": [0.75, 0.75], "sure": [0.9, 0.3]}

Value = float | None


def frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as the ledger takes them; what is not given is None."""
    made = pd.DataFrame(rows, columns=list(columns))
    for name in made.columns[made.columns.str.endswith(("_at", "as_of"))]:
        made[name] = pd.to_datetime(made[name], utc=True).astype("datetime64[us, UTC]")
    return made


@dataclass
class Books:
    """A live challenge whose books are written by hand, a round every 15 seconds."""

    challenge: Challenge
    ledger: Ledger

    def join(self, *models: str, left_at: datetime | None = None) -> None:
        """Models become members."""
        rows = [
            {"mode": "live", "model_id": model, "joined_at": LIVE_START, "left_at": left_at,
             "name": model, "owner": "alice", "owner_id": "c-alice", "code_hash": "1"}
            for model in models
        ]  # fmt: skip
        self.ledger.record_memberships(frame(rows, MEMBERSHIP_COLUMNS))

    def ask(self, rounds: int, status: str = "ASKED", reason: str | None = None) -> None:
        """Rounds are stored."""
        rows = [
            {**key(number), "status": status, "reason": reason, "scope_json": "{}", "run_id": "1"}
            for number in range(rounds)
        ]
        made = frame(rows, ROUND_COLUMNS)
        self.ledger.add_prediction_batch(made, pd.DataFrame())

    def resolve(self, rounds: int, state: str = "FINAL", reason: str | None = None) -> None:
        """Outcomes are stored."""
        rows = [
            {**key(number), "version": 1, "subject": "BTCUSDT", "state": state, "reason": reason,
             "run_id": "1"}
            for number in range(rounds)
        ]  # fmt: skip
        self.ledger.add_ground_truths(frame(rows, GROUND_TRUTH_COLUMNS))

    def score(self, scores: Mapping[str, Sequence[Value]], reason: str = "boom") -> None:
        """Scores are stored; None: the scorer failed, or there was no prediction."""
        rows = [
            {**key(number), "model_id": model, "version": 1, "prediction_version": 1,
             "truth_version": 1, "scorer": "test", "value": value, "success": value is not None,
             "status": "FAILED" if value is None else "SUCCESS",
             "rule": "exclude" if value is None else "scorer",
             "failed_reason": reason if value is None else None, "run_id": "1"}
            for model, values in scores.items()
            for number, value in enumerate(values)
        ]  # fmt: skip
        made = frame(rows, SCORE_COLUMNS)
        self.ledger.add_scores(made.assign(value=made["value"].astype("float64")))

    def rank(self, values: Mapping[str, Value], as_of: datetime = NOW) -> None:
        """A board is stored."""
        entries = [
            {"model_id": model, "rank": None if value is None else 1,
             "score": {"metrics": {"long": value}, "ranking": {"key": "long", "value": value}}}
            for model, value in values.items()
        ]  # fmt: skip
        row = {
            "mode": "live", "as_of": as_of, "version": 1, "final": False, "run_id": "1",
            "entries_json": json.dumps(entries), "meta_json": "{}", "content_hash": "1",
        }  # fmt: skip
        self.ledger.add_leaderboards(frame([row], LEADERBOARD_COLUMNS))

    def fail(self, model: str, reason: str) -> None:
        """A model could not be joined."""
        row = {"at": LIVE_START, "model_id": model, "kind": "FAILED", "code_hash": "1",
               "reason": reason}  # fmt: skip
        self.ledger.add_model_events(frame([row], [*MODEL_EVENT_COLUMNS]).assign(at=LIVE_START))

    def verdict(
        self,
        expected: Sequence[str] = (),
        excepted: Sequence[str] = (),
        since: datetime = LIVE_START,
    ) -> Verdict:
        """What is said of it now."""
        return judge(
            self.challenge,
            self.ledger,
            expected=expected,
            excepted=excepted,
            since=since,
            now=NOW,
        )


def key(number: int) -> dict[str, Any]:
    """The key of a round, with the instant at which it becomes due."""
    at = LIVE_START + number * INTERVAL
    return {
        "mode": "live", "prediction_config_id": CONFIG, "performed_at": at,
        "resolvable_at": at + HORIZON,
    }  # fmt: skip


@pytest.fixture
def books(sqlite_url: str) -> Iterator[Books]:
    """A challenge with two members and nothing else."""
    challenge = checked_challenge(changed({"ranking.minimum_samples": 3}, LIVE))
    with open_ledger(sqlite_url, challenge) as ledger:
        made = Books(challenge, ledger)
        made.join(*MODELS)
        yield made


def test_models_that_differ_and_are_on_the_board_work(books: Books):
    books.score(VARIED)
    books.rank({"half": 0.75, "sure": 0.6})
    verdict = books.verdict()
    assert verdict.works
    assert (verdict.models, verdict.scores, verdict.ranked) == (MODELS, 4, 2)


@pytest.mark.parametrize(("value", "told"), [(0.25, "0.25"), (0.0, "0")])
def test_equal_scores_are_a_stub_after_rounds_enough_and_not_before(
    books: Books, value: float, told: str
):
    books.score({model: [value] * 2 for model in MODELS})
    books.rank(dict.fromkeys(MODELS, value))
    early = books.verdict()
    assert not early.works
    assert not early.wrong
    assert early.missing == (f"all 4 scores are {told}; 2 of 3 rounds that decide",)
    books.score({model: [value] * 3 for model in MODELS})
    assert books.verdict().wrong == (
        f"all 6 scores are {told}: a scoring function or models that are only stubs",
    )


def test_a_scorer_that_always_fails_is_told_with_its_reason(books: Books):
    books.score({model: [None] * 3 for model in MODELS}, reason="scorer: KeyError 'p_up'")
    [wrong] = books.verdict().wrong
    assert wrong == "every prediction of 3 rounds failed (6 FAILED: scorer: KeyError 'p_up')"


def test_one_model_that_always_fails_is_named(books: Books):
    books.score({"half": [0.7, 0.6, 0.5], "sure": [None] * 3}, reason="ValueError")
    books.rank({"half": 0.6, "sure": None})
    verdict = books.verdict()
    assert verdict.missing == ("sure has no scored prediction (3 FAILED: ValueError)",)
    assert verdict.wrong == ("every prediction of sure failed (3 FAILED: ValueError)",)
    assert books.verdict(excepted=["sure"]).works


def test_a_model_without_an_entry_or_a_value_is_missing(books: Books):
    books.score(VARIED)
    assert books.verdict().missing == ("there is no leaderboard yet",)
    books.rank({"half": None}, as_of=NOW - INTERVAL)
    assert books.verdict().missing == (
        "half has no value for long on the leaderboard",
        "sure is not on the leaderboard",
    )


def test_a_stub_of_the_aggregation_is_missing_until_models_differ(books: Books):
    books.score(VARIED)
    books.rank({"half": 0.0, "sure": 0.0})
    [missing] = books.verdict().missing
    assert "all models have the same metrics" in missing


def test_a_model_that_never_joined_is_missing_with_the_reason(books: Books):
    books.score(VARIED)
    books.rank({"half": 0.75, "sure": 0.6})
    books.fail("broken", "ImportError: no module named torch")
    assert books.verdict(expected=["broken"]).missing == (
        "broken has not joined: ImportError: no module named torch",
    )
    assert books.verdict(expected=["half"]).works


def test_who_has_left_need_not_work(books: Books):
    books.join("gone", left_at=LIVE_START + INTERVAL)
    books.score(VARIED)
    books.rank({"half": 0.75, "sure": 0.6})
    assert books.verdict().works


def test_what_is_older_does_not_count(books: Books):
    books.score(VARIED)
    books.rank({"half": 0.75, "sure": 0.6}, as_of=LIVE_START + INTERVAL)
    late = books.verdict(since=LIVE_START + timedelta(minutes=5))
    assert late.missing == ("no round was captured yet",)
    assert books.verdict(since=LIVE_START + INTERVAL).missing == ("there is no leaderboard yet",)


def nothing(books: Books) -> None:
    """Nothing happened."""
    del books


@pytest.mark.parametrize(
    ("steps", "told"),
    [
        ([nothing], "no round was captured yet"),
        ([lambda b: b.ask(2, "VOID", "stale")], "every round is VOID (2): stale"),
        ([lambda b: b.ask(2)], "no outcome yet of the rounds that were asked (2)"),
        (
            [lambda b: b.ask(2), lambda b: b.resolve(2, "VOID", "a tie")],
            "no outcome counts (2): VOID, a tie",
        ),
        (
            [lambda b: b.ask(2), lambda b: b.resolve(2)],
            "no scores yet of the rounds that have an outcome (2)",
        ),
    ],
)
def test_how_far_the_pipeline_has_got_is_told(
    books: Books, steps: Sequence[Callable[[Books], None]], told: str
):
    for step in steps:
        step(books)
    assert books.verdict().missing == (told,)


def test_without_a_model_nothing_works(sqlite_url: str):
    challenge = checked_challenge(LIVE)
    with open_ledger(sqlite_url, challenge) as ledger:
        verdict = Books(challenge, ledger).verdict()
    assert not verdict.works
    assert verdict.missing[0] == "no model takes part"


def test_what_the_pipeline_writes_is_judged_to_work(tmp_path, monkeypatch):
    live = live_pipeline(tmp_path, monkeypatch, ranking__minimum_samples=3)
    end = LIVE_START + timedelta(minutes=2)
    live.capture(LIVE_START, end)
    live.clock.wait_until(end + 2 * HORIZON)
    live.resolve(LIVE_START)
    with live.pipeline.ledger() as ledger:
        verdict = judge(
            live.pipeline.challenge,
            ledger,
            expected=MODELS,
            excepted=(),
            since=LIVE_START,
            now=live.clock.now(),
        )
    assert verdict.works, verdict
    assert (verdict.models, verdict.scores, verdict.ranked) == (MODELS, 16, 2)


def test_the_patience_follows_from_the_spec():
    quick = checked_challenge(LIVE)
    assert convincing_rounds(quick) == 5
    # 30 s ahead, 5 rounds of 15 s, a horizon, a bar and its delay, two refreshes, a minute.
    assert patience(quick) == timedelta(seconds=30 + 75 + 60 + 2 + 120 + 60)
    slow = checked_challenge(changed({"ranking.minimum_samples": 50}, LIVE))
    assert convincing_rounds(slow) == 10
    assert patience(slow) - patience(quick) == 5 * INTERVAL
