import math

from regression_shape.slope import slope
from tracker import TrackerBase


class Slope(TrackerBase):
    def predict(self, subject, horizon, step):
        return {"p_up": 1 / (1 + math.exp(-slope(self.prices(subject)) * step / horizon / 100))}
