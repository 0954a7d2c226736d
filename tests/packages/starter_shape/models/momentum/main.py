from coordinator_pipelines.starter.tracker import TrackerBase


class Momentum(TrackerBase):
    def predict(self, subject, horizon, step):
        prices = self.prices(subject)
        change = (prices[-1] / prices[-3] - 1) * 100 * horizon / step
        return {"p_up": min(0.99, max(0.01, 0.5 + change))}
