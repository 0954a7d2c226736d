"""Replay: past windows asked again with the inputs of that time, each on its own.

Add here what decides whether a cell of the past is asked; avoid what it is asked
(``question``), what came back (``answer``), and rounds that are still ahead.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.ledger import (
    CELL,
    ROUND_COLUMNS,
    Mode,
    RoundStatus,
    Written,
)
from coordinator_pipelines.domain.doors.models import Answer, Ask, Member, Models
from coordinator_pipelines.domain.feed_record.ingest import Ingest
from coordinator_pipelines.domain.prediction_batch.answer import prediction_rows
from coordinator_pipelines.domain.prediction_batch.prediction_batch import (
    expected_cells,
    prediction_frame,
)
from coordinator_pipelines.domain.prediction_batch.question import Sight, ask_window, with_inputs
from coordinator_pipelines.domain.rounds.grid import grid
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.window import Window, batches, within
from coordinator_pipelines.domain.values.errors import ReplayError

WINDOWS_PER_READ = 24


@dataclass(frozen=True, slots=True)
class Plan:
    """One window of a replay: its rounds, its question, and the cells still without an answer."""

    window: Window
    rounds: pd.DataFrame
    ask: Ask
    missing: pd.DataFrame
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """Asks past windows with the inputs of that time; each window stands on its own."""

    challenge: Challenge
    rules: Rules
    ingest: Ingest
    models: Models
    members: Sequence[Member]
    run_id: str
    again: bool = False
    """Ask once more, as a new version, where the model's code is not what answered."""

    def run(self, windows: Sequence[Window]) -> Iterator[tuple[Window, Written]]:
        """Replay and store the windows, one transaction each; yield what each one added.

        Raises:
            ReplayError: replay is not allowed, a window is not over, or its warm-up is missing.
                Nothing is asked then.
        """
        self._refuse(windows)
        plans: deque[Plan] = deque()

        def asks() -> Iterator[tuple[Ask, Sequence[Member]]]:
            for batch in batches(windows, WINDOWS_PER_READ):
                for plan in self._plans(batch):
                    plans.append(plan)
                    yield plan.ask, plan.members

        for _, answers in self.models.ask_each(asks()):
            plan = plans.popleft()
            yield plan.window, self._store(plan, answers)

    def _refuse(self, windows: Sequence[Window]) -> None:
        if not self.challenge.replay_allowed:
            raise ReplayError(
                f"{self.challenge.name}: past windows cannot be predicted, the spec says "
                "replay_allowed: false"
            )
        if self.rules.not_replayable:
            raise ReplayError(
                f"{self.challenge.name}: {', '.join(self.rules.not_replayable)} does its own I/O, "
                "so past rounds cannot be asked again; take a context argument or run live only"
            )
        require_over(windows, self.ingest.now)
        warm_up = timedelta(seconds=self.challenge.warm_up_seconds)
        symbols = self.challenge.feed.symbols
        for batch in batches(windows, len(windows) or 1):
            reach = (
                batch[0].start
                - warm_up
                + timedelta(seconds=self.challenge.feed.granularity_seconds)
            )
            known = self.ingest.feed.latest(symbols, reach)
            short = sorted(set(symbols) - set(known["subject"]))
            if short:
                raise ReplayError(
                    f"the window {batch[0]} needs a warm-up of {self.challenge.warm_up_seconds} s, "
                    f"but the feed has nothing of {', '.join(short)} at or before "
                    f"{reach:%Y-%m-%d %H:%M} UTC; replay later windows or bring earlier prices"
                )

    def _plans(self, batch: Sequence[Window]) -> Iterator[Plan]:
        span = Window(batch[0].start, batch[-1].end)
        ledger = self.ingest.ledger
        records = self.ingest.records(
            span.start - self.challenge.look_back, span.end, all_versions=True
        )
        sight = Sight.of(self.challenge, records)
        rounds = with_inputs(self.challenge, grid(self.challenge, span), sight)
        rounds = _as_recorded(rounds, ledger.rounds(Mode.REPLAY, span.start, span.end))
        asked = rounds[rounds["status"] == RoundStatus.ASKED.value]
        expected = expected_cells(asked, ledger.memberships(Mode.REPLAY))
        stored = ledger.predictions(Mode.REPLAY, span.start, span.end, outputs=False)
        missing = self._missing(expected, stored)
        for window in batch:
            yield self._plan(window, rounds, missing, sight)

    def _plan(
        self, window: Window, rounds: pd.DataFrame, missing: pd.DataFrame, sight: Sight
    ) -> Plan:
        own = within(rounds, window).reset_index(drop=True)
        cells = within(missing, window)
        wanted = set(cells["model_id"])
        members = tuple(member for member in self.members if member.model_id in wanted)
        if members or not own["recorded"].all():
            ask, own = ask_window(self.challenge, self.rules, window, own, sight)
        else:
            ask = Ask(str(window), None, (), self.challenge.call_limits)
        return Plan(window, own, ask, cells, members)

    def _missing(self, expected: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
        """Expected cells without a stored answer (or, again, without one of today's code)."""
        known = expected.merge(stored[[*CELL, "version", "code_hash"]], on=CELL, how="left")
        codes = {member.model_id: member.code_hash for member in self.members}
        known["today"] = known["model_id"].map(codes)
        unanswered = known["version"].isna()
        if self.again:
            unanswered |= known["code_hash"] != known["today"]
        missing = known[unanswered & known["today"].notna()]
        version = missing["version"].fillna(0).astype("int64") + 1
        return missing[CELL].assign(version=version, code_hash=missing["today"])

    def _store(self, plan: Plan, answers: Sequence[Answer]) -> Written:
        rows = prediction_rows(answers, self.rules.validate)
        predictions = prediction_frame(self.challenge, Mode.REPLAY, plan.missing, rows)
        rounds = plan.rounds[~plan.rounds["recorded"]]
        rounds = rounds.assign(mode=Mode.REPLAY.value, run_id=self.run_id)
        return self.ingest.ledger.add_prediction_batch(
            rounds.reindex(columns=list(ROUND_COLUMNS)), predictions.assign(run_id=self.run_id)
        )


def require_over(windows: Sequence[Window], now: datetime) -> None:
    """Refuse windows that have not ended.

    Raises:
        ReplayError: one has not; the message names the first.
    """
    for window in windows:
        if window.end > now:
            raise ReplayError(f"the window {window} is not over yet; choose windows of the past")


def _as_recorded(rounds: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """The rounds with what the ledger says of them: what was VOID once stays VOID."""
    known = stored[[*CELL[:2], "status", "reason"]]
    both = rounds.merge(known, on=CELL[:2], how="left", suffixes=("", "_stored"))
    both["recorded"] = both["status_stored"].notna()
    both["status"] = both["status_stored"].where(both["recorded"], both["status"])
    both["reason"] = both["reason_stored"].where(both["recorded"], both["reason"])
    return both.drop(columns=["status_stored", "reason_stored"])
