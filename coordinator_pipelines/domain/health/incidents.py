"""Incidents: something that is wrong, from when it began until it has been over for a while.

Add here what becomes of an incident; avoid what is wrong (``concerns``) and how people are told
(``doors.notifier``). One is told of once, and once that it is over; whoever acknowledges it hears
no more of it. What is not told yet is told at the next look, so that nothing is lost with a process
that dies, or while nobody can be reached.
"""

from collections.abc import Hashable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.notifier import Message
from coordinator_pipelines.domain.doors.operation import INCIDENT_COLUMNS
from coordinator_pipelines.domain.health.concerns import Alarms

QUIET = timedelta(seconds=60)
"""What has been well for so long is over; what comes back before then is the same incident."""
KEPT_IN_SIGHT = timedelta(days=7)
"""An incident that ended longer ago is not told any more."""
INSTANTS = [name for name in INCIDENT_COLUMNS if name.endswith("_at")]

Incident = dict[Hashable, Any]


def followed(stored: pd.DataFrame, alarms: Alarms, now: datetime) -> pd.DataFrame:
    """What changes of incidents by what is wrong now: INCIDENT_COLUMNS, to be recorded.

    ``stored``: those of ``Operation.incidents``, in whatever order.
    """
    rows = []
    lasting = {
        (row["name"], row["subject"]): row
        for row in stored[stored["ended_at"].isna()].to_dict("records")
    }
    for key, problem in alarms.items():
        row = lasting.pop(key, None) or _begun(*key, now)
        rows.append({**row, "problem": problem, "seen_at": now})
    rows += [
        {**row, "ended_at": row["seen_at"]}
        for row in lasting.values()
        if now - row["seen_at"] >= QUIET
    ]
    return frame(rows)


def to_tell(
    challenge: str, stored: pd.DataFrame, now: datetime
) -> Iterator[tuple[Message, pd.DataFrame]]:
    """Each message that is due, and what to record once it was sent."""
    for row in stored.sort_values("began_at").to_dict("records"):
        if not pd.isna(row["silenced_at"]):
            continue
        over = not pd.isna(row["ended_at"])
        told, end_told = (not pd.isna(row[name]) for name in ("told_at", "end_told_at"))
        if not told:
            sent = {"told_at": now} | ({"end_told_at": now} if over else {})
        elif over and not end_told:
            sent = {"end_told_at": now}
        else:
            continue
        yield _message(challenge, row, over=over), frame([{**row, **sent}])


def silenced(
    stored: pd.DataFrame, name: str, subject: str | None, by: str, reason: str | None, now: datetime
) -> pd.DataFrame:
    """The lasting incidents of a name (about a subject, or all), acknowledged: to be recorded."""
    lasting = stored["ended_at"].isna() & (stored["name"] == name)
    if subject is not None:
        lasting &= stored["subject"] == subject
    said = {"silenced_at": now, "silenced_by": by, "reason": reason}
    return frame([{**row, **said} for row in stored[lasting].to_dict("records")])


def frame(rows: "list[Incident] | list[dict[str, Any]]") -> pd.DataFrame:
    """Incidents as INCIDENT_COLUMNS."""
    told = pd.DataFrame(rows, columns=list(INCIDENT_COLUMNS))
    for name in INSTANTS:
        told[name] = pd.to_datetime(told[name], utc=True).astype("datetime64[us, UTC]")
    return told


def _begun(name: str, subject: str, now: datetime) -> Mapping[Hashable, Any]:
    row: dict[Hashable, Any] = dict.fromkeys(INCIDENT_COLUMNS)
    return row | {"name": name, "subject": subject, "began_at": now}


def _message(challenge: str, row: Incident, *, over: bool) -> Message:
    about = f" ({row['subject']})" if row["subject"] else ""
    began = f"{row['began_at']:%Y-%m-%d %H:%M:%S} UTC"
    if over:
        ended = f"{row['ended_at']:%Y-%m-%d %H:%M:%S} UTC"
        text = f"Over, from {began} to {ended}. It was: {row['problem']}"
        return Message(f"{challenge}: {row['name']}{about} is well again", text, good=True)
    text = f"{row['problem']}\nSince {began}. `coordinator alert ack {row['name']}` silences it."
    return Message(f"{challenge}: {row['name']}{about}", text, good=False)
