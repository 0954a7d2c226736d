import math
from itertools import pairwise

from synth_shape.tracker import SubTracker, TrackerBase


class RandomWalk(SubTracker):
    def __init__(self, fat):
        super().__init__()
        self.fat = fat

    def predict(self, asset, horizon, step):
        prices = [price for _, price in self.prices.get_prices(asset)]
        changes = [later - earlier for earlier, later in pairwise(prices)]
        drift = sum(changes) / len(changes)
        scale = math.sqrt(sum((each - drift) ** 2 for each in changes) / len(changes))
        share = step / 60
        components = [
            {
                "density": {
                    "type": "builtin",
                    "name": "norm",
                    "params": {"loc": drift * share, "scale": width * scale * math.sqrt(share)},
                },
                "weight": weight,
            }
            for width, weight in ((1.0, 1 - self.fat), (3.0, self.fat))
        ]
        return [
            {"step": k * step, "type": "mixture", "components": components}
            for k in range(1, horizon // step + 1)
        ]


class Walk(TrackerBase):
    def __init__(self):
        super().__init__()
        self.track(300, "BTC", RandomWalk(0.1))
        self.track(120, "*", RandomWalk(0.3))
        self.schedule(lambda: None)
