"""What went up goes on going up: the last ten minutes' move, squashed into a probability."""

import math
from itertools import pairwise

from coordinator_pipelines.starter.tracker import TrackerBase

LOOKBACK = 10
STRENGTH = 0.3


class Momentum(TrackerBase):
    """Follows the recent move, measured in units of the usual move."""

    def predict(self, asset: str, horizon: int, step: int) -> dict[str, float]:
        """Above one half after a rise, below after a fall."""
        prices = self.prices(asset)[-LOOKBACK - 1 :]
        moves = [after - before for before, after in pairwise(prices)]
        usual = math.sqrt(sum(move * move for move in moves))
        if usual == 0:
            return {"p_up": 0.5}
        trend = sum(moves) / usual
        return {"p_up": 1 / (1 + math.exp(-STRENGTH * trend))}
