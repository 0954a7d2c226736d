"""Took part and left: models.yaml says until when it is a member. Nothing is expected after."""

import random

from coordinator_pipelines.starter.tracker import TrackerBase


class Leaver(TrackerBase):
    """Draws around one half; its generator is seeded per window, so a replay repeats it."""

    def predict(self, asset: str, horizon: int, step: int) -> dict[str, float]:
        """A guess near one half."""
        return {"p_up": random.gauss(0.5, 0.02)}
