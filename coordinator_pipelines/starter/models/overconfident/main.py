"""Never in doubt: 0.99 or 0.01. Being wrong with certainty is what a proper score punishes most."""

from coordinator_pipelines.starter.tracker import TrackerBase


class Overconfident(TrackerBase):
    """Is sure that the last minute repeats itself."""

    def predict(self, asset: str, horizon: int, step: int) -> dict[str, float]:
        """Almost one after a rise, almost zero otherwise."""
        prices = self.prices(asset)
        rose = len(prices) > 1 and prices[-1] > prices[-2]
        return {"p_up": 0.99 if rose else 0.01}
