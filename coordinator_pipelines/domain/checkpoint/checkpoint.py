"""A checkpoint: the boards of a period turned into shares of its reward.

Add here what a checkpoint says, and what it must wait for; avoid who earns what (``strategies``)
and what becomes of the payout (``desk``). Nothing is ranked here: what is paid is what is shown.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.checkpoint.allotment import Allotment, allotment
from coordinator_pipelines.domain.checkpoint.findings import findings
from coordinator_pipelines.domain.checkpoint.payees import Payee, deciding
from coordinator_pipelines.domain.checkpoint.period import board_instant
from coordinator_pipelines.domain.checkpoint.settlement import settlements, shares_by_account
from coordinator_pipelines.domain.checkpoint.shares import (
    WHOLE,
    exact,
    in_billionths,
    largest_remainder,
)
from coordinator_pipelines.domain.doors.models import UNKNOWN_OWNER
from coordinator_pipelines.domain.doors.payout import CHECKPOINT_COLUMNS
from coordinator_pipelines.domain.doors.published import checkpoint_hash
from coordinator_pipelines.domain.leaderboard.boards import Boards
from coordinator_pipelines.domain.leaderboard.ranking import Entry
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.timeline.window import Window
from coordinator_pipelines.domain.values.content import canonical

MOST_NAMED = 3
"""Rounds that are named where many lack an outcome."""
TREASURY = "treasury"
"""What stands for a model where the treasury has an index; a colon is in no model's id."""


@dataclass(frozen=True, slots=True)
class Payout:
    """Who gets what of a period, as a document of the ledger."""

    entries: list[dict[str, Any]]
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Computes the checkpoints of one mode from its boards of record."""

    boards: Boards

    def waits_for(self, period: Window) -> str | None:
        """What must happen before the period can be paid, for an operator; None if nothing."""
        boards, challenge = self.boards, self.boards.challenge
        instant = board_instant(challenge, period)
        if instant > boards.now:
            return f"the period ends at {_at(instant)}"
        stored = self._stored(period)
        for as_of in self._instants(period, stored):
            board = stored[stored["as_of"] == as_of]
            if board.empty:
                return f"there is no board as of {_at(as_of)} yet"
            if not board["final"].item():
                return f"the board as of {_at(as_of)} is not final: {self._untold(as_of)}"
        return None

    def checkpoint(self, period: Window) -> pd.DataFrame:
        """The period's checkpoint, as it comes out today: one row, CHECKPOINT_COLUMNS.

        Its version is the newest one that is stored, if that says the same, else the one after it.
        Payees that are new get their indices.

        Raises:
            CallableError: the author's strategy cannot be used.
        """
        boards, challenge = self.boards, self.boards.challenge
        payout = self.payout(self._stored(period), period)
        digest = checkpoint_hash(payout.entries, payout.meta)
        mode, end = boards.mode.value, as_utc(period.end)
        known = boards.ledger.checkpoints(mode, [end])
        same = len(known) and known["content_hash"].iloc[-1] == digest
        version = len(known) if same else len(known) + 1
        row = (
            mode, end, version, checkpoint_id(mode, end, version), as_utc(period.start),
            board_instant(challenge, period), digest, boards.run_id,
            canonical(payout.entries), canonical(payout.meta),
        )  # fmt: skip
        frame = pd.DataFrame([row], columns=list(CHECKPOINT_COLUMNS))
        for name in ("period_end", "period_start", "as_of"):
            frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
        return frame

    def payout(self, stored: pd.DataFrame, period: Window, *, dry_run: bool = False) -> Payout:
        """Who gets what on stored boards (LEADERBOARD_COLUMNS, in order), final or not.

        A dry run writes nothing: whoever was never paid has no index yet.
        """
        entries = self._entries(stored)
        accounts = self._accounts(entries[-1])
        paid, treasury = self._paid(entries, accounts, dry_run=dry_run)
        if self.boards.challenge.emission.basis == "board":
            stored = stored.iloc[-1:]
        meta = self._meta(paid, treasury, stored, period)
        return Payout(paid, meta | {"findings": self._findings(period, stored, accounts)})

    def shares_on(self, period: Window, board: pd.DataFrame) -> Counter[str] | None:
        """Account -> its share of the period if one of its boards were this one; None if not paid.

        ``board``: LEADERBOARD_COLUMNS, one row, in whatever version. The other boards, where the
        period is paid on several, are the newest. A period that cannot be paid yet has no shares,
        nor one that is not paid on this board. Nothing is written.

        Raises:
            CallableError: the author's strategy cannot be used.
        """
        as_of = board["as_of"].iloc[0]
        stored = self._stored(period)
        if as_of not in set(stored["as_of"]) or self.waits_for(period):
            return None
        stored = pd.concat([stored[stored["as_of"] != as_of], board[stored.columns]])
        stored = stored.sort_values("as_of", ignore_index=True)
        entries = self._entries(stored)
        return shares_by_account(*self._paid(entries, self._accounts(entries[-1]), dry_run=True))

    def _entries(self, stored: pd.DataFrame) -> list[list[Entry]]:
        """The entries of the boards that decide, of stored ones in order."""
        found = [json.loads(text) for text in stored["entries_json"]]
        return found[-1:] if self.boards.challenge.emission.basis == "board" else found

    def _paid(
        self, entries: list[list[Entry]], accounts: Mapping[str, str], *, dry_run: bool
    ) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """The entries of a payout, and what goes to the treasury, if there is one."""
        boards = self.boards
        allotted = allotment(boards.challenge, entries, accounts, boards.rules.emit)
        return self._told(allotted, self._indices(allotted.field.payees, dry_run=dry_run))

    def _told(
        self, allotted: Allotment, indices: Mapping[str, int | None]
    ) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        """The entries with their shares, and what goes to the treasury, if there is one."""
        payees = zip(allotted.field.payees, allotted.earned, allotted.shares, strict=True)
        entries = [_entry(payee, part, own, indices[payee.account]) for payee, part, own in payees]
        entries += [_unpaid_entry(candidate, reason) for candidate, reason in allotted.field.unpaid]
        account = self.boards.challenge.emission.treasury
        if account is None:
            return entries, None
        own = {"account": account, "cruncher_index": indices[account], "share": allotted.treasury}
        return entries, own

    def _meta(
        self,
        entries: Sequence[Mapping[str, Any]],
        treasury: Mapping[str, Any] | None,
        stored: pd.DataFrame,
        period: Window,
    ) -> dict[str, Any]:
        """What the payout was computed from, under which rules, and what else belongs to it."""
        boards, emission = self.boards, self.boards.challenge.emission
        given = sum(entry["share"] for entry in entries) + (treasury["share"] if treasury else 0)
        source = stored[["as_of", "version", "content_hash"]].itertuples(index=False, name=None)
        return {
            "basis": emission.basis,
            "decided_by": deciding(boards.challenge),
            "boards": [
                {"as_of": as_of.isoformat(), "version": int(version), "content_hash": digest}
                for as_of, version, digest in source
            ],
            "emission": emission.model_dump(mode="json"),
            "crunch": emission.crunch_pubkey or boards.challenge.crunch_id,
            "treasury": treasury,
            "withheld": WHOLE - given,
            "compute_providers": _providers(emission.compute_providers),
            "data_providers": _providers(emission.data_providers),
            "settlements": settlements(boards.ledger, boards.mode.value, as_utc(period.end)),
        }

    def _accounts(self, entries: Sequence[Entry]) -> dict[str, str]:
        """Model id -> the account that it is paid to: the first that it was ever said to be."""
        known = self.boards.ledger.payout_accounts(self.boards.mode.value)
        said = {e["model_id"]: e.get("cruncher_id") or UNKNOWN_OWNER for e in entries}
        return said | dict(zip(known["model_id"], known["account"], strict=True))

    def _findings(
        self, period: Window, stored: pd.DataFrame, accounts: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        """What speaks against paying, in the answers of the period until its last board."""
        boards = self.boards
        span = Window(period.start, min(period.end, stored["as_of"].max().to_pydatetime()))
        return findings(boards.challenge, boards.ledger, boards.mode, span, accounts)

    def _indices(self, payees: Sequence[Payee], *, dry_run: bool) -> dict[str, int | None]:
        """Account -> its index in emissions, given for good when it is first needed."""
        rows = [(payee.candidate.model_id, payee.account) for payee in payees]
        treasury = self.boards.challenge.emission.treasury
        if treasury is not None:
            rows.append((f"{TREASURY}:{treasury}", treasury))
        mode, ledger = self.boards.mode.value, self.boards.ledger
        if dry_run:
            given = ledger.payout_accounts(mode)
        else:
            models = pd.DataFrame(rows, columns=["model_id", "account"])
            given = ledger.assign_accounts(mode, models)
        known = dict(zip(given["account"], map(int, given["cruncher_index"]), strict=True))
        return {account: known.get(account) for _, account in rows}

    def _stored(self, period: Window) -> pd.DataFrame:
        """The stored boards that the period is paid on."""
        boards, instant = self.boards, board_instant(self.boards.challenge, period)
        length = boards.challenge.window_length
        after = instant - length
        if boards.challenge.emission.basis == "mean_of_boards":
            after = period.start
        found = boards.ledger.leaderboards(boards.mode, after, instant)
        ends = pd.date_range(period.start, instant, freq=length)
        return found[found["as_of"].isin(ends)].reset_index(drop=True)

    def _instants(self, period: Window, stored: pd.DataFrame) -> list[datetime]:
        """The instants whose boards the period is paid on, those without a board included."""
        instant = board_instant(self.boards.challenge, period)
        first = instant if stored.empty else min(instant, stored["as_of"].min())
        ends = pd.date_range(first, instant, freq=self.boards.challenge.window_length)
        return [end.to_pydatetime() for end in ends]

    def _untold(self, as_of: datetime) -> str:
        untold = self.boards.untold(as_of)
        if untold.empty:
            return "its next refresh will tell"
        named = [
            f"{row['prediction_config_id']} of {_at(row['performed_at'])}"
            for row in untold.head(MOST_NAMED).to_dict("records")
        ]
        more = f" and {len(untold) - MOST_NAMED} more" if len(untold) > MOST_NAMED else ""
        return f"no outcome yet of {', '.join(named)}{more}"


def checkpoint_id(mode: str, period_end: datetime, version: int) -> str:
    """The id of a checkpoint: a function of its key."""
    return f"ckp-{mode}-{period_end:%Y%m%dT%H%M}Z-v{version}"


def inconsistencies(payout: Payout, owner_cap: float) -> list[str]:
    """What is wrong with a payout, a line each; empty if nothing is.

    Shares are whole, not below 0, and add up to 100 % with what is withheld; nobody passes the
    cap; each account and each index is paid once; providers add up to 100 %.
    """
    problems = []
    shares = [entry["share"] for entry in payout.entries]
    treasury = payout.meta["treasury"]
    total = sum(shares) + (treasury["share"] if treasury else 0) + payout.meta["withheld"]
    if total != WHOLE:
        problems.append(f"the shares add up to {total} billionths, not {WHOLE}")
    most = int(in_billionths(owner_cap) * WHOLE)
    problems += [
        f"{entry['model_id']} gets {entry['share']}, not 0 to {most} billionths"
        for entry in payout.entries
        if not isinstance(entry["share"], int) or not 0 <= entry["share"] <= most
    ]
    paid = [entry for entry in payout.entries if entry["unpaid"] is None]
    for name in ("account", "cruncher_index"):
        values = [entry[name] for entry in paid]
        problems += [f"{name} {v} is paid twice" for v in sorted({*values}) if values.count(v) > 1]
    for name in ("compute_providers", "data_providers"):
        shares = [one["share"] for one in payout.meta[name]]
        if shares and sum(shares) != WHOLE:
            problems.append(f"{name} add up to {sum(shares)} billionths, not {WHOLE}")
    return problems


def _entry(payee: Payee, part: Fraction, share: int, index: int | None) -> dict[str, Any]:
    told = _told(payee.candidate.entry, payee.candidate.value)
    paid = {"account": payee.account, "cruncher_index": index, "place": payee.place}
    return told | paid | {"tied": payee.tied, "earned": float(part), "share": share, "unpaid": None}


def _unpaid_entry(candidate: Any, reason: str) -> dict[str, Any]:
    told = _told(candidate.entry, candidate.value)
    nothing = {"account": None, "cruncher_index": None, "place": None, "tied": None}
    return told | nothing | {"earned": 0.0, "share": 0, "unpaid": reason}


def _told(entry: Entry, value: float | None) -> dict[str, Any]:
    names = ("model_id", "model_name", "cruncher_name", "rank")
    return {**{name: entry[name] for name in names}, "value": value}


def _providers(weights: Mapping[str, float]) -> list[dict[str, Any]]:
    if not weights:
        return []
    shares = largest_remainder([exact(weight) for weight in weights.values()])
    return [{"provider": a, "share": s} for a, s in zip(weights, shares, strict=True)]


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
