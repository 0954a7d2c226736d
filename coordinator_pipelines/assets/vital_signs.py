"""The checks that a live challenge is alive; unlike those of stages they know no window.

Add here how a vital sign is declared and evaluated by hand; avoid what the signs are
(``domain.health``). A sensor evaluates them by itself.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.doors.machine import Machine
from coordinator_pipelines.domain.health.concerns import SIGNS, signs
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.verdicts import evaluation, subject


def vital_sign_checks(challenge: Challenge) -> list[dg.AssetChecksDefinition]:
    """One check per sign."""
    return [
        _check(challenge, name, asset, description) for name, (asset, description) in SIGNS.items()
    ]


def _check(
    challenge: Challenge, name: str, asset: str, description: str
) -> dg.AssetChecksDefinition:
    key = dg.AssetKey([challenge.key, asset])
    spec = dg.AssetCheckSpec(name, asset=key, description=description)

    # An evaluation, not a result: to make one of a result, Dagster lists every window since the
    # start of the challenge. It is no output, so the output must be one that may be left out.
    @dg.multi_asset_check(name=f"{challenge.key}__{name}", specs=[spec], can_subset=True)
    def check(
        context: dg.AssetCheckExecutionContext,
        ledger: dg.ResourceParam[Ledger],
        machine: dg.ResourceParam[Machine],
        clock: dg.ResourceParam[Clock],
    ) -> Iterator[Any]:
        seen = signs(challenge, ledger, machine, clock.now())
        [sign] = [sign for sign in seen if sign.name == name]
        about = subject(context.instance, challenge, sign)
        yield evaluation(challenge, sign, about)

    return check
