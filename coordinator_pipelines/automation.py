"""Jobs of a challenge and the runs that sensors ask for, each with the reason for its shape.

Add a job, or how a run of one is asked for, here; avoid assets, resources, and when to ask
(``sensors``).
"""

from typing import Any

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from coordinator_pipelines.domain.health.concerns import SIGNS
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.timeline.instant import SECOND
from coordinator_pipelines.domain.timeline.window import Window, window_of
from coordinator_pipelines.partitions import window_key

ENSEMBLE = "ensemble"
STAGES = (
    "feed_records", "prediction_batch", "ground_truth", "scores", ENSEMBLE, "model_scores",
    "leaderboard",
)  # fmt: skip
"""In their order; a challenge has those of :func:`stages`."""
CAPTURE = ("prediction_batch",)
COVERAGE = {"coverage": "prediction_batch"}
"""The check that a capture evaluates at its end, and whose it is."""
RESOLUTION = tuple(name for name in STAGES if name not in CAPTURE)
BOARDS = (ENSEMBLE, "model_scores", "leaderboard")
CHECKPOINT = ("checkpoint",)
CHALLENGE_TAG = "challenge"


def stages(challenge: Challenge, among: tuple[str, ...] = STAGES) -> tuple[str, ...]:
    """Those of the stages that the challenge has: one without ensembles computes none."""
    return tuple(name for name in among if name != ENSEMBLE or challenge.ensembles)


def jobs(challenge: Challenge) -> list[Any]:
    """What an operator can run by name."""
    return [
        _job(challenge, "replay", STAGES, "Everything of past windows, from records to board."),
        # Rounds come every few seconds and a run takes seconds to start, so one run captures many.
        _job(challenge, "capture", CAPTURE, "Live rounds of the open window, as they happen."),
        # The feed is read again, so that a changed bar shows before a board of record is final.
        _job(challenge, "resolve", RESOLUTION, "Outcomes, scores and boards of what is due."),
        # A repaired window changes the boards after it, up to the longest trailing window. They
        # are not downstream partitions (see docs/pipeline.md), so there is a job to refresh them.
        _job(challenge, "refresh_boards", BOARDS, "Model scores and boards from stored scores."),
        # Its partitions are periods, of many windows each, so it is no part of the other jobs.
        _job(challenge, "checkpoint", CHECKPOINT, "Shares of a period's reward, by its boards."),
    ]


def run_tags(challenge: Challenge) -> dict[str, str]:
    """Tags of every run of a challenge."""
    return {CHALLENGE_TAG: challenge.name}


def pool(challenge: Challenge, asset: str) -> str | None:
    """The pool of an asset's runs, which limits how many of a challenge are at work at once.

    What a capture runs is in none: nothing else that is at work may keep live rounds waiting.
    """
    return None if asset in CAPTURE else challenge.key


def capture_request(challenge: Challenge, span: Window) -> dg.RunRequest:
    """A run that captures the live rounds of a span, which lies in one batch window."""
    config = {
        "capture_from": span.start.isoformat(),
        "capture_until": span.end.isoformat(),
    }
    window = window_of(span.start, challenge.window_length)
    return dg.RunRequest(
        partition_key=window_key(window),
        run_config={"ops": {f"{challenge.key}__prediction_batch": {"config": config}}},
        tags=run_tags(challenge),
    )


def resolution_request(challenge: Challenge, span: Window) -> dg.RunRequest:
    """One run over all windows of a span: bulk reads and writes, and a single set of events."""
    first = window_of(span.start, challenge.window_length)
    last = window_of(span.end - SECOND, challenge.window_length)
    return dg.RunRequest(
        tags={
            **run_tags(challenge),
            ASSET_PARTITION_RANGE_START_TAG: window_key(first),
            ASSET_PARTITION_RANGE_END_TAG: window_key(last),
        }
    )


def checkpoint_request(challenge: Challenge, period: Window) -> dg.RunRequest:
    """A run that computes the checkpoint of a period."""
    return dg.RunRequest(partition_key=window_key(period), tags=run_tags(challenge))


def _job(challenge: Challenge, name: str, assets: tuple[str, ...], description: str) -> Any:
    own = stages(challenge, assets)
    selection = dg.AssetSelection.assets(*([challenge.key, asset] for asset in own))
    # A sensor evaluates the vital signs, whatever runs.
    unplanned = {name: asset for name, (asset, _) in SIGNS.items()}
    if assets == CAPTURE:
        # What is planned is "in progress" until it is evaluated: as long as the capture lasts.
        unplanned |= COVERAGE
    checks = (
        dg.AssetCheckKey(dg.AssetKey([challenge.key, asset]), check)
        for check, asset in unplanned.items()
    )
    return dg.define_asset_job(
        f"{challenge.key}_{name}",
        selection=selection - dg.AssetSelection.checks(*checks),
        description=description,
        tags=run_tags(challenge),
    )
