"""The asset ``prediction_batch``: what the models answered in a window's rounds."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import dagster as dg

from coordinator_pipelines import logs
from coordinator_pipelines.assets.coverage import say
from coordinator_pipelines.assets.report import Verdict
from coordinator_pipelines.assets.stage import stage
from coordinator_pipelines.domain.capture import MOST_IN_FLIGHT, Capture
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.clock import Clock
from coordinator_pipelines.domain.errors import CaptureError
from coordinator_pipelines.domain.feed import Feed
from coordinator_pipelines.domain.ingest import Ingest
from coordinator_pipelines.domain.ledger import Ledger, Mode
from coordinator_pipelines.domain.models import LiveModels, Models
from coordinator_pipelines.domain.observation import Observation
from coordinator_pipelines.domain.replay import Replay
from coordinator_pipelines.domain.round import Window, as_utc, batches
from coordinator_pipelines.domain.rules import Rules
from coordinator_pipelines.domain.standing import with_withdrawals
from coordinator_pipelines.domain.timetable import LONGEST
from coordinator_pipelines.domain.workers import Workers
from coordinator_pipelines.models.roster import Roster
from coordinator_pipelines.partitions import run_windows

WINDOWS_PER_REPORT = 12


class Asking(dg.Config):
    """How a run asks models."""

    again: bool = False
    """Replay: ask models whose code has changed since they answered once more."""
    capture_from: str | None = None
    """Capture of an open window: the first instant, as 2026-11-24T12:00:00Z; None: now."""
    capture_until: str | None = None
    """The instant before which it ends; None: after 15 minutes, or with the window."""

    @property
    def captures(self) -> bool:
        """Whether the run is asked for live rounds by name."""
        return bool(self.capture_from or self.capture_until)


@stage(
    after=("feed_records",),
    kinds=("python",),
    checks={"coverage": "Every expected cell has an answer or a reason; no round is missing."},
)
def prediction_batch(
    context: dg.AssetExecutionContext,
    config: Asking,
    challenge: dg.ResourceParam[Challenge],
    rules: dg.ResourceParam[Rules],
    ledger: dg.ResourceParam[Ledger],
    feed: dg.ResourceParam[Feed],
    models: dg.ResourceParam[Models],
    live_models: dg.ResourceParam[LiveModels],
    roster: dg.ResourceParam[Roster],
    clock: dg.ResourceParam[Clock],
    workers: dg.ResourceParam[Workers],
) -> Iterator[Verdict]:
    """What every model answered in the rounds of the window: one cell per round and member.

    An open window is captured: models are asked live, at the instant of each round, for at most
    15 minutes. A round that was missed stays missed.

    Windows of the past are replayed: each model starts fresh, gets one history tick of the
    warm-up length, then sees round by round exactly the records that were final at
    `performed_at`. A stored answer is never asked again unless the run is configured with
    `again: true` and the model's code has changed. Live answers are never touched.

    Rounds that an operator opened are asked once, until they close; the sensor sees to that.
    """
    windows, run_id = run_windows(context, challenge), context.run.run_id
    if context.retry_number and config.captures and windows[-1].end <= clock.now():
        # A capture that ended well, but could not say so: the database went away.
        yield from say(context, challenge, ledger, windows, clock.now(), {})
        return
    if challenge.is_operated and config.captures:
        span: Window | None = _span(config, windows[0], clock.now())
    elif challenge.is_operated:
        yield from say(context, challenge, ledger, windows, clock.now(), {})
        return
    else:
        span = _capture_span(config, windows, clock.now())
    if span is not None:
        logs.to_standard_error()
        with live_models, workers(1) as beside, workers(MOST_IN_FLIGHT) as answering:
            observation = Observation(challenge, feed, ledger, clock, beside)
            Capture(
                challenge, rules, ledger, observation, live_models, clock, answering, run_id
            ).run(span)
        # Not as of now: the next capture may have claimed a round that it has not stored yet.
        yield from say(context, challenge, ledger, windows, span.end, {})
        return
    if not challenge.replay_allowed and _was_live(ledger, windows):
        yield from say(context, challenge, ledger, windows, clock.now(), {})
        return
    named = roster.memberships(challenge.start)
    ledger.record_memberships(with_withdrawals(named, ledger.memberships(Mode.REPLAY)))
    ingest = Ingest(challenge, feed, ledger, clock.now())
    replay = Replay(challenge, rules, ingest, models, roster.members, run_id, config.again)
    added: dict[Window, int] = {}
    for window, written in replay.run(windows):
        added[window] = written.added
        if len(added) == WINDOWS_PER_REPORT or window == windows[-1]:
            for batch in batches(list(added), WINDOWS_PER_REPORT):
                yield from say(context, challenge, ledger, batch, clock.now(), added)
            added = {}


def _capture_span(config: Asking, windows: Sequence[Window], now: datetime) -> Window | None:
    """What a run captures; None for a run that is about the past.

    Raises:
        CaptureError: the run asks for live rounds that it cannot have.
    """
    open_ = [window for window in windows if window.end > now]
    if not open_:
        if config.captures:
            raise CaptureError(
                f"{windows[-1]} is over; live rounds of the past stay missed. Leave out "
                "capture_from and capture_until to replay it"
            )
        return None
    if len(windows) > 1:
        raise CaptureError(
            f"{open_[0]} is not over: captured live it takes a run of its own, so choose either "
            "that window or windows of the past"
        )
    return _span(config, windows[0], now)


def _span(config: Asking, window: Window, now: datetime) -> Window:
    """The span that a run names, or the next 15 minutes of the window."""
    start = _instant("capture_from", config.capture_from) or max(now, window.start)
    until = _instant("capture_until", config.capture_until) or min(window.end, start + LONGEST)
    if not window.start <= start < until <= window.end:
        raise CaptureError(f"capture_from {start} and capture_until {until} are not in {window}")
    return Window(start, until)


def _was_live(ledger: Ledger, windows: Sequence[Window]) -> bool:
    first = ledger.first_captured_at()
    return first is not None and first < windows[-1].end


def _instant(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return as_utc(datetime.fromisoformat(text))
    except (ValueError, TypeError) as error:
        raise CaptureError(
            f"{name} {text!r}: write an instant as 2026-11-24T12:00:00Z ({error})"
        ) from None
