"""Live memberships: who takes part, kept from what happens to models.

Add here what a join, a loss or a redeployment does to a membership; avoid connections
(``models``) and what a membership is worth (``standing``, ``expectation``).

A model that leaves by announcement has left. One that vanishes, or fails and is given up, stays
expected for the challenge's ``absence_grace_seconds`` from then on; then it has left, as of the
end of the grace. If it is back before, nothing has happened to its membership.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import MEMBERSHIP_COLUMNS, Ledger, Mode
from coordinator_pipelines.domain.doors.models import EventKind, Member, MembershipEvent
from coordinator_pipelines.domain.doors.operation import MODEL_EVENT_COLUMNS
from coordinator_pipelines.domain.spec.challenge import Challenge

NOT_FOUND = "it was not there when the capture began"
LOSSES = (EventKind.VANISHED, EventKind.FAILED)

Heard = tuple[datetime, EventKind]
"""What happened to a model last, and when."""
Row = tuple[datetime, Member, datetime | None]
"""A membership to be written: ``joined_at``, the member, ``left_at``."""


@dataclass
class Memberships:
    """The open live memberships of a challenge; every change is written as it is made.

    What could not be written, because the database did not answer, is written the next time.
    """

    challenge: Challenge
    ledger: Ledger
    _open: dict[str, tuple[datetime, Member]] = field(default_factory=dict)
    _lost: dict[str, Heard] = field(default_factory=dict)
    _heard: list[MembershipEvent] = field(default_factory=list)
    _unwritten_events: list[MembershipEvent] = field(default_factory=list)
    _unwritten: dict[tuple[str, datetime], Row] = field(default_factory=dict)

    def awaited(self, connected: Sequence[Member]) -> list[str]:
        """Members that are not connected though nothing says that they are gone, by id."""
        here = {member.model_id for member in connected}
        lost = {each for each, (_, kind) in _newest_events(self.ledger).items() if kind in LOSSES}
        return sorted(self._stored_open().keys() - here - lost)

    def begin(
        self, connected: Sequence[Member], heard: Iterable[MembershipEvent], now: datetime
    ) -> None:
        """Take up what an earlier capture left, then take note of what was heard since.

        Members that are not connected have vanished. If it fails, it can be done again.
        """
        self._heard += heard
        self._unwritten_events, self._unwritten = [], {}
        self._open = self._stored_open()
        newest = _newest_events(self.ledger)
        self._lost = {
            model_id: (at, kind)
            for model_id, (at, kind) in newest.items()
            if kind in LOSSES and model_id in self._open
        }
        self.apply([event for event in self._heard if not _is_outdated(event, newest)], now)
        self.apply(self._not_among(connected, now), now)
        self._heard = []

    def apply(self, events: Iterable[MembershipEvent], now: datetime) -> None:
        """Take note of what happened, in order, and of losses whose grace is over by now."""
        for event in events:
            self._expire(event.at)
            if self._is_news(event):
                self._unwritten_events.append(event)
                self._change(event)
        self._expire(now)
        if self._unwritten_events:
            self.ledger.add_model_events(_event_frame(self._unwritten_events))
            self._unwritten_events = []
        if self._unwritten:
            self.ledger.record_memberships(_membership_frame(list(self._unwritten.values())))
            self._unwritten = {}

    def members(self) -> list[Member]:
        """Who is expected to answer from now on, by id, as last seen."""
        return [member for _, (_, member) in sorted(self._open.items())]

    def frame(self) -> pd.DataFrame:
        """The open memberships: MEMBERSHIP_COLUMNS."""
        return _membership_frame([(*stay, None) for stay in self._open.values()])

    def _stored_open(self) -> dict[str, tuple[datetime, Member]]:
        known = self.ledger.memberships(Mode.LIVE)
        known = known[known["left_at"].isna()]
        return {row["model_id"]: _member(row) for row in known.to_dict("records")}

    def _not_among(self, connected: Sequence[Member], now: datetime) -> list[MembershipEvent]:
        here = {member.model_id for member in connected}
        return [
            MembershipEvent(EventKind.VANISHED, member, now, NOT_FOUND)
            for model_id, (_, member) in self._open.items()
            if model_id not in here
        ]

    def _is_news(self, event: MembershipEvent) -> bool:
        model_id, known = event.member.model_id, self._open.get(event.member.model_id)
        if event.kind is EventKind.JOINED:
            return known is None or known[1] != event.member or model_id in self._lost
        if event.kind is EventKind.LEFT:
            return known is not None
        lost = self._lost.get(model_id)
        return lost is None or (lost[1] is EventKind.VANISHED and event.kind is EventKind.FAILED)

    def _change(self, event: MembershipEvent) -> None:
        model_id = event.member.model_id
        known = self._open.get(model_id)
        if event.kind is EventKind.JOINED:
            self._lost.pop(model_id, None)
            joined_at = known[0] if known else event.at
            self._open[model_id] = joined_at, replace(event.member, directory=None)
            self._write(joined_at, event.member, None)
        elif known is not None and event.kind is EventKind.LEFT:
            self._leave(model_id, event.at)
        elif known is not None:
            self._lost[model_id] = event.at, event.kind

    def _expire(self, now: datetime) -> None:
        grace = timedelta(seconds=self.challenge.absence_grace_seconds)
        for model_id, (at, _) in list(self._lost.items()):
            if at + grace <= now:
                self._leave(model_id, at + grace)

    def _leave(self, model_id: str, at: datetime) -> None:
        self._lost.pop(model_id, None)
        joined_at, member = self._open.pop(model_id)
        self._write(joined_at, member, max(at, joined_at))

    def _write(self, joined_at: datetime, member: Member, left_at: datetime | None) -> None:
        self._unwritten[member.model_id, joined_at] = joined_at, member, left_at


def _newest_events(ledger: Ledger) -> dict[str, Heard]:
    rows = ledger.newest_model_events().to_dict("records")
    return {row["model_id"]: (row["at"].to_pydatetime(), EventKind(row["kind"])) for row in rows}


def _is_outdated(event: MembershipEvent, newest: dict[str, Heard]) -> bool:
    """Whether the earlier capture heard something later, which is how things stand."""
    known = newest.get(event.member.model_id)
    return known is not None and event.at < known[0]


def _member(row: dict[Any, Any]) -> tuple[datetime, Member]:
    member = Member(row["model_id"], row["name"], row["owner"], row["owner_id"], row["code_hash"])
    return row["joined_at"].to_pydatetime(), member


def _membership_frame(rows: Sequence[Row]) -> pd.DataFrame:
    values = [
        (Mode.LIVE.value, member.model_id, joined_at, left_at, member.name, member.owner,
         member.owner_id, member.code_hash)
        for joined_at, member, left_at in rows
    ]  # fmt: skip
    frame = pd.DataFrame(values, columns=list(MEMBERSHIP_COLUMNS))
    for name in ("joined_at", "left_at"):
        frame[name] = pd.DatetimeIndex(frame[name], tz="UTC").as_unit("us")
    return frame


def _event_frame(events: Sequence[MembershipEvent]) -> pd.DataFrame:
    values = [
        (event.at, event.member.model_id, event.kind.value, event.member.code_hash, event.reason)
        for event in events
    ]
    frame = pd.DataFrame(values, columns=list(MODEL_EVENT_COLUMNS))
    frame["at"] = pd.to_datetime(frame["at"], utc=True).astype("datetime64[us, UTC]")
    return frame
