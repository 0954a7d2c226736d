"""The sensor that sees to it that somebody captures the rounds to come.

Add here how a capture is started; avoid who captures what (``domain.rounds.timetable``). Whether
one is at work is read from the ledger, where it gives signs of life: a run whose process was killed
looks well in Dagster for a while.
"""

import json
from datetime import datetime, timedelta

import dagster as dg
import pandas as pd

from coordinator_pipelines.automation import capture_request
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.rounds.opened_round import wanted_opened
from coordinator_pipelines.domain.rounds.timetable import FAILED, wanted
from coordinator_pipelines.domain.spec.challenge import Challenge

SECONDS_BETWEEN_TICKS = 5
START_UP = timedelta(seconds=25)
"""A run that was asked for is given so long to show its first sign of life."""


def capture_sensor(challenge: Challenge) -> dg.SensorDefinition:
    """Requests a capture ahead of its first round, and anew when one has died."""

    @dg.sensor(
        name=f"{challenge.key}_capture",
        job_name=f"{challenge.key}_capture",
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        description="Keeps a run of prediction_batch at work for the live rounds to come.",
    )
    def capture(
        context: dg.SensorEvaluationContext,
        ledger: dg.ResourceParam[Ledger],
        clock: dg.ResourceParam[Clock],
    ) -> dg.SensorResult | dg.SkipReason:
        now = clock.now()
        newest = ledger.newest_capture()
        requested_at = _requested_at(context.cursor)
        unseen = newest.empty or newest["started_at"].item() < requested_at
        if unseen and now - requested_at < START_UP:
            return dg.SkipReason("the capture that was asked for is starting")
        if challenge.is_operated:
            span = wanted_opened(challenge, ledger, newest, now)
        else:
            span = wanted(challenge, newest, ledger.pauses(), now)
        if span is None:
            return dg.SkipReason(_why_none(newest))
        return dg.SensorResult(
            run_requests=[capture_request(challenge, span)],
            cursor=json.dumps({"requested_at": now.isoformat()}),
        )

    return capture


def _why_none(newest: pd.DataFrame) -> str:
    reason = None if newest.empty else newest["end_reason"].item()
    if isinstance(reason, str) and reason.startswith(FAILED):
        return f"the last capture {reason}; the next one is started in a moment"
    return "the next rounds are seen to, or none is due soon"


def _requested_at(cursor: str | None) -> datetime:
    """When a capture was asked for last; long ago if never."""
    text = json.loads(cursor)["requested_at"] if cursor else "1970-01-01T00:00:00+00:00"
    return datetime.fromisoformat(text)
