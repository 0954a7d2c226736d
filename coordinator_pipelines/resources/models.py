"""The models of a run: who takes part (``models.yaml``), and the processes that are asked."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from coordinator_pipelines import settings
from coordinator_pipelines.domain.challenge import Challenge
from coordinator_pipelines.domain.models import Models
from coordinator_pipelines.models.replay import ReplayModels
from coordinator_pipelines.models.roster import Roster


class RosterResource(dg.ConfigurableResource):
    """Reads the models file of the challenge."""

    challenge: dg.ResourceDependency[Challenge]

    def create_resource(self, context: dg.InitResourceContext) -> Roster:
        """The roster as it stands in the file now."""
        del context
        return Roster.load(self.challenge.models_file)


class ReplayModelsResource(dg.ConfigurableResource):
    """Starts a worker process per model when the first one is asked; stops them after the step."""

    challenge: dg.ResourceDependency[Challenge]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[Models]:
        """Models that answer for the past."""
        del context
        with ReplayModels(
            base_class=self.challenge.model_base_classname,
            call=self.challenge.model_interface,
            log_dir=settings.model_log_directory(self.challenge.name),
        ) as models:
            yield models
