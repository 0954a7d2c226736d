"""The sensor that has a period's reward shared out as soon as its board is final.

Add here when a checkpoint is computed; avoid what it waits for (``domain.checkpoint``). What it
waits for is no time of day, so it is a sensor and not a schedule.
"""

import json
from datetime import datetime, timedelta

import dagster as dg

from coordinator_pipelines.automation import checkpoint_request
from coordinator_pipelines.domain.checkpoint.period import Due, due_periods
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.sensors.resolution import at_work

SECONDS_BETWEEN_TICKS = 30


def checkpoint_sensor(challenge: Challenge) -> dg.SensorDefinition:
    """Requests a run for each live period whose boards are final, and when one of them changes."""
    job_name = f"{challenge.key}_checkpoint"
    pause = timedelta(seconds=challenge.refresh_seconds)

    @dg.sensor(
        name=job_name,
        job_name=job_name,
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        description="Shares out the reward of a period once its board of record is final.",
    )
    def pay(
        context: dg.SensorEvaluationContext,
        ledger: dg.ResourceParam[Ledger],
        clock: dg.ResourceParam[Clock],
    ) -> dg.SensorResult | dg.SkipReason:
        now = clock.now()
        if busy := at_work(context.instance, job_name, now):
            return busy
        asked = json.loads(context.cursor) if context.cursor else {}
        due = due_periods(challenge, ledger, now)
        wanted = [one for one in due if _is_news(one, asked.get(one.name), now, pause)]
        if not wanted:
            return dg.SkipReason("no period has ended whose boards are final and not paid on yet")
        for one in wanted:
            asked[one.name] = {"boards": one.boards, "at": now.isoformat()}
        kept = {one.name: asked[one.name] for one in due if one.name in asked}
        return dg.SensorResult(
            run_requests=[checkpoint_request(challenge, one.period) for one in wanted],
            cursor=json.dumps(kept),
        )

    return pay


def _is_news(due: Due, asked: dict[str, str] | None, now: datetime, pause: timedelta) -> bool:
    """Whether nobody asked for the period on these boards, or nothing came of it for a while."""
    if asked is None or asked["boards"] != due.boards:
        return True
    return due.never_computed and abs(now - datetime.fromisoformat(asked["at"])) > pause
