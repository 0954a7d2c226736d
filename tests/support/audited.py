"""A finished challenge, changes of one byte in its rows, and the audit that should find them."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from coordinator_pipelines.domain.audit.audit import STEPS, Report, audit
from coordinator_pipelines.domain.audit.books import Audited
from coordinator_pipelines.domain.audit.finding import Checked
from coordinator_pipelines.domain.author.rules import Rules, load_rules
from coordinator_pipelines.domain.membership.standing import modes
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.storage.sql_ledger import SqlLedger
from coordinator_pipelines.storage.tables import metadata
from tests.support.challenges import FIRST_BAR, START, small_challenge
from tests.support.participants import FOUR, write_participants
from tests.support.pipeline import LATER, Pipeline
from tests.support.prices import closes_from, walk, write_candles

WINDOWS = 2
HOUR = Window(START, START + timedelta(hours=1))


@dataclass(frozen=True)
class Audits:
    """A challenge whose database can be changed and audited."""

    challenge: Challenge
    rules: Rules
    ledger: SqlLedger
    url: str

    def audited(self, **changes: Any) -> list[Audited]:
        """In all modes; ``changes``: of the challenge."""
        challenge = self.challenge.model_copy(update=changes)
        found = modes(self.ledger)
        return [Audited(challenge, self.rules, self.ledger, mode, LATER) for mode in found]

    def audit(self) -> Report:
        """All that there is, in one hour."""
        report = Report()
        assert list(audit(self.audited(), [HOUR], report)) == [HOUR]
        return report

    def check(self, step: str, **changes: Any) -> Checked:
        """One step of it."""
        [audited] = self.audited(**changes)
        return STEPS[step](audited, HOUR)

    @contextmanager
    def changed(self, table: str, column: str, place: int = 3) -> Iterator[dict[str, Any]]:
        """One byte of one row changed, for a while; the row's key."""
        own = metadata.tables[table]
        engine = sa.create_engine(self.url.replace("postgresql://", "postgresql+psycopg://"))
        wanted = own.c[column]
        rows = sa.select(own).where(wanted.is_not(None)).order_by(*own.primary_key)
        try:
            with engine.begin() as connection:
                found = connection.execute(rows).mappings().all()
                row = found[min(place, len(found) - 1)]
                change = {column: other(row[column])}
                _set(connection, own, row, change)
            yield {key.name: row[key.name] for key in own.primary_key}
            with engine.begin() as connection:
                _set(connection, own, {**row, **change}, {column: row[column]})
        finally:
            engine.dispose()


def audits(directory: Path, url: str = "") -> Iterator[Audits]:
    """Two windows, with a checkpoint of both."""
    write_candles(directory / "prices.csv", closes_from(FIRST_BAR, walk(300)))
    write_participants(directory, FOUR)
    challenge = small_challenge(directory, checkpoint_interval_seconds=1800)
    with pytest.MonkeyPatch.context() as monkeypatch:
        pipeline = Pipeline(challenge, directory, monkeypatch, url=url)
        pipeline.succeed(START, WINDOWS)
        pipeline.succeed(START, 1, job="checkpoint")
    ledger = SqlLedger(pipeline.url, statistics_bucket=challenge.statistics_bucket)
    yield Audits(challenge, load_rules(challenge), ledger, pipeline.url)
    ledger.close()


def _set(
    connection: sa.Connection, table: sa.Table, row: Mapping[str, Any], change: dict[str, Any]
) -> None:
    at = [key == row[key.name] for key in table.primary_key]
    assert connection.execute(sa.update(table).where(*at).values(change)).rowcount == 1


def other(value: Any) -> Any:
    """The value with one byte, bit or digit changed."""
    if isinstance(value, int):
        return type(value)(value + 1 if value != 1 else 0)
    if isinstance(value, float):
        return math.nextafter(value, math.inf)
    if isinstance(value, datetime):
        return value + timedelta(microseconds=1)
    if isinstance(value, dict | list):
        return json.loads(other(json.dumps(value)))
    digits = (k for k, letter in enumerate(value) if letter.isdigit())
    k = next(digits, len(value) // 2)
    letter = str((int(value[k]) + 1) % 10) if value[k].isdigit() else "Z"
    return value[:k] + letter + value[k + 1 :]
