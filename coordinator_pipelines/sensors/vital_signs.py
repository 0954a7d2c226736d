"""The sensor that turns a stalled challenge red in the UI, and green again.

Add here how a change of a vital sign is told; avoid what the signs are
(``domain.health.vital_signs``).
"""

import json
from typing import Any

import dagster as dg

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.health.vital_signs import VitalSign, vital_signs
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.verdicts import Subject, evaluation, subject

SECONDS_BETWEEN_TICKS = 15


def vital_signs_sensor(challenge: Challenge) -> dg.SensorDefinition:
    """Evaluates the checks when they change, and anew about each new materialization."""

    @dg.sensor(
        name=f"{challenge.key}_vital_signs",
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        description="Compares the newest record, round, outcome and board with the clock.",
    )
    def watch(
        context: dg.SensorEvaluationContext,
        ledger: dg.ResourceParam[Ledger],
        clock: dg.ResourceParam[Clock],
    ) -> dg.SensorResult | dg.SkipReason:
        signs = vital_signs(challenge, ledger, clock.now())
        known = json.loads(context.cursor) if context.cursor else {}
        subjects = {sign.name: subject(context.instance, challenge, sign) for sign in signs}
        states = {sign.name: _state(sign, subjects[sign.name]) for sign in signs}
        changed = [sign for sign in signs if known.get(sign.name) != states[sign.name]]
        if not changed:
            return dg.SkipReason("; ".join(filter(None, (s.problem for s in signs))) or "all well")
        return dg.SensorResult(
            asset_events=[evaluation(challenge, s, subjects[s.name]) for s in changed],
            cursor=json.dumps(states),
        )

    return watch


def _state(sign: VitalSign, about: Subject) -> list[Any]:
    return [sign.problem is None, about.storage_id if about else None]
