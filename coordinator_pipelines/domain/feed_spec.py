"""The feed section of a spec: which provider, which subjects, how fine, how late.

Add a provider's settings here as one more class of the union; avoid opening anything.
"""

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from coordinator_pipelines.domain.spec_model import (
    NonNegativeNumber,
    PositiveInt,
    PositiveNumber,
    SpecModel,
    WholeNumber,
)

Symbol = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./-]*$", max_length=40)]


class _CommonFeedSpec(SpecModel):
    subjects: Annotated[dict[Symbol, Symbol], Field(min_length=1)]
    """Asset, as models and scopes name it -> symbol, as the provider names it."""
    granularity_seconds: PositiveInt
    """Length of a bar. Every round and horizon is a multiple of it."""
    publication_delay_seconds: NonNegativeNumber = 0.0
    """Seconds from the end of a bar until models could have seen it."""
    staleness_limit_seconds: PositiveInt
    """A round whose newest input is older than this is VOID, and no model is asked."""

    @property
    def symbols(self) -> list[str]:
        """The provider's symbols."""
        return sorted(set(self.subjects.values()))


class FileFeedSpec(_CommonFeedSpec):
    """Candles from a CSV, CSV.gz or Parquet file."""

    provider: Literal["file"]
    path: Path

    @property
    def identity(self) -> str:
        """What makes this feed another one than the next."""
        return f"file {self.path.name} {json.dumps(self.subjects)} {self.granularity_seconds} s"


class SimulatedFeedSpec(_CommonFeedSpec):
    """A seeded price path: the same value for the same instant, always labelled simulated."""

    provider: Literal["simulated"]
    seed: WholeNumber
    start_price: PositiveNumber = 60000.0
    annual_volatility: PositiveNumber = 0.6
    tick_size: PositiveNumber = 1.0

    @property
    def identity(self) -> str:
        """What makes this feed another one than the next."""
        path = f"{self.seed}/{self.start_price:g}/{self.annual_volatility:g}/{self.tick_size:g}"
        return f"simulated {path} {json.dumps(self.subjects)} {self.granularity_seconds} s"


FeedSpec = Annotated[FileFeedSpec | SimulatedFeedSpec, Field(discriminator="provider")]
