"""The baseline: an even chance, always. A model that does worse than this knows nothing."""

from coordinator_pipelines.starter.tracker import TrackerBase


class ConstantHalf(TrackerBase):
    """Answers 0.5 whatever the prices do."""

    def predict(self, asset: str, horizon: int, step: int) -> dict[str, float]:
        """An even chance."""
        return {"p_up": 0.5}
