"""Capture: live rounds asked at their instant, each instant committed in one transaction.

Add here the course of a capture; avoid who captures what (``timetable``), what is asked
(``live_question``), how records come in (``observation``) and who takes part (``membership``).

The capture's own thread keeps time: shortly before an instant it takes in hand what the feed
has, sees who the members are, and claims the rounds; at the instant it poses the question and
hands it to a worker, which waits for the models and commits. So a slow model never delays the
next instant. A round is never asked twice (its lease) and never late: one that could not begin
in time is MISSED. One for which no model can be reached (``contact``) is left to other captures
until its time is over, and then VOID; a capture that can do no good any more lets go of the rest.
"""

import logging
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.author.rules import Rules
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import ROUND_COLUMNS, Ledger, Mode, RoundStatus
from coordinator_pipelines.domain.doors.lifeline import Lifeline
from coordinator_pipelines.domain.doors.models import Answer, LiveModels, Outcome
from coordinator_pipelines.domain.doors.operation import CAPTURE_COLUMNS
from coordinator_pipelines.domain.membership.membership import Memberships
from coordinator_pipelines.domain.prediction_batch.contact import SETTLE, Contact, LetGoError
from coordinator_pipelines.domain.prediction_batch.live_question import (
    LiveQuestion,
    blameless,
    pose,
    pose_opened,
    rows_of,
    unasked,
)
from coordinator_pipelines.domain.prediction_batch.observation import Observation
from coordinator_pipelines.domain.prediction_batch.prediction_batch import prediction_frame
from coordinator_pipelines.domain.prediction_batch.timing import Stopwatch
from coordinator_pipelines.domain.rounds.opened_round import due_instants
from coordinator_pipelines.domain.rounds.timetable import (
    COMMIT_PATIENCE,
    FAILED,
    LET_GO,
    Due,
    unpaused,
)
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import SECOND
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import CaptureError, LedgerUnavailableError

logger = logging.getLogger(__name__)

OBSERVE_AHEAD = timedelta(seconds=1)
"""The feed is asked so long before an instant."""
CATCH_UP_AHEAD = timedelta(seconds=12)
"""It is asked for what an outage has left only if there is more time than this."""
CLAIM_AHEAD = timedelta(seconds=0.2)
"""What the feed has answered by then is in hand; the rounds are claimed."""
HEARTBEAT = timedelta(seconds=2)
ALIVE = timedelta(seconds=10)
"""After its last heartbeat a capture counts as alive for so long ..."""
START_UP = timedelta(seconds=40)
"""... and while it connects and waits for the feed, so long."""
MOST_IN_FLIGHT = 8
"""Instants whose answers are not committed yet; beyond, rounds are missed."""


@dataclass
class Capture:
    """Asks the live rounds of a span. ``executor`` runs what must not delay the next instant."""

    challenge: Challenge
    rules: Rules
    ledger: Ledger
    observation: Observation
    models: LiveModels
    lifeline: Lifeline
    clock: Clock
    executor: Executor
    run_id: str
    _memberships: Memberships = field(init=False)
    _contact: Contact = field(init=False)
    _row: dict[str, Any] = field(init=False)
    _beaten_at: datetime = field(init=False)
    _since: datetime | None = None
    _rivalled: bool = False
    _in_flight: "list[Future[None]]" = field(default_factory=list)
    _broken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._memberships = Memberships(self.challenge, self.ledger)
        set_up = timedelta(seconds=self.challenge.limits.setup_timeout_seconds)
        self._contact = Contact(self.models, self._memberships, self.lifeline, set_up)

    def run(self, span: Window) -> datetime:
        """Capture the rounds of the span; returns, or raises, when the last one is committed.

        Returns the instant up to which the rounds were its own: the span's end, or when it let go.

        Raises:
            CaptureError: rounds were lost to something else than models, feed or database.
            FeedConfigurationError: the feed can never answer as it is set up.
        """
        self._announce(span)
        reason, until = "stopped", span.end
        try:
            self._connect()
            for due in due_instants(self.challenge, self.ledger, span):
                if due.ask_until < self._row["started_at"]:
                    continue  # as where a capture is tried again
                self._wait_until(due.performed_at - OBSERVE_AHEAD)
                self._survives(partial(self._capture, due))
            self._wait_until(span.end)
            reason = "handed over"
        except LetGoError as error:
            reason, until = f"{LET_GO}: {error}"[:500], min(until, self.clock.now())
        except Exception as error:
            reason = f"{FAILED}: {type(error).__name__}: {error}"[:500]
            raise
        finally:
            wait(self._in_flight)
            self._settle_flights()
            self._survives(lambda: self._record(ended_at=self.clock.now(), end_reason=reason))
            logger.info("capture %s ended: %s", self.run_id, reason)
        if self._broken:
            raise CaptureError(
                f"{len(self._broken)} instants could not be stored; the first: {self._broken[0]}"
            )
        return until

    def _announce(self, span: Window) -> None:
        now = self.clock.now()
        before = self.ledger.newest_capture()
        if len(before) and str(before["end_reason"].item()).startswith(LET_GO):
            self._contact.broke = before["ended_at"].item() > now - self._contact.set_up
        self._row = {"run_id": self.run_id, "span_start": span.start, "span_end": span.end,
                     "started_at": now, "alive_until": now + START_UP}  # fmt: skip
        self._record()
        logger.info("capture %s started: %s", self.run_id, span)

    def _connect(self) -> None:
        self.observation.begin()
        if not self.models.wait_until_settled(SETTLE.total_seconds()):
            logger.warning("not every model is connected yet; rounds begin without them")

    def _resume(self) -> None:
        """Take it that models know what another capture asked them since our last question.

        Those that are told everything with the question need not know.
        """
        if self.challenge.is_operated:
            return
        last = self.ledger.newest_round(Mode.LIVE, RoundStatus.ASKED)
        if last is None or (self._since is not None and last <= self._since):
            return
        if self.clock.now() - last > timedelta(seconds=self.challenge.warm_up_seconds):
            return
        cells = self.ledger.predictions(Mode.LIVE, last, last + SECOND, outputs=False)
        told = cells["runner_status"] != Outcome.ABSENT.value
        self.models.resume(set(cells.loc[told, "code_hash"]))
        self.observation.resume(self.ledger.rounds(Mode.LIVE, last, last + SECOND))
        self._since = last

    def _capture(self, due: Due) -> None:
        """One instant, from the last look at the feed to the question on its way."""
        self._settle_flights()
        trouble = self._trouble()
        while trouble and self.challenge.is_operated and self.clock.now() < due.ask_until:
            self._wait_until(self.clock.now() + HEARTBEAT)
            trouble = self._trouble()
        if trouble is None and self._contact.is_new:
            self._contact.take_up(self.clock.now())
            self._resume()
        self.observation.request()
        self._wait_until(due.performed_at - CLAIM_AHEAD)
        self.observation.collect()
        trouble = trouble or self._contact.problem(self.clock.now())
        if trouble is not None:
            self._pass_over(due, trouble)
            return
        self._contact.listen(self.clock.now())
        if self._rivalled:
            self._resume()
        if self.clock.now() <= due.ask_until:
            due = self._claimed(due)
        self.clock.wait_until(due.performed_at)
        late = self.clock.now() - due.performed_at
        if due.rounds.empty:
            return
        if self.clock.now() > due.ask_until or len(self._in_flight) >= MOST_IN_FLIGHT:
            logger.warning(
                "missed %s: %.1f s late, %d instants still in flight",
                due.performed_at, late.total_seconds(), len(self._in_flight),
            )  # fmt: skip
            return
        watch = Stopwatch(self.clock, due.performed_at)
        watch.mark()
        question = self._posed(due)
        watch.mark()
        self._in_flight.append(self.executor.submit(self._answer, question, watch))

    def _trouble(self) -> str | None:
        """Why nobody can be asked now."""
        now = self.clock.now()
        return self._contact.problem(now) or self._contact.waiting(now)

    def _pass_over(self, due: Due, trouble: str) -> None:
        """Leave an instant to whoever can reach models; it is VOID if nobody has come for it."""
        logger.warning("passed over %s: %s", due.performed_at, trouble)
        self._wait_until(due.ask_until)
        due, watch = self._claimed(due), Stopwatch(self.clock, due.performed_at)
        if not due.rounds.empty:
            self._in_flight.append(self.executor.submit(self._answer, unasked(due, trouble), watch))

    def _claimed(self, due: Due) -> Due:
        """The rounds of the instant that are ours."""
        rounds = unpaused(due.rounds, self.ledger.pauses())
        ids = rounds["prediction_config_id"].tolist()
        if ids:
            ids = self.ledger.claim_rounds(ids, due.performed_at, self.run_id, self.clock.now())
        self._rivalled = len(ids) < len(rounds)
        own = rounds["prediction_config_id"].isin(ids)
        return replace(due, rounds=rounds[own].reset_index(drop=True))

    def _posed(self, due: Due) -> LiveQuestion:
        if self.challenge.is_operated:
            now = self.clock.now()
            return pose_opened(self.challenge, self.rules, due, self._memberships, now)
        question = pose(
            self.challenge,
            self.rules,
            due,
            self.observation.sight,
            self._memberships,
            since=self._since,
            with_history=bool(self.models.needing_history()),
        )
        if question.ask is not None:
            self._since = due.performed_at
        return question

    def _answer(self, question: LiveQuestion, watch: Stopwatch) -> None:
        """What a worker does: ask, validate, commit, take the time."""
        answers: list[Answer] = []
        if question.ask is not None:
            [(_, answers)] = self.models.ask_each([(question.ask, question.members)])
            question = blameless(question, answers)
        watch.mark()
        rows = rows_of(question, answers, self.rules)
        predictions = prediction_frame(self.challenge, Mode.LIVE, question.cells, rows)
        watch.mark()
        self._commit(question.rounds, predictions)
        watch.mark()
        logger.info("Saved %d predictions of %s", len(predictions), question.performed_at)
        if watch.is_complete:
            timings = watch.timings(self.run_id, len(question.members))
            self._survives(lambda: self.ledger.add_timings(timings))

    def _commit(self, rounds: pd.DataFrame, predictions: pd.DataFrame) -> None:
        """Store the instant, however often the database must be asked: writing again is safe."""
        rounds = rounds.assign(mode=Mode.LIVE.value, run_id=self.run_id)
        rounds = rounds.reindex(columns=list(ROUND_COLUMNS))
        predictions = predictions.assign(run_id=self.run_id)
        pause, give_up = timedelta(seconds=0.1), self.clock.now() + COMMIT_PATIENCE
        while True:
            try:
                self.ledger.add_prediction_batch(rounds, predictions)
            except LedgerUnavailableError as error:
                if self.clock.now() > give_up:
                    raise
                logger.warning("%d predictions wait: %s", len(predictions), error)
                self.clock.wait_until(self.clock.now() + pause)
                pause = min(2 * pause, timedelta(seconds=5))
            else:
                return

    def _settle_flights(self) -> None:
        """Forget the instants that are done; remember what went wrong with them."""
        done = [flight for flight in self._in_flight if flight.done()]
        self._in_flight = [flight for flight in self._in_flight if not flight.done()]
        for error in filter(None, (flight.exception() for flight in done)):
            logger.error("an instant could not be stored", exc_info=error)
            self._broken.append(f"{type(error).__name__}: {error}"[:500])

    def _wait_until(self, instant: datetime) -> None:
        """Wait, show signs of life, and use the time to catch up with the feed."""
        while (now := self.clock.now()) < instant:
            self._contact.require(now)
            if now - self._beaten_at >= HEARTBEAT:
                self._survives(self._beat)
            if instant - now > CATCH_UP_AHEAD:
                self._survives(self.observation.catch_up)
            self.clock.wait_until(min(instant, self.clock.now() + HEARTBEAT))

    def _beat(self) -> None:
        self._beaten_at = self.clock.now()
        self._row["alive_until"] = self._beaten_at + ALIVE
        self.ledger.keep_alive(self.run_id, self._row["alive_until"])

    def _record(self, **changes: Any) -> None:
        self._beaten_at = self.clock.now()
        self._row |= changes
        frame = pd.DataFrame([self._row]).reindex(columns=list(CAPTURE_COLUMNS))
        instants_ = ["span_start", "span_end", "started_at", "alive_until", "ended_at"]
        self.ledger.record_capture(frame.astype(dict.fromkeys(instants_, "datetime64[us, UTC]")))

    def _survives(self, work: Any) -> bool:
        """Do something that may fail while the database does not answer; whether it worked."""
        try:
            work()
        except LedgerUnavailableError as error:
            logger.warning("%s", error)
            return False
        return True
