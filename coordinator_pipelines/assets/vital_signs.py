"""The checks that a live challenge is alive; unlike those of stages they know no window.

Add here how a vital sign is declared and evaluated by hand; avoid what the signs are
(``domain.health.vital_signs``). A sensor evaluates them by itself.
"""

import dagster as dg

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.health.vital_signs import CHECKS, vital_signs
from coordinator_pipelines.domain.spec.challenge import Challenge


def vital_sign_checks(challenge: Challenge) -> list[dg.AssetChecksDefinition]:
    """One check per sign."""
    return [
        _check(challenge, name, asset, description) for name, (asset, description) in CHECKS.items()
    ]


def _check(
    challenge: Challenge, name: str, asset: str, description: str
) -> dg.AssetChecksDefinition:
    @dg.asset_check(name=name, asset=dg.AssetKey([challenge.key, asset]), description=description)
    def check(
        ledger: dg.ResourceParam[Ledger], clock: dg.ResourceParam[Clock]
    ) -> dg.AssetCheckResult:
        signs = {sign.name: sign for sign in vital_signs(challenge, ledger, clock.now())}
        return dg.AssetCheckResult(
            passed=signs[name].problem is None, description=signs[name].problem
        )

    return check
