"""Stored answers that somebody changes in the database, as a rival's code once could."""

from contextlib import contextmanager
from datetime import timedelta

import pandas as pd
import sqlalchemy as sa

from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.storage.engine.database import parse_url
from tests.support.challenges import START, WINDOW

SPAN = Mode.REPLAY, START, START + 2 * WINDOW
FIRST = f"{START:%Y-%m-%d-%H:%M}"
ANSWER = "output_json = '{\"p_up\": 0.99}'"
CHANGES = {
    ("follower", 2): ANSWER,
    ("follower", 4): "model_id = 'half', version = 2",
    ("half", 6): f"{ANSWER}, answer_hash = NULL",
    ("shy", 10): f"status = 'SUCCESS', {ANSWER}",
    ("broken", 14): "status = 'ABSTAINED'",
}
"""Model and minute, all of them in the first window, and what is set in its row."""
NAMED = {*CHANGES, ("half", 4)} - {("follower", 4)}


class Intruder:
    """Changes rows of predictions past the coordinator, and takes it back."""

    def __init__(self, pipeline):
        self.engine = sa.create_engine(parse_url(pipeline.url))
        with pipeline.ledger() as ledger:
            cells = ledger.predictions(*SPAN)
        self.ids = dict(zip(keys(cells), cells["id"], strict=True))

    @contextmanager
    def changed(self, changes):
        self._execute(
            "CREATE TABLE sound AS SELECT * FROM predictions",
            *(
                f"UPDATE predictions SET {change} WHERE id = '{self.ids[cell]}'"
                for cell, change in changes.items()
            ),
        )
        yield
        self._execute(
            "DELETE FROM predictions",
            "INSERT INTO predictions SELECT * FROM sound",
            "DROP TABLE sound",
        )
        self.engine.dispose()

    def _execute(self, *statements):
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)


def keys(cells):
    minutes = (cells["performed_at"] - START) // timedelta(minutes=1)
    return list(zip(cells["model_id"], minutes, strict=True))


def scores(pipeline):
    with pipeline.ledger() as ledger:
        return ledger.scores(*SPAN)


def content(rows):
    return rows[["model_id", "performed_at", "status", "value", "rule", "failed_reason"]]


def named(result, pipeline):
    (check,) = pipeline.red(result, "score_completeness").values()
    assert check.partition == FIRST
    return check.problems


def asked(pipeline):
    """The pipeline after two windows, which await their scores."""
    pipeline.succeed(START, 2, assets=["feed_records", "prediction_batch", "ground_truth"])
    return pipeline


def test_a_changed_answer_has_no_score_until_it_is_brought_back(
    make_pipeline, database_url, undisturbed
):
    pipeline = asked(make_pipeline(url=database_url))
    intruder = Intruder(pipeline)
    with intruder.changed(CHANGES):
        result = pipeline.succeed(START, 2, assets=["scores"])
        scored = scores(pipeline)
    unscored = set(keys(scores(undisturbed))) - set(keys(scored))
    assert unscored == NAMED | {("follower", 4)}
    problems = named(result, pipeline)
    assert len(problems.splitlines()) == len(NAMED)
    for model, minute in NAMED:
        at = f"{START + timedelta(minutes=minute):%Y-%m-%d %H:%M:%S} UTC"
        assert f"* {model}: the stored answer of {at} (replay, " in problems

    result = pipeline.succeed(START, 2, assets=["scores"])
    assert pipeline.red(result, "score_completeness") == {}
    pd.testing.assert_frame_equal(content(scores(pipeline)), content(scores(undisturbed)))


def test_a_score_stays_and_nobody_is_charged_for_an_answer_that_was_changed(pipeline):
    intruder = Intruder(asked(pipeline))
    with intruder.changed({("half", minute): ANSWER for minute in range(15)}):
        pipeline.succeed(START, 2, assets=["scores"])
    before = scores(pipeline)
    assert {minute // 15 for model, minute in keys(before) if model == "half"} == {1}
    with pipeline.ledger() as ledger:
        statistics = ledger.score_statistics(Mode.REPLAY, START - WINDOW, START + 3 * WINDOW)
    half = statistics[statistics["model_id"] == "half"]
    assert (half["n_imputed"].sum(), half["n"].sum()) == (0, (before["model_id"] == "half").sum())

    pipeline.succeed(START, 2, assets=["scores"])
    before = scores(pipeline)
    with intruder.changed({("follower", 2): ANSWER}):
        result = pipeline.succeed(START, 2, assets=["scores"])
    assert "* follower: the stored answer of" in named(result, pipeline)
    pd.testing.assert_frame_equal(scores(pipeline), before)
