"""Every score and every window mean equals a computation that shares no code with the pipeline."""

import json
import os
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.feed import FileFeedSpec
from coordinator_pipelines.spec_file import load_challenge
from coordinator_pipelines.starter import tracker
from tests.support.challenges import START
from tests.support.participants import (
    BROKEN,
    FOLLOWER,
    HALF,
    SHY,
    STARTER_MODELS,
    write_model,
    write_participants,
    write_roster,
)
from tests.support.pipeline import Pipeline
from tests.support.prices import read_closes
from tests.support.recompute import (
    MINUTE,
    Participant,
    Recomputation,
    p_up_of,
    same_number,
    seconds,
)

REAL = "binance_spot_BTCUSDT_1m_20250101_20250204.csv.gz"
STARTER_SPEC = Path(tracker.__file__).with_name("spec.yaml")
DAY = timedelta(days=1)
REAL_START = datetime(2025, 1, 1, 6, tzinfo=UTC)
TIES = {"void": None, "down": 0.0, "up": 1.0, "half": 0.5}


def recomputation(challenge: Challenge, closes, participants) -> Recomputation:
    return Recomputation(
        closes=closes,
        participants=participants,
        warm_up=challenge.warm_up_seconds,
        delay=int(challenge.feed.publication_delay_seconds),
        tie=TIES[challenge.truth.tie_rule],
        baseline=str(challenge.missing_data.baseline_model),
    )


def starts_of(challenge: Challenge, first: datetime, windows: int) -> list[int]:
    length = int(challenge.window_length.total_seconds())
    return [seconds(first) + k * length for k in range(windows)]


def recompute(pipeline: Pipeline, first: datetime, windows: int, closes, participants):
    """The recomputation over a range; models whose directory is None keep their stored answers."""
    challenge = pipeline.challenge
    length = int(challenge.window_length.total_seconds())
    again = recomputation(challenge, closes, participants)
    for start in starts_of(challenge, first, windows):
        rounds = range(start, start + length, MINUTE)
        for participant in participants:
            if participant.directory is not None:
                again.ask(participant, start, rounds)
    with pipeline.ledger() as ledger:
        stored = ledger.predictions(Mode.REPLAY, first, first + windows * challenge.window_length)
    taken = {p.model_id for p in participants if p.directory is None}
    for row in stored[stored["model_id"].isin(taken)].itertuples():
        answer = (row.status, p_up_of(row.output_json))
        again.answers[seconds(row.performed_at), row.model_id] = answer
    again.score(range(seconds(first), seconds(first) + windows * length, MINUTE))
    return again, stored


def assert_same_cells(again: Recomputation, stored) -> None:
    cells = {(seconds(row.performed_at), row.model_id): row for row in stored.itertuples()}
    assert cells.keys() == again.answers.keys()
    for key, (status, p_up) in again.answers.items():
        assert cells[key].status == status, (key, cells[key].failed_reason)
        assert same_number(p_up_of(cells[key].output_json), p_up), key


def assert_same_scores(again: Recomputation, pipeline: Pipeline, first, end) -> None:
    with pipeline.ledger() as ledger:
        scores = ledger.scores(Mode.REPLAY, first, end)
    assert len(scores) == len(again.scores)
    for row in scores.itertuples():
        value, rule = again.scores[seconds(row.performed_at), row.model_id]
        assert row.rule == rule
        assert same_number(row.value if row.value == row.value else None, value)


def assert_same_boards(again: Recomputation, pipeline: Pipeline, first, end, boards: int) -> None:
    with pipeline.ledger() as ledger:
        stored = ledger.leaderboards(Mode.REPLAY, first, end)
    assert len(stored) == boards
    for board in stored.itertuples():
        entries = json.loads(board.entries_json)
        as_of = seconds(board.as_of)
        joined = {p.model_id for p in again.participants if p.stays[0][0] <= as_of}
        assert {entry["model_id"] for entry in entries} == joined
        for entry in entries:
            assert_same_entry(again, pipeline.challenge, entry, as_of)
        assert_same_order(pipeline.challenge, again, entries, as_of)


def assert_same_entry(again: Recomputation, challenge: Challenge, entry, as_of: int) -> None:
    score = entry["score"]
    for name, hours in challenge.trailing_windows_hours.items():
        expected = again.trailing(entry["model_id"], as_of, hours)
        counts = score["payload"]["windows"][name]
        assert same_number(score["metrics"][name], expected.mean), (entry["model_id"], name)
        assert (counts["n"], counts["n_imputed"]) == (expected.n, expected.n - expected.own)
        assert counts["expected"] == expected.expected
        share = expected.own / expected.expected if expected.expected else None
        assert same_number(counts["coverage"], share)


def assert_same_order(challenge: Challenge, again: Recomputation, entries, as_of: int) -> None:
    ranking = challenge.ranking
    hours = challenge.trailing_windows_hours[ranking.key]
    ranked = []
    for participant in again.participants:
        gone = not participant.member_at(as_of)
        window = again.trailing(participant.model_id, as_of, hours)
        if gone or window.own < ranking.minimum_samples:
            continue
        if window.own / window.expected >= ranking.minimum_coverage:
            ranked.append(participant.model_id)
    listed = [entry for entry in entries if entry["rank"] is not None]
    assert sorted(entry["model_id"] for entry in listed) == sorted(ranked)
    assert [entry["rank"] for entry in listed] == list(range(1, len(listed) + 1))
    for better, worse in pairwise(listed):
        assert better["score"]["metrics"][ranking.key] >= worse["score"]["metrics"][ranking.key]


def assert_same_everything(pipeline: Pipeline, first, windows: int, closes, participants) -> None:
    end = first + windows * pipeline.challenge.window_length
    again, stored = recompute(pipeline, first, windows, closes, participants)
    assert_same_cells(again, stored)
    assert_same_scores(again, pipeline, first, end)
    assert_same_boards(again, pipeline, first, end, windows)


@pytest.mark.parametrize(
    "tie_rule",
    ["void", *(pytest.param(rule, marks=pytest.mark.slow) for rule in ("down", "up", "half"))],
)
def test_generated_prices_give_the_scores_and_means_of_a_plain_computation(
    make_pipeline, closes, tmp_path, tie_rule
):
    leaves, returns, joins = (START + timedelta(minutes=k) for k in (22, 41, 33))
    bodies = {"half": HALF, "follower": FOLLOWER, "shy": SHY, "broken": BROKEN, "late": FOLLOWER}
    write_participants(
        tmp_path, bodies, broken={"active_until": leaves}, late={"active_from": joins}
    )
    entries_of_broken = {"id": "broken", "path": "models/broken", "active_from": returns}
    roster = (tmp_path / "models.yaml").read_text()
    (tmp_path / "models.yaml").write_text(
        f"{roster}- {json.dumps(entries_of_broken, default=str)}\n"
    )
    pipeline = make_pipeline(
        processes=tie_rule == "void", truth__tie_rule=tie_rule, missing_data__rejoining="excused"
    )
    pipeline.succeed(START, 9)
    stays = {
        "broken": [(seconds(START), seconds(leaves)), (seconds(returns), None)],
        "late": [(seconds(joins), None)],
    }
    participants = [
        Participant(name, tmp_path / "models" / name, stays.get(name, [(seconds(START), None)]))
        for name in bodies
    ]
    assert any(closes[t] == closes.get(t + MINUTE) for t in closes)
    assert_same_everything(pipeline, START, 9, closes, participants)


def real_pipeline(prices_dir: Path, home: Path, monkeypatch, days: int):
    """The starter challenge with its models (and one more) on the real file."""
    spec = load_challenge(STARTER_SPEC).model_dump(mode="json")
    feed = {k: v for k, v in spec["feed"].items() if k in FileFeedSpec.model_fields}
    end = REAL_START + days * DAY
    half_way = REAL_START + days * DAY / 2
    names = sorted(path.name for path in STARTER_MODELS.iterdir() if (path / "main.py").exists())
    entries = [{"id": name, "path": str(STARTER_MODELS / name)} for name in names]
    entries.append({"id": "tenth", "path": str(write_model(home / "tenth", FOLLOWER))})
    stays = {entry["id"]: [(seconds(REAL_START), None)] for entry in entries}
    for entry in entries:
        if entry["id"] == "leaver":
            entry["active_until"] = half_way
            stays["leaver"] = [(seconds(REAL_START), seconds(half_way))]
    challenge = checked_challenge(
        {
            **spec,
            "name": "real",
            "start": REAL_START,
            "end": end,
            "models_file": str(write_roster(home / "models.yaml", entries)),
            "feed": {**feed, "provider": "file", "path": str(prices_dir / REAL)},
        }
    )
    participants = [
        Participant(
            entry["id"],
            None if entry["id"] == "leaver" else Path(entry["path"]),
            stays[entry["id"]],
        )
        for entry in entries
    ]
    return Pipeline(challenge, home / "real", monkeypatch), participants


def check_real_days(prices_dir: Path, home: Path, monkeypatch, days: int) -> None:
    pipeline, participants = real_pipeline(prices_dir, home, monkeypatch, days)
    pipeline.succeed(REAL_START, 24 * days)
    closes = read_closes(prices_dir / REAL)
    assert_same_everything(pipeline, REAL_START, 24 * days, closes, participants)


@pytest.mark.prices
@pytest.mark.slow
def test_eight_real_days_and_ten_models_give_the_scores_and_means_of_a_plain_computation(
    prices_dir, tmp_path, monkeypatch
):
    """Longer than the longest trailing window; all 34 days with COORDINATOR_TEST_ALL_DAYS=1."""
    days = 34 if os.environ.get("COORDINATOR_TEST_ALL_DAYS") else 8
    check_real_days(prices_dir, tmp_path, monkeypatch, days)
