"""Whether two feeds say the same of the same instants, and how to say where they do not.

Add here how sources are compared; avoid asking them. A difference is reported and nothing else:
which of the two is right is not known here, and no price is ever replaced by the other's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from coordinator_pipelines.domain.spec.feed import AnyFeedSpec, ReferenceFeedSpec
from coordinator_pipelines.domain.timeline.window import Window, within

MOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Comparison:
    """Closes of the feed beside those of its reference, as far as there are both."""

    closes: pd.DataFrame
    """``asset, ended_at, close, reference, difference`` (relative to the reference; NaN where
    the reference has no record), by (asset, ended_at)."""
    tolerance: float

    def during(self, window: Window) -> "Comparison":
        """The part that is about the instants of a window."""
        return Comparison(within(self.closes, window, "ended_at"), self.tolerance)

    @property
    def compared(self) -> int:
        """Instants for which both have a close, counted for each asset."""
        return int(self.closes["reference"].notna().sum())

    @property
    def lacking(self) -> int:
        """Instants for which the reference has none."""
        return len(self.closes) - self.compared

    def problems(self) -> list[str]:
        """The worst deviations first, a line each; none where the two agree.

        Instants that the reference lacks are counted beside deviations. They are a problem of
        their own where nothing at all could be compared.
        """
        size = self.closes["difference"].abs().sort_values(ascending=False, kind="stable")
        deviating = self.closes.loc[size[size > self.tolerance].index]
        lines = [_line(*row) for row in deviating[:MOST_SHOWN].itertuples(index=False, name=None)]
        if more := len(deviating) - len(lines):
            lines.append(f"{more} more of {self.compared} differ by more than {self.tolerance:.3%}")
        if self.lacking and (lines or not self.compared):
            total = len(self.closes)
            lines.append(f"{self.lacking} of {total} not compared: the reference lacks them")
        return lines


def compared(
    records: pd.DataFrame, feed: AnyFeedSpec, reference: pd.DataFrame, spec: ReferenceFeedSpec
) -> Comparison:
    """Record frames of the two feeds side by side, asset by asset."""
    own = _by_asset(records, feed.subjects)
    other = _by_asset(reference, spec.feed.subjects).rename(columns={"close": "reference"})
    closes = own.merge(other, on=["asset", "ended_at"], how="left")
    difference = closes["close"] / closes["reference"] - 1
    return Comparison(closes.assign(difference=difference), spec.tolerance)


def _by_asset(records: pd.DataFrame, subjects: Mapping[str, str]) -> pd.DataFrame:
    """``asset, ended_at, close``; a symbol of several assets is there for each."""
    names = pd.DataFrame(sorted(subjects.items()), columns=["asset", "subject"])
    named = names.merge(records[["subject", "ended_at", "close"]], on="subject")
    return named.sort_values(["asset", "ended_at"])[["asset", "ended_at", "close"]]


def _line(asset: str, ended_at: datetime, close: float, reference: float, difference: float) -> str:
    return (
        f"{asset} {ended_at:%Y-%m-%d %H:%M:%S} UTC: {close:.10g}, the reference {reference:.10g} "
        f"({difference:+.3%})"
    )
