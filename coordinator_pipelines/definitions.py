"""One challenge as Dagster definitions: the only place where the pieces meet.

Add a piece to the lists here; avoid writing one here.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from coordinator_pipelines.assets.checkpoint import checkpoint
from coordinator_pipelines.assets.ensemble import ensemble
from coordinator_pipelines.assets.feed_record import feed_records
from coordinator_pipelines.assets.ground_truth import ground_truth
from coordinator_pipelines.assets.leaderboard import leaderboard
from coordinator_pipelines.assets.model_score import model_scores
from coordinator_pipelines.assets.prediction_batch import prediction_batch
from coordinator_pipelines.assets.score import scores
from coordinator_pipelines.assets.vital_signs import vital_sign_checks
from coordinator_pipelines.automation import jobs, stages
from coordinator_pipelines.domain.author.rules import load_rules
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.resources.clock import SystemClock
from coordinator_pipelines.resources.feed import FeedResource, ReferenceFeedResource
from coordinator_pipelines.resources.ledger import LedgerResource
from coordinator_pipelines.resources.lifeline import StackLifeline
from coordinator_pipelines.resources.machine import LocalMachine
from coordinator_pipelines.resources.models import (
    LiveModelsResource,
    ReplayModelsResource,
    RosterResource,
)
from coordinator_pipelines.resources.notifier import AppriseNotifier
from coordinator_pipelines.resources.workers import Threads
from coordinator_pipelines.sensors.alerts import alerts_sensor
from coordinator_pipelines.sensors.capture import capture_sensor
from coordinator_pipelines.sensors.checkpoint import checkpoint_sensor
from coordinator_pipelines.sensors.resolution import resolution_sensor
from coordinator_pipelines.sensors.vital_signs import vital_signs_sensor

SENSORS = (capture_sensor, resolution_sensor, checkpoint_sensor, vital_signs_sensor, alerts_sensor)
STAGES = (
    feed_records, prediction_batch, ground_truth, scores, ensemble, model_scores, leaderboard,
    checkpoint,
)  # fmt: skip


def build_definitions(
    challenge: Challenge, *, resources: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """The code location of a challenge. ``resources`` replace those of the same name.

    Opens nothing and reads no variable; imports the challenge's callables.

    Raises:
        CallableError: a callable of the spec cannot be used; the message names its key.
    """
    had = stages(challenge, tuple(stage.name for stage in STAGES))
    return dg.Definitions(
        assets=[stage.bind(challenge) for stage in STAGES if stage.name in had],
        asset_checks=vital_sign_checks(challenge),
        jobs=jobs(challenge),
        sensors=[make(challenge) for make in SENSORS],
        resources={
            "challenge": challenge,
            "rules": load_rules(challenge),
            "clock": SystemClock(),
            "feed": FeedResource(challenge=challenge),
            "reference_feed": ReferenceFeedResource(challenge=challenge),
            "ledger": LedgerResource(challenge=challenge),
            "models": ReplayModelsResource(challenge=challenge),
            "live_models": LiveModelsResource(challenge=challenge),
            "lifeline": StackLifeline(),
            "machine": LocalMachine(challenge),
            "notifier": AppriseNotifier(challenge),
            "workers": Threads(),
            "roster": RosterResource(challenge=challenge),
            **(resources or {}),
        },
        # A run is one process: the multiprocess executor would double its start-up time.
        executor=dg.in_process_executor,
    )
