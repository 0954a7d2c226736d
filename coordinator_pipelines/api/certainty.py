"""How sure a board is of one model, as it is told.

Add here fields of it; avoid computing any (``domain.leaderboard.certainty``).
"""

from pydantic import BaseModel, ConfigDict, Field

Interval = tuple[float, float]


class _Told(BaseModel):
    """Base: a newer version may store more than is told here."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)


class Difference(_Told):
    """A model's value less that of another one, over the rounds that both have."""

    value: float
    interval: Interval | None


class WindowCertainty(_Told):
    """One trailing window of one model, for the statistic that ranks."""

    rounds: int
    value: float | None
    interval: Interval | None = Field(description="Null where rounds are too few")
    to_leader: Difference | None
    to_baseline: Difference | None
    rank_interval: tuple[int, int] | None
    chance_of_rank: dict[str, float] | None = Field(
        description="P(rank <= k) by k", examples=[{"1": 0.62, "3": 0.97, "10": 1.0}]
    )
    tier: int | None = Field(description="From 1; models of one tier cannot be told apart")


class SequenceCertainty(_Told):
    """Differences of means that hold at all times together, however often one looks."""

    to_baseline: Interval | None
    to_next: Interval | None = Field(description="To the model that is ranked next")


class Certainty(_Told):
    """How sure a board is of one model."""

    level: float = Field(description="Of every interval and tier", examples=[0.9])
    windows: dict[str, WindowCertainty]
    sequence: SequenceCertainty | None
