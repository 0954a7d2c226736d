import json
import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coordinator_pipelines.domain.author.metrics import scored_predictions, with_authors_metrics
from coordinator_pipelines.domain.doors.ledger import Identity, Mode
from coordinator_pipelines.domain.leaderboard.leaderboard import leaderboards
from coordinator_pipelines.domain.membership.standing import histories, standings
from coordinator_pipelines.domain.model_score.model_score import model_scores
from coordinator_pipelines.domain.model_score.versions import new_versions_as_of
from coordinator_pipelines.domain.score.score import new_versions, score_batch
from coordinator_pipelines.domain.score.statistics import score_statistics
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from tests.domain.score.scoring_cases import (
    CONFIG,
    START,
    challenge,
    memberships,
    predictions,
    rules,
    truths,
)

GUIDE = Path(__file__).parents[1] / "docs" / "scoring.md"
MODELS = ("contrarian", "momentum")
AS_OF = START + timedelta(days=7)


@pytest.fixture
def board(sqlite_url):
    """The entries of a board computed from a week of half-hourly rounds in a database."""
    spec, random = challenge(), np.random.default_rng(3)
    minutes = range(0, 8 * 24 * 60, 30)
    answers = [
        (m, model, float(random.random()) if random.random() < 0.9 else "TIMEOUT")
        for m in minutes
        for model in MODELS
    ]
    cells = predictions(*answers)
    known = truths(*((m, float(random.integers(2))) for m in minutes))
    members = memberships(*((model, 0, None) for model in MODELS))
    ledger = SqlLedger(sqlite_url)
    ledger.identify(Identity(spec.name, spec.feed.identity))
    ledger.register_configs(pd.DataFrame([{
        "id": CONFIG, "scope_key": "btc-1m", "scope_json": "{}", "schedule_json": "{}",
        "active": True, "order": 0, "meta_json": None,
    }]))  # fmt: skip
    ledger.record_memberships(members)
    scored = score_batch(spec, rules(), cells, known, run_id="run")
    stored = ledger.scores(Mode.REPLAY, START, AS_OF)
    ledger.add_scores(new_versions(scored, stored))

    again = new_versions(scored, ledger.scores(Mode.REPLAY, START, AS_OF + timedelta(days=2)))
    assert len(again) == 0

    statistics = ledger.score_statistics(Mode.REPLAY, START, AS_OF)
    rows = model_scores(spec, statistics, members, [AS_OF], mode=Mode.REPLAY, run_id="run")
    rows = new_versions_as_of(rows, ledger.model_scores(Mode.REPLAY, [AS_OF]))
    ledger.add_model_scores(rows)
    frame = leaderboards(
        spec, rules(), ledger.model_scores(Mode.REPLAY, [AS_OF]), members, {AS_OF: True},
        mode=Mode.REPLAY, run_id="run", certainty=lambda _entries, _as_of: ({}, {}),
    )  # fmt: skip
    before = ledger.leaderboards(Mode.REPLAY, START, AS_OF)
    ledger.add_leaderboards(new_versions_as_of(frame, before))
    stored = ledger.leaderboards(Mode.REPLAY, START, AS_OF)
    assert len(new_versions_as_of(frame, stored)) == 0
    ledger.close()
    return json.loads(stored["entries_json"].iloc[0])


def code_of(heading):
    """The Python of a section of the guide."""
    _, section = GUIDE.read_text().split(f"# {heading}\n")
    (code,) = re.findall(r"```python\n(.*?)```", section.split("\n#")[0], re.DOTALL)
    return code


def test_the_aggregator_in_the_guide_gives_metrics():
    spec, names = challenge(), {}
    exec(code_of("Metrics of a challenge's own"), names)
    answers = predictions((1, "momentum", 1.0), (2, "momentum", 0.5))
    scored = score_batch(spec, rules(), answers, truths((1, 0.0), (2, 1.0)), run_id="run")
    members = memberships(("momentum", 0, None), ("idle", 0, None))
    models = standings(histories(members), AS_OF)
    [none] = [member for member in models if member.model_id == "idle"]
    sums = score_statistics(scored, spec.statistics_bucket)
    rows = model_scores(spec, sums, members, [AS_OF], mode=Mode.REPLAY, run_id="run")
    rows = with_authors_metrics(
        spec, rows, names["aggregate_model_scores"], scored_predictions(spec, scored), models
    )
    told = rows.set_index("model_id")
    assert json.loads(told.loc["momentum", "metrics_json"]) == {"worst": 0.0}
    assert json.loads(told.loc["idle", "metrics_json"]) == {"worst": None}
    author = json.loads(told.loc["idle", "payload_json"])["author"]
    assert author["payload"] == {"owner": none.owner}


def test_the_recomputation_in_the_guide_gives_the_number_on_the_board(board, sqlite_url):
    code, names = code_of("Compute a number again"), {}
    exec(code.replace("sqlite:///challenge.db", sqlite_url), names)
    names["ledger"].close()

    entry = next(entry for entry in board if entry["model_id"] == "momentum")
    assert entry["score"]["metrics"]["anchor"] == pytest.approx(names["anchor"], rel=1e-12)
    assert entry["score"]["payload"]["windows"]["anchor"]["n"] == names["own"]["value"].count()
