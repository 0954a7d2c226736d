"""The sensor that keeps outcomes, scores and boards up to date.

Add here when a resolution is started; avoid what it covers (``domain.ground_truth.resolution``).
"""

import json
from datetime import datetime, timedelta

import dagster as dg

from coordinator_pipelines.automation import resolution_request
from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.ground_truth.resolution import span_to_resolve
from coordinator_pipelines.domain.spec.challenge import Challenge

AT_WORK = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]
MOST_SECONDS_BETWEEN_TICKS = 30
GIVEN_UP = timedelta(minutes=10)
"""A run that is at work for longer no longer keeps the next one from starting."""


def resolution_sensor(challenge: Challenge) -> dg.SensorDefinition:
    """Requests one run per refresh interval: truths and scores of what is due, and the boards."""
    job_name = f"{challenge.key}_resolve"
    refresh = timedelta(seconds=challenge.refresh_seconds)

    @dg.sensor(
        name=job_name,
        job_name=job_name,
        minimum_interval_seconds=min(MOST_SECONDS_BETWEEN_TICKS, challenge.refresh_seconds),
        description="Resolves what is due and refreshes the boards, every "
        f"{challenge.refresh_seconds} s.",
    )
    def resolve(
        context: dg.SensorEvaluationContext,
        ledger: dg.ResourceParam[Ledger],
        clock: dg.ResourceParam[Clock],
    ) -> dg.SensorResult | dg.SkipReason:
        now = clock.now()
        state = json.loads(context.cursor) if context.cursor else {}
        last = _instant(state.get("requested_at"))
        if busy := at_work(context.instance, job_name, now):
            return busy
        # A clock that was ahead when the last one was asked for keeps nobody waiting.
        lately = last is not None and abs(now - last) < refresh
        if lately and not _failed(context.instance, job_name):
            return dg.SkipReason(f"the last one was at {last:%H:%M:%S} UTC")
        span = span_to_resolve(challenge, ledger, now)
        if span is None:
            return dg.SkipReason("the challenge was never live, or is over and told to its end")
        return dg.SensorResult(
            run_requests=[resolution_request(challenge, span)],
            cursor=json.dumps({"requested_at": now.isoformat()}),
        )

    return resolve


def at_work(instance: dg.DagsterInstance, job_name: str, now: datetime) -> dg.SkipReason | None:
    """That a run of a job is at work, if one is that was not given up."""
    running = instance.get_run_records(
        dg.RunsFilter(job_name=job_name, statuses=AT_WORK, created_after=now - GIVEN_UP), limit=1
    )
    return dg.SkipReason(f"run {running[0].dagster_run.run_id[:8]} is at work") if running else None


def _failed(instance: dg.DagsterInstance, job_name: str) -> bool:
    """Whether the last run failed: the next one need not wait."""
    last = instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=1)
    return bool(last) and last[0].dagster_run.status is dg.DagsterRunStatus.FAILURE


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
