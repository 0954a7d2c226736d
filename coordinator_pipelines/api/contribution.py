"""What a model adds to an ensemble, as it is told.

Add here fields of it; avoid computing any (``domain.leaderboard.contributions``).
"""

from pydantic import BaseModel, ConfigDict, Field

from coordinator_pipelines.api.certainty import Interval


class Contribution(BaseModel):
    """An ensemble's mean score less what it would be without the model; above 0 it helps."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    value: float | None
    interval: Interval | None = Field(description="Null where rounds are too few")
    rounds: int = Field(description="Of the ensemble, in the window that ranks")
    weight: float | None = Field(description="The model's mean weight in them")
