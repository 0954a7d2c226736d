"""The ledger of a run: the challenge's database, opened for one step and closed after it."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import dagster as dg
import pandas as pd

from coordinator_pipelines import settings
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.ledger import Ledger
from coordinator_pipelines.domain.prediction_config import ScheduledPredictionConfig
from coordinator_pipelines.storage.sql_ledger import SqlLedger


class LedgerResource(dg.ConfigurableResource):
    """Opens the database that the environment names for the challenge (see ``settings``)."""

    challenge: dg.ResourceDependency[Challenge]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Ledger]:
        """The challenge's own ledger, claimed and with its prediction configs known."""
        del context
        url = settings.database_url(self.challenge.name)
        ledger = SqlLedger(url, statistics_bucket=self.challenge.statistics_bucket)
        try:
            ledger.identify(self.challenge.identity)
            ledger.register_configs(_config_rows(self.challenge.scheduled_prediction_configs))
            yield ledger
        finally:
            ledger.close()


def _config_rows(configs: Iterable[ScheduledPredictionConfig]) -> pd.DataFrame:
    rows = [
        {
            "id": config.id,
            "scope_key": config.scope_key,
            "scope_json": json.dumps(config.scope, sort_keys=True),
            "schedule_json": json.dumps(config.schedule.model_dump(), sort_keys=True),
            "active": config.active,
            "order": config.order,
            "meta_json": json.dumps(config.meta, sort_keys=True),
        }
        for config in configs
    ]
    return pd.DataFrame(rows)
