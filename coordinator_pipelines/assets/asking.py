"""What a run of ``prediction_batch`` is to do: capture live rounds, replay past ones, or report.

Add here how a run is configured and what follows from that; avoid asking models.
"""

from collections.abc import Sequence
from datetime import datetime

import dagster as dg

from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.rounds.timetable import LONGEST
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.errors import CaptureError


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

    def span(
        self, challenge: Challenge, windows: Sequence[Window], now: datetime, *, retried: bool
    ) -> Window | None:
        """What the run captures: the span that it names, or what is next of the open window.

        None for a run that is about the past. So is a capture that ended well but could not say
        so, as the database was away, and is retried when its window is over.

        Raises:
            CaptureError: the run asks for live rounds that it cannot have.
        """
        over = windows[-1].end <= now
        # Rounds that an operator opens are captured when the sensor asks for them by name.
        wanted = self.captures or not (over or challenge.is_operated)
        if not wanted or (retried and over):
            return None
        if not challenge.is_operated:
            _refuse_past(windows, now)
        return self._named(windows[0], now)

    def replays(self, challenge: Challenge, ledger: Ledger, windows: Sequence[Window]) -> bool:
        """Whether a run that captures nothing asks models about the past."""
        if self.captures or challenge.is_operated:
            return False
        return challenge.replay_allowed or not _was_live(ledger, windows)

    def _named(self, window: Window, now: datetime) -> Window:
        start = _instant("capture_from", self.capture_from) or max(now, window.start)
        until = _instant("capture_until", self.capture_until) or min(window.end, start + LONGEST)
        if not window.start <= start < until <= window.end:
            raise CaptureError(
                f"capture_from {start} and capture_until {until} are not in {window}"
            )
        return Window(start, until)


def _refuse_past(windows: Sequence[Window], now: datetime) -> None:
    open_ = [window for window in windows if window.end > now]
    if not open_:
        raise CaptureError(
            f"{windows[-1]} is over; live rounds of the past stay missed. Leave out "
            "capture_from and capture_until to replay it"
        )
    if len(windows) > 1:
        raise CaptureError(
            f"{open_[0]} is not over: captured live it takes a run of its own, so choose either "
            "that window or windows of the past"
        )


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
