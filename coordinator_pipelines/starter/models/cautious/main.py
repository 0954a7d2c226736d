"""Speaks only when it has a view: None is an answer too, and costs what the challenge says."""

from itertools import pairwise

from coordinator_pipelines.starter.tracker import TrackerBase

LOOKBACK = 5
NEEDED = 4


class Cautious(TrackerBase):
    """Has a view when nearly all of the last minutes went the same way."""

    def predict(self, asset: str, horizon: int, step: int) -> dict[str, float] | None:
        """A modest lean with the streak, or None."""
        prices = self.prices(asset)[-LOOKBACK - 1 :]
        rises = sum(after > before for before, after in pairwise(prices))
        falls = sum(after < before for before, after in pairwise(prices))
        if max(rises, falls) < NEEDED:
            return None
        return {"p_up": 0.54 if rises > falls else 0.46}
