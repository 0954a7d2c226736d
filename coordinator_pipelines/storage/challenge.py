"""Whose database it is, and what its challenge predicts: identity and prediction configs.

Add here what is true of the challenge as a whole; avoid rounds and anything that happens.
"""

import json
from datetime import timedelta

import pandas as pd
from sqlalchemy import Connection, insert, select

from coordinator_pipelines.domain.doors.ledger import Identity
from coordinator_pipelines.domain.values.errors import LedgerError, LedgerIdentityError
from coordinator_pipelines.storage.engine import bulk, reads
from coordinator_pipelines.storage.store import Store
from coordinator_pipelines.storage.tables import ledger_identity, scheduled_prediction_configs

FIXED = ("scope_key", "scope_json", "schedule_json")
CHANGEABLE = ("active", "order", "meta_json")


class Challenges(Store):
    """Identity and prediction configs."""

    _statistics_bucket: timedelta

    def identify(self, identity: Identity) -> None:
        """Claim an empty database, or confirm that it is the challenge's own."""
        bucket = int(self._statistics_bucket.total_seconds())
        with self._database.writing(ledger_identity.name) as connection:
            owner = connection.execute(select(ledger_identity)).one_or_none()
            if owner is None:
                _claim(connection, identity, bucket)
                return
        known = Identity(owner.challenge, owner.feed)
        if known != identity:
            raise LedgerIdentityError(
                f"{self._database.name} belongs to challenge {known.challenge!r} with feed "
                f"{known.feed!r}, not to challenge {identity.challenge!r} with feed "
                f"{identity.feed!r}; give each challenge and each feed a database of its own"
            )
        if owner.statistics_bucket_seconds != bucket:
            raise LedgerError(
                f"{self._database.name} keeps statistics per {owner.statistics_bucket_seconds} s, "
                f"not per {bucket} s; the length of a bucket cannot change"
            )

    def register_configs(self, configs: pd.DataFrame) -> None:
        """Record prediction configs; those known may change in what is not their content."""
        table = scheduled_prediction_configs
        with self._database.writing(table.name) as connection:
            known = reads.read(connection, table, ("id", *FIXED))
            bulk.merge(connection, table, configs, CHANGEABLE)
            _refuse_changes(known, configs)


def _claim(connection: Connection, identity: Identity, bucket: int) -> None:
    connection.execute(
        insert(ledger_identity).values(
            id=1,
            challenge=identity.challenge,
            feed=identity.feed,
            statistics_bucket_seconds=bucket,
        )
    )


def _refuse_changes(known: pd.DataFrame, configs: pd.DataFrame) -> None:
    both = known.merge(configs, on="id", suffixes=("_known", "_given"))
    for row in both.to_dict("records"):
        for name in FIXED:
            was, given = row[f"{name}_known"], row[f"{name}_given"]
            if _content(name, was) != _content(name, given):
                raise LedgerError(
                    f"prediction config {row['id']!r} is known with {name} {was}, not {given}; "
                    "another scope or schedule needs another id"
                )


def _content(name: str, value: str | None) -> object:
    return json.loads(value) if value and name.endswith("_json") else value
