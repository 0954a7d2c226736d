"""What is far from its average comes back: bets against the distance from the hour's mean."""

import statistics

from coordinator_pipelines.starter.tracker import TrackerBase

LOOKBACK = 60
STRENGTH = 0.05


class MeanReversion(TrackerBase):
    """Leans against the price's distance from its average, in standard deviations."""

    def predict(self, asset: str, horizon: int, step: int) -> dict[str, float]:
        """Below one half above the average, above it below."""
        prices = self.prices(asset)[-LOOKBACK:]
        spread = statistics.pstdev(prices) if prices else 0.0
        if spread == 0:
            return {"p_up": 0.5}
        distance = (prices[-1] - statistics.fmean(prices)) / spread
        return {"p_up": min(max(0.5 - STRENGTH * distance, 0.05), 0.95)}
