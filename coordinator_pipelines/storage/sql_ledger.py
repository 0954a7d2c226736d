"""The ledger in an SQL database: one part per stage, and the parts of live operation.

Add a part here when something gets tables; avoid queries: they belong to the parts.
"""

from datetime import timedelta

from coordinator_pipelines.domain.evidence.notary import Notary
from coordinator_pipelines.storage import schema
from coordinator_pipelines.storage.audit import AuditReads
from coordinator_pipelines.storage.board import Boards
from coordinator_pipelines.storage.challenge import Challenges
from coordinator_pipelines.storage.checkpoint import Checkpoints
from coordinator_pipelines.storage.engine.database import Database
from coordinator_pipelines.storage.ensemble import Ensembles
from coordinator_pipelines.storage.evidence import EvidenceReads
from coordinator_pipelines.storage.feed_record import FeedRecords
from coordinator_pipelines.storage.ground_truth import GroundTruths
from coordinator_pipelines.storage.membership import Memberships
from coordinator_pipelines.storage.operation.capture import Captures
from coordinator_pipelines.storage.operation.due import DueRounds
from coordinator_pipelines.storage.operation.incident import Incidents
from coordinator_pipelines.storage.operation.model_event import ModelEvents
from coordinator_pipelines.storage.operation.pause import Pauses
from coordinator_pipelines.storage.operation.posted import PostedRounds
from coordinator_pipelines.storage.operation.void import RoundVoids
from coordinator_pipelines.storage.prediction_batch import PredictionBatches
from coordinator_pipelines.storage.report import ReportReads
from coordinator_pipelines.storage.retention import Retention
from coordinator_pipelines.storage.revision import Revisions
from coordinator_pipelines.storage.score import Scores
from coordinator_pipelines.storage.season import Seasons


class SqlLedger(
    Challenges,
    FeedRecords,
    Memberships,
    PredictionBatches,
    GroundTruths,
    Scores,
    Ensembles,
    Boards,
    Checkpoints,
    Revisions,
    Seasons,
    Captures,
    ModelEvents,
    Pauses,
    Incidents,
    PostedRounds,
    RoundVoids,
    DueRounds,
    Retention,
    ReportReads,
    EvidenceReads,
    AuditReads,
):
    """A ledger on SQLite or PostgreSQL. Safe to share between threads; close it at the end.

    Opening never creates or changes a schema: ``coordinator db upgrade`` does.

    Args:
        url: ``sqlite:///path/to/file.db`` or ``postgresql://user:password@host/database``.
        statistics_bucket: length of the buckets of score statistics; fixed when the database
            is claimed.
        notary: signs the heads of the log of evidence; without one they are not signed.

    Raises:
        LedgerError: the URL is wrong or the database cannot be reached; no password is shown.
        LedgerSchemaError: the database has no schema, or one of another version.
    """

    def __init__(
        self,
        url: str,
        *,
        statistics_bucket: timedelta = timedelta(hours=1),
        notary: Notary | None = None,
    ) -> None:
        self._statistics_bucket = statistics_bucket
        self._notary = notary
        self._database = Database(url)
        try:
            schema.require_head(self._database)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections to the database."""
        self._database.close()
