"""The models of a run: who takes part (``models.yaml``), and the processes that are asked."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import dagster as dg

from coordinator_pipelines import settings
from coordinator_pipelines.domain.doors.models import LiveModels, Models
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.models.live.protocol_models import ProtocolModels
from coordinator_pipelines.models.replay.lodgings import HouseRules
from coordinator_pipelines.models.replay.replay_models import ReplayModels
from coordinator_pipelines.models.roster import Roster, Supplies


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
            own_package=self.challenge.own_package,
            lodging=HouseRules(
                settings.home(),
                settings.model_runner(),
                self.challenge.limits.memory_bytes,
                settings.trusts_models(),
                dg.get_dagster_logger().info,
            ),
            supplies=partial(Supplies.load, self.challenge.models_file),
            call=self.challenge.model_interface,
            log_dir=settings.model_log_directory(self.challenge.name),
        ) as models:
            yield models


class LiveModelsResource(dg.ConfigurableResource):
    """Reaches the models that the node of the environment announces.

    What it makes opens nothing until it is entered: runs that replay never touch the network.
    """

    challenge: dg.ResourceDependency[Challenge]

    def create_resource(self, context: dg.InitResourceContext) -> LiveModels:
        """Models that answer as rounds happen, to be entered by who asks them.

        Raises:
            CoordinatorError: a setting of the environment cannot be used.
        """
        del context
        node = settings.model_node(self.challenge.name)
        try:
            return ProtocolModels(
                host=node.host,
                port=node.port,
                crunch_id=self.challenge.crunch_id,
                base_class=self.challenge.model_base_classname,
                call=self.challenge.model_interface,
                concurrency=2 * (os.cpu_count() or 1),
                secure_dir=node.secure_dir,
                setup_timeout_seconds=self.challenge.limits.setup_timeout_seconds,
            )
        except OSError as error:
            raise CoordinatorError(
                f"{settings.SECURE_DIR_VARIABLE} is {str(node.secure_dir)!r}, whose certificates "
                f"cannot be used: {error}"
            ) from error
