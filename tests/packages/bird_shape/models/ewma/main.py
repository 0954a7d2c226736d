import math

from bird_shape.trackers.trackerbase import TrackerBase

HORIZON = 60


class Ewma(TrackerBase):
    """Remembers each event once, and spoils the metrics that it is given."""

    def __init__(self, horizon=HORIZON):
        super().__init__(horizon)
        self.current_x = None
        self.variance = 1.0

    def tick(self, payload, performance_metrics):
        assert performance_metrics == {}
        performance_metrics["seen"] = True
        x, t = payload["dove_location"], payload["time"]
        self.add_to_quarantine(t, x)
        self.current_x = x
        before = self.pop_from_quarantine(t)
        if before is not None:
            self.variance += 0.1 * ((x - before) ** 2 - self.variance)
        self.count += 1

    def predict(self):
        if self.count % 4 == 0:
            return None
        scale = math.sqrt(self.variance)
        return {
            "type": "mixture",
            "components": [
                {
                    "density": {
                        "type": "builtin",
                        "name": "norm",
                        "params": {"loc": self.current_x, "scale": width * scale},
                    },
                    "weight": weight,
                }
                for width, weight in ((1.0, 0.95), (4.0, 0.05))
            ],
        }
