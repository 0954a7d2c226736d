"""A whole distribution instead of one number: a normal with fat tails over the price change."""

import math
from itertools import pairwise

from coordinator_pipelines.starter.tracker import TrackerBase

LOOKBACK = 60
SECONDS_PER_PRICE = 60
TAIL_WEIGHT = 0.3
TAIL_FACTOR = 2.5


def normal(loc: float, scale: float, weight: float) -> dict[str, object]:
    """One component of a mixture."""
    params = {"loc": loc, "scale": scale}
    density = {"type": "builtin", "name": "norm", "params": params}
    return {"density": density, "weight": weight}


class VolatilityDensity(TrackerBase):
    """Scales recent volatility to the horizon; drift and volatility come from the last hour."""

    def predict(self, asset: str, horizon: int, step: int) -> list[dict[str, object]] | None:
        """A list with one density per step; here the horizon is the only step."""
        prices = self.prices(asset)[-LOOKBACK - 1 :]
        moves = [after - before for before, after in pairwise(prices)]
        variance = sum(move * move for move in moves) / len(moves) if moves else 0.0
        if variance == 0:
            return None
        # Variance grows with time, so its root is what scales the width.
        steps = horizon / SECONDS_PER_PRICE
        drift = 0.1 * sum(moves) / len(moves) * steps
        scale = math.sqrt(variance * steps)
        components = [
            normal(drift, scale, 1 - TAIL_WEIGHT),
            normal(drift, TAIL_FACTOR * scale, TAIL_WEIGHT),
        ]
        return [{"type": "mixture", "components": components}]
