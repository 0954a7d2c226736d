"""The ledger of a run: the challenge's database, opened for one step and closed after it."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from coordinator_pipelines import settings
from coordinator_pipelines.domain.doors.ledger import Ledger
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.prediction_config import config_rows
from coordinator_pipelines.resources.notary import notary_of
from coordinator_pipelines.storage.sql_ledger import SqlLedger


class LedgerResource(dg.ConfigurableResource):
    """Opens the database that the environment names for the challenge (see ``settings``)."""

    challenge: dg.ResourceDependency[Challenge]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Ledger]:
        """The challenge's own ledger, claimed and with its prediction configs known."""
        del context
        url = settings.database_url(self.challenge.name)
        notary = notary_of(self.challenge)
        ledger = SqlLedger(url, statistics_bucket=self.challenge.statistics_bucket, notary=notary)
        try:
            ledger.identify(self.challenge.identity)
            ledger.register_configs(config_rows(self.challenge.scheduled_prediction_configs))
            yield ledger
        finally:
            ledger.close()
