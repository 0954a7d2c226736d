"""The feed section of a spec: which provider, which subjects, how fine, how late.

Add a provider's settings here as one more class of the union; avoid opening anything.
"""

import json
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from coordinator_pipelines.domain.spec_model import (
    Delay,
    FilePath,
    PositiveNumber,
    Seconds,
    Shape,
    SpecModel,
    problem,
)

Symbol = Annotated[
    str,
    AfterValidator(
        Shape(
            r"[A-Za-z0-9]+(?:[_./-][A-Za-z0-9]+)*",
            "a symbol such as BTCUSDT or Crypto.BTC/USD",
            80,
        )
    ),
]


class _CommonFeedSpec(SpecModel):
    subjects: Annotated[dict[Symbol, Symbol], Field(min_length=1)]
    """Asset, as models and scopes name it -> symbol, as the provider names it."""
    granularity_seconds: Seconds
    """Length of a bar. Every round and horizon is a multiple of it."""
    publication_delay_seconds: Delay = 0.0
    """Seconds from the end of a bar until models could have seen it."""
    staleness_limit_seconds: Seconds
    """A round whose newest input is older than this is VOID, and no model is asked."""

    @property
    def symbols(self) -> list[str]:
        """The provider's symbols."""
        return sorted(set(self.subjects.values()))

    @property
    def _asked_of_the_provider(self) -> str:
        return f"{json.dumps(self.subjects, sort_keys=True)} {self.granularity_seconds} s"


class FileFeedSpec(_CommonFeedSpec):
    """Candles from a CSV, CSV.gz or Parquet file."""

    provider: Literal["file"]
    path: FilePath

    @property
    def identity(self) -> str:
        """What makes this feed another one than the next."""
        return f"file {self.path.name} {self._asked_of_the_provider}"


class SimulatedFeedSpec(_CommonFeedSpec):
    """A seeded price path: the same value for the same instant, always labelled simulated."""

    provider: Literal["simulated"]
    seed: Annotated[int, Field(strict=True, ge=0, le=2**53)]
    start_price: PositiveNumber = 60000.0
    annual_volatility: Annotated[float, Field(strict=True, gt=0, le=10, allow_inf_nan=False)] = 0.6
    tick_size: PositiveNumber = 1.0

    @property
    def identity(self) -> str:
        """What makes this feed another one than the next."""
        path = f"{self.seed}/{self.start_price!r}/{self.annual_volatility!r}/{self.tick_size!r}"
        return f"simulated {path} {self._asked_of_the_provider}"

    @model_validator(mode="after")
    def _a_tick_is_no_more_than_a_price(self) -> Self:
        if self.tick_size > self.start_price:
            raise problem("tick_size", self.tick_size, "above start_price: prices would be 0")
        return self


FeedSpec = Annotated[FileFeedSpec | SimulatedFeedSpec, Field(discriminator="provider")]
