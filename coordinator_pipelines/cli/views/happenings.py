"""What happens in a live challenge, a line each, for somebody who watches a terminal.

Add here what is worth a line; avoid tables of the present state (``status``).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pandas as pd
from rich.markup import escape

from coordinator_pipelines.cli.challenge.database import open_ledger
from coordinator_pipelines.domain.doors.ledger import Ledger, Mode
from coordinator_pipelines.domain.health.vital_signs import vital_signs
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import LedgerUnavailableError
from coordinator_pipelines.storage.sql_ledger import SqlLedger

MICROSECOND = timedelta(microseconds=1)
TROUBLE = ("FAILED", "TIMEOUT", "ABSENT")


@dataclass
class Happenings:
    """Remembers what was told already."""

    challenge: Challenge
    open_ledger: Callable[[], SqlLedger]
    """Called when something is to be read, until it has succeeded once."""
    _ledger: SqlLedger | None = None
    _since: datetime = field(default_factory=lambda: datetime.now(UTC))
    _board: tuple[datetime | None, int] = (None, 0)
    _problems: dict[str, str] = field(default_factory=dict)
    _silence: str | None = None
    """Why the database does not answer, as it was told last."""

    @classmethod
    @contextmanager
    def of(cls, challenge: Challenge) -> Iterator["Happenings"]:
        """The happenings of a challenge from now on."""
        happenings = cls(challenge, partial(open_ledger, challenge))
        try:
            yield happenings
        finally:
            if happenings._ledger is not None:
                happenings._ledger.close()

    def news(self) -> list[str]:
        """What happened since the last time."""
        now = datetime.now(UTC)
        try:
            ledger = self._ledger = self._ledger or self.open_ledger()
            lines = [
                *self._rounds(ledger, now),
                *self._new_board(ledger, now),
                *self._signs(ledger, now),
            ]
        except LedgerUnavailableError as error:
            told, self._silence = self._silence, str(error)
            return [] if told == self._silence else [f"[yellow]{escape(self._silence)}[/]"]
        self._silence = None
        return lines

    def _rounds(self, ledger: Ledger, now: datetime) -> Iterator[str]:
        rounds = ledger.rounds(Mode.LIVE, self._since, now)
        if rounds.empty:
            return
        cells = ledger.predictions(Mode.LIVE, self._since, now, outputs=False)
        timings = ledger.timings(self._since, now).set_index("performed_at")["total_ms"]
        for performed_at, own in rounds.groupby("performed_at"):
            at = pd.Timestamp(str(performed_at))
            answers = cells[cells["performed_at"] == at]
            yield f"{at:%H:%M:%S}  round  {_answers(own, answers)}{_took(timings, at)}"
        self._since = rounds["performed_at"].max().to_pydatetime() + MICROSECOND

    def _new_board(self, ledger: Ledger, now: datetime) -> Iterator[str]:
        board = ledger.newest_leaderboard(Mode.LIVE, now)
        if board.empty:
            return
        as_of, version = board["as_of"].item().to_pydatetime(), int(board["version"].item())
        if self._board == (as_of, version):
            return
        self._board = (as_of, version)
        entries = json.loads(board["entries_json"].item())
        ranked = [entry for entry in entries if entry["rank"] is not None]
        leader = f"{ranked[0]['model_name']} leads {len(ranked)}" if ranked else _unranked(entries)
        kind = "final" if board["final"].item() else "interim"
        yield f"{as_of:%H:%M:%S}  board  {kind}, {escape(leader)}"

    def _signs(self, ledger: Ledger, now: datetime) -> Iterator[str]:
        for sign in vital_signs(self.challenge, ledger, now):
            if sign.problem and sign.name not in self._problems:
                yield f"{now:%H:%M:%S}  [red]{sign.name}: {escape(sign.problem)}[/]"
            if not sign.problem and sign.name in self._problems:
                yield f"{now:%H:%M:%S}  [green]{sign.name}: well again[/]"
            if sign.problem:
                self._problems[sign.name] = sign.problem
            else:
                self._problems.pop(sign.name, None)


def _answers(rounds: pd.DataFrame, cells: pd.DataFrame) -> str:
    """How many answers of each kind; who is in trouble; why no model was asked."""
    void = rounds[rounds["status"] == "VOID"]
    if len(void):
        return f"[yellow]VOID: {escape(str(void['reason'].iloc[0]))}[/]"
    if cells.empty:
        return "[yellow]no model takes part[/]"
    counts = cells["status"].value_counts()
    text = ", ".join(f"{n} {str(status).lower()}" for status, n in counts.items())
    trouble = cells.loc[cells["status"].isin(TROUBLE), "model_id"]
    return text + (f" ({', '.join(sorted(trouble))})" if len(trouble) else "")


def _unranked(entries: list[dict[str, Any]]) -> str:
    why = f" ({entries[0]['unranked_reason']})" if entries else ""
    return f"nobody ranked yet{why}"


def _took(timings: "pd.Series[float]", at: pd.Timestamp) -> str:
    return f", committed after {timings[at]:.0f} ms" if at in timings.index else ""
