"""What is read of the log of evidence: its entries, nodes and heads, and what they commit to.

Add a read here when a proof or a verifier needs one; avoid writes: a stage's rows and their
entry are stored in one transaction.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import pandas as pd

from coordinator_pipelines.domain.doors.ledger import Mode


class Kind(StrEnum):
    """What an entry of the log commits to."""

    PREDICTIONS = "predictions"
    TRUTH = "truth"
    BOARD = "board"
    CHECKPOINT = "checkpoint"
    RULING = "ruling"


class Leaf(NamedTuple):
    """A model's place in a round: which prediction, and the hash of its leaf in base64."""

    model_id: str
    version: int
    hash: str


@dataclass(frozen=True, slots=True)
class Commitment:
    """What opens the predictions of an entry: the secret of its salts, and the leaves in order."""

    seed: bytes
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that has no position yet.

    ``at``: ``performed_at``, ``as_of`` of a board, or ``period_end`` of a checkpoint.
    ``version``: of a ruling its sequence.
    """

    kind: Kind
    mode: Mode | None
    prediction_config_id: str | None
    at: datetime
    version: int
    text: str
    commitment: Commitment | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the log: ``text`` is what was hashed, canonical JSON."""

    position: int
    kind: Kind
    mode: Mode | None
    prediction_config_id: str | None
    at: datetime
    version: int
    text: str


@dataclass(frozen=True, slots=True)
class Head:
    """The tree that a log was at some size, as its operator signed it."""

    size: int
    root: bytes
    signed_at: datetime
    note: str
    verifier_key: str


class Evidence(ABC):
    """The part of a challenge's memory that proofs are made of."""

    @abstractmethod
    def log_size(self) -> int:
        """How many entries the log has."""

    @abstractmethod
    def newest_head(self) -> Head | None:
        """The head that was signed last; None if none ever was."""

    @abstractmethod
    def heads(self, after: int, limit: int) -> list[Head]:
        """The first signed heads with ``size > after``, ascending."""

    @abstractmethod
    def entries(self, start: int, limit: int) -> list[Entry]:
        """The entries from a position on."""

    @abstractmethod
    def entries_at(self, positions: Collection[int]) -> list[Entry]:
        """The entries at positions, ascending; only of those that there are."""

    @abstractmethod
    def round_entries(self, mode: Mode, config_id: str, performed_at: datetime) -> list[Entry]:
        """The entries of a round's predictions: one, or several if it was extended."""

    @abstractmethod
    def commitments(self, positions: Collection[int]) -> dict[int, Commitment]:
        """What opens entries of predictions, by position."""

    @abstractmethod
    def nodes(self, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Hashes of nodes (level, position) of the log's tree; only of those that are complete."""

    @abstractmethod
    def committed_rows(self, kind: Kind, entries: Sequence[Entry]) -> pd.DataFrame:
        """What is stored of the instants that entries are about, in all its versions.

        Predictions: PREDICTION_COLUMNS. Truths, of the rounds: GROUND_TRUTH_COLUMNS. Boards:
        LEADERBOARD_COLUMNS. Checkpoints: CHECKPOINT_COLUMNS. Rulings: ROUND_VOID_COLUMNS, and
        their ``sequence`` as ``version``.
        """
