"""The sensor that turns a stalled challenge red in the UI, and green again.

Add here how a change of a vital sign is told; avoid what the signs are
(``domain.health.vital_signs``).
"""

import json
from typing import Any

import dagster as dg

# Not among Dagster's public names yet, though the event that takes it is.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.health.vital_signs import VitalSign, vital_signs
from coordinator_pipelines.domain.spec.challenge import Challenge

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
        subjects = {sign.name: _subject(context.instance, challenge, sign) for sign in signs}
        states = {sign.name: _state(sign, subjects[sign.name]) for sign in signs}
        changed = [sign for sign in signs if known.get(sign.name) != states[sign.name]]
        if not changed:
            return dg.SkipReason("; ".join(filter(None, (s.problem for s in signs))) or "all well")
        return dg.SensorResult(
            asset_events=[_evaluation(challenge, s, subjects[s.name]) for s in changed],
            cursor=json.dumps(states),
        )

    return watch


Subject = AssetCheckEvaluationTargetMaterializationData | None
"""The materialization that a verdict is about: the UI shows verdicts about the newest only."""


def _subject(instance: dg.DagsterInstance, challenge: Challenge, sign: VitalSign) -> Subject:
    key = dg.AssetKey([challenge.key, sign.asset])
    records = instance.fetch_materializations(key, limit=1).records
    if not records:
        return None
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=records[0].storage_id,
        run_id=records[0].run_id,
        timestamp=records[0].timestamp,
    )


def _state(sign: VitalSign, subject: Subject) -> list[Any]:
    return [sign.problem is None, subject.storage_id if subject else None]


def _evaluation(challenge: Challenge, sign: VitalSign, subject: Subject) -> dg.AssetCheckEvaluation:
    newest = f"{sign.newest:%Y-%m-%d %H:%M:%S} UTC" if sign.newest else "none"
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey([challenge.key, sign.asset]),
        check_name=sign.name,
        passed=sign.problem is None,
        description=sign.problem,
        metadata={"newest": newest},
        target_materialization_data=subject,
    )
