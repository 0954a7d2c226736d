"""Checkpoints, what happened to them, and whose accounts are paid.

Add reads and writes of payouts here; avoid who gets what, and which step may follow which.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
from sqlalchemy import select

from coordinator_pipelines.domain.doors.payout import (
    CHECKPOINT_COLUMNS,
    CHECKPOINT_EVENT_COLUMNS,
    PAYOUT_ACCOUNT_COLUMNS,
)
from coordinator_pipelines.domain.evidence.entry import checkpoint_drafts
from coordinator_pipelines.domain.season.state import State, is_closed
from coordinator_pipelines.domain.timeline.instant import as_utc
from coordinator_pipelines.domain.values.errors import SeasonError
from coordinator_pipelines.storage.engine import bulk, reads
from coordinator_pipelines.storage.published import closed, publish
from coordinator_pipelines.storage.store import Store
from coordinator_pipelines.storage.tables import checkpoint_events as event_table
from coordinator_pipelines.storage.tables import checkpoints as checkpoint_table
from coordinator_pipelines.storage.tables import payout_accounts as account_table

HEAD_COLUMNS = tuple(name for name in CHECKPOINT_COLUMNS if not name.endswith("_json"))


class Checkpoints(Store):
    """Reads and writes of payouts."""

    def checkpoint_heads(self, mode: str, *, newest: int | None = None) -> pd.DataFrame:
        """Every version of checkpoints, without the two documents, in order."""
        columns = checkpoint_table.c
        conditions = [columns.mode == mode]
        if newest is not None:
            ends = select(columns.period_end).where(columns.mode == mode).distinct()
            last = ends.order_by(columns.period_end.desc()).limit(newest).subquery()
            conditions.append(columns.period_end.in_(select(last)))
        return self._read(checkpoint_table, HEAD_COLUMNS, *conditions)

    def checkpoints(self, mode: str, period_ends: Sequence[datetime]) -> pd.DataFrame:
        """All versions of the checkpoints of these periods: CHECKPOINT_COLUMNS."""
        columns = checkpoint_table.c
        ends = [as_utc(end) for end in period_ends]
        conditions = (columns.mode == mode, columns.period_end.in_(ends))
        return self._read(checkpoint_table, CHECKPOINT_COLUMNS, *conditions)

    def checkpoint(self, checkpoint_id: str) -> pd.DataFrame:
        """The checkpoint of an id: CHECKPOINT_COLUMNS, one row or none."""
        own = checkpoint_table.c.id == checkpoint_id
        return self._read(checkpoint_table, CHECKPOINT_COLUMNS, own)

    def add_checkpoint(self, checkpoint: pd.DataFrame) -> bool:
        """Add one (CHECKPOINT_COLUMNS, one row).

        False if that version was there already, or its season is closed.
        """
        with self._database.writing(checkpoint_table.name) as connection:
            written = publish(
                connection, checkpoint_table, checkpoint,
                drafts=checkpoint_drafts, notary=self._notary,
            )  # fmt: skip
            return bool(written.added)

    def checkpoint_events(self, checkpoint_ids: Sequence[str] | None = None) -> pd.DataFrame:
        """What happened to these checkpoints (None: all), in order: CHECKPOINT_EVENT_COLUMNS."""
        conditions = []
        if checkpoint_ids is not None:
            conditions.append(event_table.c.checkpoint_id.in_(list(checkpoint_ids)))
        return self._read(event_table, CHECKPOINT_EVENT_COLUMNS, *conditions)

    def add_checkpoint_event(self, event: pd.DataFrame) -> bool:
        """Add one (CHECKPOINT_EVENT_COLUMNS, one row); False if its sequence is taken.

        Raises:
            SeasonError: the season of the checkpoint is final.
        """
        about = checkpoint_table.c.id.in_(event["checkpoint_id"].tolist())
        with self._database.writing(event_table.name) as connection:
            final = [each for each in closed(connection) if each.state is State.FINAL]
            if final:
                paid_on = reads.read(connection, checkpoint_table, ("as_of",), about)["as_of"]
                for season in final:
                    if is_closed([season], paid_on).any():
                        raise SeasonError(f"{season.told}, and its payouts with it")
            return bool(bulk.add(connection, event_table, event).added)

    def payout_accounts(self, mode: str) -> pd.DataFrame:
        """Whom each model was ever said to be paid to: PAYOUT_ACCOUNT_COLUMNS."""
        return self._read(account_table, PAYOUT_ACCOUNT_COLUMNS, account_table.c.mode == mode)

    def assign_accounts(self, mode: str, models: pd.DataFrame) -> pd.DataFrame:
        """Give models (``model_id, account``) their accounts, and accounts their indices."""
        own_mode = account_table.c.mode == mode
        with self._database.writing(account_table.name) as connection:
            known = reads.read(connection, account_table, PAYOUT_ACCOUNT_COLUMNS, own_mode)
            new = models[~models["model_id"].isin(known["model_id"])]
            bulk.add(connection, account_table, _with_indices(mode, new, known))
            stored = reads.read(connection, account_table, PAYOUT_ACCOUNT_COLUMNS, own_mode)
        return stored[stored["model_id"].isin(models["model_id"])].reset_index(drop=True)


def _with_indices(mode: str, new: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """New models with the index of their account, which is counted on if it is new as well."""
    indices = dict(zip(known["account"], map(int, known["cruncher_index"]), strict=True))
    following = max(indices.values(), default=-1) + 1
    for account in new["account"]:
        if account not in indices:
            indices[account] = following
            following += 1
    given = [indices[account] for account in new["account"]]
    return new.assign(mode=mode, cruncher_index=given)[list(PAYOUT_ACCOUNT_COLUMNS)]
