"""What the ledger holds of payouts: checkpoints, what happened to them, whose accounts are paid.

Add here what must be kept of payouts; avoid who gets what (``checkpoint``) and which step may
follow which (``checkpoint.state``). The conventions of frames are those of ``ledger``.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime

import pandas as pd

CHECKPOINT_COLUMNS = (
    "mode", "period_end", "version", "id", "period_start", "as_of", "content_hash", "run_id",
    "entries_json", "meta_json",
)  # fmt: skip
"""Key: (mode, period_end, version). ``as_of``: the instant of its last board, which the end of the
challenge may bring forward. ``entries_json``: a list, an object per model
(``checkpoint.checkpoint``); ``meta_json``: what it was computed from and under which rules."""

CHECKPOINT_EVENT_COLUMNS = (
    "checkpoint_id", "sequence", "at", "kind", "actor", "reference", "reason",
)  # fmt: skip
"""Key: (checkpoint_id, sequence), counted from 1. ``reference``: a transaction's hash."""

PAYOUT_ACCOUNT_COLUMNS = ("mode", "model_id", "account", "cruncher_index")
"""Key: (mode, model_id). Once stored, a row never changes."""


class PayoutReads(ABC):
    """What may be read of payouts."""

    @abstractmethod
    def checkpoint_heads(self, mode: str, *, newest: int | None = None) -> pd.DataFrame:
        """Every version of checkpoints, without the two documents, in order.

        ``newest``: of so many newest periods only.
        """

    @abstractmethod
    def checkpoints(self, mode: str, period_ends: Sequence[datetime]) -> pd.DataFrame:
        """All versions of the checkpoints of these periods: CHECKPOINT_COLUMNS."""

    @abstractmethod
    def checkpoint(self, checkpoint_id: str) -> pd.DataFrame:
        """The checkpoint of an id: CHECKPOINT_COLUMNS, one row or none."""

    @abstractmethod
    def checkpoint_events(self, checkpoint_ids: Sequence[str] | None = None) -> pd.DataFrame:
        """What happened to these checkpoints (None: all), in order: CHECKPOINT_EVENT_COLUMNS."""


class Payouts(PayoutReads, ABC):
    """The part of the ledger that holds payouts."""

    @abstractmethod
    def add_checkpoint(self, checkpoint: pd.DataFrame) -> bool:
        """Add one (CHECKPOINT_COLUMNS, one row); False if that version was there already."""

    @abstractmethod
    def add_checkpoint_event(self, event: pd.DataFrame) -> bool:
        """Add one (CHECKPOINT_EVENT_COLUMNS, one row); False if its sequence is taken."""

    @abstractmethod
    def payout_accounts(self, mode: str) -> pd.DataFrame:
        """Whom each model was ever said to be paid to: PAYOUT_ACCOUNT_COLUMNS."""

    @abstractmethod
    def assign_accounts(self, mode: str, models: pd.DataFrame) -> pd.DataFrame:
        """Give models (``model_id, account``) their accounts, and accounts their indices.

        In one transaction. What has been given stays as it is; new accounts are counted on, in
        the order of the frame. Returns PAYOUT_ACCOUNT_COLUMNS of all models of the frame.
        """
