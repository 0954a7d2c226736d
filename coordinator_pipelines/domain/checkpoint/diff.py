"""What changed between two checkpoints, account by account."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from coordinator_pipelines.domain.checkpoint.settlement import shares_by_account


@dataclass(frozen=True, slots=True)
class Difference:
    """One account's share in two checkpoints, in billionths."""

    account: str
    before: int
    after: int


def differences(before: "pd.Series[Any]", after: "pd.Series[Any]") -> list[Difference]:
    """The accounts whose share is another one, the greatest change first."""
    was, is_now = shares_by_account(before), shares_by_account(after)
    changed = [
        Difference(account, was[account], is_now[account])
        for account in {*was, *is_now}
        if was[account] != is_now[account]
    ]
    return sorted(changed, key=lambda one: (-abs(one.after - one.before), one.account))
