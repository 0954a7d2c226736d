"""The sensor that turns a stalled challenge red in the UI, and green again.

Add here how a change of a vital sign is told; avoid what the signs are (``domain.vital_signs``).
"""

import json

import dagster as dg

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.clock import Clock
from coordinator_pipelines.domain.ledger import Ledger
from coordinator_pipelines.domain.vital_signs import VitalSign, vital_signs

SECONDS_BETWEEN_TICKS = 15


def vital_signs_sensor(challenge: Challenge) -> dg.SensorDefinition:
    """Evaluates the checks of a challenge that is live, when they change."""

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
        changed = [sign for sign in signs if known.get(sign.name) is not (sign.problem is None)]
        if not changed:
            return dg.SkipReason("; ".join(filter(None, (s.problem for s in signs))) or "all well")
        return dg.SensorResult(
            asset_events=[_evaluation(challenge, sign) for sign in changed],
            cursor=json.dumps({sign.name: sign.problem is None for sign in signs}),
        )

    return watch


def _evaluation(challenge: Challenge, sign: VitalSign) -> dg.AssetCheckEvaluation:
    newest = f"{sign.newest:%Y-%m-%d %H:%M:%S} UTC" if sign.newest else "none"
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey([challenge.key, sign.asset]),
        check_name=sign.name,
        passed=sign.problem is None,
        description=sign.problem,
        metadata={"newest": newest},
    )
