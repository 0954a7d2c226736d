"""What a correction changes, and how what was paid wrongly is put right later.

Add here what two versions of a payout differ in; avoid computing the correction itself
(``checkpoint``). What was paid stays as it is; the difference is told in the next period that is
computed, in billionths of the emission of the period that it is about.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.checkpoint.state import State, progress_by_checkpoint
from coordinator_pipelines.domain.doors.payout import Payouts


@dataclass(frozen=True, slots=True)
class Difference:
    """One account's share in two checkpoints, in billionths."""

    account: str
    before: int
    after: int


def settlements(ledger: Payouts, mode: str, period_end: datetime) -> list[dict[str, Any]]:
    """What a period's checkpoint settles of earlier ones that were paid and then corrected.

    Each: ``{"period_end", "paid", "corrected", "account", "difference"}``; positive differences
    are owed to the account. What another later period settles already is left out, and a period
    that was paid settles what it settled then.
    """
    heads = _standing(ledger, mode)
    own = heads[(heads["period_end"] == period_end) & heads["paid"]]
    if len(own):
        stored = ledger.checkpoint(own["id"].iloc[-1])
        return list(json.loads(stored["meta_json"].item())["settlements"])
    corrected = heads[heads["paid"] & ~heads["newest"] & (heads["period_end"] < period_end)]
    if corrected.empty:
        return []
    later = heads[
        heads["counts"]
        & (heads["period_end"] != period_end)
        & (heads["period_end"] > corrected["period_end"].min())
    ]
    ends = {*corrected["period_end"], *later["period_end"]}
    stored = ledger.checkpoints(mode, sorted(end.to_pydatetime() for end in ends))
    settled = _settled(stored[stored["id"].isin(later["id"])])
    return [
        difference
        for end, versions in stored.groupby("period_end")
        if end in set(corrected["period_end"])
        for difference in _owed(
            end, versions[versions["id"].isin(corrected["id"])].iloc[-1], versions.iloc[-1], settled
        )
    ]


def differences(before: "pd.Series[Any]", after: "pd.Series[Any]") -> list[Difference]:
    """What differs between two stored checkpoints (CHECKPOINT_COLUMNS)."""
    return changed_shares(_stored_shares(before), _stored_shares(after))


def shares_by_account(
    entries: Sequence[Mapping[str, Any]], treasury: Mapping[str, Any] | None
) -> Counter[str]:
    """Account -> its share, of the entries of a checkpoint and what its treasury gets."""
    shares = Counter[str]()
    for entry in entries:
        if entry["share"]:
            shares[entry["account"]] += entry["share"]
    if treasury:
        shares[treasury["account"]] += treasury["share"]
    return shares


def changed_shares(was: Counter[str], is_now: Counter[str]) -> list[Difference]:
    """The accounts whose share is another one, the greatest change first."""
    changed = [
        Difference(account, was[account], is_now[account])
        for account in {*was, *is_now}
        if was[account] != is_now[account]
    ]
    return sorted(changed, key=lambda one: (-abs(one.after - one.before), one.account))


def _stored_shares(checkpoint: "pd.Series[Any]") -> Counter[str]:
    """Account -> its share in a stored checkpoint (CHECKPOINT_COLUMNS)."""
    meta = json.loads(checkpoint["meta_json"])
    return shares_by_account(json.loads(checkpoint["entries_json"]), meta["treasury"])


def _standing(ledger: Payouts, mode: str) -> pd.DataFrame:
    """All versions, with whether each is ``paid``, is the ``newest`` of its period, or ``counts``.

    What counts of a period is the version that was paid, else the newest.
    """
    heads = ledger.checkpoint_heads(mode)
    told = progress_by_checkpoint(ledger.checkpoint_events())
    paid = {name for name, own in told.items() if own.state is State.PAID}
    heads["paid"] = heads["id"].isin(paid)
    by_period = heads.groupby("period_end")
    heads["newest"] = heads["version"] == by_period["version"].transform("max")
    settled_by_then = by_period["paid"].transform("any")
    heads["counts"] = heads["paid"].where(settled_by_then, heads["newest"]).astype(bool)
    return heads


def _settled(later: pd.DataFrame) -> Counter[tuple[str, str]]:
    """(period end, account) -> what later periods settle of it."""
    total = Counter[tuple[str, str]]()
    for meta in later["meta_json"]:
        for one in json.loads(meta)["settlements"]:
            total[one["period_end"], one["account"]] += one["difference"]
    return total


def _owed(
    end: Any, paid: "pd.Series[Any]", newest: "pd.Series[Any]", settled: Counter[tuple[str, str]]
) -> Iterator[dict[str, Any]]:
    instant = end.isoformat()
    was, is_now = _stored_shares(paid), _stored_shares(newest)
    for account in sorted({*was, *is_now}):
        difference = is_now[account] - was[account] - settled[instant, account]
        if difference:
            yield {
                "period_end": instant,
                "paid": paid["id"],
                "corrected": newest["id"],
                "account": account,
                "difference": difference,
            }
