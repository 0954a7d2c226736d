"""Which live rounds await a truth or scores: a short list of its own, and the question to it.

Add here what decides that a round is done with; avoid how truths and scores are found.

``open_rounds`` lists the live rounds that are not done with yet. A round joins the list in the
transaction that stores it, and leaves it in the one that stores the last thing it waited for.
What is asked of the list is checked against truths, predictions and scores, a few index seeks per
listed round: so a round that is on the list needlessly costs a moment and is never reported, and
the cost follows the length of the list, whatever the history behind it.
"""

from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    FromClause,
    ScalarSelect,
    and_,
    delete,
    func,
    or_,
    select,
)

from coordinator_pipelines.domain.doors.ledger import Mode, RoundStatus, TruthState
from coordinator_pipelines.domain.doors.operation import Due
from coordinator_pipelines.domain.rounds.void import Ruling
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.storage.engine import bulk
from coordinator_pipelines.storage.store import Store
from coordinator_pipelines.storage.tables import (
    ground_truths,
    open_rounds,
    posted_truths,
    predictions,
    round_voids,
    scores,
)

OPEN_COLUMNS = ["performed_at", "prediction_config_id", "resolvable_at"]


class DueRounds(Store):
    """The question which rounds are due."""

    def due_rounds(self, until: datetime) -> Due | None:
        """Live rounds that were asked, are resolvable at or before ``until`` and await work."""
        performed_at, resolvable_at = open_rounds.c.performed_at, open_rounds.c.resolvable_at
        columns = func.min(performed_at), func.max(performed_at), func.count()
        statement = select(*columns).where(resolvable_at <= as_utc(until), _awaits_work())
        with self._database.reading() as connection:
            first, last, count = connection.execute(statement).one()
        return Due(first, last, count) if count else None


def list_as_open(connection: Connection, rounds: pd.DataFrame) -> None:
    """Put the live rounds that were asked on the list, in the transaction that stores them."""
    if rounds.empty:
        return
    asked = (rounds["mode"] == Mode.LIVE) & (rounds["status"] == RoundStatus.ASKED)
    bulk.add(connection, open_rounds, rounds.loc[asked, OPEN_COLUMNS])


def settle(connection: Connection, written: pd.DataFrame) -> None:
    """Take the rounds that are done with from the list, after truths or scores were written."""
    if written.empty:
        return
    first, last = as_utc(written["performed_at"].min()), as_utc(written["performed_at"].max())
    touched = open_rounds.c.performed_at.between(first, last)
    connection.execute(delete(open_rounds).where(touched, ~_awaits_work()))


def _awaits_work() -> ColumnElement[bool]:
    """Whether a listed round has no truth, an outdated one, or one that scores do not follow."""
    state = _newest(ground_truths.c.state)
    unscored = and_(state == TruthState.FINAL, _an_unscored_model().is_not(None))
    outdated = _a_score_of_an_older_truth().is_not(None)
    posted = and_(_has_newer_posting(), ~_is_voided())
    return or_(state.is_(None), unscored, outdated, posted, _has_newer_ruling())


def _has_newer_posting() -> ColumnElement[bool]:
    """Whether a truth was posted after the one that a listed round was resolved with."""
    posted = _newest(posted_truths.c.version)
    return func.coalesce(posted, 0) > func.coalesce(
        _newest(ground_truths.c.resolved_record_version), 0
    )


def _has_newer_ruling() -> ColumnElement[bool]:
    """Whether an operator has voided or restored a listed round after its newest truth."""
    said = _newest(round_voids.c.sequence, "sequence")
    return func.coalesce(said, 0) > func.coalesce(_newest(ground_truths.c.void_sequence), 0)


def _is_voided() -> ColumnElement[bool]:
    """Whether the last word of an operator on a listed round is that it does not count."""
    return func.coalesce(_newest(round_voids.c.kind, "sequence"), "") == Ruling.VOIDED.value


def _a_score_of_an_older_truth() -> ColumnElement[str | None]:
    """A model of a listed round whose newest score is of an older truth, if there is one."""
    outdated = select(scores.c.model_id).where(*_of_listed(scores), scores.c.mode == Mode.LIVE)
    outdated = outdated.group_by(scores.c.model_id)
    outdated = outdated.having(func.max(scores.c.truth_version) < _newest(ground_truths.c.version))
    return outdated.limit(1).correlate(open_rounds).scalar_subquery()


def _an_unscored_model() -> ColumnElement[str | None]:
    """A model of a listed round whose prediction has no score, if there is one.

    A scalar and not EXISTS: PostgreSQL may answer that by hashing all predictions there are.
    """
    cell = (*_of_listed(scores), scores.c.mode == Mode.LIVE)
    score = select(scores.c.model_id).where(*cell, scores.c.model_id == predictions.c.model_id)
    score = score.limit(1).correlate(open_rounds, predictions)
    live = (*_of_listed(predictions), predictions.c.mode == Mode.LIVE)
    unscored = select(predictions.c.model_id).where(*live, score.scalar_subquery().is_(None))
    return unscored.limit(1).correlate(open_rounds).scalar_subquery()


def _newest(column: "Column[Any]", number: str = "version") -> "ScalarSelect[Any]":
    """What the row about a listed round says that has the highest number."""
    table = column.table
    newest = select(column).where(*_of_listed(table)).order_by(table.c[number].desc()).limit(1)
    return newest.correlate(open_rounds).scalar_subquery()


def _of_listed(table: FromClause) -> tuple[ColumnElement[bool], ...]:
    names = ("performed_at", "prediction_config_id")
    return tuple(table.c[name] == open_rounds.c[name] for name in names)
