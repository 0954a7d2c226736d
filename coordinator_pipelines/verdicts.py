"""What a vital sign says in Dagster's words: the evaluation of a check, about one materialization.

Add here what the sensor and the checks by hand tell alike; avoid what the signs are
(``domain.health.vital_signs``) and when they are told.
"""

import dagster as dg

# Not among Dagster's public names yet, though the event that takes it is.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from coordinator_pipelines.domain.health.vital_signs import CHECKS, VitalSign
from coordinator_pipelines.domain.spec.challenge import Challenge

Subject = AssetCheckEvaluationTargetMaterializationData | None
"""The materialization that a verdict is about: the UI shows verdicts about the newest only."""


def subject(instance: dg.DagsterInstance, challenge: Challenge, sign: VitalSign) -> Subject:
    """The newest materialization of the sign's asset, whatever its window."""
    key = dg.AssetKey([challenge.key, sign.asset])
    records = instance.fetch_materializations(key, limit=1).records
    if not records:
        return None
    return AssetCheckEvaluationTargetMaterializationData(
        storage_id=records[0].storage_id,
        run_id=records[0].run_id,
        timestamp=records[0].timestamp,
    )


def evaluation(challenge: Challenge, sign: VitalSign, about: Subject) -> dg.AssetCheckEvaluation:
    """The sign's verdict about a materialization."""
    newest = f"{sign.newest:%Y-%m-%d %H:%M:%S} UTC" if sign.newest else "none"
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey([challenge.key, sign.asset]),
        check_name=sign.name,
        passed=sign.problem is None,
        severity=_severity(sign),
        description=sign.problem,
        metadata={"newest": newest},
        target_materialization_data=about,
    )


def _severity(sign: VitalSign) -> dg.AssetCheckSeverity:
    """A challenge that is dying is an error; what only deserves a look is a warning."""
    vital = sign.name in CHECKS
    return dg.AssetCheckSeverity.ERROR if vital else dg.AssetCheckSeverity.WARN
