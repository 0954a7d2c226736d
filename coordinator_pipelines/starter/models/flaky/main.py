"""A model with a bug: fails every 17th minute and, twice a day, answers much too late.

Its clock is the data's, so it fails in the same rounds whenever it is asked about them.
"""

import random
import time

from coordinator_pipelines.starter.tracker import TrackerBase


class Flaky(TrackerBase):
    """Guesses around one half, when it does not fail."""

    def predict(self, asset: str, horizon: int, step: int) -> dict[str, float]:
        """A guess, an exception, or an answer far beyond any deadline."""
        minute = self.now(asset) // 60
        if minute % 720 == 411:
            time.sleep(3600)
        if minute % 17 == 3:
            raise ValueError(f"no idea what to do in minute {minute}")
        return {"p_up": random.Random(minute).uniform(0.4, 0.6)}
