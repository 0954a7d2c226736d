"""Live memberships: who takes part, kept from what happens to models.

Add here what a join, a loss or a redeployment does to a membership; avoid connections
(``models``) and what a membership is worth (``standing``, ``expectation``).

A model that leaves by announcement has left. One that vanishes, or fails and is given up, stays
expected for the challenge's ``absence_grace_seconds``; then it has left, as of the end of the
grace. If it is back before, nothing has happened to its membership.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.ledger import MEMBERSHIP_COLUMNS, Ledger, Mode
from coordinator_pipelines.domain.models import EventKind, Member, MembershipEvent
from coordinator_pipelines.domain.operation import MODEL_EVENT_COLUMNS

NOT_FOUND = "it was not there when the capture began"
LOSSES = (EventKind.VANISHED, EventKind.FAILED)


@dataclass
class Memberships:
    """The open live memberships of a challenge; every change is written as it is made."""

    challenge: Challenge
    ledger: Ledger
    _open: dict[str, tuple[datetime, Member]] = field(default_factory=dict)
    _lost: dict[str, datetime] = field(default_factory=dict)

    def begin(self, connected: Sequence[Member], now: datetime) -> None:
        """Take up what an earlier capture left; members that are not connected have vanished."""
        known = self.ledger.memberships(Mode.LIVE)
        known = known[known["left_at"].isna()]
        self._open = {row["model_id"]: _member(row) for row in known.to_dict("records")}
        events = self.ledger.newest_model_events()
        lost = events[events["kind"].isin(LOSSES)]
        self._lost = {
            model_id: at.to_pydatetime()
            for model_id, at in zip(lost["model_id"], lost["at"], strict=True)
            if model_id in self._open
        }
        here = {member.model_id for member in connected}
        self.apply(
            [
                MembershipEvent(EventKind.VANISHED, member, now, NOT_FOUND)
                for model_id, (_, member) in self._open.items()
                if model_id not in here
            ],
            now,
        )

    def apply(self, events: Iterable[MembershipEvent], now: datetime) -> None:
        """Take note of what happened, and of losses whose grace is over by now."""
        noted = [event for event in events if self._is_news(event)]
        rows = [row for event in noted for row in self._changed(event)]
        rows += self._expired(now)
        if noted:
            self.ledger.add_model_events(_event_frame(noted))
        if rows:
            self.ledger.record_memberships(_membership_frame(rows))

    def members(self) -> list[Member]:
        """Who is expected to answer from now on, by id, as last seen."""
        return [member for _, (_, member) in sorted(self._open.items())]

    def frame(self) -> pd.DataFrame:
        """The open memberships: MEMBERSHIP_COLUMNS."""
        return _membership_frame([(*stay, None) for stay in self._open.values()])

    def _is_news(self, event: MembershipEvent) -> bool:
        model_id, known = event.member.model_id, self._open.get(event.member.model_id)
        if event.kind is EventKind.JOINED:
            return known is None or known[1] != event.member or model_id in self._lost
        if event.kind is EventKind.LEFT:
            return known is not None
        return model_id not in self._lost

    def _changed(self, event: MembershipEvent) -> Iterator[tuple[datetime, Member, Any]]:
        model_id = event.member.model_id
        known = self._open.get(model_id)
        if event.kind is EventKind.JOINED:
            self._lost.pop(model_id, None)
            joined_at = known[0] if known else event.at
            self._open[model_id] = joined_at, replace(event.member, directory=None)
            yield joined_at, event.member, None
        elif known is not None and event.kind is EventKind.LEFT:
            yield self._left(model_id, event.at)
        elif known is not None:
            self._lost[model_id] = event.at

    def _expired(self, now: datetime) -> list[tuple[datetime, Member, Any]]:
        grace = timedelta(seconds=self.challenge.absence_grace_seconds)
        over = [model_id for model_id, at in self._lost.items() if at + grace <= now]
        return [self._left(model_id, self._lost[model_id] + grace) for model_id in over]

    def _left(self, model_id: str, at: datetime) -> tuple[datetime, Member, Any]:
        self._lost.pop(model_id, None)
        joined_at, member = self._open.pop(model_id)
        return joined_at, member, max(at, joined_at)


def _member(row: dict[Any, Any]) -> tuple[datetime, Member]:
    member = Member(row["model_id"], row["name"], row["owner"], row["code_hash"])
    return row["joined_at"].to_pydatetime(), member


def _membership_frame(rows: Sequence[tuple[datetime, Member, Any]]) -> pd.DataFrame:
    values = [
        (Mode.LIVE.value, member.model_id, joined_at, left_at, member.name, member.owner,
         member.code_hash)
        for joined_at, member, left_at in rows
    ]  # fmt: skip
    frame = pd.DataFrame(values, columns=list(MEMBERSHIP_COLUMNS))
    for name in ("joined_at", "left_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
    return frame


def _event_frame(events: Sequence[MembershipEvent]) -> pd.DataFrame:
    values = [
        (event.at, event.member.model_id, event.kind.value, event.member.code_hash, event.reason)
        for event in events
    ]
    frame = pd.DataFrame(values, columns=list(MODEL_EVENT_COLUMNS))
    frame["at"] = pd.to_datetime(frame["at"], utc=True).astype("datetime64[us, UTC]")
    return frame
