"""The sensor that turns a stalled challenge red in the UI, and green again.

Add here how a change of a vital sign is told; avoid what the signs are
(``domain.health``).
"""

import json
from typing import Any

import dagster as dg

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.doors.machine import Machine
from coordinator_pipelines.domain.health.concerns import signs
from coordinator_pipelines.domain.health.vital_signs import VitalSign
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.verdicts import Subject, evaluation, subject

SECONDS_BETWEEN_TICKS = 15


def vital_signs_sensor(challenge: Challenge) -> dg.SensorDefinition:
    """Evaluates the checks when they change, and anew about each new materialization."""

    @dg.sensor(
        name=f"{challenge.key}_vital_signs",
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        description="Compares the newest record, round, outcome and board with the clock, and "
        "looks for what deserves a warning.",
    )
    def watch(
        context: dg.SensorEvaluationContext,
        ledger: dg.ResourceParam[Ledger],
        machine: dg.ResourceParam[Machine],
        clock: dg.ResourceParam[Clock],
    ) -> dg.SensorResult | dg.SkipReason:
        seen = signs(challenge, ledger, machine, clock.now())
        known = json.loads(context.cursor) if context.cursor else {}
        subjects = {sign.name: subject(context.instance, challenge, sign) for sign in seen}
        states = {sign.name: _state(sign, subjects[sign.name]) for sign in seen}
        changed = [sign for sign in seen if known.get(sign.name) != states[sign.name]]
        if not changed:
            return dg.SkipReason("; ".join(filter(None, (s.problem for s in seen))) or "all well")
        return dg.SensorResult(
            asset_events=[evaluation(challenge, s, subjects[s.name]) for s in changed],
            cursor=json.dumps(states),
        )

    return watch


def _state(sign: VitalSign, about: Subject) -> list[Any]:
    return [sign.problem is None, about.storage_id if about else None]
