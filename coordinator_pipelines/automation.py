"""Jobs of a challenge, each with the reason for its shape.

Add a job, or what starts one, here; avoid assets and resources.
"""

from typing import Any

import dagster as dg

from coordinator_pipelines.domain.challenge import Challenge

STAGES = (
    "feed_records", "prediction_batch", "ground_truth", "scores", "model_scores", "leaderboard",
)  # fmt: skip
BOARDS = ("model_scores", "leaderboard")


def jobs(challenge: Challenge) -> list[Any]:
    """What an operator can run by name."""
    return [
        _job(challenge, "replay", STAGES, "Everything of past windows, from records to board."),
        # A repaired window changes the boards after it, up to the longest trailing window. They
        # are not downstream partitions (see docs/pipeline.md), so there is a job to refresh them.
        _job(challenge, "refresh_boards", BOARDS, "Model scores and boards from stored scores."),
    ]


def _job(challenge: Challenge, name: str, assets: tuple[str, ...], description: str) -> Any:
    return dg.define_asset_job(
        f"{challenge.key}_{name}",
        selection=dg.AssetSelection.assets(*([challenge.key, asset] for asset in assets)),
        description=description,
        tags={"challenge": challenge.name},
    )
