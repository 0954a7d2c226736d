"""The sensor that tells people of what is wrong, once, and of its end.

Add here what a look does; avoid what is wrong (``domain.health.concerns``) and when it is told
(``domain.health.incidents``). What was told is in the ledger, not in the sensor: a daemon that was
restarted, or another one, does not tell it again.
"""

import dagster as dg

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.doors.machine import Machine
from coordinator_pipelines.domain.doors.notifier import Notifier
from coordinator_pipelines.domain.health.concerns import alarms
from coordinator_pipelines.domain.health.incidents import KEPT_IN_SIGHT, followed, to_tell
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import AlertError

SECONDS_BETWEEN_TICKS = 30


def alerts_sensor(challenge: Challenge) -> dg.SensorDefinition:
    """Follows incidents, and sends what nobody was told yet."""

    @dg.sensor(
        name=f"{challenge.key}_alerts",
        minimum_interval_seconds=SECONDS_BETWEEN_TICKS,
        description="Tells of what is wrong, and of its end, to those whom COORDINATOR_ALERTS "
        "names.",
    )
    def tell(
        ledger: dg.ResourceParam[Ledger],
        machine: dg.ResourceParam[Machine],
        notifier: dg.ResourceParam[Notifier],
        clock: dg.ResourceParam[Clock],
    ) -> dg.SkipReason:
        now = clock.now()
        known = ledger.incidents(now - KEPT_IN_SIGHT)
        found = alarms(challenge, ledger, machine, now)
        ledger.follow_incidents(followed(known, found, now))
        wrong = f"{len(found)} alarms" if found else "all well"
        if not notifier.is_set:
            return dg.SkipReason(f"{wrong}; nobody is told: COORDINATOR_ALERTS is not set")
        sent, failed = 0, ""
        for message, row in to_tell(challenge.name, ledger.incidents(now - KEPT_IN_SIGHT), now):
            try:
                notifier.send(message)
            except AlertError as error:
                failed = f"; {error}; it is tried again"
                break
            ledger.mark_told(row)
            sent += 1
        return dg.SkipReason(f"{wrong}, {sent} messages sent{failed}")

    return tell
